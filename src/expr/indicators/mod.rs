//! The indicators of the rule language: functions from whole columns to a whole column.
//!
//! A column holds one value a bar and `NaN` where the value is missing. Inputs of one call have
//! equal lengths and hold no infinity, and a window `n` is at least 1; what a kernel returns is as
//! long as its inputs, and a result that is not finite is missing.
//!
//! Definitions and warm-ups are TA-Lib's where it has the function (0.8, whose values for the carried
//! data are in tests/fixtures/talib), and each doc comment names the known differences. They have one
//! root: where TA-Lib would divide by zero it writes 0, and here a quotient by zero is missing. Beyond
//! that TA-Lib carries the rounding of its running sums from row to row, where a window here has none.
//!
//! There are two kinds of memory. A *window* depends on nothing but the values inside it, bit for
//! bit (see `tree`), and is missing while one of them is. A *recursion* knows everything since the
//! last missing value of any of its inputs and starts there anew, warm-up included (see `in_runs`).
//! Neither looks past its own row. Warm-ups are stated as the first row with a value, counted from
//! 0 at the start of the column.

mod tree;

mod window;

mod average;

mod momentum;

mod trend;

mod volatility;

mod volume;

#[cfg(test)]
mod tests;

pub use average::{dema, ema, ewm, kama, rma, tema};
pub use momentum::{
    aroon_down, aroon_up, cci, change, lag, macd, macd_hist, macd_signal, mfi, momentum, roc, rsi,
    stoch_d, stoch_k, williams_r,
};
pub use trend::{adx, minus_di, plus_di, psar, supertrend};
pub use volatility::{
    atr, bbands_lower, bbands_middle, bbands_upper, donchian_high, donchian_low, keltner_lower,
    keltner_upper, stddev, true_range, zscore,
};
pub use volume::{obv, vwap};
pub use window::{
    argmax, argmin, beta, correlation, cumsum, highest, linreg_slope, linreg_value, lowest,
    rank_pct, sma, sum, variance, wma,
};

use std::array::from_fn;

/// `value`, or missing where it is not finite. Every kernel's results pass here, so a missing value
/// has one bit pattern.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::NAN }
}

/// `value`, or missing where `operand` is, which the value itself would not tell.
fn given(operand: f64, value: f64) -> f64 {
    if operand.is_nan() { operand } else { value }
}

/// The column of `value` at each row of `columns`.
fn map_rows<const N: usize>(columns: [&[f64]; N], value: impl Fn([f64; N]) -> f64) -> Vec<f64> {
    let rows = columns[0].len();
    let columns = columns.map(|column| &column[..rows]);
    (0..rows).map(|row| finite(value(from_fn(|column| columns[column][row])))).collect()
}

/// Run `kernel` over each longest stretch of rows in which no column is missing, as if it were a
/// column of its own; rows outside of them are missing.
fn in_runs<const N: usize>(
    columns: [&[f64]; N],
    kernel: impl Fn([&[f64]; N]) -> Vec<f64>,
) -> Vec<f64> {
    let rows = columns[0].len();
    let missing = |row: usize| columns.iter().any(|column| column[row].is_nan());
    let mut out = vec![f64::NAN; rows];
    let mut start = 0;
    while start < rows {
        let end = (start..rows).find(|&row| missing(row)).unwrap_or(rows);
        if start < end {
            let run = kernel(columns.map(|column| &column[start..end]));
            for (out, value) in out[start..end].iter_mut().zip(run) {
                *out = finite(value);
            }
        }
        start = end + 1;
    }
    out
}
