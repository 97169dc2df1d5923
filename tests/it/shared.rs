//! Do cold names that are asked for at once share what they have in common: the way to their zone, and its keys?

use std::net::UdpSocket;
use std::time::Duration;

use suimon::dnssec::algorithm::DigestType;
use suimon::drill::signing::{Denial, sign_zone};
use suimon::wire::Message;
use suimon::wire::RecordType as T;

use crate::lab::client;
use crate::lab::relay;
use crate::lab::script::{PATIENCE, Setting, listen};

/// Names asked for at once.
const NAMES: u16 = 60;
/// How far the servers are: long enough that all names are under way together.
const DELAY: Duration = Duration::from_millis(60);

#[test]
fn cold_names_of_one_signed_zone_at_once_cost_one_packet_each_and_the_way_to_their_zone_once() {
    let zone = "cold.test.";
    let lines: String = (0..NAMES)
        .map(|host| format!("host{host}.{zone} A 192.0.2.{host}\n"))
        .collect();
    let signers = relay::keys(zone, relay::USUAL);
    let records = relay::records(zone, 3, &lines);
    let signed = sign_zone(&records, &signers, &Denial::Nsec, relay::valid());
    let signed = signed.expect("a signed zone");
    let ds = vec![signers[0].ds(DigestType::Sha256)];
    let (served, anchor) = relay::tree(vec![(zone.to_owned(), signed, ds)], Vec::new());
    let more = format!("[dnssec]\nvalidation = \"on\"\ntrust_anchors = [{anchor:?}]\n");
    let setting = Setting {
        more: &more,
        servers: 1..=3,
        ..Setting::default()
    };
    let mut scene = relay::far_scene("shared", &setting, served, DELAY, relay::untwisted());
    scene.start("suimond", &setting);
    scene.network.forget();
    let secure = scene.resolver.inside(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a client socket");
        socket.connect(listen()).expect("connected");
        socket
            .set_read_timeout(Some(PATIENCE))
            .expect("a read timeout");
        for id in 0..NAMES {
            let query = client::query(id, 0x0120, &format!("host{id}.{zone}"), T::A, true);
            socket.send(&query).expect("sent");
        }
        let mut buffer = [0; 4096];
        let mut secure = 0;
        for _ in 0..NAMES {
            let length = socket.recv(&mut buffer).expect("a reply to each");
            let reply = Message::parse(&buffer[..length]).expect("well formed");
            secure += u16::from(reply.rcode().0 == 0 && reply.header.flags.ad());
        }
        secure
    });
    assert_eq!(secure, NAMES);
    let asked = scene.network.asked();
    let of_names = |name: &str| name.starts_with("host");
    let (names, common): (Vec<_>, Vec<_>) = asked.iter().partition(|asked| of_names(&asked.name));
    // The root: `test.` and its keys; `test.`: the zone and its keys; the zone's keys; some twice if they came late.
    assert_eq!(
        names.len(),
        usize::from(NAMES),
        "{:?}",
        scene.network.told()
    );
    assert!(common.len() <= 12, "{:?}", scene.network.told());
    assert!(scene.metric("suimon_upstream_shared_total", "") >= u64::from(NAMES));
}
