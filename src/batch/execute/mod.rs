//! A plan carried out: cached rows taken over, the rest run, every row written before the next is
//! awaited for long, the best kept, results merged, records appended.
//!
//! A run that was killed goes on from its rows: what has a row is not run again.

mod ended;
mod keep;
mod label;
mod record;
mod take_over;

pub(super) use keep::{TOP, keeps_at_once};
pub use take_over::cached;

use super::kept::Kept;
use super::{Batch, Done, Failure, Finished, Took, column_bytes};
use crate::diag::counted;
use crate::engine::ENGINE;
use crate::manifest::Mode;
use crate::metrics::Metrics;
use crate::plan::{Base, Job, Plan, Point, Prepared, file};
use crate::store::EventKind::{Check, Checkpoint, PhaseEnd, PhaseStart, RunnerEnd, RunnerStart};
use crate::store::Level;
use crate::store::{
    self, CachedRow, Counts, DataCheck, Event, EventKind, Goal, Journal, Label, ManifestDigest,
    Phase, Row, Run, RunHeader, RunStatus, Status, Store, StoreError, session_dir,
};
use blake3::Hash;
use chrono::Utc;
use ended::Ended;
use label::Labels;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A batch of rows is written when it has this many, or after a second.
const BATCH_ROWS: usize = 1_000;
const BATCH_TIME: Duration = Duration::from_secs(1);

/// The phases of a run's journal, and that of each of its sessions.
const PLAN: &str = "plan";
const SESSIONS: &str = "sessions";
const RESULTS: &str = "results";
const SESSION: &str = "session";

/// What is to be done, and by whom.
#[derive(Debug)]
pub struct Request<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The plan with its data.
    pub prepared: &'a Prepared,
    /// Where everything goes.
    pub store: &'a Store,
    /// How many threads compute.
    pub threads: usize,
    /// Set by a signal: finish what is running and begin nothing else.
    pub cancel: &'a AtomicBool,
    /// The index of a session that is to panic, for tests.
    pub fault: Option<usize>,
    /// The machine's name.
    pub host: &'a str,
    /// The command line, word by word.
    pub command_line: &'a [String],
    /// What happened before, such as planning, and how long it took.
    pub phases: Vec<Phase>,
    /// The sessions whose account another process held, so that they are no part of the plan any more.
    pub left_out: Vec<String>,
}

/// What somebody who watches is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// So many sessions are to run, and walk over so many bars; the others were taken over.
    Begin {
        /// Sessions to run.
        sessions: usize,
        /// Bars to walk over.
        bars: u64,
        /// Sessions taken over or finished before.
        done: usize,
    },
    /// One more session ended after walking over so many bars.
    Session {
        /// Bars of its range, all symbols together.
        bars: u64,
        /// Whether it completed.
        completed: bool,
    },
    /// So many of the best run again for their details, each of which is told like the first time.
    Again {
        /// Sessions to run.
        sessions: usize,
    },
    /// All sessions ended; files are being written.
    Writing,
}

/// Whoever keeps the accounts of paper sessions: is shown each session that ran, and says what is to be
/// said beside its result or why it failed; `None` of a session that has no account.
pub type Settle<'a> = dyn FnMut(&Kept<'_>) -> Option<Result<String, Failure>> + 'a;

/// What came of a run.
#[derive(Debug)]
pub struct Summary {
    /// The run's directory.
    pub run: Run,
    /// The row of every session, in the order of the plan; only those that ended, if it was stopped.
    pub rows: Vec<Row>,
    /// How many ended how.
    pub counts: Counts,
    /// How the run ended.
    pub status: RunStatus,
    /// What went wrong beside the sessions.
    pub warnings: Vec<String>,
    /// Why the registry lacks records of this run; its results are complete all the same.
    pub registry: Option<StoreError>,
}

fn identity(job: &Job) -> Option<Hash> {
    job.work.as_ref().ok().map(|work| Hash::from(work.identity().digest()))
}

