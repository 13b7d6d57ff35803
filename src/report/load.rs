//! From the store to the context of a report: what a run's directory holds, and nothing else.

use super::analysis;
use super::context::{
    Axis, Cell, Column, Counts, Curve, Data, Goal, Metric as MetricValue, Objective, Omitted,
    Reading, Row, Run, RunReport, RunStatus, Sense, Session, Setting, Status, Sweep, TradeRow,
    Trades, Unit,
};
use super::format::DASH;
use super::split::split;
use super::suspicion::{Facts, suspicions};
use crate::bars::DAY;
use crate::bars::thin::thin;
use crate::batch::kept::{RESULT, SESSION, TRADES};
use crate::expr::Scalar;
use crate::manifest::data::Check;
use crate::manifest::{self, Session as Typed};
use crate::metrics::{self, Metric};
use crate::plan::file::{self, Frozen};
use crate::plan::{Base, word};
use crate::store::{self, Label, RunReader, session_dir};
use anyhow::{Context, Result};
use chrono::{DateTime, Offset, TimeZone};
use serde_json::Value;
use std::collections::HashMap;

/// The columns of the comparison table beside the objective.
const COLUMNS: [Metric; 8] = [
    Metric::TotalReturn,
    Metric::Cagr,
    Metric::Sharpe,
    Metric::Sortino,
    Metric::MaxDrawdown,
    Metric::Trades,
    Metric::WinRate,
    Metric::BenchmarkReturn,
];
/// How many named sessions the comparison table shows, and how many points of each sweep.
const ROWS: usize = 500;
const POINTS: usize = 20;
/// How many points of a sweep get a section of their own.
const SECTIONS: usize = 5;
/// About how many points of a curve are drawn in a table's row.
const SPARK: usize = 60;

fn unfinished(run: &RunReader, frozen: &Frozen) -> Result<Vec<(Label, store::Row)>> {
    let (rows, _) = run.rows()?;
    let label = |row: &store::Row| {
        let point =
            frozen.plan.points.get(row.index as usize).context("a row is not in the plan")?;
        let base = frozen.plan.base(point);
        anyhow::Ok(Label {
            key: base.key(point),
            session: base.session.name.as_str().into(),
            strategy: base.definition(point).name.as_str().into(),
            mode: base.session.mode.word().into(),
            symbols: base.session.symbols.as_deref().unwrap_or_default().into(),
            from: base.session.range.from,
            to: base.session.range.to,
            axes: base.values(point).map(|(path, value)| (path.into(), value.clone())).collect(),
        })
    };
    rows.into_iter().map(|row| Ok((label(&row)?, row))).collect()
}

/// A run's directory, read as far as all its reports need it.
#[derive(Debug)]
pub struct Loader<'a> {
    pub(super) run: &'a RunReader,
    pub(super) frozen: Frozen,
    pub(super) objective: manifest::Objective,
    /// Best first.
    pub(super) results: Vec<(Label, store::Row)>,
    /// Where each key of each session was set, by the session's name.
    pub(super) origins: HashMap<String, Vec<(String, String)>>,
    kept: Vec<String>,
}

impl<'a> Loader<'a> {
    /// Read the plan and the results of `run`.
    pub fn new(run: &'a RunReader) -> Result<Self> {
        let plan = run.plan()?;
        let frozen = file::read(&plan)?;
        let mut results = match run.results() {
            Ok(results) => results,
            Err(error) if run.file().status.has_results() => {
                let way = format!("`papertape run --resume {}` makes them anew", run.file().id);
                return Err(
                    anyhow::Error::new(error).context(format!("the results are lost; {way}"))
                );
            }
            // A run that was stopped has its rows, and its plan knows their labels.
            Err(_) => unfinished(run, &frozen)?,
        };
        let objective = frozen.plan.run.objective;
        let value = |row: &store::Row| row.metrics.get(objective.metric);
        results.sort_by(|(_, a), (_, b)| {
            objective.order(value(a), value(b)).then(a.index.cmp(&b.index))
        });
        let origins = file::origins_of(&plan);
        Ok(Self { run, frozen, objective, results, origins, kept: run.kept()? })
    }

