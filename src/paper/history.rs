//! What the files of an account tell: what was agreed, the bars that it has seen, what it was told, and
//! where it stood. Reading them needs no lock and changes nothing.
//!
//! [`Account`](super::Account) adds to it. Whoever wants to know what an account is, and not to move it
//! forward, needs no more than this: [`History::put`] lets a session of a plan run on its bars with its
//! commands.

use super::account::Refused;
use super::checkpoint::Checkpoint;
use super::command::Command;
use super::life::State;
use super::recover;
use super::tell::{self, Told};
use super::terms::Terms;
use super::views;
use crate::bars::{Bars, Clock, Cut, Zone};
use crate::batch::kept::Kept;
use crate::engine::ENGINE;
use crate::expr::Scalar;
use crate::manifest::{DataSettings, Session};
use crate::market::{self, DataSet, Verdict};
use crate::plan::{Base, Instruction, Prepared, What, Work};
use crate::store::{ACCOUNT_FILE, AccountReader, Event, EventKind, StoreError};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;

/// The name of the check of a manifest against what was agreed.
pub const TERMS: &str = "terms";

/// The name of the check of whether the data of an account can be used.
pub const DATA: &str = "data";

/// The name of the check of whether an account takes the bars that there are.
pub const BARS: &str = "bars";

/// A command as it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// The opening time of the last bar that the account had seen, microseconds since 1970.
    pub after: Option<i64>,
    /// What.
    pub command: Command,
}

/// What an account goes back to when it is taken back to a checkpoint, as its journal says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Back {
    /// The checkpoint's number.
    pub checkpoint: u64,
    /// How much of what it did is still told.
    pub told: Told,
    /// How many commands still hold.
    pub commands: usize,
    /// The last bar that it has still seen.
    #[serde(default)]
    pub last: Option<String>,
}

/// How much of a past that is not the one that was told counts as told, as a journal says it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Past {
    /// How many of each.
    pub told: Told,
    /// The numbers of the orders that ended without a fill.
    pub ends: Vec<usize>,
}

/// What the files of an account tell.
#[derive(Debug)]
pub struct History {
    pub(super) name: String,
    pub(super) terms: Option<Terms>,
    pub(super) opened: Option<DateTime<Utc>>,
    pub(super) bars: Vec<Bars>,
    pub(super) given: Vec<Given>,
    /// How much of what it did its journal tells.
    pub(super) told: Told,
    /// The numbers of the orders of which its journal tells that they ended without a fill.
    pub(super) ends: Vec<usize>,
    /// Its fills in words, as its journal tells them; empty for those of a past that it had not when it
    /// was told.
    pub(super) fills: Vec<String>,
    /// The numbers of the orders that wait for approval, as far as its last walk tells.
    pub(super) unapproved: Vec<usize>,
    /// The engine that numbered them.
    pub(super) numbered_by: u32,
    /// What was told of bars of the source, so that it is told once.
    pub(super) noted: HashSet<String>,
    /// The commands that were answered, by their ids.
    pub(super) answered: HashSet<String>,
    pub(super) state: Option<State>,
    /// It is paused, or is once its data can be used.
    pub(super) paused: bool,
    /// Why it is in that state, as it was told last.
    pub(super) reason: Option<String>,
    /// Why the manifest of its last run was refused, if it was.
    pub(super) refused: Option<String>,
    /// Why its data cannot be used, as it was told last.
    pub(super) unfit: Option<String>,
    /// Why it takes no more bars than it did, though there are some.
    pub(super) waits: Option<String>,
    /// The bar until which its journal tells what the rules of its session made of its standing.
    pub(super) turned: Option<String>,
    pub(super) checkpoint: Option<Checkpoint>,
    /// The number of the newest file of a checkpoint; 0 before the first.
    pub(super) newest: u64,
    /// What is wrong with that file, if it is damaged.
    damaged: Option<String>,
    /// The number of the last checkpoint of which its journal tells; 0 before the first.
    pub(super) kept: u64,
    /// How many bars it had seen then.
    kept_bars: usize,
    /// The checkpoint of which somebody said that the account need not be like it.
    pub(super) accepted: Option<u64>,
    /// Since then its journal says how much of its other past counts as told.
    pub(super) retold: bool,
    /// What of its files cannot be read, if anything: nothing may be done with it.
    pub(super) broken: Option<String>,
    /// Why its own bars cannot be read, if they cannot.
    pub(super) unread: Option<String>,
    /// What of its files is not what its last checkpoint says.
    pub(super) differs: Option<String>,
    /// Its files are wrong, and it can go back to none of its checkpoints.
    stuck: bool,
}

