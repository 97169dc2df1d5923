//! Does trust move as RFC 5011 section 4 says, and by nothing else? Every transition under a clock that the test moves.

use proptest::prelude::*;

use super::super::algorithm::{Accepted, Algorithm};
use super::*;
use crate::dnssec::{Allowance, Clock, Rrsig};
use crate::drill::signing::{KEY_SIGNING, Signer, Validity, ZONE_SIGNING};
use crate::wire::{RecordType, Rrset};

const START: u64 = 1_800_000_000;
const TTL: u32 = 172_800;
const REVOKED: u16 = KEY_SIGNING | Dnskey::REVOKE;

fn zone() -> Name {
    "example.".parse().unwrap()
}

fn key(seed: u64) -> Signer {
    Signer::new(&zone(), Algorithm::Ed25519, seed, KEY_SIGNING).unwrap()
}

fn revoked(seed: u64) -> Signer {
    key(seed).with_flags(REVOKED)
}

fn rrset(rtype: RecordType, rdata: &[Vec<u8>]) -> Rrset {
    Rrset {
        owner: zone(),
        rtype,
        ttl: TTL,
        rdata: RdataSet::new(rdata.iter().map(Vec::as_slice)),
        rrsigs: RdataSet::default(),
    }
}

fn ds(signers: &[Signer]) -> Anchor {
    let ds: Vec<Vec<u8>> = signers
        .iter()
        .map(|key| key.ds(DigestType::Sha256))
        .collect();
    Anchor::new(&rrset(RecordType::DS, &ds))
}

/// The DNSKEY set of `keys`, signed by `by`, for ten days around `at`.
fn set(keys: &[Signer], by: &[Signer], at: u64) -> Rrset {
    let rdata: Vec<Vec<u8>> = keys.iter().map(Signer::dnskey).collect();
    let unsigned = rrset(RecordType::DNSKEY, &rdata);
    let at = u32::try_from(at).unwrap();
    let validity = Validity {
        inception: at - 86_400,
        expiration: at + 10 * 86_400,
    };
    let rrsigs: Vec<Vec<u8>> = by
        .iter()
        .map(|by| by.sign(&unsigned, validity).unwrap())
        .collect();
    Rrset {
        rrsigs: RdataSet::new(rrsigs.iter().map(Vec::as_slice)),
        ..unsigned
    }
}

/// A trust point under test and its clock.
struct Case {
    point: TrustPoint,
    at: u64,
}

impl Case {
    fn new(anchor: Anchor) -> Self {
        Self {
            point: TrustPoint::new(anchor),
            at: START,
        }
    }

    /// Anchored by the DS of key 1, which it has met.
    fn met() -> Self {
        let mut case = Self::new(ds(&[key(1)]));
        assert_eq!(case.see(&[key(1)], &[key(1)]), ["1 start>valid"]);
        case
    }

    /// Days pass; fractions as seconds.
    fn pass(&mut self, seconds: u64) -> &mut Self {
        self.at += seconds;
        self
    }

    /// What the zone shows now; the changes, keys told by their seed.
    fn see(&mut self, keys: &[Signer], by: &[Signer]) -> Vec<String> {
        let set = set(keys, by, self.at);
        self.see_set(&set)
    }

    fn see_set(&mut self, set: &Rrset) -> Vec<String> {
        let clock = Clock {
            at: self.at,
            skew: 0,
        };
        let changes = self.point.observe(set, clock, &mut Allowance::new(64, 0));
        let seed = |tag: u16| {
            (0..40)
                .find(|seed| key(*seed).key_tag() == tag)
                .map_or_else(|| "?".to_owned(), |seed| seed.to_string())
        };
        changes
            .iter()
            .map(|change| format!("{} {}>{}", seed(change.tag), change.from, change.to))
            .collect()
    }

    /// Which keys a DNSKEY set may be signed by to be believed.
    fn trusts(&self) -> Vec<u64> {
        let Some(anchor) = self.point.trusted() else {
            return Vec::new();
        };
        let clock = Clock {
            at: self.at,
            skew: 0,
        };
        (0..12)
            .filter(|seed| {
                let signed = set(&[key(*seed)], &[key(*seed)], self.at);
                crate::dnssec::keys_by_anchor(
                    &zone(),
                    &anchor,
                    &signed,
                    Accepted::default(),
                    clock,
                    &mut Allowance::new(4, 0),
                )
                .is_ok_and(|found| matches!(found, crate::dnssec::KeyFinding::Keys(_)))
            })
            .collect()
    }

