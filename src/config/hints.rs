//! Where is the root? Hints read from a zone file, or the list built in.

use std::net::IpAddr;
use std::ops::Range;

use crate::wire::Name;

/// Root hints of the Debian package dns-root-data.
pub(super) const SYSTEM_FILE: &str = "/usr/share/dns/root.hints";

/// A root server: its name and addresses.
pub(super) type RootServer = (Name, Vec<IpAddr>);

/// The root servers as in IANA's named.root of 2024-04-18 (B moved on 2023-11-27), which Debian's dns-root-data
/// 2024071801 ships; compared with it by a test.
const BUILT_IN: &str = "
    a 198.41.0.4 2001:503:ba3e::2:30
    b 170.247.170.2 2801:1b8:10::b
    c 192.33.4.12 2001:500:2::c
    d 199.7.91.13 2001:500:2d::d
    e 192.203.230.10 2001:500:a8::e
    f 192.5.5.241 2001:500:2f::f
    g 192.112.36.4 2001:500:12::d0d
    h 198.97.190.53 2001:500:1::53
    i 192.36.148.17 2001:7fe::53
    j 192.58.128.30 2001:503:c27::2:30
    k 193.0.14.129 2001:7fd::1
    l 199.7.83.42 2001:500:9f::42
    m 202.12.27.33 2001:dc3::35
";

/// The list built in.
pub(super) fn built_in() -> Vec<RootServer> {
    BUILT_IN
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = format!("{}.root-servers.net.", words.next()?)
                .parse()
                .ok()?;
            Some((name, words.filter_map(|word| word.parse().ok()).collect()))
        })
        .collect()
}

/// Root servers of the Internet that a list must name to be taken for its list: one or two alone are somebody's test bed.
const ENOUGH_OF_THE_INTERNETS: usize = 7;

/// Whether these are the root servers of the Internet: most of the thirteen are there, by addresses known to be theirs.
pub(super) fn are_the_internets(servers: &[RootServer]) -> bool {
    let known = built_in();
    let listed = |address: &IpAddr| servers.iter().any(|(_, listed)| listed.contains(address));
    let found = known
        .iter()
        .filter(|(_, addresses)| addresses.iter().any(listed));
    found.count() >= ENOUGH_OF_THE_INTERNETS
}

/// What is wrong with a hints file, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadHints {
    pub(super) span: Range<usize>,
    pub(super) why: String,
}

/// Reads NS, A and AAAA lines in the form of RFC 1035 section 5; servers without an address are left out.
///
/// TTL and class may stand or not, in either order; an empty owner repeats the last one; `$TTL` and `$ORIGIN .` do nothing.
pub(super) fn parse(text: &str) -> Result<Vec<RootServer>, Vec<BadHints>> {
    let mut servers: Vec<RootServer> = Vec::new();
    let mut addresses: Vec<(Name, IpAddr)> = Vec::new();
    let mut problems = Vec::new();
    let mut owner = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let span = start..start + line.trim_end().len();
        start += line.len();
        match read_line(line, &mut owner) {
            Ok(None) => {}
            Ok(Some(Hint::Server(name))) if servers.iter().any(|(known, _)| *known == name) => {}
            Ok(Some(Hint::Server(name))) => servers.push((name, Vec::new())),
            Ok(Some(Hint::Address(name, address))) => addresses.push((name, address)),
            Err(why) => problems.push(BadHints { span, why }),
        }
    }
    for (name, address) in addresses {
        if let Some((_, known)) = servers.iter_mut().find(|(server, _)| *server == name)
            && !known.contains(&address)
        {
            known.push(address);
        }
    }
    servers.retain(|(_, addresses)| !addresses.is_empty());
    if problems.is_empty() {
        Ok(servers)
    } else {
        Err(problems)
    }
}

enum Hint {
    Server(Name),
    Address(Name, IpAddr),
}

