//! How an account is, from what it did and was told: see [`life`](super::life) for the words.

use super::command::Command;
use super::history::Given;
use super::life::State;
use super::tell;
use crate::batch::kept::Kept;
use crate::engine::Change;

/// How an account is that was given these commands and came to this.
pub(super) fn state(given: &[Given], kept: &Kept<'_>) -> State {
    let outcome = kept.outcome;
    let holds = outcome.trades.iter().any(|trade| trade.exit.is_none());
    let told = |command: &Command| given.iter().any(|given| given.command == *command);
    let mut stopped = told(&Command::Stop);
    let mut paused = None;
    for (_, change) in tell::by_rule(kept).rev() {
        match change {
            Change::Stopped => stopped = true,
            Change::Paused | Change::Resumed => {
                paused.get_or_insert(change == Change::Paused);
            }
            Change::Started | Change::Killed => {}
        }
    }
    if told(&Command::Kill) || (stopped && !holds) || outcome.ruined.is_some() {
        State::Closed
    } else if stopped {
        State::Closing
    } else if is_held(given) || paused == Some(true) {
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
