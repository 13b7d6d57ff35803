//! What a walk over the bars leaves behind.

use super::order::{Cause, Order, Reason};
use super::settings::Action;
use super::standing::Change;
use super::trade::{Fill, Trade};
use std::ops::Range;

/// The bars from `from` up to the next stretch, on which the account held the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// The first bar at whose close the account looked like this.
    pub from: usize,
    /// Money.
    pub cash: f64,
}

/// What happened to the account beside orders and fills.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// The bar.
    pub bar: usize,
    /// The symbol, if it is about one.
    pub symbol: Option<usize>,
    /// What happened.
    pub what: What,
}

/// What an [`Event`] is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum What {
    /// An entry was refused.
    Refused {
        /// The number of its order.
        order: usize,
        /// Why.
        reason: Reason,
    },
    /// An order was taken back, or what was left of it.
    Cancelled {
        /// Its number.
        order: usize,
        /// Why.
        cause: Cause,
    },
    /// An entry was made smaller.
    Reduced {
        /// The number of its order.
        order: usize,
        /// Why.
        reason: Reason,
        /// Units before.
        from: f64,
        /// Units after.
        to: f64,
    },
    /// A guard's limit was reached.
    Tripped {
        /// The guard, as the reason for which it refuses entries.
        guard: Reason,
        /// What it does.
        action: Action,
        /// What was measured.
        value: f64,
        /// The limit.
        limit: f64,
    },
    /// The equity fell below what the positions need.
    Liquidated {
        /// The equity.
        equity: f64,
        /// What it had to be.
        needed: f64,
    },
    /// Money was booked for holding.
    Booked {
        /// For what.
        for_what: Booking,
        /// Money that was paid; negative where it was received.
        paid: f64,
    },
    /// The units of a symbol were split.
    Split {
        /// New units for an old one.
        ratio: f64,
    },
    /// The session began, paused, went on or ended.
    Standing {
        /// How it changed.
        change: Change,
        /// Whether a person ordered it; else a rule of the session.
        by_hand: bool,
    },
}

super::trade::words! {
    /// What money is booked for, beside fills.
    Booking {
        /// `costs.borrow`.
        Borrow = "borrow",
        /// `costs.funding`.
        Funding = "funding",
        /// `costs.interest`.
        Interest = "interest",
        /// Dividends of what is held.
        Dividends = "dividends",
        /// What an account owed when it was worth nothing, forgiven.
        Forgiven = "forgiven",
    }
}

/// Everything that a walk found out.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// How many symbols the session has.
    pub symbols: usize,
    /// What happened, in order.
    pub fills: Vec<Fill>,
    /// Closed trades in the order of their exits, then those still open in the order of symbols.
    pub trades: Vec<Trade>,
    /// Between events nothing changes: where each state of the account begins.
    pub stretches: Vec<Stretch>,
    /// The units held during each stretch: `symbols` numbers a stretch, negative when owed.
    pub units: Vec<f64>,
    /// Every order, when the walk was asked for details.
    pub orders: Vec<Order>,
    /// What else happened, when the walk was asked for details.
    pub events: Vec<Event>,
    /// How many orders were decided.
    pub order_count: usize,
    /// How many entries were refused, by [`Reason`].
    pub refused: Counts,
    /// How many entries were made smaller, by [`Reason`].
    pub reduced: Counts,
    /// How often guards tripped, by [`Reason`].
    pub tripped: Counts,
    /// How often positions were liquidated.
    pub liquidations: usize,
    /// On how many bars both entries were true, so that neither acted.
    pub conflicts: usize,
    /// How many exits depended on the reading of a bar's inside.
    pub ambiguous_exits: usize,
    /// What was paid for holding, by [`Booking`]; negative where it was received.
    pub paid: [f64; Booking::ALL.len()],
    /// The first bar from which on the account was worth nothing.
    pub ruined: Option<usize>,
}

/// A count for each [`Reason`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    of: [usize; Reason::ALL.len()],
    /// Their sum, which is asked for on every bar on which something happens.
    total: usize,
}

impl Default for Counts {
    fn default() -> Self {
        Self { of: [0; Reason::ALL.len()], total: 0 }
    }
}

impl Counts {
    /// One more.
    pub fn add(&mut self, reason: Reason) {
        self.of[reason as usize] += 1;
        self.total += 1;
    }

