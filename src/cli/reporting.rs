//! Where a check, or a run that is gated, is written down beside the terminal: for CI systems.

use super::exit::Exit;
use crate::compare::{Checks, Standing};
use crate::manifest::project::shown;
use crate::report::check::{annotations, junit, markdown};
use crate::store::StoreError;
use anyhow::Result;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Options that say where what was found is written.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Reporting {
    /// Write the sessions as test cases: JUnit's XML, as Jenkins and GitLab read it
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print the commands by which a CI system shows findings at the manifest's lines
    #[arg(long, value_name = "SYSTEM")]
    annotations: Option<System>,
    /// Write a page of Markdown, of at most 900 KiB; a file that is there is appended to
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
    /// Put the seconds that each session took into what is written
    #[arg(long)]
    pub(super) times: bool,
}

/// A CI system that shows what is printed in its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum System {
    /// GitHub Actions
    Github,
}

impl Reporting {
    /// Whether anything is to be written.
    pub(super) fn is_wanted(&self) -> bool {
        self.junit.is_some() || self.summary.is_some() || self.annotations.is_some()
    }

    /// Write what is wanted of `checks`.
    pub(super) fn write(&self, checks: &Checks) -> Result<()> {
        if let Some(path) = &self.junit {
            let xml = junit::junit(checks, self.times)?;
            file(path, |file| file.write_all(xml.as_bytes()), false)?;
        }
        if let Some(path) = &self.summary {
            let page = markdown::markdown(checks, &self.elsewhere());
            file(path, |file| file.write_all(page.as_bytes()), true)?;
        }
        if self.annotations == Some(System::Github) {
            super::output::write(annotations::github(checks).as_bytes())?;
        }
        Ok(())
    }

    fn elsewhere(&self) -> String {
        match &self.junit {
            Some(path) => format!("all of it is in {}", shown(path)),
            None => "all of it is in what `--junit FILE` or `--format json` writes".into(),
        }
    }
}

/// Write a file that the user named, over what is there or after it.
fn file(
    path: &Path,
    write: impl FnOnce(&mut std::fs::File) -> std::io::Result<()>,
    append: bool,
) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).write(true).append(append).truncate(!append);
    let written = options.open(path).and_then(|mut file| write(&mut file));
    written.map_err(|error| StoreError::Io { path: path.to_owned(), action: "written", error })?;
    Ok(())
}

/// The exit code that the sessions of a check come to.
pub(super) fn exit(checks: &Checks) -> Exit {
    let any =
        |wanted: &[Standing]| checks.sessions.iter().any(|one| wanted.contains(&one.standing));
    if any(&[Standing::Absent]) {
        Exit::Incomplete
    } else if any(&[Standing::Broken]) {
        Exit::Failed
    } else if any(&[Standing::Missing, Standing::Unreadable]) {
        Exit::Baseline
    } else if checks.sessions.iter().any(|one| one.failed()) {
        Exit::Gate
    } else {
        Exit::Success
    }
}
