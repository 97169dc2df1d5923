//! Frames with whatever source address: what a forger on the same wire sends.

use std::net::SocketAddr;

use super::{Lab, Ns};

/// Its arguments: the device, the receiver's link address, source, server and its port, kind, source port (0: each frame another),
/// number of frames, and the datagram in hexadecimal, whose first two octets are each frame's number.
const FRAMES: &str = r"
import socket, struct, sys
dev, to_mac, source, server, to_port, kind, first, count, octets = sys.argv[1:10]
to_port, count, octets = int(to_port), int(count), bytes.fromhex(octets)
family = socket.AF_INET6 if ':' in source else socket.AF_INET
source, server = (socket.inet_pton(family, a) for a in (source, server))
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sender.bind((dev, 0))
mac = bytes.fromhex(to_mac.replace(':', '')) + sender.getsockname()[4]

def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff

for number in range(count):
    port = int(first) or 20000 + number
    if kind == 'udp':
        protocol, place = 17, 6
        body = struct.pack('!HHHH', port, to_port, 8 + len(octets), 0) + (struct.pack('!H', number) + octets[2:])
    else:
        protocol, place = 6, 16
        body = struct.pack('!HHIIBBHHH', port, to_port, number, 0, 5 << 4, 2, 64000, 0, 0)
    pseudo = source + server + struct.pack('!II', len(body), protocol)
    body = body[:place] + struct.pack('!H', checksum(pseudo + body) or 0xffff) + body[place + 2:]
    if family == socket.AF_INET:
        head = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(body), number, 0, 64, protocol, 0) + source + server
        head = head[:10] + struct.pack('!H', checksum(head)) + head[12:]
        frame = mac + b'\x08\x00' + head + body
    else:
        head = struct.pack('!IHBB', 6 << 28, len(body), protocol, 64) + source + server
        frame = mac + b'\x86\xdd' + head + body
    sender.send(frame)
";

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub struct Frames<'a> {
    /// `udp`, or `tcp` for a SYN.
    pub kind: &'a str,
    /// The address that they claim to come from.
    pub source: &'a str,
    /// The port likewise; without one, each frame has another.
    pub port: Option<u16>,
    /// Where they go.
    pub server: SocketAddr,
    /// How many.
    pub count: usize,
    /// The datagram.
    pub octets: &'a [u8],
}

impl Frames<'_> {
    /// Sends them from a device of one namespace to a device of another on the same link.
    pub fn send(&self, lab: &Lab, (from, out): (&Ns, &str), (to, into): (&Ns, &str)) {
        let script = lab.file("frames.py", FRAMES);
        let mac = to.run(&["cat", &format!("/sys/class/net/{into}/address")]);
        let octets: String = self
            .octets
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        from.run(&[
            "python3",
            script.to_str().expect("a plain path"),
            out,
            mac.trim(),
            self.source,
            &self.server.ip().to_string(),
            &self.server.port().to_string(),
            self.kind,
            &self.port.unwrap_or(0).to_string(),
            &self.count.to_string(),
            &octets,
        ]);
    }
}
