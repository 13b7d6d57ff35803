//! One session with a sweep to its points.
//!
//! A grid is the product of the axes and of the zip groups, the last one fastest; a random sweep draws
//! from that product without repeats; a list is its rows. What a `where` rule or an `exclude` table
//! names is taken out. An axis is a path to a key of the session; its values are checked against that
//! key once, however many points there are.

mod axis;
mod list;
mod rule;
mod space;

pub use axis::{plain, scalar, value};

use crate::diag::{Mistake, Mistakes, codes};
use crate::expr::Scalar;
use crate::manifest::session::definition_of;
use crate::manifest::tree::Entry;
use crate::manifest::{Node, Project, Session, Table, keys};
use crate::strategy::Definition;
use axis::{check_value, flat, values};
use rule::{Rule, rules};
use space::{Draw, Picked, Space};
use std::collections::HashMap;
use std::sync::Arc;

/// The path of the key that names the strategy.
pub(super) const STRATEGY: &str = "strategy";

/// How many points a sweep may have when nothing is said.
const MAX_SESSIONS: usize = 100_000;

/// How many points rules are asked about, which takes half a minute.
const MOST: u64 = 100_000_000;

/// How many points are drawn of which rules leave fewer than are wanted.
const PATIENCE: u64 = 5_000_000;

/// An axis of a sweep: a key and the values that it takes.
#[derive(Debug, Clone)]
pub struct Axis {
    /// The dotted path of the key.
    pub path: String,
    /// Its different values, in order; `None` leaves the key as the session has it.
    pub values: Vec<Option<Node>>,
    /// The same as scalars, for rules, rows and reports; missing where there is none.
    pub scalars: Vec<Scalar>,
}

impl Axis {
    /// The axis of a column, and the number of the value of each of its rows.
    fn of(path: String, column: Vec<Option<Node>>) -> (Self, Vec<u32>) {
        let mut known: HashMap<Option<String>, u32> = HashMap::new();
        let mut axis = Self { path, values: Vec::new(), scalars: Vec::new() };
        let number = |value: Option<Node>| {
            *known.entry(value.as_ref().map(axis::word)).or_insert_with(|| {
                axis.push(value);
                axis.values.len() as u32 - 1
            })
        };
        let numbers = column.into_iter().map(number).collect();
        (axis, numbers)
    }

    /// Add a value that it does not have.
    pub(super) fn push(&mut self, value: Option<Node>) {
        self.scalars.push(value.as_ref().map_or(Scalar::Missing, scalar));
        self.values.push(value);
    }
}

/// The strategies that a sweep names, each read once, and the session that it is of.
struct Strategies<'a> {
    session: &'a Session,
    project: &'a Project,
    known: HashMap<String, Option<Arc<Definition>>>,
}

impl Strategies<'_> {
    /// The one that `node` names, or is.
    fn of(&mut self, node: &Node, mistakes: &mut Mistakes) -> Option<Arc<Definition>> {
        let known = self.known.entry(axis::word(node));
        known.or_insert_with(|| definition_of(node, self.project, mistakes)).clone()
    }

    /// Those that every point of a product may be of: the ones that it names, or that of the session.
    fn of_product(&mut self, table: &Table, mistakes: &mut Mistakes) -> Vec<Arc<Definition>> {
        let axes = table.get("axes").and_then(Node::table);
        let columns = table.get("zip").and_then(Node::array).unwrap_or_default().iter();
        let named = axes.into_iter().chain(columns.filter_map(Node::table));
        let named = named.filter_map(|columns| columns.get(STRATEGY)?.array()).flatten();
        let named: Vec<_> = named.filter_map(|node| self.of(node, mistakes)).collect();
        if named.is_empty() { vec![self.session.definition.clone()] } else { named }
    }
}

/// The points of a sweep, and what became of the others.
#[derive(Debug, Clone, Default)]
pub struct Points {
    /// The axes in the order of the file.
    pub axes: Vec<Axis>,
    /// The strategies of the values of the axis `strategy`; empty without one.
    pub strategies: Vec<Arc<Definition>>,
    /// For each point the number of its value on each axis.
    pub points: Vec<Vec<u32>>,
    /// How many points the product has; of a random sweep, how many were drawn.
    pub generated: usize,
    /// How many points each rule removed that the rules before it had left.
    pub removed: Vec<(String, usize)>,
}

/// Give a session what it cannot do without from the first point of its `sweep`, where only that says it.
pub fn stand_in(tree: &mut Table, sweep: &Entry) {
    for path in [STRATEGY, "data.path"] {
        if let (None, Some(first)) = (tree.at(path), first_value(sweep, path)) {
            tree.set_at(path, first.clone(), &first.place);
        }
    }
}

