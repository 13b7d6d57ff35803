//! What stands beside the metrics of a session that asks for it: the metrics under each reading of a
//! bar's inside, the statistics of another package, and when its rules became true.

use crate::bars::Mask;
use crate::engine::model::Intrabar;
use crate::engine::{Frame, Outcome};
use crate::metrics::Metrics;
use crate::metrics::backtesting_py::{self, Closed, Sample, Value};
use crate::strategy::{Rule, Signals};

/// What one session has beside its metrics.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// With `ambiguity = "both"`, the metrics under each uniform reading.
    pub readings: Vec<(Intrabar, Metrics)>,
    /// With `metrics = ["backtesting-py"]`, that package's table.
    pub backtesting_py: Option<Vec<(&'static str, Option<Value>)>>,
    /// When the rules of a paper account became true, in the order of the bars.
    pub signals: Vec<Signal>,
}

/// A rule that became true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal {
    /// The first bar on which it was true, after one on which it was not.
    pub bar: usize,
    /// Index of the symbol.
    pub symbol: usize,
    /// The rule.
    pub rule: Rule,
}

/// The readings under which a session is run again: one for it, one against it.
pub const READINGS: [Intrabar; 2] = [Intrabar::StopFirst, Intrabar::TargetFirst];

/// When the rules of each symbol became true, in the order of the bars, then of the symbols.
pub fn signals(signals: &[Signals], frame: &Frame) -> Vec<Signal> {
    let mut all = Vec::new();
    for (symbol, signals) in signals.iter().enumerate() {
        let bars = &frame.symbols[symbol];
        let rules: [(Rule, &Mask); 4] = [
            (Rule::ExitLong, &signals.exit_long),
            (Rule::ExitShort, &signals.exit_short),
            (Rule::EnterLong, &signals.enter_long),
            (Rule::EnterShort, &signals.enter_short),
        ];
        for (rule, mask) in rules {
            let began = |&bar: &usize| {
                mask.get(bar) && bars.bar_before(bar).is_none_or(|before| !mask.get(before))
            };
            let bars = (0..mask.len()).filter(began);
            all.extend(bars.map(|bar| Signal { bar, symbol, rule }));
        }
    }
    all.sort_by_key(|signal| (signal.bar, signal.symbol));
    all
}

/// The table of backtesting.py; the market is the first symbol, whose rules have their first value on
/// bar `warmup`.
pub fn backtesting_py(
    outcome: &Outcome,
    frame: &Frame,
    warmup: usize,
) -> Vec<(&'static str, Option<Value>)> {
    let trades = outcome.trades.iter().filter(|trade| trade.closed_by.is_some());
    let trades: Vec<Closed> = trades
        .map(|trade| Closed {
            entry_bar: trade.entry_bar,
            exit_bar: trade.exit_bar,
            profit: trade.profit,
            profit_fraction: trade.profit_fraction(),
            commission: trade.commission,
        })
        .collect();
    let mut day = Vec::with_capacity(frame.len());
    for of in frame.days.iter() {
        day.resize(of.end, of.number);
    }
    let closes: Vec<&[f64]> = frame.symbols.iter().map(|symbol| &symbol.close[..]).collect();
    backtesting_py::table(&Sample {
        time: &frame.time,
        day: &day,
        equity: &outcome.equity(&closes, frame.len()),
        close: &frame.symbols[0].close,
        warmup,
        trades: &trades,
    })
}
