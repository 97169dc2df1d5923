//! How long does a question wait for the server that it was charged to, and was it that one who answered?

use std::net::IpAddr;

use super::internet::{Deed, Internet, Run, TEST, error, name};
use crate::wire::Rcode;

/// The provider's, the least address of its zones; another of its own; and one that is somebody else's.
const PROVIDER: &str = "192.0.2.1";
const BESIDE: &str = "192.0.2.2";
const ELSEWHERE: &str = "192.0.2.77";

/// `a.test` at the provider, `else.test` elsewhere, and `sub.a.test` delegated there.
fn internet() -> Internet {
    let mut internet = Internet::new();
    internet.zone(
        "a.test",
        &[PROVIDER, BESIDE],
        &[
            "www.a.test A 192.0.2.80",
            "near.a.test CNAME www.a.test",
            "far.a.test CNAME www.else.test",
            "sub.a.test NS ns.sub.a.test",
            "ns.sub.a.test A 192.0.2.77",
        ],
    );
    internet.zone("else.test", &[ELSEWHERE], &["www.else.test A 192.0.2.81"]);
    internet.serve(ELSEWHERE, "sub.a.test", &["www.sub.a.test A 192.0.2.82"]);
    internet.charged = Some((name("a.test"), ip(PROVIDER)));
    // It is known who serves what.
    for known in ["ns0.a.test", "ns0.else.test"] {
        internet.ask(known, "A");
    }
    internet
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn to(run: &Run) -> Vec<IpAddr> {
    run.sent.iter().map(|sent| sent.to).collect()
}

#[test]
fn a_question_waits_for_its_server_until_an_alias_leads_elsewhere_or_a_referral_down() {
    for (asked, packets) in [("www.a.test", 1), ("near.a.test", 1)] {
        let run = internet().ask(asked, "A");
        assert_eq!((run.rcode(), run.left_after), (Rcode::NOERROR, None));
        assert_eq!(to(&run), vec![ip(PROVIDER); packets], "{asked}");
        assert_eq!(run.answered, [ip(PROVIDER)]);
    }
    for asked in ["far.a.test", "www.sub.a.test"] {
        let run = internet().ask(asked, "A");
        assert_eq!(run.rcode(), Rcode::NOERROR, "{asked}");
        let asked_there = to(&run).iter().filter(|to| **to == ip(PROVIDER)).count();
        assert_eq!(run.left_after, Some(asked_there), "{asked}: {:?}", to(&run));
        assert_eq!(run.answered, [ip(PROVIDER), ip(ELSEWHERE)], "{asked}");
    }
    // An alias that is known leads away before anybody is asked.
    let mut internet = internet();
    internet.ask("far.a.test", "A");
    internet
        .cache
        .flush(&name("www.else.test"), crate::cache::FlushScope::Name);
    let run = internet.ask("far.a.test", "A");
    assert_eq!((to(&run), run.left_after), (vec![ip(ELSEWHERE)], Some(0)));
}

#[test]
fn a_server_that_is_no_use_is_not_waited_for_and_one_that_keeps_silent_is() {
    let mut refused = internet();
    refused.errs(PROVIDER, Rcode::REFUSED);
    refused.silence(BESIDE);
    let run = refused.ask("www.a.test", "A");
    assert_eq!((run.rcode(), run.left_after), (Rcode::SERVFAIL, Some(1)));
    assert!(!run.answered.contains(&ip(PROVIDER)));
    let mut silent = internet();
    silent.silence(PROVIDER);
    silent.silence(BESIDE);
    let run = silent.ask("www.a.test", "A");
    assert_eq!((run.rcode(), run.silent.len()), (Rcode::SERVFAIL, 2));
    // Its parent is asked who else serves it: they are still waited for.
    assert!(to(&run).contains(&ip(TEST)) && run.left_after.is_none());
}

#[test]
fn who_answered_is_known_where_another_kept_silent_or_refused() {
    for refuses in [false, true] {
        let mut internet = internet();
        internet.villain(PROVIDER, move |question, _| match refuses {
            true => Deed::Say(error(question, Rcode::REFUSED)),
            false => Deed::Silence,
        });
        let run = internet.ask("www.a.test", "A");
        assert_eq!(
            (run.rcode(), run.answered),
            (Rcode::NOERROR, vec![ip(BESIDE)])
        );
    }
}
