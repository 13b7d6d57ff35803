//! The files of a kept session: result.json, session.toml, trades.csv, orders.csv, equity.parquet,
//! prices.parquet and events.jsonl.
//!
//! Their bytes depend on the session alone: no clock, host, path, name or run is in them.

use super::{Done, Failure, panic_text};
use crate::bars::DAY;
use crate::engine::outcome::{Counts, Event, What};
use crate::engine::{Booking, Frame, Intent, Outcome, Side, Trade};
use crate::expr::Graph;
use crate::metrics::account::excursion;
use crate::metrics::backtesting_py::Value as Statistic;
use crate::metrics::{Metric, Metrics, Parts, Unit};
use crate::plan::{Job, Plan, Prepared, Work, file, hex};
use crate::store::{self, EQUITY_FILE, EventKind, PRICES_FILE, equity_parquet, prices_parquet};
use crate::strategy::{Rule, Rules};
use blake3::Hash;
use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The name of the file with the metrics.
pub const RESULT: &str = "result.json";
/// The name of the file with the settings.
pub const SESSION: &str = "session.toml";
/// The name of the file with the trades.
pub const TRADES: &str = "trades.csv";
/// The name of the file with the orders.
pub const ORDERS: &str = "orders.csv";
/// The name of the session's journal.
pub const EVENTS: &str = "events.jsonl";

/// Everything that one kept session leaves.
#[derive(Debug)]
pub struct Kept<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The plan with its data.
    pub prepared: &'a Prepared,
    /// The session.
    pub job: &'a Job,
    /// What it did.
    pub outcome: &'a Outcome,
    /// What it was measured at, and what stands beside.
    pub done: &'a Done,
    /// The session with its rules and settings, if they had been given back.
    again: Option<Prepared>,
}

impl<'a> Kept<'a> {
    /// The session of a job that was run; `None` if it could not be, or not with its details.
    pub fn of(
        plan: &'a Plan,
        prepared: &'a Prepared,
        job: &'a Job,
        done: &'a Done,
    ) -> Option<Self> {
        let outcome = done.outcome.as_ref().filter(|_| job.work.is_ok())?;
        let is_ready = Prepared::is_ready(job);
        let again = (!is_ready).then(|| prepared.part(plan, std::iter::once(job)));
        Some(Self { plan, prepared, job, outcome, done, again })
    }
}

/// The metrics that are defined, as they stand in a file.
pub fn by_name(metrics: &Metrics) -> Map<String, Value> {
    let number = |(metric, value): (Metric, Option<f64>)| {
        let value = value?;
        let is_count = metric.unit() == Unit::Count;
        let number = if is_count { json!(value as u64) } else { json!(value) };
        Some((metric.name().to_owned(), number))
    };
    metrics.iter().filter_map(number).collect()
}

