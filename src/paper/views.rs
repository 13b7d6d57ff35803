//! The files of an account that can be made again at any time: how it is, what it did, what it was
//! worth.

use super::account::Account;
use super::checkpoint::Checkpoint;
use super::life::State;
use crate::batch::kept::{Kept, by_name};
use crate::engine::{ENGINE, OrderStatus};
use crate::metrics::Metric;
use crate::store::{ACCOUNT_FILE, AccountDirectory, AccountReader, StoreError};
use crate::strategy::Rule;
use chrono::DateTime;
use serde_json::{Value, json};
use std::iter;

/// The name of the view of what an account was worth.
pub const EQUITY: &str = "equity.csv";

/// The name of the view of its trades.
const TRADES: &str = "trades.csv";

/// The name of the summary of an account.
pub(super) const SUMMARY: &str = "summary.json";

/// The names and bytes of all views but [`EquityView`]; `how` tells how the account is.
pub(super) fn all(kept: &Kept<'_>, how: &Value) -> Vec<(&'static str, Vec<u8>)> {
    iter::once((TRADES, kept.trades())).chain(standing(how)).collect()
}

/// The names and bytes of the views of `how` an account is.
pub(super) fn standing(how: &Value) -> [(&'static str, Vec<u8>); 2] {
    [(SUMMARY, text(&summary(how))), (ACCOUNT_FILE, text(how))]
}

/// Whether one of the views is not there, or tells nothing.
pub(super) fn lacks_one(reader: &AccountReader) -> bool {
    let is_there = |name: &&str| reader.path().join(name).exists();
    let tells = |name: &&str| view(reader, name).is_ok_and(|view| view.is_object());
    ![TRADES, EQUITY].iter().all(is_there) || ![SUMMARY, ACCOUNT_FILE].iter().all(tells)
}

/// The path of the manifest that declares the session, as it was written.
fn manifest<'a>(kept: &'a Kept<'_>) -> Option<&'a str> {
    let base = kept.plan.base(&kept.plan.points[kept.job.index]);
    kept.plan.manifests.get(base.project).map(|(path, _)| path.as_str())
}

pub(super) fn text(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// The view of what the account was worth at the close of every bar.
pub fn equity_csv(kept: &Kept<'_>) -> Vec<u8> {
    let csv = String::from("time,equity,drawdown\n");
    equity_lines(csv, kept, &kept.equity_series(), 0).into_bytes()
}

/// `csv` and the lines of `series` from the bar `first` on.
fn equity_lines(mut csv: String, kept: &Kept<'_>, series: &[f64], first: usize) -> String {
    let mut peak = kept.work().variant().settings().capital;
    for (bar, &equity) in series.iter().enumerate() {
        peak = if equity > peak { equity } else { peak };
        if bar >= first {
            csv.push_str(&format!("{},{equity},{}\n", kept.time(bar), 1.0 - equity / peak));
        }
    }
    csv
}

/// The view of what the account was worth, as the process that holds it wrote it last. A new bar adds a
/// line: months of minutes are not written again every minute.
#[derive(Debug, Default)]
pub(super) struct EquityView {
    /// The times of its bars, and what the account was worth.
    times: Vec<i64>,
    series: Vec<f64>,
    /// How many bytes it has.
    length: u64,
}

impl EquityView {
    /// Write what is new in it; all of it, if what was written is not how it begins.
    pub(super) fn write(
        &mut self,
        directory: &AccountDirectory,
        kept: &Kept<'_>,
    ) -> Result<(), StoreError> {
        let (times, series) = (&kept.frame().time[..], kept.equity_series());
        let known = self.times.len();
        let is_longer = known > 0 && times.starts_with(&self.times);
        let goes_on = is_longer && series.starts_with(&self.series);
        let lines = goes_on.then(|| equity_lines(String::new(), kept, &series, known));
        let added = match &lines {
            Some(lines) => directory.extend_view(EQUITY, self.length, lines.as_bytes())?,
            None => false,
        };
        match lines.filter(|_| added) {
            Some(lines) => self.length += lines.len() as u64,
            None => {
                let csv = equity_csv(kept);
                self.length = csv.len() as u64;
                directory.write_view(EQUITY, &csv)?;
            }
        }
        self.times.clear();
        self.times.extend_from_slice(times);
        self.series = series;
        Ok(())
    }
}

/// The view `name` of an account, which is JSON; null if there is none.
pub(super) fn view(reader: &AccountReader, name: &str) -> Result<Value, StoreError> {
    let view = reader.view(name)?;
    Ok(view.and_then(|view| serde_json::from_slice(&view).ok()).unwrap_or_default())
}

/// Change the state in the view that tells how an account is, or in its summary: nothing is walked over
/// when somebody tells it something, or when it cannot go on.
pub(super) fn turn(view: &mut Value, state: State) {
    let now = json!(chrono::Utc::now());
    let running = seconds(&view["start"], &now);
    let Some(facts) = view.as_object_mut() else { return };
    for (name, fact) in facts.iter_mut() {
        match name.as_str() {
            "state" | "status" => *fact = state.word().into(),
            "updated" => *fact = now.clone(),
            "running_seconds" => *fact = running.into(),
            "end" if state.is_over() => *fact = now.clone(),
            _ => {}
        }
    }
}

/// The numbers of the orders that wait for approval, by the view of an account, and the engine that
/// numbered them.
pub(super) fn unapproved(view: &Value) -> (Vec<usize>, u32) {
    let orders = view["orders"].as_array().into_iter().flatten();
    let waits = orders.filter(|order| order["status"] == OrderStatus::Unapproved.words());
    let numbers = waits.filter_map(|order| Some(order["number"].as_u64()? as usize)).collect();
    let engine = view["engine"].as_u64().and_then(|engine| engine.try_into().ok());
    (numbers, engine.unwrap_or(ENGINE))
}

/// Give the orders in the view that tells how an account is the status that they come to, if they come to
/// another; whether any does.
pub(super) fn settle_orders(
    view: &mut Value,
    becomes: impl Fn(&Value) -> Option<OrderStatus>,
) -> bool {
    let mut changed = false;
    let orders = view.get_mut("orders").and_then(Value::as_array_mut);
    for order in orders.into_iter().flatten() {
        if let Some(status) = becomes(order) {
            order["status"] = status.words().into();
            changed = true;
        }
    }
    changed
}

/// Closed trades with a profit, and with a loss.
fn wins_and_losses(kept: &Kept<'_>) -> (usize, usize, usize) {
    let closed = kept.outcome.trades.iter().filter(|trade| trade.exit.is_some());
    let count = |is: &dyn Fn(f64) -> bool| closed.clone().filter(|trade| is(trade.profit)).count();
    (closed.clone().count(), count(&|profit| profit > 0.0), count(&|profit| profit < 0.0))
}

fn worth(kept: &Kept<'_>) -> (f64, f64) {
    let capital = kept.work().variant().settings().capital;
    let series = kept.equity_series();
    let peak = series.iter().copied().fold(capital, f64::max);
    let equity = series.last().copied().unwrap_or(capital);
    (equity, 1.0 - equity / peak)
}

/// How long it is from one instant of a view to another, in whole seconds.
fn seconds(from: &Value, to: &Value) -> Option<i64> {
    let instant = |value: &Value| DateTime::parse_from_rfc3339(value.as_str()?).ok();
    Some((instant(to)? - instant(from)?).num_seconds())
}

/// `summary.json` of an account that is as `how` tells.
fn summary(how: &Value) -> Value {
    let is_over = how["state"].as_str().and_then(State::named).is_some_and(State::is_over);
    let number = |name: &str| how[name].as_f64();
    let roi =
        number("equity").zip(number("capital")).map(|(equity, capital)| equity / capital - 1.0);
    json!({
        "schema": 1,
        "session": how["session"],
        "start": how["opened"],
        "end": is_over.then_some(&how["updated"]),
        "updated": how["updated"],
        "status": how["state"],
        "phases_done": ["bars", "walk", "journal"],
        "capital": how["capital"],
        "equity": how["equity"],
        "trades": how["trades"],
        "open": how["positions"].as_array().map(Vec::len),
        "wins": how["wins"],
        "losses": how["losses"],
        "roi": roi,
        "running_seconds": seconds(&how["opened"], &how["updated"]),
    })
}

/// `account.json`: what `papertape paper status` shows.
pub(super) fn how(account: &Account, kept: &Kept<'_>, checkpoint: &Checkpoint) -> Value {
    let settings = kept.work().variant().settings();
    let (frame, outcome) = (kept.frame(), kept.outcome);
    let (equity, drawdown) = worth(kept);
    let (trades, wins, losses) = wins_and_losses(kept);
    let last = frame.len().checked_sub(1);
    let mut exposure = 0.0;
    let positions: Vec<Value> = outcome
        .trades
        .iter()
        .filter(|trade| trade.exit.is_none())
        .map(|trade| {
            exposure += trade.units * trade.exit_price;
            json!({
                "symbol": kept.symbol(trade.symbol),
                "side": trade.side.word(),
                "units": trade.units,
                "entry_time": kept.time(trade.entry_bar),
                "entry_price": trade.entry_price,
                "price": trade.exit_price,
                "profit": trade.profit,
            })
        })
        .collect();
    let waits =
        |status: OrderStatus| matches!(status, OrderStatus::Pending | OrderStatus::Unapproved);
    let orders = outcome.orders.iter().enumerate().filter(|(_, order)| waits(order.status));
    let orders: Vec<Value> = orders
        .map(|(number, order)| {
            json!({
                "number": number,
                "status": order.status.words(),
                "symbol": kept.symbol(order.symbol),
                "intent": order.intent.words(),
                "kind": order.kind.word(),
                "limit": order.limit,
                "trigger": order.trigger,
                "decided": kept.time(order.bar),
            })
        })
        .collect();
    let rules = &kept.work().variant().session.definition.rules;
    let has_rule = rules.iter().any(|written| written.rule == Rule::Stop);
    let risk = &settings.risk;
    let has_stops = has_rule || risk.stop_loss.is_some() || risk.trailing_stop.is_some();
    let terms = account.terms();
    json!({
        "schema": 1,
        "session": account.name(),
        "state": account.state().map(State::word),
        "manifest": manifest(kept),
        "strategy": terms.map(|terms| &terms.strategy),
        "symbols": terms.map(|terms| &terms.symbols),
        "opened": account.opened(),
        "updated": chrono::Utc::now(),
        "currency": terms.map(|terms| &terms.currency),
        "capital": settings.capital,
        "equity": equity,
        "profit": equity - settings.capital,
        "exposure": if equity > 0.0 { exposure / equity } else { 0.0 },
        "drawdown": drawdown,
        "bars": frame.len(),
        "first_bar": last.map(|_| kept.time(0)),
        "last_bar": last.map(|last| kept.time(last)),
        "trades": trades,
        "wins": wins,
        "losses": losses,
        "positions": positions,
        "orders": orders,
        "has_stops": has_stops,
        "commands": account.given().len(),
        "checkpoint": checkpoint.number,
        "engine": checkpoint.engine,
        "sharpe": kept.done.metrics.get(Metric::Sharpe),
        "metrics": by_name(&kept.done.metrics),
    })
}
