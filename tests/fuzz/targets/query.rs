//! Any packet from any address: nobody outside the rules gets more than one small refusal, and nobody's reply is too long.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ipnet::IpNet;
use libfuzzer_sys::fuzz_target;
use suimon::answer;
use suimon::cache::{Cache, Rank};
use suimon::config::load_text;
use suimon::config::plan::TransportKind;
use suimon::egress::Egress;
use suimon::guard::zones::ZoneGuard;
use suimon::guard::{Arrival, FairShares, Guard, OwnAddresses, PendingClients};
use suimon::policy::Policy;
use suimon::query::{Next, Pipeline, WorkerState};
use suimon::resolve::Resolver;
use suimon::sys::clock::Now;
use suimon::telemetry::{Telemetry, Worker};
use suimon::wire::group::group;
use suimon::wire::text::record_from_text;
use suimon::wire::{Class, Flags, Message, QueryView, Rcode, RecordType};
use suimon_fuzz::Input;

const CONFIG: &str = r#"[limiter]
mode = 'off'

[listen]
addresses = ["192.0.2.53:53", "[2001:db8::53]:53"]
[acl]
allow = ["198.51.100.0/25", "2001:db8:1::/48"]
refuse = ["198.51.100.64/26"]
drop = ["198.51.100.32/28"]
snoop = ["198.51.100.16/28"]
[guard]
refusals_per_prefix = 100000
refusal_burst = 100000
refusals_per_host = 1000000
[policy]
local_zones = ["corp.test."]
local_data = ["corp.test. 300 IN A 192.0.2.1", "big.corp.test. 300 IN TXT a b c d e f g h i j k l m n o p q r s t", "c.corp.test. 60 IN CNAME www.example.com."]
"#;
/// In the cache from the start: a plain set, one near the limit of plain UDP, one beyond every datagram, a chain.
const KNOWN: &str = "
    www.example.com. A 192.0.2.2
    www.example.com. AAAA 2001:db8::2
    a.example.com. CNAME www.example.com.
    d.example.com. DNAME example.com.
    full.example.com. TXT {460}
    huge.example.com. TXT {250} {250} {250} {250} {250} {250}
";

fuzz_target!(|octets: &[u8]| {
    static PIPELINE: OnceLock<Pipeline> = OnceLock::new();
    // Monotonic time goes on, so that the refusal budgets fill again; the wall clock stands, so that nothing expires.
    static SECONDS: AtomicU64 = AtomicU64::new(0);
    let pipeline = PIPELINE.get_or_init(pipeline);
    let now = Now {
        mono: Duration::from_secs(SECONDS.fetch_add(1, Ordering::Relaxed)),
        ..Now::at_secs(0)
    };
    let mut worker = WorkerState::new(64, Arc::new(Worker::exclusive()));
    let mut input = Input(octets);
    // Several packets, each twice: the second may be answered from the worker's own table.
    for _ in 0..4 {
        let (how, from, port) = (input.u8(), input.u8(), input.u16());
        let source = match from & 0xC0 {
            0 => IpAddr::from([198, 51, 100, from & 0x3F | how & 0xC0]),
            0x40 => Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, port).into(),
            0x80 => Ipv4Addr::new(198, 51, 100, from).to_ipv6_mapped().into(),
            _ => match input.u128() {
                bits if how & 0x20 == 0 => Ipv4Addr::from_bits((bits >> 96) as u32).into(),
                bits => Ipv6Addr::from_bits(bits).into(),
            },
        };
        let local: SocketAddr = if source.is_ipv4() {
            ([192, 0, 2, 53], 53).into()
        } else {
            (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53), 53).into()
        };
        let arrival = Arrival {
            bytes: input.piece(),
            source: SocketAddr::new(source, port),
            local,
            interface: u32::from(how & 1),
            loopback: how & 2 != 0,
            hop_limit: None,
            transport: if how & 4 == 0 {
                TransportKind::Udp
            } else {
                TransportKind::Tcp
            },
        };
        let first = judge(pipeline, &mut worker, &arrival, now);
        for _ in 0..3 {
            let again = judge(pipeline, &mut worker, &arrival, now);
            // An outsider's budget may end; what a client is told stays the same.
            assert!(
                first == again || !covered(source),
                "ready-made replies differ from composed ones"
            );
        }
        if input.is_empty() {
            break;
        }
    }
});

