//! Are the attacks' generators, schedules and lists what they say?

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::catalogue::{ATTACKS, find, nearest};
use super::honest::{Kind, Schedule, names, question};
use super::scene::{self, Target, name};
use super::traffic::{CROWD, FORGED, Packet, Shape, Traffic, bot};
use crate::drill::internet::{Options, build};
use crate::wire::{Message, Name, RecordType};

/// The first packets of an attack, a hundred a second.
fn packets(shape: Shape, seed: u64, count: u64) -> Vec<Packet> {
    let traffic = Traffic::new(shape, 100);
    let mut random = StdRng::seed_from_u64(seed);
    (0..count)
        .filter_map(|number| {
            traffic.packet(number, Duration::from_millis(number * 10), &mut random)
        })
        .collect()
}

fn within(packet: &Packet, zone: &str) -> bool {
    packet
        .name
        .is_within(&zone.parse::<Name>().expect("a zone"))
}

#[test]
fn every_attack_has_a_name_a_sentence_and_something_it_is_held_to() {
    let mut seen = HashSet::new();
    for attack in ATTACKS {
        assert!(seen.insert(attack.name), "{} twice", attack.name);
        assert!(
            attack.sentence.ends_with('.') && !attack.promises.is_empty(),
            "{}",
            attack.name
        );
        assert!(
            attack
                .name
                .bytes()
                .all(|octet| octet.is_ascii_lowercase() || octet == b'-')
        );
        assert_eq!(find(attack.name).map(|found| found.name), Some(attack.name));
        let packets = packets(attack.shape, 1, 200);
        assert!(packets.len() > 60, "{}: {}", attack.name, packets.len());
    }
    assert!(find("water-torture").is_none());
    assert_eq!(nearest("water-torture-ded"), Some("water-torture-dead"));
    assert_eq!(nearest("nxs"), Some("nxns"));
}

#[test]
fn the_same_seed_asks_the_same_and_another_something_else() {
    let shape = Shape::Random(scene::VICTIM);
    assert_eq!(packets(shape, 7, 50), packets(shape, 7, 50));
    assert_ne!(packets(shape, 7, 50), packets(shape, 8, 50));
}

#[test]
fn random_names_are_all_different_and_bots_share_the_work() {
    let packets = packets(Shape::Random(scene::VICTIM), 1, 5_000);
    let names: HashSet<_> = packets.iter().map(|packet| packet.name.clone()).collect();
    assert_eq!(names.len(), 5_000);
    assert!(
        packets
            .iter()
            .all(|packet| within(packet, scene::VICTIM) && packet.name.label_count() == 3)
    );
    let mut by_bot: HashMap<Ipv4Addr, u32> = HashMap::new();
    for packet in &packets {
        *by_bot.entry(packet.source).or_default() += 1;
    }
    assert_eq!(by_bot.len(), 100);
    assert!(
        by_bot.values().all(|count| (20..90).contains(count)),
        "{by_bot:?}"
    );
}

#[test]
fn attackers_and_customers_have_no_address_in_common_and_strangers_are_served_by_nobody() {
    let allowed: ipnet::IpNet = "127.0.0.0/13".parse().expect("a prefix");
    let zones = scene::zones(Target::Victim);
    let mut honest = HashSet::new();
    for kind in Kind::ALL {
        for number in 0..1_000 {
            honest.insert(question(kind, number, &zones).source);
        }
    }
    let all_bots: HashSet<_> = (0..65_000).map(bot).collect();
    assert!(all_bots.len() > 60_000, "{}", all_bots.len());
    assert!(
        all_bots
            .iter()
            .all(|bot| allowed.contains(&IpAddr::V4(*bot)) && !honest.contains(&IpAddr::V4(*bot)))
    );
    assert!(honest.iter().all(|address| allowed.contains(address)));
    assert!(honest.contains(&IpAddr::V4(FORGED)) && !honest.contains(&IpAddr::V4(CROWD)));
    for stranger in packets(Shape::Strangers, 1, 2_000) {
        assert!(
            !allowed.contains(&IpAddr::V4(stranger.source)),
            "{stranger:?}"
        );
        assert!(stranger.source.is_loopback());
    }
    let inside = packets(Shape::Inside, 1, 100);
    assert!(
        inside
            .iter()
            .all(|packet| allowed.contains(&IpAddr::V4(packet.source)))
    );
    let forged = packets(Shape::Forged, 1, 100);
    assert!(forged.iter().all(|packet| packet.source == FORGED));
    let drowned: HashSet<_> = packets(Shape::Amplified, 1, 400)
        .iter()
        .map(|packet| packet.source)
        .collect();
    assert_eq!(drowned.len(), 4);
}

#[test]
fn pulses_pause_and_the_words_repeat_and_hit() {
    // Ten seconds, two on and four off: 0..2, 6..8.
    assert_eq!(packets(Shape::Pulses(2, 4), 1, 1_000).len(), 400);
    let words = packets(Shape::Words, 1, 5_000);
    let names: HashSet<_> = words.iter().map(|packet| packet.name.to_string()).collect();
    assert!(
        names.contains("www.victim.siege.") && names.len() < 5_000,
        "{}",
        names.len()
    );
    let tenants: HashSet<_> = packets(Shape::Tenants, 1, 5_000)
        .iter()
        .filter_map(|packet| packet.name.parent())
        .collect();
    assert_eq!(tenants.len(), 100);
}

