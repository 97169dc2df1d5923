//! Integration tests: real sockets, network namespaces, Debian's servers, the binaries of this build.

#![allow(clippy::indexing_slicing, reason = "test code: a panic is the report")]
#![expect(unreachable_pub, reason = "the lab is a module of this one crate")]

mod hooks;
mod hostile;
mod lab;
mod real_servers;
mod refused;
mod sockets;
mod tools;
