//! Data on standard output, words on standard error, and who listens to neither.

use crate::project::{Project, session, sweep};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

fn project() -> Project {
    Project::new().bars(120).manifest("a.toml", &[session("one"), sweep("grid", 20, 10)].concat())
}

/// Run papertape with a reader that closes the pipe after `lines` lines; its code and what it said.
fn cut_off(project: &Project, arguments: &[&str], lines: usize) -> (Option<i32>, String) {
    let mut command = project.command(arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..lines {
        assert_ne!(reader.read_line(&mut String::new()).unwrap(), 0);
    }
    drop(reader);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let project = project();
    let _ = project.run(["run", "a.toml"]).success();
    for arguments in [
        &["run", "a.toml"][..],
        &["run", "a.toml", "--format", "json"],
        &["plan", "a.toml"],
        &["indicators"],
        &["indicators", "--format", "json"],
        &["strategies", "list"],
        &["sessions", "list"],
        &["sessions", "summary"],
        &["runs", "list", "--format", "csv"],
        &["runs", "show", "latest"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
    ] {
        for lines in [0, 1] {
            let (code, said) = cut_off(&project, arguments, lines);
            assert_eq!(code, Some(0), "{arguments:?}: {said}");
            for word in ["panic", "error", "pipe"] {
                assert!(!said.contains(word), "{arguments:?}: {said}");
            }
        }
    }
}

#[test]
fn a_closed_pipe_harms_no_run() {
    let project = project();
    let (_, said) = cut_off(&project, &["run", "a.toml"], 0);
    assert!(!said.contains("panic"), "{said}");
    let run = project.newest();
    assert_eq!(run.json()["status"], "completed");
    assert!(run.path.join("report.html").exists());
    assert_eq!(project.records().len(), 2);
}

#[test]
fn a_closed_pipe_hides_no_failure() {
    let project = project();
    let (code, said) = cut_off(&project, &["run", "a.toml", "--fault", "0"], 0);
    assert!(said.contains("one: failed: a fault was asked for"), "{said}");
    assert_eq!(code, Some(3));
}

#[test]
fn quiet_says_nothing_when_all_is_well() {
    let project = project();
    let _ = project.run(["run", "a.toml", "--quiet"]).success().silent();
    let _ = project.run(["-q", "run", "a.toml"]).success().silent();
    assert!(project.newest().path.join("report.html").exists());
    let _ = project.run(["report", "latest", "-q"]).success().silent();
}

#[test]
fn quiet_says_what_is_wrong() {
    let project = project();
    let outcome = project.run(["run", "a.toml", "-q", "--fault", "0"]).code(3);
    assert_eq!(outcome.stdout, "");
    let _ = outcome.stderr("one: failed: a fault was asked for");
    let _ = project.run(["run", "none.toml", "-q"]).code(2).stderr("none.toml");
}

#[test]
fn what_is_no_terminal_gets_no_escape_codes() {
    let project = project();
    for project in [project, self::project().env("NO_COLOR", "1").env("TERM", "xterm-256color")] {
        for arguments in [
            &["run", "a.toml"][..],
            &["run", "a.toml", "--fault", "0", "--no-cache"],
            &["run", "none.toml"],
            &["run", "a.toml", "--set", "capitol=1"],
            &["plan", "a.toml"],
            &["sessions", "list"],
            &["sessions", "show", "latest"],
            &["runs", "show"],
            &["indicators"],
            &["strategies", "show", "sma-cross"],
            &["--help"],
            &["--bogus"],
        ] {
            let outcome = project.run(arguments);
            let both = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(!both.is_empty() && !both.contains('\u{1b}'), "{arguments:?}: {both}");
        }
    }
}

#[test]
fn every_format_is_what_it_says() {
    let project = project();
    let listed = |format: &str| project.run(["run", "a.toml", "--format", format]).success();
    let csv = listed("csv").rows();
    let json = listed("json").json();
    let rows = json.as_array().unwrap();
    assert_eq!(csv.len(), rows.len());
    assert_eq!(csv[0]["session"], rows[0]["session"].as_str().unwrap());
    assert_eq!(csv[0]["sharpe"].parse::<f64>().unwrap(), rows[0]["sharpe"].as_f64().unwrap());
    // People are shown the named session and the best ten of the sweep's 200 points.
    let markdown = listed("markdown");
    let lines = markdown.stdout.lines().filter(|line| line.starts_with('|')).count();
    assert_eq!((rows.len(), lines), (1 + 200, 1 + 10 + 2));
}
