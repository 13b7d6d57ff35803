//! `papertape run`: plan, execute, store, report.

use super::context::{Context, Usage, host};
use super::exit::Exit;
use super::lock::LockPolicy;
use super::output::{Format, is_closed_pipe};
use super::planning::{Planned, Planning, thread_count, threads};
use super::progress::Watcher;
use super::report::{write_index, write_pages};
use super::reporting::{self, Reporting};
use super::signals::Signals;
use super::{landscape, results};
use crate::batch::execute::{self, Request, Summary};
use crate::batch::kept::Kept;
use crate::compare::{Checked, Checks, Standing, check};
use crate::diag::{Mistakes, counted};
use crate::hook::Hooks;
use crate::manifest::project::shown;
use crate::manifest::{Mode, Moment};
use crate::paper::{Account, Night};
use crate::plan::file::{self, Frozen};
use crate::plan::{Job, Plan, Prepared};
use crate::report::Templates;
use crate::report::check::lines;
use crate::report::load::Loader;
use crate::store::{
    self, Event, EventKind, Holder, JournalReader, Level, Row, RunStatus, Status, Store,
    StoreError, die_after,
};
use anyhow::Result;
use chrono::Utc;
use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Instant;

/// Plan the manifests, run what is new, store the results and render a report
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape run sessions/quickstart.toml
  papertape run sessions/quickstart.toml --session 'goog-*' --set costs.slippage.bps=5
  papertape run --resume latest")]
pub struct Run {
    #[command(flatten)]
    planning: Planning,
    /// Threads of the batch; 0 for all cores [default: what the manifest says]
    #[arg(short = 'j', long, value_name = "N", value_parser = thread_count)]
    threads: Option<usize>,
    /// Go on with a run that was stopped: `latest`, its id, or a part of it
    #[arg(long, value_name = "RUN", conflicts_with_all = ["manifests", "session", "tag", "filter", "sort", "limit", "offset", "set", "unset", "profile", "now"])]
    resume: Option<String>,
    /// Run a plan that `papertape plan --out` wrote, as it was planned
    #[arg(long = "plan", value_name = "FILE", conflicts_with_all = ["manifests", "session", "tag", "filter", "sort", "limit", "offset", "set", "unset", "profile", "now", "resume"])]
    plan_file: Option<PathBuf>,
    /// When another process holds the run or a paper account: fail, skip (and end well), or wait (for `wait=10m` at most)
    #[arg(long, value_name = "POLICY", default_value = "fail", value_parser = LockPolicy::parse)]
    lock: LockPolicy,
    /// Render no report
    #[arg(long)]
    no_report: bool,
    #[command(flatten)]
    reporting: Reporting,
    /// How the results are written: people see the best ten points of a sweep, programs all of them
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The index of a session that is to panic, for tests of what becomes of it
    #[arg(long, hide = true, value_name = "INDEX")]
    fault: Option<usize>,
}

/// How a run that was begun goes on when it was stopped at once.
const RESUME: &str = "a run that had begun goes on with `papertape run --resume latest`";

impl Run {
    /// Do it.
    pub fn run(mut self, context: &Context) -> Result<Exit> {
        self.planning.advances = true;
        let began = Instant::now();
        let signals = Signals::listen(context, RESUME)?;
        let attempt = Attempt {
            options: &self,
            context,
            signals: &signals,
            began,
            host: host(),
            command_line: std::env::args().collect(),
        };
        match (&self.resume, &self.plan_file) {
            (Some(which), _) => attempt.resume(which),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Usage(format!("{}: {error}", path.display())))?;
                let wrong = |error: anyhow::Error| Usage(format!("{}: {error:#}", path.display()));
                attempt.start(thaw(&text, None, context, &wrong)?.0)
            }
            (None, None) => match self.planning.plan(context)? {
                Ok(planned) => attempt.start(planned),
                Err(exit) => Ok(exit),
            },
        }
    }

    /// The report templates, so that a mistake in one is shown before anything runs.
    fn templates(&self, plan: &Plan) -> Result<Option<Templates>> {
        if self.no_report || plan.run.reports.is_empty() {
            return Ok(None);
        }
        let templates = Templates::new(Some(&plan.project().root))?;
        for name in &plan.run.reports {
            if !templates.names().any(|known| known == name) {
                let known: Vec<&str> = templates.names().collect();
                let fact = format!("there is no report `{name}`; there are {}", known.join(", "));
                return Err(Usage(fact).into());
            }
        }
        Ok(Some(templates))
    }
}

