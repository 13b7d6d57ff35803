//! Numbers and text as a reader meets them: the filters of the templates, as plain functions.
//!
//! Whatever has no value (`None`, or a number that is not finite) is a dash. A column of numbers
//! shares its [`digits`], so that the decimal points of a table stand under each other.

use chrono::{DateTime, NaiveDateTime, Timelike};

use super::context::Unit;

/// What stands for a value that is not there.
pub const DASH: &str = "–";

/// From here on a number is written with an exponent: digits beyond are not known to be right.
const EXPONENT_FROM: f64 = 1e15;

/// Decimals that suit `values` when they stand together: about three digits of the largest.
///
/// What is not finite is ignored.
pub fn digits(unit: Unit, values: &[f64]) -> usize {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let largest = finite().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let whole = finite().all(|value| value.fract() == 0.0);
    match unit {
        Unit::Fraction => match largest * 100.0 {
            shown if shown >= 1_000.0 => 0,
            shown if shown >= 10.0 || shown == 0.0 => 1,
            shown if shown >= 0.1 => 2,
            _ => 3,
        },
        Unit::Ratio if largest > 0.0 && largest < 0.1 => 3,
        Unit::Ratio => 2,
        Unit::Money if largest >= 10_000.0 => 0,
        Unit::Money => 2,
        Unit::Count => usize::from(!whole && largest < 1_000.0),
        Unit::Days if whole || largest >= 100.0 => 0,
        Unit::Days if largest >= 10.0 => 1,
        Unit::Days => 2,
    }
}

/// A metric's value in its unit: `12.3 %`, `1.42`, `12,345`, `1,204`, `123 d`.
///
/// Without `decimals` the value is a column of its own.
pub fn metric(value: Option<f64>, unit: Unit, decimals: Option<usize>) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else { return DASH.to_owned() };
    let decimals = decimals.unwrap_or_else(|| digits(unit, &[value]));
    let (shown, suffix) = match unit {
        Unit::Fraction => (value * 100.0, " %"),
        Unit::Days => (value, " d"),
        Unit::Ratio | Unit::Money | Unit::Count => (value, ""),
    };
    // The percentage of a finite fraction may itself not be finite.
    if shown.is_finite() { decimal(shown, decimals) + suffix } else { DASH.to_owned() }
}

/// A plain number, such as one of units: six significant digits or more, no trailing zeros.
pub fn number(value: Option<f64>) -> String {
    trimmed(value, 0)
}

/// A price: six significant digits or more, no trailing zeros beyond two decimals.
pub fn price(value: Option<f64>) -> String {
    trimmed(value, 2)
}

/// Six significant digits or more, without the zeros that end them, but with `least` decimals.
fn trimmed(value: Option<f64>, least: usize) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else { return DASH.to_owned() };
    // 1 has 5 decimals, 10 has 4, 0.1 has 6: the number of digits stays the same.
    let decimals = (5 - exponent(value)).clamp(2, 12) as usize;
    let mut text = decimal(value, decimals);
    let Some(point) = text.find('.').filter(|_| !text.contains('e')) else { return text };
    let digits = text.trim_end_matches('0').len().max(point + 1 + least);
    text.truncate(if digits == point + 1 { point } else { digits });
    text
}

/// A length of wall-clock time: `0.42 s`, `12 s`, `3 min 05 s`, `2 h 07 min`.
pub fn seconds(value: Option<f64>) -> String {
    let Some(value) = value.filter(|value| value.is_finite() && *value >= 0.0) else {
        return DASH.to_owned();
    };
    let whole = value.round() as u64;
    match whole {
        0..10 => format!("{value:.2} s"),
        10..60 => format!("{whole} s"),
        60..3_600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3_600, whole / 60 % 60),
    }
}

/// The day of a time in microseconds: `2013-03-01`.
pub fn date(micros: Option<i64>) -> String {
    moment(micros).map_or_else(|| DASH.to_owned(), |time| time.format("%Y-%m-%d").to_string())
}

/// A time in microseconds: the day alone at midnight, else with hours and minutes.
pub fn time(micros: Option<i64>) -> String {
    match moment(micros) {
        Some(time) if time.num_seconds_from_midnight() > 0 => {
            time.format("%Y-%m-%d %H:%M").to_string()
        }
        _ => date(micros),
    }
}

