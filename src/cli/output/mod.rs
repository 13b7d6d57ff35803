//! Records on standard output: one mechanism for tables, JSON, CSV and Markdown.
//!
//! A command says what it found, as [`Records`] (many things of a kind) or [`Facts`] (one thing),
//! and a [`Format`] says how that is written: `table` and `markdown` for people, with rounded numbers
//! and a dash for what is absent; `json` and `csv` for programs, with the exact values. Nothing else
//! in the program writes to standard output; [`write`] does it, and a reader that has gone away
//! ends the program well (see [`is_closed_pipe`]).

mod cell;
mod facts;
mod listing;
mod records;

#[cfg(test)]
mod tests;

pub(super) use cell::{Cell, Column, Kind};
pub(super) use facts::Facts;
pub(super) use listing::{Listing, Sort};
pub(super) use records::Records;

use super::exit::Exit;
use crate::store::StoreError;
use anyhow::Result;
use console::Term;
use serde_json::Value;
use std::io::{self, ErrorKind, Write};

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Aligned columns, for people
    Table,
    /// Exact values, null where there is none
    Json,
    /// Exact values, empty where there is none
    Csv,
    /// A Markdown table
    Markdown,
}

impl Format {
    /// Whether people read it.
    pub(super) fn is_for_people(self) -> bool {
        matches!(self, Self::Table | Self::Markdown)
    }
}

/// Write rows of text as CSV under a header.
fn csv(
    out: impl Write,
    header: Vec<String>,
    mut rows: impl Iterator<Item = Vec<String>>,
) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let written = writer.write_record(&header);
    let written = written.and_then(|()| rows.try_for_each(|row| writer.write_record(&row)));
    written.map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    })?;
    writer.flush()
}

/// What `write` writes, as text.
fn text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes).expect("memory takes whatever is written");
    String::from_utf8(bytes).expect("every field was text")
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Write `value` as JSON to standard output.
pub(super) fn write_json(value: &impl serde::Serialize) -> Result<Exit> {
    write(format!("{}\n", serde_json::to_string_pretty(value)?).as_bytes())
}

/// How wide the terminal is; `None` if standard output is none.
pub(super) fn terminal_width() -> Option<usize> {
    let terminal = Term::stdout();
    if terminal.is_term() { terminal.size_checked().map(|(_, width)| width.into()) } else { None }
}

/// Whoever read standard output has gone away, and there is nobody to write for.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed")]
struct ClosedPipe;

/// Whether `error` is that nobody reads any more, which is not an error.
pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.is::<ClosedPipe>()
}

/// Write `bytes` to standard output.
pub(super) fn write(bytes: &[u8]) -> Result<Exit> {
    write_to(&mut io::stdout().lock(), bytes)
}

fn write_to(out: &mut impl Write, bytes: &[u8]) -> Result<Exit> {
    write_with(out, |out| out.write_all(bytes))
}

/// Let `write` write to `out`.
fn write_with<W: Write>(out: &mut W, write: impl FnOnce(&mut W) -> io::Result<()>) -> Result<Exit> {
    match write(out).and_then(|()| out.flush()) {
        Ok(()) => Ok(Exit::Success),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(ClosedPipe.into()),
        Err(error) => {
            let path = "standard output".into();
            Err(StoreError::Io { path, action: "written", error }.into())
        }
    }
}
