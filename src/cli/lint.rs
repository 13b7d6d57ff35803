//! `papertape strategies lint`: strategies held to their promises on their users' own data.

use super::context::{Context, Usage};
use super::exit::Exit;
use super::output::{Format, Kind, Records};
use crate::diag::{Mistakes, Source, counted};
use crate::expr::Graph;
use crate::manifest::project::shown;
use crate::manifest::tree::quoted;
use crate::manifest::{
    Assignment, DataSettings, Folder, Layers, Manifest, Project, SCHEMA, Session, glob_matches,
    type_session,
};
use crate::market::{self, DataSet, Slice};
use crate::strategy::Strategy;
use crate::trace::lint::{Finding, Weight, lint};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Hold strategies to their promises on your own data
///
/// The future is cut off and spoiled to see that no value depends on it; rules that are never or
/// always true, windows longer than the data and what nothing reads are told. A sweep is held to them
/// at its base. The exit code is 1 if a promise is broken; warnings change nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape strategies lint sessions/quickstart.toml
  papertape strategies lint sma-cross
  papertape strategies lint sma-cross --data prices/mine.csv")]
pub(super) struct Lint {
    /// Strategies (over the sessions of the project that use them), or manifests (all their sessions)
    #[arg(value_name = "STRATEGY|MANIFEST", required = true)]
    targets: Vec<String>,
    /// Only sessions whose name matches this glob; may be repeated
    #[arg(long, value_name = "GLOB")]
    session: Vec<String>,
    /// Hold the strategies to it on this data, with their parameters' defaults
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Set a key of every session, such as `params.fast=5`; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Lay this profile of the manifest over every session
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// How the findings are written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

const COLUMNS: [(&str, Kind); 5] = [
    ("session", Kind::Text),
    ("check", Kind::Text),
    ("result", Kind::Text),
    ("subject", Kind::Text),
    ("fact", Kind::Text),
];

impl Lint {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let mut mistakes = Mistakes::default();
        let mut sessions = Vec::new();
        for target in &self.targets {
            self.sessions(target, context, &mut sessions, &mut mistakes)?;
        }
        let wanted = |session: &Session| {
            self.session.is_empty() || self.session.iter().any(|g| glob_matches(g, &session.name))
        };
        sessions.retain(wanted);
        let mut sets: Vec<(DataSettings, Arc<DataSet>)> = Vec::new();
        let mut ready = Vec::new();
        if !mistakes.has_errors() {
            for session in &sessions {
                let data = load(&session.data, &mut sets)?;
                check(session, &data, &mut mistakes);
                ready.push((session, data));
            }
        }
        context.show(&mistakes);
        if mistakes.has_errors() {
            return Ok(Exit::Usage);
        }
        if ready.is_empty() {
            context.say("nothing was selected");
            return Ok(Exit::Nothing);
        }
        let mut table = Records::new(COLUMNS);
        let mut found = Vec::new();
        for (session, data) in ready {
            let findings = lint(session, &session.params, &data)
                .map_err(|error| Usage(format!("session `{}`: {error}", session.name)))?;
            for Finding { weight, check, subject, fact } in findings {
                let name = (&session.name).into();
                table.push(vec![
                    name,
                    check.into(),
                    weight.word().into(),
                    subject.into(),
                    fact.into(),
                ]);
                found.push(weight);
            }
        }
        table.print(self.format)?;
        let count = |weight| found.iter().filter(|found| **found == weight).count();
        let (failures, warnings) = (count(Weight::Failure), count(Weight::Warning));
        context.say(&format!(
            "{}: {}, {}",
            counted(sessions.len(), "session"),
            counted(failures, "failure"),
            counted(warnings, "warning")
        ));
        Ok(if failures > 0 { Exit::Gate } else { Exit::Success })
    }

