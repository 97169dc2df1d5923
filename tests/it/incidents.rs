//! Is an attack kept, shown and exported, by the schema that docs/incidents.md promises, without telling whom it concerns; and do a kill,
//! a damaged file and a full disk cost no more than they must?

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use suimon::wire::RecordType;

use crate::lab::client::{self, ask};
use crate::lab::{Lab, Ns, suimond};

const HINTS: &str = ". 3600 IN NS a.root.\na.root. 3600 IN A 10.53.0.1\n";
const SERVER: &str = "10.54.0.1:53";
/// Asks too much.
const GREEDY: &str = "10.54.0.2";
/// Asks for made-up names of the victim.
const BOT: &str = "10.54.0.3";
/// Comes by another interface than it may.
const FORGED: &str = "10.55.0.2";
const PATIENCE: Duration = Duration::from_secs(90);
const HOPS: u64 = 57;

struct Scene {
    lab: Lab,
    clients: Ns,
    resolver: Ns,
    config: String,
    running: String,
}

impl Scene {
    fn new(tag: &str) -> Self {
        let mut lab = Lab::new(tag);
        let (clients, resolver) = (lab.namespace("clients"), lab.namespace("resolver"));
        lab.link(
            &clients,
            "wan",
            &["10.54.0.2/24", "10.54.0.3/24", "10.55.0.2/24"],
            &resolver,
            "lan",
            &["10.54.0.1/24", "10.55.0.1/24"],
        );
        clients.run(&["sysctl", "-q", &format!("net.ipv4.ip_default_ttl={HOPS}")]);
        let more = format!(
            "[limiter]\nrate = 50\ninstant = 100\n[[limiter.prefix]]\nprefix = \"{BOT}/32\"\nrate = 100000\n\
             [guard]\nspoof_alarm = 10\n[[guard.bind]]\nprefixes = [\"10.55.0.0/24\"]\ninterfaces = [\"elsewhere\"]\n\
             [control]\nsocket = {:?}\n[zone_guard]\nknown_names = \"64KiB\"\n[policy]\nspecial_use = false\nlocal_zones = [\"local.test.\"]\n\
             local_data = [\"www.local.test. 60 IN A 192.0.2.1\"]\n",
            lab.dir().join("control.sock")
        );
        let more = more.replace("[limiter]", "hop_limit_every = 1\n[limiter]");
        let nets = ["10.54.0.0/24", "10.55.0.0/24"];
        let config = suimond::config(&lab, &[address(SERVER)], &nets, HINTS, "[limiter]\n");
        // The sections that `config` writes, with one key more in [listen].
        let config = config
            .replace("[limiter]\n", "")
            .replace("[listen]\n", "[listen]\nhop_limit_every = 1\n")
            + &more.replace("hop_limit_every = 1\n", "");
        Self {
            lab,
            clients,
            resolver,
            config,
            running: String::new(),
        }
    }

    fn start(&mut self, name: &str) {
        suimond::start(&mut self.lab, &self.resolver, name, &self.config);
        name.clone_into(&mut self.running);
    }

    fn kill(&mut self) {
        let pid = self.lab.pid(&self.running).to_string();
        let killed = Command::new("kill").args(["-KILL", &pid]).status();
        assert!(killed.expect("kill").success());
        assert_eq!(self.lab.stop(&self.running), None, "killed, not ended");
    }

