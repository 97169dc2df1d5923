//! Proofs by NSEC: RFC 4035 section 5.4, RFC 6840 section 4, RFC 9824, and what attackers made of them.

use super::*;

use RecordType as T;

/// The zone of RFC 4035 appendix A, its NSEC chain.
fn example() -> Vec<Validated<Rrset>> {
    vec![
        nsec("example.", "a.example.", &[T::NS, T::SOA, T::MX, T::DNSKEY]),
        nsec("a.example.", "ai.example.", &[T::NS, T::DS]),
        nsec("ai.example.", "b.example.", &[T::A, T::HINFO, T::AAAA]),
        nsec("b.example.", "ns1.example.", &[T::NS]),
        nsec("ns1.example.", "ns2.example.", &[T::A]),
        nsec("ns2.example.", "*.w.example.", &[T::A]),
        nsec("*.w.example.", "x.w.example.", &[T::MX]),
        nsec("x.w.example.", "x.y.w.example.", &[T::MX]),
        nsec("x.y.w.example.", "xx.example.", &[T::MX]),
        nsec("xx.example.", "example.", &[T::A, T::HINFO, T::AAAA]),
    ]
}

fn only(owners: &[&str]) -> Case<'static> {
    let owners: Vec<Name> = owners.iter().map(|owner| name(owner)).collect();
    let sets: Vec<_> = example()
        .into_iter()
        .filter(|set| owners.contains(&set.owner))
        .collect();
    assert_eq!(sets.len(), owners.len(), "misspelt");
    Case::new("example.", sets)
}

const PROVEN: Result<Strength, Why> = Ok(Strength::Proven);
const NO_PROOF: Result<Strength, Why> = Err(Why::NoProof);

#[test]
fn a_name_error_needs_the_span_and_the_wildcard() {
    // RFC 4035 appendix B.2.
    let both = only(&["b.example.", "example."]);
    let denial = both.no_name("ml.example.").unwrap();
    assert_eq!(denial.strength, Strength::Proven);
    assert_eq!(denial.encloser, Some(name("example.")));
    assert!(!denial.no_such_name);
    assert_eq!(
        worth(only(&["b.example."]).no_name("ml.example.")),
        NO_PROOF
    );
    assert_eq!(worth(only(&["example."]).no_name("ml.example.")), NO_PROOF);
    assert_eq!(worth(only(&[]).no_name("ml.example.")), NO_PROOF);
    // It may be that one record shows both, and that the case differs.
    assert_eq!(worth(only(&["example."]).no_name("*.EXAMPLE.")), PROVEN);
    assert_eq!(worth(only(&["example."]).no_name("0.Example.")), PROVEN);
}

#[test]
fn what_exists_is_never_denied_by_the_whole_chain() {
    let all = Case::new("example.", example());
    for exists in [
        "example.",
        "ai.example.",
        "ns1.example.",
        "w.example.",
        "y.w.example.",
    ] {
        assert_eq!(worth(all.no_name(exists)), NO_PROOF, "{exists}");
    }
    // Below a wildcard something answers.
    for made in ["a.w.example.", "a.b.w.example.", "*.w.example."] {
        assert_eq!(worth(all.no_name(made)), NO_PROOF, "{made}");
    }
    // Below an existing name next to the wildcard it does not (RFC 4592 section 2.2.1).
    assert_eq!(worth(all.no_name("a.x.w.example.")), PROVEN);
}

#[test]
fn no_data_is_read_from_the_map_at_the_name() {
    // RFC 4035 appendix B.3.
    let at = only(&["ns1.example."]);
    assert_eq!(worth(at.no_data("NS1.example.", T::MX)), PROVEN);
    assert_eq!(worth(at.no_data("ns1.example.", T::A)), NO_PROOF);
    // The record itself and its signature are there, whatever the map says (section 5.4); so something answers ANY.
    assert_eq!(worth(at.no_data("ns1.example.", T::NSEC)), NO_PROOF);
    assert_eq!(worth(at.no_data("ns1.example.", T::RRSIG)), NO_PROOF);
    assert_eq!(worth(at.no_data("ns1.example.", T::ANY)), NO_PROOF);
    assert_eq!(worth(at.no_data("ns2.example.", T::MX)), NO_PROOF);
    assert_eq!(worth(at.no_name("ns1.example.")), NO_PROOF);
}

#[test]
fn a_name_that_does_not_exist_is_not_one_without_data() {
    let all = Case::new("example.", example());
    assert_eq!(worth(all.no_data("ml.example.", T::A)), NO_PROOF);
}

