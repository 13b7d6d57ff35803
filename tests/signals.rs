//! Ctrl-C and SIGTERM: once finishes what is running and says how to go on, twice stops at once.

use crate::project::{Project, Run, Running, assert_same, session, sweep};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

fn project() -> Project {
    Project::new().bars(1_500).manifest("a.toml", &sweep("grid", 44, 50))
}

/// A run that nobody interrupted.
static UNDISTURBED: LazyLock<Project> = LazyLock::new(|| {
    let project = project();
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    project
});

/// A run that has written its first rows, and has more to run than whoever signals needs to notice.
fn half_way(project: &Project) -> (Running, Run) {
    let mut running = project.spawn(["run", "a.toml", "--no-report", "-j", "1"]);
    running.wait_until(|| project.runs().first().is_some_and(|run| run.batches() > 0));
    (running, project.newest())
}

/// Interrupt a run once with `signal`, then go on with it.
fn once(signal: &str, code: i32) {
    let project = project();
    let (mut running, run) = half_way(&project);
    running.signal(signal);
    let outcome = running.end().code(code);
    let json = run.json();
    assert_eq!(json["status"], "incomplete");
    assert!(json["finished"].is_string());
    let completed = run.count("completed");
    assert!(completed < 2_200 && completed == run.session_ends().len() as u64);
    let missing = 2_200 - completed;
    let remedy = format!(
        "stopped: {missing} of 2200 sessions are missing; go on with `papertape run --resume {}`",
        run.id()
    );
    let outcome = outcome.stderr(&remedy);
    assert_eq!(outcome.stdout, "");
    assert_eq!(project.records().len(), 0, "what has not ended has no record");

    let _ = project.run(["run", "--resume", &run.id(), "--no-report"]).success();
    assert_eq!(run.json()["status"], "completed");
    assert_eq!(run.session_ends().len(), 2_200, "nothing ran twice");
    assert_same(&UNDISTURBED.newest().reproducible(), &run.reproducible());
}

#[test]
fn ctrl_c_once_leaves_a_run_that_goes_on() {
    once("INT", 130);
}

#[test]
fn sigterm_once_leaves_a_run_that_goes_on() {
    once("TERM", 143);
}

#[test]
fn ctrl_c_while_the_best_run_again_leaves_what_they_leave() {
    let manifest = format!("\n[run]\nkeep = \"top:400\"\n{}", sweep("grid", 20, 25));
    let project = || Project::new().bars(1_500).manifest("a.toml", &manifest);
    let (calm, project) = (project(), project());
    let _ = calm.run(["run", "a.toml", "--no-report"]).success();
    let kept = |project: &Project| {
        let sessions = project.newest().path.join("sessions");
        std::fs::read_dir(sessions).map_or(0, Iterator::count)
    };
    assert_eq!(kept(&calm), 400);

    let mut running = project.spawn(["run", "a.toml", "--no-report"]);
    running.wait_until(|| !project.runs().is_empty() && kept(&project) > 0);
    running.signal("INT");
    let run = project.newest();
    let remedy = format!(
        "stopped: 500 sessions ended, details of the best are missing; go on with `papertape run --resume {}`",
        run.id()
    );
    let _ = running.end().code(130).stderr(&remedy);
    assert!((1..400).contains(&kept(&project)), "{}", kept(&project));
    assert_eq!(
        (run.json()["status"].as_str(), run.session_ends().len()),
        (Some("incomplete"), 500)
    );

    let _ = project.run(["run", "--resume", &run.id(), "--no-report"]).success();
    assert_eq!(kept(&project), 400);
    assert_eq!(run.session_ends().len(), 500, "nothing ran twice");
    assert_same(&calm.newest().reproducible(), &run.reproducible());
}

