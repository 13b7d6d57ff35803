//! What is missing between bars and after them, and what is not complete yet, by timeframe and
//! calendar.

use super::super::Calendar;
use super::super::case::Fact;
use super::super::time;
use super::super::verdict::Search;
use super::Cleaning;
use crate::bars::{Clock, DAY, Zone};
use crate::manifest::data::Check;
use crate::manifest::{CalendarChoice, DataSettings, Policy};
use chrono::NaiveDate;
use chrono_tz::America::New_York;

/// So many complete bars missing at the end make data old.
const STALE_BARS: i64 = 3;
/// So many gaps without a calendar make one look for it.
const FEW_GAPS: usize = 3;
/// At most one bar of so many opens on a day that is closed, such as on the evening before the week of
/// currencies.
const FEW_CLOSED: usize = 20;

/// The first instant at which a bar that opens at `open` is known: its close by the clock, that of a
/// daily bar where the calendar has one, and `data.delay` later. Microseconds since
/// 1970-01-01T00:00:00Z.
pub fn complete(settings: &DataSettings, calendar: &Calendar, clock: &Clock, open: i64) -> i64 {
    let day = clock.zone.local(open).div_euclid(DAY) as i32;
    let session = || calendar.instants(day, &clock.zone).map(|(_, close)| close);
    // A day is over when its session is.
    let of_day = (clock.timeframe == DAY).then(session).flatten();
    of_day.unwrap_or_else(|| clock.close(open)).saturating_add(settings.delay)
}

impl<'a> Cleaning<'a> {
    /// When a bar of `clock` that opens at `open` is complete.
    pub(super) fn complete(&self, clock: &Clock, open: i64) -> i64 {
        complete(self.settings, self.calendar, clock, open)
    }

    /// Bars that nobody can know yet: the last one while it grows, and whatever is later.
    pub(super) fn unfinished(&mut self) {
        let mut search = self.search(Check::Unfinished);
        let now = self.settings.now;
        let known = self.kept.partition_point(|(time, _)| self.complete(&self.clock, *time) <= now);
        for &(time, row) in &self.kept[known..] {
            let complete = self.complete(&self.clock, time);
            search.add((complete - now) as f64, row, Some(time), Fact::Incomplete(complete));
        }
        let from = self.kept.get(known).map_or(i64::MAX, |(time, _)| *time);
        let done = self.dropped(Check::Unfinished, |time, _| time >= from);
        self.found(search, done);
    }

    /// Bars that should be there, and bars on days that should have none.
    pub(super) fn gaps(&mut self) {
        if self.policy(Check::Gaps) == Policy::Off {
            return;
        }
        let own = Days::new(&self.clock, self.calendar, self.settings);
        let (mut search, closed) = self.gaps_by(&own);
        if let Some(guess) = self.guess(search.count()) {
            search = guess;
        }
        let days: Vec<i32> = self.kept.iter().map(|(time, _)| own.of(*time)).collect();
        let mut days = days.into_iter();
        let done = self.dropped(Check::Gaps, |_, _| {
            days.next().is_some_and(|day| closed.binary_search(&day).is_ok())
        });
        let done = match (done, closed.is_empty()) {
            ("left out", false) => "bars of days without trading left out",
            _ => "kept",
        };
        self.found(search, done);
    }

    /// The gaps between `days`, and the days that should have no bar, in order.
    fn gaps_by(&self, days: &Days<'_>) -> (Search<'a>, Vec<i32>) {
        let mut search = self.search(Check::Gaps);
        let (mut last_day, mut closed) = (None, Vec::new());
        for (index, &(time, row)) in self.kept.iter().enumerate() {
            let day = days.of(time);
            if last_day != Some(day) {
                last_day = Some(day);
                if days.is_wrong(day) {
                    closed.push(day);
                }
            }
            if closed.last() == Some(&day) {
                let fact = Fact::Closed(date(day), days.calendar.word());
                search.add(0.5, row, Some(time), fact);
            }
            let before = index.checked_sub(1).map(|before| self.kept[before].0);
            let missing = before.map_or(0, |before| days.missing(before, time));
            if let (Some(before), 1..) = (before, missing) {
                search.add(missing as f64, row, Some(time), Fact::Missing(missing, before));
            }
        }
        (search, closed)
    }

