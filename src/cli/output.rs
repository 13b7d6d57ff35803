//! Records on standard output: one mechanism for tables, JSON, CSV and Markdown.
//!
//! A command says what it found, as [`Records`] (many things of a kind) or [`Facts`] (one thing),
//! and a [`Format`] says how that is written: `table` and `markdown` for people, with rounded numbers
//! and a dash for what is absent; `json` and `csv` for programs, with the exact values. Nothing else
//! in the program writes to standard output; [`write`] does it, and a reader that has gone away
//! ends the program well (see [`is_closed_pipe`]).

use super::context::{Context, Usage};
use super::exit::Exit;
use crate::diag::closest;
use crate::metrics::{self, Metric};
use crate::report::context::Unit;
use crate::report::format::{DASH, digits, markdown, metric, number};
use crate::store::StoreError;
use anyhow::Result;
use chrono::{DateTime, SecondsFormat, Utc};
use console::{Alignment, Term, measure_text_width, pad_str, truncate_str};
use serde_json::{Map, Value};
use std::cmp::Ordering;
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

/// What a column holds, and thus how people are shown it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Words.
    Text,
    /// A whole number of things.
    Count,
    /// A part of something, 0.1 being 10 %.
    Fraction,
    /// A plain number of about three digits.
    Ratio,
    /// The currency of the account.
    Money,
    /// Calendar days.
    Days,
    /// A plain number of six digits or more, such as a price.
    Number,
    /// A moment, shown in UTC.
    Time,
}

impl Kind {
    /// How a report writes its numbers; `None` for what is none or has no unit.
    pub(super) fn unit(self) -> Option<Unit> {
        match self {
            Self::Count => Some(Unit::Count),
            Self::Fraction => Some(Unit::Fraction),
            Self::Ratio => Some(Unit::Ratio),
            Self::Money => Some(Unit::Money),
            Self::Days => Some(Unit::Days),
            Self::Text | Self::Number | Self::Time => None,
        }
    }

    /// Whether it stands at the right of its column.
    fn is_number(self) -> bool {
        self.unit().is_some() || self == Self::Number
    }
}

impl From<metrics::Unit> for Kind {
    fn from(unit: metrics::Unit) -> Self {
        match unit {
            metrics::Unit::Fraction => Self::Fraction,
            metrics::Unit::Ratio => Self::Ratio,
            metrics::Unit::Money => Self::Money,
            metrics::Unit::Count => Self::Count,
            metrics::Unit::Days => Self::Days,
        }
    }
}

/// A named column, or the name of one fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// The name in every format: snake_case.
    name: String,
    /// What it holds.
    pub(super) kind: Kind,
}

impl Column {
    /// The column `name`.
    pub(super) fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind }
    }
}

impl From<Metric> for Column {
    fn from(metric: Metric) -> Self {
        Self::new(metric.name(), metric.unit().into())
    }
}

impl<T: Into<String>> From<(T, Kind)> for Column {
    fn from((name, kind): (T, Kind)) -> Self {
        Self::new(name, kind)
    }
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// There is none.
    Absent,
    /// Words.
    Text(String),
    /// Several words.
    List(Vec<String>),
    /// True or false.
    Flag(bool),
    /// A finite number.
    Number(f64),
    /// A moment.
    Time(DateTime<Utc>),
    /// A part with facts of its own; only among facts.
    Facts(Facts),
    /// A part with records of its own; only among facts.
    Records(Records),
}

macro_rules! cell_from {
    ($($type:ty: $value:ident => $cell:expr;)*) => {
        $(impl From<$type> for Cell {
            fn from($value: $type) -> Self {
                $cell
            }
        })*
    };
}

