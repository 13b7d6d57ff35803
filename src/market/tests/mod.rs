//! Files as people have them: [`reading`] them, the [`damage`] in them and in [`real`] ones, prices
//! [`adjusted`], and what a session gets of them, [`cut`].

mod adjusted;
mod cut;
mod damage;
mod reading;
mod real;

use super::case::stamp;
use super::*;
use crate::bars::DAY;
use crate::manifest::data::Check;
use crate::manifest::{Adjust, Policy};
use std::path::PathBuf;

/// Some moment after all bars here.
const NOW: i64 = 21_000 * DAY;

/// A folder with files, and settings that read some of them.
struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        Self(dir)
    }

    fn settings(&self, paths: &[&str]) -> DataSettings {
        let written = paths.iter().map(|path| (*path).to_owned()).collect();
        DataSettings::of(paths.iter().map(|path| self.0.path().join(path)).collect(), written, NOW)
    }

    fn load(&self, paths: &[&str]) -> Result<DataSet, String> {
        usable(load(&self.settings(paths)))
    }
}

/// The data, unless one of its symbols is refused.
fn usable(data: Result<DataSet, DataError>) -> Result<DataSet, String> {
    let data = data.map_err(|error| error.fact)?;
    match data.verdicts.iter().find_map(Verdict::error) {
        Some(error) => Err(error.fact),
        None => Ok(data),
    }
}

const HEADER: &str = "timestamp,open,high,low,close,volume\n";

fn one(rows: &str) -> Result<DataSet, String> {
    Files::new(&[("x.csv", &format!("{HEADER}{rows}"))]).load(&["x.csv"])
}

fn carried(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

/// A file of the repository, read with the New York calendar.
fn us(name: &str, change: impl Fn(&mut DataSettings)) -> DataSet {
    let mut settings = DataSettings::of(vec![carried(name)], vec![name.into()], NOW);
    settings.timezone = chrono_tz::America::New_York;
    settings.calendar = Some(CalendarChoice::UsEquity);
    change(&mut settings);
    load(&settings).unwrap()
}
