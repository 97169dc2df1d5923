//! How do the drill's villains misbehave, packet by packet?

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, NS};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::message::{encode, reply_to, truncated};
use super::zones::{Reply, Zones, label_count};

/// Address that every lie names; nobody must ever be told it, and it is in no zone.
pub const LIE: std::net::Ipv4Addr = std::net::Ipv4Addr::new(198, 51, 100, 66);

/// What is wrong with a packet that arrives before, or instead of, the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Another message ID.
    Id,
    /// Another name in the question.
    QuestionName,
    /// Another type in the question.
    QuestionType,
    /// Class CH in the question.
    QuestionClass,
    /// No question at all.
    NoQuestion,
    /// From another address.
    SourceAddress,
    /// QR=0: a query, not a response.
    QueryBit,
    /// Opcode UPDATE.
    Opcode,
    /// Octets that are no message.
    Garbage,
    /// Five octets.
    Short,
    /// No octet.
    Empty,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Id,
        Self::QuestionName,
        Self::QuestionType,
        Self::QuestionClass,
        Self::NoQuestion,
        Self::SourceAddress,
        Self::QueryBit,
        Self::Opcode,
        Self::Garbage,
        Self::Short,
        Self::Empty,
    ];
}

/// What a lie is smuggled in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Smuggling {
    /// The victim's address as a further answer record.
    Answer,
    /// The victim's NS record in the authority section, address in the additional section.
    Authority,
    /// A new address of the victim's own server in the additional section.
    Additional,
    /// A CNAME to the victim with the victim's "address" behind it.
    AliasTarget,
    /// A referral to the victim's zone, from a server that has nothing to do with it.
    Referral,
    /// NS records of the parent zone, "lab.", with the answer.
    ParentServers,
}

/// One kind of misbehaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Villain {
    /// Says nothing, UDP or TCP.
    Silent,
    /// Answers after that many milliseconds.
    Slow(u64),
    /// Knows nothing of the zone: NOERROR, AA=0, empty.
    Lame,
    /// Only ever this code.
    Code(ResponseCode),
    /// TC=1 on every UDP reply; TCP answers.
    Truncates,
    /// TC=1 on every UDP reply; no TCP.
    TruncatesTcpClosed,
    /// TC=1 on every UDP reply; TCP accepts and says nothing.
    TruncatesTcpSilent,
    /// A hundred replies with wrong IDs, then the right one.
    FloodsWrongIds,
    /// A flawed packet first, the right one 80 ms later; TCP answers.
    BadFirst(Flaw),
    /// Only flawed packets, also over TCP.
    OnlyBad(Flaw),
    /// This code to every query that has an OPT record.
    DislikesEdns(ResponseCode),
    /// Silence to every query that has an OPT record.
    DropsEdns,
    /// Leaves the OPT record out of its replies.
    ForgetsEdns,
    /// Sends big replies whole over UDP, whatever the client can take.
    Fat,
    /// Sends the question back in lower case.
    LowersCase,
    /// A referral to the root.
    RefersUp,
    /// A referral to the very zone it was asked as a server of.
    RefersToItself,
    /// A referral to another zone beside its own.
    RefersSideways,
    /// Every name is an alias of the next, without end.
    EndlessAliases,
    /// Refers one label further down each time it is asked.
    CutPerLabel,
    /// NXDOMAIN for every name that has no data, also for empty non-terminals (RFC 8020 gone wrong).
    DeniesMiddle,
    /// REFUSED for every name that has no data.
    RefusesMiddle,
    /// REFUSED for type NS.
    RefusesNs,
    /// Silence for type NS.
    DropsNs,
    /// DNAME without the synthesised CNAME.
    BareDname,
    /// An unrelated record of its own zone in every answer.
    Chatty,
    /// Lies about a victim: the victim's zone and the name in it that the lie is about.
    Poisons(Smuggling, Name, Name),
}

