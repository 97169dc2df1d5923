//! Is the right server chosen, waited for long enough, and asked in the way it understands? No sockets, made-up time.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::egress::rtt::Rtt;
use crate::egress::servers::Servers;
use crate::sys::clock::Now;

use super::{name, shipped};

fn server(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 53))
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// How often each of `candidates` is chosen in 2,000 rounds.
fn shares(servers: &Servers, candidates: &[SocketAddr], now: Now) -> HashMap<SocketAddr, u32> {
    let mut rng = StdRng::seed_from_u64(7);
    let mut shares = HashMap::new();
    for _ in 0..2_000 {
        let choice = servers
            .choose(candidates, &name("test."), now, &mut rng)
            .unwrap();
        *shares.entry(choice.server).or_default() += 1;
    }
    shares
}

fn knowing(times: &[(u8, u64)], now: Now) -> Servers {
    let servers = Servers::new(&shipped());
    for &(last, rtt) in times {
        for _ in 0..8 {
            servers.note_reply(server(last), millis(rtt), true, now);
        }
    }
    servers
}

#[test]
fn rtt_is_smoothed_as_in_rfc_6298() {
    let first = Rtt::first(millis(80));
    assert_eq!(first.smoothed(), millis(80));
    assert_eq!(first.timeout(), millis(80 + 4 * 40));
    let second = first.with(millis(160));
    assert_eq!(second.smoothed(), millis(90));
    assert_eq!(second.timeout(), millis(90 + 4 * 50));
}

#[test]
fn nobody_to_choose_from() {
    let mut rng = StdRng::seed_from_u64(1);
    let servers = Servers::new(&shipped());
    assert_eq!(
        servers.choose(&[], &name("."), Now::at_secs(1), &mut rng),
        None
    );
}

#[test]
fn unknown_servers_share_the_load() {
    let candidates = [server(1), server(2), server(3), server(4)];
    let shares = shares(&Servers::new(&shipped()), &candidates, Now::at_secs(1));
    for candidate in candidates {
        assert!((350..650).contains(&shares[&candidate]), "{shares:?}");
    }
}

#[test]
fn a_fast_server_is_preferred_and_the_slow_one_still_looked_at() {
    let now = Now::at_secs(1);
    let servers = knowing(&[(1, 10), (2, 300)], now);
    let shares = shares(&servers, &[server(1), server(2)], now);
    // One choice in 20 is for exploring, and half of those hit the slow one: about 50 of 2,000.
    assert!((20..100).contains(&shares[&server(2)]), "{shares:?}");
}

#[test]
fn servers_about_as_fast_share_the_load() {
    let now = Now::at_secs(1);
    let servers = knowing(&[(1, 10), (2, 25), (3, 200)], now);
    let shares = shares(&servers, &[server(1), server(2), server(3)], now);
    assert!((800..1_150).contains(&shares[&server(1)]), "{shares:?}");
    assert!((800..1_150).contains(&shares[&server(2)]), "{shares:?}");
}

#[test]
fn an_unknown_server_gets_a_turn_beside_a_slow_one() {
    let now = Now::at_secs(1);
    let servers = knowing(&[(1, 200)], now);
    let shares = shares(&servers, &[server(1), server(2)], now);
    assert!(shares[&server(2)] > 600, "{shares:?}");
}

#[test]
fn a_measurement_grows_old() {
    let now = Now::at_secs(1);
    let servers = knowing(&[(1, 10)], now);
    assert_eq!(servers.view(server(1), now).rtt, Some(millis(10)));
    let later = now.plus(Duration::from_secs(901));
    assert_eq!(servers.view(server(1), later).rtt, None);
}

#[test]
fn a_silent_server_rests_longer_each_time_and_comes_back_at_the_first_reply() {
    let servers = knowing(&[(1, 10), (2, 12)], Now::at_secs(0));
    let both = [server(1), server(2)];
    let mut now = Now::at_secs(10);
    for rest in [1, 2, 4, 8, 16, 32, 64, 64, 64] {
        servers.note_timeout(server(1), now, true, now.plus(millis(400)));
        now = now.plus(millis(400));
        let before_end = now.plus(Duration::from_secs(rest) - millis(1));
        let resting = shares(&servers, &both, before_end);
        assert_eq!(resting.get(&server(1)), None, "after {rest} s");
        now = now.plus(Duration::from_secs(rest));
        // Now it may be explored; that takes it out again until the probe is over.
        let probed = shares(&servers, &both, now);
        assert_eq!(probed.get(&server(1)), Some(&1), "after {rest} s");
        now = now.plus(Duration::from_secs(2));
    }
    servers.note_reply(server(1), millis(10), true, now);
    assert!(shares(&servers, &both, now)[&server(1)] > 800);
}

