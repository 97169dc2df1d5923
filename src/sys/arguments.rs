//! What may stand on suimond's command line? One definition feeds the parser, the man page and the completions.

use std::path::PathBuf;

use clap::Parser;

/// A hardened caching recursive DNS resolver that refuses rather than forwards.
///
/// Runs in the foreground, prints one line "suimond: ready" on standard error when it serves, and stops on SIGTERM.
/// SIGHUP reloads the configuration; a configuration with an error in it changes nothing. Without any configuration
/// suimond listens on loopback and serves loopback only.
#[derive(Clone, Debug, PartialEq, Eq, Parser)]
#[command(name = "suimond", version, max_term_width = 100)]
pub struct DaemonArgs {
    /// Read this configuration file instead of /etc/suimon/suimon.toml and its conf.d.
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Set one option over everything else; may be repeated.
    #[arg(short, long, value_name = "SECTION.KEY=VALUE", value_parser = key_and_value)]
    pub set: Vec<String>,

    /// Check the configuration, print every problem, and exit without starting.
    #[arg(long)]
    pub check: bool,
}

/// A setting is at least `key=`; whether the key exists is for the config to say, with the nearest spelling.
fn key_and_value(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((key, _)) if !key.trim().is_empty() => Ok(text.to_owned()),
        _ => Err("write it as section.key=value, for example listen.workers=2".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definition_is_consistent() {
        DaemonArgs::command().debug_assert();
    }

    #[test]
    fn repeated_settings_keep_their_order() {
        let args = DaemonArgs::try_parse_from([
            "suimond",
            "--config",
            "a.toml",
            "--set",
            "listen.workers=2",
            "-s",
            "log.level=debug=x",
            "--check",
        ])
        .unwrap();
        assert_eq!(args.config, Some(PathBuf::from("a.toml")));
        assert_eq!(args.set, ["listen.workers=2", "log.level=debug=x"]);
        assert!(args.check);
    }

    #[test]
    fn a_setting_without_a_value_is_a_usage_error() {
        for bad in ["listen.workers", "=3", ""] {
            let error = DaemonArgs::try_parse_from(["suimond", "--set", bad]).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{bad:?}");
            assert!(error.to_string().contains("section.key=value"), "{error}");
        }
    }
}