impl History {
    /// Read what is there of an account; a new one has no terms yet.
    pub fn read(reader: &AccountReader) -> Result<Self, StoreError> {
        let (events, damaged) = reader.journal();
        let broken =
            damaged.first().map(|error| format!("its journal is damaged: {}", reader.words(error)));
        let (bars, unread) = reader.bars();
        let unread =
            unread.map(|error| format!("its own bars cannot be read: {}", reader.words(&error)));
        let newest = reader.checkpoints()?.last().copied().unwrap_or(0);
        let (checkpoint, damaged) = match newest {
            0 => (None, None),
            newest => match Checkpoint::read(reader, newest)? {
                Ok(checkpoint) => (Some(checkpoint), None),
                Err(fact) => (None, Some(fact)),
            },
        };
        let (unapproved, numbered_by) = views::unapproved(&views::view(reader, ACCOUNT_FILE)?);
        let mut history = Self {
            name: reader.name().to_owned(),
            terms: None,
            opened: None,
            bars,
            given: Vec::new(),
            told: Told::default(),
            ends: Vec::new(),
            fills: Vec::new(),
            unapproved,
            numbered_by,
            noted: HashSet::new(),
            answered: HashSet::new(),
            state: None,
            paused: false,
            reason: None,
            refused: None,
            unfit: None,
            waits: None,
            turned: None,
            checkpoint,
            newest,
            damaged,
            kept: 0,
            kept_bars: 0,
            accepted: None,
            retold: false,
            broken,
            unread,
            differs: None,
            stuck: false,
        };
        events.iter().for_each(|event| history.hear(event));
        if history.terms.is_none() && !history.bars.is_empty() {
            let fact = "its journal is gone, and with it what it was opened with";
            history.broken.get_or_insert_with(|| fact.into());
        }
        history.check_files();
        if history.wrong().is_some() {
            let places = recover::places(reader, &history)?;
            history.stuck = places.iter().all(|place| place.unfit.is_some());
        }
        Ok(history)
    }

    /// Take in a line of its own journal.
    fn hear(&mut self, event: &Event) {
        if let Some(id) = event.facts.get("id").and_then(Value::as_str) {
            self.answered.insert(id.to_owned());
        }
        self.told.hear(event);
        if let Some(reason) = event.facts.get("reason").and_then(Value::as_str) {
            self.reason = Some(reason.to_owned());
        }
        if matches!(event.kind, EventKind::State | EventKind::Check)
            && let Some(bar) = event.facts.get("bar").and_then(Value::as_str)
        {
            self.turned = Some(bar.to_owned());
        }
        match event.kind {
            EventKind::Fill => self.fills.push(tell::heard(event)),
            EventKind::Order => self.ends.extend(tell::end_of(event)),
            EventKind::Warning => {
                let notes = event.facts.get("notes").and_then(Value::as_array);
                let notes = notes.into_iter().flatten().filter_map(Value::as_str);
                self.noted.extend(notes.map(str::to_owned));
            }
            EventKind::State => {
                self.agree(event);
                if let Some(back) = event.facts.get("back") {
                    self.go_back(back);
                }
                let to = event.facts.get("to").and_then(Value::as_str);
                if let Some(state) = to.and_then(State::named) {
                    self.come_to(state);
                }
            }
            EventKind::Command => {
                // What was refused, and a new beginning, are nothing to obey.
                let Some(command) = event.facts.get("command") else { return };
                let command = serde_json::from_value(command.clone()).ok();
                let after = event.facts.get("after").and_then(Value::as_str);
                let after = after.and_then(|time| DateTime::parse_from_rfc3339(time).ok());
                let by = event.facts.get("by").and_then(Value::as_str).unwrap_or_default();
                match command {
                    Some(command) => self.give(Given {
                        at: event.time,
                        by: by.to_owned(),
                        after: after.map(|time| time.timestamp_micros()),
                        command,
                    }),
                    None => {
                        self.broken = Some("its journal has a command that nobody knows".into())
                    }
                }
            }
            EventKind::Check => {
                self.agree(event);
                let failed = event.facts.get("passed") == Some(&false.into());
                let failed = failed.then(|| event.message.clone());
                match event.facts.get("name").and_then(Value::as_str) {
                    Some(TERMS) => self.refused = failed,
                    Some(DATA) => self.unfit = failed,
                    Some(BARS) => self.waits = failed,
                    _ => {}
                }
                if let Some(accepted) = event.facts.get("accepted") {
                    (self.accepted, self.retold) = (accepted.as_u64(), false);
                }
                if let Some(past) = event.facts.get("past") {
                    self.tell_on(past);
                }
            }
            EventKind::Checkpoint => {
                self.accepted = None;
                let number = event.facts.get("number").and_then(Value::as_u64);
                self.kept = number.unwrap_or(self.kept);
                let bars = event.metrics.get("bars").and_then(Value::as_u64);
                self.kept_bars = bars.map_or(self.kept_bars, |bars| bars as usize);
            }
            _ => {}
        }
    }

