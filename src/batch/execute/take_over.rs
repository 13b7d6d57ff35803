//! Rows taken over from earlier runs: which there are, and into the run with them.

use super::keep::keeps_at_once;
use super::{Execution, identity};
use crate::manifest::Mode;
use crate::plan::{Job, Plan, Prepared};
use crate::store::{CachedFrom, CachedRow, Row, Store, StoreError};
use blake3::Hash;
use std::collections::{BTreeMap, HashMap, HashSet};

/// How many earlier runs are looked through for results that can be taken over.
const CACHE_RUNS: usize = 64;

/// The earlier results that sessions of `prepared` can take over, by their index.
///
/// A session whose details are wanted, and were not kept then, is run again for them.
pub fn cached(
    store: &Store,
    plan: &Plan,
    prepared: &Prepared,
    wanted: bool,
) -> (HashMap<usize, CachedRow>, Vec<String>) {
    if !wanted {
        return (HashMap::new(), Vec::new());
    }
    let identities: HashSet<Hash> = prepared.jobs.iter().filter_map(identity).collect();
    let (found, warnings) = store.cached(&identities, CACHE_RUNS);
    let of = |job: &Job| {
        let row = found.get(&identity(job)?)?;
        let point = &plan.points[job.index];
        // An account is there to be moved forward.
        if plan.base(point).session.mode == Mode::Paper {
            return None;
        }
        let wanted = keeps_at_once(plan, point);
        (row.kept.is_some() || !wanted).then(|| (job.index, row.clone()))
    };
    let warnings = warnings.iter().map(ToString::to_string).collect();
    (prepared.jobs.iter().filter_map(of).collect(), warnings)
}

impl Execution<'_> {
    /// Take the rows of earlier runs, and say from which.
    pub(super) fn take_over(
        &mut self,
        cached: &HashMap<usize, CachedRow>,
    ) -> Result<(), StoreError> {
        let mut runs: BTreeMap<&str, HashMap<Hash, Vec<usize>>> = BTreeMap::new();
        for job in self.request.prepared.jobs.iter().filter(|job| cached.contains_key(&job.index)) {
            let wanted = runs.entry(&cached[&job.index].run).or_default();
            if let Some(identity) = identity(job) {
                wanted.entry(identity).or_default().push(job.index);
            }
        }
        let mut from = Vec::new();
        for (run, mut wanted) in runs {
            let (before, mut failed) = (self.rows.len(), None);
            let read = self.request.store.completed_rows(run, |row| {
                for index in wanted.remove(&row.identity).unwrap_or_default() {
                    let taken = Row { index: index as u64, ..row.clone() };
                    failed = failed.take().or_else(|| self.take(taken, &cached[&index]).err());
                }
            });
            failed.map_or(Ok(()), Err)?;
            // Whatever is damaged was told when it was looked for; what another file has is not lost.
            if let Some(error) = read.first().filter(|_| !wanted.is_empty()) {
                self.warnings.push(format!("{error}; what it was to give runs again"));
            }
            let rows = (self.rows.len() - before) as u64;
            from.extend((rows > 0).then(|| CachedFrom { run: run.to_owned(), rows }));
        }
        // Said at once: whoever goes on with this run after a crash must know it too.
        if !from.is_empty() {
            self.run.update(|file| file.cached_from = from)?;
        }
        self.flush_if_due(true)
    }

    /// Take one row, which stands at `cached`.
    fn take(&mut self, row: Row, cached: &CachedRow) -> Result<(), StoreError> {
        let index = row.index as usize;
        if keeps_at_once(self.request.plan, &self.request.plan.points[index]) {
            self.copy_kept(index, &row.identity, cached)?;
        }
        self.rows.insert(row.clone());
        self.waiting.push(row);
        self.flush_if_due(false)
    }

    /// Copy the details of a cached row into this run; whether there were any.
    pub(super) fn copy_kept(
        &mut self,
        index: usize,
        identity: &Hash,
        cached: &CachedRow,
    ) -> Result<bool, StoreError> {
        let Some(theirs) = &cached.kept else { return Ok(false) };
        let dir = self.dir(index, identity);
        let reader = self.request.store.open_run(&cached.run)?;
        self.run.copy_session(&reader, theirs, &dir)?;
        self.kept.insert(dir);
        Ok(true)
    }
}
