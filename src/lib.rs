//! Suimon: a hardened caching recursive resolver, laid out as the path of a packet.

pub mod answer;
pub mod cache;
pub mod config;
pub mod guard;
pub mod recursion;
pub mod sys;
pub mod telemetry;
pub mod wire;
