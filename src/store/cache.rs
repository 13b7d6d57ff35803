//! What earlier runs already know: completed rows, found by identity.

use super::error::StoreWarning;
use super::row::{Label, Row, Status, read_results};
use super::{Store, parquet, session_dir};
use blake3::Hash;
use std::collections::{HashMap, HashSet};

/// A completed session of an earlier run.
#[derive(Debug, Clone, PartialEq)]
pub struct CachedRow {
    /// What that run's plan said of it; its names may have been others.
    pub label: Label,
    /// The row as it stands there, with its place in that run's plan.
    pub row: Row,
    /// That run's id.
    pub run: String,
    /// Whether that run kept its details.
    pub kept: bool,
}

impl Store {
    /// Completed rows for the identities `wanted`, from the results of the newest `limit_runs` runs
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
        let useful = |identity: &Hash| wanted.contains(identity) && !found.contains_key(identity);
        // Most runs have nothing to give, and one column of a hundred says so.
        let identities = parquet::read(&path, Some(&["identity"]))?;
        let identities = identities
            .texts("identity")
            .map_err(|fact| StoreWarning::damaged(&path, fact))?
            .iter()
            .filter_map(|hex| Hash::from_hex(hex.as_ref()?).ok());
        if !identities.into_iter().any(|identity| useful(&identity)) {
            return Ok(());
        }
        let kept: HashSet<String> = layout.kept()?.into_iter().collect();
        for (label, row) in read_results(&path)? {
            if row.status == Status::Completed && wanted.contains(&row.identity) {
                let kept = kept.contains(&session_dir(&label.session, &row.identity));
                let cached = CachedRow { label, row, run: run.to_owned(), kept };
                found.entry(cached.row.identity).or_insert(cached);
            }
        }
        Ok(())
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
        assert_eq!((one.run.as_str(), one.kept), (old.id(), true));
        assert_eq!((two.run.as_str(), two.kept), (new.id(), false));
        assert_eq!((&one.row, &one.label), (&row(1), &label(&[])));
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
