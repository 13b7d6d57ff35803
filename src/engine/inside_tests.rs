//! Which of a bar's prices came first: stops and targets of one bar, entries inside it, and the finer
//! bars that tell.

use super::frame::Detail;
use super::model::{self, LimitGap, LimitTrigger, StopOnEntryBar};
use super::outcome::Outcome;
use super::settings::Settings;
use super::tests::{bracket, frame, protected, risk, signals, trades, walk, whole};
use super::trade::{Basis, ClosedBy};
use crate::strategy::Signals;
use std::sync::Arc;

#[test]
fn a_bar_that_reaches_both_is_ambiguous_unless_it_opens_there() {
    let both = [[10.0; 4], [10.0, 12.0, 8.0, 10.0]];
    let stop = protected(&both, bracket(), |_| {});
    assert_eq!(trades(&stop), [(1, 10.0, 1, 9.0, Some(ClosedBy::StopLoss))]);
    assert_eq!(stop.ambiguous_exits, 1);
    let target = protected(&both, bracket(), |s| s.axes.intrabar = model::Intrabar::TargetFirst);
    assert_eq!(trades(&target), [(1, 10.0, 1, 11.0, Some(ClosedBy::TakeProfit))]);
    assert_eq!(target.ambiguous_exits, 1);
    let gap = [[10.0; 4], [10.0, 10.5, 9.5, 10.0], [11.5, 12.0, 8.0, 10.0]];
    let outcome = protected(&gap, bracket(), |_| {});
    assert_eq!(trades(&outcome), [(1, 10.0, 2, 11.5, Some(ClosedBy::TakeProfit))]);
    assert_eq!(outcome.ambiguous_exits, 0);
}

#[test]
fn a_target_is_met_on_the_way_to_the_high_that_moves_the_stop() {
    // Up to 120 and back to 105: a stop 10 % below the high lies at 108, above the target of 106.
    let bars = [
        [100.0, 100.0, 99.0, 100.0],
        [100.0, 100.0, 99.0, 100.0],
        [100.0, 120.0, 99.0, 105.0],
        [105.0, 106.0, 104.0, 105.0],
    ];
    let mut settings = Settings { risk: risk(None, Some(0.06), Some(0.1)), ..Settings::default() };
    settings.axes.trailing_from = model::TrailingFrom::ExtremeSameBar;
    let outcome = walk(&frame(&bars), &[signals(4, [&[0], &[], &[], &[]])], &settings);
    assert_eq!(trades(&outcome), [(1, 100.0, 2, 106.0, Some(ClosedBy::TakeProfit))]);
    assert_eq!(outcome.ambiguous_exits, 0);
}

#[test]
fn a_stop_moved_by_its_own_bar_is_ambiguous_where_the_order_of_its_extremes_decides() {
    // 10 % below the high of 120 lies 108: met on the way down, or, if the low came first, not at all.
    let bars = [
        [100.0, 100.0, 99.0, 100.0],
        [100.0, 100.0, 99.0, 100.0],
        [100.0, 120.0, 99.0, 115.0],
        [115.0, 116.0, 107.0, 110.0],
    ];
    let walked = |intrabar, finer: &[[f64; 4]]| {
        let mut frame = frame(&bars);
        if !finer.is_empty() {
            let ends = vec![0, 0, finer.len(), finer.len()];
            frame.symbols[0].detail = Some(Arc::new(Detail { ends, bars: finer.to_vec() }));
        }
        let mut settings = Settings { risk: risk(None, None, Some(0.1)), ..Settings::default() };
        settings.axes.trailing_from = model::TrailingFrom::ExtremeSameBar;
        settings.axes.intrabar = intrabar;
        let outcome = walk(&frame, &[signals(4, [&[0], &[], &[], &[]])], &settings);
        (trades(&outcome), outcome.ambiguous_exits)
    };
    let stopped = |bar, price| vec![(1, 100.0, bar, price, Some(ClosedBy::TrailingStop))];
    for intrabar in [model::Intrabar::Ohlc, model::Intrabar::StopFirst] {
        assert_eq!(walked(intrabar, &[]), (stopped(2, 108.0), 1));
    }
    assert_eq!(walked(model::Intrabar::Olhc, &[]), (stopped(3, 108.0), 0));
    let low_first = [[100.0, 101.0, 99.0, 101.0], [101.0, 120.0, 112.0, 115.0]];
    assert_eq!(walked(model::Intrabar::Ohlc, &low_first), (stopped(3, 108.0), 0));
    let high_first = [[100.0, 120.0, 110.0, 110.0], [110.0, 116.0, 99.0, 115.0]];
    assert_eq!(walked(model::Intrabar::Ohlc, &high_first), (stopped(2, 108.0), 0));
    // What does not reach the high of the bar is not all of it.
    assert_eq!(walked(model::Intrabar::Ohlc, &low_first[..1]), (stopped(2, 108.0), 1));
}

