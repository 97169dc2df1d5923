//! What of a reading must be proven, and how is what was proven put in its place?

use std::sync::Arc;

use super::chain::{End, Link, Reading};
use crate::cache::Backing;
use crate::dnssec::{Denied, Proven, Validated, signer};
use crate::wire::{Name, Question, RecordType, Rrset, Security};

impl Reading {
    /// Puts `security` behind all of it, and the proofs that came along, for clients that check for themselves.
    pub(super) fn back(&mut self, security: Security) {
        let proofs = self.proofs.drain(..).map(Arc::new).collect();
        for link in &mut self.links {
            link.backing.security = security;
        }
        self.backing.security = security;
        match (&self.end, self.links.last_mut()) {
            (End::Elsewhere, Some(link)) => link.backing.proofs = proofs,
            _ => self.backing.proofs = proofs,
        }
    }

    /// Which zone signed the first thing it says.
    pub(super) fn signer(&self, question: &Question) -> Option<Name> {
        match self.first() {
            Some(set) => signer(set),
            None => self.denier(&question.name),
        }
    }

    /// Which zone signed what denies `name`. A zone beside it has no say, whatever records of its own came along: if it is
    /// unsigned, its word would need no proof.
    fn denier(&self, name: &Name) -> Option<Name> {
        let soa = match &self.end {
            End::NoData(soa) | End::NxDomain(soa) => soa.as_ref(),
            _ => None,
        };
        soa.into_iter()
            .chain(&self.proofs)
            .filter_map(signer)
            .find(|signer| name.is_within(signer))
    }

    /// Which zone speaks, by its own word: the owner of the SOA or NS set that came along, if that lies below `zone`, and `name` in it.
    pub(super) fn apex(&self, zone: &Name, name: &Name) -> Option<Name> {
        let soa = match &self.end {
            End::NoData(soa) | End::NxDomain(soa) => soa.as_ref(),
            _ => None,
        };
        let told = soa.or(self.authority.as_ref())?;
        let apex = &told.owner;
        let below = apex != zone && apex.is_within(zone) && name.is_within(apex);
        (below && self.links.is_empty()).then(|| apex.clone())
    }

    /// The first set, if there is any.
    pub(super) fn first(&self) -> Option<&Rrset> {
        match (self.links.first(), &self.end) {
            (Some(link), _) => Some(link.stated()),
            (None, End::Data(set) | End::Overflow(set)) => Some(set),
            (None, _) => None,
        }
    }

    /// The name that the first thing it says is about.
    pub(super) fn about(&self, question: &Question) -> Name {
        self.first()
            .map_or_else(|| question.name.clone(), |set| set.owner.clone())
    }

    pub(super) fn about_type(&self, question: &Question) -> RecordType {
        self.first().map_or(question.rtype, |set| set.rtype)
    }

    /// All sets that say something is there.
    pub(super) fn positive(&self) -> Vec<Rrset> {
        let end = match &self.end {
            End::Data(set) | End::Overflow(set) => Some(set),
            _ => None,
        };
        let links = self.links.iter().map(Link::stated);
        links.chain(end).cloned().collect()
    }

    /// What it says is not there.
    pub(super) fn denied(&self, question: &Question) -> Option<Denied> {
        let (whole_name, soa) = match &self.end {
            End::NoData(soa) => (false, soa),
            End::NxDomain(soa) => (true, soa),
            _ => return None,
        };
        let last = self.links.last().map(|link| &link.next);
        Some(Denied {
            name: last.unwrap_or(&question.name).clone(),
            rtype: question.rtype,
            whole_name,
            // The parent's word on a DS, and a name cut short, are of use only as they were meant.
            or_type: question.rtype != RecordType::DS && self.shorter.is_none(),
            soa: soa.clone(),
        })
    }

    /// Ends the reading where what is said no longer fits `same`; what comes after must be asked anew.
    pub(super) fn cut(&mut self, same: impl Fn(&Rrset) -> bool) {
        if let Some(at) = self.links.iter().position(|link| !same(link.stated())) {
            self.links.truncate(at);
            self.end_elsewhere();
            return;
        }
        if self.links.is_empty() {
            return;
        }
        let fits = match &self.end {
            End::Data(set) | End::Overflow(set) => same(set),
            End::NoData(Some(soa)) | End::NxDomain(Some(soa)) => same(soa),
            End::NoData(None) | End::NxDomain(None) => self.proofs.first().is_some_and(&same),
            End::Elsewhere | End::Made => true,
        };
        if !fits {
            self.end_elsewhere();
        }
    }

    /// Keeps the first link alone, if there is one.
    pub(super) fn cut_after_first(&mut self) {
        if !self.links.is_empty() && !matches!(self.end, End::Made) {
            self.links.truncate(1);
            self.end_elsewhere();
        }
    }

    fn end_elsewhere(&mut self) {
        self.end = End::Elsewhere;
        self.authority = None;
        self.additional.clear();
    }

    /// The DNAME that a wildcard made and a link goes by, if there is one. A wildcard stands in for the very name that is asked
    /// for (RFC 4592 section 3.3.1), so it never makes a DNAME above it: this one was brought from another question's answer.
    pub(super) fn borrowed_dname<'a>(&self, proven: &'a Proven) -> Option<&'a Rrset> {
        let through = self.links.iter().map(|link| link.dname.is_some());
        let through = through.chain([matches!(self.end, End::Overflow(_))]);
        let mut both = through.zip(&proven.positive);
        both.find(|(dname, shown)| *dname && shown.expanded)
            .map(|(_, shown)| &*shown.set)
    }

    /// Puts what was proven in the place of what was received.
    pub(super) fn believe(&mut self, proven: Proven) {
        let proofs: Vec<Arc<Rrset>> = proven
            .proofs
            .into_iter()
            .map(|set| Arc::new(set.into_inner()))
            .collect();
        let mut positive = proven.positive.into_iter().map(|believed| {
            let proofs = if believed.expanded {
                proofs.clone()
            } else {
                Vec::new()
            };
            let backing = Backing {
                security: believed.security,
                proofs,
            };
            (believed.set.into_inner(), backing)
        });
        if proven.only_type
            && let End::NxDomain(soa) = &mut self.end
        {
            self.end = End::NoData(soa.take());
        }
        for link in &mut self.links {
            let Some((set, backing)) = positive.next() else {
                return;
            };
            link.backing = backing;
            if let Some(dname) = &mut link.dname {
                link.cname.ttl = set.ttl;
                *dname = set;
            } else {
                link.cname = set;
            }
        }
        match &mut self.end {
            End::Data(end) | End::Overflow(end) => {
                if let Some((set, backing)) = positive.next() {
                    *end = set;
                    self.backing = backing;
                }
            }
            End::NoData(soa) | End::NxDomain(soa) => {
                *soa = proven.soa.map(Validated::into_inner);
                self.backing = Backing {
                    security: proven.denial,
                    proofs,
                };
            }
            End::Elsewhere | End::Made => self.backing.security = Security::Secure,
        }
        self.ede = proven.ede;
        self.authority = proven.extra.into_iter().next().map(Validated::into_inner);
    }
}

impl Link {
    /// The set that was sent: the CNAME that a DNAME makes is none.
    fn stated(&self) -> &Rrset {
        self.dname.as_ref().unwrap_or(&self.cname)
    }
}
