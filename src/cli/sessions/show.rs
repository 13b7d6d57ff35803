//! Everything that is known of one session: its record, its metrics, and what was kept of it.

use super::FIELDS;
use crate::batch::kept::{RESULT, TRADES};
use crate::cli::context::Usage;
use crate::cli::output::{Cell, Column, Facts, Format, Kind, Records, terminal_width};
use crate::metrics::{Metric, Metrics, Parts};
use crate::report;
use crate::report::format::sparkline;
use crate::store::{Record, RunReader, Store};
use anyhow::Result;

/// How many characters the course of an account takes.
const SPARK: usize = 48;

/// Everything that is known of one session.
pub(super) fn facts(record: &Record, store: &Store, format: Format) -> Facts {
    let is_part = |name: &str| matches!(name, "identity" | "points" | "result");
    let mut facts = Facts::default();
    // A picture is for who looks at a terminal.
    if format == Format::Table && terminal_width().is_some() {
        let equity = record.result.as_deref().and_then(|path| {
            let directory = path.rsplit('/').next().unwrap_or(path);
            store.open_run(&record.run).ok()?.equity(directory).ok()
        });
        let course = equity.map(|account| sparkline(&account.equity, SPARK));
        facts = course.into_iter().fold(facts, |facts, it| facts.with("equity", Kind::Text, it));
    }
    for (name, kind, value) in FIELDS.iter().filter(|(name, ..)| !is_part(name)) {
        facts = facts.with(name, *kind, value(record));
    }
    facts = facts
        .with("command_line", Kind::Text, record.command_line.join(" "))
        .with("version", Kind::Text, &record.version)
        .with("engine", Kind::Count, record.engine)
        .with("output", Kind::Text, store.path().display().to_string())
        .with("result", Kind::Text, record.result.clone())
        .with("result_digest", Kind::Text, record.result_digest.clone());
    if let Some(sweep) = &record.sweep {
        let best = sweep.best_metric.as_deref().and_then(Metric::from_name);
        let part = Facts::default()
            .with("points", Kind::Count, sweep.points)
            .with("completed", Kind::Count, sweep.completed)
            .with("failed", Kind::Count, sweep.failed)
            .with("refused", Kind::Count, sweep.refused)
            .with("best_key", Kind::Text, sweep.best_key.clone())
            .with("best_metric", Kind::Text, sweep.best_metric.clone())
            .with(
                "best_value",
                best.map_or(Kind::Number, |metric| metric.unit().into()),
                sweep.best_value,
            );
        facts = facts.part("sweep", part);
    }
    if let Some(identity) = &record.identity {
        let part = Facts::default()
            .with("id", Kind::Text, &identity.id)
            .with("rules", Kind::Text, &identity.rules)
            .with("settings", Kind::Text, &identity.settings)
            .with("data", Kind::Text, &identity.data)
            .with("engine", Kind::Count, identity.engine)
            .with("schema", Kind::Count, identity.schema);
        facts = facts.part("identity", part);
    }
    let metrics = |metrics: &Metrics| {
        let all = metrics.iter();
        all.fold(Facts::default(), |facts, (metric, value)| {
            facts.with(metric.name(), metric.unit().into(), value)
        })
    };
    let facts = match &record.parts {
        Some(parts) if format.is_for_people() => {
            facts.part("metrics", side_by_side(&record.metrics, parts))
        }
        parts => {
            facts = facts.part("metrics", metrics(&record.metrics));
            let both = Parts::NAMES.into_iter().zip(parts.iter().flat_map(Parts::both));
            both.fold(facts, |facts, (name, part)| facts.part(name, metrics(part)))
        }
    };
    beside(record, store).into_iter().fold(facts, |facts, (name, part)| facts.part(&name, part))
}

/// The metrics over all days, in sample and out of sample.
fn side_by_side(whole: &Metrics, parts: &Parts) -> Records {
    let columns = ["metric", "all_days", Parts::NAMES[0], Parts::NAMES[1]];
    let kinds = [Kind::Text, Kind::Number, Kind::Number, Kind::Number];
    let mut records = Records::new(columns.into_iter().zip(kinds));
    let [inside, outside] = parts.both();
    for (metric, value) in whole.iter() {
        let kind = Kind::from(metric.unit());
        let unit = kind.unit().expect("a metric has a unit");
        let shown = |value| Cell::from(report::format::metric(value, unit, None));
        let values = [value, inside.get(metric), outside.get(metric)].map(shown);
        records.push(std::iter::once(metric.name().into()).chain(values).collect());
    }
    records
}

/// What stands beside the metrics of a session whose details were kept: its metrics under each reading
/// of a bar's inside, and the statistics of another package.
fn beside(record: &Record, store: &Store) -> Vec<(String, Facts)> {
    let result = kept_file(record, store, RESULT).ok();
    let result = result.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    let Some(result) = result else { return Vec::new() };
    let entries = |value: &serde_json::Value| value.as_object().cloned().unwrap_or_default();
    let mut parts = Vec::new();
    for (reading, values) in entries(&result["readings"]) {
        let known = Metric::ALL.into_iter().fold(Facts::default(), |facts, metric| {
            facts.with(metric.name(), metric.unit().into(), values[metric.name()].as_f64())
        });
        parts.push((format!("metrics_{reading}"), known));
    }
    let table = entries(&result["backtesting-py"]);
    if !table.is_empty() {
        let row = |facts: Facts, (name, value): (String, serde_json::Value)| match value.as_f64() {
            Some(number) => facts.with(&name, Kind::Number, number),
            None => facts.with(&name, Kind::Text, value.as_str().map(str::to_owned)),
        };
        parts.push(("backtesting-py".to_owned(), table.into_iter().fold(Facts::default(), row)));
    }
    parts
}

