//! Are the kernel's words read as they are meant, and broken ones without harm?

use proptest::prelude::*;

use super::*;

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap();
    let mut all = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    all.extend(value);
    all.resize(aligned(all.len()), 0);
    all
}

fn hop(interface: u32) -> Vec<u8> {
    let gateway = attribute(5, &[192, 0, 2, 1]);
    let length = u16::try_from(8 + gateway.len()).unwrap();
    let mut all = [&length.to_ne_bytes()[..], &[0, 0]].concat();
    all.extend(interface.to_ne_bytes());
    all.extend(gateway);
    all
}

fn route(head: [u8; 8], attributes: &[Vec<u8>]) -> Option<Told> {
    let mut body = head.to_vec();
    body.extend([0; 4]);
    body.extend(attributes.concat());
    let mut octets = request(NEW_ROUTE, 0, &body);
    octets.extend(request(NLMSG_DONE, 0, &[0; 4]));
    Messages::of(&octets).next()
}

#[test]
fn a_route_has_a_prefix_a_metric_and_all_its_interfaces() {
    let told = route(
        [V4, 8, 0, 0, 254, 4, 0, 1],
        &[
            attribute(15, &254_u32.to_ne_bytes()),
            attribute(1, &[10, 1, 2, 3]),
            attribute(6, &100_u32.to_ne_bytes()),
            attribute(9, &[hop(7), hop(3), hop(7)].concat()),
        ],
    );
    let Some(Told::Route(route_read)) = told else {
        panic!("{told:?}");
    };
    assert_eq!(route_read.prefix.to_string(), "10.0.0.0/8");
    assert_eq!(
        (route_read.kind, route_read.metric),
        (RouteKind::Unicast, 100)
    );
    assert_eq!(route_read.interfaces.as_slice(), [3, 7]);
    // The default route of IPv6 names no destination; a blackhole no interface.
    let Some(Told::Route(default)) = route([V6, 0, 0, 0, 254, 4, 0, 6], &[]) else {
        panic!("a default route");
    };
    assert_eq!(default.prefix.to_string(), "::/0");
    assert_eq!(default.kind, RouteKind::Nowhere);
    // Another table, by its wide number.
    let elsewhere = attribute(15, &1000_u32.to_ne_bytes());
    let other = route([V4, 0, 0, 0, 252, 4, 0, 1], &[elsewhere]);
    assert!(matches!(other, Some(Told::OtherRoute(_))), "{other:?}");
}

#[test]
fn an_address_has_the_broadcast_address_the_kernel_takes() {
    let held = |length: u8, attributes: &[Vec<u8>]| {
        let mut body = vec![V4, length, 0, 0];
        body.extend(2_u32.to_ne_bytes());
        body.extend(attributes.concat());
        read_address(&body).unwrap()
    };
    let ours = |low| {
        [
            attribute(1, &[192, 0, 2, low]),
            attribute(2, &[192, 0, 2, low]),
        ]
    };
    let implied = held(24, &ours(7));
    assert_eq!(implied.address.to_string(), "192.0.2.7");
    assert_eq!(implied.broadcast, Some([192, 0, 2, 255].into()));
    assert_eq!(held(31, &ours(7)).broadcast, None);
    let set = [attribute(1, &[192, 0, 2, 7]), attribute(4, &[192, 0, 2, 0])];
    assert_eq!(held(24, &set).broadcast, Some([192, 0, 2, 0].into()));
    let tunnel = [
        attribute(1, &[198, 51, 100, 1]),
        attribute(2, &[192, 0, 2, 7]),
    ];
    let tunnel = held(32, &tunnel);
    assert_eq!(
        (tunnel.address.to_string().as_str(), tunnel.broadcast),
        ("192.0.2.7", None)
    );
}

#[test]
fn a_rule_counts_if_it_leads_to_another_table() {
    let rule = |table: u32, action: u8| {
        let mut body = vec![V4, 0, 0, 0, 0, 0, 0, action, 0, 0, 0, 0];
        body.extend(attribute(15, &table.to_ne_bytes()));
        read_rule(&body)
    };
    assert_eq!(rule(254, 1), None);
    assert_eq!(rule(100, 1), Some(Told::OtherTable));
    assert_eq!(rule(100, 6), None, "it leads nowhere");
}

#[test]
fn an_error_is_told_as_its_number_and_an_interrupted_dump_with_its_word() {
    let refused = request(NLMSG_ERROR, 0, &(-101_i32).to_ne_bytes());
    assert_eq!(Messages::of(&refused).next(), Some(Told::Error(101)));
    let interrupted = request(NLMSG_DONE, DUMP_INTERRUPTED, &[0; 4]);
    let told: Vec<Told> = Messages::of(&interrupted).collect();
    assert_eq!(told, [Told::ChangedMeanwhile, Told::End]);
}

proptest! {
    #[test]
    fn whatever_the_octets_reading_ends(octets in proptest::collection::vec(any::<u8>(), 0..200), kind in 14_u16..40) {
        let told = Messages::of(&octets).count();
        prop_assert!(told <= 2 * octets.len());
        for body in [&octets[..], &request(kind, 0, &octets)] {
            let _any = Messages::of(body).count();
            let _any = read(kind, body);
        }
    }
}
