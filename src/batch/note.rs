//! What should be said beside the numbers of a session: never a silent success without trades.

use crate::diag::counted;
use crate::engine::model::Fill as When;
use crate::engine::{Booking, ClosedBy, Fill, Hand, Moment, Outcome, Reason, Settings};
use crate::market::{Slice, Verdict};
use crate::strategy::Signals;

/// The notes of a session, or `None`. `never_full` says that no symbol has a bar on which all of its rules
/// have a value.
pub(super) fn note(
    outcome: &Outcome,
    settings: &Settings,
    hand: Hand<'_>,
    slice: &Slice,
    never_full: impl FnOnce() -> bool,
    signals: &[Signals],
) -> Option<String> {
    let mut notes = Vec::new();
    if settings.axes.fill == When::Close {
        notes.push("decides and fills on the same close".to_owned());
    }
    if outcome.fills.is_empty() {
        let bars = slice.frame.len();
        let why = match outcome.order_count {
            0 if never_full() => format!(
                "the rules had no value on any of {bars} bars: a window that is never full, or \
                 something in them that is always missing"
            ),
            0 => why_undecided(outcome, bars, signals),
            _ => why_idle(outcome, settings, hand),
        };
        notes.push(format!("no trades: {why}"));
    } else if [Reason::Leg, Reason::LegBar].iter().any(|&why| outcome.refused.of(why) > 0) {
        notes.push(format!("legs were refused together: {}", refusals(outcome)));
    }
    notes.extend(nights(outcome));
    notes.extend(doubts(&slice.verdicts));
    let dividends = -outcome.paid[Booking::Dividends as usize];
    if dividends != 0.0 {
        notes.push(format!(
            "dividends of {dividends:.2} went to cash; with adjusted prices (`data.adjust = \
             \"total\"`) they buy more units"
        ));
    }
    if let Some(bar) = outcome.ruined {
        notes.push(format!("the account was worth nothing after bar {bar}, and ended there"));
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// How often positions stayed over a night that they should not have stayed over.
fn nights(outcome: &Outcome) -> Option<String> {
    let late =
        |fill: &&Fill| fill.closed_by == Some(ClosedBy::Overnight) && fill.moment == Moment::Open;
    let mut bars: Vec<usize> = outcome.fills.iter().filter(late).map(|fill| fill.bar).collect();
    bars.dedup();
    (!bars.is_empty()).then(|| {
        format!(
            "held over {}, because the bar that ends the day is missing, and closed at the next \
             open: `data.calendar` says when days end, which else is at midnight",
            counted(bars.len(), "night")
        )
    })
}

/// What is doubtful about the data of the session's symbols, each doubt once.
fn doubts(verdicts: &[Verdict]) -> Vec<String> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for verdict in verdicts {
        for doubt in &verdict.doubts {
            match found.iter_mut().find(|(known, _)| known == doubt) {
                Some((_, symbols)) => symbols.push(&verdict.symbol),
                None => found.push((doubt, vec![&verdict.symbol])),
            }
        }
    }
    let told = |(doubt, symbols): (&str, Vec<&str>)| match symbols.len() {
        1 => format!("{}: {doubt}", symbols[0]),
        many => format!("{} and {} more: {doubt}", symbols[0], many - 1),
    };
    found.into_iter().map(told).collect()
}

/// Why nothing was even ordered.
fn why_undecided(outcome: &Outcome, bars: usize, signals: &[Signals]) -> String {
    let on = |wanted: &dyn Fn(usize, &Signals) -> bool| {
        let is_wanted = |bar: &usize| signals.iter().any(|signals| wanted(*bar, signals));
        (0..bars).filter(is_wanted).count()
    };
    if signals.iter().any(|signals| signals.weight.is_some()) {
        let weight = |bar: usize, signals: &Signals| signals.weight.as_ref().map(|it| it[bar]);
        return match on(&|bar, signals| weight(bar, signals).is_some_and(|it| it.abs() > 0.0)) {
            0 => "no weight was ever above or below 0".to_owned(),
            some => format!(
                "a weight was above or below 0 on {some} of {bars} bars, none of them a rebalance of \
                 `execution.rebalance` or beyond its threshold"
            ),
        };
    }
    if outcome.conflicts > 0 {
        return format!(
            "both entries were true on all {} bars on which one was",
            outcome.conflicts
        );
    }
    match on(&|bar, signals| signals.enter_long.get(bar) || signals.enter_short.get(bar)) {
        0 => "no entry rule was ever true in the range".to_owned(),
        some => format!(
            "an entry rule was true on {some} of {bars} bars, and none came to an order before the \
             range ended; `execution.delay` may be longer than what is left"
        ),
    }
}

/// Why nothing that was ordered was traded.
fn why_idle(outcome: &Outcome, settings: &Settings, hand: Hand<'_>) -> String {
    let refused = outcome.refusals();
    if refused == 0 && hand.approves {
        return "no entry was approved; see `papertape paper status`".to_owned();
    }
    if refused == 0 {
        let trading = &settings.trading;
        let thin = trading.min_volume > 0.0 || trading.max_participation.is_some();
        let volume = if thin { " or a bar of enough volume" } else { "" };
        return format!("no order found its price{volume}, or was decided before the last bar");
    }
    if outcome.refused.of(Reason::NoCash) == refused {
        return format!("no cash: the account could not pay any of {refused} entries");
    }
    let others = match outcome.order_count > refused {
        true => ", and no other found its price",
        false => "",
    };
    format!("every entry was refused: {}{others}", refusals(outcome))
}

/// Each reason for which entries were refused, with how many were.
fn refusals(outcome: &Outcome) -> String {
    let reasons = outcome.refused.iter();
    let reasons: Vec<String> =
        reasons.map(|(reason, count)| format!("{} ({count})", reason.word())).collect();
    reasons.join(", ")
}
