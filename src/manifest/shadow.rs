//! What the command line sets of a key that a sweep has: it lies above the sweep.
//!
//! An axis of just that key is taken out, with a warning, and so is one whose key cannot stand beside what is
//! set. Where the values of an axis are tables that say it too, nobody can tell what is meant.

use super::keys::{self, inside, is_choice};
use super::tree::{Node, Table, Value};
use crate::diag::{Mistake, Mistakes, Place, codes};

/// What is set: the path as it was typed, and the value.
type Set<'a> = (&'a str, &'a Node);

/// What becomes of an axis.
enum Fate {
    Stays,
    /// This replaces it.
    Replaced(Place),
    /// This is what its values say, too.
    Clashes(Place),
}

/// Take the axes out of the sweep of `tree` that what is `set` replaces; what is to be told of it.
pub(super) fn shadowed(tree: &mut Table, set: &[Set<'_>]) -> Mistakes {
    let mut told = Told::default();
    let Some(sweep) = tree.table_at_mut("sweep") else { return told.mistakes };
    if let Some(axes) = sweep.table_at_mut("axes") {
        told.take_out(axes, "", set);
    }
    // The columns of a zip and the rows of a list are tables of axes too.
    for key in ["zip", "rows"] {
        let Some(mut entry) = sweep.remove(key) else { continue };
        if let Value::Array(items) = &mut entry.node.value {
            for item in items.iter_mut() {
                if let Value::Table(table) = &mut item.value {
                    told.take_out(table, "", set);
                }
            }
            // Nothing is left to be moved; what was empty before is told later.
            if !told.replaced.is_empty() {
                items.retain(|item| item.table().is_none_or(|table| !table.is_empty()));
            }
            if items.is_empty() && !told.replaced.is_empty() {
                continue;
            }
        }
        sweep.set(entry);
    }
    let has_axes = sweep.at("axes").and_then(Node::table).is_some_and(|axes| !axes.is_empty());
    let is_left = has_axes || ["zip", "rows"].iter().any(|key| sweep.at(key).is_some());
    if !told.replaced.is_empty() && !is_left {
        tree.remove("sweep");
    }
    told.mistakes
}

#[derive(Default)]
struct Told {
    mistakes: Mistakes,
    /// The axes that were taken out.
    replaced: Vec<String>,
}

impl Told {
    /// Take what is replaced out of `axes`, written as quoted paths or nested tables.
    fn take_out(&mut self, axes: &mut Table, at: &str, set: &[Set<'_>]) {
        let keys: Vec<String> = axes.iter().map(|axis| axis.key.clone()).collect();
        for key in keys {
            let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            let Some(axis) = axes.get_mut(&key) else { continue };
            if let Value::Table(inner) = &mut axis.value
                && !is_choice(&path)
                && !is_range(inner)
            {
                let was_empty = inner.is_empty();
                self.take_out(inner, &path, set);
                if !was_empty && inner.is_empty() {
                    axes.remove(&key);
                }
                continue;
            }
            match fate(&path, axis, set) {
                Fate::Stays => {}
                Fate::Replaced(place) => {
                    axes.remove(&key);
                    if !self.replaced.contains(&path) {
                        let title = format!("`--set` replaces the sweep axis `{path}`");
                        let mistake = Mistake::new(codes::SHADOWED, &place, title);
                        self.mistakes.push(mistake.warning());
                        self.replaced.push(path);
                    }
                }
                Fate::Clashes(place) => {
                    let title = format!("the sweep axis `{path}` says what this sets");
                    let label = format!("set all of `{path}`, which replaces the axis");
                    let mistake = Mistake::new(codes::EXCLUSIVE, &place, title);
                    self.mistakes.push(mistake.label(label));
                }
            }
        }
    }
}

/// Whether a table is a range of values: of an axis, or of days.
fn is_range(table: &Table) -> bool {
    ["from", "to"].iter().all(|key| table.get(key).is_some())
}

/// Whether `node` says what the key at `rest` below it is.
fn says(node: &Node, rest: &str) -> bool {
    let Some(table) = node.table() else { return true };
    let (key, rest) = rest.split_once('.').map_or((rest, None), |(key, rest)| (key, Some(rest)));
    table.get(key).is_some_and(|inner| rest.is_none_or(|rest| says(inner, rest)))
}

/// What becomes of the axis of the key at `path`.
fn fate(path: &str, axis: &Node, set: &[Set<'_>]) -> Fate {
    let excluded = keys::excluded(path);
    let is_excluded =
        |said: &str| excluded.iter().any(|it| it == said || inside(said, it).is_some());
    for (said, node) in set {
        let replaces = match inside(path, said) {
            Some(rest) => is_choice(said) || says(node, rest),
            None => *said == path || is_excluded(said),
        };
        if replaces {
            return Fate::Replaced(node.place.clone());
        }
        if let Some(rest) = inside(said, path) {
            let values = axis.array().unwrap_or(std::slice::from_ref(axis));
            let is_range = axis.table().is_some_and(is_range);
            if is_range || is_choice(path) || values.iter().any(|value| says(value, rest)) {
                return Fate::Clashes(node.place.clone());
            }
        }
    }
    Fate::Stays
}
