//! What do the files of a journal say when no daemon runs? The same, without details.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use crate::ctl::Error;
use crate::ctl::client::defuse;
use crate::ops::control::protocol::{Incident, IncidentReport, IncidentsReport};

/// Longest file read, octets.
const LONGEST: u64 = 256 * 1024;
/// Files looked at.
const MOST: usize = 20_000;

/// `list` of this state directory.
pub(super) fn list(state_dir: &Path) -> Result<IncidentsReport, Error> {
    let dir = state_dir.join("incidents");
    let entries =
        fs::read_dir(&dir).map_err(|error| Error::Failed(format!("{}: {error}", dir.display())))?;
    let mut incidents = Vec::new();
    let (mut unreadable, mut aside) = (0, Vec::new());
    for entry in entries.take(MOST).filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(id) = name.strip_suffix(".json") {
            match read_one(&dir, id) {
                Ok(incident) => incidents.push(incident.summary()),
                Err(_) => unreadable += 1,
            }
        } else if name.ends_with(".bad") {
            let mut name = Value::String(name);
            defuse(&mut name);
            aside.extend(name.as_str().map(str::to_owned));
        }
    }
    incidents.sort_by(|one, other| (&other.began, &other.id).cmp(&(&one.began, &one.id)));
    aside.sort();
    Ok(IncidentsReport {
        incidents,
        aside,
        trouble: (unreadable > 0).then(|| format!("{unreadable} files cannot be read")),
    })
}

/// `show` and `export` of it.
pub(super) fn read(state_dir: &Path, ids: &[String]) -> IncidentReport {
    let dir = state_dir.join("incidents");
    let (mut incidents, mut left_out) = (Vec::new(), Vec::new());
    for id in ids {
        match read_one(&dir, id) {
            Ok(incident) => incidents.push(incident),
            Err(why) => left_out.push(format!("{id}: {why}")),
        }
    }
    let host = incidents.last().map(|incident| incident.host.clone());
    IncidentReport {
        host: host.unwrap_or_default(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        incidents,
        left_out,
    }
}

fn read_one(dir: &Path, id: &str) -> Result<Incident, String> {
    if !Incident::is_id(id) {
        return Err("this is no name of an incident".to_owned());
    }
    let mut octets = Vec::new();
    fs::File::open(dir.join(format!("{id}.json")))
        .and_then(|file| file.take(LONGEST).read_to_end(&mut octets))
        .map_err(|error| error.to_string())?;
    let incident = Incident::read(&octets).map_err(|error| error.to_string())?;
    if incident.id != id {
        return Err("its name is not that of the incident in it".to_owned());
    }
    let mut value = serde_json::to_value(incident).map_err(|error| error.to_string())?;
    defuse(&mut value);
    let mut incident: Incident =
        serde_json::from_value(value).map_err(|error| error.to_string())?;
    incident.detail = None;
    Ok(incident)
}