impl Kept<'_> {
    /// The files by name, or what went wrong while they were made: like a session that panics, one of which
    /// something cannot be told does not take the others with it.
    pub fn made(&self) -> Result<Vec<(&'static str, Vec<u8>)>, Failure> {
        catch_unwind(AssertUnwindSafe(|| self.files()))
            .map_err(|panic| Failure { kind: "panic", error: panic_text(panic.as_ref()) })
    }

    /// The files by name.
    pub fn files(&self) -> Vec<(&'static str, Vec<u8>)> {
        vec![
            (RESULT, self.result().into_bytes()),
            (SESSION, self.session().into_bytes()),
            (TRADES, self.trades()),
            (ORDERS, self.orders()),
            (EQUITY_FILE, self.equity()),
            (PRICES_FILE, prices_parquet(&self.prices())),
            (EVENTS, self.events().into_bytes()),
        ]
    }

    fn ready(&self) -> &Job {
        self.again.as_ref().map_or(self.job, |part| &part.jobs[0])
    }

    /// The session, ready.
    pub fn work(&self) -> &Work {
        self.ready().work.as_ref().expect("what could not run leaves nothing to keep")
    }

    pub(super) fn slice(&self) -> &crate::market::Slice {
        &self.prepared.slices[self.work().slice]
    }

    /// The bars of its range.
    pub fn frame(&self) -> &Frame {
        &self.slice().frame
    }

    /// The opening time of a bar, as it stands in every file.
    pub fn time(&self, bar: usize) -> String {
        stamp(self.frame().time[bar])
    }

    /// The name of a symbol.
    pub fn symbol(&self, index: usize) -> &str {
        &self.slice().symbols[index]
    }

    fn result(&self) -> String {
        let slice = self.slice();
        let identity = self.work().identity();
        let days = slice.days();
        let axes: Map<String, Value> = self
            .work()
            .variant()
            .settings()
            .axes
            .words()
            .into_iter()
            .map(|(axis, word)| (axis.to_owned(), word.into()))
            .collect();
        let mut result = json!({
            "schema": 1,
            "identity": hex(&identity.digest(), 64),
            "components": {
                "rules": hex(&identity.rules, 64),
                "settings": hex(&identity.settings, 64),
                "data": hex(&identity.data, 64),
                "engine": identity.engine,
                "schema": identity.schema,
            },
            "symbols": slice.symbols,
            "from": days.map(|(from, _)| from.to_string()),
            "to": days.map(|(_, to)| to.to_string()),
            "bars": slice.frame.len(),
            "days": slice.frame.days.len(),
            "periods_per_year": slice.periods,
            "model": self.work().variant().session.model,
            "axes": axes,
            "note": self.done.note,
            "conflicts": self.outcome.conflicts,
            "costs": self.costs(),
            "refused": reasons(&self.outcome.refused),
            "reduced": reasons(&self.outcome.reduced),
            "tripped": reasons(&self.outcome.tripped),
            "liquidations": self.outcome.liquidations,
            "fills": hex(&self.done.fills, 64),
            "metrics": by_name(&self.done.metrics),
        });
        if let Some(split) = self.split() {
            result["split"] = split;
        }
        let beside = &self.done.beside;
        if !beside.readings.is_empty() {
            let readings = beside.readings.iter();
            let readings = readings.map(|(read, of)| (read.word().to_owned(), by_name(of).into()));
            result["readings"] = Value::Object(readings.collect());
        }
        if let Some(table) = &beside.backtesting_py {
            result["backtesting-py"] = statistics(table).into();
        }
        let text = serde_json::to_string_pretty(&result).expect("JSON values are written");
        format!("{text}\n")
    }

    /// The days in and out of sample, and what they were measured at.
    fn split(&self) -> Option<Value> {
        let (days, parts) = (self.work().variant().split.as_ref()?, self.done.parts.as_deref()?);
        let mut split = Map::new();
        for ((name, days), metrics) in Parts::NAMES.into_iter().zip(days).zip(parts.both()) {
            let part = json!({
                "from": self.slice().day(days.start).to_string(),
                "to": self.slice().day(days.end - 1).to_string(),
                "days": days.len(),
                "metrics": by_name(metrics),
            });
            split.insert(name.to_owned(), part);
        }
        Some(split.into())
    }

    /// What each cost took, of closed trades and open ones; negative where it was received.
    fn costs(&self) -> Value {
        let fills = &self.outcome.fills;
        let mut costs = Map::new();
        // The sum of nothing is -0, which nobody pays.
        let mut say = |name: &str, money: f64| costs.insert(name.to_owned(), json!(money + 0.0));
        say("commission", fills.iter().map(|fill| fill.commission).sum());
        say("slippage", fills.iter().map(|fill| fill.slippage).sum());
        say("spread", fills.iter().map(|fill| fill.spread).sum());
        for booking in Booking::ALL {
            say(booking.word(), self.outcome.paid[booking as usize]);
        }
        costs.into()
    }

    /// The text of session.toml: what the result depends on.
    pub fn session(&self) -> String {
        let text = session_toml(self.plan, self.prepared, self.ready());
        text.expect("what could not run leaves nothing to keep")
    }

    /// The bytes of trades.csv.
    pub fn trades(&self) -> Vec<u8> {
        let header = [
            "symbol",
            "side",
            "units",
            "entry_time",
            "entry_price",
            "exit_time",
            "exit_price",
            "commission",
            "slippage",
            "profit",
            "profit_fraction",
            "bars",
            "mae",
            "mfe",
            "closed_by",
            "spread",
            "decided",
            "order",
            "entry_from",
            "exit_decided",
            "exit_order",
            "exit_from",
            "stop",
            "target",
            "rule",
            "kind",
            "wanted",
            "reduced_by",
        ];
        let rows = self.outcome.trades.iter().map(|trade| {
            let (mae, mfe) = excursion(trade, self.frame());
            let entry = &self.outcome.fills[trade.entry];
            let exit = trade.exit.map(|exit| &self.outcome.fills[exit]);
            let price = |price: Option<f64>| price.map_or_else(String::new, |it| it.to_string());
            let order = |order: Option<usize>| order.map_or_else(String::new, |n| n.to_string());
            let asked = entry.order.map(|number| &self.outcome.orders[number]);
            let wanted = asked.and_then(|asked| asked.wanted);
            let reduced = asked.and_then(|asked| asked.reduced);
            vec![
                self.symbol(trade.symbol).to_owned(),
                trade.side.word().to_owned(),
                trade.units.to_string(),
                self.time(trade.entry_bar),
                trade.entry_price.to_string(),
                self.time(trade.exit_bar),
                trade.exit_price.to_string(),
                trade.commission.to_string(),
                trade.slippage.to_string(),
                trade.profit.to_string(),
                trade.profit_fraction().to_string(),
                trade.exit_bar.saturating_sub(trade.entry_bar).to_string(),
                mae.to_string(),
                mfe.to_string(),
                trade.closed_by.map_or("", |by| by.word()).to_owned(),
                trade.spread.to_string(),
                self.time(entry.decided),
                order(entry.order),
                entry.basis.word().to_owned(),
                exit.map_or_else(String::new, |exit| self.time(exit.decided)),
                order(exit.and_then(|exit| exit.order)),
                exit.map_or("", |exit| exit.basis.word()).to_owned(),
                price(trade.stop),
                price(trade.target),
                self.entry_rule(trade).key().to_owned(),
                asked.map_or("", |asked| asked.kind.word()).to_owned(),
                wanted.map_or_else(String::new, |units| units.to_string()),
                reduced.map_or("", |(reason, _)| reason.word()).to_owned(),
            ]
        });
        csv(&header, rows)
    }

    /// Its rules, and the graph that they are bound to.
    pub(super) fn rules(&self) -> (&Rules, &Graph) {
        (self.work().rules(), &self.again.as_ref().unwrap_or(self.prepared).graph)
    }

    /// The rule that a trade was entered by.
    fn entry_rule(&self, trade: &Trade) -> Rule {
        let rules = self.rules().0.of(trade.symbol);
        match trade.side {
            _ if rules.bound(Rule::Weight).is_some() => Rule::Weight,
            Side::Long => Rule::EnterLong,
            Side::Short => Rule::EnterShort,
        }
    }

    /// The bytes of orders.csv.
    pub fn orders(&self) -> Vec<u8> {
        let header = [
            "time",
            "symbol",
            "intent",
            "reason",
            "status",
            "filled",
            "kind",
            "limit",
            "trigger",
            "wanted",
            "reduced_to",
            "reduced_by",
        ];
        let number = |number: Option<f64>| number.map_or_else(String::new, |n| n.to_string());
        // What was taken back may have been filled in part.
        let mut filled = vec![None; self.outcome.orders.len()];
        for fill in &self.outcome.fills {
            if let Some(order) = fill.order {
                filled[order] = Some(fill.bar);
            }
        }
        let rows = self.outcome.orders.iter().zip(filled).map(|(order, filled)| {
            let (intent, reason) = match order.intent {
                Intent::Open(side) => (format!("open {}", side.word()), "rule"),
                Intent::Close(by) => ("close".to_owned(), by.word()),
            };
            vec![
                self.time(order.bar),
                self.symbol(order.symbol).to_owned(),
                intent,
                reason.to_owned(),
                order.status.words(),
                filled.map_or_else(String::new, |bar| self.time(bar)),
                order.kind.word().to_owned(),
                number(order.limit),
                number(order.trigger),
                number(order.wanted),
                number(order.reduced.map(|(_, units)| units)),
                order.reduced.map_or("", |(reason, _)| reason.word()).to_owned(),
            ]
        });
        csv(&header, rows)
    }

    /// The account's worth at the close of every bar.
    pub fn equity_series(&self) -> Vec<f64> {
        let frame = self.frame();
        let closes: Vec<&[f64]> = frame.symbols.iter().map(|symbol| &symbol.close[..]).collect();
        self.outcome.equity(&closes, frame.len())
    }

    fn equity(&self) -> Vec<u8> {
        let slice = self.slice();
        let frame = self.frame();
        let equity = self.equity_series();
        let capital = self.work().variant().settings().capital;
        let mut peak = capital;
        let drawdown: Vec<f64> = equity
            .iter()
            .map(|&equity| {
                peak = if equity > peak { equity } else { peak };
                1.0 - equity / peak
            })
            .collect();
        let mut benchmark = vec![f64::NAN; equity.len()];
        for (day, worth) in frame.days.iter().zip(&slice.benchmark_curve) {
            benchmark[day.end - 1] = capital * worth;
        }
        equity_parquet(&frame.time, &equity, &drawdown, Some(&benchmark))
    }

    /// Orders and fills in the order in which they happened.
    pub fn events(&self) -> String {
        let mut events: Vec<(usize, u8, Value)> = Vec::new();
        for (number, order) in self.outcome.orders.iter().enumerate() {
            let (intent, side) = match order.intent {
                Intent::Open(side) => ("open", Some(side.word())),
                Intent::Close(_) => ("close", None),
            };
            let event = json!({
                "time": self.time(order.bar),
                "type": "order",
                "symbol": self.symbol(order.symbol),
                "intent": intent,
                "side": side,
                "kind": order.kind.word(),
                "limit": order.limit,
                "trigger": order.trigger,
                "order": number,
                "wanted": order.wanted,
                "reduced_to": order.reduced.map(|(_, units)| units),
                "reduced_by": order.reduced.map(|(reason, _)| reason.word()),
                "status": order.status.words(),
            });
            events.push((order.bar, 2, event));
        }
        for fill in &self.outcome.fills {
            let event = json!({
                "time": self.time(fill.bar),
                "type": "fill",
                "symbol": self.symbol(fill.symbol),
                "moment": fill.moment.word(),
                "units": fill.units,
                "price": fill.price,
                "commission": fill.commission,
                "slippage": fill.slippage,
                "spread": fill.spread,
                "reference": fill.reference,
                "from": fill.basis.word(),
                "order": fill.order,
                "closed_by": fill.closed_by.map(|by| by.word()),
                "decided": self.time(fill.decided),
            });
            events.push((
                fill.bar,
                if fill.moment == crate::engine::Moment::Close { 3 } else { 1 },
                event,
            ));
        }
        for event in &self.outcome.events {
            events.push((event.bar, 2, self.event(event)));
        }
        events.sort_by_key(|(bar, moment, _)| (*bar, *moment));
        events.into_iter().map(|(_, _, event)| format!("{event}\n")).collect()
    }
}

