//! Where do we listen? All sockets are bound first, while privileges last; serving starts later and is stopped as a whole.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Service;
use super::tcp::TcpAcceptor;
use super::udp::UdpWorker;
use crate::config::plan;
use crate::sys::udp::UdpListener;
use crate::sys::wake::Wake;
use crate::sys::{affinity, tcp};
use crate::telemetry::Telemetry;

/// Tries to find a port that is free for both transports, when the port asked for is 0.
const FREE_PORT_TRIES: usize = 16;

/// All bound sockets, not yet served.
#[derive(Debug)]
pub struct Listeners {
    tcp: Vec<std::net::TcpListener>,
    /// By worker, then by address.
    udp: Vec<Vec<Arc<UdpListener>>>,
    addresses: Vec<SocketAddr>,
}

/// Why an address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({transport}): {source}")]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// "udp" or "tcp".
    pub transport: &'static str,
    /// What the operating system said.
    pub source: io::Error,
}

/// Everything that is being served. Dropped, it stops at once.
#[derive(Debug)]
pub struct Ingress {
    addresses: Vec<SocketAddr>,
    threads: Vec<JoinHandle<()>>,
    stop: Wake,
    tcp: JoinSet<()>,
    draining: watch::Sender<bool>,
}

impl Listeners {
    /// Binds every listen address, for TCP once and for UDP once per worker. With port 0 (tests) the kernel chooses one that is
    /// free for both.
    ///
    /// # Errors
    /// The first address that could not be bound.
    pub fn bind(plan: &plan::Ingress) -> Result<Self, ListenError> {
        let mut listeners = Self {
            tcp: Vec::new(),
            udp: (0..plan.workers.max(1)).map(|_| Vec::new()).collect(),
            addresses: Vec::new(),
        };
        for address in &plan.listen {
            listeners.bind_one(*address, plan)?;
        }
        Ok(listeners)
    }

    /// The bound addresses, in the order of the plan, no port 0 among them. (They are never asked as servers.)
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Starts serving: a thread per UDP worker, tasks for TCP on the current tokio runtime.
    ///
    /// # Errors
    /// When the operating system gives no thread or descriptor. What was started is stopped again.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start<S: Service>(
        self,
        service: &Arc<S>,
        telemetry: &Telemetry,
        plan: &plan::Ingress,
    ) -> io::Result<Ingress> {
        let draining = watch::Sender::new(false);
        let acceptor = TcpAcceptor::new(
            Arc::clone(service),
            telemetry,
            &plan.tcp,
            draining.subscribe(),
        );
        let mut ingress = Ingress {
            addresses: self.addresses,
            threads: Vec::new(),
            stop: Wake::new()?,
            tcp: JoinSet::new(),
            draining,
        };
        for listener in self.tcp {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            ingress.tcp.spawn(acceptor.clone().run(listener));
        }
        for (index, listeners) in self.udp.into_iter().enumerate() {
            let worker = UdpWorker {
                index,
                listeners,
                stop: ingress.stop.clone(),
                max_queue_age: plan.max_queue_age,
                hop_limit_every: plan.hop_limit_every,
                pin: plan.pin_workers,
            };
            let thread = worker.start(Arc::clone(service), telemetry)?;
            ingress.threads.push(thread);
        }
        Ok(ingress)
    }

    fn bind_one(&mut self, address: SocketAddr, plan: &plan::Ingress) -> Result<(), ListenError> {
        let mut tries = if address.port() == 0 {
            FREE_PORT_TRIES
        } else {
            1
        };
        loop {
            tries -= 1;
            // TCP first: it does not share, so a second suimond on the same address stops here.
            let tcp = tcp::listen(address, plan.tcp.unsent, plan.tcp.unsent_for);
            let tcp = tcp.map_err(error_for(address, "tcp"))?;
            let bound = tcp.local_addr().map_err(error_for(address, "tcp"))?;
            match bind_workers(bound, self.udp.len(), plan.receive_buffer) {
                Ok(sockets) => {
                    for (worker, socket) in self.udp.iter_mut().zip(sockets) {
                        worker.push(Arc::new(socket));
                    }
                    self.tcp.push(tcp);
                    self.addresses.push(bound);
                    return Ok(());
                }
                Err(_) if tries > 0 => {}
                Err(error) => return Err(error_for(bound, "udp")(error)),
            }
        }
    }
}

impl Ingress {
    /// The addresses being served.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Takes no more queries, waits at most `drain` for those of streams in flight, then closes all. (Late UDP answers need no
    /// ingress: each holds its socket.)
    pub async fn stop(mut self, drain: Duration) {
        self.stop.wake();
        self.draining.send_replace(true);
        let all_done = async { while self.tcp.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(drain, all_done).await;
        self.tcp.shutdown().await;
        for thread in std::mem::take(&mut self.threads) {
            // A worker leaves its loop within one batch of the signal.
            let _ = thread.join();
        }
    }
}

impl Drop for Ingress {
    fn drop(&mut self) {
        self.stop.wake();
    }
}

/// UDP workers to use when the operator names no number: one per core we may run on.
#[must_use]
pub fn default_workers() -> usize {
    affinity::allowed_cores().len()
}

fn bind_workers(
    address: SocketAddr,
    workers: usize,
    receive_buffer: usize,
) -> io::Result<Vec<UdpListener>> {
    (0..workers)
        .map(|_| UdpListener::bind(address, receive_buffer))
        .collect()
}

fn error_for(address: SocketAddr, transport: &'static str) -> impl Fn(io::Error) -> ListenError {
    move |source| ListenError {
        address,
        transport,
        source,
    }
}
