//! Which configuration does a scenario want? Its options in Unbound's words, as ours, as not mattering, or as not supported.

use std::net::{IpAddr, SocketAddr};

use super::options::{
    does_not_matter, is_validators, matters_if_on, pairs, prefix, server, unquoted, yes,
};
use super::records::date;
use super::text::{Lines, Place, ReadError, without_comment};
use super::trust::Dnssec;
use crate::wire::Name;

/// The configuration of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// Whose rules the file follows where they differ.
    pub flavour: Flavour,
    /// Settings of `suimond.toml` that it comes to, section and line.
    pub settings: Vec<(&'static str, String)>,
    /// Root servers; empty for the built-in ones.
    pub roots: Vec<IpAddr>,
    /// Zones with servers of their own.
    pub stubs: Vec<Zone>,
    /// Zones asked of other resolvers.
    pub forwards: Vec<Zone>,
    /// Servers that must not be asked besides; prefixes as the configuration takes them.
    pub never_ask: Vec<String>,
    /// Whether loopback addresses may be asked; where nothing is said, if one of the servers above is one.
    pub ask_localhost: Option<bool>,
    /// Who may ask: action, prefix. Everybody, if there is none.
    pub access: Vec<(String, String)>,
    /// What it says of DNSSEC.
    pub dnssec: Dnssec,
    /// What it says of data that are past their end.
    pub stale: Stale,
    /// What it asks for that is not supported.
    pub unsupported: Vec<(Place, String)>,
    /// Options that were read over because nothing a scenario can see hangs on them here.
    pub passed_over: Vec<String>,
}

/// Whose rules a file follows where the two projects differ: which step is current, what no MATCH line means, whether queries
/// have EDNS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavour {
    /// Unbound's testbound.
    #[default]
    Testbound,
    /// CZ.NIC's Deckard.
    Deckard,
}

/// What the head says of data past their end (RFC 8767): `serve-expired` and what belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stale {
    /// Whether they are used at all.
    pub on: bool,
    /// Seconds past their end; nothing or 0: any time.
    pub longest: Option<u32>,
    /// Their TTL in answers, seconds.
    pub reply_ttl: Option<u32>,
    /// Milliseconds that a client waits before it gets them; nothing: none.
    pub after: Option<u32>,
}

/// A zone with servers of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Where it begins.
    pub place: Place,
    /// The apex.
    pub name: Option<Name>,
    /// The servers.
    pub servers: Vec<SocketAddr>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Section {
    /// Before the first section.
    #[default]
    Top,
    Server,
    Stub,
    Forward,
    /// One that is not supported, or has nothing to do with answers.
    Other,
}

impl Head {
    /// Reads up to `CONFIG_END`.
    pub(super) fn read(lines: &mut Lines<'_>) -> Result<Self, ReadError> {
        let mut head = Self::default();
        let mut section = Section::Top;
        loop {
            let before = lines.clone();
            let Some(text) = lines.raw() else {
                return Err(lines.error("CONFIG_END is missing"));
            };
            let text = without_comment(text, &[';', '#']).trim();
            let place = lines.place();
            match text.split_whitespace().next() {
                None => {}
                Some("CONFIG_END") => break,
                Some(block @ ("AUTOTRUST_FILE" | "TEMPFILE_CONTENTS")) => {
                    let end = if block == "AUTOTRUST_FILE" {
                        "AUTOTRUST_END"
                    } else {
                        "TEMPFILE_END"
                    };
                    while lines.raw().is_some_and(|text| text.trim() != end) {}
                    head.unsupported.push((place, block.to_owned()));
                }
                Some(word @ ("TEMPFILE_NAME" | "COMMANDLINE")) => {
                    head.unsupported.push((place, word.to_owned()));
                }
                // Deckard: a file may have no configuration at all.
                Some("SCENARIO_BEGIN") if head.is_empty() && section == Section::Top => {
                    *lines = before;
                    head.flavour = Flavour::Deckard;
                    break;
                }
                Some(word @ ("SCENARIO_BEGIN" | "RANGE_BEGIN" | "STEP" | "ENTRY_BEGIN")) => {
                    return Err(lines.error(format!("{word} before CONFIG_END")));
                }
                Some(word) => {
                    let pairs = pairs(text);
                    if pairs.is_empty() {
                        return Err(lines.error(format!("`{word}` is not an option")));
                    }
                    for (key, value) in pairs {
                        head.option(&mut section, key, value, &place);
                    }
                }
            }
        }
        head.finish();
        Ok(head)
    }

