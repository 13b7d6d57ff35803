//! Every key of a manifest, once: its type, default and meaning.
//!
//! The reader checks a tree against this table, a sweep axis is a path into it, and documentation is
//! written from it. A key whose feature does not exist yet is known and marked `later`.

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
    /// Whether its feature is still to come.
    pub later: bool,
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
    /// One of some words; the second list is known and not available yet.
    Word(&'static [&'static str], &'static [&'static str]),
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
    /// A table of which exactly one key is given.
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
    Key { name, kind, default, about, later: false }
}

const fn later(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, default: "", about, later: true }
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
    later("check", Kind::Any, "tolerances of `papertape check`"),
];

const OVERRIDE: &[Key] = &[
    key("match", Kind::Table(MATCH), "", "which sessions; all that is given must match"),
    key("set", Kind::Any, "", "dotted paths and their values"),
    key("unset", Kind::List(&Kind::Text), "", "keys removed before `set`"),
];

const MATCH: &[Key] = &[
    key("session", Kind::Text, "", "a glob over names"),
    key("strategy", Kind::Text, "", "a glob over strategies"),
    key("mode", Kind::Word(&["backtest", "paper"], &[]), "", "the mode"),
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
        "which sessions leave trades and equity: \"all\", \"failed\", \"none\", \"top:N\"; auto: all named ones, top:20 of sweep points",
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
    later("timeout", Kind::Duration, "the longest a session may take"),
    later("hooks", Kind::Any, "commands that are told of events"),
];

const OBJECTIVE: &[Key] = &[
    key("metric", Kind::Text, "", "the metric"),
    key(
        "goal",
        Kind::Word(&["maximize", "minimize"], &[]),
        "the metric's own sense",
        "which way is better",
    ),
];

/// A session, and everything that is a layer of one.
pub const SESSION: &[Key] = &[
    key(
        "mode",
        Kind::Word(&["backtest"], &["paper"]),
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
        Kind::Either(&[Kind::Word(&["all"], &[]), Kind::List(&Kind::Text)]),
        "\"all\"",
        "the symbols that are traded, in order",
    ),
    key("legs", Kind::Names(&Kind::Text), "", "for a strategy with legs, the symbol of each"),
    later("groups", Kind::Any, "symbols for group limits"),
    key("range", Kind::Table(RANGE), "all rows", "the days that are run, both ends included"),
    later("split", Kind::Any, "the ranges in and out of sample, reported side by side"),
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
        Kind::List(&Kind::Word(&["native"], &["backtesting-py"])),
        "[\"native\"]",
        "the sets of definitions by which metrics are computed",
    ),
    key(
        "ambiguity",
        Kind::Word(&["count"], &["both"]),
        "\"count\"",
        "what is done about exits that depend on the inside of a bar",
    ),
    later("expect", Kind::Any, "conditions on metrics that gate a run"),
    key("data", Kind::Table(DATA), "", "the bars, and how to read them"),
    key("sizing", Kind::Choice(SIZING), "{ equity = 1.0 }", "how large an entry is"),
    key("costs", Kind::Table(COSTS), "none", "what trading costs"),
    key("execution", Kind::Table(EXECUTION), "", "how orders are filled"),
    key("risk", Kind::Table(RISK), "", "what protects positions and the account"),
    key("sweep", Kind::Table(SWEEP), "", "many sessions out of one"),
    later("paper", Kind::Any, "rules of a paper account"),
];

const RANGE: &[Key] = &[
    key("from", Kind::Date, "the first row", "the first day"),
    key("to", Kind::Date, "the last row", "the last day"),
];

/// The words of `data.calendar`, with the trading days in a year of each.
pub const CALENDARS: &[(&str, f64)] =
    &[("always", 365.0), ("weekdays", 261.0), ("us_equity", 252.0)];

const DATA: &[Key] = &[
    key(
        "path",
        Kind::Texts,
        "",
        "CSV or Parquet files, or globs; a file of one symbol takes the symbol from its name",
    ),
    key("symbol_column", Kind::Text, "guessed", "the column that names the symbol"),
    key(
        "columns",
        Kind::Names(&Kind::Text),
        "guessed",
        "our name to theirs: time open high low close volume",
    ),
    later("time_format", Kind::Text, "how timestamps are written"),
    key(
        "time_unit",
        Kind::Word(&["s", "ms", "us", "ns"], &[]),
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
        Kind::Word(&["open", "close"], &[]),
        "\"open\"",
        "whether a bar's timestamp is that of its open or of its close",
    ),
    key("timeframe", Kind::Duration, "the median step", "the time from a bar's open to its close"),
    later("resample", Kind::Duration, "a longer timeframe made of these bars"),
    key(
        "calendar",
        Kind::Word(&["always", "weekdays", "us_equity"], &[]),
        "\"always\"",
        "the trading days, 365, 261 or 252 a year",
    ),
    later("hours", Kind::Any, "the local times of day outside which bars are left out"),
    key(
        "adjust",
        Kind::Word(&["none"], &["split", "total"]),
        "\"none\"",
        "whether prices are adjusted for splits, or for splits and dividends",
    ),
    key(
        "warmup",
        Kind::Either(&[Kind::Word(&["all", "none"], &[]), Kind::Int { min: 0 }]),
        "\"all\"",
        "how many rows before the range rules may see",
    ),
    later("delay", Kind::Duration, "a bar is complete this long after its close"),
    later(
        "checks",
        Kind::Any,
        "for each check of the data, whether a failure stops, warns or drops rows",
    ),
];

