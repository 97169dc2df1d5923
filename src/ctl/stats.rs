//! `suimon stats`: what has been counted?

use super::output::{Paint, Side, Table, count, millis};
use super::{Error, Exit, Session};
use crate::ops::control::protocol::{Request, StatsReport};
use crate::ops::metrics::{Bucket, Metric, Value, render};

/// Show every counter and gauge.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// As Prometheus text, the same as the metrics page.
    #[arg(long)]
    prometheus: bool,

    /// Only metrics whose name contains this.
    #[arg(value_name = "PART")]
    part: Option<String>,

    /// Also those that are zero.
    #[arg(long)]
    zeros: bool,
}

impl Args {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Exit, Error> {
        let mut report: StatsReport = session.ask(&Request::Stats {})?;
        if let Some(part) = &self.part {
            report.metrics.retain(|metric| metric.name.contains(part));
        }
        if self.prometheus {
            session
                .screen
                .out
                .write_all(render(&report.metrics).as_bytes())?;
        } else {
            session
                .screen
                .show(&report, |paint| human(&report, self.zeros, paint))?;
        }
        Ok(Exit::Done)
    }
}

/// One block per metric name: what it means, then a line for each set of labels.
fn human(report: &StatsReport, zeros: bool, paint: Paint) -> String {
    let mut text = String::new();
    let mut rest = report.metrics.as_slice();
    while let Some(first) = rest.first() {
        let same = rest
            .iter()
            .take_while(|metric| metric.name == first.name)
            .count();
        let (family, others) = rest.split_at_checked(same).unwrap_or((rest, &[]));
        rest = others;
        let shown: Vec<&Metric> = family
            .iter()
            .filter(|metric| zeros || !is_zero(&metric.value))
            .collect();
        if shown.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text += &format!(
            "{}  {}\n",
            paint.strong(&first.name),
            paint.faint(&first.help)
        );
        let mut table = Table::new(&[Side::Right, Side::Left]);
        for metric in shown {
            let labels: Vec<String> = metric
                .labels
                .iter()
                .map(|(key, value)| format!("{key} {value}"))
                .collect();
            table.row([&value(&metric.value), &labels.join(", ")]);
        }
        text += &table.render("  ", |_, cell| cell.to_owned());
    }
    if text.is_empty() {
        text.push_str("nothing counted yet\n");
    }
    text
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Counter { value } => *value == 0,
        Value::Gauge { value } => *value == 0.0,
        Value::Histogram { count, .. } => *count == 0,
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Counter { value } => count(*value),
        Value::Gauge { value } => gauge(*value),
        Value::Histogram {
            buckets,
            sum,
            count,
        } => histogram(buckets, *sum, *count),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole and within 0..2^53"
)]
fn gauge(value: f64) -> String {
    if value.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(&value) {
        count(value as u64)
    } else {
        format!("{value:.3}")
    }
}

/// All our histograms are of seconds.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn histogram(buckets: &[Bucket], sum: f64, total: u64) -> String {
    if total == 0 {
        return "0".to_owned();
    }
    let within = |share: f64| {
        let rank = total as f64 * share;
        buckets
            .iter()
            .find(|bucket| bucket.count as f64 >= rank)
            .map_or_else(|| "longer".to_owned(), |bucket| millis(bucket.le * 1000.0))
    };
    format!(
        "{} (mean {}, half within {}, 99 % within {})",
        count(total),
        millis(sum / total as f64 * 1000.0),
        within(0.5),
        within(0.99)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> StatsReport {
        let queries = |transport, value| {
            Metric::counter(
                "suimon_queries_total",
                "Messages received from clients.",
                &[("transport", transport), ("family", "ipv4")],
                value,
            )
        };
        StatsReport {
            metrics: vec![
                queries("udp", 1_234_567),
                queries("tcp", 12),
                queries("quic", 0),
                Metric::counter("suimon_send_failures_total", "Failures.", &[], 0),
                Metric::gauge("suimon_load", "Load.", &[], 0.25),
                Metric {
                    name: "suimon_latency_seconds".to_owned(),
                    help: "Latency.".to_owned(),
                    labels: std::iter::once(("outcome".to_owned(), "hit".to_owned())).collect(),
                    value: Value::Histogram {
                        buckets: vec![
                            Bucket {
                                le: 0.001,
                                count: 2,
                            },
                            Bucket {
                                le: 0.002,
                                count: 3,
                            },
                        ],
                        sum: 2.004,
                        count: 4,
                    },
                },
            ],
        }
    }

    #[test]
    fn families_with_their_meaning_and_zeros_only_on_demand() {
        assert_eq!(
            human(&report(), false, Paint::plain()),
            "\
suimon_queries_total  Messages received from clients.
  1,234,567  family ipv4, transport udp
         12  family ipv4, transport tcp

suimon_load  Load.
  0.250

suimon_latency_seconds  Latency.
  4 (mean 501.0 ms, half within 1.00 ms, 99 % within longer)  outcome hit
"
        );
        let all = human(&report(), true, Paint::plain());
        assert!(
            all.contains("          0  family ipv4, transport quic\n"),
            "{all}"
        );
        assert!(
            all.contains("suimon_send_failures_total  Failures.\n  0\n"),
            "{all}"
        );
    }

    #[test]
    fn nothing_is_said_in_words() {
        let empty = StatsReport { metrics: vec![] };
        assert_eq!(human(&empty, true, Paint::plain()), "nothing counted yet\n");
    }
}
