//! The edge of the operating system: sockets, clock, entropy, affinity, sd_notify, landlock.

pub mod addresses;
pub mod affinity;
pub mod arguments;
pub mod clock;
pub mod entropy;
pub mod host;
pub mod interfaces;
pub mod net;
pub mod notify;
pub mod rtnetlink;
pub mod sandbox;
pub mod send_batch;
pub mod shape;
pub mod tcp;
pub mod terminal;
pub mod udp;
pub mod wake;
