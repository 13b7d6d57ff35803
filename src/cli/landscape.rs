//! How the points of a sweep lie around its best one, in two sentences: a lone peak is luck more often
//! than a broad hill is.

use super::output::Kind;
use crate::diag::counted;
use crate::expr::Scalar;
use crate::manifest::Objective;
use crate::plan::Plan;
use crate::report::format::{digits, metric};
use crate::store::Row;

/// A point of a sweep: its values on the axes, and that of the objective.
type Swept<'a> = (Vec<&'a Scalar>, f64);

/// What is said of each sweep of `plan`, of which these are the `rows`.
pub(super) fn sentences(plan: &Plan, rows: &[Row]) -> Vec<String> {
    let objective = plan.run.objective;
    let mut sweeps: Vec<Vec<Swept<'_>>> = vec![Vec::new(); plan.bases.len()];
    for row in rows {
        let point = &plan.points[row.index as usize];
        let base = plan.base(point);
        if let Some(value) = row.metrics.get(objective.metric).filter(|_| base.swept) {
            let values = base.values(point).map(|(_, value)| value).collect();
            sweeps[point.base].push((values, value));
        }
    }
    let named = plan.bases.iter().map(|base| &base.session.name).zip(&sweeps);
    named.filter_map(|(name, points)| sentence(name, points, objective)).collect()
}

/// How the values of a sweep spread, and those next to the best; `None` if there is no point.
fn sentence(name: &str, points: &[Swept<'_>], objective: Objective) -> Option<String> {
    let best = points.iter().min_by(|(_, a), (_, b)| objective.order(Some(*a), Some(*b)))?;
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
    let values = points.iter().map(|(_, value)| *value).collect();
    let mut text = format!("{name}: {all} with a {ranked_by} of {}", spread(values));
    let places: Vec<Vec<usize>> = places(points);
    let at = points.iter().position(|point| std::ptr::eq(point, best))?;
    let is_near = |other: &Vec<usize>| {
        *other != places[at] && other.iter().zip(&places[at]).all(|(a, b)| a.abs_diff(*b) <= 1)
    };
    let near = points.iter().zip(&places).filter(|(_, place)| is_near(place));
    let near: Vec<f64> = near.map(|((_, value), _)| *value).collect();
    match near.is_empty() {
        true => text += "; the best has no neighbour",
        false => {
            let count = counted(near.len(), "neighbour");
            text += &format!("; the {count} of the best: {}", spread(near));
        }
    }
    Some(text)
}

/// Where each point stands on each axis: the rank of its value among those of the sweep. Numbers are
/// ranked by size, other values in the order of the plan.
fn places(points: &[Swept<'_>]) -> Vec<Vec<usize>> {
    let axes = points.iter().map(|(values, _)| values.len()).min().unwrap_or_default();
    let mut places = vec![Vec::with_capacity(axes); points.len()];
    for axis in 0..axes {
        let values: Vec<&Scalar> = points.iter().map(|(values, _)| values[axis]).collect();
        for (place, rank) in places.iter_mut().zip(ranks(&values)) {
            place.push(rank);
        }
    }
    places
}

fn ranks(values: &[&Scalar]) -> Vec<usize> {
    let number = |value: &&Scalar| match value {
        Scalar::Number(number) => Some(*number),
        _ => None,
    };
    if let Some(numbers) = values.iter().map(number).collect::<Option<Vec<f64>>>() {
        let mut sorted = numbers.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        return numbers.iter().map(|x| sorted.partition_point(|y| y < x)).collect();
    }
    let mut seen: Vec<&Scalar> = Vec::new();
    for &value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    let rank = |value| seen.iter().position(|known| *known == value);
    values.iter().map(|&value| rank(value).expect("every value was seen")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metric;

    fn told(points: &[([Scalar; 2], f64)]) -> Option<String> {
        let swept = points.iter().map(|(values, sharpe)| (values.iter().collect(), *sharpe));
        sentence("grid", &swept.collect::<Vec<_>>(), Objective::of(Metric::Sharpe))
    }

    #[test]
    fn the_best_is_seen_among_its_neighbours() {
        let mut points = Vec::new();
        for (number, fast) in [5.0, 10.0, 20.0, 40.0].into_iter().enumerate() {
            for (other, kind) in ["z", "a", "m"].into_iter().enumerate() {
                let values = [Scalar::Number(fast), Scalar::Text(kind.into())];
                points.push((values, (number * 10 + other) as f64));
            }
        }
        // The best, 32, stands in a corner: 31, 22 and 21 are one step away.
        insta::assert_snapshot!(told(&points).unwrap(), @"grid: 12 points with a sharpe of 0.00 to 32.00, the middle one 12.00; the 3 neighbours of the best: 21.00 to 31.00, the middle one 22.00");
    }

    #[test]
    fn a_point_by_itself_has_no_neighbour_and_nothing_no_landscape() {
        let alone = ([Scalar::Number(5.0), Scalar::Text("a".into())], 1.5);
        insta::assert_snapshot!(told(&[alone]).unwrap(), @"grid: 1 point with a sharpe of 1.50 to 1.50, the middle one 1.50; the best has no neighbour");
        assert_eq!(told(&[]), None);
    }
}
