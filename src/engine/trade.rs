//! What a walk over the bars leaves behind: orders, fills, and the trades that fills add up to.

use super::frame::Aligned;
use super::model::{Axes, StopOnEntryBar, TrailingFrom};
use super::trail::Trail;

/// The direction of a position or trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Units are owned.
    Long,
    /// Units are owed.
    Short,
}

impl Side {
    /// `1.0` for long, `-1.0` for short.
    pub fn sign(self) -> f64 {
        match self {
            Self::Long => 1.0,
            Self::Short => -1.0,
        }
    }

    /// The word for it in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Short => "short",
        }
    }
}

/// Declares a closed choice whose values have a word in files.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$value_doc])* $value,)* }

        impl $name {
            /// All of them, in order.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$value),*];

            /// The word for it in files.
            pub fn word(self) -> &'static str {
                match self { $(Self::$value => $word),* }
            }
        }
    };
}
pub(super) use words;

words! {
    /// Why a position, or a part of it, ended.
    ClosedBy {
        /// An exit rule became true.
        Rule = "rule",
        /// An entry against the position became true.
        Flip = "flip",
        /// A weight became smaller.
        Weight = "weight",
        /// `risk.stop_loss` was reached.
        StopLoss = "stop_loss",
        /// `risk.trailing_stop` was reached.
        TrailingStop = "trailing_stop",
        /// `risk.take_profit` was reached.
        TakeProfit = "take_profit",
        /// The price of the rule `stop` was reached.
        Stop = "stop",
        /// The price of the rule `target` was reached.
        Target = "target",
        /// It was held for `risk.max_holding`.
        MaxHolding = "max_holding",
        /// It was `risk.flat_by`.
        FlatBy = "flat_by",
        /// The trading day ended, and `risk.overnight` is false.
        Overnight = "overnight",
        /// `risk.daily_loss` was reached.
        DailyLoss = "daily_loss",
        /// `risk.max_drawdown` was reached.
        MaxDrawdown = "max_drawdown",
        /// `risk.max_consecutive_losses` was reached.
        MaxConsecutiveLosses = "max_consecutive_losses",
        /// The equity fell below what the position needs.
        Liquidation = "liquidation",
        /// The session was stopped.
        Stopped = "stopped",
        /// Somebody said so.
        Command = "command",
        /// `execution.at_end` closed it on the last bar.
        End = "end",
    }
}

words! {
    /// Where the price of a fill comes from, before slippage and spread.
    Basis {
        /// The open of the bar after the decision.
        NextOpen = "open (fill = next_open)",
        /// The deciding close.
        Close = "close (fill = close)",
        /// The close of the bar after the decision.
        NextClose = "close (fill = next_close)",
        /// The open, which a stop was beyond.
        StopGapOpen = "open beyond the stop (gap_stop = open)",
        /// The stop, although the bar opened beyond it.
        StopGapLevel = "stop, opened beyond (gap_stop = level)",
        /// The stop, to which the bar came back after it opened beyond it.
        StopGapInside = "stop, come back to (gap_stop = level_if_inside)",
        /// The stop, reached inside the bar.
        Stop = "stop",
        /// The stop, taken to come first in a bar that reaches the target too.
        StopFirst = "stop, before the target (intrabar)",
        /// The open, better than the limit or target.
        LimitGapOpen = "open better than the limit (limit_gap = improve)",
        /// The limit or target, although the bar opened beyond it.
        LimitGapLevel = "limit, opened beyond (limit_gap = level)",
        /// The limit or target, reached inside the bar.
        Limit = "limit",
        /// The target, taken to come first in a bar that reaches the stop too.
        TargetFirst = "target, before the stop (intrabar)",
        /// The stop, which finer bars reach first.
        StopDetail = "stop, reached first (detail)",
        /// The target, which finer bars reach first.
        TargetDetail = "target, reached first (detail)",
        /// What a stop-limit found on the way of the bar's four prices.
        StopLimitPath = "stop-limit, on the bar's path (intrabar)",
        /// The close before, which a trigger was beyond.
        TriggerGapClose = "close before, beyond the trigger (fill = close)",
        /// The open after a bar that had too little volume for all of an exit.
        CarriedOpen = "open, for what the bar before had no volume for",
        /// The open of a bar at which the clock closes positions.
        ClockOpen = "open",
        /// The close of a bar at which the account closes positions.
        AccountClose = "close",
        /// The last close.
        LastClose = "last close (at_end = close_at_last_close)",
        /// The last open, or the close before the last.
        LastOpen = "last open (at_end = close_at_last_open)",
    }
}

