//! Hand-made bars, small enough to be followed by eye.

use super::cost::{Commission, Costs};
use super::frame::{Aligned, Day, Frame};
use super::model::{self, AtEnd, StopOnEntryBar};
use super::order::Reason;
use super::outcome::Outcome;
use super::settings::{Distance, Risk, Settings, Sizing, Span};
use super::trade::{ClosedBy, Moment, Side};
use super::walk::Walk;
use crate::bars::{Cut, DAY, Extremes, Mask, Zone};
use crate::strategy::Signals;
use std::sync::Arc;

/// One symbol, one bar a day.
pub(super) fn frame(bars: &[[f64; 4]]) -> Frame {
    let column = |index: usize| whole(bars.iter().map(|bar| bar[index]).collect());
    let symbols = vec![Aligned {
        open: column(0),
        high: column(1),
        low: column(2),
        close: column(3),
        close_extremes: Extremes::of(&column(3)),
        name: "X".into(),
        volume: column(3),
        present: None,
        actions: Arc::new([]),
        detail: None,
    }];
    daily(bars.len(), symbols)
}

pub(super) fn whole<T>(values: Vec<T>) -> Cut<T> {
    values.into()
}

pub(super) fn daily(len: usize, symbols: Vec<Aligned>) -> Frame {
    Frame {
        time: whole((0..len as i64).map(|day| day * DAY).collect()),
        timeframe: DAY,
        zone: Zone::utc(),
        days: (0..len)
            .map(|day| {
                let over = (day as i64 + 1) * DAY;
                Day { number: day as i32, end: day + 1, session: None, over }
            })
            .collect(),
        bars_a_year: 365.0,
        symbols,
    }
}

/// Rules that are true on the given bars: enter long, exit long, enter short, exit short.
pub(super) fn signals(len: usize, bars: [&[usize]; 4]) -> Signals {
    let mask = |bars: &[usize]| Mask::from_fn(len, |bar| bars.contains(&bar));
    let [a, b, c, d] = bars.map(mask);
    Signals { enter_long: a, exit_long: b, enter_short: c, exit_short: d, ..Signals::default() }
}

pub(super) fn walk(frame: &Frame, signals: &[Signals], settings: &Settings) -> Outcome {
    Walk::default().run(frame, signals, settings, true).clone()
}

fn costs(rate: f64, per_unit: f64, slippage: f64) -> Costs {
    let mut costs = Costs::fractions(rate, slippage);
    costs.commission = Commission { per_unit, ..costs.commission };
    costs
}

pub(super) fn risk(stop: Option<f64>, target: Option<f64>, trailing: Option<f64>) -> Risk {
    let [stop_loss, take_profit, trailing_stop] =
        [stop, target, trailing].map(|distance| distance.map(Distance::Fraction));
    Risk { stop_loss, take_profit, trailing_stop, ..Risk::default() }
}

pub(super) fn stop() -> Risk {
    risk(Some(0.1), None, None)
}

pub(super) fn bracket() -> Risk {
    risk(Some(0.1), Some(0.1), None)
}

/// Entry bar and price, exit bar and price, and why, for each trade.
pub(super) fn trades(outcome: &Outcome) -> Vec<(usize, f64, usize, f64, Option<ClosedBy>)> {
    let row =
        |t: &super::Trade| (t.entry_bar, t.entry_price, t.exit_bar, t.exit_price, t.closed_by);
    outcome.trades.iter().map(row).collect()
}

const RISING: [[f64; 4]; 6] = [
    [10.0, 11.0, 9.0, 10.0],
    [10.0, 12.0, 10.0, 11.0],
    [11.0, 13.0, 11.0, 12.0],
    [12.0, 14.0, 12.0, 13.0],
    [13.0, 15.0, 13.0, 14.0],
    [14.0, 16.0, 14.0, 15.0],
];

#[test]
fn an_order_of_a_close_fills_at_the_next_open() {
    let frame = frame(&RISING);
    let outcome = walk(&frame, &[signals(6, [&[0], &[3], &[], &[]])], &Settings::default());
    assert_eq!(trades(&outcome), [(1, 10.0, 4, 13.0, Some(ClosedBy::Rule))]);
    assert_eq!(outcome.trades[0].units, 1000.0);
    assert_eq!(outcome.trades[0].profit, 3000.0);
    let closes: &[f64] = &frame.symbols[0].close;
    assert_eq!(
        outcome.equity(&[closes], 6),
        [10000.0, 11000.0, 12000.0, 13000.0, 13000.0, 13000.0]
    );
}

