//! How do people hear of attacks? From the rooms that notice them to the log, a line when one starts, every minute, and when it is over;
//! and to the journal, which keeps them.

mod journal;
mod shelf;
mod story;
mod told;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::live::Live;
use super::secrecy::Sight;
use crate::config::plan::Plan;
use crate::ops::control::ServiceError;
use crate::ops::control::protocol::{Incident, IncidentReport, IncidentsReport};
use crate::ops::metrics::Metric;
use crate::sys::clock::Now;
use crate::sys::host;
use crate::telemetry::incidents::{Moment, Stage, Subject};
use journal::{Done, Journal, Work};
use shelf::Shelf;
use story::Whole;

/// Writings after each other when suimond ends; each takes up to 64 files.
const LAST_ROUNDS: usize = 200;

/// What happened, and what is kept of it.
#[derive(Debug)]
pub(super) struct Incidents {
    /// The number of the next moment.
    next: AtomicU64,
    /// How many began, in the order of [`Subject::LABELS`].
    begun: [AtomicU64; Subject::LABELS.len()],
    kept: Option<Kept>,
    host: String,
}

/// The journal and where it lies. Only housekeeping touches the disk; the lock is never held meanwhile.
#[derive(Debug)]
struct Kept {
    journal: Mutex<Journal>,
    shelf: Shelf,
}

impl Incidents {
    /// With what was kept before the start, unless nothing is to be kept.
    pub(super) fn of(plan: &Plan) -> Self {
        let host = host::name();
        let kept = plan.incidents.journal.then(|| {
            let shelf = Shelf::of(&plan.process.state_dir);
            let lying = shelf.all().unwrap_or_else(|error| {
                tracing::warn!(
                    directory = %shelf.directory().display(),
                    %error,
                    "the incidents of before the start cannot be read and are not listed"
                );
                Vec::new()
            });
            Kept {
                journal: Mutex::new(Journal::of(lying, host.clone())),
                shelf,
            }
        });
        Self {
            next: AtomicU64::new(0),
            begun: Default::default(),
            kept,
            host,
        }
    }

    /// Looks at what nobody asks for any more, tells what is new, and keeps it. Called every few seconds.
    pub(super) async fn see_to_it(&self, live: &Live, now: Now) {
        let work = self.take_up(live, now);
        let Some(kept) = &self.kept else {
            return;
        };
        if work.is_empty() {
            return;
        }
        let shelf = kept.shelf.clone();
        let did = tokio::task::spawn_blocking(move || shelf.perform(work)).await;
        kept.did(did.unwrap_or_default(), now);
    }

    /// suimond ends: what goes on is over, and everything is written.
    pub(super) fn close(&self, live: &Live, now: Now) {
        let mut work = self.take_up(live, now);
        let Some(kept) = &self.kept else {
            return;
        };
        kept.lock().shut();
        for _ in 0..LAST_ROUNDS {
            kept.did(kept.shelf.perform(work), now);
            work = kept
                .lock()
                .due(&live.plan.incidents, &live.plan.secrecy, now);
            if work.is_empty() {
                break;
            }
        }
    }

    /// `incidents list`.
    pub(super) fn list(&self) -> IncidentsReport {
        let Some(kept) = &self.kept else {
            return IncidentsReport {
                trouble: Some("no journal is kept (incidents.journal = false)".to_owned()),
                ..IncidentsReport::default()
            };
        };
        let journal = kept.lock();
        IncidentsReport {
            incidents: journal.list(),
            trouble: journal.trouble().map(str::to_owned),
        }
    }

    /// `incidents show` and `export`; reads files. The gate has let `sight` through.
    ///
    /// # Errors
    /// There is no such incident, or its file cannot be read.
    pub(super) fn show(
        &self,
        ids: &[String],
        sight: Sight,
    ) -> Result<IncidentReport, ServiceError> {
        let find = |id: &String| {
            let found = self.kept.as_ref().and_then(|kept| kept.find(id));
            let mut incident = found.unwrap_or_else(|| {
                Err(ServiceError(format!(
                    "there is no incident {id}; suimon incidents list shows them"
                )))
            })?;
            if sight == Sight::Networks {
                incident.detail = None;
            }
            Ok(incident)
        };
        Ok(IncidentReport {
            host: self.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            incidents: ids.iter().map(find).collect::<Result<_, _>>()?,
        })
    }

    /// A line of warning if the journal cannot be written.
    pub(super) fn warning(&self) -> Option<String> {
        let kept = self.kept.as_ref()?;
        let trouble = kept.lock().trouble()?.to_owned();
        Some(format!("incidents are not kept: {trouble}"))
    }

