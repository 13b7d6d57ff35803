//! How long a feed has been silent: time in which the market is closed does not count.

use crate::bars::DAY;
use crate::market::{Calendar, DataSet};

/// The last days that are looked at: whoever is silent for longer is silent for long enough.
const DAYS: i32 = 60;

/// How much time of an open market lies between `from` and `to`, microseconds since 1970. With bars of a
/// day or longer a trading day is a whole day.
pub(super) fn open_time(data: &DataSet, from: i64, to: i64) -> i64 {
    let Some(clock) = data.bars.first().map(|bars| &bars.clock) else { return 0 };
    let day = |instant: i64| clock.zone.local(instant).div_euclid(DAY) as i32;
    let (first, last) = (day(from), day(to.max(from)));
    let of_day = |number: i32| {
        let midnight = |number: i32| clock.zone.instant(i64::from(number) * DAY);
        let whole = (midnight(number), midnight(number + 1));
        let (open, close) = session(&data.calendar, clock.timeframe, number, whole, &clock.zone);
        (close.min(to) - open.max(from)).max(0)
    };
    (first.max(last.saturating_sub(DAYS))..=last).map(of_day).sum()
}

fn session(
    calendar: &Calendar,
    timeframe: i64,
    number: i32,
    whole: (i64, i64),
    zone: &crate::bars::Zone,
) -> (i64, i64) {
    match calendar.is_open(number) {
        false => (whole.0, whole.0),
        true if timeframe >= DAY => whole,
        true => calendar.instants(number, zone).unwrap_or(whole),
    }
}
