//! The registry as pages: what sessions were and came to ([`Sessions`]), and every run and paper
//! account of a store ([`Index`]). What their templates see is documented here, like that of a run in
//! [`context`](super::context).

use super::context::{Metric as MetricValue, Setting, Status};
use super::load::{self, given, one_paragraph};
use crate::batch::kept::SESSION;
use crate::metrics::Metric;
use crate::store::{self, ACCOUNT_FILE, Record, RunFile, RunStatus, Store};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// The sessions of a registry, or those that were selected; a template's top-level names.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Sessions {
    /// When this was made, as text with its zone.
    pub made: String,
    /// What the sessions were selected by; empty for all.
    pub selection: Vec<Setting>,
    /// What they come to together.
    pub summary: Summary,
    /// The sessions, the newest first.
    pub sessions: Vec<Entry>,
}

/// What sessions come to together.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Summary {
    /// How many there are; a sweep is one, measured at its best point.
    pub sessions: usize,
    /// How many ended how.
    pub by_status: Vec<Count>,
    /// How many have which mode.
    pub by_mode: Vec<Count>,
    /// The sum of their realized profit.
    pub realized_pnl: f64,
    /// The mean of their largest drawdowns, a positive fraction; `None` if none has one.
    pub avg_max_drawdown: Option<f64>,
    /// When the first one started, as text with its zone.
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "Option<String>")]
    pub first: Option<DateTime<Utc>>,
    /// When the last one started, as text with its zone.
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "Option<String>")]
    pub last: Option<DateTime<Utc>>,
}

/// A number of sessions with something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Count {
    /// The status or mode.
    pub name: String,
    /// How many.
    pub count: usize,
}

/// One session of the registry.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Entry {
    /// Its `id` on the page.
    pub anchor: String,
    /// Its name with its axis values; of a sweep, the name alone.
    pub key: String,
    /// Its description, where it has one.
    pub description: Option<String>,
    /// `backtest` or `paper`.
    pub mode: String,
    /// The strategy's name.
    pub strategy: String,
    /// Its symbols.
    pub symbols: Vec<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The label of the environment, where one was given.
    pub env: Option<String>,
    /// How it ended.
    pub status: Status,
    /// Why it did not complete; `None` if it did.
    pub error: Option<String>,
    /// What sort of error that is.
    pub kind: Option<String>,
    /// When it started, as text with its zone.
    pub started: String,
    /// When it ended, as text with its zone.
    pub finished: String,
    /// Seconds of wall-clock time it took.
    pub seconds: f64,
    /// The host's name.
    pub host: String,
    /// The run's id.
    pub run: String,
    /// The version of papertape.
    pub version: String,
    /// Ten digits of its identity; `None` if it was refused before that was known.
    pub identity: Option<String>,
    /// The command line as it was typed.
    pub command: String,
    /// What a sweep came to; `None` for a single session.
    pub sweep: Option<store::SweepSummary>,
    /// The metrics that are defined.
    pub metrics: Vec<MetricValue>,
    /// Its resolved settings as TOML; `None` if its details were not kept.
    pub settings: Option<String>,
    /// Where its details are, below the store; `None` if they were not kept.
    pub place: Option<String>,
}

/// Every run and every paper account of a store; a template's top-level names.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Index {
    /// The paper accounts, in alphabetical order.
    pub accounts: Vec<IndexAccount>,
    /// The newest runs, the newest first.
    pub runs: Vec<IndexRun>,
    /// How many older ones are left out.
    pub omitted: usize,
}

/// A run in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IndexRun {
    /// Its id.
    pub id: String,
    /// Its manifests, as they were named.
    pub manifests: Vec<String>,
    /// When it started, as text with its zone.
    pub started: String,
    /// How it ended: `completed`, `failed`, `incomplete`, or `running`.
    pub status: RunStatus,
    /// Sessions in its plan.
    pub sessions: u64,
    /// Those that completed.
    pub completed: u64,
    /// Those that failed or were refused.
    pub failed: u64,
    /// Those that were taken from the cache.
    pub cached: u64,
    /// The path of its page below the store; `None` if it has none.
    pub report: Option<String>,
}

