//! Which incidents are kept? Those that go on, in memory and on the disk; those that are over, on the disk, bounded in number, octets and
//! age.
//!
//! The journal itself touches no file: [`Journal::due`] says what is to be written or removed, whoever does it says how that went
//! by [`Journal::done`]. So nobody who reads it waits for a disk.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::shelf::Lying;
use super::story::{self, Whole};
use crate::config::plan::{Incidents as Limits, Secrecy};
use crate::ops::control::protocol::{Incident, IncidentSummary};
use crate::sys::clock::Now;
use crate::telemetry::incidents::{Attacked, Moment, Stage, Subject};

/// Seconds without a word after which an incident that goes on is over: every kind says a word a minute.
const SILENCE: u64 = 600;
/// Seconds after a failure before the disk is tried again.
const RETRY: u64 = 30;
/// Files written or removed at one time; the rest waits for the next.
const AT_ONCE: usize = 64;

/// All incidents.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// Those that go on, by kind and key.
    open: HashMap<(&'static str, String), Open>,
    /// Those that are over, by id.
    over: BTreeMap<String, Over>,
    /// Files to be removed.
    unwanted: BTreeSet<String>,
    /// Not kept because all that are kept go on.
    pub(super) not_kept: u64,
    /// Writings and removals that failed.
    pub(super) failures: u64,
    /// Why the last attempt failed.
    trouble: Option<String>,
    /// Wall seconds before which the disk is left alone.
    not_before: u64,
    host: String,
}

#[derive(Debug)]
struct Open {
    story: Incident,
    /// How it stood with the daemon when it began.
    begun: Whole,
    /// Wall seconds when it was last heard of.
    heard: u64,
    octets: u64,
    dirty: bool,
}

#[derive(Debug)]
struct Over {
    summary: IncidentSummary,
    /// Wall seconds.
    ended: u64,
    octets: u64,
    has_detail: bool,
    /// What is not on the disk yet.
    unwritten: Option<Box<Incident>>,
}

/// What is to be done on the disk.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Work {
    /// Write it.
    Lay(Box<Incident>),
    /// Remove its details from its file.
    Strip(String),
    /// Remove its file.
    TakeAway(String),
}

/// How that went: octets that lie there now, or why it failed.
pub(super) type Done = Result<u64, String>;

impl Journal {
    /// What lay on the disk. Incidents that went on when suimond ended are over since they were last heard of.
    pub(super) fn of(lying: Vec<Lying>, host: String) -> Self {
        let mut journal = Self {
            host,
            ..Self::default()
        };
        for Lying {
            mut incident,
            octets,
        } in lying
        {
            let changed = incident.ended.is_none();
            if changed {
                story::end(&mut incident, "restart");
            }
            journal.close(incident, octets, changed);
        }
        journal
    }

    /// Takes in what happened.
    pub(super) fn take_up(
        &mut self,
        moment: &Moment,
        whole: &Whole,
        limits: &Limits,
        secrecy: &Secrecy,
    ) {
        let key = (moment.subject.label(), moment.subject.key());
        // Another one of the same, of whose end nobody heard. (When it began is no sign of it: who counts by the monotonic clock is a few
        // milliseconds off each time, and the wall clock may be set.)
        if moment.stage == Stage::Started
            && let Some(before) = self.open.remove(&key)
        {
            self.finish(before, "forgotten");
        }
        if !self.open.contains_key(&key) {
            if self.len() >= limits.kept && !self.gives_way() {
                // Each once: its further moments come here as well.
                self.not_kept += u64::from(moment.stage == Stage::Started);
                return;
            }
            let id = self.new_id(moment);
            let open = Open {
                story: story::begin(id, moment, whole, &self.host),
                begun: whole.clone(),
                heard: 0,
                octets: 0,
                dirty: true,
            };
            self.open.insert(key.clone(), open);
        }
        let Some(open) = self.open.get_mut(&key) else {
            return;
        };
        open.heard = moment.at_ms / 1_000;
        open.dirty = true;
        story::go_on(&mut open.story, moment, secrecy, (whole, &open.begun));
        if moment.stage == Stage::Stopped
            && let Some(open) = self.open.remove(&key)
        {
            self.close(open.story, open.octets, true);
        }
    }

