//! Bars as the columns of a file, and how later ones are laid over earlier ones.

use super::atomic;
use super::error::StoreError;
use super::parquet;
use super::table::{Cells, Table};
use crate::bars::{Bars, DAY};
use crate::expr::PRICES;
use crate::market;
use chrono::DateTime;
use std::cmp::Ordering;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Writes `bars` to `path`, replacing what is there: as Parquet if it is called so, else as CSV. `naive`
/// says whether their source told wall-clock times.
pub fn write_bars(path: &Path, bars: &[Arc<Bars>], naive: bool) -> Result<(), StoreError> {
    let all: Vec<Series> = bars.iter().map(|bars| Series::of(bars, naive)).collect();
    let symbols = bars.iter().map(|bars| bars.symbol.as_str());
    let symbols: Vec<(&str, &Series)> = symbols.zip(&all).collect();
    let mut table = table(&symbols);
    if path.extension().is_some_and(|extension| extension == "parquet") {
        return parquet::write(path, &table);
    }
    let times = all.iter().flat_map(|series| &series.time);
    let days = naive && times.clone().all(|time| time % DAY == 0);
    let stamps = times.map(|&time| Some(stamp(time, naive, days))).collect();
    table.columns[0].1 = Cells::Text(stamps);
    atomic::write(path, &table.to_csv())
}

/// A time as files have it: `2013-01-02T09:30:00`, with a `Z` unless the wall clock tells it, and the
/// day alone if `days` says that all are midnights.
pub fn stamp(micros: i64, naive: bool, days: bool) -> String {
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    let shape = match (naive, days) {
        (true, true) => "%Y-%m-%d",
        (true, false) => "%Y-%m-%dT%H:%M:%S%.f",
        (false, _) => "%Y-%m-%dT%H:%M:%S%.fZ",
    };
    time.format(shape).to_string()
}

/// What laying the bars of one symbol over an archive came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Added {
    /// The symbol.
    pub symbol: String,
    /// How many bars are new.
    pub new: usize,
    /// How many are there as they came.
    pub same: usize,
    /// How many have nothing but further values where there was none.
    pub filled: usize,
    /// How many have other values than those that are there.
    pub revised: usize,
    /// Those values, in the order of time.
    pub revisions: Vec<Revision>,
}

impl Added {
    /// Nothing yet.
    pub(super) fn new(symbol: &str) -> Self {
        let symbol = symbol.to_owned();
        Self { symbol, new: 0, same: 0, filled: 0, revised: 0, revisions: Vec::new() }
    }

    /// Adds what a later one of the same symbol came to.
    pub fn absorb(&mut self, later: Self) {
        self.new += later.new;
        self.same += later.same;
        self.filled += later.filled;
        self.revised += later.revised;
        self.revisions.extend(later.revisions);
    }

    /// Whether anything is other than it was.
    pub fn is_change(&self) -> bool {
        self.new + self.filled + self.revised > 0
    }
}

/// A value that replaces another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// The opening time of its bar: microseconds since 1970, in UTC or as the wall clock had it.
    pub time: i64,
    /// Whether that is the wall clock's.
    pub naive: bool,
    /// The column.
    pub column: String,
    /// The value that is there.
    pub old: f64,
    /// The value that replaces it; `NaN` if it is missing now.
    pub new: f64,
}

/// Bars of one symbol, in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    /// Whether the times are the wall clock's; else they are in UTC.
    pub(super) naive: bool,
    /// The opening time of each bar: microseconds since 1970.
    pub(super) time: Vec<i64>,
    columns: Vec<Values>,
    /// Whether it differs from the file that it was read from, if it was.
    pub(super) changed: bool,
}

/// A column, `NaN` where there is no value.
#[derive(Debug, Clone, PartialEq)]
struct Values {
    name: String,
    /// Whether the values are truth values, as 0 and 1.
    boolean: bool,
    values: Vec<f64>,
}

impl Series {
    /// No bars.
    pub(super) fn empty(naive: bool) -> Self {
        Self { naive, time: Vec::new(), columns: Vec::new(), changed: false }
    }

    /// All of `bars`; a column without any value says nothing and is left out.
    pub(super) fn of(bars: &Bars, naive: bool) -> Self {
        let time = match naive {
            true => bars.local(0..bars.len()).collect(),
            false => bars.time.to_vec(),
        };
        let prices = [&bars.open, &bars.high, &bars.low, &bars.close, &bars.volume];
        let prices = PRICES.iter().zip(prices).map(|(name, values)| (*name, false, values));
        let extra = bars.extra.iter().map(|it| (it.name.as_str(), it.boolean, &it.values));
        let columns = prices.chain(extra).filter(|(.., values)| values.iter().any(|v| !v.is_nan()));
        let columns = columns.map(|(name, boolean, values)| Values {
            name: name.to_owned(),
            boolean,
            values: values.to_vec(),
        });
        Self { naive, time, columns: columns.collect(), changed: false }
    }

