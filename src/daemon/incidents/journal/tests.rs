//! Is what happens kept, is it bounded, and does a disk that fails cost nothing but the journal?

use super::*;
use crate::config::plan::Detail;
use crate::daemon::incidents::shelf::Shelf;
use crate::daemon::incidents::story::tests::{attacked, limited};

/// A journal and its directory.
struct Desk {
    journal: Journal,
    shelf: Shelf,
    limits: Limits,
    secrecy: Secrecy,
    _dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            journal: journal(Found::default()),
            shelf: Shelf::of(dir.path()),
            limits: Limits {
                journal: true,
                kept: 10,
                bytes: 1 << 20,
                max_age: 86_400,
            },
            secrecy: Secrecy::default(),
            _dir: dir,
        }
    }

    fn hear(&mut self, moment: &Moment) {
        self.hear_at(moment, now(moment.at_ms / 1_000));
    }

    fn hear_at(&mut self, moment: &Moment, now: Now) {
        let limits = (&self.limits, &self.secrecy);
        self.journal.take_up(moment, &Whole::default(), limits, now);
    }

    /// Does everything that is due at `at`; what is to be told of it.
    fn keep(&mut self, at: u64) -> Vec<News> {
        self.keep_at(now(at))
    }

    fn keep_at(&mut self, now: Now) -> Vec<News> {
        let mut told = Vec::new();
        for _ in 0..100 {
            let work = self.journal.due(&self.limits, &self.secrecy, now);
            if work.is_empty() {
                break;
            }
            for (work, done) in self.shelf.perform(work, now) {
                told.extend(self.journal.done(&work, done, now));
            }
        }
        told
    }

    /// What a restart finds.
    fn restart(&mut self) {
        self.restart_at(0);
    }

    fn restart_at(&mut self, at: u64) {
        self.journal = journal(self.shelf.all(now(at)).unwrap());
    }

    fn ids(&self) -> Vec<String> {
        let list = self.journal.list();
        list.into_iter().map(|one| one.id).collect()
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.shelf.directory()).map_or(0, Iterator::count)
    }
}

fn journal(found: Found) -> Journal {
    Journal {
        calendar: Calendar::credulous(),
        ..Journal::of(found, "ns1".to_owned())
    }
}

fn now(at: u64) -> Now {
    Now {
        wall_ms: at * 1_000,
        ..Now::at_secs(at)
    }
}

#[test]
fn an_incident_is_on_the_disk_while_it_goes_on_and_when_it_is_over() {
    let mut desk = Desk::new();
    desk.hear(&attacked(Stage::Started, (100, 105)));
    assert!(desk.keep(105).is_empty());
    let id = "19700101T000140Z-zone";
    assert_eq!(desk.ids(), [id]);
    let lying = desk.shelf.read(id).unwrap();
    assert_eq!((lying.seconds, lying.ended.as_deref()), (5, None));
    assert!(desk.keep(106).is_empty() && desk.journal.octets() > 500);
    // Its beginning may be told a little differently each time.
    desk.hear(&attacked(Stage::Continuing, (101, 166)));
    desk.keep(166);
    assert_eq!(desk.shelf.read(id).unwrap().seconds, 65);
    assert_eq!(desk.ids(), [id]);
    desk.hear(&attacked(Stage::Stopped, (100, 200)));
    assert_eq!(
        desk.journal.find(id).unwrap().ended_by.as_deref(),
        Some("over"),
        "known before it is written"
    );
    desk.keep(200);
    let lying = desk.shelf.read(id).unwrap();
    assert_eq!(lying.ended.as_deref(), Some("1970-01-01T00:03:20Z"));
    assert!(lying.detail.is_some());
    assert_eq!(
        desk.journal.find(id),
        Err(true),
        "from now on the disk has it"
    );
    assert_eq!(desk.journal.find("19700101T000140Z-client"), Err(false));
    assert_eq!(desk.files(), 1);
}

