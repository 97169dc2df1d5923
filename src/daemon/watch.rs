//! Does suimond still do its work? What must hold before the service manager's watchdog hears of us.

use super::operator::Operator;
use crate::sys::clock;
use crate::telemetry::Counts;

/// Looks in a row at which a worker may have taken no turn: its turns and our looks keep no common time.
const PATIENCE: u32 = 2;

/// Remembers from look to look how far each worker had come.
#[derive(Debug, Default)]
pub(super) struct Watch {
    workers: Vec<Pace>,
    was_well: Option<bool>,
}

/// One worker: its turns at the last look, and for how many looks they have not grown.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    turns: u64,
    looks: u32,
}

impl Watch {
    /// Whether every worker that receives datagrams goes on turning, and a question of our own comes out of the pipeline as a
    /// reply. (That the tasks run as well is shown by this being called.) A change is logged.
    pub(super) fn all_is_well(&mut self, operator: &Operator) -> bool {
        let stuck = self.stuck(&operator.telemetry().per_worker());
        let answers = operator.live().pipeline.answers_itself(clock::now());
        let well = stuck.is_none() && answers;
        match (self.was_well.replace(well), well) {
            (Some(true) | None, false) => tracing::error!(
                worker = stuck,
                answers,
                "suimond does not do its work: the watchdog is left waiting"
            ),
            (Some(false), true) => tracing::warn!("suimond does its work again"),
            _ => {}
        }
        well
    }

    /// The first worker that stands still.
    fn stuck(&mut self, workers: &[Counts]) -> Option<usize> {
        self.workers.resize(workers.len(), Pace::default());
        for (pace, counts) in self.workers.iter_mut().zip(workers) {
            let turns = counts.turns();
            let looks = if turns == pace.turns {
                pace.looks.saturating_add(1)
            } else {
                0
            };
            *pace = Pace { turns, looks };
        }
        self.workers.iter().position(|pace| pace.looks > PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Telemetry;

    #[test]
    fn a_worker_that_takes_no_turn_is_found_and_forgiven_when_it_goes_on() {
        let telemetry = Telemetry::new();
        let [lively, dead] = [0, 1].map(|_| telemetry.register_worker());
        dead.turns(7);
        let mut watch = Watch::default();
        let mut look = || {
            lively.turns(1);
            watch.stuck(&telemetry.per_worker())
        };
        for _ in 0..=PATIENCE {
            assert_eq!(look(), None);
        }
        assert_eq!(look(), Some(1));
        assert_eq!(look(), Some(1));
        dead.turns(1);
        assert_eq!(look(), None);
    }
}
