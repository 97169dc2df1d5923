//! Which settings say what is done when a zone is under attack?

use super::{Kind, Setting};

/// `[zone_guard]`.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        path: "zone_guard.mode",
        kind: Kind::Choice(&["off", "log-only", "enforce"]),
        default: Some(r#""enforce""#),
        summary: "Whether floods of made-up names are held back.",
        doc: "enforce: while a zone is flooded or its servers fail, its known names are looked up, stale data are answered at once, clean clients may ask for a few names nobody knows, and the rest gets SERVFAIL; nothing needs to be set up per zone. log-only: everything is counted, nothing held back. off: nothing is counted.",
        example: r#""log-only""#,
    },
    Setting {
        path: "zone_guard.slots",
        kind: Kind::Count(64, 1_000_000),
        default: Some("8192"),
        summary: "Look-ups under way that all zones share; a provider's resolver wants 32768.",
        doc: "One zone may hold a sixteenth of those that are free, 32 at least, so that dead zones never take all. Not more than recursion.in_flight counts: raise both.",
        example: "32768",
    },
    Setting {
        path: "zone_guard.flood_rate",
        kind: Kind::Count(20, 65_535),
        default: Some("500"),
        summary: "Unknown names per second at which a zone whose servers are well is throttled.",
        doc: "Only if nine in ten do not exist and it is ten times what the zone had in the mean of a day. Lower protects other people's servers sooner.",
        example: "2000",
    },
    Setting {
        path: "zone_guard.max_stale",
        kind: Kind::Seconds(0, 259_200),
        default: Some(r#""1d""#),
        summary: "Time for which data of a zone under attack may be used after their end.",
        doc: "Of zones under attack alone, whatever cache.max_stale says of others; marked by EDE 3 or 19 with cache.stale_ttl (RFC 8767). 0 = never: names of a zone whose servers are dead end with their TTL then.",
        example: r#""0s""#,
    },
    Setting {
        path: "zone_guard.known_names",
        kind: Kind::Size(65_536, 4_294_967_296),
        default: Some(r#""16MiB""#),
        summary: "Memory of each of the two filters of names known to be real; a provider's resolver wants 256MiB.",
        doc: "14.4 bits a name: 16 MiB hold 9 million for 3 to 6 days, 256 MiB 149 million. Kept in process.state_dir over a restart, without a readable name; another size begins anew.",
        example: r#""256MiB""#,
    },
    Setting {
        path: "zone_guard.exempt",
        kind: Kind::Names,
        default: Some("[]"),
        summary: "Zones that are never held back.",
        doc: "With everything below them. `suimon guard exempt` does the same until `suimon guard release`, over restarts.",
        example: r#"["measurement.example."]"#,
    },
    Setting {
        path: "zone_guard.lookup_zones",
        kind: Kind::Names,
        default: Some("[]"),
        summary: "Zones where names that are asked once and do not exist are the purpose.",
        doc: "Block lists and reputation services of your own: no throttling while their servers are well, and 500 instead of 20 unknown names a second when they are not. Well-known ones and all reverse zones are among them already.",
        example: r#"["bl.example.net."]"#,
    },
    Setting {
        path: "zone_guard.public_suffixes",
        kind: Kind::Path,
        default: None,
        summary: r#"The public suffix list; "built-in" for the short one in the program."#,
        doc: "Says which part of a name somebody registered. Not set: /usr/share/publicsuffix/public_suffix_list.dat (package publicsuffix) if it is there, the short list otherwise.",
        example: r#""/usr/share/publicsuffix/public_suffix_list.dat""#,
    },
];
