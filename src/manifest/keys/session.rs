//! Keys of a session: what it is, over which days, with how much of its money, and how it is swept.

use super::data::DATA;
use super::execution::{COSTS, EXECUTION};
use super::risk::RISK;
use super::strategy::STRATEGY;
use super::{COUNT, Key, Kind, POSITIVE, SHARE, key};

/// A session, and everything that is a layer of one.
pub const SESSION: &[Key] = &[
    key(
        "mode",
        Kind::Word(&["backtest", "paper"]),
        "\"backtest\"",
        "whether past bars are run over, or bars as they arrive",
    ),
    key("template", Kind::Texts, "", "templates below this table, merged left to right"),
    key("unset", Kind::List(&Kind::Text), "", "keys removed from the layers below"),
    key("extends", Kind::Text, "", "another session of the manifest as the layer below"),
    key("description", Kind::Text, "", "what it is, for people"),
    key("notes", Kind::Text, "", "free text, for people"),
    key("env", Kind::Text, "", "a label of the environment, such as \"production\""),
    key("tags", Kind::List(&Kind::Text), "[]", "labels to select sessions by"),
    key(
        "strategy",
        Kind::Either(&[Kind::Text, Kind::Table(STRATEGY)]),
        "",
        "the name of a strategy file, or the strategy itself",
    ),
    key("params", Kind::Names(&Kind::Any), "", "values for the strategy's parameters"),
    key(
        "symbols",
        Kind::Either(&[Kind::Word(&["all"]), Kind::List(&Kind::Text)]),
        "\"all\"",
        "the symbols that are traded, in order",
    ),
    key("legs", Kind::Names(&Kind::Text), "", "for a strategy with legs, the symbol of each"),
    key(
        "groups",
        Kind::Names(&Kind::List(&Kind::Text)),
        "",
        "symbols that `risk.max_group` limits together, by the group's name; one in no group is not limited",
    ),
    key("range", Kind::Table(RANGE), "all rows", "the days that are run, both ends included"),
    key(
        "split",
        Kind::Table(SPLIT),
        "none",
        "the days in and out of sample, which are measured apart and reported side by side: `at`, or `train` and `test`",
    ),
    key("capital", POSITIVE, "10_000", "money at the start"),
    key(
        "currency",
        Kind::Text,
        "\"USD\"",
        "the name of the account's currency; nothing is converted",
    ),
    key(
        "benchmark",
        Kind::Text,
        "\"buy_and_hold\"",
        "what it is measured against: \"buy_and_hold\" or a symbol of the session",
    ),
    key(
        "metrics",
        Kind::List(&Kind::Word(&["native", "backtesting-py"])),
        "[\"native\"]",
        "the sets of statistics; \"backtesting-py\" adds that package's table to result.json, under its own names",
    ),
    key(
        "ambiguity",
        Kind::Word(&["count", "both"]),
        "\"count\"",
        "what is done about exits that depend on the inside of a bar: they are counted, or the session is also run under both readings (the stop always first, the target always first) and each metric told under both",
    ),
    key(
        "expect",
        Kind::Names(&Kind::Texts),
        "",
        "a condition, such as \">= 1.0\", or several, for metrics by name; a run that breaks one ends with exit code 1",
    ),
    key("data", Kind::Table(DATA), "", "the bars, and how to read them"),
    key("sizing", Kind::Choice(SIZING), "{ equity = 1.0 }", "how large an entry is"),
    key("costs", Kind::Table(COSTS), "none", "what trading costs"),
    key("execution", Kind::Table(EXECUTION), "", "how orders are filled"),
    key("risk", Kind::Table(RISK), "", "what protects positions and the account"),
    key("sweep", Kind::Table(SWEEP), "", "many sessions out of one"),
    key(
        "paper",
        Kind::Table(PAPER),
        "",
        "when it begins, pauses and ends by itself, and how a paper account lives",
    ),
];

