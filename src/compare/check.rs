//! A check: the sessions of a plan over the days of their baselines, each held against its own.
//!
//! [`pin`] makes of the manifests' plan the one that a check carries out: a session that has a
//! baseline runs over the baseline's days, and once more over its own where the data reaches further.
//! Nothing is taken from the cache, for what a check is to find may be the program itself.

use super::baseline::{Accepted, Baseline, Baselines, Lack, Source};
use super::snapshot::{Snapshot, Strategies};
use super::verdict::{Finding, Level, PlaceOf, Verdict, expect, judge};
use crate::batch::kept::Kept;
use crate::batch::{Batch, Done, Failure};
use crate::diag::Place;
use crate::manifest::gates::{Check, Expectation, OnMissing, Strictness};
use crate::manifest::{Node, Range, Value};
use crate::metrics::Metrics;
use crate::plan::{Base, Job, Plan, Point, Prepared};
use crate::store::{Label, Row, RunReader, Status, StoreError};
use chrono::NaiveDate;
use std::collections::{HashMap, HashSet};
use std::time::Instant;

/// How a session of a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing differs, and every gate held.
    Held,
    /// Something differs, and the gates allow it.
    Changed,
    /// A gate did not hold.
    Failed,
    /// There is no baseline yet, and none is asked for.
    New,
    /// There is no baseline.
    Missing,
    /// There is one that cannot be used.
    Unreadable,
    /// The session itself failed or was refused.
    Broken,
    /// The run that is checked does not have it.
    Absent,
    /// There is a baseline, and the session is gone.
    Extra,
}

impl Standing {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Changed => "changed",
            Self::Failed => "failed",
            Self::New => "new",
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::Broken => "broken",
            Self::Absent => "absent",
            Self::Extra => "extra",
        }
    }
}

/// One session of a check.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Its key.
    pub key: String,
    /// Its name.
    pub session: String,
    /// The path of its manifest.
    pub manifest: String,
    /// Where it is declared; `None` for one that is declared no more.
    pub place: Option<PlaceOf>,
    /// How it ended.
    pub standing: Standing,
    /// What was found.
    pub verdict: Verdict,
    /// What happened after the baseline's last day.
    pub beyond: Option<Beyond>,
    /// What it was measured at.
    pub metrics: Metrics,
    /// How long it took, seconds of wall-clock time, where that was measured.
    pub seconds: Option<f64>,
}

impl Checked {
    /// Whether a gate failed here, whatever the reason.
    pub fn failed(&self) -> bool {
        self.verdict.failed()
    }

    /// Hold what it was measured at against what the manifest expects.
    fn expect(&mut self, expectations: &[Expectation]) {
        let broken = expect(&self.metrics, expectations);
        let may_fail = matches!(self.standing, Standing::Held | Standing::Changed | Standing::New);
        if !broken.is_empty() && may_fail {
            self.standing = Standing::Failed;
        }
        self.verdict.findings.splice(0..0, broken);
    }
}

/// Hold the sessions that the run in `reader` kept against their baselines, instead of running them.
///
/// The run must have run what the plan plans, over the days of the baselines: where it ran others, that
/// is the cause of what differs.
pub fn check_run(request: &Request<'_>, reader: &RunReader) -> anyhow::Result<Vec<Checked>> {
    let strategies = Strategies::of_plan(&reader.plan()?);
    let rows: HashMap<String, (Label, Row)> =
        reader.results()?.into_iter().map(|both| (both.0.key.clone(), both)).collect();
    let mut sessions = Vec::new();
    let mut waiting = Vec::new();
    for job in &request.prepared.jobs {
        let base = request.plan.base(&request.plan.points[job.index]);
        let mut checked = request.blank(job);
        let found = rows.get(&checked.key);
        let told = match found {
            None => {
                checked.standing = Standing::Absent;
                Err(format!("run {} has no such session", reader.id()))
            }
            Some((_, row)) if row.status != Status::Completed => {
                Err(row.error.clone().unwrap_or_else(|| "no reason was given".into()))
            }
            Some((label, row)) => {
                checked.metrics = row.metrics;
                Snapshot::kept(reader, &strategies, label, row)
                    .map_err(|error| format!("{error:#}"))
            }
        };
        match told {
            Err(fact) => checked.verdict.find(Level::Failure, "session", fact, None),
            Ok(mut snapshot) => {
                snapshot.bars_of(request.prepared, job);
                let role = &request.roles[job.index].0;
                hold(
                    &mut checked,
                    role,
                    &snapshot,
                    &request.plan.checks[base.project],
                    &base.declared.tree,
                );
                checked.expect(&base.session.expect);
                if checked.standing != Standing::Held {
                    waiting.push((base.project, snapshot));
                }
            }
        }
        sessions.push(checked);
    }
    request.leave(&sessions, waiting)?;
    Ok(sessions)
}

