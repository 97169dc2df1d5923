//! What do the counters say about the daemon's health, in the few numbers of `suimon status`?

use std::collections::VecDeque;
use std::time::Duration;

use super::protocol::StatusReport;
use crate::sys::clock::Now;
use crate::telemetry::{AnswerSource, Reason, Received, Snapshot};
use crate::wire::Rcode;

/// Reasons that end in silence.
const DROPPED: [Reason; 12] = [
    Reason::AclDrop,
    Reason::LimitedClosed,
    Reason::LimitedDropped,
    Reason::OwnAddress,
    Reason::Martian,
    Reason::MulticastDestination,
    Reason::QueueAge,
    Reason::ReflectorPort,
    Reason::RefusalBudget,
    Reason::ResponseBit,
    Reason::Short,
    Reason::SourcePortZero,
];

impl StatusReport {
    /// Fills in every number that comes from `telemetry`; the daemon adds the rest.
    #[must_use]
    pub fn with_telemetry(mut self, snapshot: &Snapshot) -> Self {
        let clients = &snapshot.clients;
        let replies = |rcode: Rcode| {
            let index = usize::from(rcode.0);
            clients.rcodes.get(index).copied().unwrap_or(0)
        };
        let hits = AnswerSource::ALL
            .into_iter()
            .filter(|source| source.is_hit())
            .map(|source| clients.answers_from(source))
            .fold(0, u64::saturating_add);
        let answers = clients.answers.iter().copied().fold(0, u64::saturating_add);
        let mut latency = clients.hits.clone();
        latency.add(&clients.misses);

        self.workers = u64::try_from(snapshot.workers).unwrap_or(u64::MAX);
        self.queries_total = queries(snapshot);
        self.hit_ratio = (answers > 0).then(|| ratio(hits, answers));
        self.refused_total = replies(Rcode::REFUSED);
        self.dropped_total = DROPPED
            .iter()
            .map(|reason| clients.verdict(*reason))
            .fold(0, u64::saturating_add);
        self.servfail_total = replies(Rcode::SERVFAIL);
        self.latency_p50_ms = latency.quantile_us(0.5).map(|us| ratio(us, 1000));
        self.latency_p99_ms = latency.quantile_us(0.99).map(|us| ratio(us, 1000));
        self.tcp_connections = clients.tcp_open();
        self
    }
}

/// Messages received so far.
#[must_use]
pub fn queries(snapshot: &Snapshot) -> u64 {
    Received::ALL
        .into_iter()
        .map(|how| snapshot.clients.received_by(how))
        .fold(0, u64::saturating_add)
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// How long the rate looks back.
const WINDOW: Duration = Duration::from_secs(10);

/// Events per second over the last ten seconds, from a counter that is looked at now and then.
#[derive(Clone, Debug, Default)]
pub struct Rate {
    samples: VecDeque<(Now, u64)>,
}

impl Rate {
    /// Notes what the counter says at `now`; to be called about once a second.
    pub fn note(&mut self, now: Now, count: u64) {
        self.samples.push_back((now, count));
        // One sample older than the window stays: the rate is over at least the window once there is enough to look back on.
        while let Some((second, _)) = self.samples.get(1)
            && (now.since(*second) >= WINDOW || self.samples.len() > 100)
        {
            self.samples.pop_front();
        }
    }

    /// Events per second between the oldest sample kept and the last; 0 before there are two.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        let (Some((first, before)), Some((last, after))) =
            (self.samples.front(), self.samples.back())
        else {
            return 0.0;
        };
        let span = last.since(*first);
        if span.is_zero() {
            return 0.0;
        }
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1);
        ratio(after.saturating_sub(*before).saturating_mul(1000), millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Telemetry;

    #[test]
    fn a_status_line_for_each_counter_that_matters() {
        let telemetry = Telemetry::new();
        let empty = StatusReport::default().with_telemetry(&telemetry.snapshot());
        assert_eq!(empty, StatusReport::default(), "no division by nothing");

        let worker = telemetry.register_worker();
        for _ in 0..3 {
            worker.received(Received::Udp4, 40);
            worker.answered(AnswerSource::Ready, Duration::from_micros(3));
            worker.replied(0, 80);
        }
        worker.received(Received::Tcp6, 40);
        worker.answered(AnswerSource::Failure, Duration::from_millis(100));
        worker.replied(2, 40);
        worker.replied(5, 40);
        worker.verdict(Reason::AclAllow);
        worker.verdict(Reason::Martian);
        worker.verdict(Reason::QueueAge);
        // Told SERVFAIL, and counted as that.
        worker.verdict(Reason::TooOld);
        telemetry.shared().tcp_opened(1);

        let report = StatusReport::default().with_telemetry(&telemetry.snapshot());
        assert_eq!(
            report,
            StatusReport {
                workers: 1,
                queries_total: 4,
                hit_ratio: Some(0.75),
                refused_total: 1,
                dropped_total: 2,
                servfail_total: 1,
                latency_p50_ms: Some(0.004),
                latency_p99_ms: Some(131.072),
                tcp_connections: 1,
                ..StatusReport::default()
            }
        );
    }

    #[test]
    fn the_rate_follows_the_last_ten_seconds() {
        let near = |rate: &Rate, expected: f64| (rate.per_second() - expected).abs() < 1e-9;
        let mut rate = Rate::default();
        assert!(near(&rate, 0.0));
        rate.note(Now::at_secs(0), 500);
        assert!(near(&rate, 0.0));
        rate.note(Now::at_secs(2), 700);
        assert!(near(&rate, 100.0));
        for second in 3..60 {
            rate.note(Now::at_secs(second), 700);
        }
        assert!(near(&rate, 0.0));
        rate.note(Now::at_secs(60), 800);
        assert!(near(&rate, 10.0), "{}", rate.per_second());
        rate.note(Now::at_secs(60), 800);
        rate.note(Now::at_secs(59), 0);
        assert!(rate.per_second() >= 0.0, "clocks and counters that go back");
        for _ in 0..1000 {
            rate.note(Now::at_secs(60), 800);
        }
        assert!(rate.samples.len() <= 100);
    }
}
