//! Many things of a kind: a table for people, as wide as their terminal, or all of it for programs.

use super::cell::{Cell, Column, Kind, one_line};
use super::{Format, csv, terminal_width, text, write, write_with};
use crate::cli::exit::Exit;
use crate::report::format::{digits, markdown};
use anyhow::Result;
use console::{Alignment, measure_text_width, pad_str, truncate_str};
use serde::ser::{SerializeSeq, Serializer};
use serde_json::{Map, Value};
use std::io::{self, BufWriter, Write};

/// Many things of a kind: columns, and a row each.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::cli) struct Records {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Records {
    /// No rows yet.
    pub(in crate::cli) fn new(columns: impl IntoIterator<Item = impl Into<Column>>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Add a row: one cell a column, in their order.
    pub(in crate::cli) fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len(), "a row has a cell for every column");
        self.rows.push(row);
    }

    /// Without the columns `spare`, one after the other as they stand there, as far as that leaves the
    /// others whole on this terminal. A pipe has room for all.
    pub(in crate::cli) fn sparing(self, spare: &[&str]) -> Self {
        match terminal_width() {
            Some(width) => self.within(width, spare),
            None => self,
        }
    }

    pub(super) fn within(mut self, width: usize, spare: &[&str]) -> Self {
        for name in spare {
            let mut lines = self.shown();
            lines.push(self.columns.iter().map(|column| one_line(&column.name)).collect());
            let cell = |line: &Vec<String>, column: usize| measure_text_width(&line[column]);
            let widest = |column| lines.iter().map(|line| cell(line, column)).max().unwrap_or(0);
            let gaps = measure_text_width(GAP) * self.columns.len().saturating_sub(1);
            if (0..self.columns.len()).map(widest).sum::<usize>() + gaps <= width {
                break;
            }
            if let Some(at) = self.columns.iter().position(|column| column.name == *name) {
                self.columns.remove(at);
                self.rows.iter_mut().for_each(|row| drop(row.remove(at)));
            }
        }
        self
    }

    /// Whether there is no row.
    pub(in crate::cli) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Write them to standard output.
    pub(in crate::cli) fn print(&self, format: Format) -> Result<Exit> {
        match format {
            Format::Csv | Format::Json => {
                let mut out = BufWriter::new(io::stdout().lock());
                write_with(&mut out, |out| self.write_all(format, out))
            }
            Format::Table | Format::Markdown => write(self.here(format).as_bytes()),
        }
    }

    /// Write all of them for a program, one after the other: there may be many.
    fn write_all(&self, format: Format, mut out: impl Write) -> io::Result<()> {
        if format == Format::Csv {
            let header = self.columns.iter().map(|column| column.name.clone()).collect();
            return csv(out, header, self.rows.iter().map(|row| self.cells(row, Cell::csv)));
        }
        let mut json = serde_json::Serializer::pretty(&mut out);
        let mut array = json.serialize_seq(Some(self.rows.len()))?;
        self.rows.iter().try_for_each(|row| array.serialize_element(&self.object(row)))?;
        array.end()?;
        out.write_all(b"\n")
    }

    /// The text in `format` as it is printed here.
    pub(in crate::cli) fn here(&self, format: Format) -> String {
        self.render(format, terminal_width())
    }

    /// The text in `format`; a table is at most `width` wide if there is one.
    pub(super) fn render(&self, format: Format, width: Option<usize>) -> String {
        match format {
            Format::Table => self.table(width),
            Format::Markdown => self.markdown(),
            Format::Csv | Format::Json => text(|out| self.write_all(format, out)),
        }
    }

    /// The text in `format` as it goes into a pipe.
    #[cfg(test)]
    pub(in crate::cli) fn text(&self, format: Format) -> String {
        self.render(format, None)
    }

    /// Whether there is a column `name`.
    #[cfg(test)]
    pub(in crate::cli) fn has_column(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The same rows with the columns `names` alone, in that order.
    pub(super) fn select(&self, names: &[&str]) -> Self {
        let places: Vec<usize> = names.iter().filter_map(|name| self.place(name)).collect();
        let rows = self.rows.iter();
        Self {
            columns: places.iter().map(|&place| self.columns[place].clone()).collect(),
            rows: rows.map(|row| places.iter().map(|&at| row[at].clone()).collect()).collect(),
        }
    }

    pub(super) fn cells<T>(&self, row: &[Cell], write: impl Fn(&Cell, Kind) -> T) -> Vec<T> {
        row.iter().zip(&self.columns).map(|(cell, column)| write(cell, column.kind)).collect()
    }

    pub(super) fn json(&self) -> Value {
        self.rows.iter().map(|row| self.object(row)).collect()
    }

    fn object(&self, row: &[Cell]) -> Value {
        let names = self.columns.iter().map(|column| column.name.clone());
        Value::Object(names.zip(self.cells(row, Cell::json)).collect::<Map<_, _>>())
    }

    /// Every row as people are shown it; the numbers of a column have the same decimals.
    pub(super) fn shown(&self) -> Vec<Vec<String>> {
        let decimals = |(place, column): (usize, &Column)| {
            let numbers = self.rows.iter().filter_map(|row| match row[place] {
                Cell::Number(value) => Some(value),
                _ => None,
            });
            column.kind.unit().map(|unit| digits(unit, &numbers.collect::<Vec<_>>()))
        };
        let decimals: Vec<Option<usize>> = self.columns.iter().enumerate().map(decimals).collect();
        let line = |row: &Vec<Cell>| {
            let cells = row.iter().zip(&self.columns).zip(&decimals);
            cells.map(|((cell, column), decimals)| cell.shown(column.kind, *decimals)).collect()
        };
        self.rows.iter().map(line).collect()
    }

    pub(super) fn table(&self, width: Option<usize>) -> String {
        let mut lines = vec![self.columns.iter().map(|column| one_line(&column.name)).collect()];
        lines.extend(self.shown());
        let kinds: Vec<Kind> = self.columns.iter().map(|column| column.kind).collect();
        let widths = fit(&lines, &kinds, width);
        let mut text = String::new();
        for line in lines {
            let cells = line.iter().zip(&widths).zip(&kinds).map(|((cell, &width), kind)| {
                let side = if kind.is_number() { Alignment::Right } else { Alignment::Left };
                pad_str(cell, width, side, Some(ELLIPSIS)).into_owned()
            });
            let line = cells.collect::<Vec<_>>().join(GAP);
            let line = line.trim_end();
            // A narrower terminal than the shortest cells cuts the line, and says so.
            text += &width.map_or(line.into(), |width| truncate_str(line, width, ELLIPSIS));
            text.push('\n');
        }
        text
    }

    pub(super) fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let rule = |column: &Column| if column.kind.is_number() { "---:" } else { "---" };
        let mut text = line(self.columns.iter().map(|column| markdown(&column.name)).collect());
        text += &line(self.columns.iter().map(|column| rule(column).to_owned()).collect());
        for row in self.shown() {
            text += &line(row.iter().map(|cell| markdown(cell)).collect());
        }
        text
    }
}

