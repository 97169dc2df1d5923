//! Builds everything once, wires it, reloads it, drains it: the only file that knows all rooms.

mod front;
mod live;
mod metrics;
mod operator;
mod report;

use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::{self, Loaded, Problem, Sources};
use crate::guard::permit::{InternalCause, RecursionPermit};
use crate::ingress::{Ingress, Listeners};
use crate::ops::control::Control;
use crate::ops::logging::Logging;
use crate::ops::metrics::MetricsPage;
use crate::sys::arguments::DaemonArgs;
use crate::sys::{addresses, clock, notify, sandbox};
use front::Front;
use operator::Operator;

/// How often the status line, the host's own addresses and the cache's bookkeeping are brought up to date.
const HOUSEKEEPING: Duration = Duration::from_secs(5);

/// Why suimond ends, other than by being asked to.
enum Failure {
    /// The configuration cannot be used: exit code 78 (EX_CONFIG).
    Config(Vec<Problem>),
    /// The operating system refused something: exit code 71 (EX_OSERR).
    System(String),
}

/// Runs suimond until SIGTERM or SIGINT; the exit codes are those of sysexits(3).
#[must_use]
pub fn run(arguments: DaemonArgs) -> ExitCode {
    let sources = Sources::of_process(arguments.config, arguments.set, std::env::vars_os());
    let ended = match config::load(&sources) {
        Ok(loaded) if arguments.check => {
            tell(&report::checked(&loaded));
            Ok(())
        }
        Ok(loaded) => serve(sources, loaded),
        Err(problems) => Err(Failure::Config(problems)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&failure);
            ExitCode::from(match failure {
                Failure::Config(_) => 78,
                Failure::System(_) => 71,
            })
        }
    }
}

