//! Would the architecture test notice? Each rule is fed a text that breaks it, and one that does not.

use super::rules::complaints;
use super::{caption_complaints, captions, promised_tests, unkept};

const FIRST: &str = "//! What does this file answer?\n";

fn says(path: &str, code: &str) -> String {
    complaints(path, &format!("{FIRST}{code}")).join("\n")
}

#[track_caller]
fn refused(path: &str, code: &str, because: &str) {
    let said = says(path, code);
    assert!(
        said.contains(because),
        "{path}: {code}\nexpected: {because}\nsaid: {said:?}"
    );
}

#[track_caller]
fn allowed(path: &str, code: &str) {
    assert_eq!(says(path, code), "", "{path}: {code}");
}

#[test]
fn upward_and_sideways_imports() {
    refused(
        "cache/store.rs",
        "use crate::recursion::Step;",
        "imports point down",
    );
    refused(
        "cache/store.rs",
        "use crate::policy::Policy;",
        "do not know each other",
    );
    refused(
        "recursion/step.rs",
        "use crate::egress::Egress;",
        "not in its row",
    );
    refused("wire/name.rs", "use crate::sys::clock::Now;", "level 0");
    refused(
        "ingress/udp.rs",
        "use crate::ops::Page;",
        "do not know each other",
    );
    refused(
        "resolve.rs",
        "use crate::query::Pipeline;",
        "do not know each other",
    );
    refused(
        "drill/mod.rs",
        "use crate::daemon::run;",
        "do not know each other",
    );
    refused("bin/suimond.rs", "use suimon::recursion::Step;", "no row");
    refused("ctl/ask.rs", "use crate::cache::Cache;", "no row");
    refused("attic/mod.rs", "use crate::cache::Cache;", "no row");
    refused("cache/store.rs", "use crate::attic::Cache;", "no such room");
    allowed(
        "recursion/step.rs",
        "use crate::{cache::Cache, wire::{Name, Question}};",
    );
    allowed(
        "daemon.rs",
        "use crate::{cache, egress, recursion, query, ops::Page};",
    );
    allowed("bin/suimond.rs", "use suimon::{daemon, config::load};");
}

#[test]
fn imports_in_every_disguise() {
    refused(
        "cache/store.rs",
        "fn f() { crate::egress::ask(); }",
        "not know each other",
    );
    refused(
        "cache/store.rs",
        "use crate::{wire::Name,\n    egress::{self, Egress}};",
        "cache/store.rs:3:",
    );
    refused(
        "cache/store.rs",
        "use super::super::egress::Egress;",
        "`cache` may not use `egress::Egress`",
    );
    refused(
        "cache/mod.rs",
        "use super::egress::Egress;",
        "`cache` may not use `egress::Egress`",
    );
    refused(
        "cache/store.rs",
        "mod inner { use super::super::super::egress::X; }",
        "egress::X",
    );
    refused(
        "cache/store.rs",
        "macro_rules! m { () => { $crate::egress::ask() } }",
        "egress::ask",
    );
    refused(
        "cache/store.rs",
        "pub use crate::egress as friend;",
        "`egress`",
    );
    allowed(
        "cache/store.rs",
        "mod inner { use super::super::ranking::Rank; }",
    );
    allowed(
        "cache/store.rs",
        "use super::ranking::Rank; use self::x::Y;",
    );
    allowed(
        "cache/store.rs",
        "// use crate::egress::X;\n/* crate::egress /* nested */ */ const S: &str = \"crate::egress\";",
    );
    allowed(
        "cache/store.rs",
        "const R: &str = r#\"a \" crate::egress::X\"#; const C: char = '\"'; fn f<'a>(x: &'a str) {}",
    );
    allowed("guard/permit.rs", "pub(in crate::guard) const fn f() {}");
}

#[test]
fn doors_open_one_path_only() {
    allowed(
        "egress/exchange.rs",
        "use crate::guard::permit::{Budget, Cause};",
    );
    refused(
        "egress/exchange.rs",
        "use crate::guard::{permit::Budget, Guard};",
        "guard::Guard",
    );
    refused(
        "egress/exchange.rs",
        "use crate::guard::permits::X;",
        "guard::permits",
    );
    allowed(
        "ctl/status.rs",
        "use crate::ops::control::protocol::Request;",
    );
    refused(
        "ctl/status.rs",
        "use crate::ops::control::Server;",
        "ops::control::Server",
    );
}

#[test]
fn a_room_takes_its_slice_of_the_plan() {
    allowed(
        "cache/mod.rs",
        "use crate::config::plan::Cache as Settings;",
    );
    allowed("daemon.rs", "use crate::config::plan::Plan;");
    refused(
        "cache/mod.rs",
        "use crate::config::plan::Plan;",
        "never the whole",
    );
    refused(
        "cache/mod.rs",
        "use crate::config::plan::*;",
        "never the whole",
    );
    refused(
        "cache/mod.rs",
        "use crate::config::plan;\nfn f(p: &plan::Plan) {}",
        "never the whole",
    );
    refused(
        "cache/mod.rs",
        "use crate::config::load::read;",
        "nothing else of config",
    );
    refused(
        "cache/mod.rs",
        "use crate::config;",
        "nothing else of config",
    );
}

