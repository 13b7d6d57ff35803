//! What a session's page says beyond its metrics, from its curve and its trades.
//!
//! Everything here is arithmetic on what the store holds: returns by month and year, rolling
//! statistics, profits by period. Days are trading days; a day's return is against the day before,
//! the first day's against the capital.

use super::context::{Curve, Month, Period, Rolling, TradeRow, Year};
use super::format::moment;
use crate::metrics::returns;
use chrono::{Datelike, NaiveDate};
use std::collections::BTreeMap;

/// How many days a rolling statistic looks back: a quarter of trading days.
pub const WINDOW: usize = 63;

/// The return of every day of `curve`, which began with `capital`.
pub fn daily_returns(curve: &Curve, capital: f64) -> Vec<f64> {
    let before = std::iter::once(capital).chain(curve.equity.iter().copied());
    curve.equity.iter().zip(before).map(|(now, before)| now / before - 1.0).collect()
}

/// Returns by month, a row a year; a month without a trading day has none.
pub fn years(curve: &Curve, capital: f64) -> Vec<Year> {
    let mut months: BTreeMap<(i32, u32), f64> = BTreeMap::new();
    for (&time, &equity) in curve.time.iter().zip(&curve.equity) {
        if let Some(day) = day(time) {
            months.insert((day.year(), day.month()), equity);
        }
    }
    let mut years: Vec<Year> = Vec::new();
    let (mut before, mut year_began) = (capital, capital);
    for ((year, month), end) in months {
        if years.last().is_none_or(|last| last.year != year) {
            year_began = before;
            let empty = |month| Month { month, change: None };
            years.push(Year { year, months: (1..=12).map(empty).collect(), change: 0.0 });
        }
        let last = years.last_mut().expect("one was just pushed if there was none");
        last.months[month as usize - 1].change = Some(end / before - 1.0);
        last.change = end / year_began - 1.0;
        before = end;
    }
    years
}

/// Sharpe ratio and volatility over the last [`WINDOW`] days, a year having `periods` of them;
/// `None` for a curve that is not twice as long.
pub fn rolling(curve: &Curve, capital: f64, periods: f64) -> Option<Rolling> {
    let changes = daily_returns(curve, capital);
    if changes.len() < 2 * WINDOW {
        return None;
    }
    let windows = || changes.windows(WINDOW);
    let or_nan = |value: Option<f64>| value.unwrap_or(f64::NAN);
    Some(Rolling {
        days: WINDOW,
        time: curve.time[WINDOW - 1..].to_vec(),
        sharpe: windows().map(|window| or_nan(returns::sharpe(window, periods))).collect(),
        volatility: windows().map(|window| or_nan(returns::volatility(window, periods))).collect(),
    })
}

/// Closed trades by the year of their exit; by the month if there is only one year.
pub fn periods(trades: &[TradeRow]) -> Vec<Period> {
    let closed: Vec<(&TradeRow, NaiveDate)> =
        trades.iter().filter_map(|trade| Some((trade, day(trade.exit_time?)?))).collect();
    let one_year = closed.iter().all(|(_, day)| day.year() == closed[0].1.year());
    let mut periods: BTreeMap<String, Period> = BTreeMap::new();
    for (trade, day) in closed {
        let label = day.format(if one_year { "%Y-%m" } else { "%Y" }).to_string();
        let period =
            periods.entry(label.clone()).or_insert_with(|| Period { label, ..Period::default() });
        period.trades += 1;
        period.wins += usize::from(trade.profit > 0.0);
        period.losses += usize::from(trade.profit < 0.0);
        period.profit += trade.profit;
        period.commission += trade.commission;
        period.slippage += trade.slippage;
    }
    periods.into_values().collect()
}

/// How many positions were open on each day of `curve`.
pub fn open_positions(curve: &Curve, trades: &[TradeRow]) -> Vec<f64> {
    let mut open = vec![0.0; curve.time.len() + 1];
    let place = |time: i64| {
        let day = time.div_euclid(crate::bars::DAY) * crate::bars::DAY;
        curve.time.partition_point(|&known| known < day)
    };
    for trade in trades {
        open[place(trade.entry_time).min(curve.time.len())] += 1.0;
        // On the day of its exit it was open for a part of the day.
        let end = trade.exit_time.map_or(curve.time.len(), |time| place(time) + 1);
        open[end.min(curve.time.len())] -= 1.0;
    }
    open.pop();
    let mut now = 0.0;
    open.into_iter()
        .map(|change| {
            now += change;
            now
        })
        .collect()
}

