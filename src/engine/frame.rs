//! The bars of a session's symbols on one time axis: what the walk goes over.

use crate::bars::{Action, Cut, DAY, Extremes, Mask, Zone};
use std::sync::Arc;

/// The bars of a session's range, all symbols on the union of their times.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Opening time of each bar, microseconds since 1970-01-01T00:00:00Z.
    pub time: Cut<i64>,
    /// Length of a bar in microseconds.
    pub timeframe: i64,
    /// Local time.
    pub zone: Zone,
    /// The trading days in order.
    pub days: Arc<[Day]>,
    /// How many bars a year has, as far as the calendar tells.
    pub bars_a_year: f64,
    /// The symbols in the session's order.
    pub symbols: Vec<Aligned>,
}

/// A trading day and where it ends on the time axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Days since 1970-01-01 in the data's zone.
    pub number: i32,
    /// One past its last bar.
    pub end: usize,
    /// When the calendar's session of that day opens and closes: microseconds since
    /// 1970-01-01T00:00:00Z; `None` if the calendar has no hours or no session on that day.
    pub session: Option<(i64, i64)>,
    /// By when it is over, as is known before it begins: the close of its session, or midnight.
    pub over: i64,
}

/// One symbol's columns on the frame's time axis.
#[derive(Debug, Clone)]
pub struct Aligned {
    /// The symbol.
    pub name: String,
    /// `NaN` on a bar that the symbol does not have.
    pub open: Cut<f64>,
    /// `NaN` on a bar that the symbol does not have.
    pub high: Cut<f64>,
    /// `NaN` on a bar that the symbol does not have.
    pub low: Cut<f64>,
    /// The last close: carried over bars that the symbol does not have, `NaN` before its first.
    pub close: Cut<f64>,
    /// The extremes of `close`.
    pub close_extremes: Extremes,
    /// Units traded; `NaN` where it is not known.
    pub volume: Cut<f64>,
    /// Which bars the symbol has; `None` for all of them.
    pub present: Option<Arc<Mask>>,
    /// Splits and dividends to book, `row` being the bar of the frame before whose open they are due.
    pub actions: Arc<[Action]>,
    /// Finer bars, asked where the inside of a bar decides.
    pub detail: Option<Arc<Detail>>,
}

/// Finer bars of a symbol, by the bar of the frame that they lie in.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// Where the finer bars of each bar end; a bar has none if it ends where the one before does.
    pub ends: Vec<usize>,
    /// Open, high, low and close of each.
    pub bars: Vec<[f64; 4]>,
}

impl Detail {
    /// The finer bars of bar `t`, in order.
    pub fn of(&self, t: usize) -> &[[f64; 4]] {
        let from = t.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bars[from..self.ends[t]]
    }
}

impl Aligned {
    /// Whether the symbol has bar `t`.
    pub fn has_bar(&self, t: usize) -> bool {
        self.present.as_ref().is_none_or(|present| present.get(t))
    }

    /// The first bar at or after `from` that the symbol has.
    pub fn next_bar(&self, from: usize) -> Option<usize> {
        match &self.present {
            None => (from < self.close.len()).then_some(from),
            Some(present) => present.next(from),
        }
    }

    /// The first bar at or after `from` that begins with a split or a dividend.
    pub fn next_action(&self, from: usize) -> Option<usize> {
        self.actions.iter().map(|action| action.row).find(|&row| row >= from)
    }

    /// The last bar before `t` that the symbol has.
    pub fn bar_before(&self, t: usize) -> Option<usize> {
        match &self.present {
            None => t.checked_sub(1),
            Some(present) => (0..t).rev().find(|&bar| present.get(bar)),
        }
    }

    /// The price at which the symbol is valued while bar `t` opens.
    pub fn mark_at_open(&self, t: usize) -> f64 {
        match self.open[t] {
            open if !open.is_nan() => open,
            _ => self.close[t],
        }
    }
}

impl Frame {
    /// How many bars the time axis has.
    pub fn len(&self) -> usize {
        self.time.len()
    }

    /// The number of the trading day of bar `t` in [`Frame::days`].
    pub fn day(&self, t: usize) -> usize {
        self.days.partition_point(|day| day.end <= t)
    }

    /// Whether bar `t` is known to be the last of its trading day while it lasts: it is open until the day
    /// is over. Whether another bar follows is not known then, and a day may end without such a bar.
    pub fn ends_day(&self, t: usize) -> bool {
        // Days of daylight saving are longer or shorter than a bar of a day says.
        self.timeframe >= DAY || self.time[t] + self.timeframe >= self.days[self.day(t)].over
    }

    /// The first bar from `from` on that ends the trading day of bar `from`, if that day has one.
    pub fn day_end(&self, from: usize) -> Option<usize> {
        let bars = from..self.days[self.day(from)].end;
        let ends = |&t: &usize| self.ends_day(t);
        bars.clone().next_back().filter(ends)?;
        // Once a bar ends the day, each after it does.
        Some(bars.rev().take_while(ends).last().unwrap_or(from))
    }

    /// Whether the range holds no bar.
    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    /// Local wall-clock time at which bar `t` opens: microseconds since 1970-01-01T00:00:00 there.
    pub fn local(&self, t: usize) -> i64 {
        self.zone.local(self.time[t])
    }
}
