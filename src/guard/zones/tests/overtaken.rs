//! A zone that comes under attack while something else is under way there: for tests of whoever is overtaken by that.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::config::plan::{self, ZoneGuardMode};
use crate::guard::zones::engage::Ended;
use crate::guard::zones::{Cut, KnownNames, Outcome, Permission, Query, Slot, ZoneGuard};
use crate::sys::clock::Now;

/// One with few slots, so that few look-ups engage a zone.
pub(crate) fn watchful() -> Arc<ZoneGuard> {
    let plan = plan::ZoneGuard {
        mode: ZoneGuardMode::Enforce,
        slots: 512,
        ..plan::ZoneGuard::default()
    };
    let known = KnownNames::new(1 << 20, [7; 16], 0);
    let guard = ZoneGuard::with_secrets(&plan, known, Arc::default(), &[1; 16], &[2; 16]);
    Arc::new(guard)
}

/// What a client is lent for a name.
pub(crate) fn lent(
    guard: &ZoneGuard,
    name: &str,
    cut: Cut<'_>,
    client: u32,
    now: Now,
) -> Option<Slot> {
    let query = Query {
        name: &name.parse().expect("a name"),
        cut: Some(cut),
        client: IpAddr::V4(Ipv4Addr::from_bits(0x0A00_0000 | client << 8)),
        hop_limit: None,
        joins: false,
        renews: false,
    };
    match guard.judge(&query, || false, now) {
        Permission::Fetch(slot) | Permission::Explore(slot) => Some(slot),
        _ => None,
    }
}

/// So many look-ups of `zone` that it comes under attack.
pub(crate) fn overrun(guard: &ZoneGuard, zone: &str, cut: Cut<'_>, now: Now) -> Vec<Slot> {
    let mut held = Vec::new();
    for at in 0..2_000 {
        if guard.engaged() > 0 {
            break;
        }
        held.extend(lent(guard, &format!("r{at}.{zone}"), cut, 100 + at, now));
    }
    assert!(guard.engaged() > 0, "{zone} is not engaged");
    held
}

/// Two clients see that the name is there.
pub(crate) fn known(guard: &ZoneGuard, name: &str, cut: Cut<'_>, now: Now) {
    let real = Outcome {
        ended: Some(Ended::Positive),
        silent: false,
        answered: true,
        is_real: true,
    };
    for client in [1, 2] {
        let slot = lent(guard, name, cut, client, now).expect("a slot");
        slot.finish(real, 1, now);
    }
}
