//! Longer bars made of shorter ones: which bars belong together, and what they come to.
//!
//! A cell of the grid is closed on the left and labelled by it. Cells count from local midnight, so
//! that the days of a zone with summer time stay days; whole weeks begin on Monday.

use super::{Action, Bars, Clock, Cut, DAY, Extra, Zone};
use std::ops::Range;

/// Microseconds in an hour.
const HOUR: i64 = DAY / 24;

/// Cells of one length on the local clock.
#[derive(Debug, Clone, Copy)]
pub struct Grid<'a> {
    /// The local time.
    pub zone: &'a Zone,
    /// The length of a cell in microseconds: a part of a day, or whole days.
    pub timeframe: i64,
}

/// Bars that become one bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Their rows.
    pub rows: Range<usize>,
    /// When the cell opens: microseconds since 1970-01-01T00:00:00Z.
    pub open: i64,
    /// When the cell closes by the clock, or when its last bar does, if that is later.
    pub close: i64,
}

impl Grid<'_> {
    /// When the cell that holds `instant` opens and closes.
    pub fn cell(&self, instant: i64) -> (i64, i64) {
        let (zone, timeframe) = (self.zone, self.timeframe);
        let local = zone.local(instant);
        if HOUR % timeframe == 0 {
            // Clocks are moved by whole hours: such a cell is as long as any other.
            let open = instant - local.rem_euclid(timeframe);
            return (open, open + timeframe);
        }
        let day = local.div_euclid(DAY);
        if timeframe >= DAY {
            let days = timeframe / DAY;
            // Day 0 was a Thursday, and day 4 the first Monday.
            let anchor = if days % 7 == 0 { 4 } else { 0 };
            let start = day - (day - anchor).rem_euclid(days);
            return (zone.instant(start * DAY), zone.instant((start + days) * DAY));
        }
        let mut start = local.rem_euclid(DAY) / timeframe * timeframe;
        let at = |time_of_day: i64| zone.instant(day * DAY + time_of_day.min(DAY));
        // In the hour that happens twice a cell may be over before the clocks say so again.
        while at(start + timeframe) <= instant && start < DAY {
            start += timeframe;
        }
        (at(start), at(start + timeframe))
    }
}

/// The bars that belong together when `rows` of `bars` become bars of `timeframe` (a part of a day, or
/// whole days), in order.
pub fn buckets(bars: &Bars, rows: Range<usize>, timeframe: i64) -> Vec<Bucket> {
    let grid = Grid { zone: &bars.clock.zone, timeframe };
    let mut buckets: Vec<Bucket> = Vec::new();
    let mut end = i64::MIN;
    for row in rows {
        let time = bars.time[row];
        match buckets.last_mut() {
            Some(last) if time < end => last.rows.end = row + 1,
            _ => {
                let (open, close) = grid.cell(time);
                end = close;
                buckets.push(Bucket { rows: row..row + 1, open, close });
            }
        }
    }
    for bucket in &mut buckets {
        let last = bars.clock.close(bars.time[bucket.rows.end - 1]);
        bucket.close = bucket.close.max(last);
    }
    buckets
}

/// Whether bars of the last cell of `timeframe` may be missing at its end: they reach less far into it than
/// those of the same time of day did the last time, or than its end if there was none. A market that
/// closes inside a cell does so each day.
pub fn may_grow(bars: &Bars, timeframe: i64) -> bool {
    let buckets = buckets(bars, 0..bars.len(), timeframe);
    let Some((last, before)) = buckets.split_last() else { return false };
    let missing = |it: &Bucket| it.close - bars.clock.close(bars.time[it.rows.end - 1]);
    let like = before.iter().rev().find(|it| time_of_day(bars, it) == time_of_day(bars, last));
    missing(last) > like.map_or(0, missing)
}

