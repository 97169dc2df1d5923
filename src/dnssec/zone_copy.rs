//! Is a copy of a zone the zone itself? Its keys by the trust anchor, SOA and ZONEMD by its keys, all the rest by ZONEMD.
//!
//! A zone that comes as a whole, by transfer or as a file, holds what its own signatures do not cover: delegations and the
//! addresses of servers. What makes it as good as its signer's word is the signed digest over all of it (RFC 8976), so
//! nothing less is taken.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::algorithm::Accepted;
use super::zonemd::{Ordered, Unfit};
use super::{
    Allowance, Anchor, Bogus, Clock, KeyFinding, Rrsig, Validated, ZoneKeys, keys_by_anchor, verify,
};
use crate::wire::{Class, Name, Record, RecordType, Rrset, rrset::group};

/// Signatures checked for one copy at most: a few on the DNSKEY set, one or two each on SOA and ZONEMD.
const SIGNATURES: u32 = 16;

/// A copy of a zone, ordered for look-ups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneCopy {
    apex: Name,
    nodes: BTreeMap<Name, Vec<Rrset>>,
    records: usize,
    timers: Timers,
    signed_until: u64,
}

/// What the SOA says of the copies of its zone (RFC 1035 section 3.3.13): the serial, and seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// The version of the zone, in serial arithmetic.
    pub serial: u32,
    /// After which time to ask whether there is a newer one.
    pub refresh: u32,
    /// After which time to ask again when nobody answered.
    pub retry: u32,
    /// After which time of nobody answering the copy is of no use.
    pub expire: u32,
}

/// Why a copy is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneFault {
    /// There is no SOA at its apex, or more than one.
    #[error("it has not one SOA record at its apex")]
    Soa,
    /// A record outside the zone, or of another class.
    #[error("{0} is no record of the zone")]
    OutOfZone(Name),
    /// Its keys are not those of the anchor.
    #[error("its keys are not proven: {0}")]
    Keys(Bogus),
    /// Nothing known here can check its keys.
    #[error("its keys are of no supported algorithm")]
    UnknownKeys,
    /// SOA or ZONEMD is not signed as it should be.
    #[error("it is not signed as it should be: {0}")]
    Signature(Bogus),
    /// The digest.
    #[error(transparent)]
    Digest(#[from] Unfit),
}

impl Timers {
    /// The fields of an SOA record.
    #[must_use]
    pub fn read(soa: &[u8]) -> Option<Self> {
        let fields = soa.get(soa.len().checked_sub(20)?..)?;
        let mut numbers = fields.chunks_exact(4).map(|four| {
            four.iter()
                .fold(0, |sum, octet| sum << 8 | u32::from(*octet))
        });
        Some(Self {
            serial: numbers.next()?,
            refresh: numbers.next()?,
            retry: numbers.next()?,
            expire: numbers.next()?,
        })
    }

    /// Whether the zone with these timers is newer than one of `serial` (RFC 1982 section 3.2).
    #[must_use]
    pub const fn is_newer_than(&self, serial: u32) -> bool {
        self.serial.wrapping_sub(serial).cast_signed() > 0
    }
}

