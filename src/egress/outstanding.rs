//! What is being asked of whom just now? A query that comes from whom the same is asked of may be our own, on its way back.
//!
//! Our cookie in it proves that. The address alone does not: a host may be a server that we ask and a client that asks us, and wants to
//! know the same at the same time. But the server on such a host answers what it is asked, whatever the client beside it does, while of two
//! resolvers that send each other round neither answers before the other. So whoever comes with the address alone is let wait
//! for what becomes of the ask that was under way when he came: if it is answered he is served like anybody; if it is not, in
//! the time that the server usually takes, his query is a loop ([`Doubt::is_a_loop`]). Meanwhile nothing is asked for him, so a loop costs
//! one packet each way.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use smallvec::SmallVec;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::wire::Question;

/// Asks that wait for their reply, by question. As many as there are exchanges under way, so bounded by their limits.
#[derive(Debug, Default)]
pub(super) struct Outstanding(DashMap<Question, SmallVec<[Noting; 1]>>);

/// One ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    /// Whom it went to.
    pub(super) server: SocketAddr,
    /// The client cookie that it carried: 64 random bits that nobody knows who does not see our packets.
    pub(super) marker: Option<[u8; 8]>,
    /// The client it is made for, if one is.
    pub(super) client: Option<IpAddr>,
}

#[derive(Debug)]
struct Noting {
    ask: Ask,
    fate: watch::Receiver<Fate>,
}

/// What became of an ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Waits,
    Answered,
    Unanswered,
}

/// What shows that a query is one of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Evidence {
    /// It brings the cookie that we sent with the same question.
    Cookie,
    /// It comes from the address that we wait for, and that address says nothing to what it is asked.
    Address,
}

/// What is to be thought of a query whose question is being asked at this moment.
#[derive(Debug)]
pub enum Return {
    /// It is our own, on its way back.
    Ours,
    /// It may be: it comes from whom the same is asked of.
    Perhaps(Doubt),
}

/// A query that may be our own, until the ask that it came during is over.
#[derive(Debug)]
pub struct Doubt {
    fate: watch::Receiver<Fate>,
    patience: Duration,
}

/// Takes an ask out again when it is over.
pub(super) struct Noted<'a> {
    outstanding: &'a Outstanding,
    question: &'a Question,
    fate: watch::Sender<Fate>,
}

impl Outstanding {
    /// Notes an ask for as long as what is returned lives.
    pub(super) fn note<'a>(&'a self, question: &'a Question, ask: Ask) -> Noted<'a> {
        let (sender, fate) = watch::channel(Fate::Waits);
        let mut asks = self.0.entry(question.clone()).or_default();
        asks.push(Noting { ask, fate });
        drop(asks);
        Noted {
            outstanding: self,
            question,
            fate: sender,
        }
    }

    /// Whether a client's query, from `from` and with that client cookie, is or may be an ask of ours that comes back.
    ///
    /// A server may ask us about its own zone, too, as any client: what is asked for itself has not come back from it, and the
    /// question must be the one that it is asked at this moment. `patience` says how long that server usually takes.
    pub(super) fn comes_back(
        &self,
        question: &Question,
        from: IpAddr,
        marker: Option<[u8; 8]>,
        patience: impl FnOnce(SocketAddr) -> Duration,
    ) -> Option<Return> {
        let asks = self.0.get(question)?;
        if marker.is_some() && asks.iter().any(|noting| noting.ask.marker == marker) {
            return Some(Return::Ours);
        }
        let from = from.to_canonical();
        let is_his = |ask: &Ask| ask.server.ip() == from && ask.client != Some(from);
        let noting = asks.iter().find(|noting| is_his(&noting.ask))?;
        Some(Return::Perhaps(Doubt {
            fate: noting.fate.clone(),
            patience: patience(noting.ask.server),
        }))
    }

    /// Questions that are being asked.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Doubt {
    /// Waits for what becomes of the ask: a loop if its server says nothing to it, in the time that it usually takes. An ask that is given up for
    /// another reason says nothing.
    pub async fn is_a_loop(mut self) -> bool {
        let over = self.fate.wait_for(|fate| *fate != Fate::Waits);
        match timeout(self.patience, over).await {
            Ok(Ok(fate)) => *fate == Fate::Unanswered,
            Ok(Err(_)) => false,
            Err(_) => true,
        }
    }
}

