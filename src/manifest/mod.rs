//! TOML text to sessions.
//!
//! ```text
//! text -> Table (places kept) -> checked against the keys -> layers merged -> Session
//! ```
//!
//! Layers, lowest first: the templates of `[defaults]`, `[defaults]`, the session's templates, the
//! session, overrides that match in the order of the file, the profile, and what the command line
//! sets. Everything up to the last arrow works on the untyped tree, so that a sweep can set any key.

pub mod data;
pub mod gates;
pub mod hooks;
pub mod keys;
pub mod paper;
pub mod project;
pub mod reference;
pub mod schema;
pub mod session;
mod settings;
mod shadow;
pub mod span;
pub mod tree;

mod check;
mod run;
mod split;
mod strategy_file;

pub use check::{check, check_table};
pub use data::{Adjust, CalendarChoice, Checks, DataSettings, Hours, Policy};
pub use gates::{Check, Expectation, Gates};
pub use hooks::{Hook, Moment};
pub use paper::{Mode, PaperSettings};
pub use project::{Folder, Project};
pub use run::{Keep, Objective, RunSettings};
pub use session::{Benchmark, Label, Range, Session, lay, lay_at, type_data, type_session};
pub use split::Split;
pub use tree::{Node, Table, Value};

use crate::diag::{Mistake, Mistakes, Place, Source, codes};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// The version of the grammar that this program reads.
pub const SCHEMA: i64 = 1;

/// A manifest whose every text was read and checked.
#[derive(Debug)]
pub struct Manifest {
    /// Its name in reports.
    pub name: String,
    /// Its text.
    pub source: Arc<Source>,
    /// What it says about the run.
    pub run: RunSettings,
    /// Where it says that, if it does.
    pub run_place: Option<Place>,
    /// What it says about checks.
    pub check: Check,
    /// Its sessions in the order of the file.
    pub sessions: Vec<Declared>,
}

/// A session with its layers merged, and not yet typed.
#[derive(Debug, Clone)]
pub struct Declared {
    /// Its name.
    pub name: String,
    /// Where its name stands.
    pub place: Place,
    /// All layers merged, the sweep included.
    pub tree: Table,
    /// What was merged, the lowest first.
    pub layers: Vec<Layer>,
    /// What the command line means to the axes of its sweep, to be told if it is to run.
    pub shadowed: Mistakes,
}

/// One of the tables that make a session, and who it is.
#[derive(Debug, Clone)]
pub struct Layer {
    /// `template us-equity-daily`, `defaults`, `session a`, `override 1`, `profile ci`, `command line`.
    pub label: String,
    /// What it says.
    pub table: Table,
}

/// A key that the command line sets or removes, and where it stands there.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// `path=value`, or just `path` to remove it.
    pub text: String,
    /// Which argument of the command line it is, from 1.
    pub argument: usize,
}

/// What the command line lays on top of every session.
#[derive(Debug, Default)]
pub struct Layers<'a> {
    /// `--profile`
    pub profile: Option<&'a str>,
    /// `--set`
    pub set: &'a [Assignment],
    /// `--unset`
    pub unset: &'a [Assignment],
}

impl Manifest {
    /// Read the manifest at `path`; `None` if there is no text. All its mistakes are in `mistakes`.
    pub fn read(
        path: &Path,
        project: &Project,
        layers: &Layers<'_>,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let title = format!("{}: {error}", project::shown(path));
                mistakes.push(Mistake::nowhere(codes::UNREADABLE, title));
                return None;
            }
        };
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("manifest");
        let source = Source::new(project::shown(path), text);
        Some(Self::parse(stem, &source, project, layers, mistakes))
    }

    /// The same from a text. What could be read is returned also when there are mistakes, so that
    /// those of its sessions can be found as well.
    pub fn parse(
        stem: &str,
        source: &Arc<Source>,
        project: &Project,
        layers: &Layers<'_>,
        mistakes: &mut Mistakes,
    ) -> Self {
        let mut found = Mistakes::default();
        let table = Table::parse(source, &mut found);
        if !found.has_errors() {
            check_table(&table, keys::MANIFEST, "", &mut found);
            for profile in
                table.get("profile").and_then(Node::table).into_iter().flat_map(Table::iter)
            {
                check_name(&profile.key, &profile.key_place, "profile", &mut found);
            }
            check_schema(&table, source, &mut found);
        }
        let mut reader = Reader { project, table: &table, layers, mistakes: found };
        let sessions = reader.sessions();
        let run = reader.run();
        let check = table.get("check").and_then(Node::table);
        let check = Check::read(check, &mut reader.mistakes);
        mistakes.append(reader.mistakes);
        let name = table.get("name").and_then(Node::text).unwrap_or(stem).to_owned();
        let run_place = table.entry("run").map(|entry| entry.key_place.clone());
        Self { name, source: source.clone(), run, run_place, check, sessions }
    }
}

