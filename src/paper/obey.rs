//! What others ask of an account: a file in its control directory, done by whoever holds the account.
//!
//! There is one way: whoever asks leaves a file there, and the next to hold the account's lock does what
//! it says and answers in the journal. That is a follower within a moment, the process that asks where
//! nobody holds the account, and a nightly run where that process was killed in between. The file goes
//! once its answer is written, and the journal knows the ids of what was answered: what is asked is done
//! once, whoever is killed.

use super::account::Account;
use super::command::Command;
use crate::store::{Control, Event, EventKind, Holder, Store, StoreError, Taken};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
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

/// How long somebody else may look at an account that is just being opened.
const GLANCE: Duration = Duration::from_secs(2);

impl Account {
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
                    let event = event.session(self.name());
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
        let began = Instant::now();
        let mut account = loop {
            match Self::open(store, &name, holder) {
                Err(StoreError::Locked { .. }) if began.elapsed() < GLANCE => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                opened => break opened?,
            }
        };
        account.begun_anew(&restart.by, &restart.id, &aside)?;
        Ok(account)
    }
}
