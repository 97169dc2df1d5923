//! Which interfaces has this host, and by which does a route leave? What the daemon keeps current and every worker reads without a lock.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::route_back::RouteTable;
use crate::sys::rtnetlink::Interface;

/// What is known now. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Surroundings(Arc<ArcSwap<Known>>);

/// Interfaces and routes of one moment.
#[derive(Debug, Default)]
pub struct Known {
    /// By index.
    interfaces: Box<[Interface]>,
    routes: Option<Arc<RouteTable>>,
}

impl Known {
    /// `routes`: nothing if nobody wants to know, or they could not be read.
    #[must_use]
    pub fn new(mut interfaces: Vec<Interface>, routes: Option<Arc<RouteTable>>) -> Self {
        interfaces.sort_unstable_by_key(|interface| interface.index);
        Self {
            interfaces: interfaces.into(),
            routes,
        }
    }

    /// All interfaces, by index.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// The name of the interface of that index.
    #[must_use]
    pub fn name_of(&self, index: u32) -> Option<&str> {
        let place = self
            .interfaces
            .binary_search_by_key(&index, |interface| interface.index)
            .ok()?;
        Some(self.interfaces.get(place)?.name.as_str())
    }

    /// The interface of that name.
    #[must_use]
    pub fn index_of(&self, name: &str) -> Option<u32> {
        let found = self.interfaces.iter().find(|found| found.name == name)?;
        Some(found.index)
    }

    /// The routing table, if it is known.
    #[must_use]
    pub const fn routes(&self) -> Option<&Arc<RouteTable>> {
        self.routes.as_ref()
    }
}

impl Surroundings {
    /// Sets it anew, for all clones.
    pub fn replace(&self, known: Known) {
        self.0.store(Arc::new(known));
    }

    /// What is known now: no lock, no allocation.
    #[inline]
    #[must_use]
    pub fn now(&self) -> arc_swap::Guard<Arc<Known>> {
        self.0.load()
    }
}
