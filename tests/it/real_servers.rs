//! Does suimond resolve through NSD, Knot and BIND all that Unbound resolves there, with no more packets?

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use suimon::wire::RecordType;

use crate::lab::capture::Capture;
use crate::lab::client::{answer_text, resolve};
use crate::lab::script::UNHURRIED;
use crate::lab::servers::{self, Zone};
use crate::lab::{Lab, Ns, suimond};

const ROOT_HINTS: &str =
    ". 3600 IN NS a.root.\na.root. 3600 IN A 10.53.0.1\na.root. 3600 IN AAAA fd53::1\n";
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn what_unbound_resolves_through_nsd_knot_and_bind_suimond_resolves_with_no_more_packets() {
    let mut lab = Lab::new("real");
    let authority = authority(&mut lab);
    let ours = resolver_namespace(&mut lab, &authority, "ours", 1);
    let theirs = resolver_namespace(&mut lab, &authority, "theirs", 2);
    let listen: SocketAddr = "127.0.0.1:53".parse().expect("an address");
    let config = suimond::config(
        &lab,
        &[listen],
        &["127.0.0.0/8"],
        ROOT_HINTS,
        "[policy]\nspecial_use = false\n",
    );
    suimond::start_with(&mut lab, &ours, "suimond", &config, &UNHURRIED);
    servers::unbound(&mut lab, &theirs, "unbound", listen, ROOT_HINTS, "");

    let (our_answers, our_packets) = ask_all(&lab, &ours, listen);
    let (their_answers, their_packets) = ask_all(&lab, &theirs, listen);
    for ((question, ours), theirs) in our_answers.iter().zip(their_answers.values()) {
        assert_eq!(ours, theirs, "{question}: suimond left, unbound right");
    }
    eprintln!(
        "{} questions: suimond sent {our_packets} packets upstream, unbound {their_packets}",
        our_answers.len()
    );
    assert!(
        our_packets <= their_packets,
        "suimond sent {our_packets} packets upstream, unbound {their_packets}"
    );
}

/// A resolver's namespace with routes to every authoritative server; `number` tells two of them apart.
fn resolver_namespace(lab: &mut Lab, authority: &Ns, short: &str, number: u8) -> Ns {
    let ns = lab.namespace(short);
    let (far4, near4) = (format!("10.9.{number}.1"), format!("10.9.{number}.2"));
    let (far6, near6) = (format!("fd09:{number}::1"), format!("fd09:{number}::2"));
    lab.link(
        authority,
        &format!("to-{short}"),
        &[&format!("{far4}/24"), &format!("{far6}/64")],
        &ns,
        "out",
        &[&format!("{near4}/24"), &format!("{near6}/64")],
    );
    ns.default_route(far4.parse().expect("an address"));
    ns.default_route(far6.parse().expect("an address"));
    ns
}

/// Asks every question; the answers by question, and the packets that left towards port 53.
fn ask_all(lab: &Lab, ns: &Ns, server: SocketAddr) -> (BTreeMap<String, String>, usize) {
    let capture = Capture::start(lab, ns, "out", "dst port 53");
    let answers = ns.inside(|| {
        questions()
            .into_iter()
            .map(|(name, rtype)| {
                let source: IpAddr = "127.0.0.1".parse().expect("an address");
                let reply = resolve(source, server, &name, rtype, PATIENCE);
                let said = reply.map_or_else(
                    || "no reply".to_owned(),
                    |reply| format!("{} {:?}", reply.rcode(), answer_text(&reply)),
                );
                (format!("{name} {rtype}"), said)
            })
            .collect()
    });
    (answers, capture.stop().len())
}