    /// How many there are for this reason.
    pub fn of(&self, reason: Reason) -> usize {
        self.of[reason as usize]
    }

    /// How many there are in all.
    pub fn total(&self) -> usize {
        self.total
    }

    /// The reasons that occurred, with how often.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, usize)> + '_ {
        Reason::ALL.into_iter().zip(self.of).filter(|(_, count)| *count > 0)
    }
}

impl Outcome {
    /// Make ready for a walk that starts with so much money.
    pub(super) fn begin(&mut self, symbols: usize, capital: f64) {
        let old = std::mem::take(self);
        // The columns are used again, so that a sweep allocates them once.
        *self = Self {
            symbols,
            fills: cleared(old.fills),
            trades: cleared(old.trades),
            stretches: cleared(old.stretches),
            units: cleared(old.units),
            orders: cleared(old.orders),
            events: cleared(old.events),
            ..Self::default()
        };
        self.stretches.push(Stretch { from: 0, cash: capital });
        self.units.resize(symbols, 0.0);
    }

    /// From the close of bar `from` on the account has this cash and holds these units of each symbol.
    #[inline]
    pub(super) fn mark(&mut self, from: usize, cash: f64, units: impl IntoIterator<Item = f64>) {
        let (symbols, end) = (self.symbols, self.units.len());
        let last = self.stretches.last_mut().expect("a walk begins with a stretch");
        self.units.extend(units);
        let (before, now) = self.units[end - symbols..].split_at(symbols);
        if last.cash == cash && before == now {
            self.units.truncate(end);
        } else if last.from == from {
            last.cash = cash;
            self.units.drain(end - symbols..end);
        } else {
            self.stretches.push(Stretch { from, cash });
        }
    }

    /// How many entries were refused.
    pub fn refusals(&self) -> usize {
        self.refused.total()
    }

    /// What was paid for holding, all together; negative where it was received.
    pub fn financing(&self) -> f64 {
        self.paid.iter().sum()
    }

    /// Each stretch with the bars it covers, up to bar `end`, and the units held.
    pub fn stretches(
        &self,
        end: usize,
    ) -> impl Iterator<Item = (std::ops::Range<usize>, f64, &[f64])> {
        self.stretches.iter().enumerate().map(move |(index, stretch)| {
            let until = self.stretches.get(index + 1).map_or(end, |next| next.from);
            let units = &self.units[index * self.symbols..(index + 1) * self.symbols];
            (stretch.from..until, stretch.cash, units)
        })
    }

    /// The account's value at the close of every bar up to `end`; `closes` are the symbols' columns.
    pub fn equity(&self, closes: &[&[f64]], end: usize) -> Vec<f64> {
        let mut equity = Vec::with_capacity(end);
        for (bars, cash, units) in self.stretches(end) {
            values(cash, units, closes, bars, &mut equity);
        }
        equity
    }
}

fn cleared<T>(mut column: Vec<T>) -> Vec<T> {
    column.clear();
    column
}

/// `cash + sum(units * close)` at bar `t`; a symbol that is not held is not looked at.
pub fn value(cash: f64, units: &[f64], closes: &[&[f64]], t: usize) -> f64 {
    let held = units.iter().zip(closes).filter(|(units, _)| **units != 0.0);
    cash + held.map(|(units, close)| units * close[t]).sum::<f64>()
}

/// [`value`] at each of `bars`, added to `equity`.
pub fn values(
    cash: f64,
    units: &[f64],
    closes: &[&[f64]],
    bars: Range<usize>,
    equity: &mut Vec<f64>,
) {
    let held = units.iter().zip(closes).filter(|(units, _)| **units != 0.0);
    let mut held = held.map(|(units, close)| (units, &close[bars.clone()]));
    match (held.next(), held.next()) {
        (None, _) => equity.extend(bars.map(|_| cash)),
        (Some((units, close)), None) => {
            equity.extend(close.iter().map(|close| cash + units * close));
        }
        (Some((units, close)), Some(second)) => {
            let from = equity.len();
            equity.extend(close.iter().map(|close| units * close));
            let sums = &mut equity[from..];
            for (units, close) in [second].into_iter().chain(held) {
                sums.iter_mut().zip(close).for_each(|(sum, close)| *sum += units * close);
            }
            sums.iter_mut().for_each(|sum| *sum += cash);
        }
    }
}