/// The course of `values` as at most `width` block characters; empty when none is finite.
///
/// The first and the last value are among those shown, and between them of each stretch the value
/// that is furthest from the mean: so the extremes are, unless one stretch has both.
pub fn sparkline(values: &[f64], width: usize) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let Some(last) = finite.len().checked_sub(1) else { return String::new() };
    let low = finite.iter().copied().fold(f64::INFINITY, f64::min);
    let high = finite.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mean: f64 = finite.iter().map(|value| value / finite.len() as f64).sum();
    let count = finite.len().min(width.max(1));
    (0..count)
        .map(|place| {
            let value = match place {
                0 => finite[0],
                _ if place == count - 1 => finite[last],
                _ => {
                    let stretch = place * finite.len() / count..(place + 1) * finite.len() / count;
                    let far = |value: f64| (value / 2.0 - mean / 2.0).abs();
                    let furthest = |a: f64, b: f64| if far(b) > far(a) { b } else { a };
                    finite[stretch].iter().copied().fold(mean, furthest)
                }
            };
            // Halved before they are subtracted: the range itself may not be finite.
            let share = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
            if share.is_nan() { BLOCKS[3] } else { BLOCKS[((share * 8.0) as usize).min(7)] }
        })
        .collect()
}

/// Text as Markdown that shows exactly this text, on one line, also inside a table.
pub fn markdown(text: &str) -> String {
    let text = one_line(text);
    let mut escaped = String::with_capacity(text.len() + 8);
    for (index, c) in text.char_indices() {
        let (before, after) = (text[..index].trim_start(), &text[index + c.len_utf8()..]);
        // What begins a list, a rule or a heading does so only at the start of a line.
        let leads = match c {
            '-' | '+' | '=' => before.is_empty(),
            '.' | ')' => {
                let numbered = !before.is_empty() && before.bytes().all(|b| b.is_ascii_digit());
                numbered && (after.is_empty() || after.starts_with(' '))
            }
            _ => false,
        };
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // A backslash before a bar means different things to different readers of tables.
            '|' => escaped.push_str("&#124;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            _ if leads => {
                escaped.push('\\');
                escaped.push(c);
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// A name as a Markdown code span; escaped text where a code span could end early or be cut.
pub fn code(text: &str) -> String {
    let text = one_line(text).trim().to_owned();
    if text.is_empty() || text.contains(['`', '|', '\\']) {
        markdown(&text)
    } else {
        format!("`{text}`")
    }
}

/// Lines as a fenced block of Markdown, behind a fence that none of them ends.
pub fn block(text: &str, language: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", text.trim_end())
}

/// Text for the inside of an HTML or SVG element or of a quoted attribute.
pub fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// `value` with thousands separators and a true minus sign; zero has no sign.
pub fn decimal(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return DASH.to_owned();
    }
    let sign = |text: &str| {
        if value < 0.0 && text.contains(|c| matches!(c, '1'..='9')) { "−" } else { "" }
    };
    if value.abs() >= EXPONENT_FROM {
        let text = format!("{:.2e}", value.abs());
        return format!("{}{text}", sign(&text));
    }
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::with_capacity(text.len() + text.len() / 3 + 3);
    grouped.push_str(sign(&text));
    for (index, digit) in whole.char_indices() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + fraction
}

/// The power of ten of the first digit: 0 for 1 to 9.99, 0 for zero.
pub(super) fn exponent(value: f64) -> i32 {
    let text = format!("{value:e}");
    text.rsplit('e').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// The moment of a time in microseconds; `None` outside the calendar.
pub(super) fn moment(micros: Option<i64>) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros?).map(|time| time.naive_utc())
}

/// Every run of white space and control characters as one space.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if !(c.is_control() || c.is_whitespace()) {
            line.push(c);
        } else if !line.ends_with(' ') {
            line.push(' ');
        }
    }
    line
}

