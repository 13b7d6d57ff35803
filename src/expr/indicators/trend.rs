//! Which way a market goes: Wilder's directional movement, and stops that follow a trend.

use super::{atr, in_runs, rma};

/// `plus_di(high, low, close, n)`: 100 M / T, with M and T Wilder's sums over `n` bars of the upward
/// movement and the true range. From row n; missing where there was no range. TA-Lib: PLUS_DI,
/// which has 0 there, and leaves out the factor 100 for n = 1.
pub fn plus_di(high: &[f64], low: &[f64], close: &[f64], n: usize) -> Vec<f64> {
    in_runs([high, low, close], |[high, low, close]| {
        let terms = |row| [movement(high, low, row)[0], range(high, low, close, row)];
        wilder_sums(high.len(), n, terms, |[moved, range]| 100.0 * (moved / range))
    })
}

/// `minus_di(high, low, close, n)`: as `plus_di`, of the downward movement. From row n. TA-Lib:
/// MINUS_DI.
pub fn minus_di(high: &[f64], low: &[f64], close: &[f64], n: usize) -> Vec<f64> {
    in_runs([high, low, close], |[high, low, close]| {
        let terms = |row| [movement(high, low, row)[1], range(high, low, close, row)];
        wilder_sums(high.len(), n, terms, |[moved, range]| 100.0 * (moved / range))
    })
}

/// `adx(high, low, close, n)`: Wilder's average (`rma`) of 100 |p - m| / (p + m), with p and m the
/// two directional indicators. From row 2n-1; a bar until which nothing moved has no direction, and
/// the average starts after it. TA-Lib: ADX, which counts such a bar and adds nothing.
pub fn adx(high: &[f64], low: &[f64], close: &[f64], n: usize) -> Vec<f64> {
    in_runs([high, low, close], |[high, low, _]| {
        // The range by which both indicators are divided cancels out.
        let direction = |[up, down]: [f64; 2]| 100.0 * ((up - down).abs() / (up + down));
        rma(&wilder_sums(high.len(), n, |row| movement(high, low, row), direction), n)
    })
}

/// Upward and downward movement from the bar before `row`: how far the high rose and the low fell,
/// the larger of the two where it is positive, and zero otherwise.
fn movement(high: &[f64], low: &[f64], row: usize) -> [f64; 2] {
    let (up, down) = (high[row] - high[row - 1], low[row - 1] - low[row]);
    // Markets turn too often for a branch: both conditions are always asked.
    let excess = |a: f64, b: f64| if (a > b) & (a > 0.0) { a } else { 0.0 };
    [excess(up, down), excess(down, up)]
}

/// The true range of `row`, which has a bar before it.
fn range(high: &[f64], low: &[f64], close: &[f64], row: usize) -> f64 {
    let last = close[row - 1];
    high[row].max(last) - low[row].min(last)
}

/// `value` of Wilder's sums of the `terms` of each row of a run, which has none at row 0: the plain sums
/// of n-1 rows, and from then on sum - sum / n + term. So the first stands at row n.
fn wilder_sums<const N: usize>(
    rows: usize,
    n: usize,
    terms: impl Fn(usize) -> [f64; N],
    value: impl Fn([f64; N]) -> f64,
) -> Vec<f64> {
    let mut sums = [0.0; N];
    let step = |row: usize| {
        for (sum, term) in sums.iter_mut().zip(terms(row)) {
            *sum = if row < n { *sum + term } else { *sum - *sum / n as f64 + term };
        }
        if row < n { f64::NAN } else { super::finite(value(sums)) }
    };
    std::iter::once(f64::NAN).chain((1..rows).map(step)).collect()
}

/// `psar(high, low, step, max)`: Wilder's parabolic stop and reverse, the price at which the trend of
/// that bar ends. Its factor starts at `step` (at most `max`) and grows by it with each new extreme.
/// The first trend is down where the second bar moved down (`minus_di`), and up otherwise. From
/// row 1. TA-Lib: SAR, which fuses its multiplications: where a bar ends exactly at the stop, the two
/// may turn on different bars.
pub fn psar(high: &[f64], low: &[f64], step: f64, max: f64) -> Vec<f64> {
    in_runs([high, low], |[high, low]| {
        let mut out = vec![f64::NAN];
        if high.len() < 2 {
            return out;
        }
        let step = step.min(max);
        let mut up = movement(high, low, 1)[1] == 0.0;
        // A falling trend is a rising one seen upside down: `bar` has the bar's end that the stop
        // follows and the end that leads, both with the sign turned in a falling trend.
        let bar = |row: usize, up: bool| match up {
            true => (low[row], high[row]),
            false => (-high[row], -low[row]),
        };
        let mut factor = step;
        let (mut stop, mut extreme) = (bar(0, up).0, bar(1, up).1);
        for row in 1..high.len() {
            // The stop stays outside of this bar and the one before; bar 0 only gave the first stop.
            let earlier = (row - 1).max(1);
            let reversed = bar(row, up).0 <= stop;
            if reversed {
                up = !up;
                stop = (-extreme).min(bar(earlier, up).0).min(bar(row, up).0);
            }
            out.push(if up { stop } else { -stop });
            let (follows, leads) = bar(row, up);
            if reversed {
                (factor, extreme) = (step, leads);
            } else if leads > extreme {
                (factor, extreme) = ((factor + step).min(max), leads);
            }
            stop += factor * (extreme - stop);
            stop = stop.min(bar(earlier, up).0).min(follows);
        }
        out
    })
}

