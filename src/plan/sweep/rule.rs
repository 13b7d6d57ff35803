//! What takes points out of a sweep: `where` expressions and `exclude` tables.

use super::Axis;
use super::axis::{flat, scalar};
use crate::diag::{Mistake, Mistakes, Place, codes};
use crate::expr::{Binding, NodeId, Op, Program, Scalar, Scope, Type};
use crate::manifest::keys::session_paths;
use crate::manifest::{Node, Session, Table};
use crate::plan::filter::type_of;
use crate::strategy::Definition;
use std::sync::Arc;

/// A `where` expression or an `exclude` table, made ready for many points.
pub(super) struct Rule {
    /// As it is written.
    pub(super) text: String,
    /// Where it is written.
    pub(super) place: Place,
    kind: Kind,
    /// The values of the names that the rule uses; those on an axis are set for each point.
    values: Vec<Scalar>,
}

/// What a rule has been asked.
pub(super) struct Asked {
    values: Vec<Scalar>,
    /// The answers by the values on the axes of the rule: millions of points differ on its others. Empty where
    /// those are too many to remember.
    answers: Vec<Option<bool>>,
}

enum Kind {
    /// Points on which the expression is not true are removed; names by number and axis.
    Where { program: Program, root: NodeId, on_axes: Vec<(usize, usize)> },
    /// Points with all of these values are removed.
    Exclude(Vec<(usize, Scalar)>),
}

impl Rule {
    /// Begin to ask for points on `axes`.
    pub(super) fn ask(&self, axes: &[Axis]) -> Asked {
        const REMEMBERED: usize = 1 << 20;
        let different = match &self.kind {
            Kind::Where { on_axes, .. } => {
                on_axes.iter().try_fold(1_usize, |different, (_, axis)| {
                    different.checked_mul(axes[*axis].scalars.len())
                })
            }
            Kind::Exclude(_) => None,
        };
        let answers = vec![None; different.filter(|it| *it <= REMEMBERED).unwrap_or(0)];
        Asked { values: self.values.clone(), answers }
    }

    /// Whether the point `at` stays.
    pub(super) fn holds(&self, axes: &[Axis], at: &[u32], asked: &mut Asked) -> bool {
        let value = |axis: usize| &axes[axis].scalars[at[axis] as usize];
        match &self.kind {
            Kind::Where { program, root, on_axes } => {
                let step = |place: usize, axis: usize| {
                    place.wrapping_mul(axes[axis].scalars.len()).wrapping_add(at[axis] as usize)
                };
                let place = on_axes.iter().fold(0, |place, (_, axis)| step(place, *axis));
                if let Some(Some(answer)) = asked.answers.get(place) {
                    return *answer;
                }
                for (name, axis) in on_axes {
                    asked.values[*name] = value(*axis).clone();
                }
                let answer = program.scalar(*root, &asked.values) == Scalar::Bool(true);
                if let Some(known) = asked.answers.get_mut(place) {
                    *known = Some(answer);
                }
                answer
            }
            Kind::Exclude(excluded) => {
                !excluded.iter().all(|(axis, scalar)| value(*axis) == scalar)
            }
        }
    }
}

/// The rules of a sweep: `where` in order, then `exclude`. Some of the `swept` strategies may have parameters
/// that others lack.
pub(super) fn rules(
    session: &Session,
    swept: &[Arc<Definition>],
    tree: &Table,
    table: &Table,
    axes: &[Axis],
    mistakes: &mut Mistakes,
) -> Vec<Rule> {
    let names = PointNames::new(session, swept, tree, axes);
    let mut rules = Vec::new();
    for node in table.get("where").and_then(Node::array).unwrap_or_default() {
        rules.extend(where_rule(node, &names, mistakes));
    }
    for node in table.get("exclude").and_then(Node::array).unwrap_or_default() {
        rules.extend(exclude_rule(node, axes, mistakes));
    }
    rules
}

