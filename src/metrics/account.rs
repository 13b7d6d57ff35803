//! An outcome of the engine, measured: its stretches are marked along the closes and taken apart for
//! the kernels.

use super::benchmark::BenchmarkStats;
use super::drawdown::Drawdowns;
use super::returns::{ReturnStats, positive_months};
use super::trades::TradeStats;
use super::{Metric, Metrics, Parts};
use crate::bars::DAY;
use crate::engine::outcome::{value, values};
use crate::engine::{Frame, Outcome, Settings, Trade};
use std::ops::Range;

/// How many bars are marked at a time: few enough to stay in the first cache.
const PIECE: usize = 1_024;

/// Measures outcomes, one after the other, in buffers that it uses again.
#[derive(Debug, Default)]
pub struct Meter {
    piece: Vec<f64>,
    day_equity: Vec<f64>,
    returns: Vec<f64>,
    scratch: Vec<f64>,
    day_numbers: Vec<i32>,
    max_loss: Option<f64>,
    held: Vec<Held>,
}

/// The bars on which one symbol alone was held, and the same units of it.
#[derive(Debug)]
struct Held {
    symbol: usize,
    bars: Range<usize>,
    /// The least and the greatest of the closes.
    extremes: (f64, f64),
}

impl Meter {
    /// All metrics of `outcome`, which a walk over `frame` with `settings` made.
    ///
    /// `periods` is the number of periods (days, or bars that are longer) in a year; `benchmark` the
    /// benchmark's return of each of them.
    pub fn measure(
        &mut self,
        outcome: &Outcome,
        frame: &Frame,
        settings: &Settings,
        periods: f64,
        benchmark: Option<&[f64]>,
    ) -> Metrics {
        self.days(outcome, frame);
        let whole = Part {
            days: 0..frame.days.len(),
            bars: 0..frame.len(),
            capital: settings.capital,
            benchmark,
        };
        let mut metrics = self.part(&whole, &outcome.trades, outcome, frame, periods);
        account_metrics(&mut metrics, outcome);
        metrics
    }

    /// The metrics of two parts of the outcome that was measured last, each some trading days of
    /// `frame`; the arguments are those that it was measured with. A part that begins when the account is
    /// worth nothing has none.
    pub fn measure_parts(
        &mut self,
        parts: &[Range<usize>; 2],
        outcome: &Outcome,
        frame: &Frame,
        settings: &Settings,
        periods: f64,
        benchmark: Option<&[f64]>,
    ) -> Parts {
        let mut measured = Parts::default();
        for (days, metrics) in parts.iter().zip(measured.both_mut()) {
            let before = days.start.checked_sub(1);
            let from = before.map_or(0, |day| frame.days[day].end);
            let bars = from..days.end.checked_sub(1).map_or(0, |day| frame.days[day].end);
            // What is open at the end counts, like in the whole, with what it cost so far.
            let of_part = |trade: &&Trade| bars.contains(&trade.exit_bar);
            let trades: Vec<Trade> = outcome.trades.iter().filter(of_part).cloned().collect();
            let part = Part {
                capital: before.map_or(settings.capital, |day| self.day_equity[day]),
                benchmark: benchmark.map(|benchmark| &benchmark[days.clone()]),
                days: days.clone(),
                bars,
            };
            // What begins with nothing, or with debts, has no returns and no drawdowns.
            if part.capital > 0.0 {
                *metrics = self.part(&part, &trades, outcome, frame, periods);
            }
        }
        measured
    }

    fn part(
        &mut self,
        part: &Part<'_>,
        trades: &[Trade],
        outcome: &Outcome,
        frame: &Frame,
        periods: f64,
    ) -> Metrics {
        let mut metrics = Metrics::default();
        let capital = part.capital;
        let exposed = self.drawdowns(&mut metrics, outcome, frame, part);
        self.return_metrics(&mut metrics, part, periods);
        self.day_numbers.clear();
        self.day_numbers.extend(frame.days[part.days.clone()].iter().map(|day| day.number));
        let days = &self.day_equity[part.days.clone()];
        let months = positive_months(&self.day_numbers, days, capital);
        metrics.set(Metric::PositiveMonths, months);
        if !part.bars.is_empty() {
            metrics.set(Metric::Exposure, exposed as f64 / part.bars.len() as f64);
        }
        let years = part.days.len() as f64 / periods;
        self.money_metrics(&mut metrics, outcome, part, years);
        self.trade_metrics(&mut metrics, trades, frame, years);
        metrics
    }

