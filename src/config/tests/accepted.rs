//! What is accepted, and what does it mean?

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::super::plan::{AclAction, AclRule, LogTarget, Minimisation, Plan, TransportKind};
use super::super::{Severity, Sources, load, load_text};
use super::{Files, accepted};
use crate::wire::RecordType;

#[test]
fn nothing_written_serves_loopback_on_loopback() {
    let plan = load(&Sources::none()).unwrap();
    assert_eq!(plan.warnings, []);
    assert_eq!(plan.files, Vec::<std::path::PathBuf>::new());
    let plan = plan.plan;
    assert_eq!(plan, Plan::default());
    assert_eq!(plan, accepted("").plan);
    assert!(
        plan.ingress
            .listen
            .iter()
            .all(|address| address.ip().is_loopback() && address.port() == 53)
    );
    assert_eq!(plan.ingress.listen.len(), 2);
    assert!((1..=256).contains(&plan.ingress.workers));
    let prefixes: Vec<String> = plan
        .guard
        .rules
        .iter()
        .map(|rule| rule.prefix.to_string())
        .collect();
    assert_eq!(prefixes, ["127.0.0.0/8", "::1/128"]);
    assert!(
        plan.guard
            .rules
            .iter()
            .all(|rule| rule.action == AclAction::Allow && !rule.snoop)
    );
    assert_eq!(plan.recursion.root_hints.len(), 13);
    assert_eq!(plan.ops.control_socket, None);
    assert_eq!(plan.ops.metrics_listen, None);
    assert_eq!(plan.cache.max_bytes, 256 << 20);
    assert_eq!(plan.cache.delegation_ttl, (60, 86_400));
    assert_eq!(plan.egress.source_ports, (1024, 65_535));
    assert_eq!(plan.recursion.qname_minimisation, Minimisation::Relaxed);
    assert_eq!(plan.ops.log_target, LogTarget::Auto);
    assert_eq!(plan.process.drain, Duration::from_secs(2));
}

#[test]
fn a_missing_default_file_is_no_error() {
    let files = Files::with("");
    let sources = Sources {
        defaults_path: Some(files.path("other.toml")),
        ..Sources::none()
    };
    assert_eq!(load(&sources).unwrap().plan, Plan::default());
    files.put("conf.d/10.toml", "[cache]\nsize = '64MiB'");
    assert_eq!(load(&sources).unwrap().plan.cache.max_bytes, 64 << 20);
}

#[test]
fn layers_lie_in_their_order() {
    let files = Files::with(
        "[cache]\nsize = '2MiB'\nfailures = 2\n[limits]\nlinks = 2\ndepth = 2\npackets = 2\n",
    );
    files.put(
        "conf.d/20-b.toml",
        "[limits]\nlinks = 20\ndepth = 20\npackets = 20\n",
    );
    files.put(
        "conf.d/10-a.toml",
        "[limits]\nlinks = 10\n[cache]\nfailures = 10\n",
    );
    files.put("conf.d/.hidden.toml", "nonsense");
    files.put("conf.d/readme.txt", "nonsense");
    let sources = Sources {
        environment: vec![
            ("SUIMON_LIMITS__DEPTH".into(), "30".into()),
            ("SUIMON_LIMITS__PACKETS".into(), "30".into()),
            ("PATH".into(), "/bin".into()),
        ],
        sets: vec!["limits.packets=40".into(), "limits.packets=41".into()],
        ..files.sources()
    };
    let loaded = load(&sources).unwrap();
    let limits = loaded.plan.recursion.limits;
    assert_eq!(loaded.plan.cache.max_bytes, 2 << 20);
    assert_eq!(loaded.plan.cache.failures, 10);
    assert_eq!((limits.links, limits.depth, limits.packets), (20, 30, 41));
    let names: Vec<_> = loaded
        .files
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, ["suimon.toml", "10-a.toml", "20-b.toml"]);
    assert!(
        loaded.effective.contains("links = 20    # "),
        "{}",
        loaded.effective
    );
    assert!(
        loaded.effective.contains("20-b.toml:2:9\n"),
        "{}",
        loaded.effective
    );
    assert!(
        loaded
            .effective
            .contains("packets = 41    # --set limits.packets=41\n")
    );
    assert!(
        loaded
            .effective
            .contains("depth = 30    # SUIMON_LIMITS__DEPTH in the environment\n")
    );
    assert!(
        loaded
            .effective
            .contains("ns_names = 13    # the default\n")
    );
}

