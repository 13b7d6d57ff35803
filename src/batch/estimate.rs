//! What a plan will cost: a few of its sessions are run and timed, and their memory is counted.

use super::{alone, column_bytes, group};
use crate::plan::{Job, Plan, Prepared};
use std::time::{Duration, Instant};

/// How many sessions of each base are tried.
const TRIED: usize = 3;
/// What a row takes until the run is over, with its label: measured at some 1.5 kB.
const ROW_BYTES: u64 = 1_600;

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
    let mut time = Duration::ZERO;
    for base in 0..plan.bases.len() {
        let jobs: Vec<&Job> = prepared
            .jobs
            .iter()
            .filter(|job| plan.points[job.index].base == base && job.work.is_ok() && is_new(job))
            .collect();
        let step = jobs.len().div_ceil(TRIED).max(1);
        let mut times: Vec<Duration> =
            jobs.iter().step_by(step).map(|job| time_of(prepared, job)).collect();
        times.sort();
        if let Some(middle) = times.get(times.len() / 2) {
            time += middle.mul_f64(jobs.len() as f64);
        }
    }
    let jobs = prepared.jobs.iter().map(|job| (job, false)).collect();
    let groups = group::groups(prepared, jobs, column_bytes(&plan.run));
    let columns = groups.iter().map(|jobs| prepared.column_bytes(jobs.iter().map(|(job, _)| *job)));
    let columns = columns.max();
    let rows = prepared.jobs.len() as u64 * ROW_BYTES;
    Estimate {
        time: time.div_f64(threads.max(1) as f64),
        memory: memory("VmRSS:").unwrap_or(0) + columns.unwrap_or(0) + rows,
    }
}

fn time_of(prepared: &Prepared, job: &Job) -> Duration {
    let began = Instant::now();
    alone(prepared, job, false);
    began.elapsed()
}

/// The most memory that this process had in use so far, in bytes; `None` where the system does not
/// tell.
pub fn peak_memory() -> Option<u64> {
    memory("VmHWM:")
}

/// What the kernel says of this process's memory.
fn memory(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes = line.split_whitespace().next()?.parse::<u64>().ok()?;
    Some(kilobytes * 1_024)
}
