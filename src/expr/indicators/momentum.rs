//! How far and how fast a column has moved: differences, oscillators and the time since extremes.

use super::tree::windows;
use super::window::mean_distance;
use super::{argmax, argmin, ema, given, highest, in_runs, lowest, map_rows, rma, sma};

/// `lag(x, n)`: the value `n` bars ago. From row n. By definition.
pub fn lag(x: &[f64], n: usize) -> Vec<f64> {
    let n = n.min(x.len());
    let mut out = vec![f64::NAN; n];
    out.extend(x[..x.len() - n].iter().map(|&value| super::finite(value)));
    out
}

/// `change(x, n)`: x - lag(x, n). From row n. TA-Lib: MOM.
pub fn change(x: &[f64], n: usize) -> Vec<f64> {
    map_rows([x, &lag(x, n)], |[now, before]| now - before)
}

/// `momentum(x, n)`: x - lag(x, n), the name that traders know for `change`. From row n. TA-Lib:
/// MOM.
pub fn momentum(x: &[f64], n: usize) -> Vec<f64> {
    change(x, n)
}

/// `roc(x, n)`: 100 (x / lag(x, n) - 1), in percent. From row n; missing where the earlier value is
/// 0. TA-Lib: ROC, which has 0 there.
pub fn roc(x: &[f64], n: usize) -> Vec<f64> {
    map_rows([x, &lag(x, n)], |[now, before]| 100.0 * ((now - before) / before))
}

/// `rsi(x, n)`: 100 g / (g + l), with g and l Wilder's averages (`rma`) of the rises and the falls,
/// 0 to 100. From row n; missing until the first move. TA-Lib: RSI, which has 0 there.
pub fn rsi(x: &[f64], n: usize) -> Vec<f64> {
    let step = change(x, 1);
    let rises = rma(&map_rows([&step], |[step]| if step < 0.0 { 0.0 } else { step }), n);
    let falls = rma(&map_rows([&step], |[step]| if step > 0.0 { 0.0 } else { -step }), n);
    map_rows([&rises, &falls], |[rises, falls]| 100.0 * (rises / (rises + falls)))
}

/// `macd(x, fast, slow, signal)`: the fast exponential average less the slow one. The fast one is
/// seeded with the mean of the `fast` values up to row slow-1, so that both start there; that is
/// not ema(x, fast) - ema(x, slow). From row slow+signal-2, where its signal starts. TA-Lib: MACD;
/// the smaller of `fast` and `slow` is the fast one.
pub fn macd(x: &[f64], fast: usize, slow: usize, signal: usize) -> Vec<f64> {
    in_runs([x], |[x]| {
        let line = macd_line(x, fast, slow);
        map_rows([&line, &ema(&line, signal)], |[line, signal]| given(signal, line))
    })
}

/// `macd_signal(x, fast, slow, signal)`: the `ema` of the MACD line over `signal` bars. From row
/// slow+signal-2. TA-Lib: MACD, its second output.
pub fn macd_signal(x: &[f64], fast: usize, slow: usize, signal: usize) -> Vec<f64> {
    in_runs([x], |[x]| ema(&macd_line(x, fast, slow), signal))
}

/// `macd_hist(x, fast, slow, signal)`: the MACD line less its signal. From row slow+signal-2.
/// TA-Lib: MACD, its third output.
pub fn macd_hist(x: &[f64], fast: usize, slow: usize, signal: usize) -> Vec<f64> {
    in_runs([x], |[x]| {
        let line = macd_line(x, fast, slow);
        map_rows([&line, &ema(&line, signal)], |[line, signal]| line - signal)
    })
}

/// The fast average less the slow one, both starting at row slow-1 of a run.
fn macd_line(x: &[f64], fast: usize, slow: usize) -> Vec<f64> {
    let (fast, slow) = (fast.min(slow), fast.max(slow));
    let late = (slow - fast).min(x.len());
    let mut fast_average = vec![f64::NAN; late];
    fast_average.extend(ema(&x[late..], fast));
    map_rows([&fast_average, &ema(x, slow)], |[fast, slow]| fast - slow)
}