#[test]
fn with_fill_close_the_deciding_close_is_the_price() {
    let frame = frame(&RISING);
    let mut settings = Settings::default();
    settings.axes.fill = model::Fill::Close;
    let outcome = walk(&frame, &[signals(6, [&[0], &[3], &[], &[]])], &settings);
    assert_eq!(trades(&outcome), [(0, 10.0, 3, 13.0, Some(ClosedBy::Rule))]);
}

#[test]
fn costs_are_inside_what_an_entry_may_spend() {
    let frame = frame(&RISING);
    let costs = costs(0.01, 0.5, 0.1);
    let settings = Settings { costs, ..Settings::default() };
    let outcome = walk(&frame, &[signals(6, [&[0], &[3], &[], &[]])], &settings);
    let trade = &outcome.trades[0];
    // Bought at 10 + 10 %, each unit with its commission: 11 + 0.11 + 0.5 = 11.61.
    assert_eq!(trade.entry_price, 11.0);
    assert!((trade.units - 10_000.0 / 11.61).abs() < 1e-9);
    assert!((outcome.stretches[1].cash).abs() < 1e-9);
    // Sold at 13 - 10 %.
    assert!((trade.exit_price - 11.7).abs() < 1e-12);
    let commission = trade.units * (0.11 + 0.5 + 0.117 + 0.5);
    assert!((trade.commission - commission).abs() < 1e-9);
    assert!((trade.slippage - trade.units * 2.3).abs() < 1e-9);
}

#[test]
fn an_entry_against_a_position_turns_it_at_one_price() {
    let frame = frame(&RISING);
    let outcome = walk(&frame, &[signals(6, [&[0, 4], &[], &[2], &[]])], &Settings::default());
    assert_eq!(
        trades(&outcome),
        [
            (1, 10.0, 3, 12.0, Some(ClosedBy::Flip)),
            (3, 12.0, 5, 14.0, Some(ClosedBy::Flip)),
            (5, 14.0, 5, 15.0, None),
        ]
    );
    let sides: Vec<Side> = outcome.trades.iter().map(|trade| trade.side).collect();
    assert_eq!(sides, [Side::Long, Side::Short, Side::Long]);
    assert_eq!(outcome.order_count, 5);
}

#[test]
fn an_exit_comes_before_an_entry_of_the_same_close() {
    let frame = frame(&RISING);
    let again = walk(&frame, &[signals(6, [&[0, 2], &[2], &[], &[]])], &Settings::default());
    assert_eq!(
        trades(&again),
        [(1, 10.0, 3, 12.0, Some(ClosedBy::Rule)), (3, 12.0, 5, 15.0, None)]
    );
    let short = walk(&frame, &[signals(6, [&[], &[], &[0, 2], &[2]])], &Settings::default());
    assert_eq!(
        trades(&short),
        [(1, 10.0, 3, 12.0, Some(ClosedBy::Rule)), (3, 12.0, 5, 15.0, None)]
    );
}

#[test]
fn two_entries_at_once_do_nothing_and_are_counted() {
    let frame = frame(&RISING);
    let outcome = walk(&frame, &[signals(6, [&[0, 1], &[], &[1], &[]])], &Settings::default());
    assert_eq!(outcome.conflicts, 1);
    assert_eq!(trades(&outcome), [(1, 10.0, 5, 15.0, None)]);
}

#[test]
fn two_entries_that_cancel_each_other_beside_an_exit_are_counted() {
    let pins = model::Model::named("freqtrade").unwrap().pins;
    let settings = Settings { pins, ..Settings::default() };
    let rules = signals(6, [&[1, 2, 3], &[2, 3], &[1, 2], &[]]);
    let outcome = walk(&frame(&RISING), &[rules], &settings);
    assert_eq!((outcome.conflicts, outcome.order_count), (2, 0));
}

