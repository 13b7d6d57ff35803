//! Orders meet the bars: what is filled, at which price and cost.

use super::guard::Verdict;
use super::ledger::{Lot, NEVER};
use super::model::{AtEnd, SpreadOn, StopOnEntryBar};
use super::order::{OrderStatus, Reason};
use super::outcome::What;
use super::protect::Hit;
use super::rest::Reached;
use super::scene::Scene;
use super::settings::rounded_to_tick;
use super::sizing::Sized;
use super::trade::{Basis, ClosedBy, Fill, Moment, Side};
use super::walk::{At, EntryOrder, ExitOrder, Walk};

/// A price of the bar, and how it is taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    /// The price before slippage and spread.
    pub reference: f64,
    pub basis: Basis,
    /// Slippage worsens it.
    pub slips: bool,
    /// It is the price of an order that rested.
    pub rests: bool,
}

/// Why units are given up, decided when and by which order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaving {
    pub closed_by: ClosedBy,
    pub decided: usize,
    pub order: Option<usize>,
}

/// What a price becomes by slippage and spread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paid {
    pub price: f64,
    slippage: f64,
    spread: f64,
}

impl Paid {
    /// The fill of `units` (positive bought, negative sold) at this price, decided on its own bar by
    /// nobody.
    #[inline]
    pub(super) fn fill(
        self,
        symbol: usize,
        at: At,
        units: f64,
        taken: Taken,
        commission: f64,
    ) -> Fill {
        Fill {
            bar: at.bar,
            moment: at.moment,
            symbol,
            units,
            reference: taken.reference,
            basis: taken.basis,
            price: self.price,
            commission,
            slippage: self.slippage * units.abs(),
            spread: self.spread * units.abs(),
            closed_by: None,
            decided: at.bar,
            order: None,
        }
    }
}

impl Walk {
    /// Restore the weights and fill the orders that are due at this moment.
    pub(super) fn fill_due(&mut self, scene: &Scene<'_>, touched: &[usize], at: At) {
        if self.weighs(scene, touched, at) {
            self.restore_weights(scene, touched, at);
        }
        self.fill_orders(scene, touched, at);
    }

    /// Fill the orders that are due at this moment: sells, then buys, each in the order of symbols; or
    /// both in that order.
    pub(super) fn fill_orders(&mut self, scene: &Scene<'_>, touched: &[usize], at: At) {
        let due = |walk: &Self, symbol: usize| {
            let book = &walk.books[symbol];
            book.exit.is_some_and(|exit| exit.fill == (at.bar, at.moment))
                || book.entry.is_some_and(|entry| entry.is_due(at))
        };
        let is_turn = scene.fills_at_close() == (at.moment == Moment::Close);
        let stops = |walk: &Self, symbol: usize| {
            is_turn && walk.stops_in_turn(scene, symbol) && walk.is_stopped(symbol, at.bar)
        };
        if !touched.iter().any(|&symbol| due(self, symbol) || stops(self, symbol)) {
            return;
        }
        if scene.settings.together {
            for &symbol in touched {
                self.fill_exits(scene, symbol, at);
            }
            self.refuse_lone_legs(scene, at);
        }
        if scene.settings.pins.symbols_in_turn {
            for &symbol in touched {
                if stops(self, symbol) {
                    self.only_exit(scene, symbol, at.bar);
                }
                if self.turns_unpaid(scene, symbol, at) {
                    continue;
                }
                self.fill_symbol(scene, symbol, at, true);
                self.fill_symbol(scene, symbol, at, false);
            }
            return;
        }
        for sells in [true, false] {
            for &symbol in touched {
                self.fill_symbol(scene, symbol, at, sells);
            }
        }
    }

