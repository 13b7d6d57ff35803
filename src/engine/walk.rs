//! The one walk over the bars.
//!
//! For bar t, in this order:
//!
//! 1. At the open: what was held overnight is split and booked; protective exits that gap, and those
//!    of the clock; then the orders decided before: sells, then buys.
//! 2. Inside the bar: stops and targets, then entries that rest. What an exit frees here is spendable
//!    from the next bar on.
//! 3. At the close: the account is marked, and its guards look at it. Rules are read, exits before
//!    entries, and become orders for the next bar, or are filled at this close.
//! 4. A new stretch begins if anything changed.
//!
//! Between two events nothing happens, so the walk jumps: an event is a bar on which a rule that
//! matters in the present state is true, an order fills, a level is reached, a booking is due, or a
//! guard trips. What is decided lies in the file `decide`, what is filled in `fill`; where signals alone
//! are events, the file `straight` goes from one to the next.

use super::command::{Controls, Hand};
use super::dates::Dates;
use super::frame::Frame;
use super::guard::Guard;
use super::ledger::{Ledger, Lot, NEVER};
use super::model::{AtEnd, Fill, OrdersPerBar};
use super::order::{Cause, Order, OrderStatus, Reason};
use super::outcome::{Event, Outcome, What};
use super::protect::Levels;
use super::rest::{Prices, Reached};
use super::scene::Scene;
use super::settings::{Settings, Span};
use super::trade::{Basis, ClosedBy, Moment, Side};
use super::weigh::next_weight;
use crate::strategy::Signals;

/// A walk and the buffers that it uses again for the next session.
#[derive(Debug, Default)]
pub struct Walk {
    pub(super) ledger: Ledger,
    pub(super) books: Vec<Book>,
    pub(super) guard: Guard,
    pub(super) dates: Dates,
    pub(super) outcome: Outcome,
    pub(super) detailed: bool,
    pub(super) controls: Controls,
    touched: Vec<usize>,
}

/// What waits for one symbol, and what is known to come.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub exit: Option<ExitOrder>,
    pub entry: Option<EntryOrder>,
    pub next_signal: usize,
    /// The next bar whose open splits or pays what is held.
    pub next_action: usize,
    /// The bar at which its weight is restored next.
    pub next_weight: usize,
    /// The last bar on which it had a fill, and how many units that bar filled.
    pub filled: Option<(usize, f64)>,
    /// The next bar on which something happens to it whatever its rules say there, while it is not
    /// stale.
    next_act: usize,
    /// Something happened to it since it was looked ahead.
    pub stale: bool,
}

/// An order to leave a position.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExitOrder {
    pub decided: usize,
    pub order: usize,
    pub closed_by: ClosedBy,
    pub fill: (usize, Moment),
}

/// An order to enter a position.
#[derive(Debug, Clone, Copy)]
pub(super) struct EntryOrder {
    pub decided: usize,
    pub order: usize,
    pub side: Side,
    /// When a market order is filled; from which bar on another one may be.
    pub fill: (usize, Moment),
    pub prices: Prices,
    /// The prices of the rules `stop` and `target`.
    pub levels: [Option<f64>; 2],
    /// What the rule `size` multiplies with.
    pub scale: f64,
    /// It waits for what is held of the other side to be left on its first bar.
    pub against: bool,
    /// The bar at whose open it is left if it is filled on that bar: a rule asked for it before.
    pub left_on: usize,
    /// The units that are still to be filled, if that is known before the fill.
    pub left: Option<f64>,
    /// Whether a part of it was filled.
    pub begun: bool,
    /// Whether it may be filled; else somebody has to approve it first.
    pub approved: bool,
    /// The bar at whose open it is no longer there.
    pub expires: usize,
    /// The first bar on which its price was not yet looked for.
    pub searched: usize,
    pub reached: Option<Reached>,
}

impl EntryOrder {
    /// The order in units that were split.
    pub(super) fn split(&mut self, ratio: f64) {
        self.prices.split(ratio);
        self.levels = self.levels.map(|level| level.map(|price| price / ratio));
        self.left = self.left.map(|units| units * ratio);
    }

