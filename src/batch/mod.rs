//! Sessions on all cores: rayon over the jobs of a plan.
//!
//! Workers only compute; whatever they find goes through a channel to the one thread that called,
//! which writes and tells. A session that panics is a result like any other.

pub mod beside;
pub mod estimate;
pub mod execute;
pub mod kept;

mod drawn;
mod group;
mod note;

use crate::engine::{Outcome, Settings, Walk, model};
use crate::expr::{Columns, Place};
use crate::manifest::{Mode, RunSettings};
use crate::market::Slice;
use crate::metrics::account::Meter;
use crate::metrics::{Metrics, Parts};
use crate::plan::{AT_ONCE, Digest, Job, Plan, Prepared, Work};
use crate::strategy::{Rules, Signals};
use beside::{Beside, READINGS};
use group::{Group, Wanted};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

/// How much memory columns take at a time, in bytes: half of `run.max_memory`, and not more than is
/// good for the caches.
pub fn column_bytes(run: &RunSettings) -> u64 {
    const MOST: u64 = 84 << 20;
    run.max_memory.map_or(MOST, |limit| MOST.min(limit / 2))
}

/// How many sessions have their rules compared together at most. The more there are, the more often a
/// column is used each time it comes from memory.
const BLOCK: usize = 384;

/// How long the caller waits for a session before it looks around.
const TICK: Duration = Duration::from_millis(200);

/// How one session ended.
#[derive(Debug)]
pub struct Finished {
    /// Its place in the plan.
    pub index: usize,
    /// What came of it, or what went wrong.
    pub result: Result<Done, Failure>,
}

/// A session that ran to the end of its range.
#[derive(Debug)]
pub struct Done {
    /// What it was measured at.
    pub metrics: Metrics,
    /// The same in and out of sample; `None` without a split.
    pub parts: Option<Box<Parts>>,
    /// A digest of its fills.
    pub fills: Digest,
    /// Bars of its range.
    pub bars: u64,
    /// What a reader should know about the result.
    pub note: Option<String>,
    /// Everything it did, if it was asked for.
    pub outcome: Option<Outcome>,
    /// What stands beside the metrics, if details were asked for.
    pub beside: Beside,
    /// How long its parts took.
    pub took: Took,
}

/// How long the parts of sessions took, on the threads that ran them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Took {
    /// Evaluating the rules.
    pub signals: Duration,
    /// Walking over the bars.
    pub walk: Duration,
    /// Measuring what came of it.
    pub meter: Duration,
}

impl Took {
    /// Every part by name.
    pub fn parts(&self) -> [(&'static str, Duration); 3] {
        [("signals", self.signals), ("walk", self.walk), ("meter", self.meter)]
    }
}

impl std::ops::AddAssign for Took {
    fn add_assign(&mut self, other: Self) {
        self.signals += other.signals;
        self.walk += other.walk;
        self.meter += other.meter;
    }
}

/// A session that did not.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What sort of failure it is: `data`, `panic` or `timeout`.
    pub kind: &'static str,
    /// Why.
    pub error: String,
}

impl Failure {
    /// Whether the session failed, and was not refused for its data.
    pub fn is_grave(&self) -> bool {
        self.kind != "data"
    }
}

/// What every worker needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The same with its data.
    pub prepared: &'a Prepared,
    /// How many threads compute.
    pub threads: usize,
    /// How much memory columns may take at a time, in bytes.
    pub column_bytes: u64,
    /// Set from outside, or by the first session that fails if it `fails_fast`, to begin no further session.
    pub cancel: &'a AtomicBool,
    /// Whether a session that fails is the last one.
    pub fails_fast: bool,
    /// How long a session may take; it is looked at between its stages, so that a session ends at the
    /// end of the stage in which its time is over.
    pub timeout: Option<Duration>,
    /// The index of a session that is to panic, so that tests can see what becomes of it.
    pub fault: Option<usize>,
}

