//! Equity curves above their drawdowns.

use super::axis::{Axis, Scale, date_ticks, greatest};
use super::svg::{Svg, WIDTH};
use super::thin::points;
use super::{STYLES, key, style};
use crate::bars::thin::deepest_fall;
use crate::report::context::{Curve, Unit};
use crate::report::format;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// A session's curve as the charts need it; any record of a session has these fields.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// What it is called.
    pub key: String,
    /// Money at the start; a curve is normalised by it.
    pub capital: f64,
    /// The account by trading day; nothing is drawn without it.
    pub equity: Option<Curve>,
}

/// Equity curves above their drawdowns, on one time axis, with the legend that tells them apart.
///
/// One line is drawn in money with its benchmark; several are divided by their capital, so that all
/// start near 1, and come with a legend. Empty when no line has two days to connect.
pub fn curves(lines: &[Line], title: &str, id: &str) -> String {
    let drawn: Vec<Drawn<'_>> =
        lines.iter().filter_map(|line| Drawn::new(line, lines.len() > 1)).collect();
    let (Some(start), Some(end)) = (
        drawn.iter().map(|line| line.time[0]).min(),
        drawn.iter().map(|line| line.time[line.time.len() - 1]).max(),
    ) else {
        return String::new();
    };
    let single = lines.len() == 1;
    let (top, split, middle, bottom) =
        if single { (22.0, 170.0, 200.0, 300.0) } else { (22.0, 232.0, 262.0, 392.0) };

    let accounts =
        drawn.iter().flat_map(|line| line.equity.iter().chain(line.benchmark.iter().flatten()));
    let equity = Axis::around(accounts.copied(), 4);
    let deepest = drawn.iter().flat_map(|line| &line.drawdown).copied().fold(0.0, f64::max);
    // Never quite flat, or there would be room above zero.
    let drawdown = Axis::around([0.0, deepest.max(1e-4)].into_iter(), 3);
    let panels = Panels {
        time: Scale { low: start as f64, high: end as f64, from: 0.0, to: WIDTH },
        equity: equity.scale(split, top),
        // Zero is the top of this panel: a drawdown hangs from it.
        drawdown: drawdown.scale(middle, bottom),
    };

    let mut svg = Svg::open(bottom + 22.0, title, &describe(&drawn), id);
    svg.label("0", 12.0, "panel", if single { "Equity" } else { "Equity, start = 1" });
    svg.label("0", middle - 10.0, "panel", "Drawdown");
    for tick in &equity.ticks {
        svg.rule(panels.equity.at(*tick), &equity.label(*tick, Unit::Money));
    }
    for tick in &drawdown.ticks {
        svg.rule(panels.drawdown.at(*tick), &drawdown.label(*tick, Unit::Fraction));
    }
    for (index, (day, text)) in date_ticks(start, end).into_iter().enumerate() {
        let x = panels.time.at(day as f64);
        svg.upright(x, index, &[(top, split), (middle, bottom)], &text);
    }
    svg.begin_plot();
    // The first is the best: it is drawn last, on top of the others.
    for (index, line) in drawn.iter().enumerate().rev() {
        panels.draw(&mut svg, line, &style(index), single);
    }
    svg.end_plot();
    if single {
        panels.mark_deepest(&mut svg, &drawn[0]);
    }
    svg.ends(panels.ends(&drawn, single), top, split);
    let mut chart = svg.close();
    if !single {
        legend(&mut chart, &drawn);
    }
    chart
}

/// Where times, accounts and drawdowns are in a chart of curves.
struct Panels {
    time: Scale,
    equity: Scale,
    drawdown: Scale,
}

impl Panels {
    fn draw(&self, svg: &mut Svg, line: &Drawn<'_>, style: &str, filled: bool) {
        // The day that lost the largest fraction of the account, and the day before.
        let worst = deepest_fall(&line.equity);
        let worst = worst.as_ref().map_or(&[][..], |days| days);
        let place: Vec<f64> = line.time.iter().map(|&time| self.time.at(time as f64)).collect();
        if let Some(benchmark) = &line.benchmark {
            svg.polyline("bench", &points(&place, benchmark, self.equity, &[]));
        }
        let under = points(&place, &line.drawdown, self.drawdown, worst);
        if filled {
            // The area's own sides lie outside the plot, which cuts them off.
            let zero = self.drawdown.at(0.0);
            let (first, last) = (line.drawdown[0], line.drawdown[line.drawdown.len() - 1]);
            let (first, last) = (self.drawdown.at(first), self.drawdown.at(last));
            let (left, right) = (-9.0, WIDTH + 9.0);
            svg.polyline(
                &format!("{style} area"),
                &format!(
                    "{left},{zero:.1} {left},{first:.1} {under} {right},{last:.1} {right},{zero:.1}"
                ),
            );
        } else {
            svg.polyline(style, &under);
        }
        svg.polyline(style, &points(&place, &line.equity, self.equity, worst));
    }

