//! What does the kernel say of interfaces, addresses and routes, and when does it change? Asked over rtnetlink.
//!
//! A socket of this family needs no privilege. Where none is to be had (a sandbox without `AF_NETLINK`), every call here says so
//! and whoever asks falls back to `/proc` and `/sys`.

mod message;

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, connect, recv, send,
    socket_with,
};

pub use message::{HeldAddress, Interface, Route, RouteKind};

use message::{Messages, Told};

/// Octets of one read; the kernel fills at most 32 KiB of a dump into one.
const BUFFER: usize = 64 * 1024;

/// How long the kernel may take for one part of an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a dump is begun anew because the tables changed under it; then what was read is taken as it is.
const ATTEMPTS: usize = 3;

/// Octets of notifications that may wait; what does not fit is told as one loss, and everything is read anew.
const WAITING: usize = 1024 * 1024;

/// All interfaces.
///
/// # Errors
/// What the operating system says.
pub fn interfaces() -> io::Result<Vec<Interface>> {
    collect(&[message::dump_links()], |told| match told {
        Told::Interface(interface) => Some(interface),
        _ => None,
    })
}

/// All addresses of all interfaces.
///
/// # Errors
/// What the operating system says.
pub fn addresses() -> io::Result<Vec<HeldAddress>> {
    collect(&[message::dump_addresses()], |told| match told {
        Told::Address(address) => Some(address),
        _ => None,
    })
}

/// Every route of the tables `main` and `local`, of both families, at most `limit`.
///
/// # Errors
/// What the operating system says; `OutOfMemory` above the limit.
pub fn routes(limit: usize) -> io::Result<Vec<Route>> {
    let mut count = 0;
    let requests = [
        message::dump_routes(message::V4),
        message::dump_routes(message::V6),
    ];
    let found = collect(&requests, |told| match told {
        Told::Route(route) => {
            count += 1;
            (count <= limit).then_some(route)
        }
        _ => None,
    })?;
    if count > limit {
        return Err(io::Error::new(
            io::ErrorKind::OutOfMemory,
            format!("more than {limit} routes"),
        ));
    }
    Ok(found)
}

/// How many rules send packets to other tables than `main` and `local` (policy routing).
///
/// # Errors
/// What the operating system says.
pub fn policy_rules() -> io::Result<usize> {
    let requests = [
        message::dump_rules(message::V4),
        message::dump_rules(message::V6),
    ];
    let found = collect(&requests, |told| match told {
        Told::OtherTable => Some(()),
        _ => None,
    })?;
    Ok(found.len())
}

/// Index of the interface by which a packet from `local` to `peer` leaves now, by all rules and tables of the kernel; `local` may be
/// left out. Nothing is sent.
///
/// # Errors
/// `NetworkUnreachable` and kin if there is no route; what the operating system says.
pub fn leaves_by(peer: IpAddr, local: Option<IpAddr>) -> io::Result<u32> {
    let mut found = None;
    ask(&message::find_route(peer, local), |told| {
        if let Told::Route(route) | Told::OtherRoute(route) = told {
            found = route.interfaces.first().copied();
        }
    })?;
    found.ok_or_else(|| io::ErrorKind::NetworkUnreachable.into())
}

/// Word of changes, from the moment of its making.
#[derive(Debug)]
pub struct Changes {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl Changes {
    /// Of interfaces and addresses, and of `routes` too if they are wanted (on a router there may be thousands a second).
    ///
    /// # Errors
    /// What the operating system says.
    pub fn watch(routes: bool) -> io::Result<Self> {
        let groups = if routes {
            message::LINKS_AND_ADDRESSES | message::ROUTES
        } else {
            message::LINKS_AND_ADDRESSES
        };
        let socket = open(groups)?;
        let _ = sockopt::set_socket_recv_buffer_size(&socket, WAITING);
        Ok(Self {
            socket,
            buffer: vec![0; BUFFER],
        })
    }

    /// Waits at most so long; whether anything changed. What it was is thrown away: the tables are read anew.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn wait(&mut self, at_most: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(at_most).unwrap_or_default();
        let mut watched = [PollFd::new(&self.socket, PollFlags::IN)];
        match poll(&mut watched, Some(&timeout)) {
            Ok(0) | Err(Errno::INTR) => return Ok(false),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        loop {
            match recv(
                &self.socket,
                self.buffer.as_mut_slice(),
                RecvFlags::DONTWAIT,
            ) {
                // Lost words are words, too.
                Ok(_) | Err(Errno::NOBUFS | Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What `pick` takes of the answers to `requests`.
fn collect<T>(requests: &[Vec<u8>], mut pick: impl FnMut(Told) -> Option<T>) -> io::Result<Vec<T>> {
    let mut all = Vec::new();
    for request in requests {
        for attempt in 1..=ATTEMPTS {
            let before = all.len();
            let whole = ask(request, |told| all.extend(pick(told)))?;
            if whole || attempt == ATTEMPTS {
                break;
            }
            all.truncate(before);
        }
    }
    Ok(all)
}

/// Asks and reads to the end; whether nothing changed meanwhile.
fn ask(request: &[u8], mut hear: impl FnMut(Told)) -> io::Result<bool> {
    let socket = open(0)?;
    sockopt::set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    send(&socket, request, SendFlags::empty())?;
    let mut buffer = vec![0; BUFFER];
    let mut whole = true;
    loop {
        let (_, length) = match recv(&socket, buffer.as_mut_slice(), RecvFlags::TRUNC) {
            Err(Errno::INTR) => continue,
            read => read?,
        };
        let Some(read) = buffer.get(..length) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        for told in Messages::of(read) {
            match told {
                Told::End => return Ok(whole),
                Told::Error(0) => return Ok(whole),
                Told::Error(number) => return Err(io::Error::from_raw_os_error(number)),
                Told::ChangedMeanwhile => whole = false,
                told => hear(told),
            }
        }
    }
}

/// Connected to the kernel, so that no other process is heard.
fn open(groups: u32) -> io::Result<OwnedFd> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        // NETLINK_ROUTE is protocol 0.
        None,
    )?;
    bind(&socket, &SocketAddrNetlink::new(0, groups))?;
    connect(&socket, &SocketAddrNetlink::new(0, 0))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::addresses::LOOPBACK_INTERFACE;

    #[test]
    fn this_host_has_a_loopback_interface_with_its_address_and_the_way_to_it() {
        let lo = interfaces().unwrap();
        let lo = lo.iter().find(|interface| interface.loopback).unwrap();
        assert_eq!((lo.name.as_str(), lo.index), ("lo", LOOPBACK_INTERFACE));
        let address: IpAddr = "127.0.0.1".parse().unwrap();
        let held = addresses().unwrap();
        let held = held.iter().find(|held| held.address == address).unwrap();
        assert_eq!(held.interface, LOOPBACK_INTERFACE);
        assert_eq!(leaves_by(address, None).unwrap(), LOOPBACK_INTERFACE);
        let routes = routes(1_000_000).unwrap();
        let mut covering = routes
            .iter()
            .filter(|route| route.prefix.contains(&address));
        assert!(covering.any(|route| route.kind == RouteKind::Own));
        assert!(super::routes(1).is_err(), "a limit holds");
    }

    #[test]
    fn nothing_changes_while_nothing_changes() {
        let mut changes = Changes::watch(false).unwrap();
        let begun = crate::sys::clock::now();
        let changed = changes.wait(Duration::from_millis(50)).unwrap();
        let waited = crate::sys::clock::now().since(begun);
        assert!(changed || waited >= Duration::from_millis(45));
    }
}
