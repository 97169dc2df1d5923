//! By which interfaces may queries come? Bindings and groups of interfaces, and that they can have an effect.

use super::Check;
use super::access::mapped;
use crate::config::plan::{AclAction, IngressBinding, RouteBack};

impl Check<'_> {
    /// Every binding of prefixes to interfaces.
    pub(super) fn bindings(&mut self) -> Vec<IngressBinding> {
        for (index, bind) in self.file.guard.bind.iter().enumerate() {
            let path = format!("guard.bind.{index}");
            if bind.interfaces.is_empty() {
                self.error(
                    &format!("{path}.interfaces"),
                    "this binds to no interface at all",
                    "nobody in its prefixes could ask",
                    "name at least one interface, or use acl.drop",
                );
            }
            for (place, prefix) in bind.prefixes.iter().enumerate() {
                let path = format!("{path}.prefixes.{place}");
                if let Some(v4) = mapped(&prefix.0) {
                    self.error(
                        &path,
                        format!("`{prefix}` is IPv4 in disguise"),
                        "clients are judged by their own family, so this binding would never match",
                        format!("write {v4}"),
                    );
                } else if !self.open && !self.layers.is_broken("acl") && !self.is_allowed(prefix.0)
                {
                    self.warning(
                        &path,
                        format!("nobody in `{prefix}` may ask at all"),
                        "a binding only has an effect for clients that are allowed",
                        "add the prefix to acl.allow, or remove it here",
                    );
                }
            }
        }
        let binds = self.file.guard.bind.iter();
        binds
            .map(|bind| IngressBinding {
                prefixes: bind.prefixes.iter().map(|prefix| prefix.0).collect(),
                interfaces: bind.interfaces.clone(),
            })
            .collect()
    }

    /// Every group of interfaces.
    pub(super) fn interface_groups(&mut self) -> Vec<Vec<String>> {
        let groups = &self.file.guard.group;
        if !groups.is_empty() && RouteBack::from(self.file.guard.route_back) != RouteBack::Feasible
        {
            self.warning(
                "guard.group",
                "these groups have no effect",
                "only guard.route_back = \"feasible\" asks which interfaces belong together",
                "set guard.route_back, or remove the groups",
            );
        }
        groups
            .iter()
            .map(|group| group.interfaces.clone())
            .collect()
    }

    /// Whether an access rule allows any of `prefix`.
    fn is_allowed(&self, prefix: ipnet::IpNet) -> bool {
        let acl = &self.file.acl;
        let rules = acl
            .rule
            .iter()
            .filter(|rule| AclAction::from(rule.action) == AclAction::Allow)
            .map(|rule| rule.prefix.0);
        let mut allowed = acl.allow.iter().map(|prefix| prefix.0).chain(rules);
        allowed.any(|other| other.contains(&prefix) || prefix.contains(&other))
    }
}
