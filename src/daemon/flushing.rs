//! What is forgotten when the operator says so? What the cache holds of a name, and what validation has found out on its way.

use super::live::Live;
use crate::cache::FlushScope;
use crate::ops::control::FlushTarget;
use crate::wire::Name;

/// Forgets it; how many entries of the cache that were.
pub(super) fn flush(live: &Live, target: &FlushTarget) -> u64 {
    let cache = &live.cache;
    live.validator.forget(|zone| match target {
        FlushTarget::Name(name) | FlushTarget::NameType(name, _) => zone == name,
        FlushTarget::Tree(name) => zone.is_within(name),
        FlushTarget::All => true,
    });
    match target {
        FlushTarget::Name(name) => cache.flush(name, FlushScope::Name),
        FlushTarget::NameType(name, rtype) => cache.flush(name, FlushScope::NameType(*rtype)),
        FlushTarget::Tree(name) => cache.flush(name, FlushScope::Tree),
        FlushTarget::All => cache.flush(&Name::root(), FlushScope::All),
    }
}