impl Kept<'_> {
    /// What happened beside orders and fills.
    fn event(&self, event: &Event) -> Value {
        let (kind, facts) = self.words(event);
        let mut line = Map::new();
        line.insert("time".into(), self.time(event.bar).into());
        line.insert("type".into(), kind.into());
        line.insert("symbol".into(), event.symbol.map(|symbol| self.symbol(symbol)).into());
        if let Value::Object(facts) = facts {
            line.extend(facts);
        }
        line.into()
    }

    /// What happened beside orders and fills: its kind, and what is to be known of it.
    pub fn words(&self, event: &Event) -> (&'static str, Value) {
        match event.what {
            What::Refused { order, reason } => {
                ("refused", json!({ "order": order, "reason": reason.word() }))
            }
            What::Cancelled { order, cause } => {
                ("cancelled", json!({ "order": order, "reason": cause.word() }))
            }
            What::Reduced { order, reason, from, to } => {
                let facts =
                    json!({ "order": order, "reason": reason.word(), "from": from, "to": to });
                ("reduced", facts)
            }
            What::Tripped { guard, action, value, limit } => (
                "tripped",
                json!({ "guard": guard.word(), "action": action.word(), "value": value, "limit": limit }),
            ),
            What::Liquidated { equity, needed } => {
                ("liquidated", json!({ "equity": equity, "needed": needed }))
            }
            What::Booked { for_what, paid } => {
                ("booked", json!({ "for": for_what.word(), "paid": paid }))
            }
            What::Split { ratio } => ("split", json!({ "ratio": ratio })),
            What::Standing { change, by_hand } => (
                "state",
                json!({ "change": change.word(), "by": if by_hand { "command" } else { "rule" } }),
            ),
        }
    }
}

