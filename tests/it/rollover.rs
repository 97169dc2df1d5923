//! Does suimond follow the root's keys over a roll-over? RFC 5011 with real sockets and files, a signed root written here, and
//! suimond's clock moved by libfaketime: months pass in seconds.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use suimon::dnssec::Dnskey;
use suimon::dnssec::algorithm::{Algorithm, DigestType};
use suimon::drill::signing::{KEY_SIGNING, Signer, Validity};
use suimon::wire::text::{rdata_from_text, rdata_to_text};
use suimon::wire::{Message, Name, RdataSet, RecordType as T, Rrset};

use crate::lab::client;
use crate::lab::script::{
    Asked, HINTS, PATIENCE, Reply, Scene, Sent, Setting, listen, loopback, wait_until,
};
use crate::lab::{set_clock, suimond};

const DAY: u64 = 86_400;
const TTL: u32 = 86_400;
/// Housekeeping looks every 5 s.
const SOON: Duration = Duration::from_secs(60);

/// The root: which keys it shows, and which of them sign. Signatures are made when asked for, valid two days either way of the
/// time that suimond believes it is.
struct Root {
    shown: Vec<Signer>,
    signing: Vec<Signer>,
    silent: bool,
}

/// A signed root, suimond that believes key 1 of it, and the clock of both.
struct Case {
    scene: Scene,
    root: Arc<Mutex<Root>>,
    passed: Arc<AtomicU64>,
    clock: PathBuf,
    runs: u32,
    more: String,
    state_dir: String,
}

fn key(seed: u64) -> Signer {
    Signer::new(&Name::root(), Algorithm::Ed25519, seed, KEY_SIGNING).expect("a key")
}

fn revoked(seed: u64) -> Signer {
    key(seed).with_flags(KEY_SIGNING | Dnskey::REVOKE)
}

impl Case {
    /// Everything but suimond; `more` settings of `[dnssec]`.
    fn new(tag: &str, more: &str) -> Self {
        let root = Arc::new(Mutex::new(Root {
            shown: vec![key(1)],
            signing: vec![key(1)],
            silent: false,
        }));
        let passed = Arc::new(AtomicU64::new(0));
        let scene = Scene::without_suimond(tag, &Setting::default(), {
            let (root, passed) = (Arc::clone(&root), Arc::clone(&passed));
            move |asked| answer(asked, &root.lock().expect("the root"), &passed)
        });
        let clock = scene.lab.file("clock", "+0\n");
        Self {
            scene,
            root,
            passed,
            clock,
            runs: 0,
            more: more.to_owned(),
            state_dir: "state".to_owned(),
        }
    }

    fn state_dir(&self) -> PathBuf {
        self.scene.lab.dir().join(&self.state_dir)
    }

    fn state_file(&self) -> PathBuf {
        self.state_dir().join("trust-anchors.json")
    }

    /// Starts suimond, or the next one.
    fn start(&mut self) {
        let ds = rdata_to_text(T::DS, &key(1).ds(DigestType::Sha256));
        let config = suimond::config(
            &self.scene.lab,
            &[listen()],
            &["127.0.0.0/8"],
            HINTS,
            &format!(
                "[policy]\nspecial_use = false\n[control]\nsocket = {:?}\n\
                 [dnssec]\nvalidation = \"on\"\ntrust_anchors = [\". IN DS {ds}\"]\n{}\n",
                self.scene.lab.dir().join("control.sock"),
                self.more,
            ),
        );
        let path = self.scene.lab.file("suimond.toml", &config);
        let path = path.display().to_string();
        let library = "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
        let file = format!("FAKETIME_TIMESTAMP_FILE={}", self.clock.display());
        let state = format!("process.state_dir={:?}", self.state_dir());
        self.runs += 1;
        let name = self.name();
        let resolver = self.scene.resolver.clone();
        let command = [
            "env",
            library,
            &file,
            "FAKETIME_NO_CACHE=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            suimond::SUIMOND,
            "--config",
            &path,
            "--set",
            "recursion.qname_minimisation='off'",
            "--set",
            &state,
            "--set",
            "process.sandbox=true",
        ];
        self.scene.lab.spawn(&resolver, &name, &command);
        suimond::wait_until_ready(&self.scene.lab, &name);
    }

    fn restart(&mut self) {
        let name = self.name();
        assert_eq!(self.scene.lab.stop(&name), Some(0), "{}", self.log());
        self.start();
    }

    fn name(&self) -> String {
        format!("suimond{}", self.runs)
    }

    fn log(&self) -> String {
        self.scene.lab.log(&self.name())
    }

    /// The zone shows and signs with these from now on.
    fn publish(&self, shown: Vec<Signer>, signing: Vec<Signer>) {
        let mut root = self.root.lock().expect("the root");
        (root.shown, root.signing) = (shown, signing);
    }

    fn pass(&self, days: u64) {
        let passed = self.passed.fetch_add(days * DAY, Ordering::SeqCst) + days * DAY;
        set_clock(&self.clock, &format!("+{passed}"));
    }

