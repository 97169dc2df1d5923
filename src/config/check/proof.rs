//! Which secrets do cookies rest on? The file that servers of an anycast set share.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::Check;
use crate::config::diagnose::{Place, Problem};
use crate::config::plan::Cookies;
use crate::wire::encoding::unhex;

const FILE: &str = "cookies.secret_file";
/// One in use, one before it, one to come (RFC 9018 section 5).
const MOST: usize = 3;
/// Longest file read, octets: three secrets with room for comments.
const LONGEST_FILE: u64 = 16_384;
const FIX: &str = "write one secret a line, 32 hexadecimal digits (openssl rand -hex 16)";

impl Check<'_> {
    pub(super) fn cookies(&mut self) -> Cookies {
        let file = self.file;
        let secrets = match &file.cookies.secret_file {
            Some(path) if file.cookies.enabled => self.secrets(path),
            _ => Vec::new(),
        };
        Cookies {
            enabled: file.cookies.enabled,
            secrets,
        }
    }

    fn secrets(&mut self, path: &Path) -> Vec<[u8; 16]> {
        let text = match super::read_file(path, LONGEST_FILE) {
            Ok(text) => text,
            Err(error) => {
                let what = format!("the file of secrets {} cannot be read", path.display());
                self.error(
                    FILE,
                    what,
                    error.to_string(),
                    "name a file that suimond can read, or remove the key",
                );
                return Vec::new();
            }
        };
        if std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o004 != 0) {
            self.warning(
                FILE,
                format!("{} can be read by everybody on this host", path.display()),
                "whoever knows a secret can forge the cookies of any client",
                format!("chmod o-r {}", path.display()),
            );
        }
        let mut secrets = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let written = line.split('#').next().unwrap_or_default().trim();
            let secret = unhex(written).and_then(|octets| octets.try_into().ok());
            match secret {
                Some(secret) => secrets.push(secret),
                None if written.is_empty() => {}
                // The line itself is not shown: it may be a secret but for one digit.
                None => self.problems.push(Problem::error(
                    Place::File(path.to_owned()),
                    format!("line {} is not a secret", index + 1),
                    "a secret has 128 bits, and this line is of another length or has other characters",
                    FIX,
                )),
            }
        }
        if secrets.is_empty() || secrets.len() > MOST {
            let what = format!("{} holds {} secrets", path.display(), secrets.len());
            self.error(
                FILE,
                what,
                "one makes cookies, and at most two more check those of before and after",
                FIX,
            );
        }
        secrets
    }
}
