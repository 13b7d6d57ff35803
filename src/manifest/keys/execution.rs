//! Keys of `costs` and `execution`: what a fill costs, and how orders meet the bars.

use super::{AMOUNT, COUNT, Key, Kind, POSITIVE, RATE, SHARE, key};
use crate::engine::model;

pub(super) const COSTS: &[Key] = &[
    key("commission", Kind::Table(COMMISSION), "none", "what the broker takes"),
    key("slippage", Kind::Choice(SLIPPAGE), "none", "how much worse fills are than prices"),
    key(
        "spread",
        RATE,
        "none",
        "the distance from bid to ask, a fraction of the price: half of it is paid at each fill, or all at the entry (`execution.spread_on`)",
    ),
    key(
        "borrow",
        RATE,
        "none",
        "a fraction a year of the value of units sold short, charged by the night (a 365th for each day)",
    ),
    key(
        "funding",
        Kind::Either(&[Kind::Expression, Kind::Table(FUNDING)]),
        "none",
        "what longs pay to shorts, a fraction of the value: a column (or expression) that has a value on the bars on which it is due, or a rate with its period",
    ),
    key(
        "interest",
        RATE,
        "none",
        "a fraction a year of the cash, by the night: earned on what there is, paid on what is owed",
    ),
];

const FUNDING: &[Key] = &[
    key("rate", Kind::Number { min: -1.0, inclusive: true }, "", "a fraction of the value"),
    key("every", Kind::Duration, "\"8h\"", "the period, counted from midnight UTC"),
];

const COMMISSION: &[Key] = &[
    key("rate", RATE, "0", "a fraction of the money traded"),
    key("per_unit", AMOUNT, "0", "money for each unit"),
    key("per_order", AMOUNT, "0", "money for each fill"),
    key("min", AMOUNT, "0", "the least that a fill costs"),
    key("max", AMOUNT, "none", "the most that a fill costs"),
    key("maker", RATE, "`rate`", "the rate of orders that rest: limits and targets"),
    key("taker", RATE, "`rate`", "the rate of all others"),
    key(
        "tiers",
        Kind::List(&Kind::Table(TIER)),
        "none",
        "other rates, each once the account has traded more money than `above`",
    ),
];

const TIER: &[Key] = &[
    key("above", AMOUNT, "", "the money that was traded before"),
    key("rate", RATE, "0", "a fraction of the money traded"),
    key("maker", RATE, "`rate`", "the rate of orders that rest"),
    key("taker", RATE, "`rate`", "the rate of all others"),
];

const SLIPPAGE: &[Key] = &[
    key("bps", AMOUNT, "", "ten-thousandths of the price"),
    key("range", RATE, "", "a fraction of the distance from the bar's low to its high"),
    key(
        "impact",
        AMOUNT,
        "",
        "this times the square root of the units over the bar's volume, a fraction of the price",
    ),
];

/// A key for an axis of words.
const fn axis(
    name: &'static str,
    words: &'static [&'static str],
    default: &'static str,
    about: &'static str,
) -> Key {
    key(name, Kind::Word(words), default, about)
}

