//! Does each fallback at one server work, cost what it should, and stay remembered?

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::config::plan::{self, Limits};
use crate::egress::{Exchanged, Failure, Query, Transport};
use crate::guard::permit::{Cause, Exhausted};
use crate::sys::clock;
use crate::wire::{QueryView, Question, Rcode, RecordType};

use super::fake::{Fake, GOOD, code, framed, good, has_edns, now, reply, truncated};
use super::{
    address, ask, ask_within, base, budget, budget_of, egress, failure, impatient, name, question,
};

#[tokio::test]
async fn a_query_says_what_it_should_and_no_more() {
    let fake = Fake::udp(|query| now(good(query))).await;
    let exchanged = ask(&egress(&base()), fake.address).await;
    let Exchanged::Reply {
        server, tcp, bytes, ..
    } = exchanged
    else {
        panic!("no reply");
    };
    assert_eq!((server, tcp), (fake.address, false));
    let asked = fake.asked().remove(0);
    assert_eq!(bytes, good(&asked.packet).len());
    let view = QueryView::parse(&asked.packet).unwrap();
    assert_eq!(view.question().name.as_wire(), question().name.as_wire());
    assert!(!view.flags.rd() && !view.flags.cd() && !view.flags.ad());
    let edns = view.edns.unwrap();
    assert_eq!((edns.udp_size, edns.dnssec_ok), (1232, true));
    assert!(edns.options.is_empty());
}

#[tokio::test]
async fn tc_leads_to_tcp_and_both_are_charged() {
    let fake = Fake::both(
        |query| now(truncated(query)),
        |query| now(framed(&good(query))),
    )
    .await;
    let egress = egress(&base());
    let mut budget = budget();
    let exchanged = ask_within(&egress, &[fake.address], &mut budget).await;
    assert_eq!(address(&exchanged), Some((GOOD, true)));
    assert_eq!(budget.spent().packets, 2);
    let audit = Cause::ALL.iter().position(|cause| *cause == Cause::Audit);
    let counters = egress.counters().snapshot();
    assert_eq!(counters.sent[audit.unwrap()], 2);
    assert_eq!((counters.tcp, counters.truncated), (1, 1));
}

#[tokio::test]
async fn a_truncated_body_may_be_cut_anywhere() {
    let cut = |query: &[u8]| {
        let mut packet = good(query);
        packet[2] |= 0x02;
        packet.truncate(packet.len() - 7);
        now(packet)
    };
    let fake = Fake::both(cut, |query| now(framed(&good(query)))).await;
    let exchanged = ask(&egress(&base()), fake.address).await;
    assert_eq!(address(&exchanged), Some((GOOD, true)));
}

#[tokio::test]
async fn a_reply_larger_than_advertised_is_taken() {
    let fake = Fake::udp(|query| {
        let mut packet = good(query);
        packet[6..8].copy_from_slice(&1_500u16.to_be_bytes());
        for host in 1..1_500u16 {
            packet.extend_from_slice(&[0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0]);
            packet.extend_from_slice(&host.to_be_bytes());
        }
        now(packet)
    })
    .await;
    let exchanged = ask(&egress(&base()), fake.address).await;
    let Exchanged::Reply { message, bytes, .. } = exchanged else {
        panic!("no reply");
    };
    assert_eq!(message.answer.len(), 1_500);
    assert!(bytes > 20_000);
}

#[tokio::test]
async fn refusal_of_edns_leads_to_one_plain_query_and_is_remembered() {
    for refusal in [Rcode::FORMERR, Rcode::NOTIMP] {
        let fake = Fake::udp(move |query| {
            now(if has_edns(query) {
                code(query, refusal)
            } else {
                good(query)
            })
        })
        .await;
        let egress = egress(&base());
        let mut budget = budget();
        for _ in 0..2 {
            let exchanged = ask_within(&egress, &[fake.address], &mut budget).await;
            assert_eq!(address(&exchanged), Some((GOOD, false)));
        }
        assert_eq!(fake.seen(), ["udp+", "udp", "udp"]);
        assert_eq!(budget.spent().packets, 3);
    }
}

