//! The table of functions, and the few kernels that are a line each.
//!
//! Kernels with a history of their own live in [`super::indicators`]; what stands here is arithmetic
//! a row at a time, logic over rows, and the calendar.

use super::check::Type;
use super::column::{Call, Column, crossing};
use super::function::{Arg, ArgKind, Function, WarmUp};
use super::registry;
use crate::bars::DAY;

pub(super) const X: Arg = Arg { name: "x", kind: ArgKind::Series, default: None };
pub(super) const A: Arg = Arg { name: "a", kind: ArgKind::Series, default: None };
pub(super) const B: Arg = Arg { name: "b", kind: ArgKind::Series, default: None };
const CONDITION: Arg = Arg { name: "condition", kind: ArgKind::Flag, default: None };

/// It has a value wherever its arguments have one.
pub(super) const NONE: WarmUp = WarmUp::Bars(&[], 0);

pub(super) const fn window(name: &'static str, min: usize) -> Arg {
    Arg { name, kind: ArgKind::Window { min }, default: None }
}

/// A function of its arguments' values on the same bar.
const fn pointwise(
    name: &'static str,
    args: &'static [Arg],
    about: &'static str,
    formula: &'static str,
    example: &'static str,
    eval: fn(&Call<'_>) -> Column,
) -> Function {
    Function {
        name,
        args,
        variadic: false,
        returns: Type::Number,
        group: "arithmetic",
        about,
        formula,
        warm_up: NONE,
        source: "elementary",
        example,
        bars: false,
        across: false,
        eval,
    }
}

/// A whole number read off the bar's opening time.
const fn calendar(
    name: &'static str,
    about: &'static str,
    example: &'static str,
    eval: fn(&Call<'_>) -> Column,
) -> Function {
    Function {
        name,
        args: &[],
        variadic: false,
        returns: Type::Number,
        group: "calendar",
        about,
        formula: "read off the opening time of the bar in the data's time zone",
        warm_up: NONE,
        source: "ISO 8601",
        example,
        bars: true,
        across: false,
        eval,
    }
}

#[expect(clippy::too_many_arguments, reason = "a row of a table has a value for every column")]
const fn logic(
    name: &'static str,
    args: &'static [Arg],
    returns: Type,
    about: &'static str,
    formula: &'static str,
    warm_up: WarmUp,
    example: &'static str,
    eval: fn(&Call<'_>) -> Column,
) -> Function {
    Function {
        name,
        args,
        variadic: false,
        returns,
        group: "events",
        about,
        formula,
        warm_up,
        source: "elementary",
        example,
        bars: true,
        across: false,
        eval,
    }
}

fn each(call: &Call<'_>, op: impl Fn(f64) -> f64) -> Column {
    Column::numbers(call.series(0).iter().map(|&x| op(x)).collect())
}

fn fold(call: &Call<'_>, op: impl Fn(f64, f64) -> f64) -> Column {
    let mut values = call.series(0).into_owned();
    for index in 1..call.args.len() {
        for (value, &other) in values.iter_mut().zip(call.series(index).iter()) {
            // A comparison would pass over a missing value.
            *value = if value.is_nan() || other.is_nan() { f64::NAN } else { op(*value, other) };
        }
    }
    Column::numbers(values)
}

static ARITHMETIC: &[Function] = &[
    pointwise("abs", &[X], "The distance from zero.", "|x|", "abs(close - open) > 1", |c| {
        each(c, f64::abs)
    }),
    pointwise(
        "sign",
        &[X],
        "-1, 0 or 1.",
        "x / |x|, and 0 for 0",
        "sign(change(close, 1)) == 1",
        |c| each(c, |x| if x == 0.0 { 0.0 } else { x.signum() }),
    ),
    pointwise(
        "sqrt",
        &[X],
        "The square root; missing below zero.",
        "x^(1/2)",
        "sqrt(variance(close, 20))",
        |c| each(c, f64::sqrt),
    ),
    pointwise(
        "log",
        &[X],
        "The natural logarithm; missing at and below zero.",
        "ln x",
        "log(close / lag(close, 1)) > 0.01",
        |c| each(c, libm::log),
    ),
    pointwise("exp", &[X], "The exponential.", "e^x", "exp(x)", |c| each(c, libm::exp)),
    pointwise(
        "floor",
        &[X],
        "The whole number at or below.",
        "the largest whole n <= x",
        "floor(close)",
        |c| each(c, f64::floor),
    ),
    pointwise(
        "round",
        &[X],
        "The nearest whole number, halves away from zero.",
        "sign(x) floor(|x| + 1/2)",
        "round(close)",
        |c| each(c, f64::round),
    ),
    Function {
        variadic: true,
        ..pointwise(
            "min",
            &[A, B],
            "The smallest of its arguments; missing if one of them is.",
            "min(a, b, ...)",
            "min(open, close)",
            |c| fold(c, f64::min),
        )
    },
    Function {
        variadic: true,
        ..pointwise(
            "max",
            &[A, B],
            "The largest of its arguments; missing if one of them is.",
            "max(a, b, ...)",
            "max(open, close)",
            |c| fold(c, f64::max),
        )
    },
    pointwise(
        "clamp",
        &[X, Arg { name: "low", ..A }, Arg { name: "high", ..B }],
        "The value moved into bounds; missing where the bounds cross.",
        "min(max(x, low), high)",
        "clamp(rsi(close, 14), 20, 80)",
        |c| {
            let (x, low, high) = (c.series(0), c.series(1), c.series(2));
            let clamp = |row: usize| match (x[row], low[row], high[row]) {
                (x, low, high) if low <= high && !x.is_nan() => x.max(low).min(high),
                _ => f64::NAN,
            };
            Column::numbers((0..c.len).map(clamp).collect())
        },
    ),
];

fn bars_since(call: &Call<'_>) -> Column {
    let flag = call.flag(0);
    let mut since = f64::NAN;
    let count = |row: usize| {
        since = match (flag.yes.get(row), flag.no.get(row)) {
            (true, _) => 0.0,
            (_, true) => since + 1.0,
            // It may have been true here, so nothing is known until it is true again.
            _ => f64::NAN,
        };
        since
    };
    Column::numbers((0..call.len).map(count).collect())
}

fn count_true(call: &Call<'_>) -> Column {
    let (flag, n) = (call.flag(0), call.window(1));
    let (mut yes, mut known) = (0_usize, 0_usize);
    let count = |row: usize| {
        let is_known = |row: usize| flag.yes.get(row) || flag.no.get(row);
        yes += usize::from(flag.yes.get(row));
        known += usize::from(is_known(row));
        if row >= n {
            yes -= usize::from(flag.yes.get(row - n));
            known -= usize::from(is_known(row - n));
        }
        if known == n { yes as f64 } else { f64::NAN }
    };
    Column::numbers((0..call.len).map(count).collect())
}

static EVENTS: &[Function] = &[
    logic(
        "crosses_above",
        &[A, B],
        Type::Bool,
        "True on the bar on which `a` comes to lie above `b`.",
        "a < b on the previous bar and a > b now",
        WarmUp::When("one bar after its arguments"),
        "crosses_above(sma(close, 10), sma(close, 20))",
        |c| crossing(c, true),
    ),
    logic(
        "crosses_below",
        &[A, B],
        Type::Bool,
        "True on the bar on which `a` comes to lie below `b`.",
        "a > b on the previous bar and a < b now",
        WarmUp::When("one bar after its arguments"),
        "crosses_below(close, sma(close, 50))",
        |c| crossing(c, false),
    ),
    logic(
        "bars_since",
        &[CONDITION],
        Type::Number,
        "How many bars ago the condition was last true; 0 on that bar, missing before the first time and after a bar on which the condition is missing.",
        "t - max {s <= t : condition at s}",
        WarmUp::When("the first bar on which the condition is true"),
        "bars_since(close > open) > 3",
        bars_since,
    ),
    logic(
        "count_true",
        &[CONDITION, window("n", 1)],
        Type::Number,
        "On how many of the last n bars the condition was true.",
        "sum over s in (t - n, t] of [condition at s]",
        WarmUp::Bars(&[1], -1),
        "count_true(close > open, 5) >= 4",
        count_true,
    ),
];

/// A function of the same argument for every symbol of the session.
const fn across(
    name: &'static str,
    about: &'static str,
    formula: &'static str,
    example: &'static str,
    eval: fn(&Call<'_>) -> Column,
) -> Function {
    Function {
        name,
        args: &[X],
        variadic: false,
        returns: Type::Number,
        group: "symbols",
        about,
        formula,
        warm_up: NONE,
        source: "pandas rank(axis=1)",
        example,
        bars: true,
        across: true,
        eval,
    }
}

/// `rank(above, equal, below)` of each bar: how many symbols have a larger value, an equal one (this
/// one included) and a smaller one.
fn ranked(call: &Call<'_>, rank: impl Fn(f64, f64, f64) -> f64) -> Column {
    let own = call.series(0);
    let mut counts = vec![[0.0; 3]; call.len];
    for peer in call.peers {
        for ((count, &other), &own) in counts.iter_mut().zip(peer).zip(own.iter()) {
            count[0] += f64::from(u8::from(other > own));
            count[1] += f64::from(u8::from(other == own));
            count[2] += f64::from(u8::from(other < own));
        }
    }
    let value = |[above, equal, below]: [f64; 3]| match equal {
        // The bar's own value is missing, or its symbol is none of the session's.
        0.0 => f64::NAN,
        _ => rank(above, equal, below),
    };
    Column::numbers(counts.into_iter().map(value).collect())
}

static ACROSS: &[Function] = &[
    across(
        "cross_rank",
        "Which place the value has among the session's symbols: 1 for the largest, ties share their mean place. Symbols without a value on a bar that closes at the same time are not counted.",
        "1 + symbols above + (symbols equal - 1) / 2",
        "cross_rank(roc(close, 60)) <= 2",
        |c| ranked(c, |above, equal, _| above + (equal + 1.0) / 2.0),
    ),
    across(
        "cross_rank_pct",
        "Where the value ranks among the session's symbols: 1 for the largest, ties share their mean rank. Symbols without a value on a bar that closes at the same time are not counted.",
        "(symbols below + (symbols equal + 1) / 2) / symbols",
        "cross_rank_pct(roc(close, 60)) > 0.8",
        |c| {
            ranked(c, |above, equal, below| (below + (equal + 1.0) / 2.0) / (above + equal + below))
        },
    ),
];

fn local_days(call: &Call<'_>, of: impl Fn(i64) -> i64) -> Column {
    let view = call.view();
    Column::numbers(view.bars.local(view.rows.clone()).map(|local| of(local) as f64).collect())
}

/// Year, month and day of a number of days since 1970-01-01, in the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that a leap day is the last day of its year.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

const MINUTE: i64 = 60_000_000;

static CALENDAR: &[Function] = &[
    calendar("hour", "The hour of the day, 0 to 23.", "hour >= 10", |c| {
        local_days(c, |t| t.rem_euclid(DAY) / (60 * MINUTE))
    }),
    calendar("minute", "The minute of the hour, 0 to 59.", "minute == 30", |c| {
        local_days(c, |t| t.rem_euclid(60 * MINUTE) / MINUTE)
    }),
    calendar("weekday", "The day of the week: 1 is Monday, 7 is Sunday.", "weekday == 1", |c| {
        local_days(c, |t| (t.div_euclid(DAY) + 3).rem_euclid(7) + 1)
    }),
    calendar("day", "The day of the month, 1 to 31.", "day <= 5", |c| {
        local_days(c, |t| civil(t.div_euclid(DAY)).2)
    }),
    calendar("month", "The month, 1 to 12.", "month in [11, 12, 1]", |c| {
        local_days(c, |t| civil(t.div_euclid(DAY)).1)
    }),
    calendar("year", "The year.", "year >= 2010", |c| {
        local_days(c, |t| civil(t.div_euclid(DAY)).0)
    }),
    Function {
        formula: "t, counted from the first bar of the session's range; missing before it",
        source: "elementary",
        ..calendar(
            "bar_index",
            "Which bar of the range this is, from 0.",
            "bar_index % 20 == 0",
            |c| {
                let view = c.view();
                let index =
                    |row: usize| row.checked_sub(view.from).map_or(f64::NAN, |index| index as f64);
                Column::numbers(view.rows.clone().map(index).collect())
            },
        )
    },
];

/// Every function, in groups.
pub(super) static FUNCTIONS: &[&[Function]] = &[
    registry::AVERAGES,
    registry::MOMENTUM,
    registry::TREND,
    registry::VOLATILITY,
    registry::VOLUME,
    registry::WINDOWS,
    EVENTS,
    ACROSS,
    CALENDAR,
    ARITHMETIC,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(-1), (1969, 12, 31));
        assert_eq!(civil(15_765), (2013, 3, 1));
    }
}
