//! Weights: at each rebalance every symbol is brought to its fraction of the equity.
//!
//! A rebalance is at the first bar of its period, with the weights of the close before (with
//! `fill = "close"`, of that bar's own close): that a new month has begun is known when it has. The
//! first is as soon as a weight has a value.

use super::fill::{Leaving, Taken};
use super::frame::Frame;
use super::ledger::NEVER;
use super::model::Fill;
use super::order::{Cause, Intent, OrderStatus, Reason};
use super::rest::Prices;
use super::scene::Scene;
use super::settings::Every;
use super::trade::{ClosedBy, Moment, Side};
use super::walk::{At, EntryOrder, Walk};
use crate::bars::month;

/// The moment at which weights are restored.
fn moment(scene: &Scene<'_>) -> Moment {
    if scene.axes.fill == Fill::NextOpen { Moment::Open } else { Moment::Close }
}

/// The bar whose weight is restored on bar `t`.
fn weighed(scene: &Scene<'_>, symbol: usize, t: usize) -> Option<usize> {
    let last = match scene.axes.fill {
        Fill::Close => t,
        Fill::NextOpen | Fill::NextClose => scene.bars(symbol).bar_before(t)?,
    };
    scene.decided(symbol, last)
}

/// Whether there is a weight to be restored on bar `t`.
fn has_weight(scene: &Scene<'_>, symbol: usize, t: usize) -> bool {
    let weight = scene.signals[symbol].weight.as_ref();
    weight.zip(weighed(scene, symbol, t)).is_some_and(|(weight, bar)| !weight[bar].is_nan())
}

/// The period of bar `t` in a calendar: a number that changes where a new one begins.
fn period(frame: &Frame, every: Every, t: usize) -> i64 {
    let day = || frame.days[frame.day(t)].number;
    match every {
        Every::Bar => t as i64,
        Every::Bars(bars) => (t / bars.max(1)) as i64,
        Every::Day => i64::from(day()),
        // 1970-01-01 was a Thursday.
        Every::Week => i64::from((day() + 3).div_euclid(7)),
        Every::Month => month(day()),
        // Months are counted from a March.
        Every::Quarter => (month(day()) + 2).div_euclid(3),
    }
}

/// The next bar from `from` on at which a symbol's weight is restored.
pub(super) fn next_weight(scene: &Scene<'_>, symbol: usize, from: usize) -> usize {
    if scene.signals[symbol].weight.is_none() || from == 0 {
        return NEVER;
    }
    let every = scene.settings.rebalance.every;
    let (frame, bars) = (scene.frame, scene.bars(symbol));
    let before = period(frame, every, from - 1);
    let mut t = from;
    while t < frame.len() && period(frame, every, t) == before {
        t = match every {
            Every::Bar | Every::Bars(_) => t + 1,
            _ => frame.days[frame.day(t)].end,
        };
    }
    bars.next_bar(t).unwrap_or(NEVER)
}

/// How the price of the market is taken.
fn market(scene: &Scene<'_>, symbol: usize, at: At) -> Taken {
    let (reference, basis) = scene.market(symbol, at.bar, at.moment);
    Taken { reference, basis, slips: true, rests: false }
}

/// What a rebalance asks of a symbol: signed units, before and after.
struct Change {
    symbol: usize,
    decided: usize,
    held: f64,
    target: f64,
}

impl Change {
    /// Whether it gives up some or all of what is held.
    fn lowers(&self) -> bool {
        self.held != 0.0 && self.held.signum() != (self.target - self.held).signum()
    }
}

impl Walk {
    /// The first bar at which a symbol has a weight to be brought to.
    pub(super) fn first_weight(&self, scene: &Scene<'_>, symbol: usize) -> usize {
        if scene.signals[symbol].weight.is_none() {
            return NEVER;
        }
        let bars = scene.bars(symbol);
        let mut own = std::iter::successors(bars.next_bar(0), |&t| bars.next_bar(t + 1));
        own.find(|&t| has_weight(scene, symbol, t)).unwrap_or(NEVER)
    }

    /// Whether weights are restored at this moment.
    pub(super) fn weighs(&self, scene: &Scene<'_>, touched: &[usize], at: At) -> bool {
        // What is in the account from the next bar on needs one.
        let has_bar = !scene.books_late() || at.bar + 1 < scene.frame.len();
        has_bar
            && at.moment == moment(scene)
            && touched.iter().any(|&symbol| self.books[symbol].next_weight == at.bar)
    }

