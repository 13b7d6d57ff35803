//! `papertape runs`: every run of the store, and one of them in full.

use super::context::{Context, host};
use super::exit::Exit;
use super::filter::{add_param, compile, measured, metric_names, param, part_cells, part_columns};
use super::output::{Cell, Column, Facts, Kind, Listing, Records};
use super::prune;
use super::sessions::Since;
use crate::expr::{Scalar, Type};
use crate::manifest::Objective;
use crate::manifest::project::shown;
use crate::metrics::Metric;
use crate::plan::filter::type_of;
use crate::plan::{self, Base, Plan, Point, file, word as word_of};
use crate::store::{
    Goal, Holder, Label, PACKED, Row, RunFile, RunReader, RunStatus, Status, Store,
};
use crate::strategy::Param;
use anyhow::Result;
use chrono::{NaiveDate, Utc};
use std::path::Path;

/// Look at the runs in the store
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape runs list --status failed --since 7d
  papertape runs show latest")]
pub(super) struct Runs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List runs, the newest first; all times are UTC
    #[command(after_help = "\
Example:
  papertape runs list --since 2026-11-01 --sort -seconds --limit 10")]
    List {
        /// Only runs with this status; may be repeated for several
        #[arg(long, value_name = "STATUS", value_parser = STATUSES.map(RunStatus::word))]
        status: Vec<String>,
        /// Only runs that started since: `2026-11-01`, `7d` back, or a time such as
        /// `2026-11-01T06:30:00Z`
        #[arg(long, value_name = "TIME", value_parser = Since::parse)]
        since: Option<Since>,
        #[command(flatten)]
        listing: Listing,
    },
    /// Show one run: who, what and when, how it ended, and its best sessions
    #[command(after_help = "\
Examples:
  papertape runs show latest
  papertape runs show 9f3a1c --format json
  papertape runs show latest --sessions --filter 'fast < 20 and metrics.trades > 30' --sort -sharpe")]
    Show {
        /// The run: `latest`, its id, a part of it, or the file that `runs prune --archive` made
        #[arg(value_name = "RUN", default_value = "latest")]
        which: String,
        /// List its sessions instead
        #[arg(long)]
        sessions: bool,
        /// Only sessions for which this is true, over parameters, `session`, `strategy`, `mode`,
        /// `status`, `metrics.NAME`, `in_sample.NAME`, `out_of_sample.NAME` and `tag("NAME")`
        #[arg(long, value_name = "EXPRESSION", requires = "sessions")]
        filter: Option<String>,
        #[command(flatten)]
        listing: Listing,
    },
    Prune(prune::Prune),
    /// Add a remark to a run; `runs show` shows it
    #[command(after_help = "\
Example:
  papertape runs note latest 'the feed was late; run again on Monday'")]
    Note {
        /// The run: `latest`, its id, or a part of it
        #[arg(value_name = "RUN")]
        which: String,
        /// The remark
        #[arg(value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
        text: String,
    },
}

const STATUSES: [RunStatus; 4] =
    [RunStatus::Running, RunStatus::Completed, RunStatus::Failed, RunStatus::Incomplete];

impl Runs {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let store = context.store();
        match self.command {
            Command::List { status, since, listing } => {
                let since = since.map(|since| since.from(Utc::now())).transpose()?;
                let (files, warnings) = store.run_files();
                warnings.iter().for_each(|warning| context.warn(warning));
                let is_wanted = |file: &&RunFile| {
                    (status.is_empty() || status.iter().any(|wanted| wanted == file.status.word()))
                        && since.is_none_or(|since| file.started >= since)
                };
                listing.print(table(files.iter().filter(is_wanted)), &SHOWN, &SPARE, context)
            }
            Command::Note { which, text } => {
                let command_line: Vec<String> = std::env::args().collect();
                let holder = Holder::this_process(host(), &command_line);
                let id = store.note(&which, &text, Utc::now(), &holder)?;
                context.say(&format!("noted in run {id}"));
                Ok(Exit::Success)
            }
            Command::Prune(prune) => prune.run(context),
            Command::Show { which, sessions, filter, listing } => {
                let (packed, found);
                let (reader, archive) = match which.ends_with(PACKED) {
                    true => {
                        packed = Store::open_packed(Path::new(&which))?;
                        (packed.reader(), Some(Path::new(&which)))
                    }
                    false => {
                        found = store.open_run(&which)?;
                        (&found, None)
                    }
                };
                let results = match reader.results() {
                    Ok(results) => results,
                    // Results are written last: a run that was stopped has none.
                    Err(_) if !reader.file().status.has_results() => {
                        let status = reader.file().status.word();
                        let fact = "its results are written when all its sessions have ended";
                        context.say(&format!("the run is {status}: {fact}"));
                        Vec::new()
                    }
                    Err(error) => {
                        context.warn(error);
                        Vec::new()
                    }
                };
                match sessions {
                    true => {
                        let found = Sessions::of(reader, results, context);
                        let table = found.table(filter.as_deref(), context)?;
                        listing.print(
                            table,
                            &SESSION,
                            &["strategy", "trades", "max_drawdown"],
                            context,
                        )
                    }
                    false => facts(reader, archive, &results).print(listing.format()),
                }
            }
        }
    }
}

