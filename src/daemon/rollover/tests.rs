//! Does what was learned survive a restart, and only what makes sense? Files as they are, and as they should not be.

use std::path::Path;

use proptest::prelude::*;

use super::file::FILE;
use super::*;
use crate::dnssec::algorithm::{Algorithm, DigestType};
use crate::dnssec::rollover::{KeyId, Memory, Pace, State, TrackedKey};
use crate::drill::signing::{KEY_SIGNING, Signer};
use crate::wire::{Name, RdataSet, RecordType, text};

const AT: u64 = 1_800_000_000;

fn key(seed: u64) -> Signer {
    Signer::new(&Name::root(), Algorithm::Ed25519, seed, KEY_SIGNING).unwrap()
}

fn anchor(seed: u64) -> Anchor {
    Anchor::new(&key(seed).ds_set(0))
}

fn tracked(seed: u64, state: State) -> TrackedKey {
    TrackedKey {
        rdata: key(seed).dnskey().into(),
        state,
        since: AT + seed,
    }
}

/// A key in every state.
fn memory() -> Memory {
    let vouchers = vec![KeyId::from_octets([7; 32]), KeyId::from_octets([0xAB; 32])];
    Memory {
        keys: vec![
            tracked(1, State::Valid),
            tracked(2, State::Missing),
            tracked(
                3,
                State::Pending {
                    hold_down: 2_592_000,
                    vouchers,
                },
            ),
            tracked(4, State::Revoked { absent_since: None }),
            tracked(
                5,
                State::Revoked {
                    absent_since: Some(AT),
                },
            ),
            tracked(6, State::Removed),
        ],
        pace: Some(Pace {
            original_ttl: 172_800,
            lifetime: 900_000,
        }),
        last_check: Some((AT, CheckResult::NotValidated)),
        last_validated: Some(AT - 1),
        next_check: AT + 3_600,
    }
}

/// The file after `points` were kept, and what is read from it.
fn kept(points: &[TrustPoint]) -> (tempfile::TempDir, Vec<Learned>) {
    let directory = tempfile::tempdir().unwrap();
    let file = AnchorFile::of(directory.path());
    file.save(points).unwrap();
    let learned = file.load().unwrap();
    (directory, learned)
}

fn content(directory: &Path) -> String {
    std::fs::read_to_string(directory.join(FILE)).unwrap()
}

#[test]
fn every_state_reads_back_as_it_was_kept() {
    let points = [
        TrustPoint::resume(anchor(1), memory()),
        TrustPoint::new(Anchor::of(
            "corp.example.".parse().unwrap(),
            RdataSet::new([key(9).ds(DigestType::Sha384).as_slice()]),
            RdataSet::new([key(8).dnskey().as_slice()]),
        )),
    ];
    let (directory, learned) = kept(&points);
    assert_eq!(learned.len(), 2);
    for (point, learned) in points.iter().zip(&learned) {
        assert_eq!(learned.zone, *point.zone());
        assert_eq!(learned.configured, fingerprint(point.configured()));
        assert_eq!(learned.memory, *point.memory());
    }
    let text = content(directory.path());
    for readable in ["\"2027-01-15T08:00:00Z\"", "\"257 3 15 ", "\"pending\""] {
        assert!(text.contains(readable), "{readable}: {text}");
    }
    let names: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, [FILE], "nothing else is left behind");
}

#[test]
fn no_file_is_nothing_learned() {
    let directory = tempfile::tempdir().unwrap();
    let learned = AnchorFile::of(directory.path()).load().unwrap();
    assert!(learned.is_empty());
    let gone = AnchorFile::of(&directory.path().join("no/such/place"));
    assert!(gone.load().unwrap().is_empty());
    assert!(gone.save(&[]).is_err());
}

#[test]
fn what_does_not_make_sense_is_not_believed_in_part_either() {
    let (directory, _) = kept(&[TrustPoint::resume(anchor(1), memory())]);
    let good = content(directory.path());
    let dnskey = text::rdata_to_text(RecordType::DNSKEY, &key(1).dnskey());
    let other = text::rdata_to_text(RecordType::DNSKEY, &key(7).dnskey());
    for (what, from, to) in [
        ("another schema", "\"schema\": 1", "\"schema\": 2"),
        ("a state that is none", "\"missing\"", "\"trusted\""),
        ("a key that is another", &*dnskey, &*other),
        ("a key that is none", &*dnskey, "257 3 15 ?"),
        ("a time that is none", "2027-01-15T08", "2027-13-15T08"),
        ("a zone that is none", "\".\"", "\"a..b\""),
        ("a result that is none", "\"not validated\"", "\"fine\""),
        ("a hash that is none", "abab", "ab"),
        ("a pending key without its time", "hold_down_seconds", "x"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{what}");
        std::fs::write(directory.path().join(FILE), bad).unwrap();
        assert!(AnchorFile::of(directory.path()).load().is_err(), "{what}");
    }
    let long = format!("{good}{}", " ".repeat(5 << 20));
    std::fs::write(directory.path().join(FILE), long).unwrap();
    let error = AnchorFile::of(directory.path()).load().unwrap_err();
    assert_eq!(error.to_string(), "it is too long");
}

proptest! {
    /// A file that ends anywhere, or has one octet changed, is refused or says nothing false about keys.
    #[test]
    fn a_damaged_file_makes_no_key_that_was_not_there(cut in 0usize..4_000, octet in any::<u8>(), whole in any::<bool>()) {
        let (directory, _) = kept(&[TrustPoint::resume(anchor(1), memory())]);
        let mut octets = content(directory.path()).into_bytes();
        let at = cut % octets.len();
        if whole {
            octets[at] = octet;
        } else {
            octets.truncate(at);
        }
        std::fs::write(directory.path().join(FILE), &octets).unwrap();
        if let Ok(learned) = AnchorFile::of(directory.path()).load() {
            let before = memory().keys;
            for key in learned.iter().flat_map(|learned| &learned.memory.keys) {
                prop_assert!(before.iter().any(|known| known.rdata == key.rdata));
            }
        }
    }

    #[test]
    fn any_file_is_read_or_refused(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(FILE), octets).unwrap();
        prop_assert!(AnchorFile::of(directory.path()).load().is_err());
    }
}

