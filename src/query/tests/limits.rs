//! Does a client that asks too much get what it should, by every way through the pipeline, and nobody else anything else?

use super::*;

const CLIENT: &str = "198.51.100.1";

struct Asker {
    pipeline: Pipeline,
    worker: WorkerState,
    now: Now,
}

impl Asker {
    /// With a name in its cache and one that is known not to exist.
    fn new(limiter: &str) -> Self {
        Self::with(limiter, "")
    }

    fn with(limiter: &str, answer: &str) -> Self {
        let pipeline = pipeline(&format!(
            "[acl]\nallow = ['198.51.100.0/24']\n[limiter]\n{limiter}\n[answer]\n{answer}\n[policy]\nlocal_zones = ['local.test.']\nlocal_data = ['www.local.test. 60 IN A 192.0.2.1']"
        ));
        let record = record_from_text("www.a. IN A 192.0.2.1", 1000).unwrap();
        let set = group(&[record]).remove(0);
        pipeline.cache.store(set, Rank::AuthAnswer, Now::at_secs(0));
        Self {
            pipeline,
            worker: worker(),
            now: Now::at_secs(0),
        }
    }

    fn by_udp(&mut self, packet: &[u8]) -> (Next, Vec<u8>) {
        let arrival = arrival(packet, CLIENT.parse().unwrap(), TransportKind::Udp);
        let mut reply = Vec::new();
        let next = self
            .pipeline
            .arrive(&mut self.worker, &arrival, self.now, &mut reply);
        (next, reply)
    }

    fn by_tcp(&self, packet: &[u8]) -> Next {
        let arrival = arrival(packet, CLIENT.parse().unwrap(), TransportKind::Tcp);
        self.pipeline
            .arrive_by_stream(&arrival, self.now, &mut Vec::new())
    }

    /// Whole answers among `queries` of the same packet.
    fn answered(&mut self, packet: &[u8], queries: usize) -> usize {
        (0..queries)
            .filter(|_| {
                let (next, reply) = self.by_udp(packet);
                let whole =
                    |told: Message| !told.header.flags.tc() && told.rcode() != Rcode::BADCOOKIE;
                matches!(next, Next::Reply) && Message::parse(&reply).is_ok_and(whole)
            })
            .count()
    }

    fn counted(&self, reason: Reason) -> u64 {
        self.worker.counters.counts().verdict(reason)
    }
}

/// A query that ends in an empty OPT record, with this COOKIE option in it.
fn with_cookie_for(plain: &[u8], value: &[u8]) -> Vec<u8> {
    let mut packet = plain.to_vec();
    let end = packet.len();
    packet[end - 1] = u8::try_from(value.len() + 4).unwrap();
    packet.extend([0, 10, 0, u8::try_from(value.len()).unwrap()]);
    packet.extend(value);
    packet
}

#[test]
fn a_client_over_its_limit_is_told_to_use_tcp_and_costs_nothing_more() {
    let mut asker = Asker::new("");
    let known = query("www.a.", RecordType::A, Some(1232));
    let answered = asker.answered(&known, 1000);
    assert!((395..=402).contains(&answered), "{answered} at once");
    let (next, reply) = asker.by_udp(&known);
    assert!(matches!(next, Next::Reply));
    let told = Message::parse(&reply).unwrap();
    assert!(told.header.flags.tc() && told.header.flags.qr());
    assert_eq!((told.rcode().0, told.answer.len()), (0, 0));
    assert!(reply.len() <= known.len());
    // Over the limit nothing is looked up, so nothing unknown is asked of anybody.
    let unknown = query("unknown.", RecordType::A, Some(1232));
    assert!(matches!(asker.by_udp(&unknown).0, Next::Reply));
    assert_eq!(asker.pipeline.pending.clients(), 0);
    // What it proves by TCP is served all the while, until that has its own limit.
    let proven = (0..4000)
        .take_while(|_| matches!(asker.by_tcp(&known), Next::Reply))
        .count();
    assert!((1960..=2020).contains(&proven), "{proven} by TCP");
    assert!(matches!(asker.by_tcp(&known), Next::Defer));
    // And an hour later all is forgiven.
    asker.now = Now::at_secs(100);
    assert_eq!(asker.answered(&known, 100), 100);
    let limited = asker.counted(Reason::LimitedTruncated);
    assert!((595..=610).contains(&limited), "{limited}");
    assert_eq!(asker.counted(Reason::WouldLimit), 0);
}

