//! What one configuration runs with: every room built from its slice of the plan, and what outlives a reload kept.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::known_names;
use crate::cache::Cache;
use crate::config::Loaded;
use crate::config::plan::{self, Minimisation, Plan};
use crate::dnssec::{ExcusedZones, Validator};
use crate::egress::{Egress, Forwarder, ForwarderError};
use crate::guard::zones::ZoneGuard;
use crate::guard::{FairShares, Guard, OwnAddresses, PendingClients, Surroundings};
use crate::policy::Policy;
use crate::query::Pipeline;
use crate::resolve::Resolver;
use crate::sys::clock;
use crate::telemetry::Telemetry;

/// The running configuration.
pub(super) struct Live {
    pub(super) plan: Plan,
    pub(super) files: Vec<PathBuf>,
    /// Every setting with its place, as TOML; what a reload is compared with.
    pub(super) effective: String,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) policy: Arc<Policy>,
    pub(super) cache: Arc<Cache>,
    pub(super) validator: Arc<Validator>,
    pub(super) egress: Arc<Egress>,
    pub(super) resolver: Arc<Resolver>,
    pub(super) own: OwnAddresses,
    pub(super) surroundings: Surroundings,
}

impl Live {
    /// Builds the rooms. The cache and what is known of servers come from `before` if their settings are the same; counts of
    /// what is under way always do.
    pub(super) fn build(
        loaded: Loaded,
        listening: &[SocketAddr],
        telemetry: &Arc<Telemetry>,
        excused: &Arc<ExcusedZones>,
        before: Option<&Self>,
    ) -> Result<Self, ForwarderError> {
        let plan = loaded.plan;
        let cache = match before {
            Some(before) if before.keeps_cache(&plan) => Arc::clone(&before.cache),
            _ => Arc::new(Cache::new(&plan.cache)),
        };
        let egress = match before {
            Some(before) if before.plan.egress == plan.egress => Arc::clone(&before.egress),
            Some(before) => Arc::new(Egress::new(
                &plan.egress,
                listening,
                Arc::clone(before.egress.counters()),
            )),
            None => Arc::new(Egress::new(&plan.egress, listening, Arc::default())),
        };
        let own = before.map_or_else(OwnAddresses::default, |before| before.own.clone());
        let surroundings =
            before.map_or_else(Surroundings::default, |before| before.surroundings.clone());
        let minimises = plan.recursion.qname_minimisation != Minimisation::Off;
        let policy = Arc::new(Policy::new(&plan.policy).with_resolver_info(minimises));
        let forwarders: Result<Vec<_>, _> = plan
            .policy
            .forward
            .iter()
            .map(|zone| Forwarder::new(zone, &egress))
            .collect();
        let validator = match before {
            Some(before) if Arc::ptr_eq(&before.cache, &cache) => Arc::clone(&before.validator),
            _ => {
                let validator = Validator::new(&plan.dnssec, plan.cache.max_bytes / 32);
                Arc::new(validator.excusing(Arc::clone(excused)))
            }
        };
        let mut resolver = Resolver::new(
            Arc::clone(&cache),
            Arc::clone(&policy),
            Arc::clone(&egress),
            forwarders?,
            Arc::new(plan.recursion.clone()),
        )
        .validated_by(Arc::clone(&validator));
        let mut guard = Guard::new(&plan.guard, own.clone(), clock::now())
            .seeing(surroundings.clone())
            .overhearing(Arc::clone(egress.counters().unsolicited()));
        let mut pending = PendingClients::new(&plan.guard);
        let zones = match before {
            // One that was off has learned nothing, and has no room to.
            Some(before) if before.pipeline.zones.is_on() => {
                ZoneGuard::continuing(&plan.zone_guard, &before.pipeline.zones)
            }
            _ => {
                let now = clock::now();
                let known = known_names::Keeper::load(&plan.process, &plan.zone_guard, now);
                let incidents = Arc::clone(telemetry.incidents());
                ZoneGuard::new(&plan.zone_guard, known, incidents, now)
            }
        };
        if let Some(before) = before {
            resolver = resolver.continuing(&before.resolver);
            guard = guard.continuing(&before.pipeline.guard);
            pending = pending.continuing(&before.pipeline.pending);
        }
        let fair = match before {
            Some(before) => {
                FairShares::continuing(&plan.shares, zones.pool(), &before.pipeline.fair)
            }
            None => FairShares::new(&plan.shares, zones.pool()),
        };
        let resolver = Arc::new(resolver);
        let pipeline = Arc::new(Pipeline {
            guard,
            policy: Arc::clone(&policy),
            cache: Arc::clone(&cache),
            resolver: Arc::clone(&resolver),
            zones: Arc::new(zones),
            pending,
            fair,
            plan: plan.answer.clone(),
            telemetry: Arc::clone(telemetry),
            epoch: super::next_epoch(),
        });
        Ok(Self {
            plan,
            files: loaded.files,
            effective: loaded.effective,
            pipeline,
            policy,
            cache,
            validator,
            egress,
            resolver,
            own,
            surroundings,
        })
    }

