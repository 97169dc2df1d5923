//! Which record types, delegations and chains does the honest Internet hold, and what is promised about them?

use hickory_proto::rr::RecordType;

use super::expectation::Group;
use super::world::{Builder, ServerId, Wanted};

/// Zones for types, cuts and aliases; leaf zones on `rented` catalog servers, the rest on `exact` ones.
pub(super) fn build(world: &mut Builder, exact: [ServerId; 2], rented: [ServerId; 2]) {
    record_types(world, rented);
    delegations(world, exact);
    aliases(world, exact);
}

fn record_types(world: &mut Builder, servers: [ServerId; 2]) {
    world.zone("types.lab.", &servers);
    let records = [
        ("a.types.lab.", "A", "198.18.0.1"),
        ("aaaa.types.lab.", "AAAA", "2001:db8::1"),
        ("mx.types.lab.", "MX", "10 mail.types.lab."),
        ("srv.types.lab.", "SRV", "1 2 5060 sip.types.lab."),
        ("caa.types.lab.", "CAA", "0 issue \"ca.example\""),
        (
            "txt.types.lab.",
            "TXT",
            "\"semicolons; and \\\"quotes\\\"\"",
        ),
        (
            "https.types.lab.",
            "HTTPS",
            "1 . alpn=h2,h3 ipv4hint=198.18.0.2",
        ),
        ("svcb.types.lab.", "SVCB", "16 target.types.lab. port=8443"),
        (
            "naptr.types.lab.",
            "NAPTR",
            "100 10 \"S\" \"SIP+D2U\" \"\" _sip._udp.types.lab.",
        ),
        ("hinfo.types.lab.", "HINFO", "\"loopback\" \"drill\""),
        (
            "tlsa.types.lab.",
            "TLSA",
            "3 1 1 0011223344556677889900112233445566778899001122334455667788990011",
        ),
        (
            "sshfp.types.lab.",
            "SSHFP",
            "4 2 0011223344556677889900112233445566778899001122334455667788990011",
        ),
        ("unknown.types.lab.", "TYPE65280", "0102deadbeef"),
        ("octet.types.lab.", "TYPE65281", "00"),
    ];
    for (owner, rtype, rdata) in records {
        world.add(owner, 300, rtype, rdata);
        let code = match rtype.strip_prefix("TYPE") {
            Some(number) => RecordType::from(number.parse::<u16>().unwrap_or(0)),
            None => rtype.parse().unwrap_or(RecordType::A),
        };
        world.promise(
            Group::RecordTypes,
            &format!("a {rtype} record"),
            owner,
            code,
            Wanted::Truth,
        );
    }
    world.promise(
        Group::RecordTypes,
        "the zone's NS records",
        "types.lab.",
        RecordType::NS,
        Wanted::Truth,
    );
    world.promise(
        Group::RecordTypes,
        "the zone's SOA",
        "types.lab.",
        RecordType::SOA,
        Wanted::Truth,
    );
    world.promise(
        Group::RecordTypes,
        "NODATA for a type nobody knows",
        "a.types.lab.",
        RecordType::from(65_399),
        Wanted::Truth,
    );
}

fn delegations(world: &mut Builder, [left, right]: [ServerId; 2]) {
    // A cut at every label, servers alternating, so that each step needs a referral.
    let mut zone = "deep.lab.".to_owned();
    world.zone(&zone, &[left]);
    for depth in 1..=8 {
        zone = format!("d{depth}.{zone}");
        world.zone(&zone, &[if depth % 2 == 0 { left } else { right }]);
    }
    let host = format!("host.{zone}");
    world.add(&host, 300, "A", "198.18.1.1");
    world
        .promise(
            Group::Delegations,
            "nine zone cuts, one below the other",
            &host,
            RecordType::A,
            Wanted::Truth,
        )
        .costs(12, &["d1.deep.lab."]);
    // After the first, whose walk it would otherwise repeat at the same time, and at that one's expense.
    world
        .promise(
            Group::Delegations,
            "NXDOMAIN at the bottom",
            &format!("none.{zone}"),
            RecordType::A,
            Wanted::Truth,
        )
        .after(&[(&host, RecordType::A)]);

    // The servers' names lie in another zone, whose servers' names lie in a third.
    world.zone("far-c.lab.", &[right]);
    world.add("ns.far-c.lab.", 3600, "A", &world.address(left).to_string());
    world.zone_named("far-b.lab.", &[("ns.far-c.lab.".to_owned(), left)]);
    world.add(
        "ns.far-b.lab.",
        3600,
        "A",
        &world.address(right).to_string(),
    );
    world.zone_named("far-a.lab.", &[("ns.far-b.lab.".to_owned(), right)]);
    world.add("www.far-a.lab.", 300, "A", "198.18.1.2");
    world.promise(
        Group::Delegations,
        "servers without glue, twice removed",
        "www.far-a.lab.",
        RecordType::A,
        Wanted::Truth,
    );

    world.zone("both.lab.", &[left]);
    world.zone("child.both.lab.", &[left]);
    world.add("www.child.both.lab.", 300, "A", "198.18.1.3");
    world.add("www.both.lab.", 300, "A", "198.18.1.4");
    world.promise(
        Group::Delegations,
        "parent and child zone on one server",
        "www.child.both.lab.",
        RecordType::A,
        Wanted::Truth,
    );
    world.promise(
        Group::Delegations,
        "NODATA in the child of the same server",
        "www.child.both.lab.",
        RecordType::MX,
        Wanted::Truth,
    );
}

