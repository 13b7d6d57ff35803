//! How an account is, in a word.

use super::account::Given;
use super::command::Command;
use crate::batch::kept::Kept;

/// How an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It does what its rules say.
    Active,
    /// It enters nothing.
    Paused,
    /// It was told to stop, and what it holds is not closed yet.
    Closing,
    /// It is over.
    Closed,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Active, Self::Paused, Self::Closing, Self::Closed];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }

    /// The state with this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether nothing comes after it.
    pub fn is_over(self) -> bool {
        self == Self::Closed
    }
}

/// How an account is that was given these commands and came to this.
pub(super) fn state(given: &[Given], kept: &Kept<'_>) -> State {
    let holds = kept.outcome.trades.iter().any(|trade| trade.exit.is_none());
    let has = |command: &Command| given.iter().any(|given| given.command == *command);
    let last =
        given.iter().rev().find(|given| matches!(given.command, Command::Pause | Command::Resume));
    if has(&Command::Kill) || (has(&Command::Stop) && !holds) || kept.outcome.ruined.is_some() {
        State::Closed
    } else if has(&Command::Stop) {
        State::Closing
    } else if last.is_some_and(|given| given.command == Command::Pause) {
        State::Paused
    } else {
        State::Active
    }
}
