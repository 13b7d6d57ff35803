//! Recursive averages: they remember, ever more faintly, everything since they began.
//!
//! A recursion steps by `average += (x - average) * weight`, so an average of equal values is
//! exactly that value.

use super::{change, in_runs, map_rows, sma, sum};

/// `ema(x, n)`: the exponential average with weight 2/(n+1), seeded with the mean of the first `n`
/// values. From row n-1. TA-Lib: EMA.
pub fn ema(x: &[f64], n: usize) -> Vec<f64> {
    seeded(x, n, 2.0 / (n as f64 + 1.0))
}

/// `rma(x, n)`: Wilder's average, with weight 1/n, seeded with the mean of the first `n` values.
/// From row n-1. Source: the smoothing inside TA-Lib's RSI and ATR.
pub fn rma(x: &[f64], n: usize) -> Vec<f64> {
    seeded(x, n, 1.0 / n as f64)
}

/// `ewm(x, span)`: the exponential average with weight 2/(span+1) that starts at the first value.
/// From row 0. Source: pandas, `ewm(span, adjust=False).mean()`, but for its skipping of gaps.
pub fn ewm(x: &[f64], span: usize) -> Vec<f64> {
    let weight = 2.0 / (span as f64 + 1.0);
    in_runs([x], |[x]| follow(x, 0, x[0], |_| weight))
}

/// `dema(x, n)`: 2 e1 - e2, with e1 the `ema` of x and e2 that of e1. From row 2(n-1). TA-Lib: DEMA.
pub fn dema(x: &[f64], n: usize) -> Vec<f64> {
    let first = ema(x, n);
    let second = ema(&first, n);
    map_rows([&first, &second], |[first, second]| 2.0 * first - second)
}

/// `tema(x, n)`: 3 e1 - 3 e2 + e3, each the `ema` of the one before. From row 3(n-1). TA-Lib: TEMA.
pub fn tema(x: &[f64], n: usize) -> Vec<f64> {
    let first = ema(x, n);
    let second = ema(&first, n);
    let third = ema(&second, n);
    map_rows([&first, &second, &third], |[first, second, third]| 3.0 * first - 3.0 * second + third)
}

/// `kama(x, n)`: Kaufman's adaptive average. Its weight is (e (2/3 - 2/31) + 2/31)², with e the
/// distance covered in `n` bars divided by the length of the way; it starts from the value at row
/// n-1. From row n. TA-Lib: KAMA, and as there e is 1 where nothing moved.
pub fn kama(x: &[f64], n: usize) -> Vec<f64> {
    const FAST: f64 = 2.0 / 3.0;
    const SLOW: f64 = 2.0 / 31.0;
    in_runs([x], |[x]| {
        let Some(&seed) = x.get(n - 1) else { return vec![f64::NAN; x.len()] };
        let steps: Vec<f64> = change(x, 1).iter().map(|step| step.abs()).collect();
        let way = sum(&steps, n);
        let mut averages = follow(x, n - 1, seed, |row| {
            let distance = (x[row] - x[row - n]).abs();
            let efficiency = if distance < way[row] { distance / way[row] } else { 1.0 };
            let weight = efficiency * (FAST - SLOW) + SLOW;
            weight * weight
        });
        // The seed is a price, not yet an average.
        averages[n - 1] = f64::NAN;
        averages
    })
}

fn seeded(x: &[f64], n: usize, weight: f64) -> Vec<f64> {
    in_runs([x], |[x]| {
        let Some(head) = x.get(..n) else { return vec![f64::NAN; x.len()] };
        let seed = sma(head, n)[n - 1];
        follow(x, n - 1, seed, |_| weight)
    })
}

/// The average that is `seed` at row `start` and from there steps towards each value by the
/// `weight` of its row.
fn follow(x: &[f64], start: usize, seed: f64, weight: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut out = vec![f64::NAN; x.len()];
    let mut average = seed;
    out[start] = average;
    for row in start + 1..x.len() {
        average += (x[row] - average) * weight(row);
        out[row] = average;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close_to(got: &[f64], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        for (row, (got, expected)) in got.iter().zip(expected).enumerate() {
            let same = got.is_nan() && expected.is_nan() || (got - expected).abs() < 1e-12;
            assert!(same, "row {row}: {got} is not {expected}");
        }
    }

    const NAN: f64 = f64::NAN;

    #[test]
    fn exponential_averages_step_towards_the_value() {
        let x = [1.0, 3.0, 5.0, 9.0];
        // Weight 2/3 from the mean 2: 2 + 3 * 2/3 = 4, 4 + 5 * 2/3.
        close_to(&ema(&x, 2), &[NAN, 2.0, 4.0, 4.0 + 10.0 / 3.0]);
        // Weight 1/2 from the mean 2: 3.5, 6.25.
        close_to(&rma(&x, 2), &[NAN, 2.0, 3.5, 6.25]);
        // Weight 1/2 from the first value: 2, 3.5, 6.25.
        close_to(&ewm(&x, 3), &[1.0, 2.0, 3.5, 6.25]);
        // The average of (2, 4, 22/3) is (3, 3 + 13/3 * 2/3): the double one is 5, 82/9.
        close_to(&dema(&x, 2), &[NAN, NAN, 5.0, 44.0 / 3.0 - 53.0 / 9.0]);
    }

    #[test]
    fn a_missing_value_restarts_the_warm_up() {
        let x = [1.0, 3.0, NAN, 9.0, 5.0, NAN, 7.0];
        close_to(&ema(&x, 2), &[NAN, 2.0, NAN, NAN, 7.0, NAN, NAN]);
        close_to(&ewm(&x, 3), &[1.0, 2.0, NAN, 9.0, 7.0, NAN, 7.0]);
        close_to(&ema(&x, 3), &[NAN; 7]);
    }

    #[test]
    fn an_adaptive_average_is_fast_on_a_straight_way() {
        // A straight way has efficiency 1, so the weight is (2/3)²; there and back again has 0.
        close_to(&kama(&[1.0, 2.0, 3.0], 2), &[NAN, NAN, 2.0 + 4.0 / 9.0]);
        close_to(&kama(&[1.0, 2.0, 1.0], 2), &[NAN, NAN, 2.0 - 4.0 / 961.0]);
        close_to(&kama(&[4.0; 4], 2), &[NAN, NAN, 4.0, 4.0]);
    }

    #[test]
    fn averages_of_equal_values_are_that_value() {
        for kernel in [ema, rma, ewm, dema, tema, kama] {
            let values = kernel(&[0.1; 60], 7);
            assert!(values.iter().filter(|value| !value.is_nan()).all(|&value| value == 0.1));
            assert!(!values[59].is_nan());
        }
    }
}
