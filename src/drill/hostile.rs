//! Where do the bad and odd servers sit, and what is promised about their zones?

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use super::expectation::Group;
use super::honest::Base;
use super::traps;
use super::villains::{Flaw, Villain};
use super::world::{Builder, Role, ServerId, Wanted};

/// Names asked of every zone that has a bad server beside a good one.
const NAMES_BESIDE: usize = 6;

/// All villains, their zones and what a resolver must make of them.
pub(super) fn build(world: &mut Builder, base: Base) {
    one_bad_server(world, base);
    odd_servers(world, base);
    bad_first(world);
    all_servers_bad(world);
    traps::build(world, base);
}

/// `LABEL.lab.` on one server of that role, with `www` in it.
pub(super) fn zone_on(world: &mut Builder, label: &str, role: Role) -> (String, ServerId) {
    let server = world.server(label, role);
    let zone = format!("{label}.lab.");
    world.zone(&zone, &[server]);
    world.add(&format!("www.{zone}"), 300, "A", "198.18.20.1");
    (zone, server)
}

fn one_bad_server(world: &mut Builder, base: Base) {
    let kinds = [
        (
            "half-dead",
            Role::Absent,
            "nobody listens at one of the two servers",
        ),
        (
            "half-silent",
            Role::Villain(Villain::Silent),
            "one of the two servers says nothing",
        ),
        (
            "half-refused",
            Role::Villain(Villain::Code(ResponseCode::Refused)),
            "one of the two servers answers REFUSED",
        ),
        (
            "half-servfail",
            Role::Villain(Villain::Code(ResponseCode::ServFail)),
            "one of the two servers answers SERVFAIL",
        ),
        (
            "half-notimp",
            Role::Villain(Villain::Code(ResponseCode::NotImp)),
            "one of the two servers answers NOTIMP",
        ),
        (
            "half-lame",
            Role::Villain(Villain::Lame),
            "one of the two servers is lame",
        ),
        (
            "half-garbage",
            Role::Villain(Villain::OnlyBad(Flaw::Garbage)),
            "one of the two servers sends garbage",
        ),
        (
            "half-upward",
            Role::Villain(Villain::RefersUp),
            "one of the two servers refers to the root",
        ),
        (
            "half-tc",
            Role::Villain(Villain::TruncatesTcpClosed),
            "one of the two servers truncates and has no TCP",
        ),
    ];
    let [good, _] = base.exact;
    for (label, role, note) in kinds {
        let bad = world.server(label, role);
        let zone = format!("{label}.lab.");
        world.zone(&zone, &[bad, good]);
        for number in 1..=NAMES_BESIDE {
            let name = format!("n{number}.{zone}");
            world.add(&name, 300, "A", "198.18.20.2");
            world
                .promise(
                    Group::OneBadServer,
                    note,
                    &name,
                    RecordType::A,
                    Wanted::Truth,
                )
                .costs(8, &[&name]);
        }
    }
}

fn odd_servers(world: &mut Builder, base: Base) {
    let kinds = [
        ("slow", Villain::Slow(300), "answers after 300 ms"),
        (
            "tc-tcp",
            Villain::Truncates,
            "truncates every UDP reply; TCP answers",
        ),
        (
            "id-flood",
            Villain::FloodsWrongIds,
            "a hundred wrong IDs before the right one",
        ),
        (
            "edns-formerr",
            Villain::DislikesEdns(ResponseCode::FormErr),
            "FORMERR to every EDNS query",
        ),
        (
            "edns-notimp",
            Villain::DislikesEdns(ResponseCode::NotImp),
            "NOTIMP to every EDNS query",
        ),
        ("edns-drop", Villain::DropsEdns, "drops every EDNS query"),
        ("edns-forget", Villain::ForgetsEdns, "replies without OPT"),
        (
            "lower-case",
            Villain::LowersCase,
            "sends the question back in lower case",
        ),
        ("no-ns", Villain::RefusesNs, "refuses type NS"),
        ("drop-ns", Villain::DropsNs, "drops type NS"),
        (
            "chatty",
            Villain::Chatty,
            "adds an unasked record of its own zone",
        ),
    ];
    for (label, villain, note) in kinds {
        let (zone, _) = zone_on(world, label, Role::Villain(villain));
        world
            .promise(
                Group::OddServers,
                note,
                &format!("www.{zone}"),
                RecordType::A,
                Wanted::Truth,
            )
            .within(8)
            .costs(12, &[&zone]);
    }
    for (label, villain, note) in [
        (
            "deny-middle",
            Villain::DeniesMiddle,
            "NXDOMAIN for the empty names between",
        ),
        (
            "refuse-middle",
            Villain::RefusesMiddle,
            "REFUSED for the empty names between",
        ),
    ] {
        let (zone, _) = zone_on(world, label, Role::Villain(villain));
        let name = format!("host.a.b.{zone}");
        world.add(&name, 300, "A", "198.18.20.3");
        world.promise(Group::OddServers, note, &name, RecordType::A, Wanted::Truth);
    }
    let (fat, _) = zone_on(world, "fat", Role::Villain(Villain::Fat));
    for host in 1..=90 {
        world.add(
            &format!("ninety.{fat}"),
            300,
            "A",
            &format!("198.18.21.{host}"),
        );
    }
    world.promise(
        Group::OddServers,
        "1,480 octets over UDP to a client that takes 1,232",
        &format!("ninety.{fat}"),
        RecordType::A,
        Wanted::Truth,
    );

    let bare = world.server("bare-dname", Role::Villain(Villain::BareDname));
    world.zone("bare-host.lab.", &base.exact);
    let address = world.address(bare).to_string();
    world.add("ns.bare-host.lab.", 3600, "A", &address);
    world.zone_named("bare-dname.lab.", &[("ns.bare-host.lab.".to_owned(), bare)]);
    world.zone("bare-target.lab.", &base.exact);
    world.add("bare-dname.lab.", 300, "DNAME", "bare-target.lab.");
    world.add("www.bare-target.lab.", 300, "A", "198.18.20.4");
    world.promise(
        Group::OddServers,
        "a DNAME without the CNAME that goes with it",
        "www.bare-dname.lab.",
        RecordType::A,
        Wanted::Truth,
    );

    // Duplicates wait for one fetch (parameters section 4: 100 joined clients).
    let (zone, _) = zone_on(world, "slow-twin", Role::Villain(Villain::Slow(300)));
    let name = format!("same.{zone}");
    world.add(&name, 300, "A", "198.18.20.5");
    world
        .promise(
            Group::Frugality,
            "60 clients ask one slow name: one query",
            &name,
            RecordType::A,
            Wanted::Truth,
        )
        .after(&[(&format!("www.{zone}"), RecordType::A)])
        .copies(60)
        .costs(1, &[&name]);
}

