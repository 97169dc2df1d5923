//! Does the control socket serve operators, and nobody and nothing else?

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::oneshot;

use super::protocol::*;
use super::*;
use crate::ops::fake::FakeService;

/// A server with a fake daemon behind it, on a socket in a directory of its own.
struct Running {
    directory: TempDir,
    path: PathBuf,
    service: Arc<FakeService>,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

fn run() -> Running {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control.sock");
    let service = Arc::new(FakeService::default());
    let (stop, stopped) = oneshot::channel();
    let control = Control::bind(&path).unwrap();
    let task = tokio::spawn(
        control.serve(Arc::clone(&service) as Arc<dyn Service>, async {
            let _ = stopped.await;
        }),
    );
    Running {
        directory,
        path,
        service,
        stop,
        task,
    }
}

/// Sends raw octets, reads one reply.
async fn raw(running: &Running, octets: &[u8]) -> Value {
    let mut stream = UnixStream::connect(&running.path).await.unwrap();
    let _ = stream.write_all(octets).await;
    read(&mut stream).await
}

async fn read(stream: &mut UnixStream) -> Value {
    let mut reply = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut reply))
        .await
        .unwrap()
        .unwrap();
    let (length, json) = reply.split_at(4);
    assert_eq!(
        u32::from_be_bytes(length.try_into().unwrap()) as usize,
        json.len()
    );
    serde_json::from_slice(json).unwrap()
}

async fn say(running: &Running, request: Value) -> Value {
    raw(running, &frame(&request).unwrap()).await
}

#[tokio::test]
async fn every_command_reaches_the_daemon_and_its_report_comes_back() {
    let running = run();
    let status = say(&running, json!({"command": "status"})).await;
    assert_eq!(status["schema"], 1);
    assert_eq!(status["ok"], true);
    assert_eq!(status["uptime_seconds"], 93_784);

    let stats = say(&running, json!({"command": "stats"})).await;
    assert_eq!(
        stats["metrics"][0],
        json!({
            "name": "suimon_queries_total", "help": "Messages received from clients.",
            "labels": {"transport": "udp"}, "kind": "counter", "value": 7
        })
    );

    for (request, expected) in [
        (json!({"name": "Example.com"}), "flush Name(Example.com.)"),
        (
            json!({"name": "a.test", "tree": true}),
            "flush Tree(a.test.)",
        ),
        (
            json!({"name": "a.test", "type": "aaaa"}),
            "flush NameType(a.test., RecordType(28))",
        ),
        (json!({"all": true}), "flush All"),
    ] {
        let mut request = request;
        request["command"] = json!("flush");
        assert_eq!(say(&running, request).await["removed"], 3, "{expected}");
        assert_eq!(
            running.service.told.lock().unwrap().pop().unwrap(),
            expected
        );
    }

    let ask = say(
        &running,
        json!({"command": "ask", "name": "www.test", "type": "A", "trace": true}),
    )
    .await;
    assert_eq!(ask["answer"], json!(["www.test. 300 IN A 192.0.2.1"]));
    assert_eq!(ask["spent"]["packets_limit"], 50);
    assert_eq!(ask["trace"].as_array().unwrap().len(), 1);

    let why = say(
        &running,
        json!({"command": "why", "client": "2001:db8::1", "name": "x.test.", "type": "TXT", "transport": "tcp"}),
    )
    .await;
    assert_eq!(why["reason"], "acl_no_match");
    let told = running.service.told.lock().unwrap().clone();
    assert_eq!(
        told,
        ["ask www.test. A true", "why 2001:db8::1 Tcp x.test. TXT"]
    );

    let reload = say(&running, json!({"command": "reload"})).await;
    assert_eq!(reload["changed"], json!(["log.level"]));
}

/// Collects log lines.
#[derive(Clone, Default)]
struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(octets);
        Ok(octets.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn writes_are_logged_with_who_did_them_and_reads_are_not() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let running = run();
    for command in [
        json!({"command": "status"}),
        json!({"command": "why", "client": "::1", "name": "a", "type": "A"}),
        json!({"command": "flush", "all": true}),
        json!({"command": "ask", "name": "a", "type": "A"}),
        json!({"command": "reload"}),
    ] {
        assert_eq!(say(&running, command).await["ok"], true);
    }
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let (uid, pid) = (rustix::process::geteuid().as_raw(), std::process::id());
    let found: Vec<&str> = log
        .lines()
        .map(|line| line.split("command=").nth(1).unwrap())
        .collect();
    let expected =
        ["flush", "ask", "reload"].map(|command| format!("\"{command}\" uid={uid} pid={pid}"));
    assert_eq!(found, expected);
}

