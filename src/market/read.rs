//! One file to the bars of its symbols.

use super::time::{self, Stamp};
use super::{DataError, check};
use crate::bars::{Bars, Clock, DAY, Extra};
use crate::expr::PRICES;
use crate::manifest::DataSettings;
use polars::prelude::*;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc as Shared;

/// Names under which files keep the columns that every data set has.
const GUESSES: &[(&str, &[&str])] = &[
    (
        "time",
        &[
            "time",
            "timestamp",
            "date",
            "datetime",
            "open_time",
            "opentime",
            "ts",
            "t",
            "local_time",
            "gmt_time",
        ],
    ),
    ("open", &["open", "o", "open_price"]),
    ("high", &["high", "h", "high_price"]),
    ("low", &["low", "l", "low_price"]),
    ("close", &["close", "c", "close_price", "last", "price"]),
    ("volume", &["volume", "v", "vol", "volume_units", "base_volume"]),
    ("symbol", &["symbol", "ticker", "asset", "instrument", "pair", "sym"]),
];

/// The bars of every symbol in `file`, and how many rows it has.
pub(super) fn file(file: &Path, settings: &DataSettings) -> Result<(Vec<Bars>, usize), DataError> {
    let before = fingerprint(file)?;
    let is_parquet = file.extension().is_some_and(|extension| extension == "parquet");
    let frame = if is_parquet { parquet(file)? } else { csv(file, settings)? };
    if fingerprint(file)? != before {
        return Err(DataError::new(
            file,
            "the file changed while it was read; run again when it is complete",
        ));
    }
    let names: Vec<String> = frame.get_column_names().iter().map(|name| name.to_string()).collect();
    let roles = Roles::of(file, &names, settings)?;
    if frame.height() == 0 {
        return Err(DataError::new(
            file,
            "the file has a header and no rows; write bars into it or name another file",
        ));
    }
    let reader = Reader { file, settings, frame: &frame, roles: &roles };
    Ok((reader.bars()?, frame.height()))
}

fn fingerprint(file: &Path) -> Result<(u64, Option<std::time::SystemTime>), DataError> {
    let meta = std::fs::metadata(file).map_err(|error| DataError::new(file, error.to_string()))?;
    Ok((meta.len(), meta.modified().ok()))
}

/// Which column of the file is which of ours.
struct Roles {
    ours: HashMap<&'static str, String>,
    /// Columns without a role.
    further: Vec<String>,
}

impl Roles {
    fn of(file: &Path, names: &[String], settings: &DataSettings) -> Result<Self, DataError> {
        let plain = |name: &str| name.trim().to_lowercase().replace([' ', '-'], "_");
        let mut ours = HashMap::new();
        for (role, guesses) in GUESSES {
            let told = match *role {
                "symbol" => settings.symbol_column.as_ref(),
                role => {
                    settings.columns.iter().find(|(name, _)| name == role).map(|(_, theirs)| theirs)
                }
            };
            let found = match told {
                Some(told) if names.contains(told) => Some(told),
                Some(told) => {
                    let has = names.join(", ");
                    let fact =
                        format!("there is no column `{told}` for `{role}`; the file has {has}");
                    return Err(DataError::new(file, fact));
                }
                None => {
                    guesses.iter().find_map(|guess| names.iter().find(|name| plain(name) == *guess))
                }
            };
            match found {
                Some(found) => {
                    ours.insert(*role, found.clone());
                }
                None if matches!(*role, "volume" | "symbol") => {}
                None => {
                    let has = names.join(", ");
                    let fact = format!(
                        "no column looks like `{role}`; the file has {has}; name it: `data.columns = {{ {role} = \"...\" }}`"
                    );
                    return Err(DataError::new(file, fact));
                }
            }
        }
        let further =
            names.iter().filter(|name| !ours.values().any(|used| used == *name)).cloned().collect();
        Ok(Self { ours, further })
    }
}

fn polars_error(file: &Path, error: &PolarsError) -> DataError {
    let text = error.to_string();
    DataError::new(file, text.lines().next().unwrap_or("it cannot be read").to_owned())
}

