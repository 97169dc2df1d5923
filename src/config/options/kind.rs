//! What may stand behind a key? The kinds of values, their ranges, and the check of one value.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use figment::value::{Num, Value};

use crate::config::units::{Endpoint, NegativeAnchor, PortRange, Prefix, Size, Span, ZoneName};

/// Type and range of a value. Ranges include both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Switch,
    /// A whole number.
    Count(u64, u64),
    /// A length of time, ends in milliseconds.
    Span(u64, u64),
    /// A length of time in whole seconds, ends in seconds (TTLs).
    Seconds(u64, u64),
    /// Octets.
    Size(u64, u64),
    /// Any text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A file name.
    Path,
    /// An address.
    Address,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// An address with its port.
    Socket,
    /// A prefix.
    Prefix,
    /// A domain name.
    Name,
    /// A range of ports.
    PortRange,
    /// A list of addresses with a port each, 53 if left out.
    Endpoints,
    /// A list of prefixes.
    Prefixes,
    /// A list of domain names.
    Names,
    /// A list of ports.
    Ports,
    /// A list of resource records in presentation form.
    Records,
    /// A list of DS and DNSKEY records in presentation form.
    Anchors,
    /// A list of zones, each with or without an end.
    NegativeAnchors,
    /// A list of file names.
    Paths,
    /// A list of names of network interfaces, `*` standing for anything.
    Interfaces,
}

/// Why a value cannot stand where it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Which element of a list, if it is one element.
    pub element: Option<usize>,
    /// The reason.
    pub why: String,
    /// What to write instead.
    pub fix: String,
}

impl Kind {
    /// Whether a list is expected.
    #[must_use]
    pub const fn is_list(self) -> bool {
        matches!(
            self,
            Self::Endpoints
                | Self::Prefixes
                | Self::Names
                | Self::Ports
                | Self::Records
                | Self::Anchors
                | Self::NegativeAnchors
                | Self::Paths
                | Self::Interfaces
        )
    }