#[test]
fn one_that_goes_on_when_suimond_is_killed_is_over_since_it_was_last_heard_of() {
    let mut desk = Desk::new();
    desk.hear(&attacked(Stage::Started, (100, 105)));
    desk.hear(&attacked(Stage::Continuing, (100, 165)));
    desk.keep(165);
    desk.restart();
    let list = desk.journal.list();
    assert_eq!(list[0].ended.as_deref(), Some("1970-01-01T00:02:45Z"));
    desk.keep(300);
    let lying = desk.shelf.read(&list[0].id).unwrap();
    assert_eq!(lying.ended_by.as_deref(), Some("restart"));
    // The same attack goes on after the restart: that is another incident, beside it.
    desk.hear(&attacked(Stage::Started, (100, 310)));
    assert_eq!(desk.ids().len(), 2);
    desk.journal.shut();
    desk.keep(311);
    desk.restart();
    let list = desk.journal.list();
    assert_eq!(list.len(), 2);
    assert!(list.iter().all(|one| one.ended.is_some()));
    let ends: Vec<_> = desk.ids().iter().map(|id| desk.shelf.read(id)).collect();
    let ends: Vec<_> = ends
        .into_iter()
        .map(|one| one.unwrap().ended_by.unwrap())
        .collect();
    assert_eq!(ends, ["shutdown", "restart"]);
}

#[test]
fn one_of_which_nothing_more_is_heard_is_over_and_the_next_of_the_same_is_another() {
    let mut desk = Desk::new();
    desk.hear(&limited("192.0.2.7/32", Stage::Started, (100, 105)));
    desk.keep(105 + SILENCE);
    assert_eq!(desk.journal.counts(), (1, 0));
    desk.keep(106 + SILENCE);
    assert_eq!(desk.journal.counts(), (0, 1));
    desk.hear(&limited("192.0.2.7/32", Stage::Started, (2_000, 2_005)));
    desk.hear(&limited("192.0.2.7/32", Stage::Started, (2_050, 2_055)));
    assert_eq!(desk.journal.counts(), (1, 2));
    // Two clients in one second: each has an id of its own.
    desk.hear(&limited("192.0.2.8/32", Stage::Started, (2_050, 2_055)));
    assert_eq!(
        desk.ids()[..2],
        ["19700101T003410Z-client-2", "19700101T003410Z-client"]
    );
}

#[test]
fn many_of_one_kind_do_not_push_out_the_others_and_the_journal_stays_bounded() {
    let mut desk = Desk::new();
    desk.hear(&attacked(Stage::Stopped, (1, 2)));
    for number in 0..100_u64 {
        let prefix = format!("10.0.{number}.7/32");
        desk.hear(&limited(
            &prefix,
            Stage::Started,
            (number + 10, number + 10),
        ));
        desk.keep(number + 10);
        desk.hear(&limited(
            &prefix,
            Stage::Stopped,
            (number + 10, number + 11),
        ));
        desk.keep(number + 11);
        assert!(desk.files() <= 11, "{}", desk.files());
    }
    let ids = desk.ids();
    assert_eq!((ids.len(), desk.files()), (10, 10));
    assert!(ids.contains(&"19700101T000001Z-zone".to_owned()), "{ids:?}");
    assert!(ids[0].starts_with("19700101T000149Z"), "the newest first");
    // Octets bound it as well.
    desk.limits.bytes = desk.journal.octets() / 2;
    desk.keep(200);
    assert!(desk.journal.octets() <= desk.limits.bytes && desk.files() >= 3);
    // And age.
    desk.keep(90_000);
    assert_eq!((desk.ids().len(), desk.files()), (0, 0));
    assert_eq!(desk.journal.not_kept, 0);
}

#[test]
fn those_that_go_on_never_give_way() {
    let mut desk = Desk::new();
    for number in 0..15 {
        let prefix = format!("10.0.{number}.7/32");
        desk.hear(&limited(&prefix, Stage::Started, (5, 10)));
    }
    desk.hear(&limited("10.0.14.7/32", Stage::Continuing, (5, 10)));
    desk.keep(10);
    assert_eq!((desk.journal.counts(), desk.files()), ((10, 0), 10));
    assert_eq!(desk.journal.not_kept, 5);
}

#[test]
fn a_disk_that_takes_nothing_costs_one_line_and_is_tried_again() {
    let mut desk = Desk::new();
    // Nothing can be written where a file stands in the directory's place.
    std::fs::write(desk.shelf.directory(), "in the way").unwrap();
    desk.hear(&attacked(Stage::Started, (100, 105)));
    let told = desk.keep(105);
    assert!(matches!(told.as_slice(), [News::Trouble(_)]), "{told:?}");
    assert!(desk.journal.trouble().is_some());
    for at in [106, 140, 175] {
        desk.hear(&attacked(Stage::Continuing, (100, at)));
        assert!(desk.keep(at).is_empty(), "said once");
    }
    assert_eq!(desk.journal.failures, 3, "every 30 seconds");
    desk.hear(&attacked(Stage::Stopped, (100, 180)));
    desk.hear(&limited("192.0.2.7/32", Stage::Started, (170, 180)));
    assert_eq!(desk.ids().len(), 2, "they are shown all the same");
    std::fs::remove_file(desk.shelf.directory()).unwrap();
    assert_eq!(desk.keep(210), [News::Well], "it is well again");
    assert_eq!((desk.files(), desk.journal.trouble()), (2, None));
    let zone = desk.shelf.read("19700101T000140Z-zone").unwrap();
    assert_eq!(zone.seconds, 80, "nothing was lost");
}

