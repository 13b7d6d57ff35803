//! What holds whatever the bars, the rules and the settings: each property over many random worlds,
//! saying how often the case that it is about occurred.

use super::cost::Costs;
use super::frame::Detail;
use super::model::*;
use super::order::{Intent, Kind, Order, OrderStatus, Reason};
use super::outcome::{Outcome, What};
use super::scene::Scene;
use super::settings::*;
use super::trade::{Basis, ClosedBy, Fill as Filled, Trade};
use super::walk::Walk;
use super::worlds::{A_DAY, Dice, LEN, Symbol, World};
use crate::metrics::Metric;
use crate::metrics::account::{Meter, excursion};
use crate::strategy::Signals;
use std::sync::Arc;

/// Try `property` on many worlds; it says how often its case occurred in each.
#[expect(clippy::print_stdout, reason = "a property says how often its case occurred")]
#[track_caller]
fn over_worlds(name: &str, worlds: u64, mut property: impl FnMut(u64, &World) -> usize) {
    let occurred: usize =
        (0..worlds).map(|seed| property(seed, &World::new(&mut Dice(seed)))).sum();
    println!("{name}: {occurred} in {worlds} worlds");
    assert!(occurred >= 1_000, "{name} occurred only {occurred} times");
}

/// The fills before bar `cut`, but for those of the range's end, which may be dated back.
fn until(outcome: &Outcome, cut: usize) -> Vec<Filled> {
    let before = |fill: &&Filled| fill.bar < cut && fill.basis != Basis::LastOpen;
    outcome.fills.iter().filter(before).copied().collect()
}

/// Fail at the first difference of two lists of fills.
#[track_caller]
fn assert_same(a: &[Filled], b: &[Filled], told: &str) {
    let different = a.iter().zip(b).find(|(a, b)| a != b);
    assert!(different.is_none(), "{told}: {different:#?}");
    assert_eq!(a.len(), b.len(), "{told}: {:#?}", a.get(b.len()).or_else(|| b.get(a.len())));
}

/// What a unit of `trade` became by splits after bar `t`.
fn splits_after(trade: &Trade, outcome: &Outcome, t: usize) -> f64 {
    let of = outcome.events.iter().filter(|event| event.symbol == Some(trade.symbol));
    let after = of.filter(|event| event.bar > t && event.bar <= trade.exit_bar);
    let ratios = after.filter_map(|event| match event.what {
        What::Split { ratio } => Some(ratio),
        _ => None,
    });
    ratios.product()
}

/// What `trade` made by the close of bar `t`, its costs so far taken off.
fn made(trade: &Trade, outcome: &Outcome, close: f64, t: usize) -> f64 {
    if trade.entry_bar > t {
        0.0
    } else if trade.closed_by.is_some() && trade.exit_bar <= t {
        trade.profit
    } else {
        let later = splits_after(trade, outcome, t);
        let (units, entry_price) = (trade.units / later, trade.entry_price * later);
        let entry = &outcome.fills[trade.entry];
        let bought = trade.units / splits_after(trade, outcome, trade.entry_bar);
        let commission = entry.commission * bought / entry.units.abs();
        trade.side.sign() * units * (close - entry_price) - commission
    }
}

#[test]
fn the_account_adds_up_at_every_bar() {
    over_worlds("bars with a position", 1_500, |seed, world| {
        // There what fills at a close is in the account a bar later.
        let axes = &world.settings.axes;
        let late = world.settings.pins.booked_next_bar || axes.at_end == AtEnd::CloseAtLastOpen;
        if late && axes.fill == Fill::Close {
            return 0;
        }
        let (outcome, frame) = (world.walk(), world.frame());
        let closes: Vec<&[f64]> = frame.symbols.iter().map(|symbol| &symbol.close[..]).collect();
        let paid = |t: usize| -> f64 {
            let booked = outcome.events.iter().filter(|event| event.bar <= t);
            let paid = booked.filter_map(|event| match event.what {
                What::Booked { paid, .. } => Some(paid),
                _ => None,
            });
            paid.sum()
        };
        let mut held = 0;
        for (bars, cash, units) in outcome.stretches(frame.len()) {
            for t in bars {
                let equity = super::outcome::value(cash, units, &closes, t);
                let made: f64 = outcome
                    .trades
                    .iter()
                    .map(|trade| made(trade, &outcome, closes[trade.symbol][t], t))
                    .sum();
                let expected = world.settings.capital + made - paid(t);
                assert!(
                    (equity - expected).abs() <= 1e-9 * world.settings.capital,
                    "world {seed}, bar {t}: {equity} is not {expected}"
                );
                held += usize::from(units.iter().any(|units| *units != 0.0));
            }
        }
        held
    });
}

