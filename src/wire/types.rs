//! The numbers of the protocol with their names: types, classes, response codes, the question.

use std::fmt;
use std::str::FromStr;

use super::{Name, WireError};

macro_rules! numbered {
    ($(#[$doc:meta])* $type:ident, $fallback:literal, { $($(#[$vdoc:meta])* $name:ident = $value:literal $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(pub u16);

        impl $type {
            $($(#[$vdoc])* pub const $name: Self = Self($value);)*

            /// The mnemonic, if the number has one here.
            #[must_use]
            pub const fn mnemonic(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.mnemonic() {
                    Some(text) => f.write_str(text),
                    None => write!(f, concat!($fallback, "{}"), self.0),
                }
            }
        }

        impl FromStr for $type {
            type Err = WireError;

            fn from_str(text: &str) -> Result<Self, WireError> {
                let upper = text.to_ascii_uppercase();
                match upper.as_str() {
                    $($text => Ok(Self::$name),)*
                    other => other
                        .strip_prefix($fallback)
                        .and_then(|digits| digits.parse().ok())
                        .map(Self)
                        .ok_or(WireError::BadText),
                }
            }
        }
    };
}

numbered! {
    /// A resource record or query type (IANA registry; unknown ones are shown as TYPE123, RFC 3597 section 5).
    RecordType, "TYPE", {
        /// IPv4 address (RFC 1035).
        A = 1 "A",
        /// Authoritative name server (RFC 1035).
        NS = 2 "NS",
        /// Canonical name (RFC 1035).
        CNAME = 5 "CNAME",
        /// Mail destination (RFC 1035, obsolete, may be compressed).
        MD = 3 "MD",
        /// Mail forwarder (RFC 1035, obsolete, may be compressed).
        MF = 4 "MF",
        /// Start of authority (RFC 1035).
        SOA = 6 "SOA",
        /// Mailbox (RFC 1035, obsolete, may be compressed).
        MB = 7 "MB",
        /// Mail group member (RFC 1035, obsolete).
        MG = 8 "MG",
        /// Mail rename (RFC 1035, obsolete).
        MR = 9 "MR",
        /// Pointer (RFC 1035).
        PTR = 12 "PTR",
        /// Host information (RFC 1035).
        HINFO = 13 "HINFO",
        /// Mailbox information (RFC 1035, obsolete).
        MINFO = 14 "MINFO",
        /// Mail exchange (RFC 1035).
        MX = 15 "MX",
        /// Text (RFC 1035).
        TXT = 16 "TXT",
        /// Responsible person (RFC 1183).
        RP = 17 "RP",
        /// AFS database (RFC 1183).
        AFSDB = 18 "AFSDB",
        /// Route through (RFC 1183).
        RT = 21 "RT",
        /// Signature (RFC 2535, obsolete but for SIG(0)).
        SIG = 24 "SIG",
        /// X.400 mail mapping (RFC 2163).
        PX = 26 "PX",
        /// IPv6 address (RFC 3596).
        AAAA = 28 "AAAA",
        /// Next name (RFC 2535, obsolete).
        NXT = 30 "NXT",
        /// Service location (RFC 2782).
        SRV = 33 "SRV",
        /// Naming authority pointer (RFC 3403).
        NAPTR = 35 "NAPTR",
        /// Key exchanger (RFC 2230).
        KX = 36 "KX",
        /// Delegation name: renames a whole subtree (RFC 6672).
        DNAME = 39 "DNAME",
        /// EDNS pseudo record (RFC 6891).
        OPT = 41 "OPT",
        /// Delegation signer (RFC 4034).
        DS = 43 "DS",
        /// SSH fingerprint (RFC 4255).
        SSHFP = 44 "SSHFP",
        /// Signature (RFC 4034).
        RRSIG = 46 "RRSIG",
        /// Authenticated denial (RFC 4034).
        NSEC = 47 "NSEC",
        /// Zone key (RFC 4034).
        DNSKEY = 48 "DNSKEY",
        /// Hashed authenticated denial (RFC 5155).
        NSEC3 = 50 "NSEC3",
        /// NSEC3 parameters (RFC 5155).
        NSEC3PARAM = 51 "NSEC3PARAM",
        /// TLSA (RFC 6698).
        TLSA = 52 "TLSA",
        /// Child DS (RFC 7344).
        CDS = 59 "CDS",
        /// Child DNSKEY (RFC 7344).
        CDNSKEY = 60 "CDNSKEY",
        /// Zone digest (RFC 8976).
        ZONEMD = 63 "ZONEMD",
        /// Service binding (RFC 9460).
        SVCB = 64 "SVCB",
        /// Service binding for HTTP (RFC 9460).
        HTTPS = 65 "HTTPS",
        /// Sender policy framework (RFC 7208, obsolete).
        SPF = 99 "SPF",
        /// NXNAME of compact denial (RFC 9824): never to be asked for.
        NXNAME = 128 "NXNAME",
        /// Key agreement (RFC 2930).
        TKEY = 249 "TKEY",
        /// Transaction signature (RFC 8945).
        TSIG = 250 "TSIG",
        /// Incremental transfer (RFC 1995).
        IXFR = 251 "IXFR",
        /// Zone transfer (RFC 5936).
        AXFR = 252 "AXFR",
        /// Mailbox-related records (RFC 1035, obsolete).
        MAILB = 253 "MAILB",
        /// Mail agents (RFC 1035, obsolete).
        MAILA = 254 "MAILA",
        /// All types (RFC 8482).
        ANY = 255 "ANY",
        /// Certification authority authorisation (RFC 8659).
        CAA = 257 "CAA",
        /// Resolver information (RFC 9606).
        RESINFO = 261 "RESINFO",
    }
}

impl RecordType {
    /// Whether the type may only stand in a question or in a message's own machinery, never in a zone
    /// (RFC 6895 section 3.1: 128..=255, OPT, and 0).
    #[must_use]
    pub const fn is_meta(self) -> bool {
        matches!(self.0, 0 | 41 | 128..=255)
    }
}

numbered! {
    /// A class (RFC 1035 section 3.2.4).
    Class, "CLASS", {
        /// The Internet.
        IN = 1 "IN",
        /// Chaos.
        CH = 3 "CH",
        /// Hesiod.
        HS = 4 "HS",
        /// Only in updates (RFC 2136).
        NONE = 254 "NONE",
        /// Any class.
        ANY = 255 "ANY",
    }
}

numbered! {
    /// A response code, extended to 12 bits by EDNS (RFC 6895 section 2.3).
    Rcode, "RCODE", {
        /// No error.
        NOERROR = 0 "NOERROR",
        /// The server could not read the query.
        FORMERR = 1 "FORMERR",
        /// The server could not answer.
        SERVFAIL = 2 "SERVFAIL",
        /// The name does not exist.
        NXDOMAIN = 3 "NXDOMAIN",
        /// The server does not do this.
        NOTIMP = 4 "NOTIMP",
        /// The server will not do this.
        REFUSED = 5 "REFUSED",
        /// A name exists that should not; DNAME overflow (RFC 6672 section 2.2).
        YXDOMAIN = 6 "YXDOMAIN",
        /// The server does not serve the zone.
        NOTAUTH = 9 "NOTAUTH",
        /// Unsupported EDNS version (RFC 6891).
        BADVERS = 16 "BADVERS",
        /// Bad or missing server cookie (RFC 7873).
        BADCOOKIE = 23 "BADCOOKIE",
    }
}

/// What is asked: a name and a type, always of class IN (other classes are refused before they get here).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The name, its case as the asker wrote it; compared without regard to case.
    pub name: Name,
    /// The type.
    pub rtype: RecordType,
}

impl Question {
    /// A question of class IN.
    #[must_use]
    pub const fn new(name: Name, rtype: RecordType) -> Self {
        Self { name, rtype }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.rtype)
    }
}
