//! Does anything that is known wait for what must be found out? On real sockets, with the side that finds out standing still.

use std::net::UdpSocket;
use std::path::Path;

use super::*;
use crate::config::{self, Sources};
use crate::guard::Client;
use crate::ingress::udp::UdpWorker;
use crate::ops::logging::Logging;
use crate::sys::udp::UdpListener;
use crate::sys::wake::Wake;
use crate::telemetry::AnswerSource;
use crate::wire::writer::write_query;
use crate::wire::{Flags, Message, Question, RecordType};

const PATIENCE: Duration = Duration::from_secs(10);

fn query(id: u16, name: &str) -> Vec<u8> {
    let mut packet = Vec::new();
    let question = Question::new(name.parse().unwrap(), RecordType::A);
    write_query(
        &mut packet,
        id,
        Flags::default().with_rd(true),
        &question,
        None,
    );
    packet
}

/// Whether it answers that ID with data.
fn answers(reply: &[u8], id: u16) -> bool {
    let reply = Message::parse(reply).unwrap();
    reply.header.id == id && reply.answer.len() == 1
}

#[test]
fn what_is_known_is_answered_in_the_batch_it_came_with_while_a_thousand_misses_hang() {
    let state = tempfile::tempdir().unwrap();
    let text = format!(
        "[process]\nstate_dir = {:?}\n[guard]\npending_per_client = 100000\n[shares]\nmode = 'off'\n[policy]\nspecial_use = false\n\
         local_zones = ['known.test.']\nlocal_data = ['www.known.test. 60 IN A 192.0.2.1']\n[log]\nlevel = 'off'",
        state.path()
    );
    let loaded = config::load_text(Path::new("test.toml"), &text).unwrap();
    let logging = Logging::start(&loaded.plan.ops).unwrap();
    let listener = Arc::new(UdpListener::bind("127.0.0.1:0".parse().unwrap(), 1 << 22).unwrap());
    let address = listener.local();
    let operator = Operator::new(Sources::none(), loaded, vec![address], logging)
        .ok()
        .unwrap();
    // It takes tasks and runs none: nothing that is to be found out ever is.
    let stuck = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let front = Arc::new(Front::new(Arc::clone(&operator), stuck.handle().clone()));

    // Fifteen misses, a hit, fifteen misses, before anybody reads: one batch.
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    for id in 0..31 {
        let known = id == 15;
        let name = if known {
            "www.known.test.".to_owned()
        } else {
            format!("n{id}.unknown.")
        };
        client.send(&query(id, &name)).unwrap();
    }
    let stop = Wake::new().unwrap();
    let worker = UdpWorker {
        index: 0,
        listeners: vec![listener],
        stop: stop.clone(),
        max_queue_age: Duration::from_secs(30),
        hop_limit_every: 0,
        pin: false,
    };
    let thread = worker.start(front, operator.telemetry()).unwrap();
    let mut buffer = [0; 512];
    let length = client.recv(&mut buffer).expect("the hit is answered");
    assert!(answers(&buffer[..length], 15));
    assert_eq!(operator.telemetry().snapshot().clients.batches(), 1);

    // A hit after every ten misses, each waited for: none needs anything of what hangs.
    let mut next = 100_u16;
    for _ in 0..100 {
        for _ in 0..10 {
            client
                .send(&query(next, &format!("n{next}.unknown.")))
                .unwrap();
            next += 1;
        }
        client.send(&query(next, "www.known.test.")).unwrap();
        let length = client.recv(&mut buffer).expect("every hit is answered");
        assert!(answers(&buffer[..length], next));
        next += 1;
    }
    let live = operator.live();
    let customer = live
        .pipeline
        .guard
        .limiter()
        .customer(Client::new(address.ip(), false));
    let (waiting, _) = live.pipeline.pending.waiting(&customer);
    assert_eq!(waiting, 30 + 1_000, "and all of the misses hang");
    let clients = operator.telemetry().snapshot().clients;
    let hits = [
        AnswerSource::Ready,
        AnswerSource::Policy,
        AnswerSource::Cache,
    ];
    let hits: u64 = hits
        .iter()
        .map(|source| clients.answers_from(*source))
        .sum();
    assert_eq!(hits, 101);
    stop.wake();
    thread.join().unwrap();
}
