//! Builds everything once, wires it, reloads it, drains it: the only file that knows all rooms.

mod dnstap;
mod excused;
mod flushing;
mod front;
mod guarded;
mod incidents;
mod kept_list;
mod known_names;
mod limiting;
mod live;
mod local_root;
mod lookout;
mod metrics;
mod operator;
mod pins;
mod priming;
mod report;
mod rollover;
mod secrecy;
mod shadow;
mod shares;
mod state_file;
mod top;
mod watch;
mod why;

use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::config::{self, Loaded, Problem, Sources};
use crate::ingress::{Ingress, Listeners};
use crate::ops::control::Control;
use crate::ops::logging::Logging;
use crate::ops::metrics::MetricsPage;
use crate::sys::arguments::DaemonArgs;
use crate::sys::{clock, notify, sandbox};
use front::Front;
use lookout::Lookout;
use operator::Operator;
use priming::Priming;
use watch::Watch;

/// How often the status line and the cache's bookkeeping are brought up to date.
const HOUSEKEEPING: Duration = Duration::from_secs(5);

/// How long a disk that stalls may hold up the end. With [`CLOSING`] and `process.drain` (2 s unless set) it leaves two of the ten seconds
/// that the unit allows (TimeoutStopSec).
const LAST_WRITING: Duration = Duration::from_secs(5);

/// How long the control socket and the metrics page may take to close.
const CLOSING: Duration = Duration::from_secs(1);

/// Exit code for a bug (EX_SOFTWARE).
const BUG: u8 = 70;

/// Why suimond ends, other than by being asked to.
enum Failure {
    /// The configuration cannot be used: exit code 78 (EX_CONFIG).
    Config(Vec<Problem>),
    /// The operating system refused something: exit code 71 (EX_OSERR).
    System(String),
}

/// Runs suimond until SIGTERM or SIGINT; the exit codes are those of sysexits(3), and 1 for "no" to `--check`.
#[must_use]
pub fn run(arguments: DaemonArgs) -> ExitCode {
    end_on_panic();
    let sources = Sources::of_process(
        clock::now().wall_secs(),
        arguments.config,
        arguments.set,
        std::env::vars_os(),
    );
    let ended = match config::load(&sources) {
        Ok(loaded) if arguments.check => {
            tell(&report::checked(&loaded));
            Ok(())
        }
        Ok(loaded) => serve(sources, loaded),
        Err(problems) if arguments.check => {
            tell(&report::refused(&problems));
            return ExitCode::FAILURE;
        }
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

/// A panic is a bug, on whichever thread: what is left would be a ghost of a daemon. One line says where, and the exit code is
/// [`BUG`] instead of a signal.
fn end_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let words = panic.to_string().replace('\n', " ");
        tell(&format_args!("suimond: a bug, please report it: {words}"));
        let trace = std::backtrace::Backtrace::capture();
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            tell(&trace);
        }
        std::process::exit(BUG.into());
    }));
}

fn serve(sources: Sources, loaded: Loaded) -> Result<(), Failure> {
    for warning in &loaded.warnings {
        tell(warning);
    }
    let plan = &loaded.plan;
    let logging = Logging::start(&plan.ops).map_err(|error| Failure::System(error.to_string()))?;
    raise_descriptor_limit();
    make_state_dir(&plan.process.state_dir);
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
    // Before anything can be waited for: who hears "ready" may send a signal at once.
    let signals = Signals::listen().map_err(|error| system(&error))?;
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
    let lookout = Lookout::begin(&operator);
    lookout.keep(&operator).map_err(|error| system(&error))?;
    let recorder = dnstap::Recorder::begin(&plan.ops.dnstap, operator.telemetry())
        .map_err(|error| system(&error))?;
    let front = Arc::new(Front::new(Arc::clone(&operator), runtime.handle().clone()));
    let ingress = listeners
        .start(&front, operator.telemetry(), &plan.ingress)
        .map_err(|error| system(&error))?;

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let until_stopped = || {
        let mut stopped = stopped.clone();
        async move {
            let _stopping_or_gone = stopped.wait_for(|stopped| *stopped).await;
        }
    };
    let mut doors = JoinSet::new();
    if let Some(control) = control {
        doors.spawn(control.serve(Arc::clone(&operator) as Arc<_>, until_stopped()));
    }
    if let Some(page) = page {
        doors.spawn(page.serve(Arc::clone(&operator) as Arc<_>, until_stopped()));
    }
    let house = tokio::spawn(keep_house(Arc::clone(&operator)));
    tell(&report::ready(ingress.addresses()));
    notify::ready("serving");

    signals.attend(&operator).await;
    operator.set_draining();
    notify::stopping();
    drain(ingress, &operator, plan.process.drain).await;
    house.abort();
    let _aborted = house.await;
    let (live, now) = (Arc::clone(&operator.live()), clock::now());
    tokio::join!(
        operator.known_names().close(&live, now, LAST_WRITING),
        operator.incidents().close(&live, now, LAST_WRITING),
    );
    if let Some(recorder) = recorder {
        recorder.end();
    }
    // The control socket's file goes with who serves it, so that one is waited for.
    stop.send_replace(true);
    let closed = async { while doors.join_next().await.is_some() {} };
    let _in_time = tokio::time::timeout(CLOSING, closed).await;
    Ok(())
}

