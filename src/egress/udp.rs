//! What does a query over UDP hear? Everything that arrives is looked at until the reply comes or the time is up.
//!
//! A wrong datagram never ends the wait (TuDoor; draft-li-dnsop-response-preprocessing). One with a wrong ID means that
//! somebody guesses, so the same question goes over TCP, where guessing is in vain; what UDP brings meanwhile is kept
//! aside and used only if TCP brings nothing. More than 32 wrong ones close the UDP side.

use std::cell::RefCell;
use std::io;

use tokio::time::{Instant, sleep_until};

use crate::guard::permit::Budget;
use crate::sys::clock;
use crate::sys::entropy;

use super::Egress;
use super::counters::bump;
use super::exchange::{Attempt, Heard, Lost};
use super::late::{Ear, LateReplies};
use super::matching::{Mismatch, Seen};
use super::sockets::readable;

thread_local! {
    /// Any datagram fits, whatever size we advertised (test-hooks.md 13).
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 65_535]);
}

/// Why listening ended.
enum Ended {
    /// With the reply.
    Reply(Heard),
    /// With TC=1, after so many octets.
    Truncated(usize),
    /// With a reason to ask over TCP; more may be heard.
    Doubted,
    /// With more wrong datagrams than anybody honest sends.
    Flooded,
    /// With nothing, or only rubbish under the right ID.
    Silence { rubbish: bool },
    /// With an error from the network.
    Refused,
}

/// One query's ear.
struct Listener<'a> {
    egress: &'a Egress,
    ear: Ear,
    /// That of an earlier datagram which asked the same.
    earlier: Option<Ear>,
    deadline: Instant,
    discarded: u32,
    rubbish: bool,
    /// Something fitted but for its cookie.
    wrong_cookie: bool,
}

impl Egress {
    /// One datagram, and what follows from the replies to it.
    pub(super) async fn by_udp(
        &self,
        attempt: &Attempt,
        late: Option<&LateReplies>,
        budget: &mut Budget,
    ) -> Result<Heard, Lost> {
        let wait = attempt.timeout.min(budget.time_left(clock::now()));
        let deadline = Instant::now() + wait;
        let Some(permit) = self.sockets.permit(deadline).await else {
            bump(&self.counters.no_socket);
            return Err(Lost::Network);
        };
        let socket = self
            .sockets
            .udp(attempt.server, &self.counters, &mut entropy::csprng())
            .map_err(|_| Lost::Unsent)?;
        self.charge(budget)?;
        let sent = clock::now();
        socket
            .send(&attempt.packet)
            .await
            .map_err(|_| Lost::Network)?;
        let mut listener = Listener {
            egress: self,
            ear: Ear {
                socket,
                attempt: attempt.clone(),
                sent,
                _permit: permit,
            },
            earlier: late.and_then(|late| late.take(attempt.server, attempt.question())),
            deadline: Instant::now() + wait,
            discarded: 0,
            rubbish: false,
            wrong_cookie: false,
        };
        match listener.listen(true).await {
            Ended::Reply(heard) => {
                budget.note_bytes(heard.bytes);
                Ok(heard)
            }
            Ended::Truncated(bytes) => {
                bump(&self.counters.truncated);
                budget.note_bytes(bytes);
                drop(listener);
                self.by_tcp(attempt, budget).await
            }
            Ended::Flooded => {
                bump(&self.counters.doubted);
                let wrong_cookie = listener.wrong_cookie;
                drop(listener);
                let heard = self.by_tcp(attempt, budget).await?;
                Ok(Heard {
                    wrong_cookie,
                    ..heard
                })
            }
            Ended::Doubted => {
                bump(&self.counters.doubted);
                self.by_tcp_with_ear(attempt, &mut listener, budget).await
            }
            Ended::Silence { rubbish: true } => Err(Lost::BadReply),
            // A wait that the budget cut short says nothing about the server.
            Ended::Silence { rubbish: false } => {
                if let Some(late) = late.filter(|_| self.sockets.has_plenty()) {
                    late.keep(listener.ear);
                }
                Err(Lost::Timeout {
                    blame: wait == attempt.timeout,
                })
            }
            Ended::Refused => Err(Lost::Network),
        }
    }

