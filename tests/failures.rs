//! A session that cannot be run is a result with its reason; the others go on.

use crate::project::{Outcome, Project, bars, session};

/// Run a manifest in which the session `good` can be run and `bad`, on `data/y.csv`, cannot.
fn refused(data: Option<&str>) -> (Project, Outcome) {
    let bad = session("bad").replace("data/x.csv", "data/y.csv");
    let mut project = Project::new().bars(120).manifest("a.toml", &[bad, session("good")].concat());
    if let Some(data) = data {
        project = project.file("data/y.csv", data);
    }
    let outcome = project.run(["run", "a.toml"]).code(3);
    let run = project.newest();
    assert_eq!(run.result("good")["status"], "completed");
    let bad = run.result("bad");
    assert_eq!((bad["status"].as_str(), bad["kind"].as_str()), ("refused", "data"));
    assert!(bad["sharpe"].is_empty() && bad["trades"].is_empty());
    assert_eq!((run.count("completed"), run.count("refused")), (1, 1));
    assert_eq!(run.json()["status"], "failed");
    let record = &project.records()[0];
    assert_eq!(
        (record["session"].as_str(), record["status"].as_str()),
        (Some("bad"), Some("refused"))
    );
    assert_eq!(record["error"], bad["error"].as_str());
    assert!(outcome.stderr.contains(&bad["error"]), "{}", outcome.stderr);
    assert!(run.text("report.html").contains("bad"));
    (project, outcome)
}

/// What was said of the session `bad`.
fn complaint(outcome: &Outcome) -> &str {
    outcome.stderr.lines().find(|line| line.starts_with("bad: ")).expect("it says why")
}

#[test]
fn a_session_that_panics_is_a_failed_row() {
    let project =
        Project::new().bars(120).manifest("a.toml", &["one", "two", "three"].map(session).concat());
    let _ = project
        .run(["run", "a.toml", "--fault", "1"])
        .code(3)
        .stderr("two: failed: a fault was asked for")
        .stderr("3 sessions: 2 completed, 1 failed")
        .stdout("three");
    let run = project.newest();
    let two = run.result("two");
    assert_eq!(two["status"], "failed");
    assert_eq!(two["kind"], "panic");
    assert_eq!(two["error"], "a fault was asked for");
    assert_eq!(run.result("one")["status"], "completed");
    assert_eq!(run.result("three")["status"], "completed");
    assert_eq!(run.events("error").len(), 1);
    let records = project.records();
    assert_eq!(records.len(), 3);
    let record = records.iter().find(|record| record["session"] == "two").unwrap();
    assert_eq!(record["status"], "failed");
    assert_eq!(record["kind"], "panic");
    assert!(record["metrics"].as_object().unwrap().is_empty());
}

#[test]
fn a_panic_is_told_once_and_in_our_words() {
    let project = Project::new().bars(120).manifest("a.toml", &session("one"));
    let outcome = project.run(["run", "a.toml", "-q", "--fault", "0"]).code(3);
    assert_eq!(outcome.stderr, "one: failed: a fault was asked for\n");
}

#[test]
fn a_failed_session_is_not_taken_over_but_run_again() {
    let two = [&session("two"), "capital = 2000\n"].concat();
    let project = Project::new().bars(120).manifest("a.toml", &[session("one"), two].concat());
    let _ = project.run(["run", "a.toml", "--fault", "1", "--no-report"]).code(3);
    let _ = project.run(["run", "a.toml"]).success();
    assert_eq!(project.newest().session_ends().len(), 1);
}

