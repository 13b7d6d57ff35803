//! Paper accounts by the night: fed in pieces, refused, killed, and still the same account.

use crate::dying::leave;
use crate::project::{Files, Project, assert_same, bars, tree};
use std::fs;

/// A paper account and the backtest that it must be like, on the same bars.
fn both(extra: &str) -> String {
    let data = "data = { path = \"data/x.csv\", timeframe = \"1d\" }";
    let rest =
        format!("strategy = \"sma-cross\"\nparams = {{ fast = 3, slow = 8 }}\n{data}\n{extra}");
    format!("\n[session.night]\nmode = \"paper\"\n{rest}\n[session.past]\n{rest}\n")
}

fn project() -> Project {
    Project::new().bars(200).manifest("a.toml", &both("risk = { stop_loss = 0.02 }"))
}

/// The day before the bar number `count` is complete.
fn night(count: u64) -> String {
    let first = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
    (first + chrono::Days::new(count)).format("%Y-%m-%dT00:00:00Z").to_string()
}

/// The account's files, but for the lock and what tells a time of the clock.
fn account(project: &Project) -> Files {
    let mut files = tree(&project.path("output/paper/night"));
    files.retain(|name, _| name.ends_with(".csv") || name.starts_with("bars/"));
    files
}

fn text(project: &Project, path: &str) -> String {
    fs::read_to_string(project.path(path)).unwrap()
}

/// How often each type of event stands in the journal.
fn told(project: &Project, kind: &str) -> usize {
    let journal = text(project, "output/paper/night/journal.jsonl");
    let events =
        journal.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    events.filter(|event| event["type"] == kind).count()
}

#[test]
fn a_bar_whose_line_has_no_end_is_taken_when_it_has_one() {
    let night = ["run", "a.toml", "--no-report", "-q", "--now", &night(60)];
    let [slow, quick] = [(), ()].map(|()| Project::new().manifest("a.toml", &both("")));
    let whole = bars(60);
    slow.write("data/x.csv", &whole[..whole.len() - 3]);
    // Whoever wrote that has done nothing for a while.
    let file = fs::File::options().append(true).open(slow.path("data/x.csv")).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_mins(1)).unwrap();
    let _ = slow.run(night).success();
    for project in [&slow, &quick] {
        project.write("data/x.csv", &whole);
        let _ = project.run(night).success();
    }
    let views =
        |project: &Project| ["trades.csv", "equity.csv"].map(|name| account(project)[name].clone());
    assert_eq!(views(&slow), views(&quick));
}

#[test]
fn an_account_fed_by_the_night_is_the_backtest() {
    let project = project();
    for count in [8, 9, 10, 30, 31, 90, 200] {
        let _ =
            project.run(["run", "a.toml", "--no-report", "--now", &night(count), "-q"]).success();
    }
    let run = project.newest();
    let kept = tree(&run.path.join("sessions"));
    let file = |session: &str, name: &str| {
        let found = kept.iter().find(|(path, _)| path.starts_with(session) && path.ends_with(name));
        found.unwrap_or_else(|| panic!("{session} {name}")).1.clone()
    };
    for name in ["trades.csv", "orders.csv", "equity.parquet", "events.jsonl"] {
        assert!(file("night-", name) == file("past-", name), "{name} differs");
    }
    assert_eq!(account(&project)["trades.csv"], file("past-", "trades.csv"));
    let (night, past) = (run.result("night"), run.result("past"));
    for (column, value) in &past {
        if !["index", "id", "identity", "key", "session", "mode", "note"].contains(&column.as_str())
        {
            assert_eq!(night[column], *value, "{column}");
        }
    }
    assert!(told(&project, "fill") > 3);
    assert_eq!(
        told(&project, "fill"),
        String::from_utf8_lossy(&file("past-", "events.jsonl"))
            .matches("\"type\":\"fill\"")
            .count()
    );
    let at_once = self::project();
    let _ = at_once.run(["run", "a.toml", "--no-report", "-q"]).success();
    let views =
        |project: &Project| ["trades.csv", "equity.csv"].map(|name| account(project)[name].clone());
    assert_eq!(views(&project), views(&at_once));
}

