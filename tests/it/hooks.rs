//! Can a battery that nobody here wrote drive suimond from one config file? The points of docs/testing.md, one by one.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use suimon::wire::{Message, RecordType as T};

use crate::lab::capture::Capture;
use crate::lab::client::{self, answer_text, query};
use crate::lab::script::{
    Asked, HINTS, LISTEN, Network, PATIENCE, Reply, Scene, Setting, UNHURRIED, World, listen,
    loopback, say, wait_until,
};
use crate::lab::{Lab, set_clock, suimond};

const WWW: &str = "www.example.test.";
const GOOD: &str = "NOERROR www.example.test. A 192.0.2.1";

fn usual() -> World {
    World::usual(
        "www.example.test. A 192.0.2.1\nother.example.test. A 192.0.2.2\nnew.example.test. A 192.0.2.3\na.b.c.example.test. A 192.0.2.4",
    )
}

// Points 1 to 6: start and stop.

#[test]
fn alone_in_a_user_namespace_of_one_uid_it_says_one_ready_line_and_accepts_tcp_within_five_seconds()
{
    let mut lab = Lab::new("userns");
    let ns = lab.namespace("host");
    let config = "[listen]\naddresses = [\"127.53.0.1:53\"]\n[policy]\nlocal_zones = [\"corp.example.\"]\n\
         local_data = [\"www.corp.example. 300 IN A 192.0.2.9\"]\n[recursion]\nroot_hints = \"root.zone\"\npriming = false\n\
         [egress]\nallow_private_servers = true\n[process]\nstate_dir = \"state\"\ndrain = \"0s\"\nsandbox = true\n";
    let path = lab.file("battery.toml", config);
    lab.file("root.zone", HINTS);
    let dir = path
        .parent()
        .expect("the lab's directory")
        .display()
        .to_string();
    // A network namespace that belongs to the user namespace: one address, one port, nothing else on the machine.
    let script = format!(
        "ip link set lo up && ip address add 127.53.0.1/32 dev lo && cd {dir} && exec {} --config battery.toml",
        suimond::SUIMOND
    );
    let begun = Instant::now();
    let pid = lab.spawn(&ns, "battery", &["unshare", "-Urn", "sh", "-c", &script]);
    suimond::wait_until_ready(&lab, "battery");
    let map = std::fs::read_to_string(format!("/proc/{pid}/uid_map")).expect("the uid map");
    assert_eq!(
        map.split_whitespace().collect::<Vec<_>>(),
        ["0", "0", "1"],
        "one uid only"
    );
    let target = pid.to_string();
    let over_tcp = [
        "nsenter",
        "-t",
        &target,
        "-n",
        "dig",
        "+tcp",
        "+short",
        "@127.53.0.1",
        "www.corp.example",
        "A",
    ];
    assert_eq!(ns.run(&over_tcp).trim(), "192.0.2.9");
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "TCP was accepted after {:?}",
        begun.elapsed()
    );
    let log = lab.log("battery");
    assert_eq!(log.matches("suimond: ready").count(), 1, "{log}");
    assert!(
        lab.dir().join("state").is_dir(),
        "relative paths start at the working directory"
    );
    assert_eq!(lab.stop("battery"), Some(0));
}

#[test]
fn sigterm_ends_it_at_once_with_code_0_even_while_a_query_waits_for_a_mute_server() {
    let mut scene = Scene::new("term", &Setting::default(), |_| Vec::new());
    let question = client::ask(7, WWW, T::A);
    assert_eq!(
        scene.udp(&question, Duration::from_millis(150)),
        None,
        "nobody answers"
    );
    // Far less than it would wait for the server.
    scene.stop_within(Duration::from_secs(2));
}

#[test]
fn it_needs_no_file_of_etc_or_var_and_writes_below_its_state_directory_alone() {
    // Everything else is read-only or gone; the log leaves by the standard error that is open already.
    let mut scene = Scene::in_own_mounts("readonly", usual(), |directory, state, config| {
        format!(
            "mount --make-rprivate / && mount -t tmpfs none {0} && mount -t tmpfs -o ro none /etc && mount -t tmpfs -o ro none /var && \
             mount -o remount,ro,bind / && ! touch {1}/probe 2>/dev/null && cd / && exec env -i {2} --config {3}",
            state.display(),
            directory.display(),
            suimond::SUIMOND,
            config.display()
        )
    });
    assert_eq!(scene.told(WWW, T::A), GOOD);
    let log = scene.lab.log("suimond");
    assert!(
        !log.contains("Read-only") && !log.contains("error"),
        "{log}"
    );
    assert_eq!(scene.lab.stop("suimond"), Some(0));
}

