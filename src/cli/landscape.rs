//! How the points of a sweep lie around its best one, in two sentences: a lone peak is luck more often
//! than a broad hill is.

use super::output::Kind;
use crate::diag::counted;
use crate::manifest::Objective;
use crate::plan::{Base, Distances, Plan};
use crate::report::format::{digits, metric};
use crate::store::Row;

/// A point of a sweep: the numbers of its values on the axes, and its value of the objective.
type Swept<'a> = (&'a [u32], f64);

/// What is said of each sweep of `plan`, of which these are the `rows`.
pub(super) fn sentences(plan: &Plan, rows: &[Row]) -> Vec<String> {
    let objective = plan.run.objective;
    let mut sweeps: Vec<Vec<Swept<'_>>> = vec![Vec::new(); plan.bases.len()];
    for row in rows {
        let point = &plan.points[row.index as usize];
        let base = plan.base(point);
        if let Some(value) = row.metrics.get(objective.metric).filter(|_| base.swept) {
            sweeps[point.base].push((base.at(point), value));
        }
    }
    let sentence = |(base, points): (&Base, Vec<Swept<'_>>)| {
        sentence(&base.session.name, &Distances::of(&base.axes), points, objective)
    };
    plan.bases.iter().zip(sweeps).filter_map(sentence).collect()
}

/// How the values of a sweep spread, and those near the best; `None` for a point by itself.
fn sentence(
    name: &str,
    distances: &Distances,
    mut points: Vec<Swept<'_>>,
    objective: Objective,
) -> Option<String> {
    let spread = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let unit = Kind::from(objective.metric.unit()).unit().expect("a metric has a unit");
        let decimals = Some(digits(unit, &values));
        let told = |at: usize| metric(Some(values[at]), unit, decimals);
        let last = values.len() - 1;
        format!("{} to {}, the middle one {}", told(0), told(last), told(last / 2))
    };
    let ranked_by = objective.metric.name();
    let all = counted(points.len(), "point");
    let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    let better = |a: &usize, b: &usize| objective.order(Some(values[*a]), Some(values[*b]));
    let (best, _) = points.remove((0..values.len()).min_by(better)?);
    let others: Vec<&[u32]> = points.iter().map(|(at, _)| *at).collect();
    let near = distances.near(best, &others);
    if points.is_empty() {
        return None;
    }
    let text = format!("{name}: {all} with a {ranked_by} of {}", spread(values));
    if near.points.is_empty() {
        return Some(text + "; the best has no neighbour");
    }
    let count = near.points.len();
    let these = match near.is_on_grid {
        true => format!("the {} of the best", counted(count, "neighbour")),
        false => format!("the {} nearest to the best", counted(count, "point")),
    };
    let near = near.points.into_iter().map(|place| points[place].1).collect();
    Some(format!("{text}; {these}: {}", spread(near)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Scalar;
    use crate::metrics::Metric;
    use crate::plan::Axis;

    fn told(points: &[([u32; 2], f64)]) -> Option<String> {
        let fast = [5.0, 10.0, 20.0, 40.0].map(Scalar::Number).to_vec();
        let kind = ["z", "a", "m"].map(|name| Scalar::Text(name.into())).to_vec();
        let axis = |scalars| Axis { path: "params.x".into(), values: Vec::new(), scalars };
        let distances = Distances::of(&[axis(fast), axis(kind)]);
        let points = points.iter().map(|(at, sharpe)| (&at[..], *sharpe)).collect();
        sentence("grid", &distances, points, Objective::of(Metric::Sharpe))
    }

    #[test]
    fn the_best_is_seen_among_its_neighbours() {
        let all = (0..4).flat_map(|fast| (0..3).map(move |kind| [fast, kind]));
        let points: Vec<([u32; 2], f64)> =
            all.map(|at| (at, f64::from(at[0] * 10 + at[1]))).collect();
        // The best, 32, stands at the end of `fast`, with 22 before it; `kind` has no order.
        insta::assert_snapshot!(told(&points).unwrap(), @"grid: 12 points with a sharpe of 0.00 to 32.00, the middle one 12.00; the 1 neighbour of the best: 22.00 to 22.00, the middle one 22.00");
        // Without it the nearest is two values away.
        let holes: Vec<([u32; 2], f64)> =
            points.into_iter().filter(|(at, _)| *at != [2, 2]).collect();
        insta::assert_snapshot!(told(&holes).unwrap(), @"grid: 11 points with a sharpe of 0.00 to 32.00, the middle one 12.00; the 2 points nearest to the best: 2.00 to 12.00, the middle one 2.00");
    }

    #[test]
    fn a_point_by_itself_has_no_landscape_and_names_no_neighbours() {
        assert_eq!(told(&[([0, 1], 1.5)]), None);
        insta::assert_snapshot!(told(&[([0, 1], 1.5), ([0, 2], 0.5)]).unwrap(), @"grid: 2 points with a sharpe of 0.50 to 1.50, the middle one 0.50; the best has no neighbour");
        assert_eq!(told(&[]), None);
    }
}
