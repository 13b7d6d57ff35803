//! What did not change is not run again, and what did change is.

use crate::project::{Files, Project, Row, Run, assert_same, bars, tree};
use std::fs::File;
use std::time::{Duration, SystemTime};

const STRATEGY: &str = r#"description = "Above its average"

[params.length]
type = "int"
min = 1
default = 20

[let]
average = "sma(close, length)"

[rules]
enter_long = "close > average"
exit_long = "close < average"
"#;

const FIRST: &str = r#"
[session.first]
description = "one"
tags = ["a"]
strategy = "own"
data = { path = "data/x.csv", timeframe = "1d" }
range = { from = 2020-02-01, to = 2020-08-31 }
params = { length = 40 }
costs = { commission = { rate = 0.001 } }
"#;

const GRID: &str = r#"
[session.grid]
strategy = "own"
data = { path = "data/x.csv", timeframe = "1d" }
range = { from = 2020-02-01, to = 2020-08-31 }
costs = { commission = { rate = 0.001 } }

[session.grid.sweep.axes]
"params.length" = { from = 2, to = 30, step = 1 }
"#;

/// Every session of the manifest.
const ALL: u64 = 30;

/// A project that has run once.
fn project() -> (Project, Run) {
    let project = Project::new()
        .bars(300)
        .file("templates/strategies/own.toml", STRATEGY)
        .manifest("a.toml", &[FIRST, GRID].concat());
    let run = run(&project);
    assert_eq!((run.count("completed"), run.count("cached")), (ALL, 0));
    (project, run)
}

fn run(project: &Project) -> Run {
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    project.newest()
}

/// What a run measured and kept, by identity: whatever is not a name.
fn substance(run: &Run) -> (Vec<Row>, Files) {
    let mut rows = run.results();
    for row in &mut rows {
        for name in ["index", "key", "session"] {
            row.remove(name).unwrap();
        }
    }
    rows.sort_by_key(|row| row["identity"].clone());
    let kept = tree(&run.path.join("sessions"));
    let nameless = |path: String| path[path.find('/').unwrap() - 16..].to_owned();
    (rows, kept.into_iter().map(|(path, bytes)| (nameless(path), bytes)).collect())
}

/// Run once more: nothing is run again, and everything is as it was.
#[track_caller]
fn all_is_cached(project: &Project, first: &Run) -> Run {
    let again = run(project);
    assert_eq!((again.count("completed"), again.count("cached")), (ALL, ALL));
    assert!(again.session_ends().is_empty());
    assert_eq!(again.json()["cached_from"][0]["rows"], ALL);
    let ((rows, kept), (rows_again, kept_again)) = (substance(first), substance(&again));
    assert_eq!(rows, rows_again);
    assert_same(&kept, &kept_again);
    assert!(kept.len() > 20);
    again
}

/// Run once more: everything is run again.
#[track_caller]
fn nothing_is_cached(project: &Project) -> Run {
    let again = run(project);
    assert_eq!((again.count("completed"), again.count("cached")), (ALL, 0));
    assert_eq!(again.session_ends().len() as u64, ALL);
    again
}

#[test]
fn nothing_changed_and_the_bytes_are_those_of_the_first_run() {
    let (project, first) = project();
    let again = all_is_cached(&project, &first);
    assert_same(&first.reproducible(), &again.reproducible());
    assert_eq!(again.json()["cached_from"][0]["run"], first.id());
}

#[test]
fn the_plan_says_what_is_cached() {
    let (project, _) = project();
    let _ = project.run(["plan", "a.toml"]).success().stderr("30 sessions, 30 cached");
    project.edit("templates/strategies/own.toml", "close < average", "close <= average");
    let _ = project.run(["plan", "a.toml"]).success().stderr("30 sessions, 0 cached");
}

#[test]
fn a_file_that_was_touched_or_moved_is_the_same_data() {
    let (project, first) = project();
    let file = File::options().append(true).open(project.path("data/x.csv")).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(3600)).unwrap();
    all_is_cached(&project, &first);

    std::fs::create_dir(project.path("data/old")).unwrap();
    std::fs::rename(project.path("data/x.csv"), project.path("data/old/x.csv")).unwrap();
    let moved = [FIRST, GRID].concat().replace("data/x.csv", "data/old/x.csv");
    project.write_manifest("a.toml", &moved);
    all_is_cached(&project, &first);
}

#[test]
fn a_renamed_file_that_says_its_symbol_is_the_same_data() {
    let with_symbol: String = bars(300)
        .lines()
        .enumerate()
        .map(|(line, text)| format!("{text},{}\n", if line == 0 { "symbol" } else { "X" }))
        .collect();
    let project = Project::new()
        .file("data/x.csv", &with_symbol)
        .file("templates/strategies/own.toml", STRATEGY)
        .manifest("a.toml", &[FIRST, GRID].concat());
    let first = run(&project);
    std::fs::rename(project.path("data/x.csv"), project.path("data/other.csv")).unwrap();
    let moved = [FIRST, GRID].concat().replace("data/x.csv", "data/other.csv");
    project.write_manifest("a.toml", &moved);
    all_is_cached(&project, &first);
}

