//! Who may ask, and where? Access rules and listeners, and that together they do not serve everybody.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::{Check, coverage, rights};
use crate::config::diagnose::Place;
use crate::config::plan::{AclAction, AclRule};
use crate::config::units::Prefix;

/// The sentence that opens the ACL.
const OPEN: &str = "for tests, I know";

impl Check<'_> {
    /// Every access rule, lists first.
    pub(super) fn rules(&mut self) -> Vec<AclRule> {
        let acl = &self.file.acl;
        let mut rules: Vec<(AclRule, String)> = Vec::new();
        for (key, list, action) in [
            ("allow", &acl.allow, AclAction::Allow),
            ("refuse", &acl.refuse, AclAction::Refuse),
            ("drop", &acl.drop, AclAction::Drop),
        ] {
            for (index, Prefix(prefix)) in list.iter().enumerate() {
                self.add_rule(
                    &mut rules,
                    plain(*prefix, action),
                    format!("acl.{key}.{index}"),
                );
            }
        }
        for (index, rule) in acl.rule.iter().enumerate() {
            let path = format!("acl.rule.{index}");
            if let Some(local) = rule.local
                && local.is_ipv4() != rule.prefix.0.addr().is_ipv4()
            {
                self.error(
                    &format!("{path}.local"),
                    "this rule can never match",
                    format!(
                        "a query from {} cannot arrive at {local}: the families differ",
                        rule.prefix
                    ),
                    "give both addresses of one family",
                );
            }
            let rule = AclRule {
                prefix: rule.prefix.0,
                local: rule.local,
                transport: rule.transport.map(Into::into),
                action: rule.action.into(),
                snoop: rule.snoop,
                prove: rule.prove,
            };
            self.add_rule(&mut rules, rule, path);
        }
        if !self.open {
            self.refuse_everybody(&rules);
        }
        let mut rules: Vec<AclRule> = rules.into_iter().map(|(rule, _)| rule).collect();
        if self.open {
            let everybody = ["0.0.0.0/0", "::/0"]
                .into_iter()
                .filter_map(|text| text.parse().ok());
            for rule in everybody.map(|prefix| plain(prefix, AclAction::Allow)) {
                let decided = rules
                    .iter()
                    .any(|other| other.prefix == rule.prefix && is_plain(other));
                if !decided {
                    rules.push(rule);
                }
            }
        }
        self.mark(&mut rules, "snoop", &acl.snoop, |rule| rule.snoop = true);
        self.mark(&mut rules, "prove", &acl.prove, |rule| rule.prove = true);
        rules
    }

    /// Marks what `acl.{key}` lists.
    fn mark(
        &mut self,
        rules: &mut Vec<AclRule>,
        key: &str,
        prefixes: &[Prefix],
        mark: fn(&mut AclRule),
    ) {
        for (index, Prefix(prefix)) in prefixes.iter().enumerate() {
            if !rights::mark(rules, *prefix, mark) && !self.layers.is_broken("acl") {
                self.warning(
                    &format!("acl.{key}.{index}"),
                    format!("nobody in `{prefix}` may ask at all"),
                    format!("acl.{key} only has an effect for clients that are allowed"),
                    "add the prefix to acl.allow, or remove it here",
                );
            }
        }
    }

    /// Every listener.
    pub(super) fn listeners(&mut self) -> Vec<SocketAddr> {
        let mut listeners: Vec<SocketAddr> = Vec::new();
        for (index, endpoint) in self.file.listen.addresses.iter().enumerate() {
            let (path, address) = (format!("listen.addresses.{index}"), endpoint.0);
            if address.ip().is_multicast() || address.ip() == IpAddr::from([255, 255, 255, 255]) {
                self.error(
                    path.as_str(),
                    format!("`{}` cannot be listened on", address.ip()),
                    "it is a multicast or broadcast address",
                    "name an address of this host",
                );
            } else if let IpAddr::V6(v6) = address.ip()
                && let Some(v4) = v6.to_ipv4_mapped()
            {
                self.error(path.as_str(), format!("`{v6}` is an IPv4 address in disguise"), "suimond listens on both families apart, so that no rule can be slipped by the mapping", format!("write {v4}"));
            } else if address.port() != 0 && listeners.contains(&address) {
                self.error(
                    path.as_str(),
                    format!("`{address}` is listed twice"),
                    "one listener serves UDP and TCP with all workers already",
                    "remove one of the two",
                );
            } else {
                listeners.push(address);
            }
        }
        if self.file.listen.addresses.is_empty() {
            self.error(
                "listen.addresses",
                "there is nothing to listen on",
                "a resolver nobody can ask is of no use",
                "list at least one address, or remove the key for loopback",
            );
        }
        self.exposed(&listeners);
        listeners
    }

    /// Judges listeners that are reachable from outside against the ACL.
    fn exposed(&mut self, listeners: &[SocketAddr]) {
        if self.layers.is_broken("acl") || self.open {
            return;
        }
        let acl = &self.file.acl;
        let allowing = || {
            acl.rule
                .iter()
                .filter(|rule| AclAction::from(rule.action) == AclAction::Allow)
                .map(|rule| rule.prefix.0)
        };
        let explicit = (self.layers.is_written("acl.allow") && !acl.allow.is_empty())
            || allowing().next().is_some();
        let outsiders = acl
            .allow
            .iter()
            .map(|prefix| prefix.0)
            .chain(allowing())
            .any(|prefix| !is_loopback(&prefix));
        for (index, address) in self
            .file
            .listen
            .addresses
            .iter()
            .map(|endpoint| endpoint.0)
            .enumerate()
        {
            let path = format!("listen.addresses.{index}");
            if address.ip().is_unspecified() && !explicit {
                self.error(
                    path.as_str(),
                    format!("`{address}` listens on every address of this host, and no ACL says who may ask"),
                    "a wildcard also takes interfaces that are added later, so whom it serves must have been decided",
                    "set acl.allow to your clients' prefixes, or list the addresses one by one",
                );
            } else if !address.ip().is_loopback() && !outsiders && listeners.contains(&address) {
                self.warning(
                    path.as_str(),
                    format!("nobody can be served at `{address}`"),
                    "the ACL allows loopback alone; every query from outside will be refused",
                    "set acl.allow to your clients' prefixes",
                );
            }
        }
    }

    /// Whether the sentence that opens the ACL was written; any other is a problem. Called once.
    pub(super) fn judge_open(&mut self) -> bool {
        match self.file.acl.open.as_deref() {
            None => false,
            Some(OPEN) => {
                self.warning(
                    "acl.open",
                    "everybody is served",
                    "an open resolver on the Internet is used for attacks on others within hours (RFC 5358)",
                    "remove acl.open unless this is a closed test network",
                );
                true
            }
            Some(_) => {
                self.error(
                    "acl.open",
                    "this does not open the ACL",
                    "serving everybody takes one exact sentence, so that nobody does it in passing",
                    format!("write open = \"{OPEN}\" in a closed test network, and remove the key everywhere else"),
                );
                false
            }
        }
    }

    fn refuse_everybody(&mut self, rules: &[(AclRule, String)]) {
        let allowed: Vec<&(AclRule, String)> = rules
            .iter()
            .filter(|(rule, _)| rule.action == AclAction::Allow)
            .collect();
        let mut wide = false;
        for (rule, path) in &allowed {
            if let Some(why) = coverage::too_wide(&rule.prefix) {
                wide = true;
                self.error(
                    path,
                    "this ACL serves everybody",
                    format!("{why}; an open resolver is used for attacks on others (RFC 5358)"),
                    "allow the prefixes of your own clients",
                );
            }
        }
        let prefixes: Vec<IpNet> = allowed.iter().map(|(rule, _)| rule.prefix).collect();
        if !wide && let Some(why) = coverage::too_many(&prefixes) {
            let path = if self.file.acl.allow.is_empty() {
                "acl.rule"
            } else {
                "acl.allow"
            };
            self.error(
                path,
                "this ACL serves everybody",
                format!("{why}; an open resolver is used for attacks on others (RFC 5358)"),
                "allow the prefixes of your own clients",
            );
        }
    }

    /// Adds a rule unless it is there already; the same conditions with another outcome are a contradiction.
    fn add_rule(&mut self, rules: &mut Vec<(AclRule, String)>, rule: AclRule, path: String) {
        if let Some(v4) = mapped(&rule.prefix) {
            return self.error(
                &path,
                format!("`{}` is IPv4 in disguise", rule.prefix),
                "clients are judged by their own family, so this rule would never match",
                format!("write {v4}"),
            );
        }
        let twin = rules.iter().find(|(other, _)| {
            other.prefix == rule.prefix
                && other.local == rule.local
                && other.transport == rule.transport
        });
        match twin {
            None => rules.push((rule, path)),
            Some((other, _)) if *other == rule => {}
            Some((_, other_path)) => {
                let (why, fix) = match self.place(other_path) {
                    Place::Default => (
                        "acl.allow allows it unless it is set".to_owned(),
                        "set acl.allow to what you want to allow",
                    ),
                    place => (
                        format!(
                            "the other one is at {place}, has the same conditions and says otherwise"
                        ),
                        "keep one of them",
                    ),
                };
                self.error(
                    &path,
                    format!("two rules contradict each other about `{}`", rule.prefix),
                    why,
                    fix,
                );
            }
        }
    }
}

const fn plain(prefix: IpNet, action: AclAction) -> AclRule {
    AclRule {
        prefix,
        local: None,
        transport: None,
        action,
        snoop: false,
        prove: false,
    }
}

/// Whether a rule has no conditions but its prefix.
const fn is_plain(rule: &AclRule) -> bool {
    rule.local.is_none() && rule.transport.is_none()
}

fn is_loopback(prefix: &IpNet) -> bool {
    prefix.network().is_loopback() && prefix.broadcast().is_loopback()
}

/// The IPv4 prefix that an IPv4-mapped one means (RFC 4291 section 2.5.5.2); nothing if it is an ordinary prefix.
pub(super) fn mapped(prefix: &IpNet) -> Option<IpNet> {
    let IpNet::V6(prefix) = prefix else {
        return None;
    };
    let length = prefix.prefix_len().checked_sub(96)?;
    IpNet::new(prefix.addr().to_ipv4_mapped()?.into(), length)
        .ok()
        .filter(|_| length > 0)
}
