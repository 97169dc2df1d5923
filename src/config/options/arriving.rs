//! The settings of where queries may come from: rows 5 and 6 of the parameter sheet.

use super::{Kind, Setting};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        path: "listen.hop_limit_every",
        kind: Kind::Count(0, 1_000_000),
        default: Some("16"),
        summary: "Every how many reads of a UDP socket the hop limits (TTL) of what came are looked at; 0: never.",
        doc: "For incidents: a flood with forged sources from one place has one or two hop limits, whatever sources it claims. Such a read takes at most eight datagrams and ten system calls; the others none more.",
        example: "0",
    },
    Setting {
        path: "guard.route_back",
        kind: Kind::Choice(&["off", "loose", "feasible", "strict"]),
        default: Some(r#""off""#),
        summary: "What the kernel's route to a datagram's source must be (RFC 3704, RFC 8704).",
        doc: "strict: the best route to the source leaves by the interface the query came by. feasible: one of its routes does, whatever its metric, or leaves by an interface of the same [[guard.group]]. loose: there is a route at all. A query that does not pass is dropped. A TCP handshake proves its route by itself. The tables main and local are looked at, of all next hops; with policy routing (ip rule) or VRFs that is not the whole truth, and where routes are asymmetric honest clients come by another interface than the one that leads back to them: therefore off unless asked for. On a host with clients on one side and the Internet on the other, strict stops queries that come from outside with an inside address.",
        example: r#""strict""#,
    },
    Setting {
        path: "guard.spoof_alarm",
        kind: Kind::Count(1, 1_000_000),
        default: Some("10"),
        summary: "Datagrams per second with a source that cannot be, by one interface and for one reason, from which that is an incident.",
        doc: "Own addresses, martians, clients bound to other interfaces, no route back: all are dropped, however few. From so many on the log tells of it (`ingress_spoof`) and `suimon incidents` keeps it. A misconfigured host sends one now and then.",
        example: "100",
    },
    Setting {
        path: "guard.backscatter_alarm",
        kind: Kind::Count(0, 1_000_000_000),
        default: Some("100"),
        summary: "Responses that nobody asked for within guard.backscatter_window that raise an alarm; 0: none does.",
        doc: "Nobody sends responses (QR=1) to a resolver's service address, or replies with a strange ID or question to its sockets towards servers, but for a few strays a minute: more of them answer queries that somebody sent in our name, or guess at ours. The alarm is an incident (backscatter) with the networks and ports that most come from; none of them is held back for it, since sources can be forged. Counters: suimon_unsolicited_responses_total, suimon_backscatter_alarm.",
        example: "1000",
    },
    Setting {
        path: "guard.backscatter_window",
        kind: Kind::Span(1_000, 3_600_000),
        default: Some(r#""60s""#),
        summary: "Time in which they are counted; a window with fewer ends the alarm.",
        doc: "Long enough for a slow flood that is spread over many servers to be seen, short enough for a line of log while it lasts.",
        example: r#""10s""#,
    },
    Setting {
        path: "guard.bind.prefixes",
        kind: Kind::Prefixes,
        default: None,
        summary: "Clients whose queries arrive by certain interfaces only.",
        doc: "Of all bindings the longest prefix decides; bindings of one prefix add up. Does not allow anybody anything: that is for [acl].",
        example: r#"["192.0.2.0/24", "2001:db8::/32"]"#,
    },
    Setting {
        path: "guard.bind.interfaces",
        kind: Kind::Interfaces,
        default: None,
        summary: "Those interfaces, by name; `*` stands for anything.",
        doc: "A datagram from such a client that arrives by another interface is forged or lost, and is dropped. A connection counts as arriving by the interface that our packets to the client leave by, because its handshake went that way. Queries by loopback are not concerned. Interfaces may come and go; while none has such a name, nobody of that prefix is served.",
        example: r#"["eth1", "bond0.*"]"#,
    },
    Setting {
        path: "guard.group.interfaces",
        kind: Kind::Interfaces,
        default: None,
        summary: "Interfaces that count as one with guard.route_back = \"feasible\"; `*` stands for anything.",
        doc: "Two uplinks to the same network, for example: queries come by one and answers leave by the other.",
        example: r#"["uplink1", "uplink2"]"#,
    },
];
