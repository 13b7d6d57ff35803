//! The account: money, what is held, and the trades that fills add up to.

use super::frame::Frame;
use super::outcome::Outcome;
use super::protect::{Hit, Levels};
use super::settings::Settings;
use super::trade::{Basis, ClosedBy, Fill, Moment, Side, Trade};

/// No such bar.
pub(super) const NEVER: usize = usize::MAX;

/// Money, and what is held of each symbol.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub cash: f64,
    /// Freed inside the present bar, and not spendable on it.
    pub locked: f64,
    /// What stops freed on the present bar: the symbol, the cash, and what is owed less.
    pub freed: Vec<(usize, f64, f64)>,
    /// The money that was traded so far.
    pub traded: f64,
    /// How many entries that lost followed each other last.
    pub losses: usize,
    /// What is held of each symbol, the oldest first.
    pub positions: Vec<Vec<Lot>>,
}

/// What one entry brought: a part of a position with levels of its own.
#[derive(Debug, Clone)]
pub(super) struct Lot {
    pub side: Side,
    /// Units, positive.
    pub units: f64,
    pub entry_bar: usize,
    pub entry_price: f64,
    pub commission: f64,
    pub slippage: f64,
    pub spread: f64,
    /// The place of its fill in the outcome, once it is booked.
    pub entry: usize,
    /// The number of its order.
    pub order: usize,
    /// What parts of its entry earned that were left before.
    pub earned: f64,
    pub levels: Option<Levels>,
    /// The first bar on which the levels were not yet looked for.
    pub searched: usize,
    /// What ends it next, as far as was looked.
    pub hit: Option<Hit>,
    /// The bar at whose open it ends, whatever its price.
    pub expires: usize,
    /// What ends it there: its age, or what a bar before had too little volume for.
    pub expires_by: (ClosedBy, Basis),
    /// The bar that its targets count from.
    pub since: usize,
    /// Which target comes next among `risk.take_profit_after`, and on which bar.
    pub step: (usize, usize),
}

impl Lot {
    /// Whether a level ends it on bar `t`.
    pub(super) fn ends_on(&self, t: usize) -> bool {
        self.hit.is_some_and(|hit| hit.bar == t)
    }

    /// The trade that `units` of the lot are when they end (or are valued) at `price` on `bar`.
    fn trade(&self, symbol: usize, units: f64, bar: usize, price: f64, end: End) -> Trade {
        let part = units / self.units;
        let commission = self.commission * part + end.commission;
        let [stop, target] = self.levels.map_or([None; 2], |levels| levels.fixed());
        Trade {
            symbol,
            side: self.side,
            units,
            entry_bar: self.entry_bar,
            entry_price: self.entry_price,
            exit_bar: bar,
            exit_price: price,
            commission,
            slippage: self.slippage * part + end.slippage,
            spread: self.spread * part + end.spread,
            profit: self.side.sign() * units * (price - self.entry_price) - commission,
            closed_by: end.closed_by,
            stop,
            target,
            trail: self.levels.and_then(|levels| levels.trail()),
            entry: self.entry,
            exit: end.exit,
        }
    }
}

/// What the end of a trade costs, and which it is.
#[derive(Debug, Clone, Copy, Default)]
struct End {
    commission: f64,
    slippage: f64,
    spread: f64,
    closed_by: Option<ClosedBy>,
    exit: Option<usize>,
}

/// What an account was before some entries were supposed.
#[derive(Debug)]
pub(super) struct Supposed {
    cash: f64,
    traded: f64,
    lots: Vec<usize>,
}

impl Ledger {
    /// An account that holds nothing but its capital.
    pub(super) fn begin(&mut self, symbols: usize, capital: f64) {
        (self.cash, self.locked, self.traded, self.losses) = (capital, 0.0, 0.0, 0);
        self.freed.clear();
        self.positions.iter_mut().for_each(Vec::clear);
        self.positions.resize_with(symbols, Vec::new);
    }

    /// Whether a symbol is held, and how.
    pub(super) fn side(&self, symbol: usize) -> Option<Side> {
        self.positions[symbol].first().map(|lot| lot.side)
    }

    /// The units held of a symbol, negative when owed.
    pub(super) fn units(&self, symbol: usize) -> f64 {
        let lots = self.positions[symbol].iter();
        // The sum of nothing is -0.
        lots.fold(0.0, |units, lot| units + lot.side.sign() * lot.units)
    }

    /// How many symbols are held.
    pub(super) fn held(&self) -> usize {
        self.positions.iter().filter(|lots| !lots.is_empty()).count()
    }

    /// Whether anything is held short.
    pub(super) fn owes(&self) -> bool {
        self.positions.iter().any(|lots| lots.first().is_some_and(|lot| lot.side == Side::Short))
    }

