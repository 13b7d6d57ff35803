//! What the pages `comparison.html` and `comparison.md` see: results beside each other.

use super::analysis::daily_returns;
use super::chart::Line;
use super::context::{Curve, Unit};
use super::load::{title, unit};
use crate::compare::noise::Noise;
use crate::compare::table::{Compared, Match, Pair, Row, Side, pairs};
use crate::compare::{Cause, Snapshot, causes};
use crate::engine::Settings;
use chrono::NaiveTime;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How many matched trades are shown.
const TRADES: usize = 100;

/// A comparison; the top level of the context.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Comparison {
    /// What is compared, in order.
    pub sides: Vec<String>,
    /// Every metric that is shown, sessions together.
    pub rows: Vec<MetricRow>,
    /// The sessions with details, one after the other.
    pub matches: Vec<Section>,
}

/// One metric of sessions that belong together.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MetricRow {
    /// The sessions.
    pub label: String,
    /// The metric as a heading, with the part of the range that it was measured on unless that is all.
    pub title: String,
    /// What it is.
    pub definition: String,
    /// What it counts in.
    pub unit: Unit,
    /// Its value on each side.
    pub cells: Vec<Cell>,
    /// The last side's value less the first's.
    pub change: Option<f64>,
}

/// A value on one side.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Cell {
    /// The value.
    pub value: Option<f64>,
    /// Whether no other side has a better one.
    pub best: bool,
}

/// Sessions that belong together, in detail.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Section {
    /// Their key.
    pub label: String,
    /// The accounts, for `curves`.
    pub lines: Vec<Line>,
    /// How far the last side is ahead of the first, in money of the first; absent where their days are
    /// not the same.
    pub lead: Option<Line>,
    /// For each two of `lines` how far their daily returns move together, from -1 to 1; `None` where
    /// they share fewer than three days or one of them never moves.
    pub correlations: Vec<Vec<Option<f64>>>,
    /// The keys, parameters and rules that are not the same everywhere.
    pub parameters: Vec<Parameter>,
    /// What moved from the first side to the last, a line each.
    pub causes: Vec<String>,
    /// Whether the change from the first side to the last could be chance.
    pub noise: Option<Noise>,
    /// The trades of the first and the last side.
    pub trades: Vec<Pair>,
    /// How many more there are.
    pub further_trades: usize,
    /// How many both sides have alike, which are not shown.
    pub same_trades: usize,
}

/// A key with its value on each side.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Parameter {
    /// The key, or the path of a rule.
    pub path: String,
    /// Its value on each side, as TOML; `None` where it is not given.
    pub values: Vec<Option<String>>,
}

