//! The write side of what can be seen: per-worker counters, reasons, upstream counters.

pub mod reason;
