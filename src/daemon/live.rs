//! What one configuration runs with: every room built from its slice of the plan, and what outlives a reload kept.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cache::Cache;
use crate::config::Loaded;
use crate::config::plan::{Minimisation, Plan};
use crate::egress::{Egress, Forwarder, ForwarderError};
use crate::guard::{Guard, OwnAddresses, PendingClients};
use crate::policy::Policy;
use crate::query::Pipeline;
use crate::resolve::Resolver;
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
    pub(super) egress: Arc<Egress>,
    pub(super) resolver: Arc<Resolver>,
    pub(super) own: OwnAddresses,
}

impl Live {
    /// Builds the rooms. The cache and what is known of servers come from `before` if their settings are the same.
    pub(super) fn build(
        loaded: Loaded,
        listening: &[SocketAddr],
        telemetry: &Arc<Telemetry>,
        before: Option<&Self>,
    ) -> Result<Self, ForwarderError> {
        let plan = loaded.plan;
        let cache = match before {
            // Names answered by policy or forwarded before must not live on under another policy.
            Some(before)
                if before.plan.cache == plan.cache && before.plan.policy == plan.policy =>
            {
                Arc::clone(&before.cache)
            }
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
        let minimises = plan.recursion.qname_minimisation != Minimisation::Off;
        let policy = Arc::new(Policy::new(&plan.policy).with_resolver_info(minimises));
        let forwarders: Result<Vec<_>, _> = plan
            .policy
            .forward
            .iter()
            .map(|zone| Forwarder::new(zone, &egress))
            .collect();
        let resolver = Arc::new(Resolver::new(
            Arc::clone(&cache),
            Arc::clone(&policy),
            Arc::clone(&egress),
            forwarders?,
            Arc::new(plan.recursion.clone()),
        ));
        let pipeline = Arc::new(Pipeline {
            guard: Guard::new(&plan.guard, own.clone()),
            policy: Arc::clone(&policy),
            cache: Arc::clone(&cache),
            resolver: Arc::clone(&resolver),
            pending: PendingClients::new(&plan.guard),
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
            egress,
            resolver,
            own,
        })
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
