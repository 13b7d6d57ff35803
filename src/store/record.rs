//! The registry: one immutable JSON file for every session (or sweep) of every run.
//!
//! A record is written once, under a name that nothing has, and never changed. Records of every
//! earlier version are read; fields that are added later carry `serde(default)`.

use super::atomic;
use super::error::{StoreError, StoreWarning};
use super::row::Status;
use super::run_file::{read_json, to_json};
use super::{Store, file_name};
use crate::expr::Scalar;
use crate::market::Verdict;
use crate::metrics::{Metrics, Parts};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What one session of a run was and how it ended; a sweep has one record for all its points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The version of this layout: [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// The run's id.
    pub run: String,
    /// The session's name.
    pub session: String,
    /// The session's name with its axis values; of a sweep, the name alone.
    pub key: String,
    /// `backtest` or `paper`.
    pub mode: String,
    /// The strategy's name.
    pub strategy: String,
    /// Its symbols, in the order of the manifest.
    pub symbols: Vec<String>,
    /// Its tags, in the order of the manifest.
    pub tags: Vec<String>,
    /// Its description, empty if it has none.
    pub description: String,
    /// The label of the environment, where one was given.
    pub env: Option<String>,
    /// How it ended.
    pub status: Status,
    /// Why it did not complete; `None` if it did.
    pub error: Option<String>,
    /// What sort of error that is, such as `panic` or `data`.
    pub kind: Option<String>,
    /// What a reader should know of its result, such as why it has no trades; of a sweep, of its best
    /// point's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it started.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// Seconds of wall-clock time it took.
    pub seconds: f64,
    /// The host's name.
    pub host: String,
    /// The command line, word by word.
    pub command_line: Vec<String>,
    /// The version of papertape.
    pub version: String,
    /// The engine's number, raised when any result can change.
    pub engine: u32,
    /// What can change its result; `None` if it was refused before that was known.
    pub identity: Option<Identity>,
    /// The digest of its `result.json`, as hex; `None` if its details were not kept.
    pub result_digest: Option<String>,
    /// What it was measured at, by name; an undefined metric is absent. Of a sweep, its best point.
    #[serde(with = "metrics_by_name")]
    pub metrics: Metrics,
    /// The same in and out of sample; `None` without a split.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "parts_by_name")]
    pub parts: Option<Parts>,
    /// Its parameters and the keys that it was swept along, by path. Of a sweep, those of its best
    /// point.
    #[serde(default, with = "scalars_by_path")]
    pub params: Vec<(String, Scalar)>,
    /// What a sweep came to; `None` for a single session.
    pub sweep: Option<SweepSummary>,
    /// What the checks found in its data; of a sweep, in that of its best point.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<DataCheck>,
    /// Where its details are, relative to the output directory; `None` if they were not kept.
    pub result: Option<String>,
}

/// The digest of what can change a result, and its parts; digests are hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// All parts together.
    pub id: String,
    /// The compiled strategy.
    pub rules: String,
    /// Everything else that is set.
    pub settings: String,
    /// The rows of the data that are visible to it.
    pub data: String,
    /// The engine's number.
    pub engine: u32,
    /// The version of what is hashed.
    pub schema: u32,
}

/// One kind of damage that the checks found in the rows of one symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataCheck {
    /// The symbol.
    pub symbol: String,
    /// What was looked for, such as `gaps`.
    pub check: String,
    /// What the manifest says is done about it: `fail`, `warn` or `drop`.
    pub policy: String,
    /// How many cases there are.
    pub count: u64,
    /// The same in words.
    pub found: String,
    /// What was done about them.
    pub done: String,
    /// The worst of them, ten at most, each with its file, row and values.
    pub worst: Vec<String>,
}

impl DataCheck {
    /// Everything that `verdict` found.
    pub fn all(verdict: &Verdict) -> impl Iterator<Item = Self> + '_ {
        verdict.findings.iter().map(|finding| Self {
            symbol: verdict.symbol.clone(),
            check: finding.check.word().to_owned(),
            policy: finding.policy.word().to_owned(),
            count: finding.count() as u64,
            found: finding.headline(),
            done: finding.done.to_owned(),
            worst: finding.worst().iter().map(|case| format!("{}: {case}", case.file)).collect(),
        })
    }
}

/// What a sweep came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SweepSummary {
    /// How many points were planned.
    pub points: u64,
    /// Those that completed.
    pub completed: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that were refused.
    pub refused: u64,
    /// The key of the best point; `None` if none has a value.
    pub best_key: Option<String>,
    /// The metric that ranks the points.
    pub best_metric: Option<String>,
    /// That metric of the best point.
    pub best_value: Option<f64>,
}

