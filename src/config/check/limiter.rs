//! How much may one client ask? The limiter's settings turned into its plan.

use ipnet::IpNet;

use super::{Check, octets};
use crate::config::plan::{self, LimiterMode};

impl Check<'_> {
    pub(super) fn limiter(&mut self) -> plan::Limiter {
        let limiter = &self.file.limiter;
        let (rate, instant) = (u64::from(limiter.rate), u64::from(limiter.instant));
        if instant * 10 < rate || rate * 10 < instant {
            let path = if self.layers.is_written("limiter.instant") {
                "limiter.instant"
            } else {
                "limiter.rate"
            };
            self.error(
                path,
                "`limiter.instant` is too far from `limiter.rate`",
                format!("{instant} at once and {rate} per second: what is asked is forgotten in `instant / rate` seconds, which must lie between a tenth of a second and ten"),
                "set limiter.instant to about twice limiter.rate",
            );
        }
        self.offices();
        let list = limiter
            .shared_addresses
            .iter()
            .map(|shared| plan::LimiterPrefix {
                prefix: shared.0,
                rate: 0,
                subscribers: limiter.subscribers_per_address,
            });
        let tables = limiter.prefix.iter().map(|one| plan::LimiterPrefix {
            prefix: one.prefix.0,
            rate: one.rate,
            subscribers: one.subscribers_per_address,
        });
        let isc = &limiter.isc;
        let mode = match limiter.mode.into() {
            LimiterMode::Enforce if isc.log_only => LimiterMode::LogOnly,
            mode => mode,
        };
        let or_responses = |rate: Option<u32>| rate.unwrap_or(isc.responses_per_second);
        plan::Limiter {
            mode,
            algorithm: limiter.algorithm.into(),
            rate: limiter.rate,
            instant: limiter.instant,
            customer_prefix: limiter.customer_prefix,
            bytes: octets(limiter.memory),
            verified_factor: limiter.verified_factor,
            slip_above: limiter.slip_above,
            prove_after: limiter.prove_after.0,
            prove_for: limiter.prove_for.0,
            exempt: limiter
                .exempt
                .iter()
                .chain(&isc.exempt_clients)
                .map(|prefix| prefix.0)
                .collect(),
            prefixes: list.chain(tables).collect(),
            isc: plan::IscLimits {
                responses_per_second: isc.responses_per_second,
                referrals_per_second: or_responses(isc.referrals_per_second),
                nodata_per_second: or_responses(isc.nodata_per_second),
                nxdomains_per_second: or_responses(isc.nxdomains_per_second),
                errors_per_second: or_responses(isc.errors_per_second),
                all_per_second: isc.all_per_second,
                window: isc.window,
                slip: isc.slip,
                ipv4_prefix_length: isc.ipv4_prefix_length,
                ipv6_prefix_length: isc.ipv6_prefix_length,
                qps_scale: isc.qps_scale,
                max_table_size: isc.max_table_size,
            },
        }
    }

    /// Says which IPv6 prefixes of `acl.allow` are one customer as a whole, though more than one host has an address there.
    fn offices(&mut self) {
        let limiter = &self.file.limiter;
        if self.open || matches!(limiter.mode.into(), LimiterMode::Off) {
            return;
        }
        let shared = limiter.shared_addresses.iter().chain(&limiter.exempt);
        let tables = limiter.prefix.iter().map(|one| &one.prefix);
        let told: Vec<IpNet> = shared.chain(tables).map(|prefix| prefix.0).collect();
        let office = |prefix: &IpNet| {
            let whole = matches!(prefix, IpNet::V6(_))
                && (limiter.customer_prefix..=64).contains(&prefix.prefix_len());
            whole && !told.iter().any(|shared| shared.contains(prefix))
        };
        let allowed = self.file.acl.allow.iter().enumerate();
        let offices: Vec<(usize, IpNet)> = allowed
            .map(|(place, prefix)| (place, prefix.0))
            .filter(|(_, prefix)| office(prefix))
            .collect();
        for (place, prefix) in offices {
            self.warning(
                &format!("acl.allow.{place}"),
                format!("all hosts in `{prefix}` together are one customer"),
                format!("in IPv6 a customer is a /{}, and may ask {} queries per second", limiter.customer_prefix, limiter.rate),
                "if it is an office, add it to limiter.shared_addresses; if it is a home, to [[limiter.prefix]] with subscribers_per_address = 1",
            );
        }
    }
}