/// A flawed packet, and 80 ms later the right one: the flawed one must not be believed, nor end the wait.
fn bad_first(world: &mut Builder) {
    for flaw in Flaw::ALL {
        let (zone, _) = zone_on(
            world,
            &format!("first-{}", flaw_label(flaw)),
            Role::Villain(Villain::BadFirst(flaw)),
        );
        let note = format!(
            "{} comes first, the right reply 80 ms later",
            flaw_words(flaw)
        );
        world.promise(
            Group::OddServers,
            &note,
            &format!("www.{zone}"),
            RecordType::A,
            Wanted::Truth,
        );
    }
}

fn all_servers_bad(world: &mut Builder) {
    let kinds = [
        ("dead", Role::Absent, "nobody listens"),
        ("silent", Role::Villain(Villain::Silent), "says nothing"),
        (
            "refused",
            Role::Villain(Villain::Code(ResponseCode::Refused)),
            "REFUSED to everything",
        ),
        (
            "servfail",
            Role::Villain(Villain::Code(ResponseCode::ServFail)),
            "SERVFAIL to everything",
        ),
        (
            "notimp",
            Role::Villain(Villain::Code(ResponseCode::NotImp)),
            "NOTIMP to everything",
        ),
        (
            "lame",
            Role::Villain(Villain::Lame),
            "knows nothing of its zone",
        ),
        (
            "tc-closed",
            Role::Villain(Villain::TruncatesTcpClosed),
            "truncates, and has no TCP",
        ),
        (
            "tc-silent",
            Role::Villain(Villain::TruncatesTcpSilent),
            "truncates, and TCP says nothing",
        ),
        (
            "only-garbage",
            Role::Villain(Villain::OnlyBad(Flaw::Garbage)),
            "only garbage",
        ),
        (
            "only-wrong-id",
            Role::Villain(Villain::OnlyBad(Flaw::Id)),
            "only wrong IDs, also over TCP",
        ),
        (
            "only-wrong-name",
            Role::Villain(Villain::OnlyBad(Flaw::QuestionName)),
            "only answers to another question",
        ),
        (
            "only-query-bit",
            Role::Villain(Villain::OnlyBad(Flaw::QueryBit)),
            "only packets with QR=0",
        ),
        (
            "only-update",
            Role::Villain(Villain::OnlyBad(Flaw::Opcode)),
            "only packets with opcode UPDATE",
        ),
    ];
    for (label, role, note) in kinds {
        let (zone, _) = zone_on(world, label, role);
        // Mute servers: an answer within 5 s for what the best peers send, or little more (peer-behaviour.md). The rest has
        // the time budget of 7 s (parameters section 4) and a little for the last packet.
        let (seconds, packets) = match label {
            "dead" | "silent" => (5, 8),
            _ => (8, 12),
        };
        world
            .promise(
                Group::AllServersBad,
                note,
                &format!("www.{zone}"),
                RecordType::A,
                Wanted::Failure,
            )
            .within(seconds)
            .costs(packets, &[&zone]);
    }
}

const fn flaw_label(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Id => "id",
        Flaw::QuestionName => "name",
        Flaw::QuestionType => "type",
        Flaw::QuestionClass => "class",
        Flaw::NoQuestion => "no-question",
        Flaw::SourceAddress => "source",
        Flaw::QueryBit => "query-bit",
        Flaw::Opcode => "opcode",
        Flaw::Garbage => "garbage",
        Flaw::Short => "short",
        Flaw::Empty => "empty",
    }
}

const fn flaw_words(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Id => "a wrong ID",
        Flaw::QuestionName => "another name in the question",
        Flaw::QuestionType => "another type in the question",
        Flaw::QuestionClass => "another class in the question",
        Flaw::NoQuestion => "a reply without a question",
        Flaw::SourceAddress => "a reply from another address",
        Flaw::QueryBit => "a packet with QR=0",
        Flaw::Opcode => "a packet with opcode UPDATE",
        Flaw::Garbage => "garbage under the right ID",
        Flaw::Short => "five octets",
        Flaw::Empty => "an empty packet",
    }
}