    /// Whether the cache can be kept under `plan`. What was believed by other anchors must not live on, and names answered by policy or forwarded before must not live on under another
    /// policy; the size of the workers' tables changes at the next start only, so it changes nothing now.
    fn keeps_cache(&self, plan: &Plan) -> bool {
        let cache = plan::Cache {
            answer_slots: self.plan.cache.answer_slots,
            ..plan.cache.clone()
        };
        self.plan.cache == cache
            && self.plan.policy == plan.policy
            && self.plan.dnssec == plan.dnssec
    }

    /// Whether nothing is ever asked of the root.
    pub(super) fn forwards_everything(&self) -> bool {
        self.plan
            .policy
            .forward
            .iter()
            .any(|forward| forward.zone.is_root())
            || self.plan.policy.stub.iter().any(|stub| stub.zone.is_root())
    }
}

#[cfg(test)]
pub(in crate::daemon) mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;
    use crate::guard::{Arrival, Verdict};
    use crate::sys::clock::Now;
    use crate::telemetry::Reason;

    /// What this configuration makes, and keeps of the one before.
    pub(in crate::daemon) fn live(text: &str, before: Option<&Live>) -> Live {
        let loaded = config::load_text(Path::new("test.toml"), text).unwrap();
        Live::build(
            loaded,
            &[],
            &Arc::new(Telemetry::new()),
            &Arc::default(),
            before,
        )
        .unwrap()
    }

    #[test]
    fn a_reload_keeps_the_cache_unless_what_was_kept_may_be_wrong() {
        let first = live("", None);
        let same = |text: &str| Arc::ptr_eq(&live(text, Some(&first)).cache, &first.cache);
        assert!(same(
            "[acl]\nallow = [\"192.0.2.0/24\"]\n[limits]\npackets = 40"
        ));
        assert!(same("[cache]\nanswer_slots = 64"));
        assert!(!same("[cache]\nmax_ttl = \"1h\""));
        assert!(!same(
            "[[stub]]\nzone = \"lab.example.\"\nservers = [\"192.0.2.20\"]"
        ));
    }

    #[test]
    fn ready_made_answers_of_one_configuration_are_not_used_under_the_next() {
        let first = live("", None);
        assert_ne!(live("", Some(&first)).pipeline.epoch, first.pipeline.epoch);
    }

    #[test]
    fn what_is_under_way_and_what_was_counted_outlives_a_reload() {
        let query = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x01a\0\0\x01\0\x01";
        let outsider = Arrival {
            bytes: query,
            source: "198.51.100.1:4000".parse().unwrap(),
            local: "192.0.2.53:53".parse().unwrap(),
            interface: 2,
            loopback: false,
            hop_limit: None,
            transport: plan::TransportKind::Udp,
        };
        let now = Now::at_secs(0);
        let first = live("", None);
        let client = crate::guard::Client::new("127.0.0.1".parse().unwrap(), false);
        let client = first.pipeline.guard.limiter().customer(client);
        let _waiting = first.pipeline.pending.enter(client, &"a look-up");
        let _share = first.pipeline.fair.enter(&client);
        for _ in 0..6 {
            let _spent = first.pipeline.guard.judge(&outsider, now);
        }
        let second = live("[limits]\npackets = 40", Some(&first));
        assert_eq!(second.pipeline.pending.clients(), 1);
        assert_eq!(second.pipeline.fair.client(&client).held, 1);
        assert!(std::ptr::eq(
            second.resolver.counters(),
            first.resolver.counters()
        ));
        assert!(matches!(
            second.pipeline.guard.judge(&outsider, now),
            Verdict::Drop(Reason::RefusalBudget)
        ));
    }
}
