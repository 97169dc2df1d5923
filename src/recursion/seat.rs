//! From which zone is a name approached? The deepest delegation known, a stub zone, or the root hints.

use std::net::SocketAddr;

use super::frame::{Approach, Frame, Path};
use super::step::Around;
use super::targets::Targets;
use super::trace::{Happening, Source};
use super::{Recursion, priming};
use crate::cache::{Cache, Delegation};
use crate::sys::clock::Now;
use crate::wire::{Name, Question, RecordType};

impl Recursion {
    /// The deepest zone at or above `name` whose servers are known: from the cache, else from the hints.
    pub(super) fn deepest(&mut self, name: &Name, around: &Around<'_>) -> Approach {
        let cached = around.cache.deepest_delegation(name, around.now);
        let (source, delegation) = cached.map_or_else(
            || (Source::Hints, self.hints()),
            |delegation| (Source::Cache, Delegation::clone(&delegation)),
        );
        self.towards(delegation, Path::Iterate, source, around.cache, around.now)
    }

    fn hints(&self) -> Delegation {
        Delegation {
            zone: Name::root(),
            servers: priming::hints(&self.plan),
            expires_at: u64::MAX,
        }
    }

    /// A stub zone: its own servers, or those of a delegation below it.
    pub(super) fn stub(
        &mut self,
        frame: &Frame,
        zone: Name,
        servers: &[SocketAddr],
        around: &Around<'_>,
    ) -> Approach {
        let name = seat(&frame.current());
        let below = around
            .cache
            .deepest_delegation(&name, around.now)
            .filter(|delegation| delegation.zone != zone && delegation.zone.is_within(&zone));
        if let Some(delegation) = below {
            return self.towards(
                Delegation::clone(&delegation),
                Path::Stub(zone),
                Source::Cache,
                around.cache,
                around.now,
            );
        }
        let targets = Targets::of_addresses(servers);
        self.note(
            around.now,
            Happening::Approach {
                zone: zone.clone(),
                source: Source::Plan,
                addresses: targets.address_count(),
            },
        );
        Approach::new(zone.clone(), Path::Stub(zone), targets, false)
    }

    /// The servers of a delegation, ready to be asked.
    pub(super) fn towards(
        &mut self,
        delegation: Delegation,
        path: Path,
        source: Source,
        cache: &Cache,
        now: Now,
    ) -> Approach {
        let targets = Targets::of_delegation(
            &delegation.zone,
            &delegation.servers,
            cache,
            &self.plan,
            now,
        );
        self.note(
            now,
            Happening::Approach {
                zone: delegation.zone.clone(),
                source,
                addresses: targets.address_count(),
            },
        );
        Approach::new(delegation.zone, path, targets, source == Source::Cache)
    }
}

/// The name from which the servers of a question are sought: DS belongs to the parent (RFC 4035 section 3.1.4.1).
pub(super) fn seat(question: &Question) -> Name {
    if question.rtype == RecordType::DS {
        question.name.parent().unwrap_or_else(Name::root)
    } else {
        question.name.clone()
    }
}
