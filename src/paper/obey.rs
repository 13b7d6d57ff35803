//! What others ask of an account: a file in its control directory, done by whoever holds the account.
//!
//! There is one way: whoever asks leaves a file there, and the next to hold the account's lock does what
//! it says and answers in the journal. That is a follower within a moment, the process that asks where
//! nobody holds the account, and a nightly run where that process was killed in between. The file goes
//! once its answer is written, and the journal knows the ids of what was answered: what is asked is done
//! once, whoever is killed.

use super::account::Account;
use super::command::Command;
use super::history::Given;
use super::life::{Cause, State};
use super::{tell, views};
use crate::batch::kept::stamp;
use crate::engine::{self, ClosedBy, ENGINE, Intent, OrderStatus, Reason};
use crate::store::{
    ACCOUNT_FILE, Control, ENDING, Event, EventKind, Holder, Level, Store, StoreError, Taken,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Something that is asked of whoever holds an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// Who asks.
    pub by: String,
    /// When; `None` of those that versions of earlier days sent.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
    /// What.
    pub asked: Asked,
}

/// What can be asked of whoever holds an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// To give the account this command.
    Give(Command),
    /// To put the account aside, and to open a new one.
    Restart,
}

/// That an account is to be put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restart {
    /// The id under which it was asked for.
    pub id: String,
    /// Who asked.
    pub by: String,
}

/// What became of something that lay in a control directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The account obeys: what, and by whom.
    Obeyed(String),
    /// It does not: what, by whom, and why not.
    Refused(String),
    /// It was no command: which file, and what is wrong with it.
    Garbage(String),
    /// The account is to be put aside before anything else.
    Restart(Restart),
}

/// How long somebody else may have an account that is just being opened.
const GLANCE: Duration = Duration::from_secs(1);

impl Account {
    /// Open the account of `session`, as soon as whoever only looks at it, or tells it something, has gone.
    pub fn open_soon(store: &Store, session: &str, holder: &Holder) -> Result<Self, StoreError> {
        let began = Instant::now();
        loop {
            match Self::open(store, session, holder) {
                Err(StoreError::Locked { .. }) if began.elapsed() < GLANCE => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                opened => return opened,
            }
        }
    }

    /// Do what waits in the control directory, in the order in which it was sent, until the account is to
    /// be put aside; what became of it.
    pub fn obey(&mut self) -> Result<Vec<Heard>, StoreError> {
        let control = Control::open(self.directory().reader().control())?;
        let mut all = Vec::new();
        for taken in control.take::<Sent>()? {
            let (id, sent) = match taken {
                Taken::Command(id, sent) => (id, sent),
                Taken::Refused(name, fact) => {
                    let message = format!("control/{name}: {fact}");
                    let event = Event::new(Utc::now(), EventKind::Warning, &*message);
                    // Whoever sent it waits for an answer: a newer version of the program, perhaps.
                    let id = name.strip_suffix(ENDING).unwrap_or(&name);
                    let event = event.session(self.name()).fact("id", id).fact("refused", fact);
                    self.tell(&[event])?;
                    all.push(Heard::Garbage(message));
                    continue;
                }
            };
            // Whoever waited too long for an answer has taken it back.
            let is_wanted = control.waits(&id);
            match sent.asked {
                _ if !is_wanted || self.has_answered(&id) => {}
                Asked::Give(ref command) => {
                    let said = format!("{command}, by {}", sent.by);
                    all.push(match self.give(&sent, &id, command.clone())? {
                        Ok(()) => Heard::Obeyed(said),
                        Err(fact) => Heard::Refused(format!("{said}: refused: {fact}")),
                    });
                }
                Asked::Restart => {
                    // The file goes with the account.
                    self.ends_for_another(&sent.by)?;
                    all.push(Heard::Restart(Restart { id, by: sent.by }));
                    return Ok(all);
                }
            }
            control.remove(&id)?;
        }
        Ok(all)
    }

