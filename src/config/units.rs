//! How are values written in a config file? Durations, sizes, endpoints, prefixes, port ranges, zone names.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::wire::Name;
use crate::wire::encoding::days_since_1970;

/// What is wrong with a value, as a clause that follows "because".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadValue(pub String);

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadValue {}

/// A length of time: `"500ms"`, `"2s"`, `"5m"`, `"3h"`, `"1d"`, `"1w"`; a plain integer counts seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// Units of time in milliseconds, longest first.
const TIME_UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl FromStr for Span {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let (number, unit) = split_number(text)?;
        let unit = if unit.is_empty() { "s" } else { unit };
        let scale = TIME_UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, scale)| *scale)
            .ok_or_else(|| {
                BadValue(format!(
                    "`{unit}` is not a unit of time; there are ms, s, m, h, d and w"
                ))
            })?;
        number
            .checked_mul(scale)
            .map(|milliseconds| Self(Duration::from_millis(milliseconds)))
            .ok_or_else(|| BadValue(format!("`{text}` is longer than can be counted")))
    }
}

impl fmt::Display for Span {
    /// The longest unit that leaves no fraction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        if milliseconds == 0 {
            return f.write_str("0s");
        }
        let (unit, scale) = TIME_UNITS
            .iter()
            .find(|(_, scale)| milliseconds.is_multiple_of(u128::from(*scale)))
            .unwrap_or(&("ms", 1));
        write!(f, "{}{unit}", milliseconds / u128::from(*scale))
    }
}

/// A number of octets: `"256MiB"`, `"200kB"`, `"512B"`; a plain integer counts octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Units of size in octets (ISO 80000-13 and SI), largest first.
const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

impl FromStr for Size {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let (number, unit) = split_number(text)?;
        let unit = if unit.is_empty() { "B" } else { unit };
        let scale = SIZE_UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .map(|(_, scale)| *scale)
            .ok_or_else(|| {
                BadValue(format!(
                    "`{unit}` is not a unit of size; there are B, kB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (powers of 1024)"
                ))
            })?;
        number
            .checked_mul(scale)
            .map(Self)
            .ok_or_else(|| BadValue(format!("`{text}` is more than can be counted")))
    }
}

impl fmt::Display for Size {
    /// The unit that leaves the shortest whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, scale) = SIZE_UNITS
            .iter()
            .filter(|(_, scale)| self.0 != 0 && self.0.is_multiple_of(*scale))
            .max_by_key(|(_, scale)| *scale)
            .unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / scale)
    }
}

/// Splits `"12ms"` into 12 and `"ms"`.
fn split_number(text: &str) -> Result<(u64, &str), BadValue> {
    let text = text.trim();
    let digits = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
    if number.is_empty() {
        return Err(BadValue(format!(
            "`{text}` does not begin with a whole number"
        )));
    }
    let number = number
        .parse()
        .map_err(|_| BadValue(format!("`{number}` is more than can be counted")))?;
    Ok((number, unit.trim()))
}

/// An address with a port; the port may be left out and is 53 then: `"192.0.2.1"`, `"192.0.2.1:5353"`, `"[::1]:53"`, `"::1"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint(pub SocketAddr);

impl FromStr for Endpoint {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        if let Ok(endpoint) = text.parse() {
            return Ok(Self(endpoint));
        }
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
            .unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self(SocketAddr::new(address, 53)));
        }
        Err(BadValue(if looks_like_name(text) {
            format!(
                "`{text}` is a name; only addresses can stand here, for names are what we are here to find out"
            )
        } else {
            format!(
                "`{text}` is not an address with an optional port (192.0.2.1, 192.0.2.1:53, [2001:db8::1]:53)"
            )
        }))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a text is more likely a host name than a mistyped address.
fn looks_like_name(text: &str) -> bool {
    !text.contains(':')
        && text
            .split('.')
            .rfind(|label| !label.is_empty())
            .is_some_and(|label| label.bytes().any(|letter| letter.is_ascii_alphabetic()))
}

/// A prefix; a bare address stands for itself alone: `"192.0.2.0/24"`, `"2001:db8::/32"`, `"::1"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix(pub IpNet);

