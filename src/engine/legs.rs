//! Legs of one trade: their entries are filled together or not at all.

use super::fill::Taken;
use super::order::Reason;
use super::scene::Scene;
use super::sizing::Sized;
use super::trade::Side;
use super::walk::{At, Book, EntryOrder, Walk};

impl Walk {
    /// Whether there is a leg whose rules are not read at the close of bar `t` as those of `symbol`
    /// are: it has no such bar, or what is delayed is that of another bar.
    pub(super) fn lacks_leg(&self, scene: &Scene<'_>, symbol: usize, t: usize) -> bool {
        let decided = scene.decided(symbol, t);
        let is_read = |leg| scene.bars(leg).has_bar(t) && scene.decided(leg, t) == decided;
        !(0..self.books.len()).all(is_read)
    }

    /// Where one leg was refused as it was decided, the entries of the others on bar `t` are too.
    pub(super) fn refuse_other_legs(&mut self, scene: &Scene<'_>, t: usize) {
        for symbol in 0..self.books.len() {
            let decided = scene.decided(symbol, t);
            if self.books[symbol].entry.is_some_and(|entry| Some(entry.decided) == decided) {
                self.refuse_entry(t, symbol, Reason::Leg);
            }
        }
    }

    /// A leg that cannot be filled whole is refused for its own reason, and the others because of it.
    pub(super) fn refuse_lone_legs(&mut self, scene: &Scene<'_>, at: At) {
        // Whoever is refused leaves the others more, so they are tried again without it.
        while let Some((decided, reasons)) = self.lone_legs(scene, at) {
            for (leg, reason) in reasons.into_iter().enumerate() {
                if self.books[leg].entry.is_some_and(|entry| entry.decided == decided) {
                    self.refuse_entry(at.bar, leg, reason.unwrap_or(Reason::Leg));
                }
            }
        }
    }

    /// The bar that decided the first legs due now of which one cannot be filled, with why each symbol
    /// cannot.
    fn lone_legs(&mut self, scene: &Scene<'_>, at: At) -> Option<(usize, Vec<Option<Reason>>)> {
        let entry = |walk: &Self, leg: usize| walk.books[leg].entry.filter(|it| it.is_due(at));
        let mut legs: Vec<usize> =
            (0..self.books.len()).filter(|&leg| entry(self, leg).is_some()).collect();
        if !scene.settings.pins.symbols_in_turn {
            // Sells come before buys.
            legs.sort_by_key(|&leg| entry(self, leg).map(|entry| entry.side == Side::Long));
        }
        // Each leg is supposed to be filled when the next one is tried, so that cash and the limits of
        // risk are those that it will find.
        let before = self.ledger.suppose();
        let mut money = self.free(scene, at) * scene.settings.trading.leverage * (1.0 + 1e-9);
        let net = |walk: &Self| {
            let ledger = &walk.ledger;
            let (long, short) = ledger.exposure(scene.frame, scene.settings, at.bar, at.moment);
            (long - short).abs()
        };
        let net_before = net(self);
        let mut reasons = vec![None; self.books.len()];
        let mut lone = None;
        for &leg in &legs {
            let Some(entry) = entry(self, leg) else { continue };
            let waits = |book: &Book| {
                book.entry.is_some_and(|it| it.decided == entry.decided && !it.is_due(at))
            };
            let late: Vec<usize> =
                (0..self.books.len()).filter(|&leg| waits(&self.books[leg])).collect();
            reasons[leg] = match late.is_empty() {
                false => Some(Reason::Leg),
                true => self.suppose_leg(scene, leg, &entry, at, &mut money).err(),
            };
            for leg in late.into_iter().filter(|&leg| !scene.bars(leg).has_bar(at.bar)) {
                reasons[leg] = Some(Reason::NoBar);
            }
            lone = lone.or(reasons[leg].map(|_| entry.decided));
        }
        if let (None, Some(cap), Some(&leg)) = (lone, scene.settings.risk.max_net, legs.first()) {
            let most = cap.money(self.equity(scene, at)).max(net_before);
            if net(self) > most * (1.0 + 1e-9) {
                lone = entry(self, leg).map(|entry| entry.decided);
                legs.iter().for_each(|&leg| reasons[leg] = Some(Reason::MaxNet));
            }
        }
        self.ledger.suppose_no_more(before);
        lone.map(|decided| (decided, reasons))
    }

    /// Suppose that a leg is filled, unless it cannot be, and whole; `money` is what there is for this
    /// one and those after it.
    fn suppose_leg(
        &mut self,
        scene: &Scene<'_>,
        leg: usize,
        entry: &EntryOrder,
        at: At,
        money: &mut f64,
    ) -> Result<(), Reason> {
        if self.ledger.side(leg).is_some_and(|side| side != entry.side) {
            return Err(Reason::OtherSide);
        }
        if let Some(verdict) = self.refuses(scene, leg, entry.side, at) {
            return Err(verdict.reason);
        }
        let (reference, basis) = scene.market(leg, at.bar, at.moment);
        let taken = Taken { reference, basis, slips: true, rests: false };
        let sized = self.size(scene, leg, entry, at, taken, 0.0)?;
        *money -= sized.wanted * sized.paid.price + sized.commission;
        match sized {
            // What slippage takes from the one makes the other smaller by as much, and no more.
            Sized { reduced: Some(reason), .. } if reason != Reason::NoCash || *money < 0.0 => {
                Err(reason)
            }
            Sized { left, .. } if left > 0.0 => Err(Reason::Volume),
            Sized { units, paid, commission, .. } => {
                self.ledger.suppose_lot(leg, entry.side, units, paid.price, commission);
                Ok(())
            }
        }
    }
}