#[test]
#[expect(clippy::print_stdout, reason = "a property says how often its case occurred")]
fn no_fill_lies_outside_its_bar_unless_slippage_or_an_axis_says_so() {
    let (mut within, mut outside) = (0, [0, 0]);
    over_worlds("fills at a level", 1_500, |seed, world| {
        let (mut levels, mut world) = (0, world.clone());
        if seed % 2 == 1 {
            (world.settings.axes.gap_stop, world.settings.axes.limit_gap) =
                (GapStop::Level, LimitGap::Level);
        }
        for fill in &world.walk().fills {
            let symbol = &world.symbols[fill.symbol];
            let [_, high, low, ..] = symbol.bars[fill.bar];
            // These say that the bar need not have traded there.
            let at_the_end = matches!(fill.basis, Basis::LastClose | Basis::LastOpen);
            let beyond = matches!(
                fill.basis,
                Basis::StopGapLevel | Basis::LimitGapLevel | Basis::TriggerGapClose
            );
            assert!(symbol.present[fill.bar] || at_the_end, "world {seed}: {fill:?}");
            let inside =
                fill.reference >= low * (1.0 - 1e-12) && fill.reference <= high * (1.0 + 1e-12);
            assert!(inside || beyond || at_the_end, "world {seed}: {fill:?} of {low} to {high}");
            within += usize::from(inside);
            outside[usize::from(at_the_end)] += usize::from(!inside);
            let worse = (fill.price - fill.reference) * fill.units;
            let said = fill.slippage + fill.spread;
            assert!((worse - said).abs() <= 1e-9 * (1.0 + worse.abs()), "world {seed}: {fill:?}");
            assert!(said >= 0.0, "world {seed}: {fill:?}");
            levels += usize::from(matches!(
                fill.basis,
                Basis::Stop | Basis::StopFirst | Basis::Limit | Basis::TargetFirst
            ));
        }
        levels
    });
    let [axes, end] = outside;
    println!("{within} lie within their bars, {axes} at levels that axes allow, {end} at the end");
    assert!(axes >= 1_000, "axes put only {axes} fills outside of their bars");
}

#[test]
fn legs_are_entered_together_or_not_at_all() {
    over_worlds("fills of legs", 1_500, |seed, world| {
        // Models of packages have ways of their own to do without an entry.
        if world.settings.pins != Pins::default() {
            return 0;
        }
        let mut world = world.clone();
        world.settings.together = true;
        world.symbols.iter_mut().for_each(|symbol| symbol.weight = None);
        world.settings.axes.flip = Flip::TwoOrders;
        let outcome = world.walk();
        // What else entries of one bar may become is that of a single leg.
        let entered = |order: &&Order| matches!(order.intent, Intent::Open(_));
        let is_filled = |order: &Order| matches!(order.status, OrderStatus::Filled(_));
        let legs = outcome.orders.iter().filter(entered);
        let mut filled = 0;
        for order in legs.filter(|order| order.kind == Kind::Market && is_filled(order)) {
            let others = outcome.orders.iter().filter(entered);
            let others = others.filter(|other| other.bar == order.bar);
            let lone = others.into_iter().find(|other| {
                matches!(other.status, OrderStatus::Refused(_)) && other.kind == Kind::Market
            });
            assert!(lone.is_none(), "world {seed}: {order:?} without {lone:?}");
            let unread = world.symbols.iter().position(|symbol| !symbol.present[order.bar]);
            assert!(unread.is_none(), "world {seed}: {order:?} without a bar of {unread:?}");
            filled += 1;
        }
        filled
    });
}

