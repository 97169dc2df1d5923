//! Does each row decide in its turn? Tables, and the property that nothing outside the rules is admitted.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::permit::Cause;
use super::*;
use crate::config::plan::{AclRule, ZoneGuardMode};
use crate::telemetry::Worker;

const QUERY: u16 = 0x0100;

pub(super) fn plan(allow: &[&str]) -> plan::Guard {
    plan::Guard {
        rules: allow
            .iter()
            .map(|prefix| rule(prefix, AclAction::Allow, false))
            .collect(),
        backscatter: plan::Backscatter {
            responses: 100,
            window: std::time::Duration::from_secs(60),
        },
        check_ports: true,
        check_own_addresses: true,
        check_martians: true,
        bindings: Vec::new(),
        route_back: RouteBack::Off,
        interface_groups: Vec::new(),
        spoof_alarm: 10,
        suppress_errors_to_reflectors: true,
        refusals_per_prefix: 1,
        refusal_mode: ZoneGuardMode::Enforce,
        prove_mode: ZoneGuardMode::Enforce,
        refusal_burst: 5,
        refusals_per_host: 200,
        pending_per_client: 128,
        pending_per_verified_client: 1000,
        limiter: limiter::tests::plan(),
        cookies: plan::Cookies {
            enabled: true,
            secrets: Vec::new(),
        },
    }
}

fn rule(prefix: &str, action: AclAction, snoop: bool) -> AclRule {
    AclRule {
        prefix: prefix.parse().unwrap(),
        local: None,
        transport: None,
        action,
        snoop,
        prove: false,
    }
}

fn guard(plan: &plan::Guard) -> Guard {
    let own = OwnAddresses::new(
        [
            "192.0.2.53".parse().unwrap(),
            "2001:db8::53".parse().unwrap(),
        ],
        ["192.0.2.255".parse().unwrap()],
    );
    Guard::with_secrets(plan, own, b"0123456789abcdef", [1; 16], Now::at_secs(0))
}

/// A query for `a. A`.
fn packet(flags: u16, questions: u16) -> Vec<u8> {
    let mut packet = vec![0x12, 0x34];
    packet.extend(flags.to_be_bytes());
    packet.extend(questions.to_be_bytes());
    packet.extend([0; 6]);
    packet.extend(b"\x01a\0\0\x01\0\x01");
    packet
}

fn arrival<'a>(bytes: &'a [u8], source: &str) -> Arrival<'a> {
    Arrival {
        bytes,
        source: source.parse().unwrap(),
        local: "192.0.2.53:53".parse().unwrap(),
        interface: 2,
        loopback: false,
        hop_limit: None,
        transport: TransportKind::Udp,
    }
}

/// What a verdict comes to, for comparing.
#[derive(Debug, PartialEq, Eq)]
enum Is {
    Admitted,
    Refused(Reason, Rcode),
    Dropped(Reason),
}

fn is(verdict: &Verdict) -> Is {
    match verdict {
        Verdict::Admit(_) => Is::Admitted,
        Verdict::Refuse(reason, rcode) => Is::Refused(*reason, *rcode),
        Verdict::Drop(_) | Verdict::Limit(_) => Is::Dropped(verdict.reason()),
    }
}

fn judged(plan: &plan::Guard, arrival: &Arrival<'_>) -> Is {
    is(&guard(plan).judge(arrival, Now::at_secs(0)))
}

