//! A plan and its data: slices, rules bound to parameters, identities.

use super::identity::{self, Identity, SettingsHasher};
use super::possible::{Prices, never_enters};
use super::{Base, Plan, Point};
use crate::diag::{Mistake, Mistakes, Severity, codes};
use crate::engine::{Command, ENGINE, Hand, Settings};
use crate::expr::{Columns, Graph, Scalar, World};
use crate::manifest::{DataSettings, Mode, Session, Split};
use crate::market::{self, DataSet, Slice, Verdict};
use crate::store::DataCheck;
use crate::strategy::{Definition, Rules, Strategy};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

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

/// One session, ready.
#[derive(Debug)]
pub struct Job {
    /// Its place in the plan.
    pub index: usize,
    /// What there is to do, or why it cannot be done.
    pub work: Result<Work, String>,
}

impl Job {
    /// The values of its strategy's parameters, if it is ready to run; nothing, if it cannot be run.
    pub fn params(&self) -> &[Scalar] {
        let ready = self.work.as_ref().ok().map(Work::ready);
        ready.map_or(&[], |ready| &ready.params)
    }
}

/// What a session needs to run.
#[derive(Debug)]
pub struct Work {
    /// The number of its slice in [`Prepared::slices`].
    pub slice: usize,
    /// What it holds while it is its turn to run; `None` in a plan of more than [`AT_ONCE`] sessions.
    ready: Option<Box<Ready>>,
    /// The digest of its rules, which many sessions have in common.
    rules: Arc<identity::Digest>,
    /// The digest of its settings.
    settings: identity::Digest,
    /// The digest of what it can see of the data, which many sessions have in common.
    data: Arc<identity::Digest>,
    /// What its account was told, if it is a paper account.
    told: Option<Box<Told>>,
}

/// What a session holds only while it is its turn to run.
#[derive(Debug)]
struct Ready {
    /// What it shares with the other points of its sweep.
    variant: Arc<Variant>,
    /// The values of its strategy's parameters.
    params: Vec<Scalar>,
    /// The rules bound to them.
    rules: Rules,
    /// The symbols that the rules look at by name, in order.
    named: Box<[Arc<str>]>,
}

impl Work {
    fn ready(&self) -> &Ready {
        self.ready.as_ref().expect("a session that runs is of a part that has its rules")
    }

    /// What it shares with the other points of its sweep.
    pub fn variant(&self) -> &Variant {
        &self.ready().variant
    }

    /// Its rules.
    pub fn rules(&self) -> &Rules {
        &self.ready().rules
    }

    /// The symbols that its rules look at by name, in order.
    pub fn named(&self) -> &[Arc<str>] {
        &self.ready().named
    }

    /// Its identity.
    pub fn identity(&self) -> Identity {
        identity::identity(*self.rules, self.settings, *self.data)
    }

    /// What its account was told; nothing, if it has none.
    pub fn told(&self) -> &Told {
        static NOTHING: Told = Told { commands: Vec::new(), changes: Vec::new() };
        self.told.as_deref().unwrap_or(&NOTHING)
    }

    /// The rules, first those that it begins with.
    pub fn all_rules(&self) -> impl Iterator<Item = &Rules> {
        std::iter::once(self.rules()).chain(self.told().changes.iter().map(|change| &change.rules))
    }

    /// What the engine is told of the owner of the account.
    pub fn hand(&self) -> Hand<'_> {
        Hand { commands: &self.told().commands, approves: self.variant().session.approves() }
    }
}

/// What a paper account was told, on the bars of its range.
#[derive(Debug, Default)]
pub struct Told {
    /// Each with the bar after whose close it holds; `None` for before the first.
    pub commands: Vec<(Option<usize>, Command)>,
    /// The rules with other parameters.
    pub changes: Vec<Changed>,
}

/// Rules with other parameters.
#[derive(Debug)]
pub struct Changed {
    /// The first bar on which they are read.
    pub from: usize,
    /// The values of the parameters.
    pub params: Vec<Scalar>,
    /// The rules.
    pub rules: Rules,
}

/// Something that a paper account was told.
#[derive(Debug, Clone, PartialEq)]
pub struct Instruction {
    /// The opening time of the bar after whose close it holds; `None` for before the first.
    pub after: Option<i64>,
    /// What it was told.
    pub what: What,
}

