//! One bar of a session, explained: what every let, expression and rule was there, and what the
//! engine made of it.
//!
//! Nothing is stored for this: the session runs again from its settings, and the same settings give
//! the same fills.

use super::decision::decision;
use super::{Entry, Trace};
use crate::bars::{DAY, duration};
use crate::batch;
use crate::batch::kept::{Kept, stamp};
use crate::engine::waiting::What;
use crate::engine::{Frame, Outcome, Settings, Waiting, Walk};
use crate::expr::{Graph, NodeId, Op, Scalar, View};
use crate::plan::{Plan, Prepared};
use crate::strategy::Signals;
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::Value;

/// What happened on one bar of a session.
#[derive(Debug)]
pub struct Explanation {
    /// The number of the bar, counted from the start of the range.
    pub bar: usize,
    /// Its opening time, as files write it.
    pub time: String,
    /// The same in the data's zone.
    pub local: String,
    /// The values of the parameters that its rules were read with.
    pub params: Vec<Scalar>,
    /// The account's money at its close.
    pub cash: f64,
    /// The same with the worth of everything that is held.
    pub equity: f64,
    /// What happened to the account as a whole, such as a guard that tripped, as in events.jsonl.
    pub events: Vec<Value>,
    /// The symbols in the session's order.
    pub symbols: Vec<SymbolBar>,
}

/// What the bar was to one symbol.
#[derive(Debug)]
pub struct SymbolBar {
    /// The symbol.
    pub symbol: String,
    /// Open, high, low, close and volume; `None` where the symbol has no such bar.
    pub prices: Option<[f64; 5]>,
    /// Units held before the bar and after it, negative when owed.
    pub units: [f64; 2],
    /// The lets.
    pub lets: Vec<Said>,
    /// The rules.
    pub rules: Vec<Said>,
    /// What followed from the rules at this bar's close.
    pub decision: String,
    /// Orders that wait, and the levels that end what is held.
    pub waiting: Vec<Waits>,
    /// Orders and fills of this bar, and later fills that were decided on it, as in events.jsonl.
    pub events: Vec<Value>,
}

/// An expression with its value on the bar and on the symbol's bar before.
#[derive(Debug)]
pub struct Said {
    /// The name of the let or rule; empty for a part of one.
    pub name: String,
    /// The expression as it is written.
    pub text: String,
    /// Its value on the bar before; missing on the first.
    pub before: Scalar,
    /// Its value.
    pub now: Scalar,
    /// The bar that it is read on, if that is another one than the symbol's own.
    pub elsewhere: Option<Elsewhere>,
    /// The expressions that it is computed from. A let among them stands alone: it is told above.
    pub parts: Vec<Said>,
}

/// The bar on which something inside `@` or `at` is read; the bar before is then that one's.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    /// The symbol.
    pub symbol: String,
    /// The length of its bars, such as `1d`.
    pub timeframe: String,
    /// Its opening time, as files write it; `None` while there is none that has closed.
    pub time: Option<String>,
}

/// An order that waits, or a level that ends what is held: how it stood at the close of the bar before,
/// when it was to meet this bar, and at the close of this bar.
#[derive(Debug, Clone)]
pub struct Waits {
    /// What it is, such as `limit entry` or `trailing_stop`.
    pub what: String,
    /// `long` or `short`.
    pub side: Option<&'static str>,
    /// Units that it is for.
    pub units: Option<f64>,
    /// When the order was decided, or the entry filled, as files write it.
    pub since: Option<String>,
    /// Its price at the close of the bar before; none for what takes the next price, or came later.
    pub before: Option<f64>,
    /// Its price now; none for what takes the next price, or waits no more.
    pub now: Option<f64>,
    /// The price that wakes it.
    pub trigger: Option<f64>,
    /// Whether it waits still.
    pub waits: bool,
    /// The bar on which it happens, or before which it is taken away.
    pub due: Option<String>,
}