#[test]
fn each_row_in_its_turn() {
    let mut plan = plan(&["198.51.100.0/24", "2001:db8:1::/48"]);
    plan.rules
        .push(rule("203.0.113.0/24", AclAction::Drop, false));
    plan.rules
        .push(rule("203.0.113.128/25", AclAction::Refuse, false));
    plan.rules
        .push(rule("198.51.100.7/32", AclAction::Allow, true));
    let good = packet(QUERY, 1);
    let (inside, outside) = ("198.51.100.1:4000", "192.0.2.99:4000");
    let cases: &[(&str, &[u8], &str, Is)] = &[
        ("1 short", &good[..11], inside, Is::Dropped(Reason::Short)),
        ("1 empty", &[], outside, Is::Dropped(Reason::Short)),
        (
            "1 response",
            &packet(0x8100, 1),
            inside,
            Is::Dropped(Reason::ResponseBit),
        ),
        (
            "1 before 2",
            &packet(0x8100, 1),
            "198.51.100.1:0",
            Is::Dropped(Reason::ResponseBit),
        ),
        (
            "2 port 0",
            &good,
            "198.51.100.1:0",
            Is::Dropped(Reason::SourcePortZero),
        ),
        (
            "2 before 3",
            &good,
            "192.0.2.53:0",
            Is::Dropped(Reason::SourcePortZero),
        ),
        (
            "3 own",
            &good,
            "192.0.2.53:4000",
            Is::Dropped(Reason::OwnAddress),
        ),
        (
            "3 own v6",
            &good,
            "[2001:db8::53]:4000",
            Is::Dropped(Reason::OwnAddress),
        ),
        (
            "4 martian",
            &good,
            "127.0.0.1:4000",
            Is::Dropped(Reason::Martian),
        ),
        (
            "4 link-local",
            &good,
            "[fe80::1]:4000",
            Is::Dropped(Reason::Martian),
        ),
        (
            "7 no match",
            &good,
            outside,
            Is::Refused(Reason::AclNoMatch, Rcode::REFUSED),
        ),
        (
            "7 drop",
            &good,
            "203.0.113.1:4000",
            Is::Dropped(Reason::AclDrop),
        ),
        (
            "7 refuse",
            &good,
            "203.0.113.200:4000",
            Is::Refused(Reason::AclRefuse, Rcode::REFUSED),
        ),
        (
            "7 before 8",
            &packet(0x2900, 9),
            outside,
            Is::Refused(Reason::AclNoMatch, Rcode::REFUSED),
        ),
        (
            "8 opcode",
            &packet(0x2900, 1),
            inside,
            Is::Refused(Reason::Opcode, Rcode::NOTIMP),
        ),
        (
            "8 opcode, no body",
            &packet(0x2900, 1)[..12],
            inside,
            Is::Refused(Reason::Opcode, Rcode::NOTIMP),
        ),
        (
            "8 none",
            &packet(QUERY, 0),
            inside,
            Is::Refused(Reason::QuestionCount, Rcode::FORMERR),
        ),
        (
            "8 two",
            &packet(QUERY, 2),
            inside,
            Is::Refused(Reason::QuestionCount, Rcode::FORMERR),
        ),
        (
            "8 before 9",
            &packet(0, 2),
            inside,
            Is::Refused(Reason::QuestionCount, Rcode::FORMERR),
        ),
        (
            "9 RD=0",
            &packet(0, 1),
            inside,
            Is::Refused(Reason::RecursionNotDesired, Rcode::REFUSED),
        ),
        (
            "9 RD=0, snoop",
            &packet(0, 1),
            "198.51.100.7:4000",
            Is::Admitted,
        ),
        (
            "10 outsider",
            &good,
            "192.0.2.99:123",
            Is::Dropped(Reason::ReflectorPort),
        ),
        (
            "10 insider's error",
            &packet(0x2900, 1),
            "198.51.100.1:11211",
            Is::Dropped(Reason::ReflectorPort),
        ),
        ("10 insider's query", &good, "198.51.100.1:19", Is::Admitted),
        ("11", &good, "198.51.100.1:53", Is::Admitted),
        ("v4", &good, inside, Is::Admitted),
        ("v6", &good, "[2001:db8:1::1]:4000", Is::Admitted),
        (
            "v6 outside",
            &good,
            "[2001:db8:2::1]:4000",
            Is::Refused(Reason::AclNoMatch, Rcode::REFUSED),
        ),
    ];
    for (name, bytes, source, expected) in cases {
        assert_eq!(judged(&plan, &arrival(bytes, source)), *expected, "{name}");
    }
}

#[test]
fn destinations_that_many_would_answer_are_dropped() {
    let plan = plan(&["0.0.0.0/0", "::/0"]);
    let good = packet(QUERY, 1);
    for local in [
        "224.0.0.1:53",
        "255.255.255.255:53",
        "192.0.2.255:53",
        "[ff02::1]:53",
    ] {
        let mut arrival = arrival(&good, "198.51.100.1:4000");
        arrival.local = local.parse().unwrap();
        assert_eq!(
            judged(&plan, &arrival),
            Is::Dropped(Reason::MulticastDestination),
            "{local}"
        );
    }
}