impl ZoneCopy {
    /// Proves that `records` are the zone of `anchor` as its signer made it: no record more, none less, none changed.
    ///
    /// Takes milliseconds for each megabyte: not for a thread that packets wait for.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn verify(
        records: &[Record],
        anchor: &Anchor,
        clock: Clock,
    ) -> Result<Validated<Self>, ZoneFault> {
        let apex = anchor.zone();
        let stranger = records
            .iter()
            .find(|record| record.class != Class::IN || !record.owner.is_within(apex));
        if let Some(stranger) = stranger {
            return Err(ZoneFault::OutOfZone(stranger.owner.clone()));
        }
        let ordered = Ordered::of(records);
        let apex_records: Vec<Record> = ordered
            .records()
            .filter(|record| record.owner == *apex)
            .cloned()
            .collect();
        let at_apex = group(&apex_records);
        let soa = set_of(&at_apex, RecordType::SOA).ok_or(ZoneFault::Soa)?;
        let mut soas = soa.rdata.iter();
        let (Some(timers), None) = (soas.next().and_then(Timers::read), soas.next()) else {
            return Err(ZoneFault::Soa);
        };
        let mut allowance = Allowance::new(SIGNATURES, 0);
        let (keys, keys_until) = keys(apex, &at_apex, anchor, clock, &mut allowance)?;
        let zonemd = set_of(&at_apex, RecordType::ZONEMD).ok_or(Unfit::Absent)?;
        let mut signed_until = keys_until;
        for set in [soa, zonemd] {
            let verified =
                verify(set, &keys, clock, &mut allowance).map_err(ZoneFault::Signature)?;
            signed_until = signed_until.min(clock.at + longest(&verified.set, clock));
        }
        ordered.check(apex, timers.serial)?;
        Ok(Validated::seal(Self::of(
            apex,
            &ordered,
            timers,
            signed_until,
        )))
    }

    fn of(apex: &Name, ordered: &Ordered<'_>, timers: Timers, signed_until: u64) -> Self {
        let all: Vec<&Record> = ordered.records().collect();
        let nodes = all
            .chunk_by(|one, other| one.owner == other.owner)
            .filter_map(|node| {
                let records: Vec<Record> = node.iter().copied().cloned().collect();
                Some((node.first()?.owner.clone(), group(&records)))
            })
            .collect();
        Self {
            apex: apex.clone(),
            nodes,
            records: all.len(),
            timers,
            signed_until,
        }
    }

    /// The zone.
    #[must_use]
    pub const fn apex(&self) -> &Name {
        &self.apex
    }

    /// What its SOA says.
    #[must_use]
    pub const fn timers(&self) -> Timers {
        self.timers
    }

    /// Wall seconds until which the signatures of keys, SOA and ZONEMD hold.
    #[must_use]
    pub const fn signed_until(&self) -> u64 {
        self.signed_until
    }

    /// How many records it has.
    #[must_use]
    pub const fn record_count(&self) -> usize {
        self.records
    }

    /// All sets of `name`; none if nothing stands there.
    #[must_use]
    pub fn sets(&self, name: &Name) -> &[Rrset] {
        self.nodes.get(name).map_or(&[], Vec::as_slice)
    }

    /// The set of this type at `name`.
    #[must_use]
    pub fn set(&self, name: &Name, rtype: RecordType) -> Option<&Rrset> {
        set_of(self.sets(name), rtype)
    }

    /// Whether `name` exists: something stands there or below it.
    #[must_use]
    pub fn exists(&self, name: &Name) -> bool {
        let mut from_here = self.nodes.range((Bound::Included(name), Bound::Unbounded));
        from_here
            .next()
            .is_some_and(|(closest, _)| closest.is_within(name))
    }

    /// The NSEC set of `name`, or else of the last name before it that has one: it covers `name` (RFC 4034 section 4).
    #[must_use]
    pub fn nsec_at_or_before(&self, name: &Name) -> Option<&Rrset> {
        self.nodes
            .range(..=name)
            .rev()
            .find_map(|(_, sets)| set_of(sets, RecordType::NSEC))
    }

    /// All of its records as sets, in canonical order of their owners.
    pub fn iter(&self) -> impl Iterator<Item = &Rrset> {
        self.nodes.values().flatten()
    }
}

/// The keys of the zone, and until when their signatures hold.
fn keys(
    apex: &Name,
    at_apex: &[Rrset],
    anchor: &Anchor,
    clock: Clock,
    allowance: &mut Allowance,
) -> Result<(ZoneKeys, u64), ZoneFault> {
    let missing = || ZoneFault::Keys(Bogus::of(super::Why::NoDnskey, apex, RecordType::DNSKEY));
    let dnskey = set_of(at_apex, RecordType::DNSKEY).ok_or_else(missing)?;
    // A zone that is taken as a whole has no need of SHA-1.
    let accepted = Accepted::WithoutSha1;
    match keys_by_anchor(apex, anchor, dnskey, accepted, clock, allowance) {
        Ok(KeyFinding::Keys(keys)) => Ok((keys, clock.at + longest(dnskey, clock))),
        Ok(KeyFinding::Unsupported(_)) => Err(ZoneFault::UnknownKeys),
        Err(bogus) => Err(ZoneFault::Keys(bogus)),
    }
}

/// Seconds for which the signature of `set` that holds longest does.
fn longest(set: &Rrset, clock: Clock) -> u64 {
    let left = set
        .rrsigs
        .iter()
        .filter_map(Rrsig::read)
        .filter_map(|rrsig| rrsig.time_left(clock).ok())
        .max();
    u64::from(left.unwrap_or_default())
}

fn set_of(sets: &[Rrset], rtype: RecordType) -> Option<&Rrset> {
    sets.iter().find(|set| set.rtype == rtype)
}

#[cfg(test)]
mod tests;