    /// So many queries from `source`, a few at a time.
    fn ask(&self, source: &str, count: usize, name: impl Fn(usize) -> String + Send + Sync) {
        self.clients.inside(|| {
            let source: IpAddr = source.parse().expect("an address");
            let socket = UdpSocket::bind((source, 0)).expect("a socket");
            socket.connect(address(SERVER)).expect("connected");
            for number in 0..count {
                let id = u16::try_from(number % 65_536).expect("16 bits");
                let _refused_or_not = socket.send(&ask(id, &name(number), RecordType::A));
                if number % 20 == 19 {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        });
    }

    fn is_served(&self) -> bool {
        let octets = ask(7, "www.local.test.", RecordType::A);
        let bot = SocketAddr::new(BOT.parse().expect("an address"), 0);
        let reply = self
            .clients
            .inside(|| client::udp_from(bot, address(SERVER), &octets, PATIENCE));
        reply.is_some()
    }

    fn list(&self) -> Vec<Value> {
        let list = suimond::tool(&self.lab, &["--output", "json", "incidents", "list"]);
        let list: Value = serde_json::from_str(&list).expect("JSON");
        list["incidents"].as_array().expect("incidents").clone()
    }

    /// The incident of that kind, when it is as it should be.
    fn incident(&self, kind: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let list = self.list();
            if let Some(found) = list.iter().find(|one| one["kind"] == kind && is_so(one)) {
                return found.clone();
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "no {kind} in {list:?}\n{}",
                self.lab.log(&self.running)
            );
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    fn directory(&self) -> PathBuf {
        self.lab.dir().join("state/incidents")
    }
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn made_up(number: usize) -> String {
    format!("secret{number:x}.victim.test.")
}

fn id(incident: &Value) -> String {
    incident["id"].as_str().expect("an id").to_owned()
}

#[test]
fn attacks_are_kept_and_exported_without_telling_whom_they_concern_and_outlive_a_kill() {
    let mut scene = Scene::new("incidents");
    scene.start("suimond");
    suimond::tool(&scene.lab, &["guard", "pin", "victim.test"]);
    scene.ask(BOT, 600, made_up);
    scene.ask(GREEDY, 2_000, |_| "www.local.test.".to_owned());
    scene.ask(FORGED, 500, |_| "www.local.test.".to_owned());
    let zone = scene.incident("zone_under_attack", |one| {
        one["packets"].as_u64() > Some(100)
    });
    let client = scene.incident("client_limited", |_| true);
    let spoof = scene.incident("ingress_spoof", |_| true);
    assert_eq!(zone["about"], "victim.test.");
    assert_eq!(client["about"], "10.54.0.0/24");
    assert_eq!(spoof["about"], "lan (wrong_ingress)");

    // What is told of them: as the schema says, and not whom they concern.
    let export = suimond::tool(&scene.lab, &["incidents", "export", "--all"]);
    let document: Value = serde_json::from_str(&export).expect("JSON");
    holds(&schema(), &document);
    assert_eq!(document["incidents"].as_array().map(Vec::len), Some(3));
    for incident in document["incidents"].as_array().expect("incidents") {
        let hops = &incident["hop_limits"][0];
        assert_eq!(hops["hop_limit"], HOPS, "{incident:#}");
        assert!(
            !incident["done"].as_array().expect("done").is_empty(),
            "{incident:#}"
        );
        assert_eq!(incident["config_sha256"].as_str().map(str::len), Some(64));
    }
    let shown = suimond::tool(&scene.lab, &["incidents", "show", &id(&zone)]);
    assert!(shown.contains("se…["), "{shown}");
    let told = export
        + &shown
        + &suimond::tool(&scene.lab, &["incidents", "list"])
        + &suimond::tool(&scene.lab, &["guard", "status"])
        + &suimond::tool(&scene.lab, &["status"])
        + &suimond::tool(&scene.lab, &["stats"])
        + &scene.lab.log("suimond");
    for secret in [GREEDY, BOT, FORGED, "secret"] {
        let lines: Vec<&str> = told.lines().filter(|line| line.contains(secret)).collect();
        assert!(lines.is_empty(), "{secret}: {lines:?}");
    }
    let audit = scene.lab.dir().join("state/audit.log");
    assert!(!audit.exists(), "nobody has looked at details");

    // Who wants more gets it, and is written down.
    let detail = suimond::tool(&scene.lab, &["incidents", "show", &id(&zone), "--detail"]);
    assert!(
        detail.contains(&format!("{BOT}/32")) && detail.contains("secret"),
        "{detail}"
    );
    let detail = suimond::tool(
        &scene.lab,
        &["incidents", "export", &id(&client), "--detail"],
    );
    holds(&schema(), &serde_json::from_str(&detail).expect("JSON"));
    assert!(detail.contains(GREEDY), "{detail}");
    let audit = std::fs::read_to_string(audit).expect("the record");
    let looks: Vec<Value> = audit
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(looks.len(), 2, "{audit}");
    assert_eq!(
        (&looks[0]["uid"], &looks[0]["what"]),
        (&0.into(), &zone["id"])
    );
    assert!(
        scene
            .lab
            .log("suimond")
            .contains("details of customers were shown")
    );

    // A kill leaves what was written; one of the files is damaged meanwhile.
    let begun = Instant::now();
    let is_kept = |one: &Value| scene.directory().join(id(one) + ".json").exists();
    while ![&zone, &client, &spoof].into_iter().all(is_kept) {
        assert!(begun.elapsed() < PATIENCE, "not written down");
        std::thread::sleep(Duration::from_millis(100));
    }
    scene.kill();
    std::fs::write(
        scene.directory().join(id(&spoof) + ".json"),
        "{\"schema\": 1,",
    )
    .expect("cut");
    let offline = [
        "incidents",
        "--state-dir",
        scene.lab.dir().join("state").to_str().expect("a path"),
        "list",
    ]
    .map(str::to_owned);
    let offline = suimond::tool(&scene.lab, &offline.each_ref().map(String::as_str));
    assert!(
        offline.contains(&id(&zone)) && offline.contains("goes on"),
        "{offline}"
    );
    scene.start("suimond-2");
    assert!(scene.is_served());
    let log = scene.lab.log("suimond-2");
    let lines = log
        .lines()
        .filter(|line| line.contains("cannot be used, and the incident is not listed"));
    assert_eq!(lines.count(), 1, "{log}");
    assert!(scene.directory().join(id(&spoof) + ".json.bad").exists());
    let list = scene.list();
    assert_eq!(list.len(), 2, "{list:?}");
    assert!(list.iter().all(|one| !one["ended"].is_null()), "{list:?}");
    let begun = Instant::now();
    let by_restart = || {
        let file = std::fs::read_to_string(scene.directory().join(id(&zone) + ".json"));
        file.is_ok_and(|text| text.contains("\"ended_by\": \"restart\""))
    };
    while !by_restart() {
        assert!(begun.elapsed() < PATIENCE, "not written down");
        std::thread::sleep(Duration::from_millis(200));
    }

    // It goes on after the restart as another one, and is over when the guard lets go.
    suimond::tool(&scene.lab, &["guard", "pin", "victim.test"]);
    scene.ask(BOT, 300, made_up);
    let again = scene.incident("zone_under_attack", |one| one["ended"].is_null());
    assert_ne!(again["id"], zone["id"]);
    suimond::tool(&scene.lab, &["guard", "release", "victim.test"]);
    let over = scene.incident("zone_under_attack", |one| {
        one["id"] == again["id"] && !one["ended"].is_null()
    });
    let report = suimond::tool(
        &scene.lab,
        &["--output", "json", "incidents", "show", &id(&over)],
    );
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["incidents"][0]["ended_by"], "over");
    assert_eq!(scene.lab.stop("suimond-2"), Some(0));
}

#[test]
fn a_full_disk_costs_one_line_and_what_happened_meanwhile_is_kept_when_there_is_room_again() {
    let mut scene = Scene::new("fulldisk");
    let directory = scene.directory();
    std::fs::create_dir_all(&directory).expect("a directory");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "none"])
        .arg(&directory)
        .status();
    assert!(mounted.expect("mount").success());
    let _unmounted = Unmount(directory.clone());
    let full = directory.join("full.bad");
    let filled = Command::new("sh")
        .args(["-c", "cat /dev/zero > \"$1\"", "fill"])
        .arg(&full)
        .stderr(std::process::Stdio::null())
        .status();
    assert!(!filled.expect("sh").success(), "it is full");
    scene.start("suimond");
    scene.ask(GREEDY, 2_000, |_| "www.local.test.".to_owned());
    let client = scene.incident("client_limited", |_| true);
    assert!(scene.is_served());
    let shown = suimond::tool(&scene.lab, &["incidents", "show", &id(&client)]);
    assert!(
        shown.contains("10.54.0.0/24"),
        "shown all the same: {shown}"
    );
    let begun = Instant::now();
    while !scene
        .lab
        .log("suimond")
        .contains("incidents cannot be kept")
    {
        assert!(begun.elapsed() < PATIENCE, "{}", scene.lab.log("suimond"));
        std::thread::sleep(Duration::from_millis(200));
    }
    let status = suimond::tool(&scene.lab, &["status"]);
    assert!(status.contains("incidents are not kept"), "{status}");
    std::fs::remove_file(&full).expect("room again");
    // It is tried again every half minute, and in any case at the end.
    assert_eq!(scene.lab.stop("suimond"), Some(0));
    let log = scene.lab.log("suimond");
    assert_eq!(log.matches("incidents cannot be kept").count(), 1, "{log}");
    let kept = std::fs::read_to_string(directory.join(id(&client) + ".json")).expect("kept");
    assert!(kept.contains("\"ended_by\": \"shutdown\""), "{kept}");
}

/// Undoes a mount.
struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// The schema in docs/.
fn schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/incidents.schema.json");
    let text = std::fs::read_to_string(path).expect("the schema");
    serde_json::from_str(&text).expect("JSON")
}

