//! Does an answer read like dig's, and a failure in plain words?

use super::*;
use crate::ops::control::protocol::Spent;

fn step(at_us: u64, depth: u32, kind: &str, text: &str) -> TraceStep {
    TraceStep {
        at_us,
        depth,
        kind: kind.to_owned(),
        text: text.to_owned(),
        ..TraceStep::default()
    }
}

fn answered() -> AskReport {
    AskReport {
        name: "www.example.com.".to_owned(),
        rtype: "A".to_owned(),
        rcode: "NOERROR".to_owned(),
        flags: vec!["qr".to_owned(), "rd".to_owned(), "ra".to_owned()],
        answer: vec![
            "www.example.com. 300 IN CNAME web.example.com.".to_owned(),
            "web.example.com. 86400 IN TXT \"two words\"".to_owned(),
        ],
        source: "recursion".to_owned(),
        elapsed_us: 23_400,
        spent: Spent {
            packets: 3,
            packets_limit: 50,
            bytes: 612,
            bytes_limit: 200_000,
            links: 1,
            links_limit: 11,
            failing_ns_names: 0,
            failing_ns_names_limit: 5,
            ..Spent::default()
        },
        ..AskReport::default()
    }
}

#[test]
fn an_answer_looks_like_digs() {
    assert_eq!(
        human(&answered(), Paint::plain()),
        "\
;; status: NOERROR, flags: qr rd ra; answer 2, authority 0, additional 0

;; QUESTION
;www.example.com.  IN  A

;; ANSWER
www.example.com.    300  IN  CNAME  web.example.com.
web.example.com.  86400  IN  TXT    \"two words\"

;; from the zone's own servers in 23.4 ms; spent 3 of 50 packets, 612 B of 195.3 KiB, 1 of 11 links
"
    );
}

#[test]
fn a_trace_of_a_failing_name_numbers_its_steps_and_ends_in_plain_words() {
    let lame = "192.0.2.7 is not authoritative for example.com.";
    let report = AskReport {
        rcode: "SERVFAIL".to_owned(),
        answer: vec![],
        extended_error: Some(ExtendedError {
            code: 22,
            text: "192.0.2.7 is not authoritative for example.com.".to_owned(),
        }),
        trace: vec![
            step(80, 0, "approach", "zone com.: 13 addresses from the cache"),
            TraceStep {
                server: Some("192.0.2.1".to_owned()),
                rtt_us: Some(12_300),
                packets_spent: Some(1),
                ..step(12_380, 0, "reply", "NOERROR, referral")
            },
            TraceStep {
                packets_spent: Some(1),
                ..step(12_390, 0, "referral", "referral from . to com.: 13 servers")
            },
            step(12_400, 1, "look_up", "look up server: ns.other.net. A"),
            step(23_000, 0, "fault", &format!("fault: {lame}")),
            step(23_100, 0, "fault", lame),
        ],
        ..answered()
    };
    assert_eq!(
        human(&report, Paint::plain()),
        "\
1  0.08 ms  approach  zone com.: 13 addresses from the cache
2  12.4 ms  reply     NOERROR, referral [192.0.2.1, 12.3 ms, 1 packet so far]
3  12.4 ms  referral  from . to com.: 13 servers
4  12.4 ms  look up     server: ns.other.net. A
5  23.0 ms  fault     192.0.2.7 is not authoritative for example.com.
6  23.1 ms  fault     192.0.2.7 is not authoritative for example.com.

;; status: SERVFAIL, flags: qr rd ra; answer 0, authority 0, additional 0
;; extended error 22 (No Reachable Authority): 192.0.2.7 is not authoritative for example.com.

;; QUESTION
;www.example.com.  IN  A

;; from the zone's own servers in 23.4 ms; spent 3 of 50 packets, 612 B of 195.3 KiB, 1 of 11 links

Why there is no answer
  www.example.com. could not be resolved (SERVFAIL).
  None of its zone's servers gave a usable answer: they were silent, refused, or do not serve the zone.
  The resolver says: 192.0.2.7 is not authoritative for example.com.
  On the way:
  - 192.0.2.7 is not authoritative for example.com.
"
    );
}

#[test]
fn negative_answers_are_told_apart() {
    let of = |rcode: &str, source: &str| {
        explanation(&AskReport {
            rcode: rcode.to_owned(),
            answer: vec![],
            source: source.to_owned(),
            ..answered()
        })
    };
    assert_eq!(
        of("NXDOMAIN", "cache"),
        ["www.example.com. does not exist: the servers of its zone say so."]
    );
    assert!(of("NXDOMAIN", "policy")[0].contains("special-use rule of this resolver"));
    assert_eq!(
        of("NOERROR", "recursion"),
        ["www.example.com. exists, but has no records of type A."]
    );
    let failed = of("SERVFAIL", "recursion");
    assert_eq!(
        failed.last().unwrap(),
        "Add --trace to see which server did what."
    );
    assert!(explanation(&answered()).is_empty());
}

#[test]
fn a_used_up_budget_is_named_with_its_setting() {
    let mut report = answered();
    report.rcode = "SERVFAIL".to_owned();
    report.spent.packets = 50;
    let words = explanation(&report).join("\n");
    assert!(
        words.contains("all 50 packets one question may cost (limits.packets)"),
        "{words}"
    );
}

#[test]
fn many_faults_are_cut_short() {
    let trace: Vec<TraceStep> = (0..15)
        .map(|n| step(0, 0, "fault", &format!("192.0.2.{n} did not answer")))
        .collect();
    let lines = faults(&trace);
    assert_eq!(lines.len(), 12);
    assert_eq!(lines.last().unwrap(), "- and 5 more");
}

#[test]
fn a_bogus_answer_is_explained_and_what_checking_cost_is_told() {
    let report = AskReport {
        rcode: "SERVFAIL".to_owned(),
        answer: vec![],
        extended_error: Some(ExtendedError {
            code: 7,
            text: "www.example.com. A: signature expired".to_owned(),
        }),
        trace: vec![
            step(1, 0, "zone", "zone com. is secure"),
            step(2, 0, "validated", "validated: www.example.com. A secure"),
            step(3, 0, "synthesised", "proven without asking: a. A NXDOMAIN"),
            step(
                4,
                0,
                "bogus",
                "bogus: www.example.com. A: signature expired",
            ),
        ],
        spent: Spent {
            signatures: 7,
            signatures_limit: 32,
            nsec3_hashes: 2,
            nsec3_hashes_limit: 300,
            ..answered().spent
        },
        ..answered()
    };
    assert_eq!(
        human(&report, Paint::plain()),
        "\
1  0.00 ms  zone         com. is secure
2  0.00 ms  validated    www.example.com. A secure
3  0.00 ms  synthesised  proven without asking: a. A NXDOMAIN
4  0.00 ms  bogus        www.example.com. A: signature expired

;; status: SERVFAIL, flags: qr rd ra; answer 0, authority 0, additional 0
;; extended error 7 (Signature Expired): www.example.com. A: signature expired

;; QUESTION
;www.example.com.  IN  A

;; from the zone's own servers in 23.4 ms; spent 3 of 50 packets, 612 B of 195.3 KiB, 1 of 11 links, 7 of 32 signatures, 2 of 300 NSEC3 hashes

Why there is no answer
  www.example.com. could not be resolved (SERVFAIL).
  Its signatures are not valid at this time: a mistake of the zone's operator, old records replayed, or a wrong clock on this host.
  The resolver says: www.example.com. A: signature expired.
  On the way:
  - www.example.com. A: signature expired
"
    );
}