    /// Where nobody named a calendar and there are `gaps`: what is missing by the one that fits, if one
    /// has less than half of them, and that it is not named.
    fn guess(&self, gaps: usize) -> Option<Search<'a>> {
        if self.settings.calendar.is_some() || gaps < FEW_GAPS {
            return None;
        }
        let (first, last) = (self.kept.first()?, self.kept.last()?);
        let own = &self.clock.zone;
        let new_york = time::zone(New_York, first.0, last.0);
        let is_utc = self.settings.timezone == chrono_tz::UTC;
        let (weekdays, us_equity) = (CalendarChoice::Weekdays, CalendarChoice::UsEquity);
        let mut guesses = vec![(&weekdays, own), (&us_equity, own)];
        if is_utc && self.clock.timeframe < DAY {
            guesses.push((&us_equity, &new_york));
        }
        let searched = guesses.into_iter().filter_map(|(choice, zone)| {
            let calendar = Calendar::of(choice).ok()?;
            let days = Days {
                zone,
                calendar: &calendar,
                ..Days::new(&self.clock, &calendar, self.settings)
            };
            // Of a market that never closes, no weekend is a gap by any calendar.
            let is_closed = |(time, _): &&(i64, usize)| !calendar.is_open(days.of(*time));
            if self.kept.iter().filter(is_closed).count() * FEW_CLOSED > self.kept.len() {
                return None;
            }
            let (mut search, _) = self.gaps_by(&days);
            let count = search.count();
            let abroad = *choice == us_equity && is_utc && self.clock.timeframe < DAY;
            let fact = Fact::Calendar(calendar.word(), abroad);
            search.add(f64::MAX, first.1, Some(first.0), fact);
            Some((count, search))
        });
        let (count, search) = searched.min_by_key(|(count, _)| *count)?;
        (2 * count < gaps).then_some(search)
    }

    /// A last bar that is older than it should be.
    pub(super) fn stale(&mut self) {
        let mut search = self.search(Check::Stale);
        let Some(&(time, row)) = self.kept.last().filter(|_| search.is_wanted()) else { return };
        let days = Days::new(&self.clock, self.calendar, self.settings);
        // The first opening time of which a bar would not be complete by now.
        let now = self.settings.now - self.settings.delay + 1;
        let until = if self.clock.timeframe >= DAY { now } else { now - self.clock.timeframe };
        let missing = if until > time { days.missing(time, until) } else { 0 };
        if missing >= STALE_BARS {
            let fact = Fact::Old(missing, self.clock.close(time));
            search.add(missing as f64, row, Some(time), fact);
        }
        self.found(search, "kept");
    }
}

fn date(day: i32) -> NaiveDate {
    NaiveDate::from_epoch_days(day).unwrap_or_default()
}

/// The days of some bars, and how many bars they should have.
struct Days<'a> {
    zone: &'a Zone,
    timeframe: i64,
    calendar: &'a Calendar,
    settings: &'a DataSettings,
}

impl<'a> Days<'a> {
    fn new(clock: &'a Clock, calendar: &'a Calendar, settings: &'a DataSettings) -> Self {
        Self { zone: &clock.zone, timeframe: clock.timeframe, calendar, settings }
    }

    fn of(&self, time: i64) -> i32 {
        self.zone.local(time).div_euclid(DAY) as i32
    }

    /// Whether no bar should lie on `day`.
    fn is_wrong(&self, day: i32) -> bool {
        // A week of currencies opens on Sunday evening.
        let is_strict = self.timeframe == DAY || self.calendar.session(day + 1).is_some();
        let has_hours = (-7..=7).any(|near| self.calendar.session(day + near).is_some());
        self.timeframe <= DAY && (is_strict || has_hours) && !self.calendar.is_open(day)
    }

    /// How many bars are missing between two that open at `before` and `after`.
    fn missing(&self, before: i64, after: i64) -> i64 {
        if after - before == self.timeframe {
            return 0;
        }
        let local = |time: i64| self.zone.local(time);
        if self.timeframe > DAY {
            let steps = (local(after) - local(before)) as f64 / self.timeframe as f64;
            return (steps.round() as i64 - 1).max(0);
        }
        let (first, last) = (self.of(before), self.of(after));
        let between = || first + 1..last;
        let open_between = || between().filter(|day| self.calendar.is_open(*day));
        if self.timeframe == DAY {
            return open_between().count() as i64;
        }
        let hours = self.settings.hours;
        let has_hours =
            hours.is_some() || (first..=last).any(|day| self.calendar.session(day).is_some());
        if has_hours {
            return self.missing_in_sessions(before, after);
        }
        let is_weekend = (first..=last).any(|day| !self.calendar.is_open(day));
        match is_weekend {
            // The evening before and the evening after belong to it; whole days do not.
            true => open_between().count() as i64 * (DAY / self.timeframe),
            false => ((after - before) / self.timeframe - 1).max(0),
        }
    }

    /// The same where days open and close.
    fn missing_in_sessions(&self, before: i64, after: i64) -> i64 {
        let (first, last) = (self.of(before), self.of(after));
        let session = |day: i32| -> Option<(i64, i64)> {
            if !self.calendar.is_open(day) {
                return None;
            }
            let (mut open, mut close) = self.calendar.session(day).unwrap_or((0, DAY));
            match self.settings.hours {
                Some(hours) if hours.from < hours.to => {
                    open = open.max(hours.from);
                    close = close.min(hours.to);
                }
                // Over midnight every part of a day is somebody's night: nothing is expected.
                Some(_) => return None,
                None => {}
            }
            let at = |time: i64| self.zone.instant(i64::from(day) * DAY + time);
            (open < close).then(|| (at(open), at(close)))
        };
        let bars = |span: i64| if span > 0 { (span - 1) / self.timeframe } else { 0 };
        if first == last {
            let Some((open, close)) = session(first) else { return 0 };
            let span = after.min(close) - before.max(open);
            return bars(span);
        }
        let rest = session(first).map_or(0, |(_, close)| bars(close - before));
        let begun = session(last).map_or(0, |(open, _)| (after - open).max(0) / self.timeframe);
        let whole =
            |(open, close): (i64, i64)| (close - open + self.timeframe - 1) / self.timeframe;
        let days = first + 1..last;
        rest + begun + days.filter_map(session).map(whole).sum::<i64>()
    }
}
