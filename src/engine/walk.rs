//! The one walk over the bars.
//!
//! For bar t, in this order:
//!
//! 1. At the open: protective exits that gap, then the orders decided before: sells, then buys.
//! 2. Inside the bar: stops and targets. What they free is spendable from the next bar on.
//! 3. At the close: rules are read, exits before entries, and become orders for the next bar, or
//!    are filled at this close.
//! 4. The account is marked at the close: a new stretch begins if anything changed.
//!
//! Between two events nothing happens, so the walk jumps: an event is a bar on which a rule that
//! matters in the present state is true, an order fills, or a level is reached.

use super::frame::{Aligned, Frame};
use super::model::{AtEnd, Axes, Fill as FillAxis, ShortOfCash, StopBase, StopOnEntryBar, Units};
use super::protect::{Hit, Levels};
use super::settings::{Settings, Sizing};
use super::trade::{
    ClosedBy, Fill, Intent, Moment, Order, OrderStatus, Outcome, Side, Stretch, Trade,
};
use crate::bars::Mask;
use crate::strategy::Signals;

/// No such bar.
const NEVER: usize = usize::MAX;

/// A walk and the buffers that it uses again for the next session.
#[derive(Debug, Default)]
pub struct Walk {
    cash: f64,
    /// Freed inside the present bar, and not spendable on it.
    locked: f64,
    books: Vec<Book>,
    touched: Vec<usize>,
    outcome: Outcome,
    detailed: bool,
}

/// What the account knows of one symbol.
#[derive(Debug, Default)]
struct Book {
    position: Option<Position>,
    pending: Option<Pending>,
    hit: Option<Hit>,
    next_signal: usize,
}

#[derive(Debug, Clone)]
struct Position {
    side: Side,
    units: f64,
    entry_bar: usize,
    entry_price: f64,
    commission: f64,
    slippage: f64,
    levels: Option<Levels>,
    /// The first bar on which the levels were not yet looked for.
    searched: usize,
}