/// A paper account in the index, as its own file tells it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct IndexAccount {
    /// The session's name.
    pub name: String,
    /// What state it is in, such as `active`; `None` if its file does not say.
    pub state: Option<String>,
    /// The strategy's name.
    pub strategy: Option<String>,
    /// Its symbols.
    pub symbols: Vec<String>,
    /// What it is worth, money.
    pub equity: Option<f64>,
    /// What it made since it was opened, money.
    pub profit: Option<f64>,
    /// How far it is below its peak, a positive fraction.
    pub drawdown: Option<f64>,
    /// The currency's name.
    pub currency: Option<String>,
    /// How many positions are open.
    pub positions: usize,
    /// The opening time of the last bar that it saw, as text.
    pub last_bar: Option<String>,
    /// The path of its file below the store.
    pub place: String,
}

/// How many runs an index lists.
const LISTED: usize = 1_000;

impl Sessions {
    /// The page of `records`, which are the oldest first and were selected by options of these names
    /// and values, with their settings from `store`.
    pub fn of(
        records: &[Record],
        selection: &[(&str, String)],
        store: &Store,
        now: DateTime<Utc>,
    ) -> Self {
        let newest_first = records.iter().rev().enumerate();
        Self {
            made: text(now),
            selection: selection
                .iter()
                .map(|(option, value)| Setting {
                    path: format!("--{option}"),
                    value: value.clone(),
                })
                .collect(),
            summary: Summary::of(records),
            sessions: newest_first.map(|(place, record)| entry(place, record, store)).collect(),
        }
    }
}

impl Summary {
    /// What `records` come to together.
    pub fn of(records: &[Record]) -> Self {
        let count = |name: &str, is: &dyn Fn(&Record) -> bool| Count {
            name: name.to_owned(),
            count: records.iter().filter(|&record| is(record)).count(),
        };
        let values = |metric| records.iter().filter_map(move |record| record.metrics.get(metric));
        let drawdowns: Vec<f64> = values(Metric::MaxDrawdown).collect();
        let started = || records.iter().map(|record| record.started);
        let modes = ["backtest", "paper"];
        Self {
            sessions: records.len(),
            by_status: store::Status::ALL
                .map(|status| count(status.word(), &|record| record.status == status))
                .into(),
            by_mode: modes.map(|mode| count(mode, &|record| record.mode == mode)).into(),
            // An empty sum of floats is -0.
            realized_pnl: values(Metric::RealizedPnl).fold(0.0, |sum, value| sum + value),
            avg_max_drawdown: (!drawdowns.is_empty())
                .then(|| drawdowns.iter().sum::<f64>() / drawdowns.len() as f64),
            first: started().min(),
            last: started().max(),
        }
    }
}

impl Index {
    /// The runs of `store`, which were read from it as `files`, the newest first.
    pub fn of(files: &[RunFile], store: &Store) -> Self {
        let run = |file: &RunFile| IndexRun {
            id: file.id.clone(),
            manifests: file.manifests.iter().map(|manifest| manifest.path.clone()).collect(),
            started: text(file.started),
            status: file.status,
            sessions: file.counts.selected,
            completed: file.counts.completed,
            failed: file.counts.failed + file.counts.refused,
            cached: file.counts.cached,
            report: store.report_link(&file.id, "report.html"),
        };
        let runs: Vec<IndexRun> = files.iter().take(LISTED).map(run).collect();
        Self { accounts: accounts(store), omitted: files.len() - runs.len(), runs }
    }
}

/// The paper accounts of `store`; one whose file cannot be read says no more than its name.
fn accounts(store: &Store) -> Vec<IndexAccount> {
    let names = store.accounts().unwrap_or_default();
    let account = |name: String| {
        let bytes = store.account(&name).view(ACCOUNT_FILE).ok().flatten().unwrap_or_default();
        let file: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = |key: &str| file[key].as_str().map(str::to_owned);
        let symbols = file["symbols"].as_array().into_iter().flatten();
        IndexAccount {
            state: text("state"),
            strategy: text("strategy"),
            symbols: symbols.filter_map(Value::as_str).map(str::to_owned).collect(),
            equity: file["equity"].as_f64(),
            profit: file["profit"].as_f64(),
            drawdown: file["drawdown"].as_f64(),
            currency: text("currency"),
            positions: file["positions"].as_array().map_or(0, Vec::len),
            last_bar: text("last_bar"),
            place: format!("paper/{name}/{ACCOUNT_FILE}"),
            name,
        }
    };
    names.into_iter().map(account).collect()
}

