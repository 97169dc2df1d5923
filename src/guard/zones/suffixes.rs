//! Which part of a name did somebody register? The public suffix list, read at start, with a short one built in.
//!
//! Only the list's ICANN section counts. Its private section names what providers let to their customers; random names right
//! below such a suffix (`x.s3.example`) would each be a domain of its own then, and no flood of them would ever be seen.

use std::collections::HashMap;

use super::built_in::{self, BUILT_IN};
use crate::wire::Name;

/// Rules by which a public suffix is known, by lower-case wire form without the root label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suffixes(HashMap<Box<[u8]>, Rule>);

/// What the list says of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rule {
    /// `name`: it is a public suffix.
    itself: bool,
    /// `*.name`: so is everything right below it.
    children: bool,
    /// `!name`: it is none, although a wildcard says so.
    exception: bool,
}

/// Fewest rules of a file that is taken for the list.
const FEWEST: usize = 100;

/// Top-level domains for tests and manuals (RFC 6761), which the list does not name.
const RESERVED: [&[u8]; 2] = [b"\x04test\0", b"\x07example\0"];
/// Names below which everybody uses his own: special-use domain names (RFC 6761, RFC 6762 appendix G, RFC 8375), and what leaks most.
const PRIVATE: [&[u8]; 14] = [
    b"\x04home\x04arpa",
    b"\x05fritz\x03box",
    b"\x03lan",
    b"\x04home",
    b"\x05local",
    b"\x08internal",
    b"\x08intranet",
    b"\x07private",
    b"\x04corp",
    b"\x04mail",
    b"\x0blocaldomain",
    b"\x09localhost",
    b"\x03box",
    b"\x09workgroup",
];

impl Suffixes {
    /// The list in the form of publicsuffix.org; nothing if `text` is not that list.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        const END: &str = "===END ICANN DOMAINS===";
        let mut rules = HashMap::new();
        for line in text.lines() {
            if line.contains(END) {
                break;
            }
            let rule = line.split_whitespace().next().unwrap_or_default();
            if !rule.is_empty() && !rule.starts_with("//") {
                add(&mut rules, rule);
            }
        }
        (rules.len() >= FEWEST).then_some(Self(rules))
    }

    /// The short list that is used where the whole one is missing: registries with suffixes of two labels, as far as we know them.
    #[must_use]
    pub fn built_in() -> Self {
        let mut rules = HashMap::new();
        for (top, seconds) in BUILT_IN {
            for second in seconds.split_whitespace() {
                add(&mut rules, &format!("{second}.{top}"));
            }
        }
        for wildcard in [
            "*.ck", "!www.ck", "*.bd", "*.er", "*.fk", "*.jm", "*.kh", "*.mm", "*.np", "*.pg",
        ] {
            add(&mut rules, wildcard);
        }
        Self(rules)
    }

    /// Names with a rule.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no rule at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many octets of `wire` (lower-case wire form) stand before its registrable domain; nothing if it is a public suffix itself.
    #[must_use]
    pub(super) fn registrable(&self, wire: &[u8]) -> Option<usize> {
        // The longest rule decides, an exception before all; without any, a top-level domain is a suffix.
        let mut before = None;
        let mut at = 0;
        loop {
            let rest = wire.get(at..)?;
            let length = usize::from(*rest.first()?);
            if length == 0 {
                return None;
            }
            let next = at + 1 + length;
            let above = wire.get(next..)?;
            let rule = self.rule(rest);
            if rule.exception {
                return Some(at);
            }
            if rule.itself || self.rule(above).children || above.first() == Some(&0) {
                return before;
            }
            before = Some(at);
            at = next;
        }
    }

    /// The same, but of names that nobody registers it leaves what all of them share (`lan.`, `home.arpa.`): below it stand hosts and people.
    #[must_use]
    pub(super) fn shown(&self, wire: &[u8]) -> Option<usize> {
        let at = self.registrable(wire)?;
        let mut last = at;
        while let Some(next) = wire
            .get(last)
            .map(|length| last + 1 + usize::from(*length))
            .filter(|next| wire.get(*next).is_some_and(|length| *length != 0))
        {
            let shared = wire.get(last..).and_then(|rest| rest.strip_suffix(&[0]));
            if shared.is_some_and(|rest| PRIVATE.contains(&rest)) {
                return Some(last);
            }
            last = next;
        }
        let top = wire.get(last..)?;
        let is_private = PRIVATE.contains(&top.strip_suffix(&[0])?) || !self.knows_top(top);
        Some(if is_private { last } else { at })
    }

    /// Whether domains are registered below this top-level domain. The whole list names every one there is; the one built in does not,
    /// so of those it holds for private what it does not know: that shows too little of a name rather than too much.
    fn knows_top(&self, top: &[u8]) -> bool {
        if RESERVED.contains(&top) || self.rule(top) != Rule::default() {
            return true;
        }
        let label = top.strip_suffix(&[0]).and_then(|top| top.get(1..));
        let label = label.and_then(|label| std::str::from_utf8(label).ok());
        !self.names_tops() && label.is_some_and(built_in::is_top)
    }

    fn names_tops(&self) -> bool {
        self.0.contains_key(b"\x03com".as_slice())
    }

    /// Whether `name` is a public suffix, or the root.
    #[must_use]
    pub fn is_suffix(&self, name: &Name) -> bool {
        self.registrable(&name.to_lower_wire()).is_none()
    }

    fn rule(&self, wire: &[u8]) -> Rule {
        let labels = wire.strip_suffix(&[0]).unwrap_or(wire);
        self.0.get(labels).copied().unwrap_or_default()
    }
}

