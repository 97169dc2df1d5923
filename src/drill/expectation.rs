//! What must a resolver make of a question? The promises the drill holds it to.

use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{Name, Record, RecordType};

use super::world::ServerId;

/// Under which heading the report counts an expectation; in the order of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Ordinary zones under real names.
    RealNames,
    /// One of each record type, known and unknown.
    RecordTypes,
    /// Deep delegations, servers in other zones, parent and child on one server.
    Delegations,
    /// CNAME and DNAME, inside a zone and across zones.
    Aliases,
    /// Wildcards, empty non-terminals, NODATA, NXDOMAIN, long names, TTLs.
    Corners,
    /// Answers that do not fit a datagram.
    BigAnswers,
    /// Zones that only IPv6 reaches.
    Ipv6Only,
    /// in-addr.arpa and ip6.arpa.
    Reverse,
    /// Names that must never leave the resolver.
    LocalNames,
    /// What a cold name in a warm zone costs, and what duplicates cost.
    Frugality,
    /// One server of the zone is broken, another one is good.
    OneBadServer,
    /// The only server is odd, but the truth can be had.
    OddServers,
    /// Every server is broken: a clean, quick failure.
    AllServersBad,
    /// Loops and amplifiers: a failure that costs the world little.
    Amplifiers,
    /// Lies about other zones: the truth afterwards.
    Poison,
}

impl Group {
    /// Every group, in the order of the report.
    pub const ALL: [Self; 15] = [
        Self::RealNames,
        Self::RecordTypes,
        Self::Delegations,
        Self::Aliases,
        Self::Corners,
        Self::BigAnswers,
        Self::Ipv6Only,
        Self::Reverse,
        Self::LocalNames,
        Self::Frugality,
        Self::OneBadServer,
        Self::OddServers,
        Self::AllServersBad,
        Self::Amplifiers,
        Self::Poison,
    ];

    /// The row's title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::RealNames => "real names, ordinary zones",
            Self::RecordTypes => "record types, known and unknown",
            Self::Delegations => "deep and glueless delegations",
            Self::Aliases => "CNAME and DNAME chains",
            Self::Corners => "wildcards, empty names, TTLs",
            Self::BigAnswers => "answers too big for UDP",
            Self::Ipv6Only => "zones only IPv6 reaches",
            Self::Reverse => "reverse names",
            Self::LocalNames => "names that must not leave",
            Self::Frugality => "cost of a cold name",
            Self::OneBadServer => "a bad server beside a good one",
            Self::OddServers => "odd servers, truth available",
            Self::AllServersBad => "nothing but bad servers",
            Self::Amplifiers => "loops and amplifiers",
            Self::Poison => "poisoned replies",
        }
    }

    /// Whether the servers of this group are villains.
    #[must_use]
    pub const fn is_hostile(self) -> bool {
        matches!(
            self,
            Self::OneBadServer
                | Self::OddServers
                | Self::AllServersBad
                | Self::Amplifiers
                | Self::Poison
        )
    }
}

/// What must come back.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// This code and exactly these answer records, in any order but a chain in chain order. TTLs may be lower, not higher.
    Is(ResponseCode, Vec<Record>),
    /// This code; what the answer section holds is the resolver's business.
    Code(ResponseCode),
    /// SERVFAIL.
    Failure,
    /// These, or SERVFAIL: both are sound, anything else is not.
    IsOrFailure(ResponseCode, Vec<Record>),
}

/// How the question is put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Over TCP from the start.
    pub tcp: bool,
    /// With an OPT record (1232 octets).
    pub edns: bool,
    /// With DO=1; needs `edns`.
    pub dnssec_ok: bool,
    /// In mixed case, which must come back (0x20).
    pub mixed_case: bool,
}

/// A ceiling on what the question costs the Internet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// Queries for names in these zones count, at every server.
    pub zones: Vec<Name>,
    /// That many at most.
    pub packets: u64,
}

/// One promise: this question, put like this, gets that.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The row of the report.
    pub group: Group,
    /// One sentence for people: what is special here.
    pub note: String,
    /// Questions put before, whose answers do not matter (bait, warming up).
    pub before: Vec<(Name, RecordType)>,
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub rtype: RecordType,
    /// How it is put.
    pub style: Style,
    /// How many clients put it at once; each must get the outcome.
    pub copies: usize,
    /// What must come back.
    pub outcome: Outcome,
    /// And within what time.
    pub within: Duration,
    /// What it may cost, counted from before `before` is asked, if `before` is bait, or after it.
    pub ceiling: Option<Ceiling>,
    /// This server must never be asked about names in that zone.
    pub untouched: Option<(ServerId, Name)>,
}