#[test]
fn who_brings_a_cookie_gets_one_and_with_it_the_limit_of_a_proven_address() {
    let mut asker = Asker::new("");
    let plain = query("www.a.", RecordType::A, Some(1232));
    let with_cookie = |value: &[u8]| with_cookie_for(&plain, value);
    let first = with_cookie(&[7; 8]);
    asker.answered(&first, 1000);
    let (next, reply) = asker.by_udp(&first);
    assert!(matches!(next, Next::Reply));
    let told = Message::parse(&reply).unwrap();
    assert_eq!((told.rcode(), told.answer.len()), (Rcode::BADCOOKIE, 0));
    let cookie = told.edns.unwrap().options[4..].to_vec();
    let proven = with_cookie(&cookie);
    let answered = asker.answered(&proven, 4000);
    assert!(
        (1960..=2020).contains(&answered),
        "{answered} with a cookie"
    );
    // A datagram cannot wait, so it is told to come by a stream, which can: in words that its client believes, and no longer than it.
    let (next, reply) = asker.by_udp(&proven);
    assert!(matches!(next, Next::Reply));
    assert!(reply.len() <= proven.len());
    let told = Message::parse(&reply).unwrap();
    assert!(told.header.flags.tc() && told.answer.is_empty());
    assert_eq!(told.edns.unwrap().options[4..], cookie);
    assert!(asker.counted(Reason::LimitedBadCookie) > 590);
    assert!(asker.counted(Reason::LimitedTruncated) > 1900);
    assert_eq!(asker.counted(Reason::LimitedDropped), 0);
    // A forged cookie is no proof: its limit is used up.
    let forged = with_cookie(&[7; 24]);
    assert_eq!(asker.answered(&forged, 10), 0);
}

#[test]
fn what_is_only_logged_is_served_and_counted() {
    let mut asker = Asker::new("mode = 'log-only'");
    let known = query("www.a.", RecordType::A, None);
    assert_eq!(asker.answered(&known, 1000), 1000);
    let counted = asker.counted(Reason::WouldLimit);
    assert!((595..=605).contains(&counted), "{counted}");
    assert_eq!(asker.counted(Reason::LimitedTruncated), 0);
    let mut off = Asker::new("mode = 'off'");
    assert_eq!(off.answered(&known, 1000), 1000);
    assert_eq!(off.counted(Reason::WouldLimit), 0);
}

#[test]
fn errors_count_four_times_and_over_the_limit_there_are_none() {
    let mut asker = Asker::new("");
    let mut chaos = query("version.bind.", RecordType::TXT, None);
    let class = chaos.len() - 1;
    chaos[class] = 3;
    let mut short = query("www.a.", RecordType::A, None);
    short.truncate(20);
    let notify = {
        let mut packet = query("www.a.", RecordType::A, None);
        packet[2] = 0x21;
        packet
    };
    for packet in [chaos, short, notify] {
        asker.now = asker.now.plus(std::time::Duration::from_secs(60));
        let replies = (0..500)
            .filter(|_| matches!(asker.by_udp(&packet).0, Next::Reply))
            .count();
        assert!((97..=102).contains(&replies), "{replies} errors at once");
    }
    assert!(asker.counted(Reason::LimitedDropped) > 1190);
}

#[test]
fn names_that_do_not_exist_cost_twice_and_large_types_four_times() {
    for (name, rtype, wanted) in [
        ("www.local.test.", RecordType::A, 400),
        ("none.local.test.", RecordType::A, 200),
        ("www.local.test.", RecordType::TXT, 100),
    ] {
        let mut asker = Asker::new("");
        let answered = asker.answered(&query(name, rtype, Some(1232)), 1000);
        assert!(
            answered.abs_diff(wanted) <= wanted / 50 + 1,
            "{name} {rtype}: {answered}"
        );
    }
}

#[test]
fn any_over_udp_needs_a_proof_and_gets_no_octet_more_than_it_sent() {
    let any = query("www.local.test.", RecordType::ANY, Some(1232));
    let mut asker = Asker::new("");
    let (next, reply) = asker.by_udp(&any);
    assert!(matches!(next, Next::Reply));
    let told = Message::parse(&reply).unwrap();
    assert!(told.header.flags.tc() && told.answer.is_empty());
    assert!(reply.len() <= any.len());
    assert_eq!(asker.counted(Reason::AnyUnproven), 1);
    // Who has a cookie is told ours, and has one RRset with it, as over TCP.
    let (_, reply) = asker.by_udp(&with_cookie_for(&any, &[7; 8]));
    let told = Message::parse(&reply).unwrap();
    assert_eq!((told.rcode(), told.answer.len()), (Rcode::BADCOOKIE, 0));
    let cookie = told.edns.unwrap().options[4..].to_vec();
    let (_, reply) = asker.by_udp(&with_cookie_for(&any, &cookie));
    assert_eq!(Message::parse(&reply).unwrap().answer.len(), 1);
    assert!(matches!(asker.by_tcp(&any), Next::Reply));
    assert_eq!(asker.counted(Reason::AnyUnproven), 2);
    // Where it is allowed it costs four times.
    let mut free = Asker::with("", "any_needs_proof = false");
    let answered = free.answered(&any, 1000);
    assert!(answered.abs_diff(100) <= 3, "{answered}");
}