fn add(rules: &mut HashMap<Box<[u8]>, Rule>, text: &str) {
    let (exception, rest) = text
        .strip_prefix('!')
        .map_or((false, text), |rest| (true, rest));
    let (children, rest) = rest
        .strip_prefix("*.")
        .map_or((false, rest), |rest| (true, rest));
    let mut wire = Vec::with_capacity(rest.len() + 2);
    for label in rest.split('.') {
        let label = to_ascii(label);
        let Some(length) = u8::try_from(label.len())
            .ok()
            .filter(|length| (1..=63).contains(length))
        else {
            return;
        };
        wire.push(length);
        wire.extend(label.bytes());
    }
    let rule = rules.entry(wire.into_boxed_slice()).or_default();
    rule.exception |= exception;
    rule.children |= children;
    rule.itself |= !exception && !children;
}

/// A label as it stands in the DNS: letters beyond ASCII by Punycode (RFC 3492, with its parameters for names).
fn to_ascii(label: &str) -> String {
    if label.is_ascii() {
        return label.to_ascii_lowercase();
    }
    const BASE: u32 = 36;
    const FIRST_BIAS: u32 = 72;
    let threshold = |k: u32, bias: u32| k.saturating_sub(bias).clamp(1, 26);
    // 0..=25 are letters, 26..=35 figures.
    let digit = |value: u32| {
        char::from(
            *b"abcdefghijklmnopqrstuvwxyz0123456789"
                .get(value as usize)
                .unwrap_or(&b'-'),
        )
    };
    let points: Vec<u32> = label.chars().map(u32::from).collect();
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).unwrap_or(0);
    if basic > 0 {
        out.push('-');
    }
    let (mut least, mut delta, mut bias, mut done) = (128_u32, 0_u32, FIRST_BIAS, basic);
    while let Some(next) = points.iter().copied().filter(|point| *point >= least).min() {
        delta = delta.saturating_add((next - least).saturating_mul(done + 1));
        least = next;
        for point in &points {
            if *point < least {
                delta = delta.saturating_add(1);
            }
            if *point != least {
                continue;
            }
            let (mut rest, mut k) = (delta, BASE);
            loop {
                let low = threshold(k, bias);
                if rest < low {
                    break;
                }
                out.push(digit(low + (rest - low) % (BASE - low)));
                rest = (rest - low) / (BASE - low);
                k += BASE;
            }
            out.push(digit(rest));
            bias = adapted(delta, done + 1, done == basic);
            delta = 0;
            done += 1;
        }
        delta = delta.saturating_add(1);
        least += 1;
    }
    format!("xn--{out}")
}

