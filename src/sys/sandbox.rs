//! Which files may this process still touch? Landlock rules, as far as the kernel has them.
//!
//! Kernels without Landlock, and containers that refuse it, are common: whatever is missing is told, never fatal
//! (docs/testing.md, point 2). Nothing but the file system is restricted here; sockets are the guard's affair, and the
//! unit file restricts the rest.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
    path_beneath_rules,
};

/// The newest rules asked for; older kernels enforce the part they know. Later ones than 5 (Linux 6.10) would restrict
/// connecting to Unix sockets, which the journal and the service manager need.
const RULES: ABI = ABI::V5;

/// Read by the daemon whatever the config says: its own configuration, Debian's root hints, user and group names of
/// control clients, and interfaces. Entries of /sys/class/net are links into /sys/devices.
const ALWAYS_READABLE: [&str; 9] = [
    "/etc/suimon",
    "/etc/passwd",
    "/etc/group",
    "/usr/share/dns",
    "/usr/share/publicsuffix",
    "/dev/urandom",
    "/proc",
    "/sys/class/net",
    "/sys/devices",
];

/// How far the process is confined now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// Every rule is enforced.
    Full,
    /// The kernel knows an older Landlock: what it knows is enforced.
    Partial,
    /// Nothing is enforced; the sentence says why.
    Absent(String),
}

/// Lays the rules on the calling thread and every thread it starts from now on: to be called before any is started.
///
/// `readable`: files and directories to be read; for a file its whole directory is granted, because editors and package
/// tools replace files instead of rewriting them. `writable`: directories to be written, the state directory and the
/// control socket's; they must exist already. Paths that do not exist are passed over.
pub fn confine(readable: &[PathBuf], writable: &[PathBuf]) -> Confinement {
    match restrict(readable, writable) {
        Ok(RulesetStatus::FullyEnforced) => Confinement::Full,
        Ok(RulesetStatus::PartiallyEnforced) => Confinement::Partial,
        Ok(RulesetStatus::NotEnforced) => {
            Confinement::Absent("this kernel has no Landlock, or it is not enabled".to_owned())
        }
        Err(error) => Confinement::Absent(format!("Landlock was refused: {error}")),
    }
}

fn restrict(readable: &[PathBuf], writable: &[PathBuf]) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = AccessFs::from_all(RULES) & !(AccessFs::Execute | AccessFs::IoctlDev);
    let granted = readable.iter().map(|path| directory_of(path));
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(RULES))?
        .create()?
        .add_rules(path_beneath_rules(ALWAYS_READABLE, read))?
        .add_rules(path_beneath_rules(granted, read))?
        .add_rules(path_beneath_rules(writable, write))?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// The directory that holds a file; a directory itself; `.` for a bare file name.
fn directory_of(path: &Path) -> &Path {
    if path.is_dir() {
        return path;
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Rules are per thread, so the test confines a thread of its own.
    #[test]
    fn a_confined_thread_reads_and_writes_only_what_was_granted() {
        let config = tempfile::tempdir().unwrap();
        let state = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let config_file = config.path().join("suimon.toml");
        fs::write(&config_file, "before").unwrap();
        fs::write(other.path().join("secret"), "secret").unwrap();

        let readable = vec![config_file.clone()];
        let writable = vec![state.path().to_owned()];
        let (state_path, other_path) = (state.path().to_owned(), other.path().to_owned());
        let confined = std::thread::spawn(move || {
            let confinement = confine(&readable, &writable);
            let replaced = config_file.with_file_name("later.toml");
            (
                confinement,
                fs::read_to_string(&config_file),
                fs::read_dir(replaced.parent().unwrap()).map(|_| ()),
                fs::write(&config_file, "after"),
                fs::write(state_path.join("a"), "a"),
                fs::rename(state_path.join("a"), state_path.join("b")),
                fs::read_to_string(other_path.join("secret")),
                fs::write(other_path.join("b"), "b"),
            )
        })
        .join()
        .unwrap();

        let (confinement, read, listed, overwritten, created, renamed, spied, escaped) = confined;
        assert_eq!(read.unwrap(), "before");
        listed.unwrap();
        created.unwrap();
        renamed.unwrap();
        match confinement {
            Confinement::Absent(why) => {
                assert!(!why.is_empty());
                assert!(spied.is_ok() && escaped.is_ok(), "nothing may be half laid");
            }
            Confinement::Full | Confinement::Partial => {
                for denied in [overwritten.map(drop), spied.map(drop), escaped.map(drop)] {
                    assert_eq!(
                        denied.unwrap_err().kind(),
                        std::io::ErrorKind::PermissionDenied
                    );
                }
            }
        }
    }

    #[test]
    fn directories_of_files() {
        assert_eq!(directory_of(Path::new("suimon.toml")), Path::new("."));
        assert_eq!(
            directory_of(Path::new("/nowhere/a.toml")),
            Path::new("/nowhere")
        );
        assert_eq!(directory_of(Path::new("/proc")), Path::new("/proc"));
    }
}
