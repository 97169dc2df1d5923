//! Who writes down single messages while suimond serves? A thread that ends with it; nobody, unless dnstap is configured.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::config::plan;
use crate::ops::dnstap;
use crate::ops::metrics::Metric;
use crate::telemetry::Telemetry;
use crate::telemetry::tap::Tap;

/// The thread.
pub(super) struct Recorder {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Recorder {
    /// Begins to record, if there is a place to record to.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub(super) fn begin(
        plan: &plan::Dnstap,
        telemetry: &Telemetry,
    ) -> std::io::Result<Option<Self>> {
        if plan.socket.is_none() && plan.file.is_none() {
            return Ok(None);
        }
        let (tap, tapped) = Tap::new(plan.queue, plan.sampled);
        let stop = Arc::new(AtomicBool::new(false));
        let (plan, ends) = (plan.clone(), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name("dnstap".to_owned())
            .spawn(move || dnstap::record(&plan, &tapped, &ends))?;
        telemetry.set_tap(tap);
        Ok(Some(Self { stop, thread }))
    }

    /// Writes what is left, says goodbye to the reader, and ends.
    pub(super) fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let _a_panic_was_told = self.thread.join();
    }
}

/// Metrics, if anything is recorded.
pub(super) fn metrics(metrics: &mut Vec<Metric>, telemetry: &Telemetry) {
    let Some(tap) = telemetry.tap() else {
        return;
    };
    let (offered, lost) = tap.counts();
    for (outcome, times) in [("taken", offered.saturating_sub(lost)), ("lost", lost)] {
        metrics.push(Metric::counter(
            "suimon_dnstap_messages_total",
            "Messages for dnstap: taken, or lost because dnstap.queue was full.",
            &[("outcome", outcome)],
            times,
        ));
    }
}
