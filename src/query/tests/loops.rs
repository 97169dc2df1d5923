//! Does a question that goes round come to an end, and is a host that is server and client served like any other?

use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

const CLIENT: &str = "198.51.100.1";
const SECOND: &str = "198.51.100.2";
/// Where the server of `b.` is, and a client beside it.
const HOST: &str = "127.0.0.1";

struct Round {
    pipeline: Arc<Pipeline>,
    worker: WorkerState,
    server: UdpSocket,
}

impl Round {
    /// `kind`: "stub" or "forward".
    async fn new(kind: &str, validates: bool) -> Self {
        let server = UdpSocket::bind((HOST, 0)).await.unwrap();
        let at = server.local_addr().unwrap();
        let config = format!(
            "[acl]\nallow = ['198.51.100.0/24', '127.0.0.0/8']\n[egress]\nallow_private_servers = true\n\
             [[{kind}]]\nzone = 'b.'\nservers = ['{at}']"
        );
        let pipeline = built(&config, validates);
        let worker = worker();
        Self {
            pipeline: Arc::new(pipeline),
            worker,
            server,
        }
    }

    /// A query that must wait, and does.
    fn comes(&mut self, from: &str, packet: &[u8]) -> JoinHandle<Option<Vec<u8>>> {
        let arrival = Arrival {
            loopback: from == HOST,
            ..arrival(packet, from.parse().unwrap(), TransportKind::Udp)
        };
        let (now, mut reply) = (crate::sys::clock::now(), Vec::new());
        let next = self
            .pipeline
            .arrive(&mut self.worker, &arrival, now, &mut reply);
        let Next::Miss(miss) = next else {
            panic!("no miss: {reply:?}")
        };
        let pipeline = Arc::clone(&self.pipeline);
        tokio::spawn(async move { pipeline.find_out(miss).await })
    }

    fn asks(&mut self, from: &str) -> JoinHandle<Option<Vec<u8>>> {
        self.comes(from, &query("www.b.", RecordType::A, Some(1232)))
    }

    /// The next query to the server, if one comes soon, and from where.
    async fn asked(&self) -> Option<(Vec<u8>, SocketAddr)> {
        let mut buffer = vec![0; 512];
        let heard = timeout(
            Duration::from_millis(300),
            self.server.recv_from(&mut buffer),
        );
        let (length, from) = heard.await.ok()?.unwrap();
        buffer.truncate(length);
        Some((buffer, from))
    }

    fn loops(&self) -> u64 {
        let shared = self.pipeline.telemetry.shared().counts();
        let own = self.worker.counters.counts();
        let reason = Reason::ForwardingLoop;
        shared.verdict(reason) + own.verdict(reason)
    }
}

/// The reply with one address.
fn answer_to(query: &[u8]) -> Vec<u8> {
    let end = QueryView::parse(query).unwrap().question_end;
    let mut out = query[..end].to_vec();
    out[2..12].copy_from_slice(&[0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
    out.extend_from_slice(&[0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
    out
}

async fn told(waiting: JoinHandle<Option<Vec<u8>>>) -> (Rcode, usize) {
    let reply = timeout(Duration::from_secs(3), waiting).await;
    let reply = reply.expect("in time").unwrap().expect("a reply");
    let message = Message::parse(&reply).unwrap();
    (message.rcode(), message.answer.len())
}

#[tokio::test]
async fn a_host_that_asks_what_its_own_server_is_being_asked_gets_the_answer() {
    for kind in ["stub", "forward"] {
        let mut round = Round::new(kind, false).await;
        let client = round.asks(CLIENT);
        let (packet, from) = round.asked().await.expect("it is asked");
        // The same from the server's own address, twice, while its server has not answered yet.
        let beside = [round.asks(HOST), round.asks(HOST)];
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(beside.iter().all(|host| !host.is_finished()), "it waits");
        let reply = answer_to(&packet);
        round.server.send_to(&reply, from).await.unwrap();
        assert_eq!(told(client).await, (Rcode::NOERROR, 1));
        for host in beside {
            assert_eq!(told(host).await, (Rcode::NOERROR, 1), "{kind}");
        }
        assert!(round.asked().await.is_none(), "nothing more was asked");
        assert_eq!(round.loops(), 0);
    }
}

#[tokio::test]
async fn who_says_nothing_and_asks_the_same_is_a_loop_and_nothing_more_is_asked_for_him() {
    let mut round = Round::new("forward", true).await;
    let client = round.asks(CLIENT);
    let (packet, from) = round.asked().await.expect("it is asked");
    let back = round.comes(HOST, &packet);
    assert_eq!(told(back).await, (Rcode::SERVFAIL, 0));
    assert_eq!(round.loops(), 1);
    assert!(round.asked().await.is_none(), "one packet each way");
    // What he then says is what our own client hears.
    let mut failure = answer_to(&packet);
    (failure[3], failure[7]) = (2, 0);
    failure.truncate(failure.len() - 16);
    round.server.send_to(&failure, from).await.unwrap();
    assert_eq!(told(client).await, (Rcode::SERVFAIL, 0));
}

#[tokio::test]
async fn a_loop_of_three_that_passes_no_cookies_goes_round_twice_at_most() {
    let mut round = Round::new("forward", true).await;
    let mut waiting = vec![round.asks(CLIENT)];
    let mut laps = 0;
    // Whom we ask asks a third, and that one asks us: as our client did, and then as we do, who check for ourselves.
    while let Some((packet, _)) = round.asked().await {
        laps += 1;
        assert!(laps < 10, "no end");
        waiting.push(round.comes(SECOND, &packet));
    }
    // Once if the forwarder's pool makes one of the two, which differ in CD alone.
    assert!((1..=2).contains(&laps), "{laps}");
    // Nor does it matter how often it arrives while it is under way.
    for client in 3..100 {
        waiting.push(round.asks(&format!("198.51.100.{client}")));
    }
    assert!(round.asked().await.is_none());
}
