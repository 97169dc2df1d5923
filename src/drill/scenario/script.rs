//! What does a scripted server say? The first entry of the first range that serves its address at this moment and matches.

use std::net::IpAddr;

use super::entry::Entry;
use super::file::Scenario;
use super::head::Flavour;
use super::matching::{Came, matches};

/// The numbers of the steps that count as the current one, the first first. Testbound takes the step that follows the query and
/// no other; Deckard the query itself, and what follows it is tried after it.
pub(super) type Moments = [u64; 2];

impl Scenario {
    /// The moments of a question that was caused by the query of step `asked` while step `at` is next.
    pub(super) fn moments(&self, asked: usize, at: usize) -> Moments {
        let number = |index: usize| {
            let step = self.steps.get(index).or_else(|| self.steps.last());
            step.map_or(0, |step| step.number)
        };
        let (query, next) = (number(asked), number(at.max(asked)));
        match self.head.flavour {
            Flavour::Testbound => [next, next],
            Flavour::Deckard => [query, next],
        }
    }

    /// The entry that answers a question to `server`.
    pub(super) fn scripted(
        &self,
        moments: Moments,
        server: IpAddr,
        came: Came<'_>,
    ) -> Option<&Entry> {
        let flavour = self.head.flavour;
        // Deckard: what is asked of an address that no range names may be answered by any.
        let stranger = flavour == Flavour::Deckard
            && !self
                .ranges
                .iter()
                .any(|range| range.addresses.contains(&server));
        moments.iter().find_map(|moment| {
            self.ranges
                .iter()
                .filter(|range| (range.from..=range.to).contains(moment))
                .filter(|range| {
                    range.addresses.is_empty() || stranger || range.addresses.contains(&server)
                })
                .flat_map(|range| &range.entries)
                .find(|entry| matches(entry, flavour, came))
        })
    }

    /// All addresses that ranges and steps name, in no order, each once.
    #[must_use]
    pub fn servers(&self) -> Vec<IpAddr> {
        let mut all: Vec<IpAddr> = self
            .ranges
            .iter()
            .flat_map(|range| range.addresses.iter().copied())
            .chain(self.head.root_hints().into_iter().flat_map(|(_, all)| all))
            .chain(
                self.head
                    .stubs
                    .iter()
                    .chain(&self.head.forwards)
                    .flat_map(|zone| zone.servers.iter().map(std::net::SocketAddr::ip)),
            )
            .collect();
        all.sort();
        all.dedup();
        all
    }
}
