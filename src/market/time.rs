//! Timestamps as files write them to microseconds since 1970, and the local time of each bar.

use crate::bars::{DAY, Zone};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;

/// A column of timestamps before the zone is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stamp {
    /// An instant: microseconds since 1970-01-01T00:00:00Z.
    Instant(i64),
    /// Wall-clock time of the data's zone, microseconds since 1970-01-01T00:00:00 there.
    Wall(i64),
    /// A day of the data's zone, as its midnight on the wall clock.
    Date(i64),
}

impl Stamp {
    /// Whether it lies between 1800 and 2200: another one was written in another unit or format.
    pub(super) fn is_plausible(&self) -> bool {
        const YEAR: i64 = 31_556_952_000_000;
        (-170 * YEAR..230 * YEAR).contains(&self.raw())
    }

    /// Its microseconds, whatever they count from.
    pub(super) fn raw(&self) -> i64 {
        match *self {
            Self::Instant(time) | Self::Wall(time) | Self::Date(time) => time,
        }
    }
}

/// Read one timestamp, written in `format` (guessed if `None`) or as a number of ticks of which there
/// are `per_second` (guessed from its size if `None`).
pub(super) fn read(text: &str, format: Option<&str>, per_second: Option<i64>) -> Option<Stamp> {
    let text = text.trim();
    if let Some(format) = format {
        return formatted(text, format);
    }
    // Eight digits are a date, unless a unit is told.
    match text.parse::<i64>() {
        Ok(ticks) if text.len() > 8 || per_second.is_some() => {
            return epoch(ticks, per_second).map(Stamp::Instant);
        }
        Ok(_) => {}
        Err(_) if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => {
            if let Ok(ticks) = text.parse() {
                return fractional_epoch(ticks, per_second).map(Stamp::Instant);
            }
        }
        Err(_) => {}
    }
    parse(text)
}

/// What stands in a column of times, behind its `day` if it is a time of day alone.
pub(super) fn joined(day: &str, time: &str) -> String {
    const FORMATS: [&str; 3] = ["%H:%M", "%H:%M:%S%.f", "%H%M%S"];
    let (day, time) = (day.trim(), time.trim());
    match FORMATS.iter().any(|format| NaiveTime::parse_from_str(time, format).is_ok()) {
        true => format!("{day} {time}"),
        false => time.to_owned(),
    }
}

/// Texts with the day before the month.
const DAY_FIRST: [&str; 3] = ["%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S"];

fn has_slashes(text: &str) -> bool {
    text.trim().as_bytes().get(2) == Some(&b'/')
}

/// Whether a text such as `12/31/2024` can only name the month before the day.
pub(super) fn is_month_first(text: &str) -> bool {
    let reads = |format: &&str| formatted(text.trim(), format).is_some();
    has_slashes(text) && !DAY_FIRST.iter().any(reads)
}

/// The format of texts such as `31/12/2024`, which name the day before the month: one of them has a
/// first number that is no month, and all of them can be read so.
pub(super) fn day_first<'a, I: Iterator<Item = &'a str>>(
    texts: impl Fn() -> I,
) -> Option<&'static str> {
    let no_month = |text: &str| has_slashes(text) && text.trim()[..2] > *"12";
    if !texts().next().is_some_and(has_slashes) || !texts().any(no_month) {
        return None;
    }
    let reads_all = |format: &&str| texts().all(|text| formatted(text.trim(), format).is_some());
    DAY_FIRST.into_iter().find(reads_all)
}

/// A timestamp in a format of `strftime`: with an offset, without one, or a date alone.
fn formatted(text: &str, format: &str) -> Option<Stamp> {
    if let Ok(instant) = DateTime::parse_from_str(text, format) {
        return Some(Stamp::Instant(instant.timestamp_micros()));
    }
    match NaiveDateTime::parse_from_str(text, format) {
        Ok(wall) => Some(Stamp::Wall(wall.and_utc().timestamp_micros())),
        Err(_) => NaiveDate::parse_from_str(text, format).ok().map(midnight),
    }
}

