//! How is one attack played: calm, attack, and what comes after, with everybody at work at once?

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::border::{Border, Side};
use super::catalogue::{Attack, Servers};
use super::figures::{Exchange, Figures, Guard, Taken};
use super::flood::{Flood, Order};
use super::honest::{self, Book, Load};
use super::measure::{ONSET, Phases, Sample, Track, Usage, usage};
use super::picture::Picture;
use super::traffic::{Traffic, bot};
use super::{AttackOptions, SETTINGS, Watch, beside, scene, verdict};
use crate::drill::clients;
use crate::drill::expectation::Style;
use crate::drill::internet::{Internet, Options};
use crate::drill::report::Progress;
use crate::drill::suimond::{Suimond, free_port};
use crate::drill::{DrillOptions, OutputFormat, Resolver, interrupted, resolver_of, stop};
use crate::sys::clock::{self, Now};

/// Between two samples of all counters.
const SAMPLE: Duration = Duration::from_millis(100);
/// Between two questions to the daemon about itself.
const LOOK: Duration = Duration::from_millis(250);
/// Between two questions of a bot for a real name after the attack, and how long it waits for each.
const PROBE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_millis(1_500));
/// Ordinary zones beside those of the attack.
const ORDINARY: usize = 20;

/// Plays the attack; whether the resolver held. Interrupted, it ends what it started and says no.
///
/// # Errors
/// What kept it from being played.
pub(in crate::drill) async fn perform(
    options: &DrillOptions,
    attack: &'static Attack,
    output: OutputFormat,
    border: Option<Arc<Border>>,
    out: &mut dyn Write,
) -> io::Result<bool> {
    if border.is_some() && options.against.is_some() {
        return Err(io::Error::other(
            "this attack comes by another interface: it can be played against a suimond of the drill's own only",
        ));
    }
    let port = free_port(options.port.unwrap_or(0))?;
    let mut settings: Vec<_> = SETTINGS
        .into_iter()
        .map(|(key, value)| (key, value.to_owned()))
        .collect();
    if border.is_some() {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        settings.extend(Border::settings(listen));
    }
    let internet = Internet::start(Options {
        seed: options.seed,
        zones: options.zones.min(ORDINARY),
        port: options.servers_port,
        network: match options.against.map(|resolver| resolver.ip()) {
            Some(IpAddr::V4(resolver)) => resolver.octets().first().copied().unwrap_or(127),
            _ => 127,
        },
        namespace: options.siege.servers_netns.clone(),
        stand_in: options.siege.stand_in,
        villains: false,
        siege: true,
        settings,
        ..Options::default()
    });
    let internet = internet.await?;
    if let Some(directory) = &options.siege.zone_files {
        scene::write_zones(internet.world(), directory)?;
    }
    let progress = Progress::new(output == OutputFormat::Json);
    progress.say(&format!("{}: {}", attack.name, attack.sentence));
    let Some(resolver) = resolver_of(&internet, options, port, &progress).await? else {
        return Ok(false);
    };
    let played = {
        let run = Run::new(options, attack, &internet, &resolver, border)?;
        tokio::select! {
            figures = run.play(Picture::new(options.siege.rate, output == OutputFormat::Json)) => Some(figures?),
            _ = interrupted() => None,
        }
    };
    let Some(figures) = played else {
        progress.say("interrupted");
        let _ = stop(resolver).await;
        return Ok(false);
    };
    let ended = stop(resolver).await;
    internet.shutdown().await;
    let criteria = verdict::judge(attack.promises, &figures);
    match output {
        OutputFormat::Human => verdict::write(&figures, &criteria, out)?,
        OutputFormat::Json => writeln!(out, "{:#}", figures.to_json(&criteria))?,
    }
    if let Some(Err(reason)) = &ended {
        progress.say(&format!("suimond did not end as it should: {reason}"));
        return Ok(false);
    }
    Ok(criteria.iter().all(|criterion| criterion.held))
}

