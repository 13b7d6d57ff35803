//! What an account did, as events of its journal: each is told once, in the order in which it happened.

use super::life::{Cause, State};
use crate::batch::kept::Kept;
use crate::engine::outcome::What;
use crate::engine::{self, Change, Fill, Moment, OrderStatus};
use crate::store::{Event, EventKind, Level};
use crate::strategy::Turn;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The phase of events that happened on bars.
const BARS: &str = "bars";

/// How many signals, orders, fills and other happenings there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// Rules that became true.
    pub signals: usize,
    /// Orders.
    pub orders: usize,
    /// Fills.
    pub fills: usize,
    /// Orders that ended without a fill: taken back, expired, or with nothing left to close.
    pub ends: usize,
    /// What the risk settings did, and what was booked.
    pub risks: usize,
}

impl Told {
    /// All that came of a walk.
    pub(super) fn all(kept: &Kept<'_>) -> Self {
        Self {
            signals: kept.done.beside.signals.len(),
            orders: kept.outcome.orders.len(),
            fills: kept.outcome.fills.len(),
            ends: ended(kept, usize::MAX).count(),
            risks: risks(kept).count(),
        }
    }

    /// What of it belongs to the first `bars` bars.
    pub(super) fn until(bars: usize, kept: &Kept<'_>) -> Self {
        let signals = kept.done.beside.signals.iter();
        Self {
            signals: signals.filter(|signal| signal.bar < bars).count(),
            orders: kept.outcome.orders.iter().filter(|order| order.bar < bars).count(),
            fills: kept.outcome.fills.iter().filter(|fill| fill.bar < bars).count(),
            ends: ended(kept, bars).count(),
            risks: risks(kept).filter(|event| event.bar < bars).count(),
        }
    }

    /// Take note of an event of the journal.
    pub(super) fn hear(&mut self, event: &Event) {
        let count = match event.kind {
            EventKind::Signal => &mut self.signals,
            EventKind::Order if end_of(event).is_some() => &mut self.ends,
            EventKind::Order => &mut self.orders,
            EventKind::Fill => &mut self.fills,
            // Journals of earlier days tell changes of standing twice.
            EventKind::Risk if event.facts.get("what").is_none_or(|what| what != "state") => {
                &mut self.risks
            }
            _ => return,
        };
        *count += 1;
    }

    /// Whether more was told than there is now.
    pub(super) fn exceeds(&self, all: &Self) -> bool {
        self.signals > all.signals
            || self.orders > all.orders
            || self.fills > all.fills
            || self.risks > all.risks
    }
}

impl fmt::Display for Told {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signals, orders, fills, risks, .. } = self;
        write!(
            out,
            "{signals} signals, {orders} orders, {fills} fills and {risks} other happenings"
        )
    }
}

/// What happened beside orders and fills. Changes of standing are told as changes of the account's state.
fn risks<'k>(kept: &'k Kept<'_>) -> impl Iterator<Item = &'k engine::outcome::Event> {
    kept.outcome.events.iter().filter(|event| !matches!(event.what, What::Standing { .. }))
}

/// The numbers of the orders that ended without a fill before bar `bars`. One that was refused is told as
/// what refused it.
pub(super) fn ended(kept: &Kept<'_>, bars: usize) -> impl Iterator<Item = usize> {
    let orders = kept.outcome.orders.iter().enumerate();
    let is_ended = move |order: &engine::Order| order.ended.is_some_and(|bar| bar < bars);
    orders.filter(move |(_, order)| is_ended(order)).map(|(number, _)| number)
}

/// The number of the order of which an event tells that it ended without a fill.
pub(super) fn end_of(event: &Event) -> Option<usize> {
    event.facts.get("ended")?;
    event.facts.get("number")?.as_u64().map(|number| number as usize)
}

/// What a fill exchanged, in words.
fn exchanged(fill: &Fill, kept: &Kept<'_>) -> String {
    let word = if fill.units > 0.0 { "bought" } else { "sold" };
    format!("{word} {} {} at {}", fill.units.abs(), kept.symbol(fill.symbol), fill.price)
}

/// A fill with its bar, in words: what [`heard`] makes of its event.
pub(super) fn filled(fill: &Fill, kept: &Kept<'_>) -> String {
    format!("`{}` on bar {}", exchanged(fill, kept), kept.time(fill.bar))
}

