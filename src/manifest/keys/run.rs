//! Keys of a run: what it does beside its sessions, what `papertape check` holds them against, its profiles
//! and hooks.

use super::session::SESSION;
use super::{AMOUNT, ANY_NUMBER, Key, Kind, key};

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

pub(super) const OVERRIDE: &[Key] = &[
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

pub(super) const PROFILE: &[Key] = &[
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
    key("on_failed", COMMAND, "none", "for each session that failed or was refused, ten at most"),
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
