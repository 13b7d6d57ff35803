//! Keys of a strategy: parameters and rules.

use super::{Key, Kind, key};

/// A strategy file, or a strategy written in its session.
pub const STRATEGY: &[Key] = &[
    key("description", Kind::Text, "", "what it does and when it fails"),
    key(
        "modes",
        Kind::List(&Kind::Word(&["backtest", "paper"])),
        "all",
        "the modes that it may run in",
    ),
    key("symbols", Kind::List(&Kind::Text), "all", "globs of supported markets, for people"),
    key("params", Kind::Names(&Kind::Table(PARAM)), "", "its parameters, by name"),
    key("let", Kind::Names(&Kind::Expression), "", "names for expressions"),
    key(
        "rules",
        Kind::Open(RULES, &Kind::Table(RULES)),
        "",
        "when it enters and exits; in a strategy with legs, a table for each leg",
    ),
    key(
        "legs",
        Kind::List(&Kind::Text),
        "none",
        "names for the symbols that are traded together, each with rules of its own",
    ),
    key("plot", Kind::List(&Kind::Text), "", "the lets that a report draws"),
];

/// A parameter of a strategy.
const PARAM: &[Key] = &[
    key(
        "type",
        Kind::Word(&["int", "float", "bool", "choice", "symbol"]),
        "",
        "the type of its values",
    ),
    key(
        "min",
        Kind::Number { min: f64::NEG_INFINITY, inclusive: true },
        "none",
        "the smallest value, for int and float",
    ),
    key(
        "max",
        Kind::Number { min: f64::NEG_INFINITY, inclusive: true },
        "none",
        "the largest value, for int and float",
    ),
    key("choices", Kind::List(&Kind::Text), "", "the words of a choice"),
    key("default", Kind::Any, "none: sessions must give it", "its value when a session gives none"),
    key("description", Kind::Text, "", "what it means"),
];

const RULES: &[Key] = &[
    key("enter_long", Kind::Expression, "never", "where it is true, buy to open a position"),
    key("exit_long", Kind::Expression, "never", "where it is true, sell what was bought"),
    key(
        "enter_short",
        Kind::Expression,
        "never",
        "where it is true, sell short to open a position",
    ),
    key("exit_short", Kind::Expression, "never", "where it is true, buy back what was sold short"),
    key(
        "weight",
        Kind::Expression,
        "",
        "a signed fraction of equity to hold from the next rebalance on, instead of all other rules; missing: leave alone, 0: close",
    ),
    key("stop", Kind::Expression, "none", "the price at which the position is given up"),
    key("target", Kind::Expression, "none", "the price at which the profit is taken"),
    key(
        "limit",
        Kind::Expression,
        "none",
        "the price that an entry must not be worse than; it rests until it is met, replaced or taken back",
    ),
    key(
        "trigger",
        Kind::Expression,
        "none",
        "the price beyond which an entry is made: a stop order, with `limit` a stop-limit",
    ),
    key("size", Kind::Expression, "1", "multiplies what `sizing` gives"),
];
