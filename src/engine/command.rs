//! What its owner tells an account between two bars.
//!
//! A command takes effect after the close of a bar, when everything that the bar decided is done; so
//! an account that is walked over again with the same commands does the same. A backtest has none.

use super::ledger::NEVER;
use super::order::{Cause, OrderStatus, Reason};
use super::protect::Levels;
use super::scene::Scene;
use super::standing::Change;
use super::trade::{ClosedBy, Moment};
use super::walk::{EntryOrder, Walk};

/// Something that an account is told to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command {
    /// Enter nothing more; what is held is left by its rules and stops.
    Pause,
    /// Enter again.
    Resume,
    /// Close what is held at the next open, and enter nothing any more.
    Stop,
    /// Do nothing any more; what is held stays.
    Kill,
    /// Close what is held at the next open.
    CloseAll,
    /// Take back every order that waits.
    CancelOrders,
    /// Multiply the size of every later entry.
    Size {
        /// By what; above 0.
        factor: f64,
    },
    /// Bring stops nearer: those of what is held to the last close, those of later entries to their
    /// price.
    Tighten {
        /// By this fraction of their distance, above 0 and below 1.
        fraction: f64,
    },
    /// Enter a symbol no more, or again.
    Trade {
        /// The symbol's place in the session.
        symbol: usize,
        /// Whether it may be entered.
        allowed: bool,
    },
    /// Let entries go that wait for approval: they are filled as if they were decided now.
    Approve {
        /// The number of the order, counted from 0; `None` for all that wait.
        order: Option<usize>,
    },
    /// Refuse entries that wait for approval.
    Refuse {
        /// The number of the order, counted from 0; `None` for all that wait.
        order: Option<usize>,
    },
}

/// A command, and the bar after whose close it takes effect; `None` for before the first.
pub type Given = (Option<usize>, Command);

/// How the owner of an account trades along.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hand<'a> {
    /// What was commanded, in the order of the bars.
    pub commands: &'a [Given],
    /// Whether every entry waits until it is approved.
    pub approves: bool,
}

/// What the commands so far came to.
#[derive(Debug)]
pub(super) struct Controls {
    /// The place of the next command.
    next: usize,
    /// What the size of an entry is multiplied with.
    pub scale: f64,
    /// The part of the distance of a stop that is left.
    left: f64,
    /// The symbols that are not entered.
    off: Vec<bool>,
    /// Nothing is done any more.
    pub killed: bool,
}

impl Default for Controls {
    fn default() -> Self {
        Self { next: 0, scale: 1.0, left: 1.0, off: Vec::new(), killed: false }
    }
}

impl Controls {
    /// The bar after whose close the next command takes effect.
    pub(super) fn due(&self, scene: &Scene<'_>) -> usize {
        scene.hand.commands.get(self.next).map_or(NEVER, |(bar, _)| bar.unwrap_or(0))
    }

    /// Why nothing is entered in a symbol.
    pub(super) fn blocks(&self, symbol: usize) -> Option<Reason> {
        self.off.get(symbol).copied().unwrap_or(false).then_some(Reason::SymbolOff)
    }

    /// The levels of an entry at `price`, with the stop as near as it was told to be.
    pub(super) fn nearer(&self, mut levels: Levels, price: f64) -> Levels {
        if self.left < 1.0 {
            levels.tighten(1.0 - self.left, price);
        }
        levels
    }
}

impl Walk {
    /// Do what was told to take effect after the close of bar `t`, or before the first.
    pub(super) fn obey(&mut self, scene: &Scene<'_>, t: Option<usize>) {
        while let Some((_, command)) =
            scene.hand.commands.get(self.controls.next).filter(|(bar, _)| *bar <= t)
        {
            self.controls.next += 1;
            self.obey_one(scene, t.unwrap_or(0), *command);
            self.books.iter_mut().for_each(|book| book.stale = true);
        }
    }

