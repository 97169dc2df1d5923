//! Does the tool do what its command line, its exit codes and its generated pages promise?

mod incidents;

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::ops::control::Control;
use crate::ops::fake::FakeService;

/// Runs the tool with these words; returns its exit code and what it wrote.
pub(super) fn suimon(words: &[&str]) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = std::iter::once("suimon").chain(words.iter().copied());
    let exit = execute(
        args.map(OsString::from),
        &mut out,
        &mut err,
        Surroundings::default(),
    );
    let text = |octets| String::from_utf8(octets).unwrap();
    (exit, text(out), text(err))
}

/// A fake daemon on a thread of its own; stays until the test's process ends.
pub(super) fn daemon() -> (TempDir, String, Arc<FakeService>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control.sock");
    let service = Arc::new(FakeService::default());
    let serving = Arc::clone(&service);
    let socket = path.to_str().unwrap().to_owned();
    let (ready, is_ready) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let control = Control::bind(&path).unwrap();
            ready.send(()).unwrap();
            control.serve(serving, std::future::pending()).await;
        });
    });
    is_ready.recv().unwrap();
    (directory, socket, service)
}

#[test]
fn definition_is_consistent() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}

#[test]
fn without_a_daemon_the_code_is_3_and_the_sentence_says_what_to_look_at() {
    for command in [
        &["status"][..],
        &["stats"],
        &["top", "--once"],
        &["reload"],
        &["flush", "--all"],
        &["ask", "example.com", "A"],
        &["why", "192.0.2.1", "example.com"],
        &["nta", "list"],
        &["guard", "status"],
        &["incidents", "list"],
        &["incidents", "export", "--all"],
    ] {
        let words = [&["--socket", "/nonexistent/control.sock"], command].concat();
        let (exit, out, err) = suimon(&words);
        assert_eq!(exit, Exit::Unreachable, "{command:?}");
        assert_eq!(out, "");
        assert!(
            err.starts_with("suimon: suimond does not answer on /nonexistent/control.sock: "),
            "{err}"
        );
        assert!(err.contains("systemctl status suimon"), "{err}");
    }
}

#[test]
fn bad_usage_is_2_whether_the_daemon_runs_or_not() {
    for words in [
        &["dance"][..],
        &["flush"],
        &["flush", "a.test", "--all"],
        &["flush", "a.test", "--tree", "--type", "A"],
        &["flush", "a..test"],
        &["ask"],
        &["ask", "example.com", "AAAAA"],
        &["ask", "bücher.example", "A"],
        &["why", "client", "example.com"],
        &["why", "192.0.2.1"],
        &["status", "--output", "xml"],
        &["status", "--color", "maybe"],
        &["completions", "tcsh"],
        &["check", "a.toml", "b.toml"],
        &["nta", "add"],
        &["nta", "add", "a.test", "--for", "8d"],
        &["nta", "remove", "a..test"],
        &["guard", "pin"],
        &["top", "--once", "--count", "2"],
        &["top", "--count", "0"],
        &["top", "--interval", "10ms"],
        &["top", "--rows", "0"],
        &["top", "--zones-by", "size"],
        &["guard", "exempt", "a..test"],
        &["incidents", "show"],
        &["incidents", "export"],
        &["incidents", "export", "a", "--all"],
        &["check", "--explain", "a", "--effective"],
    ] {
        let (exit, out, err) = suimon(words);
        assert_eq!(exit, Exit::Usage, "{words:?}");
        assert_eq!(out, "", "{words:?}");
        assert!(err.starts_with("error: "), "{words:?}: {err}");
    }
    let (_, _, err) = suimon(&["ask", "bücher.example", "A"]);
    assert!(err.contains("ASCII form (xn--…)"), "{err}");
    let (_directory, socket, _) = daemon();
    let (exit, _, err) = suimon(&["--socket", &socket, "ask", "example.com", "AXFR"]);
    assert_eq!(
        (exit, err.as_str()),
        (Exit::Usage, "suimon: AXFR cannot be asked of a resolver\n")
    );
}

