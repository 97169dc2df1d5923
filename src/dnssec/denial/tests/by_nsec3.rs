//! Proofs by NSEC3: the example of RFC 5155 appendix B, each rule of its section 8, and what attackers made of them.

use super::*;

use RecordType as T;

const SALT: [u8; 4] = [0xAA, 0xBB, 0xCC, 0xDD];

/// Appendix A: hash, next hash, types.
const ZONE: [(&str, &str, &[T]); 11] = [
    (
        "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",
        "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
        &[T::MX, T::DNSKEY, T::NS, T::SOA, T::NSEC3PARAM, T::RRSIG],
    ),
    (
        "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
        "2vptu5timamqttgl4luu9kg21e0aor3s",
        &[T::A, T::RRSIG],
    ),
    (
        "2vptu5timamqttgl4luu9kg21e0aor3s",
        "35mthgpgcu1qg68fab165klnsnk3dpvl",
        &[T::MX, T::RRSIG],
    ),
    (
        "35mthgpgcu1qg68fab165klnsnk3dpvl",
        "b4um86eghhds6nea196smvmlo4ors995",
        &[T::NS, T::DS, T::RRSIG],
    ),
    (
        "b4um86eghhds6nea196smvmlo4ors995",
        "gjeqe526plbf1g8mklp59enfd789njgi",
        &[T::MX, T::RRSIG],
    ),
    (
        "gjeqe526plbf1g8mklp59enfd789njgi",
        "ji6neoaepv8b5o6k4ev33abha8ht9fgc",
        &[T::HINFO, T::A, T::AAAA, T::RRSIG],
    ),
    (
        "ji6neoaepv8b5o6k4ev33abha8ht9fgc",
        "k8udemvp1j2f7eg6jebps17vp3n8i58h",
        &[],
    ),
    (
        "k8udemvp1j2f7eg6jebps17vp3n8i58h",
        "kohar7mbb8dc2ce8a9qvl8hon4k53uhi",
        &[],
    ),
    (
        "kohar7mbb8dc2ce8a9qvl8hon4k53uhi",
        "q04jkcevqvmu85r014c7dkba38o0ji5r",
        &[T::A, T::RRSIG],
    ),
    (
        "q04jkcevqvmu85r014c7dkba38o0ji5r",
        "r53bq7cc2uvmubfu5ocmm6pers9tk9en",
        &[T::A, T::RRSIG],
    ),
    (
        "r53bq7cc2uvmubfu5ocmm6pers9tk9en",
        "t644ebqk9bibcna874givr6joj62mlhv",
        &[T::MX, T::RRSIG],
    ),
];

/// The records of appendix A that begin with these letters; all have the opt-out flag there.
fn example(starts: &[&str], flags: u8) -> Vec<Validated<Rrset>> {
    let picked = starts.iter().map(|start| {
        let (owner, next, types) = ZONE
            .iter()
            .find(|(owner, ..)| owner.starts_with(start))
            .unwrap();
        record(owner, next, flags, types).set()
    });
    picked.collect()
}

fn record<'a>(owner: &str, next: &str, flags: u8, types: &'a [T]) -> Hashed<'a> {
    Hashed {
        zone: "example.",
        owner: unbase32(owner),
        next: unbase32(next),
        flags,
        iterations: 12,
        salt: &SALT,
        types,
    }
}

fn case(starts: &[&str]) -> Case<'static> {
    Case::new("example.", example(starts, 1))
}

fn strict(starts: &[&str]) -> Case<'static> {
    Case::new("example.", example(starts, 0))
}

const PROVEN: Result<Strength, Why> = Ok(Strength::Proven);
const OPT_OUT: Result<Strength, Why> = Ok(Strength::OptOut);
const NO_PROOF: Result<Strength, Why> = Err(Why::NoProof);

