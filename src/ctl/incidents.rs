//! `suimon incidents`: which attacks were there, what is known of one, and what goes to a CERT?

mod offline;
mod shown;

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use super::{Error, Exit, Session};
use crate::config::units::Moment;
use crate::ops::control::protocol::{Incident, IncidentReport, IncidentsReport, Request, SCHEMA};
use crate::sys::clock;

/// Incidents that one request asks for.
const AT_ONCE: usize = 50;

/// Show the attacks that suimond has seen, and export them for a CERT.
///
/// Zones under attack, limited networks, backscatter, forged sources, forwarding loops; each is kept as a file under
/// process.state_dir (`[incidents]`). Networks and shortened names are shown; with --detail also the customers' own prefixes
/// and some full names, as far as `[secrecy]` lets and keeps them, and who looked is written down.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,

    /// Read the files of this state directory instead of asking a daemon; without details.
    #[arg(long, global = true, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show all incidents that are kept, the newest first.
    List,
    /// Show what is known of one.
    Show {
        /// Its name, as `list` shows it.
        #[arg(value_name = "ID")]
        id: String,

        /// Also whom it concerns; that you looked is written down.
        #[arg(long)]
        detail: bool,
    },
    /// Write incidents as one JSON document; docs/incidents.md describes it.
    Export {
        /// Their names, as `list` shows them.
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<String>,

        /// All that are kept.
        #[arg(long, conflicts_with = "ids")]
        all: bool,

        /// Also whom they concern; that you looked is written down.
        #[arg(long)]
        detail: bool,
    },
}

/// What `export` writes.
#[derive(Debug, Serialize)]
struct Export<'a> {
    schema: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    /// RFC 3339, UTC.
    exported: String,
    host: &'a str,
    version: &'a str,
    /// Whether details were asked for.
    detail: bool,
    incidents: &'a [Incident],
}

impl Args {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Exit, Error> {
        match &self.what {
            What::List => {
                let report = self.list(session)?;
                let screen = &mut session.screen;
                screen.show(&report, |paint| shown::list(&report, paint))?;
            }
            What::Show { id, detail } => {
                let report = self.read(session, std::slice::from_ref(id), *detail)?;
                let screen = &mut session.screen;
                screen.show(&report, |paint| {
                    let texts = report.incidents.iter();
                    texts.map(|incident| shown::one(incident, paint)).collect()
                })?;
                whole(&report)?;
            }
            What::Export { ids, all, detail } => {
                let ids = if *all {
                    let listed = self.list(session)?.incidents.into_iter();
                    listed.map(|incident| incident.id).collect()
                } else {
                    ids.clone()
                };
                let report = self.read(session, &ids, *detail)?;
                let export = Export {
                    schema: SCHEMA,
                    kind: "suimon-incidents",
                    exported: Moment(clock::now().wall_secs()).to_string(),
                    host: &report.host,
                    version: &report.version,
                    detail: *detail,
                    incidents: &report.incidents,
                };
                let json = serde_json::to_string_pretty(&export)
                    .map_err(|error| Error::Failed(error.to_string()))?;
                writeln!(session.screen.out, "{json}")?;
                whole(&report)?;
            }
        }
        Ok(Exit::Done)
    }

    fn list(&self, session: &Session<'_>) -> Result<IncidentsReport, Error> {
        match &self.state_dir {
            Some(dir) => offline::list(dir),
            None => session.ask(&Request::Incidents {}),
        }
    }

    /// What can be shown of them, if anything can.
    fn read(
        &self,
        session: &Session<'_>,
        ids: &[String],
        detail: bool,
    ) -> Result<IncidentReport, Error> {
        let report = self.read_what_is_there(session, ids, detail)?;
        if report.incidents.is_empty() {
            whole(&report)?;
        }
        Ok(report)
    }

    /// In pieces, each small enough for one reply.
    fn read_what_is_there(
        &self,
        session: &Session<'_>,
        ids: &[String],
        detail: bool,
    ) -> Result<IncidentReport, Error> {
        if let Some(dir) = &self.state_dir {
            if detail {
                return Err(Error::Usage(
                    "details are shown by a running suimond only, which writes down who looked"
                        .to_owned(),
                ));
            }
            return Ok(offline::read(dir, ids));
        }
        let mut whole = IncidentReport::default();
        for ids in ids.chunks(AT_ONCE) {
            let piece: IncidentReport = session.ask(&Request::IncidentShow {
                ids: ids.to_vec(),
                detail,
            })?;
            whole.incidents.extend(piece.incidents);
            whole.left_out.extend(piece.left_out);
            (whole.host, whole.version) = (piece.host, piece.version);
        }
        Ok(whole)
    }
}

/// Says what is left out, once the rest has been written.
fn whole(report: &IncidentReport) -> Result<(), Error> {
    match report.left_out.as_slice() {
        [] => Ok(()),
        [why] => Err(Error::Failed(why.clone())),
        [why, others @ ..] => Err(Error::Failed(format!(
            "{why}; and {} others are left out",
            others.len()
        ))),
    }
}
