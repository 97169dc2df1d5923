//! How does a person, or a program, learn what the drill found?

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use serde_json::{Value, json};

/// One row of the final table.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// What was put to the test.
    pub title: &'static str,
    /// Whether villains or dishonest clients are at work in it.
    pub hostile: bool,
    /// Questions or packets sent by clients.
    pub asked: u64,
    /// Answered (NOERROR or NXDOMAIN).
    pub answered: u64,
    /// Answered REFUSED, or another refusal.
    pub refused: u64,
    /// Answered SERVFAIL.
    pub failed: u64,
    /// Not answered.
    pub dropped: u64,
    /// Answers that came over TCP.
    pub over_tcp: u64,
    /// Queries that reached the Internet's servers.
    pub upstream: u64,
    /// Time to each answer.
    pub latencies: Vec<Duration>,
    /// Expectations that held.
    pub held: u64,
    /// Expectations that did not.
    pub broken: Vec<Broken>,
}

/// An expectation that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What was asked.
    pub question: String,
    /// What is special about it.
    pub note: String,
    /// What should have come.
    pub expected: String,
    /// What came.
    pub got: String,
}

/// Everything the drill found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// One row per group.
    pub rows: Vec<Row>,
    /// Groups that could not be tested here, and were not.
    pub skipped: Vec<&'static str>,
    /// One line about the Internet: addresses, servers, zones, seed.
    pub setting: String,
    /// The villains and how often each was asked.
    pub villains: Vec<(String, u64)>,
    /// Whether the resolver ended as it should (exit code 0 after SIGTERM); nothing if it is not ours to stop.
    pub ended: Option<Result<(), String>>,
    /// The resolver's own counters, as its control socket gave them.
    pub daemon: Option<Value>,
    /// The whole run.
    pub took: Duration,
}

impl Row {
    /// An empty row.
    #[must_use]
    pub fn new(title: &'static str, hostile: bool) -> Self {
        Self {
            title,
            hostile,
            ..Self::default()
        }
    }

    /// Latency that `percent` of the answers do not exceed; nothing without answers.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied()
    }

    fn per_question(&self) -> f64 {
        if self.asked == 0 {
            return 0.0;
        }
        let (upstream, asked) = (as_float(self.upstream), as_float(self.asked));
        upstream / asked
    }
}

impl Broken {
    /// The drill's own fault.
    #[must_use]
    pub fn internal(error: &str) -> Self {
        Self {
            question: "(the drill itself)".to_owned(),
            note: "a task of the drill ended".to_owned(),
            expected: "that it does not".to_owned(),
            got: error.to_owned(),
        }
    }
}

impl Report {
    /// Whether every expectation held and the resolver ended well.
    #[must_use]
    pub fn all_held(&self) -> bool {
        !self.rows.is_empty()
            && self.rows.iter().all(|row| row.broken.is_empty())
            && !matches!(self.ended, Some(Err(_)))
    }

