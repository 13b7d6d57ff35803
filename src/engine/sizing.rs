//! How many units an entry takes: what sizing asks for, what the account can pay, what risk allows,
//! what the bar has, and which numbers of units exist.

use super::cost::{Commission, Fee};
use super::fill::{Paid, Taken};
use super::model::{ShortOfCash, Units};
use super::order::Reason;
use super::scene::Scene;
use super::settings::Sizing;
use super::trade::{Moment, Side};
use super::walk::{At, EntryOrder, Walk};

/// What an entry comes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sized {
    /// Units to fill; 0 where the bar has less volume than a unit that exists.
    pub units: f64,
    /// Units that sizing asked for.
    pub wanted: f64,
    /// What made it smaller, if something did.
    pub reduced: Option<Reason>,
    /// Units that wait for the next bar, because this one has no more volume.
    pub left: f64,
    pub paid: Paid,
    pub commission: f64,
}

/// What a unit costs.
#[derive(Debug, Clone, Copy)]
struct Unit {
    /// Before slippage and spread.
    reference: f64,
    /// With both.
    price: f64,
    fee: Fee,
}

impl Unit {
    /// The price of each of `units` with their commission, which is counted before slippage and spread.
    fn with_fee(&self, units: f64) -> f64 {
        self.price + self.fee.of(units, self.reference) / units
    }
}

impl Walk {
    /// The size of an entry; `turned` are the units of the position that the same order closed.
    pub(super) fn size(
        &self,
        scene: &Scene<'_>,
        symbol: usize,
        entry: &EntryOrder,
        at: At,
        taken: Taken,
        turned: f64,
    ) -> Result<Sized, Reason> {
        let settings = scene.settings;
        let sign = entry.side.sign();
        let commission = &settings.costs.commission;
        let fee = match turned > 0.0 {
            false => commission.fee(taken.rests, self.ledger.traded),
            // The order has paid what it costs once.
            true => Commission { per_order: 0.0, min: 0.0, ..commission.clone() }
                .fee(taken.rests, self.ledger.traded),
        };
        let price = |units| self.paid(scene, symbol, at.bar, sign, units, taken, true);
        let mut paid = price(0.0);
        let unit = |paid: Paid| Unit { reference: taken.reference, price: paid.price, fee };
        let mut sized = self.at_price(scene, symbol, entry, at, unit(paid))?;
        if settings.costs.slippage.depends_on_units() {
            // The size at the price before the impact is the largest; the price of that is the worst.
            paid = price(sized.0);
            sized = self.at_price(scene, symbol, entry, at, unit(paid))?;
            paid = price(sized.0);
        }
        let (allowed, wanted, reduced) = sized;
        let most = self.existing(scene, allowed);
        // The rest of an order that was large enough may be small, and so may what a bar has of it.
        if most <= 0.0 || (most < settings.trading.min_units && !entry.begun) {
            return Err(reduced.unwrap_or(Reason::TooSmall));
        }
        let units = self.existing(scene, allowed.min(self.room(scene, symbol, at.bar)));
        Ok(Sized {
            units,
            wanted,
            reduced,
            left: most - units,
            paid,
            commission: fee.of(units, paid.price),
        })
    }

