//! The templates of a project: found, compiled, rendered, and their mistakes told at their place.

use super::context::RunReport;
use super::language::{ENDING, environment};
use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, Value};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Where a project keeps its own templates.
pub(super) const FOLDER: &str = "templates/reports";
/// The endings of the files that are templates; others in the folder are left alone.
const ENDINGS: [&str; 3] = [ENDING, ".css", ".js"];

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("../../templates/reports/", $name)))),+]
    };
}

const BUILT_IN: [(&str, &str); 19] = built_in![
    "report.html.jinja",
    "report.md.jinja",
    "sessions_report.html.jinja",
    "sessions_report.md.jinja",
    "sessions_summary.html.jinja",
    "sessions_summary.md.jinja",
    "index.html.jinja",
    "comparison.html.jinja",
    "comparison.md.jinja",
    "_registry.html.jinja",
    "session.html.jinja",
    "sweep.html.jinja",
    "_sweep.js",
    "_session.html.jinja",
    "_suspicions.html.jinja",
    "_split.html.jinja",
    "_search.js",
    "_style.css",
    "_sort.js",
];

/// The templates that are no report of a run: each command that makes them knows its own.
const PAGES: [&str; 9] = [
    SESSION,
    SWEEP,
    "sessions_report.html",
    "sessions_report.md",
    "sessions_summary.html",
    "sessions_summary.md",
    "index.html",
    "comparison.html",
    "comparison.md",
];

/// The page of one session.
pub const SESSION: &str = "session.html";

/// The page of one sweep.
pub const SWEEP: &str = "sweep.html";

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A template file or its folder cannot be read.
    #[error("{}: cannot be read, {source}; make it readable or remove it", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no such report.
    #[error("unknown report `{name}`; there are `{}`", known.join("`, `"))]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A template has a mistake.
    #[error("{place}: {fact}; {remedy}")]
    Template {
        /// The file, or that it is built in, and the line.
        place: String,
        /// What is wrong, with the name concerned.
        fact: String,
        /// What would be right.
        remedy: &'static str,
        /// What the template engine said; `fact` has its words already, so it is no source.
        cause: Box<minijinja::Error>,
    },
}

/// The templates of a project, compiled.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    /// Where each template was read from, by file name.
    places: BTreeMap<String, String>,
}

impl Templates {
    /// The built-in templates, and above them those of `project_dir`.
    pub fn new(project_dir: Option<&Path>) -> Result<Self, Error> {
        let mut templates = Self { environment: environment(), places: BTreeMap::new() };
        let own = project_dir.map(own_templates).transpose()?.unwrap_or_default();
        for (name, source) in BUILT_IN {
            if !own.contains_key(name) {
                let place = format!("built-in template `{name}`");
                templates.add(name.to_owned(), source.to_owned(), place)?;
            }
        }
        for (name, (path, source)) in own {
            templates.add(name, source, path.display().to_string())?;
        }
        Ok(templates)
    }

    /// The names of the reports of a run, such as `report.html`, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places
            .keys()
            .filter(|file| !file.starts_with('_'))
            .filter_map(|file| file.strip_suffix(ENDING))
            .filter(|name| !PAGES.contains(name))
    }

    /// The report `name`, such as `report.html`, of a run.
    pub fn render(&self, name: &str, context: &RunReport) -> Result<String, Error> {
        if !self.names().any(|known| known == name) {
            let known = self.names().map(str::to_owned).collect();
            return Err(Error::Unknown { name: name.to_owned(), known });
        }
        self.page(name, context)
    }

    /// The page `name` of `context`: a report, or what else has a template.
    pub fn page(&self, name: &str, context: &impl Serialize) -> Result<String, Error> {
        self.environment
            .get_template(&format!("{name}{ENDING}"))
            .and_then(|template| template.render(Value::from(Serde(context))))
            .map_err(|error| self.mistake(error))
    }

    fn add(&mut self, name: String, source: String, place: String) -> Result<(), Error> {
        self.places.insert(name.clone(), place);
        self.environment.add_template_owned(name, source).map_err(|error| self.mistake(error))
    }

    /// A mistake of the engine at its place: the innermost template that it came from.
    fn mistake(&self, error: minijinja::Error) -> Error {
        // An error inside an included template is the source of the error of the include.
        let mut innermost = &error;
        while let Some(cause) = std::error::Error::source(innermost)
            && let Some(cause) = cause.downcast_ref::<minijinja::Error>()
        {
            innermost = cause;
        }
        let name = innermost.name().or(error.name()).unwrap_or("template");
        let place = self.places.get(name).map_or(name, String::as_str);
        let line = innermost.line().or(error.line());
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        let remedy = match innermost.kind() {
            ErrorKind::SyntaxError => "correct the template's syntax",
            ErrorKind::UndefinedError => "`papertape report --context` shows what there is",
            ErrorKind::UnknownFilter => "use a filter of docs/reports.md or of minijinja",
            ErrorKind::TemplateNotFound => "include a template that is in the same folder",
            _ => "correct the expression on that line",
        };
        Error::Template {
            place: format!("{place}{line}"),
            fact: fact(innermost),
            remedy,
            cause: Box::new(error),
        }
    }
}

/// What is wrong, with the expression that is undefined where the engine knows it.
fn fact(error: &minijinja::Error) -> String {
    let kind = error.kind().to_string();
    match error.detail() {
        Some(detail) => format!("{kind}, {detail}"),
        None => kind,
    }
}

/// The templates in the project's folder by file name; none when there is no such folder.
fn own_templates(project_dir: &Path) -> Result<BTreeMap<String, (PathBuf, String)>, Error> {
    let folder = project_dir.join(FOLDER);
    let mut own = BTreeMap::new();
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(own),
        Err(source) => return Err(Error::Read { path: folder, source }),
    };
    for entry in entries {
        let entry = entry.map_err(|source| Error::Read { path: folder.clone(), source })?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = entry.path();
        if ENDINGS.iter().any(|ending| name.ends_with(ending)) && path.is_file() {
            let source = fs::read_to_string(&path)
                .map_err(|source| Error::Read { path: path.clone(), source })?;
            own.insert(name, (path, source));
        }
    }
    Ok(own)
}
