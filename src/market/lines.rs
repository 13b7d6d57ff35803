//! Texts that grow line by line: CSV or JSON lines, from a file that somebody appends to or from
//! standard input.
//!
//! A line counts when its newline is there. What cannot be a bar is left out and named, so that one
//! line of garbage stops nobody. What remains is the text of a CSV file, which is read like any other.

use super::DataError;
use super::notation::Notation;
use super::roles::Roles;
use super::text::EMPTY;
use super::time;
use crate::diag::counted;
use crate::manifest::DataSettings;
use serde_json::Value;
use std::borrow::Cow;
use std::iter;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The whole lines of a text so far.
#[derive(Debug)]
pub struct Lines {
    name: PathBuf,
    settings: DataSettings,
    shape: Option<Shape>,
    /// What came after the last newline.
    torn: Vec<u8>,
    /// The lines that can be bars, as CSV without their ends, and without a header; each with its number.
    rows: Vec<(u32, Vec<u8>)>,
    /// How many lines came, and which of them is the header: 0 where each line names its columns.
    count: usize,
    header: usize,
    garbage: Vec<Garbage>,
}

/// Lines as a CSV file.
#[derive(Debug, Clone)]
pub struct Csv {
    /// Its text.
    pub text: Vec<u8>,
    /// The numbers of its rows, which are those that they have in the whole text.
    pub numbers: Vec<u32>,
}

/// A line that is no bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbage {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fact: String,
}

impl Garbage {
    /// What is said of it, as a line of `file`.
    pub fn told(&self, file: &str) -> String {
        format!("{file}: line {} is left out: {}", self.line, self.fact)
    }
}

/// What every line has.
#[derive(Debug)]
struct Shape {
    json: bool,
    separator: u8,
    header: Vec<String>,
    /// The column of the time, that of its day and of the symbol if it has one, and those of the prices.
    time: usize,
    day: Option<usize>,
    symbol: Option<usize>,
    prices: Vec<usize>,
    /// The format of times of which one had the day before the month, and whether one had the month first.
    day_first: Option<&'static str>,
    month_first: bool,
}

/// The longest line that is waited for: what is longer is no line.
const LONGEST: usize = 1 << 20;

impl Lines {
    /// No line yet of the text called `name`: the stem is the symbol, where no column tells it.
    pub fn new(name: &Path, settings: &DataSettings) -> Self {
        Self {
            name: name.to_owned(),
            settings: settings.clone(),
            shape: None,
            torn: Vec::new(),
            rows: Vec::new(),
            count: 0,
            header: 0,
            garbage: Vec::new(),
        }
    }

    /// Take in what came; how many lines of it can be bars. An error if the first line names no columns.
    pub fn push(&mut self, bytes: &[u8]) -> Result<usize, DataError> {
        self.torn.extend_from_slice(bytes);
        let end = self.torn.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let rest = self.torn.split_off(end);
        let whole = std::mem::replace(&mut self.torn, rest);
        let before = self.rows.len();
        for line in whole.split_inclusive(|byte| *byte == b'\n') {
            self.line(ended(line))?;
        }
        if self.torn.len() > LONGEST {
            self.torn.clear();
            self.count += 1;
            self.refuse("it never ends".into());
        }
        Ok(self.rows.len() - before)
    }

    /// The lines that were no bars since this was asked last.
    pub fn garbage(&mut self) -> Vec<Garbage> {
        std::mem::take(&mut self.garbage)
    }

    /// Whether there are some.
    pub fn has_garbage(&self) -> bool {
        !self.garbage.is_empty()
    }

    /// The first of those, if the settings say that such lines are refused.
    pub fn refused(&self) -> Option<DataError> {
        let Garbage { line, fact } = self.garbage.first()?;
        let fact = format!("line {line}: {fact}; mend the line or take it out");
        (!self.settings.checks.skips_garbage()).then(|| DataError::new(&self.name, fact))
    }

