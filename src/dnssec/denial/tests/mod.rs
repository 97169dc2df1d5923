//! Is what is proven true, and what is true provable? Proofs by the rules of the RFCs, one vector per known attack, and whole zones.

mod by_nsec;
mod by_nsec3;
mod limits;
pub(crate) mod zones;

use super::*;

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Type bit maps (RFC 4034 section 4.1.2).
pub(crate) fn maps(types: &[RecordType]) -> Vec<u8> {
    let mut windows = std::collections::BTreeMap::<u8, Vec<u8>>::new();
    for rtype in types {
        let [high, low] = rtype.0.to_be_bytes();
        let octets = windows.entry(high).or_default();
        let at = usize::from(low / 8);
        octets.resize(octets.len().max(at + 1), 0);
        octets[at] |= 0x80 >> (low % 8);
    }
    let mut out = Vec::new();
    for (window, octets) in windows {
        out.extend([window, u8::try_from(octets.len()).unwrap()]);
        out.extend(octets);
    }
    out
}

pub(crate) fn sealed(owner: &Name, rtype: RecordType, rdata: &[u8]) -> Validated<Rrset> {
    Validated::seal(Rrset {
        owner: owner.clone(),
        rtype,
        ttl: 300,
        rdata: RdataSet::new([rdata]),
        rrsigs: RdataSet::default(),
    })
}

/// An RRSIG with nothing in it that matters here but labels and signer.
pub(crate) fn signature(covers: RecordType, labels: u8, signer: &str) -> RdataSet {
    let mut rdata = covers.0.to_be_bytes().to_vec();
    rdata.extend([13, labels]);
    rdata.extend([0; 14]);
    rdata.extend(name(signer).as_wire());
    rdata.extend([0; 64]);
    RdataSet::new([rdata.as_slice()])
}

/// The same set with other signatures.
pub(crate) fn signed(set: Validated<Rrset>, rrsigs: RdataSet) -> Validated<Rrset> {
    Validated::seal(Rrset {
        rrsigs,
        ..set.into_inner()
    })
}

pub(crate) fn nsec(owner: &str, next: &str, types: &[RecordType]) -> Validated<Rrset> {
    let mut rdata = name(next).as_wire().to_vec();
    let beside = [RecordType::NSEC, RecordType::RRSIG];
    rdata.extend(maps(&[types, &beside].concat()));
    sealed(&name(owner), RecordType::NSEC, &rdata)
}

/// One NSEC3 record.
#[derive(Clone)]
pub(crate) struct Hashed<'a> {
    pub(crate) zone: &'a str,
    pub(crate) owner: Hash20,
    pub(crate) next: Hash20,
    pub(crate) flags: u8,
    pub(crate) iterations: u16,
    pub(crate) salt: &'a [u8],
    pub(crate) types: &'a [RecordType],
}

pub(crate) type Hash20 = [u8; 20];

impl Hashed<'_> {
    pub(crate) fn set(&self) -> Validated<Rrset> {
        let mut rdata = vec![1, self.flags];
        rdata.extend(self.iterations.to_be_bytes());
        rdata.push(u8::try_from(self.salt.len()).unwrap());
        rdata.extend(self.salt);
        rdata.push(20);
        rdata.extend(self.next);
        rdata.extend(maps(self.types));
        let owner = name(self.zone)
            .child(base32(&self.owner).as_bytes())
            .unwrap();
        sealed(&owner, RecordType::NSEC3, &rdata)
    }
}

/// Base32 with the extended hex alphabet, no padding (RFC 4648 section 7).
pub(crate) fn base32(octets: &[u8]) -> String {
    let bit = |at: usize| u32::from(octets[at / 8] >> (7 - at % 8) & 1);
    (0..octets.len() * 8 / 5)
        .map(|digit| (0..5).fold(0, |value, at| value << 1 | bit(digit * 5 + at)))
        .map(|value| char::from_digit(value, 32).unwrap())
        .collect()
}

pub(crate) fn unbase32(text: &str) -> Hash20 {
    rdata::nsec3_owner_hash(text.as_bytes()).unwrap()
}

pub(crate) fn hash(of: &str, iterations: u16, salt: &[u8]) -> Hash20 {
    let mut allowance = Allowance::new(0, 1000);
    Hashes::default()
        .of(&name(of), iterations, salt, &mut allowance)
        .unwrap()
}

/// A proof to be asked, with an honest allowance.
pub(crate) struct Case<'a> {
    pub(crate) zone: &'a str,
    pub(crate) sets: Vec<Validated<Rrset>>,
    pub(crate) most: u16,
}

impl Case<'_> {
    pub(crate) fn new(zone: &str, sets: impl Into<Vec<Validated<Rrset>>>) -> Case<'_> {
        Case {
            zone,
            sets: sets.into(),
            most: 50,
        }
    }

    fn ask<T>(&self, ask: impl FnOnce(&Proofs<'_>, &mut Allowance) -> T) -> T {
        let zone = name(self.zone);
        let proofs = Proofs {
            zone: &zone,
            sets: &self.sets,
            max_iterations: self.most,
        };
        ask(&proofs, &mut Allowance::new(16, 300))
    }

    pub(crate) fn no_name(&self, of: &str) -> Result<Denial, Bogus> {
        self.ask(|proofs, allowance| no_name(&name(of), proofs, allowance))
    }

    pub(crate) fn no_data(&self, of: &str, rtype: RecordType) -> Result<Denial, Bogus> {
        self.ask(|proofs, allowance| no_data(&name(of), rtype, proofs, allowance))
    }

    pub(crate) fn no_closer(&self, of: &str, encloser: &str) -> Result<Denial, Bogus> {
        self.ask(|proofs, allowance| no_closer_match(&name(of), &name(encloser), proofs, allowance))
    }

    pub(crate) fn no_ds(&self, of: &str) -> Result<NoDs, Bogus> {
        self.ask(|proofs, allowance| no_ds(&name(of), proofs, allowance))
    }
}

/// What a proof is worth, or why there is none.
pub(crate) fn worth(found: Result<Denial, Bogus>) -> Result<Strength, Why> {
    found
        .map(|denial| denial.strength)
        .map_err(|bogus| bogus.why)
}