impl Noted<'_> {
    /// The server said something.
    pub(super) fn answered(&self) {
        self.fate.send_replace(Fate::Answered);
    }

    /// It said nothing in time.
    pub(super) fn unanswered(&self) {
        self.fate.send_replace(Fate::Unanswered);
    }
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        let Entry::Occupied(mut asks) = self.outstanding.0.entry(self.question.clone()) else {
            return;
        };
        let mine = |noting: &Noting| noting.fate.same_channel(&self.fate.subscribe());
        if let Some(place) = asks.get().iter().position(mine) {
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

    const PATIENCE: Duration = Duration::from_millis(100);
    const CLIENT: &str = "198.51.100.1";
    const SERVER: &str = "192.0.2.1";

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn question(name: &str, rtype: RecordType) -> Question {
        Question::new(name.parse().unwrap(), rtype)
    }

    fn ask(client: &str) -> Ask {
        Ask {
            server: SocketAddr::new(ip(SERVER), 53),
            marker: Some([7; 8]),
            client: Some(ip(client)),
        }
    }

    fn returns(
        outstanding: &Outstanding,
        from: &str,
        asked: &Question,
        marker: Option<[u8; 8]>,
    ) -> Option<Return> {
        outstanding.comes_back(asked, ip(from), marker, |_| PATIENCE)
    }

    /// "ours", "perhaps" or "".
    fn word(told: &Option<Return>) -> &'static str {
        match told {
            None => "",
            Some(Return::Ours) => "ours",
            Some(Return::Perhaps(_)) => "perhaps",
        }
    }

    #[test]
    fn only_what_is_asked_of_somebody_now_comes_back_from_him_or_with_its_cookie() {
        let outstanding = Outstanding::default();
        let asked = question("www.loop.example.", RecordType::A);
        let from = |from: &str, asked: &Question, marker| {
            word(&returns(&outstanding, from, asked, marker))
        };
        assert_eq!(from(SERVER, &asked, None), "", "nothing is asked");
        let noted = outstanding.note(&asked, ask(CLIENT));
        let capitals = question("WWW.Loop.example.", RecordType::A);
        for same in [&asked, &capitals] {
            assert_eq!(from(SERVER, same, None), "perhaps");
        }
        // By whatever way: who has not seen our packet cannot know its cookie.
        assert_eq!(from("203.0.113.9", &asked, Some([7; 8])), "ours");
        assert_eq!(from(SERVER, &asked, Some([7; 8])), "ours");
        for (who, what, marker) in [
            ("192.0.2.2", &asked, None),
            ("192.0.2.2", &asked, Some([8; 8])),
            (CLIENT, &asked, None),
        ] {
            assert_eq!(from(who, what, marker), "", "{who} {marker:?}");
        }
        for other in [
            question("www.loop.example.", RecordType::AAAA),
            question("loop.example.", RecordType::A),
        ] {
            assert_eq!(from(SERVER, &other, Some([7; 8])), "");
        }
        // Two asks of one question, of which one ends.
        let second = outstanding.note(&asked, ask(CLIENT));
        drop(noted);
        assert_eq!(from(SERVER, &asked, None), "perhaps");
        drop(second);
        assert_eq!(from(SERVER, &asked, Some([7; 8])), "");
        assert_eq!(outstanding.len(), 0);
    }

    #[test]
    fn a_server_that_asks_about_its_own_zone_is_no_loop() {
        let outstanding = Outstanding::default();
        let asked = question("www.host.example.", RecordType::A);
        let _for_itself = outstanding.note(&asked, ask(SERVER));
        assert_eq!(word(&returns(&outstanding, SERVER, &asked, None)), "");
    }

    /// What becomes of an ask.
    enum Becomes {
        Answered,
        Unanswered,
        GivenUp,
        Nothing,
    }

    /// What is thought in the end of a query that came from a server while it was asked the same, and after how long.
    async fn in_the_end(becomes: Becomes) -> (bool, Duration) {
        let outstanding = Outstanding::default();
        let asked = question("www.host.example.", RecordType::A);
        let noted = outstanding.note(&asked, ask(CLIENT));
        let Some(Return::Perhaps(doubt)) = returns(&outstanding, SERVER, &asked, None) else {
            panic!("not under way");
        };
        let begun = tokio::time::Instant::now();
        let is_a_loop = doubt.is_a_loop();
        tokio::pin!(is_a_loop);
        let early = timeout(Duration::from_millis(20), &mut is_a_loop).await;
        assert!(early.is_err(), "who is in doubt waits");
        match becomes {
            Becomes::Answered => noted.answered(),
            Becomes::Unanswered => noted.unanswered(),
            Becomes::GivenUp => drop(noted),
            Becomes::Nothing => return (is_a_loop.await, begun.elapsed()),
        }
        (is_a_loop.await, begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_is_server_and_client_is_served_when_it_has_answered_itself() {
        let at_once = Duration::from_millis(20);
        let answers = in_the_end(Becomes::Answered).await;
        assert_eq!(answers, (false, at_once), "though it asks the same");
        let ended = in_the_end(Becomes::GivenUp).await;
        assert_eq!(ended, (false, at_once), "who asked was ended: nobody knows");
        let silent = in_the_end(Becomes::Unanswered).await;
        assert_eq!(silent, (true, at_once));
        let never = in_the_end(Becomes::Nothing).await;
        assert_eq!(never, (true, PATIENCE), "nor is it waited for for ever");
    }
}
