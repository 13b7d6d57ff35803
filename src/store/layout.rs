//! The names in a run's directory, and what can be told of it by them.

use super::error::{StoreError, StoreWarning};
use super::{atomic, file_name};
use std::path::{Path, PathBuf};

/// The names in a run's directory.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) directory: PathBuf,
}

impl Layout {
    pub(super) fn run_file(&self) -> PathBuf {
        self.directory.join("run.json")
    }

    pub(super) fn plan(&self) -> PathBuf {
        self.directory.join("plan.jsonl")
    }

    pub(super) fn rows(&self) -> PathBuf {
        self.directory.join("rows")
    }

    pub(super) fn batch(&self, number: u64) -> PathBuf {
        self.rows().join(format!("{number:06}.parquet"))
    }

    pub(super) fn results(&self) -> PathBuf {
        self.directory.join("results.parquet")
    }

    pub(super) fn results_csv(&self) -> PathBuf {
        self.directory.join("results.csv")
    }

    /// Whether there are rows of sessions that ended.
    pub(super) fn has_rows(&self) -> bool {
        self.results().exists() || self.batches().is_ok_and(|batches| !batches.is_empty())
    }

    /// Read the files with all the rows that there are: the results, or the batches where those are missing
    /// or damaged; what could not be read.
    pub(super) fn each_table(
        &self,
        mut read: impl FnMut(&Path) -> Result<(), StoreError>,
    ) -> Vec<StoreWarning> {
        let mut warnings = Vec::new();
        if self.results().exists() {
            match read(&self.results()) {
                Ok(()) => return warnings,
                Err(warning) => warnings.push(warning),
            }
        }
        for number in self.batches().unwrap_or_default() {
            warnings.extend(read(&self.batch(number)).err());
        }
        warnings
    }

    pub(super) fn sessions(&self) -> PathBuf {
        self.directory.join("sessions")
    }

    pub(super) fn session(&self, name: &str) -> PathBuf {
        self.sessions().join(name)
    }

    pub(super) fn events(&self) -> PathBuf {
        self.directory.join("events.jsonl")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.directory.join("lock")
    }

    pub(super) fn report(&self, name: &str) -> PathBuf {
        self.directory.join(file_name(name))
    }

    pub(super) fn pages(&self) -> PathBuf {
        self.directory.join(PAGES)
    }

    /// Whether `path` is one of the run's own, which no report may replace.
    pub(super) fn is_own(&self, path: &Path) -> bool {
        let files = [self.run_file(), self.plan(), self.results(), self.results_csv()];
        let rest = [self.rows(), self.sessions(), self.events(), self.lock(), self.pages()];
        files.iter().chain(&rest).any(|own| own == path)
    }

    /// The names of the kept sessions' directories.
    pub(super) fn kept(&self) -> Result<Vec<String>, StoreError> {
        atomic::entries(&self.sessions())
    }

    /// The numbers of the batches, ascending.
    pub(super) fn batches(&self) -> Result<Vec<u64>, StoreError> {
        let names = atomic::entries(&self.rows())?;
        let number = |name: &String| name.strip_suffix(".parquet")?.parse().ok();
        let mut numbers: Vec<u64> = names.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// The directory of the sessions' pages in a run's.
const PAGES: &str = "pages";

pub(super) fn page_name(dir_name: &str) -> String {
    format!("{dir_name}.html")
}

/// Where the page of the kept session `dir_name` is, relative to its run's directory.
pub fn page(dir_name: &str) -> String {
    format!("{PAGES}/{}", page_name(dir_name))
}