    pub(super) fn base(&self, row: &store::Row) -> &Base {
        self.frozen.plan.base(&self.frozen.plan.points[row.index as usize])
    }

    /// What those checks that are `wanted` found in a session's data: a line a kind and symbol.
    fn checks(&self, row: &store::Row, wanted: impl Fn(&store::DataCheck) -> bool) -> Vec<String> {
        let base = self.frozen.plan.points[row.index as usize].base;
        let line = |check: &store::DataCheck| {
            let worst = check.worst.first().map_or(String::new(), |worst| format!(": {worst}"));
            format!("{} has {} ({}){worst}", check.symbol, check.found, check.done)
        };
        let checks = self.frozen.checks.get(base).into_iter().flatten();
        checks.filter(|check| wanted(check)).map(line).collect()
    }

    /// Everything that a report of the run may say.
    pub fn report(&self) -> Result<RunReport> {
        let columns = self.columns();
        let sections = self.sections();
        let mut sessions = Vec::new();
        for &place in &sections {
            sessions.push(self.session(place)?);
        }
        let mut rows = Vec::new();
        for place in self.first_places(ROWS, POINTS) {
            let section = sections.iter().position(|&section| section == place);
            rows.push(self.row(place, &columns, section.map(|section| &sessions[section])));
        }
        mark_best(&mut rows, &columns);
        let hidden = self.results.len() - rows.len();
        Ok(RunReport {
            title: self.frozen.plan.title.clone(),
            manifests: self.frozen.plan.manifests.iter().map(|(path, _)| path.clone()).collect(),
            run: self.facts(),
            counts: counts(self.results.iter().map(|(_, row)| row), &self.run.file().counts),
            objective: self.ranking(),
            columns,
            rows,
            omitted: (hidden > 0).then(|| Omitted { rows: hidden, place: "results.csv".into() }),
            sweeps: self.sweeps(),
            sessions,
        })
    }

    pub(super) fn ranking(&self) -> Objective {
        Objective {
            metric: self.objective.metric.name().into(),
            title: title(self.objective.metric),
            unit: unit(self.objective.metric),
            goal: if self.objective.maximize { Goal::Maximize } else { Goal::Minimize },
        }
    }

    pub(super) fn facts(&self) -> Run {
        let file = self.run.file();
        let text = |time: DateTime<chrono::Utc>| time.format("%Y-%m-%d %H:%M:%S UTC").to_string();
        let seconds = |end: DateTime<chrono::Utc>| (end - file.started).as_seconds_f64();
        Run {
            id: file.id.clone(),
            started: text(file.started),
            finished: file.finished.map(text),
            wall_seconds: file.finished.map(seconds),
            version: file.version.clone(),
            command: file.command_line.join(" "),
            threads: file.threads,
            status: match file.status {
                store::RunStatus::Running => RunStatus::Running,
                store::RunStatus::Completed => RunStatus::Completed,
                store::RunStatus::Failed => RunStatus::Failed,
                store::RunStatus::Incomplete => RunStatus::Incomplete,
            },
            host: Some(file.host.clone()),
        }
    }

    /// The objective first, then the usual ones.
    pub(super) fn columns(&self) -> Vec<Column> {
        let first = std::iter::once(self.objective.metric);
        let others = COLUMNS.into_iter().filter(|metric| *metric != self.objective.metric);
        let column = |metric: Metric| Column {
            name: metric.name().into(),
            title: title(metric),
            unit: unit(metric),
            definition: metric.definition().into(),
            sense: sense(metric),
        };
        first.chain(others).map(column).collect()
    }

    pub(super) fn is_kept(&self, place: usize) -> Option<String> {
        let (label, row) = &self.results[place];
        let dir = session_dir(&label.session, &row.identity);
        // What failed left why, and nothing to draw.
        let is_whole = row.status == store::Status::Completed;
        (is_whole && self.kept.contains(&dir)).then_some(dir)
    }

