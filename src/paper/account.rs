//! One paper account, from its files to its files.
//!
//! ```text
//! open -> take (new bars of the source) -> put (bars and commands as a session of the plan)
//!      -> [the batch walks] -> settle (what is new in the outcome goes to the journal)
//! ```

use super::checkpoint::Checkpoint;
use super::command::Command;
use super::life::{Cause, State};
use super::state::{is_killed, state};
use super::take::{self, At};
use super::terms::Terms;
use super::views;
use crate::bars::{Bars, Clock, Zone};
use crate::batch::kept::{Kept, stamp};
use crate::diag::counted;
use crate::engine::settings::Span;
use crate::expr::Scalar;
use crate::manifest::Session;
use crate::market::{self, DataSet, Verdict};
use crate::plan::{Base, Instruction, Prepared, What, Work, hex};
use crate::store::{AccountDirectory, Event, EventKind, Holder, Level, Store, StoreError};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;

/// The phase of events that happened on bars.
const BARS: &str = "bars";
/// So many cases of a kind are named in a message.
const NAMED: usize = 3;

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

/// A paper account, held by this process.
#[derive(Debug)]
pub struct Account {
    directory: AccountDirectory,
    name: String,
    terms: Option<Terms>,
    opened: Option<DateTime<Utc>>,
    bars: Vec<Bars>,
    given: Vec<Given>,
    /// How many fills, orders and other happenings its journal tells.
    told: [usize; 3],
    /// What was told of bars of the source, so that it is told once.
    noted: HashSet<String>,
    /// The commands that were answered, by their ids.
    answered: HashSet<String>,
    state: Option<State>,
    checkpoint: Option<Checkpoint>,
    /// Bars came since it was settled.
    fresh: bool,
    /// Checkpoints are written every `paper.checkpoint_every`, and not each time.
    paced: bool,
    /// What is wrong with its files, if anything is: nothing may be done with it.
    broken: Option<String>,
}

/// What an advance came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// How many bars of its range it has walked over.
    pub bars: usize,
    /// How many fills are new.
    pub fills: usize,
    /// How it is now.
    pub state: State,
    /// Whether anything was written.
    pub changed: bool,
}

impl Account {
    /// Open the account of `session`; a new one has no terms yet. `holder` is what others are told
    /// meanwhile.
    pub fn open(store: &Store, session: &str, holder: &Holder) -> Result<Self, StoreError> {
        let directory = store.open_account(session, holder)?;
        let reader = directory.reader();
        let (events, damaged) = reader.journal();
        let mut broken = damaged.first().map(|error| format!("its journal is damaged: {error}"));
        let bars = reader.bars().unwrap_or_else(|error| {
            broken.get_or_insert_with(|| format!("its own bars cannot be read: {error}"));
            Vec::new()
        });
        let checkpoint = match reader.checkpoints()?.last() {
            Some(&newest) => {
                let text = reader.checkpoint(newest)?.unwrap_or_default();
                let read = serde_json::from_slice(&text);
                read.map_err(|error| {
                    broken.get_or_insert_with(|| format!("checkpoint {newest} is damaged: {error}"))
                })
                .ok()
            }
            None => None,
        };
        let mut account = Self {
            directory,
            name: session.to_owned(),
            terms: None,
            opened: None,
            bars,
            given: Vec::new(),
            told: [0; 3],
            noted: HashSet::new(),
            answered: HashSet::new(),
            state: None,
            checkpoint,
            fresh: false,
            paced: false,
            broken,
        };
        events.iter().for_each(|event| account.hear(event));
        account.check_files();
        Ok(account)
    }

