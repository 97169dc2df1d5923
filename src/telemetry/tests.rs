//! Do the counters count? Every cell, summed over workers and contended.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::latency::upper_bound_us;
use super::*;

#[test]
fn workers_are_summed_and_each_writes_its_own() {
    let telemetry = Arc::new(Telemetry::new());
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let worker = telemetry.register_worker();
            thread::spawn(move || {
                for _ in 0..10_000 {
                    worker.received(Received::Udp6, 40);
                    worker.verdict(Reason::AclAllow);
                    worker.replied(0, 100);
                    worker.answered(AnswerSource::Ready, Duration::from_micros(3));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    telemetry.shared().tcp_opened(2);
    telemetry.shared().tcp_closed(1);

    let snapshot = telemetry.snapshot();
    assert_eq!(snapshot.workers, 3);
    assert_eq!(snapshot.clients.received_by(Received::Udp6), 30_000);
    assert_eq!(snapshot.clients.received_by(Received::Udp4), 0);
    assert_eq!(snapshot.clients.bytes_in(), 1_200_000);
    assert_eq!(snapshot.clients.bytes_out(), 3_000_000);
    assert_eq!(snapshot.clients.verdict(Reason::AclAllow), 30_000);
    assert_eq!(snapshot.clients.verdict(Reason::AclNoMatch), 0);
    assert_eq!(snapshot.clients.answers_from(AnswerSource::Ready), 30_000);
    assert_eq!(snapshot.clients.hits.count(), 30_000);
    assert_eq!(snapshot.clients.hits.sum_us, 90_000);
    assert_eq!(snapshot.clients.misses.count(), 0);
    assert_eq!(snapshot.clients.tcp_open(), 1);
    assert_eq!(telemetry.per_worker().len(), 3);
}

#[test]
fn every_source_of_answers_is_counted() {
    let worker = Worker::exclusive();
    for source in AnswerSource::ALL {
        worker.answered(source, Duration::ZERO);
    }
    let counts = worker.counts();
    for source in AnswerSource::ALL {
        assert_eq!(counts.answers_from(source), 1, "{}", source.label());
    }
}

#[test]
fn shared_cells_lose_nothing_under_contention() {
    let telemetry = Telemetry::new();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    telemetry.shared().verdict(Reason::QueueAge);
                }
            });
        }
    });
    let snapshot = telemetry.snapshot();
    assert_eq!(snapshot.clients.verdict(Reason::QueueAge), 80_000);
}

#[test]
fn every_duration_falls_at_or_below_its_bound_and_above_the_one_before() {
    for us in [
        0_u64,
        1,
        2,
        3,
        4,
        5,
        1000,
        1024,
        1025,
        8_388_608,
        8_388_609,
        u64::MAX,
    ] {
        let latency = latency::Latency::default();
        latency.observe(cell::Writers::One, Duration::from_micros(us));
        let counts = latency.counts();
        let index = counts.buckets.iter().position(|n| *n == 1).unwrap();
        if let Some(bound) = upper_bound_us(index) {
            assert!(us <= bound, "{us} in bucket {index}");
        } else {
            assert!(us > 8_388_608);
        }
        if index > 0 {
            assert!(us > upper_bound_us(index - 1).unwrap(), "{us} in {index}");
        }
    }
}

#[test]
fn quantiles_come_from_the_buckets() {
    let latency = latency::Latency::default();
    for _ in 0..99 {
        latency.observe(cell::Writers::One, Duration::from_micros(10));
    }
    latency.observe(cell::Writers::One, Duration::from_millis(100));
    let counts = latency.counts();
    assert_eq!(counts.quantile_us(0.5), Some(16));
    assert_eq!(counts.quantile_us(0.99), Some(16));
    assert_eq!(counts.quantile_us(1.0), Some(131_072));
    assert_eq!(latency::LatencyCounts::default().quantile_us(0.5), None);
}

#[test]
fn a_response_code_beyond_the_row_is_counted_in_the_last_place() {
    let worker = Worker::exclusive();
    worker.replied(23, 12);
    worker.replied(24, 12);
    worker.replied(4095, 12);
    let counts = worker.counts();
    assert_eq!(counts.rcodes[23], 1);
    assert_eq!(counts.rcodes[24], 2);
}

#[test]
fn workers_do_not_share_cache_lines() {
    assert_eq!(align_of::<Worker>(), 128);
    assert_eq!(size_of::<Worker>() % 128, 0);
}