/// A plan that was written before, with its data, and which of its sessions were taken over then. It
/// must still be what it was.
fn thaw(
    text: &str,
    store: Option<Store>,
    context: &Context,
    wrong: &dyn Fn(anyhow::Error) -> Usage,
) -> Result<(Planned, Vec<bool>)> {
    let began = Instant::now();
    let frozen = file::read(text).map_err(wrong)?;
    let mut mistakes = Mistakes::default();
    let prepared = Prepared::new(&frozen.plan, &mut mistakes);
    context.show(&mistakes);
    if mistakes.has_errors() {
        let fact = "its sessions are not what they were when the plan was made; start a new run";
        return Err(wrong(anyhow::anyhow!(fact)).into());
    }
    frozen.check(&prepared).map_err(wrong)?;
    let Frozen { plan, cached, .. } = frozen;
    let output = || context.output.clone().unwrap_or(plan.project().root.join(&plan.run.output));
    let store = store.unwrap_or_else(|| Store::at(output()));
    Ok((Planned { plan, prepared, store, took: began.elapsed() }, cached))
}

/// One call of `papertape run`, from its plan to its exit code.
struct Attempt<'a> {
    options: &'a Run,
    context: &'a Context,
    signals: &'a Signals,
    began: Instant,
    host: String,
    command_line: Vec<String>,
}