    /// Fill those orders of a symbol that are sales (or that are purchases).
    fn fill_symbol(&mut self, scene: &Scene<'_>, symbol: usize, at: At, sells: bool) {
        // A position closes once: what a stop has closed before leaves the order nothing to do.
        let closes_now = self.ledger.side(symbol).is_none_or(|side| (side == Side::Long) == sells);
        let closed = if closes_now { self.fill_exits(scene, symbol, at) } else { 0.0 };
        let book = &mut self.books[symbol];
        // A position is left before the opposite one is entered, however many bars that takes.
        let waits = book.exit.is_some();
        if let (Some(exit), Some(entry)) = (&book.exit, &mut book.entry)
            && entry.is_due(at)
            && exit.fill != (at.bar, at.moment)
        {
            entry.fill = exit.fill;
            book.stale = true;
        }
        let opens_now = |entry: &EntryOrder| !sells || entry.side == Side::Short;
        if let Some(entry) = book.entry.filter(|entry| entry.is_due(at) && opens_now(entry))
            && !waits
        {
            if self.ledger.side(symbol).is_some_and(|side| side != entry.side) {
                match entry.against {
                    false => self.refuse_entry(at.bar, symbol, Reason::NoCash),
                    // The inside of the bar may still leave it.
                    true if at.moment == Moment::Open => {}
                    true => self.refuse_entry(at.bar, symbol, Reason::OtherSide),
                }
                return;
            }
            // The one order that turns a position pays once for itself.
            let turned = if scene.turns_in_one() { closed } else { 0.0 };
            let (reference, basis) = scene.market(symbol, at.bar, at.moment);
            let taken = Taken { reference, basis, slips: true, rests: false };
            let entered = self.enter(scene, symbol, entry, at, taken, turned);
            if entered {
                self.lose_passed_stop(scene, symbol, reference);
            }
            if entered && turned > 0.0 && scene.settings.pins.shares_turning_fee {
                self.ledger.share_turning_fee(symbol, &mut self.outcome);
            }
        }
    }

    /// Fill the order to leave a symbol that is due; how many units it closed.
    fn fill_exits(&mut self, scene: &Scene<'_>, symbol: usize, at: At) -> f64 {
        let due = |exit: &mut ExitOrder| exit.fill == (at.bar, at.moment);
        let Some(exit) = self.books[symbol].exit.take_if(due) else { return 0.0 };
        let (reference, basis) = scene.market(symbol, at.bar, at.moment);
        let taken = Taken { reference, basis, slips: true, rests: false };
        self.fill_exit(scene, symbol, exit, at, taken)
    }

    /// Fill an order to leave; how many units it closed.
    pub(super) fn fill_exit(
        &mut self,
        scene: &Scene<'_>,
        symbol: usize,
        exit: ExitOrder,
        at: At,
        taken: Taken,
    ) -> f64 {
        let held = self.ledger.units(symbol).abs();
        if held == 0.0 {
            self.lapse(at.bar, exit.order, OrderStatus::Superseded);
            self.books[symbol].stale = true;
            return 0.0;
        }
        let leaving =
            Leaving { closed_by: exit.closed_by, decided: exit.decided, order: Some(exit.order) };
        let payable = self.payable(scene, symbol, at, taken, held, exit.closed_by);
        let units = payable.min(self.room(scene, symbol, at.bar));
        let units = self.parting(scene, units, held);
        self.leave(scene, symbol, None, units, at, taken, leaving);
        if units < held && payable < held {
            // There is no cash for the rest, and nobody waits for it.
            let none = OrderStatus::Refused(Reason::NoCash);
            self.settle(exit.order, if units > 0.0 { OrderStatus::Filled(at.bar) } else { none });
            self.books[symbol].stale = true;
        } else if units < held {
            // The bar had too little volume: the rest is carried on.
            let fill = self.carried(scene, symbol, at);
            self.books[symbol].exit = Some(ExitOrder { fill, ..exit });
        } else {
            self.settle(exit.order, OrderStatus::Filled(at.bar));
        }
        units
    }

    /// The same moment of the symbol's next bar.
    fn carried(&self, scene: &Scene<'_>, symbol: usize, at: At) -> (usize, Moment) {
        let moment = if at.moment == Moment::Close { Moment::Close } else { Moment::Open };
        (scene.bars(symbol).next_bar(at.bar + 1).unwrap_or(NEVER), moment)
    }

