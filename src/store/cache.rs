//! What earlier runs already know: completed rows, found by identity.
//!
//! First is found which run has which row, then the rows are read where they are wanted: those of a
//! long sweep are never in memory twice.

use super::error::{StoreError, StoreWarning};
use super::row::{Row, Status, read_rows};
use super::{Store, parquet, session_dir};
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
    /// Completed rows for the identities `wanted`, in the results of the newest `limit_runs` runs
    /// that have results, the newest first. Results that cannot be read are passed over with a
    /// warning.
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
        let with_results = runs.into_iter().filter(|run| self.layout(run).results().exists());
        for run in with_results.take(limit_runs) {
            if let Err(warning) = self.cached_in(&run, wanted, &mut found) {
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
    ) -> Result<(), StoreWarning> {
        let layout = self.layout(run);
        let path = layout.results();
        // Three columns of a hundred say it all.
        let table = parquet::read(&path, Some(&["identity", "session", "status"]))?;
        let texts =
            |name: &str| table.texts(name).map_err(|fact| StoreWarning::damaged(&path, fact));
        let (identities, sessions) = (texts("identity")?, texts("session")?);
        let rows = identities.iter().zip(sessions).zip(texts("status")?);
        let completed =
            rows.filter(|(_, status)| status.as_deref() == Some(Status::Completed.word()));
        let completed = completed.filter_map(|((identity, session), _)| {
            Some((Hash::from_hex(identity.as_ref()?).ok()?, session.as_deref()?))
        });
        let useful: Vec<(Hash, &str)> = completed
            .filter(|(identity, _)| wanted.contains(identity) && !found.contains_key(identity))
            .collect();
        if useful.is_empty() {
            return Ok(());
        }
        let kept: HashSet<String> = layout.kept()?.into_iter().collect();
        let run: Arc<str> = run.into();
        for (identity, session) in useful {
            let directory = Some(session_dir(session, &identity)).filter(|dir| kept.contains(dir));
            let row = CachedRow { run: run.clone(), kept: directory };
            found.entry(identity).or_insert(row);
        }
        Ok(())
    }

    /// Shows `each` the completed rows in the results of `run`, with their places in its plan.
    pub fn completed_rows(&self, run: &str, mut each: impl FnMut(Row)) -> Result<(), StoreError> {
        read_rows(&self.layout(run).results(), |row| {
            if row.status == Status::Completed {
                each(row);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::run_file::tests::header;
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
        store.completed_rows(new.id(), |row| rows.push(row)).unwrap();
        assert_eq!(rows, [row(2)], "the first row failed there");
    }

    #[test]
    fn only_so_many_runs_are_looked_at() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        run_with(&store, 1, &[(label(&[]), row(1))]);
        run_with(&store, 2, &[(label(&[]), row(2))]);
        // A run without results does not count.
        store.create_run(header(), minute(3)).unwrap();
        let wanted = identities([row(1)]);
        assert!(store.cached(&wanted, 1).0.is_empty());
        assert_eq!(store.cached(&wanted, 2).0.len(), 1);
        assert!(store.cached(&HashSet::new(), 2).0.is_empty());
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
