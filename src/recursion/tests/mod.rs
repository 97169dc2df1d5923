//! Does the machine find out what it should, at the price it should? A scripted little Internet, no socket, no sleep.

mod chains;
mod failures;
mod honest;
mod internet;
mod limits;
mod minimisation;
mod peers;
mod poison;
mod properties;
mod routes;
