//! How are the promises put to the test, group after group?

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::clients::{self, Heard, NotHeard};
use super::dishonest::{self, Provocation, Reaction, Ruse, UNSEEN};
use super::expectation::{Expectation, Group};
use super::internet::Internet;
use super::report::{Broken, Progress, Report, Row};

/// Questions in flight at once: below the pending limit of one client (parameters section 4: 128).
const AT_ONCE: usize = 16;
/// Queries from outside the ACL; with [`AT_ONCE`] in flight that is some hundred a second.
const OUTSIDERS: usize = 200;

/// Puts every promise to the resolver and fills the report.
pub async fn play(
    internet: &Arc<Internet>,
    resolver: SocketAddr,
    progress: &mut Progress,
) -> Report {
    let mut report = Report::default();
    for group in Group::ALL {
        let wanted: Vec<Expectation> = internet
            .expectations()
            .iter()
            .filter(|expectation| expectation.group == group)
            .cloned()
            .collect();
        if wanted.is_empty() {
            report.skipped.push(group.title());
            continue;
        }
        progress.group(group.title(), wanted.len());
        let before = internet.queries().total();
        let mut row = Row::new(group.title(), group.is_hostile());
        let mut tasks = JoinSet::new();
        let room = Arc::new(Semaphore::new(AT_ONCE));
        for expectation in wanted {
            let (internet, room) = (Arc::clone(internet), Arc::clone(&room));
            tasks.spawn(async move {
                let _seat = room.acquire_owned().await;
                hold(&internet, resolver, expectation).await
            });
        }
        while let Some(done) = tasks.join_next().await {
            match done {
                Ok(held) => held.tell(&mut row),
                Err(error) => row.broken.push(Broken::internal(&error.to_string())),
            }
            progress.step(row.broken.len());
        }
        settle(internet).await;
        row.upstream = internet.queries().total().saturating_sub(before);
        progress.done(&row);
        report.rows.push(row);
    }
    for ruse in [Ruse::Outsider, Ruse::Malformed] {
        let row = dishonest(internet, resolver, ruse, progress).await;
        report.rows.push(row);
    }
    report
}

/// Waits until the servers have been left alone for a moment, so that late packets are laid at the right group's door.
async fn settle(internet: &Internet) {
    let mut last = internet.queries().total();
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let total = internet.queries().total();
        if total == last {
            return;
        }
        last = total;
    }
}

/// What came of one expectation.
struct Held {
    expectation: Expectation,
    /// One per copy.
    heard: Vec<Result<Heard, NotHeard>>,
    /// What else was wrong: cost, a server that should not have been asked.
    wrong: Vec<String>,
}

/// Asks the questions before, then the question, and looks at the price.
async fn hold(internet: &Internet, resolver: SocketAddr, expectation: Expectation) -> Held {
    for (name, rtype) in &expectation.before {
        // What comes does not matter.
        let _ = clients::ask(
            resolver,
            name,
            *rtype,
            expectation.style,
            Duration::from_secs(8),
        )
        .await;
    }
    let price = || -> u64 {
        expectation.ceiling.as_ref().map_or(0, |ceiling| {
            ceiling
                .zones
                .iter()
                .map(|zone| internet.queries().within(zone))
                .sum()
        })
    };
    let paid_before = price();
    let mut copies = JoinSet::new();
    for _ in 0..expectation.copies {
        let question = expectation.clone();
        copies.spawn(async move {
            clients::ask(
                resolver,
                &question.name,
                question.rtype,
                question.style,
                question.within,
            )
            .await
        });
    }
    let mut heard = Vec::new();
    while let Some(reply) = copies.join_next().await {
        heard.push(reply.unwrap_or_else(|error| Err(NotHeard::Network(error.to_string()))));
    }
    let mut wrong = Vec::new();
    if let Some(ceiling) = &expectation.ceiling {
        let paid = price().saturating_sub(paid_before);
        if paid > ceiling.packets {
            wrong.push(format!(
                "cost {paid} upstream packets instead of at most {}",
                ceiling.packets
            ));
        }
    }
    if let Some((server, zone)) = &expectation.untouched {
        let asked = internet.queries().at_server(*server, zone);
        if asked > 0 {
            wrong.push(format!(
                "{} was asked {asked} times about {zone}",
                internet.label(*server)
            ));
        }
    }
    Held {
        expectation,
        heard,
        wrong,
    }
}

impl Held {
    /// Enters it in the row.
    fn tell(self, row: &mut Row) {
        let mut wrong = self.wrong;
        for heard in self.heard {
            row.asked += 1;
            let judged = match &heard {
                Ok(heard) => {
                    row.latencies.push(heard.latency);
                    row.over_tcp += u64::from(heard.over_tcp);
                    match heard.rcode {
                        ResponseCode::ServFail => row.failed += 1,
                        ResponseCode::Refused => row.refused += 1,
                        _ => row.answered += 1,
                    }
                    self.expectation.outcome.judge(heard.rcode, &heard.answers)
                }
                Err(NotHeard::Silence(_)) => {
                    row.dropped += 1;
                    heard.map(|_| ()).map_err(|error| error.to_string())
                }
                Err(error) => {
                    row.answered += 1;
                    Err(error.to_string())
                }
            };
            if let Err(reason) = judged
                && !wrong.contains(&reason)
            {
                wrong.push(reason);
            }
        }
        if wrong.is_empty() {
            row.held += 1;
        } else {
            row.broken.push(Broken {
                question: format!("{} {}", self.expectation.name, self.expectation.rtype),
                note: self.expectation.note,
                expected: self.expectation.outcome.describe(),
                got: wrong.join("; "),
            });
        }
    }
}

/// Dishonest clients, and the proof that nothing they sent went any further.
async fn dishonest(
    internet: &Arc<Internet>,
    resolver: SocketAddr,
    ruse: Ruse,
    progress: &mut Progress,
) -> Row {
    let all: Vec<Provocation> = dishonest::provocations(OUTSIDERS)
        .into_iter()
        .filter(|provocation| provocation.ruse == ruse)
        .collect();
    progress.group(ruse.title(), all.len());
    let mut row = Row::new(ruse.title(), true);
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for provocation in all {
        let room = Arc::clone(&room);
        tasks.spawn(async move {
            let _seat = room.acquire_owned().await;
            let reaction = dishonest::provoke(resolver, &provocation).await;
            (provocation, reaction)
        });
    }
    while let Some(done) = tasks.join_next().await {
        let Ok((provocation, reaction)) = done else {
            row.broken.push(Broken::internal("a client task ended"));
            continue;
        };
        row.asked += 1;
        match reaction {
            Reaction::Silence => row.dropped += 1,
            Reaction::Reply { code: 0, .. } => row.answered += 1,
            Reaction::Reply { .. } => row.refused += 1,
        }
        match provocation.judge(reaction) {
            Ok(()) => row.held += 1,
            Err(reason) => row.broken.push(Broken {
                question: provocation.note.clone(),
                note: format!("from {}", provocation.source),
                expected: provocation.describe(),
                got: reason,
            }),
        }
        progress.step(row.broken.len());
    }
    let leaked = UNSEEN
        .parse()
        .map_or(0, |zone| internet.queries().within(&zone));
    row.upstream = leaked;
    if leaked > 0 {
        row.broken.push(Broken {
            question: format!("names below {UNSEEN}"),
            note: "asked only by dishonest clients".to_owned(),
            expected: "no upstream packet".to_owned(),
            got: format!("{leaked} queries reached the servers"),
        });
    }
    progress.done(&row);
    row
}