/// The bias of the next number (RFC 3492 section 6.1).
fn adapted(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / 700 } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "/usr/share/publicsuffix/public_suffix_list.dat";

    fn registrable(list: &Suffixes, name: &str) -> Option<String> {
        let name: Name = name.parse().unwrap();
        let wire = name.to_lower_wire();
        let at = list.registrable(&wire)?;
        Some(Name::from_wire(&wire[at..]).unwrap().to_string())
    }

    fn small() -> Suffixes {
        let mut text = "// ===BEGIN ICANN DOMAINS===\ncom\njp\nco.jp\n*.kobe.jp\n!city.kobe.jp\n*.ck\n!www.ck\n公司.cn\n".to_owned();
        for filler in 0..100 {
            text += &format!("f{filler}.example\n");
        }
        text += "// ===END ICANN DOMAINS===\n// ===BEGIN PRIVATE DOMAINS===\nprovider.com\n";
        Suffixes::read(&text).unwrap()
    }

    #[test]
    fn rules_wildcards_and_exceptions_say_what_was_registered() {
        let list = small();
        for (name, domain) in [
            ("com.", None),
            (".", None),
            ("b.com.", Some("b.com.")),
            ("A.B.C.com.", Some("c.com.")),
            ("co.jp.", None),
            ("www.u.co.jp.", Some("u.co.jp.")),
            ("kobe.jp.", Some("kobe.jp.")),
            ("c.kobe.jp.", None),
            ("a.b.c.kobe.jp.", Some("b.c.kobe.jp.")),
            ("city.kobe.jp.", Some("city.kobe.jp.")),
            ("www.city.kobe.jp.", Some("city.kobe.jp.")),
            ("ck.", None),
            ("test.ck.", None),
            ("b.test.ck.", Some("b.test.ck.")),
            ("www.ck.", Some("www.ck.")),
            ("unheard-of.", None),
            ("x.y.unheard-of.", Some("y.unheard-of.")),
            // The private section does not count.
            ("a.b.provider.com.", Some("provider.com.")),
            ("x.shop.xn--55qx5d.cn.", Some("shop.xn--55qx5d.cn.")),
        ] {
            assert_eq!(registrable(&list, name).as_deref(), domain, "{name}");
        }
    }

    #[test]
    fn of_a_name_that_nobody_registered_no_more_is_shown_than_many_share() {
        let text = std::fs::read_to_string(LIST).ok();
        let whole = text.and_then(|text| Suffixes::read(&text));
        for list in std::iter::once(Suffixes::built_in()).chain(whole) {
            for (name, domain) in [
                ("printer.corp-secret.", "corp-secret."),
                ("anna.laptop.office.corp-secret.", "corp-secret."),
                ("x.unheard-of.", "unheard-of."),
                ("nas.lan.", "lan."),
                ("a.b.home.arpa.", "home.arpa."),
                ("host.zz.", "zz."),
                ("host.xn--no-such-top.", "xn--no-such-top."),
                ("host.\\255\\254.", "\\255\\254."),
                ("www.example.com.", "example.com."),
                ("www.a.co.jp.", "a.co.jp."),
                ("www.a.de.", "a.de."),
                ("www.a.example.", "a.example."),
                ("www.a.online.", "a.online."),
                ("www.a.museum.", "a.museum."),
            ] {
                let wire = name.parse::<Name>().unwrap().to_lower_wire();
                let at = list.shown(&wire).unwrap();
                let shown = Name::from_wire(&wire[at..]).unwrap().to_string();
                assert_eq!(shown, domain, "{name} by {} rules", list.len());
            }
        }
    }

    #[test]
    fn the_top_level_domains_built_in_are_in_the_systems_list() {
        let Ok(text) = std::fs::read_to_string(LIST) else {
            return;
        };
        let whole = Suffixes::read(&text).unwrap();
        for top in built_in::TOPS.split_whitespace() {
            let wire = [&[top.len() as u8], top.as_bytes()].concat();
            assert!(whole.0.contains_key(wire.as_slice()), "{top}");
            assert!(built_in::is_top(top));
        }
        assert!(!built_in::is_top("qz") && !built_in::is_top("c0") && built_in::is_top("jp"));
    }

    #[test]
    fn what_is_not_the_list_is_not_taken_for_it() {
        assert_eq!(Suffixes::read(""), None);
        assert_eq!(Suffixes::read("<html>\n<body>not found</body>"), None);
    }

    #[test]
    fn letters_beyond_ascii_stand_as_they_do_in_the_dns() {
        for (label, ascii) in [
            ("COM", "com"),
            ("bücher", "xn--bcher-kva"),
            ("公司", "xn--55qx5d"),
            ("みんな", "xn--q9jyb4c"),
            ("москва", "xn--80adxhks"),
            ("3年b組金八先生", "xn--3b-ww4c5e180e575a65lsy2b"),
            ("рф", "xn--p1ai"),
        ] {
            assert_eq!(to_ascii(label), ascii);
        }
    }

    #[test]
    fn the_short_list_and_the_systems_agree_where_both_know() {
        let built_in = Suffixes::built_in();
        assert!(built_in.len() > 300, "{}", built_in.len());
        let Ok(text) = std::fs::read_to_string(LIST) else {
            return;
        };
        let whole = Suffixes::read(&text).unwrap();
        assert!(whole.len() > 5_000);
        for (labels, rule) in &built_in.0 {
            assert_eq!(
                whole.0.get(labels),
                Some(rule),
                "{}",
                String::from_utf8_lossy(labels)
            );
        }
        for name in ["www.example.co.jp.", "a.b.example.co.uk.", "x.example.com."] {
            assert_eq!(
                registrable(&built_in, name),
                registrable(&whole, name),
                "{name}"
            );
        }
    }
}
