//! A tree against the table of keys: every mistake in it, each at its place.

use super::keys::{Key, Kind, SESSION, is_same, session_paths};
use super::span::Span;
use super::tree::{Node, Table, Value};
use crate::diag::{Mistake, Mistakes, codes};

/// Check every key of `table` against `keys`; `path` is where the table stands, for messages.
pub fn check_table(table: &Table, keys: &[Key], path: &str, mistakes: &mut Mistakes) {
    for entry in table.iter() {
        let inner = join(path, &entry.key);
        match keys.iter().find(|key| key.name == entry.key) {
            Some(key) => check(&entry.node, &key.kind, &inner, mistakes),
            None => {
                let known = keys.iter().map(|key| key.name);
                let at = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
                let paths = if is_same(keys, SESSION) { session_paths() } else { Vec::new() };
                let ends = |it: &&String| it.rsplit('.').next() == Some(&*entry.key);
                let elsewhere = paths.iter().find(ends);
                let title = format!("unknown key `{}`{at}", entry.key);
                let mistake = Mistake::new(codes::UNKNOWN_KEY, &entry.key_place, title);
                mistakes.push(match elsewhere {
                    Some(path) => mistake.label(format!("it is `{path}`")),
                    None => mistake.suggest(&entry.key, known),
                });
            }
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Check one value; `path` is its key, for messages.
pub fn check(node: &Node, kind: &Kind, path: &str, mistakes: &mut Mistakes) {
    match kind {
        Kind::Any => {}
        Kind::Table(keys) => match node.table() {
            Some(table) => check_table(table, keys, path, mistakes),
            None => wrong_type(node, kind, path, mistakes),
        },
        Kind::Open(keys, inner) => match node.table() {
            Some(table) => {
                let (mut own, mut others) = (Table::default(), Vec::new());
                for entry in table.iter() {
                    let is_own = keys.iter().any(|key| key.name == entry.key);
                    match is_own || entry.node.table().is_none() {
                        true => own.set(entry.clone()),
                        false => others.push(entry),
                    }
                }
                check_table(&own, keys, path, mistakes);
                for entry in others {
                    check(&entry.node, inner, &join(path, &entry.key), mistakes);
                }
            }
            None => wrong_type(node, kind, path, mistakes),
        },
        Kind::Choice(keys) => match node.table() {
            Some(table) => {
                check_table(table, keys, path, mistakes);
                one_choice(node, table, keys, path, mistakes);
            }
            None => wrong_type(node, kind, path, mistakes),
        },
        Kind::Names(inner) => match node.table() {
            Some(table) => {
                for entry in table.iter() {
                    check(&entry.node, inner, &join(path, &entry.key), mistakes);
                }
            }
            None => wrong_type(node, kind, path, mistakes),
        },
        Kind::List(inner) => match node.array() {
            Some(items) => {
                for item in items {
                    check(item, inner, path, mistakes);
                }
            }
            None => wrong_type(node, kind, path, mistakes),
        },
        Kind::Texts => {
            let items = node.array().unwrap_or(std::slice::from_ref(node));
            for item in items {
                check(item, &Kind::Text, path, mistakes);
            }
        }
        Kind::Either(kinds) => match kinds.iter().find(|kind| has_shape(node, kind)) {
            // A word that is none of the choices was meant as one of the other kinds.
            Some(Kind::Word(choices)) if !choices.contains(&node.text().unwrap_or_default()) => {
                wrong_type(node, kind, path, mistakes);
            }
            Some(kind) => check(node, kind, path, mistakes),
            None => wrong_type(node, kind, path, mistakes),
        },
        _ if !has_shape(node, kind) => wrong_type(node, kind, path, mistakes),
        _ => in_bounds(node, kind, path, mistakes),
    }
}

/// Whether the value has the TOML type of `kind`, whatever its bounds.
fn has_shape(node: &Node, kind: &Kind) -> bool {
    let is_text = matches!(node.value, Value::Text(_));
    match kind {
        Kind::Text | Kind::Expression | Kind::Zone | Kind::Word(..) => is_text,
        Kind::Bool => matches!(node.value, Value::Bool(_)),
        Kind::Int { .. } => matches!(node.value, Value::Integer(_)),
        Kind::Number { .. } | Kind::Fraction { .. } => {
            matches!(node.value, Value::Integer(_) | Value::Float(..))
        }
        Kind::Duration => is_text || matches!(node.value, Value::Integer(_)),
        Kind::Date => is_text || matches!(node.value, Value::Date(_) | Value::Integer(_)),
        Kind::Texts => is_text || node.array().is_some(),
        Kind::Table(_) | Kind::Open(..) | Kind::Choice(_) | Kind::Names(_) => {
            node.table().is_some()
        }
        Kind::List(_) => node.array().is_some(),
        Kind::Either(kinds) => kinds.iter().any(|kind| has_shape(node, kind)),
        Kind::Any => true,
    }
}

/// What stands at such a key, in words.
pub(super) fn words(kind: &Kind) -> String {
    match kind {
        Kind::Text => "a string".into(),
        Kind::Bool => "true or false".into(),
        Kind::Int { min } => format!("a whole number, at least {min}"),
        Kind::Number { min, .. } if min.is_infinite() => "a number".into(),
        Kind::Number { min, inclusive: true } => format!("a number, at least {min}"),
        Kind::Number { min, inclusive: false } => format!("a number above {min}"),
        Kind::Fraction { max, .. } if max.is_infinite() => "a fraction such as 0.05 (5 %)".into(),
        Kind::Fraction { max, .. } => format!("a fraction such as 0.05 (5 %), at most {max}"),
        Kind::Word(choices) => {
            let quoted: Vec<String> = choices.iter().map(|word| format!("\"{word}\"")).collect();
            match quoted.as_slice() {
                [one] => one.clone(),
                _ => format!("one of {}", quoted.join(", ")),
            }
        }
        Kind::Duration => {
            "a duration such as \"30m\", \"4h\" or \"5d\", or a whole number of bars".into()
        }
        Kind::Date => "a date such as 2013-03-01, \"2013-05\", 2013, \"today\" or \"-90d\"".into(),
        Kind::Zone => "a time zone such as \"America/New_York\"".into(),
        Kind::Texts => "a string or an array of strings".into(),
        Kind::Expression => "an expression in quotes".into(),
        Kind::Table(_) | Kind::Open(..) | Kind::Names(_) => "a table".into(),
        Kind::Choice(keys) => {
            let choice = |key: &&Key| key.default.is_empty();
            let names: Vec<&str> = keys.iter().filter(choice).map(|key| key.name).collect();
            format!("a table with one of {}", names.join(", "))
        }
        Kind::List(inner) => format!("an array, each item {}", words(inner)),
        Kind::Either(kinds) => kinds.iter().map(words).collect::<Vec<_>>().join(", or "),
        Kind::Any => "a value".into(),
    }
}

fn wrong_type(node: &Node, kind: &Kind, path: &str, mistakes: &mut Mistakes) {
    let wanted = words(kind);
    let mut mistake = Mistake::new(
        codes::WRONG_TYPE,
        &node.place,
        format!("`{path}` is {wanted}, not {}", node.word()),
    );
    if let Some(text) = node.text() {
        mistake = mistake.label(remedy(text, kind).unwrap_or_default());
    }
    mistakes.push(mistake);
}

/// What a string probably meant where a number stands.
fn remedy(text: &str, kind: &Kind) -> Option<String> {
    let is_list = |kind: &Kind| matches!(kind, Kind::List(Kind::Text));
    let takes_list = match kind {
        Kind::Either(kinds) => kinds.iter().any(is_list),
        _ => is_list(kind),
    };
    if takes_list {
        return Some(format!("write [\"{text}\"]"));
    }
    let plain = text.trim().replace(['_', ','], "");
    let (digits, unit) = plain.split_at(
        plain
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-')))
            .unwrap_or(plain.len()),
    );
    let number: f64 = digits.parse().ok()?;
    match (kind, unit.trim()) {
        (Kind::Fraction { .. }, "%" | "percent") => Some(format!("write {}", number / 100.0)),
        (Kind::Fraction { .. }, "bps" | "bp") => Some(format!("write {}", number / 10_000.0)),
        (Kind::Bool | Kind::Fraction { .. } | Kind::Number { .. } | Kind::Int { .. }, "") => {
            Some(format!("write {number}, without quotes"))
        }
        _ => None,
    }
}

fn in_bounds(node: &Node, kind: &Kind, path: &str, mistakes: &mut Mistakes) {
    let mut refuse = |label: String| {
        let title = format!("`{path}` is {}", words(kind));
        mistakes.push(Mistake::new(codes::OUT_OF_RANGE, &node.place, title).label(label));
    };
    let number = node.number().unwrap_or(f64::NAN);
    match kind {
        Kind::Int { min } if number < *min as f64 => refuse(format!("this is {number}")),
        Kind::Number { .. } if !number.is_finite() => refuse("this is not finite".into()),
        Kind::Number { min, inclusive } if number < *min || number == *min && !inclusive => {
            refuse(format!("this is {number}"));
        }
        Kind::Fraction { .. } if !number.is_finite() => refuse("this is not finite".into()),
        Kind::Fraction { max, zero } if number < 0.0 || number > *max || number == 0.0 && !zero => {
            let percent = number / 100.0;
            let is_percent = number > *max && percent <= *max;
            refuse(if is_percent {
                format!("{number} % is {percent}")
            } else {
                format!("this is {number}")
            });
        }
        Kind::Word(choices) => {
            let word = node.text().unwrap_or_default();
            if !choices.contains(&word) {
                let title = format!("`{path}` is {}", words(kind));
                mistakes.push(
                    Mistake::new(codes::OUT_OF_RANGE, &node.place, title)
                        .suggest(word, choices.iter().copied()),
                );
            }
        }
        Kind::Duration => {
            if let Err(fact) = Span::of(node) {
                refuse(fact);
            }
        }
        Kind::Zone if node.text().is_some_and(|zone| zone.parse::<chrono_tz::Tz>().is_err()) => {
            let written = node.text().unwrap_or_default();
            let zones = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
            let title = format!("unknown time zone `{written}`");
            let mistake = Mistake::new(codes::OUT_OF_RANGE, &node.place, title);
            mistakes.push(mistake.suggest(written, zones));
        }
        _ => {}
    }
}

fn one_choice(node: &Node, table: &Table, keys: &[Key], path: &str, mistakes: &mut Mistakes) {
    let named = |name: &str| keys.iter().find(|key| key.name == name);
    let given: Vec<Option<&Key>> = table.iter().map(|entry| named(&entry.key)).collect();
    let known = given.iter().all(Option::is_some);
    // A key with a default stands beside the choice.
    let choices = given.iter().flatten().filter(|key| key.default.is_empty()).count();
    let beside = given.len() > choices;
    if known && choices != 1 && !(choices == 0 && beside) {
        let choice = |key: &&Key| key.default.is_empty();
        let names: Vec<&str> = keys.iter().filter(choice).map(|key| key.name).collect();
        let title = format!("`{path}` holds exactly one of {}", names.join(", "));
        let label = format!("{choices} are given");
        mistakes.push(Mistake::new(codes::OUT_OF_RANGE, &node.place, title).label(label));
    }
}