#[test]
fn running_it_again_changes_nothing() {
    let project = project();
    let all = || {
        let mut files = tree(&project.path("output/paper/night"));
        files.remove("lock");
        files
    };
    let _ = project.run(["run", "a.toml", "--no-report", "-q"]).success();
    let before = all();
    let _ = project.run(["run", "a.toml", "--no-report", "-q"]).success();
    assert_same(&before, &all());
}

#[test]
fn a_source_that_is_cut_to_its_last_bars_is_enough() {
    let project = project();
    let _ = project.run(["run", "a.toml", "--no-report", "-q", "--now", &night(150)]).success();
    let whole = self::project();
    let _ = whole.run(["run", "a.toml", "--no-report", "-q", "--session", "night"]).success();
    let lines: Vec<String> = bars(200).lines().map(str::to_owned).collect();
    let cut = [&lines[..1], &lines[141..]].concat().join("\n") + "\n";
    project.write("data/x.csv", &cut);
    let _ = project.run(["run", "a.toml", "--no-report", "-q", "--session", "night"]).success();
    for name in ["trades.csv", "equity.csv"] {
        assert!(account(&project)[name] == account(&whole)[name], "{name} differs");
    }
    let journal = || text(&project, "output/paper/night/journal.jsonl");
    assert!(!journal().contains("would be missing"), "the cut overlaps");
    project.write("data/x.csv", format!("{}\n2020-08-01,100,101,99,100,1\n", lines[0]));
    let nightly = ["run", "a.toml", "--no-report", "-q", "--session", "night"];
    let _ = project.run(nightly).success().stderr("bars between them would be missing");
    let told = journal().matches("would be missing").count();
    let _ = project.run(nightly).success();
    assert_eq!(journal().matches("would be missing").count(), told, "it is told once");
    assert!(journal().contains("`x` begins at 2020-08-01T00:00:00Z"), "{}", journal());
    project.write("data/x.csv", cut);
    fs::remove_dir_all(project.path("output/paper/night/bars")).unwrap();
    let _ = project
        .run(["run", "a.toml", "--no-report", "-q", "--session", "night"])
        .code(3)
        .stderr("its own bars are gone: it had seen 201");
}

#[test]
fn bars_from_before_the_first_one_that_was_seen_are_named() {
    let project = Project::new().manifest("a.toml", &both("range = { from = 2020-02-01 }"));
    let whole = bars(100);
    let (header, rest) = whole.split_at(whole.find("2020-01-01").unwrap());
    let cut = &rest[rest.find("2020-02-09").unwrap()..];
    project.write("data/x.csv", format!("{header}{cut}"));
    let nightly = ["run", "a.toml", "--no-report", "-q", "--session", "night"];
    let _ = project.run(nightly).success();
    project.write("data/x.csv", &whole);
    let fact = "`x` has 8 bars of the range, 2020-02-01T00:00:00Z to 2020-02-08T00:00:00Z";
    let _ = project.run(nightly).success().stderr(fact);
    let journal = || text(&project, "output/paper/night/journal.jsonl");
    let told = journal().matches(fact).count();
    let _ = project.run(nightly).success();
    assert!(told > 0 && journal().matches(fact).count() == told, "{}", journal());
    let _ = project.run(["paper", "reconcile", "night"]).stderr(fact);
}

