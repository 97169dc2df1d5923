//! Where a server has all the questions under way that it may have: is the next one asked, and nothing noted of the first?

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;

use crate::config::plan::{self, Limits, ZoneGuardMode};
use crate::guard::FairShares;
use crate::guard::permit::{Budget, InternalCause, RecursionPermit};
use crate::guard::slots::Pool;
use crate::sys::clock;

use super::fake::{Fake, GOOD, good, now};
use super::{Egress, Failure, address, ask_within, egress, failure, impatient, name};

/// The floor alone: no slot is free.
fn shares(least: u32) -> FairShares {
    let plan = plan::Shares {
        mode: ZoneGuardMode::Enforce,
        least,
        ..plan::Shares::default()
    };
    FairShares::new(&plan, &Arc::new(Pool::new(0)))
}

fn budget(fair: &FairShares) -> Budget {
    RecursionPermit::internal(InternalCause::Audit)
        .within(fair.clone(), None)
        .into_budget(&Limits::default(), clock::now())
}

/// A server that says nothing.
async fn mute() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}

/// So many questions under way to one server, and time for them to be sent.
async fn waiting(
    egress: &Arc<Egress>,
    fair: &FairShares,
    server: SocketAddr,
    questions: u32,
) -> Vec<tokio::task::JoinHandle<()>> {
    let waiting = (0..questions)
        .map(|_| {
            let (egress, mut budget) = (Arc::clone(egress), budget(fair));
            tokio::spawn(async move {
                let _silence = ask_within(&egress, &[server], &mut budget).await;
            })
        })
        .collect();
    // On a busy machine, too; servers are waited for for two seconds.
    tokio::time::sleep(Duration::from_millis(300)).await;
    waiting
}

fn patient() -> plan::Egress {
    plan::Egress {
        initial_timeout: Duration::from_secs(2),
        max_timeout: Duration::from_secs(2),
        ..impatient()
    }
}

#[tokio::test]
async fn one_question_more_than_a_servers_share_goes_to_the_next_or_nowhere() {
    let socket = mute().await;
    // The address is what counts, not the port: the good one has another address.
    let slow = socket.local_addr().unwrap();
    let fine = Fake::udp_at("127.0.0.2", |query| now(good(query))).await;
    let (egress, fair) = (egress(&patient()), shares(3));
    let under_way = waiting(&egress, &fair, slow, 3).await;
    let mut asked = 0;
    let mut buffer = [0; 512];
    while socket.try_recv(&mut buffer).is_ok() {
        asked += 1;
    }
    assert_eq!(asked, 3);
    let before = egress.servers().view(slow, clock::now());
    // The fourth.
    let told = ask_within(&egress, &[slow], &mut budget(&fair)).await;
    assert_eq!(failure(&told), Some(Failure::Crowded));
    let told = ask_within(&egress, &[slow, fine.address], &mut budget(&fair)).await;
    assert_eq!(address(&told), Some((GOOD, false)));
    assert!(socket.try_recv(&mut buffer).is_err(), "nothing was sent");
    assert_eq!(egress.servers().view(slow, clock::now()), before);
    assert!(
        !egress
            .servers()
            .is_lame(slow, &name("example.test."), clock::now())
    );
    assert_eq!(egress.counters().snapshot().crowded, 1);
    // What is given up makes room at once.
    for task in under_way {
        task.abort();
        let _aborted = task.await;
    }
    let _next = waiting(&egress, &fair, slow, 1).await;
    assert!(socket.try_recv(&mut buffer).is_ok());
}

#[tokio::test]
async fn work_of_our_own_is_not_counted_against_a_server() {
    let fake = Fake::udp(|query| now(good(query))).await;
    let egress = egress(&patient());
    let fair = shares(1);
    let socket = fake.address;
    let _held = fair.enter_server(socket.ip());
    let told = ask_within(&egress, &[socket], &mut budget(&fair)).await;
    assert_eq!(failure(&told), Some(Failure::Crowded));
    let told = ask_within(&egress, &[socket], &mut super::budget()).await;
    assert_eq!(address(&told), Some((GOOD, false)));
}
