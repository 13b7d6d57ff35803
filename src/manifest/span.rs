//! Durations and dates as a manifest writes them.

use super::tree::{Node, Value};
use crate::bars::duration;
use chrono::{Datelike, Days, Months, NaiveDate};

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Span {
    /// Microseconds.
    Time(i64),
    /// A number of bars.
    Bars(i64),
}

impl Span {
    /// The span that a value says, or what is wrong with it.
    pub fn of(node: &Node) -> Result<Self, String> {
        match &node.value {
            Value::Integer(bars) if *bars >= 0 => Ok(Self::Bars(*bars)),
            Value::Text(text) => duration::parse(text).map(Self::Time),
            _ => Err("write \"30m\", \"4h\" or \"5d\"".into()),
        }
    }
}

/// The first and last day that a date value covers, or what is wrong with it.
///
/// `today` is the day from which relative dates count.
pub fn days(node: &Node, today: NaiveDate) -> Result<(NaiveDate, NaiveDate), String> {
    let one = |day: NaiveDate| Ok((day, day));
    match &node.value {
        Value::Integer(year) => year_days(*year),
        Value::Date(date) => one(parse_day(date)?),
        Value::Text(text) => match text.as_str() {
            "today" => one(today),
            "yesterday" => one(today.pred_opt().unwrap_or(today)),
            relative if relative.starts_with('-') => one(before(today, &relative[1..])?),
            text if text.len() == 4 => year_days(text.parse().map_err(|_| not_a_date(text))?),
            text if text.len() == 7 => {
                let first = parse_day(&format!("{text}-01"))?;
                let next = first.checked_add_months(Months::new(1)).unwrap_or(first);
                Ok((first, next.pred_opt().unwrap_or(first)))
            }
            text => one(parse_day(text)?),
        },
        _ => Err("this is not a date".into()),
    }
}

fn not_a_date(text: &str) -> String {
    format!("`{text}` is not a date")
}

fn year_days(year: i64) -> Result<(NaiveDate, NaiveDate), String> {
    let year = i32::try_from(year).ok().filter(|year| (1..=9999).contains(year));
    year.and_then(|year| {
        Some((NaiveDate::from_ymd_opt(year, 1, 1)?, NaiveDate::from_ymd_opt(year, 12, 31)?))
    })
    .ok_or_else(|| "a year has four digits".into())
}

fn parse_day(text: &str) -> Result<NaiveDate, String> {
    if text.len() > 10 && text.as_bytes().get(10).is_some_and(|c| matches!(c, b'T' | b't' | b' ')) {
        return Err("a range is made of whole days: leave out the time".into());
    }
    let day: NaiveDate = text.parse().map_err(|_| not_a_date(text))?;
    if day.year() < 1 { Err(not_a_date(text)) } else { Ok(day) }
}

/// The day `span` before `today`.
fn before(today: NaiveDate, span: &str) -> Result<NaiveDate, String> {
    let wrong = || "relative dates look like \"-90d\", \"-12w\", \"-6m\" or \"-2y\"".to_owned();
    let unit = span.chars().last().ok_or_else(wrong)?;
    let count: u32 = span[..span.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    let day = match unit {
        'd' => today.checked_sub_days(Days::new(count.into())),
        'w' => today.checked_sub_days(Days::new(u64::from(count) * 7)),
        'm' => today.checked_sub_months(Months::new(count)),
        'y' => {
            count.checked_mul(12).and_then(|months| today.checked_sub_months(Months::new(months)))
        }
        _ => return Err(wrong()),
    };
    day.filter(|day| day.year() >= 1).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Place, Source};

    fn of(value: Value) -> Result<(String, String), String> {
        let place = Place::whole(&Source::new("a", ""));
        let today = NaiveDate::from_ymd_opt(2026, 3, 31).unwrap();
        days(&Node { value, place }, today).map(|(a, b)| (a.to_string(), b.to_string()))
    }

    #[test]
    fn a_date_covers_the_days_it_names() {
        let text = |text: &str| of(Value::Text(text.into())).unwrap();
        let both = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(of(Value::Integer(2013)).unwrap(), both("2013-01-01", "2013-12-31"));
        assert_eq!(text("2012-02"), both("2012-02-01", "2012-02-29"));
        assert_eq!(text("yesterday"), both("2026-03-30", "2026-03-30"));
        assert_eq!(text("-1m"), both("2026-02-28", "2026-02-28"));
        assert_eq!(text("-90d").0, "2025-12-31");
        for wrong in ["-90", "2013-13", "tomorow", "2013-02-30", "2013-03-01T10:00:00"] {
            assert!(of(Value::Text(wrong.into())).is_err(), "{wrong}");
        }
    }
}
