//! Does each name get what its RFC or the operator wants?

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::config::plan::{self, ForwardZone, StubZone};
use crate::wire::{Ede, Name, Question, Rcode, RdataSet, RecordType, Response, Rrset};

use super::{Decision, Policy};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn plan() -> plan::Policy {
    plan::Policy {
        special_use: true,
        local_reverse: true,
        passthrough: Vec::new(),
        local_data: Vec::new(),
        local_zones: Vec::new(),
        forward: Vec::new(),
        stub: Vec::new(),
    }
}

fn forward(zone: &str) -> ForwardZone {
    ForwardZone {
        zone: name(zone),
        servers: vec!["192.0.2.1:53".parse().unwrap()],
        leak_ok: None,
    }
}

fn stub(zone: &str) -> StubZone {
    StubZone {
        zone: name(zone),
        servers: vec!["192.0.2.2:53".parse().unwrap()],
    }
}

fn record(owner: &str, rtype: RecordType, rdata: &[u8]) -> Rrset {
    Rrset {
        owner: name(owner),
        rtype,
        ttl: 300,
        rdata: RdataSet::new([rdata]),
        rrsigs: RdataSet::default(),
    }
}

fn a(owner: &str) -> Rrset {
    record(owner, RecordType::A, &[192, 0, 2, 7])
}

fn cname(owner: &str, target: &str) -> Rrset {
    record(owner, RecordType::CNAME, name(target).as_wire())
}

fn decide(policy: &Policy, owner: &str, rtype: RecordType) -> Decision {
    policy.decide(&Question::new(name(owner), rtype))
}

fn answer(policy: &Policy, owner: &str, rtype: RecordType) -> Response {
    match decide(policy, owner, rtype) {
        Decision::Answer(response) => response,
        other => panic!("{owner} {rtype}: {other:?}"),
    }
}