/// The bar of `frame` that `text` means: its number in the range, a day, a local time, or an instant
/// with its offset from UTC.
pub fn bar_at(frame: &Frame, text: &str) -> Result<usize, String> {
    let len = frame.len();
    if let Ok(number) = text.parse::<usize>() {
        return match number < len {
            true => Ok(number),
            false => Err(format!("the range has the bars 0 to {}", len.saturating_sub(1))),
        };
    }
    let local = |format: &str| NaiveDateTime::parse_from_str(text, format).ok();
    let formats = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
    let micros = |time: NaiveDateTime| time.and_utc().timestamp_micros();
    let found = if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        bar_during(frame, instant.timestamp_micros(), |time| time)
    } else if let Some(time) = formats.iter().find_map(|format| local(format)) {
        bar_during(frame, micros(time), |time| frame.zone.local(time))
    } else if let Ok(day) = text.parse::<NaiveDate>() {
        let start = micros(day.and_time(chrono::NaiveTime::MIN));
        // The first bar of the day, or the one that the day falls into.
        let first = frame.time.partition_point(|&time| frame.zone.local(time) < start);
        match first < len && frame.local(first) < start + DAY {
            true => Ok(first),
            false => bar_during(frame, start, |time| frame.zone.local(time)),
        }
    } else {
        let fact = "write a day such as 2026-11-20, a local time such as 2026-11-20T15:30, an \
                    instant such as 2026-11-20T20:30:00Z, or the number of a bar";
        return Err(fact.to_owned());
    };
    found.map_err(|next| match next {
        0 => format!("the range begins with {}", stamp(frame.time[0])),
        next if next == len => format!("the range ends with {}", stamp(frame.time[len - 1])),
        next => {
            let (before, after) = (stamp(frame.time[next - 1]), stamp(frame.time[next]));
            format!("there is no bar then; the nearest are {before} and {after}")
        }
    })
}

/// The bar that had begun at `time` and not ended, opening times told by `clock`; else the bar that
/// comes next.
fn bar_during(frame: &Frame, time: i64, clock: impl Fn(i64) -> i64) -> Result<usize, usize> {
    let next = frame.time.partition_point(|&open| clock(open) <= time);
    match next.checked_sub(1) {
        Some(bar) if time < clock(frame.time[bar]) + frame.timeframe => Ok(bar),
        _ => Err(next),
    }
}

/// Run the one session of `plan` again, and explain the bar that `at` means; of `symbol` alone, if one
/// is named.
pub fn explain(
    plan: &Plan,
    prepared: &Prepared,
    at: &str,
    symbol: Option<&str>,
) -> Result<Explanation, String> {
    let job = prepared.jobs.first().ok_or("there is no such session")?;
    let work = job.work.as_ref().map_err(Clone::clone)?;
    let (session, data) = (&work.variant().session, &work.variant().data);
    let slice = &prepared.slices[work.slice];
    let known = slice.symbols.iter().any(|known| symbol.is_none_or(|symbol| symbol == known));
    if !known {
        return Err(format!("the session trades {}", slice.symbols.join(", ")));
    }
    let bar = bar_at(&slice.frame, at).map_err(|fact| format!("`--at {at}`: {fact}"))?;
    // A paper account may have been given other parameters since it was opened: each bar is explained
    // with those that its rules were read with.
    let changes = &work.told().changes;
    let changed = changes.iter().map(|it| (it.from, &it.params[..]));
    let all = std::iter::once((0, job.params())).chain(changed);
    let mut graphs: Vec<Graph> = all.clone().map(|_| Graph::default()).collect();
    let mut signals: Vec<Signals> = Vec::new();
    let mut read = None;
    for ((from, params), graph) in all.zip(&mut graphs) {
        let trace = Trace::of(session, params, data, slice, graph);
        let trace = trace.map_err(|mistake| mistake.title)?;
        signals = match signals.is_empty() {
            true => trace.signals.clone(),
            false => signals.iter().zip(&trace.signals).map(|(a, b)| a.until(from, b)).collect(),
        };
        read = if from <= bar { Some(trace) } else { read };
    }
    let trace = read.ok_or("the session has no rules")?;
    let done = batch::alone(plan, prepared, job, true).result.map_err(|failure| failure.error)?;
    let kept = Kept::of(plan, prepared, job, &done).ok_or("the session left no details")?;
    let outcome = kept.outcome;
    let events = events_of(&kept.events(), &stamp(slice.frame.time[bar]));
    let (frame, settings) = (&slice.frame, work.variant().settings());
    let waiting = |bar| Walk::default().waiting(frame, &signals, settings, work.hand(), bar);
    let (before, after) = (bar.checked_sub(1).map(waiting).unwrap_or_default(), waiting(bar));
    let account = Account { outcome, frame, settings, bar, before, after };
    let symbols = (0..slice.symbols.len())
        .filter(|&index| symbol.is_none_or(|symbol| symbol == slice.symbols[index]))
        .map(|index| symbol_bar(&trace, &account, index, &events));
    let symbols = symbols.collect();
    Ok(Explanation {
        bar,
        time: stamp(slice.frame.time[bar]),
        local: stamp(slice.frame.local(bar)).trim_end_matches('Z').to_owned(),
        params: trace.params.clone(),
        cash: account.cash(),
        equity: account.equity(),
        events: events.into_iter().filter(|event| event["symbol"].is_null()).collect(),
        symbols,
    })
}

