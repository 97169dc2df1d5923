//! CNAME and DNAME chains: followed, kept, bounded, never in circles (RFC 6604, RFC 6672).

use super::internet::{Deed, Internet, cached, name, rr, says, soa};
use crate::recursion::Over;
use crate::wire::{Rcode, RecordType};

const A: &str = "192.0.2.1";
const B: &str = "192.0.2.2";

fn two_zones(a: &[&str], b: &[&str]) -> Internet {
    let mut internet = Internet::new();
    internet.zone("a.test", &[A], a);
    internet.zone("b.test", &[B], b);
    internet
}

#[test]
fn a_chain_through_two_zones_is_answered_in_order() {
    let mut internet = two_zones(
        &["www.a.test CNAME x.a.test", "x.a.test CNAME y.b.test"],
        &["y.b.test CNAME z.b.test", "z.b.test A 192.0.2.80"],
    );
    let chain = [
        "www.a.test. CNAME x.a.test.",
        "x.a.test. CNAME y.b.test.",
        "y.b.test. CNAME z.b.test.",
        "z.b.test. A 192.0.2.80",
    ];
    let run = internet.ask("www.a.test", "A");
    assert_eq!(run.answer(), chain);
    assert_eq!(run.sent.len(), 5, "{:?}", run.questions());
    let run = internet.ask("www.a.test", "A");
    assert_eq!(
        (run.answer(), run.sent.len()),
        (chain.map(str::to_owned).to_vec(), 0)
    );
    assert_eq!(internet.ask("www.a.test", "CNAME").answer(), chain[..1]);
}

#[test]
fn a_cached_link_saves_its_packet() {
    let mut internet = two_zones(
        &["www.a.test CNAME y.b.test"],
        &["y.b.test A 192.0.2.80", "y.b.test TXT hi"],
    );
    internet.ask("www.a.test", "A");
    let run = internet.ask("www.a.test", "TXT");
    assert_eq!((run.answer().len(), run.to(A), run.to(B)), (2, 0, 1));
}

#[test]
fn a_chain_to_nothing_keeps_the_chain_and_has_the_code_of_its_end() {
    for (target, rcode) in [
        ("no.b.test", Rcode::NXDOMAIN),
        ("txt.b.test", Rcode::NOERROR),
        ("no.a.test", Rcode::NXDOMAIN),
    ] {
        let link = format!("www.a.test CNAME {target}");
        let mut internet = two_zones(&[&link], &["txt.b.test TXT hello"]);
        for packets in [true, false] {
            let run = internet.ask("www.a.test", "A");
            assert_eq!(run.rcode(), rcode);
            assert_eq!(run.answer(), [format!("www.a.test. CNAME {target}.")]);
            assert_eq!(run.response.authority[0].rrset.rtype, RecordType::SOA);
            assert_eq!(!run.sent.is_empty(), packets);
        }
    }
}

#[test]
fn what_a_server_says_about_a_target_outside_its_zone_is_asked_anew() {
    let mut internet = two_zones(&[], &["y.b.test A 192.0.2.80"]);
    internet.villain(A, |question, _| {
        Deed::Say(says(
            question,
            &["www.a.test CNAME y.b.test", "y.b.test A 6.6.6.6"],
        ))
    });
    let run = internet.ask("www.a.test", "A");
    assert_eq!(
        run.answer(),
        ["www.a.test. CNAME y.b.test.", "y.b.test. A 192.0.2.80"]
    );
    assert!(
        !cached(&internet)
            .iter()
            .any(|(line, _)| line.contains("6.6.6.6"))
    );
}

#[test]
fn nxdomain_for_a_target_outside_the_zone_is_not_believed() {
    let mut internet = two_zones(&[], &["y.b.test A 192.0.2.80"]);
    internet.villain(A, |question, _| {
        let mut message = says(question, &["www.a.test CNAME y.b.test"]);
        message.header.flags = message.header.flags.with_rcode(Rcode::NXDOMAIN);
        message.authority.push(soa("b.test"));
        Deed::Say(message)
    });
    assert_eq!(internet.ask("www.a.test", "A").answer().len(), 2);
}

