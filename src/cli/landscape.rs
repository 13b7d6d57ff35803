//! How the points of a sweep lie around its best one, in two sentences: a lone peak is luck more often
//! than a broad hill is.

use super::output::Kind;
use crate::diag::counted;
use crate::expr::Scalar;
use crate::manifest::Objective;
use crate::report::format::{digits, metric};
use crate::store::{Label, Row};

/// What is said of each sweep among `results`, which stand in the order of the plan.
pub(super) fn sentences(results: &[(Label, Row)], objective: Objective) -> Vec<String> {
    let sweeps = results.chunk_by(|(a, _), (b, _)| a.session == b.session);
    sweeps.filter_map(|points| sentence(points, objective)).collect()
}

/// How the values of a sweep spread, and those next to the best; `None` for a single session or where
/// the objective is undefined everywhere.
fn sentence(points: &[(Label, Row)], objective: Objective) -> Option<String> {
    let value = |(_, row): &(Label, Row)| row.metrics.get(objective.metric);
    let defined: Vec<&(Label, Row)> =
        points.iter().filter(|point| !point.0.axes.is_empty() && value(point).is_some()).collect();
    let best = defined.iter().copied().min_by(|a, b| objective.order(value(a), value(b)))?;
    let spread = |points: &[&(Label, Row)]| {
        let mut values: Vec<f64> = points.iter().filter_map(|point| value(point)).collect();
        values.sort_by(f64::total_cmp);
        let unit = Kind::from(objective.metric.unit()).unit().expect("a metric has a unit");
        let decimals = Some(digits(unit, &values));
        let told = |at: usize| metric(Some(values[at]), unit, decimals);
        let last = values.len() - 1;
        format!("{} to {}, the middle one {}", told(0), told(last), told(last / 2))
    };
    let (name, ranked_by) = (&best.0.session, objective.metric.name());
    let all = counted(defined.len(), "point");
    let mut text = format!("{name}: {all} with a {ranked_by} of {}", spread(&defined));
    let places: Vec<Vec<usize>> = places(&defined);
    let at = defined.iter().position(|point| std::ptr::eq(*point, best))?;
    let is_near = |other: &Vec<usize>| {
        *other != places[at] && other.iter().zip(&places[at]).all(|(a, b)| a.abs_diff(*b) <= 1)
    };
    let near: Vec<&(Label, Row)> =
        defined.iter().zip(&places).filter(|(_, place)| is_near(place)).map(|(p, _)| *p).collect();
    match near.is_empty() {
        true => text += "; the best has no neighbour",
        false => {
            let count = counted(near.len(), "neighbour");
            text += &format!("; the {count} of the best: {}", spread(&near));
        }
    }
    Some(text)
}

/// Where each point stands on each axis: the rank of its value among those of the sweep. Numbers are
/// ranked by size, other values in the order of the plan.
fn places(points: &[&(Label, Row)]) -> Vec<Vec<usize>> {
    let axes = points.iter().map(|(label, _)| label.axes.len()).min().unwrap_or_default();
    let mut places = vec![Vec::with_capacity(axes); points.len()];
    for axis in 0..axes {
        let values: Vec<&Scalar> = points.iter().map(|(label, _)| &label.axes[axis].1).collect();
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
    use crate::metrics::{Metric, Metrics};
    use crate::store::Status;
    use blake3::Hash;

    fn point(fast: f64, kind: &str, sharpe: f64) -> (Label, Row) {
        let axes = vec![
            ("params.fast".into(), Scalar::Number(fast)),
            ("params.kind".into(), Scalar::Text(kind.into())),
        ];
        let label = Label {
            key: format!("grid[fast={fast},kind={kind}]"),
            session: "grid".into(),
            strategy: "s".into(),
            mode: "backtest".into(),
            symbols: ["A".into()].into(),
            from: None,
            to: None,
            axes,
        };
        let mut metrics = Metrics::default();
        metrics.set(Metric::Sharpe, sharpe);
        let row = Row {
            index: 0,
            identity: Hash::from([0; 32]),
            status: Status::Completed,
            error: None,
            kind: None,
            bars: 1,
            metrics,
            parts: None,
            fills: None,
            note: None,
        };
        (label, row)
    }

    #[test]
    fn the_best_is_seen_among_its_neighbours() {
        let mut points = Vec::new();
        for (number, fast) in [5.0, 10.0, 20.0, 40.0].into_iter().enumerate() {
            for (other, kind) in ["z", "a", "m"].into_iter().enumerate() {
                points.push(point(fast, kind, (number * 10 + other) as f64));
            }
        }
        // The best, 32, stands in a corner: 31, 22 and 21 are one step away.
        let told = sentences(&points, Objective::of(Metric::Sharpe));
        insta::assert_snapshot!(told.join("\n"), @"grid: 12 points with a sharpe of 0.00 to 32.00, the middle one 12.00; the 3 neighbours of the best: 21.00 to 31.00, the middle one 22.00");
    }

    #[test]
    fn a_point_by_itself_has_no_neighbour_and_a_session_no_landscape() {
        let alone = [point(5.0, "a", 1.5)];
        let told = sentences(&alone, Objective::of(Metric::Sharpe));
        insta::assert_snapshot!(told.join("\n"), @"grid: 1 point with a sharpe of 1.50 to 1.50, the middle one 1.50; the best has no neighbour");
        let mut named = point(5.0, "a", 1.5);
        named.0.axes.clear();
        assert!(sentences(&[named], Objective::of(Metric::Sharpe)).is_empty());
    }
}
