//! Splits and dividends: taken out of the prices, or handed to the account that books them.
//!
//! Prices before a split or a dividend are multiplied by `close / (close + dividend) / split`, the close
//! being that of the first bar after it; where a file has adjusted closes, by what turns its closes into
//! those. Volumes are adjusted for splits alone. Where splits alone are taken out, dividends are still
//! booked, for units that are as much smaller as the prices are.

use super::read::Told;
use crate::bars::{Action, Bars, Cut};
use crate::manifest::Adjust;
use std::sync::Arc;

/// New units for each old one, of the splits that exchanges see: a jump of about such a size is taken
/// for one.
const SPLITS: [f64; 19] = [
    1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0,
    50.0, 100.0,
];

/// The split, old units merged or new ones made, that prices which fall by `ratio` look like, within
/// `tolerance` of its size.
pub(super) fn split_like(ratio: f64, tolerance: f64) -> Option<f64> {
    let off = |split: f64| (ratio / split - 1.0).abs();
    let splits = SPLITS.into_iter().flat_map(|split| [split, 1.0 / split]);
    splits.filter(|split| off(*split) <= tolerance).min_by(|a, b| off(*a).total_cmp(&off(*b)))
}

/// Take out of `bars` what `adjust` says, `told` being what the file tells of each bar; or why that is
/// impossible.
pub(super) fn adjust(bars: &mut Bars, told: &Told, adjust: Adjust) -> Result<(), String> {
    match adjust {
        Adjust::None => {
            bars.actions = actions(told, bars.len());
            Ok(())
        }
        Adjust::Split => {
            let splits = split_factors(bars, told).ok_or(
                "`data.adjust = \"split\"` needs a column of splits or of adjusted closes; name it: `data.columns = { split = \"...\" }`",
            )?;
            bars.actions = dividends(told, &splits);
            apply(bars, &splits, &splits);
            Ok(())
        }
        Adjust::Total => {
            let factors = match &told.adj_close {
                Some(adjusted) => from_adjusted(bars, adjusted)?,
                None if told.split.is_some() || told.dividend.is_some() => total_factors(bars, told),
                None => return Err(
                    "`data.adjust = \"total\"` needs a column of adjusted closes, or of splits and dividends; name it: `data.columns = { adj_close = \"...\" }`".into(),
                ),
            };
            let splits = split_factors(bars, told).unwrap_or_else(|| vec![1.0; bars.len()]);
            apply(bars, &factors, &splits);
            Ok(())
        }
    }
}

/// The split before `row`; 1 if there is none, or the file has none.
pub(super) fn split(told: &Told, row: usize) -> f64 {
    let split = told.split.as_ref().map_or(1.0, |splits| splits[row]);
    // Files write 0 or nothing where nothing is split.
    if split > 0.0 { split } else { 1.0 }
}

fn dividend(told: &Told, row: usize) -> f64 {
    let dividend = told.dividend.as_ref().map_or(0.0, |dividends| dividends[row]);
    if dividend > 0.0 { dividend } else { 0.0 }
}

fn actions(told: &Told, len: usize) -> Arc<[Action]> {
    let action =
        |row: usize| Action { row, split: split(told, row), dividend: dividend(told, row) };
    // Nobody holds a unit before the first bar.
    (1..len).map(action).filter(|action| action.split != 1.0 || action.dividend != 0.0).collect()
}

/// The dividends alone, of units that `splits` made of one.
fn dividends(told: &Told, splits: &[f64]) -> Arc<[Action]> {
    let action =
        |row: usize| Action { row, split: 1.0, dividend: dividend(told, row) * splits[row] };
    (1..splits.len()).map(action).filter(|action| action.dividend != 0.0).collect()
}

/// Whether raw `bars` paid dividends of which nothing but their adjusted closes tells: what these leave
/// beside splits is more than rounding.
pub(super) fn hides_dividends(bars: &Bars, told: &Told) -> bool {
    let (None, Some(adjusted), Some(splits)) =
        (&told.dividend, &told.adj_close, split_factors(bars, told))
    else {
        return false;
    };
    let rest = |row: usize| adjusted[row] / bars.close[row] / splits[row];
    bars.len() > 1 && rest(bars.len() - 1) / rest(0) > 1.005
}

