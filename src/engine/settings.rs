//! What a session tells the engine: money, size, costs and limits. Plain values, so that a sweep
//! changes one without touching the rest.

use super::cost::Costs;
use super::model::{Axes, NEXT_OPEN, Pins};

/// Everything besides bars and rules that decides what the engine does.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Money at the start.
    pub capital: f64,
    /// How large an entry is.
    pub sizing: Sizing,
    /// How many entries one position may have.
    pub max_entries: usize,
    /// What trading costs.
    pub costs: Costs,
    /// What an order may be.
    pub trading: Trading,
    /// How often weights are restored.
    pub rebalance: Rebalance,
    /// What protects positions and the account.
    pub risk: Risk,
    /// Whether the symbols are legs of one trade, whose orders fill together or not at all.
    pub together: bool,
    /// The rules of execution.
    pub axes: Axes,
    /// What the model pins beyond them.
    pub pins: Pins,
    /// Columns that the engine reads beside the bars, as expressions of the rule language; what
    /// refers to one holds its place here.
    pub inputs: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            capital: 10_000.0,
            sizing: Sizing::Equity(1.0),
            max_entries: 1,
            costs: Costs::default(),
            trading: Trading::default(),
            rebalance: Rebalance::default(),
            risk: Risk::default(),
            together: false,
            axes: NEXT_OPEN,
            pins: Pins::default(),
            inputs: Vec::new(),
        }
    }
}

/// How large an entry is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sizing {
    /// A fraction of the equity just before the fill, costs included.
    Equity(f64),
    /// An amount of money, costs included.
    Cash(f64),
    /// A number of units.
    Units(f64),
    /// As many units as lose this fraction of the equity between entry and stop.
    Risk(f64),
    /// As many units as move the equity by this much a year, as a standard deviation.
    Volatility {
        /// The standard deviation a year, a fraction of the equity.
        target: f64,
        /// The input that holds the deviation of one bar's return.
        input: usize,
    },
}

/// What an order may be, and what the account may owe.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trading {
    /// With `units = "lot"`, units are multiples of it.
    pub lot_size: f64,
    /// Prices are multiples of it.
    pub tick_size: Option<f64>,
    /// The smallest entry, units.
    pub min_units: f64,
    /// The largest fraction of a bar's volume that is filled; the rest is carried on.
    pub max_participation: Option<f64>,
    /// A bar with less volume fills nothing, units.
    pub min_volume: f64,
    /// How many bars an entry rests before it expires.
    pub limit_bars: Option<usize>,
    /// The largest value of all positions, in multiples of the equity.
    pub leverage: f64,
    /// The fraction of the positions' value below which the equity must not fall at a close.
    pub maintenance: f64,
    /// Whether units may be sold short.
    pub shorting: bool,
}

/// The multiple of `tick` that is nearest to `price`.
pub(super) fn nearest_tick(price: f64, tick: f64) -> f64 {
    rounded_to_tick(price, tick, f64::round)
}

/// The multiple of `tick` that `price` is rounded to.
pub(super) fn rounded_to_tick(price: f64, tick: f64, round: impl FnOnce(f64) -> f64) -> f64 {
    let ticks_a_unit = (1.0 / tick).round();
    // Divided by 100 a number of ticks is 103.46, as it is written in data; times 0.01 it is not.
    match (ticks_a_unit * tick - 1.0).abs() < 1e-12 {
        true => round(price * ticks_a_unit) / ticks_a_unit,
        false => round(price / tick) * tick,
    }
}

impl Default for Trading {
    fn default() -> Self {
        Self {
            lot_size: 1.0,
            tick_size: None,
            min_units: 0.0,
            max_participation: None,
            min_volume: 0.0,
            limit_bars: None,
            leverage: 1.0,
            maintenance: 0.0,
            shorting: true,
        }
    }
}

/// When the positions of a strategy with weights are brought to them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rebalance {
    /// The calendar.
    pub every: Every,
    /// How far a weight must be off to be restored, a fraction of the equity.
    pub threshold: f64,
}

/// A calendar of rebalances; each is at the first bar of its period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Every {
    /// Every so many bars.
    Bars(usize),
    /// Every bar.
    #[default]
    Bar,
    /// Every trading day.
    Day,
    /// Every week, from Monday.
    Week,
    /// Every calendar month.
    Month,
    /// Every calendar quarter.
    Quarter,
}

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// A number of bars.
    Bars(usize),
    /// Microseconds.
    Time(i64),
}

/// How far from its base a level lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Distance {
    /// A fraction of the base.
    Fraction(f64),
    /// A multiple of the average true range at the deciding close.
    Atr {
        /// How many.
        multiple: f64,
        /// The input that holds it.
        input: usize,
    },
}

