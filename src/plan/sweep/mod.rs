//! One session with a sweep to its points.
//!
//! A grid is the product of the axes and of the zip groups, the last one fastest; a random sweep draws
//! from that product without repeats; a list is its rows. What a `where` rule or an `exclude` table
//! names is taken out. An axis is a path to a key of the session; its values are checked against that
//! key once, however many points there are.

mod axis;
mod rule;

pub use axis::{plain, scalar};

use crate::diag::{Mistake, Mistakes, Place, codes};
use crate::expr::Scalar;
use crate::manifest::tree::Entry;
use crate::manifest::{Node, Session, Table, Value};
use crate::plan::SplitMix;
use axis::{check_value, flat, values};
use rule::{Rule, rules};
use std::collections::HashMap;

/// How many points a sweep may have when nothing is said.
const MAX_SESSIONS: usize = 100_000;

/// An axis of a sweep: a key and the values that it takes.
#[derive(Debug, Clone)]
pub struct Axis {
    /// The dotted path of the key.
    pub path: String,
    /// Its values, in order.
    pub values: Vec<Node>,
    /// The same as scalars, for rules, rows and reports.
    pub scalars: Vec<Scalar>,
}

impl Axis {
    fn new(path: &str, values: Vec<Node>) -> Self {
        let scalars = values.iter().map(scalar).collect();
        Self { path: path.to_owned(), values, scalars }
    }
}

/// The points of a sweep, and what became of the others.
#[derive(Debug, Clone, Default)]
pub struct Points {
    /// The axes in the order of the file.
    pub axes: Vec<Axis>,
    /// For each point the number of its value on each axis.
    pub points: Vec<Vec<u32>>,
    /// How many points the product has; of a random sweep, how many were drawn.
    pub generated: usize,
    /// How many points each rule removed that the rules before it had left.
    pub removed: Vec<(String, usize)>,
}

/// Give a session what it cannot do without from the first point of its `sweep`, where only that says it.
pub fn stand_in(tree: &mut Table, sweep: &Entry) {
    let empty = Table::default();
    let table = sweep.node.table().unwrap_or(&empty);
    let items = |key: &str| table.get(key).and_then(Node::array).unwrap_or_default().iter();
    for path in ["strategy", "data.path"] {
        let axes = table.get("axes").and_then(Node::table);
        let axis = axes.and_then(|axes| axes.get(path).or_else(|| axes.at(path)));
        let column = || items("zip").filter_map(Node::table).find_map(|zip| zip.get(path));
        let values = axis.or_else(column).and_then(Node::array);
        let row = || items("rows").next().and_then(Node::table)?.get(path);
        let first = values.and_then(|values| values.first()).or_else(row);
        if let (None, Some(first)) = (tree.at(path), first) {
            tree.set_at(path, first.clone(), &first.place);
        }
    }
}

