//! Do people's tools and ours say the right things to a live suimond, and does suimond say clearly why it does not start or reload?

use std::time::Duration;

use suimon::wire::RecordType as T;

use crate::lab::client;
use crate::lab::script::{HINTS, PATIENCE, Reply, Scene, Setting, World, listen, say, wait_until};
use crate::lab::suimond::{self, SUIMON, SUIMOND, try_tool};
use crate::lab::{Lab, Ns};

const WWW: &str = "www.example.test.";
const GOOD: &str = "NOERROR www.example.test. A 192.0.2.1";

fn usual() -> World {
    let long = format!("\"{}\"", "long".repeat(50));
    World::usual(&format!(
        "www.example.test. A 192.0.2.1\nwww.example.test. AAAA 2001:db8::1\nexample.test. MX 10 mail.example.test.\n\
         text.example.test. TXT \"one two\"\nalias.example.test. CNAME www.example.test.\nother.example.test. A 192.0.2.2\n\
         long.example.test. TXT{}",
        format!(" {long}").repeat(10)
    ))
    .and(&[("10.53.0.1", "in-addr.arpa.", "1.2.0.192.in-addr.arpa. PTR www.example.test.")])
}

fn honest(tag: &str) -> Scene {
    Scene::honest(
        tag,
        &Setting {
            set: &["policy.local_reverse=false"],
            ..Setting::default()
        },
        usual(),
    )
}

// Other people's tools.

/// Runs a command line with `TOOL` questions and looks for the words in what it prints.
fn shows(ns: &Ns, command: &str, words: &[&str]) {
    let arguments: Vec<&str> = command.split_whitespace().collect();
    let (_, output) = ns.try_run(&arguments);
    let squeezed = output.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(
            squeezed.contains(word),
            "`{command}` does not show {word:?}:\n{output}"
        );
    }
}

#[test]
fn dig_kdig_drill_nslookup_and_host_show_the_right_answers() {
    let scene = honest("tools");
    let ns = &scene.resolver;
    for dig in ["dig @127.0.0.1", "kdig @127.0.0.1"] {
        shows(
            ns,
            &format!("{dig} {WWW} A"),
            &["status: NOERROR", "IN A 192.0.2.1", "ra"],
        );
        shows(ns, &format!("{dig} +short {WWW} AAAA"), &["2001:db8::1"]);
        shows(
            ns,
            &format!("{dig} +tcp example.test. MX"),
            &["10 mail.example.test."],
        );
        shows(
            ns,
            &format!("{dig} alias.example.test. A"),
            &["CNAME www.example.test.", "192.0.2.1"],
        );
        shows(
            ns,
            &format!("{dig} nothing.example.test. A"),
            &["status: NXDOMAIN", "SOA"],
        );
        shows(
            ns,
            &format!("{dig} {WWW} TXT"),
            &["status: NOERROR", "ANSWER: 0", "SOA"],
        );
        shows(
            ns,
            &format!("{dig} long.example.test. TXT"),
            &[&"long".repeat(50), "TCP"],
        );
        shows(
            ns,
            &format!("{dig} -x 192.0.2.1"),
            &["1.2.0.192.in-addr.arpa.", "PTR www.example.test."],
        );
        shows(
            ns,
            &format!("{dig} +dnssec +nsid +cookie {WWW} A"),
            &["status: NOERROR", "192.0.2.1"],
        );
        shows(
            ns,
            &format!("{dig} +noedns {WWW} A"),
            &["status: NOERROR", "192.0.2.1"],
        );
    }
    shows(
        ns,
        &format!("dig @127.0.0.1 +edns=1 +noednsneg {WWW} A"),
        &["status: BADVERS"],
    );
    shows(
        ns,
        "dig @127.0.0.1 version.bind. CH TXT",
        &["status: REFUSED"],
    );
    shows(
        ns,
        &format!("dig @127.0.0.1 {WWW} ANY"),
        &["status: NOERROR", "192.0.2.1"],
    );
    shows(
        ns,
        &format!("drill @127.0.0.1 {WWW} A"),
        &["rcode: NOERROR", "IN A 192.0.2.1"],
    );
    shows(
        ns,
        "drill -t @127.0.0.1 example.test. MX",
        &["10 mail.example.test."],
    );
    shows(
        ns,
        "drill @127.0.0.1 nothing.example.test. A",
        &["rcode: NXDOMAIN"],
    );
    shows(ns, "drill -x 192.0.2.1 @127.0.0.1", &["www.example.test."]);
    shows(
        ns,
        "drill @127.0.0.1 text.example.test. TXT",
        &["\"one two\""],
    );
    shows(
        ns,
        "nslookup www.example.test. 127.0.0.1",
        &["Address: 192.0.2.1", "Address: 2001:db8::1"],
    );
    shows(
        ns,
        "nslookup -type=MX example.test. 127.0.0.1",
        &["mail exchanger = 10 mail.example.test."],
    );
    shows(
        ns,
        "nslookup 192.0.2.1 127.0.0.1",
        &["name = www.example.test."],
    );
    shows(
        ns,
        "nslookup nothing.example.test. 127.0.0.1",
        &["NXDOMAIN"],
    );
    shows(
        ns,
        "host www.example.test. 127.0.0.1",
        &["has address 192.0.2.1", "has IPv6 address 2001:db8::1"],
    );
    shows(
        ns,
        "host -t TXT text.example.test. 127.0.0.1",
        &["descriptive text \"one two\""],
    );
    shows(
        ns,
        "host -T -t MX example.test. 127.0.0.1",
        &["mail is handled by 10 mail.example.test."],
    );
    shows(
        ns,
        "host 192.0.2.1 127.0.0.1",
        &["domain name pointer www.example.test."],
    );
    shows(
        ns,
        "host nothing.example.test. 127.0.0.1",
        &["not found: 3(NXDOMAIN)"],
    );
}