    pub(super) fn due(&self) -> usize {
        match self.prices.is_market() || self.against {
            true => self.fill.0.min(self.expires),
            false => self.reached.map_or(NEVER, |reached| reached.bar).min(self.expires),
        }
    }
}

/// A moment of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    pub bar: usize,
    pub moment: Moment,
}

impl Walk {
    /// Walk over `frame` with the rules of each symbol, starting from `settings.capital`.
    ///
    /// The outcome stays valid until the next walk. Orders and events are listed only when
    /// `detailed`; no number depends on it.
    pub fn run(
        &mut self,
        frame: &Frame,
        signals: &[Signals],
        settings: &Settings,
        detailed: bool,
    ) -> &Outcome {
        self.run_told(frame, signals, settings, Hand::default(), detailed)
    }

    /// The same for an account whose owner trades along by `hand`.
    pub fn run_told(
        &mut self,
        frame: &Frame,
        signals: &[Signals],
        settings: &Settings,
        hand: Hand<'_>,
        detailed: bool,
    ) -> &Outcome {
        let scene = Scene { hand, ..Scene::new(frame, signals, settings) };
        self.begin(&scene, detailed);
        self.go_straight(&scene);
        let mut from = 0;
        while let Some(t) = self.next_event(&scene) {
            assert!(t >= from, "bar {t} was done, and something is still due on it");
            self.bar(&scene, t);
            from = t + 1;
        }
        self.finish(&scene);
        &self.outcome
    }

    pub(super) fn begin(&mut self, scene: &Scene<'_>, detailed: bool) {
        let symbols = scene.frame.symbols.len();
        self.detailed = detailed;
        self.ledger.begin(symbols, scene.settings.capital);
        self.books.clear();
        self.books.resize_with(symbols, Book::default);
        self.outcome.begin(symbols, scene.settings.capital);
        self.outcome.conflicts = (0..symbols).map(|symbol| scene.conflicts(symbol)).sum();
        self.guard.begin(scene);
        self.dates.begin(scene);
        self.controls = Controls::default();
        // Without a bar there is nothing yet that they could hold for.
        if !scene.frame.is_empty() {
            self.obey(scene, None);
        }
        for symbol in 0..symbols {
            self.books[symbol].next_weight = self.first_weight(scene, symbol);
            self.look_ahead(scene, symbol, 0);
        }
    }

    /// The next bar on which something happens.
    pub(super) fn next_event(&mut self, scene: &Scene<'_>) -> Option<usize> {
        if self.outcome.ruined.is_some() || self.controls.killed {
            return None;
        }
        let due = (0..self.books.len()).map(|symbol| self.due(symbol)).min().unwrap_or(NEVER);
        let due = due.min(self.dates.next).min(self.controls.due(scene)).min(scene.frame.len());
        if self.guard.standing.watches(scene) {
            self.guard.error_rate = self.error_rate();
        }
        let trips = self.guard.watch(scene, &self.ledger, due);
        trips.or_else(|| (due < scene.frame.len()).then_some(due))
    }

    /// The next bar on which something happens to a symbol.
    fn due(&self, symbol: usize) -> usize {
        self.next_act(symbol).min(self.books[symbol].next_signal)
    }

    /// The next bar on which something happens to a symbol whatever its rules say there.
    fn next_act(&self, symbol: usize) -> usize {
        let book = &self.books[symbol];
        if book.stale {
            return self.act_ahead(symbol);
        }
        debug_assert_eq!(book.next_act, self.act_ahead(symbol), "what changes a book says so");
        book.next_act
    }

    /// The same as it is found out.
    fn act_ahead(&self, symbol: usize) -> usize {
        let book = &self.books[symbol];
        let exit = book.exit.map_or(NEVER, |exit| exit.fill.0);
        let entry = book.entry.as_ref().map_or(NEVER, EntryOrder::due);
        let lots = self.ledger.positions[symbol].iter();
        let lots =
            lots.map(|lot| lot.hit.map_or(NEVER, |hit| hit.bar).min(lot.expires).min(lot.step.1));
        let orders = exit.min(entry).min(lots.min().unwrap_or(NEVER));
        orders.min(book.next_action).min(book.next_weight)
    }