/// Whether bars of the first cell of `timeframe` may be missing at its beginning, as where a file was cut:
/// they begin later in it than the earliest of those of the same time of day after it, or than the cell
/// itself if there is none: the first day of a week may begin late.
pub fn may_lack(bars: &Bars, timeframe: i64) -> bool {
    let buckets = buckets(bars, 0..bars.len(), timeframe);
    let Some((first, after)) = buckets.split_first() else { return false };
    let missing = |it: &Bucket| bars.time[it.rows.start] - it.open;
    let like = after.iter().filter(|it| time_of_day(bars, it) == time_of_day(bars, first));
    missing(first) > like.map(missing).min().unwrap_or(0)
}

fn time_of_day(bars: &Bars, bucket: &Bucket) -> i64 {
    bars.clock.zone.local(bucket.open).rem_euclid(DAY)
}

/// The bars of `timeframe` (a part of a day, or whole days) that `rows` of `bars` come to: the first
/// open, the highest high, the lowest low, the last close, the sum of the volumes that are known, and
/// the last value of every further column.
pub fn resample(bars: &Bars, rows: Range<usize>, timeframe: i64) -> Bars {
    let buckets = buckets(bars, rows.clone(), timeframe);
    let fold = |column: &[f64], one: &dyn Fn(&[f64]) -> f64| -> Cut<f64> {
        buckets.iter().map(|bucket| one(&column[bucket.rows.clone()])).collect()
    };
    let last = |values: &[f64]| values[values.len() - 1];
    let action = |action: &Action| {
        let row = buckets.partition_point(|bucket| bucket.rows.end <= action.row);
        Action { row, ..*action }
    };
    Bars {
        symbol: bars.symbol.clone(),
        time: buckets.iter().map(|bucket| bucket.open).collect(),
        open: fold(&bars.open, &|values| values[0]),
        high: fold(&bars.high, &|values| values.iter().copied().fold(f64::NAN, f64::max)),
        low: fold(&bars.low, &|values| values.iter().copied().fold(f64::NAN, f64::min)),
        close: fold(&bars.close, &last),
        volume: fold(&bars.volume, &known_sum),
        extra: bars
            .extra
            .iter()
            .map(|extra| Extra { values: fold(&extra.values, &last), ..extra.clone() })
            .collect(),
        actions: bars.actions.iter().filter(|a| rows.contains(&a.row)).map(action).collect(),
        clock: Clock { timeframe, zone: bars.clock.zone.clone() },
    }
}

