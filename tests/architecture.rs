//! Does the house still stand as ARCHITECTURE.md says? Imports, spawns, clocks, sockets, file sizes, first lines, captions.
//!
//! The table in `rules` *is* the import rule; ARCHITECTURE.md shows it to people. Test code (`#[cfg(test)]` items and files
//! named `tests.rs` or below a `tests/` directory) may import what it likes and does not count as size; everything else
//! is held. Each check is also fed a bad text, to see it complain.

#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rules::{DOORS, complaints, level_of, room_of};

/// The captions of ARCHITECTURE.md: rows "| `room/` | caption |".
fn captions(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| {
            let (name, caption) = line.strip_prefix("| `")?.split_once("` | ")?;
            let name = name
                .strip_suffix('/')
                .or_else(|| name.strip_suffix(".rs"))?;
            Some((
                name.to_owned(),
                caption.trim_end_matches('|').trim().to_owned(),
            ))
        })
        .collect()
}

fn caption_complaints(
    written: &BTreeMap<String, String>,
    real: &BTreeMap<String, String>,
) -> Vec<String> {
    let mut out = Vec::new();
    for (room, caption) in real {
        match written.get(room) {
            None => out.push(format!(
                "ARCHITECTURE.md has no row for `{room}`; it says of itself: {caption}"
            )),
            Some(other) if other != caption => {
                out.push(format!(
                    "ARCHITECTURE.md says of `{room}`: {other}\n  its first line says: {caption}"
                ));
            }
            Some(_) => {}
        }
    }
    out.extend(
        written
            .keys()
            .filter(|room| !real.contains_key(*room))
            .map(|room| format!("ARCHITECTURE.md has a row for `{room}`, which does not exist")),
    );
    out
}

fn root() -> PathBuf {
    // Asked when it runs, not when it is built: the same test can be pointed at another tree.
    std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

/// All `.rs` files below `dir`, with their path relative to it.
fn rust_files(dir: &Path) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                if !["target", "corpus", "artifacts"]
                    .iter()
                    .any(|skip| path.ends_with(skip))
                {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path
                    .strip_prefix(dir)
                    .unwrap_or(&path)
                    .to_string_lossy()
                    .into_owned();
                out.push((name, fs::read_to_string(&path).unwrap_or_default()));
            }
        }
    }
    out.sort();
    out
}

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn the_house_stands_as_described() {
    let files = rust_files(&root().join("src"));
    assert!(files.len() > 10, "src/ was not read");
    assert_none(
        &files
            .iter()
            .flat_map(|(path, text)| complaints(path, text))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_file_of_tests_and_benches_says_what_it_answers() {
    let files = ["tests", "benches"]
        .into_iter()
        .flat_map(|dir| rust_files(&root().join(dir)));
    assert_none(
        &files
            .filter(|(_, text)| !text.starts_with("//! "))
            .map(|(path, _)| format!("{path}: no `//!` first line"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn captions_are_the_rooms_own_first_lines() {
    let written = captions(&fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap_or_default());
    let real = rust_files(&root().join("src"))
        .into_iter()
        .filter(|(path, _)| {
            path != "lib.rs"
                && (path.matches('/').count() == 0
                    || path.ends_with("/mod.rs") && path.matches('/').count() == 1)
        })
        .map(|(path, text)| {
            (
                room_of(&path),
                text.lines()
                    .next()
                    .unwrap_or_default()
                    .trim_start_matches("//!")
                    .trim()
                    .to_owned(),
            )
        })
        .collect();
    assert_none(&caption_complaints(&written, &real));
}

#[test]
fn every_room_has_a_row() {
    let rooms: BTreeSet<String> = rust_files(&root().join("src"))
        .iter()
        .map(|(path, _)| room_of(path))
        .filter(|room| room != "lib")
        .collect();
    assert_none(
        &rooms
            .iter()
            .filter(|room| level_of(room).is_none())
            .map(|room| format!("`{room}` is not in the table"))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn exceptions_are_explained_to_people() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap_or_default();
    let missing = DOORS.iter().filter(|(who, path, _)| {
        *who != "bin" && !text.contains(&format!("| `{who}` | `{path}` |"))
    });
    assert_none(
        &missing
            .map(|(who, path, why)| {
                format!("ARCHITECTURE.md lacks the row | `{who}` | `{path}` | {why} |")
            })
            .collect::<Vec<_>>(),
    );
}

/// The test names that the tables of docs/attacks.md promise: what stands in backquotes in the last column.
fn promised_tests(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| line.starts_with("| "))
        .filter_map(|line| line.trim_end_matches(['|', ' ']).rsplit("| ").next())
        .flat_map(|column| column.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

/// Those of `names` that are no test function in any of `texts`.
fn unkept(names: &BTreeSet<String>, texts: &[String]) -> Vec<String> {
    let real: BTreeSet<&str> = texts
        .iter()
        .flat_map(|text| text.split("fn ").skip(1))
        .filter_map(|rest| rest.split(['(', '<']).next())
        .collect();
    names
        .iter()
        .filter(|name| !real.contains(name.as_str()))
        .map(|name| format!("docs/attacks.md promises the test `{name}`, which does not exist"))
        .collect()
}

#[test]
fn attacks_have_the_tests_that_are_promised() {
    let names =
        promised_tests(&fs::read_to_string(root().join("docs/attacks.md")).unwrap_or_default());
    assert!(names.len() > 20, "docs/attacks.md was not read");
    let texts: Vec<String> = ["src", "tests"]
        .iter()
        .flat_map(|dir| rust_files(&root().join(dir)))
        .map(|(_, text)| text)
        .collect();
    assert_none(&unkept(&names, &texts));
}

#[cfg(test)]
#[path = "architecture/complains.rs"]
mod complains;