    /// One bar on which something happens.
    pub(super) fn bar(&mut self, scene: &Scene<'_>, t: usize) {
        self.ledger.locked = 0.0;
        self.ledger.freed.clear();
        self.dates(scene, t);
        let mut touched = std::mem::take(&mut self.touched);
        touched.clear();
        for symbol in 0..self.books.len() {
            if self.due(symbol) <= t {
                touched.push(symbol);
            }
        }
        let closes = scene.fills_at_close();
        if touched.iter().any(|&symbol| self.acts(symbol, t)) {
            self.trade(scene, &touched, t);
        }
        self.look_at_account(scene, t);
        if self.outcome.ruined.is_some() {
            self.mark(t);
            return;
        }
        let refused = self.outcome.refusals();
        for &symbol in &touched {
            self.read_rules(scene, symbol, t);
        }
        if scene.settings.together && self.outcome.refusals() > refused {
            self.refuse_other_legs(scene, t);
        }
        if closes {
            self.mark(t);
            self.fill_due(scene, &touched, At { bar: t, moment: Moment::Close });
        }
        self.end_of_day(scene, t);
        let late = scene.books_late() && t + 1 < scene.frame.len();
        self.mark(if late { t + 1 } else { t });
        self.obey(scene, Some(t));
        for symbol in touched.drain(..) {
            self.books[symbol].stale = true;
        }
        self.touched = touched;
        for symbol in 0..self.books.len() {
            if self.books[symbol].stale {
                self.look_ahead(scene, symbol, t + 1);
            }
        }
        self.dates.look_ahead(scene, &self.ledger, t + 1);
    }

    /// Whether bar `t` does anything to a symbol before its rules are read at the close: it is due, or
    /// has to be looked at, which nobody did ahead.
    fn acts(&self, symbol: usize, t: usize) -> bool {
        let unseen = |lot: &Lot| lot.levels.is_some() && lot.searched <= t;
        self.next_act(symbol) <= t
            || self.books[symbol].entry.is_some()
            || self.ledger.positions[symbol].iter().any(unseen)
    }

    /// Whether the open of bar `t` adds to what is held, and leaves nothing.
    fn only_enters(&self, symbol: usize, t: usize) -> bool {
        let at = At { bar: t, moment: Moment::Open };
        let book = &self.books[symbol];
        book.entry.is_some_and(|entry| entry.is_due(at))
            && book.exit.is_none_or(|exit| exit.fill != (at.bar, at.moment))
    }

    /// What happens at the open of bar `t`, inside it, and to orders for its close.
    fn trade(&mut self, scene: &Scene<'_>, touched: &[usize], t: usize) {
        let one_fill = scene.axes.orders_per_bar == OrdersPerBar::One;
        for &symbol in touched {
            self.step_targets(scene, symbol, t);
            if one_fill {
                self.search_bar(scene, symbol, t);
                if !self.stops_in_turn(scene, symbol) {
                    self.only_exit(scene, symbol, t);
                }
                self.exits_of_the_clock(scene, symbol, t);
            } else if scene.settings.pins.orders_first {
                self.exits_of_the_clock(scene, symbol, t);
            } else {
                self.exits(scene, symbol, t, Moment::Open);
            }
            if scene.settings.pins.levels_before_entries && self.only_enters(symbol, t) {
                self.exits_inside(scene, symbol, t);
            }
            self.expire(t, symbol);
        }
        self.fill_due(scene, touched, At { bar: t, moment: Moment::Open });
        for &symbol in touched {
            self.inside(scene, symbol, t);
        }
        let at = At { bar: t, moment: Moment::Close };
        match scene.axes.fill {
            Fill::NextOpen => {}
            Fill::NextClose => self.fill_due(scene, touched, at),
            // What waits for its turn is not before the orders that the close decides.
            Fill::Close if scene.settings.pins.symbols_in_turn => {}
            // The weights of this close are restored when the guards have looked at it.
            Fill::Close => self.fill_orders(scene, touched, at),
        }
    }

