//! Does suimond do without the root servers? A root zone of full size, signed with ZONEMD by ldns-signzone, transferred from NSD, Knot and BIND; then the
//! root is taken away.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use suimon::wire::{Rcode, RecordType as T};

use crate::lab::capture::Capture;
use crate::lab::client::{answer_text, resolve_dnssec};
use crate::lab::script::wait_until;
use crate::lab::servers::{self, Zone};
use crate::lab::{Lab, Ns, suimond};

const ROOT_HINTS: &str = ". 3600 IN NS a.root.\na.root. 3600 IN A 10.53.0.1\n";
const PATIENCE: Duration = Duration::from_secs(10);
/// Housekeeping looks every 5 s.
const SOON: Duration = Duration::from_secs(60);
/// Until when the copy may be used after the last look; looks are a minute apart at least.
const EXPIRE: u64 = 55;

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn listen() -> SocketAddr {
    "127.0.0.1:53".parse().expect("an address")
}

/// A root zone with as many delegations as that of the Internet, `live0.` to `live9.` among them; and its DS.
fn root_zone(lab: &Lab) -> (String, String) {
    let mut text = format!(
        ". 3600 IN SOA a.root. h.root. 2026112200 60 60 {EXPIRE} 60\n. 3600 IN NS a.root.\na.root. 3600 IN A 10.53.0.1\n"
    );
    for number in 0..10 {
        let _infallible = writeln!(
            text,
            "live{number}. 3600 IN NS ns.live{number}.\nns.live{number}. 3600 IN A 10.53.0.2"
        );
    }
    for number in 0..1_450 {
        let digest = format!("{number:064x}");
        let _infallible = writeln!(
            text,
            "x--tld{number}. 3600 IN NS a.nic.x--tld{number}.\nx--tld{number}. 3600 IN NS b.nic.x--tld{number}.\n\
             a.nic.x--tld{number}. 3600 IN A 192.0.2.1\nb.nic.x--tld{number}. 3600 IN AAAA 2001:db8::{number:x}\n\
             x--tld{number}. 3600 IN DS {} 13 2 {digest}",
            number + 1
        );
    }
    let dir = lab.file("signing/zone", &text);
    let dir = dir.parent().expect("a directory");
    let key = run(dir, &["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "."]);
    let key = key.trim();
    let ds = run(
        dir,
        &["ldns-key2ds", "-n", "-f", "-2", &format!("{key}.key")],
    );
    run(
        dir,
        &[
            "ldns-signzone",
            "-o",
            ".",
            "-z",
            "simple:sha384",
            "-f",
            "signed",
            "zone",
            key,
        ],
    );
    let words: Vec<&str> = ds
        .split_whitespace()
        .skip_while(|word| *word != "DS")
        .skip(1)
        .collect();
    let signed = std::fs::read_to_string(dir.join("signed")).expect("a signed zone");
    assert!(signed.contains("ZONEMD"), "ldns-signzone adds no ZONEMD");
    (
        signed,
        format!(
            ". IN DS {} {} {} {}",
            words[0],
            words[1],
            words[2],
            words[3..].concat()
        ),
    )
}

fn run(dir: &Path, command: &[&str]) -> String {
    let output = Command::new(command[0])
        .args(&command[1..])
        .current_dir(dir)
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A root on 10.53.0.1, the top-level domains on 10.53.0.2, and a namespace for suimond with the config for it.
struct Case {
    lab: Lab,
    authority: Ns,
    ours: Ns,
    zone: String,
    config: String,
}

impl Case {
    fn new(tag: &str) -> Self {
        let mut lab = Lab::new(tag);
        let authority = lab.namespace("auth");
        authority.add_address("lo", "10.53.0.1/32");
        authority.add_address("lo", "10.53.0.2/32");
        let ours = lab.namespace("ours");
        lab.link(
            &authority,
            "to-ours",
            &["10.9.1.1/24"],
            &ours,
            "out",
            &["10.9.1.2/24"],
        );
        ours.default_route(address("10.9.1.1"));
        let (zone, ds) = root_zone(&lab);
        let text = |name: &str| {
            format!(
                "$TTL 300\n{name}. IN SOA ns h 1 3600 600 86400 60\n{name}. IN NS ns.{name}.\nns.{name}. A 10.53.0.2\nwww.{name}. A 192.0.2.80\n"
            )
        };
        let zones: Vec<Zone> = ["live0", "live1", "live2", "live3", "live4", "live5"]
            .into_iter()
            .map(|name| Zone {
                name,
                text: text(name),
            })
            .collect();
        servers::knot(
            &mut lab,
            &authority,
            "tlds",
            &[address("10.53.0.2")],
            &zones,
        );
        let config = suimond::config(
            &lab,
            &[listen()],
            &["127.0.0.0/8"],
            ROOT_HINTS,
            &format!(
                "[control]\nsocket = {:?}\n[dnssec]\nvalidation = \"on\"\nfollow_rollovers = false\ntrust_anchors = [\"{ds}\"]\n\
                 [local_root]\nenabled = true\nservers = [\"10.53.0.1\"]\n",
                lab.dir().join("control.sock")
            ),
        );
        Self {
            lab,
            authority,
            ours,
            zone,
            config,
        }
    }

    fn serve_root(&mut self, by: fn(&mut Lab, &Ns, &str, &[IpAddr], &[Zone]), name: &str) {
        let zone = Zone {
            name: ".",
            text: self.zone.clone(),
        };
        by(
            &mut self.lab,
            &self.authority,
            name,
            &[address("10.53.0.1")],
            &[zone],
        );
    }

    fn start(&mut self, name: &str) {
        let ours = self.ours.clone();
        suimond::start(&mut self.lab, &ours, name, &self.config);
    }

    fn report(&self) -> Value {
        let status = suimond::tool(&self.lab, &["--output", "json", "status"]);
        let status: Value = serde_json::from_str(&status).expect("JSON");
        status["local_root"].clone()
    }

    fn wait_until_used(&self, name: &str) {
        let used = wait_until(SOON, || self.report()["in_use"] == true);
        assert!(used, "{}\n{}", self.report(), self.lab.log(name));
    }

    /// The code, whether it is authentic, and the answer.
    fn ask(&self, name: &str) -> (Rcode, bool, Vec<String>) {
        let reply = self
            .ours
            .inside(|| resolve_dnssec(address("127.0.0.1"), listen(), name, T::A, false, PATIENCE));
        let reply = reply.unwrap_or_else(|| panic!("{name}: no reply"));
        (reply.rcode(), reply.header.flags.ad(), answer_text(&reply))
    }

    fn resolves(&self, name: &str) {
        let (rcode, _, answer) = self.ask(name);
        assert_eq!(rcode, Rcode::NOERROR, "{name}");
        assert!(
            answer.iter().any(|line| line.contains("192.0.2.80")),
            "{name}: {answer:?}"
        );
    }
}

#[test]
fn with_a_copy_of_the_root_zone_resolution_goes_on_without_the_root_until_it_expires() {
    let mut case = Case::new("localroot");
    case.serve_root(servers::nsd, "root");
    case.start("suimond");
    case.wait_until_used("suimond");
    let had = Instant::now();
    assert_eq!(case.report()["serial"], 2_026_112_200);
    let seen = case.lab.log("suimond");
    assert!(
        seen.contains("local root: a copy of the root zone is used from now on"),
        "{seen}"
    );

    // The root is gone.
    case.lab.stop("root");
    let capture = Capture::start(&case.lab, &case.ours, "out", "dst host 10.53.0.1");
    case.resolves("www.live0.");
    case.resolves("www.live1.");
    for junk in [
        "junk.",
        "printer.workgroup-of-nobody.",
        "zzzz.",
        "aaaa.",
        "x--tld7a.",
    ] {
        let (rcode, authentic, _) = case.ask(junk);
        assert_eq!((rcode, authentic), (Rcode::NXDOMAIN, true), "{junk}");
    }
    assert_eq!(capture.stop().len(), 0, "packets to the root");
    let sent = |cause| suimond::metric(&case.lab, "suimon_upstream_packets_total", cause);
    assert_eq!(
        (sent("local_root"), sent("priming"), sent("trust_anchor")),
        (1, 0, 0)
    );
    assert!(suimond::metric(&case.lab, "suimon_local_root_replies_total", "") >= 7);
    assert_eq!(
        suimond::metric(&case.lab, "suimon_local_root_serial", ""),
        2_026_112_200
    );

    // And suimond starts anew.
    assert_eq!(case.lab.stop("suimond"), Some(0));
    case.start("again");
    case.resolves("www.live2.");
    assert_eq!(case.ask("junk.").0, Rcode::NXDOMAIN);
    assert_eq!(case.report()["in_use"], true);

    // Until the copy expires: then the root servers are asked, and there are none.
    let left = Duration::from_secs(EXPIRE + 1).saturating_sub(had.elapsed());
    std::thread::sleep(left);
    assert_eq!(case.ask("www.live3.").0, Rcode::SERVFAIL);
    assert_eq!(case.report()["in_use"], false);
    let expired = "local root: the copy of the root zone has expired";
    let told = wait_until(SOON, || case.lab.log("again").contains(expired));
    assert!(told, "{}", case.lab.log("again"));

    // They come back and are asked until there is a copy again.
    case.serve_root(servers::nsd, "root-again");
    case.resolves("www.live4.");
}

#[test]
fn the_root_zone_is_taken_from_knot_and_bind_as_well_and_a_forged_one_is_not() {
    let mut case = Case::new("localroots");
    for (by, name) in [
        (
            servers::knot as fn(&mut Lab, &Ns, &str, &[IpAddr], &[Zone]),
            "knot",
        ),
        (servers::bind, "bind"),
    ] {
        case.serve_root(by, name);
        let suimond = format!("suimond-{name}");
        case.start(&suimond);
        case.wait_until_used(&suimond);
        assert_eq!(case.report()["source"], "10.53.0.1:53");
        case.lab.stop(name);
        case.resolves("www.live0.");
        assert_eq!(case.lab.stop(&suimond), Some(0));
        std::fs::remove_dir_all(case.lab.dir().join("state")).expect("the state directory");
    }
    // One address of one server is another: no signature of DNSSEC covers it.
    case.zone = case.zone.replace("2001:db8::3e7", "2001:db8::bad");
    case.serve_root(servers::nsd, "forger");
    case.start("refusing");
    let why = "10.53.0.1:53: refused: its digest is not the one its ZONEMD record gives";
    let refused = wait_until(SOON, || case.report()["trouble"] == why);
    assert!(refused, "{}\n{}", case.report(), case.lab.log("refusing"));
    assert_eq!(case.report()["in_use"], false);
    assert!(case.lab.log("refusing").contains(why));
    case.resolves("www.live1.");
}
