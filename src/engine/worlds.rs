//! Random worlds: bars, rules and settings of every kind, for what must hold in all of them.

use super::cost::{Commission, Costs, Funding, Slippage};
use super::frame::{Aligned, Day, Frame};
use super::model::*;
use super::outcome::Outcome;
use super::settings::*;
use super::walk::Walk;
use crate::bars::{self, Cut, DAY, Extremes, Mask, Zone};
use crate::strategy::Signals;
use std::sync::Arc;

/// Bars of a world, four of them a day.
pub(super) const LEN: usize = 64;
pub(super) const A_DAY: usize = 4;

/// Random numbers, the same ones for the same seed (splitmix64).
pub(super) struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `low` up to `high`.
    pub fn number(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * ((self.next() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// A whole number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// True so often out of a hundred times.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// A number from `low` up to `high`, so often out of a hundred times.
    pub fn maybe(&mut self, percent: usize, low: f64, high: f64) -> Option<f64> {
        let number = self.number(low, high);
        self.chance(percent).then_some(number)
    }

    pub fn one<T: Copy, const N: usize>(&mut self, of: [T; N]) -> T {
        of[self.below(N)]
    }
}

/// Bars, rules and settings.
#[derive(Clone)]
pub(super) struct World {
    pub symbols: Vec<Symbol>,
    pub settings: Settings,
    /// When each bar opens, in quarters of a day since 1970: some days have no last bar.
    pub quarters: Vec<usize>,
}

#[derive(Clone)]
pub(super) struct Symbol {
    /// Open, high, low, close and volume.
    pub bars: Vec<[f64; 5]>,
    /// Which bars there are.
    pub present: Vec<bool>,
    /// Enter long, exit long, enter short, exit short.
    pub rules: [Vec<bool>; 4],
    /// Stop, target, limit and trigger.
    pub prices: [Option<Vec<f64>>; 4],
    pub size: Option<Vec<f64>>,
    pub weight: Option<Vec<f64>>,
    /// A range in money, a deviation, and a rate of funding: see [`RANGE`], [`DEVIATION`], [`RATE`].
    pub inputs: [Vec<f64>; 3],
    /// Splits and dividends.
    pub actions: Vec<bars::Action>,
}

/// The places of a world's inputs.
const RANGE: usize = 0;
const DEVIATION: usize = 1;
const RATE: usize = 2;

impl World {
    pub fn new(dice: &mut Dice) -> Self {
        let settings = settings(dice);
        let weighs = dice.chance(20);
        let count = 1 + dice.below(3);
        let symbols = (0..count).map(|_| Symbol::new(dice, weighs)).collect();
        let misses = dice.one([0, 0, 5, 30]);
        let there = (0..).filter(|_| !dice.chance(misses));
        Self { symbols, settings, quarters: there.take(LEN).collect() }
    }

    pub fn len(&self) -> usize {
        self.symbols[0].bars.len()
    }

    /// The first `len` bars.
    pub fn cut(&self, len: usize) -> Self {
        let mut world = self.clone();
        world.quarters.truncate(len);
        for symbol in &mut world.symbols {
            symbol.bars.truncate(len);
            symbol.present.truncate(len);
            symbol.rules.iter_mut().for_each(|rule| rule.truncate(len));
            let columns = symbol.prices.iter_mut().chain([&mut symbol.size, &mut symbol.weight]);
            columns.flatten().for_each(|column| column.truncate(len));
            symbol.inputs.iter_mut().for_each(|input| input.truncate(len));
            symbol.actions.retain(|action| action.row < len);
        }
        world
    }

    /// Prices and money times `factor`.
    pub fn scaled(&self, factor: f64) -> Self {
        let mut world = self.clone();
        world.settings.capital *= factor;
        for symbol in &mut world.symbols {
            symbol.bars.iter_mut().for_each(|bar| bar[..4].iter_mut().for_each(|x| *x *= factor));
            symbol.prices.iter_mut().flatten().flatten().for_each(|price| *price *= factor);
            symbol.inputs[RANGE].iter_mut().for_each(|range| *range *= factor);
            symbol.actions.iter_mut().for_each(|action| action.dividend *= factor);
        }
        world
    }

    /// The world as far as the way through it is straight: the first symbol on every bar, its signals, and
    /// what may be asked of the orders that follow from them. Now and then a sale costs more than it brings.
    pub fn straight(&self, dice: &mut Dice) -> Self {
        let mut world = self.clone();
        world.symbols.truncate(1);
        let symbol = &mut world.symbols[0];
        let rules = [0, 1].map(|_| (0..LEN).map(|_| dice.chance(25)).collect());
        let [enter, exit] = rules;
        symbol.rules = [enter, exit, vec![false; LEN], vec![dice.chance(10); LEN]];
        symbol.present.fill(true);
        symbol.prices = [const { None }; 4];
        (symbol.size, symbol.weight) = (None, None);
        symbol.actions.clear();
        let Settings { risk, trading, costs, axes, .. } = &self.settings;
        let mut costs = Costs { funding: None, borrow: 0.0, interest: 0.0, ..costs.clone() };
        if dice.chance(10) {
            costs.commission.per_order = dice.number(100.0, 3_000.0);
        }
        world.settings = Settings {
            sizing: self.settings.sizing,
            costs,
            trading: Trading {
                max_participation: None,
                min_volume: 0.0,
                leverage: 1.0,
                maintenance: 0.0,
                tick_size: dice.chance(20).then_some(0.5),
                ..*trading
            },
            risk: Risk {
                max_position: risk.max_position,
                max_gross: risk.max_gross,
                max_positions: risk.max_positions,
                hours: risk.hours,
                blackout: risk.blackout.clone(),
                weekdays: risk.weekdays,
                ..Risk::default()
            },
            axes: Axes {
                fill: Fill::NextOpen,
                orders_per_bar: OrdersPerBar::Many,
                flip: Flip::TwoOrders,
                ..*axes
            },
            ..Settings::default()
        };
        world
    }

    pub fn frame(&self) -> Frame {
        let step = DAY / A_DAY as i64;
        let days = self.quarters.chunk_by(|a, b| a / A_DAY == b / A_DAY);
        let mut end = 0;
        let day = |quarters: &[usize]| {
            let number = quarters[0] / A_DAY;
            end += quarters.len();
            Day { number: number as i32, end, session: None, over: (number as i64 + 1) * DAY }
        };
        Frame {
            time: whole(self.quarters.iter().map(|&quarter| quarter as i64 * step).collect()),
            timeframe: step,
            zone: Zone::utc(),
            days: days.map(day).collect(),
            bars_a_year: 365.0 * A_DAY as f64,
            symbols: self.symbols.iter().enumerate().map(|(n, symbol)| symbol.aligned(n)).collect(),
        }
    }

    pub fn walk(&self) -> Outcome {
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
        let weights: Option<Vec<f64>> = weighs.then(|| column(dice, -0.8, 0.8));
        // What a symbol has no bar for, it has no weight for.
        let known = |(bar, weight)| if present[bar] { weight } else { f64::NAN };
        let weight = weights.map(|weights| weights.into_iter().enumerate().map(known).collect());
        let inputs = [
            bars.iter().map(|bar| (bar[1] - bar[2]) * dice.number(0.5, 1.5)).collect(),
            column(dice, 0.005, 0.03),
            (0..LEN).map(|_| dice.maybe(25, -0.001, 0.001).unwrap_or(f64::NAN)).collect(),
        ];
        let actions = match dice.chance(15) {
            true => (0..2)
                .map(|half| bars::Action {
                    row: half * LEN / 2 + 1 + dice.below(LEN / 2 - 1),
                    split: dice.one([1.0, 2.0, 0.5]),
                    dividend: dice.maybe(50, 0.0, 1.0).unwrap_or(0.0),
                })
                .collect(),
            false => Vec::new(),
        };
        Self { bars, present, rules, prices, size, weight, inputs, actions }
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
        let close: Vec<f64> = close.collect();
        Aligned {
            name: number.to_string(),
            open: column(0),
            high: column(1),
            low: column(2),
            close_extremes: Extremes::of(&close),
            close: whole(close),
            volume: column(4),
            present: self
                .present
                .contains(&false)
                .then(|| Arc::new(Mask::from_fn(self.bars.len(), |bar| self.present[bar]))),
            actions: self.actions.clone().into(),
            detail: None,
        }
    }

    pub fn signals(&self) -> Signals {
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
            inputs: self.inputs.iter().cloned().map(whole).collect(),
            ..Signals::default()
        }
    }
}

fn whole<T>(values: Vec<T>) -> Cut<T> {
    values.into()
}

/// Settings of every kind; what is costly or forbids much is rarer.
fn settings(dice: &mut Dice) -> Settings {
    let sizing = match dice.below(10) {
        0 | 1 => Sizing::Cash(dice.number(500.0, 9_000.0)),
        2 | 3 => Sizing::Units(dice.number(1.0, 90.0)),
        4 => Sizing::Risk(dice.number(0.001, 0.02)),
        5 => Sizing::Volatility { target: dice.number(0.1, 0.5), input: DEVIATION },
        _ => Sizing::Equity(dice.number(0.1, 1.0)),
    };
    let model = &MODELS[if dice.chance(50) { 0 } else { dice.below(MODELS.len()) }];
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
        funding: match dice.below(10) {
            0 => Some(Funding::Input(RATE)),
            1 => Some(Funding::Every { rate: dice.number(-0.001, 0.001), period: DAY / 3 }),
            _ => None,
        },
        interest: dice.maybe(20, 0.0, 0.1).unwrap_or(0.0),
    }
}

