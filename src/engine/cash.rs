//! What leaving may cost where cash is all there is: a short is bought back only as far as it can be paid.
//!
//! This is what a model with `cash_is_free` does; for others every exit is payable.

use super::fill::Taken;
use super::model::ShortOfCash;
use super::order::Reason;
use super::scene::Scene;
use super::settings::Sizing;
use super::trade::{ClosedBy, Side};
use super::walk::{At, Walk};

impl Walk {
    /// How many of `units` of a position can be left: where cash is all there is, a short must be paid
    /// for, and a sale must bring what it costs.
    pub(super) fn payable(
        &self,
        scene: &Scene<'_>,
        symbol: usize,
        at: At,
        taken: Taken,
        units: f64,
        by: ClosedBy,
    ) -> f64 {
        if !scene.settings.pins.cash_is_free {
            return units;
        }
        let fee = scene.settings.costs.commission.fee(taken.rests, self.ledger.traded);
        if self.ledger.side(symbol) == Some(Side::Long) {
            let paid = self.paid(scene, symbol, at.bar, -1.0, units, taken, false);
            return if fee.of(units, paid.price) > units * paid.price { 0.0 } else { units };
        }
        let cash = self.spendable(scene, symbol, Side::Long, at) / scene.settings.trading.leverage;
        let paid = self.paid(scene, symbol, at.bar, 1.0, 0.0, taken, false);
        let most = fee.units_for(cash, paid.price);
        match scene.axes.short_of_cash {
            // What lies within the last digits of the whole is the whole.
            _ if most >= units * (1.0 - 1e-9) => units,
            // An order that turns and takes all there is has no size that it could fall short of.
            ShortOfCash::Cancel if !(by == ClosedBy::Flip && Self::takes_all(scene)) => 0.0,
            _ => self.existing(scene, most),
        }
    }

    /// Refuse the one order that turns a short round if it is dearer than the cash, and no part of it
    /// may be filled; whether it was.
    pub(super) fn turns_unpaid(&mut self, scene: &Scene<'_>, symbol: usize, at: At) -> bool {
        let settings = scene.settings;
        let book = &self.books[symbol];
        let exit = book.exit.filter(|exit| exit.fill == (at.bar, at.moment));
        let entry = book.entry.filter(|entry| entry.is_due(at) && entry.side == Side::Long);
        let (Some(exit), Some(entry)) = (exit, entry) else { return false };
        let (reference, basis) = scene.market(symbol, at.bar, at.moment);
        let opens = match settings.sizing {
            Sizing::Units(units) => entry.scale * units,
            Sizing::Cash(money) => entry.scale * money / reference,
            _ => return false,
        };
        if scene.axes.short_of_cash != ShortOfCash::Cancel || !scene.turns_in_one() {
            return false;
        }
        let units = opens + self.ledger.units(symbol).abs();
        let taken = Taken { reference, basis, slips: true, rests: false };
        let price = self.paid(scene, symbol, at.bar, 1.0, units, taken, true).price;
        let fee = settings.costs.commission.fee(false, self.ledger.traded).of(units, price);
        if units * price + fee <= self.ledger.free_cash(symbol, Side::Long) * (1.0 + 1e-9) {
            return false;
        }
        let book = &mut self.books[symbol];
        (book.exit, book.entry, book.stale) = (None, None, true);
        self.refuse(at.bar, symbol, exit.order, Reason::NoCash);
        true
    }

    /// Whether an order that turns a position takes a fraction of the cash, not a number of units or an
    /// amount of money.
    fn takes_all(scene: &Scene<'_>) -> bool {
        scene.turns_in_one() && matches!(scene.settings.sizing, Sizing::Equity(_))
    }
}