#[tokio::test]
async fn nonsense_is_refused_with_a_sentence_and_reaches_nobody() {
    let running = run();
    for (request, sentence) in [
        (json!({"command": "halt"}), "unknown variant `halt`"),
        (
            json!({"command": "status", "verbose": 1}),
            "unknown field `verbose`",
        ),
        (json!({"name": "x"}), "missing field `command`"),
        (json!([1, 2]), "invalid type"),
        (json!({"command": "flush"}), "flush takes a name"),
        (
            json!({"command": "flush", "name": "a", "all": true}),
            "flush takes a name",
        ),
        (
            json!({"command": "flush", "name": "a", "tree": true, "type": "A"}),
            "flush takes",
        ),
        (
            json!({"command": "flush", "name": "a..b"}),
            "\"a..b\" is not a domain name",
        ),
        (
            json!({"command": "ask", "name": "a", "type": "AAAAA"}),
            "\"AAAAA\" is not a record type",
        ),
        (
            json!({"command": "ask", "name": "a", "type": "TYPE252"}),
            "cannot be asked",
        ),
        (
            json!({"command": "why", "client": "me", "name": "a", "type": "A"}),
            "invalid IP address",
        ),
    ] {
        let reply = say(&running, request.clone()).await;
        assert_eq!(reply["ok"], false, "{request}");
        assert_eq!(reply["kind"], "bad_request", "{request}");
        let error = reply["error"].as_str().unwrap();
        assert!(error.contains(sentence), "{request} -> {error}");
    }
    let garbage = raw(&running, b"\0\0\0\x05{]\xff\0x").await;
    assert_eq!(garbage["kind"], "bad_request");
    assert!(running.service.told.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_the_daemon_cannot_do_is_a_failure_of_its_own_kind() {
    let running = run();
    let reply = say(
        &running,
        json!({"command": "ask", "name": "broken.test", "type": "A"}),
    )
    .await;
    assert_eq!(
        reply,
        json!({"schema": 1, "ok": false, "kind": "failed", "error": "not ready yet"})
    );
}

#[tokio::test]
async fn an_oversized_request_is_refused_from_its_announcement() {
    let running = run();
    let reply = raw(&running, &(64 * 1024 + 1_u32).to_be_bytes()).await;
    assert_eq!(reply["kind"], "bad_request");
    assert_eq!(
        reply["error"],
        "65537 octets are announced, at most 65536 are read"
    );
    let padded = format!("{{\"command\":\"status\"{}}}", " ".repeat(64 * 1024 - 20));
    let mut octets = (padded.len() as u32).to_be_bytes().to_vec();
    assert_eq!(padded.len(), 64 * 1024);
    octets.extend(padded.as_bytes());
    assert_eq!(raw(&running, &octets).await["ok"], true, "the limit itself");
}

#[tokio::test]
async fn the_33rd_connection_is_told_to_come_back_and_the_first_32_are_still_served() {
    let running = run();
    let mut waiting = Vec::new();
    for _ in 0..32 {
        let mut stream = UnixStream::connect(&running.path).await.unwrap();
        stream.write_all(&[0]).await.unwrap();
        waiting.push(stream);
    }
    let mut late = UnixStream::connect(&running.path).await.unwrap();
    let reply = read(&mut late).await;
    assert_eq!(reply["kind"], "busy");

    let request = frame(&json!({"command": "status"})).unwrap();
    let mut first = waiting.remove(0);
    first.write_all(&request[1..]).await.unwrap();
    assert_eq!(read(&mut first).await["ok"], true);
    assert_eq!(
        say(&running, json!({"command": "status"})).await["ok"],
        true
    );
}

#[tokio::test]
async fn a_request_that_never_ends_is_given_up() {
    let running = run();
    let reply = raw(&running, &[0, 0, 0, 9, b'{']).await;
    assert_eq!(reply["error"], "the request did not arrive in time");
}

#[tokio::test]
async fn owner_and_group_only_and_the_file_goes_with_the_server() {
    let running = run();
    let metadata = fs::symlink_metadata(&running.path).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o7777, 0o660);
    assert_eq!(metadata.uid(), rustix::process::geteuid().as_raw());
    running.stop.send(()).unwrap();
    running.task.await.unwrap();
    assert!(!running.path.exists());
    drop(running.directory);
}

#[tokio::test]
async fn a_directory_that_others_may_write_to_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (mode, refused) in [
        (0o777, true),
        (0o1777, true),
        (0o775, false),
        (0o700, false),
    ] {
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
        match Control::bind(&directory.path().join("control.sock")) {
            Err(BindError::OpenDirectory(_, seen)) => assert!(refused && seen == mode),
            other => assert!(other.is_ok() && !refused, "{mode:o}: {other:?}"),
        }
    }
    let error = Control::bind(&directory.path().join("no/control.sock")).unwrap_err();
    assert!(matches!(error, BindError::Directory(..)), "{error}");
}