    /// It is in `state` now.
    pub(super) fn come_to(&mut self, state: State) {
        self.paused = match state {
            State::Paused => true,
            State::Active => false,
            _ => self.paused,
        };
        self.state = Some(state);
    }

    /// Take in a command that it obeys.
    pub(super) fn give(&mut self, given: Given) {
        self.paused = match given.command {
            Command::Pause => true,
            Command::Resume => false,
            _ => self.paused,
        };
        self.given.push(given);
    }

    /// Take in the terms of an event, if it has some.
    fn agree(&mut self, event: &Event) {
        if let Some(terms) = event.facts.get("terms") {
            self.terms = serde_json::from_value(terms.clone()).ok();
            self.opened.get_or_insert(event.time);
        }
    }

    /// The account has another past than the one that was told, as somebody accepted.
    fn tell_on(&mut self, past: &Value) {
        let Ok(past) = serde_json::from_value::<Past>(past.clone()) else {
            self.broken = Some("its journal tells of a past that nobody knows".into());
            return;
        };
        self.fills = vec![String::new(); past.told.fills];
        (self.told, self.ends, self.retold) = (past.told, past.ends, true);
    }

    /// What came after a checkpoint is undone.
    fn go_back(&mut self, back: &Value) {
        let Ok(back) = serde_json::from_value::<Back>(back.clone()) else {
            self.broken = Some("its journal goes back to a checkpoint that nobody knows".into());
            return;
        };
        self.told = back.told;
        self.fills.truncate(self.told.fills);
        self.ends.truncate(self.told.ends);
        self.given.truncate(back.commands);
        self.turned = self.turned.take().min(back.last);
        (self.kept, self.kept_bars, self.accepted) = (back.checkpoint, 0, None);
    }

    /// Compare its files with its last checkpoint.
    fn check_files(&mut self) {
        if self.accepted.is_none() {
            let gone = (self.newest < self.kept).then(|| "the checkpoint is gone".to_owned());
            self.differs = self.damaged.clone().or(gone);
        }
        let (Some(terms), Some(checkpoint), None) = (&self.terms, &self.checkpoint, &self.differs)
        else {
            return;
        };
        if self.accepted != Some(checkpoint.number) {
            let instructions = self.instructions();
            self.differs = checkpoint.differs_in_files(terms, &self.bars, &instructions);
        }
    }

    /// What is said of an account that is not what its checkpoint says.
    pub(super) fn unlike(&self, fact: &str) -> String {
        let name = &self.name;
        let number = self.last_checkpoint();
        format!(
            "the account is not what it was at checkpoint {number}: {fact}; restore its files from a copy{}, or go on as it is now with `papertape paper recover {name} --accept`",
            self.way_back()
        )
    }

    /// The number of its last checkpoint, whether it is there or not; 0 before the first.
    pub fn last_checkpoint(&self) -> u64 {
        self.newest.max(self.kept)
    }

    /// How many of the bars that it had seen at its last checkpoint it lacks, if these are `further` ones.
    pub(super) fn lacks(&self, further: &[Bars]) -> usize {
        let known = self.checkpoint.as_ref();
        let last = known.and_then(|known| known.last).map(|last| last.timestamp_micros());
        let last = last.unwrap_or(i64::MAX);
        let until = |bars: &Bars| bars.time.partition_point(|time| *time <= last);
        let count: usize = self.bars.iter().chain(further).map(until).sum();
        known.map_or(self.kept_bars, |known| known.bars).saturating_sub(count)
    }

    /// Whether its own bars are gone or damaged, all of them or some.
    pub fn lost_bars(&self) -> bool {
        self.unread.is_some() || self.lacks(&[]) > 0
    }

    /// That it can go back to a checkpoint, if it can.
    fn way_back(&self) -> String {
        let name = &self.name;
        match self.stuck {
            true => String::new(),
            false => format!(
                ", go back to a checkpoint with `papertape paper recover {name} --to WHICH`"
            ),
        }
    }