/// A field of a run: its name and kind, and where its value is.
type Field = (&'static str, Kind, fn(&RunFile) -> Cell);

const FIELDS: [Field; 19] = [
    ("id", Kind::Text, |run| (&run.id).into()),
    ("started", Kind::Time, |run| run.started.into()),
    ("finished", Kind::Time, |run| run.finished.into()),
    ("status", Kind::Text, |run| run.status.word().into()),
    ("exit_code", Kind::Count, |run| run.exit_code.into()),
    ("sessions", Kind::Count, |run| run.counts.selected.into()),
    ("completed", Kind::Count, |run| run.counts.completed.into()),
    ("failed", Kind::Count, |run| run.counts.failed.into()),
    ("refused", Kind::Count, |run| run.counts.refused.into()),
    ("aborted", Kind::Count, |run| run.counts.aborted.into()),
    ("cached", Kind::Count, |run| run.counts.cached.into()),
    ("seconds", Kind::Ratio, |run| {
        run.finished.map(|finished| (finished - run.started).as_seconds_f64()).into()
    }),
    ("manifests", Kind::Text, |run| {
        run.manifests.iter().map(|manifest| manifest.path.clone()).collect::<Vec<_>>().into()
    }),
    ("objective", Kind::Text, |run| (&run.objective.metric).into()),
    ("keep", Kind::Text, |run| (&run.keep).into()),
    ("threads", Kind::Count, |run| run.threads.into()),
    ("env", Kind::Text, |run| run.env.clone().into()),
    ("host", Kind::Text, |run| (&run.host).into()),
    ("version", Kind::Text, |run| (&run.version).into()),
];

/// The columns that people see; programs get all.
const SHOWN: [&str; 9] = [
    "id",
    "started",
    "status",
    "sessions",
    "completed",
    "failed",
    "cached",
    "seconds",
    "manifests",
];

/// What a narrow terminal goes without: the id begins with the time.
const SPARE: [&str; 4] = ["seconds", "started", "cached", "completed"];

fn table<'a>(files: impl Iterator<Item = &'a RunFile>) -> Records {
    let mut table = Records::new(FIELDS.map(|(name, kind, _)| (name, kind)));
    for file in files {
        table.push(FIELDS.iter().map(|(_, _, value)| value(file)).collect());
    }
    table
}

/// Everything that is known of one run, which may lie in an `archive`.
fn facts(reader: &RunReader, archive: Option<&Path>, results: &[(Label, Row)]) -> Facts {
    let file = reader.file();
    let mut facts = Facts::default();
    for (name, kind, value) in &FIELDS {
        facts = facts.with(name, *kind, value(file));
    }
    // What people open stands side by side in the run's directory. That of an archive is gone with this
    // process.
    let place = |name: &str| {
        let path = reader.report(name);
        (archive.is_none() && path.exists()).then(|| shown(&path))
    };
    let directory = archive.is_none().then(|| shown(reader.path()));
    let mut phases = Records::new([("name", Kind::Text), ("seconds", Kind::Ratio)]);
    for phase in &file.phases {
        phases.push(vec![(&phase.name).into(), phase.seconds.into()]);
    }
    let mut cached = Records::new([("run", Kind::Text), ("rows", Kind::Count)]);
    for from in &file.cached_from {
        cached.push(vec![(&from.run).into(), from.rows.into()]);
    }
    let left_out = Some(file.left_out.join(", ")).filter(|names| !names.is_empty());
    let mut notes = Records::new([("at", Kind::Time), ("text", Kind::Text)]);
    for note in &file.notes {
        notes.push(vec![note.at.into(), (&note.text).into()]);
    }
    facts = facts
        .with("engine", Kind::Count, file.engine)
        .with("uuid", Kind::Text, &file.uuid)
        .with("command_line", Kind::Text, file.command_line.join(" "))
        .with("left_out", Kind::Text, left_out)
        .with("directory", Kind::Text, directory)
        .with("archive", Kind::Text, archive.map(shown))
        .with("report", Kind::Text, place("report.html"))
        .with("results", Kind::Text, place("results.csv"))
        .part("phases", phases);
    for (name, part) in [("cached_from", cached), ("notes", notes)] {
        if !part.is_empty() {
            facts = facts.part(name, part);
        }
    }
    match Metric::from_name(&file.objective.metric) {
        Some(metric) => {
            let maximize = file.objective.goal == Goal::Maximize;
            facts.part("best", best(results, Objective { metric, maximize }, 10))
        }
        None => facts,
    }
}

