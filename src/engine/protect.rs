//! Stops, targets and trailing stops: the first bar on which one of them ends a position, and at
//! what price.

use super::frame::Aligned;
use super::model::{Axes, GapStop, Intrabar, TrailingFrom};
use super::settings::Risk;
use super::trade::{ClosedBy, Side};

/// The levels that protect one position.
///
/// Prices are multiplied by the sign of the position, so that for long and short alike a stop lies
/// below and a target above: there is one comparison for both, not two that could differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Levels {
    side: Side,
    stop: f64,
    target: f64,
    /// The best signed price seen so far and the fraction below which it is left.
    trailing: Option<(f64, f64)>,
}

/// How a position ends inside a bar or at its open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hit {
    pub bar: usize,
    /// The price before slippage.
    pub price: f64,
    pub closed_by: ClosedBy,
    /// The bar opened beyond the level: it happens at the open, before the orders.
    pub at_open: bool,
    /// The other reading of the bar's inside gives another answer.
    pub ambiguous: bool,
}

impl Levels {
    /// The levels of a position whose stops are fractions of `base`; `None` if nothing protects it.
    pub(super) fn new(risk: &Risk, side: Side, base: f64) -> Option<Self> {
        let sign = side.sign();
        let level = |fraction: f64| sign * base * (1.0 + sign * fraction);
        risk.protects().then(|| Self {
            side,
            stop: risk.stop_loss.map_or(f64::NEG_INFINITY, |fraction| level(-fraction)),
            target: risk.take_profit.map_or(f64::INFINITY, level),
            trailing: risk.trailing_stop.map(|fraction| (sign * base, fraction)),
        })
    }

    /// The first of the bars `from..until` that ends the position; on bar `until` only its open is
    /// looked at, because an order decided before it fills there.
    ///
    /// The trailing level is that of the bars before each bar, and is left where the search ends.
    pub(super) fn first_hit(
        &mut self,
        bars: &Aligned,
        axes: &Axes,
        from: usize,
        until: usize,
    ) -> Option<Hit> {
        let sign = self.side.sign();
        let (best, worst) = match self.side {
            Side::Long => (&bars.high, &bars.low),
            Side::Short => (&bars.low, &bars.high),
        };
        let (open, best, worst): (&[f64], &[f64], &[f64]) = (&bars.open, best, worst);
        let followed: &[f64] = match axes.trailing_from {
            TrailingFrom::ExtremeLagged => best,
            TrailingFrom::Close => &bars.close,
        };
        let end = until.min(open.len());
        for t in from..end {
            let (stop, by) = self.stop();
            // A bar that the symbol does not have is NaN and touches nothing.
            if sign * worst[t] <= stop || sign * best[t] >= self.target {
                return Some(self.hit(t, axes, [open[t], best[t], worst[t]], stop, by));
            }
            if let Some((extreme, _)) = &mut self.trailing
                && sign * followed[t] > *extreme
            {
                *extreme = sign * followed[t];
            }
        }
        let (stop, by) = self.stop();
        let opens = sign * open.get(until).copied().unwrap_or(f64::NAN);
        (opens <= stop || opens >= self.target)
            .then(|| self.hit(until, axes, [open[until], open[until], open[until]], stop, by))
    }

    /// The nearer of the two stops, and which it is.
    fn stop(&self) -> (f64, ClosedBy) {
        match self.trailing {
            Some((extreme, fraction)) => {
                let trailing = extreme * (1.0 - self.side.sign() * fraction);
                if trailing > self.stop {
                    (trailing, ClosedBy::TrailingStop)
                } else {
                    (self.stop, ClosedBy::StopLoss)
                }
            }
            None => (self.stop, ClosedBy::StopLoss),
        }
    }

    fn hit(
        &self,
        bar: usize,
        axes: &Axes,
        [open, best, worst]: [f64; 3],
        stop: f64,
        by: ClosedBy,
    ) -> Hit {
        let sign = self.side.sign();
        let stopped = sign * worst <= stop;
        let reached = sign * best >= self.target;
        let (gap_stop, gap_target) = (sign * open <= stop, sign * open >= self.target);
        // At the open there is nothing to guess: what it opened beyond is what happened.
        let ambiguous = stopped && reached && !gap_stop && !gap_target;
        let stop_first = gap_stop
            || !gap_target && stopped && (!reached || axes.intrabar == Intrabar::StopFirst);
        let (price, closed_by) = if stop_first {
            let gapped = gap_stop && axes.gap_stop == GapStop::Open;
            (if gapped { open } else { sign * stop }, by)
        } else {
            // A target is a limit order: a favourable gap is given.
            (if gap_target { open } else { sign * self.target }, ClosedBy::TakeProfit)
        };
        Hit { bar, price, closed_by, at_open: gap_stop || gap_target, ambiguous }
    }
}
