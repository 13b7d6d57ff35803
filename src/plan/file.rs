//! plan.jsonl: the frozen plan as lines of JSON, written before anything runs and read to resume.
//!
//! The first line is a header; then one line a base with its merged tree and its strategy, so that no
//! manifest, template or strategy file is needed again; then one line a session with its index, id,
//! base and values.

use super::identity::hex;
use super::sweep::{self, STRATEGY};
use super::{Axis, Base, Plan, Point, Prepared};
use crate::diag::{Mistakes, Place, Source};
use crate::engine::ENGINE;
use crate::expr::{Scalar, Type};
use crate::manifest::session::definition_of;
use crate::manifest::tree::Entry;
use crate::manifest::{
    Declared, Keep, Mode, Node, Objective, Project, RunSettings, SCHEMA, Table, Value, type_session,
};
use crate::metrics::Metric;
use crate::store::DataCheck;
use crate::strategy::Definition;
use anyhow::{Context, Result, bail, ensure};
use chrono::NaiveDate;
use serde_json::json;
use std::collections::{HashMap, hash_map};
use std::path::Path;
use std::sync::Arc;

/// The version of this file's layout.
const LAYOUT: u64 = 1;

/// The plan as the text of plan.jsonl; `cached` says which sessions are taken over.
pub fn write(plan: &Plan, prepared: &Prepared, cached: &[bool]) -> String {
    let projects = &plan.projects;
    let run = &plan.run;
    let header = json!({
        "plan": LAYOUT,
        "schema": SCHEMA,
        "engine": ENGINE,
        "title": plan.title,
        "manifests": plan.manifests,
        "now": projects.first().map(|project| project.now),
        "roots": projects.iter().map(|project| project.root.display().to_string()).collect::<Vec<_>>(),
        "objective": run.objective.metric.name(),
        "maximize": run.objective.maximize,
        "keep": run.keep.word(),
        "output": run.output,
        "reports": run.reports,
        "fail_fast": run.fail_fast,
        "timeout": run.timeout,
        "hooks": run.hooks,
        "threads": run.threads,
        "cache": run.cache,
        "sessions": plan.points.len(),
        "partial": plan.partial,
    });
    let mut text = format!("{header}\n");
    for (number, base) in plan.bases.iter().enumerate() {
        let first = prepared.jobs.iter().find(|job| plan.points[job.index].base == number);
        let work = first.and_then(|job| job.work.as_ref().ok());
        let components = first.and_then(|job| prepared.components(plan, job));
        let components =
            components.map(|all| all.map(|(part, digest)| (part.to_owned(), json!(digest))));
        let found = work.map(|work| prepared.checks(work.slice));
        let line = base_line(number, base, &projects[base.project], components, found);
        text.push_str(&format!("{line}\n"));
    }
    for job in &prepared.jobs {
        let point = &plan.points[job.index];
        let base = plan.base(point);
        let axes: serde_json::Map<String, serde_json::Value> = base
            .axes
            .iter()
            .zip(base.at(point))
            .map(|(axis, &at)| {
                let value = axis.values[at as usize].as_ref();
                (axis.path.clone(), value.map_or(serde_json::Value::Null, Node::json))
            })
            .collect();
        let id = job.work.as_ref().ok().map(|work| hex(&work.identity().digest(), 64));
        let line = json!({
            "index": job.index,
            "id": id,
            "base": point.base,
            "axes": axes,
            "cached": cached.get(job.index).copied().unwrap_or(false),
        });
        text.push_str(&format!("{line}\n"));
    }
    text
}

/// The names of a session's components and their digests.
type Components = [(String, serde_json::Value); 4];

fn base_line(
    number: usize,
    base: &Base,
    project: &Project,
    components: Option<Components>,
    checks: Option<Vec<DataCheck>>,
) -> serde_json::Value {
    let mut tree = base.declared.tree.clone();
    resolve_range(&mut tree, base);
    let place = base.declared.place.clone();
    // A parameter that only axes have a value for is checked with one of them.
    for (param, value) in base.session.definition.params.iter().zip(&base.session.params) {
        let path = format!("params.{}", param.name);
        if param.default.is_none() && tree.at(&path).is_none() {
            let value = sweep::value(value);
            let node = value.map(|value| Node { value, place: place.clone() });
            node.into_iter().for_each(|node| tree.set_at(&path, node, &place));
        }
    }
    let strategy = base.declared.tree.get("strategy").and_then(Node::text);
    let strategies = strategies_of(base, strategy);
    let strategies: serde_json::Map<String, serde_json::Value> = strategies
        .into_iter()
        .filter_map(|name| Some((name.clone(), project.strategy_table(&name)?.json())))
        .collect();
    json!({
        "base": number,
        "name": base.session.name,
        "project": base.project,
        "swept": base.swept,
        "generated": base.generated,
        "removed": base.removed,
        "components": components.map(serde_json::Map::from_iter),
        "checks": checks,
        "tree": tree.json(),
        "origins": origins(&base.declared),
        "strategies": strategies,
    })
}

