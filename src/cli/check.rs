//! `papertape check`: run what the manifests declare and hold it against the baselines.

use super::context::{Context, Usage};
use super::exit::Exit;
use super::output::{Cell, Format, Kind, Records};
use super::planning::{Planned, Planning, thread_count, threads};
use super::progress::Watcher;
use super::reporting::{self, Reporting};
use crate::batch::execute::Progress;
use crate::batch::{Batch, column_bytes};
use crate::compare::check::{self, Request};
use crate::compare::{Baselines, Checked, Checks, Source, Standing};
use crate::diag::counted;
use crate::manifest::{Check as Settings, Project, is_name};
use crate::plan::Plan;
use crate::report::check as written;
use crate::store::{RunReader, RunStatus};
use anyhow::Result;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Run the sessions and compare their results with the baselines
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape check sessions/ci.toml
  papertape check sessions/ci.toml --junit junit.xml --annotations github --summary \"$GITHUB_STEP_SUMMARY\"
  papertape check sessions/ci.toml --session goog-sma --format json
  papertape check sessions/ci.toml --own-range && papertape baseline accept --reason 'a year more'")]
pub(super) struct Check {
    #[command(flatten)]
    planning: Planning,
    /// The baselines to compare with, below `baselines/` [default: what the manifest says, or `main`]
    #[arg(long, value_name = "NAME", value_parser = baseline_name)]
    baseline: Option<String>,
    /// Threads of the batch; 0 for all cores [default: what the manifest says]
    #[arg(short = 'j', long, value_name = "N", value_parser = thread_count)]
    threads: Option<usize>,
    /// Hold a run against the baselines instead of running: `latest`, its id, or a part of it
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Run the days that the manifests say instead of those of the baselines; accepting what then
    /// waits moves the baselines to them
    #[arg(long, conflicts_with = "run")]
    own_range: bool,
    #[command(flatten)]
    reporting: Reporting,
    /// How what was found is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Take this for the engine's number, for tests of what another one means
    #[arg(long, hide = true, value_name = "NUMBER")]
    engine: Option<u32>,
    /// The index of a session that is to panic, for tests of what becomes of it
    #[arg(long, hide = true, value_name = "INDEX")]
    fault: Option<usize>,
}

/// Refuse a run that ran other manifests than `plan`.
fn of_manifest(reader: &RunReader, plan: &Plan) -> Result<()> {
    let ran = &reader.file().manifests;
    let stranger = plan.manifests.iter().find(|(path, digest)| {
        !ran.iter().any(|manifest| manifest.path == *path || manifest.digest == *digest)
    });
    match stranger {
        None => Ok(()),
        Some((path, _)) => {
            let ran: Vec<&str> = ran.iter().map(|manifest| manifest.path.as_str()).collect();
            let fact = format!("run {} is of {}, not of {path}", reader.id(), ran.join(", "));
            Err(Usage(fact).into())
        }
    }
}

/// Say of a source what is known of the run that it comes from.
fn come_from(source: &mut Source, reader: &RunReader) {
    let file = reader.file();
    source.complete = file.status == RunStatus::Completed;
    let changing = ["--set", "--unset", "--session", "--tag", "--filter", "--limit", "--offset"];
    let is_changing =
        |word: &&String| changing.iter().any(|option| word.split('=').next() == Some(*option));
    source.filtered.extend(file.command_line.iter().filter(is_changing).cloned());
    if file.partial && source.filtered.is_empty() {
        source.filtered.push("a selection of its run".into());
    }
}

/// The name of baselines on the command line.
pub(super) fn baseline_name(text: &str) -> Result<String, String> {
    match is_name(text) {
        true => Ok(text.to_owned()),
        false => Err("a name is made of a-z, 0-9, _ and -, a letter or digit first".into()),
    }
}

/// Whether nobody is there to accept anything: `CI` is set to anything but nothing, `0` and `false`.
fn is_ci() -> bool {
    let value = std::env::var("CI").unwrap_or_default();
    !matches!(value.as_str(), "" | "0" | "false")
}