    fn result(&self) -> CheckResult {
        self.point.memory().last_check.unwrap().1
    }

    /// The process is gone and another reads what it kept.
    fn restart(&mut self) {
        let (anchor, memory) = (self.point.configured().clone(), self.point.memory().clone());
        self.point = TrustPoint::resume(anchor, memory);
    }
}

#[test]
fn the_keys_that_configured_records_name_are_valid_at_once_and_others_are_not() {
    let mut case = Case::new(ds(&[key(1), key(2), key(3)]));
    assert_eq!(case.trusts(), [1, 2, 3], "before anything was seen");
    let zsk = key(9).with_flags(ZONE_SIGNING);
    assert_eq!(
        case.see(&[key(1), key(2), zsk], &[key(1)]),
        ["1 start>valid", "2 start>valid"]
    );
    assert_eq!(case.trusts(), [1, 2, 3], "3 may be published later");
    // Key 3 turns up, and signs alone.
    assert_eq!(
        case.see(&[key(3)], &[key(3)]),
        ["1 valid>missing", "2 valid>missing", "3 start>valid"]
    );
    assert_eq!(case.trusts(), [1, 2, 3]);
    let anchor = Anchor::new(&rrset(RecordType::DNSKEY, &[key(4).dnskey()]));
    let mut case = Case::new(anchor);
    assert_eq!(case.see(&[key(4)], &[key(4)]), ["4 start>valid"]);
    assert_eq!(case.trusts(), [4]);
}

#[test]
fn a_new_key_is_trusted_after_thirty_days_of_being_seen_and_not_a_second_earlier() {
    let mut case = Case::met();
    assert_eq!(case.see(&[key(1), key(2)], &[key(1)]), ["2 start>pending"]);
    assert_eq!(case.trusts(), [1]);
    case.pass(ADD_HOLD_DOWN - 1);
    assert!(case.see(&[key(1), key(2)], &[key(1)]).is_empty());
    assert_eq!(case.trusts(), [1]);
    case.pass(1);
    assert_eq!(case.trusts(), [1], "only once it is seen again");
    assert_eq!(case.see(&[key(1), key(2)], &[key(1)]), ["2 pending>valid"]);
    assert_eq!(case.trusts(), [1, 2]);
}

#[test]
fn the_hold_down_is_the_ttl_if_that_is_longer() {
    let mut case = Case::met();
    let unsigned = Rrset {
        ttl: 40 * 86_400,
        ..set(&[key(1), key(2)], &[], case.at)
    };
    let at = u32::try_from(case.at).unwrap();
    let validity = Validity {
        inception: at,
        expiration: at + 100 * 86_400,
    };
    let signed = key(1).signed(&unsigned, validity).unwrap();
    assert_eq!(case.see_set(&signed), ["2 start>pending"]);
    case.pass(40 * 86_400 - 1);
    assert!(case.see_set(&signed).is_empty());
    case.pass(1);
    assert_eq!(case.see_set(&signed), ["2 pending>valid"]);
}

#[test]
fn a_key_that_is_gone_once_during_its_hold_down_begins_anew() {
    let mut case = Case::met();
    case.see(&[key(1), key(2)], &[key(1)]);
    case.pass(29 * 86_400);
    assert_eq!(case.see(&[key(1)], &[key(1)]), ["2 pending>start"]);
    case.pass(3_600);
    assert_eq!(case.see(&[key(1), key(2)], &[key(1)]), ["2 start>pending"]);
    case.pass(29 * 86_400);
    assert!(case.see(&[key(1), key(2)], &[key(1)]).is_empty());
    assert_eq!(case.trusts(), [1]);
}

#[test]
fn only_secure_entry_points_of_known_algorithms_become_anchors() {
    let mut case = Case::met();
    let zsk = key(2).with_flags(ZONE_SIGNING);
    let not_of_the_zone = key(3).with_flags(Dnskey::SECURE_ENTRY_POINT);
    assert!(
        case.see(&[key(1), zsk, not_of_the_zone], &[key(1)])
            .is_empty()
    );
    let mut unknown = key(4).dnskey();
    unknown[3] = 200;
    let mut rdata = vec![key(1).dnskey(), unknown];
    rdata.push(revoked(5).dnskey());
    let unsigned = rrset(RecordType::DNSKEY, &rdata);
    let at = u32::try_from(case.at).unwrap();
    let validity = Validity {
        inception: at,
        expiration: at + 100,
    };
    let signed = key(1).signed(&unsigned, validity).unwrap();
    assert!(case.see_set(&signed).is_empty());
    assert_eq!(case.point.memory().keys.len(), 1);
}

