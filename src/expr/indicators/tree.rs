//! Windows as trees: what every fixed-length window of a column is computed from.
//!
//! A window of `n` rows is cut into stretches whose lengths are the powers of two in `n`, the
//! shortest first, and every stretch into halves down to single rows. Neighbours are merged along
//! that fixed tree, so a window depends on nothing but the values inside it: it has the same bits
//! wherever it stands. Stretches of equal length are shared by all windows that hold them, which
//! makes it about `2 log2(n)` merges a row. A running sum would be one, and would carry the
//! rounding of everything that ever passed through it.

use multiversion::multiversion;
use std::array::from_fn;

use super::finite;

/// Rows merged side by side; it lets the compiler use vector registers and changes no bit.
const LANES: usize = 16;

/// Windows computed at a time, so that their stretches stay in the cache.
const BLOCK: usize = 2048;

/// One column for each of the `N` numbers that are known about a stretch.
type Columns<const N: usize> = [Vec<f64>; N];

/// The `value` of each window of `n` rows, standing at the window's last row; missing before.
///
/// `leaf(row)` is what is known about the stretch of one row, `merge(a, len_a, b, len_b)` about the
/// stretch `a` followed by `b`, and `value(row, window)` reads the window that ends at `row`.
#[multiversion(targets = "simd")]
pub(super) fn windows<
    const N: usize,
    Leaf: Fn(usize) -> [f64; N],
    Merge: Fn([f64; N], f64, [f64; N], f64) -> [f64; N],
    Value: Fn(usize, [f64; N]) -> f64,
>(
    rows: usize,
    n: usize,
    leaf: Leaf,
    merge: Merge,
    value: Value,
) -> Vec<f64> {
    assert!(n > 0, "a window holds at least one row");
    let Some(last) = rows.checked_sub(n) else { return vec![f64::NAN; rows] };
    let mut out = Vec::with_capacity(rows);
    out.resize(n - 1, f64::NAN);
    let block = BLOCK.max(n);
    let room = (block + n).min(rows) + LANES;
    let columns = || from_fn(|_| vec![f64::NAN; room]);
    let (mut level, mut window): (Columns<N>, Columns<N>) = (columns(), columns());

    for start in (0..=last).step_by(block) {
        let count = block.min(last + 1 - start);
        let mut held = count + n - 1;
        for i in 0..held {
            let leaf = leaf(start + i);
            for (column, value) in level.iter_mut().zip(leaf) {
                column[i] = value;
            }
        }
        let (mut done, mut length) = (0, 1);
        loop {
            if n & length != 0 {
                if done == 0 {
                    for (window, level) in window.iter_mut().zip(&level) {
                        window[..count].copy_from_slice(&level[..count]);
                    }
                } else {
                    let join = |a, b| merge(a, done as f64, b, length as f64);
                    merge_rows(&mut window, count, Some(&level), done, join);
                }
                done += length;
                if done == n {
                    break;
                }
            }
            held -= length;
            let join = |a, b| merge(a, length as f64, b, length as f64);
            merge_rows(&mut level, held, None, length, join);
            length *= 2;
        }
        let end = start + n - 1;
        let windows = (0..count).map(|i| (end + i, from_fn(|column| window[column][i])));
        out.extend(windows.map(|(row, window)| finite(value(row, window))));
    }
    out
}

/// `columns[i] = join(columns[i], later[i + shift])` for the first `count` rows, `later` being the same
/// columns as they were if it is not given; the rows up to the next multiple of [`LANES`] are overwritten
/// too and mean nothing. What is read of a row is read before anything is written to it or beyond.
#[inline(always)]
fn merge_rows<const N: usize>(
    columns: &mut Columns<N>,
    count: usize,
    later: Option<&Columns<N>>,
    shift: usize,
    join: impl Fn([f64; N], [f64; N]) -> [f64; N],
) {
    for start in (0..count).step_by(LANES) {
        let (a, b) = (lanes(columns, start), lanes(later.unwrap_or(columns), start + shift));
        let mut both = [[0.0; LANES]; N];
        for lane in 0..LANES {
            let joined = join(from_fn(|column| a[column][lane]), from_fn(|column| b[column][lane]));
            for (lanes, value) in both.iter_mut().zip(joined) {
                lanes[lane] = value;
            }
        }
        for (column, lanes) in columns.iter_mut().zip(both) {
            column[start..start + LANES].copy_from_slice(&lanes);
        }
    }
}

#[inline(always)]
fn lanes<const N: usize>(columns: &Columns<N>, start: usize) -> [[f64; LANES]; N] {
    from_fn(|column| *columns[column][start..].first_chunk().expect("columns have room for LANES"))
}
