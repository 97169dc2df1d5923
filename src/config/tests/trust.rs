//! What is believed without proof, and what is refused to be?

use super::super::plan::{NegativeAnchor, Validation};
use super::super::{Sources, anchors, load};
use super::{Files, accepted, headlines, refusal};

const DS: &str =
    "example. IN DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000";
const PRIVATE_ROOT: &str = ". NS ns.test.\nns.test. A 10.0.0.1\n";

/// The text of a configuration whose root servers are its own, and `more`.
fn private_root(files: &Files, more: &str) -> String {
    let hints = files.put("hints", PRIVATE_ROOT);
    format!(
        "[recursion]\nroot_hints = \"{}\"\n[egress]\nallow_private_servers = true\n{more}",
        hints.display()
    )
}

/// Zones and types of the anchors that `text` gives.
fn believed(text: &str) -> Vec<String> {
    let sets = accepted(text).plan.dnssec.anchors;
    sets.iter()
        .map(|set| format!("{} {} {}", set.owner, set.rtype, set.rdata.len()))
        .collect()
}

#[test]
fn without_a_word_the_root_is_believed_by_the_anchors_built_in() {
    let plan = accepted("").plan.dnssec;
    assert_eq!(plan.validation, Validation::Auto);
    assert_eq!(plan.anchors, anchors::built_in());
    assert_eq!(plan.off_because, None);
    assert_eq!((plan.skew, plan.nsec3_iterations), (0, 50));
    assert!(plan.aggressive && plan.follow_rollovers);
    assert_eq!(plan.negative_anchors, []);
}

#[test]
fn the_anchors_built_in_are_believed_where_the_root_servers_are_the_internets() {
    let files = Files::with("");
    let of = |servers: usize| {
        let lines = crate::config::hints::built_in();
        let lines = lines
            .iter()
            .take(servers)
            .map(|(name, addresses)| format!(". NS {name}\n{name} A {}\n", addresses[0]));
        let hints = files.put("known", &lines.collect::<String>());
        format!("[recursion]\nroot_hints = \"{}\"", hints.display())
    };
    assert_eq!(believed(&of(7)), [". DS 2"]);
    assert_eq!(
        believed(&of(6)),
        Vec::<String>::new(),
        "somebody's test bed, whatever addresses it has"
    );
    assert_eq!(believed("[recursion]\nroot_hints = 'built-in'"), [". DS 2"]);

    let own = private_root(&files, "");
    assert_eq!(believed(&own), Vec::<String>::new());
    let on = private_root(&files, "[dnssec]\nvalidation = 'on'");
    assert_eq!(believed(&on), [". DS 2"]);
    let given = private_root(&files, &format!("[dnssec]\ntrust_anchors = ['{DS}']"));
    assert_eq!(believed(&given), ["example. DS 1"]);
    let off = accepted("[dnssec]\nvalidation = 'off'");
    assert_eq!(off.warnings, []);
    assert_eq!(off.plan.dnssec.anchors, []);
    assert_eq!(
        off.plan.dnssec.off_because.as_deref(),
        Some("dnssec.validation is \"off\"")
    );
}

#[test]
fn where_nothing_is_validated_unasked_a_warning_says_so() {
    let files = Files::with(
        "[[forward]]\nzone = \".\"\nservers = [\"192.0.2.1\"]\n[recursion]\nroot_hints = \"none\"\n",
    );
    let loaded = files.load().unwrap();
    assert_eq!(
        files.shown(&loaded.warnings),
        ["\
warning: validation is off: everything is forwarded, and there is no trust anchor
 --> suimon.toml:2:8
  |
2 | zone = \".\"
  |        ^^^
  = why: the built-in anchors are those of the Internet's root; with dnssec.validation = \"auto\" they are believed only where its servers are asked
  = fix: give dnssec.trust_anchors, or say what you want: dnssec.validation = \"on\" or \"off\""]
    );
    assert_eq!(
        loaded.plan.dnssec.off_because.as_deref(),
        Some("everything is forwarded, and there is no trust anchor")
    );
    assert_eq!(
        headlines(&private_root(&files, "")),
        [
            "warning: validation is off: the root servers are not the Internet's, and there is no trust anchor"
        ]
    );
    assert_eq!(
        headlines("[[stub]]\nzone = '.'\nservers = ['192.0.2.1']"),
        ["warning: validation is off: the root is a stub zone, and there is no trust anchor"]
    );
    for decided in ["on", "off"] {
        let text = private_root(&files, &format!("[dnssec]\nvalidation = '{decided}'"));
        assert_eq!(headlines(&text), Vec::<String>::new());
    }
}