impl Attempt<'_> {
    fn start(&self, planned: Planned) -> Result<Exit> {
        self.told(planned, |planned, hooks| self.start_told(planned, hooks))
    }

    /// Carry `planned` out while its hooks are told when it begins and how it ends.
    fn told(
        &self,
        planned: Planned,
        carry_out: impl FnOnce(Planned, &Hooks<'_>) -> Result<Exit>,
    ) -> Result<Exit> {
        self.signals.begin();
        let (plan, root) = (&planned.plan, planned.plan.project().root.clone());
        let (commands, sessions) = (plan.run.hooks.clone(), plan.points.len());
        let hooks = Hooks::new(&commands, &root, &planned.store);
        hooks.missing().iter().for_each(|missing| self.context.warn(missing));
        let mut accounts: Vec<JournalReader> =
            match hooks.waits_for(&[Moment::OnTrade, Moment::OnState]) {
                true => accounts(&planned).collect(),
                false => Vec::new(),
            };
        // What stands there was told before.
        accounts.iter_mut().for_each(|account| drop(account.read()));
        let manifests: Vec<String> = plan.manifests.iter().map(|(path, _)| path.clone()).collect();
        let event = |kind, message| {
            let event = Event::new(Utc::now(), kind, message).fact("manifests", manifests.clone());
            event.count("sessions", sessions)
        };
        let message = format!("a run of {} begins", counted(sessions, "session"));
        let begins = event(EventKind::RunnerStart, message);
        hooks.tell(Moment::OnStarted, &begins);
        hooks.tell(Moment::Start, &begins);
        let result = carry_out(planned, &hooks);
        accounts.iter_mut().for_each(|account| hooks.tell_of_account(account));
        let exit = result.as_ref().map_or_else(super::exit_of, |exit| *exit);
        let message = format!("the run ended with exit code {}", exit.code());
        let level = if exit == Exit::Success { Level::Info } else { Level::Error };
        let ends = event(EventKind::RunnerEnd, message).level(level);
        let ends = ends.fact("exit_code", exit.code());
        let ends = ends.metric("seconds", self.began.elapsed().as_secs_f64());
        hooks.tell(Moment::OnFinished, &ends);
        let success = exit == Exit::Success;
        hooks.tell(if success { Moment::Success } else { Moment::Failure }, &ends);
        result
    }

    fn start_told(&self, mut planned: Planned, hooks: &Hooks<'_>) -> Result<Exit> {
        let templates = self.options.templates(&planned.plan)?;
        let mut night = self.night(&mut planned)?;
        if planned.plan.points.is_empty() {
            self.context.say("every account is held by another process");
            return Ok(Exit::Success);
        }
        let Planned { plan, prepared, store, .. } = &planned;
        let wanted = plan.run.cache && !self.options.planning.no_cache;
        let (cached, warnings) = execute::cached(store, plan, prepared, wanted);
        warnings.iter().for_each(|warning| self.context.warn(warning));
        let request = self.request(&planned, &night);
        let is_new = |job: &Job| !cached.contains_key(&job.index);
        planned.within_budget(|| planned.estimate(request.threads, &is_new))?;
        let mut watcher = Watcher::new(self.context);
        let watch = &mut |progress| watcher.see(progress);
        let accounts = &mut |kept: &Kept<'_>| {
            let settled = night.settle(kept);
            // What a process that is killed later leaves is no account any more.
            die_after(None);
            settled
        };
        let summary = execute::start(request, &cached, watch, accounts)
            .map_err(|error| self.halted(error, &planned.store))?;
        drop(watcher);
        night.warnings().iter().for_each(|warning| self.context.warn(warning));
        self.conclude(&planned, summary, templates, hooks)
    }

    fn resume(&self, which: &str) -> Result<Exit> {
        let store = self.context.store();
        let holder = Holder::this_process(self.host.as_str(), &self.command_line);
        if let ("latest", Some(id)) = (which, store.unbegun()) {
            let fact = "was stopped before it began, and nothing of it can go on";
            self.context.warn(format!("run {id} {fact}; give `papertape run` its manifest again"));
        }
        let opened = self.options.lock.open(|| store.resume_run(which, &holder))?;
        let Some(run) = opened else { return Ok(Exit::Success) };
        let id = run.id().to_owned();
        if run.reader().file().status == RunStatus::Completed && !lacks_records(&run, &store) {
            if run.has_results() {
                return self.complete(&run, &store);
            }
            self.context.warn(format!("run {id} has lost its results: they are made anew"));
        }
        let wrong = |error: anyhow::Error| Usage(format!("run {id} cannot go on: {error:#}"));
        let text = run.reader().plan()?;
        let (planned, taken) = thaw(&text, Some(store), self.context, &wrong)?;
        let templates = self.options.templates(&planned.plan)?;
        self.told(planned, |mut planned, hooks| {
            let mut night = self.night(&mut planned)?;
            let request = self.request(&planned, &night);
            let mut watcher = Watcher::new(self.context);
            let watch = &mut |progress| watcher.see(progress);
            let accounts = &mut |kept: &Kept<'_>| night.settle(kept);
            let summary = execute::resume(request, run, &taken, watch, accounts)
                .map_err(|error| self.halted(error, &planned.store))?;
            drop(watcher);
            night.warnings().iter().for_each(|warning| self.context.warn(warning));
            self.conclude(&planned, summary, templates, hooks)
        })
    }

    /// Render those reports of a complete run that it lacks: the process may have been killed meanwhile.
    fn complete(&self, run: &store::Run, store: &Store) -> Result<Exit> {
        // What another engine planned cannot be read, and is complete all the same.
        let frozen = run.reader().plan().map_err(Into::into).and_then(|text| file::read(&text));
        if let Ok(Frozen { plan, .. }) = frozen
            && let Some(templates) = self.options.templates(&plan)?
            && plan.run.reports.iter().any(|name| !run.reader().report(name).exists())
        {
            let (reports, missing) = render(run, &plan.run.reports, store, &templates);
            self.tell_reports(&reports);
            return missing.map_or(Ok(Exit::Success), Err);
        }
        self.context.say(&format!("run {} is complete: nothing is missing", run.id()));
        let (files, _) = store.run_files();
        // Whoever asks for the latest may mean the last that was stopped.
        if let Some(stopped) = files.iter().find(|file| file.status == RunStatus::Incomplete) {
            let remedy = remedy(&stopped.id, store, self.context);
            self.context.say(&format!("{} was stopped: `papertape {remedy}`", stopped.id));
        }
        Ok(Exit::Success)
    }

    fn tell_reports(&self, reports: &[PathBuf]) {
        reports.iter().for_each(|path| self.context.say(&format!("report: {}", shown(path))));
    }

    /// Open the paper accounts of the plan and take the bars that are new for them.
    fn night(&self, planned: &mut Planned) -> Result<Night, StoreError> {
        let holder = Holder::this_process(self.host.as_str(), &self.command_line);
        let Planned { plan, prepared, store, .. } = planned;
        let open = |session: &str| {
            let opened = self.options.lock.open(|| Account::open_soon(store, session, &holder))?;
            if opened.is_none() {
                self.context.say(&format!("{session}: left to the process that holds it"));
            }
            Ok(opened)
        };
        let mut night = Night::begin(plan, prepared, store, &holder, open)?;
        night.take(plan, prepared);
        night.warnings().iter().for_each(|warning| self.context.warn(warning));
        Ok(night)
    }

    /// An error of the store, with the way to go on where a run was begun.
    fn halted(&self, error: StoreError, store: &Store) -> anyhow::Error {
        let StoreError::Halted { run, .. } = &error else { return error.into() };
        let resume = remedy(run, store, self.context);
        anyhow::Error::new(error)
            .context(format!("the run stopped and can go on with `papertape {resume}`"))
    }

    fn request<'a>(&'a self, planned: &'a Planned, night: &Night) -> Request<'a> {
        let is_planned = |index: usize| index < planned.plan.points.len();
        assert!(
            self.options.fault.is_none_or(is_planned),
            "the session that is to panic is planned"
        );
        Request {
            plan: &planned.plan,
            prepared: &planned.prepared,
            store: &planned.store,
            threads: threads(self.options.threads, &planned.plan.run),
            cancel: &self.signals.cancel,
            fault: self.options.fault,
            host: &self.host,
            command_line: &self.command_line,
            left_out: night.left_out().to_vec(),
            phases: planned.phases(self.began.elapsed()),
        }
    }

    /// Say what came of it, render the reports, and find the exit code, which the run's file tells too.
    fn conclude(
        &self,
        planned: &Planned,
        mut summary: Summary,
        templates: Option<Templates>,
        hooks: &Hooks<'_>,
    ) -> Result<Exit> {
        let told = self.tell(planned, &summary, templates, hooks);
        let code = told.as_ref().map_or_else(super::exit_of, |exit| *exit).code();
        if summary.run.reader().file().exit_code != Some(code) {
            summary.run.update(|file| file.exit_code = Some(code))?;
        }
        told
    }

    fn tell(
        &self,
        planned: &Planned,
        summary: &Summary,
        templates: Option<Templates>,
        hooks: &Hooks<'_>,
    ) -> Result<Exit> {
        let (context, run) = (self.context, &planned.plan.run);
        summary.warnings.iter().for_each(|warning| context.warn(warning));
        tell_failures(summary, &planned.plan, context, hooks);
        if summary.status == RunStatus::Incomplete {
            let sessions = planned.plan.points.len();
            let missing = match sessions - summary.rows.len() {
                0 => format!("{} ended, details of the best", counted(sessions, "session")),
                missing => format!("{missing} of {sessions} sessions"),
            };
            context.complain(&format!(
                "stopped: {missing} are missing; go on with `papertape {}`",
                remedy(summary.run.id(), &planned.store, context),
            ));
            return Ok(self.signals.exit().unwrap_or(Exit::Incomplete));
        }
        let (reports, unreported) = match &templates {
            Some(templates) => render(&summary.run, &run.reports, &planned.store, templates),
            None => (Vec::new(), None),
        };
        if !context.quiet {
            let printed = results::print_best(&planned.plan, &summary.rows, self.options.format);
            // Who closed the pipe has seen enough, and the run has an end all the same.
            printed.or_else(
                |error| {
                    if is_closed_pipe(&error) { Ok(Exit::Success) } else { Err(error) }
                },
            )?;
            for sentence in landscape::sentences(&planned.plan, &summary.rows) {
                context.say(&sentence);
            }
            tell_idle(summary, &planned.plan, context);
            context.say(&sentence(summary, self.began));
            self.tell_reports(&reports);
        }
        let reporting = &self.options.reporting;
        let checks = check::expected(&planned.plan, &summary.rows, reporting.is_wanted());
        tell_broken(&checks, context);
        reporting.write(&checks)?;
        let complete = "the results are complete, but not";
        if let Some(error) = &unreported {
            context.complain(&format!("{complete} their report: {error:#}"));
        }
        if let Some(error) = &summary.registry {
            context.complain(&format!("{complete} in the registry: {error}"));
        }
        Ok(match exit(summary, unreported.is_none(), self.signals) {
            Exit::Success => reporting::exit(&checks),
            exit => exit,
        })
    }
}

