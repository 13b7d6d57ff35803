//! What a plan will cost: a few of its sessions are run and timed, the details of some are written beside
//! the others and taken away again, and memory is counted.

use super::execute::{TOP, keeps_at_once};
use super::group::{Group, Wanted};
use super::kept::Kept;
use super::{Batch, Finished, alone, column_bytes, in_parts};
use crate::manifest::{Keep, Mode};
use crate::metrics::Metric;
use crate::plan::{Digest, Job, Plan, Prepared};
use crate::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// How many sessions of each base are tried together at most: more than are compared together.
const TRIED: usize = 640;
/// How many bars they walk over at most, all together, if more than two of them are tried.
const BARS: usize = 64_000_000;
/// How often they are tried at most; the best counts.
const TRIALS: usize = 4;
/// After how long they are not tried again.
const ENOUGH: Duration = Duration::from_millis(250);
/// Of how many sessions the details are made at most.
const SHOWN: usize = 4;
/// How many different bases are tried at most.
const BASES: usize = 32;
/// What a session takes until the run is over, its row and its place in the plan: measured at 0.8 kB, and
/// at 1 kB where it is taken over from an earlier run.
const ROW_BYTES: u64 = 1_000;
/// The steps in which the system tells the time of processors.
const TICK: Duration = Duration::from_millis(10);
/// What a thread holds of the session that it runs, for each of its orders or trades, whichever are more:
/// measured at 0.25 to 0.39 kB.
const ORDER_BYTES: u64 = 350;
/// What is in use while results are written, however many there are.
const WRITING_BYTES: u64 = 20 << 20;
/// What it takes to tell of a session and to write its row, on the thread that writes; as much again to
/// write the results, and the same to take a row over.
const ROW_TIME: Duration = Duration::from_micros(25);

/// What a plan will probably take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The time of its sessions on the given threads, with what they leave on the disk, without planning and
    /// without reports.
    pub time: Duration,
    /// Peak memory in bytes, with what is in use now and what was while the data was read.
    pub memory: u64,
}

/// Estimate the sessions of `prepared` on `threads`, those that are not `is_new` being taken over from
/// earlier runs in `store`.
pub fn estimate(
    plan: &Plan,
    prepared: &Prepared,
    store: &Store,
    threads: usize,
    is_new: &dyn Fn(&Job) -> bool,
) -> Estimate {
    // Before anything is tried, for which room is made that stays.
    let (in_use, peak) = (in_use("VmRSS:").unwrap_or(0), peak_memory().unwrap_or(0));
    let (mut time, mut columns, mut orders) = (Duration::ZERO, 0, 0);
    let never = AtomicBool::new(false);
    let mut of_base: Vec<Vec<Wanted<'_>>> = vec![Vec::new(); plan.bases.len()];
    for job in prepared.jobs.iter().filter(|job| job.work.is_ok() && is_new(job)) {
        of_base[plan.points[job.index].base].push((job, false));
    }
    let mut known = Vec::new();
    for jobs in &of_base {
        let mut cost = None;
        in_parts(plan, prepared, jobs, |prepared, jobs| {
            let groups = batch(plan, prepared, threads, &never).groups(jobs);
            let cost = cost.get_or_insert_with(|| Cost::known(plan, prepared, &groups, &mut known));
            time += cost.column.mul_f64(computed(prepared, &groups));
            time += cost.session.mul_f64(jobs.len() as f64);
            columns = groups.iter().map(|group| group.bytes).fold(columns, u64::max);
            orders = orders.max(cost.orders);
        });
    }
    let all = prepared.jobs.iter().filter(|job| job.work.is_ok()).count();
    let threads = batch(plan, prepared, threads, &never).useful_threads(&of_base.concat());
    let held = columns + threads as u64 * orders * ORDER_BYTES + all as u64 * ROW_BYTES;
    let (rows, threads) = (ROW_TIME * all as u32, threads as f64);
    let keeping = Keeping::of(plan, prepared, store, threads, is_new);
    let records = of_base.iter().filter(|jobs| !jobs.is_empty()).count() as u32;
    let records = store.time_to_record().unwrap_or_default() * records;
    Estimate {
        time: time.div_f64(threads).max(rows + keeping.beside) + rows + keeping.after + records,
        memory: peak.max(in_use + held + WRITING_BYTES),
    }
}

