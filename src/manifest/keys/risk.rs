//! Keys of `risk`: stops, targets, limits and guards.

use super::{COUNT, Key, Kind, POSITIVE, SHARE, key};

pub(super) const RISK: &[Key] = &[
    key(
        "stop_loss",
        Kind::Either(&[SHARE, Kind::Table(ATR)]),
        "none",
        "exit this fraction (or so many average true ranges) below the entry; above, for a short",
    ),
    key(
        "take_profit",
        Kind::Either(&[Kind::Fraction { max: f64::INFINITY, zero: false }, Kind::Table(ATR)]),
        "none",
        "exit this far above (below) the entry",
    ),
    key(
        "take_profit_after",
        Kind::List(&Kind::Table(STEP)),
        "none",
        "targets that take the place of the one before, each from its time after the entry on",
    ),
    key(
        "trailing_stop",
        Kind::Either(&[SHARE, Kind::Table(ATR)]),
        "none",
        "exit this far below (above) the best price since the entry",
    ),
    key(
        "max_holding",
        Kind::Duration,
        "none",
        "exit at the open of the bar by which the entry is this old",
    ),
    key("max_position", CAP, "none", "the largest value of one entry"),
    key("max_symbol", CAP, "none", "the largest value of all entries of one symbol"),
    key("max_group", CAP, "none", "the largest value of all that is held of one of `groups`"),
    key("max_gross", CAP, "none", "the largest value of longs and shorts together"),
    key("max_net", CAP, "none", "the largest difference of longs and shorts"),
    key("max_positions", COUNT, "none", "how many symbols may be held at once"),
    key(
        "max_orders_per_day",
        COUNT,
        "none",
        "how many orders a trading day may have before entries are refused",
    ),
    key(
        "daily_loss",
        BREAKER,
        "none",
        "the largest loss since the last close of the trading day before, at a close; it lasts for the day",
    ),
    key(
        "max_drawdown",
        BREAKER,
        "none",
        "the largest fall from the peak of the equity, at a close; after a cool-down the peak is the equity at its end",
    ),
    key(
        "max_consecutive_losses",
        Kind::Either(&[COUNT, Kind::Table(LOSSES)]),
        "none",
        "how many losing trades may follow each other; the parts of one entry are one, when all of it is left",
    ),
    key(
        "hours",
        Kind::Table(HOURS),
        "all",
        "the local times of day between which bars have to open for an entry to be filled",
    ),
    key(
        "blackout",
        Kind::List(&Kind::Table(BLACKOUT)),
        "none",
        "dates, times or times of day in which nothing is entered",
    ),
    key(
        "weekdays",
        Kind::List(&COUNT),
        "all",
        "the days on which entries are filled, 1 for Monday to 7",
    ),
    key(
        "overnight",
        Kind::Bool,
        "true",
        "whether positions may be held from one trading day to the next; if not, they are closed at its last close",
    ),
    key(
        "flat_by",
        Kind::Text,
        "none",
        "the local time of day, such as \"15:45\", at which positions are closed and after which none is entered that day",
    ),
];

const ATR: &[Key] = &[
    key("atr", POSITIVE, "", "how many average true ranges, as of the deciding close"),
    key("window", COUNT, "14", "their window in bars"),
];

const CAP: Kind =
    Kind::Either(&[Kind::Fraction { max: f64::INFINITY, zero: false }, Kind::Table(CASH)]);

const CASH: &[Key] = &[key("cash", POSITIVE, "", "money")];

const ACTION: Kind = Kind::Word(&["flatten", "block"]);

const BREAKER: Kind = Kind::Either(&[SHARE, Kind::Table(LIMIT)]);

const LIMIT: &[Key] = &[
    key("limit", SHARE, "", "a fraction of the equity"),
    key(
        "action",
        ACTION,
        "\"flatten\"",
        "close everything at the next open, or only block entries",
    ),
    key("cooldown", Kind::Duration, "none", "after how long entries are allowed again"),
];

const LOSSES: &[Key] = &[
    key("limit", COUNT, "", "a number of trades"),
    key(
        "action",
        ACTION,
        "\"flatten\"",
        "close everything at the next open, or only block entries",
    ),
    key("cooldown", Kind::Duration, "none", "after how long entries are allowed again"),
];

const HOURS: &[Key] = &[
    key("from", Kind::Text, "", "a time of day such as \"09:30\""),
    key("to", Kind::Text, "", "the first time of day that is outside"),
];

const STEP: &[Key] = &[
    key("after", Kind::Duration, "", "how long after the entry: a time, or a number of bars"),
    key(
        "gain",
        Kind::Fraction { max: f64::INFINITY, zero: true },
        "",
        "exit this far above (below) the entry; 0 for the price of the entry",
    ),
];

const BLACKOUT: &[Key] = &[
    key(
        "from",
        Kind::Any,
        "",
        "a date, a local time such as \"2020-03-01T12:00\", or a time of day",
    ),
    key("to", Kind::Any, "", "the last date, or the first time that is outside"),
];
