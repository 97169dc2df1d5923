//! Does `suimon top` show a live suimond's load as it is, on a pipe and on a terminal, without an address or a whole name?

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use suimon::wire::RecordType;

use crate::lab::client::query;
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

/// About so many queries a second from `source` for `seconds`, replies unread.
fn load(source: &str, name: &str, per_second: u32, seconds: f64) {
    let socket = UdpSocket::bind((source, 0)).expect("a client socket");
    let octets = query(7, 0x0100, name, RecordType::A, true);
    let begun = Instant::now();
    for turn in 0.. {
        let due = Duration::from_secs(1) / per_second * turn;
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
        if begun.elapsed().as_secs_f64() > seconds {
            return;
        }
        let _sent = socket.send_to(&octets, SERVER);
    }
}

fn rate(list: &serde_json::Value, key: &str, value: &str, rate: &str) -> f64 {
    let found = list
        .as_array()
        .and_then(|all| all.iter().find(|one| one[key] == value));
    found.and_then(|one| one[rate].as_f64()).unwrap_or_default()
}

#[test]
fn a_pipe_sees_the_load_in_networks_domains_and_reasons() {
    let (lab, clients, _resolver) = scene("toppipe");
    let mut looks = String::new();
    clients.inside(|| {
        std::thread::scope(|threads| {
            // A client that asks four times what it may, and an outsider.
            threads.spawn(|| load("10.54.0.2", "www.local.test.", 200, 9.0));
            threads.spawn(|| load("10.56.0.2", "www.private.example.", 50, 9.0));
            std::thread::sleep(Duration::from_secs(6));
            looks = suimond::tool(&lab, &["top", "--json", "--count", "2"]);
        });
    });
    let lines: Vec<&str> = looks.lines().collect();
    assert_eq!(lines.len(), 2, "{looks}");
    let look: serde_json::Value = serde_json::from_str(lines[1]).expect("a line of JSON");
    let within = |what: &str, told: f64, from: f64, to: f64| {
        assert!((from..=to).contains(&told), "{what}: {told} in {looks}");
    };
    within(
        "queries",
        look["queries_per_second"].as_f64().unwrap_or_default(),
        180.0,
        300.0,
    );
    let client = |column| rate(&look["clients"], "network", "10.54.0.0/24", column);
    within("client", client("queries_per_second"), 120.0, 230.0);
    within("limited", client("limited_per_second"), 100.0, 180.0);
    let outsider = rate(
        &look["outsiders"],
        "network",
        "10.56.0.0/24",
        "queries_per_second",
    );
    within("outsider", outsider, 25.0, 65.0);
    within(
        "reason",
        rate(
            &look["reasons"],
            "reason",
            "limited_truncated",
            "per_second",
        ),
        100.0,
        180.0,
    );
    within(
        "domain",
        rate(
            &look["domains"],
            "domain",
            "local.test.",
            "queries_per_second",
        ),
        120.0,
        230.0,
    );
    for secret in ["10.54.0.2", "10.56.0.2", "www.", "private"] {
        assert!(!looks.contains(secret), "{secret} in {looks}");
    }
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
    // script(1) gives it a terminal; q comes after three looks.
    let command = format!(
        "stty rows 24 cols 80; {SUIMON} --socket {} top --interval 200ms; stty -a",
        socket.display()
    );
    let output = std::process::Command::new("sh")
        .arg("-c")
        .arg(format!(
            "(sleep 1; printf q; sleep 1) | timeout 20 script -qec {command:?} /dev/null"
        ))
        .output()
        .expect("script(1)");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shown}");
    assert!(
        shown.contains("\x1b[?1049h") && shown.contains("\x1b[?1049l"),
        "{shown:?}"
    );
    assert!(shown.matches("\x1b[H").count() >= 3, "{shown:?}");
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
    // In force: 100 at once, 50 a second after that, and the rest of what is asked for a known name is held back. Fewer than 500 a
    // second, so that each one is looked at.
    clients.inside(|| load("10.54.0.2", "www.local.test.", 400, 2.0));
    let enforced = shadow();
    assert_eq!(
        (&enforced["mode"], &enforced["verdict"]),
        (&"enforce".into(), &"hurts".into())
    );
    let held = enforced["known_names_total"].as_u64().expect("a count");
    assert!((400..=700).contains(&held), "{enforced}");
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
    clients.inside(|| load("10.54.0.2", "www.local.test.", 400, 2.0));
    let logged = shadow();
    assert_eq!(logged["mode"], "log-only");
    let more = logged["known_names_total"].as_u64().expect("a count") - held;
    assert!((400..=700).contains(&more), "{enforced} {logged}");
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
