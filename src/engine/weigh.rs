//! Weights: at each rebalance every symbol is brought to its fraction of the equity.
//!
//! A rebalance is at the first bar of its period, with the weights of the close before (with
//! `fill = "close"`, of that bar's own close): that a new month has begun is known when it has. The
//! first is as soon as a weight has a value.

use super::fill::{Leaving, Taken};
use super::frame::Frame;
use super::ledger::NEVER;
use super::model::Fill;
use super::order::{Intent, OrderStatus};
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

impl Walk {
    /// The first bar at which a symbol has a weight to be brought to.
    pub(super) fn first_weight(&self, scene: &Scene<'_>, symbol: usize) -> usize {
        let Some(weight) = &scene.signals[symbol].weight else { return NEVER };
        let bars = scene.bars(symbol);
        let known =
            |t: usize| weighed(scene, symbol, t).is_some_and(|decided| !weight[decided].is_nan());
        let own = std::iter::successors(bars.next_bar(0), |&t| bars.next_bar(t + 1));
        own.into_iter().find(|&t| known(t)).unwrap_or(NEVER)
    }

    /// Whether weights are restored at this moment.
    pub(super) fn weighs(&self, scene: &Scene<'_>, touched: &[usize], at: At) -> bool {
        // What is in the account from the next bar on needs one.
        let has_bar = !scene.books_late() || at.bar + 1 < scene.frame.len();
        has_bar
            && at.moment == moment(scene)
            && touched.iter().any(|&symbol| self.books[symbol].next_weight == at.bar)
    }

    /// Bring every symbol that is due to its weight: sales first, then purchases.
    pub(super) fn restore_weights(&mut self, scene: &Scene<'_>, touched: &[usize], at: At) {
        let equity = self.equity(scene, at);
        for sells in [true, false] {
            for &symbol in touched {
                if self.books[symbol].next_weight == at.bar {
                    self.restore(scene, symbol, at, equity, sells);
                }
            }
        }
        for &symbol in touched {
            if self.books[symbol].next_weight == at.bar {
                self.books[symbol].next_weight = next_weight(scene, symbol, at.bar + 1);
                self.books[symbol].stale = true;
            }
        }
    }

    fn restore(&mut self, scene: &Scene<'_>, symbol: usize, at: At, equity: f64, sells: bool) {
        let Some(decided) = weighed(scene, symbol, at.bar) else { return };
        let weight = scene.signals[symbol].weight.as_ref().map_or(f64::NAN, |w| w[decided]);
        if weight.is_nan() {
            return;
        }
        let (reference, basis) = scene.market(symbol, at.bar, at.moment);
        let held = self.ledger.units(symbol);
        let target = weight * self.controls.scale * equity / reference;
        let change = target - held;
        // What differs in the last digits alone is not traded.
        let threshold = scene.settings.rebalance.threshold.max(1e-9);
        let small = (change * reference).abs() <= threshold * equity;
        let keeps = small && (weight != 0.0 || held == 0.0);
        if keeps || (change < 0.0) != sells || change == 0.0 {
            return;
        }
        let taken = Taken { reference, basis, slips: true, rests: false };
        let shrinks = held != 0.0 && held.signum() != change.signum();
        if shrinks {
            let units = change.abs().min(held.abs());
            let intent = Intent::Close(ClosedBy::Weight);
            let order = self.place_order(decided, at.bar, symbol, intent, [None, None]);
            let leaving = Leaving { closed_by: ClosedBy::Weight, decided, order: Some(order) };
            let units = units.min(self.room(scene, symbol, at.bar));
            self.leave(scene, symbol, None, units, at, taken, leaving);
            self.settle(order, OrderStatus::Filled(at.bar));
        }
        let more = target - self.ledger.units(symbol);
        // A position is turned round only once it is gone.
        let turns = self.ledger.side(symbol).is_none() && target.signum() != held.signum();
        if (!shrinks || turns) && target != 0.0 && more.signum() == change.signum() && more != 0.0 {
            let side = if more > 0.0 { Side::Long } else { Side::Short };
            let intent = Intent::Open(side);
            let order = self.place_order(decided, at.bar, symbol, intent, [None, None]);
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
                approved: true,
                expires: NEVER,
                searched: 0,
                reached: None,
            };
            self.enter(scene, symbol, entry, at, taken, 0.0);
        }
    }
}
