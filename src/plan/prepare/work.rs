//! What a session needs to run: its rules, its settings, its identity, and what its account was told.

use super::Ruled;
use crate::engine::{Command, Hand, Settings};
use crate::expr::Scalar;
use crate::manifest::{Session, Split};
use crate::market::{DataSet, Slice};
use crate::plan::identity::{self, Identity, SettingsHasher};
use crate::strategy::{Rules, Strategy};
use std::sync::Arc;

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
    /// The number of its slice in [`Prepared::slices`](super::Prepared::slices).
    pub slice: usize,
    /// What it holds while it is its turn to run; `None` in a plan of more than [`AT_ONCE`] sessions.
    pub(super) ready: Option<Box<Ready>>,
    /// The digest of its rules, which many sessions have in common.
    pub(super) rules: Arc<identity::Digest>,
    /// The digest of its settings.
    pub(super) settings: identity::Digest,
    /// The digest of what it can see of the data, which many sessions have in common.
    pub(super) data: Arc<identity::Digest>,
    /// What its account was told, if it is a paper account.
    pub(super) told: Option<Box<Told>>,
}

/// What a session holds only while it is its turn to run.
#[derive(Debug)]
pub(super) struct Ready {
    /// What it shares with the other points of its sweep.
    pub(super) variant: Arc<Variant>,
    /// The values of its strategy's parameters.
    pub(super) params: Vec<Scalar>,
    /// The rules bound to them.
    pub(super) rules: Rules,
    /// The symbols that the rules look at by name, in order.
    pub(super) named: Box<[Arc<str>]>,
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
    pub(super) slice: usize,
    pub(super) rules: Arc<identity::Digest>,
    /// The digest of its settings without parameters.
    pub(super) digest: identity::Digest,
}

impl Variant {
    /// The `session` on slice number `slice`, with what makes digests of its settings. Why it cannot run
    /// there, if it cannot.
    pub(super) fn new(
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