    /// suimond ends: what goes on is over.
    pub(super) fn shut(&mut self) {
        for (_, open) in std::mem::take(&mut self.open) {
            self.finish(open, "shutdown");
        }
        self.not_before = 0;
    }

    /// What is to be done on the disk now: too many, too old, no longer to be told in detail, or new.
    pub(super) fn due(&mut self, limits: &Limits, secrecy: &Secrecy, now: Now) -> Vec<Work> {
        let at = now.wall_secs();
        let silent: Vec<_> = self
            .open
            .iter()
            .filter(|(_, open)| at.saturating_sub(open.heard) > SILENCE)
            .map(|(key, _)| key.clone())
            .collect();
        for key in silent {
            if let Some(open) = self.open.remove(&key) {
                self.finish(open, "forgotten");
            }
        }
        let old: Vec<String> = self
            .over
            .iter()
            .filter(|(_, over)| at.saturating_sub(over.ended) > limits.max_age)
            .map(|(id, _)| id.clone())
            .collect();
        for id in old {
            self.forget(&id);
        }
        for _ in 0..AT_ONCE {
            let is_too_much = self.len() > limits.kept || self.octets() > limits.bytes;
            if !is_too_much || !self.gives_way() {
                break;
            }
        }
        if at < self.not_before {
            return Vec::new();
        }
        let unwanted = self.unwanted.iter().cloned().map(Work::TakeAway);
        let open = self.open.values().filter(|open| open.dirty);
        let open = open.map(|open| Work::Lay(Box::new(open.story.clone())));
        let over = self.over.iter_mut().filter_map(|(id, over)| {
            let strip = over.has_detail && !story::may_detail(secrecy, Some(over.ended), at);
            match &mut over.unwritten {
                Some(story) => {
                    if strip {
                        story.detail = None;
                    }
                    Some(Work::Lay(story.clone()))
                }
                None => strip.then(|| Work::Strip(id.clone())),
            }
        });
        unwanted.chain(open).chain(over).take(AT_ONCE).collect()
    }

    /// How that went. Says what is to be told: trouble when it begins, `None` in it when it is over.
    pub(super) fn done(&mut self, work: &Work, done: Done, now: Now) -> Option<Option<String>> {
        let octets = match done {
            Ok(octets) => octets,
            Err(why) => {
                self.failures += 1;
                self.not_before = now.wall_secs() + RETRY;
                let is_news = self.trouble.is_none();
                self.trouble = Some(why.clone());
                return is_news.then_some(Some(why));
            }
        };
        match work {
            Work::TakeAway(id) => {
                self.unwanted.remove(id);
            }
            // It could not be read, and is gone with the details in it.
            Work::Strip(id) if octets == 0 => {
                self.over.remove(id);
            }
            Work::Strip(id) => {
                if let Some(over) = self.over.get_mut(id) {
                    over.has_detail = false;
                    over.octets = octets;
                }
            }
            Work::Lay(story) => self.laid(story, octets),
        }
        self.trouble.take().map(|_| None)
    }

    /// The list, the newest first.
    pub(super) fn list(&self) -> Vec<IncidentSummary> {
        let open = self.open.values().map(|open| open.story.summary());
        let over = self.over.values().map(|over| over.summary.clone());
        let mut list: Vec<_> = open.chain(over).collect();
        list.sort_by(|one, other| (&other.began, &other.id).cmp(&(&one.began, &one.id)));
        list
    }