fn check_schema(table: &Table, source: &Arc<Source>, mistakes: &mut Mistakes) {
    let start = Place::new(source, 0..0);
    match table.get("schema").map(|node| (&node.value, node)) {
        Some((Value::Integer(SCHEMA), _)) => {}
        Some((Value::Integer(other), node)) => {
            let title = format!("this is schema {other}, and this papertape reads schema {SCHEMA}");
            mistakes.push(Mistake::new(codes::OUT_OF_RANGE, &node.place, title));
        }
        Some(_) => {}
        None => mistakes.push(
            Mistake::new(codes::MISSING_KEY, &start, "`schema` is missing")
                .label(format!("begin with `schema = {SCHEMA}`")),
        ),
    }
}

struct Reader<'a> {
    project: &'a Project,
    table: &'a Table,
    layers: &'a Layers<'a>,
    mistakes: Mistakes,
}

impl Reader<'_> {
    fn sessions(&mut self) -> Vec<Declared> {
        let mut below = Vec::new();
        if let Some(defaults) = self.table.get("defaults").and_then(Node::table) {
            self.stack("defaults", defaults, &mut below, &mut Vec::new());
        }
        let profile = self.profile("session");
        let set = self.assignments();
        let declared = self.table.get("session").and_then(Node::table);
        let mut sessions = Vec::new();
        for entry in declared.into_iter().flat_map(Table::iter) {
            check_name(&entry.key, &entry.key_place, "session", &mut self.mistakes);
            let mut layers = below.clone();
            self.stack_session(entry, &mut layers, &mut Vec::new());
            self.overrides(&entry.key, &mut layers);
            if let (Some(table), Some(name)) = (&profile, self.layers.profile) {
                layers.push(Layer { label: format!("profile {name}"), table: table.clone() });
            }
            if !set.is_empty() {
                let paths = self.layers.set.iter().filter_map(|it| it.text.split_once('='));
                let paths: Vec<&str> = paths.map(|(path, _)| path).collect();
                let table = with_the_rest(set.clone(), &paths, &layers);
                layers.push(Layer { label: "command line".into(), table });
            }
            let mut tree = merged(&layers);
            let paths = self.layers.set.iter().filter_map(|it| it.text.split_once('='));
            let said =
                paths.filter_map(|(path, _)| Some((path, set.at(path)?))).collect::<Vec<_>>();
            let shadowed = shadow::shadowed(&mut tree, &said);
            let (name, place) = (entry.key.clone(), entry.key_place.clone());
            sessions.push(Declared { name, place, tree, layers, shadowed });
        }
        // Sessions under a misspelt key were told as that.
        let misspelt = self.mistakes.iter().any(|mistake| mistake.code == codes::UNKNOWN_KEY);
        if sessions.is_empty() && !misspelt {
            let title = "the manifest declares no session";
            let mistake = Mistake::nowhere(codes::MISSING_KEY, title);
            self.mistakes.push(mistake.help("declare one: `[session.NAME]`"));
        }
        sessions
    }

    /// Stack the session that `entry` extends, if it does, and then its own layers.
    fn stack_session(
        &mut self,
        entry: &tree::Entry,
        layers: &mut Vec<Layer>,
        chain: &mut Vec<String>,
    ) {
        let Some(table) = entry.node.table() else { return };
        if let Some((node, name)) = table.get("extends").and_then(|node| Some((node, node.text()?)))
        {
            chain.push(entry.key.clone());
            let declared = self.table.get("session").and_then(Node::table);
            let known = || declared.into_iter().flat_map(Table::iter);
            if chain.iter().any(|above| above == name) {
                let title =
                    format!("sessions extend each other in a circle: {}, {name}", chain.join(", "));
                self.mistakes.push(Mistake::new(codes::TEMPLATE_CYCLE, &node.place, title));
            } else if let Some(other) = known().find(|other| other.key == name) {
                self.stack_session(other, layers, chain);
            } else {
                let title = format!("the manifest has no session `{name}`");
                let names = known().map(|entry| entry.key.as_str());
                self.mistakes.push(
                    Mistake::new(codes::NO_TEMPLATE, &node.place, title).suggest(name, names),
                );
            }
        }
        self.stack(&format!("session {}", entry.key), table, layers, &mut Vec::new());
    }

    /// Stack the templates that `table` names, each with its own parents first, and then `table`.
    fn stack(
        &mut self,
        label: &str,
        table: &Table,
        layers: &mut Vec<Layer>,
        chain: &mut Vec<String>,
    ) {
        for node in table.get("template").map(items).unwrap_or_default() {
            let Some(name) = node.text() else { continue };
            if chain.iter().any(|above| above == name) {
                let title = format!("templates inherit in a circle: {}, {name}", chain.join(", "));
                self.mistakes.push(Mistake::new(codes::TEMPLATE_CYCLE, &node.place, title));
                continue;
            }
            let Some(source) = self.project.find(Folder::Sessions, name) else {
                let absent = self.project.absent(Folder::Sessions, name, &node.place);
                let through = chain.join(" -> ");
                let mistake = if chain.is_empty() {
                    absent
                } else {
                    absent.help(format!("named by {through}"))
                };
                self.mistakes.push(mistake);
                continue;
            };
            let mut found = Mistakes::default();
            let table = Table::parse(&source, &mut found);
            check_table(&table, keys::SESSION, "", &mut found);
            let through = format!("named by {}", chain.join(" -> "));
            self.mistakes.append(if chain.is_empty() { found } else { found.with_help(&through) });
            chain.push(name.to_owned());
            self.stack(&format!("template {name}"), &table, layers, chain);
            chain.pop();
        }
        layers.push(Layer { label: label.to_owned(), table: table.clone() });
    }

    fn profile(&mut self, part: &str) -> Option<Table> {
        let profiles = self.table.get("profile").and_then(Node::table);
        let name = self.layers.profile?;
        let Some(profile) = profiles.and_then(|profiles| profiles.get(name)) else {
            let known = profiles.into_iter().flat_map(Table::iter).map(|entry| entry.key.as_str());
            let title = format!("the manifest has no profile `{name}`");
            self.mistakes.push(Mistake::nowhere(codes::UNKNOWN_NAME, title).suggest(name, known));
            return None;
        };
        profile.table()?.get(part)?.table().cloned()
    }

    fn overrides(&mut self, name: &str, layers: &mut Vec<Layer>) {
        let overrides = self.table.get("override").and_then(Node::array).unwrap_or_default();
        // Each is matched against the session as it was before any of them.
        let before = merged(layers);
        for (number, over) in overrides.iter().filter_map(Node::table).enumerate() {
            let empty = Table::default();
            let wanted = over.get("match").and_then(Node::table).unwrap_or(&empty);
            if !matches(wanted, name, &before) {
                continue;
            }
            let mut table = Table::default();
            if let Some(unset) = over.entry("unset") {
                table.set(unset.clone());
            }
            let set = over.get("set").and_then(Node::table).unwrap_or(&empty);
            for entry in set.iter() {
                if self.check_path(&entry.key, &entry.key_place, &entry.node) {
                    table.set_at(&entry.key, entry.node.clone(), &entry.key_place);
                }
            }
            let paths: Vec<&str> = set.iter().map(|entry| entry.key.as_str()).collect();
            let table = with_the_rest(table, &paths, layers);
            layers.push(Layer { label: format!("override {}", number + 1), table });
        }
    }

    /// Whether `path` is a key of a session and `node` a value for it.
    fn check_path(&mut self, path: &str, place: &Place, node: &Node) -> bool {
        let before = self.mistakes.iter().count();
        match keys::session_kind(path) {
            Some(key) => check(node, &key.kind, path, &mut self.mistakes),
            None => self.mistakes.push(unknown_path(path, place)),
        }
        self.mistakes.iter().count() == before
    }

    /// What the command line sets and removes, as one layer.
    fn assignments(&mut self) -> Table {
        let mut layer = Table::default();
        self.removals(&mut layer);
        for assignment in self.layers.set {
            let source = Source::new(
                format!("command line, argument {}", assignment.argument),
                assignment.text.as_str(),
            );
            let Some((path, written)) = assignment.text.split_once('=') else {
                let title = "`--set` takes PATH=VALUE";
                self.mistakes.push(Mistake::new(codes::SYNTAX, &Place::whole(&source), title));
                continue;
            };
            let path_place = Place::new(&source, 0..path.len());
            let Some(key) = keys::session_kind(path) else {
                self.mistakes.push(unknown_path(path, &path_place));
                continue;
            };
            let place = Place::new(&source, path.len() + 1..source.text.len());
            let Some(node) = self.assigned(&key.kind, written, &source, place) else { continue };
            if self.check_path(path, &path_place, &node) {
                layer.set_at(path, node, &path_place);
            }
        }
        layer
    }

    fn removals(&mut self, layer: &mut Table) {
        let mut paths = Vec::new();
        for assignment in self.layers.unset {
            let name = format!("command line, argument {}", assignment.argument);
            let place = Place::whole(&Source::new(name, assignment.text.as_str()));
            if keys::session_kind(&assignment.text).is_none() {
                self.mistakes.push(unknown_path(&assignment.text, &place));
            }
            paths.push(Node { value: Value::Text(assignment.text.clone()), place });
        }
        if let Some(place) = paths.first().map(|path| path.place.clone()) {
            let node = Node { value: Value::Array(paths), place: place.clone() };
            layer.set_at("unset", node, &place);
        }
    }

    /// A value from the command line: verbatim where a string is meant, else TOML.
    fn assigned(
        &mut self,
        kind: &keys::Kind,
        written: &str,
        source: &Arc<Source>,
        place: Place,
    ) -> Option<Node> {
        use keys::Kind;
        let text = Node { value: Value::Text(written.to_owned()), place };
        if matches!(kind, Kind::Text | Kind::Word(..) | Kind::Zone | Kind::Expression) {
            return Some(text);
        }
        let mut found = Mistakes::default();
        let table = Table::parse(source, &mut found);
        let path = source.text.split_once('=').map_or("", |(path, _)| path);
        match table.at(path.trim()) {
            Some(node) if !found.has_errors() => Some(node.clone()),
            // A word without quotes is meant as a string wherever one may stand.
            _ if matches!(
                kind,
                Kind::Date | Kind::Duration | Kind::Either(_) | Kind::Any | Kind::Texts
            ) =>
            {
                Some(text)
            }
            _ => {
                let title = format!("`{path}` is {}", check::words(kind));
                self.mistakes.push(Mistake::new(codes::WRONG_TYPE, &text.place, title));
                None
            }
        }
    }

    fn run(&mut self) -> RunSettings {
        let mut table = self.table.get("run").and_then(Node::table).cloned().unwrap_or_default();
        if let Some(profile) = self.profile("run") {
            table.merge(&profile, &|_| false);
        }
        run::settings(&table, &mut self.mistakes)
    }
}