fn read_line(line: &str, owner: &mut Option<Name>) -> Result<Option<Hint>, String> {
    let line = line.split(';').next().unwrap_or("");
    let mut words = line.split_whitespace().peekable();
    let Some(first) = words.peek().copied() else {
        return Ok(None);
    };
    if first.starts_with('$') {
        words.next();
        return match (first, words.next()) {
            ("$TTL", Some(_)) | ("$ORIGIN", Some(".")) => Ok(None),
            _ => Err(format!("`{first}` has no place in root hints")),
        };
    }
    if !line.starts_with(char::is_whitespace) {
        *owner = Some(
            first
                .parse()
                .map_err(|error| format!("`{first}`: {error}"))?,
        );
        words.next();
    }
    let owner = owner.clone().ok_or("the first record has no owner")?;
    let mut words = words.skip_while(|word| word.eq_ignore_ascii_case("IN") || is_ttl(word));
    let rtype = words
        .next()
        .ok_or("there is no record type")?
        .to_ascii_uppercase();
    let data = words
        .next()
        .ok_or_else(|| format!("the {rtype} record has no data"))?;
    if let Some(more) = words.next() {
        return Err(format!("`{more}` follows the record"));
    }
    let wrong_address = || format!("`{data}` is not what an {rtype} record holds");
    match rtype.as_str() {
        "NS" if owner.is_root() => data
            .parse()
            .map(|name| Some(Hint::Server(name)))
            .map_err(|error| format!("`{data}`: {error}")),
        "NS" => Err("only the root has NS records in root hints".to_owned()),
        "A" => match data.parse() {
            Ok(address) => Ok(Some(Hint::Address(owner, IpAddr::V4(address)))),
            Err(_) => Err(wrong_address()),
        },
        "AAAA" => match data.parse() {
            Ok(address) => Ok(Some(Hint::Address(owner, IpAddr::V6(address)))),
            Err(_) => Err(wrong_address()),
        },
        other => Err(format!(
            "there are only NS, A and AAAA records in root hints, not {other}"
        )),
    }
}

/// Whether a word is a TTL, in seconds or with BIND's units.
fn is_ttl(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_ascii_digit())
        && word
            .chars()
            .all(|letter| letter.is_ascii_digit() || "smhdwSMHDW".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_thirteen_are_built_in_with_both_families() {
        let servers = built_in();
        assert_eq!(servers.len(), 13);
        for (name, addresses) in &servers {
            assert_eq!(addresses.len(), 2, "{name}");
            assert!(addresses[0].is_ipv4() && addresses[1].is_ipv6(), "{name}");
        }
    }

    #[test]
    fn the_built_in_list_equals_the_one_debian_ships() {
        // Where dns-root-data is not installed there is nothing to compare with.
        let Ok(text) = std::fs::read_to_string(SYSTEM_FILE) else {
            return;
        };
        let mut shipped = parse(&text).unwrap();
        for (_, addresses) in &mut shipped {
            addresses.sort();
        }
        assert_eq!(shipped, built_in());
    }

    #[test]
    fn one_server_with_one_address_is_enough() {
        let one = parse(". NS ns.test.\nns.test. IN 60 AAAA ::1\n").unwrap();
        assert_eq!(
            one,
            vec![("ns.test.".parse().unwrap(), vec!["::1".parse().unwrap()])]
        );
        let other = parse("$TTL 1d\n.\t3600\tIN\tNS\tK. ; comment\nk. 1d A 192.0.2.1").unwrap();
        assert_eq!(other[0].1, vec!["192.0.2.1".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn servers_without_address_and_repeats_are_left_out() {
        let text = ". NS a.\n NS b.\n. NS A.\na. A 192.0.2.1\n  A 192.0.2.1\n  A 192.0.2.2\n";
        let servers = parse(text).unwrap();
        assert_eq!(servers.len(), 1);
        assert_eq!(servers[0].1.len(), 2);
        assert_eq!(parse("; nothing\n\n"), Ok(Vec::new()));
    }

    #[test]
    fn every_bad_line_is_named() {
        let text = ". NS a.\na. A 192.0.2.300\nexample. NS b.\n. MX 10 c.\n$INCLUDE /etc/passwd\n";
        let problems = parse(text).unwrap_err();
        let whys: Vec<&str> = problems
            .iter()
            .map(|problem| problem.why.as_str())
            .collect();
        assert_eq!(
            whys,
            [
                "`192.0.2.300` is not what an A record holds",
                "only the root has NS records in root hints",
                "`c.` follows the record",
                "`$INCLUDE` has no place in root hints",
            ]
        );
        assert_eq!(&text[problems[0].span.clone()], "a. A 192.0.2.300");
    }
}
