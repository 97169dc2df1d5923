//! Do other people's tools read what suimond records: fstrm_capture at the socket, dnstap-ldns in what it captured and in our own file?

use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use suimon::wire::RecordType;

use crate::lab::client::query;
use crate::lab::script::{PATIENCE, wait_until};
use crate::lab::suimond;
use crate::lab::{Lab, Ns};

const SERVER: &str = "10.54.0.1:53";
const HINTS: &str = ". 3600 IN NS a.root.\na.root. 3600 IN A 10.54.0.1\n";

fn start(program: &mut Command) -> Child {
    let started = program
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.unwrap_or_else(|error| {
        panic!("{program:?} does not start ({error}); `make test` installs what is needed")
    })
}

fn scene(lab: &mut Lab, more: &str) -> Ns {
    let (clients, resolver) = (lab.namespace("clients"), lab.namespace("resolver"));
    lab.link(
        &clients,
        "wan",
        &["10.54.0.77/24", "10.56.0.2/24"],
        &resolver,
        "lan",
        &["10.54.0.1/24", "10.56.0.1/24"],
    );
    let more = format!(
        "[limiter]\nrate = 1\ninstant = 10\n[control]\nsocket = {:?}\n[policy]\nlocal_zones = [\"local.test.\"]\n\
         local_data = [\"www.local.test. 60 IN A 192.0.2.1\"]\n{more}",
        lab.dir().join("control.sock")
    );
    let listen: [SocketAddr; 1] = [SERVER.parse().expect("an address")];
    let config = suimond::config(lab, &listen, &["10.54.0.0/24"], HINTS, &more);
    suimond::start(lab, &resolver, "suimond", &config);
    clients
}

/// Thirty queries of a client who may ask ten, and three of one who may not ask.
fn ask() {
    for (source, name, times) in [
        ("10.54.0.77", "www.local.test.", 30),
        ("10.56.0.2", "www.private.example.", 3),
    ] {
        let socket = UdpSocket::bind((source, 0)).expect("a client socket");
        for _ in 0..times {
            let octets = query(7, 0x0100, name, RecordType::A, true);
            socket.send_to(&octets, SERVER).expect("a query sent");
        }
    }
}

/// What dnstap-ldns says of a file, as YAML.
fn read(file: &std::path::Path) -> String {
    let output = Command::new("dnstap-ldns")
        .arg("-y")
        .arg("-r")
        .arg(file)
        .output();
    let output = output.expect("dnstap-ldns; `make test` installs what is needed");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Both ways there are the same messages, and they say what was done to whom.
fn check(told: &str, limited: usize) {
    let count = |what: &str| told.matches(what).count();
    assert_eq!(count("type: MESSAGE"), limited + 3, "{told}");
    assert_eq!(count("type: CLIENT_RESPONSE"), limited + 3, "{told}");
    assert_eq!(
        count("rcode: REFUSED") + count("status: REFUSED"),
        3,
        "{told}"
    );
    assert_eq!(count("10.54.0.0"), limited, "{told}");
    assert_eq!(count("10.56.0.0"), 3, "{told}");
    assert!(
        !told.contains("10.54.0.77") && !told.contains("10.56.0.2\n"),
        "{told}"
    );
    assert!(
        told.contains("www.local.test.") && told.contains("www.private.example."),
        "{told}"
    );
    assert!(told.contains("resolver1"), "{told}");
}

#[test]
fn a_reader_at_the_socket_and_a_reader_of_the_file_get_what_was_limited_and_refused() {
    let mut lab = Lab::new("dnstap");
    let (socket, captured) = (lab.dir().join("tap.sock"), lab.dir().join("captured"));
    let own = lab.dir().join("own");
    let mut reader = start(
        Command::new("fstrm_capture")
            .args(["-t", "protobuf:dnstap.Dnstap", "-u"])
            .arg(&socket)
            .arg("-w")
            .arg(&captured),
    );
    let deadline = Instant::now() + Duration::from_secs(10);
    while !socket.exists() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    let clients = scene(
        &mut lab,
        &format!("[dnstap]\nsocket = {socket:?}\nfile = {own:?}\nidentity = \"resolver1\"\n"),
    );
    clients.inside(ask);
    let counted = wait_until(PATIENCE, || {
        suimond::metric(&lab, "suimon_queries_total", "") == 33
    });
    assert!(counted, "thirty-three queries");
    let limited = suimond::metric(&lab, "suimon_verdicts_total", "limited_truncated");
    let limited = usize::try_from(limited).expect("a count");
    // Ten at once pass, and one more for each second that the thirty took.
    assert!((1..=20).contains(&limited), "{limited}");
    let taken = suimond::metric(&lab, "suimon_dnstap_messages_total", "taken");
    assert_eq!(taken, u64::try_from(limited + 3).expect("a count"));
    assert_eq!(
        suimond::metric(&lab, "suimon_dnstap_messages_total", "lost"),
        0
    );
    // A stop writes what is left and says goodbye.
    lab.stop("suimond");
    check(&read(&own), limited);
    // What the reader was sent it writes when it is told to end; it has it all when it waits for more.
    std::thread::sleep(Duration::from_secs(2));
    let stopped = Command::new("kill").arg(reader.id().to_string()).status();
    assert!(stopped.expect("kill").success());
    reader.wait().expect("the end of fstrm_capture");
    check(&read(&captured), limited);
}
