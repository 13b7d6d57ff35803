//! `papertape new`: a manifest to begin with.

use super::context::{Context, Usage};
use super::exit::Exit;
use super::output;
use crate::diag::{Mistakes, Place, Source, closest};
use crate::expr::Scalar;
use crate::manifest::project::shown;
use crate::manifest::tree::quoted;
use crate::manifest::{Node, Project, SCHEMA, Table, is_name};
use crate::store::StoreError;
use crate::strategy::{Definition, Param, ParamKind};
use anyhow::Result;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Write a new manifest with one session
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape new goog-trend --strategy sma-cross
  papertape new mine --data prices/mine.csv
  papertape new goog-tight --from goog-trend")]
pub(super) struct New {
    /// The session's name, and the file's: sessions/NAME.toml
    name: String,
    /// The strategy that it trades by
    #[arg(long, value_name = "NAME", default_value = "sma-cross", conflicts_with = "from")]
    strategy: String,
    /// The bars that it trades: a CSV or Parquet file, or a glob [default: those of us-equity-daily]
    #[arg(long, value_name = "PATH", conflicts_with = "from")]
    data: Option<PathBuf>,
    /// Copy this session of a manifest of the project, with the defaults of its manifest
    #[arg(long, value_name = "SESSION")]
    from: Option<String>,
    /// The manifest that declares it [default: the one of sessions/ that does]
    #[arg(long, requires = "from")]
    manifest: Option<PathBuf>,
}

impl New {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let project = context.project();
        if !is_name(&self.name) {
            let fact = format!("`{}` cannot be the name of a session", self.name);
            return Err(Usage(format!("{fact}; names are a-z, 0-9, _ and -")).into());
        }
        let text = match &self.from {
            Some(from) => {
                let manifests = match &self.manifest {
                    Some(path) => vec![path.clone()],
                    None => project.manifests(),
                };
                copy(&self.name, from, &manifests)?
            }
            None => begin(&self.name, &*self.definition(&project)?, self.data_path(&project)),
        };
        let path = project.root.join("sessions").join(format!("{}.toml", self.name));
        write_new(&path, &text)?;
        output::write(format!("{}\n", shown(&path)).as_bytes())
    }

    fn definition(&self, project: &Project) -> Result<Arc<Definition>, Usage> {
        let mut mistakes = Mistakes::default();
        let place = Place::whole(&Source::new("command line", self.strategy.as_str()));
        let definition = project.strategy(&self.strategy, &place, &mut mistakes);
        definition.ok_or_else(|| Usage(format!("no session\n{}", mistakes.render(false))))
    }

    /// The data's path as a manifest writes it: from the project's root, if it lies below.
    fn data_path(&self, project: &Project) -> Option<String> {
        let path = self.data.as_ref()?;
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        Some(absolute.strip_prefix(&project.root).unwrap_or(&absolute).display().to_string())
    }
}

/// Write `path`, which must not be there.
fn write_new(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().expect("it was joined to a folder");
    let written = fs::create_dir_all(folder)
        .and_then(|()| File::create_new(path))
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Usage(format!("{} is already there; choose another name", shown(path))).into()
        }
        _ => StoreError::Io { path: path.to_owned(), action: "written", error }.into(),
    })
}

