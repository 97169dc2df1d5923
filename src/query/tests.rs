//! Does the whole way from configuration text to reply keep its word: what is not explicitly allowed is refused, and what is sent fits?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use ipnet::IpNet;
use proptest::prelude::*;

use super::*;
use crate::cache::Rank;
use crate::config::load_text;
use crate::dnssec::Validator;
use crate::egress::{Egress, Forwarder};
use crate::guard::OwnAddresses;
use crate::telemetry::Worker;
use crate::wire::group::group;
use crate::wire::text::record_from_text;
use crate::wire::writer::{OPT_LEN, Opt, push_option, write_query};
use crate::wire::{Ede, Flags, Message};

mod limits;
mod loops;
mod rooms;
mod shadow;

fn pipeline(config: &str) -> Pipeline {
    built(config, false)
}

/// `validates`: by the trust anchor of the root.
fn built(config: &str, validates: bool) -> Pipeline {
    let plan = load_text(Path::new("test.toml"), config).unwrap().plan;
    let cache = Arc::new(Cache::new(&plan.cache));
    let policy = Arc::new(Policy::new(&plan.policy));
    let egress = Arc::new(Egress::new(
        &plan.egress,
        &plan.ingress.listen,
        Arc::default(),
    ));
    let zones = Arc::new(ZoneGuard::new(
        &plan.zone_guard,
        None,
        Arc::default(),
        Now::at_secs(0),
    ));
    let forwarders = plan.policy.forward.iter();
    let forwarders = forwarders.map(|zone| Forwarder::new(zone, &egress).unwrap());
    let mut resolver = Resolver::new(
        Arc::clone(&cache),
        Arc::clone(&policy),
        Arc::clone(&egress),
        forwarders.collect(),
        Arc::new(plan.recursion.clone()),
    );
    if validates {
        let validator = Validator::new(&plan.dnssec, 1 << 20);
        assert!(validator.is_on());
        resolver = resolver.validated_by(Arc::new(validator));
    }
    Pipeline {
        fair: FairShares::new(&plan.shares, zones.pool()),
        guard: Guard::new(&plan.guard, OwnAddresses::default(), Now::at_secs(0)),
        policy: Arc::clone(&policy),
        cache: Arc::clone(&cache),
        resolver: Arc::new(resolver),
        zones,
        pending: PendingClients::new(&plan.guard),
        plan: plan.answer,
        telemetry: Arc::new(Telemetry::new()),
        epoch: 1,
    }
}

fn worker() -> WorkerState {
    WorkerState::new(64, Arc::new(Worker::exclusive()))
}

fn arrival(bytes: &[u8], source: IpAddr, transport: TransportKind) -> Arrival<'_> {
    Arrival {
        bytes,
        source: SocketAddr::new(source, 40_000),
        local: if source.is_ipv4() {
            "192.0.2.53:53".parse().unwrap()
        } else {
            "[2001:db8::53]:53".parse().unwrap()
        },
        interface: 0,
        loopback: false,
        hop_limit: None,
        transport,
    }
}

fn query(text: &str, rtype: RecordType, udp_size: Option<u16>) -> Vec<u8> {
    let mut packet = Vec::new();
    let opt = udp_size.map(|udp_size| Opt {
        udp_size,
        ..Opt::default()
    });
    let asked = Question::new(text.parse().unwrap(), rtype);
    let flags = Flags::default().with_rd(true);
    write_query(&mut packet, 7, flags, &asked, opt.as_ref());
    packet
}

