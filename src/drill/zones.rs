//! What does an authoritative server that does everything right answer? (RFC 1034 section 4.3.2, RFC 4592, RFC 6672)

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{CNAME, NULL};
use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder, BinEncodable, BinEncoder};

/// CNAME and DNAME links one server follows inside one zone for one reply.
const MAX_LINKS_IN_ZONE: usize = 8;

/// Everything one zone holds: authoritative data, delegations and glue.
#[derive(Clone, Debug)]
pub struct Zone {
    origin: Name,
    sets: BTreeMap<(LowerName, u16), Vec<Record>>,
    /// Every name that exists, empty non-terminals included (RFC 8020).
    names: HashSet<LowerName>,
}

/// An authoritative reply before it is octets.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The response code.
    pub rcode: ResponseCode,
    /// AA: not set on referrals.
    pub authoritative: bool,
    /// Answer section.
    pub answers: Vec<Record>,
    /// Authority section.
    pub authorities: Vec<Record>,
    /// Additional section, OPT left out.
    pub additionals: Vec<Record>,
}

impl Reply {
    /// A reply without records.
    #[must_use]
    pub const fn empty(rcode: ResponseCode, authoritative: bool) -> Self {
        Self {
            rcode,
            authoritative,
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
        }
    }
}

/// The zones one server serves, or all zones of the world.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    by_origin: HashMap<LowerName, Arc<Zone>>,
}

impl Zone {
    /// A zone without records; an SOA and NS records must follow.
    #[must_use]
    pub fn new(origin: Name) -> Self {
        let names = HashSet::from([LowerName::new(&origin)]);
        Self {
            origin,
            sets: BTreeMap::new(),
            names,
        }
    }

    /// The apex.
    #[must_use]
    pub const fn origin(&self) -> &Name {
        &self.origin
    }

    /// Adds one record; its owner must be in the zone. A record that is there already is not doubled.
    pub fn add(&mut self, record: Record) {
        let mut name = record.name.clone();
        while self.origin.zone_of(&name) {
            self.names.insert(LowerName::new(&name));
            if name.is_root() {
                break;
            }
            name = name.base_name();
        }
        let key = (
            LowerName::new(&record.name),
            u16::from(record.record_type()),
        );
        let set = self.sets.entry(key).or_default();
        if !set.iter().any(|held| held.data == record.data) {
            set.push(record);
        }
    }

    /// The RRset of `name` and `rtype`, empty if there is none.
    #[must_use]
    pub fn rrset(&self, name: &LowerName, rtype: RecordType) -> &[Record] {
        self.sets
            .get(&(name.clone(), u16::from(rtype)))
            .map_or(&[], Vec::as_slice)
    }

