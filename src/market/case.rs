//! One case of damage: where it is, when, and what is wrong with which values.
//!
//! Cases are kept as values and not as text, because a session is judged by those alone that lie in the
//! rows it could see.

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;
use std::fmt;
use std::sync::Arc;

/// One case of damage.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The file, as people write its path.
    pub file: Arc<str>,
    /// The row of the file, from 1, the header not counted.
    pub row: u32,
    /// When its bar opens, microseconds since 1970-01-01T00:00:00Z; `None` if nobody knows.
    pub time: Option<i64>,
    /// What is wrong.
    pub fact: Fact,
    /// How bad it is: of two cases of one kind the larger is the worse.
    pub bad: f64,
}

/// What is wrong with a row. Times are microseconds since 1970-01-01T00:00:00Z, names are those of our
/// columns.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// It has no time.
    NoTime,
    /// What stands for its time is none.
    NotATime(Box<str>),
    /// A local time that the clocks of the zone skipped.
    Skipped(i64, Tz),
    /// It stands after a row of this later time.
    After(i64),
    /// It stands before a row of this earlier time.
    Before(i64),
    /// The row with this number, in the file if it is another one, has the same time and values.
    Again(u32, Option<Arc<str>>),
    /// The row with this number has the same time; the closes here and there.
    Differs(u32, Option<Arc<str>>, Box<str>, [f64; 2]),
    /// A text where a number should be: their column, and the text.
    NotANumber(Box<str>, Box<str>),
    /// A price is missing.
    NoPrice(&'static str),
    /// The file ends within its line, after so many of so many cells.
    Torn(usize, usize),
    /// The file ends with it, and without the end of a line.
    NoEnd,
    /// A price that cannot be.
    Price(&'static str, f64),
    /// High and low, the wrong way round.
    HighBelowLow(f64, f64),
    /// A price outside of low and high.
    Outside(&'static str, f64, [f64; 2]),
    /// A volume that cannot be, or of zero.
    Volume(f64),
    /// The price goes from the first value to the second at once.
    Jump(f64, f64, Like),
    /// A bar on a day that the calendar has closed.
    Closed(NaiveDate, &'static str),
    /// So many bars are missing after the one of this time.
    Missing(i64, i64),
    /// The days of the bars are those of this calendar, which nobody named; and whether the bars tell
    /// New York's hours in another zone.
    Calendar(&'static str, bool),
    /// The bar is complete at this time.
    Incomplete(i64),
    /// So many complete bars should follow the last, the first of them after this time.
    Old(i64, i64),
}

/// What a jump looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Like {
    /// A split into so many units for each.
    Split(f64),
    /// A merger of so many units into one.
    Merger(f64),
    /// A split that the file tells of, taken out of its prices already.
    Told(f64),
    /// Nothing that is known.
    Nothing,
}

/// The rows that somebody could see: from this time on, and before that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: i64,
    pub(super) until: i64,
}

impl Case {
    /// Whether somebody meets it who sees the rows of `window` alone.
    pub(super) fn is_in(&self, window: Window) -> bool {
        let Some(time) = self.time else { return true };
        match self.fact {
            Fact::Calendar(..) => true,
            // Both bars are seen.
            Fact::Missing(_, before) => window.from <= before && time < window.until,
            Fact::Jump(..) => window.from < time && time < window.until,
            Fact::Old(_, since) => since < window.until,
            _ => window.from <= time && time < window.until,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.time {
            Some(time) => write!(out, "row {} ({}): {}", self.row, stamp(time), self.fact),
            None => write!(out, "row {}: {}", self.row, self.fact),
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |row: &u32, file: &Option<Arc<str>>| match file {
            Some(file) => format!("row {row} of {file}"),
            None => format!("row {row}"),
        };
        match self {
            Self::NoTime => write!(out, "its time is missing"),
            Self::NotATime(text) => write!(out, "`{text}` is not a time"),
            Self::Skipped(wall, zone) => {
                let wall = stamp(*wall);
                write!(out, "the clocks of {zone} never showed {}", wall.trim_end_matches('Z'))
            }
            Self::After(later) => write!(out, "comes after {}", stamp(*later)),
            Self::Before(earlier) => write!(out, "comes before {}", stamp(*earlier)),
            Self::Again(row, file) => write!(out, "is {} again", place(row, file)),
            Self::Differs(row, file, column, [here, there]) => {
                let (here, there) = (number(*here), number(*there));
                write!(out, "`{column}` is {here} here and {there} in {}", place(row, file))
            }
            Self::NotANumber(column, text) => write!(out, "`{column}` is `{text}`, not a number"),
            Self::NoPrice(name) => write!(out, "`{name}` is missing"),
            Self::Torn(cells, of) => write!(
                out,
                "the file ends within the line, after {cells} of {of} cells; is it still being written?"
            ),
            Self::NoEnd => {
                write!(out, "the file ends without the end of a line: it may be cut short")
            }
            Self::Price(name, value) => write!(out, "`{name}` is {}", number(*value)),
            Self::HighBelowLow(high, low) => {
                write!(out, "`high` {} is below `low` {}", number(*high), number(*low))
            }
            Self::Outside(name, value, [low, high]) => {
                let [value, low, high] = [value, low, high].map(|value| number(*value));
                write!(out, "`{name}` {value} is outside of `low` {low} to `high` {high}")
            }
            Self::Volume(value) => write!(out, "`volume` is {}", number(*value)),
            Self::Jump(from, to, like) => {
                write!(out, "the price goes from {} to {}", number(*from), number(*to))?;
                let remedy = "`data.adjust` takes it out";
                match like {
                    Like::Split(units) => write!(out, " like a split of {units} for 1; {remedy}"),
                    Like::Merger(units) => {
                        write!(out, " like a merger of {units} into 1; {remedy}")
                    }
                    Like::Told(split) => write!(
                        out,
                        " where the file tells of a split of {split}: its prices are adjusted already"
                    ),
                    Like::Nothing => write!(out, " at once"),
                }
            }
            Self::Closed(day, calendar) => write!(out, "{day} is no trading day of {calendar}"),
            Self::Missing(bars, after) => {
                let bars = crate::diag::counted(*bars as usize, "bar");
                write!(out, "{bars} missing after {}", stamp(*after))
            }
            Self::Calendar(calendar, abroad) => {
                let zone = match abroad {
                    true => ", with `data.timezone = \"America/New_York\"`",
                    false => "",
                };
                write!(
                    out,
                    "no calendar is named, and its days are those of `data.calendar = \"{calendar}\"`{zone}"
                )
            }
            Self::Incomplete(complete) => write!(out, "is complete at {}", stamp(*complete)),
            Self::Old(bars, _) => {
                let bars = crate::diag::counted(*bars as usize, "complete bar");
                write!(out, "is the last, and {bars} should follow it by now")
            }
        }
    }
}

/// A number as people read it: a very large or very small one with its power of ten.
fn number(value: f64) -> String {
    let is_plain = value == 0.0 || !value.is_finite() || (1e-9..1e15).contains(&value.abs());
    if is_plain { value.to_string() } else { format!("{value:e}") }
}

/// An instant as people read it.
pub(super) fn stamp(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    let format =
        if micros % 1_000_000 == 0 { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%.6fZ" };
    time.format(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_two_bars_is_met_by_those_who_see_both() {
        let case = |time: i64, fact: Fact| Case {
            file: "x".into(),
            row: 1,
            time: Some(time),
            fact,
            bad: 0.0,
        };
        let window = Window { from: 10, until: 20 };
        assert!(case(10, Fact::Volume(0.0)).is_in(window));
        assert!(!case(20, Fact::Volume(0.0)).is_in(window));
        assert!(!case(10, Fact::Jump(1.0, 2.0, Like::Nothing)).is_in(window));
        assert!(!case(12, Fact::Missing(5, 6)).is_in(window));
        assert!(case(12, Fact::Missing(1, 10)).is_in(window));
        assert!(Case { time: None, ..case(0, Fact::NoTime) }.is_in(window), "it may be anywhere");
        assert!(!case(12, Fact::Old(3, 25)).is_in(window), "what follows is not asked for");
    }

    #[test]
    fn numbers_are_short_enough_to_be_read() {
        let texts = [1e300, 1.5e-12, 0.00005352, 61_000.5, 0.0, f64::INFINITY].map(number);
        assert_eq!(texts, ["1e300", "1.5e-12", "0.00005352", "61000.5", "0", "inf"]);
    }
}
