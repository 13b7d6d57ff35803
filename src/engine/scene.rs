//! What stays the same during a walk, and the rules as the walk asks for them.

use super::command::Hand;
use super::frame::{Aligned, Frame};
use super::ledger::{Lot, NEVER};
use super::model::{AtEnd, Axes, Fill, FirstBar, StopBase};
use super::protect::{Aim, Away, Levels};
use super::reading::Reading;
use super::settings::{Distance, Settings, nearest_tick};
use super::trade::{Basis, ClosedBy, Fill as Filled, Moment, Side};
use super::walk::At;
use crate::bars::Mask;
use crate::strategy::Signals;
use std::borrow::Cow;

/// Bars, rules and settings of one session.
pub(super) struct Scene<'a> {
    pub frame: &'a Frame,
    pub signals: Cow<'a, [Signals]>,
    pub settings: &'a Settings,
    pub axes: &'a Axes,
    /// Levels and resting orders are looked for on the bars before this one; all of them, unless
    /// somebody asks how things stood earlier.
    pub horizon: usize,
    /// What the owner of an account does.
    pub hand: Hand<'a>,
}

impl<'a> Scene<'a> {
    /// The scene of a session; rules that are delayed or wait for each other are moved first.
    pub(super) fn new(frame: &'a Frame, signals: &'a [Signals], settings: &'a Settings) -> Self {
        let axes = &settings.axes;
        let waits =
            axes.delay > 0 || axes.first_bar == FirstBar::AllWarm || settings.pins.conflicts_cancel;
        let signals = match waits {
            false => Cow::Borrowed(signals),
            true => {
                let own = signals.iter().zip(&frame.symbols);
                own.map(|(signals, bars)| moved(signals, bars, settings)).collect()
            }
        };
        Self { frame, signals, settings, axes, horizon: frame.len(), hand: Hand::default() }
    }

