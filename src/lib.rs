//! Suimon: a hardened caching recursive resolver, laid out as the path of a packet.

pub mod answer;
pub mod cache;
pub mod config;
pub mod ctl;
pub mod daemon;
pub mod dnssec;
pub mod drill;
pub mod egress;
pub mod guard;
pub mod ingress;
pub mod ops;
pub mod policy;
pub mod query;
pub mod recursion;
pub mod resolve;
pub mod sys;
pub mod telemetry;
pub mod wire;