/// The journal that a session left, as the events of the session `key`: each at the time of its bar.
pub fn journalled(key: &str, text: &str) -> Vec<store::Event> {
    let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    lines.filter_map(|line: Map<String, Value>| event_of(key, line)).collect()
}

/// A line of a session's journal as an event: numbers are metrics, the rest are facts, and its texts
/// the message.
fn event_of(key: &str, mut line: Map<String, Value>) -> Option<store::Event> {
    let time = DateTime::parse_from_rfc3339(line.shift_remove("time")?.as_str()?).ok()?.to_utc();
    let word = line.shift_remove("type")?.as_str()?.to_owned();
    let kind = match word.as_str() {
        "order" | "cancelled" => EventKind::Order,
        "fill" | "booked" | "split" => EventKind::Fill,
        _ => EventKind::Risk,
    };
    let texts = line.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    let said = texts.map(|(name, text)| format!("{name} {text}"));
    let message = std::iter::once(word.clone()).chain(said).collect::<Vec<_>>().join(", ");
    let event = store::Event::new(time, kind, message).session(key).phase("bars");
    let event = event.fact("what", word);
    Some(line.into_iter().fold(event, |event, (name, value)| match value.as_f64() {
        Some(number) => event.metric(&name, number),
        None => event.fact(&name, value),
    }))
}