#[tokio::test]
async fn only_a_socket_that_nobody_answers_on_is_replaced() {
    let running = run();
    let taken = Control::bind(&running.path).unwrap_err();
    assert!(matches!(taken, BindError::Taken(_)), "{taken}");
    assert_eq!(
        say(&running, json!({"command": "status"})).await["ok"],
        true
    );

    let stale = running.directory.path().join("stale.sock");
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    assert!(stale.exists());
    let control = Control::bind(&stale).unwrap();
    assert_eq!(control.path(), stale);

    let file = running.directory.path().join("file");
    fs::write(&file, "precious").unwrap();
    let error = Control::bind(&file).unwrap_err();
    assert!(matches!(error, BindError::NotASocket(_)), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[tokio::test]
async fn a_socket_that_was_replaced_by_another_daemon_is_left_alone() {
    let running = run();
    fs::remove_file(&running.path).unwrap();
    let other = Control::bind(&running.path).unwrap();
    running.stop.send(()).unwrap();
    running.task.await.unwrap();
    assert!(running.path.exists());
    drop(other);
    assert!(!running.path.exists());
}

#[test]
fn requests_round_trip_and_say_what_they_are() {
    let requests = [
        Request::Status {},
        Request::Stats {},
        Request::Flush {
            name: Some("a.".to_owned()),
            tree: true,
            rtype: None,
            all: false,
        },
        Request::Ask {
            name: "a.".to_owned(),
            rtype: "A".to_owned(),
            trace: true,
        },
        Request::Why {
            client: "192.0.2.1".parse().unwrap(),
            name: "a.".to_owned(),
            rtype: "A".to_owned(),
            transport: Transport::Tcp,
            interface: None,
        },
        Request::Reload {},
    ];
    for request in requests {
        let json = serde_json::to_value(&request).unwrap();
        assert_eq!(json["command"], request.command());
        let writes = ["flush", "ask", "reload"].contains(&request.command());
        assert_eq!(request.is_write(), writes, "{}", request.command());
        assert_eq!(serde_json::from_value::<Request>(json).unwrap(), request);
    }
}

#[test]
fn replies_round_trip_and_other_schemas_are_named() {
    let report = StatusReport {
        version: "1".to_owned(),
        hit_ratio: Some(0.5),
        ..StatusReport::default()
    };
    let json = serde_json::to_value(Envelope::ok(report.clone())).unwrap();
    assert_eq!(parse_reply(json), Ok(Ok(report)));

    let failure = Envelope::failure(FailureKind::Busy, "later".to_owned());
    let json = serde_json::to_value(&failure).unwrap();
    assert_eq!(parse_reply::<StatusReport>(json), Ok(Err(failure.body)));

    let error = parse_reply::<FlushReport>(json!({"schema": 2, "ok": true, "removed": 1}));
    assert!(error.unwrap_err().contains("schema 2"));
    let error = parse_reply::<FlushReport>(json!({"schema": 1, "ok": true}));
    assert!(error.unwrap_err().contains("removed"));
}
