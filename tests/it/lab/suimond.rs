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
    let path = lab.file(&format!("{name}.toml"), config);
    let path = path.to_str().expect("a plain path").to_owned();
    lab.spawn(ns, name, &[SUIMOND, "--config", &path]);
    let begun = Instant::now();
    while !lab.log(name).contains("suimond: ready") {
        assert!(begun.elapsed() < Duration::from_secs(20), "suimond does not get ready:\n{}", lab.log(name));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A config for lab use: one listener, clients from anywhere in the lab, own root hints, nothing asked that no client caused.
pub fn config(lab: &Lab, listen: &[SocketAddr], clients: &[&str], hints: &str, more: &str) -> String {
    let hints = lab.file("hints.zone", hints);
    let quoted = |items: Vec<String>| items.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>().join(", ");
    format!(
        "[listen]\naddresses = [{}]\n[acl]\nallow = [{}]\n[recursion]\nroot_hints = {:?}\npriming = false\n\
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
