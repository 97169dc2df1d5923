//! How are connections listened for? A socket whose kernel buffers are small enough for twenty thousand of them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
/// Octets the kernel keeps per connection of what a client has sent: queries are small.
const RECEIVE_BUFFER: usize = 16 * 1024;

/// Listens on `address`; without `SO_REUSEPORT`, so that a second suimond on the same address is told so.
/// `send_buffer`: octets the kernel takes per connection that the client has not read yet. `unread_for`: how long it keeps trying to deliver them,
/// also after the connection was closed on our side.
///
/// # Errors
/// What the operating system says: address in use, not ours, not permitted.
pub fn listen(
    address: SocketAddr,
    send_buffer: usize,
    unread_for: Duration,
) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Accepted connections inherit these.
    let _ = socket.set_send_buffer_size(send_buffer);
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_user_timeout(Some(unread_for));
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
