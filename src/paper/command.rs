//! What an account is told, as it stands in its journal: by name, so that a person can read it and a
//! strategy's parameters may change their order.

use super::terms::{self, Terms};
use crate::diag::closest;
use crate::engine;
use crate::plan::{What, word};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// What an account is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Enter nothing more.
    Pause,
    /// Enter again.
    Resume,
    /// Close what is held at the next open; then the account is closed.
    Stop,
    /// Close the account, and leave what it holds.
    Kill,
    /// Close what is held at the next open.
    CloseAll,
    /// Take back every order that waits.
    CancelOrders,
    /// Multiply the size of later entries.
    Size {
        /// By what.
        factor: f64,
    },
    /// Bring stops nearer.
    Tighten {
        /// By this fraction of their distance.
        fraction: f64,
    },
    /// Enter a symbol no more, or again.
    Symbol {
        /// The symbol.
        symbol: String,
        /// Whether it may be entered.
        allowed: bool,
    },
    /// Another value for a parameter.
    Param {
        /// Its name.
        name: String,
        /// The value.
        value: Value,
    },
    /// Let orders go that wait for approval.
    Approve {
        /// The number of the order; `None` for all.
        order: Option<usize>,
    },
    /// Refuse orders that wait for approval.
    Refuse {
        /// The number of the order; `None` for all.
        order: Option<usize>,
    },
}

impl Command {
    /// What the account does with it; what is wrong with it otherwise.
    pub fn meant(&self, terms: &Terms) -> Result<What, String> {
        use engine::Command as To;
        Ok(What::Command(match self {
            Self::Pause => To::Pause,
            Self::Resume => To::Resume,
            Self::Stop => To::Stop,
            Self::Kill => To::Kill,
            Self::CloseAll => To::CloseAll,
            Self::CancelOrders => To::CancelOrders,
            Self::Approve { order } => To::Approve { order: *order },
            Self::Refuse { order } => To::Refuse { order: *order },
            Self::Size { factor } if factor.is_finite() && *factor > 0.0 => {
                To::Size { factor: *factor }
            }
            Self::Size { factor } => return Err(format!("a factor is above 0, not {factor}")),
            Self::Tighten { fraction } if *fraction > 0.0 && *fraction < 1.0 => {
                To::Tighten { fraction: *fraction }
            }
            Self::Tighten { fraction } => {
                return Err(format!(
                    "stops are tightened by a fraction between 0 and 1, not {fraction}"
                ));
            }
            Self::Symbol { symbol, allowed } => {
                let place = terms.symbols.iter().position(|known| known == symbol);
                let symbol = place.ok_or_else(|| {
                    let known: Vec<&str> = terms.symbols.iter().map(String::as_str).collect();
                    unknown("trades no symbol", symbol, &known)
                })?;
                To::Trade { symbol, allowed: *allowed }
            }
            Self::Param { name, value } => {
                let place = terms.params.iter().position(|param| param.name == *name);
                let param = place.ok_or_else(|| {
                    let known: Vec<&str> = terms.params.iter().map(|it| it.name.as_str()).collect();
                    unknown("has no parameter", name, &known)
                })?;
                let value = terms::scalar(value);
                return match terms.params[param].kind().refuse(&value) {
                    Some(fact) => Err(format!("parameter `{name}` {fact}")),
                    None => Ok(What::Param { param, value }),
                };
            }
        }))
    }
}

fn unknown(fact: &str, name: &str, known: &[&str]) -> String {
    let remedy = match closest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "it has none".to_owned(),
        None => format!("it has {}", known.join(", ")),
    };
    format!("the account {fact} `{name}`; {remedy}")
}

impl fmt::Display for Command {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pause => write!(out, "pause"),
            Self::Resume => write!(out, "resume"),
            Self::Stop => write!(out, "stop: close what is held, and end"),
            Self::Kill => write!(out, "kill: end, and leave what is held"),
            Self::CloseAll => write!(out, "close all positions"),
            Self::CancelOrders => write!(out, "cancel all orders"),
            Self::Approve { order: Some(order) } => write!(out, "approve order {order}"),
            Self::Approve { order: None } => write!(out, "approve every order that waits"),
            Self::Refuse { order: Some(order) } => write!(out, "refuse order {order}"),
            Self::Refuse { order: None } => write!(out, "refuse every order that waits"),
            Self::Size { factor } => write!(out, "size of entries times {factor}"),
            Self::Tighten { fraction } => write!(out, "stops tightened by {fraction}"),
            Self::Symbol { symbol, allowed: true } => write!(out, "symbol `{symbol}` on"),
            Self::Symbol { symbol, allowed: false } => write!(out, "symbol `{symbol}` off"),
            Self::Param { name, value } => {
                write!(out, "parameter `{name}` is {}", word(&terms::scalar(value)))
            }
        }
    }
}
