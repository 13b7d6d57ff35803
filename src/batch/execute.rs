//! A plan carried out: cached rows taken over, the rest run, every row written before the next is
//! awaited for long, the best kept, results merged, records appended.
//!
//! A run that was killed goes on from its rows: what has a row is not run again.

use super::ended::Ended;
use super::kept::{self, Kept};
use super::{Batch, Done, Failure, Finished, Took, column_bytes};
use crate::diag::counted;
use crate::engine::ENGINE;
use crate::expr::Scalar;
use crate::manifest::{Keep, Mode, Objective, Project};
use crate::metrics::Metrics;
use crate::plan::{self, Base, Job, Plan, Point, Prepared, Work, file, hex};
use crate::store::EventKind::{Check, Checkpoint, PhaseEnd, PhaseStart, RunnerEnd, RunnerStart};
use crate::store::Level;
use crate::store::{
    self, CachedFrom, CachedRow, Counts, DataCheck, Event, EventKind, Goal, Journal, Label,
    ManifestDigest, Phase, Record, Row, Run, RunHeader, RunStatus, Status, Store, StoreError,
    SweepSummary, session_dir,
};
use blake3::Hash;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How many earlier runs are looked through for results that can be taken over.
const CACHE_RUNS: usize = 64;
/// A batch of rows is written when it has this many, or after a second.
const BATCH_ROWS: usize = 1_000;
const BATCH_TIME: Duration = Duration::from_secs(1);
/// How many points of a sweep are kept when nothing is said.
pub(super) const TOP: usize = 20;

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
    /// The projects of its manifests.
    pub projects: &'a [Project],
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

/// The earlier results that sessions of `prepared` can take over, by their index.
///
/// A session whose details are wanted, and were not kept then, is run again for them.
pub fn cached(
    store: &Store,
    plan: &Plan,
    prepared: &Prepared,
    wanted: bool,
) -> (HashMap<usize, CachedRow>, Vec<String>) {
    if !wanted {
        return (HashMap::new(), Vec::new());
    }
    let identities: HashSet<Hash> = prepared.jobs.iter().filter_map(identity).collect();
    let (found, warnings) = store.cached(&identities, CACHE_RUNS);
    let of = |job: &Job| {
        let row = found.get(&identity(job)?)?;
        let point = &plan.points[job.index];
        // An account is there to be moved forward.
        if plan.base(point).session.mode == Mode::Paper {
            return None;
        }
        let wanted = keeps_at_once(plan, point);
        (row.kept.is_some() || !wanted).then(|| (job.index, row.clone()))
    };
    let warnings = warnings.iter().map(ToString::to_string).collect();
    (prepared.jobs.iter().filter_map(of).collect(), warnings)
}

/// Whether a session's details are written as soon as it ends, whatever the others do.
pub(super) fn keeps_at_once(plan: &Plan, point: &Point) -> bool {
    match plan.run.keep {
        Keep::All => true,
        Keep::Auto => !plan.base(point).swept,
        Keep::Failed | Keep::None | Keep::Top(_) => false,
    }
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
    let text = file::write(plan, request.projects, request.prepared, &taken);
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
        env: plan
            .bases
            .first()
            .map(|base| base.session.label.env.clone())
            .filter(|env| !env.is_empty()),
        plan_digest: hex(&file::digest(&text), 64),
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
    let halted = halted(&run);
    let mut execution = Execution::new(request, run)?;
    // What the process before this one ran has no record yet.
    for row in execution.rows.rows() {
        let index = row.index as usize;
        execution.ran[index] = !taken.get(index).is_some_and(|taken| *taken);
    }
    execution.carry_out(&HashMap::new(), watch, accounts).map_err(halted)
}

/// What becomes of an error of a run that was begun.
fn halted(run: &Run) -> impl FnOnce(StoreError) -> StoreError + use<> {
    let run = run.id().to_owned();
    |cause| StoreError::Halted { run, cause: Box::new(cause) }
}

/// The row of one session that shares nothing with any other.
pub fn alone(plan: &Plan, prepared: &Prepared, job: &Job) -> Row {
    match &super::alone(plan, prepared, job, false).result {
        Ok(done) => completed(job.index, identity(job), done),
        Err(failure) => failed(job.index, identity(job), failure),
    }
}