    /// Every record, in name order.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.sets.values().flatten()
    }

    /// Answers one question whose name is in the zone.
    #[must_use]
    pub fn answer(&self, qname: &Name, qtype: RecordType) -> Reply {
        let mut reply = Reply::empty(ResponseCode::NoError, true);
        let mut name = qname.clone();
        for _ in 0..MAX_LINKS_IN_ZONE {
            match self.find(&name, qtype, &mut reply) {
                Some(target) if self.origin.zone_of(&target) => name = target,
                _ => break,
            }
        }
        reply
    }

    /// One pass of the algorithm for one name; gives the target if it is an alias.
    fn find(&self, name: &Name, qtype: RecordType, reply: &mut Reply) -> Option<Name> {
        let origin_labels = usize::from(self.origin.num_labels());
        let labels = label_count(name);
        for count in origin_labels..=labels {
            let node = name.trim_to(count);
            let key = LowerName::new(&node);
            let cut = count > origin_labels && !self.rrset(&key, RecordType::NS).is_empty();
            if cut && !(qtype == RecordType::DS && count == labels) {
                self.refer(&key, reply);
                return None;
            }
            if count < labels
                && let Some(dname) = self.rrset(&key, RecordType::DNAME).first()
            {
                return substitute(name, dname, reply);
            }
        }
        let key = LowerName::new(name);
        if self.names.contains(&key) {
            return self.select(&key, name, qtype, reply);
        }
        let mut encloser = name.base_name();
        while !self.names.contains(&LowerName::new(&encloser)) && !encloser.is_root() {
            encloser = encloser.base_name();
        }
        let wildcard = encloser
            .prepend_label("*")
            .map(|name| LowerName::new(&name))
            .ok()
            .filter(|wildcard| self.names.contains(wildcard));
        if let Some(wildcard) = wildcard {
            return self.select(&wildcard, name, qtype, reply);
        }
        reply.rcode = ResponseCode::NXDomain;
        self.deny(reply);
        None
    }

    /// The data at `node`, told under `owner` (another name when `node` is a wildcard).
    fn select(
        &self,
        node: &LowerName,
        owner: &Name,
        qtype: RecordType,
        reply: &mut Reply,
    ) -> Option<Name> {
        let told = |records: &[Record]| -> Vec<Record> {
            records
                .iter()
                .map(|record| Record::from_rdata(owner.clone(), record.ttl, record.data.clone()))
                .collect()
        };
        if qtype == RecordType::ANY {
            let all: Vec<Record> = self
                .sets
                .range((node.clone(), 0)..=(node.clone(), u16::MAX))
                .flat_map(|(_, set)| told(set))
                .collect();
            if all.is_empty() {
                self.deny(reply);
            }
            reply.answers.extend(all);
            return None;
        }
        let alias = self.rrset(node, RecordType::CNAME);
        if qtype != RecordType::CNAME
            && let Some(record) = alias.first()
        {
            reply.answers.extend(told(alias));
            return match &record.data {
                RData::CNAME(CNAME(target)) => Some(target.clone()),
                _ => None,
            };
        }
        let set = self.rrset(node, qtype);
        if set.is_empty() {
            self.deny(reply);
        } else {
            reply.answers.extend(told(set));
            if qtype == RecordType::NS {
                self.add_glue(set, reply);
            }
        }
        None
    }

    /// Authority of a negative answer: the SOA (RFC 2308 section 3).
    fn deny(&self, reply: &mut Reply) {
        let apex = LowerName::new(&self.origin);
        reply
            .authorities
            .extend_from_slice(self.rrset(&apex, RecordType::SOA));
    }

    /// A referral to `cut` with all glue this zone holds.
    fn refer(&self, cut: &LowerName, reply: &mut Reply) {
        let servers = self.rrset(cut, RecordType::NS);
        reply.authoritative = !reply.answers.is_empty();
        reply.authorities.extend_from_slice(servers);
        self.add_glue(servers, reply);
    }

    /// The addresses this zone holds of the servers that these NS records name.
    fn add_glue(&self, servers: &[Record], reply: &mut Reply) {
        for record in servers {
            if let RData::NS(target) = &record.data {
                let target = LowerName::new(&target.0);
                for rtype in [RecordType::A, RecordType::AAAA] {
                    reply
                        .additionals
                        .extend_from_slice(self.rrset(&target, rtype));
                }
            }
        }
    }
}

impl Zones {
    /// Adds a zone.
    pub fn insert(&mut self, zone: Arc<Zone>) {
        self.by_origin.insert(LowerName::new(&zone.origin), zone);
    }

