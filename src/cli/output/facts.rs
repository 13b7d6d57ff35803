//! One thing: its values under each other, and its parts behind them.

use super::cell::{Cell, Column, Kind};
use super::records::{GAP, Records};
use super::{Format, csv, pretty, terminal_width, text, write};
use crate::cli::exit::Exit;
use crate::report::format::markdown;
use anyhow::Result;
use console::{Alignment, measure_text_width, pad_str};
use serde_json::Value;

/// One thing: named values in order, some of them parts with values of their own.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::cli) struct Facts(Vec<(Column, Cell)>);

impl Facts {
    /// The same and one more.
    pub(in crate::cli) fn with(mut self, name: &str, kind: Kind, value: impl Into<Cell>) -> Self {
        self.0.push((Column::new(name, kind), value.into()));
        self
    }

    /// The same and a part, which is shown after everything else.
    pub(in crate::cli) fn part(self, name: &str, value: impl Into<Cell>) -> Self {
        self.with(name, Kind::Text, value)
    }

    /// Write them to standard output.
    pub(in crate::cli) fn print(&self, format: Format) -> Result<Exit> {
        write(self.render(format, terminal_width()).as_bytes())
    }

    /// The text in `format` as it goes into a pipe.
    #[cfg(test)]
    pub(in crate::cli) fn text(&self, format: Format) -> String {
        self.render(format, None)
    }

    pub(super) fn render(&self, format: Format, width: Option<usize>) -> String {
        match format {
            Format::Table => self.sections(
                |facts| facts.lines(width),
                |records| records.table(width),
                |name| format!("\n{name}\n"),
            ),
            Format::Markdown => self.sections(
                |facts| facts.as_records().markdown(),
                Records::markdown,
                |name| format!("\n## {}\n\n", markdown(name)),
            ),
            Format::Csv => {
                let (names, values) = self.flat("").into_iter().unzip();
                text(|out| csv(out, names, std::iter::once(values)))
            }
            Format::Json => pretty(&self.json()),
        }
    }

    pub(super) fn json(&self) -> Value {
        let facts = self.0.iter();
        facts.map(|(column, cell)| (column.name.clone(), cell.json(column.kind))).collect()
    }

    /// Every value for CSV, those of parts under `part.name`.
    fn flat(&self, prefix: &str) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        for (column, cell) in &self.0 {
            let name = format!("{prefix}{}", column.name);
            match cell {
                Cell::Facts(facts) => fields.extend(facts.flat(&format!("{name}."))),
                cell => fields.push((name, cell.csv(column.kind))),
            }
        }
        fields
    }

    /// First the plain facts, then each part under its title.
    fn sections(
        &self,
        facts: impl Fn(&Self) -> String + Copy,
        records: impl Fn(&Records) -> String + Copy,
        title: impl Fn(&str) -> String + Copy,
    ) -> String {
        let is_part = |cell: &Cell| matches!(cell, Cell::Facts(_) | Cell::Records(_));
        let plain = Self(self.0.iter().filter(|(_, cell)| !is_part(cell)).cloned().collect());
        let mut text = facts(&plain);
        for (column, cell) in &self.0 {
            let part = match cell {
                Cell::Facts(part) if part.0.is_empty() => continue,
                Cell::Facts(part) => part.sections(facts, records, title),
                Cell::Records(part) => records(part),
                _ => continue,
            };
            text += &title(&column.name);
            text += &part;
        }
        text
    }

    /// A line for each, the values under each other; long ones go on below, word by word.
    fn lines(&self, width: Option<usize>) -> String {
        let names = self.0.iter().map(|(column, _)| measure_text_width(&column.name));
        let name_width = names.max().unwrap_or_default();
        let values: Vec<String> =
            self.0.iter().map(|(column, cell)| cell.shown(column.kind, None)).collect();
        let is_number = |(column, _): &(Column, Cell)| column.kind.is_number();
        let value_width = match self.0.iter().all(is_number) {
            true => values.iter().map(|value| measure_text_width(value)).max().unwrap_or_default(),
            false => 0,
        };
        let room = width.map(|width| width.saturating_sub(name_width + GAP.len()));
        let mut text = String::new();
        for ((column, _), value) in self.0.iter().zip(&values) {
            let value = pad_str(value, value_width, Alignment::Right, None);
            let mut name = column.name.as_str();
            for line in wrap(&value, room) {
                let line =
                    format!("{}{GAP}{line}", pad_str(name, name_width, Alignment::Left, None));
                text += line.trim_end();
                text.push('\n');
                name = "";
            }
        }
        text
    }

    fn as_records(&self) -> Records {
        let mut records = Records::new([("name", Kind::Text), ("value", Kind::Text)]);
        for (column, cell) in &self.0 {
            records.push(vec![(&column.name).into(), cell.shown(column.kind, None).into()]);
        }
        records
    }
}

/// `text` as lines of at most `room`; a longer word stays whole, for it may be a path.
fn wrap(text: &str, room: Option<usize>) -> Vec<String> {
    let Some(room) = room.filter(|room| measure_text_width(text) > *room) else {
        return vec![text.to_owned()];
    };
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is a line from the start");
        match line.is_empty() {
            true => line.push_str(word),
            false if measure_text_width(line) + 1 + measure_text_width(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            false => lines.push(word.to_owned()),
        }
    }
    lines
}