#[test]
fn order_tags_descriptions_and_names_are_no_part_of_a_session() {
    let (project, first) = project();
    project.write_manifest("a.toml", &[GRID, FIRST].concat());
    let again = all_is_cached(&project, &first);
    assert_eq!(again.results()[0]["session"], "grid", "the order is that of the manifest");

    let labelled = FIRST
        .replace("tags = [\"a\"]", "tags = [\"b\", \"c\"]\nnotes = \"a note\"\nenv = \"ci\"")
        .replace("\"one\"", "\"another one\"");
    project.write_manifest("a.toml", &[&labelled, GRID].concat());
    all_is_cached(&project, &first);

    let renamed = [FIRST, GRID].concat().replace("session.", "session.a-");
    project.write_manifest("a.toml", &renamed);
    let again = all_is_cached(&project, &first);
    assert_eq!(again.results()[0]["key"], "a-first");
}

#[test]
fn white_space_and_comments_are_no_part_of_a_strategy() {
    let (project, first) = project();
    let spaced = STRATEGY
        .replace("\"close > average\"", "  \"close   >(average)\"  # above")
        .replace("[let]", "# The mean.\n\n[let]");
    project.write("templates/strategies/own.toml", spaced);
    all_is_cached(&project, &first);
}

#[test]
fn a_row_after_the_range_changes_nothing() {
    let (project, first) = project();
    let rows = bars(300);
    let last = rows.lines().last().unwrap();
    project.edit("data/x.csv", last, &last.replacen(",1299", ",1298", 1));
    all_is_cached(&project, &first);
    project.write("data/x.csv", bars(301));
    all_is_cached(&project, &first);
}

#[test]
fn one_digit_inside_the_range_or_before_it_changes_everything() {
    let (project, first) = project();
    // The volume tells the day: the 100th is inside the range, the 10th is seen by the rules.
    for (volume, other) in [(",1100\n", ",1101\n"), (",1010\n", ",1011\n")] {
        project.edit("data/x.csv", volume, other);
        nothing_is_cached(&project);
        project.write("data/x.csv", bars(300));
        all_is_cached(&project, &first);
    }
}

#[test]
fn one_rule_or_one_cost_changes_everything() {
    let (project, first) = project();
    project.edit("templates/strategies/own.toml", "close < average", "close <= average");
    nothing_is_cached(&project);
    project.write("templates/strategies/own.toml", STRATEGY);
    all_is_cached(&project, &first);
    let dearer = [FIRST, GRID].concat().replace("rate = 0.001", "rate = 0.0011");
    project.write_manifest("a.toml", &dearer);
    nothing_is_cached(&project);
}

#[test]
fn only_the_session_that_changed_is_run_again() {
    let (project, _) = project();
    project.write_manifest("a.toml", &[&FIRST.replace("0.001", "0.002"), GRID].concat());
    let again = run(&project);
    assert_eq!((again.count("completed"), again.count("cached")), (ALL, ALL - 1));
    let ends = again.session_ends();
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0]["session"], "first");
}

#[test]
fn without_the_cache_everything_is_run_again_with_the_same_bytes() {
    let (project, first) = project();
    let _ = project.run(["run", "a.toml", "--no-cache", "--no-report"]).success();
    let again = project.newest();
    assert_eq!(again.count("cached"), 0);
    assert_same(&first.reproducible(), &again.reproducible());
}

#[test]
fn what_is_run_again_for_its_details_is_not_counted_as_cached() {
    let (project, first) = project();
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    project.write_manifest("a.toml", &["\n[run]\nkeep = \"all\"\n", FIRST, GRID].concat());
    let again = run(&project);
    let ran = again.session_ends().len() as u64;
    assert_eq!(ran, ALL - 21, "the best twenty and the named one were kept before");
    assert_eq!(again.count("cached"), ALL - ran);
    assert_eq!(again.file("results.csv"), first.file("results.csv"));
}

#[test]
fn details_that_were_cut_are_not_handed_on_as_whole() {
    for name in ["result.json", "trades.csv", "equity.parquet"] {
        let (project, first) = project();
        let kept = tree(&first.path.join("sessions"));
        let (path, bytes) = kept
            .iter()
            .find(|(path, _)| path.starts_with("first-") && path.ends_with(name))
            .unwrap();
        std::fs::write(first.path.join("sessions").join(path), &bytes[..bytes.len() / 2]).unwrap();
        let outcome = project.run(["run", "a.toml", "--no-report"]).success();
        let _ = outcome.stderr(&format!("{name}: is not whole")).stderr("session first runs again");
        let again = project.newest();
        assert_eq!((again.count("completed"), again.count("cached")), (ALL, ALL - 1));
        assert_same(&kept, &tree(&again.path.join("sessions")));
    }
}

#[test]
fn settings_that_are_written_in_another_way_are_kept_as_they_are_written_now() {
    let (project, _) = project();
    project.edit(
        "a.toml",
        "params = { length = 40 }",
        "params = { length = 40 }\ncapital = 10_000",
    );
    let cached = run(&project);
    assert_eq!(cached.count("cached"), ALL);
    let _ = project.run(["run", "a.toml", "--no-cache", "--no-report"]).success();
    assert_same(&project.newest().reproducible(), &cached.reproducible());
}

#[test]
fn a_manifest_without_a_cache_has_none_when_its_plan_was_written_before() {
    let (project, _) = project();
    project.write_manifest("a.toml", &["\n[run]\ncache = false\n", FIRST, GRID].concat());
    let _ = project.run(["plan", "a.toml", "--out", "plan.jsonl"]).success();
    let _ = project.run(["run", "--plan", "plan.jsonl", "--no-report"]).success();
    assert_eq!(project.newest().count("cached"), 0);
}
