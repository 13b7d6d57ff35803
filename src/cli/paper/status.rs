//! `papertape paper status`: how the accounts are.

use super::command::number;
use super::screen::{Canvas, can_draw};
use super::{which, which_to_see};
use crate::cli::context::{Context, Usage};
use crate::cli::exit::Exit;
use crate::cli::finding::store_with;
use crate::cli::output::{Cell, Format, Kind, Records, write};
use crate::engine::OrderStatus;
use crate::paper::State;
use crate::paper::history::{BARS, DATA, TERMS};
use crate::paper::life::Cause;
use crate::store::{ACCOUNT_FILE, AccountReader, EventKind, JournalReader, Store};
use anyhow::Result;
use chrono::{DateTime, Utc};
use console::Term;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Show every paper account: how it is, what it gained, when its last bar came
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape paper status
  papertape paper status --watch
  papertape paper status --format json")]
pub(super) struct Status {
    /// Only these accounts
    #[arg(value_name = "SESSION")]
    sessions: Vec<String>,
    /// Show them again and again
    #[arg(long)]
    watch: bool,
    /// The pause between two looks, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, requires = "watch", value_parser = number)]
    every: f64,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

const COLUMNS: [(&str, Kind); 13] = [
    ("session", Kind::Text),
    ("state", Kind::Text),
    ("equity", Kind::Number),
    ("profit", Kind::Number),
    ("exposure", Kind::Number),
    ("drawdown", Kind::Number),
    ("trades", Kind::Count),
    ("open", Kind::Count),
    ("to_approve", Kind::Count),
    ("last_bar", Kind::Text),
    ("since", Kind::Text),
    ("running", Kind::Text),
    ("pid", Kind::Text),
];

impl Status {
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let store = store_with(self.sessions.first().map(String::as_str), context);
        for name in &self.sessions {
            which_to_see(&store, Some(name))?.map_err(Usage)?;
        }
        if self.sessions.is_empty()
            && let Err(fact) = which(&store, None)?
            && store.accounts()?.is_empty()
        {
            context.say(&fact);
        }
        let terminal = Term::stdout();
        let draws = self.watch && self.format.is_for_people() && can_draw(&terminal);
        let (mut canvas, mut known) = (Canvas::default(), BTreeMap::new());
        loop {
            let (table, further) = self.tables(&store, &mut known)?;
            let table = match self.format {
                Format::Table => table.sparing(&SPARE),
                _ => table,
            };
            let mut text = table.here(self.format);
            for below in further.into_iter().filter(|it| !it.is_empty()) {
                text = format!("{text}\n{}", below.here(self.format));
            }
            if draws {
                let height = usize::from(terminal.size().0);
                // The line below them is for whoever ends it.
                let lines = text.lines().map(str::to_owned).take(height.saturating_sub(1));
                text = canvas.draw(&lines.collect::<Vec<_>>(), height) + "\n";
            }
            let exit = write(text.as_bytes())?;
            if !self.watch {
                return Ok(exit);
            }
            std::thread::sleep(Duration::from_secs_f64(self.every.clamp(0.1, 3_600.0)));
        }
    }

    /// The accounts; and for people why those that do not go on do not, and the orders that wait for
    /// approval. A program finds both with their account.
    fn tables(
        &self,
        store: &Store,
        known: &mut BTreeMap<String, Journal>,
    ) -> Result<(Records, Vec<Records>)> {
        let (is_json, is_for_people) = (self.format == Format::Json, self.format.is_for_people());
        let reason = (!is_for_people).then_some(("reason", Kind::Text));
        let orders = is_json.then_some(("orders", Kind::Text));
        let mut accounts = Records::new(COLUMNS.into_iter().chain(reason).chain(orders));
        let mut reasons = Records::new([("session", Kind::Text), ("reason", Kind::Text)]);
        let mut waiting = Records::new(ORDERS);
        let (now, aside) = (Utc::now(), store.accounts_aside()?);
        let named = Some(self.sessions.clone()).filter(|named| !named.is_empty());
        for name in named.map_or_else(|| store.accounts(), Ok)? {
            let account = store.account(&name);
            let view = account.view(ACCOUNT_FILE)?;
            let view: Value =
                view.and_then(|it| serde_json::from_slice(&it).ok()).unwrap_or_default();
            let mut own = Records::new(ORDERS);
            for order in unapproved(&view) {
                own.push(self::order(&name, order));
                waiting.push(self::order(&name, order));
            }
            let journal = known
                .entry(name.clone())
                .or_insert_with(|| Journal::of(store.account_journal(&name)));
            journal.read_on();
            let state = journal.state(aside.contains(&name));
            let reason = journal.reason(state);
            let mut row = row(&account, state, journal, &view, now);
            match (is_for_people, reason) {
                (true, Some(reason)) => reasons.push(vec![name.as_str().into(), reason.into()]),
                (true, None) => {}
                (false, reason) => row.push(Cell::from(reason)),
            }
            if is_json {
                row.push(own.into());
            }
            accounts.push(row);
        }
        Ok((accounts, if is_for_people { vec![reasons, waiting] } else { Vec::new() }))
    }
}

