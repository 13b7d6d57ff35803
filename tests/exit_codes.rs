//! Each exit code has one meaning; 129, 130 and 143 are with the signals.

use crate::project::{Project, session, sweep};
use std::fs::{self, File};

fn project() -> Project {
    Project::new().bars(120).manifest("a.toml", &[session("one"), session("two")].concat())
}

#[test]
fn zero_is_for_sessions_that_ran_and_for_cached_ones() {
    let project = project();
    let _ = project.run(["run", "a.toml"]).success();
    let _ = project.run(["run", "a.toml"]).success().stderr("2 cached");
    assert_eq!(project.newest().json()["exit_code"], 0);
}

#[test]
fn two_is_for_usage_and_nothing_runs() {
    let project = project();
    for arguments in [
        &["run"][..],
        &["run", "none.toml"],
        &["run", "a.toml", "--bogus"],
        &["run", "a.toml", "-j", "many"],
        &["run", "a.toml", "--now", "soon"],
        &["run", "a.toml", "--profile", "none"],
        &["run", "--resume", "latest"],
        &["run", "a.toml", "--resume", "latest"],
        &["plan"],
        &["report", "latest"],
        &["runs", "show", "none"],
        &["sessions", "show", "none"],
        &["strategies", "show", "none"],
        &["indicators", "none"],
        &["frobnicate"],
        &[],
    ] {
        let outcome = project.run(arguments).code(2);
        assert_eq!(outcome.stdout, "", "{arguments:?}");
        assert!(!outcome.stderr.is_empty(), "{arguments:?}");
    }
    assert!(!project.path("output").exists());
}

#[test]
fn three_is_for_a_session_that_failed_while_the_others_went_on() {
    let project = project();
    let _ = project.run(["run", "a.toml", "--fault", "0"]).code(3);
    assert_eq!(project.newest().json()["exit_code"], 3);
    assert_eq!(project.newest().result("two")["status"], "completed");
}

#[test]
fn four_is_for_nothing_selected() {
    let project = project();
    for command in ["run", "plan"] {
        let _ = project.run([command, "a.toml", "--session", "none-*"]).code(4);
        let _ = project.run([command, "a.toml", "--tag", "none"]).code(4);
    }
    assert!(!project.path("output").exists());
    for list in ["sessions", "runs"] {
        let _ = project.run([list, "list"]).code(4);
    }
}

#[test]
fn five_is_for_a_run_that_stopped_early() {
    let project = Project::new()
        .bars(120)
        .manifest("a.toml", &["\n[run]\nfail_fast = true\n", &sweep("grid", 20, 10)].concat());
    let outcome = project.run(["run", "a.toml", "-j", "1", "--fault", "50"]).code(5);
    let run = project.newest();
    assert_eq!((run.json()["status"].as_str(), run.count("failed")), (Some("incomplete"), 1));
    assert_eq!(run.json()["exit_code"], 5);
    let ended = run.count("completed") + 1;
    assert!(ended < 200);
    assert!(outcome.stderr.contains(&format!("stopped: {} of 200", 200 - ended)));
    let shown = project.run(["runs", "show", "latest"]).success();
    let shown = shown.stderr("the run is incomplete: its results are written when all");
    assert!(!shown.stderr.contains("warning"), "{}", shown.stderr);
    let _ = outcome.stderr("grid[fast=6,slow=51]: failed: a fault was asked for");
    // A later run does not hide it.
    let _ = project.run(["run", "a.toml", "--limit", "3", "--no-report"]).success();
    let resumed = project.run(["run", "--resume", "latest", "--no-report"]).success();
    let _ = resumed.stderr(&format!("{} was stopped: `papertape run --resume", run.id()));
    fs::remove_dir_all(project.newest().path).unwrap();
    // Nothing else fails, so whoever goes on comes to the end.
    let _ = project.run(["run", "--resume", "latest"]).code(3);
    assert_eq!(run.count("completed"), 199);
}

