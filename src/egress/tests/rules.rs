//! Do ports and addresses keep their rules?

use std::net::SocketAddr;

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::config::plan;
use crate::egress::matching::{Expected, Seen, examine};
use crate::egress::permitted::Permitted;
use crate::egress::source_port::SourcePorts;
use crate::egress::{Exchanged, Failure};
use crate::wire::Flags;
use crate::wire::writer::write_query;

use super::{ask, base, egress, failure, fake, question};

#[test]
fn ports_are_uniform_over_the_range_without_the_avoided_ones() {
    let mut rng = StdRng::seed_from_u64(42);
    let avoid = [1025, 4791, 11_211, 65_535];
    let ports = SourcePorts::new((1024, 65_535), &avoid);
    assert_eq!(ports.len(), 64_512 - avoid.len());
    let mut buckets = [0u32; 63];
    for _ in 0..630_000 {
        let port = ports.pick(&mut rng);
        assert!(port >= 1024 && !avoid.contains(&port));
        buckets[usize::from((port - 1024) / 1024)] += 1;
    }
    // 10,000 expected in each, standard deviation 100: six of those are never reached by chance.
    for (bucket, count) in buckets.into_iter().enumerate() {
        assert!((9_390..10_610).contains(&count), "bucket {bucket}: {count}");
    }
}

#[test]
fn port_53_is_never_used() {
    let mut rng = StdRng::seed_from_u64(1);
    let ports = SourcePorts::new((52, 54), &[]);
    let mut seen: Vec<u16> = (0..100).map(|_| ports.pick(&mut rng)).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [52, 54]);
    for nothing_left in [
        SourcePorts::new((53, 53), &[]),
        SourcePorts::new((0, 0), &[]),
    ] {
        assert!(nothing_left.len() > 64_000);
        assert!((0..1_000).all(|_| nothing_left.pick(&mut rng) >= 1024));
    }
}

#[tokio::test]
async fn a_taken_port_is_replaced_and_a_full_range_fails() {
    let taken = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let egress = egress(&plan::Egress {
        source_ports: (port, port),
        avoid_ports: Vec::new(),
        ..base()
    });
    let exchanged = ask(&egress, "127.0.0.1:9".parse().unwrap()).await;
    assert_eq!(failure(&exchanged), Some(Failure::Network));
    assert_eq!(egress.counters().snapshot().port_collisions, 8);
    assert_eq!(egress.counters().snapshot().sent_in_all(), 0);
}

fn permits(rules: &Permitted, server: &str, configured: bool) -> bool {
    rules.may_ask(server.parse().unwrap(), configured)
}

#[test]
fn private_servers_are_asked_only_if_allowed_or_configured() {
    let strict = Permitted::new(
        &plan::Egress {
            allow_private_servers: false,
            ..base()
        },
        &[],
    );
    let open = Permitted::new(&base(), &[]);
    for private in [
        "127.0.0.1:53",
        "10.1.2.3:53",
        "172.16.0.1:53",
        "172.31.255.255:53",
        "192.168.1.1:53",
        "169.254.1.1:53",
        "100.64.0.1:53",
        "100.127.255.255:53",
        "[::1]:53",
        "[fc00::1]:53",
        "[fdff::1]:53",
        "[fe80::1]:53",
        "[febf::1]:53",
        "[fec0::1]:53",
    ] {
        assert!(!permits(&strict, private, false), "{private}");
        assert!(permits(&strict, private, true), "{private}");
        assert!(permits(&open, private, false), "{private}");
    }
    for public in [
        "198.41.0.4:53",
        "172.32.0.1:53",
        "100.128.0.1:53",
        "100.63.255.255:53",
        "192.0.2.1:53",
        "[2001:503:ba3e::2:30]:53",
        "[fb00::1]:53",
    ] {
        assert!(permits(&strict, public, false), "{public}");
    }
}

