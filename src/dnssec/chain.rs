//! Which keys of a zone are vouched for? From the DS of the parent, or an anchor, to the DNSKEY set.

use super::algorithm::Accepted;
use super::anchor::Anchor;
use super::ds::Ds;
use super::key::{Dnskey, Key, MAX_KEYS_PER_TAG, ZoneKeys};
use super::verify::verify_by;
use super::{Allowance, Bogus, Clock, Why};
use crate::wire::{Ede, Name, RdataSet, RecordType, Rrset};

/// DS records of one set that are looked at, those we cannot use not counted (PowerDNS's number).
pub const MAX_DS: usize = 8;

/// What a DNSKEY set turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFinding {
    /// Keys that a chain of trust vouches for.
    Keys(ZoneKeys),
    /// Nothing we know points to a key: the zone is insecure (RFC 4035 section 5.2, RFC 6840 section 5.2). EDE 1 or 2.
    Unsupported(Ede),
}

/// The keys of `zone`, by the DS set of its parent, which was verified before.
///
/// One key that a DS names has to have signed the DNSKEY set; it is not asked that every algorithm is there (RFC 6840 section
/// 5.11). [`ZoneKeys::expires`] counts the DNSKEY set; cap it with what is left of the DS set.
///
/// # Errors
/// Bogus: no key fits, or the DNSKEY set is not signed by one that does.
pub fn keys_by_ds(
    zone: &Name,
    ds: &Rrset,
    dnskey: &Rrset,
    accepted: Accepted,
    clock: Clock,
    allowance: &mut Allowance,
) -> Result<KeyFinding, Bogus> {
    if ds.rtype != RecordType::DS || ds.owner != *zone {
        return Err(Bogus::of(Why::NoDs, zone, RecordType::DS));
    }
    if let Err(ede) = usable_ds(&ds.rdata, accepted) {
        return Ok(KeyFinding::Unsupported(ede));
    }
    let named = NamedKeys::by_ds(zone, ds.rdata.iter().filter_map(Ds::read), dnskey, accepted);
    named.vouch(zone, dnskey, clock, allowance)
}

/// The keys of `zone`, by the operator's anchor for it.
///
/// # Errors
/// As [`keys_by_ds`].
pub fn keys_by_anchor(
    zone: &Name,
    anchor: &Anchor,
    dnskey: &Rrset,
    accepted: Accepted,
    clock: Clock,
    allowance: &mut Allowance,
) -> Result<KeyFinding, Bogus> {
    if anchor.zone() != zone {
        return Err(Bogus::of(Why::NoKeyForDs, zone, RecordType::DNSKEY));
    }
    let believed = |key: Dnskey<'_>| accepted.algorithm(key.algorithm).is_some();
    if !anchor.dnskeys().any(believed) {
        let unknown = match anchor.dnskeys().next() {
            Some(_) if anchor.ds().next().is_none() => Err(unsupported_algorithm()),
            _ => usable(anchor.ds(), accepted),
        };
        if let Err(ede) = unknown {
            return Ok(KeyFinding::Unsupported(ede));
        }
    }
    let mut named = NamedKeys::by_ds(zone, anchor.ds(), dnskey, accepted);
    for key in dnskey.rdata.iter().filter_map(Dnskey::read) {
        let same = |anchor: Dnskey<'_>| {
            anchor.algorithm == key.algorithm && anchor.public_key == key.public_key
        };
        if anchor.dnskeys().any(same) {
            named.add(&key);
        }
    }
    named.vouch(zone, dnskey, clock, allowance)
}

/// Whether any DS has an algorithm and a digest that are believed.
///
/// # Errors
/// The zone is insecure: EDE 1 if none of the algorithms is, EDE 2 if it is for the digests. A DS too short to tell, and a
/// set with nothing in it, are broken, not unknown: they make nothing insecure.
pub fn usable_ds(ds: &RdataSet, accepted: Accepted) -> Result<(), Ede> {
    if ds.iter().any(|rdata| Ds::read(rdata).is_none()) {
        return Ok(());
    }
    usable(ds.iter().filter_map(Ds::read), accepted)
}

