//! Secrets of cookies, and who must have one.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::config::plan::AclAction;

const SECRET: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";

/// A configuration with a file of secrets that nobody else can read.
fn with_secrets(text: &str) -> Files {
    let files = Files::with("");
    let path = files.put("secrets", text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    files.put(
        "suimon.toml",
        &format!("[cookies]\nsecret_file = '{}'\n", path.display()),
    );
    files
}

fn shown(files: &Files) -> String {
    files.shown(&files.load().unwrap_err()).join("\n\n")
}

#[test]
fn secrets_are_read_in_their_order_and_the_file_is_named() {
    let files = with_secrets(&format!(
        "# the one in use\n{SECRET}\n\n  {} # the next\n",
        "0F".repeat(16)
    ));
    let loaded = files.load().unwrap();
    let secrets = &loaded.plan.guard.cookies.secrets;
    assert_eq!(
        (secrets.len(), secrets[0][0], secrets[1]),
        (2, 0xE5, [15; 16])
    );
    assert_eq!(loaded.named_files, [files.path("secrets")]);
    assert!(loaded.warnings.is_empty());
}

#[test]
fn a_bad_file_of_secrets_is_refused_without_showing_one() {
    let long = format!("{SECRET}0");
    for (text, what) in [
        (long.as_str(), "line 1 is not a secret"),
        ("", "secrets holds 0 secrets"),
        (&format!("{SECRET}\n").repeat(4), "secrets holds 4 secrets"),
        (&"#".repeat(20_000), "it is longer than 16384 octets"),
    ] {
        let shown = shown(&with_secrets(text));
        assert!(shown.contains(what), "{shown}");
        assert!(!shown.contains(SECRET), "{shown}");
        assert!(
            shown.contains("openssl rand") || shown.contains("suimond can read"),
            "{shown}"
        );
    }
    for file in ["/dev/zero", "/nowhere"] {
        let shown = refusal(&format!("[cookies]\nsecret_file = '{file}'\n"));
        assert!(shown.contains("cannot be read"), "{shown}");
    }
}

#[test]
fn a_file_of_secrets_that_everybody_can_read_is_told() {
    let files = with_secrets(SECRET);
    fs::set_permissions(files.path("secrets"), fs::Permissions::from_mode(0o644)).unwrap();
    let loaded = files.load().unwrap();
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].to_string().contains("chmod o-r"));
}

#[test]
fn whoever_must_prove_himself_is_marked_and_nobody_else() {
    let loaded = accepted(
        "[acl]\nallow = ['10.0.0.0/8']\nprove = ['10.1.0.0/16', '192.0.2.0/24']\n\
         [[acl.rule]]\nprefix = '10.2.0.0/16'\naction = 'allow'\nprove = true\n",
    );
    let marked: Vec<(String, bool)> = loaded
        .plan
        .guard
        .rules
        .iter()
        .map(|rule| {
            assert_eq!(rule.action, AclAction::Allow);
            (rule.prefix.to_string(), rule.prove)
        })
        .collect();
    let expected = [
        ("10.0.0.0/8", false),
        ("10.2.0.0/16", true),
        ("10.1.0.0/16", true),
    ];
    assert_eq!(
        marked,
        expected.map(|(prefix, prove)| (prefix.to_owned(), prove))
    );
    assert!(
        loaded.warnings[0]
            .what
            .contains("nobody in `192.0.2.0/24` may ask at all")
    );
}
