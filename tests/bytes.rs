//! The same manifest, data and version leave the same bytes, whoever runs it, where and how.

use crate::project::{Project, Run, assert_same, session, sweep};

/// Sessions of every sort: named, swept, on one account with several symbols, failing.
fn project(directory: &str) -> Project {
    let portfolio = "
[session.portfolio]
strategy = \"donchian-breakout\"
template = \"us-equity-daily\"
symbols = [\"IBM\", \"MSFT\"]
range = { from = 2004, to = 2012 }
sizing = { equity = 0.4 }
risk = { stop_loss = 0.1 }
";
    let broken = "
[session.broken]
strategy = \"sma-cross\"
data = { path = \"data/none.csv\" }
";
    Project::named(directory).bars(300).data("us-equities-daily.csv").manifest(
        "a.toml",
        &[&session("named"), portfolio, broken, &sweep("grid", 20, 10)].concat(),
    )
}

/// Run everything, as `arguments` say.
fn run(project: &Project, arguments: &[&str]) -> Run {
    let _ = project.run([&["run", "a.toml", "--no-cache"], arguments].concat()).code(3);
    let run = project.newest();
    assert_eq!((run.count("completed"), run.count("refused")), (202, 1));
    run
}

#[test]
fn any_number_of_threads_leaves_the_same_bytes() {
    let project = project("project");
    let one = run(&project, &["-j", "1"]).reproducible();
    assert!(one.len() > 2 + 22, "{} files", one.len());
    assert_same(&one, &run(&project, &["-j", "2"]).reproducible());
    assert_same(&one, &run(&project, &["-j", "7"]).reproducible());
}

#[test]
fn another_place_and_another_clock_leave_the_same_bytes() {
    let here = project("project").env("TZ", "UTC");
    let there = project("an other/проект").env("TZ", "Pacific/Kiritimati");
    assert_same(&run(&here, &[]).reproducible(), &run(&there, &[]).reproducible());
}

#[test]
fn the_threads_of_polars_change_nothing() {
    let normal = project("project");
    let single = project("project").env("POLARS_MAX_THREADS", "1");
    let normal = run(&normal, &["-j", "2"]).reproducible();
    assert_same(&normal, &run(&single, &["-j", "2"]).reproducible());
}

#[test]
fn results_and_session_files_hold_no_time_host_path_or_run() {
    let project = project("a-telling-name");
    let run = run(&project, &[]);
    let host = run.json()["host"].as_str().unwrap().to_owned();
    let day = run.id()[..8].to_owned();
    let stamp = format!("{}-{}-{}T", &day[..4], &day[4..6], &day[6..]);
    for (name, bytes) in run.reproducible() {
        let text = String::from_utf8_lossy(&bytes);
        for told in [&run.id(), "a-telling-name", stamp.as_str()] {
            assert!(!text.contains(told), "{name} holds `{told}`");
        }
        // A short name of a host can be a part of any word.
        assert!(host.len() < 6 || !text.contains(&host), "{name} holds the host");
    }
}