impl Batch<'_> {
    /// Run `jobs`, each with its details if the flag beside it says so, and hand every one that ends
    /// to `each`, on this thread, in the order in which they end. While none ends, `each` is called
    /// with nothing from time to time.
    pub fn run(&self, jobs: &[Wanted<'_>], mut each: impl FnMut(Option<Finished>)) {
        in_parts(self.plan, self.prepared, jobs, |prepared, jobs| {
            if !self.cancel.load(Ordering::Relaxed) {
                Batch { prepared, ..*self }.run_part(jobs, &mut each);
            }
        });
    }

    fn run_part(&self, jobs: &[Wanted<'_>], each: &mut impl FnMut(Option<Finished>)) {
        let groups = self.groups(jobs);
        let (sender, receiver) = mpsc::sync_channel(4 * self.threads.max(1));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let sender = sender;
                let pool = pool(self.useful_threads(jobs));
                pool.install(|| self.run_groups(&groups, &sender));
            });
            loop {
                match receiver.recv_timeout(TICK) {
                    Ok(finished) => finished.into_iter().for_each(|one| each(Some(one))),
                    Err(mpsc::RecvTimeoutError::Timeout) => each(None),
                    Err(mpsc::RecvTimeoutError::Disconnected) => break,
                }
            }
        });
    }

    /// `jobs` as they run together.
    fn groups<'a>(&self, jobs: &[Wanted<'a>]) -> Vec<Group<'a>> {
        let (block, threads) = (self.block(jobs), self.threads.max(1));
        group::groups(self.prepared, jobs.to_vec(), self.column_bytes, block, threads)
    }

    /// Compute the columns that sessions of a group share, on this thread and for nobody; how long that
    /// takes.
    fn compute_shared(&self, group: &Group<'_>) -> Duration {
        let mut columns = self.prepared.columns();
        self.prepared.reserve(&mut columns, group.jobs());
        let bench = Bench { columns: &columns, prepared: self.prepared, timeout: self.timeout };
        let began = Instant::now();
        bench.shared(group).into_iter().for_each(|place| bench.compute(group, place));
        began.elapsed()
    }

    /// How many threads have something to do: each session is one thread's, but many bars can be compared
    /// by several.
    fn useful_threads(&self, jobs: &[Wanted<'_>]) -> usize {
        const BARS: usize = 1 << 18;
        let slices = jobs.iter().filter_map(|(job, _)| group::slice(job));
        let bars = slices.map(|slice| self.prepared.slices[slice].frame.len()).max();
        self.threads.min(jobs.len().max(bars.unwrap_or(0) / BARS)).max(1)
    }

    /// How many of `jobs` a block has at most, so that what it compares takes little memory.
    fn block(&self, jobs: &[Wanted<'_>]) -> usize {
        let bytes = |(job, _): &Wanted<'_>| self.prepared.compared_bytes(job);
        let bytes = jobs.iter().map(bytes).max().unwrap_or(0);
        BLOCK.min((self.column_bytes / 8 / bytes.max(1)) as usize).max(1)
    }

    /// Run one group after the other. The next one is announced before, so that the columns that it needs
    /// too stay where they are.
    fn run_groups(&self, groups: &[Group<'_>], sender: &mpsc::SyncSender<Vec<Finished>>) {
        let mut columns = self.prepared.columns();
        let announce = |columns: &mut [Columns<'_>], group: &Group<'_>| {
            self.prepared.reserve(columns, group.jobs());
        };
        groups.first().into_iter().for_each(|first| announce(&mut columns, first));
        for (at, group) in groups.iter().enumerate() {
            groups.get(at + 1).into_iter().for_each(|next| announce(&mut columns, next));
            self.run_group(group, &columns, sender);
        }
    }

    /// Run jobs that share their columns: each thread computes the next of these as long as there is one,
    /// then runs one block after the other, and helps the others with theirs when there is none.
    fn run_group(
        &self,
        group: &Group<'_>,
        columns: &[Columns<'_>],
        sender: &mpsc::SyncSender<Vec<Finished>>,
    ) {
        let bench = Bench { columns, prepared: self.prepared, timeout: self.timeout };
        let shared = bench.shared(group);
        let (next_shared, next) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let blocks: Vec<Block<'_>> = group.blocks.iter().map(|jobs| Block::new(jobs)).collect();
        // What has no block of its own helps to compare.
        let spare = rayon::current_num_threads() / blocks.len().max(1);
        rayon::broadcast(|_| {
            let mut worker = Worker::default();
            let began = Instant::now();
            let mut parcel = Parcel { sender, sessions: Vec::new(), sent: began };
            while let Some(place) = shared.get(next_shared.fetch_add(1, Ordering::Relaxed)) {
                if !self.cancel.load(Ordering::Relaxed) {
                    bench.compute(group, *place);
                }
            }
            worker.compared = began.elapsed();
            while let Some(block) = blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
                worker.compared += self.compare(&bench, block, spare);
                self.run_block(&bench, block, &mut worker, &mut parcel);
            }
            // Whoever still compares a block runs it without help.
            for block in blocks.iter().filter(|block| block.share.get().is_some()) {
                self.run_block(&bench, block, &mut worker, &mut parcel);
            }
        });
    }

    /// Evaluate what the rules of a block compare, on so many threads; how long that took.
    fn compare(&self, bench: &Bench<'_>, block: &Block<'_>, threads: usize) -> Duration {
        let began = Instant::now();
        if !self.cancel.load(Ordering::Relaxed) {
            bench.compare(block.jobs, threads);
        }
        let took = began.elapsed();
        block.share.get_or_init(|| took / block.jobs.len() as u32);
        took
    }

    /// Run those sessions of a block that no other thread has begun.
    fn run_block(
        &self,
        bench: &Bench<'_>,
        block: &Block<'_>,
        worker: &mut Worker,
        parcel: &mut Parcel<'_>,
    ) {
        worker.share = block.share.get().copied().unwrap_or_default();
        while let Some((job, detailed)) = block.next() {
            if self.cancel.load(Ordering::Relaxed) {
                return;
            }
            let finished = worker.finish(bench, job, *detailed, self.fault);
            if self.fails_fast && finished.result.as_ref().is_err_and(Failure::is_grave) {
                self.cancel.store(true, Ordering::Relaxed);
            }
            parcel.add(finished, *detailed);
        }
    }
}

/// Sessions of which the comparisons are evaluated together.
struct Block<'a> {
    jobs: &'a [Wanted<'a>],
    next: AtomicUsize,
    /// What each session has of the time that the comparisons took; nothing until they are there.
    share: OnceLock<Duration>,
}

impl<'a> Block<'a> {
    fn new(jobs: &'a [Wanted<'a>]) -> Self {
        Self { jobs, next: AtomicUsize::new(0), share: OnceLock::new() }
    }

    /// The next session that nobody has begun.
    fn next(&self) -> Option<&Wanted<'a>> {
        self.jobs.get(self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// Sessions that ended and are handed over together: to wake the caller takes longer than a small one.
struct Parcel<'a> {
    sender: &'a mpsc::SyncSender<Vec<Finished>>,
    sessions: Vec<Finished>,
    /// When the last parcel was sent.
    sent: Instant,
}

impl Parcel<'_> {
    /// How long a session waits for others.
    const WAITS: Duration = Duration::from_millis(20);
    /// How many there are at most, so that those on their way take little memory.
    const MOST: usize = 32;

    /// One more. Details are much, and a failure may be the end of the run: neither waits.
    fn add(&mut self, finished: Finished, detailed: bool) {
        let failed = finished.result.is_err();
        self.sessions.push(finished);
        let is_full = self.sessions.len() >= Self::MOST;
        if detailed || failed || is_full || self.sent.elapsed() >= Self::WAITS {
            self.send();
        }
    }

    fn send(&mut self) {
        self.sent = Instant::now();
        if !self.sessions.is_empty() {
            // Nobody listens any more only when the caller is unwinding.
            let _ = self.sender.send(std::mem::take(&mut self.sessions));
        }
    }
}

