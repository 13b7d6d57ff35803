//! A symbol's prices with what was done there: entries, exits, stops, targets, and the lets that the
//! strategy plots.
//!
//! A let whose values lie where prices do stands among them; any other, an oscillator or a truth
//! value, has a panel of its own below, for on the axis of prices it would be a flat line.

use super::axis::{Axis, Scale, date_ticks};
use super::svg::{Svg, WIDTH, percent, short};
use super::thin::points;
use super::{STYLES, key, style};
use crate::bars::thin::deepest_fall;
use crate::report::context::{Plotted, Prices, TradeRow, Unit};
use crate::report::format;
use std::fmt::Write;
use std::ops::RangeInclusive;

/// How many trades are marked.
const MARKED: usize = 400;
/// Height of the panel of a let that is no price, and of the room above it for its name.
const PANEL: f64 = 70.0;
const ABOVE: f64 = 32.0;

/// Closes between highs and lows, the lets that are plotted, and the trades: ▲ and ▼ where a long or
/// short position began, a line to where it ended (dashed if it lost), × where a stop ended it and ◦
/// where a target did, and thin lines at its stop and target while it lasted.
pub fn prices(prices: &Prices, trades: &[TradeRow], id: &str) -> String {
    let [start, .., end] = prices.time[..] else { return String::new() };
    let across = Scale { low: start as f64, high: end as f64, from: 0.0, to: WIDTH };
    let place: Vec<f64> = prices.time.iter().map(|&time| across.at(time as f64)).collect();
    let (top, bottom) = (24.0, 324.0);
    let (among, below): (Vec<&Plotted>, Vec<&Plotted>) =
        prices.lets.iter().partition(|plotted| is_a_price(plotted, prices));
    let drawn = prices.low.iter().chain(&prices.high);
    let drawn = drawn.chain(&prices.trailing);
    let drawn = drawn.chain(among.iter().flat_map(|plotted| &plotted.values)).copied();
    let axis = Axis::around(drawn.filter(|price| price.is_finite()), 5);
    let y = axis.scale(bottom, top);
    let of_symbol = trades.iter().filter(|trade| trade.symbol == prices.symbol);
    let count = of_symbol.clone().count();
    let marked: Vec<&TradeRow> = of_symbol.take(MARKED).collect();
    let told = format!(
        "{} from {} to {}, with {}{} trades",
        prices.symbol,
        format::date(Some(start)),
        format::date(Some(end)),
        if marked.len() < count {
            format!("the first {} of ", marked.len())
        } else {
            String::new()
        },
        count
    );
    let height = bottom + below.len() as f64 * (PANEL + ABOVE) + 22.0;
    let mut svg = Svg::open(height, &format!("Prices and trades of {}", prices.symbol), &told, id);
    svg.label("0", 12.0, "panel", &prices.symbol);
    for tick in &axis.ticks {
        svg.rule(y.at(*tick), &axis.label(*tick, Unit::Ratio));
    }
    let mut spans = vec![(top, bottom)];
    let mut panels = Vec::new();
    for plotted in &below {
        let from = spans[spans.len() - 1].1 + ABOVE;
        let axis = Axis::around(plotted.values.iter().copied(), 2);
        let scale = axis.scale(from + PANEL, from);
        svg.label("0", from - 12.0, "panel", &plotted.name);
        for tick in &axis.ticks {
            svg.rule(scale.at(*tick), &axis.label(*tick, Unit::Ratio));
        }
        spans.push((from, from + PANEL));
        panels.push(points(&place, &plotted.values, scale, &[]));
    }
    for (index, (day, text)) in date_ticks(start, end).into_iter().enumerate() {
        svg.upright(across.at(day as f64), index, &spans, &text);
    }
    svg.begin_plot();
    let highs = points(&place, &prices.high, y, &[]);
    let lows = points(&place, &prices.low, y, &[]);
    let back = lows.rsplit(' ').collect::<Vec<_>>().join(" ");
    svg.polyline("band", &format!("{highs} {back}"));
    let worst = deepest_fall(&prices.close);
    let worst = worst.as_ref().map_or(&[][..], |bars| bars);
    svg.polyline("s0", &points(&place, &prices.close, y, worst));
    for (index, plotted) in among.iter().enumerate() {
        svg.polyline(&style(index + 1), &points(&place, &plotted.values, y, &[]));
    }
    for (index, points) in panels.iter().enumerate() {
        svg.polyline(&style(among.len() + 1 + index), points);
    }
    let line = |ends: [(i64, f64); 2]| {
        let point =
            |(time, price)| format!("{},{}", short(across.at(time as f64)), short(y.at(price)));
        ends.map(point).join(" ")
    };
    let shown = |price: &f64| (axis.low()..=axis.high()).contains(price);
    for trade in &marked {
        let exit = trade.exit_time.unwrap_or(end);
        for (class, level) in [("level stop", trade.stop), ("level", trade.target)] {
            if let Some(price) = level.filter(shown) {
                svg.polyline(class, &line([(trade.entry_time, price), (exit, price)]));
            }
        }
        let trailed = trailed(prices, trade.entry_time..=exit);
        if !trailed.is_empty() {
            let (place, levels): (Vec<f64>, Vec<f64>) =
                trailed.into_iter().map(|(time, level)| (across.at(time as f64), level)).unzip();
            svg.polyline("level stop", &points(&place, &levels, y, &[]));
        }
        let class = if trade.profit < 0.0 { "trade lost" } else { "trade" };
        let ends = [(trade.entry_time, trade.entry_price), (exit, trade.exit_price)];
        svg.polyline(class, &line(ends));
    }
    svg.end_plot();
    for trade in &marked {
        let (mark, dy) = if trade.side == "short" { ("▼", -4.0) } else { ("▲", 12.0) };
        let at = percent(across.at(trade.entry_time as f64));
        svg.label(&at, y.at(trade.entry_price) + dy, "entry", mark);
        if let (Some(time), Some(mark)) = (trade.exit_time, exit_mark(trade)) {
            let at = percent(across.at(time as f64));
            svg.label(&at, y.at(trade.exit_price) + 4.0, "entry exit", mark);
        }
    }
    let mut chart = svg.close();
    let trails = !prices.trailing.is_empty();
    legend(&mut chart, among.iter().chain(&below), &marked, trails);
    chart
}

