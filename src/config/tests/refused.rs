//! What is refused, and in which words?

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::{Place, Sources, load};
use super::{Files, headlines, refusal};

#[test]
fn an_unknown_key_is_shown_with_caret_and_nearest_spelling() {
    assert_eq!(
        refusal("[cache]\nsize = \"1GiB\"\n\tsise = 3\n"),
        "\
error: unknown key `sise`
 --> suimon.toml:3:2
  |
3 |  sise = 3
  |  ^^^^
  = why: section [cache] has no such key
  = fix: did you mean `size`? See suimon check --explain cache.size"
    );
}

#[test]
fn every_kind_of_problem_is_reported_at_once() {
    let text = "\
[listen]
addresses = [\"127.0.0.1\", \"localhost\"]
[cash]
size = 1
[limits]
packets = 0
time = \"7 parsec\"
[guard]
check_ports = \"yes\"
[recursion]
qname_minimisation = \"relaxd\"
[[forward]]
zone = \"corp.example.\"
[egress]
source_ports = \"1-65535\"
";
    assert_eq!(
        refusal(text),
        "\
error: `listen.addresses` does not take this value
 --> suimon.toml:2:27
  |
2 | addresses = [\"127.0.0.1\", \"localhost\"]
  |                           ^^^^^^^^^^^
  = why: `localhost` is a name; only addresses can stand here, for names are what we are here to find out
  = fix: write addresses like \"192.0.2.1\" or \"[2001:db8::1]:53\"

error: unknown section `cash`
 --> suimon.toml:3:2
  |
3 | [cash]
  |  ^^^^
  = why: there is no section [cash]
  = fix: did you mean [cache]?

error: `limits.packets` does not take this value
 --> suimon.toml:6:11
  |
6 | packets = 0
  |           ^
  = why: 0 is below the least value 1
  = fix: write a whole number from 1 to 10000

error: `limits.time` does not take this value
 --> suimon.toml:7:8
  |
7 | time = \"7 parsec\"
  |        ^^^^^^^^^^
  = why: `parsec` is not a unit of time; there are ms, s, m, h, d and w
  = fix: write a length of time from \"100ms\" to \"1m\"

error: `guard.check_ports` does not take this value
 --> suimon.toml:9:15
  |
9 | check_ports = \"yes\"
  |               ^^^^^
  = why: this is the text \"yes\"
  = fix: write true or false

error: `recursion.qname_minimisation` does not take this value
  --> suimon.toml:11:22
   |
11 | qname_minimisation = \"relaxd\"
   |                      ^^^^^^^^
   = why: `relaxd` is not one of the words known here
   = fix: did you mean \"relaxed\"? There are \"off\", \"relaxed\", \"strict\"

error: `servers` is missing in [[forward]]
  --> suimon.toml:12:1
   |
12 | [[forward]]
   | ^^^^^^^^^^^
   = why: every such table needs it: Resolvers to ask, with RD=1.
   = fix: add a line like servers = [\"192.0.2.10\", \"192.0.2.11:5353\"]

error: source port 53 would be used for questions
  --> suimon.toml:15:16
   |
15 | source_ports = \"1-65535\"
   |                ^^^^^^^^^
   = why: replies to port 53 look like queries to firewalls and to ourselves, and the port needs no guessing (CVE-2008-1447)
   = fix: write \"1024-65535\", or leave the key out"
    );
}

#[test]
fn broken_toml_is_shown_where_it_breaks() {
    assert_eq!(
        refusal("[cache\nsize = 1\n"),
        "\
error: this is not TOML
 --> suimon.toml:1:7
  |
1 | [cache
  |       ^
  = why: unclosed table, expected `]`
  = fix: correct the line; texts stand in quotes, lists in square brackets, sections begin with [name]"
    );
    assert!(refusal("[cache]\nsize = 1\nsize = 2\n").contains("duplicate key"));
    assert!(headlines("cache = 3")[0].contains("`cache` is a section"));
    assert!(headlines("[forward]\nzone = '.'")[0].contains("`forward` is a list of tables"));
    assert!(
        refusal("size = '1GiB'")
            .contains("did you mean `cache.size`? It stands in its own section")
    );
    assert!(
        refusal("[cache]\npackets = 10").contains("did you mean `packets` of section [limits]?")
    );
}

#[test]
fn control_characters_of_a_file_never_reach_the_terminal() {
    let shown = refusal("[cache]\n\"si\\u001b[31mze\" = 1\nx = \"\\u0007\"\n");
    assert!(
        !shown.contains(|letter: char| letter.is_control() && letter != '\n'),
        "{shown:?}"
    );
}

#[test]
fn an_acl_for_everybody_is_refused_however_it_is_written() {
    let halves = "[acl]\nallow = [\"0.0.0.0/1\", \"128.0.0.0/1\"]";
    assert_eq!(
        refusal(halves),
        "\
error: this ACL serves everybody
 --> suimon.toml:2:10
  |
2 | allow = [\"0.0.0.0/1\", \"128.0.0.0/1\"]
  |          ^^^^^^^^^^^
  = why: `0.0.0.0/1` is wider than anything one operator was ever given (/8); an open resolver is used for attacks on others (RFC 5358)
  = fix: allow the prefixes of your own clients

error: this ACL serves everybody
 --> suimon.toml:2:23
  |
2 | allow = [\"0.0.0.0/1\", \"128.0.0.0/1\"]
  |                       ^^^^^^^^^^^^^
  = why: `128.0.0.0/1` is wider than anything one operator was ever given (/8); an open resolver is used for attacks on others (RFC 5358)
  = fix: allow the prefixes of your own clients"
    );
    let eighths: Vec<String> = (0..=255)
        .map(|first| format!("\"{first}.0.0.0/8\""))
        .collect();
    let all_eighths = format!("[acl]\nallow = [{}]", eighths.join(", "));
    assert!(refusal(&all_eighths).contains("together these prefixes hold"));
    for text in [
        "[acl]\nallow = ['0.0.0.0/0']",
        "[acl]\nallow = ['::/0']",
        "[acl]\nallow = ['2000::/3']",
        "[acl]\nallow = ['::ffff:0:0/96']",
        "[acl]\nallow = ['2002::/16']",
        "[acl]\nallow = ['0.0.0.0/0']\nrefuse = ['0.0.0.0/1', '128.0.0.0/1']",
        "[[acl.rule]]\nprefix = '0.0.0.0/0'\naction = 'allow'",
        "[[acl.rule]]\nprefix = '::/0'\ntransport = 'tcp'\naction = 'allow'",
        "[[acl.rule]]\nprefix = '::/0'\nlocal = '::1'\naction = 'allow'",
        "[acl]\nallow = ['0.0.0.0/0']\nopen = 'For tests, I know'",
        "[acl]\nopen = 'yes'",
    ] {
        let lines = headlines(text);
        assert!(
            lines
                .iter()
                .any(|line| line == "error: this ACL serves everybody"
                    || line == "error: this does not open the ACL"),
            "{text}: {lines:?}"
        );
    }
}

#[test]
fn wildcards_need_a_decision_about_clients() {
    assert_eq!(
        refusal("[listen]\naddresses = [\"0.0.0.0:53\"]\n"),
        "\
error: `0.0.0.0:53` listens on every address of this host, and no ACL says who may ask
 --> suimon.toml:2:14
  |
2 | addresses = [\"0.0.0.0:53\"]
  |              ^^^^^^^^^^^^
  = why: a wildcard also takes interfaces that are added later, so whom it serves must have been decided
  = fix: set acl.allow to your clients' prefixes, or list the addresses one by one"
    );
    assert!(
        headlines("[listen]\naddresses = ['[::]:53']\n[acl]\nallow = []")
            .iter()
            .any(|line| line.contains("listens on every address"))
    );
    assert!(
        headlines("[listen]\naddresses = ['[::]:53']\n[acl]\nrefuse = ['10.0.0.0/8']")
            .iter()
            .any(|line| line.contains("listens on every address"))
    );
    assert!(
        headlines("[listen]\naddresses = ['0.0.0.0']\n[acl]\nallow = ['10.0.0.0/8']").is_empty()
    );
    assert!(headlines("[listen]\naddresses = ['0.0.0.0']\n[[acl.rule]]\nprefix = '10.0.0.0/8'\naction = 'allow'").is_empty());
}

#[test]
fn listeners_are_addresses_of_this_host_each_once() {
    let headline =
        |address: &str| headlines(&format!("[listen]\naddresses = [{address}]")).join("\n");
    assert_eq!(
        headline("'127.0.0.1', '127.0.0.1:53'"),
        "error: `127.0.0.1:53` is listed twice"
    );
    assert_eq!(headline("'127.0.0.1:0', '127.0.0.1:0'"), "");
    assert_eq!(
        headline("'224.0.0.251:5353'"),
        "error: `224.0.0.251` cannot be listened on"
    );
    assert!(headline("'[::ffff:127.0.0.1]:53'").contains("an IPv4 address in disguise"));
    assert_eq!(headline(""), "error: there is nothing to listen on");
    assert_eq!(
        headline("'192.0.2.53'"),
        "warning: nobody can be served at `192.0.2.53:53`"
    );
}

#[test]
fn rules_that_contradict_each_other_are_refused() {
    let shown = refusal("[acl]\nallow = ['10.0.0.0/8']\ndrop = ['10.0.0.0/8']");
    assert!(
        shown.starts_with(
            "error: two rules contradict each other about `10.0.0.0/8`\n --> suimon.toml:3:9\n"
        ),
        "{shown}"
    );
    assert!(
        shown.contains("the other one is at suimon.toml:2:10"),
        "{shown}"
    );
    assert!(
        refusal("[acl]\nrefuse = ['127.0.0.0/8']").contains("acl.allow allows it unless it is set")
    );
    assert!(refusal("[acl]\nallow = ['::ffff:10.0.0.0/104']").contains("fix: write 10.0.0.0/8"));
    let rule = "[[acl.rule]]\nprefix = '10.0.0.0/8'\ntransport = 'udp'\naction = ";
    assert!(headlines(&format!("{rule}'allow'\n{rule}'drop'"))[0].contains("contradict"));
    assert!(headlines(&format!("{rule}'allow'\n{rule}'allow'")).is_empty());
    assert!(
        headlines("[[acl.rule]]\nprefix = '10.0.0.0/8'\nlocal = '::1'\naction = 'allow'")[0]
            .contains("can never match")
    );
}

#[test]
fn questions_never_leave_from_port_53_or_from_few_ports() {
    for range in ["\"53\"", "53", "\"1-65535\"", "\"53-60000\"", "\"50-53\""] {
        assert_eq!(
            headlines(&format!("[egress]\nsource_ports = {range}")),
            ["error: source port 53 would be used for questions"],
            "{range}"
        );
    }
    assert_eq!(
        headlines("[egress]\nsource_ports = '54-65535'"),
        ["error: source port 54 is a privileged port"]
    );
    assert_eq!(
        headlines("[egress]\nsource_ports = '40000'"),
        ["error: only 1 source ports are left"]
    );
    assert_eq!(
        headlines("[egress]\nsource_ports = '20000-29999'"),
        ["warning: only 10000 source ports are left"]
    );
    assert_eq!(
        headlines("[egress]\nsource_ports = '20000-50000'"),
        Vec::<String>::new()
    );
}

#[test]
fn public_resolvers_need_a_reason() {
    let forward = |server: &str, more: &str| {
        format!("[[forward]]\nzone = \".\"\nservers = [\"{server}\"]\n{more}")
    };
    assert_eq!(
        refusal(&forward("8.8.8.8", "")),
        "\
error: `8.8.8.8` is a public resolver (Google Public DNS)
 --> suimon.toml:3:12
  |
3 | servers = [\"8.8.8.8\"]
  |            ^^^^^^^^^
  = why: every question under `.`, with all it says about your clients, would go to a third party
  = fix: remove the forward zone to resolve here, or say why it must be: leak_ok = \"the reason\""
    );
    assert!(headlines(&forward("[2620:fe::fe]:9953", ""))[0].contains("(Quad9)"));
    assert!(headlines(&forward("1.1.1.1", "leak_ok = \"  \""))[0].starts_with("error"));
    assert!(headlines(&forward("1.1.1.1", "leak_ok = \"interim\""))[0].starts_with("warning"));
    assert!(headlines("[[stub]]\nzone = '.'\nservers = ['9.9.9.9']")[0].starts_with("error"));
}

#[test]
fn servers_of_zones_are_other_hosts_that_can_be_asked() {
    let headline = |server: &str, more: &str| {
        headlines(&format!(
            "[[forward]]\nzone = 'a.'\nservers = ['{server}']\n{more}"
        ))
        .join("\n")
    };
    assert_eq!(
        headline("127.0.0.1", ""),
        "error: `127.0.0.1:53` cannot be a server of this zone"
    );
    assert_eq!(headline("127.0.0.1:5353", ""), "");
    assert!(
        headline(
            "127.0.0.9:54",
            "[listen]\naddresses = ['0.0.0.0:54']\n[acl]\nallow = ['10.0.0.0/8']"
        )
        .contains("cannot be a server")
    );
    assert!(headline("0.0.0.0", "").contains("cannot be a server"));
    assert!(headline("::", "").contains("cannot be a server"));
    assert!(headline("192.0.2.1:0", "").contains("cannot be a server"));
    assert!(headline("ff02::1", "").contains("cannot be a server"));
    assert!(
        headline("192.0.2.1", "[egress]\nnever_ask = ['192.0.2.0/24']")
            .contains("cannot be a server")
    );
    assert!(
        headline("192.0.2.1", "[egress]\nipv4 = false")
            .contains("none of these servers can be asked")
    );
    assert_eq!(
        headlines("[[stub]]\nzone = 'a.'\nservers = []"),
        ["error: this zone has no servers"]
    );
}

#[test]
fn a_zone_has_one_meaning() {
    let text = "[policy]\nlocal_zones = ['a.', 'a']\n[[forward]]\nzone = 'B.'\nservers = ['192.0.2.1']\n[[stub]]\nzone = 'b'\nservers = ['192.0.2.2']\n[[stub]]\nzone = 'a'\nservers = ['192.0.2.2']";
    assert_eq!(
        headlines(text),
        [
            "error: `b.` has two meanings",
            "error: `a.` has two meanings"
        ]
    );
}

#[test]
fn local_data_is_read_now_not_when_asked() {
    let shown = refusal(
        "[policy]\nlocal_data = [\n  \"a. A 192.0.2.1\",\n  \"b. A 192.0.2.300\",\n  \"a. CNAME c.\",\n]",
    );
    assert!(shown.contains("error: this is not a record\n --> suimon.toml:4:3\n  |\n4 |   \"b. A 192.0.2.300\",\n  |   ^^^^^^^^^^^^^^^^^^\n"), "{shown}");
    assert!(
        shown.contains("error: `a.` has an alias and more\n --> suimon.toml:5:3"),
        "{shown}"
    );
}

#[test]
fn pairs_of_limits_are_in_order() {
    assert_eq!(
        headlines("[cache]\nmin_ttl = '1h'\nmax_ttl = '1m'"),
        ["error: `cache.min_ttl` is above `cache.max_ttl`"]
    );
    let shown = refusal("[egress]\nmax_timeout = '100ms'");
    assert!(shown.contains("suimon.toml:2:15"), "{shown}");
    assert!(
        headlines("[egress]\nipv4 = false\nipv6 = false")
            .contains(&"error: no server can be asked".to_owned())
    );
    assert!(headlines("[cache]\nmin_ttl = '500ms'")[0].contains("does not take this value"));
}

#[test]
fn the_metrics_page_stays_inside() {
    assert!(
        headlines("[metrics]\nlisten = '0.0.0.0:9153'")[0].contains("would be open to other hosts")
    );
    assert!(headlines("[metrics]\nlisten = '192.0.2.1:9153'\nallow_remote = true").is_empty());
    assert!(headlines("[metrics]\nlisten = '127.0.0.1'")[0].contains("does not take this value"));
    assert!(headlines("[metrics]\nlisten = '127.0.0.1:53'")[0].contains("is already a listener"));
}

#[test]
fn a_control_socket_that_others_could_replace_is_refused() {
    let files = Files::with("");
    let open = files.path("open");
    fs::create_dir(&open).unwrap();
    let text = format!("[control]\nsocket = \"{}/control.sock\"\n", open.display());
    let set_mode =
        |mode: u32| fs::set_permissions(&open, fs::Permissions::from_mode(mode)).unwrap();

    set_mode(0o757);
    let shown = refusal(&text);
    assert!(
        shown.contains(&format!(
            "error: everybody can write to `{}`",
            open.display()
        )),
        "{shown}"
    );
    assert!(
        shown.contains("its mode is 0757")
            && shown.contains(&format!("chmod o-w {}", open.display())),
        "{shown}"
    );
    set_mode(0o1777);
    assert!(headlines(&text)[0].starts_with("warning: everybody can create files"));
    set_mode(0o775);
    assert!(headlines(&text).is_empty());

    fs::create_dir(open.join("inner")).unwrap();
    set_mode(0o777);
    let inner = format!(
        "[control]\nsocket = \"{}/inner/control.sock\"\n",
        open.display()
    );
    assert!(headlines(&inner)[0].starts_with("error: everybody can write to"));
    set_mode(0o755);
    fs::write(open.join("control.sock"), "").unwrap();
    assert!(headlines(&text)[0].contains("exists and is not a socket"));
    let long = format!("[control]\nsocket = \"/{}\"\n", "x".repeat(107));
    assert!(headlines(&long)[0].contains("cannot be the path of a socket"));
}

#[test]
fn log_levels_are_words_or_filters() {
    assert_eq!(
        headlines("[log]\nlevel = 'inf'"),
        ["error: `inf` is not a log level"]
    );
    assert!(headlines("[log]\nlevel = 'info,suimon::egress=loud'")[0].contains("not a log filter"));
    assert!(headlines("[log]\nlevel = 'warn,suimon::egress=debug'").is_empty());
}

#[test]
fn root_hints_are_read_and_their_lines_judged() {
    let files = Files::with("");
    let hints = files.put("hints", ". NS ns.\nns. A 127.0.0.300\n");
    let text = format!("[recursion]\nroot_hints = \"{}\"", hints.display());
    let shown = refusal(&text);
    assert!(
        shown.starts_with("error: this is not a root hint\n"),
        "{shown}"
    );
    assert!(shown.contains("hints:2:1\n  |\n2 | ns. A 127.0.0.300\n  | ^^^^^^^^^^^^^^^^^\n  = why: `127.0.0.300` is not what an A record holds"), "{shown}");
    files.put("hints", ". NS ns.\nns. A 127.0.0.3\n");
    assert_eq!(
        headlines(&text),
        ["error: none of these root servers may be asked"]
    );
    let validation = "[dnssec]\nvalidation = 'off'";
    assert!(
        headlines(&format!(
            "{text}\n[egress]\nallow_private_servers = true\n{validation}"
        ))
        .is_empty()
    );
    files.put("hints", ". NS ns.\n");
    assert_eq!(headlines(&text), ["error: there are no root servers"]);
    assert!(
        headlines(&format!(
            "{text}\n[[forward]]\nzone = '.'\nservers = ['192.0.2.1']\n{validation}"
        ))
        .is_empty()
    );
    assert!(headlines("[recursion]\nroot_hints = '/nowhere/at/all'")[0].contains("cannot be read"));
    // What never ends is not read, and a file of another kind does not fill the screen.
    for endless in ["/dev/zero", "/dev"] {
        let text = format!("[recursion]\nroot_hints = '{endless}'");
        assert!(headlines(&text)[0].contains("cannot be read"));
    }
    files.put("hints", &"garbage\n".repeat(8_000));
    assert_eq!(headlines(&text).len(), 10);
    files.put("hints", &"garbage\n".repeat(9_000));
    assert!(refusal(&text).contains("it is longer than 65536 octets"));
    assert_eq!(
        headlines("[recursion]\nroot_hints = 'none'"),
        ["error: there are no root servers"]
    );
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let missing = load(&Sources {
        file: Some("/nowhere/suimon.toml".into()),
        ..Sources::none()
    })
    .unwrap_err();
    assert_eq!(
        missing[0].to_string(),
        "\
error: this configuration file cannot be read
 --> /nowhere/suimon.toml
  = why: No such file or directory (os error 2)
  = fix: name a file that exists, or leave --config out"
    );
    let files = Files::with("");
    fs::write(files.path("suimon.toml"), b"[cache]\nsize = \"\xe4\"\n").unwrap();
    let problems = files.load().unwrap_err();
    assert_eq!(problems[0].what, "this file is not UTF-8 text");
    assert!(
        matches!(
            problems[0].place,
            Place::Text {
                line: 2,
                column: 9,
                ..
            }
        ),
        "{:?}",
        problems[0].place
    );
    fs::remove_file(files.path("suimon.toml")).unwrap();
    fs::create_dir(files.path("suimon.toml")).unwrap();
    assert_eq!(
        files.load().unwrap_err()[0].what,
        "this configuration file cannot be read"
    );
}

#[test]
fn variables_and_flags_are_named_in_their_problems() {
    let shown = |environment: &[(&str, &str)], sets: &[&str]| {
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let sets = sets.iter().map(|text| (*text).to_owned()).collect();
        let problems = load(&Sources {
            environment,
            sets,
            ..Sources::none()
        })
        .unwrap_err();
        problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<String>>()
            .join("\n\n")
    };
    assert_eq!(
        shown(&[("SUIMON_CACHE__SIZE", "much")], &["limits.packets=many"]),
        "\
error: `cache.size` does not take this value
 --> SUIMON_CACHE__SIZE in the environment
  = why: `much` does not begin with a whole number
  = fix: write a size from \"1MiB\" to \"1TiB\"

error: `limits.packets` does not take this value
 --> --set limits.packets=many
  = why: this is the text \"many\"
  = fix: write a whole number from 1 to 10000"
    );
    let unknown = shown(&[("SUIMON_CACHE_SIZE", "1GiB")], &[]);
    assert!(
        unknown.contains("unknown variable `SUIMON_CACHE_SIZE`")
            && unknown.contains("did you mean `SUIMON_CACHE__SIZE`?"),
        "{unknown}"
    );
    assert!(shown(&[], &["cache.sise=1"]).contains("did you mean `cache.size`?"));
    assert!(shown(&[], &["cache.size"]).contains("there is no `=` in this flag"));
    assert!(shown(&[], &["forward.zone=."]).contains("cannot be set alone"));
    assert!(shown(&[], &["acl.allow=[10.0.0.0/8"]).contains("`acl.allow` cannot be read"));
    assert!(
        shown(&[], &["acl.allow=0.0.0.0/0"])
            .contains("error: this ACL serves everybody\n --> --set acl.allow=0.0.0.0/0")
    );
    assert!(shown(&[("SUIMON_EGRESS__SOURCE_PORTS", "53")], &[]).contains("source port 53"));
}

#[test]
fn keys_are_found_however_they_are_written() {
    let first = |text: &str| {
        refusal(text)
            .lines()
            .take(2)
            .collect::<Vec<&str>>()
            .join("\n")
    };
    let cases = [
        (
            "cache.sise = 1",
            "error: unknown key `sise`\n --> suimon.toml:1:7",
        ),
        (
            "cache = { size = 1048576, sise = 2 }",
            "error: unknown key `sise`\n --> suimon.toml:1:27",
        ),
        (
            "[acl]\n\"rule.prefix\" = 1",
            "error: unknown key `rule.prefix`\n --> suimon.toml:2:1",
        ),
        (
            "[[\"acl.rule\"]]\nprefix = 'x'",
            "error: unknown section `acl.rule`\n --> suimon.toml:1:3",
        ),
        (
            "[acl]\nrule = [{ prefix = 'x', action = 'allow' }]",
            "error: `acl.rule.prefix` does not take this value\n --> suimon.toml:2:20",
        ),
        (
            "[[acl.rule]]\nacl.rule = 1",
            "error: `prefix` is missing in [[acl.rule]]\n --> suimon.toml:1:1",
        ),
        (
            "[acl]\nallow = ['::ffff:10.0.0.0/104']",
            "error: `::ffff:10.0.0.0/104` is IPv4 in disguise\n --> suimon.toml:2:10",
        ),
    ];
    for (text, wanted) in cases {
        assert_eq!(first(text), wanted, "{text}");
    }
}
