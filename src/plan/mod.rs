//! From manifests to the frozen, ordered list of sessions, and from that list to work.
//!
//! [`Plan`] is what a run is going to do, written down: nothing after it reads a manifest. Its bases
//! are the declared sessions, typed once; a point of a sweep is its values on the axes and refers to
//! its base. [`Prepared`] adds what only the data can tell: the slices, the rules bound to parameters,
//! and each session's identity.

pub mod file;
pub mod filter;
pub mod identity;
pub mod sweep;

mod near;
mod possible;
mod prepare;
mod random;
mod selection;

pub use identity::{Digest, Identity, hex};
pub use near::{Distances, Near};
pub use prepare::{AT_ONCE, Changed, Instruction, Job, Prepared, Told, Variant, What, Work};
pub use random::SplitMix;
pub use selection::{METRICS, Selection, value};
pub use sweep::Axis;

use crate::diag::{Mistake, Mistakes, codes};
use crate::expr::Scalar;
use crate::manifest::session::param_value;
use crate::manifest::{
    Check, DataSettings, Declared, Layers, Manifest, Mode, Node, Project, RunSettings, Session,
    Table, lay_at, type_data, type_session,
};
use crate::strategy::Definition;
use std::path::PathBuf;
use std::sync::Arc;
use sweep::STRATEGY;

/// Everything that a run is going to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The projects in which the manifests' names are looked up, one a manifest.
    pub projects: Arc<[Project]>,
    /// What concerns the run.
    pub run: RunSettings,
    /// The manifests, by path as people write it, with a digest of their text.
    pub manifests: Vec<(String, String)>,
    /// What each project's manifest says about checks; nothing in a plan that was written before.
    pub checks: Vec<Check>,
    /// The name under which reports show the run.
    pub title: String,
    /// The declared sessions in order.
    pub bases: Vec<Base>,
    /// The sessions, in the order of the manifest unless another was asked for.
    pub points: Vec<Point>,
    /// Whether a selection left some of the manifests' sessions out.
    pub partial: bool,
}

/// A declared session: one point, or the base of a sweep.
#[derive(Debug, Clone)]
pub struct Base {
    /// The number of its project among the plan's.
    pub project: usize,
    /// Its merged layers, without the sweep.
    pub declared: Declared,
    /// The same, typed.
    pub session: Session,
    /// Whether it is swept.
    pub swept: bool,
    /// The axes of its sweep.
    pub axes: Vec<Axis>,
    /// The strategies of the values of its axis `strategy`; empty without one.
    pub strategies: Vec<Arc<Definition>>,
    /// The numbers of each point's values on the axes, one row of the grid after the other.
    pub grid: Vec<u32>,
    /// How many points the product of the axes has; of a random sweep, how many were drawn.
    pub generated: usize,
    /// How many points each rule removed.
    pub removed: Vec<(String, usize)>,
}

/// One session of the plan.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// The number of its base.
    pub base: usize,
    /// Its row in the grid of the base.
    pub row: usize,
}

impl Base {
    /// The session's key at `point`: its name and its values on the axes.
    pub fn key(&self, point: &Point) -> String {
        if !self.swept {
            return self.session.name.clone();
        }
        let values: Vec<String> = self
            .values(point)
            .map(|(path, value)| {
                format!("{}={}", path.strip_prefix("params.").unwrap_or(path), word(value))
            })
            .collect();
        format!("{}[{}]", self.session.name, values.join(","))
    }

    /// The values of its strategy's parameters at `point`; `session` is this one's, with the values of
    /// the point that are no parameters.
    pub fn params(&self, point: &Point, session: &Session) -> Vec<Scalar> {
        let mut params = session.params.clone();
        for (path, value) in self.values(point) {
            if let Some(name) = path.strip_prefix("params.")
                && let Ok(param) = session.definition.param(name)
            {
                params[param] = value.clone();
            }
        }
        params
    }

    /// The numbers of `point`'s values, one for each axis.
    pub fn at(&self, point: &Point) -> &[u32] {
        &self.grid[point.row * self.axes.len()..][..self.axes.len()]
    }