#[test]
fn a_limit_may_rest_for_more_bars_than_there_are() {
    let mut settings = Settings::default();
    settings.trading.limit_bars = Some(usize::MAX);
    let limit = Some(whole(vec![5.0; 6]));
    let rules = Signals { limit, ..signals(6, [&[0], &[], &[], &[]]) };
    let outcome = walk(&frame(&RISING), &[rules], &settings);
    assert_eq!(outcome.orders[0].status, super::OrderStatus::Pending);
}

#[test]
fn the_last_bars_rule_has_no_bar_to_be_filled_on() {
    let frame = frame(&RISING);
    let outcome = walk(&frame, &[signals(6, [&[5], &[], &[], &[]])], &Settings::default());
    assert!(outcome.fills.is_empty());
    assert_eq!(outcome.orders[0].status, super::OrderStatus::Pending);
}

pub(super) fn protected(bars: &[[f64; 4]], risk: Risk, change: impl Fn(&mut Settings)) -> Outcome {
    let frame = frame(bars);
    let mut settings = Settings { risk, ..Settings::default() };
    change(&mut settings);
    walk(&frame, &[signals(bars.len(), [&[0], &[], &[], &[]])], &settings)
}

#[test]
fn a_stop_fills_at_its_level_or_at_a_worse_open() {
    let inside = [[10.0; 4], [10.0, 10.5, 9.8, 10.0], [10.0, 10.0, 8.0, 9.5]];
    let exit = (1, 10.0, 2, 9.0, Some(ClosedBy::StopLoss));
    assert_eq!(trades(&protected(&inside, stop(), |_| {})), [exit]);
    let gap = [[10.0; 4], [10.0, 10.5, 9.8, 10.0], [8.5, 9.5, 8.0, 9.5]];
    let outcome = protected(&gap, stop(), |_| {});
    assert_eq!(trades(&outcome), [(1, 10.0, 2, 8.5, Some(ClosedBy::StopLoss))]);
    assert_eq!(outcome.fills[1].moment, Moment::Open);
    let level = protected(&gap, stop(), |settings| settings.axes.gap_stop = model::GapStop::Level);
    assert_eq!(trades(&level), [exit]);
    let touched = [[10.0; 4], [10.0, 10.5, 9.0, 10.0]];
    assert_eq!(
        trades(&protected(&touched, stop(), |_| {})),
        [(1, 10.0, 1, 9.0, Some(ClosedBy::StopLoss))]
    );
}

#[test]
fn the_entry_bar_counts_or_not_as_the_axis_says() {
    let bars = [[10.0; 4], [10.0, 10.5, 8.0, 10.0], [10.0, 10.5, 9.5, 10.0]];
    assert_eq!(
        trades(&protected(&bars, stop(), |_| {})),
        [(1, 10.0, 1, 9.0, Some(ClosedBy::StopLoss))]
    );
    let never = protected(&bars, stop(), |s| s.axes.stop_on_entry_bar = StopOnEntryBar::Never);
    assert_eq!(trades(&never), [(1, 10.0, 2, 10.0, None)]);
}

#[test]
fn a_trailing_stop_follows_the_highs_of_the_bars_before() {
    let risk = risk(None, None, Some(0.1));
    let bars = [
        [10.0; 4],
        [10.0, 12.0, 10.0, 11.5], // its own high does not lift the stop at 9
        [11.5, 20.0, 11.0, 19.0], // the stop is at 10.8
        [19.0, 19.0, 17.5, 18.0], // the stop is at 18
    ];
    let outcome = protected(&bars, risk.clone(), |_| {});
    assert_eq!(trades(&outcome), [(1, 10.0, 3, 18.0, Some(ClosedBy::TrailingStop))]);
    let closes = protected(&bars, risk, |s| s.axes.trailing_from = model::TrailingFrom::Close);
    assert_eq!(trades(&closes), [(1, 10.0, 3, 18.0, None)], "0.9 x 19 = 17.1 is not reached");
}

#[test]
fn of_two_stops_the_nearer_one_holds() {
    let risk = risk(Some(0.05), None, Some(0.1));
    let bars = [[10.0; 4], [10.0, 10.0, 9.4, 10.0]];
    assert_eq!(
        trades(&protected(&bars, risk.clone(), |_| {})),
        [(1, 10.0, 1, 9.5, Some(ClosedBy::StopLoss))]
    );
}

