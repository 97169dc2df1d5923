//! The control socket: what `suimon` says to a running suimond, who may say it, and what comes back.

mod health;
mod peers;
pub mod protocol;
mod server;
mod service;

pub use health::{Rate, queries};
pub use peers::Peer;
pub use server::{BindError, Control};
pub use service::{FlushTarget, Reply, Service, ServiceError, ZoneWish};

#[cfg(test)]
mod tests;