fn parquet(file: &Path) -> Result<DataFrame, DataError> {
    let open =
        std::fs::File::open(file).map_err(|error| DataError::new(file, error.to_string()))?;
    ParquetReader::new(open).finish().map_err(|error| polars_error(file, &error))
}

/// Read a CSV file with numbers as prices; only if one is none is the file read again as text, to say
/// which.
fn csv(file: &Path, settings: &DataSettings) -> Result<DataFrame, DataError> {
    let header = header(file)?;
    let roles = Roles::of(file, &header, settings)?;
    let prices: Vec<&String> = PRICES.iter().filter_map(|price| roles.ours.get(price)).collect();
    let numbers: Schema =
        prices.iter().map(|name| Field::new(name.as_str().into(), DataType::Float64)).collect();
    match read_csv(file, Some(numbers)) {
        Ok(frame) => Ok(frame),
        Err(error) => {
            let text = read_csv(file, None).map_err(|error| polars_error(file, &error))?;
            for name in prices {
                let column = text.column(name).map_err(|error| polars_error(file, &error))?;
                let values = column.str().map_err(|error| polars_error(file, &error))?;
                let bad = values.iter().enumerate().find_map(|(row, value)| {
                    value
                        .filter(|value| value.trim().parse::<f64>().is_err())
                        .map(|value| (row, value))
                });
                if let Some((row, value)) = bad {
                    let fact = format!(
                        "row {}: `{name}` is `{value}`, not a number; mend the row or drop it",
                        row + 1
                    );
                    return Err(DataError::new(file, fact));
                }
            }
            Err(polars_error(file, &error))
        }
    }
}

fn header(file: &Path) -> Result<Vec<String>, DataError> {
    let mut reader =
        ::csv::Reader::from_path(file).map_err(|error| DataError::new(file, error.to_string()))?;
    let header = reader.headers().map_err(|error| DataError::new(file, error.to_string()))?;
    let names: Vec<String> =
        header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
    if names.is_empty() || names.iter().all(|name| name.is_empty()) {
        return Err(DataError::new(
            file,
            "the file is empty; write bars into it or name another file",
        ));
    }
    Ok(names)
}

/// Every column as text, except those that `numbers` gives a type.
fn read_csv(file: &Path, numbers: Option<Schema>) -> PolarsResult<DataFrame> {
    let missing = ["", "null", "NULL", "NA", "N/A"].map(PlSmallStr::from_static).to_vec();
    let parse = CsvParseOptions::default().with_null_values(Some(NullValues::AllColumns(missing)));
    CsvReadOptions::default()
        .with_has_header(true)
        .with_infer_schema_length(Some(0))
        .with_schema_overwrite(numbers.map(Arc::new))
        .with_parse_options(parse)
        .try_into_reader_with_file_path(Some(file.to_owned()))?
        .finish()
}

struct Reader<'a> {
    file: &'a Path,
    settings: &'a DataSettings,
    frame: &'a DataFrame,
    roles: &'a Roles,
}