#[test]
fn a_bar_fills_its_share_of_the_volume_and_no_dust() {
    over_worlds("fills of bars with a share", 1_000, |seed, world| {
        let mut world = world.clone();
        let share = Dice(seed).number(0.01, 0.3);
        world.settings.trading.max_participation = Some(share);
        let outcome = world.walk();
        let ends = [Basis::AccountClose, Basis::LastClose, Basis::LastOpen];
        let fills: Vec<&Filled> =
            outcome.fills.iter().filter(|fill| !ends.contains(&fill.basis)).collect();
        for fill in &fills {
            let is_beside = |other: &&&Filled| (other.bar, other.symbol) == (fill.bar, fill.symbol);
            let filled: f64 = fills.iter().filter(is_beside).map(|fill| fill.units.abs()).sum();
            let most = share * world.symbols[fill.symbol].bars[fill.bar][4];
            assert!(filled <= most * (1.0 + 1e-9), "world {seed}: {filled} of {most}, {fill:?}");
            assert!(fill.units.abs() > 1e-9 * most, "world {seed}: {fill:?}");
        }
        fills.len()
    });
}

#[test]
fn a_trailing_stop_that_ends_a_trade_stands_where_its_way_leads() {
    over_worlds("trades ended at a trailing stop", 4_000, |seed, world| {
        let settings = &world.settings;
        // Where a bar moves the stop that it meets, ends a trade in part or passes its stop by, or where a
        // model has rules of its own, it stands elsewhere.
        if settings.axes.trailing_from == TrailingFrom::ExtremeSameBar
            || settings.axes.orders_per_bar == OrdersPerBar::One
            || settings.trading.max_participation.is_some()
            || settings.trading.min_volume > 0.0
            || settings.pins != Pins::default()
        {
            return 0;
        }
        let (outcome, frame) = (world.walk(), world.frame());
        let mut ended = 0;
        for trade in &outcome.trades {
            let Some(exit) = trade.exit.map(|exit| outcome.fills[exit]) else { continue };
            let at_stop = [Basis::Stop, Basis::StopFirst, Basis::StopGapLevel];
            if !at_stop.contains(&exit.basis)
                || exit.bar == trade.entry_bar
                || exit.closed_by != Some(ClosedBy::TrailingStop)
                || splits_after(trade, &outcome, trade.entry_bar) != 1.0
            {
                continue;
            }
            let symbol = &frame.symbols[trade.symbol];
            let levels = trade.trailing(symbol, &outcome.fills, &settings.axes);
            let level = levels.and_then(|levels| levels.last().copied()).unwrap_or(f64::NAN);
            let is_there = (level - exit.reference).abs() <= 1e-9 * level;
            assert!(is_there, "world {seed}: {level} for {exit:?} of {trade:?}");
            ended += 1;
        }
        ended
    });
}

#[test]
fn nothing_is_traded_before_it_has_bars_or_rules() {
    over_worlds("fills of symbols that start late", 1_500, |seed, world| {
        let mut late = 0;
        for fill in world.walk().fills {
            let symbol = &world.symbols[fill.symbol];
            let first = symbol.present.iter().position(|there| *there).expect("it was filled");
            assert!(fill.bar >= first && fill.decided >= first, "world {seed}: {fill:?}");
            assert!(fill.decided <= fill.bar, "world {seed}: {fill:?}");
            late += usize::from(first > 0);
        }
        late
    });
}

#[test]
fn more_bars_at_the_end_change_no_earlier_fill() {
    over_worlds("fills before the cut", 1_000, |seed, world| {
        let mut world = world.clone();
        world.settings.axes.at_end = AtEnd::Mark;
        // What fills at a close is there in the account from the next bar on, and needs one.
        let late = world.settings.pins.booked_next_bar && world.settings.axes.fill == Fill::Close;
        let cut = 1 + Dice(seed).below(LEN - 1);
        let (long, short) = (world.walk(), world.cut(cut).walk());
        let before = until(&long, if late { cut - 1 } else { cut });
        assert_same(
            &until(&short, if late { cut - 1 } else { cut }),
            &before,
            &format!("world {seed} cut at {cut}"),
        );
        before.len()
    });
}