#[test]
fn a_signal_while_nothing_runs_yet_stops_at_once() {
    // Half a minute of rules to ask, of which nobody needs to wait for the end.
    let axis = |path: &str| format!("\"{path}\" = {{ from = 0.001, to = 0.46, step = 0.001 }}");
    let axes = ["risk.stop_loss", "risk.take_profit", "risk.trailing_stop"].map(axis).join("\n");
    let rule = "risk.stop_loss + risk.take_profit + risk.trailing_stop > 9";
    let sweep = format!(
        "\n[session.grid.sweep]\nwhere = [\"{rule}\"]\n[session.grid.sweep.axes]\n{axes}\n"
    );
    let manifest = session("grid") + &sweep;
    let project = Project::new().bars(120).manifest("a.toml", &manifest);
    let mut running = project.spawn(["run", "a.toml"]);
    // It listens as soon as the kernel says that it catches the signal, which is the second one.
    let status = format!("/proc/{}/status", running.child().id());
    running.wait_until(|| {
        let Ok(text) = std::fs::read_to_string(&status) else { return true };
        let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        caught.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 2 == 2)
    });
    running.signal("INT");
    let began = Instant::now();
    let _ = running.end().code(130).stderr("stopped before anything ran");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[test]
fn the_second_signal_stops_at_once() {
    for (second, code) in [("INT", 130), ("TERM", 143)] {
        let project = Project::new().bars(20_000).manifest("a.toml", &slow());
        // Its days reach beyond today, and what is not over yet is left out.
        let mut running = project.spawn(["run", "a.toml", "-j", "1", "--now", "2100-01-01"]);
        // Nothing but the first of its phases says that its sessions are being run.
        running.wait_until(|| {
            let journal = project.runs().first().map(|run| run.path.join("events.jsonl"));
            let told = journal.and_then(|path| std::fs::read_to_string(path).ok());
            told.is_some_and(|told| told.contains(r#""phase":"sessions""#))
        });
        std::thread::sleep(Duration::from_millis(100));
        running.signal("INT");
        std::thread::sleep(Duration::from_millis(50));
        assert!(running.is_running(), "the first signal waits for what is running");
        let began = Instant::now();
        running.signal(second);
        let outcome = running.end().code(code);
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        assert!(!outcome.stderr.contains("stopped:"), "{}", outcome.stderr);
        let told = "stopped at once by a second signal; a run that had begun goes on with";
        let _ = outcome.stderr(told);
        assert_eq!(project.newest().json()["status"], "running");
    }
}

/// One session that takes many seconds: ranks in long windows take their time.
fn slow() -> String {
    let ranks = (0..40).map(|rank| format!("rank_pct(close, {}) > 0.5", 10_000 + rank));
    format!(
        "
[session.slow]
data = {{ path = \"data/x.csv\", timeframe = \"1d\" }}

[session.slow.strategy.rules]
enter_long = \"{}\"
",
        ranks.collect::<Vec<_>>().join(" and ")
    )
}

#[test]
fn the_remedy_works_wherever_the_results_are() {
    let elsewhere = Project::new().bars(120).manifest(
        "a.toml",
        &["\n[run]\noutput = \"results\"\nfail_fast = true\n", &sweep("grid", 20, 10)].concat(),
    );
    let here = Project::new()
        .bars(120)
        .manifest("a.toml", &["\n[run]\nfail_fast = true\n", &sweep("grid", 20, 10)].concat());
    for (project, arguments) in [
        (&here, &["run", "a.toml"][..]),
        (&here, &["run", "a.toml", "--output", "other"]),
        (&elsewhere, &["run", "a.toml"]),
    ] {
        let stopped = project.run([arguments, &["-j", "1", "--fault", "50"]].concat()).code(5);
        let remedy = stopped.stderr.split("go on with `papertape ").nth(1).unwrap();
        let words: Vec<&str> = remedy.split('`').next().unwrap().split(' ').collect();
        let _ = project.run(words).code(3).stderr("199 completed");
    }
}

#[test]
fn an_interrupted_run_is_no_bar_to_the_next_one() {
    let project = project();
    let (mut running, _) = half_way(&project);
    running.signal("INT");
    let _ = running.end().code(130);
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    let runs = project.runs();
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[0].json()["status"], "completed");
    assert_eq!(runs[1].json()["status"], "incomplete");
}
