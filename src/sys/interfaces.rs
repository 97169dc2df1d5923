//! Which network interfaces has this host? Asked of the kernel over rtnetlink, or else read from `/sys`.

use std::io;
use std::path::Path;

use super::rtnetlink::{self, Interface};

/// All interfaces, in no order.
///
/// # Errors
/// When neither is to be had.
pub fn read() -> io::Result<Vec<Interface>> {
    rtnetlink::interfaces().or_else(|_| read_from(Path::new("/sys/class/net")))
}

/// How the kernel checks sources itself (`rp_filter`): 0 not at all, 1 strictly, 2 loosely. IPv4 only: for IPv6 it never does.
#[must_use]
pub fn rp_filter(interface: &str) -> Option<u8> {
    let read = |name: &str| -> Option<u8> {
        let path = Path::new("/proc/sys/net/ipv4/conf").join(name);
        let text = std::fs::read_to_string(path.join("rp_filter")).ok()?;
        text.trim().parse().ok()
    };
    // The greater of the two holds (Linux, Documentation/networking/ip-sysctl.rst).
    Some(read("all")?.max(read(interface)?))
}

fn read_from(directory: &Path) -> io::Result<Vec<Interface>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)?.flatten() {
        let word = |name: &str| std::fs::read_to_string(entry.path().join(name)).ok();
        let Some(index) = word("ifindex").and_then(|text| text.trim().parse().ok()) else {
            continue;
        };
        let flags = word("flags")
            .and_then(|text| u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok())
            .unwrap_or(0);
        found.push(Interface {
            index,
            name: entry.file_name().to_string_lossy().into_owned(),
            loopback: flags & 8 != 0,
            up: flags & 1 != 0,
            part: entry.path().join("master").exists(),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netlink_and_sys_agree_about_this_host() {
        let mut asked = rtnetlink::interfaces().unwrap();
        let mut read = read_from(Path::new("/sys/class/net")).unwrap();
        for list in [&mut asked, &mut read] {
            list.sort_by_key(|interface| interface.index);
        }
        assert_eq!(asked, read);
        assert!(rp_filter("lo").is_some_and(|mode| mode <= 2));
        assert_eq!(rp_filter("no such interface"), None);
    }
}