#[test]
fn a_ready_made_reply_keeps_room_for_opt() {
    let client: IpAddr = "198.51.100.1".parse().unwrap();
    let pipeline = pipeline("[acl]\nallow = ['198.51.100.0/24']");
    // Replies of every length around 512: header 12, question 7, then a record of 12 and its data; OPT 11.
    for length in 460..=482_usize {
        let name = format!("a{length}.");
        let data = "AB".repeat(length);
        let record =
            record_from_text(&format!("{name} TYPE65280 \\# {length} {data}"), 60).unwrap();
        let set = group(&[record]).remove(0);
        pipeline.cache.store(set, Rank::AuthAnswer, Now::at_secs(0));
        let mut worker = worker();
        let mut ask = |packet: &[u8]| {
            let mut reply = Vec::new();
            let arrival = arrival(packet, client, TransportKind::Udp);
            pipeline.arrive(&mut worker, &arrival, Now::at_secs(0), &mut reply);
            reply
        };
        let large = query(&name, RecordType(65280), Some(1232));
        let whole = ask(&large);
        assert_eq!(ask(&large), whole, "kept at the second sighting");
        for size in [None, Some(512)] {
            let small = query(&name, RecordType(65280), size);
            let reply = ask(&small);
            assert!(reply.len() <= 512, "{} octets", reply.len());
            let fits = whole.len() <= 512 || size.is_none() && whole.len() - OPT_LEN <= 512;
            let message = Message::parse(&reply).unwrap();
            assert_eq!(
                (message.answer.len(), message.header.flags.tc()),
                (usize::from(fits), !fits)
            );
        }
    }
}

/// What becomes of a query for `www.a.` at each of `moments`, one worker asking all the time.
fn becomes(pipeline: &Pipeline, moments: &[u64]) -> Vec<&'static str> {
    let client: IpAddr = "198.51.100.1".parse().unwrap();
    let packet = query("www.a.", RecordType::A, None);
    let mut worker = worker();
    let mut ask = |secs: &u64| {
        let mut reply = Vec::new();
        let arrival = arrival(&packet, client, TransportKind::Udp);
        match pipeline.arrive(&mut worker, &arrival, Now::at_secs(*secs), &mut reply) {
            Next::Silence | Next::Defer => "silence",
            Next::Reply => "reply",
            Next::ReplyAndRefresh(_) => "reply and refresh",
            Next::Miss(_) => "miss",
        }
    };
    moments.iter().map(&mut ask).collect()
}

#[test]
fn a_name_asked_for_in_the_last_tenth_of_its_lifetime_is_looked_up_anew_once() {
    for (prefetch, at_the_end) in [(true, "reply and refresh"), (false, "reply")] {
        let pipeline = pipeline(&format!(
            "[acl]\nallow = ['198.51.100.0/24']\n[cache]\nprefetch = {prefetch}"
        ));
        let record = record_from_text("www.a. IN A 192.0.2.1", 1000).unwrap();
        let set = group(&[record]).remove(0);
        pipeline.cache.store(set, Rank::AuthAnswer, Now::at_secs(0));
        assert_eq!(
            becomes(&pipeline, &[0, 1, 2, 899, 901, 902, 999, 1000]),
            [
                "reply", "reply", "reply", "reply", at_the_end, "reply", at_the_end, "miss"
            ],
            "ready-made answers hide no name from us, and one attempt is enough for a while"
        );
    }
}

#[test]
fn a_failure_of_servers_gives_way_to_what_was_good_before_and_a_bogus_answer_does_not() {
    let pipeline = pipeline("[acl]\nallow = ['198.51.100.0/24']\n[cache]\nmax_stale = '1d'");
    let question = Question::new("www.a.".parse().unwrap(), RecordType::A);
    let record = record_from_text("www.a. IN A 192.0.2.1", 60).unwrap();
    let set = group(&[record]).remove(0);
    pipeline.cache.store(set, Rank::AuthAnswer, Now::at_secs(0));
    let known = |ede: u16| {
        let why = Ede::new(ede, "x");
        pipeline
            .cache
            .store_failure(&question, why, Now::at_secs(100));
        match pipeline.known(question.clone(), Demand::Checked, Now::at_secs(101)) {
            Known::Response(response, _) => (response.rcode, response.ede.unwrap().code),
            Known::Remains { .. } => panic!("a failure is remembered"),
        }
    };
    assert_eq!(
        known(Ede::NO_REACHABLE_AUTHORITY),
        (Rcode::NOERROR, Ede::STALE_ANSWER)
    );
    pipeline.cache.clear_failure(&question);
    assert_eq!(
        known(Ede::DNSSEC_BOGUS),
        (Rcode::SERVFAIL, Ede::DNSSEC_BOGUS)
    );
}

