//! `suimon reload`: read the configuration again.

use super::output::Paint;
use super::{Error, Exit, Session};
use crate::ops::control::protocol::{ReloadReport, Request};

/// Read the configuration again.
///
/// It is checked first; one with an error in it changes nothing, and the errors are shown.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

impl Args {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Exit, Error> {
        let report: ReloadReport = session.ask(&Request::Reload {})?;
        session
            .screen
            .show(&report, |paint| human(&report, paint))?;
        Ok(if report.applied { Exit::Done } else { Exit::No })
    }
}

fn human(report: &ReloadReport, paint: Paint) -> String {
    if !report.applied {
        let mut text = format!(
            "{}; the old configuration is still running\n",
            paint.bad("not reloaded")
        );
        for problem in &report.problems {
            text += &format!("\n{}\n", problem.trim_end());
        }
        return text;
    }
    let mut text = match report.changed.as_slice() {
        [] => format!("{}, nothing changed\n", paint.good("reloaded")),
        changed => format!(
            "{}, changed: {}\n",
            paint.good("reloaded"),
            changed.join(", ")
        ),
    };
    if !report.restart_needed.is_empty() {
        text += &format!(
            "{} until the next start: {}\n",
            paint.warn("not in effect"),
            report.restart_needed.join(", ")
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_what_waits_and_what_is_wrong() {
        let mut report = ReloadReport {
            applied: true,
            ..ReloadReport::default()
        };
        assert_eq!(
            human(&report, Paint::plain()),
            "reloaded, nothing changed\n"
        );
        report.changed = vec!["acl.allow".to_owned(), "listen.workers".to_owned()];
        report.restart_needed = vec!["listen.workers".to_owned()];
        assert_eq!(
            human(&report, Paint::plain()),
            "reloaded, changed: acl.allow, listen.workers\nnot in effect until the next start: listen.workers\n"
        );
        report.applied = false;
        report.problems = vec!["a.toml:1: no\n".to_owned(), "a.toml:2: no".to_owned()];
        assert_eq!(
            human(&report, Paint::plain()),
            "not reloaded; the old configuration is still running\n\na.toml:1: no\n\na.toml:2: no\n"
        );
    }
}
