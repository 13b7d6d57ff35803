//! The statistics of two real series against those of empyrical and quantstats.
//!
//! The oracle files lie beside the repository, not in it; where they are absent these tests say so
//! and pass, and the examples and hand-checked series of each module stand alone.

use super::backtesting_py::{Closed, Sample, Value as Entry, table};
use super::benchmark::BenchmarkStats;
use super::returns::{self, ReturnStats};
use crate::bars::DAY;
use serde_json::Value;
use std::path::PathBuf;

/// Trading days in a year, as the oracles were asked.
const PERIODS: f64 = 252.0;

struct Oracle {
    folder: PathBuf,
    metrics: Value,
}

impl Oracle {
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    fn open() -> Option<Self> {
        let shared = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared"));
        if !shared.is_dir() {
            let is_required = std::env::var_os("PAPERTAPE_SHARED_REQUIRED").is_some();
            assert!(!is_required, "{} is absent, and it is required", shared.display());
            eprintln!("skipped: {} is absent", shared.display());
            return None;
        }
        let folder = shared.join("oracles/metrics");
        let text = std::fs::read_to_string(folder.join("metrics.json")).unwrap();
        Some(Self { folder, metrics: serde_json::from_str(&text).unwrap() })
    }

    fn returns(&self, series: &str) -> Vec<f64> {
        let path = self.folder.join(format!("{series}.returns.csv"));
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().skip(1).map(|line| line.split_once(',').unwrap().1.parse().unwrap()).collect()
    }

    fn value(&self, series: &str, package: &str, name: &str) -> f64 {
        let value = &self.metrics[series][package][name];
        value.as_f64().unwrap_or_else(|| panic!("{series}.{package}.{name} is {value}"))
    }
}

#[track_caller]
fn assert_agrees(what: &str, ours: Option<f64>, theirs: f64) {
    let ours = ours.unwrap_or_else(|| panic!("{what} is undefined"));
    let error = (ours - theirs).abs() / theirs.abs();
    assert!(error <= 1e-9, "{what}: {ours} against {theirs}, off by {error:e}");
}

#[test]
fn the_statistics_of_real_series_are_those_of_empyrical_and_quantstats() {
    let Some(oracle) = Oracle::open() else { return };
    for series in ["goog_smacross_finalize", "goog_buyhold"] {
        let returns = oracle.returns(series);
        let n = returns.len() as f64;
        let stats = ReturnStats::of(&returns, PERIODS, &mut Vec::new());
        // Theirs are negative where a loss is meant; quantstats divides the ulcer index by n - 1.
        let loss = |value: Option<f64>| value.map(|value| -value);
        let ulcer_index = stats.ulcer_index.map(|value| value * (n / (n - 1.0)).sqrt());
        for (package, name, ours) in [
            ("empyrical", "annual_return_cagr252", stats.cagr),
            ("empyrical", "annual_volatility", stats.volatility),
            ("empyrical", "sharpe", stats.sharpe),
            ("empyrical", "sortino", stats.sortino),
            ("empyrical", "calmar", stats.calmar),
            ("empyrical", "max_drawdown", loss(stats.max_drawdown)),
            ("empyrical", "omega", stats.omega),
            ("empyrical", "tail_ratio", stats.tail_ratio),
            ("empyrical", "stability_r2", stats.stability),
            ("empyrical", "var_5", loss(stats.var_95)),
            ("empyrical", "cvar_5", loss(stats.expected_shortfall_95)),
            ("empyrical", "cum_return", stats.total_return),
            ("quantstats", "skew", stats.skew),
            ("quantstats", "kurtosis", stats.kurtosis),
            ("quantstats", "psr", stats.psr),
            ("quantstats", "ulcer_index", ulcer_index),
            ("quantstats", "best", stats.best),
            ("quantstats", "worst", stats.worst),
            ("closed_form", "sharpe_mean_over_sd1_sqrt252", stats.sharpe),
            ("closed_form", "sortino_mean_over_downside_sqrt252", stats.sortino),
            ("closed_form", "vol_sd1_sqrt252", stats.volatility),
            ("closed_form", "skew_sample_G1", stats.skew),
            ("closed_form", "excess_kurtosis_sample_G2", stats.kurtosis),
        ] {
            assert_agrees(name, ours, oracle.value(series, package, name));
        }
    }
}