#[test]
fn a_cname_at_the_name_would_have_answered() {
    // RFC 6840 section 4.3.
    let at = Case::new("example.", [nsec("c.example.", "d.example.", &[T::CNAME])]);
    assert_eq!(worth(at.no_data("c.example.", T::A)), NO_PROOF);
    let wild = Case::new(
        "example.",
        [
            nsec("*.example.", "c.example.", &[T::CNAME]),
            nsec("c.example.", "example.", &[T::A]),
        ],
    );
    assert_eq!(worth(wild.no_data("x.example.", T::A)), NO_PROOF);
}

#[test]
fn an_empty_non_terminal_has_no_data_and_is_not_absent() {
    let case = only(&["ns2.example.", "example."]);
    assert_eq!(worth(case.no_data("w.example.", T::A)), PROVEN);
    assert_eq!(worth(case.no_data("w.example.", T::DS)), PROVEN);
    assert_eq!(worth(case.no_name("w.example.")), NO_PROOF);
    assert_eq!(case.no_ds("w.example."), Ok(NoDs::NoCut));
    // The wildcard itself may be one.
    let deep = Case::new(
        "example.",
        [
            nsec("example.", "a.*.example.", &[T::SOA, T::NS]),
            nsec("a.*.example.", "example.", &[T::A]),
        ],
    );
    assert_eq!(worth(deep.no_name("x.example.")), NO_PROOF);
    assert_eq!(worth(deep.no_data("x.example.", T::A)), PROVEN);
}

#[test]
fn a_wildcard_without_the_type_takes_two_records() {
    // RFC 4035 appendix B.7.
    let both = only(&["x.y.w.example.", "*.w.example."]);
    let denial = both.no_data("a.z.w.example.", T::AAAA).unwrap();
    assert_eq!(denial.strength, Strength::Proven);
    assert_eq!(denial.encloser, Some(name("w.example.")));
    assert_eq!(worth(both.no_data("a.z.w.example.", T::MX)), NO_PROOF);
    assert_eq!(
        worth(only(&["x.y.w.example."]).no_data("a.z.w.example.", T::A)),
        NO_PROOF
    );
    assert_eq!(
        worth(only(&["*.w.example."]).no_data("a.z.w.example.", T::A)),
        NO_PROOF
    );
    // Below y.w.example. the wildcard of w.example. has nothing to say (RFC 4592 section 3.3.1).
    assert_eq!(worth(both.no_data("a.y.w.example.", T::AAAA)), NO_PROOF);
}

#[test]
fn a_wildcard_answer_needs_the_closer_names_denied() {
    // RFC 4035 appendix B.6.
    let span = only(&["x.y.w.example."]);
    assert_eq!(
        worth(span.no_closer("a.z.w.example.", "w.example.")),
        PROVEN
    );
    assert_eq!(worth(span.no_closer("z.w.example.", "w.example.")), PROVEN);
    // A closer name exists: this is what a replayed wildcard would hide.
    let all = Case::new("example.", example());
    assert_eq!(
        worth(all.no_closer("x.y.w.example.", "w.example.")),
        NO_PROOF
    );
    assert_eq!(
        worth(all.no_closer("b.y.w.example.", "w.example.")),
        NO_PROOF
    );
    assert_eq!(worth(all.no_closer("x.w.example.", "w.example.")), NO_PROOF);
    // The encloser must lie above the name and in the zone.
    assert_eq!(worth(all.no_closer("w.example.", "w.example.")), NO_PROOF);
    assert_eq!(
        worth(all.no_closer("a.z.w.example.", "v.example.")),
        NO_PROOF
    );
    assert_eq!(worth(all.no_closer("a.z.w.example.", ".")), NO_PROOF);
}

#[test]
fn the_last_record_reaches_round_to_the_apex_and_no_further() {
    let last = only(&["xx.example.", "example."]);
    assert_eq!(worth(last.no_name("zz.example.")), PROVEN);
    assert_eq!(worth(last.no_name("a.xx.example.")), PROVEN);
    assert_eq!(worth(last.no_name("xw.example.")), NO_PROOF);
    // One name in the zone: one record for everything else.
    let lonely = Case::new("example.", [nsec("example.", "example.", &[T::SOA, T::NS])]);
    assert_eq!(worth(lonely.no_name("a.example.")), PROVEN);
    assert_eq!(worth(lonely.no_name("example.")), NO_PROOF);
    // A next name before the owner that is not the apex belongs to no chain.
    let odd = Case::new(
        "example.",
        [
            nsec("xx.example.", "b.example.", &[T::A]),
            nsec("example.", "a.example.", &[T::SOA]),
        ],
    );
    assert_eq!(worth(odd.no_name("zz.example.")), NO_PROOF);
}

