//! Integration tests: real sockets, network namespaces, Debian's servers, the binaries of this build.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    unreachable_pub,
    reason = "test code: a panic is the report, and nobody else sees it"
)]

mod attacks;
mod corrupt;
mod costly;
#[allow(
    dead_code,
    reason = "the full run, benches/differ, uses what the quick one does not"
)]
mod differ;
mod differing;
mod dnstap;
mod hooks;
mod hostile;
mod incidents;
mod ingress;
mod lab;
mod limiter;
mod local_root;
mod real_servers;
mod reflection;
mod refused;
mod release;
mod rollover;
mod scenarios;
mod shared;
mod shares;
mod signed;
mod sockets;
mod tools;
mod top;
mod torture;
