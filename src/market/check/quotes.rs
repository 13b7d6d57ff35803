//! The prices and the volume of a row by itself: whether they can be.

use super::super::case::Fact;
use super::super::verdict::Search;
use super::Cleaning;
use crate::manifest::Policy;
use crate::manifest::data::Check;

/// How far a price may lie outside its bar, as a fraction of it: files round.
const ROUNDING: f64 = 1e-9;
/// Nothing costs more than this, in whatever money, and nothing so much less: accounts that hold such a
/// thing lose all digits of everything else.
const LARGEST_PRICE: f64 = 1e15;
const SMALLEST_PRICE: f64 = 1e-15;
/// No more units than this change hands in a bar.
const LARGEST_VOLUME: f64 = 1e18;

impl<'a> Cleaning<'a> {
    /// The column and the text of the first cell of a row that cannot be read.
    pub(super) fn odd(&self, row: usize) -> Option<(&'a str, &'a str)> {
        let cells = &self.rows.odd;
        let first = cells.partition_point(|(known, ..)| *known < row);
        let (at, name, text) = cells.get(first)?;
        (*at == row).then_some((name, text))
    }

    /// That the file ends within a row, and cells of it are missing.
    pub(super) fn torn(&self, row: usize) -> Option<Fact> {
        let (_, torn) = self.rows.torn.iter().find(|(known, _)| *known == row)?;
        torn.is_short().then_some(Fact::Torn(torn.cells, torn.of))
    }

    /// A split or dividend that cannot be: files write 0 or nothing where there is none.
    fn impossible(&self, row: usize) -> Option<Fact> {
        let told = [("split", &self.rows.told.split), ("dividend", &self.rows.told.dividend)];
        let values =
            told.into_iter().filter_map(|(name, column)| Some((name, column.as_ref()?[row])));
        let mut odd = values.filter(|(_, value)| *value < 0.0 || value.is_infinite());
        odd.next().map(|(name, value)| Fact::Price(name, value))
    }

    /// Last lines that have all their cells and no end: the last cell may be cut short.
    pub(super) fn endings(&mut self) {
        let mut search = self.search(Check::Torn);
        let last = self.rows.torn.iter().filter(|(_, torn)| !torn.is_short());
        let is_torn = |row: usize| last.clone().any(|(torn, _)| *torn == row);
        for &(time, row) in self.kept.iter().filter(|(_, row)| is_torn(*row)) {
            search.add(0.0, row, Some(time), Fact::NoEnd);
        }
        let done = self.dropped(Check::Torn, |_, row| is_torn(row));
        self.found(search, done);
    }

    /// Rows with a cell that cannot be read or is not there, where such are left out: they are no bars, and
    /// none is doubled by them.
    pub(super) fn garbage(&mut self) {
        let checks = self.settings.checks;
        if !checks.skips_garbage() || checks.policy(Check::Prices) != Policy::Fail {
            return;
        }
        let mut search = Search::new(self.rows, Check::Prices, Policy::Warn);
        let names = if self.rows.trades { ["price"; 4] } else { ["open", "high", "low", "close"] };
        let unread = |row: usize| {
            let missing = || {
                let mut prices = names.iter().zip(&self.rows.prices[..4]);
                prices.find(|(_, column)| column[row].is_nan()).map(|(name, _)| Fact::NoPrice(name))
            };
            let odd = || {
                let (column, text) = self.odd(row)?;
                Some(Fact::NotANumber(column.into(), text.into()))
            };
            self.torn(row).or_else(odd).or_else(missing)
        };
        let mut garbage = Vec::new();
        for &(time, row) in &self.kept {
            if let Some(fact) = unread(row) {
                search.add(1.0, row, Some(time), fact);
                garbage.push(row);
            }
        }
        if !garbage.is_empty() {
            garbage.sort_unstable();
            self.leave_out(|_, row| garbage.binary_search(&row).is_ok());
        }
        self.found(search, "left out");
    }

    /// Prices at which nothing can be bought or sold: no policy keeps such a row.
    pub(super) fn prices(&mut self) {
        let mut search = self.search(Check::Prices);
        let prices = &self.rows.prices[..4];
        let names = if self.rows.trades { ["price"; 4] } else { ["open", "high", "low", "close"] };
        let is_usable = |value: f64| (SMALLEST_PRICE..=LARGEST_PRICE).contains(&value);
        let is_good = |row: usize| {
            let is_whole = self.odd(row).is_none() && self.torn(row).is_none();
            is_whole
                && self.impossible(row).is_none()
                && prices.iter().all(|column| is_usable(column[row]))
        };
        let mut good: Vec<bool> = Vec::with_capacity(self.kept.len());
        for &(time, row) in &self.kept {
            good.push(is_good(row));
            if good.last() == Some(&true) {
                continue;
            }
            let worst = || names.iter().zip(prices).find(|(_, column)| !is_usable(column[row]));
            if let Some(fact) = self.torn(row).or_else(|| self.impossible(row)) {
                search.add(4.0, row, Some(time), fact);
                continue;
            }
            let (bad, fact) = match (self.odd(row), worst()) {
                (Some((column, text)), _) => (3.0, Fact::NotANumber(column.into(), text.into())),
                (None, Some((name, column))) if column[row].is_nan() => (1.0, Fact::NoPrice(name)),
                (None, Some((name, column))) => (2.0, Fact::Price(name, column[row])),
                (None, None) => continue,
            };
            search.add(bad, row, Some(time), fact);
        }
        if good.contains(&false) {
            let mut good = good.into_iter();
            self.leave_out(|_, _| good.next() == Some(false));
        }
        self.found(search, "left out");
    }

    /// Prices that contradict each other.
    pub(super) fn range(&mut self) {
        let mut search = self.search(Check::Range);
        let [open, high, low, close, _] = &self.rows.prices;
        let outside = |row: usize| {
            let (high, low) = (high[row], low[row]);
            let above = open[row].max(close[row]).max(low) / high - 1.0;
            let below = 1.0 - open[row].min(close[row]).min(high) / low;
            above.max(below)
        };
        for &(time, row) in &self.kept {
            let bad = outside(row);
            if bad <= ROUNDING {
                continue;
            }
            let (high, low) = (high[row], low[row]);
            let is_outside = |value: f64| !(low..=high).contains(&value);
            let fact = match (high < low, is_outside(close[row])) {
                (true, _) => Fact::HighBelowLow(high, low),
                (false, true) => Fact::Outside("close", close[row], [low, high]),
                (false, false) => Fact::Outside("open", open[row], [low, high]),
            };
            search.add(bad, row, Some(time), fact);
        }
        let done = self.dropped(Check::Range, |_, row| outside(row) > ROUNDING);
        self.found(search, done);
    }

    /// Volumes of zero, or such as cannot be; one that is missing is no mistake.
    pub(super) fn volume(&mut self) {
        let mut search = self.search(Check::Volume);
        let volume = &self.rows.prices[4];
        let is_odd = |row: usize| volume[row] <= 0.0 || volume[row] > LARGEST_VOLUME;
        for &(time, row) in self.kept.iter().filter(|(_, row)| is_odd(*row)) {
            search.add(volume[row].abs(), row, Some(time), Fact::Volume(volume[row]));
        }
        let done = self.dropped(Check::Volume, |_, row| is_odd(row));
        self.found(search, done);
    }
}