    /// Find out what happens next to `symbol`, from bar `from` on.
    pub(super) fn look_ahead(&mut self, scene: &Scene<'_>, symbol: usize, from: usize) {
        // A command may change what lies behind it.
        let horizon = scene.horizon.min(self.controls.due(scene).saturating_add(1));
        let bars = scene.bars(symbol);
        let book = &mut self.books[symbol];
        let lots = &mut self.ledger.positions[symbol];
        let held = lots.first().map(|lot| lot.side);
        let waits = book.entry.as_ref().map(|entry| entry.side);
        let adds = waits.is_some() || entries(lots) < scene.settings.max_entries;
        book.next_signal = match book.exit {
            Some(_) => NEVER,
            None => scene.next_signal(symbol, held.or(waits), adds, from),
        };
        book.next_action = match held.or(waits) {
            Some(_) => bars.next_action(from).unwrap_or(NEVER),
            None => NEVER,
        };
        if book.next_weight < from {
            book.next_weight = next_weight(scene, symbol, from);
        }
        // Levels are looked for up to the bar on which something else is known to happen; further
        // on it would be in vain, and beyond a split the levels are others.
        let (signal_fill, _) = scene.next_fill(symbol, book.next_signal);
        let signal_fill = signal_fill.max(from);
        let until = signal_fill.min(book.exit.map_or(NEVER, |exit| exit.fill.0));
        let until = until.min(book.next_weight).min(horizon);
        for lot in lots.iter_mut() {
            // What a bar reached beside its only fill is behind.
            if lot.hit.take_if(|hit| hit.bar < from).is_some() {
                lot.searched = from;
            }
        }
        for lot in lots.iter_mut().filter(|lot| lot.hit.is_none()) {
            let until = until.min(lot.expires);
            let peek = until < book.next_action.min(lot.step.1);
            let until = until.min(book.next_action).min(lot.step.1);
            if let Some(levels) = &mut lot.levels {
                let from = lot.searched.max(from);
                lot.hit = levels.first_hit(bars, scene.reading(), from, until, peek);
                lot.searched = until.max(lot.searched);
            }
        }
        if let Some(entry) = &mut book.entry
            && entry.reached.take_if(|reached| reached.bar < from).is_some()
        {
            entry.searched = from;
        }
        if let Some(entry) = &mut book.entry
            && !entry.prices.is_market()
            && entry.reached.is_none()
        {
            let until = book.next_signal.saturating_add(1).min(book.next_action).min(entry.expires);
            let until = until.min(horizon);
            let (side, from) = (entry.side, entry.searched.max(entry.fill.0));
            let (prices, first) = (&mut entry.prices, entry.fill.0);
            entry.reached = prices.first_reached(side, bars, scene.reading(), first, from, until);
            entry.searched = until.max(entry.searched);
        }
        let next_act = self.act_ahead(symbol);
        let book = &mut self.books[symbol];
        (book.next_act, book.stale) = (next_act, false);
    }

    /// Exits of the open of bar `t`: gaps, and entries that are old enough.
    pub(super) fn exits(&mut self, scene: &Scene<'_>, symbol: usize, t: usize, moment: Moment) {
        let now = |lot: &Lot| {
            lot.hit.is_some_and(|hit| hit.bar == t && (hit.at_open || moment != Moment::Open))
        };
        while let Some(index) = self.ledger.positions[symbol].iter().position(now) {
            let hit = self.ledger.positions[symbol][index].hit.take().expect("it was just seen");
            self.protective_exit(scene, symbol, index, hit);
        }
        if moment == Moment::Open {
            self.exits_of_the_clock(scene, symbol, t);
        }
    }

    /// With one fill a bar, a stop or target takes the place of what was ordered for it.
    pub(super) fn only_exit(&mut self, scene: &Scene<'_>, symbol: usize, t: usize) {
        if !self.is_stopped(symbol, t) {
            return;
        }
        let (cash, owed) = (self.ledger.cash, self.ledger.owed());
        self.exits(scene, symbol, t, Moment::Inside);
        let (cash, owed) = (self.ledger.cash - cash, owed - self.ledger.owed());
        self.ledger.freed.push((symbol, cash, owed));
        let book = &mut self.books[symbol];
        let exit = book.exit.take_if(|exit| exit.fill.0 == t);
        let entry = book.entry.take_if(|entry| entry.fill.0 == t);
        let orders = [exit.map(|exit| exit.order), entry.map(|entry| entry.order)];
        for order in orders.into_iter().flatten() {
            self.lapse(t, order, OrderStatus::Superseded);
        }
    }

