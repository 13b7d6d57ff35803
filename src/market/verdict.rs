//! What was found wrong with the rows of a symbol, and what was done about it.

use super::DataError;
use super::case::{Case, Fact, Window};
use super::read::Rows;
use crate::manifest::Policy;
use crate::manifest::data::Check;
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
    /// Whether its times are those of a wall clock, and name no zone.
    pub naive: bool,
    /// What was found, in the order of [`Check::ALL`].
    pub findings: Vec<Finding>,
    /// What else a reader should know, such as that the file begins with its newest row.
    pub notes: Vec<String>,
    /// What makes every result of these rows doubtful, such as times that seem to be those of closes.
    pub doubts: Vec<String>,
    /// Why there are no bars at all, if there are none.
    pub broken: Option<String>,
    /// The first of its files, as people write its path.
    pub file: Arc<str>,
    /// From which opening time on its bars stand in which of its files, ascending.
    pub files: Arc<[(i64, Arc<str>)]>,
    /// Whether the last bar is made of shorter ones of which more may come, though it is over.
    pub may_grow: bool,
    /// Whether the first bar is made of shorter ones of which the file may lack some: it begins inside it.
    pub may_lack: bool,
}

/// All cases of one kind of damage.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What was looked for.
    pub check: Check,
    /// What the manifest says is done about it.
    pub policy: Policy,
    /// The cases, the worst first; of equally bad ones the first in the file.
    pub cases: Arc<[Case]>,
    /// What was done about them.
    pub done: &'static str,
}

impl Finding {
    /// How many cases there are.
    pub fn count(&self) -> usize {
        self.cases.len()
    }

    /// The cases that are spelled out: the worst, ten at most.
    pub fn worst(&self) -> &[Case] {
        &self.cases[..self.count().min(SHOWN)]
    }

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
            Check::Torn => ("last line without an end", "last lines without an end"),
        };
        match self.count() {
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        }
    }

    /// Whether the worst of its rows have no time that could be read.
    fn is_timeless(&self) -> bool {
        let worst = self.cases.first().map(|case| &case.fact);
        matches!(worst, Some(Fact::NoTime | Fact::NotATime(_) | Fact::Torn(..)))
    }

    /// The ways out for somebody whose session was refused.
    fn remedy(&self) -> &'static str {
        match self.check {
            Check::Order if self.is_timeless() => {
                "mend their times, or say how they are written (`data.time_format`), or leave the rows out with `data.checks.order = \"drop\"`"
            }
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
            Check::Torn => {
                "run when the file is complete, or end its last line, or set `data.checks.torn`"
            }
        }
    }

    /// The cases that are spelled out, with the files they are in unless all are in `file`.
    fn spelled_out(&self, file: &str) -> String {
        let case = |case: &Case| match &*case.file == file {
            true => case.to_string(),
            false => format!("{}: {case}", case.file),
        };
        let cases: Vec<String> = self.worst().iter().map(case).collect();
        let more = self.count() - self.worst().len();
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
        let worst = failed.first().and_then(|finding| finding.cases.first());
        let file = worst.map_or(&self.file, |case| &case.file).to_string();
        let facts: Vec<String> = failed
            .iter()
            .map(|it| format!("{}: {}; {}", it.headline(), it.spelled_out(&file), it.remedy()))
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
            let worst = finding.cases.first()?;
            let such = if finding.count() > 1 { "the worst in " } else { "" };
            Some(format!(
                "{}: `{}` has {} ({}): {such}{worst}",
                worst.file,
                self.symbol,
                finding.headline(),
                finding.done
            ))
        })
    }

    /// The file in which the bar that opens at `time` stands.
    pub fn file_of(&self, time: i64) -> &Arc<str> {
        let after = self.files.partition_point(|(from, _)| *from <= time);
        after.checked_sub(1).map_or(&self.file, |at| &self.files[at].1)
    }

    /// Whatever no row is to blame for, and a reader should know.
    pub fn remarks(&self) -> impl Iterator<Item = &String> {
        self.notes.iter().chain(&self.doubts).chain(&self.broken)
    }

    /// The verdict on the rows of `window` alone.
    pub(super) fn within(&self, window: Window) -> Self {
        self.only(|_, case| case.is_in(window))
    }

    /// The verdict on the rows from `from` on, and before `until`, microseconds since 1970.
    pub fn between(&self, from: i64, until: i64) -> Self {
        self.within(Window { from, until })
    }

    /// The verdict with the cases alone that are `wanted`.
    pub fn only(&self, wanted: impl Fn(&Finding, &Case) -> bool) -> Self {
        let seen = |finding: &Finding| {
            let cases = finding.cases.iter().filter(|case| wanted(finding, case)).cloned();
            Finding { cases: cases.collect(), ..finding.clone() }
        };
        let findings = self.findings.iter().map(seen).filter(|it| !it.cases.is_empty());
        Self { findings: findings.collect(), ..self.clone() }
    }

    /// Take a finding in, at its place.
    pub(super) fn add(&mut self, finding: Finding) {
        match self.findings.iter_mut().find(|known| known.check == finding.check) {
            Some(known) => {
                let mut cases = [&known.cases[..], &finding.cases].concat();
                worst_first(&mut cases);
                known.cases = cases.into();
            }
            None => {
                let at = self.findings.partition_point(|known| known.check < finding.check);
                self.findings.insert(at, finding);
            }
        }
    }
}

/// The worst cases of one kind in several symbols, ten at most, each with its symbol.
pub fn worst<'a>(
    findings: impl IntoIterator<Item = (&'a str, &'a Finding)>,
) -> Vec<(&'a str, &'a Case)> {
    let of_symbol = |(symbol, finding): (&'a str, &'a Finding)| {
        finding.worst().iter().map(move |it| (symbol, it))
    };
    let mut cases: Vec<(&str, &Case)> = findings.into_iter().flat_map(of_symbol).collect();
    cases.sort_by(|(_, a), (_, b)| b.bad.total_cmp(&a.bad));
    cases.truncate(SHOWN);
    cases
}

/// Of equally bad ones the first in the file stays first.
fn worst_first(cases: &mut [Case]) {
    cases.sort_by(|a, b| b.bad.total_cmp(&a.bad));
}

/// Cases of one kind while they are looked for.
pub(super) struct Search<'a> {
    rows: &'a Rows,
    check: Check,
    policy: Policy,
    cases: Vec<Case>,
}

impl<'a> Search<'a> {
    pub(super) fn new(rows: &'a Rows, check: Check, policy: Policy) -> Self {
        Self { rows, check, policy, cases: Vec::new() }
    }

    /// Whether anybody wants to know.
    pub(super) fn is_wanted(&self) -> bool {
        self.policy != Policy::Off
    }

    /// How many cases there are so far.
    pub(super) fn count(&self) -> usize {
        self.cases.len()
    }

    /// One more case in `row`, `bad` as it is.
    pub(super) fn add(&mut self, bad: f64, row: usize, time: Option<i64>, fact: Fact) {
        if self.is_wanted() {
            let (file, row) = self.rows.place(row);
            self.cases.push(Case { file: file.clone(), row, time, fact, bad });
        }
    }

    /// What was found, if anything was; `done` is what was done about it where the session goes on.
    pub(super) fn finding(mut self, done: &'static str) -> Option<Finding> {
        worst_first(&mut self.cases);
        (!self.cases.is_empty()).then(|| Finding {
            check: self.check,
            policy: self.policy,
            cases: self.cases.into(),
            done: if self.policy == Policy::Fail { "refused" } else { done },
        })
    }
}
