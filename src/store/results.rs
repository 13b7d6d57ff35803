//! Rows and labels as the columns of files, in both directions.
//!
//! While a run is open its rows are written in batches, without labels, which the plan knows. At
//! the end both are merged, in plan order, into `results.parquet` and `results.csv`.

use super::error::StoreError;
use super::parquet;
use super::row::{Label, Row, Status};
use super::table::{Cells, Table};
use crate::expr::column::Scalar;
use crate::metrics::{Metric, Metrics, Parts};
use blake3::Hash;
use std::path::Path;
use std::sync::Arc;

/// The columns before the axes, which stand between `to` and `status`.
const LABELS: [&str; 10] =
    ["index", "id", "identity", "key", "session", "strategy", "mode", "symbols", "from", "to"];
/// The columns after them, the metrics standing between `bars` and `fills`.
const OUTCOME: [&str; 6] = ["status", "error", "kind", "bars", "fills", "note"];
/// What the column of an axis begins with if its path alone could be taken for another column.
const AXIS: &str = "axis.";

/// How many digits of an identity people are shown.
const ID_DIGITS: usize = 10;

/// The columns of a batch.
pub(super) fn batch(rows: &[Row]) -> Table {
    let mut table = Table::default();
    table.add_ints("index", rows.iter().map(|row| row.index as i64));
    table.add_texts("identity", rows.iter().map(|row| row.identity.to_string()));
    add_outcome(&mut table, rows.iter(), rows.iter().any(|row| row.parts.is_some()));
    table
}

/// The results of a run, which become columns a few rows at a time, so that a long sweep is never in
/// memory twice. Each label is asked for when its piece is made.
pub(super) struct Results<R> {
    results: R,
    axes: Vec<(Arc<str>, AxisKind)>,
    has_parts: bool,
}

impl<'a, R: Iterator<Item = (Label, &'a Row)> + Clone> Results<R> {
    /// The results in the order of the plan.
    pub fn of(results: R) -> Self {
        let mut axes: Vec<(Arc<str>, Seen)> = Vec::new();
        let mut has_parts = false;
        for (label, row) in results.clone() {
            has_parts |= row.parts.is_some();
            for (path, value) in label.axes {
                let place = axes.iter().position(|(known, _)| *known == path);
                let place = place.unwrap_or_else(|| {
                    axes.push((path, Seen::default()));
                    axes.len() - 1
                });
                axes[place].1.see(&value);
            }
        }
        let axes = axes.into_iter().map(|(path, seen)| (path, seen.kind())).collect();
        Self { results, axes, has_parts }
    }

    /// Their columns, at least once, with the same names in each piece.
    pub fn pieces(&self) -> impl Iterator<Item = Table> + use<'_, 'a, R> {
        let mut left = self.results.clone();
        let mut next = move || left.by_ref().take(PIECE).collect::<Vec<_>>();
        let first = next();
        let others = std::iter::from_fn(move || Some(next()).filter(|piece| !piece.is_empty()));
        std::iter::once(first).chain(others).map(|piece| self.table(&piece))
    }