    /// The last checkpoint, if the account is held against it.
    pub(super) fn held_against(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref().filter(|known| self.accepted != Some(known.number))
    }

    /// Where it stood last, as far as it was written down.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref()
    }

    /// What of its history, walked over again, is not what its last checkpoint says.
    pub fn differs_from_checkpoint(&self, kept: &Kept<'_>) -> Option<String> {
        self.held_against()?.differs_in_history(&self.fills, kept)
    }

    /// What of its files is wrong; `None` if they are what they were.
    pub fn wrong(&self) -> Option<String> {
        let (name, back) = (&self.name, self.way_back());
        let differs = || self.differs.as_ref().map(|fact| self.unlike(fact));
        let Some(fact) = self.broken.as_ref().or(self.unread.as_ref()) else { return differs() };
        let again = match &self.broken {
            Some(_) => String::new(),
            None => format!(
                ", take its bars from their source again with `papertape paper recover {name} --accept`"
            ),
        };
        Some(format!(
            "{fact}; restore its files from a copy{back}{again}, or begin anew with `papertape paper restart {name}`"
        ))
    }

    /// Its name, which is that of its session.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was agreed when it was opened; `None` if it was not yet.
    pub fn terms(&self) -> Option<&Terms> {
        self.terms.as_ref()
    }

    /// How it is, as far as its journal tells.
    pub fn state(&self) -> Option<State> {
        self.state
    }

    /// The numbers of the orders that wait for approval, as far as its last walk tells.
    pub fn unapproved(&self) -> &[usize] {
        &self.unapproved
    }

    /// The commands that it was given, in order.
    pub fn given(&self) -> &[Given] {
        &self.given
    }

    /// The bars that it has seen.
    pub fn bars(&self) -> &[Bars] {
        &self.bars
    }

    /// What of its files is not what its last checkpoint says; `None` if they are as it says, or damaged.
    pub fn differs(&self) -> Option<&str> {
        self.differs.as_deref()
    }

    /// When its last bar opened; microseconds since 1970.
    pub fn last_bar(&self) -> Option<i64> {
        self.bars.iter().filter_map(|bars| bars.time.last()).max().copied()
    }

    /// What it was told, as the plan takes it. Commands that mean nothing were refused when given.
    pub fn instructions(&self) -> Vec<Instruction> {
        let Some(terms) = &self.terms else { return Vec::new() };
        let meant = |given: &Given| {
            Some(Instruction { after: given.after, what: given.command.meant(terms).ok()? })
        };
        self.given.iter().filter_map(meant).collect()
    }

    /// The values of its parameters now.
    pub fn params(&self) -> Vec<Scalar> {
        let mut values = self.terms.as_ref().map(Terms::values).unwrap_or_default();
        for Instruction { what, .. } in self.instructions() {
            if let What::Param { param, value } = what {
                values[param] = value;
            }
        }
        values
    }

    /// Whether anything may be done with it: not if its files are not what they were, or if the
    /// session is not what was agreed.
    pub(super) fn may_go_on(&self, base: &Base) -> Result<(), Refused> {
        if let Some(fact) = self.wrong() {
            return Err(Refused::Damaged(fact));
        }
        let Some(terms) = &self.terms else { return Ok(()) };
        let differences = terms.differences(base, &self.params());
        let matters = |difference: &String| {
            ["`strategy`", "`data.", "`range.", "`params."]
                .iter()
                .any(|key| difference.starts_with(key))
        };
        match differences.iter().any(matters) {
            // Whoever mends one key is not told of the next one then.
            true => Err(Refused::Changed(self.changed(&differences))),
            false => Ok(()),
        }
    }

    /// The source that `data` describes, read with the length of bars that the account was opened with, where
    /// another one was guessed for `source`, of which there may be a few bars only.
    pub(super) fn own_source(
        &self,
        data: &DataSettings,
        source: &DataSet,
    ) -> Result<Option<Arc<DataSet>>, Refused> {
        let Some(terms) = &self.terms else { return Ok(None) };
        let settings = terms.reads(data);
        let is_as_guessed = |(symbol, length): (&String, &i64)| {
            let is_guessed = source.verdict(symbol).is_some_and(|it| it.broken.is_none());
            let bars = source.symbol(symbol).filter(|_| is_guessed);
            bars.is_some_and(|bars| bars.clock.timeframe == *length)
        };
        let mut all = terms.all_symbols().zip(&terms.timeframes);
        if settings == *data || all.all(is_as_guessed) {
            return Ok(None);
        }
        let read = market::load(&settings).map_err(|error| Refused::Unfit(error.to_string()))?;
        Ok(Some(Arc::new(read)))
    }

    fn changed(&self, differences: &[String]) -> String {
        let name = &self.name;
        let only_params = differences.iter().all(|it| it.starts_with("`params."));
        let way = match only_params {
            true => format!("change it by `papertape paper adjust {name} --param NAME=VALUE`, "),
            false => String::new(),
        };
        format!(
            "the manifest is no longer what the account was opened with: {}; change it back, {way}or begin anew with `papertape paper restart {name}`",
            differences.join(", ")
        )
    }

    /// A session as the account goes on with it: its symbols, its first day, its parameters.
    pub fn session(&self, base: &Base) -> Result<Session, String> {
        let Some(terms) = &self.terms else { return Err("the account is not open yet".into()) };
        let mut session = Session { symbols: Some(terms.symbols.clone()), ..base.session.clone() };
        session.range.from = terms.from;
        session.params = terms.values();
        Ok(session)
    }

    /// Let session number `index` of a plan run on the account's bars with its commands.
    pub fn put(&self, prepared: &mut Prepared, index: usize, base: &Base) -> Result<(), String> {
        let session = self.session(base)?;
        let data = self.data(&session, self.bars.clone(), prepared)?;
        prepared.put(index, session, Arc::new(data), &self.instructions())?;
        let job = prepared.jobs.iter().find(|job| job.index == index);
        match job.map(|job| &job.work) {
            Some(Ok(work)) => self.compare(base, work),
            _ => Ok(()),
        }
    }

    /// Whether the rules and settings of a session are those that were agreed.
    pub(super) fn compare(&self, base: &Base, work: &Work) -> Result<(), String> {
        let Some(terms) = &self.terms else { return Ok(()) };
        if terms.are_of(work) {
            return Ok(());
        }
        let found = terms.differences(base, &self.params());
        Err(if found.is_empty() { self.reads_otherwise() } else { self.changed(&found) })
    }

    /// What is said where the manifest is what it was and this program makes something else of it.
    fn reads_otherwise(&self) -> String {
        let name = &self.name;
        let engine = match self.checkpoint.as_ref().map(|known| known.engine) {
            Some(engine) if engine != ENGINE => {
                format!("; the engine was {engine} and is {ENGINE}")
            }
            _ => String::new(),
        };
        format!(
            "this version of papertape reads more into the manifest than the one before{engine}; go on as it is read now with `papertape paper recover {name} --accept`, or begin anew with `papertape paper restart {name}`"
        )
    }

    /// `bars`, such as those that it has seen, as a data set of all its symbols.
    pub fn data(
        &self,
        session: &Session,
        bars: Vec<Bars>,
        prepared: &Prepared,
    ) -> Result<DataSet, String> {
        let Some(terms) = &self.terms else { return Err("the account is not open yet".into()) };
        let mut all = Vec::new();
        for (symbol, timeframe) in terms.all_symbols().zip(&terms.timeframes) {
            let seen = bars.iter().find(|bars| bars.symbol == *symbol);
            let mut bars = seen.cloned().unwrap_or_else(|| empty(symbol, terms));
            bars.clock = Clock { timeframe: *timeframe, zone: Zone::utc() };
            for (extra, (_, boolean)) in bars.extra.iter_mut().zip(&terms.columns) {
                extra.boolean = *boolean;
            }
            all.push(bars);
        }
        let verdicts = prepared.verdicts_of(&session.data);
        let wanted = |verdict: &&Verdict| {
            !verdict.refuses() && terms.all_symbols().any(|it| *it == verdict.symbol)
        };
        let verdicts = verdicts.iter().filter(wanted).cloned().collect();
        market::kept(&session.data, all, verdicts).map_err(|error| error.to_string())
    }

    /// When it was opened.
    pub fn opened(&self) -> Option<DateTime<Utc>> {
        self.opened
    }
}

/// A symbol that has no bars yet.
fn empty(symbol: &str, terms: &Terms) -> Bars {
    let none: Cut<f64> = Vec::new().into();
    let extra = terms.columns.iter().map(|(name, boolean)| crate::bars::Extra {
        name: name.clone(),
        boolean: *boolean,
        values: none.clone(),
    });
    Bars {
        symbol: symbol.to_owned(),
        time: Vec::new().into(),
        open: none.clone(),
        high: none.clone(),
        low: none.clone(),
        close: none.clone(),
        volume: none.clone(),
        extra: extra.collect(),
        actions: Arc::new([]),
        clock: Clock::utc(crate::bars::DAY),
    }
}
