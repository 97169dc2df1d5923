//! Does the reply say what the response says, within its size, and does a refusal stay small?

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::config::plan;
use crate::wire::rrset::group;
use crate::wire::text::record_from_text;
use crate::wire::writer::{Opt, push_option, write_query};
use crate::wire::{
    Ede, Flags, Header, Held, Message, QueryView, Question, Rcode, RdataSet, Record, RecordType,
    Response, Rrset, Security,
};

const PLAN: plan::Answer = plan::Answer {
    max_udp_size: 1232,
    minimal: true,
    any_needs_proof: true,
    stale_after: std::time::Duration::from_millis(1800),
    max_udp_age: std::time::Duration::from_secs(4),
};
const FULL: plan::Answer = plan::Answer {
    minimal: false,
    ..PLAN
};

fn records(lines: &[&str]) -> Vec<Record> {
    lines
        .iter()
        .map(|line| record_from_text(line, 300).unwrap())
        .collect()
}

fn held(lines: &[&str]) -> Held {
    let rrset = group(&records(lines)).remove(0);
    let ttl = rrset.ttl;
    Held {
        rrset: Arc::new(rrset),
        ttl,
        security: Security::Indeterminate,
    }
}

fn signed(line: &str) -> Held {
    let held = held(&[line]);
    let signature = [&held.rrset.rtype.0.to_be_bytes()[..], &[1; 16], b"\x00sig"].concat();
    let rrset = Rrset {
        rrsigs: RdataSet::new([&signature[..]]),
        ..(*held.rrset).clone()
    };
    Held {
        rrset: Arc::new(rrset),
        ttl: held.ttl,
        security: held.security,
    }
}

fn answered(answer: Vec<Held>) -> Response {
    Response {
        answer,
        ..Response::empty(Rcode::NOERROR)
    }
}

/// A query with RD and this OPT: payload size and DO.
fn query(text: &str, qtype: RecordType, edns: Option<(u16, bool)>) -> Vec<u8> {
    let mut packet = Vec::new();
    let opt = edns.map(|(udp_size, dnssec_ok)| Opt {
        udp_size,
        dnssec_ok,
        ..Opt::default()
    });
    let flags = Flags::default().with_rd(true);
    let asked = Question::new(text.parse().unwrap(), qtype);
    write_query(&mut packet, 0xABCD, flags, &asked, opt.as_ref());
    packet
}

fn reply_to(
    packet: &[u8],
    response: &Response,
    plan: &plan::Answer,
    udp: bool,
) -> (Message, Composed, Vec<u8>) {
    let view = QueryView::parse(packet).unwrap();
    let mut out = Vec::new();
    let composed = compose(&view, response, None, plan, udp, &mut out);
    assert!(out.len() <= room(&view, plan, udp));
    (Message::parse(&out).unwrap(), composed, out)
}

fn types(records: &[Record]) -> Vec<RecordType> {
    records.iter().map(|record| record.rtype).collect()
}

#[test]
fn header_question_and_chain_are_as_they_should_be() {
    let response = answered(vec![
        held(&["www.example. 30 IN CNAME b.example."]),
        held(&[
            "b.example. 20 IN A 192.0.2.1",
            "b.example. 20 IN A 192.0.2.2",
        ]),
    ]);
    let mut packet = query("WWW.Example.", RecordType::A, None);
    packet[3] = 0x10;
    let (message, composed, out) = reply_to(&packet, &response, &PLAN, true);
    let expected = Flags::default()
        .with_qr(true)
        .with_rd(true)
        .with_ra(true)
        .with_cd(true);
    assert_eq!(
        (message.header.id, message.header.flags),
        (0xABCD, expected)
    );
    assert_eq!(message.question.unwrap().0.name.to_string(), "WWW.Example.");
    assert_eq!(
        types(&message.answer),
        [RecordType::CNAME, RecordType::A, RecordType::A]
    );
    assert_eq!(message.edns, None);
    assert!(!composed.truncated && !composed.has_opt);
    assert_eq!((composed.min_ttl, composed.lifetime), (20, 20));
    assert_eq!(composed.body_len, out.len());
    let ttls: Vec<u8> = composed
        .ttl_offsets
        .iter()
        .map(|at| out[usize::from(*at) + 3])
        .collect();
    assert_eq!(ttls, [30, 20, 20]);
    let aa = Response {
        authoritative: true,
        ..response
    };
    assert!(reply_to(&packet, &aa, &PLAN, true).0.header.flags.aa());
}