    /// Metrics.
    pub(super) fn metrics(&self, metrics: &mut Vec<Metric>) {
        for (kind, times) in Subject::LABELS.into_iter().zip(&self.begun) {
            metrics.push(Metric::counter(
                "suimon_incidents_total",
                "Incidents that began, by kind.",
                &[("kind", kind)],
                times.load(Ordering::Relaxed),
            ));
        }
        let Some(kept) = &self.kept else {
            return;
        };
        let journal = kept.lock();
        let (open, over) = journal.counts();
        for (name, help, count) in [
            (
                "suimon_incidents_not_kept_total",
                "Incidents not kept because all that are kept go on.",
                journal.not_kept,
            ),
            (
                "suimon_incident_journal_failures_total",
                "Times that a file of the journal could not be written or removed.",
                journal.failures,
            ),
        ] {
            metrics.push(Metric::counter(name, help, &[], count));
        }
        let amount = |count| u64::try_from(count).unwrap_or(u64::MAX);
        for (name, help, amount) in [
            (
                "suimon_incidents_open",
                "Incidents that go on.",
                amount(open),
            ),
            (
                "suimon_incidents_kept",
                "Incidents that are over and kept.",
                amount(over),
            ),
            (
                "suimon_incident_journal_bytes",
                "Octets of the journal's files.",
                journal.octets(),
            ),
        ] {
            metrics.push(Metric::level(name, help, &[], amount));
        }
    }

    /// Tells what is new, and says what is to be written.
    fn take_up(&self, live: &Live, now: Now) -> Vec<Work> {
        let (plan, pipeline) = (&live.plan, &live.pipeline);
        pipeline.zones.tend(now);
        let incidents = pipeline.telemetry.incidents();
        for moment in pipeline.guard.moments(now) {
            incidents.push(moment);
        }
        let mut next = self.next.load(Ordering::Relaxed);
        let fresh = incidents.after(&mut next);
        self.next.store(next, Ordering::Relaxed);
        for moment in &fresh {
            self.count(moment);
            told::tell(moment, &plan.secrecy);
        }
        let Some(kept) = &self.kept else {
            return Vec::new();
        };
        let mut journal = kept.lock();
        if !fresh.is_empty() {
            let whole = Whole {
                upstream_packets: live.egress.counters().snapshot().sent_in_all(),
                processor_time: host::processor_time(),
                config_sha256: fingerprint(&live.effective),
            };
            for moment in &fresh {
                journal.take_up(moment, &whole, &plan.incidents, &plan.secrecy);
            }
        }
        journal.due(&plan.incidents, &plan.secrecy, now)
    }

    fn count(&self, moment: &Moment) {
        let kinds = Subject::LABELS.iter().zip(&self.begun);
        let label = moment.subject.label();
        for (_, times) in kinds.filter(|(kind, _)| **kind == label) {
            times.fetch_add(u64::from(moment.stage == Stage::Started), Ordering::Relaxed);
        }
    }
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From memory, else from its file; nothing if there is no such incident.
    fn find(&self, id: &str) -> Option<Result<Incident, ServiceError>> {
        let found = self.lock().find(id);
        match found {
            Ok(incident) => Some(Ok(incident)),
            Err(true) => Some(self.shelf.read(id).map_err(|error| {
                ServiceError(format!("the file of incident {id} cannot be read: {error}"))
            })),
            Err(false) => None,
        }
    }

    /// Notes how the work went; one line of log when trouble begins, one when it is over.
    fn did(&self, did: Vec<(Work, Done)>, now: Now) {
        let mut journal = self.lock();
        for (work, done) in did {
            let directory = self.shelf.directory().display();
            match journal.done(&work, done, now) {
                Some(Some(error)) => tracing::warn!(
                    %directory,
                    error,
                    "incidents cannot be kept; that is tried again, and nothing else suffers"
                ),
                Some(None) => tracing::info!(%directory, "incidents are kept again"),
                None => {}
            }
        }
    }
}

impl Shelf {
    /// Does what is to be done, up to the first failure: what follows would fail as well.
    fn perform(&self, work: Vec<Work>) -> Vec<(Work, Done)> {
        let mut did = Vec::new();
        for one in work {
            let done = match &one {
                Work::Lay(incident) => self.lay(incident),
                Work::Strip(id) => self.strip(id),
                Work::TakeAway(id) => self.take_away(id).map(|()| 0),
            };
            let failed = done.is_err();
            did.push((one, done.map_err(|error| error.to_string())));
            if failed {
                break;
            }
        }
        did
    }
}

/// What the gate let through, read on a thread that may wait for the disk.
///
/// # Errors
/// What the gate said, or what [`Incidents::show`] says.
pub(super) async fn show(
    incidents: Arc<Incidents>,
    ids: Vec<String>,
    sight: Result<Sight, ServiceError>,
) -> Result<IncidentReport, ServiceError> {
    let sight = sight?;
    tokio::task::spawn_blocking(move || incidents.show(&ids, sight))
        .await
        .unwrap_or_else(|error| Err(ServiceError(error.to_string())))
}

/// SHA-256, hexadecimal.
fn fingerprint(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest
        .as_ref()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}
