//! What does the path itself cost? The loop of a UDP worker with nothing in it: the same calls, the same batches.

use std::net::SocketAddr;
use std::time::Duration;

use suimon::sys::send_batch::SendBatch;
use suimon::sys::udp::{ReceiveBatch, UdpListener};
use suimon::sys::wake::{Wake, wait};

/// Sends every datagram back with QR set, for ever.
pub fn serve(address: SocketAddr) -> ! {
    let listener = UdpListener::bind(address, 4 << 20).expect("the echo's address");
    let wake = Wake::new().expect("an event descriptor");
    let mut batch = ReceiveBatch::new();
    let mut replies = SendBatch::new();
    println!("echo: ready");
    loop {
        wait(&wake, &[&listener], Duration::from_secs(1)).expect("poll");
        // As ingress/udp.rs: at most eight batches before the next look at the others.
        for _ in 0..8 {
            let Ok(full) = listener.receive(&mut batch) else {
                break;
            };
            for datagram in batch.datagrams(&listener) {
                if replies.is_full() {
                    replies.flush(&listener);
                }
                let Some(reply) = replies.next_buffer() else {
                    continue;
                };
                reply.extend_from_slice(datagram.bytes);
                if let Some(flags) = reply.get_mut(2) {
                    *flags |= 0x80;
                }
                replies.commit(datagram.source, datagram.local.ip());
            }
            replies.flush(&listener);
            if !full {
                break;
            }
        }
    }
}