/// Begin a new run and carry it out.
pub fn start(
    request: Request<'_>,
    cached: &HashMap<usize, CachedRow>,
    watch: &mut dyn FnMut(Progress),
    accounts: &mut Settle<'_>,
) -> Result<Summary, StoreError> {
    let plan = request.plan;
    let taken: Vec<bool> =
        (0..plan.points.len()).map(|index| cached.contains_key(&index)).collect();
    let text = file::write(plan, request.prepared, &taken);
    let objective = plan.run.objective;
    let header = RunHeader {
        engine: ENGINE,
        command_line: request.command_line.to_vec(),
        manifests: plan
            .manifests
            .iter()
            .map(|(path, digest)| ManifestDigest { path: path.clone(), digest: digest.clone() })
            .collect(),
        host: request.host.to_owned(),
        threads: request.threads,
        objective: store::Objective {
            metric: objective.metric.name().to_owned(),
            goal: if objective.maximize { Goal::Maximize } else { Goal::Minimize },
        },
        keep: plan.run.keep.word(),
        partial: plan.partial,
        left_out: request.left_out.clone(),
        env: plan
            .bases
            .first()
            .map(|base| base.session.label.env.clone())
            .filter(|env| !env.is_empty()),
        sessions: plan.points.len() as u64,
        plan: text,
    };
    let run = request.store.create_run(header, Utc::now())?;
    let halted = halted(&run);
    Execution::new(request, run)
        .and_then(|execution| execution.carry_out(cached, watch, accounts))
        .map_err(halted)
}

/// Go on with a run that did not end. `taken` says which sessions it took over from earlier runs.
pub fn resume(
    request: Request<'_>,
    mut run: Run,
    taken: &[bool],
    watch: &mut dyn FnMut(Progress),
    accounts: &mut Settle<'_>,
) -> Result<Summary, StoreError> {
    run.update(|file| {
        file.status = RunStatus::Running;
        (file.finished, file.exit_code) = (None, None);
    })?;
    run.remove_reports(&request.plan.run.reports)?;
    let halted = halted(&run);
    let mut execution = Execution::new(request, run)?;
    // What the process before this one ran has no record yet.
    let mut came = 0;
    for row in execution.rows.rows() {
        let index = row.index as usize;
        execution.ran[index] = !taken.get(index).is_some_and(|taken| *taken);
        came += u64::from(!execution.ran[index]);
    }
    let carried = execution
        .say_taken_before(came)
        .and_then(|()| execution.carry_out(&HashMap::new(), watch, accounts));
    carried.map_err(halted)
}

/// What becomes of an error of a run that was begun.
fn halted(run: &Run) -> impl FnOnce(StoreError) -> StoreError + use<> {
    let run = run.id().to_owned();
    |cause| StoreError::Halted { run, cause: Box::new(cause) }
}

/// The row of one session that shares nothing with any other, its details found out on the way, and thus
/// walked event by event.
pub fn alone(plan: &Plan, prepared: &Prepared, job: &Job) -> Row {
    match &super::alone(plan, prepared, job, true).result {
        Ok(done) => completed(job.index, identity(job), done),
        Err(failure) => failed(job.index, identity(job), failure),
    }
}

struct Execution<'a> {
    request: Request<'a>,
    run: Run,
    journal: Journal,
    labels: Labels<'a>,
    rows: Ended,
    waiting: Vec<Row>,
    written: Instant,
    /// Which sessions of the plan this run ran itself: they get a record.
    ran: Vec<bool>,
    kept: HashSet<String>,
    warnings: Vec<String>,
    phases: Vec<Phase>,
    took: Took,
    /// The time spent on writing rows.
    writing: Duration,
    failed: Option<StoreError>,
    stopped: bool,
    resumed: bool,
}

impl<'a> Execution<'a> {
    fn new(mut request: Request<'a>, run: Run) -> Result<Self, StoreError> {
        let journal = run.journal()?;
        let (ended, damaged) = run.reader().rows()?;
        let phases = std::mem::take(&mut request.phases);
        let sessions = request.plan.points.len();
        let mut execution = Self {
            labels: Labels::of(request.plan, request.prepared),
            rows: Ended::with_room(sessions),
            kept: run.reader().kept()?.into_iter().collect(),
            warnings: damaged
                .iter()
                .map(|warning| format!("{warning}; its sessions run again"))
                .collect(),
            request,
            run,
            journal,
            waiting: Vec::new(),
            written: Instant::now(),
            ran: vec![false; sessions],
            phases,
            took: Took::default(),
            writing: Duration::ZERO,
            failed: None,
            stopped: false,
            resumed: false,
        };
        ended.into_iter().for_each(|row| execution.rows.insert(row));
        Ok(execution)
    }

