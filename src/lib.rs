//! Suimon: a hardened caching recursive resolver, laid out as the path of a packet.

pub mod config;
pub mod drill;
pub mod guard;
pub mod sys;
pub mod telemetry;
pub mod wire;