fn where_rule(node: &Node, names: &PointNames, mistakes: &mut Mistakes) -> Option<Rule> {
    let text = node.text()?;
    let mut program = Program::default();
    let compiled = program.compile(text, &node.place, names);
    let root = compiled.map_err(|found| mistakes.append(found)).ok()?;
    if program.ty(root) != Type::Bool {
        let title = "a rule is true or false for each point";
        let label = format!("this is {}", program.ty(root).word());
        mistakes.push(Mistake::new(codes::EXPRESSION_TYPE, &node.place, title).label(label));
        return None;
    }
    let used = |name: usize| program.nodes.iter().any(|node| node.op == Op::Param(name));
    let mut values = Vec::new();
    let mut on_axes = Vec::new();
    for (name, (_, field, _)) in names.fields.iter().enumerate() {
        values.push(match field {
            Field::Fixed(value) if used(name) => value.clone(),
            _ => Scalar::Missing,
        });
        if let Field::Axis(axis) = field
            && used(name)
        {
            on_axes.push((name, *axis));
        }
    }
    let kind = Kind::Where { program, root, on_axes };
    Some(Rule { text: text.to_owned(), place: node.place.clone(), kind, values })
}

fn exclude_rule(node: &Node, axes: &[Axis], mistakes: &mut Mistakes) -> Option<Rule> {
    let Some(table) = node.table().filter(|table| !table.is_empty()) else {
        let title = "an exclude is a table of axes and values";
        mistakes.push(Mistake::new(codes::SWEEP_AXIS, &node.place, title));
        return None;
    };
    let mut excluded = Vec::new();
    for entry in flat(table, "") {
        let Some(axis) = axes.iter().position(|axis| axis.path == entry.key) else {
            let title = format!("`{}` is not an axis of this sweep", entry.key);
            let known = axes.iter().map(|axis| axis.path.as_str());
            let mistake = Mistake::new(codes::SWEEP_PATH, &entry.key_place, title);
            mistakes.push(mistake.suggest(&entry.key, known));
            return None;
        };
        excluded.push((axis, scalar(&entry.node)));
    }
    let text = format!("exclude {}", node.toml());
    let kind = Kind::Exclude(excluded);
    Some(Rule { text, place: node.place.clone(), kind, values: vec![] })
}

/// A name in a rule: an axis, or a key that is the same on every point.
#[derive(Debug, Clone)]
enum Field {
    Axis(usize),
    Fixed(Scalar),
}

/// What a rule may name: parameters bare, every other key by its path.
struct PointNames {
    fields: Vec<(String, Field, Type)>,
}

impl PointNames {
    fn new(session: &Session, swept: &[Arc<Definition>], tree: &Table, axes: &[Axis]) -> Self {
        let mut fields: Vec<(String, Field, Type)> = Vec::new();
        let on_axis = |path: &str| axes.iter().position(|axis| axis.path == path);
        for (param, value) in session.definition.params.iter().zip(&session.params) {
            let path = format!("params.{}", param.name);
            let field = on_axis(&path).map_or_else(|| Field::Fixed(value.clone()), Field::Axis);
            fields.push((param.name.clone(), field.clone(), param.kind.ty()));
            fields.push((path, field, param.kind.ty()));
        }
        for param in swept.iter().flat_map(|definition| &definition.params) {
            let path = format!("params.{}", param.name);
            let is_known = fields.iter().any(|(known, ..)| *known == path);
            if let Some(axis) = on_axis(&path).filter(|_| !is_known) {
                fields.push((param.name.clone(), Field::Axis(axis), param.kind.ty()));
                fields.push((path, Field::Axis(axis), param.kind.ty()));
            }
        }
        for (index, axis) in axes.iter().enumerate() {
            if !axis.path.starts_with("params.") {
                fields.push((axis.path.clone(), Field::Axis(index), type_of(&axis.scalars)));
            }
        }
        for path in session_paths() {
            if let Some(node) = tree.at(&path).filter(|_| on_axis(&path).is_none()) {
                let value = scalar(node);
                let ty = type_of([&value]);
                fields.push((path, Field::Fixed(value), ty));
            }
        }
        Self { fields }
    }
}

impl Scope for PointNames {
    fn resolve(&self, name: &str) -> Option<Binding> {
        let index = self.fields.iter().position(|(known, ..)| known == name)?;
        Some(Binding::Param(index, self.fields[index].2))
    }

    fn names(&self) -> Vec<String> {
        self.fields.iter().map(|(name, ..)| name.clone()).collect()
    }

    fn has_bars(&self) -> bool {
        false
    }
}
