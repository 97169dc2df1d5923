//! Which settings say what is kept of attacks, and who may see whom they concern?

use super::{Kind, Setting};

/// `[incidents]` and `[secrecy]`.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        path: "incidents.journal",
        kind: Kind::Switch,
        default: Some("true"),
        summary: "Whether incidents are kept as files under process.state_dir.",
        doc: "A zone under attack, a limited network, backscatter, forged sources, a forwarding loop: one JSON file each in the directory incidents, for `suimon incidents`. false: they are told in the log and forgotten. If the disk is full or nothing may be written there, that is said once and tried again; nothing else suffers. Changes at the next start only.",
        example: "false",
    },
    Setting {
        path: "incidents.kept",
        kind: Kind::Count(10, 10_000),
        default: Some("1000"),
        summary: "Incidents kept at most.",
        doc: "Beyond it the oldest that is over is removed, of the kind that has most of them, so that a flood of one kind does not push out the others. Those that go on are never removed: if there are so many, further ones are told in the log only and counted (suimon_incidents_not_kept_total).",
        example: "200",
    },
    Setting {
        path: "incidents.size",
        kind: Kind::Size(65_536, 1_073_741_824),
        default: Some(r#""16MiB""#),
        summary: "Octets of all of them together at most.",
        doc: "One takes 1 to 16 KiB. Beyond it they are removed as beyond incidents.kept.",
        example: r#""4MiB""#,
    },
    Setting {
        path: "incidents.max_age",
        kind: Kind::Seconds(3_600, 315_360_000),
        default: Some(r#""90d""#),
        summary: "Time after its end for which an incident is kept.",
        doc: "As long as a report to a CERT or the police takes; no longer than the law lets you keep traffic data.",
        example: r#""30d""#,
    },
    Setting {
        path: "secrecy.detail",
        kind: Kind::Choice(&["never", "attacks"]),
        default: Some(r#""attacks""#),
        summary: "Whether anybody may see which customers and names are concerned.",
        doc: "Logs, metrics, status and reports show networks (ipv4_prefix, ipv6_prefix) and shortened names, whatever is set here. attacks: with --detail suimon shows, of a zone under attack and of a limited network, the customers' own prefixes and some full names, for detail_for, and writes down who looked (audit.log in process.state_dir, and the log); without that record nothing is shown. never: such details are not even kept.",
        example: r#""never""#,
    },
    Setting {
        path: "secrecy.detail_for",
        kind: Kind::Seconds(0, 31_536_000),
        default: Some(r#""7d""#),
        summary: "Time after the end of an incident for which its details are kept.",
        doc: "Then they are removed from its file, and networks and shortened names are left. 0: at its end. A file that cannot be used and was set aside (NAME.bad) goes this long after that.",
        example: r#""1d""#,
    },
    Setting {
        path: "secrecy.ipv4_prefix",
        kind: Kind::Count(0, 32),
        default: Some("24"),
        summary: "Length of the IPv4 networks that are shown without --detail.",
        doc: "32 shows each address: where no secrecy of communications is to be kept.",
        example: "20",
    },
    Setting {
        path: "secrecy.ipv6_prefix",
        kind: Kind::Count(0, 128),
        default: Some("48"),
        summary: "Length of the IPv6 networks that are shown without --detail.",
        doc: "A customer has a /56 or a /48 (limiter.customer_prefix): where it is a /48, set 40 here.",
        example: "40",
    },
];