    fn carry_out(
        mut self,
        cached: &HashMap<usize, CachedRow>,
        watch: &mut dyn FnMut(Progress),
        accounts: &mut Settle<'_>,
    ) -> Result<Summary, StoreError> {
        self.resumed = self.rows.len() > 0;
        let resumed = self.resumed;
        let began = Instant::now();
        let sessions = self.request.plan.points.len();
        let start = match resumed {
            true => format!("goes on with {} of them done", self.rows.len()),
            false => "begins".to_owned(),
        };
        let start =
            event(RunnerStart, format!("a run of {} {start}", counted(sessions, "session")));
        self.journal.append(&start.count("sessions", sessions).fact("resumed", resumed))?;
        for phase in self.phases.clone() {
            self.journal.append(&ended(&phase.name, Duration::from_secs_f64(phase.seconds)))?;
        }
        self.tell_checks()?;
        self.journal.append(&began_phase(SESSIONS))?;
        self.take_over(cached)?;
        self.run_missing(watch, accounts)?;
        self.phase(SESSIONS, began.elapsed());
        self.journal.append(&ended(SESSIONS, began.elapsed()))?;
        for (name, took) in self.took.parts() {
            self.phase(name, took);
        }
        self.phase("rows", self.writing);
        if self.stopped {
            return self.stop();
        }
        let began = Instant::now();
        self.journal.append(&began_phase(RESULTS))?;
        self.keep_best(cached, watch)?;
        if self.stopped {
            return self.stop();
        }
        watch(Progress::Writing);
        let counts = self.counts();
        let rows = std::mem::take(&mut self.rows).into_rows();
        self.run.write_results(rows.iter().map(|row| (self.label(row.index as usize), row)))?;
        self.phase(RESULTS, began.elapsed());
        self.journal.append(&ended(RESULTS, began.elapsed()))?;
        let registry = self.record(&rows).err();
        let status = match counts.completed == counts.selected {
            true => RunStatus::Completed,
            false => RunStatus::Failed,
        };
        let code = if status == RunStatus::Completed { 0 } else { 3 };
        let code = if registry.is_some() { 74 } else { code };
        self.tell_end(&counts, status)?;
        self.run.finish(status, Utc::now(), self.phases, counts, code)?;
        Ok(Summary { run: self.run, rows, counts, status, warnings: self.warnings, registry })
    }

    fn phase(&mut self, name: &str, took: Duration) {
        self.phases.push(Phase { name: name.to_owned(), seconds: took.as_secs_f64() });
    }

    /// Say of each symbol of the plan that its rows passed the checks, and what they found. A session
    /// whose rows did not pass ends with an error of its own.
    fn tell_checks(&mut self) -> Result<(), StoreError> {
        let mut told = BTreeSet::new();
        let verdicts = self.request.prepared.slices.iter().flat_map(|slice| &slice.verdicts);
        for verdict in verdicts.filter(|verdict| !verdict.refuses()) {
            if !told.insert((&verdict.symbol, &verdict.file)) {
                continue;
            }
            for found in DataCheck::all(verdict) {
                let message = format!("{}: {}; {}", found.symbol, found.found, found.done);
                let check = event(Check, message).phase(PLAN).level(Level::Warning);
                let check = check.fact("name", format!("data.{}", found.check));
                let check = check.fact("symbol", found.symbol).fact("passed", true);
                self.journal.append(&check.count("cases", found.count as usize))?;
            }
            let check = event(Check, format!("{}: the rows pass", verdict.symbol)).phase(PLAN);
            let check = check.fact("name", "data").fact("symbol", verdict.symbol.as_str());
            self.journal.append(&check.fact("passed", true).count("rows", verdict.rows))?;
        }
        Ok(())
    }

