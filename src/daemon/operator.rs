//! What may the operator see and do? The one implementation of `ops::control::Service`.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, Guard};

use super::excused::Keeper;
use super::incidents::{self, Incidents};
use super::live::Live;
use super::local_root::LocalRoots;
use super::pins::Pins;
use super::rollover::Rollovers;
use super::secrecy::Secrecy;
use super::{dnstap, flushing, guarded, known_names, lookout, metrics, report, shadow, top, why};
use crate::config::{self, Loaded, Sources};
use crate::dnssec::{Excused, ExcusedZones};
use crate::egress::ForwarderError;
use crate::guard::permit::{InternalCause, RecursionPermit};
use crate::guard::zones::{Charged, Class};
use crate::ops::control::protocol::{
    AskReport, GuardChangeReport, GuardReport, GuardTarget, IncidentReport, IncidentsReport,
    LastReload, NtaAddReport, NtaListReport, NtaRemoveReport, ReloadReport, ShadowReport,
    StatusReport, TopReport, Transport, WhyReport,
};
use crate::ops::control::{
    FlushTarget, Peer, Rate, Reply, Service, ServiceError, ZoneWish, queries,
};
use crate::ops::logging::Logging;
use crate::ops::metrics::Metric;
use crate::sys::clock::{self, Now};
use crate::telemetry::Telemetry;
use crate::wire::{Name, Question};

/// The running daemon: the live configuration and how to replace it.
pub(super) struct Operator {
    sources: Sources,
    listening: Vec<SocketAddr>,
    logging: Logging,
    telemetry: Arc<Telemetry>,
    live: ArcSwap<Live>,
    started: Now,
    draining: AtomicBool,
    /// Held while one reload is under way, so that SIGHUP and the control socket take turns.
    reloading: Mutex<()>,
    last_reload: Mutex<Option<(Now, bool)>>,
    rate: Mutex<Rate>,
    /// Zones excused from validation, whatever the configuration.
    excused: Arc<ExcusedZones>,
    keeper: Keeper,
    /// Zones pinned or exempted from the zone guard, whatever the configuration.
    pins: Pins,
    rollovers: Rollovers,
    known_names: known_names::Keeper,
    incidents: Arc<Incidents>,
    secrecy: Arc<Secrecy>,
    local_root: LocalRoots,
    /// Wall seconds when ends of excuses were looked for last.
    looked_for_ends: AtomicU64,
}

impl Operator {
    /// Builds the rooms of `loaded`. `listening`: the addresses as bound.
    pub(super) fn new(
        sources: Sources,
        loaded: Loaded,
        listening: Vec<SocketAddr>,
        logging: Logging,
    ) -> Result<Arc<Self>, ForwarderError> {
        let telemetry = Arc::new(Telemetry::new());
        let started = clock::now();
        let keeper = Keeper::of(&loaded.plan.process.state_dir);
        let excused = Arc::new(keeper.load(started.wall_secs()));
        let live = Live::build(loaded, &listening, &telemetry, &excused, None)?;
        let pins = Pins::load(&live.plan.process.state_dir);
        pins.adopt(&live, started);
        let rollovers = Rollovers::of(&live.plan.process);
        rollovers.adopt(&live);
        let local_root = LocalRoots::of(&live.plan.process);
        local_root.adopt(&live);
        local_root.begin(&live);
        let incidents = Arc::new(Incidents::of(&live.plan));
        let secrecy = Arc::new(Secrecy::of(&live.plan.process.state_dir));
        Ok(Arc::new(Self {
            sources,
            listening,
            logging,
            telemetry,
            live: ArcSwap::from_pointee(live),
            started,
            draining: AtomicBool::new(false),
            reloading: Mutex::default(),
            last_reload: Mutex::new(None),
            rate: Mutex::default(),
            excused,
            keeper,
            pins,
            rollovers,
            known_names: known_names::Keeper::default(),
            incidents,
            secrecy,
            local_root,
            looked_for_ends: AtomicU64::new(started.wall_secs()),
        }))
    }

    /// The running configuration.
    pub(super) fn live(&self) -> Guard<Arc<Live>> {
        self.live.load()
    }

    /// The trust anchors whose keys are followed.
    pub(super) const fn rollovers(&self) -> &Rollovers {
        &self.rollovers
    }

    /// When the names known to be real are written down.
    pub(super) const fn known_names(&self) -> &known_names::Keeper {
        &self.known_names
    }

    /// What people hear of attacks.
    pub(super) const fn incidents(&self) -> &Arc<Incidents> {
        &self.incidents
    }

    /// The copy of the root zone.
    pub(super) const fn local_root(&self) -> &LocalRoots {
        &self.local_root
    }

    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    pub(super) fn set_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// One line for `systemctl status`; also where the rate of queries is measured, so call it every few seconds.
    pub(super) fn status_line(&self) -> String {
        let snapshot = self.telemetry.snapshot();
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        rate.note(clock::now(), queries(&snapshot));
        report::status_line(rate.per_second(), &snapshot)
    }

