//! How do people hear of attacks? From the rooms that notice them to the log, a line when one starts, every minute, and when it is over;
//! and to the journal, which keeps them.

mod calendar;
mod journal;
mod shelf;
mod story;
mod told;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::error::Elapsed;

use super::live::Live;
use super::secrecy::{Secrecy as Gate, Sight};
use crate::config::plan::{Incidents as Limits, Plan, Secrecy};
use crate::ops::control::protocol::{Incident, IncidentReport, IncidentsReport};
use crate::ops::control::{Peer, ServiceError};
use crate::ops::metrics::Metric;
use crate::sys::clock::{self, Now};
use crate::sys::host;
use crate::telemetry::incidents::{Moment, Stage, Subject};
use journal::{Done, Journal, News, Work};
use shelf::{Found, Left, Shelf};
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
    /// Whether what happens from now on is kept. What is there already is kept within its bounds in any case.
    keeps: bool,
    kept: Arc<Kept>,
    /// The writing under way.
    writing: Mutex<Option<JoinHandle<()>>>,
    host: String,
}

/// The journal and where it lies. One at a time touches the disk; the lock is never held meanwhile.
#[derive(Debug)]
struct Kept {
    journal: Mutex<Journal>,
    shelf: Shelf,
}

impl Incidents {
    /// With what was kept before the start.
    pub(super) fn of(plan: &Plan) -> Self {
        let host = host::name();
        let shelf = Shelf::of(&plan.process.state_dir);
        let found = shelf.all(clock::now()).unwrap_or_else(|error| {
            tracing::warn!(
                directory = %shelf.directory().display(),
                %error,
                "the incidents of before the start cannot be read and are not listed"
            );
            Found::default()
        });
        Self {
            next: AtomicU64::new(0),
            begun: Default::default(),
            keeps: plan.incidents.journal,
            kept: Arc::new(Kept {
                journal: Mutex::new(Journal::of(found, host.clone())),
                shelf,
            }),
            writing: Mutex::default(),
            host,
        }
    }

    /// Looks at what nobody asks for any more, tells what is new, and has it written. Called every few seconds; never waits for the disk:
    /// while one writing is under way the rest waits in memory.
    pub(super) fn see_to_it(&self, live: &Live, now: Now) {
        self.take_up(live, now);
        let mut writing = self.writing();
        if writing.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let work = self.due(live, now);
        *writing = (!work.is_empty()).then(|| {
            let kept = Arc::clone(&self.kept);
            tokio::task::spawn_blocking(move || {
                let did = kept.shelf.perform(work, clock::now());
                kept.did(did, clock::now());
            })
        });
    }

    /// suimond ends, and nobody calls [`Self::see_to_it`] any more: what goes on is over, and everything is written, as far as the disk
    /// takes it within `limit`.
    pub(super) async fn close(&self, live: &Live, now: Now, limit: Duration) {
        self.take_up(live, now);
        let plan = (live.plan.incidents.clone(), live.plan.secrecy.clone());
        let begun = self.close_within(plan, now, limit).await;
        if begun.is_err() {
            tracing::warn!(
                directory = %self.kept.shelf.directory().display(),
                seconds = limit.as_secs(),
                incidents = self.kept.lock().unwritten(),
                "the disk does not answer, and suimond ends without it: incidents that are not written yet are not kept"
            );
        }
    }

    async fn close_within(
        &self,
        (limits, secrecy): (Limits, Secrecy),
        now: Now,
        limit: Duration,
    ) -> Result<(), Elapsed> {
        // Two writings of one file would spoil each other, and the older could come last.
        let writing = self.writing().take();
        let kept = Arc::clone(&self.kept);
        let all = async {
            if let Some(writing) = writing {
                let _done_or_ended = writing.await;
            }
            kept.lock().shut();
            let write = move || kept.write_all(&limits, &secrecy, now);
            let _done_or_ended = tokio::task::spawn_blocking(write).await;
        };
        tokio::time::timeout(limit, all).await
    }