    /// Whether no option was read yet.
    fn is_empty(&self) -> bool {
        self.settings.is_empty()
            && self.roots.is_empty()
            && self.unsupported.is_empty()
            && self.passed_over.is_empty()
            && self.dnssec == Dnssec::default()
    }

    fn option(&mut self, section: &mut Section, key: &str, value: &str, place: &Place) {
        match (key, value) {
            ("server", "") => *section = Section::Server,
            ("stub-zone", "") => {
                *section = Section::Stub;
                self.stubs.push(Zone::new(place));
            }
            ("forward-zone", "") => {
                *section = Section::Forward;
                self.forwards.push(Zone::new(place));
            }
            ("remote-control", "") => *section = Section::Other,
            (
                "auth-zone" | "rpz" | "view" | "python" | "dnscrypt" | "cachedb" | "dnstap"
                | "dynlib" | "ipset",
                "",
            ) => {
                *section = Section::Other;
                self.refuse(place, format!("{key}:"));
            }
            _ => {
                let understood = match section {
                    Section::Top => self.deckard(key, value, place),
                    Section::Server => self.server(key, value, place),
                    Section::Stub => zone_option(self.stubs.last_mut(), key, value),
                    Section::Forward => zone_option(self.forwards.last_mut(), key, value),
                    Section::Other => Understood::Yes,
                };
                match understood {
                    Understood::Yes => {}
                    Understood::PassedOver => self.passed_over.push(key.to_owned()),
                    Understood::No => self.refuse(place, format!("{key}: {value}")),
                    Understood::Malformed => {
                        self.refuse(place, format!("{key}: `{value}` is not a value for it"));
                    }
                }
            }
        }
    }

    fn refuse(&mut self, place: &Place, what: String) {
        self.unsupported.push((place.clone(), what));
    }

    /// Options outside of sections: Deckard's. Those that it shares with Unbound mean the same.
    fn deckard(&mut self, key: &str, value: &str, place: &Place) -> Understood {
        match key {
            "stub-addr" => match value.parse() {
                Ok(address) => {
                    self.flavour = Flavour::Deckard;
                    self.roots.push(address);
                    Understood::Yes
                }
                Err(_) => Understood::Malformed,
            },
            "query-minimization" => {
                self.flavour = Flavour::Deckard;
                self.server("qname-minimisation", value, place)
            }
            "force-ipv6" => Understood::PassedOver,
            "features" | "feature-list" => {
                self.flavour = Flavour::Deckard;
                self.features(value)
            }
            "name" if value == "." => Understood::PassedOver,
            _ => self.server(key, value, place),
        }
    }

    fn features(&mut self, value: &str) -> Understood {
        for feature in value.split(';') {
            let (key, value) = feature.split_once('=').unwrap_or((feature, ""));
            let setting = match key.trim() {
                "min_ttl" => "min_ttl",
                "max_ttl" => "max_ttl",
                _ => return Understood::No,
            };
            let Ok(seconds) = value.trim().parse::<u32>() else {
                return Understood::Malformed;
            };
            self.set("cache", format!("{setting} = \"{seconds}s\""));
        }
        Understood::Yes
    }

    pub(super) fn set(&mut self, section: &'static str, line: String) {
        self.settings.push((section, line));
    }

    fn flag(&mut self, section: &'static str, key: &str, value: &str) -> Understood {
        let Some(on) = yes(value) else {
            return Understood::Malformed;
        };
        self.set(section, format!("{key} = {on}"));
        Understood::Yes
    }