impl Check {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let (mut baselines, mut roles) = (Vec::new(), Vec::new());
        let planned = self.planning.plan_with(context, |plan| {
            baselines = self.baselines(&plan);
            let lookup = |project: usize, key: &str| baselines[project].read(key);
            let (plan, found) = match self.own_range || self.run.is_some() {
                false => check::pin(plan, lookup),
                true => check::cast(plan, lookup),
            };
            roles = found;
            plan
        })?;
        let Planned { plan, prepared, store, .. } = match planned {
            Ok(planned) => planned,
            Err(exit) => return Ok(exit),
        };
        let mut sources = self.sources(&plan);
        let stored = self.run.as_deref().map(|which| store.open_run(which)).transpose()?;
        if let Some(reader) = &stored {
            of_manifest(reader, &plan)?;
            sources.iter_mut().for_each(|source| come_from(source, reader));
        }
        let leaves = !is_ci();
        let request = Request {
            plan: &plan,
            roles: &roles,
            prepared: &prepared,
            baselines: &baselines,
            sources: &sources,
            leaves,
            engine: self.engine,
        };
        let mut sessions = match &stored {
            Some(reader) => check::check_run(&request, reader)?,
            None => self.carry_out(&request, context)?,
        };
        sessions.extend(self.extra(&plan, &baselines, &sources)?);
        let name = self.name(plan.checks.first()).to_owned();
        let checks = Checks { baseline: Some(name), sessions };
        self.conclude(&checks, leaves, &sources, context)
    }

    /// Run what is checked.
    fn carry_out(&self, request: &Request<'_>, context: &Context) -> Result<Vec<Checked>> {
        let (plan, prepared) = (request.plan, request.prepared);
        let cancel = AtomicBool::new(false);
        let threads = threads(self.threads, &plan.run);
        let batch = Batch {
            plan,
            prepared,
            threads,
            column_bytes: column_bytes(&plan.run),
            cancel: &cancel,
            // Each of them is told of.
            fails_fast: false,
            timeout: plan.run.timeout,
            fault: self.fault,
        };
        let mut watcher = Watcher::new(context);
        let sessions = prepared.jobs.len();
        watcher.see(Progress::Begin { sessions, bars: 0, done: 0 });
        let watch = |bars, completed| watcher.see(Progress::Session { bars, completed });
        let sessions = check::check(request, &batch, watch)?;
        watcher.see(Progress::Writing);
        Ok(sessions)
    }

    fn name<'a>(&'a self, settings: Option<&'a Settings>) -> &'a str {
        let said = settings.map_or("main", |settings| settings.baseline.as_str());
        self.baseline.as_deref().unwrap_or(said)
    }

    fn baselines(&self, plan: &Plan) -> Vec<Baselines> {
        let each = plan.projects.iter().zip(&plan.checks);
        each.map(|(project, settings)| Baselines::at(&project.root, self.name(Some(settings))))
            .collect()
    }

    /// Where the results of each manifest come from.
    fn sources(&self, plan: &Plan) -> Vec<Source> {
        let each = self.planning.manifests.iter().zip(&*plan.projects);
        let source = |(path, project): (&PathBuf, &Project)| Source {
            complete: true,
            filtered: self.planning.filters(plan),
            manifest: from_root(path, project),
            profile: self.planning.profile.clone(),
        };
        each.map(source).collect()
    }

    /// The baselines whose sessions are gone; nobody knows if sessions were left out.
    fn extra(
        &self,
        plan: &Plan,
        baselines: &[Baselines],
        sources: &[Source],
    ) -> Result<Vec<Checked>> {
        let mut extra = Vec::new();
        let keys: HashSet<String> =
            plan.points.iter().map(|point| plan.base(point).key(point)).collect();
        for ((baselines, source), settings) in baselines.iter().zip(sources).zip(&plan.checks) {
            if source.filtered.is_empty() {
                extra.extend(check::extra(baselines, source, settings, &keys)?);
            }
        }
        Ok(extra)
    }

    fn conclude(
        &self,
        checks: &Checks,
        leaves: bool,
        sources: &[Source],
        context: &Context,
    ) -> Result<Exit> {
        self.reporting.write(checks)?;
        let exit = reporting::exit(checks);
        if context.quiet && self.format == Format::Table {
            tell_failed(checks, context);
        } else if !context.quiet || exit != Exit::Success {
            match self.format {
                Format::Json => super::output::write(
                    format!("{:#}\n", written::json::json(checks, self.reporting.times)).as_bytes(),
                )?,
                Format::Markdown => super::output::write(
                    written::markdown::markdown(checks, "`--format json` has all of it").as_bytes(),
                )?,
                format => print(checks, format)?,
            };
        }
        let manifests: Vec<&str> = sources.iter().map(|source| source.manifest.as_str()).collect();
        tell(checks, leaves, &manifests.join(" "), context);
        Ok(exit)
    }
}