#[test]
fn a_resting_server_is_asked_when_there_is_no_other() {
    let servers = Servers::new(&shipped());
    let now = Now::at_secs(10);
    servers.note_timeout(server(1), now, true, now.plus(millis(400)));
    let shares = shares(&servers, &[server(1)], now.plus(millis(401)));
    assert_eq!(shares[&server(1)], 2_000);
}

#[test]
fn queries_on_their_way_together_count_as_one_timeout() {
    let servers = Servers::new(&shipped());
    let sent = Now::at_secs(10);
    for later in 0..50 {
        servers.note_timeout(
            server(1),
            sent.plus(millis(later)),
            true,
            sent.plus(millis(400 + later)),
        );
    }
    assert_eq!(servers.view(server(1), sent).timeouts, 1);
}

#[test]
fn waiting_starts_at_the_floor_and_both_sends_together_take_the_maximum() {
    let servers = knowing(&[(1, 10), (2, 500)], Now::at_secs(0));
    let mut now = Now::at_secs(1);
    assert_eq!(servers.choice(server(9), now).timeout, millis(400));
    assert_eq!(servers.choice(server(1), now).timeout, millis(400));
    let slow = servers.choice(server(2), now).timeout;
    assert!(slow > millis(500) && slow < millis(1_500), "{slow:?}");
    for _ in 0..3 {
        servers.note_timeout(server(1), now, true, now.plus(millis(400)));
        servers.note_timeout(server(2), now, true, now.plus(slow));
        now = now.plus(Duration::from_secs(100));
        assert_eq!(servers.choice(server(1), now).timeout, millis(1_100));
        assert_eq!(
            servers.choice(server(2), now).timeout,
            slow.max(millis(1_100)),
            "never shorter than the first time"
        );
    }
}

#[test]
fn a_lame_server_is_last_for_its_zone_alone_and_not_for_ever() {
    let servers = knowing(&[(1, 10), (2, 300)], Now::at_secs(0));
    let both = [server(1), server(2)];
    let now = Now::at_secs(1);
    servers.note_lame(server(1), &name("test."), now);
    assert_eq!(shares(&servers, &both, now).get(&server(1)), None);
    assert!(!servers.is_lame(server(1), &name("other.test."), now));
    assert_eq!(shares(&servers, &both[..1], now)[&server(1)], 2_000);
    let later = now.plus(Duration::from_secs(600));
    assert!(shares(&servers, &both, later)[&server(1)] > 1_000);
}

#[test]
fn silence_alternates_with_and_without_edns_until_one_is_answered() {
    let servers = Servers::new(&shipped());
    let mut now = Now::at_secs(1);
    let mut asked = Vec::new();
    for _ in 0..4 {
        let edns = servers.choice(server(1), now).edns;
        asked.push(edns);
        servers.note_timeout(server(1), now, edns, now.plus(millis(400)));
        now = now.plus(Duration::from_secs(100));
    }
    assert_eq!(asked, [true, false, true, false]);
}

#[test]
fn a_server_that_took_edns_keeps_it_in_spite_of_a_lost_packet() {
    let servers = knowing(&[(1, 10)], Now::at_secs(0));
    let now = Now::at_secs(1);
    servers.note_timeout(server(1), now, true, now.plus(millis(400)));
    assert!(servers.choice(server(1), Now::at_secs(5)).edns);
}

#[test]
fn plainness_by_silence_is_forgotten_soon_and_by_refusal_later() {
    let servers = Servers::new(&shipped());
    let now = Now::at_secs(1);
    servers.note_timeout(server(1), now, true, now.plus(millis(400)));
    servers.note_reply(server(1), millis(10), false, now.plus(millis(500)));
    servers.note_plain(server(2), now);
    let edns = |last, secs| servers.choice(server(last), Now::at_secs(secs)).edns;
    assert!(!edns(1, 50) && !edns(2, 50));
    assert!(edns(1, 70) && !edns(2, 70));
    assert!(edns(2, 902));
}

#[test]
fn a_clock_that_jumps_by_years_trips_nothing() {
    let servers = knowing(&[(1, 10)], Now::at_secs(0));
    let far = Now::at_secs(10_000_000_000);
    servers.note_timeout(server(1), far, true, far);
    let shares = shares(&servers, &[server(1)], Now::at_secs(0));
    assert_eq!(shares[&server(1)], 2_000);
    let end = Now {
        wall_ms: u64::MAX,
        mono: Duration::MAX,
    };
    servers.note_timeout(server(1), end, true, end);
    servers.note_lame(server(1), &name("test."), end);
    servers.note_reply(server(1), Duration::MAX, true, end);
    let choice = servers.choice(server(1), end);
    assert_eq!(
        choice.timeout,
        millis(1_500),
        "of a server that took for ever"
    );
}
