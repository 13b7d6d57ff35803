//! `papertape sessions`: the registry, filtered, sorted and added up.

use super::context::{Context, Usage};
use super::exit::Exit;
use super::filter::{add_param, compile, measured, metric_names, param, part_cells, part_columns};
use super::output::{Cell, Column, Facts, Format, Kind, Listing, Records, terminal_width};
use super::sessions_report::SessionsReport;
use crate::bars::duration;
use crate::diag::closest;
use crate::expr::{Scalar, Type};
use crate::manifest::glob_matches;
use crate::metrics::{Metric, Metrics, Parts};
use crate::plan::filter::type_of;
use crate::report;
use crate::report::format::sparkline;
use crate::report::registry::{Count, Summary};
use crate::store::{Record, Status, Store};
use anyhow::Result;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

/// Look into the registry of all sessions that were ever run
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape sessions list --status completed --sort -sharpe
  papertape sessions show latest
  papertape sessions summary --since 7d")]
pub(super) struct Sessions {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List sessions, the newest first; all times are UTC
    #[command(after_help = "\
Examples:
  papertape sessions list --strategy 'sma-*' --since 2026-11-01 --sort -sharpe --limit 10
  papertape sessions list --filter 'metrics.sharpe > 1 and tag(\"nightly\")' --format csv
  papertape sessions list --filter 'in_sample.sharpe > 1' --sort -out_of_sample.sharpe")]
    List {
        #[command(flatten)]
        select: Select,
        #[command(flatten)]
        listing: Listing,
    },
    /// Show everything that is known of one session
    #[command(after_help = "\
Examples:
  papertape sessions show latest
  papertape sessions show goog-sma --trades --format csv")]
    Show {
        /// The session: its name or key, the first digits of its identity, or `latest`
        #[arg(value_name = "SESSION")]
        which: String,
        /// Show its trades instead
        #[arg(long)]
        trades: bool,
        /// How it is written
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Add up the sessions: how many, how they ended, what they made; a sweep is one session, measured
    /// at its best point
    #[command(after_help = "\
Example:
  papertape sessions summary --mode backtest --since 7d")]
    Summary {
        #[command(flatten)]
        select: Select,
        /// How the sums are written
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Write a report of the sessions, the newest first: a summary, and a section for each
    #[command(after_help = "\
Examples:
  papertape sessions report --since 7d --format markdown --stdout
  papertape sessions report --status failed --output reports")]
    Report(SessionsReport),
}

impl Sessions {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let store = match &self.command {
            Command::Report(report) => report.store(context),
            _ => context.store(),
        };
        let (records, warnings) = store.records();
        warnings.iter().for_each(|warning| context.warn(warning));
        match self.command {
            Command::List { select, listing } => {
                let found = select.apply(records, Utc::now(), context.color)?;
                listing.print(table(&found), &SHOWN, &SPARE, context)
            }
            Command::Show { which, trades, format } => {
                let record = find(&records, &which).ok_or_else(|| unknown(&which, &records))?;
                match trades {
                    true => trades_of(record, &store)?.print(format),
                    false => facts(record, &store, format).print(format),
                }
            }
            Command::Summary { select, format } => {
                summary(&select.apply(records, Utc::now(), context.color)?).print(format)
            }
            Command::Report(report) => report.run(records, &store, context),
        }
    }
}

/// Which records are wanted: those for which every given option holds.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Select {
    /// Only sessions of this mode
    #[arg(long, value_name = "MODE", value_parser = ["backtest", "paper"])]
    mode: Option<String>,
    /// Only sessions that ended so; may be repeated for several
    #[arg(long, value_name = "STATUS", value_parser = Status::ALL.map(Status::word))]
    status: Vec<String>,
    /// Only sessions whose strategy matches this glob; may be repeated for several
    #[arg(long, value_name = "GLOB")]
    strategy: Vec<String>,
    /// Only sessions with this symbol; several must all be there
    #[arg(long, value_name = "SYMBOL")]
    symbol: Vec<String>,
    /// Only sessions with this tag; several must all be there
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Only sessions whose name matches this glob; may be repeated for several
    #[arg(long, value_name = "GLOB")]
    session: Vec<String>,
    /// Only sessions that started since: `2026-11-01`, `7d` back, or a time such as
    /// `2026-11-01T06:30:00Z`
    #[arg(long, value_name = "TIME", value_parser = Since::parse)]
    since: Option<Since>,
    /// Only sessions for which this is true, over `mode`, `status`, `session`, `strategy`, `env`,
    /// `seconds`, parameters, `metrics.NAME`, `in_sample.NAME`, `out_of_sample.NAME` and `tag("NAME")`
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<String>,
}

