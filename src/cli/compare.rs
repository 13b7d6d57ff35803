//! `papertape compare`: runs, sessions, baselines or manifests beside each other.

use super::check::baseline_name;
use super::context::{Context, Usage};
use super::exit::Exit;
use super::output::{Cell, Column, Facts, Format, Kind, Records, terminal_width};
use super::planning::{Planned, Planning, thread_count, threads};
use super::progress::Watcher;
use crate::batch::execute::Progress;
use crate::batch::{Batch, column_bytes};
use crate::compare::noise::{self, Bootstrap, DRAWS, Interval, Noise};
use crate::compare::snapshot::Strategies;
use crate::compare::table::{self, Compared, Match, Order, Row, Side};
use crate::compare::{Baselines, Snapshot};
use crate::manifest::glob_matches;
use crate::metrics::Metric;
use crate::report::Templates;
use crate::report::comparison::comparison;
use crate::report::format::{DASH, metric as written, sparkline};
use crate::store::{RunReader, Status, StoreError};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Put runs, sessions, baselines or manifests side by side
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What is compared:
  sessions/a.toml             a manifest, which is run for this; nothing is stored
  sessions/a.toml:goog-sma    one session of it
  latest, 9f3a1c              a run; latest:goog-sma is one session of it
  goog-sma                    the newest kept result of a session, by its name or key
  baseline:main               accepted results; baseline:main:goog-sma is one of them

Examples:
  papertape compare latest baseline:main --only-changed
  papertape compare sessions/ci.toml:goog-sma --variant params.fast=10 --variant params.fast=20
  papertape compare 9f3a1c latest --sort change --threshold 0.01 --report comparison.html")]
pub(super) struct Compare {
    /// What is compared, the first being what the others are held against
    #[arg(value_name = "WHAT", required = true)]
    what: Vec<String>,
    /// Compare the one manifest under these settings, such as `params.fast=10,params.slow=50`; a
    /// single one is held against the manifest as it is
    #[arg(long, value_name = "PATH=VALUE[,...]")]
    variant: Vec<String>,
    /// Only sessions whose key or name matches this glob; may be repeated
    #[arg(long, value_name = "GLOB")]
    session: Vec<String>,
    /// Only these metrics; may be repeated [default: all of a single session, else the headline]
    #[arg(long, value_name = "NAME", value_parser = super::baseline::metric)]
    metric: Vec<Metric>,
    /// Leave out what is the same everywhere
    #[arg(long)]
    only_changed: bool,
    /// Values are the same if they differ by at most this fraction
    #[arg(long, value_name = "FRACTION", default_value_t = 0.0)]
    threshold: f64,
    /// How the rows are ordered
    #[arg(long, value_enum, default_value_t = By::Plan)]
    sort: By,
    /// Write a report with curves, parameters and trades: a page if it ends with `.html`, a text if with
    /// `.md`, what the templates of both see if with `.json`; may be repeated
    #[arg(long, value_name = "FILE", value_parser = report_file)]
    report: Vec<PathBuf>,
    /// Samples that the intervals are made from
    #[arg(long, value_name = "NUMBER", default_value_t = DRAWS)]
    draws: usize,
    /// The number that fixes the samples
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Days in a block of the samples [default: chosen from the data]
    #[arg(long, value_name = "DAYS")]
    block: Option<usize>,
    /// Threads of the batch; 0 for all cores [default: what the manifest says]
    #[arg(short = 'j', long, value_name = "N", value_parser = thread_count)]
    threads: Option<usize>,
    /// How the table is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// How rows are ordered, as an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// As the sessions stand in their plan
    Plan,
    /// By the session's key
    Session,
    /// By the metric's name
    Metric,
    /// The largest relative change first
    Change,
}

impl From<By> for Order {
    fn from(by: By) -> Self {
        match by {
            By::Plan => Self::Plan,
            By::Session => Self::Session,
            By::Metric => Self::Metric,
            By::Change => Self::Change,
        }
    }
}

/// The metrics of several sessions, where all would be too many.
const HEADLINE: [Metric; 5] =
    [Metric::TotalReturn, Metric::Sharpe, Metric::MaxDrawdown, Metric::Trades, Metric::FinalEquity];
/// Of more sessions than this only the metrics are compared.
const DETAILED: usize = 200;

