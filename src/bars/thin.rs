//! Which values of a long series a picture of it needs: never without its ends, its extremes and its
//! deepest fall.

use std::collections::BTreeSet;

/// The indices of `values` worth drawing, ascending: both ends, and of each stretch the least and the
/// greatest value, where `stretch` tells the number of an index's stretch.
///
/// The extremes of all values are extremes of their stretches, so they stay too. What is not finite is
/// left out.
///
/// ```
/// use papertape::bars::thin::thin;
///
/// let kept = thin(&[3.0, 5.0, 4.0, 1.0, 2.0, f64::NAN], |index| index / 3);
/// assert_eq!(kept.into_iter().collect::<Vec<_>>(), [0, 1, 3, 4]);
/// ```
pub fn thin(values: &[f64], stretch: impl Fn(usize) -> usize) -> BTreeSet<usize> {
    let finite: Vec<usize> = (0..values.len()).filter(|&index| values[index].is_finite()).collect();
    let mut kept: BTreeSet<usize> =
        finite.first().into_iter().chain(finite.last()).copied().collect();
    for part in finite.chunk_by(|&a, &b| stretch(a) == stretch(b)) {
        kept.extend(part.iter().min_by(|&&a, &&b| values[a].total_cmp(&values[b])));
        kept.extend(part.iter().max_by(|&&a, &&b| values[a].total_cmp(&values[b])));
    }
    kept
}

/// The value that fell by the largest fraction of the one before, and the one before: their indices.
///
/// What is not finite is passed over; `None` when nothing fell from above zero.
///
/// ```
/// use papertape::bars::thin::deepest_fall;
///
/// assert_eq!(deepest_fall(&[100.0, 90.0, f64::NAN, 45.0, 30.0]), Some([1, 3]));
/// assert_eq!(deepest_fall(&[1.0, 1.0, 2.0]), None);
/// ```
pub fn deepest_fall(values: &[f64]) -> Option<[usize; 2]> {
    let finite: Vec<usize> = (0..values.len()).filter(|&index| values[index].is_finite()).collect();
    let change = |pair: &[usize]| values[pair[1]] / values[pair[0]] - 1.0;
    let falls = finite.windows(2).filter(|pair| values[pair[0]] > 0.0 && change(pair) < 0.0);
    let deepest = falls.min_by(|a, b| change(a).total_cmp(&change(b)))?;
    Some([deepest[0], deepest[1]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Series with steps of every size and direction, flat parts, and values that are none.
    fn series() -> impl Strategy<Value = Vec<f64>> {
        let step = prop_oneof![
            6 => -0.05..0.05_f64,
            2 => Just(0.0),
            1 => -0.9..3.0_f64,
            1 => Just(f64::NAN),
        ];
        prop::collection::vec(step, 1..600).prop_map(|steps| {
            let mut now = 100.0;
            let value = |step: f64| match step.is_nan() {
                true => step,
                false => {
                    now *= 1.0 + step;
                    now
                }
            };
            steps.into_iter().map(value).collect()
        })
    }

    proptest! {
        #[test]
        fn a_thinned_series_has_its_ends_and_its_extremes(
            values in series(),
            wide in 1..200_usize,
        ) {
            let kept = thin(&values, |index| index / wide);
            let finite: Vec<usize> = (0..values.len()).filter(|&at| values[at].is_finite()).collect();
            prop_assert!(kept.iter().all(|at| finite.contains(at)));
            prop_assert!(kept.len() <= 2 * values.len().div_ceil(wide) + 2);
            if let [first, .., last] = finite[..] {
                prop_assert!(kept.contains(&first) && kept.contains(&last));
                let of = |indices: &[usize], pick: fn(f64, f64) -> f64| {
                    indices.iter().map(|&at| values[at]).reduce(pick)
                };
                let kept: Vec<usize> = kept.into_iter().collect();
                prop_assert_eq!(of(&kept, f64::min), of(&finite, f64::min));
                prop_assert_eq!(of(&kept, f64::max), of(&finite, f64::max));
            }
        }

        #[test]
        fn no_fall_is_deeper_than_the_deepest(values in series()) {
            let known: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
            let worst = known.windows(2).map(|pair| pair[1] / pair[0] - 1.0).fold(0.0, f64::min);
            let found = deepest_fall(&values).map_or(0.0, |[a, b]| values[b] / values[a] - 1.0);
            prop_assert_eq!(found, worst);
        }
    }
}
