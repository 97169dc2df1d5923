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

/// What a resolver is held to while a zone with servers that answer, some at least, is attacked, or many zones of one provider.
const GUARDED: &[Promise] = &[
    Promise::Known(0.99),
    Promise::New(0.9),
    Promise::Elsewhere,
    Promise::Latency,
    Promise::Upstream,
    Promise::Throttled,
    Promise::Released,
];

/// All attacks, in the order of the list.
pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "water-torture-healthy",
        sentence: "Random names of one zone, whose servers answer everything.",
        shape: Shape::Random(scene::VICTIM),
        target: Target::Victim,
        servers: Servers::Healthy,
        watched: &["siege."],
        promises: GUARDED,
    },
    Attack {
        name: "water-torture-overloaded",
        sentence: "Random names of one zone, whose servers answer some hundred queries a second and drop the rest.",
        shape: Shape::Random(scene::VICTIM),
        target: Target::Victim,
        servers: Servers::Overloaded,
        watched: &["siege."],
        promises: GUARDED,
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
    Attack {
        name: "many-zones",
        sentence: "Random names of the hundred zones of one hosting company, whose servers cannot keep up.",
        shape: Shape::Tenants,
        target: Target::Tenants,
        servers: Servers::Overloaded,
        watched: &["siege."],
        promises: GUARDED,
    },
    Attack {
        name: "popular-zones",
        sentence: "Random names of two zones that everybody uses, whose servers answer everything.",
        shape: Shape::Popular,
        target: Target::Popular,
        servers: Servers::Healthy,
        watched: &["weirvideo.com.", "sluicemail.net."],
        promises: GUARDED,
    },
    Attack {
        name: "dictionary",
        sentence: "Words, pairs of words and numbers as names of one zone; some are real.",
        shape: Shape::Words,
        target: Target::Victim,
        servers: Servers::Healthy,
        watched: &["siege."],
        promises: GUARDED,
    },
    Attack {
        name: "pulses",
        sentence: "Random names of one zone, two seconds on and four off.",
        shape: Shape::Pulses(2, 4),
        target: Target::Victim,
        servers: Servers::Healthy,
        watched: &["siege."],
        promises: GUARDED,
    },
    Attack {
        name: "wildcard",
        sentence: "Random names of a zone in which every name exists.",
        shape: Shape::Random(scene::WILD),
        target: Target::Wild,
        servers: Servers::Healthy,
        watched: &["siege."],
        promises: &[
            Promise::Known(0.99),
            Promise::New(0.9),
            Promise::Elsewhere,
            Promise::Latency,
            Promise::UpstreamAtMost(1.1),
        ],
    },
    Attack {
        name: "nxns",
        sentence: "Referrals to twenty servers each, whose made-up names are in somebody else's zone.",
        shape: Shape::Random(scene::NXNS),
        target: Target::Victim,
        servers: Servers::Healthy,
        watched: &["siege."],
        promises: &[
            Promise::Known(0.99),
            Promise::New(0.9),
            Promise::Elsewhere,
            Promise::Latency,
            Promise::UpstreamAtMost(10.0),
        ],
    },
    Attack {
        name: "cname-bombs",
        sentence: "Names that are aliases of aliases without end.",
        shape: Shape::Random("bomb0.siege."),
        target: Target::Victim,
        servers: Servers::Healthy,
        watched: &["siege."],
        promises: &[
            Promise::Known(0.99),
            Promise::New(0.9),
            Promise::Elsewhere,
            Promise::Latency,
            Promise::UpstreamAtMost(14.0),
        ],
    },
    Attack {
        name: "out-of-acl",
        sentence: "Strangers ask for names that no cache has.",
        shape: Shape::Strangers,
        target: Target::Victim,
        servers: Servers::Healthy,
        watched: &["unseen.lab."],
        promises: &[
            Promise::NoUpstream,
            Promise::NoLonger,
            Promise::Octets(1.0),
            Promise::Known(0.99),
            Promise::New(0.9),
            Promise::Elsewhere,
            Promise::Latency,
        ],
    },
    Attack {
        name: "spoofed-inside",
        sentence: "Strangers outside write customers' addresses on their queries. Needs root, for network namespaces.",
        shape: Shape::Inside,
        target: Target::Victim,
        servers: Servers::Healthy,
        watched: &["siege."],
        promises: &[
            Promise::NoUpstream,
            Promise::NoReply,
            Promise::Told,
            Promise::Known(0.99),
            Promise::New(0.9),
            Promise::Elsewhere,
            Promise::Latency,
        ],
    },
    Attack {
        name: "spoofed-customer",
        sentence: "One customer's address is forged, to drown him in answers.",
        shape: Shape::Forged,
        target: Target::Victim,
        servers: Servers::Healthy,
        watched: &["siege."],
        promises: &[
            Promise::Octets(1.2),
            Promise::Customer(0.99),
            Promise::Known(0.99),
            Promise::New(0.9),
            Promise::Elsewhere,
            Promise::Latency,
        ],
    },
    Attack {
        name: "amplification",
        sentence: "The biggest answers there are, to the forged addresses of four customers.",
        shape: Shape::Amplified,
        target: Target::Victim,
        servers: Servers::Healthy,
        watched: &["siege."],
        promises: &[
            Promise::Octets(3.0),
            Promise::Known(0.99),
            Promise::New(0.9),
            Promise::Elsewhere,
            Promise::Latency,
        ],
    },
    Attack {
        name: "cgnat-crowd",
        sentence: "No attack: a thousand customers behind one address, two questions a second each. Nothing may be lost.",
        shape: Shape::Crowd,
        target: Target::Victim,
        servers: Servers::Healthy,
        watched: &["siege."],
        promises: &[
            Promise::Served(0.999),
            Promise::NoAlarm,
            Promise::Known(0.99),
            Promise::New(0.9),
            Promise::Elsewhere,
            Promise::Latency,
        ],
    },
    Attack {
        name: "lookup-services",
        sentence: "No attack: block lists, virus scanners and a content network, whose names nobody asked for before. Nothing may be held back.",
        shape: Shape::Lookups,
        target: Target::Victim,
        servers: Servers::Healthy,
        watched: &["siege."],
        promises: &[
            Promise::Served(0.999),
            Promise::NoAlarm,
            Promise::Known(0.99),
            Promise::New(0.9),
            Promise::Elsewhere,
            Promise::Latency,
        ],
    },
];

impl Attack {
    /// Whether it needs network namespaces and with them root.
    #[must_use]
    pub const fn needs_root(&self) -> bool {
        matches!(self.shape, Shape::Inside)
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