/// Which layer set each key of a session, and where.
fn origins(declared: &Declared) -> serde_json::Map<String, serde_json::Value> {
    fn leaves(table: &Table, at: &str, paths: &mut Vec<String>) {
        for entry in table.iter() {
            let path = match at {
                "" => entry.key.clone(),
                at => format!("{at}.{}", entry.key),
            };
            match entry.node.table() {
                Some(table) => leaves(table, &path, paths),
                None => paths.push(path),
            }
        }
    }
    let mut paths = Vec::new();
    leaves(&declared.tree, "", &mut paths);
    let origin = |path: String| {
        let place = declared.tree.at(&path)?.place.to_string();
        let is_it = |node: &Node| node.place.to_string() == place;
        let layer = declared.layers.iter().rev().find(|it| it.table.at(&path).is_some_and(is_it));
        let label = layer.map_or(String::new(), |layer| format!("{}, ", layer.label));
        Some((path, json!(format!("{label}{place}"))))
    };
    paths.into_iter().filter_map(origin).collect()
}

/// Where each key of each session of a written plan was set, by the session's name.
pub fn origins_of(text: &str) -> HashMap<String, Vec<(String, String)>> {
    let lines = text.lines().map(serde_json::from_str::<serde_json::Value>);
    // Bases stand before sessions.
    let bases = lines.skip(1).map_while(|line| line.ok().filter(|line| line.get("tree").is_some()));
    bases
        .filter_map(|line| {
            let origins = line.get("origins")?.as_object()?.iter();
            let origins =
                origins.map(|(path, at)| (path.clone(), at.as_str().unwrap_or("").into()));
            Some((line["name"].as_str()?.to_owned(), origins.collect()))
        })
        .collect()
}

/// The strategies that a base names: its own, and those on an axis.
fn strategies_of(base: &Base, own: Option<&str>) -> Vec<String> {
    let swept = base.axes.iter().filter(|axis| axis.path == STRATEGY);
    let named = swept.flat_map(|axis| axis.values.iter().flatten().filter_map(Node::text));
    own.into_iter().chain(named).map(str::to_owned).collect()
}

/// Relative dates count from the day of the plan, not from that of a later resume.
fn resolve_range(tree: &mut Table, base: &Base) {
    let range = base.session.range;
    for (path, day) in [("range.from", range.from), ("range.to", range.to)] {
        if let (Some(day), Some(node)) = (day, tree.at(path)) {
            let place = node.place.clone();
            let node = Node { value: Value::Date(day.to_string()), place: place.clone() };
            tree.set_at(path, node, &place);
        }
    }
}

/// The components of every base of a written plan, by the name of its session.
pub fn components(text: &str) -> Vec<(String, HashMap<String, String>)> {
    let lines = text.lines().map(serde_json::from_str::<serde_json::Value>);
    // Bases stand before sessions.
    let bases = lines.skip(1).map_while(|line| line.ok().filter(|line| line.get("tree").is_some()));
    bases
        .filter_map(|line| {
            let components = serde_json::from_value(line.get("components")?.clone()).ok()?;
            Some((line["name"].as_str()?.to_owned(), components))
        })
        .collect()
}

/// A plan that was written before, and the identities its sessions had then.
#[derive(Debug)]
pub struct Frozen {
    /// The plan; its projects have the strategies as they were.
    pub plan: Plan,
    /// The identity of each session; `None` where its data was refused.
    pub identities: Vec<Option<String>>,
    /// Which sessions were to be taken over from earlier runs.
    pub cached: Vec<bool>,
    /// What the checks found in the data of each base; of a sweep, in that of its first point.
    pub checks: Vec<Vec<DataCheck>>,
}

