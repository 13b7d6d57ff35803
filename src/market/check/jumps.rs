//! Moves of the price, as it is traded here, that look like a split or are too large to be true.

use super::super::adjust;
use super::super::case::{Fact, Like};
use super::super::read::Told;
use super::Cleaning;
use crate::bars::Bars;
use crate::manifest::Adjust;
use crate::manifest::data::Check;

/// A change of the price by less than this is no split that exchanges see.
const SMALLEST_SPLIT: f64 = 1.4;
/// A change of the price by more than this in one bar is a jump, whatever it looks like.
const LARGEST_MOVE: f64 = 5.0;

impl Cleaning<'_> {
    /// Look for jumps in `bars`, which are adjusted; `told` is what their file tells.
    pub(super) fn jumps(&mut self, bars: &Bars, told: &Told) {
        let mut search = self.search(Check::Jumps);
        if !search.is_wanted() {
            return;
        }
        let is_raw = self.settings.adjust == Adjust::None;
        for row in 1..bars.len() {
            let (before, open) = (bars.close[row - 1], bars.open[row]);
            // What the account books is no jump.
            let split = adjust::split(told, row);
            let booked = if is_raw { split } else { 1.0 };
            let falls = [before / open / booked, before / bars.close[row] / booked];
            let change = falls[0].max(1.0 / falls[0]);
            if change < SMALLEST_SPLIT {
                continue;
            }
            // The day of a split moves prices as any other day does; three for two is nearer to them.
            let looks = adjust::split_like(falls[0], 0.1).filter(|split| {
                let near = if *split == 1.5 || *split == 1.0 / 1.5 { 0.03 } else { 0.1 };
                falls.iter().all(|fall| (fall / split - 1.0).abs() <= near)
            });
            let like = match looks {
                None if change < LARGEST_MOVE => continue,
                _ if split != 1.0 => Like::Told(split),
                Some(split) if split > 1.0 => Like::Split(split),
                Some(split) => Like::Merger((1.0 / split).round()),
                None => Like::Nothing,
            };
            let (time, number) = self.kept[row];
            search.add(change.ln(), number, Some(time), Fact::Jump(before, open, like));
        }
        self.found(search, "kept");
    }
}
