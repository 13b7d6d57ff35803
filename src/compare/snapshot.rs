//! Everything of one session's result that can be compared, wherever it comes from.
//!
//! A [`Snapshot`] is taken of a session that has just run, of one that a run kept, or of a baseline.
//! Trades and orders are the very texts that a run keeps; the bars are those that the rules could see.

use super::sheet::{Sheet, number};
use crate::bars::DAY;
use crate::batch::Done;
use crate::batch::kept::{self, Kept, stamp};
use crate::diag::{Mistakes, Source};
use crate::manifest::{Node, Session, Table, Value};
use crate::market::Slice;
use crate::metrics::{Metric, Metrics};
use crate::plan::{Job, Plan, Prepared, Work, hex};
use crate::store::{self, RunReader, session_dir};
use anyhow::{Context, Result};
use chrono::{Datelike, NaiveDate, Offset, TimeZone};
use std::collections::BTreeMap;

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The session's key.
    pub key: String,
    /// The session's name.
    pub session: String,
    /// The days that it ran over.
    pub range: Span,
    /// Periods in a year.
    pub periods: f64,
    /// The components of its identity, as hex.
    pub identity: Components,
    /// What the manifest said, by path, as TOML; only what can change a result.
    pub settings: BTreeMap<String, String>,
    /// What the strategy said: lets and rules by path.
    pub rules: BTreeMap<String, String>,
    /// What it was measured at; a metric that is not here was not known then, and `None` is undefined.
    pub metrics: BTreeMap<Metric, Option<f64>>,
    /// The digest of its fills, as hex.
    pub fills: String,
    /// The digest of its account at every bar's close, as hex.
    pub equity: String,
    /// Digests by calendar month.
    pub months: BTreeMap<String, Month>,
    /// The trades; `None` where only digests were kept.
    pub trades: Option<Sheet>,
    /// The orders.
    pub orders: Option<Sheet>,
    /// The account at the end of every trading day: `date,equity,drawdown,benchmark`.
    pub daily: Option<Sheet>,
    /// The bars that the rules could see: `symbol,time,open,high,low,close,volume` and further
    /// columns.
    pub bars: Option<Sheet>,
}

/// The days of a result.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// How many bars.
    pub bars: u64,
    /// The first trading day.
    pub from: NaiveDate,
    /// The last one.
    pub to: NaiveDate,
}

/// The five things that can change a result.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Components {
    /// The rows that rules and engine could see.
    pub data: String,
    /// The engine's number.
    pub engine: u32,
    /// The compiled strategy.
    pub rules: String,
    /// The version of the manifest's grammar.
    pub schema: u32,
    /// Everything else that the manifest says.
    pub settings: String,
}

/// What a month comes to.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Month {
    /// A digest of its bars; `None` where they are not known, or it has none.
    pub data: Option<String>,
    /// A digest of the account at each of its bars; `None` outside the range.
    pub equity: Option<String>,
}

/// How many hexadecimal digits of a month's digest are kept.
const MONTH_DIGITS: usize = 16;

impl Snapshot {
    /// Of a session that has just run with its details.
    pub fn computed(plan: &Plan, prepared: &Prepared, job: &Job, done: &Done) -> Option<Self> {
        let kept = Kept::of(plan, prepared, job, done)?;
        let (work, outcome) = (kept.work(), kept.outcome);
        let point = &plan.points[job.index];
        let base = plan.base(point);
        let slice = &prepared.slices[work.slice];
        let frame = &slice.frame;
        let closes: Vec<&[f64]> = frame.symbols.iter().map(|symbol| &symbol.close[..]).collect();
        let equity = outcome.equity(&closes, frame.len());
        let account = Account::of(slice, &equity, work.variant().settings().capital);
        let (from, to) = slice.days()?;
        let strategy = &work.variant().session.definition.name;
        let mut months = account.months();
        data_months(slice, &mut months);
        Some(Self {
            key: base.key(point),
            session: base.session.name.clone(),
            range: Span { bars: done.bars, from, to },
            periods: slice.periods,
            identity: components(work),
            settings: settings(&kept.session(), &axes(&work.variant().session)),
            rules: rules(
                &kept.session(),
                strategy,
                plan.projects[base.project].strategy_table(strategy),
            ),
            metrics: done.metrics.iter().collect(),
            fills: hex(&done.fills, 64),
            equity: digest(&equity),
            months,
            trades: Some(sheet(&kept.trades())),
            orders: Some(sheet(&kept.orders())),
            daily: Some(account.daily()),
            bars: Some(bars(slice)),
        })
    }

