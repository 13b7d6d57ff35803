//! What a report template sees: every name that `{{ ... }}` may use, documented here.
//!
//! A template is given one [`RunReport`]; its fields are the top-level names. Everything is data,
//! never markup: text is escaped where it is printed. A list keeps its order. `None` prints as a
//! dash. Fractions are fractions (`0.123` is 12.3 %), money is in the session's currency, and times
//! are microseconds since 1970-01-01T00:00:00 on the data's own wall clock, so that the day a
//! filter prints is the trading day.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One run as a report tells it; the top level of the context.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RunReport {
    /// The heading, usually the names of the manifests.
    pub title: String,
    /// Names of the manifests that were run, in the order given.
    pub manifests: Vec<String>,
    /// When, how and with what the run was made.
    pub run: Run,
    /// How many sessions there were, by how they ended.
    pub counts: Counts,
    /// What the comparison is ranked by.
    pub objective: Objective,
    /// The metric columns of the comparison table, in order.
    pub columns: Vec<Column>,
    /// The rows of the comparison table, best first; rows without a rank last, in plan order.
    pub rows: Vec<Row>,
    /// The rows that the table leaves out; `None` when it shows all.
    pub omitted: Option<Omitted>,
    /// One for each swept session, in the order of the manifest.
    pub sweeps: Vec<Sweep>,
    /// One for each session whose details were kept: named sessions, then the best points of sweeps,
    /// each best first.
    pub sessions: Vec<Session>,
}

/// The facts of the run.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Run {
    /// The run's directory name.
    pub id: String,
    /// When it started, as text with its zone.
    pub started: String,
    /// When it finished; `None` while it is open or if it never closed.
    pub finished: Option<String>,
    /// Seconds of wall-clock time it took.
    pub wall_seconds: Option<f64>,
    /// The version of papertape.
    pub version: String,
    /// The command line as it was typed.
    pub command: String,
    /// How many threads it ran on.
    pub threads: usize,
    /// How it ended.
    pub status: RunStatus,
    /// The label of the machine or environment, where one was given.
    pub host: Option<String>,
}

/// How a run ended; a template sees the word, such as `"completed"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Every selected session completed.
    Completed,
    /// At least one session failed or was refused.
    Failed,
    /// Sessions of the plan have not run.
    Incomplete,
    /// It has not ended yet.
    Running,
}

/// How a session ended; a template sees the word, such as `"completed"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It ran to the end of its range.
    Completed,
    /// An error or a panic ended it.
    Failed,
    /// Its data or settings were refused before it ran.
    Refused,
    /// The run was interrupted.
    Aborted,
}

/// Numbers of sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    /// Sessions in the plan.
    pub selected: usize,
    /// Sessions that completed, those taken from the cache included.
    pub completed: usize,
    /// Sessions that failed.
    pub failed: usize,
    /// Sessions that were refused.
    pub refused: usize,
    /// Sessions that were interrupted.
    pub aborted: usize,
    /// Sessions whose result was taken from an earlier run.
    pub cached: usize,
}

/// What decides which session is better.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Objective {
    /// Name of the metric, such as `"sharpe"`.
    pub metric: String,
    /// The metric's title, such as `"Sharpe"`.
    pub title: String,
    /// How its values are written.
    pub unit: Unit,
    /// Whether more or less of it is wanted.
    pub goal: Goal,
}

/// Whether more or less of a metric is wanted; `"maximize"` or `"minimize"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// The largest value is the best.
    Maximize,
    /// The smallest value is the best.
    Minimize,
}

/// How a number is written; `"fraction"`, `"ratio"`, `"money"`, `"count"` or `"days"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A share of one, written as percent: `0.123` is `12.3 %`.
    Fraction,
    /// A plain number: `1.42`.
    Ratio,
    /// An amount in the session's currency: `12,345`.
    Money,
    /// A number of things: `1,204`.
    Count,
    /// A length of time in days: `123 d`.
    Days,
}

/// Which direction of a metric is better; `"higher"` or `"lower"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sense {
    /// Higher is better.
    Higher,
    /// Lower is better.
    Lower,
}

/// A metric column of the comparison table.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Column {
    /// Name of the metric, such as `"max_drawdown"`.
    pub name: String,
    /// The column's heading, such as `"Max drawdown"`.
    pub title: String,
    /// How its values are written.
    pub unit: Unit,
    /// The definition in a sentence or two, as plain text.
    pub definition: String,
    /// Which direction is better; `None` where neither is.
    pub sense: Option<Sense>,
}

/// A session in the comparison table.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Row {
    /// Place by the objective, from 1; `None` when the objective is undefined for it.
    pub rank: Option<usize>,
    /// The key: the name, and the axis values of a sweep point.
    pub key: String,
    /// The short id, 10 hex digits.
    pub id: String,
    /// The session's name.
    pub name: String,
    /// Name of the swept session this is a point of; `None` for a named session.
    pub sweep: Option<String>,
    /// Name of the strategy.
    pub strategy: String,
    /// `"backtest"` or `"paper"`.
    pub mode: String,
    /// The symbols, in the session's order.
    pub symbols: Vec<String>,
    /// How it ended.
    pub status: Status,
    /// Why it did not complete; `None` when it did.
    pub error: Option<String>,
    /// The axis values of a sweep point, in the order of the axes; empty for a named session.
    pub axes: Vec<Setting>,
    /// One cell a column, in the order of `columns`.
    pub metrics: Vec<Cell>,
    /// The objective in and out of sample; `None` without a split, or where either is undefined.
    pub split: Option<[f64; 2]>,
    /// The equity curve, thinned, for a sparkline.
    pub spark: Option<Vec<f64>>,
    /// The `anchor` of this session's section, when it has one.
    pub anchor: Option<String>,
}

