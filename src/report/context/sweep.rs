//! What a template sees of a sweep on its own page.

use super::{Axis, Column, Objective, Omitted, Row, Run, Sweep, Unit};
use schemars::JsonSchema;
use serde::Serialize;

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
    /// How many points one step away on one or more axes have an objective; if there are none, how many
    /// of the nearest are looked at.
    pub points: usize,
    /// Whether they are one step away.
    pub is_on_grid: bool,
    /// The mean of their objective; `None` without one.
    pub mean: Option<f64>,
    /// The worst of them.
    pub worst: Option<f64>,
    /// What share of all points is worse than the mean of the neighbours.
    pub rank_of_mean: Option<f64>,
}