#[test]
fn what_is_still_to_come_changes_no_fill() {
    over_worlds("fills before the poison", 1_000, |seed, world| {
        let mut dice = Dice(seed);
        let cut = 1 + dice.below(LEN - 1);
        let other = World::new(&mut Dice(seed + 1_000_000));
        let mut poisoned = world.clone();
        // Days end at other bars.
        for bar in cut..LEN {
            poisoned.quarters[bar] = poisoned.quarters[bar - 1] + 1 + dice.below(A_DAY);
        }
        for (symbol, other) in poisoned.symbols.iter_mut().zip(&other.symbols) {
            symbol.bars[cut..].copy_from_slice(&other.bars[cut..]);
            symbol.present[cut..].copy_from_slice(&other.present[cut..]);
            for (rule, other) in symbol.rules.iter_mut().zip(&other.rules) {
                rule[cut..].copy_from_slice(&other[cut..]);
            }
            for (input, other) in symbol.inputs.iter_mut().zip(&other.inputs) {
                input[cut..].copy_from_slice(&other[cut..]);
            }
            let mut columns: Vec<_> = symbol.prices.iter_mut().flatten().collect();
            columns.extend(symbol.size.iter_mut().chain(symbol.weight.iter_mut()));
            columns.iter_mut().for_each(|column| column[cut..].reverse());
            symbol.actions.retain(|action| action.row < cut);
            symbol.actions.extend(other.actions.iter().filter(|action| action.row >= cut));
        }
        let (plain, poisoned) = (world.walk(), poisoned.walk());
        let before = until(&plain, cut);
        assert_same(&until(&poisoned, cut), &before, &format!("world {seed} poisoned from {cut}"));
        before.len()
    });
}

#[test]
fn a_larger_world_is_the_same_world() {
    over_worlds("fills of both worlds", 1_000, |seed, world| {
        let mut world = world.clone();
        let settings = &mut world.settings;
        let commission = &mut settings.costs.commission;
        (commission.per_unit, commission.per_order, commission.min) = (0.0, 0.0, 0.0);
        if let Sizing::Cash(_) = settings.sizing {
            settings.sizing = Sizing::Equity(0.6);
        }
        settings.axes.units = Units::Fractional;
        let (small, large) = (world.walk(), world.scaled(4.0).walk());
        assert_eq!(small.fills.len(), large.fills.len(), "world {seed}");
        for (a, b) in small.fills.iter().zip(&large.fills) {
            let scaled = (a.bar, a.units, 4.0 * a.price, 4.0 * a.commission, 4.0 * a.slippage);
            assert_eq!(scaled, (b.bar, b.units, b.price, b.commission, b.slippage), "world {seed}");
        }
        let money = |outcome: &Outcome, factor: f64| -> Vec<f64> {
            outcome.stretches.iter().map(|stretch| factor * stretch.cash).collect()
        };
        assert_eq!(money(&small, 4.0), money(&large, 1.0), "world {seed}");
        small.fills.len()
    });
}

/// Three finer bars for each bar of the first symbol: to one extreme, to the other, and to the close.
fn path(world: &World, dice: &mut Dice) -> Arc<Detail> {
    let bars = world.symbols[0].bars.iter().flat_map(|[open, high, low, close, _]| {
        let [first, second] = if dice.chance(50) { [high, low] } else { [low, high] };
        let legs = [[open, first], [first, second], [second, close]];
        legs.map(|[from, to]| [*from, from.max(*to), from.min(*to), *to])
    });
    let bars: Vec<[f64; 4]> = bars.collect();
    Arc::new(Detail { ends: (1..=world.len()).map(|bar| 3 * bar).collect(), bars })
}