#[test]
fn cve_2026_13321_a_next_name_outside_the_zone_proves_nothing() {
    let out = Case::new(
        "example.",
        [nsec("example.", "zzz.test.", &[T::SOA, T::NS])],
    );
    assert_eq!(worth(out.no_name("a.example.")), NO_PROOF);
    assert_eq!(worth(out.no_data("example.", T::A)), NO_PROOF);
    assert_eq!(worth(out.no_data("b.example.", T::A)), NO_PROOF);
    assert!(out.no_ds("b.example.").is_err());
    let above = Case::new(
        "sub.example.",
        [nsec("sub.example.", "example.", &[T::SOA])],
    );
    assert_eq!(worth(above.no_name("a.sub.example.")), NO_PROOF);
}

#[test]
fn records_and_names_of_other_zones_prove_nothing() {
    let other = Case::new("example.", [nsec("test.", "test.", &[T::SOA, T::NS])]);
    assert_eq!(worth(other.no_name("a.test.")), NO_PROOF);
    assert_eq!(worth(other.no_name("a.example.")), NO_PROOF);
    assert_eq!(worth(other.no_data("test.", T::A)), NO_PROOF);
    // A record of the child, whose signer says so, is not the parent's.
    let child = nsec("example.", "example.", &[T::SOA, T::NS]);
    let case = |signer| {
        let set = signed(child.clone(), signature(T::NSEC, 1, signer));
        Case::new("example.", [set])
    };
    assert_eq!(worth(case("test.").no_name("a.example.")), NO_PROOF);
    assert_eq!(worth(case("EXAMPLE.").no_name("a.example.")), PROVEN);
}

#[test]
fn a_record_made_from_a_wildcard_is_no_record_of_its_owner() {
    // RFC 4035 section 5.4: labels field and owner must agree.
    let set = nsec("b.example.", "ns1.example.", &[T::A]);
    let case = |labels| {
        let set = signed(set.clone(), signature(T::NSEC, labels, "example."));
        Case::new("example.", [set])
    };
    assert_eq!(worth(case(2).no_data("b.example.", T::MX)), PROVEN);
    assert_eq!(worth(case(1).no_data("b.example.", T::MX)), NO_PROOF);
    // That of the wildcard itself counts its labels without the asterisk.
    let wild = nsec("*.w.example.", "x.w.example.", &[T::MX]);
    let case = Case::new(
        "example.",
        [signed(wild, signature(T::NSEC, 2, "example."))],
    );
    assert_eq!(worth(case.no_data("*.w.example.", T::A)), PROVEN);
}

#[test]
fn a_delegation_is_no_proof_for_what_lies_below_it() {
    // RFC 6840 section 4.1: "ancestor delegation".
    let cut = only(&["b.example.", "a.example.", "example."]);
    for below in ["x.b.example.", "x.y.b.example.", "a.a.example."] {
        assert_eq!(worth(cut.no_name(below)), NO_PROOF, "{below}");
        assert_eq!(worth(cut.no_closer(below, "example.")), NO_PROOF, "{below}");
        assert!(cut.no_ds(below).is_err(), "{below}");
    }
    // At the cut itself the parent speaks of DS alone.
    assert_eq!(worth(cut.no_data("b.example.", T::DS)), PROVEN);
    for rtype in [T::A, T::SOA, T::DNSKEY, T::ANY] {
        assert_eq!(worth(cut.no_data("b.example.", rtype)), NO_PROOF, "{rtype}");
    }
    assert_eq!(worth(cut.no_data("b.example.", T::NS)), NO_PROOF);
    // Beyond it the span counts.
    assert_eq!(worth(cut.no_name("c.example.")), PROVEN);
}

#[test]
fn a_dname_is_no_proof_for_what_lies_below_it() {
    // RFC 6840 section 4.1.
    let case = Case::new(
        "example.",
        [
            nsec("d.example.", "e.example.", &[T::DNAME]),
            nsec("example.", "d.example.", &[T::SOA, T::NS]),
        ],
    );
    assert_eq!(worth(case.no_name("x.d.example.")), NO_PROOF);
    assert_eq!(worth(case.no_data("d.example.", T::A)), PROVEN);
    assert_eq!(worth(case.no_name("da.example.")), PROVEN);
    let apex = Case::new(
        "example.",
        [nsec("example.", "example.", &[T::SOA, T::NS, T::DNAME])],
    );
    assert_eq!(worth(apex.no_name("x.example.")), NO_PROOF);
}