/// Whether the registry could not be told of all that `run` ran.
fn lacks_records(run: &store::Run, store: &Store) -> bool {
    if run.reader().file().exit_code != Some(Exit::Store.code()) {
        return false;
    }
    let frozen = run.reader().plan().ok().and_then(|text| file::read(&text).ok());
    let Some(Frozen { plan, cached, .. }) = frozen else { return false };
    let (records, _) = store.records();
    let known = records.iter().filter(|record| record.run == run.id());
    let known: HashSet<&str> = known.map(|record| record.session.as_str()).collect();
    let ran = plan.points.iter().zip(cached).filter(|(_, cached)| !cached);
    ran.into_iter().any(|(point, _)| !known.contains(plan.base(point).session.name.as_str()))
}

/// The journals of the paper accounts of a plan.
fn accounts(planned: &Planned) -> impl Iterator<Item = JournalReader> + '_ {
    let bases = planned.plan.bases.iter().filter(|base| base.session.mode == Mode::Paper);
    bases.map(|base| planned.store.account_journal(&base.session.name))
}

/// Sessions that are not what their manifest expects, with what is not.
fn tell_broken(checks: &Checks, context: &Context) {
    const SHOWN: usize = 10;
    let broken: Vec<&Checked> =
        checks.sessions.iter().filter(|one| one.standing == Standing::Failed).collect();
    for one in broken.iter().take(SHOWN) {
        for line in lines(one) {
            context.complain(&format!("{}: {line}", one.key));
        }
    }
    if broken.len() > SHOWN {
        context.complain(&format!("and {} more", broken.len() - SHOWN));
    }
}

