//! One paper account, from its files to its files.
//!
//! ```text
//! open -> take (new bars of the source) -> put (bars and commands as a session of the plan)
//!      -> [the batch walks] -> settle (what is new in the outcome goes to the journal)
//! ```

use super::checkpoint::Checkpoint;
use super::history::{BARS, Back, DATA, History, Past, TERMS};
use super::life::{Cause, State};
use super::recover::Undone;
use super::state::{is_held, state};
use super::take::{self, At};
use super::tell::{self, Told};
use super::terms::Terms;
use super::views::{self, EquityView, SUMMARY};
use crate::bars::{Bars, duration};
use crate::batch::kept::{Kept, stamp};
use crate::diag::counted;
use crate::engine::settings::Span;
use crate::engine::{ENGINE, OrderStatus};
use crate::manifest::data::Check;
use crate::manifest::{DataSettings, Policy};
use crate::market::{Case, DataSet, Fact, FileRead};
use crate::plan::{Base, Work};
use crate::store::{
    ACCOUNT_FILE, AccountDirectory, Event, EventKind, Holder, Level, Restore, Store, StoreError,
};
use chrono::{NaiveDate, Utc};
use serde_json::json;
use std::collections::BTreeMap;
use std::ops::Deref;

/// So many cases of a kind are named in a message.
const NAMED: usize = 3;

/// Of so few bars nobody knows how long they are: there may be a holiday between them.
const FEW: usize = 5;

/// A paper account, held by this process: its history, and the right to add to it.
#[derive(Debug)]
pub struct Account {
    pub(super) directory: AccountDirectory,
    pub(super) history: History,
    /// Bars came since it was settled.
    fresh: bool,
    /// Warnings of its journal that nobody was shown yet.
    unsaid: Vec<String>,
    /// The symbols for which it waits, each with its last bar.
    waits: Vec<At>,
    /// The last day of its range, if there are later bars.
    ended: Option<NaiveDate>,
    /// Checkpoints are written every `paper.checkpoint_every`, and not each time.
    paced: bool,
    equity: EquityView,
}

impl Deref for Account {
    type Target = History;

    fn deref(&self) -> &History {
        &self.history
    }
}

