//! The inside of a bar: stops and targets, then entries that rest, then what the rest of the bar does
//! to those.
//!
//! Which price a level or an order finds there is told by `protect`, `moving` and `rest`; here it is
//! done in turn.

use super::fill::Taken;
use super::model::{StopOnEntryBar, TrailingFrom};
use super::order::{Intent, Reason};
use super::protect::{Entered, Hit};
use super::rest::Reached;
use super::scene::Scene;
use super::trade::{ClosedBy, Moment, Side};
use super::walk::{At, EntryOrder, ExitOrder, Walk};

impl Walk {
    /// The inside of bar `t`: exits, then entries that rest, then exits of those.
    pub(super) fn inside(&mut self, scene: &Scene<'_>, symbol: usize, t: usize) {
        self.exits_inside(scene, symbol, t);
        if self.meet_other_side(scene, symbol, t) {
            self.exits_inside(scene, symbol, t);
        }
        let waits = self.stops_in_turn(scene, symbol) && self.is_stopped(symbol, t);
        if waits || self.is_spent(scene, symbol, t) {
            return;
        }
        // An entry that waited since before may find its price on this bar.
        self.search_bar_for_entry(scene, symbol, t);
        let held = self.ledger.side(symbol);
        if let Some(entry) = &mut self.books[symbol].entry
            && let Some(reached) = entry.reached.take_if(|reached| reached.bar == t)
        {
            entry.searched = t + 1;
            let entry = *entry;
            if held.is_some_and(|side| side != entry.side) {
                // A position is left before the opposite one is entered.
                self.books[symbol].stale = true;
                return;
            }
            self.fill_resting(scene, symbol, entry, reached);
        }
    }

    /// The stops and targets that bar `t` reaches inside.
    pub(super) fn exits_inside(&mut self, scene: &Scene<'_>, symbol: usize, t: usize) {
        if self.is_spent(scene, symbol, t) || self.stops_in_turn(scene, symbol) {
            return;
        }
        self.search_bar(scene, symbol, t);
        if self.ledger.positions[symbol].iter().any(|lot| lot.ends_on(t)) {
            self.locking(scene, t, |walk| walk.exits(scene, symbol, t, Moment::Inside));
        }
    }

    /// Decide about an entry against what bar `t` may have left by now; whether it was filled.
    pub(super) fn meet_other_side(&mut self, scene: &Scene<'_>, symbol: usize, t: usize) -> bool {
        // One for the close is decided about there.
        let due = |entry: &&mut EntryOrder| {
            entry.against && entry.fill.0 <= t && entry.fill.1 != Moment::Close
        };
        let Some(entry) = self.books[symbol].entry.as_mut().filter(due) else { return false };
        entry.against = false;
        let entry = *entry;
        self.books[symbol].stale = true;
        if self.ledger.side(symbol).is_some() {
            self.refuse_entry(t, symbol, Reason::OtherSide);
            return false;
        }
        if !entry.prices.is_market() {
            return false;
        }
        let (reference, basis) = scene.market(symbol, t, Moment::Open);
        let taken = Taken { reference, basis, slips: true, rests: false };
        self.enter(scene, symbol, entry, At { bar: t, moment: Moment::Open }, taken, 0.0)
    }

    /// Look for the price of an entry on bar `t` itself: on a bar that begins with a split, no look
    /// ahead could.
    fn search_bar_for_entry(&mut self, scene: &Scene<'_>, symbol: usize, t: usize) {
        if let Some(entry) = &mut self.books[symbol].entry
            && !entry.prices.is_market()
            && entry.reached.is_none()
            && entry.searched.max(entry.fill.0) == t
        {
            let (bars, reading) = (scene.bars(symbol), scene.reading());
            let (prices, first) = (&mut entry.prices, entry.fill.0);
            entry.reached = prices.first_reached(entry.side, bars, reading, first, t, t + 1);
            entry.searched = t + 1;
        }
    }

    /// Fill an entry that found its price inside a bar.
    pub(super) fn fill_resting(
        &mut self,
        scene: &Scene<'_>,
        symbol: usize,
        entry: EntryOrder,
        reached: Reached,
    ) {
        let (at, taken) = (At { bar: reached.bar, moment: Moment::Inside }, entry.taken(reached));
        if !self.enter(scene, symbol, entry, at, taken, 0.0) {
            return;
        }
        if entry.left_on == reached.bar {
            self.leave_where_it_opened(scene, symbol, at);
        } else {
            let bars = scene.bars(symbol);
            let price = match (reached.entered, entry.side) {
                (Entered::AtOpen, _) => bars.open[reached.bar],
                (_, Side::Long) => bars.low[reached.bar],
                (_, Side::Short) => bars.high[reached.bar],
            };
            self.lose_passed_stop(scene, symbol, price);
            self.rest_of_entry_bar(scene, symbol, reached, !taken.rests);
        }
    }