/// What stands between two columns of a table.
pub(super) const GAP: &str = "  ";
/// What stands for the end of a cell that was cut.
const ELLIPSIS: &str = "…";

/// How wide each column of `lines`, the first being the header, is: as its widest cell, or less so
/// that all fit into `total`. Of a number only the header is cut, for with an end missing it would be
/// another number, and of a time no more than the hours.
fn fit(lines: &[Vec<String>], kinds: &[Kind], total: Option<usize>) -> Vec<usize> {
    let widest = |lines: &[Vec<String>], column: usize| {
        lines.iter().map(|line| measure_text_width(&line[column])).max().unwrap_or_default()
    };
    let narrowest = |(column, kind): (usize, &Kind)| match kind {
        Kind::Text => 6,
        Kind::Time => measure_text_width("2026-11-21 ") + measure_text_width(ELLIPSIS),
        _ => widest(&lines[1..], column).max(3),
    };
    let narrowest: Vec<usize> = kinds.iter().enumerate().map(narrowest).collect();
    let mut widths: Vec<usize> = (0..kinds.len()).map(|column| widest(lines, column)).collect();
    let gaps = measure_text_width(GAP) * kinds.len().saturating_sub(1);
    let total = total.unwrap_or(usize::MAX);
    while widths.iter().sum::<usize>() + gaps > total {
        let wide = widths.iter_mut().zip(&narrowest).filter(|(width, least)| **width > **least);
        match wide.map(|(width, _)| width).max() {
            Some(width) => *width -= 1,
            None => break,
        }
    }
    widths
}