#[test]
fn the_last_file_has_the_whole_word_on_a_list_and_says_so() {
    let files = Files::with(
        "[acl]\nallow = ['10.0.0.0/8']\n[[forward]]\nzone = 'a.'\nservers = ['192.0.2.1']\n",
    );
    files.put(
        "conf.d/1.toml",
        "[acl]\nallow = ['192.0.2.0/24']\n[[forward]]\nzone = 'b.'\nservers = ['192.0.2.2']\n",
    );
    let loaded = files.load().unwrap();
    let prefixes: Vec<String> = loaded
        .plan
        .guard
        .rules
        .iter()
        .map(|rule| rule.prefix.to_string())
        .collect();
    assert_eq!(prefixes, ["192.0.2.0/24"]);
    let zones: Vec<String> = loaded
        .plan
        .policy
        .forward
        .iter()
        .map(|forward| forward.zone.to_string())
        .collect();
    assert_eq!(zones, ["a.", "b."]);
    let shown = files.shown(&loaded.warnings).join("\n");
    assert!(
        shown.starts_with(
            "warning: `acl.allow` replaces the list of an earlier file\n --> conf.d/1.toml:2:1\n"
        ),
        "{shown}"
    );
    assert!(shown.contains("it was set at suimon.toml:2:9"), "{shown}");
}

#[test]
fn a_problem_in_a_table_of_a_later_file_is_shown_there() {
    let files = Files::with(
        "[[forward]]\nzone = 'a.'\nservers = ['192.0.2.1']\n[[forward]]\nzone = 'b.'\nservers = ['192.0.2.1']\n",
    );
    files.put("conf.d/1.toml", "# first line\n[[forward]]\nzone = 'c.'\nservers = ['192.0.2.1']\n[[forward]]\nzone = 'd.'\nservers = ['192.0.2.1', '8.8.8.8']\n");
    let shown = files.shown(&files.load().unwrap_err()).join("\n");
    assert!(shown.contains(" --> conf.d/1.toml:7:25\n"), "{shown}");
}

