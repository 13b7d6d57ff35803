//! Several results beside each other: sessions matched, metrics in rows, the best of each marked.

use super::snapshot::Snapshot;
use crate::metrics::{Metric, Metrics, Parts, Sense};
use std::cmp::Ordering;

/// What is compared: a manifest, a run, baselines, or one session of any of them.
#[derive(Debug)]
pub struct Side {
    /// What it is called, as it was typed.
    pub name: String,
    /// Its sessions, in its order.
    pub sessions: Vec<Compared>,
}

/// One session of a side.
#[derive(Debug)]
pub struct Compared {
    /// Its key.
    pub key: String,
    /// What it was measured at.
    pub metrics: Metrics,
    /// The same in and out of sample; `None` without a split, or where it is not known.
    pub parts: Option<Parts>,
    /// Its details; `None` where none were kept.
    pub snapshot: Option<Box<Snapshot>>,
}

/// Sessions of the sides that belong together.
#[derive(Debug)]
pub struct Match<'a> {
    /// Their key, or that of each side where they differ.
    pub label: String,
    /// Of each side the session, if it has one.
    pub sessions: Vec<Option<&'a Compared>>,
}

/// One metric of sessions that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The sessions.
    pub label: String,
    /// The metric.
    pub metric: Metric,
    /// The name of the part of the range that it was measured on; `None` for all days.
    pub part: Option<&'static str>,
    /// Its value on each side.
    pub values: Vec<Option<f64>>,
    /// Which of them no other beats; none where all are equal, or neither way is better.
    pub best: Vec<bool>,
    /// The last side's value less the first's.
    pub change: Option<f64>,
    /// The same over the size of the first.
    pub relative: Option<f64>,
}

/// Sessions of the same key belong together. Where every side has one session, these do.
pub fn matched(sides: &[Side]) -> Vec<Match<'_>> {
    if sides.iter().all(|side| side.sessions.len() == 1) {
        let sessions: Vec<&Compared> = sides.iter().map(|side| &side.sessions[0]).collect();
        let mut keys: Vec<&str> = sessions.iter().map(|one| one.key.as_str()).collect();
        keys.dedup();
        let label = keys.join(" | ");
        return vec![Match { label, sessions: sessions.into_iter().map(Some).collect() }];
    }
    let mut labels: Vec<&str> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for one in sides.iter().flat_map(|side| &side.sessions) {
        if known.insert(one.key.as_str()) {
            labels.push(&one.key);
        }
    }
    let indices: Vec<std::collections::HashMap<&str, &Compared>> = sides
        .iter()
        .map(|side| side.sessions.iter().map(|one| (one.key.as_str(), one)).collect())
        .collect();
    let sessions =
        |label: &str| indices.iter().map(|index| index.get(label).copied()).collect::<Vec<_>>();
    labels
        .into_iter()
        .map(|label| Match { label: label.to_owned(), sessions: sessions(label) })
        .collect()
}

/// How rows are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// As the sessions stand in their plan.
    #[default]
    Plan,
    /// By the session's key.
    Session,
    /// By the metric's name.
    Metric,
    /// The largest relative change first.
    Change,
}

