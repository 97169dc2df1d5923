//! Does what was written hold together? The file types turned into the plan, all problems collected on the way.

mod access;
mod arriving;
mod control;
mod coverage;
mod incidents;
mod limiter;
mod local_root;
mod proof;
mod public_resolvers;
mod rights;
mod servers;
mod trust;
mod zone_guard;
mod zones;

use std::fs::File as Opened;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use super::diagnose::{Place, Problem};
use super::file::File;
use super::layers::Layers;
use super::plan::{self, Plan};
use super::units::{Size, Span};

/// Files that the system brings along.
#[derive(Clone, Copy)]
pub(super) struct SystemFiles<'a> {
    pub(super) root_hints: Option<&'a Path>,
    pub(super) suffixes: Option<&'a Path>,
}

/// Makes the plan; it may only run if none of the problems is an error.
pub(super) fn plan(
    file: &File,
    layers: &Layers,
    system: SystemFiles<'_>,
    now: Option<u64>,
) -> (Plan, Vec<Problem>) {
    let mut check = Check {
        file,
        layers,
        problems: Vec::new(),
        open: false,
    };
    check.open = check.judge_open();
    let recursion = check.recursion(system.root_hints);
    let zone_guard = check.zone_guard(system.suffixes);
    let shares = check.shares();
    let policy = check.policy();
    let dnssec = check.dnssec(&recursion.root_hints, now);
    let plan = Plan {
        ingress: check.ingress(),
        guard: check.guard(),
        zone_guard,
        shares,
        policy,
        cache: check.cache(),
        local_root: check.local_root(&dnssec),
        dnssec,
        recursion,
        egress: check.egress(),
        answer: plan::Answer {
            max_udp_size: file.answer.max_udp_size,
            minimal: file.answer.minimal,
            any_needs_proof: file.answer.any_needs_proof,
            stale_after: file.answer.stale_after.0,
            max_udp_age: file.answer.max_udp_age.0,
        },
        incidents: check.incidents(),
        secrecy: check.secrecy(),
        ops: check.ops(),
        process: plan::Process {
            state_dir: file.process.state_dir.clone(),
            drain: file.process.drain.0,
            sandbox: file.process.sandbox,
        },
    };
    (plan, check.problems)
}

/// One check under way.
struct Check<'a> {
    file: &'a File,
    layers: &'a Layers,
    problems: Vec<Problem>,
    /// Whether everybody may be served.
    open: bool,
}

