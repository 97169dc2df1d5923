//! Is what `suimon top` shows of zones right?

use super::lab::{Lab, Servers, client};

#[test]
fn a_zone_under_attack_and_the_domain_around_it_are_told_once_and_rates_are_right() {
    let mut lab = Lab::new(Servers::Dead);
    lab.during(20_000, |lab| {
        let at = lab.at;
        lab.ask("bot", &format!("x{at}.victim.example"), client(at));
        if at % 10 == 0 {
            lab.ask("user", &format!("u{at}.quiet.example"), client(1));
        }
    });
    let demands = lab.guard.demands(lab.now());
    let of = |domain: &str| {
        let mut found = demands
            .iter()
            .filter(|one| one.domain.to_string() == domain);
        let one = found.next().unwrap().clone();
        assert!(found.next().is_none(), "{demands:?}");
        one
    };
    let victim = of("victim.example.");
    assert!(victim.engaged);
    for rate in [victim.misses, victim.unknown] {
        assert!((900.0..1_100.0).contains(&rate), "{victim:?}");
    }
    assert!((800.0..1_100.0).contains(&victim.denied), "{victim:?}");
    let quiet = of("quiet.example.");
    assert!((90.0..110.0).contains(&quiet.misses), "{quiet:?}");
    assert!(quiet.failed > 1.0, "its servers are dead, too: {quiet:?}");
}

#[test]
fn a_domain_is_what_somebody_registered() {
    let lab = Lab::new(Servers::Healthy);
    let domain = |wire: &[u8]| lab.guard.domain(wire).map(|wire| wire.to_vec());
    assert_eq!(
        domain(b"\x01A\x04Test\x07eXample\0").unwrap(),
        b"\x04test\x07example\0"
    );
    assert_eq!(domain(b"\x07example\0"), None);
    assert_eq!(domain(b"\0"), None);
}
