//! Does a signed zone that wants to be expensive stay cheap, and does a flood against an honest one end here?

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use suimon::dnssec::Dnskey;
use suimon::drill::signing::Denial;
use suimon::wire::{Message, RecordType as T, rdata};

use crate::lab::client::{self, extended_errors, resolve_dnssec};
use crate::lab::expensive::{honest, keys_of_one_tag, nsec3, set_of, trap, unsign, zone};
use crate::lab::relay::{self, Grown, Twist, name, record, valid};
use crate::lab::script::{PATIENCE, Scene, Setting, listen, loopback, say};

fn scene(tag: &str, set: &[&str], zones: Vec<Grown>, twist: Arc<Twist>) -> Scene {
    let (served, anchor) = relay::tree(zones, Vec::new());
    let more = format!("[dnssec]\nvalidation = \"on\"\ntrust_anchors = [{anchor:?}]\n");
    let setting = Setting {
        more: &more,
        servers: 1..=3,
        set,
        ..Setting::default()
    };
    let mut scene = relay::scene(tag, &setting, served, twist);
    scene.start("suimond", &setting);
    scene
}

/// What came of a question: "CODE secure|insecure", the extended errors, and how long it took.
fn told(scene: &Scene, name: &str, rtype: T) -> (String, Vec<(u16, String)>, Duration) {
    let begun = Instant::now();
    let reply = scene
        .resolver
        .inside(|| resolve_dnssec(loopback(), listen(), name, rtype, false, PATIENCE));
    let took = begun.elapsed();
    let Some(reply) = reply else {
        return ("nothing".to_owned(), Vec::new(), took);
    };
    let security = if reply.header.flags.ad() {
        "secure"
    } else {
        "insecure"
    };
    (
        format!("{} {security}", reply.rcode()),
        extended_errors(&reply),
        took,
    )
}

/// What a trap may cost of it, on a machine several times slower than ours, where it takes 20 to 40 ms. Without limits sixty signatures by
/// sixty keys of one tag are 3,600 checks of 0.1 ms each at least, and five hundred 250,000.
const CHEAP: Duration = Duration::from_millis(200);

/// Processor time of suimond so far.
fn processor_time(scene: &Scene) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", scene.lab.pid("suimond")))
        .expect("a running suimond");
    let (_, fields) = stat.rsplit_once(')').expect("the name of the program");
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().expect("ticks"))
        .sum();
    // A hundred of them make a second.
    Duration::from_millis(ticks * 10)
}

#[test]
fn sixty_keys_of_one_tag_and_sixty_signatures_and_then_five_hundred_cost_next_to_nothing() {
    let colliding = keys_of_one_tag(60);
    let tag = Dnskey::read(&colliding[0]).expect("a key").tag();
    assert!(
        colliding
            .iter()
            .all(|key| Dnskey::read(key).expect("a key").tag() == tag)
    );
    let mut distinct = colliding.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 60);
    let scene = scene(
        "trap",
        &[],
        vec![
            honest(),
            trap("trap.test.", &["www"], 60),
            trap("many.test.", &["www"], 500),
        ],
        relay::untwisted(),
    );
    assert_eq!(told(&scene, "www.good.test.", T::A).0, "NOERROR secure");
    for of in ["www.trap.test.", "www.many.test."] {
        let before = processor_time(&scene);
        let (said, errors, took) = told(&scene, of, T::A);
        let spent = processor_time(&scene).saturating_sub(before);
        assert_eq!(said, "SERVFAIL insecure", "{of} {errors:?}");
        assert!(
            matches!(errors.first(), Some((6 | 0, _))),
            "{of} {errors:?}"
        );
        assert!(took < Duration::from_secs(2), "{of} took {took:?}");
        assert!(spent <= CHEAP, "{of} cost {spent:?} of processor time");
        let (said, _, took) = told(&scene, "other.good.test.", T::A);
        assert_eq!(said, "NOERROR secure");
        assert!(took < Duration::from_secs(2), "the next one took {took:?}");
        scene.metric("suimon_budget_exhausted_total", "");
    }
}