/// The signals that suimond understands.
struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on none of them ends the process by itself, and what arrives before [`Self::attend`] is kept.
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Reloads on SIGHUP; returns on SIGTERM or SIGINT.
    async fn attend(mut self, operator: &Operator) {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => {
                    notify::reloading();
                    operator.reload_now();
                    notify::ready("serving");
                }
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
            }
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

/// At once and every few seconds: priming, cache bookkeeping, who is over a limit, the status line; the watchdog as long as all is well.
async fn keep_house(operator: Arc<Operator>) {
    let pace =
        notify::watchdog_interval().map_or(HOUSEKEEPING, |interval| interval.min(HOUSEKEEPING));
    let mut ticks = tokio::time::interval(pace);
    // A clock that jumped by years must not be caught up with tick by tick.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watch = Watch::default();
    let mut priming = Priming::default();
    loop {
        ticks.tick().await;
        priming.see_to_it(&operator);
        let live = operator.live();
        live.cache.settle();
        live.pipeline.guard.see_to_it(clock::now());
        drop(live);
        operator.end_excuses();
        let live = Arc::clone(&operator.live());
        operator.incidents().see_to_it(&live, clock::now());
        operator.known_names().see_to_it(&live, clock::now());
        drop(live);
        operator.rollovers().see_to_it(&operator);
        operator.local_root().see_to_it(&operator);
        notify::status(&operator.status_line());
        if watch.all_is_well(&operator) {
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

/// Nothing that is kept there is needed to serve.
fn make_state_dir(dir: &std::path::Path) {
    if let Err(error) = std::fs::create_dir_all(dir) {
        tracing::warn!(
            directory = %dir.display(),
            %error,
            "the state directory cannot be made: a restart forgets what is learned; create it for this user or set process.state_dir"
        );
    }
}

fn confine(sources: &Sources, loaded: &Loaded) {
    let mut readable = loaded.files.clone();
    readable.extend(sources.file.iter().cloned());
    readable.extend(loaded.named_files.iter().cloned());
    let mut writable = vec![loaded.plan.process.state_dir.clone()];
    writable.extend(
        loaded
            .plan
            .ops
            .control_socket
            .iter()
            .chain(&loaded.plan.ops.dnstap.file)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The hook belongs to the whole process, so the one that panics is a child: this very test, told by a variable.
    #[test]
    fn a_panic_on_any_thread_ends_with_code_70_and_one_line() {
        const CHILD: &str = "SUIMON_TEST_PANIC_CHILD";
        if std::env::var_os(CHILD).is_some() {
            end_on_panic();
            let _never_joined = std::thread::spawn(|| panic!("first\nsecond")).join();
            return;
        }
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "daemon::tests::a_panic_on_any_thread_ends_with_code_70_and_one_line",
            ])
            .env(CHILD, "1")
            .env_remove("RUST_BACKTRACE")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&child.stderr);
        assert_eq!(child.status.code(), Some(70), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.contains("first second"), "{told}");
    }
}