#[test]
fn a_short_is_protected_on_the_other_side() {
    let bars = [[10.0; 4], [10.0, 10.5, 9.5, 10.0], [10.0, 11.5, 10.0, 11.0]];
    let frame = frame(&bars);
    let settings = Settings { risk: bracket(), ..Settings::default() };
    let outcome = walk(&frame, &[signals(3, [&[], &[], &[0], &[]])], &settings);
    assert_eq!(trades(&outcome), [(1, 10.0, 2, 11.0, Some(ClosedBy::StopLoss))]);
    assert_eq!(outcome.trades[0].profit, -1000.0);
}

#[test]
fn a_gap_exit_comes_before_the_order_and_a_position_closes_once() {
    let bars = [[10.0; 4], [10.0, 10.5, 9.5, 10.0], [8.0, 8.5, 7.5, 8.0], [8.0; 4]];
    let frame = frame(&bars);
    let settings = Settings { risk: stop(), ..Settings::default() };
    let outcome = walk(&frame, &[signals(4, [&[0], &[1], &[], &[]])], &settings);
    assert_eq!(trades(&outcome), [(1, 10.0, 2, 8.0, Some(ClosedBy::StopLoss))]);
    assert_eq!(outcome.orders[1].status, super::OrderStatus::Superseded);
    let flip = walk(&frame, &[signals(4, [&[0], &[], &[1], &[]])], &settings);
    assert_eq!(trades(&flip)[1].0, 2, "the entry of the flip is filled all the same");
}

#[test]
fn what_an_inside_exit_frees_is_spendable_from_the_next_bar_on() {
    let bars = [[10.0; 4], [10.0, 10.5, 8.0, 10.0], [10.0; 4], [10.0; 4]];
    let frame = frame(&bars);
    let mut settings = Settings { risk: stop(), ..Settings::default() };
    settings.axes.fill = model::Fill::Close;
    let outcome = walk(&frame, &[signals(4, [&[0, 1], &[], &[], &[]])], &settings);
    assert_eq!(outcome.refusals(), 1);
    let later = walk(&frame, &[signals(4, [&[0, 2], &[], &[], &[]])], &settings);
    assert_eq!((later.refusals(), later.trades.len()), (0, 2));
}

#[test]
fn sizes_are_of_equity_cash_or_units_and_shrink_to_what_is_there() {
    let frame = frame(&RISING);
    let units = |sizing: Sizing, change: &dyn Fn(&mut Settings)| {
        let mut settings = Settings { sizing, ..Settings::default() };
        change(&mut settings);
        let outcome = walk(&frame, &[signals(6, [&[1], &[], &[], &[]])], &settings);
        outcome.trades.first().map(|trade| trade.units)
    };
    assert_eq!(units(Sizing::Equity(0.5), &|_| {}), Some(5_000.0 / 11.0));
    assert_eq!(units(Sizing::Cash(1_100.0), &|_| {}), Some(100.0));
    assert_eq!(units(Sizing::Units(7.0), &|_| {}), Some(7.0));
    assert_eq!(units(Sizing::Units(1e6), &|_| {}), Some(10_000.0 / 11.0));
    let cancel = |settings: &mut Settings| settings.axes.short_of_cash = model::ShortOfCash::Cancel;
    assert_eq!(units(Sizing::Units(1e6), &cancel), None);
    let integer = |settings: &mut Settings| settings.axes.units = model::Units::Integer;
    assert_eq!(units(Sizing::Equity(1.0), &integer), Some(909.0));
}

#[test]
fn symbols_share_one_account_and_sales_come_first() {
    let first: Vec<[f64; 4]> = vec![[10.0; 4]; 5];
    let second: Vec<[f64; 4]> = vec![[20.0; 4]; 5];
    let symbols = [first, second].map(|bars| frame(&bars).symbols.remove(0));
    let frame = daily(5, symbols.to_vec());
    // The second symbol is sold on the open on which the first is bought.
    let rules = [signals(5, [&[1], &[], &[], &[]]), signals(5, [&[0], &[1], &[], &[]])];
    let outcome = walk(&frame, &rules, &Settings::default());
    let fills: Vec<_> = outcome.fills.iter().map(|f| (f.bar, f.symbol, f.units)).collect();
    assert_eq!(fills, [(1, 1, 500.0), (2, 1, -500.0), (2, 0, 1000.0)]);
}

