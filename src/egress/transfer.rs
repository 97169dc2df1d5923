//! How is a whole zone had? A zone transfer over TCP (AXFR, RFC 5936), bounded in octets, records and time.

use std::net::SocketAddr;
use std::time::Duration;

use rand::RngExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::Egress;
use super::counters::bump;
use super::exchange::Lost;
use super::tcp::frame;
use crate::guard::permit::{Budget, Exhausted};
use crate::sys::entropy;
use crate::wire::writer::write_query;
use crate::wire::{Class, Flags, Message, Name, Question, Rcode, Record, RecordType, rdata};

/// What one transfer may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferLimits {
    /// Octets of all messages together.
    pub bytes: u64,
    /// Records.
    pub records: usize,
    /// Time, connecting included.
    pub time: Duration,
}

/// What came of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transferred {
    /// The server's serial is not newer than the one given.
    NothingNew(u32),
    /// The records of the zone, its SOA once, in the order in which they came.
    Zone(Vec<Record>),
}

/// Why there is no zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferFailure {
    /// The server may not be asked: family off, ourselves, forbidden.
    #[error("it may not be asked (egress.never_ask, egress.ipv4, egress.ipv6, or it is this host)")]
    NotPermitted,
    /// No socket was free.
    #[error("no socket is free")]
    NoSocket,
    /// The network said no, or the connection ended before the zone did.
    #[error("the network refused, or the connection ended too early")]
    Network,
    /// It took too long.
    #[error("it takes too long (local_root.transfer_time)")]
    Timeout,
    /// The server said no.
    #[error("it answered {0}")]
    Refused(Rcode),
    /// What came is no zone transfer.
    #[error("{0}")]
    Malformed(&'static str),
    /// More octets than are taken.
    #[error("the zone is larger than local_root.max_size")]
    TooManyOctets,
    /// More records than are taken.
    #[error("the zone has more records than local_root.max_records")]
    TooManyRecords,
    /// The budget allows no packet.
    #[error("{}", .0.sentence())]
    Exhausted(Exhausted),
}

impl Egress {
    /// Asks `server` for all of `zone`, unless its serial is not newer than `have`. At most two questions, on one
    /// connection, each charged before it is sent. `server` is one that the operator wrote down.
    ///
    /// Nothing is proven by it: whoever sits on the path may have written what comes.
    ///
    /// # Errors
    /// The first thing that goes wrong.
    pub async fn transfer(
        &self,
        server: SocketAddr,
        zone: &Name,
        have: Option<u32>,
        limits: &TransferLimits,
        budget: &mut Budget,
    ) -> Result<Transferred, TransferFailure> {
        if !self.permitted.may_ask(server, true) {
            bump(&self.counters.no_usable_server);
            return Err(TransferFailure::NotPermitted);
        }
        let deadline = Instant::now() + limits.time;
        let Some(_permit) = self.sockets.permit(deadline).await else {
            bump(&self.counters.no_socket);
            return Err(TransferFailure::NoSocket);
        };
        let talk = async {
            self.pay(budget)?;
            let connected = self.sockets.tcp(server).await;
            let mut stream = connected.map_err(|_| TransferFailure::Network)?;
            if let Some(have) = have {
                let serial = serial(&mut stream, zone, budget).await?;
                if serial.wrapping_sub(have).cast_signed() <= 0 {
                    return Ok(Transferred::NothingNew(serial));
                }
                self.pay(budget)?;
            }
            let records = whole(&mut stream, zone, limits, budget).await?;
            Ok(Transferred::Zone(records))
        };
        let came = timeout_at(deadline, talk)
            .await
            .unwrap_or(Err(TransferFailure::Timeout));
        match came {
            Err(TransferFailure::Timeout) => bump(&self.counters.timeouts),
            Err(TransferFailure::Network) => bump(&self.counters.network_errors),
            _ => {}
        }
        came
    }

    fn pay(&self, budget: &mut Budget) -> Result<(), TransferFailure> {
        bump(&self.counters.tcp);
        self.charge(budget).map_err(|lost| match lost {
            Lost::Exhausted(limit) => TransferFailure::Exhausted(limit),
            _ => TransferFailure::Network,
        })
    }
}

/// The serial the server has.
async fn serial(
    stream: &mut TcpStream,
    zone: &Name,
    budget: &mut Budget,
) -> Result<u32, TransferFailure> {
    let question = Question::new(zone.clone(), RecordType::SOA);
    let id = send(stream, &question).await?;
    let octets = receive(stream, budget).await?;
    let message = part_of(&octets, id, &question, true)?;
    let soa = message
        .answer
        .iter()
        .find(|record| record.rtype == RecordType::SOA && record.owner == *zone);
    soa.and_then(|soa| rdata::soa_serial(&soa.rdata))
        .ok_or(TransferFailure::Malformed("it did not answer the SOA"))
}