    pub(super) fn bars(&self, symbol: usize) -> &'a Aligned {
        &self.frame.symbols[symbol]
    }

    pub(super) fn reading(&self) -> Reading<'a> {
        Reading { axes: self.axes, pins: &self.settings.pins }
    }

    /// Whether any order is filled at a close.
    pub(super) fn fills_at_close(&self) -> bool {
        self.axes.fill != Fill::NextOpen
    }

    /// Whether what fills at a close is in the account from the next bar on.
    pub(super) fn books_late(&self) -> bool {
        self.settings.pins.booked_next_bar && self.axes.fill == Fill::Close
    }

    /// The bar and the moment at which what is decided at the close of bar `t` is done.
    pub(super) fn next_fill(&self, symbol: usize, t: usize) -> (usize, Moment) {
        let next = || self.bars(symbol).next_bar(t + 1).unwrap_or(NEVER);
        match self.axes.fill {
            _ if t == NEVER => (NEVER, Moment::Open),
            // What is in the account from the next bar on needs one.
            Fill::Close if self.books_late() && t + 1 >= self.frame.len() => (NEVER, Moment::Close),
            Fill::Close => (t, Moment::Close),
            Fill::NextOpen => (next(), Moment::Open),
            Fill::NextClose => (next(), Moment::Close),
        }
    }

    /// Whether this is after the moment at which positions are closed at the end of the range. Packages
    /// that do something of their own on the last bar do that.
    pub(super) fn is_over(&self, at: At) -> bool {
        let pins = &self.settings.pins;
        let own = pins.last_orders_meet_last_bar || pins.last_bar_enters_nothing;
        !own && self.axes.at_end == AtEnd::CloseAtLastOpen
            && at.bar + 1 == self.frame.len()
            && (self.axes.fill == Fill::Close || at.moment != Moment::Open)
    }

    /// The price of a market order at this moment of bar `t`, and where it comes from.
    pub(super) fn market(&self, symbol: usize, t: usize, moment: Moment) -> (f64, Basis) {
        let bars = self.bars(symbol);
        match (moment, self.axes.fill) {
            (Moment::Close, Fill::NextClose) => (bars.close[t], Basis::NextClose),
            (Moment::Close, _) => (bars.close[t], Basis::Close),
            (_, Fill::NextOpen) => (bars.open[t], Basis::NextOpen),
            (_, _) => (bars.open[t], Basis::ClockOpen),
        }
    }

    /// The bar whose rules are read at the close of bar `t`: with a delay, an earlier one, if the
    /// symbol has that many.
    pub(super) fn decided(&self, symbol: usize, t: usize) -> Option<usize> {
        let bars = self.bars(symbol);
        (0..self.axes.delay).try_fold(t, |t, _| bars.bar_before(t))
    }

    /// The value of an input at the close of bar `t`.
    pub(super) fn input(&self, symbol: usize, input: usize, t: usize) -> f64 {
        self.signals[symbol].inputs[input][t]
    }

    /// How far away a level is that was decided at the close of bar `t`; `None` while it is not
    /// known.
    pub(super) fn away(&self, symbol: usize, distance: Distance, t: usize) -> Option<Away> {
        match distance {
            Distance::Fraction(fraction) => Some(Away::Fraction(fraction)),
            Distance::Atr { multiple, input } => {
                let money = multiple * self.input(symbol, input, t);
                (money > 0.0).then_some(Away::Money(money))
            }
        }
    }

    /// Whether the distance of a stop or target is not known at the close of bar `t`.
    pub(super) fn lacks_distance(&self, symbol: usize, t: usize) -> bool {
        let risk = &self.settings.risk;
        let asked = [risk.stop_loss, risk.take_profit, risk.trailing_stop];
        asked.into_iter().flatten().any(|distance| self.away(symbol, distance, t).is_none())
    }

    /// The levels of an entry at `price` on bar `filled` that was decided on bar `decided`.
    pub(super) fn levels(
        &self,
        symbol: usize,
        side: Side,
        decided: usize,
        filled: usize,
        price: f64,
        rules: [Option<f64>; 2],
    ) -> Option<Levels> {
        let risk = &self.settings.risk;
        if !risk.has_levels() && rules == [None; 2] {
            return None;
        }
        let base = self.base(symbol, decided, filled, price);
        let away = |distance: Option<Distance>| self.away(symbol, distance?, decided);
        let mut levels = Levels::none(side);
        if let Some(away) = away(risk.stop_loss) {
            levels = levels.stop(base, away);
        }
        if let Some(away) = away(risk.take_profit) {
            levels = levels.target_at(self.target(side, base, price, away), ClosedBy::TakeProfit);
        }
        if let Some(away) = away(risk.trailing_stop) {
            let unseen = side.sign() * f64::NEG_INFINITY;
            let later = self.settings.pins.trails_from_entry_close;
            levels = levels.trailing(if later { unseen } else { base }, away);
        }
        let [stop, target] = rules;
        if let Some(stop) = stop {
            levels = levels.stop_at(stop, ClosedBy::Stop);
        }
        if let Some(target) = target {
            levels = levels.target_at(Aim::at(target), ClosedBy::Target);
        }
        let levels = levels.if_any()?.since(filled);
        Some(match self.settings.trading.tick_size {
            Some(tick) => levels.on_grid(tick),
            None => levels,
        })
    }

    /// The price that the levels of an entry are measured from.
    fn base(&self, symbol: usize, decided: usize, filled: usize, price: f64) -> f64 {
        let close = &self.bars(symbol).close;
        match self.axes.stop_base {
            StopBase::Fill => price,
            StopBase::SignalClose if self.settings.pins.base_of_fill_bar => close[filled],
            StopBase::SignalClose => close[decided],
        }
    }

    /// The target so far before `base` of an entry at `price`.
    fn target(&self, side: Side, base: f64, price: f64, away: Away) -> Aim {
        match self.settings.pins.net_targets {
            false => Aim::at(side.sign() * away.above(side.sign() * base, side.sign())),
            true => self.net_target(side, price, away),
        }
    }

    /// The target of a lot from step number `step` of `risk.take_profit_after` on.
    pub(super) fn stepped_target(
        &self,
        symbol: usize,
        lot: &Lot,
        entry: &Filled,
        step: usize,
    ) -> Aim {
        let away = Away::Fraction(self.settings.risk.take_profit_after[step].gain);
        // What was split since then is in the price of the lot and not in that of its fill.
        let base = self.base(symbol, entry.decided, entry.bar, entry.price);
        let base = base * (lot.entry_price / entry.price);
        let Aim { price, reach } = self.target(lot.side, base, lot.entry_price, away);
        Aim { price: self.tick(price), reach: self.tick(reach) }
    }

    /// The price at which an entry at `price` has gained so much after the commission of both fills.
    fn net_target(&self, side: Side, price: f64, away: Away) -> Aim {
        let gain = match away {
            Away::Fraction(fraction) => fraction,
            Away::Money(money) => money / price,
        };
        let rate = self.settings.costs.commission.taker;
        // More by half of the last of eight decimals.
        let more = gain + 5e-9;
        let (signed, rate) = (side.sign() * gain, side.sign() * rate);
        Aim {
            price: price * (1.0 + signed + rate) / (1.0 - rate),
            reach: price * (1.0 + rate) * (1.0 + side.sign() * more) / (1.0 - rate),
        }
    }

    /// Whether one order turns a position round: not where its second half needs to be approved.
    pub(super) fn turns_in_one(&self) -> bool {
        !self.hand.approves && self.axes.flip == super::model::Flip::OneOrder
    }

    /// The symbols of the first group that holds this one, if one does.
    pub(super) fn group(&self, symbol: usize) -> Option<impl Iterator<Item = usize>> {
        let symbols = &self.frame.symbols;
        let members = self.settings.risk.group(&symbols[symbol].name)?;
        Some((0..symbols.len()).filter(|&other| members.contains(&symbols[other].name)))
    }

    /// A price on the grid of prices.
    pub(super) fn tick(&self, price: f64) -> f64 {
        match self.settings.trading.tick_size {
            Some(tick) => nearest_tick(price, tick),
            None => price,
        }
    }

    /// On how many bars both entries are true.
    pub(super) fn conflicts(&self, symbol: usize) -> usize {
        let signals = &self.signals[symbol];
        let words = signals.enter_long.words().iter().zip(signals.enter_short.words());
        words.map(|(a, b)| (a & b).count_ones() as usize).sum()
    }

    /// The first bar at or after `from` on which a rule asks for something: while `side` is held (or
    /// waited for) its exit does, and an entry against it; an entry in its direction only if it
    /// `adds`. Two entries at once ask for nothing.
    pub(super) fn next_signal(
        &self,
        symbol: usize,
        side: Option<Side>,
        adds: bool,
        from: usize,
    ) -> usize {
        let signals = &self.signals[symbol];
        let (long, short) = (&signals.enter_long, &signals.enter_short);
        match (side, adds) {
            (None, _) => next([long, short, long], from, |long, short, _| long ^ short),
            (Some(Side::Long), true) => {
                next([long, short, &signals.exit_long], from, |long, short, exit| {
                    exit | long ^ short
                })
            }
            (Some(Side::Short), true) => {
                next([long, short, &signals.exit_short], from, |long, short, exit| {
                    exit | long ^ short
                })
            }
            (Some(Side::Long), false) => {
                next([long, short, &signals.exit_long], from, |long, short, exit| {
                    exit | short & !long
                })
            }
            (Some(Side::Short), false) => {
                next([long, short, &signals.exit_short], from, |long, short, exit| {
                    exit | long & !short
                })
            }
        }
    }
}