/// All of `layers`, each over those before it.
fn merged(layers: &[Layer]) -> Table {
    let mut tree = Table::default();
    for layer in layers {
        lay(&mut tree, &layer.table);
    }
    tree
}

/// A layer that says something of keys by their `paths`, with what it leaves of tables that are otherwise
/// replaced whole: one end of a range leaves the other as it is.
fn with_the_rest(mut layer: Table, paths: &[&str], below: &[Layer]) -> Table {
    let mut tree = merged(below);
    let unset = layer.get("unset").and_then(Node::array).unwrap_or_default();
    for path in unset.iter().filter_map(Node::text) {
        tree.remove_at(path);
    }
    let ends = |path: &&'_ str| path.match_indices('.').map(|(end, _)| end).collect::<Vec<_>>();
    let tables = paths.iter().flat_map(|path| ends(path).into_iter().map(|end| &path[..end]));
    let tables: BTreeSet<&str> = tables.filter(|table| keys::keeps_the_rest(table)).collect();
    for table in tables.into_iter().filter(|table| !paths.contains(table)) {
        let Some(rest) = tree.at(table) else { continue };
        let mut whole = Table::default();
        whole.set_at(table, rest.clone(), &rest.place);
        for path in paths.iter().filter(|path| keys::inside(path, table).is_some()) {
            if let Some(node) = layer.at(path) {
                lay_at(&mut whole, path, node.clone());
            }
        }
        if let Some(node) = whole.at(table) {
            layer.set_at(table, node.clone(), &node.place);
        }
    }
    layer
}