    /// The paths and values of `point`, without the axes that leave it as the session says.
    pub fn values(&self, point: &Point) -> impl Iterator<Item = (&str, &Scalar)> {
        let at = self.axes.iter().zip(self.at(point));
        let values = at.map(|(axis, &value)| (axis.path.as_str(), &axis.scalars[value as usize]));
        values.filter(|(_, value)| **value != Scalar::Missing)
    }

    /// The strategy of `point`.
    pub fn definition(&self, point: &Point) -> &Arc<Definition> {
        self.definition_at(self.at(point))
    }

    fn definition_at(&self, at: &[u32]) -> &Arc<Definition> {
        let axis = self.axes.iter().position(|axis| axis.path == STRATEGY);
        axis.map_or(&self.session.definition, |axis| &self.strategies[at[axis] as usize])
    }

    /// What all points of one strategy have for its parameter `number`, unless an axis says otherwise.
    fn param(&self, definition: &Definition, number: usize) -> Scalar {
        let param = &definition.params[number];
        let said = self.declared.tree.at(&format!("params.{}", param.name)).map(param_value);
        said.or_else(|| param.default.clone()).unwrap_or(Scalar::Missing)
    }
}

/// A value as it stands in keys and tables.
pub fn word(value: &Scalar) -> String {
    match value {
        Scalar::Number(number) => number.to_string(),
        Scalar::Bool(value) => value.to_string(),
        Scalar::Text(text) => text.to_string(),
        Scalar::Missing => String::new(),
    }
}

impl Plan {
    /// Plan the manifests at `paths`, each in its project; `None` if there are mistakes that stop the
    /// work.
    pub fn read(
        paths: &[PathBuf],
        projects: Vec<Project>,
        layers: &Layers<'_>,
        selection: &Selection,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let projects: Arc<[Project]> = projects.into();
        let mut plan: Option<Self> = None;
        for (index, (path, project)) in paths.iter().zip(&*projects).enumerate() {
            let Some(manifest) = Manifest::read(path, project, layers, mistakes) else { continue };
            let plan = plan.get_or_insert_with(|| Self {
                projects: projects.clone(),
                run: manifest.run.clone(),
                manifests: Vec::new(),
                checks: Vec::new(),
                title: manifest.name.clone(),
                bases: Vec::new(),
                points: Vec::new(),
                partial: false,
            });
            let digest = blake3::hash(manifest.source.text.as_bytes()).to_hex().to_string();
            plan.manifests.push((manifest.source.name.clone(), digest));
            plan.checks.push(manifest.check);
            if index > 0 {
                plan.title = format!("{}, {}", plan.title, manifest.name);
                if let Some(place) = manifest.run_place.filter(|_| manifest.run != plan.run) {
                    let title =
                        format!("`[run]` of {} holds for the whole run", plan.manifests[0].0);
                    let mistake = Mistake::new(codes::EXCLUSIVE, &place, title).warning();
                    mistakes.push(mistake.label("the first manifest says it; this is not read"));
                }
            }
            for declared in manifest.sessions {
                plan.add(declared, index, project, selection, mistakes);
            }
        }
        let mut plan = plan?;
        if mistakes.has_errors() {
            // What only the data can tell is told as well, so that all can be mended at once.
            plan.points.dedup_by_key(|point| point.base);
            Prepared::new(&plan, mistakes);
            return None;
        }
        plan.select(selection).map_err(|found| mistakes.append(found)).ok()?;
        Some(plan)
    }

