//! What a finished session leaves in a run: a [`Row`], and beside it the [`Label`] from the plan. Which
//! columns they are in a file, [`results`](super::results) says.

use crate::expr::column::Scalar;
use crate::metrics::{Metrics, Parts};
use blake3::Hash;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It ran to the end of its range.
    Completed,
    /// An error or a panic ended it.
    Failed,
    /// The run was interrupted.
    Aborted,
    /// Its data or settings were refused before it ran.
    Refused,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Completed, Self::Failed, Self::Aborted, Self::Refused];

    /// The word in files and tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Refused => "refused",
        }
    }

    /// The status of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }
}

/// How one session of a run ended and what it was measured at.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its place in the plan, from 0.
    pub index: u64,
    /// The digest of all that can change its result.
    pub identity: Hash,
    /// How it ended.
    pub status: Status,
    /// Why it did not complete; `None` if it did.
    pub error: Option<String>,
    /// What sort of error that is, such as `panic` or `data`.
    pub kind: Option<String>,
    /// How many bars its range has.
    pub bars: u64,
    /// What it was measured at; nothing if it did not complete.
    pub metrics: Metrics,
    /// The same in and out of sample; `None` without a split.
    pub parts: Option<Box<Parts>>,
    /// The digest of its fills; `None` if it did not complete.
    pub fills: Option<Hash>,
    /// What a reader of the result should know about it.
    pub note: Option<String>,
}

/// What the plan says of one session, for those who read results. The points of a sweep share what is the
/// same for all of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// The session's name with its axis values.
    pub key: String,
    /// The session's name.
    pub session: Arc<str>,
    /// The strategy's name.
    pub strategy: Arc<str>,
    /// `backtest` or `paper`.
    pub mode: Arc<str>,
    /// Its symbols, in the order of the manifest.
    pub symbols: Arc<[String]>,
    /// The first day of its range; `None` if it was refused before that was known.
    pub from: Option<NaiveDate>,
    /// The last day of its range; `None` if it was refused before that was known.
    pub to: Option<NaiveDate>,
    /// The axes that it was swept along, by path, and its values there. Axes come back from a file
    /// in the order in which they first appear in it, and one whose value is missing does not.
    pub axes: Vec<(Arc<str>, Scalar)>,
}

impl Label {
    /// The same label, holding what it has in common with `other` together with it.
    pub fn sharing(mut self, other: Option<&Self>) -> Self {
        let Some(other) = other else { return self };
        let both = [
            (&mut self.session, &other.session),
            (&mut self.strategy, &other.strategy),
            (&mut self.mode, &other.mode),
        ];
        for (mine, theirs) in both.into_iter().filter(|(mine, theirs)| mine == theirs) {
            mine.clone_from(theirs);
        }
        if self.symbols == other.symbols {
            self.symbols.clone_from(&other.symbols);
        }
        for ((mine, _), (theirs, _)) in self.axes.iter_mut().zip(&other.axes) {
            if mine == theirs {
                mine.clone_from(theirs);
            }
        }
        self
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::metrics::Metric;

    /// A completed session whose numbers are awkward.
    pub(in crate::store) fn row(index: u64) -> Row {
        let mut metrics = Metrics::default();
        for (place, metric) in Metric::ALL.into_iter().enumerate() {
            let value = (index as f64 + 0.1) / (place as f64 - 7.3);
            metrics.set(metric, (place as u64 % 5 != index % 5).then_some(value));
        }
        Row {
            index,
            identity: blake3::hash(&index.to_le_bytes()),
            status: Status::Completed,
            error: None,
            kind: None,
            bars: 2_000 + index,
            metrics,
            parts: None,
            fills: Some(blake3::hash(b"fills")),
            note: None,
        }
    }

    /// A session that failed.
    pub(in crate::store) fn failed(index: u64) -> Row {
        Row {
            status: Status::Failed,
            error: Some("row 412: `close` is missing; fill it,\n\"or drop it\"".into()),
            kind: Some("data".into()),
            metrics: Metrics::default(),
            fills: None,
            note: Some("decides and fills on the same close".into()),
            ..row(index)
        }
    }

    pub(in crate::store) fn label(axes: &[(&str, Scalar)]) -> Label {
        Label {
            key: "goog-sma[fast=10,slow=20]".into(),
            session: "goog-sma".into(),
            strategy: "sma-cross".into(),
            mode: "backtest".into(),
            symbols: ["GOOG".into(), "BTC/USDT".into(), "odd, 100%2C".into()].into(),
            from: NaiveDate::from_ymd_opt(2004, 8, 19),
            to: NaiveDate::from_ymd_opt(2013, 3, 1),
            axes: axes.iter().map(|(path, value)| ((*path).into(), value.clone())).collect(),
        }
    }

    #[test]
    fn a_status_has_one_word_everywhere() {
        for status in Status::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.word());
            assert_eq!(Status::from_word(status.word()), Some(status));
        }
    }
}