    /// The account's value at the end of each trading day of the outcome measured last.
    pub fn day_equity(&self) -> &[f64] {
        &self.day_equity
    }

    /// What is known of every bar's mark; returns on how many bars something was held.
    fn drawdowns(
        &mut self,
        metrics: &mut Metrics,
        outcome: &Outcome,
        frame: &Frame,
        part: &Part<'_>,
    ) -> usize {
        self.max_loss = None;
        self.held.clear();
        let closes: Vec<&[f64]> = frame.symbols.iter().map(|symbol| &symbol.close[..]).collect();
        let mut drawdowns = Drawdowns::new(part.capital);
        let mut exposed = 0;
        for (bars, cash, units) in outcome.stretches(frame.len()) {
            let bars = bars.start.max(part.bars.start)..bars.end.min(part.bars.end);
            if bars.is_empty() {
                continue;
            }
            let mut held = (0..units.len()).filter(|&symbol| units[symbol] != 0.0);
            let Some(symbol) = held.next() else {
                drawdowns.hold(bars.len(), cash);
                continue;
            };
            let alone = held.next().is_none();
            exposed += bars.len();
            let mut extremes = (f64::INFINITY, f64::NEG_INFINITY);
            let mut from = bars.start;
            while from < bars.end {
                let until = bars.end.min(from + PIECE);
                if alone {
                    let held = &frame.symbols[symbol];
                    let (low, high) = held.close_extremes.within(&held.close, from..until);
                    drawdowns.follow(cash, units[symbol], &held.close[from..until], (low, high));
                    extremes = (extremes.0.min(low), extremes.1.max(high));
                } else {
                    self.piece.clear();
                    values(cash, units, &closes, from..until, &mut self.piece);
                    drawdowns.mark(&self.piece);
                }
                from = until;
            }
            if alone {
                self.held.push(Held { symbol, bars, extremes });
            }
        }
        if let Some(stats) = drawdowns.finish() {
            let time = &frame.time[part.bars.clone()];
            let bars = |from: Option<usize>, to: usize| time[to] - time[from.unwrap_or(0)];
            metrics.set(Metric::MaxDrawdown, stats.max_drawdown);
            metrics.set(Metric::AvgDrawdown, stats.avg_drawdown);
            let longest = stats.longest.map(|longest| bars(longest.from, longest.to));
            let days = longest.map(|duration| duration as f64 / DAY as f64);
            metrics.set(Metric::MaxDrawdownDuration, days);
            metrics.set(Metric::TimeUnderWater, stats.time_under_water);
            metrics.set(Metric::UlcerIndex, stats.ulcer_index);
            metrics.set(Metric::PeakEquity, stats.peak_equity);
            self.max_loss = Some(stats.max_loss).filter(|loss| *loss > 0.0);
        }
        exposed
    }

    /// The last equity of each trading day.
    fn days(&mut self, outcome: &Outcome, frame: &Frame) {
        let closes: Vec<&[f64]> = frame.symbols.iter().map(|symbol| &symbol.close[..]).collect();
        self.day_equity.clear();
        let mut days = frame.days.iter().map(|day| day.end - 1).peekable();
        for (bars, cash, units) in outcome.stretches(frame.len()) {
            while let Some(last) = days.next_if(|last| *last < bars.end) {
                self.day_equity.push(value(cash, units, &closes, last));
            }
        }
    }

    fn return_metrics(&mut self, metrics: &mut Metrics, part: &Part<'_>, periods: f64) {
        self.returns.clear();
        let mut before = part.capital;
        for &equity in &self.day_equity[part.days.clone()] {
            // An account without money has no returns.
            self.returns.push(if before > 0.0 { equity / before - 1.0 } else { f64::NAN });
            before = equity;
        }
        let stats = ReturnStats::of(&self.returns, periods, &mut self.scratch);
        let depth = metrics.get(Metric::MaxDrawdown).filter(|depth| *depth > 0.0);
        let calmar = stats.cagr.zip(depth).map(|(cagr, depth)| cagr / depth);
        for (metric, value) in [
            (Metric::TotalReturn, stats.total_return),
            (Metric::Cagr, stats.cagr),
            (Metric::Volatility, stats.volatility),
            (Metric::Sharpe, stats.sharpe),
            (Metric::Sortino, stats.sortino),
            (Metric::Calmar, calmar),
            (Metric::Omega, stats.omega),
            (Metric::Var95, stats.var_95),
            (Metric::ExpectedShortfall95, stats.expected_shortfall_95),
            (Metric::Skew, stats.skew),
            (Metric::Kurtosis, stats.kurtosis),
            (Metric::TailRatio, stats.tail_ratio),
            (Metric::Stability, stats.stability),
            (Metric::BestDay, stats.best),
            (Metric::WorstDay, stats.worst),
            (Metric::Psr, stats.psr),
        ] {
            metrics.set(metric, value);
        }
        if let Some(benchmark) = part.benchmark {
            let stats = BenchmarkStats::of(&self.returns, benchmark, periods);
            metrics.set(Metric::BenchmarkReturn, stats.benchmark_return);
            metrics.set(Metric::Alpha, stats.alpha);
            metrics.set(Metric::Beta, stats.beta);
            metrics.set(Metric::InformationRatio, stats.information_ratio);
        }
    }

