//! A run that was killed, at whatever moment, goes on and ends as if nothing had happened.

use crate::project::{Project, Run, Running, assert_same, bars, session, sweep, tree};
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Sessions of the sweep and a named one: two batches of rows and some more.
const SESSIONS: u64 = 2_201;
/// Rows that may be computed and not yet written: one batch.
const BATCH: u64 = 1_000;

fn project() -> Project {
    Project::new().bars(120).manifest("a.toml", &[sweep("grid", 44, 50), session("one")].concat())
}

/// A run that nothing disturbed, and how long it took.
static UNDISTURBED: LazyLock<(Project, Duration)> = LazyLock::new(|| {
    let project = project();
    let began = Instant::now();
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    (project, began.elapsed())
});

/// The directory of the run, once it has a `run.json`.
fn begun(project: &Project, running: &mut Running) -> Run {
    running.wait_until(|| !project.runs().is_empty());
    project.newest()
}

/// Start a run, kill it when `moment` has come, go on with it, and compare.
fn kill(moment: impl Fn(&Run) -> bool) {
    let project = project();
    let mut running = project.spawn(["run", "a.toml", "--no-report"]);
    let run = begun(&project, &mut running);
    running.wait_until(|| moment(&run));
    running.child().kill().unwrap();
    running.child().wait().unwrap();
    let before = run.session_ends().len();
    let was_running = run.json()["status"] == "running";

    let outcome = project.run(["run", "--resume", "latest", "--no-report"]).success();
    assert_eq!(project.runs().len(), 1, "it is the same run");
    let json = run.json();
    assert_eq!((json["status"].as_str(), json["exit_code"].as_u64()), (Some("completed"), Some(0)));
    assert_eq!((run.count("selected"), run.count("completed")), (SESSIONS, SESSIONS));
    if was_running {
        assert!(!run.events("runner_end").is_empty());
    } else {
        assert!(outcome.stderr.contains("is complete: nothing is missing"), "{}", outcome.stderr);
    }
    let ends = run.session_ends().len() as u64;
    assert!(
        (SESSIONS..=SESSIONS + BATCH).contains(&ends),
        "{ends} sessions ran, {before} of them before the kill"
    );
    assert_same(&UNDISTURBED.0.newest().reproducible(), &run.reproducible());
    assert_eq!(leftovers(&run), [] as [PathBuf; 0]);
}

/// Files that were begun and never ended.
fn leftovers(run: &Run) -> Vec<PathBuf> {
    let mut directories = vec![run.path.clone()];
    let mut found = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with(".tmp-") {
                found.push(path);
            } else if path.is_dir() {
                directories.push(path);
            }
        }
    }
    found
}

#[test]
fn a_run_killed_before_its_first_row_goes_on() {
    kill(|run| run.path.join("plan.jsonl").exists());
}

#[test]
fn a_run_killed_half_way_goes_on() {
    kill(|run| run.batches() >= 2);
}

#[test]
fn a_run_killed_while_it_writes_results_goes_on() {
    kill(|run| run.session_ends().len() as u64 == SESSIONS);
}

#[test]
#[expect(clippy::print_stdout, reason = "whoever sees it fail wants to know the moment")]
fn a_run_killed_at_any_moment_goes_on() {
    for _ in 0..2 {
        let fraction = RandomState::new().hash_one(0) as f64 / u64::MAX as f64;
        let delay = UNDISTURBED.1.mul_f64(fraction);
        println!("killed {delay:?} after it had begun");
        let began = Instant::now();
        kill(|_| began.elapsed() >= delay);
    }
}

#[test]
fn a_run_killed_twice_goes_on() {
    let project = project();
    let mut running = project.spawn(["run", "a.toml", "--no-report"]);
    let run = begun(&project, &mut running);
    running.wait_until(|| run.batches() >= 1);
    drop(running);
    let mut running = project.spawn(["run", "--resume", "latest", "--no-report"]);
    running.wait_until(|| run.batches() >= 2);
    drop(running);
    let _ = project.run(["run", "--resume", &run.id(), "--no-report"]).success();
    let ends = run.session_ends().len() as u64;
    assert!((SESSIONS..=SESSIONS + 2 * BATCH).contains(&ends), "{ends} sessions ran");
    assert_same(&UNDISTURBED.0.newest().reproducible(), &run.reproducible());
}