impl Position {
    /// The trade that the position is when it ends (or is valued) at `price` on `bar`, having cost
    /// so much commission and slippage.
    fn trade(
        &self,
        symbol: usize,
        bar: usize,
        price: f64,
        (commission, slippage): (f64, f64),
        closed_by: Option<ClosedBy>,
    ) -> Trade {
        Trade {
            symbol,
            side: self.side,
            units: self.units,
            entry_bar: self.entry_bar,
            entry_price: self.entry_price,
            exit_bar: bar,
            exit_price: price,
            commission,
            slippage,
            profit: self.side.sign() * self.units * (price - self.entry_price) - commission,
            closed_by,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    decided: usize,
    close: Option<ClosedBy>,
    open: Option<Side>,
    fill_bar: usize,
}

impl Book {
    /// The next bar on which something happens to this symbol.
    fn due(&self) -> usize {
        let fill = self.pending.map_or(NEVER, |pending| pending.fill_bar);
        let hit = self.hit.map_or(NEVER, |hit| hit.bar);
        fill.min(hit).min(self.next_signal)
    }

    fn units(&self) -> f64 {
        self.position.as_ref().map_or(0.0, |position| position.side.sign() * position.units)
    }
}

impl Walk {
    /// Walk over `frame` with the rules of each symbol, starting from `settings.capital`.
    ///
    /// The outcome stays valid until the next walk. Orders are listed only when `detailed`; no
    /// number depends on it.
    pub fn run(
        &mut self,
        frame: &Frame,
        signals: &[Signals],
        settings: &Settings,
        detailed: bool,
    ) -> &Outcome {
        self.start(frame, signals, settings, detailed);
        let scene = Scene { frame, signals, settings, axes: &settings.axes };
        for symbol in 0..self.books.len() {
            self.look_ahead(&scene, symbol, 0);
        }
        while let Some(t) = self.books.iter().map(Book::due).min().filter(|&t| t < frame.len()) {
            self.bar(&scene, t);
        }
        self.finish(&scene);
        &self.outcome
    }

    fn start(&mut self, frame: &Frame, signals: &[Signals], settings: &Settings, detailed: bool) {
        self.cash = settings.capital;
        self.detailed = detailed;
        self.books.clear();
        self.books.resize_with(frame.symbols.len(), Book::default);
        let outcome = &mut self.outcome;
        outcome.symbols = frame.symbols.len();
        outcome.fills.clear();
        outcome.trades.clear();
        outcome.stretches.clear();
        outcome.units.clear();
        outcome.orders.clear();
        (outcome.order_count, outcome.refusals, outcome.ambiguous_exits) = (0, 0, 0);
        outcome.conflicts = signals.iter().map(conflicts).sum();
        outcome.stretches.push(Stretch { from: 0, cash: settings.capital });
        outcome.units.resize(frame.symbols.len(), 0.0);
    }

    /// One bar on which something happens.
    fn bar(&mut self, scene: &Scene<'_>, t: usize) {
        self.locked = 0.0;
        let mut touched = std::mem::take(&mut self.touched);
        touched.clear();
        touched.extend((0..self.books.len()).filter(|&symbol| self.books[symbol].due() == t));
        for &symbol in &touched {
            self.gap_exit(scene, symbol, t);
        }
        self.fill_orders(scene, &touched, t, Moment::Open);
        for &symbol in &touched {
            self.inside_exit(scene, symbol, t);
        }
        for &symbol in &touched {
            self.read_rules(scene, symbol, t);
        }
        self.fill_orders(scene, &touched, t, Moment::Close);
        for &symbol in &touched {
            self.look_ahead(scene, symbol, t + 1);
        }
        self.touched = touched;
        self.mark(t);
    }

    /// Find out what happens next to `symbol`, from the rules of bar `from` on.
    fn look_ahead(&mut self, scene: &Scene<'_>, symbol: usize, from: usize) {
        let bars = &scene.frame.symbols[symbol];
        let book = &mut self.books[symbol];
        let until = match book.pending {
            Some(pending) => {
                book.next_signal = NEVER;
                pending.fill_bar
            }
            None => {
                let side = book.position.as_ref().map(|position| position.side);
                book.next_signal = next_signal(&scene.signals[symbol], side, from);
                scene.fill_bar(bars, book.next_signal)
            }
        };
        if book.hit.is_none()
            && let Some(position) = &mut book.position
            && let Some(levels) = &mut position.levels
        {
            let until = until.min(scene.frame.len());
            book.hit = levels.first_hit(bars, scene.axes, position.searched, until);
            position.searched = until.max(position.searched);
        }
    }

    /// A level that the bar opens beyond ends the position before any order is filled.
    fn gap_exit(&mut self, scene: &Scene<'_>, symbol: usize, t: usize) {
        if let Some(hit) = self.books[symbol].hit
            && hit.bar == t
            && hit.at_open
        {
            self.protective_exit(scene, symbol, hit, Moment::Open);
        }
    }

    fn inside_exit(&mut self, scene: &Scene<'_>, symbol: usize, t: usize) {
        // An entry at this open may be ended by the rest of the same bar.
        if self.books[symbol].position.as_ref().is_some_and(|p| p.entry_bar == t) {
            self.look_ahead(scene, symbol, t);
        }
        if let Some(hit) = self.books[symbol].hit
            && hit.bar == t
        {
            let before = self.spendable(scene, t, Moment::Close);
            self.protective_exit(scene, symbol, hit, Moment::Inside);
            self.locked += (self.spendable(scene, t, Moment::Close) - before).max(0.0);
        }
    }

    fn protective_exit(&mut self, scene: &Scene<'_>, symbol: usize, hit: Hit, moment: Moment) {
        self.outcome.ambiguous_exits += usize::from(hit.ambiguous);
        let is_stop = hit.closed_by != ClosedBy::TakeProfit;
        let slips = is_stop && scene.axes.slippage_on_stops;
        let exit = Exit { bar: hit.bar, moment, price: hit.price, slips, decided: hit.bar };
        self.close(scene, symbol, hit.closed_by, exit);
    }

    /// Fill what is due at this moment of bar `t`: sells, then buys, each in the order of symbols.
    fn fill_orders(&mut self, scene: &Scene<'_>, touched: &[usize], t: usize, moment: Moment) {
        let at_close = scene.axes.fill == FillAxis::Close;
        if at_close != (moment == Moment::Close) {
            return;
        }
        let due = |book: &Book| book.pending.is_some_and(|pending| pending.fill_bar == t);
        if !touched.iter().any(|&symbol| due(&self.books[symbol])) {
            return;
        }
        for sells in [true, false] {
            for &symbol in touched {
                if due(&self.books[symbol]) {
                    self.fill_legs(scene, symbol, t, moment, sells);
                }
            }
        }
        for &symbol in touched {
            let book = &mut self.books[symbol];
            if due(book) {
                book.pending = None;
            }
        }
    }

    /// Fill the legs of a symbol's order that are sales (or that are purchases).
    fn fill_legs(
        &mut self,
        scene: &Scene<'_>,
        symbol: usize,
        t: usize,
        moment: Moment,
        sells: bool,
    ) {
        let bars = &scene.frame.symbols[symbol];
        let price = if moment == Moment::Open { bars.open[t] } else { bars.close[t] };
        let book = &mut self.books[symbol];
        let held = book.position.as_ref().map(|position| position.side);
        let pending = book.pending.as_mut().expect("only what is due is filled");
        let decided = pending.decided;
        // A leg is taken out of the order when it is done: a position closes once.
        let closes_now = held.is_none_or(|side| (side == Side::Long) == sells);
        if let Some(closed_by) = pending.close.take_if(|_| closes_now) {
            let status =
                if held.is_some() { OrderStatus::Filled(t) } else { OrderStatus::Superseded };
            let exit = Exit { bar: t, moment, price, slips: true, decided };
            self.close(scene, symbol, closed_by, exit);
            self.settle(decided, symbol, Intent::Close(closed_by), status);
        }
        let pending = self.books[symbol].pending.as_mut().expect("only what is due is filled");
        let closed = pending.close.is_none();
        let opens_now = |side: &mut Side| closed && (!sells || *side == Side::Short);
        if let Some(side) = pending.open.take_if(opens_now) {
            self.open(scene, symbol, side, decided, Entry { bar: t, moment, price });
        }
    }

    fn open(&mut self, scene: &Scene<'_>, symbol: usize, side: Side, decided: usize, entry: Entry) {
        let settings = scene.settings;
        let Entry { bar: t, moment, price: raw } = entry;
        let price = raw * (1.0 + side.sign() * settings.costs.slippage);
        let units = self.size(scene, t, moment, price);
        if units <= 0.0 {
            self.outcome.refusals += 1;
            self.settle(decided, symbol, Intent::Open(side), OrderStatus::NoCash);
            return;
        }
        let base = match scene.axes.stop_base {
            StopBase::Fill => price,
            StopBase::SignalClose => scene.frame.symbols[symbol].close[decided],
        };
        let after_this_bar =
            moment == Moment::Close || scene.axes.stop_on_entry_bar == StopOnEntryBar::Never;
        let fill = Fill {
            bar: t,
            moment,
            symbol,
            units: side.sign() * units,
            price,
            commission: settings.costs.commission(units, price),
            slippage: (price - raw).abs() * units,
            closed_by: None,
            decided,
        };
        self.book_fill(fill);
        self.books[symbol].position = Some(Position {
            side,
            units,
            entry_bar: t,
            entry_price: price,
            commission: fill.commission,
            slippage: fill.slippage,
            levels: Levels::new(&settings.risk, side, base),
            searched: if after_this_bar { t + 1 } else { t },
        });
        self.books[symbol].hit = None;
        self.settle(decided, symbol, Intent::Open(side), OrderStatus::Filled(t));
    }

    /// The units held of each symbol with the price at which they are valued at this moment.
    fn marks<'a>(
        &'a self,
        scene: &'a Scene<'_>,
        t: usize,
        moment: Moment,
    ) -> impl Iterator<Item = (f64, f64)> + 'a {
        let held =
            self.books.iter().zip(&scene.frame.symbols).map(|(book, bars)| (book.units(), bars));
        held.filter(|(units, _)| *units != 0.0).map(move |(units, bars)| {
            (units, if moment == Moment::Open { bars.mark_at_open(t) } else { bars.close[t] })
        })
    }

