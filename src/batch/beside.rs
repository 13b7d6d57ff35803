//! What stands beside the metrics of a session that asks for it: the metrics under each reading of a
//! bar's inside, and the statistics of another package.

use crate::engine::model::Intrabar;
use crate::engine::{Frame, Outcome};
use crate::metrics::Metrics;
use crate::metrics::backtesting_py::{self, Closed, Sample, Value};

/// What one session has beside its metrics.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// With `ambiguity = "both"`, the metrics under each uniform reading.
    pub readings: Vec<(Intrabar, Metrics)>,
    /// With `metrics = ["backtesting-py"]`, that package's table.
    pub backtesting_py: Option<Vec<(&'static str, Option<Value>)>>,
}

/// The readings under which a session is run again: one for it, one against it.
pub const READINGS: [Intrabar; 2] = [Intrabar::StopFirst, Intrabar::TargetFirst];

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