    fn seconds(&mut self, key: &str, value: &str) -> Understood {
        let Ok(seconds) = value.parse::<u32>() else {
            return Understood::Malformed;
        };
        self.set("cache", format!("{key} = \"{seconds}s\""));
        Understood::Yes
    }

    fn number(&mut self, section: &'static str, key: &str, value: &str) -> Understood {
        let Ok(number) = value.parse::<u32>() else {
            return Understood::Malformed;
        };
        self.set(section, format!("{key} = {number}"));
        Understood::Yes
    }

    fn server(&mut self, key: &str, value: &str, place: &Place) -> Understood {
        let on = yes(value) == Some(true);
        match key {
            "qname-minimisation" | "qname-minimization" => {
                let mode = if on { "relaxed" } else { "off" };
                self.set("recursion", format!("qname_minimisation = \"{mode}\""));
                Understood::Yes
            }
            "qname-minimisation-strict" => {
                if on {
                    self.set("recursion", "qname_minimisation = \"strict\"".to_owned());
                }
                Understood::Yes
            }
            "harden-glue" => self.flag("recursion", "harden_glue", value),
            "do-ip4" => self.flag("egress", "ipv4", value),
            "do-ip6" => self.flag("egress", "ipv6", value),
            "disable-edns-do" => self.flag("recursion", "dnssec_ok", if on { "no" } else { "yes" }),
            "edns-buffer-size" => self.number("egress", "edns_size", value),
            "max-udp-size" => self.number("answer", "max_udp_size", value),
            "minimal-responses" => self.flag("answer", "minimal", value),
            "cache-min-ttl" => self.seconds("min_ttl", value),
            "cache-max-ttl" => self.seconds("max_ttl", value),
            "cache-max-negative-ttl" => self.seconds("max_negative_ttl", value),
            "unblock-lan-zones" => {
                self.flag("policy", "local_reverse", if on { "no" } else { "yes" })
            }
            "use-caps-for-id" => self.flag("egress", "case_randomisation", value),
            "max-global-quota" => self.number("limits", "packets", value),
            "do-not-query-localhost" => {
                self.ask_localhost = Some(!on);
                Understood::Yes
            }
            "do-not-query-address" => {
                self.never_ask.push(prefix(value));
                Understood::Yes
            }
            "access-control" => match value.split_once(char::is_whitespace) {
                Some((prefix_of, action)) => {
                    self.access
                        .push((action.trim().to_owned(), prefix(prefix_of)));
                    Understood::Yes
                }
                None => Understood::Malformed,
            },
            "local-data" => {
                self.set("local_data", value.to_owned());
                Understood::Yes
            }
            "local-zone" => self.local_zone(value),
            "trust-anchor" => {
                self.dnssec
                    .trust_anchors
                    .push((place.clone(), value.to_owned()));
                Understood::Yes
            }
            "domain-insecure" => value.parse().map_or(Understood::Malformed, |name| {
                self.dnssec.insecure.push(name);
                Understood::Yes
            }),
            "val-override-date" | "val-override-timestamp" => {
                self.dnssec.at = date(value).or_else(|| value.parse().ok());
                if self.dnssec.at.is_none() {
                    self.dnssec.option(place, key, value);
                }
                Understood::Yes
            }
            "serve-expired" => {
                self.stale.on = on;
                Understood::Yes
            }
            "serve-expired-ttl" => number(value, &mut self.stale.longest),
            "serve-expired-reply-ttl" => number(value, &mut self.stale.reply_ttl),
            "serve-expired-client-timeout" => number(value, &mut self.stale.after),
            "prefetch" => self.flag("cache", "prefetch", value),
            "module-config" => {
                let known = |module: &str| matches!(module, "validator" | "iterator" | "respip");
                if value.split_whitespace().all(known) {
                    Understood::Yes
                } else {
                    Understood::No
                }
            }
            _ if is_validators(key) => {
                self.dnssec.option(place, key, value);
                Understood::Yes
            }
            _ if matters_if_on(key) && yes(value) == Some(false) => Understood::PassedOver,
            _ if matters_if_on(key) => Understood::No,
            _ if does_not_matter(key) => Understood::PassedOver,
            _ if key.contains("ratelimit") && value == "0" => Understood::PassedOver,
            _ => Understood::No,
        }
    }

