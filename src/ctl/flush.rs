//! `suimon flush`: forget something cached.

use super::output::counted;
use super::{Error, Exit, Session, domain_name, record_type};
use crate::ops::control::protocol::{FlushReport, Request};
use crate::wire::{Name, RecordType};

/// Forget what is cached of a name, of a tree, or altogether.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The name to forget.
    #[arg(value_name = "NAME", value_parser = domain_name, required_unless_present = "all")]
    name: Option<Name>,

    /// Everything below the name as well, delegations included.
    #[arg(long, conflicts_with = "type")]
    tree: bool,

    /// Only this type of the name.
    #[arg(long, value_name = "TYPE", value_parser = record_type)]
    r#type: Option<RecordType>,

    /// The whole cache.
    #[arg(long, conflicts_with_all = ["name", "tree", "type"])]
    all: bool,
}

impl Args {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Exit, Error> {
        let report: FlushReport = session.ask(&Request::Flush {
            name: self.name.as_ref().map(ToString::to_string),
            tree: self.tree,
            rtype: self.r#type.map(|rtype| rtype.to_string()),
            all: self.all,
        })?;
        session.screen.show(&report, |_| self.human(report))?;
        Ok(Exit::Done)
    }

    fn human(&self, report: FlushReport) -> String {
        let what = match (&self.name, self.r#type) {
            (None, _) => "the whole cache".to_owned(),
            (Some(name), None) if self.tree => format!("{name} and everything below it"),
            (Some(name), None) => name.to_string(),
            (Some(name), Some(rtype)) => format!("{name} {rtype}"),
        };
        format!(
            "forgot {what}: {}\n",
            counted(report.removed, "entry", "entries")
        )
    }
}
