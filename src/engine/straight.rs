//! The straight way: from signal to signal, where nothing else can happen in between.
//!
//! Most sessions of a sweep ask little of the walk: one symbol, long or flat, market orders for the next
//! open, and nothing that looks at the account or at prices between two signals. What the walk asks at
//! every event has one answer for all of theirs, so it is asked once, and they go from signal to signal.
//! What is filled is filled by the walk's own functions. The end of the range is the walk's, and so is
//! everything from a bar on that leaves the account in need of watching.

use super::fill::Taken;
use super::guard::can_be_ruined;
use super::ledger::NEVER;
use super::model::{Fill, OrdersPerBar, Pins};
use super::order::Intent;
use super::rest::Prices;
use super::scene::Scene;
use super::settings::{Risk, Settings, Trading};
use super::trade::{Basis, ClosedBy, Moment, Side};
use super::walk::{At, EntryOrder, ExitOrder, Walk};
use crate::strategy::Signals;

impl Scene<'_> {
    /// Whether signals alone move the account, and each of them is one market order for the next open.
    pub(super) fn is_straight(&self) -> bool {
        let ([bars], [signals]) = (&self.frame.symbols[..], &self.signals[..]) else {
            return false;
        };
        // Every field is named, so that a new one is thought of here.
        let Signals {
            enter_short,
            stop,
            target,
            limit,
            trigger,
            size,
            weight,
            turns,
            enter_long: _,
            exit_long: _,
            exit_short: _,
            inputs: _,
            warm: _,
        } = signals;
        let Settings {
            max_entries,
            together,
            axes,
            pins,
            risk,
            trading,
            capital: _,
            sizing: _,
            costs: _,
            rebalance: _,
            inputs: _,
        } = self.settings;
        let Risk {
            take_profit_after,
            max_holding,
            max_orders_per_day,
            daily_loss,
            max_drawdown,
            max_consecutive_losses,
            // They are levels.
            stop_loss: _,
            take_profit: _,
            trailing_stop: _,
            // An entry is held against these when it is filled.
            max_position: _,
            max_symbol: _,
            max_group: _,
            max_gross: _,
            max_net: _,
            groups: _,
            max_positions: _,
            hours: _,
            blackout: _,
            weekdays: _,
            // The calendar has days for these.
            overnight: _,
            flat_by: _,
        } = risk;
        let Trading {
            max_participation,
            min_volume,
            leverage,
            maintenance,
            lot_size: _,
            tick_size: _,
            min_units: _,
            limit_bars: _,
            shorting: _,
        } = trading;
        let numbers = [stop, target, limit, trigger, size, weight];
        let has_every_bar = bars.present.is_none() && bars.actions.is_empty();
        let only_market_orders = axes.fill == Fill::NextOpen
            && axes.orders_per_bar == OrdersPerBar::Many
            && !self.turns_in_one()
            && *pins == Pins::default()
            && *max_entries == 1
            && !together
            && numbers.into_iter().all(Option::is_none)
            && enter_short.is_zero();
        let no_levels = !risk.has_levels() && take_profit_after.is_empty() && max_holding.is_none();
        let guards = [daily_loss, max_drawdown, max_consecutive_losses];
        let nobody_looks = guards.into_iter().all(Option::is_none)
            && max_orders_per_day.is_none()
            && *leverage <= 1.0
            && *maintenance == 0.0
            && turns.iter().all(Option::is_none)
            && self.hand.commands.is_empty()
            && !self.hand.approves;
        let whole_fills = max_participation.is_none() && *min_volume == 0.0;
        has_every_bar && only_market_orders && no_levels && nobody_looks && whole_fills
    }
}

/// How many signals are looked up at a time: the prices after them lie far apart in memory, and are
/// fetched side by side.
const TOGETHER: usize = 16;

/// A close at which a position is left, or entered, or both.
#[derive(Clone, Copy)]
struct Signal {
    bar: usize,
    enters: bool,
    /// What the market asks for at the next open.
    market: (f64, Basis),
}

impl Scene<'_> {
    /// The next signals from the close of bar `from` on, if a position is held before them or not, and all of
    /// them are followed.
    fn signals_ahead(&self, mut held: bool, mut from: usize) -> [Option<Signal>; TOGETHER] {
        let signals = &self.signals[0];
        // What is filled on the last bar, or after it, belongs to the end of the range.
        let end = self.frame.len().saturating_sub(2);
        std::array::from_fn(|_| {
            let signal = if held { &signals.exit_long } else { &signals.enter_long };
            let bar = signal.next(from).filter(|&bar| bar < end)?;
            (held, from) = (signals.enter_long.get(bar), bar + 1);
            Some(Signal { bar, enters: held, market: self.market(0, from, Moment::Open) })
        })
    }
}

impl Walk {
    /// Go from the beginning as far as the way is straight; the walk goes on from there.
    ///
    /// A session whose details are asked for is walked event by event, and comes to the same.
    pub(super) fn go_straight(&mut self, scene: &Scene<'_>) {
        if self.detailed || self.dates.matter() || !scene.is_straight() {
            return;
        }
        let mut from = 0;
        // Fees that are more than a sale brings leave an account that has to be watched.
        while !can_be_ruined(scene.settings, &self.ledger) {
            let ahead = scene.signals_ahead(self.holds(), from);
            if ahead[0].is_none() {
                break;
            }
            for signal in ahead.into_iter().flatten() {
                self.follow(scene, signal);
                from = signal.bar + 1;
                if self.holds() != signal.enters || can_be_ruined(scene.settings, &self.ledger) {
                    break;
                }
            }
        }
        self.guard.begin_at(from);
        self.look_ahead(scene, 0, from);
    }

    fn holds(&self) -> bool {
        !self.ledger.positions[0].is_empty()
    }

    /// Order what a signal asks for, and fill it at the next open.
    fn follow(&mut self, scene: &Scene<'_>, Signal { bar, enters, market }: Signal) {
        let decided = scene.decided(0, bar).expect("a rule acts `delay` bars after its own");
        let order = |walk: &mut Self, intent| walk.place_order(decided, bar, 0, intent, [None; 2]);
        let exit = self.holds().then(|| order(self, Intent::Close(ClosedBy::Rule)));
        let entry = enters.then(|| order(self, Intent::Open(Side::Long)));
        let at = At { bar: bar + 1, moment: Moment::Open };
        let fill = (at.bar, at.moment);
        let (reference, basis) = market;
        let taken = Taken { reference, basis, slips: true, rests: false };
        if let Some(order) = exit {
            let exit = ExitOrder { decided, order, closed_by: ClosedBy::Rule, fill };
            self.fill_exit(scene, 0, exit, at, taken);
        }
        if let Some(order) = entry {
            let entry = EntryOrder {
                decided,
                order,
                side: Side::Long,
                fill,
                prices: Prices::NONE,
                levels: [None; 2],
                scale: 1.0,
                against: false,
                left_on: NEVER,
                left: None,
                begun: false,
                approved: true,
                expires: NEVER,
                searched: at.bar,
                reached: None,
            };
            self.enter(scene, 0, entry, at, taken, 0.0);
        }
        self.mark(at.bar);
    }
}
