//! What is told of a question that was asked: the answer, what it cost, and by which steps it was found out.

use serde::{Deserialize, Serialize};

/// `ask`: the response, what it cost, and how it came about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AskReport {
    /// The name asked.
    pub name: String,
    /// The type asked.
    #[serde(rename = "type")]
    pub rtype: String,
    /// The response code's mnemonic.
    pub rcode: String,
    /// Flags as dig shows them: "qr", "aa", "rd", "ra", "ad", "cd".
    pub flags: Vec<String>,
    /// Answer section, one record in presentation format each.
    pub answer: Vec<String>,
    /// Authority section.
    pub authority: Vec<String>,
    /// Additional section.
    pub additional: Vec<String>,
    /// The extended error, if any.
    pub extended_error: Option<ExtendedError>,
    /// Where the answer comes from: "cache", "recursion", "forward", "stub", "policy".
    pub source: String,
    /// Time it took, microseconds.
    pub elapsed_us: u64,
    /// What it cost upstream.
    pub spent: Spent,
    /// Every step, if it was asked for.
    pub trace: Vec<TraceStep>,
}

/// An extended DNS error (RFC 8914).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendedError {
    /// The info-code.
    pub code: u16,
    /// The sentence.
    pub text: String,
}

/// What one question cost, and what it may cost at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Upstream packets.
    pub packets: u32,
    /// At most.
    pub packets_limit: u32,
    /// Upstream octets received.
    pub bytes: u32,
    /// At most.
    pub bytes_limit: u32,
    /// CNAME and DNAME links.
    pub links: u32,
    /// At most.
    pub links_limit: u32,
    /// Name server names without an address.
    pub failing_ns_names: u32,
    /// At most.
    pub failing_ns_names_limit: u32,
    /// Signatures checked.
    #[serde(default)]
    pub signatures: u32,
    /// At most.
    #[serde(default)]
    pub signatures_limit: u32,
    /// NSEC3 hashes made.
    #[serde(default)]
    pub nsec3_hashes: u32,
    /// At most.
    #[serde(default)]
    pub nsec3_hashes_limit: u32,
}

/// One step on the way to an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceStep {
    /// Microseconds since the question was asked.
    pub at_us: u64,
    /// How deep in sub-queries; 0 is the question itself.
    #[serde(default)]
    pub depth: u32,
    /// "cache", "synthesised", "local_root", "policy", "approach", "ask", "reply", "fault", "referral", "link", "look_up", "ask_parent", "zone",
    /// "validated", "bogus", "limit", "end".
    pub kind: String,
    /// What happened, in words.
    pub text: String,
    /// The server concerned, if the words do not name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Its round-trip time, microseconds, if the words do not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<u64>,
    /// Upstream packets spent so far, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets_spent: Option<u32>,
}