/// Expand the sweep of `session`; `None` if it has mistakes.
pub fn expand(
    session: &Session,
    tree: &Table,
    sweep: &Entry,
    mistakes: &mut Mistakes,
) -> Option<Points> {
    let mut found = Mistakes::default();
    let empty = Table::default();
    let table = sweep.node.table().unwrap_or(&empty);
    let method = table.get("method").and_then(Node::text).unwrap_or("grid");
    let space = match method {
        "list" => Space::list(session, tree, table, sweep, &mut found),
        _ => Space::product(session, table, sweep, &mut found),
    };
    refuse_idle_keys(method, table, &mut found);
    let rules = rules(session, tree, table, &space.axes, &mut found);
    let draw = (method == "random").then(|| Draw::read(table, sweep, &mut found)).flatten();
    let limit = table.get("max_sessions").and_then(Node::number);
    let limit = limit.map_or(MAX_SESSIONS, |limit| limit as usize);
    let failed = found.has_errors();
    mistakes.append(found);
    if failed || space.axes.is_empty() {
        return None;
    }
    let at = |key: &str| table.get(key).map_or(&sweep.key_place, |node| &node.place);
    let picked = match &draw {
        Some(draw) => Some(space.draw(draw, &rules)),
        None => space.all(&rules, limit),
    };
    let size = space.size();
    let Some(picked) = picked.filter(|picked| picked.points.len() <= limit) else {
        let title = match (&draw, rules.is_empty()) {
            (Some(draw), _) => format!("{} points are to be drawn, more than {limit}", draw.count),
            (None, true) => format!("the sweep has {size} points, more than {limit}"),
            (None, false) => {
                format!("the rules leave more than {limit} of the {size} points of the sweep")
            }
        };
        let mistake = Mistake::new(codes::TOO_MANY, at("max_sessions"), title);
        mistakes.push(mistake.label("raise `max_sessions`, or take values away"));
        return None;
    };
    let Picked { points, removed, .. } = picked;
    if points.is_empty() {
        let title = format!("the rules leave none of the {size} points of the sweep");
        let of = rules.iter().zip(&removed);
        let of = of.map(|(rule, removed)| format!("`{}` removes {removed}", rule.text));
        let mistake = Mistake::new(codes::OUT_OF_RANGE, &sweep.key_place, title);
        mistakes.push(mistake.label(of.collect::<Vec<_>>().join(", ")));
        return None;
    }
    if let Some(draw) = draw.as_ref().filter(|draw| points.len() < draw.count) {
        let title =
            format!("{} points are to be drawn, and the rules leave {}", draw.count, points.len());
        mistakes.push(Mistake::new(codes::OUT_OF_RANGE, at("count"), title));
        return None;
    }
    for (rule, removed) in rules.iter().zip(&removed) {
        // A draw sees a part of the product, and a rule may be about the rest.
        if *removed == 0 && method != "random" {
            let title = "this rule removes no point";
            mistakes.push(Mistake::new(codes::IDLE_RULE, &rule.place, title).warning());
        }
    }
    let generated = match draw {
        Some(_) => points.len() + removed.iter().sum::<usize>(),
        None => size as usize,
    };
    let removed = rules.iter().map(|rule| rule.text.clone()).zip(removed).collect();
    Some(Points { axes: space.axes, points, generated, removed })
}

/// What another method reads is not passed over: it was meant to do something.
fn refuse_idle_keys(method: &str, table: &Table, mistakes: &mut Mistakes) {
    let random = ["random"].as_slice();
    let keys = [
        ("rows", ["list"].as_slice()),
        ("count", random),
        ("seed", random),
        ("axes", ["grid", "random"].as_slice()),
        ("zip", ["grid", "random"].as_slice()),
    ];
    for (key, methods) in keys.into_iter().filter(|(_, methods)| !methods.contains(&method)) {
        if let Some(entry) = table.entry(key) {
            let title = format!("`sweep.{key}` means nothing to the method \"{method}\"");
            let label = format!("say `method = \"{}\"`, or take it away", methods[0]);
            let mistake = Mistake::new(codes::EXCLUSIVE, &entry.key_place, title);
            mistakes.push(mistake.label(label));
        }
    }
}

/// Everything that a sweep could be, before any rule: axes, and how they move.
#[derive(Debug, Default)]
struct Space {
    axes: Vec<Axis>,
    /// Axes that move together, by number; each group has one length.
    groups: Vec<Vec<usize>>,
}

impl Space {
    /// The axes and zip groups of a grid.
    fn product(session: &Session, table: &Table, sweep: &Entry, mistakes: &mut Mistakes) -> Self {
        let mut space = Self::default();
        let written = table.get("axes").and_then(Node::table);
        for entry in written.map(|axes| flat(axes, "")).unwrap_or_default() {
            if let Some(values) = checked(session, &entry, mistakes) {
                space.groups.push(vec![space.axes.len()]);
                space.add(Axis::new(&entry.key, values), &entry.key_place, mistakes);
            }
        }
        let zips = table.get("zip").and_then(Node::array).unwrap_or_default();
        for columns in zips.iter().filter_map(Node::table) {
            space.zip(session, columns, mistakes);
        }
        if written.is_none() && table.get("zip").is_none() {
            let title = "the sweep has no axes";
            let remedy = "give it some: `[session.NAME.sweep.axes]` and `\"params.x\" = [1, 2]`";
            let mistake = Mistake::new(codes::SWEEP_AXIS, &sweep.key_place, title);
            mistakes.push(mistake.label(remedy));
        }
        space
    }