    /// Do all that waits in the control directory; the account that is open then, which is another one if
    /// it was to be put aside, and what became of what waited.
    pub fn obey_all(
        mut self,
        store: &Store,
        holder: &Holder,
    ) -> Result<(Self, Vec<Heard>), StoreError> {
        let mut all = Vec::new();
        loop {
            all.extend(self.obey()?);
            let Some(Heard::Restart(restart)) = all.last() else { return Ok((self, all)) };
            let said = format!("begun anew, by {}", restart.by);
            self = self.anew(restart, store, holder)?;
            all.pop();
            all.push(Heard::Obeyed(said));
        }
    }

    /// Put it aside and open a new one, which answers whoever asked for that.
    pub fn anew(
        self,
        restart: &Restart,
        store: &Store,
        holder: &Holder,
    ) -> Result<Self, StoreError> {
        let name = self.name().to_owned();
        let aside = self.put_aside(&restart.id)?;
        let mut account = Self::open_soon(store, &name, holder)?;
        account.begun_anew(&restart.by, &restart.id, &aside)?;
        Ok(account)
    }

    /// Put it aside under a dated name, as was asked under `id`, so that another can be opened; the new name.
    pub fn put_aside(self, id: &str) -> Result<String, StoreError> {
        self.directory.put_aside(&Utc::now().format("%Y%m%dT%H%M%S%.3fZ").to_string(), id)
    }

    /// Write down that `by` somebody it is to be begun anew.
    fn ends_for_another(&mut self, by: &str) -> Result<(), StoreError> {
        self.turn(Cause::Restart, &format!("begun anew by {by}"))
    }

    /// Write down that it was begun anew, as `by` asked under `id`; the one before is now `aside`.
    fn begun_anew(&mut self, by: &str, id: &str, aside: &str) -> Result<(), StoreError> {
        let message = format!("begun anew; the account before is `{aside}`");
        let event = Event::new(Utc::now(), EventKind::Command, message).session(&*self.name);
        let event = event.fact("id", id).fact("by", by).fact("aside", aside);
        self.directory.tell(&[event])
    }

    /// Give it the command that was `sent` under `id`, which takes effect after the last bar that it has
    /// seen; why it does not take it otherwise. Either is in its journal, under that id.
    fn give(
        &mut self,
        sent: &Sent,
        id: &str,
        command: Command,
    ) -> Result<Result<(), String>, StoreError> {
        let (at, by) = (Utc::now(), &*sent.by);
        self.history.answered.insert(id.to_owned());
        let name = self.name.clone();
        let event = |message: String| {
            let event = Event::new(at, EventKind::Command, message).session(&*name);
            let event = event.fact("id", id).fact("by", by);
            match sent.at {
                Some(sent) => event.fact("sent", json!(sent)),
                None => event,
            }
        };
        let turn = match self.takes(&command) {
            Ok(turn) => turn,
            Err(fact) => {
                let message = format!("{command}, by {by}: refused: {fact}");
                let event = event(message).level(Level::Warning);
                self.directory.tell(&[event.fact("refused", &*fact)])?;
                return Ok(Err(fact));
            }
        };
        let after = self.last_bar();
        let told = serde_json::to_value(&command).expect("commands are plain values");
        let told = event(format!("{command}, by {by}")).fact("command", told);
        let mut events = vec![told.fact("after", after.map(stamp))];
        if let Some((cause, to)) = turn {
            let from = self.state.unwrap_or(State::Initializing);
            let reason = format!("by hand, by {by}");
            events.push(tell::turned(&name, from, to, cause, &reason));
            self.history.come_to(to);
        }
        self.directory.tell(&events)?;
        self.settle_orders(&command)?;
        self.history.give(Given { at, by: by.to_owned(), after, command });
        if turn.is_some() {
            self.show_state()?;
        }
        Ok(Ok(()))
    }

    /// Orders that wait do so no more, or otherwise, because of `command`: what it was told is not walked
    /// over before its next bar.
    fn settle_orders(&mut self, command: &Command) -> Result<(), StoreError> {
        let mut view = views::view(self.directory.reader(), ACCOUNT_FILE)?;
        if !views::settle_orders(&mut view, |order| becomes(order, command)) {
            return Ok(());
        }
        (self.history.unapproved, _) = views::unapproved(&view);
        self.directory.write_view(ACCOUNT_FILE, &views::text(&view))
    }

