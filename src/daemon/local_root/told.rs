//! What can operators see of the copy of the root zone? For `status`, for metrics, for the list of what needs a person.

use super::LocalRoots;
use crate::config::units::Moment;
use crate::ops::control::protocol::LocalRootReport;
use crate::ops::metrics::Metric;
use crate::resolve::RootCopy;
use crate::sys::clock::Now;

impl LocalRoots {
    /// How it stands with the copy; nothing if none is configured.
    pub(in crate::daemon) fn report(&self, now: Now) -> Option<LocalRootReport> {
        let state = self.state();
        state.plan.as_ref()?;
        let at = now.wall_secs();
        let used = state.used.as_ref().filter(|used| at < used.until());
        Some(LocalRootReport {
            in_use: used.is_some(),
            serial: used.map(|used| used.timers.serial),
            records: used.map(|used| u64::try_from(used.records).unwrap_or(u64::MAX)),
            source: used.map(|used| used.source.clone()),
            checked_seconds_ago: used.map(|used| at.saturating_sub(used.checked)),
            expires: used.map(|used| Moment(used.until()).to_string()),
            trouble: state.trouble.clone(),
        })
    }

    /// What needs a person.
    pub(in crate::daemon) fn warnings(&self) -> Vec<String> {
        let state = self.state();
        let told = |why: &String| match &state.used {
            None => {
                format!("no copy of the root zone is used, and the root servers are asked: {why}")
            }
            Some(used) => format!(
                "the copy of the root zone cannot be renewed and is used until {}: {why}",
                Moment(used.until())
            ),
        };
        state.trouble.iter().map(told).collect()
    }

    /// The numbers of the copy; whether one is used is there in any case.
    pub(in crate::daemon) fn metrics(&self, root_copy: &RootCopy, now: Now) -> Vec<Metric> {
        let state = self.state();
        let at = now.wall_secs();
        let used = state.used.as_ref().filter(|used| at < used.until());
        let mut metrics = vec![
            Metric::level(
                "suimon_local_root_in_use",
                "1 if a proven copy of the root zone is used instead of asking the root servers (RFC 8806).",
                &[],
                u64::from(used.is_some()),
            ),
            Metric::counter(
                "suimon_local_root_replies_total",
                "Questions to the root that were answered from the copy.",
                &[],
                root_copy.replies(),
            ),
        ];
        for (outcome, times) in [
            ("taken", state.counted.taken),
            ("nothing_new", state.counted.nothing_new),
            ("failed", state.counted.failed),
        ] {
            metrics.push(Metric::counter(
                "suimon_local_root_looks_total",
                "Looks at the sources of the root zone: a newer copy was taken, there was nothing new, or no source was any good.",
                &[("outcome", outcome)],
                times,
            ));
        }
        if let Some(used) = used {
            for (name, help, value) in [
                (
                    "suimon_local_root_serial",
                    "Serial of the copy of the root zone in use.",
                    u64::from(used.timers.serial),
                ),
                (
                    "suimon_local_root_age_seconds",
                    "Seconds since the copy in use was last known to be the newest.",
                    at.saturating_sub(used.checked),
                ),
                (
                    "suimon_local_root_expires_seconds",
                    "Unix time until which the copy in use may be used.",
                    used.until(),
                ),
            ] {
                metrics.push(Metric::level(name, help, &[], value));
            }
        }
        metrics
    }
}