/// The columns of a run's sessions that people see beside their axes; programs get all.
const SESSION: [&str; 7] =
    ["key", "strategy", "status", "total_return", "sharpe", "max_drawdown", "trades"];

/// The sessions of a run with what its plan knows of them.
struct Sessions {
    results: Vec<(Label, Row)>,
    /// `None` if the plan cannot be read any more: then only axes are known.
    plan: Option<Plan>,
}

impl Sessions {
    fn of(reader: &RunReader, results: Vec<(Label, Row)>, context: &Context) -> Self {
        let plan = reader.plan().map_err(anyhow::Error::from).and_then(|text| file::read(&text));
        let plan = plan.map(|frozen| frozen.plan);
        if let Err(error) = &plan {
            context.warn(format!("parameters and tags are not known: {error:#}"));
        }
        Self { results, plan: plan.ok() }
    }

    /// Those for which `filter` is true, a row each.
    fn table(&self, filter: Option<&str>, context: &Context) -> Result<Records> {
        let names = self.names();
        let filter = filter.map(|text| compile(text, &names, context.color)).transpose()?;
        let is_wanted = |(label, row): &&(Label, Row)| {
            filter.as_ref().is_none_or(|filter| {
                filter.holds(|name| self.value(label, row, name), |tag| self.has_tag(row, tag))
            })
        };
        let text = |name: &str| Column::new(name, Kind::Text);
        let mut columns: Vec<Column> =
            ["key", "session", "strategy", "mode", "symbols", "from", "to"].map(text).to_vec();
        let axes = axes(&self.results);
        columns.extend(axes.iter().map(|path| text(path)));
        columns.extend(["status", "error", "kind", "note"].map(text));
        columns.push(Column::new("bars", Kind::Count));
        columns.extend(Metric::ALL.map(Column::from));
        let has_parts = self.results.iter().any(|(_, row)| row.parts.is_some());
        columns.extend(has_parts.then(part_columns).into_iter().flatten());
        let mut table = Records::new(columns);
        for (label, row) in self.results.iter().filter(is_wanted) {
            let day = |day: Option<NaiveDate>| Cell::from(day.map(|day| day.to_string()));
            let mut cells: Vec<Cell> = vec![
                (&label.key).into(),
                (&*label.session).into(),
                (&*label.strategy).into(),
                (&*label.mode).into(),
                label.symbols.to_vec().into(),
                day(label.from),
                day(label.to),
            ];
            cells.extend(axes.iter().map(|path| match param(&label.axes, path) {
                Scalar::Number(number) => number.into(),
                Scalar::Missing => Cell::Absent,
                value => word_of(&value).into(),
            }));
            cells.extend([
                row.status.word().into(),
                row.error.clone().into(),
                row.kind.clone().into(),
                row.note.clone().into(),
                row.bars.into(),
            ]);
            cells.extend(row.metrics.iter().map(|(_, value)| Cell::from(value)));
            let parts = has_parts.then(|| part_cells(row.parts.as_deref()));
            cells.extend(parts.into_iter().flatten());
            table.push(cells);
        }
        Ok(table)
    }

    /// The names that a filter may use.
    fn names(&self) -> Vec<(String, Type)> {
        let fields = ["session", "strategy", "mode", "status"];
        let mut names: Vec<(String, Type)> =
            fields.iter().map(|name| ((*name).to_owned(), Type::Text)).collect();
        names.extend(metric_names());
        for param in self.plan.iter().flat_map(|plan| &plan.bases).flat_map(params) {
            add_param(&mut names, &format!("params.{}", param.name), param.kind.ty());
        }
        for path in axes(&self.results) {
            let values = self.results.iter().map(|(label, _)| param(&label.axes, &path));
            let values: Vec<Scalar> = values.filter(|value| *value != Scalar::Missing).collect();
            add_param(&mut names, &path, type_of(&values));
        }
        names
    }

    /// What `name` is for a session.
    fn value(&self, label: &Label, row: &Row, name: &str) -> Scalar {
        let text = |text: &str| Scalar::Text(text.into());
        match name {
            "session" => return text(&label.session),
            "strategy" => return text(&label.strategy),
            "mode" => return text(&label.mode),
            "status" => return text(row.status.word()),
            _ => {}
        }
        if let Some(value) = measured(&row.metrics, row.parts.as_deref(), name) {
            return value;
        }
        match self.place(row) {
            Some((base, point)) => plan::value(base, point, name),
            None => param(&label.axes, name),
        }
    }

    fn has_tag(&self, row: &Row, tag: &str) -> bool {
        self.place(row)
            .is_some_and(|(base, _)| base.session.label.tags.iter().any(|own| own == tag))
    }