/// Where a trailing stop stood during a trade.
fn trailed(prices: &Prices, during: RangeInclusive<i64>) -> Vec<(i64, f64)> {
    let levels = prices.time.iter().copied().zip(prices.trailing.iter().copied());
    levels.filter(|(time, level)| during.contains(time) && level.is_finite()).collect()
}

/// The sign of an exit that a level made.
fn exit_mark(trade: &TradeRow) -> Option<&'static str> {
    match trade.closed_by.as_deref()? {
        "stop" | "stop_loss" | "trailing_stop" => Some("×"),
        "target" | "take_profit" => Some("◦"),
        _ => None,
    }
}

/// Whether the values of a let lie where the prices do, or not far from there.
fn is_a_price(plotted: &Plotted, prices: &Prices) -> bool {
    let finite = |values: &[f64]| -> Vec<f64> {
        values.iter().copied().filter(|value| value.is_finite()).collect()
    };
    let (lows, highs) = (finite(&prices.low), finite(&prices.high));
    let low = lows.into_iter().fold(f64::INFINITY, f64::min);
    let high = highs.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let room = (high - low) / 2.0;
    let values = finite(&plotted.values);
    values.iter().all(|value| (low - room..=high + room).contains(value))
}

fn legend<'a>(
    chart: &mut String,
    lets: impl Iterator<Item = &'a &'a Plotted>,
    trades: &[&TradeRow],
    trails: bool,
) {
    chart.push_str("<ul class=\"legend\">");
    let names = std::iter::once("close").chain(lets.map(|plotted| plotted.name.as_str()));
    for (index, name) in names.enumerate().take(STYLES) {
        key(chart, &style(index), name);
    }
    let any = |is: &dyn Fn(&TradeRow) -> bool| trades.iter().any(|trade| is(trade));
    if trails || any(&|trade| trade.stop.is_some()) {
        key(chart, "level stop", "stop");
    }
    if any(&|trade| trade.target.is_some()) {
        key(chart, "level", "target");
    }
    let marks = [
        ("▲ long entry", any(&|trade| trade.side != "short")),
        ("▼ short entry", any(&|trade| trade.side == "short")),
        ("× ended by a stop", any(&|trade| exit_mark(trade) == Some("×"))),
        ("◦ ended by a target", any(&|trade| exit_mark(trade) == Some("◦"))),
    ];
    for (words, _) in marks.iter().filter(|(_, is_there)| *is_there) {
        let _ = write!(chart, "<li>{words}</li>");
    }
    chart.push_str("</ul>");
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn rising(lets: Vec<Plotted>) -> Prices {
        let close: Vec<f64> = (0..100).map(|day| 100.0 + f64::from(day)).collect();
        Prices {
            symbol: "<script>".into(),
            time: (0..100).map(|day| day * DAY).collect(),
            high: close.iter().map(|price| price + 1.0).collect(),
            low: close.iter().map(|price| price - 1.0).collect(),
            trailing: Vec::new(),
            lets,
            close,
        }
    }

    fn trade() -> TradeRow {
        TradeRow {
            symbol: "<script>".into(),
            side: "long".into(),
            entry_time: 3 * DAY,
            entry_price: 104.0,
            exit_time: Some(9 * DAY),
            exit_price: 102.0,
            profit: -2.0,
            stop: Some(102.0),
            closed_by: Some("stop_loss".into()),
            ..TradeRow::default()
        }
    }

    fn plotted(name: &str, value: f64) -> Plotted {
        Plotted { name: name.into(), values: vec![value; 100] }
    }

    #[test]
    fn entries_exits_stops_and_lets_are_drawn_and_nothing_becomes_markup() {
        let svg = prices(&rising(vec![plotted("<b>", 150.0)]), &[trade()], "p");
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        assert!(!svg.contains("<script>") && !svg.contains("<b>"));
        for part in ["trade lost", "▲", "×</text>", "× ended by a stop", "\"level stop\""] {
            assert!(svg.contains(part), "{part}");
        }
        assert!(!svg.contains("target"), "no trade has one");
    }

    #[test]
    fn a_trailing_stop_is_drawn_while_its_trade_lasts() {
        let mut prices_of = rising(Vec::new());
        prices_of.trailing = prices_of.close.iter().map(|price| price - 5.0).collect();
        let mut trade = trade();
        (trade.stop, trade.closed_by) = (None, Some("trailing_stop".into()));
        let svg = prices(&prices_of, &[trade], "p");
        let line = svg.split("<polyline class=\"level stop\" points=\"").nth(1).unwrap();
        assert_eq!(line.split('"').next().unwrap().split(' ').count(), 7, "days 3 to 9");
        assert!(svg.contains("</svg>stop</li>"));
    }

    #[test]
    fn what_is_no_price_has_a_panel_of_its_own() {
        let lets = vec![plotted("fast", 150.0), plotted("rsi", 30.0), plotted("up", f64::NAN)];
        let svg = prices(&rising(lets), &[], "p");
        let panels: Vec<&str> = svg
            .split("class=\"panel\"")
            .skip(1)
            .map(|rest| rest.split_once('>').unwrap().1.split('<').next().unwrap())
            .collect();
        assert_eq!(panels, ["&lt;script&gt;", "rsi"]);
    }
}
