//! Is what people and machines watch us by safe? Logs, the metrics page, the control socket.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tracing_subscriber::EnvFilter;

use super::Check;
use crate::config::options;
use crate::config::plan::{self, Ops};

/// Octets of a socket path the kernel takes (unix(7): 108 with the final zero).
const LONGEST_PATH: usize = 107;

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

impl Check<'_> {
    pub(super) fn ops(&mut self) -> Ops {
        let log = &self.file.log;
        self.log_level();
        self.metrics();
        let control_socket = self.file.control.socket.clone();
        if let Some(socket) = &control_socket {
            self.control_socket(socket);
        }
        Ops {
            log_level: log.level.clone(),
            log_target: log.target.into(),
            metrics_listen: self.file.metrics.listen,
            control_socket,
            dnstap: self.dnstap(),
        }
    }

    fn dnstap(&mut self) -> plan::Dnstap {
        let dnstap = self.file.dnstap.clone();
        for (path, place) in [
            ("dnstap.socket", &dnstap.socket),
            ("dnstap.file", &dnstap.file),
        ] {
            let Some(place) = place else { continue };
            let too_long = path == "dnstap.socket" && place.as_os_str().len() > LONGEST_PATH;
            if !place.is_absolute() || too_long {
                self.error(
                    path,
                    format!("`{}` cannot be used", place.display()),
                    format!(
                        "a path begins with /; that of a socket has at most {LONGEST_PATH} octets"
                    ),
                    "write the whole path",
                );
            }
        }
        plan::Dnstap {
            socket: dnstap.socket,
            file: dnstap.file,
            file_size: dnstap.file_size.0,
            files: dnstap.files,
            sampled: dnstap.sampled,
            whole_addresses: dnstap.whole_addresses,
            identity: dnstap.identity.unwrap_or_default(),
            queue: dnstap.queue,
        }
    }

    fn log_level(&mut self) {
        let level = &self.file.log.level;
        let word = level.split(',').map(str::trim).find(|part| {
            !part.contains('=') && !LEVELS.iter().any(|level| part.eq_ignore_ascii_case(level))
        });
        if let Some(word) = word {
            let near = options::closest(word, LEVELS.iter().map(|level| (*level, *level)));
            let fix = near.map_or_else(
                || "write \"info\", or a filter like \"info,suimon::recursion=debug\"".to_owned(),
                |near| format!("did you mean \"{near}\"?"),
            );
            self.error(
                "log.level",
                format!("`{word}` is not a log level"),
                format!("there are {}", LEVELS.join(", ")),
                fix,
            );
        } else if let Err(error) = EnvFilter::try_new(level) {
            self.error(
                "log.level",
                "this is not a log filter",
                error.to_string(),
                "write \"info\", or a filter like \"info,suimon::recursion=debug\"",
            );
        }
    }

    fn metrics(&mut self) {
        let Some(address) = self.file.metrics.listen else {
            return;
        };
        if !address.ip().is_loopback() && !self.file.metrics.allow_remote {
            self.error(
                "metrics.listen",
                format!("the metrics page at `{address}` would be open to other hosts"),
                "it has no password, and what it tells helps an attacker to aim",
                "write \"127.0.0.1:9153\", or set metrics.allow_remote = true and filter the port",
            );
        }
        if address.port() != 0
            && self
                .file
                .listen
                .addresses
                .iter()
                .any(|own| own.0 == address)
        {
            self.error(
                "metrics.listen",
                format!("`{address}` is already a listener for queries"),
                "both use TCP",
                "give the metrics page another port",
            );
        }
    }

    fn control_socket(&mut self, socket: &Path) {
        let path = "control.socket";
        let length = socket.as_os_str().len();
        if length == 0 || length > LONGEST_PATH {
            return self.error(
                path,
                "this cannot be the path of a socket",
                format!("it has {length} octets, and the kernel takes 1 to {LONGEST_PATH}"),
                "choose a shorter path, or remove the key to have no control socket",
            );
        }
        if let Ok(metadata) = fs::symlink_metadata(socket)
            && !metadata.file_type().is_socket()
        {
            self.error(
                path,
                format!("`{}` exists and is not a socket", socket.display()),
                "it would have to be deleted to make room",
                "choose another path, or remove the file yourself",
            );
        }
        let parent = match socket.parent() {
            Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
            Some(parent) => parent.to_owned(),
            None => return,
        };
        let parent = match fs::canonicalize(&parent) {
            Ok(parent) => parent,
            // It will be made when suimond starts (RuntimeDirectory=), or starting will say what is missing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                return self.error(
                    path,
                    format!("directory `{}` cannot be examined", parent.display()),
                    error.to_string(),
                    "choose a directory that can be reached",
                );
            }
        };
        for directory in parent.ancestors() {
            let Ok(metadata) = fs::metadata(directory) else {
                continue;
            };
            let mode = metadata.permissions().mode();
            if mode & 0o002 == 0 {
                continue;
            }
            if mode & 0o1000 == 0 {
                self.error(
                    path,
                    format!("everybody can write to `{}`", directory.display()),
                    format!("its mode is {:04o}, so any user of this host could put a socket of his own in place of ours", mode & 0o7777),
                    format!("chmod o-w {}, or choose a directory like /run/suimon", directory.display()),
                );
            } else if directory == parent {
                self.warning(
                    path,
                    format!("everybody can create files in `{}`", directory.display()),
                    "another user may take the name of the socket before suimond does",
                    "choose a directory of its own, like /run/suimon",
                );
            }
        }
    }
}
