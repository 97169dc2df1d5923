//! Which incidents are kept? Those that go on, in memory and on the disk; those that are over, on the disk, bounded in number, octets and
//! age.
//!
//! The journal itself touches no file: [`Journal::due`] says what is to be written or removed, whoever does it says how that went
//! by [`Journal::done`]. So nobody who reads it waits for a disk.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::calendar::{Calendar, Date, Today};
use super::shelf::{Aside, Found, Left, Lying, SET_ASIDE};
use super::story::{self, Whole};
use crate::config::plan::{Incidents as Limits, Secrecy};
use crate::ops::control::protocol::{Incident, IncidentSummary};
use crate::sys::clock::Now;
use crate::telemetry::incidents::{Moment, Stage, Subject};

/// Seconds without a word after which an incident that goes on is over: every kind says a word a minute.
const SILENCE: u64 = 600;
/// Time after a failure before the disk is tried again.
const RETRY: Duration = Duration::from_secs(30);
/// Files written or removed at one time; the rest waits for the next.
const AT_ONCE: usize = 64;
/// Of those, the ones that lose their details: neither these nor what is new keeps the other waiting.
const STRIPPED_AT_ONCE: usize = 32;

/// All incidents.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// Those that go on, by kind and key.
    open: HashMap<(&'static str, String), Open>,
    /// Those that are over, by id.
    over: BTreeMap<String, Over>,
    /// Files set aside because they cannot be used, by name, and since when.
    aside: BTreeMap<String, Date>,
    /// Of those that cannot be read now, so that no other gets their name.
    unread: Vec<String>,
    /// What the wall clock is good for.
    pub(super) calendar: Calendar,
    /// Files to be removed.
    unwanted: BTreeSet<String>,
    /// Not kept because all that are kept go on.
    pub(super) not_kept: u64,
    /// Writings and removals that failed.
    pub(super) failures: u64,
    /// Why the last attempt failed.
    trouble: Option<String>,
    /// Why details could not be removed from a file when that was tried last.
    clinging: Option<String>,
    /// By the monotonic clock: until then the disk is left alone.
    not_before: Duration,
    host: String,
}

#[derive(Debug)]
struct Open {
    story: Incident,
    /// How it stood with the daemon when it began.
    begun: Whole,
    /// When it was last heard of, by the monotonic clock.
    heard: Duration,
    octets: u64,
    dirty: bool,
}

#[derive(Debug)]
struct Over {
    summary: IncidentSummary,
    ended: Date,
    octets: u64,
    has_detail: bool,
    /// By the monotonic clock: until then its details are not tried to be removed again; 0 = they were never refused.
    not_before: Duration,
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
    /// Remove a file that was set aside.
    Discard(String),
}

/// How that went: what lies there now, or why it failed.
pub(super) type Done = Result<Left, String>;

/// What is to be told of that.
#[derive(Debug, PartialEq)]
pub(super) enum News {
    /// Nothing can be written, and why.
    Trouble(String),
    /// The details of an incident cannot be removed from its file, and why.
    Clinging(String),
    /// All is well again.
    Well,
}

impl Journal {
    /// What lay on the disk. Incidents that went on when suimond ended are over since they were last heard of.
    pub(super) fn of(found: Found, host: String) -> Self {
        let aside = found.aside.into_iter();
        let mut journal = Self {
            host,
            aside: aside.map(|Aside { since, name }| (name, since)).collect(),
            unread: found.unread,
            ..Self::default()
        };
        for Lying {
            mut incident,
            octets,
            written,
        } in found.incidents
        {
            let changed = incident.ended.is_none();
            if changed {
                story::end(&mut incident, "restart");
            }
            let ended = Date::Before(story::ended(&incident).unwrap_or(0), written);
            journal.close(incident, octets, ended, changed);
        }
        journal
    }

