//! What is being asked of whom just now? A query that comes from whom the same is asked of is our own, on its way back.

use std::net::IpAddr;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use smallvec::SmallVec;

use crate::wire::Question;

/// Asks that wait for their reply, by question. As many as there are exchanges under way, so bounded by their limits.
#[derive(Debug, Default)]
pub(super) struct Outstanding(DashMap<Question, SmallVec<[Ask; 1]>>);

/// One ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    /// Whom it went to.
    pub(super) server: IpAddr,
    /// The client cookie that it carried: 64 random bits that nobody knows who does not see our packets.
    pub(super) marker: Option<[u8; 8]>,
    /// The client it is made for, if one is.
    pub(super) client: Option<IpAddr>,
}

/// What shows that a query is one of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// It brings the cookie that we sent with the same question.
    Cookie,
    /// It comes from the address that we wait for.
    Address,
}

/// Takes an ask out again when it is over.
pub(super) struct Noted<'a> {
    outstanding: &'a Outstanding,
    question: &'a Question,
    ask: Ask,
}

impl Outstanding {
    /// Notes an ask for as long as what is returned lives.
    pub(super) fn note<'a>(&'a self, question: &'a Question, ask: Ask) -> Noted<'a> {
        self.0.entry(question.clone()).or_default().push(ask);
        Noted {
            outstanding: self,
            question,
            ask,
        }
    }

    /// Whether a client's query, from `from` and with that client cookie, is an ask of ours that comes back, and what shows it.
    ///
    /// A server may ask us about its own zone, too, as any client: what is asked for itself has not come back from it, and the
    /// question must be the one that it is asked at this moment.
    pub(super) fn comes_back(
        &self,
        question: &Question,
        from: IpAddr,
        marker: Option<[u8; 8]>,
    ) -> Option<Evidence> {
        let asks = self.0.get(question)?;
        if marker.is_some() && asks.iter().any(|ask| ask.marker == marker) {
            return Some(Evidence::Cookie);
        }
        let from = from.to_canonical();
        asks.iter()
            .any(|ask| ask.server == from && ask.client != Some(from))
            .then_some(Evidence::Address)
    }

    /// Questions that are being asked.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        let Entry::Occupied(mut asks) = self.outstanding.0.entry(self.question.clone()) else {
            return;
        };
        if let Some(place) = asks.get().iter().position(|ask| *ask == self.ask) {
            asks.get_mut().swap_remove(place);
        }
        if asks.get().is_empty() {
            asks.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::RecordType;

    #[test]
    fn only_what_is_asked_of_somebody_now_comes_back_from_him_or_with_its_cookie() {
        let outstanding = Outstanding::default();
        let ip = |text: &str| -> IpAddr { text.parse().unwrap() };
        let question = |name: &str, rtype| Question::new(name.parse().unwrap(), rtype);
        let asked = question("www.loop.example.", RecordType::A);
        let ask = Ask {
            server: ip("192.0.2.1"),
            marker: Some([7; 8]),
            client: Some(ip("198.51.100.1")),
        };
        let from =
            |from: &str, asked: &Question, marker| outstanding.comes_back(asked, ip(from), marker);
        assert_eq!(from("192.0.2.1", &asked, None), None, "nothing is asked");
        let noted = outstanding.note(&asked, ask);
        let capitals = question("WWW.Loop.example.", RecordType::A);
        for same in [&asked, &capitals] {
            assert_eq!(from("192.0.2.1", same, None), Some(Evidence::Address));
        }
        // By whatever way: who has not seen our packet cannot know its cookie.
        let by_cookie = Some(Evidence::Cookie);
        assert_eq!(from("203.0.113.9", &asked, Some([7; 8])), by_cookie);
        for (who, what, marker) in [
            ("192.0.2.2", &asked, None),
            ("192.0.2.2", &asked, Some([8; 8])),
            ("198.51.100.1", &asked, None),
        ] {
            assert_eq!(from(who, what, marker), None, "{who} {marker:?}");
        }
        for other in [
            question("www.loop.example.", RecordType::AAAA),
            question("loop.example.", RecordType::A),
        ] {
            assert_eq!(from("192.0.2.1", &other, Some([7; 8])), None);
        }
        // Two asks of one question, of which one ends.
        let second = outstanding.note(&asked, ask);
        drop(noted);
        assert_eq!(from("192.0.2.1", &asked, None), Some(Evidence::Address));
        drop(second);
        assert_eq!(from("192.0.2.1", &asked, Some([7; 8])), None);
        assert_eq!(outstanding.len(), 0);
    }

    #[test]
    fn a_server_that_asks_about_its_own_zone_is_no_loop() {
        let outstanding = Outstanding::default();
        let host: IpAddr = "192.0.2.1".parse().unwrap();
        let asked = Question::new("www.host.example.".parse().unwrap(), RecordType::A);
        let _for_itself = outstanding.note(
            &asked,
            Ask {
                server: host,
                marker: None,
                client: Some(host),
            },
        );
        assert_eq!(outstanding.comes_back(&asked, host, None), None);
    }
}
