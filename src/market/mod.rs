//! Files of prices to columns that can be trusted. The one place, beside the store, that knows
//! polars.
//!
//! [`load`] reads the files of a session's data settings once and makes trusted bars of them:
//!
//! ```text
//! paths -> files -> rows (as they stand there) -> checked, repaired, adjusted, resampled -> bars
//! ```
//!
//! [`slice::Slice`] cuts out what one session sees: the bars of its range on one time axis for the
//! engine, and the rows before it for the rules.

pub mod calendar;
pub mod inspect;
pub mod slice;
pub mod verdict;

mod adjust;
mod case;
mod check;
mod files;
mod growing;
mod label;
mod lines;
mod notation;
mod read;
mod roles;
mod text;
mod time;

#[cfg(test)]
mod tests;

pub use calendar::Calendar;
pub use case::{Case, Fact, Like};
pub use check::complete;
pub use growing::{Growing, Grown};
pub use inspect::inspect;
pub use label::Label;
pub use lines::{Csv, Garbage, Lines};
pub use slice::{Slice, SliceError};
pub use time::timeframe;
pub use verdict::{Finding, Verdict};

use crate::bars::Bars;
use crate::manifest::project::shown;
use crate::manifest::{CalendarChoice, DataSettings};
use read::Rows;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// All bars of a session's files, by symbol.
#[derive(Debug, Clone)]
pub struct DataSet {
    /// One entry a symbol, in the order of the files and of first appearance in each.
    pub bars: Vec<Arc<Bars>>,
    /// What was found in the rows of each, in the same order. The bars of a symbol that a verdict
    /// refuses are repaired as far as that goes, and no session may run on them.
    pub verdicts: Vec<Verdict>,
    /// The trading days.
    pub calendar: Calendar,
    /// The files that were read.
    pub files: Vec<FileRead>,
    /// How long that took.
    pub took: Took,
}

/// How long it took to make bars of files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Took {
    /// Reading them.
    pub read: Duration,
    /// Checking, repairing, adjusting and resampling what was read.
    pub check: Duration,
}

/// A file that was read.
#[derive(Debug, Clone)]
pub struct FileRead {
    /// Where it lies, as people write it.
    pub path: String,
    /// How many rows it holds; a file without any adds nothing to others.
    pub rows: usize,
    /// Its lines that are no bars, where such are left out.
    pub garbage: Vec<Garbage>,
}

/// Why data cannot be used: where, what is wrong, and what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{file}: {fact}")]
pub struct DataError {
    /// The file.
    pub file: String,
    /// What is wrong and the way out.
    pub fact: String,
}

impl DataError {
    fn new(file: &Path, fact: impl Into<String>) -> Self {
        Self { file: shown(file), fact: fact.into() }
    }
}

impl DataSet {
    /// The bars of `symbol`.
    pub fn symbol(&self, symbol: &str) -> Option<&Arc<Bars>> {
        self.bars.iter().find(|bars| bars.symbol == symbol)
    }

    /// What was found in the rows of `symbol`.
    pub fn verdict(&self, symbol: &str) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.symbol == symbol)
    }

    /// Whether the files of `symbol` tell the times of a wall clock, and name no zone.
    pub fn is_naive(&self, symbol: &str) -> bool {
        self.verdict(symbol).is_some_and(|verdict| verdict.naive)
    }

    /// Every symbol, in order.
    pub fn symbols(&self) -> Vec<&str> {
        self.bars.iter().map(|bars| bars.symbol.as_str()).collect()
    }

    /// The names of all symbols, in order.
    pub fn names(&self) -> Vec<String> {
        self.bars.iter().map(|bars| bars.symbol.clone()).collect()
    }

    /// The further columns that every symbol has, and whether they hold booleans.
    pub fn extra(&self) -> Vec<(String, bool)> {
        let first = self.bars.first().map(|bars| bars.extra.as_slice()).unwrap_or_default();
        let everywhere =
            |name: &str| self.bars.iter().all(|b| b.extra.iter().any(|e| e.name == name));
        first.iter().filter(|e| everywhere(&e.name)).map(|e| (e.name.clone(), e.boolean)).collect()
    }
}

/// Read and check all files of `settings`.
pub fn load(settings: &DataSettings) -> Result<DataSet, DataError> {
    let began = Instant::now();
    data_set(rows(settings, Err)?, settings, began)
}

