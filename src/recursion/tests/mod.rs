//! Does the machine find out what it should, at the price it should? A scripted little Internet, no socket, no sleep.

mod attacked;
mod chains;
mod charged;
mod crowds;
mod failures;
mod healing;
mod honest;
pub(crate) mod internet;
mod limits;
mod local_root;
mod minimisation;
mod peers;
mod poison;
mod properties;
mod routes;
pub(crate) mod signed;
mod validation;

#[test]
fn a_recursion_can_travel_between_threads() {
    fn travels<T: Send + 'static>() {}
    travels::<super::Recursion>();
    travels::<super::Step>();
    travels::<super::Heard>();
}
