//! From what was written (`file`) to what runs (`plan`), with every check in between.

pub mod anchors;
mod check;
pub mod diagnose;
pub mod file;
mod hints;
mod inspect;
mod layers;
pub mod load;
pub mod options;
pub mod plan;
mod records;
pub mod units;

pub use diagnose::{Place, Problem, Severity};
pub use load::{Loaded, Sources, load, load_text};
pub use options::{explain, man_page, reference_config};

#[cfg(test)]
mod tests;
