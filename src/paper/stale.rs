//! How long a feed has been silent: time in which the market is closed, or of which no bars are taken,
//! does not count.

use crate::bars::{DAY, Zone};
use crate::manifest::{DataSettings, Hours};
use crate::market::{Calendar, DataSet};

/// The last days that are looked at: whoever is silent for longer is silent for long enough.
const DAYS: i32 = 60;

/// How much time of an open market lies between `from` and `to`, microseconds since 1970. With bars of a
/// day or longer a trading day is a whole day; `data.hours` stand for those of the calendar.
pub(super) fn open_time(data: &DataSet, settings: &DataSettings, from: i64, to: i64) -> i64 {
    let Some(clock) = data.bars.first().map(|bars| &bars.clock) else { return 0 };
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
    (first.max(last.saturating_sub(DAYS))..=last).map(of_day).sum()
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

    /// Minutes of an open market in New York between two times of these days, Friday the 8th of March
    /// 2024 being day 8.
    fn open_minutes(hours: Option<Hours>, from: (i64, i64), to: (i64, i64)) -> i64 {
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
        open_time(&data, &settings, instant(from), instant(to)) / (HOUR / 60)
    }

    const HOUR: i64 = DAY / 24;

    #[test]
    fn time_counts_while_bars_are_taken() {
        assert_eq!(open_minutes(None, (8, 15), (8, 20)), 60, "the calendar's hours");
        assert_eq!(open_minutes(None, (8, 15), (11, 10)), 90, "no week-end");
        let extended = Some(Hours { from: 4 * HOUR, to: 20 * HOUR });
        assert_eq!(open_minutes(extended, (8, 16), (8, 18)), 120);
        assert_eq!(open_minutes(extended, (8, 16), (11, 5)), 300, "no week-end, and no night");
        let night = Some(Hours { from: 20 * HOUR, to: 4 * HOUR });
        assert_eq!(open_minutes(night, (8, 12), (9, 2)), 360, "over midnight");
        assert_eq!(open_minutes(night, (9, 2), (9, 12)), 120, "it began on the day before");
    }
}
