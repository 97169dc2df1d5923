//! Does a look tell rates right, fit its frame, and keep its keys?

use super::*;
use crate::ctl::output::Paint;
use crate::ops::control::protocol::{TopClient, TopDomain, TopLimited, TopServer, TopZone};

fn zone(zone: &str, numbers: [f32; 4], under_attack: bool) -> TopZone {
    let [misses, unknown, failed, denied] = numbers;
    TopZone {
        zone: zone.to_owned(),
        misses_per_second: misses,
        unknown_per_second: unknown,
        failed_per_second: failed,
        denied_per_second: denied,
        under_attack,
    }
}

fn client(network: &str, queries_per_second: f32) -> TopClient {
    TopClient {
        network: network.to_owned(),
        queries_per_second,
    }
}

fn looks() -> (TopReport, TopReport) {
    let limited = |limited_total| {
        vec![TopLimited {
            network: "198.51.100.0/24".to_owned(),
            limited_total,
        }]
    };
    let reasons = |allowed, truncated| {
        [("acl_allow", allowed), ("limited_truncated", truncated)]
            .map(|(reason, times)| (reason.to_owned(), times))
            .into_iter()
            .collect()
    };
    let before = TopReport {
        uptime_ms: 60_000,
        queries_total: 100_000,
        answers_total: 90_000,
        hits_total: 80_000,
        upstream_packets_total: 10_000,
        reasons_total: reasons(90_000, 500),
        limited: limited(500),
        ..TopReport::default()
    };
    let after = TopReport {
        uptime_ms: 62_000,
        queries_total: 110_000,
        answers_total: 94_000,
        hits_total: 83_000,
        upstream_packets_total: 10_500,
        recursions_in_flight: 41,
        pending_clients: 17,
        slots_used: 39,
        slots: 8_192,
        zones_under_attack: 1,
        servers_under_attack: 0,
        limited_networks: 1,
        reasons_total: reasons(94_000, 6_500),
        clients: vec![
            client("198.51.100.0/24", 3_100.2),
            client("2001:db8:77::/48", 812.0),
            client("192.0.2.0/24", 0.4),
        ],
        outsiders: vec![client("203.0.113.0/24", 52.0)],
        limited: limited(6_500),
        zones: vec![
            zone("victim.example.", [1_500.0, 1_480.0, 20.0, 1_440.0], true),
            zone("cdn.example.", [200.0, 1.0, 40.0, 0.0], false),
            zone(
                "a-registrable-domain-of-more-than-forty-characters-as-there-are-some.co.example.",
                [7.5, 0.0, 0.0, 0.0],
                false,
            ),
        ],
        servers: Vec::new(),
        domains: vec![TopDomain {
            domain: "popular.example.".to_owned(),
            queries_per_second: 2_345.0,
        }],
    };
    (before, after)
}

fn draw(columns: usize, lines: Option<usize>, order: Order) -> String {
    let (before, after) = looks();
    let look = Look::between(&before, &after, order);
    let frame = Frame {
        columns,
        rows: 10,
        lines,
        paint: Paint::plain(),
    };
    frame.draw(&look, order)
}

#[test]
fn lists_stand_below_one_another_at_80_columns() {
    assert_eq!(
        draw(80, None, Order::default()),
        "\
5,000 q/s   hits 75.0 %   upstream 250 packets/s
41 recursions  17 wait  slots 39/8192  attacked 1  limited 1

Clients           queries/s*  limited/s
198.51.100.0/24        3,100      3,000
2001:db8:77::/48         812
192.0.2.0/24             0.4

Not in the cache                              misses/s*  unknown  failed  denied
victim.example.                                   1,500    1,480      20   1,440
cdn.example.                                        200      1.0      40
…ty-characters-as-there-are-some.co.example.        7.5

Reasons            per second  in all
limited_truncated       3,000   6,500
acl_allow               2,000  94,000

Domains           queries/s
popular.example.      2,345

May not ask     queries/s
203.0.113.0/24         52
"
    );
}

#[test]
fn lists_stand_side_by_side_at_120_columns() {
    assert_eq!(
        draw(120, None, Order::default()),
        "\
5,000 q/s   hits 75.0 %   upstream 250 packets/s
41 recursions   17 clients wait   39 of 8,192 slots   1 zone under attack   1 network limited

Clients           queries/s*  limited/s                      Not in the cache         misses/s*  unknown  failed  denied
198.51.100.0/24        3,100      3,000                      victim.example.              1,500    1,480      20   1,440
2001:db8:77::/48         812                                 cdn.example.                   200      1.0      40
192.0.2.0/24             0.4                                 …e-are-some.co.example.        7.5

Reasons            per second  in all                        Domains           queries/s
limited_truncated       3,000   6,500                        popular.example.      2,345
acl_allow               2,000  94,000

May not ask     queries/s
203.0.113.0/24         52
"
    );
}

#[test]
fn a_screen_is_never_left_and_no_list_takes_it_all() {
    for columns in [40, 60, 80, 100, 120, 200] {
        for lines in [4, 10, 14, 24, 50] {
            let text = draw(columns, Some(lines), Order::default());
            assert!(text.lines().count() <= lines, "{columns}x{lines}:\n{text}");
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(columns), "{columns}x{lines}:\n{text}");
            if lines >= 24 {
                assert!(text.contains("acl_allow") && text.contains("popular.example."));
            }
        }
    }
}

