//! Named columns in memory, between the rows of the program and the files that hold them.
//!
//! [`row`](super::row) and [`equity`](super::equity) say which columns there are, once for both
//! directions; [`parquet`](super::parquet) and [`Table::to_csv`] say how a file spells them.

use chrono::NaiveDate;
use serde_json::Value;

/// Columns of equal length with different names, in order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Table {
    pub(super) columns: Vec<(String, Cells)>,
}

/// The values of one column, `None` where there is none.
#[derive(Debug, PartialEq)]
pub(super) enum Cells {
    Int(Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    Bool(Vec<Option<bool>>),
    Text(Vec<Option<String>>),
    Date(Vec<Option<NaiveDate>>),
    /// Microseconds since 1970-01-01T00:00:00 of a clock that the column does not name.
    Time(Vec<Option<i64>>),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Instant(Vec<Option<i64>>),
    /// Values of several kinds, each as JSON; bytes in Parquet, so that they are not taken for text.
    Json(Vec<Option<String>>),
}

impl Cells {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Int(values) | Self::Time(values) | Self::Instant(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Text(values) | Self::Json(values) => values.len(),
            Self::Date(values) => values.len(),
        }
    }

    /// The value at `row` as text: floats in their shortest form that reads back exactly, nothing
    /// where there is no value.
    fn text(&self, row: usize) -> String {
        match self {
            Self::Int(values) | Self::Time(values) | Self::Instant(values) => {
                values[row].map(|value| value.to_string())
            }
            Self::Float(values) => values[row].map(float),
            Self::Bool(values) => values[row].map(|value| value.to_string()),
            Self::Text(values) => values[row].clone(),
            // Each value stands as in a column of its own kind.
            Self::Json(values) => {
                values[row].as_ref().map(|json| match serde_json::from_str(json) {
                    Ok(Value::String(text)) => text,
                    Ok(Value::Number(number)) => number.as_f64().map_or(json.clone(), float),
                    _ => json.clone(),
                })
            }
            Self::Date(values) => values[row].map(|value| value.to_string()),
        }
        .unwrap_or_default()
    }
}

/// Declares a pair of methods of [`Table`]: add a column of one kind, and look at one.
macro_rules! columns {
    ($($add:ident $get:ident $kind:ident $type:ty)*) => {
        $(
            pub(super) fn $add(
                &mut self,
                name: impl Into<String>,
                values: impl IntoIterator<Item = impl Into<Option<$type>>>,
            ) {
                let values = values.into_iter().map(Into::into).collect();
                self.add(name.into(), Cells::$kind(values));
            }

            /// The column `name`; what is wrong with the table if it has none of this kind.
            pub(super) fn $get(&self, name: &str) -> Result<&[Option<$type>], String> {
                match self.get(name) {
                    Some(Cells::$kind(values)) => Ok(values),
                    Some(_) => Err(format!("column `{name}` is not of the kind it should be")),
                    None => Err(format!("column `{name}` is missing")),
                }
            }
        )*
    };
}

impl Table {
    columns! {
        add_ints ints Int i64
        add_floats floats Float f64
        add_texts texts Text String
        add_dates dates Date NaiveDate
        add_times times Time i64
    }

    pub(super) fn add(&mut self, name: String, cells: Cells) {
        debug_assert!(self.get(&name).is_none(), "column `{name}` is there twice");
        debug_assert!(self.columns.is_empty() || cells.len() == self.len(), "columns differ");
        self.columns.push((name, cells));
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.columns.first().map_or(0, |(_, cells)| cells.len())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Cells> {
        self.columns.iter().find(|(column, _)| column == name).map(|(_, cells)| cells)
    }

    /// Where the column `name` stands; what is wrong with the table if there is none.
    pub(super) fn position(&self, name: &str) -> Result<usize, String> {
        let found = self.columns.iter().position(|(column, _)| column == name);
        found.ok_or_else(|| format!("column `{name}` is missing"))
    }

    /// The table as CSV with a header; an undefined value is an empty field.
    pub(super) fn to_csv(&self) -> Vec<u8> {
        self.csv(true)
    }

    /// The same with the names of the columns in the first line, or without.
    pub(super) fn csv(&self, with_names: bool) -> Vec<u8> {
        const MEMORY: &str = "rows of one length are always written to memory";
        let mut writer = csv::Writer::from_writer(Vec::new());
        if with_names {
            writer.write_record(self.columns.iter().map(|(name, _)| name)).expect(MEMORY);
        }
        for row in 0..self.len() {
            let fields = self.columns.iter().map(|(_, cells)| cells.text(row));
            writer.write_record(fields).expect(MEMORY);
        }
        writer.into_inner().expect(MEMORY)
    }
}

/// The shortest text that reads back as the same number: 46, 0.1, 1e-7.
fn float(value: f64) -> String {
    let is_whole = value.fract() == 0.0 && value.abs() < 1e15;
    if is_whole { format!("{value}") } else { format!("{value:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_floats_are_the_shortest_that_read_back() {
        let values = [0.1 + 0.2, 1.0, -0.0, 1e-300, 1e300, 5e-324, 1.0 / 3.0];
        let mut table = Table::default();
        table.add_floats("x", values);
        table.add_texts("y", values.map(|_| None));
        let csv = String::from_utf8(table.to_csv()).unwrap();
        let mut lines = csv.lines();
        assert_eq!(lines.next(), Some("x,y"));
        assert_eq!(lines.next(), Some("0.30000000000000004,"));
        for (line, value) in csv.lines().skip(1).zip(values) {
            let read: f64 = line.trim_end_matches(',').parse().unwrap();
            assert_eq!(read.to_bits(), value.to_bits());
        }
    }

    #[test]
    fn csv_quotes_what_would_break_a_line() {
        let mut table = Table::default();
        table.add_texts("error", ["a, b".to_owned(), "say \"x\"\nor y".to_owned()]);
        let csv = table.to_csv();
        let mut reader = csv::Reader::from_reader(&csv[..]);
        let read: Vec<_> = reader.records().map(|record| record.unwrap()[0].to_owned()).collect();
        assert_eq!(read, ["a, b", "say \"x\"\nor y"]);
    }
}