impl Select {
    /// The options that were given and their values; a moment as it is seen from `now`.
    pub(super) fn given(&self, now: DateTime<Utc>) -> Result<Vec<(&'static str, String)>, Usage> {
        let since = self.since.map(|since| since.from(now)).transpose()?;
        let since = since.map(|since| since.format("%Y-%m-%d %H:%M:%S UTC").to_string());
        let one = |name, value: &Option<String>| value.clone().map(|value| (name, value));
        let many =
            |name, values: &[String]| (!values.is_empty()).then(|| (name, values.join(", ")));
        let options = [
            one("mode", &self.mode),
            many("status", &self.status),
            many("strategy", &self.strategy),
            many("symbol", &self.symbol),
            many("tag", &self.tag),
            many("session", &self.session),
            one("since", &since),
            one("filter", &self.filter),
        ];
        Ok(options.into_iter().flatten().collect())
    }

    /// Those of `records` that are wanted, in their order.
    pub(super) fn apply(
        &self,
        records: Vec<Record>,
        now: DateTime<Utc>,
        color: bool,
    ) -> Result<Vec<Record>, Usage> {
        let since = self.since.map(|since| since.from(now)).transpose()?;
        let filter = self.filter.as_deref();
        let filter = filter.map(|text| compile(text, &names(&records), color)).transpose()?;
        let is_wanted = |record: &Record| {
            self.takes(record)
                && since.is_none_or(|since| record.started >= since)
                && filter.as_ref().is_none_or(|filter| {
                    let has_tag = |tag: &str| record.tags.iter().any(|own| own == tag);
                    filter.holds(|name| value(record, name), has_tag)
                })
        };
        Ok(records.into_iter().filter(is_wanted).collect())
    }

    fn takes(&self, record: &Record) -> bool {
        self.mode.as_ref().is_none_or(|mode| *mode == record.mode)
            && (self.status.is_empty()
                || self.status.iter().any(|word| word == record.status.word()))
            && any_matches(&self.strategy, &record.strategy)
            && any_matches(&self.session, &record.session)
            && self.symbol.iter().all(|symbol| record.symbols.contains(symbol))
            && self.tag.iter().all(|tag| record.tags.contains(tag))
    }
}

/// Whether one of `globs` matches, or there are none.
fn any_matches(globs: &[String], text: &str) -> bool {
    globs.is_empty() || globs.iter().any(|glob| glob_matches(glob, text))
}

/// A moment on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since {
    /// This one.
    At(DateTime<Utc>),
    /// So long ago.
    Back(TimeDelta),
}

impl Since {
    /// The moment that `text` means: the start of a day in UTC, a time, or a duration back.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(day) = text.parse::<NaiveDate>() {
            return Ok(Self::At(day.and_time(NaiveTime::MIN).and_utc()));
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(time.to_utc()));
        }
        let wrong = "write a date such as 2026-11-01, a duration back such as 7d, or a time such \
                     as 2026-11-01T06:30:00Z";
        let micros = duration::parse(text).map_err(|_| wrong.to_owned())?;
        Ok(Self::Back(TimeDelta::microseconds(micros)))
    }

    /// The moment itself, seen from `now`.
    pub(super) fn from(self, now: DateTime<Utc>) -> Result<DateTime<Utc>, Usage> {
        match self {
            Self::At(time) => Ok(time),
            Self::Back(span) => now
                .checked_sub_signed(span)
                .ok_or_else(|| Usage("`--since` goes back further than the calendar".into())),
        }
    }
}

