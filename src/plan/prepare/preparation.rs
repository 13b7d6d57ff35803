//! How a plan is prepared: point by point, each different thing loaded, checked and made once.

use super::work::Ready;
use super::{AT_ONCE, Compiled, Ground, Job, Prepared, Ruled, Variant, Work, key_of_variant};
use crate::diag::{Mistake, Mistakes, Severity, codes};
use crate::expr::Graph;
use crate::manifest::{DataSettings, Mode, Session};
use crate::market::{self, DataSet, Slice};
use crate::plan::identity::{self, SettingsHasher};
use crate::plan::possible::never_enters;
use crate::plan::{Base, Plan, Point};
use crate::strategy::{Definition, Strategy};
use std::collections::HashMap;
use std::sync::Arc;

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
}

/// A variant, or why its data cannot be used.
type Usable = Result<Arc<Variant>, String>;

struct Preparation<'a> {
    plan: &'a Plan,
    prepared: Prepared,
    slice_keys: Vec<SliceKey>,
    /// How many of the jobs hold their rules: the last ones.
    with_rules: usize,
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
                let never = match variant.session.mode {
                    // What is still to come may be otherwise.
                    Mode::Paper => None,
                    _ => {
                        let slice = &self.prepared.slices[variant.slice];
                        never_enters(&variant.session, slice, &rules, &self.prepared.graph)
                    }
                };
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
