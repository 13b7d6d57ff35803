//! Where a manifest's names are looked up: the project, the user's configuration, what is built in.

use super::check::check_table;
use super::keys::STRATEGY;
use super::tree::Table;
use super::{is_name, strategy_file};
use crate::bars::DAY;
use crate::diag::{Mistake, Mistakes, Place, Source, closest, codes};
use crate::strategy::Definition;
use chrono::NaiveDate;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The directory that a manifest belongs to, and what was read from it.
#[derive(Debug)]
pub struct Project {
    /// The nearest directory at or above the manifest that holds `templates/` or `papertape.toml`.
    pub root: PathBuf,
    /// The day from which relative dates count.
    pub today: NaiveDate,
    /// The moment from which on nothing is known yet, microseconds since 1970-01-01T00:00:00Z: the end
    /// of that day, unless [`Project::at`] says more.
    pub now: i64,
    strategies: Mutex<HashMap<String, Known>>,
}

/// A strategy that was looked up: what was written, and what it means if it means anything.
#[derive(Debug, Clone)]
struct Known {
    table: Table,
    definition: Option<Arc<Definition>>,
}

/// What is looked up by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folder {
    /// `templates/sessions`
    Sessions,
    /// `templates/strategies`
    Strategies,
}

macro_rules! built_in {
    ($folder:literal: $($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../templates/", $folder, "/", $name, ".toml")))),*]
    };
}

const SESSIONS: &[(&str, &str)] = built_in!("sessions": "us-equity-daily" "crypto-daily" "fx-hourly" "regular-hours" "extended-hours"
    "round-the-clock" "approval");
const STRATEGIES: &[(&str, &str)] = built_in!("strategies":
    "buy-and-hold" "sma-cross" "ema-cross" "macd-trend" "rsi-reversion" "bollinger-reversion"
    "donchian-breakout" "keltner-breakout" "supertrend" "momentum" "dual-momentum" "volatility-target"
    "pair-spread" "dca");

impl Folder {
    fn path(self) -> &'static str {
        match self {
            Self::Sessions => "templates/sessions",
            Self::Strategies => "templates/strategies",
        }
    }

    fn built_in(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Sessions => SESSIONS,
            Self::Strategies => STRATEGIES,
        }
    }
}

impl Project {
    /// The project of the manifest at `path`, or at `root` if one is given.
    pub fn of(path: &Path, root: Option<&Path>, today: NaiveDate) -> Self {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let start = absolute.parent().unwrap_or(&absolute).to_owned();
        let holds =
            |dir: &&Path| dir.join("templates").is_dir() || dir.join("papertape.toml").is_file();
        let root = match root {
            Some(root) => std::path::absolute(root).unwrap_or_else(|_| root.to_owned()),
            None => start.ancestors().find(holds).unwrap_or(&start).to_owned(),
        };
        let days = i64::from(today.to_epoch_days()) + 1;
        Self { root, today, now: days * DAY, strategies: Mutex::default() }
    }

    /// The same project at a moment of its day, microseconds since 1970-01-01T00:00:00Z.
    pub fn at(self, now: i64) -> Self {
        Self { now, ..self }
    }

    /// The text of `name` in `folder`: of the project, else the user's, else built in.
    pub fn find(&self, folder: Folder, name: &str) -> Option<Arc<Source>> {
        if !is_name(name) {
            return None;
        }
        for dir in self.places() {
            let path = dir.join(folder.path()).join(format!("{name}.toml"));
            if let Ok(text) = std::fs::read_to_string(&path) {
                return Some(Source::new(shown(&path), text));
            }
        }
        let built_in = folder.built_in().iter().find(|(known, _)| *known == name);
        built_in.map(|(name, text)| {
            Source::new(format!("built in: {}/{name}.toml", folder.path()), *text)
        })
    }

