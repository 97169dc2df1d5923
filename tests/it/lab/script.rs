//! A scripted Internet: servers written in the test answer by closure, honest or evil, and write down every question.

use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use suimon::wire::text::record_from_text;
use suimon::wire::{Message, Name, RecordType};

use super::client::{self, resolve};
use super::{Lab, Ns, suimond};

/// A question as it reached a scripted server.
#[derive(Clone, Debug)]
pub struct Asked {
    /// When.
    pub at: Instant,
    /// The server's address.
    pub server: IpAddr,
    /// Who asked.
    pub source: SocketAddr,
    /// Over TCP.
    pub tcp: bool,
    /// Message ID.
    pub id: u16,
    /// RD was set.
    pub rd: bool,
    /// The name as spelt, with its final dot.
    pub spelt: String,
    /// The same in lower case.
    pub name: String,
    /// Its type.
    pub rtype: RecordType,
    /// Payload size of the OPT record, if there was one.
    pub edns: Option<u16>,
    /// DO was set.
    pub dnssec_ok: bool,
    /// The name as octets.
    pub qname: Vec<u8>,
}

/// One thing a server sends, some time after the question.
pub type Sent = (Duration, Vec<u8>);

/// What a scripted server does with a question: nothing, one reply, several.
pub type Script = dyn Fn(&Asked) -> Vec<Sent> + Send + Sync;

/// A reply under construction; the header's odd corners are fields of their own.
#[derive(Clone, Debug)]
pub struct Reply {
    pub flags: u16,
    pub answer: Vec<String>,
    pub authority: Vec<String>,
    pub additional: Vec<String>,
    /// Another question than the one asked.
    pub question: Option<(String, RecordType)>,
    /// An OPT record, where the query had one.
    pub opt: bool,
    /// Another ID than the one asked with: this is added.
    pub id_shift: u16,
    /// Question count to write instead of 1; the question section is written that often.
    pub questions: u16,
    /// Every TTL is 2^31.
    pub negative_ttl: bool,
}

pub const AA: u16 = 0x0400;
pub const TC: u16 = 0x0200;
const QR: u16 = 0x8000;

impl Reply {
    /// An authoritative, empty NOERROR.
    pub fn new() -> Self {
        Self {
            flags: QR | AA,
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            question: None,
            opt: true,
            id_shift: 0,
            questions: 1,
            negative_ttl: false,
        }
    }

    /// Only a response code, without AA.
    pub fn rcode(code: u16) -> Self {
        Self {
            flags: QR | code,
            ..Self::new()
        }
    }

    /// One more answer record, as `owner ttl type data`.
    pub fn answer(mut self, line: impl Into<String>) -> Self {
        self.answer.push(line.into());
        self
    }

    pub fn authority(mut self, line: impl Into<String>) -> Self {
        self.authority.push(line.into());
        self
    }

    pub fn additional(mut self, line: impl Into<String>) -> Self {
        self.additional.push(line.into());
        self
    }

    /// A referral: no AA.
    pub fn referral(mut self) -> Self {
        self.flags &= !AA;
        self
    }

    /// Sent at once.
    pub fn now(&self, asked: &Asked) -> Vec<Sent> {
        self.after(asked, Duration::ZERO)
    }

    /// Sent after a while.
    pub fn after(&self, asked: &Asked, delay: Duration) -> Vec<Sent> {
        vec![(delay, self.octets(asked))]
    }

    /// The whole message, cut by TC over UDP when the asker has no room for it.
    pub fn octets(&self, asked: &Asked) -> Vec<u8> {
        let whole = self.write(asked);
        let room = usize::from(asked.edns.unwrap_or(512).max(512));
        if asked.tcp || whole.len() <= room {
            return whole;
        }
        let cut = Self {
            flags: self.flags | TC,
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            ..self.clone()
        };
        cut.write(asked)
    }

