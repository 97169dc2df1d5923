//! Did the resolver hold? What good looks like, and whether a run's figures are that.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::figures::{Figures, Tally, Window, ratio, rounded};
use super::honest::Kind;

/// Upstream packets per attack query (parameter sheet, section 3: at 5,000 q/s and more) …
const PER_QUERY: f64 = 0.05;
/// … and per second at rates where exploring alone, 20 a second and the first names of each bot, would be more than that share.
const PER_SECOND: f64 = 50.0;
/// p99 elsewhere under attack is at most so many times that of the calm …
const LATENCY_FACTOR: f64 = 1.2;
/// … or this much above it: attackers, servers and resolver share this machine's processors.
const LATENCY_SLACK: Duration = Duration::from_millis(50);
/// Longest release after the end of an attack.
const RELEASE: Duration = Duration::from_secs(60);
/// Longest time to engage.
const ENGAGE: Duration = Duration::from_secs(3);

/// One thing a resolver is held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Promise {
    /// This share of known names of the attacked zone is answered.
    Known(f64),
    /// This share of new real names of the attacked zone is answered.
    New(f64),
    /// This share of the questions of the customer whose address is forged is answered.
    Customer(f64),
    /// Zones that are not attacked: 99.9 %.
    Elsewhere,
    /// Zones that are not attacked: no slower.
    Latency,
    /// Hardly anything of the attack goes upstream.
    Upstream,
    /// At most so many packets per attack query go upstream.
    UpstreamAtMost(f64),
    /// Nothing of it goes upstream at all.
    NoUpstream,
    /// Throttled within three seconds.
    Throttled,
    /// Released within a minute; judged if it is watched for so long.
    Released,
    /// Nothing comes back, to the senders or to those whose addresses they wrote.
    NoReply,
    /// Each query is counted as one that came by the wrong way.
    Told,
    /// No reply is longer than a query.
    NoLonger,
    /// Replies have at most so many times the octets of the queries.
    Octets(f64),
    /// This share of the "attack" itself, which is none, gets an answer.
    Served(f64),
    /// No zone is engaged, nobody is limited.
    NoAlarm,
}

/// What came of a promise.
#[derive(Clone, Debug, PartialEq)]
pub struct Criterion {
    /// For programs.
    pub name: &'static str,
    /// For people.
    pub text: &'static str,
    /// What was measured; nothing if it could not be.
    pub value: Option<f64>,
    /// What it is held to.
    pub bound: String,
    /// Whether it held; what could not be measured did.
    pub held: bool,
}

impl Criterion {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "text": self.text,
            "value": self.value.map(rounded),
            "bound": self.bound,
            "held": self.held,
        })
    }
}

/// Holds the figures against the promises.
#[must_use]
pub fn judge(promises: &[Promise], figures: &Figures) -> Vec<Criterion> {
    promises
        .iter()
        .map(|promise| promise.judge(figures))
        .collect()
}

const ELSEWHERE: [Kind; 3] = [Kind::Cached, Kind::Expired, Kind::Cold];