/// What a paper account can be told.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Something for the engine.
    Command(Command),
    /// Another value for a parameter.
    Param {
        /// Its place among the strategy's.
        param: usize,
        /// The value.
        value: Scalar,
    },
}

/// A base with every value but the parameters fixed.
#[derive(Debug)]
pub struct Variant {
    /// The session, typed.
    pub session: Session,
    /// Its strategy, checked against its data.
    pub strategy: Arc<Strategy>,
    /// The files of its data.
    pub data: Arc<DataSet>,
    /// Its trading days in and out of sample, by their places in the slice; `None` without a split.
    pub split: Option<[std::ops::Range<usize>; 2]>,
    slice: usize,
    rules: Arc<identity::Digest>,
    /// The digest of its settings without parameters.
    digest: identity::Digest,
}

impl Variant {
    /// The `session` on slice number `slice`, with what makes digests of its settings. Why it cannot run
    /// there, if it cannot.
    fn new(
        session: Session,
        (strategy, rules): Ruled,
        data: &Arc<DataSet>,
        (slice, cut): (usize, &Slice),
    ) -> Result<(Self, SettingsHasher), String> {
        let split = session.split.as_ref().map(|split| days_of(split, cut)).transpose()?;
        let hasher = SettingsHasher::new(&session, &cut.symbols, cut.periods, split.as_ref());
        let (data, digest) = (data.clone(), hasher.without_params());
        Ok((Self { session, strategy, data, split, slice, rules, digest }, hasher))
    }

    /// The digest of the rules that trade, whatever is drawn beside them, and that of the settings without
    /// parameters.
    pub fn digests(&self) -> (identity::Digest, identity::Digest) {
        let rules = self.strategy.canonical_without_plots();
        (*blake3::hash(rules.as_bytes()).as_bytes(), self.digest)
    }

    /// What the engine is told.
    pub fn settings(&self) -> &Settings {
        &self.session.settings
    }
}

impl Prepared {
    /// Load the data of `plan` and make every session ready. Data that cannot be used is no mistake:
    /// its sessions are refused and the others go on.
    pub fn new(plan: &Plan, mistakes: &mut Mistakes) -> Self {
        let mut preparation = Preparation {
            plan,
            prepared: Self {
                graph: Graph::default(),
                slices: Vec::new(),
                grounds: Vec::new(),
                strategies: Vec::new(),
                data: Vec::new(),
                jobs: Vec::with_capacity(plan.points.len()),
            },
            slice_keys: Vec::new(),
            with_rules: 0,
            prices: Vec::new(),
            hasher: None,
            told: Vec::new(),
        };
        let mut variants: HashMap<(usize, Vec<u32>), Option<Usable>> = HashMap::new();
        for (index, point) in plan.points.iter().enumerate() {
            let base = plan.base(point);
            let variant = variants
                .entry(key_of_variant(base, point))
                .or_insert_with(|| preparation.variant(base, point, mistakes));
            let Some(variant) = variant else { continue };
            preparation.job(index, base, point, variant.clone(), mistakes);
            preparation.make_room(AT_ONCE);
            if variants.len() > AT_ONCE {
                // What was wrong with one is not told twice.
                variants.retain(|_, variant| !matches!(variant, Some(Ok(_))));
            }
        }
        if preparation.with_rules > 0 {
            preparation.make_room(1);
        }
        preparation.prepared
    }

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

    /// Let session number `index` run as `session` on `data`, which its paper account has seen, with
    /// what the account was told. The reason, if it cannot.
    pub fn put(
        &mut self,
        index: usize,
        session: Session,
        data: Arc<DataSet>,
        instructions: &[Instruction],
    ) -> Result<(), String> {
        let mut mistakes = Mistakes::default();
        let place = self.place_of(index);
        let work =
            self.account(session, data, instructions, place, &mut mistakes).ok_or_else(|| {
                let first = mistakes.iter().next().map(|mistake| mistake.title.clone());
                first.unwrap_or_default()
            });
        let job = self.jobs.iter_mut().find(|job| job.index == index);
        let job = job.expect("every session has a job");
        let work = work.and_then(|work| work);
        let failed = work.as_ref().err().cloned();
        job.work = work;
        failed.map_or(Ok(()), Err)
    }