    /// Whether a level is known to end something on bar `t`.
    pub(super) fn is_stopped(&self, symbol: usize, t: usize) -> bool {
        self.ledger.positions[symbol].iter().any(|lot| lot.ends_on(t))
    }

    /// Whether levels wait for their symbol's turn among the orders of the bar, because leaving takes
    /// cash that symbols before it may take: what they free is kept from those anyway.
    pub(super) fn stops_in_turn(&self, scene: &Scene<'_>, symbol: usize) -> bool {
        scene.settings.pins.symbols_in_turn
            && self.books.len() > 1
            && self.ledger.side(symbol) == Some(Side::Short)
    }

    /// Whether bar `t` had its only fill.
    pub(super) fn is_spent(&self, scene: &Scene<'_>, symbol: usize, t: usize) -> bool {
        scene.axes.orders_per_bar == OrdersPerBar::One
            && self.books[symbol].filled.is_some_and(|(bar, _)| bar == t)
    }

    /// Look for the levels of what is held on bar `t` itself.
    pub(super) fn search_bar(&mut self, scene: &Scene<'_>, symbol: usize, t: usize) {
        let bars = scene.bars(symbol);
        for lot in &mut self.ledger.positions[symbol] {
            if let (None, Some(levels)) = (lot.hit, &mut lot.levels)
                && lot.searched <= t
            {
                lot.hit = levels.first_hit(bars, scene.reading(), lot.searched, t + 1, false);
                lot.searched = t + 1;
            }
        }
    }

    pub(super) fn free(&self, scene: &Scene<'_>, at: At) -> f64 {
        self.ledger.free(scene.frame, scene.settings, at.bar, at.moment)
    }

    pub(super) fn equity(&self, scene: &Scene<'_>, at: At) -> f64 {
        self.ledger.equity(scene.frame, scene.settings, at.bar, at.moment)
    }

    /// The bar at whose open an entry of bar `t` is old enough to end.
    pub(super) fn expiry(&self, scene: &Scene<'_>, symbol: usize, t: usize) -> usize {
        let span = scene.settings.risk.max_holding;
        span.map_or(NEVER, |span| self.after(scene, symbol, t, span))
    }

    /// The first bar of a symbol at whose open an entry of bar `t` is so old.
    fn after(&self, scene: &Scene<'_>, symbol: usize, t: usize, span: Span) -> usize {
        let old = match span {
            Span::Bars(bars) => t + bars.max(1),
            Span::Time(time) => {
                let until = scene.frame.time[t] + time;
                scene.frame.time.partition_point(|&time| time < until).max(t + 1)
            }
        };
        scene.bars(symbol).next_bar(old).unwrap_or(NEVER)
    }

    /// Step number `index` of the target of an entry of bar `t`, with the bar on which it is taken.
    pub(super) fn step(
        &self,
        scene: &Scene<'_>,
        symbol: usize,
        t: usize,
        index: usize,
    ) -> (usize, usize) {
        let step = scene.settings.risk.take_profit_after.get(index);
        (index, step.map_or(NEVER, |step| self.after(scene, symbol, t, step.after)))
    }

    /// Targets that are others from the open of bar `t` on.
    fn step_targets(&mut self, scene: &Scene<'_>, symbol: usize, t: usize) {
        if self.retarget(scene, symbol, t) {
            self.books[symbol].stale = true;
            self.search_bar(scene, symbol, t);
        }
    }