/// A path as it is written in the project, wherever the project is.
pub(super) fn from_root(path: &Path, project: &Project) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let below = absolute.strip_prefix(&project.root).unwrap_or(path);
    let parts = below.components().map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

/// The sessions as a table, and below it what is to be said of each.
fn print(checks: &Checks, format: Format) -> Result<Exit> {
    let columns = ["session", "standing", "findings", "cause", "divergence", "first"];
    let kinds = [Kind::Text, Kind::Text, Kind::Count, Kind::Text, Kind::Text, Kind::Text];
    let mut records = Records::new(columns.into_iter().zip(kinds));
    for one in &checks.sessions {
        let first = one.verdict.findings.first().map(|finding| finding.text.as_str());
        let causes = written::causes(one);
        records.push(vec![
            (&one.key).into(),
            one.standing.word().into(),
            one.verdict.findings.len().into(),
            Cell::from((!causes.is_empty()).then_some(causes)),
            written::divergence(one).into(),
            Cell::from(first),
        ]);
    }
    let exit = records.print(format)?;
    if format == Format::Table {
        let mut text = String::new();
        for one in &checks.sessions {
            let lines = written::lines(one);
            if !lines.is_empty() {
                text += &format!("\n{}\n  {}\n", one.key, lines.join("\n  "));
            }
        }
        super::output::write(text.as_bytes())?;
    }
    Ok(exit)
}

/// Each session that failed, in one line.
fn tell_failed(checks: &Checks, context: &Context) {
    const SHOWN: usize = 10;
    let failed: Vec<&Checked> = checks.sessions.iter().filter(|one| one.failed()).collect();
    for one in failed.iter().take(SHOWN) {
        let parts = [Some(written::causes(one)), written::divergence(one)];
        let first = one.verdict.findings.first().map(|finding| finding.text.clone());
        let parts = parts.into_iter().chain([first]).flatten().filter(|part| !part.is_empty());
        let line = parts.collect::<Vec<_>>().join("; ");
        context.complain(&format!("{}: {}: {line}", one.key, one.standing.word()));
    }
    if failed.len() > SHOWN {
        context.complain(&format!("and {} more", failed.len() - SHOWN));
    }
}

/// What to do next.
fn tell(checks: &Checks, leaves: bool, manifests: &str, context: &Context) {
    let failed = checks.sessions.iter().filter(|one| one.failed()).count();
    let sessions = counted(checks.sessions.len(), "session");
    match failed {
        0 => context.say(&format!("{sessions}: every gate held")),
        failed => context.complain(&format!("{sessions}: {failed} failed")),
    }
    let lacking = checks.count(Standing::Missing)
        + checks.count(Standing::Unreadable)
        + checks.count(Standing::New);
    let differ = checks.count(Standing::Failed) + checks.count(Standing::Changed);
    match (lacking, leaves) {
        (0, _) if differ > 0 && leaves => context.say(
            "the new results wait: `papertape baseline review` shows them, `papertape baseline accept --reason TEXT` takes them over",
        ),
        (0, _) => {}
        (_, true) if failed > 0 => context.complain(
            "to make the baselines that are missing: papertape baseline accept --reason \"first results\"",
        ),
        (_, true) => context.say("the new results wait: papertape baseline accept --reason TEXT"),
        (_, false) => context.complain(&format!(
            "to make the baselines that are missing, not under CI: papertape check {manifests}, then papertape baseline accept --reason \"first results\""
        )),
    }
}
