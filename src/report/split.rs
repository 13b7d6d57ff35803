//! In and out of sample: a session's metrics side by side, and what a sweep's points were worth on the
//! days that did not choose them.
//!
//! The store has the numbers of both parts; what is added here is order: which point is the best in
//! sample, how many do better out of sample, and how far the two orders agree.

use super::context::{Part, Split, SplitMetric, SweepSplit};
use super::load::{Loader, metrics};
use crate::metrics::Parts;
use crate::store::Row;
use serde_json::Value;

/// The parts of a session's `row`, whose days its file tells in `result`; `None` without a split.
pub(super) fn split(row: &Row, result: &Value) -> Option<Split> {
    let parts = row.parts.as_deref()?;
    let [in_sample, out_of_sample] = Parts::NAMES.map(|name| {
        let part = &result["split"][name];
        let text = |key: &str| part[key].as_str().unwrap_or_default().to_owned();
        let days = part["days"].as_u64().unwrap_or_default() as usize;
        Part { from: text("from"), to: text("to"), days }
    });
    let [inside, outside] = parts.both().map(metrics);
    let both = metrics(&row.metrics).zip(inside).zip(outside);
    let metrics = both.map(|((whole, inside), outside)| SplitMetric {
        name: whole.name,
        title: whole.title,
        unit: whole.unit,
        definition: whole.definition,
        sense: whole.sense,
        in_sample: inside.value,
        out_of_sample: outside.value,
        whole: whole.value,
    });
    Some(Split { in_sample, out_of_sample, metrics: metrics.collect() })
}

impl Loader<'_> {
    /// The objective of a result in and out of sample; `None` where either is undefined.
    pub(super) fn objectives(&self, place: usize) -> Option<[f64; 2]> {
        let parts = self.results[place].1.parts.as_deref()?;
        let [inside, outside] = parts.both().map(|part| part.get(self.objective.metric));
        Some([inside?, outside?])
    }

    /// What the points at `places` are worth out of sample; `None` unless two have both values.
    pub(super) fn sweep_split(&self, places: &[usize]) -> Option<SweepSplit> {
        let mut both: Vec<(usize, [f64; 2])> =
            places.iter().filter_map(|&place| Some((place, self.objectives(place)?))).collect();
        // Equal values stay in the order of the plan.
        both.sort_by(|(a, [x, _]), (b, [y, _])| {
            self.objective
                .order(Some(*x), Some(*y))
                .then_with(|| self.number(*a).cmp(&self.number(*b)))
        });
        let &(best, [value, out_of_sample]) = both.first().filter(|_| both.len() > 1)?;
        let is_better = |value: f64| self.objective.order(Some(value), Some(out_of_sample)).is_lt();
        let better = both.iter().filter(|(_, [_, value])| is_better(*value)).count();
        let columns =
            |part: usize| both.iter().map(|(_, values)| values[part]).collect::<Vec<f64>>();
        let (inside, outside) = (columns(0), columns(1));
        Some(SweepSplit {
            best: self.results[best].0.key.clone(),
            value,
            out_of_sample,
            better,
            correlation: rank_correlation(&inside, &outside),
            inside,
            outside,
        })
    }
}

/// Spearman's rank correlation: Pearson's of the ranks, equal values sharing the mean of theirs.
/// `None` where one of the two does not vary.
fn rank_correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum()
    };
    let spread = (product(&a, &a) * product(&b, &b)).sqrt();
    (spread > 0.0).then(|| product(&a, &b) / spread)
}

/// The rank of each value from 0.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let below = |value: f64| sorted.partition_point(|known| *known < value);
    let upto = |value: f64| sorted.partition_point(|known| *known <= value);
    values.iter().map(|&value| (below(value) + upto(value) - 1) as f64 / 2.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_that_agree_correlate_and_opposite_ones_do_not() {
        let a = [0.1, 0.9, 0.4, 7.0];
        let up = a.map(|x: f64| x * x);
        let down = a.map(|x| -x);
        assert_eq!(rank_correlation(&a, &up), Some(1.0));
        assert_eq!(rank_correlation(&a, &down), Some(-1.0));
        assert_eq!(rank_correlation(&a, &[1.0; 4]), None);
        // By hand: ranks 0 1.5 1.5 3 against 0 1 2 3 make 4.5 / sqrt(4.5 * 5).
        let tied = rank_correlation(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!((tied - 4.5 / (4.5_f64 * 5.0).sqrt()).abs() < 1e-15);
    }
}
