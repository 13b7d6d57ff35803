//! `papertape data info`: what a file of prices looks like.

use super::super::context::{Context, Usage};
use super::super::exit::Exit;
use super::super::output::{Facts, Format, Kind, Records};
use super::list::lenient;
use super::{Reading, is_naive, load, opened};
use crate::bars::duration;
use crate::manifest::DataSettings;
use crate::market::{DataSet, Label, inspect};
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
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Info {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let settings = lenient(self.reading.settings(&self.file, context)?);
        let mut facts = Facts::default().with("file", Kind::Text, self.file.display().to_string());
        let mut file = settings.paths[0].clone();
        let exit = match load(&settings) {
            Ok(data) => {
                file = data.files[0].path.as_str().into();
                facts = described(facts, &data, &settings, context);
                Exit::Success
            }
            // The columns below are what helps to read it.
            Err(error) => {
                context.complain(&format!("error: {error}"));
                Exit::Usage
            }
        };
        let mut columns = Records::new([
            ("column", Kind::Text),
            ("is", Kind::Text),
            ("first", Kind::Text),
            ("last", Kind::Text),
        ]);
        for column in inspect(&file, &settings).map_err(|it| Usage(it.to_string()))? {
            columns.push(vec![
                column.name.into(),
                column.role.into(),
                column.first.into(),
                column.last.into(),
            ]);
        }
        facts.part("columns", columns).print(self.format)?;
        Ok(exit)
    }
}

/// What can be said of data that can be read.
fn described(facts: Facts, data: &DataSet, settings: &DataSettings, context: &Context) -> Facts {
    let naive = is_naive(data);
    let symbols: Vec<String> = data.symbols().into_iter().map(str::to_owned).collect();
    let facts = facts
        .with("rows", Kind::Count, data.files.iter().map(|file| file.rows).sum::<usize>())
        .with("symbols", Kind::Text, symbols)
        .with("times", Kind::Text, if naive { "wall clock" } else { "instants" })
        .with("timezone", Kind::Text, settings.timezone.name());
    let Some(bars) = data.bars.iter().find(|bars| !bars.is_empty()) else { return facts };
    let label = if settings.label_close { Label::Close } else { Label::guess(bars) };
    data.verdicts.iter().flat_map(|it| &it.notes).for_each(|note| context.say(note));
    facts
        .with("timeframe", Kind::Text, duration::text(bars.clock.timeframe))
        .with("label", Kind::Text, label.word())
        .with("first", Kind::Text, opened(bars, 0, naive))
        .with("last", Kind::Text, opened(bars, bars.len() - 1, naive))
}
