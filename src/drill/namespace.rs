//! How do some sockets of the drill come to live in another network namespace? They are made there; a socket stays where it was made.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// This thread, and those it starts, as visitors in another network namespace until it is dropped. Not to be held where a future may move to
/// another thread.
#[derive(Debug)]
pub struct Visit {
    home: File,
}

impl Visit {
    /// Enters the namespace that `ip netns` knows by this name.
    ///
    /// # Errors
    /// There is none, or this process may not (CAP_SYS_ADMIN).
    pub fn to(name: &str) -> io::Result<Self> {
        let told = |error: io::Error| {
            io::Error::new(error.kind(), format!("network namespace {name}: {error}"))
        };
        // Of the thread, not of the process: the process's is that of its first thread.
        let home = File::open("/proc/thread-self/ns/net").map_err(told)?;
        let there = File::open(format!("/run/netns/{name}")).map_err(told)?;
        enter(&there).map_err(told)?;
        Ok(Self { home })
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let _home_again = enter(&self.home);
    }
}

fn enter(namespace: &File) -> io::Result<()> {
    let network = Some(LinkNameSpaceType::Network);
    Ok(move_into_link_name_space(namespace.as_fd(), network)?)
}
