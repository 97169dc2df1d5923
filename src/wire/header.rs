//! What do the first twelve octets say? Read without a look at the rest (RFC 1035 section 4.1.1).

use super::{Rcode, WireError};

/// Octets of a header.
pub const HEADER_LEN: usize = 12;

/// The 16 bits of flags, opcode and response code (RFC 1035 section 4.1.1, RFC 4035 section 3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u16);

macro_rules! flag {
    ($($(#[$doc:meta])* $get:ident $with:ident $bit:literal),* $(,)?) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub const fn $get(self) -> bool {
                self.0 & (1 << $bit) != 0
            }

            /// The same flags with this one set or cleared.
            #[must_use]
            pub const fn $with(self, on: bool) -> Self {
                if on {
                    Self(self.0 | (1 << $bit))
                } else {
                    Self(self.0 & !(1 << $bit))
                }
            }
        )*
    };
}

impl Flags {
    flag! {
        /// QR: a response.
        qr with_qr 15,
        /// AA: authoritative answer.
        aa with_aa 10,
        /// TC: truncated.
        tc with_tc 9,
        /// RD: recursion desired.
        rd with_rd 8,
        /// RA: recursion available.
        ra with_ra 7,
        /// AD: authentic data.
        ad with_ad 5,
        /// CD: checking disabled.
        cd with_cd 4,
    }

    /// The opcode, 0..=15; 0 is QUERY.
    #[must_use]
    pub const fn opcode(self) -> u8 {
        ((self.0 >> 11) & 0xF) as u8
    }

    /// The same flags with this opcode (its low four bits).
    #[must_use]
    pub const fn with_opcode(self, opcode: u8) -> Self {
        Self((self.0 & !0x7800) | ((opcode as u16 & 0xF) << 11))
    }

    /// The low four bits of the response code; [`super::Message::rcode`] adds those of EDNS.
    #[must_use]
    pub const fn rcode(self) -> Rcode {
        Rcode(self.0 & 0xF)
    }

    /// The same flags with the low four bits of `rcode`.
    #[must_use]
    pub const fn with_rcode(self, rcode: Rcode) -> Self {
        Self((self.0 & !0xF) | (rcode.0 & 0xF))
    }
}

/// The first twelve octets of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The message ID.
    pub id: u16,
    /// Flags, opcode and response code.
    pub flags: Flags,
    /// QDCOUNT as the message claims it.
    pub qdcount: u16,
    /// ANCOUNT as the message claims it.
    pub ancount: u16,
    /// NSCOUNT as the message claims it.
    pub nscount: u16,
    /// ARCOUNT as the message claims it.
    pub arcount: u16,
}

impl Header {
    /// Reads the header and nothing else.
    ///
    /// # Errors
    /// `Truncated` below twelve octets.
    pub fn parse(message: &[u8]) -> Result<Self, WireError> {
        let &[a, b, c, d, e, f, g, h, i, j, k, l] = message
            .first_chunk::<HEADER_LEN>()
            .ok_or(WireError::Truncated)?;
        Ok(Self {
            id: u16::from_be_bytes([a, b]),
            flags: Flags(u16::from_be_bytes([c, d])),
            qdcount: u16::from_be_bytes([e, f]),
            ancount: u16::from_be_bytes([g, h]),
            nscount: u16::from_be_bytes([i, j]),
            arcount: u16::from_be_bytes([k, l]),
        })
    }

    /// The octets.
    #[must_use]
    pub const fn to_wire(self) -> [u8; HEADER_LEN] {
        let [a, b] = self.id.to_be_bytes();
        let [c, d] = self.flags.0.to_be_bytes();
        let [e, f] = self.qdcount.to_be_bytes();
        let [g, h] = self.ancount.to_be_bytes();
        let [i, j] = self.nscount.to_be_bytes();
        let [k, l] = self.arcount.to_be_bytes();
        [a, b, c, d, e, f, g, h, i, j, k, l]
    }
}

/// Reads a 16-bit number at `at`.
pub(crate) fn u16_at(octets: &[u8], at: usize) -> Result<u16, WireError> {
    octets
        .get(at..)
        .and_then(|rest| rest.first_chunk::<2>())
        .map(|pair| u16::from_be_bytes(*pair))
        .ok_or(WireError::Truncated)
}

/// Reads a 32-bit number at `at`.
pub(crate) fn u32_at(octets: &[u8], at: usize) -> Result<u32, WireError> {
    octets
        .get(at..)
        .and_then(|rest| rest.first_chunk::<4>())
        .map(|four| u32::from_be_bytes(*four))
        .ok_or(WireError::Truncated)
}
