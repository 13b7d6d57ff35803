//! One bar of a session, explained: what every let, expression and rule was there, and what the
//! engine made of it.
//!
//! Nothing is stored for this: the session runs again from its settings, and the same settings give
//! the same fills.

use super::{Entry, Trace};
use crate::bars::DAY;
use crate::batch;
use crate::batch::kept::{Kept, stamp};
use crate::engine::{Frame, Outcome};
use crate::expr::{NodeId, Op, Scalar};
use crate::plan::{Plan, Prepared};
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
    /// The account's money at its close.
    pub cash: f64,
    /// The same with the worth of everything that is held.
    pub equity: f64,
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
    /// The expressions that it is computed from. A let among them stands alone: it is told above.
    pub parts: Vec<Said>,
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
    let (session, data) = (&work.variant.session, &work.variant.data);
    let slice = &prepared.slices[work.variant.slice];
    let known = slice.symbols.iter().any(|known| symbol.is_none_or(|symbol| symbol == known));
    if !known {
        return Err(format!("the session trades {}", slice.symbols.join(", ")));
    }
    let bar = bar_at(&slice.frame, at).map_err(|fact| format!("`--at {at}`: {fact}"))?;
    let trace = Trace::of(session, &job.params, data, slice).map_err(|mistake| mistake.title)?;
    let done = batch::alone(prepared, job, true).result.map_err(|failure| failure.error)?;
    let outcome = done.outcome.as_ref().ok_or("the session left no details")?;
    let note = done.note.as_deref();
    let (metrics, parts, fills) = (&done.metrics, done.parts.as_deref(), done.fills);
    let kept = Kept { plan, prepared, job, work, outcome, metrics, parts, fills, note };
    let events = events_of(&kept.events(), &stamp(slice.frame.time[bar]));
    let account = Account { outcome, frame: &slice.frame, bar };
    let symbols = (0..slice.symbols.len())
        .filter(|&index| symbol.is_none_or(|symbol| symbol == slice.symbols[index]))
        .map(|index| symbol_bar(&trace, &account, index, &events));
    Ok(Explanation {
        bar,
        time: stamp(slice.frame.time[bar]),
        local: stamp(slice.frame.local(bar)).trim_end_matches('Z').to_owned(),
        cash: account.cash(),
        equity: account.equity(),
        symbols: symbols.collect(),
    })
}

/// The events of the bar that opens at `time`, and those that were decided on it.
fn events_of(journal: &str, time: &str) -> Vec<Value> {
    let events = journal.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter(|event| event["time"] == time || event["decided"] == time).collect()
}

/// The account around one bar.
struct Account<'a> {
    outcome: &'a Outcome,
    frame: &'a Frame,
    bar: usize,
}

impl Account<'_> {
    /// The units of a symbol that are held at the close of `bar`.
    fn units(&self, symbol: usize, bar: usize) -> f64 {
        let mut stretches = self.outcome.stretches(self.frame.len());
        let held = stretches.find(|(bars, ..)| bars.contains(&bar));
        held.map_or(0.0, |(_, _, units)| units[symbol])
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
        entries.map(|entry| Reading { trace, symbol: index, row }.entry(entry)).collect()
    };
    let is_its = |event: &&Value| event["symbol"] == symbol.as_str();
    let events: Vec<Value> = events.iter().filter(is_its).cloned().collect();
    let before = account.bar.checked_sub(1).map_or(0.0, |bar| account.units(index, bar));
    let units = [before, account.units(index, account.bar)];
    let bars = view.bars;
    let columns = [&bars.open, &bars.high, &bars.low, &bars.close, &bars.volume];
    let prices = row.map(|row| columns.map(|column| column[view.rows.start + row]));
    let decision = decision(trace, account, index, units[1]);
    SymbolBar { symbol, prices, units, lets: said("let"), rules: said("rules"), decision, events }
}

/// What followed from the rules of a symbol at the close of the bar.
fn decision(trace: &Trace<'_>, account: &Account<'_>, symbol: usize, held: f64) -> String {
    let bar = account.bar;
    let orders = account.outcome.orders.iter();
    let orders = orders.filter(|order| order.bar == bar && order.symbol == symbol).count();
    if orders > 0 {
        return crate::diag::counted(orders, "order");
    }
    let signals = &trace.signals[symbol];
    let (long, short) = (signals.enter_long.get(bar), signals.enter_short.get(bar));
    let exits = signals.exit_long.get(bar) || signals.exit_short.get(bar);
    match (long, short) {
        (true, true) => "nothing: both entries are true, and neither acts".to_owned(),
        (true, _) if held > 0.0 => "nothing: the position is long already".to_owned(),
        (_, true) if held < 0.0 => "nothing: the position is short already".to_owned(),
        (true, _) | (_, true) => "nothing: an order of an earlier bar is under way".to_owned(),
        _ if exits && held == 0.0 => "nothing: there is no position to close".to_owned(),
        _ if exits => "nothing: no exit of this side is true".to_owned(),
        _ => "nothing: no rule is true".to_owned(),
    }
}

/// A row of a trace.
struct Reading<'a> {
    trace: &'a Trace<'a>,
    symbol: usize,
    row: usize,
}

impl Reading<'_> {
    /// A let with everything in it; a rule likewise, unless it is a let by another name.
    fn entry(&self, entry: Entry) -> Said {
        let said =
            if entry.table == "rules" { self.part(entry.node) } else { self.node(entry.node) };
        Said { name: entry.name, ..said }
    }

    /// A node with everything that it is computed from.
    fn node(&self, id: NodeId) -> Said {
        Said {
            parts: self.trace.operands(id).map(|part| self.part(part)).collect(),
            ..self.leaf(id)
        }
    }

    fn part(&self, id: NodeId) -> Said {
        match self.trace.let_name(id) {
            Some(name) => Said { text: name.to_owned(), ..self.leaf(id) },
            None => self.node(id),
        }
    }

    fn leaf(&self, id: NodeId) -> Said {
        let column = self.trace.column(self.symbol, id);
        let before = self.row.checked_sub(1).map_or(Scalar::Missing, |row| column.at(row));
        let now = match (&self.trace.node(id).op, column.at(self.row)) {
            // A text is the same on every bar, and no column holds one.
            (Op::Param(index), Scalar::Missing) => self.trace.params[*index].clone(),
            (_, now) => now,
        };
        let text = self.trace.text(id).to_owned();
        Said { name: String::new(), text, before, now, parts: Vec::new() }
    }
}
