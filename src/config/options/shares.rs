//! Which settings say how much of what is under way one client or one server may have?

use super::{Kind, Setting};

/// `[shares]`.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        path: "shares.mode",
        kind: Kind::Choice(&["off", "log-only", "enforce"]),
        default: Some(r#""enforce""#),
        summary: "Whether clients and servers are held to their shares of the look-ups under way.",
        doc: "enforce: a client over its share loses its oldest look-up for each new one; a server over its share is passed over for the next, and a name all of whose servers are gets SERVFAIL (EDE 22) or a stale answer, which nobody remembers. log-only: counted (suimon_shares_full_total), nothing held back. off: nothing is counted; guard.pending_per_client and recursion.in_flight hold all the same.",
        example: r#""log-only""#,
    },
    Setting {
        path: "shares.client",
        kind: Kind::Count(1, 10_000),
        default: Some("64"),
        summary: "One client may have one in so many of the free slots of zone_guard.slots.",
        doc: "Of 8,192 that are free 126, of 32,768 504. What is proven (TCP, a cookie) is counted apart from what is only claimed, and an address of limiter.shared_addresses has as many times as much as it has customers. An infected host, or whoever forges its address, fills no more than that.",
        example: "16",
    },
    Setting {
        path: "shares.server",
        kind: Kind::Count(1, 10_000),
        default: Some("8"),
        summary: "Questions to one address of a server may take one in so many of the free slots.",
        doc: "When a provider of very many zones is down, everything asked of it waits: two dead servers hold a fifth of the slots together, not all of them. The last quarter of a server's share is for names known to be real (zone_guard.known_names). Servers of forward zones are yours, and are not counted.",
        example: "4",
    },
    Setting {
        path: "shares.top_server",
        kind: Kind::Count(1, 10_000),
        default: Some("2"),
        summary: "The same for servers that are asked for the root or a top-level domain.",
        doc: "Nearly everything not cached goes by them.",
        example: "4",
    },
    Setting {
        path: "shares.least",
        kind: Kind::Count(1, 100_000),
        default: Some("32"),
        summary: "What every client and every server may have however little is free.",
        doc: "As every zone may.",
        example: "64",
    },
];