    /// `incidents list`.
    pub(super) fn list(&self) -> IncidentsReport {
        let journal = self.kept.lock();
        let none = (!self.keeps).then_some("no journal is kept (incidents.journal = false)");
        IncidentsReport {
            incidents: journal.list(),
            trouble: journal.trouble().or_else(|| none.map(str::to_owned)),
            aside: journal.aside(),
        }
    }

    /// `incidents show` and `export`; reads files. What cannot be shown is left out, with a sentence. `gate` is asked last, with the names
    /// of what is there, and only if something is.
    ///
    /// # Errors
    /// What the gate says.
    fn show(
        &self,
        ids: &[String],
        (plan, now): (&Secrecy, Now),
        gate: impl FnOnce(&str) -> Result<Sight, ServiceError>,
    ) -> Result<IncidentReport, ServiceError> {
        let mut report = IncidentReport {
            host: self.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..IncidentReport::default()
        };
        for id in ids {
            match self.kept.find(id) {
                Ok(incident) => report.incidents.push(incident),
                Err(why) => report.left_out.push(why),
            }
        }
        if report.incidents.is_empty() {
            return Ok(report);
        }
        let there: Vec<&str> = report.incidents.iter().map(|one| one.id.as_str()).collect();
        let sight = gate(&there.join(" "))?;
        for incident in &mut report.incidents {
            // The file is rid of its details a little later, or much later if the disk fails.
            let may_detail = story::may_detail(plan, story::ended(incident), now.wall_secs());
            if sight == Sight::Networks || !may_detail {
                incident.detail = None;
            }
        }
        Ok(report)
    }