    /// The rows of a list: one group whose axes are all the keys of all rows.
    fn list(
        session: &Session,
        tree: &Table,
        table: &Table,
        sweep: &Entry,
        mistakes: &mut Mistakes,
    ) -> Self {
        let rows = table.get("rows").and_then(Node::array).unwrap_or_default();
        if rows.is_empty() {
            let title = "a list sweep needs `rows`";
            let label = "rows = [{ \"params.x\" = 1 }, { \"params.x\" = 2 }]";
            mistakes.push(Mistake::new(codes::MISSING_KEY, &sweep.key_place, title).label(label));
        }
        let mut paths: Vec<&str> = Vec::new();
        for entry in rows.iter().filter_map(Node::table).flat_map(Table::iter) {
            if !paths.contains(&entry.key.as_str()) {
                paths.push(&entry.key);
            }
        }
        let mut space = Self::default();
        for path in paths {
            let values = rows.iter().filter_map(|row| {
                if let Some(entry) = row.table().and_then(|row| row.entry(path)) {
                    check_value(session, entry, &entry.node, mistakes);
                    return Some(entry.node.clone());
                }
                // A row that is silent about a key means what the session says.
                let base = base_value(session, tree, path, &row.place);
                if base.is_none() {
                    let title = format!("this row lacks `{path}`, and so does the session");
                    mistakes.push(Mistake::new(codes::SWEEP_AXIS, &row.place, title));
                }
                base
            });
            let values = values.collect();
            space.axes.push(Axis::new(path, values));
        }
        space.groups.push((0..space.axes.len()).collect());
        space
    }

    fn add(&mut self, axis: Axis, place: &Place, mistakes: &mut Mistakes) {
        if self.axes.iter().any(|other| other.path == axis.path) {
            let title = format!("two axes set `{}`", axis.path);
            mistakes.push(Mistake::new(codes::SWEEP_AXIS, place, title));
        }
        self.axes.push(axis);
    }

    /// Add the columns of one zip, which move together.
    fn zip(&mut self, session: &Session, columns: &Table, mistakes: &mut Mistakes) {
        let mut group = Vec::new();
        let mut length: Option<(String, usize)> = None;
        for entry in columns.iter() {
            let wrong = |title: String| Mistake::new(codes::SWEEP_AXIS, &entry.node.place, title);
            let Some(items) = entry.node.array().filter(|items| !items.is_empty()) else {
                mistakes
                    .push(wrong(format!("column `{}` of a zip is a list of values", entry.key)));
                continue;
            };
            let (first, wanted) = length.get_or_insert((entry.key.clone(), items.len()));
            if items.len() != *wanted {
                let title =
                    format!("columns of a zip are equally long, and `{first}` has {wanted} values");
                mistakes.push(wrong(title).label(format!("this has {}", items.len())));
                continue;
            }
            for value in items {
                check_value(session, entry, value, mistakes);
            }
            group.push(self.axes.len());
            self.add(Axis::new(&entry.key, items.to_vec()), &entry.key_place, mistakes);
        }
        self.groups.push(group);
    }

    fn length(&self, group: &[usize]) -> u64 {
        group.first().map_or(0, |&axis| self.axes[axis].values.len() as u64)
    }

    /// How many points the product has.
    fn size(&self) -> u64 {
        self.groups.iter().fold(1, |size, group| size.saturating_mul(self.length(group)))
    }

    /// The values of point `number` of the product, the last group fastest.
    fn point(&self, mut number: u64, at: &mut [u32]) {
        for group in self.groups.iter().rev() {
            let length = self.length(group);
            for &axis in group {
                at[axis] = (number % length) as u32;
            }
            number /= length;
        }
    }

    /// Every point that the rules leave; `None` once they are more than `limit`.
    fn all(&self, rules: &[Rule], limit: usize) -> Option<Picked> {
        /// A product of billions of which rules leave a few is no more than what it says: too much.
        const MOST: u64 = 1_000_000_000;
        let mut picker = Picker::new(self, rules);
        for number in 0..self.size() {
            picker.take(number);
            if picker.picked.points.len() > limit || self.size() > MOST {
                return None;
            }
        }
        Some(picker.picked)
    }