cell_from! {
    &str: text => Self::Text(text.to_owned());
    String: text => Self::Text(text);
    &String: text => Self::Text(text.clone());
    Vec<String>: list => Self::List(list);
    bool: flag => Self::Flag(flag);
    f64: number => if number.is_finite() { Self::Number(number) } else { Self::Absent };
    u8: count => Self::Number(count.into());
    u32: count => Self::Number(count.into());
    // No count comes near the 2^53 beyond which this would round.
    u64: count => Self::Number(count as f64);
    usize: count => Self::Number(count as f64);
    DateTime<Utc>: time => Self::Time(time);
    Facts: facts => Self::Facts(facts);
    Records: records => Self::Records(records);
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}

impl Cell {
    /// What people are shown, on one line.
    fn shown(&self, kind: Kind, decimals: Option<usize>) -> String {
        match self {
            Self::Absent => DASH.to_owned(),
            Self::Text(text) => one_line(text),
            Self::List(list) => one_line(&list.join(", ")),
            Self::Flag(flag) => flag.to_string(),
            Self::Number(value) => match kind.unit() {
                Some(unit) => metric(Some(*value), unit, decimals),
                None => number(Some(*value)),
            },
            Self::Time(time) => time.format("%Y-%m-%d %H:%M:%SZ").to_string(),
            Self::Facts(_) | Self::Records(_) => self.json(kind).to_string(),
        }
    }

    /// The exact value.
    fn json(&self, kind: Kind) -> Value {
        match self {
            Self::Absent => Value::Null,
            Self::Text(text) => text.as_str().into(),
            Self::List(list) => list.as_slice().into(),
            Self::Flag(flag) => (*flag).into(),
            // A count is a whole number in every language that reads it, and so is a parameter.
            Self::Number(count) if matches!(kind, Kind::Count | Kind::Text) && is_whole(*count) => {
                (*count as i64).into()
            }
            Self::Number(value) => (*value).into(),
            Self::Time(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true).into(),
            Self::Facts(facts) => facts.json(),
            Self::Records(records) => records.json(),
        }
    }

    /// The exact value as the text of a CSV field.
    fn csv(&self, kind: Kind) -> String {
        match self.json(kind) {
            Value::Null => String::new(),
            Value::String(text) => text,
            Value::Array(_) if let Self::List(list) = self => list.join(","),
            value => value.to_string(),
        }
    }

    /// The order of two values of one column, the smaller first.
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::List(a), Self::List(b)) => a.cmp(b),
            (Self::Flag(a), Self::Flag(b)) => a.cmp(b),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            _ => Ordering::Equal,
        }
    }
}

/// Whether a whole number holds `value` exactly.
fn is_whole(value: f64) -> bool {
    value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0
}

/// `text` without control characters and what else could move a terminal's cursor or turn the
/// direction of reading; white space becomes single spaces, and nothing at all becomes a dash.
fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control())
        .filter(|c| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'))
        .filter(|c| !matches!(c, '\u{2066}'..='\u{2069}'))
        .collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { DASH.to_owned() } else { line }
}

/// Many things of a kind: columns, and a row each.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Records {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

