//! How an account is, from what it did and was told: see [`life`](super::life) for the words.

use super::command::Command;
use super::history::Given;
use super::life::State;
use crate::batch::kept::Kept;
use crate::engine::Change;
use crate::engine::outcome::What;

/// How an account is that was given these commands and came to this.
pub(super) fn state(given: &[Given], kept: &Kept<'_>) -> State {
    let outcome = kept.outcome;
    let holds = outcome.trades.iter().any(|trade| trade.exit.is_none());
    let told = |command: &Command| given.iter().any(|given| given.command == *command);
    let mut stopped = told(&Command::Stop);
    let mut paused = false;
    for event in &outcome.events {
        match event.what {
            What::Standing { change: Change::Stopped, by_hand: false } => stopped = true,
            What::Standing { change: Change::Paused, by_hand: false } => paused = true,
            // A person ends the pauses of rules, too.
            What::Standing { change: Change::Resumed, .. } => paused = false,
            _ => {}
        }
    }
    if told(&Command::Kill) || (stopped && !holds) || outcome.ruined.is_some() {
        State::Closed
    } else if stopped {
        State::Closing
    } else if is_held(given) || paused {
        State::Paused
    } else {
        State::Active
    }
}

/// Whether somebody paused it, and nobody let it go on.
pub(super) fn is_held(given: &[Given]) -> bool {
    let mut last = given.iter().rev().map(|given| &given.command);
    last.find(|it| matches!(it, Command::Pause | Command::Resume)) == Some(&Command::Pause)
}