/// One run.
struct Run<'a> {
    attack: &'static Attack,
    options: &'a AttackOptions,
    seed: u64,
    phases: Phases,
    internet: &'a Internet,
    watch: &'a Watch,
    resolver: SocketAddr,
    daemon: Option<&'a Suimond>,
    border: Option<Arc<Border>>,
    strayed: Cell<u64>,
    pids: Vec<u32>,
    book: Arc<Book>,
    track: RefCell<Track>,
    flood: RefCell<Option<Flood>>,
    taken: RefCell<Taken>,
    guard: RefCell<Option<Guard>>,
    engaged: Cell<Option<bool>>,
}

impl<'a> Run<'a> {
    fn new(
        options: &'a DrillOptions,
        attack: &'static Attack,
        internet: &'a Internet,
        resolver: &'a Resolver,
        border: Option<Arc<Border>>,
    ) -> io::Result<Self> {
        let address = resolver.address();
        let is_apart = options.siege.servers_netns.is_some();
        if !matches!(address.ip(), IpAddr::V4(ip) if is_apart || ip.is_loopback()) {
            return Err(io::Error::other(format!(
                "{address}: attackers and customers have addresses of 127.0.0.0/8 here, so the resolver must listen on one; \
                 with --servers-netns they have addresses of the resolver's /8"
            )));
        }
        let watched: Vec<_> = attack
            .watched
            .iter()
            .map(|zone| scene::name(zone))
            .collect();
        let watch = Watch::new(&watched, honest::names(attack.target));
        let daemon = match resolver {
            Resolver::Ours(daemon) => Some(&**daemon),
            Resolver::Given(_) => None,
        };
        Ok(Self {
            attack,
            options: &options.siege,
            seed: options.seed,
            phases: options.siege.phases(attack.servers),
            internet,
            watch: internet.queries().watch(watch),
            resolver: address,
            daemon,
            border,
            strayed: Cell::new(0),
            pids: daemon
                .and_then(Suimond::pid)
                .map_or_else(|| options.siege.pid.clone(), |pid| vec![pid]),
            book: Arc::default(),
            track: RefCell::default(),
            flood: RefCell::default(),
            taken: RefCell::default(),
            guard: RefCell::default(),
            engaged: Cell::new(None),
        })
    }

    /// All of it, and the figures.
    async fn play(self, mut picture: Picture) -> io::Result<Figures> {
        let zones = scene::zones(self.attack.target);
        self.servers(false);
        let begun = clock::now();
        let honest = self.customers(zones.clone(), begun);
        let (sampled, (), released) = tokio::join!(
            self.sample(begun, &mut picture),
            self.look(begun),
            self.probe(begun, &zones),
        );
        sampled?;
        // The last questions may still be waited for.
        let _ = honest.await;
        if let Some(border) = &self.border {
            let after = border.unexpected(Side::Customers)?;
            self.strayed.set(after.saturating_sub(self.strayed.get()));
        }
        if let Some(flood) = self.flood.borrow_mut().as_mut() {
            flood.end();
        }
        Ok(self.figures(released))
    }

