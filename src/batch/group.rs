//! Which sessions run together: columns are shared by those that do, and must fit into memory.
//!
//! Sessions of a slice are cut along their parameters, like a map into halves of halves, until the
//! columns of each part fit: a group. A group is cut further into blocks, small squares of the map
//! whose sessions have the most columns in common; a thread runs one block after the other. Groups that
//! follow each other lie on two sides of one cut, as in a Gray code, and what both need stays; a column
//! that comes back later is computed again. No number depends on where the cuts are.

use crate::expr::Scalar;
use crate::plan::{Job, Prepared};
use std::cmp::Ordering;

/// A job, and whether its details are wanted.
pub type Wanted<'a> = (&'a Job, bool);

/// Sessions whose columns fit into memory together.
#[derive(Debug)]
pub struct Group<'a> {
    /// In parts whose rules are compared together, each on one thread.
    pub blocks: Vec<Vec<Wanted<'a>>>,
    /// How much memory the columns take at most, in bytes.
    pub bytes: u64,
}

impl<'a> Group<'a> {
    /// The slice that they run on, all of them the same.
    pub fn slice(&self) -> Option<usize> {
        self.jobs().next().and_then(slice)
    }

    /// The sessions, in the order of the blocks.
    pub fn jobs(&self) -> impl Iterator<Item = &'a Job> + '_ {
        self.blocks.iter().flatten().map(|(job, _)| *job)
    }
}

/// `jobs` in groups of which none needs more than `budget` bytes for its columns, unless it is one
/// session, in blocks of at most `block` sessions, at least about one for each of `threads`. Groups of a
/// slice follow each other so that neighbours have much in common.
pub fn groups<'a>(
    prepared: &Prepared,
    mut jobs: Vec<Wanted<'a>>,
    budget: u64,
    block: usize,
    threads: usize,
) -> Vec<Group<'a>> {
    jobs.sort_by(|(a, _), (b, _)| slice(a).cmp(&slice(b)).then_with(|| order(a, b)));
    let mut groups = Vec::new();
    for jobs in jobs.chunk_by(|(a, _), (b, _)| slice(a) == slice(b)) {
        let users = prepared.users(jobs.iter().map(|(job, _)| *job));
        let bytes =
            |jobs: &[Wanted<'_>]| prepared.column_bytes(jobs.iter().map(|(job, _)| *job), &users);
        let mut parts = Vec::new();
        split(jobs.to_vec(), budget, &bytes, &mut parts);
        groups.extend(parts.into_iter().map(|jobs| {
            let bytes = bytes(&jobs);
            // Halves are not always equal.
            let each = jobs.len().div_ceil(threads) * 9 / 8;
            let mut cut = Vec::new();
            blocks(jobs, block.min(each).max(1), &mut cut);
            Group { blocks: cut, bytes }
        }));
    }
    groups
}

/// The number of the slice that a job runs on; `None` for one that cannot be run.
pub fn slice(job: &Job) -> Option<usize> {
    job.work.as_ref().ok().map(|work| work.slice)
}

fn order(a: &Job, b: &Job) -> Ordering {
    let (these, those) = (a.params(), b.params());
    // Another number of them is another strategy's.
    let each = these.iter().zip(those).map(|(a, b)| a.order(b));
    let each = each.fold(these.len().cmp(&those.len()), Ordering::then);
    each.then(a.index.cmp(&b.index))
}

