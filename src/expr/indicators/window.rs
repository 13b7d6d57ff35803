//! Plain windows: sums, means, extremes, ranks, and straight lines through one or two columns.
//!
//! All of them share [`windows`]; they differ in what is known about a stretch of rows and in how
//! two stretches become one. Means, squares and slopes are kept relative to the stretch's first
//! value, so that a large level costs no digits and the mean of a flat window is exactly its value.

use super::tree::windows;
use super::{given, in_runs, map_rows};

/// `sum(x, n)`: the sum of the last `n` values. From row n-1. TA-Lib: SUM.
pub fn sum(x: &[f64], n: usize) -> Vec<f64> {
    windows(x.len(), n, |row| [x[row]], |[a], _, [b], _| [a + b], |_, [sum]| sum)
}

/// `cumsum(x)`: the sum of all values since the column began, and after a missing value since then.
/// From row 0. By definition.
pub fn cumsum(x: &[f64]) -> Vec<f64> {
    in_runs([x], |[x]| {
        let add = |total: &mut f64, &x: &f64| {
            *total += x;
            Some(*total)
        };
        x.iter().scan(0.0, add).collect()
    })
}

/// `sma(x, n)`: the mean of the last `n` values. From row n-1. TA-Lib: SMA.
pub fn sma(x: &[f64], n: usize) -> Vec<f64> {
    windows(
        x.len(),
        n,
        |row| [x[row], 0.0],
        |a, count, b, later_count| join_means(a, count, b, later_count).0,
        |_, [first, excess]| first + excess / n as f64,
    )
}

/// What is known about the mean of two neighbouring stretches together, and how far the mean of the
/// later one is above that of the earlier one.
///
/// A mean is known as the first value and the sum of what all values are above it. That excess is
/// exact wherever the plain sum would be, and zero where the stretch is flat.
#[inline]
fn join_means(
    [first, excess]: [f64; 2],
    count: f64,
    [later_first, later_excess]: [f64; 2],
    later_count: f64,
) -> ([f64; 2], f64) {
    let rise = later_first - first;
    let gap = rise + (later_excess * (1.0 / later_count) - excess * (1.0 / count));
    ([first, excess + later_excess + later_count * rise], gap)
}

/// `variance(x, n)`: the mean square of the distance from the mean, over the last `n` values
/// (population). From row n-1. TA-Lib: VAR, which loses digits when the mean is large against the
/// distances.
pub fn variance(x: &[f64], n: usize) -> Vec<f64> {
    moments(x, n, |_, _, variance| variance)
}

/// `value(last, mean, variance)` of each window; the mean has the bits of [`sma`].
pub(super) fn moments(x: &[f64], n: usize, value: impl Fn(f64, f64, f64) -> f64) -> Vec<f64> {
    // The pairwise merge of sums of squares by Chan, Golub and LeVeque (1979). One row has no
    // squares, unless it is missing.
    windows(
        x.len(),
        n,
        |row| [x[row], 0.0, given(x[row], 0.0)],
        |[first, excess, squares], count, [later, later_excess, later_squares], later_count| {
            let ([first, excess], gap) =
                join_means([first, excess], count, [later, later_excess], later_count);
            let between = gap * gap * (count * later_count / (count + later_count));
            [first, excess, squares + later_squares + between]
        },
        |row, [first, excess, squares]| {
            value(x[row], first + excess / n as f64, squares / n as f64)
        },
    )
}

/// `highest(x, n)`: the largest of the last `n` values. From row n-1. TA-Lib: MAX.
pub fn highest(x: &[f64], n: usize) -> Vec<f64> {
    // A missing value wins every comparison, from either side.
    let merge = |a: f64, b: f64| if a > b || a.is_nan() { a } else { b };
    windows(x.len(), n, |row| [x[row]], |[a], _, [b], _| [merge(a, b)], |_, [highest]| highest)
}

/// `lowest(x, n)`: the smallest of the last `n` values. From row n-1. TA-Lib: MIN.
pub fn lowest(x: &[f64], n: usize) -> Vec<f64> {
    let merge = |a: f64, b: f64| if a < b || a.is_nan() { a } else { b };
    windows(x.len(), n, |row| [x[row]], |[a], _, [b], _| [merge(a, b)], |_, [lowest]| lowest)
}

