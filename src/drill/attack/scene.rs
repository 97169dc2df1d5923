//! Which zones do attacks need, beside the drill's ordinary Internet, and which of their names are real?

use std::fmt::Write as _;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::str::FromStr;

use hickory_proto::rr::rdata::{A, TXT};
use hickory_proto::rr::{Name, RData, Record};

use super::servers::Part;
use crate::drill::world::{Builder, Role, ServerId, ServerPlan, World};

/// The zone that most attacks are about.
pub const VICTIM: &str = "victim.siege.";
/// A zone where a wildcard answers every name.
pub const WILD: &str = "wild.siege.";
/// Referrals to twenty servers whose names nobody has heard of, in the victim's zone.
pub const NXNS: &str = "nxns.siege.";
/// Aliases of aliases without end, from each of these zones to the next.
pub const BOMBS: [&str; 4] = [
    "bomb0.siege.",
    "bomb1.siege.",
    "bomb2.siege.",
    "bomb3.siege.",
];
/// Zones of one hosting company: attacked together, they share its servers.
pub const TENANTS: u32 = 100;
/// Zones that many customers use all the time.
pub const POPULAR: [&str; 2] = ["weirvideo.com.", "sluicemail.net."];
/// Block lists and reputation services, where names that nobody asked for before and that do not exist are the purpose.
pub const LOOKUPS: [&str; 4] = [
    "zen.spamhaus.org.",
    "bl.spamcop.net.",
    "avqs.mcafee.com.",
    "multi.surbl.org.",
];
/// A content network: each page has names of its own, and all exist.
pub const CDN: &str = "edge.sluicecdn.net.";
/// Big records, in a zone that is not attacked itself.
pub const BIG: &str = "big.siege.";

/// Real names of the attacked zone that its users ask for again and again.
pub const KNOWN: u32 = 40;
/// Real names of the attacked zone that nobody asks for before.
pub const NEW: u32 = 400;
/// Real names of the attacked zone that nobody but a bot asks for.
pub const LATE: u32 = 200;
/// TTL of all of them, seconds: they run out again and again while an attack lasts.
pub const VICTIM_TTL: u32 = 5;
/// Zones that nobody attacks.
pub const ELSEWHERE: u32 = 20;
/// Names of each of those that are asked for once.
pub const COLD: u32 = 100;
/// Names of each that are asked for again and again: with an hour to live, and with two seconds.
pub const HOT: u32 = 2;

/// The address of every real name.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 77, 1);

/// Which zone is attacked: where its users' names are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// One zone.
    Victim,
    /// One zone with a wildcard.
    Wild,
    /// All zones of a hosting company.
    Tenants,
    /// The popular zones.
    Popular,
}

/// Adds the zones.
pub(in crate::drill) fn build(world: &mut Builder, exact: [ServerId; 2]) {
    let top = world.server("siege TLD", Role::Exact);
    world.zone("siege.", &[top]);
    let victims =
        ["victim a", "victim b"].map(|label| world.server(label, Role::Stage(Part::Victim)));
    for target in [
        Target::Victim,
        Target::Wild,
        Target::Tenants,
        Target::Popular,
    ] {
        let zones = zones(target);
        for zone in &zones {
            world.zone(zone, &victims);
        }
        for (kind, count) in [("real", KNOWN), ("new", NEW), ("late", LATE)] {
            for number in 0..count {
                address(world, &name_of(&zones, kind, number).to_ascii(), VICTIM_TTL);
            }
        }
    }
    address(world, &format!("*.{WILD}"), VICTIM_TTL);
    for word in ["www", "mail", "api", "shop", "cdn", "blog"] {
        address(world, &format!("{word}.{VICTIM}"), VICTIM_TTL);
    }
    let evil = world.server("nxns", Role::Stage(Part::Referrals));
    world.zone(NXNS, &[evil]);
    let aliases = world.server("CNAME bombs", Role::Stage(Part::Aliases));
    for zone in BOMBS {
        world.zone(zone, &[aliases]);
    }
    let steady = world.server("well", Role::Stage(Part::Steady));
    for zone in LOOKUPS {
        world.zone(zone, &[steady]);
        address(world, &format!("2.0.0.127.{zone}"), 300);
    }
    world.zone(CDN, &[steady]);
    address(world, &format!("*.{CDN}"), 20);
    elsewhere(world, exact);
    big(world, exact);
}

