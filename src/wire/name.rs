//! What is a domain name? Uncompressed wire octets, compared without regard to ASCII case.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use smallvec::SmallVec;

use super::WireError;

/// Longest name in wire form, root label included (RFC 1035 section 2.3.4).
pub const MAX_NAME: usize = 255;
/// Longest label (RFC 1035 section 2.3.4).
pub const MAX_LABEL: usize = 63;
/// Compression pointers that lead to nothing but another pointer, per message at most (CVE-2024-8508,
/// CVE-2026-44390; Unbound's number).
///
/// A pointer that leads to a label is free: a name has at most 127 of those, so it costs at most 254 steps, and an honest
/// reply may have one per record (1,500 A records below one CNAME target have 3,000). What an honest writer has no
/// need for, a pointer to a pointer, is what makes work out of nothing and is counted.
pub const MAX_POINTERS: u32 = 120;

/// A domain name: uncompressed wire form, root label included, case kept as received.
///
/// Equality, hash and order ignore ASCII case (RFC 4343); the order is the canonical one of RFC 4034 section 6.1.
#[derive(Clone)]
pub struct Name(SmallVec<[u8; 40]>);

impl Name {
    /// The root.
    #[must_use]
    pub fn root() -> Self {
        Self(SmallVec::from_slice(&[0]))
    }

    /// Reads an uncompressed name that fills `wire` exactly.
    ///
    /// # Errors
    /// Any rule of RFC 1035 section 3.1 that does not hold, a pointer included.
    pub fn from_wire(wire: &[u8]) -> Result<Self, WireError> {
        let mut at = 0;
        let name = Self::parse(wire, &mut at, &mut MAX_POINTERS.clone())?;
        if at == wire.len() && name.0.len() == wire.len() {
            Ok(name)
        } else {
            Err(WireError::BadLabel)
        }
    }

    /// Reads a possibly compressed name of `message` that starts at `*at`, and moves `*at` behind it.
    ///
    /// Pointers must point backwards, strictly before the place the name (or the last pointer target) began, so the
    /// walk ends. A pointer found where the last one led, without a label between, takes one from `pointers_left`, which
    /// the caller starts at [`MAX_POINTERS`] per message. Work per name is at most 254 steps beyond those.
    ///
    /// # Errors
    /// `Truncated`, `BadLabel`, `NameTooLong`, `BadPointer`, `TooManyPointers`.
    pub fn parse(
        message: &[u8],
        at: &mut usize,
        pointers_left: &mut u32,
    ) -> Result<Self, WireError> {
        let mut octets = SmallVec::new();
        let mut position = *at;
        let mut segment_start = *at;
        let mut jumped = false;
        loop {
            let length = *message.get(position).ok_or(WireError::Truncated)?;
            match length {
                0 => {
                    octets.push(0);
                    if !jumped {
                        *at = position + 1;
                    }
                    return Ok(Self(octets));
                }
                1..=63 => {
                    let end = position + 1 + usize::from(length);
                    let label = message.get(position..end).ok_or(WireError::Truncated)?;
                    if octets.len() + label.len() + 1 > MAX_NAME {
                        return Err(WireError::NameTooLong);
                    }
                    octets.extend_from_slice(label);
                    position = end;
                }
                0xC0.. => {
                    let low = *message.get(position + 1).ok_or(WireError::Truncated)?;
                    let target = usize::from(u16::from_be_bytes([length & 0x3F, low]));
                    if jumped && position == segment_start {
                        *pointers_left = pointers_left
                            .checked_sub(1)
                            .ok_or(WireError::TooManyPointers)?;
                    }
                    if target >= segment_start {
                        return Err(WireError::BadPointer);
                    }
                    if !jumped {
                        *at = position + 2;
                        jumped = true;
                    }
                    segment_start = target;
                    position = target;
                }
                _ => return Err(WireError::BadLabel),
            }
        }
    }

    /// The octets, root label included.
    #[must_use]
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// The octets in lower case, the form that keys and hashes use.
    #[must_use]
    pub fn to_lower_wire(&self) -> SmallVec<[u8; 40]> {
        self.0.iter().map(u8::to_ascii_lowercase).collect()
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// The labels from left to right, the root label left out.
    pub fn labels(&self) -> Labels<'_> {
        Labels { rest: &self.0 }
    }

    /// How many labels there are, the root label not counted.
    #[must_use]
    pub fn label_count(&self) -> usize {
        self.labels().count()
    }

