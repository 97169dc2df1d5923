//! Which source has a newer root zone, and is it the true one? One look at all of them, in order, until one is good.

use std::fs;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::kept::{self, Kept, KeptFile};
use super::{LocalRoots, Proven, shown};
use crate::config::plan;
use crate::dnssec::{Anchor, Start, Validator, ZoneCopy};
use crate::egress::{Egress, TransferLimits, Transferred};
use crate::guard::permit::{InternalCause, RecursionPermit};
use crate::resolve::RootCopy;
use crate::sys::clock;
use crate::wire::{Name, Record, zone_file};

/// Our file is written anew when it says that the copy was last seen to be the newest longer ago than this, seconds. The copy
/// changes twice a day as it is, so that a restart loses at most some hours of the SOA's expire time (7 days).
const KEEP_AGAIN: u64 = 21_600;

/// One look, under one configuration.
pub(super) struct Fetch {
    pub(super) plan: plan::LocalRoot,
    pub(super) configuration: u64,
    /// The serial of the copy in use.
    pub(super) have: Option<u32>,
    /// Whether the file of before the restart comes first.
    pub(super) load: bool,
    pub(super) directory: PathBuf,
    pub(super) validator: Arc<Validator>,
    pub(super) egress: Arc<Egress>,
    pub(super) root_copy: Arc<RootCopy>,
    pub(super) limits: plan::Limits,
}

/// What one source has.
enum Source {
    /// What is in use is the newest, as of this moment (wall seconds).
    Same(u64),
    /// A newer one.
    Newer(Proven),
}

impl Fetch {
    /// Looks, and puts in use what is found.
    pub(super) async fn run(mut self, roots: &LocalRoots) {
        let mut fetch = if self.load {
            let (fetch, loaded) = self.blocking(|fetch| fetch.load_kept()).await;
            self = fetch;
            let mut state = roots.state();
            if state.configuration != self.configuration {
                return;
            }
            state.loaded = true;
            if let Some(proven) = loaded {
                self.have = Some(proven.copy.timers().serial);
                state.take(proven, &self.root_copy, clock::now());
            }
            drop(state);
            self
        } else {
            self
        };
        let mut troubles = Vec::new();
        let mut found = None;
        if let Err(why) = fetch.anchor() {
            // Nothing that came could be used, so nobody is asked.
            fetch.put(roots, None, why);
            fetch.ended(roots);
            return;
        }
        for server in fetch.plan.servers.clone() {
            let (back, came) = fetch.ask_server(server).await;
            fetch = back;
            match came {
                Ok(source) => {
                    found = Some(source);
                    break;
                }
                Err(why) => troubles.push(format!("{server}: {why}")),
            }
        }
        if let (None, Some(file)) = (&found, fetch.plan.file.clone()) {
            let (back, came) = fetch
                .blocking(move |fetch| fetch.look_at_file(&file).map_err(|why| (file, why)))
                .await;
            fetch = back;
            match came {
                Ok(source) => found = Some(source),
                Err((file, why)) => troubles.push(format!("{}: {why}", shown(&file))),
            }
        }
        let keep = fetch.put(roots, found, troubles.join("; "));
        if let Some(keep) = keep {
            let (back, kept) = fetch.blocking(move |fetch| fetch.keep(&keep)).await;
            if let (Some(at), Some(used)) = (kept, roots.state().used.as_mut()) {
                used.kept = at;
            }
            fetch = back;
        }
        fetch.ended(roots);
    }

    /// The next look may begin when it is due.
    fn ended(&self, roots: &LocalRoots) {
        let mut state = roots.state();
        if state.configuration == self.configuration {
            state.fetching = false;
        }
    }

    /// Puts what was found in force; says what is to be kept.
    fn put(&self, roots: &LocalRoots, found: Option<Source>, troubles: String) -> Option<Keep> {
        let now = clock::now();
        let mut state = roots.state();
        if state.configuration != self.configuration {
            return None;
        }
        match found {
            Some(Source::Newer(proven)) => {
                let at = proven.at;
                let text = kept::text(&proven.records, at);
                state.take(proven, &self.root_copy, now);
                Some(Keep::Whole(text, at))
            }
            Some(Source::Same(at)) => {
                state.confirm(at, &self.root_copy, now);
                let used = state.used.as_ref()?;
                let is_old = used.checked.saturating_sub(used.kept) > KEEP_AGAIN;
                is_old.then_some(Keep::Moment(used.checked))
            }
            None => {
                state.fail(troubles, now);
                None
            }
        }
    }

    async fn ask_server(self, server: SocketAddr) -> (Self, Result<Source, String>) {
        let permit = RecursionPermit::internal(InternalCause::LocalRoot);
        let limits = TransferLimits {
            bytes: self.plan.max_bytes,
            records: self.plan.max_records,
            time: self.plan.transfer_time,
        };
        let budget_limits = plan::Limits {
            time: self.plan.transfer_time,
            bytes: u32::MAX,
            ..self.limits
        };
        let mut budget = permit.into_budget(&budget_limits, clock::now());
        let root = Name::root();
        let came = self
            .egress
            .transfer(server, &root, self.have, &limits, &mut budget)
            .await;
        let at = clock::now().wall_secs();
        match came {
            Err(failure) => (self, Err(failure.to_string())),
            Ok(Transferred::NothingNew(serial)) if Some(serial) == self.have => {
                (self, Ok(Source::Same(at)))
            }
            Ok(Transferred::NothingNew(serial)) => {
                (self, Err(format!("it is behind: its serial is {serial}")))
            }
            Ok(Transferred::Zone(records)) => {
                self.blocking(move |fetch| fetch.prove(records, server.to_string(), at))
                    .await
            }
        }
    }

