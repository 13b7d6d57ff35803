//! `papertape data`: what lies in files of prices, whether it can be trusted, and what is made of it.
//!
//! Files are read here as a session reads them: the keys of `data` mean the same, and `--template` and
//! `--set` give them.

mod check;
mod import;
mod info;
mod list;
mod resample;

use super::context::{Context, Usage};
use super::exit::Exit;
use super::planning::{assignments, moment};
use crate::bars::{Bars, DAY};
use crate::diag::{Mistakes, Source};
use crate::manifest::{DataSettings, Layers, Manifest, Project, SCHEMA, type_data};
use crate::market::{self, DataSet, Verdict};
use crate::store::stamp;
use anyhow::Result;
use std::path::Path;

/// Look into files of prices, check them, import them, make longer bars of them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape data info data/spy-1m.csv
  papertape data check data/us-equities-daily.csv --template us-equity-daily
  papertape data import 'downloads/*.csv.gz' --to prices --append")]
pub(super) struct Data {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(check::Check),
    Info(info::Info),
    List(list::List),
    Resample(resample::Resample),
    Import(import::Import),
}

impl Data {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        match self.command {
            Command::Check(check) => check.run(context),
            Command::Info(info) => info.run(context),
            Command::List(list) => list.run(context),
            Command::Resample(resample) => resample.run(context),
            Command::Import(import) => import.run(context),
        }
    }
}

/// How files are read: as the `data` of a session that says this alone.
#[derive(Debug, clap::Args)]
struct Reading {
    /// Read as this session template says, such as `us-equity-daily`; may be repeated
    #[arg(long, value_name = "NAME")]
    template: Vec<String>,
    /// Set a key of `data`, such as `data.timezone=America/New_York`; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// When it is: bars that are not complete by then are unfinished [default: the clock]
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
}

impl Reading {
    /// The project of `file`, or of the current directory, at the time that it is.
    fn project(&self, file: Option<&Path>, context: &Context) -> Result<Project, Usage> {
        let (today, now) = moment(self.now.as_deref())?;
        // A project is found from a file in it, and any name will do.
        let file = file.unwrap_or(Path::new("x"));
        let project = Project::of(file, context.root.as_deref(), today);
        let now = now.unwrap_or(project.now);
        Ok(project.at(now))
    }

    /// How to read `file`: a file, a directory or a glob, from the current directory.
    fn settings(&self, file: &Path, context: &Context) -> Result<DataSettings, Usage> {
        if let Some(other) = self.set.iter().find(|set| !set.starts_with("data.")) {
            let fact = format!("`--set {other}` says nothing about files");
            return Err(Usage(format!("{fact}; set a key of `data`")));
        }
        let templates: Vec<String> = self.template.iter().map(|name| quoted(name)).collect();
        let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let text = format!(
            "schema = {SCHEMA}\n[session.data]\ntemplate = [{}]\ndata.path = {}\n",
            templates.join(", "),
            quoted(&absolute.display().to_string()),
        );
        let (project, mut mistakes) = (self.project(None, context)?, Mistakes::default());
        let set = assignments("--set", &self.set);
        let layers = Layers { set: &set, ..Layers::default() };
        let source = Source::new("command line", text);
        let manifest = Manifest::parse("data", &source, &project, &layers, &mut mistakes);
        let settings = manifest.sessions.first().and_then(|session| {
            type_data(&session.name, &session.place, &session.tree, &project, &mut mistakes)
        });
        match settings {
            Some(settings) if !mistakes.has_errors() => {
                let written = vec![file.display().to_string()];
                Ok(DataSettings { written, ..settings })
            }
            _ => Err(Usage(format!(
                "the data cannot be read so\n{}",
                mistakes.render(context.color)
            ))),
        }
    }
}

/// `text` as a string of TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Everything that `settings` name, however damaged; what cannot be read at all is a mistake of whoever
/// named it.
fn load(settings: &DataSettings) -> Result<DataSet, Usage> {
    market::load(settings).map_err(|error| Usage(error.to_string()))
}

/// The same of those files that can be read; the others are complained of, and counted.
fn load_readable(settings: &DataSettings, context: &Context) -> (Option<DataSet>, usize) {
    let (data, unreadable) = market::load_readable(settings);
    unreadable.iter().for_each(|error| context.complain(&format!("error: {error}")));
    (data, unreadable.len())
}

/// All of them, or what the checks refuse them for; what they warn of is told.
fn load_trusted(settings: &DataSettings, context: &Context) -> Result<DataSet, Usage> {
    let data = load(settings)?;
    data.verdicts.iter().flat_map(Verdict::warnings).for_each(|warning| context.warn(warning));
    let refused: Vec<String> =
        data.verdicts.iter().filter_map(|it| it.error().map(|error| error.to_string())).collect();
    if refused.is_empty() { Ok(data) } else { Err(Usage(refused.join("\n"))) }
}

/// Whether the timestamps of all symbols were the wall clock's.
fn is_naive(data: &DataSet) -> bool {
    data.verdicts.iter().all(|verdict| verdict.naive)
}

/// The opening time of bar `row` as its file would have it.
fn opened(bars: &Bars, row: usize, naive: bool) -> String {
    let time = if naive { bars.local(row..row + 1).next() } else { bars.time.get(row).copied() };
    stamp(time.unwrap_or_default(), naive, bars.clock.timeframe % DAY == 0)
}