#[test]
fn what_is_known_of_whom_it_concerns_is_forgotten_in_time() {
    let mut desk = Desk::new();
    desk.limits.max_age = 1 << 30;
    let has_detail = |desk: &Desk| {
        let path = desk.shelf.directory().join("19700101T000140Z-zone.json");
        let text = std::fs::read_to_string(path).unwrap();
        text.contains("192.0.2.8") || text.contains("x7f3k2")
    };
    desk.hear(&attacked(Stage::Stopped, (100, 200)));
    desk.keep(200);
    assert!(has_detail(&desk));
    desk.restart();
    desk.keep(200 + desk.secrecy.detail_for);
    assert!(has_detail(&desk));
    desk.keep(201 + desk.secrecy.detail_for);
    assert!(!has_detail(&desk));
    let left = desk.shelf.read("19700101T000140Z-zone").unwrap();
    assert_eq!(left.networks[0].prefix, "192.0.2.0/24");
    // With "never" nothing gets there at all, and what was there before goes.
    let mut desk = Desk::new();
    desk.hear(&attacked(Stage::Stopped, (100, 200)));
    desk.keep(200);
    desk.secrecy.detail = Detail::Never;
    desk.keep(201);
    assert!(!has_detail(&desk));
}

#[test]
fn a_file_that_was_damaged_meanwhile_is_set_aside_and_what_is_in_it_is_not_lost() {
    let mut desk = Desk::new();
    desk.limits.max_age = 1 << 30;
    desk.hear(&attacked(Stage::Stopped, (100, 200)));
    desk.keep(200);
    let path = desk.shelf.directory().join("19700101T000140Z-zone.json");
    std::fs::write(path, "{\"detail\":").unwrap();
    desk.keep(201 + desk.secrecy.detail_for);
    assert!(desk.ids().is_empty());
    let aside = desk
        .shelf
        .directory()
        .join("19700101T000140Z-zone.json.bad");
    assert_eq!(std::fs::read_to_string(aside).unwrap(), "{\"detail\":");
    assert!(desk.keep(202).is_empty() && desk.journal.trouble().is_none());
}