/// Holds `value` against a schema: the words of JSON Schema that ours uses, and beyond them that no key is there that it does not name.
fn holds(root: &Value, value: &Value) {
    fn check(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        for (word, wanted) in schema.as_object().expect("a schema") {
            match word.as_str() {
                "$schema" | "title" | "$defs" | "required" | "additionalProperties" => {}
                "$ref" => {
                    let path = wanted
                        .as_str()
                        .expect("a reference")
                        .trim_start_matches('#');
                    check(root, root.pointer(path).expect("a definition"), value, at)?;
                }
                "const" if value == wanted => {}
                "enum" if wanted.as_array().expect("a list").contains(value) => {}
                "anyOf" => {
                    let any = wanted.as_array().expect("a list").iter();
                    if !any.clone().any(|one| check(root, one, value, at).is_ok()) {
                        return Err(format!("{at}: {value} is none of {wanted}"));
                    }
                }
                "type" => {
                    let is = match wanted.as_str().expect("a type") {
                        "object" => value.is_object(),
                        "array" => value.is_array(),
                        "string" => value.is_string(),
                        "boolean" => value.is_boolean(),
                        "integer" => value.is_u64() || value.is_i64(),
                        "number" => value.is_number(),
                        "null" => value.is_null(),
                        other => panic!("type {other}"),
                    };
                    if !is {
                        return Err(format!("{at}: {value} is not of type {wanted}"));
                    }
                }
                "format" => {
                    let text = value.as_str().unwrap_or_default();
                    text.parse::<suimon::config::units::Moment>()
                        .map_err(|error| format!("{at}: {error:?}"))?;
                }
                "items" => {
                    for (index, item) in value.as_array().expect("an array").iter().enumerate() {
                        check(root, wanted, item, &format!("{at}[{index}]"))?;
                    }
                }
                "properties" => {
                    let object = value.as_object().expect("an object");
                    for (key, inner) in object {
                        let named = wanted
                            .get(key)
                            .ok_or_else(|| format!("{at}: what is {key}?"))?;
                        check(root, named, inner, &format!("{at}.{key}"))?;
                    }
                }
                _ => return Err(format!("{at}: {value} is not {word} {wanted}")),
            }
        }
        for key in schema["required"].as_array().into_iter().flatten() {
            if value.get(key.as_str().expect("a key")).is_none() {
                return Err(format!("{at}: {key} is missing"));
            }
        }
        Ok(())
    }
    if let Err(why) = check(root, root, value, "$") {
        panic!("{why}\n{value:#}");
    }
    // It is no judge that takes everything.
    let mut odd = value.clone();
    odd["incidents"][0]["surprise"] = 1.into();
    assert!(check(root, root, &odd, "$").is_err());
}
