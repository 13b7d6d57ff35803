//! What waits at the close of a bar: orders for their price or the next bar, and the levels and dates
//! that end what is held.
//!
//! A walk keeps no history of this. Who asks, the debugger of the rules, walks again up to that bar.

use super::command::Hand;
use super::frame::Frame;
use super::ledger::{Lot, NEVER};
use super::order::Kind;
use super::scene::Scene;
use super::settings::Settings;
use super::trade::{ClosedBy, Side};
use super::walk::{EntryOrder, ExitOrder, Walk};
use crate::strategy::Signals;

/// Something that waits at the close of a bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Waiting {
    /// Index of the symbol.
    pub symbol: usize,
    /// What it is.
    pub what: What,
    /// The side of the position that it opens, or ends; `None` for a weight.
    pub side: Option<Side>,
    /// How many units it is for, positive; `None` while that is not known.
    pub units: Option<f64>,
    /// The bar that decided the order, or on which the entry was filled; `None` for a weight.
    pub since: Option<usize>,
    /// The price that it waits for, or must not be worse than; `None` for what takes the next one.
    pub price: Option<f64>,
    /// The price that wakes it.
    pub trigger: Option<f64>,
    /// The bar on which it happens, or before which an order is taken away, if that is known.
    pub due: Option<usize>,
}

/// What a [`Waiting`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// An order to open a position.
    Entry(Kind),
    /// One that somebody has to approve first.
    Unapproved(Kind),
    /// An order to close one at the next price.
    Exit(ClosedBy),
    /// A level that ends a position where a price reaches it, or the bar at which it is old enough.
    End(ClosedBy),
    /// The weight is restored.
    Rebalance,
}

impl What {
    /// The words for it.
    pub fn words(self) -> String {
        match self {
            Self::Entry(kind) => format!("{} entry", kind.word()),
            Self::Unapproved(kind) => format!("{} entry, waits for approval", kind.word()),
            Self::Exit(by) => format!("exit by {}", by.word()),
            Self::End(by) => by.word().to_owned(),
            Self::Rebalance => "rebalance".to_owned(),
        }
    }
}

impl Walk {
    /// What waits at the close of bar `bar`, in the order of symbols.
    pub fn waiting(
        &mut self,
        frame: &Frame,
        signals: &[Signals],
        settings: &Settings,
        hand: Hand<'_>,
        bar: usize,
    ) -> Vec<Waiting> {
        let scene = Scene { horizon: bar + 1, hand, ..Scene::new(frame, signals, settings) };
        self.begin(&scene, false);
        while let Some(t) = self.next_event(&scene).filter(|&t| t <= bar) {
            self.bar(&scene, t);
        }
        let symbols = 0..self.books.len();
        symbols.flat_map(|symbol| self.waiting_of(symbol)).collect()
    }

    fn waiting_of(&self, symbol: usize) -> impl Iterator<Item = Waiting> {
        let book = &self.books[symbol];
        let lots = &self.ledger.positions[symbol];
        let held = lots.first().map(|lot| lot.side);
        let exit = book.exit.map(|exit| of_exit(symbol, held, lots, &exit));
        let entry = book.entry.map(|entry| of_entry(symbol, &entry));
        let rebalance = known(book.next_weight)
            .map(|due| Waiting { due: Some(due), ..nothing(symbol, What::Rebalance) });
        let ends = lots.iter().flat_map(move |lot| of_lot(symbol, lot));
        ends.chain(exit).chain(entry).chain(rebalance)
    }
}

/// A bar that there is.
fn known(bar: usize) -> Option<usize> {
    (bar != NEVER).then_some(bar)
}

fn nothing(symbol: usize, what: What) -> Waiting {
    let (side, units, since) = (None, None, None);
    Waiting { symbol, what, side, units, since, price: None, trigger: None, due: None }
}

fn of_exit(symbol: usize, side: Option<Side>, lots: &[Lot], exit: &ExitOrder) -> Waiting {
    Waiting {
        side,
        units: Some(lots.iter().map(|lot| lot.units).sum()),
        since: Some(exit.decided),
        due: known(exit.fill.0),
        ..nothing(symbol, What::Exit(exit.closed_by))
    }
}

fn of_entry(symbol: usize, entry: &EntryOrder) -> Waiting {
    let prices = entry.prices;
    let kind = Kind::of(prices.limit.is_some(), prices.trigger.is_some());
    Waiting {
        side: Some(entry.side),
        units: entry.left,
        since: Some(entry.decided),
        price: prices.limit,
        trigger: prices.trigger,
        due: known(if prices.is_market() { entry.due() } else { entry.expires }),
        ..nothing(symbol, if entry.approved { What::Entry(kind) } else { What::Unapproved(kind) })
    }
}

/// The levels of an entry, and the bar at which it is old enough.
fn of_lot(symbol: usize, lot: &Lot) -> impl Iterator<Item = Waiting> {
    let (side, units, since) = (Some(lot.side), Some(lot.units), Some(lot.entry_bar));
    let end = move |by| Waiting { side, units, since, ..nothing(symbol, What::End(by)) };
    let levels = lot.levels.into_iter().flat_map(|levels| levels.prices().collect::<Vec<_>>());
    let levels = levels.map(move |(by, price)| Waiting { price: Some(price), ..end(by) });
    let (by, _) = lot.expires_by;
    let expires = known(lot.expires).map(|due| Waiting { due: Some(due), ..end(by) });
    levels.chain(expires)
}