/// The sum of the values that are known, `NaN` if none is.
fn known_sum(values: &[f64]) -> f64 {
    let known = values.iter().copied().filter(|value| !value.is_nan());
    known.reduce(|sum, value| sum + value).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const MINUTE: i64 = HOUR / 60;

    fn bars(times: Vec<i64>, timeframe: i64, zone: Zone) -> Bars {
        let column =
            |values: &dyn Fn(usize) -> f64| -> Cut<f64> { (0..times.len()).map(values).collect() };
        Bars {
            symbol: "X".into(),
            open: column(&|row| 10.0 + row as f64),
            high: column(&|row| 12.0 + row as f64),
            low: column(&|row| 9.0 + row as f64),
            close: column(&|row| 11.0 + row as f64),
            volume: column(&|row| if row == 1 { f64::NAN } else { 100.0 }),
            extra: vec![],
            actions: Arc::new([]),
            time: times.into(),
            clock: Clock { timeframe, zone },
        }
    }

    #[test]
    fn a_cell_may_grow_until_it_reaches_as_far_as_the_day_before() {
        let days = |hours: &[i64]| -> Bars {
            bars(hours.iter().map(|hour| hour * HOUR).collect(), HOUR, Zone::utc())
        };
        assert!(!may_grow(&days(&[8, 9]), 2 * HOUR), "it reaches its end");
        assert!(may_grow(&days(&[8]), 2 * HOUR));
        // A market that closes at eleven does so on the next day too.
        assert!(may_grow(&days(&[8, 9, 10]), 2 * HOUR));
        assert!(!may_grow(&days(&[8, 9, 10, 32, 33, 34]), 2 * HOUR));
        assert!(!may_grow(&days(&[8, 9, 10, 32, 33, 34]), DAY));
        assert!(may_grow(&days(&[8, 9, 10, 32, 33]), DAY));
    }

    #[test]
    fn a_cell_may_lack_what_comes_before_the_file_begins() {
        let days = |hours: &[i64]| -> Bars {
            bars(hours.iter().map(|hour| hour * HOUR).collect(), HOUR, Zone::utc())
        };
        assert!(!may_lack(&days(&[8, 9]), 2 * HOUR), "it begins with the cell");
        assert!(may_lack(&days(&[9, 10]), 2 * HOUR));
        // A market that opens at nine does so on the next day too.
        assert!(!may_lack(&days(&[9, 10, 33, 34]), DAY));
        assert!(may_lack(&days(&[10, 33, 34]), DAY));
        assert!(may_lack(&days(&[5, 45, 46, 48, 49]), DAY), "a day that begins late comes next");
    }

    #[test]
    fn a_longer_bar_is_what_happened_inside() {
        // Minutes 3, 4 and 7 of an hour: the third is in another cell of five.
        let bars = bars(vec![3 * MINUTE, 4 * MINUTE, 7 * MINUTE], MINUTE, Zone::utc());
        let five = resample(&bars, 0..3, 5 * MINUTE);
        assert_eq!(&five.time[..], [0, 5 * MINUTE]);
        assert_eq!(
            (five.open[0], five.high[0], five.low[0], five.close[0]),
            (10.0, 13.0, 9.0, 12.0)
        );
        assert_eq!(&five.volume[..], [100.0, 100.0]);
        assert_eq!(five.clock.timeframe, 5 * MINUTE);
    }

    #[test]
    fn cells_count_from_local_midnight_and_weeks_from_monday() {
        // Local time is an hour ahead until hour 20, and two after.
        let zone = Zone::new(vec![(0, 3_600), (20 * HOUR, 7_200)]);
        let cell = |timeframe: i64, hour: i64| {
            let (open, close) = Grid { zone: &zone, timeframe }.cell(hour * HOUR);
            (open / HOUR, close / HOUR)
        };
        assert_eq!(cell(4 * HOUR, 0), (-1, 3));
        assert_eq!(cell(4 * HOUR, 19), (19, 22), "an hour of it is skipped");
        assert_eq!(cell(DAY, 5), (-1, 22));
        assert_eq!(cell(DAY, 22), (22, 46));
        assert_eq!(cell(7 * DAY, 3 * 24), (-73, 4 * 24 - 2), "Thursday lies in Monday's week");
        assert_eq!(cell(7 * HOUR, 21), (20, 22), "the last of a day ends with it");
    }

    #[test]
    fn the_hour_that_happens_twice_is_in_one_cell_each_time() {
        // At instant 10 h local time falls from 11:00 back to 10:00.
        let zone = Zone::new(vec![(0, 3_600), (10 * HOUR, 0)]);
        for timeframe in [30, 40, 60, 90, 120, 240].map(|minutes| minutes * MINUTE) {
            let grid = Grid { zone: &zone, timeframe };
            let mut end = None;
            for instant in (8 * HOUR..14 * HOUR).step_by(MINUTE as usize) {
                let (open, close) = grid.cell(instant);
                assert!(open <= instant && instant < close, "{timeframe}: {instant}");
                assert!(end.is_none_or(|end| close == end || open == end), "{timeframe}: {open}");
                end = Some(close);
            }
        }
    }

    #[test]
    fn a_bucket_is_over_when_the_clock_and_its_last_bar_are() {
        let bars = bars(vec![0, HOUR, 90 * MINUTE], HOUR, Zone::utc());
        let buckets = buckets(&bars, 0..3, 2 * HOUR);
        assert_eq!(buckets.len(), 1);
        assert_eq!((buckets[0].open, buckets[0].close), (0, 150 * MINUTE));
    }
}
