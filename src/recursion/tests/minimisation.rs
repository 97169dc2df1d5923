//! What servers get to see of a name (RFC 9156), in each mode, and the way back when a server cannot take it.

use super::internet::{Deed, Internet, TEST, error, name, says, soa};
use crate::config::plan::Minimisation;
use crate::wire::{Rcode, RecordType};

const A: &str = "192.0.2.1";

fn deep() -> Internet {
    let mut internet = Internet::new();
    internet.zone(
        "a.test",
        &[A],
        &[
            "one.two.three.a.test AAAA 2001:db8::1",
            "_25._tcp.mail.a.test TXT tlsa",
        ],
    );
    internet
}

#[test]
fn a_server_sees_one_label_more_than_it_serves_and_the_type_only_at_the_end() {
    let run = deep().ask("one.two.three.a.test", "AAAA");
    assert_eq!(
        run.questions(),
        [
            "test. A",
            "a.test. A",
            "three.a.test. A",
            "two.three.a.test. A",
            "one.two.three.a.test. AAAA"
        ]
    );
}

#[test]
fn off_shows_everything_to_everybody() {
    let mut internet = deep();
    internet.plan.qname_minimisation = Minimisation::Off;
    let run = internet.ask("one.two.three.a.test", "AAAA");
    assert_eq!(run.questions(), vec!["one.two.three.a.test. AAAA"; 3]);
}

#[test]
fn underscore_labels_are_not_asked_for_alone() {
    let run = deep().ask("_25._tcp.mail.a.test", "TXT");
    assert_eq!(
        run.questions(),
        [
            "test. A",
            "a.test. A",
            "mail.a.test. A",
            "_25._tcp.mail.a.test. TXT"
        ]
    );
}

#[test]
fn nxdomain_in_the_middle_is_checked_when_relaxed_and_believed_when_strict() {
    for mode in [Minimisation::Relaxed, Minimisation::Strict] {
        let mut internet = deep();
        internet.plan.qname_minimisation = mode;
        internet.villain(A, |question, _| {
            if question.name == name("one.two.three.a.test") {
                return Deed::Say(says(question, &["one.two.three.a.test A 192.0.2.80"]));
            }
            let mut message = error(question, Rcode::NXDOMAIN);
            message.header.flags = message.header.flags.with_aa(true);
            message.authority.push(soa("a.test"));
            Deed::Say(message)
        });
        for packets in [[2, 1], [0, 0]] {
            let run = internet.ask("one.two.three.a.test", "A");
            if mode == Minimisation::Relaxed {
                assert_eq!((run.rcode(), run.to(A)), (Rcode::NOERROR, packets[0]));
            } else {
                assert_eq!((run.rcode(), run.to(A)), (Rcode::NXDOMAIN, packets[1]));
                assert_eq!(run.response.authority.len(), 1);
            }
        }
        let run = internet.ask("four.two.three.a.test", "A");
        assert_eq!(
            (run.rcode(), run.to(A)),
            (Rcode::NXDOMAIN, packets_for_a_neighbour(mode))
        );
    }
}

/// The middle is known not to exist: relaxed asks for the full name alone, strict asks nothing.
fn packets_for_a_neighbour(mode: Minimisation) -> usize {
    usize::from(mode == Minimisation::Relaxed)
}

#[test]
fn a_cname_in_the_middle_of_a_name_does_not_end_the_way_down() {
    let mut internet = deep();
    internet.add(
        A,
        "a.test",
        &[
            "mid.a.test CNAME elsewhere.test",
            "below.mid.a.test A 192.0.2.80",
        ],
    );
    assert_eq!(
        internet.ask("below.mid.a.test", "A").answer(),
        ["below.mid.a.test. A 192.0.2.80"]
    );
}

#[test]
fn a_reverse_name_of_34_labels_takes_at_most_14_packets_and_a_name_of_40_labels_too() {
    let mut internet = Internet::new();
    let reverse = format!("{}ip6.arpa", "1.".repeat(32));
    let record = format!("{reverse} PTR host.test");
    internet.add(
        super::internet::ROOT,
        ".",
        &["arpa NS ns.arpa", "ns.arpa A 192.0.2.51"],
    );
    internet.serve(
        "192.0.2.51",
        "arpa",
        &["ip6.arpa NS ns.ip6.arpa", "ns.ip6.arpa A 192.0.2.52"],
    );
    internet.serve("192.0.2.52", "ip6.arpa", &[&record]);
    let run = internet.ask(&reverse, "PTR");
    assert_eq!(run.answer(), [format!("{reverse}. PTR host.test.")]);
    assert!(run.sent.len() <= 12, "{:?}", run.questions());

    let long = format!("{}a.test", "l.".repeat(38));
    let record = format!("{long} A 192.0.2.80");
    let mut internet = deep();
    internet.add(A, "a.test", &[&record]);
    let run = internet.ask(&long, "A");
    assert_eq!(run.answer().len(), 1);
    assert!(run.sent.len() <= 14, "{:?}", run.questions());
}

#[test]
fn one_reply_lost_at_the_top_level_does_not_show_it_the_full_name() {
    let mut internet = deep();
    internet.add(
        super::internet::ROOT,
        ".",
        &["test NS ns2.nic.test", "ns2.nic.test A 192.5.6.31"],
    );
    internet.serve(
        "192.5.6.31",
        "test",
        &["a.test NS ns0.a.test", "ns0.a.test A 192.0.2.1"],
    );
    internet.silence(TEST);
    let run = internet.ask("one.two.three.a.test", "AAAA");
    assert_eq!(run.response.answer[0].rrset.rtype, RecordType::AAAA);
    let shown: Vec<_> = run
        .sent
        .iter()
        .filter(|sent| sent.to != super::internet::ip(A))
        .map(|sent| sent.question.to_string())
        .collect();
    assert_eq!(shown, ["test. A", "a.test. A", "a.test. A"]);
}

#[test]
fn two_errors_for_a_shortened_name_are_enough_to_ask_for_the_full_one() {
    for mode in [Minimisation::Relaxed, Minimisation::Strict] {
        let servers: Vec<String> = (1..=5).map(|i| format!("192.0.2.{i}")).collect();
        let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
        let mut internet = Internet::new();
        internet.plan.qname_minimisation = mode;
        internet.zone("a.test", &servers, &[]);
        for at in &servers {
            internet.villain(at, |question, _| {
                if question.name.label_count() < 5 {
                    return Deed::Say(error(question, Rcode::REFUSED));
                }
                Deed::Say(says(question, &["w.x.y.a.test A 192.0.2.80"]))
            });
        }
        let run = internet.ask("w.x.y.a.test", "A");
        assert_eq!(run.answer(), ["w.x.y.a.test. A 192.0.2.80"]);
        // Strict shows the full name only when nobody takes the shortened one.
        let refused = if mode == Minimisation::Relaxed { 2 } else { 5 };
        assert_eq!(run.sent.len(), 2 + refused + 1, "{:?}", run.questions());
    }
}
