//! The daemon: arguments, plan, sandbox, run, exit code.

fn main() {}