#[test]
fn a_name_that_points_at_itself_fails() {
    let mut internet = two_zones(&["www.a.test CNAME www.a.test"], &[]);
    let run = internet.ask("www.a.test", "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    assert_eq!(
        run.ede(),
        (24, "the CNAME chain comes back to www.a.test.".to_owned())
    );
    assert!(run.answer().is_empty() && run.sent.len() <= 3);
    assert_eq!(internet.ask("www.a.test", "A").sent.len(), 0, "remembered");
    assert_eq!(internet.ask("www.a.test", "CNAME").rcode(), Rcode::NOERROR);
}

#[test]
fn a_loop_of_three_fails_wherever_its_links_lie() {
    for (two, three) in [("x.a.test", "y.a.test"), ("x.b.test", "y.a.test")] {
        let links = [
            format!("www.a.test CNAME {two}"),
            format!("{two} CNAME {three}"),
            format!("{three} CNAME www.a.test"),
        ];
        let links: Vec<&str> = links.iter().map(String::as_str).collect();
        let mut internet = two_zones(&links, &links);
        let run = internet.ask("www.a.test", "A");
        assert_eq!((run.rcode(), run.ede().0), (Rcode::SERVFAIL, 24));
        assert!(run.sent.len() <= 7, "{:?}", run.questions());
    }
}

/// `c0 -> c1 -> … -> cN` in one zone, data at the end; the server gives one link a reply if `singly`.
fn chain(links: usize, singly: bool) -> Internet {
    let records: Vec<String> = (0..links)
        .map(|i| format!("c{i}.a.test CNAME c{}.a.test", i + 1))
        .chain([format!("c{links}.a.test A 192.0.2.80")])
        .collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let mut internet = two_zones(&records, &[]);
    if singly {
        internet.twist(A, |_, message| message.answer.truncate(1));
    }
    internet
}

#[test]
fn eleven_links_are_followed_and_the_twelfth_is_not() {
    for singly in [false, true] {
        let run = chain(11, singly).ask("c0.a.test", "A");
        assert_eq!(
            (run.rcode(), run.answer().len()),
            (Rcode::NOERROR, 12),
            "singly: {singly}"
        );
        let mut internet = chain(12, singly);
        let run = internet.ask("c0.a.test", "A");
        assert_eq!(run.rcode(), Rcode::SERVFAIL);
        assert_eq!(run.ede().1, "CNAME or DNAME chain too long");
        assert!(run.answer().is_empty());
        assert_eq!(internet.ask("c0.a.test", "A").sent.len(), 0, "remembered");
        assert_eq!(
            internet.ask("c9.a.test", "A").rcode(),
            Rcode::NOERROR,
            "the next query is served"
        );
    }
}

