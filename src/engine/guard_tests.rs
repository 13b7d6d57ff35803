//! Guards and ruin on bars small enough to be followed by eye.

use super::model;
use super::settings::{Action, Breaker, Settings, Sizing, Span};
use super::tests::{daily, frame, signals, stop, trades, walk, whole};
use super::trade::ClosedBy;

#[test]
fn what_a_close_decides_after_a_cooldown_fills_at_that_close() {
    let frame = frame(&[[100.0; 4], [90.0; 4], [90.0; 4], [90.0; 4]]);
    let mut settings = Settings::default();
    settings.axes.fill = model::Fill::Close;
    let cooldown = Some(Span::Bars(1));
    settings.risk.max_drawdown = Some(Breaker { limit: 0.05, action: Action::Flatten, cooldown });
    let outcome = walk(&frame, &[signals(4, [&[0, 2], &[], &[], &[]])], &settings);
    assert_eq!(
        trades(&outcome),
        [(0, 100.0, 2, 90.0, Some(ClosedBy::MaxDrawdown)), (2, 90.0, 3, 90.0, None)]
    );
}

#[test]
fn a_liquidation_that_waits_for_volume_is_one() {
    let mut held = frame(&[[100.0; 4], [100.0; 4], [80.0; 4], [80.0; 4], [80.0; 4]]);
    held.symbols[0].volume = whole(vec![9.0, 9.0, 9.0, 0.0, 9.0]);
    let idle = frame(&[[50.0; 4]; 5]);
    let symbols = [held, idle].map(|mut frame| frame.symbols.remove(0));
    let mut settings = Settings { sizing: Sizing::Units(150.0), ..Settings::default() };
    settings.trading.leverage = 2.0;
    settings.trading.maintenance = 0.6;
    settings.trading.min_volume = 1.0;
    let rules = [signals(5, [&[0], &[], &[], &[]]), signals(5, [&[], &[], &[], &[]])];
    // At 80 there are 7,000 left, and 60 % of 12,000 are needed.
    let outcome = walk(&daily(5, symbols.to_vec()), &rules, &settings);
    assert_eq!(trades(&outcome), [(1, 100.0, 4, 80.0, Some(ClosedBy::Liquidation))]);
    assert_eq!(outcome.liquidations, 1);
}

#[test]
fn a_stop_that_costs_more_than_there_is_ruins() {
    let bars = [[100.0; 4], [100.0; 4], [250.0; 4], [250.0; 4]];
    let settings = Settings { risk: stop(), ..Settings::default() };
    let outcome = walk(&frame(&bars), &[signals(4, [&[], &[], &[0], &[]])], &settings);
    assert_eq!(trades(&outcome), [(1, 100.0, 2, 250.0, Some(ClosedBy::StopLoss))]);
    assert_eq!((outcome.ruined, outcome.liquidations), (Some(2), 1));
}

#[test]
fn an_account_that_survives_its_ruin_is_not_closed_for_want_of_a_maintenance() {
    let bars = [[100.0; 4], [100.0; 4], [250.0; 4], [250.0; 4]];
    let mut settings = Settings::default();
    settings.pins.survives_ruin = true;
    settings.risk.daily_loss = Some(Breaker { limit: 9.0, action: Action::Block, cooldown: None });
    let outcome = walk(&frame(&bars), &[signals(4, [&[], &[], &[0], &[]])], &settings);
    assert_eq!(trades(&outcome), [(1, 100.0, 3, 250.0, None)]);
    assert_eq!((outcome.ruined, outcome.liquidations), (None, 0));
}
