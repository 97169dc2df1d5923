//! Is there a reply ready to send? A worker's own table of wire-form replies: no lock, no allocation on a hit.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;
use smallvec::SmallVec;

use super::CLOCK_SLACK;
use crate::sys::clock::Now;
use crate::wire::header::HEADER_LEN;
use crate::wire::{Flags, QueryView};

/// Replies over this size (without OPT) are not kept: those clients come by TCP or rarely.
pub const MAX_BODY: usize = 4096;
/// Slots that one hash can choose from.
const WAYS: usize = 4;
/// Fingerprints of names seen once, per slot.
const DOORS_PER_SLOT: usize = 4;

/// Ready-made replies to the questions asked most, in a fixed number of slots.
///
/// A reply is found by a keyed hash of lower-case name, type, DO and CD, and then compared in full, so that no name ever gets
/// another's reply. A question enters at its second sighting only: a flood of names asked once changes nothing here.
/// Not shared: each worker has its own.
#[derive(Debug)]
pub struct AnswerTable {
    hasher: SipHasher13,
    /// Hashes apart from the slots: a look-up touches one cache line until it has found something.
    tags: Vec<[u64; WAYS]>,
    slots: Vec<[Slot; WAYS]>,
    doors: Vec<u16>,
    ticks: u32,
}

/// What a look-up found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The reply was appended, without an OPT record.
    Hit,
    /// There is a reply, but it is longer than the client can take.
    TooBig,
    /// There is none.
    Miss,
}

/// A reply to be kept.
#[derive(Clone, Copy, Debug)]
pub struct ReadyMade<'a> {
    /// The message up to its OPT record, question included; not truncated, and with nothing to say in an OPT record but its
    /// presence (no EDE).
    pub body: &'a [u8],
    /// Whether ARCOUNT in `body` counts an OPT record that was written behind it.
    pub counts_opt: bool,
    /// Where the TTL fields stand.
    pub ttl_offsets: &'a [u16],
    /// Seconds it may be used: the lowest TTL in it, or less (`answer::Composed::lifetime`). 0 is not kept.
    pub lifetime: u32,
    /// The generation of the cache it was made from.
    pub generation: u64,
}

#[derive(Debug, Default)]
struct Slot {
    body: Vec<u8>,
    ttl_offsets: SmallVec<[u16; 8]>,
    /// DO and CD of the query it answers.
    variant: u8,
    /// When it was last used, in look-ups.
    used: u32,
    /// Wall seconds.
    stored: u64,
    /// Wall seconds.
    expires: u64,
    generation: u64,
}

impl AnswerTable {
    /// A table of `slots` replies, rounded up to a power of two; 0 makes one that never holds anything.
    #[must_use]
    pub fn new(slots: usize, secret0: u64, secret1: u64) -> Self {
        let sets = if slots == 0 {
            0
        } else {
            slots.div_ceil(WAYS).next_power_of_two()
        };
        Self {
            hasher: SipHasher13::new_with_keys(secret0, secret1),
            tags: vec![[0; WAYS]; sets],
            slots: std::iter::repeat_with(<[Slot; WAYS]>::default)
                .take(sets)
                .collect(),
            doors: vec![0; sets * WAYS * DOORS_PER_SLOT],
            ticks: 0,
        }
    }

    /// Appends the reply to `query` to `out`, if there is one of at most `room` octets that is still good: with the query's ID,
    /// RD, CD and spelling of the name, and the TTLs left. The caller adds OPT.
    ///
    /// Good means: made from the present `generation` of the cache, its lifetime not over, the wall clock not back by more than
    /// five seconds. Never allocates, except to grow `out`.
    pub fn lookup(
        &mut self,
        query: &QueryView<'_>,
        room: usize,
        generation: u64,
        now: Now,
        out: &mut Vec<u8>,
    ) -> Found {
        let hash = self.hash(query);
        let Some(set) = self.set(hash) else {
            return Found::Miss;
        };
        let (Some(tags), Some(slots)) = (self.tags.get(set), self.slots.get_mut(set)) else {
            return Found::Miss;
        };
        let wall = now.wall_secs();
        let hit = tags
            .iter()
            .zip(slots)
            .filter(|(tag, _)| **tag == hash)
            .map(|(_, slot)| slot)
            .find(|slot| slot.answers(query));
        let Some(slot) = hit.filter(|slot| slot.is_good(generation, wall)) else {
            return Found::Miss;
        };
        if slot.body.len() > room {
            return Found::TooBig;
        }
        self.ticks = self.ticks.wrapping_add(1);
        slot.used = self.ticks;
        slot.write(query, wall, out);
        Found::Hit
    }

    /// Keeps a reply to `query`, at its second sighting, in place of the least recently used of its four slots. Says whether it is
    /// kept.
    pub fn insert(&mut self, query: &QueryView<'_>, ready: &ReadyMade<'_>, now: Now) -> bool {
        let name_end = HEADER_LEN + query.qname_wire.len() + 4;
        if ready.lifetime == 0 || ready.body.len() > MAX_BODY || ready.body.len() < name_end {
            return false;
        }
        let hash = self.hash(query);
        let Some(set) = self.set(hash) else {
            return false;
        };
        let (Some(tags), Some(slots)) = (self.tags.get_mut(set), self.slots.get_mut(set)) else {
            return false;
        };
        let wall = now.wall_secs();
        let known = tags
            .iter_mut()
            .zip(slots.iter_mut())
            .find(|(tag, slot)| **tag == hash && slot.answers(query));
        let place = match known {
            Some(place) => Some(place),
            None if !was_seen(&mut self.doors, hash) => None,
            None => {
                let ticks = self.ticks;
                tags.iter_mut()
                    .zip(slots.iter_mut())
                    .max_by_key(|(_, slot)| {
                        let spent = !slot.is_good(ready.generation, wall);
                        (spent, ticks.wrapping_sub(slot.used))
                    })
            }
        };
        let Some((tag, slot)) = place else {
            return false;
        };
        *tag = hash;
        self.ticks = self.ticks.wrapping_add(1);
        slot.used = self.ticks;
        slot.fill(query, ready, wall);
        true
    }