#[test]
fn an_entry_inside_a_bar_meets_its_target_on_the_way_to_the_close() {
    let bars = [[100.0, 101.0, 99.0, 100.0], [100.0, 100.0, 94.0, 99.0], [99.0, 100.0, 98.0, 99.0]];
    let rules = Signals {
        limit: Some(whole(vec![95.0; 3])),
        target: Some(whole(vec![97.0; 3])),
        ..signals(3, [&[0], &[], &[], &[]])
    };
    let outcome = walk(&frame(&bars), &[rules], &Settings::default());
    assert_eq!(trades(&outcome), [(1, 95.0, 1, 97.0, Some(ClosedBy::Target))]);
    assert_eq!(outcome.ambiguous_exits, 0, "no order of its prices leaves the target out");
}

/// An entry at `wait` (limit, trigger) inside bar 1 with a stop and a target, and finer bars of bar 1.
fn inside(
    bar: [f64; 4],
    [limit, trigger]: [Option<f64>; 2],
    [stop, target]: [f64; 2],
    finer: &[[f64; 4]],
) -> Outcome {
    let mut frame = frame(&[[100.0; 4], bar, [bar[3]; 4]]);
    if !finer.is_empty() {
        let ends = vec![0, finer.len(), finer.len()];
        frame.symbols[0].detail = Some(Arc::new(Detail { ends, bars: finer.to_vec() }));
    }
    let column = |price: f64| whole(vec![price; 3]);
    let rules = Signals {
        limit: limit.map(column),
        trigger: trigger.map(column),
        stop: Some(column(stop)),
        target: Some(column(target)),
        ..signals(3, [&[0], &[], &[], &[]])
    };
    walk(&frame, &[rules], &Settings::default())
}

#[test]
fn finer_bars_tell_what_came_after_an_entry_inside_a_bar() {
    let bar = [100.0, 101.0, 92.0, 99.0];
    let limit = [Some(95.0), None];
    let coarse = inside(bar, limit, [93.0, 98.0], &[]);
    assert_eq!(trades(&coarse), [(1, 95.0, 1, 93.0, Some(ClosedBy::Stop))]);
    assert_eq!(coarse.ambiguous_exits, 1);
    let up_first = [[100.0, 101.0, 94.0, 96.0], [96.0, 98.5, 96.0, 98.0], [98.0, 99.0, 92.0, 99.0]];
    let fine = inside(bar, limit, [93.0, 98.0], &up_first);
    assert_eq!(trades(&fine), [(1, 95.0, 1, 98.0, Some(ClosedBy::Target))]);
    assert_eq!(fine.fills[1].basis, Basis::TargetDetail);
    assert_eq!(fine.ambiguous_exits, 0);
    // The reading takes the high of 103 to be past; it was not.
    let bar = [100.0, 103.0, 94.0, 96.0];
    let high_last = [[100.0, 100.0, 94.0, 95.5], [95.5, 103.0, 95.0, 96.0]];
    assert_eq!(trades(&inside(bar, limit, [90.0, 102.0], &[])), [(1, 95.0, 2, 96.0, None)]);
    assert_eq!(
        trades(&inside(bar, limit, [90.0, 102.0], &high_last)),
        [(1, 95.0, 1, 102.0, Some(ClosedBy::Target))]
    );
    // The low of 97 was before the trigger.
    let bar = [100.0, 106.0, 97.0, 101.0];
    let low_first = [[100.0, 101.0, 97.0, 100.0], [100.0, 106.0, 100.0, 101.0]];
    let trigger = [None, Some(104.0)];
    assert_eq!(
        trades(&inside(bar, trigger, [98.0, 110.0], &[])),
        [(1, 104.0, 1, 98.0, Some(ClosedBy::Stop))]
    );
    assert_eq!(
        trades(&inside(bar, trigger, [98.0, 110.0], &low_first)),
        [(1, 104.0, 2, 101.0, None)]
    );
    // A finer bar that has both the entry and a level is read as the whole bar is.
    let one = inside(bar, trigger, [98.0, 110.0], &[bar]);
    assert_eq!(trades(&one), [(1, 104.0, 1, 98.0, Some(ClosedBy::Stop))]);
    assert_eq!(one.ambiguous_exits, 1);
}

