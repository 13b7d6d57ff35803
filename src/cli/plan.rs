//! `papertape plan`: what would run, and what would not.

use super::context::{Context, Usage};
use super::exit::Exit;
use super::output::{Cell, Format, Kind, Records};
use super::planning::{Planned, Planning, thread_count, threads};
use crate::batch::execute;
use crate::diag::{closest, counted};
use crate::manifest::session::param_value;
use crate::manifest::{Node, keys};
use crate::plan::{Axis, Base, Job, file, word};
use crate::store;
use anyhow::Result;
use std::collections::HashMap;
use std::path::PathBuf;

/// Show what would run: new and cached sessions, and what sweep rules removed
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape plan sessions/quickstart.toml
  papertape plan sessions/quickstart.toml --explain costs.slippage.bps
  papertape plan sessions/quickstart.toml --out plan.jsonl && papertape run --plan plan.jsonl")]
pub struct Plan {
    #[command(flatten)]
    planning: Planning,
    /// Show what every layer says of a key, the one that holds first
    #[arg(long, value_name = "KEY", conflicts_with = "out")]
    explain: Option<String>,
    /// Write the plan to a file, for `papertape run --plan`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Threads that the estimate is for; 0 for all cores [default: what the manifest says]
    #[arg(short = 'j', long, value_name = "N", value_parser = thread_count)]
    threads: Option<usize>,
    /// How the plan is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Plan {
    /// Do it.
    pub fn run(self, context: &Context) -> Result<Exit> {
        let planned = match self.planning.plan(context)? {
            Ok(planned) => planned,
            Err(exit) => return Ok(exit),
        };
        if let Some(key) = &self.explain {
            return explain(&planned, key, self.format);
        }
        let wanted = planned.plan.run.cache && !self.planning.no_cache;
        let (cached, warnings) =
            execute::cached(&planned.store, &planned.plan, &planned.prepared, wanted);
        warnings.iter().for_each(|warning| context.warn(warning));
        let mut records = Records::new([
            ("session", Kind::Text),
            ("strategy", Kind::Text),
            ("symbols", Kind::Text),
            ("from", Kind::Text),
            ("to", Kind::Text),
            ("bars", Kind::Count),
            ("sessions", Kind::Count),
            ("new", Kind::Count),
            ("stale", Kind::Count),
            ("cached", Kind::Count),
            ("refused", Kind::Count),
            ("moved", Kind::Text),
        ]);
        let before = earlier(&planned);
        let jobs = jobs_by_base(&planned);
        for (base, jobs) in planned.plan.bases.iter().zip(&jobs) {
            let is_cached = |job: &Job| cached.contains_key(&job.index);
            records.push(row(&planned, base, jobs, &is_cached, &before));
        }
        let exit = records.print(self.format)?;
        for (base, jobs) in planned.plan.bases.iter().zip(&jobs) {
            tell_rules(base, context);
            for job in jobs {
                if let Err(reason) = &job.work {
                    context.say(&format!("{}: refused: {reason}", base.session.name));
                    break;
                }
            }
        }
        let is_new = |job: &Job| !cached.contains_key(&job.index);
        let threads = threads(self.threads, &planned.plan.run);
        let estimate = planned.estimate(threads, &is_new);
        let bars: u64 = planned.prepared.jobs.iter().map(|job| planned.prepared.bars(job)).sum();
        let seconds = estimate.time.as_secs_f64();
        let digits = if seconds < 1.0 { 2 } else { 1 };
        context.say(&format!(
            "{}, {} cached, {}; some {seconds:.digits$} s on {}, {:.0} MB",
            counted(planned.plan.points.len(), "session"),
            cached.len(),
            counted(bars as usize, "bar"),
            counted(threads, "thread"),
            estimate.memory as f64 / 1e6,
        ));
        planned.within_budget(|| estimate)?;
        if let Some(path) = &self.out {
            let taken = vec![false; planned.plan.points.len()];
            let text = file::write(&planned.plan, &planned.prepared, &taken);
            store::write(path, text.as_bytes())?;
            context.say(&format!("plan: {}", path.display()));
        }
        Ok(exit)
    }
}

fn jobs_by_base(planned: &Planned) -> Vec<Vec<&Job>> {
    let mut jobs: Vec<Vec<&Job>> = planned.plan.bases.iter().map(|_| Vec::new()).collect();
    for job in &planned.prepared.jobs {
        jobs[planned.plan.points[job.index].base].push(job);
    }
    jobs
}

fn row(
    planned: &Planned,
    base: &Base,
    jobs: &[&Job],
    is_cached: &dyn Fn(&Job) -> bool,
    before: &HashMap<String, HashMap<String, String>>,
) -> Vec<Cell> {
    let count =
        |of: &dyn Fn(&Job) -> bool| Cell::from(jobs.iter().filter(|job| of(job)).count() as f64);
    // The points of a sweep have few slices and strategies, and neighbours share theirs.
    let plan = &planned.plan;
    let ready = jobs.iter().filter_map(|job| Some((job, job.work.as_ref().ok()?)));
    let strategy = |job: &Job| &base.definition(&plan.points[job.index]).name;
    let mut different: Vec<(usize, &String)> =
        ready.map(|(job, work)| (work.slice, strategy(job))).collect();
    different.dedup();
    let slices = || different.iter().map(|(slice, _)| &planned.prepared.slices[*slice]);
    let days = || slices().filter_map(|slice| slice.days());
    let day = |day: Option<chrono::NaiveDate>| Cell::from(day.map(|day| day.to_string()));
    let symbols = slices().map(|slice| slice.symbols.join(" "));
    let own = base.session.symbols.as_deref().unwrap_or_default().join(" ");
    let strategies = different.iter().map(|(_, strategy)| (*strategy).clone());
    let is_open = |job: &Job| job.work.is_ok() && !is_cached(job);
    let moved = moved(planned, base, jobs, is_cached, before);
    // Other values of a sweep's parameters are other points, and none of them was run before.
    let is_stale = moved.as_ref().is_some_and(|moved| moved != PARAMS || !base.swept);
    vec![
        base.session.name.as_str().into(),
        several(strategies, base.session.definition.name.clone()).into(),
        several(symbols, own).into(),
        day(days().map(|(from, _)| from).min()),
        day(days().map(|(_, to)| to).max()),
        Cell::from(slices().map(|slice| slice.frame.len()).max().map(|bars| bars as f64)),
        count(&|_| true),
        count(&|job| !is_stale && is_open(job)),
        count(&|job| is_stale && is_open(job)),
        count(&|job| is_cached(job)),
        count(&|job| job.work.is_err()),
        moved.into(),
    ]
}