    /// The whole message, whatever its size.
    pub fn write(&self, asked: &Asked) -> Vec<u8> {
        let with_opt = self.opt && asked.edns.is_some();
        let count = |lines: &[String]| u16::try_from(lines.len()).expect("a count of records");
        let mut octets = Vec::new();
        for word in [
            asked.id.wrapping_add(self.id_shift),
            self.flags,
            self.questions,
            count(&self.answer),
            count(&self.authority),
            count(&self.additional) + u16::from(with_opt),
        ] {
            octets.extend_from_slice(&word.to_be_bytes());
        }
        let (qname, rtype) = match &self.question {
            Some((name, rtype)) => (
                name.parse::<Name>().expect("a name").as_wire().to_vec(),
                *rtype,
            ),
            None => (asked.qname.clone(), asked.rtype),
        };
        for _ in 0..self.questions {
            octets.extend_from_slice(&qname);
            octets.extend_from_slice(&rtype.0.to_be_bytes());
            octets.extend_from_slice(&[0, 1]);
        }
        for line in self
            .answer
            .iter()
            .chain(&self.authority)
            .chain(&self.additional)
        {
            let record =
                record_from_text(line, 300).unwrap_or_else(|error| panic!("{line}: {error}"));
            // The one TTL that cannot be written: with the highest bit set (RFC 2181 section 8).
            let ttl = if self.negative_ttl {
                1 << 31
            } else {
                record.ttl
            };
            if self.questions == 1 && record.owner.as_wire() == qname {
                octets.extend_from_slice(&[0xC0, 12]);
            } else {
                octets.extend_from_slice(record.owner.as_wire());
            }
            octets.extend_from_slice(&record.rtype.0.to_be_bytes());
            octets.extend_from_slice(&[0, 1]);
            octets.extend_from_slice(&ttl.to_be_bytes());
            let length = u16::try_from(record.rdata.len()).expect("RDATA below 64 KiB");
            octets.extend_from_slice(&length.to_be_bytes());
            octets.extend_from_slice(&record.rdata);
        }
        if with_opt {
            octets.extend_from_slice(&[0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0]);
        }
        octets
    }
}

/// Zones held by servers: what an honest server answers. Records are absolute; the SOA is made up.
#[derive(Clone, Debug, Default)]
pub struct World {
    zones: Vec<(IpAddr, String, Vec<String>)>,
}

impl World {
    /// `server zone records…`, one zone after the other; records one a line.
    pub fn new(zones: &[(&str, &str, &str)]) -> Self {
        let mut world = Self::default();
        for (servers, apex, records) in zones {
            for server in servers.split_whitespace() {
                let lines = records
                    .lines()
                    .map(str::trim)
                    .filter(|line| !line.is_empty());
                let lines = lines.map(str::to_owned).collect();
                world.zones.push((
                    server.parse().expect("a server's address"),
                    (*apex).to_owned(),
                    lines,
                ));
            }
        }
        world
    }

    /// The usual one: the root on .1, `test.` on .2, and `example.test.` on .3 with the given records.
    pub fn usual(records: &str) -> Self {
        Self::new(&[
            ("10.53.0.1 fd53::1", ".", ROOT),
            (
                "10.53.0.2",
                "test.",
                "test. NS ns.test.\nns.test. A 10.53.0.2\nexample.test. NS ns.example.test.\nns.example.test. A 10.53.0.3",
            ),
            (
                "10.53.0.3",
                "example.test.",
                &format!(
                    "example.test. NS ns.example.test.\nns.example.test. A 10.53.0.3\n{records}"
                ),
            ),
        ])
    }

    /// The same with zones added.
    pub fn and(mut self, zones: &[(&str, &str, &str)]) -> Self {
        self.zones.extend(Self::new(zones).zones);
        self
    }

