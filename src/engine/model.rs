//! Execution models: which rules hold when an order meets a bar.
//!
//! No single set of rules reproduces every engine that people compare with, so each rule is an axis
//! and a model is a row of [`MODELS`] that gives every axis a value. Nothing else in the engine knows
//! a model's name.

/// An axis whose values are words.
macro_rules! axis {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$value_doc])* $value,)* }

        impl $name {
            /// The values that can be chosen, as they are written in a manifest.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

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
        /// At the next bar's close.
        NextClose = "next_close",
    }
}

axis! {
    /// Whether stops and targets are tested on the bar of the entry.
    StopOnEntryBar {
        /// After every entry the rest of its bar can hit them. Of a bar whose order of prices is not
        /// known, `intrabar` decides what the rest is.
        Always = "always",
        /// After an entry at the open; an entry inside the bar waits for the next one.
        MarketOnly = "market_only",
        /// They are first tested on the next bar.
        Never = "never",
        /// After an entry at the open; after a triggered entry only where the bar reaches the target
        /// and not the stop; after a limit entry not at all.
        BacktestingPy = "backtesting_py",
    }
}

axis! {
    /// Which comes first when a bar reaches both stop and target.
    Intrabar {
        /// The stop: errs against the strategy.
        StopFirst = "stop_first",
        /// The target: errs in favour of the strategy.
        TargetFirst = "target_first",
        /// The one above: a bar is read as open, high, low, close.
        Ohlc = "ohlc",
        /// The one below: a bar is read as open, low, high, close.
        Olhc = "olhc",
        /// Whichever extreme lies nearer to the open, the low if both are as near.
        Adaptive = "adaptive",
    }
}

axis! {
    /// Where a stop is filled when the bar opens beyond it.
    GapStop {
        /// At the open, which is worse than the level.
        Open = "open",
        /// At the level, which the bar may never have traded: optimistic.
        Level = "level",
        /// At the level if the bar comes back to it, else at the open.
        LevelIfInside = "level_if_inside",
    }
}

axis! {
    /// What a limit (or target) needs to be filled.
    LimitTrigger {
        /// A price at the limit.
        Touch = "touch",
        /// A price beyond it: errs against the strategy.
        Through = "through",
    }
}

axis! {
    /// Where a limit (or target) is filled when the bar opens beyond it.
    LimitGap {
        /// At the open, which is better than the limit.
        Improve = "improve",
        /// At the limit, which the bar may never have traded: errs against the strategy.
        Level = "level",
    }
}

axis! {
    /// What a trailing stop follows.
    TrailingFrom {
        /// The best high (low, for a short) of the bars before this one.
        ExtremeLagged = "extreme_lagged",
        /// The best high (low) up to and with this bar: the bar is read as if that came first.
        ExtremeSameBar = "extreme_same_bar",
        /// The best close of the bars before this one.
        Close = "close",
    }
}

axis! {
    /// The price that stops and targets are fractions of.
    StopBase {
        /// The price of the entry fill.
        Fill = "fill",
        /// The close of the bar whose rule decided the entry.
        SignalClose = "signal_close",
    }
}

axis! {
    /// Which fills pay `costs.spread`; a round trip pays it once.
    SpreadOn {
        /// Half of it at the entry and half at the exit.
        Both = "both",
        /// All of it at the entry.
        Entry = "entry",
    }
}

axis! {
    /// What happens to an entry that costs more than there is.
    ShortOfCash {
        /// It becomes as large as the account can pay.
        Shrink = "shrink",
        /// It is refused.
        Cancel = "cancel",
    }
}

axis! {
    /// Which numbers of units exist.
    Units {
        /// Any.
        Fractional = "fractional",
        /// Whole ones, rounded down.
        Integer = "integer",
        /// Multiples of `execution.lot_size`, rounded down.
        Lot = "lot",
    }
}

axis! {
    /// How a position is turned round.
    Flip {
        /// One order closes it and another opens the new one.
        TwoOrders = "two_orders",
        /// One order of the units of both.
        OneOrder = "one_order",
    }
}

axis! {
    /// How many orders of one symbol a bar may fill; a flip counts as one, though it may fill twice.
    OrdersPerBar {
        /// As many as there are.
        Many = "many",
        /// One: a stop or target takes the place of what was ordered for that bar.
        One = "one",
    }
}

axis! {
    /// From when on rules are read.
    FirstBar {
        /// Each as soon as it has a value.
        PerRule = "per_rule",
        /// All from the bar after the first on which every function of theirs has a value.
        AllWarm = "all_warm",
    }
}