/// The product of `step(row)` over all later rows, for each row.
fn of_later(len: usize, step: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut factors = vec![1.0; len];
    for row in (1..len).rev() {
        factors[row - 1] = factors[row] * step(row);
    }
    factors
}

fn total_factors(bars: &Bars, told: &Told) -> Vec<f64> {
    of_later(bars.len(), |row| {
        let close = bars.close[row];
        close / (close + dividend(told, row)) / split(told, row)
    })
}

/// Factors of splits alone: as they are told, or the steps of the adjusted closes that are as large as
/// a split.
fn split_factors(bars: &Bars, told: &Told) -> Option<Vec<f64>> {
    if told.split.is_some() {
        return Some(of_later(bars.len(), |row| 1.0 / split(told, row)));
    }
    let adjusted = told.adj_close.as_ref()?;
    let factor = |row: usize| adjusted[row] / bars.close[row];
    let step = |row: usize| {
        let split = split_in(factor(row) / factor(row - 1));
        let fall = bars.close[row - 1] / bars.close[row];
        // Where adjusted closes are so small that rounding moves them by half, the price stays.
        let is_real =
            |split: &f64| (0.5..2.0).contains(&(fall / split)) && fall.ln() * split.ln() > 0.0;
        split.filter(is_real).map_or(1.0, |split| 1.0 / split)
    };
    Some(of_later(bars.len(), step))
}

/// The split in a step of the factor between closes and adjusted closes, which is
/// `split (1 + dividend / close)`: the one that leaves the smallest dividend, and one of a tenth of the
/// price at most. Adjusted closes are rounded, so that the rest may seem to be below zero.
fn split_in(step: f64) -> Option<f64> {
    let splits = SPLITS.into_iter().flat_map(|split| [split, 1.0 / split]);
    let rest = |split: f64| step / split - 1.0;
    let fits = splits.filter(|split| (-0.02..=0.1).contains(&rest(*split)));
    fits.min_by(|a, b| rest(*a).abs().total_cmp(&rest(*b).abs()))
}

fn from_adjusted(bars: &Bars, adjusted: &[f64]) -> Result<Vec<f64>, String> {
    let factor = |(row, (adjusted, close)): (usize, (&f64, &f64))| {
        let factor = adjusted / close;
        (factor > 0.0 && factor.is_finite()).then_some(factor).ok_or_else(|| {
            format!(
                "the adjusted close of {} is {adjusted}; it is above zero for every bar",
                super::case::stamp(bars.time[row])
            )
        })
    };
    adjusted.iter().zip(&bars.close[..]).enumerate().map(factor).collect()
}

fn apply(bars: &mut Bars, prices: &[f64], splits: &[f64]) {
    let times = |column: &[f64], factors: &[f64]| -> Cut<f64> {
        column.iter().zip(factors).map(|(value, factor)| value * factor).collect()
    };
    for column in [&mut bars.open, &mut bars.high, &mut bars.low, &mut bars.close] {
        *column = times(column, prices);
    }
    bars.volume = bars.volume.iter().zip(splits).map(|(volume, factor)| volume / factor).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fall_that_looks_like_a_split_is_known_by_its_size() {
        assert_eq!(split_like(2.05, 0.1), Some(2.0));
        assert_eq!(split_like(0.1, 0.1), Some(0.1));
        assert_eq!(split_like(1.2, 0.1), None);
        assert_eq!(split_like(f64::NAN, 0.1), None);
    }

    #[test]
    fn a_split_is_known_behind_the_dividend_of_its_day() {
        assert_eq!(split_in(2.0 * 1.035), Some(2.0), "with a dividend of 3.5 % of the close");
        assert_eq!(split_in(9.0 * 1.08), Some(9.0), "and not ten, less some rounding");
        assert_eq!(split_in(0.1 * 1.05), Some(0.1));
        assert_eq!(split_in(2.0 * 0.985), Some(2.0), "rounded");
        assert_eq!(split_in(1.3), None, "a dividend without a split");
        assert_eq!(split_in(f64::NAN), None);
    }
}