/// `argmax(x, n)`: how many bars ago the largest of the last `n` values stood, 0 to n-1; of equal
/// ones the latest. From row n-1. TA-Lib: MAXINDEX, which counts from the start of the column, and
/// of equal ones takes one or another.
pub fn argmax(x: &[f64], n: usize) -> Vec<f64> {
    age_of_extreme(x, n, |a, b| a > b)
}

/// `argmin(x, n)`: how many bars ago the smallest of the last `n` values stood, 0 to n-1; of equal
/// ones the latest. From row n-1. TA-Lib: MININDEX, which counts from the start of the column, and
/// of equal ones takes one or another.
pub fn argmin(x: &[f64], n: usize) -> Vec<f64> {
    age_of_extreme(x, n, |a, b| a < b)
}

fn age_of_extreme(x: &[f64], n: usize, beats: impl Fn(f64, f64) -> bool) -> Vec<f64> {
    windows(
        x.len(),
        n,
        |row| [x[row], 0.0],
        |[a, age], _, [b, later_age], count| {
            if beats(a, b) || a.is_nan() { [a, age + count] } else { [b, later_age] }
        },
        |_, [extreme, age]| if extreme.is_nan() { extreme } else { age },
    )
}

/// `rank_pct(x, n)`: the rank of the current value among the last `n`, divided by `n`: the smallest
/// of all has 1/n, the largest 1, and equal values share the mean of their ranks. From row n-1.
/// Source: pandas, `rolling(n).rank(pct=True)`.
pub fn rank_pct(x: &[f64], n: usize) -> Vec<f64> {
    each_window(x, n, |window| {
        let now = window[n - 1];
        let below = total(window, |value| {
            let order = f64::from(value < now) - f64::from(value > now);
            given(value - now, 0.5 + 0.5 * order)
        });
        (below + 0.5) / n as f64
    })
}

/// The mean of |x - centre| over the last `n` values, `centre` being that of the window's last row.
pub(super) fn mean_distance(x: &[f64], centre: &[f64], n: usize) -> Vec<f64> {
    let mut centres = centre.iter().skip(n - 1);
    each_window(x, n, |window| {
        let centre = centres.next().copied().unwrap_or(f64::NAN);
        total(window, |value| (value - centre).abs()) / n as f64
    })
}

/// The value of each window, computed from all of its rows.
fn each_window(x: &[f64], n: usize, value: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    let warm_up = (n - 1).min(x.len());
    let mut out = vec![f64::NAN; warm_up];
    out.extend(x.windows(n).map(value).map(super::finite));
    out
}

/// The sum of `term` over a window, in a fixed order of eight interleaved sums.
fn total(window: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0; 8];
    let (chunks, rest) = window.as_chunks::<8>();
    for chunk in chunks {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum += term(value);
        }
    }
    for (sum, &value) in sums.iter_mut().zip(rest) {
        *sum += term(value);
    }
    sums.iter().sum()
}

/// `linreg_slope(x, n)`: the slope, a bar, of the least-squares line through the last `n` values.
/// From row n-1; a window of one row has none. TA-Lib: LINEARREG_SLOPE.
pub fn linreg_slope(x: &[f64], n: usize) -> Vec<f64> {
    lines(x, n, |_, slope| slope)
}

/// `linreg_value(x, n)`: the end point of the least-squares line through the last `n` values. From
/// row n-1; a window of one row has none. TA-Lib: LINEARREG.
pub fn linreg_value(x: &[f64], n: usize) -> Vec<f64> {
    let half = (n as f64 - 1.0) / 2.0;
    lines(x, n, |mean, slope| mean + slope * half)
}

/// `value(mean, slope)` of the least-squares line through each window. With the weights 1 to n, the
/// weighted mean is `mean + slope * (n - 1) / 6`.
fn lines(x: &[f64], n: usize, value: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let size = n as f64;
    let spread = size * (size * size - 1.0) / 12.0;
    // `tilt` is the sum of (row - mean row) (value - mean), merged as the squares of `moments` are.
    windows(
        x.len(),
        n,
        |row| [x[row], 0.0, 0.0],
        |[first, excess, tilt], count, [later, later_excess, later_tilt], later_count| {
            let ([first, excess], gap) =
                join_means([first, excess], count, [later, later_excess], later_count);
            [first, excess, tilt + later_tilt + gap * (count * later_count / 2.0)]
        },
        |_, [first, excess, tilt]| value(first + excess / size, tilt / spread),
    )
}

