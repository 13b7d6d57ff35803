//! Every key of a manifest, once: its type, default and meaning.
//!
//! The reader checks a tree against this table, a sweep axis is a path into it, and documentation is
//! written from it.

use super::data::Policy;
use crate::engine::model;

/// A key of a table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// What it is when absent, for people.
    pub default: &'static str,
    /// What it means.
    pub about: &'static str,
}

/// What may stand at a key.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Free text.
    Text,
    /// True or false.
    Bool,
    /// A whole number within bounds.
    Int {
        /// The smallest.
        min: i64,
    },
    /// A number above (or at) a bound.
    Number {
        /// The bound.
        min: f64,
        /// Whether the bound itself is allowed.
        inclusive: bool,
    },
    /// A fraction: 0.05 is 5 %.
    Fraction {
        /// The largest that makes sense.
        max: f64,
        /// Whether 0 makes sense.
        zero: bool,
    },
    /// One of some words.
    Word(&'static [&'static str]),
    /// A length of time, or a whole number of bars.
    Duration,
    /// A day, a month, a year, or a day counted from now.
    Date,
    /// A time zone of the IANA database.
    Zone,
    /// A text or several.
    Texts,
    /// An expression of the rule language.
    Expression,
    /// A table with keys of its own.
    Table(&'static [Key]),
    /// A table with keys of its own, beside which names of the user's stand for tables of the kind.
    Open(&'static [Key], &'static Kind),
    /// A table of which exactly one key is given, beside those that have a default.
    Choice(&'static [Key]),
    /// A table whose keys are names of the user's.
    Names(&'static Kind),
    /// A list of such values.
    List(&'static Kind),
    /// The first kind that has the value's shape.
    Either(&'static [Kind]),
    /// Whatever it is; its reader checks it.
    Any,
}

const fn key(name: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Key {
    Key { name, kind, default, about }
}

const COUNT: Kind = Kind::Int { min: 1 };
const POSITIVE: Kind = Kind::Number { min: 0.0, inclusive: false };
const AMOUNT: Kind = Kind::Number { min: 0.0, inclusive: true };
const SHARE: Kind = Kind::Fraction { max: 1.0, zero: false };
const RATE: Kind = Kind::Fraction { max: 1.0, zero: true };

/// The top level of a manifest.
pub const MANIFEST: &[Key] = &[
    key("schema", Kind::Int { min: 1 }, "", "version of this grammar; required"),
    key("name", Kind::Text, "the file's stem", "the name shown in reports and records"),
    key("run", Kind::Table(RUN), "", "what concerns the run; outside every identity"),
    key("defaults", Kind::Table(SESSION), "", "keys that every session of this file starts from"),
    key("session", Kind::Names(&Kind::Table(SESSION)), "", "the sessions, by name"),
    key(
        "override",
        Kind::List(&Kind::Table(OVERRIDE)),
        "",
        "keys that are set in every session that matches",
    ),
    key("profile", Kind::Names(&Kind::Table(PROFILE)), "", "a named layer, chosen with --profile"),
    key("check", Kind::Table(CHECK), "", "what `papertape check` compares with, and how closely"),
];

/// What `papertape check` compares with, and how closely.
pub const CHECK: &[Key] = &[
    key("baseline", Kind::Text, "\"main\"", "a directory below `baselines/`"),
    key(
        "default",
        Kind::Table(TOLERANCE),
        "rtol 1e-9, atol 1e-12",
        "for every metric without a rule of its own: how far its value may be from the baseline's value b, atol + rtol * b",
    ),
    key("metrics", Kind::Names(&METRIC_RULE), "", "rules of their own for metrics, by name"),
    key(
        "fills",
        Kind::Word(STRICTNESS),
        "\"exact\"",
        "whether other fills than the baseline's fail the check, are told, or neither",
    ),
    key(
        "equity",
        Kind::Word(STRICTNESS),
        "\"exact\"",
        "the same for the account at every bar's close",
    ),
    key(
        "on_missing",
        Kind::Word(&["fail", "warn", "new"]),
        "\"fail\"",
        "what a session without a baseline means; new: it waits to be accepted",
    ),
    key(
        "on_extra",
        Kind::Word(&["fail", "warn", "ignore"]),
        "\"warn\"",
        "what a baseline means whose session the manifest has no more",
    ),
    key(
        "override",
        Kind::List(&Kind::Table(CHECK_OVERRIDE)),
        "",
        "other tolerances for the sessions that match",
    ),
];

const STRICTNESS: &[&str] = &["exact", "warn", "ignore"];

const METRIC_RULE: Kind =
    Kind::Either(&[Kind::Word(&["exact", "ignore"]), Kind::Table(METRIC_BAND)]);

const TOLERANCE: &[Key] = &[
    key("rtol", AMOUNT, "1e-9", "a fraction of the baseline's value"),
    key("atol", AMOUNT, "1e-12", "in the metric's own unit"),
];

const ANY_NUMBER: Kind = Kind::Number { min: f64::NEG_INFINITY, inclusive: true };

const METRIC_BAND: &[Key] = &[
    key("rtol", AMOUNT, "that of `default`", "a fraction of the baseline's value"),
    key("atol", AMOUNT, "that of `default`", "in the metric's own unit"),
    key("min", ANY_NUMBER, "none", "the least that the value may be, whatever the baseline says"),
    key("max", ANY_NUMBER, "none", "the most"),
    key(
        "better",
        Kind::Word(&["higher", "lower"]),
        "the metric's own sense",
        "which way is better",
    ),
    key(
        "fail_on",
        Kind::Word(&["any", "worse"]),
        "\"any\"",
        "whether a change for the better fails too",
    ),
];

const CHECK_OVERRIDE: &[Key] = &[
    key("match", Kind::Table(MATCH), "", "which sessions; all that is given must match"),
    key("default", Kind::Table(TOLERANCE), "", "for every metric without a rule of its own"),
    key("metrics", Kind::Names(&METRIC_RULE), "", "rules of their own for metrics, by name"),
];

const OVERRIDE: &[Key] = &[
    key("match", Kind::Table(MATCH), "", "which sessions; all that is given must match"),
    key("set", Kind::Any, "", "dotted paths and their values"),
    key("unset", Kind::List(&Kind::Text), "", "keys removed before `set`"),
];

const MATCH: &[Key] = &[
    key("session", Kind::Text, "", "a glob over names"),
    key("strategy", Kind::Text, "", "a glob over strategies"),
    key("mode", Kind::Word(&["backtest", "paper"]), "", "the mode"),
    key("symbols", Kind::List(&Kind::Text), "", "symbols that the session must list"),
    key("tags", Kind::List(&Kind::Text), "", "tags that the session must have"),
];

const PROFILE: &[Key] = &[
    key("run", Kind::Table(RUN), "", "keys of the run"),
    key("session", Kind::Table(SESSION), "", "keys of every session"),
];

/// What concerns the run.
pub const RUN: &[Key] = &[
    key("threads", Kind::Int { min: 0 }, "0", "threads of the batch; 0 for all cores"),
    key(
        "objective",
        Kind::Either(&[Kind::Text, Kind::Table(OBJECTIVE)]),
        "\"sharpe\"",
        "the metric that ranks the table, `keep = \"top:N\"` and the report",
    ),
    key(
        "keep",
        Kind::Text,
        "\"auto\"",
        "which sessions leave trades and equity: \"all\", \"failed\", \"none\", \"top:N\" (the best N of each sweep, and of the named ones); auto: all named ones, top:20 of sweep points",
    ),
    key("output", Kind::Text, "\"output\"", "the directory that results are written to"),
    key(
        "report",
        Kind::Either(&[Kind::Bool, Kind::List(&Kind::Text)]),
        "true",
        "whether reports are rendered after a run, or which templates",
    ),
    key(
        "cache",
        Kind::Bool,
        "true",
        "whether results of earlier runs are taken over where nothing has changed",
    ),
    key("fail_fast", Kind::Bool, "false", "whether the first failed session stops the run"),
    key("max_time", Kind::Duration, "none", "a plan that is estimated to take longer is refused"),
    key(
        "max_memory",
        Kind::Text,
        "none",
        "a size such as \"2GB\"; a plan that is estimated to need more is refused",
    ),
    key(
        "timeout",
        Kind::Duration,
        "none",
        "a session that takes longer ends as failed, after the stage that it is in",
    ),
    key("hooks", Kind::Table(HOOKS), "none", "commands that are told what happens"),
    key(
        "health_check",
        Kind::Table(HEALTH_CHECK),
        "none",
        "commands that tell a watchdog that the run began and how it ended",
    ),
];

/// Commands are arrays of words, and no shell reads them.
const COMMAND: Kind = Kind::List(&Kind::Text);

const HOOKS: &[Key] = &[
    key("on_started", COMMAND, "none", "when a run begins"),
    key("on_finished", COMMAND, "none", "when a run ends, however it does"),
    key("on_failed", COMMAND, "none", "for each session that failed or was refused"),
    key("on_trade", COMMAND, "none", "for each fill of a paper account"),
    key("on_state", COMMAND, "none", "for each change of a paper account's state"),
    key("timeout", Kind::Duration, "\"30s\"", "a command that takes longer is ended"),
];

const HEALTH_CHECK: &[Key] = &[
    key("start", COMMAND, "none", "when a run begins"),
    key("success", COMMAND, "none", "when a run ends with exit code 0"),
    key("failure", COMMAND, "none", "when a run ends with another"),
    key("timeout", Kind::Duration, "\"30s\"", "a command that takes longer is ended"),
];

const OBJECTIVE: &[Key] = &[
    key("metric", Kind::Text, "", "the metric"),
    key(
        "goal",
        Kind::Word(&["maximize", "minimize"]),
        "the metric's own sense",
        "which way is better",
    ),
];

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

const DATA: &[Key] = &[
    key(
        "path",
        Kind::Texts,
        "",
        "CSV, CSV.gz, Parquet or JSON-lines (`.jsonl`) files, directories of them, or globs; a file of one symbol takes the symbol from its name",
    ),
    key("symbol_column", Kind::Text, "guessed", "the column that names the symbol"),
    key(
        "columns",
        Kind::Names(&Kind::Text),
        "guessed",
        "our name to theirs: time open high low close volume, adj_close split dividend, price and amount of trades, and names for further columns",
    ),
    key(
        "time_format",
        Kind::Text,
        "guessed",
        "how timestamps are written, in the letters of strftime: \"%d.%m.%Y %H:%M\"",
    ),
    key(
        "time_unit",
        Kind::Word(&["s", "ms", "us", "ns"]),
        "guessed",
        "the unit of timestamps that are numbers",
    ),
    key(
        "timezone",
        Kind::Zone,
        "\"UTC\"",
        "the zone of timestamps that name none, and of trading days",
    ),
    key(
        "label",
        Kind::Word(&["open", "close"]),
        "\"open\"",
        "whether a bar's timestamp is that of its open or of its close",
    ),
    key("timeframe", Kind::Duration, "the median step", "the time from a bar's open to its close"),
    key(
        "resample",
        Kind::Duration,
        "none",
        "a longer timeframe that is made of these bars, or of trades, counted from local midnight",
    ),
    key(
        "calendar",
        Kind::Text,
        "\"always\"",
        "the trading days: \"always\" (365 a year), \"weekdays\" (261), \"us_equity\" (252), or a CSV file with the columns date, open, close",
    ),
    key(
        "hours",
        Kind::Table(DATA_HOURS),
        "all",
        "the local times of day outside which bars are left out, by their open",
    ),
    key(
        "adjust",
        Kind::Word(&["none", "split", "total"]),
        "\"none\"",
        "whether prices are adjusted for splits, or for splits and dividends; the account books what is in no price",
    ),
    key(
        "warmup",
        Kind::Either(&[Kind::Word(&["all", "none"]), Kind::Int { min: 0 }]),
        "\"all\"",
        "how many rows before the range rules may see",
    ),
    key("delay", Kind::Duration, "0", "a bar is complete this long after its close"),
    key("checks", Kind::Table(CHECKS), "", "what is done about damage of each kind"),
];

const DATA_HOURS: &[Key] = &[
    key("from", Kind::Any, "00:00", "the first time of day, such as \"09:30\""),
    key("to", Kind::Any, "24:00", "the first time of day after it, such as \"16:00\""),
];

const POLICY: Kind = Kind::Word(Policy::WORDS);
/// Of what no row is to blame for, none can be dropped.
const TOLD: Kind = Kind::Word(&["fail", "warn", "off"]);

/// A key for each check of the data.
const CHECKS: &[Key] = &[
    key(
        "order",
        POLICY,
        "\"fail\"",
        "rows without a time, which warn leaves out, or out of place, which it sorts: the default of paper accounts",
    ),
    key(
        "duplicates",
        POLICY,
        "\"fail\"",
        "rows of one time; warn and drop keep the last of them; paper accounts take rows that are the same, value for value, as one",
    ),
    key(
        "prices",
        POLICY,
        "\"fail\"",
        "prices that are missing, zero, negative or beyond 1e-15 to 1e15; warn leaves the row out too",
    ),
    key("range", POLICY, "\"fail\"", "a high below the low, an open or close outside of them"),
    key("volume", POLICY, "\"warn\"", "a volume of zero or below, or above 1e18"),
    key("jumps", TOLD, "\"warn\"", "prices that move as if by a split, after `data.adjust`"),
    key(
        "gaps",
        POLICY,
        "\"warn\"",
        "bars missing by timeframe and calendar, or on days without trading, which drop leaves out",
    ),
    key(
        "unfinished",
        POLICY,
        "\"drop\"",
        "bars that are not complete by now, `data.delay` counted",
    ),
    key("stale", TOLD, "\"off\"", "three or more complete bars that should be there by now"),
    key(
        "torn",
        POLICY,
        "\"warn\"",
        "a last line without an end, which may be cut short; drop leaves its row out, the default of paper accounts",
    ),
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

const COSTS: &[Key] = &[
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

const EXECUTION: &[Key] = &[
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
        "how many fills of one symbol a bar may have",
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

const RISK: &[Key] = &[
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

/// Whether two tables have the same keys: a constant has no address to be known by.
pub fn is_same(a: &[Key], b: &[Key]) -> bool {
    a.iter().map(|key| key.name).eq(b.iter().map(|key| key.name))
}

/// Whether the table at `path` of a session holds one choice and is replaced whole by a layer above.
pub fn is_choice(path: &str) -> bool {
    matches!(
        path,
        "sizing" | "costs.slippage" | "range" | "execution.rebalance" | "split" | "strategy"
    ) || path.strip_prefix("sweep.axes.").is_some()
}

/// The keys of the table that may stand at a key.
fn inner(kind: &Kind) -> Option<&'static [Key]> {
    match kind {
        Kind::Table(inner) | Kind::Choice(inner) => Some(inner),
        Kind::Either(kinds) => kinds.iter().find_map(inner),
        _ => None,
    }
}

/// The kind of the key at a dotted path of a session.
pub fn session_kind(path: &str) -> Option<Key> {
    let mut keys = SESSION;
    let mut parts = path.split('.').peekable();
    while let Some(part) = parts.next() {
        let key = keys.iter().find(|key| key.name == part)?;
        if parts.peek().is_none() {
            return Some(*key);
        }
        match key.kind {
            kind if inner(&kind).is_some() => keys = inner(&kind).unwrap_or_default(),
            Kind::Names(kind) => {
                let name = parts.next()?;
                return parts
                    .next()
                    .is_none()
                    .then_some(Key { name: key.name, kind: *kind, ..*key })
                    .filter(|_| !name.is_empty());
            }
            _ => return None,
        }
    }
    None
}

/// All dotted paths of a session that hold a single value, for suggestions.
pub fn session_paths() -> Vec<String> {
    fn collect(keys: &[Key], at: &str, found: &mut Vec<String>) {
        for key in keys {
            let path =
                if at.is_empty() { key.name.to_owned() } else { format!("{at}.{}", key.name) };
            match key.kind {
                Kind::Table(inner) | Kind::Choice(inner) => collect(inner, &path, found),
                _ => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    collect(SESSION, "", &mut found);
    found
}
