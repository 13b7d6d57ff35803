//! What was found wrong with the rows of a symbol, and what was done about it.

use super::DataError;
use super::read::Rows;
use crate::diag::counted;
use crate::manifest::Policy;
use crate::manifest::data::Check;
use chrono::DateTime;
use std::fmt;
use std::sync::Arc;

/// How many cases of a kind are spelled out.
const SHOWN: usize = 10;

/// What the checks say of one symbol.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The symbol.
    pub symbol: String,
    /// How many rows its files hold.
    pub rows: usize,
    /// What was found, in the order of [`Check::ALL`].
    pub findings: Vec<Finding>,
    /// What else a reader should know, such as that the file begins with its newest row.
    pub notes: Vec<String>,
    /// Why there are no bars at all, if there are none.
    pub broken: Option<String>,
    /// The first of its files, as people write its path.
    pub file: Arc<str>,
}

/// All cases of one kind of damage.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What was looked for.
    pub check: Check,
    /// What the manifest says is done about it.
    pub policy: Policy,
    /// How many cases there are.
    pub count: usize,
    /// The worst of them, ten at most, the worst first.
    pub worst: Vec<Case>,
    /// What was done about them.
    pub done: &'static str,
}

/// One case of damage.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The file, as people write its path.
    pub file: Arc<str>,
    /// The row of the file, from 1, the header not counted.
    pub row: u32,
    /// When its bar opens, microseconds since 1970-01-01T00:00:00Z; `None` if nobody knows.
    pub time: Option<i64>,
    /// What is wrong, with the values.
    pub fact: String,
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.time {
            Some(time) => write!(out, "row {} ({}): {}", self.row, stamp(time), self.fact),
            None => write!(out, "row {}: {}", self.row, self.fact),
        }
    }
}

impl Finding {
    /// How many cases of what: `3 rows out of order`.
    pub fn headline(&self) -> String {
        let (one, many) = match self.check {
            Check::Order => ("row out of order", "rows out of order"),
            Check::Duplicates => ("row doubled", "rows doubled"),
            Check::Prices => ("row that is unusable", "rows that are unusable"),
            Check::Range => ("row with a price out of range", "rows with a price out of range"),
            Check::Volume => ("row without volume", "rows without volume"),
            Check::Jumps => ("jump like a split", "jumps like a split"),
            Check::Gaps => ("gap", "gaps"),
            Check::Unfinished => ("unfinished bar", "unfinished bars"),
            Check::Stale => ("symbol with old data", "symbols with old data"),
        };
        match self.count {
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        }
    }

    /// The ways out for somebody whose session was refused.
    fn remedy(&self) -> &'static str {
        match self.check {
            Check::Order => "sort the file, or let `data.checks.order = \"warn\"` do it",
            Check::Duplicates => {
                "keep one row a time, or let `data.checks.duplicates = \"warn\"` keep the last"
            }
            Check::Prices => {
                "mend the rows, or leave them out with `data.checks.prices = \"drop\"`"
            }
            Check::Range => "mend the rows, or leave them out with `data.checks.range = \"drop\"`",
            Check::Volume => "mend the rows, or set `data.checks.volume`",
            Check::Jumps => "set `data.adjust`, or `data.checks.jumps` if the prices are right",
            Check::Gaps => "complete the file, or set `data.calendar`, or `data.checks.gaps`",
            Check::Unfinished => "run when the bar is complete, or set `data.checks.unfinished`",
            Check::Stale => "bring the file up to date",
        }
    }

    /// The cases that are spelled out, with the files they are in unless all are in `file`.
    fn cases(&self, file: &str) -> String {
        let case = |case: &Case| match &*case.file == file {
            true => case.to_string(),
            false => format!("{}: {case}", case.file),
        };
        let cases: Vec<String> = self.worst.iter().map(case).collect();
        let more = self.count - self.worst.len();
        let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
        format!("{}{rest}", cases.join("; "))
    }
}

impl Verdict {
    /// Whether the session of this symbol is refused.
    pub fn refuses(&self) -> bool {
        self.broken.is_some() || self.findings.iter().any(|it| it.policy == Policy::Fail)
    }

