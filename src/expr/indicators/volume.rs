//! Prices weighed by what was traded.

use super::in_runs;
use super::momentum::typical_price;

/// `obv(close, volume)`: on-balance volume, the sum of the volumes of bars that closed higher less
/// that of bars that closed lower, beginning with the first bar's volume; after a missing value it
/// begins anew. From row 0. TA-Lib: OBV.
pub fn obv(close: &[f64], volume: &[f64]) -> Vec<f64> {
    in_runs([close, volume], |[close, volume]| {
        let mut balance = volume[0];
        let step = |row: usize| {
            if row > 0 && close[row] > close[row - 1] {
                balance += volume[row];
            } else if row > 0 && close[row] < close[row - 1] {
                balance -= volume[row];
            }
            balance
        };
        (0..close.len()).map(step).collect()
    })
}

/// `vwap(high, low, close, volume)`: the mean of (high + low + close) / 3 over the trading day so
/// far, weighted by volume; `day` is the trading day of each row, a new value beginning a new mean.
/// From row 0; missing until something was traded that day, and from a missing value to the day's
/// end. By definition; TA-Lib has none.
pub fn vwap(high: &[f64], low: &[f64], close: &[f64], volume: &[f64], day: &[i32]) -> Vec<f64> {
    let price = typical_price(high, low, close);
    let (mut money, mut units) = (0.0, 0.0);
    let step = |row: usize| {
        if row > 0 && day[row] != day[row - 1] {
            (money, units) = (0.0, 0.0);
        }
        money += price[row] * volume[row];
        units += volume[row];
        super::finite(money / units)
    };
    (0..price.len()).map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f64 = f64::NAN;

    #[test]
    fn volume_counts_with_the_sign_of_the_bar() {
        let balance = obv(&[5.0, 6.0, 6.0, 4.0], &[10.0, 3.0, 8.0, 20.0]);
        assert_eq!(balance, [10.0, 13.0, 13.0, -7.0]);
        let restarted = obv(&[5.0, 6.0, 6.0, 7.0], &[10.0, NAN, 8.0, 1.0]);
        assert_eq!(restarted[2..], [8.0, 9.0]);
    }

    #[test]
    fn a_new_day_begins_a_new_mean() {
        let price = [1.0, 4.0, 2.0, 7.0, 5.0, 6.0];
        let volume = [2.0, 1.0, 0.0, 3.0, NAN, 1.0];
        let mean = vwap(&price, &price, &price, &volume, &[0, 0, 1, 1, 1, 2]);
        assert_eq!(mean[..2], [1.0, 2.0]);
        assert!(mean[2].is_nan());
        assert_eq!(mean[3], 7.0);
        assert!(mean[4].is_nan());
        assert_eq!(mean[5], 6.0);
    }
}
