//! Is every directive read, and is every wrong one named with its file and line?

use proptest::prelude::*;

use super::read;
use crate::drill::scenario::{Deed, Flavour, Match, Outcome, Scenario, play};
use crate::wire::text::rdata_to_text;
use crate::wire::{Rcode, RecordType};

const HEAD: &str = "stub-zone:\n name: \".\"\n stub-addr: 192.0.2.1\nCONFIG_END\n";

fn with(body: &str) -> String {
    format!("{HEAD}SCENARIO_BEGIN t\n{body}\nSCENARIO_END\n")
}

fn error(text: &str) -> String {
    match Scenario::read("bad.rpl", text) {
        Ok(_) => panic!("read: {text}"),
        Err(error) => error.to_string(),
    }
}

/// An entry of a range, read.
fn template(entry: &str) -> crate::drill::scenario::Entry {
    let text = with(&format!(
        "RANGE_BEGIN 0 10\nENTRY_BEGIN\n{entry}\nENTRY_END\nRANGE_END"
    ));
    read(&text).ranges[0].entries[0].clone()
}

#[test]
fn a_wrong_directive_is_named_with_its_file_and_line() {
    for (text, expected) in [
        ("", "bad.rpl:1: CONFIG_END is missing"),
        ("CONFIG_END\n", "bad.rpl:1: SCENARIO_BEGIN is missing"),
        (
            "CONFIG_END\nHELLO\n",
            "bad.rpl:2: unknown directive `HELLO`",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\n\nBOGUS 1\n",
            "bad.rpl:4: unknown directive `BOGUS`",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nSTEP 1 DANCE\n",
            "bad.rpl:3: unknown step `DANCE`",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nSTEP x QUERY\n",
            "bad.rpl:3: STEP: `x` is not the number",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nSTEP 1 TIME_PASSES 3\n",
            "bad.rpl:3: unknown TIME_PASSES `3`",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nSTEP 1 TIME_PASSES ELAPSE x\n",
            "bad.rpl:3: `x` is not a number of seconds",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nSTEP 1 QUERY\nSECTION ANSWER\n",
            "bad.rpl:4: unknown directive `SECTION`; ENTRY_BEGIN is due for QUERY",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 5 1\n",
            "bad.rpl:3: RANGE_BEGIN: the last step",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 1 5\nADDRESS here\n",
            "bad.rpl:4: `here` is not an address",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 1 5\nENTRY_BEGIN\nMATCH opcode qtipe\n",
            "bad.rpl:5: unknown MATCH `qtipe`",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 1 5\nENTRY_BEGIN\nADJUST copy\n",
            "bad.rpl:5: unknown ADJUST `copy`",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 1 5\nENTRY_BEGIN\nREPLY QR YES\n",
            "bad.rpl:5: unknown REPLY `YES`",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 1 5\nENTRY_BEGIN\nSECTION NOTES\n",
            "bad.rpl:5: `NOTES` is no section",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 1 5\nENTRY_BEGIN\nSECTION ANSWER\na. IN A 1.2.3\n",
            "bad.rpl:6: `1.2.3` is not an IPv4 address",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 1 5\nENTRY_BEGIN\nSECTION ANSWER\na. IN FOO x\n",
            "bad.rpl:6: `FOO` is not a record type",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 1 5\nENTRY_BEGIN\nMUCH opcode\n",
            "bad.rpl:5: unknown directive `MUCH` in an entry",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 1 5\nENTRY_BEGIN\nHEX_ANSWER_BEGIN\n0g\n",
            "bad.rpl:6: `0g` is not hexadecimal",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 1 5\nENTRY_BEGIN\nHEX_ANSWER_BEGIN\n012\nHEX_ANSWER_END\n",
            "bad.rpl:7: an odd number",
        ),
        (
            "CONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 1 5\nENTRY_BEGIN\n",
            "bad.rpl:4: the file ends inside an entry",
        ),
        (
            "server:\nSCENARIO_BEGIN t\n",
            "bad.rpl:2: SCENARIO_BEGIN before CONFIG_END",
        ),
        (
            "server:\n what is this\nCONFIG_END\n",
            "bad.rpl:2: `what` is not an option",
        ),
    ] {
        let said = error(text);
        assert!(
            said.starts_with(expected),
            "{said}\n  instead of {expected}"
        );
    }
}

