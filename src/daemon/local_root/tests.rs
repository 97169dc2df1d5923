//! Which copy is used, and until when? The timers on a mock clock; files good and bad with the real one.

use std::fs;
use std::path::Path;

use super::kept::{ASIDE, FILE};
use super::*;
use crate::config;
use crate::dnssec::algorithm::{Algorithm, DigestType};
use crate::dnssec::{Anchor, Clock};
use crate::drill::signing::{Denial, KEY_SIGNING, Signer, Validity, sign_whole_zone};
use crate::telemetry::Telemetry;
use crate::wire::text::rdata_to_text;
use crate::wire::{Name, Question, Rcode, RecordType, zone_file};

/// A wall clock that the mock clock begins at.
const START: u64 = 1_000;

fn key() -> Signer {
    Signer::new(&Name::root(), Algorithm::Ed25519, 7, KEY_SIGNING).unwrap()
}

/// The root zone of this serial, signed for these moments: refresh 1,800, retry 900, expire 86,400.
fn zone(serial: u32, validity: Validity) -> Vec<Record> {
    let text = format!(
        ". 86400 SOA a. b. {serial} 1800 900 86400 60\n. 60 NS a.\na. 60 A 192.0.2.1\nt. 60 NS a.\n"
    );
    let records = zone_file::records(&text, 10).unwrap();
    sign_whole_zone(&records, &[key()], &Denial::Nsec, validity).unwrap()
}

/// Signed for a year around the mock clock.
fn proven(serial: u32, at: u64) -> Proven {
    let wall = Now::at_secs(START).wall_secs();
    let second = |at: u64| u32::try_from(at).unwrap();
    let validity = Validity {
        inception: second(wall - 1_000),
        expiration: second(wall + 200_000),
    };
    let records = zone(serial, validity);
    let clock = Clock { at: wall, skew: 0 };
    let anchor = Anchor::new(&key().ds_set(60));
    Proven {
        copy: Arc::new(ZoneCopy::verify(&records, &anchor, clock).unwrap()),
        records,
        source: "192.0.2.1:53".to_owned(),
        at,
    }
}

fn serial_in_use(root_copy: &RootCopy, now: Now) -> Option<u32> {
    let root = root_copy.usable(now)?;
    Some(root.copy().timers().serial)
}

#[test]
fn a_copy_that_nobody_confirms_is_left_when_it_expires_and_not_before() {
    let (mut state, root_copy) = (State::default(), RootCopy::default());
    let at = |seconds| Now::at_secs(START + seconds);
    state.take(proven(5, at(0).wall_secs()), &root_copy, at(0));
    assert_eq!(serial_in_use(&root_copy, at(0)), Some(5));
    assert_eq!(state.next, Some(at(1_800)));

    state.fail("nobody answers".to_owned(), at(1_800));
    assert_eq!(state.next, Some(at(2_700)), "retry");
    assert_eq!(serial_in_use(&root_copy, at(86_399)), Some(5));
    // The place itself knows when it ends, should nobody come to clear it.
    assert_eq!(serial_in_use(&root_copy, at(86_400)), None);
    state.stop_if_expired(&root_copy, at(86_399));
    assert!(state.used.is_some());
    state.stop_if_expired(&root_copy, at(86_400));
    assert!(state.used.is_none() && state.trouble.is_some());

    // And later there is one again.
    state.take(proven(6, at(90_000).wall_secs()), &root_copy, at(90_000));
    assert_eq!(serial_in_use(&root_copy, at(90_000)), Some(6));
    assert!(state.trouble.is_none());
}

#[test]
fn a_copy_that_is_confirmed_lasts_but_never_beyond_its_signatures() {
    let (mut state, root_copy) = (State::default(), RootCopy::default());
    let at = |seconds| Now::at_secs(START + seconds);
    state.take(proven(5, at(0).wall_secs()), &root_copy, at(0));
    state.confirm(at(80_000).wall_secs(), &root_copy, at(80_000));
    assert_eq!(serial_in_use(&root_copy, at(166_399)), Some(5));
    assert_eq!(serial_in_use(&root_copy, at(166_400)), None);
    state.confirm(at(160_000).wall_secs(), &root_copy, at(160_000));
    assert_eq!(serial_in_use(&root_copy, at(199_999)), Some(5));
    assert_eq!(serial_in_use(&root_copy, at(200_000)), None, "signatures");
    // A file from the future is as good as one from now.
    assert!(state.used.as_ref().unwrap().checked <= at(160_000).wall_secs());
}

