//! One value, its column, and how people and programs are shown it.

use super::facts::Facts;
use super::records::Records;
use crate::metrics::{self, Metric};
use crate::report::context::Unit;
use crate::report::format::{DASH, metric, number};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use std::cmp::Ordering;

/// What a column holds, and thus how people are shown it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Kind {
    /// Words.
    Text,
    /// A whole number of things.
    Count,
    /// A part of something, 0.1 being 10 %.
    Fraction,
    /// A plain number of about three digits.
    Ratio,
    /// The currency of the account.
    Money,
    /// Calendar days.
    Days,
    /// A plain number of six digits or more, such as a price.
    Number,
    /// A moment, shown in UTC.
    Time,
}

impl Kind {
    /// How a report writes its numbers; `None` for what is none or has no unit.
    pub(in crate::cli) fn unit(self) -> Option<Unit> {
        match self {
            Self::Count => Some(Unit::Count),
            Self::Fraction => Some(Unit::Fraction),
            Self::Ratio => Some(Unit::Ratio),
            Self::Money => Some(Unit::Money),
            Self::Days => Some(Unit::Days),
            Self::Text | Self::Number | Self::Time => None,
        }
    }

    /// Whether it stands at the right of its column.
    pub(super) fn is_number(self) -> bool {
        self.unit().is_some() || self == Self::Number
    }
}

impl From<metrics::Unit> for Kind {
    fn from(unit: metrics::Unit) -> Self {
        match unit {
            metrics::Unit::Fraction => Self::Fraction,
            metrics::Unit::Ratio => Self::Ratio,
            metrics::Unit::Money => Self::Money,
            metrics::Unit::Count => Self::Count,
            metrics::Unit::Days => Self::Days,
        }
    }
}

/// A named column, or the name of one fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Column {
    /// The name in every format: snake_case.
    pub(super) name: String,
    /// What it holds.
    pub(in crate::cli) kind: Kind,
}

impl Column {
    /// The column `name`.
    pub(in crate::cli) fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind }
    }
}

impl From<Metric> for Column {
    fn from(metric: Metric) -> Self {
        Self::new(metric.name(), metric.unit().into())
    }
}

impl<T: Into<String>> From<(T, Kind)> for Column {
    fn from((name, kind): (T, Kind)) -> Self {
        Self::new(name, kind)
    }
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cli) enum Cell {
    /// There is none.
    Absent,
    /// Words.
    Text(String),
    /// Several words.
    List(Vec<String>),
    /// True or false.
    Flag(bool),
    /// A finite number.
    Number(f64),
    /// A moment.
    Time(DateTime<Utc>),
    /// A part with facts of its own; only among facts.
    Facts(Facts),
    /// A part with records of its own; only among facts. Lists have many cells, so none is larger than a text.
    Records(Box<Records>),
}

macro_rules! cell_from {
    ($($type:ty: $value:ident => $cell:expr;)*) => {
        $(impl From<$type> for Cell {
            fn from($value: $type) -> Self {
                $cell
            }
        })*
    };
}

cell_from! {
    &str: text => Self::Text(text.to_owned());
    String: text => Self::Text(text);
    &String: text => Self::Text(text.clone());
    Vec<String>: list => Self::List(list);
    bool: flag => Self::Flag(flag);
    f64: number => if number.is_finite() { Self::Number(number) } else { Self::Absent };
    u8: count => Self::Number(count.into());
    u32: count => Self::Number(count.into());
    // No count comes near the 2^53 beyond which this would round.
    u64: count => Self::Number(count as f64);
    usize: count => Self::Number(count as f64);
    DateTime<Utc>: time => Self::Time(time);
    Facts: facts => Self::Facts(facts);
    Records: records => Self::Records(Box::new(records));
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}

impl Cell {
    /// What people are shown, on one line.
    pub(super) fn shown(&self, kind: Kind, decimals: Option<usize>) -> String {
        match self {
            Self::Absent => DASH.to_owned(),
            Self::Text(text) => one_line(text),
            Self::List(list) => one_line(&list.join(", ")),
            Self::Flag(flag) => flag.to_string(),
            Self::Number(value) => match kind.unit() {
                Some(unit) => metric(Some(*value), unit, decimals),
                None => number(Some(*value)),
            },
            Self::Time(time) => time.format("%Y-%m-%d %H:%M:%SZ").to_string(),
            Self::Facts(_) | Self::Records(_) => self.json(kind).to_string(),
        }
    }

    /// The exact value.
    pub(super) fn json(&self, kind: Kind) -> Value {
        match self {
            Self::Absent => Value::Null,
            Self::Text(text) => text.as_str().into(),
            Self::List(list) => list.as_slice().into(),
            Self::Flag(flag) => (*flag).into(),
            // A count is a whole number in every language that reads it, and so is a parameter.
            Self::Number(count) if matches!(kind, Kind::Count | Kind::Text) && is_whole(*count) => {
                (*count as i64).into()
            }
            Self::Number(value) => (*value).into(),
            Self::Time(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true).into(),
            Self::Facts(facts) => facts.json(),
            Self::Records(records) => records.json(),
        }
    }

    /// The exact value as the text of a CSV field.
    pub(super) fn csv(&self, kind: Kind) -> String {
        match self.json(kind) {
            Value::Null => String::new(),
            Value::String(text) => text,
            Value::Array(_) if let Self::List(list) = self => list.join(","),
            value => value.to_string(),
        }
    }

    /// The order of two values of one column, the smaller first. An axis may have values of several kinds:
    /// each stands with its own.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let kind = |cell: &Self| match cell {
            Self::Number(_) => 0,
            Self::Flag(_) => 1,
            Self::Text(_) => 2,
            Self::List(_) => 3,
            Self::Time(_) => 4,
            Self::Facts(_) | Self::Records(_) | Self::Absent => 5,
        };
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::List(a), Self::List(b)) => a.cmp(b),
            (Self::Flag(a), Self::Flag(b)) => a.cmp(b),
            (Self::Time(a), Self::Time(b)) => a.cmp(b),
            _ => kind(self).cmp(&kind(other)),
        }
    }
}

/// Whether a whole number holds `value` exactly.
pub(super) fn is_whole(value: f64) -> bool {
    value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0
}

/// `text` without control characters and what else could move a terminal's cursor or turn the
/// direction of reading; white space becomes single spaces, and nothing at all becomes a dash.
pub(super) fn one_line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| !c.is_control())
        .filter(|c| !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'))
        .filter(|c| !matches!(c, '\u{2066}'..='\u{2069}'))
        .collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() { DASH.to_owned() } else { line }
}
