//! Does what BIND's, Knot's and ldns's signers sign validate, and does a validator behind suimond find every proof?

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use suimon::wire::{Message, RecordType as T};

use crate::lab::capture::Capture;
use crate::lab::client::{answer_text, extended_errors, resolve_dnssec};
use crate::lab::script::UNHURRIED;
use crate::lab::servers::{self, Zone};
use crate::lab::signing::{Chain, Signed, Signing, Tool};
use crate::lab::{Lab, Ns, suimond};

const HINTS: &str = ". 3600 IN NS a.root.\na.root. 3600 IN A 10.53.0.1\n";
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn what_bind_signs_validates_here_and_behind_us() {
    validates(Tool::Bind);
}

#[test]
fn what_knot_signs_validates_here_and_behind_us() {
    validates(Tool::Knot);
}

#[test]
fn what_ldns_signs_validates_here_and_behind_us() {
    validates(Tool::Ldns);
}

#[test]
fn what_a_forwarder_passes_on_validates_whether_it_validates_itself_or_not() {
    let mut lab = Lab::new("forward");
    let tree = tree(&mut lab, Tool::Bind);
    let ours = resolver_namespace(&mut lab, &tree.authority, "ours", 1);
    let at = |text: &str| -> SocketAddr { text.parse().expect("an address") };
    let mut wrong = Vec::new();
    for (kind, forwarder, listen, more) in [
        (
            "plain",
            at("127.0.0.5:53"),
            at("127.0.0.1:53"),
            String::new(),
        ),
        (
            "validating",
            at("127.0.0.6:53"),
            at("127.0.0.2:53"),
            servers::validating(&tree.anchor),
        ),
    ] {
        let (unbound, suimond) = (format!("unbound-{kind}"), format!("suimond-{kind}"));
        servers::unbound(&mut lab, &ours, &unbound, forwarder, HINTS, &more);
        let more = format!(
            "[policy]\nspecial_use = false\n[dnssec]\nvalidation = \"on\"\ntrust_anchors = [{:?}]\n\
             [[forward]]\nzone = \".\"\nservers = [\"{forwarder}\"]\nleak_ok = \"a lab\"\n",
            tree.anchor
        );
        let config = suimond::config(&lab, &[listen], &["127.0.0.0/8"], HINTS, &more);
        suimond::start(&mut lab, &ours, &suimond, &config);
        for turn in ["cold", "warm"] {
            let (replies, _) = ask_all(&lab, &ours, listen, &tree.askings);
            for (asking, reply) in tree.askings.iter().zip(&replies) {
                let said = said(reply.as_ref());
                let lacking = reply.as_ref().and_then(|reply| lacks(reply, asking.secure));
                if said.rcode != asking.rcode || said.secure != asking.secure || lacking.is_some() {
                    wrong.push(format!(
                        "{kind}, {turn}: {} {}: expected {} {}: {said:?} {:?} {lacking:?}",
                        asking.name,
                        asking.rtype,
                        asking.rcode,
                        asking.secure,
                        reply.as_ref().map(extended_errors)
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of 4 x {}:\n{}",
        wrong.len(),
        tree.askings.len(),
        wrong.join("\n")
    );
}

/// One question and what is to come of it.
struct Asking {
    name: String,
    rtype: T,
    rcode: &'static str,
    /// Whether it is proven.
    secure: bool,
}

/// What a resolver said.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    rcode: String,
    secure: bool,
    answer: Vec<String>,
}

fn validates(tool: Tool) {
    let mut lab = Lab::new("signed");
    let tree = tree(&mut lab, tool);
    let ours = resolver_namespace(&mut lab, &tree.authority, "ours", 1);
    let theirs = resolver_namespace(&mut lab, &tree.authority, "theirs", 2);
    let at = |text: &str| -> SocketAddr { text.parse().expect("an address") };
    let (first, second) = (at("127.0.0.1:53"), at("127.0.0.2:53"));
    for (name, listen) in [("suimond", first), ("suimond-2", second)] {
        let more = format!(
            "[policy]\nspecial_use = false\n[dnssec]\nvalidation = \"on\"\ntrust_anchors = [{:?}]\n",
            tree.anchor
        );
        let config = suimond::config(&lab, &[listen], &["127.0.0.0/8"], HINTS, &more);
        suimond::start_with(&mut lab, &ours, name, &config, &UNHURRIED);
    }
    let validating = servers::validating(&tree.anchor);
    servers::unbound(&mut lab, &theirs, "unbound", first, HINTS, &validating);

    // Asked directly, each for the first time.
    let (our_replies, our_packets) = ask_all(&lab, &ours, first, &tree.askings);
    let (their_replies, their_packets) = ask_all(&lab, &theirs, first, &tree.askings);
    let mut wrong = Vec::new();
    for ((asking, ours), theirs) in tree.askings.iter().zip(&our_replies).zip(&their_replies) {
        let about = format!("{} {}", asking.name, asking.rtype);
        let (said, unbound) = (said(ours.as_ref()), said(theirs.as_ref()));
        if said.rcode != asking.rcode || said.secure != asking.secure {
            wrong.push(format!(
                "{about}: expected {} secure={}, got {said:?} {:?}; unbound {unbound:?}",
                asking.rcode,
                asking.secure,
                ours.as_ref().map(extended_errors)
            ));
        } else if said != unbound {
            wrong.push(format!("{about}: suimond {said:?}, unbound {unbound:?}"));
        }
        if let Some(lacking) = ours.as_ref().and_then(|reply| lacks(reply, asking.secure)) {
            wrong.push(format!("{about}: {lacking}: {ours:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{tool:?}: {} of {}:\n{}",
        wrong.len(),
        tree.askings.len(),
        wrong.join("\n")
    );
    eprintln!(
        "{tool:?}: {} questions: suimond sent {our_packets} packets upstream, unbound {their_packets}",
        tree.askings.len()
    );
    assert!(
        our_packets <= their_packets,
        "{tool:?}: suimond sent {our_packets} packets upstream, unbound {their_packets}"
    );

    // A validator that has nobody but suimond: first one that knows nothing yet, then the one that was asked everything before.
    for (name, listen, forwarder) in [
        ("unbound-cold", at("127.0.0.3:53"), second),
        ("unbound-warm", at("127.0.0.4:53"), first),
    ] {
        let behind = format!(
            "{validating}forward-zone:\n  name: \".\"\n  forward-addr: {}\n",
            forwarder.ip()
        );
        servers::unbound(&mut lab, &ours, name, listen, HINTS, &behind);
        let (replies, _) = ask_all(&lab, &ours, listen, &tree.askings);
        let mut wrong = Vec::new();
        for (asking, reply) in tree.askings.iter().zip(&replies) {
            let said = said(reply.as_ref());
            if said.rcode != asking.rcode || said.secure != asking.secure {
                wrong.push(format!(
                    "{} {}: {said:?} {:?}",
                    asking.name,
                    asking.rtype,
                    reply.as_ref().map(extended_errors)
                ));
            }
        }
        assert!(
            wrong.is_empty(),
            "{tool:?}, {name} through suimond: {} of {}:\n{}",
            wrong.len(),
            tree.askings.len(),
            wrong.join("\n")
        );
    }
}

fn said(reply: Option<&Message>) -> Said {
    reply.map_or_else(
        || Said {
            rcode: "nothing".to_owned(),
            secure: false,
            answer: Vec::new(),
        },
        |reply| Said {
            rcode: reply.rcode().to_string(),
            secure: reply.header.flags.ad(),
            answer: answer_text(reply)
                .into_iter()
                .filter(|line| !line.contains(" RRSIG "))
                .collect(),
        },
    )
}

/// What a secure reply to a client with DO must have and this one has not: a signature of every set, a denial where nothing is.
fn lacks(reply: &Message, secure: bool) -> Option<String> {
    if !secure {
        return None;
    }
    let signed = |section: &[suimon::wire::Record]| -> Option<String> {
        let below_dname = |owner: &suimon::wire::Name| {
            section.iter().any(|one| {
                one.rtype == T::DNAME && owner != &one.owner && owner.is_within(&one.owner)
            })
        };
        section
            .iter()
            .filter(|record| record.rtype != T::RRSIG)
            .filter(|record| !(record.rtype == T::CNAME && below_dname(&record.owner)))
            .find(|record| {
                !section.iter().any(|other| {
                    other.rtype == T::RRSIG
                        && other.owner == record.owner
                        && suimon::wire::rdata::rrsig_covers(&other.rdata) == Some(record.rtype)
                })
            })
            .map(|record| format!("no signature of {} {}", record.owner, record.rtype))
    };
    let denies = reply
        .authority
        .iter()
        .any(|record| matches!(record.rtype, T::NSEC | T::NSEC3));
    let asked = reply.question.as_ref().map(|(question, _)| question.rtype);
    let positive = reply
        .answer
        .iter()
        .any(|record| Some(record.rtype) == asked);
    signed(&reply.answer)
        .or_else(|| signed(&reply.authority))
        .or_else(|| (!positive && !denies).then(|| "no denial".to_owned()))
}

/// Asks every question with DO; the replies, and how many packets left towards port 53.
fn ask_all(
    lab: &Lab,
    ns: &Ns,
    server: SocketAddr,
    askings: &[Asking],
) -> (Vec<Option<Message>>, usize) {
    let capture = Capture::start(lab, ns, "out", "dst port 53");
    let source: IpAddr = "127.0.0.1".parse().expect("an address");
    let replies = ns.inside(|| {
        askings
            .iter()
            .map(|asking| {
                resolve_dnssec(source, server, &asking.name, asking.rtype, false, PATIENCE)
            })
            .collect()
    });
    (replies, capture.stop().len())
}

/// A resolver's namespace with a route to the authoritative servers; `number` tells two of them apart.
fn resolver_namespace(lab: &mut Lab, authority: &Ns, short: &str, number: u8) -> Ns {
    let ns = lab.namespace(short);
    let (far, near) = (format!("10.9.{number}.1"), format!("10.9.{number}.2"));
    lab.link(
        authority,
        &format!("to-{short}"),
        &[&format!("{far}/24")],
        &ns,
        "out",
        &[&format!("{near}/24")],
    );
    ns.default_route(far.parse().expect("an address"));
    ns
}

/// A signed tree under way.
struct Tree {
    authority: Ns,
    anchor: String,
    askings: Vec<Asking>,
}

/// The root on NSD, `test.` on Knot, and below it zones of every algorithm and every kind of denial, on BIND, NSD and Knot in
/// turn, all signed by one tool.
fn tree(lab: &mut Lab, tool: Tool) -> Tree {
    let mut kinds = Vec::new();
    for algorithm in [8, 13, 14, 15] {
        for chain in [Chain::Nsec, Chain::Nsec3, Chain::OptOut] {
            kinds.push((algorithm, chain));
        }
    }
    kinds.extend([(10, Chain::Nsec), (16, Chain::Nsec3)]);
    let top = |chain| Signing {
        tool,
        algorithm: 13,
        chain,
        split: true,
    };
    let (root_chain, test_chain) = match tool {
        Tool::Bind => (Chain::Nsec, Chain::Nsec3),
        Tool::Knot => (Chain::Nsec3, Chain::OptOut),
        Tool::Ldns => (Chain::Nsec, Chain::Nsec),
    };
    let mut test = apex(2) + "unsigned NS ns\n";
    let mut askings = Vec::new();
    let mut served: [Vec<Zone>; 3] = Default::default();
    for (place, (algorithm, chain)) in kinds.iter().copied().enumerate() {
        let signing = Signing {
            tool,
            algorithm,
            chain,
            split: place % 2 == 1,
        };
        let zone = format!("a{algorithm}-{chain:?}.test").to_ascii_lowercase();
        let number = 3 + u8::try_from(place % 3).expect("one of three");
        let leaf = leaf(lab, signing, &zone, number, &mut served[place % 3]);
        test.push_str(&format!(
            "{}\n{zone}. NS ns.{zone}.\nns.{zone}. A 10.53.0.{number}\n",
            leaf.ds
        ));
        ask(&mut askings, &zone, signing);
    }
    let test_signed = top(test_chain).sign(lab, "test", &test);
    let root = apex(1) + "test. NS ns.test.\nns.test. A 10.53.0.2\n" + &test_signed.ds + "\n";
    let root_signed = top(root_chain).sign(lab, ".", &root);
    let opt_out = test_chain == Chain::OptOut;
    for (name, rtype, rcode, secure) in [
        (".", T::DNSKEY, "NOERROR", true),
        (".", T::NS, "NOERROR", true),
        ("nope.", T::A, "NXDOMAIN", true),
        ("test.", T::DS, "NOERROR", true),
        ("test.", T::TXT, "NOERROR", true),
        ("nope.test.", T::A, "NXDOMAIN", !opt_out),
        ("unsigned.test.", T::DS, "NOERROR", !opt_out),
        ("unsigned.test.", T::A, "NOERROR", false),
        ("nope.unsigned.test.", T::A, "NXDOMAIN", false),
    ] {
        let name = name.to_owned();
        askings.push(Asking {
            name,
            rtype,
            rcode,
            secure,
        });
    }

    let ns = lab.namespace("auth");
    for number in 1..=5 {
        ns.add_address("lo", &format!("10.53.0.{number}/32"));
    }
    let at =
        |number: u8| -> [IpAddr; 1] { [format!("10.53.0.{number}").parse().expect("an address")] };
    let zone = |name: &'static str, text: String| Zone { name, text };
    servers::nsd(lab, &ns, "nsd-root", &at(1), &[zone(".", root_signed.text)]);
    let unsigned = apex(2) + "@ A 192.0.2.99\n";
    let tests = [
        zone("test", test_signed.text),
        zone("unsigned.test", unsigned),
    ];
    servers::knot(lab, &ns, "knot-test", &at(2), &tests);
    let [bind, nsd, knot] = served;
    servers::bind(lab, &ns, "bind", &at(3), &bind);
    servers::nsd(lab, &ns, "nsd", &at(4), &nsd);
    servers::knot(lab, &ns, "knot", &at(5), &knot);
    Tree {
        authority: ns,
        anchor: root_signed.ds,
        askings,
    }
}

fn apex(number: u8) -> String {
    format!(
        "$TTL 300\n@ IN SOA ns hostmaster 1 3600 600 86400 60\n@ IN NS ns\nns IN A 10.53.0.{number}\n"
    )
}

/// A zone with one of everything, its signed child and its unsigned one, ready to be served.
fn leaf(lab: &mut Lab, signing: Signing, zone: &str, number: u8, served: &mut Vec<Zone>) -> Signed {
    let child = Signing {
        algorithm: 15,
        split: !signing.split,
        ..signing
    };
    let child_name = format!("child.{zone}");
    let child_text = apex(number) + "www A 192.0.2.20\n*.wild A 192.0.2.21\n";
    let child = child.sign(lab, &child_name, &child_text);
    let plain = apex(number) + "www A 192.0.2.30\nalias CNAME www\n";
    let mut text = apex(number)
        + "@ A 192.0.2.1\n@ MX 10 www\nwww A 192.0.2.2\nwww AAAA 2001:db8::2\nbelow.ent A 192.0.2.3\n*.wild A 192.0.2.4\n*.wild TXT \"wild\"\n\
           *.cwild CNAME www\nalias CNAME www\nwildalias CNAME x.wild\ndangling CNAME nowhere\nchain CNAME alias\nd DNAME ent\n\
           far CNAME www.plain\nother TYPE65280 \\# 4 C0000201\n";
    for number in 0..12 {
        text.push_str(&format!("big TXT \"{number:0>200}\"\n"));
    }
    text.push_str(&format!(
        "child NS ns.child\nns.child A 10.53.0.{number}\n{}\n",
        child.ds
    ));
    text.push_str(&format!("plain NS ns.plain\nns.plain A 10.53.0.{number}\n"));
    let signed = signing.sign(lab, zone, &text);
    let leak = |name: String| -> &'static str { name.leak() };
    for (name, text) in [
        (zone.to_owned(), signed.text.clone()),
        (child_name, child.text),
        (format!("plain.{zone}"), plain),
    ] {
        served.push(Zone {
            name: leak(name),
            text,
        });
    }
    signed
}

/// The questions about a [`leaf`]. Where a closer name is denied by an NSEC3 record with opt-out, nothing is proven: something
/// unsigned could be there (RFC 5155 section 9.2). BIND and Knot leave unsigned delegations out of the chain then, ldns does not.
fn ask(askings: &mut Vec<Asking>, zone: &str, signing: Signing) {
    let closer = signing.chain != Chain::OptOut;
    let mut ask = |name: &str, rtype: T, rcode: &'static str, secure: bool| {
        let name = if name == "@" {
            format!("{zone}.")
        } else {
            format!("{name}.{zone}.")
        };
        askings.push(Asking {
            name,
            rtype,
            rcode,
            secure,
        });
    };
    for (name, rtype) in [
        ("@", T::A),
        ("@", T::NS),
        ("@", T::SOA),
        ("@", T::MX),
        ("@", T::DNSKEY),
        ("@", T::DS),
        ("@", T::TXT),
        ("www", T::A),
        ("www", T::AAAA),
        ("www", T::TXT),
        ("www", T::DS),
        ("ent", T::A),
        ("below.ent", T::A),
        ("alias", T::A),
        ("alias", T::CNAME),
        ("alias", T::MX),
        ("chain", T::AAAA),
        ("d", T::DNAME),
        ("d", T::A),
        ("below.d", T::A),
        ("other", T(65_280)),
        ("big", T::TXT),
        ("*.wild", T::A),
        ("child", T::DS),
        ("child", T::NS),
        ("www.child", T::A),
        ("www.child", T::MX),
    ] {
        ask(name, rtype, "NOERROR", true);
    }
    for (name, rtype, rcode) in [
        ("nowhere", T::A, "NXDOMAIN"),
        ("a.b.nowhere", T::A, "NXDOMAIN"),
        ("www.www", T::A, "NXDOMAIN"),
        ("dangling", T::A, "NXDOMAIN"),
        ("nowhere.d", T::A, "NXDOMAIN"),
        ("nowhere.ent", T::A, "NXDOMAIN"),
        ("x.wild", T::A, "NOERROR"),
        ("a.b.wild", T::TXT, "NOERROR"),
        ("x.wild", T::MX, "NOERROR"),
        ("wildalias", T::A, "NOERROR"),
        ("x.cwild", T::A, "NOERROR"),
        ("x.cwild", T::MX, "NOERROR"),
        ("x.wild.child", T::A, "NOERROR"),
        ("nope.child", T::A, "NXDOMAIN"),
    ] {
        ask(name, rtype, rcode, closer);
    }
    ask(
        "plain",
        T::DS,
        "NOERROR",
        closer || signing.tool == Tool::Ldns,
    );
    for (name, rtype, rcode) in [
        ("www.plain", T::A, "NOERROR"),
        ("www.plain", T::TXT, "NOERROR"),
        ("alias.plain", T::A, "NOERROR"),
        ("nope.plain", T::A, "NXDOMAIN"),
        ("plain", T::NS, "NOERROR"),
        ("far", T::A, "NOERROR"),
    ] {
        ask(name, rtype, rcode, false);
    }
}
