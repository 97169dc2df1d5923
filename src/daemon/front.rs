//! How do the sockets reach the pipeline? The one implementation of `ingress::Service`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use tokio::runtime::Handle;

use super::live::Live;
use super::operator::Operator;
use crate::config::plan::TransportKind;
use crate::guard::Arrival;
use crate::ingress::{Datagram, Later, Next, Peer, Service, StreamNext};
use crate::query::{self, Pipeline, Refresh, WorkerState};
use crate::sys::clock::{self, Now};
use crate::sys::{entropy, rtnetlink};
use crate::telemetry::{Reason, Worker};

/// How long a query over the limit of a proven address waits, time after time; after the last its connection is closed.
const DEFERRED: [Duration; 6] = [
    Duration::from_millis(20),
    Duration::from_millis(40),
    Duration::from_millis(80),
    Duration::from_millis(160),
    Duration::from_millis(320),
    Duration::from_millis(380),
];

/// The pipeline of the running configuration, as the sockets see it.
pub(super) struct Front {
    operator: Arc<Operator>,
    runtime: Handle,
}

impl Front {
    pub(super) const fn new(operator: Arc<Operator>, runtime: Handle) -> Self {
        Self { operator, runtime }
    }

    /// Has a name looked up anew behind the answer that was just given.
    fn renew(&self, pipeline: &Arc<Pipeline>, refresh: Box<Refresh>) {
        let pipeline = Arc::clone(pipeline);
        self.runtime
            .spawn(async move { pipeline.refresh(refresh).await });
    }
}

/// What one UDP worker keeps: its table and counters, and for the time of one batch the configuration that it began with.
pub(super) struct Batched {
    state: WorkerState,
    live: Option<Guard<Arc<Live>>>,
}

impl Service for Front {
    type Worker = Batched;

    fn worker(&self, _index: usize, cells: Arc<Worker>) -> Batched {
        Batched {
            state: WorkerState::new(self.operator.live().plan.cache.answer_slots, cells),
            live: None,
        }
    }

    fn batch_served(&self, worker: &mut Batched) {
        // A reload frees the old configuration when the last batch under it is done, not when the next packet comes.
        worker.live = None;
    }

    fn datagram(
        &self,
        worker: &mut Batched,
        datagram: &Datagram<'_>,
        now: Now,
        reply: &mut Vec<u8>,
        later: &Later,
    ) -> Next {
        let arrival = Arrival {
            bytes: datagram.bytes,
            source: datagram.source,
            local: datagram.local,
            interface: datagram.interface,
            loopback: datagram.loopback,
            hop_limit: datagram.hop_limit,
            transport: TransportKind::Udp,
        };
        let Batched { state, live } = worker;
        let live = live.get_or_insert_with(|| self.operator.live());
        match live.pipeline.arrive(state, &arrival, now, reply) {
            query::Next::Silence | query::Next::Defer => Next::Silence,
            query::Next::Reply => Next::Reply,
            query::Next::ReplyAndRefresh(refresh) => {
                self.renew(&live.pipeline, refresh);
                Next::Reply
            }
            query::Next::Miss(miss) => {
                let later = later.towards(datagram.source, datagram.local);
                let pipeline = Arc::clone(&live.pipeline);
                self.runtime.spawn(async move {
                    if let Some(reply) = pipeline.find_out(miss).await {
                        later.send(&reply);
                    }
                });
                Next::Pending
            }
        }
    }

    fn admit_connection(&self, source: SocketAddr, local: SocketAddr) -> Result<(), Reason> {
        self.operator
            .live()
            .pipeline
            .guard
            .judge_connection(source, local, || {
                rtnetlink::leaves_by(source.ip(), Some(local.ip())).unwrap_or(0)
            })
    }

    async fn stream_query(&self, query: Vec<u8>, peer: Peer, now: Now) -> StreamNext {
        let mut now = now;
        // What is over the limit of a proven address waits for the limit, not for us: each attempt costs what a packet does.
        let mut waits = false;
        for pause in DEFERRED {
            let next = self.stream_query_now(&query, peer, now).await;
            if let Some(next) = next {
                return next;
            }
            if !waits {
                let pipeline = Arc::clone(&self.operator.live().pipeline);
                pipeline.deferred(&query, now, &mut entropy::csprng());
                waits = true;
            }
            tokio::time::sleep(pause).await;
            now = clock::now();
        }
        let shared = Arc::clone(&self.operator.live().pipeline.telemetry);
        shared.shared().verdict(Reason::LimitedClosed);
        StreamNext::Close
    }
}

impl Front {
    /// Nothing, if the query is over its client's limit.
    async fn stream_query_now(&self, query: &[u8], peer: Peer, now: Now) -> Option<StreamNext> {
        let pipeline = Arc::clone(&self.operator.live().pipeline);
        let mut reply = Vec::new();
        let next = {
            let arrival = Arrival {
                bytes: query,
                source: peer.source,
                local: peer.local,
                interface: 0,
                loopback: peer.source.ip().is_loopback(),
                hop_limit: None,
                transport: TransportKind::Tcp,
            };
            pipeline.arrive_by_stream(&arrival, now, &mut reply)
        };
        Some(match next {
            query::Next::Silence => StreamNext::Silence,
            query::Next::Reply => StreamNext::Reply(reply),
            query::Next::ReplyAndRefresh(refresh) => {
                self.renew(&pipeline, refresh);
                StreamNext::Reply(reply)
            }
            query::Next::Defer => return None,
            query::Next::Miss(miss) => pipeline.find_out(miss).await.into(),
        })
    }
}

#[cfg(test)]
mod tests;
