//! The results of other engines on real data that lie beside the repository: each case as a manifest,
//! run by the binary, gives the same trades and the same equity at every bar.

use crate::peers::{Case, Trade, difference, ours};
use crate::project::{Project, Row, Run, repository};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The files that lie beside the repository; `None`, and a word about it, where they do not.
#[expect(clippy::print_stdout, reason = "a test says what it skipped")]
fn shared() -> Option<PathBuf> {
    let shared = repository().join("../shared");
    if shared.is_dir() {
        return Some(shared);
    }
    assert!(
        std::env::var_os("PAPERTAPE_SHARED_REQUIRED").is_none(),
        "skipped: ../shared is not here, and it is required"
    );
    println!("skipped: ../shared is not here");
    None
}

/// Run a manifest of `tests/oracles` over the data of the oracles; the run lives as long as its project.
fn run(project: &Project, shared: &Path, manifest: &str) -> Run {
    let text = fs::read(repository().join("tests/oracles").join(manifest)).unwrap();
    project.write(manifest, text);
    let data = fs::read(shared.join("market/test/goog-daily.csv")).unwrap();
    project.write("data/goog-daily.csv", data);
    let _ = project.run(["run", manifest]).success();
    project.newest()
}

fn rows(path: &Path) -> Vec<Row> {
    csv::Reader::from_path(path).unwrap().deserialize().map(|row| row.unwrap()).collect()
}

fn number(row: &Row, name: &str) -> f64 {
    row[name].parse().unwrap()
}

fn equity(path: &Path) -> Vec<f64> {
    rows(path).iter().map(|row| number(row, "equity")).collect()
}

/// Compare every session of a run with the case of its name; `theirs` reads that.
#[expect(clippy::print_stdout, reason = "a test says how much it compared")]
fn agrees(run: &Run, cases: usize, theirs: impl Fn(&str) -> Case) {
    let rows = run.results();
    assert_eq!(rows.len(), cases);
    for row in &rows {
        let (case, mut ours) = (&row["session"], ours(run, row));
        let theirs = theirs(case);
        if theirs.trades.iter().all(|trade| trade.exit.is_some()) {
            // Who closes nothing at the end does not list what is open.
            ours.trades.retain(|trade| trade.exit.is_some());
        }
        let trades = theirs.trades.len();
        if let Some(difference) = difference(ours, theirs) {
            panic!("{case}: {difference}");
        }
        println!("{case}: {trades} trades are the same");
    }
}

#[test]
fn the_cases_of_backtesting_py_are_met_to_the_trade_and_to_the_statistic() {
    let Some(shared) = shared() else { return };
    let oracles = shared.join("oracles/backtesting");
    let project = Project::new();
    let run = run(&project, &shared, "backtesting.toml");
    agrees(&run, 10, |case| {
        let trade = |row: &Row| {
            let size = number(row, "Size");
            Trade {
                symbol: "goog-daily".to_owned(),
                side: if size > 0.0 { "long" } else { "short" }.to_owned(),
                units: size.abs(),
                entry: (number(row, "EntryBar") as usize, number(row, "EntryPrice")),
                exit: Some((
                    number(row, "ExitBar") as usize,
                    number(row, "ExitPrice"),
                    number(row, "PnL"),
                )),
            }
        };
        let trades = rows(&oracles.join(format!("{case}.trades.csv")));
        Case {
            trades: trades.iter().map(trade).collect(),
            equity: equity(&oracles.join(format!("{case}.equity.csv"))),
        }
    });
    let json = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    for row in run.results() {
        let directory = format!("{}-{}", row["session"], &row["identity"][..16]);
        let ours = json(&run.path.join("sessions").join(directory).join("result.json"));
        let ours = ours["backtesting-py"].as_object().unwrap();
        let theirs = json(&oracles.join(format!("{}.stats.json", row["session"])));
        let theirs = theirs["stats"].as_object().unwrap();
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
        for (name, value) in theirs {
            let told = format!("{}: {name}: {} is not {value}", row["session"], ours[name]);
            match (ours[name].as_f64(), value.as_f64()) {
                (Some(ours), Some(theirs)) => {
                    assert!((ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-3), "{told}");
                }
                _ if name == "Start" || name == "End" => {
                    let (ours, theirs) = (ours[name].as_str().unwrap(), value.as_str().unwrap());
                    assert_eq!(ours[..10], theirs[..10], "{told}");
                }
                _ => assert_eq!(&ours[name], value, "{told}"),
            }
        }
    }
}

#[test]
fn the_cases_of_vectorbt_are_met_to_the_trade() {
    let Some(shared) = shared() else { return };
    let oracles = shared.join("oracles/vectorbt");
    let bars = rows(&shared.join("market/test/goog-daily.csv"));
    let bar = |day: &str| bars.iter().position(|row| row["timestamp"] == day[..10]).unwrap();
    let project = Project::new();
    agrees(&run(&project, &shared, "vectorbt.toml"), 6, |case| {
        let trade = |row: &Row| Trade {
            symbol: "goog-daily".to_owned(),
            side: row["Direction"].to_lowercase(),
            units: number(row, "Size"),
            entry: (bar(&row["Entry Timestamp"]), number(row, "Avg Entry Price")),
            exit: (row["Status"] == "Closed").then(|| {
                let price = number(row, "Avg Exit Price");
                (bar(&row["Exit Timestamp"]), price, number(row, "PnL"))
            }),
        };
        let trades = rows(&oracles.join(format!("{case}.trades.csv")));
        Case {
            trades: trades.iter().map(trade).collect(),
            equity: equity(&oracles.join(format!("{case}.equity.csv"))),
        }
    });
}