impl Drop for Parcel<'_> {
    fn drop(&mut self) {
        self.send();
    }
}

/// A pool of so many threads, or of as many as the system has left: no number depends on how many they are.
fn pool(mut threads: usize) -> rayon::ThreadPool {
    loop {
        match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
            Ok(pool) => return pool,
            Err(_) if threads > 1 => {
                threads /= 2;
                // Those that were begun in vain end by themselves.
                std::thread::sleep(TICK);
            }
            Err(error) => panic!("the system has no thread left: {error}"),
        }
    }
}

/// Show `each` the jobs in parts that hold their rules, with the plan that they are of: those that have
/// them all at once, the others [`AT_ONCE`] at a time, neighbours together.
fn in_parts<'p>(
    plan: &Plan,
    prepared: &'p Prepared,
    jobs: &[Wanted<'p>],
    mut each: impl FnMut(&Prepared, &[Wanted<'_>]),
) {
    let (ready, mut rest): (Vec<_>, Vec<_>) =
        jobs.iter().copied().partition(|(job, _)| Prepared::is_ready(job));
    if !ready.is_empty() {
        each(prepared, &ready);
    }
    rest.sort_by_key(|(job, _)| {
        let point = &plan.points[job.index];
        (group::slice(job), point.base, plan.base(point).at(point), job.index)
    });
    for jobs in rest.chunks(AT_ONCE) {
        let part = prepared.part(plan, jobs.iter().map(|(job, _)| *job));
        let wanted = part.jobs.iter().zip(jobs).map(|(job, (_, detailed))| (job, *detailed));
        each(&part, &wanted.collect::<Vec<_>>());
    }
}

/// Run one session that shares nothing with any other.
pub fn alone(plan: &Plan, prepared: &Prepared, job: &Job, detailed: bool) -> Finished {
    let cancel = AtomicBool::new(false);
    let batch = Batch {
        plan,
        prepared,
        threads: 1,
        column_bytes: u64::MAX,
        cancel: &cancel,
        fails_fast: false,
        timeout: None,
        fault: None,
    };
    let mut found = None;
    batch.run(&[(job, detailed)], |finished| found = finished.or(found.take()));
    found.expect("a session that was begun ends")
}

/// What workers share.
struct Bench<'a> {
    columns: &'a [Columns<'a>],
    timeout: Option<Duration>,
    prepared: &'a Prepared,
}

