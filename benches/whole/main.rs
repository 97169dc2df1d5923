//! What does a packet cost the whole process? suimond beside a bare echo and Unbound, on the same path, under the same load.
//!
//! Needs root (network namespaces), dnsperf, iproute2 and two cores; unbound if it is to be compared with. Environment:
//! `SUIMOND` another binary, `QUEUES` worked off by each, `RATE` queries per second offered, `ROUNDS`, `SECONDS` of each run, `COLD` names.

#![allow(
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    dead_code,
    unreachable_pub,
    reason = "a program that measures and prints, in a lab that other benches share; a panic is the report"
)]

mod authority;
mod burst;
mod echo;
mod lab;
mod table;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use burst::{Client, QUEUE};
use lab::{Lab, Server};
use suimon::sys::affinity;
use suimon::wire::Name;

const ECHO: &str = "10.77.1.1:5301";
/// Two daemons: one whose refusal budget is never spent, one as shipped.
const GENEROUS_PORT: &str = "53";
const SHIPPED_PORT: &str = "5302";
const UNBOUND_PORT: &str = "5303";
const ADMITTED: &str = "10.77.1.2";
const OUTSIDER: &str = "10.77.1.9";
/// Names asked again and again.
const NAMES: u32 = 1000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, what, address] = arguments.as_slice()
        && what == "echo"
    {
        echo::serve(address.parse().expect("an address"));
    }
    if let Some(lack) = lack() {
        println!("\n## Whole process\n");
        row(&format!("| whole process | not measured: {lack} | |"));
        return ExitCode::SUCCESS;
    }
    Bench::new().run()
}

/// What this machine lacks for a measurement that means something.
fn lack() -> Option<&'static str> {
    if !rustix::process::geteuid().is_root() {
        return Some("It needs root, for network namespaces: `sudo make bench`.");
    }
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return Some("It needs two cores: one for the server, one for the load.");
    }
    let there = |program, flag| {
        Command::new(program)
            .arg(flag)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok()
    };
    if !there("ip", "-V") || !there("dnsperf", "-h") || !there("taskset", "-V") {
        return Some("It needs the Debian packages iproute2, dnsperf and util-linux.");
    }
    None
}

/// What is put under load.
struct Subject {
    title: &'static str,
    server: usize,
    port: &'static str,
    source: &'static str,
    /// What dnsperf must report of every reply; nothing when there must be none.
    rcode: Option<&'static str>,
    client: Client,
    /// Nanoseconds of CPU per query, one for each queue worked off.
    busy: Vec<f64>,
    /// The same at a steady rate, one for each round.
    steady: Vec<f64>,
    lost: u64,
}

struct Bench {
    lab: Lab,
    servers: Vec<Server>,
    subjects: Vec<Subject>,
    upstream: std::sync::Arc<AtomicU64>,
    names: String,
    rate: u32,
    queues: usize,
    rounds: usize,
    seconds: u32,
    cold: u32,
}

/// What dnsperf counted.
struct Counted {
    sent: u64,
    completed: u64,
    codes: String,
}

