//! A lab of network namespaces: links, addresses, servers, captures; all gone when it is dropped.

pub mod capture;
pub mod client;
pub mod evil;
pub mod expensive;
pub mod frames;
pub mod relay;
pub mod script;
pub mod servers;
pub mod signing;
pub mod suimond;

use std::fs::File;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// One lab. Needs root; `Lab::new` says so plainly otherwise.
pub struct Lab {
    tag: String,
    dir: tempfile::TempDir,
    namespaces: Vec<String>,
    children: Vec<(String, Child)>,
}

/// A namespace of a lab.
#[derive(Clone, Debug)]
pub struct Ns(String);

impl Lab {
    /// A lab without namespaces yet.
    pub fn new(tag: &str) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        assert!(
            rustix::process::geteuid().is_root(),
            "these tests make network namespaces and need root: run `make test` as root or through sudo"
        );
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            tag: format!("su{}-{number}-{tag}", std::process::id()),
            dir: tempfile::tempdir().expect("a temporary directory"),
            namespaces: Vec::new(),
            children: Vec::new(),
        }
    }

    /// Where the lab keeps its files.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file of the lab and returns its path.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a directory of the lab");
        }
        std::fs::write(&path, text).expect("a file of the lab");
        path
    }

    /// A new namespace with its loopback up.
    pub fn namespace(&mut self, short: &str) -> Ns {
        let name = format!("{}-{short}", self.tag);
        run("ip", &["netns", "add", &name]);
        self.namespaces.push(name.clone());
        let ns = Ns(name);
        ns.run(&["ip", "link", "set", "lo", "up"]);
        ns
    }

    /// A veth pair between two namespaces; each end gets its device name and addresses (with prefix lengths).
    pub fn link(
        &self,
        a: &Ns,
        a_dev: &str,
        a_addresses: &[&str],
        b: &Ns,
        b_dev: &str,
        b_addresses: &[&str],
    ) {
        let (from, to) = (&a.0, &b.0);
        run(
            "ip",
            &[
                "link", "add", a_dev, "netns", from, "type", "veth", "peer", "name", b_dev,
                "netns", to,
            ],
        );
        for (ns, dev, addresses) in [(a, a_dev, a_addresses), (b, b_dev, b_addresses)] {
            for address in addresses {
                ns.add_address(dev, address);
            }
            ns.run(&["ip", "link", "set", dev, "up"]);
        }
    }

    /// Starts a program in a namespace; its output goes to `NAME.log` in the lab's directory. Ended when the lab is.
    pub fn spawn(&mut self, ns: &Ns, name: &str, command: &[&str]) -> u32 {
        let log = File::create(self.dir.path().join(format!("{name}.log"))).expect("a log file");
        let child = Command::new("ip")
            .args(["netns", "exec", &ns.0])
            .args(command)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let pid = child.id();
        self.children.push((name.to_owned(), child));
        pid
    }

    /// What a program has written so far.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(format!("{name}.log"))).unwrap_or_default()
    }

    /// The process of a program that runs (`ip netns exec` becomes it).
    pub fn pid(&self, name: &str) -> u32 {
        let child = self.children.iter().find(|(of, _)| of == name);
        child
            .map(|(_, child)| child.id())
            .unwrap_or_else(|| panic!("{name} was not started"))
    }

    /// Ends one program with SIGTERM and returns its exit code.
    pub fn stop(&mut self, name: &str) -> Option<i32> {
        let place = self.children.iter().position(|(of, _)| of == name)?;
        let (_, mut child) = self.children.remove(place);
        end(&mut child)
    }

    /// Waits until something accepts TCP there; panics with the program's log after `patience`.
    pub fn wait_for_port(&self, ns: &Ns, address: SocketAddr, name: &str) {
        let patience = Duration::from_secs(60);
        let begun = Instant::now();
        while begun.elapsed() < patience {
            let up = ns.inside(move || {
                TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok()
            });
            if up {
                return;
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        panic!("{name} does not listen on {address}:\n{}", self.log(name));
    }
}

/// Moves the clock of whoever runs under libfaketime with this file. At once: a file that is being written is read as no offset at all,
/// and the daemon reads it each time it looks at the clock.
pub fn set_clock(file: &Path, offset: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, format!("{offset}\n")).expect("the new time");
    std::fs::rename(&new, file).expect("the clock moves");
}

impl Drop for Lab {
    fn drop(&mut self) {
        for (_, child) in &mut self.children {
            end(child);
        }
        for name in &self.namespaces {
            let _gone = Command::new("ip").args(["netns", "del", name]).status();
        }
        if std::thread::panicking() {
            for (name, _) in &self.children {
                let log = self.log(name);
                let lines: Vec<&str> = log.lines().rev().take(12).collect();
                eprintln!("--- {name}.log, last first\n{}", lines.join("\n"));
            }
        }
    }
}

impl Ns {
    /// The name `ip netns` knows it by.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Runs a program inside and waits for it; panics if it fails.
    pub fn run(&self, command: &[&str]) -> String {
        let (ok, output) = self.try_run(command);
        assert!(ok, "{command:?} failed in {}: {output}", self.0);
        output
    }

    /// Runs a program inside and waits for it: whether it went well, and its standard output and error.
    pub fn try_run(&self, command: &[&str]) -> (bool, String) {
        let output = Command::new("ip")
            .args(["netns", "exec", &self.0])
            .args(command)
            .output()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        (output.status.success(), text)
    }

    /// Adds an address to a device; IPv6 ones without duplicate address detection.
    pub fn add_address(&self, dev: &str, address: &str) {
        let mut command = vec!["ip", "address", "add", address, "dev", dev];
        if address.contains(':') {
            command.push("nodad");
        }
        self.run(&command);
    }

    /// Sends what has no other route to `via`.
    pub fn default_route(&self, via: IpAddr) {
        let family = if via.is_ipv6() { "-6" } else { "-4" };
        self.run(&[
            "ip",
            family,
            "route",
            "add",
            "default",
            "via",
            &via.to_string(),
        ]);
    }

    /// Runs `work` on a thread of its own that stands in this namespace: sockets made there belong to it.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.0);
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                let handle = File::open(&path).expect("the namespace's handle");
                move_into_link_name_space(
                    std::os::fd::AsFd::as_fd(&handle),
                    Some(LinkNameSpaceType::Network),
                )
                .expect("entering the namespace");
                work()
            });
            match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| {
            panic!("{program} does not start ({error}); `make test` installs what is needed")
        });
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// SIGTERM, then SIGKILL after half a minute.
fn end(child: &mut Child) -> Option<i32> {
    if let Ok(Some(status)) = child.try_wait() {
        return status.code();
    }
    if let Some(pid) = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        let _sent = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        if let Ok(Some(status)) = child.try_wait() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _killed = child.kill();
    child.wait().ok().and_then(|status| status.code())
}
