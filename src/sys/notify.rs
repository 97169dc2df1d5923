//! What does the service manager want to hear of us? sd_notify, silent where nobody listens.
//!
//! Every call does nothing without `NOTIFY_SOCKET`. A message that cannot be delivered is never a reason to stop
//! serving, so errors end here.

use std::time::Duration;

use sd_notify::NotifyState;

/// Serving: every listener is bound and answers.
pub fn ready(status: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
}

/// A reload begins; [`ready`] ends it. systemd 253 and newer want the monotonic time with it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(stamp) => send(&[NotifyState::Reloading, stamp]),
        Err(_) => send(&[NotifyState::Reloading]),
    }
}

/// The drain begins.
pub fn stopping() {
    send(&[NotifyState::Stopping, NotifyState::Status("draining")]);
}

/// One line for `systemctl status`.
pub fn status(text: &str) {
    send(&[NotifyState::Status(&one_line(text))]);
}

/// Still alive; to be sent at least every [`watchdog_interval`].
pub fn watchdog() {
    send(&[NotifyState::Watchdog]);
}

/// How often [`watchdog`] must be called: half of what the unit's `WatchdogSec=` allows (sd_watchdog_enabled(3)).
/// Nothing if the unit has none, or if the watchdog is another process's.
#[must_use]
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled()
        .map(|limit| limit / 2)
        .filter(|half| !half.is_zero())
}

/// A line break would end the field and start another one of the sender's choosing.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

fn send(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The environment belongs to the whole test process, so the sender runs as a child: this very test, told by a
    /// variable to send instead of to listen.
    #[test]
    fn messages_reach_the_socket_of_the_manager() {
        if std::env::var_os("SUIMON_TEST_NOTIFY_CHILD").is_some() {
            ready("serving\nWATCHDOG_USEC=1");
            reloading();
            stopping();
            watchdog();
            assert_eq!(watchdog_interval(), Some(Duration::from_secs(10)));
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "sys::notify::tests::messages_reach_the_socket_of_the_manager",
            ])
            .env("SUIMON_TEST_NOTIFY_CHILD", "1")
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "20000000")
            .env_remove("WATCHDOG_PID")
            .output()
            .unwrap();
        assert!(child.status.success(), "{child:?}");
        let mut heard = Vec::new();
        let mut buffer = [0_u8; 512];
        for _ in 0..4 {
            let length = socket.recv(&mut buffer).unwrap();
            heard.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
        }
        assert_eq!(heard[0], "READY=1\nSTATUS=serving WATCHDOG_USEC=1\n");
        let stamp = heard[1]
            .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
            .unwrap();
        assert!(stamp.trim_end().parse::<u64>().unwrap() > 0);
        assert_eq!(heard[2], "STOPPING=1\nSTATUS=draining\n");
        assert_eq!(heard[3], "WATCHDOG=1\n");
    }
}