#[test]
fn what_is_set_aside_goes_when_details_go_however_it_came_there() {
    let path = |desk: &Desk| desk.shelf.directory().join("19700101T000140Z-zone.json");
    let aside = ["19700101T000140Z-zone.json.bad".to_owned()];
    for at_the_start in [true, false] {
        let mut desk = Desk::new();
        desk.limits.max_age = 1 << 30;
        desk.hear(&attacked(Stage::Stopped, (100, 200)));
        desk.keep(200);
        std::fs::write(path(&desk), "{\"detail\":").unwrap();
        let file = std::fs::File::open(path(&desk)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        let found = 201 + desk.secrecy.detail_for;
        if at_the_start {
            desk.restart_at(found);
        }
        desk.keep(found);
        assert_eq!(desk.journal.aside(), aside);
        let last = found + desk.secrecy.detail_for;
        desk.restart_at(last);
        desk.keep(last);
        assert_eq!(
            (desk.journal.aside().as_slice(), desk.files()),
            (&aside[..], 1)
        );
        desk.keep(last + 1);
        assert_eq!((desk.journal.aside().len(), desk.files()), (0, 0));
    }
    // "never" is no time at all.
    let mut desk = Desk::new();
    desk.hear(&attacked(Stage::Stopped, (100, 200)));
    desk.keep(200);
    std::fs::write(path(&desk), "{\"detail\":").unwrap();
    desk.secrecy.detail = Detail::Never;
    desk.keep(201);
    assert_eq!((desk.journal.aside().len(), desk.files()), (0, 0));
}

#[test]
fn of_what_is_set_aside_while_suimond_runs_only_the_youngest_are_kept() {
    let mut desk = Desk::new();
    desk.limits = Limits {
        kept: 1_000,
        max_age: 1 << 30,
        ..desk.limits
    };
    for number in 0..40 {
        let prefix = format!("10.0.{number}.7/32");
        desk.hear(&limited(&prefix, Stage::Stopped, (number, number + 10)));
        desk.keep(number + 10);
    }
    for id in desk.ids() {
        std::fs::write(desk.shelf.directory().join(format!("{id}.json")), "{").unwrap();
    }
    desk.keep(100 + desk.secrecy.detail_for);
    assert_eq!(
        (desk.journal.aside().len(), desk.files()),
        (SET_ASIDE, SET_ASIDE)
    );
}

#[test]
fn a_file_that_the_system_refuses_keeps_no_other_waiting_and_is_tried_again() {
    let mut desk = Desk::new();
    desk.limits.max_age = 1 << 30;
    desk.limits.kept = 1_000;
    for number in 0..50 {
        let prefix = format!("10.0.{number}.7/32");
        desk.hear(&limited(&prefix, Stage::Stopped, (number, number + 10)));
    }
    desk.keep(60);
    // EISDIR: the one refusal that root meets, too.
    let ids = desk.ids();
    let path = |id: &str| desk.shelf.directory().join(format!("{id}.json"));
    let (last, refused) = ids.split_first().unwrap();
    let texts: Vec<String> = refused
        .iter()
        .map(|id| {
            let text = std::fs::read_to_string(path(id)).unwrap();
            std::fs::remove_file(path(id)).unwrap();
            std::fs::create_dir(path(id)).unwrap();
            text
        })
        .collect();
    let has_detail = |id: &str| {
        std::fs::read_to_string(path(id))
            .unwrap()
            .contains("\"detail\"")
    };
    let (paths, late) = (
        refused.iter().map(|id| path(id)).collect::<Vec<_>>(),
        61 + desk.secrecy.detail_for,
    );
    let is_rid = |desk: &Desk| {
        let path = desk.shelf.directory().join(format!("{last}.json"));
        !std::fs::read_to_string(path)
            .unwrap()
            .contains("\"detail\"")
    };
    assert!(has_detail(last));
    let told = desk.keep(late);
    assert!(matches!(told.as_slice(), [News::Clinging(_)]), "{told:?}");
    assert!(is_rid(&desk), "the last one has its turn");
    assert!(desk.journal.trouble().unwrap().contains("49"));
    // Where a file stands in the way of removal, too.
    desk.journal.unwanted.insert(refused[0].clone());
    desk.hear(&attacked(Stage::Started, (late, late)));
    let told = desk.keep(late + 1);
    assert!(matches!(told.as_slice(), [News::Trouble(_)]), "{told:?}");
    assert_eq!(desk.journal.counts(), (1, 50), "what is new is written");
    assert!(desk.journal.octets() > 0);
    for (path, text) in paths.iter().zip(&texts) {
        std::fs::remove_dir(path).unwrap();
        std::fs::write(path, text).unwrap();
    }
    desk.journal.unwanted.clear();
    desk.hear(&attacked(Stage::Stopped, (late, late + RETRY.as_secs())));
    assert_eq!(
        desk.keep(late + RETRY.as_secs() + 1),
        [News::Well, News::Well]
    );
    assert_eq!(desk.journal.trouble(), None);
    for path in &paths {
        assert!(
            !std::fs::read_to_string(path)
                .unwrap()
                .contains("\"detail\"")
        );
    }
}

/// 2026-11-22.
const TODAY: u64 = 1_795_305_600;
const DAY: u64 = 86_400;

/// The wall clock says `wall`, and the process is `mono` seconds old.
fn clocks(wall: u64, mono: u64) -> Now {
    Now {
        wall_ms: wall * 1_000,
        mono: Duration::from_secs(mono),
    }
}

/// With one incident of yesterday that lay there before the start, one of this process, and the calendar of the real daemon.
fn with_two() -> Desk {
    let mut desk = Desk::new();
    desk.limits.max_age = 30 * DAY;
    desk.hear_at(
        &attacked(Stage::Stopped, (TODAY - DAY - 60, TODAY - DAY)),
        clocks(TODAY - DAY, 0),
    );
    desk.keep_at(clocks(TODAY - DAY, 0));
    desk.restart_at(TODAY);
    desk.journal.calendar = Calendar::default();
    for mono in [10, 5_000] {
        desk.keep_at(clocks(TODAY + mono, mono));
    }
    desk.hear_at(
        &limited(
            "192.0.2.7/32",
            Stage::Stopped,
            (TODAY + 4_000, TODAY + 5_000),
        ),
        clocks(TODAY + 5_000, 5_000),
    );
    desk.keep_at(clocks(TODAY + 5_000, 5_000));
    desk
}

/// How many of the files have details.
fn detailed(desk: &Desk) -> usize {
    let files = std::fs::read_dir(desk.shelf.directory()).unwrap();
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    texts.filter(|text| text.contains("\"detail\"")).count()
}

#[test]
fn a_wall_clock_that_jumps_ages_nothing_out_and_ends_nothing() {
    for wall in [TODAY + 90 * DAY, 100] {
        let mut desk = with_two();
        desk.hear_at(
            &limited(
                "198.51.100.7/32",
                Stage::Started,
                (TODAY + 5_000, TODAY + 5_005),
            ),
            clocks(TODAY + 5_005, 5_005),
        );
        // For half an hour, until NTP puts it right; the disk fails meanwhile and is well again.
        for mono in (5_010..6_800).step_by(5) {
            desk.keep_at(clocks(wall + mono, mono));
            desk.hear_at(
                &limited(
                    "198.51.100.7/32",
                    Stage::Continuing,
                    (TODAY + 5_000, wall + mono),
                ),
                clocks(wall + mono, mono),
            );
        }
        assert_eq!(desk.journal.counts(), (1, 2), "{wall}");
        assert_eq!((desk.files(), detailed(&desk)), (3, 3), "{wall}");
        for mono in [6_805, 10_000, 10_500] {
            desk.keep_at(clocks(TODAY + mono, mono));
        }
        assert_eq!((desk.journal.calendar.jumps, detailed(&desk)), (2, 3));
        // And when their time has come, they go: that of before the start by the wall clock, that of this process by the other.
        let last = desk.secrecy.detail_for - DAY;
        desk.keep_at(clocks(TODAY + last + 1, last + 1));
        assert_eq!(detailed(&desk), 2);
        desk.keep_at(clocks(TODAY + last + DAY + 6_801, last + DAY + 6_801));
        assert_eq!((detailed(&desk), desk.files()), (0, 3));
    }
}

#[test]
fn a_disk_that_failed_is_tried_again_although_the_clock_was_set_back() {
    let mut desk = with_two();
    let work = Work::TakeAway("any".to_owned());
    let failed = clocks(TODAY + 5_100, 5_100);
    desk.journal.done(&work, Err("no".to_owned()), failed);
    desk.hear_at(&attacked(Stage::Started, (50, 100)), clocks(100, 5_120));
    desk.keep_at(clocks(100, 5_120));
    assert_eq!(desk.files(), 2);
    desk.keep_at(clocks(115, 5_135));
    assert_eq!(desk.files(), 3);
}

#[test]
fn what_happens_in_1970_does_not_give_way_to_what_is_older() {
    let mut desk = with_two();
    desk.limits.kept = 2;
    desk.hear_at(
        &limited("198.51.100.7/32", Stage::Stopped, (10, 100)),
        clocks(100, 5_100),
    );
    desk.keep_at(clocks(100, 5_100));
    // Two of one kind: of these the first of this process goes, not the one whose date is less.
    desk.hear_at(
        &limited("203.0.113.7/32", Stage::Stopped, (110, 200)),
        clocks(200, 5_200),
    );
    desk.keep_at(clocks(200, 5_200));
    let ids = desk.ids();
    assert!(
        ids.contains(&"19700101T000010Z-client".to_owned()),
        "{ids:?}"
    );
    // After a restart nobody can tell how old they are: they stay, without details, once the clock can be believed.
    desk.restart_at(TODAY);
    desk.journal.calendar = Calendar::default();
    desk.keep_at(clocks(TODAY, 0));
    assert_eq!((desk.files(), detailed(&desk)), (2, 2));
    desk.keep_at(clocks(TODAY + 3_600, 3_600));
    assert_eq!(desk.files(), 2);
}

#[test]
fn no_incident_gets_the_name_of_a_file_that_cannot_be_read_now() {
    let mut desk = Desk::new();
    std::fs::create_dir(desk.shelf.directory()).unwrap();
    let path = desk.shelf.directory().join("19700101T000140Z-zone.json");
    std::fs::write(&path, "{\"schema\": 2}").unwrap();
    desk.restart();
    desk.hear(&attacked(Stage::Stopped, (100, 200)));
    desk.keep(200);
    assert_eq!(desk.ids(), ["19700101T000140Z-zone-2"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"schema\": 2}");
}
