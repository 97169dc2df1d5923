//! What is believed without proof? Trust anchors given and built in, negative anchors, and whether that validates anything.

use std::path::Path;

use super::Check;
use crate::config::anchors::{self, BadAnchor};
use crate::config::diagnose::{Place, Problem};
use crate::config::hints::{self, RootServer};
use crate::config::plan::{Dnssec, NegativeAnchor, Validation};
use crate::config::units::Moment;
use crate::wire::{Name, RdataSet, Rrset};

/// Longest file of trust anchors read, octets; the root's two keys and their signatures have 1,500.
const LONGEST_FILE: u64 = 262_144;
/// Bad lines of one file told of; a file of another kind has nothing but bad lines.
const BAD_LINES_TOLD: usize = 10;

const LINES: &str = "dnssec.trust_anchors";
const FILES: &str = "dnssec.trust_anchor_files";
const DNSSEC_OK: &str = "recursion.dnssec_ok";

/// Anchors as given, one set for each zone and type, and where the first record of each stands.
struct Given {
    sets: Vec<(Rrset, Place)>,
}

impl Check<'_> {
    /// `hints` are the root servers in use, `now` wall seconds if known.
    pub(super) fn dnssec(&mut self, hints: &[RootServer], now: Option<u64>) -> Dnssec {
        let dnssec = &self.file.dnssec;
        let validation = Validation::from(dnssec.validation);
        let given = self.given_anchors();
        self.judge_usable(&given);
        let (anchors, off_because) = match self.believed(given, validation, hints) {
            Ok(anchors) => (anchors, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        if !anchors.is_empty() && !self.file.recursion.dnssec_ok {
            self.error(
                DNSSEC_OK,
                "validation needs DNSSEC records, and they are not asked for",
                "without signatures every answer of a signed zone would be bogus",
                "remove the key, or write dnssec.validation = \"off\"",
            );
        }
        Dnssec {
            validation,
            anchors,
            off_because,
            negative_anchors: self.negative_anchors(now),
            skew: super::seconds(dnssec.signature_skew),
            nsec3_iterations: dnssec.nsec3_iterations,
            aggressive: dnssec.aggressive,
            follow_rollovers: dnssec.follow_rollovers,
            sha1: dnssec.sha1,
        }
    }

    /// All anchors that are written, one set for each zone and type.
    fn given_anchors(&mut self) -> Given {
        let file = self.file;
        let mut given = Given { sets: Vec::new() };
        for (index, line) in file.dnssec.trust_anchors.iter().enumerate() {
            let path = format!("{LINES}.{index}");
            match anchors::parse(line, LINES) {
                Ok(sets) => given.add(sets, &self.place(&path)),
                Err(problems) => {
                    for problem in problems {
                        self.error(
                            &path,
                            "this is not a trust anchor",
                            problem.why,
                            "write zone, IN, DS or DNSKEY and its data: \"example. IN DS 12345 13 2 49FD46E6C4B45C55...\"",
                        );
                    }
                }
            }
        }
        for (index, file) in file.dnssec.trust_anchor_files.iter().enumerate() {
            let path = format!("{FILES}.{index}");
            match super::read_file(file, LONGEST_FILE) {
                Ok(text) => match anchors::parse(&text, &file.display().to_string()) {
                    Ok(sets) => given.add(sets, &self.place(&path)),
                    Err(problems) => self.problems.extend(
                        problems
                            .into_iter()
                            .take(BAD_LINES_TOLD)
                            .map(|problem| bad_line(file, &text, problem)),
                    ),
                },
                Err(error) => self.error(
                    &path,
                    format!("trust anchors `{}` cannot be read", file.display()),
                    error.to_string(),
                    "name a file of DS or DNSKEY records that can be read; /usr/share/dns/root.ds comes with dns-root-data",
                ),
            }
        }
        given
    }

    /// Warns of zones whose anchors no answer can be validated by.
    fn judge_usable(&mut self, given: &Given) {
        let sha1 = self.file.dnssec.sha1;
        let known = if sha1 {
            "algorithms 5, 7, 8, 10, 13 to 16, digests 1, 2 and 4; RFC 9904"
        } else {
            "algorithms 8, 10, 13 to 16, digests 2 and 4; RFC 9904, RFC 9905"
        };
        for (index, (set, place)) in given.sets.iter().enumerate() {
            let of_zone = || {
                given
                    .sets
                    .iter()
                    .filter(|(other, _)| other.owner == set.owner)
            };
            let is_first = !given
                .sets
                .iter()
                .take(index)
                .any(|(other, _)| other.owner == set.owner);
            if is_first && !of_zone().any(|(other, _)| anchors::is_usable(other, sha1)) {
                self.problems.push(Problem::warning(
                    place.clone(),
                    format!("no trust anchor of `{}` is of use", set.owner),
                    format!(
                        "their algorithms or digests are not among those that are validated ({known}), so the zone is treated as unsigned"
                    ),
                    "give an anchor for a key of algorithm 13 or 8, with digest 2 if it is a DS",
                ));
            }
        }
    }

    /// The anchors to believe, or why nothing is validated.
    fn believed(
        &mut self,
        given: Given,
        validation: Validation,
        hints: &[RootServer],
    ) -> Result<Vec<Rrset>, String> {
        if validation == Validation::Off {
            if let Some((set, place)) = given.sets.first() {
                self.problems.push(Problem::warning(
                    place.clone(),
                    format!("the trust anchor of `{}` has no effect", set.owner),
                    format!(
                        "nothing is validated: dnssec.validation is \"off\" ({})",
                        self.place("dnssec.validation")
                    ),
                    "remove the anchors, or validate: dnssec.validation = \"on\"",
                ));
            }
            return Err("dnssec.validation is \"off\"".to_owned());
        }
        let believes_root = given.sets.iter().any(|(set, _)| set.owner.is_root());
        let mut sets: Vec<Rrset> = given.sets.into_iter().map(|(set, _)| set).collect();
        let why_not = self.root_is_not_the_internets(hints);
        if !believes_root && (validation == Validation::On || why_not.is_none()) {
            sets.extend(anchors::built_in());
        }
        match why_not {
            Some((path, why)) if sets.is_empty() => {
                // What is refused needs no advice about what it would not do.
                if !self.problems.iter().any(Problem::is_error) {
                    self.warning(
                        &path,
                        format!("validation is off: {why}, and there is no trust anchor"),
                        "the built-in anchors are those of the Internet's root; with dnssec.validation = \"auto\" they are believed only where its servers are asked",
                        "give dnssec.trust_anchors, or say what you want: dnssec.validation = \"on\" or \"off\"",
                    );
                }
                Err(format!("{why}, and there is no trust anchor"))
            }
            _ => Ok(sets),
        }
    }

    /// Why the root that is asked need not be the Internet's, and which setting says so.
    fn root_is_not_the_internets(&self, hints: &[RootServer]) -> Option<(String, &'static str)> {
        let file = self.file;
        let forward = file
            .forward
            .iter()
            .position(|forward| forward.zone.0.is_root());
        let stub = file.stub.iter().position(|stub| stub.zone.0.is_root());
        if let Some(index) = forward {
            return Some((format!("forward.{index}.zone"), "everything is forwarded"));
        }
        if let Some(index) = stub {
            return Some((format!("stub.{index}.zone"), "the root is a stub zone"));
        }
        (!hints.is_empty() && !hints::are_the_internets(hints)).then(|| {
            (
                "recursion.root_hints".to_owned(),
                "the root servers are not the Internet's",
            )
        })
    }

    /// Those of `[dnssec]`, and the zones of `[[forward]]` and `[[stub]]` with `validate = false`.
    fn negative_anchors(&mut self, now: Option<u64>) -> Vec<NegativeAnchor> {
        let file = self.file;
        let mut kept: Vec<NegativeAnchor> = Vec::new();
        for (index, written) in file.dnssec.negative_trust_anchors.iter().enumerate() {
            let path = format!("dnssec.negative_trust_anchors.{index}");
            if let (Some(until), Some(now)) = (written.until, now)
                && until <= now
            {
                self.warning(
                    &path,
                    format!("the negative trust anchor of `{}` has ended", written.zone),
                    format!(
                        "it was to last until {}, and the zone is validated again",
                        Moment(until)
                    ),
                    "remove it, or move its end if the zone is still broken",
                );
            }
            if kept.iter().any(|other| other.zone == written.zone) {
                self.error(
                    &path,
                    format!("`{}` has two negative trust anchors", written.zone),
                    "only one can say when it ends",
                    "keep one of them",
                );
                continue;
            }
            kept.push(NegativeAnchor {
                zone: written.zone.clone(),
                until: written.until,
            });
        }
        let forward = file
            .forward
            .iter()
            .map(|forward| (&forward.zone.0, forward.validate));
        let stub = file.stub.iter().map(|stub| (&stub.zone.0, stub.validate));
        let mut unvalidated: Vec<&Name> = forward
            .chain(stub)
            .filter(|(_, validate)| !validate)
            .map(|(zone, _)| zone)
            .collect();
        unvalidated.dedup();
        for zone in unvalidated {
            match kept.iter_mut().find(|other| other.zone == *zone) {
                Some(other) => other.until = None,
                None => kept.push(NegativeAnchor {
                    zone: zone.clone(),
                    until: None,
                }),
            }
        }
        kept
    }
}

impl Given {
    fn add(&mut self, sets: Vec<Rrset>, place: &Place) {
        for set in sets {
            let same = |known: &&mut (Rrset, Place)| {
                known.0.owner == set.owner && known.0.rtype == set.rtype
            };
            match self.sets.iter_mut().find(same) {
                Some((known, _)) => {
                    let more: Vec<&[u8]> = set
                        .rdata
                        .iter()
                        .filter(|rdata| !known.rdata.iter().any(|other| other == *rdata))
                        .collect();
                    known.rdata = RdataSet::new(known.rdata.iter().chain(more));
                }
                None => self.sets.push((set, place.clone())),
            }
        }
    }
}

fn bad_line(file: &Path, text: &str, problem: BadAnchor) -> Problem {
    let start: usize = text
        .split_inclusive('\n')
        .take(problem.line.saturating_sub(1))
        .map(str::len)
        .sum();
    let length = text
        .get(start..)
        .and_then(|rest| rest.lines().next())
        .map_or(0, |line| line.trim_end().len());
    Problem::error(
        Place::in_text(file, text, &(start..start + length)),
        "this is not a trust anchor",
        problem.why,
        "write lines like `. IN DS 20326 8 2 E06D44B80B8F1D39...` or `. IN DNSKEY 257 3 8 AwEAAaz/tAm8yTn4...`",
    )
}
