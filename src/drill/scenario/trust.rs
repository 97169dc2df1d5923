//! What does a scenario's head say of DNSSEC? Anchors, the time of validation, and options of the validator in suimond's words.

use super::options::yes;
use super::text::Place;
use crate::dnssec::Dnskey;
use crate::wire::Name;

/// What the head says of DNSSEC. Without a trust anchor nothing is validated, whatever anchors are built in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dnssec {
    /// DS or DNSKEY records, as written.
    pub trust_anchors: Vec<(Place, String)>,
    /// Names below which nothing is validated.
    pub insecure: Vec<Name>,
    /// The time of validation, seconds since the epoch; also where the clock starts.
    pub at: Option<u64>,
    /// Other options of the validator (`val-*`, `fake-*`, `harden-dnssec-stripped` …), as written.
    pub options: Vec<(Place, String, String)>,
}

/// What an option of the validator comes to.
enum Meaning {
    /// A line of `[dnssec]`.
    Setting(String),
    /// What suimond does anyway, or nothing that a scenario can see.
    Same,
    /// Something it does not have.
    Other,
}

/// Seconds by which a signature may be wrong at most (`dnssec.signature_skew`).
const MOST_SKEW: u32 = 86_400;

/// Octets of the shortest RSA modulus that is validated.
const SHORTEST_MODULUS: usize = 128;

impl Dnssec {
    pub(super) fn option(&mut self, place: &Place, key: &str, value: &str) {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.options.push((place.clone(), key, value));
    }

    /// The lines of `[dnssec]` that it comes to.
    pub(super) fn settings(&self) -> Vec<String> {
        if self.trust_anchors.is_empty() {
            return vec!["validation = \"off\"".to_owned()];
        }
        let anchors: Vec<&str> = self
            .trust_anchors
            .iter()
            .map(|(_, text)| text.as_str())
            .collect();
        let mut insecure: Vec<String> = self.insecure.iter().map(Name::to_string).collect();
        // The built-in anchors of the root are not a scenario's.
        let of_root = |text: &&str| text.split_whitespace().next() == Some(".");
        if !anchors.iter().any(of_root) {
            insecure.push(".".to_owned());
        }
        insecure.sort();
        insecure.dedup();
        let meant = self.options.iter();
        let meant = meant.filter_map(|(_, key, value)| match meaning(key, value) {
            Meaning::Setting(line) => Some(line),
            Meaning::Same | Meaning::Other => None,
        });
        [
            "validation = \"on\"".to_owned(),
            // Keys are followed by a clock of their own, which no step moves.
            "follow_rollovers = false".to_owned(),
            // Such files are written for validators that know SHA-1.
            "sha1 = true".to_owned(),
            format!("trust_anchors = {anchors:?}"),
            format!("negative_trust_anchors = {insecure:?}"),
        ]
        .into_iter()
        .chain(meant)
        .collect()
    }

    /// The options that suimond has no counterpart to. Without a trust anchor none of them matters.
    pub(super) fn unsupported(&self) -> Vec<(Place, String)> {
        if self.trust_anchors.is_empty() {
            return Vec::new();
        }
        self.options
            .iter()
            .filter(|(_, key, value)| matches!(meaning(key, value), Meaning::Other))
            .map(|(place, key, value)| (place.clone(), format!("{key}: {value}")))
            .collect()
    }

    /// What keeps a key of the file from being what the file takes it for: its signatures are of a kind that is not validated.
    pub(super) fn unusable_key(&self, place: &Place, dnskey: &[u8]) -> Option<(Place, String)> {
        if self.trust_anchors.is_empty() {
            return None;
        }
        let key = Dnskey::read(dnskey)?;
        match key.algorithm {
            3 | 6 => {
                // Files that have one take it for believed; here it makes a zone insecure.
                Some((place.clone(), format!("a DSA key ({})", key.algorithm)))
            }
            5 | 7 | 8 | 10 => {
                let octets = modulus_octets(key.public_key)?;
                let short = (1..SHORTEST_MODULUS).contains(&octets);
                short.then(|| (place.clone(), format!("an RSA key of {} bits", octets * 8)))
            }
            _ => None,
        }
    }
}

/// Octets of an RSA key's modulus (RFC 3110 section 2).
fn modulus_octets(public_key: &[u8]) -> Option<usize> {
    let (exponent, rest) = match public_key {
        [0, high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]).into(), rest),
        [length, rest @ ..] => (usize::from(*length), rest),
        [] => return None,
    };
    rest.len().checked_sub(exponent)
}

fn meaning(key: &str, value: &str) -> Meaning {
    let on = yes(value);
    match key {
        "aggressive-nsec" => on.map_or(Meaning::Other, |on| {
            Meaning::Setting(format!("aggressive = {on}"))
        }),
        "val-nsec3-keysize-iterations" => iterations(value).map_or(Meaning::Other, |most| {
            Meaning::Setting(format!("nsec3_iterations = {most}"))
        }),
        // A tenth of the signature's lifetime between the two: the upper bound is what a scenario sets for a reason.
        "val-sig-skew-max" => value.parse::<u32>().map_or(Meaning::Other, |skew| {
            let skew = skew.min(MOST_SKEW);
            Meaning::Setting(format!("signature_skew = \"{skew}s\""))
        }),
        // The time of validation, when it cannot be read: `-1` is to accept every time.
        "val-override-date" | "val-override-timestamp" => Meaning::Other,
        // That SHA-1 is known, and DSA: whether it matters, the keys of the file say.
        "fake-sha1" | "fake-dsa" => Meaning::Same,
        // Signatures that are not looked at; what does not read "yes" is off.
        _ if key.starts_with("fake-") => unless(on == Some(true)),
        "ignore-cd-flag" | "val-permissive-mode" | "harden-algo-downgrade" => {
            unless(on == Some(true))
        }
        "harden-dnssec-stripped" => unless(on == Some(false)),
        _ => Meaning::Same,
    }
}

const fn unless(matters: bool) -> Meaning {
    if matters {
        Meaning::Other
    } else {
        Meaning::Same
    }
}

/// The most NSEC3 iterations, if it is the same for every size of key: pairs of size and iterations.
fn iterations(value: &str) -> Option<u16> {
    let numbers: Vec<u16> = value
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let mut counts = numbers.chunks_exact(2).filter_map(|pair| pair.last());
    let first = *counts.next()?;
    counts.all(|count| *count == first).then_some(first)
}