#[tokio::test]
async fn badvers_counts_as_a_refusal_of_edns() {
    let fake = Fake::udp(|query| {
        now(if has_edns(query) {
            let mut packet = code(query, Rcode::NOERROR);
            packet[11] = 1;
            // OPT with extended code 1: BADVERS is 16.
            packet.extend_from_slice(&[0, 0, 41, 2, 0, 1, 0, 0, 0, 0, 0]);
            packet
        } else {
            good(query)
        })
    })
    .await;
    let exchanged = ask(&egress(&base()), fake.address).await;
    assert_eq!(address(&exchanged), Some((GOOD, false)));
    assert_eq!(fake.seen(), ["udp+", "udp"]);
}

#[tokio::test]
async fn a_bare_header_may_refuse_edns() {
    let fake = Fake::udp(|query| {
        now(if has_edns(query) {
            let mut packet = code(query, Rcode::FORMERR);
            packet[5] = 0;
            packet.truncate(12);
            packet
        } else {
            good(query)
        })
    })
    .await;
    let exchanged = ask(&egress(&base()), fake.address).await;
    assert_eq!(address(&exchanged), Some((GOOD, false)));
}

#[tokio::test]
async fn a_server_that_always_says_formerr_is_believed_and_asked_twice_only() {
    let fake = Fake::udp(|query| now(code(query, Rcode::FORMERR))).await;
    let exchanged = ask(&egress(&base()), fake.address).await;
    let Exchanged::Reply { message, .. } = exchanged else {
        panic!("no reply");
    };
    assert_eq!(message.rcode(), Rcode::FORMERR);
    assert_eq!(fake.seen(), ["udp+", "udp"]);
}

#[tokio::test]
async fn silence_at_edns_makes_the_next_attempt_plain_and_the_answer_is_remembered() {
    let fake = Fake::udp(|query| {
        if has_edns(query) {
            Vec::new()
        } else {
            now(good(query))
        }
    })
    .await;
    let egress = egress(&plan::Egress {
        initial_timeout: Duration::from_secs(1),
        ..base()
    });
    let first = ask(&egress, fake.address).await;
    assert_eq!(failure(&first), Some(Failure::Timeout));
    for _ in 0..2 {
        let exchanged = ask(&egress, fake.address).await;
        assert_eq!(address(&exchanged), Some((GOOD, false)));
    }
    assert_eq!(fake.seen(), ["udp+", "udp", "udp"]);
}

#[tokio::test]
async fn a_silent_server_costs_one_packet_and_one_timeout() {
    let fake = Fake::udp(|_| Vec::new()).await;
    let egress = egress(&impatient());
    let mut budget = budget();
    let exchanged = ask_within(&egress, &[fake.address], &mut budget).await;
    assert_eq!(failure(&exchanged), Some(Failure::Timeout));
    assert_eq!(budget.spent().packets, 1);
    assert_eq!(egress.counters().timeouts.load(Ordering::Relaxed), 1);
    let view = egress.servers().view(fake.address, clock::now());
    assert_eq!(view.timeouts, 1);
}

#[tokio::test]
async fn a_closed_port_fails_at_once_and_is_held_against_nobody() {
    let closed = {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.local_addr().unwrap()
    };
    let egress = egress(&base());
    let before = clock::now();
    let exchanged = ask(&egress, closed).await;
    assert_eq!(failure(&exchanged), Some(Failure::Network));
    assert!(clock::now().since(before) < Duration::from_secs(4));
    assert_eq!(egress.servers().view(closed, clock::now()).timeouts, 0);
}

#[tokio::test]
async fn an_unreachable_candidate_costs_nothing_and_another_is_asked() {
    // An IPv6 source that this host does not have: nothing can leave for IPv6 servers.
    let plan = plan::Egress {
        source_v6: "2001:db8::53".parse().unwrap(),
        ..base()
    };
    let fake = Fake::udp(|query| now(good(query))).await;
    let unreachable: SocketAddr = "[2001:db8::1]:53".parse().unwrap();
    let egress = egress(&plan);
    for _ in 0..8 {
        let mut budget = budget();
        let exchanged = ask_within(&egress, &[unreachable, fake.address], &mut budget).await;
        assert_eq!(address(&exchanged), Some((GOOD, false)));
        assert_eq!(budget.spent().packets, 1);
    }
    let mut budget = budget();
    let exchanged = ask_within(&egress, &[unreachable], &mut budget).await;
    assert_eq!(failure(&exchanged), Some(Failure::Network));
    assert_eq!(budget.spent().packets, 0);
    assert_eq!(egress.servers().view(unreachable, clock::now()).timeouts, 0);
}