impl Bench<'_> {
    /// The columns that sessions of a group share and that are not there yet.
    fn shared(&self, group: &Group<'_>) -> Vec<Place> {
        let Some(slice) = group.slice() else { return Vec::new() };
        let symbols = self.prepared.slices[slice].symbols.len();
        let works = group.jobs().filter_map(|job| job.work.as_ref().ok());
        let shared = works.flat_map(|work| work.rules().shared(symbols, &self.columns[slice]));
        shared.collect::<BTreeSet<Place>>().into_iter().collect()
    }

    /// Compute a column that sessions of a group share.
    fn compute(&self, group: &Group<'_>, place: Place) {
        let Some(slice) = group.slice() else { return };
        // What panics here does so again in its session, which tells of it.
        let _ = catch_unwind(AssertUnwindSafe(|| self.columns[slice].compute(place)));
    }

    /// Evaluate what the rules of a block compare, together and on so many threads.
    fn compare(&self, block: &[Wanted<'_>], threads: usize) {
        let Some(slice) = block.first().and_then(|(job, _)| group::slice(job)) else { return };
        let columns = &self.columns[slice];
        let symbols = self.prepared.slices[slice].symbols.len();
        let works = block.iter().filter_map(|(job, _)| job.work.as_ref().ok());
        let places = works.flat_map(|work| work.rules().inequalities(symbols, columns)).collect();
        // What panics here does so again in its session, which tells of it.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let comparisons = columns.comparisons(places);
            let stretches = comparisons.stretches(threads).into_par_iter();
            let found = stretches.map(|blocks| comparisons.over(blocks)).collect();
            columns.keep(comparisons, found);
        }));
    }
}

/// One thread's buffers.
#[derive(Default)]
struct Worker {
    walk: Walk,
    meter: Meter,
    /// How long a block was compared, until one of its sessions tells.
    compared: Duration,
    /// What of that is each of its sessions'.
    share: Duration,
}

impl Worker {
    fn finish(
        &mut self,
        bench: &Bench<'_>,
        job: &Job,
        detailed: bool,
        fault: Option<usize>,
    ) -> Finished {
        let result = match &job.work {
            Err(reason) => Err(Failure { kind: "data", error: reason.clone() }),
            Ok(work) => {
                let run = AssertUnwindSafe(|| self.session(bench, work, job, detailed, fault));
                let result = catch_unwind(run).unwrap_or_else(|panic| {
                    // What the panic left half done is not used again.
                    *self = Self::default();
                    Err(Failure { kind: "panic", error: panic_text(panic.as_ref()) })
                });
                let slice = work.slice;
                let symbols = bench.prepared.slices[slice].symbols.len();
                work.all_rules().for_each(|rules| rules.release(symbols, &bench.columns[slice]));
                result
            }
        };
        Finished { index: job.index, result }
    }