impl Bench {
    fn new() -> Self {
        let mut lab = Lab::new();
        let upstream = lab.inside("u", authority::start);
        let names: String = (0..NAMES)
            .map(|number| format!("host-{number}.warm.net A\n"))
            .collect();
        let names = lab.file("names", &names);
        let hints = lab.file("hints", &authority::hints());
        let generous = "[guard]\nrefusals_per_prefix = 100000\nrefusal_burst = 100000\nrefusals_per_host = 1000000\n";
        let itself = std::env::current_exe().expect("our own path");
        let itself = itself.to_str().expect("a plain path").to_owned();
        let suimond = suimond();
        let mut servers = vec![lab.serve("echo", "echo: ready", &[&itself, "echo", ECHO])];
        for (name, port, more) in [
            ("generous", GENEROUS_PORT, generous),
            ("shipped", SHIPPED_PORT, ""),
        ] {
            let state = lab.dir().join(format!("state-{name}"));
            let config = lab.file(
                &format!("{name}.toml"),
                &format!(
                    "[listen]\naddresses = [\"10.77.1.1:{port}\"]\nworkers = 1\n[acl]\nallow = [\"{ADMITTED}\"]\n\
                     [recursion]\nroot_hints = {hints:?}\npriming = false\n[egress]\nallow_private_servers = true\n\
                     [process]\nstate_dir = {state:?}\ndrain = \"0s\"\n{more}"
                ),
            );
            servers.push(lab.serve(name, "suimond: ready", &[&suimond, "--config", &config]));
        }
        let subject = |lab: &Lab, title, server, port, source, rcode| Subject {
            title,
            server,
            port,
            source,
            rcode,
            client: lab.inside("c", move || {
                Client::new(source, &format!("10.77.1.1:{port}"), queries())
            }),
            busy: Vec::new(),
            steady: Vec::new(),
            lost: 0,
        };
        let mut subjects = vec![
            subject(
                &lab,
                "bare echo (the floor)",
                0,
                "5301",
                ADMITTED,
                Some("NOERROR"),
            ),
            subject(
                &lab,
                "suimond, cached answer",
                1,
                GENEROUS_PORT,
                ADMITTED,
                Some("NOERROR"),
            ),
            subject(
                &lab,
                "suimond, refusal sent",
                1,
                GENEROUS_PORT,
                OUTSIDER,
                Some("REFUSED"),
            ),
            subject(
                &lab,
                "suimond, refusal over its budget (silence)",
                2,
                SHIPPED_PORT,
                OUTSIDER,
                None,
            ),
        ];
        if Path::new("/usr/sbin/unbound").exists() {
            let config = lab.file("unbound.conf", &unbound_config(&hints));
            servers.push(lab.serve(
                "unbound",
                "start of service",
                &["/usr/sbin/unbound", "-d", "-c", &config],
            ));
            subjects.push(subject(
                &lab,
                "Unbound (Debian), cached answer",
                3,
                UNBOUND_PORT,
                ADMITTED,
                Some("NOERROR"),
            ));
            subjects.push(subject(
                &lab,
                "Unbound (Debian), refusal sent",
                3,
                UNBOUND_PORT,
                OUTSIDER,
                Some("REFUSED"),
            ));
        }
        Self {
            lab,
            servers,
            subjects,
            upstream,
            names,
            rate: setting("RATE", 30_000),
            queues: setting("QUEUES", 60),
            rounds: setting("ROUNDS", 3),
            seconds: setting("SECONDS", 4),
            cold: setting("COLD", 20_000),
        }
    }

    fn run(mut self) -> ExitCode {
        for port in [GENEROUS_PORT, UNBOUND_PORT] {
            if self.subjects.iter().any(|subject| subject.port == port) {
                // Three times: a ready-made answer is kept at the second sighting.
                self.load(
                    port,
                    ADMITTED,
                    &["-d", &self.names, "-n", "3", "-Q", "2000", "-q", "50"],
                );
            }
        }
        // What this thread sends must not run where the servers do.
        affinity::pin_current_thread(1).expect("a second core");
        for _ in 0..self.queues {
            for place in 0..self.subjects.len() {
                self.work_off(place);
            }
        }
        for _ in 0..self.rounds {
            for place in 0..self.subjects.len() {
                self.measure(place);
            }
        }
        println!(
            "\n## Whole process: CPU of the server per query, all its threads, user and kernel"
        );
        println!(
            "\nServer alone on core 0, load from core 1, a veth pair between them; all in turn, so ratios are of neighbours in time."
        );
        println!(
            "\n### Busy: {} queues of {QUEUE} queries worked off, every batch full\n",
            self.queues
        );
        self.report(|subject| &subject.busy);
        println!(
            "\n### Steady: {} q/s offered by dnsperf for {} s, {} rounds\n",
            self.rate, self.seconds, self.rounds
        );
        self.report(|subject| &subject.steady);
        self.report_targets();
        self.report_cold();
        ExitCode::SUCCESS
    }

    /// Measures one queue, less what stopping and waking the process costs.
    fn work_off(&mut self, place: usize) {
        let subject = &self.subjects[place];
        let server = &self.servers[subject.server];
        let rcode = subject
            .rcode
            .map(|rcode| if rcode == "REFUSED" { 5 } else { 0 });
        let idle = subject.client.queue(server, 0, rcode).cpu_ns;
        let worked = subject.client.queue(server, QUEUE, rcode);
        let expected = if rcode.is_some() { QUEUE } else { 0 };
        assert!(
            worked.wrong == 0 && worked.replies * 100 >= expected * 99,
            "{}: {} replies of {expected}, {} wrong",
            subject.title,
            worked.replies,
            worked.wrong
        );
        let cost = worked.cpu_ns.saturating_sub(idle) as f64 / QUEUE as f64;
        let subject = &mut self.subjects[place];
        subject.busy.push(cost);
        subject.lost += expected.saturating_sub(worked.replies) as u64;
    }