    /// Of a session that the run in `reader` kept; `strategies` are those that its plan froze. Its
    /// bars are not known: a run keeps none.
    pub fn kept(
        reader: &RunReader,
        strategies: &Strategies,
        label: &store::Label,
        row: &store::Row,
    ) -> Result<Self> {
        let dir = session_dir(&label.session, &row.identity);
        let none = || format!("run {} kept no details of `{}`", reader.id(), label.key);
        let text = |file: &str| -> Result<String> {
            let bytes = reader.kept_file(&dir, file).with_context(none)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let result = reader.kept_json(&dir, kept::RESULT).with_context(none)?;
        let table = |file: &str| -> Result<Sheet> {
            let sheet = Sheet::parse(&text(file)?);
            Ok(sheet.map_err(|fact| reader.damaged(&dir, file, fact))?)
        };
        let component = |name: &str| result["components"][name].as_str().unwrap_or_default();
        let number = |name: &str| result["components"][name].as_u64().unwrap_or_default() as u32;
        let session = text(kept::SESSION)?;
        let axes = result["axes"].as_object().into_iter().flatten();
        let axes: Vec<(String, String)> = axes
            .map(|(axis, word)| (axis.clone(), word.as_str().unwrap_or_default().to_owned()))
            .collect();
        let settings = settings(&session, &axes);
        let zone = settings.get("data.timezone").map(|zone| zone.trim_matches('"').parse());
        let equity = reader.equity(&dir)?;
        let account = Account::stored(&equity, zone.and_then(Result::ok).unwrap_or_default());
        Ok(Self {
            key: label.key.clone(),
            session: label.session.to_string(),
            range: Span {
                bars: row.bars,
                from: label.from.context("its range is not known")?,
                to: label.to.context("its range is not known")?,
            },
            periods: result["periods_per_year"].as_f64().context("its calendar is not known")?,
            identity: Components {
                data: component("data").to_owned(),
                engine: number("engine"),
                rules: component("rules").to_owned(),
                schema: number("schema"),
                settings: component("settings").to_owned(),
            },
            settings,
            rules: rules(&session, &label.strategy, strategies.get(&label.strategy)),
            metrics: row.metrics.iter().collect(),
            fills: row.fills.map_or_else(String::new, |fills| fills.to_string()),
            equity: digest(&equity.equity),
            months: account.months(),
            trades: Some(table(kept::TRADES)?),
            orders: Some(table(kept::ORDERS)?),
            daily: Some(account.daily()),
            bars: None,
        })
    }

    /// Take in the bars of `job`, if they are still those of this result.
    pub fn bars_of(&mut self, prepared: &Prepared, job: &Job) {
        let Ok(work) = &job.work else { return };
        if hex(&work.identity().data, 64) == self.identity.data {
            let slice = &prepared.slices[work.slice];
            data_months(slice, &mut self.months);
            self.bars = Some(bars(slice));
        }
    }

    /// The value of a metric; `None` where it is undefined or was not known.
    pub fn metric(&self, metric: Metric) -> Option<f64> {
        self.metrics.get(&metric).copied().flatten()
    }

    /// The metrics that were known, as the other rooms take them.
    pub fn measured(&self) -> Metrics {
        let mut metrics = Metrics::default();
        for (&metric, &value) in &self.metrics {
            metrics.set(metric, value);
        }
        metrics
    }

    /// Trading days and the account at the end of each.
    pub fn account(&self) -> Vec<(NaiveDate, f64)> {
        let Some(daily) = &self.daily else { return Vec::new() };
        let day = |row: &Vec<String>| {
            let date = daily.field(row, "date").parse().ok()?;
            Some((date, daily.field(row, "equity").parse().ok()?))
        };
        daily.rows.iter().filter_map(day).collect()
    }
}

fn components(work: &Work) -> Components {
    let identity = work.identity();
    Components {
        data: hex(&identity.data, 64),
        engine: identity.engine,
        rules: hex(&identity.rules, 64),
        schema: identity.schema,
        settings: hex(&identity.settings, 64),
    }
}

fn sheet(bytes: &[u8]) -> Sheet {
    let text = String::from_utf8_lossy(bytes);
    Sheet::parse(&text).expect("what was just written is whole")
}

fn digest(equity: &[f64]) -> String {
    let bytes: Vec<u8> = equity.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect();
    blake3::hash(&bytes).to_hex().to_string()
}

/// The account of a session, cut into trading days.
struct Account<'a> {
    /// The day of each, one past its last bar, and what the benchmark was worth then.
    days: Vec<(NaiveDate, usize, f64)>,
    equity: &'a [f64],
    drawdown: Vec<f64>,
}

