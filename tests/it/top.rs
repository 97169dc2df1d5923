//! Does `suimon top` show a live suimond's load as it is, on a pipe and on a terminal, without an address or a whole name?

use std::io::{Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use suimon::wire::RecordType;

use crate::lab::client::query;
use crate::lab::script::{PATIENCE, wait_until};
use crate::lab::suimond::{self, SUIMON};
use crate::lab::{Lab, Ns};

const SERVER: &str = "10.54.0.1:53";
const HINTS: &str = ". 3600 IN NS a.root.\na.root. 3600 IN A 10.54.0.1\n";

fn scene(tag: &str) -> (Lab, Ns, Ns) {
    let mut lab = Lab::new(tag);
    let (clients, resolver) = (lab.namespace("clients"), lab.namespace("resolver"));
    lab.link(
        &clients,
        "wan",
        &["10.54.0.2/24", "10.56.0.2/24"],
        &resolver,
        "lan",
        &["10.54.0.1/24", "10.56.0.1/24"],
    );
    let more = format!(
        "[limiter]\nrate = 50\ninstant = 100\n[control]\nsocket = {:?}\n[policy]\nlocal_zones = [\"local.test.\"]\n\
         local_data = [\"www.local.test. 60 IN A 192.0.2.1\"]\n",
        lab.dir().join("control.sock")
    );
    let listen: [SocketAddr; 1] = [SERVER.parse().expect("an address")];
    let config = suimond::config(&lab, &listen, &["10.54.0.0/24"], HINTS, &more);
    suimond::start(&mut lab, &resolver, "suimond", &config);
    (lab, clients, resolver)
}

/// A load that is so late leaves out what it has missed: no burst makes up for it.
const BEHIND: Duration = Duration::from_millis(100);

/// About so many queries a second from `source`, replies unread, while `goes_on` says so of how many were sent.
fn load(source: &str, name: &str, per_second: u32, goes_on: impl Fn(u64) -> bool) {
    let socket = UdpSocket::bind((source, 0)).expect("a client socket");
    let octets = query(7, 0x0100, name, RecordType::A, true);
    let (mut due, mut sent) = (Instant::now(), 0);
    while goes_on(sent) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        socket.send_to(&octets, SERVER).expect("a query sent");
        sent += 1;
        due = (due + Duration::from_secs(1) / per_second).max(Instant::now() - BEHIND);
    }
}

fn rate(list: &serde_json::Value, key: &str, value: &str, rate: &str) -> f64 {
    let found = list
        .as_array()
        .and_then(|all| all.iter().find(|one| one[key] == value));
    found.and_then(|one| one[rate].as_f64()).unwrap_or_default()
}

/// Whether the second of two looks has what is asked, in rates near those that it is asked at. What it must never have is no matter of
/// attempts.
fn shows_the_load(looks: &str) -> Result<(), String> {
    let lines: Vec<&str> = looks.lines().collect();
    assert_eq!(lines.len(), 2, "{looks}");
    for secret in ["10.54.0.2", "10.56.0.2", "www.", "private"] {
        assert!(!looks.contains(secret), "{secret} in {looks}");
    }
    let look: serde_json::Value = serde_json::from_str(lines[1]).expect("a line of JSON");
    let client = |column| rate(&look["clients"], "network", "10.54.0.0/24", column);
    let asked = "queries_per_second";
    for (what, told, from, to) in [
        (
            "queries",
            look[asked].as_f64().unwrap_or_default(),
            180.0,
            300.0,
        ),
        ("client", client(asked), 120.0, 230.0),
        ("limited", client("limited_per_second"), 100.0, 180.0),
        (
            "outsider",
            rate(&look["outsiders"], "network", "10.56.0.0/24", asked),
            25.0,
            65.0,
        ),
        (
            "reason",
            rate(
                &look["reasons"],
                "reason",
                "limited_truncated",
                "per_second",
            ),
            100.0,
            180.0,
        ),
        (
            "domain",
            rate(&look["domains"], "domain", "local.test.", asked),
            120.0,
            230.0,
        ),
    ] {
        if !(from..=to).contains(&told) {
            return Err(format!("{what}: {told} in {looks}"));
        }
    }
    Ok(())
}

#[test]
fn a_pipe_sees_the_load_in_networks_domains_and_reasons() {
    let (lab, clients, _resolver) = scene("toppipe");
    let stop = AtomicBool::new(false);
    let goes_on = |_| !stop.load(Ordering::Relaxed);
    let seen = clients.inside(|| {
        std::thread::scope(|threads| {
            // A client that asks four times what it may, and an outsider.
            threads.spawn(|| load("10.54.0.2", "www.local.test.", 200, goes_on));
            threads.spawn(|| load("10.56.0.2", "www.private.example.", 50, goes_on));
            std::thread::sleep(Duration::from_secs(6));
            // A look is of a second: where the machine stood still for half of it the next one shows what is asked.
            let mut wrong = Vec::new();
            let seen = wait_until(Duration::from_secs(60), || {
                let looks = suimond::tool(&lab, &["top", "--json", "--count", "2"]);
                shows_the_load(&looks)
                    .map_err(|why| wrong.push(why))
                    .is_ok()
            });
            stop.store(true, Ordering::Relaxed);
            seen.then_some(()).ok_or(wrong)
        })
    });
    assert_eq!(seen, Ok(()));
    let text = suimond::tool(&lab, &["top", "--once", "--interval", "100ms"]);
    assert!(
        text.contains("Clients") && text.contains("10.54.0.0/24"),
        "{text}"
    );
}

