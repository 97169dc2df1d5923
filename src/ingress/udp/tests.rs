//! When is the age of a datagram believed?

use super::*;

fn at(wall_ms: u64) -> Now {
    Now {
        wall_ms,
        mono: Duration::ZERO,
    }
}

#[test]
fn the_age_of_a_datagram_is_believed_only_when_it_can_be() {
    let stamp = |ms| Some(Duration::from_millis(ms));
    assert_eq!(age(stamp(10_000), at(10_300)), Duration::from_millis(300));
    assert_eq!(age(stamp(10_000), at(70_000)), Duration::from_secs(60));
    // Our clock was moved (libfaketime), in either direction; or the kernel gave no stamp.
    assert_eq!(age(stamp(10_000), at(70_001)), Duration::ZERO);
    assert_eq!(age(stamp(10_000), at(9_999)), Duration::ZERO);
    assert_eq!(age(None, at(10_000)), Duration::ZERO);
}