impl<'a> Account<'a> {
    fn of(slice: &Slice, equity: &'a [f64], capital: f64) -> Self {
        let mut peak = capital;
        let drawdown = equity.iter().map(|&equity| {
            peak = peak.max(equity);
            1.0 - equity / peak
        });
        let drawdown = drawdown.collect();
        let days = slice.frame.days.iter().zip(&slice.benchmark_curve);
        let days = days.map(|(day, worth)| {
            (NaiveDate::from_epoch_days(day.number).unwrap_or_default(), day.end, capital * worth)
        });
        Self { days: days.collect(), equity, drawdown }
    }

    fn stored(account: &'a store::Equity, zone: chrono_tz::Tz) -> Self {
        let date = |&micros: &i64| {
            let utc = chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default();
            let offset = zone.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc();
            let local = micros + i64::from(offset) * 1_000_000;
            NaiveDate::from_epoch_days(local.div_euclid(DAY) as i32).unwrap_or_default()
        };
        let dates: Vec<NaiveDate> = account.time.iter().map(date).collect();
        let mut days: Vec<(NaiveDate, usize, f64)> = Vec::new();
        for (row, date) in dates.into_iter().enumerate() {
            let benchmark = account.benchmark.as_ref().map_or(f64::NAN, |worth| worth[row]);
            match days.last_mut() {
                Some(last) if last.0 == date => *last = (date, row + 1, benchmark),
                _ => days.push((date, row + 1, benchmark)),
            }
        }
        Self { days, equity: &account.equity, drawdown: account.drawdown.clone() }
    }

    fn daily(&self) -> Sheet {
        let mut from = 0;
        let rows = self.days.iter().map(|&(date, end, benchmark)| {
            let worst = self.drawdown[from..end].iter().copied().fold(0.0, f64::max);
            from = end;
            let numbers = [self.equity[end - 1], worst, benchmark];
            std::iter::once(date.to_string()).chain(numbers.map(number)).collect()
        });
        let rows = rows.collect();
        let header = ["date", "equity", "drawdown", "benchmark"].map(str::to_owned).to_vec();
        Sheet { header, rows }
    }

    fn months(&self) -> BTreeMap<String, Month> {
        let mut hashers: BTreeMap<String, blake3::Hasher> = BTreeMap::new();
        let mut from = 0;
        for &(date, end, _) in &self.days {
            let hasher = hashers.entry(month(date)).or_default();
            for value in &self.equity[from..end] {
                hasher.update(&value.to_bits().to_le_bytes());
            }
            from = end;
        }
        let months = hashers.into_iter();
        months
            .map(|(month, hasher)| (month, Month { data: None, equity: Some(short(&hasher)) }))
            .collect()
    }
}

fn month(date: NaiveDate) -> String {
    date.format("%Y-%m").to_string()
}

fn short(hasher: &blake3::Hasher) -> String {
    hex(hasher.finalize().as_bytes(), MONTH_DIGITS)
}

/// The columns of one symbol by name, beside its times.
fn columns(bars: &crate::bars::Bars) -> Vec<(&str, &[f64])> {
    let prices = [
        ("open", &bars.open[..]),
        ("high", &bars.high),
        ("low", &bars.low),
        ("close", &bars.close),
        ("volume", &bars.volume),
    ];
    let extra = bars.extra.iter().map(|extra| (extra.name.as_str(), &extra.values[..]));
    prices.into_iter().chain(extra).collect()
}

fn data_months(slice: &Slice, months: &mut BTreeMap<String, Month>) {
    let mut hashers: BTreeMap<String, blake3::Hasher> = BTreeMap::new();
    for view in slice.views() {
        let columns = columns(&view.bars);
        let date = |day| NaiveDate::from_epoch_days(day).unwrap_or_default();
        let dates: Vec<NaiveDate> = view.bars.days(view.rows.clone()).map(date).collect();
        let mut row = view.rows.start;
        for dates in dates.chunk_by(|a, b| (a.year(), a.month()) == (b.year(), b.month())) {
            let hasher = hashers.entry(month(dates[0])).or_default();
            hasher.update(view.bars.symbol.as_bytes());
            for row in row..row + dates.len() {
                hasher.update(&view.bars.time[row].to_le_bytes());
                for (_, values) in &columns {
                    hasher.update(&values[row].to_bits().to_le_bytes());
                }
            }
            row += dates.len();
        }
    }
    for (month, hasher) in hashers {
        months.entry(month).or_default().data = Some(short(&hasher));
    }
}