    /// The table for people.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_human(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)?;
        writeln!(out, "{}", self.setting)?;
        writeln!(out)?;
        writeln!(
            out,
            "{:<34}{:>7}{:>10}{:>9}{:>9}{:>9}{:>11}{:>10}{:>10}  as expected",
            "what was asked",
            "asked",
            "answered",
            "refused",
            "SERVFAIL",
            "dropped",
            "upstream/q",
            "p50 ms",
            "p99 ms"
        )?;
        for row in &self.rows {
            let held = if row.broken.is_empty() {
                format!("yes, all {}", row.held)
            } else {
                format!("NO: {} of {}", row.broken.len(), row.total())
            };
            writeln!(
                out,
                "{:<34}{:>7}{:>10}{:>9}{:>9}{:>9}{:>11.2}{:>10}{:>10}  {held}",
                row.title,
                row.asked,
                row.answered,
                row.refused,
                row.failed,
                row.dropped,
                row.per_question(),
                milliseconds(row.percentile(50)),
                milliseconds(row.percentile(99)),
            )?;
        }
        writeln!(out)?;
        writeln!(
            out,
            "upstream/q: packets that reached the Internet's servers, per question. SERVFAIL is the right answer where every server is bad;"
        )?;
        writeln!(
            out,
            "a refused or dropped packet must cost nothing upstream. p50, p99: time until half, until 99 % of the answers were there."
        )?;
        for title in &self.skipped {
            writeln!(out, "not tested here: {title} (this machine has no ::1)")?;
        }
        self.write_villains(out)?;
        self.write_broken(out)?;
        if let Some(Err(reason)) = &self.ended {
            writeln!(out, "\nsuimond did not end as it should: {reason}")?;
        }
        writeln!(out)?;
        let (held, broken) = self.totals();
        let seconds = self.took.as_secs_f64();
        if self.all_held() {
            writeln!(out, "All {held} expectations held, in {seconds:.1} s.")
        } else {
            writeln!(
                out,
                "{broken} of {} expectations did not hold, in {seconds:.1} s.",
                held + broken
            )
        }
    }

    fn write_villains(&self, out: &mut dyn Write) -> io::Result<()> {
        const SHOWN: usize = 8;
        let asked: Vec<String> = self
            .villains
            .iter()
            .filter(|(_, count)| *count > 0)
            .take(SHOWN)
            .map(|(label, count)| format!("{label} {count}"))
            .collect();
        if !asked.is_empty() {
            writeln!(out, "villains asked most often: {}", asked.join(", "))?;
        }
        Ok(())
    }

    fn write_broken(&self, out: &mut dyn Write) -> io::Result<()> {
        const SHOWN: usize = 60;
        let all: Vec<(&Row, &Broken)> = self
            .rows
            .iter()
            .flat_map(|row| row.broken.iter().map(move |broken| (row, broken)))
            .collect();
        if all.is_empty() {
            return Ok(());
        }
        writeln!(out, "\nWhat did not hold:")?;
        for (row, broken) in all.iter().take(SHOWN) {
            writeln!(
                out,
                "  {} ({}; {})",
                broken.question, broken.note, row.title
            )?;
            writeln!(out, "    expected  {}", broken.expected)?;
            writeln!(out, "    got       {}", broken.got)?;
        }
        if all.len() > SHOWN {
            writeln!(
                out,
                "  and {} more; --output json has them",
                all.len() - SHOWN
            )?;
        }
        Ok(())
    }

    fn totals(&self) -> (u64, u64) {
        self.rows.iter().fold((0, 0), |(held, broken), row| {
            (held + row.held, broken + row.total() - row.held)
        })
    }

    /// The same for programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "group": row.title,
                    "hostile": row.hostile,
                    "asked": row.asked,
                    "answered": row.answered,
                    "refused": row.refused,
                    "servfail": row.failed,
                    "dropped": row.dropped,
                    "over_tcp": row.over_tcp,
                    "upstream_packets": row.upstream,
                    "p50_us": row.percentile(50).map(micros),
                    "p99_us": row.percentile(99).map(micros),
                    "held": row.held,
                    "broken": row.broken.iter().map(|broken| json!({
                        "question": broken.question,
                        "note": broken.note,
                        "expected": broken.expected,
                        "got": broken.got,
                    })).collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({
            "schema": 1,
            "ok": self.all_held(),
            "setting": self.setting,
            "rows": rows,
            "skipped": self.skipped,
            "villains": self.villains.iter().map(|(label, count)| json!({"server": label, "queries": count})).collect::<Vec<_>>(),
            "ended": self.ended.as_ref().map(|ended| ended.as_ref().err().cloned().unwrap_or_else(|| "ok".to_owned())),
            "daemon": self.daemon,
            "took_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

impl Row {
    fn total(&self) -> u64 {
        self.held + u64::try_from(self.broken.len()).unwrap_or(0)
    }
}

/// What is going on, on standard error: one moving line on a terminal, one line per group elsewhere.
#[derive(Debug)]
pub struct Progress {
    terminal: bool,
    quiet: bool,
    title: &'static str,
    steps: usize,
    done: usize,
}

impl Progress {
    /// `quiet` says nothing at all.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            quiet,
            title: "",
            steps: 0,
            done: 0,
        }
    }

    /// One line of text.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            // Nobody to tell is no reason to stop.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// A group begins.
    pub fn group(&mut self, title: &'static str, steps: usize) {
        self.title = title;
        self.steps = steps;
        self.done = 0;
        self.draw(0);
    }

    /// One more of the group is done.
    pub fn step(&mut self, broken: usize) {
        self.done += 1;
        if self.done.is_multiple_of(8) || self.done == self.steps {
            self.draw(broken);
        }
    }

    /// The group is done.
    pub fn done(&self, row: &Row) {
        if self.quiet {
            return;
        }
        let clear = if self.terminal { "\r\x1b[K" } else { "" };
        let verdict = if row.broken.is_empty() {
            "as expected".to_owned()
        } else {
            format!("{} NOT as expected", row.broken.len())
        };
        let _ = writeln!(
            io::stderr(),
            "{clear}  {:<34}{:>5} asked, {:>6} packets upstream, {verdict}",
            self.title,
            row.asked,
            row.upstream
        );
    }

    fn draw(&self, broken: usize) {
        const WIDTH: usize = 24;
        if self.quiet || !self.terminal || self.steps == 0 {
            return;
        }
        let full = (self.done * WIDTH / self.steps).min(WIDTH);
        let note = if broken == 0 {
            String::new()
        } else {
            format!(", {broken} not as expected")
        };
        let _ = write!(
            io::stderr(),
            "\r\x1b[K  {:<34}[{}{}] {}/{}{note}",
            self.title,
            "=".repeat(full),
            " ".repeat(WIDTH - full),
            self.done,
            self.steps
        );
    }
}

fn milliseconds(time: Option<Duration>) -> String {
    time.map_or_else(
        || "-".to_owned(),
        |time| format!("{:.1}", time.as_secs_f64() * 1000.0),
    )
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Counts here stay far below 2^52.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of one run, shown with two decimals"
)]
const fn as_float(count: u64) -> f64 {
    count as f64
}
