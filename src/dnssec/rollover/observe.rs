//! What does one DNSKEY set of the zone change? The events of RFC 5011 section 4.1, each from the set alone.

use super::super::key::{Dnskey, Key};
use super::super::rrsig::Rrsig;
use super::super::verify::verify_by;
use super::super::{Allowance, Clock};
use super::{
    ADD_HOLD_DOWN, Change, CheckResult, KeyId, MOST_KEYS, Pace, REMOVE_HOLD_DOWN, State,
    TrackedKey, TrustPoint,
};
use crate::wire::{RecordType, Rrset};

/// The keys that signed a set and were trusted when they did, and what the signatures say of time.
struct Vouched {
    by: Vec<KeyId>,
    pace: Pace,
}

impl TrustPoint {
    /// Takes in a DNSKEY set of the zone as received, with all its signatures, and says what has changed.
    ///
    /// Revocations count if the revoked key has signed the set (section 2.1); all else counts only if a key has that is trusted
    /// after them. `allowance` pays for at most two signatures of each trusted key.
    pub fn observe(
        &mut self,
        dnskey: &Rrset,
        clock: Clock,
        allowance: &mut Allowance,
    ) -> Vec<Change> {
        let at = clock.at;
        let mut changes = Vec::new();
        if dnskey.rtype != RecordType::DNSKEY || dnskey.owner != *self.zone() {
            self.failed(CheckResult::NotValidated, at);
            return changes;
        }
        let shown: Vec<Dnskey<'_>> = dnskey
            .rdata
            .iter()
            .filter_map(Dnskey::read)
            .filter(|key| key.is_zone_key() && key.protocol == 3 && key.is_followed())
            .collect();
        self.revoke(dnskey, &shown, clock, allowance, &mut changes);
        let Some(vouched) = self.vouched(dnskey, &shown, clock, allowance) else {
            self.failed(CheckResult::NotValidated, at);
            return changes;
        };
        let shown: Vec<Dnskey<'_>> = shown
            .into_iter()
            .filter(|key| {
                let revoked = key.is_revoked();
                // In its revoked form a key counts as there only for how long it is watched.
                !revoked || self.find(key).is_some_and(TrackedKey::is_revoked)
            })
            .collect();
        self.age(&shown, &vouched, at, &mut changes);
        self.meet(&shown, &vouched, at, &mut changes);
        self.memory.pace = Some(vouched.pace);
        self.memory.last_check = Some((at, CheckResult::Validated));
        self.memory.last_validated = Some(at);
        self.memory.next_check = at.saturating_add(vouched.pace.interval());
        changes
    }