/// Render the reports that the manifest asks for, and the index of all runs: where the reports are, and
/// why one is missing.
fn render(
    run: &store::Run,
    reports: &[String],
    store: &Store,
    templates: &Templates,
) -> (Vec<PathBuf>, Option<anyhow::Error>) {
    let mut written = Vec::new();
    let mut write = || -> Result<()> {
        let loader = Loader::new(run.reader())?;
        let report = loader.report()?;
        // A report that is there has the pages that it leads to.
        if reports.iter().any(|name| name.ends_with(".html")) {
            write_pages(run, &loader, templates)?;
        }
        for name in reports {
            run.write_report(name, &templates.render(name, &report)?)?;
            written.push(run.reader().report(name));
        }
        write_index(store, templates)
    };
    let missing = write().err();
    (written, missing)
}

fn exit(summary: &Summary, is_reported: bool, signals: &Signals) -> Exit {
    if let Some(exit) = signals.exit() {
        return exit;
    }
    if summary.registry.is_some() || !is_reported {
        return Exit::Store;
    }
    if summary.status == RunStatus::Completed { Exit::Success } else { Exit::Failed }
}

/// The arguments with which a stopped run goes on, wherever its results are.
fn remedy(run: &str, store: &Store, context: &Context) -> String {
    let resume = format!("run --resume {run}");
    match context.root.is_none() && store.path() == context.project().root.join("output") {
        true => resume,
        false => format!("{resume} --output {}", shown(store.path())),
    }
}

fn sentence(summary: &Summary, began: Instant) -> String {
    let counts = &summary.counts;
    let mut parts = vec![format!("{} completed", counts.completed)];
    for (count, word) in
        [(counts.failed, "failed"), (counts.refused, "refused"), (counts.cached, "cached")]
    {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let sessions = counted(counts.selected as usize, "session");
    format!("{sessions}: {} in {seconds:.2} s", parts.join(", "))
}

/// Sessions that did not complete, with their reasons: the one thing that quiet does not silence.
fn tell_failures(summary: &Summary, plan: &Plan, context: &Context, hooks: &Hooks<'_>) {
    const SHOWN: usize = 10;
    let failed: Vec<_> =
        summary.rows.iter().filter(|row| row.status != Status::Completed).collect();
    for row in failed.iter().take(SHOWN) {
        let key = plan.key(row.index as usize);
        context.complain(&format!("{key}: {}: {}", row.status.word(), reason(row)));
        let event = Event::new(Utc::now(), EventKind::Error, reason(row)).session(&key);
        let event = event.phase("session").fact("status", row.status.word());
        hooks.tell(Moment::OnFailed, &event.fact("run", summary.run.id()));
    }
    if failed.len() > SHOWN {
        context.complain(&format!("and {} more", failed.len() - SHOWN));
    }
}

/// Sessions that completed without a trade, or held over nights that they should not have, and why.
fn tell_idle(summary: &Summary, plan: &Plan, context: &Context) {
    const SHOWN: usize = 5;
    const WARNED: [&str; 2] = ["no trades", "held over"];
    let idle = |row: &Row| {
        let notes = row.note.as_deref()?.split("; ");
        let is_doubt = |note: &&str| WARNED.iter().any(|begin| note.starts_with(begin));
        let why = notes.into_iter().find(is_doubt)?.to_owned();
        Some((row.index as usize, why))
    };
    let idle: Vec<(usize, String)> = summary.rows.iter().filter_map(idle).collect();
    for (index, why) in idle.iter().take(SHOWN) {
        context.warn(format!("{}: {why}", plan.key(*index)));
    }
    if idle.len() > SHOWN {
        let more = counted(idle.len() - SHOWN, "more session");
        context.warn(format!("{more} with such a note"));
    }
}

fn reason(row: &Row) -> &str {
    row.error.as_deref().unwrap_or("no reason was given")
}
