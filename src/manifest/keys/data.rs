//! Keys of `data`: where prices come from, what they are, and what is checked about them.

use super::{Key, Kind, key};
use crate::manifest::data::Policy;

pub(super) const DATA: &[Key] = &[
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
