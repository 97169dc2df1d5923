//! Does the zone guard keep its word? Attacks on a made-up zone, its servers, cache and clients, under a made-up clock.

mod lab;
mod promises;
mod provider;
mod shown;
mod torture;
mod users;
