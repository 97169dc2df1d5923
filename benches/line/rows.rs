//! What is measured of each rival, and how?

use std::net::SocketAddr;
use std::time::Duration;

use crate::figures::{Figure, Figures};
use crate::load::{self, Counted, SATURATING};
use crate::options::Options;
use crate::probe::probe;
use crate::resolvers::Product;
use crate::rivals::{CLIENT, CLIENTS, Field, OUTSIDERS, Rival, queries};

/// A group of rows of the table that one way of loading fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Row {
    /// CPU of a cached answer and of a refusal, at a fixed rate
    Cost,
    /// Cached answers a second on one core, of all that can be offered
    Saturation,
    /// Honest clients while outsiders send all that the generator can
    Flood,
    /// Twenty queries per TCP connection, pipelined
    Streams,
    /// suimond with two workers on both cores
    Workers,
    /// What names asked once leave behind in memory
    Memory,
}

/// Queries a second of honest clients beside a flood.
const HONEST: u32 = 5_000;

impl Row {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::Cost,
        Self::Saturation,
        Self::Flood,
        Self::Streams,
        Self::Workers,
        Self::Memory,
    ];

    /// What it is called.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Measures it of every rival, in turn.
    pub fn measure(self, field: &mut Field, options: &Options, figures: &mut Figures) {
        match self {
            Self::Workers => workers(field, options, figures),
            Self::Memory => memory(field, options, figures),
            Self::Cost | Self::Saturation | Self::Flood | Self::Streams => {
                for round in 0..options.rounds {
                    // Beginning with another each time: nobody always comes after the same one.
                    for turn in 0..field.rivals.len() {
                        let place = (turn + round as usize) % field.rivals.len();
                        let rival = &field.rivals[place];
                        match self {
                            Self::Cost => cost(field, rival, options, figures),
                            Self::Saturation => saturation(field, rival, options, figures),
                            Self::Flood => flood(field, rival, options, figures),
                            _ => streams(field, rival, options, figures),
                        }
                    }
                }
            }
        }
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.name())
    }
}

/// Nanoseconds of CPU of the rival during what is done.
fn spent(rival: &Rival, done: impl FnOnce() -> Counted) -> (f64, Counted) {
    let before = rival.server.cpu_ns();
    let counted = done();
    ((rival.server.cpu_ns() - before) as f64, counted)
}

fn cost(field: &Field, rival: &Rival, options: &Options, figures: &mut Figures) {
    let (rate, seconds) = (options.rate, options.seconds);
    let send = |from| {
        spent(rival, || {
            load::datagrams(&field.lab, rival.address, from, &field.names, rate, seconds)
        })
    };
    let (nanoseconds, counted) = send(CLIENTS);
    let each = nanoseconds / counted.received as f64 / 1000.0;
    figures.add(Figure::CachedCpu, rival.title, each);
    let lost = 100.0 - counted.received as f64 * 100.0 / counted.sent as f64;
    figures.add(Figure::CachedLoss, rival.title, lost);
    let (nanoseconds, counted) = send(OUTSIDERS);
    let each = nanoseconds / counted.sent as f64 / 1000.0;
    figures.add(Figure::RefusedCpu, rival.title, each);
}

fn saturation(field: &Field, rival: &Rival, options: &Options, figures: &mut Figures) {
    let seconds = options.seconds;
    let (nanoseconds, counted) = spent(rival, || {
        let names = &field.names;
        load::datagrams(
            &field.lab,
            rival.address,
            CLIENTS,
            names,
            SATURATING,
            seconds,
        )
    });
    let thousands = counted.per_second() / 1000.0;
    figures.add(Figure::Saturation, rival.title, thousands);
    let each = nanoseconds / counted.received as f64 / 1000.0;
    figures.add(Figure::BusyCpu, rival.title, each);
}

fn flood(field: &Field, rival: &Rival, options: &Options, figures: &mut Figures) {
    let time = Duration::from_secs(u64::from(options.seconds));
    let to = rival.address;
    let honest = std::thread::scope(|scope| {
        let flood = scope.spawn(|| {
            let seconds = options.seconds + 1;
            load::datagrams(&field.lab, to, OUTSIDERS, &field.names, SATURATING, seconds)
        });
        // The generator sets up its socket first.
        std::thread::sleep(Duration::from_millis(700));
        let seen = field.lab.inside("h", move || {
            probe(&honest_sources(), to, &queries(), HONEST, time)
        });
        flood.join().expect("a flood");
        seen
    });
    figures.add(Figure::FloodAnswered, rival.title, honest.answered());
    figures.add(Figure::FloodWait, rival.title, honest.p99());
}

/// Sixty-four clients.
fn honest_sources() -> Vec<String> {
    (1..=64).map(|host| format!("10.80.16.{host}")).collect()
}

fn streams(field: &Field, rival: &Rival, options: &Options, figures: &mut Figures) {
    if rival.product.is_none() {
        return;
    }
    let seconds = options.seconds.to_string();
    let names = field.plain_names();
    let more = [
        "-d",
        &names,
        "-m",
        "tcp",
        "-c",
        "20",
        "-q",
        "400",
        "-l",
        &seconds,
        "-t",
        "2",
        "-O",
        "num-queries-per-conn=20",
    ];
    let (nanoseconds, counted) = spent(rival, || {
        load::dnsperf(&field.lab, rival.address, CLIENT, &more)
    });
    figures.add(Figure::Streams, rival.title, counted.per_second() / 1000.0);
    let each = nanoseconds / counted.received as f64 / 1000.0;
    figures.add(Figure::StreamsCpu, rival.title, each);
}

/// On two cores that the generator shares, so that not answers per second but CPU per answer tells what a second worker costs the first.
fn workers(field: &mut Field, options: &Options, figures: &mut Figures) {
    let both = field.suimond_on("0,1");
    let Some(one) = field
        .rivals
        .iter()
        .find(|rival| rival.product == Some(Product::Suimon))
    else {
        return;
    };
    let (rate, seconds) = (options.rate, options.seconds);
    for _ in 0..options.rounds {
        let each = [one, &both].map(|rival| {
            let (nanoseconds, counted) = spent(rival, || {
                load::datagrams(
                    &field.lab,
                    rival.address,
                    CLIENTS,
                    &field.names,
                    rate,
                    seconds,
                )
            });
            nanoseconds / counted.received as f64
        });
        figures.add(Figure::TwoWorkers, one.title, 2.0 * each[0] / each[1]);
    }
}

/// Resident octets that each of the second half of the names leaves behind: the first has paid for tables that exist anyway.
fn memory(field: &mut Field, options: &Options, figures: &mut Figures) {
    for rival in field.roomy() {
        let half = options.names / 2;
        fill(field, rival.address, 0..half);
        let before = rival.server.resident();
        let answered = fill(field, rival.address, half..options.names);
        let grown = rival.server.resident().saturating_sub(before);
        figures.add(Figure::Memory, rival.title, grown as f64 / answered as f64);
        rival.server.end();
    }
}

/// Has these names looked up; how many were answered.
fn fill(field: &Field, to: SocketAddr, numbers: std::ops::Range<u32>) -> u64 {
    let names: String = numbers.fold(String::new(), |mut all, number| {
        use std::fmt::Write as _;
        let _infallible = writeln!(all, "once-{number:07}.warm.net A");
        all
    });
    let names = field.lab.file("once", &names);
    let more = ["-d", &names, "-n", "1", "-q", "50", "-t", "5"];
    let counted = load::dnsperf(&field.lab, to, CLIENT, &more);
    assert!(counted.noerror > 0, "{to} answers nothing");
    counted.noerror
}
