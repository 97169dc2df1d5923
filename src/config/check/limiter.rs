//! How much may one client ask? The limiter's settings turned into its plan.

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
}