#[test]
fn rows_that_were_cut_short_are_run_again() {
    let project = project();
    let mut running = project.spawn(["run", "a.toml", "--no-report"]);
    let run = begun(&project, &mut running);
    running.wait_until(|| run.batches() >= 2);
    drop(running);
    let batch = run.path.join("rows/000001.parquet");
    let bytes = std::fs::read(&batch).unwrap();
    std::fs::write(&batch, &bytes[..bytes.len() / 2]).unwrap();
    let _ = project
        .run(["run", "--resume", "latest", "--no-report"])
        .success()
        .stderr("000001.parquet")
        .stderr("its sessions run again");
    assert_same(&UNDISTURBED.0.newest().reproducible(), &run.reproducible());
}

#[test]
fn a_new_run_takes_over_what_a_killed_one_has() {
    let project = project();
    let mut running = project.spawn(["run", "a.toml", "--no-report"]);
    let killed = begun(&project, &mut running);
    running.wait_until(|| killed.batches() >= 1);
    drop(running);
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    let run = project.newest();
    assert_ne!(run.id(), killed.id());
    assert_eq!(run.json()["cached_from"][0]["run"], killed.id());
    let cached = run.count("cached");
    assert!(cached >= BATCH, "{cached} were taken over");
    assert_eq!(run.session_ends().len() as u64, SESSIONS - cached);
    assert_same(&UNDISTURBED.0.newest().reproducible(), &run.reproducible());
}

#[test]
fn what_a_complete_run_lost_is_made_anew() {
    let project = Project::new()
        .bars(120)
        .manifest("a.toml", &[sweep("grid", 3, 3), session("one")].concat());
    let _ = project.run(["run", "a.toml"]).success();
    let run = project.newest();
    let resume = || project.run(["run", "--resume", "latest"]).success();
    let _ = resume().stderr("is complete: nothing is missing");
    for name in ["results.parquet", "results.csv"] {
        let bytes = run.file(name);
        std::fs::write(run.path.join(name), &bytes[..bytes.len() / 2]).unwrap();
        if name == "results.parquet" {
            let lost = project.run(["report", "latest"]).code(74);
            let _ = lost.stderr("the results are lost; `papertape run --resume");
        }
        let _ = resume().stderr("has lost its results: they are made anew");
        assert_eq!(run.file(name), bytes, "{name}");
        std::fs::remove_file(run.path.join(name)).unwrap();
        let _ = resume();
        assert_eq!(run.file(name), bytes, "{name}");
    }
    assert_eq!(project.records().len(), 2, "each has its record, once");
    // The process was killed after its results and before its report.
    let mut before = tree(&run.path);
    std::fs::remove_file(run.path.join("report.html")).unwrap();
    let _ = resume().stderr("report.html");
    let mut now = tree(&run.path);
    for told in ["run.json", "events.jsonl", "lock"] {
        now.remove(told);
        before.remove(told);
    }
    assert_same(&before, &now);
}

#[test]
fn what_ended_before_the_kill_has_its_record_too() {
    let project = Project::new()
        .bars(120)
        .manifest("a.toml", &[session("one"), sweep("grid", 44, 50)].concat());
    let mut running = project.spawn(["run", "a.toml", "--no-report"]);
    let run = begun(&project, &mut running);
    running.wait_until(|| run.batches() >= 2);
    drop(running);
    let _ = project.run(["run", "--resume", "latest", "--no-report"]).success();
    let records = project.records();
    let mut names: Vec<&str> =
        records.iter().map(|record| record["session"].as_str().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["grid", "one"]);
}

#[test]
fn a_run_that_was_killed_remembers_what_it_took_over() {
    let project = Project::new().bars(120).manifest("a.toml", &session("one"));
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    project.write_manifest("a.toml", &[session("one"), sweep("grid", 44, 50)].concat());
    let mut running = project.spawn(["run", "a.toml", "--no-report"]);
    running.wait_until(|| project.runs().len() == 2);
    let run = project.newest();
    running.wait_until(|| run.batches() >= 2);
    drop(running);
    let _ = project.run(["run", "--resume", "latest", "--no-report"]).success();
    assert_eq!((run.count("completed"), run.count("cached")), (SESSIONS, 1));
    assert_eq!(run.json()["cached_from"][0]["rows"], 1);
}

#[test]
fn a_run_goes_on_without_its_manifest_and_strategy_but_not_with_other_data() {
    let project = Project::new()
        .bars(120)
        .manifest("a.toml", &["\n[run]\nfail_fast = true\n", &sweep("grid", 20, 10)].concat());
    let _ = project.run(["run", "a.toml", "-j", "1", "--fault", "100"]).code(5);
    std::fs::remove_file(project.path("a.toml")).unwrap();
    let bars = std::fs::read_to_string(project.path("data/x.csv")).unwrap();
    project.write("data/x.csv", bars.replacen(",1100\n", ",1101\n", 1));
    let _ = project
        .run(["run", "--resume", "latest"])
        .code(2)
        .stderr("is not what it was when the plan was made; start a new run");
    project.write("data/x.csv", bars);
    let _ = project.run(["run", "--resume", "latest"]).code(3).stderr("a fault was asked for");
    assert_eq!((project.newest().count("completed"), project.newest().count("failed")), (199, 1));
}