    fn table(&self, piece: &[(Label, &'a Row)]) -> Table {
        let rows = piece.iter().map(|(_, row)| *row);
        let labels = piece.iter().map(|(label, _)| label);
        let text = |text: &Arc<str>| text.to_string();
        let mut table = Table::default();
        table.add_ints("index", rows.clone().map(|row| row.index as i64));
        let identities = rows.clone().map(|row| row.identity.to_hex());
        table.add_texts("id", identities.clone().map(|identity| identity[..ID_DIGITS].to_owned()));
        table.add_texts("identity", identities.map(|identity| identity.to_string()));
        table.add_texts("key", labels.clone().map(|label| label.key.clone()));
        table.add_texts("session", labels.clone().map(|label| text(&label.session)));
        table.add_texts("strategy", labels.clone().map(|label| text(&label.strategy)));
        table.add_texts("mode", labels.clone().map(|label| text(&label.mode)));
        table.add_texts("symbols", labels.clone().map(|label| join_symbols(&label.symbols)));
        table.add_dates("from", labels.clone().map(|label| label.from));
        table.add_dates("to", labels.clone().map(|label| label.to));
        for (path, kind) in &self.axes {
            table.add(axis_column(path), kind.cells(values(labels.clone(), path)));
        }
        add_outcome(&mut table, rows, self.has_parts);
        table
    }
}

/// How many rows of results are made columns at a time.
const PIECE: usize = 4_096;

fn add_outcome<'a>(
    table: &mut Table,
    rows: impl Iterator<Item = &'a Row> + Clone,
    has_parts: bool,
) {
    table.add_texts("status", rows.clone().map(|row| row.status.word().to_owned()));
    table.add_texts("error", rows.clone().map(|row| row.error.clone()));
    table.add_texts("kind", rows.clone().map(|row| row.kind.clone()));
    table.add_ints("bars", rows.clone().map(|row| row.bars as i64));
    for metric in Metric::ALL {
        table.add_floats(metric.name(), rows.clone().map(|row| row.metrics.get(metric)));
    }
    if has_parts {
        for (number, part) in Parts::NAMES.into_iter().enumerate() {
            for metric in Metric::ALL {
                let value = |row: &Row| row.parts.as_ref()?.both()[number].get(metric);
                table.add_floats(part_column(part, metric), rows.clone().map(value));
            }
        }
    }
    table.add_texts("fills", rows.clone().map(|row| row.fills.map(|fills| fills.to_string())));
    table.add_texts("note", rows.map(|row| row.note.clone()));
}

/// The column of a metric in or out of sample, such as `out_of_sample.sharpe`.
fn part_column(part: &str, metric: Metric) -> String {
    format!("{part}.{}", metric.name())
}

/// The value of every label on the axis `path`.
fn values<'a>(
    labels: impl Iterator<Item = &'a Label> + Clone,
    path: &str,
) -> impl Iterator<Item = &'a Scalar> + Clone {
    labels.map(move |label| {
        let found = label.axes.iter().find(|(axis, _)| **axis == *path);
        found.map_or(&Scalar::Missing, |(_, value)| value)
    })
}

fn axis_column(path: &str) -> String {
    let taken = LABELS.contains(&path)
        || OUTCOME.contains(&path)
        || Metric::from_name(path).is_some()
        || path.starts_with(AXIS);
    if taken { format!("{AXIS}{path}") } else { path.to_owned() }
}

/// What the column of an axis holds: the narrowest kind that holds all of its values exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
enum AxisKind {
    Int,
    Float,
    Bool,
    Text,
    Json,
}

/// What sorts of values an axis has.
#[derive(Default)]
struct Seen {
    number: bool,
    /// A number that a whole one of 64 bits does not hold.
    broken: bool,
    flag: bool,
    text: bool,
}

impl Seen {
    fn see(&mut self, value: &Scalar) {
        match value {
            Scalar::Number(x) => {
                self.number = true;
                self.broken |= !is_whole(*x);
            }
            Scalar::Bool(_) => self.flag = true,
            Scalar::Text(_) => self.text = true,
            Scalar::Missing => {}
        }
    }

    fn kind(&self) -> AxisKind {
        match (self.number, self.flag, self.text) {
            (_, false, false) if !self.broken => AxisKind::Int,
            (_, false, false) => AxisKind::Float,
            (false, _, false) => AxisKind::Bool,
            (false, false, _) => AxisKind::Text,
            _ => AxisKind::Json,
        }
    }
}

impl AxisKind {
    fn cells<'a>(self, values: impl Iterator<Item = &'a Scalar>) -> Cells {
        match self {
            Self::Int => Cells::Int(values.map(|value| Some(number(value)? as i64)).collect()),
            Self::Float => Cells::Float(values.map(number).collect()),
            Self::Bool => {
                let flag = |value: &Scalar| match value {
                    Scalar::Bool(flag) => Some(*flag),
                    _ => None,
                };
                Cells::Bool(values.map(flag).collect())
            }
            Self::Text => {
                let text = |value: &Scalar| match value {
                    Scalar::Text(text) => Some(text.to_string()),
                    _ => None,
                };
                Cells::Text(values.map(text).collect())
            }
            Self::Json => Cells::Json(values.map(to_json).collect()),
        }
    }
}