// Ours.

#[test]
fn ask_with_trace_names_the_server_that_failed_and_how() {
    let world = usual().and(&[(
        "10.53.0.2",
        "test.",
        "test. NS ns.test.\nns.test. A 10.53.0.2\nexample.test. NS ns.example.test.\nns.example.test. A 10.53.0.3\n\
         broken.test. NS ns.broken.test.\nns.broken.test. A 10.53.0.5\nsilent.test. NS ns.silent.test.\nns.silent.test. A 10.53.0.6\n\
         lost.test. NS ns.nowhere.test.",
    )]);
    let setting = Setting {
        silence: true,
        ..Setting::default()
    };
    let scene = Scene::new("trace", &setting, move |asked| {
        match asked.server.to_string().as_str() {
            "10.53.0.5" => Reply::rcode(2).now(asked),
            "10.53.0.6" => Vec::new(),
            _ => world.answer(asked).now(asked),
        }
    });
    for (name, words) in [
        (
            "www.broken.test.",
            &["10.53.0.5", "SERVFAIL", "broken.test."][..],
        ),
        (
            "www.silent.test.",
            &["10.53.0.6", "did not answer", "silent.test."],
        ),
        (
            "www.lost.test.",
            &["ns.nowhere.test.", "lost.test.", "no address"],
        ),
    ] {
        // All the way from the root.
        try_tool(&scene.lab, &["flush", "--all"]);
        let (code, output, error) = try_tool(&scene.lab, &["ask", name, "A", "--trace"]);
        assert_eq!(code, Some(1), "{output}{error}");
        for word in words {
            assert!(
                output.contains(word),
                "`suimon ask {name} --trace` does not show {word:?}:\n{output}"
            );
        }
        assert!(output.contains("Why there is no answer"), "{output}");
        assert!(
            output.contains("10.53.0.1") && output.contains("10.53.0.2"),
            "{output}"
        );
    }
    let (code, output, _) = try_tool(&scene.lab, &["ask", WWW, "--trace"]);
    assert_eq!(code, Some(0), "{output}");
    assert!(
        output.contains("192.0.2.1") && output.contains("10.53.0.3"),
        "{output}"
    );
    let (code, output, _) = try_tool(&scene.lab, &["ask", "nothing.example.test."]);
    assert_eq!(code, Some(1));
    assert!(output.contains("does not exist"), "{output}");
}