/// The events of the bar that opens at `time`, those that were decided on it, and the orders that
/// they are about. What risk did to an order stands on the order's own line, and nowhere else.
fn events_of(journal: &str, time: &str) -> Vec<Value> {
    let events = journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let events: Vec<Value> = events.collect();
    let is_here = |event: &&Value| event["time"] == time || event["decided"] == time;
    let here = events.iter().filter(is_here);
    let orders: Vec<u64> = here.filter_map(|event| event["order"].as_u64()).collect();
    let is_told = |event: &Value| match event["type"].as_str() {
        Some("order") => event["order"].as_u64().is_some_and(|order| orders.contains(&order)),
        Some("refused" | "reduced" | "cancelled") => false,
        _ => is_here(&event),
    };
    events.iter().filter(|event| is_told(event)).cloned().collect()
}

/// The account around one bar.
pub(super) struct Account<'a> {
    pub outcome: &'a Outcome,
    pub frame: &'a Frame,
    pub settings: &'a Settings,
    pub bar: usize,
    /// What waited at the close of the bar before.
    pub before: Vec<Waiting>,
    /// What waits at the close of this bar.
    pub after: Vec<Waiting>,
}

impl Account<'_> {
    /// The units of a symbol that are held at the close of `bar`.
    pub(super) fn units(&self, symbol: usize, bar: usize) -> f64 {
        let mut stretches = self.outcome.stretches(self.frame.len());
        let held = stretches.find(|(bars, ..)| bars.contains(&bar));
        held.map_or(0.0, |(_, _, units)| units[symbol])
    }

    /// Whether something waited for a symbol when the bar began that is such a thing.
    pub(super) fn waits(&self, symbol: usize, such: impl Fn(What) -> bool) -> bool {
        self.before.iter().any(|waiting| waiting.symbol == symbol && such(waiting.what))
    }

    /// What waited for a symbol at the close of the bar before, and what waits now.
    fn waiting(&self, symbol: usize) -> Vec<Waits> {
        let of = |all: &[Waiting]| -> Vec<Waiting> {
            all.iter().filter(|waiting| waiting.symbol == symbol).copied().collect()
        };
        let (before, mut after) = (of(&self.before), of(&self.after));
        let mut all = Vec::new();
        for old in before {
            let is_it =
                |new: &Waiting| (new.what, new.side, new.since) == (old.what, old.side, old.since);
            let found = after.iter().position(is_it).map(|at| after.remove(at));
            all.push(self.told(Some(old), found));
        }
        all.extend(after.into_iter().map(|new| self.told(None, Some(new))));
        all
    }

    fn told(&self, before: Option<Waiting>, now: Option<Waiting>) -> Waits {
        let waiting = now.or(before).expect("one of them is told");
        let time = |bar: usize| stamp(self.frame.time[bar]);
        Waits {
            what: waiting.what.words(),
            side: waiting.side.map(|side| side.word()),
            units: waiting.units,
            since: waiting.since.map(time),
            before: before.and_then(|before| before.price),
            now: now.and_then(|now| now.price),
            trigger: waiting.trigger,
            waits: now.is_some(),
            due: waiting.due.filter(|&bar| bar < self.frame.len()).map(time),
        }
    }

    fn cash(&self) -> f64 {
        let mut stretches = self.outcome.stretches(self.frame.len());
        let held = stretches.find(|(bars, ..)| bars.contains(&self.bar));
        held.map_or(f64::NAN, |(_, cash, _)| cash)
    }

    fn equity(&self) -> f64 {
        let closes: Vec<&[f64]> = self.frame.symbols.iter().map(|bars| &bars.close[..]).collect();
        let equity = self.outcome.equity(&closes, self.frame.len());
        equity.get(self.bar).copied().unwrap_or(f64::NAN)
    }
}