/// `stoch_k(high, low, close, k, smooth, d)`: where the close stands between the lowest low (0) and
/// the highest high (100) of `k` bars, as the `sma` over `smooth` bars; blank where `stoch_d` is.
/// From row k+smooth+d-3; missing around a bar whose `k` bars are flat. TA-Lib: STOCH with simple
/// averages, slow %K; it has 0 for flat bars.
pub fn stoch_k(
    high: &[f64],
    low: &[f64],
    close: &[f64],
    k: usize,
    smooth: usize,
    d: usize,
) -> Vec<f64> {
    let slow = sma(&stand(high, low, close, k), smooth);
    map_rows([&slow, &sma(&slow, d)], |[slow, signal]| given(signal, slow))
}

/// `stoch_d(high, low, close, k, smooth, d)`: the `sma` of `stoch_k` over `d` bars. From row
/// k+smooth+d-3. TA-Lib: STOCH with simple averages, slow %D; see `stoch_k`.
pub fn stoch_d(
    high: &[f64],
    low: &[f64],
    close: &[f64],
    k: usize,
    smooth: usize,
    d: usize,
) -> Vec<f64> {
    sma(&sma(&stand(high, low, close, k), smooth), d)
}

/// `williams_r(high, low, close, n)`: where the close stands between the lowest low (-100) and the
/// highest high (0) of `n` bars. From row n-1; missing where they are equal. TA-Lib: WILLR, which
/// has 0 there.
pub fn williams_r(high: &[f64], low: &[f64], close: &[f64], n: usize) -> Vec<f64> {
    map_rows([&highest(high, n), &lowest(low, n), close], |[top, bottom, close]| {
        100.0 * ((close - top) / (top - bottom))
    })
}

/// Where the close stands in the range of the last `n` bars, 0 to 100.
fn stand(high: &[f64], low: &[f64], close: &[f64], n: usize) -> Vec<f64> {
    map_rows([&highest(high, n), &lowest(low, n), close], |[top, bottom, close]| {
        100.0 * ((close - bottom) / (top - bottom))
    })
}

/// `cci(high, low, close, n)`: (p - m) / (0.015 d) with p = (high + low + close) / 3, m its mean and
/// d its mean distance from m over `n` bars. From row n-1; missing where p is flat. TA-Lib: CCI,
/// which has 0 there.
pub fn cci(high: &[f64], low: &[f64], close: &[f64], n: usize) -> Vec<f64> {
    let price = typical_price(high, low, close);
    let mean = sma(&price, n);
    let distance = mean_distance(&price, &mean, n);
    map_rows([&price, &mean, &distance], |[price, mean, distance]| {
        apart(price - mean, mean) / (0.015 * apart(distance, mean))
    })
}

/// `mfi(high, low, close, volume, n)`: 100 r / (r + f), with r and f the sums over `n` bars of price
/// times volume where the price (high + low + close) / 3 rose and where it fell, 0 to 100. From row
/// n; missing where nothing flowed. TA-Lib: MFI, which has 0 there.
pub fn mfi(high: &[f64], low: &[f64], close: &[f64], volume: &[f64], n: usize) -> Vec<f64> {
    let price = typical_price(high, low, close);
    let flows = |row: usize| {
        let now = price[row];
        let step = row.checked_sub(1).map_or(f64::NAN, |last| apart(now - price[last], now));
        let flow = |counts: bool| (if counts { now } else { 0.0 }) * volume[row];
        // A missing step is neither a rise nor a fall, and no stillness either.
        [flow(step > 0.0), flow(step < 0.0)].map(|flow| given(step, flow))
    };
    windows(
        price.len(),
        n,
        flows,
        |[rises, falls], _, [later_rises, later_falls], _| {
            [rises + later_rises, falls + later_falls]
        },
        |_, [rises, falls]| 100.0 * (rises / (rises + falls)),
    )
}

/// The distance of two typical prices at about `level`, or of their means. The third in them is
/// rounded, so equal ones can differ in their last digits, and that is no distance; TA-Lib draws the
/// line in the same place.
fn apart(distance: f64, level: f64) -> f64 {
    if distance.abs() <= 2e-14 * level.abs() { 0.0 } else { distance }
}

/// (high + low + close) / 3.
pub(super) fn typical_price(high: &[f64], low: &[f64], close: &[f64]) -> Vec<f64> {
    map_rows([high, low, close], |[high, low, close]| (high + low + close) / 3.0)
}

/// `aroon_up(high, n)`: 100 (n - a) / n, with a the bars since the highest of the last n+1 values;
/// of equal ones the latest. From row n. TA-Lib: AROON, its second output.
pub fn aroon_up(high: &[f64], n: usize) -> Vec<f64> {
    map_rows([&argmax(high, n + 1)], |[age]| 100.0 * (n as f64 - age) / n as f64)
}