/// A manifest with one session that trades by `definition`, with every value that it could change.
fn begin(name: &str, definition: &Definition, data: Option<String>) -> String {
    let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let strategy = &definition.name;
    let bars = match data {
        Some(path) => format!("data = {{ path = {} }}", text(&path)),
        None => "\
# Data, calendar and costs of this template; `data = { path = \"data/mine.csv\" }` reads other bars.
template = \"us-equity-daily\""
            .to_owned(),
    };
    // A strategy with legs says how many symbols there are, and each needs a part of the account.
    let symbols = match definition.legs.is_empty() {
        true => "\
# symbols = [\"GOOG\"]                  # in order; without it, every symbol of the data"
            .to_owned(),
        false => {
            let legs: Vec<String> = definition
                .legs
                .iter()
                .zip(["GOOG", "AAPL", "MSFT", "IBM"].iter().cycle())
                .map(|(leg, symbol)| format!("{} = \"{symbol}\"", leg.name))
                .collect();
            format!("legs = {{ {} }}  # the symbol of each leg", legs.join(", "))
        }
    };
    let params: Vec<String> = definition.params.iter().map(param).collect();
    let params = match params.is_empty() {
        true => String::new(),
        false => format!("\n[session.{name}.params]\n{}", params.concat()),
    };
    format!(
        "\
# {name}: one session that trades by {strategy}. Take the `#` away from what is to be set.
#
#     papertape plan sessions/{name}.toml
#     papertape run sessions/{name}.toml
schema = {SCHEMA}

[session.{name}]
description = \"\"                      # for people: shown in lists and reports
strategy = {}
{bars}
{symbols}
# range = {{ from = 2010, to = 2012 }}  # whole days, both included; without it, all of them
# capital = 10_000                    # money at the start
# sizing = {{ equity = 1.0 }}           # a fraction of the equity; or {{ cash = 500 }}, {{ units = 1 }}
# risk = {{ stop_loss = 0.08, take_profit = 0.2 }}
# costs = {{ commission = {{ rate = 0.001 }}, slippage = {{ bps = 2 }} }}
{params}{}",
        text(strategy),
        sweep(name, definition),
    )
}

/// The line of a parameter, and above it what it means.
fn param(param: &Param) -> String {
    let takes = param.kind.word();
    let meaning = match param.description.as_str() {
        "" => takes,
        description => format!("{description}; {takes}"),
    };
    let without = if param.default.is_none() { "; it has no default, so choose" } else { "" };
    let meaning = meaning.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("# {meaning}{without}\n{} = {}\n", quoted(&param.name), value(param))
}

/// The default, or the first value that the parameter takes.
fn value(param: &Param) -> String {
    let first = match &param.kind {
        ParamKind::Int { min, max } | ParamKind::Float { min, max } => {
            Scalar::Number(min.or(*max).unwrap_or(1.0))
        }
        ParamKind::Bool => Scalar::Bool(false),
        ParamKind::Choice(choices) => Scalar::Text(choices[0].as_str().into()),
        ParamKind::Symbol => Scalar::Text("".into()),
    };
    match param.default.clone().unwrap_or(first) {
        Scalar::Bool(flag) => flag.to_string(),
        Scalar::Text(text) => toml::Value::String(text.to_string()).to_string(),
        Scalar::Number(number) if matches!(param.kind, ParamKind::Int { .. }) => number.to_string(),
        Scalar::Number(number) => toml::Value::Float(number).to_string(),
        Scalar::Missing => unreachable!("a parameter's value is never missing"),
    }
}

/// A sweep of the first whole-number parameter, in comments.
fn sweep(name: &str, definition: &Definition) -> String {
    let swept = definition.params.iter().find_map(|param| match param.kind {
        ParamKind::Int { min, max } => {
            let values = [5.0, 10.0, 20.0, 40.0].into_iter().filter(|value| {
                min.is_none_or(|min| *value >= min) && max.is_none_or(|max| *value <= max)
            });
            let values: Vec<String> = values.map(|value| value.to_string()).collect();
            (values.len() > 1).then(|| (&param.name, values.join(", ")))
        }
        _ => None,
    });
    swept.map_or_else(String::new, |(param, values)| {
        format!(
            "\n# One session for each value:\n# [session.{name}.sweep.axes]\n# \"params.{param}\" = [{values}]\n"
        )
    })
}

