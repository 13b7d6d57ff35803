//! One file to the rows of its symbols, as they stand there: nothing is checked yet but that it can be
//! read.

use super::files;
use super::notation::Notation;
use super::roles::Roles;
use super::text::{CsvText, EMPTY, Torn};
use super::time::{self, Stamp};
use super::{DataError, FileRead};
use crate::bars::DAY;
use crate::manifest::DataSettings;
use crate::manifest::project::shown;
use polars::prelude::*;
use std::collections::HashMap;
use std::io::Cursor;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc as Shared;

/// What a Parquet file begins and ends with.
const PARQUET: &[u8] = b"PAR1";

/// The rows of one symbol, in the order of its files.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) symbol: String,
    /// Where they stand: the first row of each file and its name.
    files: Vec<(usize, Shared<str>)>,
    /// The number of each row in its file, from 1.
    numbers: Vec<u32>,
    /// `None` where there is no time.
    pub(super) stamps: Vec<Option<Stamp>>,
    /// Open, high, low, close and volume; of trades the price, four times, and the amount.
    pub(super) prices: [Vec<f64>; 5],
    /// Whether the rows are trades, and no bars.
    pub(super) trades: bool,
    /// Adjusted closes, splits and dividends, where the files have them.
    pub(super) told: Told,
    /// Which further columns are those of splits and dividends.
    pub(super) booked: Booked,
    /// Further columns: name, whether they hold booleans, values.
    pub(super) extra: Vec<(String, bool, Vec<f64>)>,
    /// Cells that cannot be read: the row, the column and what stands there.
    pub(super) odd: Vec<(usize, String, String)>,
    /// The last row of each file whose last line has no end.
    pub(super) torn: Vec<(usize, Torn)>,
}

/// What files tell of splits and dividends, a value a row.
#[derive(Debug, Default, Clone)]
pub(super) struct Told {
    /// Closes with splits and dividends taken out.
    pub(super) adj_close: Option<Vec<f64>>,
    /// New units for each old one.
    pub(super) split: Option<Vec<f64>>,
    /// Money for each unit.
    pub(super) dividend: Option<Vec<f64>>,
}

/// The names under which rules read the columns of splits and of dividends, where the files have them.
#[derive(Debug, Default, Clone)]
pub(super) struct Booked {
    pub(super) split: Option<String>,
    pub(super) dividend: Option<String>,
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.stamps.len()
    }

    /// The file of a row, and its number there, from 1.
    pub(super) fn place(&self, row: usize) -> (&Shared<str>, u32) {
        let file = self.files.partition_point(|(from, _)| *from <= row).saturating_sub(1);
        (&self.files[file].1, self.numbers[row])
    }

    /// The rows of each file.
    pub(super) fn by_file(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let ends = self.files.iter().skip(1).map(|(from, _)| *from).chain([self.len()]);
        self.files.iter().zip(ends).map(|((from, _), end)| *from..end)
    }

    /// The rows of one of several symbols, `rows` being their places here, in order.
    fn part(&self, symbol: String, rows: &[u32]) -> Self {
        let pick = |values: &Vec<f64>| rows.iter().map(|&row| values[row as usize]).collect();
        let place = |row: usize| rows.binary_search(&(row as u32)).ok();
        let extra = self.extra.iter();
        let odd = self
            .odd
            .iter()
            .filter_map(|(row, name, text)| Some((place(*row)?, name.clone(), text.clone())));
        Self {
            symbol,
            files: self.files.clone(),
            numbers: rows.iter().map(|&row| self.numbers[row as usize]).collect(),
            stamps: rows.iter().map(|&row| self.stamps[row as usize]).collect(),
            prices: self.prices.each_ref().map(pick),
            trades: self.trades,
            told: Told {
                adj_close: self.told.adj_close.as_ref().map(pick),
                split: self.told.split.as_ref().map(pick),
                dividend: self.told.dividend.as_ref().map(pick),
            },
            booked: self.booked.clone(),
            extra: extra.map(|(name, flag, values)| (name.clone(), *flag, pick(values))).collect(),
            odd: odd.collect(),
            torn: self.torn.iter().filter_map(|(row, torn)| Some((place(*row)?, *torn))).collect(),
        }
    }

    /// Add the rows of a later file. A column that one of the two lacks is missing there.
    pub(super) fn append(&mut self, later: Self) -> Result<(), DataError> {
        let (len, added) = (self.len(), later.len());
        if self.trades != later.trades {
            let fact = format!("`{}` has trades here and bars in another file", self.symbol);
            return Err(DataError { file: later.files[0].1.to_string(), fact });
        }
        self.files.extend(later.files.into_iter().map(|(from, file)| (from + len, file)));
        self.numbers.extend(later.numbers);
        self.stamps.extend(later.stamps);
        for (column, more) in self.prices.iter_mut().zip(later.prices) {
            column.extend(more);
        }
        let joined = |here: &mut Option<Vec<f64>>, there: Option<Vec<f64>>| {
            if here.is_some() || there.is_some() {
                let here = here.get_or_insert_with(|| vec![f64::NAN; len]);
                here.extend(there.unwrap_or_else(|| vec![f64::NAN; added]));
            }
        };
        joined(&mut self.told.adj_close, later.told.adj_close);
        joined(&mut self.told.split, later.told.split);
        joined(&mut self.told.dividend, later.told.dividend);
        self.booked.split = self.booked.split.take().or(later.booked.split);
        self.booked.dividend = self.booked.dividend.take().or(later.booked.dividend);
        for (name, boolean, values) in later.extra {
            match self.extra.iter_mut().find(|(known, ..)| *known == name) {
                Some((_, known, here)) => {
                    *known &= boolean;
                    here.extend(values);
                }
                None => {
                    let mut here = vec![f64::NAN; len];
                    here.extend(values);
                    self.extra.push((name, boolean, here));
                }
            }
        }
        for (.., values) in &mut self.extra {
            values.resize(len + added, f64::NAN);
        }
        self.odd.extend(later.odd.into_iter().map(|(row, name, text)| (row + len, name, text)));
        self.torn.extend(later.torn.into_iter().map(|(row, torn)| (row + len, torn)));
        Ok(())
    }
}