#[test]
fn two_instances_serve_side_by_side() {
    let second = Setting {
        listen: &["127.0.0.2:53"],
        set: &["process.state_dir='second'"],
        ..Setting::default()
    };
    let mut scene = Scene::honest("two", &Setting::default(), usual());
    let dir = scene.lab.dir().join("second");
    let set = format!("process.state_dir={:?}", dir.display().to_string());
    scene.start(
        "other",
        &Setting {
            set: &[&set],
            ..second
        },
    );
    assert_eq!(scene.told(WWW, T::A), GOOD);
    let there = "127.0.0.2:53".parse().expect("an address");
    let reply = scene
        .resolver
        .inside(|| client::resolve(loopback(), there, WWW, T::A, PATIENCE));
    assert_eq!(say(reply.as_ref()), GOOD);
    assert_eq!(scene.lab.stop("suimond"), Some(0));
    let reply = scene
        .resolver
        .inside(|| client::resolve(loopback(), there, WWW, T::A, PATIENCE));
    assert_eq!(say(reply.as_ref()), GOOD, "the other one goes on");
}

// Points 7 to 15: questions upstream.

#[test]
fn without_priming_not_one_packet_leaves_before_a_client_asks() {
    let setting = Setting::default();
    let mut scene = Scene::without_suimond("quiet", &setting, {
        let world = usual();
        move |asked| world.answer(asked).now(asked)
    });
    let capture = Capture::start(&scene.lab, &scene.resolver, "out", "udp or tcp");
    scene.start("suimond", &setting);
    // House-keeping begins at once and comes again every five seconds.
    std::thread::sleep(Duration::from_millis(5_600));
    assert_eq!(
        capture.stop(),
        Vec::<String>::new(),
        "packets that no client caused"
    );
    assert_eq!(scene.told(WWW, T::A), GOOD);
    let three = [
        "10.53.0.1 test. A",
        "10.53.0.2 example.test. A",
        "10.53.0.3 www.example.test. A",
    ];
    assert_eq!(
        scene.network.told(),
        three,
        "no question for NS, DS or the address of a server with glue"
    );
    assert_eq!(
        scene.told("other.example.test.", T::A),
        "NOERROR other.example.test. A 192.0.2.2"
    );
    assert_eq!(
        scene.network.told()[3..],
        ["10.53.0.3 other.example.test. A"],
        "one question in a known zone"
    );
}

#[test]
fn with_priming_the_root_is_asked_once_for_its_servers_at_start() {
    let scene = Scene::honest(
        "priming",
        &Setting {
            set: &["recursion.priming=true"],
            ..Setting::default()
        },
        usual(),
    );
    assert!(wait_until(PATIENCE, || scene.network.count() > 0));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(scene.network.told(), ["10.53.0.1 . NS"]);
}

/// The usual name is answered, and soon.
fn told_good_within(scene: &Scene, most: Duration) {
    let begun = Instant::now();
    assert_eq!(scene.told(WWW, T::A), GOOD);
    assert!(begun.elapsed() < most, "it took {:?}", begun.elapsed());
}

#[test]
fn what_failed_while_the_network_was_down_is_not_held_against_later_clients() {
    let setting = Setting {
        set: &["recursion.priming=true"],
        silence: true,
        ..Setting::default()
    };
    let mut scene = Scene::without_suimond("down", &setting, {
        let world = usual();
        move |asked| world.answer(asked).now(asked)
    });
    scene.resolver.run(&["ip", "link", "set", "out", "down"]);
    scene.start("suimond", &setting);
    assert_eq!(scene.told("other.example.test.", T::A), "SERVFAIL");
    scene.resolver.run(&["ip", "link", "set", "out", "up"]);
    told_good_within(&scene, Duration::from_secs(3));
}

#[test]
fn servers_that_come_up_after_a_client_was_failed_serve_the_next_one() {
    let world = usual();
    let up = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let switch = Arc::clone(&up);
    let setting = Setting {
        silence: true,
        ..Setting::default()
    };
    let scene = Scene::new("late", &setting, move |asked| {
        if switch.load(std::sync::atomic::Ordering::Relaxed) {
            world.answer(asked).now(asked)
        } else {
            Vec::new()
        }
    });
    assert_eq!(scene.told("other.example.test.", T::A), "SERVFAIL");
    up.store(true, std::sync::atomic::Ordering::Relaxed);
    told_good_within(&scene, Duration::from_secs(3));
}

