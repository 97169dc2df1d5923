//! How is the control socket opened and served without opening the daemon to others?

use std::fs;
use std::future::Future;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use super::peers::{Peer, Permitted, is_listed_member};
use super::protocol::GuardTarget;
use super::protocol::{
    self, Envelope, Failure, FailureKind, FlushReport, MAX_REQUEST, Request, StatsReport,
};
use super::service::{FlushTarget, Service, ZoneWish};
use crate::ops::crowd;
use crate::wire::{Name, Question, RecordType};

/// Connections at a time; operators are few.
const CONNECTIONS: usize = 32;

/// A request must be complete by then, and a reply taken.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// A command must be done by then: longer than any budget for one question (7 s).
const WORK_TIME: Duration = Duration::from_secs(30);

/// Incidents that one reply tells of: a few hundred KiB.
const INCIDENTS: usize = 50;

/// Longest reason for a negative trust anchor, octets.
const LONGEST_REASON: usize = 400;

/// Owner and group may connect, others may not.
const MODE: u32 = 0o660;

/// Why the control socket cannot be opened; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The directory cannot be looked at.
    #[error("control socket: cannot use the directory {0}: {1}")]
    Directory(PathBuf, io::Error),
    /// Others could replace the socket by their own.
    #[error(
        "control socket: others may write to the directory {0} (mode {1:04o}); use one that only suimond's user writes to, such as /run/suimon"
    )]
    OpenDirectory(PathBuf, u32),
    /// Another daemon is there.
    #[error(
        "control socket: another process answers on {0}; stop it or give each its own control.socket"
    )]
    Taken(PathBuf),
    /// Something else is there.
    #[error("control socket: {0} exists and is not a socket; remove it or choose another path")]
    NotASocket(PathBuf),
    /// The operating system refused.
    #[error("control socket: cannot open {0}: {1}")]
    Refused(PathBuf, io::Error),
}

/// The open control socket; its file goes with it.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    permitted: Permitted,
    file: SocketFile,
}

impl Control {
    /// Opens the socket: mode 0660, owned by the process's user and group. A stale socket that nobody answers on is
    /// removed first. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// A directory that others may write to, a path that is in use, or the operating system's refusal.
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        check_directory(path)?;
        remove_stale(path)?;
        let refused = |error| BindError::Refused(path.to_owned(), error);
        let listener = listen(path).map_err(refused)?;
        let metadata = fs::symlink_metadata(path).map_err(refused)?;
        Ok(Self {
            listener,
            permitted: Permitted {
                uid: rustix::process::geteuid().as_raw(),
                gid: metadata.gid(),
            },
            file: SocketFile {
                path: path.to_owned(),
                inode: (metadata.dev(), metadata.ino()),
            },
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// Serves until `stop` is done; then open connections are dropped and the socket file is removed.
    pub async fn serve(self, service: Arc<dyn Service>, stop: impl Future<Output = ()> + Send) {
        let service = service.as_ref();
        let accept = async || self.listener.accept().await.map(|(stream, _)| stream);
        let converse = |stream| converse(stream, self.permitted, service);
        crowd::serve(CONNECTIONS, stop, accept, say_busy, converse).await;
    }
}

/// The file of the socket, removed if it still is ours.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.inode);
        if ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn check_directory(path: &Path) -> Result<(), BindError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let metadata = fs::metadata(directory)
        .map_err(|error| BindError::Directory(directory.to_owned(), error))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o002 != 0 {
        return Err(BindError::OpenDirectory(directory.to_owned(), mode));
    }
    Ok(())
}

fn remove_stale(path: &Path) -> Result<(), BindError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(BindError::Refused(path.to_owned(), error)),
    };
    if !metadata.file_type().is_socket() {
        return Err(BindError::NotASocket(path.to_owned()));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| BindError::Refused(path.to_owned(), error))
        }
        // Connected, or full, or not ours to connect to: somebody is there.
        _ => Err(BindError::Taken(path.to_owned())),
    }
}

