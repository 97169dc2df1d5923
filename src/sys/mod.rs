//! The edge of the operating system: sockets, clock, entropy, affinity, sd_notify, landlock.

pub mod arguments;
pub mod clock;
pub mod entropy;
pub mod notify;
pub mod sandbox;
