//! In which zones are names that are asked once and do not exist the very purpose? Block lists and reputation services.

/// Zones of the class "lookup" as shipped, beside all reverse zones: E3 off, explore 500/s. `zone_guard.lookup_zones` adds to them.
///
/// Mail servers, antivirus programs and their kin encode what they ask about in the name; most of it is unknown to the service.
pub const LOOKUP_ZONES: &[&str] = &[
    // Block lists and allow lists of mail servers.
    "abuse.ch",
    "abuseat.org",
    "b.barracudacentral.org",
    "backscatterer.org",
    "blocklist.de",
    "dnsbl.sorbs.net",
    "dnswl.org",
    "hostkarma.junkemailfilter.com",
    "isipp.com",
    "ivmuri.com",
    "mailspike.net",
    "mailspike.org",
    "msrbl.net",
    "nixspam.net",
    "psbl.surriel.com",
    "rbl.jp",
    "rfc-clueless.org",
    "score.senderscore.com",
    "sorbs.net",
    "spamcop.net",
    "spameatingmonkey.net",
    "spamhaus.net",
    "spamhaus.org",
    "spamrats.com",
    "support-intelligence.net",
    "surbl.org",
    "uceprotect.net",
    "uribl.com",
    "zapbl.net",
    // Antivirus and reputation.
    "avqs.mcafee.com",
    "avts.mcafee.com",
    "e5.sk",
    "gti.mcafee.com",
    "sophosxl.com",
    "sophosxl.net",
    "trustedsource.org",
    "url.trendmicro.com",
    "webrootcloudav.com",
    // Who has which address or file.
    "asn.cymru.com",
    "asn.rspamd.com",
    "hash.cymru.com",
    "origin.asn.spameatingmonkey.net",
];