/// A manifest with session `from` of one of `manifests` under the name `name`: its own table as it is
/// written, and the defaults of its manifest.
fn copy(name: &str, from: &str, manifests: &[PathBuf]) -> Result<String, Usage> {
    let mut known = Vec::new();
    let mut found = Vec::new();
    for path in manifests {
        let text = fs::read_to_string(path)
            .map_err(|error| Usage(format!("{} cannot be read: {error}", shown(path))))?;
        let mut mistakes = Mistakes::default();
        let table = Table::parse(&Source::new(shown(path), text), &mut mistakes);
        let sessions = table.get("session").and_then(Node::table);
        known.extend(sessions.into_iter().flat_map(Table::iter).map(|entry| entry.key.clone()));
        if let Some(session) = sessions.and_then(|sessions| sessions.entry(from)) {
            if mistakes.has_errors() {
                return Err(Usage(mistakes.render(false)));
            }
            found.push((shown(path), session.clone(), table));
        }
    }
    let (path, session, table) = match found.as_slice() {
        [one] => one,
        [] => return Err(absent(from, &known)),
        several => {
            let paths: Vec<&str> = several.iter().map(|(path, ..)| path.as_str()).collect();
            let fact = format!("session `{from}` is declared by {}", paths.join(" and "));
            return Err(Usage(format!("{fact}; choose one with `--manifest`")));
        }
    };
    if let Some(below) = session.node.table().and_then(|table| table.get("extends")) {
        let fact = format!("session `{from}` extends {}, which the copy would lack", below.toml());
        return Err(Usage(format!("{fact}; declare it beside `{from}` instead")));
    }
    let mut copy = Table::default();
    for key in ["schema", "defaults"] {
        table.entry(key).into_iter().for_each(|entry| copy.set(entry.clone()));
    }
    copy.set_at(&format!("session.{name}"), session.node.clone(), &session.key_place);
    let left: Vec<&str> =
        ["override", "profile"].into_iter().filter(|key| table.get(key).is_some()).collect();
    let left = match left.is_empty() {
        true => String::new(),
        false => format!("# Not copied, and perhaps missed: {}.\n", left.join(", ")),
    };
    Ok(format!("# {name}: a copy of session {from} of {path}.\n{left}{}", copy.toml()))
}