/// A prefix in a small space, so that prefixes nest and clients meet them.
fn prefix() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (0..16_u8, 25..=32_u8).prop_map(|(host, length)| {
            IpNet::new(Ipv4Addr::new(198, 51, 100, host * 16).into(), length)
                .unwrap()
                .trunc()
        }),
        (0..4_u16, 44..=64_u8).prop_map(|(site, length)| {
            IpNet::new(
                Ipv6Addr::new(0x2001, 0xdb8, site, 0, 0, 0, 0, 0).into(),
                length,
            )
            .unwrap()
            .trunc()
        }),
    ]
}

fn client() -> impl Strategy<Value = IpAddr> {
    let near_v4 = any::<u8>().prop_map(|host| Ipv4Addr::new(198, 51, 100, host));
    let near_v6 = (0..5_u16).prop_map(|site| Ipv6Addr::new(0x2001, 0xdb8, site, 0, 0, 0, 0, 1));
    prop_oneof![
        3 => near_v4.clone().prop_map(IpAddr::V4),
        1 => near_v4.prop_map(|near| near.to_ipv6_mapped().into()),
        2 => near_v6.prop_map(IpAddr::V6),
        1 => any::<u32>().prop_map(|bits| Ipv4Addr::from_bits(bits).into()),
        1 => any::<u128>().prop_map(|bits| Ipv6Addr::from_bits(bits).into()),
    ]
}

