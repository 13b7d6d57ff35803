//! Differences held against the gates of a manifest.

use super::cause::{Cause, causes, unexplained};
use super::snapshot::Snapshot;
use super::story::{Story, story};
use crate::diag::Place;
use crate::manifest::gates::{Band, Expectation, Gates, Rule, Strictness};
use crate::metrics::{Metric, Metrics, Sense};
use std::fmt;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Good to know.
    Note,
    /// It differs, and that is allowed.
    Warning,
    /// A gate did not hold.
    Failure,
}

/// One thing that was found about a session.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// What it is about: a metric, `fills`, `equity`, `baseline`, `session`.
    pub subject: String,
    /// What was found, in a sentence without a full stop.
    pub text: String,
    /// The line of the manifest that demands it; the session's own where none does.
    pub place: Option<PlaceOf>,
    /// Whether it is about a metric.
    pub is_metric: bool,
}

/// A place that is compared by what it shows.
#[derive(Debug, Clone)]
pub struct PlaceOf(pub Place);

impl PartialEq for PlaceOf {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_string() == other.0.to_string()
    }
}

/// A metric whose value is not what it was.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Change {
    /// Its name.
    pub metric: &'static str,
    /// In the baseline.
    pub before: Option<f64>,
    /// Now.
    pub after: Option<f64>,
    /// `after - before`, where both are there.
    pub difference: Option<f64>,
    /// How far it might have moved; `None` where it is exact or ignored.
    pub limit: Option<f64>,
    /// What the gate says of it.
    pub level: Level,
}

/// What the comparison of one session came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// Everything that was found, failures first.
    pub findings: Vec<Finding>,
    /// The metrics that are not what they were, in their order.
    pub changes: Vec<Change>,
    /// What moved, whether or not it changed a result.
    pub causes: Vec<Cause>,
    /// The first divergence, if there is one.
    pub story: Option<Story>,
}

impl Verdict {
    /// Whether a gate did not hold.
    pub fn failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Failure)
    }

    /// Whether anything of the result is not what it was.
    pub fn differs(&self) -> bool {
        !self.changes.is_empty() || self.story.is_some()
    }

    pub(super) fn find(
        &mut self,
        level: Level,
        subject: &str,
        text: String,
        place: Option<&Place>,
    ) {
        let place = place.cloned().map(PlaceOf);
        let is_metric = Metric::from_name(subject).is_some();
        let subject = subject.to_owned();
        self.findings.push(Finding { level, subject, text, place, is_metric });
    }
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = told_apart(self.before, self.after);
        write!(out, "{} {before} -> {after}", self.metric)?;
        if let (Some(difference), Some(limit)) = (self.difference, self.limit) {
            write!(out, " (by {}, limit {})", rounded(difference, 3), rounded(limit, 3))?;
        }
        Ok(())
    }
}

/// Two values in as few digits, from five on, as tell them apart.
fn told_apart(a: Option<f64>, b: Option<f64>) -> (String, String) {
    const MOST: usize = 17;
    let text = |value: Option<f64>, digits| match value {
        Some(value) => rounded(value, digits),
        None => "undefined".to_owned(),
    };
    let pair = |digits| (text(a, digits), text(b, digits));
    (5..MOST).map(pair).find(|(a, b)| a != b).unwrap_or_else(|| pair(MOST))
}

/// A number in at most so many significant digits, and in all of its own if they are fewer.
pub fn rounded(value: f64, digits: usize) -> String {
    let short: f64 = format!("{value:.*e}", digits.max(1) - 1).parse().unwrap_or(value);
    match short.abs() {
        0.0 => "0".to_owned(),
        1e-4..1e15 => short.to_string(),
        _ => format!("{short:e}"),
    }
}

/// Hold `after` against `before`, its baseline.
pub fn judge(before: &Snapshot, after: &Snapshot, gates: &Gates) -> Verdict {
    let mut verdict = Verdict { causes: causes(before, after), ..Verdict::default() };
    for (&metric, &old) in &before.metrics {
        metric_gate(metric, old, after.metric(metric), gates, &mut verdict);
    }
    for (&metric, &new) in after.metrics.iter().filter(|(m, _)| !before.metrics.contains_key(m)) {
        bounds(metric, new, gates, &mut verdict);
        if new.is_some() {
            let text = format!("the baseline does not know `{}` yet", metric.name());
            verdict.find(Level::Note, metric.name(), text, None);
        }
    }
    digest("fills", &before.fills, &after.fills, gates.fills, &mut verdict);
    digest("equity", &before.equity, &after.equity, gates.equity, &mut verdict);
    let is_other =
        !verdict.changes.is_empty() || before.fills != after.fills || before.equity != after.equity;
    if is_other {
        verdict.story = story(before, after);
        if verdict.causes.is_empty() {
            verdict.causes.push(unexplained());
        }
    }
    verdict.findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    verdict
}

