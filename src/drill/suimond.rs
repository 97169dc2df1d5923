//! How does the drill run the real daemon in front of its Internet, and make sure that it goes away again?

use std::collections::VecDeque;
use std::env;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use rand::RngExt;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::internet::{Internet, to_toml};
use crate::sys::entropy;

/// The line that says it serves (brief of `suimond`).
const READY: &str = "suimond: ready";
/// Time until it must serve; a loaded machine takes some.
const START_TIME: Duration = Duration::from_secs(20);
/// Time to end after SIGTERM with drain 0.
const STOP_TIME: Duration = Duration::from_secs(10);
/// Lines of its log that are kept for an error message.
const LOG_LINES: usize = 30;
/// Replies of the control socket are far smaller.
const MAX_CONTROL: usize = 4 << 20;

/// Process to end when this one panics; 0 = none. (The release profile aborts on panic, so no destructor would run.)
static CHILD: AtomicI32 = AtomicI32::new(0);

/// A running suimond, with a directory of its own.
#[derive(Debug)]
pub struct Suimond {
    child: Child,
    listen: SocketAddr,
    directory: Directory,
    log: Arc<Mutex<VecDeque<String>>>,
}

/// A directory that goes away with its owner.
#[derive(Debug)]
struct Directory(PathBuf);

impl Suimond {
    /// Starts the daemon in front of `internet`: with the operator's own file and our settings over it, or with our settings
    /// alone. `port` 0 picks one.
    ///
    /// # Errors
    /// No binary, a config it refuses (its own words are in the error), or no ready line in time.
    pub async fn start(
        internet: &Internet,
        operators_file: Option<&Path>,
        port: u16,
    ) -> io::Result<Self> {
        Self::start_program(&binary(), internet, operators_file, port).await
    }

    pub(super) async fn start_program(
        binary: &Path,
        internet: &Internet,
        operators_file: Option<&Path>,
        port: u16,
    ) -> io::Result<Self> {
        let directory = Directory::new()?;
        let hints = directory.0.join("root.hints");
        fs::write(&hints, internet.hints())?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port(port)?));
        let mut settings = internet.settings(listen, &hints);
        let text = |path: &Path| format!("{:?}", path.to_string_lossy());
        settings.push(("process.state_dir", text(&directory.0.join("state"))));
        settings.push(("control.socket", text(&directory.control())));
        settings.push(("log.target", "\"stderr\"".to_owned()));
        fs::create_dir(directory.0.join("state"))?;

        let mut command = Command::new(binary);
        if let Some(file) = operators_file {
            command.arg("--config").arg(file);
            for (key, value) in &settings {
                command.arg("--set").arg(format!("{key}={value}"));
            }
        } else {
            let file = directory.0.join("suimond.toml");
            fs::write(&file, to_toml(&settings))?;
            command.arg("--config").arg(file);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", binary.display()))
            })?;
        end_with_us(&child);
        let log = Arc::new(Mutex::new(VecDeque::new()));
        let (tell, ready) = oneshot::channel();
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(keep_log(stderr, Arc::clone(&log), tell));
        }
        let mut daemon = Self {
            child,
            listen,
            directory,
            log,
        };
        match timeout(START_TIME, ready).await {
            Ok(Ok(())) => Ok(daemon),
            Ok(Err(_)) => {
                let status = timeout(STOP_TIME, daemon.child.wait()).await;
                let status = match status {
                    Ok(Ok(status)) => status.to_string(),
                    _ => "no exit status".to_owned(),
                };
                CHILD.store(0, Ordering::SeqCst);
                Err(daemon.error(&format!("suimond did not start ({status})")))
            }
            Err(_) => Err(daemon.error(&format!("suimond not ready within {START_TIME:?}"))),
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Its control socket.
    #[must_use]
    pub fn control(&self) -> PathBuf {
        self.directory.control()
    }

    /// Asks its control socket; nothing if it has none or does not understand.
    pub async fn ask(&self, command: &str) -> Option<Value> {
        let asked = async {
            let mut stream = UnixStream::connect(self.control()).await.ok()?;
            let request = serde_json::json!({ "command": command }).to_string();
            let length = u32::try_from(request.len()).ok()?;
            stream.write_u32(length).await.ok()?;
            stream.write_all(request.as_bytes()).await.ok()?;
            let length = usize::try_from(stream.read_u32().await.ok()?).ok()?;
            let mut reply = vec![0; length.min(MAX_CONTROL)];
            stream.read_exact(&mut reply).await.ok()?;
            let reply: Value = serde_json::from_slice(&reply).ok()?;
            (reply.get("ok") == Some(&Value::Bool(true))).then_some(reply)
        };
        timeout(Duration::from_secs(2), asked).await.ok().flatten()
    }

    /// SIGTERM, and its exit code must be 0. It must still be running, too.
    ///
    /// # Errors
    /// How it ended instead, with the end of its log.
    pub async fn stop(mut self) -> Result<(), String> {
        if let Ok(Some(status)) = self.child.try_wait() {
            CHILD.store(0, Ordering::SeqCst);
            return Err(self
                .error(&format!("ended by itself: {status}"))
                .to_string());
        }
        if let Some(pid) = pid(&self.child) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let ended = timeout(STOP_TIME, self.child.wait()).await;
        CHILD.store(0, Ordering::SeqCst);
        match ended {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self.error(&format!("after SIGTERM: {status}")).to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            // Dropping it kills it.
            Err(_) => Err(format!("still running {STOP_TIME:?} after SIGTERM")),
        }
    }

    fn error(&self, what: &str) -> io::Error {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<&str> = log.iter().map(String::as_str).collect();
        io::Error::other(if lines.is_empty() {
            what.to_owned()
        } else {
            format!("{what}; it said:\n    {}", lines.join("\n    "))
        })
    }
}

