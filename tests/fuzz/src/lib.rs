//! What do several fuzz targets need? Bytes taken from the fuzzer's input one piece at a time, sets compared but for case, and no chance but
//! the fuzzer's.

use std::sync::atomic::{AtomicU64, Ordering};

use suimon::wire::Rrset;

/// The C library's function of this name, for whoever asks in this process (keys of hash tables, secrets, dice): the same octets in every
/// run (SplitMix64), so that an input does the same each time, and the fuzzer learns the same from it. libFuzzer's own seed is an option.
///
/// # Safety
/// As the system call's: `buffer` has room for `length` octets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    for place in (0..length).step_by(8) {
        let drawn = DRAWN.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let mixed = drawn.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let octets = (mixed ^ (mixed >> 31)).to_le_bytes();
        let room = (length - place).min(octets.len());
        // SAFETY: `place + room` is at most `length`, for which there is room.
        unsafe { std::ptr::copy_nonoverlapping(octets.as_ptr(), buffer.add(place), room) };
    }
    isize::try_from(length).unwrap_or(isize::MAX)
}

/// The fuzzer's input, read from the front. When it is used up every number is 0 and every piece empty, so a run ends.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// One octet.
    pub fn u8(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// Two octets.
    pub fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.u8(), self.u8()])
    }

    /// Sixteen octets.
    pub fn u128(&mut self) -> u128 {
        (0..16).fold(0, |number, _| number << 8 | u128::from(self.u8()))
    }

    /// One of `some`, which must not be empty.
    pub fn pick<'s, T>(&mut self, some: &'s [T]) -> &'s T {
        &some[usize::from(self.u8()) % some.len()]
    }

    /// A piece with its 16-bit length in front, cut short where the input ends.
    pub fn piece(&mut self) -> &'a [u8] {
        let length = usize::from(self.u16());
        let (piece, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        piece
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Sets in a form that equals that of sets which went through name compression, which may change the case of names
/// (RFC 4343): lower case, in order, without repeats.
#[must_use]
pub fn folded(sets: &[Rrset]) -> Vec<(String, u16, u32, Vec<Vec<u8>>, Vec<Vec<u8>>)> {
    let fold = |octets: &[u8]| octets.to_ascii_lowercase();
    let mut all: Vec<_> = sets
        .iter()
        .map(|set| {
            let mut rdata: Vec<_> = set.rdata.iter().map(fold).collect();
            let mut rrsigs: Vec<_> = set.rrsigs.iter().map(fold).collect();
            rdata.sort();
            rdata.dedup();
            rrsigs.sort();
            rrsigs.dedup();
            (
                set.owner.to_string().to_lowercase(),
                set.rtype.0,
                set.ttl,
                rdata,
                rrsigs,
            )
        })
        .collect();
    all.sort();
    all
}