#[test]
fn a_copy_that_had_expired_when_it_came_is_not_used() {
    let (mut state, root_copy) = (State::default(), RootCopy::default());
    let now = Now::at_secs(START);
    state.take(proven(5, now.wall_secs() - 86_400), &root_copy, now);
    assert_eq!(serial_in_use(&root_copy, now), None);
    assert!(state.trouble.unwrap().contains("has expired since"));
}

#[test]
fn without_a_copy_tries_become_rarer_up_to_an_hour() {
    let mut state = State::default();
    let now = Now::at_secs(START);
    let mut waits = Vec::new();
    for _ in 0..9 {
        state.fail("no".to_owned(), now);
        waits.push(state.next.unwrap().since(now).as_secs());
    }
    assert_eq!(waits, [60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]);
    assert_eq!(state.counted.failed, 9);
}

/// A configuration with a file as the only source.
struct Case {
    directory: tempfile::TempDir,
    more: String,
}

impl Case {
    fn new(more: &str) -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            more: more.to_owned(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The source has this zone.
    fn publish(&self, records: &[Record]) {
        fs::write(self.path("root.zone"), kept::text(records, 0)).unwrap();
    }

    fn live(&self, anchors: bool) -> Live {
        let ds = rdata_to_text(RecordType::DS, &key().ds(DigestType::Sha256));
        let dnssec = if anchors {
            format!("validation = 'on'\ntrust_anchors = ['. IN DS {ds}']")
        } else {
            "validation = 'off'".to_owned()
        };
        let text = format!(
            "[dnssec]\n{dnssec}\n[process]\nstate_dir = {:?}\n[local_root]\nenabled = true\nfile = {:?}\n{}",
            self.directory.path(),
            self.path("root.zone"),
            self.more
        );
        crate::daemon::live::tests::live(&text, None)
    }

    /// A start, and one look at the sources.
    async fn start(&self, anchors: bool) -> (Live, LocalRoots) {
        let live = self.live(anchors);
        let roots = LocalRoots::of(&live.plan.process);
        roots.adopt(&live);
        roots.begin(&live);
        if let Some(fetch) = roots.fetch(&live, clock::now()) {
            fetch.run(&roots).await;
        }
        (live, roots)
    }

    async fn refused(&self) -> String {
        let (live, roots) = self.start(true).await;
        assert_eq!(serial(&live), None);
        assert!(!roots.report(clock::now()).unwrap().in_use);
        let trouble = roots.report(clock::now()).unwrap().trouble.unwrap();
        assert!(roots.warnings().iter().any(|line| line.contains(&trouble)));
        trouble
    }
}

/// Around the true time.
fn today() -> Validity {
    let at = u32::try_from(clock::now().wall_secs()).unwrap();
    Validity {
        inception: at - 1_000,
        expiration: at + 100_000,
    }
}

fn serial(live: &Live) -> Option<u32> {
    serial_in_use(live.resolver.root_copy(), clock::now())
}

#[tokio::test]
async fn a_file_is_proven_used_and_kept_for_the_next_start() {
    let case = Case::new("");
    case.publish(&zone(5, today()));
    let (live, roots) = case.start(true).await;
    assert_eq!(serial(&live), Some(5), "{:?}", roots.warnings());
    let report = roots.report(clock::now()).unwrap();
    assert_eq!((report.in_use, report.serial), (true, Some(5)));
    assert!(roots.warnings().is_empty());
    assert!(case.path(FILE).exists());

    // The source is gone: what was kept is used, from the first moment on.
    fs::remove_file(case.path("root.zone")).unwrap();
    let again = case.live(true);
    let roots = LocalRoots::of(&again.plan.process);
    roots.adopt(&again);
    roots.begin(&again);
    assert_eq!(serial(&again), Some(5));
    let root = again.resolver.root_copy().usable(clock::now()).unwrap();
    let junk = Question::new("junk.".parse().unwrap(), RecordType::A);
    assert_eq!(root.reply(&junk).unwrap().rcode(), Rcode::NXDOMAIN);
    let fetch = roots.fetch(&again, clock::now()).unwrap();
    fetch.run(&roots).await;
    assert_eq!(serial(&again), Some(5), "used on although nobody has it");
    assert!(roots.warnings()[0].contains("cannot be renewed"));

    // A newer one comes, and an older one.
    case.publish(&zone(7, today()));
    let (live, _) = case.start(true).await;
    assert_eq!(serial(&live), Some(7));
    case.publish(&zone(6, today()));
    let (live, roots) = case.start(true).await;
    assert_eq!(serial(&live), Some(7));
    assert!(roots.warnings()[0].contains("it is behind: its serial is 6"));
}

#[tokio::test]
async fn a_file_that_is_not_the_root_zone_is_refused_with_its_reason() {
    let case = Case::new("");
    let mut tampered = zone(5, today());
    let glue = tampered
        .iter()
        .position(|record| record.rtype == RecordType::A)
        .unwrap();
    tampered[glue].rdata[3] ^= 1;
    case.publish(&tampered);
    let why = case.refused().await;
    assert!(
        why.ends_with("refused: its digest is not the one its ZONEMD record gives"),
        "{why}"
    );
    let mut without = zone(5, today());
    without.retain(|record| record.rtype != RecordType::ZONEMD);
    case.publish(&without);
    assert!(case.refused().await.contains("it has no ZONEMD record"));
    let past = Validity {
        inception: 1_000,
        expiration: 2_000,
    };
    case.publish(&zone(5, past));
    assert!(case.refused().await.contains("signature expired"));
    fs::write(case.path("root.zone"), "; nothing\nwhat is this\n").unwrap();
    assert!(case.refused().await.contains("line 2: "));
    fs::remove_file(case.path("root.zone")).unwrap();
    assert!(case.refused().await.contains("No such file"));
    assert!(!case.path(FILE).exists(), "nothing of it is kept");
}

#[tokio::test]
async fn a_zone_beyond_the_limits_is_refused() {
    let case = Case::new("max_records = 100");
    let mut records = zone(5, today());
    for number in 0..100 {
        let line = format!("t{number}. 60 IN NS a.");
        records.push(crate::wire::text::record_from_text(&line, 0).unwrap());
    }
    case.publish(&records);
    assert!(case.refused().await.contains("more than 100 records"));
    let case = Case::new("max_size = '64KiB'");
    fs::write(case.path("root.zone"), "; padding\n".repeat(7_000)).unwrap();
    assert!(
        case.refused()
            .await
            .contains("larger than local_root.max_size")
    );
}

#[tokio::test]
async fn without_a_trust_anchor_nothing_is_used_and_nothing_is_thrown_away() {
    let case = Case::new("");
    case.publish(&zone(5, today()));
    case.start(true).await;
    let (live, roots) = case.start(false).await;
    assert_eq!(serial(&live), None);
    assert!(roots.warnings()[0].contains("no trust anchor of the root"));
    assert!(case.path(FILE).exists());
}

#[tokio::test]
async fn a_damaged_file_of_ours_is_put_aside() {
    let case = Case::new("");
    case.publish(&zone(5, today()));
    case.start(true).await;
    let whole = fs::read_to_string(case.path(FILE)).unwrap();
    fs::remove_file(case.path("root.zone")).unwrap();
    for damaged in [
        whole.replace("192.0.2.1", "192.0.2.2"),
        whole.replacen("checked ", "checked never", 1),
        whole[..whole.len() / 2].to_owned(),
        String::new(),
    ] {
        fs::write(case.path(FILE), &damaged).unwrap();
        let (live, _) = case.start(true).await;
        assert_eq!(serial(&live), None);
        assert!(!case.path(FILE).exists());
        assert_eq!(fs::read_to_string(case.path(ASIDE)).unwrap(), damaged);
    }
    fs::write(case.path(FILE), &whole).unwrap();
    let (live, _) = case.start(true).await;
    assert_eq!(serial(&live), Some(5));
}

#[tokio::test]
async fn a_reload_keeps_what_was_proven_by_the_same_anchors_and_nothing_else() {
    let case = Case::new("");
    case.publish(&zone(5, today()));
    let (live, roots) = case.start(true).await;
    roots.adopt(&case.live(true));
    assert_eq!(serial(&live), Some(5));
    assert!(roots.report(clock::now()).unwrap().in_use);
    let after = case.live(false);
    roots.adopt(&after);
    assert!(!roots.report(clock::now()).unwrap().in_use);
    let off = config::load_text(Path::new("test.toml"), "").unwrap();
    let off = Live::build(
        off,
        &[],
        &Arc::new(Telemetry::new()),
        &Arc::default(),
        Some(&live),
    );
    roots.adopt(&off.unwrap());
    assert_eq!(serial(&live), None, "the place is shared");
    assert_eq!(roots.report(clock::now()), None);
}