impl Compare {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let sides = match self.sides(context)? {
            Ok(sides) => sides,
            Err(exit) => return Ok(exit),
        };
        if let Some(empty) = sides.iter().find(|side| side.sessions.is_empty()) {
            context.say(&format!("nothing of {} was selected", empty.name));
            return Ok(Exit::Nothing);
        }
        let matches = table::matched(&sides);
        let metrics = match (&self.metric[..], matches.len()) {
            ([], 1) => Metric::ALL.to_vec(),
            ([], _) => HEADLINE.to_vec(),
            (chosen, _) => chosen.to_vec(),
        };
        let (only, threshold) = (self.only_changed, self.threshold.abs());
        let rows = table::rows(&matches, &metrics, only, threshold, self.sort.into());
        let noise: Vec<Option<Noise>> = matches.iter().map(|one| self.noise(one)).collect();
        self.print(&sides, &matches, &rows, &noise)?;
        self.write_reports(&sides, &matches, &rows, &noise, context)?;
        Ok(Exit::Success)
    }

    fn sides(&self, context: &Context) -> Result<Result<Vec<Side>, Exit>> {
        let mut sides = Vec::new();
        if !self.variant.is_empty() {
            let [manifest] = &self.what[..] else {
                return Err(Usage("`--variant` goes with one manifest".into()).into());
            };
            let Some((path, key)) = manifest_of(manifest) else {
                let fact = format!("`--variant` goes with a manifest, and `{manifest}` is none");
                return Err(Usage(fact).into());
            };
            let as_it_is = (self.variant.len() == 1).then(String::new);
            for variant in as_it_is.iter().chain(&self.variant) {
                let name = if variant.is_empty() { manifest } else { variant };
                match self.manifest(name, path, key, settings(variant), context)? {
                    Ok(side) => sides.push(side),
                    Err(exit) => return Ok(Err(exit)),
                }
            }
            return Ok(Ok(sides));
        }
        if self.what.len() < 2 {
            return Err(
                Usage("name two things to compare, or a manifest and `--variant`".into()).into()
            );
        }
        for what in &self.what {
            let side = match manifest_of(what) {
                Some((path, key)) => match self.manifest(what, path, key, Vec::new(), context)? {
                    Ok(side) => side,
                    Err(exit) => return Ok(Err(exit)),
                },
                None => self.stored(what, context)?,
            };
            sides.push(side);
        }
        Ok(Ok(sides))
    }

    /// Whether the session with this key is wanted: `key` by what was named, the globs by option.
    fn takes(&self, wanted: Option<&str>, key: &str) -> bool {
        let name = key.split('[').next().unwrap_or_default();
        wanted.is_none_or(|wanted| wanted == key || wanted == name)
            && (self.session.is_empty()
                || self
                    .session
                    .iter()
                    .any(|glob| glob == key || glob_matches(glob, key) || glob_matches(glob, name)))
    }

    /// A manifest, run for this.
    fn manifest(
        &self,
        name: &str,
        path: &Path,
        key: Option<&str>,
        set: Vec<String>,
        context: &Context,
    ) -> Result<Result<Side, Exit>> {
        // The others need not even fit the settings.
        let session = key.and_then(|key| key.split('[').next()).map(str::to_owned);
        let planning = Planning::of(path.to_owned(), set, session.into_iter().collect());
        let planned = planning.plan_with(context, |mut plan| {
            let bases = std::mem::take(&mut plan.points);
            let wanted = |point: &crate::plan::Point| self.takes(key, &plan.base(point).key(point));
            let points = bases.into_iter().filter(|point| wanted(point)).collect();
            plan.points = points;
            plan
        })?;
        let Planned { plan, prepared, .. } = match planned {
            Ok(planned) => planned,
            Err(exit) => return Ok(Err(exit)),
        };
        let is_detailed = plan.points.len() <= DETAILED;
        let jobs: Vec<_> = prepared.jobs.iter().map(|job| (job, is_detailed)).collect();
        let cancel = AtomicBool::new(false);
        let threads = threads(self.threads, &plan.run);
        let batch = Batch {
            plan: &plan,
            prepared: &prepared,
            threads,
            column_bytes: column_bytes(&plan.run),
            cancel: &cancel,
            // Each of them is told of.
            fails_fast: false,
            timeout: plan.run.timeout,
            fault: None,
        };
        let mut watcher = Watcher::new(context);
        watcher.see(Progress::Begin { sessions: jobs.len(), bars: 0, done: 0 });
        let mut sessions: Vec<Option<Compared>> = plan.points.iter().map(|_| None).collect();
        batch.run(&jobs, |finished| {
            let Some(finished) = finished else { return };
            let point = &plan.points[finished.index];
            let key = plan.base(point).key(point);
            watcher.see(Progress::Session { bars: 0, completed: finished.result.is_ok() });
            match finished.result {
                Ok(done) => {
                    let job = prepared.jobs.iter().find(|job| job.index == finished.index);
                    let snapshot = job
                        .filter(|_| is_detailed)
                        .and_then(|job| Snapshot::computed(&plan, &prepared, job, &done));
                    let snapshot = snapshot.map(Box::new);
                    let parts = done.parts.as_deref().copied();
                    let one = Compared { key, metrics: done.metrics, parts, snapshot };
                    sessions[finished.index] = Some(one);
                }
                Err(failure) => context.complain(&format!("{key}: {}", failure.error)),
            }
        });
        watcher.see(Progress::Writing);
        let sessions = sessions.into_iter().flatten().collect();
        Ok(Ok(Side { name: name.to_owned(), sessions }))
    }

    /// Baselines, a run, or the newest result of a session.
    fn stored(&self, what: &str, context: &Context) -> Result<Side> {
        if let Some(rest) = what.strip_prefix("baseline:") {
            let (name, key) = rest.split_once(':').map_or((rest, None), |(a, b)| (a, Some(b)));
            let name = baseline_name(name).map_err(Usage)?;
            return self.baseline(what, &name, key, context);
        }
        let store = context.store();
        let (head, key) = what.split_once(':').map_or((what, None), |(a, b)| (a, Some(b)));
        match store.open_run(head) {
            Ok(reader) => return self.of_run(what, &reader, key),
            Err(StoreError::UnknownRun { .. } | StoreError::AmbiguousRun { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let (records, _) = store.records();
        let newest = records.iter().rev().find(|record| {
            record.status == Status::Completed && (record.key == what || record.session == what)
        });
        let Some(record) = newest else {
            let fact = format!(
                "`{what}` is no manifest, no run and no session that was run; baselines are written `baseline:NAME`"
            );
            return Err(Usage(fact).into());
        };
        let reader = store.open_run(&record.run)?;
        self.of_run(what, &reader, Some(what))
    }

    fn baseline(
        &self,
        what: &str,
        name: &str,
        key: Option<&str>,
        context: &Context,
    ) -> Result<Side> {
        let baselines = Baselines::at(&context.project().root, name);
        let mut sessions = Vec::new();
        for entry in baselines.all()? {
            match entry.accepted {
                Ok(baseline) if self.takes(key, &baseline.snapshot.key) => {
                    let snapshot = Box::new(baseline.snapshot);
                    let (key, metrics) = (snapshot.key.clone(), snapshot.measured());
                    sessions.push(Compared { key, metrics, parts: None, snapshot: Some(snapshot) });
                }
                Ok(_) => {}
                Err(lack) => context.warn(lack),
            }
        }
        if sessions.is_empty() {
            let place = baselines.path().display();
            return Err(Usage(format!("`{what}`: there is no such baseline in {place}")).into());
        }
        Ok(Side { name: what.to_owned(), sessions })
    }

    fn of_run(&self, what: &str, reader: &RunReader, key: Option<&str>) -> Result<Side> {
        let strategies = Strategies::of_plan(&reader.plan()?);
        let results = reader.results()?;
        let wanted = results
            .iter()
            .filter(|(label, row)| row.status == Status::Completed && self.takes(key, &label.key));
        let sessions: Vec<Compared> = wanted
            .map(|(label, row)| {
                // What was not kept has its metrics all the same.
                let snapshot = Snapshot::kept(reader, &strategies, label, row).ok().map(Box::new);
                let parts = row.parts.as_deref().copied();
                Compared { key: label.key.clone(), metrics: row.metrics, parts, snapshot }
            })
            .collect();
        if sessions.is_empty() {
            let fact = format!("`{what}`: run {} completed no such session", reader.id());
            return Err(Usage(fact).into());
        }
        Ok(Side { name: what.to_owned(), sessions })
    }

    /// How much of the change from the first side to the last is noise.
    fn noise(&self, one: &Match<'_>) -> Option<Noise> {
        let (first, last) = ((*one.sessions.first()?)?, (*one.sessions.last()?)?);
        let (a, b) = (first.snapshot.as_deref()?, last.snapshot.as_deref()?);
        let (before, after) = noise::paired(a, b);
        let bootstrap = Bootstrap {
            draws: self.draws.max(1),
            seed: self.seed,
            block: self.block,
            periods: a.periods,
        };
        noise::noise(&before, &after, bootstrap)
    }

    fn print(
        &self,
        sides: &[Side],
        matches: &[Match<'_>],
        rows: &[Row],
        noise: &[Option<Noise>],
    ) -> Result<Exit> {
        let is_for_people = matches!(self.format, Format::Table | Format::Markdown);
        let mut records = if is_for_people { for_people(sides, rows) } else { exact(sides, rows) };
        let mut intervals = intervals(matches, noise);
        if self.format == Format::Table {
            // One session need not be named in every row.
            let named = if matches.len() == 1 { "session" } else { "relative" };
            records = records.sparing(&[named, "relative"]);
            intervals = intervals.sparing(&[named, "draws", "block", "days"]);
        }
        match self.format {
            Format::Csv => records.print(self.format),
            _ => {
                let facts = Facts::default().part("metrics", records).part("noise", intervals);
                let courses = courses(sides, matches).filter(|_| self.format == Format::Table);
                let courses = courses.filter(|_| terminal_width().is_some());
                courses
                    .into_iter()
                    .fold(facts, |facts, it| facts.part("equity", it))
                    .print(self.format)
            }
        }
    }

    fn write_reports(
        &self,
        sides: &[Side],
        matches: &[Match<'_>],
        rows: &[Row],
        noise: &[Option<Noise>],
        context: &Context,
    ) -> Result<()> {
        if self.report.is_empty() {
            return Ok(());
        }
        let templates = Templates::new(Some(&context.project().root))?;
        let page = comparison(sides, matches, rows, noise);
        for path in &self.report {
            let text = match path.extension().and_then(|ending| ending.to_str()) {
                Some("html") => templates.page("comparison.html", &page)?,
                Some("md") => templates.page("comparison.md", &page)?,
                _ => serde_json::to_string_pretty(&page)? + "\n",
            };
            crate::store::write(path, text.as_bytes())?;
            context.say(&format!("report: {}", path.display()));
        }
        Ok(())
    }
}

/// A file that a report can be written to, by its ending.
fn report_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("html" | "md" | "json") => Ok(path),
        _ => Err("a report ends with .html, .md or .json".into()),
    }
}

/// The manifest that `what` names, and the session of it.
fn manifest_of(what: &str) -> Option<(&Path, Option<&str>)> {
    if what.ends_with(".toml") {
        return Some((Path::new(what), None));
    }
    let end = what.find(".toml:")? + ".toml".len();
    Some((Path::new(&what[..end]), Some(&what[end + 1..])))
}

/// The settings of a variant: a comma separates two only where a key and `=` follow.
fn settings(variant: &str) -> Vec<String> {
    let mut settings: Vec<String> = Vec::new();
    for part in variant.split(',').filter(|part| !part.is_empty()) {
        let is_setting = part.split_once('=').is_some_and(|(path, _)| {
            path.trim().chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'))
        });
        match settings.last_mut() {
            Some(last) if !is_setting => *last += &format!(",{part}"),
            _ => settings.push(part.trim().to_owned()),
        }
    }
    settings
}

fn columns(sides: &[Side], kind: Kind) -> Vec<Column> {
    let mut columns = vec![Column::new("session", Kind::Text), Column::new("metric", Kind::Text)];
    for (number, side) in sides.iter().enumerate() {
        let again = sides[..number].iter().any(|other| other.name == side.name);
        let name =
            if again { format!("{} ({})", side.name, number + 1) } else { side.name.clone() };
        columns.push(Column::new(name, kind));
    }
    columns
}

/// Values in their units, the best marked.
fn for_people(sides: &[Side], rows: &[Row]) -> Records {
    let mut columns = columns(sides, Kind::Text);
    columns.push(Column::new("change", Kind::Text));
    columns.push(Column::new("relative", Kind::Fraction));
    let mut records = Records::new(columns);
    for row in rows {
        let unit = crate::report::load::unit(row.metric);
        let mut cells: Vec<Cell> = vec![(&row.label).into(), row.name().into()];
        cells.extend(row.values.iter().zip(&row.best).map(|(value, best)| {
            let star = if *best { " ★" } else { "" };
            Cell::from(format!("{}{star}", written(*value, unit, None)))
        }));
        let change = row.change.map_or(DASH.into(), |change| written(Some(change), unit, None));
        cells.extend([Cell::from(change), row.relative.into()]);
        records.push(cells);
    }
    records
}

/// Exact values, and which sides have the best.
fn exact(sides: &[Side], rows: &[Row]) -> Records {
    let mut columns = columns(sides, Kind::Number);
    columns.push(Column::new("best", Kind::Text));
    columns.push(Column::new("change", Kind::Number));
    columns.push(Column::new("relative", Kind::Fraction));
    let mut records = Records::new(columns);
    for row in rows {
        let mut cells: Vec<Cell> = vec![(&row.label).into(), row.name().into()];
        cells.extend(row.values.iter().map(|value| Cell::from(*value)));
        let best = sides.iter().zip(&row.best).filter(|(_, best)| **best);
        let best: Vec<String> = best.map(|(side, _)| side.name.clone()).collect();
        cells.extend([best.into(), row.change.into(), row.relative.into()]);
        records.push(cells);
    }
    records
}

/// The course of the account on each side, for who looks at a terminal; `None` of several sessions.
fn courses(sides: &[Side], matches: &[Match<'_>]) -> Option<Records> {
    const SPARK: usize = 48;
    let [one] = matches else { return None };
    let mut records = Records::new([("side", Kind::Text), ("equity", Kind::Text)]);
    for (side, session) in sides.iter().zip(&one.sessions) {
        let account = (*session)?.snapshot.as_deref()?.account();
        let equity: Vec<f64> = account.into_iter().map(|(_, equity)| equity).collect();
        records.push(vec![(&side.name).into(), sparkline(&equity, SPARK).into()]);
    }
    Some(records)
}

/// What chance would do to the change from the first side to the last.
fn intervals(matches: &[Match<'_>], noise: &[Option<Noise>]) -> Records {
    let columns = [
        ("session", Kind::Text),
        ("change_of", Kind::Text),
        ("value", Kind::Ratio),
        ("low", Kind::Ratio),
        ("high", Kind::Ratio),
        ("may_be_chance", Kind::Text),
        ("days", Kind::Count),
        ("block", Kind::Count),
        ("draws", Kind::Count),
    ];
    let mut records = Records::new(columns);
    for (one, noise) in matches.iter().zip(noise) {
        let Some(noise) = noise else { continue };
        let mut push = |what: &str, interval: Interval| {
            records.push(vec![
                (&one.label).into(),
                what.into(),
                interval.value.into(),
                interval.low.into(),
                interval.high.into(),
                interval.is_noise().into(),
                noise.days.into(),
                noise.block.into(),
                noise.draws.into(),
            ]);
        };
        if let Some(sharpe) = noise.sharpe {
            push("sharpe", sharpe);
        }
        push("annual_return", noise.annual_return);
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_is_one_setting_or_several() {
        assert_eq!(settings("params.fast=10"), ["params.fast=10"]);
        assert_eq!(settings("a.b=1, c=2"), ["a.b=1", "c=2"]);
        assert_eq!(
            settings("symbols=[\"A\",\"B\"],capital=5"),
            ["symbols=[\"A\",\"B\"]", "capital=5"]
        );
        assert_eq!(settings(""), [""; 0]);
    }

    #[test]
    fn a_manifest_may_name_one_of_its_sessions() {
        assert_eq!(manifest_of("a/b.toml"), Some((Path::new("a/b.toml"), None)));
        let key = Some("x[fast=1]");
        assert_eq!(manifest_of("a/b.toml:x[fast=1]"), Some((Path::new("a/b.toml"), key)));
        assert_eq!(manifest_of("latest:x"), None);
    }
}
