//! An event: one line of a journal, the same shape wherever it is written.
//!
//! Runs and paper accounts append [`Event`]s to a [`Journal`](super::Journal) while things happen;
//! `papertape events`, hooks and whoever follows the file read them. `papertape schema event` prints
//! the schema, which is made from this type.

use chrono::{DateTime, SubsecRound, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["time", "session", "type", "phase", "level", "message", "metrics"]))]
pub struct Event {
    /// When it was written, in UTC, to the microsecond. What happened on a bar says which among the
    /// `facts`.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub time: DateTime<Utc>,
    /// The session's key; null where the whole run is meant.
    pub session: Option<String>,
    /// What sort of event it is.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// The phase in which it happened, such as `sessions` or `report`; null outside of all.
    #[serde(default)]
    pub phase: Option<String>,
    /// How much it matters.
    pub level: Level,
    /// What happened, as a sentence for people.
    #[serde(default)]
    pub message: String,
    /// Numbers by their names, such as `equity`, in the units of the metrics of that name; durations
    /// are seconds. One that is not known is absent.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, f64>")]
    pub metrics: Map<String, Value>,
    /// What else programs may want, by type; absent where there is nothing.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub facts: Map<String, Value>,
}

/// How much an event matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// All is as it should be.
    Info,
    /// It goes on, and somebody should know.
    Warning,
    /// Something did not work.
    Error,
}

/// Writes the enum, the words of its variants and the list of all: one place for the three.
macro_rules! event_kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal $(($alias:literal))?,)+) => {
        /// What sort of event it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub enum EventKind {
            $($(#[doc = $doc])+ #[serde(rename = $word $(, alias = $alias)?)] $variant,)+
        }

        impl EventKind {
            /// All of them, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word that stands in a journal.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }
    };
}

event_kinds! {
    /// A process began to write: the first line of a run, and of each time an account is followed.
    RunnerStart = "runner_start",
    /// A phase began.
    PhaseStart = "phase_start",
    /// A phase ended. Each session of a run that ran ends one called `session`.
    PhaseEnd = "phase_end" ("session_end"),
    /// Something was held against what it should be; facts: `name`, `passed`.
    Check = "check",
    /// What is done so far is on the disk.
    Checkpoint = "checkpoint",
    /// It is alive; metrics: `equity`, `profit`, `trades`, `wins`, `losses`, `decision_latency`.
    Heartbeat = "heartbeat",
    /// The summary of an account was written again.
    SummaryUpdated = "summary_updated",
    /// Something is tried once more.
    Retry = "retry",
    /// A rule became true.
    Signal = "signal",
    /// An order was decided, refused, changed or cancelled.
    Order = "order",
    /// An order was filled.
    Fill = "fill",
    /// A limit or a guard of the risk settings acted.
    Risk = "risk",
    /// An account changed from one state to another; facts: `from`, `to`, `reason`.
    State = "state",
    /// Somebody told an account to do something.
    Command = "command",
    /// Something that somebody should know.
    Warning = "warning",
    /// Something that did not work.
    Error = "error",
    /// A process stopped writing, in good order.
    RunnerEnd = "runner_end",
}

impl Event {
    /// An event at `time` that says `message`, of the level that its kind mostly has.
    pub fn new(time: DateTime<Utc>, kind: EventKind, message: impl Into<String>) -> Self {
        let level = match kind {
            EventKind::Error => Level::Error,
            EventKind::Warning | EventKind::Retry => Level::Warning,
            _ => Level::Info,
        };
        Self {
            time: time.trunc_subsecs(6),
            session: None,
            kind,
            phase: None,
            level,
            message: message.into(),
            metrics: Map::new(),
            facts: Map::new(),
        }
    }

    /// Of the session with this key.
    pub fn session(mut self, key: impl Into<String>) -> Self {
        self.session = Some(key.into());
        self
    }

    /// In this phase.
    pub fn phase(mut self, phase: impl Into<String>) -> Self {
        self.phase = Some(phase.into());
        self
    }

    /// Of another level than its kind mostly has.
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// With a number. One that is not finite is not known, and is left out.
    pub fn metric(mut self, name: &str, value: f64) -> Self {
        if let Some(number) = serde_json::Number::from_f64(value) {
            self.metrics.insert(name.to_owned(), number.into());
        }
        self
    }

    /// With a whole number of things.
    pub fn count(mut self, name: &str, value: usize) -> Self {
        self.metrics.insert(name.to_owned(), value.into());
        self
    }

    /// With something else that programs may want.
    pub fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}

impl Level {
    /// All of them, from the least to the gravest.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Error];

    /// The word that stands in a journal.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time() -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(1_795_242_660_123_456_789)
    }

    #[test]
    fn a_line_has_its_seven_keys_whatever_they_hold() {
        let event = Event::new(time(), EventKind::RunnerStart, "one session");
        let line = serde_json::to_string(&event).unwrap();
        insta::assert_snapshot!(line, @r#"{"time":"2026-11-21T06:31:00.123456Z","session":null,"type":"runner_start","phase":null,"level":"info","message":"one session","metrics":{}}"#);
    }

    #[test]
    fn what_was_written_is_read_and_fits_its_schema() {
        let schema = schemars::schema_for!(Event).to_value();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for &kind in EventKind::ALL {
            let event = Event::new(time(), kind, "what happened")
                .session("goog-sma[fast=10]")
                .phase("sessions")
                .level(Level::Warning)
                .metric("equity", 10_000.5)
                .metric("sharpe", f64::NAN)
                .count("trades", 3)
                .fact("to", "paused");
            let line = serde_json::to_value(&event).unwrap();
            assert_eq!(line["type"], kind.word());
            assert_eq!(line["metrics"], serde_json::json!({ "equity": 10_000.5, "trades": 3 }));
            assert!(validator.is_valid(&line), "{line}");
            assert_eq!(serde_json::from_value::<Event>(line).unwrap(), event);
        }
        let unknown = serde_json::json!({ "time": time(), "session": null, "type": "gossip", "level": "info" });
        assert!(!validator.is_valid(&unknown));
    }

    #[test]
    fn the_schema_in_the_documentation_is_the_one_of_the_type() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/event.json");
        let printed = format!("{:#}\n", schemars::schema_for!(Event).to_value());
        let written = std::fs::read_to_string(path).unwrap();
        assert!(written == printed, "run `papertape schema event > docs/schema/event.json`");
    }

    #[test]
    fn lines_of_the_first_journals_are_read() {
        let line = r#"{"time":"2026-11-21T06:31:00.000001Z","type":"session_end","session":"a","level":"info","facts":{"index":0,"status":"completed","error":null}}"#;
        let event: Event = serde_json::from_str(line).unwrap();
        assert_eq!((event.kind, event.phase.as_deref()), (EventKind::PhaseEnd, None));
        assert_eq!(event.facts["status"], "completed");
    }
}