/// What happened after the last day of a baseline. It never gates.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Beyond {
    /// How many bars are new.
    pub bars: u64,
    /// The first new trading day.
    pub from: NaiveDate,
    /// The last one.
    pub to: NaiveDate,
    /// What the account made over them, a fraction.
    pub total_return: f64,
    /// How many fills there were.
    pub fills: u64,
}

impl Beyond {
    /// It in one line.
    pub fn text(&self) -> String {
        let Self { bars, from, to, total_return, fills } = self;
        format!(
            "{bars} new bars after the baseline, {from} to {to}: return {total_return}, {fills} fills"
        )
    }
}

/// What a point of the plan of a check is there for.
#[derive(Debug)]
pub enum Role {
    /// To be held against its baseline, over whose days it runs.
    Gate(Box<Baseline>),
    /// To show what happened after them.
    Beyond(NaiveDate),
    /// To be the baseline, since there is none that can be used.
    Fresh(Lack),
}

/// The role of a point, and its place among the points of the manifests' plan.
pub type Cast = (Role, usize);

/// The plan that checks `plan`, with the role of each of its points: `lookup` finds the baseline of a
/// session by its project and key.
pub fn pin(
    plan: Plan,
    mut lookup: impl FnMut(usize, &str) -> Result<Baseline, Lack>,
) -> (Plan, Vec<Cast>) {
    let mut pinned = plan;
    let (bases, points) = (std::mem::take(&mut pinned.bases), std::mem::take(&mut pinned.points));
    let mut roles = Vec::new();
    // The bases made of each of the plan's, by their days.
    let mut made: Vec<(usize, Option<Range>, usize)> = Vec::new();
    let mut place = |pinned: &mut Plan, point: &Point, range: Option<Range>| {
        let (base, row) = (point.base, point.row);
        let known = made.iter().find(|(of, days, _)| (*of, *days) == (base, range));
        let number = known.map(|(.., number)| *number).unwrap_or_else(|| {
            pinned.bases.push(range.map_or_else(|| bases[base].clone(), |r| over(&bases[base], r)));
            made.push((base, range, pinned.bases.len() - 1));
            pinned.bases.len() - 1
        });
        pinned.points.push(Point { base: number, row });
    };
    for (index, point) in points.iter().enumerate() {
        let base = &bases[point.base];
        match lookup(base.project, &base.key(point)) {
            Err(lack) => {
                place(&mut pinned, point, None);
                roles.push((Role::Fresh(lack), index));
            }
            Ok(baseline) => {
                let (from, to) = (baseline.snapshot.range.from, baseline.snapshot.range.to);
                let range = Range { from: Some(from), to: Some(to) };
                place(&mut pinned, point, Some(range));
                roles.push((Role::Gate(Box::new(baseline)), index));
                if base.session.range.to.is_none_or(|last| last > to) {
                    place(&mut pinned, point, None);
                    roles.push((Role::Beyond(to), index));
                }
            }
        }
    }
    (pinned, roles)
}