#[test]
fn a_set_that_a_chain_goes_by_twice_is_written_once() {
    let dname = ["d.example. 30 IN DNAME e.example."];
    let proof = ["b.example. 30 IN NSEC c.example. A"];
    let response = Response {
        authority: vec![held(&proof), held(&proof)],
        ..answered(vec![
            held(&dname),
            held(&["x.d.example. 30 IN CNAME x.e.example."]),
            held(&["x.e.example. 30 IN CNAME y.d.example."]),
            held(&dname),
            held(&["y.d.example. 30 IN CNAME y.e.example."]),
            held(&["y.e.example. 30 IN A 192.0.2.1"]),
        ])
    };
    let packet = query("x.d.example.", RecordType::A, Some((4096, true)));
    let (message, ..) = reply_to(&packet, &response, &PLAN, true);
    assert_eq!(
        types(&message.answer),
        [
            RecordType::DNAME,
            RecordType::CNAME,
            RecordType::CNAME,
            RecordType::CNAME,
            RecordType::A
        ]
    );
    assert_eq!(types(&message.authority), [RecordType::NSEC]);
}

#[test]
fn opt_stands_where_the_query_had_one_and_carries_the_reason() {
    let response = Response::failure(Ede::new(Ede::NETWORK_ERROR, "timeout"));
    let (plain, ..) = reply_to(&query("a.", RecordType::A, None), &response, &PLAN, true);
    assert_eq!(
        (plain.edns, plain.header.flags.rcode()),
        (None, Rcode::SERVFAIL)
    );
    let packet = query("a.", RecordType::A, Some((4096, true)));
    let (message, composed, _) = reply_to(&packet, &response, &PLAN, true);
    let edns = message.edns.unwrap();
    assert_eq!(
        (edns.udp_size, edns.version, edns.dnssec_ok),
        (1232, 0, true)
    );
    assert_eq!(*edns.options, *b"\x00\x0F\x00\x09\x00\x17timeout");
    assert!(composed.has_opt);
    assert_eq!(composed.body_len, 12 + 3 + 4);
    // High bits of the code need OPT.
    let high = Response::empty(Rcode::BADVERS);
    assert_eq!(
        reply_to(&packet, &high, &PLAN, true).0.rcode(),
        Rcode::BADVERS
    );
    let plain = query("a.", RecordType::A, None);
    assert_eq!(
        reply_to(&plain, &high, &PLAN, true).0.rcode(),
        Rcode::SERVFAIL
    );
}

#[test]
fn an_ede_that_does_not_fit_is_left_out_and_the_answer_is_not() {
    let long: String = "x".repeat(600);
    let response = Response {
        ede: Some(Ede {
            code: 3,
            text: long.into(),
        }),
        ..answered(vec![held(&["a. 1 IN A 192.0.2.1"])])
    };
    let packet = query("a.", RecordType::A, Some((512, false)));
    let (message, composed, _) = reply_to(&packet, &response, &PLAN, true);
    assert_eq!(message.answer.len(), 1);
    assert!(message.edns.unwrap().options.is_empty() && !composed.truncated);
    let (message, ..) = reply_to(&packet, &response, &PLAN, false);
    assert_eq!(message.edns.unwrap().options.len(), 606);
}

#[test]
fn sizes_are_the_clients_and_never_above_ours() {
    let size = |edns: Option<(u16, bool)>, udp| {
        room(
            &QueryView::parse(&query("a.", RecordType::A, edns)).unwrap(),
            &PLAN,
            udp,
        )
    };
    assert_eq!(size(None, true), 512);
    assert_eq!(size(Some((0, false)), true), 512);
    assert_eq!(size(Some((800, false)), true), 800);
    assert_eq!(size(Some((65535, false)), true), 1232);
    assert_eq!(size(None, false), 65535);
}

