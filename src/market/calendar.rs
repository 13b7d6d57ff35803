//! Which days are trading days, and from when to when they are traded.
//!
//! The days of the New York Stock Exchange follow its rules, with the closures that no rule foretold;
//! they are meant for 1990 to 2035. Times are local: microseconds since midnight of the day.

use super::DataError;
use crate::bars::{DAY, Zone};
use crate::manifest::CalendarChoice;
use crate::manifest::data::time_of_day;
use chrono::{Datelike, NaiveDate, Weekday};
use std::collections::BTreeMap;
use std::path::Path;

/// Microseconds in an hour.
const HOUR: i64 = DAY / 24;

/// The trading days and their sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Always,
    Weekdays,
    UsEquity,
    /// The days of a file, with their sessions.
    Listed(BTreeMap<i32, Option<Session>>),
}

/// When a day opens and closes, microseconds since its local midnight.
pub type Session = (i64, i64);

/// The session of a day that is traded from morning to afternoon in New York.
const FULL: Session = (9 * HOUR + HOUR / 2, 16 * HOUR);

impl Calendar {
    /// The calendar that the manifest names.
    pub fn of(choice: &CalendarChoice) -> Result<Self, DataError> {
        let kind = match choice {
            CalendarChoice::Always => Kind::Always,
            CalendarChoice::Weekdays => Kind::Weekdays,
            CalendarChoice::UsEquity => Kind::UsEquity,
            CalendarChoice::File(path) => Kind::Listed(listed(path)?),
        };
        Ok(Self { kind })
    }

    /// Whether `day`, counted from 1970-01-01, is a trading day.
    pub fn is_open(&self, day: i32) -> bool {
        match &self.kind {
            Kind::Always => true,
            Kind::Weekdays => is_weekday(date(day)),
            Kind::UsEquity => us_equity(date(day)).is_some(),
            Kind::Listed(days) => days.contains_key(&day),
        }
    }

    /// When `day` opens and closes; `None` if it is no trading day, or has no hours.
    pub fn session(&self, day: i32) -> Option<Session> {
        match &self.kind {
            Kind::Always | Kind::Weekdays => None,
            Kind::UsEquity => us_equity(date(day)),
            Kind::Listed(days) => days.get(&day).copied().flatten(),
        }
    }

    /// The session of `day` as instants, microseconds since 1970-01-01T00:00:00Z.
    pub fn instants(&self, day: i32, zone: &Zone) -> Option<(i64, i64)> {
        let midnight = i64::from(day) * DAY;
        let (open, close) = self.session(day)?;
        Some((zone.instant(midnight + open), zone.instant(midnight + close)))
    }

    /// Whether some days are no trading days.
    pub fn has_closed_days(&self) -> bool {
        self.kind != Kind::Always
    }

    /// Trading days in a year: 365, 261, 252, or what a file has.
    pub fn days_a_year(&self) -> f64 {
        match &self.kind {
            Kind::Always => 365.0,
            Kind::Weekdays => 261.0,
            Kind::UsEquity => 252.0,
            Kind::Listed(days) => {
                let ends = (days.first_key_value(), days.last_key_value());
                let (Some((first, _)), Some((last, _))) = ends else { return 365.0 };
                days.len() as f64 * 365.25 / f64::from(last - first + 1)
            }
        }
    }

    /// How long an ordinary trading day is open, in hours: that of a file is its longest.
    pub fn hours_a_day(&self) -> f64 {
        let length = |(open, close): Session| (close - open) as f64 / HOUR as f64;
        match &self.kind {
            Kind::Always | Kind::Weekdays => 24.0,
            Kind::UsEquity => length(FULL),
            Kind::Listed(days) => {
                let longest = days.values().flatten().copied().map(length).reduce(f64::max);
                longest.unwrap_or(24.0)
            }
        }
    }

    /// Its name, for messages.
    pub fn word(&self) -> &'static str {
        match self.kind {
            Kind::Always => "always",
            Kind::Weekdays => "weekdays",
            Kind::UsEquity => "us_equity",
            Kind::Listed(_) => "its file",
        }
    }
}

fn date(day: i32) -> NaiveDate {
    NaiveDate::from_epoch_days(day).unwrap_or_default()
}