    /// The places, best first, of the `named` best named sessions and the `points` best of each
    /// sweep.
    fn first_places(&self, named: usize, points: usize) -> Vec<usize> {
        let mut seen = vec![0; self.frozen.plan.bases.len()];
        let mut seen_named = 0;
        (0..self.results.len())
            .filter(|&place| {
                let base = self.frozen.plan.points[self.results[place].1.index as usize].base;
                let (count, limit) = match self.frozen.plan.bases[base].swept {
                    true => (&mut seen[base], points),
                    false => (&mut seen_named, named),
                };
                *count += 1;
                *count <= limit
            })
            .collect()
    }

    /// The places of the sessions that get a section: all kept named ones, and the best kept of each
    /// sweep.
    pub(super) fn sections(&self) -> Vec<usize> {
        let mut places = self.first_places(ROWS, SECTIONS);
        places.retain(|&place| self.is_kept(place).is_some());
        // What was asked for by name comes before what a sweep found.
        places.sort_by_key(|&place| self.base(&self.results[place].1).swept);
        places
    }

    pub(super) fn row(&self, place: usize, columns: &[Column], session: Option<&Session>) -> Row {
        let (label, row) = &self.results[place];
        let value =
            |column: &Column| Metric::from_name(&column.name).and_then(|m| row.metrics.get(m));
        let spark = self.is_kept(place).and_then(|dir| self.run.equity(&dir).ok()).map(|account| {
            // Of each stretch two are kept.
            let wide = account.equity.len().div_ceil(SPARK / 2).max(1);
            let kept = thin(&account.equity, |bar| bar / wide);
            kept.into_iter().map(|bar| account.equity[bar]).collect()
        });
        Row {
            rank: row.metrics.get(self.objective.metric).map(|_| place + 1),
            key: label.key.clone(),
            id: id(row),
            name: label.session.to_string(),
            sweep: self.base(row).swept.then(|| label.session.to_string()),
            strategy: label.strategy.to_string(),
            mode: label.mode.to_string(),
            symbols: label.symbols.to_vec(),
            status: status(row.status),
            error: row.error.clone(),
            axes: settings(label),
            metrics: columns
                .iter()
                .map(|column| Cell { name: column.name.clone(), value: value(column), best: false })
                .collect(),
            split: self.objectives(place),
            spark,
            anchor: session.map(|session| session.anchor.clone()),
        }
    }

    /// The axes of the base of that number.
    pub(super) fn axes(&self, number: usize) -> Vec<Axis> {
        let axes = self.frozen.plan.bases[number].axes.iter();
        axes.map(|axis| Axis {
            path: axis.path.clone(),
            values: axis.scalars.iter().map(shown).collect(),
        })
        .collect()
    }

    pub(super) fn sweeps(&self) -> Vec<Sweep> {
        let bases = self.frozen.plan.bases.iter().enumerate().filter(|(_, base)| base.swept);
        bases
            .map(|(number, base)| {
                let here =
                    |row: &store::Row| self.frozen.plan.points[row.index as usize].base == number;
                let mut rows: Vec<&(Label, store::Row)> =
                    self.results.iter().filter(|(_, row)| here(row)).collect();
                let value = |row: &store::Row| row.metrics.get(self.objective.metric);
                let best = rows.first().filter(|(_, row)| value(row).is_some());
                let best = best.map(|(label, _)| label.key.clone());
                rows.sort_by_key(|(_, row)| row.index);
                let objective: Vec<f64> = rows.iter().filter_map(|(_, row)| value(row)).collect();
                Sweep {
                    name: base.session.name.clone(),
                    points: rows.len(),
                    counts: counts(rows.iter().map(|(_, row)| row), &store::Counts::default()),
                    axes: self.axes(number),
                    page: store::page(&store::file_name(&base.session.name)),
                    quartiles: quartiles(&objective),
                    objective,
                    best,
                }
            })
            .collect()
    }

    /// What a kept session's file says, as text.
    pub(super) fn text(&self, dir: &str, file: &str) -> Result<String> {
        Ok(String::from_utf8_lossy(&self.run.kept_file(dir, file)?).into_owned())
    }

