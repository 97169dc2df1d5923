//! What do samples taken during a run say: second by second, when the attack was throttled, and what it cost upstream?

use std::fs;
use std::time::Duration;

use super::figures::{Second, Window};

/// Time in which a resolver may find out about an attack (parameter sheet: engaged within 3 s).
pub const ONSET: Duration = Duration::from_secs(3);
/// Throttled: at most this share of the attack goes upstream …
const THROTTLED_SHARE: f64 = 0.1;
/// … or this many packets per second, which is what honest exploration may take.
const THROTTLED_FLOOR: f64 = 50.0;
/// Length of the pieces in which the time until then is found.
const PIECE: Duration = Duration::from_millis(500);

/// How long it is calm, then under attack, then calm again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phases {
    /// Before.
    pub calm: Duration,
    /// During.
    pub attack: Duration,
    /// Where servers fell silent they come back so much later: nobody's question of the attack may be answered because it is over.
    pub fade: Duration,
    /// After.
    pub after: Duration,
}

impl Phases {
    /// When the attack ends.
    #[must_use]
    pub fn over(&self) -> Duration {
        self.calm + self.attack
    }

    /// When the run ends.
    #[must_use]
    pub fn end(&self) -> Duration {
        self.back() + self.after
    }

    /// When all is again as it was before.
    #[must_use]
    pub fn back(&self) -> Duration {
        self.over() + self.fade
    }

    /// What time of the run `at` is.
    #[must_use]
    pub fn window(&self, at: Duration) -> Window {
        if at < self.calm {
            Window::Calm
        } else if at < self.calm + ONSET && at < self.over() {
            Window::Onset
        } else if at < self.over() {
            Window::Attack
        } else if at < self.back() {
            Window::Fading
        } else {
            Window::After
        }
    }
}

/// All counters at one moment; all only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Since the run began.
    pub at: Duration,
    /// Queries of the attack.
    pub sent: u64,
    /// Replies to them.
    pub replies: u64,
    /// Queries at the drill's servers due to the attack.
    pub attack_packets: u64,
    /// All others.
    pub other_packets: u64,
    /// Honest questions asked.
    pub asked: u64,
    /// Honest questions answered.
    pub answered: u64,
}

/// The samples of a run, in order.
#[derive(Clone, Debug, Default)]
pub struct Track(Vec<Sample>);

impl Track {
    /// One more.
    pub fn add(&mut self, sample: Sample) {
        self.0.push(sample);
    }

    /// The counters as they were at `at`: the last sample until then.
    #[must_use]
    pub fn at(&self, at: Duration) -> Sample {
        let until = self.0.partition_point(|sample| sample.at <= at);
        until
            .checked_sub(1)
            .and_then(|last| self.0.get(last))
            .copied()
            .unwrap_or_default()
    }

    /// What was counted between two moments.
    #[must_use]
    pub fn between(&self, from: Duration, until: Duration) -> Sample {
        let (from, until) = (self.at(from), self.at(until));
        Sample {
            at: until.at.saturating_sub(from.at),
            sent: until.sent.saturating_sub(from.sent),
            replies: until.replies.saturating_sub(from.replies),
            attack_packets: until.attack_packets.saturating_sub(from.attack_packets),
            other_packets: until.other_packets.saturating_sub(from.other_packets),
            asked: until.asked.saturating_sub(from.asked),
            answered: until.answered.saturating_sub(from.answered),
        }
    }

    /// Each whole second.
    #[must_use]
    pub fn seconds(&self, phases: &Phases) -> Vec<Second> {
        let last = self.0.last().map_or(0, |sample| sample.at.as_secs());
        (0..last)
            .map(|second| {
                let from = Duration::from_secs(second);
                let counted = self.between(from, from + Duration::from_secs(1));
                Second {
                    at: second,
                    window: Some(phases.window(from)),
                    sent: counted.sent,
                    replies: counted.replies,
                    attack_packets: counted.attack_packets,
                    other_packets: counted.other_packets,
                    asked: counted.asked,
                    answered: counted.answered,
                }
            })
            .collect()
    }

    /// From the attack's beginning: how long until no half second had more than a tenth of the attack's rate in packets
    /// upstream; nothing if its last one still had.
    #[must_use]
    pub fn throttled_after(&self, phases: &Phases, rate: u32) -> Option<Duration> {
        let most = (f64::from(rate) * THROTTLED_SHARE).max(THROTTLED_FLOOR) * PIECE.as_secs_f64();
        let pieces = phases.attack.as_millis() / PIECE.as_millis();
        let pieces = u32::try_from(pieces).unwrap_or(0);
        let busy = (0..pieces).rev().find(|piece| {
            let from = phases.calm + PIECE * *piece;
            let packets = self.between(from, from + PIECE).attack_packets;
            super::figures::as_float(packets) > most
        });
        match busy {
            None => Some(Duration::ZERO),
            Some(last) if last + 1 >= pieces => None,
            Some(last) => Some(PIECE * (last + 1)),
        }
    }
}

/// What processes have taken so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time.
    pub cpu: Duration,
    /// Memory now, octets.
    pub rss: u64,
    /// Sockets open now; 0 where that is not for us to see.
    pub sockets: u64,
}

