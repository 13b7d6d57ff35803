//! What imports replaced in the bars of one symbol: a table for people, in a file beside the bars.
//!
//! A line says which value was which one before, and how far the data went that brought the new one.
//! That is a time of the data and none of a clock, so that the same imports write the same bytes. The
//! lines enter the file before the bars do: an import that is killed in between finds its revision
//! again, sees that it is the last one told of that value, and tells it no second time.

use super::super::atomic;
use super::super::error::StoreError;
use super::super::series::{Revision, stamp};
use crate::bars::DAY;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// The name of the file. It is none of a data file, so that whoever reads the directory reads bars.
pub(super) const FILE: &str = "revisions.tsv";
const HEADER: &str = "time\tcolumn\told\tnew\tseen\n";

/// The line of `revision`, brought by data whose last bar opens at `seen`, and what it says without
/// that.
pub(super) fn line(revision: &Revision, seen: i64) -> (String, String) {
    let days = revision.naive && revision.time % DAY == 0 && seen % DAY == 0;
    let time = |micros: i64| stamp(micros, revision.naive, days);
    let new = if revision.new.is_nan() { String::new() } else { revision.new.to_string() };
    let said = format!("{}\t{}\t{}\t{new}\t", time(revision.time), revision.column, revision.old);
    (format!("{said}{}\n", time(seen)), said)
}

/// Add `lines` to the file in `directory`.
pub(super) fn write(directory: &Path, lines: &[(String, String)]) -> Result<(), StoreError> {
    if lines.is_empty() {
        return Ok(());
    }
    let path = directory.join(FILE);
    let mut text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => HEADER.to_owned(),
        Err(error) => return Err(StoreError::io("read", &path)(error)),
    };
    let before = text.len();
    for (line, said) in lines {
        let value = said.splitn(3, '\t').take(2).map(str::len).sum::<usize>() + 2;
        let last = text[..before].lines().rev().find(|known| known.starts_with(&said[..value]));
        if !last.is_some_and(|known| known.starts_with(said)) {
            text.push_str(line);
        }
    }
    if text.len() > before { atomic::write(&path, text.as_bytes()) } else { Ok(()) }
}
