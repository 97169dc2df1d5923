//! Which corner cases does the honest Internet hold, from wildcards to names of 250 octets, and what is promised?

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::{RData, Record, RecordType};

use super::expectation::Group;
use super::world::{Builder, Role, ServerId, Wanted};

/// Wildcards, TTLs, long names, big answers, IPv6, reverse and local names, and what a cold name may cost.
pub(super) fn build(world: &mut Builder, exact: [ServerId; 2], rented: [ServerId; 2]) {
    corners(world, exact);
    long_names(world, exact);
    big_answers(world, exact, rented);
    ipv6_only(world);
    reverse(world, exact);
    local_names(world);
    frugality(world, exact);
}

fn corners(world: &mut Builder, [left, right]: [ServerId; 2]) {
    world.zone("wild.lab.", &[left, right]);
    world.add("*.wild.lab.", 300, "A", "198.18.3.1");
    world.add("*.wild.lab.", 300, "TXT", "\"from the wildcard\"");
    world.add("real.wild.lab.", 300, "A", "198.18.3.2");
    world.add("a.ent.wild.lab.", 300, "A", "198.18.3.3");
    world.add("*.alias.wild.lab.", 300, "CNAME", "real.wild.lab.");
    let wild = [
        ("anything.wild.lab.", RecordType::A, "a wildcard"),
        (
            "two.labels.wild.lab.",
            RecordType::TXT,
            "a wildcard two labels deep",
        ),
        (
            "anything.wild.lab.",
            RecordType::MX,
            "NODATA from a wildcard",
        ),
        (
            "real.wild.lab.",
            RecordType::TXT,
            "a name that exists is not covered by the wildcard",
        ),
        (
            "ent.wild.lab.",
            RecordType::A,
            "an empty non-terminal is NODATA, not the wildcard",
        ),
        (
            "b.ent.wild.lab.",
            RecordType::A,
            "below an empty non-terminal the wildcard does not reach",
        ),
        ("x.alias.wild.lab.", RecordType::A, "a wildcard CNAME"),
        (
            "*.wild.lab.",
            RecordType::A,
            "the asterisk asked for by name",
        ),
    ];
    for (name, rtype, note) in wild {
        world.promise(Group::Corners, note, name, rtype, Wanted::Truth);
    }

    world.zone("ttl.lab.", &[right]);
    for ttl in [
        0,
        1,
        30,
        86_400,
        604_800,
        0x7FFF_FFFF,
        0x8000_0000,
        u32::MAX,
    ] {
        let name = format!("t{ttl}.ttl.lab.");
        world.add(&name, ttl, "A", "198.18.3.4");
        let note = format!("TTL {ttl}: never told higher than that or a day");
        world.promise(Group::Corners, &note, &name, RecordType::A, Wanted::Truth);
    }
    world.add("b\\032lank.ttl.lab.", 300, "A", "198.18.3.5");
    world.promise(
        Group::Corners,
        "a blank inside a label",
        "b\\032lank.ttl.lab.",
        RecordType::A,
        Wanted::Truth,
    );
    world.promise(
        Group::Corners,
        "a top-level domain that does not exist",
        "www.no-such-tld.",
        RecordType::A,
        Wanted::Truth,
    );
}

fn long_names(world: &mut Builder, [left, _]: [ServerId; 2]) {
    let label = "l".repeat(63);
    world.zone("long.lab.", &[left]);
    // 3 x 64 + 48 + "long.lab." (10) = 250 octets on the wire.
    let name = format!("{label}.{label}.{label}.{}.long.lab.", "m".repeat(47));
    world.add(&name, 300, "A", "198.18.4.1");
    world.promise(
        Group::Corners,
        "a name of 250 octets, labels of 63",
        &name,
        RecordType::A,
        Wanted::Truth,
    );
    let many = format!("{}many.lab.", "x.".repeat(60));
    world.zone("many.lab.", &[left]);
    world.add(&many, 300, "A", "198.18.4.2");
    world.promise(
        Group::Corners,
        "sixty labels, no cut between them",
        &many,
        RecordType::A,
        Wanted::Truth,
    );
}

fn big_answers(world: &mut Builder, [left, _]: [ServerId; 2], catalog: [ServerId; 2]) {
    world.zone("big.lab.", &[left]);
    world.zone("big-too.lab.", &catalog);
    for zone in ["big.lab.", "big-too.lab."] {
        for host in 1..=90 {
            world.add(
                &format!("ninety.{zone}"),
                300,
                "A",
                &format!("198.18.5.{host}"),
            );
        }
        text(world, &format!("text12k.{zone}"), 48);
        world.promise(
            Group::BigAnswers,
            "ninety addresses: TC, then TCP",
            &format!("ninety.{zone}"),
            RecordType::A,
            Wanted::Truth,
        );
        world.promise(
            Group::BigAnswers,
            "12 kB of TXT",
            &format!("text12k.{zone}"),
            RecordType::TXT,
            Wanted::Truth,
        );
    }
    text(world, "text20k.big.lab.", 80);
    world.promise(
        Group::BigAnswers,
        "20 kB of TXT: whole, or refused by the limit on RRsets",
        "text20k.big.lab.",
        RecordType::TXT,
        Wanted::TruthOrFailure,
    );
    for host in 0..1500 {
        world.add(
            "horde.big.lab.",
            300,
            "A",
            &format!("198.18.{}.{}", 10 + host / 250, host % 250),
        );
    }
    world
        .promise(
            Group::BigAnswers,
            "1,500 addresses: whole, or refused by the limit on RRsets",
            "horde.big.lab.",
            RecordType::A,
            Wanted::TruthOrFailure,
        )
        .costs(6, &["horde.big.lab."]);
}