#[test]
fn only_resolve_sees_recursion_and_egress() {
    let both = "use crate::{egress::Egress, recursion::Recursion};";
    refused("query.rs", both, "only resolve does");
    allowed("resolve.rs", both);
}

#[test]
fn clocks_dice_sockets_and_tasks() {
    refused(
        "policy/mod.rs",
        "fn f() { let t = std::time::Instant::now(); }",
        "Instant::now",
    );
    refused(
        "ctl/ask.rs",
        "fn f() { SystemTime::now(); }",
        "SystemTime::now",
    );
    allowed("egress/udp.rs", "fn f() { tokio::time::Instant::now(); }");
    refused(
        "daemon.rs",
        "fn f() -> u16 { rand::random() }",
        "rand::random",
    );
    allowed(
        "sys/clock.rs",
        "fn f() { let t = std::time::Instant::now(); }",
    );
    refused(
        "cache/store.rs",
        "fn f() { crate::sys::clock::now(); }",
        "no socket, clock",
    );
    refused(
        "recursion/step.rs",
        "async fn f(s: tokio::net::UdpSocket) {}",
        "UdpSocket",
    );
    refused(
        "guard/acl.rs",
        "fn f() { std::fs::read(\"x\"); }",
        "std::fs",
    );
    refused(
        "policy/mod.rs",
        "fn f() { tokio::spawn(async {}); }",
        "starts no task",
    );
    refused(
        "cache/store.rs",
        "fn f() { std::thread::spawn(|| ()); }",
        "starts no task",
    );
    allowed("ingress/tcp.rs", "fn f() { tokio::spawn(async {}); }");
}

#[test]
fn permits_have_two_mints() {
    refused(
        "resolve.rs",
        "fn f() { RecursionPermit::internal(InternalCause::Priming); }",
        "daemon.rs alone",
    );
    refused(
        "ops/control/mod.rs",
        "use crate::guard::permit::InternalCause;",
        "daemon.rs alone",
    );
    refused(
        "daemon.rs",
        "fn f() { RecursionPermit::for_client(ip, true); }",
        "only the guard",
    );
    allowed(
        "daemon.rs",
        "fn f() { RecursionPermit::internal(InternalCause::Priming); }",
    );
    allowed(
        "guard/mod.rs",
        "fn f() { RecursionPermit::for_client(ip, true); }",
    );
}

#[test]
fn size_and_first_line() {
    let long = "fn f() {}\n".repeat(500);
    refused("cache/store.rs", &long, "501 lines without tests");
    let tested = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
    allowed("cache/store.rs", &tested);
    allowed("cache/tests.rs", &long);
    assert!(
        complaints("cache/store.rs", "use std::fmt;\n")
            .join("")
            .contains("first line")
    );
    assert!(
        complaints("cache/tests.rs", "use std::fmt;\n")
            .join("")
            .contains("first line")
    );
    refused("sys/socket.rs", "fn f() { unsafe { g() } }", "unsafe");
}

#[test]
fn tests_may_look_around_but_only_they() {
    allowed(
        "cache/store.rs",
        "#[cfg(test)]\nmod tests { use crate::egress::Egress; fn f() { tokio::spawn(g()); } }",
    );
    allowed(
        "cache/store.rs",
        "#[cfg(test)]\nuse crate::egress::Egress;\nfn f() {}",
    );
    refused(
        "cache/store.rs",
        "#[cfg(test)]\nmod tests { fn f() {} }\nuse crate::egress::Egress;",
        "egress::Egress",
    );
    refused(
        "cache/store.rs",
        "#[cfg(test)]\nmod tests;\nuse crate::egress::Egress;",
        "egress::Egress",
    );
}

#[test]
fn captions_that_drift() {
    let written = captions(
        "| room | caption |\n|---|---|\n| `cache/` | What we know. |\n| `attic/` | Old things. |\n| `cache` | `wire` | a door |\n",
    );
    let real = |caption: &str| [("cache".to_owned(), caption.to_owned())].into();
    let said = caption_complaints(&written, &real("What we know, for how long.")).join("\n");
    assert!(
        said.contains("its first line says: What we know, for how long."),
        "{said}"
    );
    assert!(said.contains("`attic`, which does not exist"), "{said}");
    let unlisted = caption_complaints(&captions(""), &real("What we know.")).join("\n");
    assert!(unlisted.contains("no row for `cache`"), "{unlisted}");
}

#[test]
fn promises_without_a_test() {
    let names = promised_tests("| attack | `room` | `kept`, `broken` |\n`prose` | `is not read`\n");
    assert_eq!(names.len(), 2, "{names:?}");
    let said = unkept(&names, &["async fn kept() {}".to_owned()]).join("\n");
    assert!(
        said.contains("`broken`, which does not exist") && !said.contains("kept`"),
        "{said}"
    );
}
