//! Are cookies those of RFC 9018, and is nothing else taken for one?

use super::*;

fn octets(hexadecimal: &str) -> Vec<u8> {
    (0..hexadecimal.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hexadecimal[at..at + 2], 16).unwrap())
        .collect()
}

fn secret(hexadecimal: &str) -> [u8; 16] {
    octets(hexadecimal).try_into().unwrap()
}

fn at(wall: u64) -> Now {
    Now {
        wall_ms: wall * 1000,
        ..Now::at_secs(0)
    }
}

fn shared(secrets: &[&str]) -> Cookies {
    let plan = plan::Cookies {
        enabled: true,
        secrets: secrets.iter().map(|text| secret(text)).collect(),
    };
    Cookies::new(&plan, [0; 16], at(0))
}

/// With a secret that was drawn at the start.
fn drawn(key: u8) -> Cookies {
    let plan = plan::Cookies {
        enabled: true,
        secrets: Vec::new(),
    };
    Cookies::new(&plan, [key; 16], at(START))
}

const START: u64 = 1_700_000_000;
const CLIENT: &str = "192.0.2.7";
const OURS: [u8; 8] = *b"ourslike";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The server cookie that a client with this address gets at this time, with its own before it.
fn given(cookies: &Cookies, client: &str, wall: u64) -> Vec<u8> {
    let proof = cookies.judge(Some(&OURS), ip(client), at(wall));
    assert!(matches!(proof, Proof::Fresh(_)), "{proof:?}");
    proof.reply().unwrap().as_octets().to_vec()
}

fn is_valid(cookies: &Cookies, option: &[u8], client: &str, wall: u64) -> bool {
    matches!(
        cookies.judge(Some(option), ip(client), at(wall)),
        Proof::Valid(_)
    )
}

const FIRST: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";