/// Whether a whole number of 64 bits holds `value` exactly, its sign included.
fn is_whole(value: f64) -> bool {
    value.abs() <= 9_007_199_254_740_992.0 && (value as i64 as f64).to_bits() == value.to_bits()
}

fn number(value: &Scalar) -> Option<f64> {
    match value {
        Scalar::Number(value) => Some(*value),
        _ => None,
    }
}

fn to_json(value: &Scalar) -> Option<String> {
    match value {
        Scalar::Number(value) => Some(format!("{value:?}")),
        Scalar::Bool(flag) => Some(flag.to_string()),
        Scalar::Text(text) => Some(serde_json::Value::from(&**text).to_string()),
        Scalar::Missing => None,
    }
}

fn from_json(text: &str) -> Option<Scalar> {
    match text {
        "true" => Some(Scalar::Bool(true)),
        "false" => Some(Scalar::Bool(false)),
        _ if text.starts_with('"') => {
            serde_json::from_str(text).ok().map(|text: String| Scalar::Text(text.into()))
        }
        _ => text.parse().ok().map(Scalar::Number),
    }
}

/// Symbols as one text: separated by commas, a comma inside one written `%2C`.
fn join_symbols(symbols: &[String]) -> String {
    let escaped = symbols.iter().map(|symbol| symbol.replace('%', "%25").replace(',', "%2C"));
    escaped.collect::<Vec<_>>().join(",")
}

fn split_symbols(text: &str) -> Vec<String> {
    let symbols = text.split(',').filter(|symbol| !symbol.is_empty());
    symbols.map(|symbol| symbol.replace("%2C", ",").replace("%25", "%")).collect()
}

/// The rows in `table`, whether it is a batch or results; what is wrong with it otherwise. A metric
/// that it does not know is undefined.
pub(super) fn rows(table: &Table) -> Result<Vec<Row>, String> {
    let (index, identity) = (table.ints("index")?, table.texts("identity")?);
    let (status, bars) = (table.texts("status")?, table.ints("bars")?);
    let (error, kind) = (table.texts("error")?, table.texts("kind")?);
    let (fills, note) = (table.texts("fills")?, table.texts("note")?);
    let mut rows = (0..table.len())
        .map(|row| {
            let bad = |column: &str| format!("row {}: `{column}` cannot be read", row + 1);
            let whole = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
            let identity = identity[row].as_ref().and_then(|hex| Hash::from_hex(hex).ok());
            let status = status[row].as_ref().and_then(|word| Status::from_word(word));
            Ok(Row {
                index: whole(index[row]).ok_or_else(|| bad("index"))?,
                identity: identity.ok_or_else(|| bad("identity"))?,
                status: status.ok_or_else(|| bad("status"))?,
                error: error[row].clone(),
                kind: kind[row].clone(),
                bars: whole(bars[row]).ok_or_else(|| bad("bars"))?,
                metrics: Metrics::default(),
                parts: None,
                fills: fills[row].as_ref().and_then(|hex| Hash::from_hex(hex).ok()),
                note: note[row].clone(),
            })
        })
        .collect::<Result<Vec<_>, String>>()?;
    for metric in Metric::ALL.into_iter().filter(|metric| table.get(metric.name()).is_some()) {
        for (row, value) in rows.iter_mut().zip(table.floats(metric.name())?) {
            row.metrics.set(metric, *value);
        }
    }
    for (number, part) in Parts::NAMES.into_iter().enumerate() {
        for metric in Metric::ALL {
            let column = part_column(part, metric);
            if table.get(&column).is_none() {
                continue;
            }
            for (row, value) in rows.iter_mut().zip(table.floats(&column)?) {
                // A session without a split has none of them.
                if value.is_some() {
                    let parts = row.parts.get_or_insert_default();
                    parts.both_mut()[number].set(metric, *value);
                }
            }
        }
    }
    Ok(rows)
}

