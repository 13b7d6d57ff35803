//! Paper accounts that are followed: bars as they come, and commands of a second process.

use crate::project::{Project, Running};
use chrono::{TimeDelta, Utc};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// A session on minutes; `paper` holds further keys.
pub(crate) fn manifest(paper: &str) -> String {
    format!(
        "
[session.x]
mode = \"paper\"
data = {{ path = \"data/X.csv\", timeframe = \"1m\" }}
sizing = {{ units = 1 }}
paper = {{ stale_after = \"1d\", {paper} }}
[session.x.strategy]
params.fast = {{ type = \"int\", min = 1, max = 50, default = 2 }}
rules = {{ enter_long = \"close > sma(close, fast)\", exit_long = \"close < sma(close, fast)\" }}
"
    )
}

pub(crate) const HEADER: &str = "timestamp,open,high,low,close,volume\n";

/// Minutes `from..to` of those whose last, number 100, ended not long ago.
pub(crate) fn minutes(from: i64, to: i64) -> String {
    let mut text = String::new();
    let price = |n: i64| 100 + n * 7 % 13 - n * 5 % 11;
    for n in from..to {
        let (open, close) = (price(n - 1), price(n));
        let (high, low) = (open.max(close) + 1, open.min(close) - 1);
        let time = (Utc::now() - TimeDelta::minutes(102 - n)).format("%Y-%m-%dT%H:%M:00Z");
        writeln!(text, "{time},{open},{high},{low},{close},10").unwrap();
    }
    text
}

/// A project whose account has so many minutes.
pub(crate) fn project(bars: i64, paper: &str) -> Project {
    let project = Project::new().manifest("a.toml", &manifest(paper));
    project.file("data/X.csv", format!("{HEADER}{}", minutes(0, bars)))
}

impl Project {
    pub(crate) fn append(&self, text: &str) {
        let file = fs::OpenOptions::new().append(true).open(self.path("data/X.csv"));
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// The events of the account's journal of this type.
    pub(crate) fn told(&self, kind: &str) -> Vec<Value> {
        let path = self.path("output/paper/x/journal.jsonl");
        let text = fs::read_to_string(path).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let events = whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter(|event| event["type"] == kind).collect()
    }

    /// The states that it went through.
    pub(crate) fn states(&self) -> Vec<String> {
        let states = self.told("state");
        states.iter().map(|it| it["facts"]["to"].as_str().unwrap().to_owned()).collect()
    }

    /// How many bars its account has walked over.
    pub(crate) fn walked(&self) -> u64 {
        let account = fs::read(self.path("output/paper/x/account.json")).unwrap_or_default();
        let account: Value = serde_json::from_slice(&account).unwrap_or_default();
        account["bars"].as_u64().unwrap_or_default()
    }

    pub(crate) fn is(&self, state: &str) -> bool {
        self.states().last().is_some_and(|last| last == state)
    }

    /// A follower whose account has come to `state`.
    pub(crate) fn following(&self, state: &str) -> Running {
        let mut running = self.spawn(["paper", "follow", "a.toml"]);
        running.wait_until(|| self.is(state));
        assert!(running.is_running());
        running
    }

    pub(crate) fn tell(&self, words: &[&str]) -> crate::project::Outcome {
        let began = Instant::now();
        let outcome = self.run([&["paper"], words].concat());
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        outcome
    }
}

#[test]
fn history_played_again_is_the_backtest() {
    let project = project(25, "");
    let _ = project.run(["paper", "follow", "a.toml", "--replay", "max"]).success();
    let followed = fs::read(project.path("output/paper/x/trades.csv")).unwrap();
    let text = manifest("").replace("mode = \"paper\"\n", "");
    project.write_manifest("b.toml", &text);
    let _ = project.run(["run", "b.toml", "--no-report"]).success();
    let run = project.newest();
    let files = run.reproducible();
    let (_, trades) = files.iter().find(|(name, _)| name.ends_with("trades.csv")).unwrap();
    assert_eq!(String::from_utf8_lossy(&followed), String::from_utf8_lossy(trades));
    let closed: usize = run.result("x")["trades"].parse().unwrap();
    let all = String::from_utf8_lossy(trades).lines().count() - 1;
    assert_eq!(project.told("fill").len(), closed + all, "what is closed has two fills");
    let _ = project.run(["paper", "follow", "a.toml", "--replay", "max"]).success();
    assert_eq!(fs::read(project.path("output/paper/x/trades.csv")).unwrap(), followed);
}

#[test]
fn history_without_a_bar_has_an_end() {
    let project = project(0, "");
    let replay = ["paper", "follow", "a.toml", "--replay", "max"];
    let _ = project.run(replay).success().stderr("x: there is no bar to play again");
    fs::remove_file(project.path("data/X.csv")).unwrap();
    let _ = project.run(replay).code(3).stderr("there is no such file");
}

#[test]
fn an_account_whose_range_has_ended_waits_for_no_bar() {
    let text = manifest("").replace("mode =", "range = { to = 2024-01-01 }\nmode =");
    let bar = |time: &str| format!("{time},1,2,0.5,1,10\n");
    let bars = ["2024-01-01T23:58:00Z", "2024-01-01T23:59:00Z", "2024-01-02T00:00:00Z"].map(bar);
    let project = Project::new()
        .manifest("a.toml", &text)
        .file("data/X.csv", [HEADER, &bars.concat()].concat());
    let mut running = project.spawn(["paper", "follow", "a.toml"]);
    let is_told =
        |it: &Value| it["message"].as_str().unwrap().starts_with("its range ended on 2024-01-01");
    running.wait_until(|| project.told("check").iter().any(is_told));
    project.append(&bar("2024-01-02T00:01:00Z"));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(
        (project.states(), project.walked()),
        (vec!["initializing".into(), "active".into()], 2)
    );
    running.signal("TERM");
    let _ = running.end().code(143).stderr("x: its range ended on 2024-01-01");
}

#[test]
fn history_played_again_ends_with_the_bars_that_are_complete() {
    let project = project(110, "");
    let _ = project.run(["paper", "follow", "a.toml", "--replay", "max"]).success();
    assert!((102..106).contains(&project.walked()), "{}", project.walked());
}

#[test]
fn a_number_that_is_none_is_refused_before_anybody_is_told() {
    let project = project(5, "");
    let _ = project.run(["run", "a.toml", "--no-report", "-q"]).success();
    for words in [
        &["adjust", "--size", "nan"][..],
        &["adjust", "--tighten", "inf"],
        &["status", "--watch", "--every", "nan"],
    ] {
        let _ = project.tell(words).code(2).stderr("it is a number, such as 0.5");
    }
    let slow = ["paper", "follow", "a.toml", "--replay", "1e-300x"];
    let _ = project.run(slow).code(2).stderr("`0.001x` at least");
    assert!(project.told("command").is_empty() && project.told("warning").is_empty());
}

#[test]
fn who_gave_a_command_is_who_owns_the_process() {
    let project = project(25, "");
    let _ = project.run(["run", "a.toml", "--no-report", "-q"]).success();
    let mut pause = project.command(["paper", "pause"]);
    assert!(pause.env_remove("USER").env_remove("LOGNAME").status().unwrap().success());
    let mut resume = project.command(["paper", "resume"]);
    assert!(resume.env("USER", "alice").env("LOGNAME", "alice").status().unwrap().success());
    let commands = project.told("command");
    let by = |index: usize| commands[index]["facts"]["by"].as_str().unwrap();
    assert_eq!(by(0), by(1));
    let (user, host) = by(0).split_once('@').unwrap();
    assert!(
        !user.is_empty() && user != "alice" && user != "somebody" && !host.is_empty(),
        "{user}"
    );
}

#[test]
fn another_terminal_is_answered_while_no_bar_comes() {
    let project = project(50, "");
    let mut running = project.following("active");
    let _ = project.tell(&["pause"]).success();
    running.wait_until(|| project.is("paused"));
    let summary = || {
        let text = fs::read(project.path("output/paper/x/summary.json")).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()
    };
    running.wait_until(|| summary()["status"] == "paused");
    assert!(summary()["end"].is_null());
    let _ = project.tell(&["pause", "x"]).code(2).stderr("it is paused already");
    let _ = project.tell(&["adjust", "--param", "fast=999"]).code(2).stderr("from 1 to 50");
    let _ = project.tell(&["adjust", "--off", "Y"]).code(2).stderr("trades no symbol `Y`");
    let _ = project.tell(&["adjust", "--size", "0.5"]).success();
    let _ = project.tell(&["resume"]).success();
    running.wait_until(|| project.is("active"));
    let _ = project.tell(&["resume"]).code(2).stderr("it is not paused");
    let commands = project.told("command");
    let (obeyed, refused): (Vec<&Value>, Vec<&Value>) =
        commands.iter().partition(|it| it["facts"]["refused"].is_null());
    assert_eq!((obeyed.len(), refused.len()), (3, 4));
    assert!(commands.iter().all(|it| it["facts"]["by"].is_string()));
    assert!(obeyed.iter().all(|it| it["facts"]["after"].is_string() && it["level"] == "info"));
    assert!(refused.iter().all(|it| it["level"] == "warning"));
    let reasons: Vec<Value> =
        project.told("state").iter().map(|it| it["facts"]["reason"].clone()).collect();
    assert!(reasons[2].as_str().unwrap().starts_with("by hand, by "), "{reasons:?}");
    let status = project.run(["paper", "status", "--format", "json"]).success().json();
    assert_eq!(status[0]["state"], "active");
    assert_eq!(status[0]["pid"], running.child().id().to_string());
    let _ = project.tell(&["kill"]).success();
    let _ = running.end().success();
    assert_eq!(summary()["status"], "closed");
    assert!(summary()["end"].is_string());
    assert_eq!(project.states(), ["initializing", "active", "paused", "active", "closed"]);
    let _ = project.tell(&["pause"]).code(2).stderr("papertape paper restart");
    let _ = project.tell(&["restart"]).success().stderr("put aside as `x~");
    let _ = project.tell(&["pause"]).code(2).stderr("there is no paper account yet");
    let _ = project.run(["paper", "status"]).success().stderr("there is no paper account yet");
    let _ = project.run(["paper", "status", "y"]).code(2).stderr("there is no paper account yet");
    let aside = fs::read_dir(project.path("output/paper")).unwrap().next().unwrap().unwrap();
    let aside = aside.file_name().into_string().unwrap();
    let _ = project.run(["paper", "status"]).success().stderr(&format!("put aside: {aside}"));
    let _ = project.run(["paper", "status", &aside]).success().stdout(&aside);
    let _ = project.run(["events", &aside, "--last", "1"]).success().stdout("begun anew");
}

#[test]
fn a_silent_feed_suspends_and_a_bar_brings_it_back() {
    let project = project(50, "").manifest("a.toml", &manifest("").replace("\"1d\"", "\"60m\""));
    let mut running = project.following("active");
    running.signal("TERM");
    let _ = running.end().code(143);
    project.write_manifest("a.toml", &manifest("").replace("\"1d\"", "\"10m\""));
    let mut running = project.following("suspended");
    let _ = project.tell(&["adjust", "--size", "2"]).success();
    assert!(project.is("suspended"), "a command is no bar");
    let seen = fs::read_to_string(project.path("data/X.csv")).unwrap();
    let later = minutes(50, 100);
    // Another file takes the place of the one that was followed.
    let comes_back = |text: &str| {
        project.write("other.csv", format!("{text}{later}"));
        fs::rename(project.path("other.csv"), project.path("data/X.csv")).unwrap();
    };
    comes_back(&seen.replace(",10\n", ",11\n"));
    let is_revised = |it: &Value| {
        it["facts"]["reason"].as_str().is_some_and(|it| it.contains("`volume` was 10, and is 11"))
    };
    running.wait_until(|| project.told("check").last().is_some_and(is_revised));
    assert!(project.is("suspended"));
    comes_back(&seen);
    running.wait_until(|| project.is("active"));
    running.signal("INT");
    let _ = running.end().code(130);
    assert_eq!(project.told("runner_end").len(), 2);
}

#[test]
fn what_is_written_over_in_place_is_named_and_stops_or_is_marked() {
    let fact = "data/X.csv: `X`, bar ";
    let revised = "`volume` was 10, and is 11";
    for (on_revised, kind, state) in [("stop", "check", "suspended"), ("mark", "warning", "active")]
    {
        let project = project(50, &format!("on_revised = \"{on_revised}\""));
        let mut running = project.following("active");
        let text = fs::read_to_string(project.path("data/X.csv")).unwrap();
        let last = text.rfind(",10\n").unwrap();
        project.write("data/X.csv", [&text[..last], ",11\n"].concat());
        let is_named = |it: &Value| {
            let message = it["message"].as_str().unwrap();
            message.contains(fact) && message.contains(revised)
        };
        running.wait_until(|| project.told(kind).last().is_some_and(is_named));
        running.wait_until(|| project.is(state));
        project.write("data/X.csv", [&text, &*minutes(50, 52)].concat());
        running.wait_until(|| project.walked() == 52);
        assert!(project.is("active"));
        running.signal("TERM");
        let _ = running.end().code(143);
    }
}

#[test]
fn garbage_is_left_out_and_damage_suspends_until_it_is_mended() {
    let project = project(50, "");
    let mut running = project.following("active");
    project.append("\u{1}garbage\n");
    project.append(&minutes(50, 52));
    running.wait_until(|| project.told("warning").len() == 1);
    let good = fs::read(project.path("data/X.csv")).unwrap();
    let damaged = minutes(52, 53).replace(",10\n", ",-10\n").replace("100", "-100");
    project.append(&format!("{},1,1,5,1,10\n", damaged.split(',').next().unwrap()));
    running.wait_until(|| project.is("suspended"));
    project.write("data/X.csv", good);
    running.wait_until(|| project.is("active"));
    project.append(&minutes(52, 60));
    running.wait_until(|| project.walked() == 60);
    running.signal("TERM");
    let _ = running.end().code(143);
}

#[test]
fn a_follower_that_was_killed_is_continued() {
    let project = project(30, "");
    let mut running = project.following("active");
    running.child().kill().unwrap();
    let _ = running.end();
    project.append(&minutes(30, 60));
    let mut running = project.following("active");
    running.wait_until(|| project.walked() == 60);
    running.signal("INT");
    let _ = running.end().code(130);
    let followed = fs::read(project.path("output/paper/x/trades.csv")).unwrap();
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    assert_eq!(fs::read(project.path("output/paper/x/trades.csv")).unwrap(), followed);
}

#[test]
fn a_clock_that_jumps_takes_no_bar_twice_and_none_before_it_is_complete() {
    const DAY: i64 = 86_400;
    let (text, more) = (minutes(0, 110), minutes(110, 112));
    let project = project(0, "").file("data/X.csv", format!("{HEADER}{text}"));
    let mut running = project.spawn(["paper", "follow", "a.toml", "--clock-moved-by", "moved-by"]);
    running.wait_until(|| project.walked() > 0);
    let by_the_clock = project.walked();
    assert!((100..110).contains(&by_the_clock), "{by_the_clock}");
    let mut jump = |to: i64, warning: &str, bars: u64| {
        project.write("moved-by", to.to_string());
        let is_told = |it: &Value| it["message"].as_str().unwrap().contains(warning);
        running.wait_until(|| project.told("warning").last().is_some_and(is_told));
        running.wait_until(|| project.walked() >= bars);
        assert_eq!(project.walked(), bars, "{warning}");
    };
    jump(DAY, "the clock went ahead by 86400 s", 110);
    jump(-3_600, "the clock went back by 90000 s", 110);
    project.append(&more);
    std::thread::sleep(Duration::from_millis(300));
    jump(1_800, "the clock went ahead by 5400 s", 112);
    assert!(running.is_running());
    running.signal("TERM");
    let _ = running.end().code(143);
    let at_once = crate::follow::project(0, "").file("data/X.csv", format!("{HEADER}{text}{more}"));
    let tomorrow = (Utc::now() + TimeDelta::days(1)).format("%Y-%m-%d").to_string();
    let _ = at_once.run(["run", "a.toml", "--no-report", "-q", "--now", &tomorrow]).success();
    let trades = |project: &Project| fs::read(project.path("output/paper/x/trades.csv")).unwrap();
    assert_eq!(trades(&at_once), trades(&project));
}

#[test]
fn lines_on_standard_input_are_a_feed() {
    for json in [false, true] {
        let project = Project::new().manifest("a.toml", &manifest(""));
        let mut command = project.command(["paper", "follow", "a.toml", "--stdin"]);
        command.stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = format!("{HEADER}{}", minutes(0, 30));
        if json {
            let object = |line: &str| {
                let [time, open, high, low, close, _] = line.split(',').collect::<Vec<_>>()[..]
                else {
                    panic!("{line}")
                };
                format!(
                    "{{\"t\":\"{time}\",\"o\":{open},\"h\":{high},\"l\":{low},\"c\":{close}}}\n"
                )
            };
            lines = minutes(0, 30).lines().map(object).collect();
        }
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        let _ = crate::project::Outcome::of(child.wait_with_output().unwrap()).success();
        let account = fs::read(project.path("output/paper/x/account.json")).unwrap();
        let account: Value = serde_json::from_slice(&account).unwrap();
        assert_eq!(account["bars"], 30);
        assert_eq!(account["state"], "active");
    }
}

/// Follow these lines of standard input until they end.
fn fed(project: &Project, lines: &str) -> crate::project::Outcome {
    let mut command = project.command(["paper", "follow", "a.toml", "--stdin", "-q"]);
    command.stdin(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    crate::project::Outcome::of(child.wait_with_output().unwrap())
}

#[test]
fn a_feed_with_other_columns_is_refused_and_nothing_of_it_is_kept() {
    let project = Project::new().manifest("a.toml", &manifest(""));
    let feed = "output/paper/x/feed/x.csv";
    for (none, fact) in [
        ("hello\n", "no column looks like `time`; the file has hello"),
        (&*minutes(0, 3), "the first line is no header, it has 20"),
    ] {
        let _ = fed(&project, none).code(2).stderr(&format!("standard input: {fact}"));
        assert!(!project.path(feed).exists());
    }
    let _ = fed(&project, &format!("\n{HEADER}{}", minutes(0, 30))).success().silent();
    let kept = fs::read(project.path(feed)).unwrap();
    let swapped = "timestamp,close,high,low,open,volume\n";
    let refused = fed(&project, &format!("{swapped}{}", minutes(30, 35))).code(2);
    let _ =
        refused.stderr("standard input names the columns `timestamp,close,high,low,open,volume`");
    assert_eq!(fs::read(project.path(feed)).unwrap(), kept);
    let _ = fed(&project, &format!("{HEADER}{}", minutes(30, 35))).success().silent();
    assert_eq!(project.walked(), 35);
}

#[test]
fn a_line_that_never_ends_is_named_and_takes_no_room() {
    let project = Project::new().manifest("a.toml", &manifest(""));
    let long = "9".repeat(3 << 20);
    let lines = format!("{HEADER}{}{long}\n{}{long}", minutes(0, 30), minutes(30, 35));
    let followed = fed(&project, &lines).success();
    let followed = followed.stderr("line 32 is left out: it has 1 cell, and there are 6 columns");
    let _ = followed.stderr("standard input ended within a line");
    assert_eq!(project.walked(), 35);
    assert!(fs::metadata(project.path("output/paper/x/feed/x.csv")).unwrap().len() < 10_000);
}

#[test]
fn a_feed_that_dies_within_a_line_leaves_out_that_line_alone() {
    let project = Project::new().manifest("a.toml", &manifest(""));
    let lines = minutes(0, 32);
    let ends: Vec<usize> = lines.match_indices('\n').map(|(end, _)| end + 1).collect();
    let (first, rest) = lines.split_at(ends[29]);
    let torn = &rest[..rest.find(',').unwrap() + 3];
    let ended = fed(&project, &format!("{HEADER}{first}{torn}")).success();
    let _ = ended.stderr("standard input ended within a line, which is left out");
    assert_eq!(project.walked(), 30);
    let _ = fed(&project, rest).success().silent();
    assert_eq!(project.walked(), 32);
}

#[test]
fn a_bar_that_is_sent_twice_is_one_and_two_of_one_time_end_with_a_code() {
    let project = Project::new().manifest("a.toml", &manifest(""));
    let lines = minutes(0, 30);
    let last = lines.split_inclusive('\n').next_back().unwrap();
    let _ = fed(&project, &format!("{HEADER}{lines}{last}{last}")).success();
    assert_eq!((project.walked(), project.is("active")), (30, true));
    let other = last.replace(",10\n", ",11\n");
    let ended = fed(&project, &format!("{HEADER}{other}"));
    let _ = ended.code(3).stderr("`volume` is 11 here and 10 in row");
    assert!(project.is("suspended"));
    let project = Project::new().manifest("a.toml", &manifest(""));
    let _ = fed(&project, "<html>\nno bar\n").code(2).stderr("no column looks like `time`");
}

#[test]
fn a_session_is_followed_by_its_name() {
    let project = project(30, "").manifest("sessions/m.toml", &manifest(""));
    let _ = project.run(["paper", "follow", "x", "--replay", "max"]).success();
    assert_eq!(project.walked(), 30);
    let _ = project.run(["paper", "follow", "y"]).code(2).stderr("declares a session `y`");
    let backtest = manifest("").replace("mode = \"paper\"\n", "");
    project.write_manifest("sessions/a.toml", &backtest);
    let _ = project.run(["paper", "follow", "x", "--replay", "max"]).success();
    let _ = project.run(["paper", "follow", "--replay", "max"]).success();
    let none = project.run(["paper", "follow", "sessions/a.toml"]).code(4);
    let _ = none.stderr("1 backtest left out");
    project.write_manifest("sessions/n.toml", &manifest(""));
    let _ =
        project.run(["paper", "follow", "x"]).code(2).stderr("sessions/m.toml, sessions/n.toml");
    project.write("sessions/broken.toml", "schema = 1\nschema = 1\n");
    let _ =
        project.run(["paper", "follow", "y"]).code(2).stderr("sessions/broken.toml cannot be read");
    let _ = project.run(["paper", "follow"]).code(2).stderr("sessions/m.toml");
}

#[test]
fn an_account_is_explained_with_what_it_was_told() {
    let project = project(30, "");
    let replay = || {
        let _ = project.run(["paper", "follow", "a.toml", "--replay", "max"]).success();
    };
    replay();
    let _ = project.tell(&["adjust", "--param", "fast=5"]).success();
    project.append(&minutes(30, 40));
    replay();
    let explain = |bar: &str| {
        let arguments = ["explain", "x", "a.toml", "--at", bar, "--format", "json"];
        project.run(arguments).success().json()
    };
    let (told, next) = (explain("29"), explain("30"));
    assert_eq!(told["commands"][0]["command"], "parameter `fast` is 5");
    assert_eq!((&told["params"]["fast"], &next["params"]["fast"]), (&2.into(), &5.into()));
    let account = fs::read(project.path("output/paper/x/equity.csv")).unwrap();
    let last = String::from_utf8(account).unwrap().lines().last().unwrap().to_owned();
    let equity: f64 = last.split(',').nth(1).unwrap().parse().unwrap();
    assert_eq!(explain("39")["equity"], equity);
}

#[test]
fn one_account_has_one_follower() {
    let project = project(30, "heartbeat = \"100ms\"");
    let mut running = project.following("active");
    let _ = project.run(["paper", "follow", "a.toml"]).code(75).stderr("x/lock");
    let _ = project.run(["run", "a.toml"]).code(75).stderr("`--lock skip` leaves to it");
    running.wait_until(|| project.told("heartbeat").len() > 12);
    // A view that somebody else wrote to is written anew.
    let equity = || fs::read_to_string(project.path("output/paper/x/equity.csv")).unwrap();
    let before = equity();
    project.write("output/paper/x/equity.csv", "mine\n");
    let _ = project.tell(&["adjust", "--size", "0.5"]).success();
    running.wait_until(|| equity() == before);
    let summary = fs::read(project.path("output/paper/x/summary.json")).unwrap();
    let summary: Value = serde_json::from_slice(&summary).unwrap();
    assert!(summary["running_seconds"].as_u64().unwrap() > 0, "no bar came since: {summary}");
    let beat = &project.told("heartbeat")[0]["metrics"];
    for name in ["equity", "profit", "trades", "wins", "losses", "decision_latency"] {
        assert!(beat[name].is_number(), "{name}: {beat}");
    }
    running.signal("HUP");
    let _ = running.end().code(129);
    assert_eq!(
        project.told("runner_end").len(),
        1,
        "a terminal that was closed is told like Ctrl-C"
    );
    let _ = project.run(["paper", "follow", "a.toml", "--session", "y"]).code(4);
    let none = project.run(["paper", "follow", "a.toml", "--session", "[xy]"]).code(4);
    let _ = none.stderr("only `*` and `?` stand for others");
}

#[test]
fn a_replay_takes_no_bar_that_is_not_complete_whatever_the_checks_say() {
    for (policy, warns) in [("warn", true), ("off", false), ("drop", false)] {
        let text = manifest("").replace("\"1m\" }", "\"1m\", checks.unfinished = \"POLICY\" }");
        let project = Project::new().manifest("a.toml", &text.replace("POLICY", policy));
        let project = project.file("data/X.csv", format!("{HEADER}{}", minutes(0, 110)));
        let follow = ["paper", "follow", "a.toml", "--replay", "max", "-q"];
        let followed = project.run(follow).success();
        assert_eq!(followed.stderr.contains("unfinished bar"), warns, "{}", followed.stderr);
        let account = fs::read(project.path("output/paper/x/account.json")).unwrap();
        let account: Value = serde_json::from_slice(&account).unwrap();
        let bars = account["bars"].as_u64().unwrap();
        // A minute may begin while this runs.
        assert!((100..103).contains(&bars), "{policy}: {bars}");
    }
}

#[test]
fn an_account_is_found_where_its_manifest_writes() {
    let text = format!("\n[run]\noutput = \"res\"\n{}", manifest(""));
    let project = Project::new().manifest("sessions/a.toml", &text);
    let project = project.file("data/X.csv", format!("{HEADER}{}", minutes(0, 50)));
    let _ = project.run(["run", "sessions/a.toml", "--no-report", "-q"]).success();
    assert!(project.path("res/paper/x/journal.jsonl").exists());
    let status = project.run(["paper", "status", "--format", "json"]).success().json();
    assert_eq!(status[0]["session"], "x");
    let _ = project.run(["paper", "pause", "x"]).success();
    let _ = project.run(["events", "x", "--type", "command"]).success().stdout("pause");
    let _ = project.run(["paper", "kill"]).success();
}