const PAPER: &[Key] = &[
    key(
        "start_when",
        Kind::Expression,
        "from the first bar",
        "nothing is entered before this was true at a close",
    ),
    key(
        "stop_when",
        Kind::Expression,
        "never",
        "when this is true at a close, positions are closed at the next open and the session is over",
    ),
    key(
        "pause_when",
        Kind::Expression,
        "never",
        "when this is true at a close, nothing is entered from then on, and what is held goes on",
    ),
    key(
        "resume_when",
        Kind::Expression,
        "as soon as `pause_when` is not true",
        "when this is true at a close, and `pause_when` is not, a pause is over",
    ),
    key(
        "on_revised",
        Kind::Word(&["stop", "mark"]),
        "\"stop\"",
        "what a bar means that is no longer what the account has seen: the account is refused, or goes on with what it has seen",
    ),
    key(
        "stale_after",
        Kind::Duration,
        "3",
        "how old a symbol's last bar may be before the account does not wait for it",
    ),
    key(
        "checkpoint_every",
        Kind::Duration,
        "a day",
        "time of the bars between two checkpoints of an account that is followed; a run ends with one",
    ),
    key("keep_checkpoints", COUNT, "30", "how many checkpoints are kept, the older the fewer"),
    key("heartbeat", Kind::Duration, "30s", "time between two signs of life while following"),
    key(
        "approval",
        Kind::Bool,
        "false",
        "whether the entries of a paper account wait for `papertape paper approve`; a backtest approves each as it is decided",
    ),
];

const RANGE: &[Key] = &[
    key("from", Kind::Date, "the first row", "the first day"),
    key("to", Kind::Date, "the last row", "the last day"),
];

const SPLIT: &[Key] = &[
    key("at", Kind::Date, "", "the first day out of sample; the days before it are in sample"),
    key("train", Kind::Table(RANGE), "", "the days in sample, both ends included"),
    key("test", Kind::Table(RANGE), "", "the days out of sample, both ends included"),
];

const SIZING: &[Key] = &[
    key(
        "equity",
        Kind::Fraction { max: f64::INFINITY, zero: false },
        "",
        "a fraction of the equity, costs included; at most `execution.leverage`",
    ),
    key("cash", POSITIVE, "", "an amount of money, costs included"),
    key("units", POSITIVE, "", "a number of units"),
    key("risk", SHARE, "", "the fraction of the equity that is lost between entry and stop"),
    key(
        "volatility",
        Kind::Table(VOLATILITY),
        "",
        "the standard deviation a year that the position is to give the equity",
    ),
    key("max_entries", COUNT, "1", "how many entries one position may have"),
];

const VOLATILITY: &[Key] = &[
    key("target", POSITIVE, "", "the standard deviation a year, a fraction of the equity"),
    key("window", Kind::Int { min: 2 }, "20", "bars whose returns it is measured over"),
];

const SWEEP: &[Key] = &[
    key(
        "method",
        Kind::Word(&["grid", "random", "list"]),
        "\"grid\"",
        "how points are made of the axes",
    ),
    key("axes", Kind::Any, "", "keys of the session by their path, and the values of each"),
    key(
        "zip",
        Kind::List(&Kind::Names(&Kind::List(&Kind::Any))),
        "",
        "axes that move together: tables of equally long lists",
    ),
    key("where", Kind::List(&Kind::Text), "", "conditions that every point meets"),
    key("exclude", TABLES, "", "points that are left out, by their values on some axes"),
    key("max_sessions", COUNT, "100_000", "more points are an error, before anything runs"),
    key("count", COUNT, "", "how many points `random` draws"),
    key("seed", Kind::Int { min: 0 }, "", "the number that fixes which points `random` draws"),
    key(
        "rows",
        TABLES,
        "",
        "the points of `list`; a row that does not name a key means what the session says",
    ),
];

/// Tables with keys of the user's.
const TABLES: Kind = Kind::List(&Kind::Names(&Kind::Any));
