//! The way that a trailing stop went, for whoever draws it.
//!
//! A walk keeps where such a stop stands, not where it stood. Both follow from where it began, how far
//! behind it stays, and the bars in between.

use super::frame::Aligned;
use super::model::TrailingFrom;
use super::protect::Away;
use super::settings::nearest_tick;
use super::trade::Side;
use std::ops::RangeInclusive;

/// A stop that followed the price of a trade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trail {
    pub(super) side: Side,
    /// The signed price that it was away from at first.
    pub(super) first: f64,
    pub(super) distance: Away,
    /// The prices of the stop are multiples of it.
    pub(super) tick: Option<f64>,
}

impl Trail {
    /// The price at which it stood while each of `bars` opened; it followed those from `from` on. Not
    /// finite while it had seen no price.
    pub(super) fn levels(
        &self,
        symbol: &Aligned,
        follows: TrailingFrom,
        from: usize,
        bars: RangeInclusive<usize>,
    ) -> Vec<f64> {
        let sign = self.side.sign();
        let followed: &[f64] = match (follows, self.side) {
            (TrailingFrom::Close, _) => &symbol.close,
            (_, Side::Long) => &symbol.high,
            (_, Side::Short) => &symbol.low,
        };
        let mut extreme = self.first;
        let level = |bar: usize| {
            let level = self.distance.below(extreme, sign);
            let level = sign * self.tick.map_or(level, |tick| nearest_tick(level, tick));
            if bar >= from {
                // A bar that the symbol does not have is NaN, which no number gives way to.
                extreme = extreme.max(sign * followed[bar]);
            }
            level
        };
        bars.map(level).collect()
    }
}
