//! Borrowed views over bytes, and the few owned shapes of the protocol: name, RRset, message, response.

pub mod encoding;
pub mod group;
pub mod header;
pub mod message;
pub mod name;
pub mod query;
pub mod rdata;
pub mod response;
pub mod rrset;
pub mod text;
mod tokens;
pub mod types;
pub mod writer;
pub mod zone_file;

pub use header::{Flags, Header};
pub use message::{Edns, Message, Record};
pub use name::Name;
pub use query::{EdnsView, QueryView};
pub use response::{Ede, Held, Response, Security};
pub use rrset::{RdataSet, Rrset};
pub use types::{Class, Question, Rcode, RecordType};

/// Why bytes could not be read as DNS. One variant per rule, so that a counter and a test can name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The message ends before the item does.
    #[error("the message ends too early")]
    Truncated,
    /// A label is longer than 63 octets or has a reserved type (RFC 1035 section 3.1, RFC 6891 section 5).
    #[error("a label has a reserved type or is too long")]
    BadLabel,
    /// A name is longer than 255 octets (RFC 1035 section 2.3.4).
    #[error("a name is longer than 255 octets")]
    NameTooLong,
    /// A compression pointer does not point backwards (RFC 1035 section 4.1.4, RFC 9267).
    #[error("a compression pointer does not point backwards")]
    BadPointer,
    /// More than 120 compression pointers led to nothing but another pointer (CVE-2024-8508).
    #[error("too many compression pointers in one message")]
    TooManyPointers,
    /// RDATA does not have the shape its type demands.
    #[error("malformed RDATA")]
    BadRdata,
    /// An OPT record is malformed or there is more than one (RFC 6891 section 6.1.1).
    #[error("malformed or repeated OPT record")]
    BadOpt,
    /// There is not exactly one question (RFC 9619).
    #[error("the message does not have exactly one question")]
    NotOneQuestion,
    /// A query carries answer or authority records.
    #[error("a query carries answer or authority records")]
    UnexpectedRecords,
    /// Octets remain after the last record.
    #[error("octets follow the last record")]
    TrailingOctets,
    /// Text that is not a domain name.
    #[error("not a domain name")]
    BadText,
}

#[cfg(test)]
mod tests;
