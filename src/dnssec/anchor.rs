//! Where does trust begin? The DS and DNSKEY records of one zone that an operator believes without proof.

use super::ds::Ds;
use super::key::Dnskey;
use crate::wire::{Name, RdataSet, RecordType, Rrset};

/// The anchors of one zone. A key of the zone vouches for its DNSKEY set if a DS here has its digest or a DNSKEY here is that key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    zone: Name,
    ds: RdataSet,
    dnskey: RdataSet,
}

impl Anchor {
    /// The anchor that one DS or DNSKEY set makes; with a set of another type, one that no key matches.
    #[must_use]
    pub fn new(set: &Rrset) -> Self {
        let of = |rtype| {
            if set.rtype == rtype {
                set.rdata.clone()
            } else {
                RdataSet::default()
            }
        };
        Self {
            zone: set.owner.clone(),
            ds: of(RecordType::DS),
            dnskey: of(RecordType::DNSKEY),
        }
    }

    /// The anchors of a plan (`plan::Dnssec::anchors`), one for each zone, in the order in which the zones first come.
    #[must_use]
    pub fn all(sets: &[Rrset]) -> Vec<Self> {
        let mut anchors: Vec<Self> = Vec::new();
        for set in sets {
            let anchor = Self::new(set);
            match anchors.iter_mut().find(|known| known.zone == anchor.zone) {
                Some(known) => known.join(&anchor),
                None => anchors.push(anchor),
            }
        }
        anchors
    }

    /// The anchor of `zone` that these DS and DNSKEY records make.
    #[must_use]
    pub const fn of(zone: Name, ds: RdataSet, dnskey: RdataSet) -> Self {
        Self { zone, ds, dnskey }
    }

    /// The zone.
    #[must_use]
    pub const fn zone(&self) -> &Name {
        &self.zone
    }

    /// The RDATA of the DS records.
    #[must_use]
    pub const fn ds_records(&self) -> &RdataSet {
        &self.ds
    }

    /// The RDATA of the DNSKEY records.
    #[must_use]
    pub const fn dnskey_records(&self) -> &RdataSet {
        &self.dnskey
    }

    /// The DS records.
    pub fn ds(&self) -> impl Iterator<Item = Ds<'_>> {
        self.ds.iter().filter_map(Ds::read)
    }

    /// The DNSKEY records.
    pub fn dnskeys(&self) -> impl Iterator<Item = Dnskey<'_>> {
        self.dnskey.iter().filter_map(Dnskey::read)
    }

    fn join(&mut self, other: &Self) {
        let joined =
            |mine: &RdataSet, theirs: &RdataSet| RdataSet::new(mine.iter().chain(theirs.iter()));
        self.ds = joined(&self.ds, &other.ds);
        self.dnskey = joined(&self.dnskey, &other.dnskey);
    }
}