impl Promise {
    fn judge(self, figures: &Figures) -> Criterion {
        match self {
            Self::Known(least) => share(
                "known_names",
                "known names of the attacked zone are answered",
                &figures.tally(&[Window::Attack], &[Kind::Known]),
                least,
            ),
            Self::New(least) => share(
                "new_names",
                "real names of it that nobody asked for before are answered",
                &figures.tally(&[Window::Attack], &[Kind::New]),
                least,
            ),
            Self::Customer(least) => share(
                "customer",
                "the customer whose address is forged is answered",
                &figures.tally(&[Window::Attack], &[Kind::Customer]),
                least,
            ),
            Self::Elsewhere => share(
                "elsewhere",
                "names of other zones are answered",
                &figures.tally(&[Window::Onset, Window::Attack], &ELSEWHERE),
                0.999,
            ),
            Self::Latency => latency(figures),
            Self::Upstream => {
                let least = PER_SECOND / f64::from(figures.rate.max(1));
                at_most(
                    "upstream",
                    "upstream packets per query of the attack",
                    figures.per_query().1,
                    PER_QUERY.max(least),
                )
            }
            Self::UpstreamAtMost(most) => at_most(
                "upstream",
                "upstream packets per query of the attack",
                figures.per_query().0,
                most,
            ),
            Self::NoUpstream => at_most(
                "no_upstream",
                "upstream packets that the attack caused",
                super::figures::as_float(figures.upstream.1),
                0.0,
            ),
            Self::Throttled => within(
                "throttled",
                "seconds until hardly anything of it goes upstream",
                figures.throttled_after,
                ENGAGE,
            ),
            Self::Released => {
                let [.., after] = figures.phases;
                if after < RELEASE {
                    Criterion {
                        name: "released",
                        text: "seconds until a bot is served again; not watched long enough to tell (--after 60)",
                        value: figures.released_after.map(|time| time.as_secs_f64()),
                        bound: "<= 60".to_owned(),
                        held: true,
                    }
                } else {
                    within(
                        "released",
                        "seconds until a bot is served again",
                        figures.released_after,
                        RELEASE,
                    )
                }
            }
            Self::NoReply => at_most(
                "no_reply",
                "replies to them per query; late ones to honest clients are among them",
                ratio(
                    figures.exchange.replies + figures.strayed,
                    figures.exchange.sent,
                ),
                0.001,
            ),
            Self::Told => {
                let told = figures.guard.map(|guard| guard.no_route_back);
                Criterion {
                    name: "told",
                    text: "queries counted as coming by the wrong way",
                    value: told.map(super::figures::as_float),
                    bound: format!(">= {}", figures.exchange.sent),
                    held: told.is_none_or(|told| told >= figures.exchange.sent),
                }
            }
            Self::NoLonger => at_most(
                "no_longer",
                "replies longer than a query",
                super::figures::as_float(figures.exchange.longer),
                0.0,
            ),
            Self::Octets(most) => at_most(
                "octets",
                "octets sent back per octet of the attack",
                ratio(figures.exchange.reply_octets, figures.exchange.octets),
                most,
            ),
            Self::Served(least) => {
                let [noerror, nxdomain, ..] = figures.exchange.codes;
                let (good, sent) = (noerror + nxdomain, figures.exchange.sent);
                let value = ratio(good, sent);
                Criterion {
                    name: "served",
                    text: "of what is no attack at all is answered",
                    value: Some(value),
                    bound: format!(">= {least}"),
                    held: sent > 0 && enough(good, sent, least),
                }
            }
            Self::NoAlarm => {
                let alarms = figures.guard.map(|guard| guard.engagements + guard.limited);
                Criterion {
                    name: "no_alarm",
                    text: "zones engaged and queries limited",
                    value: alarms.map(super::figures::as_float),
                    bound: "<= 0".to_owned(),
                    held: alarms.is_none_or(|alarms| alarms == 0),
                }
            }
        }
    }
}

fn latency(figures: &Figures) -> Criterion {
    let p99 = |windows: &[Window]| figures.tally(windows, &ELSEWHERE).percentile(99);
    let (calm, attack) = (p99(&[Window::Calm]), p99(&[Window::Attack]));
    let most = calm.map(|calm| calm.mul_f64(LATENCY_FACTOR).max(calm + LATENCY_SLACK));
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    Criterion {
        name: "latency",
        text: "p99 of names of other zones, milliseconds",
        value: attack.map(ms),
        bound: most.map_or_else(|| "?".to_owned(), |most| format!("<= {:.1}", ms(most))),
        held: match (attack, most) {
            (Some(attack), Some(most)) => attack <= most,
            // Nobody was answered during the attack: that is no good sign.
            (None, Some(_)) => false,
            (_, None) => true,
        },
    }
}

