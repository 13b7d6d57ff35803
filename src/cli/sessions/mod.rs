//! `papertape sessions`: the registry, filtered, sorted and added up. Which of its records are meant
//! is said in [`select`], one of them is told in [`show`], and several are in [`report`].

mod report;
mod select;
mod show;

pub(super) use select::Since;

use super::context::{Context, Usage};
use super::exit::Exit;
use super::filter::{part_cells, part_columns};
use super::output::{Cell, Column, Facts, Format, Kind, Listing, Records};
use crate::diag::closest;
use crate::metrics::Metric;
use crate::report::registry::{Count, Summary};
use crate::store::Record;
use anyhow::Result;
use chrono::Utc;
use report::SessionsReport;
use select::Select;
use show::{facts, trades_of};

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
    // The registry has one record for all points of a sweep.
    let sweep = which.split_once('[').filter(|(name, _)| names.contains(name));
    let remedy = match closest(which, &names) {
        _ if records.is_empty() => "there are none yet".to_owned(),
        _ if sweep.is_some() => format!(
            "it is a point of a sweep: `papertape runs show --sessions` lists those, and `papertape \
             explain '{which}' --at TIME` and `papertape compare` take them by their keys"
        ),
        Some(near) => format!("did you mean `{near}`?"),
        None => "`papertape sessions list` shows all".to_owned(),
    };
    Usage(format!("there is no session `{which}`; {remedy}"))
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
    use crate::store::Status;
    use chrono::DateTime;

    pub(super) fn time(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    /// The record of version 1, under another name and started on that day of November.
    pub(super) fn record(session: &str, day: u32) -> Record {
        let text = include_str!("../../../tests/fixtures/record-v1.json");
        let mut record: Record = serde_json::from_str(text).unwrap();
        record.session = session.to_owned();
        record.key = session.to_owned();
        record.started = time(&format!("2026-11-{day:02}T06:31:00Z"));
        record.sweep = None;
        record
    }

    /// Three sessions, the last of them failed, without an environment, an identity or metrics.
    pub(super) fn records() -> Vec<Record> {
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
        let error = unknown("goog-sma[fast=10]", &records()).to_string();
        assert!(error.contains("explain 'goog-sma[fast=10]' --at TIME`"), "{error}");
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
    fn a_summary_of_nothing_is_zeros() {
        insta::assert_snapshot!(summary(&[]).text(Format::Csv), @r#"
        sessions,realized_pnl,avg_max_drawdown,first,last,status.completed,status.failed,status.aborted,status.refused,mode.backtest,mode.paper
        0,0.0,,,,0,0,0,0,0,0
        "#);
    }
}