#[test]
fn flags_and_variables_take_lists_tables_and_bare_text() {
    let sources = Sources {
        environment: vec![
            ("SUIMON_ACL__ALLOW".into(), "10.0.0.0/8, 192.0.2.1".into()),
            ("SUIMON_EGRESS__AVOID_PORTS".into(), "4789,4791".into()),
        ],
        sets: [
            "listen.addresses=[\"127.0.0.1:0\"]",
            "forward=[{zone=\".\", servers=[\"192.0.2.53:5300\"]}]",
            "acl.open=for tests, I know",
            "log.level=warn",
            "control.socket=run.sock",
            "process.drain=0",
            "recursion.priming=false",
            "policy.local_data=a. TXT \"x,y\"",
            "recursion.root_hints=none",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..Sources::none()
    };
    let plan = load(&sources).unwrap().plan;
    assert_eq!(plan.ingress.listen, ["127.0.0.1:0".parse().unwrap()]);
    assert_eq!(
        plan.policy.forward[0].servers,
        ["192.0.2.53:5300".parse().unwrap()]
    );
    assert!(plan.recursion.root_hints.is_empty());
    let prefixes: Vec<String> = plan
        .guard
        .rules
        .iter()
        .map(|rule| rule.prefix.to_string())
        .collect();
    assert_eq!(
        prefixes,
        ["10.0.0.0/8", "192.0.2.1/32", "0.0.0.0/0", "::/0"]
    );
    assert_eq!(plan.egress.avoid_ports, [4789, 4791]);
    assert_eq!(plan.ops.log_level, "warn");
    assert_eq!(
        plan.ops.control_socket.as_deref(),
        Some(Path::new("run.sock"))
    );
    assert_eq!(plan.process.drain, Duration::ZERO);
    assert_eq!(plan.policy.local_data[0].rtype, RecordType::TXT);
}

#[test]
fn the_open_sentence_opens_and_warns() {
    let loaded = accepted(
        "[listen]\naddresses = ['0.0.0.0:5300']\n[acl]\nopen = 'for tests, I know'\nallow = ['0.0.0.0/0']\nsnoop = ['0.0.0.0/0', '::/0']\n",
    );
    assert_eq!(loaded.warnings.len(), 1);
    assert_eq!(loaded.warnings[0].severity, Severity::Warning);
    assert!(
        loaded
            .plan
            .guard
            .rules
            .iter()
            .filter(|rule| rule.prefix.prefix_len() == 0)
            .all(|rule| rule.action == AclAction::Allow && rule.snoop)
    );
}

#[test]
fn rules_carry_their_conditions_and_the_right_to_look() {
    let loaded = accepted(
        "[acl]\nallow = ['10.0.0.0/8']\nrefuse = ['10.9.0.0/16']\nsnoop = ['10.0.0.1', '192.0.2.1']\n\
         [[acl.rule]]\nprefix = '10.1.0.0/16'\nlocal = '10.0.0.53'\ntransport = 'udp'\naction = 'drop'\n",
    );
    let rule = |prefix: &str, action, snoop| AclRule {
        prefix: prefix.parse().unwrap(),
        local: None,
        transport: None,
        action,
        snoop,
        prove: false,
    };
    assert_eq!(
        loaded.plan.guard.rules,
        [
            rule("10.0.0.0/8", AclAction::Allow, false),
            rule("10.9.0.0/16", AclAction::Refuse, false),
            AclRule {
                local: Some("10.0.0.53".parse().unwrap()),
                transport: Some(TransportKind::Udp),
                ..rule("10.1.0.0/16", AclAction::Drop, false)
            },
            rule("10.0.0.1/32", AclAction::Allow, true),
        ]
    );
    assert!(
        loaded.warnings[0]
            .what
            .contains("nobody in `192.0.2.1/32` may ask at all")
    );
}

#[test]
fn hints_come_from_the_file_named_the_system_or_the_program() {
    let files = Files::with("");
    let hints = files.put("hints", ". NS ns.\nns. AAAA ::1\n");
    let private = "[egress]\nallow_private_servers = true";
    let named = accepted(&format!(
        "[recursion]\nroot_hints = \"{}\"\n{private}",
        hints.display()
    ))
    .plan;
    assert_eq!(
        named.recursion.root_hints,
        [("ns.".parse().unwrap(), vec!["::1".parse().unwrap()])]
    );
    let system = load(&Sources {
        system_root_hints: Some(hints.clone()),
        ..Sources::none()
    })
    .unwrap()
    .plan;
    assert_eq!(system.recursion.root_hints.len(), 1);
    let built_in = load(&Sources {
        system_root_hints: None,
        ..Sources::none()
    })
    .unwrap()
    .plan;
    assert_eq!(built_in.recursion.root_hints.len(), 13);
    files.put("hints", "garbage");
    let fallback = load(&Sources {
        system_root_hints: Some(hints),
        ..Sources::none()
    })
    .unwrap();
    assert_eq!(
        fallback.plan.recursion.root_hints,
        built_in.recursion.root_hints
    );
    assert_eq!(fallback.warnings.len(), 1);
}

#[test]
fn the_effective_config_read_again_gives_the_same_plan() {
    for example in shipped() {
        let loaded = load(&Sources {
            file: Some(example),
            ..Sources::none()
        })
        .unwrap();
        assert_eq!(accepted(&loaded.effective).plan, loaded.plan);
    }
}

fn shipped() -> Vec<std::path::PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/config");
    let mut files = vec![
        directory.join("suimon.toml"),
        directory.join("suimon.toml.reference"),
    ];
    for example in ["isp", "enterprise", "laptop"] {
        files.push(directory.join(format!("examples/{example}.toml")));
    }
    files
}

#[test]
fn every_shipped_config_loads_without_a_word() {
    for file in shipped() {
        let loaded = load(&Sources {
            file: Some(file.clone()),
            ..Sources::none()
        });
        match loaded {
            Ok(loaded) => assert_eq!(loaded.warnings, [], "{}", file.display()),
            Err(problems) => panic!(
                "{}",
                problems
                    .iter()
                    .map(|problem| format!("{problem}\n"))
                    .collect::<String>()
            ),
        }
    }
    let plan = |name: &str| {
        load(&Sources {
            file: Some(
                Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("packaging/config")
                    .join(name),
            ),
            ..Sources::none()
        })
        .unwrap()
        .plan
    };
    let package = plan("suimon.toml");
    assert_eq!(
        package.ops.control_socket.as_deref(),
        Some(Path::new("/run/suimon/control.sock"))
    );
    assert_eq!(
        package.ops.metrics_listen,
        Some("127.0.0.1:9153".parse().unwrap())
    );
    assert_eq!(package.guard, Plan::default().guard);
    assert_eq!(package.ingress, Plan::default().ingress);
    assert_eq!(plan("suimon.toml.reference"), Plan::default());
}