    fn trade_metrics(&self, metrics: &mut Metrics, trades: &[Trade], frame: &Frame, years: f64) {
        let stats = TradeStats::of(trades);
        let closed: Vec<&Trade> = trades.iter().filter(|trade| trade.closed_by.is_some()).collect();
        let mean = |of: &dyn Fn(&Trade) -> f64| {
            closed.iter().map(|trade| of(trade)).sum::<f64>() / closed.len() as f64
        };
        let held = |trade: &Trade| frame.time[trade.exit_bar] - frame.time[trade.entry_bar];
        // Most trades are one stretch of the account, whose closes were looked at.
        let mut stretches = self.held.iter().peekable();
        let mut known = |symbol: usize, rows: &Range<usize>| {
            while stretches.next_if(|it| it.bars.start < rows.start).is_some() {}
            stretches
                .peek()
                .filter(|it| it.symbol == symbol && it.bars == *rows)
                .map(|it| it.extremes)
        };
        let excursions = closed.iter().map(|trade| {
            excursion_of(trade, frame, |closes, rows| {
                known(trade.symbol, &rows).unwrap_or_else(|| closes(rows))
            })
        });
        let (adverse, favourable) = excursions
            .fold((0.0, 0.0), |(mae, mfe), (adverse, favourable)| {
                (mae + adverse, mfe + favourable)
            });
        for (metric, value) in [
            (Metric::WinRate, stats.win_rate),
            (Metric::ProfitFactor, stats.profit_factor),
            (Metric::Expectancy, stats.expectancy),
            (Metric::AvgWin, stats.avg_win),
            (Metric::AvgLoss, stats.avg_loss),
            (Metric::PayoffRatio, stats.payoff_ratio),
            (Metric::LargestWin, stats.largest_win),
            (Metric::LargestLoss, stats.largest_loss),
            (Metric::Sqn, stats.sqn),
            (Metric::Kelly, stats.kelly),
        ] {
            metrics.set(metric, value);
        }
        for (metric, value) in [
            (Metric::Trades, stats.trades as f64),
            (Metric::MaxConsecutiveWins, stats.max_consecutive_wins as f64),
            (Metric::MaxConsecutiveLosses, stats.max_consecutive_losses as f64),
            (Metric::RealizedPnl, stats.realized_pnl),
            (Metric::CommissionPaid, stats.commission_paid),
            (Metric::SlippagePaid, stats.slippage_paid),
            (Metric::SpreadPaid, stats.spread_paid),
            (Metric::TradesPerYear, stats.trades as f64 / years),
            (Metric::AvgHolding, mean(&|trade| held(trade) as f64 / DAY as f64)),
            (Metric::Mae, adverse / closed.len() as f64),
            (Metric::Mfe, favourable / closed.len() as f64),
        ] {
            metrics.set(metric, value);
        }
    }

    fn money_metrics(&self, metrics: &mut Metrics, outcome: &Outcome, part: &Part<'_>, years: f64) {
        let days = &self.day_equity[part.days.clone()];
        let fills = outcome.fills.iter().filter(|fill| part.bars.contains(&fill.bar));
        let traded: f64 = fills.map(|fill| (fill.units * fill.price).abs()).sum();
        let mean = days.iter().sum::<f64>() / days.len() as f64;
        metrics.set(Metric::Turnover, traded / (2.0 * mean * years));
        let profit = days.last().map(|last| last - part.capital);
        metrics.set(Metric::FinalEquity, days.last().copied());
        let recovery = profit.zip(self.max_loss).map(|(profit, loss)| profit / loss);
        metrics.set(Metric::RecoveryFactor, recovery);
    }
}

/// A stretch of trading days that is measured.
struct Part<'a> {
    days: Range<usize>,
    /// The bars of those days.
    bars: Range<usize>,
    /// The equity before the first of them, money.
    capital: f64,
    /// The benchmark's return of each day.
    benchmark: Option<&'a [f64]>,
}