#[test]
fn the_martian_table() {
    let cases = [
        // address, a martian off lo, a martian on lo
        ("0.0.0.0", true, true),
        ("0.255.255.255", true, true),
        ("1.0.0.0", false, false),
        ("126.255.255.255", false, false),
        ("127.0.0.1", true, false),
        ("127.255.255.255", true, false),
        ("128.0.0.0", false, false),
        ("223.255.255.255", false, false),
        ("224.0.0.0", true, true),
        ("239.255.255.255", true, true),
        ("240.0.0.0", true, true),
        ("255.255.255.255", true, true),
        ("10.0.0.1", false, false),
        ("::", true, true),
        ("::1", true, false),
        ("::2", false, false),
        ("::ffff:198.51.100.1", true, true),
        ("fe80::1", true, true),
        ("febf::1", true, true),
        ("fec0::1", false, false),
        ("ff02::1", true, true),
        ("2001:db8::1", false, false),
        ("fd00::1", false, false),
    ];
    for (address, off_lo, on_lo) in cases {
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(
            martian::is_martian(&SocketAddr::new(address, 1), false, false),
            off_lo,
            "{address} off lo"
        );
        assert_eq!(
            martian::is_martian(&SocketAddr::new(address, 1), true, false),
            on_lo,
            "{address} on lo"
        );
    }
    let link_local = "fe80::1".parse().unwrap();
    assert!(!martian::is_martian(
        &SocketAddr::new(link_local, 1),
        false,
        true
    ));
    assert!(martian::names_link_local(&[rule(
        "fe80::/64",
        AclAction::Allow,
        false
    )]));
    assert!(!martian::names_link_local(&[rule(
        "::/0",
        AclAction::Allow,
        false
    )]));
}

#[test]
fn each_check_has_its_switch() {
    let mut open = plan(&["0.0.0.0/0", "::/0"]);
    let good = packet(QUERY, 1);
    let mut by_lo = arrival(&good, "192.0.2.53:4000");
    by_lo.loopback = true;
    assert_eq!(
        judged(&open, &by_lo),
        Is::Admitted,
        "our own address by lo is us"
    );
    open.check_own_addresses = false;
    assert_eq!(
        judged(&open, &arrival(&good, "192.0.2.53:4000")),
        Is::Admitted
    );
    open.check_martians = false;
    assert_eq!(
        judged(&open, &arrival(&good, "127.0.0.1:4000")),
        Is::Admitted
    );
    open.check_ports = false;
    assert_eq!(
        judged(&open, &arrival(&good, "198.51.100.1:0")),
        Is::Admitted
    );
    open.suppress_errors_to_reflectors = false;
    assert_eq!(
        judged(&open, &arrival(&packet(QUERY, 0), "198.51.100.1:19")),
        Is::Refused(Reason::QuestionCount, Rcode::FORMERR)
    );
}

#[test]
fn the_sixth_refusal_of_a_prefix_is_not_sent() {
    let guard = guard(&plan(&[]));
    let good = packet(QUERY, 1);
    let verdicts: Vec<_> = (0..6)
        .map(|n| {
            let source = format!("203.0.113.{n}:4000");
            is(&guard.judge(&arrival(&good, &source), Now::at_secs(0)))
        })
        .collect();
    for verdict in &verdicts[..5] {
        assert_eq!(*verdict, Is::Refused(Reason::AclNoMatch, Rcode::REFUSED));
    }
    assert_eq!(verdicts[5], Is::Dropped(Reason::RefusalBudget));
}

#[test]
fn a_reload_forgives_no_refusals_unless_the_rates_change() {
    let good = packet(QUERY, 1);
    let outside = arrival(&good, "203.0.113.1:4000");
    let before = guard(&plan(&[]));
    for _ in 0..6 {
        let _spent = before.judge(&outside, Now::at_secs(0));
    }
    let after = guard(&plan(&["198.51.100.0/24"])).continuing(&before);
    assert_eq!(
        is(&after.judge(&outside, Now::at_secs(0))),
        Is::Dropped(Reason::RefusalBudget)
    );
    let mut other = plan(&[]);
    other.refusals_per_prefix = 2;
    let anew = guard(&other).continuing(&after);
    assert_eq!(
        is(&anew.judge(&outside, Now::at_secs(0))),
        Is::Refused(Reason::AclNoMatch, Rcode::REFUSED)
    );
}