    fn measure(&mut self, place: usize) {
        let (rate, seconds) = (self.rate.to_string(), self.seconds.to_string());
        let subject = &self.subjects[place];
        // Silence is not waited for: at most a tenth of a second of queries are outstanding.
        let patience = if subject.rcode.is_some() { "1" } else { "0.1" };
        let arguments = [
            "-d",
            &self.names,
            "-l",
            &seconds,
            "-Q",
            &rate,
            "-q",
            "20000",
            "-c",
            "8",
            "-t",
            patience,
        ];
        let server = &self.servers[subject.server];
        let before = server.cpu_ns();
        let counted = self.load(subject.port, subject.source, &arguments);
        let spent = server.cpu_ns() - before;
        match subject.rcode {
            Some(rcode) => {
                assert!(
                    counted
                        .codes
                        .starts_with(&format!("{rcode} {} (100.00%)", counted.completed)),
                    "{}: {}",
                    subject.title,
                    counted.codes
                );
            }
            // The budget of one second and its burst, at most.
            None => assert!(
                counted.completed < 20,
                "{}: {} replies",
                subject.title,
                counted.completed
            ),
        }
        let handled = if subject.rcode.is_some() {
            counted.completed
        } else {
            counted.sent
        };
        let subject = &mut self.subjects[place];
        subject.steady.push(spent as f64 / handled as f64);
        if subject.rcode.is_some() {
            subject.lost += counted.sent - counted.completed;
        }
    }

    fn load(&self, port: &str, source: &str, more: &[&str]) -> Counted {
        let mut command = vec![
            "dnsperf",
            "-s",
            "10.77.1.1",
            "-p",
            port,
            "-a",
            source,
            "-e",
            "-O",
            "suppress=timeout",
        ];
        command.extend(more);
        let text = self.lab.load(&command);
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.trim().strip_prefix(name))
                .map(str::trim)
                .unwrap_or_else(|| panic!("dnsperf says nothing of {name}\n{text}"))
        };
        let number = |name| {
            field(name)
                .split_whitespace()
                .next()
                .and_then(|word| word.parse().ok())
                .expect("a number from dnsperf")
        };
        let completed = number("Queries completed:");
        Counted {
            sent: number("Queries sent:"),
            completed,
            codes: if completed > 0 {
                field("Response codes:").to_owned()
            } else {
                String::new()
            },
        }
    }

    fn report(&self, of: impl Fn(&Subject) -> &Vec<f64>) {
        println!("| | µs, median | middle half | on top of the echo, µs | of the echo |");
        println!("|---|---:|---:|---:|---:|");
        let echo = of(&self.subjects[0]);
        for subject in &self.subjects {
            let costs = of(subject);
            println!(
                "| {} | {:.2} | {:.2}–{:.2} | {:+.2} | {:.2} |",
                subject.title,
                median(costs) / 1000.0,
                quantile(costs, 0.25) / 1000.0,
                quantile(costs, 0.75) / 1000.0,
                median(&pairs(costs, echo, |a, b| a - b)) / 1000.0,
                median(&pairs(costs, echo, |a, b| a / b)),
            );
        }
    }

    fn report_targets(&self) {
        println!();
        for subject in &self.subjects {
            let (busy, steady) = (
                median(&subject.busy) / 1000.0,
                median(&subject.steady) / 1000.0,
            );
            table::record(&format!(
                "| CPU of one query, busy (steady): {} | {busy:.2} µs ({steady:.2} µs) | |",
                subject.title
            ));
            if subject.lost > 0 {
                println!(
                    "{}: {} queries or replies were lost.",
                    subject.title, subject.lost
                );
            }
        }
        let [echo, hit, refusal, silence, ..] = self.subjects.as_slice() else {
            return;
        };
        let ratio = median(&pairs(&hit.busy, &echo.busy, |a, b| a / b));
        let steady = median(&pairs(&hit.steady, &echo.steady, |a, b| a / b));
        row(&format!(
            "| cached answer, of the echo: busy | {ratio:.2} | at most 1.3: {} |",
            verdict(ratio <= 1.3)
        ));
        row(&format!(
            "| cached answer, of the echo: steady | {steady:.2} | at most 1.3: {} |",
            verdict(steady <= 1.3)
        ));
        let over = |subject: &Subject| median(&pairs(&subject.busy, &echo.busy, |a, b| a - b));
        for subject in [refusal, silence] {
            let share = over(subject) / over(hit);
            row(&format!(
                "| {}: share of a cached answer's part above the echo, busy | {share:.2} | at most 0.25: {} |",
                subject.title,
                verdict(share <= 0.25)
            ));
        }
    }

    /// Names never asked before, in a zone whose servers are known.
    fn report_cold(&self) {
        let cold: String = (0..self.cold)
            .map(|number| format!("cold-{number:07}.warm.net A\n"))
            .collect();
        let cold = self.lab.file("cold", &cold);
        let server = &self.servers[1];
        let (asked, resident, cpu) = (
            self.upstream.load(Ordering::Relaxed),
            server.resident(),
            server.cpu_ns(),
        );
        let counted = self.load(
            GENEROUS_PORT,
            ADMITTED,
            &["-d", &cold, "-n", "1", "-Q", "4000", "-q", "100", "-t", "5"],
        );
        let asked = self.upstream.load(Ordering::Relaxed) - asked;
        let grown = server.resident().saturating_sub(resident);
        let names = f64::from(self.cold);
        let each = asked as f64 / names;
        println!(
            "\n## Whole process: {} cold names of one warm zone\n",
            self.cold
        );
        println!("| | each |\n|---|---:|");
        println!("| upstream queries | {each:.4} |");
        println!(
            "| CPU, µs | {:.1} |",
            (server.cpu_ns() - cpu) as f64 / names / 1000.0
        );
        println!(
            "| memory the process grew by, octets | {:.0} |",
            grown as f64 / names
        );
        println!(
            "\nAnswered {} of {} ({}).",
            counted.completed, counted.sent, counted.codes
        );
        row(&format!(
            "| cold name in a warm zone, upstream queries | {each:.4} | at most 1: {} |",
            verdict(each <= 1.0)
        ));
    }
}