impl FromStr for Prefix {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(IpNet::from(address)));
        }
        let prefix: IpNet = text.parse().map_err(|_| {
            BadValue(format!(
                "`{text}` is not a prefix (192.0.2.0/24, 2001:db8::/32) or an address"
            ))
        })?;
        if prefix.trunc() == prefix {
            Ok(Self(prefix))
        } else {
            Err(BadValue(format!(
                "`{text}` has bits set behind its length; write `{}` for the network or `{}` for the one host",
                prefix.trunc(),
                prefix.addr()
            )))
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An inclusive range of ports: `"1024-65535"`, or one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange(pub u16, pub u16);

impl FromStr for PortRange {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        match (low.trim().parse::<u16>(), high.trim().parse::<u16>()) {
            (Ok(low), Ok(high)) if low <= high => Ok(Self(low, high)),
            (Ok(low), Ok(high)) => Err(BadValue(format!(
                "{low} is above {high}; write the lower port first"
            ))),
            _ => Err(BadValue(format!(
                "`{text}` is not a range of ports (\"1024-65535\")"
            ))),
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

/// A domain name, always absolute; the final dot may be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneName(pub Name);

impl FromStr for ZoneName {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        if let Some(letter) = text
            .chars()
            .find(|letter| letter.is_whitespace() || !letter.is_ascii())
        {
            return Err(BadValue(format!(
                "`{text}` has {letter:?} in it; write international names in their xn-- form and without blanks"
            )));
        }
        text.parse::<Name>()
            .map(Self)
            .map_err(|error| BadValue(format!("`{text}` is not a domain name: {error}")))
    }
}

impl fmt::Display for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A zone that is not validated, and until when: `"example."`, `"example. until 2026-12-01T00:00:00Z"` (RFC 3339).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegativeAnchor {
    /// The zone.
    pub zone: Name,
    /// Wall seconds at which it ends.
    pub until: Option<u64>,
}

impl FromStr for NegativeAnchor {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (zone, until) = match words.as_slice() {
            [zone] => (zone, None),
            [zone, word, time] if word.eq_ignore_ascii_case("until") => {
                (zone, Some(wall_seconds(time)?))
            }
            _ => {
                return Err(BadValue(format!(
                    "`{text}` is not a zone, alone or followed by `until` and a time"
                )));
            }
        };
        let ZoneName(zone) = zone.parse()?;
        Ok(Self { zone, until })
    }
}

impl fmt::Display for NegativeAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.zone.fmt(f)?;
        match self.until {
            Some(until) => write!(f, " until {}", Moment(until)),
            None => Ok(()),
        }
    }
}

/// Wall seconds, shown as RFC 3339 in UTC: `2026-12-01T00:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub u64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Days to year, month and day, with years that begin in March and eras of 400 years (Hinnant, chrono-Compatible
        // Low-Level Date Algorithms).
        let (days, second) = (self.0 / 86_400 + 719_468, self.0 % 86_400);
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
            second / 3_600,
            second / 60 % 60,
            second % 60
        )
    }
}

impl FromStr for Moment {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        wall_seconds(text).map(Self)
    }
}

/// Reads a time of RFC 3339 with its offset, or a date alone, which begins at midnight UTC.
fn wall_seconds(text: &str) -> Result<u64, BadValue> {
    let bad = |why: &str| {
        BadValue(format!(
            "`{text}` {why} (2026-12-01T00:00:00Z, 2026-12-01T09:00:00+09:00, 2026-12-01)"
        ))
    };
    let read: toml_edit::Datetime = text.parse().map_err(|_| bad("is not a time"))?;
    let date = read.date.ok_or_else(|| bad("has no date"))?;
    let offset = match (read.time, read.offset) {
        (Some(_), None) => {
            return Err(bad(
                "does not say in which time zone; end it with Z for UTC",
            ));
        }
        (_, Some(toml_edit::Offset::Custom { minutes })) => i64::from(minutes) * 60,
        _ => 0,
    };
    let days = days_since_1970(date.year.into(), date.month.into(), date.day.into());
    let second = read.time.map_or(0, |time| {
        i64::from(time.hour) * 3_600
            + i64::from(time.minute) * 60
            + i64::from(time.second.unwrap_or(0))
    });
    u64::try_from(days * 86_400 + second - offset).map_err(|_| bad("is before 1970"))
}