    pub(super) fn result(&self, dir: &str) -> Result<Value> {
        Ok(self.run.kept_json(dir, RESULT)?)
    }

    pub(super) fn session(&self, place: usize) -> Result<Session> {
        let (label, row) = &self.results[place];
        let base = self.base(row);
        let typed = &base.session;
        let dir = self.is_kept(place).context("a section is of a kept session")?;
        let result = self.result(&dir)?;
        let curve = by_day(&self.run.equity(&dir)?, typed);
        let trades = trades(&self.text(&dir, TRADES)?, typed)
            .map_err(|error| self.run.damaged(&dir, TRADES, error))?;
        let notes: Vec<String> =
            row.note.iter().flat_map(|note| note.split("; ")).map(str::to_owned).collect();
        let kind =
            |check: &store::DataCheck| Check::ALL.into_iter().find(|it| it.word() == check.check);
        let facts = Facts {
            metrics: &row.metrics,
            trades: &trades.rows,
            years: &analysis::years(&curve, typed.settings.capital),
            notes: &notes,
            damage: &self.checks(row, |check| {
                !matches!(kind(check), Some(Check::Stale | Check::Unfinished))
            }),
            stale: &self.checks(row, |check| kind(check) == Some(Check::Stale)),
            edges: &self.edges(place),
        };
        let suspicions = suspicions(&facts);
        let strings = |value: &Value| -> Vec<(String, String)> {
            let plain =
                |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            value
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), plain(value)))
                .collect()
        };
        let setting = |(path, value): (String, String)| Setting { path, value };
        Ok(Session {
            key: label.key.clone(),
            id: id(row),
            anchor: format!("s-{}", dir.replace('%', "_")),
            sweep: base.swept.then(|| label.session.to_string()),
            description: given(&typed.label.description),
            notes: given(&typed.label.notes),
            suspicions,
            tags: typed.label.tags.clone(),
            strategy: label.strategy.to_string(),
            strategy_description: given(&one_paragraph(&typed.definition.description)),
            mode: label.mode.to_string(),
            symbols: label.symbols.to_vec(),
            from: label.from.map(|day| day.to_string()).unwrap_or_default(),
            to: label.to.map(|day| day.to_string()).unwrap_or_default(),
            bars: row.bars as usize,
            capital: typed.settings.capital,
            currency: Some(typed.label.currency.clone()),
            model: typed.model.clone(),
            model_axes: strings(&result["axes"]).into_iter().map(setting).collect(),
            costs: costs(typed),
            metrics: metrics(&row.metrics).collect(),
            split: split(row, &result),
            readings: readings(&result["readings"]),
            backtesting_py: strings(&result["backtesting-py"]).into_iter().map(setting).collect(),
            equity: Some(curve),
            page: Some(store::page(&dir)),
            trades,
            settings: self.text(&dir, SESSION)?,
            data: Data {
                files: typed.data.written.clone(),
                digest: result["components"]["data"]
                    .as_str()
                    .unwrap_or_default()
                    .chars()
                    .take(10)
                    .collect(),
                rows: row.bars as usize * label.symbols.len(),
                checks: self.checks(row, |_| true),
            },
            identity: strings(&result["components"])
                .into_iter()
                .map(|(part, digest)| setting((part, digest.chars().take(10).collect())))
                .collect(),
        })
    }
}

impl Loader<'_> {
    /// The axes on which the best point of a sweep stands at the end of the values.
    fn edges(&self, place: usize) -> Vec<(String, String)> {
        let number = self.results[place].1.index as usize;
        let point = &self.frozen.plan.points[number];
        let base = self.frozen.plan.base(point);
        let of_base = |(_, row): &(Label, store::Row)| {
            self.frozen.plan.points[row.index as usize].base == point.base
        };
        let is_best = self.results.iter().position(of_base) == Some(place);
        let axes = base.axes.iter().zip(base.at(point)).filter(|_| is_best && base.swept);
        axes.filter(|(axis, at)| {
            let numbers: Vec<f64> = axis.scalars.iter().filter_map(number_of).collect();
            let value = numbers.get(**at as usize).copied();
            let ends = [
                numbers.iter().copied().reduce(f64::min),
                numbers.iter().copied().reduce(f64::max),
            ];
            numbers.len() == axis.scalars.len() && numbers.len() > 2 && ends.contains(&value)
        })
        .map(|(axis, &at)| (axis.path.clone(), word(&axis.scalars[at as usize])))
        .collect()
    }
}