#[test]
fn to_read_the_stop_first_is_never_better_than_the_target_first() {
    over_worlds("exits that depend on the reading", 6_000, |seed, world| {
        let mut dice = Dice(seed);
        let mut world = world.clone();
        world.symbols.truncate(1);
        let symbol = &mut world.symbols[0];
        symbol.present.fill(true);
        symbol.prices = [const { None }; 4];
        (symbol.size, symbol.weight) = (None, None);
        symbol.rules.iter_mut().for_each(|rule| rule.fill(false));
        symbol.rules[2 * dice.below(2)][0] = true;
        world.settings = Settings {
            sizing: Sizing::Units(10.0),
            costs: Costs::fractions(0.001, 0.001),
            risk: Risk {
                stop_loss: Some(Distance::Fraction(dice.number(0.01, 0.05))),
                take_profit: Some(Distance::Fraction(dice.number(0.01, 0.05))),
                trailing_stop: dice.maybe(30, 0.02, 0.06).map(Distance::Fraction),
                ..Risk::default()
            },
            axes: world.settings.axes,
            ..Settings::default()
        };
        let axes = &mut world.settings.axes;
        axes.units = Units::Fractional;
        let moves = axes.trailing_from == TrailingFrom::ExtremeSameBar
            && world.settings.risk.trailing_stop.is_some();
        let finer = path(&world, &mut dice);
        let mut profit = |intrabar, detail: Option<&Arc<Detail>>| {
            world.settings.axes.intrabar = intrabar;
            let mut frame = world.frame();
            frame.symbols[0].detail = detail.cloned();
            let signals = [world.symbols[0].signals()];
            let mut walk = Walk::default();
            let outcome = walk.run(&frame, &signals, &world.settings, false);
            outcome.trades.iter().map(|trade| trade.profit).sum::<f64>()
        };
        let stop = profit(Intrabar::StopFirst, None);
        let target = profit(Intrabar::TargetFirst, None);
        // What finer bars tell lies between the two, but that both read a bar which moves its own stop
        // as reaching its better extreme first.
        let told = profit(Intrabar::StopFirst, Some(&finer));
        assert!(
            moves || stop <= told + 1e-9 && told <= target + 1e-9,
            "world {seed}: {told} is not between {stop} and {target}"
        );
        assert!(
            stop <= target + 1e-9,
            "world {seed}: {stop} is better than {target} with {:?} {:?}",
            world.settings.axes,
            world.settings.risk
        );
        usize::from(stop != target)
    });
}

#[test]
fn every_refusal_and_reduction_is_an_event_with_its_reason() {
    over_worlds("refusals and reductions", 1_500, |seed, world| {
        let outcome = world.walk();
        let told = |wanted: fn(&What) -> Option<Reason>, reason: Reason| {
            outcome.events.iter().filter(|event| wanted(&event.what) == Some(reason)).count()
        };
        let refused = |what: &What| match what {
            What::Refused { reason, .. } => Some(*reason),
            _ => None,
        };
        let reduced = |what: &What| match what {
            What::Reduced { reason, .. } => Some(*reason),
            _ => None,
        };
        for reason in Reason::ALL {
            assert_eq!(
                outcome.refused.of(reason),
                told(refused, reason),
                "world {seed}: {reason:?}"
            );
            assert_eq!(
                outcome.reduced.of(reason),
                told(reduced, reason),
                "world {seed}: {reason:?}"
            );
        }
        outcome.refused.total() + outcome.reduced.total()
    });
}

/// What came of a walk, but for what only details have.
fn but_details(outcome: &Outcome) -> Outcome {
    Outcome { orders: Vec::new(), events: Vec::new(), ..outcome.clone() }
}

/// That a walk without details, in buffers of the one before, comes to what a new one with details does.
#[track_caller]
fn assert_walked(walk: &mut Walk, world: &World, told: &str) -> Outcome {
    let signals: Vec<Signals> = world.symbols.iter().map(Symbol::signals).collect();
    let again = but_details(walk.run(&world.frame(), &signals, &world.settings, false));
    let fresh = but_details(&world.walk());
    assert_same(&again.fills, &fresh.fills, told);
    assert_eq!(format!("{again:#?}"), format!("{fresh:#?}"), "{told}");
    fresh
}

