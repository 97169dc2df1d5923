//! Does `suimon incidents` ask the daemon, or files, for what it shows and exports?

use super::*;
use crate::ops::control::protocol::Incident;

const ID: &str = "20261122T094708Z-zone";

#[test]
fn the_daemon_is_asked_and_details_only_if_they_are_wanted() {
    let (_directory, socket, service) = daemon();
    let run = |words: &[&str]| {
        let words = [&["--socket", &socket, "incidents"], words].concat();
        let (exit, out, err) = suimon(&words);
        let told = service.told.lock().unwrap().pop();
        (exit, out, err, told)
    };
    let uid = rustix::process::geteuid().as_raw();
    let (exit, out, _, _) = run(&["list"]);
    assert_eq!(exit, Exit::Done);
    assert!(
        out.contains(ID) && out.contains("www.victim.example."),
        "{out}"
    );
    let (exit, out, _, told) = run(&["show", ID]);
    assert_eq!(exit, Exit::Done);
    assert!(
        out.starts_with("zone_under_attack www.victim.example.\n"),
        "{out}"
    );
    assert_eq!(
        told.unwrap(),
        format!("incident {ID} detail=false uid={uid}")
    );
    let (_, _, _, told) = run(&["show", ID, "--detail"]);
    assert_eq!(
        told.unwrap(),
        format!("incident {ID} detail=true uid={uid}")
    );
    let (exit, out, err, _) = run(&["show", "nothing"]);
    assert_eq!((exit, out.as_str()), (Exit::No, ""));
    assert_eq!(err, "suimon: there is no incident nothing\n");

    let (exit, out, _, told) = run(&["export", "--all"]);
    assert_eq!(exit, Exit::Done);
    assert_eq!(
        told.unwrap(),
        format!("incident {ID} detail=false uid={uid}")
    );
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["schema"], 1);
    assert_eq!(document["type"], "suimon-incidents");
    assert_eq!(document["host"], "ns1");
    assert_eq!(document["incidents"][0]["id"], ID);
    // What cannot be shown is left out, and said.
    let (exit, out, err, _) = run(&["export", ID, "gone"]);
    assert_eq!(
        (exit, err.as_str()),
        (Exit::No, "suimon: there is no incident gone\n")
    );
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["incidents"].as_array().map(Vec::len), Some(1));
    let (_, out, _, _) = run(&["list", "--output", "json"]);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["incidents"][0]["packets"], 321_300);
}

#[test]
fn files_are_read_without_a_daemon_and_without_details() {
    let state = tempfile::tempdir().unwrap();
    let dir = state.path().join("incidents");
    let path = state.path().to_str().unwrap();
    let run = |words: &[&str]| suimon(&[&["incidents", "--state-dir", path], words].concat());
    let (exit, _, err) = run(&["list"]);
    assert_eq!(exit, Exit::No);
    assert!(err.contains("/incidents: "), "{err}");
    std::fs::create_dir(&dir).unwrap();
    let mut incident = Incident::example();
    incident.host = "ns1\u{1b}[2J".to_owned();
    incident
        .counts
        .insert("\u{1b}]0;names\u{7}".to_owned(), 1.0);
    let json = serde_json::to_vec(&incident).unwrap();
    std::fs::write(dir.join(format!("{ID}.json")), json).unwrap();
    std::fs::write(dir.join("cut.json"), "{").unwrap();
    std::fs::write(dir.join("old.json.bad"), "{").unwrap();
    let (exit, out, _) = run(&["list"]);
    assert_eq!(exit, Exit::Done);
    assert!(
        out.starts_with("journal 1 files cannot be read\nset aside old.json.bad\n"),
        "{out}"
    );
    let (exit, out, _) = run(&["show", ID]);
    assert_eq!(exit, Exit::Done);
    assert!(
        !out.contains("192.0.2.7") && !out.contains('\u{1b}'),
        "{out}"
    );
    let (_, out, _) = run(&["export", "--all"]);
    assert!(out.contains(ID) && !out.contains("192.0.2.7"), "{out}");
    let (exit, _, err) = run(&["export", ID, "--detail"]);
    assert_eq!(exit, Exit::Usage);
    assert!(err.contains("who looked"), "{err}");
    for id in ["nothing", "../incidents/cut", ""] {
        assert_eq!(run(&["show", id]).0, Exit::No, "{id}");
    }
}