impl Store {
    /// Writes `record` into the registry and says where: under the month and the stamp of its start,
    /// its mode and its session, with a number behind if that name is taken.
    pub fn record(&self, record: &Record) -> Result<PathBuf, StoreError> {
        let started = record.started;
        let directory = self.records_directory().join(started.format("%Y/%m").to_string());
        atomic::create_directories(&directory)?;
        let stamp = started.format("%Y%m%dT%H%M%S%.6fZ");
        let stem = format!("{stamp}_{}_{}", file_name(&record.mode), file_name(&record.session));
        let bytes = to_json(record);
        let mut name = format!("{stem}.json");
        for number in 2.. {
            let path = directory.join(&name);
            if atomic::create(&path, &bytes)? {
                return Ok(path);
            }
            name = format!("{stem}-{number}.json");
        }
        unreachable!("a directory cannot hold so many names")
    }

    /// All records, oldest first. One that cannot be read is passed over with a warning.
    pub fn records(&self) -> (Vec<Record>, Vec<StoreWarning>) {
        let (mut records, mut warnings) = (Vec::new(), Vec::new());
        for month in self.months().unwrap_or_else(|error| {
            warnings.push(error);
            Vec::new()
        }) {
            match atomic::entries(&month) {
                Ok(names) => {
                    for name in names.iter().filter(|name| name.ends_with(".json")) {
                        match read_json::<Record>(&month.join(name)) {
                            Ok(record) => records.push((record.started, name.clone(), record)),
                            Err(error) => warnings.push(error),
                        }
                    }
                }
                Err(error) => warnings.push(error),
            }
        }
        // Without its ending a name stands before the same name with a number.
        records.sort_by(|(a_start, a, _), (b_start, b, _)| {
            let stem = |name: &str| name.trim_end_matches(".json").to_owned();
            (a_start, stem(a)).cmp(&(b_start, stem(b)))
        });
        (records.into_iter().map(|(_, _, record)| record).collect(), warnings)
    }

    /// The directories of the months, oldest first.
    pub(super) fn months(&self) -> Result<Vec<PathBuf>, StoreError> {
        let root = self.records_directory();
        let mut months = Vec::new();
        for year in atomic::entries(&root)? {
            let year = root.join(year);
            if year.is_dir() {
                let names = atomic::entries(&year)?;
                months
                    .extend(names.iter().map(|name| year.join(name)).filter(|path| path.is_dir()));
            }
        }
        Ok(months)
    }
}

/// [`Metrics`] as a JSON object of those that are defined. A name that is not known is passed over:
/// it is a metric of another version.
mod metrics_by_name {
    use crate::metrics::{Metric, Metrics};
    use serde::{Deserialize, Deserializer, Serializer};
    use std::collections::BTreeMap;

    pub(super) type Values = BTreeMap<String, Option<f64>>;

    pub(super) fn serialize<S: Serializer>(metrics: &Metrics, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(defined(metrics))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Metrics, D::Error> {
        Ok(metrics(&Values::deserialize(from)?))
    }

    pub(super) fn defined(metrics: &Metrics) -> impl Iterator<Item = (&'static str, f64)> {
        metrics.iter().filter_map(|(metric, value)| Some((metric.name(), value?)))
    }

    pub(super) fn metrics(values: &Values) -> Metrics {
        let mut metrics = Metrics::default();
        for metric in Metric::ALL {
            metrics.set(metric, values.get(metric.name()).copied().flatten());
        }
        metrics
    }
}

/// The metrics in and out of sample as a JSON object of two.
mod parts_by_name {
    use super::metrics_by_name::{Values, defined, metrics};
    use crate::metrics::Parts;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::collections::BTreeMap;

    pub(super) fn serialize<S: Serializer>(
        parts: &Option<Parts>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let both = parts.iter().flat_map(|parts| {
            let values = parts.both().map(|part| defined(part).collect::<BTreeMap<_, _>>());
            Parts::NAMES.into_iter().zip(values)
        });
        to.collect_map(both)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Parts>, D::Error> {
        let values = Option::<BTreeMap<String, Values>>::deserialize(from)?;
        Ok(values.map(|values| {
            let mut parts = Parts::default();
            for (name, part) in Parts::NAMES.into_iter().zip(parts.both_mut()) {
                *part = values.get(name).map(metrics).unwrap_or_default();
            }
            parts
        }))
    }
}

/// Values as a JSON object, in their order; one that is missing is absent.
mod scalars_by_path {
    use crate::expr::Scalar;
    use serde::{Deserialize, Deserializer, Serializer};
    use serde_json::{Map, Value, json};