    /// A level, or its age, ends a lot as far as the bar has volume.
    pub(super) fn protective_exit(
        &mut self,
        scene: &Scene<'_>,
        symbol: usize,
        index: usize,
        hit: Hit,
    ) {
        self.outcome.ambiguous_exits += usize::from(hit.ambiguous);
        let moment = if hit.at_open { Moment::Open } else { Moment::Inside };
        let at = At { bar: hit.bar, moment };
        let taken = Taken {
            reference: hit.price,
            basis: hit.basis,
            slips: scene.axes.slippage_on_stops && (!hit.rests || scene.settings.pins.targets_slip),
            rests: hit.rests,
        };
        let leaving = Leaving { closed_by: hit.closed_by, decided: hit.bar, order: None };
        let (lot, units) = match scene.settings.pins.levels_of_position {
            true => (None, self.ledger.units(symbol).abs()),
            false => (Some(index), self.ledger.positions[symbol][index].units),
        };
        let payable = self.payable(scene, symbol, at, taken, units, hit.closed_by);
        let closed = payable.min(self.room(scene, symbol, hit.bar));
        let closed = self.parting(scene, closed, units);
        self.leave(scene, symbol, lot, closed, at, taken, leaving);
        // What lies within the last digits of the whole was closed with it.
        if closed >= units * (1.0 - 1e-12) {
            return;
        }
        let (next, _) = self.carried(scene, symbol, At { bar: hit.bar, moment: Moment::Open });
        // What is left of several lots are the last of them.
        let left = if lot.is_none() { 0 } else { index };
        let lot = &mut self.ledger.positions[symbol][left];
        match &mut lot.levels {
            // A target goes on waiting for its price, and so does what could not be paid.
            Some(levels) if hit.rests || payable < units => {
                levels.outlive(scene.bars(symbol), scene.reading(), hit.bar);
                lot.searched = hit.bar + 1;
            }
            _ => {
                lot.levels = None;
                (lot.expires, lot.expires_by) = (next, (hit.closed_by, Basis::CarriedOpen));
            }
        }
        self.books[symbol].stale = true;
    }

    /// Give up units of a position: of one lot, or of the oldest first.
    #[expect(clippy::too_many_arguments, reason = "who, how many, when, at what, and why")]
    pub(super) fn leave(
        &mut self,
        scene: &Scene<'_>,
        symbol: usize,
        lot: Option<usize>,
        units: f64,
        at: At,
        taken: Taken,
        leaving: Leaving,
    ) {
        let Some(side) = self.ledger.side(symbol).filter(|_| units > 0.0) else { return };
        if lot.is_none() && scene.settings.pins.closes_each_entry {
            let mut left = units;
            while let Some(first) = self.ledger.positions[symbol].first().filter(|_| left > 0.0) {
                let part = left.min(first.units);
                self.leave(scene, symbol, Some(0), part, at, taken, leaving);
                left -= part;
            }
            return;
        }
        let sign = -side.sign();
        let paid = self.paid(scene, symbol, at.bar, sign, units, taken, false);
        let fee = scene.settings.costs.commission.fee(taken.rests, self.ledger.traded);
        let fill = Fill {
            closed_by: Some(leaving.closed_by),
            decided: leaving.decided,
            order: leaving.order,
            ..paid.fill(symbol, at, sign * units, taken, fee.of(units, paid.price))
        };
        self.ledger.close(fill, lot, &mut self.outcome);
        self.note_filled(symbol, at.bar, units);
    }

