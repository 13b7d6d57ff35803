//! `papertape data info`: what a file of prices looks like.

use super::super::context::{Context, Usage};
use super::super::exit::Exit;
use super::super::output::{Facts, Format, Kind, Records};
use super::list::lenient;
use super::{Reading, is_naive, load, opened};
use crate::bars::{Bars, DAY, duration};
use crate::manifest::DataSettings;
use crate::market::{DataSet, inspect};
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
    let label = label(bars, settings);
    if label == "close" && !settings.label_close {
        context.say("the times seem to be those of closes; `data.label = \"close\"` says so");
    }
    facts
        .with("timeframe", Kind::Text, duration::text(bars.clock.timeframe))
        .with("label", Kind::Text, label)
        .with("first", Kind::Text, opened(bars, 0, naive))
        .with("last", Kind::Text, opened(bars, bars.len() - 1, naive))
}

/// What the timestamps seem to label: sessions begin at rounder times than they have after a bar.
fn label(bars: &Bars, settings: &DataSettings) -> &'static str {
    if settings.label_close {
        return "close";
    }
    let timeframe = bars.clock.timeframe;
    let local: Vec<i64> = bars.local(0..bars.len()).collect();
    let begins = |row: &usize| *row == 0 || local[*row] - local[*row - 1] > timeframe;
    let (mut open, mut close) = (0, 0);
    for row in (0..local.len()).filter(begins) {
        let (here, before) = (roundness(local[row]), roundness(local[row] - timeframe));
        open += usize::from(here > before);
        close += usize::from(here < before);
    }
    match open.cmp(&close) {
        _ if timeframe >= DAY => "open",
        std::cmp::Ordering::Greater => "open",
        std::cmp::Ordering::Less => "close",
        std::cmp::Ordering::Equal => "unknown",
    }
}

/// The largest of the usual lengths of time that divides a time of day.
fn roundness(local: i64) -> i64 {
    const MINUTE: i64 = 60_000_000;
    const LENGTHS: [i64; 8] = [1440, 720, 240, 60, 30, 15, 5, 1];
    LENGTHS.into_iter().find(|minutes| local % (minutes * MINUTE) == 0).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_begins_at_a_round_time() {
        let at = |hour: i64, minute: i64| roundness((hour * 60 + minute) * 60_000_000);
        assert!(at(9, 30) > at(9, 29) && at(9, 31) < at(9, 30));
        assert!(at(0, 0) > at(23, 0) && at(1, 0) < at(0, 0));
        assert_eq!(at(13, 30), at(12, 30));
    }
}
