//! What imports replaced in the bars of one symbol: a table for people, in a file beside the bars.
//!
//! A line says which value was which one before, and how far the data went that brought the new one.
//! That is a time of the data and none of a clock, so that the same imports write the same bytes. The
//! lines enter the file before the bars do: an import that was killed in between finds its revision
//! again, sees that it is the last one told of that value, and tells it no second time.

use super::super::atomic;
use super::super::error::StoreError;
use super::super::series::{Revision, stamp};
use crate::bars::DAY;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// The name of the file: none of a data file, so that whoever reads the directory reads bars alone.
pub(super) const FILE: &str = "revisions.tsv";
const HEADER: &str = "time\tcolumn\told\tnew\tseen\n";

/// A line of the file, in the columns that it is compared by.
#[derive(Debug)]
pub(super) struct Line {
    /// The time of the bar, and the column.
    place: String,
    /// The old value and the new one.
    change: String,
    /// The last bar of the data that brought it.
    seen: String,
}

impl Line {
    /// The line of `revision`, which data brought whose last bar opens at `seen`.
    pub(super) fn of(revision: &Revision, seen: i64) -> Self {
        let Revision { time, naive, column, old, new } = revision;
        let days = *naive && time % DAY == 0 && seen % DAY == 0;
        let text = |micros: i64| stamp(micros, *naive, days);
        let new = if new.is_nan() { String::new() } else { new.to_string() };
        Self {
            place: format!("{}\t{column}\t", text(*time)),
            change: format!("{old}\t{new}\t"),
            seen: text(seen),
        }
    }
}

/// Add `lines` to the file in `directory`.
pub(super) fn write(directory: &Path, lines: &[Line]) -> Result<(), StoreError> {
    if lines.is_empty() {
        return Ok(());
    }
    let path = directory.join(FILE);
    let before = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => HEADER.to_owned(),
        Err(error) => return Err(StoreError::io("read", &path)(error)),
    };
    let is_told = |line: &&Line| {
        let changes = before.lines().rev();
        let mut changes = changes.filter_map(|known| known.strip_prefix(&*line.place));
        changes.next().is_some_and(|change| change.starts_with(&line.change))
    };
    let new = lines.iter().filter(|line| !is_told(line));
    let new: String =
        new.map(|Line { place, change, seen }| format!("{place}{change}{seen}\n")).collect();
    if new.is_empty() { Ok(()) } else { atomic::write(&path, (before + &new).as_bytes()) }
}
