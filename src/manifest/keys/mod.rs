//! Every key of a manifest, once: its type, default and meaning.
//!
//! The reader checks a tree against this table, a sweep axis is a path into it, and documentation is
//! written from it.

mod data;
mod execution;
mod risk;
mod run;
mod session;
mod strategy;

pub use run::{CHECK, RUN};
pub use session::SESSION;
pub use strategy::STRATEGY;

use run::{OVERRIDE, PROFILE};

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

const ANY_NUMBER: Kind = Kind::Number { min: f64::NEG_INFINITY, inclusive: true };

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

/// Whether what is said of one key in the table at `path` of a session, by its path, leaves the others there,
/// although the table is replaced whole by a layer that has it, or is short for a value.
pub fn keeps_the_rest(path: &str) -> bool {
    ["sizing", "costs.slippage", "range"].contains(&path) || short_for(path).is_some()
}

/// The keys of the table that may stand at a key.
fn inner(kind: &Kind) -> Option<&'static [Key]> {
    match kind {
        Kind::Table(inner) | Kind::Choice(inner) => Some(inner),
        Kind::Either(kinds) => kinds.iter().find_map(inner),
        _ => None,
    }
}

/// The rest of `path` below the key at `table`, if it is inside of it.
pub fn inside<'a>(path: &'a str, table: &str) -> Option<&'a str> {
    path.strip_prefix(table)?.strip_prefix('.')
}

/// The keys that cannot stand beside the one at `path` of a session: a table on the way that holds one choice
/// has one of them, beside those that have a default.
pub fn excluded(path: &str) -> Vec<String> {
    let others = |(at, _): (usize, &str)| {
        let (table, rest) = (&path[..at], &path[at + 1..]);
        let chosen = rest.split('.').next().unwrap_or(rest);
        let keys = match session_kind(table)?.kind {
            Kind::Choice(keys) => keys,
            _ => return None,
        };
        let choices = || keys.iter().filter(|key| key.default.is_empty()).map(|key| key.name);
        let others = choices().filter(|other| *other != chosen);
        let others = others.map(|other| format!("{table}.{other}")).collect::<Vec<_>>();
        choices().any(|name| name == chosen).then_some(others)
    };
    path.match_indices('.').filter_map(others).flatten().collect()
}

/// Which key of the table that may stand at `path` of a session a single value there stands for, if it does
/// for one.
pub fn short_for(path: &str) -> Option<&'static str> {
    let Kind::Either(kinds) = session_kind(path)?.kind else { return None };
    let first = kinds.iter().find_map(inner)?.first()?;
    Some(first.name).filter(|name| ["every", "limit"].contains(name))
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
