//! Which settings say what is believed?

use super::{Kind, Setting};

/// `[dnssec]`.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        path: "dnssec.validation",
        kind: Kind::Choice(&["auto", "on", "off"]),
        default: Some(r#""auto""#),
        summary: "Whether answers are validated.",
        doc: "RFC 4035. auto: by the anchors given, and by the root's built-in ones (KSK-2017, KSK-2024) where the root servers are the Internet's and the root is neither forwarded nor a stub zone; where that leaves none, a warning says that validation is off. on: always, by the built-in anchors of the root unless dnssec.trust_anchors or dnssec.trust_anchor_files give others. off: nothing is validated, no answer is marked AD, and forgeries pass.",
        example: r#""on""#,
    },
    Setting {
        path: "dnssec.trust_anchors",
        kind: Kind::Anchors,
        default: Some("[]"),
        summary: "DS and DNSKEY records that are believed without proof.",
        doc: "Presentation form, one record per element, of any zones. Anchors of the root replace those built in. A zone below a zone that is validated needs one only if it is private: a signed inner zone is believed by its own anchor, whatever its public parent says.",
        example: r#"["corp.example. IN DS 12345 13 2 49FD46E6 C4B45C55 D4AC69CB D3CD34AC 1AFE51DE 6C9FD46E C4B45C55 D4AC69CB"]"#,
    },
    Setting {
        path: "dnssec.trust_anchor_files",
        kind: Kind::Paths,
        default: Some("[]"),
        summary: "Files of such records.",
        doc: "What dig, dnssec-dsfromkey, ldns-key2ds and dns-root-data (/usr/share/dns/root.ds, root.key) write is read, and the file Unbound keeps for auto-trust-anchor-file, without the keys it does not trust yet or any more. The files are read at start and at every reload.",
        example: r#"["/usr/share/dns/root.ds"]"#,
    },
    Setting {
        path: "dnssec.negative_trust_anchors",
        kind: Kind::NegativeAnchors,
        default: Some("[]"),
        summary: "Zones that are not validated although they could be, each with the time it ends if it is to end.",
        doc: "RFC 7646: for a zone of others whose signatures are broken by mistake and whose operator knows. All below it is treated as unsigned, so forgeries pass; an end keeps that from lasting. suimon nta add does it for some hours without a change here. The closest of anchors and negative anchors decides.",
        example: r#"["broken.example.", "other.example. until 2026-12-01T00:00:00Z"]"#,
    },
    Setting {
        path: "dnssec.signature_skew",
        kind: Kind::Seconds(0, 86_400),
        default: Some(r#""0s""#),
        summary: "How long a signature may be expired, or not yet valid.",
        doc: "0: to the second (RFC 4034 section 3.1.5), for which this host's clock must be right. What it forgives here, it also gives to someone who replays old records.",
        example: r#""5m""#,
    },
    Setting {
        path: "dnssec.nsec3_iterations",
        kind: Kind::Count(0, 500),
        default: Some("50"),
        summary: "Most additional iterations of an NSEC3 proof that is believed.",
        doc: "With more the zone is insecure there, and the answer says so (EDE 27; RFC 9276 section 3.2, which asks zones for 0). Every iteration is work that somebody else orders (CVE-2026-1519).",
        example: "0",
    },
    Setting {
        path: "dnssec.aggressive",
        kind: Kind::Switch,
        default: Some("true"),
        summary: "Answer from validated NSEC and NSEC3 records without asking.",
        doc: "RFC 8198: a proof that nothing lies between two names answers for every name between them; floods of made-up names end here instead of at the zone's servers.",
        example: "false",
    },
    Setting {
        path: "dnssec.follow_rollovers",
        kind: Kind::Switch,
        default: Some("true"),
        summary: "Follow roll-overs of the keys that are trust anchors.",
        doc: "RFC 5011: a new key that the old one has vouched for during 30 days is believed, a revoked one no more. What was learned is kept in process.state_dir.",
        example: "false",
    },
];
