//! What does this host look like now? Its interfaces, addresses and routes, read again when the kernel says that they changed.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::live::Live;
use super::operator::Operator;
use crate::config::plan::{RouteBack, TransportKind};
use crate::guard::binding::{Bindings, names};
use crate::guard::{Known, RouteTable, shape};
use crate::sys::addresses::LOOPBACK_INTERFACE;
use crate::sys::clock::{self, Now};
use crate::sys::rtnetlink::{self, Changes};
use crate::sys::shape::Shape;
use crate::sys::{addresses, interfaces};
use crate::telemetry::Reason;

/// Longest wait for word of a change: so soon another configuration or the end of the service is noticed.
const TURN: Duration = Duration::from_millis(500);

/// Least time between two readings: what changes meanwhile is read together.
const PACE: Duration = Duration::from_secs(1);

/// After a reading that took long (a full table of the Internet: a second or two) so many times that long passes before the next,
/// so that routes that never stop changing cost a tenth of a core at most.
const REST: u32 = 10;

/// What could not be read is read again after this long.
const AGAIN: Duration = Duration::from_secs(30);

/// How often everything is read where the kernel's word is not to be had.
const WITHOUT_WORD: Duration = Duration::from_secs(5);

/// Routes read at most; four times what the Internet has (2026: 1.05 million of IPv4, 0.24 million of IPv6).
const MOST_ROUTES: usize = 5_000_000;

/// Who looks.
#[derive(Debug)]
pub(super) struct Lookout {
    changes: Option<Changes>,
    /// Whether routes are wanted.
    routes: bool,
    due: bool,
    read_at: Now,
    pause: Duration,
    /// What was complained of last, so that it is said once.
    complaints: Vec<String>,
}

impl Lookout {
    /// Looks for the first time, before anything is served.
    pub(super) fn begin(operator: &Operator) -> Self {
        let routes = wants_routes(operator);
        let mut lookout = Self {
            changes: None,
            routes,
            due: true,
            read_at: clock::now(),
            pause: Duration::ZERO,
            complaints: Vec::new(),
        };
        // Listening first: what changes while it is read is heard of.
        lookout.listen();
        lookout.look(operator);
        lookout
    }

    /// Keeps looking on a thread of its own until the service is gone.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub(super) fn keep(mut self, operator: &Arc<Operator>) -> io::Result<()> {
        let operator = Arc::downgrade(operator);
        let run = move || while self.turn(&operator) {};
        std::thread::Builder::new()
            .name("lookout".to_owned())
            .spawn(run)
            .map(drop)
    }

    /// One turn; whether another one follows.
    fn turn(&mut self, operator: &Weak<Operator>) -> bool {
        match &mut self.changes {
            Some(_) if self.due => {
                // More words would say no more.
                let left = self.pause.saturating_sub(clock::now().since(self.read_at));
                std::thread::sleep(left.min(TURN));
            }
            Some(changes) => match changes.wait(TURN) {
                Ok(changed) => self.due = changed,
                Err(_) => self.listen(),
            },
            None => {
                std::thread::sleep(TURN);
                self.due = clock::now().since(self.read_at) >= WITHOUT_WORD;
                if self.due {
                    self.listen();
                }
            }
        }
        let Some(operator) = operator.upgrade() else {
            return false;
        };
        let routes = wants_routes(&operator);
        if routes != self.routes {
            self.routes = routes;
            self.pause = Duration::ZERO;
            self.listen();
        }
        if self.due && clock::now().since(self.read_at) >= self.pause {
            self.look(&operator);
        }
        true
    }

    /// Begins to listen for changes, with or without those of routes; what was missed before is due.
    fn listen(&mut self) {
        self.changes = Changes::watch(self.routes).ok();
        self.due = true;
    }

    /// Reads everything.
    fn look(&mut self, operator: &Operator) {
        let begun = clock::now();
        // What arrived before this moment is in what is read now.
        if let Some(changes) = &mut self.changes {
            let _read_now = changes.wait(Duration::ZERO);
        }
        let mut complaints = Vec::new();
        let mut complete = true;
        let live = operator.live();
        match addresses::HostAddresses::read() {
            Ok(host) => live.own.replace(host.forgeable, host.broadcast),
            Err(error) => {
                complete = false;
                complaints.push(format!("cannot read the host's own addresses: {error}"));
            }
        }
        match interfaces::read() {
            Ok(interfaces) => {
                let routes = self.read_routes(&mut complaints).unwrap_or_else(|()| {
                    complete = false;
                    live.surroundings.now().routes().cloned()
                });
                let known = Known::new(interfaces, routes);
                complaints.extend(unknown_names(&live.plan.guard, &known));
                live.surroundings.replace(known);
            }
            Err(error) => {
                complete = false;
                complaints.push(format!("cannot read the host's interfaces: {error}"));
            }
        }
        drop(live);
        for complaint in &complaints {
            if !self.complaints.contains(complaint) {
                tracing::warn!("{complaint}");
            }
        }
        self.complaints = complaints;
        let now = clock::now();
        self.pause = PACE.max(now.since(begun) * REST);
        self.read_at = now;
        // What could not be read is read again; until then what was known stands.
        self.due = !complete;
        if self.due {
            self.pause = self.pause.max(AGAIN);
        }
    }

    /// The routing table, if it is wanted; an error if it could not be read.
    fn read_routes(&self, complaints: &mut Vec<String>) -> Result<Option<Arc<RouteTable>>, ()> {
        if !self.routes {
            return Ok(None);
        }
        match rtnetlink::routes(MOST_ROUTES) {
            Ok(routes) => Ok(Some(Arc::new(RouteTable::new(routes)))),
            Err(error) => {
                complaints.push(format!(
                    "cannot read the routing table, which guard.route_back goes by: {error}"
                ));
                Err(())
            }
        }
    }
}