/// What a filter may name beside metrics, parameters and tags.
type Name = (&'static str, Type, fn(&Record) -> Scalar);

const NAMES: [Name; 6] = [
    ("mode", Type::Text, |record| Scalar::Text(record.mode.as_str().into())),
    ("status", Type::Text, |record| Scalar::Text(record.status.word().into())),
    ("session", Type::Text, |record| Scalar::Text(record.session.as_str().into())),
    ("strategy", Type::Text, |record| Scalar::Text(record.strategy.as_str().into())),
    ("env", Type::Text, |record| {
        record.env.as_deref().map_or(Scalar::Missing, |env| Scalar::Text(env.into()))
    }),
    ("seconds", Type::Number, |record| Scalar::Number(record.seconds)),
];

/// The names that a filter over `records` may use.
fn names(records: &[Record]) -> Vec<(String, Type)> {
    let mut names: Vec<(String, Type)> =
        NAMES.iter().map(|(name, ty, _)| ((*name).to_owned(), *ty)).collect();
    names.extend(metric_names());
    for (path, value) in records.iter().flat_map(|record| &record.params) {
        add_param(&mut names, path, type_of([value]));
    }
    names
}

/// What `name` is for a record.
fn value(record: &Record, name: &str) -> Scalar {
    if let Some((.., value)) = NAMES.iter().find(|(known, ..)| *known == name) {
        return value(record);
    }
    measured(&record.metrics, record.parts.as_ref(), name)
        .unwrap_or_else(|| param(&record.params, name))
}

/// A field of a record beside its metrics: its name and kind, and where its value is.
type Field = (&'static str, Kind, fn(&Record) -> Cell);

const FIELDS: [Field; 20] = [
    ("started", Kind::Time, |record| record.started.into()),
    ("finished", Kind::Time, |record| record.finished.into()),
    ("seconds", Kind::Ratio, |record| record.seconds.into()),
    ("session", Kind::Text, |record| (&record.session).into()),
    ("key", Kind::Text, |record| (&record.key).into()),
    ("mode", Kind::Text, |record| (&record.mode).into()),
    ("status", Kind::Text, |record| record.status.word().into()),
    ("error", Kind::Text, |record| record.error.clone().into()),
    ("kind", Kind::Text, |record| record.kind.clone().into()),
    ("note", Kind::Text, |record| record.note.clone().into()),
    ("strategy", Kind::Text, |record| (&record.strategy).into()),
    ("symbols", Kind::Text, |record| record.symbols.clone().into()),
    ("tags", Kind::Text, |record| record.tags.clone().into()),
    ("description", Kind::Text, |record| (&record.description).into()),
    ("env", Kind::Text, |record| record.env.clone().into()),
    ("host", Kind::Text, |record| (&record.host).into()),
    ("run", Kind::Text, |record| (&record.run).into()),
    ("identity", Kind::Text, |record| record.identity.as_ref().map(|it| it.id.as_str()).into()),
    ("points", Kind::Count, |record| record.sweep.as_ref().map(|sweep| sweep.points).into()),
    ("result", Kind::Text, |record| record.result.clone().into()),
];

/// The columns that people see; programs get all.
const SHOWN: [&str; 10] = [
    "started",
    "session",
    "mode",
    "strategy",
    "symbols",
    "status",
    "total_return",
    "sharpe",
    "max_drawdown",
    "trades",
];

/// What a narrow terminal goes without, the first first.
const SPARE: [&str; 5] = ["mode", "symbols", "strategy", "trades", "max_drawdown"];

/// A row a record, the newest first: its fields, then its metrics, and those of its parts if any has
/// some.
fn table(records: &[Record]) -> Records {
    let has_parts = records.iter().any(|record| record.parts.is_some());
    let fields = FIELDS.iter().map(|(name, kind, _)| Column::new(*name, *kind));
    let parts = has_parts.then(part_columns).into_iter().flatten();
    let mut table = Records::new(fields.chain(Metric::ALL.map(Column::from)).chain(parts));
    for record in records.iter().rev() {
        let fields = FIELDS.iter().map(|(_, _, value)| value(record));
        let metrics = record.metrics.iter().map(|(_, value)| value.into());
        let parts = has_parts.then(|| part_cells(record.parts.as_ref()));
        table.push(fields.chain(metrics).chain(parts.into_iter().flatten()).collect());
    }
    table
}

/// The newest of `records`, oldest first, that `which` names.
pub(super) fn find<'a>(records: &'a [Record], which: &str) -> Option<&'a Record> {
    let newest = || records.iter().rev();
    if which == "latest" {
        return newest().next();
    }
    let has_name = |record: &&Record| record.session == which || record.key == which;
    let has_id = |record: &&Record| {
        let identity = record.identity.as_ref();
        !which.is_empty() && identity.is_some_and(|identity| identity.id.starts_with(which))
    };
    // A name may look like the digits of an identity, never the other way about.
    newest().find(has_name).or_else(|| newest().find(has_id))
}

