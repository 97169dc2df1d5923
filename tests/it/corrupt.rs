//! Is every way to spoil a signed zone noticed, told by the right extended error, and left to whoever checks for himself?
//!
//! Honest zones on NSD, a liar before them (`lab::relay`); each case is a zone of its own, and Unbound is asked the same.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use suimon::dnssec::algorithm::DigestType;
use suimon::drill::signing::{
    Denial, Hashing, KEY_SIGNING, SignatureFields, Signer, ZONE_SIGNING, nsec_rdata, sign_zone,
};
use suimon::wire::rrset::group;
use suimon::wire::{Message, Name, RdataSet, Record, RecordType as T, Rrset, rdata};

use crate::lab::client::{extended_errors, resolve_dnssec};
use crate::lab::relay::{self, Twist, keys, name, now, record, valid};
use crate::lab::script::{Asked, HINTS, PATIENCE, Scene, Setting, listen, loopback, say};
use crate::lab::servers;

/// What is to come of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// SERVFAIL with this extended error; with CD the reply as it is.
    Bogus(u16),
    /// Data without AD, and this extended error if any.
    Insecure(Option<u16>),
    /// Data with AD: the lie does not matter.
    Secure,
}

use Expect::{Bogus, Insecure, Secure};

/// The DS records that a parent has for this key.
type Pointing = dyn Fn(&Signer) -> Vec<Vec<u8>>;
/// What is done to a signed zone, with its keys.
type Edit = dyn Fn(&mut Vec<Record>, &[Signer]);

/// One case: a zone `LABEL.test.`, how it is spoilt, and what is asked.
struct Case {
    label: &'static str,
    asked: (&'static str, T),
    expect: Expect,
    /// Why Unbound sees it another way, if it does.
    unbound: Option<(&'static str, &'static str)>,
    denial: Denial,
    flags: [u16; 2],
    edit: Box<Edit>,
    ds: Box<Pointing>,
    twist: Arc<Twist>,
    /// The whole zone is spoilt: its sibling is another zone, not another name.
    whole: bool,
}

const NSEC3: Hashing = Hashing {
    iterations: 0,
    salt: Vec::new(),
    opt_out: false,
};

impl Case {
    fn new(label: &'static str, name: &'static str, rtype: T, expect: Expect) -> Self {
        Self {
            label,
            asked: (name, rtype),
            expect,
            unbound: None,
            denial: Denial::Nsec,
            flags: relay::USUAL,
            edit: Box::new(|_, _| ()),
            ds: Box::new(|key| vec![key.ds(DigestType::Sha256)]),
            twist: Arc::new(|_, _, _| ()),
            whole: false,
        }
    }

    fn nsec3(mut self) -> Self {
        self.denial = Denial::Nsec3(NSEC3);
        self
    }

    fn edit(mut self, edit: impl Fn(&mut Vec<Record>, &[Signer]) + 'static) -> Self {
        self.edit = Box::new(edit);
        self
    }

    /// What is done to replies about names that begin with `prefix` at the server with this number.
    fn twist(
        mut self,
        server: u8,
        prefix: &'static str,
        twist: impl Fn(&Asked, &mut Message, &dyn Fn(&str, T) -> Message) + Send + Sync + 'static,
    ) -> Self {
        self.twist = Arc::new(move |asked, message, fetch| {
            if asked.server.to_string() == format!("10.53.0.{server}")
                && asked.name.starts_with(prefix)
            {
                twist(asked, message, fetch);
            }
        });
        self
    }

    fn ds(mut self, ds: impl Fn(&Signer) -> Vec<Vec<u8>> + 'static) -> Self {
        self.ds = Box::new(ds);
        self.whole()
    }

    fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    /// Unbound differs: what it says instead, and why that is.
    fn unbound(mut self, says: &'static str, why: &'static str) -> Self {
        self.unbound = Some((says, why));
        self
    }

