//! `papertape bench`: how fast the sessions of a manifest run, told only after it was made sure that
//! they are right.
//!
//! The manifest is run as `papertape run` would, into a directory that is thrown away. Then points
//! drawn at random are run once more, each alone, and every column of theirs must be what the run
//! wrote to disk, to the last bit. Beside the figures stands what a loop written by hand for one
//! strategy does on the same bars ([`by_hand`]), because a second means little without the machine.

mod by_hand;
mod workload;

use super::context::{Context, Usage};
use super::exit::Exit;
use super::output::{Cell, Facts, Format, Kind, Records};
use super::planning::{Planned, Planning, thread_count, threads};
use crate::batch::estimate::{peak_memory, processor_time};
use crate::batch::execute::{self, Request, Summary};
use crate::diag::counted;
use crate::manifest::project::shown;
use crate::metrics::Metric;
use crate::plan::SplitMix;
use crate::store::{Phase, Row, Status, Store, StoreError};
use anyhow::Result;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// From which seed the points that are compared are drawn.
const SEED: u64 = 1;

/// Run a manifest, compare random points with sessions run alone, and print what took how long
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape bench sessions/quickstart.toml
  papertape bench sessions/quickstart.toml --session goog-grid -j 1
  papertape bench --workload target/workload && papertape bench target/workload/sessions/plain.toml")]
pub struct Bench {
    #[command(flatten)]
    planning: Planning,
    /// Threads of the batch; 0 for all cores [default: what the manifest says]
    #[arg(short = 'j', long, value_name = "N", value_parser = thread_count)]
    threads: Option<usize>,
    /// Write made-up bars and manifests that measure one thing each into a new directory, and run
    /// nothing
    #[arg(long, value_name = "DIR", conflicts_with = "manifests")]
    workload: Option<PathBuf>,
    /// How many bars a symbol of the workload has
    #[arg(long, value_name = "N", default_value_t = 200_000, requires = "workload")]
    bars: usize,
    /// How many sessions are compared with themselves run alone
    #[arg(long, value_name = "N", default_value_t = 200)]
    compare: usize,
    /// How the figures are written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Bench {
    /// Do it.
    pub fn run(self, context: &Context) -> Result<Exit> {
        if let Some(directory) = &self.workload {
            workload::write(directory, self.bars)?;
            context.say(&format!("written: {}", shown(directory)));
            return Ok(Exit::Success);
        }
        let (began, spent) = (Instant::now(), processor_time());
        let planned = match self.planning.plan(context)? {
            Ok(planned) => planned,
            Err(exit) => return Ok(exit),
        };
        let directory = tempfile::tempdir().map_err(|error| {
            let path = std::env::temp_dir();
            StoreError::Io { path, action: "written", error }
        })?;
        let store = Store::at(directory.path());
        let threads = threads(self.threads, &planned.plan.run);
        let planning = began.elapsed();
        let summary = run(&planned, &store, threads, planned.phases(planning))?;
        let whole = began.elapsed();
        let spent = processor_time().zip(spent).map(|(after, before)| after - before);
        let memory = peak_memory();
        // Twice, because a machine is not always equally fast.
        let slice = &planned.prepared.slices[0];
        let better = |[a, b]: [[f64; 2]; 2]| [0, 1].map(|clock| f64::max(a[clock], b[clock]));
        let by_hand = better([(); 2].map(|()| by_hand::million_bars_a_second::<true>(slice)));
        let [trades_alone, _] =
            better([(); 2].map(|()| by_hand::million_bars_a_second::<false>(slice)));
        let with_averages = by_hand::million_bars_a_second_with_averages(slice);
        let compared = self.compared(&planned, &summary)?;
        context.say(&format!(
            "{} of {} columns are what they are alone, bit for bit",
            counted(compared, "session"),
            Metric::ALL.len() + 5,
        ));
        let speeds =
            Speeds { whole, spent, by_hand, with_averages, trades_alone, memory, compared };
        figures(&planned, &summary, threads, speeds).print(self.format)
    }

    /// Compare random rows on disk with their sessions run alone; how many there were.
    fn compared(&self, planned: &Planned, summary: &Summary) -> Result<usize> {
        let rows: HashMap<u64, Row> =
            summary.run.reader().results()?.into_iter().map(|(_, row)| (row.index, row)).collect();
        let jobs = &planned.prepared.jobs;
        let mut random = SplitMix::new(SEED);
        let mut left: Vec<usize> = (0..jobs.len()).collect();
        let drawn = self.compare.min(jobs.len());
        for _ in 0..drawn {
            let job = &jobs[left.swap_remove(random.below(left.len() as u64) as usize)];
            let alone = execute::alone(&planned.plan, &planned.prepared, job);
            let together = rows.get(&alone.index);
            let differs = match together {
                Some(row) => difference(row, &alone),
                None => Some("it has no row".to_owned()),
            };
            if let Some(difference) = differs {
                let key = planned.plan.key(job.index);
                anyhow::bail!("{key} differs from itself run alone: {difference}");
            }
        }
        Ok(drawn)
    }
}

