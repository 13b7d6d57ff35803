//! What holds whatever the bars, the rules and the settings: each property over many random worlds,
//! saying how often the case that it is about occurred.

use super::cost::{Commission, Costs, Funding, Slippage};
use super::frame::{Aligned, Day, Frame};
use super::model::*;
use super::order::Reason;
use super::outcome::{Outcome, What};
use super::settings::*;
use super::trade::{Fill as Filled, Trade};
use super::walk::Walk;
use crate::bars::{Cut, DAY, Mask, Zone};
use crate::strategy::Signals;
use std::sync::Arc;

/// Bars of a world, four of them a day.
const LEN: usize = 64;
const A_DAY: usize = 4;

/// Random numbers, the same ones for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` up to `high`.
    fn number(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * ((self.next() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// A whole number below `end`.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// True so often out of a hundred times.
    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// A number from `low` up to `high`, so often out of a hundred times.
    fn maybe(&mut self, percent: usize, low: f64, high: f64) -> Option<f64> {
        let number = self.number(low, high);
        self.chance(percent).then_some(number)
    }

    fn one<T: Copy, const N: usize>(&mut self, of: [T; N]) -> T {
        of[self.below(N)]
    }
}

/// Bars, rules and settings.
#[derive(Clone)]
struct World {
    symbols: Vec<Symbol>,
    settings: Settings,
}

#[derive(Clone)]
struct Symbol {
    /// Open, high, low, close and volume.
    bars: Vec<[f64; 5]>,
    /// Which bars there are.
    present: Vec<bool>,
    /// Enter long, exit long, enter short, exit short.
    rules: [Vec<bool>; 4],
    /// Stop, target, limit and trigger.
    prices: [Option<Vec<f64>>; 4],
    size: Option<Vec<f64>>,
    weight: Option<Vec<f64>>,
}

impl World {
    fn new(dice: &mut Dice) -> Self {
        let settings = settings(dice);
        let weighs = false;
        let count = 1 + dice.below(3);
        Self { symbols: (0..count).map(|_| Symbol::new(dice, weighs)).collect(), settings }
    }

    fn len(&self) -> usize {
        self.symbols[0].bars.len()
    }

    /// The first `len` bars.
    fn cut(&self, len: usize) -> Self {
        let mut world = self.clone();
        for symbol in &mut world.symbols {
            symbol.bars.truncate(len);
            symbol.present.truncate(len);
            symbol.rules.iter_mut().for_each(|rule| rule.truncate(len));
            let columns = symbol.prices.iter_mut().chain([&mut symbol.size, &mut symbol.weight]);
            columns.flatten().for_each(|column| column.truncate(len));
        }
        world
    }

    /// Prices and money times `factor`.
    fn scaled(&self, factor: f64) -> Self {
        let mut world = self.clone();
        world.settings.capital *= factor;
        for symbol in &mut world.symbols {
            symbol.bars.iter_mut().for_each(|bar| bar[..4].iter_mut().for_each(|x| *x *= factor));
            symbol.prices.iter_mut().flatten().flatten().for_each(|price| *price *= factor);
        }
        world
    }

    fn frame(&self) -> Frame {
        let len = self.len();
        let step = DAY / A_DAY as i64;
        let day = |number: usize| Day {
            number: number as i32,
            end: ((number + 1) * A_DAY).min(len),
            session: None,
        };
        Frame {
            time: whole((0..len as i64).map(|bar| bar * step).collect()),
            timeframe: step,
            zone: Zone::utc(),
            days: (0..len.div_ceil(A_DAY)).map(day).collect(),
            bars_a_year: 365.0 * A_DAY as f64,
            symbols: self.symbols.iter().enumerate().map(|(n, symbol)| symbol.aligned(n)).collect(),
        }
    }

    fn walk(&self) -> Outcome {
        let signals: Vec<Signals> = self.symbols.iter().map(Symbol::signals).collect();
        Walk::default().run(&self.frame(), &signals, &self.settings, true).clone()
    }
}

impl Symbol {
    fn new(dice: &mut Dice, weighs: bool) -> Self {
        let mut close = 100.0;
        let bars: Vec<[f64; 5]> = (0..LEN)
            .map(|_| {
                // Half of the opens are where the last close was.
                let gap = dice.maybe(50, -0.08, 0.08).unwrap_or(0.0);
                let open = close * (1.0 + gap);
                close = open * dice.number(0.95, 1.05);
                let high = open.max(close) * dice.number(1.0, 1.06);
                let low = open.min(close) * dice.number(0.94, 1.0);
                [open, high, low, close, dice.number(0.0, 400.0)]
            })
            .collect();
        let starts = if dice.chance(30) { dice.below(20) } else { 0 };
        let stops = if dice.chance(20) { LEN - dice.below(20) } else { LEN };
        let misses = if dice.chance(40) { 10 } else { 0 };
        let there = |bar: usize| bar >= starts && bar < stops;
        let present: Vec<bool> = (0..LEN).map(|bar| there(bar) && !dice.chance(misses)).collect();
        let rule = |dice: &mut Dice| -> Vec<bool> {
            (0..LEN).map(|bar| present[bar] && !weighs && dice.chance(12)).collect()
        };
        let rules = [rule(dice), rule(dice), rule(dice), rule(dice)];
        let near = |dice: &mut Dice, percent: usize| -> Option<Vec<f64>> {
            dice.chance(percent).then(|| {
                let price = |bar: &[f64; 5]| match dice.chance(10) {
                    true => f64::NAN,
                    false => bar[3] * dice.number(0.93, 1.07),
                };
                bars.iter().map(price).collect()
            })
        };
        let prices = [near(dice, 10), near(dice, 10), near(dice, 20), near(dice, 15)];
        let column =
            |dice: &mut Dice, low, high| (0..LEN).map(|_| dice.number(low, high)).collect();
        let size = dice.chance(20).then(|| column(dice, 0.2, 1.5));
        let weight = weighs.then(|| column(dice, -0.8, 0.8));
        Self { bars, present, rules, prices, size, weight }
    }

    fn aligned(&self, number: usize) -> Aligned {
        let column = |of: usize| {
            let bars = self.bars.iter().zip(&self.present);
            whole(bars.map(|(bar, there)| if *there { bar[of] } else { f64::NAN }).collect())
        };
        let mut last = f64::NAN;
        let close = self.bars.iter().zip(&self.present).map(|(bar, there)| {
            last = if *there { bar[3] } else { last };
            last
        });
        Aligned {
            name: number.to_string(),
            open: column(0),
            high: column(1),
            low: column(2),
            close: whole(close.collect()),
            volume: column(4),
            present: Some(Arc::new(Mask::from_fn(self.bars.len(), |bar| self.present[bar]))),
            actions: Arc::new([]),
        }
    }

    fn signals(&self) -> Signals {
        let mask = |rule: &[bool]| Mask::from_fn(rule.len(), |bar| rule[bar]);
        let column = |column: &Option<Vec<f64>>| column.clone().map(whole);
        let [enter_long, exit_long, enter_short, exit_short] =
            self.rules.each_ref().map(|rule| mask(rule));
        let [stop, target, limit, trigger] = self.prices.each_ref().map(column);
        Signals {
            enter_long,
            exit_long,
            enter_short,
            exit_short,
            stop,
            target,
            limit,
            trigger,
            size: column(&self.size),
            weight: column(&self.weight),
            ..Signals::default()
        }
    }
}

fn whole<T>(values: Vec<T>) -> Cut<T> {
    let len = values.len();
    Cut::new(&Arc::from(values), 0..len)
}

/// Settings of every kind; what is costly or forbids much is rarer.
fn settings(dice: &mut Dice) -> Settings {
    let sizing = match dice.below(4) {
        0 => Sizing::Cash(dice.number(500.0, 9_000.0)),
        1 => Sizing::Units(dice.number(1.0, 90.0)),
        _ => Sizing::Equity(dice.number(0.1, 1.0)),
    };
    // What other models pin is what their peers do, and is compared with them.
    let model = &MODELS[0];
    let mut settings = Settings {
        sizing,
        max_entries: 1 + dice.below(3),
        costs: costs(dice),
        trading: trading(dice),
        risk: risk(dice),
        rebalance: Rebalance {
            every: dice.one([Every::Bar, Every::Bars(3), Every::Day, Every::Week]),
            threshold: dice.maybe(30, 0.0, 0.2).unwrap_or(0.0),
        },
        together: dice.chance(10),
        axes: model.axes,
        pins: model.pins,
        ..Settings::default()
    };
    axes(dice, &mut settings.axes);
    settings
}

fn costs(dice: &mut Dice) -> Costs {
    let rate = dice.maybe(60, 0.0, 0.01).unwrap_or(0.0);
    let slippage = match dice.below(4) {
        0 => Slippage::Range(dice.number(0.0, 0.3)),
        1 => Slippage::Impact(dice.number(0.0, 0.05)),
        _ => Slippage::Fraction(dice.maybe(50, 0.0, 0.01).unwrap_or(0.0)),
    };
    Costs {
        commission: Commission {
            maker: rate,
            taker: dice.maybe(30, 0.0, 0.01).unwrap_or(rate),
            per_unit: dice.maybe(20, 0.0, 0.1).unwrap_or(0.0),
            per_order: dice.maybe(20, 0.0, 5.0).unwrap_or(0.0),
            min: dice.maybe(10, 0.0, 3.0).unwrap_or(0.0),
            ..Commission::default()
        },
        slippage,
        spread: dice.maybe(30, 0.0, 0.01).unwrap_or(0.0),
        borrow: dice.maybe(20, 0.0, 0.2).unwrap_or(0.0),
        funding: dice.maybe(20, -0.001, 0.001).map(|rate| Funding::Every { rate, period: DAY / 3 }),
        interest: dice.maybe(20, 0.0, 0.1).unwrap_or(0.0),
    }
}

fn trading(dice: &mut Dice) -> Trading {
    Trading {
        lot_size: 5.0,
        min_units: dice.maybe(10, 0.0, 5.0).unwrap_or(0.0),
        min_volume: dice.maybe(10, 0.0, 100.0).unwrap_or(0.0),
        limit_bars: dice.chance(30).then(|| 1 + dice.below(5)),
        leverage: dice.maybe(20, 1.0, 3.0).unwrap_or(1.0),
        maintenance: dice.maybe(10, 0.0, 0.3).unwrap_or(0.0),
        shorting: !dice.chance(10),
        ..Trading::default()
    }
}

fn risk(dice: &mut Dice) -> Risk {
    let distance = |number: Option<f64>| number.map(Distance::Fraction);
    let breaker = |dice: &mut Dice, percent, low, high| {
        dice.maybe(percent, low, high).map(|limit| Breaker {
            limit,
            action: dice.one([Action::Block, Action::Flatten]),
            cooldown: dice.one([None, Some(Span::Bars(5)), Some(Span::Time(2 * DAY))]),
        })
    };
    Risk {
        stop_loss: distance(dice.maybe(40, 0.01, 0.1)),
        take_profit: distance(dice.maybe(40, 0.01, 0.15)),
        trailing_stop: distance(dice.maybe(30, 0.02, 0.15)),
        max_position: dice.maybe(10, 0.1, 0.8).map(Cap::Equity),
        max_symbol: dice.maybe(10, 0.2, 0.9).map(Cap::Equity),
        max_gross: dice.maybe(10, 0.3, 1.2).map(Cap::Equity),
        max_net: dice.maybe(10, 0.3, 0.9).map(Cap::Equity),
        max_positions: dice.chance(10).then(|| 1 + dice.below(2)),
        max_orders_per_day: dice.chance(10).then(|| 1 + dice.below(4)),
        daily_loss: breaker(dice, 10, 0.01, 0.06),
        max_drawdown: breaker(dice, 10, 0.03, 0.15),
        max_consecutive_losses: breaker(dice, 10, 1.0, 4.0)
            .map(|breaker| Breaker { limit: breaker.limit.floor(), ..breaker }),
        weekdays: if dice.chance(10) {
            [true, false, true, true, true, true, true]
        } else {
            [true; 7]
        },
        overnight: !dice.chance(10),
        flat_by: dice.chance(10).then_some(DAY / 2),
        ..Risk::default()
    }
}

/// Every axis is its model's, or one of all values.
fn axes(dice: &mut Dice, axes: &mut Axes) {
    macro_rules! turn {
        ($($field:ident $kind:ident)*) => {
            $(if dice.chance(30) {
                let word = $kind::WORDS[dice.below($kind::WORDS.len())];
                axes.$field = $kind::named(word).expect("it is one of its words");
            })*
        };
    }
    turn! {
        fill Fill stop_on_entry_bar StopOnEntryBar intrabar Intrabar gap_stop GapStop
        limit_trigger LimitTrigger limit_gap LimitGap trailing_from TrailingFrom stop_base StopBase
        spread_on SpreadOn short_of_cash ShortOfCash units Units flip Flip
        orders_per_bar OrdersPerBar first_bar FirstBar at_end AtEnd
    }
    if axes.fill == Fill::NextClose {
        axes.fill = Fill::NextOpen;
    }
    axes.delay = if dice.chance(15) { 1 + dice.below(2) as u32 } else { 0 };
    axes.slippage_on_stops = dice.chance(50);
}

/// Try `property` on many worlds; it says how often its case occurred in each.
#[expect(clippy::print_stdout, reason = "a property says how often its case occurred")]
#[track_caller]
fn over_worlds(name: &str, worlds: u64, mut property: impl FnMut(u64, &World) -> usize) {
    let occurred: usize =
        (0..worlds).map(|seed| property(seed, &World::new(&mut Dice(seed)))).sum();
    println!("{name}: {occurred} in {worlds} worlds");
    assert!(occurred >= 1_000, "{name} occurred only {occurred} times");
}

/// The fills before bar `cut`.
fn until(outcome: &Outcome, cut: usize) -> Vec<Filled> {
    outcome.fills.iter().filter(|fill| fill.bar < cut).copied().collect()
}

/// Fail at the first difference of two lists of fills.
#[track_caller]
fn assert_same(a: &[Filled], b: &[Filled], told: &str) {
    let different = a.iter().zip(b).find(|(a, b)| a != b);
    assert!(different.is_none(), "{told}: {different:#?}");
    assert_eq!(a.len(), b.len(), "{told}: {:#?}", a.get(b.len()).or_else(|| b.get(a.len())));
}

/// The share of a fill's commission that belongs to a trade.
fn share(trade: &Trade, fill: &Filled) -> f64 {
    fill.commission * trade.units / fill.units.abs()
}

/// What `trade` made by the close of bar `t`, its costs so far taken off.
fn made(trade: &Trade, outcome: &Outcome, close: f64, t: usize) -> f64 {
    if trade.entry_bar > t {
        0.0
    } else if trade.closed_by.is_some() && trade.exit_bar <= t {
        trade.profit
    } else {
        let gain = trade.side.sign() * trade.units * (close - trade.entry_price);
        gain - share(trade, &outcome.fills[trade.entry])
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
        let cut = A_DAY * (1 + Dice(seed).below(LEN / A_DAY - 1));
        let (long, short) = (world.walk(), world.cut(cut).walk());
        let before = until(&long, cut);
        assert_same(&short.fills, &before, &format!("world {seed} cut at {cut}"));
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
        for (symbol, other) in poisoned.symbols.iter_mut().zip(&other.symbols) {
            symbol.bars[cut..].copy_from_slice(&other.bars[cut..]);
            for (rule, other) in symbol.rules.iter_mut().zip(&other.rules) {
                rule[cut..].copy_from_slice(&other[cut..]);
            }
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

#[test]
fn to_read_the_stop_first_is_never_better_than_the_target_first() {
    over_worlds("exits that depend on the reading", 20_000, |seed, world| {
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
        // There the high is read before the low whatever `intrabar` says.
        if axes.trailing_from == TrailingFrom::ExtremeSameBar {
            axes.trailing_from = TrailingFrom::ExtremeLagged;
        }
        let mut profit = |intrabar| {
            world.settings.axes.intrabar = intrabar;
            world.walk().trades.iter().map(|trade| trade.profit).sum::<f64>()
        };
        let (stop, target) = (profit(Intrabar::StopFirst), profit(Intrabar::TargetFirst));
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
            What::Refused { reason } => Some(*reason),
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

#[test]
fn a_used_walk_gives_what_a_new_one_gives_with_or_without_details() {
    let mut walk = Walk::default();
    over_worlds("fills of a used walk", 500, |seed, world| {
        let signals: Vec<Signals> = world.symbols.iter().map(Symbol::signals).collect();
        let again = walk.run(&world.frame(), &signals, &world.settings, false);
        let fresh = world.walk();
        assert_same(&again.fills, &fresh.fills, &format!("world {seed}"));
        assert_eq!(again.trades, fresh.trades, "world {seed}");
        assert_eq!(again.stretches, fresh.stretches, "world {seed}");
        fresh.fills.len()
    });
}
