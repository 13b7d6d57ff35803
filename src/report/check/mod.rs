//! What a check found, written for those who read it: [`json`](mod@json) for programs, [`markdown`](mod@markdown) for a page,
//! [`junit`] for servers that collect tests, [`annotations`] for the lines of a change.
//!
//! Nothing here holds a time or the id of a run unless it is asked for, so that the same check gives
//! the same bytes.

pub mod annotations;
pub mod json;
pub mod junit;
pub mod markdown;

use crate::compare::{Checked, Level};

/// How many metrics are named where all are not: the others are in what programs are given.
const METRICS: usize = 6;

/// What is known of a session as lines of text: why, where, what.
pub fn lines(checked: &Checked) -> Vec<String> {
    let verdict = &checked.verdict;
    let mut lines = Vec::new();
    let silent = if verdict.differs() { "" } else { ", and no result differs" };
    lines.extend(verdict.causes.iter().map(|cause| format!("cause: {}{silent}", cause.text())));
    lines.extend(verdict.story.iter().flat_map(|story| story.lines()));
    let mut metrics = 0;
    for finding in &verdict.findings {
        let word = match finding.level {
            Level::Failure => "failed",
            Level::Warning => "warning",
            Level::Note => "note",
        };
        metrics += usize::from(finding.is_metric && finding.place.is_none());
        // A metric with a rule of its own is always named.
        if metrics > METRICS && finding.is_metric && finding.place.is_none() {
            continue;
        }
        let place = match &finding.place {
            Some(place) => format!(" ({})", place.0),
            None => String::new(),
        };
        lines.push(format!("{word}: {}{place}", finding.text));
    }
    if metrics > METRICS {
        lines.push(format!("and {} more metrics", metrics - METRICS));
    }
    lines.extend(checked.beyond.iter().map(|beyond| format!("apart: {}", beyond.text())));
    lines
}

/// The components that moved, as one word or several.
pub fn causes(checked: &Checked) -> String {
    let causes: Vec<&str> = checked.verdict.causes.iter().map(|cause| cause.component).collect();
    causes.join(", ")
}

/// Where the session parts from its baseline.
pub fn divergence(checked: &Checked) -> Option<String> {
    let story = checked.verdict.story.as_ref()?;
    Some(format!("{} {}", story.at, story.link))
}