#[test]
fn a_packet_is_one_recursive_question() {
    for packet in packets(Shape::Amplified, 3, 20)
        .into_iter()
        .chain(packets(Shape::Words, 3, 20))
    {
        let mut octets = Vec::new();
        packet.write(0x1234, &mut octets);
        let read = Message::parse(&octets).expect("a message");
        let (question, _) = read.question.as_ref().expect("a question");
        assert_eq!(
            (&question.name, question.rtype),
            (&packet.name, packet.rtype)
        );
        assert_eq!(octets[2] & 0x81, 1, "RD, QR=0");
        assert_eq!(read.edns.is_some(), packet.payload.is_some());
    }
    let types: HashSet<_> = packets(Shape::Amplified, 1, 100)
        .iter()
        .map(|packet| packet.rtype)
        .collect();
    assert_eq!(
        types,
        HashSet::from([RecordType::ANY, RecordType::TXT, RecordType::DNSKEY])
    );
}

#[test]
fn honest_clients_ask_at_their_rates_and_every_known_name_in_its_turn() {
    let zones = scene::zones(Target::Victim);
    let mut schedule = Schedule::default();
    let mut asked: HashMap<Kind, Vec<_>> = HashMap::new();
    // Ten seconds, looked at unevenly.
    for ms in (0..=10_000).step_by(7).chain([10_000]) {
        for (kind, question) in schedule.due(Duration::from_millis(ms), &zones) {
            asked.entry(kind).or_default().push(question);
        }
    }
    let count = |kind| asked.get(&kind).map_or(0, Vec::len);
    assert_eq!(Kind::ALL.map(count), [400, 25, 400, 100, 125, 40]);
    let known = &asked[&Kind::Known];
    let names: HashSet<_> = known.iter().map(|question| &question.name).collect();
    assert_eq!(names.len(), 40);
    // Each is asked for by several networks: that makes a name known to be real.
    for name in names {
        let sources: HashSet<_> = known
            .iter()
            .filter(|question| question.name == *name)
            .map(|question| question.source)
            .collect();
        assert!(sources.len() >= 5, "{name}: {sources:?}");
    }
    for kind in [Kind::New, Kind::Cold] {
        let names: HashSet<_> = asked[&kind].iter().map(|question| &question.name).collect();
        assert_eq!(names.len(), count(kind), "each {kind:?} name once");
    }
    let newcomers: HashSet<_> = asked[&Kind::New]
        .iter()
        .map(|question| question.source)
        .collect();
    assert_eq!(newcomers.len(), 25);
}

#[test]
fn every_name_that_honest_clients_ask_for_is_in_the_world_and_no_random_one_is() {
    let options = Options {
        zones: 20,
        villains: false,
        siege: true,
        ..Options::default()
    };
    let world = build(&options, [127, 99, 1], true).expect("a world without mistakes");
    let truth =
        |name: &hickory_proto::rr::Name| world.zones.truth(name, hickory_proto::rr::RecordType::A);
    for target in [
        Target::Victim,
        Target::Wild,
        Target::Tenants,
        Target::Popular,
    ] {
        let zones = scene::zones(target);
        let mut honest: HashSet<_> = HashSet::new();
        for kind in Kind::ALL {
            for number in (0..1_000).step_by(37).chain(0..60) {
                let asked = question(kind, number, &zones);
                let (code, answers) = truth(&asked.name);
                assert_eq!(
                    (u16::from(code), answers.len()),
                    (0, 1),
                    "{target:?} {kind:?} {}",
                    asked.name
                );
                honest.insert((kind, asked.name));
            }
        }
        let told: HashSet<_> = names(target).into_iter().collect();
        let in_zones = |kind: &Kind| matches!(kind, Kind::Known | Kind::New);
        assert!(
            honest
                .iter()
                .filter(|(kind, _)| in_zones(kind))
                .all(|(_, name)| told.contains(name))
        );
    }
    for shape in [Shape::Random(scene::VICTIM), Shape::Tenants, Shape::Popular] {
        for packet in packets(shape, 5, 100) {
            let (code, answers) = truth(&name(&packet.name.to_string()));
            assert_eq!((u16::from(code), answers.len()), (3, 0), "{}", packet.name);
        }
    }
    for packet in packets(Shape::Crowd, 5, 100)
        .into_iter()
        .chain(packets(Shape::Forged, 5, 100))
    {
        assert_eq!(
            u16::from(truth(&name(&packet.name.to_string())).0),
            0,
            "{}",
            packet.name
        );
    }
}

#[test]
fn the_attacked_zones_are_master_files_that_hold_every_record_of_theirs() {
    let options = Options {
        siege: true,
        zones: 1,
        ..Options::default()
    };
    let world = build(&options, [127, 77, 0], false).expect("a world");
    let directory = tempfile::tempdir().expect("a directory");
    scene::write_zones(&world, directory.path()).expect("zone files");
    let mut files: Vec<_> = std::fs::read_dir(directory.path())
        .expect("the directory")
        .map(|entry| entry.expect("a file").file_name().into_string())
        .collect::<Result<_, _>>()
        .expect("names");
    files.sort();
    assert_eq!(
        files.len(),
        104,
        "a hundred tenants, two popular, {files:?}"
    );
    let text = std::fs::read_to_string(directory.path().join("victim.siege")).expect("the zone");
    let origin: hickory_proto::rr::Name = name(scene::VICTIM);
    let parser = hickory_proto::serialize::txt::Parser::new(&text, None, Some(origin.clone()));
    let (read, sets) = parser.parse().expect("a master file");
    assert_eq!(read, origin);
    let zone = world
        .zones
        .zone_of(&origin, hickory_proto::rr::RecordType::SOA);
    let held = zone.expect("the zone").records().count();
    assert_eq!(
        sets.values()
            .map(|set| set.records_without_rrsigs().count())
            .sum::<usize>(),
        held
    );
    assert!(held > 640, "{held}");
}
