//! Which of the planned sessions are wanted.
//!
//! Names and tags choose declared sessions; a filter, an order and a cut choose among all points of
//! all sweeps. What is known only after a run, such as a metric, cannot choose what runs.

use super::filter::{Filter, type_of};
use super::sweep::scalar;
use super::{Base, Plan, Point};
use crate::diag::{Mistake, Mistakes, Place, Source, codes};
use crate::expr::{Scalar, Type};
use crate::manifest::keys::session_paths;
use crate::manifest::{Declared, Node, glob_matches};
use crate::metrics::Metric;

/// Which of the planned sessions are wanted; by default all, in the order of the manifest.
#[derive(Debug, Default, Clone)]
pub struct Selection {
    /// Globs over names; empty for all.
    pub sessions: Vec<String>,
    /// Tags of which a session must have all.
    pub tags: Vec<String>,
    /// What must be true of a session.
    pub filter: Option<String>,
    /// By which value sessions are ordered, and whether the largest comes first.
    pub sort: Option<(String, bool)>,
    /// How many are left out at the start.
    pub offset: usize,
    /// How many are taken; `None` for all.
    pub limit: Option<usize>,
}

impl Selection {
    /// Whether a declared session is wanted as far as its name and tags tell.
    pub(super) fn takes(&self, declared: &Declared) -> bool {
        let tags = declared.tree.get("tags").and_then(Node::array).unwrap_or_default();
        let has = |tag: &String| tags.iter().any(|own| own.text() == Some(tag));
        (self.sessions.is_empty()
            || self.sessions.iter().any(|glob| glob_matches(glob, &declared.name)))
            && self.tags.iter().all(has)
    }
}

/// What a plan says of a session beside its parameters and keys.
const FIELDS: [&str; 3] = ["session", "strategy", "mode"];

/// What the name of a metric begins with.
pub const METRICS: &str = "metrics.";

impl Plan {
    /// Keep the sessions that `selection` wants, in the order that it wants them in.
    pub(super) fn select(&mut self, selection: &Selection) -> Result<(), Mistakes> {
        let planned = self.points.len();
        if let Some(text) = &selection.filter {
            let filter = self.filter(text)?;
            let (bases, points) = (&self.bases, &mut self.points);
            points.retain(|point| {
                let base = &bases[point.base];
                let has_tag = |tag: &str| base.session.label.tags.iter().any(|own| own == tag);
                filter.holds(|name| value(base, point, name), has_tag)
            });
        }
        if let Some((name, descending)) = &selection.sort {
            self.sort(name, *descending)?;
        }
        self.points.drain(..selection.offset.min(self.points.len()));
        self.points.truncate(selection.limit.unwrap_or(usize::MAX));
        self.partial |= self.points.len() < planned;
        self.drop_unused();
        Ok(())
    }

    fn filter(&self, text: &str) -> Result<Filter, Mistakes> {
        let mut names = self.names();
        names.push(("status".into(), Type::Text));
        names.extend(Metric::ALL.map(|it| (format!("{METRICS}{}", it.name()), Type::Number)));
        let filter = Filter::compile(text, &names)?;
        let later = filter.uses().find(|&name| name == "status" || name.starts_with(METRICS));
        match later {
            Some(name) => Err(later_mistake("--filter", text, name).into()),
            None => Ok(filter),
        }
    }

    /// Order the sessions by one value; what has none stands last either way.
    fn sort(&mut self, name: &str, descending: bool) -> Result<(), Mistake> {
        let names = self.names();
        if !names.iter().any(|(known, _)| known == name) {
            if name == "status" || Metric::from_name(name.trim_start_matches(METRICS)).is_some() {
                return Err(later_mistake("--sort", name, name));
            }
            let place = Place::whole(&Source::new("command line, --sort", name));
            let mistake = Mistake::new(codes::UNKNOWN_NAME, &place, "unknown name in `--sort`");
            return Err(mistake.suggest(name, names.iter().map(|(known, _)| known.as_str())));
        }
        let bases = &self.bases;
        self.points.sort_by(|a, b| {
            let of = |point: &Point| value(&bases[point.base], point, name);
            let (a, b) = (of(a), of(b));
            let absent = (a == Scalar::Missing).cmp(&(b == Scalar::Missing));
            absent.then(if descending { b.order(&a) } else { a.order(&b) })
        });
        Ok(())
    }

    /// The names that sessions of this plan have values for.
    fn names(&self) -> Vec<(String, Type)> {
        let mut names: Vec<(String, Type)> =
            FIELDS.iter().map(|name| ((*name).to_owned(), Type::Text)).collect();
        let mut add = |name: String, ty: Type| {
            if !names.iter().any(|(known, _)| *known == name) {
                names.push((name, ty));
            }
        };
        for base in &self.bases {
            let definitions = std::iter::once(&base.session.definition).chain(&base.strategies);
            for param in definitions.flat_map(|definition| &definition.params) {
                add(param.name.clone(), param.kind.ty());
                add(format!("params.{}", param.name), param.kind.ty());
            }
            for axis in &base.axes {
                add(axis.path.clone(), type_of(&axis.scalars));
            }
        }
        for path in session_paths() {
            let values = self.bases.iter().filter_map(|base| base.declared.tree.at(&path));
            let values: Vec<Scalar> = values.map(scalar).collect();
            if !values.is_empty() {
                add(path, type_of(&values));
            }
        }
        names
    }

    /// Forget the declared sessions of which no point is left.
    fn drop_unused(&mut self) {
        let mut is_used = vec![false; self.bases.len()];
        self.points.iter().for_each(|point| is_used[point.base] = true);
        let mut left = 0;
        let numbers: Vec<usize> = is_used
            .iter()
            .map(|used| {
                left += usize::from(*used);
                left.wrapping_sub(1)
            })
            .collect();
        self.points.iter_mut().for_each(|point| point.base = numbers[point.base]);
        let mut used = is_used.into_iter();
        self.bases.retain(|_| used.next().expect("there is one for each base"));
    }
}

/// What `name` is for a session: a field, a parameter (bare or by its path), or a key by its path.
pub fn value(base: &Base, point: &Point, name: &str) -> Scalar {
    let definition = base.definition(point);
    match name {
        "session" => return Scalar::Text(base.session.name.as_str().into()),
        "strategy" => return Scalar::Text(definition.name.as_str().into()),
        "mode" => {
            let mode = base.declared.tree.get("mode").and_then(Node::text);
            return Scalar::Text(mode.unwrap_or("backtest").into());
        }
        _ => {}
    }
    let param = name.strip_prefix("params.").unwrap_or(name);
    let is_it = |path: &str| path == name || path.strip_prefix("params.") == Some(param);
    if let Some((_, value)) = base.values(point).find(|(path, _)| is_it(path)) {
        return value.clone();
    }
    if let Ok(number) = definition.param(param) {
        return base.param(definition, number);
    }
    base.declared.tree.at(name).map_or(Scalar::Missing, scalar)
}

/// Somebody wants to choose by what a run is for.
fn later_mistake(option: &str, text: &str, name: &str) -> Mistake {
    let source = Source::new(format!("command line, {option}"), text);
    let title = format!("`{name}` is known only when the sessions have run");
    Mistake::new(codes::UNKNOWN_NAME, &Place::whole(&source), title)
        .help(format!("run them, then `papertape runs show latest --sessions {option} ...`"))
}