/// `tree` with values of its `sweep` for parameters of its strategy that need one and have none: what it is
/// checked with before there are points.
pub fn with_params(tree: &Table, sweep: &Entry, project: &Project) -> Table {
    let mut tree = tree.clone();
    // What is wrong with the strategy is told where the session is typed.
    let definition = tree.get(STRATEGY);
    let definition =
        definition.and_then(|node| definition_of(node, project, &mut Mistakes::default()));
    for param in definition.iter().flat_map(|definition| &definition.params) {
        let path = format!("params.{}", param.name);
        if let (None, None, Some(first)) =
            (&param.default, tree.at(&path), first_value(sweep, &path))
        {
            tree.set_at(&path, first.clone(), &first.place);
        }
    }
    tree
}

/// The first value that `sweep` has for the key at `path`.
fn first_value(sweep: &Entry, path: &str) -> Option<Node> {
    let table = sweep.node.table()?;
    let items = |key: &str| table.get(key).and_then(Node::array).unwrap_or_default().iter();
    let axes = table.get("axes").and_then(Node::table).map(|axes| flat(axes, ""));
    let axis = axes.into_iter().flatten().find(|entry| entry.key == path);
    let axis = axis.and_then(|axis| values(&axis, &mut Mistakes::default())?.into_iter().next());
    let column = || items("zip").find_map(|zip| zip.table()?.get(path)?.array()?.first().cloned());
    let row = |row: &Node| row.table()?.get(path).or_else(|| row.table()?.at(path)).cloned();
    axis.or_else(column).or_else(|| items("rows").find_map(row))
}

/// Expand the sweep of `session`; `None` if it has mistakes.
pub fn expand(
    session: &Session,
    tree: &Table,
    sweep: &Entry,
    project: &Project,
    mistakes: &mut Mistakes,
) -> Option<Points> {
    let mut found = Mistakes::default();
    let empty = Table::default();
    let table = sweep.node.table().unwrap_or(&empty);
    let method = table.get("method").and_then(Node::text).unwrap_or("grid");
    let mut strategies = Strategies { session, project, known: HashMap::new() };
    let rows = || table.get("rows").and_then(Node::array).unwrap_or_default();
    let space = match method {
        "list" if rows().is_empty() => {
            let title = "a list sweep needs `rows`";
            let label = "rows = [{ \"params.x\" = 1 }, { \"params.x\" = 2 }]";
            found.push(Mistake::new(codes::MISSING_KEY, &sweep.key_place, title).label(label));
            Space::default()
        }
        "list" => list::list(rows(), tree, &mut strategies, &mut found),
        _ => product(table, &mut strategies, &mut found),
    };
    let swept = space.axes.iter().find(|axis| axis.path == STRATEGY);
    let named = swept.into_iter().flat_map(|axis| axis.values.iter().flatten());
    let named: Vec<_> = named.filter_map(|node| strategies.of(node, &mut found)).collect();
    // What they name may be an axis that is none because of its own mistake.
    let rules = match found.has_errors() {
        true => Vec::new(),
        false => rules(session, &named, tree, table, &space.axes, &mut found),
    };
    refuse_idle_keys(method, table, &mut found);
    let draw = (method == "random").then(|| Draw::read(table, sweep, &mut found)).flatten();
    let limit = table.get("max_sessions").and_then(Node::number);
    let limit = limit.map_or(MAX_SESSIONS, |limit| limit as usize);
    if space.axes.is_empty() && !found.has_errors() {
        let title = "the sweep has no axes";
        let remedy = "give it some: `[session.NAME.sweep.axes]` and `\"params.x\" = [1, 2]`";
        found.push(Mistake::new(codes::SWEEP_AXIS, &sweep.key_place, title).label(remedy));
    }
    let failed = found.has_errors();
    mistakes.append(found);
    if failed {
        return None;
    }
    let picked = pick(&space, &rules, draw.as_ref(), limit, sweep);
    let picked = picked.map_err(|mistake| mistakes.push(mistake)).ok()?;
    let (axes, of) = (&space.axes, &picked.points);
    if let Some(mistake) = excluding(axes, of).or_else(|| overlapping(axes, of)) {
        mistakes.push(mistake);
        return None;
    }
    let (generated, Picked { points, removed }) = (picked.looked(), picked);
    for (rule, removed) in rules.iter().zip(&removed) {
        // A draw sees a part of the product, and a rule may be about the rest.
        if *removed == 0 && method != "random" {
            let title = "this rule removes no point";
            mistakes.push(Mistake::new(codes::IDLE_RULE, &rule.place, title).warning());
        }
    }
    let removed = rules.iter().map(|rule| rule.text.clone()).zip(removed).collect();
    Some(Points { axes: space.axes, strategies: named, points, generated, removed })
}