    /// The sessions that `target` means.
    fn sessions(
        &self,
        target: &str,
        context: &Context,
        sessions: &mut Vec<Session>,
        mistakes: &mut Mistakes,
    ) -> Result<()> {
        let path = Path::new(target);
        let today = chrono::Utc::now().date_naive();
        if path.is_file() || path.extension().is_some_and(|extension| extension == "toml") {
            let project = Project::of(path, context.root.as_deref(), today);
            sessions.extend(self.declared(path, &project, mistakes));
            return Ok(());
        }
        let project = context.project();
        let known = project.names(Folder::Strategies);
        if !known.iter().any(|name| name == target) {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let remedy = match crate::diag::closest(target, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name a manifest by its path".to_owned(),
            };
            return Err(Usage(format!("there is no strategy `{target}`; {remedy}")).into());
        }
        if let Some(data) = &self.data {
            sessions.extend(self.alone(target, data, &project, mistakes));
            return Ok(());
        }
        let before = sessions.len();
        for path in project.manifests() {
            // A manifest with mistakes is told when it is named itself.
            let declared = self.declared(&path, &project, &mut Mistakes::default());
            sessions.extend(declared.into_iter().filter(|s| s.definition.name == target));
        }
        if sessions.len() == before {
            let fact =
                format!("no session of {} uses `{target}`", shown(&project.root.join("sessions")));
            return Err(Usage(format!("{fact}; name its data with `--data`")).into());
        }
        Ok(())
    }

    /// The sessions of a manifest, sweeps by their base.
    fn declared(&self, path: &Path, project: &Project, mistakes: &mut Mistakes) -> Vec<Session> {
        let set = self.assignments();
        let layers = Layers { profile: self.profile.as_deref(), set: &set, unset: &[] };
        let manifest = Manifest::read(path, project, &layers, mistakes);
        typed(manifest, project, mistakes)
    }

    /// A session that trades all of `data` by `strategy`.
    fn alone(
        &self,
        strategy: &str,
        data: &Path,
        project: &Project,
        mistakes: &mut Mistakes,
    ) -> Vec<Session> {
        let data = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
        let data = quoted(&data.display().to_string());
        let text = format!(
            "schema = {SCHEMA}\n[session.{strategy}]\nstrategy = \"{strategy}\"\ndata = {{ path = {data} }}\n"
        );
        let set = self.assignments();
        let layers = Layers { profile: None, set: &set, unset: &[] };
        let source = Source::new("command line, --data", text);
        let manifest = Manifest::parse("lint", &source, project, &layers, mistakes);
        typed(Some(manifest), project, mistakes)
    }

    fn assignments(&self) -> Vec<Assignment> {
        super::planning::assignments("--set", &self.set)
    }
}

fn typed(manifest: Option<Manifest>, project: &Project, mistakes: &mut Mistakes) -> Vec<Session> {
    let declared = manifest.into_iter().flat_map(|manifest| manifest.sessions);
    let typed = declared.filter_map(|mut declared| {
        declared.tree.remove("sweep");
        type_session(&declared.name, &declared.place, &declared.tree, project, mistakes)
    });
    typed.collect()
}

/// The data of a session, read once.
fn load(
    settings: &DataSettings,
    sets: &mut Vec<(DataSettings, Arc<DataSet>)>,
) -> Result<Arc<DataSet>> {
    if let Some((_, data)) = sets.iter().find(|(known, _)| known == settings) {
        return Ok(data.clone());
    }
    let data = Arc::new(market::load(settings).map_err(|error| Usage(error.to_string()))?);
    sets.push((settings.clone(), data.clone()));
    Ok(data)
}

/// What planning would say of the strategy.
fn check(session: &Session, data: &DataSet, mistakes: &mut Mistakes) {
    let (definition, symbols) = (&session.definition, session.symbols.as_deref());
    let strategy = Strategy::compile(definition, &data.extra(), &data.names(), mistakes);
    let slice = Slice::cut(data, &session.data, symbols, &session.range, &session.benchmark);
    if let (Some(strategy), Ok(slice)) = (strategy, slice) {
        let (world, mut graph) = (slice.world(data), Graph::default());
        strategy.bind(&session.params, &session.legs, &world, &mut graph, mistakes);
    }
}
