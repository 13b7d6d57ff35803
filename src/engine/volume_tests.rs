//! Bars that have too little volume for all of an order, small enough to be followed by eye.

use super::model::Units;
use super::order::{Cause, OrderStatus, Reason};
use super::outcome::{Event, Outcome, What};
use super::settings::{Action, Breaker, Risk, Settings, Sizing};
use super::tests::{frame, risk, signals, stop, trades, walk, whole};
use super::trade::{Basis, ClosedBy};
use crate::strategy::Signals;

/// Two entries of five units at 100 and 110, over bars of which each fills half of its volume.
fn thin(bars: &[[f64; 4]], volumes: &[f64], risk: Risk) -> Outcome {
    let mut frame = frame(bars);
    frame.symbols[0].volume = whole(volumes.to_vec());
    let mut settings =
        Settings { sizing: Sizing::Units(5.0), max_entries: 2, risk, ..Settings::default() };
    settings.trading.max_participation = Some(0.5);
    walk(&frame, &[signals(bars.len(), [&[0, 1], &[], &[], &[]])], &settings)
}

#[test]
fn the_rest_of_a_stopped_entry_goes_at_the_next_open_and_takes_no_other_along() {
    let bars =
        [[100.0; 4], [100.0; 4], [110.0; 4], [105.0, 105.0, 95.0, 96.0], [97.0; 4], [120.0; 4]];
    let outcome = thin(&bars, &[10.0, 10.0, 10.0, 4.0, 10.0, 10.0], stop());
    let stop = Some(ClosedBy::StopLoss);
    assert_eq!(
        trades(&outcome),
        [(2, 110.0, 3, 99.0, stop), (2, 110.0, 4, 97.0, stop), (1, 100.0, 5, 120.0, None)]
    );
    let units: Vec<f64> = outcome.trades.iter().map(|trade| trade.units).collect();
    assert_eq!(units, [2.0, 3.0, 5.0]);
    assert_eq!(outcome.fills[3].basis, Basis::CarriedOpen);
}

#[test]
fn the_rest_of_a_target_waits_for_its_price() {
    let bars = [
        [100.0; 4],
        [100.0; 4],
        [110.0; 4],
        [110.0, 122.0, 110.0, 115.0],
        [115.0, 116.0, 114.0, 115.0],
        [115.0, 125.0, 114.0, 120.0],
    ];
    let outcome = thin(&bars, &[10.0, 10.0, 10.0, 4.0, 10.0, 100.0], risk(None, Some(0.125), None));
    let target = Some(ClosedBy::TakeProfit);
    assert_eq!(
        trades(&outcome),
        [(1, 100.0, 3, 112.5, target), (1, 100.0, 4, 115.0, target), (2, 110.0, 5, 123.75, target)]
    );
}

#[test]
fn a_signal_that_stays_lets_the_rest_of_its_entry_go_on() {
    let mut frame = frame(&[[100.0; 4]; 8]);
    frame.symbols[0].volume = whole(vec![4.0; 8]);
    let stays = || signals(8, [&[0, 1, 2, 3, 4, 5, 6], &[], &[], &[]]);
    let limited = Signals { limit: Some(whole(vec![100.0; 8])), ..stays() };
    for rules in [stays(), limited] {
        for max_entries in [1, 2] {
            let mut settings =
                Settings { sizing: Sizing::Units(5.0), max_entries, ..Settings::default() };
            settings.trading.max_participation = Some(0.5);
            let outcome = walk(&frame, std::slice::from_ref(&rules), &settings);
            let fills: Vec<_> = outcome.fills.iter().map(|fill| (fill.bar, fill.units)).collect();
            let all = [(1, 2.0), (2, 2.0), (3, 1.0), (4, 2.0), (5, 2.0), (6, 1.0)];
            assert_eq!(fills, all[..3 * max_entries]);
            let fates: Vec<_> = outcome.orders.iter().map(|order| order.status).collect();
            let full = [OrderStatus::Filled(3), OrderStatus::Filled(6)];
            assert_eq!(fates, full[..max_entries]);
        }
    }
}

#[test]
fn what_takes_the_rest_of_an_entry_back_is_told() {
    let mut frame = frame(&[[100.0; 4]; 6]);
    frame.symbols[0].volume = whole(vec![4.0; 6]);
    let mut settings = Settings { sizing: Sizing::Units(5.0), ..Settings::default() };
    settings.trading.max_participation = Some(0.5);
    let cause = |rules| {
        let outcome = walk(&frame, &[rules], &settings);
        assert_eq!(outcome.fills[0].order, Some(0));
        let (OrderStatus::Cancelled(cause), bar) = (outcome.orders[0].status, 1) else {
            panic!("{:?}", outcome.orders[0])
        };
        let what = What::Cancelled { order: 0, cause };
        assert_eq!(outcome.events[0], Event { bar, symbol: Some(0), what });
        cause
    };
    assert_eq!(cause(signals(6, [&[0], &[1], &[], &[]])), Cause::Exit);
    assert_eq!(cause(signals(6, [&[0], &[], &[1], &[]])), Cause::Entry);
}