const SIZING: &[Key] = &[
    key(
        "equity",
        Kind::Fraction { max: 1.0, zero: false },
        "",
        "a fraction of the equity, costs included",
    ),
    key("cash", POSITIVE, "", "an amount of money, costs included"),
    key("units", POSITIVE, "", "a number of units"),
    later("risk", SHARE, "a fraction of the equity lost at the stop"),
    later("volatility", Kind::Any, "the volatility a year that the position is to have"),
    later("max_entries", COUNT, "how many entries one position may have"),
];

const COSTS: &[Key] = &[
    key("commission", Kind::Table(COMMISSION), "none", "what the broker takes"),
    key("slippage", Kind::Choice(SLIPPAGE), "none", "how much worse fills are than prices"),
    later("spread", RATE, "a fraction of the price; half of it is paid at each fill"),
    later("borrow", RATE, "a fraction a year of the value of units sold short"),
    later(
        "funding",
        Kind::Any,
        "what holders of perpetual futures pay each other, a fraction each period",
    ),
    later("interest", RATE, "a fraction a year of the cash"),
];

const COMMISSION: &[Key] = &[
    key("rate", RATE, "0", "a fraction of the money traded"),
    key("per_unit", AMOUNT, "0", "money for each unit"),
    later("per_order", AMOUNT, "money for each order"),
    later("min", AMOUNT, "the least an order costs"),
    later("max", AMOUNT, "the most an order costs"),
    later("maker", RATE, "the rate of orders that rest, a fraction of the money traded"),
    later("taker", RATE, "the rate of all others, a fraction of the money traded"),
    later("tiers", Kind::Any, "rates that fall with the money traded"),
];

const SLIPPAGE: &[Key] = &[
    key("bps", Kind::Number { min: 0.0, inclusive: true }, "0", "ten-thousandths of the price"),
    later("range", SHARE, "a fraction of the distance from the bar's low to its high"),
    later("impact", AMOUNT, "coefficient of the square root of participation"),
];

const EXECUTION: &[Key] = &[
    key(
        "model",
        Kind::Word(&["next-open"], model::LATER),
        "\"next-open\"",
        "the named set of rules that all other keys here refine",
    ),
    key(
        "fill",
        Kind::Word(model::Fill::WORDS, model::Fill::LATER),
        "\"next_open\"",
        "when a decided order is filled",
    ),
    later("delay", Kind::Int { min: 0 }, "further bars between signal and fill"),
    key(
        "stop_on_entry_bar",
        Kind::Word(model::StopOnEntryBar::WORDS, model::StopOnEntryBar::LATER),
        "\"always\"",
        "whether stops are tested on the entry's bar",
    ),
    key(
        "intrabar",
        Kind::Word(model::Intrabar::WORDS, model::Intrabar::LATER),
        "\"stop_first\"",
        "which comes first when a bar reaches stop and target",
    ),
    key(
        "gap_stop",
        Kind::Word(model::GapStop::WORDS, model::GapStop::LATER),
        "\"open\"",
        "where a stop fills when the bar opens beyond it",
    ),
    later(
        "limit_trigger",
        Kind::Text,
        "whether a limit is filled when the price touches it, or only beyond",
    ),
    later("limit_gap", Kind::Text, "whether a limit is filled at a better open, or at its level"),
    key(
        "trailing_from",
        Kind::Word(model::TrailingFrom::WORDS, model::TrailingFrom::LATER),
        "\"extreme_lagged\"",
        "what a trailing stop follows",
    ),
    key(
        "stop_base",
        Kind::Word(model::StopBase::WORDS, model::StopBase::LATER),
        "\"fill\"",
        "the price that stops are fractions of",
    ),
    key("slippage_on_stops", Kind::Bool, "true", "whether slippage worsens stops"),
    later("spread_on", Kind::Text, "which fills pay the spread"),
    key(
        "short_of_cash",
        Kind::Word(model::ShortOfCash::WORDS, model::ShortOfCash::LATER),
        "\"shrink\"",
        "what happens to an entry that costs too much",
    ),
    key(
        "units",
        Kind::Word(model::Units::WORDS, model::Units::LATER),
        "\"fractional\"",
        "which numbers of units exist",
    ),
    later("flip", Kind::Text, "whether one order or two turn a position round"),
    later("orders_per_bar", Kind::Text, "whether a bar fills one order or many"),
    later("first_bar", Kind::Text, "from when on rules are read"),
    key(
        "at_end",
        Kind::Word(model::AtEnd::WORDS, model::AtEnd::LATER),
        "\"mark\"",
        "what happens to positions that are open at the end",
    ),
    later("lot_size", POSITIVE, "units are multiples of it"),
    later("tick_size", POSITIVE, "prices are multiples of it"),
    later("min_units", POSITIVE, "the smallest order"),
    later("max_participation", SHARE, "the largest fraction of a bar's volume that is filled"),
    later("min_volume", AMOUNT, "units; a bar with less volume fills nothing"),
    later("limit_bars", COUNT, "how many bars a limit order rests"),
    later("detail", Kind::Text, "a file of finer bars, asked where a bar is ambiguous"),
    later("leverage", POSITIVE, "the largest value of all positions, in multiples of the equity"),
    later(
        "maintenance",
        SHARE,
        "the fraction of a position's value below which the equity must not fall",
    ),
    later("shorting", Kind::Bool, "whether units may be sold short"),
    later("orders", Kind::List(&Kind::Text), "the kinds of orders that may be used"),
    later("rebalance", Kind::Any, "how often weights are restored"),
];

