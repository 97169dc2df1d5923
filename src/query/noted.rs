//! Who asks, and for what, as `suimon top` shows it? Networks and registrable domains, never an address or a whole name.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Pipeline;
use crate::guard::address::Address;
use crate::guard::{Arrival, Verdict};
use crate::sys::clock::Now;
use crate::telemetry::{Reason, Worker};
use crate::wire::QueryView;

/// No longer prefixes than these are told apart: who asks what is nobody's business (parameter sheet, section 7).
const NETWORK: (u8, u8) = (24, 48);

impl Pipeline {
    /// Notes one query that stands for `weight` of them.
    #[inline(never)]
    pub(super) fn note(
        &self,
        counters: &Worker,
        arrival: &Arrival<'_>,
        verdict: &Verdict,
        weight: f32,
        now: Now,
    ) {
        let at = u64::try_from(now.mono.as_millis()).unwrap_or(u64::MAX);
        let network = network(Address::from(&arrival.source));
        match verdict {
            // Those are no queries.
            Verdict::Drop(Reason::Short | Reason::ResponseBit) => {}
            Verdict::Admit(_) => {
                let domain = QueryView::parse(arrival.bytes)
                    .ok()
                    .and_then(|query| self.zones.domain(query.qname_wire));
                counters.meet(|seen| {
                    seen.clients.note(network, weight, at);
                    if let Some(domain) = domain {
                        seen.domains.note(domain, weight, at);
                    }
                });
            }
            _ => counters.meet(|seen| seen.outsiders.note(network, weight, at)),
        }
    }
}

fn network(client: Address) -> IpNet {
    let address = client.to_ip();
    let bits = match address {
        IpAddr::V4(_) => NETWORK.0,
        IpAddr::V6(_) => NETWORK.1,
    };
    IpNet::new_assert(address, bits).trunc()
}