fn questions() -> Vec<(String, RecordType)> {
    let mut questions = Vec::new();
    let mut ask = |names: &[&str], types: &[RecordType]| {
        for name in names {
            for rtype in types {
                questions.push(((*name).to_owned(), *rtype));
            }
        }
    };
    use RecordType as T;
    ask(
        &["www.plain.test.", "plain.test."],
        &[T::A, T::AAAA, T::MX, T::TXT, T::SOA, T::NS],
    );
    ask(
        &[
            "nope.plain.test.",
            "nope.test.",
            "nope.",
            "a.b.nope.plain.test.",
        ],
        &[T::A, T::AAAA],
    );
    ask(
        &[
            "host.v6only.test.",
            "host.glueless.test.",
            "host.child.test.",
            "host.parent-and-child.child.test.",
        ],
        &[T::A, T::TXT],
    );
    ask(
        &[
            "a.b.c.d.e.deep.test.",
            "c.d.e.deep.test.",
            "f.a.b.c.d.e.deep.test.",
        ],
        &[T::A],
    );
    ask(
        &[
            "anything.wild.plain.test.",
            "x.y.wild.plain.test.",
            "ent.plain.test.",
            "below.ent.plain.test.",
        ],
        &[T::A, T::TXT],
    );
    ask(
        &[
            "alias.plain.test.",
            "far.plain.test.",
            "chain1.plain.test.",
            "dangling.plain.test.",
            "nodata.plain.test.",
        ],
        &[T::A, T::CNAME],
    );
    ask(
        &["www.renamed.plain.test.", "deep.www.renamed.plain.test."],
        &[T::A],
    );
    ask(&["big.plain.test."], &[T::TXT, T::A]);
    ask(
        &["unknown.plain.test."],
        &[RecordType(65_280), T::HTTPS, T::CAA, T::SRV],
    );
    ask(
        &[
            "www.example.",
            "example.",
            "sub.example.",
            "host.sub.example.",
        ],
        &[T::A, T::NS],
    );
    for number in 0..60 {
        ask(&[&format!("host{number}.plain.test.")], &[T::A]);
        ask(
            &[
                &format!("zone{number}.test."),
                &format!("www.zone{number}.test."),
            ],
            &[T::A],
        );
    }
    questions
}

