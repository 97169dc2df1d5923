//! Where do clients, server and authority live? Each in a network namespace of its own, gone when the lab is dropped.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Pid;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The namespaces of one run of the bench: clients — server — authority, and honest clients who have a line to the server of their own.
pub struct Lab {
    tag: String,
    dir: PathBuf,
    children: Vec<Child>,
}

/// A server under load.
#[derive(Debug)]
pub struct Server {
    pid: u32,
    log: PathBuf,
}

/// Clients, honest clients, the server, the authority.
const ALL: [&str; 4] = ["c", "h", "s", "u"];
/// The core that servers have to themselves; load comes from another.
const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";

impl Lab {
    /// Makes the namespaces, their links and addresses.
    pub fn new() -> Self {
        remove_leftovers();
        let tag = format!("bench{}", std::process::id());
        let dir = std::env::temp_dir().join(&tag);
        std::fs::create_dir(&dir).expect("a temporary directory");
        let lab = Self {
            tag,
            dir,
            children: Vec::new(),
        };
        for which in ALL {
            run(&["ip", "netns", "add", &lab.namespace(which)]);
        }
        lab.link(
            "c",
            "s",
            &["10.77.1.2/24", "10.77.1.9/24"],
            &["10.77.1.1/24"],
        );
        lab.link(
            "u",
            "s",
            &["10.77.2.1/24", "10.77.2.2/24", "10.77.2.3/24"],
            &["10.77.2.254/24"],
        );
        lab.link("h", "s", &["10.77.3.2/24"], &["10.77.3.1/24"]);
        run(&[
            "ip",
            "-n",
            &lab.namespace("h"),
            "route",
            "add",
            "10.77.1.0/24",
            "via",
            "10.77.3.1",
        ]);
        for which in ALL {
            run(&["ip", "-n", &lab.namespace(which), "link", "set", "lo", "up"]);
        }
        lab
    }

    /// Where its files are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes a file and returns its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.join(name);
        std::fs::write(&path, text).expect("a file of the lab");
        path.to_str().expect("a plain path").to_owned()
    }

    /// Makes the addresses of a prefix those of clients (`c`) or honest clients (`h`), and tells the server the way there.
    pub fn clients(&self, which: &str, prefix: &str) {
        let (clients, server) = (self.namespace(which), self.namespace("s"));
        let way = if which == "h" {
            "10.77.3.2"
        } else {
            "10.77.1.2"
        };
        run(&[
            "ip", "-n", &clients, "route", "add", "local", prefix, "dev", "lo",
        ]);
        run(&["ip", "-n", &server, "route", "add", prefix, "via", way]);
    }

    /// Starts a server on its core and waits for `ready` in what it prints.
    pub fn serve(&mut self, name: &str, ready: &str, command: &[&str]) -> Server {
        self.serve_on(SERVER_CORE, name, ready, command)
    }

    /// The same on other cores.
    pub fn serve_on(&mut self, cores: &str, name: &str, ready: &str, command: &[&str]) -> Server {
        let log = self.dir.join(format!("{name}.log"));
        let file = File::create(&log).expect("a log file");
        let child = Command::new("ip")
            .args([
                "netns",
                "exec",
                &self.namespace("s"),
                "taskset",
                "-c",
                cores,
            ])
            // Above whatever else the machine does; it changes what the others get, not what a packet costs.
            .args(["nice", "-n", "-15"])
            // Interrupted, this program leaves no server behind.
            .args(["setpriv", "--pdeathsig", "KILL"])
            .args(command)
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log file"))
            .stderr(file)
            .spawn()
            .expect("ip, taskset and nice");
        let server = Server {
            pid: child.id(),
            log,
        };
        self.children.push(child);
        for _ in 0..600 {
            if server.log().contains(ready) {
                return server;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{name} does not get ready:\n{}", server.log());
    }

    /// Runs a load generator in the clients' namespace, on the other core; what it printed.
    pub fn load(&self, command: &[&str]) -> String {
        let output = Command::new("ip")
            .args([
                "netns",
                "exec",
                &self.namespace("c"),
                "taskset",
                "-c",
                LOAD_CORE,
            ])
            .args(["nice", "-n", "-15"])
            .args(command)
            .output()
            .expect("ip, taskset and nice");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{command:?}: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    }

    /// Runs `what` on a thread in a namespace: `c` is the clients', `h` the honest clients', `u` the authority's. Sockets made there stay there.
    pub fn inside<T: Send + 'static>(
        &self,
        which: &str,
        what: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let place =
            File::open(Path::new("/run/netns").join(self.namespace(which))).expect("a namespace");
        std::thread::spawn(move || {
            move_into_link_name_space(
                std::os::fd::AsFd::as_fd(&place),
                Some(LinkNameSpaceType::Network),
            )
            .expect("root may enter a namespace");
            what()
        })
        .join()
        .expect("it runs")
    }

    fn namespace(&self, which: &str) -> String {
        format!("{}-{which}", self.tag)
    }

    fn link(&self, a: &str, b: &str, a_addresses: &[&str], b_addresses: &[&str]) {
        let (a_dev, b_dev) = (format!("to-{b}"), format!("to-{a}"));
        let (a, b) = (self.namespace(a), self.namespace(b));
        run(&[
            "ip", "link", "add", &a_dev, "netns", &a, "type", "veth", "peer", "name", &b_dev,
            "netns", &b,
        ]);
        for (namespace, dev, addresses) in [(&a, &a_dev, a_addresses), (&b, &b_dev, b_addresses)] {
            for address in addresses {
                run(&["ip", "-n", namespace, "address", "add", address, "dev", dev]);
            }
            run(&["ip", "-n", namespace, "link", "set", dev, "up"]);
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
        for which in ALL {
            let _ = Command::new("ip")
                .args(["netns", "del", &self.namespace(which)])
                .status();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Server {
    /// Its process.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.pid.cast_signed()).expect("a process id")
    }

    /// Ends it, and waits a little until it is gone.
    pub fn end(&self) {
        let _ = rustix::process::kill_process(self.pid(), rustix::process::Signal::KILL);
        std::thread::sleep(Duration::from_millis(200));
    }

    /// Whether it stands still after a SIGSTOP.
    pub fn is_stopped(&self) -> bool {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).expect("the server runs");
        stat.rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with('T'))
    }

    /// Nanoseconds that all its threads have run, in its own code and in the kernel on its behalf.
    pub fn cpu_ns(&self) -> u64 {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.pid)).expect("the server runs");
        tasks
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
            .filter_map(|line| line.split_whitespace().next()?.parse::<u64>().ok())
            .sum()
    }

    /// Octets of it that are in memory.
    pub fn resident(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid)).expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.expect("VmRSS") * 1024
    }

    /// What it printed.
    pub fn log(&self) -> String {
        let mut text = String::new();
        let _ = File::open(&self.log).and_then(|mut file| file.read_to_string(&mut text));
        text
    }
}

/// Namespaces of a run that was interrupted.
fn remove_leftovers() {
    for entry in std::fs::read_dir("/run/netns")
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name
            .strip_prefix("bench")
            .and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            run(&["ip", "netns", "del", &name]);
        }
    }
}

fn run(command: &[&str]) {
    let status = Command::new(command[0])
        .args(&command[1..])
        .status()
        .expect("iproute2");
    assert!(status.success(), "{command:?} failed");
}