    /// Every name in `folder`, sorted.
    pub fn names(&self, folder: Folder) -> Vec<String> {
        let mut names: Vec<String> =
            folder.built_in().iter().map(|(name, _)| (*name).to_owned()).collect();
        for dir in self.places() {
            let files = std::fs::read_dir(dir.join(folder.path())).into_iter().flatten().flatten();
            names.extend(files.filter_map(|file| {
                let path = file.path();
                is_toml(&path).then(|| path.file_stem()?.to_str().map(str::to_owned)).flatten()
            }));
        }
        names.sort();
        names.dedup();
        names
    }

    /// The manifests in its directory of sessions, sorted.
    pub fn manifests(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.root.join("sessions")).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> =
            files.map(|file| file.path()).filter(|path| is_toml(path)).collect();
        paths.sort();
        paths
    }

    fn places(&self) -> Vec<PathBuf> {
        let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
        let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).or(home);
        [Some(self.root.clone()), config.map(|dir| dir.join("papertape"))]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The strategy called `name`, which `place` asks for; read once.
    pub fn strategy(
        &self,
        name: &str,
        place: &Place,
        mistakes: &mut Mistakes,
    ) -> Option<Arc<Definition>> {
        let mut strategies = self.strategies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = strategies.get(name) {
            if known.definition.is_none() {
                // Its mistakes were shown where it was read first; whoever needs it fails with it.
                mistakes.push(broken(name, place));
            }
            return known.definition.clone();
        }
        let Some(source) = self.find(Folder::Strategies, name) else {
            mistakes.push(self.absent(Folder::Strategies, name, place));
            return None;
        };
        let mut found = Mistakes::default();
        let table = Table::parse(&source, &mut found);
        let definition = match found.has_errors() {
            true => None,
            false => {
                check_table(&table, STRATEGY, "", &mut found);
                strategy_file::definition(name, &table, &Place::new(&source, 0..0), &mut found)
            }
        };
        mistakes.append(found);
        let definition = definition.map(Arc::new);
        strategies.insert(name.to_owned(), Known { table, definition: definition.clone() });
        definition
    }

    /// What was written of a strategy that was looked up.
    pub fn strategy_table(&self, name: &str) -> Option<Table> {
        let strategies = self.strategies.lock().unwrap_or_else(PoisonError::into_inner);
        strategies.get(name).map(|known| known.table.clone())
    }

    /// Take `table` for the strategy called `name`, whatever the project says now: a frozen plan
    /// holds its strategies.
    pub fn freeze_strategy(
        &self,
        name: &str,
        table: Table,
        place: &Place,
        mistakes: &mut Mistakes,
    ) {
        let definition = strategy_file::definition(name, &table, place, mistakes).map(Arc::new);
        let mut strategies = self.strategies.lock().unwrap_or_else(PoisonError::into_inner);
        strategies.insert(name.to_owned(), Known { table, definition });
    }

    /// That `name` is nowhere in `folder`.
    pub fn absent(&self, folder: Folder, name: &str, place: &Place) -> Mistake {
        let (code, what) = match folder {
            Folder::Sessions => (codes::NO_TEMPLATE, "session template"),
            Folder::Strategies => (codes::NO_STRATEGY, "strategy"),
        };
        let names = self.names(folder);
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let mistake = Mistake::new(code, place, format!("there is no {what} `{name}`"));
        match closest(name, &known) {
            Some(near) => mistake.label(format!("did you mean `{near}`?")),
            None if !is_name(name) => mistake.label("names are a-z, 0-9, _ and -, and no path"),
            None => mistake
                .label(format!("looked for {}/{name}.toml in the project", folder.path()))
                .help(format!("there are: {}", known.join(", "))),
        }
    }
}

fn broken(name: &str, place: &Place) -> Mistake {
    Mistake::new(codes::NO_STRATEGY, place, format!("strategy `{name}` has mistakes of its own"))
}

/// Whether `path` is named like a manifest, template or strategy.
pub fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// A path as people want to read it: relative to where they stand, if it lies below.
pub fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}