#[test]
fn a_new_client_learns_the_cookie_of_rfc_9018_a_1() {
    let cookies = shared(&[FIRST]);
    let asked = octets("2464c4abcf10c957");
    let proof = cookies.judge(Some(&asked), ip("198.51.100.100"), at(1_559_731_985));
    let Proof::Fresh(cookie) = proof else {
        panic!("{proof:?}")
    };
    let told = octets("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
    assert_eq!(cookie.as_octets(), told);
}

#[test]
fn an_old_cookie_is_renewed_as_in_rfc_9018_a_2() {
    let asked = octets("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
    let proof = shared(&[FIRST]).judge(Some(&asked), ip("198.51.100.100"), at(1_559_734_385));
    let Proof::Valid(cookie) = proof else {
        panic!("{proof:?}")
    };
    let told = octets("2464c4abcf10c957010000005cf7a871d4a564a1442aca77");
    assert_eq!(cookie.as_octets(), told);
}

#[test]
fn reserved_octets_are_hashed_and_never_sent_as_in_rfc_9018_a_3() {
    let cookies = shared(&[FIRST]);
    let asked = octets("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
    let judge = |wall| cookies.judge(Some(&asked), ip("203.0.113.203"), at(wall));
    assert!(matches!(judge(1_559_727_985), Proof::Valid(_)));
    // The example's client comes after 6,715 s, when by section 4.3 its cookie holds no more.
    let Proof::Fresh(cookie) = judge(1_559_734_700) else {
        panic!("an old cookie held")
    };
    let told = octets("fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e");
    assert_eq!(cookie.as_octets(), told);
}

#[test]
fn a_secret_that_was_rolled_over_still_checks_as_in_rfc_9018_a_4() {
    let cookies = shared(&[
        "445536bcd2513298075a5d379663c962",
        "dd3bdf9344b678b185a6f5cb60fca715",
    ]);
    let asked = octets("22681ab97d52c298010000005cf7c57926556bd0934c72f8");
    let client = ip("2001:db8:220:1:59de:d0f4:8769:82b8");
    let proof = cookies.judge(Some(&asked), client, at(1_559_741_961));
    let Proof::Valid(cookie) = proof else {
        panic!("{proof:?}")
    };
    let told = octets("22681ab97d52c298010000005cf7c609a6bb79d16625507a");
    assert_eq!(cookie.as_octets(), told);
}

#[test]
fn a_cookie_holds_from_five_minutes_before_to_an_hour_after_its_time() {
    let cookies = drawn(1);
    let cookie = given(&cookies, CLIENT, START);
    for (wall, holds) in [
        (START - 301, false),
        (START - 300, true),
        (START, true),
        (START + 3600, true),
        (START + 3601, false),
    ] {
        assert_eq!(is_valid(&cookies, &cookie, CLIENT, wall), holds, "{wall}");
    }
}

#[test]
fn the_time_wraps_in_2106_without_anybody_noticing() {
    let cookies = drawn(1);
    let wrap = 1 << 32;
    let cookie = given(&cookies, CLIENT, wrap - 10);
    assert!(is_valid(&cookies, &cookie, CLIENT, wrap + 10));
    assert!(!is_valid(&cookies, &cookie, CLIENT, wrap + 3601));
}

#[test]
fn a_young_cookie_comes_back_as_it_is_and_an_old_one_anew() {
    let cookies = drawn(1);
    let cookie = given(&cookies, CLIENT, START);
    let reply = |wall| {
        let proof = cookies.judge(Some(&cookie), ip(CLIENT), at(wall));
        proof.reply().unwrap().as_octets().to_vec()
    };
    assert_eq!(reply(START + 1800), cookie);
    let renewed = reply(START + 1801);
    assert_ne!(renewed, cookie);
    assert!(is_valid(&cookies, &renewed, CLIENT, START + 5000));
}

#[test]
fn no_changed_octet_no_other_address_and_no_other_length_passes() {
    let cookies = drawn(1);
    let cookie = given(&cookies, CLIENT, START);
    assert!(is_valid(&cookies, &cookie, CLIENT, START));
    assert!(!is_valid(&cookies, &cookie, "192.0.2.8", START));
    for place in 0..cookie.len() {
        let mut changed = cookie.clone();
        changed[place] ^= 1;
        assert!(
            !is_valid(&cookies, &changed, CLIENT, START),
            "octet {place}"
        );
    }
    for length in [16, 23, 25, 32, 40] {
        let mut other = cookie.clone();
        other.resize(length, 0);
        assert!(!is_valid(&cookies, &other, CLIENT, START), "{length}");
    }
    // An IPv6 client whose address begins with the octets of the IPv4 one.
    assert!(!is_valid(&cookies, &cookie, "c000:207::", START));
}

#[test]
fn one_client_is_known_by_either_family_of_socket() {
    let cookies = drawn(1);
    let cookie = given(&cookies, CLIENT, START);
    assert!(is_valid(&cookies, &cookie, "::ffff:192.0.2.7", START));
}

#[test]
fn a_drawn_secret_is_replaced_after_a_day_and_its_cookies_hold_on() {
    let cookies = drawn(1);
    let day = START + 86_400;
    let cookie = given(&cookies, CLIENT, day - 1);
    cookies.see_to_it(|| unreachable!("it is too early"), at(day - 1));
    cookies.see_to_it(|| [2; 16], at(day));
    assert!(is_valid(&cookies, &cookie, CLIENT, day + 1));
    let proof = cookies.judge(Some(&cookie), ip(CLIENT), at(day + 1));
    assert_ne!(proof.reply().unwrap().as_octets(), cookie, "the new secret");
    assert!(is_valid(
        &cookies,
        proof.reply().unwrap().as_octets(),
        CLIENT,
        day + 1
    ));
    cookies.see_to_it(|| [3; 16], at(day + 86_400));
    cookies.see_to_it(|| [4; 16], at(day + 86_401));
    let younger = given(&cookies, CLIENT, day + 86_402);
    assert!(is_valid(&drawn(3), &younger, CLIENT, day + 86_402));
}

#[test]
fn a_secret_of_the_operators_is_never_replaced() {
    let cookies = shared(&[FIRST]);
    cookies.see_to_it(|| unreachable!("it is the operator's"), at(u64::MAX / 1000));
}

#[test]
fn a_reload_keeps_what_was_drawn_and_takes_what_is_configured() {
    let before = drawn(1);
    assert!(drawn(2).may_continue(&before));
    assert!(!shared(&[FIRST]).may_continue(&before));
    assert!(!drawn(2).may_continue(&shared(&[FIRST])));
}

#[test]
fn without_an_option_and_when_switched_off_nothing_is_said() {
    assert_eq!(drawn(1).judge(None, ip(CLIENT), at(START)), Proof::None);
    let off = plan::Cookies {
        enabled: false,
        secrets: Vec::new(),
    };
    let off = Cookies::new(&off, [1; 16], at(START));
    assert_eq!(off.judge(Some(&OURS), ip(CLIENT), at(START)), Proof::None);
}