/// The comparison of `sides`; `noise` holds one entry a match.
pub fn comparison(
    sides: &[Side],
    matches: &[Match<'_>],
    rows: &[Row],
    noise: &[Option<Noise>],
) -> Comparison {
    let sections = matches.iter().zip(noise);
    Comparison {
        sides: sides.iter().map(|side| side.name.clone()).collect(),
        rows: rows.iter().map(metric_row).collect(),
        matches: sections.filter_map(|(one, noise)| section(sides, one, *noise)).collect(),
    }
}

fn metric_row(row: &Row) -> MetricRow {
    let cells = row.values.iter().zip(&row.best);
    MetricRow {
        label: row.label.clone(),
        title: match row.part {
            Some(part) => format!("{}, {}", title(row.metric), part.replace('_', " ")),
            None => title(row.metric),
        },
        definition: row.metric.definition().to_owned(),
        unit: unit(row.metric),
        cells: cells.map(|(&value, &best)| Cell { value, best }).collect(),
        change: row.change,
    }
}

/// `None` where no side has details.
fn section(sides: &[Side], one: &Match<'_>, noise: Option<Noise>) -> Option<Section> {
    let detail =
        |session: &Option<&Compared>| session.and_then(|it| it.snapshot.as_deref().cloned());
    let snapshots: Vec<Option<Snapshot>> = one.sessions.iter().map(detail).collect();
    let known: Vec<&Snapshot> = snapshots.iter().flatten().collect();
    let (first, last) = (known.first()?, known.last()?);
    let lines = sides.iter().zip(&snapshots);
    let lines: Vec<Line> =
        lines.filter_map(|(side, it)| Some(line(&side.name, it.as_ref()?))).collect();
    let all = if known.len() > 1 { pairs(first, last) } else { Vec::new() };
    let is_same = |pair: &Pair| pair.before.is_some() && pair.before == pair.after;
    let same_trades = all.iter().filter(|pair| is_same(pair)).count();
    let mut trades: Vec<Pair> = all.into_iter().filter(|pair| !is_same(pair)).collect();
    let further_trades = trades.len().saturating_sub(TRADES);
    trades.truncate(TRADES);
    let moved = if known.len() > 1 { causes(first, last) } else { Vec::new() };
    Some(Section {
        label: one.label.clone(),
        lead: lead(&lines),
        correlations: correlations(&lines),
        lines,
        parameters: parameters(&snapshots),
        causes: moved.iter().map(Cause::text).collect(),
        noise,
        trades,
        further_trades,
        same_trades,
    })
}

/// The money at the start, as the manifest says it.
fn capital(snapshot: &Snapshot) -> f64 {
    let said = snapshot.settings.get("capital").and_then(|text| text.replace('_', "").parse().ok());
    said.unwrap_or(Settings::default().capital)
}

fn line(name: &str, snapshot: &Snapshot) -> Line {
    let Some(daily) = &snapshot.daily else {
        return Line { key: name.to_owned(), capital: capital(snapshot), equity: None };
    };
    let number = |row: &Vec<String>, name: &str| daily.field(row, name).parse().unwrap_or(f64::NAN);
    let column = |name: &str| daily.rows.iter().map(|row| number(row, name)).collect();
    let midnight = |(day, _): (chrono::NaiveDate, f64)| {
        day.and_time(NaiveTime::MIN).and_utc().timestamp_micros()
    };
    Line {
        key: name.to_owned(),
        capital: capital(snapshot),
        equity: Some(Curve {
            time: snapshot.account().into_iter().map(midnight).collect(),
            equity: column("equity"),
            drawdown: column("drawdown"),
            benchmark: None,
        }),
    }
}

/// The capital of the first line with what the last is ahead of it: its falls are those of the lead.
fn lead(lines: &[Line]) -> Option<Line> {
    let (first, last) = (lines.first()?, lines.last()?);
    let (a, b) = (first.equity.as_ref()?, last.equity.as_ref()?);
    if lines.len() < 2 || a.time != b.time {
        return None;
    }
    let scale = first.capital / last.capital;
    let ahead = |(a, b): (&f64, &f64)| first.capital + (b * scale - a);
    let equity: Vec<f64> = a.equity.iter().zip(&b.equity).map(ahead).collect();
    let mut peak = first.capital;
    let fall = |&value: &f64| {
        peak = peak.max(value);
        1.0 - value / peak
    };
    let drawdown = equity.iter().map(fall).collect();
    let key = format!("{} over {}", last.key, first.key);
    let time = a.time.clone();
    Some(Line {
        key,
        capital: first.capital,
        equity: Some(Curve { time, equity, drawdown, benchmark: None }),
    })
}

/// Pearson's correlation of the daily returns of each two lines over the days that both have.
fn correlations(lines: &[Line]) -> Vec<Vec<Option<f64>>> {
    let returns: Vec<BTreeMap<i64, f64>> = lines
        .iter()
        .map(|line| {
            let curve = line.equity.clone().unwrap_or_default();
            let returns = daily_returns(&curve, line.capital);
            curve.time.into_iter().zip(returns).filter(|(_, change)| change.is_finite()).collect()
        })
        .collect();
    let pair = |a: &BTreeMap<i64, f64>, b: &BTreeMap<i64, f64>| {
        let both = a.iter().filter_map(|(day, x)| Some((*x, *b.get(day)?)));
        correlation(&both.collect::<Vec<_>>())
    };
    returns.iter().map(|a| returns.iter().map(|b| pair(a, b)).collect()).collect()
}

fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let n = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let sum =
        |of: &dyn Fn(f64, f64) -> f64| -> f64 { pairs.iter().map(|(a, b)| of(a - x, b - y)).sum() };
    let spread = (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    (pairs.len() > 2 && spread > 0.0).then(|| sum(&|a, b| a * b) / spread)
}

/// What is said of the sessions and is not the same for all.
fn parameters(snapshots: &[Option<Snapshot>]) -> Vec<Parameter> {
    let paths: BTreeSet<&String> = snapshots
        .iter()
        .flatten()
        .flat_map(|snapshot| snapshot.settings.keys().chain(snapshot.rules.keys()))
        .collect();
    let value = |snapshot: &Option<Snapshot>, path: &str| {
        let snapshot = snapshot.as_ref()?;
        snapshot.settings.get(path).or_else(|| snapshot.rules.get(path)).cloned()
    };
    let parameter = |path: &String| {
        let values: Vec<_> = snapshots.iter().map(|snapshot| value(snapshot, path)).collect();
        let differs = values.iter().any(|value| *value != values[0]);
        differs.then(|| Parameter { path: path.clone(), values })
    };
    paths.into_iter().filter_map(parameter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(key: &str, days: &[i64], equity: &[f64]) -> Line {
        let curve = Curve { time: days.to_vec(), equity: equity.to_vec(), ..Curve::default() };
        Line { key: key.into(), capital: 100.0, equity: Some(curve) }
    }

    #[test]
    fn returns_correlate_over_the_days_that_both_have() {
        let days = [0, 1, 2, 3];
        let a = line("a", &days, &[110.0, 99.0, 118.8, 118.8]);
        let double = line("b", &days, &[120.0, 96.0, 134.4, 134.4]);
        let flat = line("c", &days, &[100.0; 4]);
        let other = line("d", &[7, 8], &[1.0, 2.0]);
        let all = correlations(&[a, double, flat, other]);
        assert!((all[0][1].unwrap() - 1.0).abs() < 1e-12, "{all:?}");
        assert!((all[0][0].unwrap() - 1.0).abs() < 1e-12);
        assert_eq!((all[0][2], all[0][3]), (None, None));
    }
}