/// `wma(x, n)`: the mean of the last `n` values with the weights 1 to n, the latest counting most.
/// From row n-1. TA-Lib: WMA.
pub fn wma(x: &[f64], n: usize) -> Vec<f64> {
    let reach = (n as f64 - 1.0) / 6.0;
    // One row has no slope, and its mean needs none.
    if n == 1 { sma(x, 1) } else { lines(x, n, |mean, slope| mean + slope * reach) }
}

/// `correlation(a, b, n)`: Pearson's correlation of the last `n` pairs, -1 to 1. From row n-1;
/// missing where either side is flat. TA-Lib: CORREL, which has 0 there.
pub fn correlation(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    pairs(a, b, n, |[aa, bb, ab]| (ab / (aa.sqrt() * bb.sqrt())).clamp(-1.0, 1.0))
}

/// `beta(a, b, n)`: the slope of the returns of `a` on those of `b`, over the last `n` returns
/// (x / lag(x, 1) - 1). From row n; missing where `b` does not move. TA-Lib: BETA(b, a), in this
/// order, since its first argument is the one divided by; it has 0 where this is missing.
pub fn beta(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let returns = |x: &[f64]| map_rows([x, &super::lag(x, 1)], |[x, last]| (x - last) / last);
    pairs(&returns(a), &returns(b), n, |[_, bb, ab]| ab / bb)
}

