//! papertape runs trading sessions from TOML manifests: backtests and sweeps over market data, with
//! results, an append-only record of every run, and comparison reports.
//!
//! # Words
//!
//! | word | meaning |
//! | --- | --- |
//! | manifest | a TOML file that declares sessions |
//! | template | a TOML file that a session inherits from |
//! | strategy | a TOML file: typed parameters, and rules in the expression language |
//! | session | one strategy on one data slice with one set of parameters; a sweep makes many |
//! | plan | the frozen, ordered list of resolved sessions; nothing after it reads a manifest |
//! | bars | the OHLCV columns of one symbol |
//! | signal, order, fill, trade | a rule that became true; what was decided; what happened; an entry and its exit |
//! | archive | imported bars: a directory with one directory a symbol |
//! | run | one execution of a plan; owns one directory in `output/runs/` |
//! | record | the immutable JSON that says what one session of a run was and how it ended |
//! | baseline | the accepted result that `check` compares with; lives in version control |
//! | model | the named set of execution rules of a session |
//! | key, identity | a session's name plus its axis values; what can change its result, hashed |
//!
//! # Shape
//!
//! Data flows one way, and values change type at each arrow:
//!
//! ```text
//! text -> Manifest -> Vec<Session> -> Plan -> Bars + Signals -> Outcome -> Metrics -> Row -> Report
//! ```
//!
//! The modules stand below in the order of imports: a later one may use the earlier ones, never the
//! other way. The first six are the core: pure and deterministic, without files, clock or printing.
//! A test walks the sources and holds them to both.

pub mod diag;

pub mod bars;

pub mod expr;

pub mod strategy;

pub mod engine;

pub mod metrics;

pub mod manifest;

pub mod market;

pub mod store;

pub mod hook;

pub mod plan;

pub mod batch;

pub mod paper;

pub mod trace;

pub mod compare;

pub mod report;

pub mod cli;
