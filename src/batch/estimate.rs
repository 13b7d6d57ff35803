//! What a plan will cost: a few of its sessions are run and timed, and their memory is counted.

use super::Batch;
use crate::plan::{Job, Plan, Prepared};
use std::sync::atomic::AtomicBool;
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
    let rows = prepared.jobs.len() as u64 * ROW_BYTES;
    Estimate {
        time: time.div_f64(threads.max(1) as f64),
        memory: resident() + prepared.column_bytes() + rows,
    }
}

fn time_of(prepared: &Prepared, job: &Job) -> Duration {
    let cancel = AtomicBool::new(false);
    let batch = Batch { prepared, threads: 1, cancel: &cancel, fault: None };
    let began = Instant::now();
    batch.run(&[(job, false)], |_| {});
    began.elapsed()
}

/// Memory in use by this process, in bytes; 0 where the system does not tell.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1_024
}
