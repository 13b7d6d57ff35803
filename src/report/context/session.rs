//! What a template sees of a session: its section in the report of a run, and its own page.

use super::{Objective, Run, Sense, Setting, Unit, gaps};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A session whose details were kept.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Session {
    /// The key: the name, and the axis values of a sweep point.
    pub key: String,
    /// The short id, 10 hex digits.
    pub id: String,
    /// Where links to this section point: unique on the page, without spaces.
    pub anchor: String,
    /// Name of the swept session this is a point of; `None` for a named session.
    pub sweep: Option<String>,
    /// What the manifest says it is.
    pub description: Option<String>,
    /// The user's free text.
    pub notes: Option<String>,
    /// What a reader should doubt about it, the heaviest first.
    pub suspicions: Vec<Suspicion>,
    /// The user's tags.
    pub tags: Vec<String>,
    /// Name of the strategy.
    pub strategy: String,
    /// What the strategy's file says it does.
    pub strategy_description: Option<String>,
    /// `"backtest"` or `"paper"`.
    pub mode: String,
    /// The symbols, in order.
    pub symbols: Vec<String>,
    /// First day of the range, as text.
    pub from: String,
    /// Last day of the range, as text.
    pub to: String,
    /// How many bars the range has.
    pub bars: usize,
    /// Money at the start; positive.
    pub capital: f64,
    /// The currency's name; `None` where the session names none.
    pub currency: Option<String>,
    /// Name of the execution model.
    pub model: String,
    /// The model's axes and their values.
    pub model_axes: Vec<Setting>,
    /// The costs in words.
    pub costs: String,
    /// All metrics, in the order of the reference.
    pub metrics: Vec<Metric>,
    /// The metrics in and out of sample; `None` unless the manifest splits the range.
    pub split: Option<Split>,
    /// With `ambiguity = "both"`, all metrics under each reading of a bar's inside: readings, not
    /// bounds. Else empty.
    pub readings: Vec<Reading>,
    /// With `metrics = ["backtesting-py"]`, that package's table: its names, units and signs. Else
    /// empty.
    pub backtesting_py: Vec<Setting>,
    /// The account by trading day; `None` when it was not kept or there is no day.
    pub equity: Option<Curve>,
    /// Where its own page is, relative to the run's directory; `None` if it has none.
    pub page: Option<String>,
    /// The trades.
    pub trades: Trades,
    /// The resolved settings as TOML.
    pub settings: String,
    /// The data it saw.
    pub data: Data,
    /// The components of its identity and their digests, in order.
    pub identity: Vec<Setting>,
}

/// The metrics of a session that was run under one reading of what happens inside a bar.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Reading {
    /// The value of `execution.intrabar` that it was run with.
    pub intrabar: String,
    /// All metrics, in the order of the reference.
    pub metrics: Vec<Metric>,
}

/// A metric and its value.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Metric {
    /// Name, such as `"max_drawdown"`.
    pub name: String,
    /// Title, such as `"Max drawdown"`.
    pub title: String,
    /// How its value is written.
    pub unit: Unit,
    /// The definition in a sentence or two, as plain text.
    pub definition: String,
    /// Which direction is better; `None` where neither is.
    pub sense: Option<Sense>,
    /// The value; `None` when it is undefined.
    pub value: Option<f64>,
}

/// In and out of sample, side by side. A part begins with the equity at its first open; a trade
/// counts, whole, where it was closed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Split {
    /// The days in sample.
    pub in_sample: Part,
    /// The days out of sample.
    pub out_of_sample: Part,
    /// All metrics, in the order of the reference.
    pub metrics: Vec<SplitMetric>,
}

/// The days of one part of a range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Part {
    /// The first trading day, as text.
    pub from: String,
    /// The last trading day, as text.
    pub to: String,
    /// How many trading days there are.
    pub days: usize,
}

/// A metric and its values in both parts.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SplitMetric {
    /// Name, such as `"max_drawdown"`.
    pub name: String,
    /// Title, such as `"Max drawdown"`.
    pub title: String,
    /// How its values are written.
    pub unit: Unit,
    /// The definition in a sentence or two, as plain text.
    pub definition: String,
    /// Which direction is better; `None` where neither is.
    pub sense: Option<Sense>,
    /// The value in sample; `None` when it is undefined.
    pub in_sample: Option<f64>,
    /// The value out of sample; `None` when it is undefined.
    pub out_of_sample: Option<f64>,
    /// The value over all days; `None` when it is undefined.
    pub whole: Option<f64>,
}

/// An account by trading day; all columns have the same length.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// The day, in microseconds, ascending.
    pub time: Vec<i64>,
    /// The day's last equity, money.
    pub equity: Vec<f64>,
    /// Fraction below the highest equity so far, zero or positive.
    pub drawdown: Vec<f64>,
    /// What the capital would have become in the benchmark, money; `None` without one.
    pub benchmark: Option<Vec<f64>>,
}

/// The trades of a session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Trades {
    /// How many there were.
    pub total: usize,
    /// The first of them, in order of entry.
    pub rows: Vec<TradeRow>,
    /// The file that has all of them, when it was kept.
    pub place: Option<String>,
}

