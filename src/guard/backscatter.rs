//! Are our addresses being forged? An alarm, and nothing else, when responses arrive that nobody here asked for.
//!
//! Whoever asks servers in our name makes them answer us. Such responses (QR=1, row 1) are never replied to, and whoever they
//! seem to come from is not held back by them: sources can be forged, and an alarm that blocked anybody could be turned against him.

use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use crate::config::plan;
use crate::sys::clock::Now;
use crate::telemetry::incidents::{self, Moment, Stage, Subject};
use crate::telemetry::unsolicited::{Place, Unsolicited};

/// Networks named in one.
const NAMED: usize = 8;

/// The alarm.
#[derive(Debug)]
pub struct Backscatter {
    plan: plan::Backscatter,
    heard: Arc<Unsolicited>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When this window began and what had been counted by then; nothing before the first look.
    window: Option<Look>,
    looked: Option<Look>,
    /// The most per second in this window.
    peak: u64,
    alarm: Option<Alarm>,
}

/// What had been counted at one moment, by place.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: Now,
    counts: [u64; Place::ALL.len()],
}

#[derive(Clone, Copy, Debug)]
struct Alarm {
    began: Look,
    told: Now,
}

impl Backscatter {
    /// Over what was `heard`, which is kept by whoever hears it.
    #[must_use]
    pub fn new(plan: plan::Backscatter, heard: Arc<Unsolicited>) -> Self {
        Self {
            plan,
            heard,
            state: Mutex::default(),
        }
    }

    /// Its settings.
    #[must_use]
    pub const fn plan(&self) -> plan::Backscatter {
        self.plan
    }

    /// What was heard.
    #[must_use]
    pub const fn heard(&self) -> &Arc<Unsolicited> {
        &self.heard
    }

    /// Whether an alarm goes on.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.lock().alarm.is_some()
    }

    /// Whether it began, goes on or ended since this was asked last. Called every few seconds.
    ///
    /// It begins as soon as there are as many as the setting says within a window, and ends with a window in which there were fewer.
    #[must_use]
    pub fn look(&self, now: Now) -> Option<Moment> {
        if self.plan.responses == 0 {
            return None;
        }
        let look = Look {
            at: now,
            counts: self.heard.counts(),
        };
        let mut state = self.lock();
        let window = *state.window.get_or_insert(look);
        let looked = state.looked.replace(look).unwrap_or(look);
        let seconds = now.since(looked.at).as_secs().max(1);
        state.peak = state.peak.max(look.more_than(&looked) / seconds);
        let reached = look.more_than(&window) >= self.plan.responses;
        let over = now.since(window.at) >= self.plan.window;
        let silence = state.alarm.map(|alarm| now.since(alarm.told));
        let stage = Stage::due(silence, over && !reached).filter(|_| reached || silence.is_some());
        if stage == Some(Stage::Started) {
            state.alarm = Some(Alarm {
                began: window,
                told: now,
            });
        }
        let told = stage.and_then(|stage| {
            let mut alarm = state.alarm?;
            alarm.told = now;
            state.alarm = Some(alarm);
            Some(self.moment(&alarm, stage, &look, state.peak))
        });
        if stage == Some(Stage::Stopped) {
            state.alarm = None;
        }
        if over {
            state.window = Some(look);
            if state.alarm.is_none() {
                state.peak = 0;
                self.heard.begin_anew();
            }
        }
        told
    }

    fn moment(&self, alarm: &Alarm, stage: Stage, look: &Look, peak: u64) -> Moment {
        let [service, upstream] = look.since(&alarm.began);
        let top = self.heard.top(NAMED);
        let everybody = (IpNet::V4(ipnet::Ipv4Net::default()), 0);
        let (peer, port) = top
            .first()
            .map_or(everybody, |peer| (peer.prefix, peer.port));
        Moment {
            at_ms: look.at.wall_ms,
            since_ms: alarm.began.at.wall_ms,
            stage,
            subject: Subject::Backscatter(incidents::Backscatter {
                peer,
                port,
                packets: service + upstream,
                upstream,
                peak,
                top_peers: top
                    .iter()
                    .map(|peer| (peer.prefix, peer.responses))
                    .collect(),
                hop_limits: self.heard.hop_limits(),
            }),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look {
    fn since(&self, before: &Self) -> [u64; Place::ALL.len()] {
        let mut counts = self.counts;
        for (count, before) in counts.iter_mut().zip(before.counts) {
            *count = count.saturating_sub(before);
        }
        counts
    }

    fn more_than(&self, before: &Self) -> u64 {
        self.since(before).iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::*;

    fn sensor(responses: u64) -> Backscatter {
        let plan = plan::Backscatter {
            responses,
            window: Duration::from_secs(60),
        };
        Backscatter::new(plan, Arc::default())
    }

    /// `per_second` responses for `seconds`, a look every 5 s; what was told.
    fn hear(sensor: &Backscatter, seconds: std::ops::Range<u64>, per_second: u32) -> Vec<Moment> {
        let peer: SocketAddr = "192.0.2.53:53".parse().unwrap();
        let mut told = Vec::new();
        for second in seconds {
            for _ in 0..per_second {
                sensor.heard().note(Place::Service, &peer, Some(57));
            }
            if second.is_multiple_of(5) {
                told.extend(sensor.look(Now::at_secs(second)));
            }
        }
        told
    }

    fn stages(told: &[Moment]) -> Vec<(Stage, u64)> {
        told.iter()
            .map(|moment| {
                let Subject::Backscatter(told) = &moment.subject else {
                    panic!("{moment:?}");
                };
                (moment.stage, told.packets)
            })
            .collect()
    }

    #[test]
    fn it_begins_goes_on_and_ends_and_strays_raise_nothing() {
        let alarm = sensor(100);
        // One a second is 60 in a window.
        assert!(hear(&alarm, 0..600, 1).is_empty());
        let told = hear(&alarm, 600..750, 50);
        let begun: Vec<Stage> = stages(&told).iter().map(|(stage, _)| *stage).collect();
        assert_eq!(
            begun,
            [Stage::Started, Stage::Continuing, Stage::Continuing]
        );
        assert!(alarm.is_raised());
        let Subject::Backscatter(last) = &told[2].subject else {
            panic!("{told:?}");
        };
        assert!((49..=50).contains(&last.peak), "{}", last.peak);
        assert_eq!(last.top_peers[0].0.to_string(), "192.0.2.0/24");
        let told = hear(&alarm, 750..1000, 0);
        assert_eq!(told.last().map(|moment| moment.stage), Some(Stage::Stopped));
        assert!(!alarm.is_raised());
        assert_eq!(
            stages(&told).last().map(|(_, all)| *all >= 7500),
            Some(true)
        );
        // The next one counts from its own beginning.
        let told = hear(&alarm, 1000..1200, 5);
        assert!(matches!(
            stages(&told).first(),
            Some((Stage::Started, 100..=310))
        ));
    }

    #[test]
    fn without_a_threshold_nothing_is_told() {
        assert!(hear(&sensor(0), 0..200, 1000).is_empty());
    }
}