    /// Bring every symbol that is due to its weight. What lowers a position towards zero comes first:
    /// it frees the cash and the margin for what raises one.
    pub(super) fn restore_weights(&mut self, scene: &Scene<'_>, touched: &[usize], at: At) {
        let equity = self.equity(scene, at);
        let due = |walk: &Self, symbol: usize| walk.books[symbol].next_weight == at.bar;
        for &symbol in touched {
            // What is still to be bought for the weight before is not asked for any more.
            if due(self, symbol)
                && has_weight(scene, symbol, at.bar)
                && let Some(entry) = self.books[symbol].entry.take()
            {
                self.cancel(at.bar, symbol, entry.order, Cause::Weight);
            }
        }
        let changes: Vec<Change> = touched
            .iter()
            .filter(|&&symbol| due(self, symbol))
            .filter_map(|&symbol| self.due_change(scene, symbol, at, equity))
            .collect();
        for change in changes.iter().filter(|change| change.lowers()) {
            self.lower(scene, change, at);
        }
        for change in &changes {
            self.raise(scene, change, at);
        }
        for &symbol in touched {
            if due(self, symbol) {
                self.books[symbol].next_weight = next_weight(scene, symbol, at.bar + 1);
                self.books[symbol].stale = true;
            }
        }
    }

    /// How a symbol gets to its weight; `None` if it is left alone.
    fn due_change(&self, scene: &Scene<'_>, symbol: usize, at: At, equity: f64) -> Option<Change> {
        let decided = weighed(scene, symbol, at.bar)?;
        let weight = scene.signals[symbol].weight.as_ref()?[decided];
        if weight.is_nan() {
            return None;
        }
        let (reference, _) = scene.market(symbol, at.bar, at.moment);
        let held = self.ledger.units(symbol);
        let target = weight * self.controls.scale * equity / reference;
        let change = target - held;
        // What differs in the last digits alone is not traded.
        let threshold = scene.settings.rebalance.threshold.max(1e-9);
        let small = (change * reference).abs() <= threshold * equity;
        let keeps = small && (weight != 0.0 || held == 0.0);
        (!keeps && change != 0.0).then_some(Change { symbol, decided, held, target })
    }

    /// Give up what is held beyond the weight, or all of it where the position turns round.
    fn lower(&mut self, scene: &Scene<'_>, change: &Change, at: At) {
        let &Change { symbol, decided, held, target } = change;
        let units = (target - held).abs().min(held.abs());
        let units = self.parting(scene, units, held.abs());
        if units == 0.0 {
            // What is beyond the weight is less than a unit that exists.
            return;
        }
        let order =
            self.place_order(decided, at.bar, symbol, Intent::Close(ClosedBy::Weight), [None; 2]);
        let leaving = Leaving { closed_by: ClosedBy::Weight, decided, order: Some(order) };
        let units = units.min(self.room(scene, symbol, at.bar));
        let units = self.parting(scene, units, held.abs());
        self.leave(scene, symbol, None, units, at, market(scene, symbol, at), leaving);
        let none = OrderStatus::Refused(Reason::Volume);
        self.settle(order, if units > 0.0 { OrderStatus::Filled(at.bar) } else { none });
    }

    /// Enter what the weight asks for beyond what is held.
    fn raise(&mut self, scene: &Scene<'_>, change: &Change, at: At) {
        let &Change { symbol, decided, held, target } = change;
        // A position is turned round only once it is gone.
        let turns = self.ledger.side(symbol).is_none() && target.signum() != held.signum();
        let more = target - self.ledger.units(symbol);
        if (change.lowers() && !turns) || target == 0.0 || more == 0.0 {
            return;
        }
        let side = if more > 0.0 { Side::Long } else { Side::Short };
        let order = self.place_order(decided, at.bar, symbol, Intent::Open(side), [None; 2]);
        let entry = EntryOrder {
            decided,
            order,
            side,
            fill: (at.bar, at.moment),
            prices: Prices::NONE,
            levels: [None, None],
            scale: 1.0,
            against: false,
            left_on: NEVER,
            left: Some(more.abs()),
            begun: false,
            approved: true,
            expires: NEVER,
            searched: 0,
            reached: None,
        };
        self.enter(scene, symbol, entry, at, market(scene, symbol, at), 0.0);
    }
}
