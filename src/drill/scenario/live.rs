//! How is a scenario run through the daemon? Scripted servers on real sockets of this network namespace, suimond in front of them.
//!
//! Every address of the scenario becomes one of the loopback device, so the namespace must be one that nobody else uses. Time
//! passes for the daemon alone, by libfaketime.

use std::fs::{self, File};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use super::answers::{Answer, Answers};
use super::entry::{Entry, Match};
use super::evaluate::Variables;
use super::file::{Deed, Scenario, Step, milliseconds};
use super::head::Flavour;
use super::outcome::{Failure, Outcome};
use super::packet;
use super::servers::{Servers, exchange_by_stream};
use crate::drill::suimond::binary;
use crate::sys::clock;

/// Where suimond listens; no scenario has a server there.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 254)), 53);
/// A client waits as long as suimond works on a question, and a little more.
const PATIENCE: Duration = Duration::from_secs(9);
/// Nothing need come of raw octets.
const RAW_PATIENCE: Duration = Duration::from_millis(300);
/// Time until suimond must serve.
const START_TIME: Duration = Duration::from_secs(60);
/// Seconds of real time that may have gone from a TTL beside those of the scenario.
const TTL_SLACK: u32 = 2;
/// How far the daemon's clock is ahead of ours to begin with, milliseconds: so far that it no longer takes the kernel's stamps on
/// datagrams, which libfaketime does not move, for the time they waited.
const AHEAD: i64 = 86_400_000;
/// Says that we are inside of a namespace of our own.
const ALONE: &str = "ALONE_WITH_SCENARIOS";
/// Debian's libfaketime, by architecture.
const FAKETIME: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
];

/// Where scenarios are run live: a namespace, a program, a directory.
#[derive(Debug)]
pub struct Place {
    suimond: PathBuf,
    directory: PathBuf,
    faketime: Option<PathBuf>,
    /// Whether the directory goes when this does.
    temporary: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.temporary {
            let _left_behind = fs::remove_dir_all(&self.directory);
        }
    }
}

impl Place {
    /// The namespace that this thread is in; nobody else may use its loopback device. `directory` must be there.
    #[must_use]
    pub fn here(suimond: PathBuf, directory: PathBuf) -> Self {
        Self {
            suimond,
            directory,
            faketime: FAKETIME
                .map(PathBuf::from)
                .into_iter()
                .find(|path| path.is_file()),
            temporary: false,
        }
    }

    /// A namespace of our own: this program is started again inside of one, and the exit code of that is in `Err`.
    ///
    /// # Errors
    /// `unshare` or `ip` does not start, or is not permitted.
    pub fn alone(suimond: Option<PathBuf>) -> io::Result<Result<Self, u8>> {
        if std::env::var_os(ALONE).is_some() {
            ip(&["link", "set", "lo", "up"])?;
            let directory = std::env::temp_dir().join(format!("scenario-{}", std::process::id()));
            fs::create_dir_all(&directory)?;
            let mut place = Self::here(suimond.unwrap_or_else(binary), directory);
            place.temporary = true;
            return Ok(Ok(place));
        }
        let mut command = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            command.arg("--map-root-user");
        }
        let status = command
            .arg("--net")
            .arg(std::env::current_exe()?)
            .args(std::env::args_os().skip(1))
            .env(ALONE, "1")
            .status()?;
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Ok(Err(code.unwrap_or(2)))
    }
}

/// Runs a scenario through suimond.
#[must_use]
pub fn play(scenario: &Scenario, place: &Place) -> Outcome {
    if let Some(outcome) = not_live(scenario, place) {
        return outcome;
    }
    let mut live = match Live::start(scenario, place) {
        Ok(live) => live,
        Err(error) => {
            return Outcome::Fail(failure(scenario, None, format!("cannot be run: {error}")));
        }
    };
    match live.run() {
        Ok(()) => Outcome::Pass,
        Err(mut failure) => {
            failure.asked = live.servers.told();
            Outcome::Fail(failure)
        }
    }
}

/// Steps that need a hand on the daemon's packets.
fn not_live(scenario: &Scenario, place: &Place) -> Option<Outcome> {
    let deckard = scenario.head.flavour == Flavour::Deckard;
    let step = scenario.steps.iter().find(|step| match step.deed {
        Deed::Timeout | Deed::Error | Deed::Flush(..) => true,
        Deed::CheckOutQuery(_) | Deed::Reply(_) => !deckard,
        Deed::TimePasses(_) | Deed::TimePassesEval(_) => place.faketime.is_none(),
        _ => false,
    })?;
    Some(Outcome::Unsupported {
        place: step.place.clone(),
        what: format!("STEP {} through a live suimond", step.deed.word()),
    })
}

