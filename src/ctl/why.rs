//! `suimon why`: what decides about this client asking this name?

use std::net::IpAddr;

use super::output::{Paint, Side, Table, count, counted, percent};
use super::{Error, Exit, Session, domain_name, record_type};
use crate::ops::control::protocol::{Request, Transport, WhyReport};
use crate::wire::{Name, RecordType};

/// Tell whether a client is served, and which rule decides.
///
/// Shows what would happen to a query of this client for this name: access rule, verdict with its reason, where the name
/// would be resolved, what the cache holds. Nothing is asked or cached. The exit code is 0 if the client is admitted.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address of the client.
    #[arg(value_name = "CLIENT")]
    client: IpAddr,

    /// Name it asks for.
    #[arg(value_name = "NAME", value_parser = domain_name)]
    name: Name,

    /// Type it asks for.
    #[arg(value_name = "TYPE", value_parser = record_type, default_value = "A")]
    rtype: RecordType,

    /// As a query over TCP.
    #[arg(long)]
    tcp: bool,

    /// As a query that arrives by this interface (guard.bind, guard.route_back).
    #[arg(long, value_name = "NAME")]
    interface: Option<String>,
}

impl Args {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Exit, Error> {
        let report: WhyReport = session.ask(&Request::Why {
            client: self.client,
            name: self.name.to_string(),
            rtype: self.rtype.to_string(),
            transport: if self.tcp {
                Transport::Tcp
            } else {
                Transport::Udp
            },
            interface: self.interface.clone(),
        })?;
        session
            .screen
            .show(&report, |paint| human(&report, self.tcp, paint))?;
        Ok(match report.verdict.as_str() {
            "admit" => Exit::Done,
            _ => Exit::No,
        })
    }
}

