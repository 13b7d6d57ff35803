//! `papertape runs prune`: what goes, what stays, and what can be read afterwards.

use crate::project::{Project, session};

/// Three runs, of which the middle one failed; ids, the newest first.
fn three() -> (Project, Vec<String>) {
    let project = Project::new().bars(120).manifest("a.toml", &session("one"));
    let _ = project.run(["run", "a.toml", "-q", "--no-report"]).success();
    let _ =
        project.run(["run", "a.toml", "-q", "--no-report", "--no-cache", "--fault", "0"]).code(3);
    let _ = project.run(["run", "a.toml", "-q", "--no-report"]).success();
    let ids = ids(&project);
    (project, ids)
}

fn ids(project: &Project) -> Vec<String> {
    let listed = project.run(["runs", "list", "--format", "csv"]);
    listed.rows().into_iter().map(|mut row| row.remove("id").unwrap()).collect()
}

#[test]
fn what_the_policy_says_goes_and_a_dry_run_touches_nothing() {
    let (project, all) = three();
    let prune = |more: &[&str]| project.run([&["runs", "prune"], more].concat());
    let _ = prune(&[]).code(2).stderr("--keep-last");
    let dry = prune(&["--keep-last", "1", "--dry-run"]).success().stdout(&all[1]).stdout(&all[2]);
    let _ = dry.stderr("2 runs would be removed");
    assert_eq!(ids(&project), all);
    let _ = prune(&["--older-than", "1h"]).success().stderr("0 runs removed");
    let _ = prune(&["--keep-last", "1", "--status", "failed"]).success().stderr("1 run removed");
    assert_eq!(ids(&project), [&all[0][..], &all[2][..]]);
    let _ = project.run(["runs", "note", &all[2], "keep this"]).success();
    let _ = prune(&["--keep-last", "0"]).success().stderr("1 run with a note kept");
    assert_eq!(ids(&project), [&all[2][..]]);
    let _ = prune(&["--keep-last", "0", "--noted", "-q"]).success().silent();
    assert!(ids(&project).is_empty());
    assert_eq!(project.records().len(), 2, "the registry keeps its records");
    let _ = project.run(["sessions", "list"]).success();
    let _ = project.run(["run", "a.toml", "-q"]).success();
}

#[test]
fn a_run_that_was_archived_is_shown_like_any_other() {
    let (project, all) = three();
    let shown = |which: &str| {
        let command = ["runs", "show", which, "--sessions", "--format", "json"];
        project.run(command).success().json()
    };
    let before = shown(&all[2]);
    let _ = project.run(["runs", "prune", "--keep-last", "1", "--archive", "old"]).success();
    let file = format!("old/{}.tar.gz", all[2]);
    assert_eq!(shown(&file), before);
    let of_archive = project.run(["runs", "show", &file]).success().stdout(&all[2]);
    let _ = of_archive.stdout("a.toml").stdout(&file);
    let bytes = std::fs::read(project.path(&file)).unwrap();
    project.write(&file, &bytes[..bytes.len() / 2]);
    let _ = project.run(["runs", "show", &file]).code(74).stderr("cannot be unpacked");
    let _ = project.run(["runs", "show", "old/none.tar.gz"]).code(74).stderr("old/none.tar.gz");
}

#[test]
fn messages_are_lines_of_json_where_that_is_asked_for() {
    let (project, _) = three();
    let outcome = project.run([
        "run",
        "a.toml",
        "--no-report",
        "--no-cache",
        "--log-format",
        "json",
        "--fault",
        "0",
    ]);
    let outcome = outcome.code(3);
    let lines: Vec<serde_json::Value> =
        outcome.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |level: &str| lines.iter().filter(|line| line["level"] == level).count();
    assert!(of("info") >= 2, "{}", outcome.stderr);
    let failed = lines.iter().find(|line| line["level"] == "error").unwrap();
    assert_eq!(failed["message"], "one: failed: a fault was asked for");
    assert!(lines.iter().all(|line| line["time"].as_str().unwrap().ends_with('Z')));
    let mistake = project.run(["run", "none.toml", "--log-format", "json"]).code(2);
    assert_eq!(mistake.stderr.lines().count(), 1);
}