#[test]
fn status_stats_why_and_flush_tell_of_the_live_daemon() {
    let scene = honest("operator");
    assert_eq!(scene.told(WWW, T::A), GOOD);
    assert_eq!(scene.told(WWW, T::A), GOOD);
    let (code, status, _) = try_tool(&scene.lab, &["status"]);
    assert_eq!(code, Some(0));
    assert!(status.contains("127.0.0.1:53"), "{status}");
    let json = suimond::tool(&scene.lab, &["--output", "json", "status"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        json["pid"].as_u64(),
        Some(u64::from(scene.lab.pid("suimond")))
    );
    assert_eq!(json["queries_total"].as_u64(), Some(2));
    assert_eq!(json["upstream_packets_total"].as_u64(), Some(3));
    assert_eq!(scene.metric("suimon_upstream_packets_total", "admitted"), 3);
    assert_eq!(scene.metric("suimon_queries_total", "udp"), 2);
    assert!(suimond::tool(&scene.lab, &["stats"]).contains("suimon_queries_total"));

    let (code, why, _) = try_tool(&scene.lab, &["why", "127.0.0.1", WWW]);
    assert_eq!(code, Some(0), "{why}");
    assert!(
        why.contains("is served") && why.contains("127.0.0.0/8"),
        "{why}"
    );
    let (code, why, _) = try_tool(&scene.lab, &["why", "192.0.2.99", WWW]);
    assert_eq!(code, Some(1), "{why}");
    assert!(
        why.contains("is refused") && why.contains("no access rule covers this client"),
        "{why}"
    );

    scene.network.forget();
    assert_eq!(scene.told(WWW, T::A), GOOD);
    assert_eq!(scene.network.count(), 0);
    let (code, flushed, _) = try_tool(&scene.lab, &["flush", WWW]);
    assert_eq!(
        (code, flushed.contains("forgot")),
        (Some(0), true),
        "{flushed}"
    );
    assert_eq!(scene.told(WWW, T::A), GOOD);
    assert_eq!(scene.network.told(), ["10.53.0.3 www.example.test. A"]);
    scene.network.forget();
    try_tool(&scene.lab, &["flush", "--all"]);
    assert_eq!(scene.told(WWW, T::A), GOOD);
    assert_eq!(scene.network.count(), 3, "{:?}", scene.network.told());
}

/// An anchor for a zone that is not signed: without a negative anchor all of it is bogus.
const UNSIGNED: &str = "[dnssec]\ntrust_anchors = [\"example.test. IN DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\"]\n";

#[test]
fn a_zone_is_excused_from_validation_at_once_over_reload_and_restart_and_until_its_time_is_over() {
    let setting = Setting {
        more: UNSIGNED,
        ..Setting::default()
    };
    let mut scene = Scene::honest("nta", &setting, usual());
    let nta = |scene: &Scene, words: &[&str]| try_tool(&scene.lab, &[&["nta"], words].concat());
    let none = "no negative trust anchors: every zone below a trust anchor is validated\n";
    let (_, status, _) = try_tool(&scene.lab, &["status"]);
    assert!(
        status.contains("\nValidation  on, by the keys of example.test. (1); 0 zones known\n"),
        "{status}"
    );
    assert_eq!(scene.told(WWW, T::A), "SERVFAIL");
    assert_eq!(scene.metric("suimon_bogus_total", "dnskey_missing"), 1);
    assert_eq!(scene.metric("suimon_validation_on", ""), 1);
    assert_eq!(nta(&scene, &["list"]).1, none);

    let (code, said, _) = nta(
        &scene,
        &[
            "add",
            "example.test",
            "--for",
            "2h",
            "--reason",
            "their keys are gone",
        ],
    );
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with("not validating example.test. and what is below it until 20")
            && said.lines().count() == 1,
        "{said}"
    );
    assert_eq!(scene.told(WWW, T::A), GOOD);
    assert_eq!(scene.metric("suimon_validations_total", "insecure"), 1);
    assert_eq!(scene.metric("suimon_negative_trust_anchors", ""), 1);
    let (_, why, _) = try_tool(&scene.lab, &["why", "127.0.0.1", WWW]);
    assert!(
        why.contains("DNSSEC      not validated: negative trust anchor example.test. until 20"),
        "{why}"
    );
    let (_, status, _) = try_tool(&scene.lab, &["status"]);
    assert!(
        status.contains("Except      example.test. for ")
            && status.contains(" more (their keys are gone)\n"),
        "{status}"
    );

    // Over a reload that makes everything new, and over a restart.
    rewrite(&scene, |text| text + "\n[cache]\nmax_ttl = \"1h\"\n");
    assert_eq!(try_tool(&scene.lab, &["reload"]).0, Some(0));
    assert_eq!(scene.told(WWW, T::A), GOOD);
    assert_eq!(scene.lab.stop("suimond"), Some(0));
    scene.start("suimond", &setting);
    assert_eq!(scene.told(WWW, T::A), GOOD);
    let (_, list, _) = nta(&scene, &["list"]);
    assert!(
        list.contains("example.test.  operator  in ") && list.contains("  their keys are gone\n"),
        "{list}"
    );

    let (code, said, _) = nta(&scene, &["remove", "Example.test"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.starts_with("validating example.test. again; "),
        "{said}"
    );
    assert_eq!(scene.told(WWW, T::A), "SERVFAIL");
    assert_eq!(
        nta(&scene, &["remove", "example.test"]),
        (
            Some(1),
            String::new(),
            "suimon: there is no negative trust anchor for example.test.\n".to_owned()
        )
    );

    // The end comes by itself, whatever the cache holds.
    let json = suimond::tool(
        &scene.lab,
        &[
            "--output",
            "json",
            "nta",
            "add",
            "example.test",
            "--for",
            "5s",
        ],
    );
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["added"]["zone"], "example.test.");
    assert_eq!(json["added"]["seconds_left"], 5);
    assert_eq!(
        (&json["kept"], &json["replaced"]),
        (&true.into(), &false.into())
    );
    assert_eq!(scene.told(WWW, T::A), GOOD);
    assert!(
        wait_until(Duration::from_secs(60), || scene.told(WWW, T::A)
            == "SERVFAIL"),
        "{}",
        nta(&scene, &["list"]).1
    );
    assert_eq!(nta(&scene, &["list"]).1, none);
}