    fn equity(&self, scene: &Scene<'_>, t: usize, moment: Moment) -> f64 {
        self.cash + self.marks(scene, t, moment).map(|(units, mark)| units * mark).sum::<f64>()
    }

    /// The money that an entry may take. Cash holds the proceeds of what is owed, and as much again
    /// must stay to buy it back.
    fn spendable(&self, scene: &Scene<'_>, t: usize, moment: Moment) -> f64 {
        let owed = self.marks(scene, t, moment).map(|(units, mark)| (-units).max(0.0) * mark);
        self.cash - 2.0 * owed.sum::<f64>() - self.locked
    }

    /// How many units an entry at `price` (slippage included) takes; 0 if the account cannot pay it.
    fn size(&self, scene: &Scene<'_>, t: usize, moment: Moment, price: f64) -> f64 {
        let settings = scene.settings;
        let unit_cost = settings.costs.unit_cost(price);
        let spendable = self.spendable(scene, t, moment);
        let affordable = (spendable / unit_cost).max(0.0);
        let wanted = match settings.sizing {
            Sizing::Equity(fraction) => fraction * self.equity(scene, t, moment) / unit_cost,
            Sizing::Cash(money) => money / unit_cost,
            Sizing::Units(units) => units,
        };
        let units = match scene.axes.short_of_cash {
            ShortOfCash::Shrink => wanted.min(affordable),
            ShortOfCash::Cancel if wanted > affordable * (1.0 + 1e-12) => 0.0,
            ShortOfCash::Cancel => wanted.min(affordable),
        };
        match scene.axes.units {
            Units::Fractional => units,
            Units::Integer => units.floor(),
        }
    }

