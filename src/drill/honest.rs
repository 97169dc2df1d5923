//! What does the ordinary part of the drill's Internet look like: roots, top-level domains, hosting, real names?

use hickory_proto::rr::RecordType;
use rand::RngExt;

use super::expectation::Group;
use super::world::{Builder, Role, ServerId, Wanted};
use super::{corners, features};

/// Real names, one a line; provenance in names.README.md.
const NAMES: &str = include_str!("names.txt");

/// Top-level domains that the list uses, served by the two "generic" servers.
const GENERIC: [&str; 11] = [
    "com.", "net.", "org.", "info.", "io.", "edu.", "de.", "fr.", "se.", "nl.", "lab.",
];

/// DNS hosting companies: their customers' servers are named in these zones (glueless delegations).
const PROVIDERS: [&str; 4] = [
    "quayhost.net.",
    "lockhost.com.",
    "weirhost.org.",
    "sluicehost.info.",
];

/// Servers other parts of the world need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base {
    /// Two exact servers that share nothing with the top of the tree.
    pub(super) exact: [ServerId; 2],
}

/// Root, top-level domains, hosting companies, and every honest kind of zone; `count` of them under real names.
pub(super) fn build(world: &mut Builder, count: usize) -> Base {
    let roots: Vec<ServerId> = ["root a", "root b", "root c"]
        .into_iter()
        .map(|label| world.server(label, Role::Exact))
        .collect();
    world.root(&roots);
    let generic = [
        world.server("gTLD a", Role::Exact),
        world.server("gTLD b", Role::Exact),
    ];
    for zone in GENERIC {
        world.zone(zone, &generic);
    }
    // Resolvers that prime look the root servers' names up, and must find the same addresses (RFC 9609).
    let named: Vec<(String, ServerId)> = roots
        .iter()
        .zip('a'..)
        .map(|(server, letter)| (format!("{letter}.root-servers.net."), *server))
        .collect();
    world.zone_named("root-servers.net.", &named);
    // Parent and child on the same servers, as in the real jp and arpa.
    let jp = [
        world.server("jp a", Role::Exact),
        world.server("jp b", Role::Exact),
    ];
    world.zone("jp.", &jp);
    world.zone("co.jp.", &jp);
    let arpa = [world.server("arpa", Role::Exact)];
    for zone in ["arpa.", "in-addr.arpa.", "ip6.arpa."] {
        world.zone(zone, &arpa);
    }
    let exact = [
        world.server("exact a", Role::Exact),
        world.server("exact b", Role::Exact),
    ];
    let hosting: Vec<ServerId> = (1..=8)
        .map(|number| world.server(format!("hosting {number}"), Role::Catalog))
        .collect();

    ordinary_zones(world, &hosting, count);
    let rented = pick(world, &hosting);
    features::build(world, exact, rented);
    corners::build(world, exact, rented);
    Base { exact }
}

fn pick(world: &mut Builder, from: &[ServerId]) -> [ServerId; 2] {
    let first = world.rng.random_range(0..from.len());
    let second = (first + world.rng.random_range(1..from.len())) % from.len();
    let at = |index: usize| from.get(index).copied().unwrap_or(ServerId(0));
    [at(first), at(second)]
}

/// Zones under real names: half with their own glue, half with a hosting company, some with a lame secondary.
fn ordinary_zones(world: &mut Builder, hosting: &[ServerId], count: usize) {
    let mut provider_servers = Vec::new();
    for provider in PROVIDERS {
        let servers = pick(world, hosting);
        world.zone(provider, &servers);
        provider_servers.push(servers);
    }
    let edge = pick(world, hosting);
    world.zone("gatecdn.net.", &edge);
    for (index, name) in NAMES
        .lines()
        .filter(|line| !line.is_empty())
        .take(count)
        .enumerate()
    {
        let zone = format!("{name}.");
        let own = pick(world, hosting);
        let company = world.rng.random_range(0..PROVIDERS.len());
        let customers = provider_servers.get(company).copied().unwrap_or(own);
        let provider = PROVIDERS.get(company).copied().unwrap_or("quayhost.net.");
        let [first, second] = customers;
        let rented = [
            (format!("ns1.{provider}"), first),
            (format!("ns2.{provider}"), second),
        ];
        let mut lame = false;
        match index % 10 {
            0..=3 => world.zone(&zone, &own),
            4..=7 => world.zone_named(&zone, &rented),
            8 => {
                let [first, ..] = own;
                let [rented, ..] = rented;
                world.zone_named(&zone, &[(format!("ns1.{zone}"), first), rented]);
            }
            _ => {
                // The parent also names a server that never heard of the zone.
                world.zone(&zone, &own);
                let stranger = hosting.iter().find(|server| !own.contains(server));
                if let Some(stranger) = stranger {
                    world.delegate(&zone, &format!("old-ns.{zone}"), *stranger);
                    lame = true;
                }
            }
        }
        ordinary_records(world, &zone, index, lame);
    }
}

fn ordinary_records(world: &mut Builder, zone: &str, index: usize, lame: bool) {
    let ttl = match index % 6 {
        0 => 30,
        1 => 60,
        2 => 300,
        3 => 3600,
        4 => 86_400,
        _ => 604_800,
    };
    let (high, low) = (
        world.rng.random_range(0..=255u8),
        world.rng.random_range(1..=254u8),
    );
    world.add(zone, ttl, "A", &format!("198.18.{high}.{low}"));
    world.add(zone, ttl, "AAAA", &format!("2001:db8:{high:x}::{low:x}"));
    world.add(zone, 3600, "MX", &format!("10 mail.{zone}"));
    world.add(zone, 3600, "TXT", "\"v=spf1 mx -all\" \"second string\"");
    world.add(
        &format!("mail.{zone}"),
        600,
        "A",
        &format!("198.19.{high}.{low}"),
    );
    let www = format!("www.{zone}");
    match index % 3 {
        0 => world.add(&www, ttl, "A", &format!("198.18.{low}.{high}")),
        1 => world.add(&www, ttl, "CNAME", zone),
        _ => {
            let edge = format!("e{index}.gatecdn.net.");
            world.add(&www, 300, "CNAME", &edge);
            world.add(&edge, 20, "A", &format!("198.18.{high}.{high}"));
        }
    }
    let note = if lame {
        "an ordinary name; one of the zone's servers is lame"
    } else {
        "an ordinary name"
    };
    let group = if lame {
        Group::OneBadServer
    } else {
        Group::RealNames
    };
    world.promise(group, note, &www, RecordType::A, Wanted::Truth);
    let (name, rtype, what) = match index % 5 {
        0 => (zone.to_owned(), RecordType::MX, "its mail servers"),
        1 => (zone.to_owned(), RecordType::TXT, "two strings of text"),
        2 => (
            format!("mail.{zone}"),
            RecordType::AAAA,
            "NODATA: only A there",
        ),
        3 => (format!("no-such-host.{zone}"), RecordType::A, "NXDOMAIN"),
        _ => (zone.to_owned(), RecordType::AAAA, "its IPv6 address"),
    };
    world.promise(group, what, &name, rtype, Wanted::Truth);
}