fn symbol_bar(
    trace: &Trace<'_>,
    account: &Account<'_>,
    index: usize,
    events: &[Value],
) -> SymbolBar {
    let view = trace.slice.view(index);
    let symbol = trace.slice.symbols[index].clone();
    let times = &view.bars.time[view.rows.clone()];
    let row = times.binary_search(&account.frame.time[account.bar]).ok();
    let said = |table: &str| -> Vec<Said> {
        let Some(row) = row else { return Vec::new() };
        let is_its = |entry: &Entry| entry.leg.is_none_or(|leg| leg == index);
        let entries = trace.entries().into_iter();
        let entries = entries.filter(|entry| entry.table == table && is_its(entry));
        let reading = Reading { trace, own: index, series: index, row: Some(row) };
        entries.map(|entry| reading.entry(entry)).collect()
    };
    let is_its = |event: &&Value| event["symbol"] == symbol.as_str();
    let events: Vec<Value> = events.iter().filter(is_its).cloned().collect();
    let before = account.bar.checked_sub(1).map_or(0.0, |bar| account.units(index, bar));
    let units = [before, account.units(index, account.bar)];
    let bars = view.bars;
    let columns = [&bars.open, &bars.high, &bars.low, &bars.close, &bars.volume];
    let prices = row.map(|row| columns.map(|column| column[view.rows.start + row]));
    SymbolBar {
        symbol,
        prices,
        units,
        lets: said("let"),
        rules: said("rules"),
        decision: decision(trace, account, index),
        waiting: account.waiting(index),
        events,
    }
}

/// A row of a series of a trace.
#[derive(Clone, Copy)]
struct Reading<'a> {
    trace: &'a Trace<'a>,
    /// The symbol whose rules are read: the series of its own bars.
    own: usize,
    /// The series that is read.
    series: usize,
    /// Its row; `None` where none of its bars has closed.
    row: Option<usize>,
}

impl Reading<'_> {
    /// A let with everything in it; a rule likewise, unless it is a let by another name.
    fn entry(self, entry: Entry) -> Said {
        let said =
            if entry.table == "rules" { self.part(entry.node) } else { self.node(entry.node) };
        Said { name: entry.name, ..said }
    }

    /// A node with everything that it is computed from.
    fn node(self, id: NodeId) -> Said {
        let parts = match self.trace.beyond(self.series, id) {
            Some((inner, series)) => {
                let columns = &self.trace.columns;
                let row = self.row.and_then(|row| columns.known(self.series, row, series));
                vec![Self { series, row, ..self }.part(inner)]
            }
            None => self.trace.operands(id).map(|part| self.part(part)).collect(),
        };
        Said { parts, ..self.leaf(id) }
    }

    fn part(self, id: NodeId) -> Said {
        match self.trace.let_name(id) {
            // What is told above is what the let is on the symbol's own bars.
            Some(name) if self.series == self.own => {
                Said { text: name.to_owned(), ..self.leaf(id) }
            }
            Some(name) => Said { name: name.to_owned(), ..self.node(id) },
            None => self.node(id),
        }
    }

    fn leaf(self, id: NodeId) -> Said {
        let column = self.trace.columns.spread(self.series, &self.trace.bound[id]);
        let at = |row: Option<usize>| row.map_or(Scalar::Missing, |row| column.at(row));
        let before = at(self.row.and_then(|row| row.checked_sub(1)));
        let now = match (&self.trace.node(id).op, at(self.row)) {
            // A text is the same on every bar, and no column holds one.
            (Op::Param(index), Scalar::Missing) => self.trace.params[*index].clone(),
            (_, now) => now,
        };
        let text = self.trace.text(id).to_owned();
        let elsewhere = (self.series != self.own).then(|| self.elsewhere());
        Said { name: String::new(), text, before, now, elsewhere, parts: Vec::new() }
    }

    fn elsewhere(self) -> Elsewhere {
        let View { bars, rows, .. } = self.trace.columns.view(self.series);
        Elsewhere {
            symbol: bars.symbol.clone(),
            timeframe: duration::text(bars.clock.timeframe),
            time: self.row.map(|row| stamp(bars.time[rows.start + row])),
        }
    }
}