    /// The place of the slice of session number `index`: the one that it has already, if no other
    /// session shares it.
    fn place_of(&self, index: usize) -> usize {
        let slice = |job: &Job| job.work.as_ref().ok().map(|work| work.slice);
        let (own, others): (Vec<&Job>, Vec<&Job>) =
            self.jobs.iter().partition(|job| job.index == index);
        let own = own.into_iter().find_map(slice);
        let is_shared = |place: &usize| others.iter().any(|job| slice(job) == Some(*place));
        own.filter(|place| !is_shared(place)).unwrap_or(self.slices.len())
    }

    /// A session with its slice at `place`. `None` with a mistake; an error if the data cannot be used.
    fn account(
        &mut self,
        session: Session,
        data: Arc<DataSet>,
        instructions: &[Instruction],
        place: usize,
        mistakes: &mut Mistakes,
    ) -> Option<Result<Work, String>> {
        let (extra, names) = (data.extra(), data.names());
        let strategy = Strategy::compile(&session.definition, &extra, &names, mistakes)?;
        let symbols = session.symbols.as_deref();
        let cut =
            Slice::arriving(&data, &session.data, symbols, &session.range, &session.benchmark);
        let mut slice = match cut {
            Ok(slice) => slice,
            Err(error) => return Some(Err(error.to_string())),
        };
        let world = Arc::new(slice.growing_world(&data));
        let mut params = session.params.clone();
        let rules = strategy.bind(&params, &session.legs, &world, &mut self.graph, mistakes)?;
        let mut told = Told::default();
        let mut named = rules.named();
        for Instruction { after, what } in instructions {
            // A bar that was seen is among those of the range, or comes before them.
            let bar = after.map(|after| slice.frame.time.partition_point(|time| *time <= after));
            let bar = bar.and_then(|bars| bars.checked_sub(1));
            match what {
                What::Command(command) => told.commands.push((bar, *command)),
                What::Param { param, value } => {
                    params[*param] = value.clone();
                    let (legs, graph) = (&session.legs, &mut self.graph);
                    let rules = strategy.bind(&params, legs, &world, graph, mistakes)?;
                    named.extend(rules.named());
                    let from = bar.map_or(0, |bar| bar + 1);
                    told.changes.push(Changed { from, params: params.clone(), rules });
                }
            }
        }
        named.sort();
        named.dedup();
        for symbol in &named {
            if let Err(error) = slice.reach(&data, symbol, &session.data, &session.range) {
                return Some(Err(error.to_string()));
            }
        }
        let hasher = SettingsHasher::new(&session, &slice.symbols, slice.periods, None);
        let params = session.params.clone();
        let settings = hasher.with_params(&strategy, &params);
        let mut seen = slice.digest_with(&named);
        if !instructions.is_empty() {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&seen).update(format!("{instructions:?}").as_bytes());
            seen = *hasher.finalize().as_bytes();
        }
        let digest = Arc::new(identity::rules_digest(&strategy));
        let ground = Ground { world, data: data.clone(), mode: session.mode };
        // An account that is followed is put again with every bar.
        if place == self.slices.len() {
            self.slices.push(Arc::new(slice));
            self.grounds.push(ground);
        } else {
            (self.slices[place], self.grounds[place]) = (Arc::new(slice), ground);
        }
        let variant = Variant {
            strategy: Arc::new(strategy),
            slice: place,
            data,
            split: None,
            rules: digest.clone(),
            digest: hasher.without_params(),
            session,
        };
        let (variant, told) = (Arc::new(variant), Some(Box::new(told)));
        let ready = Some(Box::new(Ready { variant, params, rules, named: named.into() }));
        Some(Ok(Work { slice: place, ready, rules: digest, settings, data: Arc::new(seen), told }))
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

