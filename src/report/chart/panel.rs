//! Small charts of a session's page: series over time, bars, clouds of points.

use super::axis::{Axis, Scale, date_ticks, greatest};
use super::style;
use super::svg::{Svg, WIDTH};
use super::thin::points;
use crate::report::context::{Unit, gaps};
use crate::report::format;
use serde::Deserialize;

/// Height of a panel, and of the room above it for its title.
const PANEL: f64 = 110.0;
const ABOVE: f64 = 32.0;
/// How many labels fit under bars.
const LABELS: usize = 14;

/// A series over time with a panel of its own.
#[derive(Debug, Clone, Deserialize)]
pub struct Panel {
    /// What it shows.
    pub title: String,
    /// How its values are written.
    pub unit: Unit,
    /// One value a time; what is not finite leaves a gap.
    #[serde(with = "gaps")]
    pub values: Vec<f64>,
}

/// Series below each other on one time axis (microseconds, ascending); empty without two times.
pub fn series(time: &[i64], panels: &[Panel], title: &str, id: &str) -> String {
    let ([start, .., end], false) = (time, panels.is_empty()) else { return String::new() };
    let across = Scale { low: *start as f64, high: *end as f64, from: 0.0, to: WIDTH };
    let place: Vec<f64> = time.iter().map(|&time| across.at(time as f64)).collect();
    let height = panels.len() as f64 * (PANEL + ABOVE) + 22.0;
    let mut svg = Svg::open(height, title, &describe(panels), id);
    let mut spans = Vec::new();
    let mut lines = Vec::new();
    for (index, panel) in panels.iter().enumerate() {
        let top = ABOVE + index as f64 * (PANEL + ABOVE);
        let bottom = top + PANEL;
        let axis = Axis::around(panel.values.iter().copied(), 3);
        let scale = axis.scale(bottom, top);
        svg.label("0", top - 12.0, "panel", &panel.title);
        for tick in axis.marks(panel.unit) {
            svg.rule(scale.at(tick), &axis.label(tick, panel.unit));
        }
        spans.push((top, bottom));
        lines.push((style(index), points(&place, &panel.values, scale, &[])));
    }
    for (index, (day, text)) in date_ticks(*start, *end).into_iter().enumerate() {
        svg.upright(across.at(day as f64), index, &spans, &text);
    }
    svg.begin_plot();
    for (class, points) in lines {
        svg.polyline(&class, &points);
    }
    svg.end_plot();
    svg.close()
}

fn describe(panels: &[Panel]) -> String {
    let one = |panel: &Panel| {
        let finite: Vec<f64> = panel.values.iter().copied().filter(|v| v.is_finite()).collect();
        let shown = |value: Option<f64>| format::metric(value, panel.unit, None);
        let range = match finite.is_empty() {
            true => "nothing".to_owned(),
            false => format!(
                "from {} to {}, last {}",
                shown(finite.iter().copied().reduce(f64::min)),
                shown(Some(greatest(&finite))),
                shown(finite.last().copied()),
            ),
        };
        format!("{}: {range}", panel.title)
    };
    panels.iter().map(one).collect::<Vec<_>>().join(". ")
}

/// One bar a label, up or down from zero; empty without a label.
pub fn bars(labels: &[String], values: &[f64], unit: Unit, title: &str, id: &str) -> String {
    if labels.is_empty() || values.len() != labels.len() {
        return String::new();
    }
    let (top, bottom) = (14.0, 14.0 + PANEL);
    let axis = Axis::around(values.iter().copied().chain([0.0]), 4);
    let y = axis.scale(bottom, top);
    let shown = |value: f64| format::metric(Some(value), unit, None);
    let told =
        labels.iter().zip(values).map(|(label, value)| format!("{label}: {}", shown(*value)));
    let mut svg = Svg::open(bottom + 22.0, title, &told.collect::<Vec<_>>().join(", "), id);
    for tick in axis.marks(unit) {
        svg.rule(y.at(tick), &axis.label(tick, unit));
    }
    let width = WIDTH / labels.len() as f64;
    let step = labels.len().div_ceil(LABELS);
    for (index, label) in labels.iter().enumerate().step_by(step) {
        svg.upright((index as f64 + 0.5) * width, index / step, &[], label);
    }
    svg.begin_plot();
    for (index, &value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        let (from, to) = (y.at(value.max(0.0)), y.at(value.min(0.0)));
        let class = if value < 0.0 { "bar down" } else { "bar" };
        svg.rectangle(class, (index as f64 + 0.15) * width, from, width * 0.7, to - from);
    }
    svg.end_plot();
    svg.close()
}

