//! How is a forward zone asked? Through hickory-resolver's pools, one server after the other until one gives an answer.
//!
//! hickory keeps the connections, the IDs and the multiplexing of TCP. Which server comes next is ours to say: its pool does
//! not go on after REFUSED or SERVFAIL, and one silent server uses up all of its time (reference/hickory.md, section 1).
//! So there is a pool for each server and transport, each attempt is charged on its own, and nothing is cached there.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ProtocolConfig, ResolveHosts, ResolverOpts,
    ServerOrderingStrategy,
};
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer};
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::{
    DnsRequest, DnsRequestOptions, Edns, Message as HickoryMessage, OpCode, Query as HickoryQuery,
    ResponseCode,
};
use hickory_resolver::proto::rr::{Name as HickoryName, RecordType as HickoryType};
use hickory_resolver::proto::serialize::binary::BinDecodable;
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig};
use smallvec::SmallVec;
use tokio::time::timeout;

use crate::config::plan::ForwardZone;
use crate::guard::permit::Budget;
use crate::sys::{clock, entropy};
use crate::wire::{Message, Name, Question, Rcode};

use super::Egress;
use super::counters::bump;
use super::exchange::{Exchanged, Failure, Lost};
use super::forward_sockets::Connections;
use super::outstanding::Ask;

/// Attempts for one question at most, over all servers and both transports: twice around three servers and some TCP.
const ATTEMPTS: u32 = 8;
/// Queries in flight on one TCP connection (parameters section 6 takes as many from clients).
const IN_FLIGHT: usize = 32;

/// hickory-resolver could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the resolver for forward zone {zone}: {reason}")]
pub struct ForwarderError {
    zone: Box<Name>,
    reason: Box<NetError>,
}

/// Asks the resolvers of one forward zone.
pub struct Forwarder {
    egress: Arc<Egress>,
    zone: Name,
    targets: Vec<Target>,
}

/// One resolver, over either transport.
struct Target {
    server: SocketAddr,
    udp: NameServerPool<Connections>,
    tcp: NameServerPool<Connections>,
}

/// What one attempt brought.
enum Outcome {
    /// Something that answers the question: records, NODATA, NXDOMAIN.
    Answer(Box<Message>, usize),
    /// An error code; another server may know better.
    Error(ResponseCode),
    /// Worth asking again over TCP.
    AskByTcp,
    /// Nothing.
    Lost(Lost),
}

impl Forwarder {
    /// Sets up pools; nothing is connected yet. Own addresses and `never_ask` are left out of `zone.servers` when asking.
    ///
    /// # Errors
    /// When hickory-resolver cannot make a TLS configuration (never without TLS).
    pub fn new(zone: &ForwardZone, egress: &Arc<Egress>) -> Result<Self, ForwarderError> {
        let target = |server: SocketAddr| -> Result<Target, NetError> {
            Ok(Target {
                server,
                udp: pool(server, ProtocolConfig::Udp, egress)?,
                tcp: pool(server, ProtocolConfig::Tcp, egress)?,
            })
        };
        let targets: Result<Vec<_>, _> = zone.servers.iter().copied().map(target).collect();
        Ok(Self {
            egress: Arc::clone(egress),
            zone: zone.zone.clone(),
            targets: targets.map_err(|reason| ForwarderError {
                zone: Box::new(zone.zone.clone()),
                reason: Box::new(reason),
            })?,
        })
    }

    /// Asks one server after the other, with RD=1, until one answers: with records, NODATA or NXDOMAIN. REFUSED, SERVFAIL and
    /// other errors, silence and network errors lead to the next; those that kept silent get a second turn. If all that was
    /// heard is an error, that is the reply. Each query sent is charged first.
    pub async fn ask(
        &self,
        question: &Question,
        dnssec_ok: bool,
        checking_disabled: bool,
        budget: &mut Budget,
    ) -> Exchanged {
        let egress = &*self.egress;
        let usable: SmallVec<[SocketAddr; 8]> = self
            .targets
            .iter()
            .map(|target| target.server)
            .filter(|server| egress.permitted.may_ask(*server, true))
            .collect();
        let mut left = usable.clone();
        let mut silent: SmallVec<[SocketAddr; 8]> = SmallVec::new();
        let mut last = Exchanged::Failed {
            server: None,
            failure: Failure::NoUsableServer,
        };
        let mut attempts = ATTEMPTS;
        while attempts > 0 {
            if left.is_empty() {
                left = std::mem::take(&mut silent);
            }
            let choice =
                egress
                    .servers
                    .choose(&left, &self.zone, clock::now(), &mut entropy::csprng());
            let Some(choice) = choice else { break };
            let Some(target) = self.targets.iter().find(|one| one.server == choice.server) else {
                break;
            };
            if !silent.is_empty()
                && let Some(reason) = budget.stops(&question.name, clock::now())
            {
                return Exchanged::Failed {
                    server: None,
                    failure: Failure::Denied(reason),
                };
            }
            let alone = left.len() == 1;
            left.retain(|server| *server != choice.server);
            let mut asking = Asking {
                egress,
                target,
                question,
                wait: if alone {
                    egress.plan.tcp_timeout
                } else {
                    egress.plan.max_timeout
                },
                edns: choice.edns,
                dnssec_ok,
                checking_disabled,
                attempts: &mut attempts,
            };
            match asking.run(budget).await {
                reply @ Exchanged::Reply { .. } if is_answer(&reply) => return reply,
                reply @ Exchanged::Reply { .. } => last = reply,
                exhausted @ Exchanged::Failed {
                    failure: Failure::Exhausted(_),
                    ..
                } => return exhausted,
                failed => {
                    silent.push(choice.server);
                    if matches!(last, Exchanged::Failed { .. }) {
                        last = failed;
                    }
                }
            }
        }
        if usable.is_empty() {
            bump(&egress.counters.no_usable_server);
        }
        last
    }
}