impl Directory {
    fn new() -> io::Result<Self> {
        let number: u64 = entropy::csprng().random();
        let path = env::temp_dir().join(format!("suimon-drill-{number:016x}"));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    fn control(&self) -> PathBuf {
        self.0.join("control.sock")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The daemon's binary: what SUIMOND names, else beside this program (or one directory up, for test binaries), else in PATH.
pub(super) fn binary() -> PathBuf {
    if let Some(named) = env::var_os("SUIMOND") {
        return PathBuf::from(named);
    }
    let beside = env::current_exe().ok().and_then(|program| {
        program
            .ancestors()
            .skip(1)
            .take(2)
            .map(|directory| directory.join("suimond"))
            .find(|path| path.is_file())
    });
    // The package puts it where an ordinary user's PATH does not look.
    let installed = || Some(PathBuf::from("/usr/sbin/suimond")).filter(|path| path.is_file());
    beside
        .or_else(installed)
        .unwrap_or_else(|| PathBuf::from("suimond"))
}

/// A port that is free over UDP and TCP on 127.0.0.1 right now, or `wanted` itself.
pub(super) fn free_port(wanted: u16) -> io::Result<u16> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..64 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, wanted))?;
        let port = udp.local_addr()?.port();
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) if wanted != 0 => return Err(error),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn pid(child: &Child) -> Option<Pid> {
    Pid::from_raw(i32::try_from(child.id()?).ok()?)
}

/// Whatever happens to this process, a panic included, the child is told to end.
fn end_with_us(child: &Child) {
    static HOOK: Once = Once::new();
    CHILD.store(
        child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .unwrap_or(0),
        Ordering::SeqCst,
    );
    HOOK.call_once(|| {
        let earlier = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if let Some(pid) = Pid::from_raw(CHILD.swap(0, Ordering::SeqCst)) {
                let _ = kill_process(pid, Signal::TERM);
            }
            earlier(panic);
        }));
    });
}

/// Keeps the last lines, and tells when the ready line came. Dropping `tell` unsent says that the log ended before.
async fn keep_log(
    stderr: tokio::process::ChildStderr,
    log: Arc<Mutex<VecDeque<String>>>,
    tell: oneshot::Sender<()>,
) {
    let mut tell = Some(tell);
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.contains(READY)
            && let Some(tell) = tell.take()
        {
            let _ = tell.send(());
        }
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.len() == LOG_LINES {
            log.pop_front();
        }
        log.push_back(line);
    }
}