impl Records {
    /// No rows yet.
    pub(super) fn new(columns: impl IntoIterator<Item = impl Into<Column>>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Add a row: one cell a column, in their order.
    pub(super) fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len(), "a row has a cell for every column");
        self.rows.push(row);
    }

    /// Without the columns `spare`, one after the other as they stand there, as far as that leaves the
    /// others whole on this terminal. A pipe has room for all.
    pub(super) fn sparing(self, spare: &[&str]) -> Self {
        match terminal_width() {
            Some(width) => self.within(width, spare),
            None => self,
        }
    }

    fn within(mut self, width: usize, spare: &[&str]) -> Self {
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
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Write them to standard output.
    pub(super) fn print(&self, format: Format) -> Result<Exit> {
        write(self.here(format).as_bytes())
    }

    /// The text in `format` as it is printed here.
    pub(super) fn here(&self, format: Format) -> String {
        self.render(format, terminal_width())
    }

    /// The text in `format`; a table is at most `width` wide if there is one.
    fn render(&self, format: Format, width: Option<usize>) -> String {
        match format {
            Format::Table => self.table(width),
            Format::Markdown => self.markdown(),
            Format::Csv => csv(
                self.columns.iter().map(|column| column.name.clone()).collect(),
                self.rows.iter().map(|row| self.cells(row, Cell::csv)),
            ),
            Format::Json => pretty(&self.json()),
        }
    }

    /// The text in `format` as it goes into a pipe.
    #[cfg(test)]
    pub(super) fn text(&self, format: Format) -> String {
        self.render(format, None)
    }

    /// Whether there is a column `name`.
    #[cfg(test)]
    pub(super) fn has_column(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The same rows with the columns `names` alone, in that order.
    fn select(&self, names: &[&str]) -> Self {
        let places: Vec<usize> = names.iter().filter_map(|name| self.place(name)).collect();
        let rows = self.rows.iter();
        Self {
            columns: places.iter().map(|&place| self.columns[place].clone()).collect(),
            rows: rows.map(|row| places.iter().map(|&at| row[at].clone()).collect()).collect(),
        }
    }

    fn cells<T>(&self, row: &[Cell], write: impl Fn(&Cell, Kind) -> T) -> Vec<T> {
        row.iter().zip(&self.columns).map(|(cell, column)| write(cell, column.kind)).collect()
    }

    fn json(&self) -> Value {
        let object = |row: &Vec<Cell>| {
            let names = self.columns.iter().map(|column| column.name.clone());
            Value::Object(names.zip(self.cells(row, Cell::json)).collect::<Map<_, _>>())
        };
        self.rows.iter().map(object).collect()
    }

    /// Every row as people are shown it; the numbers of a column have the same decimals.
    fn shown(&self) -> Vec<Vec<String>> {
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

    fn table(&self, width: Option<usize>) -> String {
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

    fn markdown(&self) -> String {
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
const GAP: &str = "  ";
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

/// One thing: named values in order, some of them parts with values of their own.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Facts(Vec<(Column, Cell)>);

impl Facts {
    /// The same and one more.
    pub(super) fn with(mut self, name: &str, kind: Kind, value: impl Into<Cell>) -> Self {
        self.0.push((Column::new(name, kind), value.into()));
        self
    }

    /// The same and a part, which is shown after everything else.
    pub(super) fn part(self, name: &str, value: impl Into<Cell>) -> Self {
        self.with(name, Kind::Text, value)
    }

    /// Write them to standard output.
    pub(super) fn print(&self, format: Format) -> Result<Exit> {
        write(self.render(format, terminal_width()).as_bytes())
    }

    /// The text in `format` as it goes into a pipe.
    #[cfg(test)]
    pub(super) fn text(&self, format: Format) -> String {
        self.render(format, None)
    }

    fn render(&self, format: Format, width: Option<usize>) -> String {
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
                csv(names, std::iter::once(values))
            }
            Format::Json => pretty(&self.json()),
        }
    }

    fn json(&self) -> Value {
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

fn csv(header: Vec<String>, rows: impl Iterator<Item = Vec<String>>) -> String {
    const MEMORY: &str = "rows of one length are always written to memory";
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&header).expect(MEMORY);
    for row in rows {
        writer.write_record(&row).expect(MEMORY);
    }
    String::from_utf8(writer.into_inner().expect(MEMORY)).expect("every field was text")
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
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(Exit::Success),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(ClosedPipe.into()),
        Err(error) => {
            let path = "standard output".into();
            Err(StoreError::Io { path, action: "written", error }.into())
        }
    }
}

/// Options of every list: which part of it is shown, in which order, and how.
#[derive(Debug, clap::Args)]
pub(super) struct Listing {
    /// Sort by a column or metric: `sharpe`, and from the largest `-sharpe` or `sharpe:desc`
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true, value_parser = Sort::parse)]
    sort: Option<Sort>,
    /// Show at most so many, 0 for all [default: 50 in a table, else all]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// Leave out so many at the start
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    offset: usize,
    /// How the list is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// By which column a list is sorted, or by which key a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sort {
    /// The column or key.
    pub(super) name: String,
    /// Whether the largest comes first.
    pub(super) descending: bool,
}

impl Sort {
    /// The order that `text` means, such as `-sharpe`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (column, descending) = match (text.strip_prefix('-'), text.split_once(':')) {
            (Some(column), None) => (column, true),
            (None, Some((column, "desc"))) => (column, true),
            (None, Some((column, "asc"))) => (column, false),
            (None, None) => (text, false),
            _ => return Err("write `sharpe`, `-sharpe`, `sharpe:asc` or `sharpe:desc`".into()),
        };
        let column = column.strip_prefix("metrics.").unwrap_or(column);
        if column.is_empty() {
            return Err("the name of a column is missing".into());
        }
        Ok(Self { name: column.to_owned(), descending })
    }

    /// Sort; what has no value stands last either way, and equal rows stay as they are.
    fn apply(&self, records: &mut Records) -> Result<(), Usage> {
        let Some(place) = records.place(&self.name) else {
            let known: Vec<&str> =
                records.columns.iter().map(|column| column.name.as_str()).collect();
            let remedy = match closest(&self.name, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are: {}", known.join(", ")),
            };
            return Err(Usage(format!("unknown column `{}`; {remedy}", self.name)));
        };
        let is_absent = |row: &[Cell]| row[place] == Cell::Absent;
        records.rows.sort_by(|a, b| {
            let order = a[place].order(&b[place]);
            let order = if self.descending { order.reverse() } else { order };
            is_absent(a).cmp(&is_absent(b)).then(order)
        });
        Ok(())
    }
}

