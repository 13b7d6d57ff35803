//! Local time without a time zone database: what a zone's clocks did around the bars, as numbers.

use std::sync::Arc;

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

/// The offsets of a zone's local time from UTC, and the instants at which its clocks are put forward
/// or back.
///
/// It covers the bars and more than a year after them, so that it can also say when a bar closes that
/// the file does not hold yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Seconds that local time is ahead of UTC, each from its instant on; the first from ever.
    shifts: Arc<[(i64, i32)]>,
}

impl Default for Zone {
    fn default() -> Self {
        Self::utc()
    }
}

impl Zone {
    /// A zone whose local time is UTC.
    pub fn utc() -> Self {
        Self { shifts: [(i64::MIN, 0)].into() }
    }

    /// A zone with these offsets in seconds, each from its instant (microseconds) on, in order; the
    /// first also holds before its instant.
    pub fn new(mut shifts: Vec<(i64, i32)>) -> Self {
        if let Some((first, _)) = shifts.first_mut() {
            *first = i64::MIN;
            Self { shifts: shifts.into() }
        } else {
            Self::utc()
        }
    }

    /// Seconds that local time is ahead of UTC at `instant`.
    pub fn offset(&self, instant: i64) -> i32 {
        self.shifts[self.shift(instant)].1
    }

    /// Local wall-clock time of `instant`: microseconds since 1970-01-01T00:00:00 there.
    pub fn local(&self, instant: i64) -> i64 {
        instant + i64::from(self.offset(instant)) * SECOND
    }

    /// Local wall-clock time of each of `instants`, which ascend.
    pub fn locals<'a>(&'a self, instants: &'a [i64]) -> impl ExactSizeIterator<Item = i64> + 'a {
        let mut shift = instants.first().map_or(0, |first| self.shift(*first));
        instants.iter().map(move |instant| {
            while self.shifts.get(shift + 1).is_some_and(|(from, _)| from <= instant) {
                shift += 1;
            }
            instant + i64::from(self.shifts[shift].1) * SECOND
        })
    }

    /// The instants at which clocks show `local`, the earlier first: none in the hour that is skipped
    /// in spring, two in the hour that happens twice in autumn.
    pub fn instants(&self, local: i64) -> impl Iterator<Item = i64> + '_ {
        const DAY: i64 = super::DAY;
        let (first, last) = (self.shift(local - DAY), self.shift(local + DAY));
        (first..=last).filter_map(move |shift| {
            let instant = local - i64::from(self.shifts[shift].1) * SECOND;
            (self.shift(instant) == shift).then_some(instant)
        })
    }

    /// The first instant at which clocks show `local`, or, if they skip it, the one at which they
    /// do.
    pub fn instant(&self, local: i64) -> i64 {
        let skipped = || {
            let before = self.shift(local - super::DAY);
            let after = self.shifts[before + 1..].iter().map(|(from, _)| *from);
            after.into_iter().find(|from| self.local(*from) > local).unwrap_or(local)
        };
        self.instants(local).next().unwrap_or_else(skipped)
    }

    fn shift(&self, instant: i64) -> usize {
        self.shifts.partition_point(|(from, _)| *from <= instant).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600 * SECOND;

    /// A zone one hour ahead from 100 h on, and level again from 200 h on.
    fn summer() -> Zone {
        Zone::new(vec![(0, 0), (100 * HOUR, 3_600), (200 * HOUR, 0)])
    }

    #[test]
    fn local_time_is_ahead_in_summer() {
        let zone = summer();
        assert_eq!([99, 100, 199, 200].map(|h| zone.local(h * HOUR) / HOUR), [99, 101, 200, 200]);
        let instants = [99 * HOUR, 100 * HOUR, 201 * HOUR];
        assert_eq!(zone.locals(&instants).collect::<Vec<_>>(), [99 * HOUR, 101 * HOUR, 201 * HOUR]);
    }

    #[test]
    fn an_hour_happens_never_in_spring_and_twice_in_autumn() {
        let zone = summer();
        let instants =
            |hour: i64| zone.instants(hour * HOUR).map(|at| at / HOUR).collect::<Vec<_>>();
        assert_eq!(instants(99), [99]);
        assert_eq!(instants(100), [] as [i64; 0]);
        assert_eq!(instants(101), [100]);
        assert_eq!(instants(200), [199, 200]);
        assert_eq!(zone.instant(100 * HOUR + HOUR / 2), 100 * HOUR, "the clocks jump over it here");
        assert_eq!(zone.instant(200 * HOUR), 199 * HOUR);
    }
}
