//! The least and the greatest of many numbers.

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
    // A comparison is one instruction where `min` and `max` are several for NaN's sake.
    let lower = |a: f64, b: f64| if b < a { b } else { a };
    let higher = |a: f64, b: f64| if b > a { b } else { a };
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

#[cfg(test)]
mod tests {
    use super::extremes;
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
    }
}