/// All bars that the rules could see, symbol by symbol, those that they reach for last.
fn bars(slice: &Slice) -> Sheet {
    let mut header: Vec<String> = vec!["symbol".into(), "time".into()];
    let views: Vec<_> = slice.views().collect();
    for (name, _) in views.iter().flat_map(|view| columns(&view.bars)) {
        if !header.iter().any(|known| known == name) {
            header.push(name.to_owned());
        }
    }
    let mut rows = Vec::new();
    for view in &views {
        let columns = columns(&view.bars);
        let places: Vec<Option<usize>> = header[2..]
            .iter()
            .map(|name| columns.iter().position(|(known, _)| known == name))
            .collect();
        for row in view.rows.clone() {
            let mut fields = vec![view.bars.symbol.clone(), stamp(view.bars.time[row])];
            let value =
                |at: &Option<usize>| at.map_or(String::new(), |at| number(columns[at].1[row]));
            fields.extend(places.iter().map(value));
            rows.push(fields);
        }
    }
    Sheet { header, rows }
}

/// The axes of a session's execution model, in words.
fn axes(session: &Session) -> Vec<(String, String)> {
    let words = session.settings.axes.words().into_iter();
    words.map(|(axis, word)| (axis.to_owned(), word.to_string())).collect()
}

/// The text of a kept session.toml as a tree.
fn tree(session: &str) -> Table {
    let source = Source::new("session.toml", session);
    let table = Table::parse(&source, &mut Mistakes::default());
    table.at("session").and_then(Node::table).cloned().unwrap_or_default()
}

fn flat(table: &Table, at: &str, found: &mut BTreeMap<String, String>) {
    for entry in table.iter() {
        let path = if at.is_empty() { entry.key.clone() } else { format!("{at}.{}", entry.key) };
        match entry.node.table() {
            Some(inner) => flat(inner, &path, found),
            None => {
                found.insert(path, entry.node.toml());
            }
        }
    }
}

/// What a session.toml says beside its strategy and its range, by path.
fn settings(session: &str, axes: &[(String, String)]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (axis, word) in axes {
        let is_bare = word.parse::<f64>().is_ok() || matches!(word.as_str(), "true" | "false");
        let value = if is_bare { word.clone() } else { format!("\"{word}\"") };
        found.insert(format!("execution.{axis}"), value);
    }
    let mut tree = tree(session);
    tree.remove("strategy");
    tree.remove("range");
    flat(&tree, "", &mut found);
    found
}

/// What the strategy of a session says: its name, and its lets and rules by path. `written` is the
/// file of that name; a session may hold its strategy itself.
fn rules(session: &str, name: &str, written: Option<Table>) -> BTreeMap<String, String> {
    let tree = tree(session);
    let own = tree.get("strategy").and_then(Node::table).cloned();
    let mut strategy = own.or(written).unwrap_or_default();
    for about in ["description", "modes", "symbols", "params", "plot"] {
        strategy.remove(about);
    }
    let mut found = BTreeMap::new();
    flat(&strategy, "", &mut found);
    found.insert("strategy".into(), format!("\"{name}\""));
    found
}

/// The strategies that the plan of a run froze, by name; read without typing them, since they may be
/// those of another version.
#[derive(Debug, Default)]
pub struct Strategies(BTreeMap<String, serde_json::Value>);

impl Strategies {
    /// Those of a plan's text.
    pub fn of_plan(text: &str) -> Self {
        let lines = text.lines().map(serde_json::from_str::<serde_json::Value>);
        let bases = lines.skip(1).map_while(|line| line.ok().filter(|it| it.get("tree").is_some()));
        let strategies = bases.filter_map(|base| base["strategies"].as_object().cloned());
        Self(strategies.flatten().collect())
    }

    fn get(&self, name: &str) -> Option<Table> {
        let source = Source::new("plan.jsonl", "");
        match Node::from_json(self.0.get(name)?, &source).value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }
}