#[test]
fn what_is_no_server_is_never_asked() {
    let open = Permitted::new(&base(), &[]);
    for nowhere in [
        "0.0.0.0:53",
        "0.1.2.3:53",
        "224.0.0.1:53",
        "239.1.1.1:53",
        "240.0.0.1:53",
        "255.255.255.255:53",
        "[::]:53",
        "[::ffff:127.0.0.1]:53",
        "[::ffff:192.0.2.1]:53",
        "[::192.0.2.1]:53",
        "[ff02::1]:53",
        "192.0.2.1:0",
    ] {
        assert!(!permits(&open, nowhere, true), "{nowhere}");
    }
}

#[test]
fn families_and_prefixes_can_be_switched_off() {
    let rules = Permitted::new(
        &plan::Egress {
            ipv6: false,
            never_ask: vec!["192.0.2.0/24".parse().unwrap()],
            ..base()
        },
        &[],
    );
    assert!(!permits(&rules, "[2001:db8::1]:53", true));
    assert!(!permits(&rules, "192.0.2.200:53", true));
    assert!(permits(&rules, "198.51.100.1:53", false));
}

#[test]
fn we_never_ask_ourselves() {
    let own: Vec<SocketAddr> = ["127.0.0.1:53", "0.0.0.0:5300", "[::1]:53"]
        .map(|text| text.parse().unwrap())
        .to_vec();
    let rules = Permitted::new(&base(), &own);
    for ourselves in [
        "127.0.0.1:53",
        "[::1]:53",
        "127.0.0.1:5300",
        "127.9.9.9:5300",
    ] {
        assert!(!permits(&rules, ourselves, true), "{ourselves}");
    }
    for another in ["127.0.0.1:54", "127.0.0.2:53", "198.51.100.1:5300"] {
        assert!(permits(&rules, another, true), "{another}");
    }
}

#[tokio::test]
async fn nobody_left_to_ask_is_said_so() {
    let egress = egress(&plan::Egress {
        allow_private_servers: false,
        ..base()
    });
    let exchanged = ask(&egress, "127.0.0.1:53".parse().unwrap()).await;
    assert_eq!(
        exchanged,
        Exchanged::Failed {
            server: None,
            failure: Failure::NoUsableServer
        }
    );
    assert_eq!(egress.counters().snapshot().no_usable_server, 1);
}

#[test]
fn a_reply_with_any_octet_of_its_envelope_changed_is_not_taken() {
    let question = question();
    let expected = Expected {
        id: 0x1234,
        question: &question,
        exact_case: false,
    };
    let mut query = Vec::new();
    write_query(&mut query, 0x1234, Flags::default(), &question, None);
    let reply = fake::good(&query);
    assert!(matches!(examine(&reply, &expected), Seen::Reply(_)));
    let envelope = query.len();
    for at in (0..envelope).filter(|at| !(2..12).contains(at)) {
        for bit in 0..8 {
            let mut changed = reply.clone();
            changed[at] ^= 1 << bit;
            // The case of a letter is no difference here.
            let only_case = bit == 5 && reply[at].is_ascii_alphabetic();
            let taken = matches!(examine(&changed, &expected), Seen::Reply(_));
            assert_eq!(taken, only_case, "octet {at}, bit {bit}");
        }
    }
    for length in 0..reply.len() {
        let seen = examine(&reply[..length], &expected);
        assert!(matches!(seen, Seen::Discard(_)), "{length} octets");
    }
}

proptest::proptest! {
    #[test]
    fn any_octets_can_be_looked_at(octets: Vec<u8>, behind: Vec<u8>) {
        let question = question();
        let expected = Expected { id: 7, question: &question, exact_case: true };
        let _ = examine(&octets, &expected);
        let mut query = Vec::new();
        write_query(&mut query, 7, Flags::default().with_ad(true), &question, None);
        query[2] |= 0x80;
        query[7] = 1;
        query.extend_from_slice(&behind);
        let _ = examine(&query, &expected);
    }
}
