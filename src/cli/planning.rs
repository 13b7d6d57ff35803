//! What `run` and `plan` have in common: manifests and options to a plan with its data.

use super::context::{Context, Usage};
use super::exit::Exit;
use super::finding::no_manifest;
use super::output::Sort;
use super::progress::telling;
use crate::bars::duration;
use crate::batch::estimate::{Estimate, estimate};
use crate::diag::Mistakes;
use crate::manifest::project::shown;
use crate::manifest::{Assignment, Layers, Mode, Project, RunSettings};
use crate::plan::{Job, Plan, Prepared, Selection};
use crate::store::{Phase, Store};
use anyhow::Result;
use chrono::{DateTime, NaiveDate, Utc};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Options that say what is planned.
#[derive(Debug, Default, clap::Args)]
pub struct Planning {
    /// Manifests that declare the sessions; of several the first says what concerns the run
    #[arg(value_name = "MANIFEST")]
    pub manifests: Vec<PathBuf>,
    /// Only sessions whose name matches this glob; may be repeated
    #[arg(long, value_name = "GLOB")]
    pub(super) session: Vec<String>,
    /// Only sessions with this tag; several must all be there
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Only sessions for which this is true, over parameters, keys by their path, `session`,
    /// `strategy`, `mode` and `tag("NAME")`, such as `fast < 20`
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<String>,
    /// Order the sessions by a parameter or key: `fast`, and from the largest `-fast` or `fast:desc`
    #[arg(long, value_name = "NAME", allow_hyphen_values = true, value_parser = Sort::parse)]
    sort: Option<Sort>,
    /// Take at most so many sessions, 0 for all
    #[arg(long, value_name = "NUMBER", default_value_t = 0, hide_default_value = true)]
    limit: usize,
    /// Leave out so many sessions at the start
    #[arg(long, value_name = "NUMBER", default_value_t = 0, hide_default_value = true)]
    offset: usize,
    /// Set a key of every session, such as `capital=5000`; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Remove a key of every session; may be repeated
    #[arg(long, value_name = "PATH")]
    unset: Vec<String>,
    /// Lay this profile of the manifest over every session
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// The day from which relative dates count, and at whose end nothing more is known; or that instant, such
    /// as 2026-11-20T15:00:00Z [default: now]
    #[arg(long, value_name = "DATE")]
    now: Option<String>,
    /// Run everything, whatever earlier runs know
    #[arg(long)]
    pub no_cache: bool,
    /// Whether the accounts of paper sessions are moved forward, which tell once what is odd about their
    /// bars.
    #[arg(skip)]
    pub advances: bool,
}

/// More threads than any machine has cores only wait for each other.
const MOST_THREADS: u64 = 1_024;

/// A number of threads on the command line.
pub(super) fn thread_count(text: &str) -> Result<usize, String> {
    let count: u64 = text.parse().map_err(|_| "it is a whole number".to_owned())?;
    match count {
        0..=MOST_THREADS => Ok(count as usize),
        _ => Err(format!("it is at most {MOST_THREADS}")),
    }
}

/// How many threads a batch gets: what the command line says, else the manifest, else all cores.
pub(super) fn threads(wanted: Option<usize>, run: &RunSettings) -> usize {
    match wanted.unwrap_or(run.threads) {
        0 => std::thread::available_parallelism().map_or(1, |cores| cores.get()),
        threads => threads.min(MOST_THREADS as usize),
    }
}

/// A plan and its data.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The plan with its data.
    pub prepared: Prepared,
    /// Where results go.
    pub store: Store,
    /// How long planning took, the reading of the data included.
    pub took: Duration,
}

impl Planned {
    /// The phases of planning that took so long in all: its parts follow the whole.
    pub(super) fn phases(&self, whole: Duration) -> Vec<Phase> {
        let parts = self.prepared.took().into_iter();
        let phase = |(name, took): (&str, Duration)| Phase {
            name: name.to_owned(),
            seconds: took.as_secs_f64(),
        };
        [("plan", whole)].into_iter().chain(parts).map(phase).collect()
    }

