//! What earlier runs already know: completed rows, found by identity.
//!
//! First is found which run has which row, then the rows are read where they are wanted: those of a
//! long sweep are never in memory twice.

use super::error::StoreWarning;
use super::results::read_rows;
use super::row::{Row, Status};
use super::{DIRECTORY_DIGITS, Store, parquet};
use blake3::Hash;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Where the row of a completed session stands.
#[derive(Debug, Clone, PartialEq)]
pub struct CachedRow {
    /// The id of the run.
    pub run: Arc<str>,
    /// The directory in which that run kept the session's details; `None` if it did not.
    pub kept: Option<String>,
}

impl Store {
    /// Completed rows for the identities `wanted`, in the newest `limit_runs` runs that have rows, the
    /// newest first; a run that was stopped or killed has those of the sessions that ended. Files that
    /// cannot be read are passed over with a warning.
    pub fn cached(
        &self,
        wanted: &HashSet<Hash>,
        limit_runs: usize,
    ) -> (HashMap<Hash, CachedRow>, Vec<StoreWarning>) {
        let (mut found, mut warnings) = (HashMap::new(), Vec::new());
        let runs = match self.run_ids() {
            _ if wanted.is_empty() => return (found, warnings),
            Ok(runs) => runs,
            Err(error) => return (found, vec![error]),
        };
        let with_rows = runs.into_iter().filter(|run| self.layout(run).has_rows());
        for run in with_rows.take(limit_runs) {
            if let Err(warning) = self.cached_in(&run, wanted, &mut found, &mut warnings) {
                warnings.push(warning);
            }
            if found.len() == wanted.len() {
                break;
            }
        }
        (found, warnings)
    }

    /// Adds to `found` what is wanted, not yet found, and completed in `run`.
    fn cached_in(
        &self,
        run: &str,
        wanted: &HashSet<Hash>,
        found: &mut HashMap<Hash, CachedRow>,
        warnings: &mut Vec<StoreWarning>,
    ) -> Result<(), StoreWarning> {
        let layout = self.layout(run);
        let mut useful = Vec::new();
        warnings.extend(layout.each_table(|path| {
            // Two columns of a hundred say it all.
            let table = parquet::read(path, Some(&["identity", "status"]))?;
            let texts =
                |name: &str| table.texts(name).map_err(|fact| StoreWarning::damaged(path, fact));
            let rows = texts("identity")?.iter().zip(texts("status")?);
            let completed = Some(Status::Completed.word());
            let completed = rows.filter(|(_, status)| status.as_deref() == completed);
            let found = &*found;
            useful.extend(
                completed
                    .filter_map(|(identity, _)| Hash::from_hex(identity.as_ref()?).ok())
                    .filter(|identity| wanted.contains(identity) && !found.contains_key(identity)),
            );
            Ok(())
        }));
        if useful.is_empty() {
            return Ok(());
        }
        let kept = layout.kept()?;
        let digits = |directory: &String| Some(directory.rsplit_once('-')?.1.to_owned());
        let kept: HashMap<String, String> = kept
            .into_iter()
            .filter_map(|directory| Some((digits(&directory)?, directory)))
            .collect();
        let run: Arc<str> = run.into();
        for identity in useful {
            let kept = kept.get(&identity.to_hex()[..DIRECTORY_DIGITS]).cloned();
            found.entry(identity).or_insert_with(|| CachedRow { run: run.clone(), kept });
        }
        Ok(())
    }