/// `plan` as it is, with the baseline of each of its points: for results that are there already, or
/// over other days than those of the baselines.
pub fn cast(
    plan: Plan,
    mut lookup: impl FnMut(usize, &str) -> Result<Baseline, Lack>,
) -> (Plan, Vec<Cast>) {
    let role = |(index, point): (usize, &Point)| {
        let base = plan.base(point);
        let role = match lookup(base.project, &base.key(point)) {
            Ok(baseline) => Role::Gate(Box::new(baseline)),
            Err(lack) => Role::Fresh(lack),
        };
        (role, index)
    };
    let roles = plan.points.iter().enumerate().map(role).collect();
    (plan, roles)
}

/// `base` over other days.
fn over(base: &Base, range: Range) -> Base {
    let mut base = base.clone();
    base.session.range = range;
    let place = base.declared.place.clone();
    for (path, day) in [("range.from", range.from), ("range.to", range.to)] {
        if let Some(day) = day {
            let node = Node { value: Value::Date(day.to_string()), place: place.clone() };
            base.declared.tree.set_at(path, node, &place);
        }
    }
    base
}

/// What a check is told.
#[derive(Debug)]
pub struct Request<'a> {
    /// The plan that [`pin`] made.
    pub plan: &'a Plan,
    /// The roles of its points.
    pub roles: &'a [Cast],
    /// The plan with its data.
    pub prepared: &'a Prepared,
    /// The baselines of each project.
    pub baselines: &'a [Baselines],
    /// Where results of each project come from, as far as it is known before they are there.
    pub sources: &'a [Source],
    /// Whether results that differ are left to be accepted.
    pub leaves: bool,
    /// Another number for the engine, for tests of what that means.
    pub engine: Option<u32>,
}

/// A finished check.
#[derive(Debug, Default, PartialEq)]
pub struct Checks {
    /// The name of the baselines; `None` where only expectations were held.
    pub baseline: Option<String>,
    /// The sessions in the order of the plan, then baselines without one.
    pub sessions: Vec<Checked>,
}

impl Checks {
    /// How many sessions ended so.
    pub fn count(&self, standing: Standing) -> usize {
        self.sessions.iter().filter(|session| session.standing == standing).count()
    }
}

/// Carry out a check with `batch`; `watch` is told of every session that ends.
///
/// Results that wait are written as they come, except that one that failed marks all of them as
/// incomplete: they are written once all have ended.
pub fn check(
    request: &Request<'_>,
    batch: &Batch<'_>,
    mut watch: impl FnMut(u64, bool),
) -> Result<Vec<Checked>, StoreError> {
    let Request { roles, prepared, .. } = request;
    let needed = |job: &&Job| match (&roles[job.index].0, &job.work) {
        (Role::Beyond(last), Ok(work)) => {
            let days = prepared.slices[work.slice].days();
            days.is_some_and(|(_, to)| to > *last)
        }
        (Role::Beyond(_), Err(_)) => false,
        _ => true,
    };
    let jobs: Vec<(&Job, bool)> =
        prepared.jobs.iter().filter(needed).map(|job| (job, true)).collect();
    let by_index: HashMap<usize, &Job> = jobs.iter().map(|(job, _)| (job.index, *job)).collect();
    let mut checked: Vec<Option<Checked>> = roles.iter().map(|_| None).collect();
    let mut beyond = Vec::new();
    let mut waiting = Vec::new();
    let mut began = Instant::now();
    batch.run(&jobs, |finished| {
        let Some(finished) = finished else { return };
        let job = by_index[&finished.index];
        watch(prepared.bars(job), finished.result.is_ok());
        let (role, index) = &roles[finished.index];
        match (role, finished.result) {
            (Role::Beyond(last), Ok(done)) => {
                let kept = Kept::of(request.plan, prepared, job, &done);
                let facts = kept.and_then(|kept| after(&kept, *last));
                beyond.extend(facts.map(|facts| (*index, facts)));
            }
            (Role::Beyond(_), Err(_)) => {}
            (role, result) => {
                let (one, snapshot) = request.judged(job, role, result);
                waiting.extend(snapshot.map(|snapshot| (request.project(job), snapshot)));
                checked[*index] =
                    Some(Checked { seconds: Some(began.elapsed().as_secs_f64()), ..one });
                began = Instant::now();
            }
        }
    });
    let mut sessions: Vec<Checked> = Vec::new();
    for (index, one) in checked.into_iter().enumerate() {
        let facts = beyond.iter().find(|(of, _)| *of == index).map(|(_, facts)| facts.clone());
        sessions.extend(one.map(|one| Checked { beyond: facts, ..one }));
    }
    request.leave(&sessions, waiting)?;
    Ok(sessions)
}

