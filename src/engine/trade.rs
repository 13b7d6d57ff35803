//! What a walk over the bars leaves behind: orders, fills, and the trades that fills add up to.

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

/// Why a position ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedBy {
    /// An exit rule became true.
    Rule,
    /// An entry against the position became true.
    Flip,
    /// `risk.stop_loss` was reached.
    StopLoss,
    /// `risk.trailing_stop` was reached.
    TrailingStop,
    /// `risk.take_profit` was reached.
    TakeProfit,
    /// `execution.at_end` closed it on the last bar.
    End,
}

impl ClosedBy {
    /// The word for it in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Flip => "flip",
            Self::StopLoss => "stop_loss",
            Self::TrailingStop => "trailing_stop",
            Self::TakeProfit => "take_profit",
            Self::End => "end",
        }
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
    /// Net profit, money.
    pub profit: f64,
    /// Why it ended; `None` while the position is open.
    pub closed_by: Option<ClosedBy>,
}

impl Trade {
    /// Net profit as a fraction of what was paid or received at the entry.
    pub fn profit_fraction(&self) -> f64 {
        self.profit / (self.units * self.entry_price)
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
    /// Price paid or received, slippage included.
    pub price: f64,
    /// Commission, money.
    pub commission: f64,
    /// What slippage took, money.
    pub slippage: f64,
    /// Why a position was closed; `None` when one was opened.
    pub closed_by: Option<ClosedBy>,
    /// Bar whose close decided it; the fill's own bar for what happens inside a bar.
    pub decided: usize,
}

/// What the engine decided to do, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Bar at whose close it was decided.
    pub bar: usize,
    /// Index of the symbol.
    pub symbol: usize,
    /// Whether it opens a position (and which) or closes one.
    pub intent: Intent,
    /// What became of it.
    pub status: OrderStatus,
}

/// What an order is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// To open a position.
    Open(Side),
    /// To close the one there is.
    Close(ClosedBy),
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    /// It waits for the symbol's next bar.
    Pending,
    /// It was filled on that bar.
    Filled(usize),
    /// The account could not pay a single unit.
    NoCash,
    /// The position it was to close had been closed by a stop or target.
    Superseded,
}

impl OrderStatus {
    /// The word for it in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Filled(_) => "filled",
            Self::NoCash => "refused: no cash",
            Self::Superseded => "superseded: the position was closed before",
        }
    }
}

/// The bars from `from` up to the next stretch, on which the account held the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stretch {
    /// The first bar at whose close the account looked like this.
    pub from: usize,
    /// Money.
    pub cash: f64,
}

/// Everything that a walk found out.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// How many symbols the session has.
    pub symbols: usize,
    /// What happened, in order.
    pub fills: Vec<Fill>,
    /// Closed trades in the order of their exits, then those still open in the order of symbols.
    pub trades: Vec<Trade>,
    /// Between events nothing changes: where each state of the account begins.
    pub stretches: Vec<Stretch>,
    /// The units held during each stretch: `symbols` numbers a stretch, negative when owed.
    pub units: Vec<f64>,
    /// Every order, when the walk was asked for details.
    pub orders: Vec<Order>,
    /// How many orders were decided.
    pub order_count: usize,
    /// How many entries were refused.
    pub refusals: usize,
    /// On how many bars both entries were true, so that neither acted.
    pub conflicts: usize,
    /// How many exits depended on the reading of a bar's inside.
    pub ambiguous_exits: usize,
}

impl Outcome {
    /// Each stretch with the bars it covers, up to bar `end`, and the units held.
    pub fn stretches(
        &self,
        end: usize,
    ) -> impl Iterator<Item = (std::ops::Range<usize>, f64, &[f64])> {
        self.stretches.iter().enumerate().map(move |(index, stretch)| {
            let until = self.stretches.get(index + 1).map_or(end, |next| next.from);
            let units = &self.units[index * self.symbols..(index + 1) * self.symbols];
            (stretch.from..until, stretch.cash, units)
        })
    }

    /// The account's value at the close of every bar up to `end`; `closes` are the symbols' columns.
    pub fn equity(&self, closes: &[&[f64]], end: usize) -> Vec<f64> {
        let mut equity = Vec::with_capacity(end);
        for (bars, cash, units) in self.stretches(end) {
            equity.extend(bars.map(|t| value(cash, units, closes, t)));
        }
        equity
    }
}

/// `cash + sum(units * close)` at bar `t`; a symbol that is not held is not looked at.
pub fn value(cash: f64, units: &[f64], closes: &[&[f64]], t: usize) -> f64 {
    let held = units.iter().zip(closes).filter(|(units, _)| **units != 0.0);
    cash + held.map(|(units, close)| units * close[t]).sum::<f64>()
}