impl Listing {
    /// How the list is written.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Print the wanted part of `records`; people see the columns `shown`, and the one that the list
    /// is sorted by. On a narrow terminal a table goes without those of `spare`, the first of them first.
    pub(super) fn print(
        &self,
        records: Records,
        shown: &[&str],
        spare: &[&str],
        context: &Context,
    ) -> Result<Exit> {
        let found = records.rows.len();
        let mut part = self.part(records, shown)?;
        if self.format == Format::Table {
            let sorted = self.sort.as_ref().map(|sort| sort.name.as_str());
            let spare: Vec<&str> =
                spare.iter().copied().filter(|name| Some(*name) != sorted).collect();
            part = part.sparing(&spare);
        }
        part.print(self.format)?;
        let last = self.offset + part.rows.len();
        if self.limit.is_none() && self.offset < last && last < found {
            let first = self.offset + 1;
            context.say(&format!("{first} to {last} of {found}; `--limit 0` shows all"));
        }
        Ok(if part.is_empty() { Exit::Nothing } else { Exit::Success })
    }

    fn part(&self, mut records: Records, shown: &[&str]) -> Result<Records, Usage> {
        /// How long a table is unless somebody says so.
        const TABLE: usize = 50;
        let mut shown = shown.to_vec();
        if let Some(sort) = &self.sort {
            sort.apply(&mut records)?;
            if !shown.contains(&sort.name.as_str()) {
                shown.push(&sort.name);
            }
        }
        let limit = match self.limit {
            Some(0) => usize::MAX,
            Some(limit) => limit,
            None if self.format == Format::Table => TABLE,
            None => usize::MAX,
        };
        records.rows = records.rows.into_iter().skip(self.offset).take(limit).collect();
        Ok(if self.format.is_for_people() { records.select(&shown) } else { records })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::iter;

    fn records() -> Records {
        let mut records = Records::new([
            ("session", Kind::Text),
            ("status", Kind::Text),
            ("sharpe", Kind::Ratio),
            ("max_drawdown", Kind::Fraction),
            ("trades", Kind::Count),
            ("started", Kind::Time),
        ]);
        let time = DateTime::from_timestamp(1_795_242_660, 123_456_000).unwrap();
        records.push(vec![
            "goog-sma".into(),
            "completed".into(),
            (0.1 + 0.2).into(),
            0.1187.into(),
            1204_u64.into(),
            time.into(),
        ]);
        records.push(vec![
            "a|b\n<i>\u{1b}[31m".into(),
            "failed".into(),
            (-1.5).into(),
            Cell::Absent,
            3_u64.into(),
            Cell::Absent,
        ]);
        records
    }

    #[test]
    fn a_table_is_aligned_and_has_a_dash_for_what_is_absent() {
        insta::assert_snapshot!(records().render(Format::Table, None), @r#"
        session      status     sharpe  max_drawdown  trades  started
        goog-sma     completed    0.30        11.9 %   1,204  2026-11-21 06:31:00Z
        a|b <i>[31m  failed      −1.50             –       3  –
        "#);
    }

    #[test]
    fn a_markdown_table_holds_any_text_in_its_cells() {
        let text = records().render(Format::Markdown, None);
        insta::assert_snapshot!(text, @r#"
        | session | status | sharpe | max\_drawdown | trades | started |
        | --- | --- | ---: | ---: | ---: | --- |
        | goog-sma | completed | 0.30 | 11.9 % | 1,204 | 2026-11-21 06:31:00Z |
        | a&#124;b &lt;i&gt;\[31m | failed | −1.50 | – | 3 | – |
        "#);
        assert!(text.lines().all(|line| line.matches('|').count() == 7), "{text}");
    }

    #[test]
    fn csv_has_the_exact_values() {
        let csv = "session,status,sharpe,max_drawdown,trades,started\n\
                   goog-sma,completed,0.30000000000000004,0.1187,1204,2026-11-21T06:31:00.123456Z\n\
                   \"a|b\n<i>\u{1b}[31m\",failed,-1.5,,3,\n";
        assert_eq!(records().render(Format::Csv, None), csv);
    }

    #[test]
    fn json_has_the_exact_values() {
        insta::assert_snapshot!(records().render(Format::Json, None), @r#"
        [
          {
            "session": "goog-sma",
            "status": "completed",
            "sharpe": 0.30000000000000004,
            "max_drawdown": 0.1187,
            "trades": 1204,
            "started": "2026-11-21T06:31:00.123456Z"
          },
          {
            "session": "a|b\n<i>\u001b[31m",
            "status": "failed",
            "sharpe": -1.5,
            "max_drawdown": null,
            "trades": 3,
            "started": null
          }
        ]
        "#);
    }

    #[test]
    fn csv_and_json_numbers_read_back_to_the_same_bits() {
        for value in [0.1 + 0.2, 1.0 / 3.0, 5e-324, 1e300, -0.0, 1e22, f64::MAX] {
            let mut records = Records::new([("x", Kind::Ratio)]);
            records.push(vec![value.into()]);
            let csv = records.render(Format::Csv, None);
            let read: f64 = csv.lines().nth(1).unwrap().parse().unwrap();
            assert_eq!(read.to_bits(), value.to_bits());
            let json: Value = serde_json::from_str(&records.render(Format::Json, None)).unwrap();
            assert_eq!(json[0]["x"].as_f64().unwrap().to_bits(), value.to_bits());
        }
    }

    #[test]
    fn a_number_that_is_not_finite_is_absent() {
        assert_eq!(Cell::from(f64::NAN), Cell::Absent);
        assert_eq!(Cell::from(Some(f64::INFINITY)), Cell::Absent);
        assert_eq!(Cell::from(None::<f64>), Cell::Absent);
    }

    #[test]
    fn no_rows_are_a_header_or_an_empty_array() {
        let none = Records::new([("id", Kind::Text), ("trades", Kind::Count)]);
        assert_eq!(none.render(Format::Table, Some(80)), "id  trades\n");
        assert_eq!(none.render(Format::Csv, None), "id,trades\n");
        assert_eq!(none.render(Format::Markdown, None), "| id | trades |\n| --- | ---: |\n");
        assert_eq!(none.render(Format::Json, None), "[]\n");
    }

    #[test]
    fn a_table_is_never_wider_than_its_terminal() {
        let mut records = records();
        let wide = "Ω漢字🦀".repeat(20);
        records.push(iter::repeat_n(Cell::from(wide), 6).collect());
        for width in 1..200 {
            let text = records.render(Format::Table, Some(width));
            assert_eq!(text.lines().count(), 4);
            for line in text.lines() {
                assert!(measure_text_width(line) <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn what_can_be_spared_goes_before_a_cell_is_cut() {
        let spare = ["status", "trades", "max_drawdown"];
        let columns = |width| {
            let left = records().within(width, &spare);
            left.columns.into_iter().map(|column| column.name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(columns(80), "session status sharpe max_drawdown trades started");
        assert_eq!(columns(64), "session sharpe max_drawdown trades started");
        assert_eq!(columns(10), "session sharpe started");
    }

    #[test]
    fn a_narrow_table_cuts_words_headers_and_hours_and_no_numbers() {
        insta::assert_snapshot!(records().render(Format::Table, Some(56)), @r#"
        session   status   sharpe  max_dr…  trades  started
        goog-sma  comple…    0.30   11.9 %   1,204  2026-11-21 …
        a|b <i>…  failed    −1.50        –       3  –
        "#);
    }

    #[test]
    fn what_moves_a_cursor_is_not_shown() {
        assert_eq!(one_line("a\tb\r\nc\u{1b}[2J\u{7}d\u{202e}e\u{9b}f"), "a b c[2Jdef");
        assert_eq!(one_line(" \n"), DASH);
    }

    fn one_thing() -> Facts {
        let mut phases = Records::new([("name", Kind::Text), ("seconds", Kind::Ratio)]);
        phases.push(vec!["plan".into(), 0.25.into()]);
        let counts = Facts::default().with("completed", Kind::Count, 1200_u64);
        let counts = counts.with("failed", Kind::Count, 3_u64);
        Facts::default()
            .with("id", Kind::Text, "9f3a1c")
            .part("counts", counts)
            .with("error", Kind::Text, "the first word and then many more of them")
            .with("tags", Kind::Text, vec!["ci".to_owned(), "trend".to_owned()])
            .part("phases", phases)
    }

    #[test]
    fn facts_stand_under_each_other_and_parts_behind_them() {
        insta::assert_snapshot!(one_thing().render(Format::Table, Some(28)), @r#"
        id     9f3a1c
        error  the first word and
               then many more of
               them
        tags   ci, trend

        counts
        completed  1,200
        failed         3

        phases
        name  seconds
        plan     0.25
        "#);
        insta::assert_snapshot!(one_thing().render(Format::Markdown, None), @r#"
        | name | value |
        | --- | --- |
        | id | 9f3a1c |
        | error | the first word and then many more of them |
        | tags | ci, trend |

        ## counts

        | name | value |
        | --- | --- |
        | completed | 1,200 |
        | failed | 3 |

        ## phases

        | name | seconds |
        | --- | ---: |
        | plan | 0.25 |
        "#);
    }

    #[test]
    fn facts_are_an_object_and_one_flat_row() {
        insta::assert_snapshot!(one_thing().render(Format::Json, None), @r#"
        {
          "id": "9f3a1c",
          "counts": {
            "completed": 1200,
            "failed": 3
          },
          "error": "the first word and then many more of them",
          "tags": [
            "ci",
            "trend"
          ],
          "phases": [
            {
              "name": "plan",
              "seconds": 0.25
            }
          ]
        }
        "#);
        insta::assert_snapshot!(one_thing().render(Format::Csv, None), @r#"
        id,counts.completed,counts.failed,error,tags,phases
        9f3a1c,1200,3,the first word and then many more of them,"ci,trend","[{""name"":""plan"",""seconds"":0.25}]"
        "#);
    }

    #[test]
    fn a_column_to_sort_by_says_its_direction() {
        let sort = |column: &str, descending| Ok(Sort { name: column.into(), descending });
        assert_eq!(Sort::parse("sharpe"), sort("sharpe", false));
        assert_eq!(Sort::parse("-sharpe"), sort("sharpe", true));
        assert_eq!(Sort::parse("sharpe:desc"), sort("sharpe", true));
        assert_eq!(Sort::parse("sharpe:asc"), sort("sharpe", false));
        assert_eq!(Sort::parse("-metrics.sharpe"), sort("sharpe", true));
        for wrong in ["", "-", ":desc", "sharpe:down", "-sharpe:desc"] {
            assert!(Sort::parse(wrong).is_err(), "{wrong}");
        }
    }

    fn listing(format: Format) -> Listing {
        Listing { sort: None, limit: None, offset: 0, format }
    }

    fn column(records: &Records, name: &str) -> Vec<String> {
        let place = records.place(name).unwrap();
        records.rows.iter().map(|row| row[place].csv(records.columns[place].kind)).collect()
    }

    #[test]
    fn what_is_absent_is_sorted_last_in_both_directions() {
        let mut records = Records::new([("id", Kind::Text), ("x", Kind::Ratio)]);
        for (id, x) in [("a", None), ("b", Some(1.0)), ("c", Some(2.0)), ("d", Some(1.0))] {
            records.push(vec![id.into(), x.into()]);
        }
        for (text, order) in [("x", "bdca"), ("-x", "cbda"), ("-id", "dcba")] {
            let sort = Some(Sort::parse(text).unwrap());
            let sorted = Listing { sort, ..listing(Format::Csv) }.part(records.clone(), &[]);
            assert_eq!(column(&sorted.unwrap(), "id").concat(), order, "{text}");
        }
    }

    #[test]
    fn an_unknown_column_is_named_with_the_one_that_was_meant() {
        let sort = Some(Sort::parse("-sharp").unwrap());
        let error = Listing { sort, ..listing(Format::Csv) }.part(records(), &[]).unwrap_err();
        assert_eq!(error.to_string(), "unknown column `sharp`; did you mean `sharpe`?");
    }

    #[test]
    fn people_see_some_columns_and_the_sorted_one_and_programs_all() {
        let sort = Some(Sort::parse("trades").unwrap());
        let names = |format| {
            let listing = Listing { sort: sort.clone(), ..listing(format) };
            let part = listing.part(records(), &["session", "status"]).unwrap();
            part.columns.into_iter().map(|column| column.name).collect::<Vec<_>>()
        };
        assert_eq!(names(Format::Table), ["session", "status", "trades"]);
        assert_eq!(names(Format::Markdown), ["session", "status", "trades"]);
        assert_eq!(names(Format::Json).len(), 6);
        assert_eq!(names(Format::Csv).len(), 6);
    }

    #[test]
    fn a_table_ends_after_fifty_rows_unless_told_otherwise() {
        let mut many = Records::new([("n", Kind::Count)]);
        (0..120_u64).for_each(|n| many.push(vec![n.into()]));
        let rows = |limit, offset, format| {
            let listing = Listing { limit, offset, ..listing(format) };
            column(&listing.part(many.clone(), &["n"]).unwrap(), "n")
        };
        assert_eq!(rows(None, 0, Format::Table).len(), 50);
        assert_eq!(rows(None, 0, Format::Json).len(), 120);
        assert_eq!(rows(Some(0), 0, Format::Table).len(), 120);
        assert_eq!(rows(Some(2), 3, Format::Table), ["3", "4"]);
        assert!(rows(Some(2), 120, Format::Table).is_empty());
    }

    #[test]
    fn a_closed_pipe_is_told_apart_from_a_full_disk() {
        struct Refusing(ErrorKind);
        impl Write for Refusing {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(self.0.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let closed = write_to(&mut Refusing(ErrorKind::BrokenPipe), b"x").unwrap_err();
        assert!(is_closed_pipe(&closed));
        let full = write_to(&mut Refusing(ErrorKind::StorageFull), b"x").unwrap_err();
        assert!(!is_closed_pipe(&full));
        assert!(matches!(full.downcast_ref(), Some(StoreError::Io { .. })));
    }
}