#[test]
fn help_and_version_are_done() {
    let (exit, out, err) = suimon(&["--help"]);
    assert_eq!((exit, err.as_str()), (Exit::Done, ""));
    for command in [
        "status",
        "stats",
        "top",
        "check",
        "ask",
        "why",
        "flush",
        "nta",
        "anchors",
        "guard",
        "incidents",
        "reload",
        "drill",
        "completions",
    ] {
        assert!(out.contains(&format!("\n  {command}")), "{command}\n{out}");
    }
    assert!(!out.contains("\n  man"), "man is hidden");
    let (exit, out, _) = suimon(&["--version"]);
    assert_eq!(exit, Exit::Done);
    assert_eq!(out, format!("suimon {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(suimon(&[]).0, Exit::Usage);
}

#[test]
fn every_command_says_its_result_for_people_and_for_programs() {
    let (_directory, socket, service) = daemon();
    let human = |words: &[&str]| suimon(&[&["--socket", &socket], words].concat());
    let json = |words: &[&str]| {
        let (exit, out, _) = suimon(&[&["--socket", &socket, "--output", "json"], words].concat());
        (exit, serde_json::from_str::<Value>(&out).unwrap())
    };
    for (words, expected, first_line) in [
        (
            &["status"][..],
            Exit::Done,
            "suimond 0.1.0 serving for 1 d 2 h, process 4711",
        ),
        (
            &["stats"],
            Exit::Done,
            "suimon_queries_total  Messages received from clients.",
        ),
        (
            &["stats", "cache"],
            Exit::Done,
            "suimon_cache_entries  Entries.",
        ),
        (
            &["stats", "--prometheus"],
            Exit::Done,
            "# HELP suimon_cache_entries Entries.",
        ),
        (
            &["flush", "Example.com"],
            Exit::Done,
            "forgot Example.com.: 3 entries",
        ),
        (
            &["flush", "a.test", "--tree"],
            Exit::Done,
            "forgot a.test. and everything below it: 3 entries",
        ),
        (
            &["flush", "a.test", "--type", "mx"],
            Exit::Done,
            "forgot a.test. MX: 3 entries",
        ),
        (
            &["flush", "--all"],
            Exit::Done,
            "forgot the whole cache: 3 entries",
        ),
        (
            &["ask", "www.test", "A"],
            Exit::Done,
            ";; status: NOERROR, flags: ; answer 1, authority 0, additional 0",
        ),
        (
            &["why", "203.0.113.9", "www.test"],
            Exit::No,
            "203.0.113.9 asking www.test. A over UDP is refused",
        ),
        (
            &[
                "nta",
                "add",
                "Broken.test",
                "--for",
                "90m",
                "--reason",
                "key lost",
            ],
            Exit::Done,
            "not validating Broken.test. and what is below it until 2026-12-01T00:00:00Z; 3 cached entries forgotten",
        ),
        (
            &["nta", "list"],
            Exit::Done,
            "Zone       By             Ends   Reason",
        ),
        (
            &["nta", "remove", "broken.test"],
            Exit::Done,
            "validating broken.test. again; 3 cached entries forgotten",
        ),
        (&["reload"], Exit::Done, "reloaded, changed: log.level"),
        (
            &["guard", "shadow"],
            Exit::Done,
            "counted for 1 min: 7 queries",
        ),
    ] {
        let (exit, out, err) = human(words);
        assert_eq!((exit, err.as_str()), (expected, ""), "{words:?}");
        assert_eq!(out.lines().next().unwrap(), first_line);
        if words.contains(&"--prometheus") {
            continue;
        }
        let (exit, value) = json(words);
        assert_eq!(exit, expected);
        assert_eq!(value["schema"], 1, "{words:?}");
        assert_eq!(value["ok"], true, "{words:?}");
    }
    assert_eq!(
        json(&["flush", "--all"]).1,
        serde_json::json!({"schema": 1, "ok": true, "removed": 3})
    );
    assert_eq!(
        json(&["ask", "www.test", "A", "--trace"]).1["spent"]["packets_limit"],
        50
    );
    let told = service.told.lock().unwrap();
    assert!(
        told.contains(&"why 203.0.113.9 Udp www.test. A".to_owned()),
        "{told:?}"
    );
    assert!(
        told.contains(&"nta add Broken.test. 5400 \"key lost\"".to_owned()),
        "{told:?}"
    );
    assert!(
        told.contains(&"flush NameType(a.test., RecordType(15))".to_owned()),
        "{told:?}"
    );
}

#[test]
fn a_failure_of_the_daemon_is_1_on_standard_error() {
    let (_directory, socket, _) = daemon();
    for (words, sentence) in [
        (&["ask", "broken.test", "A"], "suimon: not ready yet\n"),
        (
            &["nta", "remove", "lab.test"],
            "suimon: it is in the configuration\n",
        ),
    ] {
        let (exit, out, err) = suimon(&[&["--socket", socket.as_str()], &words[..]].concat());
        assert_eq!((exit, out.as_str(), err.as_str()), (Exit::No, "", sentence));
    }
    let (exit, _, err) = suimon(&["--socket", &socket, "nta", "add", "."]);
    assert_eq!(
        (exit, err.as_str()),
        (
            Exit::Usage,
            "suimon: a negative trust anchor for the root would end all validation; if that is wanted, set dnssec.validation = \"off\"\n"
        )
    );
}

#[test]
fn a_daemon_that_does_not_permit_is_4_and_one_that_babbles_is_named() {
    use std::io::{Read, Write};
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let replies: [&[u8]; 3] = [
        br#"{"schema":1,"ok":false,"kind":"not_permitted","error":"user 5 may not"}"#,
        br#"{"schema":9,"ok":true}"#,
        b"\x1b[2J",
    ];
    std::thread::spawn(move || {
        for reply in replies {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 24];
            stream.read_exact(&mut request).unwrap();
            let length = u32::try_from(reply.len()).unwrap();
            stream.write_all(&length.to_be_bytes()).unwrap();
            stream.write_all(reply).unwrap();
        }
    });
    let socket = path.to_str().unwrap();
    let (exit, _, err) = suimon(&["--socket", socket, "status"]);
    assert_eq!(
        (exit, err.as_str()),
        (Exit::NotPermitted, "suimon: user 5 may not\n")
    );
    let (exit, _, err) = suimon(&["--socket", socket, "status"]);
    assert_eq!(exit, Exit::No);
    assert!(err.contains("schema 9"), "{err}");
    let (exit, _, err) = suimon(&["--socket", socket, "status"]);
    assert_eq!(exit, Exit::No);
    assert!(err.contains("not JSON") && !err.contains('\x1b'), "{err:?}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error_and_a_full_disk_is() {
    struct Broken(io::ErrorKind);
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (_directory, socket, _) = daemon();
    for (kind, expected, sentence) in [
        (io::ErrorKind::BrokenPipe, Exit::Done, ""),
        (
            io::ErrorKind::StorageFull,
            Exit::No,
            "suimon: cannot write the result: no storage space\n",
        ),
    ] {
        let mut err = Vec::new();
        let exit = execute(
            ["suimon", "--socket", &socket, "stats"].map(OsString::from),
            &mut Broken(kind),
            &mut err,
            Surroundings::default(),
        );
        assert_eq!(exit, expected);
        assert_eq!(String::from_utf8(err).unwrap(), sentence);
    }
}

#[test]
fn colours_come_with_a_terminal_and_go_with_no_color() {
    let (_directory, socket, _) = daemon();
    let painted = |words: &[&str], terminal, no_color| {
        let mut out = Vec::new();
        let exit = execute(
            [&["suimon", "--socket", &socket], words]
                .concat()
                .into_iter()
                .map(OsString::from),
            &mut out,
            &mut Vec::new(),
            Surroundings { terminal, no_color },
        );
        assert_eq!(exit, Exit::Done);
        out.contains(&b'\x1b')
    };
    assert!(painted(&["status"], true, false));
    assert!(!painted(&["status"], true, true));
    assert!(!painted(&["status"], false, false));
    assert!(painted(&["status", "--color", "always"], false, true));
    assert!(!painted(&["status", "--color", "never"], true, false));
    assert!(!painted(&["status", "--output", "json"], true, false));
}

#[test]
fn a_configuration_with_problems_is_1_and_shows_where_what_why_and_what_to_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bad.toml");
    std::fs::write(
        &path,
        "[listen]\nadresses = [\"127.0.0.1:5353\"]\n\n[egress]\nport = 0\n",
    )
    .unwrap();
    let path = path.to_str().unwrap();
    let (exit, out, err) = suimon(&["check", path]);
    assert_eq!((exit, err.as_str()), (Exit::No, ""));
    assert!(out.contains(&format!("{path}:2:1\n")), "{out}");
    assert!(out.contains("2 | adresses = ["), "{out}");
    assert!(out.contains("^^^^^^^^"), "{out}");
    assert!(out.contains("`addresses`"), "{out}");
    assert!(
        out.contains(&format!("{path}:5:")),
        "all problems at once\n{out}"
    );
    assert_eq!(
        out.lines().last().unwrap(),
        "not ok: 2 errors; suimond would not start with it"
    );
    let (exit, out, _) = suimon(&["check", path, "--output", "json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(exit, Exit::No);
    assert_eq!(
        (&report["schema"], &report["holds"]),
        (&1.into(), &false.into())
    );
    assert_eq!(report["problems"][0]["line"], 2);
    assert_eq!(report["problems"][0]["severity"], "error");

    let (exit, out, _) = suimon(&["check", "/nonexistent/suimon.toml"]);
    assert_eq!(exit, Exit::No);
    assert!(out.contains("/nonexistent/suimon.toml"), "{out}");
}

#[test]
fn a_configuration_that_holds_is_0_and_can_be_shown_as_it_is_in_force() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("good.toml");
    std::fs::write(&path, "[log]\nlevel = \"debug\"\n").unwrap();
    let path = path.to_str().unwrap();
    let (exit, out, err) = suimon(&["check", path]);
    assert_eq!((exit, err.as_str()), (Exit::Done, ""));
    assert_eq!(out, format!("ok: {path}\n"));
    let set = ["check", path, "--set", "listen.workers=3", "--effective"];
    let (exit, out, _) = suimon(&set);
    assert_eq!(exit, Exit::Done);
    assert!(
        out.contains(&format!("level = \"debug\"    # {path}:2:")),
        "{out}"
    );
    assert!(
        out.contains("workers = 3    # --set listen.workers=3"),
        "{out}"
    );
    let (exit, out, _) = suimon(&["check", path, "--set", "listen.wokers=3"]);
    assert_eq!(exit, Exit::No);
    assert!(out.contains("listen.workers"), "{out}");
}

#[test]
fn options_are_explained_and_misspelt_ones_recognised() {
    let (exit, out, _) = suimon(&["check", "--explain", "limits.packets"]);
    assert_eq!(exit, Exit::Done);
    assert!(
        out.starts_with("limits.packets: ") && out.contains("default  50"),
        "{out}"
    );
    let (exit, out, err) = suimon(&["check", "--explain", "limits.packet"]);
    assert_eq!((exit, out.as_str()), (Exit::Usage, ""));
    assert_eq!(
        err,
        "suimon: there is no option \"limits.packet\"; did you mean limits.packets?\n"
    );
}

/// Generated files that stand in the repository: directory, name, content.
fn generated() -> Vec<(&'static str, String, Vec<u8>)> {
    use clap::CommandFactory;
    use clap_complete::Shell;
    let mut files: Vec<(&str, String, Vec<u8>)> = manual::pages()
        .unwrap()
        .into_iter()
        .map(|(name, page)| ("packaging/man", name.to_owned(), page))
        .collect();
    let commands = [Cli::command(), crate::sys::arguments::DaemonArgs::command()];
    for mut command in commands {
        let name = command.get_name().to_owned();
        for (shell, file) in [
            (Shell::Bash, format!("{name}.bash")),
            (Shell::Zsh, format!("_{name}")),
            (Shell::Fish, format!("{name}.fish")),
        ] {
            let script = completions::script(shell, &mut command);
            files.push(("packaging/completions", file, script));
        }
    }
    files
}

#[test]
fn manual_pages_and_completions_in_the_repository_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let regenerate = std::env::var_os("REGENERATE").is_some();
    for (directory, name, content) in generated() {
        let path = root.join(directory).join(name);
        if regenerate {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &content).unwrap();
        }
        assert!(
            std::fs::read(&path).is_ok_and(|kept| kept == content),
            "{} is not what the command lines say: run REGENERATE=1 cargo test --lib ctl::tests",
            path.display()
        );
    }
}

#[test]
fn every_manual_page_of_a_program_lists_its_exit_codes() {
    for (name, page) in manual::pages().unwrap() {
        let page = String::from_utf8(page).unwrap();
        if name.ends_with(".5") {
            continue;
        }
        let (_, codes) = page.split_once(".SH \"EXIT STATUS\"").expect(name);
        let codes = codes.split(".SH").next().unwrap();
        let wanted: &[&str] = match name {
            "suimond.8" => &["0", "1", "2", "70", "71", "78"],
            _ => &["0", "1", "2", "3", "4", "71"],
        };
        for code in wanted {
            assert!(
                codes.contains(&format!("\\fB{code}\\fR")),
                "{name}: {code}\n{codes}"
            );
        }
    }
}

#[test]
fn man_writes_the_pages() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    assert_eq!(suimon(&["man", path]).0, Exit::Done);
    for page in ["suimon.1", "suimon.toml.5", "suimond.8"] {
        assert!(directory.path().join(page).exists(), "{page}");
    }
    let (exit, _, err) = suimon(&["man", "/nonexistent"]);
    assert_eq!(exit, Exit::No);
    assert!(err.contains("/nonexistent/suimon.1"), "{err}");
}