fn aliases(world: &mut Builder, [left, right]: [ServerId; 2]) {
    world.zone("farm.lab.", &[left]);
    for link in 1..8 {
        world.add(
            &format!("c{link}.farm.lab."),
            300,
            "CNAME",
            &format!("c{}.farm.lab.", link + 1),
        );
    }
    world.add("c8.farm.lab.", 300, "A", "198.18.2.1");
    world.add("c8.farm.lab.", 300, "A", "198.18.2.2");
    world.promise(
        Group::Aliases,
        "seven CNAMEs inside one zone",
        "c1.farm.lab.",
        RecordType::A,
        Wanted::Truth,
    );
    world.promise(
        Group::Aliases,
        "a chain that ends in NODATA keeps its CNAMEs",
        "c3.farm.lab.",
        RecordType::TXT,
        Wanted::Truth,
    );
    world.promise(
        Group::Aliases,
        "a CNAME asked for as such is not followed",
        "c2.farm.lab.",
        RecordType::CNAME,
        Wanted::Truth,
    );
    world.add("gone.farm.lab.", 300, "CNAME", "no-such-name.farm.lab.");
    world.promise(
        Group::Aliases,
        "a chain that ends in NXDOMAIN keeps its CNAME",
        "gone.farm.lab.",
        RecordType::A,
        Wanted::Truth,
    );

    // Ten links, each in another zone on the other server.
    for link in 0..=10 {
        let server = if link % 2 == 0 { left } else { right };
        world.zone(&format!("hop{link}.lab."), &[server]);
    }
    for link in 0..10 {
        world.add(
            &format!("go.hop{link}.lab."),
            300,
            "CNAME",
            &format!("go.hop{}.lab.", link + 1),
        );
    }
    world.add("go.hop10.lab.", 300, "A", "198.18.2.3");
    world.promise(
        Group::Aliases,
        "ten CNAMEs across eleven zones (limit: 11)",
        "go.hop0.lab.",
        RecordType::A,
        Wanted::Truth,
    );

    // Nothing may exist below a DNAME (RFC 6672 section 2.4), its servers' names neither.
    world.zone_named("oldname.lab.", &[("ns1.both.lab.".to_owned(), left)]);
    world.zone("newname.lab.", &[right]);
    world.add("oldname.lab.", 300, "DNAME", "newname.lab.");
    world.add("www.newname.lab.", 300, "A", "198.18.2.4");
    world.add("a.b.newname.lab.", 300, "A", "198.18.2.5");
    world.promise(
        Group::Aliases,
        "DNAME to another zone",
        "www.oldname.lab.",
        RecordType::A,
        Wanted::Truth,
    );
    world.promise(
        Group::Aliases,
        "DNAME with two labels below it",
        "a.b.oldname.lab.",
        RecordType::A,
        Wanted::Truth,
    );
    world.promise(
        Group::Aliases,
        "DNAME to a name that does not exist",
        "zz.oldname.lab.",
        RecordType::A,
        Wanted::Truth,
    );
    world.promise(
        Group::Aliases,
        "the DNAME itself",
        "oldname.lab.",
        RecordType::DNAME,
        Wanted::Truth,
    );
}