/// The rows of every symbol in `file`, in the order of first appearance, and what was read.
pub(super) fn file(
    file: &Path,
    settings: &DataSettings,
) -> Result<(Vec<Rows>, FileRead), DataError> {
    files::steadily(file, || {
        let is_parquet = file.extension().is_some_and(|extension| extension == "parquet");
        if is_parquet {
            return in_frame(file, &parquet(file)?, (None, None), settings);
        }
        let text = CsvText::open(file, settings)?;
        let frame = csv(file, &text, settings)?;
        let (rows, read) = in_frame(file, &frame, (text.torn(), text.numbers), settings)?;
        Ok((rows, FileRead { garbage: text.garbage, ..read }))
    })
}

/// The same of a CSV file whose bytes are these, and whose rows have other numbers than those in which they
/// stand, if there are some.
pub(super) fn text(
    file: &Path,
    bytes: Vec<u8>,
    numbers: Option<Vec<u32>>,
    settings: &DataSettings,
) -> Result<(Vec<Rows>, FileRead), DataError> {
    let frame = csv(file, &CsvText::of(file, bytes)?, settings)?;
    in_frame(file, &frame, (None, numbers), settings)
}

fn in_frame(
    file: &Path,
    frame: &DataFrame,
    (torn, numbers): (Option<Torn>, Option<Vec<u32>>),
    settings: &DataSettings,
) -> Result<(Vec<Rows>, FileRead), DataError> {
    let names: Vec<String> = frame.get_column_names().iter().map(|name| name.to_string()).collect();
    let roles = Roles::of(file, &names, settings)?;
    if frame.height() == 0 {
        return Ok((Vec::new(), FileRead { path: shown(file), rows: 0, garbage: Vec::new() }));
    }
    let notation = notation(frame, &roles);
    let numbers = numbers.filter(|numbers| numbers.len() == frame.height());
    let numbers = numbers.unwrap_or_else(|| (1..=frame.height() as u32).collect());
    Reader { file, settings, frame, torn, roles: &roles, notation }.rows(numbers)
}

/// How the prices and volumes of `frame` are written, where they are text.
fn notation(frame: &DataFrame, roles: &Roles) -> Notation {
    let columns = roles.numbers().into_iter().filter_map(|role| roles.theirs(role));
    let columns = columns.filter_map(|name| frame.column(name).ok()?.str().ok());
    Notation::of(columns.flat_map(|texts| texts.iter().flatten()))
}

