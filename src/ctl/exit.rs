//! What does the tool's exit code say?

use std::process::ExitCode;

/// How a command ended. The same numbers stand in every man page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It was done, or the answer is yes.
    Done = 0,
    /// The answer is no: problems found, nothing there, an expectation that did not hold.
    No = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// suimond could not be reached.
    Unreachable = 3,
    /// This user may not.
    NotPermitted = 4,
    /// The operating system refused what the drill needs (EX_OSERR of sysexits.h).
    Refused = 71,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The tool's exit codes for its manual.
pub(super) const OF_SUIMON: [(&str, &str); 6] = [
    ("0", "Done; the answer is yes."),
    (
        "1",
        "The answer is no: a configuration with problems, a name without the records asked for, a client that is not admitted, a drill with an expectation that did not hold, an attack that was not withstood.",
    ),
    (
        "2",
        "The command line makes no sense, or an attack could not be played.",
    ),
    ("3", "suimond could not be reached on the control socket."),
    ("4", "This user may not use the control socket."),
    (
        "71",
        "The operating system refused something the drill needs: a port, a process, memory.",
    ),
];

/// The daemon's exit codes for its manual (sysexits.h numbers where there are any).
pub(super) const OF_SUIMOND: [(&str, &str); 6] = [
    (
        "0",
        "Stopped by SIGTERM or SIGINT after draining; with --check: no problem.",
    ),
    ("1", "With --check: problems were found."),
    ("2", "The command line makes no sense."),
    (
        "70",
        "A bug in suimond; the last lines of the log say where.",
    ),
    (
        "71",
        "The operating system refused something: a port in use, a privilege, memory.",
    ),
    ("78", "The configuration has an error; nothing was started."),
];
