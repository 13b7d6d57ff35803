//! The least and the greatest of many numbers.

use std::ops::Range;
use std::sync::Arc;

/// Independent minima and maxima, so that the compiler can keep them in vectors.
const LANES: usize = 8;

/// The least and the greatest of `values` that are not `NaN`; of none, what is above and what is below
/// all numbers.
///
/// ```
/// # use papertape::bars::extremes;
/// assert_eq!(extremes(&[2.0, f64::NAN, 1.0, 3.0]), (1.0, 3.0));
/// assert_eq!(extremes(&[]), (f64::INFINITY, f64::NEG_INFINITY));
/// ```
pub fn extremes(values: &[f64]) -> (f64, f64) {
    let (mut low, mut high) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            low[lane] = lower(low[lane], chunk[lane]);
            high[lane] = higher(high[lane], chunk[lane]);
        }
    }
    let low = rest.iter().chain(&low).copied().fold(f64::INFINITY, lower);
    (low, rest.iter().chain(&high).copied().fold(f64::NEG_INFINITY, higher))
}

// A comparison is one instruction where `min` and `max` are several for NaN's sake.
fn lower(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

fn higher(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

/// The least and the greatest of every few values of a column, so that those of any rows are found without
/// a look at most of them.
///
/// ```
/// # use papertape::bars::{Extremes, extremes};
/// let column: Vec<f64> = (0..1_000).map(|row| f64::from(row % 300)).collect();
/// assert_eq!(Extremes::of(&column).within(&column, 10..990), (0.0, 299.0));
/// ```
#[derive(Debug, Clone)]
pub struct Extremes {
    blocks: Arc<[(f64, f64)]>,
}

impl Extremes {
    /// How many values are a block.
    const BLOCK: usize = 16;

    /// Those of `column`.
    pub fn of(column: &[f64]) -> Self {
        Self { blocks: column.chunks(Self::BLOCK).map(extremes).collect() }
    }

    /// [`extremes`] of the rows `rows` of `column`, which is the one that these are of.
    pub fn within(&self, column: &[f64], rows: Range<usize>) -> (f64, f64) {
        let (first, last) = (rows.start.div_ceil(Self::BLOCK), rows.end / Self::BLOCK);
        if first >= last {
            return each(&column[rows]);
        }
        let (start, end) = (first * Self::BLOCK, last * Self::BLOCK);
        // Three ways that do not wait for each other.
        let head = each(&column[rows.start..start]);
        let tail = each(&column[end..rows.end]);
        let blocks = self.blocks[first..last].iter().copied().fold(NONE, both);
        both(blocks, both(head, tail))
    }
}

/// The extremes of nothing.
const NONE: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

/// [`extremes`] of few values.
fn each(values: &[f64]) -> (f64, f64) {
    values.iter().fold(NONE, |extremes, &value| both(extremes, (value, value)))
}

fn both((low, high): (f64, f64), (least, greatest): (f64, f64)) -> (f64, f64) {
    (lower(low, least), higher(high, greatest))
}

#[cfg(test)]
mod tests {
    use super::{Extremes, extremes};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn none_is_beyond_them_and_both_are_there(
            values in prop::collection::vec(prop_oneof![9 => -9.0..9.0_f64, 1 => Just(f64::NAN)], 0..99),
        ) {
            let present: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
            let low = present.iter().copied().fold(f64::INFINITY, f64::min);
            let high = present.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            prop_assert_eq!(extremes(&values), (low, high));
        }

        #[test]
        fn blocks_know_what_their_values_do(
            values in prop::collection::vec(prop_oneof![9 => -9.0..9.0_f64, 1 => Just(f64::NAN)], 1..400),
            ends in [0..400_usize, 0..400_usize],
        ) {
            let [a, b] = ends.map(|end| end % (values.len() + 1));
            let rows = a.min(b)..a.max(b);
            let known = Extremes::of(&values).within(&values, rows.clone());
            prop_assert_eq!(known, extremes(&values[rows]));
        }
    }
}