/// The rows of `matches` for `metrics`; with a threshold only those of which two values differ by more
/// than this fraction, or of which one is missing.
pub fn rows(
    matches: &[Match<'_>],
    metrics: &[Metric],
    only_changed: bool,
    threshold: f64,
    order: Order,
) -> Vec<Row> {
    let mut rows: Vec<Row> = matches
        .iter()
        .flat_map(|one| {
            let parts = Parts::NAMES.into_iter().map(Some);
            let parts = parts.flat_map(|part| HEADLINE.map(|metric| (metric, part)));
            let whole = metrics.iter().map(|&metric| (metric, None));
            let is_wanted = |(metric, _): &(Metric, _)| metrics.contains(metric);
            whole.chain(parts.filter(is_wanted)).map(|(metric, part)| row(one, metric, part))
        })
        .filter(|row| row.values.iter().any(Option::is_some))
        .filter(|row| !only_changed || row.differs(threshold))
        .collect();
    match order {
        Order::Plan => {}
        Order::Session => rows.sort_by(|a, b| a.label.cmp(&b.label)),
        Order::Metric => rows.sort_by_key(Row::name),
        Order::Change => rows.sort_by(|a, b| b.size().total_cmp(&a.size())),
    }
    rows
}

/// The metrics that are told of each part of a range, as far as they are wanted.
const HEADLINE: [Metric; 5] =
    [Metric::TotalReturn, Metric::Sharpe, Metric::MaxDrawdown, Metric::Trades, Metric::WinRate];

fn row(one: &Match<'_>, metric: Metric, part: Option<&'static str>) -> Row {
    let value = |session: &Compared| {
        let measured = match Parts::NAMES.iter().position(|name| Some(*name) == part) {
            Some(part) => session.parts.as_ref()?.both()[part],
            None => &session.metrics,
        };
        measured.get(metric)
    };
    let values: Vec<Option<f64>> =
        one.sessions.iter().map(|session| session.and_then(value)).collect();
    let known = || values.iter().flatten().copied();
    let best = match metric.sense() {
        Some(Sense::Higher) => known().reduce(f64::max),
        Some(Sense::Lower) => known().reduce(f64::min),
        None => None,
    };
    let all_equal = known().all(|value| Some(value) == known().next());
    let best = values.iter().map(|value| value.is_some() && *value == best && !all_equal).collect();
    let (first, last) = (values.first().copied().flatten(), values.last().copied().flatten());
    let change = first.zip(last).map(|(first, last)| last - first);
    let relative = first.zip(change).and_then(|(first, change)| match first.partial_cmp(&0.0) {
        Some(Ordering::Equal) | None => (change == 0.0).then_some(0.0),
        Some(_) => Some(change / first.abs()),
    });
    Row { label: one.label.clone(), metric, part, values, best, change, relative }
}

impl Row {
    /// The name of the metric, behind that of the part: `in_sample.sharpe`.
    pub fn name(&self) -> String {
        let part = self.part.map(|part| format!("{part}.")).unwrap_or_default();
        part + self.metric.name()
    }

    /// Whether two values are further from each other than the fraction `threshold` of the first.
    fn differs(&self, threshold: f64) -> bool {
        let first = self.values[0];
        self.values[1..].iter().any(|value| match (first, *value) {
            (Some(a), Some(b)) => (b - a).abs() > threshold * a.abs(),
            (a, b) => a != b,
        })
    }

    /// How much it changed, for the order: what came or went changed most.
    fn size(&self) -> f64 {
        match (self.relative, self.change) {
            (Some(relative), _) => relative.abs(),
            (None, Some(0.0)) => 0.0,
            _ => f64::INFINITY,
        }
    }
}

/// A trade on two sides.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct Pair {
    /// What they have in common: symbol, side and the time of entry.
    pub symbol: String,
    /// `long` or `short`.
    pub side: String,
    /// The opening time of the entry's bar.
    pub entry_time: String,
    /// Units, exit, reason and profit on the first side; `None` if it has no such trade.
    pub before: Option<Leg>,
    /// On the other.
    pub after: Option<Leg>,
}

/// What a trade came to.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct Leg {
    /// Units traded.
    pub units: f64,
    /// The opening time of the exit's bar; the last bar's while it is open.
    pub exit_time: String,
    /// Why it ended, empty while it is open.
    pub closed_by: String,
    /// Net profit, money.
    pub profit: f64,
}

