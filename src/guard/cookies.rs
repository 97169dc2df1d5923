//! Has this client proven its address with a cookie? Server cookies (RFC 9018), made and checked without a memory of clients.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use siphasher::sip::SipHasher24;
use smallvec::SmallVec;

use super::address::Address;
use crate::config::plan;
use crate::sys::clock::Now;

/// Octets of a COOKIE option's value with a server cookie of version 1 (RFC 9018 section 4.4).
const WHOLE: usize = 24;
const VERSION: u8 = 1;
/// Seconds for which a cookie holds (RFC 9018 section 4.3).
const PAST: i32 = 3600;
/// Seconds by which another server of an anycast set may be ahead of us (RFC 9018 section 4.3).
const FUTURE: i32 = 300;
/// A cookie older than this is replaced by a fresh one, seconds (RFC 9018 section 4.3).
const RENEW: i32 = 1800;
/// A secret that nobody shares is replaced after a day; the one before it holds for as long as its cookies do.
const ROTATE: u64 = 86_400;

/// The value of a COOKIE option for a reply: the client's cookie and ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie([u8; WHOLE]);

/// What a client's COOKIE option says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// There is none, or cookies are off: RFC 7873 section 5.2.1.
    None,
    /// Only a client cookie, or a server cookie that is not ours, too old or for somebody else: sections 5.2.3 and 5.2.4.
    Fresh(Cookie),
    /// Our own: the client has received what we sent to this address. Section 5.2.5.
    Valid(Cookie),
}

/// The secrets of one server, or of all servers of an anycast set. Shared by all workers, without a lock.
#[derive(Debug)]
pub struct Cookies {
    enabled: bool,
    secrets: ArcSwap<Secrets>,
}

#[derive(Debug)]
struct Secrets {
    /// The first makes cookies, the others are good for checking (RFC 9018 section 5).
    keys: SmallVec<[SipHasher24; 2]>,
    /// Wall seconds at which the first was drawn; nothing if the operator sets them.
    drawn: Option<u64>,
}

impl Cookie {
    /// The octets of the option's value.
    #[must_use]
    pub const fn as_octets(&self) -> &[u8] {
        &self.0
    }
}

impl Proof {
    /// Whether `option`, of which this is the judgement, holds a server cookie, and one that does not hold.
    #[must_use]
    pub fn is_refuted(&self, option: Option<&[u8]>) -> bool {
        matches!(self, Self::Fresh(_)) && option.is_some_and(|option| option.len() > 8)
    }

    /// What the reply carries, if anything.
    #[must_use]
    pub const fn reply(&self) -> Option<&Cookie> {
        match self {
            Self::None => None,
            Self::Fresh(cookie) | Self::Valid(cookie) => Some(cookie),
        }
    }
}

impl Cookies {
    /// With the secrets of the plan, or else with `drawn`, 128 random bits, at `now`.
    #[must_use]
    pub fn new(plan: &plan::Cookies, drawn: [u8; 16], now: Now) -> Self {
        let secrets = if plan.secrets.is_empty() {
            Secrets {
                keys: SmallVec::from_iter([SipHasher24::new_with_key(&drawn)]),
                drawn: Some(now.wall_secs()),
            }
        } else {
            Secrets {
                keys: plan.secrets.iter().map(SipHasher24::new_with_key).collect(),
                drawn: None,
            }
        };
        Self {
            enabled: plan.enabled,
            secrets: ArcSwap::from_pointee(secrets),
        }
    }

    /// Whether those of `before` a reload can go on in place of these, so that no client has to prove itself anew: both were drawn.
    #[must_use]
    pub fn may_continue(&self, before: &Self) -> bool {
        self.enabled == before.enabled
            && self.secrets.load().drawn.is_some()
            && before.secrets.load().drawn.is_some()
    }

