//! A plan and its data: slices, rules bound to parameters, identities.
//!
//! [`Prepared::new`] makes it of a plan and holds what sessions have in common; what each of them needs is
//! its [`Work`]. Of a long plan only a part is ready to run at a time ([`Prepared::part`]). The session of a
//! paper account runs on the bars that the account has seen ([`Prepared::put`]).

mod account;
mod preparation;
mod work;

pub use work::{Changed, Instruction, Job, Told, Variant, What, Work};

use super::identity;
use super::{Base, Plan, Point};
use crate::diag::Mistakes;
use crate::engine::ENGINE;
use crate::expr::{Columns, Graph, World};
use crate::manifest::{DataSettings, Mode, Session};
use crate::market::{DataSet, Slice, Verdict};
use crate::store::DataCheck;
use crate::strategy::{Definition, Strategy};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use work::Ready;

/// How many bytes of an identity people are shown, as ten digits.
const ID_BYTES: usize = 5;

/// How many sessions hold their rules and settings at a time. A plan of more gives them back once they are
/// known to be right, and [`Prepared::part`] makes them again for the sessions that run next: what a long
/// sweep takes of the memory is its rows. Tests need no long sweep to see it.
pub const AT_ONCE: usize = if cfg!(test) { 48 } else { 10_000 };

/// A plan of which every session is ready to run, or known to be impossible.
#[derive(Debug)]
pub struct Prepared {
    /// What all sessions compute, each expression once.
    pub graph: Graph,
    /// The different slices of data.
    pub slices: Vec<Arc<Slice>>,
    /// What planning must know of each slice.
    grounds: Vec<Ground>,
    /// The strategies that were checked against data.
    strategies: Vec<Compiled>,
    /// The data sets by their settings, or why they cannot be used.
    pub data: Vec<(DataSettings, Result<Arc<DataSet>, String>)>,
    /// One job a session, in the order of the plan.
    pub jobs: Vec<Job>,
}

/// What planning must know of a slice.
#[derive(Debug, Clone)]
struct Ground {
    /// Its symbols, as rules see them.
    world: Arc<World>,
    /// The files that it was cut from.
    data: Arc<DataSet>,
    /// Which bars its sessions meet.
    mode: Mode,
}

/// A definition that was checked against a data set, and what came of it.
#[derive(Debug, Clone)]
struct Compiled {
    definition: Arc<Definition>,
    data: Arc<DataSet>,
    strategy: Option<Ruled>,
}

/// A strategy, and the digest of its rules.
type Ruled = (Arc<Strategy>, Arc<identity::Digest>);

impl Prepared {
    /// Whether `job` can run as it is: it holds its rules, or there is nothing to run.
    pub fn is_ready(job: &Job) -> bool {
        job.work.as_ref().map_or(true, |work| work.ready.is_some())
    }