/// One TXT record of `strings` strings of 250 octets.
fn text(world: &mut Builder, owner: &str, strings: usize) {
    let strings = (0..strings)
        .map(|number| format!("{number:0>250}"))
        .collect();
    let owner = world.name(owner);
    world.record(Record::from_rdata(
        owner,
        300,
        RData::TXT(TXT::new(strings)),
    ));
}

fn ipv6_only(world: &mut Builder) {
    if !world.ipv6 {
        return;
    }
    let six = world.server_v6("IPv6 only", Role::Exact);
    world.zone("six.lab.", &[six]);
    world.add("www.six.lab.", 300, "AAAA", "2001:db8:6::1");
    world.add("www.six.lab.", 300, "A", "198.18.6.1");
    world.promise(
        Group::Ipv6Only,
        "the only server has only an AAAA glue record",
        "www.six.lab.",
        RecordType::AAAA,
        Wanted::Truth,
    );
    world.zone("sixhost.lab.", &[six]);
    world.add("ns.sixhost.lab.", 3600, "AAAA", "::1");
    world.zone_named("sixfar.lab.", &[("ns.sixhost.lab.".to_owned(), six)]);
    world.add("www.sixfar.lab.", 300, "A", "198.18.6.2");
    world.promise(
        Group::Ipv6Only,
        "glueless, and its server has only an AAAA record",
        "www.sixfar.lab.",
        RecordType::A,
        Wanted::Truth,
    );
    world.promise(
        Group::Ipv6Only,
        "NXDOMAIN from there",
        "none.six.lab.",
        RecordType::A,
        Wanted::Truth,
    );
}

fn reverse(world: &mut Builder, [left, right]: [ServerId; 2]) {
    world.zone("44.in-addr.arpa.", &[left]);
    world.zone("7.44.in-addr.arpa.", &[right]);
    world.add("9.8.7.44.in-addr.arpa.", 3600, "PTR", "host-9.types.lab.");
    world.promise(
        Group::Reverse,
        "an IPv4 address",
        "9.8.7.44.in-addr.arpa.",
        RecordType::PTR,
        Wanted::Truth,
    );
    world.promise(
        Group::Reverse,
        "an IPv4 address without a name",
        "10.8.7.44.in-addr.arpa.",
        RecordType::PTR,
        Wanted::Truth,
    );
    world.zone("b.0.a.2.ip6.arpa.", &[left]);
    let nibbles = format!("{}b.0.a.2.ip6.arpa.", "1.2.3.4.".repeat(7));
    world.add(&nibbles, 3600, "PTR", "host-six.types.lab.");
    world
        .promise(
            Group::Reverse,
            "an IPv6 address: 34 labels",
            &nibbles,
            RecordType::PTR,
            Wanted::Truth,
        )
        .costs(14, &["b.0.a.2.ip6.arpa."]);
}

fn local_names(world: &mut Builder) {
    let names = [
        (
            "localhost.",
            RecordType::A,
            ResponseCode::NoError,
            "localhost is the host itself (RFC 6761)",
        ),
        (
            "hidden.onion.",
            RecordType::A,
            ResponseCode::NXDomain,
            "onion names never go out (RFC 7686)",
        ),
        (
            "host.invalid.",
            RecordType::A,
            ResponseCode::NXDomain,
            "invalid never exists (RFC 6761)",
        ),
        (
            "1.1.168.192.in-addr.arpa.",
            RecordType::PTR,
            ResponseCode::NXDomain,
            "private reverse names stay at home (RFC 6303)",
        ),
    ];
    for (name, rtype, code, note) in names {
        world
            .promise(Group::LocalNames, note, name, rtype, Wanted::Code(code))
            .costs(0, &[name]);
    }
}

fn frugality(world: &mut Builder, [left, right]: [ServerId; 2]) {
    world.zone("warm.lab.", &[left, right]);
    world.add("first.warm.lab.", 300, "A", "198.18.7.1");
    for host in 1..=8 {
        let name = format!("w{host}.warm.lab.");
        world.add(&name, 300, "A", "198.18.7.2");
        world
            .promise(
                Group::Frugality,
                "a cold name in a warm zone: one query",
                &name,
                RecordType::A,
                Wanted::Truth,
            )
            .after(&[("first.warm.lab.", RecordType::A)])
            .costs(1, &[&name]);
    }
    // Only dishonest clients ask about it (dishonest.rs); the wildcard would answer them all.
    world.zone("unseen.lab.", &[left, right]);
    world.add("*.unseen.lab.", 300, "A", "198.18.7.3");
    world
        .promise(
            Group::Frugality,
            "a cold NXDOMAIN in a warm zone: one query",
            "nothing.warm.lab.",
            RecordType::A,
            Wanted::Truth,
        )
        .after(&[("first.warm.lab.", RecordType::A)])
        .costs(1, &["nothing.warm.lab."]);
}