#[test]
fn the_strategy_stands_to_buy_and_hold_as_in_empyrical() {
    let Some(oracle) = Oracle::open() else { return };
    let strategy = oracle.returns("goog_smacross_finalize");
    let benchmark = oracle.returns("goog_buyhold");
    let stats = BenchmarkStats::of(&strategy, &benchmark, PERIODS);
    let theirs = |name| oracle.value("goog_smacross_finalize", "empyrical", name);
    assert_agrees("alpha", stats.alpha, theirs("alpha"));
    assert_agrees("beta", stats.beta, theirs("beta"));
    assert_agrees("information_ratio", stats.information_ratio, theirs("excess_sharpe"));
    assert_eq!(stats.benchmark_return, returns::total_return(&benchmark));
    let held = oracle.value("goog_buyhold", "empyrical", "cum_return");
    assert_agrees("benchmark_return", stats.benchmark_return, held);
}

/// The columns of a CSV file by name.
fn columns(path: &std::path::Path) -> impl Fn(&str) -> Vec<String> + use<> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
    move |name| {
        let at = header.iter().position(|known| known == name).unwrap();
        rows.iter().map(|row| row[at].to_owned()).collect()
    }
}

fn parsed<T: std::str::FromStr>(column: Vec<String>) -> Vec<T> {
    column.iter().map(|text| text.parse().ok().unwrap()).collect()
}

/// `830 days 00:00:00` in days.
fn days(text: &str) -> f64 {
    text.split_once(" days").unwrap().0.parse().unwrap()
}

#[test]
fn the_table_of_every_case_is_that_of_backtesting_py() {
    let Some(oracle) = Oracle::open() else { return };
    let shared = oracle.folder.join("../..");
    let bars = columns(&shared.join("market/test/goog-daily.csv"));
    let date = |text: &String| chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap();
    let epoch = chrono::NaiveDate::default();
    let day: Vec<i32> =
        bars("timestamp").iter().map(|t| (date(t) - epoch).num_days() as i32).collect();
    let time: Vec<i64> = day.iter().map(|day| i64::from(*day) * DAY).collect();
    let close = parsed(bars("close"));
    let mut compared = 0;
    for file in std::fs::read_dir(shared.join("oracles/backtesting")).unwrap() {
        let path = file.unwrap().path();
        let Some(case) = path.to_str().unwrap().strip_suffix(".stats.json") else { continue };
        let oracle: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let equity = parsed(columns(format!("{case}.equity.csv").as_ref())("equity"));
        let trades = columns(format!("{case}.trades.csv").as_ref());
        let (entry_bar, exit_bar) = (parsed(trades("EntryBar")), parsed(trades("ExitBar")));
        let profit: Vec<f64> = parsed(trades("PnL"));
        let fraction: Vec<f64> = parsed(trades("ReturnPct"));
        let commission: Vec<f64> = parsed(trades("Commission"));
        let trades: Vec<Closed> = (0..profit.len())
            .map(|at| Closed {
                entry_bar: entry_bar[at],
                exit_bar: exit_bar[at],
                profit: profit[at],
                profit_fraction: fraction[at],
                commission: commission[at],
            })
            .collect();
        // The averages of 20 bars have a value on the twentieth; EMAs have one on every bar.
        let warmup = if case.contains("ema") { 0 } else { 19 };
        let sample = Sample {
            time: &time,
            day: &day,
            equity: &equity,
            close: &close,
            warmup,
            trades: &trades,
        };
        let ours = table(&sample);
        let theirs = oracle["stats"].as_object().unwrap();
        let names: Vec<&str> = ours.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, theirs.keys().collect::<Vec<_>>(), "{case}");
        for (name, value) in ours {
            let theirs = &theirs[name];
            match value.unwrap_or_else(|| panic!("{case}: {name} is undefined")) {
                Entry::Number(value) => {
                    assert_agrees(
                        &format!("{case}: {name}"),
                        Some(value),
                        theirs.as_f64().unwrap(),
                    );
                }
                Entry::Span(micros) => {
                    assert_eq!(
                        micros as f64 / DAY as f64,
                        days(theirs.as_str().unwrap()),
                        "{name}"
                    );
                }
                Entry::Time(micros) => {
                    let date = epoch + chrono::Duration::days(micros / DAY);
                    assert_eq!(format!("{date} 00:00:00"), theirs.as_str().unwrap(), "{name}");
                }
            }
            compared += 1;
        }
    }
    // Ten cases; the one without commission has no row for it.
    assert_eq!(compared, 10 * 32 - 1);
}
