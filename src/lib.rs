//! Suimon: a hardened caching recursive resolver, laid out as the path of a packet.

pub mod config;
pub mod ctl;
pub mod drill;
pub mod guard;
pub mod ops;
pub mod sys;
pub mod telemetry;
pub mod wire;