/// What an advance came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// How many bars of its range it has walked over.
    pub bars: usize,
    /// How many fills are new.
    pub fills: usize,
    /// The numbers of the orders that began to wait for approval.
    pub waiting: Vec<usize>,
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
        let history = History::read(directory.reader())?;
        Ok(Self {
            directory,
            history,
            fresh: false,
            unsaid: Vec::new(),
            waits: Vec::new(),
            ended: None,
            paced: false,
            equity: EquityView::default(),
        })
    }

    /// Its directory.
    pub fn directory(&self) -> &AccountDirectory {
        &self.directory
    }

    /// Let its views show the state that it is in.
    pub(super) fn show_state(&mut self) -> Result<(), StoreError> {
        self.bring_up_to_date(&[ACCOUNT_FILE, SUMMARY])
    }

    /// Let its summary show how long it has been running.
    pub(super) fn show_time(&mut self) -> Result<(), StoreError> {
        self.bring_up_to_date(&[SUMMARY])
    }

    fn bring_up_to_date(&mut self, names: &[&str]) -> Result<(), StoreError> {
        // Whoever opens it writes them in a moment.
        let state = self.state.filter(|state| *state != State::Initializing);
        let Some(state) = state else { return Ok(()) };
        let mut summarized = false;
        for &name in names {
            let mut view = views::view(self.directory.reader(), name)?;
            if view.is_object() {
                views::turn(&mut view, state);
                self.directory.write_view(name, &views::text(&view))?;
                summarized = true;
            }
        }
        let events = summarized.then(|| tell::summarized(&self.name));
        self.directory.tell(events.as_slice())
    }

    /// Write into its journal.
    pub fn tell(&mut self, events: &[Event]) -> Result<(), StoreError> {
        self.directory.tell(events)
    }

    /// What its journal warns of since this was asked last.
    pub fn unsaid(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unsaid)
    }

    /// Bring it into the state that `cause` leads to, and say why.
    pub fn turn(&mut self, cause: Cause, reason: &str) -> Result<(), StoreError> {
        let from = self.state.unwrap_or(State::Initializing);
        if let Ok(to) = from.after(cause) {
            let event = tell::turned(&self.name, from, to, cause, reason);
            self.directory.tell(&[event])?;
            self.history.come_to(to);
            self.show_state()?;
        }
        Ok(())
    }

    /// Bring it into the state that tells whoever looks what `refused` it, if it can come to that, and write
    /// down why, as far as that can be written; nothing, if that was told last, or if the account is over.
    pub fn stop_for(&mut self, refused: &Refused, fact: &str) {
        let (cause, kind, to) = match refused {
            Refused::Damaged(_) | Refused::Store(_) => {
                (Cause::Failure, EventKind::Error, State::Error)
            }
            Refused::Unfit(_) => (Cause::Unfit, EventKind::Check, State::Suspended),
            Refused::Changed(_) => return self.stop_for_manifest(fact),
        };
        let from = self.state.unwrap_or(State::Initializing);
        // What is to be closed is not suspended, and what is in error stays so.
        let stays = from == to || from.after(cause).is_err();
        if from.is_over() || (stays && self.reason.as_deref() == Some(fact)) {
            return;
        }
        let event = Event::new(Utc::now(), kind, fact).session(&*self.name).fact("reason", fact);
        let event = match kind {
            EventKind::Check => {
                self.history.unfit = Some(fact.to_owned());
                event.level(Level::Warning).fact("name", DATA).fact("passed", false)
            }
            _ => event,
        };
        self.history.reason = Some(fact.to_owned());
        // Whatever keeps it from writing that is the next thing that somebody is told.
        let _ = self.directory.tell(&[event]).and_then(|()| self.turn(cause, fact));
    }

    /// Write down that the manifest is not what was agreed, which leaves the account as it is; nothing, if
    /// that was told last.
    fn stop_for_manifest(&mut self, fact: &str) {
        if self.refused.as_deref() != Some(fact) {
            self.history.refused = Some(fact.to_owned());
            // Whatever keeps it from writing that is the next thing that somebody is told.
            let level = Level::Warning;
            let _ = self.tell_of(TERMS, level, false, fact);
        }
    }

    /// Whether there are bars from after the end of its range.
    pub fn has_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// Write down why it takes none of the bars that there are, or that it does, and tell it; nothing, if that
    /// was told last.
    pub fn tell_waits(&mut self) -> Result<Option<String>, StoreError> {
        let last = |(symbol, last): &At| format!("`{symbol}`, whose last bar is {}", stamp(*last));
        let symbols: Vec<String> = self.waits.iter().map(last).collect();
        let fact = format!("waits for {}", symbols.join(", "));
        let waits = (!symbols.is_empty()).then_some(fact);
        let ended = |day| format!("its range ended on {day}: later bars are left out");
        let waits = self.ended.map(ended).or(waits);
        if waits == self.history.waits {
            return Ok(None);
        }
        let fact = waits.as_deref().unwrap_or("takes the bars that there are").to_owned();
        self.tell_of(BARS, Level::Info, waits.is_none(), &fact)?;
        self.history.waits = waits;
        Ok(Some(fact))
    }

    /// The symbols for which it waits, each with its last bar.
    pub fn waits(&self) -> &[At] {
        &self.waits
    }

    fn tell_of(
        &mut self,
        name: &str,
        level: Level,
        passed: bool,
        fact: &str,
    ) -> Result<(), StoreError> {
        let event = Event::new(Utc::now(), EventKind::Check, fact).session(&*self.name);
        let event = event.level(level).fact("name", name).fact("passed", passed);
        self.directory.tell(&[event])
    }

    /// Go on as it is now, whatever its last checkpoint says: `by` somebody. Where bars of its own are gone,
    /// those that are left are kept aside under the name `aside`, and the next run takes all of them from
    /// their source again: the directory in which they are, if there are some.
    pub fn accept(mut self, by: &str, aside: &str) -> Result<Option<String>, Refused> {
        if self.broken.is_some() {
            return Err(Refused::Damaged(self.wrong().unwrap_or_default()));
        }
        let number = self.last_checkpoint();
        if number == 0 {
            return Err(Refused::Changed("it has no checkpoint that it could differ from".into()));
        }
        let message = match self.differs() {
            Some(fact) => format!("{by} accepts that {fact}"),
            None => format!("{by} accepts what is other than at checkpoint {number}"),
        };
        let event = Event::new(Utc::now(), EventKind::Check, message).session(&*self.name);
        let event = event.level(Level::Warning).fact("name", "checkpoint").fact("passed", false);
        let event = event.fact("accepted", self.newest).fact("by", by);
        if !self.lost_bars() || !self.directory.reader().has_bars()? {
            self.directory.tell(&[event])?;
            return Ok(None);
        }
        let aside = self.directory.restore(&Restore {
            stamp: aside.to_owned(),
            checkpoint: number,
            last: None,
            events: vec![event.fact("aside", aside)],
            views: None,
        })?;
        Ok(Some(aside))
    }

    /// Go back to where `undone` leads: what it names is kept aside in the account's directory, which is
    /// told here.
    pub fn go_back(self, undone: &Undone, by: &str, aside: &str) -> Result<String, StoreError> {
        let from = self.state.unwrap_or(State::Initializing);
        let back = Back {
            checkpoint: undone.checkpoint.number,
            told: undone.checkpoint.told(),
            commands: undone.checkpoint.commands,
            last: undone.checkpoint.last.map(|last| stamp(last.timestamp_micros())),
        };
        let reason = format!(
            "{by} went back to checkpoint {}; {} undone",
            back.checkpoint,
            undone.words().join(", ")
        );
        let opening = State::Initializing;
        let event = tell::turned(&self.name, from, opening, Cause::Recover, &reason);
        let back = serde_json::to_value(&back).expect("numbers are plain values");
        let mut events = vec![event.level(Level::Warning).fact("by", by).fact("back", back)];
        // It may be told something before the next run opens it.
        let to = match undone.checkpoint.state {
            Some(state @ (State::Paused | State::Closing | State::Closed)) => state,
            _ => State::Active,
        };
        let turned = |(cause, to): (Cause, State)| {
            tell::turned(&self.name, opening, to, cause, "as it was at the checkpoint")
        };
        events.extend(opening.way(to).into_iter().map(turned));
        let mut how = undone.checkpoint.view.clone();
        views::turn(&mut how, to);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("JSON is text");
        let views = views::standing(&how).map(|(name, bytes)| (name.to_owned(), text(bytes)));
        self.directory.restore(&Restore {
            views: Some(if how.is_object() { views.into() } else { BTreeMap::new() }),
            stamp: aside.to_owned(),
            checkpoint: undone.checkpoint.number,
            last: undone.checkpoint.last.map(|last| last.timestamp_micros()),
            events: events.into_iter().map(|event| event.fact("aside", aside)).collect(),
        })
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
        self.may_go_on(base)?;
        if let Some(work) = work {
            self.adopt(base, work)?;
            self.compare(base, work).map_err(Refused::Changed)?;
        }
        if self.history.refused.take().is_some() {
            let fact = "the manifest is what the account was opened with";
            self.tell_of(TERMS, Level::Info, true, fact)?;
        }
        if self.state.is_some_and(State::is_over) {
            return Ok(0);
        }
        if self.terms.is_none() {
            let work = work.ok_or_else(|| Refused::Unfit("its data cannot be used".into()))?;
            self.begin(Terms::of(base, work))?;
            self.note_once(guessed(&base.session.data, source).into_iter().collect())?;
        }
        let terms = self.terms.as_ref().expect("it was just opened");
        let news = take::news(terms, &base.session, &self.bars, source, now);
        let news = news.map_err(Refused::Unfit)?;
        let lacks = self.lacks(&news.bars);
        if lacks > 0 {
            return Err(Refused::Damaged(format!(
                "its source does not have {} that the account had seen at checkpoint {}: restore `bars/` from a copy or from `undone/`, or the source, or begin anew with `papertape paper restart {}`",
                counted(lacks, "bar"),
                self.last_checkpoint(),
                self.name
            )));
        }
        if let Some(first) = news.revised.first()
            && base.session.paper.stops_if_revised
        {
            let more = match news.revised.len() - 1 {
                0 => String::new(),
                more => format!(", and {} more", counted(more, "change")),
            };
            return Err(Refused::Unfit(format!(
                "bars that the account has seen were revised: {first}{more}; restore the file, set `paper.on_revised = \"mark\"`, or begin anew with `papertape paper restart {}`",
                self.name
            )));
        }
        if self.history.unfit.take().is_some() {
            self.tell_of(DATA, Level::Info, true, "its data can be used")?;
        }
        let revised = news.revised.iter().map(|it| format!("revised: {it}"));
        let at =
            |what: &str, (symbol, time): &At| format!("{what}: `{symbol}`, bar {}", stamp(*time));
        let late = news.late.iter().map(|it| at("late, left out", it));
        let stale = news.stale.iter().map(|(symbol, last)| {
            format!("goes on without `{symbol}`, which has no bar since {}", stamp(*last))
        });
        let gaps = news.gaps.iter().map(|it| it.to_string());
        let earlier = news.earlier.iter().map(|it| it.to_string());
        (self.waits, self.ended) = (news.waits, news.ended);
        let other = |symbol: &String| {
            format!(
                "`{symbol}` is new in the data; the account goes on with the symbols that it was opened with"
            )
        };
        let others = news.others.iter().map(other);
        let garbage = |file: &FileRead| -> Vec<String> {
            file.garbage.iter().map(|line| line.told(&file.path)).collect()
        };
        let garbage = source.files.iter().flat_map(garbage);
        let notes = revised.chain(late).chain(stale).chain(gaps).chain(earlier).chain(others);
        let notes = notes.chain(garbage);
        let is_new = |note: &String| !self.noted.contains(note);
        let mut said: Vec<String> = notes.filter(is_new).collect();
        let mut notes = said.clone();
        for verdict in &news.verdicts {
            let symbol = &verdict.symbol;
            let new = verdict.only(|finding, case| {
                let note = || odd(symbol, finding.check, case);
                finding.policy == Policy::Warn && !self.noted.contains(&note())
            });
            said.extend(new.warnings());
            for finding in &new.findings {
                notes.extend(finding.cases.iter().map(|case| odd(symbol, finding.check, case)));
            }
        }
        self.note(&said, notes)?;
        if news.bars.is_empty() {
            return Ok(0);
        }
        self.directory.add_bars(&news.bars)?;
        self.fresh = true;
        for piece in &news.bars {
            match self.history.bars.iter_mut().find(|known| known.symbol == piece.symbol) {
                Some(known) => {
                    *known = known.followed_by(piece).expect("new bars come after those seen");
                }
                None => self.history.bars.push(piece.clone()),
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
            .fact("from", self.state.map(State::word))
            .fact("to", State::Initializing.word())
            .fact("reason", "opened")
            .fact("terms", facts);
        self.directory.tell(&[event])?;
        (self.history.terms, self.history.opened) = (Some(terms), Some(now));
        self.history.come_to(State::Initializing);
        Ok(())
    }

    /// Agree to what this version of the program reads into a manifest that did not change, if somebody
    /// said that the account goes on as it is now.
    fn adopt(&mut self, base: &Base, work: &Work) -> Result<(), StoreError> {
        let Some(terms) = &self.terms else { return Ok(()) };
        let same = terms.differences(base, &self.params()).is_empty();
        if self.accepted.is_none() || !same || terms.are_of(work) {
            return Ok(());
        }
        let terms = terms.read_as(work);
        let facts = serde_json::to_value(&terms).expect("terms are plain values");
        let message = "the manifest is read as this version of the program reads it";
        let event = Event::new(Utc::now(), EventKind::Check, message).session(&*self.name);
        let event = event.fact("name", TERMS).fact("passed", true).fact("terms", facts);
        self.directory.tell(&[event])?;
        self.history.terms = Some(terms);
        Ok(())
    }

    /// Write down what is odd about its feed, each once.
    pub(super) fn note_once(&mut self, mut notes: Vec<String>) -> Result<(), StoreError> {
        notes.retain(|note| !self.noted.contains(note));
        self.note(&notes.clone(), notes)
    }

    /// Write down what is `said` of the bars of the source, and by which `notes` it is known again, so that
    /// it is said once.
    fn note(&mut self, said: &[String], notes: Vec<String>) -> Result<(), StoreError> {
        if said.is_empty() {
            return Ok(());
        }
        let named = said.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
        let more = said.len().saturating_sub(NAMED);
        let message = if more > 0 { format!("{named}; and {more} more") } else { named };
        let event = Event::new(Utc::now(), EventKind::Warning, &*message).session(&*self.name);
        self.directory.tell(&[event.fact("notes", json!(notes))])?;
        self.unsaid.push(message);
        self.history.noted.extend(notes);
        Ok(())
    }

    /// Where somebody accepted another past than the one that was told, let as much of it count as told as
    /// there is until the last checkpoint, and say so: nothing is told again.
    fn tell_on(&mut self, kept: &Kept<'_>) -> Option<Event> {
        let is_other = self.held_against().is_none() && !self.retold;
        let known = self.history.checkpoint.as_ref().filter(|_| is_other)?;
        let is_same = known.differs_in_history(&self.fills, kept).is_none();
        let past = Past {
            told: Told::until(known.walked, kept),
            ends: tell::ended(kept, known.walked).collect(),
        };
        let (level, message) = match is_same {
            true => (Level::Info, format!("it is what it was at checkpoint {}", known.number)),
            false => {
                let before = format!("another past than that of checkpoint {}", known.number);
                (Level::Warning, format!("goes on from {before}, as somebody accepted"))
            }
        };
        let event = Event::new(Utc::now(), EventKind::Check, &*message).session(&*self.name);
        let event = event.level(level).fact("name", "checkpoint").fact("passed", true);
        let event = event.fact("past", json!(past));
        (self.history.told, self.history.ends) = (past.told, past.ends);
        self.unsaid.extend((!is_same).then_some(message));
        Some(event)
    }

    /// Take note of what came of the walk over its bars: compare it with what was told, tell what is
    /// new, and write views and a checkpoint. Why it cannot go on, otherwise; nothing is told then.
    pub fn settle(&mut self, kept: &Kept<'_>) -> Result<Settled, Refused> {
        if let Some(fact) = self.differs_from_checkpoint(kept) {
            return Err(Refused::Damaged(self.unlike(&fact)));
        }
        if self.lacks(&[]) > 0 {
            // Somebody accepted that they are gone: they come from the source before anything is told.
            let state = self.state.unwrap_or(State::Initializing);
            let (bars, waiting) = (kept.frame().len(), Vec::new());
            return Ok(Settled { bars, fills: 0, waiting, state, changed: false });
        }
        let all = Told::all(kept);
        let mut events: Vec<Event> = self.tell_on(kept).into_iter().collect();
        if self.told.exceeds(&all) {
            let fact = format!("its journal tells of {}, and there are {all}", self.told);
            return Err(Refused::Damaged(self.unlike(&fact)));
        }
        let mut before = self.state.unwrap_or(State::Initializing);
        if before == State::Error {
            // What was wrong with it is mended: it is what it was.
            before = State::Initializing;
            let (from, reason) = match self.accepted {
                None => (State::Error, "it is again what it was"),
                Some(_) => (State::Error, "it goes on as it is, as somebody accepted"),
            };
            events.push(tell::turned(&self.name, from, before, Cause::Open, reason));
        }
        let after = match state(&self.given, kept) {
            // What was suspended waits for bars, whatever it is told.
            State::Active | State::Paused if before == State::Suspended && !self.fresh => before,
            after => after,
        };
        self.fresh = false;
        events.extend(tell::news(&self.name, &self.told, &self.ends, kept));
        let fills = all.fills - self.told.fills;
        let (held, since) = (is_held(&self.given), self.turned.as_deref());
        events.extend(tell::way(&self.name, (before, after), held, since, kept));
        let number = self.last_checkpoint() + 1;
        let terms = self.terms.as_ref().expect("only an open account is walked over");
        let mut checkpoint =
            Checkpoint::of(number, after, terms, &self.bars, &self.instructions(), kept);
        let is_new = self.checkpoint.as_ref().is_none_or(|known| !known.is_at(&checkpoint));
        let is_news = is_new || !events.is_empty();
        let changed = is_news || views::lacks_one(self.directory.reader());
        let orders = kept.outcome.orders.iter().enumerate();
        let waits = orders.filter(|(_, order)| order.status == OrderStatus::Unapproved);
        let waits: Vec<usize> = waits.map(|(number, _)| number).collect();
        let before = std::mem::replace(&mut self.history.unapproved, waits.clone());
        self.history.numbered_by = ENGINE;
        let waiting = waits.into_iter().filter(|order| !before.contains(order)).collect();
        if changed {
            self.directory.tell(&events)?;
            self.history.told = all;
            self.history.come_to(after);
            self.history.retold = true;
            self.history.turned = tell::by_rule(kept).last().map(|(bar, _)| kept.time(bar));
            self.history.ends = tell::ended(kept, usize::MAX).collect();
            checkpoint.view = views::how(self, kept, &checkpoint);
            self.equity.write(&self.directory, kept)?;
            for (name, bytes) in views::all(kept, &checkpoint.view) {
                self.directory.write_view(name, &bytes)?;
            }
            self.directory.tell(&[tell::summarized(&self.name)])?;
            if is_news && (!self.paced || self.is_due(&checkpoint, kept)) {
                self.keep(checkpoint, kept)?;
            }
        }
        let bars = kept.frame().len();
        Ok(Settled { bars, fills, waiting, state: after, changed })
    }

    /// Let `paper.checkpoint_every` lie between two checkpoints, or write one each time.
    pub fn pace_checkpoints(&mut self, paced: bool) {
        self.paced = paced;
    }

    fn is_due(&self, checkpoint: &Checkpoint, kept: &Kept<'_>) -> bool {
        let Some(known) = &self.checkpoint else { return true };
        match kept.work().variant().session.paper.checkpoint_every {
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
        let most = kept.work().variant().session.paper.keep_checkpoints;
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
        self.history.newest = checkpoint.number;
        self.history.checkpoint = Some(checkpoint);
        Ok(())
    }
}

/// What is said where the length of the bars of `source` had to be guessed from a few of them.
fn guessed(data: &DataSettings, source: &DataSet) -> Option<String> {
    let longest = source.bars.iter().max_by_key(|bars| bars.len())?;
    let is_guess = data.timeframe.is_none() && data.resample.is_none() && longest.len() < FEW;
    let (count, length) = (longest.len(), duration::text(longest.clock.timeframe));
    is_guess.then(|| {
        format!("its bars are taken for bars of {length}, which is guessed from {count} of them: set `data.timeframe`")
    })
}

/// By what a row in which something was found is known again on another night.
fn odd(symbol: &str, check: Check, case: &Case) -> String {
    let of = format!("{} of `{symbol}`", check.word());
    match (&case.fact, case.time) {
        // It is said of all rows.
        (Fact::Calendar(..), _) => of,
        (_, Some(time)) => format!("{of}, {}", stamp(time)),
        (_, None) => format!("{of}, {}: {case}", case.file),
    }
}

/// Why an account was not advanced.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Its files are not what they were: it is in error until somebody mends them.
    #[error("{0}")]
    Damaged(String),
    /// It is asked for something else than what was agreed; the account stays as it is.
    #[error("{0}")]
    Changed(String),
    /// Its data cannot be used as it is now: it is suspended until that can.
    #[error("{0}")]
    Unfit(String),
    /// Its files could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}