fn unknown(which: &str, records: &[Record]) -> Usage {
    let names: Vec<&str> = records.iter().map(|record| record.session.as_str()).collect();
    let remedy = match closest(which, &names) {
        _ if records.is_empty() => "there are none yet".to_owned(),
        Some(near) => format!("did you mean `{near}`?"),
        None => "`papertape sessions list` shows all".to_owned(),
    };
    Usage(format!("there is no session `{which}`; {remedy}"))
}

/// How many characters the course of an account takes.
const SPARK: usize = 48;

/// Everything that is known of one session.
fn facts(record: &Record, store: &Store, format: Format) -> Facts {
    let is_part = |name: &str| matches!(name, "identity" | "points" | "result");
    let mut facts = Facts::default();
    // A picture is for who looks at a terminal.
    if format == Format::Table && terminal_width().is_some() {
        let equity = record.result.as_deref().and_then(|path| {
            let directory = path.rsplit('/').next().unwrap_or(path);
            store.open_run(&record.run).ok()?.equity(directory).ok()
        });
        let course = equity.map(|account| sparkline(&account.equity, SPARK));
        facts = course.into_iter().fold(facts, |facts, it| facts.with("equity", Kind::Text, it));
    }
    for (name, kind, value) in FIELDS.iter().filter(|(name, ..)| !is_part(name)) {
        facts = facts.with(name, *kind, value(record));
    }
    facts = facts
        .with("command_line", Kind::Text, record.command_line.join(" "))
        .with("version", Kind::Text, &record.version)
        .with("engine", Kind::Count, record.engine)
        .with("output", Kind::Text, store.path().display().to_string())
        .with("result", Kind::Text, record.result.clone())
        .with("result_digest", Kind::Text, record.result_digest.clone());
    if let Some(sweep) = &record.sweep {
        let best = sweep.best_metric.as_deref().and_then(Metric::from_name);
        let part = Facts::default()
            .with("points", Kind::Count, sweep.points)
            .with("completed", Kind::Count, sweep.completed)
            .with("failed", Kind::Count, sweep.failed)
            .with("refused", Kind::Count, sweep.refused)
            .with("best_key", Kind::Text, sweep.best_key.clone())
            .with("best_metric", Kind::Text, sweep.best_metric.clone())
            .with(
                "best_value",
                best.map_or(Kind::Number, |metric| metric.unit().into()),
                sweep.best_value,
            );
        facts = facts.part("sweep", part);
    }
    if let Some(identity) = &record.identity {
        let part = Facts::default()
            .with("id", Kind::Text, &identity.id)
            .with("rules", Kind::Text, &identity.rules)
            .with("settings", Kind::Text, &identity.settings)
            .with("data", Kind::Text, &identity.data)
            .with("engine", Kind::Count, identity.engine)
            .with("schema", Kind::Count, identity.schema);
        facts = facts.part("identity", part);
    }
    let metrics = |metrics: &Metrics| {
        let all = metrics.iter();
        all.fold(Facts::default(), |facts, (metric, value)| {
            facts.with(metric.name(), metric.unit().into(), value)
        })
    };
    let facts = match &record.parts {
        Some(parts) if format.is_for_people() => {
            facts.part("metrics", side_by_side(&record.metrics, parts))
        }
        parts => {
            facts = facts.part("metrics", metrics(&record.metrics));
            let both = Parts::NAMES.into_iter().zip(parts.iter().flat_map(Parts::both));
            both.fold(facts, |facts, (name, part)| facts.part(name, metrics(part)))
        }
    };
    beside(record, store).into_iter().fold(facts, |facts, (name, part)| facts.part(&name, part))
}