#[tokio::test]
async fn an_empty_budget_sends_nothing() {
    let fake = Fake::udp(|query| now(good(query))).await;
    let egress = egress(&base());
    let mut budget = budget_of(&Limits {
        packets: 1,
        ..Limits::default()
    });
    let first = ask_within(&egress, &[fake.address], &mut budget).await;
    assert_eq!(address(&first), Some((GOOD, false)));
    let second = ask_within(&egress, &[fake.address], &mut budget).await;
    let packets = Failure::Exhausted(Exhausted::Packets);
    assert_eq!(failure(&second), Some(packets));
    assert_eq!(fake.asked().len(), 1);
    assert_eq!(egress.counters().snapshot().exhausted[0], 1);
}

#[tokio::test]
async fn octets_are_noted_in_the_budget() {
    let fake = Fake::udp(|query| now(good(query))).await;
    let mut budget = budget();
    let exchanged = ask_within(&egress(&base()), &[fake.address], &mut budget).await;
    let Exchanged::Reply { bytes, .. } = exchanged else {
        panic!("no reply");
    };
    assert_eq!(usize::try_from(budget.spent().bytes).unwrap(), bytes);
}

#[tokio::test]
async fn random_case_must_come_back_and_else_tcp_is_asked() {
    let plan = plan::Egress {
        case_randomisation: true,
        ..base()
    };
    let lower = |query: &[u8]| {
        let mut packet = good(query);
        let end = packet.len() - 16;
        packet[12..end].make_ascii_lowercase();
        now(packet)
    };
    let long = Question::new(
        name("abcdefghijklmnopqrstuvwxyz.abcdefghijklmnopqrstuvwxyz.test."),
        RecordType::A,
    );
    let zone = name("test.");
    let tcp_address = Ipv4Addr::new(192, 0, 2, 9);
    let careless = Fake::both(lower, move |query| {
        now(framed(&reply(query, Rcode::NOERROR, Some(tcp_address))))
    })
    .await;
    let careful = Fake::udp(|query| now(good(query))).await;
    let egress = egress(&plan);
    for (fake, expected) in [(&careless, (tcp_address, true)), (&careful, (GOOD, false))] {
        let servers = [fake.address];
        let query = Query::authoritative(&long, &servers, &zone);
        let exchanged = egress.exchange(&query, &mut budget()).await;
        assert_eq!(address(&exchanged), Some(expected));
        let asked = fake.asked().remove(0);
        let sent = QueryView::parse(&asked.packet).unwrap().question().name;
        assert_eq!(sent, long.name);
        // One in 2^52 that all letters stay as they were.
        assert_ne!(sent.as_wire(), long.name.as_wire());
    }
}

#[tokio::test]
async fn tcp_at_once_if_told_so() {
    let fake = Fake::both(|_| Vec::new(), |query| now(framed(&good(query)))).await;
    let (question, zone, servers) = (question(), name("test."), [fake.address]);
    let query = Query {
        transport: Transport::Tcp,
        ..Query::authoritative(&question, &servers, &zone)
    };
    let exchanged = egress(&base()).exchange(&query, &mut budget()).await;
    assert_eq!(address(&exchanged), Some((GOOD, true)));
    assert_eq!(fake.seen(), ["tcp+"]);
}

#[tokio::test]
async fn every_query_leaves_from_a_port_and_with_an_id_of_its_own() {
    let fake = Fake::udp(|query| now(good(query))).await;
    let egress = egress(&base());
    for _ in 0..200 {
        let exchanged = ask(&egress, fake.address).await;
        assert!(address(&exchanged).is_some());
    }
    let distinct = |values: Vec<u16>| {
        values
            .into_iter()
            .collect::<std::collections::HashSet<_>>()
            .len()
    };
    let asked = fake.asked();
    let ports = asked.iter().map(|one| one.from.port()).collect();
    let ids = asked
        .iter()
        .map(|one| u16::from_be_bytes([one.packet[0], one.packet[1]]));
    // 200 of 64,510 or more: the chance of more than four pairs is below one in 10,000.
    assert!(distinct(ports) >= 196);
    assert!(distinct(ids.collect()) >= 196);
}