    /// What a run will probably take whose sessions are `is_new`: planning as it did now, and the sessions.
    pub(super) fn estimate(&self, threads: usize, is_new: &dyn Fn(&Job) -> bool) -> Estimate {
        let sessions = estimate(&self.plan, &self.prepared, &self.store, threads, is_new);
        Estimate { time: self.took + sessions.time, ..sessions }
    }

    /// Refuse a plan that goes over a budget of its manifest, which is asked for its `estimate` only if it has
    /// one.
    pub(super) fn within_budget(&self, estimate: impl FnOnce() -> Estimate) -> Result<(), Usage> {
        let run = &self.plan.run;
        if run.max_time.is_none() && run.max_memory.is_none() {
            return Ok(());
        }
        let estimate = estimate();
        if let Some(limit) = run.max_time.filter(|limit| estimate.time > *limit) {
            let (time, limit) = (estimate.time.as_secs_f64(), limit.as_secs_f64());
            return Err(Usage(format!(
                "the plan would take some {time:.1} s, and `run.max_time` is {limit:.1} s; take sessions away or raise it"
            )));
        }
        if let Some(limit) = run.max_memory.filter(|limit| estimate.memory > *limit) {
            let (memory, limit) = (estimate.memory as f64 / 1e6, limit as f64 / 1e6);
            return Err(Usage(format!(
                "the plan would take some {memory:.0} MB, and `run.max_memory` is {limit:.0} MB; take sessions away or raise it"
            )));
        }
        Ok(())
    }
}

/// How many findings of the data are told in warnings.
const WARNINGS: usize = 10;

impl Planning {
    /// The plan of one manifest, with these keys set; of the sessions that match, if there are globs.
    pub fn of(manifest: PathBuf, set: Vec<String>, session: Vec<String>) -> Self {
        Self { manifests: vec![manifest], set, session, ..Self::default() }
    }

    /// The options that left sessions out of `plan` or changed them, as they were typed.
    pub fn filters(&self, plan: &Plan) -> Vec<String> {
        let listed = |option: &str, values: &[String]| -> Vec<String> {
            values.iter().map(|value| format!("{option} {value}")).collect()
        };
        let mut typed = [listed("--set", &self.set), listed("--unset", &self.unset)].concat();
        if plan.partial {
            typed.extend(listed("--session", &self.session));
            typed.extend(listed("--tag", &self.tag));
            typed.extend(self.filter.iter().map(|filter| format!("--filter {filter}")));
            let counts = [("--limit", self.limit), ("--offset", self.offset)];
            let counts = counts.into_iter().filter(|(_, count)| *count > 0);
            typed.extend(counts.map(|(option, count)| format!("{option} {count}")));
        }
        typed
    }

    /// Plan; or the exit code, when what is wrong has been shown.
    pub fn plan(&self, context: &Context) -> Result<Result<Planned, Exit>> {
        self.plan_with(context, |plan| plan)
    }

