//! How often was which server of the drill's Internet asked what?

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use hickory_proto::rr::{LowerName, Name, RecordType};

use super::attack::Watch;
use super::world::ServerId;

/// Distinct (server, name, type) rows kept; a bench with endless random names must not eat the machine. Totals go on.
const MAX_ROWS: usize = 1_000_000;

/// Counts every query that reaches a server: the truth about what a resolver costs its upstreams.
#[derive(Debug, Default)]
pub struct Queries {
    inner: Mutex<Counts>,
    watch: OnceLock<Watch>,
}

#[derive(Debug, Default)]
struct Counts {
    rows: HashMap<(ServerId, LowerName, RecordType), u64>,
    per_server: HashMap<ServerId, u64>,
    over_tcp: u64,
    total: u64,
}

/// One row of the counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryCount {
    /// Who was asked.
    pub server: ServerId,
    /// For what name, in lower case.
    pub name: Name,
    /// And type.
    pub rtype: RecordType,
    /// How often.
    pub count: u64,
}

impl Queries {
    /// Counts one query. Called by every server, before it decides what to do with it.
    pub fn record(&self, server: ServerId, name: &Name, rtype: RecordType, tcp: bool) {
        if let Some(watch) = self.watch.get() {
            watch.note(name);
        }
        let mut counts = self.lock();
        counts.total += 1;
        counts.over_tcp += u64::from(tcp);
        *counts.per_server.entry(server).or_default() += 1;
        if self.watch.get().is_some() {
            return;
        }
        let key = (server, LowerName::new(name), rtype);
        if counts.rows.len() < MAX_ROWS || counts.rows.contains_key(&key) {
            *counts.rows.entry(key).or_default() += 1;
        }
    }

    /// From now on queries are told apart by whom they are due to, and no rows are kept. The first watch stays.
    pub(super) fn watch(&self, watch: Watch) -> &Watch {
        self.watch.get_or_init(|| watch)
    }

    /// Queries in all, UDP and TCP.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lock().total
    }

    /// Queries that came over TCP.
    #[must_use]
    pub fn over_tcp(&self) -> u64 {
        self.lock().over_tcp
    }

    /// Queries for names at or below `zone`, at any server.
    #[must_use]
    pub fn within(&self, zone: &Name) -> u64 {
        let zone = LowerName::new(zone);
        self.sum(|_, name, _| zone.zone_of(name))
    }

    /// Queries for exactly `name`, at any server, any type.
    #[must_use]
    pub fn exactly(&self, name: &Name) -> u64 {
        let wanted = LowerName::new(name);
        self.sum(|_, name, _| *name == wanted)
    }

    /// Queries that `server` got for names at or below `zone`.
    #[must_use]
    pub fn at_server(&self, server: ServerId, zone: &Name) -> u64 {
        let zone = LowerName::new(zone);
        self.sum(|at, name, _| at == server && zone.zone_of(name))
    }

    /// Queries that `server` got in all.
    #[must_use]
    pub fn of_server(&self, server: ServerId) -> u64 {
        self.lock().per_server.get(&server).copied().unwrap_or(0)
    }

    /// Every row, most asked first.
    #[must_use]
    pub fn rows(&self) -> Vec<QueryCount> {
        let mut rows: Vec<QueryCount> = self
            .lock()
            .rows
            .iter()
            .map(|((server, name, rtype), count)| QueryCount {
                server: *server,
                name: Name::from(name),
                rtype: *rtype,
                count: *count,
            })
            .collect();
        rows.sort_by(|a, b| {
            (b.count, a.server, &a.name, u16::from(a.rtype)).cmp(&(
                a.count,
                b.server,
                &b.name,
                u16::from(b.rtype),
            ))
        });
        rows
    }

    /// Starts again from zero.
    pub fn reset(&self) {
        *self.lock() = Counts::default();
    }

    fn sum(&self, wanted: impl Fn(ServerId, &LowerName, RecordType) -> bool) -> u64 {
        self.lock()
            .rows
            .iter()
            .filter(|((server, name, rtype), _)| wanted(*server, name, *rtype))
            .map(|(_, count)| count)
            .sum()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
