//! Any text as a configuration: accepted or refused in sentences, and what is accepted never serves everybody by accident.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use libfuzzer_sys::{Corpus, fuzz_target};
use suimon::config::plan::{AclAction, Plan, TransportKind};
use suimon::config::{Loaded, load_text};
use suimon::guard::acl::Acl;
use suimon::policy::{Decision, Policy};
use suimon::wire::{Question, RecordType, rdata};
// For its `getrandom`.
use suimon_fuzz as _;

fuzz_target!(|octets: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(octets) else {
        return Corpus::Reject;
    };
    match load_text(Path::new("fuzz.toml"), text) {
        Err(problems) => {
            assert!(problems.iter().any(suimon::config::Problem::is_error));
            for problem in &problems {
                assert!(!problem.to_string().is_empty() && !problem.fix.is_empty());
            }
        }
        Ok(loaded) => accepted(&loaded),
    }
    Corpus::Keep
});

fn accepted(loaded: &Loaded) {
    for warning in &loaded.warnings {
        assert!(!warning.is_error() && !warning.to_string().is_empty());
    }
    let opened = loaded
        .warnings
        .iter()
        .any(|problem| problem.what == "everybody is served");
    if !opened {
        closed(&loaded.plan);
    }
    answers(&loaded.plan);
    // What is said to be in force is a configuration, and the same one.
    let again = load_text(Path::new("effective.toml"), &loaded.effective);
    let again = again.unwrap_or_else(|problems| {
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{}\n{}", loaded.effective, problems.join("\n"))
    });
    assert_eq!(again.plan, loaded.plan, "{}", loaded.effective);
}

/// No more than a part of the public addresses is served: judged by asking the access list about addresses spread over
/// all of them, and by the rules themselves.
fn closed(plan: &Plan) {
    for rule in &plan.guard.rules {
        assert!(rule.action != AclAction::Allow || rule.prefix.prefix_len() > 0);
    }
    let acl = Acl::new(&plan.guard.rules);
    let local = plan
        .ingress
        .listen
        .first()
        .map_or(Ipv4Addr::LOCALHOST.into(), |at| at.ip());
    let served = |client: IpAddr| {
        [TransportKind::Udp, TransportKind::Tcp]
            .into_iter()
            .any(|transport| {
                let rule = acl.find(client, local, transport);
                rule.is_some_and(|rule| rule.action == AclAction::Allow)
            })
    };
    let v4 = (1..=223_u8)
        .filter(|first| ![10, 127].contains(first))
        .filter(|first| {
            let client = Ipv4Addr::new(*first, first.wrapping_mul(73), 219, first.wrapping_mul(31));
            assert_eq!(
                served(client.into()),
                served(client.to_ipv6_mapped().into()),
                "mapped {client}"
            );
            served(client.into())
        });
    assert!(v4.count() <= 16, "open to IPv4");
    // 2000::/3 in pieces of a /12: at most one /16 is served in all.
    let v6 = (0x200..0x400_u16).filter(|first| {
        let client = Ipv6Addr::new(first << 4 | 5, first.wrapping_mul(7919), 3, 4, 5, 6, 7, 8);
        served(client.into())
    });
    assert!(v6.count() <= 8, "open to IPv6");
}

/// The operator's own names are answered without a panic, and hold what their type demands.
fn answers(plan: &Plan) {
    let policy = Policy::new(&plan.policy);
    for set in &plan.policy.local_data {
        assert!(!set.rdata.is_empty());
        for data in &set.rdata {
            rdata::check(set.rtype, data).expect("RDATA of its type");
        }
        for rtype in [set.rtype, RecordType::A, RecordType::ANY] {
            let _ = policy.decide(&Question::new(set.owner.clone(), rtype));
        }
        let below = set.owner.child(b"x").unwrap_or_else(|_| set.owner.clone());
        let _ = policy.decide(&Question::new(below, RecordType::A));
    }
    for zone in &plan.policy.local_zones {
        let decision = policy.decide(&Question::new(zone.clone(), RecordType::SOA));
        assert!(
            matches!(decision, Decision::Answer(_)),
            "{zone} is ours alone"
        );
    }
    for forward in &plan.policy.forward {
        assert!(!forward.servers.is_empty());
        let _ = policy.decide(&Question::new(forward.zone.clone(), RecordType::A));
    }
}
