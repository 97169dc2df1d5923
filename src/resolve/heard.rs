//! What does recursion hear of what came of asking? The words of egress in the words of recursion.

use crate::egress::{self, Exchanged};
use crate::recursion::{AskFailure, Heard, Over};

pub(super) fn heard(exchanged: Exchanged) -> Heard {
    match exchanged {
        Exchanged::Reply {
            server,
            tcp,
            message,
            bytes,
            ..
        } => Heard::Reply {
            server: server.ip(),
            over: if tcp { Over::Tcp } else { Over::Udp },
            message: *message,
            bytes,
        },
        Exchanged::Failed { server, failure } => Heard::Failed {
            server: server.map(|server| server.ip()),
            failure: match failure {
                egress::Failure::Timeout => AskFailure::Timeout,
                egress::Failure::Network => AskFailure::Network,
                egress::Failure::BadReply => AskFailure::BadReply,
                egress::Failure::NoUsableServer => AskFailure::NoUsableServer,
                egress::Failure::Exhausted(limit) => AskFailure::Budget(limit),
            },
        },
    }
}