/// A value of an axis; a dash for the points that have none.
pub(super) fn shown(value: &Scalar) -> String {
    if *value == Scalar::Missing { DASH.to_owned() } else { word(value) }
}

fn number_of(value: &Scalar) -> Option<f64> {
    if let Scalar::Number(number) = value { Some(*number) } else { None }
}

fn id(row: &store::Row) -> String {
    row.identity.to_hex().chars().take(10).collect()
}

pub(super) fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A text whose lines were broken for its file, as one.
pub(super) fn one_paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn settings(label: &Label) -> Vec<Setting> {
    let axes = label.axes.iter();
    axes.map(|(path, value)| Setting { path: path.to_string(), value: word(value) }).collect()
}

fn counts<'a>(rows: impl Iterator<Item = &'a store::Row>, known: &store::Counts) -> Counts {
    let mut counts = Counts {
        selected: known.selected as usize,
        cached: known.cached as usize,
        ..Counts::default()
    };
    let mut seen = 0;
    for row in rows {
        seen += 1;
        match row.status {
            store::Status::Completed => counts.completed += 1,
            store::Status::Failed => counts.failed += 1,
            store::Status::Refused => counts.refused += 1,
            store::Status::Aborted => counts.aborted += 1,
        }
    }
    counts.selected = counts.selected.max(seen);
    counts
}

pub(super) fn status(status: store::Status) -> Status {
    match status {
        store::Status::Completed => Status::Completed,
        store::Status::Failed => Status::Failed,
        store::Status::Refused => Status::Refused,
        store::Status::Aborted => Status::Aborted,
    }
}

/// Every metric with its value among `values`.
pub(super) fn metrics(values: &metrics::Metrics) -> impl Iterator<Item = MetricValue> {
    values.iter().map(|(metric, value)| MetricValue {
        name: metric.name().into(),
        title: title(metric),
        unit: unit(metric),
        definition: metric.definition().into(),
        sense: sense(metric),
        value,
    })
}

/// The metrics under each reading that a result holds.
fn readings(value: &Value) -> Vec<Reading> {
    let each = value.as_object().into_iter().flatten();
    each.map(|(intrabar, told)| {
        let mut values = metrics::Metrics::default();
        for metric in Metric::ALL {
            values.set(metric, told[metric.name()].as_f64());
        }
        Reading { intrabar: intrabar.clone(), metrics: metrics(&values).collect() }
    })
    .collect()
}

/// `max_drawdown` as a heading: `Max drawdown`.
pub fn title(metric: Metric) -> String {
    match metric {
        Metric::Cagr | Metric::Sqn | Metric::Psr | Metric::Mae | Metric::Mfe => {
            return metric.name().to_uppercase();
        }
        Metric::Var95 => return "VaR 95 %".into(),
        Metric::ExpectedShortfall95 => return "Expected shortfall 95 %".into(),
        Metric::RealizedPnl => return "Realized profit".into(),
        Metric::UnrealizedPnl => return "Unrealized profit".into(),
        _ => {}
    }
    let words = metric.name().replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What a metric counts in, as templates know it.
pub fn unit(metric: Metric) -> Unit {
    match metric.unit() {
        metrics::Unit::Fraction => Unit::Fraction,
        metrics::Unit::Ratio => Unit::Ratio,
        metrics::Unit::Money => Unit::Money,
        metrics::Unit::Count => Unit::Count,
        metrics::Unit::Days => Unit::Days,
    }
}

fn sense(metric: Metric) -> Option<Sense> {
    metric.sense().map(|sense| match sense {
        metrics::Sense::Higher => Sense::Higher,
        metrics::Sense::Lower => Sense::Lower,
    })
}

/// Mark in every column with a sense the value that no other row beats.
fn mark_best(rows: &mut [Row], columns: &[Column]) {
    for (index, column) in columns.iter().enumerate() {
        let values = rows.iter().filter_map(|row| row.metrics[index].value);
        let best = match column.sense {
            Some(Sense::Higher) => values.reduce(f64::max),
            Some(Sense::Lower) => values.reduce(f64::min),
            None => None,
        };
        for row in rows.iter_mut() {
            let cell = &mut row.metrics[index];
            cell.best = best.is_some() && cell.value == best;
        }
    }
}

pub(super) fn quartiles(values: &[f64]) -> Option<[f64; 3]> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (sorted.len() - 1) as f64;
        let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        low + (high - low) * place.fract()
    };
    (!sorted.is_empty()).then(|| [at(0.25), at(0.5), at(0.75)])
}