#[test]
fn with_isc_forged_queries_get_no_more_ways_to_prove_an_address_than_other_responses() {
    let any = query("www.local.test.", RecordType::ANY, Some(1232));
    for packet in [any.clone(), with_cookie_for(&any, &[7; 8])] {
        let limits = "[limiter.isc]\nresponses_per_second = 5\nnodata_per_second = 5\nerrors_per_second = 5\nslip = 0";
        let mut asker = Asker::new(&format!("algorithm = 'isc'\n{limits}"));
        let replies = (0..1000).filter(|_| matches!(asker.by_udp(&packet).0, Next::Reply));
        assert!((1..=10).contains(&replies.count()));
        assert!(asker.counted(Reason::LimitedDropped) >= 990);
        assert_eq!(asker.counted(Reason::AnyUnproven), 1000);
    }
}

#[test]
fn who_is_asked_for_too_much_for_long_gets_no_data_without_a_proof_and_all_of_it_with_one() {
    let mut asker = Asker::new("prove_after = '10s'");
    let known = query("www.a.", RecordType::A, Some(1232));
    for tick in 0..1_500_u64 {
        asker.now = Now::at_secs(100).plus(std::time::Duration::from_millis(tick * 10));
        for _ in 0..10 {
            asker.by_udp(&known);
        }
    }
    // Half a minute later all is forgiven, but a proof is asked for.
    asker.now = Now::at_secs(150);
    let (next, reply) = asker.by_udp(&known);
    assert!(matches!(next, Next::Reply));
    let told = Message::parse(&reply).unwrap();
    assert!(told.header.flags.tc() && told.answer.is_empty() && reply.len() <= known.len());
    assert!(asker.counted(Reason::UnprovenSuspect) > 500);
    assert!(matches!(asker.by_tcp(&known), Next::Reply));
    let (_, reply) = asker.by_udp(&with_cookie_for(&known, &[7; 8]));
    let told = Message::parse(&reply).unwrap();
    assert_eq!(told.rcode(), Rcode::BADCOOKIE);
    let cookie = told.edns.unwrap().options[4..].to_vec();
    let (_, reply) = asker.by_udp(&with_cookie_for(&known, &cookie));
    assert_eq!(Message::parse(&reply).unwrap().answer.len(), 1);
    // It ends by itself.
    asker.now = Now::at_secs(180);
    assert_eq!(asker.answered(&known, 10), 10);
}

proptest! {
    #[test]
    fn t1_6_no_limited_reply_is_longer_than_its_query(
        name in "([a-z]{1,20}\\.){1,5}",
        rtype in any::<u16>(),
        options in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
        cookie in any::<bool>(),
        cut in 0..3_usize,
    ) {
        let mut asker = Asker::new("rate = 1\ninstant = 1");
        let mut packet = query(&name, RecordType(rtype), None);
        if let Some(value) = options {
            let code = if cookie { 10_u16 } else { 65_001 };
            let value = if cookie { vec![7; 8] } else { value };
            let length = u16::try_from(value.len()).unwrap();
            packet[11] = 1;
            packet.extend([0, 0, 41, 4, 208, 0, 0, 0x80, 0]);
            packet.extend((length + 4).to_be_bytes());
            packet.extend(code.to_be_bytes());
            packet.extend(length.to_be_bytes());
            packet.extend(value);
        }
        packet.truncate(packet.len() - cut);
        asker.by_udp(&query("www.a.", RecordType::A, None));
        let (next, reply) = asker.by_udp(&packet);
        prop_assert!(matches!(next, Next::Reply | Next::Silence));
        // A server cookie has 16 octets that a client who has none did not send (RFC 7873 section 5.3).
        let bad_cookie = Message::parse(&reply).is_ok_and(|told| told.rcode() == Rcode::BADCOOKIE);
        let most = packet.len() + if bad_cookie { 16 } else { 0 };
        prop_assert!(reply.len() <= most, "{} to {}", reply.len(), packet.len());
    }
}