#[test]
fn what_does_not_fit_is_left_out_whole_and_said() {
    let lines: Vec<String> = (0..40).map(|n| format!("b. 60 IN A 192.0.2.{n}")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let response = answered(vec![held(&["a. 60 IN CNAME b."]), held(&lines)]);
    let packet = query("a.", RecordType::A, None);
    let (message, composed, _) = reply_to(&packet, &response, &PLAN, true);
    assert_eq!(types(&message.answer), [RecordType::CNAME]);
    assert!(message.header.flags.tc() && composed.truncated);
    let (message, composed, _) = reply_to(&packet, &response, &PLAN, false);
    assert_eq!(message.answer.len(), 41);
    assert!(!message.header.flags.tc() && !composed.truncated);
    // With OPT the room for it is kept.
    let packet = query("a.", RecordType::A, Some((700, false)));
    let (message, ..) = reply_to(&packet, &response, &PLAN, true);
    assert!(message.edns.is_some());
}

#[test]
fn a_negative_answer_keeps_its_soa_or_is_truncated() {
    let soa = held(&["z. 60 IN SOA ns.z. r.z. 1 2 3 4 5"]);
    let ns = held(&["z. 60 IN NS ns.z."]);
    let response = Response {
        authority: vec![soa, ns],
        ..Response::empty(Rcode::NXDOMAIN)
    };
    let packet = query("a.z.", RecordType::A, None);
    let (message, ..) = reply_to(&packet, &response, &PLAN, true);
    assert_eq!(types(&message.authority), [RecordType::SOA]);
    let (message, ..) = reply_to(&packet, &response, &FULL, true);
    assert_eq!(types(&message.authority), [RecordType::SOA, RecordType::NS]);
    let huge = held(&[&format!("z. 60 IN TYPE65280 \\# 480 {}", "AB".repeat(480))]);
    let response = Response {
        answer: vec![huge],
        ..response
    };
    let (message, composed, _) = reply_to(&packet, &response, &PLAN, true);
    assert_eq!((message.answer.len(), composed.truncated), (0, true));
    let fits = held(&[&format!("z. 60 IN TYPE65280 \\# 450 {}", "AB".repeat(450))]);
    let response = Response {
        answer: vec![fits],
        ..response
    };
    let (message, composed, _) = reply_to(&packet, &response, &PLAN, true);
    assert_eq!(
        (
            message.answer.len(),
            message.authority.len(),
            composed.truncated
        ),
        (1, 0, true)
    );
}

#[test]
fn additional_records_are_a_courtesy() {
    let response = Response {
        additional: vec![
            held(&["m. 60 IN A 192.0.2.1"]),
            held(&[
                &format!("n. 60 IN TXT {}", "x".repeat(250)),
                &format!("n. 60 IN TXT {}", "y".repeat(250)),
            ]),
            held(&["o. 60 IN A 192.0.2.1"]),
        ],
        ..answered(vec![held(&["a. 60 IN MX 1 m."])])
    };
    let packet = query("a.", RecordType::MX, None);
    assert!(
        reply_to(&packet, &response, &PLAN, true)
            .0
            .additional
            .is_empty()
    );
    let (message, composed, _) = reply_to(&packet, &response, &FULL, true);
    assert_eq!(types(&message.additional), [RecordType::A, RecordType::A]);
    assert!(!composed.truncated);
}

#[test]
fn signatures_only_with_do() {
    let proof = signed("z. 60 IN NSEC a.z. SOA");
    let response = Response {
        authority: vec![signed("z. 60 IN SOA ns.z. r.z. 1 2 3 4 5"), proof.clone()],
        ..answered(vec![signed("a.z. 60 IN A 192.0.2.1")])
    };
    let (message, ..) = reply_to(
        &query("a.z.", RecordType::A, Some((1232, false))),
        &response,
        &PLAN,
        true,
    );
    assert_eq!(types(&message.answer), [RecordType::A]);
    assert_eq!(types(&message.authority), [RecordType::SOA]);
    let (message, ..) = reply_to(
        &query("a.z.", RecordType::A, Some((1232, true))),
        &response,
        &PLAN,
        true,
    );
    assert_eq!(types(&message.answer), [RecordType::A, RecordType::RRSIG]);
    let (soa, nsec, sig) = (RecordType::SOA, RecordType::NSEC, RecordType::RRSIG);
    assert_eq!(types(&message.authority), [soa, sig, nsec, sig]);
    // Asked for by name, it is given without DO.
    let (message, ..) = reply_to(
        &query("z.", nsec, None),
        &answered(vec![proof]),
        &PLAN,
        true,
    );
    assert_eq!(types(&message.answer), [nsec]);
}

#[test]
fn ad_is_for_validated_answers_and_those_who_want_to_know() {
    let response = answered(vec![held(&["a. 60 IN A 192.0.2.1"])]);
    let with_do = query("a.", RecordType::A, Some((1232, true)));
    assert!(
        !reply_to(&with_do, &response, &PLAN, true)
            .0
            .header
            .flags
            .ad()
    );
    let mut validated = response;
    validated.answer[0].security = Security::Secure;
    assert!(
        reply_to(&with_do, &validated, &PLAN, true)
            .0
            .header
            .flags
            .ad()
    );
    let mut plain = query("a.", RecordType::A, None);
    assert!(
        !reply_to(&plain, &validated, &PLAN, true)
            .0
            .header
            .flags
            .ad()
    );
    plain[3] |= 0x20;
    assert!(
        reply_to(&plain, &validated, &PLAN, true)
            .0
            .header
            .flags
            .ad()
    );
}

#[test]
fn any_gets_one_set() {
    let response = answered(vec![
        held(&["a. 60 IN A 192.0.2.1", "a. 60 IN A 192.0.2.2"]),
        held(&["a. 60 IN MX 1 m."]),
    ]);
    let (message, ..) = reply_to(&query("a.", RecordType::ANY, None), &response, &PLAN, true);
    assert_eq!(types(&message.answer), [RecordType::A, RecordType::A]);
}

#[test]
fn only_what_ends_and_says_all_may_be_sent_again() {
    let packet = query("a.", RecordType::A, Some((1232, false)));
    let lifetime = |response: &Response| reply_to(&packet, response, &PLAN, true).1.lifetime;
    let set = held(&["a. 60 IN A 192.0.2.1"]);
    assert_eq!(lifetime(&answered(vec![set.clone()])), 60);
    assert_eq!(lifetime(&Response::empty(Rcode::NOERROR)), 0);
    let explained = Response {
        ede: Some(Ede::new(Ede::STALE_ANSWER, "")),
        ..answered(vec![set.clone()])
    };
    assert_eq!(lifetime(&explained), 0);
    let huge = held(&[&format!(
        "a. 60 IN TYPE65280 \\# 1300 {}",
        "AB".repeat(1300)
    )]);
    assert_eq!(lifetime(&answered(vec![set, huge])), 0);
}

#[test]
fn opt_is_appended_to_a_ready_made_reply() {
    let packet = query("a.", RecordType::A, Some((1232, true)));
    let view = QueryView::parse(&packet).unwrap();
    let response = answered(vec![held(&["a. 60 IN A 192.0.2.1"])]);
    let (_, composed, whole) = reply_to(&packet, &response, &PLAN, true);
    let mut out = vec![7; 3];
    out.extend_from_slice(&whole[..composed.body_len]);
    out[3 + 11] = 0;
    append_opt(&view, Rcode::NOERROR, None, &PLAN, 3, &mut out);
    assert_eq!(out[3..], whole);
    let plain = query("a.", RecordType::A, None);
    append_opt(
        &QueryView::parse(&plain).unwrap(),
        Rcode::NOERROR,
        None,
        &PLAN,
        3,
        &mut out,
    );
    assert_eq!(out[3..], whole);
}

#[test]
fn a_query_for_a_cookie_alone_gets_no_question() {
    let mut packet = Header {
        arcount: 1,
        ..Header::default()
    }
    .to_wire()
    .to_vec();
    let mut options = Vec::new();
    push_option(&mut options, 10, b"12345678");
    crate::wire::writer::write_opt(
        &mut packet,
        &Opt {
            options: &options,
            ..Opt::default()
        },
    );
    let (message, ..) = reply_to(&packet, &Response::empty(Rcode::NOERROR), &PLAN, true);
    assert_eq!(message.question, None);
    assert!(message.edns.is_some());
}

fn refused(packet: &[u8], rcode: Rcode) -> Vec<u8> {
    let mut out = Vec::new();
    assert!(refusal(packet, rcode, &mut out));
    assert!(
        out.len() <= packet.len(),
        "{} octets refused with {}",
        packet.len(),
        out.len()
    );
    out
}

#[test]
fn a_refusal_copies_what_it_must() {
    let mut packet = query("Www.Example.", RecordType::A, None);
    packet[3] |= 0x30;
    let message = Message::parse(&refused(&packet, Rcode::REFUSED)).unwrap();
    let expected = Flags::default()
        .with_qr(true)
        .with_rd(true)
        .with_cd(true)
        .with_rcode(Rcode::REFUSED);
    assert_eq!(
        (message.header.id, message.header.flags),
        (0xABCD, expected)
    );
    assert_eq!(message.question.unwrap().0.name.to_string(), "Www.Example.");
    assert_eq!(message.edns, None);
    let packet = query("a.", RecordType::A, Some((4096, true)));
    let out = refused(&packet, Rcode::BADVERS);
    let message = Message::parse(&out).unwrap();
    assert_eq!(message.rcode(), Rcode::BADVERS);
    assert!(message.edns.unwrap().dnssec_ok);
    assert_eq!(out.len(), packet.len());
}

#[test]
fn a_refusal_of_something_unreadable_is_a_header() {
    let mut out = Vec::new();
    assert!(!refusal(&[0; 11], Rcode::FORMERR, &mut out));
    assert!(out.is_empty());
    let mut packet = query("a.", RecordType::A, None);
    packet[2] |= 5 << 3;
    let out = refused(&packet, Rcode::NOTIMP);
    let header = Header::parse(&out).unwrap();
    assert_eq!(
        (out.len(), header.flags.opcode(), header.qdcount),
        (12, 5, 0)
    );
    assert_eq!(header.flags.rcode(), Rcode::NOTIMP);
    let mut two = query("a.", RecordType::A, None);
    two[5] = 2;
    assert_eq!(refused(&two, Rcode::FORMERR).len(), 12);
    // A readable question in front of rubbish is copied.
    let mut rubbish = query("a.", RecordType::A, None);
    let length = rubbish.len();
    rubbish.push(9);
    assert_eq!(refused(&rubbish, Rcode::FORMERR).len(), length);
    let short = &query("abc.", RecordType::A, None)[..15];
    assert_eq!(refused(short, Rcode::FORMERR).len(), 12);
}

#[test]
fn a_reason_is_given_where_the_querys_own_options_leave_room() {
    let with_cookie = |length: usize| {
        let mut options = Vec::new();
        push_option(&mut options, 65001, &vec![0; length]);
        let mut packet = Vec::new();
        let asked = Question::new("a.".parse().unwrap(), RecordType::A);
        write_query(
            &mut packet,
            1,
            Flags::default(),
            &asked,
            Some(&Opt {
                options: &options,
                ..Opt::default()
            }),
        );
        let mut out = Vec::new();
        assert!(refusal_with_ede(
            &packet,
            Rcode::REFUSED,
            Ede::PROHIBITED,
            &mut out
        ));
        assert!(out.len() <= packet.len());
        Message::parse(&out).unwrap().edns.unwrap().options
    };
    assert_eq!(*with_cookie(2), *b"\x00\x0F\x00\x02\x00\x12");
    assert!(with_cookie(1).is_empty());
}

proptest! {
    #[test]
    fn a_refusal_is_never_longer_than_the_query(
        mut octets in proptest::collection::vec(any::<u8>(), 0..120),
        sane in any::<bool>(),
        rcode in 0_u16..4096,
        code in any::<u16>(),
    ) {
        if sane && octets.len() >= 12 {
            let arcount = octets[11] % 3;
            octets[2] &= 0x87;
            octets[4..12].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, arcount]);
        }
        for with_ede in [false, true] {
            let mut out = Vec::new();
            let wrote = if with_ede {
                refusal_with_ede(&octets, Rcode(rcode), code, &mut out)
            } else {
                refusal(&octets, Rcode(rcode), &mut out)
            };
            prop_assert_eq!(wrote, octets.len() >= 12);
            prop_assert!(out.len() <= octets.len());
            if wrote {
                let message = Message::parse(&out).unwrap();
                prop_assert!(message.header.flags.qr() && !message.header.flags.ra());
                prop_assert_eq!(&out[..2], &octets[..2]);
            }
        }
    }

    /// The short way through a query finds what reading it in full finds.
    #[test]
    fn what_a_refusal_copies_is_what_a_full_reading_finds(
        edns in proptest::option::of((any::<u16>(), any::<bool>())),
        options in proptest::collection::vec(any::<u8>(), 0..12),
        damage in proptest::option::of((0_usize..60, any::<u8>())),
        cut in proptest::option::of(12_usize..60),
    ) {
        let mut packet = query("www.Example.com.", RecordType::A, edns);
        if edns.is_some() {
            let length = packet.len();
            packet[length - 1] = u8::try_from(options.len()).unwrap();
            packet.extend_from_slice(&options);
        }
        if let Some((at, octet)) = damage {
            let at = at % packet.len();
            packet[at] = octet;
        }
        packet.truncate(cut.unwrap_or(usize::MAX));
        let out = refused(&packet, Rcode::REFUSED);
        let message = Message::parse(&out).unwrap();
        match QueryView::parse(&packet) {
            Ok(query) if query.flags.opcode() == 0 => {
                prop_assert_eq!(&out[12..][..query.question_end - 12], &packet[12..query.question_end]);
                prop_assert_eq!(message.header.qdcount, u16::from(query.question_end > 12));
                prop_assert_eq!(
                    message.edns.map(|edns| edns.dnssec_ok),
                    query.edns.map(|edns| edns.dnssec_ok)
                );
            }
            _ => prop_assert_eq!(message.edns, None),
        }
    }

    #[test]
    fn damaged_queries_are_refused_small(at in 0_usize..50, octet in any::<u8>(), cut in 12_usize..60) {
        let mut packet = query("www.example.com.", RecordType::A, Some((4096, true)));
        let at = at % packet.len();
        packet[at] = octet;
        packet.truncate(cut);
        refused(&packet, Rcode::REFUSED);
    }

    #[test]
    fn replies_fit_and_can_be_read(
        sizes in proptest::collection::vec(1_usize..300, 0..12),
        edns in proptest::option::of((0_u16..3000, any::<bool>())),
        minimal in any::<bool>(),
        reason in proptest::option::of("[a-z ]{0,100}"),
    ) {
        let set = |size: &usize| held(&[&format!("o{size}. 60 IN TYPE65280 \\# {size} {}", "AB".repeat(*size))]);
        let sets: Vec<Held> = sizes.iter().map(set).collect();
        let response = Response {
            authority: sets.clone(),
            additional: sets.clone(),
            ede: reason.map(|text| Ede { code: 0, text: text.into() }),
            ..answered(sets.clone())
        };
        let packet = query("q.", RecordType::A, edns);
        let plan = plan::Answer { minimal, ..PLAN };
        let (message, composed, out) = reply_to(&packet, &response, &plan, true);
        prop_assert_eq!(message.edns.is_some(), edns.is_some());
        prop_assert_eq!(message.header.flags.tc(), message.answer.len() < sets.len());
        prop_assert_eq!(composed.ttl_offsets.len(), message.answer.len() + message.authority.len() + message.additional.len());
        for at in &composed.ttl_offsets {
            prop_assert_eq!(&out[usize::from(*at)..][..4], &[0, 0, 0, 60]);
        }
    }
}
