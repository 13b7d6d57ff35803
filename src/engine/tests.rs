//! Hand-made bars, properties over random ones, and other programs' results.

use super::cost::{Commission, Costs};
use super::frame::{Aligned, Day, Frame};
use super::model::{self, AtEnd, StopBase, StopOnEntryBar};
use super::outcome::Outcome;
use super::settings::{Distance, Risk, Settings, Sizing};
use super::trade::{ClosedBy, Moment, Side};
use super::walk::Walk;
use crate::bars::{Cut, DAY, Mask, Zone};
use crate::strategy::Signals;
use std::sync::Arc;

/// One symbol, one bar a day.
fn frame(bars: &[[f64; 4]]) -> Frame {
    let column = |index: usize| whole(bars.iter().map(|bar| bar[index]).collect());
    let symbols = vec![Aligned {
        open: column(0),
        high: column(1),
        low: column(2),
        close: column(3),
        name: "X".into(),
        volume: column(3),
        present: None,
        actions: Arc::new([]),
    }];
    daily(bars.len(), symbols)
}

fn whole<T>(values: Vec<T>) -> Cut<T> {
    let len = values.len();
    Cut::new(&Arc::from(values), 0..len)
}

fn daily(len: usize, symbols: Vec<Aligned>) -> Frame {
    Frame {
        time: whole((0..len as i64).map(|day| day * DAY).collect()),
        timeframe: DAY,
        zone: Zone::utc(),
        days: (0..len).map(|day| Day { number: day as i32, end: day + 1, session: None }).collect(),
        bars_a_year: 365.0,
        symbols,
    }
}

/// Rules that are true on the given bars: enter long, exit long, enter short, exit short.
fn signals(len: usize, bars: [&[usize]; 4]) -> Signals {
    let mask = |bars: &[usize]| Mask::from_fn(len, |bar| bars.contains(&bar));
    let [a, b, c, d] = bars.map(mask);
    Signals { enter_long: a, exit_long: b, enter_short: c, exit_short: d, ..Signals::default() }
}

fn walk(frame: &Frame, signals: &[Signals], settings: &Settings) -> Outcome {
    Walk::default().run(frame, signals, settings, true).clone()
}

fn costs(rate: f64, per_unit: f64, slippage: f64) -> Costs {
    let mut costs = Costs::fractions(rate, slippage);
    costs.commission = Commission { per_unit, ..costs.commission };
    costs
}

fn risk(stop: Option<f64>, target: Option<f64>, trailing: Option<f64>) -> Risk {
    let [stop_loss, take_profit, trailing_stop] =
        [stop, target, trailing].map(|distance| distance.map(Distance::Fraction));
    Risk { stop_loss, take_profit, trailing_stop, ..Risk::default() }
}

fn stop() -> Risk {
    risk(Some(0.1), None, None)
}

fn bracket() -> Risk {
    risk(Some(0.1), Some(0.1), None)
}