/// Read one timestamp, or `None` if it is none.
fn parse(text: &str) -> Option<Stamp> {
    if text.len() == 10
        && let Some(date) = date(text)
    {
        return Some(midnight(date));
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
    for format in [
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f %#z",
        "%Y-%m-%dT%H:%M%#z",
        "%Y-%m-%d %H:%M%#z",
    ] {
        if let Ok(instant) = DateTime::parse_from_str(text, format) {
            return Some(Stamp::Instant(instant.timestamp_micros()));
        }
    }
    for format in [
        "%Y-%m-%dT%H:%M:%S%.fZ",
        "%Y-%m-%d %H:%M:%S%.f UTC",
        "%Y-%m-%dT%H:%MZ",
        "%Y-%m-%d %H:%MZ",
        "%Y-%m-%d %H:%M UTC",
    ] {
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
        "%m/%d/%Y %I:%M:%S %p",
        "%m/%d/%Y %I:%M %p",
        "%d.%m.%Y %H:%M:%S%.f",
        "%d.%m.%Y %H:%M",
        "%Y.%m.%d %H:%M:%S%.f",
        "%Y.%m.%d %H:%M",
    ] {
        if let Ok(wall) = NaiveDateTime::parse_from_str(text, format) {
            return Some(Stamp::Wall(wall.and_utc().timestamp_micros()));
        }
    }
    for format in [
        "%Y/%m/%d",
        "%Y%m%d",
        "%m/%d/%Y",
        "%d.%m.%Y",
        "%Y.%m.%d",
        "%d-%b-%Y",
        "%d %b %Y",
        "%b %d, %Y",
    ] {
        if let Ok(date) = NaiveDate::parse_from_str(text, format) {
            return Some(midnight(date));
        }
    }
    None
}

fn midnight(date: NaiveDate) -> Stamp {
    Stamp::Date(date.and_time(NaiveTime::MIN).and_utc().timestamp_micros())
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

/// The same of a number of ticks with a fraction, to the microsecond that a float can tell.
pub(super) fn fractional_epoch(value: f64, per_second: Option<i64>) -> Option<i64> {
    let whole = value.is_finite().then_some(value as i64)?;
    let micros = epoch(whole, per_second)?;
    let scale = if whole == 0 { 1.0 } else { micros as f64 / whole as f64 };
    Some(micros + ((value - whole as f64) * scale).round() as i64)
}

/// What `zone` did to its clocks from a while before `from` to more than a year after `to`.
pub(super) fn zone(zone: Tz, from: i64, to: i64) -> Zone {
    let offset = |micros: i64| {
        let utc = DateTime::from_timestamp_micros(micros).unwrap_or_default().naive_utc();
        zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()
    };
    let (mut day, end) = (from.saturating_sub(3 * DAY), to.saturating_add(400 * DAY));
    let mut shifts = vec![(day, offset(day))];
    if zone == Tz::UTC {
        return Zone::new(shifts);
    }
    while day < end {
        let next = day + DAY;
        let (before, after) = (offset(day), offset(next));
        if before != after {
            let (mut low, mut high) = (day, next);
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if offset(middle) == before {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            shifts.push((high, after));
        }
        day = next;
    }
    Zone::new(shifts)
}

/// Instants of `stamps`, the local time of `tz`, and the rows whose time its clocks never showed.
///
/// A wall-clock time that happens twice is the first of the two that comes after the row before it. A
/// day that begins later, because its midnight is skipped, begins then.
pub(super) fn instants(stamps: &[Stamp], tz: Tz) -> (Vec<i64>, Zone, Vec<usize>) {
    let raw = stamps.iter().map(Stamp::raw);
    let (from, to) = raw.fold((i64::MAX, i64::MIN), |(from, to), at| (from.min(at), to.max(at)));
    let zone = if stamps.is_empty() { Zone::utc() } else { self::zone(tz, from, to) };
    let (mut before, mut skipped) = (i64::MIN, Vec::new());
    let mut instants = Vec::with_capacity(stamps.len());
    for (row, stamp) in stamps.iter().enumerate() {
        let instant = match *stamp {
            Stamp::Instant(instant) => instant,
            Stamp::Date(midnight) => zone.instant(midnight),
            Stamp::Wall(wall) => {
                let (mut first, mut later) = (None, None);
                for instant in zone.instants(wall) {
                    first = first.or(Some(instant));
                    later = later.or(Some(instant).filter(|instant| *instant > before));
                }
                if first.is_none() {
                    skipped.push(row);
                }
                later.or(first).unwrap_or_else(|| zone.instant(wall))
            }
        };
        before = instant;
        instants.push(instant);
    }
    (instants, zone, skipped)
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
            Some(Stamp::Wall(micros) | Stamp::Date(micros)) => micros,
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
        for text in [
            "10/22/2013",
            "22.10.2013",
            "22.10.2013 00:00:00.000",
            "10/22/2013 12:00 AM",
            "22-Oct-2013",
            "Oct 22, 2013",
        ] {
            assert_eq!(wall(text), day, "{text}");
        }
        for text in [
            "2013-10-22T02:00:00+02:00",
            "2013-10-22 00:00:00Z",
            "2013-10-22T00:00:00.000Z",
            "2013-10-22T00:00Z",
            "2013-10-22 02:00+0200",
        ] {
            assert_eq!(instant(text), day, "{text}");
        }
        assert_eq!(parse("never"), None);
        assert_eq!(parse("2013-13-01"), None);
    }

    #[test]
    fn a_time_of_day_stands_behind_its_day() {
        assert_eq!(joined("2024.01.02", "09:30"), "2024.01.02 09:30");
        assert_eq!(joined("20240102", "093000"), "20240102 093000");
        assert_eq!(joined("2024-01-02", "2024-01-02 09:30:00"), "2024-01-02 09:30:00");
        assert_eq!(joined("2024-01-02", "1704187800"), "1704187800");
        assert!(read("2024.01.02 09:30", None, None).is_some());
    }

    #[test]
    fn days_stand_before_months_where_they_can_be_nothing_else() {
        let format = |texts: &[&'static str]| day_first(|| texts.iter().copied());
        assert_eq!(format(&["01/02/2024", "13/02/2024"]), Some("%d/%m/%Y"));
        assert_eq!(format(&["01/02/2024 09:30", "31/12/2024 16:00"]), Some("%d/%m/%Y %H:%M"));
        assert_eq!(format(&["01/02/2024", "02/01/2024"]), None, "either may be meant");
        assert_eq!(format(&["12/31/2024", "13/01/2024"]), None, "neither can be");
        assert_eq!(format(&["2024-01-02"]), None);
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
        let new_york = chrono_tz::America::New_York;
        let read = |texts: &[&str]| {
            let walls: Vec<Stamp> = texts.iter().map(|text| parse(text).unwrap()).collect();
            let (instants, zone, skipped) = instants(&walls, new_york);
            let text = |micros: i64| DateTime::from_timestamp_micros(micros).unwrap().to_rfc3339();
            let texts: Vec<String> = instants.iter().map(|at| text(*at)[..16].to_owned()).collect();
            (texts, zone, skipped)
        };
        let (texts, zone, _) = read(&["2024-11-02", "2024-11-03", "2024-11-04"]);
        assert_eq!(texts, ["2024-11-02T04:00", "2024-11-03T04:00", "2024-11-04T05:00"]);
        assert_eq!(zone.offset(1_710_054_000_000_000 + 1_000_000), -14_400);
        let night = ["00:30", "01:00", "01:30", "01:00", "01:30", "02:00"];
        let night = night.map(|time| format!("2024-11-03T{time}:00"));
        let (texts, _, skipped) = read(&night.each_ref().map(String::as_str));
        let hours: Vec<&str> = texts.iter().map(|text| &text[11..]).collect();
        assert_eq!(hours, ["04:30", "05:00", "05:30", "06:00", "06:30", "07:00"]);
        assert!(skipped.is_empty());
        let (_, _, skipped) = read(&["2024-03-10T01:30:00", "2024-03-10T02:30:00"]);
        assert_eq!(skipped, [1]);
    }
}
