//! How do people hear of zones under attack? A line in the log when it starts, every minute that it goes on, and when it is over.

use std::sync::atomic::{AtomicU64, Ordering};

use super::live::Live;
use crate::sys::clock;
use crate::telemetry::attacks::{Event, Stage};

/// Which events were told.
#[derive(Debug, Default)]
pub(super) struct ZoneAttacks {
    next: AtomicU64,
}

impl ZoneAttacks {
    /// Looks at zones that nobody asks for any more, and tells what is new.
    pub(super) fn see_to_it(&self, live: &Live) {
        live.pipeline.zones.tend(clock::now());
        let mut next = self.next.load(Ordering::Relaxed);
        for event in live.pipeline.telemetry.attacks().after(&mut next) {
            tell(&event);
        }
        self.next.store(next, Ordering::Relaxed);
    }
}

/// Rates and counts, no client: who asked stands in the journal of incidents.
fn tell(Event { stage, attack, .. }: &Event) {
    let suffix = attack.suffix.as_deref().unwrap_or(&attack.zone);
    let failed_percent = (attack.failed_share * 100.0).round();
    let (demand, unknown) = (attack.demand.round(), attack.unknown.round());
    if *stage == Stage::Stopped {
        tracing::info!(
            zone = attack.zone,
            suffix,
            seconds = attack.seconds,
            peak = attack.peak.round(),
            denied = attack.denied,
            explored = attack.explored,
            "zone under attack: over"
        );
        return;
    }
    tracing::warn!(
        zone = attack.zone,
        suffix,
        trigger = attack.trigger,
        seconds = attack.seconds,
        demand,
        unknown,
        failed_percent,
        dead = attack.dead,
        denied = attack.denied,
        names = attack.names,
        clients = attack.clients,
        "zone under attack: {}",
        stage.label()
    );
}