/// `jobs` in parts whose columns take `bytes` within the budget.
fn split<'a>(
    jobs: Vec<Wanted<'a>>,
    budget: u64,
    bytes: &dyn Fn(&[Wanted<'_>]) -> u64,
    parts: &mut Vec<Vec<Wanted<'a>>>,
) {
    if jobs.len() < 2 || bytes(&jobs) <= budget {
        parts.push(jobs);
        return;
    }
    // The cut that leaves the fewest columns on both sides together.
    let params = jobs[0].0.params().len();
    let halves = (0..params).filter_map(|param| halve(&jobs, param));
    let best = halves.min_by_key(|(low, high)| bytes(low) + bytes(high));
    let (low, high) = best.unwrap_or_else(|| in_the_middle(&jobs));
    split(low, budget, bytes, parts);
    // The way back through the upper half begins where the one through the lower half ended.
    let middle = parts.len();
    split(high, budget, bytes, parts);
    parts[middle..].reverse();
}

/// `jobs` in blocks of at most `most`, each cut where it has the most values.
fn blocks<'a>(jobs: Vec<Wanted<'a>>, most: usize, found: &mut Vec<Vec<Wanted<'a>>>) {
    if jobs.len() <= most {
        found.push(jobs);
        return;
    }
    let params = 0..jobs[0].0.params().len();
    let widest = params.rev().max_by_key(|&param| values(&jobs, param).len());
    let halves = widest.and_then(|param| halve(&jobs, param));
    let (low, high) = halves.unwrap_or_else(|| in_the_middle(&jobs));
    blocks(low, most, found);
    blocks(high, most, found);
}

fn in_the_middle<'a>(jobs: &[Wanted<'a>]) -> (Vec<Wanted<'a>>, Vec<Wanted<'a>>) {
    let (low, high) = jobs.split_at(jobs.len() / 2);
    (low.to_vec(), high.to_vec())
}

/// The values of a parameter, ascending, each once.
fn values<'a>(jobs: &[Wanted<'a>], param: usize) -> Vec<&'a Scalar> {
    let mut values: Vec<&Scalar> =
        jobs.iter().filter_map(|job| job.0.params().get(param)).collect();
    values.sort_by(|a, b| a.order(b));
    values.dedup_by(|a, b| a.order(b).is_eq());
    values
}