fn serve(sources: Sources, loaded: Loaded) -> Result<(), Failure> {
    for warning in &loaded.warnings {
        tell(warning);
    }
    let plan = &loaded.plan;
    let logging = Logging::start(&plan.ops).map_err(|error| Failure::System(error.to_string()))?;
    raise_descriptor_limit();
    make_state_dir(&plan.process.state_dir)?;
    // Everything that needs privileges comes before the sandbox, and the sandbox before any thread.
    let listeners =
        Listeners::bind(&plan.ingress).map_err(|error| Failure::System(report::busy(&error)))?;
    if plan.process.sandbox {
        confine(&sources, &loaded);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("suimond-async")
        .build()
        .map_err(|error| Failure::System(format!("no runtime: {error}")))?;
    let ended = runtime.block_on(attend(sources, loaded, listeners, logging, &runtime));
    // Recursions in flight belong to nobody any more.
    runtime.shutdown_background();
    ended
}

/// The life of the service: start, ready, signals, drain.
async fn attend(
    sources: Sources,
    loaded: Loaded,
    listeners: Listeners,
    logging: Logging,
    runtime: &Runtime,
) -> Result<(), Failure> {
    let system = |error: &dyn fmt::Display| Failure::System(error.to_string());
    let plan = loaded.plan.clone();
    let listening = listeners.addresses().to_vec();
    let operator =
        Operator::new(sources, loaded, listening, logging).map_err(|error| system(&error))?;
    let control = plan
        .ops
        .control_socket
        .as_deref()
        .map(Control::bind)
        .transpose()
        .map_err(|error| system(&error))?;
    let page = plan
        .ops
        .metrics_listen
        .map(MetricsPage::bind)
        .transpose()
        .map_err(|error| system(&error))?;
    let front = Arc::new(Front::new(Arc::clone(&operator), runtime.handle().clone()));
    let ingress = listeners
        .start(&front, operator.telemetry(), &plan.ingress)
        .map_err(|error| system(&error))?;

    let (stop, stopped) = watch::channel(false);
    let until_stopped = || {
        let mut stopped = stopped.clone();
        async move {
            let _stopping_or_gone = stopped.wait_for(|stopped| *stopped).await;
        }
    };
    if let Some(control) = control {
        tokio::spawn(control.serve(Arc::clone(&operator) as Arc<_>, until_stopped()));
    }
    if let Some(page) = page {
        tokio::spawn(page.serve(Arc::clone(&operator) as Arc<_>, until_stopped()));
    }
    tokio::spawn(keep_house(Arc::clone(&operator), Arc::clone(&front)));
    prime(&operator);
    tell(&report::ready(ingress.addresses()));
    notify::ready("serving");

    let ended = wait_for_the_end(&operator).await;
    operator.set_draining();
    notify::stopping();
    drain(ingress, &operator, plan.process.drain).await;
    stop.send_replace(true);
    ended
}

/// Reloads on SIGHUP; returns on SIGTERM or SIGINT.
async fn wait_for_the_end(operator: &Arc<Operator>) -> Result<(), Failure> {
    let listen =
        |kind| signal(kind).map_err(|error| Failure::System(format!("no signals: {error}")));
    let (mut hangup, mut terminate, mut interrupt) = (
        listen(SignalKind::hangup())?,
        listen(SignalKind::terminate())?,
        listen(SignalKind::interrupt())?,
    );
    loop {
        tokio::select! {
            _ = hangup.recv() => {
                notify::reloading();
                operator.reload_now();
                notify::ready("serving");
            }
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
}

/// Takes nothing new, and gives what is in flight its time.
async fn drain(ingress: Ingress, operator: &Operator, patience: Duration) {
    let begun = clock::now();
    ingress.stop(patience).await;
    while operator.live().resolver.in_flight() > 0 && clock::now().since(begun) < patience {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Asks the root for its servers, once, in the background (RFC 9609); a failure is not held against anyone.
fn prime(operator: &Operator) {
    let live = operator.live();
    if !live.plan.recursion.priming || live.forwards_everything() {
        return;
    }
    let resolver = Arc::clone(&live.resolver);
    tokio::spawn(async move {
        let permit = RecursionPermit::internal(InternalCause::Priming);
        let response = resolver.prime(permit).await;
        if response.answer.is_empty() {
            tracing::warn!("priming failed; the root hints are used as they are");
        }
    });
}

/// Every few seconds: own addresses, cache bookkeeping, the status line; the watchdog as long as every worker moves.
async fn keep_house(operator: Arc<Operator>, front: Arc<Front>) {
    let pace =
        notify::watchdog_interval().map_or(HOUSEKEEPING, |interval| interval.min(HOUSEKEEPING));
    let mut ticks = tokio::time::interval(pace);
    loop {
        ticks.tick().await;
        match addresses::HostAddresses::read() {
            Ok(host) => operator.live().own.replace(host.forgeable, host.broadcast),
            Err(error) => tracing::warn!(%error, "cannot read the host's own addresses"),
        }
        operator.live().cache.settle();
        notify::status(&operator.status_line());
        if front.answers_itself() {
            notify::watchdog();
        }
    }
}

/// Sockets towards servers and clients need descriptors: as many as the hard limit allows.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(%error, "the limit on open files stays as it is");
    }
}

fn make_state_dir(dir: &std::path::Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).map_err(|error| {
        Failure::System(format!(
            "the state directory {} cannot be made: {error}; create it for this user or set process.state_dir",
            dir.display()
        ))
    })
}

fn confine(sources: &Sources, loaded: &Loaded) {
    let mut readable = loaded.files.clone();
    readable.extend(sources.file.iter().cloned());
    let mut writable = vec![loaded.plan.process.state_dir.clone()];
    writable.extend(
        loaded
            .plan
            .ops
            .control_socket
            .iter()
            .filter_map(|path| path.parent())
            .map(Into::into),
    );
    match sandbox::confine(&readable, &writable) {
        sandbox::Confinement::Full => tracing::debug!("landlock: all rules enforced"),
        sandbox::Confinement::Partial => {
            tracing::info!("landlock: this kernel enforces part of the rules")
        }
        sandbox::Confinement::Absent(why) => tracing::warn!("landlock: {why}"),
    }
}

/// Says one thing on standard error; that nobody listens is no reason to stop.
fn tell(what: &dyn fmt::Display) {
    let _nobody_listens = writeln!(std::io::stderr().lock(), "{what}");
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(problems) => report::problems(problems).fmt(f),
            Self::System(sentence) => write!(f, "suimond: {sentence}"),
        }
    }
}

/// The shared counter of configurations; each gets its own number.
fn next_epoch() -> u64 {
    static EPOCH: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    EPOCH.fetch_add(1, Ordering::Relaxed)
}
