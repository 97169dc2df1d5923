//! Does each MATCH word see what it should and nothing else?

use super::read;
use crate::drill::scenario::matching::{Came, differences, matches};
use crate::drill::scenario::{Entry, Flavour, packet};
use crate::wire::Message;

/// What the message says unless a case says otherwise.
const PLAIN: &str = "REPLY QR AA RD NOERROR\nSECTION QUESTION\nwww.example.com. IN A\nSECTION ANSWER\nwww.example.com. 60 IN A 192.0.2.1\n\
    www.example.com. 60 IN A 192.0.2.2\nSECTION AUTHORITY\nexample.com. 60 IN SOA ns.example.com. a.example.com. 7 2 3 4 5\nSECTION ADDITIONAL\n\
    ns.example.com. 60 IN A 192.0.2.9";

fn entry(text: &str) -> Entry {
    let text = format!(
        "stub-zone:\nname: \".\"\nstub-addr: 192.0.2.1\nCONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 0 1\nENTRY_BEGIN\n{text}\n\
         ENTRY_END\nRANGE_END\nSCENARIO_END\n"
    );
    read(&text).ranges[0].entries[0].clone()
}

fn message(text: &str) -> Message {
    Message::parse(&packet::query(&entry(text), Flavour::Testbound, 1)).unwrap()
}

/// Whether a message `got` matches `word` with the plain message as expectation.
fn plain_matches(word: &str, got: &str, tcp: bool) -> bool {
    let entry = entry(&format!("MATCH {word}\n{PLAIN}"));
    let message = message(got);
    let message = &message;
    matches(&entry, Flavour::Testbound, Came { message, tcp })
}

#[test]
fn every_word_sees_its_own_part() {
    // The word, and a change of the message that only words about that part may see.
    let changes = [
        ("opcode", "REPLY QR", "REPLY NOTIFY QR"),
        (
            "qtype",
            "com. IN A\nSECTION ANSWER",
            "com. IN AAAA\nSECTION ANSWER",
        ),
        (
            "qname",
            "www.example.com. IN A\nSECTION ANSWER",
            "ftp.example.com. IN A\nSECTION ANSWER",
        ),
        (
            "qcase",
            "www.example.com. IN A\nSECTION ANSWER",
            "wWw.example.com. IN A\nSECTION ANSWER",
        ),
        (
            "subdomain",
            "www.example.com. IN A\nSECTION ANSWER",
            "example.com. IN A\nSECTION ANSWER",
        ),
        (
            "question",
            "com. IN A\nSECTION ANSWER",
            "com. CH A\nSECTION ANSWER",
        ),
        ("rcode", "NOERROR", "NXDOMAIN"),
        ("flags", "QR AA", "QR"),
        ("AA", "QR AA", "QR"),
        ("RD", "RD NOERROR", "NOERROR"),
        ("answer", "192.0.2.2", "192.0.2.3"),
        ("answer", "www.example.com. 60 IN A 192.0.2.2\n", ""),
        ("authority", "a.example.com. 7", "a.example.com. 8"),
        ("additional", "192.0.2.9", "192.0.2.8"),
        ("answer ttl", "60 IN A 192.0.2.1", "61 IN A 192.0.2.1"),
        ("serial=7", "a.example.com. 7", "a.example.com. 8"),
        ("answertypes", "60 IN A 192.0.2.2", "60 IN TXT \"x\""),
        ("noedns", "RD NOERROR", "RD DO NOERROR"),
    ];
    for (word, from, to) in changes {
        assert!(PLAIN.contains(from), "{from}");
        assert!(
            plain_matches(word, PLAIN, false),
            "{word} sees what is not there"
        );
        let changed = PLAIN.replacen(from, to, 1);
        assert!(
            !plain_matches(word, &changed, false),
            "{word} does not see {to:?}"
        );
    }
    for (from, to) in [
        ("NOERROR", "NXDOMAIN"),
        ("QR AA", "QR"),
        ("192.0.2.2", "192.0.2.3"),
        ("192.0.2.9", "192.0.2.8"),
        (" 7 2", " 8 2"),
    ] {
        let changed = PLAIN.replacen(from, to, 1);
        assert!(
            !plain_matches("all", &changed, false),
            "all does not see {to}"
        );
        assert!(
            plain_matches("opcode qtype qname question", &changed, false),
            "{to}"
        );
    }
}

#[test]
fn order_case_and_ttl_do_not_count_unless_asked() {
    let other = PLAIN
        .replace("192.0.2.1\n", "192.0.2.X\n")
        .replace("192.0.2.2\n", "192.0.2.1\n")
        .replace("192.0.2.X\n", "192.0.2.2\n")
        .replace("www.example.com. 60", "WWW.Example.com. 90")
        .replace("ns.example.com. a.", "NS.example.COM. a.");
    assert!(plain_matches("all", &other, false));
    assert!(!plain_matches("all ttl", &other, false));
    let below = PLAIN.replace(
        "www.example.com. IN A\nSECTION ANSWER",
        "a.www.example.com. IN A\nSECTION ANSWER",
    );
    assert!(plain_matches("subdomain", &below, false));
}