#[test]
fn negative_anchors_of_the_configuration_are_shown_and_stay() {
    let more = format!("{UNSIGNED}negative_trust_anchors = [\"example.test. until 2099-01-01\"]\n");
    let setting = Setting {
        more: &more,
        ..Setting::default()
    };
    let scene = Scene::honest("planned", &setting, usual());
    assert_eq!(scene.told(WWW, T::A), GOOD);
    let (code, _, said) = try_tool(&scene.lab, &["nta", "remove", "example.test"]);
    assert_eq!(
        (code, said.as_str()),
        (
            Some(1),
            "suimon: the negative trust anchor of example.test. stands in the configuration (dnssec.negative_trust_anchors, or validate = false of [[forward]] or [[stub]]); change it there and reload\n"
        )
    );
    rewrite(&scene, |text| text.replace("negative_trust_anchors", "# "));
    assert_eq!(try_tool(&scene.lab, &["reload"]).0, Some(0));
    assert_eq!(scene.told(WWW, T::A), "SERVFAIL");
    // Where nothing is validated nobody can be excused, and status says why.
    rewrite(&scene, |text| text.replace("trust_anchors", "# "));
    assert_eq!(try_tool(&scene.lab, &["reload"]).0, Some(0));
    assert_eq!(scene.told(WWW, T::A), GOOD);
    let why = "the root servers are not the Internet's, and there is no trust anchor";
    assert_eq!(
        try_tool(&scene.lab, &["nta", "add", "example.test"]).2,
        format!("suimon: nothing is validated: {why}\n")
    );
    let (_, status, _) = try_tool(&scene.lab, &["status"]);
    assert!(
        status.contains(&format!("\nValidation  off: {why}\n"))
            && status.contains(&format!("  - answers are not validated: {why};")),
        "{status}"
    );
}