#[test]
fn hashes_are_those_of_appendix_a() {
    for (of, hashed) in [
        ("example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"),
        ("A.Example.", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
        ("*.w.example.", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
        ("x.y.w.example.", "2vptu5timamqttgl4luu9kg21e0aor3s"),
        (
            "2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.",
            "kohar7mbb8dc2ce8a9qvl8hon4k53uhi",
        ),
    ] {
        assert_eq!(base32(&hash(of, 12, &SALT)), hashed, "{of}");
    }
}

#[test]
fn appendix_b_1_name_error() {
    let three = ["0p", "b4", "35"];
    let denial = strict(&three).no_name("a.c.x.w.example.").unwrap();
    assert_eq!(denial.strength, Strength::Proven);
    assert_eq!(denial.encloser, Some(name("x.w.example.")));
    // As printed, with opt-out: something unsigned may be there (section 9.2).
    assert_eq!(worth(case(&three).no_name("a.c.x.w.example.")), OPT_OUT);
    assert_eq!(worth(case(&three).no_name("A.C.X.W.EXAMPLE.")), OPT_OUT);
    // Next closer, encloser and wildcard are all needed.
    for two in [["0p", "b4"], ["0p", "35"], ["b4", "35"]] {
        assert_eq!(
            worth(case(&two).no_name("a.c.x.w.example.")),
            NO_PROOF,
            "{two:?}"
        );
    }
}

#[test]
fn appendix_b_2_no_data() {
    assert_eq!(worth(case(&["2t"]).no_data("ns1.example.", T::MX)), PROVEN);
    assert_eq!(worth(case(&["2t"]).no_data("ns1.example.", T::A)), NO_PROOF);
    assert_eq!(
        worth(case(&["2t"]).no_data("ns2.example.", T::MX)),
        NO_PROOF
    );
}

#[test]
fn appendix_b_2_1_an_empty_non_terminal() {
    let at = case(&["ji"]);
    assert_eq!(worth(at.no_data("y.w.example.", T::A)), PROVEN);
    assert_eq!(worth(at.no_data("y.w.example.", T::ANY)), PROVEN);
    assert_eq!(at.no_ds("y.w.example."), Ok(NoDs::NoCut));
    assert_eq!(worth(at.no_name("y.w.example.")), NO_PROOF);
}

#[test]
fn appendix_b_3_an_unsigned_delegation_opted_out() {
    let both = ["35", "0p"];
    assert_eq!(case(&both).no_ds("c.example."), Ok(NoDs::OptOut));
    assert_eq!(worth(case(&both).no_data("c.example.", T::DS)), OPT_OUT);
    // Without the flag there is nothing at all.
    assert_eq!(strict(&both).no_ds("c.example."), Ok(NoDs::NoCut));
    assert_eq!(worth(strict(&both).no_data("c.example.", T::DS)), NO_PROOF);
    assert!(case(&["35"]).no_ds("c.example.").is_err());
    assert!(case(&["0p"]).no_ds("c.example.").is_err());
}

#[test]
fn appendix_b_4_a_wildcard_answer() {
    assert_eq!(
        worth(strict(&["q0"]).no_closer("a.z.w.example.", "w.example.")),
        PROVEN
    );
    assert_eq!(
        worth(case(&["q0"]).no_closer("a.z.w.example.", "w.example.")),
        OPT_OUT
    );
    assert_eq!(
        worth(case(&["ko"]).no_closer("a.z.w.example.", "w.example.")),
        NO_PROOF
    );
    // x.w.example. exists: nothing covers it.
    let all: Vec<_> = ZONE.iter().map(|(owner, ..)| &owner[..2]).collect();
    for eight in all.windows(8) {
        assert_eq!(
            worth(case(eight).no_closer("x.w.example.", "w.example.")),
            NO_PROOF
        );
    }
}

#[test]
fn appendix_b_5_a_wildcard_without_the_type() {
    let three = ["k8", "q0", "r5"];
    let denial = strict(&three).no_data("a.z.w.example.", T::AAAA).unwrap();
    assert_eq!(
        (denial.strength, denial.encloser),
        (Strength::Proven, Some(name("w.example.")))
    );
    assert_eq!(
        worth(case(&three).no_data("a.z.w.example.", T::AAAA)),
        OPT_OUT
    );
    assert_eq!(
        worth(case(&three).no_data("a.z.w.example.", T::MX)),
        NO_PROOF
    );
    for two in [["k8", "q0"], ["k8", "r5"], ["q0", "r5"]] {
        assert_eq!(
            worth(strict(&two).no_data("a.z.w.example.", T::AAAA)),
            NO_PROOF,
            "{two:?}"
        );
    }
}

#[test]
fn appendix_b_6_ds_asked_of_the_child() {
    let apex = case(&["0p"]);
    assert_eq!(worth(apex.no_data("example.", T::DS)), NO_PROOF);
    assert!(apex.no_ds("example.").is_err());
    assert_eq!(worth(apex.no_data("example.", T::A)), PROVEN);
}

#[test]
fn a_signed_delegation_has_a_ds() {
    // Section 8.9.
    let cut = case(&["35"]);
    assert!(cut.no_ds("a.example.").is_err());
    assert_eq!(worth(cut.no_data("a.example.", T::DS)), NO_PROOF);
    assert_eq!(worth(cut.no_data("a.example.", T::A)), NO_PROOF);
}

/// A zone "example." of one name besides the apex, with these types there, hashed without salt.
fn small(apex: &[T], other: &str, types: &[T], flags: u8) -> Vec<Validated<Rrset>> {
    let record = |owner, next, types| {
        Hashed {
            zone: "example.",
            owner,
            next,
            flags,
            iterations: 0,
            salt: &[],
            types,
        }
        .set()
    };
    let (one, two) = (hash("example.", 0, &[]), hash(other, 0, &[]));
    vec![record(one, two, apex), record(two, one, types)]
}

const APEX: [T; 4] = [T::NS, T::SOA, T::DNSKEY, T::RRSIG];

#[test]
fn an_unsigned_delegation_is_insecure() {
    let zone = |types: &[T]| Case::new("example.", small(&APEX, "b.example.", types, 0));
    assert_eq!(zone(&[T::NS]).no_ds("b.example."), Ok(NoDs::Insecure));
    assert_eq!(worth(zone(&[T::NS]).no_data("b.example.", T::DS)), PROVEN);
    // RFC 6840 section 4.4: no NS, no cut. SOA: the child's, no proof.
    assert_eq!(zone(&[T::A]).no_ds("b.example."), Ok(NoDs::NoCut));
    assert!(zone(&[T::NS, T::SOA]).no_ds("b.example.").is_err());
    assert!(zone(&[T::NS, T::DS]).no_ds("b.example.").is_err());
}

#[test]
fn a_delegation_or_dname_as_encloser_is_no_proof() {
    // Section 8.3, last paragraph; RFC 6840 section 4.1.
    let zone = |types: &[T]| Case::new("example.", small(&APEX, "b.example.", types, 0));
    for hiding in [T::NS, T::DNAME] {
        assert_eq!(
            worth(zone(&[hiding]).no_name("x.b.example.")),
            NO_PROOF,
            "{hiding}"
        );
        assert_eq!(
            worth(zone(&[hiding]).no_data("x.b.example.", T::A)),
            NO_PROOF,
            "{hiding}"
        );
        assert!(zone(&[hiding]).no_ds("x.b.example.").is_err(), "{hiding}");
    }
    assert_eq!(worth(zone(&[T::A]).no_name("x.b.example.")), PROVEN);
    assert_eq!(worth(zone(&[T::NS]).no_data("b.example.", T::A)), NO_PROOF);
}

#[test]
fn cve_2026_10723_records_of_the_child_are_no_proof_of_the_parents() {
    // A child's apex record and its spans, passed off as the parent's: one label too deep.
    let child = small(&APEX, "b.example.", &[T::A], 0);
    let as_parent = Case::new(".", child.clone());
    assert_eq!(worth(as_parent.no_name("x.example.")), NO_PROOF);
    assert!(as_parent.no_ds("example.").is_err());
    assert_eq!(worth(as_parent.no_data("example.", T::DS)), NO_PROOF);
    // In the right zone they are good.
    assert_eq!(
        worth(Case::new("example.", child.clone()).no_name("x.example.")),
        PROVEN
    );
    // The other way round: a parent's record, moved under the child's name.
    let under = Case::new("sub.example.", child);
    assert_eq!(worth(under.no_name("x.sub.example.")), NO_PROOF);
    // By the signer it is known whose they are.
    let foreign: Vec<_> = small(&APEX, "b.example.", &[T::A], 0)
        .into_iter()
        .map(|set| signed(set, signature(T::NSEC3, 2, "sub.example.")))
        .collect();
    assert_eq!(
        worth(Case::new("example.", foreign).no_name("x.example.")),
        NO_PROOF
    );
}

#[test]
fn a_cname_at_the_name_would_have_answered() {
    let zone = Case::new("example.", small(&APEX, "b.example.", &[T::CNAME], 0));
    assert_eq!(worth(zone.no_data("b.example.", T::A)), NO_PROOF);
    let wild = Case::new("example.", small(&APEX, "*.example.", &[T::CNAME], 0));
    assert_eq!(worth(wild.no_data("b.example.", T::A)), NO_PROOF);
    assert_eq!(worth(wild.no_name("b.example.")), NO_PROOF);
}

#[test]
fn an_empty_non_terminal_above_opted_out_delegations_is_insecure() {
    // Section 8.6 with erratum 3441: such names have no record of their own.
    let zone = |flags| Case::new("example.", small(&APEX, "b.example.", &[T::A], flags));
    assert_eq!(worth(zone(1).no_data("ent.example.", T::A)), OPT_OUT);
    assert_eq!(worth(zone(0).no_data("ent.example.", T::A)), NO_PROOF);
}

#[test]
fn the_root_zone_may_be_hashed_too() {
    let hashed = hash(".", 0, &[]);
    let only = Hashed {
        zone: ".",
        owner: hashed,
        next: hashed,
        flags: 0,
        iterations: 0,
        salt: &[],
        types: &APEX,
    };
    let root = Case::new(".", [only.set()]);
    assert_eq!(worth(root.no_name("x.y.")), PROVEN);
    assert_eq!(worth(root.no_data(".", T::DS)), PROVEN);
    assert_eq!(worth(root.no_data(".", T::NS)), NO_PROOF);
    assert_eq!(root.no_ds("x."), Ok(NoDs::NoCut));
}

#[test]
fn compact_denial_by_nsec3_means_no_name_too() {
    let zone = Case::new("example.", small(&APEX, "b.example.", &[T::NXNAME], 0));
    assert!(zone.no_data("b.example.", T::A).unwrap().no_such_name);
    assert_eq!(worth(zone.no_name("b.example.")), PROVEN);
    assert_eq!(zone.no_ds("b.example."), Ok(NoDs::NoCut));
}

#[test]
fn unknown_algorithms_and_flags_are_passed_over() {
    // Sections 8.1 and 8.2.
    let change = |at: usize, to: u8| {
        let sets = small(&APEX, "b.example.", &[T::A], 0)
            .into_iter()
            .map(|set| {
                let mut rdata = set.rdata.iter().next().unwrap().to_vec();
                rdata[at] = to;
                sealed(&set.owner, T::NSEC3, &rdata)
            });
        worth(Case::new("example.", sets.collect::<Vec<_>>()).no_name("x.example."))
    };
    assert_eq!(change(0, 1), PROVEN);
    assert_eq!(change(0, 2), NO_PROOF);
    assert_eq!(change(1, 1), OPT_OUT);
    assert_eq!(change(1, 2), NO_PROOF);
    assert_eq!(change(1, 3), NO_PROOF);
    // A salt or a hash longer than the record; a hash of another length.
    assert_eq!(change(4, 255), NO_PROOF);
    assert_eq!(change(5, 255), NO_PROOF);
    assert_eq!(change(5, 19), NO_PROOF);
}

#[test]
fn records_of_one_proof_share_their_parameters() {
    // Section 8.2. The first decides; what differs is passed over.
    let parts = |iterations: u16, salt: &'static [u8]| {
        let (one, two) = (
            hash("example.", iterations, salt),
            hash("b.example.", iterations, salt),
        );
        let record = |owner, next, types| {
            Hashed {
                zone: "example.",
                owner,
                next,
                flags: 0,
                iterations,
                salt,
                types,
            }
            .set()
        };
        [record(one, two, &APEX), record(two, one, &[T::A])]
    };
    let [mine, mine_too] = parts(0, &[]);
    let [salted, salted_too] = parts(0, &[1]);
    let [rounds, _] = parts(1, &[]);
    let with = |sets: Vec<Validated<Rrset>>| {
        worth(Case::new("example.", sets).no_data("b.example.", T::MX))
    };
    assert_eq!(with(vec![mine.clone(), mine_too.clone()]), PROVEN);
    assert_eq!(with(vec![mine.clone(), salted_too.clone()]), NO_PROOF);
    assert_eq!(with(vec![rounds, mine_too.clone()]), NO_PROOF);
    assert_eq!(with(vec![salted, mine_too, salted_too]), PROVEN);
}

#[test]
fn of_both_kinds_whichever_proves_counts() {
    let mut both = small(&APEX, "b.example.", &[T::A], 0);
    both.push(nsec("c.example.", "d.example.", &[T::A]));
    let case = Case::new("example.", both);
    assert_eq!(worth(case.no_name("x.example.")), PROVEN);
    assert_eq!(worth(case.no_data("c.example.", T::MX)), PROVEN);
    assert_eq!(worth(case.no_data("b.example.", T::MX)), PROVEN);
    assert_eq!(case.no_ds("c.example."), Ok(NoDs::NoCut));
}