    fn tell_end(&mut self, counts: &Counts, status: RunStatus) -> Result<(), StoreError> {
        let message = format!("the run is {}", status.word());
        let end = event(RunnerEnd, message).fact("status", status.word());
        let counted = [
            ("completed", counts.completed),
            ("failed", counts.failed),
            ("refused", counts.refused),
            ("missing", counts.selected - counts.ended()),
        ];
        let end = counted.iter().fold(end, |end, (name, count)| end.count(name, *count as usize));
        self.journal.append(&end)
    }

    /// The job of session number `index`; they are in the order of the plan.
    fn job(&self, index: usize) -> Option<&'a Job> {
        let jobs = &self.request.prepared.jobs;
        jobs.binary_search_by_key(&index, |job| job.index).ok().map(|place| &jobs[place])
    }

    fn base(&self, index: usize) -> (&'a Base, &'a Point) {
        let point = &self.request.plan.points[index];
        (self.request.plan.base(point), point)
    }

    fn dir(&self, index: usize, identity: &Hash) -> String {
        session_dir(&self.base(index).0.session.name, identity)
    }

    fn run_missing(
        &mut self,
        watch: &mut dyn FnMut(Progress),
        accounts: &mut Settle<'_>,
    ) -> Result<(), StoreError> {
        let prepared = self.request.prepared;
        let todo: Vec<(&Job, bool)> = prepared
            .jobs
            .iter()
            .filter(|job| !self.rows.contains(job.index))
            .map(|job| {
                let point = &self.request.plan.points[job.index];
                let is_account = self.request.plan.base(point).session.mode == Mode::Paper;
                (job, is_account || keeps_at_once(self.request.plan, point))
            })
            .collect();
        let bars = todo.iter().map(|(job, _)| prepared.bars(job)).sum();
        watch(Progress::Begin { sessions: todo.len(), bars, done: self.rows.len() });
        if todo.is_empty() {
            return Ok(());
        }
        let batch = self.batch();
        batch.run(&todo, |finished| {
            let Some(finished) = finished else {
                self.settle(None, accounts);
                return;
            };
            let bars = self.job(finished.index).map_or(0, |job| prepared.bars(job));
            watch(Progress::Session { bars, completed: finished.result.is_ok() });
            self.settle(Some(finished), accounts);
        });
        self.stopped = self.rows.len() < prepared.jobs.len();
        match self.failed.take() {
            Some(error) => {
                // There may be room for the rows of what ended, if not for everything.
                let _ = self.run.append_rows(&self.waiting);
                Err(error)
            }
            None => self.flush_if_due(true),
        }
    }

    fn batch(&self) -> Batch<'a> {
        Batch {
            plan: self.request.plan,
            prepared: self.request.prepared,
            threads: self.request.threads,
            column_bytes: column_bytes(&self.request.plan.run),
            cancel: self.request.cancel,
            fails_fast: self.request.plan.run.fail_fast,
            timeout: self.request.plan.run.timeout,
            fault: self.request.fault,
        }
    }

    /// Write down what a session left, or just what waits. If that fails nothing more is begun: a
    /// result that cannot be written is not worth computing.
    fn settle(&mut self, finished: Option<Finished>, accounts: &mut Settle<'_>) {
        if self.failed.is_some() {
            return;
        }
        let settled = match finished {
            Some(finished) => self.settle_session(self.settle_account(finished, accounts)),
            None => self.flush_if_due(false),
        };
        if let Err(error) = settled {
            self.failed = Some(error);
            self.request.cancel.store(true, Ordering::Relaxed);
        }
    }

    /// What a session's account makes of its end.
    fn settle_account(&self, mut finished: Finished, accounts: &mut Settle<'_>) -> Finished {
        let answer = match &finished.result {
            Ok(done) => self.kept(finished.index, done).and_then(|kept| accounts(&kept)),
            Err(_) => None,
        };
        match (answer, &mut finished.result) {
            (Some(Ok(word)), Ok(done)) => {
                let note = done.note.take().map_or(String::new(), |note| format!("; {note}"));
                done.note = Some(format!("{word}{note}"));
            }
            (Some(Err(failure)), result) => *result = Err(failure),
            _ => {}
        }
        finished
    }

    fn settle_session(&mut self, finished: Finished) -> Result<(), StoreError> {
        let index = finished.index;
        let (base, point) = self.base(index);
        let key = base.key(point);
        let identity = self.job(index).and_then(identity);
        let keeps = keeps_at_once(self.request.plan, point);
        let told = finished.result.and_then(|done| {
            let files = if keeps { self.details(index, &done)? } else { None };
            Ok((done, files))
        });
        let row = match told {
            Ok((done, files)) => {
                files.map_or(Ok(()), |files| self.leave(index, &files))?;
                self.took += done.took;
                completed(index, identity, &done)
            }
            Err(failure) => {
                if failure.is_grave() && self.request.plan.run.fail_fast {
                    self.request.cancel.store(true, Ordering::Relaxed);
                }
                self.keep_failed(index, &failure)?;
                failed(index, identity, &failure)
            }
        };
        let (kind, message) = match &row.error {
            Some(error) => (EventKind::Error, error.clone()),
            None => (PhaseEnd, "completed".to_owned()),
        };
        let end = event(kind, message).session(key).phase(SESSION).count("bars", row.bars as usize);
        self.journal.append(&end.fact("index", index).fact("status", row.status.word()))?;
        self.ran[index] = true;
        self.rows.insert(row.clone());
        self.waiting.push(row);
        self.flush_if_due(false)
    }

    fn flush_if_due(&mut self, now: bool) -> Result<(), StoreError> {
        let due = now || self.waiting.len() >= BATCH_ROWS || self.written.elapsed() >= BATCH_TIME;
        if due && !self.waiting.is_empty() {
            let began = Instant::now();
            self.run.append_rows(&self.waiting)?;
            self.writing += began.elapsed();
            let message = format!("{} are on the disk", counted(self.waiting.len(), "row"));
            let checkpoint = event(Checkpoint, message).phase(SESSIONS);
            self.journal.append(&checkpoint.count("rows", self.waiting.len()))?;
            self.waiting.clear();
        }
        if due {
            self.written = Instant::now();
        }
        Ok(())
    }

    fn label(&self, index: usize) -> Label {
        self.labels.label(index, self.job(index))
    }

    fn counts(&self) -> Counts {
        let with =
            |status: Status| self.rows.rows().filter(|row| row.status == status).count() as u64;
        Counts {
            selected: self.request.plan.points.len() as u64,
            completed: with(Status::Completed),
            failed: with(Status::Failed),
            refused: with(Status::Refused),
            aborted: with(Status::Aborted),
            cached: self.run.reader().file().cached_from.iter().map(|from| from.rows).sum(),
        }
    }

    /// Close a run that was told to stop before its end.
    fn stop(mut self) -> Result<Summary, StoreError> {
        let counts = self.counts();
        let rows = std::mem::take(&mut self.rows).into_rows();
        let status = RunStatus::Incomplete;
        self.tell_end(&counts, status)?;
        self.run.finish(status, Utc::now(), self.phases, counts, 5)?;
        Ok(Summary { run: self.run, rows, counts, status, warnings: self.warnings, registry: None })
    }
}