axis! {
    /// What happens to a position that is open on the last bar.
    AtEnd {
        /// It stays open and is valued at the last close.
        Mark = "mark",
        /// It is sold at the last close, in a trade marked as closed by the end.
        CloseAtLastClose = "close_at_last_close",
        /// The same at the last open; where orders fill at the close, at the close before the last.
        CloseAtLastOpen = "close_at_last_open",
    }
}

/// A value for every axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is its axis, documented at its type")]
pub struct Axes {
    pub fill: Fill,
    /// Further bars between a signal and what comes of it.
    pub delay: u32,
    pub stop_on_entry_bar: StopOnEntryBar,
    pub intrabar: Intrabar,
    pub gap_stop: GapStop,
    pub limit_trigger: LimitTrigger,
    pub limit_gap: LimitGap,
    pub trailing_from: TrailingFrom,
    pub stop_base: StopBase,
    /// Whether slippage worsens the price of stops (it never does that of limits and targets).
    pub slippage_on_stops: bool,
    pub spread_on: SpreadOn,
    pub short_of_cash: ShortOfCash,
    pub units: Units,
    pub flip: Flip,
    pub orders_per_bar: OrdersPerBar,
    pub first_bar: FirstBar,
    pub at_end: AtEnd,
}

/// The defaults: orders of a close fill at the next open, and whatever a bar leaves open is read
/// against the strategy.
pub const NEXT_OPEN: Axes = Axes {
    fill: Fill::NextOpen,
    delay: 0,
    stop_on_entry_bar: StopOnEntryBar::Always,
    intrabar: Intrabar::StopFirst,
    gap_stop: GapStop::Open,
    limit_trigger: LimitTrigger::Touch,
    limit_gap: LimitGap::Improve,
    trailing_from: TrailingFrom::ExtremeLagged,
    stop_base: StopBase::Fill,
    slippage_on_stops: true,
    spread_on: SpreadOn::Both,
    short_of_cash: ShortOfCash::Shrink,
    units: Units::Fractional,
    flip: Flip::TwoOrders,
    orders_per_bar: OrdersPerBar::Many,
    first_bar: FirstBar::PerRule,
    at_end: AtEnd::Mark,
};