#[test]
fn anchors_of_lines_and_files_come_together_and_those_of_the_root_replace_the_built_in() {
    let files = Files::with("");
    let other = DS.replace(" 1 13 ", " 2 8 ");
    let one = files.put("one.ds", &format!("; comment\n{DS}\n{other}\n"));
    let own = files.put("root.ds", &DS.replace("example.", "."));
    let text = format!(
        "[dnssec]\ntrust_anchors = ['{DS}']\ntrust_anchor_files = ['{}', '{}']",
        one.display(),
        own.display()
    );
    assert_eq!(believed(&text), ["example. DS 2", ". DS 1"]);
    assert_eq!(
        believed(&format!("[dnssec]\ntrust_anchors = ['{DS}', '{other}']")),
        ["example. DS 2", ". DS 2"]
    );
    for shipped in ["root.ds", "root.key"] {
        let file = format!("/usr/share/dns/{shipped}");
        // Where dns-root-data is not installed there is nothing to read.
        if std::fs::exists(&file).unwrap() {
            let text = format!("[dnssec]\ntrust_anchor_files = ['{file}']");
            assert_eq!(believed(&text).len(), 1, "{file}");
            assert_eq!(headlines(&text), Vec::<String>::new());
        }
    }
}

#[test]
fn bad_anchors_are_shown_where_they_stand() {
    let files = Files::with("");
    files.put("bad.ds", &format!("{DS}\n. IN NS a.\n"));
    let path = files.path("bad.ds").display().to_string();
    let shown = refusal(&format!(
        "[dnssec]\ntrust_anchors = [\"{DS}\", \"example. DS 1 8 2 ABCD\"]\ntrust_anchor_files = [\"{path}\", \"/nowhere\", \"/dev/zero\"]\n"
    ))
    .replace(&path, "bad.ds");
    assert!(
        shown.contains(
            "\
error: this is not a trust anchor
 --> bad.ds:2:1
  |
2 | . IN NS a.
  | ^^^^^^^^^^
  = why: a trust anchor is a DS or DNSKEY record, not NS
  = fix: write lines like `. IN DS 20326 8 2 E06D44B80B8F1D39...` or `. IN DNSKEY 257 3 8 AwEAAaz/tAm8yTn4...`"
        ),
        "{shown}"
    );
    assert!(
        shown.contains(
            "  = why: a digest of type 2 has 32 octets, not 2
  = fix: write zone, IN, DS or DNSKEY and its data: \"example. IN DS 12345 13 2 49FD46E6C4B45C55...\"
"
        ),
        "{shown}"
    );
    assert!(
        shown.contains("error: trust anchors `/nowhere` cannot be read\n"),
        "{shown}"
    );
    assert!(
        shown.contains("= why: it is not a regular file\n"),
        "{shown}"
    );
}

#[test]
fn anchors_that_prove_nothing_are_warned_of() {
    let text = |algorithm: u8, digest: u8, length: usize| {
        format!(
            "[dnssec]\ntrust_anchors = ['example. DS 1 {algorithm} {digest} {}']",
            "00".repeat(length)
        )
    };
    let useless = ["warning: no trust anchor of `example.` is of use"];
    assert_eq!(headlines(&text(13, 2, 32)), Vec::<String>::new());
    assert_eq!(headlines(&text(5, 2, 32)), useless);
    assert_eq!(headlines(&text(13, 1, 20)), useless);
    let both = format!(
        "[dnssec]\ntrust_anchors = ['{DS}', '{}']",
        DS.replace(" 13 ", " 5 ")
    );
    assert_eq!(headlines(&both), Vec::<String>::new());
    assert_eq!(
        headlines(&format!(
            "[dnssec]\nvalidation = 'off'\ntrust_anchors = ['{DS}']"
        )),
        ["warning: the trust anchor of `example.` has no effect"]
    );
}