    /// The bars of `rows` alone.
    pub(super) fn part(&self, rows: Range<usize>) -> Self {
        let columns = self.columns.iter().map(|column| Values {
            name: column.name.clone(),
            boolean: column.boolean,
            values: column.values[rows.clone()].to_vec(),
        });
        Self { time: self.time[rows.clone()].to_vec(), columns: columns.collect(), ..*self }
    }

    /// The length of a bar as it looks, `None` for a single one.
    pub(super) fn timeframe(&self) -> Option<i64> {
        market::timeframe(&self.time)
    }

    /// Lays `over` over these bars and adds to `added` what that changes. A column that `over` does
    /// not have keeps its values.
    pub(super) fn lay(&mut self, over: &Self, added: &mut Added) {
        for column in &over.columns {
            match self.columns.iter_mut().find(|known| known.name == column.name) {
                Some(known) => known.boolean &= column.boolean,
                None => self
                    .columns
                    .push(Values { values: vec![f64::NAN; self.time.len()], ..column.clone() }),
            }
        }
        let (rows, news) = (self.united(over), added.new + added.filled + added.revised);
        for &(old, new) in &rows {
            match (old, new) {
                (None, Some(_)) => added.new += 1,
                (Some(old), Some(new)) => self.compare(old, over, new, added),
                _ => {}
            }
        }
        if added.new + added.filled + added.revised == news {
            return;
        }
        for column in &mut self.columns {
            let theirs = over.columns.iter().find(|it| it.name == column.name);
            let value = |&(old, new): &(Option<usize>, Option<usize>)| match (new, theirs) {
                (Some(new), Some(theirs)) => theirs.values[new],
                _ => old.map_or(f64::NAN, |old| column.values[old]),
            };
            column.values = rows.iter().map(value).collect();
        }
        let time = |&(old, new): &(Option<usize>, Option<usize>)| match (old, new) {
            (Some(old), _) => self.time[old],
            (None, Some(new)) => over.time[new],
            (None, None) => unreachable!("a row comes from one of them"),
        };
        self.time = rows.iter().map(time).collect();
        self.changed = true;
    }

    /// Every time of these bars and of `over`, in order: the rows of both that have it.
    fn united(&self, over: &Self) -> Vec<(Option<usize>, Option<usize>)> {
        let mut rows = Vec::with_capacity(self.time.len() + over.time.len());
        let (mut old, mut new) = (0, 0);
        loop {
            let order = match (self.time.get(old), over.time.get(new)) {
                (None, None) => return rows,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(ours), Some(theirs)) => ours.cmp(theirs),
            };
            rows.push((order.is_le().then_some(old), order.is_ge().then_some(new)));
            old += usize::from(order.is_le());
            new += usize::from(order.is_ge());
        }
    }

    /// Tell whether bar `new` of `over` says anything else than bar `old` of these.
    fn compare(&self, old: usize, over: &Self, new: usize, added: &mut Added) {
        let (mut filled, mut revised) = (false, false);
        for column in &over.columns {
            let ours = self.columns.iter().find(|it| it.name == column.name);
            let before = ours.map_or(f64::NAN, |ours| ours.values[old]);
            let after = column.values[new];
            if before == after || before.is_nan() && after.is_nan() {
                continue;
            }
            if before.is_nan() {
                filled = true;
                continue;
            }
            revised = true;
            added.revisions.push(Revision {
                time: self.time[old],
                naive: self.naive,
                column: column.name.clone(),
                old: before,
                new: after,
            });
        }
        match (revised, filled) {
            (true, _) => added.revised += 1,
            (false, true) => added.filled += 1,
            (false, false) => added.same += 1,
        }
    }

    /// The values of column `name`, one a bar.
    fn values(&self, name: &str) -> impl Iterator<Item = Option<f64>> {
        let column = self.columns.iter().find(|column| column.name == name);
        let value =
            move |row| column.map(|it| it.values[row]).filter(|value: &f64| !value.is_nan());
        (0..self.time.len()).map(value)
    }

    /// The bars in a table that [`table`] made; what is wrong with it otherwise.
    pub(super) fn read(table: &Table) -> Result<Self, String> {
        let missing = || "a time is missing".to_owned();
        let (naive, time) = match table.get("time") {
            Some(Cells::Time(times)) => (true, times),
            Some(Cells::Instant(times)) => (false, times),
            _ => return Err("it has no column `time`".into()),
        };
        let time: Option<Vec<i64>> = time.iter().copied().collect();
        let time = time.ok_or_else(missing)?;
        if !time.is_sorted_by(|a, b| a < b) {
            return Err("its times are not in order".into());
        }
        let number = |value: &Option<f64>| value.unwrap_or(f64::NAN);
        let flag = |value: &Option<bool>| value.map_or(f64::NAN, |flag| f64::from(u8::from(flag)));
        let columns = table.columns.iter().filter_map(|(name, cells)| {
            let (boolean, values) = match cells {
                Cells::Float(values) => (false, values.iter().map(number).collect()),
                Cells::Bool(values) => (true, values.iter().map(flag).collect()),
                _ => return None,
            };
            Some(Values { name: name.clone(), boolean, values })
        });
        Ok(Self { naive, time, columns: columns.collect(), changed: false })
    }
}

