//! A client that sends what it likes: octets out, octets back.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use suimon::wire::{Message, Name, RecordType};

/// A query with the given flags word, one question of class IN, and optionally an OPT record (size 1232, DO clear).
pub fn query(id: u16, flags: u16, name: &str, rtype: RecordType, edns: bool) -> Vec<u8> {
    let name: Name = name.parse().expect("a domain name");
    let mut octets = Vec::new();
    for word in [id, flags, 1, 0, 0, u16::from(edns)] {
        octets.extend_from_slice(&word.to_be_bytes());
    }
    octets.extend_from_slice(name.as_wire());
    octets.extend_from_slice(&rtype.0.to_be_bytes());
    octets.extend_from_slice(&1_u16.to_be_bytes());
    if edns {
        octets.extend_from_slice(&[0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0]);
    }
    octets
}

/// A plain recursive query with EDNS.
pub fn ask(id: u16, name: &str, rtype: RecordType) -> Vec<u8> {
    query(id, 0x0100, name, rtype, true)
}

/// Sends one datagram from `source` and waits for one reply.
pub fn udp(
    source: IpAddr,
    server: SocketAddr,
    octets: &[u8],
    patience: Duration,
) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind((source, 0)).expect("a client socket");
    socket.connect(server).expect("a connected client socket");
    socket
        .set_read_timeout(Some(patience))
        .expect("a read timeout");
    socket.send(octets).ok()?;
    let mut buffer = vec![0; 65_535];
    let length = socket.recv(&mut buffer).ok()?;
    buffer.truncate(length);
    Some(buffer)
}

/// The same from a given address and port, over a socket that takes replies from anywhere: they must come from where the query
/// went.
pub fn udp_from(
    source: SocketAddr,
    server: SocketAddr,
    octets: &[u8],
    patience: Duration,
) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    socket
        .set_read_timeout(Some(patience))
        .expect("a read timeout");
    socket.send_to(octets, server).expect("a query sent");
    let mut buffer = vec![0; 65_535];
    let (length, from) = socket.recv_from(&mut buffer).ok()?;
    assert_eq!(
        from, server,
        "the reply comes from the address that was asked"
    );
    buffer.truncate(length);
    Some(buffer)
}

/// Sends one query over a TCP connection of its own and waits for the reply.
pub fn tcp(
    source: IpAddr,
    server: SocketAddr,
    octets: &[u8],
    patience: Duration,
) -> Option<Vec<u8>> {
    let socket = socket2::Socket::new(
        socket2::Domain::for_address(server),
        socket2::Type::STREAM,
        None,
    )
    .expect("a client socket");
    socket
        .bind(&SocketAddr::new(source, 0).into())
        .expect("a bound client socket");
    socket.connect_timeout(&server.into(), patience).ok()?;
    let mut stream = TcpStream::from(socket);
    stream
        .set_read_timeout(Some(patience))
        .expect("a read timeout");
    exchange(&mut stream, octets)
}

/// Asks over an open stream.
pub fn exchange(stream: &mut TcpStream, octets: &[u8]) -> Option<Vec<u8>> {
    stream.write_all(&framed(octets)).ok()?;
    read_framed(stream)
}

/// A message with its length before it (RFC 1035 section 4.2.2).
pub fn framed(octets: &[u8]) -> Vec<u8> {
    let length = u16::try_from(octets.len()).expect("a message below 64 KiB");
    [&length.to_be_bytes(), octets].concat()
}

/// The next message of a stream, without its length.
pub fn read_framed(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut octets = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut octets).ok()?;
    Some(octets)
}

/// Asks by UDP, by TCP after TC=1, as a stub resolver does.
pub fn resolve(
    source: IpAddr,
    server: SocketAddr,
    name: &str,
    rtype: RecordType,
    patience: Duration,
) -> Option<Message> {
    udp_then_tcp(source, server, &ask(0x5375, name, rtype), patience)
}

/// Asks with DO, and with CD or without, by UDP and by TCP after TC=1.
pub fn resolve_dnssec(
    source: IpAddr,
    server: SocketAddr,
    name: &str,
    rtype: RecordType,
    checking_disabled: bool,
    patience: Duration,
) -> Option<Message> {
    let flags = if checking_disabled { 0x0110 } else { 0x0100 };
    let mut octets = query(0x5376, flags, name, rtype, true);
    // The OPT record is the last: its flags stand four octets before the end.
    let place = octets.len() - 4;
    octets[place] = 0x80;
    udp_then_tcp(source, server, &octets, patience)
}

fn udp_then_tcp(
    source: IpAddr,
    server: SocketAddr,
    octets: &[u8],
    patience: Duration,
) -> Option<Message> {
    let reply = udp(source, server, octets, patience)?;
    let reply = if reply.get(2).is_some_and(|flags| flags & 0x02 != 0) {
        tcp(source, server, octets, patience)?
    } else {
        reply
    };
    Some(Message::parse(&reply).expect("a well-formed reply"))
}

/// The extended errors of a reply (RFC 8914): code and text.
pub fn extended_errors(message: &Message) -> Vec<(u16, String)> {
    let mut rest: &[u8] = message.edns.as_ref().map_or(&[], |edns| &edns.options);
    let mut errors = Vec::new();
    while let [a, b, c, d, data @ ..] = rest {
        let (code, length) = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
        let (data, behind) = data.split_at(usize::from(length));
        if let (15, [high, low, text @ ..]) = (code, data) {
            let text = String::from_utf8_lossy(text).into_owned();
            errors.push((u16::from_be_bytes([*high, *low]), text));
        }
        rest = behind;
    }
    errors
}

/// A reply's answer as sorted text, TTLs left out: what two resolvers must agree on.
pub fn answer_text(message: &Message) -> Vec<String> {
    let mut lines: Vec<String> = message
        .answer
        .iter()
        .map(|record| {
            format!(
                "{} {} {}",
                record.owner.to_string().to_ascii_lowercase(),
                record.rtype,
                suimon::wire::text::rdata_to_text(record.rtype, &record.rdata).to_ascii_lowercase()
            )
        })
        .collect();
    lines.sort();
    lines
}
