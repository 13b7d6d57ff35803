//! What the engine decides to do, and what becomes of it.

use super::trade::{ClosedBy, Side, words};

/// What the engine decided to do, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Bar whose rule decided it.
    pub bar: usize,
    /// Index of the symbol.
    pub symbol: usize,
    /// Whether it opens a position (and which) or closes one.
    pub intent: Intent,
    /// How it waits for its price.
    pub kind: Kind,
    /// The price that it must not be worse than.
    pub limit: Option<f64>,
    /// The price that wakes it.
    pub trigger: Option<f64>,
    /// Units that were asked for before anything shrank them; `None` until it is filled.
    pub wanted: Option<f64>,
    /// What shrank it, and to how many units.
    pub reduced: Option<(Reason, f64)>,
    /// What became of it.
    pub status: OrderStatus,
    /// Bar on which it was taken back, expired or was superseded; `None` if it was not.
    pub ended: Option<usize>,
}

/// What an order is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// To open a position, or to add to it.
    Open(Side),
    /// To close the one there is, or a part of it.
    Close(ClosedBy),
}

impl Intent {
    /// The words for it: `open long`, `close: rule`.
    pub fn words(self) -> String {
        match self {
            Self::Open(side) => format!("open {}", side.word()),
            Self::Close(by) => format!("close: {}", by.word()),
        }
    }
}

words! {
    /// How an order waits for its price.
    Kind {
        /// It takes the next price.
        Market = "market",
        /// It waits for a price that is as good as its limit.
        Limit = "limit",
        /// It waits for a price beyond its trigger and takes the next one.
        Stop = "stop",
        /// It waits for a price beyond its trigger, then for one as good as its limit.
        StopLimit = "stop_limit",
    }
}

impl Kind {
    /// The kind of an order with or without these prices.
    pub fn of(limit: bool, trigger: bool) -> Self {
        match (limit, trigger) {
            (false, false) => Self::Market,
            (true, false) => Self::Limit,
            (false, true) => Self::Stop,
            (true, true) => Self::StopLimit,
        }
    }
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    /// It waits.
    Pending,
    /// It waits until somebody approves it.
    Unapproved,
    /// It was filled on that bar (the last of them, if it took several).
    Filled(usize),
    /// It was refused.
    Refused(Reason),
    /// The position it was to close had been closed by something else, or what closed it took the only
    /// fill of the bar on which it was to enter.
    Superseded,
    /// It was taken back before it was filled, or before all of it was.
    Cancelled(Cause),
    /// It rested for `execution.limit_bars`.
    Expired,
}

impl OrderStatus {
    /// The words for it in files.
    pub fn words(self) -> String {
        match self {
            Self::Pending => "pending".into(),
            Self::Unapproved => "waits for approval".into(),
            Self::Filled(_) => "filled".into(),
            Self::Refused(reason) => format!("refused: {}", reason.word()),
            Self::Superseded => "superseded: the position was closed before".into(),
            Self::Cancelled(cause) => format!("cancelled: {}", cause.word()),
            Self::Expired => "expired".into(),
        }
    }
}

words! {
    /// Why an order was taken back.
    Cause {
        /// A rule asked to leave what it enters.
        Exit = "an exit rule is true",
        /// A later entry takes its place.
        Entry = "a later entry replaces it",
        /// A later rebalance brings the symbol to its weight.
        Weight = "a later weight replaces it",
        /// Somebody said so.
        Command = "command",
        /// The account is worth nothing any more.
        Ruined = "the account is worth nothing",
    }
}

words! {
    /// Why an entry was refused or made smaller.
    Reason {
        /// The account could not pay a single unit, or not all with `short_of_cash = "cancel"`.
        NoCash = "no cash",
        /// The account is worth nothing any more.
        Ruined = "the account is worth nothing",
        /// What remained was below one unit, one lot or `execution.min_units`.
        TooSmall = "too small",
        /// `execution.shorting` is false.
        NoShorting = "no shorting",
        /// The rule `limit` or `trigger` has no value on the deciding bar.
        NoPrice = "no price",
        /// The rule `stop` or `target`, or the range that a stop or target of `risk` is measured by, has
        /// no value on the deciding bar.
        NoLevel = "stop or target without a value",
        /// The rule `size` has no value above zero, or what the size is computed from has none.
        NoSize = "no size",
        /// The stop does not lie behind the entry, or the target not before it.
        WrongSide = "stop or target on the wrong side",
        /// The price had passed the trigger before the order was there.
        Passed = "trigger already passed",
        /// The position of the other side was not left.
        OtherSide = "the other side is held",
        /// The leg has no bar where the others are filled.
        NoBar = "no bar to be filled on",
        /// Another leg had no bar where this one was decided, so that its rules could not be read.
        LegBar = "another leg has no bar",
        /// Another leg could not be filled.
        Leg = "another leg was refused",
        /// The bars had too little volume.
        Volume = "volume",
        /// `risk.max_position`.
        MaxPosition = "max_position",
        /// `risk.max_symbol`.
        MaxSymbol = "max_symbol",
        /// `risk.max_group`.
        MaxGroup = "max_group",
        /// `risk.max_gross`.
        MaxGross = "max_gross",
        /// `risk.max_net`.
        MaxNet = "max_net",
        /// `risk.max_positions`.
        MaxPositions = "max_positions",
        /// `risk.max_orders_per_day`.
        MaxOrdersPerDay = "max_orders_per_day",
        /// `risk.hours`.
        Hours = "hours",
        /// `risk.blackout`.
        Blackout = "blackout",
        /// `risk.weekdays`.
        Weekdays = "weekdays",
        /// `risk.flat_by`.
        FlatBy = "flat_by",
        /// `risk.overnight`.
        Overnight = "overnight",
        /// `risk.daily_loss`.
        DailyLoss = "daily_loss",
        /// `risk.max_drawdown`.
        MaxDrawdown = "max_drawdown",
        /// `risk.max_consecutive_losses`.
        MaxConsecutiveLosses = "max_consecutive_losses",
        /// `paper.start_when` was never true yet.
        NotStarted = "not started",
        /// The session is paused.
        Paused = "paused",
        /// The session is over.
        Stopped = "stopped",
        /// The account was told not to enter this symbol.
        SymbolOff = "symbol off",
        /// Its owner did not approve it.
        ByHand = "by hand",
    }
}
