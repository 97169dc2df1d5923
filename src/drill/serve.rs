//! How do the plans of servers become sockets that answer?

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, Metadata, ResponseCode};
use hickory_proto::rr::{LowerName, Name};
use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{
    AxfrPolicy, Catalog, MessageResponseBuilder, ZoneHandler, ZoneType,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use super::attack::{self, Part, StandIn, Throttle};
use super::message::answering_edns;
use super::queries::Queries;
use super::villains::{Act, Memory, Villain};
use super::world::{Role, ServerId, ServerPlan};
use super::zones::Zones;

/// An idle TCP connection to a drill server is closed after this; resolvers keep theirs shorter.
const TCP_IDLE: Duration = Duration::from_secs(10);
/// Replies queued per TCP connection in hickory-server.
const TCP_BUFFER: usize = 64;
/// UDP payload size honest servers stop at, octets (RFC 9715).
const HONEST_PAYLOAD: u16 = 1232;

/// The sockets of one server, bound before anything runs.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) udp: UdpSocket,
    pub(super) tcp: Option<TcpListener>,
    pub(super) stand_in: Option<StandIn>,
}

/// A running server.
pub(super) enum Running {
    /// hickory-server with one of our handlers.
    Honest(Box<Server<Honest>>),
    /// Our own loops; dropped tasks end.
    Villain(JoinSet<()>),
    /// A thread of the attack's.
    Stage(attack::servers::Stage),
}

/// What hickory-server calls for each query: counts, then answers from the catalog or from the zones.
pub(super) struct Honest {
    id: ServerId,
    queries: Arc<Queries>,
    book: Book,
}

enum Book {
    Catalog(Box<Catalog>),
    Exact(Zones),
}

/// Binds UDP and, if the server has it, TCP. `stand_in` answers in the place of attacked zones' servers.
///
/// # Errors
/// What the operating system says; `AddrInUse` makes the caller try another port.
pub(super) async fn bind(
    plan: &ServerPlan,
    port: u16,
    stand_in: Option<SocketAddr>,
) -> io::Result<Sockets> {
    let address = SocketAddr::new(plan.address, port);
    let udp = UdpSocket::bind(address).await?;
    let has_tcp = match &plan.role {
        Role::Villain(villain) => villain.has_tcp(),
        Role::Stage(_) => false,
        _ => true,
    };
    let tcp = if has_tcp {
        Some(TcpListener::bind(address).await?)
    } else {
        None
    };
    let stand_in = stand_in
        .filter(|_| plan.role == Role::Stage(Part::Victim))
        .map(|at| StandIn::new(plan.address, at))
        .transpose()?;
    Ok(Sockets { udp, tcp, stand_in })
}

/// Starts the server on its sockets; nothing for an absent one. `elsewhere` is a socket at another address.
///
/// # Errors
/// A zone that hickory-server does not accept.
pub(super) async fn start(
    plan: &ServerPlan,
    sockets: Sockets,
    queries: &Arc<Queries>,
    elsewhere: &Arc<UdpSocket>,
    throttle: &Arc<Throttle>,
) -> io::Result<Option<Running>> {
    let book = match &plan.role {
        Role::Absent => return Ok(None),
        Role::Villain(villain) => {
            return Ok(Some(Running::Villain(start_villain(
                villain, plan, sockets, queries, elsewhere,
            ))));
        }
        Role::Stage(part) => {
            let udp = sockets.udp.into_std()?;
            let stand_in = sockets.stand_in;
            let stage = attack::servers::start(*part, plan, udp, stand_in, queries, throttle)?;
            return Ok(Some(Running::Stage(stage)));
        }
        Role::Exact => Book::Exact(plan.zones.clone()),
        Role::Catalog => Book::Catalog(Box::new(catalog(&plan.zones)?)),
    };
    let mut server = Server::new(Honest {
        id: plan.id,
        queries: Arc::clone(queries),
        book,
    });
    server.register_socket(sockets.udp);
    if let Some(listener) = sockets.tcp {
        server.register_listener(listener, TCP_IDLE, TCP_BUFFER);
    }
    Ok(Some(Running::Honest(Box::new(server))))
}