/// A cloud of `(x, y, filled)`: filled and hollow dots, so that colour is not all that tells them
/// apart. Empty without a point.
pub fn scatter(cloud: &[(f64, f64, bool)], words: [&str; 2], unit: Unit, id: &str) -> String {
    let cloud: Vec<_> = cloud.iter().filter(|(x, y, _)| x.is_finite() && y.is_finite()).collect();
    if cloud.is_empty() {
        return String::new();
    }
    let (top, bottom) = (30.0, 230.0);
    let across = Axis::around(cloud.iter().map(|point| point.0).chain([0.0]), 5);
    let up = Axis::around(cloud.iter().map(|point| point.1).chain([0.0]), 4);
    let (x, y) = (across.scale(0.0, WIDTH), up.scale(bottom, top));
    let title = format!("{} against {}", words[1], words[0]);
    let filled = cloud.iter().filter(|point| point.2).count();
    let told = format!("{} points, {filled} of them filled", cloud.len());
    let mut svg = Svg::open(bottom + 40.0, &title, &told, id);
    svg.label("0", 14.0, "panel", words[1]);
    for tick in &up.ticks {
        svg.rule(y.at(*tick), &up.label(*tick, unit));
    }
    for (index, tick) in across.ticks.iter().enumerate() {
        svg.upright_at(
            x.at(*tick),
            index,
            &[(top, bottom)],
            &across.label(*tick, unit),
            bottom + 16.0,
        );
    }
    svg.label("0", bottom + 34.0, "panel", words[0]);
    for (px, py, filled) in cloud {
        let class = if *filled { "dot" } else { "dot hollow" };
        svg.dot(class, x.at(*px), y.at(*py));
    }
    svg.close()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn finite(svg: &str) -> bool {
        !svg.contains("NaN") && !svg.contains("inf")
    }

    #[test]
    fn a_series_with_gaps_is_drawn_and_described() {
        let time: Vec<i64> = (0..400).map(|day| day * DAY).collect();
        let values: Vec<f64> =
            (0..400).map(|day| if day % 50 == 0 { f64::NAN } else { f64::from(day) }).collect();
        let panel = Panel { title: "Sharpe".into(), unit: Unit::Ratio, values };
        let svg = series(&time, &[panel.clone(), panel], "Rolling", "r");
        assert!(finite(&svg) && svg.contains("Sharpe: from 1.00 to 399.00, last 399.00"));
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert_eq!(series(&time[..1], &[], "Rolling", "r"), "");
    }

    #[test]
    fn bars_hang_from_zero() {
        let labels = ["2013".to_owned(), "2014".to_owned()];
        let svg = bars(&labels, &[10.0, -5.0], Unit::Money, "Profit", "p");
        assert!(finite(&svg) && svg.contains("2013: 10") && svg.contains("bar down"));
        let heights: Vec<f64> = svg
            .split("<rect ")
            .skip(1)
            .map(|bar| {
                let height = bar.split(" height=\"").nth(1).unwrap();
                height.split('"').next().unwrap().parse().unwrap()
            })
            .collect();
        assert!((heights[0] / heights[1] - 2.0).abs() < 0.02, "{heights:?}");
        assert_eq!(bars(&[], &[], Unit::Money, "Profit", "p"), "");
    }

    #[test]
    fn a_cloud_tells_its_two_kinds_apart_without_colour() {
        let svg = scatter(
            &[(0.01, 0.02, true), (0.03, 0.01, false), (f64::NAN, 1.0, true)],
            ["MAE", "MFE"],
            Unit::Fraction,
            "c",
        );
        assert!(finite(&svg) && svg.contains("2 points, 1 of them filled"));
        assert_eq!(svg.matches("dot hollow").count(), 1);
    }
}