struct Execution<'a> {
    request: Request<'a>,
    run: Run,
    journal: Journal,
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
        watch(Progress::Writing);
        let began = Instant::now();
        self.journal.append(&began_phase(RESULTS))?;
        self.keep_best(cached)?;
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

    /// Take the rows of earlier runs, and say from which.
    fn take_over(&mut self, cached: &HashMap<usize, CachedRow>) -> Result<(), StoreError> {
        let mut runs: BTreeMap<&str, HashMap<Hash, Vec<usize>>> = BTreeMap::new();
        for job in self.request.prepared.jobs.iter().filter(|job| cached.contains_key(&job.index)) {
            let wanted = runs.entry(&cached[&job.index].run).or_default();
            if let Some(identity) = identity(job) {
                wanted.entry(identity).or_default().push(job.index);
            }
        }
        let mut from = Vec::new();
        for (run, mut wanted) in runs {
            let (before, mut failed) = (self.rows.len(), None);
            let read = self.request.store.completed_rows(run, |row| {
                for index in wanted.remove(&row.identity).unwrap_or_default() {
                    let taken = Row { index: index as u64, ..row.clone() };
                    failed = failed.take().or_else(|| self.take(taken, &cached[&index]).err());
                }
            });
            failed.map_or(Ok(()), Err)?;
            if let Err(error) = read {
                self.warnings.push(format!("{error}; what it was to give runs again"));
            }
            let rows = (self.rows.len() - before) as u64;
            from.extend((rows > 0).then(|| CachedFrom { run: run.to_owned(), rows }));
        }
        // Said at once: whoever goes on with this run after a crash must know it too.
        if !from.is_empty() {
            self.run.update(|file| file.cached_from = from)?;
        }
        self.flush_if_due(true)
    }

    /// Take one row, which stands at `cached`.
    fn take(&mut self, row: Row, cached: &CachedRow) -> Result<(), StoreError> {
        let index = row.index as usize;
        if keeps_at_once(self.request.plan, &self.request.plan.points[index]) {
            self.copy_kept(index, &row.identity, cached)?;
        }
        self.rows.insert(row.clone());
        self.waiting.push(row);
        self.flush_if_due(false)
    }

    /// Copy the details of a cached row into this run; whether there were any.
    fn copy_kept(
        &mut self,
        index: usize,
        identity: &Hash,
        cached: &CachedRow,
    ) -> Result<bool, StoreError> {
        let Some(theirs) = &cached.kept else { return Ok(false) };
        let dir = self.dir(index, identity);
        let reader = self.request.store.open_run(&cached.run)?;
        self.run.copy_session(&reader, theirs, &dir)?;
        self.kept.insert(dir);
        Ok(true)
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
        let row = match &finished.result {
            Ok(done) => {
                if keeps_at_once(self.request.plan, point) {
                    self.keep(index, done)?;
                }
                self.took += done.took;
                completed(index, identity, done)
            }
            Err(failure) => {
                if failure.kind != "data" && self.request.plan.run.fail_fast {
                    self.request.cancel.store(true, Ordering::Relaxed);
                }
                self.keep_failed(index, failure)?;
                failed(index, identity, failure)
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

    /// The details of a session that ran, if they were asked for.
    fn kept<'k>(&self, index: usize, done: &'k Done) -> Option<Kept<'k>>
    where
        'a: 'k,
    {
        let job = self.job(index)?;
        Kept::of(self.request.plan, self.request.prepared, job, done)
    }

    fn keep(&mut self, index: usize, done: &Done) -> Result<(), StoreError> {
        let Some(kept) = self.kept(index, done) else { return Ok(()) };
        let dir = self.dir(index, &Hash::from(kept.work.identity().digest()));
        let files = kept.files();
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
        self.run.keep_session(&dir, &files)?;
        self.kept.insert(dir);
        Ok(())
    }

    /// A session that failed leaves why, unless nothing is to be kept.
    fn keep_failed(&mut self, index: usize, failure: &Failure) -> Result<(), StoreError> {
        let plan = self.request.plan;
        let wanted = plan.run.keep == Keep::Failed || keeps_at_once(plan, &plan.points[index]);
        let Some(job) = self.job(index).filter(|_| wanted) else { return Ok(()) };
        let Ok(work) = &job.work else { return Ok(()) };
        let dir = self.dir(index, &Hash::from(work.identity().digest()));
        let files = kept::failed(plan, self.request.prepared, job, work, failure);
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
        self.run.keep_session(&dir, &files)?;
        self.kept.insert(dir);
        Ok(())
    }

    /// The best points of every sweep leave their details too: they are run once more for that.
    fn keep_best(&mut self, cached: &HashMap<usize, CachedRow>) -> Result<(), StoreError> {
        let wanted = match self.request.plan.run.keep {
            Keep::Auto => TOP,
            Keep::Top(count) => count,
            Keep::All | Keep::Failed | Keep::None => return Ok(()),
        };
        let mut again = Vec::new();
        for index in self.best(wanted) {
            let identity = self.rows.row(index).identity;
            if self.kept.contains(&self.dir(index, &identity)) {
                continue;
            }
            let copied = match cached.get(&index) {
                Some(cached) => self.copy_kept(index, &identity, cached)?,
                None => false,
            };
            if !copied {
                again.extend(self.job(index).map(|job| (job, true)));
            }
        }
        let mut failed = None;
        // Whoever interrupts now has every row already: only details would be missing.
        let go_on = AtomicBool::new(false);
        let batch = Batch { cancel: &go_on, ..self.batch() };
        batch.run(&again, |finished| {
            if let Some(Finished { index, result: Ok(done) }) = finished
                && failed.is_none()
            {
                failed = self.keep(index, &done).err();
            }
        });
        failed.map_or(Ok(()), Err)
    }

    /// The indices of the `count` best completed points of each sweep; with `top:N`, of the named
    /// sessions too.
    fn best(&self, count: usize) -> Vec<usize> {
        let objective = self.request.plan.run.objective;
        let mut groups: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for row in self.rows.rows() {
            let index = row.index as usize;
            let point = &self.request.plan.points[index];
            let swept = self.request.plan.base(point).swept;
            if row.status == Status::Completed
                && (swept || self.request.plan.run.keep != Keep::Auto)
            {
                groups.entry(swept.then_some(point.base)).or_default().push(index);
            }
        }
        let mut best = Vec::new();
        for (_, mut indices) in groups {
            let value = |index: &usize| self.rows.row(*index).metrics.get(objective.metric);
            // Equal values stay in the order of the plan.
            indices.sort_by(|a, b| objective.order(value(a), value(b)).then(a.cmp(b)));
            best.extend(indices.into_iter().take(count));
        }
        best
    }

    fn label(&self, index: usize) -> Label {
        let (base, point) = self.base(index);
        let slice = self
            .job(index)
            .and_then(|job| job.work.as_ref().ok())
            .map(|work| (&self.request.prepared.slices[work.variant.slice], &work.variant.session));
        let days = slice.and_then(|(slice, _)| slice.days());
        Label {
            key: base.key(point),
            session: base.session.name.as_str().into(),
            strategy: slice
                .map_or(&base.session, |(_, session)| session)
                .definition
                .name
                .as_str()
                .into(),
            mode: base.session.mode.word().into(),
            symbols: match slice {
                Some((slice, _)) => slice.symbols.as_slice().into(),
                None => base.session.symbols.as_deref().unwrap_or_default().into(),
            },
            from: days.map(|(from, _)| from),
            to: days.map(|(_, to)| to),
            axes: base.values(point).map(|(path, value)| (path.into(), value.clone())).collect(),
        }
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

    /// Append what this run ran to the registry: a record a session, one for a whole sweep.
    fn record(&self, rows: &[Row]) -> Result<(), StoreError> {
        // A run that was killed while it wrote its records goes on after the last of them.
        let id = self.run.id();
        let (known, _) =
            if self.resumed { self.request.store.records() } else { Default::default() };
        let is_known =
            |name: &str| known.iter().any(|record| record.run == id && record.session == name);
        let started = self.run.reader().file().started;
        let finished = Utc::now();
        let mut of_base: Vec<Vec<&Row>> = vec![Vec::new(); self.request.plan.bases.len()];
        for row in rows {
            of_base[self.request.plan.points[row.index as usize].base].push(row);
        }
        for (base, rows) in self.request.plan.bases.iter().zip(of_base) {
            let has_run = rows.iter().any(|row| self.ran[row.index as usize]);
            if has_run && !is_known(&base.session.name) {
                self.request.store.record(&self.base_record(base, &rows, started, finished))?;
            }
        }
        Ok(())
    }

    fn base_record(
        &self,
        base: &Base,
        rows: &[&Row],
        started: DateTime<Utc>,
        finished: DateTime<Utc>,
    ) -> Record {
        let objective: Objective = self.request.plan.run.objective;
        let value = |row: &Row| row.metrics.get(objective.metric);
        let completed = rows.iter().filter(|row| row.status == Status::Completed);
        let best = completed.min_by(|a, b| objective.order(value(a), value(b)));
        let row = best.unwrap_or(&rows[0]);
        let label = self.label(row.index as usize);
        let with = |status: Status| rows.iter().filter(|row| row.status == status).count() as u64;
        let sweep = base.swept.then(|| SweepSummary {
            points: rows.len() as u64,
            completed: with(Status::Completed),
            failed: with(Status::Failed),
            refused: with(Status::Refused),
            best_key: best.map(|_| label.key.clone()),
            best_metric: Some(objective.metric.name().to_owned()),
            best_value: value(row),
        });
        let worst = [Status::Failed, Status::Refused, Status::Aborted]
            .into_iter()
            .find_map(|status| rows.iter().find(|row| row.status == status));
        let work = self.job(row.index as usize).and_then(|job| job.work.as_ref().ok());
        let dir = self.dir(row.index as usize, &row.identity);
        let is_kept = self.kept.contains(&dir);
        let run = self.run.reader();
        let result = is_kept.then(|| run.kept_file(&dir, kept::RESULT).ok()).flatten();
        let file = run.file();
        let label_of = &base.session.label;
        Record {
            schema: store::SCHEMA,
            run: file.id.clone(),
            session: base.session.name.clone(),
            key: if base.swept { base.session.name.clone() } else { label.key.clone() },
            mode: label.mode.to_string(),
            strategy: label.strategy.to_string(),
            symbols: label.symbols.to_vec(),
            tags: label_of.tags.clone(),
            description: label_of.description.clone(),
            env: Some(label_of.env.clone()).filter(|env| !env.is_empty()),
            status: worst.map_or(Status::Completed, |row| row.status),
            error: worst.and_then(|row| row.error.clone()),
            kind: worst.and_then(|row| row.kind.clone()),
            note: row.note.clone(),
            started,
            finished,
            seconds: (finished - started).as_seconds_f64(),
            host: self.request.host.to_owned(),
            command_line: self.request.command_line.to_vec(),
            version: file.version.clone(),
            engine: ENGINE,
            identity: work.map(Work::identity).map(|identity| store::Identity {
                id: hex(&identity.digest(), 64),
                rules: hex(&identity.rules, 64),
                settings: hex(&identity.settings, 64),
                data: hex(&identity.data, 64),
                engine: identity.engine,
                schema: identity.schema,
            }),
            result_digest: result.map(|bytes| blake3::hash(&bytes).to_hex().to_string()),
            metrics: row.metrics,
            parts: row.parts.as_deref().copied(),
            params: self.params(base, row.index as usize),
            sweep,
            checks: work.map_or_else(Vec::new, |work| {
                let slice = &self.request.prepared.slices[work.variant.slice];
                slice.verdicts.iter().flat_map(DataCheck::all).collect()
            }),
            result: is_kept.then(|| format!("runs/{}/sessions/{dir}", file.id)),
        }
    }

    /// The parameters of a session, and the values of its other axes, by path.
    fn params(&self, base: &Base, index: usize) -> Vec<(String, Scalar)> {
        let point = &self.request.plan.points[index];
        let names = base.session.definition.params.iter().map(|param| &param.name);
        let params = names.map(|name| format!("params.{name}"));
        let axes = base.axes.iter().map(|axis| axis.path.clone());
        let others = axes.filter(|path| !path.starts_with("params."));
        let paths = params.chain(others);
        paths.map(|path| (path.clone(), plan::value(base, point, &path))).collect()
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