    /// Asks over TCP while UDP is still listened to.
    async fn by_tcp_with_ear(
        &self,
        attempt: &Attempt,
        listener: &mut Listener<'_>,
        budget: &mut Budget,
    ) -> Result<Heard, Lost> {
        let mut aside = None;
        let by_tcp = {
            let mut heard_all = false;
            let by_tcp = self.by_tcp(attempt, budget);
            let by_udp = listener.listen(false);
            tokio::pin!(by_tcp, by_udp);
            let outcome = loop {
                tokio::select! {
                    biased;
                    outcome = &mut by_tcp => break outcome,
                    ended = &mut by_udp, if !heard_all => {
                        heard_all = true;
                        aside = Some(ended);
                    }
                }
            };
            if outcome.is_err() && !heard_all {
                aside = Some(by_udp.await);
            }
            outcome
        };
        match (by_tcp, aside) {
            (Ok(heard), _) => Ok(Heard {
                wrong_cookie: listener.wrong_cookie,
                ..heard
            }),
            (Err(_), Some(Ended::Reply(heard))) => {
                budget.note_bytes(heard.bytes);
                Ok(heard)
            }
            (Err(Lost::Exhausted(limit)), _) => Err(Lost::Exhausted(limit)),
            // Where so much was discarded that listening ended, the right answer may be among what was not heard.
            (Err(_), ended) if listener.wrong_cookie && !matches!(ended, Some(Ended::Flooded)) => {
                Err(Lost::Cookie)
            }
            // Somebody else was at work: no fault of the server's.
            (Err(_), _) => Err(Lost::Timeout { blame: false }),
        }
    }
}

impl Listener<'_> {
    /// Listens until the deadline. `wary`: the first sign of forgery ends it.
    async fn listen(&mut self, wary: bool) -> Ended {
        let most = self.egress.plan.discarded_replies;
        loop {
            let seen = match self.next().await {
                Ok(Some(seen)) => seen,
                Ok(None) => {
                    return Ended::Silence {
                        rubbish: self.rubbish,
                    };
                }
                Err(_) => return Ended::Refused,
            };
            let why = match seen {
                (Seen::Reply(message), bytes, earlier) => {
                    let ear = if earlier { self.earlier.as_ref() } else { None };
                    let ear = ear.unwrap_or(&self.ear);
                    return Ended::Reply(Heard {
                        message,
                        bytes,
                        rtt: clock::now().since(ear.sent),
                        tcp: false,
                        edns: ear.attempt.edns,
                        cookie: ear.attempt.cookie.clone(),
                        wrong_cookie: self.wrong_cookie,
                    });
                }
                (Seen::Truncated, bytes, _) => return Ended::Truncated(bytes),
                (Seen::Discard(why), ..) => why,
            };
            let server = &self.ear.attempt.server;
            self.egress.counters.note_discarded_datagram(why, server);
            self.rubbish |= why == Mismatch::Malformed;
            self.wrong_cookie |= why == Mismatch::Cookie;
            self.discarded = self.discarded.saturating_add(1);
            if self.discarded > most {
                return Ended::Flooded;
            }
            if wary && why.smells_of_forgery() {
                return Ended::Doubted;
            }
        }
    }

    /// The next datagram, looked at where it lies, and whether it came to the earlier ear; nothing when the time is up.
    async fn next(&mut self) -> io::Result<Option<(Seen, usize, bool)>> {
        loop {
            let earlier = async {
                match &self.earlier {
                    Some(ear) => readable(&ear.socket).await,
                    None => std::future::pending().await,
                }
            };
            let (ready, at_earlier) = tokio::select! {
                biased;
                ready = readable(&self.ear.socket) => (ready, false),
                ready = earlier => (ready, true),
                () = sleep_until(self.deadline) => return Ok(None),
            };
            let ear = if at_earlier {
                self.earlier.as_ref()
            } else {
                Some(&self.ear)
            };
            let read = match (ready, ear) {
                (Ok(()), Some(ear)) => ear.read(),
                (Err(error), _) => Err(error),
                (Ok(()), None) => continue,
            };
            match read {
                Ok((seen, length)) => return Ok(Some((seen, length, at_earlier))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Its datagram was given up already.
                Err(_) if at_earlier => self.earlier = None,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Ear {
    fn read(&self) -> io::Result<(Seen, usize)> {
        SCRATCH.with_borrow_mut(|scratch| {
            let length = self.socket.try_recv(scratch)?;
            let datagram = scratch.get(..length).unwrap_or_default();
            Ok((self.attempt.examine(datagram, false), length))
        })
    }
}