    /// Takes in what happened.
    pub(super) fn take_up(
        &mut self,
        moment: &Moment,
        whole: &Whole,
        (limits, secrecy): (&Limits, &Secrecy),
        now: Now,
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
                heard: now.mono,
                octets: 0,
                dirty: true,
            };
            self.open.insert(key.clone(), open);
        }
        let Some(open) = self.open.get_mut(&key) else {
            return;
        };
        open.heard = now.mono;
        open.dirty = true;
        story::go_on(&mut open.story, moment, secrecy, (whole, &open.begun));
        if moment.stage == Stage::Stopped
            && let Some(open) = self.open.remove(&key)
        {
            self.close(open.story, open.octets, Date::Here(now.mono), true);
        }
    }

    /// suimond ends: what goes on is over.
    pub(super) fn shut(&mut self) {
        for (_, open) in std::mem::take(&mut self.open) {
            self.finish(open, "shutdown");
        }
        self.not_before = Duration::ZERO;
    }

    /// What is to be done on the disk now: too many, too old, no longer to be told in detail, or new.
    pub(super) fn due(&mut self, limits: &Limits, secrecy: &Secrecy, now: Now) -> Vec<Work> {
        let today = self.calendar.look(now);
        let silent: Vec<_> = self
            .open
            .iter()
            .filter(|(_, open)| now.mono.saturating_sub(open.heard).as_secs() > SILENCE)
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
            .filter(|(_, over)| today.is_too_old(limits, over.ended))
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
        if now.mono < self.not_before {
            return Vec::new();
        }
        let unwanted = self.unwanted.iter().cloned().map(Work::TakeAway);
        let unwanted = unwanted.chain(self.unwanted_aside(limits, secrecy, today));
        let open = self.open.values().filter(|open| open.dirty);
        let mut lay: Vec<_> = open
            .map(|open| Work::Lay(Box::new(open.story.clone())))
            .collect();
        let mut strip = Vec::new();
        for (id, over) in &mut self.over {
            let has_to_lose = over.has_detail && today.is_to_lose_details(secrecy, over.ended);
            match &mut over.unwritten {
                Some(story) => {
                    if has_to_lose {
                        story.detail = None;
                    }
                    lay.push(Work::Lay(story.clone()));
                }
                None if has_to_lose && over.not_before <= now.mono => {
                    strip.push((over.not_before, id))
                }
                None => {}
            }
        }
        // Those that were refused longest ago first, so that each gets its turn.
        strip.sort();
        let strip = strip
            .into_iter()
            .take(STRIPPED_AT_ONCE)
            .map(|(_, id)| Work::Strip(id.clone()));
        unwanted.chain(strip).chain(lay).take(AT_ONCE).collect()
    }

    /// How that went. Says what is to be told: trouble when it begins and when it is over.
    pub(super) fn done(&mut self, work: &Work, done: Done, now: Now) -> Option<News> {
        let left = match done {
            Ok(left) => left,
            Err(why) => return self.failed(work, why, now.mono + RETRY),
        };
        match (work, left) {
            (Work::TakeAway(id), _) => {
                self.unwanted.remove(id);
            }
            (Work::Strip(id), Left::File(octets)) => {
                if let Some(over) = self.over.get_mut(id) {
                    over.has_detail = false;
                    over.octets = octets;
                    over.not_before = Duration::ZERO;
                }
            }
            // It is gone or set aside, and cannot be shown any more.
            (Work::Strip(id), left) => {
                self.over.remove(id);
                if let Left::Aside(Aside { since, name }) = left {
                    self.aside.insert(name, since);
                }
            }
            (Work::Discard(name), _) => {
                self.aside.remove(name);
            }
            (Work::Lay(story), Left::File(octets)) => self.laid(story, octets),
            (Work::Lay(_), _) => {}
        }
        if matches!(work, Work::Strip(_)) {
            let none_is_refused = self.over.values().all(|over| over.not_before.is_zero());
            return self
                .clinging
                .take_if(|_| none_is_refused)
                .map(|_| News::Well);
        }
        // One that succeeds among others that fail is no sign that all is well.
        if now.mono < self.not_before {
            return None;
        }
        self.trouble.take().map(|_| News::Well)
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

    /// Why the journal cannot be written, or not be rid of its details, if it cannot.
    pub(super) fn trouble(&self) -> Option<String> {
        let written = self.trouble.clone();
        written.or_else(|| {
            let refused = self.over.values().filter(|over| !over.not_before.is_zero());
            let why = self.clinging.as_ref()?;
            Some(format!(
                "the details of {} cannot be removed from their files: {why}",
                refused.count()
            ))
        })
    }

    /// The names of the files that are set aside.
    pub(super) fn aside(&self) -> Vec<String> {
        self.aside.keys().cloned().collect()
    }

    /// How many go on, and how many are over.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.open.len(), self.over.len())
    }

    /// How many have something to tell that is not on the disk yet.
    pub(super) fn unwritten(&self) -> usize {
        let open = self.open.values().filter(|open| open.dirty).count();
        let over = self.over.values().filter(|over| over.unwritten.is_some());
        open + over.count()
    }

    /// Octets on the disk.
    pub(super) fn octets(&self) -> u64 {
        let open = self.open.values().map(|open| open.octets);
        open.chain(self.over.values().map(|over| over.octets)).sum()
    }

    /// What is set aside may hold details: it is kept as long as those of an incident. Of too many the oldest go.
    fn unwanted_aside(&self, limits: &Limits, secrecy: &Secrecy, today: Today) -> Vec<Work> {
        let mut aside: Vec<(&String, Date)> = self
            .aside
            .iter()
            .map(|(name, since)| (name, *since))
            .collect();
        aside.sort_by_key(|(_, since)| since.order());
        let many = aside.len().saturating_sub(SET_ASIDE);
        let is_due =
            |since| today.is_to_lose_details(secrecy, since) || today.is_too_old(limits, since);
        aside
            .into_iter()
            .enumerate()
            .filter(|(place, (_, since))| *place < many || is_due(*since))
            .map(|(_, (name, _))| Work::Discard(name.clone()))
            .collect()
    }

    fn len(&self) -> usize {
        self.open.len() + self.over.len()
    }

    fn failed(&mut self, work: &Work, why: String, again: Duration) -> Option<News> {
        self.failures += 1;
        if let Work::Strip(id) = work {
            // That is for this file alone: what else is to be done goes on.
            if let Some(over) = self.over.get_mut(id) {
                over.not_before = again;
            }
            let before = self.clinging.replace(why.clone());
            return before.is_none().then_some(News::Clinging(why));
        }
        self.not_before = again;
        let before = self.trouble.replace(why.clone());
        before.is_none().then_some(News::Trouble(why))
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
        self.close(open.story, open.octets, Date::Here(open.heard), true);
    }

    fn close(&mut self, story: Incident, octets: u64, ended: Date, unwritten: bool) {
        let over = Over {
            summary: story.summary(),
            ended,
            octets,
            has_detail: story.detail.is_some(),
            not_before: Duration::ZERO,
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
            .min_by_key(|(id, over)| (over.ended.order(), *id))
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
            Subject::Zone(_) => "zone",
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
                && !self.unread.contains(id)
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