#[test]
fn seventy_four_is_for_an_output_that_is_a_file() {
    let project = project().file("output", "");
    let outcome = project.run(["run", "a.toml"]).code(74).stderr("error: ");
    let path = project.path("output").display().to_string();
    assert!(outcome.stderr.contains(&path), "{}", outcome.stderr);
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn seventy_four_is_for_an_output_that_cannot_be_written() {
    let project = project();
    let output = project.path("output");
    fs::create_dir(&output).unwrap();
    let writable = fs::metadata(&output).unwrap().permissions();
    let mut permissions = writable.clone();
    permissions.set_readonly(true);
    fs::set_permissions(&output, permissions).unwrap();
    if File::create(output.join("probe")).is_ok() {
        println!("skipped: whoever runs this may write everywhere");
        return;
    }
    let _ = project.run(["run", "a.toml"]).code(74).stderr("output");
    fs::set_permissions(&output, writable).unwrap();
    let _ = project.run(["run", "a.toml"]).success();
}

#[test]
fn seventy_four_is_for_a_registry_that_cannot_be_written_and_the_results_are_complete() {
    let undisturbed = project();
    let _ = undisturbed.run(["run", "a.toml"]).success();
    let project = project().file("output/records", "");
    let outcome = project.run(["run", "a.toml"]).code(74);
    let outcome = outcome.stderr("the results are complete, but not in the registry: ");
    assert!(outcome.stderr.contains("report.html") && outcome.stdout.contains("two"));
    let run = project.newest();
    assert_eq!(run.json()["exit_code"], 74);
    crate::project::assert_same(&undisturbed.newest().reproducible(), &run.reproducible());
    // Whoever makes room for the registry gets what it lacks.
    fs::remove_file(project.path("output/records")).unwrap();
    let _ = project.run(["run", "--resume", "latest"]).success();
    assert_eq!(project.records().len(), undisturbed.records().len());
    assert_eq!(run.json()["exit_code"], 0);
    let _ = project.run(["run", "--resume", "latest"]).success().stderr("nothing is missing");
}

#[test]
fn seventy_four_is_for_a_report_that_cannot_be_written_and_the_run_says_so_too() {
    let project = project().file("output/index.html/in-the-way", "");
    let _ = project.run(["run", "a.toml"]).code(74).stderr("not their report: ");
    assert_eq!(project.newest().json()["exit_code"], 74);
    // Its results are complete, whatever became of its data since.
    project.write("data/x.csv", crate::project::bars(130));
    let _ = project.run(["run", "--resume", "latest"]).success().stderr("nothing is missing");
}

#[test]
fn seventy_four_is_for_a_plan_that_cannot_be_written() {
    let project = project();
    let path = project.path("nowhere/plan.jsonl");
    let outcome =
        project.run(["plan".as_ref(), "a.toml".as_ref(), "--out".as_ref(), path.as_os_str()]);
    let _ = outcome.code(74).stderr("nowhere/plan.jsonl: cannot be written");
}

#[test]
fn seventy_five_is_for_a_run_that_somebody_else_holds() {
    let project = Project::new()
        .bars(120)
        .manifest("a.toml", &["\n[run]\nfail_fast = true\n", &sweep("grid", 20, 10)].concat());
    let _ = project.run(["run", "a.toml", "-j", "1", "--fault", "0"]).code(5);
    let run = project.newest();
    let lock = File::open(run.path.join("lock")).unwrap();
    lock.try_lock().unwrap();
    let before = run.json();
    let _ = project
        .run(["run", "--resume", "latest"])
        .code(75)
        .stderr(&format!("{}/lock", run.path.display()))
        .stderr("papertape run a.toml");
    let _ = project.run(["run", "--resume", "latest", "--lock", "wait=100ms"]).code(75);
    let _ = project.run(["run", "--resume", "latest", "--lock", "skip"]).success();
    assert_eq!(run.json(), before);
    // A run of its own needs no lock of another.
    let _ = project.run(["run", "a.toml", "--no-cache"]).success();

    let mut patient = project.spawn(["run", "--resume", &run.id(), "--lock", "wait"]);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(patient.is_running());
    drop(lock);
    let _ = patient.end().code(3);
    assert_eq!(run.count("completed"), 199);
}

#[test]
fn help_and_version_are_no_mistakes() {
    let project = Project::new();
    let _ = project.run(["--version"]).success().stdout(env!("CARGO_PKG_VERSION"));
    for command in [&["--help"][..], &["run", "--help"], &["sessions", "list", "--help"]] {
        let outcome = project.run(command).success().stdout("Example");
        assert_eq!(outcome.stderr, "");
    }
}

#[test]
fn two_is_for_a_plan_over_its_budget() {
    let budget = |key: &str| {
        let run = ["\n[run]\n", key, "\n"].concat();
        let project =
            Project::new().bars(300).manifest("a.toml", &[run, sweep("grid", 20, 10)].concat());
        project.run(["run", "a.toml"])
    };
    let _ =
        budget("max_time = \"1ms\"").code(2).stderr("`run.max_time` is 0.0 s; take sessions away");
    let _ = budget("max_memory = \"1MB\"")
        .code(2)
        .stderr("`run.max_memory` is 1 MB; take sessions away");
    let _ = budget("max_time = \"1h\"\nmax_memory = \"100GB\"").success();
    // Nor is it written down for later.
    let run = "\n[run]\nmax_time = \"1ms\"\n".to_owned();
    let project =
        Project::new().bars(300).manifest("a.toml", &[run, sweep("grid", 20, 10)].concat());
    let _ = project.run(["plan", "a.toml", "--out", "plan.jsonl"]).code(2).stderr("`run.max_time`");
    assert!(!project.path("plan.jsonl").exists());
}

#[test]
fn seventy_is_for_a_bug_and_says_so() {
    // Asking for the panic of a session that is not planned is one.
    let outcome = project().run(["run", "a.toml", "--fault", "99"]).code(70);
    assert_eq!(
        outcome.stderr,
        "error: this is a bug in papertape: the session that is to panic is planned\n"
    );
}
