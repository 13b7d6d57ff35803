//! `papertape events`: the journals of runs and paper accounts, filtered, and followed while they grow.

use super::context::{Context, Usage};
use super::exit::Exit;
use super::finding::store_with;
use super::output::{self, Cell, Format, Kind, Records};
use super::sessions::Since;
use crate::batch::kept;
use crate::manifest::glob_matches;
use crate::store::{Event, EventKind, JournalReader, Level, Store, StoreError};
use anyhow::Result;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};
use std::time::Duration;

/// Show what a run or a paper account wrote into its journal
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  papertape events
  papertape events latest --level warning
  papertape events goog-sma --type order --type fill --last 100
  papertape events nightly-goog --follow --format json")]
pub(super) struct Events {
    /// A run (`latest`, its id, or a part of it), a paper account, or a session that a run kept
    #[arg(value_name = "RUN|SESSION", default_value = "latest")]
    which: String,
    /// Only from then on: `2026-11-01`, `7d` back, or a time such as `2026-11-01T06:30:00Z`
    #[arg(long, value_name = "TIME", value_parser = Since::parse)]
    since: Option<Since>,
    /// Only before then, written as for `--since`
    #[arg(long, value_name = "TIME", value_parser = Since::parse)]
    until: Option<Since>,
    /// Only events of this phase; may be repeated for several
    #[arg(long, value_name = "PHASE")]
    phase: Vec<String>,
    /// Only events of this type; may be repeated for several
    #[arg(long = "type", value_name = "TYPE", value_parser = kinds())]
    kind: Vec<String>,
    /// Only events of this level or a graver one
    #[arg(long, value_name = "LEVEL", value_parser = Level::ALL.map(Level::word))]
    level: Option<String>,
    /// Only events of sessions whose key or name matches this glob
    #[arg(long, value_name = "GLOB")]
    session: Option<String>,
    /// Only the last of those
    #[arg(long, value_name = "NUMBER")]
    last: Option<usize>,
    /// Go on and show what is written, as lines, until the run ends or somebody interrupts
    #[arg(long)]
    follow: bool,
    /// How the events are written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

fn kinds() -> clap::builder::PossibleValuesParser {
    EventKind::ALL.iter().map(|kind| kind.word()).collect::<Vec<_>>().into()
}

/// How often a journal is looked at while it is followed.
const TICK: Duration = Duration::from_millis(200);

/// What a journal is of, and thus when it has an end.
enum Journal {
    /// A run, which ends.
    Run(JournalReader),
    /// An account, which may be advanced at any time.
    Account(JournalReader),
    /// What a backtest did, bar by bar; it is whole.
    Bars(Vec<Event>),
}

impl Events {
    /// Do it.
    pub(super) fn run(self, context: &Context) -> Result<Exit> {
        let wanted = self.wanted()?;
        let (mut reader, ends) = match self.journal(&store_with(Some(&self.which), context))? {
            Journal::Bars(_) if self.follow => {
                let fact =
                    format!("`{}` has run to its end: there is nothing to follow", self.which);
                return Err(Usage(fact).into());
            }
            Journal::Bars(events) => return self.print(self.last_of(events, &wanted)),
            Journal::Run(reader) => (reader, true),
            Journal::Account(reader) => (reader, false),
        };
        let (events, warnings) = reader.read();
        warnings.iter().for_each(|warning| context.warn(warning));
        let mut has_ended = is_ended(&events);
        let events = self.last_of(events, &wanted);
        if !self.follow {
            return self.print(events);
        }
        if !matches!(self.format, Format::Table | Format::Json) {
            return Err(Usage("`--follow` writes lines: as a table or as JSON".into()).into());
        }
        let mut new = events;
        loop {
            let lines: String = new.iter().map(|event| self.line(event)).collect();
            if !lines.is_empty() {
                output::write(lines.as_bytes())?;
            }
            if ends && has_ended {
                return Ok(Exit::Success);
            }
            std::thread::sleep(TICK);
            let (read, warnings) = reader.read();
            warnings.iter().for_each(|warning| context.warn(warning));
            has_ended = is_ended(&read) || (has_ended && read.is_empty());
            new = read.into_iter().filter(|event| wanted.takes(event)).collect();
        }
    }

    fn wanted(&self) -> Result<Wanted<'_>> {
        let now = Utc::now();
        let moment = |of: Option<Since>| of.map(|since| since.from(now)).transpose();
        Ok(Wanted {
            since: moment(self.since)?,
            until: moment(self.until)?,
            level: Level::ALL.into_iter().find(|it| Some(it.word()) == self.level.as_deref()),
            options: self,
        })
    }