/// What a model pins beyond the axes. A manifest cannot set these: they are what another engine does
/// and nobody would choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pins {
    /// A size is a fraction of what is free, not of the equity, and the whole is a hair less (the
    /// next float below 1); what an order costs beside its units is counted in each unit.
    pub size_of_free: bool,
    /// While orders are filled, open positions are valued at the close of that bar.
    pub marks_at_close: bool,
    /// What an exit inside a bar frees is spendable on that bar.
    pub frees_at_once: bool,
    /// Stops and targets that a bar reaches inside come before the entries of its open.
    pub levels_before_entries: bool,
    /// A trailing stop begins at the close of the entry's bar.
    pub trails_from_entry_close: bool,
    /// When positions are closed at the last open, orders of the last close are filled there too.
    pub last_orders_meet_last_bar: bool,
    /// What fills at a close is in the account from the next bar on.
    pub booked_next_bar: bool,
    /// `stop_base = "signal_close"` is the close of the bar of the fill.
    pub base_of_fill_bar: bool,
    /// An entry and an exit of one direction on one bar do nothing.
    pub conflicts_cancel: bool,
    /// Two entries of one bar do nothing, even where an exit beside them takes one of them back.
    pub both_entries_cancel: bool,
    /// An entry closes nothing and takes the place of none, and no rule takes back what rests: what is
    /// held must be left on the first bar that could fill the entry, else it is refused; a market order
    /// is filled at the open of that bar, wherever inside it the position was left; with a fill at the
    /// close, there.
    pub entries_stand: bool,
    /// An account that is worth less than nothing goes on.
    pub survives_ruin: bool,
    /// What the account is below zero when it is worth nothing is forgiven.
    pub ruin_forgiven: bool,
    /// A bar that reaches the stop is stopped, even where it opened beyond the target.
    pub stop_always_first: bool,
    /// A stop-limit whose limit lies beyond its trigger fills at the trigger, wherever the bar opened.
    pub stop_limit_at_trigger: bool,
    /// What was decided before is filled at the open before a stop that the bar opened beyond.
    pub orders_first: bool,
    /// A trailing stop that its entry's own bar lifts and hits fills at the first stop, or at the
    /// bar's low (high, for a short) if that is nearer.
    pub entry_bar_trails_to_worst: bool,
    /// A bar that reaches the stop with which it opens does not move it first.
    pub stopped_bar_trails_not: bool,
    /// A trailing stop that has moved comes after the target.
    pub target_before_trailing: bool,
    /// Nothing is entered on the last bar, at which positions are closed.
    pub last_bar_enters_nothing: bool,
    /// A limit that the deciding close meets is filled at that close.
    pub limits_met_at_close: bool,
    /// What one order costs that turns a position is shared by the units that it closes and opens.
    pub shares_turning_fee: bool,
    /// A target is a profit after the commission of both fills, measured by the price of the entry; the
    /// bar must have a price of more profit, written with eight decimals and measured by what the entry
    /// cost.
    pub net_targets: bool,
    /// A target that is new on a bar that opens beyond it is filled at the open.
    pub new_targets_at_open: bool,
    /// A target is filled inside its bar, at the low if it lies below (at the high if above).
    pub targets_inside: bool,
    /// A limit fills on a bar that has its price; where the first bar lies beyond it, at the end of that
    /// bar that is nearer to it.
    pub limits_inside: bool,
    /// All of the bar inside which an entry was filled may end it, but for a target beyond its close
    /// where the bar went from its open through the entry to that close.
    pub entry_bar_counts_whole: bool,
    /// Targets that change count from the first bar that could fill the entry.
    pub ages_from_order: bool,
    /// To a stop-limit a bar is four prices, its extremes in the order of `intrabar`: the first beyond
    /// the trigger wakes it, and the first from there on that is as good as the limit fills it, at the
    /// trigger as it wakes, later at that price, but no better than both trigger and limit.
    pub stop_limits_meet_path: bool,
    /// An entry whose stop the price has passed when it is filled has neither stop nor target: after a
    /// limit inside a bar that price is the bar's extreme.
    pub passed_stops_lost: bool,
    /// An entry whose trigger the deciding close has passed is refused.
    pub passed_triggers_refused: bool,
    /// The orders of a bar are filled symbol by symbol, stops at their symbol's turn: what one frees
    /// is there for those after it alone.
    pub symbols_in_turn: bool,
    /// A long may take all the cash, what shorts brought included, and a short is left only as far as
    /// there is cash; a short may take what is left when what is owed is counted twice, at the price at
    /// which it was sold. A short of a number of units or of an amount of money needs none.
    pub cash_is_free: bool,
    /// A size is a fraction of what the entry may take, and an amount of money is without costs.
    pub sizes_of_cash: bool,
    /// An order that closes several entries is filled, and paid for, entry by entry.
    pub closes_each_entry: bool,
    /// Where slippage worsens the price of stops, it worsens that of targets too.
    pub targets_slip: bool,
    /// What adds to a position brings its stop and target to all of it, and they close all of it in one
    /// order.
    pub levels_of_position: bool,
    /// Where orders fill at the close, a trigger is gapped over by the close before.
    pub triggers_gap_from_close: bool,
}

const NO_PINS: Pins = Pins {
    size_of_free: false,
    marks_at_close: false,
    frees_at_once: false,
    levels_before_entries: false,
    trails_from_entry_close: false,
    last_orders_meet_last_bar: false,
    booked_next_bar: false,
    base_of_fill_bar: false,
    conflicts_cancel: false,
    both_entries_cancel: false,
    entries_stand: false,
    survives_ruin: false,
    ruin_forgiven: false,
    stop_always_first: false,
    stop_limit_at_trigger: false,
    orders_first: false,
    entry_bar_trails_to_worst: false,
    stopped_bar_trails_not: false,
    target_before_trailing: false,
    last_bar_enters_nothing: false,
    limits_met_at_close: false,
    shares_turning_fee: false,
    net_targets: false,
    new_targets_at_open: false,
    targets_inside: false,
    limits_inside: false,
    entry_bar_counts_whole: false,
    ages_from_order: false,
    stop_limits_meet_path: false,
    passed_stops_lost: false,
    passed_triggers_refused: false,
    symbols_in_turn: false,
    cash_is_free: false,
    sizes_of_cash: false,
    closes_each_entry: false,
    targets_slip: false,
    levels_of_position: false,
    triggers_gap_from_close: false,
};

/// A named set of execution rules.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// How a manifest calls it.
    pub name: &'static str,
    /// What it stands for, for people.
    pub about: &'static str,
    /// A value for every axis; a manifest may change each.
    pub axes: Axes,
    /// What it does beyond the axes.
    pub pins: Pins,
}