fn polars_error(file: &Path, error: &PolarsError) -> DataError {
    let text = error.to_string();
    DataError::new(file, text.lines().next().unwrap_or("it cannot be read").to_owned())
}

fn parquet(file: &Path) -> Result<DataFrame, DataError> {
    let bytes = files::bytes(file)?;
    if bytes.is_empty() {
        return Err(DataError::new(file, EMPTY));
    }
    if !(bytes.starts_with(PARQUET) && bytes.ends_with(PARQUET)) {
        let fact = match bytes.starts_with(PARQUET) {
            true => "the Parquet file is cut short; is it still being written? Copy it again",
            false => "it is no Parquet file; name it after what it holds, such as `.csv`",
        };
        return Err(DataError::new(file, fact));
    }
    ParquetReader::new(Cursor::new(bytes)).finish().map_err(|error| polars_error(file, &error))
}

/// A CSV file with numbers as prices; if a price is none, with every column as text.
fn csv(file: &Path, text: &CsvText, settings: &DataSettings) -> Result<DataFrame, DataError> {
    let roles = Roles::of(file, &text.header, settings)?;
    let prices = roles.numbers().into_iter().filter_map(|price| roles.theirs(price));
    let numbers: Schema = prices.map(|name| Field::new(name.into(), DataType::Float64)).collect();
    let read = text.read(Some(numbers)).or_else(|_| text.read(None));
    read.map_err(|error| match text.fault() {
        Some(fact) => DataError::new(file, fact),
        None => polars_error(file, &error),
    })
}

/// The columns of a file as they stand there; those of a CSV file are text.
pub(super) fn as_it_stands(file: &Path, settings: &DataSettings) -> Result<DataFrame, DataError> {
    if file.extension().is_some_and(|extension| extension == "parquet") {
        return parquet(file);
    }
    let text = CsvText::open(file, settings)?;
    text.read(None).map_err(|error| polars_error(file, &error))
}

struct Reader<'a> {
    file: &'a Path,
    settings: &'a DataSettings,
    frame: &'a DataFrame,
    torn: Option<Torn>,
    roles: &'a Roles,
    notation: Notation,
}

/// A symbol and the indices of its rows.
type Group = (String, Vec<u32>);

/// A column read: its values, and the rows and texts of cells that are not numbers.
type Numbers = (Vec<f64>, Vec<(usize, String)>);