    /// What an honest server says.
    pub fn answer(&self, asked: &Asked) -> Reply {
        let held = self
            .zones
            .iter()
            .filter(|(server, apex, _)| *server == asked.server && within(&asked.name, apex));
        let Some((_, apex, records)) = held.max_by_key(|(_, apex, _)| apex.len()) else {
            return Reply::rcode(5);
        };
        let soa = format!(
            "{apex} 60 SOA ns.{0} hostmaster.{0} 1 3600 600 86400 60",
            apex.trim_start_matches('.')
        );
        let owner = |line: &str| {
            line.split_whitespace()
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase()
        };
        let is_type = |line: &str, rtype: &str| {
            line.split_whitespace()
                .skip(1)
                .take(3)
                .any(|word| word == rtype)
        };
        let cut = records
            .iter()
            .filter(|line| {
                is_type(line, "NS") && owner(line) != *apex && within(&asked.name, &owner(line))
            })
            .map(|line| owner(line))
            .min_by_key(String::len);
        if let Some(cut) = cut {
            let mut reply = Reply::new().referral();
            for line in records
                .iter()
                .filter(|line| owner(line) == cut && is_type(line, "NS"))
            {
                let server = line
                    .split_whitespace()
                    .last()
                    .unwrap_or_default()
                    .to_owned();
                reply = reply.authority(line.clone());
                for glue in records
                    .iter()
                    .filter(|glue| owner(glue) == server && !is_type(glue, "NS"))
                {
                    reply = reply.additional(glue.clone());
                }
            }
            return reply;
        }
        let mut reply = Reply::new();
        let mut name = asked.name.clone();
        for _ in 0..12 {
            let rtype = asked.rtype.to_string();
            let here: Vec<&String> = records.iter().filter(|line| owner(line) == name).collect();
            let wanted: Vec<&&String> = here.iter().filter(|line| is_type(line, &rtype)).collect();
            if asked.rtype == RecordType::SOA && name == *apex {
                return reply.answer(soa);
            }
            if !wanted.is_empty() {
                for line in wanted {
                    reply = reply.answer((*line).clone());
                }
                return reply;
            }
            if let Some(alias) = here.iter().find(|line| is_type(line, "CNAME")) {
                reply = reply.answer((*alias).clone());
                name = alias
                    .split_whitespace()
                    .last()
                    .unwrap_or_default()
                    .to_owned();
                if !within(&name, apex) {
                    return reply;
                }
                continue;
            }
            let exists = records.iter().any(|line| within(&owner(line), &name)) || name == *apex;
            if !exists {
                reply.flags |= 3;
            }
            return reply.authority(soa);
        }
        reply
    }
}

/// The root zone of [`World::usual`].
pub const ROOT: &str = ". NS a.root.\na.root. A 10.53.0.1\na.root. AAAA fd53::1\ntest. NS ns.test.\nns.test. A 10.53.0.2";
/// Hints that lead there.
pub const HINTS: &str = ". 3600 IN NS a.root.\na.root. 3600 IN A 10.53.0.1\n";

fn within(name: &str, apex: &str) -> bool {
    apex == "." || name == apex || name.ends_with(&format!(".{apex}"))
}

/// The servers under way and what they were asked.
pub struct Network {
    log: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Network {
    /// Starts a server on each address, UDP and TCP. The addresses must be there already.
    pub fn start(ns: &Ns, addresses: &[SocketAddr], script: Arc<Script>) -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for &address in addresses {
            let (udp, tcp) = ns.inside(move || {
                let udp =
                    UdpSocket::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
                (
                    udp,
                    TcpListener::bind(address).unwrap_or_else(|error| panic!("{address}: {error}")),
                )
            });
            let post = Post {
                server: address.ip(),
                log: Arc::clone(&log),
                stop: Arc::clone(&stop),
                script: Arc::clone(&script),
            };
            let other = post.clone();
            threads.push(std::thread::spawn(move || post.datagrams(udp)));
            threads.push(std::thread::spawn(move || other.streams(&tcp)));
        }
        Self { log, stop, threads }
    }

