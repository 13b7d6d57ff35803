//! Entries that wait for a price: limits, stops and stop-limits.

use super::frame::Aligned;
use super::model::{Fill, LimitGap, LimitTrigger};
use super::protect::{Entered, gapped_stop};
use super::reading::Reading;
use super::trade::{Basis, Side};

/// The prices that an entry waits for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prices {
    pub limit: Option<f64>,
    /// Taken from an order with a limit once the price was beyond it.
    pub trigger: Option<f64>,
    /// The trigger that was taken from it.
    pub woken: Option<f64>,
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
    /// Nothing to wait for.
    pub(super) const NONE: Self = Self { limit: None, trigger: None, woken: None };

    /// Whether there is nothing to wait for.
    pub(super) fn is_market(self) -> bool {
        self.limit.is_none() && self.trigger.is_none()
    }

    /// The prices of units that were split.
    pub(super) fn split(&mut self, ratio: f64) {
        self.limit = self.limit.map(|price| price / ratio);
        self.trigger = self.trigger.map(|price| price / ratio);
        self.woken = self.woken.map(|price| price / ratio);
    }

    /// The first of the bars `from..until` on which an entry of `side` finds its price, which waits
    /// since before bar `first`.
    pub(super) fn first_reached(
        &mut self,
        side: Side,
        bars: &Aligned,
        reading: Reading<'_>,
        first: usize,
        from: usize,
        until: usize,
    ) -> Option<Reached> {
        (from..until.min(bars.open.len())).find_map(|t| self.reached(side, bars, reading, first, t))
    }

    /// What bar `t` does. Prices are multiplied by the sign of `side`: a limit lies below and a
    /// trigger above, for long and short alike.
    fn reached(
        &mut self,
        side: Side,
        bars: &Aligned,
        reading: Reading<'_>,
        first: usize,
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
        let stop_limit = self.limit.is_some() && (self.trigger.or(self.woken)).is_some();
        if stop_limit && reading.pins.stop_limits_meet_path {
            let path = reading.path(side, [open, high, low, sign * bars.close[t]]);
            let meets = |price: f64| self.meets(sign, price);
            let (price, entered) = path.into_iter().find_map(meets)?;
            let basis = match entered {
                _ if low <= price && price <= high => Basis::StopLimitPath,
                Entered::Trigger => Basis::StopGapLevel,
                _ => Basis::LimitGapLevel,
            };
            return found(price, basis, entered);
        }
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
            let how = match basis {
                // It opened beyond, and came back as to a limit: what was before is past.
                Basis::StopGapInside => Entered::Limit,
                _ => entered(Entered::Trigger, gap),
            };
            let Some(limit) = self.limit.map(|limit| sign * limit) else {
                return found(price, basis, how);
            };
            // What does not fill as it wakes is a plain limit from the next bar on: whether the price
            // came back after it woke is not known.
            self.woken = self.trigger.take();
            if reading.pins.stop_limit_at_trigger {
                if !(low <= limit && limit > trigger) {
                    return None;
                }
                (price, basis) = (trigger, if gap { Basis::StopGapLevel } else { Basis::Stop });
            }
            return if price <= limit { found(price, basis, how) } else { None };
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
            _ if reading.pins.limits_inside => {
                let is_first = bars.bar_before(t).is_none_or(|before| before < first);
                let price = if is_first { limit.min(high) } else { limit };
                if price <= high { found(price, Basis::Limit, Entered::Limit) } else { None }
            }
            (true, LimitGap::Level) => found(limit, Basis::LimitGapLevel, Entered::AtOpen),
            (false, _) => found(limit, Basis::Limit, Entered::Limit),
        }
    }

    /// Where a stop-limit is filled when the next signed price is `price`.
    fn meets(&mut self, sign: f64, price: f64) -> Option<(f64, Entered)> {
        let limit = sign * self.limit?;
        if let Some(trigger) = self.trigger.take_if(|trigger| price >= sign * *trigger) {
            self.woken = Some(trigger);
            let worst = price.min(sign * trigger);
            return (price <= limit).then_some((worst, Entered::Trigger));
        }
        let woken = sign * self.woken?;
        (price <= limit).then_some((price.max(limit.min(woken)), Entered::Limit))
    }
}
