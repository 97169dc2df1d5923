//! Is the metrics page well-formed Prometheus text, and bounded whoever connects?

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::ops::control::Service;
use crate::ops::fake::FakeService;
use crate::telemetry::{AnswerSource, Reason, Received, Telemetry};

fn serve(service: FakeService) -> SocketAddr {
    let page = MetricsPage::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = page.address();
    let service: Arc<dyn Service> = Arc::new(service);
    tokio::spawn(page.serve(service, std::future::pending()));
    address
}

/// Sends octets, reads to the end.
async fn http(address: SocketAddr, octets: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(octets).await;
    let mut reply = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut reply))
        .await
        .expect("the connection ends by itself");
    String::from_utf8(reply).unwrap()
}

async fn get(address: SocketAddr, path: &str) -> (String, String) {
    let reply = http(
        address,
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes(),
    )
    .await;
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn a_scrape_is_prometheus_text_of_what_the_daemon_says() {
    let address = serve(FakeService::default());
    for _ in 0..2 {
        let (head, body) = get(address, "/metrics").await;
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(
            head.contains("content-type: text/plain; version=0.0.4"),
            "{head}"
        );
        assert_eq!(
            body,
            "# HELP suimon_cache_entries Entries.\n\
             # TYPE suimon_cache_entries gauge\n\
             suimon_cache_entries 42\n\
             \n\
             # HELP suimon_queries_total Messages received from clients.\n\
             # TYPE suimon_queries_total counter\n\
             suimon_queries_total{transport=\"udp\"} 7\n"
        );
    }
}

#[tokio::test]
async fn health_follows_the_state() {
    let (head, body) = get(serve(FakeService::default()), "/health").await;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert_eq!(body, "serving\n");
    let draining = FakeService {
        state: "draining".to_owned(),
        ..FakeService::default()
    };
    let (head, body) = get(serve(draining), "/health").await;
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert_eq!(body, "draining\n");
}

#[tokio::test]
async fn everything_else_is_not_found_and_nothing_hangs() {
    let address = serve(FakeService::default());
    for path in ["/", "/metrics/", "/../etc/passwd", "//metrics", "/debug"] {
        let (head, _) = get(address, path).await;
        assert!(head.starts_with("HTTP/1.1 404"), "{path}: {head}");
    }
    let post = http(
        address,
        b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    )
    .await;
    assert!(post.starts_with("HTTP/1.1 404"), "{post}");
    let mut long = b"GET /metrics HTTP/1.1\r\nX: ".to_vec();
    long.extend(std::iter::repeat_n(b'a', 100_000));
    long.extend(b"\r\n\r\n");
    let reply = http(address, &long).await;
    assert!(!reply.contains("200 OK"), "a header of 100 kB was read");
    let garbage = http(address, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n").await;
    assert!(!garbage.contains("200 OK"), "{garbage}");
}

#[tokio::test]
async fn the_17th_connection_is_closed_and_a_silent_one_does_not_stay() {
    let address = serve(FakeService::default());
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    assert_eq!(http(address, b"").await, "", "closed without a word");
    let began = tokio::time::Instant::now();
    let mut reply = Vec::new();
    let _ = silent[0].read_to_end(&mut reply).await;
    assert!(began.elapsed() < Duration::from_secs(10), "given up in 5 s");
    assert!(!String::from_utf8_lossy(&reply).contains("200 OK"));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (head, _) = get(address, "/health").await;
    assert!(head.starts_with("HTTP/1.1 200"), "room again: {head}");
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let error = runtime
        .block_on(async { MetricsPage::bind(address) })
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(&format!("metrics: cannot listen on {address}: Address")),
        "{error}"
    );
}

#[test]
fn telemetry_becomes_families_with_every_label_from_a_fixed_set() {
    let telemetry = Telemetry::new();
    let worker = telemetry.register_worker();
    worker.received(Received::Udp6, 40);
    worker.verdict(Reason::AclNoMatch);
    worker.replied(5, 40);
    worker.replied(3000, 40);
    worker.replied(11, 40);
    worker.answered(AnswerSource::Ready, Duration::from_micros(3));
    worker.answered(AnswerSource::Cache, Duration::from_secs(100));
    let metrics = of_telemetry(&telemetry.snapshot());
    let text = render(&metrics);
    for line in [
        "suimon_queries_total{family=\"ipv6\",transport=\"udp\"} 1",
        "suimon_queries_total{family=\"ipv4\",transport=\"tcp\"} 0",
        "suimon_verdicts_total{reason=\"acl_no_match\"} 1",
        "suimon_replies_total{rcode=\"REFUSED\"} 1",
        "suimon_replies_total{rcode=\"other\"} 2",
        "suimon_answers_total{source=\"ready\"} 1",
        "suimon_workers 1",
        "# TYPE suimon_latency_seconds histogram",
        "suimon_latency_seconds_bucket{outcome=\"hit\",le=\"0.000002\"} 0",
        "suimon_latency_seconds_bucket{outcome=\"hit\",le=\"0.000004\"} 1",
        "suimon_latency_seconds_bucket{outcome=\"hit\",le=\"8.388608\"} 1",
        "suimon_latency_seconds_bucket{outcome=\"hit\",le=\"+Inf\"} 2",
        "suimon_latency_seconds_sum{outcome=\"hit\"} 100.000003",
        "suimon_latency_seconds_count{outcome=\"hit\"} 2",
        "suimon_latency_seconds_count{outcome=\"miss\"} 0",
    ] {
        assert!(text.lines().any(|seen| seen == line), "{line}\n{text}");
    }
    well_formed(&text);
}

#[test]
fn label_values_are_escaped_and_cannot_start_a_line() {
    let evil = "a\"} 9\nevil_total 1\\";
    let metrics = [
        Metric::counter("suimon_a_total", "One\nline.", &[("x", evil)], 1),
        Metric::new(
            "suimon_b_seconds",
            "Two\nlines.",
            &[("x", evil)],
            Value::Histogram {
                buckets: vec![Bucket { le: 0.5, count: 1 }],
                sum: 0.25,
                count: 1,
            },
        ),
    ];
    let text = render(&metrics);
    assert!(!text.lines().any(|line| line.starts_with("evil")), "{text}");
    assert!(text.contains("x=\"a\\\"} 9\\nevil_total 1\\\\\""), "{text}");
    well_formed(&text);
}

/// The text format's rules: HELP and TYPE once and before the samples, samples of one family together, no sample twice,
/// bucket counts that never go down.
fn well_formed(text: &str) {
    let mut families = BTreeMap::new();
    let mut samples = std::collections::BTreeSet::new();
    let mut family = String::new();
    let mut last_bucket: Option<(String, u64)> = None;
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = help.split(' ').next().unwrap().to_owned();
            assert!(families.insert(family.clone(), false).is_none(), "{line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            assert_eq!(kind.split(' ').next().unwrap(), family);
            assert_eq!(families.insert(family.clone(), true), Some(false));
        } else {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            value.parse::<f64>().unwrap();
            assert!(families[&family], "{line}: no TYPE before it");
            assert!(sample.starts_with(&family), "{line} stands below {family}");
            assert!(
                samples.insert(sample.to_owned()),
                "{line} stands there twice"
            );
            if let Some((series, _)) = sample.split_once("le=") {
                let count: u64 = value.parse().unwrap();
                if let Some((last, least)) = &last_bucket
                    && last == series
                {
                    assert!(count >= *least, "{line}");
                }
                last_bucket = Some((series.to_owned(), count));
            }
        }
    }
    assert!(!families.is_empty());
}