#[test]
fn connections_are_judged_by_the_access_rules() {
    let mut plan = plan(&["198.51.100.0/24"]);
    plan.rules.push(AclRule {
        transport: Some(TransportKind::Udp),
        ..rule("198.51.100.128/25", AclAction::Allow, false)
    });
    plan.rules.push(AclRule {
        transport: Some(TransportKind::Tcp),
        ..rule("198.51.100.128/25", AclAction::Drop, false)
    });
    let guard = guard(&plan);
    let local = "192.0.2.53:53".parse().unwrap();
    let judge = |source: &str| guard.judge_connection(source.parse().unwrap(), local, || 0);
    assert_eq!(judge("198.51.100.1:4000"), Ok(()));
    assert_eq!(judge("[::ffff:198.51.100.1]:4000"), Ok(()));
    assert_eq!(judge("198.51.100.200:4000"), Err(Reason::AclDrop));
    assert_eq!(judge("192.0.2.1:4000"), Err(Reason::AclNoMatch));
}

#[test]
fn a_stream_has_proven_its_address_and_pays_no_refusal_budget() {
    let guard = guard(&plan(&["192.0.2.53/32"]));
    let good = packet(QUERY, 1);
    let mut own = arrival(&good, "192.0.2.53:19");
    own.transport = TransportKind::Tcp;
    let Verdict::Admit(admission) = guard.judge(&own, Now::at_secs(0)) else {
        panic!("a handshake from our own address is our own");
    };
    assert!(admission.is_verified());
    assert!(admission.may_send_errors());
    let mut outsider = arrival(&good, "203.0.113.1:4000");
    outsider.transport = TransportKind::Tcp;
    for _ in 0..10 {
        assert_eq!(
            is(&guard.judge(&outsider, Now::at_secs(0))),
            Is::Refused(Reason::AclNoMatch, Rcode::REFUSED)
        );
    }
}

#[test]
fn an_admission_becomes_a_permit_unless_recursion_was_not_desired() {
    let mut plan = plan(&[]);
    plan.rules
        .push(rule("198.51.100.0/24", AclAction::Allow, true));
    let guard = guard(&plan);
    let admit =
        |bytes: &[u8]| match guard.judge(&arrival(bytes, "198.51.100.1:53"), Now::at_secs(0)) {
            Verdict::Admit(admission) => admission,
            other => panic!("{other:?}"),
        };
    let asked = admit(&packet(QUERY, 1));
    assert!(!asked.is_snoop() && !asked.is_verified());
    let permit = asked.into_permit().unwrap();
    assert_eq!(permit.cause(), Cause::Admitted);
    assert_eq!(permit.client(), Some("198.51.100.1".parse().unwrap()));
    let snooped = admit(&packet(0, 1));
    assert!(snooped.is_snoop());
    assert!(snooped.into_permit().is_none());
}

#[test]
fn verdicts_are_counted_once_and_port_53_besides() {
    let guard = guard(&plan(&["198.51.100.0/24"]));
    let worker = Worker::exclusive();
    let good = packet(QUERY, 1);
    for source in ["198.51.100.1:53", "198.51.100.1:54", "192.0.2.9:53"] {
        guard
            .judge(&arrival(&good, source), Now::at_secs(0))
            .count(&worker);
    }
    let counts = worker.counts();
    assert_eq!(counts.verdict(Reason::AclAllow), 2);
    assert_eq!(counts.verdict(Reason::AclNoMatch), 1);
    assert_eq!(counts.from_port_53(), 1, "only admitted ones");
}

fn any_source() -> impl Strategy<Value = SocketAddr> {
    prop_oneof![
        (any::<u32>(), any::<u16>())
            .prop_map(|(bits, port)| (Ipv4Addr::from_bits(bits), port).into()),
        (0xc633_6400_u32..0xc633_6500, any::<u16>()).prop_map(|(bits, port)| (
            Ipv4Addr::from_bits(bits),
            port
        )
            .into()),
        (any::<u128>(), any::<u16>())
            .prop_map(|(bits, port)| (Ipv6Addr::from_bits(bits), port).into()),
        (any::<u32>(), any::<u16>()).prop_map(|(bits, port)| (
            Ipv4Addr::from_bits(bits).to_ipv6_mapped(),
            port
        )
            .into()),
    ]
}

fn any_packet() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..64),
        (any::<u16>(), 0_u16..3).prop_map(|(flags, questions)| packet(flags, questions)),
        Just(packet(QUERY, 1)),
    ]
}

