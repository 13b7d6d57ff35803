//! Whose details are kept, and how they come into the run: at once, or of the best of a sweep when it is
//! over, by running those again.

use super::Execution;
use crate::batch::kept::{self, Kept};
use crate::batch::{Batch, Done, Failure, Finished};
use crate::manifest::Keep;
use crate::plan::{Identity, Plan, Point};
use crate::store::{CachedRow, Status, StoreError};
use blake3::Hash;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicBool;

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

    pub(super) fn keep(&mut self, index: usize, done: &Done) -> Result<(), StoreError> {
        let Some(kept) = self.kept(index, done) else { return Ok(()) };
        let (identity, files) = (kept.work().identity(), kept.files());
        self.leave(index, &identity, &files)
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
        let (Some(files), Ok(work)) = (files, &job.work) else { return Ok(()) };
        self.leave(index, &work.identity(), &files)
    }

    /// Write the files of a session into a directory of its own.
    fn leave(
        &mut self,
        index: usize,
        identity: &Identity,
        files: &[(&str, Vec<u8>)],
    ) -> Result<(), StoreError> {
        let dir = self.dir(index, &Hash::from(identity.digest()));
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, it)| (*name, &it[..])).collect();
        self.run.keep_session(&dir, &files)?;
        self.kept.insert(dir);
        Ok(())
    }

    /// The best points of every sweep leave their details too: they are run once more for that.
    pub(super) fn keep_best(
        &mut self,
        cached: &HashMap<usize, CachedRow>,
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
        // Whoever interrupts now has every row already: only details would be missing.
        let go_on = AtomicBool::new(false);
        let batch = Batch { cancel: &go_on, ..self.batch() };
        batch.run(&again, |finished| match finished {
            Some(Finished { index, result: Ok(done) }) if failed.is_none() => {
                failed = self.keep(index, &done).err();
            }
            Some(Finished { index, result: Err(failure) }) => lost.push((index, failure.error)),
            _ => {}
        });
        for (index, error) in lost {
            let key = self.request.plan.key(index);
            self.warnings.push(format!("{key}: its details were not kept: {error}"));
        }
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