/// The labels in the results `table`; what is wrong with it otherwise.
fn labels(table: &Table) -> Result<Vec<Label>, String> {
    let (key, session) = (table.texts("key")?, table.texts("session")?);
    let (strategy, mode) = (table.texts("strategy")?, table.texts("mode")?);
    let (symbols, from, to) = (table.texts("symbols")?, table.dates("from")?, table.dates("to")?);
    let mut labels: Vec<Label> = Vec::with_capacity(table.len());
    for row in 0..table.len() {
        let text = |column: &[Option<String>]| column[row].as_deref().unwrap_or_default().into();
        let label = Label {
            key: key[row].clone().unwrap_or_default(),
            session: text(session),
            strategy: text(strategy),
            mode: text(mode),
            symbols: symbols[row].as_deref().map(split_symbols).unwrap_or_default().into(),
            from: from[row],
            to: to[row],
            axes: Vec::new(),
        };
        labels.push(label.sharing(labels.last()));
    }
    let (start, end) = (table.position("to")? + 1, table.position("status")?);
    let axes = table.columns.get(start..end).ok_or("column `status` stands before `to`")?;
    for (column, cells) in axes {
        let path: Arc<str> = column.strip_prefix(AXIS).unwrap_or(column).into();
        for (row, label) in labels.iter_mut().enumerate() {
            let value = axis_value(cells, row)
                .ok_or_else(|| format!("row {}: `{column}` cannot be read", row + 1))?;
            if value != Scalar::Missing {
                label.axes.push((path.clone(), value));
            }
        }
    }
    Ok(labels)
}

/// The value of an axis at `row`; `None` where it makes no sense.
fn axis_value(cells: &Cells, row: usize) -> Option<Scalar> {
    let value = match cells {
        Cells::Int(values) => values[row].map(|value| Scalar::Number(value as f64)),
        Cells::Float(values) => values[row].map(Scalar::Number),
        Cells::Bool(values) => values[row].map(Scalar::Bool),
        Cells::Text(values) => values[row].as_deref().map(|text| Scalar::Text(text.into())),
        Cells::Json(values) => match &values[row] {
            Some(text) => Some(from_json(text)?),
            None => None,
        },
        Cells::Date(_) | Cells::Time(_) | Cells::Instant(_) => return None,
    };
    Some(value.unwrap_or(Scalar::Missing))
}

/// The results in the file `path`, in plan order, as they were written.
pub fn read_results(path: &Path) -> Result<Vec<(Label, Row)>, StoreError> {
    let mut results = Vec::new();
    parquet::read_in_pieces(path, |table| {
        results.extend(labels(&table)?.into_iter().zip(rows(&table)?));
        Ok(())
    })?;
    Ok(results)
}