/// A run of a hundred sessions, on bars with a column `mood`, that stopped after a few of them.
fn stopped() -> Project {
    let strategy = "
[run]
fail_fast = true
[session.grid]
data = { path = \"data/x.csv\" }
[session.grid.strategy]
params.n = { type = \"int\", default = 2 }
rules.enter_long = \"close > sma(close, n) and mood > 0\"
rules.exit_long = \"close < sma(close, n)\"
[session.grid.sweep.axes]
\"params.n\" = { from = 2, to = 101, step = 1 }
";
    let with_mood = |(row, line): (usize, &str)| {
        let mood = if row == 0 { "mood" } else { "1" };
        format!("{line},{mood}\n")
    };
    let bars: String = bars(120).lines().enumerate().map(with_mood).collect();
    let project = Project::new().file("data/x.csv", bars).manifest("a.toml", strategy);
    let _ = project.run(["run", "a.toml", "--no-report", "-j", "1", "--fault", "5"]).code(5);
    project
}

#[test]
fn a_plan_that_lost_its_last_lines_is_not_taken_for_whole() {
    let project = stopped();
    let run = project.newest();
    let plan = run.text("plan.jsonl");
    let kept: String = plan.split_inclusive('\n').take(90).collect();
    project.write("cut.jsonl", &kept);
    let _ =
        project.run(["run", "--plan", "cut.jsonl"]).code(2).stderr("has 88 of its 100 sessions");
    std::fs::write(run.path.join("plan.jsonl"), kept).unwrap();
    let outcome = project.run(["run", "--resume", "latest"]).code(74);
    let _ = outcome.stderr("plan.jsonl: is not what was written").stderr("start a new run");
    assert_eq!(run.json()["status"], "incomplete");
    std::fs::write(run.path.join("plan.jsonl"), plan).unwrap();
    let _ = project.run(["run", "--resume", "latest", "--no-report"]).code(3);
    assert_eq!((run.count("completed"), run.count("failed")), (99, 1));
}

#[test]
fn a_run_that_goes_on_has_no_report_of_before() {
    let project = stopped();
    let run = project.newest();
    let _ = project.run(["report", "latest"]).success();
    assert!(run.path.join("report.html").exists() && run.path.join("report.md").exists());
    let _ = project.run(["run", "--resume", "latest", "--no-report"]).code(3);
    assert!(!run.path.join("report.html").exists() && !run.path.join("report.md").exists());
}

#[test]
fn a_run_whose_data_lost_a_column_does_not_go_on_without_its_sessions() {
    let project = stopped();
    let run = project.newest();
    let _ = project.run(["plan", "a.toml", "--out", "plan.jsonl"]).success();
    let before = run.json();
    project.write("data/x.csv", bars(120));
    for command in [["run", "--resume", "latest"], ["run", "--plan", "plan.jsonl"]] {
        let outcome = project.run(command).code(2).stderr("unknown name `mood`");
        let _ = outcome.stderr("start a new run");
    }
    assert_eq!((run.json(), project.runs().len()), (before, 1));
    assert!(!run.path.join("results.csv").exists());
}

#[test]
fn a_run_that_was_killed_while_it_took_rows_over_says_how_many_came() {
    let project = Project::new().bars(120).manifest("a.toml", &sweep("grid", 24, 50));
    for _ in 0..2 {
        let _ = project.run(["run", "a.toml", "--no-report"]).success();
    }
    let run = project.newest();
    assert_eq!((run.count("cached"), run.batches()), (1_200, 2));
    for name in ["rows/000002.parquet", "results.parquet", "results.csv"] {
        std::fs::remove_file(run.path.join(name)).unwrap();
    }
    let begun =
        run.text("run.json").replace("\"status\": \"completed\"", "\"status\": \"running\"");
    std::fs::write(run.path.join("run.json"), begun).unwrap();
    let _ = project.run(["run", "--resume", "latest", "--no-report"]).success();
    assert_eq!((run.count("completed"), run.count("cached")), (1_200, BATCH));
    assert_eq!(run.json()["cached_from"][0]["rows"], BATCH);
}
