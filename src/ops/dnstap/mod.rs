//! How do other people's tools get single messages? dnstap over Frame Streams, to a socket or a file, by a thread of its own.

mod frames;
mod message;
mod sink;

pub use frames::Frames;
pub use message::{Speaker, encode};

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use crate::config::plan;
use crate::sys::clock;
use crate::telemetry::tap::Tapped;
use sink::{FileSink, SocketSink};

/// Pause when nothing is there to be written. (A thread that waits would have to be woken by those who hand over.)
const PAUSE: Duration = Duration::from_millis(20);

/// Writes what is handed over until `stop` is true and nothing is left, or nobody can hand anything over any more.
pub fn record(plan: &plan::Dnstap, tapped: &Receiver<Tapped>, stop: &AtomicBool) {
    let speaker = Speaker {
        identity: plan.identity.clone(),
        whole_addresses: plan.whole_addresses,
    };
    let mut file = plan.file.clone().map(|path| FileSink::new(path, plan));
    let mut socket = plan.socket.clone().map(SocketSink::new);
    loop {
        let now = clock::now();
        match tapped.try_recv() {
            Ok(one) => {
                let message = encode(&one, &speaker);
                if let Some(file) = &mut file {
                    file.write(&message, now);
                }
                if let Some(socket) = &mut socket {
                    socket.write(&message, now);
                }
            }
            Err(TryRecvError::Empty) if !stop.load(Ordering::Relaxed) => {
                if let Some(file) = &mut file {
                    file.flush();
                }
                if let Some(socket) = &mut socket {
                    // A reader hears of us before there is anything to tell.
                    socket.see_to_it(now);
                }
                std::thread::sleep(PAUSE);
            }
            Err(_) => break,
        }
    }
    if let Some(file) = file {
        file.end();
    }
    if let Some(socket) = socket {
        socket.end();
    }
}

#[cfg(test)]
mod tests;
