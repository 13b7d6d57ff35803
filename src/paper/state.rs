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
    let hand = given
        .iter()
        .rev()
        .find(|given| matches!(given.command, Command::Pause | Command::Resume))
        .is_some_and(|given| given.command == Command::Pause);
    let by_rule = outcome.events.iter().rev().filter_map(|event| match event.what {
        What::Standing { change, by_hand: false } => Some(change),
        _ => None,
    });
    let mut stopped = told(&Command::Stop);
    let mut paused = None;
    for change in by_rule {
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
    } else if hand || paused == Some(true) {
        State::Paused
    } else {
        State::Active
    }
}