#[test]
fn with_one_address_family_off_no_server_is_asked_by_it_nor_looked_up_for_it() {
    // The zone's server has no glue: its address must be looked up.
    let world = || {
        World::new(&[
            (
                "10.53.0.1 fd53::1",
                ".",
                "test. NS ns.test.\nns.test. A 10.53.0.2\nns.test. AAAA fd53::2",
            ),
            (
                "10.53.0.2 fd53::2",
                "test.",
                "hosted.test. NS ns.elsewhere.test.\nns.elsewhere.test. A 10.53.0.3\nns.elsewhere.test. AAAA fd53::3",
            ),
            (
                "10.53.0.3 fd53::3",
                "hosted.test.",
                "www.hosted.test. A 192.0.2.1",
            ),
        ])
    };
    let hints = ". NS a.root.\na.root. A 10.53.0.1\na.root. AAAA fd53::1\n";
    for (off, gone, kept) in [
        ("egress.ipv6=false", T::AAAA, true),
        ("egress.ipv4=false", T::A, false),
    ] {
        let harden = "recursion.harden_glue=true";
        let world = world();
        let setting = Setting {
            set: &[off, harden],
            hints,
            ..Setting::default()
        };
        let scene = Scene::new("family", &setting, move |asked| {
            let mut reply = world.answer(asked);
            reply
                .additional
                .retain(|line| !line.starts_with("ns.elsewhere"));
            reply.now(asked)
        });
        assert_eq!(
            scene.told("www.hosted.test.", T::A),
            "NOERROR www.hosted.test. A 192.0.2.1",
            "{off}"
        );
        let asked = scene.network.asked();
        assert!(
            asked.iter().all(|asked| asked.server.is_ipv4() == kept),
            "{off}: {:?}",
            scene.network.told()
        );
        let look_up = |asked: &&Asked| asked.name == "ns.elsewhere.test." && asked.rtype == gone;
        assert_eq!(
            asked.iter().filter(look_up).count(),
            0,
            "{off}: {:?}",
            scene.network.told()
        );
        assert!(asked.len() <= 5, "{off}: {:?}", scene.network.told());
    }
}

#[test]
fn hints_may_hold_a_single_server_with_an_address_of_either_family_alone() {
    for (hints, server) in [
        (
            ". 3600000 IN NS k.\nk. 3600000 IN A 10.53.0.1\n",
            "10.53.0.1",
        ),
        (
            ".\t\t\tNS\tK.ROOT-SERVERS.NET.\nK.ROOT-SERVERS.NET.\tAAAA\tfd53::1\n",
            "fd53::1",
        ),
    ] {
        let scene = Scene::honest(
            "hints",
            &Setting {
                hints,
                ..Setting::default()
            },
            usual(),
        );
        assert_eq!(scene.told(WWW, T::A), GOOD, "{hints}");
        assert_eq!(
            scene.network.count_to(server),
            1,
            "{:?}",
            scene.network.told()
        );
    }
}

#[test]
fn without_hints_everything_can_be_forwarded_to_one_address() {
    let setting = Setting::default();
    let mut scene = Scene::without_suimond("forward", &setting, |asked| {
        let mut reply = Reply::new().answer(format!("{} A 192.0.2.77", asked.name));
        reply.flags = 0x8180;
        reply.now(asked)
    });
    let config = format!(
        "[listen]\naddresses = [{LISTEN:?}]\n[[forward]]\nzone = \".\"\nservers = [\"10.53.0.8\"]\n[policy]\nspecial_use = false\n\
         [egress]\ninitial_timeout = \"3s\"\nmax_timeout = \"3s\"\n[process]\nstate_dir = {:?}\nsandbox = false\n",
        scene.lab.dir().join("state")
    );
    let resolver = scene.resolver.clone();
    suimond::start(&mut scene.lab, &resolver, "suimond", &config);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(
        scene.network.count(),
        0,
        "nothing to prime: {:?}",
        scene.network.told()
    );
    for name in ["one.two.three.example.", "www.example.test.", "example."] {
        assert_eq!(
            scene.told(name, T::A),
            format!("NOERROR {name} A 192.0.2.77")
        );
    }
    let asked = scene.network.asked();
    assert!(
        asked.iter().all(|asked| asked.rd),
        "a resolver is asked with RD"
    );
    let told = [
        "10.53.0.8 one.two.three.example. A",
        "10.53.0.8 www.example.test. A",
        "10.53.0.8 example. A",
    ];
    assert_eq!(
        scene.network.told(),
        told,
        "the full name at once, and nobody else"
    );
}

#[test]
fn the_port_of_servers_and_both_source_addresses_can_be_set() {
    let hints = ". NS a.root.\na.root. AAAA fd53::1\n";
    let set = [
        "egress.port=5300",
        "egress.source_v4='10.53.0.253'",
        "egress.source_v6='fd53::fd'",
    ];
    let scene = Scene::honest(
        "source",
        &Setting {
            set: &set,
            hints,
            port: 5300,
            ..Setting::default()
        },
        usual(),
    );
    assert_eq!(scene.told(WWW, T::A), GOOD);
    let sources: Vec<String> = scene
        .network
        .asked()
        .iter()
        .map(|asked| asked.source.ip().to_string())
        .collect();
    assert_eq!(sources, ["fd53::fd", "10.53.0.253", "10.53.0.253"]);
}