/// A fill of a journal with its bar, in words.
pub(super) fn heard(event: &Event) -> String {
    let bar = event.facts.get("bar").and_then(|bar| bar.as_str()).unwrap_or_default();
    format!("`{}` on bar {bar}", event.message)
}

/// The events of what was not `told` yet; of the orders `ends` it is told that they ended.
pub(super) fn news(session: &str, told: &Told, ends: &[usize], kept: &Kept<'_>) -> Vec<Event> {
    let (now, outcome) = (Utc::now(), kept.outcome);
    let event = |kind, message: String, bar: usize| {
        Event::new(now, kind, message).session(session).phase(BARS).fact("bar", kept.time(bar))
    };
    let mut all: Vec<(usize, u8, Event)> = Vec::new();
    for fill in &outcome.fills[told.fills..] {
        let symbol = kept.symbol(fill.symbol);
        let event = event(EventKind::Fill, exchanged(fill, kept), fill.bar)
            .metric("units", fill.units)
            .metric("price", fill.price)
            .metric("commission", fill.commission)
            .fact("symbol", symbol)
            .fact("order", fill.order)
            .fact("closed_by", fill.closed_by.map(|by| by.word()));
        all.push((fill.bar, if fill.moment == Moment::Close { 4 } else { 1 }, event));
    }
    for signal in &kept.done.beside.signals[told.signals..] {
        let (symbol, rule) = (kept.symbol(signal.symbol), signal.rule.key());
        let event =
            event(EventKind::Signal, format!("{rule} became true for {symbol}"), signal.bar);
        all.push((signal.bar, 2, event.fact("symbol", symbol).fact("rule", rule)));
    }
    for (number, order) in outcome.orders.iter().enumerate().skip(told.orders) {
        let (symbol, what) = (kept.symbol(order.symbol), order.intent.words());
        let mut message = format!("{what} {symbol}, {}", order.kind.word());
        if order.status == OrderStatus::Unapproved {
            message +=
                &format!(", waits for approval: `papertape paper approve {session} {number}`");
        }
        let event = event(EventKind::Order, message, order.bar)
            .fact("symbol", symbol)
            .fact("number", number)
            .fact("status", order.status.words());
        all.push((order.bar, 3, event));
    }
    for number in ended(kept, usize::MAX).filter(|number| !ends.contains(number)) {
        let order = &outcome.orders[number];
        let bar = order.ended.expect("it has ended");
        let (symbol, what) = (kept.symbol(order.symbol), order.intent.words());
        let status = order.status.words();
        let message = format!("order {number}, {what} {symbol}: {status}");
        let event = event(EventKind::Order, message, bar).fact("symbol", symbol);
        let event = event.fact("number", number).fact("status", status);
        // One that rested for long enough is gone before the bar opens.
        let moment = if order.status == OrderStatus::Expired { 0 } else { 3 };
        all.push((bar, moment, event.fact("ended", true)));
    }
    for happened in risks(kept).skip(told.risks) {
        let (kind, _) = kept.words(happened);
        let mut event = event(EventKind::Risk, in_words(&happened.what), happened.bar);
        event = event.fact("what", kind);
        if let Some(symbol) = happened.symbol {
            event = event.fact("symbol", kept.symbol(symbol));
        }
        all.push((happened.bar, 3, event));
    }
    all.sort_by_key(|(bar, moment, _)| (*bar, *moment));
    all.into_iter().map(|(_, _, event)| event).collect()
}

/// What happened beside orders and fills, for people.
fn in_words(what: &What) -> String {
    match *what {
        What::Refused { order, reason } => format!("order {order} is refused: {}", reason.word()),
        What::Cancelled { order, cause } => {
            format!("order {order} is taken back: {}", cause.word())
        }
        What::Reduced { order, reason, from, to } => {
            format!("order {order} is made smaller, {from} to {to}: {}", reason.word())
        }
        What::Tripped { guard, action, value, limit } => {
            format!("{}: {value} has come to {limit}: {}", guard.word(), action.word())
        }
        What::Liquidated { equity, needed } => {
            format!("liquidated: equity {equity}, and {needed} is needed")
        }
        What::Booked { for_what, paid } => format!("{}: paid {paid}", for_what.word()),
        What::Split { ratio } => format!("split: {ratio} units for each"),
        What::Standing { change, .. } => change.word().to_owned(),
    }
}