#[test]
fn a_symbol_without_a_bar_keeps_its_mark_and_its_order() {
    let mut symbol = frame(&RISING).symbols.remove(0);
    symbol.present = Some(Arc::new(Mask::from_fn(6, |bar| bar != 1)));
    let nan = |column: &[f64]| {
        whole(column.iter().enumerate().map(|(t, x)| if t == 1 { f64::NAN } else { *x }).collect())
    };
    (symbol.open, symbol.high, symbol.low) =
        (nan(&symbol.open), nan(&symbol.high), nan(&symbol.low));
    let frame = daily(6, vec![symbol]);
    let settings = Settings { risk: stop(), ..Settings::default() };
    let outcome = walk(&frame, &[signals(6, [&[0], &[], &[], &[]])], &settings);
    assert_eq!(trades(&outcome), [(2, 11.0, 5, 15.0, None)]);
}

#[test]
fn at_the_end_a_position_is_marked_or_closed() {
    let frame = frame(&RISING);
    let mut settings = Settings::default();
    settings.axes.at_end = AtEnd::CloseAtLastClose;
    let outcome = walk(&frame, &[signals(6, [&[0], &[], &[], &[]])], &settings);
    assert_eq!(trades(&outcome), [(1, 10.0, 5, 15.0, Some(ClosedBy::End))]);
    assert_eq!(outcome.stretches.last().unwrap().cash, 15_000.0);
}

#[test]
fn nothing_is_entered_after_the_price_at_which_the_end_closes() {
    let frame = frame(&RISING);
    let fills = |fill, bar: usize, limit: Option<f64>| {
        let mut settings = Settings::default();
        (settings.axes.at_end, settings.axes.fill) = (AtEnd::CloseAtLastOpen, fill);
        let limit = limit.map(|price| whole(vec![price; 6]));
        let rules = Signals { limit, ..signals(6, [&[bar], &[], &[], &[]]) };
        let outcome = walk(&frame, &[rules], &settings);
        assert_eq!(outcome.orders.len(), 1);
        outcome.fills.iter().map(|fill| (fill.bar, fill.reference)).collect::<Vec<_>>()
    };
    assert_eq!(fills(model::Fill::Close, 5, None), []);
    assert_eq!(fills(model::Fill::NextClose, 4, None), []);
    for fill in [model::Fill::Close, model::Fill::NextOpen, model::Fill::NextClose] {
        assert_eq!(fills(fill, 4, Some(14.0)), []);
    }
    assert_eq!(fills(model::Fill::Close, 3, None), [(3, 13.0), (4, 14.0)]);
}

/// One symbol that has the given bars of a longer range.
pub(super) fn with_gaps(bars: &[[f64; 4]], present: &[usize]) -> Frame {
    let mut frame = frame(bars);
    let symbol = &mut frame.symbols[0];
    let mask = Mask::from_fn(bars.len(), |bar| present.contains(&bar));
    for column in [&mut symbol.open, &mut symbol.high, &mut symbol.low] {
        let values = column.iter().enumerate();
        *column = whole(values.map(|(t, x)| if mask.get(t) { *x } else { f64::NAN }).collect());
    }
    symbol.present = Some(Arc::new(mask));
    frame
}

const FALLING: [[f64; 4]; 6] = [
    [100.0, 101.0, 99.0, 100.0],
    [100.0, 101.0, 99.0, 100.0],
    [100.0, 101.0, 99.0, 100.0],
    [98.0, 99.0, 94.0, 95.0],
    [95.0, 96.0, 94.0, 95.0],
    [95.0, 96.0, 94.0, 95.0],
];

#[test]
fn a_limit_that_rests_over_a_dividend_is_filled_on_its_bar() {
    let mut frame = frame(&FALLING);
    let paid = crate::bars::Action { row: 3, split: 1.0, dividend: 1.0 };
    frame.symbols[0].actions = Arc::new([paid]);
    let limit = Some(whole(vec![96.0; 6]));
    let rules = Signals { limit, ..signals(6, [&[0], &[], &[], &[]]) };
    let outcome = walk(&frame, &[rules], &Settings::default());
    assert_eq!(trades(&outcome), [(3, 96.0, 5, 95.0, None)]);
}