/// A running configuration that believes key `seed` of the root, with its state in `directory`.
fn live(directory: &Path, seed: u64, more: &str) -> Live {
    let ds = text::rdata_to_text(RecordType::DS, &key(seed).ds(DigestType::Sha256));
    let text = format!(
        "[process]\nstate_dir = {directory:?}\n[dnssec]\nvalidation = \"on\"\ntrust_anchors = [\". IN DS {ds}\"]\n{more}\n"
    );
    crate::daemon::live::tests::live(&text, None)
}

fn believed(live: &Live) -> Vec<u16> {
    let anchors = live.validator.anchors();
    let mut tags: Vec<u16> = anchors
        .iter()
        .flat_map(|anchor| {
            let ds = anchor.ds().map(|ds| ds.key_tag);
            ds.chain(anchor.dnskeys().map(|key| key.tag()))
                .collect::<Vec<_>>()
        })
        .collect();
    tags.sort_unstable();
    tags
}

fn tags(seeds: &[u64]) -> Vec<u16> {
    let mut tags: Vec<u16> = seeds.iter().map(|seed| key(*seed).key_tag()).collect();
    tags.sort_unstable();
    tags
}

#[test]
fn a_start_believes_what_was_learned_unless_the_configured_anchor_has_changed() {
    let (directory, _) = kept(&[TrustPoint::resume(anchor(1), memory())]);
    let at = directory.path();
    let same = live(at, 1, "");
    let rollovers = Rollovers::of(&same.plan.process);
    rollovers.adopt(&same);
    assert_eq!(believed(&same), tags(&[1, 2]));
    // A reload with another anchor: 2 is not believed any more, 4 to 6 stay revoked.
    let other = live(at, 5, "");
    rollovers.adopt(&other);
    assert_eq!(believed(&other), tags(&[]), "5 was revoked");
    assert!(rollovers.warnings()[0].contains("every trust anchor of . is revoked"));
    let another = live(at, 9, "");
    rollovers.adopt(&another);
    assert_eq!(believed(&another), tags(&[9]));
    // Not followed: what is configured counts, whatever the file says.
    let still = live(at, 5, "follow_rollovers = false");
    Rollovers::of(&still.plan.process).adopt(&still);
    assert_eq!(believed(&still), tags(&[5]));
    assert_eq!(
        AnchorFile::of(at).load().unwrap()[0].memory,
        memory(),
        "nothing was written by any of this"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_put_aside_and_the_configured_anchor_is_used() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(FILE), "{").unwrap();
    let live = live(directory.path(), 1, "");
    let rollovers = Rollovers::of(&live.plan.process);
    rollovers.adopt(&live);
    assert_eq!(believed(&live), tags(&[1]));
    let aside = directory.path().join(format!("{FILE}.unreadable"));
    assert_eq!(std::fs::read_to_string(aside).unwrap(), "{");
    assert!(rollovers.warnings().is_empty());
    // What stands in the way and cannot be moved is left alone.
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(FILE), "{").unwrap();
    std::fs::create_dir_all(
        directory
            .path()
            .join(format!("{FILE}.unreadable/not/empty")),
    )
    .unwrap();
    let rollovers = Rollovers::of(&plan::Process {
        state_dir: directory.path().to_owned(),
        ..live.plan.process.clone()
    });
    rollovers.adopt(&live);
    assert_eq!(believed(&live), tags(&[1]));
    assert_eq!(content(directory.path()), "{");
    assert!(rollovers.warnings()[0].contains("is not kept"));
}

#[test]
fn status_and_metrics_tell_every_key() {
    let (directory, _) = kept(&[TrustPoint::resume(anchor(1), memory())]);
    let live = live(directory.path(), 1, "");
    let rollovers = Rollovers::of(&live.plan.process);
    rollovers.adopt(&live);
    let mut anchors = Vec::new();
    rollovers.tell(&mut anchors);
    let states: Vec<&str> = anchors[0]
        .keys
        .iter()
        .map(|key| key.state.as_str())
        .collect();
    assert_eq!(
        states,
        [
            "valid", "missing", "pending", "revoked", "revoked", "removed"
        ]
    );
    assert_eq!(
        anchors[0].keys[2].trusted_from.as_deref(),
        Some("2027-02-14T08:00:03Z")
    );
    assert_eq!(
        anchors[0].keys[4].removed_from.as_deref(),
        Some("2027-02-14T08:00:00Z")
    );
    assert_eq!(anchors[0].last_result.as_deref(), Some("not validated"));
    let metrics = rollovers.metrics();
    assert_eq!(metrics.len(), 7);
    let revoked = metrics
        .iter()
        .find(|metric| metric.labels.get("state").is_some_and(|at| at == "revoked"));
    assert_eq!(
        revoked.map(|metric| &metric.value),
        Some(&crate::ops::metrics::Value::Gauge { value: 2.0 })
    );
}