    /// Fill an entry; whether anything was bought (or sold short).
    pub(super) fn enter(
        &mut self,
        scene: &Scene<'_>,
        symbol: usize,
        entry: EntryOrder,
        at: At,
        taken: Taken,
        turned: f64,
    ) -> bool {
        self.books[symbol].stale = true;
        let wait = |walk: &mut Self, left: Option<f64>| {
            let fill = walk.carried(scene, symbol, at);
            let fill = if entry.prices.is_market() { fill } else { (at.bar + 1, fill.1) };
            walk.books[symbol].entry = Some(EntryOrder { fill, left, reached: None, ..entry });
        };
        if scene.is_over(at) {
            let fill = (NEVER, at.moment);
            self.books[symbol].entry = Some(EntryOrder { fill, reached: None, ..entry });
            return false;
        }
        if let Some(Verdict { reason, only_now }) = self.refuses(scene, symbol, entry.side, at) {
            if !only_now || entry.prices.is_market() {
                self.turn_down(at.bar, symbol, &entry, reason);
            } else {
                wait(self, entry.left);
            }
            return false;
        }
        if self.room(scene, symbol, at.bar) <= 0.0 {
            wait(self, entry.left);
            return false;
        }
        let sized = match self.size(scene, symbol, &entry, at, taken, turned) {
            Ok(sized) if sized.units == 0.0 => {
                wait(self, entry.left);
                return false;
            }
            Ok(sized) => sized,
            Err(reason) => {
                self.turn_down(at.bar, symbol, &entry, reason);
                return false;
            }
        };
        let Sized { units, wanted, reduced, left, paid, commission } = sized;
        if let Some(reason) = reduced {
            self.outcome.reduced.add(reason);
            let (order, from, to) = (entry.order, wanted, units);
            self.tell(at.bar, Some(symbol), What::Reduced { order, reason, from, to });
        }
        let sign = entry.side.sign();
        let fill = Fill {
            decided: entry.decided,
            order: Some(entry.order),
            ..paid.fill(symbol, at, sign * units, taken, commission)
        };
        let lot = self.lot(scene, &entry, &fill);
        if scene.settings.pins.levels_of_position {
            for held in &mut self.ledger.positions[symbol] {
                (held.levels, held.searched, held.hit) = (lot.levels, lot.searched, None);
            }
        }
        self.ledger.open(fill, lot, &mut self.outcome);
        self.note_filled(symbol, at.bar, units);
        if self.detailed {
            let order = &mut self.outcome.orders[entry.order];
            order.wanted.get_or_insert(wanted);
            order.reduced = reduced.map(|reason| (reason, units)).or(order.reduced);
            order.status = OrderStatus::Filled(at.bar);
        }
        self.books[symbol].entry = None;
        if left > 0.0 {
            wait(self, Some(left));
        }
        if let Some(rest) = &mut self.books[symbol].entry {
            rest.begun = true;
        }
        true
    }

    /// What an entry brings by `fill`.
    #[inline]
    pub(super) fn lot(&self, scene: &Scene<'_>, entry: &EntryOrder, fill: &Fill) -> Lot {
        let &Fill { symbol, bar, price, .. } = fill;
        let passes_by = scene.axes.stop_on_entry_bar == StopOnEntryBar::Never;
        let searched = bar + usize::from(passes_by || fill.moment == Moment::Close);
        let ages = scene.settings.pins.ages_from_order;
        let since = if ages { entry.fill.0.min(bar) } else { bar };
        Lot {
            side: entry.side,
            units: fill.units.abs(),
            entry_bar: bar,
            entry_price: price,
            commission: fill.commission,
            slippage: fill.slippage,
            spread: fill.spread,
            entry: NEVER,
            order: entry.order,
            earned: 0.0,
            levels: scene
                .levels(symbol, entry.side, entry.decided, bar, price, entry.levels)
                .map(|levels| self.controls.nearer(levels, price).since(since)),
            searched,
            hit: None,
            expires: self.expiry(scene, symbol, bar),
            expires_by: (ClosedBy::MaxHolding, Basis::ClockOpen),
            since,
            step: self.step(scene, symbol, since, 0),
        }
    }

    /// The units of a symbol that bar `t` can still fill.
    pub(super) fn room(&self, scene: &Scene<'_>, symbol: usize, t: usize) -> f64 {
        let trading = &scene.settings.trading;
        if trading.max_participation.is_none() && trading.min_volume == 0.0 {
            return f64::INFINITY;
        }
        let volume = scene.bars(symbol).volume[t];
        // Nothing is known of a bar without volume, so nothing is filled on it.
        if volume.is_nan() || volume < trading.min_volume {
            return 0.0;
        }
        let most = trading.max_participation.map_or(f64::INFINITY, |share| share * volume);
        match self.books[symbol].filled {
            // What is left in the last digits is nothing.
            Some((bar, units)) if bar == t && units >= most * (1.0 - 1e-9) => 0.0,
            Some((bar, units)) if bar == t => most - units,
            _ => most,
        }
    }