    /// The same, but what is prepared is what `change` makes of the plan.
    pub fn plan_with(
        &self,
        context: &Context,
        change: impl FnOnce(Plan) -> Plan,
    ) -> Result<Result<Planned, Exit>> {
        if self.manifests.is_empty() {
            return Err(Usage(no_manifest(context)).into());
        }
        let began = Instant::now();
        let (today, now) = moment(self.now.as_deref())?;
        let root = context.root.as_deref();
        let project = |path: &PathBuf| {
            let project = Project::of(path, root, today);
            let now = now.unwrap_or(project.now);
            project.at(now)
        };
        let projects = self.manifests.iter().map(project).collect();
        let (set, unset) = (assignments("--set", &self.set), assignments("--unset", &self.unset));
        let layers = Layers { profile: self.profile.as_deref(), set: &set, unset: &unset };
        let selection = self.selection();
        let mut mistakes = Mistakes::default();
        let what = self.manifests.iter().map(|path| shown(path)).collect::<Vec<_>>().join(", ");
        let (plan, prepared) = telling(context, &format!("planning {what}"), || {
            let plan = Plan::read(&self.manifests, projects, &layers, &selection, &mut mistakes);
            let plan = plan.map(change);
            let prepared = plan.as_ref().map(|plan| Prepared::new(plan, &mut mistakes));
            (plan, prepared)
        });
        context.show(&mistakes);
        let (Some(plan), Some(prepared)) = (plan, prepared) else { return Ok(Err(Exit::Usage)) };
        if mistakes.has_errors() {
            return Ok(Err(Exit::Usage));
        }
        let modes: &[Mode] =
            if self.advances { &[Mode::Backtest] } else { &[Mode::Backtest, Mode::Paper] };
        let warnings = prepared.warnings(modes);
        warnings.iter().take(WARNINGS).for_each(|warning| context.warn(warning));
        if warnings.len() > WARNINGS {
            let more = warnings.len() - WARNINGS;
            context
                .warn(format!("{more} more such findings; `papertape data check` shows them all"));
        }
        if plan.points.is_empty() {
            context.say(&self.nothing());
            return Ok(Err(Exit::Nothing));
        }
        if let Some((a, b)) = prepared.alike() {
            let key = |index: usize| plan.base(&plan.points[index]).key(&plan.points[index]);
            let fact =
                format!("sessions {} and {} have the same id; change one of them", key(a), key(b));
            return Err(Usage(fact).into());
        }
        let output = plan.project().root.join(&plan.run.output);
        let store = Store::at(context.output.clone().unwrap_or(output));
        Ok(Ok(Planned { plan, prepared, store, took: began.elapsed() }))
    }

    /// What is said where no session is selected.
    fn nothing(&self) -> String {
        match self.session.iter().find(|glob| glob.contains(['[', '{'])) {
            Some(glob) => format!(
                "nothing was selected: in `{glob}` only `*` and `?` stand for others; repeat `--session` for several"
            ),
            None => "nothing was selected".to_owned(),
        }
    }

    fn selection(&self) -> Selection {
        Selection {
            sessions: self.session.clone(),
            tags: self.tag.clone(),
            filter: self.filter.clone(),
            sort: self.sort.as_ref().map(|sort| (sort.name.clone(), sort.descending)),
            offset: self.offset,
            limit: Some(self.limit).filter(|limit| *limit > 0),
        }
    }
}

/// What `--now` says, or the clock: the day from which relative dates count, and the moment from which
/// on nothing is known yet; `None` for the end of that day.
pub(super) fn moment(now: Option<&str>) -> Result<(NaiveDate, Option<i64>), Usage> {
    let Some(text) = now else {
        let now = Utc::now();
        return Ok((now.date_naive(), Some(now.timestamp_micros())));
    };
    let moment = |time: DateTime<_>| (time.date_naive(), Some(time.timestamp_micros()));
    let day = text.parse().ok().map(|day| (day, None));
    let time = DateTime::parse_from_rfc3339(text).ok().map(moment);
    let wrong = || {
        Usage(format!(
            "`--now {text}` is no day such as 2026-11-21, and no instant such as 2026-11-21T15:00:00Z"
        ))
    };
    day.or(time).ok_or_else(wrong)
}

/// Each value with the number of the argument of the command line that it is.
pub(super) fn assignments(flag: &str, values: &[String]) -> Vec<Assignment> {
    let arguments: Vec<String> = std::env::args().collect();
    let joined = |value: &str| format!("{flag}={value}");
    let mut used = Vec::new();
    values
        .iter()
        .map(|value| {
            let found = arguments.iter().enumerate().position(|(at, argument)| {
                let before = at.checked_sub(1).map_or("", |before| arguments[before].as_str());
                let is_value = argument == value && before == flag;
                // A variant of a comparison sets one key or several.
                let is_part = argument.contains(value) && before == "--variant";
                let is_it = is_value || is_part || *argument == joined(value);
                is_it && !used.contains(&at)
            });
            used.extend(found);
            Assignment { text: value.clone(), argument: found.unwrap_or_default() }
        })
        .collect()
}

/// A duration such as `10s` on the command line.
pub fn duration(text: &str) -> Result<Duration, String> {
    let micros = duration::parse(text)?;
    Ok(Duration::from_micros(micros.unsigned_abs()))
}