#[test]
fn what_is_not_supported_is_named_with_its_place() {
    let said = |head: &str| {
        let text = format!("{head}\nCONFIG_END\nSCENARIO_BEGIN t\nSCENARIO_END\n");
        let found = read(&text).unsupported();
        found.map(|(place, what)| format!("{place}: {what}"))
    };
    for (head, expected) in [
        (
            "server:\n trust-anchor: \"a. DS 1 8 2 00\"\n fake-eddsa: yes",
            "test.rpl:3: fake-eddsa: yes",
        ),
        (
            "server:\n ignore-cd-flag: yes\n trust-anchor: \"a. DS 1 8 2 00\"",
            "test.rpl:2: ignore-cd-flag: yes",
        ),
        (
            "server:\n  no-such-option: 3",
            "test.rpl:2: no-such-option: 3",
        ),
        (
            "server:\n\n  module-config: \"dns64 iterator\"",
            "test.rpl:3: module-config: dns64 iterator",
        ),
        (
            "server:\n harden-referral-path: yes",
            "test.rpl:2: harden-referral-path: yes",
        ),
        (
            "server:\n tcp-upstream: yes",
            "test.rpl:2: tcp-upstream: yes",
        ),
        ("auth-zone:\n name: a.", "test.rpl:1: auth-zone:"),
        (
            "stub-zone:\n name: a.",
            "test.rpl:1: a zone without name or server addresses",
        ),
        (
            "AUTOTRUST_FILE x\n; secret\nAUTOTRUST_END",
            "test.rpl:1: AUTOTRUST_FILE",
        ),
    ] {
        assert_eq!(said(head).as_deref(), Some(expected));
    }
    for harmless in [
        "server:\n fake-eddsa: yes\n ignore-cd-flag: yes",
        "server:\n trust-anchor: \"a. DS 1 8 2 00\"\n fake-sha1: yes\n fake-dsa: yes",
        "server:\n fake-dsa: no\n trust-anchor: \"a. DS 1 8 2 00\"\n harden-dnssec-stripped: yes",
        "server:\n serve-expired: no\n target-fetch-policy: \"0 0 0 0 0\"\n log-servfail: yes",
        "; comment\n# comment\n val-override-timestamp: 1442323400\n stub-addr: 192.0.2.1 # K",
        "server: # x\n do-ip6: no ; y\nremote-control:\n control-enable: no",
    ] {
        assert_eq!(said(harmless), None, "{harmless}");
    }
    let steps =
        "STEP 1 INFRA_RTT 1.2.3.4 a. 300\nSTEP 2 CHECK_AUTOTRUST a\nFILE_BEGIN\nSTEP x\nFILE_END";
    let (place, what) = read(&with(steps)).unsupported().unwrap();
    assert_eq!(format!("{place}: {what}"), "test.rpl:6: STEP INFRA_RTT");
}

#[test]
fn a_key_that_a_file_takes_for_another_is_not_supported() {
    let said = |head: &str, algorithm: u8, key: &[u8]| {
        let rdata = [&[1, 0, 3, algorithm], key].concat();
        let (length, rdata) = (rdata.len(), crate::wire::encoding::hex(&rdata));
        let text = format!(
            "server:\n{head}\nCONFIG_END\nSCENARIO_BEGIN t\nRANGE_BEGIN 0 9\nENTRY_BEGIN\nREPLY QR\nSECTION ANSWER\na. IN TYPE48 \\# {length} {rdata}\nENTRY_END\nRANGE_END\nSCENARIO_END\n"
        );
        let found = read(&text).unsupported();
        found.map(|(place, what)| format!("{place}: {what}"))
    };
    const ANCHOR: &str = "trust-anchor: \"a. DS 1 8 2 00\"";
    let fake = format!("{ANCHOR}\nfake-dsa: yes");
    assert_eq!(
        said(&fake, 3, &[1]).as_deref(),
        Some("test.rpl:7: a DSA key (3)")
    );
    let sha1 = format!("{ANCHOR}\nfake-sha1: yes");
    assert!(said(&sha1, 6, &[1]).is_some());
    assert!(said(ANCHOR, 3, &[1]).is_some());
    assert_eq!(said("do-ip6: no", 3, &[1]), None);
    for algorithm in [5, 7, 8, 10] {
        let key = |octets: usize| [&[3, 1, 0, 1][..], &vec![0xC1; octets]].concat();
        assert_eq!(said(&fake, algorithm, &key(128)), None);
        assert_eq!(
            said(ANCHOR, algorithm, &key(64)).as_deref(),
            Some("test.rpl:6: an RSA key of 512 bits")
        );
        assert_eq!(said("do-ip6: no", algorithm, &key(64)), None);
    }
}