    /// Give entries the targets that hold on bar `t`; whether any is new.
    pub(super) fn retarget(&mut self, scene: &Scene<'_>, symbol: usize, t: usize) -> bool {
        let mut new = false;
        for index in 0..self.ledger.positions[symbol].len() {
            loop {
                let lot = &self.ledger.positions[symbol][index];
                let (step, at) = lot.step;
                if at > t {
                    break;
                }
                // A step that falls between two bars is no longer new when the next one opens.
                let time = &scene.frame.time;
                let new_from = match scene.settings.risk.take_profit_after[step].after {
                    Span::Time(after) if time[at] > time[lot.since] + after => NEVER,
                    _ => at,
                };
                let entry = &self.outcome.fills[lot.entry];
                let target = scene.stepped_target(symbol, lot, entry, step);
                let next = self.step(scene, symbol, lot.since, step + 1);
                let lot = &mut self.ledger.positions[symbol][index];
                let levels = lot.levels.unwrap_or(Levels::none(lot.side).since(lot.since));
                lot.levels = Some(levels.retarget(target, new_from));
                lot.step = next;
                new = true;
            }
        }
        new
    }

    /// Write down an order; its number.
    pub(super) fn place(&mut self, order: impl FnOnce() -> Order) -> usize {
        if self.detailed {
            self.outcome.orders.push(order());
        }
        self.outcome.order_count += 1;
        self.outcome.order_count - 1
    }

    /// Write down what became of an order.
    pub(super) fn settle(&mut self, order: usize, status: OrderStatus) {
        if self.detailed {
            self.outcome.orders[order].status = status;
        }
    }

    /// Write down that an order ended on bar `t` before it was filled, or before all of it was.
    pub(super) fn lapse(&mut self, t: usize, order: usize, status: OrderStatus) {
        self.settle(order, status);
        if self.detailed {
            self.outcome.orders[order].ended = Some(t);
        }
    }

    /// Refuse an entry.
    pub(super) fn refuse(&mut self, t: usize, symbol: usize, order: usize, reason: Reason) {
        self.outcome.refused.add(reason);
        self.settle(order, OrderStatus::Refused(reason));
        self.tell(t, Some(symbol), What::Refused { order, reason });
    }

    /// Take an order back, or what is left of it.
    pub(super) fn cancel(&mut self, t: usize, symbol: usize, order: usize, cause: Cause) {
        self.lapse(t, order, OrderStatus::Cancelled(cause));
        self.tell(t, Some(symbol), What::Cancelled { order, cause });
    }

    /// Write down what happened.
    pub(super) fn tell(&mut self, bar: usize, symbol: Option<usize>, what: What) {
        if self.detailed {
            self.outcome.events.push(Event { bar, symbol, what });
        }
    }

    /// The account as it stands at the close of bar `from` begins a stretch.
    pub(super) fn mark(&mut self, from: usize) {
        let ledger = &self.ledger;
        let units = (0..self.books.len()).map(|symbol| ledger.units(symbol));
        self.outcome.mark(from, ledger.cash, units);
    }

    /// After the last bar: close what the model closes, and list what stays open.
    fn finish(&mut self, scene: &Scene<'_>) {
        let Some(last) = scene.frame.len().checked_sub(1) else { return };
        for symbol in 0..self.books.len() {
            let bars = scene.bars(symbol);
            let before = || bars.bar_before(last).map(|t| (t, Moment::Close, bars.close[t]));
            let exit = match scene.axes.at_end {
                _ if self.outcome.ruined.is_some() => None,
                AtEnd::Mark => None,
                AtEnd::CloseAtLastClose => {
                    Some((last, Moment::Close, bars.close[last], Basis::LastClose))
                }
                AtEnd::CloseAtLastOpen => match scene.axes.fill {
                    Fill::Close => before(),
                    _ => Some((last, Moment::Open, bars.mark_at_open(last))),
                }
                .map(|(t, moment, price)| (t, moment, price, Basis::LastOpen)),
            };
            if let Some((bar, moment, price, basis)) = exit {
                let at = At { bar, moment };
                self.end(scene, symbol, at, price, basis);
                self.meet_last_bar(scene, symbol, at, price);
            }
        }
        self.mark(last);
        self.ledger.list_open(scene.frame, last, &mut self.outcome);
    }
}

/// How many entries made up a position.
pub(super) fn entries(lots: &[Lot]) -> usize {
    lots.chunk_by(|a, b| a.order == b.order).count()
}
