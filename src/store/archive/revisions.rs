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
use std::collections::HashMap;
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
    // How each value was changed last.
    let told: HashMap<&str, &str> = before.lines().filter_map(parted).collect();
    let is_told = |line: &&Line| {
        let change = told.get(&*line.place);
        change.is_some_and(|change| change.starts_with(&line.change))
    };
    let new = lines.iter().filter(|line| !is_told(line));
    let new: String =
        new.map(|Line { place, change, seen }| format!("{place}{change}{seen}\n")).collect();
    if new.is_empty() { Ok(()) } else { atomic::write(&path, (before + &new).as_bytes()) }
}

/// A line of the file: the time and the column, and the rest.
fn parted(line: &str) -> Option<(&str, &str)> {
    let (end, _) = line.match_indices('\t').nth(1)?;
    Some(line.split_at(end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_until_there_is_another_however_many_there_are() {
        let directory = tempfile::tempdir().unwrap();
        let change = |old: f64, new: f64| -> Vec<Line> {
            let (naive, column) = (false, "close".to_owned());
            let line = |bar: i64| {
                let (time, column) = (bar * 60_000_000, column.clone());
                Line::of(&Revision { time, naive, column, old, new }, time)
            };
            (0..20_000).map(line).collect()
        };
        let lines = || fs::read_to_string(directory.path().join(FILE)).unwrap().lines().count() - 1;
        for (old, new, told) in [(1.0, 2.0, 1), (1.0, 2.0, 1), (2.0, 1.0, 2), (1.0, 2.0, 3)] {
            write(directory.path(), &change(old, new)).unwrap();
            assert_eq!(lines(), told * 20_000);
        }
    }
}