fn is_weekday(date: NaiveDate) -> bool {
    !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

/// The days of a file with the columns `date`, `open` and `close`; the last two may be empty.
fn listed(path: &Path) -> Result<BTreeMap<i32, Option<Session>>, DataError> {
    let wrong = |fact: String| DataError::new(path, fact);
    let mut reader = ::csv::ReaderBuilder::new()
        .trim(::csv::Trim::All)
        .flexible(true)
        .from_path(path)
        .map_err(|error| wrong(format!("the calendar cannot be read: {error}")))?;
    let header = reader.headers().map_err(|error| wrong(error.to_string()))?.clone();
    let column = |name: &str| header.iter().position(|known| known.eq_ignore_ascii_case(name));
    let Some(dates) = column("date") else {
        let has = header.iter().collect::<Vec<_>>().join(", ");
        return Err(wrong(format!("a calendar has a column `date`; this one has {has}")));
    };
    let (opens, closes) = (column("open"), column("close"));
    let mut days = BTreeMap::new();
    for (row, record) in reader.records().enumerate() {
        let row = row + 1;
        let record = record.map_err(|error| wrong(format!("row {row}: {error}")))?;
        let cell = |column: Option<usize>| column.and_then(|at| record.get(at)).unwrap_or_default();
        let text = cell(Some(dates));
        let Ok(day) = text.parse::<NaiveDate>() else {
            return Err(wrong(format!("row {row}: `{text}` is no date such as 2024-07-03")));
        };
        let session = match (cell(opens), cell(closes)) {
            ("", "") => None,
            (open, close) => match (time_of_day(open), time_of_day(close)) {
                (Some(open), Some(close)) if open < close => Some((open, close)),
                _ => {
                    return Err(wrong(format!(
                        "row {row}: a session goes from an open such as 09:30 to a later close on the same day, not from `{open}` to `{close}`"
                    )));
                }
            },
        };
        if days.insert(day.to_epoch_days(), session).is_some() {
            return Err(wrong(format!("row {row}: {day} is listed twice")));
        }
    }
    match days.is_empty() {
        true => Err(wrong("the calendar lists no day".into())),
        false => Ok(days),
    }
}

/// Closures of the New York Stock Exchange that follow no rule: the funerals of four presidents and
/// the mourning of a fifth, the attacks of 2001, a hurricane.
const CLOSED: &[(i32, u32, u32)] = &[
    (1994, 4, 27),
    (2001, 9, 11),
    (2001, 9, 12),
    (2001, 9, 13),
    (2001, 9, 14),
    (2004, 6, 11),
    (2007, 1, 2),
    (2012, 10, 29),
    (2012, 10, 30),
    (2018, 12, 5),
    (2025, 1, 9),
];

/// Early closes that follow no rule.
const EARLY: &[(i32, u32, u32)] = &[(1997, 12, 26), (1999, 12, 31), (2003, 12, 26)];

/// The session of the New York Stock Exchange on `date`, if it has one.
fn us_equity(date: NaiveDate) -> Option<Session> {
    let (year, month, day) = (date.year(), date.month(), date.day());
    if !is_weekday(date) || is_holiday(date) || CLOSED.contains(&(year, month, day)) {
        return None;
    }
    let early = is_early(date) || EARLY.contains(&(year, month, day));
    // Until 1992 the early close was at two.
    let close = if year < 1993 { 14 * HOUR } else { 13 * HOUR };
    Some(if early { (FULL.0, close) } else { FULL })
}

/// Whether a weekday is one of the holidays of the exchange's rules.
fn is_holiday(date: NaiveDate) -> bool {
    let (year, month, day, weekday) = (date.year(), date.month(), date.day(), date.weekday());
    // Which Monday (or Thursday) of its month it is.
    let nth = day.div_ceil(7);
    let observed = |holiday: u32| match weekday {
        Weekday::Mon => day == holiday || day == holiday + 1,
        Weekday::Fri => day == holiday || day + 1 == holiday,
        _ => day == holiday,
    };
    match (month, weekday) {
        // A New Year's Day on Saturday is not made up for on the last day of the old year.
        (1, Weekday::Mon) if day <= 2 => true,
        (1, _) if day == 1 => true,
        (1, Weekday::Mon) => nth == 3 && year >= 1998,
        (2, Weekday::Mon) => nth == 3,
        (3 | 4, Weekday::Fri) => date == good_friday(year),
        (5, Weekday::Mon) => day > 24,
        (6, _) => year >= 2022 && observed(19),
        (7, _) => observed(4),
        (9, Weekday::Mon) => nth == 1,
        (11, Weekday::Thu) => nth == 4,
        (12, _) => observed(25),
        _ => false,
    }
}

/// Whether a trading day closes early by rule: around Independence Day, after Thanksgiving, and on
/// Christmas Eve.
fn is_early(date: NaiveDate) -> bool {
    use Weekday::{Fri, Mon, Thu, Tue, Wed};
    let (year, day, weekday) = (date.year(), date.day(), date.weekday());
    match (date.month(), weekday) {
        (7, Mon | Tue | Thu) => day == 3 && year >= 1995,
        // Next to a Thursday, Friday was short until 2012 and Wednesday has been since.
        (7, Wed) => day == 3 && year >= 2013,
        (7, Fri) => day == 5 && (1995..2013).contains(&year),
        (11, Fri) => (23..30).contains(&day) && year >= 1992,
        (12, Mon | Tue | Wed | Thu) => day == 24,
        _ => false,
    }
}

/// Two days before Easter Sunday, by the rule of the Gregorian calendar (the anonymous algorithm that
/// Nature printed in 1876).
fn good_friday(year: i32) -> NaiveDate {
    let golden = year % 19;
    let (century, rest) = (year / 100, year % 100);
    let leap = (8 * century + 13) / 25;
    let moon = (19 * golden + century - century / 4 - leap + 15) % 30;
    let moon = moon - (golden + 11 * moon) / 319;
    let sunday = (2 * (century % 4) + 2 * (rest / 4) - rest % 4 - moon + 32) % 7;
    let month = (moon + sunday + 90) / 25;
    let day = (moon + sunday + month + 19) % 32;
    let easter = NaiveDate::from_ymd_opt(year, month as u32, day as u32).unwrap_or_default();
    easter - chrono::Days::new(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i32 {
        text.parse::<NaiveDate>().unwrap().to_epoch_days()
    }

    fn us() -> Calendar {
        Calendar::of(&CalendarChoice::UsEquity).unwrap()
    }

    #[test]
    fn holidays_of_the_new_york_stock_exchange_follow_its_rules() {
        let calendar = us();
        let closed = |year: i32| -> Vec<String> {
            let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
            first
                .iter_days()
                .take_while(|date| date.year() == year)
                .filter(|date| is_weekday(*date) && !calendar.is_open(date.to_epoch_days()))
                .map(|date| date.format("%m-%d").to_string())
                .collect()
        };
        assert_eq!(
            closed(1990).join(" "),
            "01-01 02-19 04-13 05-28 07-04 09-03 11-22 12-25",
            "without King's day"
        );
        assert_eq!(
            closed(2001).join(" "),
            "01-01 01-15 02-19 04-13 05-28 07-04 09-03 09-11 09-12 09-13 09-14 11-22 12-25"
        );
        assert_eq!(
            closed(2022).join(" "),
            "01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26",
            "New Year's Day was a Saturday"
        );
        assert_eq!(
            closed(2024).join(" "),
            "01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25"
        );
    }

    #[test]
    fn half_days_close_at_one() {
        let calendar = us();
        let close = |text: &str| calendar.session(day(text)).map(|(_, close)| close / HOUR);
        for half in ["2024-07-03", "2024-11-29", "2024-12-24", "2002-07-05", "1999-12-31"] {
            assert_eq!(close(half), Some(13), "{half}");
        }
        for full in ["2024-07-05", "2021-12-23", "2010-12-23", "2013-07-05", "2024-12-31"] {
            assert_eq!(close(full), Some(16), "{full}");
        }
        assert_eq!(close("1992-11-27"), Some(14));
        assert_eq!(close("2010-12-24"), None, "Christmas was a Saturday");
    }

    /// tests/fixtures/us-equity-days.py says which two calendars of other people the file is made of.
    #[test]
    fn every_closed_and_half_day_is_where_others_have_it() {
        let fixture = include_str!("../../tests/fixtures/us-equity-days.csv");
        let mut special: BTreeMap<i32, Option<i64>> = BTreeMap::new();
        for line in fixture.lines().skip(1) {
            let (date, closes) = line.split_once(',').unwrap();
            special.insert(day(date), time_of_day(closes));
        }
        let calendar = us();
        let weekdays = (day("1990-01-01")..=day("2030-12-31")).filter(|it| is_weekday(date(*it)));
        let differs = weekdays.filter_map(|day| {
            let theirs = special.get(&day).copied().unwrap_or(Some(FULL.1));
            let ours = calendar.session(day).map(|(_, close)| close);
            (ours != theirs).then(|| format!("{}: {ours:?}, not {theirs:?}", date(day)))
        });
        assert_eq!(differs.collect::<Vec<_>>(), [] as [String; 0]);
        assert!(special.len() > 450);
    }

    #[test]
    fn a_file_lists_days_and_their_sessions() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("days.csv");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Calendar::of(&CalendarChoice::File(path.clone())).map_err(|error| error.fact)
        };
        let calendar =
            read("Date,Open,Close\n2024-01-02,09:00,17:30\n2024-01-03,,\n2024-01-05,09:00,12:00\n")
                .unwrap();
        assert!(calendar.is_open(day("2024-01-03")) && !calendar.is_open(day("2024-01-04")));
        assert_eq!(calendar.session(day("2024-01-05")), Some((9 * HOUR, 12 * HOUR)));
        assert_eq!(calendar.session(day("2024-01-03")), None);
        assert_eq!(calendar.days_a_year(), 3.0 * 365.25 / 4.0);
        for (text, told) in [
            ("day\n2024-01-02\n", "a calendar has a column `date`"),
            ("date\n02/01/2024\n", "row 1: `02/01/2024` is no date"),
            ("date,open,close\n2024-01-02,17:00,16:00\n", "row 1: a session goes from"),
            ("date\n2024-01-02\n2024-01-02\n", "row 2: 2024-01-02 is listed twice"),
            ("date\n", "the calendar lists no day"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(told), "{error}");
        }
    }
}
