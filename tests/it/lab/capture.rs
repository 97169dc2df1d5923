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
        for _ in 0..300 {
            if std::fs::metadata(&capture.path).is_ok_and(|file| file.len() >= 24) {
                return capture;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("tcpdump does not begin to capture on {dev}");
    }

    /// Ends the capture and returns its packets, one line each.
    pub fn stop(mut self) -> Vec<Line> {
        // What the kernel has queued is read at once (immediate mode), but not in no time.
        std::thread::sleep(Duration::from_millis(300));
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
}

impl Drop for Capture {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}
