//! What the columns of a file look like, before anything is made of them.

use super::roles::Roles;
use super::{DataError, files, read, time};
use crate::manifest::DataSettings;
use chrono::DateTime;
use polars::prelude::{AnyValue, Column, TimeUnit};
use std::path::Path;

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnFound {
    /// Its name in the file.
    pub name: String,
    /// What it is taken for, such as `close`; a further column has the name by which rules read it if it
    /// holds numbers or truth values. `None` if nothing can be made of the file.
    pub role: Option<String>,
    /// Its first value, as it is written; empty if it is missing.
    pub first: String,
    /// Its last value.
    pub last: String,
}

/// The columns of `file`, in its order, as `settings` name them.
pub fn inspect(file: &Path, settings: &DataSettings) -> Result<Vec<ColumnFound>, DataError> {
    let frame = files::steadily(file, || read::as_it_stands(file, settings))?;
    let names: Vec<String> = frame.get_column_names().iter().map(|name| name.to_string()).collect();
    // A file of which nothing can be made has columns all the same.
    let roles = Roles::of(file, &names, settings).ok();
    let last = frame.height().saturating_sub(1);
    let found = |column: &Column| ColumnFound {
        role: roles.as_ref().and_then(|it| it.role(column.name())).map(str::to_owned),
        name: column.name().to_string(),
        first: text(column, 0),
        last: text(column, last),
    };
    Ok(frame.columns().iter().map(found).collect())
}

fn text(column: &Column, row: usize) -> String {
    match column.get(row) {
        Err(_) | Ok(AnyValue::Null) => String::new(),
        Ok(AnyValue::String(text)) => text.to_owned(),
        Ok(AnyValue::StringOwned(text)) => text.to_string(),
        // As a CSV file would have it, and not shortened for people.
        Ok(AnyValue::Float64(number)) => number.to_string(),
        Ok(AnyValue::Datetime(tick, unit, zone)) => moment(tick, unit, zone.is_some()),
        Ok(AnyValue::DatetimeOwned(tick, unit, zone)) => moment(tick, unit, zone.is_some()),
        Ok(value) => value.to_string(),
    }
}

/// A time of a typed column: an instant in UTC where it has a zone, or what a clock on the wall said.
fn moment(tick: i64, unit: TimeUnit, has_zone: bool) -> String {
    let micros = time::epoch(tick, Some(read::per_second(unit)));
    let Some(time) = micros.and_then(DateTime::from_timestamp_micros) else {
        return tick.to_string();
    };
    let zone = if has_zone { "Z" } else { "" };
    format!("{}{zone}", time.naive_utc().format("%Y-%m-%dT%H:%M:%S%.f"))
}