#[test]
fn an_entry_that_its_bar_came_back_to_knows_nothing_of_the_open() {
    // Opened at 106 beyond the trigger of 104, and came back to it: the target of 105 lay before.
    let rules = Signals {
        trigger: Some(whole(vec![104.0; 3])),
        target: Some(whole(vec![105.0; 3])),
        ..signals(3, [&[0], &[], &[], &[]])
    };
    let bars = |close: f64| [[100.0; 4], [106.0, 107.0, 103.0, close], [104.5; 4]];
    let mut settings = Settings::default();
    settings.axes.gap_stop = model::GapStop::LevelIfInside;
    let held = walk(&frame(&bars(104.5)), std::slice::from_ref(&rules), &settings);
    assert_eq!(trades(&held), [(1, 104.0, 2, 104.5, None)]);
    let sold = walk(&frame(&bars(105.5)), &[rules], &settings);
    assert_eq!(trades(&sold), [(1, 104.0, 1, 105.0, Some(ClosedBy::Target))]);
}

/// The model of freqtrade with positions that are marked at the end.
fn freqtrade(change: impl Fn(&mut model::Axes)) -> Settings {
    let model = model::Model::named("freqtrade").unwrap();
    let mut axes = model::Axes { at_end: model::AtEnd::Mark, ..model.axes };
    change(&mut axes);
    Settings { axes, pins: model.pins, ..Settings::default() }
}

#[test]
fn an_entry_for_the_close_meets_the_other_side_at_the_close() {
    let at = [100.0; 4];
    let frame = frame(&[at, at, at, [100.0, 100.0, 80.0, 95.0], [95.0; 4], [95.0; 4]]);
    let walked = |exits: &[usize], risk| {
        let rules = signals(6, [&[0], exits, &[2], &[]]);
        let settings = freqtrade(|axes| axes.fill = model::Fill::NextClose);
        trades(&walk(&frame, &[rules], &Settings { risk, ..settings }))
    };
    let short = (3, 95.0, 5, 95.0, None);
    let left = |price, by| (1, 100.0, 3, price, Some(by));
    assert_eq!(walked(&[2], risk(None, None, None)), [left(95.0, ClosedBy::Rule), short]);
    let stopped = walked(&[], risk(Some(0.1), None, None));
    assert_eq!(stopped, [left(90.0, ClosedBy::StopLoss), short]);
}

#[test]
fn an_axis_that_is_set_holds_for_the_limits_of_freqtrade_too() {
    let walked = |bar: [f64; 4], change: fn(&mut model::Axes)| {
        let limit = Some(whole(vec![95.0; 3]));
        let rules = Signals { limit, ..signals(3, [&[0], &[], &[], &[]]) };
        let settings = Settings { risk: risk(Some(0.1), None, None), ..freqtrade(change) };
        trades(&walk(&frame(&[[100.0; 4], bar, [99.0; 4]]), &[rules], &settings))
    };
    let held = |price| [(1, price, 2, 99.0, None)];
    let deep = [100.0, 100.0, 80.0, 99.0];
    assert_eq!(walked(deep, |_| {}), [(1, 95.0, 1, 85.5, Some(ClosedBy::StopLoss))]);
    assert_eq!(walked(deep, |axes| axes.stop_on_entry_bar = StopOnEntryBar::Never), held(95.0));
    let touched = [100.0, 100.0, 95.0, 99.0];
    assert_eq!(walked(touched, |_| {}), held(95.0));
    assert_eq!(walked(touched, |axes| axes.limit_trigger = LimitTrigger::Through), []);
    let gap = [94.0, 96.0, 93.0, 95.0];
    assert_eq!(walked(gap, |_| {}), held(95.0));
    assert_eq!(walked(gap, |axes| axes.limit_gap = LimitGap::Improve), held(94.0));
}