/// The prefixes of `CONFIG`, judged apart from suimon's own access list.
fn covered(source: IpAddr) -> bool {
    let within = |prefix: &str| {
        let prefix: IpNet = prefix.parse().expect("a prefix");
        prefix.contains(&source.to_canonical())
    };
    within("2001:db8:1::/48")
        || within("198.51.100.0/25") && !within("198.51.100.64/26") && !within("198.51.100.32/28")
}

/// What becomes of one packet: whether it must be found out, and the reply.
fn judge(
    pipeline: &Pipeline,
    worker: &mut WorkerState,
    arrival: &Arrival<'_>,
    now: Now,
) -> (bool, Vec<u8>) {
    let mut reply = Vec::new();
    let udp = arrival.transport == TransportKind::Udp;
    let next = if udp {
        pipeline.arrive(worker, arrival, now, &mut reply)
    } else {
        pipeline.arrive_by_stream(arrival, now, &mut reply)
    };
    let query = arrival.bytes;
    let flags = query
        .get(2..4)
        .map_or(Flags(0), |two| Flags(u16::from_be_bytes([two[0], two[1]])));
    match next {
        Next::Silence | Next::Defer => (false, Vec::new()),
        Next::Miss(_) => {
            assert!(covered(arrival.source.ip()), "work for an outsider");
            assert!(!flags.qr() && flags.opcode() == 0 && flags.rd());
            let view = QueryView::parse(query).expect("a query that is worth work");
            assert_eq!(view.qclass, Class::IN);
            assert!(!view.qtype.is_meta() || view.qtype == RecordType::ANY);
            (true, Vec::new())
        }
        Next::Reply | Next::ReplyAndRefresh(_) => {
            assert!(!flags.qr(), "a reply to a reply");
            assert_eq!(reply[..2], query[..2]);
            let message = Message::parse(&reply).expect("a reply we wrote");
            assert!(message.header.flags.qr());
            let rcode = message.rcode();
            if !covered(arrival.source.ip()) {
                assert_eq!(rcode, Rcode::REFUSED);
            }
            let error = !matches!(rcode, Rcode::NOERROR | Rcode::NXDOMAIN);
            if error {
                assert!(reply.len() <= query.len(), "an error longer than its query");
                assert!(message.answer.is_empty() && message.authority.is_empty());
            } else {
                let view = QueryView::parse(query).expect("a query that was answered");
                let room = answer::room(&view, &pipeline.plan, udp);
                assert!(
                    reply.len() <= room,
                    "{} octets where {room} fit",
                    reply.len()
                );
            }
            (false, reply)
        }
    }
}

fn pipeline() -> Pipeline {
    let plan = load_text(Path::new("fuzz.toml"), CONFIG)
        .unwrap_or_else(|problems| panic!("{}", problems[0]))
        .plan;
    let cache = Arc::new(Cache::new(&plan.cache));
    let text = [250, 460]
        .into_iter()
        .fold(KNOWN.to_owned(), |text, length: usize| {
            let half = "x".repeat(length.min(255));
            let rest = "y".repeat(length - half.len());
            text.replace(&format!("{{{length}}}"), &format!("{half} {rest}"))
        });
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let record = record_from_text(line, 3600).expect("a record");
        for set in group(&[record]) {
            cache.store(set, Rank::AuthAnswer, Now::at_secs(0));
        }
    }
    let policy = Arc::new(Policy::new(&plan.policy));
    let egress = Arc::new(Egress::new(
        &plan.egress,
        &plan.ingress.listen,
        Arc::default(),
    ));
    let recursion = Arc::new(plan.recursion.clone());
    let resolver = Resolver::new(
        Arc::clone(&cache),
        Arc::clone(&policy),
        egress,
        Vec::new(),
        recursion,
    );
    let own = OwnAddresses::new([IpAddr::from([192, 0, 2, 53])], []);
    let zones = ZoneGuard::new(
        &plan.zone_guard,
        None,
        Default::default(),
        Now::at_secs(0),
    );
    Pipeline {
        fair: FairShares::new(&plan.shares, zones.pool()),
        guard: Guard::new(&plan.guard, own, Now::at_secs(0)),
        policy,
        cache,
        resolver: Arc::new(resolver),
        zones: Arc::new(zones),
        pending: PendingClients::new(&plan.guard),
        plan: plan.answer,
        telemetry: Arc::new(Telemetry::new()),
        epoch: 1,
    }
}