    pub(super) fn serialize<S: Serializer>(
        values: &[(String, Scalar)],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_map(values.iter().filter_map(|(path, value)| {
            let value = match value {
                Scalar::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
                    json!(*number as i64)
                }
                Scalar::Number(number) => json!(number),
                Scalar::Bool(value) => json!(value),
                Scalar::Text(text) => json!(&**text),
                Scalar::Missing => return None,
            };
            Some((path, value))
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<(String, Scalar)>, D::Error> {
        let scalar = |value: &Value| match value {
            Value::Number(number) => number.as_f64().map_or(Scalar::Missing, Scalar::Number),
            Value::Bool(value) => Scalar::Bool(*value),
            Value::String(text) => Scalar::Text(text.as_str().into()),
            _ => Scalar::Missing,
        };
        let values = Map::<String, Value>::deserialize(from)?;
        Ok(values.iter().map(|(path, value)| (path.clone(), scalar(value))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::minute;
    use super::*;
    use crate::metrics::Metric;
    use crate::store::atomic::fault;
    use crate::store::row::tests::row;
    use std::fs;

    const FIXTURE: &str = include_str!("../../tests/fixtures/record-v1.json");

    fn record() -> Record {
        serde_json::from_str(FIXTURE).unwrap()
    }

    #[test]
    fn a_record_of_version_1_loads() {
        let record = record();
        assert_eq!(record.session, "goog-sma");
        assert_eq!(record.status, Status::Completed);
        assert_eq!(record.metrics.get(Metric::Sharpe), Some(1.4123));
        assert_eq!(record.metrics.get(Metric::Alpha), None);
        assert_eq!(record.identity.as_ref().unwrap().engine, 1);
        assert_eq!(record.sweep.as_ref().unwrap().best_value, Some(1.4123));
        assert_eq!(
            String::from_utf8(to_json(&record)).unwrap(),
            FIXTURE,
            "and is written the same"
        );
    }

    #[test]
    fn a_record_says_where_it_is_and_comes_back_exactly() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let path = store.record(&record()).unwrap();
        let name = "records/2026/11/20261121T063100.123456Z_backtest_goog-sma.json";
        assert_eq!(path, directory.path().join(name));
        assert_eq!(store.records().0, [record()]);
    }

    #[test]
    fn metrics_come_back_bit_for_bit() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        for index in 0..50 {
            let written = Record { metrics: row(index).metrics, ..record() };
            let path = store.record(&written).unwrap();
            assert_eq!(read_json::<Record>(&path).unwrap(), written);
        }
    }

    #[test]
    fn records_of_one_moment_get_numbers_and_none_is_rewritten() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let keys = ["first", "second", "third"];
        let written = keys.map(|key| Record { key: key.into(), ..record() });
        let paths = written.each_ref().map(|record| store.record(record).unwrap());
        let ends = ["goog-sma.json", "goog-sma-2.json", "goog-sma-3.json"];
        for (path, end) in paths.iter().zip(ends) {
            assert!(path.display().to_string().ends_with(end), "{}", path.display());
        }
        assert_eq!(store.records().0, written);
    }

    #[test]
    fn records_come_oldest_first_over_months_and_years() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let at = |text: &str| Record { started: text.parse().unwrap(), ..record() };
        let starts = ["2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z"];
        for start in [2, 0, 1] {
            store.record(&at(starts[start])).unwrap();
        }
        assert_eq!(store.records().0, starts.map(at));
    }

    #[test]
    fn a_damaged_record_is_passed_over_and_named() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let path = store.record(&Record { started: minute(1), ..record() }).unwrap();
        store.record(&record()).unwrap();
        fs::write(&path, &FIXTURE[..200]).unwrap();
        let (records, warnings) = store.records();
        assert_eq!(records, [record()]);
        let [warning] = &warnings[..] else { panic!("one record is damaged") };
        assert!(warning.to_string().starts_with(&path.display().to_string()), "{warning}");
    }

    #[test]
    fn a_record_killed_anywhere_is_absent_or_whole() {
        for nth in 0.. {
            // Each time elsewhere: a name that was taken before it was killed stays taken.
            let directory = tempfile::tempdir().unwrap();
            let store = Store::at(directory.path());
            let (outcome, killed) = fault::at(nth, || store.record(&record()));
            let (records, warnings) = store.records();
            assert!(warnings.is_empty());
            assert!(records == [record()] || (records.is_empty() && outcome.is_err()));
            if !killed {
                assert!(outcome.is_ok());
                break;
            }
        }
    }

    #[test]
    fn a_symbolic_session_name_stays_in_its_directory() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path());
        let path = store.record(&Record { session: "../BTC/USDT".into(), ..record() }).unwrap();
        assert_eq!(path.parent().unwrap(), directory.path().join("records/2026/11"));
        assert_eq!(store.records().0.len(), 1);
    }
}
