//! What do the tests of the socket, the page and the tool serve instead of a daemon?

use std::net::IpAddr;
use std::sync::Mutex;

use super::control::protocol::{
    AskReport, GuardChangeReport, GuardReport, GuardTarget, Incident, IncidentReport,
    IncidentsReport, NegativeAnchorReport, NtaAddReport, NtaListReport, NtaRemoveReport,
    ReloadReport, ShadowReport, Spent, StatusReport, TopClient, TopReport, TraceStep, Transport,
    WhyReport,
};
use super::control::{FlushTarget, Peer, Reply, Service, ServiceError, ZoneWish};
use super::metrics::Metric;
use crate::wire::{Name, Question};

/// A daemon that remembers what it was told and answers from fixed reports.
#[derive(Debug, Default)]
pub(crate) struct FakeService {
    /// What was wanted of it, in order.
    pub(crate) told: Mutex<Vec<String>>,
    /// What `state` says; "serving" if empty.
    pub(crate) state: String,
}

impl FakeService {
    fn note(&self, what: String) {
        self.told.lock().unwrap().push(what);
    }
}

impl Service for FakeService {
    fn status(&self) -> StatusReport {
        let state = if self.state.is_empty() {
            "serving".to_owned()
        } else {
            self.state.clone()
        };
        StatusReport {
            version: "0.1.0".to_owned(),
            pid: 4711,
            state,
            uptime_seconds: 93_784,
            queries_total: 1_234_567,
            ..StatusReport::default()
        }
    }

    fn stats(&self) -> Vec<Metric> {
        vec![
            Metric::counter(
                "suimon_queries_total",
                "Messages received from clients.",
                &[("transport", "udp")],
                7,
            ),
            Metric::level("suimon_cache_entries", "Entries.", &[], 42),
        ]
    }

    fn top(&self) -> TopReport {
        let mut told = self.told.lock().unwrap();
        let looks = told.iter().filter(|what| *what == "top").count();
        told.push("top".to_owned());
        let looks = u64::try_from(looks).unwrap();
        TopReport {
            uptime_ms: 10_000 + 500 * looks,
            queries_total: 1_000 + 50 * looks,
            answers_total: 1_000 + 40 * looks,
            hits_total: 900 + 30 * looks,
            clients: vec![TopClient {
                network: "192.0.2.0/24".to_owned(),
                queries_per_second: 100.0,
            }],
            ..TopReport::default()
        }
    }

    fn flush(&self, target: &FlushTarget) -> u64 {
        self.note(format!("flush {target:?}"));
        3
    }

    fn ask(&self, question: Question, trace: bool) -> Reply<'_, Result<AskReport, ServiceError>> {
        self.note(format!("ask {question} {trace}"));
        Box::pin(async move {
            if question.name.to_string() == "broken.test." {
                return Err(ServiceError("not ready yet".to_owned()));
            }
            tokio::task::yield_now().await;
            Ok(AskReport {
                name: question.name.to_string(),
                rtype: question.rtype.to_string(),
                rcode: "NOERROR".to_owned(),
                answer: vec![format!("{} 300 IN A 192.0.2.1", question.name)],
                source: "recursion".to_owned(),
                spent: Spent {
                    packets: 2,
                    packets_limit: 50,
                    ..Spent::default()
                },
                trace: vec![TraceStep::default(); usize::from(trace)],
                ..AskReport::default()
            })
        })
    }

    fn why(
        &self,
        client: IpAddr,
        transport: Transport,
        interface: Option<&str>,
        question: &Question,
    ) -> WhyReport {
        let by = interface.map_or_else(String::new, |name| format!(" by {name}"));
        self.note(format!("why {client} {transport:?} {question}{by}"));
        WhyReport {
            client: client.to_string(),
            name: question.name.to_string(),
            rtype: question.rtype.to_string(),
            verdict: "refuse".to_owned(),
            reason: "acl_no_match".to_owned(),
            sentence: "no access rule covers this client".to_owned(),
            policy: "resolve".to_owned(),
            ..WhyReport::default()
        }
    }

    fn reload(&self) -> Reply<'_, ReloadReport> {
        self.note("reload".to_owned());
        Box::pin(std::future::ready(ReloadReport {
            applied: true,
            changed: vec!["log.level".to_owned()],
            ..ReloadReport::default()
        }))
    }

    fn add_negative_anchor(
        &self,
        zone: &Name,
        seconds: u32,
        reason: &str,
    ) -> Result<NtaAddReport, ServiceError> {
        self.note(format!("nta add {zone} {seconds} {reason:?}"));
        Ok(NtaAddReport {
            added: NegativeAnchorReport {
                zone: zone.to_string(),
                source: "operator".to_owned(),
                until: Some("2026-12-01T00:00:00Z".to_owned()),
                seconds_left: Some(seconds.into()),
                reason: (!reason.is_empty()).then(|| reason.to_owned()),
            },
            replaced: false,
            removed: 3,
            kept: true,
        })
    }

    fn negative_anchors(&self) -> NtaListReport {
        NtaListReport {
            negative_anchors: vec![NegativeAnchorReport {
                zone: "lab.test.".to_owned(),
                source: "configuration".to_owned(),
                ..NegativeAnchorReport::default()
            }],
        }
    }

    fn zone_guard(&self) -> GuardReport {
        GuardReport {
            mode: "enforce".to_owned(),
            ..GuardReport::default()
        }
    }

    fn shadow(&self) -> ShadowReport {
        ShadowReport {
            uptime_seconds: 60,
            queries_total: 7,
            ..ShadowReport::default()
        }
    }

    fn incidents(&self) -> IncidentsReport {
        IncidentsReport {
            incidents: vec![Incident::example().summary()],
            ..IncidentsReport::default()
        }
    }

    fn incident(
        &self,
        ids: Vec<String>,
        detail: bool,
        viewer: Peer,
    ) -> Reply<'_, Result<IncidentReport, ServiceError>> {
        self.note(format!(
            "incident {} detail={detail} uid={}",
            ids.join(" "),
            viewer.uid
        ));
        let known = Incident::example();
        let (there, others): (Vec<_>, Vec<_>) = ids.iter().partition(|id| **id == known.id);
        let report = IncidentReport {
            host: known.host.clone(),
            version: known.version.clone(),
            incidents: there.iter().map(|_| known.clone()).collect(),
            left_out: others
                .iter()
                .map(|id| format!("there is no incident {id}"))
                .collect(),
        };
        Box::pin(std::future::ready(Ok(report)))
    }

    fn steer_zone_guard(
        &self,
        zone: &GuardTarget,
        wish: ZoneWish,
    ) -> Result<GuardChangeReport, ServiceError> {
        self.note(format!("guard {wish:?} {zone}"));
        if *zone == GuardTarget::Zone(Name::root()) {
            return Err(ServiceError(". is the root".to_owned()));
        }
        Ok(GuardChangeReport {
            zone: zone.to_string(),
            done: "pinned".to_owned(),
            kept: true,
        })
    }

    fn remove_negative_anchor(&self, zone: &Name) -> Result<NtaRemoveReport, ServiceError> {
        self.note(format!("nta remove {zone}"));
        if zone.to_string() == "lab.test." {
            return Err(ServiceError("it is in the configuration".to_owned()));
        }
        Ok(NtaRemoveReport {
            zone: zone.to_string(),
            removed: 3,
            kept: true,
        })
    }
}
