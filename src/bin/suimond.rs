//! The daemon: arguments in, exit code out.

use std::process::ExitCode;

use clap::Parser as _;
use suimon::sys::arguments::DaemonArgs;

fn main() -> ExitCode {
    suimon::daemon::run(DaemonArgs::parse())
}