fn failure(scenario: &Scenario, step: Option<&Step>, what: String) -> Failure {
    let place = step
        .or_else(|| scenario.steps.last())
        .map(|step| step.place.clone());
    Failure {
        place: place.unwrap_or_else(|| super::text::Place {
            file: scenario.title.as_str().into(),
            line: 0,
        }),
        step: step.map_or_else(
            || "at the end".to_owned(),
            |step| format!("STEP {} {}", step.number, step.deed.word()),
        ),
        what,
        asked: Vec::new(),
    }
}

/// A scenario under way.
struct Live<'a> {
    scenario: &'a Scenario,
    servers: Servers,
    daemon: Daemon,
    clock: PathBuf,
    /// Milliseconds by which the daemon's clock is ahead of the real one.
    ahead: i64,
    answers: Answers,
    variables: Variables,
}

/// Ended with its owner.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl<'a> Live<'a> {
    fn start(scenario: &'a Scenario, place: &Place) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = place.directory.join(number.to_string());
        fs::create_dir_all(directory.join("state"))?;
        let clients = scenario.steps.iter().filter_map(|step| match step.deed {
            Deed::Query(_) => step.address,
            _ => None,
        });
        for address in scenario.servers().into_iter().chain(clients) {
            add_address(address)?;
        }
        let servers = Servers::start(scenario)?;
        let ahead = scenario.head.dnssec.at.map_or(AHEAD, |at| {
            let now = i64::try_from(clock::now().wall_secs()).unwrap_or(0);
            (i64::try_from(at).unwrap_or(now) - now) * 1000
        });
        let clock = directory.join("clock");
        fs::write(&clock, faketime(ahead))?;
        let daemon = start_daemon(scenario, place, &directory, &clock)?;
        Ok(Self {
            scenario,
            servers,
            daemon,
            clock,
            ahead,
            answers: Answers::default(),
            variables: Variables::default(),
        })
    }

    fn run(&mut self) -> Result<(), Failure> {
        for (index, step) in self.scenario.steps.iter().enumerate() {
            let failed = |what: String| failure(self.scenario, Some(step), what);
            match &step.deed {
                Deed::Query(entry) => {
                    self.servers.moment(index, index + 1);
                    let answer = self.query(step, entry, index);
                    let answer = answer.map_err(|error| {
                        failure(self.scenario, Some(step), format!("cannot ask: {error}"))
                    })?;
                    if let Some(answer) = answer {
                        self.answers.push(answer);
                    }
                }
                Deed::CheckAnswer(entry) => self.check(step, entry)?,
                Deed::TimePasses(by) => self
                    .pass(*by)
                    .map_err(|error| failure(self.scenario, Some(step), error.to_string()))?,
                Deed::TimePassesEval(expression) => {
                    let by = self
                        .variables
                        .expand(expression, self.now())
                        .map_err(failed)?;
                    let by =
                        milliseconds(&by).ok_or_else(|| failed(format!("`{by}` is no time")))?;
                    self.pass(by)
                        .map_err(|error| failure(self.scenario, Some(step), error.to_string()))?;
                }
                Deed::Assign(name, expression) => {
                    let now = self.now();
                    let assigned = self.variables.assign(name, expression, now);
                    assigned.map_err(|what| failure(self.scenario, Some(step), what))?;
                }
                Deed::Traffic => sleep(RAW_PATIENCE),
                _ => {}
            }
            self.servers
                .unmatched()
                .map_err(|what| failure(self.scenario, Some(step), what))?;
        }
        match self.daemon.0.try_wait() {
            Ok(None) => {}
            ended => {
                let what = format!("suimond has ended: {ended:?}");
                return Err(failure(self.scenario, None, what));
            }
        }
        self.servers
            .mandatory(self.scenario)
            .map_err(|what| failure(self.scenario, None, what))
    }

    fn now(&self) -> u64 {
        let real = i64::try_from(clock::now().wall_secs()).unwrap_or(0);
        u64::try_from(real + self.ahead / 1000).unwrap_or(0)
    }

    fn pass(&mut self, by: u64) -> io::Result<()> {
        self.ahead += i64::try_from(by).unwrap_or(0);
        // Not in place: what is half written is read as no offset at all, and the daemon reads it each time it looks at the clock.
        let new = self.clock.with_extension("new");
        fs::write(&new, faketime(self.ahead))?;
        fs::rename(&new, &self.clock)
    }

    fn query(&self, step: &Step, entry: &Entry, index: usize) -> io::Result<Option<Answer>> {
        let id = u16::try_from(index).unwrap_or(0).wrapping_add(1);
        let octets = packet::query(entry, self.scenario.head.flavour, id);
        let tcp = entry
            .matches
            .as_ref()
            .is_some_and(|matches| matches.contains(&Match::Tcp));
        let client = step.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let raw = entry.template().raw.is_some();
        let patience = if raw { RAW_PATIENCE } else { PATIENCE };
        let reply = if tcp {
            let mut stream = TcpStream::connect(LISTEN)?;
            stream.set_read_timeout(Some(patience))?;
            exchange_by_stream(&mut stream, &octets).ok()
        } else {
            let socket = UdpSocket::bind((client, 0))?;
            socket.connect(LISTEN)?;
            socket.set_read_timeout(Some(patience))?;
            socket.send(&octets)?;
            let mut buffer = vec![0; 65_535];
            let length = socket.recv(&mut buffer);
            length.ok().map(|length| {
                buffer.truncate(length);
                buffer
            })
        };
        if reply.is_none() && raw {
            return Ok(None);
        }
        Ok(Some(Answer {
            client,
            tcp,
            octets: reply,
        }))
    }

    fn check(&mut self, step: &Step, entry: &Entry) -> Result<(), Failure> {
        if self.answers.is_empty() {
            self.answers.again();
        }
        let flavour = self.scenario.head.flavour;
        let looked = self.answers.look(step.address, entry, flavour, TTL_SLACK);
        let Err(mut what) = looked else {
            return Ok(());
        };
        if let Err(unmatched) = self.servers.unmatched() {
            what.push_str("\n  ");
            what.push_str(&unmatched);
        }
        let mut failed = failure(self.scenario, Some(step), what);
        failed.place = entry.place.clone();
        Err(failed)
    }
}

