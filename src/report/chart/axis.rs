//! Where values lie in a drawing: a mapping, and round ticks for values and for days.

use crate::report::context::Unit;
use crate::report::format;
use chrono::{Datelike, NaiveDate};

/// A straight mapping from values to the drawing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Scale {
    pub(super) fn at(self, value: f64) -> f64 {
        // Halved before they are subtracted: the range itself may not be finite.
        let share = (value / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.5 };
        self.from + share * (self.to - self.from)
    }
}

/// Round values that enclose what is to be drawn.
pub(super) struct Axis {
    /// At least two, ascending, evenly spaced.
    pub(super) ticks: Vec<f64>,
    /// Their distance: 1, 2 or 5 times a power of ten.
    step: f64,
}

impl Axis {
    /// An axis around `values` with about `intervals` intervals; around 0 to 1 without a value.
    pub(super) fn around(values: impl Iterator<Item = f64>, intervals: usize) -> Self {
        // Beyond this a step times a count might overflow; no account comes near it.
        let values: Vec<f64> = values
            .filter(|value| value.is_finite())
            .map(|value| value.clamp(-1e300, 1e300))
            .collect();
        let (mut low, mut high) = (least(&values), greatest(&values));
        if values.is_empty() {
            (low, high) = (0.0, 1.0);
        }
        // A flat line gets room on both sides; so does a range that its own size swallows.
        let size = low.abs().max(high.abs());
        if high - low <= size * 1e-9 {
            let room = if size > 0.0 { size * 0.05 } else { 1.0 };
            (low, high) = (low - room, high + room);
        }
        let step = round_step((high - low) / intervals.max(1) as f64);
        let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
        Self {
            ticks: (first..=last.max(first + 1)).map(|count| count as f64 * step).collect(),
            step,
        }
    }

    pub(super) fn low(&self) -> f64 {
        self.ticks[0]
    }

    pub(super) fn high(&self) -> f64 {
        self.ticks[self.ticks.len() - 1]
    }

    pub(super) fn scale(&self, from: f64, to: f64) -> Scale {
        Scale { low: self.low(), high: self.high(), from, to }
    }

    /// The ticks that a value of `unit` can have: there is no half of a thing.
    pub(super) fn marks(&self, unit: Unit) -> impl Iterator<Item = f64> {
        let ticks = self.ticks.iter().copied();
        ticks.filter(move |tick| unit != Unit::Count || tick.fract() == 0.0)
    }

    /// A tick with as many decimals as the step needs; large ones in thousands or millions.
    pub(super) fn label(&self, tick: f64, unit: Unit) -> String {
        let (by, suffix) = match (unit, self.low().abs().max(self.high())) {
            (Unit::Money, _) if tick == 0.0 => return "0".to_owned(),
            (Unit::Count, _) if tick.fract() == 0.0 => return format::decimal(tick, 0),
            (Unit::Fraction, _) => (0.01, " %"),
            (Unit::Days, _) => (1.0, " d"),
            (Unit::Money, large) if large >= 2e6 => (1e6, "M"),
            (Unit::Money, large) if large >= 2e4 => (1e3, "k"),
            _ => (1.0, ""),
        };
        // The step is a hair off its power of ten: 0.1 * 3 / 0.01 must not ask for a decimal.
        let decimals = -format::exponent(self.step / by * (1.0 + 1e-9));
        format::decimal(tick / by, decimals.clamp(0, 9) as usize) + suffix
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that is at least `least`.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powi(format::exponent(least));
    let rounds = [1.0, 2.0, 5.0].into_iter().map(|digit| digit * power);
    rounds.into_iter().find(|step| *step >= least * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// First days of years, quarters, months, or days between two times, at most about eight of them.
pub(super) fn date_ticks(start: i64, end: i64) -> Vec<(i64, String)> {
    let (Some(first), Some(last)) = (format::moment(Some(start)), format::moment(Some(end))) else {
        return Vec::new();
    };
    let (first, last) = (first.date(), last.date());
    let days = (last - first).num_days();
    let micros = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros();
    let months = match days {
        ..60 => 0,
        60..240 => 1,
        240..730 => 3,
        // Whole years; as many together as keeps eight ticks.
        _ => 12 * round_step((days as f64 / 365.25 / 8.0).max(1.0)) as i32,
    };
    let form = if months == 0 {
        "%Y-%m-%d"
    } else if months < 12 {
        "%Y-%m"
    } else {
        "%Y"
    };
    let mut ticks = Vec::new();
    if months == 0 {
        let step = (days / 6).max(1) as usize;
        ticks.extend(first.iter_days().take_while(|day| *day <= last).step_by(step));
    } else {
        let count = first.year() * 12 + first.month0() as i32;
        let mut month = count.div_euclid(months) * months;
        while let Some(day) =
            NaiveDate::from_ymd_opt(month.div_euclid(12), month.rem_euclid(12) as u32 + 1, 1)
            && day <= last
        {
            ticks.extend((day >= first).then_some(day));
            month += months;
        }
    }
    ticks
        .into_iter()
        .map(|day| (micros(day).max(start), day.format(form).to_string()))
        .filter(|(micros, _)| *micros <= end)
        .collect()
}

pub(super) fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

pub(super) fn greatest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;

    #[test]
    fn ticks_are_round_and_enclose_the_values() {
        let axis = Axis::around([9_870.0, 23_410.0].into_iter(), 4);
        assert_eq!(axis.ticks, [5_000.0, 10_000.0, 15_000.0, 20_000.0, 25_000.0]);
        assert_eq!(axis.label(15_000.0, Unit::Money), "15k");
        let axis = Axis::around([0.0, 0.234].into_iter(), 3);
        let labels: Vec<String> =
            axis.ticks.iter().map(|t| axis.label(*t, Unit::Fraction)).collect();
        assert_eq!(labels, ["0 %", "10 %", "20 %", "30 %"]);
    }

    #[test]
    fn ticks_exist_for_flat_tiny_and_enormous_ranges() {
        for (low, high) in
            [(0.0, 0.0), (5.0, 5.0), (1e-12, 2e-12), (-1e308, 1e308), (1e9, 1e9 + 1e-9)]
        {
            let axis = Axis::around([low, high].into_iter(), 4);
            assert!((2..=14).contains(&axis.ticks.len()), "{low} to {high}: {:?}", axis.ticks);
            assert!(axis.ticks.iter().all(|tick| tick.is_finite()));
        }
    }

    #[test]
    fn date_ticks_are_first_days_and_few() {
        for days in [1, 5, 40, 100, 300, 700, 800, 3_000, 12_000, 40_000] {
            let ticks = date_ticks(10_000 * DAY, (10_000 + days) * DAY);
            assert!(!ticks.is_empty() && ticks.len() <= 10, "{days} days: {ticks:?}");
            assert!(ticks.is_sorted());
        }
        let years = date_ticks(12_650 * DAY, 15_765 * DAY);
        assert_eq!(years.first().map(|tick| tick.1.as_str()), Some("2006"));
    }
}