/// Read and check those files of `settings` that can be read, and say of the others why not; `None` if
/// none can.
pub fn load_readable(settings: &DataSettings) -> (Option<DataSet>, Vec<DataError>) {
    let (began, mut unreadable) = (Instant::now(), Vec::new());
    let gathered = rows(settings, |error| {
        unreadable.push(error);
        Ok(())
    });
    let readable = gathered.ok().filter(|gathered| !gathered.files.is_empty());
    let data = readable.and_then(|gathered| {
        data_set(gathered, settings, began).map_err(|error| unreadable.push(error)).ok()
    });
    (data, unreadable)
}

/// The same of the texts of CSV files, each with the name that it goes by.
pub fn load_text(
    settings: &DataSettings,
    texts: &[(PathBuf, Vec<u8>)],
) -> Result<DataSet, DataError> {
    let began = Instant::now();
    let mut gathered = Gathered::default();
    for (name, text) in texts {
        gathered.take(read::text(name, text.clone(), None, settings)?)?;
    }
    data_set(gathered, settings, began)
}

/// Trusted bars of what was gathered since `began`.
fn data_set(
    Gathered { rows, files }: Gathered,
    settings: &DataSettings,
    began: Instant,
) -> Result<DataSet, DataError> {
    let read = began.elapsed();
    if let (true, Some(file)) = (rows.is_empty(), files.first()) {
        let fact = "the file has a header and no rows; write bars into it or name another file";
        return Err(DataError { file: file.path.clone(), fact: fact.to_owned() });
    }
    let choice = settings.calendar.as_ref().unwrap_or(&CalendarChoice::Always);
    let calendar = Calendar::of(choice)?;
    let (mut all, mut verdicts) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    // Rows are let go as soon as they are bars.
    for rows in rows {
        let (bars, verdict) = check::clean(&rows, settings, &calendar);
        all.push(bars);
        verdicts.push(verdict);
    }
    share_zone(&mut all, settings.timezone);
    let bars = all.into_iter().map(Arc::new).collect();
    let took = Took { read, check: began.elapsed() - read };
    Ok(DataSet { bars, verdicts, calendar, files, took })
}

/// A data set of bars that were read and checked before, such as those that a paper account has seen;
/// `verdicts` tell what is known of the files that they came from.
pub fn kept(
    settings: &DataSettings,
    mut bars: Vec<Bars>,
    verdicts: Vec<Verdict>,
) -> Result<DataSet, DataError> {
    let choice = settings.calendar.as_ref().unwrap_or(&CalendarChoice::Always);
    let calendar = Calendar::of(choice)?;
    share_zone(&mut bars, settings.timezone);
    let bars = bars.into_iter().map(Arc::new).collect();
    Ok(DataSet { bars, verdicts, calendar, files: Vec::new(), took: Took::default() })
}

/// The rows of every symbol in all files; `go_on` says what becomes of an error.
fn rows(
    settings: &DataSettings,
    mut go_on: impl FnMut(DataError) -> Result<(), DataError>,
) -> Result<Gathered, DataError> {
    let mut gathered = Gathered::default();
    for (pattern, written) in settings.paths.iter().zip(&settings.written) {
        match files::expand(pattern, written) {
            Err(error) => go_on(error)?,
            Ok(files) => {
                for file in files {
                    let rows = read::file(&file, settings);
                    rows.and_then(|rows| gathered.take(rows)).or_else(&mut go_on)?;
                }
            }
        }
    }
    Ok(gathered)
}

/// What was read of several files.
#[derive(Default)]
struct Gathered {
    rows: Vec<Rows>,
    files: Vec<FileRead>,
}

impl Gathered {
    fn take(&mut self, (rows, read): (Vec<Rows>, FileRead)) -> Result<(), DataError> {
        if self.files.iter().any(|known| known.path == read.path) {
            let fact = "the file is named twice".to_owned();
            return Err(DataError { file: read.path, fact });
        }
        self.files.push(read);
        for rows in rows {
            match self.rows.iter_mut().find(|known| known.symbol == rows.symbol) {
                Some(known) => known.append(rows)?,
                None => self.rows.push(rows),
            }
        }
        Ok(())
    }
}

/// One local time for all symbols, from the first bar of any to the last.
fn share_zone(all: &mut [Bars], zone: chrono_tz::Tz) {
    let from = all.iter().filter_map(|bars| bars.time.first()).min();
    let to = all.iter().filter_map(|bars| bars.time.last()).max();
    if let (Some(from), Some(to)) = (from, to) {
        let zone = time::zone(zone, *from, *to);
        all.iter_mut().for_each(|bars| bars.clock.zone = zone.clone());
    }
}