    /// The units held of each symbol with the price at which they are valued at this moment of bar
    /// `t`: what was known then, the open (or the close before) until the bar has closed.
    fn marks<'a>(
        &'a self,
        frame: &'a Frame,
        settings: &'a Settings,
        t: usize,
        moment: Moment,
    ) -> impl Iterator<Item = (f64, f64)> + 'a {
        let closed = moment == Moment::Close || settings.pins.marks_at_close;
        let held = (0..self.positions.len()).filter(|&symbol| !self.positions[symbol].is_empty());
        held.map(move |symbol| {
            let bars = &frame.symbols[symbol];
            let mark = if closed { bars.close[t] } else { bars.mark_at_open(t) };
            (self.units(symbol), mark)
        })
    }

    fn is_empty(&self) -> bool {
        self.positions.iter().all(Vec::is_empty)
    }

    /// What the account is worth.
    pub(super) fn equity(
        &self,
        frame: &Frame,
        settings: &Settings,
        t: usize,
        moment: Moment,
    ) -> f64 {
        if self.is_empty() {
            return self.cash;
        }
        let marks = self.marks(frame, settings, t, moment);
        self.cash + marks.map(|(units, mark)| units * mark).sum::<f64>()
    }

    /// The value of longs and of shorts, both positive.
    pub(super) fn exposure(
        &self,
        frame: &Frame,
        settings: &Settings,
        t: usize,
        moment: Moment,
    ) -> (f64, f64) {
        let marks = self.marks(frame, settings, t, moment);
        marks.fold((0.0, 0.0), |(long, short), (units, mark)| {
            let value = units * mark;
            if value > 0.0 { (long + value, short) } else { (long, short - value) }
        })
    }

    /// The equity that no position needs: the money that entries may take, before leverage. Cash
    /// holds the proceeds of what is owed, and as much again must stay to buy it back.
    pub(super) fn free(&self, frame: &Frame, settings: &Settings, t: usize, moment: Moment) -> f64 {
        if self.is_empty() {
            return self.cash - self.locked;
        }
        let (long, short) = self.exposure(frame, settings, t, moment);
        let lent = (1.0 - 1.0 / settings.trading.leverage) * (long + short);
        self.cash - 2.0 * short + lent - self.locked
    }

    /// What was received for all that is owed.
    pub(super) fn owed(&self) -> f64 {
        let lots = self.positions.iter().flatten().filter(|lot| lot.side == Side::Short);
        lots.map(|lot| lot.units * lot.entry_price).sum()
    }

    /// The cash that an entry of `symbol` may take when shorts may pay for longs, and stops of this
    /// bar for the symbols after theirs alone.
    pub(super) fn free_cash(&self, symbol: usize, side: Side) -> f64 {
        let later = self.freed.iter().filter(|(freed, ..)| *freed > symbol);
        let (cash, owed) = later.fold((0.0, 0.0), |sum, (_, c, o)| (sum.0 + c, sum.1 + o));
        match side {
            Side::Long => self.cash - cash,
            Side::Short => self.cash - cash - 2.0 * (self.owed() + owed),
        }
    }

    /// What is to be put back when nothing is supposed any more: money, and how many lots there are.
    pub(super) fn suppose(&self) -> Supposed {
        let lots = self.positions.iter().map(Vec::len).collect();
        Supposed { cash: self.cash, traded: self.traded, lots }
    }

    /// Suppose that an entry was filled.
    pub(super) fn suppose_lot(
        &mut self,
        symbol: usize,
        side: Side,
        units: f64,
        price: f64,
        commission: f64,
    ) {
        self.cash -= side.sign() * units * price + commission;
        self.traded += units * price;
        self.positions[symbol].push(Lot {
            side,
            units,
            entry_bar: 0,
            entry_price: price,
            commission,
            slippage: 0.0,
            spread: 0.0,
            entry: 0,
            order: NEVER,
            earned: 0.0,
            levels: None,
            searched: NEVER,
            hit: None,
            expires: NEVER,
            expires_by: (ClosedBy::MaxHolding, Basis::ClockOpen),
            since: 0,
            step: (0, NEVER),
        });
    }

    /// Go back to what there is.
    pub(super) fn suppose_no_more(&mut self, before: Supposed) {
        (self.cash, self.traded) = (before.cash, before.traded);
        for (lots, len) in self.positions.iter_mut().zip(before.lots) {
            lots.truncate(len);
        }
    }

    /// Book a fill; its place among the fills.
    pub(super) fn book(&mut self, fill: Fill, outcome: &mut Outcome) -> usize {
        self.cash -= fill.units * fill.price + fill.commission;
        self.traded += (fill.units * fill.price).abs();
        outcome.fills.push(fill);
        outcome.fills.len() - 1
    }

    /// Book a fill that opens `lot`.
    #[inline]
    pub(super) fn open(&mut self, fill: Fill, mut lot: Lot, outcome: &mut Outcome) {
        lot.entry = self.book(fill, outcome);
        self.positions[fill.symbol].push(lot);
    }

    /// Book a fill that closes units of a symbol's position: those of `only` that lot, or the oldest
    /// first.
    pub(super) fn close(&mut self, fill: Fill, only: Option<usize>, outcome: &mut Outcome) {
        let total = fill.units.abs();
        let exit = self.book(fill, outcome);
        let mut left = total;
        let lots = &mut self.positions[fill.symbol];
        // Several lots add up to the whole but for the last digits.
        let held: f64 = lots.iter().map(|lot| lot.units).sum();
        let all = only.is_none() && total >= held * (1.0 - 1e-12);
        let mut index = only.unwrap_or(0);
        while (left > 0.0 || all) && index < lots.len() {
            let lot = &mut lots[index];
            // What is left after several lots carries their rounding.
            let whole = all || left >= lot.units * (1.0 - 1e-12);
            let units = if whole { lot.units } else { left };
            let part = units / total;
            let end = End {
                commission: fill.commission * part,
                slippage: fill.slippage * part,
                spread: fill.spread * part,
                closed_by: fill.closed_by,
                exit: Some(exit),
            };
            let trade = lot.trade(fill.symbol, units, fill.bar, fill.price, end);
            lot.earned += trade.profit;
            outcome.trades.push(trade);
            left -= units;
            if whole {
                let Lot { order, earned, .. } = lots.remove(index);
                // What bars filled of one entry, and left of it, counts once when all of it is left.
                if let Some(other) = lots.iter_mut().find(|lot| lot.order == order) {
                    other.earned += earned;
                } else {
                    self.losses = losses(self.losses, earned);
                }
            } else {
                let rest = 1.0 - units / lot.units;
                lot.units -= units;
                lot.commission *= rest;
                lot.slippage *= rest;
                lot.spread *= rest;
                index += 1;
            }
            if only.is_some() {
                break;
            }
        }
    }

    /// Book a fill that closes all that the fill before it opened, which was long and is in no lot.
    pub(super) fn close_last(&mut self, fill: Fill, outcome: &mut Outcome) {
        let exit = self.book(fill, outcome);
        let [.., opened, closed] = &outcome.fills[..] else { return };
        let commission = opened.commission + closed.commission;
        let profit = opened.units * (closed.price - opened.price) - commission;
        outcome.trades.push(Trade {
            symbol: closed.symbol,
            side: Side::Long,
            units: opened.units,
            entry_bar: opened.bar,
            entry_price: opened.price,
            exit_bar: closed.bar,
            exit_price: closed.price,
            commission,
            slippage: opened.slippage + closed.slippage,
            spread: opened.spread + closed.spread,
            profit,
            closed_by: closed.closed_by,
            stop: None,
            target: None,
            trail: None,
            entry: exit - 1,
            exit: Some(exit),
        });
        self.losses = losses(self.losses, profit);
    }

    /// Share the commission of the last two fills, which one order made to turn a position round, by
    /// their units.
    pub(super) fn share_turning_fee(&mut self, symbol: usize, outcome: &mut Outcome) {
        let [.., exit, entry] = &mut outcome.fills[..] else { return };
        let total = exit.commission + entry.commission;
        let units = exit.units.abs() + entry.units.abs();
        let before = exit.commission;
        exit.commission = total * exit.units.abs() / units;
        entry.commission = total - exit.commission;
        let (more, closed, entry_fee) =
            (exit.commission - before, exit.units.abs(), entry.commission);
        let exit = outcome.fills.len() - 2;
        let trades = outcome.trades.iter_mut().rev();
        for trade in trades.take_while(|trade| trade.exit == Some(exit)) {
            let part = more * trade.units / closed;
            trade.commission += part;
            trade.profit -= part;
        }
        if let Some(lot) = self.positions[symbol].last_mut() {
            lot.commission = entry_fee;
        }
    }

    /// List what is still held as open trades, valued at the last bar's closes.
    pub(super) fn list_open(&self, frame: &Frame, last: usize, outcome: &mut Outcome) {
        for (symbol, lots) in self.positions.iter().enumerate() {
            let price = frame.symbols[symbol].close[last];
            let open = lots.iter();
            outcome
                .trades
                .extend(open.map(|lot| lot.trade(symbol, lot.units, last, price, End::default())));
        }
    }
}

/// How many entries that lost follow each other when one that earned so much follows `before` of them.
fn losses(before: usize, earned: f64) -> usize {
    match earned {
        _ if earned < 0.0 => before + 1,
        _ if earned > 0.0 => 0,
        _ => before,
    }
}
