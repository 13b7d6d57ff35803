//! The walk against vectorbt 1.2.0 on real prices: same trades, same equity at every bar.
//!
//! vectorbt fills at the signal's close (or, with shifted signals, at the next open), sizes with all
//! cash, measures stops from the entry's close and first tests them on the next bar. Those rules are
//! axes here, so its results are reproduced without its model's name.

use super::cost::Costs;
use super::frame::{Aligned, Day, Frame};
use super::model;
use super::settings::{Distance, Risk, Settings};
use super::walk::Walk;
use crate::bars::{Cut, DAY, Mask, Zone};
use crate::expr::indicators::sma;
use crate::strategy::Signals;
use std::path::PathBuf;
use std::sync::Arc;

/// The rows of a CSV file of the oracles by column; `None` where they are absent.
#[expect(clippy::print_stdout, reason = "a test says what it compared or skipped")]
fn table(path: &str) -> Option<(Vec<String>, Vec<Vec<String>>)> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    if !root.is_dir() {
        assert!(
            std::env::var_os("PAPERTAPE_SHARED_REQUIRED").is_none(),
            "skipped: {path} is not here, and it is required"
        );
        println!("skipped: {path} is not here");
        return None;
    }
    let text = std::fs::read_to_string(root.join(path)).expect("the oracle is complete");
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    Some((lines.next()?, lines.collect()))
}

fn column(table: &(Vec<String>, Vec<Vec<String>>), name: &str) -> Vec<String> {
    let at = table.0.iter().position(|known| known == name).expect("the column is there");
    table.1.iter().map(|row| row[at].clone()).collect()
}

fn numbers(table: &(Vec<String>, Vec<Vec<String>>), name: &str) -> Vec<f64> {
    column(table, name).iter().map(|text| text.parse().expect("a number")).collect()
}

fn goog() -> Option<(Frame, Vec<String>)> {
    let bars = table("market/test/goog-daily.csv")?;
    let cut = |name: &str| {
        let values: Arc<[f64]> = numbers(&bars, name).into();
        Cut::new(&values, 0..values.len())
    };
    let dates = column(&bars, "timestamp");
    let len = dates.len();
    let time: Arc<[i64]> = (0..len as i64).map(|day| day * DAY).collect();
    let frame = Frame {
        time: Cut::new(&time, 0..len),
        timeframe: DAY,
        zone: Zone::utc(),
        days: (0..len).map(|day| Day { number: day as i32, end: day + 1, session: None }).collect(),
        bars_a_year: 365.0,
        symbols: vec![Aligned {
            open: cut("open"),
            high: cut("high"),
            low: cut("low"),
            close: cut("close"),
            name: "GOOG".into(),
            volume: cut("volume"),
            present: None,
            actions: Arc::new([]),
        }],
    };
    Some((frame, dates))
}

/// SMA 10/20 crosses up and down.
fn crosses(frame: &Frame) -> (Mask, Mask) {
    let close: &[f64] = &frame.symbols[0].close;
    let (fast, slow) = (sma(close, 10), sma(close, 20));
    let up = |t: usize| t > 0 && fast[t - 1] < slow[t - 1] && fast[t] > slow[t];
    let down = |t: usize| t > 0 && fast[t - 1] > slow[t - 1] && fast[t] < slow[t];
    (Mask::from_fn(close.len(), up), Mask::from_fn(close.len(), down))
}

fn close_to(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b.abs().max(1e-9)
}

/// Run one case and compare every trade and every bar's equity.
fn agrees(case: &str, long_short: bool, settings: Settings) {
    let Some((frame, dates)) = goog() else { return };
    let (up, down) = crosses(&frame);
    let none = Signals {
        exit_long: Mask::zeros(up.len()),
        enter_short: Mask::zeros(up.len()),
        exit_short: Mask::zeros(up.len()),
        ..Signals::default()
    };
    let signals = match long_short {
        true => Signals { enter_long: up, enter_short: down, ..none },
        false => Signals { enter_long: up, exit_long: down, ..none },
    };
    let mut walk = Walk::default();
    let outcome = walk.run(&frame, &[signals], &settings, false);
    let file =
        |kind: &str| table(&format!("oracles/vectorbt/{case}.{kind}.csv")).expect("checked above");
    let trades = file("trades");
    assert_eq!(outcome.trades.len(), trades.1.len(), "{case}: number of trades");
    let (entries, exits) = (column(&trades, "Entry Timestamp"), column(&trades, "Exit Timestamp"));
    let directions = column(&trades, "Direction");
    let fields =
        ["Size", "Avg Entry Price", "Avg Exit Price", "PnL"].map(|name| numbers(&trades, name));
    for (index, trade) in outcome.trades.iter().enumerate() {
        assert_eq!(dates[trade.entry_bar], entries[index], "{case}: entry of trade {index}");
        assert_eq!(dates[trade.exit_bar], exits[index], "{case}: exit of trade {index}");
        assert_eq!(trade.side.word(), directions[index].to_lowercase(), "{case}: trade {index}");
        let ours = [trade.units, trade.entry_price, trade.exit_price, trade.profit];
        for (ours, theirs) in ours.iter().zip(&fields) {
            // A profit that nearly cancels is as exact as the money that it is the rest of.
            let scale = trade.units * trade.entry_price;
            let same =
                close_to(*ours, theirs[index]) || (ours - theirs[index]).abs() <= 1e-12 * scale;
            assert!(same, "{case}: trade {index}: {ours} is not {}", theirs[index]);
        }
    }
    let equity = numbers(&file("equity"), "equity");
    let closes: &[f64] = &frame.symbols[0].close;
    for (bar, (ours, theirs)) in
        outcome.equity(&[closes], frame.len()).iter().zip(&equity).enumerate()
    {
        assert!(close_to(*ours, *theirs), "{case}: equity at bar {bar}: {ours} is not {theirs}");
    }
}

fn at_close(rate: f64, slippage: f64) -> Settings {
    let mut settings = Settings { costs: Costs::fractions(rate, slippage), ..Settings::default() };
    settings.axes.fill = model::Fill::Close;
    settings.axes.stop_on_entry_bar = model::StopOnEntryBar::Never;
    settings.axes.stop_base = model::StopBase::SignalClose;
    settings.axes.slippage_on_stops = false;
    settings
}

#[test]
fn long_at_the_close_is_what_vectorbt_makes() {
    agrees("goog_long_close", false, at_close(0.001, 0.0005));
    agrees("goog_long_close_nocost", false, at_close(0.0, 0.0));
}

#[test]
fn long_at_the_next_open_is_what_vectorbt_makes() {
    let costs = Costs::fractions(0.002, 0.0);
    agrees("goog_long_nextopen", false, Settings { costs, ..Settings::default() });
}

#[test]
fn long_and_short_is_what_vectorbt_makes() {
    agrees("goog_longshort_close", true, at_close(0.001, 0.0));
}

#[test]
fn stops_and_targets_are_where_vectorbt_has_them() {
    let fraction = |fraction| Some(Distance::Fraction(fraction));
    let risk = Risk { stop_loss: fraction(0.05), take_profit: fraction(0.1), ..Risk::default() };
    agrees("goog_sl5_tp10_ohlc", false, Settings { risk, ..at_close(0.001, 0.0) });
    let risk = Risk { trailing_stop: fraction(0.08), ..Risk::default() };
    agrees("goog_trail8_ohlc", false, Settings { risk, ..at_close(0.001, 0.0) });
}