/// Read the plan that [`fn@write`] wrote.
pub fn read(text: &str) -> Result<Frozen> {
    let mut lines = text.lines().enumerate().map(|(number, line)| {
        let value: serde_json::Value = serde_json::from_str(line).with_context(|| {
            let remedy = "a new run takes over the rows of what ended";
            format!("plan.jsonl is damaged at line {}, {remedy}", number + 1)
        })?;
        anyhow::Ok((number + 1, value))
    });
    let (_, header) = lines.next().context("plan.jsonl is empty")??;
    ensure!(header["plan"] == LAYOUT, "plan.jsonl has another layout than this papertape reads");
    let engine = header["engine"].as_u64().unwrap_or_default();
    if engine != u64::from(ENGINE) {
        bail!("the plan was made by engine {engine}, and this is engine {ENGINE}; start a new run");
    }
    let mut frozen = Frozen {
        plan: Plan {
            projects: strings(&header["roots"])
                .iter()
                .map(|root| project_at(Path::new(root), header["now"].as_i64()))
                .collect(),
            run: run_settings(&header)?,
            manifests: serde_json::from_value(header["manifests"].clone()).context("manifests")?,
            checks: Vec::new(),
            title: header["title"].as_str().unwrap_or_default().to_owned(),
            bases: Vec::new(),
            points: Vec::new(),
            partial: header["partial"].as_bool().unwrap_or(false),
        },
        identities: Vec::new(),
        cached: Vec::new(),
        checks: Vec::new(),
    };
    let mut known = HashMap::new();
    for line in lines {
        let (number, line) = line?;
        let source = Source::new(format!("plan.jsonl, line {number}"), "");
        let context = || format!("plan.jsonl: line {number}");
        if line.get("tree").is_some() {
            frozen.base(&line, &source).with_context(context)?;
        } else {
            frozen.point(&line, &source, &mut known).with_context(context)?;
        }
    }
    let (found, written) = (frozen.plan.points.len() as u64, header["sessions"].as_u64());
    ensure!(
        written.is_none_or(|written| found == written),
        "plan.jsonl has {found} of its {} sessions; plan them anew",
        written.unwrap_or_default()
    );
    Ok(frozen)
}

fn project_at(root: &Path, now: Option<i64>) -> Project {
    // The day matters no more: a frozen plan has no relative dates. The moment does, for bars that
    // were not complete then.
    let project = Project::of(root, Some(root), chrono::NaiveDate::default());
    // A plan of before moments were kept saw everything.
    project.at(now.unwrap_or(i64::MAX / 2))
}

fn strings(json: &serde_json::Value) -> Vec<String> {
    let items = json.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item.as_str()).map(str::to_owned).collect()
}

fn run_settings(header: &serde_json::Value) -> Result<RunSettings> {
    let text = |key: &str| header[key].as_str().unwrap_or_default();
    let metric = Metric::from_name(text("objective")).context("the objective is no metric")?;
    let keep = match text("keep") {
        "all" => Keep::All,
        "failed" => Keep::Failed,
        "none" => Keep::None,
        top => top.strip_prefix("top:").and_then(|n| n.parse().ok()).map_or(Keep::Auto, Keep::Top),
    };
    Ok(RunSettings {
        threads: header["threads"].as_u64().unwrap_or_default() as usize,
        objective: Objective { metric, maximize: header["maximize"].as_bool().unwrap_or(true) },
        keep,
        output: text("output").to_owned(),
        reports: strings(&header["reports"]),
        // The first plans did not say it.
        cache: header["cache"].as_bool().unwrap_or(true),
        fail_fast: header["fail_fast"].as_bool().unwrap_or(false),
        // A plan that was written has been found to be within its budget.
        max_time: None,
        max_memory: None,
        // The first plans were written before there were these two.
        timeout: serde_json::from_value(header["timeout"].clone()).unwrap_or_default(),
        hooks: serde_json::from_value(header["hooks"].clone()).unwrap_or_default(),
    })
}

impl Frozen {
    fn base(&mut self, line: &serde_json::Value, source: &Arc<Source>) -> Result<()> {
        let project = line["project"].as_u64().unwrap_or_default() as usize;
        let project_files =
            self.plan.projects.get(project).context("the project is not in the header")?;
        let place = Place::whole(source);
        let mut mistakes = Mistakes::default();
        let table = |json: &serde_json::Value| match Node::from_json(json, source).value {
            Value::Table(table) => table,
            _ => Table::default(),
        };
        for (name, json) in line["strategies"].as_object().into_iter().flatten() {
            project_files.freeze_strategy(name, table(json), &place, &mut mistakes);
        }
        let name = line["name"].as_str().context("a base has no name")?.to_owned();
        let (tree, layers, shadowed) = (table(&line["tree"]), Vec::new(), Mistakes::default());
        let declared = Declared { name, place, tree, layers, shadowed };
        let typed = type_session(
            &declared.name,
            &declared.place,
            &declared.tree,
            project_files,
            &mut mistakes,
        );
        let Some(session) = typed else { bail!("{}", mistakes.render(false)) };
        self.checks.push(serde_json::from_value(line["checks"].clone()).unwrap_or_default());
        self.plan.bases.push(Base {
            project,
            declared,
            session,
            swept: line["swept"].as_bool().unwrap_or(false),
            axes: Vec::new(),
            strategies: Vec::new(),
            grid: Vec::new(),
            generated: line["generated"].as_u64().unwrap_or_default() as usize,
            removed: serde_json::from_value(line["removed"].clone()).context("removed")?,
        });
        Ok(())
    }

