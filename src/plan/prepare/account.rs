//! The session of a paper account, on the bars that it has seen and with what it was told.

use super::work::Ready;
use super::{Changed, Ground, Instruction, Job, Prepared, Told, Variant, What, Work};
use crate::diag::Mistakes;
use crate::manifest::Session;
use crate::market::{DataSet, Slice};
use crate::plan::identity::{self, SettingsHasher};
use crate::strategy::Strategy;
use std::sync::Arc;

impl Prepared {
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
}
