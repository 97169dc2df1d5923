//! Who may see which customers and names are concerned? Networks and shortened names are for all; more only for a reason, and with a
//! record of who looked.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ipnet::IpNet;
use serde::Serialize;

use crate::config::plan::{Detail, Secrecy as Plan};
use crate::config::units::Moment;
use crate::ops::control::{Peer, ServiceError};
use crate::sys::clock::Now;

/// The record's name in the state directory, and that of the older half of it.
const FILE: &str = "audit.log";
const OLDER: &str = "audit.log.1";
/// Octets of each of the two halves; a look takes about 150.
const LONGEST: u64 = 1 << 20;

/// How much may be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Networks and shortened names.
    Networks,
    /// The same, and details of what is under attack or limited.
    Attacks,
}

/// The gate: every command that can show details of customers goes through [`Self::look`] first.
#[derive(Debug)]
pub(super) struct Secrecy {
    directory: PathBuf,
    /// Held while a line is written, so that lines stay whole and one of them finds the file too long.
    writing: Mutex<()>,
}

/// One look, as it stands in the record: a line of JSON.
#[derive(Serialize)]
struct Look<'a> {
    at: String,
    uid: u32,
    gid: u32,
    pid: Option<i32>,
    command: &'a str,
    what: &'a str,
}

impl Secrecy {
    /// With its record in this directory.
    pub(super) fn of(state_dir: &Path) -> Self {
        Self {
            directory: state_dir.to_owned(),
            writing: Mutex::new(()),
        }
    }

    /// How much `viewer` gets to see of `what` by `command`; `detail`: whether more than networks is wanted. That is written down first,
    /// in the record and in the log, so this waits for the disk; `what` must be bounded, and there.
    ///
    /// # Errors
    /// Details are not for anybody (`secrecy.detail`), or it cannot be written down who looked.
    pub(super) fn look(
        &self,
        plan: &Plan,
        detail: bool,
        (viewer, command, what): (Peer, &str, &str),
        now: Now,
    ) -> Result<Sight, ServiceError> {
        let sight = match plan.detail {
            _ if !detail => return Ok(Sight::Networks),
            Detail::Never => {
                return Err(ServiceError(
                    "details of customers are not shown here (secrecy.detail = \"never\")"
                        .to_owned(),
                ));
            }
            Detail::Attacks => Sight::Attacks,
        };
        let look = Look {
            at: Moment(now.wall_secs()).to_string(),
            uid: viewer.uid,
            gid: viewer.gid,
            pid: viewer.pid,
            command,
            what,
        };
        self.record(&look).map_err(|error| {
            ServiceError(format!(
                "details are shown only if it can be written down who looked: {}: {error}",
                self.directory.join(FILE).display()
            ))
        })?;
        tracing::warn!(
            uid = viewer.uid,
            pid = viewer.pid,
            command,
            what,
            "details of customers were shown"
        );
        Ok(sight)
    }

    /// Adds a line, whole or not at all. Two halves, so that the last [`LONGEST`] octets are always there.
    fn record(&self, look: &Look<'_>) -> io::Result<()> {
        let mut line = serde_json::to_vec(look)?;
        line.push(b'\n');
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.directory.join(FILE);
        if fs::metadata(&path).is_ok_and(|file| file.len() >= LONGEST) {
            fs::rename(&path, self.directory.join(OLDER))?;
        }
        let mut file = fs::OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .mode(0o600)
            .open(&path)?;
        let before = file.metadata()?.len();
        if let Some(last) = before.checked_sub(1) {
            // A crash, or a disk that was full, may have left half a line.
            let mut end = [0];
            file.read_exact_at(&mut end, last)?;
            if end != *b"\n" {
                line.insert(0, b'\n');
            }
        }
        let written = file.write_all(&line).and_then(|()| file.sync_data());
        if written.is_err() {
            let _as_good_as_it_gets = file.set_len(before);
        }
        written
    }
}

/// The network that stands for a prefix (or an address) where details are not shown: itself if it is large enough.
pub(super) fn widened(plan: &Plan, prefix: IpNet) -> IpNet {
    let most = match prefix {
        IpNet::V4(_) => plan.ipv4_prefix,
        IpNet::V6(_) => plan.ipv6_prefix,
    };
    IpNet::new(prefix.addr(), prefix.prefix_len().min(most)).map_or(prefix, |cut| cut.trunc())
}