    /// The points of a random draw, in the order of the product.
    fn draw(&self, draw: &Draw, rules: &[Rule]) -> Picked {
        /// After so many points that rules removed, the rest is not worth looking for.
        const PATIENCE: u64 = 20_000_000;
        let mut picker = Picker::new(self, rules);
        let mut random = SplitMix::new(draw.seed);
        // A shuffle of the whole product, of which only the entries that moved are written down.
        let mut moved: HashMap<u64, u64> = HashMap::new();
        for taken in 0..self.size().min(PATIENCE) {
            if picker.picked.points.len() == draw.count {
                break;
            }
            let other = taken + random.below(self.size() - taken);
            let number = moved.get(&other).copied().unwrap_or(other);
            let displaced = moved.get(&taken).copied().unwrap_or(taken);
            moved.insert(other, displaced);
            picker.take(number);
        }
        picker.picked.points.sort_unstable();
        picker.picked
    }
}

/// The points that the rules of a sweep leave.
struct Picked {
    points: Vec<Vec<u32>>,
    /// How many points each rule removed.
    removed: Vec<usize>,
}

struct Picker<'a> {
    space: &'a Space,
    rules: &'a [Rule],
    values: Vec<Vec<Scalar>>,
    at: Vec<u32>,
    picked: Picked,
}

impl<'a> Picker<'a> {
    fn new(space: &'a Space, rules: &'a [Rule]) -> Self {
        Self {
            space,
            rules,
            values: rules.iter().map(|rule| rule.values.clone()).collect(),
            at: vec![0; space.axes.len()],
            picked: Picked { points: Vec::new(), removed: vec![0; rules.len()] },
        }
    }

    /// Take point `number` of the product, unless a rule removes it.
    fn take(&mut self, number: u64) {
        self.space.point(number, &mut self.at);
        for (index, rule) in self.rules.iter().enumerate() {
            if !rule.holds(&self.space.axes, &self.at, &mut self.values[index]) {
                self.picked.removed[index] += 1;
                return;
            }
        }
        self.picked.points.push(self.at.clone());
    }
}

/// How many points a random sweep draws, and from which seed.
#[derive(Debug)]
struct Draw {
    count: usize,
    seed: u64,
}

impl Draw {
    fn read(table: &Table, sweep: &Entry, mistakes: &mut Mistakes) -> Option<Self> {
        let mut number = |key: &str| {
            let number = table.get(key).and_then(Node::number);
            if number.is_none() {
                let title = format!("a random sweep needs `{key}`");
                let label = "method = \"random\", count = 500, seed = 1";
                let mistake = Mistake::new(codes::MISSING_KEY, &sweep.key_place, title);
                mistakes.push(mistake.label(label));
            }
            number
        };
        let (count, seed) = (number("count"), number("seed"));
        Some(Self { count: count? as usize, seed: seed? as u64 })
    }
}

/// The values of an axis, each checked against its key.
fn checked(session: &Session, entry: &Entry, mistakes: &mut Mistakes) -> Option<Vec<Node>> {
    let values = values(entry, mistakes)?;
    let mut found = Mistakes::default();
    for value in &values {
        check_value(session, entry, value, &mut found);
    }
    let is_right = found.is_empty();
    // The values of a range have one place.
    mistakes.append(found.once_a_place("value"));
    is_right.then_some(values)
}

/// What the session says at `path`, or its strategy by default.
fn base_value(session: &Session, tree: &Table, path: &str, place: &Place) -> Option<Node> {
    if let Some(node) = tree.at(path) {
        return Some(node.clone());
    }
    let index = session.definition.param(path.strip_prefix("params.")?).ok()?;
    let value = match &session.params[index] {
        Scalar::Number(number) if number.fract() == 0.0 => Value::Integer(*number as i64),
        Scalar::Number(number) => Value::Float(*number, number.to_string()),
        Scalar::Bool(value) => Value::Bool(*value),
        Scalar::Text(text) => Value::Text(text.to_string()),
        Scalar::Missing => return None,
    };
    Some(Node { value, place: place.clone() })
}

#[cfg(test)]
mod tests;