#[test]
fn a_limit_against_a_position_waits_until_that_is_left() {
    // The order to leave is filled at the close of bar 3, inside which the limit is met.
    let frame = frame(&FALLING);
    let mut settings = Settings { sizing: Sizing::Units(10.0), ..Settings::default() };
    settings.axes.fill = model::Fill::NextClose;
    let limit = Some(whole(vec![98.5, 98.5, 96.0, 96.0, 96.0, 96.0]));
    let rules = Signals { limit, ..signals(6, [&[2], &[], &[0], &[]]) };
    let outcome = walk(&frame, &[rules], &settings);
    assert_eq!(
        trades(&outcome),
        [(1, 100.0, 3, 95.0, Some(ClosedBy::Flip)), (4, 95.0, 5, 95.0, None)]
    );
}

#[test]
fn two_entries_grow_old_on_a_bar_without_volume() {
    let mut frame = frame(&FALLING);
    frame.symbols[0].volume = whole(vec![100.0, 100.0, 100.0, 0.0, 0.0, 100.0]);
    let mut settings =
        Settings { sizing: Sizing::Units(1.0), max_entries: 2, ..Settings::default() };
    settings.trading.min_volume = 1.0;
    settings.risk.max_holding = Some(Span::Time(2 * DAY));
    let rules = signals(6, [&[0, 1], &[], &[], &[]]);
    let outcome = walk(&frame, &[rules], &settings);
    let old = Some(ClosedBy::MaxHolding);
    assert_eq!(trades(&outcome), [(1, 100.0, 5, 95.0, old), (2, 100.0, 5, 95.0, old)]);
}

#[test]
fn an_entry_that_grows_old_on_a_missing_bar_ends_at_the_next_one() {
    let frame = with_gaps(&FALLING, &[0, 1, 2, 4, 5]);
    let mut settings = Settings::default();
    settings.risk.max_holding = Some(Span::Bars(2));
    let outcome = walk(&frame, &[signals(6, [&[0], &[], &[], &[]])], &settings);
    assert_eq!(trades(&outcome), [(1, 100.0, 4, 95.0, Some(ClosedBy::MaxHolding))]);
}

#[test]
fn nothing_is_entered_whose_stop_is_not_known() {
    for known in [false, true] {
        let stop = Some(whole(vec![if known { 5.0 } else { f64::NAN }; 6]));
        let rules = Signals { stop, ..signals(6, [&[0], &[], &[], &[]]) };
        let outcome = walk(&frame(&RISING), &[rules], &Settings::default());
        let refused = outcome.refused.of(Reason::NoLevel);
        assert_eq!((outcome.trades.len(), refused), if known { (1, 0) } else { (0, 1) });
    }
}

#[test]
fn targets_that_change_twice_over_a_gap_change_to_the_last_one() {
    let mut settings = Settings::default();
    let step = |gain| super::settings::Step { after: Span::Time(2 * DAY), gain };
    settings.risk.take_profit = Some(Distance::Fraction(0.9));
    settings.risk.take_profit_after = vec![step(0.8), step(0.25)];
    let outcome = walk(&frame(&RISING), &[signals(6, [&[0], &[], &[], &[]])], &settings);
    // 25 % above 10, from bar 3 on.
    assert_eq!(trades(&outcome), [(1, 10.0, 3, 12.5, Some(ClosedBy::TakeProfit))]);
}

/// Bars of six hours, which open in these quarters of days since 1970.
fn quarters(opens: &[usize]) -> Frame {
    let bars: Vec<[f64; 4]> = opens.iter().map(|&at| [10.0 + at as f64; 4]).collect();
    let mut end = 0;
    let days = opens.chunk_by(|a, b| a / 4 == b / 4).map(|own| {
        end += own.len();
        let number = own[0] / 4;
        Day { number: number as i32, end, session: None, over: (number as i64 + 1) * DAY }
    });
    Frame {
        time: whole(opens.iter().map(|&at| at as i64 * DAY / 4).collect()),
        timeframe: DAY / 4,
        days: days.collect(),
        ..frame(&bars)
    }
}

