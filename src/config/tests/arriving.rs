//! Are bindings and route-back checks read as they are meant, and refused where they could not work?

use super::{accepted, headlines};
use crate::config::plan::RouteBack;

#[test]
fn bindings_groups_and_the_route_back_reach_the_plan() {
    let text = "[acl]\nallow = ['10.0.0.0/8', '2001:db8::/32']\n[guard]\nroute_back = 'feasible'\n\
                [[guard.bind]]\nprefixes = ['10.1.0.0/16', '2001:db8::/32']\ninterfaces = ['eth1', 'bond0.*']\n\
                [[guard.group]]\ninterfaces = ['up1', 'up2']\n";
    let loaded = accepted(text);
    let guard = &loaded.plan.guard;
    assert_eq!(guard.route_back, RouteBack::Feasible);
    assert_eq!(guard.interface_groups, [["up1", "up2"]]);
    assert_eq!(guard.bindings.len(), 1);
    assert_eq!(guard.bindings[0].prefixes[1].to_string(), "2001:db8::/32");
    assert_eq!(guard.bindings[0].interfaces, ["eth1", "bond0.*"]);
    assert!(headlines(text).is_empty());
    let nothing = accepted("").plan.guard;
    assert_eq!(nothing.route_back, RouteBack::Off);
    assert!(nothing.bindings.is_empty());
}

#[test]
fn what_could_have_no_effect_is_told() {
    let bind = |prefixes: &str, interfaces: &str| {
        headlines(&format!(
            "[acl]\nallow = ['10.0.0.0/8']\n[[guard.bind]]\nprefixes = [{prefixes}]\ninterfaces = [{interfaces}]\n"
        ))
        .join("\n")
    };
    assert!(bind("'192.0.2.0/24'", "'eth1'").contains("nobody in `192.0.2.0/24` may ask"));
    assert!(bind("'10.0.0.0/8'", "").contains("binds to no interface at all"));
    assert!(bind("'::ffff:10.0.0.0/104'", "'eth1'").contains("IPv4 in disguise"));
    assert!(bind("'10.0.0.0/8'", "'a/b'").contains("guard.bind.interfaces"));
    assert!(bind("'10.0.0.0/8'", "'sixteen-letters-'").contains("guard.bind.interfaces"));
    assert!(bind("'10.0.0.0/8'", "'eth1'").is_empty());
    let groups = headlines("[[guard.group]]\ninterfaces = ['a', 'b']\n");
    assert!(
        groups[0].contains("these groups have no effect"),
        "{groups:?}"
    );
    let mode = headlines("[guard]\nroute_back = 'lose'\n");
    assert!(mode[0].contains("guard.route_back"), "{mode:?}");
}

#[test]
fn an_ipv6_prefix_that_is_one_customer_is_told_of_unless_something_says_how_many_it_is() {
    let told = |prefix: &str, limiter: &str| {
        headlines(&format!(
            "[acl]\nallow = ['{prefix}']\n[limiter]\n{limiter}\n"
        ))
        .join("\n")
    };
    for prefix in ["2001:db8:0:5600::/56", "2001:db8:0:5601::/64"] {
        assert!(told(prefix, "").contains("together are one customer"));
    }
    for (prefix, limiter) in [
        ("2001:db8::/32", ""),
        ("2001:db8::53", ""),
        ("192.0.2.0/24", ""),
        ("fe80::/64", ""),
        ("2001:db8:0:5601::/64", "mode = 'off'"),
        ("2001:db8:0:5600::/56", "customer_prefix = 64"),
        (
            "2001:db8:0:5601::/64",
            "shared_addresses = ['2001:db8:0:5600::/56']",
        ),
        ("2001:db8:0:5601::/64", "exempt = ['2001:db8::/32']"),
        (
            "2001:db8:0:5601::/64",
            "[[limiter.prefix]]\nprefix = '2001:db8:0:5601::/64'",
        ),
    ] {
        assert_eq!(told(prefix, limiter), "", "{prefix} {limiter}");
    }
}
