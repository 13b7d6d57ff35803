//! The commands that a run calls when something happens: `run.hooks` and `run.health_check`, typed.

use super::span::Span;
use super::tree::{Node, Table};
use crate::diag::{Mistake, Mistakes, codes};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// When a command is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// A run begins.
    OnStarted,
    /// A run ends, however it does.
    OnFinished,
    /// A session failed or was refused.
    OnFailed,
    /// An order of a paper account was filled.
    OnTrade,
    /// A paper account changed its state.
    OnState,
    /// A run begins, for a watchdog.
    Start,
    /// A run ends with exit code 0, for a watchdog.
    Success,
    /// A run ends with another, for a watchdog.
    Failure,
}

impl Moment {
    const HOOKS: [Self; 5] =
        [Self::OnStarted, Self::OnFinished, Self::OnFailed, Self::OnTrade, Self::OnState];
    const HEALTH_CHECK: [Self; 3] = [Self::Start, Self::Success, Self::Failure];

    /// Its key.
    pub const fn word(self) -> &'static str {
        match self {
            Self::OnStarted => "on_started",
            Self::OnFinished => "on_finished",
            Self::OnFailed => "on_failed",
            Self::OnTrade => "on_trade",
            Self::OnState => "on_state",
            Self::Start => "start",
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

/// A command and when it is called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hook {
    /// When.
    pub moment: Moment,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// How long a command may take where nothing is said.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The hooks of the table `run`.
pub(super) fn hooks(run: &Table, mistakes: &mut Mistakes) -> Vec<Hook> {
    let tables = [("hooks", &Moment::HOOKS[..]), ("health_check", &Moment::HEALTH_CHECK[..])];
    let mut hooks = Vec::new();
    for (key, moments) in tables {
        let Some(table) = run.get(key).and_then(Node::table) else { continue };
        let timeout = duration(&format!("run.{key}.timeout"), table.get("timeout"), mistakes);
        for &moment in moments {
            let Some(node) = table.get(moment.word()) else { continue };
            let words = node.array().unwrap_or_default().iter();
            let command: Vec<String> = words.filter_map(Node::text).map(str::to_owned).collect();
            if command.first().is_none_or(String::is_empty) {
                let title = format!("`run.{key}.{}` names no command", moment.word());
                let label = "such as [\"mail\", \"-s\", \"papertape\", \"me\"]";
                mistakes.push(Mistake::new(codes::OUT_OF_RANGE, &node.place, title).label(label));
            }
            hooks.push(Hook { moment, command, timeout: timeout.unwrap_or(TIMEOUT) });
        }
    }
    hooks
}

/// A length of time by the clock, where bars make no sense.
pub(super) fn duration(
    path: &str,
    node: Option<&Node>,
    mistakes: &mut Mistakes,
) -> Option<Duration> {
    let node = node?;
    match Span::of(node) {
        Ok(Span::Time(micros)) => Some(Duration::from_micros(micros.unsigned_abs())),
        Ok(Span::Bars(_)) => {
            let title = format!("`{path}` is a duration such as \"30m\"");
            mistakes.push(Mistake::new(codes::OUT_OF_RANGE, &node.place, title));
            None
        }
        // Its shape was told where the layer was checked.
        Err(_) => None,
    }
}