fn trading(dice: &mut Dice) -> Trading {
    Trading {
        lot_size: 5.0,
        min_units: dice.maybe(10, 0.0, 5.0).unwrap_or(0.0),
        max_participation: dice.maybe(20, 0.02, 0.5),
        min_volume: dice.maybe(10, 0.0, 100.0).unwrap_or(0.0),
        limit_bars: dice.chance(30).then(|| 1 + dice.below(5)),
        leverage: dice.maybe(20, 1.0, 3.0).unwrap_or(1.0),
        maintenance: dice.maybe(10, 0.0, 0.3).unwrap_or(0.0),
        shorting: !dice.chance(10),
        ..Trading::default()
    }
}

fn risk(dice: &mut Dice) -> Risk {
    let distance = |dice: &mut Dice, percent, low, high| {
        let fraction = dice.maybe(percent, low, high)?;
        Some(match dice.chance(20) {
            true => Distance::Atr { multiple: 20.0 * fraction, input: RANGE },
            false => Distance::Fraction(fraction),
        })
    };
    let breaker = |dice: &mut Dice, percent, low, high| {
        dice.maybe(percent, low, high).map(|limit| Breaker {
            limit,
            action: dice.one([Action::Block, Action::Flatten]),
            cooldown: dice.one([None, Some(Span::Bars(5)), Some(Span::Time(2 * DAY))]),
        })
    };
    Risk {
        stop_loss: distance(dice, 40, 0.01, 0.1),
        take_profit: distance(dice, 40, 0.01, 0.15),
        take_profit_after: match dice.chance(20) {
            true => vec![
                Step { after: Span::Bars(2), gain: dice.number(0.0, 0.05) },
                Step { after: Span::Time(2 * DAY), gain: dice.number(0.0, 0.03) },
            ],
            false => Vec::new(),
        },
        trailing_stop: distance(dice, 30, 0.02, 0.15),
        max_holding: match dice.below(10) {
            0 => Some(Span::Bars(1 + dice.below(8))),
            1 => Some(Span::Time(DAY / 3 + dice.below(9) as i64 * DAY / 2)),
            _ => None,
        },
        max_position: dice.maybe(10, 0.1, 0.8).map(Cap::Equity),
        max_symbol: dice.maybe(10, 0.2, 0.9).map(Cap::Equity),
        max_group: dice.maybe(10, 0.2, 0.9).map(Cap::Equity),
        groups: vec![("both".into(), vec!["0".into(), "1".into()])],
        max_gross: dice.maybe(10, 0.3, 1.2).map(Cap::Equity),
        max_net: dice.maybe(10, 0.3, 0.9).map(Cap::Equity),
        max_positions: dice.chance(10).then(|| 1 + dice.below(2)),
        max_orders_per_day: dice.chance(10).then(|| 1 + dice.below(4)),
        daily_loss: breaker(dice, 10, 0.01, 0.06),
        max_drawdown: breaker(dice, 10, 0.03, 0.15),
        max_consecutive_losses: breaker(dice, 10, 1.0, 4.0)
            .map(|breaker| Breaker { limit: breaker.limit.floor(), ..breaker }),
        hours: dice.chance(10).then_some((DAY / 4, DAY)),
        blackout: match dice.chance(10) {
            true => vec![Blackout::Period(3 * DAY, 5 * DAY), Blackout::Daily(0, DAY / 8)],
            false => Vec::new(),
        },
        weekdays: if dice.chance(10) {
            [true, false, true, true, true, true, true]
        } else {
            [true; 7]
        },
        overnight: !dice.chance(10),
        flat_by: dice.chance(10).then_some(DAY / 2),
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
    axes.delay = if dice.chance(15) { 1 + dice.below(2) as u32 } else { 0 };
    axes.slippage_on_stops = dice.chance(50);
}
