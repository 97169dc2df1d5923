//! What is a cold name's way through everything that has no socket? To the packet for its server, and from a scripted reply back to the client's octets.

use std::hint::black_box;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use suimon::cache::{Delegation, DelegationServer};
use suimon::egress::matching::{Expected, Seen, examine};
use suimon::query::Next;
use suimon::recursion::{Ask, Heard, Over, Recursion, Step};
use suimon::wire::header::HEADER_LEN;
use suimon::wire::writer::{OPT_LEN, Opt, write_query};
use suimon::wire::{Flags, Name};

use crate::Fate;
use crate::pipeline::{Rig, crowd, query};

/// Between two of them: so many a second are no flood.
const PACE: Duration = Duration::from_millis(10);

/// Those that are not counted: stores and tables have grown by then.
const BEFORE: usize = 200;

/// The server of every zone.
const SERVER: &str = "192.0.2.53";

/// One worker, a zone whose servers are known, and names of it that nobody has asked for yet.
pub struct Misses {
    rig: Rig,
    packets: Vec<(Vec<u8>, SocketAddr)>,
    server: IpAddr,
    /// To the server, and back.
    sent: Vec<u8>,
    heard: Vec<u8>,
    reply: Vec<u8>,
}

/// Lets the cache know who serves a zone.
pub fn delegate(rig: &Rig, zone: &Name) {
    let delegation = Delegation {
        zone: zone.clone(),
        servers: vec![DelegationServer {
            name: format!("ns.{zone}").parse().expect("a domain name"),
            addresses: vec![SERVER.parse().expect("an address")],
        }],
        expires_at: rig.now().wall_secs() + 3600,
    };
    rig.pipeline.cache.store_delegation(delegation, rig.now());
}

impl Misses {
    /// `packets` of them are counted.
    pub fn new(packets: usize) -> Self {
        let rig = Rig::with(1024, 1, "enforce", PACE);
        delegate(&rig, &"cold.net.".parse().expect("a domain name"));
        let queries = (0..BEFORE + packets).map(|number| {
            let name: Name = format!("n{number:04}.cold.net.").parse().expect("a name");
            (query(name.as_wire(), &[]), crowd(number))
        });
        let mut packets: Vec<_> = queries.collect();
        let counted = packets.split_off(BEFORE);
        let mut misses = Self {
            rig,
            packets,
            server: SERVER.parse().expect("an address"),
            sent: Vec::with_capacity(512),
            heard: Vec::with_capacity(512),
            reply: Vec::new(),
        };
        misses.run();
        misses.packets = counted;
        misses
    }

    pub fn run(&mut self) {
        let packets = std::mem::take(&mut self.packets);
        for (packet, source) in &packets {
            self.reply = self.find_out(black_box(packet), black_box(*source));
        }
        self.packets = packets;
    }

    /// The last one was answered, with one record.
    pub fn check(self) {
        assert_eq!(Fate::of(&self.reply), Fate::Reply(0));
        assert_eq!(self.reply[7], 1);
    }

    /// What `resolve` does, but for the task, the tables of what is under way and the socket.
    fn find_out(&mut self, packet: &[u8], source: SocketAddr) -> Vec<u8> {
        let Next::Miss(miss) = self.rig.take(packet, source) else {
            panic!("nobody has asked for it before");
        };
        let now = self.rig.now();
        let (permit, question, waiting) = miss.take();
        let plan = &self.rig.recursion;
        let mut budget = permit.into_budget(&plan.limits, now);
        let mut recursion = Recursion::new(question.clone(), Arc::clone(plan), 1);
        let resolver = Arc::clone(&self.rig.pipeline.resolver);
        let cache = Arc::clone(&self.rig.pipeline.cache);
        let response = loop {
            match recursion.step(&cache, &*resolver, &mut budget, now) {
                Step::Ask(ask) => {
                    budget.charge_packet(now).expect("one packet is enough");
                    let heard = self.exchange(&ask);
                    budget.note_bytes(self.heard.len());
                    recursion.heard(heard, &cache, &mut budget, now);
                }
                Step::Done(response) => break response,
                Step::Verify(_) => panic!("there is no trust anchor"),
            }
        };
        let blame = recursion.blame(budget.server());
        budget.tell(&question, &response, blame, now);
        drop((recursion, budget));
        let told = self.rig.pipeline.tell(waiting, Ok(Arc::new(response)), now);
        told.expect("a reply")
    }

    /// The server answers every question with one address.
    fn exchange(&mut self, ask: &Ask) -> Heard {
        assert_eq!(ask.servers, [self.server]);
        let opt = Opt {
            udp_size: 1232,
            dnssec_ok: self.rig.recursion.dnssec_ok,
            ..Opt::default()
        };
        let id = 0x1234;
        self.sent.clear();
        write_query(
            &mut self.sent,
            id,
            Flags::default(),
            &ask.question,
            Some(&opt),
        );

        let (question, opt) = self.sent.split_at(self.sent.len() - OPT_LEN);
        self.heard.clear();
        self.heard.extend_from_slice(question);
        // QR and AA; one answer.
        self.heard[2] |= 0x84;
        self.heard[7] = 1;
        // The name of the question, type A, an hour.
        let [high, low] = (0xC000 | HEADER_LEN as u16).to_be_bytes();
        let record = [high, low, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, 1];
        self.heard.extend_from_slice(&record);
        self.heard.extend_from_slice(opt);

        let expected = Expected {
            id,
            question: &ask.question,
            exact_case: true,
        };
        let Seen::Reply(message) = examine(black_box(&self.heard), &expected) else {
            panic!("it is the reply");
        };
        Heard::Reply {
            server: self.server,
            over: Over::Udp,
            message: Arc::from(message),
            bytes: self.heard.len(),
        }
    }
}
