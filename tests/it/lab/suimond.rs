//! The suimond under test: this build's binary, in a namespace, from a config file alone.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Lab, Ns};

/// The binary that this test run built.
pub const SUIMOND: &str = env!("CARGO_BIN_EXE_suimond");
/// The operator's tool of the same build.
pub const SUIMON: &str = env!("CARGO_BIN_EXE_suimon");

/// Starts suimond with `config` and waits for its ready line.
pub fn start(lab: &mut Lab, ns: &Ns, name: &str, config: &str) {
    start_with(lab, ns, name, config, &[]);
}

/// The same with settings on the command line, `section.key=value` each.
pub fn start_with(lab: &mut Lab, ns: &Ns, name: &str, config: &str, set: &[&str]) {
    let path = lab.file(&format!("{name}.toml"), config);
    let path = path.to_str().expect("a plain path").to_owned();
    // Benches measure another binary, if they are told so.
    let binary = std::env::var("SUIMOND").unwrap_or_else(|_| SUIMOND.to_owned());
    let mut command = vec![binary.as_str(), "--config", &path];
    command.extend(set.iter().flat_map(|setting| ["--set", *setting]));
    lab.spawn(ns, name, &command);
    wait_until_ready(lab, name);
}

/// Waits for the ready line.
pub fn wait_until_ready(lab: &Lab, name: &str) {
    let begun = Instant::now();
    while !lab.log(name).contains("suimond: ready") {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "suimond does not get ready:\n{}",
            lab.log(name)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A config for lab use: one listener, clients from anywhere in the lab, own root hints, nothing asked that no client caused.
pub fn config(
    lab: &Lab,
    listen: &[SocketAddr],
    clients: &[&str],
    hints: &str,
    more: &str,
) -> String {
    let hints = lab.file("hints.zone", hints);
    let quoted = |items: Vec<String>| {
        items
            .iter()
            .map(|item| format!("{item:?}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    // Tests ask more from one address than anybody does; those about limits say so.
    let limiter = if more.contains("[limiter]") {
        ""
    } else {
        "[limiter]\nmode = \"off\"\n"
    };
    format!(
        "{limiter}[listen]\naddresses = [{}]\n[acl]\nallow = [{}]\n[recursion]\nroot_hints = {:?}\npriming = false\n\
         [egress]\nallow_private_servers = true\n[process]\nstate_dir = {:?}\ndrain = \"0s\"\nsandbox = false\n{more}\n",
        quoted(listen.iter().map(ToString::to_string).collect()),
        quoted(clients.iter().map(|client| (*client).to_owned()).collect()),
        hints,
        lab.dir().join("state"),
    )
}

/// Runs the operator's tool against the lab's control socket; panics if it fails.
pub fn tool(lab: &Lab, arguments: &[&str]) -> String {
    let output = std::process::Command::new(SUIMON)
        .arg("--socket")
        .arg(lab.dir().join("control.sock"))
        .args(arguments)
        .output()
        .expect("suimon starts");
    assert!(
        output.status.success(),
        "suimon {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs the operator's tool whatever comes of it: exit code, standard output, standard error.
pub fn try_tool(lab: &Lab, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = std::process::Command::new(SUIMON)
        .arg("--socket")
        .arg(lab.dir().join("control.sock"))
        .args(arguments)
        .output()
        .expect("suimon starts");
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// The sum of a metric over all label sets that hold the value `label` (`""`: over all), from `suimon stats`.
pub fn metric(lab: &Lab, name: &str, label: &str) -> u64 {
    let stats = tool(lab, &["--output", "json", "stats"]);
    let stats: serde_json::Value = serde_json::from_str(&stats).expect("JSON from suimon stats");
    let metrics = stats["metrics"].as_array().expect("metrics");
    let values: Vec<u64> = metrics
        .iter()
        .filter(|metric| {
            metric["name"] == name
                && (label.is_empty()
                    || metric["labels"].to_string().contains(&format!("{label:?}")))
        })
        .map(|metric| {
            let value = &metric["value"]["value"];
            let level = value.as_f64().or_else(|| metric["value"].as_f64());
            level
                .map(|level| format!("{level:.0}"))
                .and_then(|level| level.parse().ok())
                .expect("a count")
        })
        .collect();
    assert!(!values.is_empty(), "no metric {name} {label:?}");
    values.iter().sum()
}