impl std::fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let servers: Vec<_> = self.targets.iter().map(|target| target.server).collect();
        f.debug_struct("Forwarder")
            .field("zone", &self.zone)
            .field("servers", &servers)
            .finish_non_exhaustive()
    }
}

/// One question to one server: UDP, then perhaps TCP, with EDNS and then perhaps without.
struct Asking<'a> {
    egress: &'a Egress,
    target: &'a Target,
    question: &'a Question,
    wait: Duration,
    edns: bool,
    dnssec_ok: bool,
    checking_disabled: bool,
    attempts: &'a mut u32,
}

impl Asking<'_> {
    async fn run(&mut self, budget: &mut Budget) -> Exchanged {
        let server = self.target.server;
        let noted = self.egress.outstanding.note(
            self.question,
            Ask {
                server,
                marker: None,
                client: budget.client(),
            },
        );
        let mut tcp = false;
        let mut refused_edns = false;
        loop {
            let sent = clock::now();
            let outcome = self.once(tcp, budget).await;
            let now = clock::now();
            let (message, bytes) = match outcome {
                Outcome::Answer(message, bytes) => (message, bytes),
                Outcome::Error(
                    ResponseCode::FormErr | ResponseCode::NotImp | ResponseCode::BADVERS,
                ) if self.edns => {
                    bump(&self.egress.counters.edns_fallback);
                    self.edns = false;
                    refused_edns = true;
                    continue;
                }
                Outcome::Error(code) => (Box::new(error(self.question, code)), 0),
                Outcome::AskByTcp if !tcp => {
                    tcp = true;
                    continue;
                }
                Outcome::AskByTcp => return failed(server, Failure::BadReply),
                Outcome::Lost(lost) => {
                    if matches!(lost, Lost::Timeout { .. }) {
                        if lost == (Lost::Timeout { blame: true }) {
                            noted.unanswered();
                        }
                        bump(&self.egress.counters.timeouts);
                        if !tcp {
                            let servers = &self.egress.servers;
                            servers.note_timeout(server, sent, self.edns, now);
                        }
                    } else if lost == Lost::Network {
                        bump(&self.egress.counters.network_errors);
                    }
                    return failed(server, lost.failure());
                }
            };
            noted.answered();
            let rtt = now.since(sent);
            budget.note_bytes(bytes);
            self.egress.counters.note_reply(bytes);
            if tcp {
                self.egress
                    .servers
                    .note_reply_by_tcp(server, self.edns, now);
            } else {
                self.egress.servers.note_reply(server, rtt, self.edns, now);
            }
            if refused_edns && message.rcode() != Rcode::FORMERR {
                self.egress.servers.note_plain(server, now);
            }
            return Exchanged::Reply {
                server,
                tcp,
                message,
                bytes,
                rtt,
            };
        }
    }

    /// One query.
    async fn once(&mut self, tcp: bool, budget: &mut Budget) -> Outcome {
        let Some(attempts) = self.attempts.checked_sub(1) else {
            return Outcome::Lost(Lost::Timeout { blame: false });
        };
        *self.attempts = attempts;
        let Some(request) = self.request() else {
            return Outcome::Lost(Lost::BadReply);
        };
        let wait = self.wait.min(budget.time_left(clock::now()));
        if let Err(lost) = self.egress.charge(budget) {
            return Outcome::Lost(lost);
        }
        bump(&self.egress.counters.forwarded);
        let pool = if tcp {
            bump(&self.egress.counters.tcp);
            &self.target.tcp
        } else {
            &self.target.udp
        };
        match timeout(wait, pool.send(request).first_answer()).await {
            Err(_) => Outcome::Lost(Lost::Timeout { blame: true }),
            Ok(Ok(response)) => self.read(response.as_buffer()),
            Ok(Err(NetError::Dns(DnsError::ResponseCode(code)))) => Outcome::Error(code),
            Ok(Err(NetError::Dns(DnsError::NoRecordsFound(negative)))) => {
                match rebuilt(&negative) {
                    Some(octets) => self.read(&octets),
                    None => Outcome::Lost(Lost::BadReply),
                }
            }
            Ok(Err(NetError::Timeout)) => Outcome::Lost(Lost::Timeout { blame: true }),
            // Cut off, unreadable, or a smell of forgery (`forward_sockets`): TCP tells.
            Ok(Err(NetError::Truncated)) => {
                bump(&self.egress.counters.truncated);
                Outcome::AskByTcp
            }
            Ok(Err(NetError::Proto(_) | NetError::ForeignClassRecord { .. })) => {
                bump(&self.egress.counters.doubted);
                Outcome::AskByTcp
            }
            // hickory makes `NoConnections` of what the network says.
            Ok(Err(_)) => Outcome::Lost(Lost::Network),
        }
    }

    fn request(&self) -> Option<DnsRequest> {
        let name = HickoryName::from_bytes(self.question.name.as_wire()).ok()?;
        let mut message = HickoryMessage::query();
        message.add_query(HickoryQuery::query(
            name,
            HickoryType::from(self.question.rtype.0),
        ));
        message.metadata.recursion_desired = true;
        message.metadata.checking_disabled = self.checking_disabled;
        if self.edns {
            let mut edns = Edns::new();
            edns.set_max_payload(self.egress.plan.edns_size)
                .set_dnssec_ok(self.dnssec_ok);
            message.edns = Some(edns);
        }
        let mut options = DnsRequestOptions::default();
        options.use_edns = self.edns;
        options.edns_payload_len = self.egress.plan.edns_size;
        options.edns_set_dnssec_ok = self.dnssec_ok;
        Some(DnsRequest::new(message, options))
    }

    /// hickory compares the ID, over TCP alone; the question is compared here for both.
    fn read(&self, octets: &[u8]) -> Outcome {
        match Message::parse(octets) {
            Ok(message)
                if message
                    .question
                    .as_ref()
                    .is_some_and(|(question, _)| question == self.question) =>
            {
                Outcome::Answer(Box::new(message), octets.len())
            }
            _ => Outcome::AskByTcp,
        }
    }
}

