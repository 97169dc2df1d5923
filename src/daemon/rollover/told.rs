//! What can operators see of the keys that are followed? For `status`, for metrics, for the list of what needs a person.

use super::{Keeping, Rollovers};
use crate::config::units::Moment;
use crate::dnssec::rollover::{State, TrackedKey, TrustPoint};
use crate::ops::control::protocol::{AnchorKeyReport, AnchorReport};
use crate::ops::metrics::Metric;

impl Rollovers {
    /// Adds to the anchors in force what is known of their keys, and the zones that have lost all of them.
    pub(in crate::daemon) fn tell(&self, anchors: &mut Vec<AnchorReport>) {
        for point in &self.state().points {
            let zone = point.zone().to_string();
            let known = anchors.iter().position(|anchor| anchor.zone == zone);
            let mut report = known.map_or_else(AnchorReport::default, |at| anchors.remove(at));
            report.zone = zone;
            describe(&mut report, point);
            anchors.insert(known.unwrap_or(anchors.len()).min(anchors.len()), report);
        }
    }

    /// What needs a person.
    pub(in crate::daemon) fn warnings(&self) -> Vec<String> {
        let state = self.state();
        let revoked = state
            .points
            .iter()
            .filter(|point| point.trusted().is_none());
        let mut warnings: Vec<String> = revoked
            .map(|point| {
                format!(
                    "every trust anchor of {} is revoked, and it is not validated by one of its own any more: configure dnssec.trust_anchors",
                    point.zone()
                )
            })
            .collect();
        let file = self.file.path();
        match state.keeping {
            Keeping::Kept => {}
            Keeping::Failed(_) => warnings.push(format!(
                "what was learned of trust anchors cannot be written to {}: a restart begins anew",
                file.display()
            )),
            Keeping::InTheWay => warnings.push(format!(
                "{} cannot be read and not be moved: what is learned of trust anchors is not kept",
                file.display()
            )),
        }
        warnings
    }

    /// How many keys are in which state, and when the zones are asked. Labels are zones of the configuration.
    pub(in crate::daemon) fn metrics(&self) -> Vec<Metric> {
        let mut metrics = Vec::new();
        let state = self.state();
        for point in &state.points {
            let zone = point.zone().to_string();
            for word in State::WORDS {
                let keys = &point.memory().keys;
                let count = keys.iter().filter(|key| key.state.word() == word).count();
                metrics.push(Metric::level(
                    "suimon_trust_anchor_keys",
                    "Keys of the zones of trust anchors, by state (RFC 5011).",
                    &[("zone", &zone), ("state", word)],
                    u64::try_from(count).unwrap_or(u64::MAX),
                ));
            }
        }
        for (name, help, at) in [
            (
                "suimon_trust_anchor_next_check_seconds",
                "Unix time at which the keys of the zone will be asked for.",
                (|point| point.memory().next_check) as fn(&TrustPoint) -> u64,
            ),
            (
                "suimon_trust_anchor_last_validated_seconds",
                "Unix time at which the keys of the zone were last validated; 0: never.",
                |point| point.memory().last_validated.unwrap_or(0),
            ),
        ] {
            for point in &state.points {
                let zone = point.zone().to_string();
                metrics.push(Metric::level(name, help, &[("zone", &zone)], at(point)));
            }
        }
        metrics
    }
}

fn describe(report: &mut AnchorReport, point: &TrustPoint) {
    let memory = point.memory();
    report.followed = true;
    report.last_check = memory.last_check.map(|(at, _)| shown(at));
    report.last_result = memory
        .last_check
        .map(|(_, result)| result.word().to_owned());
    report.last_validated = memory.last_validated.map(shown);
    report.next_check =
        (point.trusted().is_some() && memory.next_check > 0).then(|| shown(memory.next_check));
    let mut keys: Vec<AnchorKeyReport> = memory.keys.iter().filter_map(key).collect();
    // Configured, and not met yet.
    for tag in &report.key_tags {
        if !keys.iter().any(|key| key.tag == *tag) {
            keys.push(AnchorKeyReport {
                tag: *tag,
                state: "configured".to_owned(),
                ..AnchorKeyReport::default()
            });
        }
    }
    report.keys = keys;
}

fn key(key: &TrackedKey) -> Option<AnchorKeyReport> {
    let dnskey = key.dnskey()?;
    Some(AnchorKeyReport {
        tag: dnskey.tag(),
        algorithm: Some(dnskey.algorithm),
        state: key.state.word().to_owned(),
        since: Some(shown(key.since)),
        trusted_from: TrustPoint::trusted_from(key).map(shown),
        removed_from: TrustPoint::removed_from(key).map(shown),
    })
}

fn shown(at: u64) -> String {
    Moment(at).to_string()
}