/// The jobs below the middle value of a parameter, and the others, both in their order; `None` if it
/// has one value.
fn halve<'a>(jobs: &[Wanted<'a>], param: usize) -> Option<(Vec<Wanted<'a>>, Vec<Wanted<'a>>)> {
    let value = |(job, _): &Wanted<'a>| job.params().get(param);
    let values = values(jobs, param);
    let middle = *values.get(values.len() / 2).filter(|_| values.len() > 1)?;
    let is_low = |job: &Wanted<'a>| value(job).is_none_or(|value| value.order(middle).is_lt());
    Some(jobs.iter().copied().partition(is_low))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::batch::Batch;
    use crate::diag::Mistakes;
    use crate::manifest::{Layers, Project};
    use crate::plan::{Plan, Selection};
    use std::collections::{BTreeMap, HashSet};
    use std::fmt::Write as _;
    use std::path::Path;
    use std::sync::atomic::AtomicBool;

    pub(in crate::batch) const MANIFEST: &str = r#"
schema = 1
[session.grid]
symbols = ["x"]
data = { path = "x.csv" }
[session.grid.strategy]
params.fast = { type = "int", default = 2 }
params.slow = { type = "int", default = 3 }
rules.enter_long = "crosses_above(sma(close, fast), sma(close, slow))"
rules.exit_long = "crosses_below(sma(close, fast), sma(close, slow))"
[session.grid.sweep.axes]
"params.fast" = { from = 2, to = 9, step = 1 }
"params.slow" = { from = 10, to = 30, step = 2 }
"#;

    /// A point is a variant of its own here, and each is measured in and out of sample.
    fn along_settings() -> String {
        let (head, _) = MANIFEST.split_once("[session.grid.sweep.axes]").unwrap();
        let axes = r#"
[session.grid.split]
at = 2020-04-01
[session.grid.sweep.axes]
"risk.stop_loss" = { from = 0.01, to = 0.08, step = 0.01 }
"risk.take_profit" = { from = 0.01, to = 0.11, step = 0.01 }
"#;
        format!("{head}{axes}")
    }

    pub(in crate::batch) fn planned(directory: &Path, manifest: &str) -> (Plan, Prepared) {
        let mut data = "date,open,high,low,close,volume\n".to_owned();
        let first = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
        for (bar, day) in first.iter_days().take(200).enumerate() {
            let price = 100.0 + 10.0 * libm::sin(bar as f64 / 5.0) + (bar * 7 % 11) as f64;
            writeln!(data, "{day},{price},{},{},{price},1", price + 1.0, price - 1.0).unwrap();
        }
        std::fs::write(directory.join("x.csv"), data).unwrap();
        let path = directory.join("grid.toml");
        std::fs::write(&path, manifest).unwrap();
        let project = Project::of(&path, Some(directory), first);
        let projects = vec![project.at(i64::MAX / 2)];
        let mut mistakes = Mistakes::default();
        let (layers, selection) = (Layers::default(), Selection::default());
        let plan = Plan::read(&[path], projects, &layers, &selection, &mut mistakes).unwrap();
        let prepared = Prepared::new(&plan, &mut mistakes);
        assert!(!mistakes.has_errors());
        (plan, prepared)
    }

    /// The same with every rule at hand.
    fn ready() -> Prepared {
        let directory = tempfile::tempdir().unwrap();
        let (plan, prepared) = planned(directory.path(), MANIFEST);
        prepared.part(&plan, prepared.jobs.iter())
    }

    /// A column of 200 numbers takes 1,600 bytes.
    const BUDGETS: [u64; 4] = [0, 10_000, 20_000, u64::MAX];

    #[test]
    fn the_columns_of_a_group_fit_and_no_session_is_lost() {
        let prepared = ready();
        let counts = BUDGETS.map(|budget| {
            let jobs = prepared.jobs.iter().map(|job| (job, false)).collect();
            let groups = groups(&prepared, jobs, budget, 10, 2);
            let found = groups.iter().flat_map(Group::jobs).map(|job| job.index);
            assert_eq!(found.collect::<HashSet<usize>>().len(), 88);
            for Group { blocks, bytes } in &groups {
                let sessions = blocks.concat().len();
                assert!(sessions == 1 || *bytes <= budget, "{bytes} bytes of {budget}");
                assert!(blocks.iter().all(|block| (1..=10).contains(&block.len())));
            }
            groups.len()
        });
        assert_eq!((counts[0], counts[3]), (88, 1));
        assert!(counts[1] > counts[2] && counts[2] > 1, "{counts:?}");
    }

    #[test]
    fn neighbours_have_half_of_their_columns_in_common() {
        let prepared = ready();
        let jobs = prepared.jobs.iter().map(|job| (job, false)).collect();
        let groups = groups(&prepared, jobs, 16_000, 10, 2);
        assert!(groups.len() > 4);
        let sides = |group: &Group<'_>| {
            let jobs = group.blocks.concat();
            [0, 1].map(|param| values(&jobs, param).into_iter().cloned().collect::<Vec<Scalar>>())
        };
        for pair in groups.windows(2) {
            let [before, after] = [&pair[0], &pair[1]].map(sides);
            assert!(before[0] == after[0] || before[1] == after[1], "{before:?} {after:?}");
        }
    }

    #[test]
    fn a_block_is_a_small_square_of_the_map() {
        let prepared = ready();
        let jobs = prepared.jobs.iter().map(|job| (job, false)).collect();
        let groups = groups(&prepared, jobs, u64::MAX, 6, 1);
        let [Group { blocks, .. }] = &groups[..] else { panic!("all columns fit") };
        for block in blocks {
            let sides = [0, 1].map(|param| values(block, param).len());
            assert_eq!(sides[0] * sides[1], block.len());
            assert!(sides.iter().all(|side| (1..=3).contains(side)), "{sides:?}");
        }
    }

    #[test]
    fn parameters_of_other_kinds_stand_together() {
        let kinds = MANIFEST.replace(
            "params.fast = { type = \"int\", default = 2 }",
            "params.kind = { type = \"choice\", choices = [\"z\", \"b\", \"y\", \"a\", \"x\"], default = \"a\" }\n\
             params.fast = { type = \"int\", default = 2 }",
        );
        let kinds = kinds.replace("[session.grid", "[session.kinds").replace("schema = 1", "");
        let axis = "\"params.kind\" = [\"y\", \"a\", \"z\", \"x\", \"b\"]\n\"params.slow\"";
        let both = format!("{MANIFEST}{}", kinds.replace("\"params.slow\"", axis));
        let directory = tempfile::tempdir().unwrap();
        let (plan, prepared) = planned(directory.path(), &both);
        let prepared = prepared.part(&plan, prepared.jobs.iter());
        let sessions = prepared.jobs.len();
        assert_eq!(sessions, 88 * 6);
        for budget in BUDGETS {
            let jobs = prepared.jobs.iter().map(|job| (job, false)).collect();
            let groups = groups(&prepared, jobs, budget, 10, 2);
            assert_eq!(groups.iter().flat_map(Group::jobs).count(), sessions);
        }
    }

    #[test]
    fn the_order_of_strategies_with_more_and_fewer_parameters_is_one() {
        let (head, axes) = MANIFEST.split_once("[session.grid.sweep.axes]").unwrap();
        let more = head.replace("schema = 1", "").replace("[session.grid", "[session.more");
        let few = "[session.few]\nsymbols = [\"x\"]\ndata = { path = \"x.csv\" }\n[session.few.strategy]\n\
                   params.n = { type = \"int\", default = 4 }\nrules.enter_long = \"close > sma(close, n)\"\n\
                   [session.few.sweep.axes]\n\"params.n\" = { from = 2, to = 40, step = 1 }\n";
        let all = format!("{MANIFEST}{few}{more}[session.more.sweep.axes]{axes}");
        let directory = tempfile::tempdir().unwrap();
        let (plan, prepared) = planned(directory.path(), &all);
        let prepared = prepared.part(&plan, prepared.jobs.iter());
        let jobs: Vec<&Job> = prepared.jobs.iter().step_by(3).collect();
        for (a, b) in jobs.iter().flat_map(|a| jobs.iter().map(move |b| (*a, *b))) {
            for c in jobs.iter().filter(|c| order(a, b).is_lt() && order(b, c).is_lt()) {
                assert!(order(a, c).is_lt(), "{} {} {}", a.index, b.index, c.index);
            }
        }
    }

    #[test]
    fn no_number_depends_on_groups_or_threads() {
        [MANIFEST, &along_settings()].into_iter().for_each(depends_on_neither);
    }

    fn depends_on_neither(manifest: &str) {
        let directory = tempfile::tempdir().unwrap();
        let (plan, in_parts) = planned(directory.path(), manifest);
        let ready = in_parts.part(&plan, in_parts.jobs.iter());
        assert!(ready.jobs.iter().all(Prepared::is_ready));
        assert!(!in_parts.jobs.iter().any(Prepared::is_ready), "two parts and no more");
        let results = |plan: &Plan, prepared: &Prepared, column_bytes: u64, threads: usize| {
            let jobs: Vec<Wanted<'_>> = prepared.jobs.iter().map(|job| (job, false)).collect();
            let cancel = AtomicBool::new(false);
            let batch = Batch {
                plan,
                prepared,
                threads,
                column_bytes,
                cancel: &cancel,
                fails_fast: false,
                timeout: None,
                fault: None,
            };
            let mut results = BTreeMap::new();
            batch.run(&jobs, |finished| {
                let Some(finished) = finished else { return };
                let done = finished.result.unwrap();
                let parts = done.parts.as_ref().map(|parts| parts.both());
                let measured = parts.into_iter().flatten().chain([&done.metrics]);
                let metrics: Vec<Option<u64>> = measured
                    .flat_map(|metrics| metrics.iter().map(|(_, value)| value.map(f64::to_bits)))
                    .collect();
                results.insert(finished.index, (done.fills, metrics));
            });
            results
        };
        let alone = results(&plan, &ready, 0, 1);
        assert_eq!(alone.len(), 88);
        for (budget, threads) in [(10_000, 1), (20_000, 3), (u64::MAX, 1), (u64::MAX, 2)] {
            for prepared in [&ready, &in_parts] {
                let same = results(&plan, prepared, budget, threads) == alone;
                assert!(same, "{budget} bytes, {threads} threads");
            }
        }
        // Planned by itself, a session never gives back what it holds.
        for index in [0, 43, 87] {
            let one = Plan { points: vec![plan.points[index]], ..plan.clone() };
            let prepared = Prepared::new(&one, &mut Mistakes::default());
            assert!(prepared.jobs.iter().all(Prepared::is_ready));
            assert_eq!(results(&one, &prepared, 0, 1)[&0], alone[&index]);
        }
    }
}