fn packet() -> impl Strategy<Value = Vec<u8>> {
    let names = prop::sample::select(vec![
        "www.example.com.",
        "known.example.",
        "a.corp.example.",
    ]);
    let good = (names, 1..260_u16, prop::option::of(any::<u16>()))
        .prop_map(|(name, rtype, size)| query(name, RecordType(rtype), size));
    let damaged = (good.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(
        |(mut packet, at, octet)| {
            let at = at.index(packet.len());
            packet[at] = octet;
            packet
        },
    );
    prop_oneof![good, damaged, prop::collection::vec(any::<u8>(), 0..80)]
}

const ACTIONS: [&str; 3] = ["allow", "refuse", "drop"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// From the text of any access list to the reply: whoever no `allow` covers as the longest prefix costs no work, sees no
    /// data, and gets REFUSED or nothing, whatever he sends and whatever we know.
    #[test]
    fn whatever_is_not_explicitly_allowed_is_refused(
        rules in prop::collection::btree_map(prefix(), prop::sample::select(ACTIONS.to_vec()), 0..6),
        packets in prop::collection::vec((client(), any::<bool>(), packet()), 1..40),
    ) {
        let mut config = String::from(
            "[guard]\nrefusals_per_prefix = 1000\nrefusal_burst = 1000\n[policy]\nlocal_zones = ['corp.example.']\nlocal_data = ['a.corp.example. A 192.0.2.1']\n[acl]\n",
        );
        for action in ACTIONS {
            let listed: Vec<String> = rules
                .iter()
                .filter(|(_, does)| **does == action)
                .map(|(prefix, _)| format!("'{prefix}'"))
                .collect();
            config.push_str(&format!("{action} = [{}]\n", listed.join(", ")));
        }
        let pipeline = pipeline(&config);
        let known = record_from_text("known.example. A 192.0.2.1", 60).unwrap();
        for set in group(&[known]) {
            pipeline.cache.store(set, Rank::AuthAnswer, Now::at_secs(0));
        }
        let mut worker = worker();
        let mut outcomes = |source: IpAddr, tcp: bool, bytes: &[u8]| {
            let transport = if tcp { TransportKind::Tcp } else { TransportKind::Udp };
            let arrival = arrival(bytes, source, transport);
            let mut reply = Vec::new();
            let next = match transport {
                TransportKind::Udp => pipeline.arrive(&mut worker, &arrival, Now::at_secs(0), &mut reply),
                TransportKind::Tcp => pipeline.arrive_by_stream(&arrival, Now::at_secs(0), &mut reply),
            };
            match next {
                Next::Silence | Next::Defer => (false, None),
                Next::Reply => (false, Some(reply)),
                Next::Miss(_) | Next::ReplyAndRefresh(_) => (true, None),
            }
        };
        for (source, tcp, packet) in packets {
            let decided = rules
                .iter()
                .filter(|(prefix, _)| prefix.contains(&source.to_canonical()))
                .max_by_key(|(prefix, _)| prefix.prefix_len())
                .map(|(_, action)| *action);
            let (work, reply) = outcomes(source, tcp, &packet);
            if decided != Some("allow") {
                prop_assert!(!work, "work for {source}");
                prop_assert!(reply.is_none() || decided != Some("drop"), "a word to {source}");
                if let Some(reply) = &reply {
                    prop_assert!(reply.len() <= packet.len());
                    let message = Message::parse(reply).unwrap();
                    prop_assert_eq!(message.rcode(), Rcode::REFUSED);
                    prop_assert!(message.answer.is_empty() && message.authority.is_empty() && message.additional.is_empty());
                }
            }
            // And whoever is allowed is served; else the above would hold of a resolver that is off.
            let unknown = query("unknown.example.", RecordType::A, None);
            prop_assert_eq!(outcomes(source, true, &unknown).0, decided == Some("allow"), "{}", source);
        }
    }
}

/// A query for `www.a.` with this value of a COOKIE option, and without a question if `alone`.
fn with_cookie(value: &[u8], alone: bool) -> Vec<u8> {
    let mut options = Vec::new();
    push_option(&mut options, 10, value);
    let opt = Opt {
        udp_size: 1232,
        options: &options,
        ..Opt::default()
    };
    let mut packet = Vec::new();
    let asked = Question::new("www.a.".parse().unwrap(), RecordType::A);
    write_query(
        &mut packet,
        7,
        Flags::default().with_rd(true),
        &asked,
        Some(&opt),
    );
    if alone {
        packet.drain(12..23);
        packet[5] = 0;
    }
    packet
}

/// A resolver that knows `www.a.` and one of its workers.
struct Desk {
    pipeline: Pipeline,
    worker: WorkerState,
}

impl Desk {
    fn new(config: &str) -> Self {
        let pipeline = pipeline(config);
        let record = record_from_text("www.a. IN A 192.0.2.1", 1000).unwrap();
        let set = group(&[record]).remove(0);
        pipeline.cache.store(set, Rank::AuthAnswer, Now::at_secs(0));
        Self {
            pipeline,
            worker: worker(),
        }
    }

    /// The reply to a packet from this address and port, and the COOKIE option in it.
    fn ask(&mut self, packet: &[u8], source: &str) -> Option<(Message, Option<Vec<u8>>)> {
        let mut reply = Vec::new();
        let mut arrival = arrival(packet, IpAddr::from([0; 4]), TransportKind::Udp);
        arrival.source = source.parse().unwrap();
        self.pipeline
            .arrive(&mut self.worker, &arrival, Now::at_secs(0), &mut reply);
        if reply.is_empty() {
            return None;
        }
        assert!(
            reply.len() <= packet.len() + 16 + 16,
            "a cookie and an address"
        );
        let message = Message::parse(&reply).unwrap();
        let at = reply
            .windows(4)
            .position(|window| window == [0, 10, 0, 24])
            .map(|at| reply[at + 4..at + 28].to_vec());
        Some((message, at))
    }
}

const OPEN_TO_ONE: &str = "[acl]\nallow = ['198.51.100.0/24']\n";
const SOURCE: &str = "198.51.100.1:40000";

#[test]
fn every_reply_to_a_cookie_carries_one_and_it_proves_the_address() {
    let mut desk = Desk::new(OPEN_TO_ONE);
    let (message, cookie) = desk.ask(&with_cookie(b"12345678", false), SOURCE).unwrap();
    assert_eq!(message.answer.len(), 1);
    let cookie = cookie.unwrap();
    assert_eq!(&cookie[..8], b"12345678");
    assert_eq!(desk.worker.counters.counts().proven_by_cookie(), 0);
    // From the cache first, then from the worker's table.
    for round in 1..=3 {
        let (message, again) = desk.ask(&with_cookie(&cookie, false), SOURCE).unwrap();
        assert_eq!(message.answer.len(), 1);
        assert_eq!(again.as_ref(), Some(&cookie), "round {round}");
        assert_eq!(desk.worker.counters.counts().proven_by_cookie(), round);
    }
    // Somebody else's is no proof, and no fault either.
    let (message, other) = desk
        .ask(&with_cookie(&cookie, false), "198.51.100.2:40000")
        .unwrap();
    assert_eq!(message.answer.len(), 1);
    assert_ne!(other, Some(cookie));
    assert_eq!(desk.worker.counters.counts().proven_by_cookie(), 3);
}

#[test]
fn whoever_must_prove_himself_gets_no_data_before() {
    let mut desk = Desk::new(&format!("{OPEN_TO_ONE}prove = ['198.51.100.0/25']"));
    let (message, none) = desk
        .ask(&query("www.a.", RecordType::A, Some(1232)), SOURCE)
        .unwrap();
    assert!(message.header.flags.tc() && message.answer.is_empty() && none.is_none());
    let (message, cookie) = desk.ask(&with_cookie(b"12345678", false), SOURCE).unwrap();
    assert_eq!(message.rcode(), Rcode::BADCOOKIE);
    assert!(!message.header.flags.tc() && message.answer.is_empty());
    let proven = with_cookie(&cookie.unwrap(), false);
    let (message, _) = desk.ask(&proven, SOURCE).unwrap();
    assert_eq!((message.rcode(), message.answer.len()), (Rcode::NOERROR, 1));
    // The next address along cannot use it, and nobody need who is not listed.
    let (message, _) = desk.ask(&proven, "198.51.100.2:40000").unwrap();
    assert_eq!(message.rcode(), Rcode::BADCOOKIE);
    let (message, _) = desk
        .ask(
            &query("www.a.", RecordType::A, None),
            "198.51.100.200:40000",
        )
        .unwrap();
    assert_eq!(message.answer.len(), 1);
    // Nothing goes to the port of a reflecting service.
    assert!(
        desk.ask(&with_cookie(b"12345678", false), "198.51.100.1:19")
            .is_none()
    );
    assert_eq!(desk.worker.counters.counts().verdict(Reason::Unproven), 4);
    // A connection is proof enough.
    let mut reply = Vec::new();
    let plain = query("www.a.", RecordType::A, None);
    let stream = arrival(&plain, "198.51.100.1".parse().unwrap(), TransportKind::Tcp);
    desk.pipeline
        .arrive_by_stream(&stream, Now::at_secs(0), &mut reply);
    assert_eq!(Message::parse(&reply).unwrap().answer.len(), 1);
}

#[test]
fn a_cookie_can_be_asked_for_alone() {
    let mut desk = Desk::new(OPEN_TO_ONE);
    let (message, cookie) = desk.ask(&with_cookie(b"12345678", true), SOURCE).unwrap();
    assert_eq!((message.rcode(), message.question), (Rcode::NOERROR, None));
    let (message, again) = desk
        .ask(&with_cookie(&cookie.clone().unwrap(), true), SOURCE)
        .unwrap();
    assert_eq!((message.rcode(), again), (Rcode::NOERROR, cookie));
    let (message, _) = desk
        .ask(&with_cookie(b"12345678and-nonsense", true), SOURCE)
        .unwrap();
    assert_eq!(message.rcode(), Rcode::BADCOOKIE);
    // Without a cookie a query needs a question (RFC 9619), and where cookies are off it always does.
    let mut bare = query("www.a.", RecordType::A, Some(1232));
    bare.drain(12..23);
    bare[5] = 0;
    assert_eq!(desk.ask(&bare, SOURCE).unwrap().0.rcode(), Rcode::FORMERR);
    let mut desk = Desk::new(&format!("{OPEN_TO_ONE}[cookies]\nenabled = false"));
    let (message, _) = desk.ask(&with_cookie(b"12345678", true), SOURCE).unwrap();
    assert_eq!(message.rcode(), Rcode::FORMERR);
    let (message, none) = desk.ask(&with_cookie(b"12345678", false), SOURCE).unwrap();
    assert_eq!((message.answer.len(), none), (1, None));
}

#[test]
fn a_cookie_of_illegal_length_is_malformed() {
    let mut desk = Desk::new(OPEN_TO_ONE);
    for length in [0, 7, 9, 15, 41] {
        let (message, _) = desk
            .ask(&with_cookie(&vec![1; length], false), SOURCE)
            .unwrap();
        assert_eq!(message.rcode(), Rcode::FORMERR, "{length} octets");
    }
}

/// What becomes of one query by UDP: a word, and the reply.
fn one(
    pipeline: &Pipeline,
    worker: &mut WorkerState,
    name: &str,
    secs: u64,
) -> (&'static str, Vec<u8>) {
    let client: IpAddr = "198.51.100.1".parse().unwrap();
    let packet = query(name, RecordType::A, Some(1232));
    let arrival = arrival(&packet, client, TransportKind::Udp);
    let mut reply = Vec::new();
    let next = pipeline.arrive(worker, &arrival, Now::at_secs(secs), &mut reply);
    let word = match next {
        Next::Silence => "silence",
        Next::Reply => "reply",
        Next::ReplyAndRefresh(_) => "reply and refresh",
        Next::Miss(_) => "miss",
        Next::Defer => "deferred",
    };
    (word, reply)
}

#[test]
fn what_the_zone_guard_denies_is_told_and_kept_nowhere() {
    let pipeline = pipeline("[acl]\nallow = ['198.51.100.0/24']");
    let mut worker = worker();
    let victim = "victim.example".parse().unwrap();
    let now = Now::at_secs(10);
    pipeline
        .zones
        .wish(&victim, crate::guard::zones::Class::Pinned, now)
        .unwrap();
    // A client that asks for a dozen unknown names is no clean one any more; its first is looked for.
    assert_eq!(
        one(&pipeline, &mut worker, "n0.victim.example", 10).0,
        "miss"
    );
    for at in 1..12 {
        one(&pipeline, &mut worker, &format!("n{at}.victim.example"), 10);
    }
    let denied = |worker: &WorkerState| worker.counters.counts().verdict(Reason::ZoneThrottled);
    let before = denied(&worker);
    for _ in 0..3 {
        let (word, reply) = one(&pipeline, &mut worker, "www.victim.example", 20);
        assert_eq!(word, "reply");
        let message = Message::parse(&reply).unwrap();
        assert_eq!(message.rcode(), Rcode::SERVFAIL);
        assert!(reply.windows(9).any(|at| at == b"throttled"), "it says why");
    }
    assert_eq!(denied(&worker), before + 3);
    // The eleventh denial within a second is silence.
    let words: Vec<_> = (0..9)
        .map(|_| one(&pipeline, &mut worker, "www.victim.example", 20).0)
        .collect();
    assert_eq!(words, [&["reply"; 7][..], &["silence"; 2]].concat());
    assert_eq!(
        one(&pipeline, &mut worker, "www.other.example", 20).0,
        "miss"
    );
    assert!(pipeline.zones.release(&victim, now));
    assert_eq!(
        one(&pipeline, &mut worker, "www.victim.example", 20).0,
        "miss",
        "at the first ask"
    );
}

#[test]
fn a_zone_under_attack_is_answered_from_stale_data_although_others_are_not() {
    let pipeline = pipeline("[acl]\nallow = ['198.51.100.0/24']");
    let mut worker = worker();
    for name in ["www.victim.example", "www.other.example"] {
        let record = record_from_text(&format!("{name}. A 192.0.2.1"), 60).unwrap();
        let set = group(&[record]).remove(0);
        pipeline.cache.store(set, Rank::AuthAnswer, Now::at_secs(0));
    }
    let victim = "victim.example".parse().unwrap();
    pipeline
        .zones
        .wish(
            &victim,
            crate::guard::zones::Class::Pinned,
            Now::at_secs(100),
        )
        .unwrap();
    assert_eq!(
        one(&pipeline, &mut worker, "www.other.example", 100).0,
        "miss"
    );
    for _ in 0..3 {
        // Renewed behind it as far as exploring goes.
        let (word, reply) = one(&pipeline, &mut worker, "www.victim.example", 100);
        assert!(word.starts_with("reply"), "{word}");
        let message = Message::parse(&reply).unwrap();
        assert_eq!((message.rcode(), message.answer.len()), (Rcode::NOERROR, 1));
        assert!(reply.windows(12).any(|at| at == b"under attack"));
    }
    // Not for ever: a day is the most.
    assert_eq!(
        one(&pipeline, &mut worker, "www.victim.example", 90_000).0,
        "miss"
    );
    assert!(pipeline.zones.release(&victim, Now::at_secs(101)));
    assert_eq!(
        one(&pipeline, &mut worker, "www.victim.example", 101).0,
        "miss"
    );
}

#[test]
fn those_who_ask_are_seen_as_networks_and_what_they_ask_for_as_domains() {
    let pipeline =
        pipeline("[acl]\nallow = ['198.51.100.0/24', '2001:db8:77::/48']\n[limiter]\nmode = 'off'");
    let mut worker = worker();
    let now = Now::at_secs(100);
    let mut ask = |client: &str, packet: &[u8]| {
        let arrival = arrival(packet, client.parse().unwrap(), TransportKind::Udp);
        pipeline.arrive(&mut worker, &arrival, now, &mut Vec::new());
    };
    // 500 queries of a second are all noted; of 64,000 more one in 64 stands for the others.
    for number in 0..100 {
        let name = format!(
            "{}.Private{}.example.",
            "x".repeat(number % 60 + 1),
            number % 4
        );
        let packet = query(&name, RecordType::A, None);
        ask(&format!("198.51.100.{number}"), &packet);
        ask(&format!("2001:db8:77:{number:x}::1"), &packet);
        ask(&format!("203.0.113.{number}"), &packet);
    }
    let no_query = [0_u8; 11];
    ask("198.51.100.1", &no_query);
    let many = query("www.popular.example.", RecordType::A, None);
    for _ in 0..64_300 {
        ask("198.51.100.1", &many);
    }
    let seen = worker.counters.seen();
    let shown = |heavy: &crate::telemetry::heavy::Heavy<_>| {
        let of = |(key, met): (&IpNet, crate::telemetry::heavy::Met)| {
            (key.to_string(), met.rate * 4.516_656)
        };
        heavy.rates(100_000).map(of).collect::<Vec<_>>()
    };
    let clients = shown(&seen.clients);
    assert_eq!(clients.len(), 2);
    let v6 = clients
        .iter()
        .find(|(network, _)| network == "2001:db8:77::/48")
        .unwrap();
    assert!((v6.1 - 100.0).abs() < 0.1, "{clients:?}");
    let v4 = clients
        .iter()
        .find(|(network, _)| network == "198.51.100.0/24")
        .unwrap();
    assert!((50_000.0..80_000.0).contains(&v4.1), "{clients:?}");
    let outsiders = shown(&seen.outsiders);
    assert_eq!(outsiders.len(), 1);
    assert_eq!(outsiders[0].0, "203.0.113.0/24");
    let mut domains: Vec<String> = seen
        .domains
        .rates(100_000)
        .map(|(wire, _)| Name::from_wire(wire).unwrap().to_string())
        .collect();
    domains.sort();
    let private = (0..4).map(|at| format!("private{at}.example."));
    let all: Vec<String> = std::iter::once("popular.example.".to_owned())
        .chain(private)
        .collect();
    assert_eq!(
        domains, all,
        "no whole name, and nothing of those who may not ask"
    );
}
