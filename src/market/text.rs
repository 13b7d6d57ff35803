//! A CSV file before its columns are read: its bytes, its header, and what is wrong with it as a text.

use super::DataError;
use super::files;
use super::lines::{self, Csv, Garbage};
use crate::manifest::DataSettings;
use polars::prelude::*;
use std::io::Cursor;
use std::path::Path;

/// What is said of a file in which nothing stands.
pub(super) const EMPTY: &str = "the file is empty; write bars into it or name another file";
/// What stands in a cell for no value.
const MISSING: [&str; 9] = ["", "null", "NULL", "NA", "N/A", "#N/A", "None", "none", "-"];

/// A last line without an end: how many cells it has, and how many it should have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Torn {
    pub(super) cells: usize,
    pub(super) of: usize,
}

impl Torn {
    /// Whether cells are missing; else the last one may be cut, or nothing.
    pub(super) fn is_short(self) -> bool {
        self.cells < self.of
    }
}

/// A CSV file before it is read.
pub(super) struct CsvText {
    /// All of it, unpacked. Were the file mapped into memory instead, whoever cuts it short meanwhile
    /// would end this process.
    bytes: Vec<u8>,
    pub(super) header: Vec<String>,
    separator: u8,
    /// The numbers of its rows, where they are not those in which they stand here.
    pub(super) numbers: Option<Vec<u32>>,
    /// Its lines that are no bars, where such are left out: empty lines stand for them.
    pub(super) garbage: Vec<Garbage>,
}

impl CsvText {
    pub(super) fn open(file: &Path, settings: &DataSettings) -> Result<Self, DataError> {
        let bytes = files::bytes(file)?;
        if files::is_json_lines(file) {
            let (Csv { text, numbers }, garbage) = lines::json(file, &bytes, settings)?;
            return Ok(Self { numbers: Some(numbers), garbage, ..Self::of(file, text)? });
        }
        let mut text = Self::of(file, bytes)?;
        if settings.checks.skips_garbage() {
            text.skip_garbage(file, settings)?;
        }
        Ok(text)
    }

    /// Put rows in which nothing stands in the place of lines that are no bars, so that all others keep
    /// their numbers.
    fn skip_garbage(&mut self, file: &Path, settings: &DataSettings) -> Result<(), DataError> {
        let (places, garbage) = lines::no_bars(file, &self.bytes, settings)?;
        let (mut bytes, mut from) = (Vec::with_capacity(self.bytes.len()), 0);
        for place in places {
            bytes.extend_from_slice(&self.bytes[from..place.start]);
            bytes.resize(bytes.len() + self.header.len() - 1, self.separator);
            from = place.end;
        }
        bytes.extend_from_slice(&self.bytes[from..]);
        (self.bytes, self.garbage) = (bytes, garbage);
        Ok(())
    }

    pub(super) fn of(file: &Path, mut bytes: Vec<u8>) -> Result<Self, DataError> {
        // Some programs end lines with a carriage return alone.
        if !bytes.contains(&b'\n') {
            bytes.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
        }
        let (header, separator) = header(file, &bytes)?;
        Ok(Self { bytes, header, separator, numbers: None, garbage: Vec::new() })
    }

    /// Why it cannot be read at all, if that is known.
    pub(super) fn fault(&self) -> Option<String> {
        if let Err(strange) = std::str::from_utf8(&self.bytes) {
            let before = &self.bytes[..strange.valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            return Some(format!("line {line} is no text in UTF-8; save the file in UTF-8"));
        }
        let mut reader = ::csv::ReaderBuilder::new();
        let reader = reader.delimiter(self.separator).flexible(true).from_reader(&self.bytes[..]);
        let mut records = reader.into_byte_records().enumerate();
        let columns = self.header.len();
        records.find_map(|(row, record)| {
            let cells = record.ok().map(|record| record.len()).filter(|cells| *cells > columns)?;
            let row = row + 1;
            Some(format!(
                "row {row} has {cells} cells, and there are {columns} columns; mend it or take it out"
            ))
        })
    }

    /// Whether its last line has no end.
    pub(super) fn torn(&self) -> Option<Torn> {
        if self.bytes.ends_with(b"\n") {
            return None;
        }
        let last = self.bytes.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let mut reader = ::csv::ReaderBuilder::new();
        let reader = reader.delimiter(self.separator).has_headers(false).flexible(true);
        let cells = reader.from_reader(last).into_byte_records().next();
        let cells = cells.and_then(Result::ok).map_or(0, |cells| cells.len());
        Some(Torn { cells, of: self.header.len() })
    }

    /// Its columns as text, but for those that `numbers` gives a type.
    pub(super) fn read(&self, numbers: Option<Schema>) -> PolarsResult<DataFrame> {
        let missing = MISSING.map(PlSmallStr::from_static).to_vec();
        let parse = CsvParseOptions::default()
            .with_separator(self.separator)
            .with_null_values(Some(NullValues::AllColumns(missing)));
        let options = CsvReadOptions::default()
            .with_has_header(true)
            .with_infer_schema_length(Some(0))
            .with_schema_overwrite(numbers.map(Arc::new))
            .with_parse_options(parse);
        options.into_reader_with_file_handle(Cursor::new(&self.bytes[..])).finish()
    }
}

/// The names of a CSV file's columns, and what separates them.
fn header(file: &Path, text: &[u8]) -> Result<(Vec<String>, u8), DataError> {
    let wrong = |error: &dyn std::fmt::Display| DataError::new(file, error.to_string());
    let line = text.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
    let separator = lines::separator(line);
    let mut reader = ::csv::ReaderBuilder::new().delimiter(separator).from_reader(line);
    let header = reader.headers().map_err(|error| wrong(&error))?;
    let names: Vec<String> =
        header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
    let mut further = text.split(|byte| *byte == b'\n').skip(1).take(3);
    let is_table = |line: &[u8]| line.iter().filter(|byte| b",;|\t".contains(byte)).count() > 2;
    if names.len() == 1 && further.any(is_table) {
        return Err(DataError::new(
            file,
            format!(
                "its first line is `{}` and no header; take out what stands above the names of the columns",
                names[0]
            ),
        ));
    }
    if names.iter().all(String::is_empty) {
        return Err(DataError::new(file, EMPTY));
    }
    Ok((names, separator))
}
