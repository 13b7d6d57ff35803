//! The command line: clap in, text out. The only room that prints.

mod baseline;
mod bench;
mod check;
mod compare;
mod context;
mod data;
mod events;
mod exit;
mod explain;
mod explain_code;
mod filter;
mod finding;
mod hook;
mod indicators;
mod landscape;
mod lint;
mod lock;
mod new;
mod output;
mod paper;
mod plan;
mod planning;
mod progress;
mod prune;
mod report;
mod reporting;
mod results;
mod run;
mod runs;
mod schema;
mod sessions;
mod signals;
mod strategies;

pub use exit::Exit;

use crate::batch::panic_text;
use crate::store::{StoreError, die_after};
use clap::{CommandFactory, Parser, Subcommand};
use context::{Context, LogFormat, Usage};
use std::ffi::OsString;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Run trading sessions from TOML manifests: backtests, sweeps, comparison reports
#[derive(Debug, Parser)]
#[command(
    name = "papertape",
    version,
    disable_help_subcommand = true,
    after_help = "\
Examples:
  papertape run sessions/quickstart.toml
  papertape plan sessions/quickstart.toml
  papertape sessions list --sort -sharpe"
)]
struct Cli {
    /// The project's directory [default: the nearest one at or above the manifest with `templates/`]
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The directory of results [default: `output` in the project]
    #[arg(long, global = true, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print nothing but what is wrong
    #[arg(short, long, global = true)]
    quiet: bool,
    /// How what is said on standard error is written
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// End at once before the operation on the disk that comes after so many, for tests
    #[arg(long, global = true, value_name = "OPERATIONS", hide = true)]
    die_after: Option<u64>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Plan(plan::Plan),
    Paper(paper::Paper),
    Explain(explain::Explain),
    Check(check::Check),
    Baseline(baseline::BaselineCommand),
    Bench(bench::Bench),
    Compare(compare::Compare),
    Sessions(sessions::Sessions),
    Runs(runs::Runs),
    Events(events::Events),
    Strategies(strategies::Strategies),
    Indicators(indicators::Indicators),
    Data(data::Data),
    Report(report::Report),
    New(new::New),
    Schema(schema::Schema),
    #[command(hide = true)]
    Hook(hook::Hook),
    /// Explain a command, or the code of a mistake
    #[command(after_help = "Examples:\n  papertape help run\n  papertape help E0102")]
    Help {
        /// A command, or a code such as E0102
        topic: Vec<String>,
    },
    /// Print the completions of a shell
    #[command(
        after_help = "Example:\n  papertape completions bash > ~/.local/share/bash-completion/completions/papertape"
    )]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(after_help = "Example:\n  papertape man | man -l -")]
    Man,
}

/// Parse the arguments, do what they say, and say how it ended.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // A pipe that was closed has nothing to be told.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Success.into() };
        }
    };
    die_after(cli.die_after);
    let context = Context::new(cli.root, cli.output, cli.quiet, cli.log_format);
    // What would go beyond a limit of files is told like a full disk, and does not end the process.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
    // A session that panics is told as its row, and a bug below, both in our words.
    std::panic::set_hook(Box::new(|_| {}));
    match std::panic::catch_unwind(AssertUnwindSafe(|| cli.command.run(&context))) {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(error)) => conclude(&error, &context).into(),
        Err(panic) => {
            let text = panic_text(panic.as_ref());
            context.complain(&format!("error: this is a bug in papertape: {text}"));
            Exit::Bug.into()
        }
    }
}

impl Command {
    fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Run(run) => run.run(context),
            Self::Plan(plan) => plan.run(context),
            Self::Paper(paper) => paper.run(context),
            Self::Explain(explain) => explain.run(context),
            Self::Check(check) => check.run(context),
            Self::Baseline(baseline) => baseline.run(context),
            Self::Bench(bench) => bench.run(context),
            Self::Compare(compare) => compare.run(context),
            Self::Sessions(sessions) => sessions.run(context),
            Self::Runs(runs) => runs.run(context),
            Self::Events(events) => events.run(context),
            Self::Strategies(strategies) => strategies.run(context),
            Self::Indicators(indicators) => indicators.run(context),
            Self::Data(data) => data.run(context),
            Self::Report(report) => report.run(context),
            Self::New(new) => new.run(context),
            Self::Schema(schema) => schema.run(),
            Self::Hook(hook) => Ok(hook.run()),
            Self::Help { topic } => {
                output::write(explain_code::help(&topic, Cli::command())?.as_bytes())
            }
            Self::Completions { shell } => {
                let mut text = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), "papertape", &mut text);
                output::write(&text)
            }
            Self::Man => {
                let mut text = Vec::new();
                clap_mangen::Man::new(Cli::command()).render(&mut text)?;
                output::write(&text)
            }
        }
    }
}

/// Show what went wrong, once, and find its exit code.
fn conclude(error: &anyhow::Error, context: &Context) -> Exit {
    if !output::is_closed_pipe(error) {
        context.complain(&format!("error: {error:#}"));
    }
    exit_of(error)
}

/// The exit code of what went wrong.
fn exit_of(error: &anyhow::Error) -> Exit {
    if output::is_closed_pipe(error) {
        return Exit::Success;
    }
    match error.downcast_ref::<StoreError>() {
        Some(StoreError::Locked { .. }) => return Exit::Locked,
        Some(
            StoreError::UnknownRun { .. }
            | StoreError::AmbiguousRun { .. }
            | StoreError::Unfit { .. },
        ) => return Exit::Usage,
        Some(_) => return Exit::Store,
        None => {}
    }
    let is_usage = error.downcast_ref::<Usage>().is_some()
        || error.downcast_ref::<crate::report::Error>().is_some();
    if is_usage { Exit::Usage } else { Exit::Bug }
}