/// The trades of two results, those of the same entry together, in the order of their entries.
pub fn pairs(a: &Snapshot, b: &Snapshot) -> Vec<Pair> {
    let legs = |snapshot: &Snapshot| -> Vec<((String, String, String), Leg)> {
        let Some(trades) = &snapshot.trades else { return Vec::new() };
        let number = |row: &[String], name: &str| trades.field(row, name).parse().unwrap_or(0.0);
        let text = |row: &[String], name: &str| trades.field(row, name).to_owned();
        let leg = |row: &Vec<String>| {
            let key = (text(row, "entry_time"), text(row, "symbol"), text(row, "side"));
            let leg = Leg {
                units: number(row, "units"),
                exit_time: text(row, "exit_time"),
                closed_by: text(row, "closed_by"),
                profit: number(row, "profit"),
            };
            (key, leg)
        };
        trades.rows.iter().map(leg).collect()
    };
    let mut pairs: Vec<Pair> = Vec::new();
    for ((entry_time, symbol, side), leg) in legs(a) {
        pairs.push(Pair { symbol, side, entry_time, before: Some(leg), after: None });
    }
    for ((entry_time, symbol, side), leg) in legs(b) {
        // Of several entries at one time each is matched once.
        let same = pairs.iter_mut().find(|pair| {
            pair.after.is_none()
                && (&pair.entry_time, &pair.symbol, &pair.side) == (&entry_time, &symbol, &side)
        });
        match same {
            Some(pair) => pair.after = Some(leg),
            None => pairs.push(Pair { symbol, side, entry_time, before: None, after: Some(leg) }),
        }
    }
    pairs.sort_by(|a, b| {
        (&a.entry_time, &a.symbol, &a.side).cmp(&(&b.entry_time, &b.symbol, &b.side))
    });
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(key: &str, sharpe: Option<f64>, drawdown: f64) -> Compared {
        let mut metrics = Metrics::default();
        metrics.set(Metric::Sharpe, sharpe);
        metrics.set(Metric::MaxDrawdown, drawdown);
        Compared { key: key.into(), metrics, parts: None, snapshot: None }
    }

    fn side(name: &str, sessions: Vec<Compared>) -> Side {
        Side { name: name.into(), sessions }
    }

    #[test]
    fn sessions_of_one_key_belong_together_and_single_ones_whatever_their_keys() {
        let sides = [side("a", vec![one("x", None, 0.1)]), side("b", vec![one("y", None, 0.1)])];
        let matches = matched(&sides);
        assert_eq!((matches.len(), matches[0].label.as_str()), (1, "x | y"));
        let two = vec![one("y", None, 0.1), one("z", None, 0.1)];
        let sides = [side("a", vec![one("x", None, 0.1)]), side("b", two)];
        let matches = matched(&sides);
        assert_eq!(matches.iter().map(|it| it.label.as_str()).collect::<Vec<_>>(), ["x", "y", "z"]);
        assert!(matches[0].sessions[1].is_none() && matches[1].sessions[0].is_none());
    }

    #[test]
    fn the_parts_of_a_range_stand_behind_the_whole() {
        let mut sides = [side("a", vec![one("x", Some(1.0), 0.1)])];
        let mut parts = Parts::default();
        parts.out_of_sample.set(Metric::Sharpe, 0.5);
        sides[0].sessions[0].parts = Some(parts);
        let metrics = [Metric::MaxDrawdown, Metric::Sharpe];
        let all = rows(&matched(&sides), &metrics, false, 0.0, Order::Plan);
        let names: Vec<String> = all.iter().map(Row::name).collect();
        assert_eq!(names, ["max_drawdown", "sharpe", "out_of_sample.sharpe"]);
        assert_eq!(all[2].values, [Some(0.5)]);
    }

    #[test]
    fn the_best_is_marked_in_the_metric_s_own_sense() {
        let sides = [
            side("a", vec![one("x", Some(1.0), 0.1)]),
            side("b", vec![one("x", Some(2.0), 0.3)]),
            side("c", vec![one("x", None, 0.2)]),
        ];
        let metrics = [Metric::Sharpe, Metric::MaxDrawdown];
        let all = rows(&matched(&sides), &metrics, false, 0.0, Order::Plan);
        assert_eq!(all[0].best, [false, true, false]);
        assert_eq!(all[1].best, [true, false, false]);
        assert_eq!(
            (all[0].change, all[1].relative.map(|x| (x * 100.0).round())),
            (None, Some(100.0))
        );
        let changed = rows(&matched(&sides), &metrics, true, 3.0, Order::Change);
        assert_eq!(changed.iter().map(|row| row.metric).collect::<Vec<_>>(), [Metric::Sharpe]);
    }
}