/// Writes the zones that are attacked as master files, each named after its zone without the last dot, into a directory that is there.
///
/// # Errors
/// What the operating system says.
pub(super) fn write_zones(world: &World, directory: &Path) -> io::Result<()> {
    let victim = |plan: &&ServerPlan| plan.role == Role::Stage(Part::Victim);
    let Some(plan) = world.servers.iter().find(victim) else {
        return Ok(());
    };
    for zone in plan.zones.iter() {
        let mut text = String::new();
        for record in zone.records() {
            let _ = writeln!(text, "{record}");
        }
        let file = zone.origin().to_ascii();
        std::fs::write(directory.join(file.trim_end_matches('.')), text)?;
    }
    Ok(())
}

/// The zones of the hosting company.
pub fn tenants() -> impl Iterator<Item = String> {
    (0..TENANTS).map(|number| format!("tenant{number}.siege."))
}

/// The zones in which users' names are, for this target.
#[must_use]
pub fn zones(target: Target) -> Vec<String> {
    match target {
        Target::Victim => vec![VICTIM.to_owned()],
        Target::Wild => vec![WILD.to_owned()],
        Target::Tenants => tenants().collect(),
        Target::Popular => POPULAR.map(str::to_owned).to_vec(),
    }
}

/// The `number`th name of a kind (`real`, `new`, `late`), spread over the target's zones.
#[must_use]
pub fn name_of(zones: &[String], kind: &str, number: u32) -> Name {
    let count = u32::try_from(zones.len()).unwrap_or(1).max(1);
    let zone = zones
        .get(usize::try_from(number % count).unwrap_or(0))
        .map_or(VICTIM, String::as_str);
    name(&format!("{kind}{}.{zone}", number / count))
}

/// A name of a zone that nobody attacks.
#[must_use]
pub fn name_elsewhere(kind: &str, number: u32) -> Name {
    name(&format!(
        "{kind}{}.o{}.lab.",
        number / ELSEWHERE,
        number % ELSEWHERE
    ))
}

/// A name from text of this room's own.
#[must_use]
pub fn name(text: &str) -> Name {
    Name::from_str(text).unwrap_or_default()
}

fn elsewhere(world: &mut Builder, exact: [ServerId; 2]) {
    for zone in 0..ELSEWHERE {
        let zone = format!("o{zone}.lab.");
        world.zone(&zone, &exact);
        for number in 0..HOT {
            address(world, &format!("hot{number}.{zone}"), 3600);
            address(world, &format!("short{number}.{zone}"), 2);
        }
        for number in 0..COLD {
            address(world, &format!("cold{number}.{zone}"), 3600);
        }
    }
}

/// What reflectors love: much text, many addresses.
fn big(world: &mut Builder, exact: [ServerId; 2]) {
    world.zone(BIG, &exact);
    let owner = world.name(BIG);
    // With its question just within what any server sends by UDP (RFC 9715).
    let strings = (0..4).map(|number| format!("{number:0>250}")).collect();
    world.record(Record::from_rdata(
        owner,
        3600,
        RData::TXT(TXT::new(strings)),
    ));
    for host in 1..=40 {
        world.add(BIG, 3600, "A", &format!("198.18.78.{host}"));
    }
}

fn address(world: &mut Builder, owner: &str, ttl: u32) {
    let owner = world.name(owner);
    world.record(Record::from_rdata(owner, ttl, RData::A(A(ADDRESS))));
}
