//! How long a feed has been silent: time in which the market is closed, or of which no bars are taken,
//! does not count.

use crate::bars::{DAY, Zone};
use crate::manifest::{DataSettings, Hours};
use crate::market::{Calendar, DataSet};

/// Whether more than `patience` of the time of an open market lies between `from` and `to`, microseconds
/// since 1970. With bars of a day or longer a trading day is a whole day; `data.hours` stand for those of
/// the calendar.
pub(super) fn is_silent(
    data: &DataSet,
    settings: &DataSettings,
    (from, to): (i64, i64),
    patience: i64,
) -> bool {
    let Some(clock) = data.bars.first().map(|bars| &bars.clock) else { return false };
    let zone = &clock.zone;
    let day = |instant: i64| zone.local(instant).div_euclid(DAY) as i32;
    // Hours that go over midnight reach into the next day.
    let (first, last) = (day(from) - 1, day(to.max(from)));
    let of_day = |number: i32| {
        let (open, close) = match clock.timeframe >= DAY {
            true => whole(&data.calendar, number, zone),
            false => hours(&data.calendar, settings.hours, number, zone),
        };
        (close.min(to) - open.max(from)).max(0)
    };
    let mut open = 0;
    (first..=last).any(|number| {
        open += of_day(number);
        open > patience
    })
}

/// A trading day from midnight to midnight; nothing of another.
fn whole(calendar: &Calendar, number: i32, zone: &Zone) -> (i64, i64) {
    let midnight = |number: i32| zone.instant(i64::from(number) * DAY);
    match calendar.is_open(number) {
        false => (0, 0),
        true => (midnight(number), midnight(number + 1)),
    }
}

/// The hours of a trading day; nothing of another.
fn hours(calendar: &Calendar, hours: Option<Hours>, number: i32, zone: &Zone) -> (i64, i64) {
    match hours {
        _ if !calendar.is_open(number) => (0, 0),
        None => calendar.instants(number, zone).unwrap_or_else(|| whole(calendar, number, zone)),
        Some(Hours { from, to }) => {
            let midnight = i64::from(number) * DAY;
            let end = if from < to { to } else { to + DAY };
            (zone.instant(midnight + from), zone.instant(midnight + end))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::CalendarChoice;
    use crate::market;

    /// Whether the market in New York is open for so many minutes, and no more, between two times of these
    /// days, Friday the 8th of March 2024 being day 8.
    fn is_open_for(minutes: i64, hours: Option<Hours>, from: (i64, i64), to: (i64, i64)) -> bool {
        let mut settings = DataSettings::of(vec!["X.csv".into()], vec!["X.csv".into()], i64::MAX);
        settings.timezone = chrono_tz::America::New_York;
        settings.calendar = Some(CalendarChoice::UsEquity);
        settings.hours = hours;
        let text = "timestamp,open,high,low,close\n\
            2024-03-08 09:30,1,1,1,1\n2024-03-08 09:31,1,1,1,1\n2024-03-08 09:32,1,1,1,1\n";
        let data = market::load_text(&settings, &[("X.csv".into(), text.into())]).unwrap();
        let zone = &data.bars[0].clock.zone;
        let first_of_march = 19_783;
        let instant =
            |(day, hour): (i64, i64)| zone.instant((first_of_march + day - 1) * DAY + hour * HOUR);
        let between = (instant(from), instant(to));
        let is_silent = |patience| is_silent(&data, &settings, between, patience);
        let minutes = minutes * (HOUR / 60);
        is_silent(minutes - 1) && !is_silent(minutes)
    }

    const HOUR: i64 = DAY / 24;

    #[test]
    fn time_counts_while_bars_are_taken() {
        assert!(is_open_for(60, None, (8, 15), (8, 20)), "the calendar's hours");
        assert!(is_open_for(90, None, (8, 15), (11, 10)), "no week-end");
        // Twelve weeks, but for Good Friday and Memorial Day.
        assert!(is_open_for(58 * 390, None, (8, 16), (8 + 84, 16)), "months");
        let extended = Some(Hours { from: 4 * HOUR, to: 20 * HOUR });
        assert!(is_open_for(120, extended, (8, 16), (8, 18)));
        assert!(is_open_for(300, extended, (8, 16), (11, 5)), "no week-end, and no night");
        let night = Some(Hours { from: 20 * HOUR, to: 4 * HOUR });
        assert!(is_open_for(360, night, (8, 12), (9, 2)), "over midnight");
        assert!(is_open_for(120, night, (9, 2), (9, 12)), "it began on the day before");
    }
}