proptest! {
    /// N6: whatever is not explicitly allowed is refused or dropped, whatever the bytes, and gets no permit.
    #[test]
    fn nothing_outside_the_rules_is_ever_admitted(
        bytes in any_packet(),
        source in any_source(),
        loopback: bool,
        tcp: bool,
        checks: bool,
    ) {
        let mut plan = plan(&["198.51.100.0/25", "2001:db8:1::/48"]);
        plan.rules.push(rule("198.51.100.64/26", AclAction::Refuse, false));
        plan.check_martians = checks;
        plan.check_own_addresses = checks;
        plan.check_ports = checks;
        let mut arrival = arrival(&bytes, "192.0.2.1:1");
        arrival.source = source;
        arrival.loopback = loopback;
        arrival.transport = if tcp { TransportKind::Tcp } else { TransportKind::Udp };
        let client = source.ip().to_canonical();
        let allowed: &[IpNet] = &["198.51.100.0/26".parse().unwrap(), "2001:db8:1::/48".parse().unwrap()];
        let covered = allowed.iter().any(|prefix| prefix.contains(&client));
        let guard = guard(&plan);
        let verdict = guard.judge(&arrival, Now::at_secs(0));
        let permit = match verdict {
            Verdict::Admit(admission) => admission.into_permit(),
            Verdict::Refuse(..) | Verdict::Drop(_) | Verdict::Limit(_) => None,
        };
        if permit.is_some() {
            prop_assert!(covered, "{source} is covered by no rule");
            prop_assert!(bytes.len() >= 12);
            let flags = u16::from_be_bytes([bytes[2], bytes[3]]);
            prop_assert_eq!(flags & 0xf900, QUERY, "QR=0, opcode 0, RD=1");
        }
        prop_assert_eq!(
            guard.judge_connection(source, arrival.local, || 0).is_ok(),
            covered
        );
        // And the other way round: a plain query of a covered client is admitted.
        let plain = packet(QUERY, 1);
        arrival.bytes = &plain;
        arrival.loopback = false;
        arrival.transport = TransportKind::Tcp;
        prop_assert_eq!(matches!(guard.judge(&arrival, Now::at_secs(0)), Verdict::Admit(_)), covered);
    }
}