#[test]
fn a_chain_of_a_hundred_and_an_endless_one_cost_at_most_14_packets() {
    for singly in [false, true] {
        let run = chain(100, singly).ask("c0.a.test", "A");
        assert_eq!(run.rcode(), Rcode::SERVFAIL);
        assert!(run.sent.len() <= 14, "{}", run.sent.len());
    }
    let mut internet = two_zones(&[], &[]);
    internet.villain(A, |question, _| {
        let link = format!("{} CNAME x{}", question.name, question.name);
        Deed::Say(says(question, &[&link]))
    });
    let run = internet.ask("w.a.test", "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    assert!(run.sent.len() <= 14, "{}", run.sent.len());
}

#[test]
fn a_farm_of_names_that_point_at_each_other_ends() {
    // Every name of a points at a fresh name of b and the other way round, with distractions beside.
    let mut internet = two_zones(&[], &[]);
    for (at, other) in [(A, "b.test"), (B, "a.test")] {
        internet.villain(at, move |question, _| {
            let label = question.name.as_wire().len();
            let records: Vec<String> =
                std::iter::once(format!("{} CNAME n{label}.{other}", question.name))
                    .chain((0..50).map(|i| format!("f{i}.{other} CNAME f{}.{other}", i + 1)))
                    .collect();
            let records: Vec<&str> = records.iter().map(String::as_str).collect();
            Deed::Say(says(question, &records))
        });
    }
    let run = internet.ask("w.a.test", "A");
    assert_eq!(run.rcode(), Rcode::SERVFAIL);
    assert!(run.sent.len() <= 16);
}

#[test]
fn a_dname_is_followed_with_and_without_the_cname_it_makes() {
    for strip in [false, true] {
        let mut internet = two_zones(
            &["d.a.test DNAME b.test"],
            &["www.b.test A 192.0.2.80", "x.y.b.test A 192.0.2.81"],
        );
        if strip {
            internet.twist(A, |_, message| {
                message
                    .answer
                    .retain(|record| record.rtype != RecordType::CNAME)
            });
        }
        let expected = [
            "d.a.test. DNAME b.test.",
            "www.d.a.test. CNAME www.b.test.",
            "www.b.test. A 192.0.2.80",
        ];
        let run = internet.ask("www.d.a.test", "A");
        assert_eq!(
            (run.rcode(), run.answer()),
            (Rcode::NOERROR, expected.map(str::to_owned).to_vec()),
            "stripped: {strip}"
        );
        assert_eq!(
            internet.ask("x.y.d.a.test", "A").answer().last().unwrap(),
            "x.y.b.test. A 192.0.2.81"
        );
        assert_eq!(
            internet.ask("d.a.test", "A").rcode(),
            Rcode::NOERROR,
            "the owner itself is not renamed"
        );
    }
}

#[test]
fn a_cname_that_contradicts_its_dname_is_replaced() {
    let mut internet = two_zones(&[], &["www.b.test A 192.0.2.80"]);
    internet.villain(A, |question, _| {
        if question.name == name("d.a.test") {
            return Deed::Say(says(question, &[]));
        }
        Deed::Say(says(
            question,
            &["d.a.test DNAME b.test", "www.d.a.test CNAME evil.test"],
        ))
    });
    assert_eq!(
        internet.ask("www.d.a.test", "A").answer()[1..],
        [
            "www.d.a.test. CNAME www.b.test.",
            "www.b.test. A 192.0.2.80"
        ]
    );
}

#[test]
fn a_dname_from_a_datagram_is_used_once_and_one_from_a_stream_is_kept() {
    for tcp in [false, true] {
        let mut internet = two_zones(
            &[],
            &["www.b.test A 192.0.2.80", "mail.b.test A 192.0.2.81"],
        );
        internet.villain(A, move |question, over| {
            let mut message = says(question, &[]);
            if question.name != name("d.a.test") {
                message.answer.push(rr("d.a.test DNAME b.test"));
                message.header.flags = message.header.flags.with_tc(tcp && over == Over::Udp);
            }
            Deed::Say(message)
        });
        internet.ask("www.d.a.test", "A");
        let kept = cached(&internet)
            .iter()
            .any(|(line, _)| line.contains("DNAME"));
        assert_eq!(kept, tcp);
        let run = internet.ask("mail.d.a.test", "A");
        assert_eq!(run.answer().len(), 3);
        assert_eq!(run.to(A) == 0, tcp);
    }
}

#[test]
fn a_name_that_a_dname_makes_too_long_is_yxdomain() {
    let long = format!("{0}.{0}.{0}.b.test", "l".repeat(63));
    let dname = format!("d.a.test DNAME {long}");
    let mut internet = two_zones(&[&dname], &[]);
    let owner = format!("{}.d.a.test", "x".repeat(63));
    let run = internet.ask(&owner, "A");
    assert_eq!(run.rcode(), Rcode::YXDOMAIN);
    assert_eq!(run.response.answer[0].rrset.rtype, RecordType::DNAME);
    // The code alone, without a DNAME that explains it, is an error like any other.
    internet.errs(A, Rcode::YXDOMAIN);
    assert_eq!(internet.ask("other.a.test", "A").rcode(), Rcode::SERVFAIL);
}

#[test]
fn data_beside_a_cname_wins_over_it() {
    let mut internet = two_zones(&[], &[]);
    internet.villain(A, |question, _| {
        Deed::Say(says(
            question,
            &["www.a.test CNAME y.b.test", "www.a.test A 192.0.2.80"],
        ))
    });
    assert_eq!(
        internet.ask("www.a.test", "A").answer(),
        ["www.a.test. A 192.0.2.80"]
    );
}