/// A key and its value, both as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Setting {
    /// The key's path, such as `"params.fast"`.
    pub path: String,
    /// The value as a manifest would write it.
    pub value: String,
}

/// A value in the comparison table.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Cell {
    /// Name of the metric; the same as its column's.
    pub name: String,
    /// The value; `None` when it is undefined.
    pub value: Option<f64>,
    /// Whether no row of the run has a better one; `false` for a column without a sense.
    pub best: bool,
}

/// Rows that the comparison table leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Omitted {
    /// How many.
    pub rows: usize,
    /// The file that has all of them, such as `"results.csv"`.
    pub place: String,
}

/// A swept session.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Sweep {
    /// The swept session's name.
    pub name: String,
    /// How many points were planned.
    pub points: usize,
    /// The points by how they ended.
    pub counts: Counts,
    /// The axes, in the order of the manifest.
    pub axes: Vec<Axis>,
    /// The objective of each completed point for which it is defined, in plan order.
    pub objective: Vec<f64>,
    /// Key of the best point; `None` when no point has an objective.
    pub best: Option<String>,
    /// First quartile, median and third quartile of `objective`.
    pub quartiles: Option<[f64; 3]>,
    /// Where its own page is, relative to the run's directory.
    pub page: String,
}

/// An axis of a sweep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Axis {
    /// The key it varies, such as `"params.fast"`.
    pub path: String,
    /// Its values as a manifest would write them, in order.
    pub values: Vec<String>,
}

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

/// A sweep's own page: the top level of its context.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SweepPage {
    /// The run that it belongs to.
    pub run: Run,
    /// What its points are ranked by.
    pub objective: Objective,
    /// What the report of the run says of it.
    pub sweep: Sweep,
    /// The metric columns of the table of points.
    pub columns: Vec<Column>,
    /// The best points, best first.
    pub rows: Vec<Row>,
    /// The points that the table leaves out; `None` when it shows all.
    pub omitted: Option<Omitted>,
    /// All completed points as numbers, for the pictures.
    pub data: SweepData,
    /// For each axis, what the objective came to with each of its values.
    pub marginals: Vec<Marginal>,
    /// The best point and those one step away from it; `None` when no point has an objective.
    pub neighbourhood: Option<Neighbourhood>,
    /// What the points are worth out of sample; `None` unless the manifest splits the range.
    pub split: Option<SweepSplit>,
    /// The points that did not complete.
    pub failed: Vec<Row>,
}

/// The points of a sweep in and out of sample. The ranking of the table is over all days, and so has
/// seen the days out of sample: only what is chosen in sample alone has not.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SweepSplit {
    /// The key of the point that is the best in sample.
    pub best: String,
    /// Its objective in sample.
    pub value: f64,
    /// Its objective out of sample.
    pub out_of_sample: f64,
    /// How many points have a better objective out of sample.
    pub better: usize,
    /// Spearman's rank correlation of the objective in and out of sample; `None` where one of the two
    /// does not vary.
    pub correlation: Option<f64>,
    /// The objective in sample of each point that has both, the best first.
    pub inside: Vec<f64>,
    /// The objective of the same points out of sample.
    pub outside: Vec<f64>,
}

/// The completed points of a sweep as numbers.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SweepData {
    /// The axes with their values as text.
    pub axes: Vec<Axis>,
    /// The metrics; the objective first.
    pub metrics: Vec<DataMetric>,
    /// For each point the number of its value on each axis.
    pub at: Vec<Vec<u32>>,
    /// For each point the values of the metrics; `None` where one is undefined.
    pub values: Vec<Vec<Option<f64>>>,
    /// The place of the best point in these lists; `None` when no point has an objective.
    pub best: Option<usize>,
}

/// A metric of [`SweepData`].
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DataMetric {
    /// Name, such as `"sharpe"`.
    pub name: String,
    /// Title, such as `"Sharpe"`.
    pub title: String,
    /// How its values are written.
    pub unit: Unit,
    /// Whether less of it is better.
    pub lower: bool,
}

/// What the objective came to along one axis, over all values of the others.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Marginal {
    /// The key that varies.
    pub path: String,
    /// A value each, in the order of the axis.
    pub values: Vec<MarginalValue>,
}

/// The points that share one value on an axis.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct MarginalValue {
    /// The value as a manifest would write it.
    pub value: String,
    /// How many points have an objective.
    pub points: usize,
    /// First quartile, median and third quartile of their objective; `None` without a point.
    pub quartiles: Option<[f64; 3]>,
}

/// How the best point stands among those around it: a lone peak is luck more often than a broad hill.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Neighbourhood {
    /// The key of the best point.
    pub best: String,
    /// Its objective.
    pub value: f64,
    /// How many points one step away on one or more axes have an objective.
    pub points: usize,
    /// The mean of their objective; `None` without one.
    pub mean: Option<f64>,
    /// The worst of them.
    pub worst: Option<f64>,
    /// What share of all points is worse than the mean of the neighbours.
    pub rank_of_mean: Option<f64>,
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
    /// The return of every trading day.
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
    pub sharpe: Vec<f64>,
    /// The annual volatility, a fraction.
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
    /// The first bar's opening time of each stretch of bars, microseconds.
    pub time: Vec<i64>,
    /// The highest price of the stretch.
    pub high: Vec<f64>,
    /// The lowest price of the stretch.
    pub low: Vec<f64>,
    /// The last price of the stretch.
    pub close: Vec<f64>,
    /// What the strategy plots, in its order.
    pub lets: Vec<Plotted>,
}

/// A let that a strategy plots.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plotted {
    /// Its name.
    pub name: String,
    /// Its value at the end of each stretch; not finite where it is missing.
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
