//! What does a query over TCP hear? One connection, one question, one deadline (RFC 7766).

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::guard::permit::Budget;
use crate::sys::clock;

use super::Egress;
use super::counters::bump;
use super::exchange::{Attempt, Heard, Lost};
use super::matching::Seen;

/// Memory set aside for a reply before its octets are there, whatever length it claims.
const RESERVE: usize = 4_096;

impl Egress {
    /// One question over a connection of its own.
    pub(super) async fn by_tcp(
        &self,
        attempt: &Attempt,
        budget: &mut Budget,
    ) -> Result<Heard, Lost> {
        let wait = self.plan.tcp_timeout.min(budget.time_left(clock::now()));
        let deadline = Instant::now() + wait;
        let Some(_permit) = self.sockets.permit(deadline).await else {
            bump(&self.counters.no_socket);
            return Err(Lost::Network);
        };
        self.charge(budget)?;
        bump(&self.counters.tcp);
        let talk = async {
            let stream = self
                .sockets
                .tcp(attempt.server)
                .await
                .map_err(|_| Lost::Network)?;
            self.converse(stream, attempt, budget).await
        };
        timeout_at(deadline, talk)
            .await
            .unwrap_or(Err(Lost::Timeout { blame: false }))
    }

    async fn converse(
        &self,
        mut stream: TcpStream,
        attempt: &Attempt,
        budget: &mut Budget,
    ) -> Result<Heard, Lost> {
        let length = u16::try_from(attempt.packet.len()).map_err(|_| Lost::Unsent)?;
        let mut framed = Vec::with_capacity(attempt.packet.len() + 2);
        framed.extend_from_slice(&length.to_be_bytes());
        framed.extend_from_slice(&attempt.packet);
        let sent = clock::now();
        stream.write_all(&framed).await.map_err(|_| Lost::Network)?;

        let mut rubbish = false;
        for _ in 0..=self.plan.discarded_replies {
            let Ok(octets) = frame(&mut stream).await else {
                break;
            };
            budget.note_bytes(octets.len());
            match attempt.examine(&octets, true) {
                Seen::Reply(message) => {
                    return Ok(Heard {
                        message,
                        bytes: octets.len(),
                        rtt: clock::now().since(sent),
                        tcp: true,
                        edns: attempt.edns,
                        cookie: attempt.cookie.clone(),
                        wrong_cookie: false,
                    });
                }
                // A stream holds any reply; a server that cuts this one has no whole one.
                Seen::Truncated => return Err(Lost::BadReply),
                Seen::Discard(why) => {
                    self.counters.note_discarded(why);
                    rubbish = true;
                }
            }
        }
        Err(if rubbish {
            Lost::BadReply
        } else {
            Lost::Network
        })
    }
}

/// One message of the stream (RFC 1035 section 4.2.2).
pub(super) async fn frame(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut octets = Vec::with_capacity(usize::from(length).min(RESERVE));
    stream
        .take(u64::from(length))
        .read_to_end(&mut octets)
        .await?;
    if octets.len() < usize::from(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(octets)
}