#[test]
fn a_missing_key_stays_trusted_and_comes_back() {
    let mut case = Case::new(ds(&[key(1), key(2)]));
    case.see(&[key(1), key(2)], &[key(1)]);
    assert_eq!(case.see(&[key(1)], &[key(1)]), ["2 valid>missing"]);
    case.pass(20 * 365 * 86_400);
    assert_eq!(case.trusts(), [1, 2], "RFC 5011 section 2.2, N.B.");
    assert!(case.see(&[key(1)], &[key(1)]).is_empty());
    assert_eq!(case.see(&[key(2), key(1)], &[key(2)]), ["2 missing>valid"]);
}

#[test]
fn a_key_that_revokes_itself_is_never_trusted_again() {
    let mut case = Case::new(ds(&[key(1), key(2)]));
    case.see(&[key(1), key(2)], &[key(1)]);
    let both = [revoked(1), key(2)];
    assert_eq!(
        case.see(&both, &both),
        ["1 valid>revoked"],
        "at once, without a hold-down"
    );
    assert_eq!(case.trusts(), [2]);
    // Neither its old form nor its DS bring it back.
    assert!(case.see(&[key(1), key(2)], &[key(1), key(2)]).is_empty());
    assert_eq!(case.trusts(), [2]);
    assert!(case.see(&[key(1)], &[key(1)]).is_empty());
    assert_eq!(case.result(), CheckResult::NotValidated);
    assert_eq!(case.trusts(), [2]);
}

#[test]
fn a_revocation_needs_the_signature_of_the_key_itself() {
    let mut case = Case::new(ds(&[key(1), key(2)]));
    case.see(&[key(1), key(2)], &[key(1)]);
    // Key 2 claims that key 1 is revoked: then key 1 is missing, no more.
    let both = [revoked(1), key(2)];
    assert_eq!(case.see(&both, &[key(2)]), ["1 valid>missing"]);
    assert_eq!(case.trusts(), [1, 2]);
    // A signature under the tag of the revoked key that is not by it.
    let mut fake = set(&both, &[key(2)], case.at);
    let honest = Rrsig::read(fake.rrsigs.iter().next().unwrap()).unwrap();
    let validity = Validity {
        inception: honest.inception,
        expiration: honest.expiration,
    };
    let mut fields = revoked(7).fields(&fake, validity);
    fields.key_tag = revoked(1).key_tag();
    let lie = revoked(7).sign_fields(&fake, &fields).unwrap();
    fake.rrsigs = RdataSet::new(fake.rrsigs.iter().chain([lie.as_slice()]));
    assert!(case.see_set(&fake).is_empty());
    assert_eq!(case.trusts(), [1, 2]);
    assert_eq!(case.see(&both, &[revoked(1)]), ["1 missing>revoked"]);
    assert_eq!(
        case.result(),
        CheckResult::NotValidated,
        "but revoked it is"
    );
}

#[test]
fn an_expired_signature_neither_revokes_nor_vouches() {
    let mut case = Case::new(ds(&[key(1), key(2)]));
    case.see(&[key(1), key(2)], &[key(1)]);
    let old = set(&[revoked(1), key(2)], &[revoked(1), key(2)], case.at);
    case.pass(11 * 86_400);
    assert!(case.see_set(&old).is_empty());
    assert_eq!(case.result(), CheckResult::NotValidated);
    assert_eq!(case.trusts(), [1, 2]);
}

#[test]
fn a_key_that_was_never_met_can_be_revoked_too() {
    let mut case = Case::new(ds(&[key(1), key(2)]));
    assert_eq!(
        case.see(&[revoked(1), key(2)], &[revoked(1), key(2)]),
        ["1 start>revoked", "2 start>valid"]
    );
    assert_eq!(case.trusts(), [2]);
    // One that is neither trusted nor configured is of no interest.
    assert!(
        case.see(&[revoked(5), key(2)], &[revoked(5), key(2)])
            .is_empty()
    );
}