#[test]
fn the_parts_of_one_entry_are_one_loss() {
    let mut frame =
        frame(&[100.0, 100.0, 99.0, 98.0, 97.0, 96.0, 96.0, 95.0, 95.0, 95.0].map(|p| [p; 4]));
    frame.symbols[0].volume =
        whole(vec![60.0, 60.0, 20.0, 20.0, 20.0, 40.0, 40.0, 40.0, 60.0, 60.0]);
    let rules = signals(10, [&[0, 4, 8], &[1, 6], &[], &[]]);
    let mut settings = Settings { sizing: Sizing::Units(30.0), ..Settings::default() };
    settings.trading.max_participation = Some(0.5);
    let limit = Breaker { limit: 2.0, action: Action::Block, cooldown: None };
    settings.risk.max_consecutive_losses = Some(limit);
    let outcome = walk(&frame, &[rules], &settings);
    let parts: Vec<_> =
        outcome.trades.iter().map(|trade| (trade.entry_bar, trade.exit_bar, trade.units)).collect();
    assert_eq!(parts, [(1, 2, 10.0), (1, 3, 10.0), (1, 4, 10.0), (5, 7, 20.0), (6, 8, 10.0)]);
    let tripped = outcome.events.iter().map(|event| (event.bar, event.what));
    let tripped: Vec<_> =
        tripped.filter(|(_, what)| matches!(what, What::Tripped { .. })).collect();
    assert_eq!(tripped.len(), 1, "{tripped:?}");
    assert_eq!(tripped[0].0, 8);
    assert_eq!(outcome.refused.of(Reason::MaxConsecutiveLosses), 1);
}

#[test]
fn what_a_thin_bar_sells_are_units_that_exist() {
    let bars = [[100.0; 4], [100.0; 4], [100.0, 100.0, 85.0, 86.0], [86.0; 4], [86.0; 4]];
    let mut frame = frame(&bars);
    frame.symbols[0].volume = whole(vec![10.0, 10.0, 5.0, 10.0, 10.0]);
    let sold = |risk: Risk, exits: &[usize]| {
        let mut settings = Settings { sizing: Sizing::Units(5.0), risk, ..Settings::default() };
        settings.trading.max_participation = Some(0.5);
        settings.axes.units = Units::Integer;
        let outcome = walk(&frame, &[signals(5, [&[0], exits, &[], &[]])], &settings);
        outcome.fills.iter().map(|fill| (fill.bar, fill.units)).collect::<Vec<_>>()
    };
    assert_eq!(sold(Risk::default(), &[1]), [(1, 5.0), (2, -2.0), (3, -3.0)]);
    assert_eq!(sold(stop(), &[]), [(1, 5.0), (2, -2.0), (3, -3.0)]);
}

/// What each bar fills of an entry of five units, and what becomes of the order.
fn whole_units(bars: &[[f64; 4]], volume: f64, change: impl Fn(&mut Settings)) -> Outcome {
    let mut frame = frame(bars);
    frame.symbols[0].volume = whole([vec![1.0; 2], vec![volume; bars.len() - 2]].concat());
    let mut settings = Settings { sizing: Sizing::Units(5.0), ..Settings::default() };
    settings.trading.max_participation = Some(0.5);
    settings.axes.units = Units::Integer;
    change(&mut settings);
    walk(&frame, &[signals(bars.len(), [&[0], &[], &[], &[]])], &settings)
}

#[test]
fn an_entry_waits_for_bars_that_have_a_unit_of_it() {
    for min_units in [0.0, 4.0] {
        let outcome = whole_units(&[[100.0; 4]; 5], 6.0, |s| s.trading.min_units = min_units);
        let fills: Vec<_> = outcome.fills.iter().map(|fill| (fill.bar, fill.units)).collect();
        assert_eq!((fills, outcome.refusals()), (vec![(2, 3.0), (3, 2.0)], 0));
    }
}

#[test]
fn an_order_whose_rest_costs_too_much_stays_filled() {
    let bars = [[100.0; 4], [100.0; 4], [100.0; 4], [1000.0; 4], [1000.0; 4]];
    let outcome = whole_units(&bars, 6.0, |settings| settings.capital = 500.0);
    assert_eq!(outcome.fills.len(), 1);
    let order = &outcome.orders[0];
    assert_eq!(
        (order.status, order.reduced),
        (OrderStatus::Filled(2), Some((Reason::NoCash, 3.0)))
    );
    assert_eq!((outcome.refusals(), outcome.reduced.of(Reason::NoCash)), (0, 1));
}