impl Running {
    /// Ends the server and waits for it.
    pub(super) async fn stop(self) {
        match self {
            Self::Honest(mut server) => {
                // Connections still open would be waited for; a second is enough for what is in flight.
                let _ = tokio::time::timeout(Duration::from_secs(1), server.shutdown_gracefully())
                    .await;
            }
            Self::Villain(mut tasks) => tasks.shutdown().await,
            Self::Stage(stage) => stage.stop(),
        }
    }
}

/// hickory-server's own authoritative data for these zones.
fn catalog(zones: &Zones) -> io::Result<Catalog> {
    let mut catalog = Catalog::new();
    for zone in zones.iter() {
        let origin = zone.origin().clone();
        let mut handler: InMemoryZoneHandler =
            InMemoryZoneHandler::empty(origin.clone(), ZoneType::Primary, AxfrPolicy::Deny);
        for record in zone.records() {
            if !handler.upsert_mut(record.clone(), 1) {
                return Err(io::Error::other(format!(
                    "hickory-server does not take {record}"
                )));
            }
        }
        let handler: Arc<dyn ZoneHandler> = Arc::new(handler);
        catalog.upsert(LowerName::new(&origin), vec![handler]);
    }
    Ok(catalog)
}

/// `#[async_trait]` by hand: the crate is no dependency of ours, and the one method is short.
impl RequestHandler for Honest {
    fn handle_request<'life0, 'life1, 'async_trait, R, T>(
        &'life0 self,
        request: &'life1 Request,
        response_handle: R,
    ) -> Pin<Box<dyn Future<Output = ResponseInfo> + Send + 'async_trait>>
    where
        R: ResponseHandler + 'async_trait,
        T: Time + 'async_trait,
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let tcp = request.protocol() == hickory_server::net::xfer::Protocol::Tcp;
            if let Ok(info) = request.request_info() {
                let query = info.query.original();
                self.queries
                    .record(self.id, query.name(), query.query_type(), tcp);
            }
            match &self.book {
                Book::Exact(zones) => answer_exactly(zones, request, response_handle).await,
                Book::Catalog(catalog) => {
                    let smaller = with_honest_payload(request);
                    let request = smaller.as_ref().unwrap_or(request);
                    catalog
                        .handle_request::<R, T>(request, response_handle)
                        .await
                }
            }
        })
    }
}

/// hickory-server sends UDP replies of any size the client offers; the honest offer 1232 and no more, so the request's own
/// offer is lowered before the catalog sees it.
fn with_honest_payload(request: &Request) -> Option<Request> {
    request
        .edns
        .as_ref()
        .filter(|edns| edns.max_payload() > HONEST_PAYLOAD)?;
    let mut message = Message::from_vec(request.as_slice()).ok()?;
    message.edns.as_mut()?.set_max_payload(HONEST_PAYLOAD);
    Request::from_bytes(message.to_vec().ok()?, request.src(), request.protocol()).ok()
}

async fn answer_exactly<R: ResponseHandler>(
    zones: &Zones,
    request: &Request,
    mut response_handle: R,
) -> ResponseInfo {
    let edns = request.edns.as_ref().map(answering_edns);
    let mut metadata = Metadata::response_from_request(&request.metadata);
    metadata.recursion_available = false;
    let reply = request.request_info().ok().map(|info| {
        let query = info.query.original();
        zones.answer(query.name(), query.query_type())
    });
    let builder = MessageResponseBuilder::new(&request.queries, edns.as_ref());
    let sent = match &reply {
        None => {
            metadata.response_code = ResponseCode::FormErr;
            response_handle
                .send_response(builder.build_no_records(metadata))
                .await
        }
        Some(reply) => {
            metadata.response_code = reply.rcode;
            metadata.authoritative = reply.authoritative;
            response_handle
                .send_response(builder.build(
                    metadata,
                    reply.answers.iter(),
                    reply.authorities.iter(),
                    std::iter::empty(),
                    reply.additionals.iter(),
                ))
                .await
        }
    };
    // A client that went away is no concern of the server's; the info is only for hickory's log.
    sent.unwrap_or_else(|_| {
        ResponseInfo::from(hickory_proto::op::Header {
            metadata,
            counts: hickory_proto::op::HeaderCounts::default(),
        })
    })
}