#[test]
fn a_terminal_is_redrawn_until_q_and_given_back() {
    let (lab, _clients, _resolver) = scene("topterm");
    let socket = lab.dir().join("control.sock");
    // script(1) gives it a terminal; q comes after three looks, whenever those are.
    let command = format!(
        "stty rows 24 cols 80; {SUIMON} --socket {} top --interval 200ms; stty -a",
        socket.display()
    );
    let mut child = Command::new("timeout")
        .args(["120", "script", "-qec", &command, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script(1)");
    let mut typed = child.stdin.take().expect("piped");
    let mut screen = child.stdout.take().expect("piped");
    let (mut shown, mut buffer, mut asked_to_end) = (Vec::new(), [0; 4096], false);
    // It ends when script(1) does.
    while let Ok(length @ 1..) = screen.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..length]);
        let redrawn = shown.windows(3).filter(|at| at == b"\x1b[H").count();
        if redrawn >= 3 && !asked_to_end {
            typed.write_all(b"q").expect("typed");
            asked_to_end = true;
        }
    }
    let ended = child.wait().expect("an end");
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert!(ended.success() && asked_to_end, "{ended}: {shown}");
    assert!(
        shown.contains("\x1b[?1049h") && shown.contains("\x1b[?1049l"),
        "{shown:?}"
    );
    let after = shown.rsplit("\x1b[?1049l").next().unwrap_or_default();
    for mode in ["icanon", "echo", "isig"] {
        let is_on = after.split_whitespace().any(|word| word == mode);
        assert!(is_on, "{mode}: {after}");
    }
}

#[test]
fn a_limit_that_is_only_logged_hurts_nobody_and_says_whom_it_would() {
    let (lab, clients, _resolver) = scene("topshadow");
    let shadow = || -> serde_json::Value {
        let told = suimond::tool(&lab, &["--output", "json", "guard", "shadow"]);
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        let limits = told["limits"].as_array().expect("limits");
        let limiter = limits.iter().find(|one| one["limit"] == "client_limiter");
        limiter.expect("the limiter").clone()
    };
    // All that were sent, and counted; and how many of them may have been served. In force that is 100 at once and 50 a second, and the
    // rest of what is asked for a known name is held back. Fewer than 500 a second, so that each one is looked at.
    const QUERIES: u64 = 800;
    let storm = |before: u64| -> u64 {
        let begun = Instant::now();
        clients.inside(|| load("10.54.0.2", "www.local.test.", 200, |sent| sent < QUERIES));
        let all = || suimond::metric(&lab, "suimon_queries_total", "") == before + QUERIES;
        assert!(wait_until(PATIENCE, all), "{}", lab.log("suimond"));
        100 + 50 * (begun.elapsed().as_secs() + 1)
    };
    let served = storm(0);
    let enforced = shadow();
    assert_eq!(
        (&enforced["mode"], &enforced["verdict"]),
        (&"enforce".into(), &"hurts".into())
    );
    let held = enforced["known_names_total"].as_u64().expect("a count");
    let range = |served: u64| QUERIES.saturating_sub(served).max(1)..=QUERIES - 100;
    assert!(range(served).contains(&held), "{enforced}");
    let limited = suimond::metric(&lab, "suimon_verdicts_total", "limited_truncated");
    assert_eq!(held, limited, "{enforced}");
    assert_eq!(
        held,
        suimond::metric(&lab, "suimon_shadow_total", "client_limiter")
    );
    // Only logged: the same is counted, and nothing more is held back.
    let config = lab.dir().join("suimond.toml");
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let text = text.replacen("[limiter]", "[limiter]\nmode = \"log-only\"", 1);
    std::fs::write(&config, text).expect("the configuration");
    suimond::tool(&lab, &["reload"]);
    std::thread::sleep(Duration::from_secs(10));
    let served = storm(QUERIES);
    let logged = shadow();
    assert_eq!(logged["mode"], "log-only");
    let more = logged["known_names_total"].as_u64().expect("a count") - held;
    assert!(range(served).contains(&more), "{enforced} {logged}");
    assert_eq!(
        limited,
        suimond::metric(&lab, "suimon_verdicts_total", "limited_truncated")
    );
    let would = suimond::metric(&lab, "suimon_verdicts_total", "would_limit");
    assert_eq!(more, would, "{enforced} {logged}");
    let screen = suimond::tool(&lab, &["guard", "shadow"]);
    assert!(
        screen.contains("would hurt") && screen.contains("limiter.rate"),
        "{screen}"
    );
}