#[test]
fn ds_is_denied_by_the_parent_alone() {
    // The child's own record at the apex has SOA set: RFC 4035 section 5.2, RFC 6840 section 4.4.
    let child = only(&["example."]);
    assert_eq!(worth(child.no_data("example.", T::DS)), NO_PROOF);
    assert!(child.no_ds("example.").is_err());
    let parent_says = |types: &[T]| Case::new(".", [nsec("example.", "test.", types)]);
    assert_eq!(parent_says(&[T::NS]).no_ds("example."), Ok(NoDs::Insecure));
    assert_eq!(
        worth(parent_says(&[T::NS]).no_data("example.", T::DS)),
        PROVEN
    );
    assert_eq!(
        parent_says(&[T::NS, T::DS])
            .no_ds("example.")
            .unwrap_err()
            .why,
        Why::NoDs
    );
    assert_eq!(
        parent_says(&[T::NS, T::SOA])
            .no_ds("example.")
            .unwrap_err()
            .why,
        Why::NoDs
    );
    assert_eq!(
        parent_says(&[T::SOA]).no_ds("example.").unwrap_err().why,
        Why::NoDs
    );
    // The root has no parent.
    let root = Case::new(".", [nsec(".", "aaa.", &[T::NS, T::SOA, T::DNSKEY])]);
    assert_eq!(worth(root.no_data(".", T::DS)), PROVEN);
    assert_eq!(worth(root.no_data(".", T::A)), PROVEN);
    assert_eq!(worth(root.no_data(".", T::SOA)), NO_PROOF);
    assert!(root.no_ds(".").is_err());
}

#[test]
fn a_name_that_is_no_delegation_makes_nothing_insecure() {
    // RFC 6840 section 4.4: without NS it is no cut, so what is below it must be signed.
    let all = Case::new("example.", example());
    assert_eq!(all.no_ds("b.example."), Ok(NoDs::Insecure));
    assert!(all.no_ds("a.example.").is_err());
    assert_eq!(all.no_ds("ai.example."), Ok(NoDs::NoCut));
    assert_eq!(all.no_ds("absent.example."), Ok(NoDs::NoCut));
    assert_eq!(all.no_ds("y.w.example."), Ok(NoDs::NoCut));
    assert!(all.no_ds("b.test.").is_err());
}

#[test]
fn the_root_zone_denies_a_top_level_domain() {
    let root = Case::new(
        ".",
        [
            nsec(".", "aaa.", &[T::NS, T::SOA, T::DNSKEY]),
            nsec("zw.", ".", &[T::NS]),
            nsec("com.", "community.", &[T::NS, T::DS]),
        ],
    );
    assert_eq!(worth(root.no_name("zzz.")), PROVEN);
    assert_eq!(worth(root.no_name("x.y.zzz.")), PROVEN);
    assert_eq!(worth(root.no_name("common.")), PROVEN);
    assert_eq!(worth(root.no_name("x.zw.")), NO_PROOF);
    assert_eq!(worth(root.no_name("example.com.")), NO_PROOF);
    assert_eq!(root.no_ds("zw."), Ok(NoDs::Insecure));
    assert_eq!(root.no_ds("zzz."), Ok(NoDs::NoCut));
}

#[test]
fn compact_denial_says_no_data_and_means_no_name() {
    // RFC 9824 section 3.
    let gone = Case::new(
        "example.",
        [nsec("x.example.", "\\000.x.example.", &[T::NXNAME])],
    );
    let denial = gone.no_data("x.example.", T::A).unwrap();
    assert!(denial.no_such_name);
    assert_eq!(denial.strength, Strength::Proven);
    assert_eq!(worth(gone.no_data("x.example.", T::ANY)), PROVEN);
    assert_eq!(gone.no_ds("x.example."), Ok(NoDs::NoCut));
    // A server may say NXDOMAIN with it (section 5).
    assert_eq!(worth(gone.no_name("x.example.")), PROVEN);
    // One that exists, and an empty non-terminal.
    let there = Case::new(
        "example.",
        [nsec("x.example.", "\\000.x.example.", &[T::TXT])],
    );
    assert!(!there.no_data("x.example.", T::A).unwrap().no_such_name);
    assert_eq!(worth(there.no_name("x.example.")), NO_PROOF);
    let empty = Case::new("example.", [nsec("x.example.", "\\000.x.example.", &[])]);
    assert!(!empty.no_data("x.example.", T::A).unwrap().no_such_name);
    assert_eq!(worth(empty.no_name("x.example.")), NO_PROOF);
    // What covers next to nothing covers not its neighbours.
    assert_eq!(worth(gone.no_name("y.example.")), NO_PROOF);
    assert_eq!(worth(gone.no_name("a.x.example.")), NO_PROOF);
}

