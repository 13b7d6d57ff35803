//! How the inside of a bar is read: in which order it came to its extremes.

use super::model::{Axes, Intrabar, Pins};
use super::trade::Side;

/// How the inside of a bar is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    pub axes: &'a Axes,
    pub pins: &'a Pins,
}

impl Reading<'_> {
    /// Whether, of stop and target of a position of `side`, a bar of these signed prices reaches the
    /// stop first.
    pub(super) fn stop_first(self, side: Side, prices: [f64; 4]) -> bool {
        match self.axes.intrabar {
            Intrabar::StopFirst => true,
            Intrabar::TargetFirst => false,
            _ => !self.best_first(side, prices),
        }
    }

    /// Whether a bar of these signed prices is read as a path on which the worse extreme comes first.
    pub(super) fn best_comes_last(self, side: Side, prices: [f64; 4]) -> bool {
        let read = !matches!(self.axes.intrabar, Intrabar::StopFirst | Intrabar::TargetFirst);
        read && !self.best_first(side, prices)
    }

    /// The signed prices open, better and worse extreme and close of a bar, in the order in which they
    /// came.
    pub(super) fn path(self, side: Side, prices: [f64; 4]) -> [f64; 4] {
        let [open, best, worst, close] = prices;
        match self.best_first(side, prices) {
            true => [open, best, worst, close],
            false => [open, worst, best, close],
        }
    }

    /// Whether the better extreme of a bar of these signed prices comes before the worse one. Where
    /// the axis does not say, it is what is worse for an entry inside the bar.
    pub(super) fn best_first(self, side: Side, [open, best, worst, _]: [f64; 4]) -> bool {
        let high_first = match self.axes.intrabar {
            Intrabar::StopFirst => return true,
            Intrabar::TargetFirst => return false,
            Intrabar::Ohlc => true,
            Intrabar::Olhc => false,
            Intrabar::Adaptive => {
                let (up, down) = match side {
                    Side::Long => (best - open, open - worst),
                    Side::Short => (open - worst, best - open),
                };
                up < down
            }
        };
        high_first == (side == Side::Long)
    }
}