    /// Why the symbol cannot be used: every case that is spelled out, and the ways out.
    pub fn error(&self) -> Option<DataError> {
        let failed = self.findings.iter().filter(|finding| finding.policy == Policy::Fail);
        let failed: Vec<&Finding> = failed.collect();
        let worst = failed.first().and_then(|finding| finding.worst.first());
        let file = worst.map_or(&self.file, |case| &case.file).to_string();
        let facts: Vec<String> = failed
            .iter()
            .map(|it| format!("{}: {}; {}", it.headline(), it.cases(&file), it.remedy()))
            .collect();
        let fact = match (&self.broken, facts.is_empty()) {
            (Some(fact), true) => format!("`{}`: {fact}", self.symbol),
            (None, true) => return None,
            (_, false) => format!("`{}` has {}", self.symbol, facts.join(" | ")),
        };
        Some(DataError { file, fact })
    }

    /// What people are to be warned of, a line a kind, with its worst case.
    pub fn warnings(&self) -> impl Iterator<Item = String> + '_ {
        let warned = self.findings.iter().filter(|finding| finding.policy == Policy::Warn);
        warned.filter_map(|finding| {
            let worst = finding.worst.first()?;
            let such = if finding.count > 1 { "the worst in " } else { "" };
            Some(format!(
                "{}: `{}` has {} ({}): {such}{worst}",
                worst.file,
                self.symbol,
                finding.headline(),
                finding.done
            ))
        })
    }

    /// The whole verdict in a sentence, for reports.
    pub fn sentence(&self) -> String {
        let findings = self.findings.iter();
        let found = findings.map(|it| format!("{} ({})", it.headline(), it.done));
        let all: Vec<String> = found.chain(self.notes.iter().cloned()).collect();
        let rows = counted(self.rows, "row");
        match all.is_empty() {
            true => format!("{}: {rows}, nothing found", self.symbol),
            false => format!("{}: {rows}; {}", self.symbol, all.join("; ")),
        }
    }

    /// Take a finding in, at its place.
    pub(super) fn add(&mut self, finding: Finding) {
        match self.findings.iter_mut().find(|known| known.check == finding.check) {
            Some(known) => {
                known.count += finding.count;
                known.worst.extend(finding.worst);
                known.worst.truncate(SHOWN);
            }
            None => {
                let at = self.findings.partition_point(|known| known.check < finding.check);
                self.findings.insert(at, finding);
            }
        }
    }
}

/// Cases of one kind while they are looked for.
pub(super) struct Search<'a> {
    rows: &'a Rows,
    check: Check,
    policy: Policy,
    count: usize,
    /// The worst so far with how bad each is, the worst first.
    worst: Vec<(f64, Case)>,
}

impl<'a> Search<'a> {
    pub(super) fn new(rows: &'a Rows, check: Check, policy: Policy) -> Self {
        Self { rows, check, policy, count: 0, worst: Vec::new() }
    }

    /// One more case in `row`, `bad` as it is: of equally bad ones the first are spelled out.
    pub(super) fn add(
        &mut self,
        bad: f64,
        row: usize,
        time: Option<i64>,
        fact: impl FnOnce() -> String,
    ) {
        self.count += 1;
        let at = self.worst.partition_point(|(known, _)| *known >= bad);
        if at < SHOWN {
            let (file, number) = self.rows.place(row);
            let case = Case { file: file.clone(), row: number, time, fact: fact() };
            self.worst.insert(at, (bad, case));
            self.worst.truncate(SHOWN);
        }
    }

    /// What was found, if anything was and anybody wants to know; `done` is what was done about it
    /// where the session goes on.
    pub(super) fn finding(self, done: &'static str) -> Option<Finding> {
        let wanted = self.count > 0 && self.policy != Policy::Off;
        wanted.then(|| Finding {
            check: self.check,
            policy: self.policy,
            count: self.count,
            worst: self.worst.into_iter().map(|(_, case)| case).collect(),
            done: if self.policy == Policy::Fail { "refused" } else { done },
        })
    }
}

/// An instant as people read it.
pub(super) fn stamp(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    let format =
        if micros % 1_000_000 == 0 { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%.6fZ" };
    time.format(format).to_string()
}