    fn zone(&self) -> String {
        format!("{}.test.", self.label)
    }
}

fn usual(zone: &str) -> Vec<Signer> {
    keys(zone, relay::USUAL)
}

fn covers(record: &Record, rtype: T) -> bool {
    record.rtype == T::RRSIG && rdata::rrsig_covers(&record.rdata) == Some(rtype)
}

/// The set of this owner and type, signatures aside.
fn set_of(records: &[Record], owner: &Name, rtype: T) -> Rrset {
    let plain: Vec<Record> = records
        .iter()
        .filter(|record| record.owner == *owner && record.rtype == rtype)
        .cloned()
        .collect();
    group(&plain)
        .pop()
        .unwrap_or_else(|| panic!("no {owner} {rtype}"))
}

/// Signs one set anew with fields changed at will.
fn sign_anew(
    records: &mut Vec<Record>,
    signer: &Signer,
    owner: &str,
    rtype: T,
    change: impl Fn(&mut SignatureFields),
) {
    let zone = signer.zone().to_string();
    let owner = name(&if owner == "@" {
        zone
    } else {
        format!("{owner}.{zone}")
    });
    let set = set_of(records, &owner, rtype);
    let mut fields = signer.fields(&set, valid());
    change(&mut fields);
    let rrsig = signer.sign_fields(&set, &fields).expect("a signature");
    records.retain(|record| !(record.owner == owner && covers(record, rtype)));
    records.push(record(&owner, T::RRSIG, &rrsig));
}

/// Signs one set of the relative name `www` anew, by the key that signs data.
fn www(change: impl Fn(&mut SignatureFields) + 'static) -> impl Fn(&mut Vec<Record>, &[Signer]) {
    move |records, signers| sign_anew(records, &signers[1], "www", T::A, &change)
}

fn strip(section: &mut Vec<Record>, rtypes: &[T]) {
    section.retain(|record| !rtypes.contains(&record.rtype));
    section.retain(|record| !rtypes.iter().any(|rtype| covers(record, *rtype)));
}

fn flip_last(octets: &mut [u8]) {
    if let Some(last) = octets.last_mut() {
        *last ^= 1;
    }
}

/// A negative reply: this code and the authority section of that other reply.
fn deny(message: &mut Message, code: u16, other: Message) {
    message.answer.clear();
    message.authority = other.authority;
    let flags = message.header.flags.0 & !0xF;
    message.header.flags.0 = flags | 0x0400 | code;
}

fn zone_of(asked: &Asked) -> &str {
    let labels: Vec<_> = asked.name.match_indices('.').map(|(at, _)| at).collect();
    let start = labels
        .len()
        .checked_sub(3)
        .map_or(0, |place| labels[place] + 1);
    &asked.name[start..]
}

fn cases() -> Vec<Case> {
    let rrsig = |_: &Asked, message: &mut Message, _: &dyn Fn(&str, T) -> Message| {
        strip(&mut message.answer, &[]);
        message.answer.retain(|record| record.rtype != T::RRSIG);
    };
    let proofless = |_: &Asked, message: &mut Message, _: &dyn Fn(&str, T) -> Message| {
        strip(&mut message.authority, &[T::NSEC, T::NSEC3]);
    };
    vec![
        Case::new("good", "www", T::A, Secure),
        Case::new("data-flipped", "www", T::A, Bogus(6)).twist(3, "www.", |_, message, _| {
            for record in message.answer.iter_mut().filter(|record| record.rtype == T::A) {
                flip_last(&mut record.rdata);
            }
        }),
        Case::new("signature-flipped", "www", T::A, Bogus(6)).twist(3, "www.", |_, message, _| {
            for record in message.answer.iter_mut().filter(|record| record.rtype == T::RRSIG) {
                flip_last(&mut record.rdata);
            }
        }),
        Case::new("signature-cut", "www", T::A, Bogus(6)).twist(3, "www.", |_, message, _| {
            for record in message.answer.iter_mut().filter(|record| record.rtype == T::RRSIG) {
                record.rdata = record.rdata[..record.rdata.len() - 10].into();
            }
        }),
        Case::new("expired", "www", T::A, Bogus(7)).edit(www(|fields| {
            fields.validity.inception = now() - 9000;
            fields.validity.expiration = now() - 5000;
        })),
        Case::new("not-yet", "www", T::A, Bogus(8)).edit(www(|fields| {
            fields.validity.inception = now() + 5000;
            fields.validity.expiration = now() + 9000;
        })),
        Case::new("backwards", "www", T::A, Bogus(25)).edit(www(|fields| {
            fields.validity.inception = now() - 5000;
            fields.validity.expiration = now() - 9000;
        })),
        Case::new("other-signer", "www", T::A, Bogus(10)).edit(|records, _| {
            // By a key of another zone that is in good order itself.
            let other = &usual("good.test.")[1];
            let owner = name("www.other-signer.test.");
            let set = set_of(records, &owner, T::A);
            let rrsig = other.sign(&set, valid()).expect("a signature");
            records.retain(|record| !(record.owner == owner && covers(record, T::A)));
            records.push(record(&owner, T::RRSIG, &rrsig));
        }),
        Case::new("child-signer", "www", T::A, Bogus(10)).edit(www(|fields| {
            fields.signer = name("www.child-signer.test.").child(b"x").expect("a name");
        })),
        Case::new("labels-too-many", "www", T::A, Bogus(6)).edit(www(|fields| fields.labels += 1)),
        Case::new("labels-too-few", "www", T::A, Bogus(12)).edit(www(|fields| fields.labels -= 1)),
        Case::new("wrong-tag", "www", T::A, Bogus(9)).edit(www(|fields| fields.key_tag ^= 1)),
        Case::new("wrong-algorithm", "www", T::A, Bogus(9)).edit(www(|fields| fields.algorithm = 13)),
        Case::new("no-rrsig", "www", T::A, Bogus(10)).twist(3, "www.", rrsig),
        Case::new("no-cname-rrsig", "alias", T::A, Bogus(10)).twist(3, "alias.", |_, message, _| {
            message.answer.retain(|record| !covers(record, T::CNAME));
        }),
        Case::new("no-target-rrsig", "alias", T::A, Bogus(10)).twist(3, "", |_, message, _| {
            message.answer.retain(|record| !covers(record, T::A));
        }).whole(),
        Case::new("nxdomain-no-nsec", "nope", T::A, Bogus(12)).twist(3, "nope.", proofless),
        Case::new("nodata-no-nsec", "www", T::TXT, Bogus(12)).twist(3, "www.", proofless),
        Case::new("nxdomain-no-nsec3", "nope", T::A, Bogus(12)).nsec3().twist(3, "nope.", proofless),
        Case::new("nodata-no-nsec3", "www", T::TXT, Bogus(12)).nsec3().twist(3, "www.", proofless),
        Case::new("nxdomain-half", "nope", T::A, Bogus(12)).nsec3().twist(3, "nope.", |_, message, _| {
            // One record of three: nothing says that there is no wildcard.
            let mut kept = false;
            message.authority.retain(|record| {
                record.rtype != T::NSEC3 || !std::mem::replace(&mut kept, true)
            });
        }),
        Case::new("no-soa-rrsig", "nope", T::A, Bogus(10)).twist(3, "nope.", |_, message, _| {
            message.authority.retain(|record| !covers(record, T::SOA));
        }),
        Case::new("forged-nxdomain", "www", T::A, Bogus(12)).twist(3, "www.", |asked, message, _| {
            let zone = zone_of(asked);
            let mut made = message.clone();
            made.authority = vec![relay::records(zone, 3, "").remove(0)];
            deny(message, 3, made);
        }),
        Case::new("wildcard-no-proof", "x.wild", T::A, Bogus(12)).twist(3, "x.wild.", proofless),
        Case::new("wildcard-replayed", "exact.wild", T::A, Bogus(12)).twist(3, "exact.wild.", |asked, message, fetch| {
            let other = fetch(&format!("x.wild.{}", zone_of(asked)), T::A);
            message.answer = other.answer;
            for record in &mut message.answer {
                record.owner = name(&asked.spelt);
            }
            message.authority = other.authority;
        }),
        Case::new("nsec-replayed", "nope", T::A, Bogus(12)).twist(3, "nope.", |asked, message, fetch| {
            deny(message, 3, fetch(&format!("beyond.{}", zone_of(asked)), T::A));
        }),
        Case::new("nsec3-replayed", "www", T::TXT, Bogus(12)).nsec3().twist(3, "www.", |asked, message, fetch| {
            deny(message, 0, fetch(&format!("other.{}", zone_of(asked)), T::TXT));
        }),
        Case::new("exists-nxdomain", "www", T::A, Bogus(12)).twist(3, "www.", |asked, message, fetch| {
            deny(message, 3, fetch(&format!("nope.{}", zone_of(asked)), T::A));
        }),
        Case::new("exists-nxdomain3", "www", T::A, Bogus(12)).nsec3().twist(3, "www.", |asked, message, fetch| {
            deny(message, 3, fetch(&format!("nope.{}", zone_of(asked)), T::A));
        }),
        Case::new("exists-nodata", "www", T::A, Bogus(12)).twist(3, "www.", |asked, message, fetch| {
            deny(message, 0, fetch(&asked.name, T::TXT));
        }),
        Case::new("exists-nodata3", "www", T::A, Bogus(12)).nsec3().twist(3, "www.", |asked, message, fetch| {
            deny(message, 0, fetch(&asked.name, T::TXT));
        }),
        Case::new("cname-hidden", "alias", T::A, Bogus(12)).twist(3, "alias.", |asked, message, fetch| {
            // The NSEC of an alias says that there is a CNAME: no denial of A (RFC 6840 section 4.3).
            let mut other = fetch(&asked.name, T::NSEC);
            let soa = fetch(&format!("nope.{}", zone_of(asked)), T::A).authority;
            other.authority = other.answer.drain(..).chain(soa.into_iter().filter(|record| {
                record.rtype == T::SOA || covers(record, T::SOA)
            })).collect();
            deny(message, 0, other);
        }),
        // The delegation.
        Case::new("ds-stripped", "www", T::A, Secure).twist(2, "", |asked, message, _| {
            if asked.rtype != T::DS {
                strip(&mut message.authority, &[T::DS]);
            }
        }),
        Case::new("ds-denied", "www", T::A, Bogus(12)).whole().twist(2, "", |_, message, _| {
            strip(&mut message.authority, &[T::DS]);
            message.answer.clear();
        }),
        Case::new("ds-flipped", "www", T::A, Bogus(6)).whole().twist(2, "", |_, message, _| {
            for section in [&mut message.answer, &mut message.authority] {
                for record in section.iter_mut().filter(|record| record.rtype == T::DS) {
                    flip_last(&mut record.rdata);
                }
            }
        }),
        Case::new("ds-mismatch", "www", T::A, Bogus(9)).ds(|key| {
            let mut ds = key.ds(DigestType::Sha256);
            flip_last(&mut ds);
            vec![ds]
        }),
        Case::new("ds-wrong-tag", "www", T::A, Bogus(9)).ds(|key| {
            let mut ds = key.ds(DigestType::Sha256);
            ds[1] ^= 1;
            vec![ds]
        }),
        Case::new("ds-cut", "www", T::A, Bogus(9)).ds(|key| {
            let mut ds = key.ds(DigestType::Sha256);
            ds.truncate(20);
            vec![ds]
        }),
        Case::new("ds-by-child", "www.child", T::A, Bogus(12)).whole().twist(3, "child.", by_the_child),
        Case::new("ds-by-child3", "www.child", T::A, Bogus(12)).nsec3().whole().twist(3, "child.", by_the_child),
        Case::new("child-by-cut", "nope.child", T::A, Bogus(12)).twist(4, "nope.child.", |asked, message, _| {
            // The NSEC at the cut is the parent's: it says nothing about names of the child (RFC 6840 section 4.1).
            let zone = zone_of(asked).to_owned();
            let signers = usual(&zone);
            let owner = name(&format!("child.{zone}"));
            let nsec = nsec_rdata(&name(&format!("exact.wild.{zone}")), &[T::NS, T::DS, T::RRSIG, T::NSEC]);
            let set = Rrset {
                owner: owner.clone(),
                rtype: T::NSEC,
                ttl: 60,
                rdata: RdataSet::new([nsec.as_slice()]),
                rrsigs: RdataSet::default(),
            };
            let rrsig = signers[1].sign(&set, valid()).expect("a signature");
            strip(&mut message.authority, &[T::NSEC]);
            message.authority.push(record(&owner, T::NSEC, &nsec));
            message.authority.push(record(&owner, T::RRSIG, &rrsig));
        }),
        Case::new("cut-without-ns", "www.plain", T::A, Bogus(12)).edit(|records, signers| {
            let owner = name("plain.cut-without-ns.test.");
            let (next, _) = set_of(records, &owner, T::NSEC)
                .rdata
                .iter()
                .find_map(|octets| rdata::nsec(octets).map(|(next, types)| (next, types.to_vec())))
                .expect("an NSEC record");
            records.retain(|record| !(record.owner == owner && record.rtype == T::NSEC));
            records.push(record(&owner, T::NSEC, &nsec_rdata(&next, &[T::RRSIG, T::NSEC])));
            sign_anew(records, &signers[1], "plain", T::NSEC, |_| ());
        }),
        Case::new("opt-out-denied", "www.plain", T::A, Bogus(12)).nsec3_opt_out().edit(|records, signers| {
            // Nothing in the chain stands for the delegation, and nothing says that something may be missing.
            let owners: Vec<Name> = records.iter().filter(|record| record.rtype == T::NSEC3).map(|record| record.owner.clone()).collect();
            for record in records.iter_mut().filter(|record| record.rtype == T::NSEC3) {
                record.rdata[1] = 0;
            }
            for owner in owners {
                let label = owner.to_string().split('.').next().expect("a label").to_owned();
                sign_anew(records, &signers[1], &label, T::NSEC3, |_| ());
            }
        }),
        Case::new("insecure-child", "www.plain", T::A, Insecure(None)),
        Case::new("insecure-child3", "www.plain", T::A, Insecure(None)).nsec3_opt_out(),
        // Keys.
        Case::new("no-dnskey", "www", T::A, Bogus(9)).whole().twist(3, "no-dnskey.", |asked, message, fetch| {
            if asked.rtype == T::DNSKEY {
                deny(message, 0, fetch(&asked.name, T::TXT));
            }
        }),
        Case::new("dnskey-flipped", "www", T::A, Bogus(9)).whole().twist(3, "dnskey-flipped.", |asked, message, _| {
            if asked.rtype == T::DNSKEY {
                for record in message.answer.iter_mut().filter(|record| record.rtype == T::DNSKEY) {
                    flip_last(&mut record.rdata);
                }
            }
        }),
        Case::new("dnskey-by-other", "www", T::A, Bogus(9)).whole().edit(|records, signers| {
            sign_anew(records, &signers[1], "@", T::DNSKEY, |_| ());
        }),
        Case::new("dnskey-unsigned", "www", T::A, Bogus(10)).whole().twist(3, "dnskey-unsigned.", rrsig),
        Case::new("key-revoked", "www", T::A, Bogus(9)).flags([KEY_SIGNING | 0x80, ZONE_SIGNING])
            .unbound("secure", "Unbound 1.17 heeds REVOKE in anchors only; RFC 5011 section 2.1 says a revoked key is good for nothing else"),
        Case::new("no-zone-bit", "www", T::A, Bogus(11)).flags([1, ZONE_SIGNING]),
        // What is not ours to judge.
        Case::new("unknown-algorithm", "www", T::A, Insecure(Some(1))).ds(|key| vec![relabel(key, 3, 100)]),
        Case::new("rsa-sha1", "www", T::A, Insecure(Some(1))).ds(|key| vec![relabel(key, 3, 5)])
            .unbound("bogus", "Unbound 1.17 still validates RSASHA1 (RFC 9905 came after it)"),
        Case::new("unknown-digest", "www", T::A, Insecure(Some(2))).ds(|key| {
            let mut ds = relabel(key, 4, 99);
            ds.push(7);
            vec![ds]
        }),
        Case::new("sha1-digest", "www", T::A, Insecure(Some(2))).ds(|key| {
            let mut ds = relabel(key, 3, 1);
            ds[3] = 1;
            ds[2] = 15;
            ds.truncate(24);
            vec![ds]
        }).unbound("bogus", "Unbound 1.17 still takes SHA-1 digests (RFC 9905 came after it)"),
        Case::new("ttl-raised", "www", T::A, Secure).twist(3, "www.", |_, message, _| {
            for record in &mut message.answer {
                record.ttl = 80_000;
            }
        }),
    ]
}

/// The DS of a key with one octet changed: 3 is the algorithm, 4 the digest type, from 1 on.
fn relabel(key: &Signer, place: usize, value: u8) -> Vec<u8> {
    let mut ds = key.ds(DigestType::Sha256);
    ds[place - 1] = value;
    ds
}

/// What the child says of itself, in place of the parent's DS.
fn by_the_child(asked: &Asked, message: &mut Message, _: &dyn Fn(&str, T) -> Message) {
    let zone = asked.name.clone();
    let child = &usual(&zone)[1];
    let denial = if zone.contains('3') {
        Denial::Nsec3(NSEC3)
    } else {
        Denial::Nsec
    };
    let records = child_records(&zone);
    let signed = sign_zone(&records, &usual(&zone), &denial, valid()).expect("a signed zone");
    let proofs = signed.iter().filter(|record| {
        matches!(record.rtype, T::NSEC | T::NSEC3)
            || covers(record, T::NSEC)
            || covers(record, T::NSEC3)
    });
    strip(&mut message.authority, &[T::DS, T::NSEC, T::NSEC3]);
    message.answer.clear();
    if asked.rtype == T::DS {
        strip(&mut message.authority, &[T::SOA]);
        let soa = set_of(&records, &name(&zone), T::SOA);
        let rrsig = child.sign(&soa, valid()).expect("a signature");
        let octets = soa.rdata.iter().next().expect("an SOA").to_vec();
        message.authority.push(record(&soa.owner, T::SOA, &octets));
        message.authority.push(record(&soa.owner, T::RRSIG, &rrsig));
    }
    message.authority.extend(proofs.cloned());
}

fn child_records(zone: &str) -> Vec<Record> {
    relay::records(zone, 4, &format!("www.{zone} A 192.0.2.9"))
}

impl Case {
    fn nsec3_opt_out(mut self) -> Self {
        self.denial = Denial::Nsec3(Hashing {
            opt_out: true,
            ..NSEC3
        });
        self
    }