/// What libfaketime reads from its file.
fn faketime(ahead: i64) -> String {
    format!(
        "{}{}.{:03}\n",
        if ahead < 0 { "-" } else { "+" },
        ahead.abs() / 1000,
        ahead.abs() % 1000
    )
}

fn start_daemon(
    scenario: &Scenario,
    place: &Place,
    directory: &Path,
    clock: &Path,
) -> io::Result<Daemon> {
    let hints = directory.join("root.hints");
    fs::write(&hints, scenario.head.hints_file())?;
    let more = [
        ("listen", format!("addresses = [\"{LISTEN}\"]")),
        ("listen", "workers = 1".to_owned()),
        ("recursion", format!("root_hints = {hints:?}")),
        ("egress", "port = 53".to_owned()),
    ];
    let mut toml = scenario.head.to_toml(&more);
    let state = format!("[process]\nstate_dir = {:?}\n", directory.join("state"));
    toml = toml.replacen("[process]\n", &state, 1);
    let file = directory.join("suimond.toml");
    fs::write(&file, toml)?;
    let log = directory.join("log");
    let mut command = Command::new(&place.suimond);
    command.arg("--config").arg(&file);
    if let Some(library) = &place.faketime {
        command
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", clock)
            .env("FAKETIME_NO_CACHE", "1");
    }
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log)?)
        .spawn()
        .map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("{}: {error}", place.suimond.display()),
            )
        })?;
    let mut daemon = Daemon(child);
    let begun = clock::now();
    loop {
        let said = fs::read_to_string(&log)?;
        if said.contains("suimond: ready") {
            return Ok(daemon);
        }
        let ended = daemon.0.try_wait()?;
        if ended.is_some() || clock::now().since(begun) > START_TIME {
            return Err(io::Error::other(format!("suimond does not start: {said}")));
        }
        sleep(Duration::from_millis(10));
    }
}

fn add_address(address: IpAddr) -> io::Result<()> {
    // All of 127/8 and ::1 are there already.
    if address.is_loopback() {
        return Ok(());
    }
    let length = if address.is_ipv4() { 32 } else { 128 };
    let with = format!("{address}/{length}");
    if address.is_ipv4() {
        ip(&["address", "replace", &with, "dev", "lo"])
    } else {
        ip(&["address", "replace", &with, "dev", "lo", "nodad"])
    }
}

fn ip(arguments: &[&str]) -> io::Result<()> {
    let output = Command::new("ip").args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!(
        "ip {}: {}",
        arguments.join(" "),
        said.trim()
    )))
}