/// The models by name.
pub const MODELS: &[Model] = &[
    Model {
        name: "next-open",
        about: "the defaults: what was decided at a close happens at the next open",
        axes: NEXT_OPEN,
        pins: NO_PINS,
    },
    Model {
        name: "backtesting-py",
        about: "backtesting.py 0.6.6 with exclusive_orders",
        axes: Axes {
            stop_on_entry_bar: StopOnEntryBar::BacktestingPy,
            trailing_from: TrailingFrom::Close,
            stop_base: StopBase::SignalClose,
            slippage_on_stops: false,
            spread_on: SpreadOn::Entry,
            short_of_cash: ShortOfCash::Cancel,
            units: Units::Integer,
            first_bar: FirstBar::AllWarm,
            ..NEXT_OPEN
        },
        pins: Pins {
            size_of_free: true,
            marks_at_close: true,
            frees_at_once: true,
            levels_before_entries: true,
            trails_from_entry_close: true,
            last_orders_meet_last_bar: true,
            booked_next_bar: true,
            ruin_forgiven: true,
            stop_always_first: true,
            stop_limit_at_trigger: true,
            closes_each_entry: true,
            triggers_gap_from_close: true,
            ..NO_PINS
        },
    },
    Model {
        name: "vectorbt",
        about: "vectorbt 1.2.0, Portfolio.from_signals",
        axes: Axes {
            fill: Fill::Close,
            stop_on_entry_bar: StopOnEntryBar::Never,
            stop_base: StopBase::SignalClose,
            slippage_on_stops: false,
            flip: Flip::OneOrder,
            orders_per_bar: OrdersPerBar::One,
            ..NEXT_OPEN
        },
        pins: Pins {
            base_of_fill_bar: true,
            conflicts_cancel: true,
            survives_ruin: true,
            stop_always_first: true,
            shares_turning_fee: true,
            symbols_in_turn: true,
            cash_is_free: true,
            sizes_of_cash: true,
            targets_slip: true,
            levels_of_position: true,
            ..NO_PINS
        },
    },
    Model {
        name: "freqtrade",
        about: "freqtrade 2025.11: fills, stop, trailing stop and profit targets",
        axes: Axes {
            gap_stop: GapStop::LevelIfInside,
            limit_gap: LimitGap::Level,
            trailing_from: TrailingFrom::ExtremeSameBar,
            slippage_on_stops: false,
            at_end: AtEnd::CloseAtLastOpen,
            ..NEXT_OPEN
        },
        pins: Pins {
            frees_at_once: true,
            conflicts_cancel: true,
            both_entries_cancel: true,
            entries_stand: true,
            stop_always_first: true,
            orders_first: true,
            entry_bar_trails_to_worst: true,
            stopped_bar_trails_not: true,
            target_before_trailing: true,
            last_bar_enters_nothing: true,
            net_targets: true,
            new_targets_at_open: true,
            targets_inside: true,
            limits_inside: true,
            entry_bar_counts_whole: true,
            ages_from_order: true,
            ..NO_PINS
        },
    },
    Model {
        name: "nautilus-bars",
        about: "nautilus_trader 1.231.0 on bars: market orders at the deciding close",
        axes: Axes {
            fill: Fill::Close,
            intrabar: Intrabar::Ohlc,
            limit_gap: LimitGap::Level,
            trailing_from: TrailingFrom::ExtremeSameBar,
            slippage_on_stops: false,
            ..NEXT_OPEN
        },
        pins: Pins {
            limits_met_at_close: true,
            stop_limits_meet_path: true,
            passed_stops_lost: true,
            passed_triggers_refused: true,
            ..NO_PINS
        },
    },
];

/// The names of [`MODELS`].
pub const NAMES: &[&str] = &{
    let mut names = [""; MODELS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = MODELS[index].name;
        index += 1;
    }
    names
};

impl Model {
    /// The model called `name`.
    pub fn named(name: &str) -> Option<&'static Self> {
        MODELS.iter().find(|model| model.name == name)
    }
}

impl Axes {
    /// Every axis with its value, as written in a manifest.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let words = [
            ("fill", self.fill.word()),
            ("stop_on_entry_bar", self.stop_on_entry_bar.word()),
            ("intrabar", self.intrabar.word()),
            ("gap_stop", self.gap_stop.word()),
            ("limit_trigger", self.limit_trigger.word()),
            ("limit_gap", self.limit_gap.word()),
            ("trailing_from", self.trailing_from.word()),
            ("stop_base", self.stop_base.word()),
            ("slippage_on_stops", if self.slippage_on_stops { "true" } else { "false" }),
            ("spread_on", self.spread_on.word()),
            ("short_of_cash", self.short_of_cash.word()),
            ("units", self.units.word()),
            ("flip", self.flip.word()),
            ("orders_per_bar", self.orders_per_bar.word()),
            ("first_bar", self.first_bar.word()),
            ("at_end", self.at_end.word()),
        ];
        let mut words: Vec<_> =
            words.into_iter().map(|(axis, word)| (axis, word.to_owned())).collect();
        words.insert(1, ("delay", self.delay.to_string()));
        words
    }
}