/// One thing a server does with a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Waits.
    Wait(Duration),
    /// Sends these octets.
    Send(Vec<u8>),
    /// Sends them from another address (UDP).
    SendFromElsewhere(Vec<u8>),
    /// Closes the connection (TCP).
    Close,
}

/// State of a villain between queries.
#[derive(Debug, Default)]
pub(super) struct Memory {
    depth: AtomicUsize,
}

impl Villain {
    /// Whether it listens on TCP.
    #[must_use]
    pub const fn has_tcp(&self) -> bool {
        !matches!(self, Self::TruncatesTcpClosed)
    }

    /// What it does with a query. `own` is its address, `zones` what it would say if it were honest.
    pub(super) fn act(
        &self,
        query: &Message,
        tcp: bool,
        own: IpAddr,
        zones: &Zones,
        memory: &Memory,
    ) -> Vec<Act> {
        let Some(question) = query.queries.first() else {
            return Vec::new();
        };
        let (name, rtype) = (question.name(), question.query_type());
        let honest = || zones.answer(name, rtype);
        let say = |reply: Reply| encode(&reply_to(query, reply), tcp);
        let truth = || say(honest());
        let has_edns = query.edns.is_some();
        match self {
            Self::Silent => Vec::new(),
            Self::Slow(wait) => {
                vec![Act::Wait(Duration::from_millis(*wait)), Act::Send(truth())]
            }
            Self::Lame => vec![Act::Send(say(Reply::empty(ResponseCode::NoError, false)))],
            Self::Code(code) => vec![Act::Send(say(Reply::empty(*code, false)))],
            Self::Truncates | Self::TruncatesTcpClosed | Self::TruncatesTcpSilent if !tcp => {
                vec![Act::Send(truncated(&reply_to(query, honest())))]
            }
            Self::TruncatesTcpSilent => Vec::new(),
            Self::FloodsWrongIds if !tcp => {
                let mut right = reply_to(query, honest());
                let id = right.metadata.id;
                let mut acts: Vec<Act> = (1..=100u16)
                    .map(|step| {
                        right.metadata.id = id.wrapping_add(step);
                        Act::Send(encode(&right, tcp))
                    })
                    .collect();
                acts.push(Act::Send(truth()));
                acts
            }
            Self::BadFirst(flaw) if !tcp => vec![
                flaw.act(query, honest(), tcp),
                Act::Wait(Duration::from_millis(80)),
                Act::Send(truth()),
            ],
            Self::OnlyBad(flaw) => vec![flaw.act(query, honest(), tcp), Act::Close],
            Self::DislikesEdns(code) if has_edns => {
                // A server that old does not echo an OPT record either.
                let mut reply = reply_to(query, Reply::empty(*code, false));
                reply.edns = None;
                vec![Act::Send(encode(&reply, tcp))]
            }
            Self::DropsEdns if has_edns => Vec::new(),
            Self::ForgetsEdns => {
                let mut reply = reply_to(query, honest());
                reply.edns = None;
                vec![Act::Send(encode(&reply, tcp))]
            }
            // As over TCP: no limit but the datagram's.
            Self::Fat => vec![Act::Send(encode(&reply_to(query, honest()), true))],
            Self::LowersCase => {
                let mut reply = reply_to(query, honest());
                for question in &mut reply.queries {
                    let lower = question.name().to_lowercase();
                    question.set_name(lower);
                }
                vec![Act::Send(encode(&reply, tcp))]
            }
            Self::RefersUp => vec![Act::Send(say(referral(&Name::root(), own)))],
            Self::RefersToItself => vec![Act::Send(say(referral(&origin(zones), own)))],
            Self::RefersSideways => {
                let zone = Name::from_ascii("sideways-other.lab.").unwrap_or_default();
                vec![Act::Send(say(referral(&zone, own)))]
            }
            Self::EndlessAliases => vec![Act::Send(say(next_alias(name, rtype, zones)))],
            Self::CutPerLabel => {
                vec![Act::Send(say(cut_per_label(
                    name, rtype, own, zones, memory,
                )))]
            }
            Self::DeniesMiddle | Self::RefusesMiddle => {
                let mut reply = honest();
                if reply.answers.is_empty() {
                    reply.rcode = if *self == Self::DeniesMiddle {
                        ResponseCode::NXDomain
                    } else {
                        reply.authorities.clear();
                        ResponseCode::Refused
                    };
                }
                vec![Act::Send(say(reply))]
            }
            Self::RefusesNs if rtype == RecordType::NS => {
                vec![Act::Send(say(Reply::empty(ResponseCode::Refused, false)))]
            }
            Self::DropsNs if rtype == RecordType::NS => Vec::new(),
            Self::BareDname => {
                let mut reply = honest();
                if reply
                    .answers
                    .iter()
                    .any(|record| record.record_type() == RecordType::DNAME)
                {
                    reply
                        .answers
                        .retain(|record| record.record_type() == RecordType::DNAME);
                    reply.rcode = ResponseCode::NoError;
                }
                vec![Act::Send(say(reply))]
            }
            Self::Chatty => {
                let mut reply = honest();
                if !reply.answers.is_empty()
                    && let Ok(owner) = origin(zones).prepend_label("unasked")
                {
                    reply.answers.push(lie(&owner));
                }
                vec![Act::Send(say(reply))]
            }
            Self::Poisons(how, zone, victim) => {
                vec![Act::Send(say(how.poison(
                    honest(),
                    name,
                    zone,
                    victim,
                    own,
                )))]
            }
            _ => vec![Act::Send(truth())],
        }
    }
}