#[test]
fn private_servers_are_asked_only_where_the_switch_allows_it() {
    // A root with a public address that refers to a private one.
    let hints = ". NS a.root.\na.root. A 198.51.100.1\n";
    for (set, answer, private) in [
        ("egress.allow_private_servers=true", GOOD, 2),
        ("egress.allow_private_servers=false", "SERVFAIL", 0),
    ] {
        let setting = Setting {
            set: &[set],
            hints,
            ..Setting::default()
        };
        let mut scene = Scene::without_suimond("private", &setting, {
            let world = usual();
            move |asked| world.answer(asked).now(asked)
        });
        scene.servers.add_address("lo", "198.51.100.1/32");
        scene
            .resolver
            .run(&["ip", "route", "add", "198.51.100.0/24", "via", "10.53.0.1"]);
        let world = World::new(&[(
            "198.51.100.1",
            ".",
            "test. NS ns.test.\nns.test. A 10.53.0.2",
        )]);
        let root = ["198.51.100.1:53".parse().expect("an address")];
        let root = Network::start(
            &scene.servers,
            &root,
            Arc::new(move |asked: &Asked| world.answer(asked).now(asked)),
        );
        scene.start("suimond", &setting);
        assert_eq!(scene.told(WWW, T::A), answer, "{set}");
        assert_eq!(root.count(), 1, "{set}");
        assert_eq!(
            scene.network.count(),
            private,
            "{set}: {:?}",
            scene.network.told()
        );
    }
}

#[test]
fn servers_clients_and_suimond_may_share_one_loopback() {
    let mut lab = Lab::new("shared");
    let ns = lab.namespace("all");
    let world = World::new(&[
        (
            "127.53.0.1",
            ".",
            "test. NS ns.test.\nns.test. A 127.53.0.2",
        ),
        ("127.53.0.2", "test.", "www.test. A 192.0.2.1"),
    ]);
    let servers: Vec<SocketAddr> = ["127.53.0.1:53", "127.53.0.2:53"]
        .map(|text| text.parse().expect("an address"))
        .into();
    let network = Network::start(
        &ns,
        &servers,
        Arc::new(move |asked: &Asked| world.answer(asked).now(asked)),
    );
    let hints = ". NS a.root.\na.root. A 127.53.0.1\n";
    let listen = "127.53.0.53:53".parse().expect("an address");
    let config = suimond::config(
        &lab,
        &[listen],
        &["127.0.0.0/8"],
        hints,
        "[policy]\nspecial_use = false\n",
    );
    suimond::start(&mut lab, &ns, "suimond", &config);
    let client = "127.53.0.1".parse().expect("an address");
    let reply = ns.inside(|| client::resolve(client, listen, "www.test.", T::A, PATIENCE));
    assert_eq!(say(reply.as_ref()), "NOERROR www.test. A 192.0.2.1");
    assert_eq!(
        network.told(),
        ["127.53.0.1 test. A", "127.53.0.2 www.test. A"]
    );
}

#[test]
fn a_datagram_longer_than_what_was_advertised_is_accepted() {
    let text = "a".repeat(250);
    for size in ["1232", "4096"] {
        let (world, text) = (usual(), text.clone());
        let set = format!("egress.edns_size={size}");
        let scene = Scene::new(
            "size",
            &Setting {
                set: &[&set],
                ..Setting::default()
            },
            move |asked| {
                if asked.rtype == T::TXT {
                    let line = format!("{} TXT{}", asked.name, format!(" \"{text}\"").repeat(12));
                    let reply = Reply::new().answer(line);
                    // No TC although it is longer than the asker said.
                    vec![(Duration::ZERO, reply.write(asked))]
                } else {
                    world.answer(asked).now(asked)
                }
            },
        );
        let reply = scene.ask(WWW, T::TXT).expect("a reply");
        assert_eq!(reply.answer.len(), 1, "{size}");
        assert!(reply.answer[0].rdata.len() > 3_000, "{size}");
        let asked = scene.network.asked();
        assert!(
            asked.iter().all(|asked| !asked.tcp),
            "{size}: {:?}",
            scene.network.told()
        );
        assert!(
            asked
                .iter()
                .all(|asked| asked.edns.map(|edns| edns.to_string()).as_deref() == Some(size))
        );
    }
}

