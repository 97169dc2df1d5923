//! Are the signed scenarios of tests/scenarios what their rules come to? Made here, compared with the files, written by `REGENERATE=1`.

mod answers;
mod chains;
mod cuts;
mod denials;
mod failures;
mod writer;

use std::path::PathBuf;

use writer::Case;

fn all() -> Vec<Case> {
    let mut all = Vec::new();
    all.extend(answers::cases());
    all.extend(chains::cases());
    all.extend(cuts::cases());
    all.extend(denials::cases());
    all.extend(failures::cases());
    all
}

#[test]
fn the_signed_scenarios_are_as_made() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let regenerate = std::env::var_os("REGENERATE").is_some();
    let only = std::env::var("ONLY").unwrap_or_default();
    let cases = all();
    assert!(cases.len() >= 80, "{} scenarios", cases.len());
    let mut wrong = Vec::new();
    for case in cases.iter().filter(|case| case.file.contains(&only)) {
        let (text, failure) = case.write();
        if let Some(failure) = failure {
            wrong.push(format!("{}: {failure}", case.file));
        }
        let path = directory.join(format!("{}.rpl", case.file));
        if regenerate {
            std::fs::write(&path, &text).unwrap();
        } else if std::fs::read_to_string(&path).unwrap_or_default() != text {
            let command = "REGENERATE=1 cargo test --lib scenario::tests::signed";
            wrong.push(format!("{}: out of date; run {command}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
