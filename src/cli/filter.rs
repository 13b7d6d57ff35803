//! What the filters over results have in common: the names of metrics and parameters.

use super::context::Usage;
use crate::expr::{Scalar, Type};
use crate::metrics::Metric;
use crate::plan::METRICS;
use crate::plan::filter::Filter;

/// What the path of a parameter begins with.
const PARAMS: &str = "params.";

/// Compile what was given as `--filter`; a mistake is shown where it stands.
pub(super) fn compile(text: &str, names: &[(String, Type)], color: bool) -> Result<Filter, Usage> {
    Filter::compile(text, names)
        .map_err(|mistakes| Usage(format!("`--filter` cannot be used\n{}", mistakes.render(color))))
}

/// The metrics as filters name them.
pub(super) fn metric_names() -> impl Iterator<Item = (String, Type)> {
    Metric::ALL.into_iter().map(|metric| (format!("{METRICS}{}", metric.name()), Type::Number))
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