    /// The same of `plan`, which it was made of, with just `jobs`, in their order, which hold their
    /// rules.
    pub fn part<'a>(&self, plan: &Plan, jobs: impl Iterator<Item = &'a Job>) -> Self {
        let mut graph = Graph::default();
        let mut variants: HashMap<(usize, Vec<u32>), Arc<Variant>> = HashMap::new();
        let mut ready = |job: &Job| {
            let work = job.work.as_ref().map_err(String::clone).map(|work| {
                let point = &plan.points[job.index];
                let base = plan.base(point);
                let variant = variants
                    .entry(key_of_variant(base, point))
                    .or_insert_with(|| self.variant(plan, job.index, work))
                    .clone();
                let world = &self.grounds[work.slice].world;
                let (legs, mut known) = (&variant.session.legs, Mistakes::default());
                let params = base.params(point, &variant.session);
                let rules = variant.strategy.bind(&params, legs, world, &mut graph, &mut known);
                let rules = rules.expect("its rules were right before");
                let named = rules.named().into();
                Work {
                    slice: work.slice,
                    ready: Some(Box::new(Ready { variant, params, named, rules })),
                    rules: work.rules.clone(),
                    settings: work.settings,
                    data: work.data.clone(),
                    told: None,
                }
            });
            Job { index: job.index, work }
        };
        let jobs = jobs.map(&mut ready).collect();
        let (slices, grounds) = (self.slices.clone(), self.grounds.clone());
        let (strategies, data) = (self.strategies.clone(), self.data.clone());
        Self { graph, slices, grounds, strategies, data, jobs }
    }

    /// What session number `index` of `plan` shares with the other points of its sweep: at hand, or made
    /// again.
    fn variant(&self, plan: &Plan, index: usize, work: &Work) -> Arc<Variant> {
        if let Some(ready) = &work.ready {
            return ready.variant.clone();
        }
        let session = plan.session(&plan.points[index], &mut Mistakes::default());
        let mut session = session.expect("its settings were right before");
        self.meet(&mut session);
        let data = &self.grounds[work.slice].data;
        let strategy = self.compiled(&session.definition, data).cloned().flatten();
        let strategy = strategy.expect("its strategy was right before");
        let slice = (work.slice, &*self.slices[work.slice]);
        let variant = Variant::new(session, strategy, data, slice);
        Arc::new(variant.expect("its days were there before").0)
    }

    /// The components that all points of the sweep of `job` have in common, by name; `None` if it cannot
    /// be run.
    pub fn components(&self, plan: &Plan, job: &Job) -> Option<[(&'static str, String); 4]> {
        let work = job.work.as_ref().ok()?;
        let digits = |digest: &identity::Digest| identity::hex(digest, 16);
        Some([
            ("rules", digits(&work.rules)),
            ("settings", digits(&self.variant(plan, job.index, work).digest)),
            ("data", digits(&self.slices[work.slice].digest)),
            ("engine", ENGINE.to_string()),
        ])
    }

    /// What the checks found in the data of slice number `slice`.
    pub fn checks(&self, slice: usize) -> Vec<DataCheck> {
        self.slices[slice].verdicts.iter().flat_map(DataCheck::all).collect()
    }

    /// Hold the strategy of `session` together with an equal one that was met before: an inline strategy is
    /// read anew with each session.
    fn meet(&self, session: &mut Session) {
        let own = &session.definition;
        let is_it =
            |known: &&Compiled| Arc::ptr_eq(&known.definition, own) || known.definition == *own;
        if let Some(known) = self.strategies.iter().find(is_it) {
            session.definition = known.definition.clone();
        }
    }

    /// What came of `definition` when it was checked against `data`; `None` if it was not.
    fn compiled(
        &self,
        definition: &Arc<Definition>,
        data: &Arc<DataSet>,
    ) -> Option<&Option<Ruled>> {
        let is_it = |known: &&Compiled| {
            Arc::ptr_eq(&known.definition, definition) && Arc::ptr_eq(&known.data, data)
        };
        self.strategies.iter().find(is_it).map(|known| &known.strategy)
    }

    /// How long the data took, by what was done with it.
    pub fn took(&self) -> [(&'static str, Duration); 3] {
        let sets = || self.data.iter().filter_map(|(_, data)| data.as_ref().ok());
        [
            ("read", sets().map(|data| data.took.read).sum()),
            ("check", sets().map(|data| data.took.check).sum()),
            ("hash", self.slices.iter().map(|slice| slice.hashed).sum()),
        ]
    }

    /// What was found in the files of these settings.
    pub fn verdicts_of(&self, settings: &DataSettings) -> &[Verdict] {
        self.source(settings).map_or(&[], |data| &data.verdicts)
    }

    /// The data of these settings, as it was read; why it cannot be used otherwise.
    pub fn source(&self, settings: &DataSettings) -> Result<&Arc<DataSet>, &str> {
        let read = DataSettings { warmup: None, ..settings.clone() };
        let known = self.data.iter().find(|(known, _)| *known == read);
        let (_, data) = known.ok_or("it was not read")?;
        data.as_ref().map_err(String::as_str)
    }

    /// What people are to be warned of in the data of the sessions of these `modes`, a line a kind and
    /// symbol.
    pub fn warnings(&self, modes: &[Mode]) -> Vec<String> {
        let works = self.jobs.iter().filter_map(|job| job.work.as_ref().ok());
        let slices: BTreeSet<usize> = works.map(|work| work.slice).collect();
        let is_wanted = |slice: &&usize| modes.contains(&self.grounds[**slice].mode);
        let slices: Vec<&usize> = slices.iter().filter(is_wanted).collect();
        let verdicts = slices.iter().flat_map(|slice| &self.slices[**slice].verdicts);
        let files = slices.iter().flat_map(|slice| &self.grounds[**slice].data.files);
        let files = files.filter(|file| file.rows == 0);
        let empty = files.map(|file| format!("{}: the file has a header and no rows", file.path));
        let mut lines: Vec<String> = Vec::new();
        for line in verdicts.flat_map(|verdict| verdict.warnings()).chain(empty) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }

    /// Two sessions whose ids look alike although their identities differ, if there are any: what is
    /// shown to people must name one thing.
    pub fn alike(&self) -> Option<(usize, usize)> {
        let mut seen: HashMap<[u8; ID_BYTES], (identity::Digest, usize)> = HashMap::new();
        self.jobs.iter().find_map(|job| {
            let digest = job.work.as_ref().ok()?.identity().digest();
            let id = *digest.first_chunk().expect("a digest is longer than an id");
            let (known, other) = *seen.entry(id).or_insert((digest, job.index));
            (known != digest).then_some((other, job.index))
        })
    }

    /// The columns of every slice, which nobody needs yet.
    pub fn columns(&self) -> Vec<Columns<'_>> {
        let of = |slice: &Arc<Slice>| Columns::new(&self.graph, slice.views(), slice.symbols.len());
        self.slices.iter().map(of).collect()
    }

    /// Announce every job of `wanted` to the columns of every slice.
    pub fn reserve<'j>(&self, columns: &mut [Columns<'_>], wanted: impl Iterator<Item = &'j Job>) {
        for work in wanted.filter_map(|job| job.work.as_ref().ok()) {
            let slice = work.slice;
            for rules in work.all_rules() {
                rules.reserve(self.slices[slice].symbols.len(), &mut columns[slice]);
            }
        }
    }

    /// How many different columns of numbers have to be computed for `jobs`.
    pub fn columns_of_numbers<'a>(&self, jobs: impl Iterator<Item = &'a Job>) -> usize {
        let works = jobs.filter_map(|job| job.work.as_ref().ok());
        let needs = works.flat_map(|work| work.rules().legs.iter().flat_map(|leg| &leg.needs));
        let numbers = needs.map(|need| need.number);
        let numbers = numbers.filter(|&number| self.graph.is_computed(number));
        numbers.collect::<HashSet<usize>>().len()
    }

    /// How many of `jobs` need each expression.
    pub fn users<'a>(&self, jobs: impl Iterator<Item = &'a Job>) -> Vec<u32> {
        let mut users = vec![0; self.graph.len()];
        for number in jobs.filter_map(|job| job.work.as_ref().ok()).flat_map(needs) {
            users[number] += 1;
        }
        users
    }

    /// How much memory columns take at most, in bytes, while `jobs`, all of one slice, run: those that
    /// several of all `users` need stay there together, the others are there for their session alone.
    pub fn column_bytes<'a>(&self, jobs: impl Iterator<Item = &'a Job>, users: &[u32]) -> u64 {
        let mut seen = vec![false; self.graph.len()];
        let (mut shared, mut own) = (0, 0);
        for work in jobs.filter_map(|job| job.work.as_ref().ok()) {
            let views = self.slices[work.slice].views();
            let rows: usize = views.map(|view| view.rows.len()).sum();
            // A truth value takes two bits, a number eight bytes. Where an expression is needed makes no
            // difference here: it is counted for every symbol.
            let bytes = |number: usize| {
                (if self.graph.is_flag(number) { rows / 4 } else { rows * 8 }) as u64
            };
            let (stays, goes): (Vec<_>, Vec<_>) =
                needs(work).into_iter().partition(|&number| users[number] > 1);
            own = goes.into_iter().map(bytes).sum::<u64>().max(own);
            let new =
                stays.into_iter().filter(|&number| !std::mem::replace(&mut seen[number], true));
            shared += new.map(bytes).sum::<u64>();
        }
        shared + own
    }

    /// How much memory it takes how the numbers that a job's rules compare lie to each other, in bytes.
    pub fn compared_bytes(&self, job: &Job) -> u64 {
        let Ok(work) = &job.work else { return 0 };
        let inequalities =
            needs(work).into_iter().filter(|&number| self.graph.is_inequality(number));
        let rows = self.slices[work.slice].views().map(|view| view.rows.len() as u64).sum::<u64>();
        // Two bits a row tell all relations of two columns, of which rules mostly ask for two.
        inequalities.count() as u64 * rows / 8
    }

    /// The bars that a job walks over, all symbols together.
    pub fn bars(&self, job: &Job) -> u64 {
        match &job.work {
            Ok(work) => {
                let slice = &self.slices[work.slice];
                slice.frame.len() as u64 * slice.symbols.len() as u64
            }
            Err(_) => 0,
        }
    }
}

/// The numbers of the expressions that a session needs, each once.
fn needs(work: &Work) -> Vec<usize> {
    let needs = work.rules().legs.iter().flat_map(|leg| &leg.needs);
    let mut numbers: Vec<usize> = needs.map(|need| need.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// What tells the variants of a plan apart: the base, and the numbers of the point's values on the axes that
/// are not parameters.
fn key_of_variant(base: &Base, point: &Point) -> (usize, Vec<u32>) {
    let at = base.axes.iter().zip(base.at(point));
    let fixed = at.filter(|(axis, _)| !axis.path.starts_with("params.")).map(|(_, &value)| value);
    (point.base, fixed.collect())
}