/// A pool of one server over one transport: hickory's cache is not part of it, nor are /etc/hosts and search lists.
fn pool(
    server: SocketAddr,
    protocol: ProtocolConfig,
    egress: &Arc<Egress>,
) -> Result<NameServerPool<Connections>, NetError> {
    let mut connection = ConnectionConfig::new(protocol);
    connection.port = server.port();
    let source = egress.sockets.source(server.ip());
    connection.bind_addr = (!source.ip().is_unspecified()).then_some(source);
    let mut options = ResolverOpts::default();
    options.timeout = egress.plan.tcp_timeout;
    options.attempts = 1;
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.num_concurrent_reqs = 1;
    options.max_active_requests = IN_FLIGHT;
    options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
    options.edns_payload_len = egress.plan.edns_size;
    let context = Arc::new(PoolContext::new(options, TlsConfig::new()?));
    let config = NameServerConfig::new(server.ip(), true, vec![connection]);
    Ok(NameServerPool::from_config(
        [config],
        context,
        Connections::new(egress),
    ))
}

/// hickory turns NODATA and NXDOMAIN into an error that keeps code and authority section: made a message again.
fn rebuilt(negative: &NoRecords) -> Option<Vec<u8>> {
    let mut message = HickoryMessage::response(0, OpCode::Query);
    message.metadata.response_code = negative.response_code;
    message.metadata.recursion_desired = true;
    message.metadata.recursion_available = true;
    message.add_query((*negative.query).clone());
    if let Some(authorities) = &negative.authorities {
        message.authorities.extend(authorities.iter().cloned());
    }
    message.to_vec().ok()
}

/// An error code as a reply without records.
fn error(question: &Question, code: ResponseCode) -> Message {
    use crate::wire::{Class, Edns as WireEdns, Flags, Header};
    let code = u16::from(code);
    Message {
        header: Header {
            flags: Flags::default()
                .with_qr(true)
                .with_rd(true)
                .with_rcode(Rcode(code)),
            qdcount: 1,
            ..Header::default()
        },
        question: Some((question.clone(), Class::IN)),
        answer: Vec::new(),
        authority: Vec::new(),
        additional: Vec::new(),
        edns: (code > 15).then(|| WireEdns {
            udp_size: 512,
            version: 0,
            dnssec_ok: false,
            extended_rcode: u8::try_from(code >> 4).unwrap_or(0),
            options: Box::default(),
        }),
    }
}

fn failed(server: SocketAddr, failure: Failure) -> Exchanged {
    Exchanged::Failed {
        server: Some(server),
        failure,
    }
}

/// Whether a resolver has really answered.
fn is_answer(reply: &Exchanged) -> bool {
    matches!(reply, Exchanged::Reply { message, .. }
        if matches!(message.rcode(), Rcode::NOERROR | Rcode::NXDOMAIN | Rcode::YXDOMAIN))
}
