//! What a report template sees: every name that `{{ ... }}` may use, documented here.
//!
//! A template is given one [`RunReport`]; its fields are the top-level names. Everything is data,
//! never markup: text is escaped where it is printed. A list keeps its order. `None` prints as a
//! dash. Fractions are fractions (`0.123` is 12.3 %), money is in the session's currency, and times
//! are microseconds since 1970-01-01T00:00:00 on the data's own wall clock, so that the day a
//! filter prints is the trading day.

mod session;
mod sweep;

pub use session::*;
pub use sweep::*;

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

/// Columns with gaps: what is not finite is none in JSON, and comes back as `NaN`.
pub(super) mod gaps {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// The values, none for each gap.
    pub fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        let value = |value: &f64| Some(*value).filter(|value| value.is_finite());
        values.iter().map(value).collect::<Vec<_>>().serialize(serializer)
    }

    /// The values, `NaN` for each gap.
    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<f64>, D::Error> {
        let values = Vec::<Option<f64>>::deserialize(input)?;
        Ok(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    }
}
