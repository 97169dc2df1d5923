//! Where do the rows of the table that `make bench` ends with come from?

use std::fs::OpenOptions;
use std::io::Write as _;

/// Adds a row to the table of `make bench`, if it is being made.
pub(crate) fn record(row: &str) {
    if let Some(path) = std::env::var_os("BENCH_TABLE") {
        let mut table = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .expect("the table of make bench");
        writeln!(table, "{row}").expect("the table of make bench");
    }
}
