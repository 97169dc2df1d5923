//! What is kept of attacks, and for how long? The settings of the journal and of secrecy.

use super::Check;
use crate::config::plan::{self, Detail};

impl Check<'_> {
    pub(super) fn incidents(&self) -> plan::Incidents {
        let incidents = &self.file.incidents;
        plan::Incidents {
            journal: incidents.journal,
            kept: incidents.kept,
            bytes: incidents.size.0,
            max_age: incidents.max_age.0.as_secs(),
        }
    }

    pub(super) fn secrecy(&mut self) -> plan::Secrecy {
        let secrecy = &self.file.secrecy;
        let plan = plan::Secrecy {
            detail: secrecy.detail.into(),
            detail_for: secrecy.detail_for.0.as_secs(),
            ipv4_prefix: secrecy.ipv4_prefix,
            ipv6_prefix: secrecy.ipv6_prefix,
        };
        if plan.detail == Detail::Never && self.layers.is_written("secrecy.detail_for") {
            self.warning(
                "secrecy.detail_for",
                "there are no details to keep",
                "with secrecy.detail = \"never\" none are collected",
                "remove the key, or set secrecy.detail",
            );
        }
        plan
    }
}
