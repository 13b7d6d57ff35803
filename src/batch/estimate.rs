//! What a plan will cost: a few of its sessions are run and timed, and memory is counted.

use super::group::{self, Wanted};
use super::{BLOCK, Batch, column_bytes, in_parts};
use crate::plan::{Job, Plan, Prepared};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// How many sessions of each base are tried together at most.
const TRIED: usize = 16;
/// How many bars they walk over at most, all together, if more than two of them are tried.
const BARS: usize = 8_000_000;
/// What a row takes until the run is over, with its label: measured at some 1.5 kB.
const ROW_BYTES: u64 = 1_600;
/// What it takes to tell of a session and to write its row, on the thread that writes.
const ROW_TIME: Duration = Duration::from_micros(60);

/// What a plan will probably take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The time of its sessions on the given threads.
    pub time: Duration,
    /// Peak memory in bytes, with what is in use now.
    pub memory: u64,
}

/// Estimate the sessions of `prepared` that `is_new` on `threads`.
pub fn estimate(
    plan: &Plan,
    prepared: &Prepared,
    threads: usize,
    is_new: &dyn Fn(&Job) -> bool,
) -> Estimate {
    let (mut time, mut memory, mut rows) = (Duration::ZERO, 0, 0);
    for base in 0..plan.bases.len() {
        let is_wanted =
            |job: &&Job| plan.points[job.index].base == base && job.work.is_ok() && is_new(job);
        let jobs: Vec<Wanted<'_>> =
            prepared.jobs.iter().filter(is_wanted).map(|job| (job, false)).collect();
        rows += jobs.len();
        let mut cost = None;
        in_parts(plan, prepared, &jobs, |prepared, jobs| {
            let groups = group::groups(prepared, jobs.to_vec(), column_bytes(&plan.run), BLOCK);
            let middle = groups.get(groups.len() / 2).and_then(|group| group.get(group.len() / 2));
            let Some(middle) = middle else { return };
            let cost = cost.get_or_insert_with(|| {
                let bars = prepared.bars(middle[0].0) as usize;
                let tried = TRIED.min(BARS / bars.max(1)).max(2).min(middle.len());
                Cost::of(plan, prepared, &middle[..tried])
            });
            for group in &groups {
                let jobs = group.concat();
                time += cost.column.mul_f64(columns(prepared, &jobs));
                time += cost.session.mul_f64(jobs.len() as f64);
                memory = memory.max(group::column_bytes(prepared, group));
            }
        });
    }
    let rows = rows as u32;
    Estimate {
        time: time.div_f64(threads.max(1) as f64).max(ROW_TIME * rows) + ROW_TIME * rows,
        memory: in_use("VmRSS:").unwrap_or(0) + memory + u64::from(rows) * ROW_BYTES,
    }
}

/// How long the parts of a batch take: columns, which sessions share, and what each does by itself.
#[derive(Debug, Clone, Copy)]
struct Cost {
    column: Duration,
    session: Duration,
}

impl Cost {
    /// One session and several are run: two equations with two unknown costs.
    fn of(plan: &Plan, prepared: &Prepared, jobs: &[Wanted<'_>]) -> Self {
        let one = &jobs[..1];
        let (few, many) = (columns(prepared, one), columns(prepared, jobs));
        let (short, long) = (time_of(plan, prepared, one), time_of(plan, prepared, jobs));
        let spread = jobs.len() as f64 * few - many;
        let session = match spread > 0.0 {
            true => (long.as_secs_f64() * few - short.as_secs_f64() * many) / spread,
            false => long.as_secs_f64() / jobs.len() as f64,
        };
        let session = Duration::from_secs_f64(session.max(0.0)).min(long / jobs.len() as u32);
        let column = short.saturating_sub(session).div_f64(few.max(1.0));
        Self { column, session }
    }
}

/// How many different columns of numbers sessions need.
fn columns(prepared: &Prepared, jobs: &[Wanted<'_>]) -> f64 {
    prepared.columns_of_numbers(jobs.iter().map(|(job, _)| *job)) as f64
}

fn time_of(plan: &Plan, prepared: &Prepared, jobs: &[Wanted<'_>]) -> Duration {
    let (cancel, column_bytes) = (AtomicBool::new(false), u64::MAX);
    let batch = Batch {
        plan,
        prepared,
        threads: 1,
        column_bytes,
        cancel: &cancel,
        timeout: None,
        fault: None,
    };
    let began = Instant::now();
    batch.run(jobs, |_| {});
    began.elapsed()
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