    /// The operator's file. When it was changed is when it was fetched.
    fn look_at_file(&self, file: &Path) -> Result<Source, String> {
        let (text, at) = read(file, self.plan.max_bytes).map_err(|error| error.to_string())?;
        let records =
            zone_file::records(&text, self.plan.max_records).map_err(|error| error.to_string())?;
        self.prove(records, shown(file), at)
    }

    /// What was kept before the restart, if it is still good. A file that is damaged is put aside, and said.
    pub(super) fn load_kept(&self) -> Option<Proven> {
        // What cannot be proven now may be provable after the next reload.
        self.anchor().ok()?;
        let file = KeptFile::of(&self.directory, self.plan.max_bytes);
        let told = match file.read() {
            Ok(None) => return None,
            Ok(Some(Kept { text, checked })) => {
                let records = zone_file::records(&text, self.plan.max_records);
                match records.map_err(|error| error.to_string()) {
                    Ok(records) => match self.prove(records, shown(&file.path()), checked) {
                        Ok(Source::Newer(proven)) => return Some(proven),
                        Ok(Source::Same(_)) => return None,
                        Err(why) => why,
                    },
                    Err(why) => why,
                }
            }
            Err(error) => error.to_string(),
        };
        let shown_path = shown(&file.path());
        match file.put_aside() {
            Ok(aside) => tracing::warn!(
                file = shown_path,
                why = told,
                kept_as = shown(&aside),
                "local root: the copy of the root zone of before the restart is of no use; it is fetched anew"
            ),
            Err(stuck) => tracing::warn!(
                file = shown_path,
                why = told,
                not_moved = %stuck,
                "local root: the copy of the root zone of before the restart is of no use; it is fetched anew"
            ),
        }
        None
    }

    /// By what the root is believed now.
    fn anchor(&self) -> Result<Arc<Anchor>, String> {
        match self.validator.start(&Name::root(), clock::now()) {
            Start::Anchor(anchor) => Ok(anchor),
            Start::Negative => {
                Err("a negative trust anchor excuses the root from validation".into())
            }
            Start::Unanchored => Err("there is no trust anchor of the root to prove it by".into()),
        }
    }

    /// Whether `records` are the root zone, and newer than what is in use.
    fn prove(&self, records: Vec<Record>, source: String, at: u64) -> Result<Source, String> {
        let anchor = self.anchor()?;
        let clock = self.validator.clock(clock::now());
        let copy = ZoneCopy::verify(&records, &anchor, clock)
            .map_err(|fault| format!("refused: {fault}"))?;
        let timers = copy.timers();
        match self.have {
            Some(have) if timers.serial == have => Ok(Source::Same(at)),
            Some(have) if !timers.is_newer_than(have) => {
                Err(format!("it is behind: its serial is {}", timers.serial))
            }
            _ => Ok(Source::Newer(Proven {
                copy: Arc::new(copy),
                records,
                source,
                at,
            })),
        }
    }

    /// Keeps what is in use for after a restart; as of when. That it cannot be kept is said.
    fn keep(&self, what: &Keep) -> Option<u64> {
        let file = KeptFile::of(&self.directory, self.plan.max_bytes);
        let (written, at) = match what {
            Keep::Whole(text, at) => (file.replace(text), *at),
            Keep::Moment(at) => (file.note_checked(*at), *at),
        };
        match written {
            Ok(()) => Some(at),
            Err(error) => {
                tracing::warn!(
                    file = shown(&file.path()),
                    %error,
                    "local root: the copy of the root zone cannot be kept; a restart fetches it anew"
                );
                None
            }
        }
    }

    /// Runs what takes its time on a thread that nobody's packets wait for.
    async fn blocking<T: Send + 'static>(
        self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> (Self, T) {
        let ran = tokio::task::spawn_blocking(move || {
            let came = work(&self);
            (self, came)
        });
        match ran.await {
            Ok(both) => both,
            // A panic there has ended the process; otherwise the runtime is about to end.
            Err(_) => std::future::pending().await,
        }
    }
}

/// What is to be kept.
enum Keep {
    /// The whole zone, had at this moment (wall seconds).
    Whole(String, u64),
    /// That it was the newest at this moment.
    Moment(u64),
}

/// A file's text, and the wall seconds of its last change.
fn read(file: &Path, most: u64) -> io::Result<(String, u64)> {
    let found = fs::metadata(file)?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let changed = found.modified()?.duration_since(UNIX_EPOCH);
    let mut octets = Vec::new();
    fs::File::open(file)?
        .take(most.saturating_add(1))
        .read_to_end(&mut octets)?;
    if octets.len() as u64 > most {
        return Err(io::Error::other("it is larger than local_root.max_size"));
    }
    let text = String::from_utf8_lossy(&octets).into_owned();
    Ok((text, changed.map_or(0, |since| since.as_secs())))
}