#[test]
fn a_revoked_key_is_removed_thirty_days_after_it_was_last_there() {
    let mut case = Case::new(ds(&[key(1), key(2)]));
    case.see(&[key(1), key(2)], &[key(1)]);
    let both = [revoked(1), key(2)];
    case.see(&both, &both);
    case.pass(60 * 86_400);
    assert!(case.see(&both, &[key(2)]).is_empty(), "it is still there");
    assert!(case.see(&[key(2)], &[key(2)]).is_empty());
    let watched = &case.point.memory().keys[0];
    assert_eq!(
        TrustPoint::removed_from(watched),
        Some(case.at + REMOVE_HOLD_DOWN)
    );
    case.pass(29 * 86_400);
    assert!(case.see(&both, &[key(2)]).is_empty(), "back again");
    assert!(case.see(&[key(2)], &[key(2)]).is_empty());
    case.pass(REMOVE_HOLD_DOWN - 1);
    assert!(case.see(&[key(2)], &[key(2)]).is_empty());
    case.pass(1);
    assert_eq!(case.see(&[key(2)], &[key(2)]), ["1 revoked>removed"]);
    // For good.
    assert!(case.see(&[key(1), key(2)], &[key(1), key(2)]).is_empty());
    assert_eq!(case.trusts(), [2]);
}

#[test]
fn a_pending_key_begins_anew_when_all_that_vouched_for_it_are_revoked() {
    // RFC 5011 section 2.2: B is stolen, the thief adds C; the owner revokes B.
    let mut case = Case::new(ds(&[key(1), key(2)]));
    case.see(&[key(1), key(2)], &[key(1)]);
    assert_eq!(
        case.see(&[key(1), key(2), key(3)], &[key(2)]),
        ["3 start>pending"]
    );
    case.pass(29 * 86_400);
    let all = [key(1), revoked(2), key(3)];
    assert_eq!(
        case.see(&all, &[key(1), revoked(2)]),
        ["2 valid>revoked", "3 pending>pending"]
    );
    case.pass(2 * 86_400);
    assert!(case.see(&all, &[key(1)]).is_empty());
    assert_eq!(case.trusts(), [1]);
    case.pass(28 * 86_400);
    assert_eq!(case.see(&all, &[key(1)]), ["3 pending>valid"]);
}

#[test]
fn a_pending_key_goes_on_when_only_one_of_those_who_vouched_is_revoked() {
    let mut case = Case::new(ds(&[key(1), key(2)]));
    case.see(&[key(1), key(2)], &[key(1)]);
    case.see(&[key(1), key(2), key(3)], &[key(1), key(2)]);
    case.pass(29 * 86_400);
    let all = [key(1), revoked(2), key(3)];
    assert_eq!(case.see(&all, &[key(1), revoked(2)]), ["2 valid>revoked"]);
    case.pass(86_400);
    assert_eq!(case.see(&all, &[key(1)]), ["3 pending>valid"]);
}

#[test]
fn a_pending_key_vouches_for_nothing() {
    let mut case = Case::met();
    case.see(&[key(1), key(2)], &[key(1)]);
    case.pass(31 * 86_400);
    assert!(case.see(&[key(1), key(2)], &[key(2)]).is_empty());
    assert_eq!(case.result(), CheckResult::NotValidated);
    assert_eq!(case.trusts(), [1]);
}

#[test]
fn a_zone_that_revokes_all_its_keys_is_as_if_never_configured() {
    let mut case = Case::met();
    let all = [revoked(1), key(2)];
    assert_eq!(case.see(&all, &[revoked(1), key(2)]), ["1 valid>revoked"]);
    assert_eq!(case.point.trusted(), None);
    case.pass(100 * 86_400);
    assert!(
        !case.point.is_due(case.at),
        "nobody can answer that any more"
    );
    case.restart();
    assert_eq!(case.point.trusted(), None);
}

#[test]
fn a_whole_roll_over_with_a_restart_at_every_state() {
    let mut case = Case::met();
    let states = |case: &Case| {
        let keys = case.point.memory().keys.iter();
        keys.map(|key| key.state.word()).collect::<Vec<_>>()
    };
    case.restart();
    case.see(&[key(1), key(2)], &[key(1)]);
    for _ in 0..30 {
        case.restart();
        case.pass(86_400).see(&[key(1), key(2)], &[key(1)]);
    }
    assert_eq!(states(&case), ["valid", "valid"]);
    case.restart();
    case.see(&[key(1)], &[key(1)]);
    assert_eq!(states(&case), ["valid", "missing"]);
    case.restart();
    case.see(&[revoked(1), key(2)], &[revoked(1), key(2)]);
    assert_eq!(states(&case), ["revoked", "valid"]);
    case.restart();
    case.see(&[key(2)], &[key(2)]);
    case.restart();
    case.pass(REMOVE_HOLD_DOWN).see(&[key(2)], &[key(2)]);
    assert_eq!(states(&case), ["removed", "valid"]);
    case.restart();
    assert_eq!(case.trusts(), [2]);
}