/// Entry bar and price, exit bar and price, and why, for each trade.
fn trades(outcome: &Outcome) -> Vec<(usize, f64, usize, f64, Option<ClosedBy>)> {
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
fn the_last_bars_rule_has_no_bar_to_be_filled_on() {
    let frame = frame(&RISING);
    let outcome = walk(&frame, &[signals(6, [&[5], &[], &[], &[]])], &Settings::default());
    assert!(outcome.fills.is_empty());
    assert_eq!(outcome.orders[0].status, super::OrderStatus::Pending);
}

fn protected(bars: &[[f64; 4]], risk: Risk, change: impl Fn(&mut Settings)) -> Outcome {
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

mod properties {
    use super::*;
    use proptest::prelude::*;

    /// Bars that jump and gap, rules that are often true, and settings of every kind.
    fn bars(len: usize) -> impl Strategy<Value = Vec<[f64; 4]>> {
        let bar = (-0.1..0.1_f64, 0.0..0.08_f64, 0.0..0.08_f64, -0.05..0.05_f64);
        prop::collection::vec(bar, len).prop_map(|steps| {
            let mut close = 100.0;
            let step = |(gap, up, down, body): (f64, f64, f64, f64)| {
                let open = close * (1.0 + gap);
                close = open * (1.0 + body);
                [open, open.max(close) * (1.0 + up), open.min(close) * (1.0 - down), close]
            };
            steps.into_iter().map(step).collect()
        })
    }

    fn rules(len: usize) -> impl Strategy<Value = Signals> {
        let mask = || prop::collection::vec(prop::bool::weighted(0.15), len);
        (mask(), mask(), mask(), mask()).prop_map(move |(a, b, c, d)| {
            let mask = |bits: Vec<bool>| Mask::from_fn(len, |bar| bits[bar]);
            Signals {
                enter_long: mask(a),
                exit_long: mask(b),
                enter_short: mask(c),
                exit_short: mask(d),
                ..Signals::default()
            }
        })
    }

    fn settings() -> impl Strategy<Value = Settings> {
        let fraction = || prop::option::of(0.01..0.15_f64);
        let sizing = prop_oneof![
            (0.1..1.0_f64).prop_map(Sizing::Equity),
            (100.0..20_000.0_f64).prop_map(Sizing::Cash),
            (1.0..200.0_f64).prop_map(Sizing::Units),
        ];
        let costs = (0.0..0.01_f64, 0.0..0.1_f64, 0.0..0.01_f64)
            .prop_map(|(rate, per_unit, slippage)| super::costs(rate, per_unit, slippage));
        let flags = prop::array::uniform9(any::<bool>());
        (fraction(), fraction(), fraction(), sizing, costs, flags).prop_map(
            |(stop_loss, take_profit, trailing_stop, sizing, costs, flags)| {
                let mut settings = Settings {
                    capital: 10_000.0,
                    sizing,
                    costs,
                    risk: super::risk(stop_loss, take_profit, trailing_stop),
                    ..Settings::default()
                };
                let axes = &mut settings.axes;
                let [close, never, target, level, lagged, signal, slip, cancel, integer] = flags;
                if close {
                    axes.fill = if level { model::Fill::NextClose } else { model::Fill::Close }
                }
                if never {
                    axes.stop_on_entry_bar = StopOnEntryBar::Never
                }
                if target {
                    axes.intrabar = model::Intrabar::TargetFirst
                }
                if level {
                    axes.gap_stop = model::GapStop::Level
                }
                if lagged {
                    axes.trailing_from = model::TrailingFrom::Close
                }
                if signal {
                    axes.stop_base = StopBase::SignalClose
                }
                axes.slippage_on_stops = slip;
                if cancel {
                    axes.short_of_cash = model::ShortOfCash::Cancel
                }
                if integer {
                    axes.units = model::Units::Integer
                }
                settings
            },
        )
    }

    fn scene() -> impl Strategy<Value = (Frame, Vec<Signals>, Settings)> {
        let symbol = || (bars(60), rules(60), prop::collection::vec(prop::bool::weighted(0.9), 60));
        (prop::collection::vec(symbol(), 1..4), settings()).prop_map(|(symbols, settings)| {
            let single = symbols.len() == 1;
            let (aligned, rules): (Vec<_>, Vec<_>) = symbols
                .into_iter()
                .map(|(bars, rules, present)| {
                    if single {
                        (frame(&bars).symbols.remove(0), rules)
                    } else {
                        thin(&bars, &rules, &present)
                    }
                })
                .unzip();
            (daily(60, aligned), rules, settings)
        })
    }

    /// The symbol without the bars that are not `present`, nor their rules.
    fn thin(bars: &[[f64; 4]], rules: &Signals, present: &[bool]) -> (Aligned, Signals) {
        let mask = Mask::from_fn(bars.len(), |bar| present[bar]);
        let column = |index: usize| {
            whole(
                (0..bars.len())
                    .map(|t| if present[t] { bars[t][index] } else { f64::NAN })
                    .collect(),
            )
        };
        let mut last = f64::NAN;
        let close = (0..bars.len()).map(|t| {
            if present[t] {
                last = bars[t][3]
            }
            last
        });
        let aligned = Aligned {
            close: whole(close.collect()),
            open: column(0),
            high: column(1),
            low: column(2),
            name: "X".into(),
            volume: column(3),
            present: Some(Arc::new(mask.clone())),
            actions: Arc::new([]),
        };
        (aligned, rules.map(|rule| rule.zip(&mask, |a, b| a & b), Clone::clone))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        /// At every bar the account is worth its capital, what closed trades made, and what open
        /// ones would make at this close.
        #[test]
        fn the_account_adds_up_at_every_bar((frame, rules, settings) in scene()) {
            let outcome = walk(&frame, &rules, &settings);
            let closes: Vec<&[f64]> = frame.symbols.iter().map(|symbol| &symbol.close[..]).collect();
            let equity = outcome.equity(&closes, frame.len());
            for (t, equity) in equity.iter().enumerate() {
                let mut expected = settings.capital;
                for trade in &outcome.trades {
                    let entered = trade.entry_bar <= t;
                    let left = trade.closed_by.is_some() && trade.exit_bar <= t;
                    if left {
                        expected += trade.profit;
                    } else if entered {
                        let entry = outcome.fills.iter().find(|fill| {
                            fill.bar == trade.entry_bar && fill.symbol == trade.symbol && fill.closed_by.is_none()
                        }).expect("a trade has an entry");
                        let gain = closes[trade.symbol][t] - trade.entry_price;
                        expected += trade.side.sign() * trade.units * gain - entry.commission;
                    }
                }
                prop_assert!((equity - expected).abs() <= 1e-9 * settings.capital, "bar {t}: {equity} {expected}");
            }
        }

        #[test]
        fn no_fill_lies_outside_its_bar_unless_slippage_or_the_model_says_so((frame, rules, settings) in scene()) {
            let outcome = walk(&frame, &rules, &settings);
            for fill in &outcome.fills {
                let bars = &frame.symbols[fill.symbol];
                let room = settings.costs.slippage.price(1.0, 1.0, 0.0, 0.0, 0.0) - 1.0 + 1e-12;
                let level = settings.axes.gap_stop == model::GapStop::Level;
                let based_elsewhere = settings.axes.stop_base == StopBase::SignalClose;
                if !(level || based_elsewhere && fill.bar == fill.decided) {
                    prop_assert!(fill.price <= bars.high[fill.bar] * (1.0 + room), "{fill:?}");
                    prop_assert!(fill.price >= bars.low[fill.bar] * (1.0 - room), "{fill:?}");
                }
                prop_assert!(bars.present.as_ref().is_none_or(|present| present.get(fill.bar)));
            }
        }

        #[test]
        fn more_bars_at_the_end_change_no_earlier_trade((frame, rules, settings) in scene(), cut in 1_usize..60) {
            let long = walk(&frame, &rules, &settings);
            let shorter: Vec<Aligned> = frame.symbols.iter().map(|symbol| {
                let head = |column: &[f64]| whole(column[..cut].to_vec());
                Aligned {
                    open: head(&symbol.open), high: head(&symbol.high), low: head(&symbol.low), close: head(&symbol.close),
                    name: symbol.name.clone(), volume: head(&symbol.volume),
                    present: symbol.present.as_ref().map(|present| Arc::new(present.slice(0, cut))),
                    actions: Arc::new([]),
                }
            }).collect();
            let heads: Vec<Signals> = rules.iter().map(|rule| rule.slice(0, cut)).collect();
            let short = walk(&daily(cut, shorter), &heads, &settings);
            let until: Vec<_> = long.fills.iter().filter(|fill| fill.bar < cut).collect();
            prop_assert_eq!(short.fills.iter().collect::<Vec<_>>(), until);
        }

        /// Prices and capital times a power of two scale the money and nothing else.
        #[test]
        fn a_larger_world_is_the_same_world((frame, rules, mut settings) in scene()) {
            settings.costs.commission.per_unit = 0.0;
            settings.axes.units = model::Units::Fractional;
            settings.sizing = Sizing::Equity(0.7);
            let small = walk(&frame, &rules, &settings);
            let scaled: Vec<Aligned> = frame.symbols.iter().map(|symbol| {
                let twice = |column: &[f64]| whole(column.iter().map(|x| x * 4.0).collect());
                Aligned {
                    open: twice(&symbol.open), high: twice(&symbol.high), low: twice(&symbol.low), close: twice(&symbol.close),
                    name: symbol.name.clone(), volume: symbol.volume.clone(),
                    present: symbol.present.clone(),
                    actions: Arc::new([]),
                }
            }).collect();
            settings.capital *= 4.0;
            let large = walk(&daily(60, scaled), &rules, &settings);
            prop_assert_eq!(small.fills.len(), large.fills.len());
            for (a, b) in small.fills.iter().zip(&large.fills) {
                prop_assert_eq!((a.bar, a.units, a.price * 4.0), (b.bar, b.units, b.price));
            }
        }

        #[test]
        fn a_used_walk_gives_what_a_new_one_gives(one in scene(), two in scene()) {
            let mut walk = Walk::default();
            walk.run(&one.0, &one.1, &one.2, true);
            let again = walk.run(&two.0, &two.1, &two.2, false).clone();
            let fresh = Walk::default().run(&two.0, &two.1, &two.2, true).clone();
            prop_assert_eq!(again.fills, fresh.fills);
            prop_assert_eq!(again.trades, fresh.trades);
            prop_assert_eq!(again.stretches, fresh.stretches);
        }
    }
}