    /// What a command changes of the account's state, if it does; else why it means nothing to the
    /// account, or is not possible as it is now.
    fn takes(&self, command: &Command) -> Result<Option<(Cause, State)>, String> {
        let Some(terms) = &self.terms else {
            return Err(format!("account `{}` is not open yet", self.name));
        };
        if let Some(fact) = self.wrong() {
            return Err(fact);
        }
        command.meant(terms)?;
        let state = self.state.unwrap_or(State::Active);
        let cause = match command {
            Command::Pause => Cause::Pause,
            Command::Resume => Cause::Resume,
            Command::Stop => Cause::Stop,
            Command::Kill => Cause::Kill,
            _ if state.takes_orders() => {
                if let Command::Approve { order } | Command::Refuse { order } = command {
                    self.has_waiting(*order)?;
                }
                return Ok(None);
            }
            _ => {
                return Err(format!(
                    "this is not possible while the account is {}; {}",
                    state.being(),
                    state.instead_of_orders()
                ));
            }
        };
        let to = state.after(cause).map_err(|impossible| impossible.to_string())?;
        match (state, cause) {
            (State::Suspended, Cause::Pause) if self.paused => {
                return Err("it is paused already, for when its data is mended".to_owned());
            }
            (State::Suspended, Cause::Resume) if !self.paused => {
                return Err("it is not paused; it goes on when its data is mended".to_owned());
            }
            _ => {}
        }
        // What is suspended stays so, and is paused or not once its data is mended.
        Ok((to != state).then_some((cause, to)))
    }

    /// Whether this order waits for approval; with `None`, whether any does.
    fn has_waiting(&self, order: Option<usize>) -> Result<(), String> {
        let waits: Vec<String> = self.unapproved.iter().map(usize::to_string).collect();
        // Nobody has seen the orders that these numbers may mean now.
        let numbered = match self.numbered_by {
            _ if self.accepted.is_some() && !self.retold => "before it was accepted as it is now",
            ENGINE => "",
            _ => "by another engine",
        };
        match order {
            _ if waits.is_empty() => Err("no order waits for approval".to_owned()),
            _ if !numbered.is_empty() => Err(format!(
                "the orders of the account were numbered {numbered}, and may have other numbers; let it run, and approve what `papertape paper status` shows then"
            )),
            Some(order) if !self.unapproved.contains(&order) => Err(format!(
                "order {order} does not wait for approval; {} {}",
                waits.join(", "),
                if waits.len() == 1 { "does" } else { "do" },
            )),
            _ => Ok(()),
        }
    }

    /// Whether the command `id` was answered before.
    fn has_answered(&self, id: &str) -> bool {
        self.answered.contains(id)
    }
}

/// Whether an order with these words for its intent is an exit that a person may take back: one that
/// protects the account is not.
pub fn is_exit(intent: &str) -> bool {
    let own = [ClosedBy::Rule, ClosedBy::Flip, ClosedBy::Command];
    own.into_iter().any(|by| intent == Intent::Close(by).words())
}

/// What becomes of an order that waits, as the view of an account tells it, by a command.
fn becomes(order: &Value, command: &Command) -> Option<OrderStatus> {
    use OrderStatus::{Cancelled, Pending, Refused, Unapproved};
    let unapproved = order["status"] == Unapproved.words();
    if !unapproved && order["status"] != Pending.words() {
        return None;
    }
    let is_meant =
        |named: &Option<usize>| unapproved && named.is_none_or(|number| order["number"] == number);
    let intent = order["intent"].as_str().unwrap_or_default();
    let opens = intent.starts_with("open");
    match command {
        Command::Approve { order } if is_meant(order) => Some(Pending),
        Command::Refuse { order } if is_meant(order) => Some(Refused(Reason::ByHand)),
        Command::Pause if opens => Some(Refused(Reason::Paused)),
        Command::Stop if opens => Some(Refused(Reason::Stopped)),
        Command::Kill => Some(Cancelled(engine::Cause::Command)),
        Command::CancelOrders if opens || is_exit(intent) => {
            Some(Cancelled(engine::Cause::Command))
        }
        _ => None,
    }
}