#[test]
fn a_private_zone_that_its_parent_denies_is_served_when_it_is_not_to_be_validated() {
    let more = |validate: bool| {
        format!(
            "{}[[stub]]\nzone = \"example.test.\"\nservers = [\"10.53.0.3\"]\nvalidate = {validate}\n",
            UNSIGNED.replace("example.test.", "test.")
        )
    };
    for (validate, told) in [(true, "SERVFAIL"), (false, GOOD)] {
        let setting = Setting {
            more: &more(validate),
            ..Setting::default()
        };
        let scene = Scene::honest("private", &setting, usual());
        assert_eq!(scene.told(WWW, T::A), told, "validate = {validate}");
        let (_, status, _) = try_tool(&scene.lab, &["status"]);
        assert_eq!(
            status.contains("\nExcept      example.test.\n"),
            !validate,
            "{status}"
        );
    }
}

#[test]
fn without_a_daemon_the_tool_says_so_with_code_3() {
    let lab = Lab::new("nobody");
    let (code, _, error) = try_tool(&lab, &["status"]);
    assert_eq!(code, Some(3), "{error}");
    assert!(error.contains("control.sock"), "{error}");
}

// Reload.

/// The config file of a scene that is already running, to be rewritten.
fn rewrite(scene: &Scene, change: impl Fn(String) -> String) {
    let path = scene.lab.dir().join("suimond.toml");
    let text = std::fs::read_to_string(&path).expect("the config");
    std::fs::write(&path, change(text)).expect("the config");
}

fn hang_up(scene: &Scene) {
    let pid = scene.lab.pid("suimond").to_string();
    scene.resolver.run(&["kill", "-HUP", &pid]);
}

#[test]
fn a_broken_config_is_not_taken_and_file_and_line_are_told() {
    let scene = honest("broken");
    assert_eq!(scene.told(WWW, T::A), GOOD);
    let (code, output, _) = try_tool(&scene.lab, &["reload"]);
    assert_eq!(
        (code, output.contains("nothing changed")),
        (Some(0), true),
        "{output}"
    );
    rewrite(&scene, |text| text + "\n[cache]\nsise = \"1MiB\"\n");
    let path = scene.lab.dir().join("suimond.toml");
    let lines = std::fs::read_to_string(&path)
        .expect("the config")
        .lines()
        .count();
    let place = format!("suimond.toml:{lines}");
    let (code, output, error) = try_tool(&scene.lab, &["reload"]);
    assert_eq!(code, Some(1), "{output}{error}");
    assert!(
        output.contains("the old configuration is still running") && output.contains(&place),
        "{output}"
    );
    assert!(
        output.contains("sise") && output.contains('^') && output.contains("size"),
        "{output}"
    );
    assert_eq!(
        scene.told("other.example.test.", T::A),
        "NOERROR other.example.test. A 192.0.2.2"
    );

    let before = scene.lab.log("suimond").len();
    hang_up(&scene);
    assert!(
        wait_until(PATIENCE, || scene.lab.log("suimond")[before..]
            .contains(&place)),
        "{}",
        scene.lab.log("suimond")
    );
    assert!(scene.lab.log("suimond").contains("the old one runs on"));
    assert_eq!(scene.told(WWW, T::A), GOOD);
}

