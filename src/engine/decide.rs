//! The close of a bar: what the rules ask for, and what risk lets through, becomes orders.

use super::guard::Verdict;
use super::ledger::NEVER;
use super::model::{AtEnd, Fill};
use super::order::{Cause, Intent, Kind, Order, OrderStatus, Reason};
use super::outcome::What;
use super::rest::Prices;
use super::scene::Scene;
use super::trade::{ClosedBy, Moment, Side};
use super::walk::{EntryOrder, ExitOrder, Walk, entries};
use crate::bars::Cut;

impl Walk {
    /// Read the rules of a symbol at the close of bar `t`: exits before entries.
    pub(super) fn read_rules(&mut self, scene: &Scene<'_>, symbol: usize, t: usize) {
        let signals = &scene.signals[symbol];
        let stopped = self.stops_in_turn(scene, symbol) && self.is_stopped(symbol, t);
        let spent = scene.axes.fill == Fill::Close && (stopped || self.is_spent(scene, symbol, t));
        if signals.weight.is_some() || self.books[symbol].exit.is_some() || spent {
            return;
        }
        let enter = match (signals.enter_long.get(t), signals.enter_short.get(t)) {
            (true, false) => Some(Side::Long),
            (false, true) => Some(Side::Short),
            _ => None,
        };
        let held = self.ledger.side(symbol);
        let stands = scene.settings.pins.entries_stand;
        let waits = self.books[symbol].entry.as_ref().map(|entry| (entry.side, entry.order));
        let leaves = match held.or(waits.map(|(side, _)| side)) {
            Some(Side::Long) => signals.exit_long.get(t),
            Some(Side::Short) => signals.exit_short.get(t),
            None => false,
        };
        // The rest of an entry is carried on: its own signal asks for nothing before it is full.
        let carried = |entry: &EntryOrder| entry.left.is_some() && held == Some(entry.side);
        let goes_on =
            !leaves && enter == held && self.books[symbol].entry.as_ref().is_some_and(carried);
        let enter = enter.filter(|_| !goes_on && (!stands || waits.is_none()));
        if stands
            && leaves
            && let Some(entry) = &mut self.books[symbol].entry
        {
            entry.left_on = scene.next_fill(symbol, t).0;
        }
        // A new entry replaces the one that waits, and an exit takes it back.
        if let Some((_, order)) = waits
            && !stands
            && (leaves || enter.is_some())
        {
            self.books[symbol].entry = None;
            let cause = if leaves { Cause::Exit } else { Cause::Entry };
            self.cancel(t, symbol, order, cause);
        }
        let other = held.is_some() && enter.is_some() && enter != held;
        let flips = other && !stands;
        let closed_by = match held {
            None => None,
            Some(_) if leaves => Some(ClosedBy::Rule),
            Some(_) => flips.then_some(ClosedBy::Flip),
        };
        // An entry in the direction that is held already adds to it, as often as it may.
        let room = entries(&self.ledger.positions[symbol]) < scene.settings.max_entries;
        let open = enter.filter(|_| held.is_none() || other || closed_by.is_some() || room);
        let fill = scene.next_fill(symbol, t);
        if let Some(closed_by) = closed_by {
            self.order_exit(scene, symbol, t, closed_by, fill);
        }
        if let Some(side) = open {
            self.order_entry(scene, symbol, side, t, fill);
        }
    }

    /// Order that a position is left at `fill`.
    pub(super) fn order_exit(
        &mut self,
        scene: &Scene<'_>,
        symbol: usize,
        t: usize,
        closed_by: ClosedBy,
        fill: (usize, Moment),
    ) {
        if self.books[symbol].exit.is_some() {
            return;
        }
        let by_rule = matches!(closed_by, ClosedBy::Rule | ClosedBy::Flip);
        let decided = scene.decided(symbol, t).filter(|_| by_rule).unwrap_or(t);
        let intent = Intent::Close(closed_by);
        let order = self.place_order(decided, t, symbol, intent, [None, None]);
        let book = &mut self.books[symbol];
        book.exit = Some(ExitOrder { decided, order, closed_by, fill });
        book.stale = true;
    }