/// What the loops of one villain share.
struct Stage {
    id: ServerId,
    villain: Villain,
    own: IpAddr,
    zones: Zones,
    memory: Memory,
    queries: Arc<Queries>,
    elsewhere: Arc<UdpSocket>,
}

impl Stage {
    /// Parses and counts a query; nothing if it is none.
    fn hear(&self, octets: &[u8], tcp: bool) -> Option<Vec<Act>> {
        let query = Message::from_vec(octets).ok()?;
        let question = query.queries.first()?;
        let name: &Name = question.name();
        self.queries
            .record(self.id, name, question.query_type(), tcp);
        Some(
            self.villain
                .act(&query, tcp, self.own, &self.zones, &self.memory),
        )
    }
}

fn start_villain(
    villain: &Villain,
    plan: &ServerPlan,
    sockets: Sockets,
    queries: &Arc<Queries>,
    elsewhere: &Arc<UdpSocket>,
) -> JoinSet<()> {
    let stage = Arc::new(Stage {
        id: plan.id,
        villain: villain.clone(),
        own: plan.address,
        zones: plan.zones.clone(),
        memory: Memory::default(),
        queries: Arc::clone(queries),
        elsewhere: Arc::clone(elsewhere),
    });
    let mut tasks = JoinSet::new();
    tasks.spawn(villain_udp(Arc::clone(&stage), Arc::new(sockets.udp)));
    if let Some(listener) = sockets.tcp {
        tasks.spawn(villain_tcp(stage, listener));
    }
    tasks
}

async fn villain_udp(stage: Arc<Stage>, socket: Arc<UdpSocket>) {
    let mut buffer = vec![0; 4096];
    let mut busy = JoinSet::new();
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            // An ICMP error about an earlier reply; the socket lives on.
            tokio::task::yield_now().await;
            continue;
        };
        let Some(acts) = stage.hear(buffer.get(..length).unwrap_or_default(), false) else {
            continue;
        };
        let (stage, socket) = (Arc::clone(&stage), Arc::clone(&socket));
        busy.spawn(async move {
            for act in acts {
                match act {
                    Act::Wait(time) => tokio::time::sleep(time).await,
                    Act::Send(octets) => {
                        let _ = socket.send_to(&octets, from).await;
                    }
                    Act::SendFromElsewhere(octets) => {
                        let _ = stage.elsewhere.send_to(&octets, from).await;
                    }
                    Act::Close => {}
                }
            }
        });
        while busy.try_join_next().is_some() {}
    }
}

async fn villain_tcp(stage: Arc<Stage>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let stage = Arc::clone(&stage);
        connections.spawn(async move {
            let _ = tokio::time::timeout(TCP_IDLE, villain_stream(&stage, stream)).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn villain_stream(stage: &Stage, mut stream: TcpStream) -> io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut octets = vec![0; usize::from(length)];
        stream.read_exact(&mut octets).await?;
        for act in stage.hear(&octets, true).unwrap_or_default() {
            match act {
                Act::Wait(time) => tokio::time::sleep(time).await,
                Act::Send(octets) | Act::SendFromElsewhere(octets) => {
                    let length = u16::try_from(octets.len()).unwrap_or(u16::MAX);
                    let mut frame = length.to_be_bytes().to_vec();
                    frame.extend(octets.into_iter().take(usize::from(length)));
                    stream.write_all(&frame).await?;
                }
                Act::Close => return Ok(()),
            }
        }
    }
}
