//! Does the digest of the zones of RFC 8976 appendix A come out, and what makes a zone another one?

use super::*;
use crate::wire::zone_file;

/// Appendix A.1, names written out.
const SIMPLE_ZONE: &str = "\
example. 86400 IN SOA ns1.example. admin.example. 2018031900 1800 900 604800 86400
example. 86400 IN NS ns1.example.
example. 86400 IN NS ns2.example.
example. 86400 IN ZONEMD 2018031900 1 1 c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c
ns1.example. 3600 IN A 203.0.113.63
ns2.example. 3600 IN AAAA 2001:db8::63
";

/// Appendix A.2, names written out.
const COMPLEX_ZONE: &str = "\
example. 86400 IN SOA ns1.example. admin.example. 2018031900 1800 900 604800 86400
example. 86400 IN NS ns1.example.
example. 86400 IN NS ns2.example.
example. 86400 IN ZONEMD 2018031900 1 1 a3b69bad980a3504e1cffcb0fd6397f93848071c93151f552ae2f6b1711d4bd2d8b39808226d7b9db71e34b72077f8fe
ns1.example. 3600 IN A 203.0.113.63
NS2.example. 3600 IN AAAA 2001:db8::63
occluded.sub.example. 7200 IN TXT \"I'm occluded but must be digested\"
sub.example. 7200 IN NS ns1.example.
duplicate.example. 300 IN TXT \"I must be digested just once\"
duplicate.example. 300 IN TXT \"I must be digested just once\"
foo.test. 555 IN TXT \"out-of-zone data must be excluded\"
UPPERCASE.example. 3600 IN TXT \"canonicalize uppercase owner names\"
*.example. 777 IN PTR dont-forget-about-wildcards.example.
mail.example. 3600 IN MX 20 MAIL1.example.
mail.example. 3600 IN MX 10 Mail2.Example.
sortme.example. 3600 IN AAAA 2001:db8::5:61
sortme.example. 3600 IN AAAA 2001:db8::3:62
sortme.example. 3600 IN AAAA 2001:db8::4:63
sortme.example. 3600 IN AAAA 2001:db8::1:65
sortme.example. 3600 IN AAAA 2001:db8::2:64
non-apex.example. 900 IN ZONEMD 2018031900 1 1 616c6c6f776564206275742069676e6f7265642e20616c6c6f776564206275742069676e6f7265642e20616c6c6f7765
";

/// Appendix A.3, names written out: two digests that can be checked and two of the private range.
const MANY_DIGESTS: &str = "\
example. 86400 IN SOA ns1.example. admin.example. 2018031900 1800 900 604800 86400
example. 86400 IN NS ns1.example.
example. 86400 IN NS ns2.example.
example. 86400 IN ZONEMD 2018031900 1 1 62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637493daaf401c92c279dd10f0edb1c56f8080211f8480ee306
example. 86400 IN ZONEMD 2018031900 1 2 08cfa1115c7b948c4163a901270395ea226a930cd2cbcf2fa9a5e6eb85f37c8a4e114d884e66f176eab121cb02db7d652e0cc4827e7a3204f166b47e5613fd27
example. 86400 IN ZONEMD 2018031900 1 240 e2d523f654b9422a96c5a8f44607bbee
example. 86400 IN ZONEMD 2018031900 241 1 e1846540e33a9e4189792d18d5d131f605fc283e
ns1.example. 3600 IN A 203.0.113.63
ns2.example. 86400 IN TXT \"This example has multiple digests\"
NS2.EXAMPLE. 3600 IN AAAA 2001:db8::63
";

fn check(apex: &str, serial: u32, text: &str) -> Result<(), Unfit> {
    let records = zone_file::records(text, 1000).unwrap();
    Ordered::of(&records).check(&apex.parse().unwrap(), serial)
}

fn example(text: &str) -> Result<(), Unfit> {
    check("example.", 2_018_031_900, text)
}

#[test]
fn the_zones_of_appendix_a_fit_their_digests() {
    assert_eq!(example(SIMPLE_ZONE), Ok(()));
    assert_eq!(example(COMPLEX_ZONE), Ok(()));
    assert_eq!(example(MANY_DIGESTS), Ok(()));
    let arpa = include_str!("uri.arpa.zone");
    assert_eq!(check("uri.arpa.", 2_018_100_702, arpa), Ok(()));
    let root_servers = include_str!("root-servers.net.zone");
    assert_eq!(
        check("root-servers.net.", 2_018_091_100, root_servers),
        Ok(())
    );
}

#[test]
fn each_of_two_digests_is_checked_by_itself() {
    let without = |algorithm: &str| -> String {
        let other = |line: &&str| !line.contains(&format!("ZONEMD 2018031900 1 {algorithm} "));
        MANY_DIGESTS
            .lines()
            .filter(other)
            .fold(String::new(), |text, line| text + line + "\n")
    };
    assert_eq!(example(&without("1")), Ok(()), "SHA-512");
    assert_eq!(example(&without("2")), Ok(()), "SHA-384");
    let neither = without("1").replace("ZONEMD 2018031900 1 2 ", "ZONEMD 2018031900 1 3 ");
    assert_eq!(example(&neither), Err(Unfit::Unknown));
}

#[test]
fn the_order_of_the_records_and_their_letters_do_not_matter() {
    let mut lines: Vec<&str> = COMPLEX_ZONE.lines().collect();
    lines.reverse();
    assert_eq!(example(&lines.join("\n")), Ok(()));
    let shouted = SIMPLE_ZONE.replace("ns1.example.", "NS1.eXample.");
    assert_eq!(example(&shouted), Ok(()));
}

#[test]
fn any_change_to_the_zone_is_seen() {
    let serial = "2018031900";
    for (what, with, unfit) in [
        ("203.0.113.63", "203.0.113.64", Unfit::Digest),
        ("3600 IN A ", "3601 IN A ", Unfit::Digest),
        (
            "ns2.example. 3600 IN AAAA 2001:db8::63\n",
            "",
            Unfit::Digest,
        ),
        ("c68090d9", "c68090d8", Unfit::Digest),
        (
            "ZONEMD 2018031900 1 1 c680",
            "ZONEMD 2018031900 1 1 80",
            Unfit::Length,
        ),
        ("ZONEMD 2018031900", "ZONEMD 2018031901", Unfit::Serial),
        (
            "ZONEMD 2018031900 1 1",
            "ZONEMD 2018031900 2 1",
            Unfit::Unknown,
        ),
        ("IN ZONEMD", "IN TYPE65280 \\# 0 ;", Unfit::Absent),
    ] {
        assert!(SIMPLE_ZONE.contains(what) && SIMPLE_ZONE.contains(serial));
        assert_eq!(
            example(&SIMPLE_ZONE.replace(what, with)),
            Err(unfit),
            "{with}"
        );
    }
    let added = format!("{SIMPLE_ZONE}evil.example. 60 IN NS ns.evil.example.\n");
    assert_eq!(example(&added), Err(Unfit::Digest));
}

#[test]
fn two_digests_of_one_kind_count_for_nothing() {
    let second = SIMPLE_ZONE
        .lines()
        .find(|line| line.contains("ZONEMD"))
        .unwrap()
        .replace("c68090d9", "00000000");
    assert_eq!(
        example(&format!("{SIMPLE_ZONE}{second}\n")),
        Err(Unfit::Repeated)
    );
}