    /// Whether the value is text whatever it looks like, so that `--set` and the environment need no quotes.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Choice(_) | Self::Path | Self::Name)
    }

    /// Checks type and range; for lists, every element.
    ///
    /// # Errors
    /// All complaints.
    pub fn check(self, value: &Value) -> Result<(), Vec<Complaint>> {
        if !self.is_list() {
            return self.check_one(value).map_err(|complaint| vec![complaint]);
        }
        let Value::Array(_, elements) = value else {
            return Err(vec![Complaint {
                element: None,
                why: format!("this is {}, not a list", describe(value)),
                fix: format!("write {self}, in square brackets"),
            }]);
        };
        let complaints: Vec<Complaint> = elements
            .iter()
            .enumerate()
            .filter_map(|(index, element)| {
                let complaint = self.check_one(element).err()?;
                Some(Complaint {
                    element: Some(index),
                    ..complaint
                })
            })
            .collect();
        if complaints.is_empty() {
            Ok(())
        } else {
            Err(complaints)
        }
    }

    fn check_one(self, value: &Value) -> Result<(), Complaint> {
        match self {
            Self::Switch => match value {
                Value::Bool(..) => Ok(()),
                other => Err(self.wrong_type(other)),
            },
            Self::Count(low, high) => self.check_count(value, low, high),
            Self::Ports => self.check_count(value, 1, 65_535),
            Self::Span(low, high) => {
                let Span(span) = self.read(value)?;
                self.within(
                    span,
                    Duration::from_millis(low),
                    Duration::from_millis(high),
                    |span| Span(*span).to_string(),
                )
            }
            Self::Seconds(low, high) => {
                let Span(span) = self.read(value)?;
                if span.subsec_nanos() != 0 {
                    return Err(self.complaint(format!(
                        "`{}` is not a whole number of seconds, and TTLs count seconds",
                        Span(span)
                    )));
                }
                self.within(
                    span,
                    Duration::from_secs(low),
                    Duration::from_secs(high),
                    |span| Span(*span).to_string(),
                )
            }
            Self::Size(low, high) => {
                let Size(size) = self.read(value)?;
                self.within(size, low, high, |size| Size(*size).to_string())
            }
            Self::Text | Self::Path | Self::Records | Self::Anchors | Self::Paths => {
                self.text(value).map(drop)
            }
            Self::Interfaces => {
                let text = self.text(value)?;
                // IFNAMSIZ is 16 with the zero behind the name; dev_valid_name() forbids the rest.
                let odd = |octet: char| octet == '/' || octet == ':' || octet.is_whitespace();
                if text.is_empty() || text.len() > 15 || text.contains(odd) {
                    return Err(self.complaint(format!("`{text}` cannot be the name of an interface: those have 1 to 15 octets without `/`, `:` and blanks")));
                }
                Ok(())
            }
            Self::Choice(words) => {
                let text = self.text(value)?;
                if words.contains(&text) {
                    return Ok(());
                }
                let near = super::closest(text, words.iter().map(|word| (*word, *word)));
                let mut complaint =
                    self.complaint(format!("`{text}` is not one of the words known here"));
                if let Some(near) = near {
                    complaint.fix = format!("did you mean \"{near}\"? There are {}", quoted(words));
                }
                Err(complaint)
            }
            Self::Address => self.parsed::<IpAddr>(value, "an address"),
            Self::Ipv4 => self.parsed::<Ipv4Addr>(value, "an IPv4 address"),
            Self::Ipv6 => self.parsed::<Ipv6Addr>(value, "an IPv6 address"),
            Self::Socket => self.parsed::<SocketAddr>(value, "an address with a port"),
            Self::Prefix | Self::Prefixes => self.read::<Prefix>(value).map(drop),
            Self::Name | Self::Names => self.read::<ZoneName>(value).map(drop),
            Self::NegativeAnchors => self.read::<NegativeAnchor>(value).map(drop),
            Self::PortRange => self.read::<PortRange>(value).map(drop),
            Self::Endpoints => self.read::<Endpoint>(value).map(drop),
        }
    }

    fn check_count(self, value: &Value, low: u64, high: u64) -> Result<(), Complaint> {
        let Value::Num(_, number) = value else {
            return Err(self.wrong_type(value));
        };
        let number = match number {
            Num::F32(_) | Num::F64(_) => return Err(self.wrong_type(value)),
            whole => whole.to_i128().unwrap_or(i128::MAX),
        };
        self.within(
            number,
            i128::from(low),
            i128::from(high),
            ToString::to_string,
        )
    }

    fn within<T: PartialOrd>(
        self,
        value: T,
        low: T,
        high: T,
        show: impl Fn(&T) -> String,
    ) -> Result<(), Complaint> {
        if value < low {
            Err(self.complaint(format!(
                "{} is below the least value {}",
                show(&value),
                show(&low)
            )))
        } else if value > high {
            Err(self.complaint(format!(
                "{} is above the greatest value {}",
                show(&value),
                show(&high)
            )))
        } else {
            Ok(())
        }
    }

    fn text(self, value: &Value) -> Result<&str, Complaint> {
        value.as_str().ok_or_else(|| self.wrong_type(value))
    }

    /// Reads text, or a plain integer where units allow one.
    fn read<T: FromStr<Err: fmt::Display>>(self, value: &Value) -> Result<T, Complaint> {
        let bare = matches!(
            self,
            Self::Span(..) | Self::Seconds(..) | Self::Size(..) | Self::PortRange
        );
        let text = match value {
            Value::String(_, text) => text.clone(),
            Value::Num(_, number) if bare => match number.to_i128() {
                Some(number) => number.to_string(),
                None => return Err(self.wrong_type(value)),
            },
            other => return Err(self.wrong_type(other)),
        };
        text.parse()
            .map_err(|error: T::Err| self.complaint(error.to_string()))
    }

    fn parsed<T: FromStr>(self, value: &Value, what: &str) -> Result<(), Complaint> {
        let text = self.text(value)?;
        match text.parse::<T>() {
            Ok(_) => Ok(()),
            Err(_) => Err(self.complaint(format!("`{text}` is not {what}"))),
        }
    }

    fn wrong_type(self, value: &Value) -> Complaint {
        self.complaint(format!("this is {}", describe(value)))
    }

    fn complaint(self, why: String) -> Complaint {
        Complaint {
            element: None,
            why,
            fix: format!("write {self}"),
        }
    }
}