#[test]
fn checks_come_as_often_as_the_rfc_says() {
    let mut case = Case::met();
    assert!(!case.point.is_due(case.at));
    // Half of the TTL of two days; the signature lasts ten.
    assert_eq!(case.point.memory().next_check, case.at + 86_400);
    assert!(case.point.is_due(case.at + 86_400));
    case.point.unanswered(case.at);
    assert_eq!(case.point.memory().next_check, case.at + 17_280);
    assert_eq!(case.result(), CheckResult::NoAnswer);
    for (original_ttl, lifetime, interval, retry) in [
        (60, 86_400, 3_600, 3_600),
        (86_400 * 365, 86_400 * 365, 15 * 86_400, 86_400),
        (86_400, 20_000, 10_000, 3_600),
        (100_000, 86_400 * 9, 50_000, 10_000),
    ] {
        let pace = Pace {
            original_ttl,
            lifetime,
        };
        assert_eq!((pace.interval(), pace.retry()), (interval, retry));
    }
    // Nothing is known of the zone yet: an hour.
    let mut new = TrustPoint::new(ds(&[key(1)]));
    assert!(new.is_due(0));
    new.unanswered(START);
    assert!(!new.is_due(START + 3_599));
    assert!(new.is_due(START + 3_600));
}

#[test]
fn a_clock_that_jumps_shortens_no_hold_down_and_stops_no_check() {
    let mut case = Case::met();
    case.see(&[key(1), key(2)], &[key(1)]);
    // Ten years forward: what was signed in its time is expired, and nothing comes of it.
    let of_its_time = set(&[key(1), key(2)], &[key(1)], case.at);
    case.pass(10 * 365 * 86_400);
    assert!(case.point.is_due(case.at));
    assert!(case.see_set(&of_its_time).is_empty());
    assert_eq!(case.trusts(), [1]);
    let next = case.point.memory().next_check;
    // And back: the check that was put off for years is due at once.
    case.at -= 10 * 365 * 86_400;
    assert!(next > case.at + 15 * 86_400);
    assert!(case.point.is_due(case.at));
    // A hold-down that began in the future would last for years, and begins anew.
    let mut case = Case::met();
    case.pass(10 * 365 * 86_400);
    case.see(&[key(1), key(2)], &[key(1)]);
    case.at = START;
    assert_eq!(
        case.see(&[key(1), key(2)], &[key(1)]),
        ["2 pending>pending"]
    );
    case.pass(ADD_HOLD_DOWN - 1);
    assert!(case.see(&[key(1), key(2)], &[key(1)]).is_empty());
    case.pass(1);
    assert_eq!(case.see(&[key(1), key(2)], &[key(1)]), ["2 pending>valid"]);
}

#[test]
fn a_removal_that_began_in_the_future_begins_anew() {
    let mut case = Case::new(ds(&[key(1), key(2)]));
    case.see(&[key(1), key(2)], &[key(1)]);
    case.see(&[revoked(1), key(2)], &[revoked(1), key(2)]);
    case.pass(10 * 365 * 86_400);
    case.see(&[key(2)], &[key(2)]);
    case.at = START;
    assert!(case.see(&[key(2)], &[key(2)]).is_empty());
    case.pass(REMOVE_HOLD_DOWN);
    assert_eq!(case.see(&[key(2)], &[key(2)]), ["1 revoked>removed"]);
}

#[test]
fn another_configured_anchor_begins_anew_but_what_is_revoked_stays_so() {
    let mut case = Case::new(ds(&[key(1), key(2)]));
    case.see(&[key(1), key(2), key(3)], &[key(1)]);
    case.see(&[revoked(1), key(2), key(3)], &[revoked(1), key(2)]);
    let memory = case.point.memory().clone();
    let configured = ds(&[key(1), key(4)]);
    assert_ne!(
        fingerprint(&configured),
        fingerprint(case.point.configured())
    );
    case.point = TrustPoint::begin_anew(configured, memory);
    assert_eq!(case.trusts(), [4]);
    assert_eq!(case.point.memory().keys.len(), 1, "3 waits from the start");
    assert!(case.point.is_due(case.at));
}

