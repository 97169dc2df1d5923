//! From what was written (`file`) to what runs (`plan`), with every check in between.

pub mod plan;