    /// The units allowed at this price, the units wanted, and what made the difference.
    #[inline]
    fn at_price(
        &self,
        scene: &Scene<'_>,
        symbol: usize,
        entry: &EntryOrder,
        at: At,
        unit: Unit,
    ) -> Result<(f64, f64, Option<Reason>), Reason> {
        let settings = scene.settings;
        let money = self.spendable(scene, symbol, entry.side, at);
        let wanted = match entry.left {
            Some(units) => units,
            None => self.wanted(scene, symbol, entry, at, unit, money)?,
        };
        if wanted.is_nan() || wanted <= 0.0 {
            // What the fee alone would take cannot be sized either.
            let pays = unit.fee.units_for(money, unit.price) > 0.0;
            return Err(if pays { Reason::NoSize } else { Reason::NoCash });
        }
        let named = settings.pins.cash_is_free
            && matches!(settings.sizing, Sizing::Units(_) | Sizing::Cash(_));
        let cancels = scene.axes.short_of_cash == ShortOfCash::Cancel;
        if named && cancels && self.existing(scene, wanted) < wanted * (1.0 - 1e-9) {
            return Err(Reason::TooSmall);
        }
        let needs_none = named && entry.side == Side::Short;
        let affordable = match settings.sizing {
            _ if needs_none => f64::INFINITY,
            // The commission of a fraction is that of so much of a unit.
            Sizing::Equity(fraction) if settings.pins.size_of_free => {
                money / unit.with_fee(fraction * entry.scale)
            }
            _ if settings.pins.size_of_free => money / unit.with_fee(wanted),
            _ => unit.fee.units_for(money, unit.price),
        };
        let (mut units, mut reduced) = match scene.axes.short_of_cash {
            _ if wanted <= affordable => (wanted, None),
            ShortOfCash::Cancel if wanted > affordable * (1.0 + 1e-12) => {
                return Err(Reason::NoCash);
            }
            _ => (affordable, Some(Reason::NoCash)),
        };
        let caps = settings.risk.has_caps().then(|| self.caps(scene, symbol, entry.side, at));
        for (reason, cap) in caps.into_iter().flatten() {
            let most = cap / unit.price;
            if most < units {
                (units, reduced) = (most.max(0.0), Some(reason));
            }
        }
        // A difference in the last digits is no reduction.
        let reduced = reduced.filter(|_| units < wanted * (1.0 - 1e-9));
        // What a limit leaves in the last digits is nothing either.
        if units <= 1e-9 * wanted {
            return Err(reduced.unwrap_or(Reason::NoCash));
        }
        Ok((units, wanted, reduced))
    }

    /// The money that an entry may take.
    pub(super) fn spendable(&self, scene: &Scene<'_>, symbol: usize, side: Side, at: At) -> f64 {
        let settings = scene.settings;
        let free = match settings.pins.cash_is_free {
            true => self.ledger.free_cash(symbol, side),
            false => self.free(scene, at),
        };
        // What the last digits leave of an account that is spent buys nothing.
        if free <= 1e-9 * settings.capital { 0.0 } else { free * settings.trading.leverage }
    }

    /// The units that `sizing` asks for, of which `money` may be taken.
    #[inline]
    fn wanted(
        &self,
        scene: &Scene<'_>,
        symbol: usize,
        entry: &EntryOrder,
        at: At,
        unit: Unit,
        money: f64,
    ) -> Result<f64, Reason> {
        let settings = scene.settings;
        let scale = entry.scale;
        let Unit { reference, price, fee } = unit;
        let equity = || self.equity(scene, at);
        let units = match settings.sizing {
            Sizing::Equity(fraction) if settings.pins.sizes_of_cash => match entry.side {
                Side::Long => fee.units_for(scale * fraction * money, price),
                Side::Short => scale * fraction * fee.units_for(money, price),
            },
            Sizing::Cash(money) if settings.pins.sizes_of_cash => scale * money / reference,
            Sizing::Equity(fraction) if settings.pins.size_of_free => {
                let whole = fraction * scale;
                let share = if whole == 1.0 { 1.0 - f64::EPSILON } else { whole };
                floor_div(money * share, unit.with_fee(share))
            }
            Sizing::Equity(fraction) => fee.units_for(scale * fraction * equity(), price),
            Sizing::Cash(money) => fee.units_for(scale * money, price),
            Sizing::Units(units) => scale * units,
            Sizing::Risk(fraction) => {
                let levels =
                    scene.levels(symbol, entry.side, entry.decided, at.bar, price, entry.levels);
                let levels = levels.map(|levels| self.controls.nearer(levels, price));
                let stop = levels.and_then(|levels| levels.stop_price()).ok_or(Reason::NoSize)?;
                let lost = entry.side.sign() * (price - stop);
                if lost <= 0.0 {
                    return Err(Reason::WrongSide);
                }
                scale * fraction * equity() / lost
            }
            Sizing::Volatility { target, input } => {
                let bar = scene.input(symbol, input, entry.decided);
                let year = bar * scene.frame.bars_a_year.sqrt();
                if year.is_nan() || year <= 0.0 {
                    return Err(Reason::NoSize);
                }
                scale * target / year * equity() / price
            }
        };
        Ok(units)
    }

