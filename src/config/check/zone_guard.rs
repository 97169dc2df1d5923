//! Can zones under attack be guarded? The settings of the zone guard, and the public suffix list.

use std::io;
use std::path::Path;
use std::sync::Arc;

use ipnet::IpNet;

use super::{Check, read_file, seconds};
use crate::config::diagnose::{Place, Problem};
use crate::config::plan;

/// Longest public suffix list read, octets; that of 2026 has 330,000.
const LONGEST_LIST: u64 = 8 << 20;
/// What every such list says.
const MARK: &str = "===BEGIN ICANN DOMAINS===";

impl Check<'_> {
    pub(super) fn zone_guard(&mut self, system: Option<&Path>) -> plan::ZoneGuard {
        let guard = &self.file.zone_guard;
        let in_flight = u32::try_from(self.file.recursion.in_flight).unwrap_or(u32::MAX);
        if self.layers.is_written("zone_guard.slots") && guard.slots > in_flight {
            self.warning(
                "zone_guard.slots",
                format!("{} slots, of which {in_flight} can be used", guard.slots),
                "recursion.in_flight ends look-ups before the zones share them out",
                "raise recursion.in_flight as well",
            );
        }
        plan::ZoneGuard {
            mode: guard.mode.into(),
            slots: guard.slots.min(in_flight),
            flood_rate: guard.flood_rate,
            max_stale: seconds(guard.max_stale),
            known_names: guard.known_names.0,
            exempt: guard.exempt.iter().map(|zone| zone.0.clone()).collect(),
            lookup_zones: guard
                .lookup_zones
                .iter()
                .map(|zone| zone.0.clone())
                .collect(),
            shared: self.shared(),
            suffixes: self.suffixes(system),
        }
    }

    /// The prefixes that the limiter takes for many customers each.
    fn shared(&self) -> Vec<IpNet> {
        let limiter = &self.file.limiter;
        let list = limiter.shared_addresses.iter().map(|shared| shared.0);
        let tables = limiter
            .prefix
            .iter()
            .filter(|one| one.subscribers_per_address > 1)
            .map(|one| one.prefix.0);
        list.chain(tables).collect()
    }

    /// The text of the list; nothing for the one built in.
    fn suffixes(&mut self, system: Option<&Path>) -> Option<Arc<str>> {
        let (named, file) = match self.file.zone_guard.public_suffixes.as_deref() {
            Some(named) if named == Path::new("built-in") => return None,
            Some(named) => (true, named),
            None => (false, system?),
        };
        let why = match read_file(file, LONGEST_LIST) {
            Ok(text) if text.contains(MARK) => return Some(text.into()),
            Ok(_) => format!("no line in it says {MARK}"),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !named => return None,
            Err(error) => error.to_string(),
        };
        if named {
            self.error(
                "zone_guard.public_suffixes",
                format!(
                    "`{}` is no public suffix list that can be read",
                    file.display()
                ),
                why,
                "install the package publicsuffix and remove the key, or write \"built-in\"",
            );
        } else {
            self.problems.push(Problem::warning(
                Place::File(file.to_owned()),
                "the public suffix list of the system is of no use",
                why,
                "reinstall publicsuffix; the short list in the program is used meanwhile",
            ));
        }
        None
    }
}