fn usable<'a>(ds: impl Iterator<Item = Ds<'a>>, accepted: Accepted) -> Result<(), Ede> {
    let (mut any, mut algorithm_believed) = (false, false);
    for ds in ds {
        if ds.is_usable(accepted) {
            return Ok(());
        }
        any = true;
        algorithm_believed |= ds.has_believed_algorithm(accepted);
    }
    match (any, algorithm_believed) {
        (false, _) => Ok(()),
        (true, false) => Err(unsupported_algorithm()),
        (true, true) => Err(Ede::new(
            Ede::UNSUPPORTED_DIGEST,
            "no DS has a supported digest type",
        )),
    }
}

const fn unsupported_algorithm() -> Ede {
    Ede::new(
        Ede::UNSUPPORTED_ALGORITHM,
        "no DS has a supported algorithm",
    )
}

/// The keys of a DNSKEY set that a DS or an anchor names.
struct NamedKeys {
    accepted: Accepted,
    keys: Vec<Key>,
    /// A key was named, but its flags do not let it sign the zone.
    not_a_zone_key: bool,
}

impl NamedKeys {
    /// At most [`MAX_DS`] records and [`MAX_KEYS_PER_TAG`] keys for each: so many hashes. Digests by SHA-1 count only where
    /// there is no other (RFC 4509 section 3).
    fn by_ds<'a>(
        zone: &Name,
        ds: impl Iterator<Item = Ds<'a>>,
        dnskey: &Rrset,
        accepted: Accepted,
    ) -> Self {
        let mut named = Self {
            accepted,
            keys: Vec::new(),
            not_a_zone_key: false,
        };
        let tagged: Vec<(u16, Dnskey<'_>)> = dnskey
            .rdata
            .iter()
            .filter_map(Dnskey::read)
            .map(|key| (key.tag(), key))
            .collect();
        let usable: Vec<Ds<'_>> = ds.filter(|ds| ds.is_usable(accepted)).collect();
        let any_stronger = usable.iter().any(|ds| !ds.is_by_sha1());
        let counting = usable
            .iter()
            .filter(|ds| !(any_stronger && ds.is_by_sha1()));
        for ds in counting.take(MAX_DS) {
            let alike = tagged.iter().filter(|(tag, key)| ds.may_name(key, *tag));
            for (_, key) in alike.take(MAX_KEYS_PER_TAG) {
                if ds.fits(zone, key) {
                    named.add(key);
                }
            }
        }
        named
    }

    fn add(&mut self, dnskey: &Dnskey<'_>) {
        match Key::of(dnskey, self.accepted) {
            Some(key) if self.keys.contains(&key) => {}
            Some(key) => self.keys.push(key),
            None => self.not_a_zone_key |= !dnskey.is_zone_key(),
        }
    }

    /// The keys of the whole DNSKEY set, if one of these signed it.
    fn vouch(
        self,
        zone: &Name,
        dnskey: &Rrset,
        clock: Clock,
        allowance: &mut Allowance,
    ) -> Result<KeyFinding, Bogus> {
        let bogus = |why| Bogus::of(why, zone, RecordType::DNSKEY);
        if dnskey.rtype != RecordType::DNSKEY || dnskey.owner != *zone || dnskey.rdata.is_empty() {
            return Err(bogus(Why::NoDnskey));
        }
        if self.keys.is_empty() {
            return Err(bogus(if self.not_a_zone_key {
                Why::NotAZoneKey
            } else {
                Why::NoKeyForDs
            }));
        }
        let verified = verify_by(dnskey, zone, &self.keys, clock, allowance)?;
        Ok(KeyFinding::Keys(ZoneKeys {
            zone: zone.clone(),
            keys: Key::all(&dnskey.rdata, self.accepted).into_boxed_slice(),
            expires: clock.at.saturating_add(u64::from(verified.set.ttl)),
        }))
    }
}

#[cfg(test)]
mod tests;
