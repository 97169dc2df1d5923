//! Who is at the other end of the control socket, and may they use it?

use std::io;
use std::path::Path;

use tokio::net::UnixStream;

/// A peer's credentials, as the kernel vouches for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Effective user id when it connected.
    pub uid: u32,
    /// Effective group id when it connected.
    pub gid: u32,
    /// Process id, if the kernel tells.
    pub pid: Option<i32>,
}

impl Peer {
    /// The peer of a connection.
    pub(super) fn of(stream: &UnixStream) -> io::Result<Self> {
        let credentials = stream.peer_cred()?;
        Ok(Self {
            uid: credentials.uid(),
            gid: credentials.gid(),
            pid: credentials.pid(),
        })
    }
}

/// Who may use the socket: root, our own user, and members of the socket's group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Permitted {
    /// Our own user.
    pub(super) uid: u32,
    /// The socket's group.
    pub(super) gid: u32,
}

impl Permitted {
    /// Whether this peer may. The kernel tells only a peer's effective group; supplementary members of the socket's group
    /// are found in /etc/group, so the second argument is asked only for them.
    pub(super) fn admits(self, peer: Peer, is_member: impl FnOnce(u32, u32) -> bool) -> bool {
        peer.uid == 0
            || peer.uid == self.uid
            || peer.gid == self.gid
            || is_member(peer.uid, self.gid)
    }
}

/// Whether the user `uid` is listed as a member of the group `gid` in /etc/passwd and /etc/group.
pub(super) fn is_listed_member(uid: u32, gid: u32) -> bool {
    let read = |path: &str| std::fs::read_to_string(Path::new(path)).unwrap_or_default();
    lists_member(&read("/etc/passwd"), &read("/etc/group"), uid, gid)
}

/// passwd(5): `name:password:uid:…`; group(5): `name:password:gid:user,user`.
fn lists_member(passwd: &str, group: &str, uid: u32, gid: u32) -> bool {
    let field = |line: &str, index: usize| line.split(':').nth(index).map(str::to_owned);
    let Some(user) = passwd
        .lines()
        .find(|line| field(line, 2).is_some_and(|text| text == uid.to_string()))
        .and_then(|line| field(line, 0))
    else {
        return false;
    };
    group
        .lines()
        .filter(|line| field(line, 2).is_some_and(|text| text == gid.to_string()))
        .filter_map(|line| field(line, 3))
        .any(|members| members.split(',').any(|member| member.trim() == user))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n";
    const GROUP: &str = "root:x:0:\n_suimon:x:990:anna, carol\nannas:x:991:bob\n";

    fn peer(uid: u32, gid: u32) -> Peer {
        Peer {
            uid,
            gid,
            pid: Some(1),
        }
    }

    #[test]
    fn root_the_own_user_and_the_group_are_admitted_and_nobody_else() {
        let permitted = Permitted { uid: 990, gid: 990 };
        let member = |uid, gid| lists_member(PASSWD, GROUP, uid, gid);
        assert!(permitted.admits(peer(0, 0), member));
        assert!(permitted.admits(peer(990, 5), member));
        assert!(permitted.admits(peer(5, 990), member), "effective group");
        assert!(permitted.admits(peer(1000, 1000), member), "anna is listed");
        assert!(
            !permitted.admits(peer(1001, 1001), member),
            "bob is in another group"
        );
        assert!(!permitted.admits(peer(1002, 1002), member), "unknown user");
    }

    #[test]
    fn a_name_that_is_part_of_a_member_is_not_a_member() {
        let passwd = "ann:x:7:7::/:\n";
        assert!(!lists_member(passwd, GROUP, 7, 990));
        assert!(!lists_member("", "", 7, 990));
        assert!(!lists_member(":::\n", ":::\n", 0, 0));
    }
}