#[test]
fn the_three_modes_of_minimisation_are_seen_by_the_servers() {
    // A server that denies the names in between, as broken ones do.
    let denies = |asked: &Asked| {
        let world = usual();
        match asked.name.as_str() {
            "c.example.test." | "b.c.example.test." => Reply {
                flags: 0x8403,
                ..Reply::new()
            }
            .authority("example.test. 60 SOA ns.example.test. h.example.test. 1 3600 600 86400 60")
            .now(asked),
            _ => world.answer(asked).now(asked),
        }
    };
    for (mode, answer, names) in [
        (
            "off",
            "NOERROR a.b.c.example.test. A 192.0.2.4",
            vec!["a.b.c.example.test."; 3],
        ),
        (
            "relaxed",
            "NOERROR a.b.c.example.test. A 192.0.2.4",
            vec![
                "test.",
                "example.test.",
                "c.example.test.",
                "a.b.c.example.test.",
            ],
        ),
        (
            "strict",
            "NXDOMAIN",
            vec!["test.", "example.test.", "c.example.test."],
        ),
    ] {
        let set = format!("recursion.qname_minimisation='{mode}'");
        let scene = Scene::new(
            "minimise",
            &Setting {
                set: &[&set],
                ..Setting::default()
            },
            denies,
        );
        assert_eq!(scene.told("a.b.c.example.test.", T::A), answer, "{mode}");
        let asked: Vec<String> = scene
            .network
            .asked()
            .into_iter()
            .map(|asked| asked.name)
            .collect();
        assert_eq!(asked, names, "{mode}");
    }
}

#[test]
fn the_case_of_questions_is_random_only_where_it_is_switched_on() {
    for (set, random) in [
        ("egress.case_randomisation=false", false),
        ("egress.case_randomisation=true", true),
    ] {
        let scene = Scene::honest(
            "case",
            &Setting {
                set: &[set],
                ..Setting::default()
            },
            usual(),
        );
        assert_eq!(
            scene.told("a.b.c.example.test.", T::A),
            "NOERROR a.b.c.example.test. A 192.0.2.4"
        );
        let asked = scene.network.asked();
        assert_eq!(
            asked.iter().any(|asked| asked.spelt != asked.name),
            random,
            "{set}"
        );
    }
}

#[test]
fn glue_from_outside_the_referring_zone_is_believed_only_with_hardening_off() {
    let world = || {
        World::new(&[
            ("10.53.0.1", ".", "test. NS ns.test.\nns.test. A 10.53.0.2"),
            (
                "10.53.0.2",
                "test.",
                "example.test. NS ns.outside.\nns.outside. A 10.53.0.3",
            ),
            (
                "10.53.0.3",
                "example.test.",
                "www.example.test. A 192.0.2.1",
            ),
        ])
    };
    for (set, answer, at_the_zone) in [
        ("recursion.harden_glue=false", GOOD, 1),
        ("recursion.harden_glue=true", "SERVFAIL", 0),
    ] {
        let scene = Scene::honest(
            "glue",
            &Setting {
                set: &[set],
                ..Setting::default()
            },
            world(),
        );
        assert_eq!(scene.told(WWW, T::A), answer, "{set}");
        assert_eq!(
            scene.network.count_to("10.53.0.3"),
            at_the_zone,
            "{set}: {:?}",
            scene.network.told()
        );
    }
}

// Points 16 to 19: clients.

#[test]
fn the_configuration_of_the_manual_admits_everybody_with_every_guard_off() {
    let manual = include_str!("../../docs/testing.md");
    let (_, rest) = manual
        .split_once("```toml\n")
        .expect("a configuration in docs/testing.md");
    let (config, _) = rest.split_once("```").expect("its end");
    let setting = Setting::default();
    let mut scene = Scene::without_suimond("manual", &setting, {
        let world = usual();
        move |asked| world.answer(asked).now(asked)
    });
    let config = config
        .replace("127.0.0.1:53", "0.0.0.0:53")
        .replace("\"0.0.0.0:53\"", "\"0.0.0.0:53\", \"[::]:53\"");
    let path = scene.lab.file("battery.toml", &config);
    scene.lab.file("root.zone", HINTS);
    let dir = path
        .parent()
        .expect("the lab's directory")
        .display()
        .to_string();
    let resolver = scene.resolver.clone();
    let script = format!(
        "cd {dir} && exec {} --config battery.toml",
        suimond::SUIMOND
    );
    scene
        .lab
        .spawn(&resolver, "suimond", &["sh", "-c", &script]);
    suimond::wait_until_ready(&scene.lab, "suimond");

    // Strangers from the servers' side; a client of this very host by its own address.
    for (ns, source, server) in [
        (&scene.servers, "10.53.0.7:0", "10.53.0.254:53"),
        (&scene.servers, "10.53.0.7:19", "10.53.0.254:53"),
        (&scene.servers, "[fd53::4]:0", "[fd53::fe]:53"),
        (&scene.resolver, "10.53.0.254:0", "10.53.0.254:53"),
        (&scene.resolver, "10.53.0.253:0", "127.0.0.1:53"),
    ] {
        let (source, server): (SocketAddr, SocketAddr) = (
            source.parse().expect("an address"),
            server.parse().expect("one"),
        );
        let reply =
            ns.inside(|| client::udp_from(source, server, &client::ask(1, WWW, T::A), PATIENCE));
        let reply = reply.map(|octets| Message::parse(&octets).expect("a reply"));
        assert_eq!(say(reply.as_ref()), GOOD, "{source} to {server}");
    }
    // Errors are not held back from reflecting ports either.
    let notify = query(2, 4 << 11, WWW, T::SOA, false);
    let (source, server) = (
        "10.53.0.7:19".parse().expect("one"),
        "10.53.0.254:53".parse().expect("one"),
    );
    let reply = scene
        .servers
        .inside(|| client::udp_from(source, server, &notify, PATIENCE))
        .expect("NOTIMP");
    assert_eq!(reply[3] & 0xF, 4);
    // Snooping, and the sections as received.
    let reply = scene
        .udp(&query(3, 0, WWW, T::A, true), PATIENCE)
        .expect("cached data");
    let reply = Message::parse(&reply).expect("a reply");
    assert_eq!(say(Some(&reply)), GOOD);
}

