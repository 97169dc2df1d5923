//! What does the operator answer himself, and where does he send the rest?
//!
//! Nothing here asks anybody: policy looks at the question and says what becomes of it. One table of names holds
//! everything, so the most specific name wins whatever its kind, and a look-up neither allocates nor locks.

mod local_reverse;
mod served;
mod special_use;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use smallvec::SmallVec;

use crate::config::plan;
use crate::wire::name::MAX_NAME;
use crate::wire::{Held, Name, Question, RecordType, Response, Rrset};

use served::{Extent, Served};
use table::{Entry, Operator, Table};

/// CNAMEs of local data followed before the chain is cut; the same number as for names of others (P4, threats.md 4.2).
const MAX_LINKS: usize = 11;

/// What becomes of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// This is the answer; nobody needs to be asked.
    Answer(Response),
    /// The operator's CNAMEs lead out of his own data: resolve `target` with the type that was asked, and put `chain` in
    /// front of the answer.
    Chase {
        /// The links so far, in order.
        chain: Vec<Held>,
        /// What the last link points to.
        target: Name,
    },
    /// Ask the resolvers of this forward zone (index into `plan::Policy::forward`).
    Forward(usize),
    /// Ask the servers of this stub zone (index into `plan::Policy::stub`).
    Stub(usize),
    /// Find out from the Internet's own servers.
    Resolve,
}

/// The operator's answers and routes, and the names that RFCs keep at home.
///
/// Precedence: the most specific name wins among local data, local zones, stub, forward, special-use and local reverse
/// zones; at equal names the operator's own beat the built-in ones.
#[derive(Debug)]
pub struct Policy {
    table: Table,
    forward: Vec<plan::ForwardZone>,
    stub: Vec<plan::StubZone>,
    resolver_info: Option<Held>,
}

impl Policy {
    /// Builds the table.
    #[must_use]
    pub fn new(plan: &plan::Policy) -> Self {
        let mut table = Table::default();
        if plan.special_use {
            special_use::add(&mut table);
        }
        if plan.local_reverse {
            local_reverse::add(&mut table);
        }
        for name in &plan.passthrough {
            table.entry(name).passthrough = true;
        }
        for (index, zone) in plan.forward.iter().enumerate() {
            table.entry(&zone.zone).operator = Some(Operator::Forward(index));
        }
        for (index, zone) in plan.stub.iter().enumerate() {
            table.entry(&zone.zone).operator = Some(Operator::Stub(index));
        }
        for zone in &plan.local_zones {
            let own = |rtype| {
                let mut of_apex = plan.local_data.iter();
                of_apex.find(|rrset: &&Rrset| rrset.owner == *zone && rrset.rtype == rtype)
            };
            let served = Served::operators(zone, own(RecordType::SOA), own(RecordType::NS));
            table.entry(zone).operator = Some(Operator::Local(served));
        }
        for rrset in &plan.local_data {
            table.add_data(rrset.clone());
        }
        Self {
            table,
            forward: plan.forward.clone(),
            stub: plan.stub.clone(),
            resolver_info: None,
        }
    }

    /// Tells clients that ask `resolver.arpa RESINFO` what this resolver does (RFC 9606). Without this the answer is NODATA.
    #[must_use]
    pub fn with_resolver_info(mut self, qname_minimisation: bool) -> Self {
        self.resolver_info = Some(special_use::resolver_info(qname_minimisation));
        self
    }

    /// What becomes of a client's question.
    #[must_use]
    pub fn decide(&self, question: &Question) -> Decision {
        self.route(&question.name, question.rtype)
    }

    /// What becomes of a name met on the way: a chain target, a name server's name.
    #[must_use]
    pub fn route(&self, name: &Name, rtype: RecordType) -> Decision {
        let decision = self.one(name, rtype);
        if rtype == RecordType::CNAME || rtype == RecordType::ANY {
            return decision;
        }
        self.follow(decision, rtype)
    }

    /// The forward zone behind [`Decision::Forward`].
    #[must_use]
    pub fn forward(&self, index: usize) -> Option<&plan::ForwardZone> {
        self.forward.get(index)
    }

    /// The stub zone behind [`Decision::Stub`].
    #[must_use]
    pub fn stub(&self, index: usize) -> Option<&plan::StubZone> {
        self.stub.get(index)
    }