    /// Leave what was entered inside a bar at the open of that bar, as a rule asked at the close before.
    fn leave_where_it_opened(&mut self, scene: &Scene<'_>, symbol: usize, at: At) {
        let before = scene.bars(symbol).bar_before(at.bar).unwrap_or(at.bar);
        let decided = scene.decided(symbol, before).unwrap_or(before);
        let closed_by = ClosedBy::Rule;
        let order =
            self.place_order(decided, before, symbol, Intent::Close(closed_by), [None, None]);
        let exit = ExitOrder { decided, order, closed_by, fill: (at.bar, at.moment) };
        let (reference, basis) = scene.market(symbol, at.bar, Moment::Open);
        let taken = Taken { reference, basis, slips: true, rests: false };
        self.fill_exit(scene, symbol, exit, at, taken);
    }

    /// Take stop and target from the last entry of a symbol if `price` had passed the stop.
    pub(super) fn lose_passed_stop(&mut self, scene: &Scene<'_>, symbol: usize, price: f64) {
        let Some(lot) = self.ledger.positions[symbol].last_mut() else { return };
        let sign = lot.side.sign();
        let [stop, _] = lot.levels.map_or([None; 2], |levels| levels.fixed());
        if scene.settings.pins.passed_stops_lost
            && stop.is_some_and(|stop| sign * price <= sign * stop)
        {
            lot.levels = None;
        }
    }

    /// What the rest of the bar does to an entry that was filled inside it.
    pub(super) fn rest_of_entry_bar(
        &mut self,
        scene: &Scene<'_>,
        symbol: usize,
        reached: Reached,
        is_trigger: bool,
    ) {
        let t = reached.bar;
        let bars = scene.bars(symbol);
        self.retarget(scene, symbol, t);
        let Some(lot) = self.ledger.positions[symbol].last_mut() else { return };
        lot.searched = t + 1;
        let whole = scene.settings.pins.entry_bar_counts_whole
            && scene.axes.stop_on_entry_bar == StopOnEntryBar::Always;
        if whole && let Some(levels) = &mut lot.levels {
            lot.hit = levels.whole_bar_hit(bars, scene.reading(), t, reached.price);
            if lot.hit.is_some() {
                self.locking(scene, t, |walk| walk.exits(scene, symbol, t, Moment::Inside));
            }
            return;
        }
        let Some(levels) = lot.levels else { return };
        let hit = match scene.axes.stop_on_entry_bar {
            StopOnEntryBar::Always => {
                levels.entry_bar_hit(bars, scene.reading(), t, reached.entered, reached.price)
            }
            StopOnEntryBar::BacktestingPy if is_trigger => {
                let hit =
                    levels.entry_bar_hit(bars, scene.reading(), t, Entered::AtOpen, reached.price);
                hit.filter(|hit| hit.rests && !hit.ambiguous && !levels.is_stopped(bars, t))
            }
            _ => None,
        };
        // Its close is after the entry, whatever was before.
        if scene.axes.trailing_from == TrailingFrom::Close
            && scene.axes.stop_on_entry_bar != StopOnEntryBar::Never
            && let Some(levels) =
                self.ledger.positions[symbol].last_mut().and_then(|lot| lot.levels.as_mut())
        {
            levels.outlive(bars, scene.reading(), t);
        }
        let Some(hit) = hit else { return };
        let index = self.ledger.positions[symbol].len() - 1;
        // What the entry's own price is beyond already is met at that price.
        let sign = self.ledger.positions[symbol][index].side.sign();
        let (level, price) = (sign * hit.price, sign * reached.price);
        let met = match reached.entered {
            Entered::AtOpen => level,
            _ if hit.rests => level.max(price),
            _ => level.min(price),
        };
        let hit = Hit { at_open: false, price: sign * met, ..hit };
        self.locking(scene, t, |walk| walk.protective_exit(scene, symbol, index, hit));
    }

    /// Do what happens inside bar `t`; what it frees is not spendable on that bar.
    pub(super) fn locking(&mut self, scene: &Scene<'_>, t: usize, exits: impl FnOnce(&mut Self)) {
        let at = At { bar: t, moment: Moment::Open };
        let before = self.free(scene, at);
        exits(self);
        if !scene.settings.pins.frees_at_once {
            self.ledger.locked += (self.free(scene, at) - before).max(0.0);
        }
    }
}