/// Two axes of which a point has values that say something of the same key: one has a table with that key.
fn overlapping(axes: &[Axis], points: &[Vec<u32>]) -> Option<Mistake> {
    let value = |point: &[u32], axis: usize| axes[axis].values[point[axis] as usize].as_ref();
    let all = || 0..axes.len();
    let mut pairs = all().flat_map(|a| all().map(move |b| (a, b)));
    pairs.find_map(|(table, inner)| {
        let (outer, path) = (&axes[table].path, &axes[inner].path);
        let rest = keys::inside(path, outer)?;
        let excluded = keys::excluded(path);
        let excluded = excluded.iter().filter_map(|it| keys::inside(it, outer));
        let keys: Vec<&str> = excluded.chain([rest]).collect();
        let says = |node: &Node| match node.table() {
            Some(table) => keys.iter().any(|key| table.at(key).is_some()),
            None => keys::short_for(outer).is_none_or(|key| key == rest),
        };
        let says_it = |point: &&Vec<u32>| {
            value(point, table).is_some_and(says) && value(point, inner).is_some()
        };
        let node = value(points.iter().find(says_it)?, inner)?;
        let title = format!("the axes `{outer}` and `{path}` both say what `{path}` is");
        let label = "leave it out of one of them";
        Some(Mistake::new(codes::SWEEP_AXIS, &node.place, title).label(label))
    })
}

/// Two axes of which a point has values, and whose keys cannot stand beside each other.
fn excluding(axes: &[Axis], points: &[Vec<u32>]) -> Option<Mistake> {
    let has = |point: &[u32], axis: usize| axes[axis].values[point[axis] as usize].as_ref();
    let mut pairs = axes.iter().enumerate().flat_map(|(b, axis)| {
        let others = keys::excluded(&axis.path);
        let excludes = move |a: &usize| {
            let path = &axes[*a].path;
            others.iter().any(|other| other == path || keys::inside(path, other).is_some())
        };
        (0..b).filter(excludes).map(move |a| (a, b))
    });
    let both = |(a, b): (usize, usize)| {
        let node = points.iter().find_map(|point| has(point, a).and(has(point, b)))?;
        let (a, b) = (&axes[a].path, &axes[b].path);
        let title = format!("a session has `{a}` or `{b}`, and points of the sweep have both");
        let label = "sweep one of them, or name them in rows of `method = \"list\"`";
        Some(Mistake::new(codes::EXCLUSIVE, &node.place, title).label(label))
    };
    pairs.find_map(both)
}

/// The points that are left of `space`, at most `limit`, or why no run could be made of them.
fn pick(
    space: &Space,
    rules: &[Rule],
    draw: Option<&Draw>,
    limit: usize,
    sweep: &Entry,
) -> Result<Picked, Mistake> {
    let at = |key: &str| sweep.node.table().and_then(|table| table.get(key));
    let wrong = |code, key: &str, title: String, label: &str| {
        let place = at(key).map_or(&sweep.key_place, |node| &node.place);
        Err(Mistake::new(code, place, title).label(label))
    };
    let (size, is_ruled) = (space.size(), !rules.is_empty());
    let Some(draw) = draw else {
        if is_ruled && size > MOST {
            let title = format!("the rules would have to look at {size} points, more than {MOST}");
            let label =
                "take values away, or draw some: `method = \"random\"`, `count = 500`, `seed = 1`";
            return wrong(codes::TOO_MANY, "axes", title, label);
        }
        let Some(picked) = space.all(rules, limit) else {
            let title = match is_ruled {
                true => {
                    format!("the rules leave more than {limit} of the {size} points of the sweep")
                }
                false => format!("the sweep has {size} points, more than {limit}"),
            };
            let label = match at("rows") {
                Some(_) => "raise `max_sessions`, or take rows away",
                None => {
                    "raise `max_sessions`, take values away, or draw some: `method = \"random\"`"
                }
            };
            return wrong(codes::TOO_MANY, "max_sessions", title, label);
        };
        if picked.points.is_empty() {
            let title = format!("the rules leave none of the {size} points of the sweep");
            return wrong(codes::OUT_OF_RANGE, "", title, &told(rules, &picked));
        }
        return Ok(picked);
    };
    let count = draw.count;
    if count > limit {
        let title = format!("{count} points are to be drawn, more than {limit}");
        return wrong(codes::TOO_MANY, "max_sessions", title, "raise it, or draw fewer");
    }
    let picked = space.draw(draw, rules, PATIENCE);
    let left = picked.points.len();
    if left < count {
        if !is_ruled {
            let title = format!("{count} points are to be drawn, and the sweep has {size}");
            let label = "draw fewer, or take all of them with `method = \"grid\"`";
            return wrong(codes::OUT_OF_RANGE, "count", title, label);
        }
        let title = format!("{count} points are to be drawn, and the rules leave {left}");
        let looked = picked.looked();
        let label = match (looked as u64) < size {
            true => format!("of the {looked} that were looked at; narrower axes leave more"),
            false => told(rules, &picked),
        };
        return wrong(codes::OUT_OF_RANGE, "count", title, &label);
    }
    Ok(picked)
}

