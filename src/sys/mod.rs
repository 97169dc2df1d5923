//! The edge of the operating system: sockets, clock, entropy, affinity, sd_notify, landlock.

pub mod clock;
pub mod entropy;
pub mod net;
