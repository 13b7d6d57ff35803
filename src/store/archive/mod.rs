//! Imported bars: a directory a symbol, and in it a Parquet file a year, or a month where bars are
//! shorter than an hour.
//!
//! ```text
//! DIR/
//!   GOOG/2012.parquet 2013.parquet           columns: time symbol open high low close volume ...
//!   GOOG/revisions.tsv                       what imports replaced: time column old new seen
//!   BTC%2FUSDT/2018-01.parquet
//!   .lock                                    the kernel's, never removed
//! ```
//!
//! Bars are first laid over what is there, in memory, and each difference is told ([`Added`]); only
//! then [`Archive::write`] tells the [`revisions`] and replaces the files that changed, each at once and
//! the oldest first. So what
//! is refused leaves no trace, an import that was killed is finished by the same import, and a second
//! import of the same bars changes no byte. Timestamps keep their nature: what the source told as
//! wall-clock time has no zone here either, so whoever reads the archive says the zone, as for the
//! source.

mod revisions;
#[cfg(test)]
mod tests;

use super::atomic;
use super::error::StoreError;
use super::file_name;
use super::lock::{Holder, Lock};
use super::parquet;
use super::series::{self, Added, Series};
use crate::bars::{Bars, duration};
use chrono::{DateTime, Datelike};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

/// The file that an import holds while it works.
const LOCK: &str = ".lock";
/// Bars shorter than this, in microseconds, lie in a file a month.
const HOUR: i64 = 3_600_000_000;
/// The names of files: a year, or a month.
const YEAR: &str = "0000.parquet";
const MONTH: &str = "0000-00.parquet";

/// A directory of imported bars, locked while this lives.
#[derive(Debug)]
pub struct Archive {
    directory: PathBuf,
    was_empty: bool,
    symbols: BTreeMap<String, Symbol>,
    _lock: Lock,
}

impl Archive {
    /// Opens the archive in `directory` for one import, or makes one there. `holder` is what others
    /// are told while they find it locked.
    pub fn open(directory: &Path, holder: &Holder) -> Result<Self, StoreError> {
        atomic::create_directories(directory)?;
        let lock = Lock::acquire(&directory.join(LOCK), holder)?;
        let symbols = visible(directory)?;
        for name in &symbols {
            let inside = directory.join(name);
            if let Some(stranger) = stranger(&inside)? {
                return Err(StoreError::Unfit {
                    path: directory.to_owned(),
                    fact: format!("`{}` was not imported", stranger.display()),
                    remedy: "name a new or an empty directory",
                });
            }
            atomic::remove_leftovers(&inside)?;
        }
        let was_empty = symbols.is_empty();
        Ok(Self {
            directory: directory.to_owned(),
            was_empty,
            symbols: BTreeMap::new(),
            _lock: lock,
        })
    }

    /// Whether it held no bars when it was opened.
    pub fn was_empty(&self) -> bool {
        self.was_empty
    }

    /// Lays `bars` over what is there and over what was laid there before; nothing is written yet.
    /// `naive` says whether their source told wall-clock times.
    pub fn add(&mut self, bars: &Bars, naive: bool) -> Result<Added, StoreError> {
        let symbol = match self.symbols.entry(bars.symbol.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let directory = self.directory.join(file_name(&bars.symbol));
                place.insert(Symbol::open(directory, bars, naive)?)
            }
        };
        symbol.refuse_unlike(bars, naive)?;
        let series = Series::of(bars, naive);
        let mut added = Added::new(&bars.symbol);
        let Some(&seen) = series.time.last() else { return Ok(added) };
        for (name, series) in symbol.cut(&series) {
            let mut merged = symbol.take(&name)?.unwrap_or_else(|| Series::empty(naive));
            merged.lay(&series, &mut added);
            symbol.parts.insert(name, merged);
        }
        symbol.revised.extend(added.revisions.iter().map(|it| revisions::Line::of(it, seen)));
        Ok(added)
    }

    /// Writes the files that differ from what is laid over them, and says how many.
    pub fn write(&mut self) -> Result<usize, StoreError> {
        let mut written = 0;
        for (name, symbol) in &mut self.symbols {
            revisions::write(&symbol.directory, &std::mem::take(&mut symbol.revised))?;
            for (file, part) in symbol.parts.iter_mut().filter(|(_, part)| part.changed) {
                atomic::create_directories(&symbol.directory)?;
                parquet::write(&symbol.directory.join(file), &series::table(&[(name, part)]))?;
                part.changed = false;
                written += 1;
            }
        }
        Ok(written)
    }
}