#[test]
fn a_row_that_is_there_twice_is_refused() {
    let mut rows: Vec<String> = bars(120).lines().map(str::to_owned).collect();
    rows.insert(51, rows[50].clone());
    let (_, outcome) = refused(Some(&rows.join("\n")));
    insta::assert_snapshot!(complaint(&outcome), @r#"
    bad: refused: data/y.csv: `y` has 1 row doubled: row 51 (2020-02-19T00:00:00Z): is row 50 again; keep one row a time, or let `data.checks.duplicates = "warn"` keep the last
    "#);
}

#[test]
fn a_missing_file_is_refused() {
    let (_, outcome) = refused(None);
    insta::assert_snapshot!(complaint(&outcome), @r"
    bad: refused: data/y.csv: there is no such file; did you mean `x.csv`?
    ");
}

#[test]
fn an_empty_file_is_refused() {
    let (_, outcome) = refused(Some(""));
    insta::assert_snapshot!(complaint(&outcome), @r"
    bad: refused: data/y.csv: the file is empty; write bars into it or name another file
    ");
}

#[test]
fn a_file_without_rows_is_refused() {
    let (_, outcome) = refused(Some("timestamp,open,high,low,close,volume\n"));
    insta::assert_snapshot!(complaint(&outcome), @r"
    bad: refused: data/y.csv: the file has a header and no rows; write bars into it or name another file
    ");
}

#[test]
fn a_price_that_is_no_number_is_refused() {
    let text = bars(120).replacen(",1050\n", ",many\n", 1);
    let (_, outcome) = refused(Some(&text));
    insta::assert_snapshot!(complaint(&outcome), @r#"
    bad: refused: data/y.csv: `y` has 1 row that is unusable: row 51 (2020-02-20T00:00:00Z): `volume` is `many`, not a number; mend the rows, or leave them out with `data.checks.prices = "drop"`
    "#);
}

#[test]
fn a_high_below_its_low_is_refused() {
    let mut rows: Vec<String> = bars(120).lines().map(str::to_owned).collect();
    rows[60] = "2020-02-29,100,90,110,100,5".into();
    let (_, outcome) = refused(Some(&rows.join("\n")));
    insta::assert_snapshot!(complaint(&outcome), @r#"
    bad: refused: data/y.csv: `y` has 1 row with a price out of range: row 60 (2020-02-29T00:00:00Z): `high` 90 is below `low` 110; mend the rows, or leave them out with `data.checks.range = "drop"`
    "#);
}

#[test]
fn data_that_was_mended_runs() {
    let (project, _) = refused(None);
    project.write("data/y.csv", bars(120));
    let _ = project.run(["run", "a.toml"]).success();
    assert_eq!(project.newest().result("bad")["status"], "completed");
}

#[test]
fn a_failed_session_leaves_why_and_with_what_settings() {
    for keep in ["auto", "failed"] {
        let run = format!("\n[run]\nkeep = \"{keep}\"\n");
        let project = Project::new()
            .bars(120)
            .manifest("a.toml", &[run, session("one"), session("two")].concat());
        let _ = project.run(["run", "a.toml", "--fault", "0"]).code(3);
        let kept = project.newest().reproducible();
        let one: Vec<&String> = kept.keys().filter(|name| name.starts_with("one-")).collect();
        assert_eq!(one.len(), 2, "{one:?}");
        let result = String::from_utf8_lossy(&kept[one[0]]).into_owned();
        assert!(result.contains("\"error\": \"a fault was asked for\""), "{result}");
        let two = kept.keys().any(|name| name.starts_with("two-"));
        assert_eq!(two, keep == "auto");
    }
}

#[test]
fn a_session_that_takes_too_long_fails_and_the_others_go_on() {
    let long = session("long").replace("x.csv", "long.csv");
    let run = "\n[run]\ntimeout = \"1ms\"\n";
    let manifest = [run, &long].concat();
    let project = Project::new().file("data/long.csv", bars(20_000)).manifest("a.toml", &manifest);
    let outcome = project.run(["run", "a.toml", "--no-report"]).code(3);
    let _ = outcome.stderr("long: failed: it took longer than `run.timeout`, 0.001 s");
    assert_eq!(project.newest().result("long")["kind"], "timeout");
    project.edit("a.toml", "1ms", "10m");
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
}

#[test]
fn an_axis_that_a_swept_strategy_lacks_is_told_before_anything_runs() {
    let sweep = "\n[session.s]\nstrategy = \"sma-cross\"\ndata.path = \"data/x.csv\"\n[session.s.sweep.axes]\n\
                 strategy = [\"sma-cross\", \"rsi-reversion\"]\n\"params.fast\" = [3, 5]\n";
    let project = Project::new().bars(120).manifest("a.toml", sweep);
    let outcome = project.run(["run", "a.toml"]).code(2);
    let outcome = outcome.stderr("strategy `rsi-reversion` has no parameter `fast`");
    let _ = outcome.stderr("`method = \"list\"` and a row for each");
    assert!(project.runs().is_empty());
    project.edit("a.toml", ", \"rsi-reversion\"", "");
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    // An axis is enough to name it, and the data.
    project.edit("a.toml", "strategy = \"sma-cross\"\ndata.path = \"data/x.csv\"\n", "");
    project.edit("a.toml", "[3, 5]\n", "[3, 5]\n\"data.path\" = [\"data/x.csv\"]\n");
    let run = project.run(["run", "a.toml", "--no-report"]).success();
    let _ = run.stderr("2 sessions: 2 completed, 2 cached");
    assert_eq!(project.newest().results()[0]["strategy"], "sma-cross");
}