/// Reads it from /proc, of all of them together; nothing if one cannot be seen.
#[must_use]
pub fn usage(pids: &[u32]) -> Option<Usage> {
    if pids.is_empty() {
        return None;
    }
    pids.iter().try_fold(Usage::default(), |sum, pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let links = fs::read_dir(format!("/proc/{pid}/fd")).ok();
        let sockets = links.map_or(0, |links| {
            links
                .filter_map(|link| fs::read_link(link.ok()?.path()).ok())
                .filter(|target| target.to_string_lossy().starts_with("socket:"))
                .count()
        });
        Some(Usage {
            cpu: sum.cpu + cpu_of(&stat)?,
            rss: sum.rss + rss_of(&status)?,
            sockets: sum.sockets + u64::try_from(sockets).unwrap_or(0),
        })
    })
}

/// Fields 14 and 15 of /proc/PID/stat, in hundredths of a second on every Linux (proc(5), USER_HZ).
fn cpu_of(stat: &str) -> Option<Duration> {
    // The second field is the program's name in parentheses, whatever it holds.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

fn rss_of(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: Phases = Phases {
        calm: Duration::from_secs(2),
        attack: Duration::from_secs(10),
        fade: Duration::ZERO,
        after: Duration::from_secs(3),
    };

    /// Ten samples a second; `rate` upstream packets per second at each second.
    fn track(rate: impl Fn(u64) -> u64) -> Track {
        let mut track = Track::default();
        let mut sample = Sample::default();
        for tenth in 0..=150 {
            sample.at = Duration::from_millis(tenth * 100);
            track.add(sample);
            sample.attack_packets += rate(tenth / 10) / 10;
            sample.sent += if (20..120).contains(&tenth) { 200 } else { 0 };
        }
        track
    }

    #[test]
    fn a_run_has_four_times() {
        let of = |ms| PHASES.window(Duration::from_millis(ms));
        assert_eq!([of(0), of(1_999)], [Window::Calm; 2]);
        assert_eq!([of(2_000), of(4_999)], [Window::Onset; 2]);
        assert_eq!([of(5_000), of(11_999)], [Window::Attack; 2]);
        assert_eq!([of(12_000), of(99_000)], [Window::After; 2]);
        let short = Phases {
            attack: Duration::from_secs(1),
            ..PHASES
        };
        assert_eq!(short.window(Duration::from_millis(3_001)), Window::After);
        let fading = Phases {
            fade: Duration::from_secs(5),
            ..PHASES
        };
        assert_eq!(fading.window(Duration::from_secs(16)), Window::Fading);
        assert_eq!(fading.window(Duration::from_secs(17)), Window::After);
        assert_eq!(fading.end(), Duration::from_secs(20));
    }

    #[test]
    fn throttled_is_when_little_goes_upstream_and_stays_so() {
        let after = |rate: fn(u64) -> u64| track(rate).throttled_after(&PHASES, 2_000);
        assert_eq!(after(|_| 200), Some(Duration::ZERO));
        assert_eq!(
            after(|second| if second < 4 { 2_000 } else { 20 }),
            Some(Duration::from_secs(2))
        );
        // A relapse counts.
        assert_eq!(
            after(|second| if second == 8 { 300 } else { 0 }),
            Some(Duration::from_secs(7))
        );
        assert_eq!(after(|second| if second == 11 { 300 } else { 0 }), None);
        // What comes before or after is nobody's.
        assert_eq!(
            after(|second| if (2..12).contains(&second) { 0 } else { 9_000 }),
            Some(Duration::ZERO)
        );
        assert_eq!(track(|_| 60).throttled_after(&PHASES, 100), None);
        assert_eq!(
            track(|_| 40).throttled_after(&PHASES, 100),
            Some(Duration::ZERO)
        );
    }

    #[test]
    fn seconds_add_up() {
        let track = track(|second| second * 10);
        let seconds = track.seconds(&PHASES);
        assert_eq!(seconds.len(), 15);
        assert_eq!(
            seconds.iter().map(|second| second.sent).sum::<u64>(),
            20_000
        );
        assert_eq!(seconds[7].attack_packets, 70);
        assert_eq!(seconds[2].window, Some(Window::Onset));
        let middle = track.between(Duration::from_secs(5), Duration::from_secs(7));
        assert_eq!((middle.sent, middle.attack_packets), (4_000, 110));
    }

    #[test]
    fn what_a_process_takes_is_read_from_the_fields_of_proc() {
        let stat = "42 (a (strange) name) S 1 42 42 0 -1 4194560 9 0 0 0 150 25 0 0 20 0 4 0 1 1 1";
        assert_eq!(cpu_of(stat), Some(Duration::from_millis(1_750)));
        assert_eq!(rss_of("VmPeak:\t 9 kB\nVmRSS:\t  12 kB\n"), Some(12_288));
        let own = usage(&[std::process::id()]).expect("this process");
        assert!(own.rss > 1 << 20);
        assert_eq!(usage(&[]), None);
        assert_eq!(usage(&[u32::MAX]), None);
    }
}