    /// How many of `units` exist.
    pub(super) fn existing(&self, scene: &Scene<'_>, units: f64) -> f64 {
        match scene.axes.units {
            Units::Fractional => units,
            Units::Integer => units.floor(),
            Units::Lot => {
                let lot = scene.settings.trading.lot_size;
                // Three lots of 0.1 are 0.3 units, whatever the division says.
                (units / lot * (1.0 + 1e-12)).floor() * lot
            }
        }
    }

    /// How many of `units` can be given up of `whole`: all of it whatever it is, else what exists.
    pub(super) fn parting(&self, scene: &Scene<'_>, units: f64, whole: f64) -> f64 {
        match units >= whole * (1.0 - 1e-12) {
            true => units,
            false => self.existing(scene, units),
        }
    }

    /// The money that each limit of risk leaves to an entry.
    fn caps(
        &self,
        scene: &Scene<'_>,
        symbol: usize,
        side: Side,
        at: At,
    ) -> impl Iterator<Item = (Reason, f64)> {
        let risk = &scene.settings.risk;
        let at_once = scene.settings.together && scene.signals[symbol].weight.is_none();
        let given = [
            (Reason::MaxPosition, risk.max_position),
            (Reason::MaxSymbol, risk.max_symbol),
            (Reason::MaxGroup, risk.max_group),
            (Reason::MaxGross, risk.max_gross),
            // Legs may weigh each other up: what is left is looked at when all are supposed.
            (Reason::MaxNet, risk.max_net.filter(|_| !at_once)),
        ];
        let value = move |symbol: usize| {
            let bars = scene.bars(symbol);
            let closed = at.moment == Moment::Close;
            let mark = if closed { bars.close[at.bar] } else { bars.mark_at_open(at.bar) };
            let units = self.ledger.units(symbol);
            // A symbol before its first bar has no mark, and nothing is held of it.
            if units == 0.0 { 0.0 } else { (units * mark).abs() }
        };
        let exposure = move || self.ledger.exposure(scene.frame, scene.settings, at.bar, at.moment);
        given.into_iter().filter_map(move |(reason, cap)| {
            let most = cap?.money(self.equity(scene, at));
            let used = match reason {
                Reason::MaxSymbol => value(symbol),
                Reason::MaxGroup => scene.group(symbol)?.map(value).sum(),
                Reason::MaxGross => {
                    let (long, short) = exposure();
                    long + short
                }
                Reason::MaxNet => {
                    let (long, short) = exposure();
                    side.sign() * (long - short)
                }
                _ => 0.0,
            };
            Some((reason, most - used))
        })
    }
}

/// The largest whole number of times that `b` goes into `a`, exactly: a quotient that was rounded up
/// to a whole number is not taken for it.
fn floor_div(a: f64, b: f64) -> f64 {
    let rest = a % b;
    ((a - rest) / b).round()
}

#[cfg(test)]
mod tests {
    use super::floor_div;

    #[test]
    fn a_hair_less_than_ten_units_are_nine() {
        assert_eq!(floor_div(10_000.0, 10.0), 1_000.0);
        assert_eq!(floor_div(10_000.0 * (1.0 - f64::EPSILON), 10.0), 999.0);
        assert_eq!(floor_div(6.0, 0.1), 59.0, "0.1 is a little more than a tenth");
    }
}
