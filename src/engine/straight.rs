//! The straight way: from signal to signal, where nothing else can happen in between.
//!
//! Most sessions of a sweep ask little of the walk: one symbol, long or flat, market orders for the next
//! open, and nothing that looks at the account or at prices between two signals. What the walk asks at
//! every event has one answer for all of theirs, so it is asked once, and they go from signal to signal.
//! What they come to is sized, priced and booked by the walk's own functions. The end of the range is
//! the walk's, and so is everything from a bar on that leaves the account in need of watching.

use super::fill::Taken;
use super::guard::can_be_ruined;
use super::ledger::{Lot, NEVER};
use super::model::{self, OrdersPerBar, Pins};
use super::order::Intent;
use super::rest::Prices;
use super::scene::Scene;
use super::settings::{Risk, Settings, Trading};
use super::sizing::Sized;
use super::trade::{Basis, ClosedBy, Fill, Moment, Side};
use super::walk::{At, EntryOrder, Walk};
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
        let only_market_orders = axes.fill == model::Fill::NextOpen
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
    /// The next open, at which that is done.
    price: f64,
}

impl Scene<'_> {
    /// The next signals from the close of bar `from` on, if a position is held before them or not, and all of
    /// them are followed.
    fn signals_ahead(&self, mut held: bool, mut from: usize) -> [Option<Signal>; TOGETHER] {
        let (signals, open) = (&self.signals[0], &self.bars(0).open);
        // What is filled on the last bar, or after it, belongs to the end of the range.
        let end = self.frame.len().saturating_sub(2);
        std::array::from_fn(|_| {
            let signal = if held { &signals.exit_long } else { &signals.enter_long };
            let bar = signal.next(from).filter(|&bar| bar < end)?;
            (held, from) = (signals.enter_long.get(bar), bar + 1);
            Some(Signal { bar, enters: held, price: open[from] })
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
        // What the last fill brought is held or not: the ledger comes to know of it where the walk goes on.
        let (mut from, mut held) = (0, false);
        // Fees that are more than a sale brings leave an account that has to be watched.
        while !can_be_ruined(scene.settings, &self.ledger) {
            let ahead = scene.signals_ahead(held, from);
            if ahead[0].is_none() {
                break;
            }
            for signal in ahead.into_iter().flatten() {
                held = self.follow(scene, held, signal);
                from = signal.bar + 1;
                if held != signal.enters || can_be_ruined(scene.settings, &self.ledger) {
                    break;
                }
            }
        }
        let last = self.outcome.fills.last().filter(|_| held);
        if let Some((fill, order)) = last.and_then(|fill| Some((fill, fill.order?))) {
            let lot = self.lot(scene, &entry(fill.decided, order, fill.bar), fill);
            let lot = Lot { entry: self.outcome.fills.len() - 1, ..lot };
            self.ledger.positions[0].push(lot);
        }
        self.guard.begin_at(from);
        self.look_ahead(scene, 0, from);
    }

    /// Order what a signal asks for, and fill it at the next open; whether anything is held then.
    fn follow(&mut self, scene: &Scene<'_>, held: bool, signal: Signal) -> bool {
        let Signal { bar, enters, price } = signal;
        let decided = scene.decided(0, bar).expect("a rule acts `delay` bars after its own");
        let order = |walk: &mut Self, intent| walk.place_order(decided, bar, 0, intent, [None; 2]);
        let exit = held.then(|| order(self, Intent::Close(ClosedBy::Rule)));
        let entry = enters.then(|| order(self, Intent::Open(Side::Long)));
        let at = At { bar: bar + 1, moment: Moment::Open };
        let taken = Taken { reference: price, basis: Basis::NextOpen, slips: true, rests: false };
        if let Some(order) = exit {
            self.sell(scene, decided, order, at, taken);
        }
        let bought = entry.map_or(0.0, |order| self.buy(scene, decided, order, at, taken));
        self.outcome.mark(at.bar, self.ledger.cash, [bought]);
        bought > 0.0
    }

    /// Give up what the last fill brought.
    fn sell(&mut self, scene: &Scene<'_>, decided: usize, order: usize, at: At, taken: Taken) {
        let Some(&Fill { units, .. }) = self.outcome.fills.last() else { return };
        let paid = self.paid(scene, 0, at.bar, -1.0, units, taken, false);
        let fee = scene.settings.costs.commission.fee(false, self.ledger.traded);
        let fill = paid.fill(0, at, -units, taken, fee.of(units, paid.price));
        let (closed_by, order) = (Some(ClosedBy::Rule), Some(order));
        self.ledger.close_last(Fill { closed_by, decided, order, ..fill }, &mut self.outcome);
    }

    /// Enter with an account that holds nothing; how many units, none if that is refused.
    fn buy(
        &mut self,
        scene: &Scene<'_>,
        decided: usize,
        order: usize,
        at: At,
        taken: Taken,
    ) -> f64 {
        let refused = self.refuses(scene, 0, Side::Long, at).map(|verdict| verdict.reason);
        let sized = match refused {
            Some(reason) => Err(reason),
            None => self.size(scene, 0, &entry(decided, order, at.bar), at, taken, 0.0),
        };
        let Sized { units, reduced, paid, commission, .. } = match sized {
            Ok(sized) => sized,
            Err(reason) => {
                self.outcome.refused.add(reason);
                return 0.0;
            }
        };
        if let Some(reason) = reduced {
            self.outcome.reduced.add(reason);
        }
        let fill = paid.fill(0, at, units, taken, commission);
        self.ledger.book(Fill { decided, order: Some(order), ..fill }, &mut self.outcome);
        units
    }
}

/// A market order to buy at the open of `bar`.
fn entry(decided: usize, order: usize, bar: usize) -> EntryOrder {
    EntryOrder {
        decided,
        order,
        side: Side::Long,
        fill: (bar, Moment::Open),
        prices: Prices::NONE,
        levels: [None; 2],
        scale: 1.0,
        against: false,
        left_on: NEVER,
        left: None,
        begun: false,
        approved: true,
        expires: NEVER,
        searched: bar,
        reached: None,
    }
}