/// What one layer says of a key.
#[derive(Debug, Clone)]
pub struct Said {
    /// The layer.
    pub layer: String,
    /// Its value, as TOML; `None` where it takes away what lies below.
    pub value: Option<String>,
    /// Where it says so.
    pub place: Place,
}

impl Declared {
    /// What every layer says of the key at `path`, the highest first; the first one holds.
    pub fn explain(&self, path: &str) -> Vec<Said> {
        let mut said = Vec::new();
        let mut below = Table::default();
        for layer in &self.layers {
            let had = below.at(path).is_some();
            let taken = layer.table.get("unset").and_then(Node::array).unwrap_or_default();
            let taken =
                taken.iter().find(|node| node.text().is_some_and(|unset| covers(unset, path)));
            lay(&mut below, &layer.table);
            let label = layer.label.clone();
            match (layer.table.at(path), taken) {
                (Some(node), _) => {
                    said.push(Said {
                        layer: label,
                        value: Some(node.toml()),
                        place: node.place.clone(),
                    });
                }
                (None, Some(unset)) if had => {
                    said.push(Said { layer: label, value: None, place: unset.place.clone() });
                }
                // A layer that names another strategy, or another choice, drops what was below.
                (None, _) if had && below.at(path).is_none() => {
                    let first = path.split('.').next().unwrap_or(path);
                    let cause = layer.table.get(if first == "params" { "strategy" } else { first });
                    let place = cause.map_or_else(|| self.place.clone(), |node| node.place.clone());
                    said.push(Said { layer: label, value: None, place });
                }
                _ => {}
            }
        }
        said.reverse();
        said
    }
}