fn human(report: &WhyReport, tcp: bool, paint: Paint) -> String {
    let admitted = report.verdict == "admit";
    let verdict = match report.verdict.as_str() {
        "admit" => "is served",
        "refuse" => "is refused",
        "drop" => "gets no reply",
        other => other,
    };
    let verdict = if admitted {
        paint.good(verdict)
    } else {
        paint.bad(verdict)
    };
    let mut text = format!(
        "{} asking {} {} over {} {verdict}\n\n",
        paint.strong(&report.client),
        report.name,
        report.rtype,
        if tcp { "TCP" } else { "UDP" },
    );
    let mut table = Table::new(&[Side::Left, Side::Left]);
    table.row([
        "Because",
        &format!("{} ({})", report.sentence, report.reason),
    ]);
    table.row([
        "Rule",
        match (&report.rule, report.reason.as_str()) {
            (Some(rule), _) => rule,
            (None, "acl_no_match") => "no access rule matches; such clients are refused",
            (None, _) => "decided before any access rule",
        },
    ]);
    if let Some(ways) = &report.ways {
        table.row(["Arrives", ways]);
    }
    let when_admitted = if admitted { "" } else { "; were it admitted" };
    let policy = match report.policy.as_str() {
        "resolve" => "resolved by asking the zone's own servers",
        "forward" => "forwarded",
        "stub" => "resolved by asking configured servers",
        "answer" => "answered by the operator's data or a special-use rule",
        other => other,
    };
    table.row(["Name", &format!("{policy}{when_admitted}")]);
    if let Some(route) = &report.route {
        table.row(["Through", route]);
    }
    if let Some(zone) = &report.negative_anchor {
        let words = format!("not validated: negative trust anchor {zone}");
        table.row(["DNSSEC", &words]);
    }
    if let Some(guard) = &report.zone_guard {
        let known = if guard.known {
            "a name known to be real"
        } else {
            "a name not known to be real"
        };
        let words = match (&guard.held_back, &guard.trigger) {
            (Some(zone), Some(trigger)) => {
                format!("{known}, in {zone}, which is under attack ({trigger})")
            }
            _ => match (guard.zones.first(), &guard.server, &guard.server_trigger) {
                (Some(zone), Some(server), Some(trigger)) => {
                    format!("{known}, in {zone}, whose server {server} is under attack ({trigger})")
                }
                (Some(zone), ..) => format!("{known}, in {zone}, which is not under attack"),
                (None, ..) => format!("{known}, in no zone that can be guarded"),
            },
        };
        table.row(["Zone guard", &words]);
    }
    table.row([
        "Cache",
        report.cached.as_deref().unwrap_or("holds nothing for it"),
    ]);
    for (index, limit) in report.limits.iter().enumerate() {
        let label = if index == 0 { "Limits" } else { "" };
        let words = format!("{} of what {} may ask", percent(limit.used), limit.prefix);
        table.row([label, &words]);
    }
    if let Some(shares) = &report.shares {
        let of_many = if shares.customers > 1 {
            format!(
                "; it stands for {} customers",
                count(shares.customers.into())
            )
        } else {
            String::new()
        };
        let words = format!(
            "{} of {} under way, {} of {} waiting{of_many}",
            count(shares.look_ups.into()),
            counted(shares.look_ups_most.into(), "look-up", "look-ups"),
            count(shares.waiting),
            counted(shares.waiting_most, "query", "queries"),
        );
        table.row(["Shares", &words]);
    }
    text += &table.render("", |column, cell| match column {
        0 => paint.strong(cell),
        _ => cell.to_owned(),
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::control::protocol::{GuardWhy, LimitReport, ShareWhy};

    #[test]
    fn a_refused_client_and_an_admitted_one() {
        let mut report = WhyReport {
            client: "203.0.113.9".to_owned(),
            name: "www.example.com.".to_owned(),
            rtype: "A".to_owned(),
            verdict: "refuse".to_owned(),
            rule: None,
            reason: "acl_no_match".to_owned(),
            sentence: "no access rule covers this client".to_owned(),
            ways: None,
            policy: "resolve".to_owned(),
            route: None,
            negative_anchor: None,
            zone_guard: None,
            cached: Some("positive, 300 s left".to_owned()),
            limits: Vec::new(),
            shares: None,
        };
        assert_eq!(
            human(&report, false, Paint::plain()),
            "\
203.0.113.9 asking www.example.com. A over UDP is refused

Because  no access rule covers this client (acl_no_match)
Rule     no access rule matches; such clients are refused
Name     resolved by asking the zone's own servers; were it admitted
Cache    positive, 300 s left
"
        );
        report.verdict = "admit".to_owned();
        report.reason = "acl_allow".to_owned();
        report.sentence = "an access rule allows this client".to_owned();
        report.rule = Some("acl.allow 203.0.113.0/24".to_owned());
        report.policy = "forward".to_owned();
        report.route = Some("forward zone example.com. to 192.0.2.10:53".to_owned());
        report.negative_anchor = Some("example.com. for 5 min more".to_owned());
        report.cached = None;
        report.limits = [("203.0.113.9/32", 1.0), ("203.0.113.0/24", 0.031)]
            .map(|(prefix, used)| LimitReport {
                prefix: prefix.to_owned(),
                used,
            })
            .into();
        report.shares = Some(ShareWhy {
            look_ups: 3,
            look_ups_most: 8_000,
            waiting: 5,
            waiting_most: 64_000,
            customers: 64,
        });
        assert_eq!(
            human(&report, true, Paint::plain()),
            "\
203.0.113.9 asking www.example.com. A over TCP is served

Because  an access rule allows this client (acl_allow)
Rule     acl.allow 203.0.113.0/24
Name     forwarded
Through  forward zone example.com. to 192.0.2.10:53
DNSSEC   not validated: negative trust anchor example.com. for 5 min more
Cache    holds nothing for it
Limits   100.0 % of what 203.0.113.9/32 may ask
         3.1 % of what 203.0.113.0/24 may ask
Shares   3 of 8,000 look-ups under way, 5 of 64,000 queries waiting; it stands for 64 customers
"
        );
    }

    #[test]
    fn a_zone_under_attack_is_named() {
        let at_server = |trigger: Option<&str>| GuardWhy {
            server: Some("192.0.2.53".to_owned()),
            server_trigger: trigger.map(str::to_owned),
            ..GuardWhy::default()
        };
        let line = |zones: &[&str], held_back: Option<&str>, server: GuardWhy| {
            let guard = GuardWhy {
                zones: zones.iter().map(|zone| (*zone).to_owned()).collect(),
                known: held_back.is_none(),
                held_back: held_back.map(str::to_owned),
                trigger: held_back.map(|_| "flood".to_owned()),
                ..server.clone()
            };
            let report = WhyReport {
                zone_guard: Some(guard),
                ..WhyReport::default()
            };
            let told = human(&report, false, Paint::plain());
            let mut lines = told.lines();
            let line = lines.find_map(|line| line.strip_prefix("Zone guard"));
            line.map(|words| words.trim().to_owned())
                .unwrap_or_default()
        };
        assert_eq!(
            line(&["a.test."], Some("a.test."), at_server(Some("failing"))),
            "a name not known to be real, in a.test., which is under attack (flood)"
        );
        assert_eq!(
            line(&["a.test."], None, at_server(None)),
            "a name known to be real, in a.test., which is not under attack"
        );
        assert_eq!(
            line(&["a.test."], None, at_server(Some("failing"))),
            "a name known to be real, in a.test., whose server 192.0.2.53 is under attack (failing)"
        );
        assert_eq!(
            line(&[], None, GuardWhy::default()),
            "a name known to be real, in no zone that can be guarded"
        );
    }
}
