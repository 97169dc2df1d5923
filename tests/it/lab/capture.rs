//! What went over a wire? tcpdump into a file, counted afterwards.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Lab, Ns, end};

/// A capture under way.
pub struct Capture {
    child: Child,
    path: PathBuf,
}

/// One packet as tcpdump prints it on one line.
pub type Line = String;

impl Capture {
    /// Captures what `filter` matches on a device of a namespace, from now on.
    pub fn start(lab: &Lab, ns: &Ns, dev: &str, filter: &str) -> Self {
        let path = lab.dir().join(format!("{}-{dev}.pcap", ns.name()));
        // The file of an earlier capture would look like this one being under way.
        let _none_before = std::fs::remove_file(&path);
        let child = Command::new("ip")
            .args([
                "netns",
                "exec",
                ns.name(),
                "tcpdump",
                "-Z",
                "root",
                "-U",
                "-n",
                "--immediate-mode",
                "-i",
                dev,
                "-B",
                "65536",
                "-w",
            ])
            .arg(&path)
            .args(filter.split_whitespace())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("tcpdump (installed by `make test`)");
        let capture = Self { child, path };
        // The file's header is written once the filter is in place.
        for _ in 0..3_000 {
            if std::fs::metadata(&capture.path).is_ok_and(|file| file.len() >= 24) {
                return capture;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("tcpdump does not begin to capture on {dev}");
    }

    /// Ends the capture and returns its packets, one line each.
    pub fn stop(mut self) -> Vec<Line> {
        // What the kernel has queued is read at once (immediate mode), but not in no time: on a busy machine tcpdump waits for its
        // turn as everybody does. It has read everything when it sleeps each time one looks.
        std::thread::sleep(Duration::from_millis(300));
        let mut asleep = 0;
        for _ in 0..1_000 {
            asleep = if self.sleeps() { asleep + 1 } else { 0 };
            if asleep == 5 {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        end(&mut self.child);
        let output = Command::new("tcpdump")
            .args(["-n", "-v", "-t", "-r"])
            .arg(&self.path)
            .output()
            .expect("tcpdump reads its file");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut packets: Vec<Line> = Vec::new();
        for line in text.lines() {
            // `-v` breaks IPv4 packets over two lines, the second indented.
            match packets.last_mut() {
                Some(last) if line.starts_with(' ') => last.push_str(line),
                _ => packets.push(line.to_owned()),
            }
        }
        packets
    }

    /// Whether the process waits for something to happen (`S`), rather than runs, or would run if it were its turn (`R`).
    fn sleeps(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let state = |stat: String| {
            stat.rsplit_once(") ")
                .map(|(_, rest)| rest.starts_with('S'))
        };
        // One that has ended reads nothing more.
        stat.ok().and_then(state).unwrap_or(true)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}