/// Shows `each` the rows in the file `path`, in plan order.
pub(super) fn read_rows(path: &Path, mut each: impl FnMut(Row)) -> Result<(), StoreError> {
    parquet::read_in_pieces(path, |table| {
        rows(&table)?.into_iter().for_each(&mut each);
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::{failed, label, row};
    use super::*;

    fn text(text: &str) -> Scalar {
        Scalar::Text(text.into())
    }

    fn round_trip(written: &[(Label, Row)]) -> Vec<(Label, Row)> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("results.parquet");
        let results = Results::of(written.iter().map(|(label, row)| (label.clone(), row)));
        parquet::write_in_pieces(&path, results.pieces()).unwrap();
        read_results(&path).unwrap()
    }

    #[test]
    fn results_come_back_exactly() {
        let number = Scalar::Number;
        let sessions = [
            label(&[("params.fast", number(10.0)), ("risk.stop_loss", number(0.05))]),
            label(&[("params.fast", number(20.0)), ("risk.stop_loss", number(0.1 + 0.2))]),
            label(&[("params.kind", text("ema")), ("params.on", Scalar::Bool(true))]),
            Label { symbols: [].into(), from: None, to: None, ..label(&[]) },
        ];
        let rows = [row(0), failed(1), row(2), row(3)];
        let written: Vec<_> = sessions.into_iter().zip(rows).collect();
        assert_eq!(round_trip(&written), written);
        assert_eq!(round_trip(&[]), []);
    }

    #[test]
    fn an_axis_column_is_of_the_narrowest_kind_that_is_exact() {
        let number = Scalar::Number;
        let cells = |values: &[Scalar]| {
            let mut seen = Seen::default();
            values.iter().for_each(|value| seen.see(value));
            seen.kind().cells(values.iter())
        };
        assert_eq!(cells(&[number(5.0), Scalar::Missing]), Cells::Int(vec![Some(5), None]));
        assert_eq!(cells(&[number(5.0), number(0.5)]), Cells::Float(vec![Some(5.0), Some(0.5)]));
        assert!(matches!(cells(&[number(-0.0)]), Cells::Float(_)), "an integer has no -0");
        assert!(matches!(cells(&[number(1e300)]), Cells::Float(_)));
        assert_eq!(cells(&[Scalar::Bool(true)]), Cells::Bool(vec![Some(true)]));
        assert_eq!(cells(&[text("10")]), Cells::Text(vec![Some("10".into())]));
        assert!(matches!(cells(&[text("10"), number(10.0)]), Cells::Json(_)));
    }

    #[test]
    fn values_of_several_kinds_keep_their_kinds() {
        let values =
            [text("10"), Scalar::Number(10.0), Scalar::Bool(true), text("true"), text("\"")];
        let written: Vec<_> = values
            .into_iter()
            .zip(0..)
            .map(|(value, index)| (label(&[("params.x", value)]), row(index)))
            .collect();
        assert_eq!(round_trip(&written), written);
    }

    #[test]
    fn an_axis_may_be_called_like_a_column() {
        let names = ["symbols", "strategy", "sharpe", "status", "axis.symbols", "capital"];
        let axes = names.map(|name| (name, text(name)));
        let written = [(label(&axes), row(0))];
        assert_eq!(round_trip(&written), written);
    }

    #[test]
    fn results_of_many_pieces_come_back_in_their_order() {
        let label = |row: &Row| label(&[("params.x", Scalar::Number(row.index as f64 / 2.0))]);
        let rows: Vec<Row> = (0..PIECE as u64 * 2 + 3).map(row).collect();
        let written: Vec<_> = rows.into_iter().map(|row| (label(&row), row)).collect();
        assert!(round_trip(&written) == written);
        assert!(round_trip(&written[..PIECE]) == written[..PIECE], "just one piece");
    }

    #[test]
    fn the_columns_stand_in_their_order() {
        let (label, row) = (label(&[("params.fast", Scalar::Number(1.0))]), row(0));
        let table = Results::of([(label, &row)].into_iter()).pieces().next().unwrap();
        let names: Vec<_> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
        let metrics = Metric::ALL.map(Metric::name);
        let axes = ["params.fast"];
        let before = ["status", "error", "kind", "bars"];
        let expected = [&LABELS[..], &axes, &before, &metrics, &["fills", "note"]].concat();
        assert_eq!(names, expected);
        let Some(Cells::Text(id)) = table.get("id") else { panic!("ids are texts") };
        assert_eq!(id[0].as_deref(), Some(&row.identity.to_string()[..10]));
    }

    #[test]
    fn a_file_from_before_a_metric_lacks_it_and_is_read() {
        let mut table = batch(&[row(1)]);
        table.columns.retain(|(name, _)| name != "psr");
        table.add_floats("of_the_future", [1.0]);
        let mut expected = row(1);
        expected.metrics.set(Metric::Psr, None);
        assert_eq!(rows(&table), Ok(vec![expected]));
    }

    #[test]
    fn a_file_without_a_necessary_column_is_damaged() {
        for column in ["index", "identity", "status", "bars"] {
            let mut table = batch(&[row(1)]);
            table.columns.retain(|(name, _)| name != column);
            assert_eq!(rows(&table), Err(format!("column `{column}` is missing")));
        }
    }
}