/// An entry and its exit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TradeRow {
    /// The symbol traded.
    pub symbol: String,
    /// `"long"` or `"short"`.
    pub side: String,
    /// Units traded, positive.
    pub units: f64,
    /// Open time of the entry's bar, microseconds.
    pub entry_time: i64,
    /// Price of the entry.
    pub entry_price: f64,
    /// Open time of the exit's bar, microseconds; `None` while it is open.
    pub exit_time: Option<i64>,
    /// Price of the exit; the last mark while it is open.
    pub exit_price: f64,
    /// Net profit, money.
    pub profit: f64,
    /// Net profit as a fraction of the entry's value.
    pub profit_fraction: Option<f64>,
    /// Commission of entry and exit, money.
    pub commission: f64,
    /// What slippage cost, money; it is in the prices.
    pub slippage: f64,
    /// How many bars it was held.
    pub bars: usize,
    /// How far it was down at its worst mark, a positive fraction of the entry's price; `None` where
    /// the store does not know it.
    pub mae: Option<f64>,
    /// How far it was up at its best mark, a positive fraction of the entry's price.
    pub mfe: Option<f64>,
    /// The price of its stop, where it has one that does not follow the price.
    pub stop: Option<f64>,
    /// The price of its target, where it has one.
    pub target: Option<f64>,
    /// Why it ended, such as `"stop_loss"`; `None` while it is open.
    pub closed_by: Option<String>,
}

/// The data a session saw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Data {
    /// The files, relative to the project.
    pub files: Vec<String>,
    /// Digest of the visible rows.
    pub digest: String,
    /// How many rows were visible.
    pub rows: usize,
    /// What the checks found and what was done about it, in words, a line a kind and symbol.
    pub checks: Vec<String>,
}

/// Something to doubt about a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Suspicion {
    /// A stable name, such as `"few_trades"`.
    pub name: String,
    /// The fact, as a sentence with its numbers.
    pub fact: String,
}

/// A session's own page: the top level of its context.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SessionPage {
    /// The run that it belongs to.
    pub run: Run,
    /// What sessions of the run are ranked by.
    pub objective: Objective,
    /// What its section in the report of the run says, with all its trades.
    pub session: Session,
    /// Returns by month, a row a year.
    pub years: Vec<Year>,
    /// The size of the largest monthly return, a positive fraction.
    pub largest_month: f64,
    /// Rolling statistics; `None` for a session too short for them.
    pub rolling: Option<Rolling>,
    /// The return of every trading day; not finite where there was nothing to lose.
    #[serde(with = "gaps")]
    #[schemars(with = "Vec<Option<f64>>")]
    pub returns: Vec<f64>,
    /// How many positions were open on each day of the session's curve.
    pub open_positions: Vec<f64>,
    /// Trades by year, or by month within one year.
    pub periods: Vec<Period>,
    /// What the prices did, a symbol each, thinned; empty if they were not kept.
    pub prices: Vec<Prices>,
    /// Orders, fills and other events in their order.
    pub events: Events,
    /// Every setting with the layer and the place that it comes from.
    pub origins: Vec<Origin>,
    /// The command that makes the session again.
    pub command: String,
}

/// A year of returns.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Year {
    /// The year.
    pub year: i32,
    /// January to December.
    pub months: Vec<Month>,
    /// The return of the year, a fraction.
    pub change: f64,
}

/// A month of a year.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Month {
    /// 1 for January.
    pub month: u32,
    /// The return, a fraction; `None` without a trading day.
    pub change: Option<f64>,
}

/// Statistics over a window that moves; all columns have the same length.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Rolling {
    /// The length of the window in trading days.
    pub days: usize,
    /// The last day of each window, microseconds.
    pub time: Vec<i64>,
    /// The annual Sharpe ratio; not finite where it is undefined.
    #[serde(with = "gaps")]
    #[schemars(with = "Vec<Option<f64>>")]
    pub sharpe: Vec<f64>,
    /// The annual volatility, a fraction; not finite where it is undefined.
    #[serde(with = "gaps")]
    #[schemars(with = "Vec<Option<f64>>")]
    pub volatility: Vec<f64>,
}

/// Closed trades of a year or month.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Period {
    /// `2013` or `2013-05`.
    pub label: String,
    /// How many ended in it.
    pub trades: usize,
    /// How many of them won.
    pub wins: usize,
    /// How many of them lost.
    pub losses: usize,
    /// Their net profit, money.
    pub profit: f64,
    /// Their commission, money.
    pub commission: f64,
    /// Their slippage, money.
    pub slippage: f64,
}

/// A symbol's prices, thinned to what a screen can show; all columns have the same length.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Prices {
    /// The symbol.
    pub symbol: String,
    /// The opening time of the last bar of each stretch of bars, microseconds.
    pub time: Vec<i64>,
    /// The highest price of the stretch.
    pub high: Vec<f64>,
    /// The lowest price of the stretch.
    pub low: Vec<f64>,
    /// The last price of the stretch.
    pub close: Vec<f64>,
    /// The trailing stop of what was held while the last bar of each stretch opened, not finite where
    /// there was none; empty if there never was one.
    #[serde(with = "gaps")]
    #[schemars(with = "Vec<Option<f64>>")]
    pub trailing: Vec<f64>,
    /// What the strategy plots, in its order.
    pub lets: Vec<Plotted>,
}

/// A let that a strategy plots.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plotted {
    /// Its name.
    pub name: String,
    /// Its value at the end of each stretch; not finite where it is missing.
    #[serde(with = "gaps")]
    #[schemars(with = "Vec<Option<f64>>")]
    pub values: Vec<f64>,
}

/// The journal of a session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Events {
    /// How many there are.
    pub total: usize,
    /// The first of them.
    pub rows: Vec<Event>,
}

/// A line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Event {
    /// When, as the journal writes it.
    pub time: String,
    /// Its type, such as `"fill"`.
    pub kind: String,
    /// What it says, in the order of the journal.
    pub facts: Vec<Setting>,
}

/// Where a setting comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Origin {
    /// The key, such as `"costs.slippage.bps"`.
    pub path: String,
    /// The value as a manifest would write it.
    pub value: String,
    /// The layer and the place, such as `"session goog-sma, sessions/a.toml:12:1"`, or `"built in"`.
    pub origin: String,
}
