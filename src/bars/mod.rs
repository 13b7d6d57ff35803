//! The columns of market data as the core sees them: plain slices, one symbol at a time.
//!
//! [`Bars`] holds what a data file says about one symbol; it is read once by the market room and
//! shared by every session. A value that is missing (or not finite) is stored as `NaN`, here and in
//! every column computed from it; nothing outside the core's kernels ever sees that `NaN`.
//! [`mask::Mask`] is the other column type: one bit a bar, 64 bars a word. [`zone::Zone`] tells the
//! local time, [`resample`] makes longer bars, and [`thin`] leaves what a picture needs.

pub mod cut;
pub mod duration;
pub mod mask;
pub mod resample;
pub mod thin;
pub mod zone;

mod extremes;

pub use cut::Cut;
pub use extremes::{Extremes, extremes};
pub use mask::Mask;
pub use zone::Zone;

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
    pub time: Cut<i64>,
    /// First price of the bar.
    pub open: Cut<f64>,
    /// Highest price of the bar.
    pub high: Cut<f64>,
    /// Lowest price of the bar.
    pub low: Cut<f64>,
    /// Last price of the bar.
    pub close: Cut<f64>,
    /// Units traded; `NaN` where the file has none.
    pub volume: Cut<f64>,
    /// Further numeric or boolean columns of the file, in its order.
    pub extra: Vec<Extra>,
    /// Splits and dividends that are in none of the prices, for the account to book, in order.
    pub actions: Arc<[Action]>,
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
    pub values: Cut<f64>,
}

/// A split or a dividend: before `row` opens, the units held are multiplied by `split`, and then
/// `dividend` is paid for each of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Action {
    /// The first bar after it.
    pub row: usize,
    /// New units for each old one; 1 where nothing is split.
    pub split: f64,
    /// Money for each unit after the split; 0 where nothing is paid.
    pub dividend: f64,
}

/// The calendar month of a day since 1970-01-01, counted from March of the year 0.
///
/// A year that begins in March has its leap day at the end, and its months follow a pattern of 153
/// days in five months, so that whole numbers suffice.
pub fn month(day: i32) -> i64 {
    const FROM_MARCH_0: i64 = 719_468;
    const DAYS_IN_400_YEARS: i64 = 146_097;
    let day = i64::from(day) + FROM_MARCH_0;
    let (cycle, day) = (day.div_euclid(DAYS_IN_400_YEARS), day.rem_euclid(DAYS_IN_400_YEARS));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    (cycle * 400 + year) * 12 + (5 * day_of_year + 2) / 153
}

/// What a time column does not say by itself: the length of a bar and the local time.
#[derive(Debug, Clone, PartialEq)]
pub struct Clock {
    /// Length of a bar in microseconds.
    pub timeframe: i64,
    /// Local time.
    pub zone: Zone,
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

    /// These bars and `later` ones of the same symbol behind them; `None` if those do not come later
    /// or have other columns.
    pub fn followed_by(&self, later: &Self) -> Option<Self> {
        let joined = |a: &Cut<f64>, b: &Cut<f64>| a.iter().chain(b.iter()).copied().collect();
        let same = self.extra.iter().map(|e| &e.name).eq(later.extra.iter().map(|e| &e.name));
        let after = later.time.first().is_none_or(|first| self.time.last() < Some(first));
        let in_order = later.time.is_sorted_by(|a, b| a < b);
        let moved = |action: &Action| Action { row: action.row + self.len(), ..*action };
        (same && after && in_order).then(|| Self {
            symbol: self.symbol.clone(),
            time: self.time.iter().chain(later.time.iter()).copied().collect(),
            open: joined(&self.open, &later.open),
            high: joined(&self.high, &later.high),
            low: joined(&self.low, &later.low),
            close: joined(&self.close, &later.close),
            volume: joined(&self.volume, &later.volume),
            extra: self
                .extra
                .iter()
                .zip(&later.extra)
                .map(|(a, b)| Extra { values: joined(&a.values, &b.values), ..a.clone() })
                .collect(),
            actions: self.actions.iter().copied().chain(later.actions.iter().map(moved)).collect(),
            clock: self.clock.clone(),
        })
    }

    /// The bars of `rows` alone.
    pub fn part(&self, rows: Range<usize>) -> Self {
        let cut = |column: &Cut<f64>| column[rows.clone()].into();
        let inside = self.actions.iter().filter(|action| rows.contains(&action.row));
        Self {
            symbol: self.symbol.clone(),
            time: self.time[rows.clone()].into(),
            open: cut(&self.open),
            high: cut(&self.high),
            low: cut(&self.low),
            close: cut(&self.close),
            volume: cut(&self.volume),
            extra: self
                .extra
                .iter()
                .map(|extra| Extra { values: cut(&extra.values), ..extra.clone() })
                .collect(),
            actions: inside.map(|it| Action { row: it.row - rows.start, ..*it }).collect(),
            clock: self.clock.clone(),
        }
    }

    /// Local wall-clock time of the opening of each bar of `rows`: microseconds since
    /// 1970-01-01T00:00:00 in the data's zone.
    pub fn local(&self, rows: Range<usize>) -> impl ExactSizeIterator<Item = i64> + '_ {
        self.clock.zone.locals(&self.time[rows])
    }

    /// The trading day of each bar of `rows`: days since 1970-01-01 in the data's zone.
    pub fn days(&self, rows: Range<usize>) -> impl Iterator<Item = i32> + '_ {
        self.local(rows).map(|local| local.div_euclid(DAY) as i32)
    }
}

impl Clock {
    /// A clock whose local time is UTC.
    pub fn utc(timeframe: i64) -> Self {
        Self { timeframe, zone: Zone::utc() }
    }

    /// When a bar that opens at `open` closes. A bar of whole days closes at the same local time of
    /// day as it opens, however long its days are.
    pub fn close(&self, open: i64) -> i64 {
        match self.timeframe % DAY {
            0 => self.zone.instant(self.zone.local(open) + self.timeframe),
            _ => open + self.timeframe,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_time_follows_the_zone() {
        let column: Cut<f64> = vec![1.0; 3].into();
        let bars = Bars {
            symbol: "X".into(),
            time: vec![0, DAY / 2, DAY].into(),
            open: column.clone(),
            high: column.clone(),
            low: column.clone(),
            close: column.clone(),
            volume: column,
            extra: Vec::new(),
            actions: Arc::new([]),
            clock: Clock { timeframe: DAY, zone: Zone::new(vec![(0, -3600), (DAY, 3600)]) },
        };
        assert_eq!(bars.days(0..3).collect::<Vec<_>>(), [-1, 0, 1]);
        assert_eq!(bars.clock.close(DAY - 3_600_000_000), 2 * DAY - 3 * 3_600_000_000);
        assert_eq!(bars.local(2..3).collect::<Vec<_>>(), [DAY + 3_600_000_000]);
    }
}