    fn flags(mut self, flags: [u16; 2]) -> Self {
        self.flags = flags;
        self.whole()
    }

    /// The zone as it is served, and the DS records that the parent has.
    fn build(&self) -> (Vec<Record>, Vec<Vec<u8>>) {
        let zone = self.zone();
        let mut records = relay::records(
            &zone,
            3,
            &format!(
                "www.{zone} A 192.0.2.1\nother.{zone} A 192.0.2.2\na.{zone} A 192.0.2.3\nz.{zone} A 192.0.2.4\nalias.{zone} CNAME www.{zone}\n\
                 *.wild.{zone} A 192.0.2.5\nexact.wild.{zone} A 192.0.2.6\nbeyond.x.{zone} A 192.0.2.7\n\
                 plain.{zone} NS ns.plain.{zone}\nns.plain.{zone} A 10.53.0.4\nchild.{zone} NS ns.child.{zone}\nns.child.{zone} A 10.53.0.4"
            ),
        );
        let child = format!("child.{zone}");
        records.push(record(
            &name(&child),
            T::DS,
            &usual(&child)[0].ds(DigestType::Sha256),
        ));
        let signers = keys(&zone, self.flags);
        let mut signed =
            sign_zone(&records, &signers, &self.denial, valid()).expect("a signed zone");
        (self.edit)(&mut signed, &signers);
        (signed, (self.ds)(&signers[0]))
    }
}

#[test]
fn each_of_many_corruptions_is_noticed_and_told_and_costs_nobody_else_anything() {
    let cases = cases();
    let (mut zones, mut children) = (Vec::new(), Vec::new());
    let mut twists: BTreeMap<String, Arc<Twist>> = BTreeMap::new();
    let leak = |name: &str| -> &'static str { name.trim_end_matches('.').to_owned().leak() };
    for case in &cases {
        let zone = case.zone();
        let (signed, ds) = case.build();
        zones.push((zone.clone(), signed, ds));
        let plain = format!("plain.{zone}");
        let records = relay::records(&plain, 4, &format!("www.{plain} A 192.0.2.8"));
        children.push((leak(&plain), records));
        let child = format!("child.{zone}");
        let signed = sign_zone(
            &child_records(&child),
            &usual(&child),
            &Denial::Nsec,
            valid(),
        );
        children.push((leak(&child), signed.expect("a signed zone")));
        twists.insert(zone, Arc::clone(&case.twist));
    }
    let (served, anchor) = relay::tree(zones, vec![(4, children)]);
    let twist: Arc<Twist> = Arc::new(move |asked, message, fetch| {
        if let Some(twist) = twists.get(zone_of(asked)) {
            twist(asked, message, fetch);
        }
    });
    let more = format!("[dnssec]\nvalidation = \"on\"\ntrust_anchors = [{anchor:?}]\n");
    let setting = Setting {
        more: &more,
        servers: 1..=4,
        ..Setting::default()
    };
    let mut scene = relay::scene("corrupt", &setting, served, twist);
    scene.start("suimond", &setting);
    let unbound: SocketAddr = "127.0.0.9:53".parse().expect("an address");
    let resolver = scene.resolver.clone();
    let validating = servers::validating(&anchor);
    servers::unbound(
        &mut scene.lab,
        &resolver,
        "unbound",
        unbound,
        HINTS,
        &validating,
    );

    // The same lies, told to a forwarder that believes everything.
    let forwarder: SocketAddr = "127.0.0.10:53".parse().expect("an address");
    servers::unbound(
        &mut scene.lab,
        &resolver,
        "unbound-plain",
        forwarder,
        HINTS,
        "",
    );
    let forward = format!(
        "{more}[[forward]]\nzone = \".\"\nservers = [\"{forwarder}\"]\nleak_ok = \"a lab\"\n"
    );
    let behind: SocketAddr = "127.0.0.11:53".parse().expect("an address");
    scene.start(
        "suimond-behind",
        &Setting {
            more: &forward,
            listen: &["127.0.0.11:53"],
            ..setting.clone()
        },
    );

    let mut wrong = Vec::new();
    for case in &cases {
        if let Err(why) = try_behind(&scene, case, behind) {
            wrong.push(format!("{} behind a forwarder: {why}", case.label));
        }
        if let Err(why) = try_case(&scene, case, unbound) {
            wrong.push(format!("{}: {why}", case.label));
        }
    }
    let total = cases.len();
    assert!(
        wrong.is_empty(),
        "{} of {total}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let spoilt = cases
        .iter()
        .filter(|case| matches!(case.expect, Bogus(_)))
        .count();
    assert!(spoilt >= 30, "only {spoilt} corruptions");
}

fn ask(scene: &Scene, server: SocketAddr, name: &str, rtype: T, cd: bool) -> Option<Message> {
    scene
        .resolver
        .inside(|| resolve_dnssec(loopback(), server, name, rtype, cd, PATIENCE))
}

fn verdict(reply: Option<&Message>) -> &'static str {
    match reply {
        None => "silent",
        Some(reply) if reply.rcode().0 == 2 => "bogus",
        Some(reply) if reply.header.flags.ad() => "secure",
        Some(_) => "insecure",
    }
}

/// What a forwarder passed on; some lies it cannot pass on, for it asks anew or leaves out what does not fit.
fn try_behind(scene: &Scene, case: &Case, server: SocketAddr) -> Result<(), String> {
    let (relative, rtype) = case.asked;
    let asked = format!("{relative}.{}", case.zone());
    let reply = ask(scene, server, &asked, rtype, false);
    let wanted = match case.expect {
        Bogus(_) => "bogus",
        Insecure(_) => "insecure",
        Secure => "secure",
    };
    if verdict(reply.as_ref()) == wanted {
        return Ok(());
    }
    Err(format!(
        "wanted {wanted}: {} {} {:?}",
        verdict(reply.as_ref()),
        say(reply.as_ref()),
        reply.as_ref().map(extended_errors)
    ))
}

fn try_case(scene: &Scene, case: &Case, unbound: SocketAddr) -> Result<(), String> {
    let (relative, rtype) = case.asked;
    let zone = case.zone();
    let asked = format!("{relative}.{zone}");
    let reply = ask(scene, listen(), &asked, rtype, false);
    let errors: Vec<(u16, String)> = reply.as_ref().map(extended_errors).unwrap_or_default();
    let theirs = ask(scene, unbound, &asked, rtype, false);
    let their_errors = theirs.as_ref().map(extended_errors);
    let told = format!(
        "suimond {} {} {errors:?}, unbound {} {their_errors:?}",
        verdict(reply.as_ref()),
        say(reply.as_ref()),
        verdict(theirs.as_ref()),
    );
    let (wanted, code) = match case.expect {
        Bogus(code) => ("bogus", Some(code)),
        Insecure(code) => ("insecure", code),
        Secure => ("secure", None),
    };
    let fits = match code {
        Some(code) => errors
            .iter()
            .any(|(told, text)| *told == code && !text.is_empty()),
        None => errors.is_empty(),
    };
    if verdict(reply.as_ref()) != wanted || !fits {
        return Err(format!("wanted {wanted} {code:?}: {told}"));
    }
    let they_should = case.unbound.map_or(wanted, |(says, _)| says);
    if verdict(theirs.as_ref()) != they_should {
        return Err(format!("unbound should say {they_should}: {told}"));
    }
    let ttl = |reply: &Message| reply.answer.iter().map(|record| record.ttl).max();
    if case.expect == Secure && reply.as_ref().and_then(ttl) > Some(300) {
        return Err(format!("TTL above the signed one: {told}"));
    }
    if matches!(case.expect, Bogus(_)) {
        let unchecked = ask(scene, listen(), &asked, rtype, true);
        if !matches!(verdict(unchecked.as_ref()), "insecure") {
            return Err(format!("with CD: {}; {told}", say(unchecked.as_ref())));
        }
        // Once more: what nobody checked does not become believed.
        let again = ask(scene, listen(), &asked, rtype, false);
        if verdict(again.as_ref()) != "bogus" {
            return Err(format!("after CD: {}; {told}", say(again.as_ref())));
        }
    }
    let sibling = if case.whole {
        "other.good.test.".to_owned()
    } else {
        format!("other.{zone}")
    };
    let sibling_reply = ask(scene, listen(), &sibling, T::A, false);
    if verdict(sibling_reply.as_ref()) != "secure" {
        return Err(format!(
            "{sibling}: {} {:?}; {told}",
            say(sibling_reply.as_ref()),
            sibling_reply.as_ref().map(extended_errors)
        ));
    }
    Ok(())
}
