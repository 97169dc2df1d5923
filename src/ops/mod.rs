//! The read side: what operators and their machines see of a running suimond, and the few things they may do to it.

pub mod control;
mod crowd;
pub mod dnstap;
#[cfg(test)]
pub(crate) mod fake;
pub mod logging;
pub mod metrics;
