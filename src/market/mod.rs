//! Files of prices to columns that can be trusted. The one place, beside the store, that knows
//! polars.
//!
//! [`load`] reads the files of a session's data settings once and checks them; [`slice::Slice`] cuts
//! out what one session sees: the bars of its range on one time axis for the engine, and the rows
//! before it for the rules.

pub mod slice;

mod check;
mod read;
mod time;

#[cfg(test)]
mod tests;

pub use slice::{Slice, SliceError};
pub use time::timeframe;

use crate::bars::Bars;
use crate::manifest::project::shown;
use crate::manifest::{DataSettings, glob_matches};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All bars of a session's files, by symbol.
#[derive(Debug)]
pub struct DataSet {
    /// One entry a symbol, in the order of the files and of first appearance in each.
    pub bars: Vec<Arc<Bars>>,
    /// The files that were read.
    pub files: Vec<FileRead>,
}

/// A file that was read.
#[derive(Debug, Clone)]
pub struct FileRead {
    /// Where it lies, as people write it.
    pub path: String,
    /// How many rows it holds.
    pub rows: usize,
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
    let mut all: Vec<Bars> = Vec::new();
    let mut files = Vec::new();
    for (pattern, written) in settings.paths.iter().zip(&settings.written) {
        for file in expand(pattern, written)? {
            let (bars, rows) = read::file(&file, settings)?;
            for bars in bars {
                if all.iter().any(|known| known.symbol == bars.symbol) {
                    let fact = format!("symbol `{}` is already in another file", bars.symbol);
                    return Err(DataError::new(&file, fact));
                }
                all.push(bars);
            }
            files.push(FileRead { path: shown(&file), rows });
        }
    }
    share_zone(&mut all, settings.timezone);
    Ok(DataSet { bars: all.into_iter().map(Arc::new).collect(), files })
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

/// The files that a path or glob names, sorted.
fn expand(pattern: &Path, written: &str) -> Result<Vec<PathBuf>, DataError> {
    let name = pattern.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let folder = pattern.parent().unwrap_or(Path::new("."));
    if !name.contains(['*', '?']) {
        return match pattern.is_file() {
            true => Ok(vec![pattern.to_owned()]),
            false => Err(DataError { file: written.to_owned(), fact: absent(folder, name) }),
        };
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .filter(|path| {
            path.file_name().and_then(|f| f.to_str()).is_some_and(|f| glob_matches(name, f))
        })
        .collect();
    files.sort();
    match files.is_empty() {
        true => Err(DataError { file: written.to_owned(), fact: "no file matches".into() }),
        false => Ok(files),
    }
}

fn absent(folder: &Path, name: &str) -> String {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().to_str().map(str::to_owned)).collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    match crate::diag::closest(name, &known) {
        Some(near) => format!("there is no such file; did you mean `{near}`?"),
        None => "there is no such file; paths are relative to the project".into(),
    }
}
