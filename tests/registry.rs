//! The registry: what ran is listed, filtered, sorted and added up, whatever became of one record.

use crate::project::{Outcome, Project, session, sweep, tree, words_only};
use std::collections::BTreeSet;

const SESSIONS: &str = r#"
[session.alpha]
tags = ["nightly", "fast"]
strategy = "sma-cross"
data = { path = "data/x.csv", timeframe = "1d" }
params = { fast = 3, slow = 9 }

[session.beta]
tags = ["nightly"]
strategy = "buy-and-hold"
data = { path = "data/x.csv", timeframe = "1d" }

[session.gone]
strategy = "sma-cross"
data = { path = "data/none.csv" }
"#;

/// A project after two runs, of six sessions in all: `alpha`, `beta` and `gone`, then `grid`, `alpha`
/// and `gamma`, of which `gamma` fails.
fn project() -> Project {
    let project = Project::new().bars(120).manifest("a.toml", SESSIONS);
    let _ = project.run(["run", "a.toml", "--no-report"]).code(3);
    // The same name with another cost is another session, and so not cached.
    let alpha = [&session("alpha"), "costs = { slippage = { bps = 5 } }\n"].concat();
    let second = [sweep("grid", 5, 4), alpha, session("gamma")].concat();
    project.write_manifest("b.toml", &second);
    let _ = project.run(["run", "b.toml", "--no-report", "--fault", "21"]).code(3);
    project
}

fn list(project: &Project, options: &[&str]) -> Outcome {
    project.run([&["sessions", "list", "--format", "csv"], options].concat())
}

/// The names of the sessions that are listed, in their order.
#[track_caller]
fn names(project: &Project, options: &[&str]) -> Vec<String> {
    list(project, options).success().rows().into_iter().map(|row| row["session"].clone()).collect()
}

/// The names of the sessions that are listed, sorted.
#[track_caller]
fn set(project: &Project, options: &[&str]) -> Vec<String> {
    let mut names = names(project, options);
    names.sort();
    names
}

#[test]
fn every_session_of_every_run_is_listed_the_newest_run_first() {
    let project = project();
    let rows = list(&project, &[]).success().rows();
    let runs: Vec<String> = project.runs().iter().map(|run| run.id()).collect();
    let of = |run: &str| -> BTreeSet<(String, String)> {
        let rows = rows.iter().filter(|row| row["run"] == run);
        rows.map(|row| (row["session"].clone(), row["status"].clone())).collect()
    };
    let set = |rows: &[(&str, &str)]| -> BTreeSet<(String, String)> {
        rows.iter().map(|&(session, status)| (session.into(), status.into())).collect()
    };
    assert_eq!(
        of(&runs[1]),
        set(&[("alpha", "completed"), ("beta", "completed"), ("gone", "refused")])
    );
    assert_eq!(
        of(&runs[0]),
        set(&[("alpha", "completed"), ("gamma", "failed"), ("grid", "completed")])
    );
    assert!(rows[..3].iter().all(|row| row["run"] == runs[0]));
    let grid = rows.iter().find(|row| row["session"] == "grid").unwrap();
    assert_eq!(grid["points"], "20");
    let beta = rows.iter().find(|row| row["session"] == "beta").unwrap();
    assert_eq!(beta["total_return"], project.runs()[1].result("beta")["total_return"]);
    assert_eq!(beta["symbols"], "x");
}

#[test]
fn filters_leave_what_was_asked_for() {
    let project = project();
    assert_eq!(set(&project, &["--mode", "backtest"]).len(), 6);
    let _ = list(&project, &["--mode", "paper"]).code(4);
    assert_eq!(set(&project, &["--status", "failed"]), ["gamma"]);
    assert_eq!(set(&project, &["--status", "failed", "--status", "refused"]), ["gamma", "gone"]);
    assert_eq!(set(&project, &["--strategy", "buy-*"]), ["beta"]);
    assert_eq!(set(&project, &["--symbol", "x", "--strategy", "sma-cross"]).len(), 4);
    let _ = list(&project, &["--symbol", "GOOG"]).code(4);
    assert_eq!(set(&project, &["--tag", "nightly"]), ["alpha", "beta"]);
    assert_eq!(set(&project, &["--tag", "nightly", "--tag", "fast"]), ["alpha"]);
    assert_eq!(set(&project, &["--session", "g*"]), ["gamma", "gone", "grid"]);
    assert_eq!(set(&project, &["--since", "1h"]).len(), 6);
    let _ = list(&project, &["--since", "2999-01-01"]).code(4);
    let filter = "tag(\"nightly\") and metrics.trades > 1";
    assert_eq!(set(&project, &["--filter", filter]), ["alpha"]);
    assert_eq!(set(&project, &["--status", "completed", "--session", "a*"]), ["alpha", "alpha"]);
}

