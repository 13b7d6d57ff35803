//! How the points of a sweep lie around its best one, in two lines: a lone peak is luck more often than
//! a broad hill is.

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
    let lines = |(base, points): (&Base, Vec<Swept<'_>>)| {
        lines(&base.session.name, &Distances::of(&base.axes), points, objective)
    };
    plan.bases.iter().zip(sweeps).filter_map(lines).flatten().collect()
}

/// How the values of a sweep spread, and what the best and those near it have; `None` for a point by
/// itself.
fn lines(
    name: &str,
    distances: &Distances,
    mut points: Vec<Swept<'_>>,
    objective: Objective,
) -> Option<[String; 2]> {
    let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    let unit = Kind::from(objective.metric.unit()).unit().expect("a metric has a unit");
    let decimals = Some(digits(unit, &values));
    let told = |value: f64| metric(Some(value), unit, decimals);
    let spread = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        match values[..] {
            [one] => told(one),
            [low, high] => format!("{} and {}", told(low), told(high)),
            [low, .., high] => {
                // Of two in the middle their mean, as on the sweep's page.
                let (below, above) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
                let median = below + (above - below) / 2.0;
                format!("{} to {}, the median {}", told(low), told(high), told(median))
            }
            [] => String::new(),
        }
    };
    let all = counted(points.len(), "point");
    let better = |a: &usize, b: &usize| objective.order(Some(values[*a]), Some(values[*b]));
    let (best, value) = points.remove((0..values.len()).min_by(better)?);
    if points.is_empty() {
        return None;
    }
    let others: Vec<&[u32]> = points.iter().map(|(at, _)| *at).collect();
    let near = distances.near(best, &others);
    let these = match (near.points.len(), near.is_on_grid) {
        (0, _) => " and no neighbour".to_owned(),
        (count, true) => format!("; its {} ", counted(count, "neighbour")),
        (count, false) => format!("; the {} nearest to it ", counted(count, "point")),
    };
    let near = near.points.into_iter().map(|place| points[place].1).collect();
    let ranked_by = objective.metric.name();
    Some([
        format!("{name}: {all} with a {ranked_by} of {}", spread(values)),
        format!("{name}: the best has {}{these}{}", told(value), spread(near)),
    ])
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
        let lines = lines("grid", &distances, points, Objective::of(Metric::Sharpe));
        lines.map(|lines| lines.join("\n"))
    }

    #[test]
    fn the_best_is_seen_among_its_neighbours() {
        let all = (0..4).flat_map(|fast| (0..3).map(move |kind| [fast, kind]));
        let points: Vec<([u32; 2], f64)> =
            all.map(|at| (at, f64::from(at[0] * 10 + at[1]))).collect();
        // The best, 32, stands at the end of `fast`, with 22 before it; `kind` has no order.
        insta::assert_snapshot!(told(&points).unwrap(), @r"
        grid: 12 points with a sharpe of 0.00 to 32.00, the median 16.00
        grid: the best has 32.00; its 1 neighbour 22.00
        ");
        // Without it the nearest is two values away.
        let holes: Vec<([u32; 2], f64)> =
            points.into_iter().filter(|(at, _)| *at != [2, 2]).collect();
        insta::assert_snapshot!(told(&holes).unwrap(), @r"
        grid: 11 points with a sharpe of 0.00 to 32.00, the median 12.00
        grid: the best has 32.00; the 2 points nearest to it 2.00 and 12.00
        ");
    }

    #[test]
    fn a_point_by_itself_has_no_landscape_and_names_no_neighbours() {
        assert_eq!(told(&[([0, 1], 1.5)]), None);
        insta::assert_snapshot!(told(&[([0, 1], 1.5), ([0, 2], 0.5)]).unwrap(), @r"
        grid: 2 points with a sharpe of 0.50 and 1.50
        grid: the best has 1.50 and no neighbour
        ");
        assert_eq!(told(&[]), None);
    }
}