#[test]
fn the_order_of_configured_records_does_not_matter_and_their_content_does() {
    let same = |a: &[Signer], b: &[Signer]| fingerprint(&ds(a)) == fingerprint(&ds(b));
    assert!(same(&[key(1), key(2)], &[key(2), key(1), key(1)]));
    assert!(!same(&[key(1), key(2)], &[key(1)]));
    let as_key = Anchor::new(&rrset(RecordType::DNSKEY, &[key(1).dnskey()]));
    assert_ne!(fingerprint(&as_key), fingerprint(&ds(&[key(1)])));
}

#[test]
fn a_zone_with_too_many_keys_fills_no_memory_and_loses_no_trust() {
    let mut case = Case::met();
    let many: Vec<Signer> = (1..40).map(key).collect();
    assert_eq!(case.see(&many, &[key(1)]).len(), MOST_KEYS - 1);
    assert_eq!(case.point.memory().keys.len(), MOST_KEYS);
    case.pass(ADD_HOLD_DOWN);
    assert_eq!(case.see(&many, &[key(1)]).len(), MOST_KEYS - 1);
    assert!(case.trusts().contains(&1));
}

#[test]
fn sets_of_other_names_and_types_count_for_nothing() {
    let mut case = Case::met();
    let before = case.point.memory().keys.clone();
    let good = set(&[key(1), key(2)], &[key(1)], case.at);
    let elsewhere = Rrset {
        owner: "other.".parse().unwrap(),
        ..good.clone()
    };
    let of_another_type = Rrset {
        rtype: RecordType::CDNSKEY,
        ..good.clone()
    };
    let empty = Rrset {
        rdata: RdataSet::default(),
        ..good
    };
    for wrong in [elsewhere, of_another_type, empty] {
        assert!(case.see_set(&wrong).is_empty());
        assert_eq!(case.result(), CheckResult::NotValidated);
    }
    assert_eq!(case.point.memory().keys, before);
}

/// A reply of somebody who has none of the trusted private keys.
#[derive(Clone, Debug)]
struct Forgery {
    shown: Vec<(u64, bool)>,
    signed_by: Vec<u64>,
    days_later: u64,
}

fn forgeries() -> impl Strategy<Value = Vec<Forgery>> {
    let shown = prop::collection::vec((1u64..8, any::<bool>()), 0..6);
    let one = (shown, prop::collection::vec(4u64..8, 0..3), 0u64..100);
    let one = one.prop_map(|(shown, signed_by, days_later)| Forgery {
        shown,
        signed_by,
        days_later,
    });
    prop::collection::vec(one, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Keys 1 and 2 are trusted, 3 is pending; 4 to 7 are the forger's.
    #[test]
    fn no_replies_signed_by_untrusted_keys_alone_change_trust(forgeries in forgeries()) {
        let mut case = Case::new(ds(&[key(1), key(2)]));
        case.see(&[key(1), key(2), key(3)], &[key(1)]);
        let before = case.point.memory().keys.clone();
        for forgery in forgeries {
            case.pass(forgery.days_later * 86_400);
            let form = |seed: u64, of: bool| if of { revoked(seed) } else { key(seed) };
            let shown: Vec<Signer> =
                forgery.shown.iter().map(|(seed, of)| form(*seed, *of)).collect();
            let by: Vec<Signer> = forgery
                .signed_by
                .iter()
                .flat_map(|seed| [key(*seed), revoked(*seed)])
                .collect();
            prop_assert!(case.see(&shown, &by).is_empty());
            prop_assert_eq!(case.result(), CheckResult::NotValidated);
        }
        prop_assert_eq!(&case.point.memory().keys, &before);
        prop_assert_eq!(case.trusts(), [1, 2]);
    }

    /// Whatever the zone's real owner does with five keys, trust is never lost without a revocation.
    #[test]
    fn trust_ends_by_revocation_only(
        sets in prop::collection::vec(
            (prop::collection::vec(1u64..6, 1..5), prop::collection::vec(1u64..6, 1..4), 0u64..40),
            1..15,
        )
    ) {
        let mut case = Case::new(ds(&[key(1), key(2)]));
        let mut trusted = case.trusts();
        for (shown, by, days) in sets {
            case.pass(days * 86_400);
            let shown: Vec<Signer> = shown.into_iter().map(key).collect();
            let by: Vec<Signer> = by.into_iter().map(key).collect();
            case.see(&shown, &by);
            let now = case.trusts();
            prop_assert!(trusted.iter().all(|seed| now.contains(seed)), "{trusted:?} {now:?}");
            trusted = now;
        }
    }
}