/// The events of the way from one state to another that the walk led to, a step each: first what the
/// session's own rules did on bars after the one `since`, then what is left. `held` accounts were paused by
/// hand, and go on by hand.
pub(super) fn way(
    session: &str,
    (mut from, to): (State, State),
    held: bool,
    since: Option<&str>,
    kept: &Kept<'_>,
) -> Vec<Event> {
    let killed = |what: &What| matches!(what, What::Standing { change: Change::Killed, .. });
    let is_killed = kept.outcome.events.iter().any(|event| killed(&event.what));
    if is_killed && to == State::Closed {
        let kill = || turned(session, from, to, Cause::Kill, "by hand");
        return (from != to).then(kill).into_iter().collect();
    }
    let mut events = Vec::new();
    for (bar, change) in by_rule(kept) {
        let time = kept.time(bar);
        let Some((cause, key)) = rule_of(change) else { continue };
        let is_told = since.is_some_and(|since| time.as_str() <= since);
        if is_told || (held && cause == Some(Cause::Resume)) {
            continue;
        }
        let rules = &kept.work().variant().session.definition.turns;
        let reason = match change {
            Change::Resumed if rules[Turn::Resume as usize].is_none() => {
                format!("`paper.pause_when` is not true any more at the close of {time}")
            }
            _ => format!("`paper.{key}` at the close of {time}"),
        };
        let Some(cause) = cause else {
            let event = Event::new(Utc::now(), EventKind::Check, reason).session(session);
            let event = event.fact("name", key).fact("passed", true);
            events.push(event.fact("bar", time));
            continue;
        };
        // It was opened, or its data came again, before it could do anything by its rules.
        if matches!(from, State::Initializing | State::Suspended) {
            let steps = from.way(State::Active);
            events.extend(
                steps.iter().map(|(cause, to)| turned(session, from, *to, *cause, cause.about())),
            );
            from = State::Active;
        }
        if let Ok(next) = from.after(cause) {
            events.push(turned(session, from, next, cause, &reason).fact("bar", time));
            from = next;
        }
    }
    let steps = if from == to { Vec::new() } else { from.way(to) };
    for (cause, next) in steps {
        let is_ruined = cause == Cause::Stop && kept.outcome.ruined.is_some();
        let reason = match cause {
            _ if is_ruined => "the account is worth nothing any more",
            Cause::Pause | Cause::Resume | Cause::Stop => "by hand",
            _ => cause.about(),
        };
        events.push(turned(session, from, next, cause, reason));
        from = next;
    }
    events
}

/// How the rules of the session changed its standing, and on which bars.
pub(super) fn by_rule(kept: &Kept<'_>) -> impl DoubleEndedIterator<Item = (usize, Change)> {
    kept.outcome.events.iter().filter_map(|event| match event.what {
        What::Standing { change, by_hand: false } => Some((event.bar, change)),
        _ => None,
    })
}

/// What a change by a rule is to the account's state, if it is anything, and the key of the rule.
fn rule_of(change: Change) -> Option<(Option<Cause>, &'static str)> {
    Some(match change {
        Change::Started => (None, "start_when"),
        Change::Paused => (Some(Cause::Pause), "pause_when"),
        Change::Resumed => (Some(Cause::Resume), "resume_when"),
        Change::Stopped => (Some(Cause::Stop), "stop_when"),
        Change::Killed => return None,
    })
}

/// The event of a summary that was written.
pub(super) fn summarized(session: &str) -> Event {
    Event::new(Utc::now(), EventKind::SummaryUpdated, "summary.json was written").session(session)
}

/// The event of a change of state.
pub(super) fn turned(session: &str, from: State, to: State, cause: Cause, reason: &str) -> Event {
    let level = match to {
        State::Suspended => Level::Warning,
        State::Error => Level::Error,
        _ => Level::Info,
    };
    Event::new(Utc::now(), EventKind::State, format!("{from} to {to}: {reason}"))
        .session(session)
        .level(level)
        .fact("from", from.word())
        .fact("to", to.word())
        .fact("cause", cause.word())
        .fact("reason", reason)
}