    /// Every question so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.log.lock().expect("the log").clone()
    }

    /// How many questions so far.
    pub fn count(&self) -> usize {
        self.log.lock().expect("the log").len()
    }

    /// How many of them went to `server`.
    pub fn count_to(&self, server: &str) -> usize {
        let server: IpAddr = server.parse().expect("an address");
        self.asked()
            .iter()
            .filter(|asked| asked.server == server)
            .count()
    }

    /// Forgets them and says how many they were.
    pub fn forget(&self) -> usize {
        std::mem::take(&mut *self.log.lock().expect("the log")).len()
    }

    /// `server name type` of each question, for messages and comparisons.
    pub fn told(&self) -> Vec<String> {
        let line = |asked: &Asked| {
            let over = if asked.tcp { " tcp" } else { "" };
            format!("{} {} {}{over}", asked.server, asked.name, asked.rtype)
        };
        self.asked().iter().map(line).collect()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _panicked = thread.join();
        }
    }
}

#[derive(Clone)]
struct Post {
    server: IpAddr,
    log: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
    script: Arc<Script>,
}

const TICK: Duration = Duration::from_millis(50);

impl Post {
    fn datagrams(&self, socket: UdpSocket) {
        socket.set_read_timeout(Some(TICK)).expect("a read timeout");
        let socket = Arc::new(socket);
        let mut buffer = [0; 4096];
        while !self.stop.load(Ordering::Relaxed) {
            let Ok((length, source)) = socket.recv_from(&mut buffer) else {
                continue;
            };
            let Some(asked) = self.note(&buffer[..length], source, false) else {
                continue;
            };
            for (delay, octets) in (self.script)(&asked) {
                let socket = Arc::clone(&socket);
                let send = move || {
                    let _gone = socket.send_to(&octets, source);
                };
                if delay.is_zero() {
                    send();
                } else {
                    std::thread::spawn(move || {
                        std::thread::sleep(delay);
                        send();
                    });
                }
            }
        }
    }

    fn streams(&self, listener: &TcpListener) {
        listener
            .set_nonblocking(true)
            .expect("a non-blocking listener");
        while !self.stop.load(Ordering::Relaxed) {
            match listener.accept() {
                Ok((stream, source)) => {
                    let post = self.clone();
                    std::thread::spawn(move || post.stream(stream, source));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    fn stream(&self, mut stream: TcpStream, source: SocketAddr) -> Option<()> {
        stream.set_nonblocking(false).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        loop {
            let octets = client::read_framed(&mut stream)?;
            let asked = self.note(&octets, source, true)?;
            for (delay, reply) in (self.script)(&asked) {
                std::thread::sleep(delay);
                stream.write_all(&client::framed(&reply)).ok()?;
            }
        }
    }

    fn note(&self, octets: &[u8], source: SocketAddr, tcp: bool) -> Option<Asked> {
        let message = Message::parse(octets).ok()?;
        let (question, _) = message.question?;
        let asked = Asked {
            at: Instant::now(),
            server: self.server,
            source,
            tcp,
            id: message.header.id,
            rd: message.header.flags.rd(),
            spelt: question.name.to_string(),
            name: question.name.to_string().to_ascii_lowercase(),
            rtype: question.rtype,
            edns: message.edns.as_ref().map(|edns| edns.udp_size),
            dnssec_ok: message.edns.as_ref().is_some_and(|edns| edns.dnssec_ok),
            qname: question.name.as_wire().to_vec(),
        };
        self.log.lock().expect("the log").push(asked.clone());
        Some(asked)
    }
}

/// suimond in one namespace, scripted servers on 10.53.0.1–20 and fd53::1–4 in another, clients beside suimond on loopback.
pub struct Scene {
    pub network: Network,
    pub resolver: Ns,
    pub servers: Ns,
    pub lab: Lab,
}

/// Where suimond listens in a [`Scene`].
pub const LISTEN: &str = "127.0.0.1:53";
/// How long clients of a scene wait.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How a scene is to differ from the usual one.
#[derive(Clone, Debug)]
pub struct Setting<'a> {
    /// `section.key=value` each.
    pub set: &'a [&'a str],
    /// More of the config file: arrays of tables, sections that the usual one has not.
    pub more: &'a str,
    pub hints: &'a str,
    pub listen: &'a [&'a str],
    pub clients: &'a [&'a str],
    /// Which servers there are: the last octet.
    pub servers: std::ops::RangeInclusive<u8>,
    /// Where they listen.
    pub port: u16,
    /// Some of them keep silent, and suimond waits for them as long as it does by default. Elsewhere it waits for [`UNHURRIED`]: a
    /// machine that stands still for half a second, as shared ones do, must not cause the second question that no script expects.
    pub silence: bool,
}

