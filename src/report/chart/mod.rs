//! Charts as inline SVG: equity curves with their drawdowns, the spread of a sweep, a sparkline.
//!
//! The drawing stretches with the page while its text does not: shapes live in an inner `<svg>`
//! whose 1,000 units span whatever width there is, labels in the outer one at percentages of it.
//! Colours, dash patterns and margins are the style sheet's; a series is told from its neighbours
//! by its dashes and its label as well as by its colour. A curve is thinned to what a screen can
//! show, and never loses its ends, its extremes or its worst day.

use std::collections::BTreeSet;
use std::fmt::Write;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use super::context::{Curve, Goal, Unit};
use super::format;

pub mod panel;
pub mod prices;

/// Width of the drawing in its own units.
const WIDTH: f64 = 1_000.0;
/// Width of what a curve is thinned to, in the same units: about a pixel on a wide screen.
const COLUMN: f64 = 1.25;
/// Series with a colour and dashes of their own; further ones are thin and grey.
const STYLES: usize = 6;
/// Least distance between two labels at the right edge, in pixels.
const LABEL_GAP: f64 = 14.0;
/// Longest name at the right edge; the legend has the whole of it.
const LABEL_LENGTH: usize = 16;

/// A session's curve as the charts need it; any record of a session has these fields.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    for tick in heights.ticks.iter().filter(|tick| tick.fract() == 0.0) {
        svg.rule(y.at(*tick), &heights.label(*tick, Unit::Count));
    }
    let round = Axis::around([low, high].into_iter(), 6);
    let inside = |tick: &&f64| (axis.low()..=axis.high()).contains(*tick);
    for (index, tick) in round.ticks.iter().filter(inside).enumerate() {
        svg.upright(x.at(*tick), index, &[(bottom, bottom + 4.0)], &round.label(*tick, unit));
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

/// A line without axes for a table's cell; empty when there are not two finite values.
///
/// It is hidden from readers who hear the page: the numbers beside it say the same.
pub fn spark(values: &[f64]) -> String {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if finite.len() < 2 {
        return String::new();
    }
    let step = 96.0 / (values.len() - 1) as f64;
    let place: Vec<f64> = (0..values.len()).map(|index| index as f64 * step).collect();
    let y = Scale { low: least(&finite), high: greatest(&finite), from: 20.0, to: 2.0 };
    format!(
        "<svg class=\"spark\" viewBox=\"0 0 96 22\" aria-hidden=\"true\" focusable=\"false\">\
         <polyline points=\"{}\"/></svg>",
        points(&place, values, y, None)
    )
}

/// Where times, accounts and drawdowns are in a chart of curves.
struct Panels {
    time: Scale,
    equity: Scale,
    drawdown: Scale,
}

impl Panels {
    fn draw(&self, svg: &mut Svg, line: &Drawn<'_>, style: &str, filled: bool) {
        let worst = line.worst_day();
        let place: Vec<f64> = line.time.iter().map(|&time| self.time.at(time as f64)).collect();
        if let Some(benchmark) = &line.benchmark {
            svg.polyline("bench", &points(&place, benchmark, self.equity, None));
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

    /// The day that lost the largest fraction of the account; `None` when no day lost anything.
    fn worst_day(&self) -> Option<usize> {
        let change = |day: usize| self.equity[day] / self.equity[day - 1] - 1.0;
        (1..self.equity.len())
            .filter(|&day| self.equity[day - 1] > 0.0 && change(day) < 0.0)
            .min_by(|&a, &b| change(a).total_cmp(&change(b)))
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
        let _ = write!(
            chart,
            "<li><svg width=\"34\" height=\"10\" aria-hidden=\"true\" focusable=\"false\">\
             <polyline class=\"{}\" points=\"0,5 34,5\"/></svg>{}</li>",
            style(index),
            format::html(line.key)
        );
    }
    if drawn.len() > STYLES {
        let _ = write!(
            chart,
            "<li><svg width=\"34\" height=\"10\" aria-hidden=\"true\" focusable=\"false\">\
             <polyline class=\"rest\" points=\"0,5 34,5\"/></svg>{} more</li>",
            drawn.len() - STYLES
        );
    }
    chart.push_str("</ul>");
}

fn style(index: usize) -> String {
    if index < STYLES { format!("s{index}") } else { "rest".to_owned() }
}

/// The points of a polyline: `values` at `place`, thinned; `worst` is the worst day, if any.
fn points(place: &[f64], values: &[f64], y: Scale, worst: Option<usize>) -> String {
    let mut text = String::new();
    for index in thin(place, values, worst) {
        if !text.is_empty() {
            text.push(' ');
        }
        let _ = write!(text, "{:.0},{}", place[index], short(y.at(values[index])));
    }
    text
}

/// The indices of `values` worth drawing, ascending: of each column of `place` the least and the
/// greatest value, and always both ends, and the `worst` day with the day before it.
///
/// The extremes of all values are extremes of their columns, so they stay too. What is not finite
/// is left out, and the line runs on to the next value.
fn thin(place: &[f64], values: &[f64], worst: Option<usize>) -> BTreeSet<usize> {
    let finite: Vec<usize> = (0..values.len()).filter(|&index| values[index].is_finite()).collect();
    let mut kept = BTreeSet::new();
    kept.extend(finite.first());
    kept.extend(finite.last());
    kept.extend(worst.into_iter().flat_map(|day| [day - 1, day]));
    let column = |index: usize| (place[index] / COLUMN).floor();
    for column in finite.chunk_by(|&a, &b| column(a) == column(b)) {
        kept.extend(column.iter().min_by(|&&a, &&b| values[a].total_cmp(&values[b])));
        kept.extend(column.iter().max_by(|&&a, &&b| values[a].total_cmp(&values[b])));
    }
    kept
}

/// A straight mapping from values to the drawing.
#[derive(Debug, Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    fn at(self, value: f64) -> f64 {
        // Halved before they are subtracted: the range itself may not be finite.
        let share = (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.5 };
        self.from + share * (self.to - self.from)
    }
}

/// Round values that enclose what is to be drawn.
struct Axis {
    /// At least two, ascending, evenly spaced.
    ticks: Vec<f64>,
    /// Their distance: 1, 2 or 5 times a power of ten.
    step: f64,
}

impl Axis {
    /// An axis around `values` with about `intervals` intervals; around 0 to 1 without a value.
    fn around(values: impl Iterator<Item = f64>, intervals: usize) -> Self {
        // Beyond this a step times a count might overflow; no account comes near it.
        let values: Vec<f64> = values
            .filter(|value| value.is_finite())
            .map(|value| value.clamp(-1e300, 1e300))
            .collect();
        let (mut low, mut high) = (least(&values), greatest(&values));
        if values.is_empty() {
            (low, high) = (0.0, 1.0);
        }
        // A flat line gets room on both sides; so does a range that its own size swallows.
        let size = low.abs().max(high.abs());
        if high - low <= size * 1e-9 {
            let room = if size > 0.0 { size * 0.05 } else { 1.0 };
            (low, high) = (low - room, high + room);
        }
        let step = round_step((high - low) / intervals.max(1) as f64);
        let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
        Self {
            ticks: (first..=last.max(first + 1)).map(|count| count as f64 * step).collect(),
            step,
        }
    }

    fn low(&self) -> f64 {
        self.ticks[0]
    }

    fn high(&self) -> f64 {
        self.ticks[self.ticks.len() - 1]
    }

    fn scale(&self, from: f64, to: f64) -> Scale {
        Scale { low: self.low(), high: self.high(), from, to }
    }

    /// A tick with as many decimals as the step needs; large ones in thousands or millions.
    fn label(&self, tick: f64, unit: Unit) -> String {
        let (by, suffix) = match (unit, self.low().abs().max(self.high())) {
            (Unit::Money, _) if tick == 0.0 => return "0".to_owned(),
            (Unit::Fraction, _) => (0.01, " %"),
            (Unit::Days, _) => (1.0, " d"),
            (Unit::Money, large) if large >= 2e6 => (1e6, "M"),
            (Unit::Money, large) if large >= 2e4 => (1e3, "k"),
            _ => (1.0, ""),
        };
        // The step is a hair off its power of ten: 0.1 * 3 / 0.01 must not ask for a decimal.
        let decimals = -format::exponent(self.step / by * (1.0 + 1e-9));
        format::decimal(tick / by, decimals.clamp(0, 9) as usize) + suffix
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is at least `least`.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powi(format::exponent(least));
    let rounds = [1.0, 2.0, 5.0].into_iter().map(|digit| digit * power);
    rounds.into_iter().find(|step| *step >= least * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// First days of years, quarters, months, or days between two times, at most about eight of them.
fn date_ticks(start: i64, end: i64) -> Vec<(i64, String)> {
    let (Some(first), Some(last)) = (format::moment(Some(start)), format::moment(Some(end))) else {
        return Vec::new();
    };
    let (first, last) = (first.date(), last.date());
    let days = (last - first).num_days();
    let micros = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros();
    let months = match days {
        ..60 => 0,
        60..240 => 1,
        240..730 => 3,
        // Whole years; as many together as keeps eight ticks.
        _ => 12 * round_step((days as f64 / 365.25 / 8.0).max(1.0)) as i32,
    };
    let form = if months == 0 {
        "%Y-%m-%d"
    } else if months < 12 {
        "%Y-%m"
    } else {
        "%Y"
    };
    let mut ticks = Vec::new();
    if months == 0 {
        let step = (days / 6).max(1) as usize;
        ticks.extend(first.iter_days().take_while(|day| *day <= last).step_by(step));
    } else {
        let count = first.year() * 12 + first.month0() as i32;
        let mut month = count.div_euclid(months) * months;
        while let Some(day) =
            NaiveDate::from_ymd_opt(month.div_euclid(12), month.rem_euclid(12) as u32 + 1, 1)
            && day <= last
        {
            ticks.extend((day >= first).then_some(day));
            month += months;
        }
    }
    ticks
        .into_iter()
        .map(|day| (micros(day).max(start), day.format(form).to_string()))
        .filter(|(micros, _)| *micros <= end)
        .collect()
}

/// The SVG being written: labels outside the plot, shapes inside.
struct Svg {
    text: String,
    height: f64,
}

impl Svg {
    fn open(height: f64, title: &str, description: &str, id: &str) -> Self {
        let id: String = id.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        let text = format!(
            "<svg class=\"chart\" height=\"{height:.0}\" role=\"img\" \
             aria-labelledby=\"{id}-title {id}-desc\">\
             <title id=\"{id}-title\">{}</title><desc id=\"{id}-desc\">{}</desc>",
            format::html(title),
            format::html(description)
        );
        Self { text, height }
    }

    fn close(mut self) -> String {
        self.text.push_str("</svg>");
        self.text
    }

    /// Text at a percentage or pixel `x`.
    fn label(&mut self, x: &str, y: f64, class: &str, text: &str) {
        let text = format::html(text);
        let _ = write!(self.text, "<text class=\"{class}\" x=\"{x}\" y=\"{y:.1}\">{text}</text>");
    }

    /// A horizontal rule across the plot with its value in the left margin.
    fn rule(&mut self, y: f64, text: &str) {
        let _ = write!(
            self.text,
            "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
        );
        self.label("-8", y + 4.0, "tick left", text);
    }

    /// A vertical tick through `panels` with its text below; every second gives way on a phone.
    fn upright(&mut self, x: f64, index: usize, panels: &[(f64, f64)], text: &str) {
        self.upright_at(x, index, panels, text, self.height - 4.0);
    }

    /// The same with its text at `label`.
    fn upright_at(&mut self, x: f64, index: usize, panels: &[(f64, f64)], text: &str, label: f64) {
        let x = percent(x);
        let class = if index % 2 == 1 { " odd" } else { "" };
        for (top, bottom) in panels {
            let _ = write!(
                self.text,
                "<line class=\"grid{class}\" x1=\"{x}\" x2=\"{x}\" \
                 y1=\"{top:.1}\" y2=\"{bottom:.1}\"/>"
            );
        }
        self.label(&x, label, &format!("tick below{class}"), text);
    }

    fn begin_plot(&mut self) {
        let _ = write!(
            self.text,
            "<svg width=\"100%\" height=\"{0:.0}\" viewBox=\"0 0 {WIDTH:.0} {0:.0}\" \
             preserveAspectRatio=\"none\">",
            self.height
        );
    }

    fn end_plot(&mut self) {
        self.text.push_str("</svg>");
    }

    fn polyline(&mut self, class: &str, points: &str) {
        let _ = write!(self.text, "<polyline class=\"{class}\" points=\"{points}\"/>");
    }

    fn rectangle(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        let _ = write!(
            self.text,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" \
             width=\"{:.1}\" height=\"{height:.1}\"/>",
            width.max(1.0)
        );
    }

    /// A dot that keeps its shape however wide the page is.
    fn dot(&mut self, class: &str, x: f64, y: f64) {
        let at = percent(x);
        let _ = write!(self.text, "<circle class=\"{class}\" cx=\"{at}\" cy=\"{y:.1}\" r=\"3\"/>");
    }

    /// A dot with its value below it.
    fn mark(&mut self, x: f64, y: f64, text: &str) {
        let (at, side) = (percent(x), side(x));
        let _ = write!(self.text, "<circle class=\"s0\" cx=\"{at}\" cy=\"{y:.1}\" r=\"3\"/>");
        let dx = if side == "end" { -7 } else { 7 };
        let _ = write!(
            self.text,
            "<text class=\"mark\" x=\"{at}\" y=\"{:.1}\" dx=\"{dx}\" \
             text-anchor=\"{side}\">{}</text>",
            y + 4.0,
            format::html(text)
        );
    }

    /// A vertical line from its text at `label` down to `bottom`.
    fn pointer(&mut self, x: f64, top: f64, bottom: f64, class: &str, text: &str, label: f64) {
        let (at, side) = (percent(x), side(x));
        let from = label.min(top) - 10.0;
        let dx = if side == "end" { -5 } else { 5 };
        let _ = write!(
            self.text,
            "<line class=\"{class}\" x1=\"{at}\" x2=\"{at}\" y1=\"{from:.1}\" y2=\"{bottom:.1}\"/>\
             <text class=\"mark {class}\" x=\"{at}\" y=\"{label:.1}\" dx=\"{dx}\" \
             text-anchor=\"{side}\">{}</text>",
            format::html(text)
        );
    }

    /// Names in the right margin, each as near to the end of its line as its neighbours allow.
    fn ends(&mut self, mut ends: Vec<(f64, String, &str)>, top: f64, bottom: f64) {
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut next = top;
        for end in &mut ends {
            end.0 = end.0.max(next);
            next = end.0 + LABEL_GAP;
        }
        // What was pushed below the panel pushes back from there.
        let mut limit = bottom;
        for end in ends.iter_mut().rev() {
            end.0 = end.0.min(limit);
            limit = end.0 - LABEL_GAP;
        }
        for (y, class, name) in ends {
            let mut shown: String = name.chars().take(LABEL_LENGTH).collect();
            if name.chars().count() > LABEL_LENGTH {
                shown.pop();
                shown.push('…');
            }
            let _ = write!(
                self.text,
                "<text class=\"end {class}\" x=\"100%\" dx=\"8\" y=\"{:.1}\">{}</text>",
                y + 4.0,
                format::html(&shown)
            );
        }
    }
}

/// Text grows to the left near the right edge.
fn side(x: f64) -> &'static str {
    if x > WIDTH * 0.6 { "end" } else { "start" }
}

fn percent(x: f64) -> String {
    format!("{}%", short(x / WIDTH * 100.0))
}

/// One decimal, or none where it is zero: coordinates are most of a chart's bytes.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        sorted[middle - 1] / 2.0 + sorted[middle] / 2.0
    }
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn thinning_keeps_the_ends_the_extremes_and_the_worst_day() {
        let mut values = walk(50_000);
        // The worst day, the second of these, is neither the low nor the high of its column.
        for (day, factor) in [(20_001, 1.20), (20_002, 0.90), (20_003, 0.85), (20_004, 0.70)] {
            values[day] = values[20_000] * factor;
        }
        let place: Vec<f64> = (0..values.len()).map(|i| i as f64 / 50.0).collect();
        let line = line("x", values.clone());
        let worst = Drawn::new(&line, false).and_then(|drawn| drawn.worst_day());
        assert_eq!(worst, Some(20_002));
        let kept = thin(&place, &values, worst);
        assert!(!thin(&place, &values, None).contains(&20_002));
        for index in [0, values.len() - 1, 20_001, 20_002] {
            assert!(kept.contains(&index));
        }
        assert!(kept.iter().any(|&index| values[index] == least(&values)));
        assert!(kept.iter().any(|&index| values[index] == greatest(&values)));
        assert!(kept.len() <= 2 * 800 + 4);
    }

    #[test]
    fn thinning_passes_over_what_is_not_finite() {
        let values = [1.0, f64::NAN, f64::INFINITY, 2.0];
        assert_eq!(thin(&[0.0, 1.0, 2.0, 3.0], &values, None), [0, 3].into());
        assert_eq!(thin(&[], &[], None), [].into());
    }

    #[test]
    fn a_curve_that_never_falls_has_no_worst_day() {
        let line = line("x", vec![1.0, 1.0, 2.0]);
        assert_eq!(Drawn::new(&line, false).and_then(|drawn| drawn.worst_day()), None);
    }

    #[test]
    fn ticks_are_round_and_enclose_the_values() {
        let axis = Axis::around([9_870.0, 23_410.0].into_iter(), 4);
        assert_eq!(axis.ticks, [5_000.0, 10_000.0, 15_000.0, 20_000.0, 25_000.0]);
        assert_eq!(axis.label(15_000.0, Unit::Money), "15k");
        let axis = Axis::around([0.0, 0.234].into_iter(), 3);
        let labels: Vec<String> =
            axis.ticks.iter().map(|t| axis.label(*t, Unit::Fraction)).collect();
        assert_eq!(labels, ["0 %", "10 %", "20 %", "30 %"]);
    }

    #[test]
    fn ticks_exist_for_flat_tiny_and_enormous_ranges() {
        for (low, high) in
            [(0.0, 0.0), (5.0, 5.0), (1e-12, 2e-12), (-1e308, 1e308), (1e9, 1e9 + 1e-9)]
        {
            let axis = Axis::around([low, high].into_iter(), 4);
            assert!((2..=14).contains(&axis.ticks.len()), "{low} to {high}: {:?}", axis.ticks);
            assert!(axis.ticks.iter().all(|tick| tick.is_finite()));
        }
    }

    #[test]
    fn date_ticks_are_first_days_and_few() {
        for days in [1, 5, 40, 100, 300, 700, 800, 3_000, 12_000, 40_000] {
            let ticks = date_ticks(10_000 * DAY, (10_000 + days) * DAY);
            assert!(!ticks.is_empty() && ticks.len() <= 10, "{days} days: {ticks:?}");
            assert!(ticks.is_sorted());
        }
        let years = date_ticks(12_650 * DAY, 15_765 * DAY);
        assert_eq!(years.first().map(|tick| tick.1.as_str()), Some("2006"));
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
        assert_eq!(histogram(&[f64::NAN], Unit::Ratio, Some(Goal::Maximize), "t", "t"), "");
        assert_eq!(spark(&[1.0]), "");
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