    /// The name without its leftmost label; nothing for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let length = usize::from(*self.0.first()?);
        if length == 0 {
            return None;
        }
        self.0
            .get(length + 1..)
            .map(|rest| Self(SmallVec::from_slice(rest)))
    }

    /// The last `labels` labels: `www.example.com`.suffix(2) is `example.com`. All of it if it has fewer.
    #[must_use]
    pub fn suffix(&self, labels: usize) -> Self {
        let mut rest: &[u8] = &self.0;
        for _ in labels..self.label_count() {
            let length = rest.first().map_or(0, |length| usize::from(*length));
            rest = rest.get(length + 1..).unwrap_or(&[0]);
        }
        Self(SmallVec::from_slice(rest))
    }

    /// Whether this name is `ancestor` or below it (RFC 9499 "in-domain").
    #[must_use]
    pub fn is_within(&self, ancestor: &Self) -> bool {
        let mut rest: &[u8] = &self.0;
        loop {
            match rest.len().cmp(&ancestor.0.len()) {
                Ordering::Less => return false,
                Ordering::Equal => return rest.eq_ignore_ascii_case(&ancestor.0),
                Ordering::Greater => {
                    let length = rest.first().map_or(0, |length| usize::from(*length));
                    rest = match rest.get(length + 1..) {
                        Some(next) if length > 0 => next,
                        _ => return false,
                    };
                }
            }
        }
    }

    /// `label` put in front.
    ///
    /// # Errors
    /// `BadLabel` for an empty label or one over 63 octets, `NameTooLong` past 255 octets.
    pub fn child(&self, label: &[u8]) -> Result<Self, WireError> {
        let length = u8::try_from(label.len())
            .ok()
            .filter(|length| (1..=63).contains(length))
            .ok_or(WireError::BadLabel)?;
        if self.0.len() + label.len() + 1 > MAX_NAME {
            return Err(WireError::NameTooLong);
        }
        let mut octets = SmallVec::new();
        octets.push(length);
        octets.extend_from_slice(label);
        octets.extend_from_slice(&self.0);
        Ok(Self(octets))
    }

    /// This name with its ancestor `from` replaced by `to`, as DNAME does (RFC 6672 section 2.2).
    ///
    /// # Errors
    /// `BadText` if it is not strictly below `from`; `NameTooLong` if the result would be over 255 octets (YXDOMAIN).
    pub fn rebase(&self, from: &Self, to: &Self) -> Result<Self, WireError> {
        if !self.is_within(from) || self.0.len() == from.0.len() {
            return Err(WireError::BadText);
        }
        let kept = self
            .0
            .get(..self.0.len() - from.0.len())
            .ok_or(WireError::BadText)?;
        if kept.len() + to.0.len() > MAX_NAME {
            return Err(WireError::NameTooLong);
        }
        let mut octets = SmallVec::from_slice(kept);
        octets.extend_from_slice(&to.0);
        Ok(Self(octets))
    }
}

/// The labels of a name, left to right.
#[derive(Clone, Debug)]
pub struct Labels<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (&length, rest) = self.rest.split_first()?;
        if length == 0 {
            return None;
        }
        let (label, rest) = rest.split_at_checked(usize::from(length))?;
        self.rest = rest;
        Some(label)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        // Length octets are at most 63, below 'A', so folding the whole string folds only label text.
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.to_lower_wire());
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        let mine: SmallVec<[&[u8]; 16]> = self.labels().collect();
        let theirs: SmallVec<[&[u8]; 16]> = other.labels().collect();
        let folded = |label: &[u8]| -> SmallVec<[u8; 64]> {
            label.iter().map(u8::to_ascii_lowercase).collect()
        };
        for (mine, theirs) in mine.iter().rev().zip(theirs.iter().rev()) {
            match folded(mine).cmp(&folded(theirs)) {
                Ordering::Equal => {}
                unequal => return unequal,
            }
        }
        mine.len().cmp(&theirs.len())
    }
}

impl fmt::Display for Name {
    /// Presentation form with a final dot; octets that need it are escaped (RFC 1035 section 5.1, RFC 4343 section 2.1).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        for label in self.labels() {
            for &octet in label {
                match octet {
                    b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                        write!(f, "\\{}", char::from(octet))?
                    }
                    0x21..=0x7E => write!(f, "{}", char::from(octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Name {
    type Err = WireError;

    /// Reads presentation form; always absolute, the final dot may be left out.
    fn from_str(text: &str) -> Result<Self, WireError> {
        if text == "." {
            return Ok(Self::root());
        }
        let mut octets: SmallVec<[u8; 40]> = SmallVec::new();
        let mut label: SmallVec<[u8; 64]> = SmallVec::new();
        let mut bytes = text.bytes();
        let mut ended = false;
        let mut finish = |label: &mut SmallVec<[u8; 64]>| -> Result<(), WireError> {
            let length = u8::try_from(label.len())
                .ok()
                .filter(|length| (1..=63).contains(length))
                .ok_or(WireError::BadLabel)?;
            octets.push(length);
            octets.extend_from_slice(label);
            label.clear();
            Ok(())
        };
        while let Some(byte) = bytes.next() {
            ended = false;
            match byte {
                b'.' => {
                    finish(&mut label)?;
                    ended = true;
                }
                b'\\' => match bytes.next().ok_or(WireError::BadText)? {
                    first @ b'0'..=b'9' => {
                        let mut value = u16::from(first - b'0');
                        for _ in 0..2 {
                            let digit = bytes
                                .next()
                                .filter(u8::is_ascii_digit)
                                .ok_or(WireError::BadText)?;
                            value = value * 10 + u16::from(digit - b'0');
                        }
                        label.push(u8::try_from(value).map_err(|_| WireError::BadText)?);
                    }
                    other => label.push(other),
                },
                other => label.push(other),
            }
        }
        if !ended {
            finish(&mut label)?;
        }
        octets.push(0);
        if octets.len() > MAX_NAME {
            Err(WireError::NameTooLong)
        } else {
            Ok(Self(octets))
        }
    }
}