impl Flaw {
    /// A packet with this flaw.
    fn act(self, query: &Message, honest: Reply, tcp: bool) -> Act {
        // Whatever the flawed packet says must not be believed: its answer is the lie.
        let mut reply = reply_to(query, honest);
        for record in &mut reply.answers {
            if record.record_type() == RecordType::A {
                record.data = RData::A(A(LIE));
            }
        }
        let question = reply.queries.first().cloned().unwrap_or_else(Query::new);
        let asked = |change: &dyn Fn(&mut Query)| {
            let mut reply = reply.clone();
            let mut other = question.clone();
            change(&mut other);
            reply.queries = vec![other];
            encode(&reply, tcp)
        };
        Act::Send(match self {
            Self::Id => {
                reply.metadata.id = reply.metadata.id.wrapping_add(1);
                encode(&reply, tcp)
            }
            Self::QuestionName => asked(&|query| {
                let other = query.name().base_name().prepend_label("other");
                query.set_name(other.unwrap_or_default());
            }),
            Self::QuestionType => asked(&|query| {
                query.set_query_type(RecordType::HINFO);
            }),
            Self::QuestionClass => asked(&|query| {
                query.set_query_class(DNSClass::CH);
            }),
            Self::NoQuestion => {
                reply.queries.clear();
                encode(&reply, tcp)
            }
            Self::SourceAddress => return Act::SendFromElsewhere(encode(&reply, tcp)),
            Self::QueryBit => {
                reply.metadata.message_type = MessageType::Query;
                encode(&reply, tcp)
            }
            Self::Opcode => {
                reply.metadata.op_code = OpCode::Update;
                encode(&reply, tcp)
            }
            Self::Garbage => {
                // Right ID and QR, then counts and labels that lead nowhere.
                let mut octets = encode(&reply, tcp);
                octets.truncate(4);
                octets.extend(std::iter::repeat_n(0xFF, 60));
                octets
            }
            Self::Short => encode(&reply, tcp).into_iter().take(5).collect(),
            Self::Empty => Vec::new(),
        })
    }
}