/// How long it takes to leave the details of sessions: of some beside the others that run, of the best of
/// a sweep after them.
#[derive(Debug, Clone, Copy, Default)]
struct Keeping {
    beside: Duration,
    after: Duration,
}

impl Keeping {
    /// Those of a few sessions are made and written for it. What an earlier run kept of a session that is not
    /// `is_new` is written once more, and not made.
    fn of(
        plan: &Plan,
        prepared: &Prepared,
        store: &Store,
        threads: f64,
        is_new: &dyn Fn(&Job) -> bool,
    ) -> Self {
        let backtests = prepared.jobs.iter().filter(|job| {
            let base = plan.base(&plan.points[job.index]);
            job.work.is_ok() && base.session.mode == Mode::Backtest
        });
        let (at_once, others): (Vec<&Job>, Vec<&Job>) =
            backtests.partition(|job| keeps_at_once(plan, &plan.points[job.index]));
        let mut of_base: BTreeMap<usize, usize> = BTreeMap::new();
        for job in &others {
            *of_base.entry(plan.points[job.index].base).or_default() += 1;
        }
        let best = match plan.run.keep {
            Keep::Auto => TOP,
            Keep::Top(count) => count,
            Keep::All | Keep::Failed | Keep::None => 0,
        };
        let again: usize = of_base.values().map(|points| best.min(*points)).sum();
        let of = if at_once.is_empty() && again > 0 { &others } else { &at_once };
        let Details { run, made, written } = Details::of_some(plan, prepared, store, of);
        let new = |jobs: &[&Job]| jobs.iter().filter(|job| is_new(job)).count();
        // Which are the best is not known: as many of them are new as of all.
        let again_new = new(&others) as f64 / others.len().max(1) as f64 * again as f64;
        Self {
            beside: written * at_once.len() as u32 + made * new(&at_once) as u32,
            after: written * again as u32 + (made + run.div_f64(threads)).mul_f64(again_new),
        }
    }
}

/// What it takes to run a session with its details, to make files of these and to write them.
#[derive(Debug, Clone, Copy, Default)]
struct Details {
    run: Duration,
    made: Duration,
    written: Duration,
}

impl Details {
    /// The mean of a few of `jobs`, from all over them: some trade more than others.
    fn of_some(plan: &Plan, prepared: &Prepared, store: &Store, jobs: &[&Job]) -> Self {
        let places = (1..2 * SHOWN).step_by(2).map(|part| jobs.len() * part / (2 * SHOWN));
        let places: BTreeSet<usize> = places.filter(|&place| place < jobs.len()).collect();
        let (mut sum, mut count, all) = (Self::default(), 0, Instant::now());
        for place in places {
            let (job, began) = (jobs[place], Instant::now());
            let Ok(done) = alone(plan, prepared, job, true).result else { continue };
            let ran = began.elapsed();
            let kept = Kept::of(plan, prepared, job, &done).expect("it ran with its details");
            let files = kept.files();
            sum.run += ran;
            sum.made += began.elapsed() - ran;
            let files: Vec<(&str, &[u8])> =
                files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
            sum.written += store.time_to_keep(&files).unwrap_or_default();
            count += 1;
            if all.elapsed() > ENOUGH {
                break;
            }
        }
        let [run, made, written] = [sum.run, sum.made, sum.written].map(|time| time / count.max(1));
        Self { run, made, written }
    }
}

/// What the sessions of a base were found to take.
struct Tried {
    /// The digests of rules and settings, and the number of bars: sessions that have them in common take as
    /// long.
    alike: Option<((Digest, Digest), usize)>,
    bars: usize,
    cost: Cost,
}

/// How long the parts of a batch take: columns, which sessions share, and what each does by itself.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    column: Duration,
    session: Duration,
    /// How many orders or trades a session has at most.
    orders: u64,
}

