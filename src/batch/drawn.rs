//! What a kept session's page draws of its prices: `prices.parquet`, thinned, with the lets that the
//! strategy plots and the way of the trailing stops.

use super::kept::Kept;
use crate::bars::thin::{deepest_fall, thin};
use crate::bars::{Action, Cut};
use crate::engine::{Aligned, Side};
use crate::expr::Columns;
use crate::store::PriceSeries;
use std::collections::BTreeSet;

impl Kept<'_> {
    /// What the prices and the plotted lets did, thinned for a chart: the first few symbols, each bar
    /// that is drawn with the extremes of those before it that are not.
    pub(super) fn prices(&self) -> Vec<PriceSeries> {
        /// How many symbols a page draws.
        const SYMBOLS: usize = 8;
        let frame = self.frame();
        let symbols = frame.symbols.iter().enumerate().take(SYMBOLS);
        let slice = self.slice();
        let (rules, graph) = self.rules();
        let plots = &rules.plots;
        let mut columns = Columns::new(graph, slice.views(), slice.symbols.len());
        columns.reserve(0..slice.symbols.len(), &plots.needs);
        let has_trails = self.outcome.trades.iter().any(|trade| trade.trail.is_some());
        symbols
            .map(|(number, bars)| {
                let drawn = plots.columns(&columns, number).into_iter();
                let drawn: Vec<(String, Cut<f64>)> = drawn
                    .map(|(name, column)| (name, slice.place_column(number, &column)))
                    .collect();
                let lets = drawn.iter().map(|(name, _)| (name.clone(), Vec::new())).collect();
                let symbol = self.symbol(number).to_owned();
                let mut series = PriceSeries { symbol, lets, ..Default::default() };
                let trailing = has_trails.then(|| self.trailing(number));
                let mut from = 0;
                for bar in drawn_bars(bars, &drawn) {
                    let rows = from..bar + 1;
                    from = bar + 1;
                    let of = |prices: &[f64], pick: fn(f64, f64) -> f64| {
                        prices[rows.clone()].iter().copied().fold(f64::NAN, pick)
                    };
                    series.time.push(frame.time[bar]);
                    series.high.push(of(&bars.high, f64::max));
                    series.low.push(of(&bars.low, f64::min));
                    series.close.push(bars.close[bar]);
                    series.trailing.extend(trailing.as_ref().map(|levels| levels[bar]));
                    for ((_, values), (_, column)) in series.lets.iter_mut().zip(&drawn) {
                        values.push(column[bar]);
                    }
                }
                series
            })
            .collect()
    }

    /// The nearest trailing stop of what is held of a symbol while each bar opens; `NaN` where there is
    /// none.
    fn trailing(&self, symbol: usize) -> Vec<f64> {
        let (frame, axes) = (self.frame(), &self.work().variant().settings().axes);
        let bars = &frame.symbols[symbol];
        let mut levels = vec![f64::NAN; frame.len()];
        for trade in self.outcome.trades.iter().filter(|trade| trade.symbol == symbol) {
            // What a split does to the way of a stop is not known any more.
            let held = trade.entry_bar..=trade.exit_bar;
            let is_split = |action: &Action| {
                action.split != 1.0 && trade.entry_bar < action.row && held.contains(&action.row)
            };
            if bars.actions.iter().any(is_split) {
                continue;
            }
            let way = trade.trailing(bars, &self.outcome.fills, axes).unwrap_or_default();
            for (bar, level) in held.zip(way).filter(|(_, level)| level.is_finite()) {
                levels[bar] = match trade.side {
                    Side::Long => levels[bar].max(level),
                    Side::Short => levels[bar].min(level),
                };
            }
        }
        levels
    }
}

/// The bars of a symbol that a page draws, about a thousand of many: with the ends, the extremes and the
/// deepest fall of its closes, and the extremes of what is drawn beside them.
fn drawn_bars(bars: &Aligned, beside: &[(String, Cut<f64>)]) -> BTreeSet<usize> {
    const DRAWN: usize = 1_000;
    // On a bar that the symbol does not have its close is the one before.
    let is_there = |bar: usize| !bars.high[bar].is_nan();
    let close: Vec<f64> = (0..bars.close.len())
        .map(|bar| if is_there(bar) { bars.close[bar] } else { f64::NAN })
        .collect();
    // Of each stretch and series two are kept.
    let wide = match close.len() {
        ..=DRAWN => 1,
        many => many.div_ceil(DRAWN / 2 / (1 + beside.len())),
    };
    let mut kept = thin(&close, |bar| bar / wide);
    kept.extend(deepest_fall(&close).into_iter().flatten());
    kept.extend(beside.iter().flat_map(|(_, column)| thin(column, |bar| bar / wide)));
    kept
}
