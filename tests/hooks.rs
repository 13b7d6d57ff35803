//! Hooks and health checks: they are told, and nothing that they do reaches the run.

use crate::project::{Project, Run, assert_same, session};
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

const EVERY: [&str; 6] = ["on_started", "on_finished", "on_failed", "start", "success", "failure"];

/// A run of two sessions with the same command for everything that may happen.
fn project(command: &str) -> Project {
    let two = [&session("two"), "capital = 2000\n"].concat();
    let call = |key: &&str| format!("{key} = [\"/bin/sh\", \"-c\", '''{command}''']\n");
    let (hooks, health) = EVERY.split_at(3);
    let tables = format!(
        "\n[run]\nreport = false\n[run.hooks]\ntimeout = \"2s\"\n{}[run.health_check]\ntimeout = \"2s\"\n{}",
        hooks.iter().map(call).collect::<String>(),
        health.iter().map(call).collect::<String>()
    );
    Project::new().bars(120).manifest("a.toml", &[tables, session("one"), two].concat())
}

/// Wait for a file, for nobody waits for hooks.
#[track_caller]
fn file(project: &Project, name: &str, holds: impl Fn(&str) -> bool) -> String {
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(project.path(name)).unwrap_or_default();
        if holds(&text) {
            return text;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{name} holds `{text}`");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn told(project: &Project, name: &str) -> Value {
    let text = file(project, &format!("told-{name}"), |text| text.ends_with('\n'));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn each_hook_is_told_once_with_the_event_at_its_standard_input() {
    let project = project("cat >> told-$PAPERTAPE_HOOK");
    let _ = project.run(["run", "a.toml", "-q"]).success().silent();
    assert_eq!(told(&project, "on_started")["type"], "runner_start");
    assert_eq!(told(&project, "start")["metrics"]["sessions"], 2);
    let finished = told(&project, "on_finished");
    assert_eq!(finished["facts"]["exit_code"], 0);
    assert_eq!(finished["facts"]["manifests"][0], "a.toml");
    assert_eq!(told(&project, "success"), finished);
    for absent in ["on_failed", "failure"] {
        assert!(!project.path(&format!("told-{absent}")).exists());
    }
    assert!(!project.path("output/hooks.jsonl").exists());
}

#[test]
fn a_session_that_fails_is_told_and_so_is_the_failure_of_the_run() {
    let project = project("cat >> told-$PAPERTAPE_HOOK");
    let _ = project.run(["run", "a.toml", "-q", "--fault", "1"]).code(3);
    let failed = told(&project, "on_failed");
    assert_eq!(failed["session"], "two");
    assert_eq!((&failed["type"], &failed["level"]), (&"error".into(), &"error".into()));
    assert_eq!(failed["message"], "a fault was asked for");
    assert_eq!(told(&project, "failure")["facts"]["exit_code"], 3);
    assert_eq!(told(&project, "on_finished")["level"], "error");
    assert!(!project.path("told-success").exists());
}

/// The run with a command that misbehaves is the run without.
#[track_caller]
fn changes_nothing(command: &str, fact: &str) {
    let timed = |project: &Project| {
        let began = Instant::now();
        let _ = project.run(["run", "a.toml", "-q"]).success().silent();
        began.elapsed()
    };
    let (undisturbed, project) = (project("true"), project(command));
    let (without, with) = (timed(&undisturbed), timed(&project));
    // Four hooks that sleep would take two seconds each.
    assert!(with < without + Duration::from_secs(8), "{with:?}, and {without:?} without");
    let run: Run = project.newest();
    assert_eq!(run.json()["exit_code"], 0);
    assert_same(&undisturbed.newest().reproducible(), &run.reproducible());
    if !fact.is_empty() {
        let log = file(&project, "output/hooks.jsonl", |log| log.lines().count() >= 4);
        for line in log.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            assert_eq!((&event["type"], &event["phase"]), (&"warning".into(), &"hook".into()));
            assert!(event["message"].as_str().unwrap().ends_with(fact), "{line}");
        }
    }
}

#[test]
fn a_hook_that_sleeps_is_ended_and_nobody_waits_for_it() {
    changes_nothing("sleep 600", "was ended after 2 s");
}

#[test]
fn a_hook_that_floods_its_output_reaches_nobody() {
    changes_nothing("exec yes", "was ended: it wrote more than 1 MB");
}

#[test]
fn a_hook_that_fails_is_logged_and_no_more() {
    changes_nothing("exit 1", "ended with exit status: 1");
}

#[test]
fn a_hook_that_forks_keeps_nothing_of_the_run() {
    changes_nothing(
        "for i in 1 2 3 4 5 6 7 8; do sleep 3 & done; kill -9 $$",
        "ended with signal: 9 (SIGKILL)",
    );
}

#[test]
fn what_happens_once_in_a_run_is_told_however_many_fills_there_are() {
    let hook = |command: &str| format!("[\"/bin/sh\", \"-c\", '''{command}''']");
    let (slow, tell) = (hook("sleep 2"), hook("cat >> told-$PAPERTAPE_HOOK"));
    let run = format!(
        "\n[run]\nreport = false\nhooks = {{ on_trade = {slow}, on_finished = {tell} }}\nhealth_check = {{ success = {tell} }}\n"
    );
    let paper = "mode = \"paper\"\nparams = { fast = 1, slow = 2 }\n";
    let paper = [&session("night"), paper].concat();
    let project = Project::new().bars(120).manifest("a.toml", &[run, paper].concat());
    let _ = project.run(["run", "a.toml", "-q", "--now", "2020-06-01"]).success();
    assert_eq!(told(&project, "success"), told(&project, "on_finished"));
    let log = fs::read_to_string(project.path("output/hooks.jsonl")).unwrap();
    let full = log.matches("16 commands are at work already").count();
    assert!((1..8).contains(&full), "not for each of the fills: {log}");
}

#[test]
fn what_leaves_the_group_of_a_hook_ends_with_it() {
    // A shell of this name, in a session of its own, which goes on when the hook has ended.
    let daemon = format!("left-by-{}", std::process::id());
    let command =
        format!("setsid sh -c 'echo > left; while :; do sleep 1; done' {daemon} & sleep 0.2");
    let project = followed(&command);
    file(&project, "left", |text| text == "\n");
    let is_there = || {
        let lines = fs::read_dir("/proc").unwrap().flatten();
        let lines = lines.filter_map(|it| fs::read(it.path().join("cmdline")).ok());
        let named =
            lines.filter(|line| String::from_utf8_lossy(line).ends_with(&format!("{daemon}\0")));
        named.count() > 0
    };
    let began = Instant::now();
    while is_there() {
        assert!(began.elapsed() < Duration::from_secs(20), "it is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_hook_that_is_not_there_is_a_warning_and_a_command_of_no_words_a_mistake() {
    let project = Project::new().bars(120);
    let hook = |command: &str| {
        let hooks = format!("\n[run]\nhooks = {{ on_finished = {command} }}\n");
        project.write_manifest("a.toml", &[hooks, session("one")].concat());
        project.run(["run", "a.toml", "-q", "--no-report"])
    };
    let absent = hook("[\"no-such-program\", \"x\"]").success();
    let _ = absent.stderr("the hook `on_finished` calls `no-such-program`, and there is none");
    let _ = hook("[]").code(2).stderr("`run.hooks.on_finished` names no command");
    let _ = hook("\"mail me\"").code(2).stderr("run.hooks.on_finished");
}

#[test]
fn the_fills_and_states_of_an_account_are_told_once() {
    let hook = "[\"/bin/sh\", \"-c\", \"cat >> told-$PAPERTAPE_HOOK\"]";
    let run =
        format!("\n[run]\nreport = false\nhooks = {{ on_trade = {hook}, on_state = {hook} }}\n");
    let paper = [&session("night"), "mode = \"paper\"\nparams = { fast = 3, slow = 9 }\n"].concat();
    let project = Project::new().bars(60).manifest("a.toml", &[run, paper].concat());
    let _ = project.run(["run", "a.toml", "-q", "--now", "2020-06-01"]).success();
    let journal = project.path("output/paper/night/journal.jsonl");
    let journalled = fs::read_to_string(&journal).unwrap();
    let fills = journalled.lines().filter(|line| line.contains("\"type\":\"fill\"")).count();
    assert!((1..16).contains(&fills), "{journalled}");
    let count = |text: &str| text.lines().count();
    let trades = file(&project, "told-on_trade", |text| count(text) == fills);
    assert!(trades.lines().all(|line| journalled.contains(line)));
    let states = journalled.lines().filter(|line| line.contains("\"type\":\"state\"")).count();
    if states > 0 {
        file(&project, "told-on_state", |text| count(text) == states);
    }
    let _ = project.run(["run", "a.toml", "-q", "--now", "2020-06-01"]).success();
    assert_eq!(fs::read_to_string(project.path("told-on_trade")).unwrap(), trades);
    let events = project.run(["events", "night", "--type", "fill", "--format", "json"]).success();
    assert_eq!(events.json().as_array().unwrap().len(), fills);
    // Nobody follows the account: whoever tells it something tells of its state.
    let told = fs::read_to_string(project.path("told-on_state")).map_or(0, |text| count(&text));
    let _ = project.run(["paper", "pause", "night"]).success();
    let text = file(&project, "told-on_state", |text| count(text) == told + 1);
    assert!(text.lines().last().unwrap().contains("\"to\":\"paused\""), "{text}");
    let _ = project.run(["paper", "restart", "night"]).success();
    let text = file(&project, "told-on_state", |text| count(text) == told + 2);
    assert!(text.lines().last().unwrap().contains("\"cause\":\"restart\""), "{text}");
}

/// An account that is followed through 14 minutes of history, with this command for what happens.
fn followed(command: &str) -> Project {
    let hook = format!("[\"/bin/sh\", \"-c\", '''{command}''']");
    let hooks = format!("\n[run.hooks]\ntimeout = \"2s\"\non_trade = {hook}\non_state = {hook}\n");
    let text = [hooks, crate::follow::manifest("")].concat();
    let project = crate::follow::project(14, "").manifest("a.toml", &text);
    let began = Instant::now();
    let _ = project.run(["paper", "follow", "a.toml", "--replay", "max"]).success();
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    project
}

#[test]
fn a_follower_tells_the_fills_and_states_of_its_account_and_nothing_disturbs_it() {
    let project = followed("cat >> told-$PAPERTAPE_HOOK");
    let count = |text: &str| text.lines().count();
    let (fills, states) = (project.told("fill").len(), project.told("state").len());
    assert!((1..13).contains(&fills), "{fills}");
    file(&project, "told-on_trade", |text| count(text) == fills);
    let text = file(&project, "told-on_state", |text| count(text) == states);
    let journal = fs::read_to_string(project.path("output/paper/x/journal.jsonl")).unwrap();
    assert!(text.lines().all(|line| journal.contains(line)));
    let trades = |project: &Project| fs::read(project.path("output/paper/x/trades.csv")).unwrap();
    for command in ["sleep 600", "exec yes", "exit 1", "for i in 1 2 3; do sleep 3 & done"] {
        let disturbed = followed(command);
        let bars = |text: Vec<u8>| String::from_utf8(text).unwrap().lines().count();
        assert_eq!(bars(trades(&disturbed)), bars(trades(&project)), "{command}");
        assert_eq!(disturbed.told("fill").len(), fills, "{command}");
    }
}

#[test]
fn a_program_that_was_replaced_while_it_follows_tells_on() {
    let project = followed("cat >> told-$PAPERTAPE_HOOK");
    let (command, link) =
        (project.command(["paper", "follow", "a.toml", "-q"]), project.path("pt"));
    fs::hard_link(command.get_program(), &link)
        .or_else(|_| fs::copy(command.get_program(), &link).map(|_| ()))
        .unwrap();
    let mut own = std::process::Command::new(&link);
    let mut running = own.args(command.get_args()).current_dir(project.path("")).spawn().unwrap();
    while project.told("phase_start").len() < 3 {
        assert!(running.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(10));
    }
    fs::remove_file(&link).unwrap();
    let _ = project.tell(&["pause"]).success();
    file(&project, "told-on_state", |text| text.contains("\"to\":\"paused\""));
    let _ = project.tell(&["kill"]).success();
    assert!(running.wait().unwrap().success());
}

#[test]
fn a_new_beginning_is_a_change_of_state_that_is_told() {
    let project = followed("cat >> told-$PAPERTAPE_HOOK");
    let mut running = project.spawn(["paper", "follow", "a.toml", "-q"]);
    running.wait_until(|| project.told("phase_start").len() == 3);
    let _ = project.tell(&["restart"]).success();
    file(&project, "told-on_state", |text| text.contains("\"cause\":\"restart\""));
    running.signal("TERM");
    let _ = running.end().code(143);
}