    /// The root's anchor as `suimon status` has it.
    fn anchor(&self) -> Value {
        let status = suimond::tool(&self.scene.lab, &["--output", "json", "status"]);
        let status: Value = serde_json::from_str(&status).expect("JSON");
        status["validation"]["anchors"][0].clone()
    }

    /// The states of the keys by seed, such as `1 valid, 2 pending`, and what the last check came to.
    fn states(&self) -> String {
        let anchor = self.anchor();
        let keys = anchor["keys"].as_array().cloned().unwrap_or_default();
        let told = |key: &Value| {
            let seed = (1..9).find(|seed| u64::from(self::key(*seed).key_tag()) == key["tag"]);
            format!(
                "{} {}",
                seed.unwrap_or(0),
                key["state"].as_str().unwrap_or("?")
            )
        };
        let keys: Vec<String> = keys.iter().map(told).collect();
        let result = anchor["last_result"].as_str().unwrap_or("never");
        format!("{}: {result}", keys.join(", "))
    }

    /// Waits until the keys are in these states.
    fn reaches(&self, states: &str) {
        let reached = wait_until(SOON, || self.states() == states);
        assert!(
            reached,
            "wanted {states}, have {}\n{}",
            self.states(),
            self.log()
        );
    }

    /// Asks for a name that was never asked before, with AD: the response code, and whether it is marked as validated.
    fn ask(&self) -> (String, bool) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("n{}.", NEXT.fetch_add(1, Ordering::Relaxed));
        let octets = client::query(7, 0x0120, &name, T::A, true);
        let reply = self
            .scene
            .resolver
            .inside(|| client::udp(loopback(), listen(), &octets, PATIENCE))
            .expect("a reply");
        let reply = Message::parse(&reply).expect("well formed");
        (reply.rcode().to_string(), reply.header.flags.ad())
    }

    fn validates(&self) {
        assert_eq!(self.ask(), ("NOERROR".to_owned(), true), "{}", self.log());
    }

    fn asked_for_keys(&self) -> usize {
        let asked = self.scene.network.asked();
        asked
            .iter()
            .filter(|asked| asked.rtype == T::DNSKEY)
            .count()
    }
}