fn share(name: &'static str, text: &'static str, tally: &Tally, least: f64) -> Criterion {
    Criterion {
        name,
        text,
        value: tally.share(),
        bound: format!(">= {least}"),
        held: tally.asked() == 0 || enough(tally.good(), tally.asked(), least),
    }
}

/// Whether the share is reached, or all but one were good: one of a few hundred is no measurement.
fn enough(good: u64, asked: u64, least: f64) -> bool {
    good + 1 >= asked || ratio(good, asked) >= least
}

fn at_most(name: &'static str, text: &'static str, value: f64, most: f64) -> Criterion {
    Criterion {
        name,
        text,
        value: Some(value),
        bound: format!("<= {}", rounded(most)),
        held: value <= most,
    }
}

fn within(
    name: &'static str,
    text: &'static str,
    value: Option<Duration>,
    most: Duration,
) -> Criterion {
    Criterion {
        name,
        text,
        value: value.map(|time| time.as_secs_f64()),
        bound: format!("<= {}", most.as_secs()),
        held: value.is_some_and(|value| value <= most),
    }
}

/// Writes the verdict for people.
///
/// # Errors
/// What `out` says.
pub fn write(figures: &Figures, criteria: &[Criterion], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: {}", figures.attack, figures.sentence)?;
    let exchange = &figures.exchange;
    let [calm, attack, after] = figures.phases;
    writeln!(
        out,
        "{} queries in {} s ({} not sent) after {} s of calm; {} s more; {} replies, {} upstream packets of {} due to it.\n",
        exchange.sent,
        attack.as_secs(),
        exchange.skipped,
        calm.as_secs(),
        after.as_secs(),
        exchange.replies,
        figures.upstream.1,
        figures.upstream.0,
    )?;
    writeln!(
        out,
        "  {:<9}{}",
        "answered",
        Kind::ALL
            .map(|kind| format!("{:>16}", kind.label()))
            .concat(),
    )?;
    for window in Window::ALL {
        if figures.tally(&[window], &Kind::ALL).asked() == 0 {
            continue;
        }
        write!(out, "  {:<9}", window.label())?;
        for kind in Kind::ALL {
            let tally = figures.tally(&[window], &[kind]);
            let p99 = tally.percentile(99).map_or_else(String::new, |time| {
                format!(" {:.0} ms", time.as_secs_f64() * 1_000.0)
            });
            let cell = format!("{}/{}{p99}", tally.good(), tally.asked());
            write!(out, "{cell:>16}")?;
        }
        writeln!(out)?;
    }
    if let Some(taken) = &figures.taken {
        writeln!(
            out,
            "\n  the resolver took {:.2} s of processor time in {:.0} s, {} MiB (before: {}), {} sockets",
            taken.cpu.as_secs_f64(),
            taken.of.as_secs_f64(),
            taken.rss.1 >> 20,
            taken.rss.0 >> 20,
            taken.sockets,
        )?;
    }
    if let Some(guard) = &figures.guard {
        let engaged = guard.engaged_after.map_or_else(
            || "engaged no zone".to_owned(),
            |time| format!("engaged after {:.1} s", time.as_secs_f64()),
        );
        writeln!(
            out,
            "  suimond {engaged}, denied {}, explored {}, answered {} from stale data, limited {}",
            guard.denied, guard.explored, guard.stale, guard.limited
        )?;
    }
    writeln!(out)?;
    for criterion in criteria {
        let value = criterion
            .value
            .map_or_else(|| "-".to_owned(), |value| format!("{}", rounded(value)));
        let held = if criterion.held { "held" } else { "NOT HELD" };
        writeln!(
            out,
            "  {held:<9} {value:>10} {:<11} {}",
            criterion.bound, criterion.text
        )?;
    }
    let broken = criteria.iter().filter(|criterion| !criterion.held).count();
    if broken == 0 {
        writeln!(out, "\nIt held.")
    } else {
        writeln!(
            out,
            "\nIt did not hold: {broken} of {} promises.",
            criteria.len()
        )
    }
}

#[cfg(test)]
mod tests;