/// One symbol of an archive.
#[derive(Debug)]
struct Symbol {
    directory: PathBuf,
    /// The names of its files on the disk.
    names: Vec<String>,
    /// Whether they hold a month each; else a year.
    monthly: bool,
    /// The length of its bars in microseconds.
    timeframe: i64,
    /// Whether its times are the wall clock's.
    naive: bool,
    /// The files that were read, and what is laid over them.
    parts: BTreeMap<String, Series>,
    /// What is to be told of the values that were replaced.
    revised: Vec<revisions::Line>,
}

impl Symbol {
    /// The symbol of `bars`, which lies in `directory` or will.
    fn open(directory: PathBuf, bars: &Bars, naive: bool) -> Result<Self, StoreError> {
        let timeframe = bars.clock.timeframe;
        let mut names = visible(&directory)?;
        names.retain(|name| name != revisions::FILE);
        let monthly = names.last().map_or(timeframe < HOUR, |name| name.len() > YEAR.len());
        let (parts, revised) = (BTreeMap::new(), Vec::new());
        let mut symbol = Self { directory, names, monthly, timeframe, naive, parts, revised };
        // The newest file tells, unless it has a single bar yet.
        for name in symbol.names.clone().into_iter().rev() {
            let Some(series) = symbol.take(&name)? else { continue };
            symbol.naive = series.naive;
            let known = series.timeframe();
            symbol.parts.insert(name, series);
            if let Some(known) = known {
                symbol.timeframe = known;
                break;
            }
        }
        Ok(symbol)
    }

    /// Refuse bars that do not belong among those that are there.
    fn refuse_unlike(&self, bars: &Bars, naive: bool) -> Result<(), StoreError> {
        let (there, here) = (self.timeframe, bars.clock.timeframe);
        // Months differ in length, and so may two guesses of one timeframe; a day and an hour do more.
        let fact = if 3 * here < 2 * there || 3 * there < 2 * here {
            format!(
                "it has bars of {}, and these are of {}",
                duration::text(there),
                duration::text(here)
            )
        } else if self.naive && !naive {
            "its times have no zone, and these have one".to_owned()
        } else if naive && !self.naive {
            "its times have a zone, and these have none".to_owned()
        } else {
            return Ok(());
        };
        let (path, remedy) = (self.directory.clone(), "import them into another directory");
        Err(StoreError::Unfit { path, fact, remedy })
    }

    /// The bars of the file `name`, if there are any: read, unless they are at hand.
    fn take(&mut self, name: &str) -> Result<Option<Series>, StoreError> {
        if let Some(part) = self.parts.remove(name) {
            return Ok(Some(part));
        }
        if !self.names.iter().any(|known| known == name) {
            return Ok(None);
        }
        let path = self.directory.join(name);
        let series = Series::read(&parquet::read(&path, None)?);
        series.map(Some).map_err(|fact| StoreError::damaged(&path, fact))
    }

    /// `series` in pieces, each with the name of its file.
    fn cut(&self, series: &Series) -> Vec<(String, Series)> {
        let mut pieces = Vec::new();
        let mut rest = 0..series.time.len();
        while let Some(period) = series.time.get(rest.start).map(|&time| self.period(time)) {
            let own = series.time[rest.clone()].iter();
            let end = rest.start + own.take_while(|time| self.period(**time) == period).count();
            pieces.push((self.name(period), series.part(rest.start..end)));
            rest.start = end;
        }
        pieces
    }

    /// The year, and the month where files are of one.
    fn period(&self, time: i64) -> (i32, Option<u32>) {
        let day = DateTime::from_timestamp_micros(time).unwrap_or_default();
        (day.year(), self.monthly.then(|| day.month()))
    }

    fn name(&self, (year, month): (i32, Option<u32>)) -> String {
        match month {
            Some(month) => format!("{year:04}-{month:02}.parquet"),
            None => format!("{year:04}.parquet"),
        }
    }
}

/// What lies in `directory` for everybody to see, in alphabetical order.
fn visible(directory: &Path) -> Result<Vec<String>, StoreError> {
    let mut names = atomic::entries(directory)?;
    names.retain(|name| !name.starts_with('.'));
    Ok(names)
}

/// What is not a symbol's directory, or in it not a file of bars.
fn stranger(directory: &Path) -> Result<Option<PathBuf>, StoreError> {
    if !directory.is_dir() {
        return Ok(Some(directory.to_owned()));
    }
    let looks_like = |name: &str, shape: &str| {
        let same = |(byte, shape): (u8, u8)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte == shape,
        };
        name.len() == shape.len() && name.bytes().zip(shape.bytes()).all(same)
    };
    let is_ours = |name: &String| {
        looks_like(name, YEAR) || looks_like(name, MONTH) || name == revisions::FILE
    };
    let names = visible(directory)?;
    Ok(names.into_iter().find(|name| !is_ours(name)).map(|name| directory.join(name)))
}