/// The mode is set between bind and listen, so that nobody can connect under a laxer one.
fn listen(path: &Path) -> io::Result<UnixListener> {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&socket2::SockAddr::unix(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
    socket.listen(64)?;
    UnixListener::from_std(std::os::unix::net::UnixListener::from(
        std::os::fd::OwnedFd::from(socket),
    ))
}

/// One small write into an empty buffer; who does not get it sees the connection close.
fn say_busy(stream: &UnixStream) {
    let reply = Envelope::failure(
        FailureKind::Busy,
        format!("{CONNECTIONS} control connections are open already; try again"),
    );
    if let Ok(frame) = protocol::frame(&reply) {
        let _ = stream.try_write(&frame);
    }
}

/// One connection: who is it, what does it want, here you are.
async fn converse(mut stream: UnixStream, permitted: Permitted, service: &dyn Service) {
    let Ok(peer) = Peer::of(&stream) else { return };
    let outcome = if permitted.admits(peer, is_listed_member) {
        match timeout(REQUEST_TIME, read_request(&mut stream)).await {
            Ok(Ok(request)) => obey(request, peer, service).await,
            Ok(Err(error)) => match error.kind() {
                io::ErrorKind::InvalidData => Err(bad_request(error)),
                _ => return,
            },
            Err(_) => Err(bad_request("the request did not arrive in time")),
        }
    } else {
        tracing::warn!(
            uid = peer.uid,
            pid = peer.pid,
            "control socket: not permitted"
        );
        Err(Failure {
            kind: FailureKind::NotPermitted,
            error: format!(
                "user {} may not use this socket; root, suimond's own user and members of the socket's group may",
                peer.uid
            ),
        })
    };
    let reply =
        outcome.or_else(|failure| protocol::frame(&Envelope::failure(failure.kind, failure.error)));
    if let Ok(reply) = reply {
        let _ = timeout(REQUEST_TIME, stream.write_all(&reply)).await;
    }
}

async fn read_request(stream: &mut UnixStream) -> io::Result<Request> {
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix).await?;
    let mut json = vec![0; protocol::announced(prefix, MAX_REQUEST)?];
    stream.read_exact(&mut json).await?;
    serde_json::from_slice(&json).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Does what is wanted and frames the report.
async fn obey(request: Request, peer: Peer, service: &dyn Service) -> Result<Vec<u8>, Failure> {
    if request.is_write() {
        tracing::info!(
            command = request.command(),
            uid = peer.uid,
            pid = peer.pid,
            "control socket: a command that changes something or sends packets"
        );
    }
    match request {
        Request::Status {} => report(service.status()),
        Request::Stats {} => report(StatsReport {
            metrics: service.stats(),
        }),
        Request::Top {} => report(service.top()),
        Request::Flush {
            name,
            tree,
            rtype,
            all,
        } => {
            let target = flush_target(name.as_deref(), tree, rtype.as_deref(), all)?;
            report(FlushReport {
                removed: service.flush(&target),
            })
        }
        Request::Ask { name, rtype, trace } => {
            let question = question(&name, &rtype)?;
            match in_time(service.ask(question, trace)).await? {
                Ok(answer) => report(answer),
                Err(error) => Err(failed(error)),
            }
        }
        Request::Why {
            client,
            name,
            rtype,
            transport,
            interface,
        } => {
            let question = question(&name, &rtype)?;
            report(service.why(client, transport, interface.as_deref(), &question))
        }
        Request::Reload {} => report(in_time(service.reload()).await?),
        Request::NtaAdd {
            zone,
            seconds,
            reason,
        } => {
            let (zone, reason) = excuse(&zone, seconds, reason)?;
            report(
                service
                    .add_negative_anchor(&zone, seconds, &reason)
                    .map_err(failed)?,
            )
        }
        Request::NtaList {} => report(service.negative_anchors()),
        Request::NtaRemove { zone } => {
            let zone = parse_name(&zone)?;
            report(service.remove_negative_anchor(&zone).map_err(failed)?)
        }
        Request::Incidents {} => report(service.incidents()),
        Request::IncidentShow { ids, detail } => {
            if ids.is_empty() || ids.len() > INCIDENTS {
                return Err(bad_request(format!(
                    "name 1 to {INCIDENTS} incidents at a time"
                )));
            }
            match in_time(service.incident(ids, detail, peer)).await? {
                Ok(incidents) => report(incidents),
                Err(error) => Err(failed(error)),
            }
        }
        Request::GuardStatus {} => report(service.zone_guard()),
        Request::GuardShadow {} => report(service.shadow()),
        Request::GuardPin { zone } => steer(service, &zone, ZoneWish::Pin),
        Request::GuardExempt { zone } => steer(service, &zone, ZoneWish::Exempt),
        Request::GuardRelease { zone } => steer(service, &zone, ZoneWish::Release),
    }
}

fn steer(service: &dyn Service, zone: &str, wish: ZoneWish) -> Result<Vec<u8>, Failure> {
    let target: GuardTarget = zone.parse().map_err(bad_request)?;
    report(service.steer_zone_guard(&target, wish).map_err(failed)?)
}

async fn in_time<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    timeout(WORK_TIME, work)
        .await
        .map_err(|_| failed("the command took too long and was given up"))
}

