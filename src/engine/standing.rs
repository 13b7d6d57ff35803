//! Whether a session may enter anything at all: not before it has begun, not during a pause, not when
//! it is over.
//!
//! Its own rules ([`Turn`]) are looked at at every close, after the guards and before the rules of the
//! strategy, so that what becomes true at a close counts for what is decided there. Exits, stops and
//! targets of what is held go on in a pause. A pause that a person ordered is ended by a person.

use super::ledger::Ledger;
use super::order::Reason;
use super::outcome::What;
use super::scene::Scene;
use super::trade::{ClosedBy, words};
use super::walk::Walk;
use crate::bars::DAY;
use crate::expr::{Now, Scalar};
use crate::strategy::Turn;

/// Whether a session may enter.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// It has not begun.
    waits: bool,
    /// `pause_when` was true.
    paused: bool,
    /// A person ordered a pause.
    held: bool,
    /// It is over.
    over: bool,
}

words! {
    /// How the standing of a session changed.
    Change {
        /// `start_when` was true for the first time.
        Started = "started",
        /// Nothing is entered from here on.
        Paused = "paused",
        /// It goes on.
        Resumed = "resumed",
        /// It is over, and positions are closed.
        Stopped = "stopped",
        /// It is over, and positions are left as they are.
        Killed = "killed",
    }
}

/// What the account is at a close.
#[derive(Debug, Clone, Copy)]
pub(super) struct Close {
    pub equity: f64,
    pub drawdown: f64,
    pub daily_loss: f64,
}

impl Standing {
    pub(super) fn begin(scene: &Scene<'_>) -> Self {
        Self { waits: has(scene, Turn::Start), ..Self::default() }
    }

    /// Whether closes have to be looked at.
    pub(super) fn watches(&self, scene: &Scene<'_>) -> bool {
        !self.over
            && (self.waits || [Turn::Stop, Turn::Pause].into_iter().any(|turn| has(scene, turn)))
    }

    /// Why nothing may be entered.
    pub(super) fn blocks(&self) -> Option<Reason> {
        match self {
            Self { over: true, .. } => Some(Reason::Stopped),
            Self { waits: true, .. } => Some(Reason::NotStarted),
            Self { paused: true, .. } | Self { held: true, .. } => Some(Reason::Paused),
            _ => None,
        }
    }

    /// How the session's own rules change it, `holds` telling which are true; several in a row.
    pub(super) fn turns(&self, holds: impl Fn(Turn) -> Option<bool>) -> Option<Change> {
        let is = |turn| holds(turn) == Some(true);
        if self.over {
            None
        } else if is(Turn::Stop) {
            Some(Change::Stopped)
        } else if self.waits {
            is(Turn::Start).then_some(Change::Started)
        } else if is(Turn::Pause) {
            (!self.paused).then_some(Change::Paused)
        } else {
            let goes_on = holds(Turn::Resume).unwrap_or(true);
            (self.paused && goes_on).then_some(Change::Resumed)
        }
    }
}

fn has(scene: &Scene<'_>, turn: Turn) -> bool {
    scene.signals.first().is_some_and(|signals| signals.turns[turn as usize].is_some())
}

/// Whether a rule of the session is true at the close of bar `t`; `None` without such a rule.
pub(super) fn holds(
    scene: &Scene<'_>,
    turn: Turn,
    t: usize,
    close: Close,
    ledger: &Ledger,
    error_rate: f64,
) -> Option<bool> {
    let condition = scene.signals.first()?.turns[turn as usize].as_ref()?;
    let number = |value: f64| match value.is_finite() {
        true => Scalar::Number(value),
        false => Scalar::Missing,
    };
    let now = |now: Now| match now {
        Now::Equity => number(close.equity),
        Now::Drawdown => number(close.drawdown),
        Now::DailyLoss => number(close.daily_loss),
        Now::Positions => number(ledger.held() as f64),
        Now::ErrorRate => number(error_rate),
        Now::Time => number(hour(scene, t)),
        Now::MarketOpen => Scalar::Bool(market_open(scene, t)),
    };
    Some(condition.holds(t, now))
}

/// The local time of day at which bar `t` closes, in hours. A bar of whole days closes when it opens.
fn hour(scene: &Scene<'_>, t: usize) -> f64 {
    let frame = scene.frame;
    let lasts = frame.timeframe % DAY;
    let local = frame.zone.local(frame.time[t] + lasts);
    local.rem_euclid(DAY) as f64 / (DAY / 24) as f64
}

/// Whether bar `t` opens inside the calendar's session of its day; a longer bar is the whole session.
fn market_open(scene: &Scene<'_>, t: usize) -> bool {
    let frame = scene.frame;
    match frame.days[frame.day(t)].session {
        Some((open, close)) if frame.timeframe < DAY => (open..close).contains(&frame.time[t]),
        _ => true,
    }
}

impl Walk {
    /// The share of the orders so far that were refused by something else than the session's standing
    /// and its owner.
    pub(super) fn error_rate(&self) -> f64 {
        let outcome = &self.outcome;
        let meant = [Reason::NotStarted, Reason::Paused, Reason::Stopped, Reason::ByHand];
        let meant: usize = meant.iter().map(|&reason| outcome.refused.of(reason)).sum();
        (outcome.refusals() - meant) as f64 / outcome.order_count.max(1) as f64
    }

    /// The session's own rules are looked at at the close of bar `t`.
    pub(super) fn turn(&mut self, scene: &Scene<'_>, t: usize, close: Close) {
        let rate = self.error_rate();
        let is = |walk: &Self, turn| holds(scene, turn, t, close, &walk.ledger, rate);
        // One after the other: a session may begin and pause at one close.
        while let Some(change) = self.guard.standing.turns(|turn| is(self, turn)) {
            self.change(scene, t, change, false);
        }
    }

    /// The standing changes at the close of bar `t`, because a person says so or a rule.
    pub(super) fn change(&mut self, scene: &Scene<'_>, t: usize, change: Change, by_hand: bool) {
        let standing = &mut self.guard.standing;
        match change {
            Change::Started => standing.waits = false,
            Change::Paused if by_hand => standing.held = true,
            Change::Paused => standing.paused = true,
            Change::Resumed => {
                (standing.paused, standing.held) = (false, standing.held && !by_hand)
            }
            Change::Stopped | Change::Killed => standing.over = true,
        }
        self.tell(t, None, What::Standing { change, by_hand });
        if let Some(reason) = self.guard.standing.blocks() {
            self.refuse_waiting(t, reason);
        }
        if change == Change::Stopped {
            self.flatten(scene, t, ClosedBy::Stopped);
        }
    }
}
