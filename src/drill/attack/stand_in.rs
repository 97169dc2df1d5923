//! Who answers in the place of the attacked zones' servers? A name server of another make: they count, and hand on what they let through.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Mutex, PoisonError};

/// Queries under way to the stand-in: as many as there are message IDs. The oldest gives way.
const UNDER_WAY: usize = 1 << 16;

/// The way of one server to its stand-in and back.
#[derive(Debug)]
pub(in crate::drill) struct StandIn {
    socket: UdpSocket,
    waiting: Mutex<Waiting>,
}

/// Who waits under which ID.
#[derive(Debug)]
struct Waiting {
    next: u16,
    by_id: Vec<Option<Asked>>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    from: SocketAddr,
    id: [u8; 2],
}

impl StandIn {
    /// For the server at `address`; `at` is who stands in. Made in the network namespace in which both live.
    ///
    /// # Errors
    /// What the operating system says of the socket.
    pub(in crate::drill) fn new(address: IpAddr, at: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind((address, 0))?;
        socket.connect(at)?;
        socket.set_read_timeout(Some(super::servers::STOP_LOOK))?;
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4 << 20);
        Ok(Self {
            socket,
            waiting: Mutex::new(Waiting {
                next: 0,
                by_id: vec![None; UNDER_WAY],
            }),
        })
    }

    /// Hands a query on, under an ID of this way's own.
    pub(super) fn hand_on(&self, query: &mut [u8], from: SocketAddr) {
        let Some(id) = query.first_chunk_mut::<2>() else {
            return;
        };
        *id = self.waiting().enter(Asked { from, id: *id });
        // Not there yet, or no longer: then nobody answers, as with any server.
        let _ = self.socket.send(query);
    }

    /// Waits for a reply and hands it back from `server`'s own address; false if none came in time.
    pub(super) fn hand_back(&self, buffer: &mut [u8], server: &UdpSocket) -> bool {
        let Ok(length) = self.socket.recv(buffer) else {
            return false;
        };
        let Some(reply) = buffer.get_mut(..length) else {
            return false;
        };
        if let Some(id) = reply.first_chunk_mut::<2>()
            && let Some(asked) = self.waiting().leave(*id)
        {
            *id = asked.id;
            let _ = server.send_to(reply, asked.from);
        }
        true
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn enter(&mut self, asked: Asked) -> [u8; 2] {
        let id = self.next;
        self.next = id.wrapping_add(1);
        if let Some(place) = self.by_id.get_mut(usize::from(id)) {
            *place = Some(asked);
        }
        id.to_be_bytes()
    }

    fn leave(&mut self, id: [u8; 2]) -> Option<Asked> {
        self.by_id
            .get_mut(usize::from(u16::from_be_bytes(id)))?
            .take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_find_their_way_back_whatever_ids_the_clients_chose() {
        let local = "127.0.0.1:0";
        let (behind, server) = (
            UdpSocket::bind(local).unwrap(),
            UdpSocket::bind(local).unwrap(),
        );
        let way = StandIn::new("127.0.0.1".parse().unwrap(), behind.local_addr().unwrap()).unwrap();
        let clients = [(); 2].map(|()| UdpSocket::bind(local).unwrap());
        // Both under the same ID, answered the other way round.
        for (client, text) in clients.iter().zip([b"\x07\x07one", b"\x07\x07two"]) {
            way.hand_on(&mut text.clone(), client.local_addr().unwrap());
        }
        let mut buffer = [0; 64];
        let mut heard = Vec::new();
        for _ in 0..2 {
            let (length, from) = behind.recv_from(&mut buffer).unwrap();
            heard.push((buffer[..length].to_vec(), from));
        }
        assert_ne!(heard[0].0[..2], heard[1].0[..2]);
        for (text, from) in heard.iter().rev() {
            behind.send_to(text, from).unwrap();
        }
        assert!(way.hand_back(&mut buffer, &server) && way.hand_back(&mut buffer, &server));
        for (client, text) in clients.iter().zip([b"\x07\x07one", b"\x07\x07two"]) {
            let (length, from) = client.recv_from(&mut buffer).unwrap();
            assert_eq!(
                (&buffer[..length], from),
                (&text[..], server.local_addr().unwrap())
            );
        }
        // The same reply again belongs to nobody.
        behind.send_to(&heard[0].0, heard[0].1).unwrap();
        assert!(way.hand_back(&mut buffer, &server));
        clients[0].set_nonblocking(true).unwrap();
        assert!(clients[0].recv(&mut buffer).is_err());
    }
}
