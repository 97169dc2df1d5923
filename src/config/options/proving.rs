//! The settings of cookies.

use super::{Kind, Setting};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        path: "cookies.enabled",
        kind: Kind::Switch,
        default: Some("true"),
        summary: "Whether clients' COOKIE options are looked at and answered.",
        doc: "A server cookie (RFC 7873, in the form of RFC 9018) shows that the client receives what is sent to its address, so that its queries are not forged ones. Such a client has a budget of its own that no forger can use up.",
        example: "false",
    },
    Setting {
        path: "cookies.secret_file",
        kind: Kind::Path,
        default: None,
        summary: "File of secrets that all servers of an anycast set share.",
        doc: "One secret a line, 32 hexadecimal digits; at most 3; `#` begins a comment. The first makes cookies, the others only check them: to replace a secret, add the new one behind the old one everywhere, then put it first everywhere, then remove the old one an hour later (RFC 9018 section 5). Read at start and at each reload. Without a file a secret is drawn at start and replaced daily; cookies of the one before hold on.",
        example: r#""/etc/suimon/cookie-secrets""#,
    },
];
