//! Timestamps as files write them to microseconds since 1970, and the local time of each bar.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

/// A column of timestamps before the zone is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stamp {
    /// An instant: microseconds since 1970-01-01T00:00:00Z.
    Instant(i64),
    /// Wall-clock time of the data's zone, microseconds since 1970-01-01T00:00:00 there.
    Wall(i64),
}

/// Read one timestamp, or `None` if it is none.
pub(super) fn parse(text: &str) -> Option<Stamp> {
    let text = text.trim();
    if text.len() == 10
        && let Some(date) = date(text)
    {
        return Some(Stamp::Wall(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros()));
    }
    let split = text.get(..19).filter(|_| text.is_char_boundary(19));
    if let Some(head) = split
        && let Some(day) = date(&head[..10])
        && matches!(text.as_bytes()[10], b'T' | b't' | b' ')
    {
        let number = |range: std::ops::Range<usize>| head[range].parse::<u32>().ok();
        let shaped = head.as_bytes()[13] == b':' && head.as_bytes()[16] == b':';
        if shaped
            && let (Some(h), Some(m), Some(s)) = (number(11..13), number(14..16), number(17..19))
            && let Some(wall) = day.and_hms_opt(h, m, s)
        {
            let micros = wall.and_utc().timestamp_micros();
            match &text[19..] {
                "" => return Some(Stamp::Wall(micros)),
                "Z" | "z" | "+00:00" | " UTC" => return Some(Stamp::Instant(micros)),
                _ => {}
            }
        }
    }
    rare(text)
}

fn date(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    NaiveDate::from_ymd_opt(
        text[..4].parse().ok()?,
        text[5..7].parse().ok()?,
        text[8..].parse().ok()?,
    )
}

/// Spellings that are slow to read and seldom met.
fn rare(text: &str) -> Option<Stamp> {
    for format in ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z"]
    {
        if let Ok(instant) = DateTime::parse_from_str(text, format) {
            return Some(Stamp::Instant(instant.timestamp_micros()));
        }
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%d %H:%M:%S%.f UTC"] {
        if let Ok(wall) = NaiveDateTime::parse_from_str(text, format) {
            return Some(Stamp::Instant(wall.and_utc().timestamp_micros()));
        }
    }
    for format in [
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
        "%Y%m%d %H%M%S",
        "%Y%m%d %H:%M:%S",
        "%m/%d/%Y %H:%M:%S",
        "%m/%d/%Y %H:%M",
    ] {
        if let Ok(wall) = NaiveDateTime::parse_from_str(text, format) {
            return Some(Stamp::Wall(wall.and_utc().timestamp_micros()));
        }
    }
    for format in ["%Y/%m/%d", "%Y%m%d", "%m/%d/%Y"] {
        if let Ok(date) = NaiveDate::parse_from_str(text, format) {
            return Some(Stamp::Wall(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros()));
        }
    }
    None
}

/// Microseconds of `value` in a unit of `per_second` ticks; guessed from its size if `None`: the
/// years from 1973 on have 9 or 10 digits in seconds, and three more in each finer unit.
pub(super) fn epoch(value: i64, per_second: Option<i64>) -> Option<i64> {
    let per_second = per_second.unwrap_or(match value.unsigned_abs() {
        0..100_000_000_000 => 1,
        100_000_000_000..100_000_000_000_000 => 1_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000_000,
        _ => 1_000_000_000,
    });
    match per_second {
        1_000_000_000 => Some(value.div_euclid(1_000)),
        _ => value.checked_mul(1_000_000 / per_second),
    }
}

/// Instants of `stamps` in `zone`, and the zone's offset from row to row.
///
/// A wall-clock time that happens twice is the first of the two; one that never happens (the hour
/// that is skipped in spring) is counted from the offset before it.
pub(super) fn instants(stamps: &[Stamp], zone: Tz) -> (Vec<i64>, Vec<(usize, i32)>) {
    let mut offsets = Offsets { zone, from: i64::MAX, until: i64::MIN, seconds: 0 };
    let mut segments: Vec<(usize, i32)> = Vec::new();
    let instants = stamps.iter().enumerate().map(|(row, stamp)| {
        let instant = match *stamp {
            Stamp::Instant(instant) => instant,
            Stamp::Wall(wall) => offsets.instant_of(wall),
        };
        let seconds = offsets.at(instant);
        if segments.last().is_none_or(|(_, last)| *last != seconds) {
            segments.push((row, seconds));
        }
        instant
    });
    let instants = instants.collect();
    if segments.is_empty() {
        segments.push((0, 0));
    }
    (instants, segments)
}