pub(super) const EXECUTION: &[Key] = &[
    axis(
        "model",
        model::NAMES,
        "\"next-open\"",
        "the named set of rules that all other keys here refine",
    ),
    axis("fill", model::Fill::WORDS, "\"next_open\"", "when a decided order is filled"),
    key("delay", Kind::Int { min: 0 }, "0", "further bars between a signal and what comes of it"),
    axis(
        "stop_on_entry_bar",
        model::StopOnEntryBar::WORDS,
        "\"always\"",
        "whether stops and targets are tested on the entry's bar",
    ),
    axis(
        "intrabar",
        model::Intrabar::WORDS,
        "\"stop_first\"",
        "which comes first when a bar reaches stop and target",
    ),
    axis(
        "gap_stop",
        model::GapStop::WORDS,
        "\"open\"",
        "where a stop fills when the bar opens beyond it",
    ),
    axis(
        "limit_trigger",
        model::LimitTrigger::WORDS,
        "\"touch\"",
        "whether a limit is filled when the price touches it, or only beyond",
    ),
    axis(
        "limit_gap",
        model::LimitGap::WORDS,
        "\"improve\"",
        "whether a limit is filled at a better open, or at its level",
    ),
    axis(
        "trailing_from",
        model::TrailingFrom::WORDS,
        "\"extreme_lagged\"",
        "what a trailing stop follows",
    ),
    axis(
        "stop_base",
        model::StopBase::WORDS,
        "\"fill\"",
        "the price that stops and targets are fractions of",
    ),
    key("slippage_on_stops", Kind::Bool, "true", "whether slippage worsens stops"),
    axis("spread_on", model::SpreadOn::WORDS, "\"both\"", "which fills pay the spread"),
    axis(
        "short_of_cash",
        model::ShortOfCash::WORDS,
        "\"shrink\"",
        "what happens to an entry that costs too much",
    ),
    axis("units", model::Units::WORDS, "\"fractional\"", "which numbers of units exist"),
    axis(
        "flip",
        model::Flip::WORDS,
        "\"two_orders\"",
        "whether one order or two turn a position round",
    ),
    axis(
        "orders_per_bar",
        model::OrdersPerBar::WORDS,
        "\"many\"",
        "how many orders of one symbol a bar may fill; a flip counts as one",
    ),
    axis("first_bar", model::FirstBar::WORDS, "\"per_rule\"", "from when on rules are read"),
    axis(
        "at_end",
        model::AtEnd::WORDS,
        "\"mark\"",
        "what happens to positions that are open at the end",
    ),
    key("lot_size", POSITIVE, "none", "with `units = \"lot\"`, units are multiples of it"),
    key("tick_size", POSITIVE, "none", "prices are multiples of it"),
    key("min_units", POSITIVE, "none", "the smallest entry"),
    key(
        "max_participation",
        SHARE,
        "none",
        "the largest fraction of a bar's volume that is filled; the rest is carried to the next bar",
    ),
    key("min_volume", AMOUNT, "none", "units; a bar with less volume fills nothing"),
    key("limit_bars", COUNT, "none", "how many bars an entry rests before it expires"),
    key(
        "detail",
        Kind::Text,
        "none",
        "files of finer bars, read as `data` is; which of stop and target came first in a bar that reaches both is asked of them",
    ),
    key(
        "leverage",
        POSITIVE,
        "1",
        "the largest value of all positions, in multiples of the equity",
    ),
    key(
        "maintenance",
        SHARE,
        "none",
        "the fraction of the positions' value below which the equity must not fall at a close; else all is liquidated at the next open",
    ),
    key("shorting", Kind::Bool, "true", "whether units may be sold short"),
    key(
        "orders",
        Kind::List(&Kind::Word(&["market", "limit", "stop", "stop_limit"])),
        "all",
        "the kinds of orders that the session may need",
    ),
    key(
        "rebalance",
        Kind::Either(&[REBALANCE_EVERY, Kind::Int { min: 1 }, Kind::Table(REBALANCE)]),
        "\"bar\"",
        "how often weights are restored: at the first bar of each period, or every so many bars; a symbol's first weight is taken up as soon as it is known",
    ),
];

const REBALANCE_EVERY: Kind = Kind::Word(&["bar", "day", "week", "month", "quarter"]);

const REBALANCE: &[Key] = &[
    key(
        "every",
        Kind::Either(&[REBALANCE_EVERY, Kind::Int { min: 1 }]),
        "\"bar\"",
        "the period, or a number of bars",
    ),
    key(
        "threshold",
        RATE,
        "0",
        "a weight that is off by no more than this fraction of the equity is left alone",
    ),
];