/// Says it, and adds it to the table of `make bench`.
fn row(row: &str) {
    println!("{}", row.trim_matches(['|', ' ']).replace(" | ", ": "));
    table::record(row);
}

/// `SUIMOND`, or the one cargo built beside this bench.
fn suimond() -> String {
    std::env::var("SUIMOND").unwrap_or_else(|_| env!("CARGO_BIN_EXE_suimond").to_owned())
}

fn unbound_config(hints: &str) -> String {
    format!(
        "server:\n interface: 10.77.1.1@{UNBOUND_PORT}\n access-control: 0.0.0.0/0 refuse\n access-control: {ADMITTED}/32 allow\n \
         num-threads: 1\n root-hints: {hints:?}\n module-config: \"iterator\"\n username: \"\"\n chroot: \"\"\n pidfile: \"\"\n \
         directory: \"/tmp\"\n use-syslog: no\n logfile: \"\"\n verbosity: 1\n do-daemonize: no\n minimal-responses: yes\n \
         msg-cache-size: 64m\n rrset-cache-size: 128m\n so-rcvbuf: 4m\nremote-control:\n control-enable: no\n"
    )
}

fn setting<T: FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

const fn verdict(held: bool) -> &'static str {
    if held { "held" } else { "NOT held" }
}

/// Round by round, so that a busy minute of the machine weighs on both sides.
fn pairs(a: &[f64], b: &[f64], how: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| how(*a, *b)).collect()
}

fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a short list"
)]
fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get((q * sorted.len() as f64) as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

/// What is asked again and again, as packets: RD, type A, OPT with 1232 octets.
fn queries() -> Vec<Vec<u8>> {
    (0..NAMES)
        .map(|number| {
            let name: Name = format!("host-{number}.warm.net.")
                .parse()
                .expect("a domain name");
            let [high, low] = u16::try_from(number).unwrap_or(0).to_be_bytes();
            let mut packet = vec![high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
            packet.extend_from_slice(name.as_wire());
            packet.extend_from_slice(&[0, 1, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
            packet
        })
        .collect()
}