    /// Every zone.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Zone>> {
        self.by_origin.values()
    }

    /// How many zones.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_origin.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_origin.is_empty()
    }

    /// The deepest zone that holds `name`; for DS at an apex the parent's, if it is here.
    #[must_use]
    pub fn zone_of(&self, name: &Name, qtype: RecordType) -> Option<&Arc<Zone>> {
        let mut at = name.clone();
        let mut apex_only = None;
        loop {
            if let Some(zone) = self.by_origin.get(&LowerName::new(&at)) {
                if qtype == RecordType::DS && at == *name && !at.is_root() {
                    apex_only = Some(zone);
                } else {
                    return Some(zone);
                }
            }
            if at.is_root() {
                return apex_only;
            }
            at = at.base_name();
        }
    }

    /// What a server of these zones answers; REFUSED for all others.
    #[must_use]
    pub fn answer(&self, name: &Name, qtype: RecordType) -> Reply {
        self.zone_of(name, qtype).map_or_else(
            || Reply::empty(ResponseCode::Refused, false),
            |zone| zone.answer(name, qtype),
        )
    }

    /// What a perfect resolver answers when these are all zones there are: code and answer section, chain first.
    #[must_use]
    pub fn truth(&self, name: &Name, qtype: RecordType) -> (ResponseCode, Vec<Record>) {
        let mut answers: Vec<Record> = Vec::new();
        let mut at = name.clone();
        // As many passes as a chain over as many zones could need; a longer one is a test's mistake.
        for _ in 0..64 {
            let reply = self.answer(&at, qtype);
            answers.extend(reply.answers);
            match alias_target(&answers, name, qtype) {
                Some(target) if target != at => at = target,
                _ => return (reply.rcode, answers),
            }
        }
        (ResponseCode::ServFail, Vec::new())
    }
}

/// Where the chain of `answers` that starts at `name` ends, if it ends with an alias.
fn alias_target(answers: &[Record], name: &Name, qtype: RecordType) -> Option<Name> {
    if qtype == RecordType::CNAME || qtype == RecordType::ANY {
        return None;
    }
    let mut at = name.clone();
    let mut moved = false;
    for record in answers {
        if let RData::CNAME(CNAME(target)) = &record.data
            && record.name == at
        {
            at = target.clone();
            moved = true;
        }
    }
    let done = answers
        .iter()
        .any(|record| record.name == at && record.record_type() == qtype);
    (moved && !done).then_some(at)
}

/// DNAME substitution with a synthesised CNAME (RFC 6672 section 3.1); YXDOMAIN if the result is too long.
fn substitute(name: &Name, dname: &Record, reply: &mut Reply) -> Option<Name> {
    reply.answers.push(dname.clone());
    let Some(target) = rebase(name, &dname.name, &dname_target(&dname.data)?) else {
        reply.rcode = ResponseCode::YXDomain;
        return None;
    };
    reply.answers.push(Record::from_rdata(
        name.clone(),
        dname.ttl,
        RData::CNAME(CNAME(target.clone())),
    ));
    Some(target)
}

fn rebase(name: &Name, from: &Name, to: &Name) -> Option<Name> {
    let kept = label_count(name).checked_sub(label_count(from))?;
    let prefix = Name::from_labels(name.iter().take(kept)).ok()?;
    let mut rebased = prefix.append_name(to).ok()?;
    rebased.set_fqdn(true);
    Some(rebased)
}

/// Labels of a name, a leading `*` counted (hickory's `num_labels` leaves it out).
#[must_use]
pub fn label_count(name: &Name) -> usize {
    name.iter().count()
}

/// DNAME RDATA: hickory-proto has no such type, so its octets are made here (uncompressed, RFC 6672 section 2.5).
///
/// # Errors
/// Text that is no name.
pub fn dname_rdata(target: &Name) -> Result<RData, hickory_proto::ProtoError> {
    let mut octets = Vec::new();
    let mut encoder = BinEncoder::new(&mut octets);
    target.emit(&mut encoder)?;
    Ok(RData::Unknown {
        code: RecordType::DNAME,
        rdata: NULL::with(octets),
    })
}

/// The target in DNAME RDATA.
#[must_use]
pub fn dname_target(rdata: &RData) -> Option<Name> {
    match rdata {
        RData::Unknown {
            code: RecordType::DNAME,
            rdata,
        } => Name::read(&mut BinDecoder::new(&rdata.anything)).ok(),
        _ => None,
    }
}
