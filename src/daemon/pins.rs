//! How do the zones that the operator pinned or exempted, and the servers, outlive the process? As negative trust anchors do, in a file of their own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::kept_list::{KeptList, Kind};
use super::live::Live;
use crate::config::units::Moment;
use crate::guard::zones::{Charged, Class};
use crate::ops::control::protocol::GuardWish;
use crate::sys::clock::Now;
use crate::wire::Name;

/// The file. The most zones (1,000) with the longest names take a third of what is read at most.
const KIND: Kind = Kind {
    file: "zone-guard-pins.json",
    key: "zones",
    longest: 4 << 20,
    what: "zones and servers pinned or exempted by hand",
    again: "suimon guard pin|exempt",
};

/// One zone or server, as it stands in the file.
#[derive(Debug, Serialize, Deserialize)]
struct KeptPin {
    /// A zone, with its final dot, or an address, which has none.
    zone: String,
    /// "pinned" or "exempt".
    wish: String,
    /// Wall seconds when the operator said so.
    since: u64,
}

/// What the operator wished, and where it is kept.
#[derive(Debug)]
pub(super) struct Pins {
    list: KeptList,
    zones: Mutex<BTreeMap<Charged, (Class, u64)>>,
}

impl Pins {
    /// With what was kept in this directory before. What cannot be used is said.
    pub(super) fn load(state_dir: &Path) -> Self {
        let list = KeptList::of(state_dir, KIND);
        let mut zones = BTreeMap::new();
        for kept in list.load::<KeptPin>() {
            let class = [Class::Pinned, Class::Exempt]
                .into_iter()
                .find(|class| class.label() == kept.wish);
            let target = match kept.zone.parse() {
                Ok(address) => Ok(Charged::Server(address)),
                Err(_) => kept.zone.parse().map(Charged::Zone),
            };
            match (target, class) {
                (Ok(target), Some(class)) => {
                    zones.insert(target, (class, kept.since));
                }
                (Err(error), _) => list.complain(&kept.zone, &error.to_string()),
                (_, None) => list.complain(&kept.zone, "there is no such wish"),
            }
        }
        Self {
            list,
            zones: Mutex::new(zones),
        }
    }

    /// Tells the zone guard of a configuration what it does not know yet: after a start, or if it was off before.
    pub(super) fn adopt(&self, live: &Live, now: Now) {
        let guard = &live.pipeline.zones;
        if !guard.is_on() {
            return;
        }
        let wishes = guard.status().wishes;
        let (mut told, zones) = (0_u32, self.zones());
        for (zone, (class, _)) in zones.iter() {
            if wishes.iter().any(|(known, _)| known == zone) {
                continue;
            }
            match guard.wish(zone.clone(), *class, now) {
                Ok(()) => told += 1,
                Err(why) => self.list.complain(&zone.to_string(), why),
            }
        }
        if told > 0 {
            tracing::warn!(
                zones = told,
                "zone guard: what was pinned or exempted by hand before the start is so again; suimon guard status shows them"
            );
        }
    }

    /// The operator wishes so from now on; whether a restart will know of it.
    pub(super) fn add(&self, zone: &Charged, class: Class, now: Now) -> bool {
        let mut zones = self.zones();
        zones.insert(zone.clone(), (class, now.wall_secs()));
        self.save(&zones)
    }

    /// And takes it back; whether a restart will know of that.
    pub(super) fn remove(&self, zone: &Charged) -> bool {
        let mut zones = self.zones();
        zones.remove(zone).is_none() || self.save(&zones)
    }

    /// Whether the operator wished anything for this zone or server.
    pub(super) fn holds(&self, zone: &Charged) -> bool {
        self.zones().contains_key(zone)
    }

    /// What is in force: by the operator at run time, and by the configuration.
    pub(super) fn report(&self, live: &Live) -> Vec<GuardWish> {
        let zones = self.zones();
        let by_hand = live.pipeline.zones.status().wishes;
        let is_by_hand = |zone: &Name| by_hand.iter().any(|(other, _)| other.zone() == Some(zone));
        let configured = live.plan.zone_guard.exempt.iter();
        let configured = configured
            .filter(|zone| !is_by_hand(zone))
            .map(|zone| GuardWish {
                zone: zone.to_string(),
                wish: Class::Exempt.label().to_owned(),
                origin: "configuration".to_owned(),
                since: None,
            });
        by_hand
            .iter()
            .map(|(zone, class)| GuardWish {
                zone: zone.to_string(),
                wish: class.label().to_owned(),
                origin: "operator".to_owned(),
                since: zones.get(zone).map(|(_, since)| Moment(*since).to_string()),
            })
            .chain(configured)
            .collect()
    }

    fn save(&self, zones: &BTreeMap<Charged, (Class, u64)>) -> bool {
        let kept: Vec<KeptPin> = zones
            .iter()
            .map(|(zone, (class, since))| KeptPin {
                zone: zone.to_string(),
                wish: class.label().to_owned(),
                since: *since,
            })
            .collect();
        self.list.save(&kept)
    }

    /// Held while the file is written, so that the last word is the one that is kept.
    fn zones(&self) -> MutexGuard<'_, BTreeMap<Charged, (Class, u64)>> {
        self.zones.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::guarded;
    use crate::daemon::live::tests::live;