/// A name that was asked for, below `zone`, without what could identify who asks for it: of the labels below the zone two characters and
/// their length are left (`x7…[12].www.example.` is x7 and ten more).
pub(super) fn shortened(name: &str, zone: &str) -> String {
    let below = name
        .len()
        .checked_sub(zone.len())
        .filter(|at| name.is_char_boundary(*at))
        .map(|at| name.split_at(at))
        .filter(|(_, tail)| tail.eq_ignore_ascii_case(zone))
        .map_or(name, |(head, _)| head);
    let is_outside = below.len() == name.len();
    let zone = if is_outside || zone == "." { "" } else { zone };
    let mut text: String = below
        .split_terminator('.')
        .map(|label| {
            let head: String = label.chars().take(2).collect();
            format!("{head}…[{}].", label.chars().count())
        })
        .collect();
    text.push_str(zone);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEWER: Peer = Peer {
        uid: 1000,
        gid: 990,
        pid: Some(4711),
    };

    fn plan(detail: Detail) -> Plan {
        Plan {
            detail,
            ..Plan::default()
        }
    }

    #[test]
    fn networks_stand_for_clients_and_shortened_names_for_names() {
        let plan = Plan::default();
        for (prefix, shown) in [
            ("192.0.2.7/32", "192.0.2.0/24"),
            ("192.0.0.0/18", "192.0.0.0/18"),
            ("2001:db8:1:2300::/56", "2001:db8:1::/48"),
            ("2001:db8::/32", "2001:db8::/32"),
        ] {
            assert_eq!(widened(&plan, prefix.parse().unwrap()).to_string(), shown);
        }
        for (name, zone, short) in [
            (
                "x7f3k2.www.Victim.example.",
                "www.victim.example.",
                "x7…[6].www.victim.example.",
            ),
            (
                "anna.mail.victim.example.",
                "victim.example.",
                "an…[4].ma…[4].victim.example.",
            ),
            ("victim.example.", "victim.example.", "victim.example."),
            ("other.test.", "victim.example.", "ot…[5].te…[4]."),
            ("a.", ".", "a…[1]."),
            // Whatever the top-level domain is.
            ("printer.corp-secret.", ".", "pr…[7].co…[11]."),
            (
                "anna.laptop.corp-secret.",
                "corp-secret.",
                "an…[4].la…[6].corp-secret.",
            ),
        ] {
            assert_eq!(shortened(name, zone), short);
        }
    }

    #[test]
    fn nobody_looks_unrecorded_and_who_only_sees_networks_is_not_recorded() {
        let dir = tempfile::tempdir().unwrap();
        let secrecy = Secrecy::of(dir.path());
        let now = Now::at_secs(0);
        let look =
            |detail, plan: &Plan| secrecy.look(plan, detail, (VIEWER, "incidents_show", "id"), now);
        assert_eq!(look(false, &plan(Detail::Attacks)), Ok(Sight::Networks));
        assert!(look(true, &plan(Detail::Never)).is_err());
        assert!(!dir.path().join(FILE).exists());
        assert_eq!(look(true, &plan(Detail::Attacks)), Ok(Sight::Attacks));
        let text = fs::read_to_string(dir.path().join(FILE)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1);
        assert_eq!(
            lines[0],
            r#"{"at":"2023-11-14T22:13:20Z","uid":1000,"gid":990,"pid":4711,"command":"incidents_show","what":"id"}"#
        );
        // Half a line stays one line.
        fs::write(dir.path().join(FILE), "{\"at\":").unwrap();
        assert!(look(true, &plan(Detail::Attacks)).is_ok());
        assert!(look(true, &plan(Detail::Attacks)).is_ok());
        let text = fs::read_to_string(dir.path().join(FILE)).unwrap();
        let whole = text.lines().filter(|line| line.ends_with('}')).count();
        assert_eq!((text.lines().count(), whole), (3, 2), "{text}");
        // Where it cannot be written down, nothing is shown.
        let nowhere = Secrecy::of(Path::new("/proc/nowhere"));
        let refused = nowhere.look(
            &plan(Detail::Attacks),
            true,
            (VIEWER, "top", "clients"),
            now,
        );
        assert!(refused.unwrap_err().0.contains("who looked"));
    }

    #[test]
    fn the_record_has_two_halves_and_grows_no_further() {
        let dir = tempfile::tempdir().unwrap();
        let secrecy = Secrecy::of(dir.path());
        for _ in 0..3 {
            fs::write(dir.path().join(FILE), vec![b'x'; LONGEST as usize]).unwrap();
            let look = secrecy.look(
                &plan(Detail::Attacks),
                true,
                (VIEWER, "top", "clients"),
                Now::at_secs(0),
            );
            assert!(look.is_ok());
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        assert!(fs::metadata(dir.path().join(FILE)).unwrap().len() < 500);
    }
}