    /// Reads the configuration again. With an error in it, everything stays as it is.
    pub(super) fn reload_now(&self) -> ReloadReport {
        let _one_at_a_time = self
            .reloading
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let report = self.try_reload();
        if report.applied {
            tracing::info!(changed = report.changed.join(" "), "configuration reloaded");
        } else {
            tracing::error!(
                "the new configuration was not taken; the old one runs on\n{}",
                report.problems.join("\n")
            );
        }
        let mut last = self
            .last_reload
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *last = Some((clock::now(), report.applied));
        report
    }

    fn try_reload(&self) -> ReloadReport {
        let refused = |problems| ReloadReport {
            problems,
            ..ReloadReport::default()
        };
        let loaded = match config::load(&Sources {
            now: Some(clock::now().wall_secs()),
            ..self.sources.clone()
        }) {
            Ok(loaded) => loaded,
            Err(problems) => {
                let confined = self.live().plan.process.sandbox;
                return refused(report::not_reloaded(&problems, confined));
            }
        };
        let before = self.live.load_full();
        let after = match Live::build(
            loaded,
            &self.listening,
            &self.telemetry,
            &self.excused,
            Some(&before),
        ) {
            Ok(after) => after,
            Err(error) => return refused(vec![error.to_string()]),
        };
        // The last thing that can fail, so that a configuration not taken changes nothing at all.
        if let Err(error) = self.logging.set_level(&after.plan.ops.log_level) {
            return refused(vec![error.to_string()]);
        }
        let changed = report::changed_keys(&before.effective, &after.effective);
        let restart_needed = changed
            .iter()
            .filter(|key| report::needs_restart(key))
            .cloned()
            .collect();
        self.rollovers.adopt(&after);
        self.pins.adopt(&after, clock::now());
        self.local_root.adopt(&after);
        self.live.store(Arc::new(after));
        ReloadReport {
            applied: true,
            changed,
            restart_needed,
            problems: Vec::new(),
        }
    }

    /// Validates zones again whose excuse has ended, by forgetting what was taken on trust.
    pub(super) fn end_excuses(&self) {
        let at = clock::now().wall_secs();
        let before = self.looked_for_ends.swap(at, Ordering::Relaxed);
        let run_time: Vec<Name> = self
            .excused
            .take_ended(at)
            .into_iter()
            .map(|excused| excused.zone)
            .collect();
        if !run_time.is_empty() {
            self.keeper.save(&self.excused);
        }
        let live = self.live();
        let planned = live
            .plan
            .dnssec
            .negative_anchors
            .iter()
            .filter(|anchor| {
                anchor
                    .until
                    .is_some_and(|until| before < until && until <= at)
            })
            .map(|anchor| anchor.zone.clone());
        for zone in run_time.into_iter().chain(planned) {
            tracing::info!(%zone, "a negative trust anchor has ended: the zone is validated again");
            self.flush(&FlushTarget::Tree(zone));
        }
    }
}

impl Service for Operator {
    fn status(&self) -> StatusReport {
        let live = self.live();
        let rate = self
            .rate
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .per_second();
        let last_reload = *self
            .last_reload
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let now = clock::now();
        let mut counted = report::status(&live, &self.telemetry.snapshot());
        self.rollovers.tell(&mut counted.validation.anchors);
        counted.local_root = self.local_root.report(now);
        let mut warnings = report::warnings(&live);
        warnings.extend(lookout::warnings(&live));
        warnings.extend(self.rollovers.warnings());
        warnings.extend(guarded::warnings(&live, now));
        warnings.extend(self.local_root.warnings());
        warnings.extend(self.incidents.warning());
        StatusReport {
            state: if self.draining.load(Ordering::Relaxed) {
                "draining"
            } else {
                "serving"
            }
            .to_owned(),
            uptime_seconds: now.since(self.started).as_secs(),
            listeners: self.listening.clone(),
            config_files: live
                .files
                .iter()
                .map(|file| file.display().to_string())
                .collect(),
            last_reload: last_reload.map(|(at, applied)| LastReload {
                seconds_ago: now.since(at).as_secs(),
                applied,
            }),
            queries_per_second: rate,
            warnings,
            ..counted
        }
    }

    fn stats(&self) -> Vec<Metric> {
        let (live, snapshot) = (self.live(), self.telemetry.snapshot());
        let mut all = crate::ops::metrics::of_telemetry(&snapshot);
        shadow::metrics(&mut all, &live, &snapshot.clients);
        dnstap::metrics(&mut all, &self.telemetry);
        all.extend(metrics::of_live(&live));
        all.extend(self.rollovers.metrics());
        self.incidents.metrics(&mut all);
        let root_copy = live.resolver.root_copy();
        all.extend(self.local_root.metrics(root_copy, clock::now()));
        all
    }

    fn top(&self) -> TopReport {
        top::report(&self.live(), &self.telemetry, self.started, clock::now())
    }