    /// Order an entry, unless risk refuses it.
    fn order_entry(
        &mut self,
        scene: &Scene<'_>,
        symbol: usize,
        side: Side,
        t: usize,
        fill: (usize, Moment),
    ) {
        let signals = &scene.signals[symbol];
        let decided = scene.decided(symbol, t).expect("a rule acts `delay` bars after its own");
        let at = |column: &Option<Cut<f64>>| column.as_ref().map(|column| column[decided]);
        let price = |column: &Option<Cut<f64>>| at(column).map(|price| scene.tick(price));
        let (limit, trigger) = (price(&signals.limit), price(&signals.trigger));
        let levels = [price(&signals.stop), price(&signals.target)];
        let scale = at(&signals.size).unwrap_or(1.0) * self.controls.scale;
        // In the one order that turns a position round the entry is no order of its own.
        let turns = self.books[symbol].exit.filter(|_| scene.turns_in_one());
        let order = match turns {
            Some(exit) => exit.order,
            None => self.place_order(decided, t, symbol, Intent::Open(side), [limit, trigger]),
        };
        let reference = || limit.or(trigger).unwrap_or_else(|| scene.bars(symbol).close[decided]);
        let behind = |price: f64| side.sign() * price < side.sign() * reference();
        let [stop, target] = levels;
        let held = self.ledger.side(symbol);
        let close = || side.sign() * scene.bars(symbol).close[t];
        let passed = trigger.is_some_and(|trigger| close() >= side.sign() * trigger);
        let refused = if [limit, trigger].into_iter().flatten().any(f64::is_nan) {
            Some(Reason::NoPrice)
        } else if levels.into_iter().flatten().any(f64::is_nan)
            || scene.lacks_distance(symbol, decided)
        {
            Some(Reason::NoLevel)
        } else if scale.is_nan() || scale <= 0.0 {
            Some(Reason::NoSize)
        } else if stop.is_some_and(|stop| !behind(stop))
            || target.is_some_and(|target| behind(target) || target == reference())
        {
            Some(Reason::WrongSide)
        } else if passed && scene.settings.pins.passed_triggers_refused {
            Some(Reason::Passed)
        } else if side == Side::Short && !scene.settings.trading.shorting {
            Some(Reason::NoShorting)
        } else if self.guard.orders_today()
            > scene.settings.risk.max_orders_per_day.unwrap_or(NEVER)
        {
            Some(Reason::MaxOrdersPerDay)
        } else if scene.settings.together && self.lacks_leg(scene, symbol, t) {
            Some(Reason::LegBar)
        } else {
            self.guard.blocks(t).or_else(|| self.controls.blocks(symbol))
        };
        if let Some(reason) = refused {
            self.refuse(t, symbol, order, reason);
            return;
        }
        let pins = &scene.settings.pins;
        let met = |limit: f64| close() <= side.sign() * limit;
        let at_once = pins.limits_met_at_close
            && scene.axes.fill == Fill::Close
            && trigger.is_none()
            && limit.is_some_and(met);
        let prices = match at_once {
            true => Prices::NONE,
            false => Prices { limit, trigger, woken: None },
        };
        let ends = scene.axes.at_end != AtEnd::Mark && fill.0 == scene.frame.len() - 1;
        let never = pins.last_bar_enters_nothing && ends;
        let approved = !scene.hand.approves;
        let against = pins.entries_stand && held.is_some_and(|held| held != side);
        let fill = match prices.is_market() {
            _ if !approved || never => (NEVER, fill.1),
            true => fill,
            // What rests is not looked for on the bar that has just closed.
            false if against => (fill.0.max(t + 1), Moment::Inside),
            false => (t + 1, Moment::Inside),
        };
        // The last bar on which it rests, if there are that many.
        let rests_until = || {
            let bars = scene.settings.trading.limit_bars;
            let bars = bars.filter(|&bars| bars < scene.frame.len() - t)?;
            (0..bars).try_fold(t, |t, _| scene.bars(symbol).next_bar(t + 1))
        };
        if !approved {
            self.settle(order, OrderStatus::Unapproved);
        }
        let book = &mut self.books[symbol];
        book.stale = true;
        book.entry = Some(EntryOrder {
            decided,
            order,
            side,
            fill,
            prices,
            levels,
            scale,
            against,
            left_on: NEVER,
            left: None,
            begun: false,
            approved,
            expires: match prices.is_market() && approved {
                true => NEVER,
                false => rests_until().map_or(NEVER, |last| last + 1),
            },
            searched: t + 1,
            reached: None,
        });
    }