    fn note_filled(&mut self, symbol: usize, t: usize, units: f64) {
        let book = &mut self.books[symbol];
        let before = book.filled.filter(|(bar, _)| *bar == t).map_or(0.0, |(_, units)| units);
        book.filled = Some((t, before + units));
        book.stale = true;
    }

    /// What `units` cost that are bought (`sign` 1) or sold (-1).
    #[expect(clippy::too_many_arguments, reason = "whose price, when, and how it is taken")]
    #[inline]
    pub(super) fn paid(
        &self,
        scene: &Scene<'_>,
        symbol: usize,
        t: usize,
        sign: f64,
        units: f64,
        taken: Taken,
        opens: bool,
    ) -> Paid {
        let bars = scene.bars(symbol);
        let costs = &scene.settings.costs;
        let raw = taken.reference;
        let slipped = match taken.slips {
            true => {
                // A bar that the symbol does not have has no range.
                let range = || (bars.high[t] - bars.low[t]).max(0.0);
                costs.slippage.price(sign, raw, units, range, || bars.volume[t])
            }
            false => raw,
        };
        let share = match (scene.axes.spread_on, opens) {
            (SpreadOn::Both, _) => 0.5,
            (SpreadOn::Entry, true) => 1.0,
            (SpreadOn::Entry, false) => 0.0,
        };
        let mut price = slipped * (1.0 + sign * share * costs.spread);
        if let Some(tick) = scene.settings.trading.tick_size
            && price != raw
        {
            // What is paid beyond the bar's price is rounded against the trader.
            price = rounded_to_tick(price, tick, |ticks| {
                let near = ticks.round();
                match sign > 0.0 {
                    _ if (ticks - near).abs() < 1e-9 => near,
                    true => ticks.ceil(),
                    false => ticks.floor(),
                }
            });
        }
        Paid { price, slippage: (slipped - raw).abs(), spread: (price - slipped).abs() }
    }

    /// Close a symbol's position at the end of the range.
    pub(super) fn end(
        &mut self,
        scene: &Scene<'_>,
        symbol: usize,
        at: At,
        price: f64,
        basis: Basis,
    ) {
        let taken = Taken { reference: price, basis, slips: true, rests: false };
        let leaving = Leaving { closed_by: ClosedBy::End, decided: at.bar, order: None };
        self.close_out(scene, symbol, at, taken, leaving);
    }

    /// Fill an order of the last close at the price at which positions were closed.
    pub(super) fn meet_last_bar(&mut self, scene: &Scene<'_>, symbol: usize, at: At, price: f64) {
        let meets = scene.axes.at_end == AtEnd::CloseAtLastOpen
            && scene.settings.pins.last_orders_meet_last_bar;
        let Some(mut entry) = self.books[symbol].entry.filter(|_| meets) else { return };
        if entry.prices.is_market() {
            let basis = Basis::LastOpen;
            let taken = Taken { reference: price, basis, slips: true, rests: false };
            self.enter(scene, symbol, entry, at, taken, 0.0);
            return;
        }
        let (side, bars, last) = (entry.side, scene.bars(symbol), scene.frame.len() - 1);
        if let Some(reached) =
            entry.prices.first_reached(side, bars, scene.reading(), entry.fill.0, last, last + 1)
        {
            let taken = entry.taken(reached);
            self.enter(scene, symbol, entry, At { bar: last, moment: Moment::Inside }, taken, 0.0);
        }
    }

    /// Close a symbol's position whatever the volume.
    pub(super) fn close_out(
        &mut self,
        scene: &Scene<'_>,
        symbol: usize,
        at: At,
        taken: Taken,
        leaving: Leaving,
    ) {
        let units = self.ledger.units(symbol).abs();
        self.leave(scene, symbol, None, units, at, taken, leaving);
    }
}

impl EntryOrder {
    /// The price at which it is taken where it was reached.
    pub(super) fn taken(&self, reached: Reached) -> Taken {
        let rests = self.prices.limit.is_some();
        Taken { reference: reached.price, basis: reached.basis, slips: !rests, rests }
    }

    /// Whether it is a market order for this moment.
    pub(super) fn is_due(&self, at: At) -> bool {
        self.prices.is_market() && self.fill == (at.bar, at.moment)
    }
}