#[test]
fn a_changed_acl_takes_effect_at_once_and_the_cache_stays() {
    let scene = honest("acl");
    assert_eq!(scene.told(WWW, T::A), GOOD);
    scene.network.forget();
    let from = |source: &str| {
        let source = source.parse().expect("an address");
        say(scene
            .resolver
            .inside(|| client::resolve(source, listen(), WWW, T::A, PATIENCE))
            .as_ref())
    };
    assert_eq!(from("127.0.0.1"), GOOD);
    rewrite(&scene, |text| {
        text.replace("\"127.0.0.0/8\"", "\"127.0.0.9\"")
    });
    let (code, output, error) = try_tool(&scene.lab, &["reload"]);
    assert_eq!(code, Some(0), "{output}{error}");
    assert!(output.contains("acl.allow"), "{output}");
    assert_eq!(from("127.0.0.1"), "REFUSED");
    assert_eq!(from("127.0.0.9"), GOOD);
    // And back, by signal.
    rewrite(&scene, |text| {
        text.replace("\"127.0.0.9\"", "\"127.0.0.0/8\"")
    });
    hang_up(&scene);
    assert!(
        wait_until(PATIENCE, || from("127.0.0.1") == GOOD),
        "{}",
        scene.lab.log("suimond")
    );
    assert_eq!(
        scene.network.count(),
        0,
        "all of it from the cache: {:?}",
        scene.network.told()
    );
}

// Starting, and why not.

/// Runs suimond to its end: exit code and what it said.
fn run(ns: &Ns, command: &[&str]) -> (i32, String) {
    let line = format!("timeout 60 {}; echo \"code=$?\"", command.join(" "));
    let (_, output) = ns.try_run(&["sh", "-c", &line]);
    let code = output
        .split("code=")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(-1);
    (
        code,
        output
            .replace(&format!("code={code}"), "")
            .trim()
            .to_owned(),
    )
}

#[test]
fn a_port_in_use_ends_in_code_71_and_one_line_that_names_the_address() {
    let mut lab = Lab::new("inuse");
    let ns = lab.namespace("host");
    let decided = "[dnssec]\nvalidation = \"off\"\n";
    let config = suimond::config(&lab, &[listen()], &["127.0.0.0/8"], HINTS, decided);
    let path = lab.file("second.toml", &config).display().to_string();
    // Somebody else's sockets.
    let udp = ns.inside(|| std::net::UdpSocket::bind(listen()).expect("a socket"));
    let (code, said) = run(&ns, &[SUIMOND, "--config", &path]);
    assert_eq!(code, 71, "{said}");
    assert!(
        said.lines().count() == 1 && said.contains("127.0.0.1:53") && said.contains("in use"),
        "{said}"
    );
    drop(udp);
    let tcp = ns.inside(|| std::net::TcpListener::bind(listen()).expect("a socket"));
    let (code, said) = run(&ns, &[SUIMOND, "--config", &path]);
    assert_eq!(code, 71, "{said}");
    assert!(said.contains("127.0.0.1:53"), "{said}");
    drop(tcp);
    // Another suimond.
    suimond::start(&mut lab, &ns, "first", &config);
    let (code, said) = run(&ns, &[SUIMOND, "--config", &path]);
    assert_eq!(code, 71, "two suimonds on one address: {said}");
    assert!(
        said.lines().count() == 1 && said.contains("127.0.0.1:53"),
        "{said}"
    );
    // An address that is not there.
    let (code, said) = run(
        &ns,
        &[
            SUIMOND,
            "--config",
            &path,
            "--set",
            "'listen.addresses=[\"192.0.2.1:53\"]'",
        ],
    );
    assert_eq!(code, 71, "{said}");
    assert!(
        said.contains("192.0.2.1:53")
            && said.contains("no interface of this host has that address"),
        "{said}"
    );
}