    /// Whether COOKIE options are looked at.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Replaces a secret that was drawn a day ago by `fresh`, 128 random bits; the one before stays good for checking.
    pub fn see_to_it(&self, fresh: impl FnOnce() -> [u8; 16], now: Now) {
        let secrets = self.secrets.load();
        let due = secrets
            .drawn
            // A clock that was ahead when it was drawn must not make it last.
            .is_some_and(|drawn| now.wall_secs().abs_diff(drawn) >= ROTATE);
        if due {
            let old = secrets.keys.first().copied();
            let new = SipHasher24::new_with_key(&fresh());
            self.secrets.store(Arc::new(Secrets {
                keys: std::iter::once(new).chain(old).collect(),
                drawn: Some(now.wall_secs()),
            }));
        }
    }

    /// What `option`, the value of a COOKIE option of legal length, says of `client`, and what the reply carries.
    #[must_use]
    pub fn judge(&self, option: Option<&[u8]>, client: IpAddr, now: Now) -> Proof {
        let Some((option, &client_cookie)) = option
            .filter(|_| self.enabled)
            .and_then(|option| Some((option, option.first_chunk::<8>()?)))
        else {
            return Proof::None;
        };
        let client = Address::from(client);
        let secrets = self.secrets.load();
        let Some((first, others)) = secrets.keys.split_first() else {
            return Proof::None;
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "32 bits and serial number arithmetic (RFC 9018 section 4.3)"
        )]
        let wall = now.wall_secs() as u32;
        let fresh = || {
            let [a, b, c, d] = wall.to_be_bytes();
            let server = [VERSION, 0, 0, 0, a, b, c, d];
            Cookie::new(
                client_cookie,
                server,
                hash(first, client_cookie, server, client),
            )
        };
        let Ok(whole) = <[u8; WHOLE]>::try_from(option) else {
            return Proof::Fresh(fresh());
        };
        let [
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            version,
            r0,
            r1,
            r2,
            t0,
            t1,
            t2,
            t3,
            h0,
            h1,
            h2,
            h3,
            h4,
            h5,
            h6,
            h7,
        ] = whole;
        let server = [version, r0, r1, r2, t0, t1, t2, t3];
        let told = u64::from_le_bytes([h0, h1, h2, h3, h4, h5, h6, h7]);
        let age = wall
            .wrapping_sub(u32::from_be_bytes([t0, t1, t2, t3]))
            .cast_signed();
        if version != VERSION || !(-FUTURE..=PAST).contains(&age) {
            return Proof::Fresh(fresh());
        }
        // One comparison of 64 bits takes the same time wherever they differ.
        let holds = |key: &SipHasher24| hash(key, client_cookie, server, client) == told;
        if holds(first) {
            Proof::Valid(if age > RENEW { fresh() } else { Cookie(whole) })
        } else if others.iter().any(holds) {
            Proof::Valid(fresh())
        } else {
            Proof::Fresh(fresh())
        }
    }
}

impl Cookie {
    fn new(client: [u8; 8], server: [u8; 8], hash: u64) -> Self {
        let mut octets = [0; WHOLE];
        for (octet, value) in octets
            .iter_mut()
            .zip(client.into_iter().chain(server).chain(hash.to_le_bytes()))
        {
            *octet = value;
        }
        Self(octets)
    }
}

/// The hash of RFC 9018 section 4.4.
fn hash(key: &SipHasher24, client_cookie: [u8; 8], server: [u8; 8], client: Address) -> u64 {
    let mut input = [0; 32];
    let (cookies, address) = input.split_at_mut(16);
    for (octet, value) in cookies
        .iter_mut()
        .zip(client_cookie.into_iter().chain(server))
    {
        *octet = value;
    }
    let length = match client {
        Address::V4(bits) => fill(address, &bits.to_be_bytes()),
        Address::V6(bits) => fill(address, &bits.to_be_bytes()),
    };
    key.hash(input.get(..16 + length).unwrap_or(&input))
}

fn fill(place: &mut [u8], octets: &[u8]) -> usize {
    for (octet, value) in place.iter_mut().zip(octets) {
        *octet = *value;
    }
    octets.len()
}

#[cfg(test)]
mod tests;
