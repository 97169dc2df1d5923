//! What must the daemon be able to do for the control socket and the metrics page?

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use super::peers::Peer;
use super::protocol::{
    AskReport, GuardChangeReport, GuardReport, GuardTarget, IncidentReport, IncidentsReport,
    NtaAddReport, NtaListReport, NtaRemoveReport, ReloadReport, ShadowReport, StatusReport,
    TopReport, Transport, WhyReport,
};
use crate::ops::metrics::Metric;
use crate::wire::{Name, Question, RecordType};

/// A reply that takes its time.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The daemon, as operators see it. Arguments are checked already; what is not asynchronous must not block.
pub trait Service: Send + Sync + 'static {
    /// One screen of health.
    fn status(&self) -> StatusReport;

    /// Every counter and gauge; no label may hold a query name (anyone could make millions of them).
    fn stats(&self) -> Vec<Metric>;

    /// Who asks most, for what, and what becomes of it.
    fn top(&self) -> TopReport;

    /// Forgets cached data; returns how many entries.
    fn flush(&self, target: &FlushTarget) -> u64;

    /// Resolves a question now, at the operator's expense, and tells how.
    fn ask(&self, question: Question, trace: bool) -> Reply<'_, Result<AskReport, ServiceError>>;

    /// Tells what would decide about this client asking this question, by the interface of that name if one is given; touches nothing.
    fn why(
        &self,
        client: IpAddr,
        transport: Transport,
        interface: Option<&str>,
        question: &Question,
    ) -> WhyReport;

    /// Reads the configuration again; keeps the old one if there is an error in it.
    fn reload(&self) -> Reply<'_, ReloadReport>;

    /// Does not validate `zone` for `seconds` from now (1..=604,800) and forgets what was found out below it.
    ///
    /// # Errors
    /// Nothing is validated anyway, or too many zones are excused.
    fn add_negative_anchor(
        &self,
        zone: &Name,
        seconds: u32,
        reason: &str,
    ) -> Result<NtaAddReport, ServiceError>;

    /// The zones that are not validated.
    fn negative_anchors(&self) -> NtaListReport;

    /// Validates `zone` again and forgets what was found out below it.
    ///
    /// # Errors
    /// No negative anchor was added for it at run time.
    fn remove_negative_anchor(&self, zone: &Name) -> Result<NtaRemoveReport, ServiceError>;

    /// The zones that are under attack, and how the zone guard stands.
    fn zone_guard(&self) -> GuardReport;

    /// Whom each limit hurts, or would.
    fn shadow(&self) -> ShadowReport;

    /// The incidents that are kept, the newest first.
    fn incidents(&self) -> IncidentsReport;

    /// What is known of these incidents; with `detail` also of whom they concern, which is written down with `viewer`.
    fn incident(
        &self,
        ids: Vec<String>,
        detail: bool,
        viewer: Peer,
    ) -> Reply<'_, Result<IncidentReport, ServiceError>>;

    /// What the operator wants of a zone or server under attack, or never to be held back.
    ///
    /// # Errors
    /// The guard is off, the zone is one that everybody shares, a server is to be pinned, or there is nothing to release.
    fn steer_zone_guard(
        &self,
        target: &GuardTarget,
        wish: ZoneWish,
    ) -> Result<GuardChangeReport, ServiceError>;
}

/// What may be wanted of a zone or server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneWish {
    /// Hold back its unknown names.
    Pin,
    /// Never hold it back.
    Exempt,
    /// Neither.
    Release,
}

/// What to forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlushTarget {
    /// Everything of one name.
    Name(Name),
    /// One type of one name.
    NameType(Name, RecordType),
    /// A name and everything below it.
    Tree(Name),
    /// The whole cache.
    All,
}

/// Why the daemon could not do it: one sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ServiceError(pub String);
