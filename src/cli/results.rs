//! What ends a run: for people every named session and the best points of its sweeps, for programs all.

use super::exit::Exit;
use super::output::{Cell, Column, Format, Kind, Records};
use crate::manifest::Objective;
use crate::metrics::Metric;
use crate::plan::Plan;
use crate::store::{Row, Status};
use anyhow::Result;

/// How many points of each sweep people are shown.
const POINTS: usize = 10;
/// The columns beside the objective.
const COLUMNS: [Metric; 5] =
    [Metric::TotalReturn, Metric::Sharpe, Metric::MaxDrawdown, Metric::Trades, Metric::FinalEquity];

/// Print the best of `rows`, which are of `plan`, the best first; all of them for a program.
pub(super) fn print_best(plan: &Plan, rows: &[Row], format: Format) -> Result<Exit> {
    let objective: Objective = plan.run.objective;
    let value = |row: &Row| row.metrics.get(objective.metric);
    let mut ranked: Vec<&Row> = rows.iter().collect();
    ranked.sort_by(|a, b| objective.order(value(a), value(b)).then(a.index.cmp(&b.index)));
    let others = COLUMNS.into_iter().filter(|metric| *metric != objective.metric);
    let metrics: Vec<Metric> = std::iter::once(objective.metric).chain(others).collect();
    let named = [("rank", Kind::Count), ("session", Kind::Text), ("status", Kind::Text)];
    let named = named.into_iter().map(Column::from);
    let mut records = Records::new(named.chain(metrics.iter().map(|metric| Column::from(*metric))));
    let mut shown = vec![0; plan.bases.len()];
    let mut hidden = 0;
    for (rank, row) in ranked.iter().enumerate() {
        let point = &plan.points[row.index as usize];
        let base = plan.base(point);
        shown[point.base] += usize::from(base.swept);
        // What did not complete was told before the table.
        let is_spare = shown[point.base] > POINTS || row.status != Status::Completed && base.swept;
        if format.is_for_people() && is_spare {
            hidden += 1;
            continue;
        }
        let place = value(row).map(|_| (rank + 1) as f64);
        let mut cells: Vec<Cell> =
            vec![place.into(), base.key(point).into(), row.status.word().into()];
        cells.extend(metrics.iter().map(|metric| Cell::from(row.metrics.get(*metric))));
        records.push(cells);
    }
    if hidden == rows.len() && format == Format::Table {
        return Ok(Exit::Success);
    }
    // What a sweep is run for are the values of its axes: they are not cut for a metric's sake.
    let completed = rows.iter().all(|row| row.status == Status::Completed);
    let spare = completed.then_some("status").into_iter();
    let spare: Vec<&str> = spare.chain(metrics[1..].iter().rev().map(|m| m.name())).collect();
    let records = if format == Format::Table { records.sparing(&spare) } else { records };
    let exit = records.print(format)?;
    if hidden > 0 && format == Format::Table {
        super::output::write(format!("and {hidden} more in results.csv\n").as_bytes())?;
    }
    Ok(exit)
}