    /// End the symbol's position.
    fn close(&mut self, scene: &Scene<'_>, symbol: usize, closed_by: ClosedBy, exit: Exit) {
        let Some(position) = self.books[symbol].position.take() else { return };
        self.books[symbol].hit = None;
        let costs = &scene.settings.costs;
        let sign = position.side.sign();
        let slippage = if exit.slips { costs.slippage } else { 0.0 };
        let price = exit.price * (1.0 - sign * slippage);
        let fill = Fill {
            bar: exit.bar,
            moment: exit.moment,
            symbol,
            units: -sign * position.units,
            price,
            commission: costs.commission(position.units, price),
            slippage: (price - exit.price).abs() * position.units,
            closed_by: Some(closed_by),
            decided: exit.decided,
        };
        self.book_fill(fill);
        let costs = (position.commission + fill.commission, position.slippage + fill.slippage);
        self.outcome.trades.push(position.trade(symbol, exit.bar, price, costs, Some(closed_by)));
    }

    fn book_fill(&mut self, fill: Fill) {
        self.cash -= fill.units * fill.price + fill.commission;
        self.outcome.fills.push(fill);
    }

    /// At the close of bar `t`: what the rules ask for becomes an order.
    fn read_rules(&mut self, scene: &Scene<'_>, symbol: usize, t: usize) {
        let signals = &scene.signals[symbol];
        let book = &self.books[symbol];
        if book.pending.is_some() {
            return;
        }
        let (long, short) = (signals.enter_long.get(t), signals.enter_short.get(t));
        let enter = match (long, short) {
            (true, false) => Some(Side::Long),
            (false, true) => Some(Side::Short),
            _ => None,
        };
        let held = book.position.as_ref().map(|position| position.side);
        let leaves = match held {
            Some(Side::Long) => signals.exit_long.get(t),
            Some(Side::Short) => signals.exit_short.get(t),
            None => false,
        };
        let flips = held.is_some() && enter.is_some() && enter != held;
        let close = match (leaves, flips) {
            (true, _) => Some(ClosedBy::Rule),
            (false, true) => Some(ClosedBy::Flip),
            (false, false) => None,
        };
        // An entry in the direction that is held already adds nothing.
        let open = enter.filter(|_| held.is_none() || close.is_some());
        if close.is_none() && open.is_none() {
            return;
        }
        for intent in [close.map(Intent::Close), open.map(Intent::Open)].into_iter().flatten() {
            self.outcome.order_count += 1;
            if self.detailed {
                let status = OrderStatus::Pending;
                self.outcome.orders.push(Order { bar: t, symbol, intent, status });
            }
        }
        let fill_bar = match scene.axes.fill {
            FillAxis::Close => t,
            FillAxis::NextOpen => scene.frame.symbols[symbol].next_bar(t + 1).unwrap_or(NEVER),
        };
        self.books[symbol].pending = Some(Pending { decided: t, close, open, fill_bar });
        self.books[symbol].next_signal = NEVER;
    }