    /// Shows `each` the completed rows of `run`, with their places in its plan; the files that could not be
    /// read.
    pub fn completed_rows(&self, run: &str, mut each: impl FnMut(Row)) -> Vec<StoreWarning> {
        self.layout(run).each_table(|path| {
            read_rows(path, |row| {
                if row.status == Status::Completed {
                    each(row);
                }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::run_file::tests::header;
    use super::super::session_dir;
    use super::super::tests::{minute, run_with};
    use super::*;
    use crate::store::row::tests::{failed, label, row};
    use std::fs;

    fn identities(rows: impl IntoIterator<Item = Row>) -> HashSet<Hash> {
        rows.into_iter().map(|row| row.identity).collect()
    }

    #[test]
    fn the_newest_completed_row_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let old = run_with(&store, 1, &[(label(&[]), row(1)), (label(&[]), row(2))]);
        let new = run_with(&store, 2, &[(label(&[]), failed(1)), (label(&[]), row(2))]);
        old.keep_session(&session_dir("goog-sma", &row(1).identity), &[("a", b"b")]).unwrap();
        let (found, warnings) = store.cached(&identities([row(1), row(2), row(3)]), 64);
        assert!(warnings.is_empty());
        assert_eq!(found.len(), 2);
        let [one, two] = [&found[&row(1).identity], &found[&row(2).identity]];
        assert_eq!((&*one.run, one.kept.is_some()), (old.id(), true));
        assert_eq!((&*two.run, two.kept.is_some()), (new.id(), false));
        let mut rows = Vec::new();
        assert!(store.completed_rows(new.id(), |row| rows.push(row)).is_empty());
        assert_eq!(rows, [row(2)], "the first row failed there");
    }

    #[test]
    fn only_so_many_runs_are_looked_at() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        run_with(&store, 1, &[(label(&[]), row(1))]);
        run_with(&store, 2, &[(label(&[]), row(2))]);
        // A run without rows does not count.
        store.create_run(header(), minute(3)).unwrap();
        let wanted = identities([row(1)]);
        assert!(store.cached(&wanted, 1).0.is_empty());
        assert_eq!(store.cached(&wanted, 2).0.len(), 1);
        assert!(store.cached(&HashSet::new(), 2).0.is_empty());
    }

    #[test]
    fn a_run_without_an_end_gives_the_rows_that_it_has() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let mut run = store.create_run(header(), minute(1)).unwrap();
        run.append_rows(&[row(1), failed(2)]).unwrap();
        run.append_rows(&[row(3)]).unwrap();
        let kept = session_dir("goog-sma", &row(3).identity);
        run.keep_session(&kept, &[("a", b"b")]).unwrap();
        let (found, warnings) = store.cached(&identities([row(1), row(2), row(3)]), 1);
        assert!(warnings.is_empty());
        assert_eq!(found.len(), 2, "the second failed");
        assert_eq!(found[&row(1).identity].kept, None);
        assert_eq!(found[&row(3).identity].kept, Some(kept));
        let mut rows = Vec::new();
        assert!(store.completed_rows(run.id(), |row| rows.push(row)).is_empty());
        assert_eq!(rows, [row(1), row(3)]);
    }

    #[test]
    fn one_damaged_file_does_not_take_the_others_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let mut run = store.create_run(header(), minute(1)).unwrap();
        (1..=3).for_each(|number| run.append_rows(&[row(number)]).unwrap());
        let results = [(label(&[]), row(1))];
        run.write_results(results.iter().map(|(label, row)| (label.clone(), row))).unwrap();
        let layout = store.layout(run.id());
        for path in [layout.results(), layout.rows().join("000002.parquet")] {
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        }
        let (found, warnings) = store.cached(&identities([row(1), row(2), row(3)]), 64);
        assert_eq!((found.len(), warnings.len()), (2, 2));
        let mut rows = Vec::new();
        assert_eq!(store.completed_rows(run.id(), |row| rows.push(row)).len(), 2);
        assert_eq!(rows, [row(1), row(3)]);
    }

    #[test]
    fn unreadable_results_are_passed_over_with_a_warning() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        run_with(&store, 1, &[(label(&[]), row(1))]);
        let damaged = run_with(&store, 2, &[(label(&[]), row(1))]);
        let path = store.layout(damaged.id()).results();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let (found, warnings) = store.cached(&identities([row(1)]), 64);
        assert_eq!(found.len(), 1);
        let [warning] = &warnings[..] else { panic!("one file is damaged") };
        assert!(warning.to_string().starts_with(&path.display().to_string()), "{warning}");
    }
}