/// `value` of the sums of squares and products around the means of each window: a², b² and ab.
fn pairs(a: &[f64], b: &[f64], n: usize, value: impl Fn([f64; 3]) -> f64) -> Vec<f64> {
    assert_eq!(a.len(), b.len(), "columns of one series have one length");
    windows(
        a.len(),
        n,
        |row| [a[row], 0.0, b[row], 0.0, 0.0, 0.0, 0.0],
        |[a, a_excess, b, b_excess, aa, bb, ab], count, later, later_count| {
            let [later_a, later_a_excess, later_b, later_b_excess, later_aa, later_bb, later_ab] =
                later;
            let ([a, a_excess], a_gap) =
                join_means([a, a_excess], count, [later_a, later_a_excess], later_count);
            let ([b, b_excess], b_gap) =
                join_means([b, b_excess], count, [later_b, later_b_excess], later_count);
            let weight = count * later_count / (count + later_count);
            [
                a,
                a_excess,
                b,
                b_excess,
                aa + later_aa + a_gap * a_gap * weight,
                bb + later_bb + b_gap * b_gap * weight,
                ab + later_ab + a_gap * b_gap * weight,
            ]
        },
        |_, [_, _, _, _, aa, bb, ab]| value([aa, bb, ab]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f64 = f64::NAN;

    /// Equal bit for bit, with `NaN` equal to itself.
    #[track_caller]
    fn equal(got: &[f64], expected: &[f64]) {
        let bits = |column: &[f64]| column.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(got), bits(expected), "{got:?} is not {expected:?}");
    }

    #[test]
    fn a_window_holds_its_last_n_values() {
        let x = [1.0, 2.0, 4.0, 8.0, 16.0];
        equal(&sum(&x, 3), &[NAN, NAN, 7.0, 14.0, 28.0]);
        equal(&sma(&x, 2), &[NAN, 1.5, 3.0, 6.0, 12.0]);
        equal(&sum(&x, 5), &[NAN, NAN, NAN, NAN, 31.0]);
        equal(&sum(&x, 6), &[NAN; 5]);
        equal(&sum(&[], 1), &[]);
        equal(&cumsum(&[1.0, 2.0, NAN, 4.0, 5.0]), &[1.0, 3.0, NAN, 4.0, 9.0]);
    }

    #[test]
    fn a_window_with_a_missing_value_is_missing() {
        let x = [3.0, NAN, 1.0, 2.0, 5.0];
        let expected = |last: f64| [NAN, NAN, NAN, NAN, last];
        equal(&sum(&x, 3), &expected(8.0));
        equal(&highest(&x, 3), &expected(5.0));
        equal(&lowest(&x, 3), &expected(1.0));
        equal(&argmax(&x, 3), &expected(0.0));
        equal(&argmin(&x, 3), &expected(2.0));
        equal(&rank_pct(&x, 3), &expected(1.0));
        for kernel in [sum, sma, variance, highest, argmin, rank_pct] {
            assert!(kernel(&[NAN], 1)[0].is_nan());
        }
    }

    #[test]
    fn the_mean_of_a_flat_window_is_its_value_and_nothing_varies() {
        for n in 1..70 {
            let x = [0.1; 70];
            assert!(sma(&x, n)[n - 1..].iter().all(|&mean| mean == 0.1));
            assert!(wma(&x, n)[n - 1..].iter().all(|&mean| mean == 0.1));
            assert!(variance(&x, n)[n - 1..].iter().all(|&variance| variance == 0.0));
            assert!(correlation(&x, &[0.3; 70], n).iter().all(|value| value.is_nan()));
        }
    }

    #[test]
    fn the_mean_of_counts_is_their_sum_divided() {
        let x: Vec<f64> = (0..300).map(|i| f64::from(u8::from(i * 7 % 11 < 5))).collect();
        for n in 1..200 {
            for (mean, sum) in sma(&x, n).iter().zip(sum(&x, n)).skip(n - 1) {
                // Half of the rows is half, however the window is cut.
                assert_eq!(*mean == 0.5, 2.0 * sum == n as f64);
                assert!((mean - sum / n as f64).abs() <= f64::EPSILON);
            }
        }
    }

    #[test]
    fn a_variance_keeps_its_digits_under_a_large_level() {
        // The level and the pattern are exact in binary, so the answer does not depend on the level.
        let pattern = |i: usize| [0.0, 0.25, -0.5, 1.0, 0.75][i % 5];
        let near: Vec<f64> = (0..300).map(pattern).collect();
        let far: Vec<f64> = near.iter().map(|x| x + 1e12).collect();
        equal(&variance(&far, 200), &variance(&near, 200));
        let mean_square = (0.0625 + 0.25 + 1.0 + 0.5625) / 5.0;
        let expected = mean_square - 0.3 * 0.3;
        assert!((variance(&near, 200)[250] - expected).abs() < 1e-15);
    }

    #[test]
    fn of_equal_extremes_the_latest_counts() {
        let x = [5.0, 1.0, 5.0, 1.0, 3.0];
        equal(&argmax(&x, 4), &[NAN, NAN, NAN, 1.0, 2.0]);
        equal(&argmin(&x, 4), &[NAN, NAN, NAN, 0.0, 1.0]);
    }

    #[test]
    fn equal_values_share_their_ranks() {
        let x = [1.0, 2.0, 2.0, 0.0];
        equal(&rank_pct(&x, 2), &[NAN, 1.0, 0.75, 0.5]);
        equal(&rank_pct(&x, 4), &[NAN, NAN, NAN, 0.25]);
    }

    #[test]
    fn a_line_is_fitted_to_itself() {
        let x: Vec<f64> = (0..40).map(|i| 7.0 - 0.5 * f64::from(i)).collect();
        for n in 2..40 {
            for row in n - 1..40 {
                assert!((linreg_slope(&x, n)[row] + 0.5).abs() < 1e-13);
                assert!((linreg_value(&x, n)[row] - x[row]).abs() < 1e-12);
            }
        }
        // By hand: the line through 1, 2, 4, 3 is 1.3 + 0.8 i.
        assert!((linreg_slope(&[1.0, 2.0, 4.0, 3.0], 4)[3] - 0.8).abs() < 1e-15);
        assert!((linreg_value(&[1.0, 2.0, 4.0, 3.0], 4)[3] - 3.7).abs() < 1e-15);
        assert!(linreg_slope(&x, 1).iter().all(|slope| slope.is_nan()));
    }

    #[test]
    fn beta_is_the_slope_of_the_first_argument_on_the_second() {
        // b returns +10 %, -10 %, +20 %; a returns twice as much each time.
        let b = [100.0, 110.0, 99.0, 118.8];
        let a = [100.0, 120.0, 96.0, 134.4];
        let beta = beta(&a, &b, 3);
        assert!(beta[2].is_nan());
        assert!((beta[3] - 2.0).abs() < 1e-12);
        let correlation = correlation(&[1.0, 2.0, 3.0], &[3.0, 1.0, 2.0], 3);
        assert!((correlation[2] + 0.5).abs() < 1e-15);
    }
}