    /// `known` numbers the values of every axis that were met so far.
    fn point(
        &mut self,
        line: &serde_json::Value,
        source: &Arc<Source>,
        known: &mut HashMap<(usize, String, String), u32>,
    ) -> Result<()> {
        let number = line["base"].as_u64().context("a session has no base")? as usize;
        let projects = &self.plan.projects;
        let base = self.plan.bases.get_mut(number).context("the base is not in the plan")?;
        let row = base.grid.len().checked_div(base.axes.len()).unwrap_or_default();
        let mut met = 0;
        for (index, (path, json)) in line["axes"].as_object().into_iter().flatten().enumerate() {
            // The first session names the axes.
            if base.grid.len() == index {
                let axis = Axis { path: path.clone(), values: Vec::new(), scalars: Vec::new() };
                base.axes.push(axis);
            }
            let axis = base.axes.get_mut(index).filter(|axis| axis.path == *path);
            let axis = axis.context("the axes of the session are not those of its base")?;
            let value = match known.entry((number, path.clone(), json.to_string())) {
                hash_map::Entry::Occupied(known) => *known.get(),
                hash_map::Entry::Vacant(vacant) => {
                    let node = (!json.is_null()).then(|| Node::from_json(json, source));
                    if let Some(node) = node.as_ref().filter(|_| path == STRATEGY) {
                        let (project, mut found) = (&projects[base.project], Mistakes::default());
                        let definition = definition_of(node, project, &mut found);
                        base.strategies.push(definition.with_context(|| found.render(false))?);
                    }
                    axis.push(node);
                    *vacant.insert(axis.values.len() as u32 - 1)
                }
            };
            base.grid.push(value);
            met += 1;
        }
        ensure!(met == base.axes.len(), "the session has fewer axes than its base");
        let index = line["index"].as_u64().unwrap_or_default() as usize;
        ensure!(index == self.plan.points.len(), "the sessions are not in order");
        self.plan.points.push(Point { base: number, row });
        self.identities.push(line["id"].as_str().map(str::to_owned));
        self.cached.push(line["cached"].as_bool().unwrap_or(false));
        Ok(())
    }

    /// Refuse to go on if a session is not what it was when the plan was made.
    pub fn check(&self, prepared: &Prepared) -> Result<()> {
        for job in &prepared.jobs {
            let now = job.work.as_ref().ok().map(|work| hex(&work.identity().digest(), 64));
            let point = &self.plan.points[job.index];
            // An account goes on with the bars that it has seen.
            let is_account = self.plan.base(point).session.mode == Mode::Paper;
            if is_account || now == self.identities[job.index] {
                continue;
            }
            let key = self.plan.base(point).key(point);
            match &job.work {
                Err(reason) => bail!("session {key} cannot go on: {reason}"),
                Ok(_) => bail!(
                    "the data of session {key} is not what it was when the plan was made; start a new run"
                ),
            }
        }
        Ok(())
    }
}

/// What a result depends on, as a TOML text: the base with the values of the point, the days that its
/// range came to, without names and labels, which may change while the result stays the same.
pub fn session_toml(
    base: &Base,
    point: &Point,
    definition: &Definition,
    params: &[Scalar],
    days: Option<(NaiveDate, NaiveDate)>,
) -> String {
    let mut tree = Plan::variant_tree(base, base.at(point));
    let place = base.declared.place.clone();
    for (param, value) in definition.params.iter().zip(params) {
        let value = match value {
            Scalar::Number(number) if param.kind.ty() != Type::Int => {
                Value::Float(*number, number.to_string())
            }
            value => match sweep::value(value) {
                Some(value) => value,
                None => continue,
            },
        };
        let node = Node { value, place: place.clone() };
        tree.set_at(&format!("params.{}", param.name), node, &place);
    }
    for (path, day) in days.into_iter().flat_map(|(a, b)| [("range.from", a), ("range.to", b)]) {
        let node = Node { value: Value::Date(day.to_string()), place: place.clone() };
        tree.set_at(path, node, &place);
    }
    for label in ["description", "notes", "env", "tags", "currency", "expect"] {
        tree.remove(label);
    }
    tree.remove_at("data.path");
    let entry = Entry {
        key: "session".into(),
        key_place: place.clone(),
        node: Node { value: Value::Table(tree), place },
    };
    let mut wrapped = Table::default();
    wrapped.set(entry);
    wrapped.toml().trim_start().to_owned()
}