/// A file of a session whose details were kept.
fn kept_file(record: &Record, store: &Store, name: &str) -> Result<Vec<u8>> {
    let (run, directory) = kept(record, store)?;
    Ok(run.kept_file(directory, name)?)
}

/// The run that kept the details of a session, and their directory in it.
fn kept<'r>(record: &'r Record, store: &Store) -> Result<(RunReader, &'r str)> {
    let Some(result) = &record.result else {
        let (session, run) = (&record.session, &record.run);
        let fact = format!("the details of `{session}` in run {run} were not kept");
        return Err(Usage(format!("{fact}; run it with `keep = \"all\"`")).into());
    };
    let directory = result.rsplit('/').next().unwrap_or(result);
    Ok((store.open_run(&record.run)?, directory))
}

/// The trades of a session whose details were kept.
pub(super) fn trades_of(record: &Record, store: &Store) -> Result<Records> {
    let (run, directory) = kept(record, store)?;
    let trades = read_trades(&run.kept_file(directory, TRADES)?);
    Ok(trades.map_err(|error| run.damaged(directory, TRADES, error))?)
}

fn read_trades(file: &[u8]) -> csv::Result<Records> {
    let mut reader = csv::Reader::from_reader(file);
    let columns: Vec<Column> =
        reader.headers()?.iter().map(|name| Column::new(name, trade_kind(name))).collect();
    let mut trades = Records::new(columns.clone());
    for line in reader.records() {
        let line = line?;
        let cell = |(text, column): (&str, &Column)| match column.kind {
            _ if text.is_empty() => Cell::Absent,
            Kind::Text => text.into(),
            _ => text.parse().map_or_else(|_| text.into(), |value: f64| value.into()),
        };
        trades.push(line.iter().zip(&columns).map(cell).collect());
    }
    Ok(trades)
}

/// What a column of the file of trades holds.
fn trade_kind(name: &str) -> Kind {
    match name {
        "units" | "entry_price" | "exit_price" | "stop" | "target" | "wanted" => Kind::Number,
        "commission" | "slippage" | "spread" | "profit" => Kind::Money,
        "profit_fraction" | "mae" | "mfe" => Kind::Fraction,
        "bars" | "order" | "exit_order" => Kind::Count,
        _ => Kind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::record;
    use super::*;

    #[test]
    fn one_session_is_shown_with_all_its_metrics() {
        let store = Store::at("output");
        let mut record = record("goog-sma", 1);
        record.metrics.set(Metric::Sortino, 2.0);
        let json = facts(&record, &store, Format::Json).text(Format::Json);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["session"], "goog-sma");
        assert_eq!(json["metrics"].as_object().unwrap().len(), Metric::ALL.len());
        assert_eq!(json["metrics"]["sortino"], 2.0);
        assert_eq!(json["metrics"]["psr"], serde_json::Value::Null);
        assert_eq!(json["metrics"]["trades"].as_u64(), Some(412));
        assert_eq!(json["identity"]["id"].as_str().unwrap().len(), 64);
        assert!(json["result"].as_str().unwrap().starts_with("runs/20261121T063100Z-9f3a1c/"));
    }

    #[test]
    fn trades_are_read_back_as_they_were_written() {
        let file = "symbol,units,entry_time,profit,profit_fraction,bars,closed_by,spread,order\n\
                    GOOG,10.5,2013-01-02,-25.125,-0.1,3,rule,0.5,7\n\
                    GOOG,1,2013-01-09,5.5,0.02,12,,0,\n";
        let trades = read_trades(file.as_bytes()).unwrap();
        insta::assert_snapshot!(trades.text(Format::Table), @r#"
        symbol  units  entry_time  profit  profit_fraction  bars  closed_by  spread  order
        GOOG     10.5  2013-01-02  −25.12          −10.0 %     3  rule         0.50      7
        GOOG        1  2013-01-09    5.50            2.0 %    12  –            0.00      –
        "#);
        insta::assert_snapshot!(trades.text(Format::Json), @r#"
        [
          {
            "symbol": "GOOG",
            "units": 10.5,
            "entry_time": "2013-01-02",
            "profit": -25.125,
            "profit_fraction": -0.1,
            "bars": 3,
            "closed_by": "rule",
            "spread": 0.5,
            "order": 7
          },
          {
            "symbol": "GOOG",
            "units": 1.0,
            "entry_time": "2013-01-09",
            "profit": 5.5,
            "profit_fraction": 0.02,
            "bars": 12,
            "closed_by": null,
            "spread": 0.0,
            "order": null
          }
        ]
        "#);
    }
}