    fn local_zone(&mut self, value: &str) -> Understood {
        let Some((name, kind)) = value.rsplit_once(char::is_whitespace) else {
            return Understood::Malformed;
        };
        let name = unquoted(name.trim());
        let key = match kind.trim() {
            "static" => "local_zones",
            "nodefault" => "passthrough",
            "transparent" => return Understood::Yes,
            _ => return Understood::No,
        };
        self.set(key, name.to_owned());
        Understood::Yes
    }

    /// Takes the root out of the stub zones, and says what zones lack.
    fn finish(&mut self) {
        for zone in self.stubs.iter().chain(&self.forwards) {
            if zone.servers.is_empty() || zone.name.is_none() {
                let what = "a zone without name or server addresses".to_owned();
                self.unsupported.push((zone.place.clone(), what));
            }
        }
        let roots: Vec<Zone> = self
            .stubs
            .extract_if(.., |zone| zone.name.as_ref().is_some_and(Name::is_root))
            .collect();
        for zone in roots {
            self.roots.extend(zone.servers.iter().map(SocketAddr::ip));
        }
        // Deckard's files use `test.` and the like as names of every day.
        if self.flavour == Flavour::Deckard {
            self.set("policy", "special_use = false".to_owned());
            self.set("policy", "local_reverse = false".to_owned());
        }
        self.unsupported.extend(self.dnssec.unsupported());
        for line in self.dnssec.settings() {
            self.set("dnssec", line);
        }
        self.settings.extend(self.stale.settings());
    }
}

impl Stale {
    /// Longest time that `cache.max_stale` takes, seconds.
    const LONGEST: u32 = 259_200;

    /// The settings it comes to.
    fn settings(self) -> Vec<(&'static str, String)> {
        if !self.on {
            return Vec::new();
        }
        let longest = self
            .longest
            .filter(|longest| (1..Self::LONGEST).contains(longest));
        let longest = longest.unwrap_or(Self::LONGEST);
        let mut all = vec![
            ("cache", format!("max_stale = \"{longest}s\"")),
            (
                "answer",
                format!("stale_after = \"{}ms\"", self.after.unwrap_or(0)),
            ),
        ];
        if let Some(ttl) = self.reply_ttl {
            all.push(("cache", format!("stale_ttl = \"{ttl}s\"")));
        }
        all
    }
}

impl Zone {
    fn new(place: &Place) -> Self {
        Self {
            place: place.clone(),
            name: None,
            servers: Vec::new(),
        }
    }
}

fn number(value: &str, into: &mut Option<u32>) -> Understood {
    let Ok(number) = value.parse() else {
        return Understood::Malformed;
    };
    *into = Some(number);
    Understood::Yes
}

/// What became of an option.
enum Understood {
    Yes,
    /// Nothing that a scenario can see hangs on it here.
    PassedOver,
    No,
    Malformed,
}

fn zone_option(zone: Option<&mut Zone>, key: &str, value: &str) -> Understood {
    let Some(zone) = zone else {
        return Understood::No;
    };
    match key {
        "name" => value.parse().map_or(Understood::Malformed, |name| {
            zone.name = Some(name);
            Understood::Yes
        }),
        "stub-addr" | "forward-addr" => server(value).map_or(Understood::Malformed, |server| {
            zone.servers.push(server);
            Understood::Yes
        }),
        // Priming changes who is asked for the root's or the zone's NS set, not what comes of a question.
        "stub-prime" => Understood::PassedOver,
        _ if yes(value) == Some(false) => Understood::PassedOver,
        _ => Understood::No,
    }
}
