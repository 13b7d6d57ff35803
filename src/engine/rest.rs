//! Entries that wait for a price: limits, stops and stop-limits.

use super::frame::Aligned;
use super::model::{Fill, LimitGap, LimitTrigger};
use super::protect::{Entered, Reading, gapped_stop};
use super::trade::{Basis, Side};

/// The prices that an entry waits for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prices {
    pub limit: Option<f64>,
    /// Taken from an order with a limit once the price was beyond it.
    pub trigger: Option<f64>,
}

/// Where an entry found its price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reached {
    pub bar: usize,
    /// The price before slippage.
    pub price: f64,
    pub basis: Basis,
    /// How it came about, for what the rest of the bar may do.
    pub entered: Entered,
}

impl Prices {
    /// Whether there is nothing to wait for.
    pub(super) fn is_market(self) -> bool {
        self.limit.is_none() && self.trigger.is_none()
    }

    /// The prices of units that were split.
    pub(super) fn split(&mut self, ratio: f64) {
        self.limit = self.limit.map(|price| price / ratio);
        self.trigger = self.trigger.map(|price| price / ratio);
    }

    /// The first of the bars `from..until` on which an entry of `side` finds its price.
    pub(super) fn first_reached(
        &mut self,
        side: Side,
        bars: &Aligned,
        reading: Reading<'_>,
        from: usize,
        until: usize,
    ) -> Option<Reached> {
        (from..until.min(bars.open.len())).find_map(|t| self.reached(side, bars, reading, t))
    }

    /// What bar `t` does. Prices are multiplied by the sign of `side`: a limit lies below and a
    /// trigger above, for long and short alike.
    fn reached(
        &mut self,
        side: Side,
        bars: &Aligned,
        reading: Reading<'_>,
        t: usize,
    ) -> Option<Reached> {
        let sign = side.sign();
        let (high, low) = match side {
            Side::Long => (bars.high[t], sign * bars.low[t]),
            Side::Short => (-bars.low[t], -bars.high[t]),
        };
        let open = sign * bars.open[t];
        let entered = |inside: Entered, gap: bool| if gap { Entered::AtOpen } else { inside };
        let found = |price: f64, basis, entered| {
            Some(Reached { bar: t, price: sign * price, basis, entered })
        };
        let axes = reading.axes;
        if let Some(trigger) = self.trigger {
            let trigger = sign * trigger;
            // A bar that the symbol does not have is NaN and wakes nothing.
            if high.is_nan() || high < trigger {
                return None;
            }
            let before = || bars.bar_before(t).map_or(f64::NAN, |before| sign * bars.close[before]);
            let closes = reading.pins.triggers_gap_from_close && axes.fill == Fill::Close;
            let gap = if closes { before() >= trigger } else { open >= trigger };
            let (mut price, mut basis) = match gap {
                true if closes => (before(), Basis::TriggerGapClose),
                // An entry beyond its trigger is worse above, where a stop is worse below.
                true => {
                    let (signed, basis) = gapped_stop(axes.gap_stop, -trigger, -open, -low);
                    (-signed, basis)
                }
                false => (trigger, Basis::Stop),
            };
            let Some(limit) = self.limit.map(|limit| sign * limit) else {
                return found(price, basis, entered(Entered::Trigger, gap));
            };
            // What does not fill as it wakes is a plain limit from the next bar on: whether the price
            // came back after it woke is not known.
            self.trigger = None;
            if reading.pins.stop_limit_at_trigger {
                if !(low <= limit && limit > trigger) {
                    return None;
                }
                (price, basis) = (trigger, if gap { Basis::StopGapLevel } else { Basis::Stop });
            }
            return if price <= limit {
                found(price, basis, entered(Entered::Trigger, gap))
            } else {
                None
            };
        }
        let limit = sign * self.limit?;
        let reached = match axes.limit_trigger {
            LimitTrigger::Touch => low <= limit,
            LimitTrigger::Through => low < limit,
        };
        if !reached {
            return None;
        }
        let gap = open <= limit;
        match (gap, axes.limit_gap) {
            (true, LimitGap::Improve) => found(open, Basis::LimitGapOpen, Entered::AtOpen),
            (true, LimitGap::Level) => found(limit, Basis::LimitGapLevel, Entered::AtOpen),
            (false, _) => found(limit, Basis::Limit, Entered::Limit),
        }
    }
}