/// Run everything into `store`.
fn run(planned: &Planned, store: &Store, threads: usize, phases: Vec<Phase>) -> Result<Summary> {
    let command_line: Vec<String> = std::env::args().collect();
    let cancel = AtomicBool::new(false);
    let request = Request {
        plan: &planned.plan,
        prepared: &planned.prepared,
        store,
        threads,
        cancel: &cancel,
        fault: None,
        host: "bench",
        command_line: &command_line,
        left_out: Vec::new(),
        phases,
    };
    let summary = execute::start(request, &HashMap::new(), &mut |_| {}, &mut |_| None)?;
    // A point that is refused is refused alone as well; without any other there is nothing to measure.
    let completed = summary.counts.completed > 0;
    let stops = |row: &&Row| row.status == Status::Failed || !completed;
    match summary.rows.iter().filter(stops).find_map(|row| Some((row.index, row.error.as_ref()?))) {
        None => Ok(summary),
        Some((index, error)) => {
            Err(Usage(format!("{}: {error}", planned.plan.key(index as usize))).into())
        }
    }
}

/// The first column in which two rows differ, with both values.
fn difference(together: &Row, alone: &Row) -> Option<String> {
    let told = |column: &str, a: &dyn std::fmt::Debug, b: &dyn std::fmt::Debug| {
        Some(format!("`{column}` is {a:?}, and {b:?} alone"))
    };
    for metric in Metric::ALL {
        let (a, b) = (together.metrics.get(metric), alone.metrics.get(metric));
        if a.map(f64::to_bits) != b.map(f64::to_bits) {
            return told(metric.name(), &a, &b);
        }
    }
    // With the metrics equal as bits, what is left are words and counts.
    (together != alone).then(|| told("row", together, alone)).flatten()
}

/// What was measured beside the stages.
struct Speeds {
    /// From the manifest to the results on disk.
    whole: Duration,
    /// The time of all processors in it.
    spent: Option<Duration>,
    /// Million bars a second of the loop written by hand, by the clock and by the processor's time.
    by_hand: [f64; 2],
    /// The same by the clock, the averages of each walk included.
    with_averages: f64,
    /// That of the one that knows the trades alone, by the clock.
    trades_alone: f64,
    /// The most memory that was in use, in bytes.
    memory: Option<u64>,
    /// How many sessions were compared with themselves run alone.
    compared: usize,
}

fn figures(planned: &Planned, summary: &Summary, threads: usize, speeds: Speeds) -> Facts {
    let Speeds { whole, spent, by_hand, with_averages, trades_alone, memory, compared } = speeds;
    let [by_hand, by_processor] = by_hand;
    let prepared = &planned.prepared;
    let bars: u64 = prepared.jobs.iter().map(|job| prepared.bars(job)).sum();
    let speed = |time: Duration| bars as f64 / 1e6 / time.as_secs_f64();
    let by_time_spent = spent.map(|spent| speed(spent) / by_processor);
    let data: Duration = prepared.took().iter().map(|(_, took)| *took).sum();
    let mut stages = Records::new([("stage", Kind::Text), ("seconds", Kind::Ratio)]);
    for phase in &summary.run.reader().file().phases {
        stages.push(vec![phase.name.as_str().into(), phase.seconds.into()]);
    }
    Facts::default()
        .with("sessions", Kind::Count, prepared.jobs.len() as f64)
        .with("bar_evaluations", Kind::Count, bars as f64)
        .with("threads", Kind::Count, threads as f64)
        .with("compared", Kind::Count, compared as f64)
        .with("seconds", Kind::Ratio, whole.as_secs_f64())
        .with("processor_seconds", Kind::Ratio, spent.map(|spent| spent.as_secs_f64()))
        .with("seconds_beyond_the_data", Kind::Ratio, whole.saturating_sub(data).as_secs_f64())
        .with("million_bar_evaluations_per_second", Kind::Ratio, speed(whole))
        .with("by_hand_on_one_thread", Kind::Ratio, by_hand)
        .with("by_hand_with_its_averages", Kind::Ratio, with_averages)
        .with("by_hand_with_trades_alone", Kind::Ratio, trades_alone)
        .with("times_by_hand", Kind::Ratio, speed(whole) / by_hand)
        .with("times_by_hand_for_the_same_processor_time", Kind::Ratio, by_time_spent)
        .with("peak_memory_mb", Kind::Ratio, Cell::from(memory.map(|bytes| bytes as f64 / 1e6)))
        .part("stages", stages)
}