/// The metrics over all days, in sample and out of sample.
fn side_by_side(whole: &Metrics, parts: &Parts) -> Records {
    let columns = ["metric", "all_days", Parts::NAMES[0], Parts::NAMES[1]];
    let kinds = [Kind::Text, Kind::Number, Kind::Number, Kind::Number];
    let mut records = Records::new(columns.into_iter().zip(kinds));
    let [inside, outside] = parts.both();
    for (metric, value) in whole.iter() {
        let kind = Kind::from(metric.unit());
        let unit = kind.unit().expect("a metric has a unit");
        let shown = |value| Cell::from(report::format::metric(value, unit, None));
        let values = [value, inside.get(metric), outside.get(metric)].map(shown);
        records.push(std::iter::once(metric.name().into()).chain(values).collect());
    }
    records
}

/// What stands beside the metrics of a session whose details were kept: its metrics under each reading
/// of a bar's inside, and the statistics of another package.
fn beside(record: &Record, store: &Store) -> Vec<(String, Facts)> {
    let result = kept_file(record, store, crate::batch::kept::RESULT).ok();
    let result = result.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    let Some(result) = result else { return Vec::new() };
    let entries = |value: &serde_json::Value| value.as_object().cloned().unwrap_or_default();
    let mut parts = Vec::new();
    for (reading, values) in entries(&result["readings"]) {
        let known = Metric::ALL.into_iter().fold(Facts::default(), |facts, metric| {
            facts.with(metric.name(), metric.unit().into(), values[metric.name()].as_f64())
        });
        parts.push((format!("metrics_{reading}"), known));
    }
    let table = entries(&result["backtesting-py"]);
    if !table.is_empty() {
        let row = |facts: Facts, (name, value): (String, serde_json::Value)| match value.as_f64() {
            Some(number) => facts.with(&name, Kind::Number, number),
            None => facts.with(&name, Kind::Text, value.as_str().map(str::to_owned)),
        };
        parts.push(("backtesting-py".to_owned(), table.into_iter().fold(Facts::default(), row)));
    }
    parts
}

/// A file of a session whose details were kept.
fn kept_file(record: &Record, store: &Store, name: &str) -> Result<Vec<u8>> {
    let Some(result) = &record.result else {
        let (session, run) = (&record.session, &record.run);
        let fact = format!("the details of `{session}` in run {run} were not kept");
        return Err(Usage(format!("{fact}; run it with `keep = \"all\"`")).into());
    };
    let directory = result.rsplit('/').next().unwrap_or(result);
    Ok(store.open_run(&record.run)?.kept_file(directory, name)?)
}

/// The trades of a session whose details were kept.
fn trades_of(record: &Record, store: &Store) -> Result<Records> {
    read_trades(&kept_file(record, store, crate::batch::kept::TRADES)?)
}

fn read_trades(file: &[u8]) -> Result<Records> {
    let mut reader = csv::Reader::from_reader(file);
    let columns: Vec<Column> =
        reader.headers()?.iter().map(|name| Column::new(name, trade_kind(name))).collect();
    let mut trades = Records::new(columns.clone());
    for line in reader.records() {
        let line = line?;
        let cell = |(text, column): (&str, &Column)| match column.kind {
            _ if text.is_empty() => Cell::Absent,
            Kind::Text => text.into(),
            _ => text.parse().map_or_else(|_| text.into(), |value: f64| value.into()),
        };
        trades.push(line.iter().zip(&columns).map(cell).collect());
    }
    Ok(trades)
}

