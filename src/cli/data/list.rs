//! `papertape data list`: which symbols lie where, and how far they go.

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::output::{Kind, Listing, Records};
use super::{Reading, load_readable, opened};
use crate::bars::duration;
use crate::manifest::data::Check;
use crate::manifest::{DataSettings, Policy};
use crate::market::{DataSet, Finding};
use anyhow::Result;
use std::path::PathBuf;

/// List the symbols of files: their bars, spans and gaps
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape data list data
  papertape data list prices --sort last --format csv")]
pub(super) struct List {
    /// Files of bars, directories or globs
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    listing: Listing,
}

const COLUMNS: [(&str, Kind); 7] = [
    ("symbol", Kind::Text),
    ("timeframe", Kind::Text),
    ("bars", Kind::Count),
    ("first", Kind::Text),
    ("last", Kind::Text),
    ("gaps", Kind::Count),
    ("path", Kind::Text),
];

impl List {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let (mut symbols, mut unreadable) = (Records::new(COLUMNS), 0);
        for file in &self.files {
            let settings = lenient(self.reading.settings(file, context)?);
            let (data, lost) = load_readable(&settings, context);
            data.iter().for_each(|data| push(data, &file.display().to_string(), &mut symbols));
            unreadable += lost;
        }
        if symbols.is_empty() && unreadable > 0 {
            return Ok(Exit::Usage);
        }
        let shown = COLUMNS.map(|(name, _)| name);
        let exit = self.listing.print(symbols, &shown, &["gaps", "timeframe"], context)?;
        Ok(if unreadable > 0 { Exit::Usage } else { exit })
    }
}

/// The same settings, with whatever can be read without damage: a list refuses nothing.
pub(super) fn lenient(settings: DataSettings) -> DataSettings {
    let checks = Check::ALL.into_iter().fold(settings.checks, |checks, check| {
        let policy = match check {
            Check::Order | Check::Duplicates | Check::Prices | Check::Range => Policy::Drop,
            Check::Gaps => Policy::Warn,
            _ => Policy::Off,
        };
        checks.with(check, policy)
    });
    DataSettings { checks, ..settings }
}

fn push(data: &DataSet, path: &str, symbols: &mut Records) {
    for bars in data.bars.iter().filter(|bars| !bars.is_empty()) {
        let naive = data.is_naive(&bars.symbol);
        let findings = data.verdict(&bars.symbol).map_or(&[][..], |verdict| &verdict.findings);
        let gaps = findings.iter().find(|finding| finding.check == Check::Gaps);
        symbols.push(vec![
            (&bars.symbol).into(),
            duration::text(bars.clock.timeframe).into(),
            bars.len().into(),
            opened(bars, 0, naive).into(),
            opened(bars, bars.len() - 1, naive).into(),
            gaps.map_or(0, Finding::count).into(),
            path.into(),
        ]);
    }
}