    /// Follows CNAMEs as long as they stay in local data.
    fn follow(&self, first: Decision, rtype: RecordType) -> Decision {
        let mut decision = first;
        let mut chain: Vec<Held> = Vec::new();
        loop {
            let mut response = match decision {
                Decision::Answer(response) => response,
                // Where the chain leaves local data: `target` of the last link is asked by who called us.
                elsewhere => {
                    return match chain.last().and_then(|link| cname_target(&link.rrset)) {
                        Some(target) => Decision::Chase { chain, target },
                        None => elsewhere,
                    };
                }
            };
            let link = match response.answer.as_slice() {
                [only] if only.rrset.rtype == RecordType::CNAME => cname_target(&only.rrset),
                _ => None,
            };
            chain.append(&mut response.answer);
            let looping = link.as_ref().is_some_and(|target| {
                chain.len() >= MAX_LINKS || chain.iter().any(|held| held.rrset.owner == *target)
            });
            match link {
                Some(target) if !looping => decision = self.one(&target, rtype),
                _ => {
                    response.answer = chain;
                    return Decision::Answer(response);
                }
            }
        }
    }

    /// The decision for one name, CNAMEs not followed.
    fn one(&self, name: &Name, rtype: RecordType) -> Decision {
        // A name of any length without an allocation.
        let folded: SmallVec<[u8; MAX_NAME]> =
            name.as_wire().iter().map(u8::to_ascii_lowercase).collect();
        let mut built_in_too = true;
        for (at, entry) in self.table.upwards(&folded) {
            let exact = at == 0;
            if exact && !entry.data.is_empty() {
                let zone = self.governing(&folded);
                return Decision::Answer(served::from_data(&entry.data, rtype, zone, None));
            }
            match &entry.operator {
                // DS belongs to the parent's side of a cut (RFC 4035 section 3.1.4.1).
                Some(Operator::Forward(_) | Operator::Stub(_))
                    if exact && rtype == RecordType::DS && !name.is_root() => {}
                Some(Operator::Forward(index)) => return Decision::Forward(*index),
                Some(Operator::Stub(index)) => return Decision::Stub(*index),
                Some(Operator::Local(zone)) => {
                    return Decision::Answer(self.serve(zone, name, rtype, &folded, exact));
                }
                None => {}
            }
            built_in_too &= !entry.passthrough;
            if let Some(zone) = entry.built_in.as_ref().filter(|_| built_in_too) {
                if exact && rtype == RecordType::DS && zone.parent_answers_ds {
                    return Decision::Resolve;
                }
                return Decision::Answer(self.serve(zone, name, rtype, &folded, exact));
            }
        }
        Decision::Resolve
    }

    /// The zone we serve that `folded` lies in, if the nearest zone above is one.
    fn governing(&self, folded: &[u8]) -> Option<&Arc<Served>> {
        let mut built_in_too = true;
        for (_, entry) in self.table.upwards(folded) {
            match &entry.operator {
                Some(Operator::Local(zone)) => return Some(zone),
                Some(_) => return None,
                None => {}
            }
            built_in_too &= !entry.passthrough;
            if built_in_too && entry.built_in.is_some() {
                return entry.built_in.as_ref();
            }
        }
        None
    }

    /// The answer of a zone we serve to a name in it that has no data of the operator's.
    fn serve(
        &self,
        zone: &Arc<Served>,
        name: &Name,
        rtype: RecordType,
        folded: &[u8],
        apex: bool,
    ) -> Response {
        if apex
            && rtype == RecordType::RESINFO
            && zone.extent == Extent::Everything
            && let Some(info) = &self.resolver_info
        {
            return served::answer(vec![info.clone()], zone);
        }
        let entry = self.table.get(folded);
        let built_in = entry.map_or(&[][..], |entry| &entry.built_in_data);
        if !built_in.is_empty() && zone.built_in {
            return served::from_data(built_in, rtype, Some(zone), None);
        }
        if apex {
            return zone.at_apex(name, rtype);
        }
        if entry.is_some_and(Entry::exists) || zone.extent == Extent::Everything {
            return zone.no_data();
        }
        if zone.extent == Extent::Localhost {
            return zone.loopback(name, rtype);
        }
        match self.table.wildcard(folded, zone.apex.as_wire().len()) {
            Some(data) => served::from_data(data, rtype, Some(zone), Some(name)),
            None => zone.no_name(),
        }
    }
}

fn cname_target(rrset: &Rrset) -> Option<Name> {
    let target = rrset.rdata.iter().next()?;
    (rrset.rtype == RecordType::CNAME)
        .then(|| Name::from_wire(target).ok())
        .flatten()
}