#[test]
fn keys_change_the_order_and_q_and_ctrl_c_end() {
    let first = |order: Order| {
        let (before, after) = looks();
        let look = Look::between(&before, &after, order);
        (
            look.clients.first().unwrap().network.clone(),
            look.zones.first().unwrap().zone.clone(),
        )
    };
    let mut order = Order::default();
    assert_eq!(first(order).1, "victim.example.");
    order.press(b"zz");
    assert_eq!(
        (order.zones, first(order).1.as_str()),
        (ZonesBy::Failed, "cdn.example.")
    );
    order.press(b"zzc");
    assert_eq!(
        (order.zones, order.clients),
        (ZonesBy::Misses, ClientsBy::Limited)
    );
    assert_eq!(first(order).0, "198.51.100.0/24");
    assert!([b'q', 3].iter().all(|key| ENDS.contains(key)));
}

#[test]
fn a_restart_in_between_and_a_limit_that_began_anew_are_no_negative_rates() {
    let (before, mut after) = looks();
    after.limited = vec![TopLimited {
        network: "198.51.100.0/24".to_owned(),
        limited_total: 100,
    }];
    let look = Look::between(&before, &after, Order::default());
    assert_eq!(look.clients[0].limited_per_second, 50.0);
    after.uptime_ms = 500;
    after.queries_total = 100;
    let look = Look::between(&before, &after, Order::default());
    assert_eq!((look.seconds, look.queries_per_second), (0.5, 200.0));
    let same = Look::between(&after, &after, Order::default());
    assert_eq!((same.queries_per_second, same.hit_ratio), (0.0, None));
}

#[test]
fn json_keeps_its_keys() {
    let (before, after) = looks();
    let look = Look::between(&before, &after, Order::default());
    let json = serde_json::to_value(Envelope::ok(&look)).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "schema": 1, "ok": true,
            "seconds": 2.0,
            "queries_per_second": 5000.0,
            "hit_ratio": 0.75,
            "upstream_packets_per_second": 250.0,
            "recursions_in_flight": 41,
            "pending_clients": 17,
            "slots_used": 39,
            "slots": 8192,
            "zones_under_attack": 1,
            "servers_under_attack": 0,
            "limited_networks": 1,
            "reasons": [
                {"reason": "limited_truncated", "per_second": 3000.0, "total": 6500},
                {"reason": "acl_allow", "per_second": 2000.0, "total": 94000},
            ],
            "clients": json["clients"],
            "outsiders": [{"network": "203.0.113.0/24", "queries_per_second": 52.0}],
            "zones": json["zones"],
            "servers": [],
            "domains": [{"domain": "popular.example.", "queries_per_second": 2345.0}],
        })
    );
    assert_eq!(
        json["clients"][1],
        serde_json::json!({
            "network": "2001:db8:77::/48", "queries_per_second": 812.0,
            "limited_per_second": 0.0, "limited_total": 0,
        })
    );
    assert_eq!(
        json["zones"][0],
        serde_json::json!({
            "zone": "victim.example.", "misses_per_second": 1500.0, "unknown_per_second": 1480.0,
            "failed_per_second": 20.0, "denied_per_second": 1440.0, "under_attack": true,
        })
    );
}

#[test]
fn servers_under_attack_stand_before_the_zones_in_their_order() {
    let (before, mut after) = looks();
    let server = |server: &str, numbers: [f32; 4]| {
        let [misses, unknown, failed, denied] = numbers;
        TopServer {
            server: server.to_owned(),
            misses_per_second: misses,
            unknown_per_second: unknown,
            failed_per_second: failed,
            denied_per_second: denied,
        }
    };
    after.servers_under_attack = 2;
    after.servers = vec![
        server("192.0.2.53", [2_000.0, 1_900.0, 40.0, 1_700.0]),
        server("2001:db8::53", [600.0, 590.0, 300.0, 0.0]),
    ];
    let by_failures = Order {
        zones: ZonesBy::Failed,
        ..Order::default()
    };
    let look = Look::between(&before, &after, by_failures);
    let frame = Frame {
        columns: 80,
        rows: 3,
        lines: None,
        paint: Paint::plain(),
    };
    let text = frame.draw(&look, by_failures);
    let at = text.find("Not in the cache").expect("the list");
    let rows: Vec<&str> = text[at..].lines().skip(1).take(3).collect();
    assert_eq!(
        rows,
        [
            "server 2001:db8::53       600      590      300",
            "server 192.0.2.53       2,000    1,900       40   1,700",
            "cdn.example.              200      1.0       40",
        ]
    );
    let json = serde_json::to_value(&look).expect("JSON");
    assert_eq!(
        json["servers"][1],
        serde_json::json!({
            "server": "192.0.2.53", "misses_per_second": 2000.0, "unknown_per_second": 1900.0,
            "failed_per_second": 40.0, "denied_per_second": 1700.0,
        })
    );
}

#[test]
fn a_pipe_gets_as_many_looks_as_are_wanted() {
    let (_directory, socket, service) = crate::ctl::tests::daemon();
    let top = |words: &[&str]| {
        let words = [
            &["--socket", socket.as_str(), "top", "--interval", "100ms"],
            words,
        ]
        .concat();
        let (exit, out, err) = crate::ctl::tests::suimon(&words);
        assert_eq!((exit, err.as_str()), (Exit::Done, ""), "{words:?}");
        out
    };
    // The fake daemon counts 50 queries in 500 ms, and 30 of 40 answers were hits.
    let once = top(&["--once"]);
    assert!(
        once.starts_with("100 q/s   hits 75.0 %   upstream 0 packets/s\n"),
        "{once}"
    );
    assert!(once.contains("\n192.0.2.0/24         100\n"), "{once}");
    let json = top(&["--json", "--count", "3"]);
    assert_eq!(json.lines().count(), 3);
    for line in json.lines() {
        let look: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&look["schema"], &look["queries_per_second"]),
            (&1.into(), &100.0.into())
        );
    }
    assert_eq!(top(&["--output", "json", "--once"]).lines().count(), 1);
    assert_eq!(service.told.lock().unwrap().len(), 2 + 4 + 2);
}