/// What a session that failed leaves: its settings, and why.
pub fn failed(
    plan: &Plan,
    prepared: &Prepared,
    job: &Job,
    failure: &Failure,
) -> Option<Vec<(&'static str, Vec<u8>)>> {
    let part = prepared.part(plan, std::iter::once(job));
    let work = part.jobs.first()?.work.as_ref().ok()?;
    let result = json!({
        "schema": 1,
        "identity": hex(&work.identity().digest(), 64),
        "status": "failed",
        "kind": failure.kind,
        "error": failure.error,
    });
    let text = serde_json::to_string_pretty(&result).expect("JSON values are written");
    let session = session_toml(plan, prepared, &part.jobs[0])?;
    Some(vec![(RESULT, format!("{text}\n").into_bytes()), (SESSION, session.into_bytes())])
}

/// Whether `files` are what a session of this identity left when it completed.
pub(super) fn is_result_of(files: &[(String, Vec<u8>)], identity: &Hash) -> bool {
    let result = files.iter().find(|(name, _)| name == RESULT);
    let result = result.and_then(|(_, bytes)| serde_json::from_slice::<Value>(bytes).ok());
    result.is_some_and(|result| {
        result["identity"] == identity.to_hex().as_str() && result.get("metrics").is_some()
    })
}

/// The text of session.toml of `job`, which is ready; `None` if it cannot run.
pub(super) fn session_toml(plan: &Plan, prepared: &Prepared, job: &Job) -> Option<String> {
    let (point, work) = (&plan.points[job.index], job.work.as_ref().ok()?);
    let days = prepared.slices[work.slice].days();
    let session = &work.variant().session;
    let params = plan.base(point).params(point, session);
    Some(file::session_toml(plan.base(point), point, &session.definition, &params, days))
}

/// An instant as the files write it.
pub fn stamp(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    let is_whole = micros % 1_000_000 == 0;
    let digits = if is_whole { SecondsFormat::Secs } else { SecondsFormat::Micros };
    time.to_rfc3339_opts(digits, true)
}

/// The table of backtesting.py as that package writes it.
fn statistics(table: &[(&'static str, Option<Statistic>)]) -> Map<String, Value> {
    let rows = table.iter().map(|(name, value)| {
        let value = match *value {
            None => Value::Null,
            Some(Statistic::Number(number)) => json!(number),
            Some(Statistic::Time(micros)) => stamp(micros).into(),
            Some(Statistic::Span(micros)) => length(micros).into(),
        };
        ((*name).to_owned(), value)
    });
    rows.collect()
}

/// A length of time as pandas writes it: `830 days 00:00:00`.
fn length(micros: i64) -> String {
    let (days, seconds) = (micros.div_euclid(DAY), micros.rem_euclid(DAY) / 1_000_000);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{days} days {hours:02}:{minutes:02}:{:02}", seconds % 60)
}

/// How often each reason occurred.
fn reasons(counts: &Counts) -> Map<String, Value> {
    counts.iter().map(|(reason, count)| (reason.word().to_owned(), count.into())).collect()
}

fn csv(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let wrote = "a row is written to memory";
    writer.write_record(header).expect(wrote);
    for row in rows {
        writer.write_record(row).expect(wrote);
    }
    writer.into_inner().expect(wrote)
}
