//! What the plan says of each session, for whoever reads results. The points of a sweep hold together what
//! they have in common: a universe of hundreds of symbols is told once and not ten thousand times.

use crate::plan::{Job, Plan, Prepared};
use crate::store::Label;
use std::sync::Arc;

/// The labels of the sessions of a plan.
pub(super) struct Labels<'a> {
    plan: &'a Plan,
    prepared: &'a Prepared,
    bases: Vec<OfBase>,
    /// The symbols of each slice.
    symbols: Vec<Arc<[String]>>,
}

/// What the sessions of one base have in common.
struct OfBase {
    session: Arc<str>,
    mode: Arc<str>,
    /// The symbols that it names, for sessions that have no slice.
    symbols: Arc<[String]>,
    /// The paths of its axes.
    axes: Vec<Arc<str>>,
}

impl<'a> Labels<'a> {
    /// Those of `plan`.
    pub fn of(plan: &'a Plan, prepared: &'a Prepared) -> Self {
        let bases = plan.bases.iter().map(|base| OfBase {
            session: base.session.name.as_str().into(),
            mode: base.session.mode.word().into(),
            symbols: base.session.symbols.as_deref().unwrap_or_default().into(),
            axes: base.axes.iter().map(|axis| axis.path.as_str().into()).collect(),
        });
        let symbols = prepared.slices.iter().map(|slice| slice.symbols.as_slice().into());
        Self { plan, prepared, bases: bases.collect(), symbols: symbols.collect() }
    }

    /// That of session number `index`, which has this job.
    pub fn label(&self, index: usize, job: Option<&Job>) -> Label {
        let point = &self.plan.points[index];
        let (base, shared) = (self.plan.base(point), &self.bases[point.base]);
        let slice = job.and_then(|job| job.work.as_ref().ok()).map(|work| work.slice);
        let days = slice.and_then(|slice| self.prepared.slices[slice].days());
        let path = |path: &str| {
            let known = shared.axes.iter().find(|known| ***known == *path);
            known.cloned().unwrap_or_else(|| path.into())
        };
        Label {
            key: base.key(point),
            session: shared.session.clone(),
            strategy: base.definition(point).name.as_str().into(),
            mode: shared.mode.clone(),
            symbols: slice.map_or(&shared.symbols, |slice| &self.symbols[slice]).clone(),
            from: days.map(|(from, _)| from),
            to: days.map(|(_, to)| to),
            axes: base.values(point).map(|(at, value)| (path(at), value.clone())).collect(),
        }
    }
}