/// The bars of symbols, one symbol below the other: `time`, `symbol`, and every column that one of them
/// has.
pub(super) fn table(symbols: &[(&str, &Series)]) -> Table {
    let mut columns: Vec<(&str, bool)> = Vec::new();
    for Values { name, boolean, .. } in symbols.iter().flat_map(|(_, series)| &series.columns) {
        match columns.iter_mut().find(|(known, _)| known == name) {
            Some((_, flags)) => *flags &= boolean,
            None => columns.push((name, *boolean)),
        }
    }
    let times = symbols.iter().flat_map(|(_, series)| series.time.iter().copied().map(Some));
    let naive = symbols.iter().all(|(_, series)| series.naive);
    let times = times.collect();
    let mut table = Table::default();
    table.add("time".into(), if naive { Cells::Time(times) } else { Cells::Instant(times) });
    let names =
        symbols.iter().flat_map(|(name, series)| series.time.iter().map(|_| name.to_string()));
    table.add_texts("symbol", names.map(Some));
    for (name, boolean) in columns {
        let values = symbols.iter().flat_map(|(_, series)| series.values(name));
        let cells = match boolean {
            true => Cells::Bool(values.map(|value| value.map(|value| value != 0.0)).collect()),
            false => Cells::Float(values.collect()),
        };
        table.add(name.to_owned(), cells);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::{Clock, Cut, Extra};

    fn bars(symbol: &str, flag: Option<f64>) -> Arc<Bars> {
        let column: Cut<f64> = vec![1.0, 2.5].into();
        let flag = flag.map(|flag| Extra {
            name: "flag".into(),
            boolean: true,
            values: vec![flag, f64::NAN].into(),
        });
        Arc::new(Bars {
            symbol: symbol.into(),
            time: vec![0, DAY].into(),
            open: column.clone(),
            high: column.clone(),
            low: column.clone(),
            close: column.clone(),
            volume: vec![f64::NAN; 2].into(),
            extra: flag.into_iter().collect(),
            actions: Arc::new([]),
            clock: Clock::utc(DAY),
        })
    }

    #[test]
    fn symbols_stand_below_each_other_with_the_columns_of_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.csv");
        write_bars(&path, &[bars("A", None), bars("B/C", Some(1.0))], true).unwrap();
        insta::assert_snapshot!(std::fs::read_to_string(path).unwrap(), @r"
        time,symbol,open,high,low,close,flag
        1970-01-01,A,1,1,1,1,
        1970-01-02,A,2.5,2.5,2.5,2.5,
        1970-01-01,B/C,1,1,1,1,true
        1970-01-02,B/C,2.5,2.5,2.5,2.5,
        ");
    }

    #[test]
    fn a_time_says_whether_it_has_a_zone() {
        assert_eq!(stamp(DAY, true, true), "1970-01-02");
        assert_eq!(stamp(DAY, true, false), "1970-01-02T00:00:00");
        assert_eq!(stamp(DAY + 250_000, false, false), "1970-01-02T00:00:00.250Z");
    }

    #[test]
    fn what_is_written_as_parquet_can_be_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out.parquet");
        for naive in [false, true] {
            write_bars(&path, &[bars("A", Some(0.0))], naive).unwrap();
            let series = Series::read(&parquet::read(&path, None).unwrap()).unwrap();
            // `NaN` is no equal of itself, so the shown forms are compared.
            let shown = |series: &Series| format!("{series:?}");
            assert_eq!(shown(&series), shown(&Series::of(&bars("A", Some(0.0)), naive)));
        }
    }
}
