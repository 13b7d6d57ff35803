//! `papertape runs prune`: put runs away by a policy.

use super::context::{Context, Usage, host};
use super::exit::Exit;
use super::output::{Cell, Format, Kind, Records};
use super::report::write_index;
use super::sessions::Since;
use crate::diag::counted;
use crate::manifest::project::shown;
use crate::report::Templates;
use crate::store::{Holder, RunFile, RunStatus, StoreError};
use anyhow::Result;
use chrono::Utc;
use std::path::PathBuf;

/// Remove runs, or pack each into one file
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A run goes if everything that is said here holds for it. One that is being written stays, and so does
one with a note. The registry keeps its records.

Examples:
  papertape runs prune --keep-last 100 --dry-run
  papertape runs prune --older-than 90d --archive /srv/papertape/runs
  papertape runs prune --status failed --status incomplete --older-than 7d
  papertape runs show /srv/papertape/runs/20261121T063100Z-9f3a1c.tar.gz")]
pub(super) struct Prune {
    /// Not the newest so many of all runs
    #[arg(long, value_name = "NUMBER")]
    keep_last: Option<usize>,
    /// Only runs that started before: `90d` back, `2026-11-01`, or a time such as
    /// `2026-11-01T06:30:00Z`
    #[arg(long, value_name = "TIME", value_parser = Since::parse)]
    older_than: Option<Since>,
    /// Only runs with this status; may be repeated for several
    #[arg(long, value_name = "STATUS", value_parser = ["completed", "failed", "incomplete"])]
    status: Vec<String>,
    /// Runs with a note too
    #[arg(long)]
    noted: bool,
    /// Pack each run into one compressed file in this directory before it is removed
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    /// Only show what would go
    #[arg(long)]
    dry_run: bool,
    /// How the list of what goes is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Prune {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        if self.keep_last.is_none() && self.older_than.is_none() && self.status.is_empty() {
            let fact = "say which runs go: `--keep-last 100`, `--older-than 90d` or `--status failed`, or several";
            return Err(Usage(fact.to_owned()).into());
        }
        let store = context.store();
        let (files, warnings) = store.run_files();
        warnings.iter().for_each(|warning| context.warn(warning));
        let before = self.older_than.map(|since| since.from(Utc::now())).transpose()?;
        let is_doomed = |file: &&RunFile| {
            file.status != RunStatus::Running
                && before.is_none_or(|before| file.started < before)
                && (self.status.is_empty() || self.status.iter().any(|it| it == file.status.word()))
        };
        // Newest first, so the first ones are those that are kept.
        let policy = files.iter().skip(self.keep_last.unwrap_or(0)).filter(is_doomed);
        let (noted, doomed): (Vec<&RunFile>, Vec<&RunFile>) =
            policy.partition(|file| !file.notes.is_empty() && !self.noted);
        let command_line: Vec<String> = std::env::args().collect();
        let holder = Holder::this_process(host(), &command_line);
        let mut table = Records::new([
            ("id", Kind::Text),
            ("started", Kind::Time),
            ("status", Kind::Text),
            ("sessions", Kind::Count),
            ("bytes", Kind::Count),
            ("archived", Kind::Text),
        ]);
        let (mut gone, mut freed, mut failed) = (0, 0, None);
        for file in doomed {
            let bytes = store.run_size(&file.id);
            let put_away = match self.dry_run {
                true => Ok(None),
                false => store.put_away(&file.id, self.archive.as_deref(), &holder),
            };
            let path = match put_away {
                Ok(path) => path,
                // Somebody has just gone on with it, or put it away.
                Err(StoreError::Locked { .. } | StoreError::UnknownRun { .. }) => continue,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            };
            (gone, freed) = (gone + 1, freed + bytes);
            table.push(vec![
                (&file.id).into(),
                file.started.into(),
                file.status.word().into(),
                file.counts.selected.into(),
                bytes.into(),
                Cell::from(path.map(|path| shown(&path))),
            ]);
        }
        if !self.dry_run && gone > 0 {
            store.sweep_up()?;
            write_index(&store, &Templates::new(Some(&context.project().root))?)?;
        }
        if !context.quiet && gone > 0 {
            table.print(self.format)?;
        }
        let word = if self.dry_run { "would be removed" } else { "removed" };
        let megabytes = freed as f64 / 1e6;
        context.say(&format!("{} {word}, {megabytes:.1} MB", counted(gone, "run")));
        if !noted.is_empty() {
            let kept = counted(noted.len(), "run");
            context.say(&format!("{kept} with a note kept; `--noted` removes them too"));
        }
        match failed {
            Some(StoreError::Unfit { path, fact, remedy }) => {
                Err(Usage(format!("{}: {fact}; {remedy}", path.display())).into())
            }
            Some(error) => Err(error.into()),
            None => Ok(Exit::Success),
        }
    }
}