/// All records of the zone.
async fn whole(
    stream: &mut TcpStream,
    zone: &Name,
    limits: &TransferLimits,
    budget: &mut Budget,
) -> Result<Vec<Record>, TransferFailure> {
    let question = Question::new(zone.clone(), RecordType::AXFR);
    let id = send(stream, &question).await?;
    let mut transfer = Transfer::new(id, question, *limits);
    loop {
        let octets = receive(stream, budget).await?;
        if let Some(records) = transfer.take(&octets)? {
            return Ok(records);
        }
    }
}

async fn send(stream: &mut TcpStream, question: &Question) -> Result<u16, TransferFailure> {
    let id = entropy::csprng().random();
    let mut packet = vec![0; 2];
    let mut query = Vec::with_capacity(64);
    write_query(&mut query, id, Flags::default(), question, None);
    let length = u16::try_from(query.len()).map_err(|_| TransferFailure::Network)?;
    packet.splice(..2, length.to_be_bytes());
    packet.extend_from_slice(&query);
    let sent = stream.write_all(&packet).await;
    sent.map(|()| id).map_err(|_| TransferFailure::Network)
}

async fn receive(stream: &mut TcpStream, budget: &mut Budget) -> Result<Vec<u8>, TransferFailure> {
    let octets = frame(stream).await.map_err(|_| TransferFailure::Network)?;
    budget.note_bytes(octets.len());
    Ok(octets)
}

/// One message of the reply, if it is one (RFC 5936 section 2.2): the ID, the question (which only the first has to repeat), no
/// error.
fn part_of(
    octets: &[u8],
    id: u16,
    question: &Question,
    first: bool,
) -> Result<Message, TransferFailure> {
    let bad = |why| Err(TransferFailure::Malformed(why));
    let Ok(message) = Message::parse(octets) else {
        return bad("it sent a message that cannot be read");
    };
    let flags = message.header.flags;
    if message.header.id != id || !flags.qr() || flags.opcode() != 0 {
        return bad("it sent a message that answers something else");
    }
    if message.rcode() != Rcode::NOERROR {
        return Err(TransferFailure::Refused(message.rcode()));
    }
    let repeats = match &message.question {
        Some((asked, class)) => asked == question && *class == Class::IN,
        None => !first,
    };
    if !repeats {
        return bad("it answered another question");
    }
    if flags.tc() {
        return bad("it sent a truncated message");
    }
    Ok(message)
}

/// A transfer under way.
#[derive(Debug)]
struct Transfer {
    id: u16,
    question: Question,
    limits: TransferLimits,
    octets: u64,
    records: Vec<Record>,
}

impl Transfer {
    const fn new(id: u16, question: Question, limits: TransferLimits) -> Self {
        Self {
            id,
            question,
            limits,
            octets: 0,
            records: Vec::new(),
        }
    }

    /// Takes in one message; all records with the last (RFC 5936 section 2.2: the SOA is the first record and the last).
    fn take(&mut self, octets: &[u8]) -> Result<Option<Vec<Record>>, TransferFailure> {
        let bad = |why| Err(TransferFailure::Malformed(why));
        self.octets += u64::try_from(octets.len()).unwrap_or(u64::MAX);
        if self.octets > self.limits.bytes {
            return Err(TransferFailure::TooManyOctets);
        }
        let first = self.records.is_empty();
        let message = part_of(octets, self.id, &self.question, first)?;
        if message.answer.is_empty() {
            return bad("it sent a message without records");
        }
        let zone = self.question.name.clone();
        let mut records = message.answer.into_iter();
        while let Some(record) = records.next() {
            if record.class != Class::IN || !record.owner.is_within(&zone) {
                return bad("it sent a record that is not in the zone");
            }
            let is_soa = record.rtype == RecordType::SOA && record.owner == zone;
            match self.records.first() {
                None if !is_soa => return bad("its first record is not the SOA"),
                Some(soa) if is_soa && soa.rdata != record.rdata => {
                    return bad("the SOA at the end is not the one at the beginning");
                }
                Some(_) if is_soa => {
                    return match records.next() {
                        None => Ok(Some(std::mem::take(&mut self.records))),
                        Some(_) => bad("something follows the SOA at the end"),
                    };
                }
                _ => {}
            }
            if self.records.len() >= self.limits.records {
                return Err(TransferFailure::TooManyRecords);
            }
            self.records.push(record);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
