//! The columns of market data as the core sees them: plain slices, one symbol at a time.
//!
//! [`Bars`] holds what a data file says about one symbol; it is read once by the market room and
//! shared by every session. A value that is missing (or not finite) is stored as `NaN`, here and in
//! every column computed from it; nothing outside the core's kernels ever sees that `NaN`.
//! [`mask::Mask`] is the other column type: one bit a bar, 64 bars a word.

pub mod cut;

pub mod mask;

pub use cut::Cut;
pub use mask::Mask;

use std::ops::Range;
use std::sync::Arc;

/// Microseconds in a day.
pub const DAY: i64 = 86_400_000_000;

/// The columns of one symbol, ordered by time, without duplicates.
///
/// All columns have the same length. Prices are finite and positive in every row that passed the
/// checks; `volume` and the further columns may be missing (`NaN`).
#[derive(Debug, Clone)]
pub struct Bars {
    /// The symbol as the data spells it.
    pub symbol: String,
    /// Opening time of each bar: microseconds since 1970-01-01T00:00:00Z, strictly ascending.
    pub time: Arc<[i64]>,
    /// First price of the bar.
    pub open: Arc<[f64]>,
    /// Highest price of the bar.
    pub high: Arc<[f64]>,
    /// Lowest price of the bar.
    pub low: Arc<[f64]>,
    /// Last price of the bar.
    pub close: Arc<[f64]>,
    /// Units traded; `NaN` where the file has none.
    pub volume: Arc<[f64]>,
    /// Further numeric or boolean columns of the file, in its order.
    pub extra: Vec<Extra>,
    /// How time is told for these bars.
    pub clock: Clock,
}

/// A column of the file beyond time and OHLCV, usable in rules by its name.
#[derive(Debug, Clone)]
pub struct Extra {
    /// The column's name, as rules spell it.
    pub name: String,
    /// `true` when the file's column holds booleans; values are then 0 and 1.
    pub boolean: bool,
    /// One value a bar; `NaN` where missing.
    pub values: Arc<[f64]>,
}

/// What a time column does not say by itself: the length of a bar and the local time.
#[derive(Debug, Clone, PartialEq)]
pub struct Clock {
    /// Length of a bar in microseconds.
    pub timeframe: i64,
    /// Offsets of local time from UTC in seconds, each valid from its row on; the first row is 0.
    pub offsets: Vec<(usize, i32)>,
}

impl Bars {
    /// How many bars there are.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// Whether there is no bar at all.
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// Local wall-clock time of the opening of each bar of `rows`: microseconds since
    /// 1970-01-01T00:00:00 in the data's zone.
    pub fn local(&self, rows: Range<usize>) -> impl Iterator<Item = i64> + '_ {
        let mut segment = self.clock.segment(rows.start);
        rows.map(move |row| {
            while self.clock.offsets.get(segment + 1).is_some_and(|&(from, _)| from <= row) {
                segment += 1;
            }
            self.time[row] + i64::from(self.clock.offsets[segment].1) * 1_000_000
        })
    }

    /// The trading day of each bar of `rows`: days since 1970-01-01 in the data's zone.
    pub fn days(&self, rows: Range<usize>) -> impl Iterator<Item = i32> + '_ {
        self.local(rows).map(|local| local.div_euclid(DAY) as i32)
    }
}

impl Clock {
    /// A clock whose local time is UTC.
    pub fn utc(timeframe: i64) -> Self {
        Self { timeframe, offsets: vec![(0, 0)] }
    }

    fn segment(&self, row: usize) -> usize {
        self.offsets.partition_point(|&(from, _)| from <= row).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_follows_the_offsets() {
        let column: Arc<[f64]> = vec![1.0; 3].into();
        let bars = Bars {
            symbol: "X".into(),
            time: vec![0, DAY / 2, DAY].into(),
            open: column.clone(),
            high: column.clone(),
            low: column.clone(),
            close: column.clone(),
            volume: column,
            extra: Vec::new(),
            clock: Clock { timeframe: DAY / 2, offsets: vec![(0, -3600), (2, 3600)] },
        };
        assert_eq!(bars.days(0..3).collect::<Vec<_>>(), [-1, 0, 1]);
        assert_eq!(bars.local(2..3).collect::<Vec<_>>(), [DAY + 3_600_000_000]);
    }
}
