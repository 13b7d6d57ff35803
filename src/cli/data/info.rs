//! `papertape data info`: what a file of prices looks like.

use super::super::context::{Context, Usage};
use super::super::exit::Exit;
use super::super::output::{Facts, Format, Kind, Records};
use super::list::lenient;
use super::{Reading, is_naive, load, opened};
use crate::bars::duration;
use crate::manifest::DataSettings;
use crate::market::{DataSet, Label, Verdict, inspect};
use anyhow::Result;
use std::path::PathBuf;

/// Show what a file of bars holds: its columns and what they are taken for, its symbols, timeframe and
/// times
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  papertape data info data/eurusd-1h.csv")]
pub(super) struct Info {
    /// The file (CSV, CSV.gz or Parquet), or a directory or glob of files that look like the first
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// How it is written; CSV has the columns alone
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Info {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let settings = lenient(self.reading.settings(&self.file, context)?);
        let mut facts = Facts::default().with("file", Kind::Text, self.file.display().to_string());
        let mut file = settings.paths[0].clone();
        let loaded = load(&settings);
        if let Ok(data) = &loaded {
            file = data.files[0].path.as_str().into();
            facts = described(facts, data, &settings, context);
        }
        let (found, exit) = match (inspect(&file, &settings), loaded) {
            (Ok(found), Ok(_)) => (found, Exit::Success),
            // The columns are what helps to read it.
            (Ok(found), Err(error)) => {
                context.complain(&format!("error: {error}"));
                (found, Exit::Usage)
            }
            (Err(_), Err(error)) => return Err(error.into()),
            (Err(error), Ok(_)) => return Err(Usage(error.to_string()).into()),
        };
        let mut columns = Records::new([
            ("column", Kind::Text),
            ("is", Kind::Text),
            ("first", Kind::Text),
            ("last", Kind::Text),
        ]);
        for column in found {
            columns.push(vec![
                column.name.into(),
                column.role.into(),
                column.first.into(),
                column.last.into(),
            ]);
        }
        match self.format {
            // A table of rows has room for one kind of row.
            Format::Csv => columns.print(Format::Csv)?,
            format => facts.part("columns", columns).print(format)?,
        };
        Ok(exit)
    }
}

/// What can be said of data that can be read.
fn described(facts: Facts, data: &DataSet, settings: &DataSettings, context: &Context) -> Facts {
    let symbols: Vec<String> = data.symbols().into_iter().map(str::to_owned).collect();
    let facts = facts
        .with("rows", Kind::Count, data.files.iter().map(|file| file.rows).sum::<usize>())
        .with("symbols", Kind::Text, symbols)
        .with("times", Kind::Text, if is_naive(data) { "wall clock" } else { "instants" })
        .with("timezone", Kind::Text, settings.timezone.name());
    data.verdicts.iter().flat_map(Verdict::remarks).for_each(|remark| context.say(remark));
    let Some(bars) = data.bars.iter().find(|bars| !bars.is_empty()) else { return facts };
    let naive = data.is_naive(&bars.symbol);
    let label = if settings.label_close { Label::Close } else { Label::guess(bars) };
    facts
        .with("timeframe", Kind::Text, duration::text(bars.clock.timeframe))
        .with("label", Kind::Text, label.word())
        .with("first", Kind::Text, opened(bars, 0, naive))
        .with("last", Kind::Text, opened(bars, bars.len() - 1, naive))
}