/// Waits for servers that no pause of a busy machine is as long as; two of them are less than the time that a query may take.
pub const UNHURRIED: [&str; 2] = ["egress.initial_timeout=3s", "egress.max_timeout=3s"];

impl Default for Setting<'_> {
    fn default() -> Self {
        Self {
            set: &[],
            more: "",
            hints: HINTS,
            listen: &[LISTEN],
            clients: &["127.0.0.0/8", "::1"],
            servers: 1..=8,
            port: 53,
            silence: false,
        }
    }
}

impl Scene {
    /// Everything up, suimond ready.
    pub fn new(
        tag: &str,
        setting: &Setting<'_>,
        script: impl Fn(&Asked) -> Vec<Sent> + Send + Sync + 'static,
    ) -> Self {
        let mut scene = Self::without_suimond(tag, setting, script);
        scene.start("suimond", setting);
        scene
    }

    /// An honest world.
    pub fn honest(tag: &str, setting: &Setting<'_>, world: World) -> Self {
        Self::new(tag, setting, move |asked| world.answer(asked).now(asked))
    }

    /// An honest world, and a suimond that a shell script starts in a mount namespace of its own. `script` is made from the scene's
    /// directory, its state directory and the configuration file; it ends with suimond in its place.
    pub fn in_own_mounts(
        tag: &str,
        world: World,
        script: impl FnOnce(&Path, &Path, &Path) -> String,
    ) -> Self {
        let setting = Setting::default();
        let mut scene =
            Self::without_suimond(tag, &setting, move |asked| world.answer(asked).now(asked));
        let state = scene.lab.dir().join("state");
        std::fs::create_dir_all(&state).expect("a state directory");
        let config = suimond::config(
            &scene.lab,
            &[listen()],
            setting.clients,
            HINTS,
            "[policy]\nspecial_use = false\n",
        );
        let config = scene.lab.file("suimond.toml", &config);
        let script = script(scene.lab.dir(), &state, &config);
        let resolver = scene.resolver.clone();
        let command = ["unshare", "-m", "sh", "-c", &script];
        scene.lab.spawn(&resolver, "suimond", &command);
        suimond::wait_until_ready(&scene.lab, "suimond");
        scene
    }

    /// Ends suimond, which must go with code 0 in less than `most`.
    pub fn stop_within(&mut self, most: Duration) {
        let begun = Instant::now();
        let code = self.lab.stop("suimond");
        assert_eq!(code, Some(0), "{}", self.lab.log("suimond"));
        assert!(begun.elapsed() < most, "it took {:?}", begun.elapsed());
    }

    /// The servers only.
    pub fn without_suimond(
        tag: &str,
        setting: &Setting<'_>,
        script: impl Fn(&Asked) -> Vec<Sent> + Send + Sync + 'static,
    ) -> Self {
        let mut lab = Lab::new(tag);
        let (servers, resolver) = (lab.namespace("up"), lab.namespace("res"));
        let mut addresses = Vec::new();
        let mut with_length = Vec::new();
        for number in setting.servers.clone() {
            addresses.push(SocketAddr::new(
                format!("10.53.0.{number}").parse().expect("an address"),
                setting.port,
            ));
            with_length.push(format!("10.53.0.{number}/24"));
        }
        for number in 1..=4 {
            addresses.push(SocketAddr::new(
                format!("fd53::{number}").parse().expect("an address"),
                setting.port,
            ));
            with_length.push(format!("fd53::{number}/64"));
        }
        let with_length: Vec<&str> = with_length.iter().map(String::as_str).collect();
        lab.link(
            &servers,
            "in",
            &with_length,
            &resolver,
            "out",
            &[
                "10.53.0.254/24",
                "10.53.0.253/24",
                "fd53::fe/64",
                "fd53::fd/64",
            ],
        );
        let network = Network::start(&servers, &addresses, Arc::new(script));
        Self {
            network,
            resolver,
            servers,
            lab,
        }
    }

