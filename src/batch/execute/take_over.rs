//! Rows taken over from earlier runs: which there are, and into the run with them.

use super::keep::keeps_at_once;
use super::{Execution, Request, identity};
use crate::batch::kept;
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
        // A run that goes on has what it took over.
        if cached.is_empty() {
            return Ok(());
        }
        let mut runs: BTreeMap<&str, HashMap<Hash, Vec<usize>>> = BTreeMap::new();
        for job in self.request.prepared.jobs.iter().filter(|job| cached.contains_key(&job.index)) {
            let wanted = runs.entry(&cached[&job.index].run).or_default();
            if let Some(identity) = identity(job) {
                wanted.entry(identity).or_default().push(job.index);
            }
        }
        // Said before the first of them comes in: whoever goes on with this run after a crash must know it
        // too.
        let planned = runs.iter().map(|(run, wanted)| CachedFrom {
            run: (*run).to_owned(),
            rows: wanted.values().map(Vec::len).sum::<usize>() as u64,
        });
        self.say_taken(planned.collect())?;
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
        self.say_taken(from)?;
        self.flush_if_due(true)
    }

    /// Say that a run that was killed while it took rows over has `left` of them: they came in one run after
    /// the other.
    pub(super) fn say_taken_before(&mut self, mut left: u64) -> Result<(), StoreError> {
        let planned = self.run.reader().file().cached_from.clone().into_iter();
        let came = planned.map(|from| {
            let rows = from.rows.min(left);
            left -= rows;
            CachedFrom { rows, ..from }
        });
        self.say_taken(came.filter(|from| from.rows > 0).collect())
    }

    /// Say in the run's file from which runs rows are taken over.
    fn say_taken(&mut self, from: Vec<CachedFrom>) -> Result<(), StoreError> {
        match self.run.reader().file().cached_from == from {
            true => Ok(()),
            false => self.run.update(|file| file.cached_from = from),
        }
    }

    /// Take one row, which stands at `cached`; if its details are wanted and cannot be taken it is not.
    fn take(&mut self, row: Row, cached: &CachedRow) -> Result<(), StoreError> {
        let index = row.index as usize;
        let wanted = keeps_at_once(self.request.plan, &self.request.plan.points[index]);
        if wanted && !self.copy_kept(index, &row.identity, cached)? {
            return Ok(());
        }
        self.rows.insert(row.clone());
        self.waiting.push(row);
        self.flush_if_due(false)
    }

    /// Copy the details of a cached row into this run; whether there were any, and whole.
    pub(super) fn copy_kept(
        &mut self,
        index: usize,
        identity: &Hash,
        cached: &CachedRow,
    ) -> Result<bool, StoreError> {
        let (Some(theirs), Some(job)) = (&cached.kept, self.job(index)) else { return Ok(false) };
        let Request { plan, prepared, store, .. } = self.request;
        let mut files = match store.open_run(&cached.run).and_then(|run| run.kept_files(theirs)) {
            Ok(files) if kept::is_result_of(&files, identity) => files,
            // What failed first, and completed when it ran again, has the details of the failure.
            Ok(_) => return Ok(false),
            Err(damaged) => {
                let key = plan.key(index);
                self.warnings.push(format!("{damaged}; session {key} runs again for its details"));
                return Ok(false);
            }
        };
        // The same settings may be written in another way by now.
        let part = prepared.part(plan, std::iter::once(job));
        if let Some(text) = kept::session_toml(plan, &part, &part.jobs[0])
            && let Some((_, bytes)) = files.iter_mut().find(|(name, _)| name == kept::SESSION)
        {
            *bytes = text.into_bytes();
        }
        let files: Vec<_> = files.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
        let dir = self.dir(index, identity);
        self.run.keep_session(&dir, &files)?;
        self.kept.insert(dir);
        Ok(true)
    }
}