/// What a column of the file of trades holds.
fn trade_kind(name: &str) -> Kind {
    match name {
        "units" | "entry_price" | "exit_price" | "stop" | "target" | "wanted" => Kind::Number,
        "commission" | "slippage" | "profit" => Kind::Money,
        "profit_fraction" | "mae" | "mfe" => Kind::Fraction,
        "bars" => Kind::Count,
        _ => Kind::Text,
    }
}

/// What the sessions come to together.
fn summary(records: &[Record]) -> Facts {
    let summary = Summary::of(records);
    let counts = |counts: &[Count]| {
        let count = |facts: Facts, it: &Count| facts.with(&it.name, Kind::Count, it.count);
        counts.iter().fold(Facts::default(), count)
    };
    Facts::default()
        .with("sessions", Kind::Count, summary.sessions)
        .with("realized_pnl", Kind::Money, summary.realized_pnl)
        .with("avg_max_drawdown", Kind::Fraction, summary.avg_max_drawdown)
        .with("first", Kind::Time, summary.first)
        .with("last", Kind::Time, summary.last)
        .part("status", counts(&summary.by_status))
        .part("mode", counts(&summary.by_mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    /// The record of version 1, under another name and started on that day of November.
    fn record(session: &str, day: u32) -> Record {
        let text = include_str!("../../tests/fixtures/record-v1.json");
        let mut record: Record = serde_json::from_str(text).unwrap();
        record.session = session.to_owned();
        record.key = session.to_owned();
        record.started = time(&format!("2026-11-{day:02}T06:31:00Z"));
        record.sweep = None;
        record
    }

    /// Three sessions, the last of them failed, without an environment, an identity or metrics.
    fn records() -> Vec<Record> {
        let good = record("goog-sma", 1);
        let mut paper = record("btc-paper", 2);
        paper.mode = "paper".into();
        paper.strategy = "donchian-breakout".into();
        paper.symbols = vec!["BTC/USDT".into(), "ETH/USDT".into()];
        paper.tags = vec!["nightly".into()];
        paper.metrics.set(Metric::Sharpe, 0.5);
        paper.metrics.set(Metric::RealizedPnl, -25.0);
        paper.metrics.set(Metric::MaxDrawdown, 0.5);
        let mut failed = record("goog-ema", 3);
        failed.status = Status::Failed;
        failed.strategy = "ema-cross".into();
        failed.error = Some("row 412: `close` is missing".into());
        failed.env = None;
        failed.identity = None;
        failed.result = None;
        failed.metrics = crate::metrics::Metrics::default();
        vec![good, paper, failed]
    }

    const NOW: &str = "2026-11-04T00:00:00Z";

    fn selected(select: &Select) -> Vec<String> {
        let found = select.apply(records(), time(NOW), false).unwrap();
        found.into_iter().map(|record| record.session).collect()
    }

    fn filtered(text: &str) -> Vec<String> {
        selected(&Select { filter: Some(text.into()), ..Select::default() })
    }

    #[test]
    fn every_option_narrows_the_selection() {
        let words = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let all = Select::default;
        assert_eq!(selected(&all()), ["goog-sma", "btc-paper", "goog-ema"]);
        assert_eq!(selected(&Select { mode: Some("paper".into()), ..all() }), ["btc-paper"]);
        let status = words(&["failed", "aborted"]);
        assert_eq!(selected(&Select { status, ..all() }), ["goog-ema"]);
        let strategy = words(&["*-cross"]);
        assert_eq!(selected(&Select { strategy, ..all() }), ["goog-sma", "goog-ema"]);
        let session = words(&["btc-*", "*-ema"]);
        assert_eq!(selected(&Select { session, ..all() }), ["btc-paper", "goog-ema"]);
        let symbol = words(&["ETH/USDT", "BTC/USDT"]);
        assert_eq!(selected(&Select { symbol, ..all() }), ["btc-paper"]);
        let tag = words(&["ci", "nightly"]);
        assert!(selected(&Select { tag, ..all() }).is_empty(), "none has both");
        let since = Some(Since::parse("2026-11-02").unwrap());
        assert_eq!(selected(&Select { since, ..all() }), ["btc-paper", "goog-ema"]);
    }

    #[test]
    fn a_moment_is_a_day_a_time_or_a_while_ago() {
        let from = |text: &str| Since::parse(text).unwrap().from(time(NOW)).unwrap();
        assert_eq!(from("2026-11-01"), time("2026-11-01T00:00:00Z"));
        assert_eq!(from("2026-11-01T06:30:00Z"), time("2026-11-01T06:30:00Z"));
        assert_eq!(from("2026-11-01T06:30:00+02:00"), time("2026-11-01T04:30:00Z"));
        assert_eq!(from("7d"), time("2026-10-28T00:00:00Z"));
        assert_eq!(from("90m"), time("2026-11-03T22:30:00Z"));
        for wrong in ["", "yesterday", "2026-13-01", "7", "-7d", "7y", "2026-11-01T06:30:00"] {
            assert!(Since::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Since::parse("15000000w").unwrap().from(time(NOW)).is_err());
    }

    #[test]
    fn a_filter_reads_fields_metrics_and_tags() {
        assert_eq!(filtered("metrics.sharpe > 1"), ["goog-sma"]);
        assert_eq!(filtered("mode == 'paper' or status == 'failed'"), ["btc-paper", "goog-ema"]);
        assert_eq!(filtered("tag('nightly')"), ["btc-paper"]);
        assert_eq!(
            filtered("tag('trend') and tag('ci') and seconds < 60"),
            ["goog-sma", "goog-ema"]
        );
        assert_eq!(filtered("strategy in ['ema-cross', 'rsi']"), ["goog-ema"]);
        assert_eq!(filtered("session != 'goog-sma' and metrics.trades / 2 == 206"), ["btc-paper"]);
    }

    #[test]
    fn what_is_missing_is_neither_true_nor_false() {
        assert_eq!(filtered("not (metrics.sharpe > 1)"), ["btc-paper"]);
        assert_eq!(filtered("env == 'nightly'"), ["goog-sma", "btc-paper"]);
        assert!(filtered("env != 'nightly'").is_empty());
    }

    #[test]
    fn a_wrong_filter_is_shown_where_it_is_wrong() {
        let error = |text: &str| {
            let select = Select { filter: Some(text.into()), ..Select::default() };
            select.apply(Vec::new(), time(NOW), false).unwrap_err().to_string()
        };
        insta::assert_snapshot!(error("metrics.sharp > 1"), @r#"
        `--filter` cannot be used
        error[E0202]: unknown name `metrics.sharp`
         --> command line, --filter:1:1
          |
        1 | metrics.sharp > 1
          | ^^^^^^^^^^^^^ did you mean `metrics.sharpe`?
        "#);
        insta::assert_snapshot!(error("metrics.sharpe + 1"), @r#"
        `--filter` cannot be used
        error[E0203]: a filter is true or false for each session
         --> command line, --filter:1:1
          |
        1 | metrics.sharpe + 1
          | ^^^^^^^^^^^^^^^^^^ this is a number
        "#);
        assert!(error("sma(seconds, 3) > 1").contains("there are none here"));
        assert!(error("mode = 'paper'").contains("E0201"));
    }

    #[test]
    fn the_newest_of_a_name_a_key_or_an_identity_is_found() {
        let mut records = records();
        let mut again = record("goog-sma", 5);
        again.key = "goog-sma[fast=10]".into();
        records.push(again);
        let day = |which: &str| find(&records, which).map(|record| record.started);
        let of = |day: u32| Some(time(&format!("2026-11-{day:02}T06:31:00Z")));
        assert_eq!(day("latest"), of(5));
        assert_eq!(day("goog-sma"), of(5));
        assert_eq!(day("goog-sma[fast=10]"), of(5));
        assert_eq!(day("btc-paper"), of(2));
        assert_eq!(day("4fd1c0a2b9"), of(5));
        assert_eq!(day("fd1c"), None, "an identity is found by its first digits");
        assert_eq!(day(""), None);
        assert_eq!(find(&[], "latest"), None);
    }

    #[test]
    fn an_unknown_session_is_told_what_was_meant() {
        let error = unknown("goog-smaa", &records()).to_string();
        assert_eq!(error, "there is no session `goog-smaa`; did you mean `goog-sma`?");
        let error = unknown("latest", &[]).to_string();
        assert_eq!(error, "there is no session `latest`; there are none yet");
    }

    #[test]
    fn the_columns_that_people_see_are_columns() {
        let all = table(&records());
        for name in SHOWN {
            assert!(all.has_column(name), "{name}");
        }
    }

    #[test]
    fn a_summary_counts_and_adds_up() {
        let text = summary(&records()).text(Format::Table);
        insta::assert_snapshot!(text, @r#"
        sessions          3
        realized_pnl      −25.00
        avg_max_drawdown  30.9 %
        first             2026-11-01 06:31:00Z
        last              2026-11-03 06:31:00Z

        status
        completed  2
        failed     1
        aborted    0
        refused    0

        mode
        backtest  2
        paper     1
        "#);
    }

    #[test]
    fn a_summary_of_nothing_is_zeros_and_dashes() {
        insta::assert_snapshot!(summary(&[]).text(Format::Table), @r#"
        sessions          0
        realized_pnl      0.00
        avg_max_drawdown  –
        first             –
        last              –

        status
        completed  0
        failed     0
        aborted    0
        refused    0

        mode
        backtest  0
        paper     0
        "#);
        insta::assert_snapshot!(summary(&[]).text(Format::Csv), @r#"
        sessions,realized_pnl,avg_max_drawdown,first,last,status.completed,status.failed,status.aborted,status.refused,mode.backtest,mode.paper
        0,0.0,,,,0,0,0,0,0,0
        "#);
    }

    #[test]
    fn one_session_is_shown_with_all_its_metrics() {
        let store = Store::at("output");
        let mut record = record("goog-sma", 1);
        record.metrics.set(Metric::Sortino, 2.0);
        let json = facts(&record, &store, Format::Json).text(Format::Json);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["session"], "goog-sma");
        assert_eq!(json["metrics"].as_object().unwrap().len(), Metric::ALL.len());
        assert_eq!(json["metrics"]["sortino"], 2.0);
        assert_eq!(json["metrics"]["psr"], serde_json::Value::Null);
        assert_eq!(json["metrics"]["trades"].as_u64(), Some(412));
        assert_eq!(json["identity"]["id"].as_str().unwrap().len(), 64);
        assert!(json["result"].as_str().unwrap().starts_with("runs/20261121T063100Z-9f3a1c/"));
    }

    #[test]
    fn trades_are_read_back_as_they_were_written() {
        let file = "symbol,units,entry_time,profit,profit_fraction,bars,closed_by\n\
                    GOOG,10.5,2013-01-02,-25.125,-0.1,3,rule\n\
                    GOOG,1,2013-01-09,5.5,0.02,12,\n";
        let trades = read_trades(file.as_bytes()).unwrap();
        insta::assert_snapshot!(trades.text(Format::Table), @r#"
        symbol  units  entry_time  profit  profit_fraction  bars  closed_by
        GOOG     10.5  2013-01-02  −25.12          −10.0 %     3  rule
        GOOG        1  2013-01-09    5.50            2.0 %    12  –
        "#);
        insta::assert_snapshot!(trades.text(Format::Json), @r#"
        [
          {
            "symbol": "GOOG",
            "units": 10.5,
            "entry_time": "2013-01-02",
            "profit": -25.125,
            "profit_fraction": -0.1,
            "bars": 3,
            "closed_by": "rule"
          },
          {
            "symbol": "GOOG",
            "units": 1.0,
            "entry_time": "2013-01-09",
            "profit": 5.5,
            "profit_fraction": 0.02,
            "bars": 12,
            "closed_by": null
          }
        ]
        "#);
    }
}