fn entry(place: usize, record: &Record, store: &Store) -> Entry {
    let settings = store.kept_file(record, SESSION);
    Entry {
        anchor: format!("session-{}", place + 1),
        key: record.key.clone(),
        description: given(&one_paragraph(&record.description)),
        mode: record.mode.clone(),
        strategy: record.strategy.clone(),
        symbols: record.symbols.clone(),
        tags: record.tags.clone(),
        env: record.env.clone(),
        status: load::status(record.status),
        error: record.error.clone(),
        kind: record.kind.clone(),
        started: text(record.started),
        finished: text(record.finished),
        seconds: record.seconds,
        host: record.host.clone(),
        run: record.run.clone(),
        version: record.version.clone(),
        identity: record.identity.as_ref().map(|it| it.id.chars().take(10).collect()),
        command: record.command_line.join(" "),
        sweep: record.sweep.clone(),
        metrics: load::metrics(&record.metrics).filter(|metric| metric.value.is_some()).collect(),
        settings: settings.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        place: record.result.clone(),
    }
}

fn text(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn as_text<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(text).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{EVIL, built_in, tags};
    use super::*;

    /// Three sessions in which every text is `text`; the second one failed.
    fn sessions(text: &str) -> Sessions {
        let record = |failed: bool| {
            let file = include_str!("../../tests/fixtures/record-v1.json");
            let mut record: Record = serde_json::from_str(file).unwrap();
            let word = || text.to_owned();
            (record.session, record.key, record.strategy) = (word(), word(), word());
            (record.symbols, record.tags) = (vec![word(), word()], vec![word()]);
            (record.description, record.env, record.host) = (word(), Some(word()), word());
            record.command_line = vec![word()];
            if failed {
                record.status = store::Status::Failed;
                (record.error, record.kind) = (Some(word()), Some(word()));
                (record.metrics, record.identity) = (Default::default(), None);
            }
            record
        };
        let records = [record(false), record(true), record(false)];
        let store = Store::at("nowhere");
        let mut sessions = Sessions::of(&records, &[("tag", text.to_owned())], &store, Utc::now());
        sessions.sessions[0].settings = Some(format!("{text}\n```\n{text}"));
        sessions
    }

    #[test]
    fn no_text_of_the_registry_becomes_markup() {
        let page = |text: &str| built_in().page("sessions_report.html", &sessions(text)).unwrap();
        let (plain, evil) = (page("plain"), page(EVIL));
        assert!(evil.contains("&lt;script&gt;alert(1)"));
        assert_eq!(tags(&plain), tags(&evil));
        let text = |text: &str| built_in().page("sessions_report.md", &sessions(text)).unwrap();
        // What stands in a fenced block is text as it is.
        let outside = |text: String| {
            let mut parts = text.split("\n````toml\n");
            let before = parts.next().unwrap().to_owned();
            before + parts.next().unwrap().split_once("\n````\n").unwrap().1
        };
        let (plain, evil) = (outside(text("plain")), outside(text(EVIL)));
        assert!(!evil.contains("<script"), "{evil}");
        let headings = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
        assert_eq!(headings(&plain), headings(&evil));
    }

    #[test]
    fn a_summary_counts_and_averages() {
        let sessions = sessions("x");
        assert_eq!(sessions.summary.sessions, 3);
        let count = |counts: &[Count], name: &str| {
            counts.iter().find(|count| count.name == name).map(|count| count.count)
        };
        assert_eq!(count(&sessions.summary.by_status, "completed"), Some(2));
        assert_eq!(count(&sessions.summary.by_status, "failed"), Some(1));
        let drawdown = sessions.sessions[0].metrics.iter().find(|it| it.name == "max_drawdown");
        assert_eq!(sessions.summary.avg_max_drawdown, drawdown.unwrap().value);
        assert_eq!(Summary::of(&[]).avg_max_drawdown, None);
    }
}
