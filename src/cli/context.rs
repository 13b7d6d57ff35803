//! What every command is told: where to look and how to speak to whom.
//!
//! Data goes to standard output, through [`output`](super::output); everything that is said about it
//! goes to standard error, through [`Context`].

use crate::diag::Mistakes;
use crate::manifest::Project;
use crate::store::Store;
use chrono::Utc;
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
    /// Whether standard error takes colours.
    pub(super) color: bool,
}

/// A mistake in how papertape was called; nothing was done.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

impl Context {
    /// The context of this process.
    pub(super) fn new(root: Option<PathBuf>, output: Option<PathBuf>, quiet: bool) -> Self {
        let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { root, output, quiet, color: !plain && io::stderr().is_terminal() }
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
        // Where standard error cannot be written, nobody can be told.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Warn of something that the work went on without, quiet or not.
    pub(super) fn warn(&self, text: impl Display) {
        self.complain(&format!("warning: {text}"));
    }

    /// Say what is good to know, unless quiet.
    pub(super) fn say(&self, text: &str) {
        if !self.quiet {
            self.complain(text);
        }
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