    /// The journal that was named: an account's if there is one, else a run's, else what the newest
    /// record of that session kept.
    fn journal(&self, store: &Store) -> Result<Journal> {
        let which = &self.which;
        let account = store.account_journal(which);
        if account.path().exists() {
            return Ok(Journal::Account(account));
        }
        let unknown = match store.open_run(which) {
            Ok(run) => return Ok(Journal::Run(run.journal())),
            Err(unknown @ StoreError::UnknownRun { .. }) => unknown,
            Err(error) => return Err(error.into()),
        };
        let (records, _) = store.records();
        let known = |key: &str| key == which || key.split('[').next() == Some(which);
        let mut of_session = records.iter().rev().filter(|record| known(&record.key)).peekable();
        if of_session.peek().is_none() {
            let accounts = store.accounts()?;
            let Some(first) = accounts.first() else { return Err(unknown.into()) };
            return Err(Usage(format!(
                "{unknown}; the paper accounts are `{}`: `papertape events {first}` shows the journal of one",
                accounts.join("`, `")
            ))
            .into());
        }
        let kept = of_session.find_map(|record| {
            let text = String::from_utf8(store.kept_file(record, kept::EVENTS)?).ok()?;
            Some(kept::journalled(&record.key, &text))
        });
        if let Some(events) = kept {
            return Ok(Journal::Bars(events));
        }
        let newest = records.iter().rev().find(|record| known(&record.key));
        let fact = match newest.and_then(|record| Some((record.status, record.error.as_ref()?))) {
            Some((status, error)) => {
                format!("`{which}` has no events: it was {}: {error}", status.word())
            }
            None => {
                format!("no run kept the events of `{which}`; run it with `run.keep = \"all\"`")
            }
        };
        Err(Usage(fact).into())
    }

    /// The last of those that are wanted.
    fn last_of(&self, events: Vec<Event>, wanted: &Wanted<'_>) -> Vec<Event> {
        let mut events: Vec<Event> =
            events.into_iter().filter(|event| wanted.takes(event)).collect();
        let extra = events.len().saturating_sub(self.last.unwrap_or(usize::MAX));
        events.drain(..extra);
        events
    }

    fn print(&self, events: Vec<Event>) -> Result<Exit> {
        if self.format == Format::Json {
            let array = serde_json::to_string_pretty(&events)?;
            return output::write(format!("{array}\n").as_bytes());
        }
        let mut table = Records::new([
            ("time", Kind::Time),
            ("level", Kind::Text),
            ("type", Kind::Text),
            ("session", Kind::Text),
            ("phase", Kind::Text),
            ("message", Kind::Text),
            ("metrics", Kind::Text),
        ]);
        for event in events {
            let message = told(&event);
            table.push(vec![
                event.time.into(),
                event.level.word().into(),
                event.kind.word().into(),
                Cell::from(event.session),
                Cell::from(event.phase),
                message.into(),
                facts(&event.metrics).into(),
            ]);
        }
        table.print(self.format)
    }

    /// An event as a line of its own.
    fn line(&self, event: &Event) -> String {
        if self.format == Format::Json {
            return serde_json::to_string(event).expect("an event is JSON") + "\n";
        }
        line(event)
    }
}

/// An event as a line for people who watch.
pub(super) fn line(event: &Event) -> String {
    let time = event.time.to_rfc3339_opts(SecondsFormat::Secs, true);
    let session = event.session.as_ref().map_or(String::new(), |key| format!(" {key}:"));
    let metrics = facts(&event.metrics);
    let metrics = if metrics.is_empty() { metrics } else { format!(" ({metrics})") };
    format!("{time} {:7} {}{session} {}{metrics}\n", event.level.word(), event.kind, told(event))
}

/// What an event tells, with the bar if it happened on one: it may be told long after that.
fn told(event: &Event) -> String {
    let bar = event.facts.get("bar").and_then(Value::as_str);
    match bar.filter(|bar| !event.message.contains(bar)) {
        Some(bar) => format!("{}, bar {bar}", event.message),
        None => event.message.clone(),
    }
}

/// Named values on one line.
fn facts(facts: &Map<String, Value>) -> String {
    let shown: Vec<String> = facts.iter().map(|(name, value)| format!("{name}={value}")).collect();
    shown.join(" ")
}

fn is_ended(events: &[Event]) -> bool {
    events.last().is_some_and(|event| event.kind == EventKind::RunnerEnd)
}

/// Which events are wanted.
struct Wanted<'a> {
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    level: Option<Level>,
    options: &'a Events,
}

impl Wanted<'_> {
    fn takes(&self, event: &Event) -> bool {
        let Events { phase, kind, session, .. } = self.options;
        let is_of = |glob: &String| {
            let key = event.session.as_deref().unwrap_or_default();
            let name = key.split('[').next().unwrap_or_default();
            glob == key || glob_matches(glob, key) || glob_matches(glob, name)
        };
        self.since.is_none_or(|since| event.time >= since)
            && self.until.is_none_or(|until| event.time < until)
            && self.level.is_none_or(|level| event.level >= level)
            && (phase.is_empty() || phase.iter().any(|own| Some(own) == event.phase.as_ref()))
            && (kind.is_empty() || kind.iter().any(|word| word == event.kind.word()))
            && session.as_ref().is_none_or(is_of)
    }
}