/// `supertrend(high, low, close, n, k)`: a stop `k` times `atr(n)` from the bar's middle
/// (high + low) / 2. The lower band only rises while the last close was not below it, the upper band
/// only falls while it was not above it; the line is the lower band in a rising trend and the upper
/// one in a falling trend, and the trend turns when the close crosses the line. It begins falling.
/// From row n. Source: TradingView's `ta.supertrend`, with TA-Lib's ATR.
pub fn supertrend(high: &[f64], low: &[f64], close: &[f64], n: usize, k: f64) -> Vec<f64> {
    in_runs([high, low, close], |[high, low, close]| {
        let range = atr(high, low, close, n);
        let mut out = vec![f64::NAN; close.len()];
        let mut up = false;
        let (mut lower, mut upper) = (f64::NEG_INFINITY, f64::INFINITY);
        for row in n..close.len() {
            let middle = (high[row] + low[row]) / 2.0;
            let (floor, ceiling) = (middle - k * range[row], middle + k * range[row]);
            let last = close[row - 1];
            lower = if last < lower { floor } else { floor.max(lower) };
            upper = if last > upper { ceiling } else { ceiling.min(upper) };
            up = row > n && if up { close[row] >= lower } else { close[row] > upper };
            out[row] = if up { lower } else { upper };
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close_to(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
    }

    const HIGH: [f64; 5] = [10.0, 12.0, 13.0, 12.5, 12.0];
    const LOW: [f64; 5] = [8.0, 9.0, 11.0, 10.0, 8.0];
    const CLOSE: [f64; 5] = [9.0, 11.0, 12.0, 10.5, 9.0];

    #[test]
    fn directional_indicators_divide_movement_by_range() {
        // Up 2, 1, 0, 0; down 0, 0, 1, 2; ranges 3, 2, 2.5, 4. Wilder's sums over 2 bars:
        // up 2, 0.5 * 2 + 1 = 2, 1, 0.5; range 3, 3.5, 4.25, 6.125.
        let (plus, minus) = (plus_di(&HIGH, &LOW, &CLOSE, 2), minus_di(&HIGH, &LOW, &CLOSE, 2));
        assert!(plus[1].is_nan() && minus[1].is_nan());
        close_to(plus[2], 100.0 * 2.0 / 3.5);
        close_to(plus[4], 100.0 * 0.5 / 6.125);
        close_to(minus[2], 0.0);
        close_to(minus[4], 100.0 * 2.5 / 6.125);
        // Directions 100, 0 (1 against 1), 2/3: means 50, then (50 + 200/3) / 2.
        let adx = adx(&HIGH, &LOW, &CLOSE, 2);
        assert!(adx[2].is_nan());
        close_to(adx[3], 50.0);
        close_to(adx[4], (50.0 + 200.0 / 3.0) / 2.0);
    }

    #[test]
    fn the_parabolic_stop_follows_and_reverses() {
        let psar = psar(&HIGH, &LOW, 0.1, 0.2);
        assert!(psar[0].is_nan());
        // It starts at the first low, and goes 0.1 of the way to 12.
        close_to(psar[1], 8.0);
        close_to(psar[2], 8.4);
        // 0.2 of the way to 13 would be 9.32, above the low of the bar before last.
        close_to(psar[3], 9.0);
        // 0.2 of the way to 13 is 9.8, and the low 8 is under it: the stop turns to the highest high.
        close_to(psar[4], 13.0);
    }

    #[test]
    fn the_supertrend_turns_when_the_close_crosses_it() {
        // Ranges of one bar, 3, 2, 2.5, 4, halved around 10.5, 12, 11.25, 10.
        let line = supertrend(&HIGH, &LOW, &CLOSE, 1, 0.5);
        assert!(line[0].is_nan());
        close_to(line[1], 12.0);
        // The band falls to 12 at most and the close is at it, not above.
        close_to(line[2], 12.0);
        close_to(line[3], 12.0);
        close_to(line[4], 12.0);
        let turning = supertrend(&HIGH, &LOW, &[9.0, 11.0, 12.8, 10.5, 9.0], 1, 0.5);
        close_to(turning[1], 12.0);
        // Range 2: the close 12.8 is above 12, so the line is the lower band, 12 - 1.
        close_to(turning[2], 11.0);
        // Range 2.8: the close 10.5 is under 11, so it is the upper band, 11.25 + 1.4.
        close_to(turning[3], 12.65);
        close_to(turning[4], 12.0);
    }
}