    fn session(
        &mut self,
        bench: &Bench<'_>,
        work: &Work,
        job: &Job,
        detailed: bool,
        fault: Option<usize>,
    ) -> Result<Done, Failure> {
        if fault == Some(job.index) {
            panic!("a fault was asked for");
        }
        let slice = &bench.prepared.slices[work.slice];
        let columns = &bench.columns[work.slice];
        let settings = work.variant().settings();
        let (began, share) = (Instant::now(), self.share);
        let in_time = || match bench.timeout.filter(|limit| share + began.elapsed() > *limit) {
            None => Ok(()),
            Some(limit) => {
                let error = format!("it took longer than `run.timeout`, {} s", limit.as_secs_f64());
                Err(Failure { kind: "timeout", error })
            }
        };
        let tells_warm = detailed && work.variant().session.backtesting_py;
        let all_warm = settings.axes.first_bar == model::FirstBar::AllWarm || tells_warm;
        let signals: Vec<Signals> = (0..slice.symbols.len())
            .map(|symbol| {
                let read = |rules: &Rules| {
                    slice.place(symbol, rules.of(symbol).signals(columns, symbol, all_warm))
                };
                let later = work.told().changes.iter();
                let signals = later.fold(read(work.rules()), |signals, change| {
                    signals.until(change.from, &read(&change.rules))
                });
                in_time().map(|()| signals)
            })
            .collect::<Result<_, _>>()?;
        let evaluated = Instant::now();
        let outcome = self.walk.run_told(&slice.frame, &signals, settings, work.hand(), detailed);
        let walked = Instant::now();
        in_time()?;
        let benchmark = Some(slice.benchmark.as_slice());
        let metrics = self.meter.measure(outcome, &slice.frame, settings, slice.periods, benchmark);
        let parts = work.variant().split.as_ref().map(|split| {
            let (frame, periods) = (&slice.frame, slice.periods);
            Box::new(self.meter.measure_parts(split, outcome, frame, settings, periods, benchmark))
        });
        let took = Took {
            signals: std::mem::take(&mut self.compared) + (evaluated - began),
            walk: walked - evaluated,
            meter: walked.elapsed(),
        };
        let warm = |symbol: usize| work.rules().of(symbol).warm(columns, symbol);
        let never_full =
            || (0..signals.len()).all(|symbol| warm(symbol) >= columns.view(symbol).rows.len());
        let mut done = Done {
            metrics,
            parts,
            fills: fills_digest(outcome),
            took,
            bars: slice.frame.len() as u64,
            note: note::note(outcome, settings, work.hand(), slice, never_full, &signals),
            outcome: detailed.then(|| outcome.clone()),
            beside: Beside::default(),
        };
        if let Some(outcome) = &done.outcome {
            let session = &work.variant().session;
            done.beside.backtesting_py = session
                .backtesting_py
                .then(|| beside::backtesting_py(outcome, &slice.frame, signals[0].warm));
            if session.mode == Mode::Paper {
                done.beside.signals = beside::signals(&signals, &slice.frame);
            }
            if session.both_readings {
                done.beside.readings = self.readings(slice, &signals, settings);
            }
        }
        in_time().map(|()| done)
    }

    /// What the session is measured at under each uniform reading of a bar's inside.
    fn readings(
        &mut self,
        slice: &Slice,
        signals: &[Signals],
        settings: &Settings,
    ) -> Vec<(model::Intrabar, Metrics)> {
        let mut settings = settings.clone();
        let read = |intrabar| {
            settings.axes.intrabar = intrabar;
            let outcome = self.walk.run(&slice.frame, signals, &settings, false);
            let benchmark = Some(slice.benchmark.as_slice());
            let meter = &mut self.meter;
            let metrics = meter.measure(outcome, &slice.frame, &settings, slice.periods, benchmark);
            (intrabar, metrics)
        };
        READINGS.map(read).to_vec()
    }
}

/// A digest of every fill: when, what, how many, at which price and cost.
fn fills_digest(outcome: &Outcome) -> Digest {
    // Many fills at a time: the hash is fastest on long pieces.
    const PIECE: usize = 1_024;
    let mut hasher = blake3::Hasher::new();
    let mut bytes = Vec::new();
    for fills in outcome.fills.chunks(PIECE) {
        bytes.clear();
        for fill in fills {
            let whole = [fill.bar as u64, fill.symbol as u64, fill.moment as u64];
            let numbers =
                [fill.units, fill.price, fill.commission, fill.slippage].map(f64::to_bits);
            bytes.extend_from_slice(whole.map(u64::to_le_bytes).as_flattened());
            bytes.extend_from_slice(numbers.map(u64::to_le_bytes).as_flattened());
        }
        hasher.update(&bytes);
    }
    *hasher.finalize().as_bytes()
}

/// What a panic said.
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "the session panicked".into())
}