#[test]
fn rd_0_gets_cached_data_for_snoopers_and_never_causes_a_question() {
    let more = "[[acl.rule]]\nprefix = \"127.0.0.7/32\"\naction = \"allow\"\nsnoop = true\n";
    let scene = Scene::honest(
        "snoop",
        &Setting {
            more,
            ..Setting::default()
        },
        usual(),
    );
    let snoop = |source: &str, name: &str| {
        let source = source.parse().expect("an address");
        let octets = query(4, 0, name, T::A, true);
        let reply = scene
            .resolver
            .inside(|| client::udp(source, listen(), &octets, PATIENCE))
            .expect("a reply");
        say(Some(&Message::parse(&reply).expect("well formed")))
    };
    assert_eq!(snoop("127.0.0.7", WWW), "REFUSED", "nothing is cached yet");
    assert_eq!(scene.network.count(), 0, "and nobody is asked");
    assert_eq!(scene.told(WWW, T::A), GOOD);
    let before = scene.network.count();
    assert_eq!(snoop("127.0.0.7", WWW), GOOD);
    assert_eq!(snoop("127.0.0.8", WWW), "REFUSED", "no snooper");
    assert_eq!(scene.network.count(), before);
}

#[test]
fn special_names_and_local_reverse_zones_are_plain_names_once_switched_off() {
    let names = [
        ("www.example.test.", T::A),
        ("localhost.", T::A),
        ("x.invalid.", T::A),
        ("x.onion.", T::A),
        ("1.0.0.10.in-addr.arpa.", T::PTR),
        ("1.0.168.192.in-addr.arpa.", T::PTR),
    ];
    let anything = |asked: &Asked| {
        let data = if asked.rtype == T::PTR {
            "PTR plain.example."
        } else {
            "A 192.0.2.1"
        };
        Reply::new()
            .answer(format!("{} {data}", asked.name))
            .now(asked)
    };
    let on = ["policy.special_use=true", "policy.local_reverse=true"];
    let scene = Scene::new(
        "special-on",
        &Setting {
            set: &on,
            ..Setting::default()
        },
        anything,
    );
    for (name, rtype) in names {
        scene.ask(name, rtype).expect("an answer of our own");
    }
    assert_eq!(scene.network.told(), Vec::<String>::new());
    drop(scene);

    let off = [
        "policy.special_use=false",
        "policy.local_reverse=false",
        "recursion.qname_minimisation='off'",
    ];
    let scene = Scene::new(
        "special-off",
        &Setting {
            set: &off,
            ..Setting::default()
        },
        anything,
    );
    for (name, rtype) in names {
        let told = scene.told(name, rtype);
        assert!(
            told.starts_with("NOERROR")
                && (told.ends_with("192.0.2.1") || told.ends_with("plain.example.")),
            "{name}: {told}"
        );
    }
    let asked: Vec<String> = scene.network.told();
    for (name, rtype) in names {
        assert!(
            asked.contains(&format!("10.53.0.1 {name} {rtype}")),
            "{name}: {asked:?}"
        );
    }
}

#[test]
fn authority_and_additional_are_carried_unless_minimal() {
    for (set, expected) in [
        ("answer.minimal=false", true),
        ("answer.minimal=true", false),
    ] {
        let world = usual();
        let scene = Scene::new(
            "minimal",
            &Setting {
                set: &[set],
                ..Setting::default()
            },
            move |asked| {
                let mut reply = world.answer(asked);
                if asked.name == WWW {
                    reply = reply
                        .authority("example.test. NS ns.example.test.")
                        .additional("ns.example.test. A 10.53.0.3");
                }
                reply.now(asked)
            },
        );
        // As found out, from the cache, and from the table of ready answers.
        for _ in 0..3 {
            let reply = scene.ask(WWW, T::A).expect("a reply");
            assert_eq!(say(Some(&reply)), GOOD);
            let authority: Vec<String> = reply
                .authority
                .iter()
                .map(|record| record.owner.to_string())
                .collect();
            let additional: Vec<String> = reply
                .additional
                .iter()
                .map(|record| record.owner.to_string())
                .collect();
            let (ns, glue): (&[&str], &[&str]) = if expected {
                (&["example.test."], &["ns.example.test."])
            } else {
                (&[], &[])
            };
            assert_eq!(authority, ns, "{set}");
            assert_eq!(additional, glue, "{set}");
        }
    }
}

