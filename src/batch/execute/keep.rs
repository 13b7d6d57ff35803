//! Whose details are kept, and how they come into the run: at once, or of the best of a sweep when it is
//! over, by running those again.

use super::{Execution, Progress, identity};
use crate::batch::kept::{self, Kept};
use crate::batch::{Batch, Done, Failure, Finished};
use crate::manifest::Keep;
use crate::plan::{Plan, Point};
use crate::store::{CachedRow, Status, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;

/// What a session leaves: names and bytes.
type Files = Vec<(&'static str, Vec<u8>)>;

/// How many points of a sweep are kept when nothing is said.
pub(in crate::batch) const TOP: usize = 20;

/// Whether a session's details are written as soon as it ends, whatever the others do.
pub(in crate::batch) fn keeps_at_once(plan: &Plan, point: &Point) -> bool {
    match plan.run.keep {
        Keep::All => true,
        Keep::Auto => !plan.base(point).swept,
        Keep::Failed | Keep::None | Keep::Top(_) => false,
    }
}

impl<'a> Execution<'a> {
    /// The details of a session that ran, if they were asked for.
    pub(super) fn kept<'k>(&self, index: usize, done: &'k Done) -> Option<Kept<'k>>
    where
        'a: 'k,
    {
        let job = self.job(index)?;
        Kept::of(self.request.plan, self.request.prepared, job, done)
    }

    /// The files of a session that ran, if its details were asked for.
    pub(super) fn details(&self, index: usize, done: &Done) -> Result<Option<Files>, Failure> {
        self.kept(index, done).map(|kept| kept.made()).transpose()
    }

    /// A session that failed leaves why, unless nothing is to be kept.
    pub(super) fn keep_failed(
        &mut self,
        index: usize,
        failure: &Failure,
    ) -> Result<(), StoreError> {
        let plan = self.request.plan;
        let wanted = plan.run.keep == Keep::Failed || keeps_at_once(plan, &plan.points[index]);
        let Some(job) = self.job(index).filter(|_| wanted) else { return Ok(()) };
        let files = kept::failed(plan, self.request.prepared, job, failure);
        files.map_or(Ok(()), |files| self.leave(index, &files))
    }

    /// Write the files of a session into a directory of its own.
    pub(super) fn leave(&mut self, index: usize, files: &Files) -> Result<(), StoreError> {
        let Some(identity) = self.job(index).and_then(identity) else { return Ok(()) };
        let dir = self.dir(index, &identity);
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, it)| (*name, &it[..])).collect();
        self.run.keep_session(&dir, &files)?;
        self.kept.insert(dir);
        Ok(())
    }

    /// The best points of every sweep leave their details too: they are run once more for that. Whoever
    /// interrupts that has every row, and goes on with the details that are missing.
    pub(super) fn keep_best(
        &mut self,
        cached: &HashMap<usize, CachedRow>,
        watch: &mut dyn FnMut(Progress),
    ) -> Result<(), StoreError> {
        let wanted = match self.request.plan.run.keep {
            Keep::Auto => TOP,
            Keep::Top(count) => count,
            Keep::All | Keep::Failed | Keep::None => return Ok(()),
        };
        let mut again = Vec::new();
        for index in self.best(wanted) {
            let identity = self.rows.row(index).identity;
            if self.kept.contains(&self.dir(index, &identity)) {
                continue;
            }
            let copied = match cached.get(&index) {
                Some(cached) => self.copy_kept(index, &identity, cached)?,
                None => false,
            };
            if !copied {
                again.extend(self.job(index).map(|job| (job, true)));
            }
        }
        let (mut failed, mut lost) = (None, Vec::new());
        // What a session that failed has stopped already is not the details of these, each of which may fail.
        let go_on = AtomicBool::new(false);
        let cancel = if self.request.plan.run.fail_fast { &go_on } else { self.request.cancel };
        let batch = Batch { cancel, fails_fast: false, ..self.batch() };
        let mut ended = 0;
        watch(Progress::Again { sessions: again.len() });
        batch.run(&again, |finished| {
            let Some(Finished { index, result }) = finished.filter(|_| failed.is_none()) else {
                return;
            };
            ended += 1;
            let bars = self.job(index).map_or(0, |job| self.request.prepared.bars(job));
            watch(Progress::Session { bars, completed: result.is_ok() });
            match result.and_then(|done| self.details(index, &done)) {
                Ok(Some(files)) => failed = self.leave(index, &files).err(),
                Ok(None) => {}
                Err(failure) => lost.push((index, failure.error)),
            }
        });
        for (index, error) in lost {
            let key = self.request.plan.key(index);
            self.warnings.push(format!("{key}: its details were not kept: {error}"));
        }
        self.stopped = ended < again.len();
        failed.map_or(Ok(()), Err)
    }

    /// The indices of the `count` best completed points of each sweep; with `top:N`, of the named
    /// sessions too.
    fn best(&self, count: usize) -> Vec<usize> {
        let objective = self.request.plan.run.objective;
        let mut groups: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for row in self.rows.rows() {
            let index = row.index as usize;
            let point = &self.request.plan.points[index];
            let swept = self.request.plan.base(point).swept;
            if row.status == Status::Completed
                && (swept || self.request.plan.run.keep != Keep::Auto)
            {
                groups.entry(swept.then_some(point.base)).or_default().push(index);
            }
        }
        let mut best = Vec::new();
        for (_, mut indices) in groups {
            let value = |index: &usize| self.rows.row(*index).metrics.get(objective.metric);
            // Equal values stay in the order of the plan.
            indices.sort_by(|a, b| objective.order(value(a), value(b)).then(a.cmp(b)));
            best.extend(indices.into_iter().take(count));
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use crate::batch::group::tests::{MANIFEST, planned};
    use crate::batch::kept::Kept;
    use crate::batch::{Done, alone};
    use crate::engine::Outcome;

    #[test]
    fn details_that_cannot_be_told_are_a_failure_of_their_session_alone() {
        let directory = tempfile::tempdir().unwrap();
        let (plan, prepared) = planned(directory.path(), MANIFEST);
        let job = &prepared.jobs[0];
        let mut done: Done = alone(&plan, &prepared, job, true).result.unwrap();
        let made = |done: &Done| Kept::of(&plan, &prepared, job, done).unwrap().made();
        assert!(made(&done).is_ok());
        let outcome: &mut Outcome = done.outcome.as_mut().unwrap();
        outcome.trades[0].entry = outcome.fills.len();
        let failure = made(&done).unwrap_err();
        assert_eq!(failure.kind, "panic");
        assert!(failure.error.contains("out of bounds"), "{}", failure.error);
    }
}
