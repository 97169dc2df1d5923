//! Does TCP hold against servers that abuse its framing?

use std::time::Duration;

use crate::config::plan;
use crate::egress::{Exchanged, Failure, Query, Transport};
use crate::sys::clock;
use crate::wire::Rcode;

use super::fake::{Fake, GOOD, Script, code, framed, good, truncated};
use super::{address, base, budget, egress, failure, impatient, name, question};

async fn over_tcp(script: fn(&[u8]) -> Script) -> Exchanged {
    with(&base(), script).await
}

async fn with(plan: &plan::Egress, script: fn(&[u8]) -> Script) -> Exchanged {
    let fake = Fake::both(|_| Vec::new(), script).await;
    let (question, zone, servers) = (question(), name("test."), [fake.address]);
    let query = Query {
        transport: Transport::Tcp,
        ..Query::authoritative(&question, &servers, &zone)
    };
    let before = clock::now();
    let exchanged = egress(plan).exchange(&query, &mut budget()).await;
    let took = clock::now().since(before);
    assert!(took < Duration::from_secs(7), "{took:?}");
    exchanged
}

#[tokio::test]
async fn a_reply_in_single_octets_is_put_together() {
    let exchanged = over_tcp(|query| {
        // The length and the ID arrive apart for sure, the rest as it comes.
        let octets = framed(&good(query)).into_iter().enumerate();
        octets
            .map(|(at, octet)| (if at < 4 { 5 } else { 0 }, vec![octet]))
            .collect()
    })
    .await;
    assert_eq!(address(&exchanged), Some((GOOD, true)));
}

#[tokio::test]
async fn other_messages_in_front_are_skipped() {
    let exchanged = over_tcp(|query| {
        let mut wrong_id = good(query);
        wrong_id[0] ^= 1;
        let mut other = good(query);
        other[13] = b'x';
        vec![
            (0, framed(&[])),
            (0, framed(b"short")),
            (0, framed(&wrong_id)),
            (0, framed(&other)),
            (0, framed(&good(query))),
        ]
    })
    .await;
    assert_eq!(address(&exchanged), Some((GOOD, true)));
}

#[tokio::test]
async fn endless_rubbish_ends() {
    let exchanged = over_tcp(|_| (0..1_000).map(|_| (0, framed(b"rubbish"))).collect()).await;
    assert_eq!(failure(&exchanged), Some(Failure::BadReply));
}

#[tokio::test]
async fn a_length_without_octets_times_out() {
    let exchanged = with(&impatient(), |_| vec![(0, vec![0xFF, 0xFF, 0])]).await;
    assert_eq!(failure(&exchanged), Some(Failure::Timeout));
}

#[tokio::test]
async fn a_reply_that_dribbles_times_out_as_a_whole() {
    let exchanged = with(&impatient(), |query| {
        let reply = framed(&good(query));
        reply.into_iter().map(|octet| (30, vec![octet])).collect()
    })
    .await;
    assert_eq!(failure(&exchanged), Some(Failure::Timeout));
}

#[tokio::test]
async fn a_connection_closed_halfway_is_a_network_failure() {
    let exchanged = over_tcp(|query| {
        let mut half = framed(&good(query));
        half.truncate(20);
        vec![(0, half), (0, Vec::new())]
    })
    .await;
    assert_eq!(failure(&exchanged), Some(Failure::Network));
}

#[tokio::test]
async fn tc_over_tcp_is_a_bad_reply() {
    let exchanged = over_tcp(|query| vec![(0, framed(&truncated(query)))]).await;
    assert_eq!(failure(&exchanged), Some(Failure::BadReply));
}

#[tokio::test]
async fn an_error_code_is_handed_on() {
    let exchanged = over_tcp(|query| vec![(0, framed(&code(query, Rcode::REFUSED)))]).await;
    let Exchanged::Reply { message, .. } = exchanged else {
        panic!("no reply");
    };
    assert_eq!(message.rcode(), Rcode::REFUSED);
}
