//! `papertape plan`: what would run, and what would not.

use super::context::Context;
use super::exit::Exit;
use super::output::{Cell, Format, Kind, Records};
use super::planning::{Planned, Planning};
use crate::batch::execute;
use crate::plan::{Base, Job};
use anyhow::Result;

/// Show what would run: new and cached sessions, and what sweep rules removed
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape plan sessions/quickstart.toml
  papertape plan sessions/quickstart.toml --format json")]
pub struct Plan {
    #[command(flatten)]
    planning: Planning,
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
        let wanted = planned.plan.run.cache && !self.planning.no_cache;
        let (cached, warnings) = execute::cached(&planned.store, &planned.prepared, wanted);
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
            ("cached", Kind::Count),
            ("refused", Kind::Count),
        ]);
        let jobs = jobs_by_base(&planned);
        for (base, jobs) in planned.plan.bases.iter().zip(&jobs) {
            records.push(row(&planned, base, jobs, &|job| cached.contains_key(&job.index)));
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
        let bars: u64 = planned.prepared.jobs.iter().map(|job| planned.prepared.bars(job)).sum();
        context.say(&format!(
            "{} sessions, {} cached, {bars} bars to walk over at most",
            planned.plan.points.len(),
            cached.len(),
        ));
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
) -> Vec<Cell> {
    let count =
        |of: &dyn Fn(&Job) -> bool| Cell::from(jobs.iter().filter(|job| of(job)).count() as f64);
    let work = jobs.iter().find_map(|job| job.work.as_ref().ok());
    let slice = work.map(|work| &planned.prepared.slices[work.variant.slice]);
    let days = slice.and_then(|slice| slice.days());
    let day = |day: Option<chrono::NaiveDate>| Cell::from(day.map(|day| day.to_string()));
    let symbols = slice.map(|slice| slice.symbols.clone());
    let symbols = symbols.or_else(|| base.session.symbols.clone()).unwrap_or_default();
    vec![
        base.session.name.as_str().into(),
        base.session.definition.name.as_str().into(),
        symbols.join(" ").into(),
        day(days.map(|(from, _)| from)),
        day(days.map(|(_, to)| to)),
        Cell::from(slice.map(|slice| slice.frame.len() as f64)),
        count(&|_| true),
        count(&|job| job.work.is_ok() && !is_cached(job)),
        count(&|job| is_cached(job)),
        count(&|job| job.work.is_err()),
    ]
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