    fn obey_one(&mut self, scene: &Scene<'_>, t: usize, command: Command) {
        match command {
            Command::Pause => self.change(scene, t, Change::Paused, true),
            Command::Resume => self.change(scene, t, Change::Resumed, true),
            Command::Stop => self.change(scene, t, Change::Stopped, true),
            Command::Kill => {
                self.change(scene, t, Change::Killed, true);
                self.take_back(t, |_| true);
                self.controls.killed = true;
            }
            Command::CloseAll => self.flatten(scene, t, ClosedBy::Command),
            Command::CancelOrders => self.take_back(t, |by| {
                // What protects the account is not for a person to call off in passing.
                matches!(by, ClosedBy::Rule | ClosedBy::Flip | ClosedBy::Command)
            }),
            Command::Size { factor } => self.controls.scale *= factor,
            Command::Tighten { fraction } => {
                self.controls.left *= 1.0 - fraction;
                for (symbol, lots) in self.ledger.positions.iter_mut().enumerate() {
                    let close = scene.bars(symbol).close[t];
                    for lot in lots {
                        if let Some(levels) = &mut lot.levels {
                            levels.tighten(fraction, close);
                        }
                        // What was found beyond this bar was found with the old levels.
                        if lot.hit.take_if(|hit| hit.bar > t).is_some() {
                            lot.searched = t + 1;
                        }
                    }
                }
            }
            Command::Approve { order } => {
                for symbol in self.unapproved(scene, order) {
                    self.approve(scene, symbol, t);
                }
            }
            Command::Refuse { order } => {
                for symbol in self.unapproved(scene, order) {
                    self.refuse_entry(t, symbol, Reason::ByHand);
                }
            }
            Command::Trade { symbol, allowed } => {
                self.controls.off.resize(self.books.len(), false);
                self.controls.off[symbol] = !allowed;
                if !allowed {
                    self.refuse_entry(t, symbol, Reason::SymbolOff);
                }
            }
        }
    }

    /// The symbols whose entry waits for approval and is order number `order`, or any; with one leg of
    /// a trade come the others, which fill together or not at all.
    fn unapproved(&self, scene: &Scene<'_>, order: Option<usize>) -> Vec<usize> {
        let waits = |symbol: &usize| self.books[*symbol].entry.filter(|entry| !entry.approved);
        let all: Vec<usize> = (0..self.books.len()).filter(|it| waits(it).is_some()).collect();
        let named = |symbol: &usize| {
            waits(symbol).filter(|entry| order.is_none_or(|order| entry.order == order))
        };
        let Some(decided) = all.iter().find_map(named).map(|entry| entry.decided) else {
            return Vec::new();
        };
        let is_other = |symbol: &usize| {
            scene.settings.together && waits(symbol).is_some_and(|entry| entry.decided == decided)
        };
        all.into_iter().filter(|it| named(it).is_some() || is_other(it)).collect()
    }

    /// An entry is approved after the close of bar `t`: it takes the next open, or waits for its price
    /// from there on.
    fn approve(&mut self, scene: &Scene<'_>, symbol: usize, t: usize) {
        let next = scene.bars(symbol).next_bar(t + 1).unwrap_or(NEVER);
        let book = &mut self.books[symbol];
        let Some(entry) = &mut book.entry else { return };
        *entry = match entry.prices.is_market() {
            true => EntryOrder { fill: (next, Moment::Open), expires: NEVER, ..*entry },
            false => {
                let first = if entry.against { next } else { t + 1 };
                EntryOrder { fill: (first, Moment::Inside), searched: t + 1, ..*entry }
            }
        };
        entry.approved = true;
        let order = entry.order;
        self.settle(order, OrderStatus::Pending);
    }

    /// Take back, after the close of bar `t`, entries that wait, and the exits that wait for a reason of which `is_ours`.
    fn take_back(&mut self, t: usize, is_ours: impl Fn(ClosedBy) -> bool) {
        for symbol in 0..self.books.len() {
            let book = &mut self.books[symbol];
            let entry = book.entry.take().map(|entry| entry.order);
            let exit = book.exit.take_if(|exit| is_ours(exit.closed_by)).map(|exit| exit.order);
            for order in entry.into_iter().chain(exit) {
                self.cancel(t, symbol, order, Cause::Command);
            }
        }
    }
}