/// Whether the longest matching rule without conditions allows.
fn allows(rules: &[AclRule], address: IpAddr) -> bool {
    rules
        .iter()
        .filter(|rule| rule.prefix.contains(&address))
        .max_by_key(|rule| rule.prefix.prefix_len())
        .is_some_and(|rule| rule.action == AclAction::Allow)
}

/// Text that is more TOML than not, of keys that matter.
fn line() -> impl Strategy<Value = String> {
    let section = prop_oneof![
        Just("[acl]"),
        Just("[listen]"),
        Just("[[acl.rule]]"),
        Just("[egress]"),
        Just("[[forward]]"),
        Just("[policy]"),
        Just("[cache]"),
        Just("[dnssec]"),
    ];
    let key = prop_oneof![
        Just("allow"),
        Just("snoop"),
        Just("open"),
        Just("addresses"),
        Just("prefix"),
        Just("action"),
        Just("source_ports"),
        Just("zone"),
        Just("servers"),
        Just("local_data"),
        Just("size"),
        Just("rule"),
    ];
    let value = prop_oneof![
        Just("[\"0.0.0.0/0\"]".to_owned()),
        Just("[\"::/0\", \"10.0.0.0/8\"]".to_owned()),
        Just("\"0.0.0.0/0\"".to_owned()),
        Just("\"allow\"".to_owned()),
        Just("\".\"".to_owned()),
        Just("[{prefix = \"::/0\", action = \"allow\"}]".to_owned()),
        Just("\"1-65535\"".to_owned()),
        Just("\"For tests, I know\"".to_owned()),
        Just("[\"0.0.0.0\"]".to_owned()),
        Just("[\"192.0.2.1\", \"8.8.8.8\"]".to_owned()),
        Just("[\"a. TXT x\", 3]".to_owned()),
        "[0-9]{1,20}",
        "[-0-9a-z\"\\[\\]{}=.,:/ ]{0,30}",
    ];
    prop_oneof![
        3 => section.prop_map(str::to_owned),
        8 => (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
        1 => "\\PC{0,40}",
    ]
}

fn public_v4() -> impl Strategy<Value = IpAddr> {
    any::<u32>().prop_map(|address| IpAddr::V4(address.into()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn no_text_panics_and_no_accepted_text_serves_everybody(
        lines in prop::collection::vec(line(), 0..14),
        strangers in prop::collection::vec(public_v4(), 64),
    ) {
        match load_text(Path::new("suimon.toml"), &lines.join("\n")) {
            Ok(loaded) => {
                prop_assert!(!strangers.iter().all(|address| allows(&loaded.plan.guard.rules, *address)));
                prop_assert!(loaded.plan.egress.source_ports.0 > 53);
                prop_assert!(loaded.plan.policy.forward.iter().all(|forward| forward.servers.iter().all(|server| server.ip() != IpAddr::from([8, 8, 8, 8]))));
            }
            Err(problems) => {
                prop_assert!(problems.iter().any(super::Problem::is_error));
                for shown in problems.iter().map(ToString::to_string) {
                    prop_assert!(shown.contains(" = why: ") && shown.contains(" = fix: "), "{}", shown);
                }
            }
        }
    }

    #[test]
    fn no_set_of_prefixes_that_is_accepted_holds_many_strangers(
        prefixes in prop::collection::vec((any::<u32>(), 8u8..=14), 1..60),
        strangers in prop::collection::vec(public_v4(), 64),
    ) {
        let prefixes: Vec<String> = prefixes
            .iter()
            .map(|(address, length)| ipnet::Ipv4Net::new((*address).into(), *length).unwrap().trunc().to_string())
            .collect();
        let sources = Sources { sets: vec![format!("acl.allow={}", prefixes.join(","))], ..Sources::none() };
        if let Ok(loaded) = load(&sources) {
            let served = strangers.iter().filter(|address| allows(&loaded.plan.guard.rules, **address)).count();
            prop_assert!(served < 32, "{} of 64 strangers are served", served);
        }
    }
}

#[test]
fn a_few_large_operators_are_still_accepted() {
    let loaded = accepted(
        "[acl]\nallow = ['12.0.0.0/8', '99.0.0.0/8', '2003::/19', '2a01:c000::/19', '10.0.0.0/8', 'fc00::/7']",
    );
    assert_eq!(loaded.plan.guard.rules.len(), 6);
}