impl Check<'_> {
    fn place(&self, path: &str) -> Place {
        self.layers.place(path)
    }

    fn error(
        &mut self,
        path: &str,
        what: impl Into<String>,
        why: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.problems
            .push(Problem::error(self.place(path), what, why, fix));
    }

    fn warning(
        &mut self,
        path: &str,
        what: impl Into<String>,
        why: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.problems
            .push(Problem::warning(self.place(path), what, why, fix));
    }

    fn ingress(&mut self) -> plan::Ingress {
        let (listen, tcp) = (&self.file.listen, &self.file.tcp);
        plan::Ingress {
            listen: self.listeners(),
            workers: match listen.workers {
                0 => std::thread::available_parallelism()
                    .map_or(1, usize::from)
                    .min(256),
                workers => workers,
            },
            pin_workers: listen.pin_workers,
            receive_buffer: octets(listen.receive_buffer),
            max_queue_age: listen.max_queue_age.0,
            hop_limit_every: listen.hop_limit_every,
            tcp: plan::Tcp {
                connections: tcp.connections,
                connections_per_client: tcp.connections_per_client,
                client_mode: tcp.client_mode.into(),
                first_query: tcp.first_query.0,
                idle: tcp.idle.0,
                idle_busy: tcp.idle_busy.0,
                in_flight: tcp.in_flight,
                queries: tcp.queries,
                unsent: octets(tcp.unsent),
                unsent_for: tcp.unsent_for.0,
            },
        }
    }

    fn guard(&mut self) -> plan::Guard {
        let (bindings, interface_groups) = (self.bindings(), self.interface_groups());
        let guard = &self.file.guard;
        plan::Guard {
            rules: self.rules(),
            check_ports: guard.check_ports,
            check_own_addresses: guard.check_own_addresses,
            check_martians: guard.check_martians,
            bindings,
            route_back: guard.route_back.into(),
            interface_groups,
            spoof_alarm: guard.spoof_alarm,
            suppress_errors_to_reflectors: guard.suppress_errors_to_reflectors,
            backscatter: plan::Backscatter {
                responses: guard.backscatter_alarm,
                window: guard.backscatter_window.0,
            },
            refusals_per_prefix: guard.refusals_per_prefix,
            refusal_mode: guard.refusal_mode.into(),
            prove_mode: self.file.acl.prove_mode.into(),
            refusal_burst: guard.refusal_burst,
            refusals_per_host: guard.refusals_per_host,
            pending_per_client: guard.pending_per_client,
            pending_per_verified_client: guard.pending_per_verified_client,
            limiter: self.limiter(),
            cookies: self.cookies(),
        }
    }

    fn shares(&self) -> plan::Shares {
        let shares = &self.file.shares;
        plan::Shares {
            mode: shares.mode.into(),
            client: shares.client,
            server: shares.server,
            top_server: shares.top_server,
            least: shares.least,
        }
    }

    fn cache(&mut self) -> plan::Cache {
        let cache = &self.file.cache;
        self.ordered(
            "cache.min_ttl",
            cache.min_ttl,
            "cache.max_ttl",
            cache.max_ttl,
        );
        self.ordered(
            "cache.min_delegation_ttl",
            cache.min_delegation_ttl,
            "cache.max_delegation_ttl",
            cache.max_delegation_ttl,
        );
        self.ordered(
            "cache.failure_ttl",
            cache.failure_ttl,
            "cache.max_failure_ttl",
            cache.max_failure_ttl,
        );
        plan::Cache {
            max_bytes: cache.size.0,
            answer_slots: cache.answer_slots,
            min_ttl: seconds(cache.min_ttl),
            max_ttl: seconds(cache.max_ttl),
            max_negative_ttl: seconds(cache.max_negative_ttl),
            delegation_ttl: (
                seconds(cache.min_delegation_ttl),
                seconds(cache.max_delegation_ttl),
            ),
            failure_ttl: seconds(cache.failure_ttl),
            max_failure_ttl: seconds(cache.max_failure_ttl),
            max_stale: seconds(cache.max_stale),
            stale_ttl: seconds(cache.stale_ttl),
            prefetch: cache.prefetch,
            failures: cache.failures,
        }
    }

    fn recursion(&mut self, system_hints: Option<&Path>) -> plan::Recursion {
        let (recursion, limits) = (&self.file.recursion, &self.file.limits);
        plan::Recursion {
            root_hints: self.root_hints(system_hints),
            priming: recursion.priming,
            qname_minimisation: recursion.qname_minimisation.into(),
            harden_glue: recursion.harden_glue,
            dnssec_ok: recursion.dnssec_ok,
            ipv4: self.file.egress.ipv4,
            ipv6: self.file.egress.ipv6,
            limits: plan::Limits {
                packets: limits.packets,
                bytes: u32::try_from(limits.bytes.0).unwrap_or(u32::MAX),
                time: limits.time.0,
                links: limits.links,
                depth: limits.depth,
                ns_names: limits.ns_names,
                ns_addresses: limits.ns_addresses,
                failing_ns_names: limits.failing_ns_names,
                minimisation_steps: limits.minimisation_steps,
                response_signatures: limits.response_signatures,
                signatures: limits.signatures,
                nsec3_hashes: limits.nsec3_hashes,
                rrset_records: limits.rrset_records,
                rrset_bytes: octets(limits.rrset_bytes),
            },
            companions: !self.file.answer.minimal,
            joined_clients: recursion.joined_clients,
            joined_look_ups: recursion.joined_look_ups,
            in_flight: recursion.in_flight,
        }
    }

    /// Refuses a least value above its greatest.
    fn ordered(&mut self, low_path: &str, low: Span, high_path: &str, high: Span) {
        if low <= high {
            return;
        }
        let path = if self.layers.is_written(low_path) {
            low_path
        } else {
            high_path
        };
        self.error(
            path,
            format!("`{low_path}` is above `{high_path}`"),
            format!("{low} is longer than {high}, so no value could satisfy both"),
            format!("lower `{low_path}` or raise `{high_path}`"),
        );
    }
}

fn octets(size: Size) -> usize {
    usize::try_from(size.0).unwrap_or(usize::MAX)
}

/// Whole seconds; the option table bounds them far below 2^31.
fn seconds(span: Span) -> u32 {
    let Span(duration): Span = span;
    u32::try_from(Duration::as_secs(&duration)).unwrap_or(u32::MAX)
}

/// The text of a file. A device or a pipe, which may never end, is not read, nor is what has more than `longest` octets.
fn read_file(file: &Path, longest: u64) -> io::Result<String> {
    if !std::fs::metadata(file)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut octets = Vec::new();
    Opened::open(file)?
        .take(longest + 1)
        .read_to_end(&mut octets)?;
    if octets.len() as u64 > longest {
        return Err(io::Error::other(format!(
            "it is longer than {longest} octets"
        )));
    }
    Ok(String::from_utf8_lossy(&octets).into_owned())
}
