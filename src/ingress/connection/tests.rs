//! Does each limit of a connection bite at its number and not before? A pipe and a paused clock.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::*;
use crate::ingress::{Datagram, Later, Next};
use crate::sys::clock::Now;
use crate::telemetry::Reason;

/// The limits of the parameter sheet.
pub(in crate::ingress) fn plan() -> plan::Tcp {
    plan::Tcp {
        connections: 20_000,
        connections_per_client: 64,
        client_mode: plan::ZoneGuardMode::Enforce,
        first_query: Duration::from_secs(2),
        idle: Duration::from_secs(10),
        idle_busy: Duration::from_secs(1),
        in_flight: 32,
        queries: 1000,
        unsent: 64 * 1024,
        unsent_for: Duration::from_secs(5),
    }
}

/// A service that does what stands behind the header of the query.
#[derive(Default)]
struct Script {
    started: AtomicUsize,
    dropped: AtomicUsize,
}

struct CountsDrop<'a>(&'a AtomicUsize);

impl Drop for CountsDrop<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Service for Script {
    type Worker = ();

    fn worker(&self, _: usize, _: Arc<Worker>) {}

    fn datagram(&self, (): &mut (), _: &Datagram<'_>, _: Now, _: &mut Vec<u8>, _: &Later) -> Next {
        Next::Silence
    }

    fn admit_connection(
        &self,
        _: std::net::SocketAddr,
        _: std::net::SocketAddr,
    ) -> Result<(), Reason> {
        Ok(())
    }

    async fn stream_query(&self, query: Vec<u8>, _: Peer, _: Now) -> StreamNext {
        self.started.fetch_add(1, Ordering::Relaxed);
        let _guard = CountsDrop(&self.dropped);
        let text = String::from_utf8_lossy(&query[HEADER_LEN..]).into_owned();
        let number = |text: &str| text.parse::<u64>().unwrap();
        match text.split_once(':').unwrap_or((&text, "")) {
            ("delay", ms) => sleep(Duration::from_millis(number(ms))).await,
            ("size", octets) => {
                return StreamNext::Reply(vec![0; usize::try_from(number(octets)).unwrap()]);
            }
            ("never", _) => std::future::pending().await,
            ("none", _) => return StreamNext::Silence,
            ("close", _) => return StreamNext::Close,
            ("panic", _) => panic!("as the test wants"),
            _ => {}
        }
        StreamNext::Reply(query)
    }
}

struct Rig {
    client: DuplexStream,
    connection: JoinHandle<Ended>,
    service: Arc<Script>,
    cells: Arc<Worker>,
    busy: watch::Sender<bool>,
    draining: watch::Sender<bool>,
    opened: Instant,
}

impl Rig {
    fn new(limits: plan::Tcp) -> Self {
        Self::with_pipe(limits, 1 << 20)
    }

    /// `pipe`: octets that fit between the two ends, standing for the kernel's buffers.
    fn with_pipe(limits: plan::Tcp, pipe: usize) -> Self {
        let (client, server) = tokio::io::duplex(pipe);
        let service = Arc::new(Script::default());
        let cells = Arc::new(Worker::shared());
        let busy = watch::Sender::new(false);
        let draining = watch::Sender::new(false);
        let peer = Peer {
            source: "192.0.2.1:4000".parse().unwrap(),
            local: "192.0.2.53:53".parse().unwrap(),
        };
        let context = Context {
            limits: Arc::new(limits),
            busy: busy.subscribe(),
            draining: draining.subscribe(),
            cells: Arc::clone(&cells),
        };
        let connection = tokio::spawn(serve(Arc::clone(&service), server, peer, context));
        Self {
            client,
            connection,
            service,
            cells,
            busy,
            draining,
            opened: Instant::now(),
        }
    }

    async fn ask(&mut self, id: u16, what: &str) {
        self.client.write_all(&framed(id, what)).await.unwrap();
    }

