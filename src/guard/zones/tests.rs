//! Does the zone guard keep its word? Attacks on a made-up zone, its servers, cache and clients, under a made-up clock.

mod lab;
pub(crate) mod overtaken;
mod promises;
mod provider;
mod shown;
mod stops;
mod torture;
mod users;