#[test]
fn validation_asks_for_the_records_it_needs() {
    assert_eq!(
        refusal("[recursion]\ndnssec_ok = false\n"),
        "\
error: validation needs DNSSEC records, and they are not asked for
 --> suimon.toml:2:13
  |
2 | dnssec_ok = false
  |             ^^^^^
  = why: without signatures every answer of a signed zone would be bogus
  = fix: remove the key, or write dnssec.validation = \"off\""
    );
    assert!(headlines("[recursion]\ndnssec_ok = false\n[dnssec]\nvalidation = 'off'").is_empty());
}

#[test]
fn negative_anchors_have_a_zone_and_perhaps_an_end() {
    let text = "\
[dnssec]
negative_trust_anchors = [\"Broken.example\", \"b. until 2026-12-01T09:00:00+09:00\"]
[[forward]]
zone = \"corp.example.\"
servers = [\"192.0.2.1\"]
validate = false
[[forward]]
zone = \"other.example.\"
servers = [\"192.0.2.1\"]
[[stub]]
zone = \"lab.example.\"
servers = [\"192.0.2.1\"]
validate = false
";
    let files = Files::with(text);
    let at = |now| {
        load(&Sources {
            now: Some(now),
            ..files.sources()
        })
        .unwrap()
    };
    let loaded = at(1_796_083_199);
    assert_eq!(loaded.warnings, []);
    let anchor = |zone: &str, until| NegativeAnchor {
        zone: zone.parse().unwrap(),
        until,
    };
    assert_eq!(
        loaded.plan.dnssec.negative_anchors,
        [
            anchor("broken.example.", None),
            anchor("b.", Some(1_796_083_200)),
            anchor("corp.example.", None),
            anchor("lab.example.", None),
        ]
    );
    assert_eq!(
        files.shown(&at(1_796_083_200).warnings),
        ["\
warning: the negative trust anchor of `b.` has ended
 --> suimon.toml:2:45
  |
2 | negative_trust_anchors = [\"Broken.example\", \"b. until 2026-12-01T09:00:00+09:00\"]
  |                                             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = why: it was to last until 2026-12-01T00:00:00Z, and the zone is validated again
  = fix: remove it, or move its end if the zone is still broken"]
    );
    assert_eq!(
        refusal("[dnssec]\nnegative_trust_anchors = [\"a. until tomorrow\"]"),
        "\
error: `dnssec.negative_trust_anchors` does not take this value
 --> suimon.toml:2:27
  |
2 | negative_trust_anchors = [\"a. until tomorrow\"]
  |                           ^^^^^^^^^^^^^^^^^^^
  = why: `tomorrow` is not a time (2026-12-01T00:00:00Z, 2026-12-01T09:00:00+09:00, 2026-12-01)
  = fix: write zones like \"example.com.\" or \"example.com. until 2026-12-01T00:00:00Z\""
    );
    assert_eq!(
        headlines("[dnssec]\nnegative_trust_anchors = ['a.', 'A. until 2030-01-01']"),
        ["error: `A.` has two negative trust anchors"]
    );
}

#[test]
fn how_to_validate_is_within_its_ranges() {
    for bad in [
        "validation = 'maybe'",
        "validation = true",
        "signature_skew = '2d'",
        "nsec3_iterations = 501",
        "sha1 = 'yes'",
        "trust_anchors = 'example. DS'",
        "trust_anchor_files = [1]",
    ] {
        let lines = headlines(&format!("[dnssec]\n{bad}"));
        assert!(
            lines[0].contains("does not take this value"),
            "{bad}: {lines:?}"
        );
    }
    let plan = accepted(
        "[dnssec]\nsignature_skew = '1d'\nnsec3_iterations = 500\naggressive = false\nfollow_rollovers = false\nsha1 = true\n\
         [limits]\nresponse_signatures = 1\nsignatures = 2\nnsec3_hashes = 3",
    )
    .plan;
    assert_eq!(
        (plan.dnssec.skew, plan.dnssec.nsec3_iterations),
        (86_400, 500)
    );
    assert!(!plan.dnssec.aggressive && !plan.dnssec.follow_rollovers && plan.dnssec.sha1);
    assert!(!accepted("").plan.dnssec.sha1);
    let limits = plan.recursion.limits;
    assert_eq!(
        (
            limits.response_signatures,
            limits.signatures,
            limits.nsec3_hashes
        ),
        (1, 2, 3)
    );
}