#[test]
fn what_changed_is_named_and_the_others_go_on() {
    let project = project();
    let _ = project.run(["run", "a.toml", "--no-report", "-q", "--now", &night(150)]).success();
    let before = account(&project);
    let manifest = text(&project, "a.toml");
    for (old, new, fact) in [
        ("fast = 3", "fast = 4", "`params.fast` was 3, and is 4"),
        ("stop_loss = 0.02", "stop_loss = 0.03", "`risk.stop_loss` was 0.02, and is 0.03"),
        (
            "risk =",
            "range = { from = 2020-02-01 }\nrisk =",
            "`range.from` was not set, and is 2020-02-01;",
        ),
        ("\"sma-cross\"", "\"ema-cross\"", "`strategy` was \"sma-cross\", and is \"ema-cross\""),
    ] {
        project.write("a.toml", manifest.replace(old, new));
        let _ = project.run(["run", "a.toml", "--no-report", "-q"]).code(3).stderr(fact);
        assert_eq!(project.newest().result("past")["status"], "completed");
        assert_eq!(project.newest().result("night")["status"], "refused");
        let _ = project.run(["paper", "status"]).success().stdout(fact).stdout("active");
    }
    project.write("a.toml", manifest);
    assert_same(&before, &account(&project));
    let revised = bars(200).replacen(",1050\n", ",1051\n", 1);
    project.write("data/x.csv", revised);
    let fact = "data/x.csv: `x`, bar 2020-02-20T00:00:00Z: `volume` was 1050, and is 1051";
    let _ = project.run(["run", "a.toml", "--no-report", "-q"]).code(3).stderr(fact);
    assert_same(&before, &account(&project));
    let state = || {
        let status = project.run(["paper", "status", "--format", "json"]).success().json();
        status[0]["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(), "suspended");
    let _ = project.run(["paper", "pause"]).success();
    assert_eq!(state(), "suspended", "it is paused once its data can be used");
    project.edit(
        "a.toml",
        "mode = \"paper\"\n",
        "mode = \"paper\"\npaper = { on_revised = \"mark\" }\n",
    );
    let _ = project.run(["run", "a.toml", "--no-report", "-q"]).success().stderr("revised: ");
    let journal = text(&project, "output/paper/night/journal.jsonl");
    assert!(journal.contains("revised: "), "{journal}");
    assert_eq!(state(), "paused");
}

#[test]
fn of_two_processes_one_has_the_account() {
    let project = project();
    let _ = project.run(["run", "a.toml", "--no-report", "-q"]).success();
    let lock = fs::File::open(project.path("output/paper/night/lock")).unwrap();
    lock.lock().unwrap();
    let run = |policy: &str| project.run(["run", "a.toml", "--no-report", "--lock", policy]);
    let _ = run("fail").code(75).stderr("the lock is held by");
    let _ = run("wait=50ms").code(75);
    let _ = run("skip").success().stderr("night: left to the process that holds it");
    assert_eq!(project.newest().results().len(), 1, "the backtest alone");
    let run_file = project.run(["runs", "show", "latest", "--format", "json"]).json();
    assert_eq!(run_file["left_out"], "night");
    drop(lock);
    let _ = run("fail").success();
}

#[test]
fn each_change_by_a_rule_is_told_however_many_bars_a_night_has() {
    let rules = "paper = { start_when = \"bar_index == 5\", pause_when = \"bar_index in [20, 40]\", resume_when = \"bar_index in [30, 50]\" }";
    let [slow, quick] = [(), ()].map(|()| Project::new().bars(60).manifest("a.toml", &both(rules)));
    let run = |project: &Project, count: u64| {
        let arguments = ["run", "a.toml", "--no-report", "-q", "--session", "night", "--now"];
        let _ = project.run(arguments.iter().chain(&[night(count).as_str()])).success();
    };
    [18, 19, 21, 22, 35, 60].into_iter().for_each(|count| run(&slow, count));
    run(&quick, 60);
    let turns = |project: &Project| -> Vec<(String, String)> {
        let journal = text(project, "output/paper/night/journal.jsonl");
        let events = journal.lines().map(|line| serde_json::from_str(line).unwrap());
        let turn = |event: serde_json::Value| {
            let word = |name: &str| event["facts"][name].as_str().map(str::to_owned);
            Some((
                word("bar").filter(|_| event["type"] != "order")?,
                word("cause").or(word("name"))?,
            ))
        };
        events.filter_map(turn).collect()
    };
    let days = ["2020-01-06", "2020-01-21", "2020-01-31", "2020-02-10", "2020-02-20"];
    let days = days.map(|day| format!("{day}T00:00:00Z"));
    let causes = ["start_when", "pause", "resume", "pause", "resume"].map(str::to_owned);
    let expected: Vec<_> = days.into_iter().zip(causes).collect();
    assert_eq!(turns(&quick), expected);
    assert_eq!(turns(&slow), expected);
}

#[test]
fn what_a_killed_sender_left_is_done_once_by_the_next_to_hold_the_account() {
    let project = project();
    let run = |count: u64| {
        let now = night(count);
        project.run(["run", "a.toml", "--no-report", "-q", "--session", "night", "--now", &now])
    };
    let _ = run(90).success();
    leave(&project, "night", "b", "{\"give\":\"resume\"}");
    leave(&project, "night", "a", "{\"give\":\"pause\"}");
    leave(&project, "night", "c", "{\"give\":{\"size\":{\"factor\":0.5}}}");
    leave(&project, "night", "d", "{\"give\":\"resume\"}");
    let control = "output/paper/night/control";
    project.write(&format!("{control}/torn.json"), "{\"id\":\"torn\",\"comm");
    let unfinished = tempfile::Builder::new().prefix(".tmp-").tempfile_in(project.path(control));
    let (file, _path) = unfinished.unwrap().keep().unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_hours(1)).unwrap();
    let refused = run(100).success().stderr("night: control/torn.json: it is no command: EOF");
    let _ = refused.stderr("night: resume, by somebody: refused: `resume` is not possible while");
    let note = project.newest().result("night")["note"].clone();
    assert!(note.starts_with("active, 3 commands obeyed, 10 bars taken"), "{note}");
    assert!(tree(&project.path(control)).is_empty());
    let journal = text(&project, "output/paper/night/journal.jsonl");
    let commands = journal.lines().map(|line| serde_json::from_str(line).unwrap());
    let commands = commands.filter(|event: &serde_json::Value| event["type"] == "command");
    let ids: Vec<serde_json::Value> = commands.map(|event| event["facts"]["id"].clone()).collect();
    assert_eq!(ids, ["a", "b", "c", "d"]);
    let answered = "\"facts\":{\"id\":\"torn\",\"refused\":\"it is no command: EOF";
    assert!(journal.contains(answered), "whoever sent it need not wait");
    let _ = run(101).success();
    assert_eq!(told(&project, "command"), 4, "none is obeyed twice");
    // Another command finds what waits before it.
    leave(&project, "night", "0", "{\"give\":\"pause\"}");
    let _ = project.run(["paper", "pause"]).code(2).stderr("it is paused already");
    leave(&project, "night", "f", "\"restart\"");
    leave(&project, "night", "g", "{\"give\":\"pause\"}");
    let _ = run(102).success().stderr("account `night` is not open yet");
    let aside = fs::read_dir(project.path("output/paper")).unwrap().count();
    assert_eq!((aside, told(&project, "command")), (2, 2), "a new account took its place");
}

#[test]
fn what_is_odd_about_a_row_is_told_once() {
    let project = project();
    let lines: Vec<String> = bars(200).lines().map(str::to_owned).collect();
    let write = |count: usize, swapped: &[usize]| {
        let mut lines = lines[..=count].to_vec();
        swapped.iter().for_each(|&row| lines.swap(row, row + 1));
        project.write("data/x.csv", lines.join("\n") + "\n");
    };
    let run = || {
        let night = ["run", "a.toml", "--no-report", "-q", "--session", "night"];
        let outcome = project.run(night).success();
        outcome.stderr.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    write(50, &[10]);
    let said = run();
    assert!(
        said[0].contains("night: data/x.csv: `x` has 1 row out of order (sorted): row 11"),
        "{said:?}"
    );
    assert_eq!(said.len(), 1, "{said:?}");
    for count in [51, 52] {
        write(count, &[10]);
        assert_eq!(run(), [""; 0]);
    }
    write(55, &[10, 53]);
    let said = run();
    assert!(
        said[0].contains("`x` has 1 row out of order (sorted): row 54 (2020-02-22"),
        "{said:?}"
    );
    assert_eq!(told(&project, "warning"), 2);
    // A line that is none is left out, as a follower does.
    let garbage =
        ["whatever this is", "2020-02-27,1,2", "2020-13-45,1,1,1,1,1", "2020-02-28,1,x,1,1,1"];
    let text = format!("{}\n{}\n", lines[..=58].join("\n"), garbage.join("\n"));
    project.write("data/x.csv", text);
    let said = run();
    for fact in [
        "data/x.csv: line 60 is left out: it has 1 cell, and there are 6 columns",
        "data/x.csv: line 61 is left out: it has 3 cells",
        "data/x.csv: line 62 is left out: `2020-13-45` is no time",
        "; and 1 more",
    ] {
        assert!(said[0].contains(fact), "{fact}: {said:?}");
    }
    assert_eq!(run(), [""; 0]);
    write(55, &[10, 53]);
    let plan = project.run(["plan", "a.toml", "--session", "night"]).success();
    let _ = plan.stderr("`x` has 2 rows out of order");
}

#[test]
fn what_happens_at_the_last_bar_is_no_setting_of_an_account_that_has_none() {
    let at_end = |word: &str| both(&format!("execution = {{ at_end = \"{word}\" }}"));
    let project = Project::new().bars(20).manifest("a.toml", &at_end("close_at_last_close"));
    let refused = project.run(["run", "a.toml", "--no-report"]).code(2);
    let _ =
        refused.stderr("error[E0108]: a paper account has no last bar").stderr("write \"mark\"");
    project.write_manifest("a.toml", &at_end("mark"));
    let _ = project.run(["plan", "a.toml"]).success();
}

#[test]
fn who_tightens_stops_that_there_are_not_is_told() {
    for (extra, is_told) in [("", true), ("risk = { trailing_stop = 0.1 }", false)] {
        let project = Project::new().bars(20).manifest("a.toml", &both(extra));
        let run = ["run", "a.toml", "--no-report", "-q", "--session", "night"];
        let _ = project.run(run).success();
        let told =
            project.run(["paper", "adjust", "--tighten", "0.5"]).success().stderr("tightened");
        assert_eq!(told.stderr.contains("it has no stops"), is_told, "{}", told.stderr);
    }
}

#[test]
fn who_cancels_an_exit_in_passing_is_told() {
    let all = Project::new().bars(60).manifest("a.toml", &both(""));
    let run = ["run", "a.toml", "--no-report", "-q", "--session", "night"];
    let _ = all.run(run).success();
    let events = all.run(["events", "night", "--type", "signal", "--format", "json"]).success();
    let events = events.json();
    let exit = events.as_array().unwrap().iter().rfind(|it| it["facts"]["rule"] == "exit_long");
    let decided = exit.unwrap()["facts"]["bar"].as_str().unwrap()[..10].to_owned();
    let project = Project::new().bars(60).manifest("a.toml", &both(""));
    let _ = project.run(run.iter().chain(&["--now", &decided])).success();
    let order = || {
        let view = text(&project, "output/paper/night/account.json");
        let view: serde_json::Value = serde_json::from_str(&view).unwrap();
        view["orders"][0]["status"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(order(), "pending");
    let told = project.run(["paper", "cancel-orders"]).success();
    let _ = told.stderr("night: 1 order to close is taken back as well");
    assert_eq!(order(), "cancelled: command");
    assert!(!project.run(["paper", "cancel-orders"]).success().stderr.contains("as well"));
    let _ = project.run(run).success();
    assert_ne!(account(&all)["trades.csv"], account(&project)["trades.csv"]);
}

#[test]
fn an_account_whose_range_has_ended_says_so() {
    let project = Project::new().bars(100).manifest("a.toml", &both("range = { to = 2020-02-20 }"));
    let run = || {
        let _ = project.run(["run", "a.toml", "--no-report", "-q", "--session", "night"]).success();
    };
    run();
    let told = text(&project, "output/paper/night/journal.jsonl");
    run();
    assert_eq!(text(&project, "output/paper/night/journal.jsonl"), told, "once is enough");
    let status = project.run(["paper", "status"]).success();
    let _ = status.stdout("its range ended on 2020-02-20: later bars are left out");
}