#[test]
fn validation_becomes_settings() {
    let toml = |head: &str| {
        let text = format!("server:\n{head}\nCONFIG_END\nSCENARIO_BEGIN t\nSCENARIO_END\n");
        read(&text).head
    };
    let ds = format!(
        "trust-anchor: \"a. 3600 IN DS 1 13 2 {}\"\n",
        "00".repeat(32)
    );
    let plan = |head: &str| toml(&format!("{ds}{head}")).plan().unwrap().dnssec;
    assert!(toml("").plan().unwrap().dnssec.anchors.is_empty());
    let plain = plan("");
    assert!(
        plain
            .anchors
            .iter()
            .any(|set| set.owner == "a.".parse().unwrap())
    );
    assert!(plain.aggressive && plain.skew == 0 && !plain.follow_rollovers && plain.sha1);
    // The anchors of the Internet's root are no scenario's.
    assert_eq!(plain.negative_anchors.len(), 1);
    assert!(plain.negative_anchors[0].zone.is_root());
    let insecure = plan("domain-insecure: \"b.a.\"");
    assert_eq!(insecure.negative_anchors.len(), 2);
    assert!(!plan("aggressive-nsec: no").aggressive);
    assert_eq!(plan("val-sig-skew-max: 300").skew, 300);
    let iterations = "val-nsec3-keysize-iterations: \"1024 7 2048 7\"";
    assert_eq!(plan(iterations).nsec3_iterations, 7);
    let two = toml(&format!(
        "{ds}val-nsec3-keysize-iterations: \"1024 7 2048 8\""
    ));
    assert_eq!(two.unsupported.len(), 1);
    assert_eq!(
        toml("val-override-date: \"1700000000\"").dnssec.at,
        Some(1_700_000_000)
    );
    let any_time = toml(&format!("{ds}val-override-date: \"-1\""));
    assert_eq!(any_time.unsupported.len(), 1);

    let cache = toml("serve-expired: yes\nserve-expired-reply-ttl: 7\nprefetch: yes")
        .plan()
        .unwrap();
    assert_eq!((cache.cache.max_stale, cache.cache.stale_ttl), (259_200, 7));
    assert!(cache.cache.prefetch && cache.answer.stale_after.is_zero());
    let later = "serve-expired: yes\nserve-expired-client-timeout: 1800\nserve-expired-ttl: 60";
    let later = toml(later).plan().unwrap();
    assert_eq!(
        (later.cache.max_stale, later.answer.stale_after.as_millis()),
        (60, 1800)
    );
    assert_eq!(
        toml("serve-expired-ttl: 60")
            .plan()
            .unwrap()
            .cache
            .max_stale,
        0
    );
}

