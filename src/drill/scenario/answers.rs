//! What did the clients of a scenario get, and which step has looked at it?

use std::net::IpAddr;

use super::entry::Entry;
use super::head::Flavour;
use super::outcome::wrong;

/// What a client got.
#[derive(Clone)]
pub(super) struct Answer {
    pub client: IpAddr,
    pub tcp: bool,
    pub octets: Option<Vec<u8>>,
}

/// What all clients got, in order.
#[derive(Default)]
pub(super) struct Answers {
    /// What no step has looked at.
    waiting: Vec<Answer>,
    /// The last that one has.
    last: Option<Answer>,
}

impl Answers {
    /// Whether a step has looked at everything.
    pub(super) const fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn push(&mut self, answer: Answer) {
        self.waiting.push(answer);
    }

    /// Has the last answer looked at again (Deckard); whether there was one.
    pub(super) fn again(&mut self) -> bool {
        self.waiting.extend(self.last.clone());
        self.last.is_some()
    }

    /// Takes the first answer, to this client if one is named, that is what `entry` expects.
    ///
    /// # Errors
    /// What is wrong with the first that is not, if none is.
    pub(super) fn look(
        &mut self,
        client: Option<IpAddr>,
        entry: &Entry,
        flavour: Flavour,
        ttl_slack: u32,
    ) -> Result<(), String> {
        let mut first = None;
        for (index, answer) in self.waiting.iter().enumerate() {
            if client.is_some_and(|client| client != answer.client) {
                continue;
            }
            let octets = answer.octets.as_deref();
            let Some(what) = wrong(entry, flavour, octets, answer.tcp, ttl_slack) else {
                self.last = Some(self.waiting.remove(index));
                return Ok(());
            };
            first.get_or_insert(what);
        }
        Err(first.unwrap_or_else(|| "no answer was given to this client".to_owned()))
    }
}