    /// Write down an order that was decided on bar `decided` and read at the close of bar `t`.
    pub(super) fn place_order(
        &mut self,
        decided: usize,
        t: usize,
        symbol: usize,
        intent: Intent,
        [limit, trigger]: [Option<f64>; 2],
    ) -> usize {
        self.guard.count_order(t);
        self.place(|| Order {
            bar: decided,
            symbol,
            intent,
            kind: Kind::of(limit.is_some(), trigger.is_some()),
            limit,
            trigger,
            wanted: None,
            reduced: None,
            status: OrderStatus::Pending,
            ended: None,
        })
    }

    /// An entry that rested as long as it may is taken away before bar `t` opens.
    pub(super) fn expire(&mut self, t: usize, symbol: usize) {
        let book = &mut self.books[symbol];
        if let Some(entry) = book.entry.take_if(|entry| entry.expires <= t) {
            book.stale = true;
            self.lapse(t, entry.order, OrderStatus::Expired);
        }
    }

    /// Why an entry cannot be filled on this bar, and whether it never will be.
    pub(super) fn refuses(
        &self,
        scene: &Scene<'_>,
        symbol: usize,
        side: Side,
        at: super::walk::At,
    ) -> Option<Verdict> {
        let risk = &scene.settings.risk;
        if side == Side::Short && !scene.settings.trading.shorting {
            return Some(Verdict::never(Reason::NoShorting));
        }
        // What fills at the close that decided it was let through by the guards of that close.
        let blocked = match at.moment == Moment::Close && scene.axes.fill == Fill::Close {
            true => self.guard.blocks(at.bar),
            false => self.guard.blocks_before(at.bar),
        };
        if let Some(reason) = blocked.or_else(|| self.controls.blocks(symbol)) {
            return Some(Verdict::never(reason));
        }
        let new = self.ledger.positions[symbol].is_empty();
        if new && risk.max_positions.is_some_and(|most| self.ledger.held() >= most) {
            return Some(Verdict::never(Reason::MaxPositions));
        }
        super::dates::closed(scene, at).map(Verdict::not_now)
    }

    /// Take every entry back that waits, because a guard tripped.
    pub(super) fn refuse_waiting(&mut self, t: usize, reason: Reason) {
        for symbol in 0..self.books.len() {
            self.refuse_entry(t, symbol, reason);
        }
    }

    /// Take the entry back that waits for a symbol, if there is one.
    pub(super) fn refuse_entry(&mut self, t: usize, symbol: usize, reason: Reason) {
        if let Some(entry) = self.books[symbol].entry {
            self.turn_down(t, symbol, &entry, reason);
        }
    }

    /// Refuse an entry; one of which a part was filled stays as large as that.
    pub(super) fn turn_down(
        &mut self,
        t: usize,
        symbol: usize,
        entry: &EntryOrder,
        reason: Reason,
    ) {
        let order = entry.order;
        self.books[symbol].entry = None;
        self.books[symbol].stale = true;
        let Some(rest) = entry.left.filter(|_| entry.begun) else {
            return self.refuse(t, symbol, order, reason);
        };
        self.outcome.reduced.add(reason);
        if self.detailed {
            let from = self.outcome.orders[order].wanted.unwrap_or(rest);
            let to = from - rest;
            self.outcome.orders[order].reduced = Some((reason, to));
            self.tell(t, Some(symbol), What::Reduced { order, reason, from, to });
        }
    }

    /// Order that everything is left at the next open.
    pub(super) fn flatten(&mut self, scene: &Scene<'_>, t: usize, closed_by: ClosedBy) {
        for symbol in 0..self.books.len() {
            if self.ledger.side(symbol).is_some() {
                let next = scene.bars(symbol).next_bar(t + 1).unwrap_or(NEVER);
                self.order_exit(scene, symbol, t, closed_by, (next, Moment::Open));
            }
        }
    }
}