/// Any A of one label is there, signed by the root itself.
fn answer(asked: &Asked, root: &Root, passed: &AtomicU64) -> Vec<Sent> {
    if root.silent {
        return Vec::new();
    }
    let (ttl, rdata): (u32, Vec<Vec<u8>>) = match asked.rtype {
        T::DNSKEY if asked.name == "." => (TTL, root.shown.iter().map(Signer::dnskey).collect()),
        T::A => (
            60,
            vec![rdata_from_text(T::A, "192.0.2.1").expect("A").into()],
        ),
        _ => return Reply::rcode(5).now(asked),
    };
    let set = Rrset {
        owner: asked.name.parse().expect("a name"),
        rtype: asked.rtype,
        ttl,
        rdata: RdataSet::new(rdata.iter().map(Vec::as_slice)),
        rrsigs: RdataSet::default(),
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let now = now + passed.load(Ordering::SeqCst);
    let second = |at: u64| u32::try_from(at).expect("before 2106");
    let validity = Validity {
        inception: second(now - 2 * DAY),
        expiration: second(now + 2 * DAY),
    };
    let mut reply = Reply::new();
    for rdata in &set.rdata {
        reply = reply.answer(format!(
            "{} {ttl} {} {}",
            set.owner,
            set.rtype,
            rdata_to_text(set.rtype, rdata)
        ));
    }
    for signer in &root.signing {
        let rrsig = signer.sign(&set, validity).expect("a signature");
        reply = reply.answer(format!(
            "{} {ttl} RRSIG {}",
            set.owner,
            rdata_to_text(T::RRSIG, &rrsig)
        ));
    }
    reply.now(asked)
}

#[test]
fn a_root_key_is_rolled_over_revoked_and_gone_while_answers_stay_validated() {
    let mut case = Case::new("roll", "");
    case.start();
    case.reaches("1 valid: validated");
    case.validates();

    // A new key is published. It signs nothing, and a zone signed by it alone is not believed.
    case.publish(vec![key(1), key(2)], vec![key(1)]);
    case.pass(1);
    case.reaches("1 valid, 2 pending: validated");
    case.validates();
    let pending = case.anchor()["keys"][1].clone();
    assert!(pending["trusted_from"].is_string(), "{pending}");
    case.restart();
    assert_eq!(case.states(), "1 valid, 2 pending: validated");

    // Its time is not over after 29 days.
    case.pass(29);
    assert!(wait_until(SOON, || case.asked_for_keys() >= 3));
    case.reaches("1 valid, 2 pending: validated");
    case.pass(2);
    case.reaches("1 valid, 2 valid: validated");
    case.validates();
    case.restart();

    // The old key is revoked, then gone; the new one signs alone.
    case.publish(vec![revoked(1), key(2)], vec![revoked(1), key(2)]);
    case.pass(1);
    case.reaches("1 revoked, 2 valid: validated");
    case.validates();
    case.publish(vec![key(2)], vec![key(2)]);
    case.pass(1);
    case.restart();
    case.validates();
    case.pass(1);
    assert!(wait_until(SOON, || {
        case.anchor()["keys"][0]["removed_from"].is_string()
    }));
    case.pass(31);
    case.reaches("1 removed, 2 valid: validated");
    case.restart();
    case.validates();

    // Whoever has the old key convinces nobody, though its DS is still what is configured.
    case.publish(vec![key(1)], vec![key(1)]);
    case.pass(1);
    case.reaches("1 removed, 2 valid: not validated");
    assert_eq!(case.ask(), ("SERVFAIL".to_owned(), false));

    let keys = suimond::metric(&case.scene.lab, "suimon_trust_anchor_keys", "valid");
    assert_eq!(keys, 1);
    let packets = suimond::metric(
        &case.scene.lab,
        "suimon_upstream_packets_total",
        "trust_anchor",
    );
    assert!(packets > 0);
}

#[test]
fn a_missing_key_comes_back_and_a_root_that_revokes_all_its_keys_is_unsigned() {
    let mut case = Case::new("revoke", "");
    case.publish(vec![key(1), key(2)], vec![key(1)]);
    case.start();
    case.reaches("1 valid, 2 pending: validated");
    case.pass(31);
    case.reaches("1 valid, 2 valid: validated");
    case.publish(vec![key(2)], vec![key(2)]);
    case.pass(1);
    case.reaches("1 missing, 2 valid: validated");
    case.validates();
    case.publish(vec![key(1)], vec![key(1)]);
    case.pass(1);
    case.reaches("1 valid, 2 missing: validated");
    case.validates();
    case.publish(vec![revoked(1), revoked(2)], vec![revoked(1), revoked(2)]);
    case.pass(1);
    case.reaches("1 revoked, 2 revoked: not validated");
    let unvalidated = ("NOERROR".to_owned(), false);
    assert_eq!(case.ask(), unvalidated);
    assert!(case.log().contains("every trust anchor"), "{}", case.log());
    case.restart();
    assert_eq!(case.ask(), unvalidated, "a restart does not forget that");
    let human = suimond::tool(&case.scene.lab, &["status"]);
    assert!(
        human.contains("every trust anchor of . is revoked"),
        "{human}"
    );
}

#[test]
fn a_probe_that_fails_at_start_is_held_against_nobody_and_repeated_after_an_hour() {
    let mut case = Case::new("probe", "");
    case.root.lock().expect("the root").silent = true;
    case.start();
    case.reaches("1 configured: no answer");
    assert!(case.asked_for_keys() > 0);
    case.root.lock().expect("the root").silent = false;
    case.validates();
    let asked = case.asked_for_keys();
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(
        case.asked_for_keys(),
        asked,
        "not before an hour has passed"
    );
    case.pass(1);
    case.reaches("1 valid: validated");
}

#[test]
fn nothing_is_asked_read_or_written_when_roll_overs_are_not_followed() {
    let mut case = Case::new("still", "follow_rollovers = false");
    case.start();
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(case.scene.network.told(), Vec::<String>::new());
    assert!(!case.state_file().exists());
    case.validates();
    assert_eq!(case.anchor()["followed"], false);
}

#[test]
fn a_damaged_file_is_told_once_put_aside_and_the_configured_anchor_used() {
    let mut case = Case::new("damaged", "");
    std::fs::create_dir_all(case.scene.lab.dir().join("state")).expect("a state directory");
    std::fs::write(case.state_file(), "{\"schema\": 1, \"trust_po").expect("written");
    case.start();
    case.reaches("1 valid: validated");
    case.validates();
    assert_eq!(case.log().matches("cannot be read").count(), 1);
    let aside = case.state_file().with_extension("json.unreadable");
    assert!(aside.exists(), "nothing in it is lost");
    let kept = std::fs::read_to_string(case.state_file()).expect("a new file");
    let kept: Value = serde_json::from_str(&kept).expect("JSON");
    assert_eq!(kept["trust_points"][0]["keys"][0]["state"], "valid");
}

#[test]
fn a_file_that_cannot_be_written_is_told_once_and_keeps_nobody_from_being_served() {
    let mut case = Case::new("unwritten", "");
    // Where the new file would be written stands a directory.
    let obstacle = case.state_file().with_extension("json.new");
    std::fs::create_dir_all(obstacle.join("full")).expect("a directory");
    case.start();
    case.reaches("1 valid: validated");
    case.publish(vec![key(1), key(2)], vec![key(1)]);
    case.pass(1);
    case.reaches("1 valid, 2 pending: validated");
    case.validates();
    assert_eq!(case.log().matches("cannot be kept").count(), 1);
    let human = suimond::tool(&case.scene.lab, &["status"]);
    assert!(human.contains("a restart begins anew"), "{human}");
    assert!(!case.state_file().exists());
}

#[test]
fn without_a_state_directory_keys_are_followed_in_memory() {
    let mut case = Case::new("nowhere", "");
    case.scene.lab.file("a-file", "no directory");
    case.state_dir = "a-file/state".to_owned();
    case.start();
    case.reaches("1 valid: validated");
    case.validates();
    assert_eq!(case.log().matches("cannot be made").count(), 1);
}