    fn mark_deepest(&self, svg: &mut Svg, line: &Drawn<'_>) {
        if let Some(day) = line.deepest() {
            let depth = line.drawdown[day];
            let (x, y) = (self.time.at(line.time[day] as f64), self.drawdown.at(depth));
            svg.mark(x, y, &format::metric(Some(depth), Unit::Fraction, None));
        }
    }

    /// Height, style and name of the lines' ends; a line alone needs its name beside a benchmark.
    fn ends<'a>(&self, drawn: &[Drawn<'a>], single: bool) -> Vec<(f64, String, &'a str)> {
        let at = |values: &[f64]| self.equity.at(values[values.len() - 1]);
        let named = drawn.iter().enumerate().take(STYLES);
        if !single {
            return named.map(|(i, line)| (at(&line.equity), style(i), line.key)).collect();
        }
        let with_benchmark = named.filter_map(|(i, line)| {
            let benchmark = line.benchmark.as_ref()?;
            Some([
                (at(&line.equity), style(i), "equity"),
                (at(benchmark), "bench".to_owned(), "benchmark"),
            ])
        });
        with_benchmark.flatten().collect()
    }
}

/// A curve ready to be drawn: only days with a finite account, divided by the capital if asked.
struct Drawn<'a> {
    key: &'a str,
    time: Vec<i64>,
    equity: Vec<f64>,
    drawdown: Vec<f64>,
    benchmark: Option<Vec<f64>>,
}

impl<'a> Drawn<'a> {
    fn new(line: &'a Line, normalised: bool) -> Option<Self> {
        let curve = line.equity.as_ref()?;
        let by = if normalised { line.capital } else { 1.0 };
        let days: Vec<(i64, f64, f64)> = curve
            .time
            .iter()
            .zip(&curve.equity)
            .zip(&curve.drawdown)
            .map(|((&time, &equity), &drawdown)| (time, equity / by, drawdown))
            .filter(|(_, equity, drawdown)| equity.is_finite() && drawdown.is_finite())
            .collect();
        if days.len() < 2 {
            return None;
        }
        Some(Self {
            key: &line.key,
            time: days.iter().map(|day| day.0).collect(),
            equity: days.iter().map(|day| day.1).collect(),
            drawdown: days.iter().map(|day| day.2).collect(),
            // Many benchmarks would only be clutter; one that has a gap cannot be drawn truly.
            benchmark: curve.benchmark.clone().filter(|values| {
                !normalised
                    && values.len() == days.len()
                    && values.iter().all(|value| value.is_finite())
            }),
        })
    }

    fn last_time(&self) -> i64 {
        self.time[self.time.len() - 1]
    }

    /// The day of the deepest drawdown; `None` without any.
    fn deepest(&self) -> Option<usize> {
        let deepest = greatest(&self.drawdown);
        self.drawdown.iter().position(|drawdown| *drawdown == deepest && deepest > 0.0)
    }
}