// Points 23 and 24: time.

/// A scene whose suimond runs under libfaketime; the offset is what the returned file says.
fn faked(tag: &str, monotonic_too: bool) -> (Scene, std::path::PathBuf) {
    let setting = Setting::default();
    let mut scene = Scene::without_suimond(tag, &setting, {
        let world = usual();
        move |asked| world.answer(asked).now(asked)
    });
    let config = suimond::config(
        &scene.lab,
        &[listen()],
        setting.clients,
        HINTS,
        "[policy]\nspecial_use = false\n",
    );
    let path = scene
        .lab
        .file("suimond.toml", &config)
        .display()
        .to_string();
    let clock = scene.lab.file("clock", "+0\n");
    let library = "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
    let file = format!("FAKETIME_TIMESTAMP_FILE={}", clock.display());
    let mut command = vec!["env", library, &file, "FAKETIME_NO_CACHE=1"];
    if !monotonic_too {
        command.push("FAKETIME_DONT_FAKE_MONOTONIC=1");
    }
    command.extend([suimond::SUIMOND, "--config", &path]);
    command.extend(UNHURRIED.iter().flat_map(|setting| ["--set", *setting]));
    let resolver = scene.resolver.clone();
    scene.lab.spawn(&resolver, "suimond", &command);
    suimond::wait_until_ready(&scene.lab, "suimond");
    (scene, clock)
}

fn ttl(reply: &Message) -> u32 {
    reply.answer.first().map_or(0, |record| record.ttl)
}

#[test]
fn a_ttl_runs_out_when_the_wall_clock_moves_whether_or_not_the_monotonic_one_does() {
    for monotonic_too in [false, true] {
        let (scene, clock) = faked("faketime", monotonic_too);
        assert_eq!(ttl(&scene.ask(WWW, T::A).expect("a reply")), 300);
        let asked = scene.network.forget();
        assert_eq!(asked, 3);
        // Twice, so that the table of ready answers has it, too.
        for _ in 0..2 {
            assert!(ttl(&scene.ask(WWW, T::A).expect("a reply")) > 290);
        }
        set_clock(&clock, "+100");
        for _ in 0..2 {
            let left = ttl(&scene.ask(WWW, T::A).expect("a reply"));
            assert!(
                (180..=200).contains(&left),
                "{left} s left, monotonic too: {monotonic_too}"
            );
        }
        assert_eq!(scene.network.count(), 0, "all from the cache");
        set_clock(&clock, "+310");
        assert_eq!(
            ttl(&scene.ask(WWW, T::A).expect("a reply")),
            300,
            "monotonic too: {monotonic_too}"
        );
        assert!(scene.network.count() >= 1, "it had run out");
    }
}

#[test]
fn ten_years_forward_and_back_again_trip_nothing() {
    for monotonic_too in [false, true] {
        let (mut scene, clock) = faked("decade", monotonic_too);
        assert_eq!(scene.told(WWW, T::A), GOOD);
        set_clock(&clock, "+315576000");
        for name in [
            WWW,
            "other.example.test.",
            "new.example.test.",
            "nothing.example.test.",
        ] {
            let begun = Instant::now();
            let told = scene.told(name, T::A);
            assert!(
                told.starts_with("NOERROR") || told == "NXDOMAIN",
                "{name}: {told}"
            );
            assert!(begun.elapsed() < Duration::from_secs(3), "{name}");
        }
        set_clock(&clock, "+0");
        scene.network.forget();
        // Nothing turns the monotonic clock back on a real machine.
        if !monotonic_too {
            let reply = scene.ask(WWW, T::A).expect("a reply");
            assert_eq!(say(Some(&reply)), GOOD, "{:?}", scene.network.told());
            assert_eq!(
                ttl(&reply),
                300,
                "what was cached in the future is stale, not immortal"
            );
            assert!(scene.network.count() > 0);
        }
        let log = scene.lab.log("suimond");
        assert!(!log.contains("panicked"), "{log}");
        assert_eq!(scene.lab.stop("suimond"), Some(0), "{log}");
    }
}

// Other options that batteries set.