#[test]
fn an_nsec3_proof_is_believed_up_to_50_iterations_and_insecure_at_once_above() {
    let deep = "a.".repeat(100);
    let of = |name: &str, iterations: u16| {
        zone(
            name,
            &format!("www.{name} A 192.0.2.1"),
            &nsec3(iterations),
            |_, _| (),
        )
    };
    let zones = vec![
        honest(),
        of("fifty.test.", 50),
        of("more.test.", 51),
        of("many.test.", 150),
        of("huge.test.", 2500),
    ];
    let scene = scene("iterations", &[], zones, relay::untwisted());
    let (said, errors, _) = told(&scene, "nope.fifty.test.", T::A);
    assert_eq!(
        (said.as_str(), errors.len()),
        ("NXDOMAIN secure", 0),
        "{errors:?}"
    );
    let (said, errors, _) = told(&scene, "www.fifty.test.", T::TXT);
    assert_eq!(
        (said.as_str(), errors.len()),
        ("NOERROR secure", 0),
        "{errors:?}"
    );
    for zone in ["more", "many", "huge"] {
        for (asked, rtype, code) in [
            (format!("nope.{zone}.test."), T::A, "NXDOMAIN insecure"),
            (format!("www.{zone}.test."), T::TXT, "NOERROR insecure"),
            (format!("{deep}{zone}.test."), T::A, "NXDOMAIN insecure"),
        ] {
            let before = processor_time(&scene);
            let (said, errors, took) = told(&scene, &asked, rtype);
            let spent = processor_time(&scene).saturating_sub(before);
            assert_eq!(said, code, "{asked} {errors:?}");
            assert_eq!(
                errors.first().map(|error| error.0),
                Some(27),
                "{asked} {errors:?}"
            );
            assert!(took < Duration::from_secs(2), "{asked} took {took:?}");
            assert!(spent <= CHEAP, "{asked} cost {spent:?}");
        }
        // What is signed is as good as ever.
        assert_eq!(
            told(&scene, &format!("www.{zone}.test."), T::A).0,
            "NOERROR secure"
        );
    }
}