/// Highest TTL that may reach a client: one day, the cap every good resolver has (parameters section 5).
pub const MAX_TTL: u32 = 86_400;

impl Outcome {
    /// Compares what came with what must come. `Err` says in words what is wrong.
    ///
    /// # Errors
    /// The difference, as a phrase.
    pub fn judge(&self, rcode: ResponseCode, answers: &[Record]) -> Result<(), String> {
        match self {
            Self::Code(wanted) if rcode == *wanted => Ok(()),
            Self::Code(wanted) => Err(format!("code {rcode} instead of {wanted}")),
            Self::Failure if rcode == ResponseCode::ServFail && answers.is_empty() => Ok(()),
            Self::Failure => Err(format!(
                "{rcode} with {} records instead of SERVFAIL",
                answers.len()
            )),
            Self::IsOrFailure(..) if rcode == ResponseCode::ServFail && answers.is_empty() => {
                Ok(())
            }
            Self::Is(wanted, records) | Self::IsOrFailure(wanted, records) => {
                if rcode != *wanted {
                    return Err(format!("code {rcode} instead of {wanted}"));
                }
                same_records(records, answers)?;
                chain_in_order(answers)
            }
        }
    }

    /// For the report's list of broken expectations.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Code(code) => code.to_string(),
            Self::Failure => "SERVFAIL".to_owned(),
            Self::Is(code, records) => format!("{code}, {}", listed(records)),
            Self::IsOrFailure(code, records) => {
                format!("{code}, {}; or SERVFAIL", listed(records))
            }
        }
    }
}

/// Records in one short line.
#[must_use]
pub fn listed(records: &[Record]) -> String {
    const SHOWN: usize = 4;
    if records.is_empty() {
        return "no records".to_owned();
    }
    let mut text: Vec<String> = records
        .iter()
        .take(SHOWN)
        .map(|record| {
            let line = format!("{} {} {}", record.name, record.record_type(), record.data);
            if line.chars().count() > 90 {
                line.chars().take(90).chain("…".chars()).collect()
            } else {
                line
            }
        })
        .collect();
    if records.len() > SHOWN {
        text.push(format!("and {} more", records.len() - SHOWN));
    }
    text.join(" | ")
}

fn same_records(wanted: &[Record], got: &[Record]) -> Result<(), String> {
    let equal = |a: &Record, b: &Record| {
        a.name == b.name && a.record_type() == b.record_type() && a.data == b.data
    };
    if let Some(missing) = wanted
        .iter()
        .find(|record| !got.iter().any(|other| equal(record, other)))
    {
        return Err(format!(
            "missing: {}",
            listed(std::slice::from_ref(missing))
        ));
    }
    if let Some(extra) = got
        .iter()
        .find(|record| !wanted.iter().any(|other| equal(record, other)))
    {
        return Err(format!("unasked: {}", listed(std::slice::from_ref(extra))));
    }
    if wanted.len() != got.len() {
        return Err("a record came twice".to_owned());
    }
    for record in got {
        let whole = wanted
            .iter()
            .find(|other| equal(record, other))
            .map_or(0, |other| ttl_ceiling(other.ttl));
        if record.ttl > whole {
            return Err(format!(
                "TTL {} instead of at most {whole}: {}",
                record.ttl,
                listed(std::slice::from_ref(record))
            ));
        }
    }
    Ok(())
}

/// A TTL with its top bit set counts as 0 (RFC 2181 section 8); the rest is capped.
const fn ttl_ceiling(ttl: u32) -> u32 {
    if ttl > 0x7FFF_FFFF {
        0
    } else if ttl > MAX_TTL {
        MAX_TTL
    } else {
        ttl
    }
}

/// Every alias stands before what it leads to (RFC 1034 section 3.6.2; old stubs rely on it).
fn chain_in_order(answers: &[Record]) -> Result<(), String> {
    use hickory_proto::rr::RData;
    for (at, record) in answers.iter().enumerate() {
        if let RData::CNAME(target) = &record.data
            && answers
                .iter()
                .take(at)
                .any(|earlier| earlier.name == target.0)
        {
            return Err(format!(
                "chain out of order at {}",
                listed(std::slice::from_ref(record))
            ));
        }
    }
    Ok(())
}