    /// A line of warning if the journal cannot be written.
    pub(super) fn warning(&self) -> Option<String> {
        let trouble = self.kept.lock().trouble()?;
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
        let journal = self.kept.lock();
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
            (
                "suimon_incident_clock_jumps_total",
                "Times that the wall clock jumped, so that for an hour nothing of before the start went for its age.",
                journal.calendar.jumps,
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
                "suimon_incident_files_aside",
                "Files of the journal that cannot be used and were set aside (NAME.bad).",
                amount(journal.aside().len()),
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

    /// Tells what is new, and takes it into the journal.
    fn take_up(&self, live: &Live, now: Now) {
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
        if fresh.is_empty() || !self.keeps {
            return;
        }
        let whole = Whole {
            upstream_packets: live.egress.counters().snapshot().sent_in_all(),
            processor_time: host::processor_time(),
            config_sha256: fingerprint(&live.effective),
        };
        let mut journal = self.kept.lock();
        for moment in &fresh {
            let limits = (&plan.incidents, &plan.secrecy);
            journal.take_up(moment, &whole, limits, now);
        }
    }

    /// What is to be written or removed now.
    fn due(&self, live: &Live, now: Now) -> Vec<Work> {
        let (limits, secrecy) = (&live.plan.incidents, &live.plan.secrecy);
        self.kept.lock().due(limits, secrecy, now)
    }

    fn writing(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Writes what is left to write, and removes what is to go; waits for the disk.
    fn write_all(&self, limits: &Limits, secrecy: &Secrecy, now: Now) {
        for _ in 0..LAST_ROUNDS {
            let work = self.lock().due(limits, secrecy, now);
            if work.is_empty() {
                break;
            }
            self.did(self.shelf.perform(work, now), now);
        }
    }

    /// From memory, else from its file; otherwise a sentence.
    fn find(&self, id: &str) -> Result<Incident, String> {
        if !Incident::is_id(id) {
            return Err(
                "this is no name of an incident; suimon incidents list shows them".to_owned(),
            );
        }
        let found = self.lock().find(id);
        match found {
            Ok(incident) => Ok(incident),
            Err(true) => self
                .shelf
                .read(id)
                .map_err(|error| format!("the file of incident {id} cannot be read: {error}")),
            Err(false) => Err(format!(
                "there is no incident {id}; suimon incidents list shows them"
            )),
        }
    }

    /// Notes how the work went; one line of log when trouble begins, one when it is over.
    fn did(&self, did: Vec<(Work, Done)>, now: Now) {
        let mut journal = self.lock();
        for (work, done) in did {
            let directory = self.shelf.directory().display();
            match journal.done(&work, done, now) {
                Some(News::Trouble(error)) => tracing::warn!(
                    %directory,
                    error,
                    "incidents cannot be kept; that is tried again, and nothing else suffers"
                ),
                Some(News::Clinging(error)) => tracing::warn!(
                    %directory,
                    error,
                    "details of an incident that may be kept no longer cannot be removed from its file; that is tried again"
                ),
                Some(News::Well) => {
                    tracing::info!(%directory, "incidents are kept again as they should be")
                }
                None => {}
            }
        }
    }
}

impl Shelf {
    /// Does what is to be done. After the first that cannot be written no other is: that would fail as well. A file that cannot be removed
    /// or be rid of its details keeps no other waiting, nor does a disk that is full.
    fn perform(&self, work: Vec<Work>, now: Now) -> Vec<(Work, Done)> {
        let mut did = Vec::new();
        let mut failed = false;
        for one in work {
            let done = match &one {
                Work::Lay(_) if failed => continue,
                Work::Lay(incident) => self.lay(incident).map(Left::File),
                Work::Strip(id) => self.strip(id, now),
                Work::TakeAway(id) => self.take_away(id).map(|()| Left::Nothing),
                Work::Discard(name) => self.discard(name).map(|()| Left::Nothing),
            };
            failed |= done.is_err() && matches!(one, Work::Lay(_));
            did.push((one, done.map_err(|error| error.to_string())));
        }
        did
    }
}

/// What the gate lets `viewer` see, on a thread that may wait for the disk: to read, and to write down who looked.
///
/// # Errors
/// What the gate says.
pub(super) async fn show(
    incidents: Arc<Incidents>,
    gate: Arc<Gate>,
    plan: Secrecy,
    ids: Vec<String>,
    (detail, viewer): (bool, Peer),
) -> Result<IncidentReport, ServiceError> {
    let now = clock::now();
    let show = move || {
        incidents.show(&ids, (&plan, now), |what| {
            gate.look(&plan, detail, (viewer, "incident_show", what), now)
        })
    };
    tokio::task::spawn_blocking(show)
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

#[cfg(test)]
mod tests {
    use super::calendar::Calendar;
    use super::*;
    use crate::config::{self, plan::Detail};
    use crate::daemon::incidents::story::tests::attacked;

    const ID: &str = "19700101T000140Z-zone";

    /// With one incident from 100 to 200 seconds, in the files of this directory.
    fn incidents(dir: &std::path::Path, journal: bool) -> Incidents {
        let text = format!("[incidents]\njournal = {journal}");
        let mut plan = config::load_text(std::path::Path::new("t.toml"), &text)
            .unwrap()
            .plan;
        plan.process.state_dir = dir.to_owned();
        let secrecy = Secrecy::default();
        let mut journal = Journal::of(Found::default(), "ns1".to_owned());
        journal.calendar = Calendar::credulous();
        let moment = attacked(Stage::Stopped, (100, 200));
        let now = at(200);
        let limits = (&plan.incidents, &secrecy);
        journal.take_up(&moment, &Whole::default(), limits, now);
        Shelf::of(dir).perform(journal.due(&plan.incidents, &secrecy, now), now);
        let incidents = Incidents::of(&plan);
        incidents.kept.lock().calendar = Calendar::credulous();
        incidents
    }

    fn at(second: u64) -> Now {
        Now {
            wall_ms: second * 1_000,
            ..Now::at_secs(second)
        }
    }

    #[test]
    fn details_are_seen_as_long_as_they_may_be_whatever_stands_in_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let incidents = incidents(dir.path(), true);
        let sees = |plan: &Secrecy, second, sight| {
            let report = incidents.show(&[ID.to_owned()], (plan, at(second)), |_| Ok(sight));
            report.unwrap().incidents[0].detail.is_some()
        };
        let plan = Secrecy::default();
        let last = 200 + plan.detail_for;
        assert!(sees(&plan, last, Sight::Attacks));
        assert!(!sees(&plan, last, Sight::Networks));
        assert!(!sees(&plan, last + 1, Sight::Attacks));
        let never = Secrecy {
            detail: Detail::Never,
            ..plan
        };
        assert!(!sees(&never, 201, Sight::Attacks));
    }

    #[tokio::test]
    async fn a_disk_that_never_answers_holds_up_the_end_for_no_longer_than_its_limit() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let dir = tempfile::tempdir().unwrap();
        let incidents = incidents(dir.path(), true);
        let plan = (
            config::load_text(std::path::Path::new("t.toml"), "")
                .unwrap()
                .plan
                .incidents,
            Secrecy::default(),
        );
        // Whoever writes to a pipe that nobody reads waits for ever.
        let stalled = dir.path().join("incidents/19700101T000500Z-zone.json.new");
        mknodat(CWD, &stalled, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let now = at(300);
        let moment = attacked(Stage::Started, (300, 300));
        let limits = (&plan.0, &plan.1);
        let hear = || {
            let mut journal = incidents.kept.lock();
            journal.take_up(&moment, &Whole::default(), limits, now);
        };
        hear();
        for under_way in [false, true] {
            if under_way {
                let kept = Arc::clone(&incidents.kept);
                let plan = plan.clone();
                let write = move || kept.write_all(&plan.0, &plan.1, now);
                *incidents.writing() = Some(tokio::task::spawn_blocking(write));
            }
            let limit = Duration::from_millis(100);
            let closing = incidents.close_within(plan.clone(), now, limit);
            let closed = tokio::time::timeout(Duration::from_secs(60), closing).await;
            assert!(
                closed.expect("it ends").is_err(),
                "and says that it is not whole"
            );
            assert_eq!(incidents.kept.lock().unwritten(), 1);
        }
        // The threads end with the test: those of a daemon end with the process.
        let _reads = std::fs::File::options()
            .read(true)
            .write(true)
            .open(&stalled)
            .unwrap();
        let limit = Duration::from_secs(60);
        assert!(incidents.close_within(plan, now, limit).await.is_ok());
    }

    #[test]
    fn only_looks_at_what_is_there_come_to_the_gate() {
        let dir = tempfile::tempdir().unwrap();
        let incidents = incidents(dir.path(), true);
        let long = "a".repeat(60_000);
        let invented = ["20261122T094708Z-zone", "../audit", "", &long].map(str::to_owned);
        let plan = Secrecy::default();
        let none = incidents
            .show(&invented, (&plan, at(201)), |_| panic!("nobody looked"))
            .unwrap();
        assert_eq!((none.incidents.len(), none.left_out.len()), (0, 4));
        assert!(none.left_out.iter().all(|why| why.len() < 100), "{none:?}");
        let ids: Vec<String> = invented.into_iter().chain([ID.to_owned()]).collect();
        let mut asked = String::new();
        let some = incidents.show(&ids, (&plan, at(201)), |what| {
            what.clone_into(&mut asked);
            Ok(Sight::Attacks)
        });
        assert_eq!(some.unwrap().incidents.len(), 1);
        assert_eq!(asked, ID);
        let refused = incidents.show(&ids, (&plan, at(201)), |_| Err(ServiceError(String::new())));
        assert!(refused.is_err());
    }

    #[test]
    fn without_a_journal_what_was_kept_before_still_loses_its_details_and_goes() {
        let dir = tempfile::tempdir().unwrap();
        let incidents = incidents(dir.path(), false);
        let limits = config::plan::Incidents {
            journal: false,
            kept: 10,
            bytes: 1 << 20,
            max_age: 30 * 86_400,
        };
        let keep = |second| {
            let now = at(second);
            let work = incidents.kept.lock().due(&limits, &Secrecy::default(), now);
            incidents
                .kept
                .did(incidents.kept.shelf.perform(work, now), now);
        };
        let path = dir.path().join(format!("incidents/{ID}.json"));
        let text = || std::fs::read_to_string(&path).unwrap();
        assert!(text().contains("192.0.2.8"));
        keep(201 + Secrecy::default().detail_for);
        assert!(!text().contains("192.0.2.8"));
        assert!(incidents.list().trouble.unwrap().contains("no journal"));
        keep(201 + limits.max_age);
        keep(201 + limits.max_age);
        assert!(!path.exists() && incidents.list().incidents.is_empty());
    }
}
