//! Execution models: which rules hold when an order meets a bar.
//!
//! No single set of rules reproduces every engine that people compare with, so each rule is an axis
//! and a model is a row of [`MODELS`] that gives every axis a value. Nothing else in the engine knows
//! a model's name.

/// An axis whose values are words.
macro_rules! axis {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal,)* } later $later:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$value_doc])* $value,)* }

        impl $name {
            /// The values that can be chosen, as they are written in a manifest.
            pub const WORDS: &'static [&'static str] = &[$($word),*];
            /// Values that are known and not available yet.
            pub const LATER: &'static [&'static str] = &$later;

            /// The value written as `word`.
            pub fn named(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$value),)* _ => None }
            }

            /// How the value is written.
            pub fn word(self) -> &'static str {
                match self { $(Self::$value => $word),* }
            }
        }
    };
}

axis! {
    /// When an order that was decided at a close is filled.
    Fill {
        /// At the next bar's open: what was decided could have been done.
        NextOpen = "next_open",
        /// At the deciding close itself: optimistic, and noted in every result.
        Close = "close",
    } later ["next_close"]
}

axis! {
    /// Whether stops and targets are tested on the bar of the entry.
    StopOnEntryBar {
        /// After an entry at the open the rest of that bar can hit them.
        Always = "always",
        /// They are first tested on the next bar.
        Never = "never",
    } later ["market_only", "backtesting_py"]
}

axis! {
    /// Which comes first when a bar reaches both stop and target.
    Intrabar {
        /// The stop: errs against the strategy.
        StopFirst = "stop_first",
        /// The target: errs in favour of the strategy.
        TargetFirst = "target_first",
    } later ["ohlc", "olhc", "adaptive"]
}

axis! {
    /// Where a stop is filled when the bar opens beyond it.
    GapStop {
        /// At the open, which is worse than the level.
        Open = "open",
        /// At the level, which the bar never traded: optimistic.
        Level = "level",
    } later ["level_if_inside"]
}

axis! {
    /// What a trailing stop follows.
    TrailingFrom {
        /// The best high (low, for a short) of the bars before this one.
        ExtremeLagged = "extreme_lagged",
        /// The best close of the bars before this one.
        Close = "close",
    } later ["extreme_same_bar"]
}

axis! {
    /// The price that stops and targets are fractions of.
    StopBase {
        /// The price of the entry fill.
        Fill = "fill",
        /// The close of the bar whose rule decided the entry.
        SignalClose = "signal_close",
    } later []
}

axis! {
    /// What happens to an entry that costs more than there is.
    ShortOfCash {
        /// It becomes as large as the account can pay.
        Shrink = "shrink",
        /// It is refused.
        Cancel = "cancel",
    } later []
}

axis! {
    /// Which numbers of units exist.
    Units {
        /// Any.
        Fractional = "fractional",
        /// Whole ones, rounded down.
        Integer = "integer",
    } later ["lot"]
}

axis! {
    /// What happens to a position that is open on the last bar.
    AtEnd {
        /// It stays open and is valued at the last close.
        Mark = "mark",
        /// It is sold at the last close, in a trade marked as closed by the end.
        CloseAtLastClose = "close_at_last_close",
    } later ["close_at_last_open"]
}

/// A value for every axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is its axis, documented at its type")]
pub struct Axes {
    pub fill: Fill,
    pub stop_on_entry_bar: StopOnEntryBar,
    pub intrabar: Intrabar,
    pub gap_stop: GapStop,
    pub trailing_from: TrailingFrom,
    pub stop_base: StopBase,
    /// Whether slippage worsens the price of stops (it never does that of targets).
    pub slippage_on_stops: bool,
    pub short_of_cash: ShortOfCash,
    pub units: Units,
    pub at_end: AtEnd,
}

/// The defaults: orders of a close fill at the next open, and whatever a bar leaves open is read
/// against the strategy.
pub const NEXT_OPEN: Axes = Axes {
    fill: Fill::NextOpen,
    stop_on_entry_bar: StopOnEntryBar::Always,
    intrabar: Intrabar::StopFirst,
    gap_stop: GapStop::Open,
    trailing_from: TrailingFrom::ExtremeLagged,
    stop_base: StopBase::Fill,
    slippage_on_stops: true,
    short_of_cash: ShortOfCash::Shrink,
    units: Units::Fractional,
    at_end: AtEnd::Mark,
};

/// The models by name.
pub const MODELS: &[(&str, Axes)] = &[("next-open", NEXT_OPEN)];

/// Models that are known and not available yet.
pub const LATER: &[&str] = &["backtesting-py", "vectorbt", "freqtrade", "nautilus-bars"];

impl Axes {
    /// Every axis with its value, as written in a manifest.
    pub fn words(&self) -> [(&'static str, &'static str); 10] {
        [
            ("fill", self.fill.word()),
            ("stop_on_entry_bar", self.stop_on_entry_bar.word()),
            ("intrabar", self.intrabar.word()),
            ("gap_stop", self.gap_stop.word()),
            ("trailing_from", self.trailing_from.word()),
            ("stop_base", self.stop_base.word()),
            ("slippage_on_stops", if self.slippage_on_stops { "true" } else { "false" }),
            ("short_of_cash", self.short_of_cash.word()),
            ("units", self.units.word()),
            ("at_end", self.at_end.word()),
        ]
    }
}