fn absent(session: &str, known: &[String]) -> Usage {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let remedy = match closest(session, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "the project's manifests declare none".to_owned(),
        None => format!("there are: {}", known.join(", ")),
    };
    Usage(format!("there is no session `{session}`; {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::context::LogFormat;
    use crate::manifest::{Layers, Manifest, type_session};
    use chrono::NaiveDate;
    use std::slice::from_ref;

    fn project(root: &Path) -> Project {
        let today = NaiveDate::from_ymd_opt(2026, 11, 21).unwrap();
        Project::of(&root.join("x"), Some(root), today)
    }

    fn new(name: &str) -> New {
        let strategy = "sma-cross".into();
        New { name: name.into(), strategy, data: None, from: None, manifest: None }
    }

    /// What is wrong with a manifest, its sessions typed.
    fn mistakes(text: &str, project: &Project) -> String {
        let mut mistakes = Mistakes::default();
        let source = Source::new("a.toml", text);
        let manifest = Manifest::parse("a", &source, project, &Layers::default(), &mut mistakes);
        for declared in &manifest.sessions {
            let mut tree = declared.tree.clone();
            tree.remove("sweep");
            type_session(&declared.name, &declared.place, &tree, project, &mut mistakes);
        }
        mistakes.render(false)
    }

    fn built_in(project: &Project, name: &str) -> Arc<Definition> {
        New { strategy: name.into(), ..new("a") }.definition(project).unwrap()
    }

    #[test]
    fn a_new_manifest_is_one_that_plans_whatever_the_strategy_and_so_is_it_uncommented() {
        let directory = tempfile::tempdir().unwrap();
        let project = project(directory.path());
        for strategy in project.names(crate::manifest::Folder::Strategies) {
            let text =
                begin("a-1", &built_in(&project, &strategy), Some("data/a \"b\".csv".into()));
            assert_eq!(mistakes(&text, &project), "", "{text}");
            let keys = text.lines().map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.contains(" = ") || rest.starts_with('[') => rest,
                _ => line,
            });
            let uncommented = keys.collect::<Vec<_>>().join("\n");
            assert!(uncommented.contains("\nrisk = { stop_loss"), "{uncommented}");
            assert_eq!(mistakes(&uncommented, &project), "", "{uncommented}");
        }
    }

    #[test]
    fn parameters_stand_with_their_meaning_and_their_default() {
        let directory = tempfile::tempdir().unwrap();
        let text = begin("mine", &built_in(&project(directory.path()), "momentum"), None);
        insta::assert_snapshot!(text, @r#"
        # mine: one session that trades by momentum. Take the `#` away from what is to be set.
        #
        #     papertape plan sessions/mine.toml
        #     papertape run sessions/mine.toml
        schema = 1

        [session.mine]
        description = ""                      # for people: shown in lists and reports
        strategy = "momentum"
        # Data, calendar and costs of this template; `data = { path = "data/mine.csv" }` reads other bars.
        template = "us-equity-daily"
        # symbols = ["GOOG"]                  # in order; without it, every symbol of the data
        # range = { from = 2010, to = 2012 }  # whole days, both included; without it, all of them
        # capital = 10_000                    # money at the start
        # sizing = { equity = 1.0 }           # a fraction of the equity; or { cash = 500 }, { units = 1 }
        # risk = { stop_loss = 0.08, take_profit = 0.2 }
        # costs = { commission = { rate = 0.001 }, slippage = { bps = 2 } }

        [session.mine.params]
        # bars over which the change is measured; a whole number, from 1 to 1000
        lookback = 120
        # the smallest change that counts, as a fraction; a number, from -1 to 10
        threshold = 0.0

        # One session for each value:
        # [session.mine.sweep.axes]
        # "params.lookback" = [5, 10, 20, 40]
        "#);
    }

    #[test]
    fn a_parameter_without_a_default_gets_a_value_that_it_takes() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("templates/strategies");
        fs::create_dir_all(&folder).unwrap();
        let text = "[params]\na = { type = 'int', min = 3 }\nb = { type = 'float', max = 0.5 }\n\
                    c = { type = 'choice', choices = ['x', 'y'] }\nd = { type = 'bool' }\n\
                    [rules]\nenter_long = 'close > a'\n";
        fs::write(folder.join("bare.toml"), text).unwrap();
        let project = project(directory.path());
        let text = begin("a", &built_in(&project, "bare"), Some("x.csv".into()));
        assert_eq!(mistakes(&text, &project), "", "{text}");
        assert!(text.contains("a = 3\n") && text.contains("c = \"x\"\n"), "{text}");
        assert!(text.contains("# a whole number, at least 3; it has no default, so choose\n"));
    }

    #[test]
    fn a_copy_has_the_table_of_its_session_and_the_defaults_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("m.toml");
        let text = "schema = 1\n[defaults]\ntemplate = 'us-equity-daily'\n[session.a]\n\
                    strategy = 'sma-cross'\nparams = { fast = 3 }\nrange = { from = 2010-01-01 }\n\
                    [session.a.sweep.axes]\n'params.slow' = [5, 9]\n[session.b]\nextends = 'a'\n\
                    [profile.p.session]\ncapital = 1\n";
        fs::write(&path, text).unwrap();
        let copied = copy("c", "a", from_ref(&path)).unwrap();
        let body: Vec<&str> = copied.lines().skip(1).collect();
        insta::assert_snapshot!(body.join("\n"), @r#"
        # Not copied, and perhaps missed: profile.
        schema = 1

        [defaults]
        template = "us-equity-daily"

        [session.c]
        strategy = "sma-cross"

        [session.c.params]
        fast = 3

        [session.c.range]
        from = 2010-01-01

        [session.c.sweep.axes]
        "params.slow" = [5, 9]
        "#);
        assert_eq!(mistakes(&copied, &project(directory.path())), "");
        let told = |from: &str, paths: &[PathBuf]| copy("c", from, paths).unwrap_err().to_string();
        assert!(told("b", from_ref(&path)).contains("session `b` extends \"a\""));
        let absent = "there is no session `z`; there are: a, b";
        assert_eq!(told("z", from_ref(&path)), absent);
        assert!(told("a", &[path.clone(), path]).contains("choose one with `--manifest`"));
    }

    #[test]
    fn what_is_there_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let context = Context::new(Some(directory.path().to_owned()), None, true, LogFormat::Text);
        assert_eq!(new("mine").run(&context).unwrap(), Exit::Success);
        let path = directory.path().join("sessions/mine.toml");
        fs::write(&path, "kept").unwrap();
        let error = new("mine").run(&context).unwrap_err();
        assert!(error.downcast_ref::<Usage>().is_some(), "{error}");
        assert_eq!(fs::read_to_string(path).unwrap(), "kept");
        assert!(new("Mine").run(&context).is_err());
    }

    #[test]
    fn data_below_the_project_is_named_from_its_root() {
        let directory = tempfile::tempdir().unwrap();
        let project = project(directory.path());
        let data = |path: PathBuf| New { data: Some(path), ..new("a") }.data_path(&project);
        let below = directory.path().join("data/x.csv");
        assert_eq!(data(below), Some("data/x.csv".into()));
        assert_eq!(data("/elsewhere/x.csv".into()), Some("/elsewhere/x.csv".into()));
    }
}