    /// The columns of every slice, with every job of `wanted` announced.
    pub fn columns<'a, 'j>(&'a self, wanted: impl Iterator<Item = &'j Job>) -> Vec<Columns<'a>> {
        let of = |slice: &Arc<Slice>| Columns::new(&self.graph, slice.views(), slice.symbols.len());
        let mut columns: Vec<Columns<'a>> = self.slices.iter().map(of).collect();
        for work in wanted.filter_map(|job| job.work.as_ref().ok()) {
            let slice = work.slice;
            for rules in work.all_rules() {
                rules.reserve(self.slices[slice].symbols.len(), &mut columns[slice]);
            }
        }
        columns
    }

    /// How many different columns of numbers `jobs` need.
    pub fn columns_of_numbers<'a>(&self, jobs: impl Iterator<Item = &'a Job>) -> usize {
        let works = jobs.filter_map(|job| job.work.as_ref().ok());
        let needs = works.flat_map(|work| work.rules().legs.iter().flat_map(|leg| &leg.needs));
        let numbers = needs.map(|need| need.number).filter(|&number| !self.graph.is_flag(number));
        numbers.collect::<HashSet<usize>>().len()
    }

    /// How much memory columns take at most, in bytes, if `jobs`, all of one slice, run in this order.
    pub fn column_bytes<'a>(&self, jobs: impl Iterator<Item = &'a Job> + Clone) -> u64 {
        let works = jobs.filter_map(|job| job.work.as_ref().ok());
        let Some(first) = works.clone().next() else { return 0 };
        let rows: usize = self.slices[first.slice].views().map(|view| view.rows.len()).sum();
        // A truth value takes two bits, a number eight bytes.
        let bytes =
            |number: usize| (if self.graph.is_flag(number) { rows / 4 } else { rows * 8 }) as u64;
        // Where an expression is needed, and how often, makes no difference here: it is counted for every
        // symbol, and once for each session.
        fn needs(work: &Work) -> Vec<usize> {
            let needs = work.rules().legs.iter().flat_map(|leg| &leg.needs);
            let mut numbers: Vec<usize> = needs.map(|need| need.number).collect();
            numbers.sort_unstable();
            numbers.dedup();
            numbers
        }
        let mut users = vec![0_u32; self.graph.len()];
        for number in works.clone().flat_map(needs) {
            users[number] += 1;
        }
        let mut left = users.clone();
        let (mut alive, mut most) = (0, 0);
        for work in works {
            let numbers = needs(work);
            for &number in &numbers {
                alive += if left[number] == users[number] { bytes(number) } else { 0 };
                left[number] -= 1;
            }
            most = most.max(alive);
            let done = numbers.into_iter().filter(|&number| left[number] == 0);
            alive -= done.map(bytes).sum::<u64>();
        }
        most
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

/// What tells the variants of a plan apart: the base, and the numbers of the point's values on the axes that
/// are not parameters.
fn key_of_variant(base: &Base, point: &Point) -> (usize, Vec<u32>) {
    let at = base.axes.iter().zip(base.at(point));
    let fixed = at.filter(|(axis, _)| !axis.path.starts_with("params.")).map(|(_, &value)| value);
    (point.base, fixed.collect())
}

/// The trading days of `slice` in and out of sample, or why there are none.
fn days_of(split: &Split, slice: &Slice) -> Result<[std::ops::Range<usize>; 2], String> {
    let days = [&split.in_sample, &split.out_of_sample].map(|range| slice.days_in(range));
    let empty = days.iter().zip(["in sample", "out of sample"]).find(|(days, _)| days.is_empty());
    match empty {
        Some((_, part)) => Err(format!(
            "no trading day is {part}; move `split` into the days of the data{}",
            slice.days().map_or_else(String::new, |(from, to)| format!(", {from} to {to}"))
        )),
        None => Ok(days),
    }
}

/// A variant, or why its data cannot be used.
type Usable = Result<Arc<Variant>, String>;

struct Preparation<'a> {
    plan: &'a Plan,
    prepared: Prepared,
    slice_keys: Vec<SliceKey>,
    /// How many of the jobs hold their rules: the last ones.
    with_rules: usize,
    /// The extremes of each slice, unless its bars are still arriving.
    prices: Vec<Option<Prices>>,
    /// What makes digests of the settings of the variant that was met last: it is as large as a variant.
    hasher: Option<(Arc<Variant>, SettingsHasher)>,
    /// Places whose mistake was told for another point already.
    told: Vec<String>,
}

