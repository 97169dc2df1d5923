//! Do ready-made replies reach only those who asked the same, in time, spelt their way?

use proptest::prelude::*;

use super::super::answers::{AnswerTable, Found, MAX_BODY, ReadyMade};
use super::*;
use crate::wire::writer::{Opt, Section, Writer, write_query};
use crate::wire::{Flags, Message, QueryView};

struct Ask {
    packet: Vec<u8>,
}

impl Ask {
    fn new(text: &str, rtype: RecordType, flags: Flags, dnssec_ok: bool) -> Self {
        let mut packet = Vec::new();
        let opt = Opt {
            udp_size: 1232,
            dnssec_ok,
            ..Opt::default()
        };
        write_query(&mut packet, 77, flags, &question(text, rtype), Some(&opt));
        Self { packet }
    }

    fn a(text: &str) -> Self {
        Self::new(text, RecordType::A, Flags::default().with_rd(true), false)
    }

    fn view(&self) -> QueryView<'_> {
        QueryView::parse(&self.packet).unwrap()
    }
}

/// A reply with two records of TTL 30 and 20, one OPT counted but cut off.
fn reply(ask: &Ask) -> (Vec<u8>, Vec<u16>) {
    let view = ask.view();
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, 1232);
    writer.question_wire(view.qname_wire, view.qtype, view.qclass);
    let owner = view.question().name;
    let first = set(&[&format!("{owner} 30 IN A 192.0.2.1")]);
    writer.rrset(Section::Answer, &first, 30, false);
    writer.rrset(
        Section::Additional,
        &set(&["x. 20 IN A 192.0.2.2"]),
        20,
        false,
    );
    let body = writer.len();
    writer.opt(&Opt::default());
    let written = writer.finish(1, Flags::default().with_qr(true).with_ra(true));
    out.truncate(body);
    (out, written.ttl_offsets.to_vec())
}

fn insert(table: &mut AnswerTable, ask: &Ask, secs: u64) -> bool {
    let (body, offsets) = reply(ask);
    let ready = ReadyMade {
        body: &body,
        counts_opt: true,
        ttl_offsets: &offsets,
        lifetime: 20,
        generation: 1,
    };
    table.insert(&ask.view(), &ready, at(secs))
}

fn table() -> AnswerTable {
    AnswerTable::new(1000, 1, 2)
}

fn kept(ask: &Ask) -> AnswerTable {
    let mut table = table();
    assert!(!insert(&mut table, ask, 0));
    assert!(insert(&mut table, ask, 0));
    table
}

fn found(table: &mut AnswerTable, ask: &Ask, now: Now) -> Found {
    table.lookup(&ask.view(), 1232, 1, now, &mut Vec::new())
}

#[test]
fn a_reply_comes_back_with_the_askers_id_flags_spelling_and_the_ttls_left() {
    let mut table = kept(&Ask::a("www.example.com"));
    let mut ask = Ask::new("WwW.eXample.com", RecordType::A, Flags::default(), false);
    ask.packet[0..2].copy_from_slice(&[0xAB, 0xCD]);
    let mut out = vec![9];
    assert_eq!(
        table.lookup(&ask.view(), 1232, 1, at(7), &mut out),
        Found::Hit
    );
    let message = Message::parse(&out[1..]).unwrap();
    assert_eq!(message.header.id, 0xABCD);
    assert_eq!(
        message.header.flags,
        Flags::default().with_qr(true).with_ra(true)
    );
    assert_eq!(
        message.question.unwrap().0.name.as_wire(),
        ask.view().qname_wire
    );
    assert_eq!((message.answer[0].ttl, message.additional[0].ttl), (23, 13));
    assert_eq!((message.additional.len(), message.edns), (1, None));
}

#[test]
fn only_the_same_question_gets_it() {
    let mut table = kept(&Ask::a("www.example.com"));
    let rd = Flags::default().with_rd(true);
    for other in [
        Ask::a("ww.example.com"),
        Ask::a("www.example.co"),
        Ask::a("www.example.com.x"),
        Ask::new("www.example.com", RecordType::AAAA, rd, false),
        Ask::new("www.example.com", RecordType::A, rd, true),
        Ask::new("www.example.com", RecordType::A, rd.with_cd(true), false),
    ] {
        assert_eq!(found(&mut table, &other, at(0)), Found::Miss);
    }
    assert_eq!(
        found(&mut table, &Ask::a("www.example.com"), at(0)),
        Found::Hit
    );
}

#[test]
fn it_ends_with_its_lifetime_its_generation_and_a_clock_that_steps_back() {
    let ask = Ask::a("www.example.com");
    let mut table = kept(&ask);
    assert_eq!(found(&mut table, &ask, at(19)), Found::Hit);
    assert_eq!(found(&mut table, &ask, at(20)), Found::Miss);
    assert_eq!(found(&mut table, &ask, before(5)), Found::Hit);
    assert_eq!(found(&mut table, &ask, before(6)), Found::Miss);
    let mut out = Vec::new();
    assert_eq!(
        table.lookup(&ask.view(), 1232, 2, at(0), &mut out),
        Found::Miss
    );
    // A spent one is replaced in place, without a second knock.
    assert!(insert(&mut table, &ask, 30));
    assert_eq!(table.len(), 1);
    assert_eq!(found(&mut table, &ask, at(30)), Found::Hit);
}