    fn shown(pins: &Pins, live: &Live) -> Vec<(String, String, String)> {
        let report = guarded::status(live, pins, Now::at_secs(9)).wishes;
        let shown = report.into_iter();
        shown.map(|one| (one.zone, one.wish, one.origin)).collect()
    }

    #[test]
    fn what_was_pinned_or_exempted_is_so_after_a_restart_until_it_is_released() {
        let dir = tempfile::tempdir().unwrap();
        let now = Now::at_secs(5);
        let zone = |text: &str| match text.parse() {
            Ok(address) => Charged::Server(address),
            Err(_) => Charged::Zone(text.parse().unwrap()),
        };
        let row = |zone: &str, wish: &str, origin: &str| {
            (zone.to_owned(), wish.to_owned(), origin.to_owned())
        };
        let text = "[zone_guard]\nexempt = ['always.example.']";
        let (first, pins) = (live(text, None), Pins::load(dir.path()));
        pins.adopt(&first, now);
        assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none());
        for (name, class) in [
            ("a.example.", Class::Pinned),
            ("\\000.b.example.", Class::Exempt),
            ("192.0.2.53", Class::Exempt),
        ] {
            assert!(
                guarded::wish(&first, &pins, &zone(name), class, now)
                    .unwrap()
                    .kept
            );
        }
        let all = [
            row("a.example.", "pinned", "operator"),
            row("\\000.b.example.", "exempt", "operator"),
            row("192.0.2.53", "exempt", "operator"),
            row("always.example.", "exempt", "configuration"),
        ];
        assert_eq!(shown(&pins, &first), all);
        // A crash: nothing but the file is left.
        let (second, pins) = (live(text, None), Pins::load(dir.path()));
        assert_eq!(shown(&pins, &second).len(), 1);
        pins.adopt(&second, now);
        assert_eq!(shown(&pins, &second), all);
        assert_eq!(second.pipeline.zones.engaged(), 1, "held back at once");
        let since = guarded::status(&second, &pins, now).wishes[0].since.clone();
        assert_eq!(
            since.as_deref(),
            Some("2023-11-14T22:13:25Z"),
            "not the restart"
        );
        assert!(
            guarded::release(&second, &pins, &zone("a.example."), now)
                .unwrap()
                .kept
        );
        let (third, pins) = (live(text, None), Pins::load(dir.path()));
        pins.adopt(&third, now);
        assert_eq!(shown(&pins, &third), all[1..]);
        // One that is off cannot pin; when it is on again, it does.
        let off = live("[zone_guard]\nmode = 'off'", None);
        pins.adopt(&off, now);
        assert!(shown(&pins, &off).is_empty());
        assert!(
            guarded::release(&off, &pins, &zone("\\000.b.example."), now)
                .unwrap()
                .kept
        );
        let pins = Pins::load(dir.path());
        pins.adopt(&third, now);
        let released = guarded::release(&third, &pins, &zone("192.0.2.53"), now).unwrap();
        assert!(released.kept && released.zone == "192.0.2.53");
        for (nothing, why) in [
            ("never.example.", "neither pinned"),
            ("192.0.2.53", "known by one address"),
        ] {
            let error = guarded::release(&third, &pins, &zone(nothing), now).unwrap_err();
            assert!(error.0.contains(why), "{error:?}");
        }
        let error = guarded::wish(&third, &pins, &zone("192.0.2.53"), Class::Pinned, now);
        assert!(error.unwrap_err().0.contains("pin its zones"));
        assert!(Pins::load(dir.path()).zones().is_empty());
        let nowhere = Pins::load(&dir.path().join("nowhere"));
        assert!(
            !guarded::wish(&third, &nowhere, &zone("a.example."), Class::Pinned, now)
                .unwrap()
                .kept
        );
    }

    #[test]
    fn a_file_that_cannot_be_used_is_set_aside_and_one_bad_entry_costs_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KIND.file);
        let aside = dir.path().join("zone-guard-pins.json.bad");
        for text in [
            "",
            "{",
            "[]",
            r#"{"zones":[]}"#,
            r#"{"schema":1}"#,
            r#"{"schema":2,"zones":[]}"#,
            r#"{"schema":1,"zones":[{}]}"#,
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(Pins::load(dir.path()).zones().is_empty(), "{text}");
            assert_eq!(std::fs::read_to_string(&aside).unwrap(), text);
            assert!(!path.exists(), "the next start is quiet");
        }
        let text = r#"{"schema":1,"zones":[{"zone":"a..b","wish":"pinned","since":1},{"zone":"c.example.","wish":"held","since":1},{"zone":"com.","wish":"pinned","since":1},{"zone":"192.0.2.53","wish":"pinned","since":1},{"zone":"d.example.","wish":"exempt","since":1},{"zone":"2001:db8::53","wish":"exempt","since":1}]}"#;
        std::fs::write(&path, text).unwrap();
        let (live, pins) = (live("", None), Pins::load(dir.path()));
        pins.adopt(&live, Now::at_secs(0));
        assert_eq!(shown(&pins, &live).len(), 2);
    }
}