/// The zone's offset, asked of the database once a day of the data at most.
struct Offsets {
    zone: Tz,
    from: i64,
    until: i64,
    seconds: i32,
}

const HOUR: i64 = 3_600_000_000;

impl Offsets {
    fn at(&mut self, instant: i64) -> i32 {
        if instant < self.from || instant >= self.until {
            let hour = instant.div_euclid(HOUR) * HOUR;
            let lookup = |micros: i64| {
                let utc = DateTime::from_timestamp_micros(micros).unwrap_or_default().naive_utc();
                self.zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()
            };
            // Offsets change on quarter hours at the finest; where a day has no change, it is one span.
            let (seconds, tomorrow) = (lookup(instant), lookup(hour + 24 * HOUR));
            let same = seconds == tomorrow && seconds == lookup(hour + 12 * HOUR);
            let quarter = instant.div_euclid(HOUR / 4) * (HOUR / 4);
            (self.from, self.until) =
                if same { (instant, hour + 24 * HOUR) } else { (quarter, quarter + HOUR / 4) };
            self.seconds = seconds;
        }
        self.seconds
    }

    fn instant_of(&mut self, wall: i64) -> i64 {
        let seconds = |seconds: i32| i64::from(seconds) * 1_000_000;
        // The span that was used last almost always holds the next wall-clock time as well.
        let near = wall - seconds(self.seconds);
        if near >= self.from && near < self.until {
            return near;
        }
        let naive = DateTime::from_timestamp_micros(wall).unwrap_or_default().naive_utc();
        match self.zone.offset_from_local_datetime(&naive).earliest() {
            Some(offset) => wall - seconds(offset.fix().local_minus_utc()),
            None => {
                let before = self.at(wall - 24 * HOUR);
                wall - seconds(before)
            }
        }
    }
}

/// The length of bars that open at `walls`, in the same unit: the median step, `None` for one bar.
pub fn timeframe(walls: &[i64]) -> Option<i64> {
    let mut steps: Vec<i64> =
        walls.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step > 0).collect();
    if steps.is_empty() {
        return None;
    }
    let middle = steps.len() / 2;
    Some(*steps.select_nth_unstable(middle).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_read_in_the_spellings_that_files_use() {
        let wall = |text: &str| match parse(text) {
            Some(Stamp::Wall(micros)) => micros,
            other => panic!("{text}: {other:?}"),
        };
        let instant = |text: &str| match parse(text) {
            Some(Stamp::Instant(micros)) => micros,
            other => panic!("{text}: {other:?}"),
        };
        let day = 16_000 * 86_400_000_000_i64;
        for text in
            ["2013-10-22", "20131022", "2013/10/22", "2013-10-22T00:00:00", "2013-10-22 00:00"]
        {
            assert_eq!(wall(text), day, "{text}");
        }
        for text in
            ["2013-10-22T02:00:00+02:00", "2013-10-22 00:00:00Z", "2013-10-22T00:00:00.000Z"]
        {
            assert_eq!(instant(text), day, "{text}");
        }
        assert_eq!(parse("never"), None);
        assert_eq!(parse("2013-13-01"), None);
    }

    #[test]
    fn numbers_are_told_apart_by_their_size() {
        for value in
            [1_382_400_000, 1_382_400_000_000, 1_382_400_000_000_000, 1_382_400_000_000_000_000]
        {
            assert_eq!(epoch(value, None), Some(1_382_400_000_000_000));
        }
        assert_eq!(epoch(5, Some(1_000)), Some(5_000));
    }

    #[test]
    fn local_time_knows_summer_and_winter() {
        let zone = chrono_tz::America::New_York;
        let walls: Vec<Stamp> = ["2024-11-02", "2024-11-03", "2024-11-04", "2024-03-10T02:30:00"]
            .iter()
            .map(|text| parse(text).unwrap())
            .collect();
        let (instants, offsets) = instants(&walls, zone);
        let text = |micros: i64| DateTime::from_timestamp_micros(micros).unwrap().to_rfc3339();
        assert_eq!(text(instants[0]), "2024-11-02T04:00:00+00:00");
        assert_eq!(text(instants[2]), "2024-11-04T05:00:00+00:00");
        assert_eq!(text(instants[3]), "2024-03-10T07:30:00+00:00");
        assert_eq!(offsets, [(0, -14_400), (2, -18_000), (3, -14_400)]);
    }
}