impl Reader<'_> {
    fn wrong(&self, fact: impl Into<String>) -> DataError {
        DataError::new(self.file, fact)
    }

    fn fail(&self, error: &PolarsError) -> DataError {
        polars_error(self.file, error)
    }

    fn column(&self, role: &str) -> Result<Option<&Column>, DataError> {
        let Some(name) = self.roles.theirs(role) else { return Ok(None) };
        self.frame.column(name).map(Some).map_err(|error| self.fail(&error))
    }

    /// The rows of every symbol, which have these `numbers`, and what was read.
    fn rows(&self, numbers: Vec<u32>) -> Result<(Vec<Rows>, FileRead), DataError> {
        let height = self.frame.height();
        let mut odd: Vec<(usize, String, String)> = Vec::new();
        let stamps = self.stamps(&mut odd)?;
        let blank = self.blank(&stamps);
        let mut column = |role: &str| -> Result<Option<Vec<f64>>, DataError> {
            let Some(column) = self.column(role)? else { return Ok(None) };
            let (values, strange) = self.numbers(column)?;
            let name = column.name().to_string();
            odd.extend(strange.into_iter().map(|(row, text)| (row, name.clone(), text)));
            Ok(Some(values))
        };
        let mut prices = Vec::with_capacity(5);
        for role in self.roles.numbers() {
            prices.push(column(role)?.unwrap_or_else(|| vec![f64::NAN; height]));
        }
        let told = Told {
            adj_close: column("adj_close")?,
            split: column("split")?,
            dividend: column("dividend")?,
        };
        odd.sort();
        let prices: [Vec<f64>; 5] = prices.try_into().expect("there are five roles of numbers");
        let name: Shared<str> = shown(self.file).into();
        let (path, rows) = (name.to_string(), height - blank.len());
        let read = FileRead { path, rows, garbage: Vec::new() };
        let all = Rows {
            symbol: files::stem(self.file),
            files: vec![(0, name)],
            numbers,
            stamps,
            prices,
            trades: self.roles.are_trades(),
            told,
            booked: Booked {
                split: self.roles.further_name("split"),
                dividend: self.roles.further_name("dividend"),
            },
            extra: self.extra()?,
            odd,
            torn: self.torn.map(|torn| (height - 1, torn)).into_iter().collect(),
        };
        let rows = match self.groups(&blank)? {
            Some(groups) => {
                groups.into_iter().map(|(symbol, rows)| all.part(symbol, &rows)).collect()
            }
            None if blank.is_empty() => vec![all],
            None => {
                let rows = 0..height as u32;
                let rows = rows.filter(|row| blank.binary_search(row).is_err());
                vec![all.part(all.symbol.clone(), &rows.collect::<Vec<_>>())]
            }
        };
        Ok((rows, read))
    }

    /// The rows in which nothing stands, of those without a time.
    fn blank(&self, stamps: &[Option<Stamp>]) -> Vec<u32> {
        let timeless = (0..stamps.len()).filter(|row| stamps[*row].is_none());
        let is_blank = |row: &usize| {
            self.frame.columns().iter().all(|column| matches!(column.get(*row), Ok(AnyValue::Null)))
        };
        timeless.filter(is_blank).map(|row| row as u32).collect()
    }

    /// The column of times, with their days where those stand in a column of their own.
    fn times(&self) -> Result<Column, DataError> {
        let times =
            self.column("time")?.expect("a file without a time column has been refused").clone();
        let days = self.roles.day.as_ref().and_then(|day| self.frame.column(day).ok());
        let (Some(Ok(days)), Ok(clocks)) = (days.map(Column::str), times.str()) else {
            return Ok(times);
        };
        let cells = days.iter().zip(clocks.iter());
        let joined: StringChunked = cells
            .map(|(day, clock)| clock.map(|clock| time::joined(day.unwrap_or_default(), clock)))
            .collect();
        Ok(joined.with_name(times.name().clone()).into_column())
    }

    /// The time of every row; what is none is added to `odd`.
    fn stamps(
        &self,
        odd: &mut Vec<(usize, String, String)>,
    ) -> Result<Vec<Option<Stamp>>, DataError> {
        let column = &self.times()?;
        let unit = self.settings.time_unit;
        let ticks = |per_second: Option<i64>, kind: fn(i64) -> Stamp| {
            let ticks = column.cast(&DataType::Int64).map_err(|error| self.fail(&error))?;
            let ticks = ticks.i64().map_err(|error| self.fail(&error))?;
            let stamp = |tick: i64| time::epoch(tick, per_second).map(kind);
            Ok(ticks.iter().map(|tick| tick.and_then(stamp)).collect::<Vec<_>>())
        };
        let stamps = match column.dtype() {
            DataType::String => {
                let text = column.str().map_err(|error| self.fail(&error))?;
                let format = self.settings.time_format.as_deref();
                let format = format.or_else(|| time::day_first(|| text.iter().flatten()));
                let mut stamps = Vec::with_capacity(text.len());
                for (row, value) in text.iter().enumerate() {
                    let stamp = value.and_then(|value| time::read(value, format, unit));
                    if let (None, Some(value)) = (stamp, value) {
                        odd.push((row, column.name().to_string(), value.to_owned()));
                    }
                    stamps.push(stamp);
                }
                stamps
            }
            DataType::Date => {
                let days = column.cast(&DataType::Int32).map_err(|error| self.fail(&error))?;
                let days = days.i32().map_err(|error| self.fail(&error))?;
                days.iter().map(|day| day.map(|day| Stamp::Date(i64::from(day) * DAY))).collect()
            }
            DataType::Datetime(unit, zone) => {
                let kind = if zone.is_some() { Stamp::Instant } else { Stamp::Wall };
                ticks(Some(per_second(*unit)), kind)?
            }
            dtype if dtype.is_float() => {
                let values = column.cast(&DataType::Float64).map_err(|error| self.fail(&error))?;
                let values = values.f64().map_err(|error| self.fail(&error))?;
                let stamp = |value: f64| time::fractional_epoch(value, unit).map(Stamp::Instant);
                values.iter().map(|value| value.and_then(stamp)).collect()
            }
            _ => ticks(unit, Stamp::Instant)?,
        };
        let stamps: Vec<_> =
            stamps.into_iter().map(|stamp| stamp.filter(Stamp::is_plausible)).collect();
        if stamps.iter().all(Option::is_none) {
            let first = odd.first().map_or("missing".into(), |(_, _, text)| format!("`{text}`"));
            return Err(self.wrong(format!(
                "no time in `{}` can be read, row 1 is {first}; say how they are written: `data.time_format = \"%d.%m.%Y %H:%M\"`, or `data.time_unit`",
                column.name()
            )));
        }
        Ok(stamps)
    }

    /// A column as numbers, `NaN` where missing.
    fn numbers(&self, column: &Column) -> Result<Numbers, DataError> {
        let mut odd = Vec::new();
        if let DataType::String = column.dtype() {
            let text = column.str().map_err(|error| self.fail(&error))?;
            let mut number = |(row, value): (usize, Option<&str>)| {
                let value = value?;
                let number = self.notation.read(value);
                if number.is_none() {
                    odd.push((row, value.to_owned()));
                }
                number
            };
            let values = text.iter().enumerate().map(|cell| number(cell).unwrap_or(f64::NAN));
            return Ok((values.collect(), odd));
        }
        let numbers = column.cast(&DataType::Float64).map_err(|error| self.fail(&error))?;
        let numbers = numbers.f64().map_err(|error| self.fail(&error))?;
        Ok((numbers.iter().map(|value| value.unwrap_or(f64::NAN)).collect(), odd))
    }

    /// The further columns that hold numbers or booleans throughout.
    fn extra(&self) -> Result<Vec<(String, bool, Vec<f64>)>, DataError> {
        let mut extra = Vec::new();
        for (ours, theirs) in &self.roles.further {
            let column = self.frame.column(theirs).map_err(|error| self.fail(&error))?;
            let boolean = matches!(column.dtype(), DataType::Boolean);
            let found = match column.dtype() {
                DataType::String => {
                    let text = column.str().map_err(|error| self.fail(&error))?;
                    text_column(&text.iter().collect::<Vec<_>>(), self.notation)
                }
                dtype if dtype.is_primitive_numeric() || boolean => {
                    let (mut values, _) = self.numbers(column)?;
                    values.iter_mut().filter(|x| !x.is_finite()).for_each(|x| *x = f64::NAN);
                    Some((boolean, values))
                }
                _ => None,
            };
            if let Some((boolean, values)) = found {
                extra.push((ours.clone(), boolean, values));
            }
        }
        Ok(extra)
    }

    /// The rows of every symbol but the `blank` ones, in the order of first appearance; `None` if no
    /// column names it.
    fn groups(&self, blank: &[u32]) -> Result<Option<Vec<Group>>, DataError> {
        let Some(column) = self.column("symbol")? else { return Ok(None) };
        let text = column.cast(&DataType::String).map_err(|error| self.fail(&error))?;
        let text = text.str().map_err(|error| self.fail(&error))?;
        let mut groups: Vec<Group> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (row, symbol) in text.iter().enumerate() {
            let Some(symbol) = symbol.map(str::trim).filter(|symbol| !symbol.is_empty()) else {
                if blank.binary_search(&(row as u32)).is_ok() {
                    continue;
                }
                return Err(self.wrong(format!(
                    "row {}: `{}` is missing; write the symbol there, or take the row out",
                    row + 1,
                    column.name()
                )));
            };
            let place = *places.entry(symbol).or_insert_with(|| {
                groups.push((symbol.to_owned(), Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push(row as u32);
        }
        Ok(Some(groups))
    }
}

/// How many ticks of a typed column of times are a second.
pub(super) fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Nanoseconds => 1_000_000_000,
        TimeUnit::Microseconds => 1_000_000,
        TimeUnit::Milliseconds => 1_000,
    }
}

/// A column of texts that are all numbers, or all booleans, as such.
fn text_column(texts: &[Option<&str>], notation: Notation) -> Option<(bool, Vec<f64>)> {
    let boolean = |text: &str| match text.trim() {
        "true" | "True" | "TRUE" => Some(1.0),
        "false" | "False" | "FALSE" => Some(0.0),
        _ => None,
    };
    let finite = |text: &str| notation.read(text).map(|x| if x.is_finite() { x } else { f64::NAN });
    let column = |read: &dyn Fn(&str) -> Option<f64>| -> Option<Vec<f64>> {
        texts.iter().map(|text| text.map_or(Some(f64::NAN), read)).collect()
    };
    match column(&finite) {
        Some(values) => Some((false, values)),
        None => column(&boolean).map(|values| (true, values)),
    }
}