/// What protects positions and the account.
#[derive(Debug, Clone, PartialEq)]
pub struct Risk {
    /// Exit when the price is this far worse than at the entry.
    pub stop_loss: Option<Distance>,
    /// Exit when the price is this far better.
    pub take_profit: Option<Distance>,
    /// From when on the target is another; ascending.
    pub take_profit_after: Vec<Step>,
    /// Exit when the price is this far worse than the best since the entry.
    pub trailing_stop: Option<Distance>,
    /// Exit at the open of the bar by which the entry is this old.
    pub max_holding: Option<Span>,
    /// The largest value of one entry.
    pub max_position: Option<Cap>,
    /// The largest value of all that is held of one symbol.
    pub max_symbol: Option<Cap>,
    /// The largest value of all that is held of one group of symbols.
    pub max_group: Option<Cap>,
    /// The largest value of longs and shorts together.
    pub max_gross: Option<Cap>,
    /// The largest difference of longs and shorts.
    pub max_net: Option<Cap>,
    /// The groups: their names and symbols.
    pub groups: Vec<(String, Vec<String>)>,
    /// How many symbols may be held at once.
    pub max_positions: Option<usize>,
    /// How many orders a trading day may have before entries are refused.
    pub max_orders_per_day: Option<usize>,
    /// The largest loss since the last close of the trading day before, a fraction of that equity.
    pub daily_loss: Option<Breaker>,
    /// The largest fall from the peak of the equity, a fraction.
    pub max_drawdown: Option<Breaker>,
    /// How many losing trades may follow each other.
    pub max_consecutive_losses: Option<Breaker>,
    /// The local times of day, microseconds from midnight, between which (the end excluded) entries
    /// are filled. From later to earlier goes over midnight.
    pub hours: Option<(i64, i64)>,
    /// When nothing is entered.
    pub blackout: Vec<Blackout>,
    /// Which days of the week have entries, from Monday.
    pub weekdays: [bool; 7],
    /// Whether positions may be held from one trading day to the next.
    pub overnight: bool,
    /// The local time of day, microseconds from midnight, at which positions are closed.
    pub flat_by: Option<i64>,
}

impl Risk {
    /// Whether positions have a stop, a target or a trailing stop of the session.
    pub fn has_levels(&self) -> bool {
        [self.stop_loss, self.take_profit, self.trailing_stop].iter().any(Option::is_some)
    }

    /// Whether the size of an entry has a limit.
    pub fn has_caps(&self) -> bool {
        [self.max_position, self.max_symbol, self.max_group, self.max_gross, self.max_net]
            .iter()
            .any(Option::is_some)
    }

    /// The members of the first group that holds `symbol`, if one does.
    pub fn group(&self, symbol: &str) -> Option<&[String]> {
        let members = self.groups.iter().map(|(_, members)| members.as_slice());
        members.into_iter().find(|members| members.iter().any(|member| member == symbol))
    }
}

impl Default for Risk {
    fn default() -> Self {
        Self {
            stop_loss: None,
            take_profit: None,
            take_profit_after: Vec::new(),
            trailing_stop: None,
            max_holding: None,
            max_position: None,
            max_symbol: None,
            max_group: None,
            max_gross: None,
            max_net: None,
            groups: Vec::new(),
            max_positions: None,
            max_orders_per_day: None,
            daily_loss: None,
            max_drawdown: None,
            max_consecutive_losses: None,
            hours: None,
            blackout: Vec::new(),
            weekdays: [true; 7],
            overnight: true,
            flat_by: None,
        }
    }
}

/// A target that takes the place of the one before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// How long after the entry.
    pub after: Span,
    /// How far away it is, a fraction of its base; 0 for the base itself.
    pub gain: f64,
}

/// The largest value that something may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cap {
    /// A fraction of the equity.
    Equity(f64),
    /// Money.
    Cash(f64),
}

impl Cap {
    /// The money that it is at this equity.
    pub fn money(self, equity: f64) -> f64 {
        match self {
            Self::Equity(fraction) => fraction * equity,
            Self::Cash(money) => money,
        }
    }
}

/// A limit that the account must not reach, and what happens when it does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Breaker {
    /// The limit: a fraction of the equity, or a number of trades.
    pub limit: f64,
    /// What happens then.
    pub action: Action,
    /// After how long entries are allowed again; `None` for the guard's own time.
    pub cooldown: Option<Span>,
}

/// What a guard does when its limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// No entries.
    Block,
    /// All positions are closed at the next open, and no entries.
    Flatten,
}

impl Action {
    /// The word for it in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Flatten => "flatten",
        }
    }
}

/// A time in which nothing is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blackout {
    /// From one local instant up to another, microseconds since 1970-01-01T00:00:00 local time.
    Period(i64, i64),
    /// From one local time of day up to another, microseconds from midnight.
    Daily(i64, i64),
}
