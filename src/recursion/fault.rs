//! What was wrong with a server, and how is it told to a person?

use std::borrow::Cow;
use std::net::IpAddr;

use super::local_root::NOBODY;
use crate::dnssec::Why;
use crate::guard::permit::Exhausted;
use crate::telemetry::Reason;
use crate::wire::{Ede, Name, Rcode};

/// What was wrong with a server's reply, or that there was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No reply in time.
    Silent,
    /// The network said no.
    Network,
    /// We may not or cannot ask it.
    Unusable,
    /// A response code that is no answer: REFUSED, SERVFAIL, NOTIMP, FORMERR and the like.
    Rcode(Rcode),
    /// Not authoritative for the zone and no referral below it.
    Lame,
    /// A referral to the zone itself, above it or beside it.
    Upward,
    /// Not an answer to the question, or malformed.
    Bad,
    /// What it said could not be believed.
    Bogus(Why),
    /// It was not asked: too much is under way already.
    Crowded(Crowd),
}

/// What is under way too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowd {
    /// Questions to the servers.
    Servers,
    /// Look-ups that wait for the answer to this question.
    Question,
    /// Unknown names of the zone, or of its server: it came under attack while this one was looked up, and the zone guard let no more be
    /// asked for it.
    Attack(Reason),
}

/// A fault with its place: for egress, the trace and the sentence to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFault {
    /// The server; nobody if none was picked.
    pub server: Option<IpAddr>,
    /// The zone it was asked for.
    pub zone: Name,
    /// What was wrong.
    pub fault: Fault,
}

impl Fault {
    /// Whether it says that nobody was asked, and so nothing of anybody.
    pub(super) const fn is_crowd(self) -> bool {
        matches!(self, Self::Crowded(_))
    }

    /// Whether somebody was asked in vain.
    pub(super) const fn was_in_vain(self) -> bool {
        !matches!(self, Self::Unusable | Self::Crowded(_))
    }

    /// Whether the server (and not our own side) gave cause.
    pub(super) const fn is_theirs(self) -> bool {
        !matches!(self, Self::Network | Self::Unusable | Self::Crowded(_))
    }
}

impl ServerFault {
    /// One sentence.
    pub(super) fn sentence(&self) -> String {
        let who = match self.server {
            None => "no server".to_owned(),
            Some(NOBODY) => "the local copy of the root".to_owned(),
            Some(server) => server.to_string(),
        };
        let zone = &self.zone;
        match self.fault {
            Fault::Silent => format!("{who} did not answer for {zone}"),
            Fault::Network => format!("{who} could not be reached for {zone}"),
            Fault::Unusable => format!("no server of {zone} has an address that may be asked"),
            Fault::Rcode(rcode) => format!("{who} answered {rcode} for {zone}"),
            Fault::Lame => format!("{who} is not authoritative for {zone}"),
            Fault::Upward => format!("{who} referred away from {zone}"),
            Fault::Bad => format!("{who} answered something else for {zone}"),
            Fault::Crowded(Crowd::Servers) => format!(
                "the servers of {zone} have all the questions under way that they may have; ask again"
            ),
            Fault::Crowded(Crowd::Question) => {
                format!("too many wait for the same answer of the servers of {zone}; ask again")
            }
            Fault::Crowded(Crowd::Attack(reason)) => format!("{}: {zone}", reason.sentence()),
            Fault::Bogus(why) => format!("{who} was not believed for {zone}: {}", why.sentence()),
        }
    }
}

/// The extended error for a zone that nobody answered for (RFC 8914): the worst thing seen decides.
///
/// 23 if a server answered with an error or the network did, 24 if one answered rubbish, else 22.
pub(super) fn zone_failure(zone: &Name, faults: &[ServerFault], limit: Option<Exhausted>) -> Ede {
    let here = || faults.iter().filter(|fault| fault.zone == *zone);
    let last =
        |code, is: fn(Fault) -> bool| here().rfind(|told| is(told.fault)).map(|told| (code, told));
    let loudest = last(Ede::NO_REACHABLE_AUTHORITY, Fault::is_crowd)
        .or_else(|| last(Ede::NETWORK_ERROR, |fault| matches!(fault, Fault::Rcode(_))))
        .or_else(|| last(Ede::INVALID_DATA, |fault| fault == Fault::Bad))
        .or_else(|| {
            last(Ede::NO_REACHABLE_AUTHORITY, |fault| {
                matches!(fault, Fault::Lame | Fault::Upward)
            })
        })
        .or_else(|| last(Ede::NETWORK_ERROR, |fault| fault == Fault::Network))
        .or_else(|| {
            last(Ede::NO_REACHABLE_AUTHORITY, |fault| {
                fault == Fault::Unusable
            })
        });
    let (code, text) = match (loudest, limit) {
        (Some((code, fault)), _) => (code, Cow::Owned(fault.sentence())),
        (None, Some(limit)) => (Ede::NO_REACHABLE_AUTHORITY, Cow::Borrowed(limit.sentence())),
        (None, None) if here().next().is_none() => (
            Ede::NO_REACHABLE_AUTHORITY,
            Cow::Owned(format!("no address is known for any server of {zone}")),
        ),
        (None, None) => (
            Ede::NO_REACHABLE_AUTHORITY,
            Cow::Owned(format!("no server of {zone} answered")),
        ),
    };
    Ede { code, text }
}

/// The extended error for a recursion in which too much time went into waiting: the last silent server is named.
pub(super) fn silence_failure(faults: &[ServerFault]) -> Ede {
    let text = faults
        .iter()
        .rfind(|fault| fault.fault == Fault::Silent)
        .map_or_else(|| "servers stayed silent".to_owned(), ServerFault::sentence);
    Ede {
        code: Ede::NO_REACHABLE_AUTHORITY,
        text: text.into(),
    }
}

/// The extended error for a limit of the budget.
pub(super) const fn limit_failure(limit: Exhausted) -> Ede {
    let code = match limit {
        Exhausted::Time => Ede::NO_REACHABLE_AUTHORITY,
        _ => Ede::OTHER,
    };
    Ede {
        code,
        text: Cow::Borrowed(limit.sentence()),
    }
}