    /// The next reply's ID.
    async fn hear(&mut self) -> u16 {
        let reply = self.hear_all().await;
        u16::from_be_bytes([reply[0], reply[1]])
    }

    async fn hear_all(&mut self) -> Vec<u8> {
        let length = self.client.read_u16().await.unwrap();
        let mut reply = vec![0; usize::from(length)];
        self.client.read_exact(&mut reply).await.unwrap();
        reply
    }

    /// Reads until the other end closes, and tells how it ended and when.
    async fn end(mut self) -> (Ended, Duration) {
        let mut rest = Vec::new();
        let _ = self.client.read_to_end(&mut rest).await;
        assert_eq!(rest, b"", "nothing more was said");
        let ended = self.connection.await.unwrap();
        (ended, self.opened.elapsed())
    }

    /// The same, leaving unread what is there.
    async fn end_unread(self) -> (Ended, Duration) {
        let ended = self.connection.await.unwrap();
        (ended, self.opened.elapsed())
    }

    fn started(&self) -> usize {
        self.service.started.load(Ordering::Relaxed)
    }
}

fn framed(id: u16, what: &str) -> Vec<u8> {
    let length = u16::try_from(HEADER_LEN + what.len()).unwrap();
    let mut octets = length.to_be_bytes().to_vec();
    octets.extend(id.to_be_bytes());
    octets.extend([0; 10]);
    octets.extend(what.as_bytes());
    octets
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Deadlines are met to the millisecond of tokio's timer wheel.
fn about(took: Duration, expected: Duration) {
    assert!(
        took >= expected && took < expected + Duration::from_millis(50),
        "{took:?}, not {expected:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn replies_come_in_the_order_they_are_ready() {
    let mut rig = Rig::new(plan());
    let mut octets = framed(1, "delay:300");
    octets.extend(framed(2, "delay:200"));
    octets.extend(framed(3, "now"));
    rig.client.write_all(&octets).await.unwrap();
    assert_eq!(
        [rig.hear().await, rig.hear().await, rig.hear().await],
        [3, 2, 1]
    );
    assert_eq!(rig.cells.counts().received_by(Received::Tcp4), 3);
}

#[tokio::test(start_paused = true)]
async fn a_query_may_come_octet_by_octet() {
    let mut rig = Rig::new(plan());
    for octet in framed(7, "now") {
        rig.client.write_all(&[octet]).await.unwrap();
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(rig.hear().await, 7);
}

#[tokio::test(start_paused = true)]
async fn the_first_query_must_be_whole_in_two_seconds() {
    let rig = Rig::new(plan());
    let (ended, took) = rig.end().await;
    assert_eq!(ended, Ended::Incomplete);
    about(took, secs(2));

    // Progress does not buy time.
    let mut rig = Rig::new(plan());
    rig.client.write_all(&[0]).await.unwrap();
    sleep(Duration::from_millis(1900)).await;
    rig.client.write_all(&[100, 0]).await.unwrap();
    let (ended, took) = rig.end().await;
    assert_eq!(ended, Ended::Incomplete);
    about(took, secs(2));

    let mut rig = Rig::new(plan());
    sleep(Duration::from_millis(1900)).await;
    rig.ask(1, "delay:3000").await;
    assert_eq!(
        rig.hear().await,
        1,
        "asked in time; the answer takes what it takes"
    );
}

#[tokio::test(start_paused = true)]
async fn a_later_query_must_be_whole_in_two_seconds_of_its_first_octet() {
    let mut rig = Rig::new(plan());
    rig.ask(1, "now").await;
    rig.hear().await;
    sleep(secs(5)).await;
    rig.client.write_all(&[0]).await.unwrap();
    sleep(Duration::from_millis(1900)).await;
    rig.client.write_all(&[100, 1]).await.unwrap();
    let (ended, took) = rig.end().await;
    assert_eq!(ended, Ended::Incomplete);
    about(took, secs(7));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_ten_seconds_and_a_waiting_one_is_not_idle() {
    let mut rig = Rig::new(plan());
    rig.ask(1, "delay:15000").await;
    assert_eq!(rig.hear().await, 1);
    let (ended, took) = rig.end().await;
    assert_eq!(ended, Ended::Idle);
    about(took, secs(25));
}

#[tokio::test(start_paused = true)]
async fn when_places_are_short_idle_connections_go_after_one_second() {
    let mut rig = Rig::new(plan());
    rig.ask(1, "now").await;
    rig.hear().await;
    sleep(secs(4)).await;
    rig.busy.send_replace(true);
    let (ended, took) = rig.end().await;
    assert_eq!(ended, Ended::Idle);
    about(took, secs(4));
}

#[tokio::test(start_paused = true)]
async fn the_33rd_query_waits_for_a_place() {
    let mut rig = Rig::new(plan());
    rig.ask(0, "delay:1000").await;
    for id in 1..33 {
        rig.ask(id, "delay:60000").await;
    }
    sleep(Duration::from_millis(500)).await;
    assert_eq!(rig.started(), 32);
    assert_eq!(rig.hear().await, 0);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(rig.started(), 33);
}

#[tokio::test(start_paused = true)]
async fn after_its_last_query_a_connection_is_answered_and_closed() {
    let mut limits = plan();
    limits.queries = 3;
    let mut rig = Rig::new(limits);
    for id in 0..4 {
        rig.ask(id, "now").await;
    }
    let mut heard = [rig.hear().await, rig.hear().await, rig.hear().await];
    heard.sort_unstable();
    assert_eq!(heard, [0, 1, 2]);
    assert_eq!(rig.started(), 3, "the fourth was never begun");
    assert_eq!(rig.end().await.0, Ended::Queries);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_64_kib_unread_is_read_no_more_and_closed_after_five_seconds() {
    let mut rig = Rig::with_pipe(plan(), 1024);
    for id in 0..3 {
        rig.ask(id, "size:30000").await;
    }
    sleep(secs(1)).await;
    assert_eq!(rig.started(), 3);
    rig.ask(3, "size:30000").await;
    sleep(secs(1)).await;
    assert_eq!(rig.started(), 3, "reading has stopped");
    let (ended, took) = rig.end_unread().await;
    assert_eq!(ended, Ended::Unread);
    about(took, secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_trickle_above_the_limit_does_not_help_but_below_it_does() {
    // 90 kB waiting, 100 octets read each second: still above 64 KiB after five.
    let mut rig = Rig::with_pipe(plan(), 64);
    for id in 0..3 {
        rig.ask(id, "size:30000").await;
    }
    let mut buffer = [0; 100];
    for _ in 0..4 {
        sleep(secs(1)).await;
        rig.client.read_exact(&mut buffer).await.unwrap();
    }
    let (ended, took) = rig.end_unread().await;
    assert_eq!(ended, Ended::Unread);
    about(took, secs(5));

    // 300 octets waiting, 10 read each second: slow, but it is all read.
    let mut rig = Rig::with_pipe(plan(), 64);
    rig.ask(0, "size:300").await;
    for _ in 0..30 {
        sleep(secs(1)).await;
        rig.client.read_exact(&mut buffer[..10]).await.unwrap();
    }
    rig.client.read_exact(&mut buffer[..2]).await.unwrap();
    assert_eq!(rig.end().await.0, Ended::Idle);
}

#[tokio::test(start_paused = true)]
async fn reading_goes_on_when_the_peer_has_read() {
    let mut rig = Rig::with_pipe(plan(), 1024);
    for id in 0..3 {
        rig.ask(id, "size:30000").await;
    }
    sleep(secs(1)).await;
    rig.ask(3, "now").await;
    for _ in 0..3 {
        assert_eq!(rig.hear_all().await.len(), 30_000);
    }
    assert_eq!(rig.hear().await, 3);
}

#[tokio::test(start_paused = true)]
async fn lengths_that_no_query_has_end_the_connection_at_once() {
    for length in [0_u16, 1, 11, 4097, u16::MAX] {
        let mut rig = Rig::new(plan());
        rig.client.write_all(&length.to_be_bytes()).await.unwrap();
        let (ended, took) = rig.end().await;
        assert_eq!(ended, Ended::Garbage, "{length}");
        about(took, Duration::ZERO);
    }
    // The shortest and the longest that one may have.
    for what in [String::new(), "x".repeat(MAX_QUERY - HEADER_LEN)] {
        let mut rig = Rig::new(plan());
        rig.ask(9, &what).await;
        assert_eq!(rig.hear_all().await.len(), HEADER_LEN + what.len());
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_said_all_still_gets_the_replies() {
    let mut rig = Rig::new(plan());
    rig.ask(1, "delay:500").await;
    rig.ask(2, "now").await;
    rig.client.write_all(&[0, 50, 1]).await.unwrap();
    rig.client.shutdown().await.unwrap();
    assert_eq!([rig.hear().await, rig.hear().await], [2, 1]);
    assert_eq!(rig.end().await.0, Ended::ByPeer);
}

#[tokio::test(start_paused = true)]
async fn silence_and_a_dead_task_leave_the_connection_alone() {
    let mut rig = Rig::new(plan());
    rig.ask(1, "none").await;
    rig.ask(2, "panic").await;
    rig.ask(3, "size:70000").await;
    sleep(secs(1)).await;
    rig.ask(4, "now").await;
    assert_eq!(rig.hear().await, 4);
}

#[tokio::test(start_paused = true)]
async fn draining_answers_what_is_in_flight_and_takes_nothing_new() {
    let mut rig = Rig::new(plan());
    rig.ask(1, "delay:1000").await;
    sleep(Duration::from_millis(100)).await;
    rig.draining.send_replace(true);
    sleep(Duration::from_millis(100)).await;
    rig.ask(2, "now").await;
    assert_eq!(rig.hear().await, 1);
    assert_eq!(rig.started(), 1);
    let (ended, took) = rig.end().await;
    assert_eq!(ended, Ended::Draining);
    about(took, secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_takes_its_queries_along() {
    let mut rig = Rig::new(plan());
    for id in 0..5 {
        rig.ask(id, "never").await;
    }
    sleep(secs(1)).await;
    assert_eq!(rig.started(), 5);
    rig.connection.abort();
    sleep(secs(1)).await;
    assert_eq!(rig.service.dropped.load(Ordering::Relaxed), 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever comes in, in whatever pieces: the connection ends by itself, and starts no more than the limits allow.
    #[test]
    fn any_octets_end(chunks in proptest::collection::vec(
        proptest::collection::vec(prop_oneof![3 => Just(0_u8), 1 => any::<u8>()], 1..200), 0..20)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut rig = Rig::new(plan());
            for chunk in chunks {
                if rig.client.write_all(&chunk).await.is_err() {
                    break;
                }
                sleep(Duration::from_millis(20)).await;
            }
            let mut replies = Vec::new();
            let _ = rig.client.read_to_end(&mut replies).await;
            let ended = rig.connection.await.unwrap();
            assert!(ended.is_limit(), "{ended:?}");
        });
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_found_out_before_a_client_asked_too_much_is_still_sent() {
    let mut rig = Rig::new(plan());
    rig.ask(1, "delay:300").await;
    rig.ask(2, "delay:100").await;
    rig.ask(3, "close").await;
    assert_eq!((rig.hear().await, rig.hear().await), (2, 1));
    rig.ask(4, "now").await;
    let service = Arc::clone(&rig.service);
    assert_eq!(rig.end().await.0, Ended::Limited);
    assert_eq!(service.started.load(Ordering::Relaxed), 3);
    // What never ends does not keep the connection open for longer than an idle one, and a second for what is still said.
    let mut rig = Rig::new(plan());
    rig.ask(1, "never").await;
    rig.ask(2, "close").await;
    let (ended, took) = rig.end().await;
    assert_eq!(ended, Ended::Limited);
    about(took, secs(11));
}
