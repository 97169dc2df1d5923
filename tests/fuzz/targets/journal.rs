//! Any octets as a file of the incident journal: an incident or a sentence, and an incident is written as it was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use suimon::ops::control::protocol::{Incident, IncidentCost, NoIncident};

fuzz_target!(|octets: &[u8]| {
    let incident = match Incident::read(octets) {
        Ok(incident) => incident,
        Err(why) => {
            assert!(!why.to_string().is_empty());
            assert!(why != NoIncident::Later(1));
            return;
        }
    };
    assert!(Incident::is_id(&incident.id));
    assert!(!incident.id.contains(['/', '.', '\0']));
    let again = read(&incident);
    assert_eq!(whole(&again), whole(&incident));
    assert_eq!(again.summary().id, incident.id);
    assert_eq!(again.summary().about, incident.subject.in_words());
    // What the journal does to it when details are no longer to be kept.
    let bare = read(&Incident {
        detail: None,
        ..incident.clone()
    });
    assert_eq!(bare.detail, None);
    assert_eq!(
        whole(&bare),
        whole(&Incident {
            detail: None,
            ..incident
        })
    );
});

fn read(incident: &Incident) -> Incident {
    let octets = incident.write().expect("JSON can say it");
    Incident::read(&octets).expect("what was written is read")
}

/// Without what is not exact: a fraction may lose its last digit.
fn whole(incident: &Incident) -> Incident {
    Incident {
        peak_per_second: 0.0,
        counts: incident
            .counts
            .keys()
            .map(|name| (name.clone(), 0.0))
            .collect(),
        cost: IncidentCost {
            host_cpu_seconds: 0.0,
            ..incident.cost.clone()
        },
        ..incident.clone()
    }
}
