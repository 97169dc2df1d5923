//! Which attacks does the drill know, in one sentence each, and what does good look like?

use super::scene::{self, Target};
use super::traffic::Shape;
use super::verdict::Promise;

/// How the attacked zone's servers fare while the attack lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Servers {
    /// They answer all.
    Healthy,
    /// They answer a number of queries per second and drop the rest, before, during and after.
    Overloaded,
    /// They answer until it begins, and when it is over.
    Dead,
}

/// One attack.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// As on the command line.
    pub name: &'static str,
    /// What happens.
    pub sentence: &'static str,
    /// What is sent.
    pub shape: Shape,
    /// Whose names honest clients ask for meanwhile.
    pub target: Target,
    /// How its servers fare.
    pub servers: Servers,
    /// Names at or below these are asked for by nobody but attackers, honest clients' names excepted.
    pub watched: &'static [&'static str],
    /// What a resolver is held to.
    pub promises: &'static [Promise],
}

/// All attacks, in the order of the list.
pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "water-torture-healthy",
        sentence: "Random names of one zone, whose servers answer everything.",
        shape: Shape::Random(scene::VICTIM),
        target: Target::Victim,
        servers: Servers::Healthy,
        watched: &["siege."],
        promises: &[
            Promise::Known(0.99),
            Promise::New(0.9),
            Promise::Elsewhere,
            Promise::Latency,
            Promise::Upstream,
            Promise::Throttled,
            Promise::Released,
        ],
    },
    Attack {
        name: "water-torture-overloaded",
        sentence: "Random names of one zone, whose servers answer some hundred queries a second and drop the rest.",
        shape: Shape::Random(scene::VICTIM),
        target: Target::Victim,
        servers: Servers::Overloaded,
        watched: &["siege."],
        promises: &[
            Promise::Known(0.99),
            Promise::New(0.9),
            Promise::Elsewhere,
            Promise::Latency,
            Promise::Upstream,
            Promise::Throttled,
            Promise::Released,
        ],
    },
    Attack {
        name: "water-torture-dead",
        sentence: "Random names of one zone, whose servers fall silent under it.",
        shape: Shape::Random(scene::VICTIM),
        target: Target::Victim,
        servers: Servers::Dead,
        watched: &["siege."],
        promises: &[
            Promise::Known(0.99),
            Promise::Elsewhere,
            Promise::Latency,
            Promise::Upstream,
            Promise::Throttled,
            Promise::Released,
        ],
    },
];

impl Attack {
    /// Whether it needs network namespaces and with them root.
    #[must_use]
    pub const fn needs_root(&self) -> bool {
        false
    }
}

/// The attack of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Attack> {
    ATTACKS.iter().find(|attack| attack.name == name)
}

/// The name on the command line that comes nearest.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static str> {
    ATTACKS
        .iter()
        .map(|attack| (strsim::damerau_levenshtein(attack.name, name), attack.name))
        .min()
        .map(|(_, name)| name)
}