/// The different ones of `texts`, or what they are if there is none: a few by name, of many how many.
fn several(texts: impl Iterator<Item = String>, otherwise: String) -> String {
    const NAMED: usize = 3;
    let mut different: Vec<String> = Vec::new();
    for text in texts {
        if !different.contains(&text) {
            different.push(text);
        }
    }
    match different.len() {
        0 => otherwise,
        1..=NAMED => different.join(", "),
        count => format!("{} and {} more", different[0], count - 1),
    }
}

/// What moved when no component that a whole sweep shares did.
const PARAMS: &str = "params";

/// How many of the newest runs are asked what a session was before.
const RUNS_ASKED: usize = 16;

/// The components that sessions had when they were run last, by the session's name.
fn earlier(planned: &Planned) -> HashMap<String, HashMap<String, String>> {
    let mut known = HashMap::new();
    for run in planned.store.run_files().0.iter().take(RUNS_ASKED) {
        let plan = planned.store.open_run(&run.id).and_then(|run| run.plan());
        for (name, components) in plan.map(|plan| file::components(&plan)).unwrap_or_default() {
            known.entry(name).or_insert(components);
        }
    }
    known
}

/// Which components of a session are not what they were, if that is why it runs.
fn moved(
    planned: &Planned,
    base: &Base,
    jobs: &[&Job],
    is_cached: &dyn Fn(&Job) -> bool,
    before: &HashMap<String, HashMap<String, String>>,
) -> Option<String> {
    let before = before.get(&base.session.name)?;
    let job = jobs.iter().find(|job| !is_cached(job))?;
    let now = planned.prepared.components(&planned.plan, job)?;
    let differ = now.iter().filter(|(part, digest)| before.get(*part) != Some(digest));
    let parts: Vec<&str> = differ.map(|(part, _)| *part).collect();
    // Only the values of parameters are not among the components.
    Some(if parts.is_empty() { PARAMS.into() } else { parts.join(", ") })
}

/// What every layer says of `key` in each session, the one that holds first.
fn explain(planned: &Planned, key: &str, format: Format) -> Result<Exit> {
    let mut records = Records::new([
        ("session", Kind::Text),
        ("value", Kind::Text),
        ("layer", Kind::Text),
        ("place", Kind::Text),
    ]);
    let known = keys::session_kind(key);
    if known.is_none() {
        let paths = keys::session_paths();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let near = closest(key, &paths).map(|near| format!("; did you mean `{near}`?"));
        let fact = format!("`{key}` is not a key of a session{}", near.unwrap_or_default());
        return Err(Usage(fact).into());
    }
    for base in &planned.plan.bases {
        let name = &base.session.name;
        let mut push = |value: Cell, layer: String, place: String| {
            records.push(vec![name.into(), value, layer.into(), place.into()]);
        };
        for nodes in base.axes.iter().map(|axis| said_by(axis, key)) {
            let Some(first) = nodes.first() else { continue };
            let values: Vec<String> = nodes.iter().map(|node| word(&param_value(node))).collect();
            push(values.join(", ").into(), "sweep".into(), first.place.to_string());
        }
        for said in base.declared.explain(key) {
            push(said.value.into(), said.layer, said.place.to_string());
        }
        let definition = &base.session.definition;
        let param = key.strip_prefix("params.").and_then(|param| definition.param(param).ok());
        match param.map(|param| &definition.params[param]) {
            Some(param) => {
                let layer = format!("strategy {}, default", definition.name);
                push(param.default.as_ref().map(word).into(), layer, param.place.to_string());
            }
            None => {
                let default = known.map(|key| key.default).filter(|text| !text.is_empty());
                push(default.into(), "built in".into(), String::new());
            }
        }
    }
    records.print(format)
}

/// What the values of an axis say of `key`: it is the axis, or stands in its tables.
fn said_by<'a>(axis: &'a Axis, key: &str) -> Vec<&'a Node> {
    let nodes = axis.values.iter().flatten();
    match keys::inside(key, &axis.path) {
        Some(rest) => nodes.filter_map(|it| it.table()?.at(rest)).collect(),
        None if key == axis.path => nodes.collect(),
        None => Vec::new(),
    }
}

/// How the points of a sweep came about.
fn tell_rules(base: &Base, context: &Context) {
    if !base.swept || base.removed.is_empty() {
        return;
    }
    let removed: Vec<String> =
        base.removed.iter().map(|(rule, count)| format!("`{rule}` removed {count}")).collect();
    let left = base.generated - base.removed.iter().map(|(_, count)| count).sum::<usize>();
    let name = &base.session.name;
    context.say(&format!("{name}: {} points, {}, {left} left", base.generated, removed.join(", ")));
}