    /// Take in a line of its own journal.
    fn hear(&mut self, event: &Event) {
        if let Some(id) = event.facts.get("id").and_then(Value::as_str) {
            self.answered.insert(id.to_owned());
        }
        match event.kind {
            EventKind::Fill => self.told[0] += 1,
            EventKind::Order => self.told[1] += 1,
            EventKind::Risk => self.told[2] += 1,
            EventKind::Warning => {
                let notes = event.facts.get("notes").and_then(Value::as_array);
                let notes = notes.into_iter().flatten().filter_map(Value::as_str);
                self.noted.extend(notes.map(str::to_owned));
            }
            EventKind::State => {
                if let Some(terms) = event.facts.get("terms") {
                    self.terms = serde_json::from_value(terms.clone()).ok();
                    self.opened = Some(event.time);
                }
                let to = event.facts.get("to").and_then(Value::as_str);
                self.state = to.and_then(State::named).or(self.state);
            }
            EventKind::Command => {
                let command = event.facts.get("command");
                let command = command.and_then(|it| serde_json::from_value(it.clone()).ok());
                let after = event.facts.get("after").and_then(Value::as_str);
                let after = after.and_then(|time| DateTime::parse_from_rfc3339(time).ok());
                let by = event.facts.get("by").and_then(Value::as_str).unwrap_or_default();
                match command {
                    Some(command) => self.given.push(Given {
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
            _ => {}
        }
    }

    /// Compare its files with its last checkpoint.
    fn check_files(&mut self) {
        let (Some(terms), Some(checkpoint), None) = (&self.terms, &self.checkpoint, &self.broken)
        else {
            return;
        };
        let differs = checkpoint.differs_in_files(terms, &self.bars, &self.instructions());
        let number = checkpoint.number;
        self.broken = differs.map(|fact| self.unlike(number, &fact));
    }

    /// What is said of an account that is not what its checkpoint says.
    fn unlike(&self, number: u64, fact: &str) -> String {
        let name = &self.name;
        format!(
            "the account is not what it was at checkpoint {number}: {fact}; restore its files from a copy, or begin anew with `papertape paper restart {name}`"
        )
    }

    /// Its name, which is that of its session.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its directory.
    pub fn directory(&self) -> &AccountDirectory {
        &self.directory
    }

    /// What was agreed when it was opened; `None` if it was not yet.
    pub fn terms(&self) -> Option<&Terms> {
        self.terms.as_ref()
    }

    /// How it is, as far as its journal tells.
    pub fn state(&self) -> Option<State> {
        self.state
    }

    /// The commands that it was given, in order.
    pub fn given(&self) -> &[Given] {
        &self.given
    }

    /// The bars that it has seen.
    pub fn bars(&self) -> &[Bars] {
        &self.bars
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

    /// Give it the command `id`, which takes effect after the last bar that it has seen; why it does not
    /// take it otherwise. Either is in its journal, under that id.
    pub fn give(
        &mut self,
        by: &str,
        id: &str,
        command: Command,
    ) -> Result<Result<(), String>, StoreError> {
        let at = Utc::now();
        self.answered.insert(id.to_owned());
        if let Err(fact) = self.takes(&command) {
            let message = format!("{command}: refused: {fact}");
            let event = Event::new(at, EventKind::Warning, message).session(&*self.name);
            let event = event.fact("id", id).fact("by", by).fact("refused", &*fact);
            self.directory.tell(&[event])?;
            return Ok(Err(fact));
        }
        let after = self.last_bar();
        let event = Event::new(at, EventKind::Command, command.to_string())
            .session(&*self.name)
            .fact("command", serde_json::to_value(&command).expect("commands are plain values"))
            .fact("id", id)
            .fact("by", by)
            .fact("after", after.map(stamp));
        self.directory.tell(&[event])?;
        self.given.push(Given { at, by: by.to_owned(), after, command });
        Ok(Ok(()))
    }

    /// Why a command means nothing to the account, or is not possible as it is now.
    fn takes(&self, command: &Command) -> Result<(), String> {
        let Some(terms) = &self.terms else {
            return Err(format!("account `{}` is not open yet", self.name));
        };
        if let Some(fact) = &self.broken {
            return Err(fact.clone());
        }
        command.meant(terms)?;
        let state = self.state.unwrap_or(State::Active);
        let cause = match command {
            Command::Pause => Cause::Pause,
            Command::Resume => Cause::Resume,
            Command::Stop => Cause::Stop,
            Command::Kill => Cause::Kill,
            _ if state.takes_orders() => return Ok(()),
            _ => {
                return Err(format!(
                    "this is not possible while the account is {state}; it takes no orders any more"
                ));
            }
        };
        state.after(cause).map(drop).map_err(|impossible| impossible.to_string())
    }

    /// Whether the command `id` was answered before.
    pub fn has_answered(&self, id: &str) -> bool {
        self.answered.contains(id)
    }

    /// Write into its journal.
    pub fn tell(&mut self, events: &[Event]) -> Result<(), StoreError> {
        self.directory.tell(events)
    }

    /// Bring it into the state that `cause` leads to, and say why.
    pub fn turn(&mut self, cause: Cause, reason: &str) -> Result<(), StoreError> {
        let from = self.state.unwrap_or(State::Initializing);
        if let Ok(to) = from.after(cause) {
            let event = self.changed_to(from, to, cause, reason);
            self.directory.tell(&[event])?;
            self.state = Some(to);
        }
        Ok(())
    }

    /// Put it aside under a name with `stamp`, so that another can be opened; the new name.
    pub fn put_aside(mut self, by: &str, stamp: &str) -> Result<String, StoreError> {
        let from = self.state.unwrap_or(State::Initializing);
        let event = self.changed_to(from, State::Initializing, Cause::Restart, by);
        self.directory.tell(&[event])?;
        self.directory.put_aside(stamp)
    }

    /// Whether anything may be done with it: not if its files are not what they were, or if the
    /// session is not what was agreed.
    fn may_go_on(&self, base: &Base) -> Result<(), String> {
        if let Some(fact) = &self.broken {
            return Err(fact.clone());
        }
        let Some(terms) = &self.terms else { return Ok(()) };
        let differences = terms.differences(base, &self.params());
        let matters = |difference: &&String| {
            ["`strategy`", "`data.", "`range.", "`params."]
                .iter()
                .any(|key| difference.starts_with(key))
        };
        let found: Vec<String> = differences.iter().filter(matters).cloned().collect();
        if found.is_empty() { Ok(()) } else { Err(self.changed(&found)) }
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

    /// Take the bars of `source` that are new at `now`, microseconds since 1970. A new account is
    /// opened with the session as `work` has it.
    pub fn take(
        &mut self,
        base: &Base,
        source: &DataSet,
        work: Option<&Work>,
        now: i64,
    ) -> Result<usize, Refused> {
        self.may_go_on(base).map_err(Refused::Account)?;
        if let Some(work) = work {
            self.compare(base, work).map_err(Refused::Account)?;
        }
        if self.state.is_some_and(State::is_over) {
            return Ok(0);
        }
        if self.terms.is_none() {
            let work = work.ok_or_else(|| Refused::Account("its data cannot be used".into()))?;
            self.begin(Terms::of(base, work))?;
        }
        let terms = self.terms.as_ref().expect("it was just opened");
        let news = take::news(terms, &base.session, &self.bars, source, now);
        let news = news.map_err(Refused::Account)?;
        if let Some(first) = news.revised.first()
            && base.session.paper.stops_if_revised
        {
            let more = match news.revised.len() - 1 {
                0 => String::new(),
                more => format!(", and {} more", counted(more, "value")),
            };
            return Err(Refused::Account(format!(
                "bars that the account has seen were revised: {first}{more}; restore the file, set `paper.on_revised = \"mark\"`, or begin anew with `papertape paper restart {}`",
                self.name
            )));
        }
        let revised = news.revised.iter().map(|it| format!("revised: {it}"));
        let at =
            |what: &str, (symbol, time): &At| format!("{what}: `{symbol}`, bar {}", stamp(*time));
        let late = news.late.iter().map(|it| at("late, left out", it));
        let stale = news.stale.iter().map(|it| at("no bar since", it));
        let notes: Vec<String> = revised.chain(late).chain(stale).collect();
        self.note(notes)?;
        if news.bars.is_empty() {
            return Ok(0);
        }
        self.directory.add_bars(&news.bars)?;
        self.fresh = true;
        for piece in &news.bars {
            match self.bars.iter_mut().find(|known| known.symbol == piece.symbol) {
                Some(known) => {
                    *known = known.followed_by(piece).expect("new bars come after those seen");
                }
                None => self.bars.push(piece.clone()),
            }
        }
        Ok(news.bars.iter().map(Bars::len).sum())
    }

    /// Open the account.
    fn begin(&mut self, terms: Terms) -> Result<(), StoreError> {
        let now = Utc::now();
        let facts = serde_json::to_value(&terms).expect("terms are plain values");
        let symbols = terms.symbols.join(", ");
        let event = Event::new(now, EventKind::State, format!("opened, to trade {symbols}"))
            .session(&*self.name)
            .metric("capital", terms.capital)
            .fact("from", Value::Null)
            .fact("to", State::Initializing.word())
            .fact("reason", "opened")
            .fact("terms", facts);
        self.directory.tell(&[event])?;
        (self.terms, self.opened) = (Some(terms), Some(now));
        self.state = Some(State::Initializing);
        Ok(())
    }

    /// Write down what is odd about the bars of the source, once.
    fn note(&mut self, mut notes: Vec<String>) -> Result<(), StoreError> {
        notes.retain(|note| !self.noted.contains(note));
        if notes.is_empty() {
            return Ok(());
        }
        let named = notes.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
        let more = notes.len().saturating_sub(NAMED);
        let message = if more > 0 { format!("{named}; and {more} more") } else { named };
        let event = Event::new(Utc::now(), EventKind::Warning, message).session(&*self.name);
        self.directory.tell(&[event.fact("notes", json!(notes))])?;
        self.noted.extend(notes);
        Ok(())
    }

    /// Let session number `index` of a plan run on the account's bars with its commands.
    pub fn put(&self, prepared: &mut Prepared, index: usize, base: &Base) -> Result<(), String> {
        let Some(terms) = &self.terms else { return Err("the account is not open yet".into()) };
        let mut session = Session { symbols: Some(terms.symbols.clone()), ..base.session.clone() };
        session.range.from = terms.from;
        session.params = terms.values();
        let data = self.data(&session, prepared).map_err(|error| error.to_string())?;
        prepared.put(index, session, Arc::new(data), &self.instructions())?;
        let job = prepared.jobs.iter().find(|job| job.index == index);
        match job.map(|job| &job.work) {
            Some(Ok(work)) => self.compare(base, work),
            _ => Ok(()),
        }
    }

    /// Whether the rules and settings of a session are those that were agreed.
    fn compare(&self, base: &Base, work: &Work) -> Result<(), String> {
        let Some(terms) = &self.terms else { return Ok(()) };
        let (rules, settings) = work.variant.digests();
        if hex(&rules, 64) != terms.rules || hex(&settings, 64) != terms.settings {
            let mut found = terms.differences(base, &self.params());
            if found.is_empty() {
                found.push("its strategy reads otherwise".into());
            }
            return Err(self.changed(&found));
        }
        Ok(())
    }

    /// The bars that it has seen, as a data set.
    fn data(&self, session: &Session, prepared: &Prepared) -> Result<DataSet, market::DataError> {
        let terms = self.terms.as_ref().expect("only an open account has data");
        let mut all = Vec::new();
        for (symbol, timeframe) in terms.all_symbols().zip(&terms.timeframes) {
            let seen = self.bars.iter().find(|bars| bars.symbol == *symbol);
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
        market::kept(&session.data, all, verdicts.iter().filter(wanted).cloned().collect())
    }

    /// Take note of what came of the walk over its bars: compare it with what was told, tell what is
    /// new, and write views and a checkpoint. Why it cannot go on, otherwise; nothing is told then.
    pub fn settle(&mut self, kept: &Kept<'_>) -> Result<Settled, Refused> {
        if let Some(checkpoint) = &self.checkpoint
            && let Some(fact) = checkpoint.differs_in_history(kept)
        {
            return Err(Refused::Account(self.unlike(checkpoint.number, &fact)));
        }
        let outcome = kept.outcome;
        let lengths = [outcome.fills.len(), outcome.orders.len(), outcome.events.len()];
        if self.told.iter().zip(lengths).any(|(told, now)| *told > now) {
            let fact = format!(
                "its journal tells of {} fills, {} orders and {} events, and there are {lengths:?}",
                self.told[0], self.told[1], self.told[2]
            );
            return Err(Refused::Account(self.unlike(0, &fact)));
        }
        let before = self.state.unwrap_or(State::Initializing);
        let after = match state(&self.given, kept) {
            // What was suspended waits for bars, whatever it is told.
            State::Active | State::Paused if before == State::Suspended && !self.fresh => before,
            after => after,
        };
        self.fresh = false;
        let mut events = self.news(kept);
        let fills = lengths[0] - self.told[0];
        events.extend(self.changes(before, after));
        let number = self.checkpoint.as_ref().map_or(0, |known| known.number) + 1;
        let terms = self.terms.as_ref().expect("only an open account is walked over");
        let checkpoint = Checkpoint::of(number, terms, &self.bars, &self.instructions(), kept);
        let is_new = self.checkpoint.as_ref().is_none_or(|known| !known.is_at(&checkpoint));
        let changed = is_new || !events.is_empty();
        if changed {
            self.directory.tell(&events)?;
            (self.told, self.state) = (lengths, Some(after));
            for (name, bytes) in views::all(self, kept, &checkpoint) {
                self.directory.write_view(name, &bytes)?;
            }
            if !self.paced || self.is_due(&checkpoint, kept) {
                self.keep(checkpoint, kept)?;
            }
        }
        Ok(Settled { bars: kept.frame().len(), fills, state: after, changed })
    }

    /// Let `paper.checkpoint_every` lie between two checkpoints, or write one each time.
    pub fn pace_checkpoints(&mut self, paced: bool) {
        self.paced = paced;
    }

    fn is_due(&self, checkpoint: &Checkpoint, kept: &Kept<'_>) -> bool {
        let Some(known) = &self.checkpoint else { return true };
        match kept.work.variant.session.paper.checkpoint_every {
            Span::Bars(bars) => checkpoint.walked >= known.walked + bars,
            Span::Time(time) => match (known.last, checkpoint.last) {
                (Some(then), Some(now)) => {
                    (now - then).num_microseconds().is_none_or(|it| it >= time)
                }
                _ => true,
            },
        }
    }

    /// Write a checkpoint and thin the older ones.
    fn keep(&mut self, checkpoint: Checkpoint, kept: &Kept<'_>) -> Result<(), StoreError> {
        let text = serde_json::to_vec_pretty(&checkpoint).expect("a checkpoint is plain values");
        self.directory.write_checkpoint(checkpoint.number, &text)?;
        let most = kept.work.variant.session.paper.keep_checkpoints;
        for number in super::thin::superfluous(&self.directory.reader().checkpoints()?, most) {
            self.directory.remove_checkpoint(number)?;
        }
        let event = Event::new(
            Utc::now(),
            EventKind::Checkpoint,
            format!("checkpoint {}", checkpoint.number),
        )
        .session(&*self.name)
        .metric("equity", checkpoint.equity)
        .count("bars", checkpoint.bars)
        .fact("number", checkpoint.number);
        self.directory.tell(&[event])?;
        self.checkpoint = Some(checkpoint);
        Ok(())
    }

    /// The events of what the journal does not tell yet, in the order in which it happened.
    fn news(&self, kept: &Kept<'_>) -> Vec<Event> {
        let now = Utc::now();
        let event =
            |kind, message: String| Event::new(now, kind, message).session(&*self.name).phase(BARS);
        let mut all: Vec<(usize, u8, Event)> = Vec::new();
        let [fills, orders, risks] = self.told;
        for fill in &kept.outcome.fills[fills..] {
            let (word, symbol) =
                (if fill.units > 0.0 { "bought" } else { "sold" }, kept.symbol(fill.symbol));
            let message = format!("{word} {} {symbol} at {}", fill.units.abs(), fill.price);
            let late = u8::from(fill.moment == crate::engine::Moment::Close) * 2 + 1;
            let event = event(EventKind::Fill, message)
                .metric("units", fill.units)
                .metric("price", fill.price);
            let event = event.metric("commission", fill.commission).fact("symbol", symbol);
            all.push((fill.bar, late, event.fact("bar", kept.time(fill.bar))));
        }
        for order in &kept.outcome.orders[orders..] {
            let (symbol, what) = (kept.symbol(order.symbol), order.intent.words());
            let event = event(EventKind::Order, format!("{what} {symbol}, {}", order.kind.word()));
            all.push((
                order.bar,
                2,
                event.fact("symbol", symbol).fact("bar", kept.time(order.bar)),
            ));
        }
        for happened in &kept.outcome.events[risks..] {
            let (kind, facts) = kept.words(happened);
            let mut event = event(EventKind::Risk, format!("{kind} {facts}")).level(Level::Info);
            event = event.fact("what", kind).fact("bar", kept.time(happened.bar));
            if let Some(symbol) = happened.symbol {
                event = event.fact("symbol", kept.symbol(symbol));
            }
            all.push((happened.bar, 2, event));
        }
        all.sort_by_key(|(bar, moment, _)| (*bar, *moment));
        all.into_iter().map(|(_, _, event)| event).collect()
    }

    /// The events of a change of state, a step each.
    fn changes(&self, mut from: State, to: State) -> Vec<Event> {
        if from == to {
            return Vec::new();
        }
        let given = self.given.last().filter(|given| {
            let changes = [Command::Stop, Command::Kill, Command::Pause, Command::Resume];
            changes.contains(&given.command)
        });
        let reason = |cause: Cause| match (cause, given) {
            (Cause::Pause | Cause::Resume | Cause::Stop | Cause::Kill, Some(given)) => {
                format!("commanded by {}", given.by)
            }
            (Cause::Pause | Cause::Resume | Cause::Stop, None) => "by its rules".to_owned(),
            _ => cause.about().to_owned(),
        };
        let way = match is_killed(&self.given) && to == State::Closed {
            true => vec![(Cause::Kill, to)],
            false => from.way(to),
        };
        let step = |(cause, next): (Cause, State)| {
            let event = self.changed_to(from, next, cause, &reason(cause));
            from = next;
            event
        };
        way.into_iter().map(step).collect()
    }

    fn changed_to(&self, from: State, to: State, cause: Cause, reason: &str) -> Event {
        let level = match to {
            State::Suspended => Level::Warning,
            State::Error => Level::Error,
            _ => Level::Info,
        };
        Event::new(Utc::now(), EventKind::State, format!("{from} to {to}: {reason}"))
            .session(&*self.name)
            .level(level)
            .fact("from", from.word())
            .fact("to", to.word())
            .fact("cause", cause.word())
            .fact("reason", reason)
    }

    /// When it was opened.
    pub fn opened(&self) -> Option<DateTime<Utc>> {
        self.opened
    }
}

/// A symbol that has no bars yet.
fn empty(symbol: &str, terms: &Terms) -> Bars {
    let none: Arc<[f64]> = Arc::new([]);
    let extra = terms.columns.iter().map(|(name, boolean)| crate::bars::Extra {
        name: name.clone(),
        boolean: *boolean,
        values: none.clone(),
    });
    Bars {
        symbol: symbol.to_owned(),
        time: Arc::new([]),
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

/// Why an account was not advanced.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It may not go on, for this reason.
    #[error("{0}")]
    Account(String),
    /// Its files could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}