    /// The lines so far as the text of a CSV file; `None` before the first bar.
    pub fn csv(&self) -> Option<Csv> {
        let shape = self.shape.as_ref().filter(|_| !self.rows.is_empty())?;
        let header = shape.header.iter().map(|name| Cow::Borrowed(&**name)).collect::<Vec<_>>();
        let mut text = record(&header, shape.separator);
        for (_, row) in &self.rows {
            text.push(b'\n');
            text.extend_from_slice(row);
        }
        text.push(b'\n');
        Some(Csv { text, numbers: self.rows.iter().map(|(number, _)| *number).collect() })
    }

    /// How the times of lines such as `31/12/2024` are written, which those that are left need not tell.
    pub fn time_format(&self) -> Option<&'static str> {
        let shape = self.shape.as_ref().filter(|shape| !shape.month_first)?;
        shape.day_first
    }

    /// Let go of all lines but the last `keep`, which is for those whose bars are kept elsewhere.
    pub fn forget(&mut self, keep: usize) {
        let old = self.rows.len().saturating_sub(keep);
        self.rows.drain(..old);
    }

    fn refuse(&mut self, fact: String) {
        self.garbage.push(Garbage { line: self.count, fact });
    }

    fn line(&mut self, line: &[u8]) -> Result<(), DataError> {
        self.count += 1;
        if self.shape.is_none() && is_blank(line) {
            return Ok(());
        }
        let row = match &mut self.shape {
            Some(shape) => shape.row(line, &self.settings),
            None => {
                let (mut shape, is_bar) = Shape::of(&self.name, line, &self.settings)?;
                let row = match is_bar {
                    true => shape.row(line, &self.settings).map(Cow::into_owned),
                    false => Ok(Vec::new()),
                };
                self.header = if is_bar { 0 } else { self.count };
                self.shape = Some(shape);
                row.map(Cow::Owned)
            }
        };
        match row {
            Ok(row) if row.is_empty() => {}
            Ok(row) => self.rows.push(((self.count - self.header) as u32, row.into_owned())),
            Err(fact) => self.refuse(fact),
        }
        Ok(())
    }
}

/// A whole file of JSON lines as a CSV file. A line that is no bar is an error, for nobody is
/// still writing it, unless such are to be left out.
pub(super) fn json(
    file: &Path,
    bytes: &[u8],
    settings: &DataSettings,
) -> Result<(Csv, Vec<Garbage>), DataError> {
    let mut lines = Lines::new(file, settings);
    let newline: &[u8] = if bytes.ends_with(b"\n") { b"" } else { b"\n" };
    for part in [bytes, newline] {
        let _ = lines.push(part)?;
    }
    let (garbage, csv) = (lines.garbage(), lines.csv());
    if let Some(Garbage { line, fact }) = garbage.first()
        && (csv.is_none() || !settings.checks.skips_garbage())
    {
        let remedy = match newline.is_empty() || *line < lines.count {
            true => "mend the line or take it out",
            false => "the file ends there without the end of a line; is it still being written?",
        };
        return Err(DataError::new(file, format!("line {line}: {fact}; {remedy}")));
    }
    let csv = csv.ok_or_else(|| DataError::new(file, EMPTY))?;
    Ok((csv, garbage))
}

/// The lines of a whole CSV file that are no bars: their places in `text`, and what is wrong with those in
/// which something stands. Of a last line without an end somebody else says what is wrong, and of a file of
/// which no line is a bar.
pub(super) fn no_bars(
    file: &Path,
    text: &[u8],
    settings: &DataSettings,
) -> Result<(Vec<Range<usize>>, Vec<Garbage>), DataError> {
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    let header = lines.next().unwrap_or_default();
    let (mut shape, _) = Shape::of(file, ended(header), settings)?;
    let (mut places, mut garbage, mut from) = (Vec::new(), Vec::new(), header.len());
    let mut has_bars = false;
    for (number, line) in lines.enumerate() {
        let begins = from;
        from += line.len();
        let is_whole = line.ends_with(b"\n");
        let line = ended(line);
        if !is_whole || line.is_empty() {
            continue;
        }
        match shape.row(line, settings) {
            Ok(row) if !row.is_empty() => {
                has_bars = true;
                continue;
            }
            Ok(_) => {}
            Err(fact) => garbage.push(Garbage { line: number + 2, fact }),
        }
        places.push(begins..begins + line.len());
    }
    Ok(if has_bars { (places, garbage) } else { Default::default() })
}

