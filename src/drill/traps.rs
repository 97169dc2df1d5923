//! Which traps are laid for a resolver: loops, amplifiers and poison, and what must not come of them?

use hickory_proto::rr::RecordType;

use super::expectation::Group;
use super::honest::Base;
use super::hostile::zone_on;
use super::villains::{Smuggling, Villain};
use super::world::{Builder, Role, Wanted};

/// All traps.
pub(super) fn build(world: &mut Builder, base: Base) {
    loops(world, base);
    amplifiers(world, base);
    poison(world, base);
}

fn loops(world: &mut Builder, base: Base) {
    let [exact, _] = base.exact;
    for (label, villain, note) in [
        ("refers-up", Villain::RefersUp, "refers to the root"),
        ("refers-self", Villain::RefersToItself, "refers to itself"),
        (
            "refers-side",
            Villain::RefersSideways,
            "refers to a zone beside its own",
        ),
    ] {
        let (zone, _) = zone_on(world, label, Role::Villain(villain));
        world
            .promise(
                Group::Amplifiers,
                note,
                &format!("www.{zone}"),
                RecordType::A,
                Wanted::Failure,
            )
            .within(8)
            .costs(12, &[&zone, "sideways-other.lab."]);
    }
    world.zone("loops.lab.", &[exact]);
    world.add("self.loops.lab.", 300, "CNAME", "self.loops.lab.");
    world.add("one.loops.lab.", 300, "CNAME", "two.loops.lab.");
    world.add("two.loops.lab.", 300, "CNAME", "three.loops.lab.");
    world.add("three.loops.lab.", 300, "CNAME", "one.loops.lab.");
    for (name, note) in [
        ("self.loops.lab.", "an alias of itself"),
        ("one.loops.lab.", "three aliases in a ring"),
    ] {
        world
            .promise(
                Group::Amplifiers,
                note,
                name,
                RecordType::A,
                Wanted::Failure,
            )
            .costs(12, &[name, "two.loops.lab.", "three.loops.lab."]);
    }
    // Two zones, each served only by a name in the other; and a zone served only by a name below itself, without glue.
    let cycle = world.server("cycle", Role::Exact);
    for (zone, server) in [
        ("cycle-a.lab.", "ns.cycle-b.lab."),
        ("cycle-b.lab.", "ns.cycle-a.lab."),
    ] {
        world.zone_named(zone, &[(server.to_owned(), cycle)]);
    }
    world
        .promise(
            Group::Amplifiers,
            "two zones whose servers are named in each other",
            "www.cycle-a.lab.",
            RecordType::A,
            Wanted::Failure,
        )
        .within(8)
        .costs(21, &["cycle-a.lab.", "cycle-b.lab."]);
}

fn amplifiers(world: &mut Builder, base: Base) {
    let [exact, other] = base.exact;
    // NXNSAttack: one referral to sixty names in the victim's zone, none of which exists.
    world.zone("drowned.lab.", &[other]);
    world.zone("nxns.lab.", &[exact]);
    for number in 1..=60 {
        let target = format!("n{number}.drowned.lab.");
        world.delegate("sub.nxns.lab.", &target, exact);
    }
    world
        .promise(
            Group::Amplifiers,
            "NXNS: sixty servers that do not exist, in a victim's zone",
            "www.sub.nxns.lab.",
            RecordType::A,
            Wanted::Failure,
        )
        .within(8)
        .costs(15, &["drowned.lab.", "nxns.lab."]);

    let (zone, _) = zone_on(world, "bomb", Role::Villain(Villain::EndlessAliases));
    world
        .promise(
            Group::Amplifiers,
            "a CNAME chain without end",
            &format!("c0.{zone}"),
            RecordType::A,
            Wanted::Failure,
        )
        .within(8)
        .costs(14, &[&zone]);

    // A cut at each of 35 labels: either the answer or a clean failure, within the budget of 50 packets.
    let (zone, _) = zone_on(world, "staircase", Role::Villain(Villain::CutPerLabel));
    let name = format!("end.{}{zone}", "s.".repeat(34));
    world.add(&name, 300, "A", "198.18.22.1");
    world
        .promise(
            Group::Amplifiers,
            "a delegation at each of 35 labels",
            &name,
            RecordType::A,
            Wanted::TruthOrFailure,
        )
        .within(8)
        .costs(50, &[&zone]);

    // CAMP: every link of a chain lies in a zone whose server must be found in yet another zone.
    for link in 0..10 {
        let host = format!("camp-host{link}.lab.");
        world.zone(&host, &[exact]);
        let address = world.address(other).to_string();
        world.add(&format!("ns.{host}"), 300, "A", &address);
        world.zone_named(
            &format!("camp{link}.lab."),
            &[(format!("ns.{host}"), other)],
        );
        if link < 9 {
            world.add(
                &format!("go.camp{link}.lab."),
                300,
                "CNAME",
                &format!("go.camp{}.lab.", link + 1),
            );
        }
    }
    world.add("go.camp9.lab.", 300, "A", "198.18.22.2");
    let zones: Vec<String> = (0..10)
        .flat_map(|link| [format!("camp{link}.lab."), format!("camp-host{link}.lab.")])
        .collect();
    let zones: Vec<&str> = zones.iter().map(String::as_str).collect();
    world
        .promise(
            Group::Amplifiers,
            "CAMP: ten aliases, each in a zone with a server to be found first",
            "go.camp0.lab.",
            RecordType::A,
            Wanted::TruthOrFailure,
        )
        .within(8)
        .costs(50, &zones);
}

fn poison(world: &mut Builder, base: Base) {
    let ways = [
        (
            Smuggling::Answer,
            "a lie about the victim in the answer section",
        ),
        (
            Smuggling::Authority,
            "NS records for the victim in the authority section",
        ),
        (
            Smuggling::Additional,
            "the victim's server moved in the additional section",
        ),
        (
            Smuggling::AliasTarget,
            "a CNAME to the victim with a false address behind it",
        ),
        (Smuggling::Referral, "a referral to the victim's zone"),
        (Smuggling::ParentServers, "NS records for the zone above"),
    ];
    for (number, (how, note)) in ways.into_iter().enumerate() {
        let victim_zone = format!("victim{number}.lab.");
        world.zone(&victim_zone, &base.exact);
        let victim = format!("www.{victim_zone}");
        world.add(&victim, 300, "A", "198.18.23.1");
        let villain = Villain::Poisons(how, world.name(&victim_zone), world.name(&victim));
        let (zone, evil) = zone_on(world, &format!("poison{number}"), Role::Villain(villain));
        let bait = format!("www.{zone}");
        if how == Smuggling::AliasTarget {
            // The alias itself is the villain's to give; what is behind it is not.
            let bait = format!("alias.{zone}");
            world.add(&bait, 300, "CNAME", &victim);
            world
                .promise(
                    Group::Poison,
                    "the alias is followed to the victim's own servers",
                    &bait,
                    RecordType::A,
                    Wanted::Truth,
                )
                .spares(evil, &victim_zone);
        }
        world
            .promise(Group::Poison, note, &victim, RecordType::A, Wanted::Truth)
            .after(&[(&bait, RecordType::A)])
            .spares(evil, &victim_zone);
    }
}