    /// One that is in memory; otherwise whether it lies on the disk.
    pub(super) fn find(&self, id: &str) -> Result<Incident, bool> {
        if let Some(open) = self.open.values().find(|open| open.story.id == id) {
            return Ok(open.story.clone());
        }
        match self.over.get(id) {
            Some(over) => over
                .unwritten
                .as_ref()
                .map(|story| (**story).clone())
                .ok_or(true),
            None => Err(false),
        }
    }

    /// Why the journal cannot be written, if it cannot.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// How many go on, and how many are over.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.open.len(), self.over.len())
    }

    /// Octets on the disk.
    pub(super) fn octets(&self) -> u64 {
        let open = self.open.values().map(|open| open.octets);
        open.chain(self.over.values().map(|over| over.octets)).sum()
    }

    fn len(&self) -> usize {
        self.open.len() + self.over.len()
    }

    fn laid(&mut self, story: &Incident, octets: u64) {
        if let Some(over) = self.over.get_mut(&story.id) {
            over.octets = octets;
            over.has_detail = story.detail.is_some();
            // Unless there is something newer to write already.
            if over.unwritten.as_deref() == Some(story) {
                over.unwritten = None;
            }
        } else if let Some(open) = self
            .open
            .values_mut()
            .find(|open| open.story.id == story.id)
        {
            open.octets = octets;
            open.dirty = open.story != *story;
        } else {
            // Given up while it was written.
            self.unwanted.insert(story.id.clone());
        }
    }

    fn finish(&mut self, mut open: Open, by: &str) {
        story::end(&mut open.story, by);
        self.close(open.story, open.octets, true);
    }

    fn close(&mut self, story: Incident, octets: u64, unwritten: bool) {
        let over = Over {
            summary: story.summary(),
            ended: story::ended(&story).unwrap_or(0),
            octets,
            has_detail: story.detail.is_some(),
            unwritten: unwritten.then(|| Box::new(story.clone())),
        };
        self.over.insert(story.id, over);
    }

    /// Gives up the oldest that is over, of the kind that has most of them; whether there was one.
    fn gives_way(&mut self) -> bool {
        let mut kinds: HashMap<&str, usize> = HashMap::new();
        for over in self.over.values() {
            *kinds.entry(over.summary.kind.as_str()).or_default() += 1;
        }
        let Some(most) = kinds
            .into_iter()
            .max_by_key(|(kind, count)| (*count, *kind))
            .map(|(kind, _)| kind.to_owned())
        else {
            return false;
        };
        let oldest = self
            .over
            .iter()
            .filter(|(_, over)| over.summary.kind == most)
            .min_by_key(|(id, over)| (over.ended, *id))
            .map(|(id, _)| id.clone());
        oldest.is_some_and(|id| {
            self.forget(&id);
            true
        })
    }

    fn forget(&mut self, id: &str) {
        // Nothing of it lies there if nothing was ever written.
        if self.over.remove(id).is_some_and(|over| over.octets > 0) {
            self.unwanted.insert(id.to_owned());
        }
    }

    /// When it began and of what kind it is, with a number where that is not enough.
    fn new_id(&self, moment: &Moment) -> String {
        let kind = match &moment.subject {
            Subject::Zone(attack) => match attack.attacked {
                Attacked::Zone { .. } => "zone",
                Attacked::Server(_) => "server",
            },
            Subject::Clients(_) => "client",
            Subject::Backscatter(_) => "backscatter",
            Subject::Spoof(_) => "spoof",
            Subject::Loop(_) => "loop",
        };
        let mut began = story::time(moment.since_ms);
        began.retain(|at| at.is_ascii_alphanumeric());
        let plain = format!("{began}-{kind}");
        let is_free = |id: &String| {
            !self.over.contains_key(id)
                && !self.unwanted.contains(id)
                && self.open.values().all(|open| open.story.id != *id)
        };
        let numbered = (2_u64..).map(|number| format!("{plain}-{number}"));
        std::iter::once(plain.clone())
            .chain(numbered)
            .find(is_free)
            .unwrap_or(plain)
    }
}

#[cfg(test)]
mod tests;