/// What only the account as a whole has.
fn account_metrics(metrics: &mut Metrics, outcome: &Outcome) {
    let open = outcome.trades.iter().filter(|trade| trade.closed_by.is_none());
    for (metric, value) in [
        (Metric::UnrealizedPnl, open.map(|trade| trade.profit).sum::<f64>()),
        (Metric::FinancingPaid, outcome.financing()),
        (Metric::Orders, outcome.order_count as f64),
        (Metric::Refusals, outcome.refusals() as f64),
        (Metric::Reductions, outcome.reduced.total() as f64),
        (Metric::GuardTrips, outcome.tripped.total() as f64),
        (Metric::Liquidations, outcome.liquidations as f64),
        (Metric::AmbiguousExits, outcome.ambiguous_exits as f64),
    ] {
        metrics.set(metric, value);
    }
}

/// How far a trade was down and up at its worst and best mark, as positive fractions of the entry
/// price. The marks are the closes from the entry's bar to the one before the exit's, and the exit; those
/// of before a split are those of what a unit became, as the entry price is.
pub fn excursion(trade: &Trade, frame: &Frame) -> (f64, f64) {
    excursion_of(trade, frame, |closes, rows| closes(rows))
}

/// [`excursion`], where `extremes` gives the least and the greatest close of some rows, or asks for them.
fn excursion_of(
    trade: &Trade,
    frame: &Frame,
    mut extremes: impl FnMut(&dyn Fn(Range<usize>) -> (f64, f64), Range<usize>) -> (f64, f64),
) -> (f64, f64) {
    let bars = &frame.symbols[trade.symbol];
    let closes = |rows| bars.close_extremes.within(&bars.close, rows);
    // What the end of the range closes may be dated before an entry inside its last bar.
    let (from, mut to) = (trade.entry_bar.min(trade.exit_bar), trade.exit_bar);
    let held = from + 1..=to;
    let splits = bars.actions.iter().filter(|action| held.contains(&action.row));
    let (mut low, mut high, mut units) = (trade.exit_price, trade.exit_price, 1.0);
    for (row, split) in splits.rev().map(|it| (it.row, it.split)).chain([(from, 1.0)]) {
        let (lowest, highest) = extremes(&closes, row..to);
        (low, high) = (low.min(lowest / units), high.max(highest / units));
        (to, units) = (row, units * split);
    }
    let gain = |price: f64| trade.side.sign() * (price / trade.entry_price - 1.0);
    let (a, b) = (gain(low), gain(high));
    ((-a.min(b)).max(0.0), a.max(b).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::{Cut, Extremes, Zone};
    use crate::engine::outcome::Stretch;
    use crate::engine::{Aligned, Day};
    use std::sync::Arc;

    #[test]
    fn a_part_that_begins_without_money_has_no_metrics() {
        let column = || Cut::from(vec![10.0; 4]);
        let day = |day: usize| Day {
            number: day as i32,
            end: day + 1,
            session: None,
            over: (day as i64 + 1) * DAY,
        };
        let symbol = Aligned {
            name: "X".into(),
            open: column(),
            high: column(),
            low: column(),
            close: column(),
            close_extremes: Extremes::of(&column()),
            volume: column(),
            present: None,
            actions: Arc::new([]),
            detail: None,
        };
        let frame = Frame {
            time: Cut::from((0..4).map(|day| day * DAY).collect::<Vec<i64>>()),
            timeframe: DAY,
            zone: Zone::utc(),
            days: (0..4).map(day).collect(),
            bars_a_year: 365.0,
            symbols: vec![symbol],
        };
        let settings = Settings::default();
        for left in [0.0, -5.0] {
            let stretch = |from, cash| Stretch { from, cash };
            let outcome = Outcome {
                symbols: 1,
                stretches: vec![stretch(0, settings.capital), stretch(1, left)],
                units: vec![0.0; 2],
                ..Outcome::default()
            };
            let mut meter = Meter::default();
            meter.measure(&outcome, &frame, &settings, 365.0, None);
            let parts =
                meter.measure_parts(&[0..2, 2..4], &outcome, &frame, &settings, 365.0, None);
            assert_eq!(parts.in_sample.get(Metric::FinalEquity), Some(left));
            let measured = Metric::ALL.iter().filter(|&&it| parts.out_of_sample.get(it).is_some());
            assert_eq!(measured.count(), 0);
        }
    }
}
