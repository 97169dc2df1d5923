//! Who may import whom, who may start a task, what may not be named where: the rules, and the complaints about one file.

use std::collections::BTreeSet;

use super::source::Source;

/// Everyone may use these; they use nothing of ours but what stands beside them.
const LEVEL_0: [&str; 4] = ["wire", "telemetry", "config", "sys"];

/// Who may import whom, level by level. "*" is everything below: all rooms but the binaries and its own level.
const TABLE: [(&str, u8, &[&str]); 17] = [
    ("wire", 0, &[]),
    ("telemetry", 0, &[]),
    ("config", 0, &[]),
    ("sys", 0, &[]),
    ("guard", 1, &[]),
    ("policy", 1, &[]),
    ("cache", 1, &[]),
    ("dnssec", 1, &[]),
    ("egress", 1, &[]),
    ("answer", 1, &[]),
    ("recursion", 2, &["cache", "dnssec"]),
    (
        "query",
        3,
        &["guard", "policy", "cache", "recursion", "egress", "answer"],
    ),
    (
        "resolve",
        3,
        &[
            "guard",
            "policy",
            "cache",
            "dnssec",
            "recursion",
            "egress",
            "answer",
        ],
    ),
    ("ingress", 4, &["query"]),
    ("ops", 4, &["query"]),
    ("daemon", 5, &["*"]),
    ("drill", 5, &["*"]),
];

/// Doors beside the table: who, to what, why. A door opens one path, not a room.
pub(crate) const DOORS: [(&str, &str, &str); 12] = [
    (
        "config",
        "wire",
        "a plan holds names and records, already parsed",
    ),
    (
        "recursion",
        "guard::permit",
        "spends what the guard minted, and can only spend it",
    ),
    (
        "egress",
        "guard::permit",
        "spends what the guard minted, and can only spend it",
    ),
    (
        "cache",
        "dnssec::validated",
        "the seal on what may be used aggressively; the cache cannot set it",
    ),
    (
        "policy",
        "guard::permit",
        "forwarders are asked under the same budget",
    ),
    (
        "query",
        "resolve",
        "the pipeline hands a miss over; resolve never sees query",
    ),
    (
        "ctl",
        "ops::control::protocol",
        "the words of the control socket, and nothing else of the daemon",
    ),
    (
        "ctl",
        "ops::metrics",
        "`stats` reads the list of metrics that the page shows",
    ),
    (
        "ctl",
        "guard::shape",
        "`check --host` says of a host what the daemon's `status` says",
    ),
    (
        "ctl",
        "drill",
        "`suimon drill`: its arguments and its run; the drill never sees `ctl`",
    ),
    ("bin", "daemon", "the daemon's life"),
    ("bin", "ctl", "the tool's commands"),
];

/// Who may start a task or a thread, and why.
const MAY_SPAWN: [(&str, &str); 7] = [
    ("ingress", "one worker per core, one task per stream"),
    ("resolve", "one task per recursion"),
    ("egress", "one task per exchange in parallel"),
    (
        "ops",
        "one task per metrics or control connection; `daemon` spawns the listeners",
    ),
    ("daemon", "wires everything"),
    ("drill", "runs a small Internet"),
    ("ctl", "asks the daemon"),
];

/// Rooms that own no socket, no clock, no task and no randomness: all of it is an argument.
const SANS_IO: [&str; 7] = [
    "wire",
    "telemetry",
    "guard",
    "cache",
    "dnssec",
    "recursion",
    "answer",
];

/// Rooms that keep deadlines of tokio's; clippy (`disallowed-methods`) tells its `Instant` from the standard one there.
const MAY_KEEP_DEADLINES: [&str; 5] = ["ingress", "resolve", "egress", "daemon", "drill"];

/// Sans-IO rooms that draw a secret once, when they are built.
const DRAWS_A_SECRET: [&str; 2] = ["guard", "cache"];

/// Ways to ask for the time or for randomness; `sys` alone may.
const CLOCKS_AND_DICE: [&[&str]; 9] = [
    &["Instant", "::", "now"],
    &["SystemTime", "::", "now"],
    &["rand", "::", "rng"],
    &["rand", "::", "random"],
    &["thread_rng"],
    &["OsRng"],
    &["SysRng"],
    &["getrandom"],
    &["from_os_rng"],
];

/// What a room without input and output cannot even name.
const OUTSIDE_WORLD: [&[&str]; 12] = [
    &["clock", "::", "now"],
    &["csprng"],
    &["UdpSocket"],
    &["TcpStream"],
    &["TcpListener"],
    &["UnixListener"],
    &["tokio", "::"],
    &["socket2", "::"],
    &["rustix", "::"],
    &["quinn_udp", "::"],
    &["std", "::", "fs"],
    &["thread", "::", "sleep"],
];

const SPAWNS: [&[&str]; 6] = [
    &["spawn"],
    &["spawn_blocking"],
    &["spawn_local"],
    &["JoinSet"],
    &["thread", "::", "Builder"],
    &["thread", "::", "scope"],
];

/// A file longer than this without its tests is asked to split.
const MOST_LINES: usize = 500;