#[test]
fn a_day_ends_where_the_clock_says_or_at_the_next_open() {
    let overnight = Some(ClosedBy::Overnight);
    let mut settings = Settings::default();
    settings.risk.overnight = false;
    let held = |opens: &[usize], settings: &Settings| {
        let rules = signals(opens.len(), [&[0], &[], &[], &[]]);
        trades(&walk(&quarters(opens), &[rules], settings))
    };
    assert_eq!(held(&[0, 1, 2, 3, 4, 5], &settings), [(1, 11.0, 3, 13.0, overnight)]);
    // The last quarter is missing, and with it the next day's first.
    assert_eq!(held(&[0, 1, 2, 5, 6], &settings), [(1, 11.0, 3, 15.0, overnight)]);
    // Nobody knows yet whether it will come.
    assert_eq!(held(&[0, 1, 2], &settings), [(1, 11.0, 2, 12.0, None)]);
    // The same for a time of day at which there is no bar any more.
    settings.risk.overnight = true;
    settings.risk.flat_by = Some(DAY / 4 * 3);
    assert_eq!(held(&[0, 1, 2, 5, 6], &settings), [(1, 11.0, 3, 15.0, overnight)]);
    // With closes of their own, orders of the day's last close are refused, and others are not.
    settings.axes.fill = model::Fill::Close;
    assert_eq!(held(&[3, 4, 5], &settings), []);
    assert_eq!(held(&[2, 4, 5], &settings), [(0, 12.0, 1, 14.0, overnight)]);
}

#[test]
fn a_weight_of_the_first_close_is_restored_once() {
    let mut settings = Settings { costs: costs(0.01, 0.0, 0.0), ..Settings::default() };
    settings.axes.fill = model::Fill::Close;
    settings.rebalance.every = super::settings::Every::Month;
    let weight = Some(whole(vec![0.5; 6]));
    let rules = Signals { weight, ..signals(6, [&[], &[], &[], &[]]) };
    let outcome = walk(&frame(&RISING), &[rules], &settings);
    assert_eq!(trades(&outcome), [(0, 10.0, 5, 15.0, None)]);
    assert_eq!(outcome.fills.len(), 1);
}

#[test]
fn a_weight_is_not_raised_at_the_close_at_which_a_guard_trips() {
    let mut settings = Settings::default();
    settings.axes.fill = model::Fill::Close;
    let action = super::settings::Action::Block;
    settings.risk.max_drawdown =
        Some(super::settings::Breaker { limit: 0.02, action, cooldown: None });
    let weight = Some(whole(vec![0.5; 6]));
    let rules = Signals { weight, ..signals(6, [&[], &[], &[], &[]]) };
    // 50 units at 100 lose 250 by the close of 95, where more of them would be bought.
    let outcome = walk(&frame(&FALLING), &[rules], &settings);
    assert_eq!(outcome.fills.len(), 1);
    assert_eq!(outcome.refused.of(Reason::MaxDrawdown), 3);
}

#[test]
fn a_delayed_weight_waits_for_its_delay() {
    let mut settings = Settings::default();
    settings.axes.delay = 1;
    let weights = whole(vec![1.0, f64::NAN, f64::NAN, f64::NAN, f64::NAN, f64::NAN]);
    let rules = Signals { weight: Some(weights), ..signals(6, [&[], &[], &[], &[]]) };
    let outcome = walk(&frame(&RISING), &[rules], &settings);
    assert_eq!(trades(&outcome), [(2, 11.0, 5, 15.0, None)]);
}

#[test]
fn an_account_that_is_spent_enters_no_dust() {
    for cents in 0..200 {
        let price = 7.0 + 0.01 * f64::from(cents);
        let symbols = [price, 1.3 * price].map(|price| frame(&[[price; 4]; 3]).symbols.remove(0));
        let frame = daily(3, symbols.to_vec());
        let rules = [signals(3, [&[0], &[], &[], &[]]), signals(3, [&[0], &[], &[], &[]])];
        let settings = Settings { costs: costs(0.001, 0.0, 0.0005), ..Settings::default() };
        let outcome = walk(&frame, &rules, &settings);
        assert_eq!((outcome.trades.len(), outcome.refused.of(Reason::NoCash)), (1, 1), "{price}");
    }
}