#[test]
fn minimally_covering_records_are_as_good_as_others() {
    // RFC 4470 section 3.
    let white_lies = Case::new(
        "example.",
        [
            nsec("namd~.example.", "name!.example.", &[]),
            nsec("\\)~.example.", "+.example.", &[]),
        ],
    );
    assert_eq!(worth(white_lies.no_name("name.example.")), PROVEN);
    assert_eq!(worth(white_lies.no_name("nam.example.")), NO_PROOF);
}

#[test]
fn broken_records_are_passed_over() {
    let good = [
        nsec("b.example.", "d.example.", &[T::A]),
        nsec("example.", "b.example.", &[T::SOA]),
    ];
    let [span, apex] = &good;
    assert_eq!(
        worth(Case::new("example.", good.clone()).no_name("c.example.")),
        PROVEN
    );
    let with = |rdatas: &[&[u8]]| {
        let set = Validated::seal(Rrset {
            rdata: RdataSet::new(rdatas.iter().copied()),
            ..Rrset::clone(span)
        });
        worth(Case::new("example.", [set, apex.clone()]).no_name("c.example."))
    };
    let next = name("d.example.").as_wire().to_vec();
    let plus = |tail: &[u8]| [next.as_slice(), tail].concat();
    assert_eq!(with(&[&plus(&[0, 1, 0x40])]), PROVEN);
    assert_eq!(with(&[&plus(&[])]), PROVEN);
    // Two records at one owner; a window of 0 or 33 octets, cut off, twice, out of order; a name cut off or compressed.
    assert_eq!(
        with(&[&plus(&[0, 1, 0x40]), &plus(&[0, 1, 0x20])]),
        NO_PROOF
    );
    assert_eq!(with(&[&plus(&[0, 0])]), NO_PROOF);
    assert_eq!(
        with(&[&plus(&[[0, 33].as_slice(), &[1; 33]].concat())]),
        NO_PROOF
    );
    assert_eq!(with(&[&plus(&[0, 2, 1])]), NO_PROOF);
    assert_eq!(with(&[&plus(&[0])]), NO_PROOF);
    assert_eq!(with(&[&plus(&[0, 1, 1, 0, 1, 1])]), NO_PROOF);
    assert_eq!(with(&[&plus(&[1, 1, 1, 0, 1, 1])]), NO_PROOF);
    assert_eq!(with(&[&next[..4]]), NO_PROOF);
    assert_eq!(with(&[&[0xC0, 0]]), NO_PROOF);
    assert_eq!(with(&[&[]]), NO_PROOF);
    assert_eq!(with(&[]), NO_PROOF);
}

#[test]
fn a_set_made_from_a_wildcard_gives_the_wildcard_back() {
    let made = Validated::seal(Rrset {
        owner: name("a.z.w.Example."),
        rtype: T::MX,
        ttl: 60,
        rdata: RdataSet::new([[0, 1, 0].as_slice()]),
        rrsigs: signature(T::MX, 2, "example."),
    });
    let source = source_of_synthesis(&made).unwrap();
    assert_eq!(source.owner, name("*.w.example."));
    assert_eq!(
        (source.ttl, &source.rdata, &source.rrsigs),
        (60, &made.rdata, &made.rrsigs)
    );
    // Not of one that was not made, nor of the wildcard itself, nor without a signature.
    let plain = |owner: &str, rrsigs| {
        let set = Rrset {
            owner: name(owner),
            rrsigs,
            ..Rrset::clone(&made)
        };
        source_of_synthesis(&Validated::seal(set))
    };
    assert!(plain("w.example.", signature(T::MX, 2, "example.")).is_none());
    assert!(plain("*.w.example.", signature(T::MX, 2, "example.")).is_none());
    assert!(plain("a.w.example.", RdataSet::default()).is_none());
}
