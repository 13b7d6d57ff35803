//! `papertape data resample`: longer bars out of shorter ones, or out of trades.

use super::super::context::{Context, Usage};
use super::super::exit::Exit;
use super::{Reading, is_naive, load_trusted};
use crate::bars::duration;
use crate::diag::counted;
use crate::manifest::project::shown;

use crate::store::write_bars;
use anyhow::Result;
use std::path::PathBuf;

/// Make longer bars of shorter ones, or bars of trades
///
/// A bar covers its first moment and not its last, and is labelled by the first; bars are counted from
/// midnight in the data's time zone, weeks from Monday. Where nothing was traded there is no bar.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  papertape data resample data/spy-1m.csv --timeframe 5m --to spy-5m.csv")]
pub(super) struct Resample {
    /// A file of bars or trades, a directory or a glob
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The length of the new bars, such as `5m`, `4h`, `1d` or `1w`
    #[arg(long, value_name = "DURATION", value_parser = length)]
    timeframe: String,
    /// The file that takes them: Parquet if it is called so, else CSV
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    reading: Reading,
}

/// A length of time, as it is written.
fn length(text: &str) -> Result<String, String> {
    duration::parse(text).map(|_| text.to_owned())
}

impl Resample {
    /// Do it.
    pub(super) fn run(mut self, context: &Context) -> Result<Exit> {
        self.reading.set.push(format!("data.resample={}", self.timeframe));
        let settings = self.reading.settings(&self.file, context)?;
        let data = load_trusted(&settings, context)?;
        let is_source = |read: &PathBuf| read.canonicalize().ok() == self.to.canonicalize().ok();
        if self.to.exists() && data.files.iter().any(|file| is_source(&PathBuf::from(&file.path))) {
            let fact =
                format!("{} is what the bars are made of; name another file", shown(&self.to));
            return Err(Usage(fact).into());
        }
        write_bars(&self.to, &data.bars, is_naive(&data))?;
        let bars: usize = data.bars.iter().map(|bars| bars.len()).sum();
        context.say(&format!("{}: {}", shown(&self.to), counted(bars, "bar")));
        Ok(Exit::Success)
    }
}