/// All that is wrong with one file of `src/`; `path` is relative to it.
pub(crate) fn complaints(path: &str, text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let first = text.lines().next().unwrap_or_default();
    if !first.starts_with("//! ") || first.trim_end().len() < 10 {
        out.push(format!("{path}:1: the first line is not a `//!` sentence that says what question the file answers"));
    }
    if is_test_file(path) {
        return out;
    }
    let source = Source::read(text);
    if source.lines > MOST_LINES {
        out.push(format!(
            "{path}: {} lines without tests; more than {MOST_LINES} are asked to split",
            source.lines
        ));
    }
    let module = module_of(path);
    let room = room_of(path);
    let mut seen = BTreeSet::new();
    let root: &[&str] = if room == "bin" {
        &["crate", "suimon"]
    } else {
        &["crate"]
    };
    for mention in source.mentions(&module, root) {
        let Some(target) = mention.path.first() else {
            continue;
        };
        seen.insert(target.clone());
        if let Err(why) = may_mention(&room, &mention.path) {
            out.push(format!(
                "{path}:{}: `{room}` may not use `{}`: {why}",
                mention.line,
                mention.path.join("::")
            ));
        }
    }
    if seen.contains("recursion")
        && seen.contains("egress")
        && !["resolve", "daemon", "drill"].contains(&room.as_str())
    {
        out.push(format!(
            "{path}: sees both recursion and egress; only resolve does"
        ));
    }
    let mut ban = |words: &[&str], why: &str| {
        for line in source.lines_with(words) {
            out.push(format!("{path}:{line}: `{}`: {why}", words.concat()));
        }
    };
    if room != "sys" {
        for words in CLOCKS_AND_DICE {
            if words == ["Instant", "::", "now"] && MAY_KEEP_DEADLINES.contains(&room.as_str()) {
                continue;
            }
            ban(
                words,
                "only sys asks for time or randomness; take it as an argument",
            );
        }
    }
    if SANS_IO.contains(&room.as_str()) {
        for words in OUTSIDE_WORLD {
            if words == ["csprng"] && DRAWS_A_SECRET.contains(&room.as_str()) {
                continue;
            }
            ban(words, "this room has no socket, clock, task or file");
        }
    }
    if !MAY_SPAWN.iter().any(|(who, _)| *who == room) {
        for words in SPAWNS {
            ban(words, "this room starts no task and no thread");
        }
    }
    if level_of(&room).is_some_and(|level| level < 5) && room != "config" {
        ban(
            &["plan", "::", "Plan"],
            "a room takes its own slice of the Plan, never the whole",
        );
    }
    if !path.starts_with("daemon") && path != "guard/permit.rs" {
        ban(
            &["RecursionPermit", "::", "internal"],
            "daemon.rs alone mints permits for causes of our own",
        );
        ban(
            &["InternalCause"],
            "daemon.rs alone names causes of our own",
        );
    }
    if room != "guard" {
        ban(
            &["RecursionPermit", "::", "for_client"],
            "only the guard mints permits for clients",
        );
    }
    if !source.lines_with(&["unsafe"]).is_empty() {
        out.push(format!("{path}: the word `unsafe`"));
    }
    out
}

/// Whether code in `room` may use the path `to`, whose first segment is a room.
fn may_mention(room: &str, to: &[String]) -> Result<(), String> {
    let target = to.first().map_or("", String::as_str);
    let full = to.join("::");
    if room == target || room == "lib" {
        return Ok(());
    }
    let below_daemon = level_of(room).is_some_and(|level| level < 5);
    if target == "config" && below_daemon {
        return match to.get(1..) {
            Some([plan, rest @ ..])
                if plan == "plan"
                    && !matches!(rest.first().map(String::as_str), Some("Plan" | "*")) =>
            {
                Ok(())
            }
            Some([plan, ..]) if plan == "plan" => {
                Err("a room takes its own slice of the Plan, never the whole".to_owned())
            }
            _ => Err("rooms below daemon see config::plan and nothing else of config".to_owned()),
        };
    }
    let door = |(who, path, _): &(&str, &str, &str)| {
        *who == room && (full == *path || full.starts_with(&format!("{path}::")))
    };
    if DOORS.iter().any(door) {
        return Ok(());
    }
    if LEVEL_0.contains(&target) {
        return if LEVEL_0.contains(&room) {
            Err("rooms of level 0 import nothing of ours".to_owned())
        } else {
            Ok(())
        };
    }
    let Some(target_level) = level_of(target) else {
        return Err("no such room in the table".to_owned());
    };
    let Some((_, level, imports)) = TABLE.iter().find(|(name, ..)| *name == room) else {
        return Err(format!("`{room}` has no row in the table that allows it"));
    };
    if imports.contains(&target) || imports.contains(&"*") && target_level < *level {
        return Ok(());
    }
    Err(if target_level >= *level {
        "imports point down, and rooms of one level do not know each other"
    } else {
        "not in its row of the table"
    }
    .to_owned())
}

pub(crate) fn level_of(room: &str) -> Option<u8> {
    match room {
        "bin" => Some(6),
        "ctl" => Some(5),
        _ => TABLE
            .iter()
            .find(|(name, ..)| *name == room)
            .map(|(_, level, _)| *level),
    }
}

/// `recursion/step.rs` → `recursion`; `daemon.rs` → `daemon`.
pub(crate) fn room_of(path: &str) -> String {
    path.split('/')
        .next()
        .unwrap_or_default()
        .trim_end_matches(".rs")
        .to_owned()
}

fn module_of(path: &str) -> Vec<String> {
    let mut module: Vec<String> = path
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    module.pop_if(|last| last == "mod" || last == "lib");
    module
}

fn is_test_file(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.ends_with("_tests.rs") || path.contains("/tests/")
}
