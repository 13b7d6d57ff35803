//! Paper accounts held against backtests over the same window.

use crate::project::{Project, bars};
use serde_json::Value;

fn manifest(stop: &str) -> String {
    format!(
        "
[session.night]
mode = \"paper\"
strategy = \"sma-cross\"
params = {{ fast = 3, slow = 8 }}
risk = {{ stop_loss = {stop} }}
data = {{ path = \"data/x.csv\", timeframe = \"1d\" }}
"
    )
}

/// An account of a hundred bars, taken on two nights; `between` them, something.
fn account(between: impl FnOnce(&Project)) -> Project {
    let project = Project::new().bars(100).manifest("a.toml", &manifest("0.02"));
    let run = ["run", "a.toml", "--no-report", "-q"];
    let _ = project.run(run.iter().chain(&["--now", "2020-02-25"])).success();
    between(&project);
    let _ = project.run(run).success();
    project
}

fn reconcile(project: &Project, code: i32) -> Value {
    project.run(["paper", "reconcile", "night", "--format", "json"]).code(code).json()
}

/// The first cause, and what it says.
fn cause(found: &Value) -> (&str, &str) {
    let first = &found["causes"][0];
    (first["because_of"].as_str().unwrap(), first["what"].as_str().unwrap())
}

#[test]
fn an_account_is_the_backtest_over_its_source() {
    let project = account(|_| {});
    let found = reconcile(&project, 0);
    assert_eq!((&found["same"], &found["bars"]), (&true.into(), &100.into()));
    assert_eq!(found["account_trades"], found["backtest_trades"]);
    assert!(found["account_trades"].as_u64().unwrap() > 1, "{found}");
    // The source has gone on, and lost its beginning.
    let lines: Vec<String> = bars(120).lines().map(str::to_owned).collect();
    project.write("data/x.csv", [&lines[..1], &lines[71..]].concat().join("\n") + "\n");
    let found = project.run(["paper", "reconcile"]).success();
    let _ = found.stderr("begins at 2020-03-11T00:00:00Z; earlier bars are the account's own");
    // Put aside it is only looked at.
    let _ = project.run(["paper", "restart", "-q"]).success();
    let mut accounts = std::fs::read_dir(project.path("output/paper")).unwrap();
    let aside = accounts.next().unwrap().unwrap().file_name().into_string().unwrap();
    let _ = project.run(["paper", "reconcile", &aside]).success().stderr("that of the backtest");
    let _ = project.run(["paper", "pause", &aside]).code(2).stderr("was put aside");
}

#[test]
fn a_command_explains_what_it_did() {
    let project = account(|project| {
        let _ = project.run(["paper", "pause", "-q"]).success();
    });
    let found = reconcile(&project, 0);
    assert_eq!((&found["same"], &found["commands_obeyed"]), (&true.into(), &1.into()));
    let _ = project
        .run(["paper", "reconcile"])
        .success()
        .stderr("that of the backtest with its 1 command");
    let untold = ["paper", "reconcile", "--without-commands"];
    let found = project.run(untold.iter().chain(&["--format", "json"])).code(1).json();
    assert_eq!(found["same"], false);
    let (because_of, what) = cause(&found);
    assert_eq!(because_of, "commands", "{found:#}");
    assert!(
        what.starts_with("pause, by ") && what.ends_with("after bar 2020-02-25T00:00:00Z"),
        "{what}"
    );
    assert!(found["at"].as_str().unwrap() > "2020-02-25", "{found}");
    assert!(!found["trades_of_the_account"].as_array().unwrap().is_empty());
    let _ = project
        .run(untold.iter().chain(&["--own-bars"]))
        .code(1)
        .stderr("differs from the backtest");
}

#[test]
fn a_stop_that_was_tightened_differs_before_what_its_bar_decides() {
    let project = account(|project| {
        let _ = project.run(["paper", "adjust", "--tighten", "0.9", "-q"]).success();
    });
    let untold = ["paper", "reconcile", "--without-commands", "--format", "json"];
    let found = project.run(untold).code(1).json();
    assert_eq!(cause(&found).0, "commands", "{found:#}");
    assert_eq!(found["link"], "fill", "{found:#}");
    let difference = "x: there was a long exit in the account alone";
    assert_eq!(found["difference"], difference, "{found:#}");
}

#[test]
fn a_parameter_that_was_adjusted_is_adjusted_again() {
    let project = account(|project| {
        let _ = project.run(["paper", "adjust", "--param", "fast=5", "-q"]).success();
    });
    let _ = reconcile(&project, 0);
    // The manifest may say the same by now.
    project.write_manifest("a.toml", &manifest("0.02").replace("fast = 3", "fast = 5"));
    let _ = reconcile(&project, 0);
    let untold = ["paper", "reconcile", "--without-commands", "--format", "json"];
    let found = project.run(untold).code(1).json();
    assert_eq!(cause(&found), ("settings", "`params.fast` 3 -> 5"), "{found:#}");
}

#[test]
fn a_revised_bar_explains_what_it_did() {
    let project = account(|_| {});
    let revised = bars(100).replace(",1080\n", ",1081\n");
    let (day, rest) = revised.split_at(revised.find("2020-03-05,").unwrap());
    let (bar, rest) = rest.split_at(rest.find('\n').unwrap());
    let fields: Vec<&str> = bar.split(',').collect();
    let bar = format!("{},{},150,90,91,{}", fields[0], fields[1], fields[5]);
    project.write("data/x.csv", [day, &bar, rest].concat());
    let found = reconcile(&project, 1);
    let (because_of, what) = cause(&found);
    assert_eq!(because_of, "data revised", "{found:#}");
    assert!(what.starts_with("x 2020-03-05T00:00:00Z `high`"), "{what}");
    let _ = project.run(["paper", "reconcile", "--own-bars"]).success();
}

#[test]
fn a_changed_setting_explains_what_it_did() {
    let project = account(|_| {});
    project.write_manifest("a.toml", &manifest("0.001"));
    let found = reconcile(&project, 1);
    assert_eq!(cause(&found), ("settings", "`risk.stop_loss` was 0.02, and is 0.001"), "{found:#}");
    project.write_manifest("a.toml", &manifest("0.02").replace("fast = 3", "fast = 5"));
    let found = reconcile(&project, 1);
    assert_eq!(cause(&found), ("settings", "`params.fast` 3 -> 5"), "{found:#}");
}

#[test]
fn trades_that_somebody_edited_are_not_those_of_the_account() {
    let project = account(|_| {});
    let path = "output/paper/night/trades.csv";
    let trades = std::fs::read_to_string(project.path(path)).unwrap();
    let line = trades.lines().nth(2).unwrap();
    let price = line.split(',').nth(4).unwrap();
    project.write(path, trades.replacen(&format!(",{price},"), ",1.5,", 1));
    let found = reconcile(&project, 1);
    let (because_of, what) = cause(&found);
    assert_eq!(because_of, "history", "{found:#}");
    assert!(what.starts_with("trades.csv is not what"), "{what}");
    assert_eq!(found["fields"][0]["account"], "1.5", "{found:#}");
    project.write(path, trades);
    let _ = reconcile(&project, 0);
}

#[test]
fn another_engine_explains_what_it_did() {
    let project = account(|_| {});
    let newest = "output/paper/night/checkpoints/000002.json";
    let text = std::fs::read(project.path(newest)).unwrap();
    let mut checkpoint: Value = serde_json::from_slice(&text).unwrap();
    checkpoint["engine"] = 1.into();
    checkpoint["fills_digest"] = "what another engine filled".into();
    project.write(newest, checkpoint.to_string());
    let trades = std::fs::read_to_string(project.path("output/paper/night/trades.csv")).unwrap();
    let line = trades.lines().nth(2).unwrap();
    let price = line.split(',').nth(4).unwrap();
    let told = trades.replacen(&format!(",{price},"), ",1.5,", 1);
    project.write("output/paper/night/trades.csv", told);
    let found = reconcile(&project, 1);
    let (because_of, what) = cause(&found);
    assert_eq!(because_of, "engine", "{found:#}");
    assert!(what.contains("the engine was 1 and is"), "{what}");
    assert_eq!(found["fields"][0]["account"], "1.5", "{found:#}");
}

#[test]
fn what_cannot_be_compared_is_said() {
    let project = account(|_| {});
    let _ = project.run(["paper", "reconcile", "day"]).code(2).stderr("there is no account `day`");
    project.write("data/x.csv", "timestamp,open,high,low,close\n2020-01-01,1,0,2,1\n");
    let _ = project.run(["paper", "reconcile"]).code(3).stderr("data/x.csv");
    let _ = project.run(["paper", "reconcile", "--own-bars"]).success();
    let manifest = std::fs::read(project.path("a.toml")).unwrap();
    std::fs::remove_file(project.path("a.toml")).unwrap();
    let _ = project.run(["paper", "reconcile"]).code(2).stderr("name its manifest");
    project.write("sessions/b.toml", manifest);
    let _ = project.run(["paper", "reconcile", "--own-bars"]).success();
}