fn report<T: Serialize>(body: T) -> Result<Vec<u8>, Failure> {
    protocol::frame(&Envelope::ok(body)).map_err(failed)
}

fn question(name: &str, rtype: &str) -> Result<Question, Failure> {
    let rtype = record_type(rtype)?;
    if rtype.is_meta() && rtype != RecordType::ANY {
        return Err(bad_request(format!(
            "{rtype} cannot be asked of a resolver"
        )));
    }
    Ok(Question::new(parse_name(name)?, rtype))
}

fn flush_target(
    name: Option<&str>,
    tree: bool,
    rtype: Option<&str>,
    all: bool,
) -> Result<FlushTarget, Failure> {
    match (name, tree, rtype, all) {
        (None, false, None, true) => Ok(FlushTarget::All),
        (Some(name), false, None, false) => Ok(FlushTarget::Name(parse_name(name)?)),
        (Some(name), true, None, false) => Ok(FlushTarget::Tree(parse_name(name)?)),
        (Some(name), false, Some(rtype), false) => Ok(FlushTarget::NameType(
            parse_name(name)?,
            record_type(rtype)?,
        )),
        _ => Err(bad_request(
            "flush takes a name, a name with either `tree` or `type`, or `all` alone",
        )),
    }
}

/// Zone and reason of a negative anchor, checked.
fn excuse(zone: &str, seconds: u32, reason: Option<String>) -> Result<(Name, String), Failure> {
    let zone = parse_name(zone)?;
    if zone.is_root() {
        return Err(bad_request(
            "a negative trust anchor for the root would end all validation; if that is wanted, set dnssec.validation = \"off\"",
        ));
    }
    if !(1..=protocol::LONGEST_NTA).contains(&seconds) {
        return Err(bad_request(format!(
            "a negative trust anchor lasts from 1 s to a week ({} s), not {seconds} s",
            protocol::LONGEST_NTA
        )));
    }
    let reason = reason.unwrap_or_default().trim().to_owned();
    if reason.len() > LONGEST_REASON || reason.contains(char::is_control) {
        return Err(bad_request(format!(
            "a reason is one line of at most {LONGEST_REASON} octets"
        )));
    }
    Ok((zone, reason))
}

fn parse_name(text: &str) -> Result<Name, Failure> {
    text.parse()
        .map_err(|error| bad_request(format!("\"{text}\" is not a domain name: {error}")))
}

fn record_type(text: &str) -> Result<RecordType, Failure> {
    text.parse().map_err(|_| {
        bad_request(format!(
            "\"{text}\" is not a record type; write a mnemonic such as AAAA, or TYPE123"
        ))
    })
}

fn bad_request(error: impl ToString) -> Failure {
    Failure {
        kind: FailureKind::BadRequest,
        error: error.to_string(),
    }
}

fn failed(error: impl ToString) -> Failure {
    Failure {
        kind: FailureKind::Failed,
        error: error.to_string(),
    }
}