fn wants_routes(operator: &Operator) -> bool {
    operator.live().plan.guard.route_back != RouteBack::Off
}

/// Names in the configuration that no interface has now.
pub(super) fn unknown_names(plan: &crate::config::plan::Guard, known: &Known) -> Vec<String> {
    let missing = |pattern: &&String| {
        let pattern = std::slice::from_ref(*pattern);
        let mut interfaces = known.interfaces().iter();
        !interfaces.any(|interface| names(pattern, &interface.name))
    };
    let bound = plan.bindings.iter().flat_map(|binding| &binding.interfaces);
    let bound = bound.filter(missing).map(|name| {
        format!("guard.bind names the interface {name}, which this host does not have now: no query is taken as arriving by it")
    });
    let grouped = plan.interface_groups.iter().flatten();
    let grouped = grouped.filter(missing).map(|name| {
        format!("guard.group names the interface {name}, which this host does not have now")
    });
    let mut all: Vec<String> = bound.chain(grouped).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What of the settings cannot work on this host, for `status`.
pub(super) fn warnings(live: &Live) -> Vec<String> {
    let plan = &live.plan.guard;
    if plan.bindings.is_empty() && plan.route_back == RouteBack::Off {
        return Vec::new();
    }
    let known = live.surroundings.now();
    let mut warnings = unknown_names(plan, &known);
    if plan.route_back != RouteBack::Off && known.routes().is_none() {
        warnings
            .push("guard.route_back is without effect: the routing table is not known".to_owned());
    }
    if let Ok(host) = Shape::of_this_host(shape::clients(plan)) {
        warnings.extend(shape::tell(&host, plan, false));
    }
    warnings
}

/// What rows 5 and 6 say of a client: that of a datagram by the interface of that name, or of a connection.
pub(super) fn wrong_way(
    live: &Live,
    client: IpAddr,
    transport: TransportKind,
    interface: Option<&str>,
) -> Option<Reason> {
    let guard = &live.pipeline.guard;
    let known = live.surroundings.now();
    match (interface, transport) {
        // Whatever has no such name is no interface anybody is bound to.
        (Some(name), TransportKind::Udp) => {
            let index = known.index_of(name).unwrap_or(0);
            (index != LOOPBACK_INTERFACE)
                .then(|| guard.judge_way(client.into(), index))
                .flatten()
        }
        (None, TransportKind::Udp) => None,
        (_, TransportKind::Tcp) => {
            let source = SocketAddr::new(client, 0);
            let leaves_by = || rtnetlink::leaves_by(client, None).unwrap_or(0);
            let judged = guard.judge_connection(source, source, leaves_by);
            judged
                .err()
                .filter(|reason| *reason == Reason::WrongIngress)
        }
    }
}

/// By which interfaces a client's queries may come, in words; nothing if by any.
pub(super) fn ways(live: &Live, client: IpAddr) -> Option<String> {
    let plan = &live.plan.guard;
    let known = live.surroundings.now();
    let bindings = Bindings::new(&plan.bindings);
    let bound = bindings.of(client.into());
    let bound = bound.map(|patterns| format!("by {} (guard.bind)", patterns.join(", ")));
    let routed = known.routes().map(|table| {
        let by = table.interfaces_to(client.into()).iter();
        let by: Vec<&str> = by.filter_map(|index| known.name_of(*index)).collect();
        let mode = match plan.route_back {
            RouteBack::Off => "off",
            RouteBack::Loose => "loose",
            RouteBack::Feasible => "feasible",
            RouteBack::Strict => "strict",
        };
        match by.as_slice() {
            [] => format!("no route leads to it (guard.route_back {mode})"),
            some => format!(
                "the route to it leaves by {} (guard.route_back {mode})",
                some.join(", ")
            ),
        }
    });
    let words: Vec<String> = bound.into_iter().chain(routed).collect();
    (!words.is_empty()).then(|| words.join("; "))
}