/// A line without its end.
fn ended(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

impl Shape {
    /// The shape that the first line tells, and whether that line is a bar itself.
    fn of(name: &Path, line: &[u8], settings: &DataSettings) -> Result<(Self, bool), DataError> {
        let wrong = |fact| DataError::new(name, fact);
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let json = line.first() == Some(&b'{');
        let separator = if json { b',' } else { separator(line) };
        let header: Vec<String> = match json {
            true => members(line).map_err(wrong)?,
            false => {
                cells(line, separator).map_err(wrong)?.into_iter().map(Cow::into_owned).collect()
            }
        };
        let roles = Roles::of(name, &header, settings)?;
        let place = |role: &str| {
            let theirs = roles.theirs(role)?;
            header.iter().position(|name| name == theirs)
        };
        let mut prices: Vec<usize> =
            roles.numbers()[..4].iter().filter_map(|role| place(role)).collect();
        prices.dedup();
        let time = place("time").expect("roles without a time are refused");
        let symbol = place("symbol");
        let day = roles.day.and_then(|day| header.iter().position(|name| *name == day));
        let (day_first, month_first) = (None, false);
        let columns =
            Self { json, separator, header, time, day, symbol, prices, day_first, month_first };
        Ok((columns, json))
    }

    /// A line as a row of CSV, empty if nothing stands in it or the header does, as in a file that was
    /// begun again; or why it is no bar.
    fn row<'l>(
        &mut self,
        line: &'l [u8],
        settings: &DataSettings,
    ) -> Result<Cow<'l, [u8]>, String> {
        let cells = match self.json {
            _ if is_blank(line) => return Ok(Cow::default()),
            true => self.object(line)?.into_iter().map(Cow::Owned).collect(),
            false => cells(line, self.separator)?,
        };
        let is_empty = !self.json && cells.iter().all(|cell| cell.trim().is_empty());
        if is_empty || cells == self.header {
            return Ok(Cow::default());
        }
        if cells.len() != self.header.len() {
            let (cells, columns) = (cells.len(), self.header.len());
            let (cells, columns) = (counted(cells, "cell"), counted(columns, "column"));
            return Err(format!("it has {cells}, and there are {columns}"));
        }
        let mut needed =
            [self.time].into_iter().chain(self.symbol).chain(self.prices.iter().copied());
        if let Some(column) = needed.find(|column| cells[*column].trim().is_empty()) {
            return Err(format!("`{}` is missing", self.header[column]));
        }
        let time = match self.day {
            Some(day) => &*time::joined(&cells[day], &cells[self.time]),
            None => &*cells[self.time],
        };
        let format = settings.time_format.as_deref();
        let is_read = time::read(time, format, settings.time_unit).is_some();
        let day_first = match format {
            None => time::day_first(|| iter::once(time)),
            Some(_) => None,
        };
        if !is_read && day_first.is_none() {
            return Err(format!("`{time}` is no time"));
        }
        self.month_first |= is_read && format.is_none() && time::is_month_first(time);
        self.day_first = self.day_first.or(day_first);
        for &price in &self.prices {
            if !Notation::may_be_number(&cells[price]) {
                return Err(format!("`{}` is no {}", cells[price], self.header[price]));
            }
        }
        Ok(if self.json { record(&cells, self.separator).into() } else { line.into() })
    }

    /// The members of a JSON object in the order of the header.
    fn object(&self, line: &[u8]) -> Result<Vec<String>, String> {
        let value: Value = serde_json::from_slice(line)
            .map_err(|error| format!("it is no JSON object: {error}"))?;
        let Value::Object(members) = value else { return Err("it is no JSON object".into()) };
        let cell = |name: &String| match members.get(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Array(_) | Value::Object(_)) => Err(format!("`{name}` is no single value")),
            Some(value) => Ok(value.to_string()),
        };
        self.header.iter().map(cell).collect()
    }
}

/// The names of the members of a JSON object.
fn members(line: &[u8]) -> Result<Vec<String>, String> {
    match serde_json::from_slice(line) {
        Ok(Value::Object(members)) => Ok(members.into_iter().map(|(name, _)| name).collect()),
        Ok(_) => Err("line 1 is no JSON object".into()),
        Err(error) => Err(format!("line 1 is no JSON object: {error}")),
    }
}