#[test]
fn transport_and_edns_are_seen() {
    assert!(plain_matches("UDP", PLAIN, false) && !plain_matches("UDP", PLAIN, true));
    assert!(plain_matches("TCP", PLAIN, true) && !plain_matches("TCP", PLAIN, false));
    let with_do = PLAIN.replace("QR AA", "QR AA DO");
    assert!(plain_matches("DO", &with_do, false) && !plain_matches("DO", PLAIN, false));
    assert!(!plain_matches("all", &with_do, false) && plain_matches("all_noedns", &with_do, false));
    let edns = |octets: &str| {
        PLAIN.replace(
            "SECTION ADDITIONAL\n",
            &format!("SECTION ADDITIONAL\nHEX_EDNSDATA_BEGIN\n{octets}\nHEX_EDNSDATA_END\n"),
        )
    };
    let filtered = edns("00 0f 00 02 00 11");
    assert!(
        plain_matches("ede=17", &filtered, false) && plain_matches("ede=any", &filtered, false)
    );
    assert!(!plain_matches("ede=18", &filtered, false) && !plain_matches("ede=any", PLAIN, false));
    assert!(plain_matches("edns", &filtered, false) && !plain_matches("edns", PLAIN, false));
    let cookie = edns("00 0a 00 08 01 02 03 04 05 06 07 08");
    assert!(plain_matches("client_cookie", &cookie, false));
    assert!(!plain_matches("client_cookie", &filtered, false));
    assert!(!plain_matches("ednsdata", &cookie, false));
    let same = entry(&format!("MATCH ednsdata\n{cookie}"));
    let message = message(&cookie);
    let came = Came {
        message: &message,
        tcp: false,
    };
    assert!(matches(&same, Flavour::Testbound, came));
}

#[test]
fn no_match_line_means_what_each_project_says() {
    let entry = entry(PLAIN);
    let other = message(&PLAIN.replace(
        "www.example.com. IN A\nSECTION ANSWER",
        "ftp.example.com. IN A\nSECTION ANSWER",
    ));
    let came = Came {
        message: &other,
        tcp: false,
    };
    assert!(matches(&entry, Flavour::Testbound, came));
    let seen = differences(&entry, Flavour::Deckard, came);
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].part, "qname");
}

#[test]
fn replies_copy_what_they_are_told_to() {
    let query = message("REPLY RD DO\nSECTION QUESTION\nwWw.example.com. IN A");
    let octets = packet::query(
        &entry("REPLY RD DO\nSECTION QUESTION\nwWw.example.com. IN A"),
        Flavour::Testbound,
        0x1234,
    );
    let reply = |text: &str, flavour| {
        let sent = packet::replies(&entry(text), flavour, Some(&query), &octets);
        sent.into_iter()
            .map(|(pause, octets)| (pause, Message::parse(&octets).unwrap()))
            .collect::<Vec<_>>()
    };
    let plain = &reply(
        "ADJUST copy_id\nREPLY QR BADVERS\nSECTION QUESTION\nwww.example.com. IN A",
        Flavour::Testbound,
    )[0]
    .1;
    assert_eq!((plain.header.id, plain.rcode().0), (0x1234, 16));
    assert_eq!(
        plain.question.as_ref().unwrap().0.name.to_string(),
        "wWw.example.com."
    );
    let copied = &reply(
        "ADJUST copy_query\nREPLY QR\nSECTION QUESTION\nexample.com. IN NS",
        Flavour::Testbound,
    )[0]
    .1;
    assert_eq!((copied.header.id, copied.edns.is_some()), (0, false));
    assert_eq!(
        copied.question.as_ref().unwrap().0.to_string(),
        "wWw.example.com. A"
    );
    let deckard = &reply(
        "REPLY QR\nSECTION QUESTION\nwww.example.com. IN A",
        Flavour::Deckard,
    )[0]
    .1;
    assert_eq!((deckard.header.id, deckard.edns.is_some()), (0x1234, true));
    assert!(reply("ADJUST do_not_answer\nREPLY QR", Flavour::Testbound).is_empty());
    let two = reply(
        "ADJUST copy_id sleep=1\nREPLY QR\nSECTION QUESTION\na. A\nEXTRA_PACKET\nADJUST packet_sleep=2\nREPLY QR",
        Flavour::Testbound,
    );
    assert_eq!((two.len(), two[0].0, two[1].0), (2, 1000, 3000));
}