impl Request<'_> {
    fn project(&self, job: &Job) -> usize {
        self.plan.base(&self.plan.points[job.index]).project
    }

    /// A session of which nothing is known yet.
    fn blank(&self, job: &Job) -> Checked {
        let point = &self.plan.points[job.index];
        let base = self.plan.base(point);
        Checked {
            key: base.key(point),
            session: base.session.name.clone(),
            manifest: self.sources[base.project].manifest.clone(),
            place: Some(PlaceOf(base.session.place.clone())),
            standing: Standing::Broken,
            verdict: Verdict::default(),
            beyond: None,
            metrics: Metrics::default(),
            seconds: None,
        }
    }

    /// Leave the results that wait, each with its project, unless nothing is to be left.
    fn leave(
        &self,
        sessions: &[Checked],
        waiting: Vec<(usize, Snapshot)>,
    ) -> Result<(), StoreError> {
        if !self.leaves {
            return Ok(());
        }
        let is_whole = |one: &Checked| !matches!(one.standing, Standing::Broken | Standing::Absent);
        let complete = sessions.iter().all(is_whole);
        for (project, snapshot) in waiting {
            let source = &self.sources[project];
            let source = Source { complete: complete && source.complete, ..source.clone() };
            let accepted = Accepted::default();
            self.baselines[project].leave(&Baseline { snapshot, source, accepted })?;
        }
        Ok(())
    }

    /// What a session came to, and its result if it is not that of its baseline.
    fn judged(
        &self,
        job: &Job,
        role: &Role,
        result: Result<Done, Failure>,
    ) -> (Checked, Option<Snapshot>) {
        let plan = self.plan;
        let base = plan.base(&plan.points[job.index]);
        let mut checked = self.blank(job);
        let done = match result {
            Ok(done) => done,
            Err(failure) => {
                checked.verdict.find(Level::Failure, "session", failure.error, None);
                return (checked, None);
            }
        };
        checked.metrics = done.metrics;
        let taken = Snapshot::computed(plan, self.prepared, job, &done);
        let mut snapshot = taken.expect("a session that ran has days and details");
        if let Some(engine) = self.engine {
            snapshot.identity.engine = engine;
        }
        hold(&mut checked, role, &snapshot, &plan.checks[base.project], &base.declared.tree);
        checked.expect(&base.session.expect);
        let waits = match role {
            Role::Gate(_) => checked.verdict.differs() || checked.failed(),
            _ => true,
        };
        (checked, waits.then_some(snapshot))
    }
}

/// Hold a result against its baseline, or tell that there is none.
pub fn hold(
    checked: &mut Checked,
    role: &Role,
    snapshot: &Snapshot,
    check: &Check,
    tree: &crate::manifest::Table,
) {
    match role {
        Role::Gate(baseline) => {
            let gates = check.gates(&checked.session, tree);
            checked.verdict = judge(&baseline.snapshot, snapshot, &gates);
            checked.standing = match (checked.verdict.failed(), checked.verdict.differs()) {
                (true, _) => Standing::Failed,
                (false, true) => Standing::Changed,
                (false, false) => Standing::Held,
            };
        }
        Role::Fresh(lack) => {
            let (standing, level) = match (lack, check.on_missing) {
                (Lack::Unreadable { .. }, _) => (Standing::Unreadable, Level::Failure),
                (Lack::Missing(_), OnMissing::Fail) => (Standing::Missing, Level::Failure),
                (Lack::Missing(_), OnMissing::Warn) => (Standing::New, Level::Warning),
                (Lack::Missing(_), OnMissing::New) => (Standing::New, Level::Note),
            };
            let text = match lack {
                Lack::Missing(_) => format!("there is no baseline of `{}`", checked.key),
                lack => lack.to_string(),
            };
            checked.standing = standing;
            checked.verdict.find(level, "baseline", text, None);
        }
        Role::Beyond(_) => {}
    }
}

