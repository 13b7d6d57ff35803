//! What paper accounts survive: a full disk, a clock that jumps, days that
//! are not like others, neighbours that are broken. Nothing is lost, and the others go on.

use crate::project::{Files, Outcome, Project, assert_same, bars, tree};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

const RUN: [&str; 4] = ["run", "a.toml", "--no-report", "-q"];

/// A paper session on `data/x.csv`; `keys` are further ones, a line each.
fn session(name: &str, timeframe: &str, keys: &str) -> String {
    format!(
        "
[session.{name}]
mode = \"paper\"
strategy = \"sma-cross\"
params = {{ fast = 2, slow = 5 }}
data = {{ path = \"data/x.csv\", timeframe = \"{timeframe}\" }}
{keys}
"
    )
}

/// The instant of a text such as `2020-01-31T12`.
fn instant(text: &str) -> DateTime<Utc> {
    format!("{text}:00:00Z").parse().unwrap()
}

/// A bar at each of `times`, waves of prices going up and down.
fn bars_at(times: impl IntoIterator<Item = DateTime<Utc>>) -> String {
    let mut text = String::from("timestamp,open,high,low,close,volume\n");
    let price = |n: i64| 100 + n * 7 % 13 - n * 5 % 11;
    for (n, time) in (1..).zip(times) {
        let (open, close) = (price(n - 1), price(n));
        let (high, low) = (open.max(close) + 1, open.min(close) - 1);
        writeln!(text, "{},{open},{high},{low},{close},10", time.format("%Y-%m-%dT%H:%M:%SZ"))
            .unwrap();
    }
    text
}

/// Every `step` from one instant to before another.
fn every(step: TimeDelta, from: &str, to: &str) -> Vec<DateTime<Utc>> {
    let (mut time, to) = (instant(from), instant(to));
    let mut times = Vec::new();
    while time < to {
        times.push(time);
        time += step;
    }
    times
}

fn night(project: &Project, now: &str) -> Outcome {
    project.run(RUN.iter().copied().chain(["--now", now]))
}

/// What an account did, and every bar that it has seen.
fn account(project: &Project, name: &str) -> Files {
    let mut files = tree(&project.path(&format!("output/paper/{name}")));
    files.retain(|name, _| name == "trades.csv" || name == "equity.csv");
    assert_eq!(files.len(), 2, "{name} has its views");
    files
}

fn trades(project: &Project, name: &str) -> usize {
    let text = fs::read_to_string(project.path(&format!("output/paper/{name}/trades.csv")));
    text.unwrap().lines().count() - 1
}

/// An account that ran on `nights` is the one that ran once, on the last of them.
fn fed(manifest: &str, data: &str, nights: &[&str]) -> Project {
    let project = || Project::new().manifest("a.toml", manifest).file("data/x.csv", data);
    let (by_night, at_once) = (project(), project());
    for now in nights {
        let _ = night(&by_night, now).success();
    }
    let _ = night(&at_once, nights[nights.len() - 1]).success();
    assert_same(&account(&at_once, "x"), &account(&by_night, "x"));
    assert!(trades(&by_night, "x") > 1, "{}", trades(&by_night, "x"));
    by_night
}

#[test]
fn a_source_that_is_cut_inside_a_longer_bar_is_not_revised() {
    let hours = |days: std::ops::Range<i64>| -> Vec<String> {
        let hour = |hour: i64| {
            let (open, close) = (100 + hour * 7 % 13, 100 + (hour + 1) * 7 % 13);
            let time = DateTime::from_timestamp(1_704_067_200 + hour * 3_600, 0).unwrap();
            let (high, low, time) = (open.max(close), open.min(close), time.format("%FT%TZ"));
            format!("{time},{open},{high},{low},{close},10")
        };
        (days.start * 24..days.end * 24).map(hour).collect()
    };
    let text = session("x", "1h", "").replace("\"1h\"", "\"1h\", resample = \"1d\"");
    let project = Project::new().manifest("a.toml", &text);
    let night = |rows: &[String], day: i64| {
        project.write(
            "data/x.csv",
            format!("timestamp,open,high,low,close,volume\n{}\n", rows.join("\n")),
        );
        let now = format!("2024-01-{:02}T01:00:00Z", day + 1);
        project.run(["run", "a.toml", "--no-report", "-q", "--now", &now])
    };
    let _ = night(&hours(0..5), 5).success().silent();
    let six = hours(0..6);
    let _ = night(&six[4 * 24 + 10..], 6).success().silent();
    let status = project.run(["paper", "status", "--format", "json"]).json();
    assert_eq!(status[0]["last_bar"], "2024-01-06T00:00:00Z");
    let _ = project.run(["paper", "reconcile", "x"]).success();
    // What of a bar is there is compared where all of it is.
    let revised = six[4 * 24..].join("\n").replacen(",10\n", ",11\n", 1);
    let rows: Vec<String> = revised.lines().map(str::to_owned).collect();
    let _ = night(&rows, 6).code(3).stderr("`volume` was 240, and is 241");
}

#[test]
fn a_bar_that_is_taken_out_of_the_source_is_a_revision() {
    let text = session("x", "1d", "").replace("\"1d\"", "\"1d\", checks = { gaps = \"off\" }");
    let project = Project::new().manifest("a.toml", &text);
    let night = |rows: &str, day: i64| {
        project.write("data/x.csv", rows);
        let now = format!("2020-01-{day:02}T00:00:00Z");
        project.run(["run", "a.toml", "--no-report", "-q", "--now", &now])
    };
    let whole = crate::project::bars(30);
    let _ = night(&whole, 20).success().silent();
    let without = |days: &[&str]| -> String {
        let stays = |line: &&str| !days.iter().any(|day| line.starts_with(day));
        whole.split_inclusive('\n').filter(stays).collect()
    };
    let gone = night(&without(&["2020-01-11", "2020-01-12"]), 21).code(3);
    let fact =
        "data/x.csv: `x`, bar 2020-01-11T00:00:00Z: it was there, and is gone, and 1 change more";
    let _ = gone.stderr(fact);
    // What comes before its first bar, or after its last one, is cut off.
    let ends = ["2020-01-01", "2020-01-02", "2020-01-20", "2020-01-21"];
    let (first, last) = (&ends[..2], &ends[2..]);
    let _ = night(&without(first), 21).success().silent();
    let short: String = without(first).lines().take(16).map(|line| format!("{line}\n")).collect();
    let _ = night(&short, 21).success();
    assert!(last.iter().all(|day| !short.contains(day)));
}

/// Trading days of January and February 2024, with a Monday on which the market is closed.
fn trading_days() -> Vec<String> {
    let days = (8..31).filter(|day| ![13, 14, 15, 20, 21, 27, 28].contains(day));
    days.map(|day| format!("2024-01-{day:02}")).collect()
}

fn daily(days: &[String]) -> String {
    let bar = |day: &String| {
        let price = 100 + day[8..].parse::<i64>().unwrap() * 7 % 13;
        format!("{day},{price},{price},{price},{price},10\n")
    };
    let bars: String = days.iter().map(bar).collect();
    format!("timestamp,open,high,low,close,volume\n{bars}")
}

#[test]
fn a_symbol_that_comes_a_night_later_is_waited_for_whatever_happened_before() {
    let keys = "symbols = [\"A\", \"B\"]\n";
    let text = session("x", "1d", keys).replace("data/x.csv", "data");
    let text =
        text.replace("\"1d\"", "\"1d\", calendar = \"us_equity\", timezone = \"America/New_York\"");
    let days = trading_days();
    // From which night on, and until when, the file of B stands still.
    for (still, late) in [(0..0, 0), (4..11, 7)] {
        let project = Project::new().manifest("a.toml", &text);
        for night in 2..days.len() {
            let b = if still.contains(&night) { still.start } else { night };
            project.write("data/A.csv", daily(&days[..=night]));
            project.write("data/B.csv", daily(&days[..b]));
            let now = format!("{}T12:00:00Z", days.get(night + 1).map_or("2024-01-31", |day| day));
            let _ = project.run(["run", "a.toml", "--no-report", "-q", "--now", &now]).success();
        }
        let journal = fs::read_to_string(project.path("output/paper/x/journal.jsonl")).unwrap();
        let events = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let notes =
            events.flat_map(|it| it["facts"]["notes"].as_array().cloned().unwrap_or_default());
        let is_late = |note: &Value| note.as_str().unwrap().starts_with("late, left out: `B`");
        assert_eq!(notes.filter(is_late).count(), late, "{journal}");
        let status = project.run(["paper", "status", "--format", "json"]).json();
        let last = &days[days.len() - 2];
        assert!(status[0]["last_bar"].as_str().unwrap().starts_with(last.as_str()), "{status}");
    }
}

#[test]
fn an_account_reads_its_source_with_the_length_of_bars_that_it_was_opened_with() {
    let text = session("x", "1d", "").replace(", timeframe = \"1d\"", ", calendar = \"us_equity\"");
    let project = Project::new().manifest("a.toml", &text);
    let days = trading_days();
    let night = |bars: std::ops::Range<usize>, more: &[&str]| {
        let now = format!("{}T12:00:00Z", days[bars.end]);
        project.write("data/x.csv", daily(&days[bars]));
        let run = ["run", "a.toml", "--no-report", "-q", "--now", &now];
        project.run([&run[..], more].concat())
    };
    let _ = night(0..5, &[]).success();
    // Friday and Tuesday, and one day alone.
    let _ = night(4..6, &[]).success();
    let _ = night(6..7, &[]).success();
    let _ = night(7..8, &["--set", "data.timeframe=1d"]).success();
    let _ =
        night(8..9, &["--set", "data.timeframe=2d"]).code(3).stderr("`data.timeframe` was not set");
    let status = project.run(["paper", "status", "--format", "json"]).json();
    assert!(status[0]["last_bar"].as_str().unwrap().starts_with(&days[7]), "{status}");
    let young = Project::new().manifest("a.toml", &text);
    let guess = "bars of 4d, which is guessed from 2 of them: set `data.timeframe`";
    let other = "look like 1d, and the account was opened with bars of 4d: set `data.timeframe";
    for (bars, code, told) in [(4..6, 0, guess), (4..12, 3, other)] {
        young.write("data/x.csv", daily(&days[bars]));
        let run = ["run", "a.toml", "--no-report", "-q", "--now", "2024-02-10"];
        let _ = young.run(run).code(code).stderr(told);
    }
}

#[test]
fn an_account_whose_control_directory_is_none_says_so() {
    let project = Project::new().manifest("a.toml", &session("x", "1d", ""));
    let rows = "2024-01-01,1,1,1,1,1\n2024-01-02,1,1,1,1,1\n";
    project.write("data/x.csv", format!("timestamp,open,high,low,close,volume\n{rows}"));
    let night = || project.run(["run", "a.toml", "--no-report", "-q", "--now", "2024-01-05"]);
    let _ = night().success();
    let control = project.path("output/paper/x/control");
    fs::remove_dir_all(&control).unwrap();
    fs::write(&control, "").unwrap();
    let _ = night().code(3).stderr("x: refused: control: cannot be created");
    let _ = project.run(["paper", "status"]).success().stdout("control: cannot be created");
    fs::remove_file(&control).unwrap();
    let _ = night().success();
    let status = project.run(["paper", "status", "--format", "json"]).json();
    assert_eq!((status[0]["state"].as_str(), status[0]["reason"].as_str()), (Some("active"), None));
}

#[test]
fn a_full_disk_costs_nothing_but_the_night() {
    let project = || Project::new().bars(300).manifest("a.toml", &session("x", "1d", ""));
    let undisturbed = project();
    let _ = undisturbed.run(RUN).success();
    let project = project();
    let _ = night(&project, "2020-04-01").success();
    let start = tree(&project.path("output"));
    let mut stopped = 0;
    for blocks in [0, 1, 4, 12, 20, 28, 36] {
        fs::remove_dir_all(project.path("output")).unwrap();
        for (name, bytes) in &start {
            project.write(&format!("output/{name}"), bytes);
        }
        let papertape = project.command(RUN);
        let mut shell = Command::new("/bin/sh");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        shell.arg("-c").arg(script).arg(papertape.get_program()).args(papertape.get_args());
        shell.current_dir(project.path("")).env_clear();
        let outcome = Outcome::of(shell.output().unwrap());
        let code = outcome.ended_with();
        assert!([Some(0), Some(3), Some(74)].contains(&code), "{blocks}: {outcome:?}");
        if code != Some(0) {
            stopped += 1;
            assert!(outcome.stderr.contains("File too large"), "{blocks}: {}", outcome.stderr);
        }
        let _ = project.run(RUN).success();
        assert_same(&account(&undisturbed, "x"), &account(&project, "x"));
    }
    assert!(stopped > 3, "{stopped}");
}

#[test]
fn a_clock_that_jumps_back_and_forth_takes_each_bar_once() {
    let nights = ["2020-02-20", "2020-01-05", "2020-03-20", "1970-01-02", "2020-03-01"];
    let project = Project::new().bars(120).manifest("a.toml", &session("x", "1d", ""));
    for now in nights {
        let before = tree(&project.path("output/paper/x/bars"));
        let outcome = night(&project, now);
        match now.starts_with("1970") {
            // Nobody could have seen any of the bars that the account has.
            true => drop(outcome.code(3).stderr("no bar is complete at 1970-01-03")),
            false => drop(outcome.success()),
        }
        let after = tree(&project.path("output/paper/x/bars"));
        assert!(before.iter().all(|(name, bytes)| after[name] == *bytes), "{now}");
    }
    let _ = project.run(RUN).success();
    let at_once = Project::new().bars(120).manifest("a.toml", &session("x", "1d", ""));
    let _ = at_once.run(RUN).success();
    assert_same(&account(&at_once, "x"), &account(&project, "x"));
}

#[test]
fn bars_that_come_late_twice_or_out_of_order_change_nothing() {
    let checks = "checks = { duplicates = \"warn\", order = \"warn\", gaps = \"off\" } }";
    let manifest = session("x", "1d", "").replace("\"1d\" }", &format!("\"1d\", {checks}"));
    let all = bars(80);
    let lines: Vec<&str> = all.lines().collect();
    let project = Project::new().manifest("a.toml", &manifest);
    let write = |lines: &[&str]| project.write("data/x.csv", lines.join("\n") + "\n");
    write(&lines[..41]);
    let _ = project.run(RUN).success();
    // Some bars again, the last ones the wrong way round.
    write(&[&lines[..41], &lines[30..41], &lines[45..51], &lines[41..45]].concat());
    let _ = project.run(RUN).success();
    // A bar is not there yet when later ones are, and comes when they were taken.
    write(&[&lines[..60], &lines[61..71]].concat());
    let _ = project.run(RUN).success();
    let before = account(&project, "x");
    write(&lines[..71]);
    let _ = project.run(RUN).success();
    assert_same(&before, &account(&project, "x"));
    let journal = fs::read_to_string(project.path("output/paper/x/journal.jsonl")).unwrap();
    let date = lines[60].split(',').next().unwrap();
    assert_eq!(
        journal.matches(&format!("late, left out: `x`, bar {date}")).count(),
        2,
        "{journal}"
    );
    write(&lines);
    let _ = project.run(RUN).success();
    let at_once = Project::new().manifest("a.toml", &manifest);
    at_once.write("data/x.csv", [&lines[..60], &lines[61..]].concat().join("\n") + "\n");
    let _ = at_once.run(RUN).success();
    assert_same(&account(&at_once, "x"), &account(&project, "x"));
    let found = project.run(["paper", "reconcile", "--format", "json"]).json();
    let late = format!("x {date}T00:00:00Z `bar` absent -> there");
    assert!(found["causes"][0]["what"].as_str().unwrap().starts_with(&late), "{found:#}");
}

#[test]
fn a_weekend_is_slept_through() {
    let days = every(TimeDelta::days(1), "2020-01-06T00", "2020-02-15T00");
    let days = days.into_iter().filter(|day| day.weekday().number_from_monday() < 6);
    // Martin Luther King's day.
    let data = bars_at(days.filter(|day| day.day() != 20 || day.month() != 1));
    let manifest = session("x", "1d", "").replace("\"1d\" }", "\"1d\", calendar = \"us_equity\" }");
    let project = fed(
        &manifest,
        &data,
        // Friday evening, Saturday, Sunday, Monday; then the machine sleeps for a week and a half.
        &[
            "2020-01-10T23:00:00Z",
            "2020-01-11",
            "2020-01-12",
            "2020-01-13",
            "2020-01-24",
            "2020-02-14",
        ],
    );
    let before = tree(&project.path("output/paper/x"));
    let _ = night(&project, "2020-02-15").success();
    let _ = night(&project, "2020-02-16").success();
    let mut after = tree(&project.path("output/paper/x"));
    after.insert("lock".into(), before["lock"].clone());
    assert_same(&before, &after);
}

#[test]
fn a_leap_day_is_a_day() {
    let data = bars_at(every(TimeDelta::days(1), "2024-02-10T00", "2024-03-20T00"));
    let nights = ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-19"];
    let _ = fed(&session("x", "1d", ""), &data, &nights);
    let pinned = session("x", "1d", "range = { from = 2024-02-29 }");
    let project = fed(&pinned, &data, &["2024-02-29", "2024-03-01", "2024-03-19"]);
    let equity = fs::read_to_string(project.path("output/paper/x/equity.csv")).unwrap();
    assert!(equity.contains("\n2024-02-29T00:00:00Z,"), "{equity}");
}

/// Half hours of the days in New York on which one trades, those after a half day's end left out.
fn half_hours() -> Vec<DateTime<Utc>> {
    // Thanksgiving is the 26th, and the day after it ends at one o'clock.
    let days = [("24", 16), ("25", 16), ("27", 13), ("30", 16)];
    let of_day = |(day, close): (&str, i64)| {
        let open: DateTime<Utc> = format!("2020-11-{day}T14:30:00Z").parse().unwrap();
        (0..)
            .map(move |n| open + TimeDelta::minutes(30 * n))
            .take_while(move |time| *time < open + TimeDelta::minutes(60 * close - 570))
    };
    days.into_iter().flat_map(of_day).collect()
}

#[test]
fn a_half_day_ends_at_noon() {
    let manifest = session("x", "30m", "risk = { overnight = false }").replace(
        "\"30m\" }",
        "\"30m\", calendar = \"us_equity\", timezone = \"America/New_York\" }",
    );
    let nights = [
        "2020-11-24T20:00:00Z",
        "2020-11-25T21:00:00Z",
        "2020-11-27T18:00:00Z",
        "2020-11-27T22:00:00Z",
        "2020-11-30T23:00:00Z",
    ];
    let project = fed(&manifest, &bars_at(half_hours()), &nights);
    let trades = fs::read_to_string(project.path("output/paper/x/trades.csv")).unwrap();
    let overnight = trades.lines().filter(|line| line.contains(",overnight,"));
    let ends: Vec<&str> = overnight.map(|line| line.split(',').nth(5).unwrap()).collect();
    // The last half hour of each of those days.
    let last = ["T20:30:00Z", "T17:30:00Z"];
    assert!(ends.iter().all(|end| last.iter().any(|last| end.ends_with(last))), "{trades}");
}

#[test]
fn a_day_whose_last_bar_is_missing_ends_at_the_next_open() {
    let hours = every(TimeDelta::hours(1), "2021-05-03T00", "2021-05-12T00");
    let missing = [instant("2021-05-04T23"), instant("2021-05-06T23"), instant("2021-05-06T22")];
    let data = bars_at(hours.into_iter().filter(|hour| !missing.contains(hour)));
    let nights: Vec<String> = (4..=12).map(|day| format!("2021-05-{day:02}T00:00:00Z")).collect();
    let nights: Vec<&str> = nights.iter().map(String::as_str).collect();
    let manifest = session("x", "1h", "risk = { overnight = false }");
    let checked = manifest.replace("\"1h\" }", "\"1h\", checks = { gaps = \"off\" } }");
    let project = fed(&checked, &data, &nights);
    let trades = fs::read_to_string(project.path("output/paper/x/trades.csv")).unwrap();
    let held = trades.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    for trade in held {
        let (entry, exit) = (instant(&trade[3][..13]), instant(&trade[5][..13]));
        let midnight = exit.format("%H").to_string() == "00";
        assert!(entry.date_naive() == exit.date_naive() || midnight, "{trade:?}");
    }
}

#[test]
fn nights_of_daylight_saving_are_nights() {
    for (from, to) in [("2021-03-12T05", "2021-03-17T04"), ("2021-11-05T04", "2021-11-10T05")] {
        let data = bars_at(every(TimeDelta::hours(1), from, to));
        let manifest = session("x", "1h", "risk = { overnight = false }")
            .replace("\"1h\" }", "\"1h\", timezone = \"America/New_York\" }");
        let first = instant(from);
        let nights: Vec<String> = [30, 47, 48, 49, 50, 71, 72, 96, 120]
            .into_iter()
            .map(|hours| (first + TimeDelta::hours(hours)).format("%Y-%m-%dT%H:%M:%SZ").to_string())
            .collect();
        let nights: Vec<&str> = nights.iter().map(String::as_str).collect();
        let _ = fed(&manifest, &data, &nights);
    }
}

#[test]
fn of_ten_accounts_one_is_broken_and_nine_go_on() {
    let sessions: String = (0..10).map(|n| session(&format!("x{n}"), "1d", "")).collect();
    let project = Project::new().bars(60).manifest("a.toml", &sessions);
    let _ = night(&project, "2020-02-10").success();
    let batch = project.path("output/paper/x3/bars/000001.parquet");
    let whole = fs::read(&batch).unwrap();
    fs::write(&batch, &whole[..whole.len() / 2]).unwrap();
    let _ = night(&project, "2020-02-20")
        .code(3)
        .stderr("x3: refused: its own bars cannot be read: bars/000001.parquet: ");
    let rows = project.newest().results();
    for row in &rows {
        let broken = row["key"] == "x3";
        assert_eq!(row["status"], if broken { "refused" } else { "completed" }, "{row:?}");
        assert_eq!(row["error"].is_empty(), !broken);
    }
    assert_eq!(rows.len(), 10);
    let record = |name: &str| {
        let records = project.records();
        records.into_iter().rev().find(|record| record["session"] == name).unwrap()
    };
    assert_eq!(
        (&record("x3")["status"], &record("x4")["status"]),
        (&"refused".into(), &"completed".into())
    );
    let state = || {
        let status = project.run(["paper", "status", "x3", "--format", "json"]).success().json();
        status[0]["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(), "error");
    let journal = project.path("output/paper/x3/journal.jsonl");
    let told = fs::read_to_string(&journal).unwrap();
    let last = told.lines().rev().find(|line| line.contains("\"type\":\"state\""));
    assert!(last.unwrap().contains("begin anew with `papertape paper restart x3`"), "{told}");
    let summary = fs::read_to_string(project.path("output/paper/x3/summary.json")).unwrap();
    assert!(summary.contains("\"status\": \"error\""), "{summary}");
    let _ = night(&project, "2020-02-21").code(3);
    assert_eq!(fs::read_to_string(&journal).unwrap(), told, "once is enough");
    let pause = project.run(["paper", "pause", "x3"]).code(2);
    let _ = pause.stderr("its own bars cannot be read");
    fs::write(&batch, &whole).unwrap();
    let _ = project.run(["paper", "pause", "x3"]).code(2).stderr("the next run opens it again");
    let _ = night(&project, "2020-02-25").success();
    assert_eq!(state(), "active");
    assert_same(&account(&project, "x4"), &account(&project, "x3"));
    // Something else lies where the directory of an account should be.
    fs::remove_dir_all(project.path("output/paper/x5")).unwrap();
    project.write("output/paper/x5", "no directory");
    let _ = night(&project, "2020-02-26").code(3).stderr("x5: refused: ");
    let completed = |row: &crate::project::Row| row["status"] == "completed";
    assert_eq!(project.newest().results().iter().filter(|row| completed(row)).count(), 9);
}

#[test]
fn a_directory_of_parquet_that_grows_is_followed() {
    let manifest = session("x", "1d", "").replace("data/x.csv", "prices/x");
    let project = Project::new().manifest("a.toml", &manifest);
    for count in [30, 31, 60, 100] {
        project.write("x.csv", bars(count));
        let import = ["data", "import", "x.csv", "--to", "prices", "--append", "-q"];
        let import = if count == 30 { &import[..5] } else { &import[..] };
        let _ = project.run(import).success();
        let _ = project.run(RUN).success();
        let account = fs::read(project.path("output/paper/x/account.json")).unwrap();
        let account: Value = serde_json::from_slice(&account).unwrap();
        assert_eq!(account["bars"], count);
    }
    let at_once = Project::new().bars(100).manifest("a.toml", &session("x", "1d", ""));
    let _ = at_once.run(RUN).success();
    assert_same(&account(&at_once, "x"), &account(&project, "x"));
}

#[test]
fn an_account_that_never_began_is_shown_with_its_reason() {
    let other = session("y", "1d", "").replace("x.csv", "y.csv");
    let project =
        Project::new().bars(60).manifest("a.toml", &[session("x", "1d", ""), other].concat());
    let journal = || fs::read_to_string(project.path("output/paper/y/journal.jsonl")).unwrap();
    let _ = project.run(RUN).code(3).stderr("there is no such file");
    let told = journal();
    let _ = project.run(RUN).code(3);
    assert_eq!(journal(), told, "once is enough");
    let status = project.run(["paper", "status", "--format", "json"]).success().json();
    assert_eq!((&status[0]["state"], &status[0]["reason"]), (&"active".into(), &Value::Null));
    let (state, reason) = (&status[1]["state"], status[1]["reason"].as_str().unwrap());
    assert!(
        state == "suspended" && reason.contains("data/y.csv: there is no such file"),
        "{status}"
    );
    let _ = project.run(["paper", "status"]).success().stdout(reason);
    let _ = project.run(["events", "y"]).success().stdout(reason);
    let _ = project.run(["paper", "pause", "y"]).code(2).stderr("account `y` is not open yet");
    project.write("data/y.csv", bars(60));
    let _ = project.run(RUN).success();
    let status = project.run(["paper", "status", "y", "--format", "json"]).success().json();
    assert_eq!((&status[0]["state"], &status[0]["reason"]), (&"active".into(), &Value::Null));
    assert_eq!(account(&project, "x")["equity.csv"], account(&project, "y")["equity.csv"]);
}

#[test]
fn what_is_drawn_beside_is_no_other_strategy() {
    let manifest = session("x", "1d", "")
        .replace("strategy = \"sma-cross\"\nparams = { fast = 2, slow = 5 }\n", "")
        + "[session.x.strategy]
let = { average = \"sma(close, 5)\" }
rules = { enter_long = \"close > average\", exit_long = \"close < average\" }
";
    let project = Project::new().bars(60).manifest("a.toml", &manifest);
    let _ = night(&project, "2020-02-10").success();
    let drawn = manifest.replace("rules = {", "plot = [\"average\"]\nrules = {");
    project.write_manifest("a.toml", &drawn);
    let _ = night(&project, "2020-02-20").success();
    project.write_manifest("a.toml", &manifest.replace("close < average", "close <= average"));
    let _ = night(&project, "2020-02-25").code(3).stderr("`rules.exit_long` was");
}

#[test]
fn a_symbol_that_comes_to_a_directory_is_named_and_left_to_others() {
    let manifest = session("x", "1d", "").replace("data/x.csv", "prices/*.csv");
    let project = Project::new().manifest("a.toml", &manifest);
    let whole = bars(60);
    let (first, rest) = whole.split_at(whole.find("2020-02-01").unwrap());
    let header = &whole[..whole.find("2020").unwrap()];
    for symbol in ["A", "B"] {
        project.write(&format!("prices/{symbol}.csv"), first);
    }
    let _ = project.run(RUN).success();
    for symbol in ["A", "B", "C"] {
        project.write(&format!("prices/{symbol}.csv"), format!("{first}{rest}"));
    }
    // One of them cannot be used, and is none of the account's.
    project.write("prices/D.csv", format!("{header}2020-01-01,100,99,101,100,1\n"));
    let _ =
        project.run(RUN).success().stderr("x: `C` is new in the data; the account goes on with");
    let again = project.run(RUN).success();
    assert_eq!(again.stderr, "");
    // One whose file comes later is waited for, and everybody can see that.
    project.write(
        "prices/A.csv",
        format!("{whole}2020-03-01,100,101,99,100,1\n2020-03-02,100,101,99,100,1\n"),
    );
    let status =
        || project.run(["paper", "status", "--format", "json"]).success().json()[0].clone();
    let _ = project.run(RUN).success();
    assert_eq!(status()["reason"], "waits for `B`, whose last bar is 2020-02-29T00:00:00Z");
    assert!(project.newest().result("x")["note"].contains(", waits for B"));
    project.write(
        "prices/B.csv",
        format!("{whole}2020-03-01,100,101,99,100,1\n2020-03-02,100,101,99,100,1\n"),
    );
    let _ = project.run(RUN).success();
    assert_eq!(status()["reason"], Value::Null);
    let view = fs::read(project.path("output/paper/x/account.json")).unwrap();
    let view: Value = serde_json::from_slice(&view).unwrap();
    assert_eq!((&view["bars"], &view["symbols"]), (&62.into(), &serde_json::json!(["A", "B"])));
    let _ = project.run(["paper", "reconcile", "x"]).success();
    // A revised bar is named with the file that holds it.
    let revised = format!("{header}{rest}").replace(",1040\n", ",1041\n");
    project.write("prices/B.csv", first);
    project.write("prices/later/B.csv", revised);
    let both = manifest.replace("\"prices/*.csv\"", "[\"prices/*.csv\", \"prices/later/B.csv\"]");
    project.write_manifest("a.toml", &both);
    let _ = project.run(RUN).code(3).stderr("revised: prices/later/B.csv: `B`, bar 2020-02-10");
}

#[test]
fn a_longer_bar_waits_for_the_last_of_those_that_it_is_made_of() {
    let manifest = session("x", "30m", "").replace("\"30m\"", "\"30m\", resample = \"2h\"");
    let times = (0..400).map(|half| instant("2020-01-06T00") + TimeDelta::minutes(30 * half));
    let whole = bars_at(times);
    let lines: Vec<&str> = whole.lines().collect();
    let write = |project: &Project, count: usize| {
        project.write("data/x.csv", lines[..=count].join("\n") + "\n");
    };
    let [late, prompt] = [(), ()].map(|()| Project::new().manifest("a.toml", &manifest));
    for (hours, missing) in [(100, 1), (102, 3), (104, 1), (150, 2), (151, 0), (200, 0)] {
        let now = instant("2020-01-06T00") + TimeDelta::hours(hours);
        let now = now.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        write(&late, hours as usize * 2 - missing);
        let _ = late.run(RUN.iter().chain(&["--now", &now])).success();
        let status = late.run(["paper", "status", "--format", "json"]).success().json();
        assert_eq!(status[0]["reason"].is_string(), missing > 0, "{hours}: {status}");
    }
    write(&prompt, 400);
    let _ = prompt.run(RUN.iter().chain(&["--now", "2020-01-14T08:00:00Z"])).success();
    assert_same(&account(&prompt, "x"), &account(&late, "x"));
    let _ = late.run(["paper", "reconcile"]).success();
}