    fn flush(&self, target: &FlushTarget) -> u64 {
        flushing::flush(&self.live(), target)
    }

    fn ask(&self, question: Question, trace: bool) -> Reply<'_, Result<AskReport, ServiceError>> {
        let live = Arc::clone(&self.live());
        Box::pin(async move {
            let begun = clock::now();
            let decision = live.policy.decide(&question);
            let permit = RecursionPermit::internal(InternalCause::Audit);
            let traced = live.resolver.explain(permit, question.clone()).await;
            let source = report::source(&decision, traced.spent.packets);
            let mut told = report::asked(
                &question,
                &traced,
                source,
                &live.plan.recursion.limits,
                begun,
            );
            if !trace {
                told.trace.clear();
            }
            Ok(told)
        })
    }

    fn why(
        &self,
        client: IpAddr,
        transport: Transport,
        interface: Option<&str>,
        question: &Question,
    ) -> WhyReport {
        let local = self.listening.first().map_or(client, SocketAddr::ip);
        why::report(&self.live(), local, client, transport, interface, question)
    }

    fn reload(&self) -> Reply<'_, ReloadReport> {
        Box::pin(async move { self.reload_now() })
    }

    fn add_negative_anchor(
        &self,
        zone: &Name,
        seconds: u32,
        reason: &str,
    ) -> Result<NtaAddReport, ServiceError> {
        let live = self.live();
        if !live.validator.is_on() {
            let why = live.plan.dnssec.off_because.as_deref();
            return Err(ServiceError(format!(
                "nothing is validated: {}",
                why.unwrap_or("there is no trust anchor")
            )));
        }
        let now = clock::now();
        let excused = Excused {
            zone: zone.clone(),
            until: now.wall_secs().saturating_add(u64::from(seconds)),
            reason: reason.to_owned(),
        };
        let added = report::excused(&excused, now);
        self.end_excuses();
        let replaced = self
            .excused
            .add(excused)
            .map_err(|error| ServiceError(error.to_string()))?;
        tracing::warn!(%zone, seconds, reason, "negative trust anchor added: the zone is not validated");
        Ok(NtaAddReport {
            added,
            replaced,
            removed: self.flush(&FlushTarget::Tree(zone.clone())),
            kept: self.keeper.save(&self.excused),
        })
    }

    fn negative_anchors(&self) -> NtaListReport {
        NtaListReport {
            negative_anchors: report::negative_anchors(&self.live(), clock::now()),
        }
    }

    fn zone_guard(&self) -> GuardReport {
        guarded::status(&self.live(), &self.pins, clock::now())
    }

    fn shadow(&self) -> ShadowReport {
        let snapshot = self.telemetry.snapshot();
        shadow::report(&self.live(), &snapshot, self.started, clock::now())
    }

    fn incidents(&self) -> IncidentsReport {
        self.incidents.list()
    }

    fn incident(
        &self,
        ids: Vec<String>,
        detail: bool,
        viewer: Peer,
    ) -> Reply<'_, Result<IncidentReport, ServiceError>> {
        let plan = self.live().plan.secrecy.clone();
        let (incidents, gate) = (Arc::clone(&self.incidents), Arc::clone(&self.secrecy));
        Box::pin(incidents::show(
            incidents,
            gate,
            plan,
            ids,
            (detail, viewer),
        ))
    }

    fn steer_zone_guard(
        &self,
        target: &GuardTarget,
        wish: ZoneWish,
    ) -> Result<GuardChangeReport, ServiceError> {
        let (live, pins, now) = (self.live(), &self.pins, clock::now());
        let target = &match target {
            GuardTarget::Zone(zone) => Charged::Zone(zone.clone()),
            GuardTarget::Server(address) => Charged::Server(*address),
        };
        match wish {
            ZoneWish::Pin => guarded::wish(&live, pins, target, Class::Pinned, now),
            ZoneWish::Exempt => guarded::wish(&live, pins, target, Class::Exempt, now),
            ZoneWish::Release => guarded::release(&live, pins, target, now),
        }
    }

    fn remove_negative_anchor(&self, zone: &Name) -> Result<NtaRemoveReport, ServiceError> {
        let Some(gone) = self.excused.remove(zone) else {
            let planned = &self.live().plan.dnssec.negative_anchors;
            let sentence = if planned.iter().any(|anchor| anchor.zone == *zone) {
                format!(
                    "the negative trust anchor of {zone} stands in the configuration (dnssec.negative_trust_anchors, or validate = false of [[forward]] or [[stub]]); change it there and reload"
                )
            } else {
                format!("there is no negative trust anchor for {zone}")
            };
            return Err(ServiceError(sentence));
        };
        tracing::info!(%zone, "negative trust anchor removed: the zone is validated again");
        Ok(NtaRemoveReport {
            zone: gone.zone.to_string(),
            removed: self.flush(&FlushTarget::Tree(zone.clone())),
            kept: self.keeper.save(&self.excused),
        })
    }
}