#[derive(PartialEq)]
struct SliceKey {
    data: usize,
    symbols: Option<Vec<String>>,
    range: crate::manifest::Range,
    warmup: Option<usize>,
    benchmark: crate::manifest::Benchmark,
    mode: Mode,
    detail: Option<Arc<DataSettings>>,
}

impl Preparation<'_> {
    /// `None` if the session has mistakes; an error if its data cannot be used.
    fn variant(&mut self, base: &Base, point: &Point, mistakes: &mut Mistakes) -> Option<Usable> {
        let mut session = self.plan.session(point, mistakes)?;
        self.prepared.meet(&mut session);
        let (number, data) = match self.data(&session.data) {
            (number, Ok(data)) => (number, data),
            (_, Err(reason)) => return Some(Err(reason)),
        };
        let strategy = self.strategy(&session.definition, &data, mistakes)?;
        let slice = match self.slice(number, &data, &session) {
            Ok(slice) => slice,
            Err(reason) => return Some(Err(reason)),
        };
        let cut = &self.prepared.slices[slice];
        let (variant, hasher) = match Variant::new(session, strategy, &data, (slice, &**cut)) {
            Ok(variant) => variant,
            Err(reason) => return Some(Err(reason)),
        };
        let (session, risk) = (&variant.session, &variant.session.settings.risk);
        if risk.max_group.is_some() && cut.symbols.iter().all(|symbol| risk.group(symbol).is_none())
        {
            let title = "no symbol of the session is in `groups`: `risk.max_group` limits nothing";
            let mistake = Mistake::new(codes::OUT_OF_RANGE, &session.place, title);
            self.tell(mistake.warning(), base, point, mistakes);
        }
        let variant = Arc::new(variant);
        self.hasher = Some((variant.clone(), hasher));
        Some(Ok(variant))
    }

    fn data(&mut self, settings: &DataSettings) -> (usize, Result<Arc<DataSet>, String>) {
        // What is done with the bars later makes no other bars of the file.
        let read = DataSettings { warmup: None, ..settings.clone() };
        let known = &mut self.prepared.data;
        let number = known.iter().position(|(known, _)| *known == read).unwrap_or_else(|| {
            let data = market::load(&read).map(Arc::new).map_err(|error| error.to_string());
            known.push((read, data));
            known.len() - 1
        });
        (number, known[number].1.clone())
    }

    fn strategy(
        &mut self,
        definition: &Arc<Definition>,
        data: &Arc<DataSet>,
        mistakes: &mut Mistakes,
    ) -> Option<Ruled> {
        if let Some(known) = self.prepared.compiled(definition, data) {
            return known.clone();
        }
        let strategy = Strategy::compile(definition, &data.extra(), &data.names(), mistakes);
        let strategy = strategy.map(|strategy| {
            let rules = identity::rules_digest(&strategy);
            (Arc::new(strategy), Arc::new(rules))
        });
        let compiled = Compiled {
            definition: definition.clone(),
            data: data.clone(),
            strategy: strategy.clone(),
        };
        self.prepared.strategies.push(compiled);
        strategy
    }

    fn slice(
        &mut self,
        data: usize,
        set: &Arc<DataSet>,
        session: &Session,
    ) -> Result<usize, String> {
        let key = SliceKey {
            data,
            symbols: session.symbols.clone(),
            range: session.range,
            warmup: session.data.warmup,
            benchmark: session.benchmark.clone(),
            mode: session.mode,
            detail: session.detail.clone(),
        };
        if let Some(known) = self.slice_keys.iter().position(|known| *known == key) {
            return Ok(known);
        }
        let (symbols, range) = (session.symbols.as_deref(), &session.range);
        let arriving = session.mode == Mode::Paper;
        let cut = if arriving { Slice::arriving } else { Slice::cut };
        let mut slice = cut(set, &session.data, symbols, range, &session.benchmark)
            .map_err(|error| error.to_string())?;
        if let Some(detail) = &session.detail {
            let fine = self.data(detail).1?;
            slice.with_detail(&fine).map_err(|error| error.to_string())?;
        }
        self.slice_keys.push(key);
        let world = if arriving { slice.growing_world(set) } else { slice.world(set) };
        let ground = Ground { world: Arc::new(world), data: set.clone(), mode: session.mode };
        self.prepared.grounds.push(ground);
        // What is still to come of a paper account may be otherwise.
        self.prices.push(if arriving { None } else { Prices::of(&slice) });
        self.prepared.slices.push(Arc::new(slice));
        Ok(self.prepared.slices.len() - 1)
    }

    fn job(
        &mut self,
        index: usize,
        base: &Base,
        point: &Point,
        variant: Usable,
        mistakes: &mut Mistakes,
    ) {
        let work = match variant {
            Err(reason) => Err(reason),
            Ok(variant) => {
                let mut found = Mistakes::default();
                let params = base.params(point, &variant.session);
                let world = &self.prepared.grounds[variant.slice].world;
                let graph = &mut self.prepared.graph;
                let (legs, strategy) = (&variant.session.legs, &variant.strategy);
                let rules = strategy.bind(&params, legs, world, graph, &mut found);
                for mut mistake in found {
                    // Another point of a sweep may have bars enough.
                    if mistake.code == codes::LONG_WINDOW && !base.swept {
                        mistake.severity = Severity::Error;
                    }
                    self.tell(mistake, base, point, mistakes);
                }
                let Some(rules) = rules else { return };
                let never = self.prices[variant.slice].and_then(|prices| {
                    never_enters(&variant.session, prices, &rules, &self.prepared.graph)
                });
                match never {
                    // Another point of the sweep may enter.
                    Some(Mistake { severity: Severity::Error, title, .. }) if base.swept => {
                        self.prepared.jobs.push(Job { index, work: Err(title) });
                        return;
                    }
                    Some(mistake) => {
                        let stops = mistake.severity == Severity::Error;
                        self.tell(mistake, base, point, mistakes);
                        if stops {
                            return;
                        }
                    }
                    None => {}
                }
                let named = rules.named();
                let slice = Arc::get_mut(&mut self.prepared.slices[variant.slice])
                    .expect("nobody has a slice before everything is planned");
                let (data, session) = (&variant.data, &variant.session);
                let mut reached = named
                    .iter()
                    .map(|symbol| slice.reach(data, symbol, &session.data, &session.range));
                if let Err(error) = reached.try_for_each(|reached| reached) {
                    let work = Err(error.to_string());
                    self.prepared.jobs.push(Job { index, work });
                    return;
                }
                let hasher = match self.hasher.take() {
                    Some((of, hasher)) if Arc::ptr_eq(&of, &variant) => hasher,
                    _ => SettingsHasher::new(
                        &variant.session,
                        &slice.symbols,
                        slice.periods,
                        variant.split.as_ref(),
                    ),
                };
                let settings = hasher.with_params(strategy, &params);
                self.hasher = Some((variant.clone(), hasher));
                let seen = slice.digest_with(&named);
                let before = self.prepared.jobs.last().and_then(|job| job.work.as_ref().ok());
                let data = match before.filter(|before| *before.data == seen) {
                    Some(before) => before.data.clone(),
                    None => Arc::new(seen),
                };
                let (slice, digest) = (variant.slice, variant.rules.clone());
                let ready = Ready { variant, params, rules, named: named.into() };
                let ready = Some(Box::new(ready));
                Ok(Work { slice, ready, rules: digest, settings, data, told: None })
            }
        };
        self.prepared.jobs.push(Job { index, work });
        self.with_rules += 1;
    }

    /// Take their rules and settings from the jobs if more than a part of them have been planned and `most` hold
    /// theirs.
    fn make_room(&mut self, most: usize) {
        let jobs = &mut self.prepared.jobs;
        if jobs.len() <= AT_ONCE || self.with_rules < most {
            return;
        }
        jobs.iter_mut().filter_map(|job| job.work.as_mut().ok()).for_each(|work| work.ready = None);
        self.prepared.graph = Graph::default();
        self.with_rules = 0;
    }

    /// What is wrong for many points is told once, with the first of them.
    fn tell(&mut self, mistake: Mistake, base: &Base, point: &Point, mistakes: &mut Mistakes) {
        let place = format!("{:?}", mistake.place);
        if !self.told.contains(&place) {
            self.told.push(place);
            mistakes.push(mistake.help(format!("in session {}", base.key(point))));
        }
    }
}