#[test]
fn one_hash_and_one_signature_more_than_allowed_fail_with_their_reason_and_their_counter() {
    // With 150 iterations allowed a hash counts four times: 300 are enough for 70 labels, not for 110.
    let lies = |name_of: &'static str, links: u8, end: &str| {
        let mut lines = format!("n{links}.{name_of} {end}\n");
        for link in 0..links {
            lines.push_str(&format!(
                "n{link}.{name_of} CNAME n{}.{name_of}\n",
                link + 1
            ));
        }
        zone(name_of, &lines, &Denial::Nsec, |records, signers| {
            // A wrong signature before each right one: two to check for each set of the chain.
            let mut spoilt = Vec::new();
            for record in records.iter().filter(|record| record.rtype == T::RRSIG) {
                let covers = rdata::rrsig_covers(&record.rdata);
                let mut wrong = record.clone();
                let place = wrong.rdata.len() - 64;
                wrong.rdata[place..].fill(0);
                if matches!(covers, Some(T::A | T::CNAME)) {
                    spoilt.push(wrong);
                }
            }
            assert_eq!(signers.len(), 2);
            spoilt.append(records);
            *records = spoilt;
        })
    };
    let hops = [
        "l0.test.", "l1.test.", "l2.test.", "l3.test.", "l4.test.", "l5.test.", "l6.test.",
        "l7.test.", "l8.test.",
    ];
    let mut zones = vec![
        honest(),
        zone(
            "hashes.test.",
            "www.hashes.test. A 192.0.2.1",
            &nsec3(150),
            |_, _| (),
        ),
        lies("seven.test.", 7, "A 192.0.2.1"),
        lies("eight.test.", 8, "A 192.0.2.1"),
        lies("l9.test.", 0, "A 192.0.2.1"),
    ];
    zones.extend(
        (1_u8..)
            .zip(hops)
            .map(|(next, hop)| lies(hop, 0, &format!("CNAME n0.l{next}.test."))),
    );
    let scene = scene(
        "limits",
        &[
            "dnssec.nsec3_iterations=150",
            "recursion.qname_minimisation=\"off\"",
        ],
        zones,
        relay::untwisted(),
    );
    let exhausted = |limit: &str| scene.metric("suimon_budget_exhausted_total", limit);
    // Asked for as a whole: with QNAME minimisation the first missing label ends it, and nothing has to be hashed below.
    let labels = |label: &str, count: usize| format!("{}hashes.test.", label.repeat(count));
    assert_eq!(told(&scene, &labels("a.", 60), T::A).0, "NXDOMAIN secure");
    assert_eq!(exhausted("nsec3_hashes"), 0);
    let (said, errors, _) = told(&scene, &labels("b.", 110), T::A);
    assert_eq!(said, "SERVFAIL insecure", "{errors:?}");
    assert!(
        errors.iter().any(|(_, text)| text.contains("NSEC3")),
        "{errors:?}"
    );
    assert_eq!(exhausted("nsec3_hashes"), 1);
    assert_eq!(told(&scene, "www.good.test.", T::A).0, "NOERROR secure");
    // Eight sets with two signatures each are 16: as many as one response may cost.
    let (said, errors, _) = told(&scene, "n0.seven.test.", T::A);
    assert_eq!(said, "NOERROR secure", "{errors:?}");
    let before = exhausted("signatures");
    let (said, errors, _) = told(&scene, "n0.eight.test.", T::A);
    assert_eq!(said, "SERVFAIL insecure", "{errors:?}");
    assert!(
        errors.iter().any(|(_, text)| text.contains("signatures")),
        "{errors:?}"
    );
    assert_eq!(exhausted("signatures"), before + 1);
    assert_eq!(told(&scene, "other.good.test.", T::A).0, "NOERROR secure");
    // Ten zones with an alias into the next: two for each set, and two for the keys of each zone, are more than the 32 of one query,
    // though no response is too dear. From the middle on they are few enough.
    let (said, errors, _) = told(&scene, "n0.l0.test.", T::A);
    assert_eq!(said, "SERVFAIL insecure", "{errors:?}");
    assert!(
        errors.iter().any(|(_, text)| text.contains("signatures")),
        "{errors:?}"
    );
    assert_eq!(exhausted("signatures"), before + 2);
    assert_eq!(told(&scene, "n0.l6.test.", T::A).0, "NOERROR secure");
    assert_eq!(told(&scene, "www.good.test.", T::A).0, "NOERROR secure");
}