/// Root on NSD, `test.` on Knot, `plain.test.` and `example.` on BIND, and the corners in between.
fn authority(lab: &mut Lab) -> Ns {
    let ns = lab.namespace("auth");
    let address = |text: &str| -> IpAddr { text.parse().expect("an address") };
    for number in 1..=7 {
        ns.add_address("lo", &format!("10.53.0.{number}/32"));
        ns.add_address("lo", &format!("fd53::{number}/128"));
    }
    let both = |number: u8| {
        [
            address(&format!("10.53.0.{number}")),
            address(&format!("fd53::{number}")),
        ]
    };
    let apex = |ns_names: &[&str]| {
        let mut text = "$TTL 300\n@ IN SOA ns hostmaster 1 3600 600 86400 60\n".to_owned();
        for name in ns_names {
            text.push_str(&format!("@ IN NS {name}\n"));
        }
        text
    };
    let root = apex(&["a.root."])
        + "a.root. A 10.53.0.1\na.root. AAAA fd53::1\n\
           test. NS ns.test.\nns.test. A 10.53.0.2\nns.test. AAAA fd53::2\n\
           example. NS ns1.example.\nexample. NS ns2.example.\nns1.example. A 10.53.0.3\nns1.example. AAAA fd53::3\nns2.example. A 10.53.0.4\n";
    servers::nsd(
        lab,
        &ns,
        "nsd-root",
        &both(1),
        &[Zone {
            name: ".",
            text: root,
        }],
    );
    let mut test = apex(&["ns.test."])
        + "ns A 10.53.0.2\nns AAAA fd53::2\nplain NS ns1.plain\nplain NS ns2.plain\nns1.plain A 10.53.0.3\nns2.plain A 10.53.0.4\nns2.plain AAAA fd53::4\n\
           v6only NS ns.v6only\nns.v6only AAAA fd53::5\nglueless NS ns.sub.example.\nchild NS ns.test.\ndeep NS ns.deep\nns.deep A 10.53.0.6\n";
    for number in 0..60 {
        test.push_str(&format!(
            "zone{number} NS ns1.plain\nzone{number} NS ns2.plain\n"
        ));
    }
    let child = apex(&["ns.test."])
        + "host A 192.0.2.7\nhost TXT \"child\"\nparent-and-child NS ns.test.\n";
    let grandchild = apex(&["ns.test."]) + "host A 192.0.2.8\nhost TXT \"grandchild\"\n";
    servers::knot(
        lab,
        &ns,
        "knot-test",
        &both(2),
        &[
            Zone {
                name: "test",
                text: test,
            },
            Zone {
                name: "child.test",
                text: child,
            },
            Zone {
                name: "parent-and-child.child.test",
                text: grandchild,
            },
        ],
    );
    let mut plain = apex(&["ns1", "ns2"])
        + "ns A 10.53.0.3\nns1 A 10.53.0.3\nns2 A 10.53.0.4\nns2 AAAA fd53::4\n@ A 192.0.2.1\n@ MX 10 www\n@ TXT \"plain\"\nwww A 192.0.2.2\nwww AAAA 2001:db8::2\nwww MX 5 www\n\
           *.wild A 192.0.2.3\n*.wild TXT \"wild\"\nbelow.ent A 192.0.2.4\nalias CNAME www\nfar CNAME www.example.\nchain1 CNAME chain2\nchain2 CNAME chain3\nchain3 CNAME host.sub.example.\n\
           dangling CNAME nowhere.plain.test.\nnodata CNAME only-text\nonly-text TXT \"text\"\nrenamed DNAME example.\nunknown TYPE65280 \\# 4 C0000201\nunknown CAA 0 issue \"ca.example\"\nunknown SRV 1 2 3 www\n\
           unknown HTTPS 1 . alpn=h2\nbig A 192.0.2.9\n";
    for number in 0..40 {
        plain.push_str(&format!("big TXT \"{number:0>200}\"\n"));
    }
    for number in 0..60 {
        plain.push_str(&format!("host{number} A 192.0.2.{}\n", 100 + number));
    }
    let example = apex(&["ns1", "ns2"])
        + "ns A 10.53.0.3\nns1 A 10.53.0.3\nns1 AAAA fd53::3\nns2 A 10.53.0.4\n@ A 192.0.2.20\nwww A 192.0.2.21\ndeep.www A 192.0.2.22\nsub NS ns.sub\nns.sub A 10.53.0.7\nns.sub AAAA fd53::7\n";
    let zones = |plain: &str, example: &str| {
        let mut zones = vec![
            Zone {
                name: "plain.test",
                text: plain.to_owned(),
            },
            Zone {
                name: "example",
                text: example.to_owned(),
            },
        ];
        for name in SMALL {
            zones.push(Zone {
                name,
                text: apex(&["ns1.plain.test.", "ns2.plain.test."])
                    + "@ A 192.0.2.30\nwww A 192.0.2.31\n",
            });
        }
        zones
    };
    servers::bind(lab, &ns, "bind-1", &both(3), &zones(&plain, &example));
    servers::bind(lab, &ns, "bind-2", &both(4), &zones(&plain, &example));
    let v6only = apex(&["ns"]) + "ns AAAA fd53::5\nhost A 192.0.2.40\nhost TXT \"v6\"\n";
    servers::nsd(
        lab,
        &ns,
        "nsd-v6",
        &[address("fd53::5")],
        &[Zone {
            name: "v6only.test",
            text: v6only,
        }],
    );
    let mut deep = vec![Zone {
        name: "deep.test",
        text: apex(&["ns"]) + "ns A 10.53.0.6\ne NS ns\n",
    }];
    for (name, label) in [
        ("e.deep.test", "d"),
        ("d.e.deep.test", "c"),
        ("c.d.e.deep.test", "b"),
    ] {
        deep.push(Zone {
            name,
            text: apex(&["ns.deep.test."]) + label + " NS ns.deep.test.\n@ A 192.0.2.50\n",
        });
    }
    deep.push(Zone {
        name: "b.c.d.e.deep.test",
        text: apex(&["ns.deep.test."]) + "a A 192.0.2.51\n",
    });
    servers::knot(lab, &ns, "knot-deep", &both(6), &deep);
    let sub =
        apex(&["ns"]) + "ns A 10.53.0.7\nns AAAA fd53::7\n@ A 192.0.2.60\nhost A 192.0.2.61\n";
    let glueless = apex(&["ns.sub.example."]) + "host A 192.0.2.62\nhost TXT \"glueless\"\n";
    servers::nsd(
        lab,
        &ns,
        "nsd-sub",
        &both(7),
        &[
            Zone {
                name: "sub.example",
                text: sub,
            },
            Zone {
                name: "glueless.test",
                text: glueless,
            },
        ],
    );
    ns
}

macro_rules! small_zones {
    ($($number:literal)*) => { [$(concat!("zone", $number, ".test")),*] };
}

/// Sixty small zones that share two servers.
const SMALL: [&str; 60] = small_zones!(
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49
    50 51 52 53 54 55 56 57 58 59
);