#[test]
fn a_config_that_cannot_be_used_ends_in_code_78_and_says_where_and_why() {
    let mut lab = Lab::new("config");
    let ns = lab.namespace("host");
    let bad = lab
        .file(
            "bad.toml",
            "[listen]\naddresses = [\"127.0.0.1:53\"]\nworkers = \"many\"\n",
        )
        .display()
        .to_string();
    let (code, said) = run(&ns, &[SUIMOND, "--config", &bad]);
    assert_eq!(code, 78, "{said}");
    assert!(
        said.contains("bad.toml:3") && said.contains("^^^") && said.contains("workers = \"many\""),
        "{said}"
    );
    assert!(said.contains("not started"), "{said}");
    let (code, said) = run(&ns, &[SUIMOND, "--check", "--config", &bad]);
    assert_eq!((code, said.contains("bad.toml:3")), (1, true), "{said}");
    let (code, said) = run(&ns, &[SUIMON, "check", &bad]);
    assert_eq!(
        (code, said.contains("bad.toml:3"), said.contains("^^^")),
        (1, true, true),
        "{said}"
    );

    let broken = lab.file("broken.toml", "[listen\n").display().to_string();
    let (code, said) = run(&ns, &[SUIMOND, "--config", &broken]);
    assert_eq!((code, said.contains("broken.toml:1")), (78, true), "{said}");
    let missing = lab.dir().join("missing.toml").display().to_string();
    let (code, said) = run(&ns, &[SUIMOND, "--config", &missing]);
    assert_eq!((code, said.contains("missing.toml")), (78, true), "{said}");
    // A file that only its owner may read.
    let good = lab
        .file(
            "good.toml",
            &suimond::config(&lab, &[listen()], &["127.0.0.0/8"], HINTS, ""),
        )
        .display()
        .to_string();
    let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&good, owner_only).expect("permissions");
    let (code, said) = run(
        &ns,
        &[
            "setpriv",
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
            SUIMOND,
            "--config",
            &good,
        ],
    );
    assert_eq!(code, 78, "{said}");
    assert!(
        said.contains("good.toml") && said.to_lowercase().contains("permission denied"),
        "{said}"
    );
    let (code, said) = run(&ns, &[SUIMOND, "--check", "--config", &good]);
    assert_eq!((code, said.contains("holds")), (0, true), "{said}");
    let (code, said) = run(&ns, &[SUIMON, "check", &good]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = run(
        &ns,
        &[SUIMOND, "--config", &good, "--set", "egress.prot=53"],
    );
    assert_eq!(
        (code, said.contains("egress.port")),
        (78, true),
        "the nearest spelling is offered: {said}"
    );
    let (code, said) = run(&ns, &[SUIMOND, "--no-such-option"]);
    assert_eq!(code, 2, "{said}");
}

#[test]
fn a_full_state_directory_keeps_nobody_from_being_served() {
    let mut scene = Scene::in_own_mounts("full", usual(), |_, state, config| {
        format!(
            "mount --make-rprivate / && mount -t tmpfs -o size=4k none {0} && ! cat /dev/zero > {0}/full 2>/dev/null; exec {1} --config {2}",
            state.display(),
            SUIMOND,
            config.display()
        )
    });
    assert_eq!(scene.told(WWW, T::A), GOOD);
    scene.stop_within(Duration::from_secs(10));
}

#[test]
fn signals_sent_at_the_ready_line_are_heard_and_the_control_socket_goes_with_the_daemon() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let dir = tempfile::tempdir().expect("a directory");
    let socket = dir.path().join("control.sock");
    let settings = [
        "listen.addresses=127.0.0.1:0".to_owned(),
        "listen.workers=1".to_owned(),
        "recursion.priming=false".to_owned(),
        format!("control.socket={}", socket.display()),
        format!("process.state_dir={}", dir.path().join("state").display()),
        "process.drain=0s".to_owned(),
    ];
    let config = dir.path().join("suimon.toml");
    std::fs::write(&config, "").expect("written");
    for _ in 0..10 {
        let mut child = Command::new(SUIMOND)
            .arg("--config")
            .arg(&config)
            .args(settings.iter().flat_map(|setting| ["--set", setting]))
            .stderr(Stdio::piped())
            .spawn()
            .expect("suimond starts");
        let mut told = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        while !line.contains("suimond: ready") {
            line.clear();
            assert_ne!(told.read_line(&mut line).expect("text"), 0, "no ready line");
        }
        assert!(socket.exists());
        for signal in ["-HUP", "-TERM"] {
            let pid = child.id().to_string();
            assert!(
                Command::new("kill")
                    .args([signal, &pid])
                    .status()
                    .expect("kill")
                    .success()
            );
        }
        let ended = child.wait().expect("an end");
        assert_eq!(ended.code(), Some(0), "{ended}");
        assert!(!socket.exists(), "left behind");
    }
}