fn event(kind: EventKind, message: impl Into<String>) -> Event {
    Event::new(Utc::now(), kind, message)
}

fn began_phase(phase: &str) -> Event {
    event(PhaseStart, format!("the phase `{phase}` begins")).phase(phase)
}

fn ended(phase: &str, took: Duration) -> Event {
    event(PhaseEnd, format!("the phase `{phase}` ends"))
        .phase(phase)
        .metric("seconds", took.as_secs_f64())
}

fn completed(index: usize, identity: Option<Hash>, done: &Done) -> Row {
    Row {
        index: index as u64,
        identity: identity.unwrap_or(Hash::from([0; 32])),
        status: Status::Completed,
        error: None,
        kind: None,
        bars: done.bars,
        metrics: done.metrics,
        parts: done.parts.clone(),
        fills: Some(Hash::from(done.fills)),
        note: done.note.clone(),
    }
}

fn failed(index: usize, identity: Option<Hash>, failure: &Failure) -> Row {
    let status = if failure.kind == "data" { Status::Refused } else { Status::Failed };
    Row {
        index: index as u64,
        identity: identity.unwrap_or(Hash::from([0; 32])),
        status,
        error: Some(failure.error.clone()),
        kind: Some(failure.kind.to_owned()),
        bars: 0,
        metrics: Metrics::default(),
        parts: None,
        fills: None,
        note: None,
    }
}
