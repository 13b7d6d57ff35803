//! The statistics of two real series against those of empyrical and quantstats.
//!
//! The oracle files lie beside the repository, not in it; where they are absent these tests say so
//! and pass, and the examples and hand-checked series of each module stand alone.

use super::returns::{self, BenchmarkStats, ReturnStats};
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
