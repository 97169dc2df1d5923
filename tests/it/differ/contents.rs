//! What is in an honest zone? All that resolvers find hard: wildcards, empty non-terminals, aliases across zones, cuts, big sets.

use super::Draw;
use super::internet::{self, CHILD_SERVERS, Tier, ZONE_SERVERS, Zone};

/// Zone `number` at `apex` and its children.
pub fn family(apex: &str, number: usize, all: &[String], draw: &mut Draw) -> Vec<Zone> {
    let strings = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let at_zone = strings(&ZONE_SERVERS);
    let at_child = strings(&CHILD_SERVERS);
    let (signing, word) = internet::signing(number);
    // A signed zone without a DS is an island: insecure (RFC 4035 section 4.3).
    let island = number % 11 == 10;
    // Below an unsigned TLD nothing can be secure.
    let unsigned_parent = apex.ends_with(".delta.");
    let word = match (signing.is_some(), island || unsigned_parent) {
        (true, true) => format!("island-{word}"),
        _ => word.to_owned(),
    };
    let mut zone = internet::zone(apex, &word, signing, Tier::Zone, &at_zone);
    zone.secure &= !island && !unsigned_parent;
    let other = &all[draw.below(all.len())];
    let third = &all[draw.below(all.len())];
    zone.add(&records(apex, number, other, third));
    let big: Vec<String> = (0..14)
        .map(|line| format!("big.{apex} TXT \"{line} {}\"", "x".repeat(180)))
        .collect();
    zone.add(&big.join("\n"));
    let many: Vec<String> = (0..90)
        .map(|host| format!("many.{apex} A 198.51.100.{host}"))
        .collect();
    zone.add(&many.join("\n"));

    let (tier, servers) = if number % 6 == 5 {
        // Parent and child on one server.
        (Tier::Zone, &at_zone)
    } else {
        (Tier::Child, &at_child)
    };
    let child = |label: &str, number: usize, secure: bool| {
        let (signing, word) = internet::signing(number);
        let signing = signing.filter(|_| secure);
        let word = if signing.is_some() { word } else { "insecure" };
        let apex = format!("{label}.{apex}");
        let mut child = internet::zone(&apex, &format!("child-{word}"), signing, tier, servers);
        child.add(&format!(
            "{apex} A 192.0.2.200\n{apex} MX 10 www.{apex}\nwww.{apex} A 192.0.2.201\nwww.{apex} TXT \"child\"\n\
             *.wild.{apex} A 192.0.2.202\nx.ent.{apex} A 192.0.2.203\nalias.{apex} CNAME www.{apex}\n\
             up.{apex} CNAME www.{other}\nsec.{apex} CNAME www.sub.{third}\nins.{apex} CNAME www.insec.{third}"
        ));
        child
    };
    let children = [
        child("sub", number + 1, true),
        child("insec", number, false),
        child("cut.hollow", number + 2, number.is_multiple_of(2)),
    ];
    for child in &children {
        internet::delegate(&mut zone, child);
    }
    std::iter::once(zone).chain(children).collect()
}

/// What every zone has, with aliases to `other` and `third`.
fn records(apex: &str, number: usize, other: &str, third: &str) -> String {
    let mut text = format!(
        "{apex} A 192.0.2.1
{apex} AAAA 2001:db8::1
{apex} MX 10 mail.{apex}
{apex} TXT \"v=spf1 -all\" \"second\"
{apex} CAA 0 issue \"ca.example\"
www.{apex} A 192.0.2.2
www.{apex} A 192.0.2.3
www.{apex} AAAA 2001:db8::2
MAIL.{apex} A 192.0.2.4
x.y.ent.{apex} A 192.0.2.5
*.wild.{apex} A 192.0.2.6
*.wild.{apex} TXT \"wild\"
here.wild.{apex} TXT \"here\"
below.block.wild.{apex} A 192.0.2.7
*.walias.{apex} CNAME www.{apex}
*.wfar.{apex} CNAME www.{other}
*.wnone.{apex} CNAME nowhere.{other}
alias.{apex} CNAME www.{apex}
a1.{apex} CNAME a2.{apex}
a2.{apex} CNAME a3.{apex}
a3.{apex} CNAME far.{apex}
far.{apex} CNAME www.{other}
farther.{apex} CNAME far.{other}
cross.{apex} CNAME www.insec.{third}
crosssub.{apex} CNAME sec.sub.{third}
dangling.{apex} CNAME nowhere.{apex}
fardangling.{apex} CNAME nowhere.{other}
towild.{apex} CNAME q.wild.{apex}
tofarwild.{apex} CNAME q.wild.{third}
loop1.{apex} CNAME loop2.{apex}
loop2.{apex} CNAME loop1.{apex}
renamed.{apex} DNAME {other}
inner.{apex} DNAME ent.{apex}
todname.{apex} CNAME www.renamed.{apex}
unknown.{apex} TYPE65280 \\# 4 01020304
svc.{apex} HTTPS 1 . alpn=h2
_sip._tcp.{apex} SRV 1 2 5060 www.{apex}
one.two.three.four.five.six.{apex} A 192.0.2.8
odd\\.label.{apex} A 192.0.2.9
bin\\000\\255.{apex} A 192.0.2.10
"
    );
    match number % 8 {
        // A wildcard at the apex: hardly any name is absent.
        3 => text.push_str(&format!("*.{apex} TXT \"everything\"\n")),
        6 => text.push_str(&format!("*.{apex} CNAME alias.{other}\n")),
        _ => {}
    }
    text
}