/// What a session did after the day `last`.
fn after(kept: &Kept<'_>, last: NaiveDate) -> Option<Beyond> {
    let (frame, outcome) = (kept.frame(), kept.outcome);
    let date = |number: i32| NaiveDate::from_epoch_days(number);
    let is_old = |number: i32| date(number).is_some_and(|day| day <= last);
    let first = frame.days.partition_point(|day| is_old(day.number));
    let start = first.checked_sub(1).map_or(0, |day| frame.days[day].end);
    let equity = kept.equity_series();
    let before = match start {
        0 => kept.work().variant().settings().capital,
        start => equity[start - 1],
    };
    Some(Beyond {
        bars: (frame.len() - start) as u64,
        from: date(frame.days.get(first)?.number)?,
        to: date(frame.days.last()?.number)?,
        total_return: equity.last()? / before - 1.0,
        fills: outcome.fills.iter().filter(|fill| fill.bar >= start).count() as u64,
    })
}

/// The sessions of a run, each held against what its manifest expects of it.
/// Those that are as expected are there if `all` are wanted.
pub fn expected(plan: &Plan, rows: &[Row], all: bool) -> Checks {
    let session = |row: &Row| {
        let point = &plan.points[row.index as usize];
        let base = plan.base(point);
        let mut verdict = Verdict::default();
        let standing = match row.status {
            Status::Completed => {
                verdict.findings = expect(&row.metrics, &base.session.expect);
                if verdict.failed() { Standing::Failed } else { Standing::Held }
            }
            _ => {
                let why = row.error.clone().unwrap_or_else(|| "no reason was given".into());
                verdict.find(Level::Failure, "session", why, None);
                Standing::Broken
            }
        };
        if !all && standing == Standing::Held {
            return None;
        }
        Some(Checked {
            key: base.key(point),
            session: base.session.name.clone(),
            manifest: plan.manifests.get(base.project).map_or_else(String::new, |it| it.0.clone()),
            place: Some(PlaceOf(base.session.place.clone())),
            standing,
            verdict,
            beyond: None,
            metrics: row.metrics,
            seconds: None,
        })
    };
    Checks { baseline: None, sessions: rows.iter().filter_map(session).collect() }
}

/// The baselines that were made from the manifest of `source` and have no session in `keys` any more.
pub fn extra(
    baselines: &Baselines,
    source: &Source,
    check: &Check,
    keys: &HashSet<String>,
) -> Result<Vec<Checked>, StoreError> {
    let level = match check.on_extra {
        Strictness::Fail => Level::Failure,
        Strictness::Warn => Level::Warning,
        Strictness::Ignore => return Ok(Vec::new()),
    };
    let mut extra = Vec::new();
    for entry in baselines.all()? {
        let Ok(accepted) = &entry.accepted else { continue };
        if keys.contains(&accepted.snapshot.key) || accepted.source.manifest != source.manifest {
            continue;
        }
        let text = format!(
            "`{}` has a baseline, and the manifest declares it no more; `papertape baseline prune` removes it",
            accepted.snapshot.key
        );
        let mut verdict = Verdict::default();
        verdict.find(level, "baseline", text, None);
        extra.push(Checked {
            key: accepted.snapshot.key.clone(),
            session: accepted.snapshot.session.clone(),
            manifest: source.manifest.clone(),
            place: None,
            standing: Standing::Extra,
            verdict,
            beyond: None,
            metrics: Metrics::default(),
            seconds: None,
        });
    }
    Ok(extra)
}

/// The place that a finding points at: its own, else that of its session.
pub fn place_of<'a>(finding: &'a Finding, checked: &'a Checked) -> Option<&'a Place> {
    finding.place.as_ref().or(checked.place.as_ref()).map(|place| &place.0)
}
