//! `papertape events`: what journals hold, chosen by time, phase, type and level, and followed.

use crate::project::{Project, bars, session};
use serde_json::Value;

/// A run of two sessions, of which one fails.
fn ran() -> Project {
    let two = [&session("two"), "capital = 2000\n"].concat();
    let project = Project::new().bars(120).manifest("a.toml", &[session("one"), two].concat());
    let _ = project.run(["run", "a.toml", "--fault", "1", "--no-report"]).code(3);
    project
}

fn events(project: &Project, more: &[&str]) -> Vec<Value> {
    let command = [&["events"], more, &["--format", "json"]].concat();
    project.run(command).success().json().as_array().unwrap().clone()
}

#[test]
fn every_line_of_a_run_fits_the_schema_and_tells_its_story() {
    let project = ran();
    let schema = project.run(["schema", "event"]).success().json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let all = events(&project, &[]);
    assert!(all.iter().all(|event| validator.is_valid(event)));
    let told: Vec<(&str, &str)> = all
        .iter()
        .map(|event| (event["type"].as_str().unwrap(), event["phase"].as_str().unwrap_or("")))
        .filter(|(_, phase)| ["", "plan", "sessions", "results"].contains(phase))
        .filter(|(kind, _)| *kind != "checkpoint")
        .collect();
    let story = [
        ("runner_start", ""),
        ("phase_end", "plan"),
        ("check", "plan"),
        ("phase_start", "sessions"),
        ("phase_end", "sessions"),
        ("phase_start", "results"),
        ("phase_end", "results"),
        ("runner_end", ""),
    ];
    assert_eq!(told, story);
    assert_eq!(all.last().unwrap()["metrics"]["failed"], 1);
}

#[test]
fn events_are_chosen_by_time_phase_type_level_and_session() {
    let project = ran();
    let all = events(&project, &[]);
    let count = |more: &[&str]| events(&project, more).len();
    assert_eq!(count(&["latest", "--type", "error"]), 1);
    assert_eq!(count(&["--level", "error"]), 1);
    assert_eq!(count(&["--phase", "plan", "--phase", "results"]), 4);
    assert_eq!(count(&["--type", "runner_start", "--type", "runner_end"]), 2);
    assert_eq!(count(&["--session", "two"]), 1);
    assert_eq!(events(&project, &["--last", "2"]), all[all.len() - 2..]);
    assert_eq!(count(&["--since", "1h"]), all.len());
    assert_eq!(count(&["--until", "1h"]), 0);
    let moment = all[2]["time"].as_str().unwrap();
    assert_eq!(count(&["--since", moment]) + count(&["--until", moment]), all.len());
    let _ = project.run(["events", "--type", "gossip"]).code(2).stderr("possible values");
    let _ = project.run(["events", "nothing"]).code(2).stderr("there is no run `nothing`");
    let _ = project.run(["events", "--level", "error"]).success().stdout("a fault was asked for");
}

#[test]
fn the_events_of_a_session_are_those_of_its_bars() {
    let project = ran();
    let schema = project.run(["schema", "event"]).success().json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let bars = events(&project, &["one"]);
    assert!(bars.iter().all(|event| validator.is_valid(event) && event["session"] == "one"));
    let fills = events(&project, &["one", "--type", "fill", "--last", "1"]);
    assert!(
        fills[0]["metrics"]["price"].is_number() && fills[0]["time"].as_str() < Some("2020-05")
    );
    let _ = project.run(["events", "one", "--follow"]).code(2).stderr("nothing to follow");
}

#[test]
fn a_run_is_followed_to_its_end() {
    let many = crate::project::sweep("many", 20, 30);
    let project = Project::new().file("data/x.csv", bars(400)).manifest("a.toml", &many);
    let mut running = project.spawn(["run", "a.toml", "--no-report"]);
    running.wait_until(|| !project.runs().is_empty());
    let followed = project.run(["events", "--follow", "--format", "json"]).success();
    let _ = running.end().success();
    let lines: Vec<Value> =
        followed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, events(&project, &[]));
    let _ =
        project.run(["events", "--follow", "--last", "1"]).success().stdout("runner_end the run");
}
