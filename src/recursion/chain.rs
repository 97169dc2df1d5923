//! Where does a reply lead? CNAME and DNAME links from the name asked, in order, and what stands at their end.

use super::scrub::{Scrubbed, find};
use crate::cache::Backing;
use crate::wire::{Ede, Name, Question, RdataSet, RecordType, Rrset, WireError, rdata};

/// Links read from one reply at most; the budget (11 for the whole query) bites first.
const LINKS_READ: usize = 16;

/// What a reply says about the name asked for.
#[derive(Debug)]
pub(super) struct Reading {
    /// The links, in order.
    pub links: Vec<Link>,
    /// What stands at the end of them.
    pub end: End,
    /// Whether AA was set.
    pub authoritative: bool,
    /// Whether it came over TCP, where a blind forger cannot reach.
    pub over_tcp: bool,
    /// The zone's NS set and the addresses of its servers, if they came along: for clients that want full responses.
    pub authority: Option<Rrset>,
    /// Addresses of the servers in `authority` or of the data, within the zone.
    pub additional: Vec<Rrset>,
    /// NSEC and NSEC3 sets of the authority section.
    pub proofs: Vec<Rrset>,
    /// What stands behind the end.
    pub backing: Backing,
    /// The shorter question that was answered, when nothing can exist below it.
    pub shorter: Option<Question>,
    /// What validation has to add to a good answer.
    pub ede: Option<Ede>,
}

/// One link of a chain.
#[derive(Debug)]
pub(super) struct Link {
    /// The DNAME set that made the link, if it was one (RFC 6672).
    pub dname: Option<Rrset>,
    /// The CNAME set, received or made from the DNAME.
    pub cname: Rrset,
    /// Where it leads.
    pub next: Name,
    /// What stands behind it.
    pub backing: Backing,
}

/// What stands at the end of the links.
#[derive(Debug)]
pub(super) enum End {
    /// The data.
    Data(Rrset),
    /// The name exists without such data; the SOA if it came.
    NoData(Option<Rrset>),
    /// The name does not exist; the SOA if it came.
    NxDomain(Option<Rrset>),
    /// Not said here: the last name must be asked for anew.
    Elsewhere,
    /// The last link itself: CNAME or ANY was asked for, and a DNAME makes the CNAME (RFC 6672 section 3.1).
    Made,
    /// The name that this DNAME makes is too long (RFC 6672 section 2.2).
    Overflow(Rrset),
}

/// Walks the answer section from `asked` as far as it leads within `zone`.
///
/// The end is [`End::Data`], [`End::Made`], [`End::Overflow`] or [`End::Elsewhere`]; only the caller, who looks at the rest of the
/// message, can tell whether the latter means "there is none". Gives the last name as well.
pub(super) fn walk(scrubbed: &Scrubbed, asked: &Question, zone: &Name) -> (Vec<Link>, End, Name) {
    let sets = &scrubbed.answer;
    let mut links: Vec<Link> = Vec::new();
    let mut current = asked.name.clone();
    let wants_cname = matches!(asked.rtype, RecordType::CNAME | RecordType::ANY);
    loop {
        if wants_cname && let Some(made) = dname_above(sets, &current, zone) {
            // The CNAME beside it is not the zone's own: nothing signs it.
            match through_dname(made, &current) {
                Some(Ok(link)) => links.push(link),
                Some(Err(dname)) => return (links, End::Overflow(dname), current),
                None => return (links, End::Elsewhere, current),
            }
            return (links, End::Made, current);
        }
        if let Some(data) = data_at(sets, &current, asked.rtype) {
            return (links, End::Data(data.clone()), current);
        }
        let link = match link_at(sets, &current, zone) {
            None => return (links, End::Elsewhere, current),
            Some(Err(dname)) => return (links, End::Overflow(dname), current),
            Some(Ok(link)) => link,
        };
        let next = link.next.clone();
        let repeats = next == asked.name || links.iter().any(|link| link.next == next);
        links.push(link);
        if repeats || links.len() >= LINKS_READ || !next.is_within(zone) {
            return (links, End::Elsewhere, next);
        }
        current = next;
    }
}

/// The data sought at `owner`; for ANY the first set there is (RFC 8482 section 4.1).
fn data_at<'a>(sets: &'a [Rrset], owner: &Name, rtype: RecordType) -> Option<&'a Rrset> {
    if rtype == RecordType::ANY {
        let at = |signatures: bool| {
            sets.iter()
                .find(|set| set.owner == *owner && (set.rtype == RecordType::RRSIG) == signatures)
        };
        return at(false).or_else(|| at(true));
    }
    find(sets, owner, rtype)
}

/// The link that starts at `current`. A DNAME above it decides, whatever CNAME was sent with it (RFC 6672 section 3.4).
fn link_at(sets: &[Rrset], current: &Name, zone: &Name) -> Option<Result<Link, Rrset>> {
    if let Some(dname) = dname_above(sets, current, zone) {
        return through_dname(dname, current);
    }
    let cname = find(sets, current, RecordType::CNAME)?;
    let only = cname.rdata.iter().next()?;
    let next = rdata::cname_target(only)?;
    Some(Ok(Link {
        dname: None,
        cname: Rrset {
            rdata: RdataSet::new([only]),
            ..cname.clone()
        },
        next,
        backing: Backing::unvalidated(),
    }))
}

/// The DNAME set of the zone that has `current` below it.
fn dname_above<'a>(sets: &'a [Rrset], current: &Name, zone: &Name) -> Option<&'a Rrset> {
    sets.iter().find(|set| {
        set.rtype == RecordType::DNAME
            && set.owner != *current
            && current.is_within(&set.owner)
            && set.owner.is_within(zone)
    })
}

/// The link that a DNAME set makes for a name below it, with the CNAME it stands for (RFC 6672 section 3.1).
/// `Err` holds the set if the new name would be too long.
pub(super) fn through_dname(dname: &Rrset, current: &Name) -> Option<Result<Link, Rrset>> {
    let target = rdata::dname_target(dname.rdata.iter().next()?)?;
    match current.rebase(&dname.owner, &target) {
        Ok(next) => Some(Ok(Link {
            dname: Some(dname.clone()),
            cname: Rrset {
                owner: current.clone(),
                rtype: RecordType::CNAME,
                ttl: dname.ttl,
                rdata: RdataSet::new([next.as_wire()]),
                rrsigs: RdataSet::default(),
            },
            next,
            backing: Backing::unvalidated(),
        })),
        Err(WireError::NameTooLong) => Some(Err(dname.clone())),
        Err(_) => None,
    }
}