impl Smuggling {
    fn poison(self, honest: Reply, name: &Name, zone: &Name, victim: &Name, own: IpAddr) -> Reply {
        let mut reply = honest;
        if reply.answers.is_empty() && self != Self::Referral {
            return reply;
        }
        let server = |label: &str| zone.prepend_label(label).unwrap_or_default();
        match self {
            Self::Answer => reply.answers.push(lie(victim)),
            Self::Authority => {
                let target = server("ns-evil");
                reply.authorities.push(ns(zone, &target));
                reply.additionals.push(address(&target, own));
            }
            Self::Additional => {
                reply.additionals.push(address(&server("ns1"), own));
                reply.additionals.push(lie(victim));
            }
            Self::AliasTarget => {
                reply.answers = vec![
                    Record::from_rdata(name.clone(), 300, RData::CNAME(CNAME(victim.clone()))),
                    lie(victim),
                ];
            }
            Self::Referral => return referral(zone, own),
            Self::ParentServers => {
                let parent = zone.base_name();
                let target = server("ns-evil");
                reply.authorities.push(ns(&parent, &target));
                reply.additionals.push(address(&target, own));
            }
        }
        reply
    }
}

/// The one zone a villain holds.
fn origin(zones: &Zones) -> Name {
    zones
        .iter()
        .next()
        .map_or_else(Name::root, |zone| zone.origin().clone())
}

fn lie(owner: &Name) -> Record {
    Record::from_rdata(owner.clone(), 86_400, RData::A(A(LIE)))
}

fn ns(zone: &Name, target: &Name) -> Record {
    Record::from_rdata(zone.clone(), 86_400, RData::NS(NS(target.clone())))
}

fn address(owner: &Name, address: IpAddr) -> Record {
    let data = match address {
        IpAddr::V4(address) => RData::A(A(address)),
        IpAddr::V6(address) => RData::AAAA(address.into()),
    };
    Record::from_rdata(owner.clone(), 86_400, data)
}

/// A referral to `zone`, whose server is the villain itself.
fn referral(zone: &Name, own: IpAddr) -> Reply {
    let target = zone.prepend_label("ns-evil").unwrap_or_default();
    let mut reply = Reply::empty(ResponseCode::NoError, false);
    reply.authorities.push(ns(zone, &target));
    reply.additionals.push(address(&target, own));
    reply
}

/// `cN.ZONE` is an alias of `cN+1.ZONE`; the apex is honest.
fn next_alias(name: &Name, rtype: RecordType, zones: &Zones) -> Reply {
    let number = name
        .iter()
        .next()
        .and_then(|label| std::str::from_utf8(label).ok())
        .and_then(|label| {
            label
                .to_ascii_lowercase()
                .strip_prefix('c')?
                .parse::<u64>()
                .ok()
        });
    let Some(number) = number else {
        return zones.answer(name, rtype);
    };
    let target = name
        .base_name()
        .prepend_label(format!("c{}", number.wrapping_add(1)).as_str())
        .unwrap_or_default();
    let mut reply = Reply::empty(ResponseCode::NoError, true);
    reply.answers.push(Record::from_rdata(
        name.clone(),
        300,
        RData::CNAME(CNAME(target)),
    ));
    reply
}

/// One label further down at each query; the full name (`end…`) has an address once everything was walked.
fn cut_per_label(
    name: &Name,
    rtype: RecordType,
    own: IpAddr,
    zones: &Zones,
    memory: &Memory,
) -> Reply {
    let apex = origin(zones);
    let below = label_count(name).saturating_sub(label_count(&apex));
    let first = name.iter().next().unwrap_or_default().to_ascii_lowercase();
    let is_end = first == b"end";
    if below == 0 || !(is_end || first == b"s") {
        let mut reply = zones.answer(&apex, RecordType::ANY);
        reply.authorities = reply.answers.clone();
        reply.answers.clear();
        reply
            .authorities
            .retain(|record| record.record_type() == RecordType::SOA);
        if first == b"ns-evil" && rtype == RecordType::A {
            reply.answers.push(address(name, own));
            reply.authorities.clear();
        }
        return reply;
    }
    let deepest = if is_end { below - 1 } else { below };
    let walked = memory.depth.load(Ordering::Relaxed);
    if walked < deepest {
        memory.depth.store(walked + 1, Ordering::Relaxed);
        return referral(&name.trim_to(label_count(&apex) + walked + 1), own);
    }
    zones.answer(name, rtype)
}
