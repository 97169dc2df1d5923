//! Which settings say whether single messages are recorded, and where?

use super::{Kind, Setting};

/// `[dnstap]`.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        path: "dnstap.socket",
        kind: Kind::Path,
        default: None,
        summary: "Unix socket of a reader of dnstap (Frame Streams, bidirectional); not set: none.",
        doc: "suimond connects to it, and again every five seconds while nobody listens. What is recorded: each query that was limited, denied, refused or dropped, with its reply if there was one and the reason code as policy rule; of the others a sample (dnstap.sampled). Who asks what is nobody's business: record no more than you need, for no longer than you need it, and mind the law of your country (secrecy of communications).",
        example: r#""/run/dnstap/suimon.sock""#,
    },
    Setting {
        path: "dnstap.file",
        kind: Kind::Path,
        default: None,
        summary: "File for the same; not set: none.",
        doc: "A file that is there is moved on to .1 first. With the package, below /var/lib/suimon.",
        example: r#""/var/lib/suimon/dnstap""#,
    },
    Setting {
        path: "dnstap.file_size",
        kind: Kind::Size(65_536, 1_099_511_627_776),
        default: Some(r#""100MiB""#),
        summary: "Size at which the next file begins.",
        doc: "The full one becomes .1, that one .2, and so on.",
        example: r#""1GiB""#,
    },
    Setting {
        path: "dnstap.files",
        kind: Kind::Count(1, 10_000),
        default: Some("5"),
        summary: "Files kept, the one that is written included.",
        doc: "dnstap.file_size times this is what they take at most.",
        example: "24",
    },
    Setting {
        path: "dnstap.sampled",
        kind: Kind::Count(0, 1_000_000_000),
        default: Some("0"),
        summary: "Of queries that are simply answered one in so many is recorded, too; 1: all, 0: none.",
        doc: "Those answered from what is known with their reply, those that had to be found out without it.",
        example: "1000",
    },
    Setting {
        path: "dnstap.whole_addresses",
        kind: Kind::Switch,
        default: Some("false"),
        summary: "Whether clients' addresses are recorded whole.",
        doc: "Otherwise the network alone (IPv4 /24, IPv6 /48), the rest zero. A query may carry its client's subnet (ECS), which is recorded as it came.",
        example: "true",
    },
    Setting {
        path: "dnstap.identity",
        kind: Kind::Text,
        default: None,
        summary: "Name of this server in each message.",
        doc: "For readers of several servers.",
        example: r#""resolver1.example.net""#,
    },
    Setting {
        path: "dnstap.queue",
        kind: Kind::Count(16, 16_777_216),
        default: Some("8192"),
        summary: "Messages that wait to be written; more are lost, and counted.",
        doc: "No query waits for a reader. suimon_dnstap_messages_total{outcome=\"lost\"} shows when it bites.",
        example: "65536",
    },
];