/// What a session expects of its metrics, baseline or not.
pub fn expect(metrics: &Metrics, expectations: &[Expectation]) -> Vec<Finding> {
    let broken = expectations.iter().filter(|wanted| !wanted.holds(metrics.get(wanted.metric)));
    broken
        .map(|wanted| {
            let name = wanted.metric.name();
            let value = metrics.get(wanted.metric);
            let value = value.map_or("undefined".to_owned(), |value| value.to_string());
            let (sign, bound) = (wanted.relation.sign(), wanted.bound);
            Finding {
                level: Level::Failure,
                subject: name.to_owned(),
                text: format!("{name} is {value}, and {sign} {bound} is expected"),
                place: Some(PlaceOf(wanted.place.clone())),
                is_metric: true,
            }
        })
        .collect()
}

fn metric_gate(
    metric: Metric,
    old: Option<f64>,
    new: Option<f64>,
    gates: &Gates,
    verdict: &mut Verdict,
) {
    let (rule, place) = gates.of(metric);
    let moved = old != new;
    let (level, limit) = match (rule, old, new) {
        (Rule::Ignore, ..) => (Level::Note, None),
        (Rule::Exact, ..) => (Level::Failure, None),
        (Rule::Within(band), Some(old), Some(new)) => {
            let limit = band.tolerance.limit(old);
            match band.tolerance.holds(new, old) {
                true => (Level::Note, Some(limit)),
                false if band.worse_only && is_better(band, new, old) => {
                    (Level::Warning, Some(limit))
                }
                false => (Level::Failure, Some(limit)),
            }
        }
        // A value that came into being is no change for the worse; one that vanished is.
        (Rule::Within(band), None, _) if band.worse_only => (Level::Warning, None),
        (Rule::Within(_), ..) => (Level::Failure, None),
    };
    if moved {
        let difference = old.zip(new).map(|(old, new)| new - old);
        let change =
            Change { metric: metric.name(), before: old, after: new, difference, limit, level };
        if level > Level::Note {
            let text = match level {
                Level::Warning => format!("{change}; better is allowed"),
                _ => change.to_string(),
            };
            verdict.find(level, metric.name(), text, place);
        }
        verdict.changes.push(change);
    }
    bounds(metric, new, gates, verdict);
}

fn is_better(band: Band, new: f64, old: f64) -> bool {
    match band.better {
        Some(Sense::Higher) => new > old,
        Some(Sense::Lower) => new < old,
        None => false,
    }
}

/// The absolute bounds of a metric, which hold whatever the baseline says.
fn bounds(metric: Metric, value: Option<f64>, gates: &Gates, verdict: &mut Verdict) {
    let (Rule::Within(band), place) = gates.of(metric) else { return };
    let name = metric.name();
    let Some(value) = value else { return };
    for (is_out, word, bound) in [
        (band.min.is_some_and(|min| value < min), "min", band.min),
        (band.max.is_some_and(|max| value > max), "max", band.max),
    ] {
        if let (true, Some(bound)) = (is_out, bound) {
            let text = format!("{name} is {value}, and its {word} is {bound}");
            verdict.find(Level::Failure, name, text, place);
        }
    }
}

fn digest(what: &str, before: &str, after: &str, strictness: Strictness, verdict: &mut Verdict) {
    let level = match strictness {
        Strictness::Fail => Level::Failure,
        Strictness::Warn => Level::Warning,
        Strictness::Ignore => return,
    };
    if before != after {
        let short = |digest: &str| digest.chars().take(10).collect::<String>();
        let (before, after) = (short(before), short(after));
        let text = format!("the {what} are not those of the baseline: {before} -> {after}");
        verdict.find(level, what, text.replace("equity are not those", "equity is not that"), None);
    }
}