#[test]
fn a_lost_packet_is_forgiven_a_large_key_set_comes_by_tcp_and_a_server_without_edns_is_not_believed()
 {
    let large = zone(
        "large.test.",
        "www.large.test. A 192.0.2.1",
        &Denial::Nsec,
        |records, signers| {
            unsign(records, "large.test.", T::DNSKEY);
            for key in keys_of_one_tag(50) {
                records.push(record(&name("large.test."), T::DNSKEY, &key));
            }
            let set = set_of(records, "large.test.", T::DNSKEY);
            let rrsig = signers[0].sign(&set, valid()).expect("a signature");
            records.push(record(&name("large.test."), T::RRSIG, &rrsig));
        },
    );
    let of = |name: &str| {
        zone(
            name,
            &format!("www.{name} A 192.0.2.1"),
            &Denial::Nsec,
            |_, _| (),
        )
    };
    let unsigned = (
        "old.test.".to_owned(),
        relay::records("old.test.", 3, "www.old.test. A 192.0.2.1"),
        Vec::new(),
    );
    let lost = AtomicU32::new(0);
    let twist: Arc<Twist> = Arc::new(move |asked, message, _| {
        let first = || lost.fetch_add(1, Ordering::Relaxed) == 0;
        let deaf = ["deaf.test.", "old.test."]
            .iter()
            .any(|zone| asked.name.ends_with(zone));
        let below = asked.server == IpAddr::from([10, 53, 0, 3]);
        if below && (deaf && asked.edns.is_some() || asked.name.ends_with("lost.test.") && first())
        {
            message.question = None;
        }
    });
    let zones = vec![
        honest(),
        large,
        of("lost.test."),
        of("deaf.test."),
        unsigned,
    ];
    // Lost packets and deaf servers are what this is about: they are waited for as by default.
    let usual = ["egress.initial_timeout=400ms", "egress.max_timeout=1500ms"];
    let scene = scene("unlucky", &usual, zones, twist);
    let (said, errors, _) = told(&scene, "www.lost.test.", T::A);
    assert_eq!(
        said,
        "NOERROR secure",
        "{errors:?} {:?}",
        scene.network.told()
    );
    assert_eq!(told(&scene, "www.large.test.", T::A).0, "NOERROR secure");
    assert!(
        scene
            .network
            .asked()
            .iter()
            .any(|asked| asked.tcp && asked.rtype == T::DNSKEY)
    );
    let (said, errors, took) = told(&scene, "www.deaf.test.", T::A);
    assert_eq!(said, "SERVFAIL insecure", "{errors:?}");
    assert!(!errors.is_empty());
    assert!(took < Duration::from_secs(8), "took {took:?}");
    let (said, errors, _) = told(&scene, "www.old.test.", T::A);
    assert_eq!(said, "NOERROR insecure", "{errors:?}");
    assert_eq!(told(&scene, "www.good.test.", T::A).0, "NOERROR secure");
}

#[test]
fn a_water_torture_of_a_signed_zone_ends_here_after_a_second() {
    let lines = |zone: &str| {
        (0..60)
            .map(|host| format!("host{host}.{zone} A 192.0.2.{host}\n"))
            .collect::<String>()
    };
    let of = |name: &str, denial: Denial| zone(name, &lines(name), &denial, |_, _| ());
    let zones = vec![
        honest(),
        of("nsec.test.", Denial::Nsec),
        of("nsec3.test.", nsec3(0)),
    ];
    let scene = scene("torture", &[], zones, relay::untwisted());
    for apex in ["nsec.test.", "nsec3.test."] {
        let server: SocketAddr = listen();
        let attack = |from: u32, until: &(dyn Fn(u32) -> bool + Sync)| -> u32 {
            scene.resolver.inside(|| {
                let mut sent = from;
                while until(sent) {
                    let label = sent.wrapping_mul(2_654_435_761);
                    let asked = format!("{label:08x}.{apex}");
                    let query = client::ask(0x5374, &asked, T::A);
                    let reply = client::udp(loopback(), server, &query, PATIENCE);
                    let reply = reply.map(|octets| Message::parse(&octets).expect("a message"));
                    assert_eq!(say(reply.as_ref()), "NXDOMAIN", "{asked}");
                    sent += 1;
                }
                sent
            })
        };
        let begun = Instant::now();
        // A second, and on a machine that gets nowhere in a second as many names as leave 11 of the 62 gaps unmet on average.
        let first = attack(0, &|sent| {
            begun.elapsed() < Duration::from_secs(1) || sent < 300
        });
        let before = scene.network.count();
        let most = first + 5000;
        let begun = Instant::now();
        let all = attack(first, &|sent| sent < most);
        let (queries, packets) = (all - first, scene.network.count() - before);
        eprintln!(
            "{apex}: {first} names and {before} packets in the first second, then {packets} packets for {queries} names in {:?}",
            begun.elapsed()
        );
        assert!(
            packets * 100 <= usize::try_from(queries).expect("a count"),
            "{apex}: {packets} packets for {queries} names"
        );
        assert_eq!(
            told(&scene, &format!("nope.{apex}"), T::A).0,
            "NXDOMAIN secure"
        );
        assert_eq!(
            told(&scene, &format!("host7.{apex}"), T::A).0,
            "NOERROR secure"
        );
    }
}
