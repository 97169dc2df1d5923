//! What do the micro benches run? The pipeline as suimond builds it, with one name in its cache, and packets for every way through it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    unreachable_pub,
    dead_code,
    reason = "a bench; each target uses its part; a panic is the report"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use suimon::cache::{Cache, Rank};
use suimon::config;
use suimon::config::plan::{self, Plan, TransportKind};
use suimon::egress::Egress;
use suimon::guard::zones::{KnownNames, ZoneGuard};
use suimon::guard::{Arrival, FairShares, Guard, OwnAddresses, PendingClients};
use suimon::policy::Policy;
use suimon::query::{Next, Pipeline, WorkerState};
use suimon::resolve::Resolver;
use suimon::sys::clock::Now;
use suimon::telemetry::Telemetry;
use suimon::wire::rrset::RdataSet;
use suimon::wire::{RecordType, Rrset};

/// An admitted client and one outside the ACL, as in benches/whole.
pub const ADMITTED: &str = "10.77.1.2:40000";
pub const OUTSIDER: &str = "10.77.1.9:40000";
pub const NOW: Now = Now::at_secs(100);

/// One of many admitted clients, spread over 10.128.0.0/9: few share a /24.
pub fn crowd(number: usize) -> SocketAddr {
    let number = u32::try_from(number).expect("a few thousand");
    let spread = number.wrapping_mul(0x9E37_79B1) >> 9;
    SocketAddr::from((Ipv4Addr::from_bits(0x0A80_0000 | spread), 40_000))
}

/// One worker with its share of the pipeline.
pub struct Rig {
    pub pipeline: Pipeline,
    pub worker: WorkerState,
    /// A query for the cached name, with EDNS.
    pub query: Vec<u8>,
    pub reply: Vec<u8>,
    /// How look-ups are made.
    pub recursion: Arc<plan::Recursion>,
    local: SocketAddr,
    now: Now,
    pace: Duration,
}

impl Rig {
    /// `slots` of ready-made answers (0: every answer comes from the shared cache); `refusals` per second.
    pub fn new(slots: usize, refusals: u32) -> Self {
        Self::with(slots, refusals, "off", Duration::ZERO)
    }

    /// The same with the limiter in force, for a client that asks once in `pace`; a clock that stands still would limit it.
    pub fn limited(slots: usize, pace: Duration) -> Self {
        Self::with(slots, 1, "enforce", pace)
    }

    /// The same, with all that decides about either.
    pub fn with(slots: usize, refusals: u32, limiter: &str, pace: Duration) -> Self {
        let plan = plan(slots, refusals, limiter);
        let telemetry = Arc::new(Telemetry::new());
        let counters = telemetry.register_worker();
        let cache = Arc::new(Cache::with_secret(&plan.cache, 1, 2));
        let egress = Arc::new(Egress::new(&plan.egress, &[], Arc::default()));
        let policy = Arc::new(Policy::new(&plan.policy).with_resolver_info(true));
        let resolver = Arc::new(Resolver::new(
            Arc::clone(&cache),
            Arc::clone(&policy),
            egress,
            Vec::new(),
            Arc::new(plan.recursion.clone()),
        ));
        let own = OwnAddresses::new(["10.77.1.1".parse().expect("an address")], []);
        // Keys and dice are the same each time, and so is what they choose.
        let zones = Arc::new(ZoneGuard::with_secrets(
            &plan.zone_guard,
            KnownNames::new(plan.zone_guard.known_names, [7; 16], 0),
            Arc::default(),
            &[8; 16],
            &[9; 16],
        ));
        let pipeline = Pipeline {
            guard: Guard::with_secrets(&plan.guard, own, &[7; 16], [7; 16], Now::at_secs(0)),
            policy,
            cache,
            resolver,
            fair: FairShares::new(&plan.shares, zones.pool()),
            zones,
            pending: PendingClients::new(&plan.guard),
            plan: plan.answer.clone(),
            telemetry,
            epoch: 1,
        };
        let owner = "host-123.warm.net.".parse().expect("a domain name");
        let cached = Rrset {
            owner,
            rtype: RecordType::A,
            ttl: 3600,
            rdata: RdataSet::new([[192, 0, 2, 1].as_slice()]),
            rrsigs: RdataSet::default(),
        };
        let query = query(cached.owner.as_wire(), &[]);
        pipeline.cache.store(cached, Rank::AuthAnswer, NOW);
        let worker = WorkerState::with_secrets(slots, counters, [1, 2, 3]);
        let local = "10.77.1.1:53".parse().expect("an address");
        let mut rig = Self {
            pipeline,
            worker,
            query,
            reply: Vec::with_capacity(4096),
            local,
            now: NOW,
            pace,
            recursion: Arc::new(plan.recursion),
        };
        // Twice: a ready-made answer is kept at the second sighting.
        for _ in 0..2 {
            assert_eq!(rig.ask(ADMITTED.parse().expect("an address")), Some(62));
        }
        rig
    }

    /// Takes the query through the pipeline as a datagram from `source`; the length of the reply, if there is one.
    #[inline]
    pub fn ask(&mut self, source: SocketAddr) -> Option<usize> {
        let query = std::mem::take(&mut self.query);
        let next = self.take(&query, source);
        self.query = query;
        match next {
            Next::Reply | Next::ReplyAndRefresh(_) => Some(self.reply.len()),
            Next::Silence | Next::Defer => None,
            Next::Miss(_) => panic!("the bench asks for nothing that is not cached"),
        }
    }

    /// Takes any query that far.
    #[inline]
    pub fn take(&mut self, query: &[u8], source: SocketAddr) -> Next {
        self.reply.clear();
        // The wall clock stands still, so that what is cached stays.
        self.now.mono += self.pace;
        let arrival = arrival(query, source, self.local);
        self.pipeline
            .arrive(&mut self.worker, &arrival, self.now, &mut self.reply)
    }

    /// The cached name.
    pub fn name(&self) -> &[u8] {
        &self.query[12..self.query.len() - 15]
    }

    /// When the last query came.
    pub const fn now(&self) -> Now {
        self.now
    }

    /// The query as it arrives from `source`.
    pub const fn arrival(&self, source: SocketAddr) -> Arrival<'_> {
        arrival(self.query.as_slice(), source, self.local)
    }
}

const fn arrival(bytes: &[u8], source: SocketAddr, local: SocketAddr) -> Arrival<'_> {
    Arrival {
        bytes,
        source,
        local,
        interface: 2,
        loopback: false,
        hop_limit: None,
        transport: TransportKind::Udp,
    }
}

fn plan(slots: usize, refusals: u32, limiter: &str) -> Plan {
    let text = format!(
        "[limiter]\nmode = \"{limiter}\"\n[acl]\nallow = [\"10.77.1.2\", \"10.128.0.0/9\"]\n[cache]\nanswer_slots = {slots}\n\
         [guard]\nrefusals_per_prefix = {refusals}\nrefusal_burst = {refusals}\nrefusals_per_host = {}\n",
        refusals * 10
    );
    config::load_text(Path::new("bench.toml"), &text)
        .expect("a config that holds")
        .plan
}

/// RD, one question of type A, OPT with 1232 octets and these options.
pub fn query(qname: &[u8], options: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    packet.extend_from_slice(qname);
    packet.extend_from_slice(&[0, 1, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0]);
    let length = u16::try_from(options.len()).expect("short options");
    packet.extend_from_slice(&length.to_be_bytes());
    packet.extend_from_slice(options);
    packet
}