    /// Note what became of an order.
    fn settle(&mut self, decided: usize, symbol: usize, intent: Intent, status: OrderStatus) {
        if self.detailed {
            let order = self.outcome.orders.iter_mut().rev().find(|order| {
                order.bar == decided && order.symbol == symbol && order.intent == intent
            });
            order.expect("what is settled was ordered").status = status;
        }
    }

    /// The account as it stands at the close of bar `t` begins a stretch.
    fn mark(&mut self, t: usize) {
        let held = self.outcome.units.len() - self.books.len();
        let changed = self.outcome.stretches.last().is_none_or(|last| last.cash != self.cash)
            || self.books.iter().zip(&self.outcome.units[held..]).any(|(b, u)| b.units() != *u);
        if !changed {
            return;
        }
        if self.outcome.stretches.last().is_some_and(|last| last.from == t) {
            self.outcome.stretches.pop();
            self.outcome.units.truncate(held);
        }
        self.outcome.stretches.push(Stretch { from: t, cash: self.cash });
        self.outcome.units.extend(self.books.iter().map(Book::units));
    }

    /// After the last bar: close what the model closes, and list what stays open.
    fn finish(&mut self, scene: &Scene<'_>) {
        let Some(last) = scene.frame.len().checked_sub(1) else { return };
        if scene.axes.at_end == AtEnd::CloseAtLastClose {
            for symbol in 0..self.books.len() {
                let price = scene.frame.symbols[symbol].close[last];
                let exit =
                    Exit { bar: last, moment: Moment::Close, price, slips: true, decided: last };
                self.close(scene, symbol, ClosedBy::End, exit);
            }
            self.mark(last);
        }
        for (symbol, book) in self.books.iter().enumerate() {
            let Some(position) = &book.position else { continue };
            let price = scene.frame.symbols[symbol].close[last];
            let costs = (position.commission, position.slippage);
            self.outcome.trades.push(position.trade(symbol, last, price, costs, None));
        }
    }
}

/// What stays the same during a walk.
struct Scene<'a> {
    frame: &'a Frame,
    signals: &'a [Signals],
    settings: &'a Settings,
    axes: &'a Axes,
}

impl Scene<'_> {
    /// The bar up to whose open a position lives if the rule of bar `signal` ends it.
    fn fill_bar(&self, bars: &Aligned, signal: usize) -> usize {
        match self.axes.fill {
            _ if signal == NEVER => NEVER,
            FillAxis::Close => signal + 1,
            FillAxis::NextOpen => bars.next_bar(signal + 1).unwrap_or(NEVER),
        }
    }
}

/// When and at what price before slippage a position begins.
struct Entry {
    bar: usize,
    moment: Moment,
    price: f64,
}

/// When and at what price before slippage a position ends.
struct Exit {
    bar: usize,
    moment: Moment,
    price: f64,
    slips: bool,
    decided: usize,
}

/// On how many bars both entries are true.
fn conflicts(signals: &Signals) -> usize {
    let words = signals.enter_long.words().iter().zip(signals.enter_short.words());
    words.map(|(a, b)| (a & b).count_ones() as usize).sum()
}

/// The first bar at or after `from` on which a rule asks for something while `side` is held. Two
/// entries at once ask for nothing.
fn next_signal(signals: &Signals, side: Option<Side>, from: usize) -> usize {
    let (long, short) = (&signals.enter_long, &signals.enter_short);
    match side {
        None => next([long, short, long], from, |long, short, _| long ^ short),
        Some(Side::Long) => {
            next([long, short, &signals.exit_long], from, |long, short, exit| exit | short & !long)
        }
        Some(Side::Short) => {
            next([long, short, &signals.exit_short], from, |long, short, exit| exit | long & !short)
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
