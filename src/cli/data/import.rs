//! `papertape data import`: bars of files into an archive.

use super::super::context::{Context, Usage};
use super::super::exit::Exit;
use super::super::lock::LockPolicy;
use super::super::output::{Facts, Format, Kind, Records};
use super::{Reading, load_trusted, opened};
use crate::diag::counted;
use crate::manifest::Adjust;
use crate::manifest::project::shown;
use crate::market::DataSet;
use crate::store::{Added, Archive, Holder, Revision, stamp};
use anyhow::Result;
use std::path::PathBuf;

/// Import bars into a directory of Parquet files, one directory a symbol
///
/// Bars that are there already are recognized, so that a second import of the same files changes
/// nothing. Of two values for one bar the later import's holds; both are told, and kept in the symbol's
/// `revisions.tsv`. Nothing is written unless every file passes its checks.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape data import downloads/goog.csv --to prices
  papertape data import 'downloads/*.csv.gz' --to prices --append --set data.timezone=Asia/Tokyo

A manifest reads all of it with `data.path = \"prices\"`, and one symbol with `data.path = \"prices/GOOG\"`.")]
pub(super) struct Import {
    /// Files of bars (CSV, CSV.gz or Parquet), directories or globs
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The directory that takes them
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Add to the bars that are there
    #[arg(long)]
    append: bool,
    /// When another import holds the directory: fail, skip (and end well), or wait (for `wait=10m` at most)
    #[arg(long, value_name = "POLICY", default_value = "fail", value_parser = LockPolicy::parse)]
    lock: LockPolicy,
    #[command(flatten)]
    reading: Reading,
    /// How the account of it is written; CSV has a row a symbol
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// How many revisions of a symbol are told one by one; standard output has all of them.
const TOLD: usize = 10;

/// One symbol of an import.
struct Imported {
    added: Added,
    bars: usize,
    first: String,
    last: String,
}

impl Import {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let mut sets = Vec::new();
        for file in &self.files {
            let settings = self.reading.settings(file, context)?;
            if settings.adjust != Adjust::None {
                let fact = "an archive holds prices as they were traded";
                return Err(Usage(format!("{fact}; set `data.adjust` where they are read")).into());
            }
            sets.push(load_trusted(&settings, context)?);
        }
        let command_line: Vec<String> = std::env::args().collect();
        let holder = Holder::this_process("this machine", &command_line);
        let Some(mut archive) = self.lock.open(|| Archive::open(&self.to, &holder))? else {
            context.say(&format!("skipped: another import holds {}", shown(&self.to)));
            return Ok(Exit::Success);
        };
        let mut imported = Vec::new();
        for data in &sets {
            add(data, &mut archive, &mut imported)?;
        }
        let is_change = imported.iter().any(|it| it.added.is_change());
        if is_change && !self.append && !archive.was_empty() {
            return Err(self.unwanted(&imported).into());
        }
        // Told before anything is written: what a killed import did is told at least once.
        for it in &imported {
            tell(&it.added, context);
        }
        let files = archive.write()?;
        if context.quiet {
            return Ok(Exit::Success);
        }
        match self.format {
            // A table of rows has room for one kind of row.
            Format::Csv => Self::symbols(&imported).print(Format::Csv),
            format => self.facts(&imported, files).print(format),
        }
    }

    /// Somebody may have taken the directory of another archive for a new one.
    fn unwanted(&self, imported: &[Imported]) -> Usage {
        let sum = |count: fn(&Added) -> usize| imported.iter().map(|it| count(&it.added)).sum();
        let (new, other) = (sum(|it| it.new), sum(|it| it.filled + it.revised));
        Usage(format!(
            "{} holds bars already, and this would add {} and change {other}; nothing was written, \
             and `--append` does it",
            shown(&self.to),
            counted(new, "bar"),
        ))
    }

    /// What the import did to each symbol.
    fn symbols(imported: &[Imported]) -> Records {
        let mut symbols = Records::new([
            ("symbol", Kind::Text),
            ("bars", Kind::Count),
            ("new", Kind::Count),
            ("same", Kind::Count),
            ("filled", Kind::Count),
            ("revised", Kind::Count),
            ("first", Kind::Text),
            ("last", Kind::Text),
        ]);
        for Imported { added, bars, first, last } in imported {
            symbols.push(vec![
                (&added.symbol).into(),
                (*bars).into(),
                added.new.into(),
                added.same.into(),
                added.filled.into(),
                added.revised.into(),
                first.into(),
                last.into(),
            ]);
        }
        symbols
    }

    fn facts(&self, imported: &[Imported], files: usize) -> Facts {
        let mut revisions = Records::new([
            ("symbol", Kind::Text),
            ("time", Kind::Text),
            ("column", Kind::Text),
            ("old", Kind::Number),
            ("new", Kind::Number),
        ]);
        for Imported { added, .. } in imported {
            for revision in &added.revisions {
                revisions.push(vec![
                    (&added.symbol).into(),
                    time(revision).into(),
                    (&revision.column).into(),
                    revision.old.into(),
                    revision.new.into(),
                ]);
            }
        }
        let facts = Facts::default()
            .with("to", Kind::Text, shown(&self.to))
            .with("files_written", Kind::Count, files)
            .part("symbols", Self::symbols(imported));
        // Programs always find the part, people only what is in it.
        let is_wanted = !revisions.is_empty() || self.format == Format::Json;
        if is_wanted { facts.part("revisions", revisions) } else { facts }
    }
}

/// Lay the bars of `data` over the archive, and add what came of it to the account of each symbol.
fn add(data: &DataSet, archive: &mut Archive, imported: &mut Vec<Imported>) -> Result<()> {
    for bars in data.bars.iter().filter(|bars| !bars.is_empty()) {
        let naive = data.is_naive(&bars.symbol);
        let added = archive.add(bars, naive)?;
        let (first, last) = (opened(bars, 0, naive), opened(bars, bars.len() - 1, naive));
        match imported.iter_mut().find(|it| it.added.symbol == added.symbol) {
            Some(known) => {
                known.added.absorb(added);
                known.bars += bars.len();
                // Times of one symbol are written alike, so their texts have the order of time.
                known.first = first.min(std::mem::take(&mut known.first));
                known.last = last.max(std::mem::take(&mut known.last));
            }
            None => imported.push(Imported { added, bars: bars.len(), first, last }),
        }
    }
    Ok(())
}

/// Warn of the values that are replaced.
fn tell(added: &Added, context: &Context) {
    for revision in added.revisions.iter().take(TOLD) {
        let Revision { column, old, new, .. } = revision;
        let new = if new.is_nan() { "missing".to_owned() } else { new.to_string() };
        let (symbol, time) = (&added.symbol, time(revision));
        context.warn(format!("{symbol}, {time}: `{column}` was {old} and is {new} now"));
    }
    if added.revisions.len() > TOLD {
        let more = counted(added.revisions.len() - TOLD, "further value");
        context.warn(format!("{}: {more} revised", added.symbol));
    }
}

fn time(revision: &Revision) -> String {
    stamp(revision.time, revision.naive, revision.naive && revision.time % crate::bars::DAY == 0)
}
