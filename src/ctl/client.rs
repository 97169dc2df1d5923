//! How does the tool reach the daemon?

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Error;
use crate::ops::control::protocol::{
    FailureKind, MAX_REPLY, Request, announced, frame, parse_reply,
};

/// How long a reply may take: more than the daemon gives any command (30 s).
const PATIENCE: Duration = Duration::from_secs(40);

/// Sends one request over the control socket, returns the report.
pub(super) fn ask<T: DeserializeOwned>(socket: &Path, request: &Request) -> Result<T, Error> {
    let unreachable = |error: io::Error| match error.kind() {
        io::ErrorKind::PermissionDenied => Error::NotPermitted(format!(
            "{}: {error}; members of the socket's group and root may use it",
            socket.display()
        )),
        _ => Error::Unreachable(format!(
            "suimond does not answer on {}: {error}\n  is it running (systemctl status suimon), is control.socket set in its configuration,\n  and is this the right path (--socket PATH)?",
            socket.display()
        )),
    };
    let reply = exchange(socket, request).map_err(unreachable)?;
    let mut reply: Value = serde_json::from_slice(&reply)
        .map_err(|error| Error::Failed(format!("the daemon's reply is not JSON: {error}")))?;
    defuse(&mut reply);
    match parse_reply(reply) {
        Ok(Ok(report)) => Ok(report),
        Ok(Err(failure)) => Err(match failure.kind {
            FailureKind::BadRequest => Error::Usage(failure.error),
            FailureKind::NotPermitted => Error::NotPermitted(failure.error),
            FailureKind::Busy => Error::Unreachable(failure.error),
            FailureKind::Failed => Error::Failed(failure.error),
        }),
        Err(error) => Err(Error::Failed(error)),
    }
}

fn exchange(socket: &Path, request: &Request) -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // A daemon that is busy or refuses closes its side after a reply, maybe before it has read: the reply still counts.
    let written = stream.write_all(&frame(request)?);
    let mut prefix = [0; 4];
    stream
        .read_exact(&mut prefix)
        .map_err(|error| written.err().unwrap_or(error))?;
    let mut reply = vec![0; announced(prefix, MAX_REPLY)?];
    stream.read_exact(&mut reply)?;
    Ok(reply)
}

/// Names and records come from the Internet; nothing in them may steer the operator's terminal.
pub(super) fn defuse(value: &mut Value) {
    let is_dangerous = |c: char| c.is_control() && c != '\n' && c != '\t';
    match value {
        Value::String(text) => {
            if text.contains(is_dangerous) {
                *text = text.replace(is_dangerous, "\u{FFFD}");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(defuse),
        Value::Object(fields) => {
            fields.values_mut().for_each(defuse);
            if fields.keys().any(|key| key.contains(is_dangerous)) {
                *fields = std::mem::take(fields)
                    .into_iter()
                    .map(|(key, value)| (key.replace(is_dangerous, "\u{FFFD}"), value))
                    .collect();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn control_characters_are_defused_wherever_they_stand() {
        let mut value = json!({"a": ["\x1b[2J", {"b": "x\u{9b}31m\ny\t\u{7f}"}], "n": 1});
        defuse(&mut value);
        assert_eq!(
            value,
            json!({"a": ["\u{FFFD}[2J", {"b": "x\u{FFFD}31m\ny\t\u{FFFD}"}], "n": 1})
        );
    }
}