/// What a narrow terminal leaves out, in this order.
const SPARE: [&str; 7] =
    ["running", "exposure", "open", "to_approve", "last_bar", "drawdown", "pid"];

const ORDERS: [(&str, Kind); 7] = [
    ("session", Kind::Text),
    ("order", Kind::Count),
    ("what", Kind::Text),
    ("symbol", Kind::Text),
    ("kind", Kind::Text),
    ("price", Kind::Number),
    ("decided", Kind::Text),
];

/// The orders of a view that wait for approval.
fn unapproved(view: &Value) -> impl Iterator<Item = &Value> {
    let orders = view["orders"].as_array().into_iter().flatten();
    orders.filter(|order| order["status"] == OrderStatus::Unapproved.words())
}

fn order(session: &str, order: &Value) -> Vec<Cell> {
    let text = |name: &str| Cell::from(order[name].as_str());
    let price = order["limit"].as_f64().or(order["trigger"].as_f64());
    vec![
        session.into(),
        order["number"].as_f64().into(),
        text("intent"),
        text("symbol"),
        text("kind"),
        price.into(),
        text("decided"),
    ]
}

/// What the journal of an account says of how it is; what was read of it need not be read again.
struct Journal {
    reader: JournalReader,
    /// The states from and to which it was turned last, and the cause.
    turned: [Option<String>; 3],
    /// Why it is as it is, as it was told last.
    reason: Option<String>,
    /// What the last check of each name says, unless it was passed.
    failed: BTreeMap<String, Option<String>>,
    /// When somebody began to follow it last.
    started: Option<DateTime<Utc>>,
}

impl Journal {
    /// Nothing is read yet.
    fn of(reader: JournalReader) -> Self {
        let (failed, turned) = (BTreeMap::new(), [const { None }; 3]);
        Self { reader, turned, reason: None, failed, started: None }
    }

    fn read_on(&mut self) {
        for event in self.reader.read().0 {
            let is_another = match event.kind {
                EventKind::Command => event.facts.contains_key("aside"),
                kind => kind == EventKind::State && event.facts.contains_key("terms"),
            };
            if is_another {
                (self.turned, self.reason) = Default::default();
                self.failed.clear();
            }
            let fact = |name: &str| event.facts.get(name)?.as_str().map(str::to_owned);
            self.reason = fact("reason").or(self.reason.take());
            match event.kind {
                EventKind::State => self.turned = ["from", "to", "cause"].map(fact),
                EventKind::RunnerStart => self.started = Some(event.time),
                EventKind::Check => {
                    let failed = event.facts.get("passed").is_some_and(|passed| passed == false);
                    let name = fact("name").unwrap_or_default();
                    self.failed.insert(name, failed.then_some(event.message));
                }
                _ => {}
            }
        }
    }

    /// The state of the account. One that is put aside was left in the state from which it was begun anew.
    fn state(&self, is_aside: bool) -> State {
        let [from, to, cause] = self.turned.each_ref().map(Option::as_deref);
        let state = if is_aside && cause == Some(Cause::Restart.word()) { from } else { to };
        // One that was begun anew and has seen no bar is still to be opened.
        state.and_then(State::named).unwrap_or(State::Initializing)
    }

    /// Why the account does not go on, if it does not: its state, its data, its manifest, or a symbol that it
    /// waits for.
    fn reason(&self, state: State) -> Option<&str> {
        if matches!(state, State::Suspended | State::Error) {
            return self.reason.as_deref();
        }
        let checks = match state {
            // It is not suspended, for it is to be closed.
            State::Closing => &[DATA, TERMS, BARS][..],
            _ => &[TERMS, BARS],
        };
        let mut failed = checks.iter().filter_map(|name| self.failed.get(*name));
        failed.find_map(Option::as_deref)
    }
}

fn row(
    account: &AccountReader,
    state: State,
    journal: &Journal,
    view: &Value,
    now: DateTime<Utc>,
) -> Vec<Cell> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |name: &str| Cell::from(view.get(name).and_then(Value::as_f64));
    let last_bar = text(view.get("last_bar"));
    let since = DateTime::parse_from_rfc3339(&last_bar).ok().map(|time| ago(now, time.to_utc()));
    let holder = account.holder();
    let started = journal.started.filter(|_| holder.is_some());
    let running = started.map(|started| ago(now, started));
    vec![
        account.name().into(),
        state.word().into(),
        number("equity"),
        number("profit"),
        number("exposure"),
        number("drawdown"),
        number("trades"),
        Cell::from(view["positions"].as_array().map(|open| open.len() as f64)),
        unapproved(view).count().into(),
        last_bar.as_str().into(),
        since.unwrap_or_default().as_str().into(),
        running.unwrap_or_default().as_str().into(),
        holder.map_or(String::new(), |holder| holder.pid.to_string()).as_str().into(),
    ]
}

/// A length of time for people.
pub(super) fn ago(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let seconds = (now - then).num_seconds().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}