/// Whether taking away `unset` takes away `path`.
fn covers(unset: &str, path: &str) -> bool {
    path == unset || path.strip_prefix(unset).is_some_and(|rest| rest.starts_with('.'))
}

fn items(node: &Node) -> Vec<Node> {
    node.array().map_or_else(|| vec![node.clone()], <[Node]>::to_vec)
}

/// That `path` is no key of a session.
pub fn unknown_path(path: &str, place: &Place) -> Mistake {
    let known = keys::session_paths();
    let title = format!("`{path}` is not a key of a session");
    let mistake = Mistake::new(codes::SWEEP_PATH, place, title);
    if path.split('.').next() == Some("run") {
        return mistake.label("it is of the run: write it in `[run]` of the manifest");
    }
    mistake.suggest(path, known.iter().map(String::as_str))
}

/// Names of sessions, strategies, templates and profiles: `[a-z0-9][a-z0-9_-]{0,63}`.
pub fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=64).contains(&name.len())
        && name.starts_with(plain)
        && name.chars().all(|c| plain(c) || c == '_' || c == '-')
}

fn check_name(name: &str, place: &Place, what: &str, mistakes: &mut Mistakes) {
    if !is_name(name) {
        let title = format!("`{name}` cannot be the name of a {what}");
        mistakes.push(
            Mistake::new(codes::BAD_NAME, place, title)
                .label("names are a-z, 0-9, _ and -, at most 64 of them, a letter or digit first"),
        );
    }
}

/// Whether a session is one that `wanted` describes: everything given must match.
fn matches(wanted: &Table, name: &str, tree: &Table) -> bool {
    let text = |path: &str| tree.at(path).and_then(Node::text).unwrap_or_default().to_owned();
    let list = |path: &str| -> Vec<String> {
        let items = tree.at(path).and_then(Node::array).unwrap_or_default();
        items.iter().filter_map(Node::text).map(str::to_owned).collect()
    };
    let all_in = |node: &Node, have: &[String]| {
        node.array()
            .unwrap_or_default()
            .iter()
            .filter_map(Node::text)
            .all(|x| have.iter().any(|h| h == x))
    };
    wanted.iter().all(|entry| match (entry.key.as_str(), entry.node.text()) {
        ("session", Some(glob)) => glob_matches(glob, name),
        ("strategy", Some(glob)) => glob_matches(glob, &text("strategy")),
        ("mode", Some(mode)) => {
            mode == Some(text("mode")).filter(|m| !m.is_empty()).unwrap_or("backtest".into())
        }
        ("symbols", _) => all_in(&entry.node, &list("symbols")),
        ("tags", _) => all_in(&entry.node, &list("tags")),
        _ => false,
    })
}

/// Whether `text` is what `glob` describes: `*` stands for any text, `?` for one character.
pub fn glob_matches(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut g, mut t) = (0, 0);
    // The last star and what it stands for so far: a mismatch lets it stand for one more.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g, t));
                g += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                g += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (g, t) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests;