/// What separates the cells of a header: whatever it has most of.
pub(super) fn separator(header: &[u8]) -> u8 {
    let of = |separator: u8| header.iter().filter(|byte| **byte == separator).count();
    let separators = [b'|', b'\t', b';', b','];
    separators.into_iter().max_by_key(|separator| of(*separator)).unwrap_or(b',')
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

fn cells(line: &[u8], separator: u8) -> Result<Vec<Cow<'_, str>>, String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is no text in UTF-8")?;
    if !text.contains(['"', '\r']) {
        return Ok(text.split(char::from(separator)).map(Cow::Borrowed).collect());
    }
    let mut reader = ::csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        .from_reader(line);
    let record = reader.records().next();
    match record {
        Some(Ok(record)) => Ok(record.iter().map(|cell| cell.to_owned().into()).collect()),
        Some(Err(error)) => Err(format!("it is no CSV: {error}")),
        None => Ok(Vec::new()),
    }
}

/// Cells as a line of CSV, without its end.
fn record(cells: &[Cow<'_, str>], separator: u8) -> Vec<u8> {
    let mut writer =
        ::csv::WriterBuilder::new().delimiter(separator).flexible(true).from_writer(Vec::new());
    writer
        .write_record(cells.iter().map(|cell| cell.as_bytes()))
        .expect("a record is written to memory");
    let mut line = writer.into_inner().expect("a record is written to memory");
    line.truncate(line.len() - 1);
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::load_text;

    const CSV: &str = "timestamp,open,high,low,close,volume\n\
        2024-01-01,1,2,0.5,1.5,10\n\
        2024-01-02,1.5,2,1,1.75,10\n";

    fn settings() -> DataSettings {
        const DAY: i64 = crate::bars::DAY;
        DataSettings::of(vec!["X.csv".into()], vec!["X.csv".into()], 20_000 * DAY)
    }

    fn lines() -> Lines {
        Lines::new(Path::new("X.csv"), &settings())
    }

    fn closes(lines: &Lines) -> Vec<f64> {
        let Some(csv) = lines.csv() else { return Vec::new() };
        let data = load_text(&settings(), &[(PathBuf::from("X.csv"), csv.text)]).unwrap();
        assert_eq!(data.symbols(), ["X"]);
        data.bars[0].close.to_vec()
    }

    #[test]
    fn a_text_cut_anywhere_has_its_whole_lines() {
        for cut in 0..=CSV.len() {
            let mut lines = lines();
            let (first, rest) = CSV.as_bytes().split_at(cut);
            let before = lines.push(first).unwrap();
            let whole = first.iter().filter(|byte| **byte == b'\n').count().saturating_sub(1);
            assert_eq!(before, whole);
            assert_eq!(before + lines.push(rest).unwrap(), 2);
            assert_eq!(closes(&lines), [1.5, 1.75]);
            assert_eq!(lines.garbage(), []);
            for torn in ["", "gar", "", "bage\n"] {
                assert_eq!(lines.push(torn.as_bytes()).unwrap(), 0);
            }
            assert_eq!(lines.garbage()[0].line, 4, "pieces of a line are one line");
        }
    }

    #[test]
    fn garbage_is_left_out_and_named() {
        let mut lines = lines();
        let told = lines.push(CSV.as_bytes());
        assert_eq!(told.unwrap(), 2);
        let garbage =
            "\u{1}\u{2}garbage\n2024-01-03,1,2\n2024-01-03,1,x,1,1,1\nnever,1,2,1,1,1\n\n";
        assert_eq!(lines.push(garbage.as_bytes()).unwrap(), 0);
        assert_eq!(lines.push(b"2024-01-03,1.75,2,1,1.25,10\r\n").unwrap(), 1);
        let facts: Vec<(usize, String)> =
            lines.garbage().into_iter().map(|garbage| (garbage.line, garbage.fact)).collect();
        let expected = [
            (4, "it has 1 cell, and there are 6 columns"),
            (5, "it has 3 cells, and there are 6 columns"),
            (6, "`x` is no high"),
            (7, "`never` is no time"),
        ];
        assert_eq!(facts, expected.map(|(line, fact)| (line, fact.to_owned())));
        assert_eq!(closes(&lines), [1.5, 1.75, 1.25]);
    }

    #[test]
    fn a_day_may_stand_before_its_month() {
        let mut lines = lines();
        let bar = |time: &str| format!("{time},1,2,0.5,1.5,10\n");
        let text = format!("timestamp,open,high,low,close\n{}", bar("01/02/2024"));
        assert_eq!((lines.push(text.as_bytes()).unwrap(), lines.time_format()), (0, None));
        let text = text.replace("close", "close,volume");
        let mut lines = self::lines();
        assert_eq!((lines.push(text.as_bytes()).unwrap(), lines.time_format()), (1, None));
        assert_eq!(lines.push(bar("13/02/2024").as_bytes()).unwrap(), 1);
        assert_eq!(lines.push(bar("01/03/2024").as_bytes()).unwrap(), 1);
        lines.forget(1);
        assert_eq!(lines.time_format(), Some("%d/%m/%Y"), "it is remembered");
        let (places, _) = no_bars(Path::new("X.csv"), text.as_bytes(), &settings()).unwrap();
        assert!(places.is_empty(), "{places:?}");
        assert_eq!(lines.push(bar("02/28/2024").as_bytes()).unwrap(), 1);
        assert_eq!(lines.time_format(), None, "one of them is wrong");
    }

    #[test]
    fn a_line_is_a_bar_or_none_whoever_reads_it() {
        let odd = "garbage\n,,,,,\n   \ntimestamp,open,high,low,close,volume\n2024-01-03,1,x,1,1,1\n\n\
            2024-13-45,1,2,1,1,1\n\"2024-01-03,1\n2024-01-03,1,2,,1,1\n2024-01-03,1,2,1,1,1,1\n";
        let text = format!("{CSV}{odd}2024-01-03,1.75,2,1,1.25,10\n");
        let mut lines = lines();
        assert_eq!(lines.push(text.as_bytes()).unwrap(), 3);
        let name = Path::new("X.csv");
        let (places, garbage) = no_bars(name, text.as_bytes(), &settings()).unwrap();
        assert_eq!(lines.garbage(), garbage);
        assert_eq!((garbage.len(), places.len()), (6, 9), "all but the empty line");
    }

    #[test]
    fn prices_may_have_commas_before_their_decimals() {
        let mut lines = lines();
        let text = "timestamp;open;high;low;close;volume\n\
            2024-01-01;1.001,0;2.002,5;1.000,5;1.500,5;10\n2024-01-02;1,5;2;1;1,75;10\n\
            2024-01-03;1,5,5;2;1;1,75;10\n";
        assert_eq!(lines.push(text.as_bytes()).unwrap(), 2);
        assert_eq!(closes(&lines), [1_500.5, 1.75]);
        assert_eq!(lines.garbage()[0].fact, "`1,5,5` is no open");
    }

    #[test]
    fn json_lines_are_bars_too() {
        let mut lines = lines();
        let text = "{\"time\":1704067200,\"open\":1,\"high\":2,\"low\":0.5,\"close\":1.5}\n\
            {\"close\":1.75,\"time\":1704153600,\"open\":1,\"high\":2,\"low\":0.5,\"more\":[1]}\n\
            {\"time\":1704240000,\"open\":1,\"high\":2,\"low\":0.5}\nnull\n";
        assert_eq!(lines.push(text.as_bytes()).unwrap(), 2);
        assert_eq!(closes(&lines), [1.5, 1.75]);
        let facts: Vec<String> = lines.garbage().into_iter().map(|garbage| garbage.fact).collect();
        assert_eq!(facts, ["`close` is missing", "it is no JSON object"]);
    }

    #[test]
    fn what_is_kept_elsewhere_may_be_let_go() {
        let mut lines = lines();
        let _ = lines.push(CSV.as_bytes()).unwrap();
        lines.forget(1);
        let text = String::from_utf8(lines.csv().unwrap().text).unwrap();
        assert_eq!(
            text.lines().skip(1).collect::<Vec<_>>(),
            CSV.lines().skip(2).collect::<Vec<_>>()
        );
    }
}