#[test]
fn a_client_that_cannot_take_it_is_told_apart() {
    let ask = Ask::a("www.example.com");
    let mut table = kept(&ask);
    let length = reply(&ask).0.len();
    let mut out = Vec::new();
    assert_eq!(
        table.lookup(&ask.view(), length - 1, 1, at(0), &mut out),
        Found::TooBig
    );
    assert!(out.is_empty());
    assert_eq!(
        table.lookup(&ask.view(), length, 1, at(0), &mut out),
        Found::Hit
    );
}

#[test]
fn what_is_too_long_or_too_short_lived_is_not_kept() {
    let ask = Ask::a("a.");
    let mut table = table();
    let (body, offsets) = reply(&ask);
    let long = [body.clone(), vec![0; MAX_BODY]].concat();
    let ready = ReadyMade {
        body: &body,
        counts_opt: false,
        ttl_offsets: &offsets,
        lifetime: 20,
        generation: 1,
    };
    for _ in 0..3 {
        assert!(!table.insert(
            &ask.view(),
            &ReadyMade {
                body: &long,
                ..ready
            },
            at(0)
        ));
        assert!(!table.insert(
            &ask.view(),
            &ReadyMade {
                lifetime: 0,
                ..ready
            },
            at(0)
        ));
    }
    assert!(table.is_empty());
    let mut off = AnswerTable::new(0, 1, 2);
    assert!(!off.insert(&ask.view(), &ready, at(0)) && !off.insert(&ask.view(), &ready, at(0)));
    assert_eq!(found(&mut off, &ask, at(0)), Found::Miss);
}

#[test]
fn names_seen_once_do_not_enter_and_do_not_push_out() {
    let mut table = table();
    let hot: Vec<Ask> = (0..100).map(|n| Ask::a(&format!("hot{n}."))).collect();
    for ask in &hot {
        assert!(!insert(&mut table, ask, 0));
        assert!(insert(&mut table, ask, 0));
    }
    let held = table.len();
    assert_eq!(held, 100, "1,024 slots in 256 sets of four");
    let mut entered = 0;
    for number in 0..20_000 {
        entered += usize::from(insert(&mut table, &Ask::a(&format!("once{number}.")), 1));
    }
    // A 16-bit fingerprint is mistaken for another once in 65,536.
    assert!(entered <= 5, "{entered}");
    let hits = hot
        .iter()
        .filter(|ask| found(&mut table, ask, at(2)) == Found::Hit)
        .count();
    assert!(hits + 2 >= held, "{hits} of {held}");
}

#[test]
fn the_least_recently_used_of_a_set_makes_room() {
    // One set of four ways.
    let mut table = AnswerTable::new(4, 1, 2);
    let asks: Vec<Ask> = (0..5).map(|n| Ask::a(&format!("n{n}."))).collect();
    for ask in &asks[..4] {
        while !insert(&mut table, ask, 0) {}
    }
    for kept in [0, 2, 3] {
        assert_eq!(found(&mut table, &asks[kept], at(0)), Found::Hit);
    }
    while !insert(&mut table, &asks[4], 0) {}
    assert_eq!(found(&mut table, &asks[1], at(0)), Found::Miss);
    for kept in [0, 2, 3, 4] {
        assert_eq!(found(&mut table, &asks[kept], at(0)), Found::Hit);
    }
    assert_eq!(table.len(), 4);
}

proptest! {
    /// A tiny table, so that sets and fingerprints collide all the time.
    #[test]
    fn nobody_gets_anothers_reply(
        picks in proptest::collection::vec((0_u8..40, 0_u8..3, any::<bool>(), any::<bool>()), 1..200),
        secret in any::<u64>(),
    ) {
        let mut table = AnswerTable::new(8, secret, 1);
        for (number, rtype, dnssec_ok, cd) in picks {
            let rtype = [RecordType::A, RecordType::AAAA, RecordType::MX][usize::from(rtype)];
            let text = format!("n{}.{}", number % 20, if number < 20 { "example." } else { "EXAMPLE.x." });
            let ask = Ask::new(&text, rtype, Flags::default().with_cd(cd), dnssec_ok);
            let mut out = Vec::new();
            if table.lookup(&ask.view(), 1232, 1, at(0), &mut out) == Found::Hit {
                let message = Message::parse(&out).unwrap();
                let (asked, _) = message.question.unwrap();
                prop_assert_eq!(asked.name.as_wire(), ask.view().qname_wire);
                prop_assert_eq!(asked.rtype, rtype);
                prop_assert_eq!(message.header.flags.cd(), cd);
                prop_assert_eq!(&message.answer[0].owner, &ask.view().question().name);
            }
            insert(&mut table, &ask, 0);
        }
    }
}