    /// Sets the honest clients to work, on the side of the border where they are.
    fn customers(&self, zones: Vec<String>, begun: Now) -> JoinHandle<()> {
        let load = Load {
            resolver: self.resolver,
            zones,
            phases: self.phases,
        };
        let book = Arc::clone(&self.book);
        let Some(border) = self.border.clone() else {
            return tokio::spawn(honest::ask_on(load, begun, book));
        };
        let load = Load {
            resolver: Border::resolver(Side::Customers),
            ..load
        };
        tokio::task::spawn_blocking(move || {
            // Sockets belong to the side on which they are made: all of this runtime are made on this thread.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            if let (Ok(_standing), Ok(runtime)) = (border.enter(Side::Customers), runtime) {
                runtime.block_on(honest::ask_on(load, begun, book));
            }
        })
    }

    /// Sets the attackers to work, on their side of the border.
    fn attackers(&self) -> io::Result<Flood> {
        let order = Order {
            resolver: self.resolver,
            rate: self.options.rate,
            span: self.phases.attack,
            traffic: Traffic::new(self.attack.shape, self.options.bots),
            seed: self.seed,
        };
        let Some(border) = &self.border else {
            return Flood::start(order);
        };
        let before = border.unexpected(Side::Customers)?;
        self.strayed.set(before);
        let _standing = border.enter(Side::Attackers)?;
        Flood::start(Order {
            resolver: Border::resolver(Side::Attackers),
            ..order
        })
    }

    /// Says how the attacked zone's servers fare from now on.
    fn servers(&self, attacked: bool) {
        let capacity = match self.attack.servers {
            Servers::Healthy => None,
            Servers::Overloaded => Some(self.options.capacity),
            Servers::Dead => attacked.then_some(0),
        };
        self.internet.throttle().set(capacity);
    }

    /// Begins and ends the attack in time, and takes a sample ten times a second.
    async fn sample(&self, begun: Now, picture: &mut Picture) -> io::Result<()> {
        let phases = self.phases;
        let mut before = None;
        let mut shown = 0;
        let mut over = false;
        loop {
            let at = clock::now().since(begun);
            if at >= phases.calm && self.flood.borrow().is_none() {
                self.servers(true);
                before = usage(&self.pids);
                *self.flood.borrow_mut() = Some(self.attackers()?);
            }
            self.take_sample(at);
            if !over && at >= phases.calm {
                over = at >= phases.over();
                self.take_usage(before, over);
            }
            if over && at >= phases.back() {
                self.servers(false);
            }
            if at.as_secs() > shown {
                shown = at.as_secs();
                let last = self.track.borrow().seconds(&phases).pop();
                if let Some(last) = last {
                    picture.second(&last, self.engaged.get());
                }
            }
            if self.is_over(at) {
                return Ok(());
            }
            sleep(SAMPLE).await;
        }
    }

    fn take_sample(&self, at: Duration) {
        let (sent, replies) = self.flood.borrow().as_ref().map_or((0, 0), |flood| {
            let counters = flood.counters();
            (
                counters.sent.load(Ordering::Relaxed),
                counters.replies.load(Ordering::Relaxed),
            )
        });
        self.track.borrow_mut().add(Sample {
            at,
            sent,
            replies,
            attack_packets: self.watch.attack(),
            other_packets: self.watch.others(),
            asked: self.book.asked.load(Ordering::Relaxed),
            answered: self.book.answered.load(Ordering::Relaxed),
        });
    }

    fn take_usage(&self, before: Option<Usage>, last: bool) {
        let (Some(before), Some(now)) = (before, usage(&self.pids)) else {
            return;
        };
        let mut taken = self.taken.borrow_mut();
        taken.pids.clone_from(&self.pids);
        taken.rss = (before.rss, taken.rss.1.max(now.rss));
        taken.sockets = taken.sockets.max(now.sockets);
        if last {
            taken.cpu = now.cpu.saturating_sub(before.cpu);
            taken.of = self.phases.attack;
        }
    }

    /// Asks the daemon about itself, if it is ours.
    async fn look(&self, begun: Now) {
        let Some(daemon) = self.daemon else { return };
        let phases = self.phases;
        loop {
            let at = clock::now().since(begun);
            let stats = daemon.ask("stats").await;
            if let Some(stats) = &stats {
                let sum = |name: &str, label: &str| sum_of(stats, name, label);
                let engaged = sum("suimon_zone_guard_zones_engaged", "") > 0;
                self.engaged.set(Some(engaged));
                let mut guard = self.guard.borrow_mut();
                let guard = guard.get_or_insert_default();
                guard.engagements = sum("suimon_zone_guard_engaged_total", "");
                guard.denied = sum("suimon_zone_guard_denied_total", "");
                guard.denied_known = sum("suimon_zone_guard_denied_known_total", "");
                guard.explored = sum("suimon_zone_guard_explored_total", "");
                guard.stale = sum("suimon_zone_guard_stale_total", "");
                guard.limited = sum("suimon_verdicts_total", "limited_");
                guard.no_route_back = sum("suimon_verdicts_total", "no_route_back");
                if engaged && guard.engaged_after.is_none() {
                    guard.engaged_after = Some(at.saturating_sub(phases.calm));
                }
                if engaged {
                    guard.released_after = None;
                } else if guard.engaged_after.is_some()
                    && guard.released_after.is_none()
                    && at >= phases.back()
                {
                    guard.released_after = Some(at.saturating_sub(phases.back()));
                }
            }
            if self.is_over(at) {
                return;
            }
            sleep(LOOK).await;
        }
    }

    /// After the attack a bot asks for real names that it never asked for: how long until it is answered.
    async fn probe(&self, begun: Now, zones: &[String]) -> Option<Duration> {
        let (every, patience) = PROBE;
        if self.border.is_some() {
            return None;
        }
        let over = self.phases.back();
        sleep(over.saturating_sub(clock::now().since(begun))).await;
        for number in 0..scene::LATE {
            let at = clock::now().since(begun);
            if at >= self.phases.end() {
                return None;
            }
            let name = scene::name_of(zones, "late", number);
            let source = beside(self.resolver, IpAddr::V4(bot(0)));
            let style = Style::default();
            let asked =
                clients::ask_from(source, self.resolver, &name, RecordType::A, style, patience);
            if let Ok(heard) = asked.await
                && heard.rcode == ResponseCode::NoError
                && !heard.answers.is_empty()
            {
                let closed = self.options.until_released;
                self.book.closed.store(closed, Ordering::Relaxed);
                return Some(at.saturating_sub(over));
            }
            sleep(every).await;
        }
        None
    }

    fn is_over(&self, at: Duration) -> bool {
        at >= self.phases.end() || self.book.closed.load(Ordering::Relaxed)
    }

    fn figures(self, released_after: Option<Duration>) -> Figures {
        let phases = self.phases;
        let track = self.track.into_inner();
        let whole = track.between(phases.calm, phases.over());
        let settled = track.between(phases.calm + ONSET.min(phases.attack), phases.over());
        let mut honest = Vec::new();
        for window in super::figures::Window::ALL {
            for kind in honest::Kind::ALL {
                honest.push((window, kind, self.book.tally(window, kind)));
            }
        }
        let taken = self.taken.into_inner();
        Figures {
            attack: self.attack.name,
            sentence: self.attack.sentence,
            against: self.resolver.to_string(),
            embedded: self.daemon.is_some(),
            seed: self.seed,
            bots: self.options.bots,
            rate: self.options.rate,
            phases: [phases.calm, phases.attack, phases.after],
            capacity: (self.attack.servers == Servers::Overloaded).then_some(self.options.capacity),
            exchange: self
                .flood
                .into_inner()
                .as_ref()
                .map_or_else(Exchange::default, |flood| flood.counters().exchange()),
            strayed: self.strayed.get(),
            honest,
            upstream: (
                whole.attack_packets + whole.other_packets,
                whole.attack_packets,
            ),
            settled: (settled.attack_packets, settled.sent),
            throttled_after: track.throttled_after(&phases, self.options.rate),
            released_after,
            taken: (!taken.pids.is_empty()).then_some(taken),
            guard: self.guard.into_inner(),
            series: track.seconds(&phases),
        }
    }
}

/// The sum of a metric over all label sets that hold a value which begins with `label`.
fn sum_of(stats: &Value, name: &str, label: &str) -> u64 {
    let metrics = stats.get("metrics").and_then(Value::as_array);
    metrics
        .into_iter()
        .flatten()
        .filter(|metric| metric.get("name").and_then(Value::as_str) == Some(name))
        .filter(|metric| {
            label.is_empty()
                || metric
                    .get("labels")
                    .is_some_and(|labels| labels.to_string().contains(&format!("\"{label}")))
        })
        .filter_map(|metric| {
            let value = metric.get("value")?;
            let value = value.get("value").unwrap_or(value);
            value
                .as_u64()
                .or_else(|| format!("{:.0}", value.as_f64()?).parse().ok())
        })
        .sum()
}