const RISK: &[Key] = &[
    key("stop_loss", SHARE, "none", "exit this fraction below (above, for a short) the entry"),
    key(
        "take_profit",
        Kind::Fraction { max: f64::INFINITY, zero: false },
        "none",
        "exit this fraction above (below) the entry",
    ),
    key(
        "trailing_stop",
        SHARE,
        "none",
        "exit this fraction below (above) the best price since the entry",
    ),
    later("max_holding", Kind::Duration, "exit after this time"),
    later("max_position", Kind::Any, "the largest position, a fraction of the equity"),
    later("max_symbol", Kind::Any, "the largest exposure to one symbol, a fraction of the equity"),
    later("max_group", Kind::Any, "the largest exposure to one group, a fraction of the equity"),
    later("max_gross", Kind::Any, "the largest sum of longs and shorts, a fraction of the equity"),
    later(
        "max_net",
        Kind::Any,
        "the largest difference of longs and shorts, a fraction of the equity",
    ),
    later("max_positions", COUNT, "how many positions may be open at once"),
    later("max_orders_per_day", COUNT, "how many orders a trading day may have"),
    later(
        "daily_loss",
        Kind::Any,
        "the largest loss of a trading day, a fraction of the equity before it",
    ),
    later("max_drawdown", Kind::Any, "the largest fall from the peak of the equity, a fraction"),
    later("max_consecutive_losses", Kind::Any, "how many losing trades may follow each other"),
    later("hours", Kind::Any, "the local times of day outside which nothing is entered"),
    later("blackout", Kind::Any, "dates or times of day in which nothing is entered"),
    later("weekdays", Kind::Any, "the days on which entries are allowed, 1 for Monday to 7"),
    later(
        "overnight",
        Kind::Bool,
        "whether positions may be held from one trading day to the next",
    ),
    later("flat_by", Kind::Text, "the local time of day by which positions are closed"),
];

const SWEEP: &[Key] = &[
    key(
        "method",
        Kind::Word(&["grid", "random", "list"], &[]),
        "\"grid\"",
        "how points are made of the axes",
    ),
    key("axes", Kind::Any, "", "keys of the session by their path, and the values of each"),
    key("zip", Kind::Any, "", "axes that move together"),
    key("where", Kind::List(&Kind::Text), "", "conditions that every point meets"),
    key("exclude", Kind::Any, "", "points that are left out"),
    key("max_sessions", COUNT, "100_000", "more points are an error, before anything runs"),
    key("count", COUNT, "", "how many points `random` draws"),
    key("seed", Kind::Int { min: 0 }, "", "the number that fixes which points `random` draws"),
    key("rows", Kind::Any, "", "the points of `list`"),
];

/// A strategy file, or a strategy written in its session.
pub const STRATEGY: &[Key] = &[
    key("description", Kind::Text, "", "what it does and when it fails"),
    key(
        "modes",
        Kind::List(&Kind::Word(&["backtest", "paper"], &[])),
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
        Kind::Word(&["int", "float", "bool", "choice", "symbol"], &[]),
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
    later("weight", Kind::Expression, "a signed fraction of equity to hold"),
    later("stop", Kind::Expression, "the price at which the position is given up"),
    later("target", Kind::Expression, "the price at which the profit is taken"),
    later("limit", Kind::Expression, "the price that an entry must not be worse than"),
    later("size", Kind::Expression, "multiplies what `sizing` gives"),
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
            Kind::Table(inner) | Kind::Choice(inner) => keys = inner,
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
