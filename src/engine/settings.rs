//! What a session tells the engine: money, size, costs and limits. Plain values, cheap to copy, so
//! that a sweep changes one without touching the rest.

use super::model::{Axes, NEXT_OPEN};

/// Everything besides bars and rules that decides what the engine does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Money at the start.
    pub capital: f64,
    /// How large an entry is.
    pub sizing: Sizing,
    /// What trading costs.
    pub costs: Costs,
    /// What protects a position.
    pub risk: Risk,
    /// Whether the symbols are legs of one trade, whose orders fill together or not at all.
    pub together: bool,
    /// The rules of execution.
    pub axes: Axes,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            capital: 10_000.0,
            sizing: Sizing::Equity(1.0),
            costs: Costs::default(),
            risk: Risk::default(),
            together: false,
            axes: NEXT_OPEN,
        }
    }
}

/// How large an entry is, its costs included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sizing {
    /// A fraction of the equity just before the fill.
    Equity(f64),
    /// An amount of money.
    Cash(f64),
    /// A number of units.
    Units(f64),
}

/// What trading costs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Costs {
    /// Commission as a fraction of the money traded.
    pub rate: f64,
    /// Commission for each unit, money.
    pub per_unit: f64,
    /// How much worse than the bar's price a fill is, as a fraction of the price.
    pub slippage: f64,
}

impl Costs {
    /// The commission on `units` (positive) at `price`.
    pub fn commission(&self, units: f64, price: f64) -> f64 {
        units * price * self.rate + units * self.per_unit
    }

    /// What one more unit at `price` costs with its commission.
    pub fn unit_cost(&self, price: f64) -> f64 {
        price * (1.0 + self.rate) + self.per_unit
    }
}

/// What protects a position; fractions of the price at which it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Risk {
    /// Exit when the price is this fraction worse.
    pub stop_loss: Option<f64>,
    /// Exit when the price is this fraction better.
    pub take_profit: Option<f64>,
    /// Exit when the price is this fraction worse than the best since the entry.
    pub trailing_stop: Option<f64>,
}

impl Risk {
    /// Whether anything can end a position inside a bar.
    pub fn protects(&self) -> bool {
        self.stop_loss.is_some() || self.take_profit.is_some() || self.trailing_stop.is_some()
    }
}