/// "NXDOMAIN", "NODATA" or the owner and type of each record of the answer.
fn summary(policy: &Policy, owner: &str, rtype: RecordType) -> String {
    match decide(policy, owner, rtype) {
        Decision::Answer(response) if !response.answer.is_empty() => response
            .answer
            .iter()
            .map(|held| format!("{} {}", held.rrset.owner, held.rrset.rtype))
            .collect::<Vec<_>>()
            .join(", "),
        Decision::Answer(response) if response.rcode == Rcode::NOERROR => "NODATA".to_owned(),
        Decision::Answer(response) => response.rcode.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn special_use_names() {
    let policy = Policy::new(&plan());
    use RecordType as T;
    for (owner, rtype, expected) in [
        // RFC 6761 section 6.3
        ("localhost.", T::A, "localhost. A"),
        ("LocalHost.", T::AAAA, "LocalHost. AAAA"),
        ("a.b.localhost.", T::A, "a.b.localhost. A"),
        ("localhost.", T::MX, "NODATA"),
        ("x.localhost.", T::TXT, "NODATA"),
        ("localhost.", T::SOA, "localhost. SOA"),
        ("localhost.", T::NS, "localhost. NS"),
        // Section 6.4
        ("invalid.", T::A, "NODATA"),
        ("www.invalid.", T::A, "NXDOMAIN"),
        // Section 6.2
        ("test.", T::SOA, "test. SOA"),
        ("www.test.", T::AAAA, "NXDOMAIN"),
        ("www.TEST.", T::AAAA, "NXDOMAIN"),
        // Section 6.5: example names are like others
        ("www.example.", T::A, "Resolve"),
        ("example.com.", T::A, "Resolve"),
        // RFC 6762
        ("printer.local.", T::A, "NXDOMAIN"),
        ("local.", T::A, "NODATA"),
        // RFC 7686
        ("onion.", T::A, "NXDOMAIN"),
        ("abc.onion.", T::A, "NXDOMAIN"),
        ("onion.", T::SOA, "NXDOMAIN"),
        // RFC 8375
        ("home.arpa.", T::SOA, "home.arpa. SOA"),
        ("nas.home.arpa.", T::A, "NXDOMAIN"),
        ("home.arpa.", T::DS, "Resolve"),
        ("nas.home.arpa.", T::DS, "NXDOMAIN"),
        // RFC 9462
        ("_dns.resolver.arpa.", T::SVCB, "NODATA"),
        ("_dns.resolver.arpa.", T::A, "NODATA"),
        ("anything.resolver.arpa.", T::TXT, "NODATA"),
        ("resolver.arpa.", T::RESINFO, "NODATA"),
        // RFC 9476
        ("alt.", T::A, "NXDOMAIN"),
        ("gns.alt.", T::A, "NXDOMAIN"),
        // Not special
        ("arpa.", T::NS, "Resolve"),
        ("ipv4only.arpa.", T::AAAA, "Resolve"),
        ("localhost.example.com.", T::A, "Resolve"),
        ("mytest.", T::A, "Resolve"),
        (".", T::NS, "Resolve"),
        (".", T::DS, "Resolve"),
    ] {
        assert_eq!(summary(&policy, owner, rtype), expected, "{owner} {rtype}");
    }
}

#[test]
fn localhost_is_the_loopback_address() {
    let policy = Policy::new(&plan());
    let rdata = |rtype| {
        let response = answer(&policy, "foo.localhost.", rtype);
        assert!(response.authoritative);
        let held = &response.answer[0];
        held.rrset.rdata.iter().next().unwrap().to_vec()
    };
    assert_eq!(rdata(RecordType::A), Ipv4Addr::LOCALHOST.octets());
    assert_eq!(rdata(RecordType::AAAA), Ipv6Addr::LOCALHOST.octets());
}

#[test]
fn negative_answers_have_the_soa_of_rfc_6303_and_a_reason() {
    let policy = Policy::new(&plan());
    for (owner, apex) in [
        ("www.test.", "test."),
        ("x.onion.", "onion."),
        ("1.0.168.192.in-addr.arpa.", "168.192.in-addr.arpa."),
        ("_dns.resolver.arpa.", "resolver.arpa."),
    ] {
        let response = answer(&policy, owner, RecordType::TXT);
        assert!(response.authoritative && response.answer.is_empty());
        let [soa] = response.authority.as_slice() else {
            panic!("{owner}: no SOA");
        };
        assert_eq!((&soa.rrset.owner, soa.ttl), (&name(apex), 10_800));
        let mut rdata = name(apex).as_wire().to_vec();
        rdata.extend_from_slice(name("nobody.invalid.").as_wire());
        for timer in [1u32, 3_600, 1_200, 604_800, 10_800] {
            rdata.extend_from_slice(&timer.to_be_bytes());
        }
        assert_eq!(soa.rrset.rdata.iter().next().unwrap(), rdata);
        assert_eq!(response.ede.unwrap().code, Ede::SYNTHESIZED);
    }
}

#[test]
fn resolver_info_is_given_when_told() {
    let policy = Policy::new(&plan()).with_resolver_info(true);
    let response = answer(&policy, "resolver.arpa.", RecordType::RESINFO);
    let held = &response.answer[0];
    let rdata = held.rrset.rdata.iter().next().unwrap();
    assert!(rdata.starts_with(b"\x08qnamemin\x17exterr="), "{rdata:?}");
    let lengths: usize = 1 + 8 + 1 + usize::from(rdata[9]);
    assert_eq!(rdata.len(), lengths);
    let without = Policy::new(&plan()).with_resolver_info(false);
    let response = answer(&without, "resolver.arpa.", RecordType::RESINFO);
    let rdata = response.answer[0].rrset.rdata.iter().next().unwrap();
    assert!(rdata.starts_with(b"\x17exterr="));
    let below = summary(&policy, "_dns.resolver.arpa.", RecordType::RESINFO);
    assert_eq!(below, "NODATA");
}

#[test]
fn local_reverse_zones() {
    let policy = Policy::new(&plan());
    let v6 = |nibbles: &str| {
        let reversed: String = nibbles.chars().rev().flat_map(|c| [c, '.']).collect();
        format!("{reversed}ip6.arpa.")
    };
    let mut inside: Vec<String> = [
        "1.2.3.10",
        "1.0.168.192",
        "9.9.9.0",
        "9.9.9.127",
        "1.1.254.169",
        "1.2.0.192",
        "1.100.51.198",
        "1.113.0.203",
        "1.1.16.172",
        "1.1.31.172",
        "1.1.64.100",
        "1.1.127.100",
    ]
    .map(|text| format!("{text}.in-addr.arpa."))
    .to_vec();
    for prefix in ["fd12", "fe80", "fe91", "fea2", "febf", "20010db8aa"] {
        inside.push(v6(prefix));
    }
    for owner in &inside {
        assert_eq!(
            summary(&policy, owner, RecordType::PTR),
            "NXDOMAIN",
            "{owner}"
        );
    }
    let mut apexes = vec![
        "10.in-addr.arpa.".to_owned(),
        "255.255.255.255.in-addr.arpa.".to_owned(),
    ];
    apexes.extend(["fd", "fe8", "20010db8", &"0".repeat(32)].map(v6));
    for apex in &apexes {
        assert_eq!(summary(&policy, apex, RecordType::PTR), "NODATA", "{apex}");
        assert_eq!(
            summary(&policy, apex, RecordType::SOA),
            format!("{apex} SOA")
        );
        assert_eq!(summary(&policy, apex, RecordType::NS), format!("{apex} NS"));
        assert_eq!(summary(&policy, apex, RecordType::DS), "NODATA", "{apex}");
    }
    let mut outside: Vec<String> = [
        "8.8.8.8",
        "1.1.15.172",
        "1.1.32.172",
        "1.1.63.100",
        "1.1.128.100",
        "1.255.255.255",
        "172",
        "100",
        "192",
    ]
    .map(|text| format!("{text}.in-addr.arpa."))
    .to_vec();
    outside.extend(["fc00", "fec0", "fe7f", "20010db9", "2001"].map(v6));
    for owner in &outside {
        assert_eq!(
            summary(&policy, owner, RecordType::PTR),
            "Resolve",
            "{owner}"
        );
    }
}

#[test]
fn loopback_addresses_have_a_name() {
    let policy = Policy::new(&plan());
    let v6 = format!("1.{}ip6.arpa.", "0.".repeat(31));
    for owner in ["1.0.0.127.in-addr.arpa.", v6.as_str()] {
        let response = answer(&policy, owner, RecordType::PTR);
        let rdata = response.answer[0].rrset.rdata.iter().next().unwrap();
        assert_eq!(Name::from_wire(rdata).unwrap(), name("localhost."));
        assert_eq!(summary(&policy, owner, RecordType::A), "NODATA");
    }
    // Between the name and the apex nothing is missing (RFC 8020).
    assert_eq!(
        summary(&policy, "0.0.127.in-addr.arpa.", RecordType::PTR),
        "NODATA"
    );
    assert_eq!(
        summary(&policy, "2.0.0.127.in-addr.arpa.", RecordType::PTR),
        "NXDOMAIN"
    );
}

#[test]
fn switched_off_names_are_plain() {
    let policy = Policy::new(&plan::Policy {
        special_use: false,
        local_reverse: false,
        ..plan()
    });
    for owner in [
        "localhost.",
        "www.test.",
        "1.0.0.127.in-addr.arpa.",
        "x.onion.",
    ] {
        assert_eq!(
            decide(&policy, owner, RecordType::A),
            Decision::Resolve,
            "{owner}"
        );
    }
}

#[test]
fn passthrough_lifts_the_built_in_zones_above_and_nothing_else() {
    let policy = Policy::new(&plan::Policy {
        passthrough: vec![name("test."), name("1.10.in-addr.arpa.")],
        forward: vec![forward(".")],
        ..plan()
    });
    for (owner, expected) in [
        ("www.test.", "Forward(0)"),
        ("5.1.10.in-addr.arpa.", "Forward(0)"),
        ("5.2.10.in-addr.arpa.", "NXDOMAIN"),
        ("www.invalid.", "NXDOMAIN"),
        ("example.com.", "Forward(0)"),
    ] {
        assert_eq!(summary(&policy, owner, RecordType::A), expected, "{owner}");
    }
}

#[test]
fn the_most_specific_zone_wins() {
    let policy = Policy::new(&plan::Policy {
        forward: vec![
            forward("."),
            forward("corp.example."),
            forward("10.in-addr.arpa."),
        ],
        stub: vec![stub("lab.corp.example."), stub("168.192.in-addr.arpa.")],
        local_zones: vec![name("blocked.lab.corp.example."), name("corp.test.")],
        local_data: vec![
            a("router.corp.example."),
            a("host.blocked.lab.corp.example."),
            a("nas.home.arpa."),
        ],
        ..plan()
    });
    use RecordType as T;
    for (owner, rtype, expected) in [
        ("example.com.", T::A, "Forward(0)"),
        ("corp.example.", T::A, "Forward(1)"),
        ("a.b.corp.example.", T::A, "Forward(1)"),
        ("router.corp.example.", T::A, "router.corp.example. A"),
        ("router.corp.example.", T::AAAA, "NODATA"),
        ("x.router.corp.example.", T::A, "Forward(1)"),
        ("lab.corp.example.", T::A, "Stub(0)"),
        ("x.lab.corp.example.", T::A, "Stub(0)"),
        ("blocked.lab.corp.example.", T::A, "NODATA"),
        ("x.blocked.lab.corp.example.", T::A, "NXDOMAIN"),
        (
            "host.blocked.lab.corp.example.",
            T::A,
            "host.blocked.lab.corp.example. A",
        ),
        // The operator's zones beat built-in ones at the same name, and lie below others.
        ("1.10.in-addr.arpa.", T::PTR, "Forward(2)"),
        ("10.in-addr.arpa.", T::PTR, "Forward(2)"),
        ("1.168.192.in-addr.arpa.", T::PTR, "Stub(1)"),
        ("corp.test.", T::SOA, "corp.test. SOA"),
        ("x.corp.test.", T::A, "NXDOMAIN"),
        // Built-in zones are not forwarded by a forward zone above.
        ("x.onion.", T::A, "NXDOMAIN"),
        ("1.16.172.in-addr.arpa.", T::PTR, "NXDOMAIN"),
        // Data in a built-in zone.
        ("nas.home.arpa.", T::A, "nas.home.arpa. A"),
        ("nas.home.arpa.", T::AAAA, "NODATA"),
        ("tv.home.arpa.", T::A, "NXDOMAIN"),
    ] {
        assert_eq!(summary(&policy, owner, rtype), expected, "{owner} {rtype}");
    }
    assert_eq!(answer(&policy, "nas.home.arpa.", T::A).ede, None);
    assert_eq!(policy.forward(1).unwrap().zone, name("corp.example."));
    assert_eq!(policy.stub(0).unwrap().zone, name("lab.corp.example."));
    assert!(policy.forward(3).is_none() && policy.stub(2).is_none());
}

#[test]
fn ds_is_asked_on_the_parents_side_of_a_stub_or_forward_zone() {
    let policy = Policy::new(&plan::Policy {
        forward: vec![forward("corp.example.")],
        stub: vec![stub("lab.corp.example."), stub("other.example.")],
        ..plan()
    });
    for (owner, expected) in [
        ("corp.example.", Decision::Resolve),
        ("x.corp.example.", Decision::Forward(0)),
        ("lab.corp.example.", Decision::Forward(0)),
        ("other.example.", Decision::Resolve),
    ] {
        assert_eq!(decide(&policy, owner, RecordType::DS), expected, "{owner}");
    }
    let everything = Policy::new(&plan::Policy {
        forward: vec![forward(".")],
        ..plan()
    });
    assert_eq!(
        decide(&everything, ".", RecordType::DS),
        Decision::Forward(0)
    );
}

#[test]
fn local_zones_know_their_empty_non_terminals_and_their_own_soa() {
    let mut soa = name("ns.corp.").as_wire().to_vec();
    soa.extend_from_slice(name("root.corp.").as_wire());
    for timer in [7u32, 1, 2, 3, 60] {
        soa.extend_from_slice(&timer.to_be_bytes());
    }
    let policy = Policy::new(&plan::Policy {
        local_zones: vec![name("corp."), name("empty.")],
        local_data: vec![
            record("corp.", RecordType::SOA, &soa),
            a("a.b.c.corp."),
            a("empty."),
        ],
        ..plan()
    });
    use RecordType as T;
    for (owner, rtype, expected) in [
        ("a.b.c.corp.", T::A, "a.b.c.corp. A"),
        ("b.c.corp.", T::A, "NODATA"),
        ("c.corp.", T::A, "NODATA"),
        ("x.c.corp.", T::A, "NXDOMAIN"),
        ("y.a.b.c.corp.", T::A, "NXDOMAIN"),
        ("corp.", T::SOA, "corp. SOA"),
        ("corp.", T::NS, "corp. NS"),
        ("corp.", T::A, "NODATA"),
        ("corp.", T::DS, "NODATA"),
        ("empty.", T::SOA, "empty. SOA"),
        ("empty.", T::NS, "empty. NS"),
        ("empty.", T::A, "empty. A"),
    ] {
        assert_eq!(summary(&policy, owner, rtype), expected, "{owner} {rtype}");
    }
    let response = answer(&policy, "x.c.corp.", T::A);
    let held = &response.authority[0];
    assert_eq!(
        held.ttl, 60,
        "not more than the minimum (RFC 2308 section 3)"
    );
    assert_eq!(held.rrset.rdata.iter().next().unwrap(), soa);
    assert!(response.authoritative && response.ede.is_none());
}

#[test]
fn names_between_local_data_and_the_root_are_left_alone_outside_local_zones() {
    let policy = Policy::new(&plan::Policy {
        local_data: vec![a("router.corp.example.")],
        ..plan()
    });
    for owner in ["corp.example.", "example.", "."] {
        assert_eq!(
            decide(&policy, owner, RecordType::A),
            Decision::Resolve,
            "{owner}"
        );
    }
}

#[test]
fn wildcards_in_local_zones() {
    let policy = Policy::new(&plan::Policy {
        local_zones: vec![name("corp.")],
        local_data: vec![a("*.corp."), a("host.corp."), a("x.sub.corp.")],
        ..plan()
    });
    use RecordType as T;
    for (owner, rtype, expected) in [
        ("any.corp.", T::A, "any.corp. A"),
        ("a.b.corp.", T::A, "a.b.corp. A"),
        ("any.corp.", T::AAAA, "NODATA"),
        ("host.corp.", T::A, "host.corp. A"),
        // The closest encloser exists and has no wildcard (RFC 4592 section 2.2.2).
        ("a.host.corp.", T::A, "NXDOMAIN"),
        ("y.sub.corp.", T::A, "NXDOMAIN"),
        ("sub.corp.", T::A, "NODATA"),
        ("*.corp.", T::A, "*.corp. A"),
        ("corp.", T::A, "NODATA"),
    ] {
        assert_eq!(summary(&policy, owner, rtype), expected, "{owner} {rtype}");
    }
}

#[test]
fn cnames_are_followed_within_local_data_and_handed_over_outside() {
    let policy = Policy::new(&plan::Policy {
        local_zones: vec![name("corp.")],
        local_data: vec![
            cname("www.corp.", "Web.corp."),
            cname("web.corp.", "host.corp."),
            a("host.corp."),
            cname("gone.corp.", "nowhere.corp."),
            cname("out.corp.", "mid.corp."),
            cname("mid.corp.", "www.example.com."),
            cname("a.loop.corp.", "b.loop.corp."),
            cname("b.loop.corp.", "a.loop.corp."),
        ],
        ..plan()
    });
    use RecordType as T;
    for (owner, rtype, expected) in [
        (
            "www.corp.",
            T::A,
            "www.corp. CNAME, web.corp. CNAME, host.corp. A",
        ),
        ("www.corp.", T::CNAME, "www.corp. CNAME"),
        ("www.corp.", T::ANY, "www.corp. CNAME"),
        (
            "a.loop.corp.",
            T::A,
            "a.loop.corp. CNAME, b.loop.corp. CNAME",
        ),
    ] {
        assert_eq!(summary(&policy, owner, rtype), expected, "{owner} {rtype}");
    }
    let nodata = answer(&policy, "www.corp.", T::AAAA);
    assert_eq!((nodata.answer.len(), nodata.rcode), (2, Rcode::NOERROR));
    assert_eq!(nodata.authority.len(), 1);
    // The code belongs to the end of the chain (RFC 6604).
    let gone = answer(&policy, "gone.corp.", T::A);
    assert_eq!((gone.answer.len(), gone.rcode), (1, Rcode::NXDOMAIN));
    let Decision::Chase { chain, target } = decide(&policy, "out.corp.", T::A) else {
        panic!("not handed over");
    };
    assert_eq!((chain.len(), target), (2, name("www.example.com.")));
}

#[test]
fn long_chains_of_local_data_end() {
    let links = (0..50).map(|at| cname(&format!("c{at}.corp."), &format!("c{}.corp.", at + 1)));
    let policy = Policy::new(&plan::Policy {
        local_zones: vec![name("corp.")],
        local_data: links.collect(),
        ..plan()
    });
    let response = answer(&policy, "c0.corp.", RecordType::A);
    assert_eq!(response.answer.len(), 11);
}

#[test]
fn any_names_of_any_length_are_decided() {
    let policy = Policy::new(&plan());
    let deep = format!("{}com.", "a.".repeat(125));
    assert_eq!(decide(&policy, &deep, RecordType::A), Decision::Resolve);
    let deep = format!("{}onion.", "a.".repeat(124));
    assert_eq!(summary(&policy, &deep, RecordType::A), "NXDOMAIN");
}