/// `aroon_down(low, n)`: 100 (n - a) / n, with a the bars since the lowest of the last n+1 values;
/// of equal ones the latest. From row n. TA-Lib: AROON, its first output.
pub fn aroon_down(low: &[f64], n: usize) -> Vec<f64> {
    map_rows([&argmin(low, n + 1)], |[age]| 100.0 * (n as f64 - age) / n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close_to(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
    }

    #[test]
    fn differences_reach_back_n_bars() {
        let x = [4.0, 5.0, 0.0, 6.0];
        assert_eq!(lag(&x, 2)[2..], [4.0, 5.0]);
        assert_eq!(lag(&x, 0), x);
        assert!(lag(&x, 9).iter().all(|value| value.is_nan()));
        assert_eq!(change(&x, 2)[2..], [-4.0, 1.0]);
        assert_eq!(momentum(&x, 2)[2..], [-4.0, 1.0]);
        assert_eq!(roc(&x, 1)[1..3], [25.0, -100.0]);
        assert!(roc(&x, 1)[3].is_nan());
    }

    #[test]
    fn relative_strength_weighs_rises_against_falls() {
        // Steps +2, -1, +1: the averages over 2 are 1 and 0.5, then 1 and 0.25.
        let rsi = rsi(&[10.0, 12.0, 11.0, 12.0], 2);
        assert!(rsi[1].is_nan());
        close_to(rsi[2], 100.0 * 2.0 / 3.0);
        close_to(rsi[3], 80.0);
    }

    #[test]
    fn relative_strength_is_the_same_at_any_scale_and_missing_while_flat() {
        let x: Vec<f64> = (0..60).map(|i| 50.0 + f64::from(i * 13 % 17)).collect();
        let tiny: Vec<f64> = x.iter().map(|x| x * f64::exp2(-100.0)).collect();
        assert_eq!(rsi(&x, 14)[14..], rsi(&tiny, 14)[14..]);
        assert!(rsi(&[5.0; 60], 14).iter().all(|value| value.is_nan()));
        assert!(cci(&[0.1; 60], &[0.1; 60], &[0.1; 60], 7).iter().all(|value| value.is_nan()));
    }

    #[test]
    fn both_averages_of_the_macd_start_on_one_bar() {
        // fast 1 follows x; slow 3 (weight 1/2) starts at row 2 with 2, then 3.
        let x = [1.0, 2.0, 3.0, 4.0, 8.0];
        assert!(macd(&x, 1, 3, 2)[2].is_nan());
        close_to(macd(&x, 1, 3, 2)[3], 1.0);
        close_to(macd(&x, 3, 1, 2)[4], 2.5);
        // The signal (weight 2/3) starts with the mean of 1 and 1.
        close_to(macd_signal(&x, 1, 3, 2)[3], 1.0);
        close_to(macd_signal(&x, 1, 3, 2)[4], 2.0);
        close_to(macd_hist(&x, 1, 3, 2)[4], 0.5);
    }

    #[test]
    fn oscillators_tell_where_the_close_stands() {
        let (high, low, close) = ([3.0, 5.0, 4.0], [1.0, 2.0, 3.0], [2.0, 4.0, 3.0]);
        close_to(williams_r(&high, &low, &close, 2)[1], -25.0);
        close_to(stoch_k(&high, &low, &close, 2, 1, 2)[2], 100.0 / 3.0);
        close_to(stoch_d(&high, &low, &close, 2, 1, 2)[2], (75.0 + 100.0 / 3.0) / 2.0);
        assert!(stoch_k(&high, &low, &close, 2, 1, 2)[1].is_nan());
        // Typical prices 2, 11/3, 10/3: mean 3, distances 1, 2/3, 1/3.
        close_to(cci(&high, &low, &close, 3)[2], (1.0 / 3.0) / (0.015 * 2.0 / 3.0));
        // Rise 11/3 with volume 3, fall to 10/3 with volume 6.
        close_to(mfi(&high, &low, &close, &[1.0, 3.0, 6.0], 2)[2], 100.0 * 11.0 / 31.0);
    }

    #[test]
    fn aroon_counts_from_the_latest_extreme() {
        let x = [1.0, 9.0, 3.0, 9.0, 2.0];
        assert_eq!(aroon_up(&x, 4)[4], 75.0);
        assert_eq!(aroon_down(&x, 4)[4], 0.0);
        assert!(aroon_up(&x, 4)[3].is_nan());
    }
}
