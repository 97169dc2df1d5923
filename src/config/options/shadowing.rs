//! Which limits beside those with a section of their own can be watched before they are enforced?

use super::{Kind, Setting};

/// `acl.prove_mode`, `guard.refusal_mode`, `tcp.client_mode`.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        path: "acl.prove_mode",
        kind: MODE,
        default: Some(r#""enforce""#),
        summary: "Whether acl.prove and limiter.prove_after hold.",
        doc: "log-only: who would have been told to prove its address first is served, and counted in suimon_shadow_total{limit=\"proof\"}; suimon guard shadow says how much of that was asked for names known to be real. off: as if nobody had to.",
        example: r#""log-only""#,
    },
    Setting {
        path: "guard.refusal_mode",
        kind: MODE,
        default: Some(r#""enforce""#),
        summary: "Whether the budget of refusals holds.",
        doc: "log-only and off answer every outsider with REFUSED: while customers are being moved here and prefixes may have been forgotten, silence is harder to find than a refusal. It makes the server answer forgers, one small packet for each of theirs: not for long. log-only counts what was beyond the budget (suimon_shadow_total{limit=\"refusals\"}).",
        example: r#""log-only""#,
    },
    Setting {
        path: "tcp.client_mode",
        kind: MODE,
        default: Some(r#""enforce""#),
        summary: "Whether tcp.connections_per_client holds.",
        doc: "log-only: connections beyond it are accepted and counted (suimon_shadow_total{limit=\"tcp_per_client\"}). off: they are accepted. tcp.connections holds all the same: it protects memory.",
        example: r#""log-only""#,
    },
];

const MODE: Kind = Kind::Choice(&["off", "log-only", "enforce"]);
