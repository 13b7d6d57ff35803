//! The `mode` of a session, and the `paper` table: how an account lives on bars as they arrive.

use super::span::Span;
use super::tree::{Node, Table, Value};
use crate::engine::model::AtEnd;
use crate::engine::{Settings, settings};

/// Which bars a session meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Those that there are, from the first to the last, each time anew.
    #[default]
    Backtest,
    /// Those that are new since the last time: its account outlives the process.
    Paper,
}

impl Mode {
    /// The word for it in manifests and records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Backtest => "backtest",
            Self::Paper => "paper",
        }
    }

    /// The mode that the merged `table` of a session says.
    pub fn of(table: &Table) -> Self {
        match table.get("mode").and_then(Node::text) {
            Some("paper") => Self::Paper,
            _ => Self::Backtest,
        }
    }

    /// What the engine is told beside the settings: an account that is still open has no last bar, so
    /// nothing may be done because a bar is the last that there is.
    pub(super) fn bind(self, settings: &mut Settings) {
        if self == Self::Paper {
            settings.axes.at_end = AtEnd::Mark;
            settings.pins.last_bar_enters_nothing = false;
            settings.pins.last_orders_meet_last_bar = false;
        }
    }
}

/// What the `paper` table says.
#[derive(Debug, Clone, PartialEq)]
pub struct PaperSettings {
    /// Whether a bar that the source revised stops the account; else it is marked and the bar that was
    /// seen stays.
    pub stops_if_revised: bool,
    /// How old the last bar may be before the account does not count on more.
    pub stale_after: settings::Span,
    /// How much time of the bars lies between two checkpoints while an account is followed.
    pub checkpoint_every: settings::Span,
    /// How many checkpoints are kept.
    pub keep_checkpoints: usize,
    /// Microseconds between two signs of life while an account is followed.
    pub heartbeat: i64,
    /// Whether entries wait until somebody approves them.
    pub approval: bool,
}

impl PaperSettings {
    /// What the merged `table` of a session says, whose shapes were checked.
    pub(super) fn typed(table: &Table) -> Self {
        let at = |key: &str| table.at(&format!("paper.{key}"));
        let span = |key: &str, absent: settings::Span| match at(key).map(Span::of) {
            Some(Ok(Span::Time(micros))) => settings::Span::Time(micros),
            Some(Ok(Span::Bars(bars))) => settings::Span::Bars(bars as usize),
            _ => absent,
        };
        Self {
            stops_if_revised: at("on_revised").and_then(Node::text) != Some("mark"),
            stale_after: span("stale_after", settings::Span::Bars(3)),
            checkpoint_every: span("checkpoint_every", settings::Span::Time(crate::bars::DAY)),
            keep_checkpoints: match at("keep_checkpoints").map(|node| &node.value) {
                Some(Value::Integer(count)) => *count as usize,
                _ => 30,
            },
            heartbeat: match span("heartbeat", settings::Span::Time(30_000_000)) {
                settings::Span::Time(micros) => micros,
                settings::Span::Bars(_) => 30_000_000,
            },
            approval: matches!(at("approval").map(|node| &node.value), Some(Value::Bool(true))),
        }
    }
}
