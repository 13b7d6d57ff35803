//! What every command is told: where to look and how to speak to whom.
//!
//! Data goes to standard output, through [`output`](super::output); everything that is said about it
//! goes to standard error, through [`Context`].

use crate::diag::Mistakes;
use crate::manifest::Project;
use crate::store::{Level, Store};
use chrono::{SecondsFormat, Utc};
use serde_json::json;
use std::env;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// The options that stand before every command.
#[derive(Debug, Clone)]
pub(super) struct Context {
    /// The project's directory, where it was given.
    pub(super) root: Option<PathBuf>,
    /// The directory of results, where it was given.
    pub(super) output: Option<PathBuf>,
    /// Whether only what is wrong is said.
    pub(super) quiet: bool,
    /// How a line on standard error is written.
    pub(super) log: LogFormat,
    /// Whether standard error takes colours.
    pub(super) color: bool,
}

/// How what is said is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// For people
    Text,
    /// A JSON object a line: `time`, `level` (`info`, `warning` or `error`) and `message`
    Json,
}

/// A mistake in how papertape was called; nothing was done.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

impl Context {
    /// The context of this process.
    pub(super) fn new(
        root: Option<PathBuf>,
        output: Option<PathBuf>,
        quiet: bool,
        log: LogFormat,
    ) -> Self {
        let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = !plain && log == LogFormat::Text && io::stderr().is_terminal();
        Self { root, output, quiet, log, color }
    }

    /// The project of the current directory.
    pub(super) fn project(&self) -> Project {
        // A project is found from a file in it, and any name will do.
        Project::of(Path::new("x"), self.root.as_deref(), Utc::now().date_naive())
    }

    /// The store of the current directory's project, or the one that was given.
    pub(super) fn store(&self) -> Store {
        Store::at(self.output.clone().unwrap_or_else(|| self.project().root.join("output")))
    }

    /// Say what is wrong, quiet or not.
    pub(super) fn complain(&self, text: &str) {
        self.log(Level::Error, text);
    }

    /// Warn of something that the work went on without, quiet or not.
    pub(super) fn warn(&self, text: impl Display) {
        self.log(Level::Warning, &format!("warning: {text}"));
    }

    /// Say what is good to know, unless quiet.
    pub(super) fn say(&self, text: &str) {
        if !self.quiet {
            self.log(Level::Info, text);
        }
    }

    fn log(&self, level: Level, text: &str) {
        let line = match self.log {
            LogFormat::Text => text.to_owned(),
            LogFormat::Json => {
                // What the level says need not be said twice.
                let prefix = format!("{level}: ");
                let time = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
                let message = text.strip_prefix(&prefix).unwrap_or(text);
                json!({ "time": time, "level": level.word(), "message": message }).to_string()
            }
        };
        // Where standard error cannot be written, nobody can be told.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Show mistakes with the places where they stand.
    pub(super) fn show(&self, mistakes: &Mistakes) {
        if !mistakes.is_empty() {
            self.complain(&mistakes.render(self.color));
        }
    }
}

/// The machine's name.
pub(super) fn host() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = kernel.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    if name.trim().is_empty() { "unknown".into() } else { name.trim().to_owned() }
}