    /// Replies held, good or not.
    #[must_use]
    pub fn len(&self) -> usize {
        let filled = |set: &[Slot; WAYS]| set.iter().filter(|slot| !slot.body.is_empty()).count();
        self.slots.iter().map(filled).sum()
    }

    /// Whether no reply is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn hash(&self, query: &QueryView<'_>) -> u64 {
        let mut lower = [0_u8; 256];
        for (to, from) in lower.iter_mut().zip(query.qname_wire) {
            *to = from.to_ascii_lowercase();
        }
        let mut hasher = self.hasher;
        hasher.write(lower.get(..query.qname_wire.len()).unwrap_or(&lower));
        hasher.write_u32(u32::from(query.qtype.0) << 8 | u32::from(variant(query)));
        // 0 marks an empty slot's tag.
        hasher.finish().max(1)
    }

    fn set(&self, hash: u64) -> Option<usize> {
        let mask = u64::try_from(self.tags.len().checked_sub(1)?).ok()?;
        usize::try_from(hash & mask).ok()
    }
}

/// Whether this hash knocked before; if not, it has now. Doors are shared: a flood makes names knock again, no more.
fn was_seen(doors: &mut [u16], hash: u64) -> bool {
    let [.., high0, high1] = hash.rotate_left(16).to_be_bytes();
    // 0 marks a door nobody knocked at.
    let print = u16::from_be_bytes([high0, high1]).max(1);
    let mask = u64::try_from(doors.len().saturating_sub(1)).unwrap_or(0);
    let at = usize::try_from((hash >> 8) & mask).unwrap_or(0);
    doors
        .get_mut(at)
        .is_some_and(|door| std::mem::replace(door, print) == print)
}

/// What else than name, type and class a reply depends on. (DO asks for AD already: RFC 6840 section 5.7.)
fn variant(query: &QueryView<'_>) -> u8 {
    let wants_ad = query.flags.ad() && !query.dnssec_ok();
    u8::from(query.dnssec_ok()) | u8::from(query.flags.cd()) << 1 | u8::from(wants_ad) << 2
}

impl Slot {
    /// Whether this is a reply to the same question.
    fn answers(&self, query: &QueryView<'_>) -> bool {
        let name_end = HEADER_LEN + query.qname_wire.len();
        let [type_high, type_low] = query.qtype.0.to_be_bytes();
        let [class_high, class_low] = query.qclass.0.to_be_bytes();
        let behind = [type_high, type_low, class_high, class_low];
        self.variant == variant(query)
            && self
                .body
                .get(HEADER_LEN..name_end)
                .is_some_and(|name| name.eq_ignore_ascii_case(query.qname_wire))
            && self.body.get(name_end..name_end + 4) == Some(&behind)
    }

    const fn is_good(&self, generation: u64, wall: u64) -> bool {
        self.generation == generation
            && wall < self.expires
            && wall.saturating_add(CLOCK_SLACK) >= self.stored
    }

    fn write(&self, query: &QueryView<'_>, wall: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.body);
        let Some(reply) = out.get_mut(start..) else {
            return;
        };
        if let Some((id_and_flags, _)) = reply.split_first_chunk_mut::<4>() {
            let [_, _, high, low] = *id_and_flags;
            let flags = Flags(u16::from_be_bytes([high, low]))
                .with_rd(query.flags.rd())
                .with_cd(query.flags.cd());
            let [id_high, id_low] = query.id.to_be_bytes();
            let [high, low] = flags.0.to_be_bytes();
            *id_and_flags = [id_high, id_low, high, low];
        }
        if let Some(name) = reply.get_mut(HEADER_LEN..HEADER_LEN + query.qname_wire.len()) {
            name.copy_from_slice(query.qname_wire);
        }
        let age = u32::try_from(wall.saturating_sub(self.stored)).unwrap_or(u32::MAX);
        if age == 0 {
            return;
        }
        for offset in &self.ttl_offsets {
            let field = reply
                .get_mut(usize::from(*offset)..)
                .and_then(|rest| rest.first_chunk_mut::<4>());
            if let Some(field) = field {
                *field = u32::from_be_bytes(*field).saturating_sub(age).to_be_bytes();
            }
        }
    }

    fn fill(&mut self, query: &QueryView<'_>, ready: &ReadyMade<'_>, wall: u64) {
        self.body.clear();
        if self.body.capacity() > ready.body.len() * 4 + 512 {
            self.body = Vec::new();
        }
        self.body.extend_from_slice(ready.body);
        if ready.counts_opt
            && let Some(arcount) = self
                .body
                .get_mut(10..)
                .and_then(|rest| rest.first_chunk_mut::<2>())
        {
            *arcount = u16::from_be_bytes(*arcount).saturating_sub(1).to_be_bytes();
        }
        self.ttl_offsets.clear();
        self.ttl_offsets.extend_from_slice(ready.ttl_offsets);
        self.variant = variant(query);
        self.stored = wall;
        self.expires = wall.saturating_add(u64::from(ready.lifetime));
        self.generation = ready.generation;
    }
}