/// What each rule removed.
fn told(rules: &[Rule], picked: &Picked) -> String {
    let each = rules.iter().zip(&picked.removed);
    let each = each.map(|(rule, removed)| format!("`{}` removes {removed}", rule.text));
    each.collect::<Vec<_>>().join(", ")
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

/// The axes and zip groups of a grid.
fn product(table: &Table, strategies: &mut Strategies<'_>, mistakes: &mut Mistakes) -> Space {
    let definitions = strategies.of_product(table, mistakes);
    let mut space = Space::default();
    let written = table.get("axes").and_then(Node::table);
    for entry in written.map(|axes| flat(axes, "")).unwrap_or_default() {
        if let Some(values) = checked(&entry, &definitions, mistakes) {
            refuse_second(&space, &entry, mistakes);
            let column = values.iter().cloned().map(Some).collect();
            if let Err((_, second)) = space.add(vec![(entry.key.clone(), column)]) {
                let title = format!("axis `{}` has {} twice", entry.key, values[second].toml());
                mistakes.push(Mistake::new(codes::SWEEP_AXIS, &entry.node.place, title));
            }
        }
    }
    let zips = table.get("zip").and_then(Node::array).unwrap_or_default();
    for columns in zips.iter().filter_map(Node::table) {
        zip(&mut space, columns, &definitions, mistakes);
    }
    space
}

/// Add the columns of one zip, which move together.
fn zip(
    space: &mut Space,
    columns: &Table,
    definitions: &[Arc<Definition>],
    mistakes: &mut Mistakes,
) {
    let mut group: Vec<(String, Vec<Option<Node>>)> = Vec::new();
    let mut places: &[Node] = &[];
    for entry in columns.iter() {
        let wrong = |title: String| Mistake::new(codes::SWEEP_AXIS, &entry.node.place, title);
        let Some(items) = entry.node.array().filter(|items| !items.is_empty()) else {
            mistakes.push(wrong(format!("column `{}` of a zip is a list of values", entry.key)));
            continue;
        };
        if let Some((first, column)) = group.first().filter(|(_, it)| it.len() != items.len()) {
            let wanted = column.len();
            let title =
                format!("columns of a zip are equally long, and `{first}` has {wanted} values");
            mistakes.push(wrong(title).label(format!("this has {}", items.len())));
            continue;
        }
        for value in items {
            check_value(entry, value, definitions, mistakes);
        }
        refuse_second(space, entry, mistakes);
        places = items;
        group.push((entry.key.clone(), items.iter().cloned().map(Some).collect()));
    }
    if let Err((first, second)) = space.add(group) {
        let title = format!("row {} of the zip is its row {} again", second + 1, first + 1);
        mistakes.push(Mistake::new(codes::SWEEP_AXIS, &places[second].place, title));
    }
}

/// No two axes set one key.
fn refuse_second(space: &Space, entry: &Entry, mistakes: &mut Mistakes) {
    if space.axes.iter().any(|other| other.path == entry.key) {
        let title = format!("two axes set `{}`", entry.key);
        mistakes.push(Mistake::new(codes::SWEEP_AXIS, &entry.key_place, title));
    }
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
fn checked(
    entry: &Entry,
    definitions: &[Arc<Definition>],
    mistakes: &mut Mistakes,
) -> Option<Vec<Node>> {
    let values = values(entry, mistakes)?;
    let mut found = Mistakes::default();
    for value in &values {
        check_value(entry, value, definitions, &mut found);
    }
    let is_right = found.is_empty();
    // The values of a range have one place.
    mistakes.append(found.once_a_place("value"));
    is_right.then_some(values)
}

#[cfg(test)]
mod tests;
