//! Below which top-level domains do registries register at the third level? The well-known ones, for hosts without the public suffix list.

/// Generic top-level domains with many names; those of countries are known by their two letters.
pub(super) const TOPS: &str = "aero agency app art arpa asia berlin best bio biz blog camp capital care cat center city click cloud club coffee com community company \
    consulting coop cyou date design dev digital directory edu education email energy events eus expert family finance fit foundation fun fund gal games global gold gov group \
    guide guru health help host house icu info ink institute int international jobs kim land law life link live loan london love ltd market marketing media men mil mobi moe \
    money museum name net network news nyc one online ooo org osaka page paris partners photography photos plus post press pro pub quebec red rent review rocks run \
    sale scot school science services shop show site social software solutions space store studio style support systems team tech technology tel tips today tokyo \
    tools top tours town trade training travel vegas video vip wang watch wiki win work works world xin xyz yokohama zone";

/// Whether a label is one of them, or may be that of a country: two letters that ISO 3166 does not leave to everybody's own use.
pub(super) fn is_top(label: &str) -> bool {
    let mut letters = label.bytes();
    match (letters.next(), letters.next(), letters.next()) {
        (Some(first @ b'a'..=b'z'), Some(second @ b'a'..=b'z'), None) => {
            let is_own = match first {
                b'a' => second == b'a',
                b'q' => second >= b'm',
                b'x' => true,
                b'z' => second == b'z',
                _ => false,
            };
            !is_own
        }
        _ => TOPS.split_ascii_whitespace().any(|top| top == label),
    }
}

/// Top-level domain, and the second-level names below which domains are registered.
pub(super) const BUILT_IN: &[(&str, &str)] = &[
    ("ae", "ac co gov mil net org sch"),
    ("ar", "com edu gob gov int mil net org tur"),
    ("at", "ac co gv or"),
    ("au", "asn com edu gov id net org"),
    ("az", "biz com edu gov info int mil name net org pp"),
    ("bh", "com edu gov net org"),
    ("bo", "com edu gob int mil net org tv"),
    (
        "br",
        "adm adv agr art blog com eco edu emp eng esp fm gov imb ind inf jor jus leg mil mus net ong org pro psi rec srv tur tv vet wiki",
    ),
    ("cn", "ac com edu gov mil net org"),
    ("co", "com edu gov mil net nom org"),
    ("cr", "ac co ed fi go or sa"),
    ("cy", "ac biz com ekloges gov ltd mil net org press pro tm"),
    ("do", "art com edu gob gov mil net org sld web"),
    ("ec", "com edu fin gob gov info med mil net org pro"),
    ("eg", "com edu eun gov mil name net org sci"),
    ("es", "com edu gob nom org"),
    ("fr", "asso com gouv nom prd tm"),
    ("ge", "com edu gov mil net org pvt"),
    ("gr", "com edu gov net org"),
    ("gt", "com edu gob ind mil net org"),
    ("hk", "com edu gov idv net org"),
    ("hn", "com edu gob mil net org"),
    (
        "hu",
        "2000 agrar bolt casino city co erotica erotika film forum games hotel info ingatlan jogasz konyvelo lakas media news org priv reklam sex shop sport suli szex tm tozsde utazas video",
    ),
    ("id", "ac biz co desa go mil my net or ponpes sch web"),
    ("il", "ac co gov idf k12 muni net org"),
    ("in", "ac co edu firm gen gov ind mil net nic org res"),
    ("ir", "ac co gov id net org sch"),
    ("jo", "com edu gov mil net org sch"),
    ("jp", "ac ad co ed go gr lg ne or"),
    ("ke", "ac co go info me mobi ne or sc"),
    ("kr", "ac co es go hs kg mil ms ne or pe re sc"),
    ("kw", "com edu emb gov ind net org"),
    ("lb", "com edu gov net org"),
    (
        "lk",
        "ac assn com edu gov grp hotel int ltd net ngo org sch soc web",
    ),
    ("lv", "asn com conf edu gov id mil net org"),
    ("ma", "ac co gov net org press"),
    ("mo", "com edu gov net org"),
    ("mt", "com edu net org"),
    ("mx", "com edu gob net org"),
    ("my", "biz com edu gov mil name net org"),
    ("ng", "com edu gov i mil mobi name net org sch"),
    (
        "ni",
        "ac biz co com edu gob in info int mil net nom org web",
    ),
    (
        "nz",
        "ac co cri geek gen govt health iwi kiwi maori mil net org parliament school",
    ),
    ("om", "co com edu gov med museum net org pro"),
    ("pa", "abo ac com edu gob ing med net nom org sld"),
    ("pe", "com edu gob mil net nom org"),
    ("ph", "com edu gov i mil net ngo org"),
    ("pk", "com edu fam gob gok gop gov net org web"),
    ("pl", "com edu gov info mil net org"),
    ("pt", "com edu gov int net nome org publ"),
    ("py", "com coop edu gov mil net org"),
    ("qa", "com edu gov mil name net org sch"),
    ("ro", "arts com firm info nom nt org rec store tm www"),
    ("rs", "ac co edu gov in org"),
    ("sa", "com edu gov med net org pub sch"),
    ("sg", "com edu gov net org"),
    ("sv", "com edu gob org red"),
    ("th", "ac co go in mi net or"),
    (
        "tn",
        "com ens fin gov ind info intl mincom nat net org perso tourism",
    ),
    (
        "tr",
        "av bbs bel biz com dr edu gen gov info k12 kep mil name net org pol tel tsk tv web",
    ),
    ("tw", "club com ebiz edu game gov idv mil net org"),
    ("tz", "ac co go hotel info me mil mobi ne or sc tv"),
    ("ua", "com edu gov in net org"),
    ("ug", "ac co com go ne or org sc"),
    ("uk", "ac co gov ltd me net nhs org plc police"),
    ("uy", "com edu gub mil net org"),
    (
        "ve",
        "arts co com edu firm gob gov info int mil net org rec store tec web",
    ),
    ("vn", "ac biz com edu gov health info int name net org pro"),
    (
        "za",
        "ac agric alt co edu gov grondar law mil net ngo nic nis nom org school tm web",
    ),
    ("zm", "ac biz co com edu gov info mil net org sch"),
    ("zw", "ac co gov mil org"),
];