impl fmt::Display for Kind {
    /// What to write, as it follows "write".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch => f.write_str("true or false"),
            Self::Count(low, high) => write!(f, "a whole number from {low} to {high}"),
            Self::Span(low, high) => write!(
                f,
                "a length of time from \"{}\" to \"{}\"",
                Span(Duration::from_millis(*low)),
                Span(Duration::from_millis(*high))
            ),
            Self::Seconds(low, high) => write!(
                f,
                "a length of time in whole seconds from \"{}\" to \"{}\"",
                Span(Duration::from_secs(*low)),
                Span(Duration::from_secs(*high))
            ),
            Self::Size(low, high) => {
                write!(f, "a size from \"{}\" to \"{}\"", Size(*low), Size(*high))
            }
            Self::Text => f.write_str("a text in quotes"),
            Self::Choice(words) => write!(f, "one of {}", quoted(words)),
            Self::Path => f.write_str("a file name in quotes"),
            Self::Address => f.write_str("an address like \"192.0.2.1\" or \"2001:db8::1\""),
            Self::Ipv4 => f.write_str("an IPv4 address like \"192.0.2.1\""),
            Self::Ipv6 => f.write_str("an IPv6 address like \"2001:db8::1\""),
            Self::Socket => {
                f.write_str("an address with a port like \"127.0.0.1:9153\" or \"[::1]:9153\"")
            }
            Self::Prefix => f.write_str("a prefix like \"192.0.2.0/24\" or \"2001:db8::/32\""),
            Self::Name => f.write_str("a domain name like \"example.com.\""),
            Self::PortRange => f.write_str("a range of ports like \"1024-65535\""),
            Self::Endpoints => f.write_str("addresses like \"192.0.2.1\" or \"[2001:db8::1]:53\""),
            Self::Prefixes => f.write_str("prefixes like \"192.0.2.0/24\" or \"2001:db8::/32\""),
            Self::Names => f.write_str("domain names like \"example.com.\""),
            Self::Ports => f.write_str("port numbers from 1 to 65535"),
            Self::Records => f.write_str("records like \"router.example. 300 IN A 192.0.2.1\""),
            Self::Anchors => f.write_str(
                "DS or DNSKEY records like \"example. IN DS 12345 13 2 49FD46E6C4B45C55...\"",
            ),
            Self::NegativeAnchors => f.write_str(
                "zones like \"example.com.\" or \"example.com. until 2026-12-01T00:00:00Z\"",
            ),
            Self::Paths => f.write_str("file names in quotes"),
            Self::Interfaces => f.write_str("names of interfaces like \"eth1\" or \"bond0.*\""),
        }
    }
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    words.join(", ")
}

/// What a value is, in a reader's words.
fn describe(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("the text \"{text}\""),
        Value::Char(_, letter) => format!("the text \"{letter}\""),
        Value::Bool(_, switch) => format!("the truth value {switch}"),
        Value::Num(_, Num::F32(number)) => format!("the fraction {number}"),
        Value::Num(_, Num::F64(number)) => format!("the fraction {number}"),
        Value::Num(_, number) => match number.to_i128() {
            Some(number) => format!("the number {number}"),
            None => "a number".to_owned(),
        },
        Value::Empty(..) => "nothing".to_owned(),
        Value::Dict(..) => "a table".to_owned(),
        Value::Array(..) => "a list".to_owned(),
    }
}
