//! What filters over results and lists of them have in common: the names of metrics and parameters.

use super::context::Usage;
use super::output::{Cell, Column};
use crate::expr::{Scalar, Type};
use crate::metrics::{Metric, Metrics, Parts};
use crate::plan::METRICS;
use crate::plan::filter::Filter;

/// What the path of a parameter begins with.
const PARAMS: &str = "params.";

/// Compile what was given as `--filter`; a mistake is shown where it stands.
pub(super) fn compile(text: &str, names: &[(String, Type)], color: bool) -> Result<Filter, Usage> {
    Filter::compile(text, names)
        .map_err(|mistakes| Usage(format!("`--filter` cannot be used\n{}", mistakes.render(color))))
}

/// The metrics as filters name them, over all days, in sample and out of sample.
pub(super) fn metric_names() -> impl Iterator<Item = (String, Type)> {
    let whole = Metric::ALL.into_iter().map(|metric| format!("{METRICS}{}", metric.name()));
    let parts = part_metrics().map(|(part, metric)| format!("{part}.{}", metric.name()));
    whole.chain(parts).map(|name| (name, Type::Number))
}

/// Every metric of each part, with the name of the part.
fn part_metrics() -> impl Iterator<Item = (&'static str, Metric)> {
    Parts::NAMES.into_iter().flat_map(|part| Metric::ALL.map(|metric| (part, metric)))
}

/// What a metric is by its name in a filter; `None` if it is the name of none.
pub(super) fn measured(whole: &Metrics, parts: Option<&Parts>, name: &str) -> Option<Scalar> {
    let (of, metric) = name.rsplit_once('.')?;
    let metric = Metric::from_name(metric)?;
    let values = match Parts::NAMES.iter().position(|part| *part == of) {
        Some(part) => parts.map(|parts| parts.both()[part]),
        None if METRICS.strip_suffix('.') == Some(of) => Some(whole),
        None => return None,
    };
    let value = values.and_then(|values| values.get(metric));
    Some(value.map_or(Scalar::Missing, Scalar::Number))
}

/// The columns of the metrics in and out of sample.
pub(super) fn part_columns() -> impl Iterator<Item = Column> {
    part_metrics().map(|(part, metric)| {
        Column::new(format!("{part}.{}", metric.name()), metric.unit().into())
    })
}

/// A row of [`part_columns`]; empty cells without parts.
pub(super) fn part_cells(parts: Option<&Parts>) -> impl Iterator<Item = Cell> {
    let nothing = Metrics::default();
    let both = parts.map_or([nothing; 2], |parts| parts.both().map(|part| *part));
    both.into_iter().flat_map(|part| part.iter().map(|(_, value)| value.into()).collect::<Vec<_>>())
}

/// Add the parameter or key `path` to the names: a parameter goes by its path and, where that is
/// free, by its bare name.
pub(super) fn add_param(names: &mut Vec<(String, Type)>, path: &str, ty: Type) {
    for name in [path, path.strip_prefix(PARAMS).unwrap_or(path)] {
        if !names.iter().any(|(known, _)| known == name) {
            names.push((name.to_owned(), ty));
        }
    }
}

/// What `name` is among `params`, which are listed by their paths.
pub(super) fn param(params: &[(impl AsRef<str>, Scalar)], name: &str) -> Scalar {
    let is_it = |path: &str| path == name || path.strip_prefix(PARAMS) == Some(name);
    let found = params.iter().find(|(path, _)| is_it(path.as_ref()));
    found.map_or(Scalar::Missing, |(_, value)| value.clone())
}