fn next([a, b, c]: [&Mask; 3], from: usize, combine: impl Fn(u64, u64, u64) -> u64) -> usize {
    let (a, b, c) = (a.words(), b.words(), c.words());
    let first = from / 64;
    let mut keep = u64::MAX << (from % 64);
    for index in first..a.len() {
        let word = combine(a[index], b[index], c[index]) & keep;
        if word != 0 {
            return index * 64 + word.trailing_zeros() as usize;
        }
        keep = u64::MAX;
    }
    NEVER
}

/// The rules of one symbol as these settings read them: later, none before all are warm, none where
/// an entry and an exit of one direction cancel each other. Columns stay where they are.
fn moved(signals: &Signals, bars: &Aligned, settings: &Settings) -> Signals {
    let mut moved = signals.clone();
    if settings.pins.conflicts_cancel {
        let without = |a: &Mask, b: &Mask| a.zip(b, |a, b| a & !b);
        (moved.enter_long, moved.exit_long) = (
            without(&signals.enter_long, &signals.exit_long),
            without(&signals.exit_long, &signals.enter_long),
        );
        (moved.enter_short, moved.exit_short) = (
            without(&signals.enter_short, &signals.exit_short),
            without(&signals.exit_short, &signals.enter_short),
        );
        if settings.pins.both_entries_cancel {
            // Both stay, whatever exit is beside them: two entries at once do nothing, and are counted.
            let both = signals.enter_long.zip(&signals.enter_short, |a, b| a & b);
            moved.enter_long = moved.enter_long.zip(&both, |a, b| a | b);
            moved.enter_short = moved.enter_short.zip(&both, |a, b| a | b);
        }
    }
    let masks = [
        &mut moved.enter_long,
        &mut moved.exit_long,
        &mut moved.enter_short,
        &mut moved.exit_short,
    ];
    for mask in masks {
        if settings.axes.first_bar == FirstBar::AllWarm {
            let first = signals.warm.saturating_add(1);
            *mask = Mask::from_fn(mask.len(), |t| t >= first && mask.get(t));
        }
        if settings.axes.delay > 0 {
            *mask = later(mask, bars, settings.axes.delay as usize);
        }
    }
    moved
}

/// Every bit of `mask` so many of the symbol's own bars later.
fn later(mask: &Mask, bars: &Aligned, delay: usize) -> Mask {
    let mut later = Mask::zeros(mask.len());
    let own: Vec<usize> = (0..mask.len()).filter(|&t| bars.has_bar(t)).collect();
    for pair in own.windows(delay + 1) {
        if mask.get(pair[0]) {
            later.set(pair[delay]);
        }
    }
    later
}