/// What the curves show, for whoever cannot see them.
fn describe(drawn: &[Drawn<'_>]) -> String {
    let mut text = String::new();
    for line in drawn.iter().take(STYLES) {
        let unit = Unit::Money;
        let (first, last) = (line.equity[0], line.equity[line.equity.len() - 1]);
        let worst = line.deepest().map(|day| {
            let depth = format::metric(Some(line.drawdown[day]), Unit::Fraction, None);
            format!(", deepest drawdown {depth} on {}", format::date(Some(line.time[day])))
        });
        let _ = write!(
            text,
            "{}: from {} on {} to {} on {}{}. ",
            line.key,
            format::metric(Some(first), unit, None),
            format::date(Some(line.time[0])),
            format::metric(Some(last), unit, None),
            format::date(Some(line.last_time())),
            worst.unwrap_or_default()
        );
    }
    text.trim_end().to_owned()
}

fn legend(chart: &mut String, drawn: &[Drawn<'_>]) {
    chart.push_str("<ul class=\"legend\">");
    for (index, line) in drawn.iter().enumerate().take(STYLES) {
        key(chart, &style(index), line.key);
    }
    if drawn.len() > STYLES {
        key(chart, "rest", &format!("{} more", drawn.len() - STYLES));
    }
    chart.push_str("</ul>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::axis::least;
    use crate::report::chart::svg::LABEL_GAP;
    use proptest::prelude::*;

    const DAY: i64 = 86_400_000_000;

    fn line(key: &str, equity: Vec<f64>) -> Line {
        let mut peak = f64::MIN;
        let drawdown = equity
            .iter()
            .map(|value| {
                peak = peak.max(*value);
                1.0 - value / peak
            })
            .collect();
        let time = (0..equity.len() as i64).map(|day| day * DAY).collect();
        let equity = Some(Curve { time, equity, drawdown, benchmark: None });
        Line { key: key.to_owned(), capital: 100.0, equity }
    }

    fn walk(days: usize) -> Vec<f64> {
        let mut state = 7_u64;
        let mut equity = 100.0;
        (0..days)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                equity *= 1.0 + ((state >> 40) as f64 / (1_u64 << 24) as f64 - 0.49) * 0.03;
                equity
            })
            .collect()
    }

    #[test]
    fn a_chart_has_a_name_a_description_and_no_number_that_is_none() {
        let mut equity = walk(2_000);
        equity[700] = f64::NAN;
        equity[900] = f64::INFINITY;
        let svg = curves(&[line("goog", equity)], "Equity of goog", "goog");
        assert!(svg.contains("role=\"img\" aria-labelledby=\"goog-title goog-desc\""));
        assert!(svg.contains("<title id=\"goog-title\">Equity of goog</title>"));
        assert!(svg.contains("deepest drawdown"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn a_session_of_ten_thousand_days_stays_small() {
        let mut line = line("goog", walk(10_000));
        if let Some(curve) = &mut line.equity {
            curve.benchmark = Some(walk(10_000));
        }
        let bytes = curves(&[line], "Equity", "x").len();
        assert!(bytes < 70_000, "{bytes} bytes");
    }

    #[test]
    fn names_in_a_chart_are_text() {
        let evil = "</text><script>alert(1)</script>\"'&";
        let lines = [line(evil, walk(10)), line("b", walk(12))];
        let svg = curves(&lines, evil, evil);
        assert!(!svg.contains("<script") && !svg.contains("\"'&\""));
        assert!(svg.contains("&lt;script&gt;"));
    }

    #[test]
    fn a_name_at_the_edge_does_not_cover_another() {
        let lines: Vec<Line> = (0..6).map(|i| line(&format!("s{i}"), walk(50))).collect();
        let svg = curves(&lines, "t", "t");
        let mut last = f64::NEG_INFINITY;
        for label in svg.split("<text class=\"end ").skip(1) {
            let y = label.split(" y=\"").nth(1).and_then(|rest| rest.split('"').next());
            let y: f64 = y.and_then(|y| y.parse().ok()).expect("a label has a place");
            assert!(y - last >= LABEL_GAP - 0.11);
            last = y;
        }
        assert!(last.is_finite());
    }

    #[test]
    fn nothing_to_draw_is_an_empty_text() {
        assert_eq!(curves(&[], "t", "t"), "");
        assert_eq!(curves(&[line("a", vec![1.0])], "t", "t"), "");
    }

    /// The points of the lines of this class.
    fn drawn(svg: &str, class: &str) -> Vec<Vec<(f64, f64)>> {
        let opening = format!("<polyline class=\"{class}\" points=\"");
        let lines = svg.split(&opening).skip(1);
        let point = |text: &str| {
            let (x, y) = text.split_once(',').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        };
        lines.map(|line| line.split('"').next().unwrap().split(' ').map(point).collect()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_curve_is_drawn_with_its_ends_its_extremes_and_its_worst_day(
            steps in prop::collection::vec(-0.03..0.03_f64, 2_000..4_000),
            (day, crash) in (1..1_999_usize, -0.5..-0.04_f64),
        ) {
            let mut now = 100.0;
            let mut equity: Vec<f64> = Vec::new();
            for (at, step) in steps.into_iter().enumerate() {
                now *= 1.0 + if at == day { crash } else { step };
                equity.push(now);
            }
            let svg = curves(&[line("a", equity.clone())], "t", "t");
            let account = drawn(&svg, "s0").pop().unwrap();
            prop_assert!(account.len() < equity.len());
            // Between the heights of the least and the greatest value the picture is straight.
            let heights = || account.iter().map(|point| point.1);
            let (top, bottom) = (heights().fold(f64::MAX, f64::min), heights().fold(0.0, f64::max));
            let (low, high) = (least(&equity), greatest(&equity));
            let place = |at: usize| {
                let x = at as f64 / (equity.len() - 1) as f64 * 1_000.0;
                (x, bottom - (equity[at] - low) / (high - low) * (bottom - top))
            };
            let worst = deepest_fall(&equity).unwrap();
            prop_assert_eq!(worst, [day - 1, day]);
            for at in [0, equity.len() - 1, worst[0], worst[1]] {
                let (x, y) = place(at);
                let is_near = |point: &&(f64, f64)| (point.0 - x).abs() <= 0.51 && (point.1 - y).abs() <= 0.2;
                prop_assert!(account.iter().find(is_near).is_some(), "day {at} at {x}, {y}");
            }
        }
    }
}
