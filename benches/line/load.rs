//! How are queries offered, and what came of them? kxdpgun for datagrams, dnsperf for streams and for names asked once.

use std::net::SocketAddr;

use crate::lab::Lab;

/// More than any rival can answer.
pub const SATURATING: u32 = 3_000_000;

/// What a load generator counted.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    pub sent: u64,
    pub received: u64,
    pub noerror: u64,
    pub seconds: f64,
}

impl Counted {
    /// Replies per second.
    pub fn per_second(&self) -> f64 {
        self.received as f64 / self.seconds
    }
}

/// Datagrams from all addresses of a prefix in turn, by AF_XDP: the generator costs its core less than any server its own.
pub fn datagrams(
    lab: &Lab,
    to: SocketAddr,
    from: &str,
    names: &str,
    rate: u32,
    seconds: u32,
) -> Counted {
    let told = lab.load(&[
        "kxdpgun",
        "-t",
        &seconds.to_string(),
        "-Q",
        &rate.to_string(),
        "-F",
        "1s1",
        "-i",
        names,
        "-l",
        from,
        "-p",
        &to.port().to_string(),
        &to.ip().to_string(),
    ]);
    Counted {
        sent: number(&told, "total queries:")
            .unwrap_or_else(|| panic!("kxdpgun counts no queries:\n{told}")),
        received: number(&told, "total replies:").unwrap_or(0),
        noerror: number(&told, "responded NOERROR:").unwrap_or(0),
        seconds: f64::from(seconds),
    }
}

/// dnsperf with these options; `from` is one address.
pub fn dnsperf(lab: &Lab, to: SocketAddr, from: &str, more: &[&str]) -> Counted {
    let (address, port) = (to.ip().to_string(), to.port().to_string());
    let mut command = vec!["dnsperf", "-s", &address, "-p", &port, "-a", from, "-e"];
    command.extend(["-O", "suppress=timeout"]);
    command.extend(more);
    let told = lab.load(&command);
    let seconds = told
        .lines()
        .find_map(|line| line.trim().strip_prefix("Run time (s):"))
        .and_then(|rest| rest.trim().parse().ok());
    let noerror = told
        .split_once("NOERROR ")
        .and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
    Counted {
        sent: number(&told, "Queries sent:").expect("dnsperf counts queries"),
        received: number(&told, "Queries completed:").unwrap_or(0),
        noerror: noerror.unwrap_or(0),
        seconds: seconds.expect("dnsperf tells its run time"),
    }
}

/// The number behind a title at a line's beginning.
fn number(told: &str, title: &str) -> Option<u64> {
    told.lines()
        .find_map(|line| line.trim().strip_prefix(title))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}
