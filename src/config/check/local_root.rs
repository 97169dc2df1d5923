//! Can a copy of the root zone be had, and would it be used?

use std::net::SocketAddr;

use super::Check;
use crate::config::plan::{Dnssec, LocalRoot};
use crate::config::units::Endpoint;
use crate::wire::Name;

impl Check<'_> {
    pub(super) fn local_root(&mut self, dnssec: &Dnssec) -> Option<LocalRoot> {
        let written = &self.file.local_root;
        let servers = self.transfer_servers(&written.servers);
        if !written.enabled {
            return None;
        }
        if written.servers.is_empty() && written.file.is_none() {
            self.error(
                "local_root.enabled",
                "there is nothing to copy the root zone from",
                "neither local_root.servers nor local_root.file is set",
                "name servers that allow transfers (RFC 8806 appendix A), for example servers = [\"192.0.32.132\"], or a file",
            );
            return None;
        }
        let of_root = |zone: &Name| zone.is_root();
        if !dnssec.anchors.iter().any(|anchor| of_root(&anchor.owner)) {
            self.warning(
                "local_root.enabled",
                "no copy of the root zone will be used",
                "without a trust anchor of the root nothing proves it",
                "switch validation on (see dnssec.validation), or switch this off",
            );
        } else if dnssec
            .negative_anchors
            .iter()
            .any(|anchor| of_root(&anchor.zone))
        {
            self.warning(
                "local_root.enabled",
                "no copy of the root zone will be used",
                "there is a negative trust anchor for the root, so nothing proves it",
                "remove the negative trust anchor, or switch this off",
            );
        }
        Some(LocalRoot {
            servers,
            file: written.file.clone(),
            max_bytes: written.max_size.0,
            max_records: written.max_records,
            transfer_time: written.transfer_time.0,
        })
    }

    fn transfer_servers(&mut self, written: &[Endpoint]) -> Vec<SocketAddr> {
        let mut kept: Vec<SocketAddr> = Vec::new();
        for (index, Endpoint(server)) in written.iter().enumerate() {
            if let Some(why) = self.unaskable(*server) {
                self.error(
                    &format!("local_root.servers.{index}"),
                    format!("`{server}` cannot be asked for the root zone"),
                    why,
                    "name the address and port of another server",
                );
            } else if !kept.contains(server) {
                kept.push(*server);
            }
        }
        kept
    }
}