fn costs(session: &Typed) -> String {
    let parts = session.settings.costs.words();
    if parts.is_empty() { "none".into() } else { parts.join(", ") }
}

/// Wall-clock time of the data's zone.
pub(super) fn local(session: &Typed, micros: i64) -> i64 {
    let utc = DateTime::from_timestamp_micros(micros).unwrap_or_default().naive_utc();
    let offset = session.data.timezone.offset_from_utc_datetime(&utc).fix().local_minus_utc();
    micros + i64::from(offset) * 1_000_000
}

/// The last bar of every trading day.
fn by_day(equity: &store::Equity, session: &Typed) -> Curve {
    let locals: Vec<i64> = equity.time.iter().map(|&time| local(session, time)).collect();
    let day = |row: usize| locals[row].div_euclid(DAY);
    let is_last = |row: usize| row + 1 == locals.len() || day(row + 1) != day(row);
    let rows: Vec<usize> = (0..locals.len()).filter(|&row| is_last(row)).collect();
    let pick = |values: &[f64]| rows.iter().map(|&row| values[row]).collect();
    Curve {
        time: rows.iter().map(|&row| locals[row]).collect(),
        equity: pick(&equity.equity),
        // The worst of each day, so that a dive between two closes is seen.
        drawdown: worst_by_day(&equity.drawdown, &rows),
        benchmark: equity.benchmark.as_deref().map(pick),
    }
}

fn worst_by_day(drawdown: &[f64], last_rows: &[usize]) -> Vec<f64> {
    let mut from = 0;
    let worst = |&last: &usize| {
        let day = &drawdown[from..=last];
        from = last + 1;
        day.iter().copied().fold(0.0, f64::max)
    };
    last_rows.iter().map(worst).collect()
}

fn trades(text: &str, session: &Typed) -> Result<Trades> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut trades = Trades { place: Some(TRADES.into()), ..Trades::default() };
    let header = reader.headers()?.clone();
    for record in reader.records() {
        let record = record?;
        trades.total += 1;
        let field = |name: &str| {
            let at = header.iter().position(|known| known == name);
            at.and_then(|at| record.get(at)).unwrap_or_default().to_owned()
        };
        let number = |name: &str| field(name).parse::<f64>().unwrap_or(f64::NAN);
        let known = |name: &str| Some(number(name)).filter(|value| value.is_finite());
        let time = |name: &str| {
            DateTime::parse_from_rfc3339(&field(name))
                .map(|time| local(session, time.timestamp_micros()))
        };
        let closed_by = given(&field("closed_by"));
        trades.rows.push(TradeRow {
            symbol: field("symbol"),
            side: field("side"),
            units: number("units"),
            entry_time: time("entry_time")?,
            entry_price: number("entry_price"),
            exit_time: closed_by.is_some().then(|| time("exit_time")).transpose()?,
            exit_price: number("exit_price"),
            profit: number("profit"),
            profit_fraction: Some(number("profit_fraction")),
            commission: number("commission"),
            slippage: number("slippage"),
            bars: number("bars") as usize,
            mae: known("mae"),
            mfe: known("mfe"),
            stop: known("stop"),
            target: known("target"),
            closed_by,
        });
    }
    Ok(trades)
}