#[test]
fn since_a_moment_between_two_runs_leaves_the_second() {
    let project = project();
    let started = project.newest().json()["started"].as_str().unwrap().to_owned();
    assert_eq!(set(&project, &["--since", &started]), ["alpha", "gamma", "grid"]);
}

#[test]
fn a_filter_that_means_nothing_is_a_mistake() {
    let project = project();
    let _words = words_only();
    insta::assert_snapshot!(list(&project, &["--filter", "metrics.shrp > 1"]).code(2).stderr, @r"
    error: `--filter` cannot be used
    error[E0202]: unknown name `metrics.shrp`
     --> command line, --filter:1:1
      |
    1 | metrics.shrp > 1
      | ^^^^^^^^^^^^ did you mean `metrics.sharpe`?
    ");
    let _ = list(&project, &["--status", "done"]).code(2).stderr("completed");
    let _ = list(&project, &["--since", "yesterday"]).code(2).stderr("2026-11-01");
    let _ = list(&project, &["--sort", "shrp"]).code(2).stderr("sharpe");
}

#[test]
fn lists_are_sorted_and_cut() {
    let project = project();
    let all = names(&project, &["--sort", "session"]);
    assert_eq!(all, ["alpha", "alpha", "beta", "gamma", "gone", "grid"]);
    let returns: Vec<f64> = list(&project, &["--sort", "-total_return", "--status", "completed"])
        .success()
        .rows()
        .iter()
        .map(|row| row["total_return"].parse().unwrap())
        .collect();
    assert_eq!(returns.len(), 4);
    assert!(returns.is_sorted_by(|a, b| a >= b), "{returns:?}");
    let undefined = names(&project, &["--sort", "total_return"]);
    assert_eq!(BTreeSet::from_iter(&undefined[4..]).len(), 2, "what has no value comes last");
    assert!(undefined[4..].iter().all(|name| name == "gamma" || name == "gone"));
    let cut = |limit, offset| {
        names(&project, &["--sort", "session", "--limit", limit, "--offset", offset])
    };
    assert_eq!(cut("2", "0"), all[..2]);
    assert_eq!(cut("2", "3"), all[3..5]);
    assert_eq!(cut("0", "5"), all[5..]);
    let _ = list(&project, &["--offset", "6"]).code(4);
}

#[test]
fn a_session_is_shown_with_all_that_is_known() {
    let project = project();
    let shown =
        |which: &str| project.run(["sessions", "show", which, "--format", "json"]).success().json();
    let beta = shown("beta");
    assert_eq!(beta["strategy"], "buy-and-hold");
    assert_eq!(beta["status"], "completed");
    let run = project.runs().remove(1);
    let expected: f64 = run.result("beta")["total_return"].parse().unwrap();
    assert_eq!(beta["metrics"]["total_return"], expected);
    let identity = run.result("beta")["identity"].clone();
    assert_eq!(shown(&identity[..10])["session"], "beta");
    assert_eq!(shown("alpha")["run"], project.newest().id(), "of two, the newer");
    assert_eq!(shown("gamma")["error"], "a fault was asked for");
    assert_eq!(shown("grid")["sweep"]["points"], 20);
    let _ = project.run(["sessions", "show", "bta"]).code(2).stderr("did you mean `beta`?");
}

#[test]
fn the_trades_of_a_session_are_those_that_were_kept() {
    let project = project();
    let trades = project.run(["sessions", "show", "beta", "--trades", "--format", "csv"]).success();
    let kept = tree(&project.runs()[1].path.join("sessions"));
    let (_, file) = kept
        .iter()
        .find(|(path, _)| path.starts_with("beta-") && path.ends_with("trades.csv"))
        .unwrap();
    assert_eq!(trades.stdout.lines().next(), std::str::from_utf8(file).unwrap().lines().next());
    assert_eq!(trades.rows().len(), 1);
}

#[test]
fn the_summary_adds_up() {
    let project = project();
    let all = project.run(["sessions", "summary", "--format", "json"]).success().json();
    assert_eq!(all["sessions"], 6);
    assert_eq!(all["status"]["completed"], 4);
    assert_eq!(all["status"]["failed"], 1);
    assert_eq!(all["status"]["refused"], 1);
    assert_eq!(all["mode"]["backtest"], 6);
    let records = project.records();
    let profits = records.iter().filter_map(|record| record["metrics"]["realized_pnl"].as_f64());
    let difference = all["realized_pnl"].as_f64().unwrap() - profits.sum::<f64>();
    assert!(difference.abs() < 1e-9, "{difference}");
    let tagged = ["sessions", "summary", "--tag", "nightly", "--format", "json"];
    assert_eq!(project.run(tagged).success().json()["sessions"], 2);
}

#[test]
fn an_empty_registry_has_a_summary_and_no_list() {
    let project = Project::new();
    insta::assert_snapshot!(project.run(["sessions", "summary"]).success().stdout, @r"
    sessions          0
    realized_pnl      0.00
    avg_max_drawdown  –
    first             –
    last              –

    status
    completed  0
    failed     0
    aborted    0
    refused    0

    mode
    backtest  0
    paper     0
    ");
    let _ = project.run(["sessions", "list"]).code(4);
    let _ = project.run(["runs", "list"]).code(4);
    let _ = project.run(["sessions", "show", "latest"]).code(2).stderr("there are none yet");
    assert!(!project.path("output").exists());
}

#[test]
fn a_damaged_record_is_named_and_passed_over() {
    let project = project();
    let records = tree(&project.path("output/records"));
    let (name, bytes) = records.iter().find(|(name, _)| name.contains("beta")).unwrap();
    project.write(&format!("output/records/{name}"), &bytes[..bytes.len() / 2]);
    let outcome = list(&project, &[]).success().stderr("warning: ").stderr(name);
    assert_eq!(outcome.rows().len(), 5);
    assert!(outcome.rows().iter().all(|row| row["session"] != "beta"));
    let _ = project.run(["sessions", "summary", "-q"]).success().stdout("5").stderr(name);
}

#[test]
fn runs_are_listed_the_newest_first() {
    let project = project();
    let rows = project.run(["runs", "list", "--format", "csv"]).success().rows();
    let ids: Vec<&String> = rows.iter().map(|row| &row["id"]).collect();
    let runs = project.runs();
    assert_eq!(ids, [&runs[0].id(), &runs[1].id()]);
    assert_eq!((rows[0]["sessions"].as_str(), rows[0]["failed"].as_str()), ("22", "1"));
    assert_eq!((rows[1]["sessions"].as_str(), rows[1]["refused"].as_str()), ("3", "1"));
    assert_eq!(rows[0]["exit_code"], "3");
    let _ = project.run(["runs", "list", "--status", "completed"]).code(4);
}

#[test]
fn a_run_is_shown_by_any_part_of_its_id() {
    let project = project();
    let runs = project.runs();
    let id = runs[1].id();
    for which in [id.as_str(), &id[id.len() - 6..]] {
        let shown = project.run(["runs", "show", which, "--format", "json"]).success().json();
        assert_eq!(shown["id"], id.as_str());
        assert_eq!(shown["best"][0]["key"], if better(&runs[1]) { "beta" } else { "alpha" });
    }
    let shown = project.run(["runs", "show", "--format", "json"]).success().json();
    assert_eq!(shown["id"], runs[0].id());
    assert_eq!(shown["sessions"], 22);
    let _ = project.run(["runs", "show", "nonsense"]).code(2).stderr(&id);
}

/// Whether `beta` has the better Sharpe ratio.
fn better(run: &crate::project::Run) -> bool {
    let sharpe = |key| run.result(key)["sharpe"].parse::<f64>().unwrap();
    sharpe("beta") > sharpe("alpha")
}
