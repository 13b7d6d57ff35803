//! How widely a column swings, and the bands drawn from it.

use super::window::moments;
use super::{ema, given, highest, in_runs, lag, lowest, map_rows, rma, sma};

/// `stddev(x, n)`: the square root of `variance` (population). From row n-1. TA-Lib: STDDEV, which
/// before 0.8 has 0 where the variance is below 1e-14.
pub fn stddev(x: &[f64], n: usize) -> Vec<f64> {
    moments(x, n, |_, _, variance| variance.sqrt())
}

/// `zscore(x, n)`: (x - sma) / stddev over the last `n` values (population). From row n-1; missing
/// where the window is flat. By definition.
pub fn zscore(x: &[f64], n: usize) -> Vec<f64> {
    moments(x, n, |last, mean, variance| (last - mean) / variance.sqrt())
}

/// `bbands_upper(x, n, k)`: sma + k stddev. From row n-1. TA-Lib: BBANDS.
pub fn bbands_upper(x: &[f64], n: usize, k: f64) -> Vec<f64> {
    moments(x, n, |_, mean, variance| mean + k * variance.sqrt())
}

/// `bbands_middle(x, n)`: sma. From row n-1. TA-Lib: BBANDS.
pub fn bbands_middle(x: &[f64], n: usize) -> Vec<f64> {
    sma(x, n)
}

/// `bbands_lower(x, n, k)`: sma - k stddev. From row n-1. TA-Lib: BBANDS.
pub fn bbands_lower(x: &[f64], n: usize, k: f64) -> Vec<f64> {
    bbands_upper(x, n, -k)
}

/// `true_range(high, low, close)`: the largest of high - low and the distances of both from the
/// last close. From row 1, having no last close before. TA-Lib: TRANGE.
pub fn true_range(high: &[f64], low: &[f64], close: &[f64]) -> Vec<f64> {
    in_runs([high, low, close], |[high, low, close]| {
        map_rows([high, low, &lag(close, 1)], |[high, low, last]| {
            given(last, high.max(last) - low.min(last))
        })
    })
}

/// `atr(high, low, close, n)`: Wilder's average (`rma`) of the true range, whose first value is
/// that of bar 1. From row n. TA-Lib: ATR.
pub fn atr(high: &[f64], low: &[f64], close: &[f64], n: usize) -> Vec<f64> {
    rma(&true_range(high, low, close), n)
}

/// `keltner_upper(high, low, close, n, k)`: ema(close, n) + k atr(n). From row n. By definition;
/// elsewhere the average is also taken of the typical price, and the range as a simple average.
pub fn keltner_upper(high: &[f64], low: &[f64], close: &[f64], n: usize, k: f64) -> Vec<f64> {
    in_runs([high, low, close], |[high, low, close]| {
        let range = atr(high, low, close, n);
        map_rows([&ema(close, n), &range], |[average, range]| average + k * range)
    })
}

/// `keltner_lower(high, low, close, n, k)`: ema(close, n) - k atr(n). From row n. See
/// `keltner_upper`.
pub fn keltner_lower(high: &[f64], low: &[f64], close: &[f64], n: usize, k: f64) -> Vec<f64> {
    keltner_upper(high, low, close, n, -k)
}

/// `donchian_high(high, n)`: the highest high of `n` bars, this one included; a breakout compares
/// with its `lag`. From row n-1. TA-Lib: MAX of high.
pub fn donchian_high(high: &[f64], n: usize) -> Vec<f64> {
    highest(high, n)
}

/// `donchian_low(low, n)`: the lowest low of `n` bars, this one included. From row n-1. TA-Lib: MIN
/// of low.
pub fn donchian_low(low: &[f64], n: usize) -> Vec<f64> {
    lowest(low, n)
}

#[cfg(test)]
mod tests {
    use super::super::variance;
    use super::*;

    #[track_caller]
    fn close_to(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
    }

    #[test]
    fn deviations_divide_by_n() {
        // Mean 5, squares 9 + 1 + 1 + 1 + 0 + 0 + 4 + 16 = 32.
        let x = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        close_to(variance(&x, 8)[7], 4.0);
        close_to(stddev(&x, 8)[7], 2.0);
        close_to(zscore(&x, 8)[7], 2.0);
        close_to(bbands_upper(&x, 8, 1.5)[7], 8.0);
        close_to(bbands_middle(&x, 8)[7], 5.0);
        close_to(bbands_lower(&x, 8, 1.5)[7], 2.0);
        assert!(zscore(&[3.0; 8], 5).iter().all(|value| value.is_nan()));
    }

    #[test]
    fn tiny_prices_deviate_too() {
        // 1e-8 squared is far below what TA-Lib once took for zero.
        let x: Vec<f64> = (0..40).map(|i| 5e-5 + 1e-8 * f64::from(i % 2)).collect();
        assert!((stddev(&x, 20)[39] - 5e-9).abs() < 1e-18);
    }

    #[test]
    fn a_range_reaches_to_the_last_close() {
        let (high, low, close) = ([3.0, 9.0, 5.0, 4.0], [1.0, 8.0, 4.0, 3.0], [2.0, 8.0, 4.0, 3.0]);
        let range = true_range(&high, &low, &close);
        assert!(range[0].is_nan());
        assert_eq!(range[1..], [7.0, 4.0, 1.0]);
        let atr = atr(&high, &low, &close, 2);
        assert!(atr[1].is_nan());
        assert_eq!(atr[2..], [5.5, 3.25]);
        // The average over 2 closes (weight 2/3): 5, 13/3, 31/9.
        close_to(keltner_upper(&high, &low, &close, 2, 2.0)[2], 13.0 / 3.0 + 11.0);
        close_to(keltner_lower(&high, &low, &close, 2, 2.0)[3], 31.0 / 9.0 - 6.5);
        assert_eq!(donchian_high(&high, 2)[1..], [9.0, 9.0, 5.0]);
        assert_eq!(donchian_low(&low, 2)[1..], [1.0, 4.0, 3.0]);
    }
}