fn day(time: i64) -> Option<NaiveDate> {
    moment(Some(time)).map(|moment| moment.date())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::DAY;

    fn micros(day: &str) -> i64 {
        let day: NaiveDate = day.parse().unwrap();
        day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros()
    }

    fn curve(days: &[(&str, f64)]) -> Curve {
        Curve {
            time: days.iter().map(|(day, _)| micros(day)).collect(),
            equity: days.iter().map(|(_, equity)| *equity).collect(),
            ..Curve::default()
        }
    }

    fn trade(entry: &str, exit: Option<&str>, profit: f64) -> TradeRow {
        TradeRow {
            entry_time: micros(entry),
            exit_time: exit.map(micros),
            profit,
            commission: 1.0,
            ..TradeRow::default()
        }
    }

    #[test]
    fn months_and_years_compound_to_the_whole() {
        let curve = curve(&[
            ("2013-11-04", 110.0),
            ("2013-11-29", 121.0),
            ("2013-12-31", 60.5),
            ("2014-02-03", 121.0),
        ]);
        let years = years(&curve, 100.0);
        assert_eq!(years.iter().map(|year| year.year).collect::<Vec<_>>(), [2013, 2014]);
        let change = |year: usize, month: usize| years[year].months[month - 1].change;
        assert!((change(0, 11).unwrap() - 0.21).abs() < 1e-12);
        assert_eq!((change(0, 12), change(1, 1), change(1, 2)), (Some(-0.5), None, Some(1.0)));
        let whole = years.iter().fold(1.0, |worth, year| worth * (1.0 + year.change));
        assert!((whole - 1.21).abs() < 1e-12);
        let daily = daily_returns(&curve, 100.0).iter().fold(1.0, |worth, r| worth * (1.0 + r));
        assert!((daily - 1.21).abs() < 1e-12);
    }

    #[test]
    fn a_rolling_statistic_is_that_of_its_window() {
        let equity: Vec<f64> = (0..200).map(|i| 100.0 + (f64::from(i) * 0.7).sin()).collect();
        let time = (0..200).map(|day| day * DAY).collect();
        let curve = Curve { time, equity, ..Curve::default() };
        let rolling = rolling(&curve, 100.0, 252.0).unwrap();
        assert_eq!((rolling.time[0], rolling.time.len()), (62 * DAY, 138));
        let changes = daily_returns(&curve, 100.0);
        assert_eq!(rolling.sharpe[7], returns::sharpe(&changes[7..70], 252.0).unwrap());
        let short = Curve {
            time: curve.time[..100].to_vec(),
            equity: curve.equity[..100].to_vec(),
            ..Curve::default()
        };
        assert!(super::rolling(&short, 100.0, 252.0).is_none());
    }

    #[test]
    fn profits_are_told_by_the_year_of_the_exit() {
        let trades = [
            trade("2013-01-02", Some("2013-02-01"), 5.0),
            trade("2013-12-02", Some("2014-01-06"), -2.0),
            trade("2014-02-03", None, 9.0),
        ];
        let told = periods(&trades);
        let words: Vec<_> =
            told.iter().map(|it| (it.label.as_str(), it.wins, it.losses, it.profit)).collect();
        assert_eq!(words, [("2013", 1, 0, 5.0), ("2014", 0, 1, -2.0)]);
        assert_eq!(periods(&trades[..1])[0].label, "2013-02");
    }

    #[test]
    fn a_position_is_open_from_its_entry_to_its_exit() {
        let curve = Curve {
            time: (0..6).map(|day| micros("2014-01-01") + day * DAY).collect(),
            equity: vec![1.0; 6],
            ..Curve::default()
        };
        let trades = [
            trade("2014-01-02", Some("2014-01-04"), 0.0),
            trade("2014-01-04", None, 0.0),
            trade("2014-01-06", Some("2014-01-06"), 0.0),
        ];
        assert_eq!(open_positions(&curve, &trades), [0.0, 1.0, 1.0, 2.0, 1.0, 2.0]);
    }
}