    /// RevBit: keys that were trusted and now revoke themselves.
    fn revoke(
        &mut self,
        dnskey: &Rrset,
        shown: &[Dnskey<'_>],
        clock: Clock,
        allowance: &mut Allowance,
        changes: &mut Vec<Change>,
    ) {
        for key in shown.iter().filter(|key| key.is_revoked()) {
            let plain = key.unrevoked();
            let Some(before) = Dnskey::read(&plain) else {
                continue;
            };
            let trusted = match self.find(key) {
                Some(known) => known.is_trusted(),
                None => self.names(&before),
            };
            if !trusted || self.signed_by(dnskey, key, clock, allowance).is_none() {
                continue;
            }
            let revoked = State::Revoked { absent_since: None };
            match self.find_mut(key) {
                Some(known) => {
                    changes.push(Change::of(&before, known.state.word(), revoked.word()));
                    known.enter(revoked, clock.at);
                }
                None => {
                    changes.push(Change::of(&before, "start", revoked.word()));
                    let key = TrackedKey::new(&plain, revoked, clock.at);
                    self.memory.keys.push(key);
                }
            }
        }
    }

    /// Which of the keys that are trusted have signed the set; nothing if none has.
    fn vouched(
        &self,
        dnskey: &Rrset,
        shown: &[Dnskey<'_>],
        clock: Clock,
        allowance: &mut Allowance,
    ) -> Option<Vouched> {
        let mut vouched: Option<Vouched> = None;
        for key in shown.iter().filter(|key| key.may_sign()) {
            let trusted = match self.find(key) {
                Some(known) => known.is_trusted(),
                None => self.names(key),
            };
            if !trusted {
                continue;
            }
            let Some(pace) = self.signed_by(dnskey, key, clock, allowance) else {
                continue;
            };
            let id = KeyId::of_key(key);
            match &mut vouched {
                None => {
                    vouched = Some(Vouched { by: vec![id], pace });
                }
                Some(vouched) => {
                    vouched.by.push(id);
                    vouched.pace = Pace {
                        original_ttl: vouched.pace.original_ttl.min(pace.original_ttl),
                        lifetime: vouched.pace.lifetime.min(pace.lifetime),
                    };
                }
            }
        }
        vouched
    }

    /// Whether `key` has signed the set, and what its signature says of time.
    fn signed_by(
        &self,
        dnskey: &Rrset,
        key: &Dnskey<'_>,
        clock: Clock,
        allowance: &mut Allowance,
    ) -> Option<Pace> {
        let signer: Key = key.as_signer()?;
        let verified = verify_by(dnskey, self.zone(), &[signer], clock, allowance).ok()?;
        let rrsig = Rrsig::read(verified.set.rrsigs.iter().next()?)?;
        Some(Pace {
            original_ttl: rrsig.original_ttl,
            lifetime: rrsig.time_left(clock).ok()?,
        })
    }

    /// What a validated set does to the keys that are known: AddTime, KeyRem, KeyPres, RemTime.
    fn age(&mut self, shown: &[Dnskey<'_>], vouched: &Vouched, at: u64, changes: &mut Vec<Change>) {
        let revoked: Vec<KeyId> = self.ids(TrackedKey::is_revoked);
        let known: Vec<KeyId> = self.ids(|_| true);
        let gone = |voucher: &KeyId| revoked.contains(voucher) || !known.contains(voucher);
        let mut kept = Vec::with_capacity(self.memory.keys.len());
        for mut key in std::mem::take(&mut self.memory.keys) {
            let present = shown.iter().any(|shown| key.is(shown));
            let from = key.state.word();
            let next = match &mut key.state {
                State::Pending { .. } if !present => {
                    changes.extend(key.dnskey().map(|key| Change::of(&key, from, "start")));
                    continue;
                }
                State::Pending {
                    hold_down,
                    vouchers,
                } => {
                    if key.since > at || vouchers.iter().all(gone) {
                        Some(State::Pending {
                            hold_down: hold_down_for(vouched),
                            vouchers: vouched.by.clone(),
                        })
                    } else if at - key.since >= *hold_down {
                        Some(State::Valid)
                    } else {
                        None
                    }
                }
                State::Valid => (!present).then_some(State::Missing),
                State::Missing => present.then_some(State::Valid),
                State::Revoked { absent_since } => {
                    let since = absent_since.filter(|since| *since <= at).unwrap_or(at);
                    *absent_since = (!present).then_some(since);
                    (!present && at - since >= REMOVE_HOLD_DOWN).then_some(State::Removed)
                }
                State::Removed => None,
            };
            if let Some(next) = next {
                changes.extend(key.dnskey().map(|key| Change::of(&key, from, next.word())));
                key.enter(next, at);
            }
            kept.push(key);
        }
        self.memory.keys = kept;
    }

    /// Keys of a validated set that were not known: what is configured is valid at once, new entry points wait (NewKey).
    fn meet(
        &mut self,
        shown: &[Dnskey<'_>],
        vouched: &Vouched,
        at: u64,
        changes: &mut Vec<Change>,
    ) {
        for key in shown.iter().filter(|key| key.may_sign()) {
            if self.find(key).is_some() {
                continue;
            }
            let state = if self.names(key) {
                State::Valid
            } else if key.flags & Dnskey::SECURE_ENTRY_POINT != 0 && self.make_room() {
                State::Pending {
                    hold_down: hold_down_for(vouched),
                    vouchers: vouched.by.clone(),
                }
            } else {
                continue;
            };
            changes.push(Change::of(key, "start", state.word()));
            self.memory
                .keys
                .push(TrackedKey::new(key.rdata(), state, at));
        }
    }

    /// Whether another new key can be remembered. A removed one that no configured anchor names may make room.
    fn make_room(&mut self) -> bool {
        if self.memory.keys.len() < MOST_KEYS {
            return true;
        }
        let dispensable = self.memory.keys.iter().position(|key| {
            key.state == State::Removed && key.dnskey().is_none_or(|key| !self.names(&key))
        });
        dispensable
            .map(|index| self.memory.keys.remove(index))
            .is_some()
    }

    fn find(&self, dnskey: &Dnskey<'_>) -> Option<&TrackedKey> {
        self.memory.keys.iter().find(|key| key.is(dnskey))
    }

    fn find_mut(&mut self, dnskey: &Dnskey<'_>) -> Option<&mut TrackedKey> {
        self.memory.keys.iter_mut().find(|key| key.is(dnskey))
    }

    fn ids(&self, which: impl Fn(&TrackedKey) -> bool) -> Vec<KeyId> {
        let keys = self.memory.keys.iter().filter(|key| which(key));
        keys.filter_map(|key| key.dnskey().map(|key| KeyId::of_key(&key)))
            .collect()
    }
}

impl Change {
    fn of(dnskey: &Dnskey<'_>, from: &'static str, to: &'static str) -> Self {
        Self {
            tag: dnskey.tag(),
            algorithm: dnskey.algorithm,
            from,
            to,
        }
    }
}

/// 30 days, or the TTL of the set in which the key was first seen if that is longer (section 2.4.1).
fn hold_down_for(vouched: &Vouched) -> u64 {
    ADD_HOLD_DOWN.max(u64::from(vouched.pace.original_ttl))
}