    fn add(
        &mut self,
        declared: Declared,
        project_index: usize,
        project: &Project,
        selection: &Selection,
        mistakes: &mut Mistakes,
    ) {
        if let Some(other) = self.bases.iter().find(|base| base.session.name == declared.name) {
            let title = format!("session `{}` is declared twice", declared.name);
            let label = format!("also at {}", other.declared.place);
            mistakes.push(Mistake::new(codes::TWICE, &declared.place, title).label(label));
            return;
        }
        if !selection.takes(&declared) {
            // What is not wanted need not even fit the options of the command line.
            self.partial = true;
            return;
        }
        mistakes.append(declared.shadowed.clone());
        let mut tree = declared.tree;
        let sweep = tree.remove("sweep");
        if let Some(sweep) = &sweep {
            sweep::stand_in(&mut tree, sweep);
        }
        let stood = sweep.as_ref().map(|sweep| sweep::with_params(&tree, sweep, project));
        let stood = stood.as_ref().unwrap_or(&tree);
        let typed = type_session(&declared.name, &declared.place, stood, project, mistakes);
        let Some(session) = typed else { return };
        let declared = Declared { tree, ..declared };
        let swept = sweep.is_some();
        if let Some(sweep) = sweep.as_ref().filter(|_| session.mode == Mode::Paper) {
            let title = format!("`{}` is a paper account and cannot be swept", declared.name);
            let label = "an account has one set of values; declare a session for each";
            mistakes.push(Mistake::new(codes::EXCLUSIVE, &sweep.node.place, title).label(label));
            return;
        }
        let points = match &sweep {
            Some(sweep) => {
                match sweep::expand(&session, &declared.tree, sweep, project, mistakes) {
                    Some(points) => points,
                    None => return,
                }
            }
            None => sweep::Points { generated: 1, points: vec![Vec::new()], ..Default::default() },
        };
        let number = self.bases.len();
        self.points.extend((0..points.points.len()).map(|row| Point { base: number, row }));
        self.bases.push(Base {
            project: project_index,
            declared,
            session,
            swept,
            axes: points.axes,
            strategies: points.strategies,
            grid: points.points.concat(),
            generated: points.generated,
            removed: points.removed,
        });
    }

    /// The key of session number `index`.
    pub fn key(&self, index: usize) -> String {
        let point = &self.points[index];
        self.base(point).key(point)
    }

    /// The base of `point`.
    pub fn base(&self, point: &Point) -> &Base {
        &self.bases[point.base]
    }

    /// The project of the first manifest: what concerns the run is looked up there.
    pub fn project(&self) -> &Project {
        &self.projects[0]
    }

    /// The session of `point` with every value but its parameters; `None` with mistakes.
    fn session(&self, point: &Point, mistakes: &mut Mistakes) -> Option<Session> {
        let base = self.base(point);
        if base.axes.iter().all(|axis| axis.path.starts_with("params.")) {
            return Some(base.session.clone());
        }
        let tree = Self::variant_tree(base, base.at(point));
        let (Session { name, place, .. }, project) = (&base.session, &self.projects[base.project]);
        let mut session = type_session(name, place, &tree, project, mistakes)?;
        session.share(&base.session);
        Some(session)
    }

    /// The different data of its sessions, in the order of the plan.
    pub fn data(&self, mistakes: &mut Mistakes) -> Vec<DataSettings> {
        let mut all: Vec<DataSettings> = Vec::new();
        for point in &self.points {
            let base = self.base(point);
            let data =
                match base.axes.iter().any(|axis| axis.path.split('.').next() == Some("data")) {
                    false => Some((*base.session.data).clone()),
                    true => {
                        let tree = Self::variant_tree(base, base.at(point));
                        let (name, place) = (&base.session.name, &base.session.place);
                        type_data(name, place, &tree, &self.projects[base.project], mistakes)
                    }
                };
            // How far rules see back makes no other bars of the file.
            let data = data.map(|data| DataSettings { warmup: None, ..data });
            all.extend(data.filter(|data| !all.contains(data)));
        }
        all
    }

    /// The tree of a base with the values of a point's axes put in.
    fn variant_tree(base: &Base, at: &[u32]) -> Table {
        let mut tree = base.declared.tree.clone();
        let mut values: Vec<(&str, &Node)> = Vec::new();
        for (axis, &value) in base.axes.iter().zip(at) {
            values.extend(axis.values[value as usize].as_ref().map(|node| (&*axis.path, node)));
        }
        // What is said of a whole table comes before what is said of its keys.
        values.sort_by_key(|(path, _)| path.split('.').count());
        for (path, node) in values {
            lay_at(&mut tree, path, node.clone());
        }
        // What the session says of parameters holds for every swept strategy that has them.
        if let (false, Some(params)) = (base.strategies.is_empty(), tree.table_at_mut("params")) {
            let definition = base.definition_at(at);
            let names: Vec<String> = params.iter().map(|entry| entry.key.clone()).collect();
            for name in names.iter().filter(|name| definition.param(name).is_err()) {
                params.remove(name);
            }
        }
        tree
    }
}