    fn place(&self, row: &Row) -> Option<(&Base, &Point)> {
        let plan = self.plan.as_ref()?;
        let point = plan.points.get(row.index as usize)?;
        Some((plan.base(point), point))
    }
}

fn params(base: &Base) -> impl Iterator<Item = &Param> {
    let definitions = std::iter::once(&base.session.definition).chain(&base.strategies);
    definitions.flat_map(|definition| &definition.params)
}

/// The axes of `results` in the order in which they first appear.
fn axes(results: &[(Label, Row)]) -> Vec<String> {
    let mut axes: Vec<String> = Vec::new();
    for (path, _) in results.iter().flat_map(|(label, _)| &label.axes) {
        if !axes.iter().any(|axis| **axis == **path) {
            axes.push(path.to_string());
        }
    }
    axes
}

/// The best `count` of the completed sessions, the best first.
fn best(results: &[(Label, Row)], objective: Objective, count: usize) -> Records {
    const BESIDE: [Metric; 5] = [
        Metric::TotalReturn,
        Metric::Sharpe,
        Metric::MaxDrawdown,
        Metric::Trades,
        Metric::FinalEquity,
    ];
    let mut metrics = vec![objective.metric];
    metrics.extend(BESIDE.into_iter().filter(|metric| *metric != objective.metric));
    let mut columns = vec![Column::new("key", Kind::Text)];
    columns.extend(metrics.iter().map(|&metric| Column::from(metric)));
    let mut completed: Vec<_> =
        results.iter().filter(|(_, row)| row.status == Status::Completed).collect();
    let value = |row: &Row| row.metrics.get(objective.metric);
    // Equal ones stay in the order of the plan.
    completed.sort_by(|(_, a), (_, b)| objective.order(value(a), value(b)));
    let mut best = Records::new(columns);
    for (label, row) in completed.into_iter().take(count) {
        let values = metrics.iter().map(|&metric| row.metrics.get(metric).into());
        best.push(std::iter::once((&label.key).into()).chain(values).collect());
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::Format;
    use crate::metrics::Metrics;

    fn run_file() -> RunFile {
        serde_json::from_str(include_str!("../../tests/fixtures/run-v1.json")).unwrap()
    }

    fn result(key: &str, status: Status, sharpe: Option<f64>) -> (Label, Row) {
        let label = Label {
            key: key.into(),
            session: "s".into(),
            strategy: "sma-cross".into(),
            mode: "backtest".into(),
            symbols: ["GOOG".into()].into(),
            from: None,
            to: None,
            axes: Vec::new(),
        };
        let mut metrics = Metrics::default();
        metrics.set(Metric::Sharpe, sharpe);
        let row = Row {
            index: 0,
            identity: blake3::hash(key.as_bytes()),
            status,
            error: None,
            kind: None,
            bars: 10,
            metrics,
            parts: None,
            fills: None,
            note: None,
        };
        (label, row)
    }

    #[test]
    fn the_best_are_those_that_completed_in_the_order_of_the_objective() {
        let results = [
            result("undefined", Status::Completed, None),
            result("second", Status::Completed, Some(1.0)),
            result("crashed", Status::Failed, Some(9.0)),
            result("first", Status::Completed, Some(2.0)),
            result("third", Status::Completed, Some(1.0)),
        ];
        let keys = |maximize, count| {
            let best = best(&results, Objective { metric: Metric::Sharpe, maximize }, count);
            let csv = best.text(Format::Csv);
            let keys = csv.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned());
            keys.collect::<Vec<_>>()
        };
        assert_eq!(keys(true, 10), ["first", "second", "third", "undefined"]);
        assert_eq!(keys(false, 10), ["second", "third", "first", "undefined"]);
        assert_eq!(keys(true, 2), ["first", "second"]);
    }

    #[test]
    fn the_objective_stands_first_and_once() {
        let objective = Objective::of(Metric::MaxDrawdown);
        let header = best(&[], objective, 10).text(Format::Csv);
        assert_eq!(header, "key,max_drawdown,total_return,sharpe,trades,final_equity\n");
    }

    #[test]
    fn a_status_has_the_word_of_its_file() {
        for status in STATUSES {
            assert_eq!(serde_json::to_value(status).unwrap(), status.word());
        }
    }

    #[test]
    fn a_run_that_is_open_has_no_length() {
        let mut file = run_file();
        let all = table([&file].into_iter());
        assert!(SHOWN.iter().all(|name| all.has_column(name)));
        file.finished = None;
        let json = table([&file].into_iter()).text(Format::Json);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json[0]["id"], "20261121T063100Z-9f3a1c");
        assert_eq!(json[0]["seconds"], serde_json::Value::Null);
        assert_eq!(json[0]["completed"], 398);
    }
}