macro_rules! written_as_text {
    ($($type:ident, $expecting:literal;)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct AsText;
                impl Visitor<'_> for AsText {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }

                    fn visit_i64<E: de::Error>(self, number: i64) -> Result<$type, E> {
                        self.visit_str(&number.to_string())
                    }

                    fn visit_u64<E: de::Error>(self, number: u64) -> Result<$type, E> {
                        self.visit_str(&number.to_string())
                    }
                }
                deserializer.deserialize_any(AsText)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

written_as_text! {
    Span, "a length of time like \"500ms\"";
    Size, "a size like \"64KiB\"";
    Endpoint, "an address and port like \"192.0.2.1:53\"";
    Prefix, "a prefix like \"192.0.2.0/24\"";
    PortRange, "a range of ports like \"1024-65535\"";
    ZoneName, "a domain name like \"example.com.\"";
    Moment, "a time like \"2026-12-01T00:00:00Z\"";
    NegativeAnchor, "a zone like \"example.com.\" or \"example.com. until 2026-12-01T00:00:00Z\"";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(text: &str) -> Result<u128, String> {
        text.parse::<Span>()
            .map(|span| span.0.as_millis())
            .map_err(|error| error.0)
    }

    fn size(text: &str) -> Result<u64, String> {
        text.parse::<Size>()
            .map(|size| size.0)
            .map_err(|error| error.0)
    }

    #[test]
    fn durations_read_as_people_write_them() {
        assert_eq!(span("500ms"), Ok(500));
        assert_eq!(span("2s"), Ok(2_000));
        assert_eq!(span("7"), Ok(7_000));
        assert_eq!(span("1d"), Ok(86_400_000));
        assert_eq!(span("5 m"), Ok(300_000));
        assert!(span("").is_err());
        assert!(span("-3s").is_err());
        assert!(span("1.5s").is_err());
        assert_eq!(
            span("3 parsec").unwrap_err(),
            "`parsec` is not a unit of time; there are ms, s, m, h, d and w"
        );
        assert!(span("99999999999999999999s").is_err());
        assert!(span("18446744073709551615w").is_err());
    }

    #[test]
    fn sizes_tell_powers_of_1000_from_powers_of_1024() {
        assert_eq!(size("200kB"), Ok(200_000));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("256mib"), Ok(268_435_456));
        assert_eq!(size("17"), Ok(17));
        assert!(size("64K").is_err());
        assert!(size("18446744073709551615TiB").is_err());
    }

    #[test]
    fn addresses_prefixes_and_ports() {
        assert_eq!(
            "192.0.2.1".parse::<Endpoint>().unwrap().to_string(),
            "192.0.2.1:53"
        );
        assert_eq!("::1".parse::<Endpoint>().unwrap().to_string(), "[::1]:53");
        assert_eq!("[::1]".parse::<Endpoint>().unwrap().to_string(), "[::1]:53");
        assert_eq!(
            "[::1]:5353".parse::<Endpoint>().unwrap().to_string(),
            "[::1]:5353"
        );
        assert!(
            "dns.example"
                .parse::<Endpoint>()
                .unwrap_err()
                .0
                .contains("is a name")
        );
        assert_eq!("::1".parse::<Prefix>().unwrap().to_string(), "::1/128");
        assert_eq!(
            "10.0.0.1/8".parse::<Prefix>().unwrap_err().0,
            "`10.0.0.1/8` has bits set behind its length; write `10.0.0.0/8` for the network or `10.0.0.1` for the one host"
        );
        assert_eq!("5353".parse::<PortRange>(), Ok(PortRange(5353, 5353)));
        assert!("9-3".parse::<PortRange>().is_err());
        assert!("1-70000".parse::<PortRange>().is_err());
        assert!("a b".parse::<ZoneName>().is_err());
        assert!("".parse::<ZoneName>().is_err());
        assert_eq!(
            "example".parse::<ZoneName>().unwrap().to_string(),
            "example."
        );
    }

    #[test]
    fn negative_anchors_end_at_a_moment_or_never() {
        let until = |text: &str| {
            text.parse::<NegativeAnchor>()
                .map(|anchor| anchor.until)
                .map_err(|error| error.0)
        };
        assert_eq!(until("example"), Ok(None));
        assert_eq!(until("a. until 1970-01-01T00:00:00Z"), Ok(Some(0)));
        assert_eq!(until("a. UNTIL 2024-02-29"), Ok(Some(1_709_164_800)));
        assert_eq!(
            until("a.  until 2026-12-01T09:00:00.5+09:00"),
            Ok(Some(1_796_083_200))
        );
        assert!(
            until("a. until 2026-12-01T00:00:00")
                .unwrap_err()
                .contains("in which time zone")
        );
        assert!(
            until("a. until 1969-12-31")
                .unwrap_err()
                .contains("is before 1970")
        );
        assert!(
            until("a. until 12:00:00")
                .unwrap_err()
                .contains("has no date")
        );
        assert!(
            until("a. until 2025-02-29")
                .unwrap_err()
                .contains("is not a time")
        );
        for bad in ["", "a. until", "a. b.", "a. until 2026-12-01 x", "a..b"] {
            assert!(until(bad).is_err(), "{bad}");
        }
        assert_eq!(Moment(1_709_251_199).to_string(), "2024-02-29T23:59:59Z");
        assert_eq!(Moment(0).to_string(), "1970-01-01T00:00:00Z");
    }

    proptest! {
        #[test]
        fn a_moment_reads_back_as_it_was_shown(until in 0u64..253_402_300_800) {
            let anchor = NegativeAnchor { zone: Name::root(), until: Some(until) };
            prop_assert_eq!(anchor.to_string().parse::<NegativeAnchor>(), Ok(anchor));
        }

        #[test]
        fn a_duration_reads_back_as_it_was_shown(milliseconds in 0u64..1 << 45) {
            let span = Span(Duration::from_millis(milliseconds));
            prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
        }

        #[test]
        fn a_size_reads_back_as_it_was_shown(octets: u64) {
            let size = Size(octets);
            prop_assert_eq!(size.to_string().parse::<Size>(), Ok(size));
        }

        #[test]
        fn a_prefix_reads_back_as_it_was_shown(address: u128, length in 0u8..=128) {
            let prefix = Prefix(IpNet::new(IpAddr::V6(address.into()), length).unwrap().trunc());
            prop_assert_eq!(prefix.to_string().parse::<Prefix>(), Ok(prefix));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<Span>();
            let _ = text.parse::<Size>();
            let _ = text.parse::<Endpoint>();
            let _ = text.parse::<Prefix>();
            let _ = text.parse::<PortRange>();
            let _ = text.parse::<ZoneName>();
            let _ = text.parse::<NegativeAnchor>();
        }
    }
}
