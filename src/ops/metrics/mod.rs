//! What can be measured of a running suimond, and how do Prometheus and people get it?

mod endpoint;
mod exposition;
mod from_telemetry;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use endpoint::{MetricsPage, PageError};
pub use exposition::render;
pub use from_telemetry::of_telemetry;

/// One number, or one histogram, with its name. Label values come from fixed sets (reasons, causes, codes), never from a
/// packet: whoever may choose a label may fill the memory of everybody who scrapes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Prometheus name with the unit in it; counters end in `_total`.
    pub name: String,
    /// One sentence.
    pub help: String,
    /// Labels, sorted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Its value.
    #[serde(flatten)]
    pub value: Value,
}

/// The value of a metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Value {
    /// Only ever goes up while the process lives.
    Counter {
        /// The count.
        value: u64,
    },
    /// Goes up and down.
    Gauge {
        /// The level.
        value: f64,
    },
    /// Counts by size.
    Histogram {
        /// Cumulative counts up to each bound; what lies above the last is only in `count`.
        buckets: Vec<Bucket>,
        /// Sum of all observations.
        sum: f64,
        /// Number of all observations.
        count: u64,
    },
}

/// One bucket of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Upper bound, inclusive.
    pub le: f64,
    /// Observations up to it.
    pub count: u64,
}

impl Metric {
    /// A counter.
    #[must_use]
    pub fn counter(name: &str, help: &str, labels: &[(&str, &str)], value: u64) -> Self {
        Self::new(name, help, labels, Value::Counter { value })
    }

    /// A gauge.
    #[must_use]
    pub fn gauge(name: &str, help: &str, labels: &[(&str, &str)], value: f64) -> Self {
        Self::new(name, help, labels, Value::Gauge { value })
    }

    /// A gauge that counts things; exact up to 2^53.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a level of entries or octets; Prometheus has only doubles"
    )]
    pub fn level(name: &str, help: &str, labels: &[(&str, &str)], value: u64) -> Self {
        Self::gauge(name, help, labels, value as f64)
    }

    pub(in crate::ops::metrics) fn new(
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        value: Value,
    ) -> Self {
        Self {
            name: name.to_owned(),
            help: help.to_owned(),
            labels: labels
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            value,
        }
    }
}

#[cfg(test)]
mod tests;