impl Reader<'_> {
    fn wrong(&self, fact: impl Into<String>) -> DataError {
        DataError::new(self.file, fact)
    }

    fn column(&self, role: &str) -> Result<Option<&Column>, DataError> {
        let Some(name) = self.roles.ours.get(role) else { return Ok(None) };
        self.frame.column(name).map(Some).map_err(|error| polars_error(self.file, &error))
    }

    fn bars(&self) -> Result<Vec<Bars>, DataError> {
        let stamps = self.stamps()?;
        let mut prices = Vec::with_capacity(PRICES.len());
        for role in PRICES {
            prices.push(match self.column(role)? {
                Some(column) => self.numbers(column)?,
                None => vec![f64::NAN; stamps.len()],
            });
        }
        let extra = self.extra()?;
        let groups = self.groups()?;
        let mut bars = Vec::with_capacity(groups.len());
        for (symbol, rows) in groups {
            let whole = rows.len() == stamps.len();
            let pick = |values: &[f64]| -> Shared<[f64]> {
                if whole {
                    values.into()
                } else {
                    rows.iter().map(|&row| values[row as usize]).collect()
                }
            };
            let own: Vec<Stamp> = rows.iter().map(|&row| stamps[row as usize]).collect();
            let timeframe = self.timeframe(&own);
            let (time, clock) = self.clock(&own, timeframe.unwrap_or(DAY));
            let one = Bars {
                symbol,
                time: time.into(),
                open: pick(&prices[0]),
                high: pick(&prices[1]),
                low: pick(&prices[2]),
                close: pick(&prices[3]),
                volume: pick(&prices[4]),
                extra: extra
                    .iter()
                    .map(|(name, boolean, values)| Extra {
                        name: name.clone(),
                        boolean: *boolean,
                        values: pick(values),
                    })
                    .collect(),
                actions: Shared::new([]),
                clock,
            };
            check::check(self.file, &one, &rows)?;
            if timeframe.is_none() {
                let fact =
                    "the length of a bar cannot be guessed from one row; set `data.timeframe`";
                return Err(self.wrong(fact));
            }
            bars.push(one);
        }
        Ok(bars)
    }

    /// The length of a bar, as it is told or as it looks.
    fn timeframe(&self, stamps: &[Stamp]) -> Option<i64> {
        let raw = |stamp: &Stamp| match stamp {
            Stamp::Instant(time) | Stamp::Wall(time) | Stamp::Date(time) => *time,
        };
        let raw: Vec<i64> = stamps.iter().map(raw).collect();
        self.settings.timeframe.or_else(|| time::timeframe(&raw))
    }

    /// Opening instants and the clock of one symbol's rows.
    fn clock(&self, stamps: &[Stamp], timeframe: i64) -> (Vec<i64>, Clock) {
        let opened = |stamp: &Stamp| match (self.settings.label_close, *stamp) {
            (false, stamp) => stamp,
            (true, Stamp::Instant(close)) => Stamp::Instant(close - timeframe),
            (true, Stamp::Wall(close)) => Stamp::Wall(close - timeframe),
            // A date names the day at whose end the bar closes.
            (true, Stamp::Date(day)) => Stamp::Date(day + DAY - timeframe),
        };
        let opened: Vec<Stamp> = stamps.iter().map(opened).collect();
        let (time, zone, _) = time::instants(&opened, self.settings.timezone);
        (time, Clock { timeframe, zone })
    }

    fn stamps(&self) -> Result<Vec<Stamp>, DataError> {
        let column = self.column("time")?.expect("a file without a time column has been refused");
        let missing =
            |row: usize| self.wrong(format!("row {}: `{}` is missing", row + 1, column.name()));
        let fail = |error: PolarsError| polars_error(self.file, &error);
        match column.dtype() {
            DataType::String => {
                let text = column.str().map_err(fail)?;
                let whole =
                    |text: &str| text.trim().parse::<i64>().ok().filter(|_| text.trim().len() > 8);
                text.iter()
                    .enumerate()
                    .map(|(row, value)| {
                        let value = value.ok_or_else(|| missing(row))?;
                        let stamp = match whole(value) {
                            Some(number) => {
                                time::epoch(number, self.settings.time_unit).map(Stamp::Instant)
                            }
                            None => time::parse(value),
                        };
                        stamp.ok_or_else(|| {
                            self.wrong(format!("row {}: `{value}` is not a time", row + 1))
                        })
                    })
                    .collect()
            }
            DataType::Date => {
                let days = column.cast(&DataType::Int32).map_err(fail)?;
                let days = days.i32().map_err(fail)?;
                let wall = |day: i32| Stamp::Date(i64::from(day) * DAY);
                days.iter()
                    .enumerate()
                    .map(|(row, day)| day.map(wall).ok_or_else(|| missing(row)))
                    .collect()
            }
            DataType::Datetime(unit, zone) => {
                let per_second = match unit {
                    TimeUnit::Nanoseconds => 1_000_000_000,
                    TimeUnit::Microseconds => 1_000_000,
                    TimeUnit::Milliseconds => 1_000,
                };
                let ticks = column.cast(&DataType::Int64).map_err(fail)?;
                let ticks = ticks.i64().map_err(fail)?;
                let kind = if zone.is_some() { Stamp::Instant } else { Stamp::Wall };
                let stamp = |tick: i64| time::epoch(tick, Some(per_second)).map(kind);
                ticks
                    .iter()
                    .enumerate()
                    .map(|(row, tick)| tick.and_then(stamp).ok_or_else(|| missing(row)))
                    .collect()
            }
            _ => {
                let ticks = column.cast(&DataType::Int64).map_err(fail)?;
                let ticks = ticks.i64().map_err(fail)?;
                let stamp =
                    |tick: i64| time::epoch(tick, self.settings.time_unit).map(Stamp::Instant);
                ticks
                    .iter()
                    .enumerate()
                    .map(|(row, tick)| tick.and_then(stamp).ok_or_else(|| missing(row)))
                    .collect()
            }
        }
    }

    /// A column as numbers, `NaN` where missing.
    fn numbers(&self, column: &Column) -> Result<Vec<f64>, DataError> {
        let fail = |error: PolarsError| polars_error(self.file, &error);
        let numbers = column.cast(&DataType::Float64).map_err(fail)?;
        let numbers = numbers.f64().map_err(fail)?;
        Ok(numbers.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    }

    /// The further columns that hold numbers or booleans throughout.
    fn extra(&self) -> Result<Vec<(String, bool, Vec<f64>)>, DataError> {
        let mut extra = Vec::new();
        for name in &self.roles.further {
            let column =
                self.frame.column(name).map_err(|error| polars_error(self.file, &error))?;
            let boolean = matches!(column.dtype(), DataType::Boolean);
            let found = match column.dtype() {
                DataType::String => {
                    let text = column.str().map_err(|error| polars_error(self.file, &error))?;
                    text_column(&text.iter().collect::<Vec<_>>())
                }
                dtype if dtype.is_primitive_numeric() || boolean => {
                    Some((boolean, self.numbers(column)?))
                }
                _ => None,
            };
            if let Some((boolean, values)) = found {
                extra.push((name.clone(), boolean, values));
            }
        }
        Ok(extra)
    }

    /// The rows of every symbol, in the order of first appearance.
    fn groups(&self) -> Result<Vec<(String, Vec<u32>)>, DataError> {
        let Some(column) = self.column("symbol")? else {
            let stem = self.file.file_stem().and_then(|stem| stem.to_str()).unwrap_or("data");
            return Ok(vec![(stem.to_owned(), (0..self.frame.height() as u32).collect())]);
        };
        let text =
            column.cast(&DataType::String).map_err(|error| polars_error(self.file, &error))?;
        let text = text.str().map_err(|error| polars_error(self.file, &error))?;
        let mut groups: Vec<(String, Vec<u32>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (row, symbol) in text.iter().enumerate() {
            let symbol = symbol.ok_or_else(|| {
                self.wrong(format!("row {}: `{}` is missing", row + 1, column.name()))
            })?;
            let place = *places.entry(symbol).or_insert_with(|| {
                groups.push((symbol.to_owned(), Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push(row as u32);
        }
        Ok(groups)
    }
}

/// A column of texts that are all numbers, or all booleans, as such.
fn text_column(texts: &[Option<&str>]) -> Option<(bool, Vec<f64>)> {
    let boolean = |text: &str| match text.trim() {
        "true" | "True" | "TRUE" => Some(1.0),
        "false" | "False" | "FALSE" => Some(0.0),
        _ => None,
    };
    let finite = |text: &str| {
        text.trim().parse::<f64>().ok().map(|x| if x.is_finite() { x } else { f64::NAN })
    };
    let column = |read: &dyn Fn(&str) -> Option<f64>| -> Option<Vec<f64>> {
        texts.iter().map(|text| text.map_or(Some(f64::NAN), read)).collect()
    };
    match column(&finite) {
        Some(values) => Some((false, values)),
        None => column(&boolean).map(|values| (true, values)),
    }
}