#[test]
fn both_kinds_of_head_are_read() {
    let text = "do-not-query-localhost: off\n query-minimization: off\nstub-addr: 2001:db8::53 \t; K\n\
        trust-anchor: \". 3600 IN DS 1 8 2 00\"\nval-override-date: \"20120420235959\"\ndomain-insecure: \"a.\"\n\
        CONFIG_END\nSCENARIO_BEGIN two words\nSCENARIO_END\n";
    let scenario = read(text);
    assert_eq!(scenario.title, "two words");
    let head = scenario.head;
    assert_eq!(head.flavour, Flavour::Deckard);
    assert_eq!(
        head.roots,
        ["2001:db8::53".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!(head.ask_localhost, Some(true));
    assert_eq!(head.dnssec.at, Some(1_334_966_399));
    assert_eq!(head.dnssec.trust_anchors[0].1, ". 3600 IN DS 1 8 2 00");
    assert_eq!(head.dnssec.insecure, ["a.".parse().unwrap()]);

    let bare = read("; nothing set\n\nSCENARIO_BEGIN no head\nSCENARIO_END\n");
    assert_eq!(bare.head.flavour, Flavour::Deckard);
    assert_eq!(bare.title, "no head");

    let text = "forward-zone: name: \".\" forward-addr: 216.0.0.1@5300\nCONFIG_END\nSCENARIO_BEGIN\nSCENARIO_END\n";
    let head = read(text).head;
    assert_eq!(head.flavour, Flavour::Testbound);
    assert_eq!(
        head.forwards[0].servers,
        ["216.0.0.1:5300".parse().unwrap()]
    );
    let plan = head.plan().unwrap();
    assert_eq!(plan.policy.forward[0].servers, head.forwards[0].servers);
}

#[test]
fn loopback_servers_are_asked_if_the_file_sets_one_or_says_so() {
    let forbidden = |head: &str| {
        let text = format!("{head}\nCONFIG_END\nSCENARIO_BEGIN t\nSCENARIO_END\n");
        let plan = read(&text).head.plan().unwrap();
        let localhost: std::net::IpAddr = "127.0.0.1".parse().unwrap();
        plan.egress
            .never_ask
            .iter()
            .any(|prefix| prefix.contains(&localhost))
    };
    assert!(forbidden("stub-addr: 192.0.2.1"));
    assert!(!forbidden("stub-addr: 127.0.0.10"));
    assert!(!forbidden(
        "do-not-query-localhost: off\nstub-addr: 192.0.2.1"
    ));
    assert!(forbidden(
        "do-not-query-localhost: on\nstub-addr: 127.0.0.10"
    ));
}

#[test]
fn options_reach_the_plan() {
    let text = "server:\n qname-minimisation: no\n harden-glue: no\n do-ip6: no\n cache-max-ttl: 600\n minimal-responses: no\n\
        edns-buffer-size: 4096\n access-control: 10.0.0.0/8 allow_snoop\nstub-zone:\n name: a.\n stub-addr: 192.0.2.9\n\
        CONFIG_END\nSCENARIO_BEGIN t\nSCENARIO_END\n";
    let plan = read(text).head.plan().unwrap();
    assert_eq!(
        plan.recursion.qname_minimisation,
        crate::config::plan::Minimisation::Off
    );
    assert!(!plan.recursion.harden_glue && !plan.egress.ipv6 && !plan.answer.minimal);
    assert_eq!((plan.cache.max_ttl, plan.egress.edns_size), (600, 4096));
    assert!(plan.guard.rules.iter().any(|rule| rule.snoop));
    assert_eq!(
        plan.policy.stub[0].servers,
        ["192.0.2.9:53".parse().unwrap()]
    );
}

#[test]
fn entries_hold_all_that_the_format_has() {
    let entry = template(
        "MATCH opcode qtype qname subdomain UDP ede=3 serial=7 ednsdata QR DO\nMATCH ttl\nADJUST copy_id sleep=2 packet_sleep=1\n\
         REPLY QR AA TC RD RA AD CD DO NOTIFY NXDOMAIN\nSECTION QUESTION\n a. IN TYPE123\nSECTION ANSWER\nHEX_EDNSDATA_BEGIN\n\
         00 08 ; code\n 00 00\nHEX_EDNSDATA_END\n b. 2h IN A 1.2.3.4 ; comment\n B. CH 5 TXT \"a;b\"\nEXTRA_PACKET\nREPLY AA\nSECTION ANSWER\nc. A 1.1.1.1\nMANDATORY",
    );
    let matches = entry.matches.clone().unwrap();
    assert!(matches.contains(&Match::Ede(Some(3))) && matches.contains(&Match::Serial(7)));
    assert!(matches.contains(&Match::Flag(1 << 15)) && matches.contains(&Match::Ttl));
    let first = &entry.packets[0];
    assert_eq!(
        (first.flags.opcode(), first.rcode),
        (4, Some(Rcode::NXDOMAIN))
    );
    assert!(first.dnssec_ok && first.flags.ad() && first.flags.cd());
    assert_eq!(first.question[0].rtype, RecordType(123));
    assert_eq!((first.answer[0].ttl, first.answer[1].ttl), (7200, 5));
    assert_eq!(first.answer[1].class.0, 3);
    assert_eq!(
        rdata_to_text(RecordType::TXT, &first.answer[1].rdata),
        "\"a;b\""
    );
    assert_eq!(first.edns.as_deref(), Some(&[0, 8, 0, 0][..]));
    assert_eq!((entry.adjust.sleep, first.sleep), (2000, 1000));
    assert_eq!(entry.packets.len(), 2);
    assert!(entry.mandatory);
}

#[test]
fn records_are_read_as_zone_files_write_them() {
    let entry = template(
        "$ORIGIN example.com.\n$TTL 1h\nSECTION ANSWER\nwww IN A 1.2.3.4\n@ NS ns\n@ IN SOA ns admin.example.net. ( 1 2 3 4 5 )\n\
         x 60 IN TYPE65280 \\# 3 abcdef\n\
         x IN RRSIG A RSASHA256 3 300 20120420235959 20120101000000 7 example.com. AQID\n\
         1f4k8q6vk6kcgn11g26pbrpoa6qj5v2r IN NSEC3 1 1 5 abcd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX A RRSIG\n\
         @ IN NSEC3PARAM 1 0 10 -",
    );
    let shown: Vec<String> = entry.packets[0]
        .answer
        .iter()
        .map(|record| {
            let data = rdata_to_text(record.rtype, &record.rdata);
            format!("{} {} {} {data}", record.owner, record.ttl, record.rtype)
        })
        .collect();
    assert_eq!(shown[0], "www.example.com. 3600 A 1.2.3.4");
    assert_eq!(shown[1], "example.com. 3600 NS ns.example.com.");
    assert_eq!(
        shown[2],
        "example.com. 3600 SOA ns.example.com. admin.example.net. 1 2 3 4 5"
    );
    assert!(shown[3].ends_with("TYPE65280 \\# 3 ABCDEF"), "{}", shown[3]);
    assert!(
        shown[4].contains("A 8 3 300 1334966399 1325376000 7 example.com. AQID"),
        "{}",
        shown[4]
    );
    let nsec3 = &entry.packets[0].answer[5].rdata;
    assert_eq!(nsec3[..8], [1, 1, 0, 5, 2, 0xAB, 0xCD, 20]);
    assert_eq!(nsec3.len(), 8 + 20 + 2 + 6, "A, MX and RRSIG in one window");
    assert_eq!(entry.packets[0].answer[6].rdata[..], [1, 0, 0, 10, 0]);
}

#[test]
fn steps_may_stand_in_either_form() {
    let scenario = read(&with(
        "STEP 1 QUERY ADDRESS 10.0.0.1\nENTRY_BEGIN\nREPLY RD\nSECTION QUESTION\na. A\nENTRY_END\n\
         STEP 2 CHECK_ANSWER\nADDRESS 10.0.0.1\nENTRY_BEGIN\nENTRY_END\nSTEP 3 TIME_PASSES ELAPSE 1.25\nSTEP 4 ASSIGN t = ${1+1}\n\
         STEP 5 TIME_PASSES EVAL ${$t*2}\nSTEP 6 FLUSH_MESSAGE a. IN A\nSTEP 7 NOTHING\nSTEP 8 TRAFFIC\nSTEP 9 ERROR\nSTEP 10 TIMEOUT",
    ));
    assert_eq!(scenario.steps[0].address, scenario.steps[1].address);
    assert!(scenario.steps[0].address.is_some());
    assert!(matches!(scenario.steps[2].deed, Deed::TimePasses(1250)));
    let words: Vec<&str> = scenario.steps.iter().map(|step| step.deed.word()).collect();
    assert_eq!(
        words[3..],
        [
            "ASSIGN",
            "TIME_PASSES",
            "FLUSH_MESSAGE",
            "NOTHING",
            "TRAFFIC",
            "ERROR",
            "TIMEOUT"
        ]
    );
}

/// One question to one root server, then steps.
fn played(ranges: &str, steps: &str) -> Outcome {
    play(&read(&with(&format!("{ranges}\n{steps}"))))
}

const ASK: &str = "STEP 1 QUERY\nENTRY_BEGIN\nREPLY RD\nSECTION QUESTION\na. IN A\nENTRY_END\n";
const CHECK: &str = "STEP 20 CHECK_ANSWER\nENTRY_BEGIN\nMATCH all\nREPLY QR RD RA NOERROR\nSECTION QUESTION\na. IN A\nSECTION ANSWER\na. IN A 192.0.2.7\nENTRY_END\n";
const GOOD: &str = "ENTRY_BEGIN\nMATCH opcode qtype qname\nADJUST copy_id\nREPLY QR AA NOERROR\nSECTION QUESTION\na. IN A\nSECTION ANSWER\na. IN A 192.0.2.7\nENTRY_END\n";

#[test]
fn questions_can_be_looked_at_and_answered_by_steps() {
    let steps = format!(
        "{ASK}STEP 2 CHECK_OUT_QUERY ADDRESS 192.0.2.1\nENTRY_BEGIN\nMATCH qname qtype opcode\nSECTION QUESTION\na. IN A\nENTRY_END\nSTEP 3 REPLY\n{GOOD}{CHECK}"
    );
    assert_eq!(played("", &steps), Outcome::Pass);
    let timed = format!("{ASK}STEP 2 TIMEOUT\nSTEP 3 REPLY\n{GOOD}{CHECK}");
    assert_eq!(played("", &timed), Outcome::Pass);
    let Outcome::Fail(failure) = played("", &format!("{ASK}{CHECK}")) else {
        panic!("nobody answered");
    };
    assert!(
        failure
            .what
            .contains("no entry matches the question `a. A` asked of 192.0.2.1"),
        "{}",
        failure.what
    );
    let other = steps.replace("ADDRESS 192.0.2.1", "ADDRESS 192.0.2.2");
    assert!(matches!(played("", &other), Outcome::Fail(_)));
}

#[test]
fn ranges_hold_for_the_steps_they_name() {
    let range =
        |from: u32, to: u32| format!("RANGE_BEGIN {from} {to}\nADDRESS 192.0.2.1\n{GOOD}RANGE_END");
    let steps = format!("{ASK}{CHECK}");
    assert_eq!(played(&range(0, 100), &steps), Outcome::Pass);
    assert_eq!(
        played(&range(20, 20), &steps),
        Outcome::Pass,
        "testbound's moment"
    );
    // A range that ends with the query does not answer it, whatever the moment after it is; Deckard's does.
    assert!(matches!(played(&range(1, 1), &steps), Outcome::Fail(_)));
    let deckards = |range: &str| {
        let body = format!("SCENARIO_BEGIN t\n{range}\n{steps}\nSCENARIO_END\n");
        play(&read(&format!("stub-addr: 192.0.2.1\nCONFIG_END\n{body}")))
    };
    assert_eq!(deckards(&range(1, 1)), Outcome::Pass, "Deckard's moment");
    assert_eq!(deckards(&range(20, 20)), Outcome::Pass);
    for outside in [range(2, 19), range(21, 30)] {
        assert!(matches!(played(&outside, &steps), Outcome::Fail(_)));
        assert!(matches!(deckards(&outside), Outcome::Fail(_)));
    }
    let elsewhere = range(0, 100).replace("192.0.2.1\n", "192.0.2.2\n");
    assert!(matches!(played(&elsewhere, &steps), Outcome::Fail(_)));
    let anywhere = range(0, 100).replace("ADDRESS 192.0.2.1\n", "");
    assert_eq!(played(&anywhere, &steps), Outcome::Pass);
}

#[test]
fn a_mandatory_entry_must_be_given() {
    let wanted = GOOD
        .replace("MATCH", "MANDATORY\nMATCH")
        .replace("a. IN A\n", "b. IN A\n");
    let ranges = format!("RANGE_BEGIN 0 100\n{GOOD}{wanted}RANGE_END");
    let Outcome::Fail(failure) = played(&ranges, &format!("{ASK}{CHECK}")) else {
        panic!("nobody asked for b.");
    };
    assert!(failure.what.contains("MANDATORY"));
}

#[test]
fn differences_are_told_section_by_section() {
    let ranges = format!(
        "RANGE_BEGIN 0 100\n{}RANGE_END",
        GOOD.replace("192.0.2.7", "192.0.2.8")
    );
    let outcome = played(&ranges, &format!("{ASK}{CHECK}"));
    let told = outcome.to_string();
    assert!(told.contains("answer differs"), "{told}");
    assert!(told.contains("expected a. IN A 192.0.2.7"), "{told}");
    assert!(told.contains("got      a. IN A 192.0.2.8"), "{told}");
    assert!(told.contains("STEP 20 CHECK_ANSWER"), "{told}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_panics(text in "\\PC{0,400}") {
        let _either = Scenario::read("any.rpl", &text);
    }

    #[test]
    fn no_text_of_the_formats_own_words_panics(words in prop::collection::vec(prop::sample::select(vec![
        "CONFIG_END", "SCENARIO_BEGIN", "SCENARIO_END", "RANGE_BEGIN 0 9", "RANGE_END", "ENTRY_BEGIN", "ENTRY_END", "STEP 1 QUERY",
        "STEP 2 CHECK_ANSWER", "STEP 3 TIME_PASSES ELAPSE 99999999999", "STEP 4 ASSIGN a = ${b", "STEP 5 TIME_PASSES EVAL ${1/0}",
        "MATCH all", "MATCH ede=", "ADJUST copy_id sleep=9", "REPLY QR AA", "SECTION ANSWER", "SECTION QUESTION", "a. IN A 1.2.3.4",
        "a. IN A", "RAW", "00", "HEX_ANSWER_BEGIN", "HEX_ANSWER_END", "$ORIGIN x.", "$TTL 9w", "ADDRESS ::1", "server:", "stub-zone:",
        "name: \".\"", "stub-addr: 192.0.2.1", "x. IN NSEC3 1 0 0 - 00", "x. IN RRSIG A 1 1 1 20120101000000 1 1 . AA==", "; \"",
    ]), 0..40)) {
        if let Ok(scenario) = Scenario::read("any.rpl", &words.join("\n"))
            && scenario.unsupported().is_none()
        {
            let _either = play(&scenario);
        }
    }

    #[test]
    fn a_scenario_cut_short_anywhere_does_not_panic(cut in 0_usize..900, extra in "[ -~]{0,20}") {
        let whole = with(&format!("RANGE_BEGIN 0 100\n{GOOD}RANGE_END\n{ASK}{CHECK}"));
        let cut = cut.min(whole.len());
        let text = format!("{}{extra}{}", &whole[..cut], &whole[cut..]);
        if let Ok(scenario) = Scenario::read("any.rpl", &text)
            && scenario.unsupported().is_none()
        {
            let _either = play(&scenario);
        }
    }
}

#[test]
fn what_files_of_others_are_known_to_hold_is_read() {
    let text = "CONFIG_END
SCENARIO_BEGIN t
RANGE_BEGIN 20170701000000 20170801000000
\tADDRESS 192.0.2.1
ENTRY_BEGIN
SECTION QUESTION
a.test. ANY TXT
SECTION ANSWER
a.test. IN A \\# 3 030405
a.test. IN RRSIG A 8 2 3600 20260102000000 20260101000000 7 test.
a.test. IN RRSIG A 8 2 3600 20260102000000 20260101000000 7 test. AQID!!!
test. IN SOA ns.test. host.test. 1 2 3 4 5 6
ENTRY_END
RANGE_END
RANGE_END
STEP 20170701000000 QUERY
ENTRY_BEGIN
SECTION QUESTION
_ta-1.test. IN NULL
ENTRY_END
SCENARIO_END
";
    let scenario = read(text);
    let range = scenario.ranges.first().unwrap();
    assert_eq!(
        (range.from, range.to),
        (20_170_701_000_000, 20_170_801_000_000)
    );
    let entry = range.entries.first().unwrap().template();
    assert_eq!(entry.question.first().unwrap().class.0, 255);
    let lengths: Vec<usize> = entry
        .answer
        .iter()
        .map(|record| record.rdata.len())
        .collect();
    // 18 octets of fields, 6 of the signer's name, and what can be read of the signature.
    assert_eq!(lengths, [3, 24, 27, 9 + 11 + 20]);
    assert_eq!(scenario.steps.first().unwrap().number, 20_170_701_000_000);
    let asked = scenario.steps.first().unwrap().deed.entry().unwrap();
    assert_eq!(asked.template().question.first().unwrap().rtype.0, 10);
}