    /// Starts suimond.
    pub fn start(&mut self, name: &str, setting: &Setting<'_>) {
        let listen: Vec<SocketAddr> = setting
            .listen
            .iter()
            .map(|listen| listen.parse().expect("an address"))
            .collect();
        let config = suimond::config(
            &self.lab,
            &listen,
            setting.clients,
            setting.hints,
            setting.more,
        );
        let resolver = self.resolver.clone();
        // `test.` is a name like any other here, unless the setting says otherwise; the first one can be steered.
        let socket = format!("control.socket={:?}", self.lab.dir().join("control.sock"));
        let mut set = vec!["policy.special_use=false"];
        if name == "suimond" {
            set.push(&socket);
        }
        if !setting.silence {
            set.extend(UNHURRIED);
        }
        set.extend(setting.set);
        suimond::start_with(&mut self.lab, &resolver, name, &config, &set);
    }

    /// Asks as a stub resolver does; `None` if nothing comes within [`PATIENCE`].
    pub fn ask(&self, name: &str, rtype: RecordType) -> Option<Message> {
        self.ask_for(name, rtype, PATIENCE)
    }

    /// The same with another patience.
    pub fn ask_for(&self, name: &str, rtype: RecordType, patience: Duration) -> Option<Message> {
        self.resolver
            .inside(|| resolve(loopback(), listen(), name, rtype, patience))
    }

    /// Sends octets of the test's own making.
    pub fn udp(&self, octets: &[u8], patience: Duration) -> Option<Vec<u8>> {
        self.resolver
            .inside(|| client::udp(loopback(), listen(), octets, patience))
    }

    /// `RCODE [answers]` of a reply, or "nothing".
    pub fn told(&self, name: &str, rtype: RecordType) -> String {
        say(self.ask(name, rtype).as_ref())
    }

    /// The value of a metric as `suimon stats` has it, over all label sets that hold `label` (`""`: any).
    pub fn metric(&self, metric: &str, label: &str) -> u64 {
        suimond::metric(&self.lab, metric, label)
    }
}

/// Where suimond listens in a scene, as an address.
pub fn listen() -> SocketAddr {
    LISTEN.parse().expect("an address")
}

/// Where its clients sit.
pub fn loopback() -> IpAddr {
    listen().ip()
}

/// `RCODE [answers]` of a reply, or "nothing".
pub fn say(reply: Option<&Message>) -> String {
    reply.map_or_else(
        || "nothing".to_owned(),
        |reply| {
            format!(
                "{} {}",
                reply.rcode(),
                client::answer_text(reply).join("; ")
            )
            .trim_end()
            .to_owned()
        },
    )
}

/// For what must not last longer, or come sooner, than so: it is right if it is right in one of three attempts, each with a scene of its
/// own. A machine that stands still for half a second spoils one of them; what is slow by itself is slow every time.
pub fn in_three_attempts(mut attempt: impl FnMut() -> Result<(), String>) {
    let mut wrong = Vec::new();
    while wrong.len() < 3 {
        match attempt() {
            Ok(()) => return,
            Err(why) => wrong.push(why),
        }
    }
    panic!("each of three attempts:\n{}", wrong.join("\n"));
}

/// Waits until `done`, checking often; false after `patience`.
pub fn wait_until(patience: Duration, mut done: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < patience {
        if done() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    done()
}