/// An entry and its exit.
///
/// Bars are indices into the session's range, 0 being its first bar. Money is net of the trade's
/// own costs: `profit = sign * units * (exit_price - entry_price) - commission`; slippage is already
/// inside the prices.
#[derive(Debug, Clone, PartialEq)]
pub struct Trade {
    /// Index of the symbol in the session's `symbols`.
    pub symbol: usize,
    /// Long or short.
    pub side: Side,
    /// Units traded, positive.
    pub units: f64,
    /// Bar of the entry fill.
    pub entry_bar: usize,
    /// Price of the entry fill, slippage included.
    pub entry_price: f64,
    /// Bar of the exit fill; of the last bar for a position that is still open.
    pub exit_bar: usize,
    /// Price of the exit fill, slippage included; the last mark for a position that is still open.
    pub exit_price: f64,
    /// Commission of entry and exit, money.
    pub commission: f64,
    /// What slippage took of entry and exit, money.
    pub slippage: f64,
    /// What the spread took of entry and exit, money.
    pub spread: f64,
    /// Net profit, money.
    pub profit: f64,
    /// Why it ended; `None` while the position is open.
    pub closed_by: Option<ClosedBy>,
    /// The price of its stop, where it has one that does not follow the price.
    pub stop: Option<f64>,
    /// The price of its target.
    pub target: Option<f64>,
    /// The stop that followed its price, where it had one.
    pub trail: Option<Trail>,
    /// The place of the entry among the outcome's fills.
    pub entry: usize,
    /// The place of the exit among them; `None` while the position is open.
    pub exit: Option<usize>,
}

impl Trade {
    /// Net profit as a fraction of what was paid or received at the entry.
    pub fn profit_fraction(&self) -> f64 {
        self.profit / (self.units * self.entry_price)
    }

    /// The price of its trailing stop while each of the bars from its entry to its exit opened, its entry
    /// being among `fills`; `None` without such a stop.
    ///
    /// That is the way it went unless a split came between, it was tightened by hand, or a bar that
    /// reached it had no volume or no fill left for it.
    pub fn trailing(&self, symbol: &Aligned, fills: &[Fill], axes: &Axes) -> Option<Vec<f64>> {
        // Only what took the price of an open had all of that bar before it, and what was filled inside a
        // bar its close.
        let entry = &fills[self.entry];
        let at_open = matches!(entry.basis, Basis::NextOpen | Basis::ClockOpen);
        let before_close =
            entry.moment == Moment::Inside && axes.trailing_from == TrailingFrom::Close;
        let at_once = axes.stop_on_entry_bar != StopOnEntryBar::Never && (at_open || before_close);
        let from = self.entry_bar + usize::from(!at_once);
        let bars = self.entry_bar..=self.exit_bar;
        Some(self.trail?.levels(symbol, axes.trailing_from, from, bars))
    }
}

/// When within its bar a fill happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// At the bar's first price.
    Open,
    /// Somewhere between first and last price.
    Inside,
    /// At the bar's last price.
    Close,
}

impl Moment {
    /// The word for it in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Inside => "inside",
            Self::Close => "close",
        }
    }
}

/// What happened: units changed hands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fill {
    /// Bar on which it happened.
    pub bar: usize,
    /// When within the bar.
    pub moment: Moment,
    /// Index of the symbol.
    pub symbol: usize,
    /// Units bought (positive) or sold (negative).
    pub units: f64,
    /// The price before slippage and spread.
    pub reference: f64,
    /// Where that price comes from.
    pub basis: Basis,
    /// Price paid or received, slippage and spread included.
    pub price: f64,
    /// Commission, money.
    pub commission: f64,
    /// What slippage took, money.
    pub slippage: f64,
    /// What the spread took, money.
    pub spread: f64,
    /// Why a position was closed; `None` when one was opened.
    pub closed_by: Option<ClosedBy>,
    /// Bar whose close decided it; the fill's own bar for what happens inside a bar.
    pub decided: usize,
    /// The number of its order, counted from 0; `None` for what no order was needed for.
    pub order: Option<usize>,
}
