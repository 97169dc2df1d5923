//! Where do log lines go, and which of them?
//!
//! One line per event at `info`, fields instead of prose, never one line per packet.

use std::os::fd::AsFd;

use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Registry, reload};

use crate::config::plan::{LogTarget, Ops};

/// Why logging cannot be started or changed.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter makes no sense.
    #[error(
        "log.level: \"{0}\" is not a log filter: {1}; write error, warn, info, debug or trace, or module=level pairs"
    )]
    Filter(String, ParseError),
    /// The journal was asked for by name and is not there.
    #[error("log.target: the journal cannot be reached: {0}; use \"auto\" or \"stderr\"")]
    Journal(std::io::Error),
    /// Started twice.
    #[error("logging is running already: {0}")]
    Running(#[from] TryInitError),
    /// The subscriber is gone.
    #[error("the log filter cannot be changed: {0}")]
    Gone(#[from] reload::Error),
}

/// Running logging; its level can be changed by a reload.
#[derive(Clone, Debug)]
pub struct Logging {
    filter: reload::Handle<EnvFilter, Registry>,
    journal: bool,
}

impl Logging {
    /// Starts logging for the whole process, once.
    ///
    /// # Errors
    /// A filter that cannot be read, or a journal that was asked for and is not there.
    pub fn start(plan: &Ops) -> Result<Self, LoggingError> {
        let (filter, handle) = reload::Layer::new(parse(&plan.log_level)?);
        let journal = match plan.log_target {
            LogTarget::Stderr => None,
            LogTarget::Journald => Some(tracing_journald::layer().map_err(LoggingError::Journal)?),
            LogTarget::Auto if stderr_is_the_journal() => tracing_journald::layer().ok(),
            LogTarget::Auto => None,
        };
        let is_journal = journal.is_some();
        let stderr = (!is_journal).then(|| {
            tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_target(false)
                .with_ansi(stderr_is_a_terminal())
        });
        tracing_subscriber::registry()
            .with(filter)
            .with(journal)
            .with(stderr)
            .try_init()?;
        Ok(Self {
            filter: handle,
            journal: is_journal,
        })
    }

    /// Whether lines go to the journal.
    #[must_use]
    pub const fn is_journal(&self) -> bool {
        self.journal
    }

    /// Changes the filter.
    ///
    /// # Errors
    /// A filter that cannot be read; the old one stays.
    pub fn set_level(&self, level: &str) -> Result<(), LoggingError> {
        Ok(self.filter.reload(parse(level)?)?)
    }
}

/// hickory warns of single packets, which strangers may send: unless the operator names it, only its errors are told.
fn parse(level: &str) -> Result<EnvFilter, LoggingError> {
    let quiet = "hickory_net=error,hickory_resolver=error,hickory_server=error";
    let directives = if level.contains("hickory") {
        level.to_owned()
    } else {
        format!("{level},{quiet}")
    };
    EnvFilter::builder()
        .parse(directives)
        .map_err(|error| LoggingError::Filter(level.to_owned(), error))
}

/// systemd puts `device:inode` of the journal's stream into JOURNAL_STREAM; stderr may have been redirected since
/// (systemd.exec(5)).
fn stderr_is_the_journal() -> bool {
    let stderr = std::io::stderr();
    let Ok(stat) = rustix::fs::fstat(stderr.as_fd()) else {
        return false;
    };
    std::env::var("JOURNAL_STREAM").is_ok_and(|stream| names(&stream, stat.st_dev, stat.st_ino))
}

fn names(stream: &str, device: u64, inode: u64) -> bool {
    stream
        .split_once(':')
        .and_then(|(dev, ino)| Some((dev.parse::<u64>().ok()?, ino.parse::<u64>().ok()?)))
        == Some((device, inode))
}

fn stderr_is_a_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stderr())
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_recognised_by_device_and_inode() {
        assert!(names("8:4711", 8, 4711));
        for other in ["8:4712", "9:4711", "8", "", ":", "8:x", "8:4711:1"] {
            assert!(!names(other, 8, 4711), "{other:?}");
        }
    }

    #[test]
    fn filters_are_levels_or_module_pairs() {
        for good in ["info", "warn,suimon=debug", "suimon::ops=trace", "off"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        let quiet = parse("info").unwrap().to_string();
        assert!(quiet.contains("hickory_net=error"), "{quiet}");
        let told = parse("info,hickory_net=debug").unwrap().to_string();
        assert!(!told.contains("hickory_net=error"), "{told}");
        let error = parse("suimon=loud").unwrap_err().to_string();
        assert!(error.starts_with("log.level: \"suimon=loud\""), "{error}");
        assert!(
            error.contains("error, warn, info, debug or trace"),
            "{error}"
        );
    }
}
