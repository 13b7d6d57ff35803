//! What a manifest says about the run: threads, what ranks results, what is kept of them, and limits.

use super::hooks::{self, Hook};
use super::tree::{Node, Table, Value};
use crate::diag::{Mistake, Mistakes, codes};
use crate::metrics::{Metric, Sense};
use std::time::Duration;

/// What concerns the run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSettings {
    /// Threads of the batch; 0 for all cores.
    pub threads: usize,
    /// What ranks results.
    pub objective: Objective,
    /// Which sessions leave trades and equity.
    pub keep: Keep,
    /// The directory of the store, relative to the project.
    pub output: String,
    /// The reports to render.
    pub reports: Vec<String>,
    /// Whether unchanged results are taken over.
    pub cache: bool,
    /// Whether the first failed session stops the run.
    pub fail_fast: bool,
    /// The longest that the plan may take.
    pub max_time: Option<Duration>,
    /// The most memory that it may take, in bytes.
    pub max_memory: Option<u64>,
    /// The longest that a session may take.
    pub timeout: Option<Duration>,
    /// The commands that are called when something happens.
    pub hooks: Vec<Hook>,
}

/// A metric and which way it gets better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// The metric.
    pub metric: Metric,
    /// Whether more is better.
    pub maximize: bool,
}

impl Objective {
    /// The metric in its own sense.
    pub fn of(metric: Metric) -> Self {
        Self { metric, maximize: metric.sense() != Some(Sense::Lower) }
    }

    /// Order two values, the better first and what is undefined last.
    pub fn order(&self, a: Option<f64>, b: Option<f64>) -> std::cmp::Ordering {
        let key =
            |value: Option<f64>| value.map(|value| if self.maximize { -value } else { value });
        match (key(a), key(b)) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => std::cmp::Ordering::Equal,
        }
    }
}

/// Which sessions leave trades and equity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All named sessions, and the best 20 points of each sweep.
    Auto,
    /// All of them.
    All,
    /// Those that failed: their record and error.
    Failed,
    /// None.
    None,
    /// The best of each sweep, and the best named sessions.
    Top(usize),
}

impl Keep {
    /// The word for it in a manifest.
    pub fn word(self) -> String {
        match self {
            Self::Auto => "auto".into(),
            Self::All => "all".into(),
            Self::Failed => "failed".into(),
            Self::None => "none".into(),
            Self::Top(count) => format!("top:{count}"),
        }
    }
}

/// What `[run]` says, its keys checked and a profile laid over it.
pub(super) fn settings(table: &Table, mistakes: &mut Mistakes) -> RunSettings {
    let flag = |key: &str, default: bool| match table.get(key).map(|node| &node.value) {
        Some(Value::Bool(value)) => *value,
        _ => default,
    };
    let reports = match table.get("report").map(|node| &node.value) {
        Some(Value::Bool(false)) => vec![],
        Some(Value::Array(items)) => {
            items.iter().filter_map(Node::text).map(str::to_owned).collect()
        }
        _ => vec!["report.html".to_owned(), "report.md".to_owned()],
    };
    RunSettings {
        threads: table.get("threads").and_then(Node::number).unwrap_or(0.0) as usize,
        objective: objective(table.get("objective"), mistakes),
        keep: keep(table.get("keep"), mistakes),
        output: table.get("output").and_then(Node::text).unwrap_or("output").to_owned(),
        reports,
        cache: flag("cache", true),
        fail_fast: flag("fail_fast", false),
        max_time: hooks::duration("run.max_time", table.get("max_time"), mistakes),
        max_memory: max_memory(table.get("max_memory"), mistakes),
        timeout: hooks::duration("run.timeout", table.get("timeout"), mistakes),
        hooks: hooks::hooks(table, mistakes),
    }
}

fn max_memory(node: Option<&Node>, mistakes: &mut Mistakes) -> Option<u64> {
    let node = node?;
    let bytes = node.text().and_then(bytes);
    if bytes.is_none() && node.text().is_some() {
        let title = "`run.max_memory` is a size such as \"500MB\" or \"2GB\"";
        mistakes.push(Mistake::new(codes::OUT_OF_RANGE, &node.place, title));
    }
    bytes
}

fn objective(node: Option<&Node>, mistakes: &mut Mistakes) -> Objective {
    let (name, goal) = match node.map(|node| &node.value) {
        Some(Value::Table(table)) => (table.get("metric"), table.get("goal")),
        _ => (node, None),
    };
    let Some(name) = name else { return Objective::of(Metric::Sharpe) };
    let written = name.text().unwrap_or_default();
    let Some(metric) = Metric::from_name(written) else {
        let known = Metric::ALL.iter().map(|metric| metric.name());
        let title = format!("unknown metric `{written}`");
        mistakes
            .push(Mistake::new(codes::UNKNOWN_NAME, &name.place, title).suggest(written, known));
        return Objective::of(Metric::Sharpe);
    };
    match goal.and_then(Node::text) {
        Some(goal) => Objective { metric, maximize: goal == "maximize" },
        None => Objective::of(metric),
    }
}

fn keep(node: Option<&Node>, mistakes: &mut Mistakes) -> Keep {
    let Some(node) = node else { return Keep::Auto };
    let word = node.text().unwrap_or_default();
    let top = word.strip_prefix("top:").and_then(|count| count.parse().ok());
    let top = top.filter(|count| *count > 0);
    match (word, top) {
        ("auto", _) => Keep::Auto,
        ("all", _) => Keep::All,
        ("failed", _) => Keep::Failed,
        ("none", _) => Keep::None,
        (_, Some(count)) => Keep::Top(count),
        _ => {
            let title = "`run.keep` is \"auto\", \"all\", \"failed\", \"none\" or \"top:N\"";
            let mistake = Mistake::new(codes::OUT_OF_RANGE, &node.place, title);
            mistakes.push(match word.starts_with("top:") {
                true => mistake.label("N is how many, from 1; to keep nothing write \"none\""),
                false => mistake.suggest(word, ["auto", "all", "failed", "none", "top:20"]),
            });
            Keep::Auto
        }
    }
}

/// The bytes of a size such as `2GB`.
fn bytes(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (digits, unit) = text.split_at(split);
    let scale = match unit.trim().to_ascii_uppercase().as_str() {
        "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        _ => return None,
    };
    let number: f64 = digits.parse().ok()?;
    (number > 0.0).then_some((number * scale) as u64)
}