#[test]
fn a_used_walk_gives_what_a_new_one_gives_with_or_without_details() {
    let mut walk = Walk::default();
    over_worlds("fills of a used walk", 500, |seed, world| {
        assert_walked(&mut walk, world, &format!("world {seed}")).fills.len()
    });
}

#[test]
#[expect(clippy::print_stdout, reason = "a property says how often its case occurred")]
fn the_straight_way_comes_to_what_the_walk_comes_to() {
    let (mut walk, mut ruined, mut refused) = (Walk::default(), 0, 0);
    over_worlds("fills on the straight way", 6_000, |seed, world| {
        let world = world.straight(&mut Dice(seed));
        let (frame, signals) = (world.frame(), [world.symbols[0].signals()]);
        assert!(Scene::new(&frame, &signals, &world.settings).is_straight(), "world {seed}");
        let outcome = assert_walked(&mut walk, &world, &format!("world {seed}"));
        ruined += usize::from(outcome.ruined.is_some());
        refused += outcome.refusals();
        outcome.fills.len()
    });
    println!("{ruined} were ruined, {refused} entries refused");
    assert!(ruined >= 20 && refused >= 1_000, "{ruined} were ruined, {refused} entries refused");
}

#[test]
fn many_closes_looked_at_together_trip_the_guards_that_each_of_them_trips() {
    over_worlds("guards that tripped", 3_000, |seed, world| {
        let signals: Vec<Signals> = world.symbols.iter().map(Symbol::signals).collect();
        let mut settings = world.settings.clone();
        // A maintenance has every close looked at by itself, and so little of it asks for nothing.
        settings.trading.maintenance = 0.0;
        let mut each = settings.clone();
        each.trading.maintenance = f64::MIN_POSITIVE;
        let mut frame = world.frame();
        let days = frame.days.clone();
        let long_day = days.last().copied().into_iter().collect();
        let mut trips = 0;
        for days in [days, long_day] {
            frame.days = days;
            let of =
                |settings: &Settings| Walk::default().run(&frame, &signals, settings, true).clone();
            let (together, each) = (of(&settings), of(&each));
            assert_same(&together.fills, &each.fills, &format!("world {seed}"));
            assert_eq!(together.events, each.events, "world {seed}");
            trips += together.tripped.total();
        }
        trips
    });
}

#[test]
fn the_equity_of_many_bars_is_the_value_at_each() {
    over_worlds("bars of several symbols", 200, |seed, world| {
        let (outcome, frame) = (world.walk(), world.frame());
        let closes: Vec<&[f64]> = frame.symbols.iter().map(|symbol| &symbol.close[..]).collect();
        let (mut several, mut each) = (0, Vec::new());
        for (bars, cash, units) in outcome.stretches(frame.len()) {
            several +=
                if units.iter().filter(|it| **it != 0.0).count() > 1 { bars.len() } else { 0 };
            each.extend(bars.map(|t| super::outcome::value(cash, units, &closes, t)));
        }
        assert_eq!(outcome.equity(&closes, frame.len()), each, "world {seed}");
        several
    });
}

#[test]
fn the_excursions_of_an_account_are_those_of_its_trades() {
    let mut meter = Meter::default();
    let mut measured = |world: &World, told: &str| {
        let (outcome, frame) = (world.walk(), world.frame());
        let metrics = meter.measure(&outcome, &frame, &world.settings, 365.0, None);
        let closed = outcome.trades.iter().filter(|trade| trade.closed_by.is_some());
        let each: Vec<(f64, f64)> = closed.map(|trade| excursion(trade, &frame)).collect();
        let (adverse, favourable) =
            each.iter().fold((0.0, 0.0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
        let mean = |sum: f64| (!each.is_empty()).then_some(sum / each.len() as f64);
        let known = (metrics.get(Metric::Mae), metrics.get(Metric::Mfe));
        assert_eq!(known, (mean(adverse), mean(favourable)), "{told}");
        each.len()
    };
    over_worlds("closed trades", 1_000, |seed, world| {
        let straight = world.straight(&mut Dice(seed));
        measured(world, &format!("world {seed}"))
            + measured(&straight, &format!("straight world {seed}"))
    });
}
