//! Which suimond does a scenario want? Its head as one `suimond.toml`, from which both runners make what they run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::head::{Head, Zone};
use crate::config;
use crate::config::plan::Plan;
use crate::wire::Name;

/// The root server of a scenario that names none: K, as most scenarios have it.
const ROOT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(193, 0, 14, 129));

/// Checked configurations that are kept.
const MOST_KNOWN: usize = 64;

/// Guards that look at clients are off: a scenario's clients have whatever addresses its author liked.
const BASE: &str = "\
[guard]
check_ports = false
check_own_addresses = false
check_martians = false
suppress_errors_to_reflectors = false
refusals_per_prefix = 100000
refusal_burst = 100000
refusals_per_host = 100000
[limiter]
mode = \"off\"
[process]
drain = \"0s\"
sandbox = false
";

impl Head {
    /// The configuration file, but for the root hints and what `more` holds (section and line).
    #[must_use]
    pub fn to_toml(&self, more: &[(&'static str, String)]) -> String {
        let mut sections: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
        let mut set = |section, key: &str, value: String| {
            let keys: &mut BTreeMap<_, _> = sections.entry(section).or_default();
            keys.insert(key.trim().to_owned(), value);
        };
        set("recursion", "priming", "false".to_owned());
        // As large as the clients of such files say they can take.
        set("answer", "max_udp_size", "4096".to_owned());
        set("answer", "any_needs_proof", "false".to_owned());
        set("egress", "allow_private_servers", "true".to_owned());
        let mut never_ask = self.never_ask.clone();
        let zones = self.stubs.iter().chain(&self.forwards);
        let mut servers = zones
            .flat_map(|zone| zone.servers.iter().map(SocketAddr::ip))
            .chain(self.roots.iter().copied());
        let ask_localhost = self
            .ask_localhost
            .unwrap_or_else(|| servers.any(|server| server.is_loopback()));
        if !ask_localhost {
            never_ask.extend(["127.0.0.0/8".to_owned(), "::1/128".to_owned()]);
        }
        set("egress", "never_ask", format!("{never_ask:?}"));
        for section in ["local_data", "local_zones", "passthrough"] {
            let items: Vec<&str> = self
                .settings
                .iter()
                .filter(|(of, _)| *of == section)
                .map(|(_, value)| value.as_str())
                .collect();
            if !items.is_empty() {
                set("policy", section, format!("{items:?}"));
            }
        }
        let (allow, rules) = self.access_rules();
        set("acl", "allow", format!("{allow:?}"));
        set("acl", "open", "\"for tests, I know\"".to_owned());
        for (section, line) in self.settings.iter().chain(more) {
            if let Some((key, value)) = line.split_once('=')
                && !["local_data", "local_zones", "passthrough"].contains(section)
            {
                set(section, key, value.trim().to_owned());
            }
        }
        let mut text = BASE.to_owned();
        // `[process]` and `[guard]` of the base may be added to: they stand last and first.
        for (section, keys) in sections {
            let _infallible = writeln!(text, "[{section}]");
            for (key, value) in keys {
                let _infallible = writeln!(text, "{key} = {value}");
            }
        }
        text.push_str(&rules);
        for (kind, zones) in [("stub", &self.stubs), ("forward", &self.forwards)] {
            for zone in zones {
                text.push_str(&zone_table(kind, zone));
            }
        }
        text
    }

    /// The list of who may ask, and the rules beside it.
    fn access_rules(&self) -> (Vec<&str>, String) {
        let mut allow = vec!["0.0.0.0/0", "::/0"];
        let mut rules = String::new();
        for (action, prefix) in &self.access {
            allow.retain(|own| own != prefix);
            let (action, snoop) = match action.as_str() {
                "allow_snoop" => ("allow", true),
                "refuse" => ("refuse", false),
                "deny" => ("drop", false),
                _ => ("allow", false),
            };
            let _infallible = write!(
                rules,
                "[[acl.rule]]\nprefix = {prefix:?}\naction = {action:?}\nsnoop = {snoop}\n"
            );
        }
        (allow, rules)
    }

    /// The root servers of the scenario under a name of their own.
    #[must_use]
    pub fn root_hints(&self) -> Vec<(Name, Vec<IpAddr>)> {
        let addresses = if self.roots.is_empty() {
            vec![ROOT]
        } else {
            self.roots.clone()
        };
        let name = "k.root-servers.net.".parse();
        vec![(name.unwrap_or_else(|_| Name::root()), addresses)]
    }

    /// The same as a hints file.
    #[must_use]
    pub fn hints_file(&self) -> String {
        let mut text = String::new();
        for (name, addresses) in self.root_hints() {
            let _infallible = writeln!(text, ". 3600000 IN NS {name}");
            for address in addresses {
                let rtype = if address.is_ipv4() { "A" } else { "AAAA" };
                let _infallible = writeln!(text, "{name} 3600000 IN {rtype} {address}");
            }
        }
        text
    }

    /// What suimond would run with.
    ///
    /// # Errors
    /// What the configuration's own checks say against it.
    pub fn plan(&self) -> Result<Plan, String> {
        let mut plan = checked(self.to_toml(&[]))?;
        plan.recursion.root_hints = self.root_hints();
        Ok(plan)
    }
}

/// The plan of a configuration. Most scenarios come to one of a few, and checking one takes longer than playing a scenario.
fn checked(toml: String) -> Result<Plan, String> {
    static KNOWN: Mutex<BTreeMap<String, Plan>> = Mutex::new(BTreeMap::new());
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(plan) = known().get(&toml) {
        return Ok(plan.clone());
    }
    let loaded = config::load_text(Path::new("scenario"), &toml).map_err(|problems| {
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let all = all.join("; ");
        format!("the configuration it comes to is not accepted: {all}")
    })?;
    let mut known = known();
    if known.len() < MOST_KNOWN {
        known.insert(toml, loaded.plan.clone());
    }
    Ok(loaded.plan)
}

fn zone_table(kind: &str, zone: &Zone) -> String {
    let name = zone.name.clone().unwrap_or_else(Name::root).to_string();
    let servers: Vec<String> = zone.servers.iter().map(SocketAddr::to_string).collect();
    let mut text = format!("[[{kind}]]\nzone = {name:?}\nservers = {servers:?}\n");
    if kind == "forward" {
        text.push_str("leak_ok = \"a scripted server\"\n");
    }
    text
}
