//! The operator's tool: arguments, command, exit code.

fn main() {}
