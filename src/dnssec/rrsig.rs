//! What does a signature record say? A view of RRSIG RDATA (RFC 4034 section 3), and whether its time is now.

use super::canonical::name_length;
use super::{Clock, Why};
use crate::wire::{Name, RecordType};

/// The fields of one RRSIG, borrowed from its RDATA.
#[derive(Clone, Debug)]
pub struct Rrsig<'a> {
    fixed: &'a [u8],
    /// Which type it signs.
    pub covers: RecordType,
    /// The number of its algorithm, supported or not.
    pub algorithm: u8,
    /// How many labels the signed owner has, "*" and the root not counted.
    pub labels: u8,
    /// The TTL under which the records were signed.
    pub original_ttl: u32,
    /// Not valid after this; serial arithmetic.
    pub expiration: u32,
    /// Not valid before this; serial arithmetic.
    pub inception: u32,
    /// The tag of the key.
    pub key_tag: u16,
    /// The zone that signs.
    pub signer: Name,
    /// The signature itself.
    pub signature: &'a [u8],
}

impl<'a> Rrsig<'a> {
    /// Reads RDATA. Nothing if it is too short, or its signer is no name or a compressed one.
    #[must_use]
    pub fn read(rdata: &'a [u8]) -> Option<Self> {
        let (fixed, rest) = rdata.split_at_checked(18)?;
        let &[
            c0,
            c1,
            algorithm,
            labels,
            t0,
            t1,
            t2,
            t3,
            e0,
            e1,
            e2,
            e3,
            i0,
            i1,
            i2,
            i3,
            k0,
            k1,
        ] = fixed
        else {
            return None;
        };
        let length = name_length(rest)?;
        let (signer, signature) = rest.split_at_checked(length)?;
        Some(Self {
            fixed,
            covers: RecordType(u16::from_be_bytes([c0, c1])),
            algorithm,
            labels,
            original_ttl: u32::from_be_bytes([t0, t1, t2, t3]),
            expiration: u32::from_be_bytes([e0, e1, e2, e3]),
            inception: u32::from_be_bytes([i0, i1, i2, i3]),
            key_tag: u16::from_be_bytes([k0, k1]),
            signer: Name::from_wire(signer).ok()?,
            signature,
        })
    }

    /// The first 18 octets, as received.
    pub(super) const fn fixed(&self) -> &'a [u8] {
        self.fixed
    }

    /// Whether it may be used at `clock` (RFC 4035 section 5.3.1), and for how many seconds still: at least 1, so that what
    /// is valid only by the skew is not kept.
    ///
    /// # Errors
    /// [`Why::ExpiredBeforeValid`], [`Why::Expired`], [`Why::NotYetValid`].
    pub fn time_left(&self, clock: Clock) -> Result<u32, Why> {
        let now = serial(clock.at);
        let skew = i64::from(clock.skew);
        if difference(self.expiration, self.inception) < 0 {
            return Err(Why::ExpiredBeforeValid);
        }
        if difference(now, self.expiration) > skew {
            return Err(Why::Expired);
        }
        if difference(self.inception, now) > skew {
            return Err(Why::NotYetValid);
        }
        Ok(u32::try_from(difference(self.expiration, now)).map_or(1, |left| left.max(1)))
    }
}

/// The low 32 bits of the seconds since 1970 (RFC 4034 section 3.1.5).
fn serial(seconds: u64) -> u32 {
    u32::try_from(seconds & u64::from(u32::MAX)).unwrap_or_default()
}

/// How far `one` lies behind `other`, in serial arithmetic (RFC 1982 section 3.2).
fn difference(one: u32, other: u32) -> i64 {
    i64::from(one.wrapping_sub(other).cast_signed())
}