/// Rows 5 and 6 together: what comes by the wrong interface is dropped before the access rules are asked, datagram by datagram;
/// a connection is judged by where its handshake went.
#[test]
fn a_datagram_comes_by_the_interface_its_source_belongs_to() {
    use crate::sys::rtnetlink::{Interface, Route, RouteKind};

    const LAN: u32 = 3;
    const WAN: u32 = 2;
    let interface = |index, name: &str| Interface {
        index,
        name: name.to_owned(),
        loopback: false,
        up: true,
        part: false,
    };
    let route = |prefix: &str, by| Route {
        prefix: prefix.parse().unwrap(),
        kind: RouteKind::Unicast,
        metric: 0,
        interfaces: [by].into_iter().collect(),
    };
    let surroundings = Surroundings::default();
    let mut bound = plan(&["198.51.100.0/24", "2001:db8::/32"]);
    bound.bindings = vec![plan::IngressBinding {
        prefixes: vec!["198.51.100.0/24".parse().unwrap()],
        interfaces: vec!["lan*".to_owned()],
    }];
    let mut strict = plan(&["198.51.100.0/24", "2001:db8::/32"]);
    strict.route_back = RouteBack::Strict;
    let guards = [&plan(&["0.0.0.0/0", "::/0"]), &bound, &strict];
    let [off, bound, strict] = guards.map(|plan| guard(plan).seeing(surroundings.clone()));
    let octets = packet(QUERY, 1);
    let reason = |guard: &Guard, source: &str, interface, transport, loopback| {
        let arrival = Arrival {
            bytes: &octets,
            source: source.parse().unwrap(),
            local: "192.0.2.53:53".parse().unwrap(),
            interface,
            loopback,
            hop_limit: None,
            transport,
        };
        guard.judge(&arrival, Now::at_secs(0)).reason()
    };
    let (v4, v6) = ("198.51.100.7:4000", "[2001:db8::7]:4000");
    let udp = |guard: &Guard, source, by| reason(guard, source, by, TransportKind::Udp, false);
    // Nothing is known yet: bound clients come by no interface of that name, and there is no table to ask.
    assert_eq!(udp(&bound, v4, LAN), Reason::WrongIngress);
    assert_eq!(udp(&strict, v4, WAN), Reason::AclAllow);
    let interfaces = vec![interface(WAN, "wan0"), interface(LAN, "lan0")];
    let routes = vec![
        route("198.51.100.0/24", LAN),
        route("2001:db8::/32", LAN),
        route("0.0.0.0/0", WAN),
    ];
    let table = Arc::new(RouteTable::new(routes));
    surroundings.replace(Known::new(interfaces, Some(table)));
    for (source, by, told) in [
        (v4, LAN, [Reason::AclAllow, Reason::AclAllow]),
        (v4, WAN, [Reason::WrongIngress, Reason::NoRouteBack]),
        (v4, 0, [Reason::WrongIngress, Reason::NoRouteBack]),
        (v6, LAN, [Reason::AclAllow, Reason::AclAllow]),
        (v6, WAN, [Reason::AclAllow, Reason::NoRouteBack]),
        // Outsiders by their own interface are refused as ever; no route at all is silence.
        (
            "203.0.113.9:4000",
            WAN,
            [Reason::AclNoMatch, Reason::AclNoMatch],
        ),
        (
            "203.0.113.9:4000",
            LAN,
            [Reason::AclNoMatch, Reason::NoRouteBack],
        ),
        (
            "[2001:db9::9]:4000",
            WAN,
            [Reason::AclNoMatch, Reason::NoRouteBack],
        ),
    ] {
        assert_eq!(
            [udp(&bound, source, by), udp(&strict, source, by)],
            told,
            "{source} by {by}"
        );
        assert_eq!(udp(&off, source, by), Reason::AclAllow);
    }
    assert_eq!(
        reason(&bound, v4, 1, TransportKind::Udp, true),
        Reason::AclAllow
    );
    assert_eq!(
        reason(&strict, v4, 1, TransportKind::Udp, true),
        Reason::AclAllow
    );
    assert_eq!(
        reason(&bound, v4, 0, TransportKind::Tcp, false),
        Reason::AclAllow
    );
    let connects = |guard: &Guard, source: &str, leaves_by| {
        let local = "192.0.2.53:53".parse().unwrap();
        guard.judge_connection(source.parse().unwrap(), local, || leaves_by)
    };
    assert_eq!(connects(&bound, v4, WAN), Err(Reason::WrongIngress));
    assert_eq!(connects(&bound, v4, LAN), Ok(()));
    assert_eq!(connects(&bound, v4, 1), Ok(()), "to an address of ours");
    assert_eq!(connects(&bound, v4, 0), Ok(()), "it cannot be told");
    assert_eq!(
        connects(&strict, v4, WAN),
        Ok(()),
        "its handshake was the route back"
    );
    assert_eq!(connects(&bound, v6, WAN), Ok(()));
}

#[test]
fn responses_raise_an_alarm_and_frame_nobody() {
    let plan = plan(&["192.0.2.0/24"]);
    let guard = guard(&plan);
    let response = packet(0x8180, 1);
    let query = packet(0x0100, 1);
    let _first = guard.backscatter().look(Now::at_secs(0));
    for _ in 0..10_000 {
        let verdict = guard.judge(&arrival(&response, "192.0.2.7:53"), Now::at_secs(1));
        assert_eq!(verdict.reason(), Reason::ResponseBit);
        assert!(matches!(verdict, Verdict::Drop(_)), "nothing is sent");
    }
    let moment = guard.backscatter().look(Now::at_secs(5)).unwrap();
    let told = format!("{moment:?}");
    assert!(told.contains("192.0.2.0/24"), "{told}");
    assert_eq!(guard.backscatter().heard().counts(), [10_000, 0]);
    // Who seems to have sent them is served as ever, from the same port, too.
    for source in ["192.0.2.7:53", "192.0.2.7:4000"] {
        let verdict = guard.judge(&arrival(&query, source), Now::at_secs(5));
        assert!(matches!(verdict, Verdict::Admit(_)), "{verdict:?}");
    }
    // Over TCP nobody forges anything: it is somebody's mistake.
    let mut by_stream = arrival(&response, "192.0.2.7:53");
    by_stream.transport = TransportKind::Tcp;
    let _dropped = guard.judge(&by_stream, Now::at_secs(5));
    assert_eq!(guard.backscatter().heard().counts(), [10_000, 0]);
}
