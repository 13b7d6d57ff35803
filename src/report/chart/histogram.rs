//! How often each size of a value occurred.

use super::axis::Axis;
use super::svg::{Svg, WIDTH};
use crate::report::context::{Goal, Unit};
use crate::report::format;

/// How often each size of a value occurred, with the median marked, and the best where there is a goal.
///
/// `values` that are not finite are left out; empty when none remains.
pub fn histogram(values: &[f64], unit: Unit, goal: Option<Goal>, title: &str, id: &str) -> String {
    let mut values: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let (Some(&low), Some(&high)) = (values.first(), values.last()) else { return String::new() };
    let best = goal.map(|goal| if goal == Goal::Maximize { high } else { low });
    let median = median(&values);

    // About twice the square root of the number of values, as bins with round edges.
    let axis = Axis::around([low, high].into_iter(), (2 * values.len().isqrt()).clamp(4, 40));
    let bins = axis.ticks.len() - 1;
    let mut counts = vec![0_usize; bins];
    for value in &values {
        let share = (value - axis.low()) / (axis.high() - axis.low());
        counts[((share * bins as f64) as usize).min(bins - 1)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let (top, bottom, height) = (30.0, 150.0, 174.0);
    let heights = Axis::around([0.0, most.max(1) as f64].into_iter(), 3);
    let (x, y) = (axis.scale(0.0, WIDTH), heights.scale(bottom, top));

    let shown = |value| format::metric(Some(value), unit, None);
    let description = format!(
        "{} values from {} to {}; median {}{}",
        values.len(),
        shown(low),
        shown(high),
        shown(median),
        best.map(|best| format!(", best {}", shown(best))).unwrap_or_default()
    );
    let mut svg = Svg::open(height, title, &description, id);
    svg.label("0", 12.0, "panel", "Count");
    for tick in heights.marks(Unit::Count) {
        svg.rule(y.at(tick), &heights.label(tick, Unit::Count));
    }
    let round = Axis::around([low, high].into_iter(), 6);
    let inside = |tick: &f64| (axis.low()..=axis.high()).contains(tick);
    for (index, tick) in round.marks(unit).filter(inside).enumerate() {
        svg.upright(x.at(tick), index, &[(bottom, bottom + 4.0)], &round.label(tick, unit));
    }
    svg.begin_plot();
    for (bin, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (left, right) = (x.at(axis.ticks[bin]), x.at(axis.ticks[bin + 1]));
        let top = y.at(count as f64);
        svg.rectangle("bar", left + 1.5, top, right - left - 3.0, bottom - top);
    }
    svg.end_plot();
    svg.pointer(x.at(median), top, bottom, "median", &format!("median {}", shown(median)), 26.0);
    if let Some(best) = best {
        svg.pointer(x.at(best), top, bottom, "best", &format!("★ best {}", shown(best)), 12.0);
    }
    svg.close()
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        sorted[middle - 1] / 2.0 + sorted[middle] / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_finite_value_there_is_none() {
        assert_eq!(histogram(&[f64::NAN], Unit::Ratio, Some(Goal::Maximize), "t", "t"), "");
    }

    #[test]
    fn the_bars_of_a_histogram_hold_every_value() {
        let values = [0.1, 0.1, 0.2, 0.3, 0.9, -0.4];
        let svg = histogram(&values, Unit::Ratio, Some(Goal::Maximize), "Sharpe", "h");
        assert!(svg.contains("6 values from −0.40 to 0.90; median 0.15, best 0.90"));
        assert!(svg.contains("★ best 0.90"));
        let flat = histogram(&[2.0; 9], Unit::Ratio, Some(Goal::Minimize), "Sharpe", "h");
        assert!(flat.contains("best 2.00") && !flat.contains("NaN"));
    }
}
