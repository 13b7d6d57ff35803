//! The rows of a list sweep: each is a point, and says of the session what it says.

use super::axis::{check_value, flat};
use super::space::Space;
use super::{STRATEGY, Strategies};
use crate::diag::{Mistake, Mistakes, Place, codes};
use crate::manifest::keys::{self, is_choice};
use crate::manifest::tree::Entry;
use crate::manifest::{Node, Table};
use crate::strategy::Definition;
use std::sync::Arc;

/// One row.
struct Row {
    place: Place,
    entries: Vec<Entry>,
    /// The strategy that it names, or that of the session.
    definition: Arc<Definition>,
}

/// The points of `rows`: one group whose axes are all the keys of all rows.
pub(super) fn list(
    rows: &[Node],
    tree: &Table,
    strategies: &mut Strategies<'_>,
    mistakes: &mut Mistakes,
) -> Space {
    let rows: Vec<Row> =
        rows.iter().filter_map(|node| Row::read(node, strategies, mistakes)).collect();
    let mut paths: Vec<&str> = Vec::new();
    for row in &rows {
        for entry in &row.entries {
            let definition = std::slice::from_ref(&row.definition);
            check_value(entry, &entry.node, definition, mistakes);
            if !paths.contains(&entry.key.as_str()) {
                paths.push(&entry.key);
            }
        }
    }
    let mut column = |path: &str| -> (String, Vec<Option<Node>>) {
        // Where rows say the same thing by several keys, what one does not say is no value of another's.
        let is_alone = !paths.iter().any(|other| is_about(path, other));
        let value = |row: &Row| row.value(path, tree, is_alone, mistakes);
        (path.to_owned(), rows.iter().map(value).collect())
    };
    let columns = paths.iter().map(|path| column(path)).collect();
    let mut space = Space::default();
    if let Err((first, second)) = space.add(columns) {
        let title = format!("row {} says the same as row {}", second + 1, first + 1);
        let mistake = Mistake::new(codes::SWEEP_AXIS, &rows[second].place, title);
        mistakes.push(mistake.label("take it away, or say what is different"));
    }
    space
}

/// Whether two keys are one in the other, or cannot stand beside each other.
fn is_about(path: &str, other: &str) -> bool {
    let excluded = keys::excluded(path);
    let mut excluded = excluded.iter();
    keys::inside(path, other).is_some()
        || keys::inside(other, path).is_some()
        || excluded.any(|it| it == other || keys::inside(other, it).is_some())
}

impl Row {
    fn read(node: &Node, strategies: &mut Strategies<'_>, mistakes: &mut Mistakes) -> Option<Self> {
        // A table of parameters is as good as each by its path.
        let entries = |entry: &Entry| match entry.node.table() {
            Some(params) if entry.key == "params" => flat(params, "params"),
            _ => vec![entry.clone()],
        };
        let entries: Vec<Entry> = node.table()?.iter().flat_map(entries).collect();
        let named = entries.iter().find(|entry| entry.key == STRATEGY);
        let definition = match named {
            Some(entry) => strategies.of(&entry.node, mistakes)?,
            None => strategies.session.definition.clone(),
        };
        Some(Self { place: node.place.clone(), entries, definition })
    }

    /// Its value at `path`. Where it is silent it means what the session says, or the strategy by default;
    /// `None` leaves that as it is, and stands for the parameters of other strategies.
    fn value(
        &self,
        path: &str,
        tree: &Table,
        is_alone: bool,
        mistakes: &mut Mistakes,
    ) -> Option<Node> {
        if let Some(entry) = self.entries.iter().find(|entry| entry.key == path) {
            return Some(entry.node.clone());
        }
        let Some(name) = path.strip_prefix("params.") else {
            // Beside the choice that another row makes there cannot stand the session's.
            let is_of_choice = path.rsplit_once('.').is_some_and(|(table, _)| is_choice(table));
            return tree.at(path).filter(|_| !is_of_choice && is_alone).cloned();
        };
        let param = &self.definition.params[self.definition.param(name).ok()?];
        let default = || {
            let value = super::value(param.default.as_ref()?)?;
            Some(Node { value, place: self.place.clone() })
        };
        let value = tree.at(path).cloned().or_else(default);
        if value.is_none() {
            let title = format!("this row lacks `{path}`, and so does the session");
            mistakes.push(Mistake::new(codes::SWEEP_AXIS, &self.place, title));
        }
        value
    }
}