impl Cost {
    /// What sessions in these groups take: some from the middle are tried, unless their like is `known`, or
    /// many others are, of which the last stands for them.
    fn known(
        plan: &Plan,
        prepared: &Prepared,
        groups: &[Group<'_>],
        known: &mut Vec<Tried>,
    ) -> Self {
        let after = groups[groups.len() / 2..].iter().chain(&groups[..groups.len() / 2]);
        let mut neighbours = after.flat_map(Group::jobs).peekable();
        let Some(first) = neighbours.peek() else { return Self::default() };
        let bars = prepared.bars(first).max(1) as usize;
        let alike = first.work.as_ref().ok().map(|work| (work.variant().digests(), bars));
        if let Some(tried) = known.iter().find(|tried| tried.alike == alike) {
            return tried.cost;
        }
        if let Some(last) = known.last().filter(|_| known.len() >= BASES) {
            let share = bars as f64 / last.bars as f64;
            let Self { column, session, orders } = last.cost;
            let [column, session] = [column, session].map(|time| time.mul_f64(share));
            return Self { column, session, orders };
        }
        // By themselves: what the others need would be made room for each time.
        let few = prepared.part(plan, neighbours.take(TRIED.min(BARS / bars).max(2)));
        let cost = Self::of(plan, &few);
        known.push(Tried { alike, bars, cost });
        cost
    }

    /// What all sessions of `prepared` take on one thread, grouped as they are in a run.
    fn of(plan: &Plan, prepared: &Prepared) -> Self {
        let never = AtomicBool::new(false);
        let batch = batch(plan, prepared, 1, &never);
        let jobs: Vec<Wanted<'_>> = prepared.jobs.iter().map(|job| (job, false)).collect();
        let groups = batch.groups(&jobs);
        // What a batch of nothing takes is no session's: its threads are made once.
        let idle = time_of(|| batch.run_part(&[], &mut |_| {}));
        let ([mut all, mut first], mut orders) = ([Duration::MAX; 2], 0);
        let mut count = |finished: Option<Finished>| {
            let Some(Ok(done)) = finished.map(|finished| finished.result) else { return };
            let counts = [Metric::Orders, Metric::Trades].map(|count| done.metrics.get(count));
            let counts = counts.into_iter().flatten().map(|count| count as u64);
            orders = counts.fold(orders, u64::max);
        };
        let began = Instant::now();
        for _ in 0..TRIALS {
            // One after the other, so that a busy moment of the machine is not one's alone.
            all = all.min(time_of(|| batch.run_part(&jobs, &mut count)));
            first = first.min(batch.compute_shared(&groups[0]));
            if began.elapsed() > ENOUGH {
                break;
            }
        }
        let column = first.div_f64(computed(prepared, &groups[..1]).max(1.0));
        let sessions = all.saturating_sub(idle + column.mul_f64(computed(prepared, &groups)));
        Self { column, session: sessions / jobs.len() as u32, orders }
    }
}

/// How many columns of numbers are computed for groups that follow each other: what the group before
/// needed too is still there.
fn computed(prepared: &Prepared, groups: &[Group<'_>]) -> f64 {
    let count = |groups: &[Group<'_>]| {
        prepared.columns_of_numbers(groups.iter().flat_map(Group::jobs)) as f64
    };
    let pairs = groups.windows(2).map(|pair| match pair[0].slice() == pair[1].slice() {
        true => count(pair) - count(&pair[..1]),
        false => count(&pair[1..]),
    });
    count(&groups[..groups.len().min(1)]) + pairs.sum::<f64>()
}

/// Sessions as they run, but that none of them stops the others.
fn batch<'a>(
    plan: &'a Plan,
    prepared: &'a Prepared,
    threads: usize,
    cancel: &'a AtomicBool,
) -> Batch<'a> {
    let column_bytes = column_bytes(&plan.run);
    let (fails_fast, timeout, fault) = (false, None, None);
    Batch { plan, prepared, threads, column_bytes, cancel, fails_fast, timeout, fault }
}

/// How long something takes.
fn time_of(it: impl FnOnce()) -> Duration {
    let (began, spent) = (Instant::now(), processor_time());
    it();
    let elapsed = began.elapsed();
    // Where others use the processors too, what they spent on it says more; it is told in steps.
    let spent = processor_time().zip(spent).map(|(after, before)| after - before + TICK);
    spent.map_or(elapsed, |spent| elapsed.min(spent))
}

/// The most memory that this process had in use so far, in bytes; `None` where the system does not
/// tell.
pub fn peak_memory() -> Option<u64> {
    in_use("VmHWM:")
}

/// What the kernel says of this process's memory.
fn in_use(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes = line.split_whitespace().next()?.parse::<u64>().ok()?;
    Some(kilobytes * 1_024)
}

/// The time that processors have spent on this process, in steps of a hundredth of a second; `None`
/// where the system does not tell.
pub fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in brackets, may hold anything. After it stand the state and ten
    // numbers before those of the user's and the system's time.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks = ticks.sum::<Result<u64, _>>().ok()?;
    Some(Duration::from_millis(10 * ticks))
}