/// The class of a cell of a heat map: how large `value` is beside the `largest`, and its direction.
pub fn heat(value: Option<f64>, largest: f64) -> &'static str {
    let share = value.unwrap_or(0.0) / largest;
    match share.abs() {
        share if share.is_nan() || share < 0.02 => "",
        share if share < 0.2 => ["up1", "down1"][usize::from(value < Some(0.0))],
        share if share < 0.55 => ["up2", "down2"][usize::from(value < Some(0.0))],
        _ => ["up3", "down3"][usize::from(value < Some(0.0))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_written_in_its_own_way() {
        assert_eq!(metric(Some(0.123), Unit::Fraction, None), "12.3 %");
        assert_eq!(metric(Some(-0.0042), Unit::Fraction, None), "−0.42 %");
        assert_eq!(metric(Some(12.345), Unit::Fraction, None), "1,234 %");
        assert_eq!(metric(Some(1.4249), Unit::Ratio, None), "1.42");
        assert_eq!(metric(Some(0.0424), Unit::Ratio, None), "0.042");
        assert_eq!(metric(Some(1_234_567.8), Unit::Money, None), "1,234,568");
        assert_eq!(metric(Some(-234.5), Unit::Money, None), "−234.50");
        assert_eq!(metric(Some(1_204.0), Unit::Count, None), "1,204");
        assert_eq!(metric(Some(12.4), Unit::Count, None), "12.4");
        assert_eq!(metric(Some(123.0), Unit::Days, None), "123 d");
        assert_eq!(metric(Some(2.5), Unit::Days, None), "2.50 d");
    }

    #[test]
    fn a_value_that_is_not_there_is_a_dash() {
        for value in [None, Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY)] {
            for unit in [Unit::Fraction, Unit::Ratio, Unit::Money, Unit::Count, Unit::Days] {
                assert_eq!(metric(value, unit, None), DASH);
            }
            assert_eq!(number(value), DASH);
            assert_eq!(seconds(value), DASH);
        }
        assert_eq!(date(None), DASH);
        assert_eq!(time(Some(i64::MAX)), DASH);
        assert_eq!(metric(Some(f64::MAX), Unit::Fraction, None), DASH);
    }

    #[test]
    fn zero_has_no_sign_and_enormous_numbers_stay_short() {
        assert_eq!(decimal(-0.0, 1), "0.0");
        assert_eq!(decimal(-0.001, 2), "0.00");
        assert_eq!(decimal(-1e300, 2), "−1.00e300");
        assert_eq!(decimal(999.999, 2), "1,000.00");
    }

    #[test]
    fn a_column_shares_its_decimals() {
        let column = [0.004, 1.25, f64::NAN];
        let decimals = digits(Unit::Fraction, &column);
        assert_eq!(metric(Some(0.004), Unit::Fraction, Some(decimals)), "0.4 %");
        assert_eq!(metric(Some(1.25), Unit::Fraction, Some(decimals)), "125.0 %");
    }

    #[test]
    fn prices_keep_their_digits() {
        assert_eq!(number(Some(100.0)), "100");
        assert_eq!(number(Some(0.000_012_345_6)), "0.0000123456");
        assert_eq!(number(Some(45_123.5)), "45,123.5");
        assert_eq!(number(Some(0.0)), "0");
        assert_eq!(price(Some(132.8)), "132.80");
        assert_eq!(price(Some(100.0)), "100.00");
        assert_eq!(price(Some(1.084_25)), "1.08425");
        assert_eq!(price(Some(2e15)), "2.00e15");
    }

    #[test]
    fn times_show_hours_only_where_there_are_any() {
        let day = 1_362_096_000_000_000;
        assert_eq!(date(Some(day)), "2013-03-01");
        assert_eq!(time(Some(day)), "2013-03-01");
        assert_eq!(time(Some(day + 52_200_000_000)), "2013-03-01 14:30");
        assert_eq!(seconds(Some(0.4217)), "0.42 s");
        assert_eq!(seconds(Some(185.0)), "3 min 05 s");
        assert_eq!(seconds(Some(7_620.0)), "2 h 07 min");
    }

    #[test]
    fn a_sparkline_shows_both_ends_and_nothing_of_nothing() {
        assert_eq!(sparkline(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 8), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[5.0, 5.0], 8), "▄▄");
        assert_eq!(sparkline(&[f64::NAN], 8), "");
        let falling: Vec<f64> = (0..1_000).map(|day| -f64::from(day)).collect();
        let line = sparkline(&falling, 20);
        assert_eq!(line.chars().count(), 20);
        assert!(line.starts_with('█') && line.ends_with('▁'));
        let crash: Vec<f64> = (0..1_000).map(|day| if day == 477 { 0.0 } else { 9.0 }).collect();
        assert_eq!(sparkline(&crash, 10), "████▁█████");
    }

    #[test]
    fn text_cannot_become_markdown() {
        assert_eq!(markdown("<b>&"), "&lt;b&gt;&amp;");
        assert_eq!(markdown("a|b\r\n# c"), "a&#124;b \\# c");
        assert_eq!(markdown("1. one"), "1\\. one");
        assert_eq!(markdown("2013.5 is no list"), "2013.5 is no list");
        assert_eq!(markdown("    - no code"), " \\- no code");
        assert_eq!(markdown("- x"), "\\- x");
        assert_eq!(markdown("a - b"), "a - b");
        assert_eq!(markdown("![i](x) `c` *e* _u_"), "\\!\\[i\\](x) \\`c\\` \\*e\\* \\_u\\_");
        assert_eq!(code("goog-sma[fast=10]"), "`goog-sma[fast=10]`");
        assert_eq!(code("a`b|c"), "a\\`b&#124;c");
    }
}
