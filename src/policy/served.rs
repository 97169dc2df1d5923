//! What does a zone that we serve ourselves say? SOA, NS, existing names, and what does not exist.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::wire::{Ede, Held, Name, Rcode, RdataSet, RecordType, Response, Rrset};

use super::table::hold;

/// TTL of the SOA and NS of empty zones, and their negative TTL, seconds (RFC 6303 section 3).
const EMPTY_ZONE_TTL: u32 = 10_800;
/// TTL of the addresses of `localhost`, seconds: they never change; a day is the cap of the cache (P5).
const LOOPBACK_TTL: u32 = 86_400;
/// Serial, refresh, retry, expire and minimum of empty zones (RFC 6303 section 3).
const EMPTY_ZONE_TIMERS: [u32; 5] = [1, 3_600, 1_200, 604_800, EMPTY_ZONE_TTL];

/// Which names of a zone exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// The apex, and names that have data.
    Apex,
    /// None at all, not even the apex.
    Nothing,
    /// Every name, each without data (RFC 9462 section 6.4).
    Everything,
    /// Every name, each with the loopback addresses (RFC 6761 section 6.3).
    Localhost,
}

/// A zone that we serve.
#[derive(Clone, Debug)]
pub(super) struct Served {
    /// The apex.
    pub(super) apex: Name,
    /// Which names exist.
    pub(super) extent: Extent,
    /// Whether an RFC, not the operator, put it here.
    pub(super) built_in: bool,
    /// Whether DS at the apex is asked of the parent, which proves that the zone is not signed (RFC 8375 section 4).
    pub(super) parent_answers_ds: bool,
    soa: Held,
    ns: Held,
    reason: Option<Ede>,
}

impl Served {
    /// A zone that an RFC keeps at home.
    pub(super) fn built_in(apex: &Name, extent: Extent, reason: &'static str) -> Self {
        Self {
            apex: apex.clone(),
            extent,
            built_in: true,
            parent_answers_ds: false,
            soa: hold(empty_soa(apex)),
            ns: hold(rrset(apex, RecordType::NS, EMPTY_ZONE_TTL, apex.as_wire())),
            reason: Some(Ede::new(Ede::SYNTHESIZED, reason)),
        }
    }

    /// A zone of the operator's, with the SOA and NS he wrote or those of an empty zone.
    pub(super) fn operators(apex: &Name, soa: Option<&Rrset>, ns: Option<&Rrset>) -> Arc<Self> {
        let mut zone = Self::built_in(apex, Extent::Apex, "");
        zone.built_in = false;
        zone.reason = None;
        if let Some(soa) = soa {
            zone.soa = hold(soa.clone());
        }
        if let Some(ns) = ns {
            zone.ns = hold(ns.clone());
        }
        Arc::new(zone)
    }

    /// The answer at the apex.
    pub(super) fn at_apex(&self, name: &Name, rtype: RecordType) -> Response {
        match (self.extent, rtype) {
            (Extent::Nothing, _) => self.no_name(),
            (_, RecordType::SOA) => answer(vec![self.soa.clone()], self),
            (_, RecordType::NS) => answer(vec![self.ns.clone()], self),
            (Extent::Localhost, _) => self.loopback(name, rtype),
            (_, RecordType::ANY) => answer(vec![self.soa.clone(), self.ns.clone()], self),
            _ => self.no_data(),
        }
    }

    /// The loopback address of the type asked for.
    pub(super) fn loopback(&self, name: &Name, rtype: RecordType) -> Response {
        let v4 = || {
            let rdata = Ipv4Addr::LOCALHOST.octets();
            hold(rrset(name, RecordType::A, LOOPBACK_TTL, &rdata))
        };
        let v6 = || {
            let rdata = Ipv6Addr::LOCALHOST.octets();
            hold(rrset(name, RecordType::AAAA, LOOPBACK_TTL, &rdata))
        };
        match rtype {
            RecordType::A => answer(vec![v4()], self),
            RecordType::AAAA => answer(vec![v6()], self),
            RecordType::ANY => answer(vec![v4(), v6()], self),
            _ => self.no_data(),
        }
    }

    /// NODATA.
    pub(super) fn no_data(&self) -> Response {
        self.negative(Rcode::NOERROR)
    }

    /// NXDOMAIN.
    pub(super) fn no_name(&self) -> Response {
        self.negative(Rcode::NXDOMAIN)
    }

    fn negative(&self, rcode: Rcode) -> Response {
        Response {
            authority: vec![self.soa.clone()],
            authoritative: true,
            ede: self.reason.clone(),
            ..Response::empty(rcode)
        }
    }
}

/// An answer of `zone`.
pub(super) fn answer(records: Vec<Held>, zone: &Served) -> Response {
    Response {
        answer: records,
        authoritative: true,
        ede: zone.reason.clone(),
        ..Response::empty(Rcode::NOERROR)
    }
}

/// The answer of a name that has `data`: the type asked for, else its CNAME, else NODATA. `owner` replaces that of the data
/// when a wildcard stands behind it.
pub(super) fn from_data(
    data: &[Held],
    rtype: RecordType,
    zone: Option<&Arc<Served>>,
    owner: Option<&Name>,
) -> Response {
    let named = |held: &Held| match owner {
        None => held.clone(),
        Some(owner) => Held {
            rrset: Arc::new(Rrset {
                owner: owner.clone(),
                ..Rrset::clone(&held.rrset)
            }),
            ttl: held.ttl,
            security: held.security,
        },
    };
    let of = |wanted: RecordType| -> Vec<Held> {
        let mut records = data.iter();
        let found = records.find(|held| held.rrset.rtype == wanted).map(named);
        found.into_iter().collect()
    };
    let mut records = match rtype {
        RecordType::ANY => data.iter().map(named).collect(),
        _ => of(rtype),
    };
    if records.is_empty() {
        records = of(RecordType::CNAME);
    }
    // At the apex of his own zone the operator may have left SOA and NS to us.
    if records.is_empty()
        && let Some(zone) = zone
        && let Some(first) = data.first()
        && first.rrset.owner == zone.apex
    {
        match rtype {
            RecordType::SOA => records.push(zone.soa.clone()),
            RecordType::NS => records.push(zone.ns.clone()),
            _ => {}
        }
    }
    match zone {
        Some(zone) if records.is_empty() => zone.no_data(),
        // The operator's own words need no excuse: no EDE.
        _ => Response {
            answer: records,
            authoritative: true,
            ..Response::empty(Rcode::NOERROR)
        },
    }
}

/// An RRset of one record.
pub(super) fn rrset(owner: &Name, rtype: RecordType, ttl: u32, rdata: &[u8]) -> Rrset {
    Rrset {
        owner: owner.clone(),
        rtype,
        ttl,
        rdata: RdataSet::new([rdata]),
        rrsigs: RdataSet::default(),
    }
}

/// `@ 10800 IN SOA @ nobody.invalid. 1 3600 1200 604800 10800` (RFC 6303 section 3).
fn empty_soa(apex: &Name) -> Rrset {
    let mut rdata = apex.as_wire().to_vec();
    rdata.extend_from_slice(b"\x06nobody\x07invalid\x00");
    for timer in EMPTY_ZONE_TIMERS {
        rdata.extend_from_slice(&timer.to_be_bytes());
    }
    rrset(apex, RecordType::SOA, EMPTY_ZONE_TTL, &rdata)
}
