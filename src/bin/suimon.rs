//! The operator's tool: arguments, command, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    suimon::ctl::run(std::env::args_os())
}