#[test]
fn ttls_have_a_floor_and_a_cap() {
    let world = World::usual(
        "short.example.test. 1 A 192.0.2.1\nlong.example.test. 999999 A 192.0.2.2\nwww.example.test. 300 A 192.0.2.3",
    );
    let set = [
        "cache.min_ttl='60s'",
        "cache.max_ttl='10m'",
        "cache.max_negative_ttl='30s'",
    ];
    let scene = Scene::honest(
        "ttls",
        &Setting {
            set: &set,
            ..Setting::default()
        },
        world,
    );
    for (name, expected) in [
        ("short.example.test.", 60),
        ("long.example.test.", 600),
        (WWW, 300),
    ] {
        let reply = scene.ask(name, T::A).expect("a reply");
        assert_eq!(ttl(&reply), expected, "{name}, first");
        let again = ttl(&scene.ask(name, T::A).expect("a reply"));
        assert!(
            (expected - 3..=expected).contains(&again),
            "{name}, cached: {again}"
        );
    }
    let reply = scene.ask("none.example.test.", T::A).expect("a reply");
    assert_eq!(say(Some(&reply)), "NXDOMAIN");
    assert_eq!(reply.authority.first().map(|record| record.ttl), Some(30));
}

#[test]
fn stub_zones_local_data_and_local_zones_do_what_they_say() {
    let world = usual().and(&[("10.53.0.5", "lab.example.", "www.lab.example. A 192.0.2.50")]);
    let more = "[[stub]]\nzone = \"lab.example.\"\nservers = [\"10.53.0.5\"]\n";
    let set = [
        "policy.local_data=['router.corp.example. 300 IN A 192.0.2.60', 'one.example.test. 30 IN TXT \"own\"']",
        "policy.local_zones=['corp.example.']",
    ];
    let scene = Scene::honest(
        "options",
        &Setting {
            set: &set,
            more,
            ..Setting::default()
        },
        world,
    );
    assert_eq!(
        scene.told("www.lab.example.", T::A),
        "NOERROR www.lab.example. A 192.0.2.50"
    );
    assert_eq!(scene.network.told(), ["10.53.0.5 www.lab.example. A"]);
    assert!(
        scene.network.asked().iter().all(|asked| !asked.rd),
        "a stub zone's servers are authoritative"
    );
    scene.network.forget();
    assert_eq!(
        scene.told("router.corp.example.", T::A),
        "NOERROR router.corp.example. A 192.0.2.60"
    );
    assert_eq!(scene.told("no.corp.example.", T::A), "NXDOMAIN");
    assert_eq!(
        scene.told("one.example.test.", T::TXT),
        "NOERROR one.example.test. TXT \"own\""
    );
    assert_eq!(scene.network.count(), 0, "{:?}", scene.network.told());
    assert_eq!(scene.told(WWW, T::A), GOOD);
}

#[test]
fn the_cache_stays_within_its_size() {
    let set = ["cache.size='1MiB'", "recursion.qname_minimisation='off'"];
    let scene = Scene::new(
        "size",
        &Setting {
            set: &set,
            ..Setting::default()
        },
        |asked| {
            let big = "x".repeat(200);
            let line = format!("{} TXT{}", asked.name, format!(" \"{big}\"").repeat(5));
            Reply::new().answer(line).now(asked)
        },
    );
    for number in 0..1_500 {
        let told = scene
            .ask(&format!("n{number}.example."), T::TXT)
            .expect("a reply");
        assert_eq!(answer_text(&told).len(), 1);
    }
    std::thread::sleep(Duration::from_millis(100));
    let status = suimond::tool(&scene.lab, &["--output", "json", "status"]);
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    let bytes = status["cache_bytes"].as_u64().expect("octets");
    assert!(
        (200_000..=1_100_000).contains(&bytes),
        "{bytes} octets in a cache of 1 MiB"
    );
}

#[test]
fn the_log_level_decides_what_is_written() {
    // Priming that every server refuses is worth a warning, and no error.
    for (level, expected) in [("error", false), ("warn", true)] {
        let set = format!("log.level='{level}'");
        let set = [&*set, "recursion.priming=true"];
        let scene = Scene::new(
            "log",
            &Setting {
                set: &set,
                ..Setting::default()
            },
            |asked| Reply::rcode(5).now(asked),
        );
        assert!(wait_until(PATIENCE, || scene.network.count() > 0), "tried");
        let patience = Duration::from_millis(if expected { 20_000 } else { 500 });
        let written = wait_until(patience, || {
            scene.lab.log("suimond").contains("priming failed")
        });
        assert_eq!(written, expected, "{level}: {}", scene.lab.log("suimond"));
    }
}

#[test]
fn tcp_is_served_like_udp() {
    let scene = Scene::honest("tcp", &Setting::default(), usual());
    let connected = scene
        .resolver
        .inside(|| TcpStream::connect(listen()).is_ok());
    assert!(connected);
    let octets = client::ask(5, WWW, T::A);
    let reply = scene
        .resolver
        .inside(|| client::tcp(loopback(), listen(), &octets, PATIENCE))
        .expect("a reply");
    assert_eq!(
        say(Some(&Message::parse(&reply).expect("well formed"))),
        GOOD
    );
}
