//! Paper accounts whose process is killed before each write, sync and rename in turn: on their first
//! night, on a later one, while they are followed, while they are told something. Each death has an
//! account of its own, and one process opens them all afterwards.

use crate::project::{Files, Project, assert_same, tree};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

const RUN: [&str; 4] = ["run", "a.toml", "--no-report", "-q"];

/// So many processes are killed at the same time.
const AT_ONCE: usize = 4;

/// A project with an account of each of these names, and of `name000` to `name{count - 1}` for each of
/// `groups`. `keys` hold for all of them.
fn project(keys: &str, names: &[&str], groups: &[(&str, usize)]) -> Project {
    let mut text = format!(
        "
[defaults]
mode = \"paper\"
data = {{ path = \"data/x.csv\", timeframe = \"1d\" }}
{keys}
"
    );
    let numbered = groups.iter().flat_map(|(group, count)| (0..*count).map(|it| of(group, it)));
    for name in names.iter().map(|name| (*name).to_owned()).chain(numbered) {
        let approval = name.starts_with("approve");
        writeln!(text, "[session.{name}]\npaper.approval = {approval}").unwrap();
    }
    Project::new().manifest("a.toml", &text)
}

fn of(group: &str, number: usize) -> String {
    format!("{group}{number:03}")
}

/// Leaves something that is asked in the control directory of an account.
pub(crate) fn leave(project: &Project, name: &str, id: &str, asked: &str) {
    let asked = format!("{{\"by\":\"somebody\",\"asked\":{asked}}}");
    let sent = format!("{{\"id\":\"{id}\",\"command\":{asked}}}");
    project.write(&format!("output/paper/{name}/control/{id}.json"), sent);
}

/// Lets accounts `group` 0 to `count - 1` be what `whole` is.
fn spread(project: &Project, group: &str, count: usize) {
    let files = tree(&project.path("output/paper/whole"));
    for name in (0..count).map(|number| of(group, number)) {
        for (path, bytes) in &files {
            project.write(&format!("output/paper/{name}/{path}"), bytes);
        }
    }
}

/// Kills a process with `arguments` before its operation number n on the account `group` n, for each n
/// until one comes to its end; how many were killed.
fn killed_at_each(project: &Project, group: &str, arguments: &[&str]) -> usize {
    let (next, ended) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let kill = || {
        loop {
            let number = next.fetch_add(1, Ordering::SeqCst);
            if number >= ended.load(Ordering::SeqCst) {
                return;
            }
            let (name, death) = (of(group, number), number.to_string());
            let named = arguments.iter().map(|word| word.replace("NAME", &name));
            let last = ["--die-after".to_owned(), death];
            let output = project.command(named.chain(last)).output().unwrap();
            match output.status.code() {
                None => {}
                Some(0) => drop(ended.fetch_min(number, Ordering::SeqCst)),
                Some(code) => panic!("{name}: {code}: {}", String::from_utf8_lossy(&output.stderr)),
            }
        }
    };
    std::thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(kill))));
    ended.into_inner()
}

/// What an account did, and every bar that it has seen.
fn account(project: &Project, name: &str) -> Files {
    let mut files = tree(&project.path(&format!("output/paper/{name}")));
    files.retain(|name, _| name.ends_with(".csv") || name.starts_with("bars/"));
    assert!(files.contains_key("trades.csv"), "{name} has no views");
    files
}

fn journal(project: &Project, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(project.path(&format!("output/paper/{name}/journal.jsonl")));
    text.unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How many events of this type an account's journal has.
fn told(project: &Project, name: &str, kind: &str) -> usize {
    journal(project, name).iter().filter(|event| event["type"] == kind).count()
}

/// Assert that the accounts that were killed are what one is that was not; how many fills each has.
fn all_are_whole(project: &Project, prefix: &str, killed: usize) -> usize {
    let fills = told(project, "whole", "fill");
    for number in 0..killed {
        let name = of(prefix, number);
        assert_same(&account(project, "whole"), &account(project, &name));
        assert_eq!(told(project, &name, "fill"), fills, "killed at {number}");
    }
    fills
}

/// The day before the bar number `count` is complete.
fn night(count: u64) -> String {
    let first = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
    (first + chrono::Days::new(count)).format("%Y-%m-%dT00:00:00Z").to_string()
}

const CROSSES: &str = "strategy = \"sma-cross\"\nparams = { fast = 2, slow = 5 }";

#[test]
#[expect(clippy::print_stdout, reason = "it says at how many operations it was killed")]
fn a_first_night_killed_at_each_write_sync_and_rename_is_begun_again() {
    const ACCOUNTS: usize = 80;
    let project = project(CROSSES, &["whole"], &[("x", ACCOUNTS)]).bars(40);
    // What a run makes once is there, so that all of them do the same.
    let _ = project.run(RUN.iter().chain(&["--session", "whole"])).success();
    let killed = killed_at_each(&project, "x", &[&RUN[..], &["--session", "NAME"]].concat());
    let _ = project.run(RUN).success();
    let fills = all_are_whole(&project, "x", killed);
    println!("killed at {killed} operations");
    assert!(killed > 40 && fills > 0, "{killed} {fills}");
}

#[test]
#[expect(clippy::print_stdout, reason = "it says at how many operations it was killed")]
fn a_night_killed_at_each_write_sync_and_rename_is_made_up_for() {
    const ACCOUNTS: usize = 90;
    let project = project(CROSSES, &["whole"], &[("x", ACCOUNTS)]).bars(50);
    let first = night(30);
    let _ = project.run(RUN.iter().chain(&["--session", "whole", "--now", &first])).success();
    // Whoever sent that was killed before somebody answered.
    leave(&project, "whole", "sent", "{\"give\":\"close_all\"}");
    spread(&project, "x", ACCOUNTS);
    let before = told(&project, "whole", "fill");
    let now = night(50);
    let last = [&RUN[..], &["--now", &now, "--session"]].concat();
    let _ = project.run(last.iter().chain(&["whole"])).success();
    let killed = killed_at_each(&project, "x", &[&last[..], &["NAME"]].concat());
    let _ = project.run(RUN).success();
    let fills = all_are_whole(&project, "x", killed);
    for name in (0..killed).map(|number| of("x", number)).chain(["whole".to_owned()]) {
        assert_eq!(told(&project, &name, "command"), 1, "{name}");
        assert!(tree(&project.path(&format!("output/paper/{name}/control"))).is_empty());
    }
    println!("killed at {killed} operations");
    assert!(killed > 40 && fills > before, "{killed} {fills}");
}

/// Rules that enter on the tenth bar of a pair, and again on the twelfth.
const ENTERS: &str = "sizing = { units = 8 }
strategy.rules = { enter_long = \"bar_index in [9, 11]\", exit_long = \"bar_index == 10\" }";

#[test]
#[expect(clippy::print_stdout, reason = "it says at how many operations it was killed")]
fn a_follower_killed_at_each_write_sync_and_rename_obeys_once_and_goes_on() {
    const ACCOUNTS: usize = 112;
    let holds = ENTERS.replace("bar_index == 10", "false");
    let project = project(&holds, &["whole"], &[("x", ACCOUNTS)]).bars(11);
    let _ = project.run(RUN.iter().chain(&["--session", "whole"])).success();
    leave(&project, "whole", "sent", "{\"give\":\"close_all\"}");
    spread(&project, "x", ACCOUNTS);
    let project = project.bars(12);
    let follow = ["paper", "follow", "a.toml", "--replay", "max", "-q", "--session"];
    let _ = project.run(follow.iter().chain(&["whole"])).success();
    let killed = killed_at_each(&project, "x", &[&follow[..], &["NAME"]].concat());
    let _ = project.run(follow.iter().chain(&["x*"])).success();
    let trades = fs::read_to_string(project.path("output/paper/whole/trades.csv")).unwrap();
    assert!(trades.contains(",command,"), "{trades}");
    for name in (0..killed).map(|number| of("x", number)) {
        assert_same(&account(&project, "whole"), &account(&project, &name));
        for (kind, count) in [("command", 1), ("fill", 2)] {
            assert_eq!(told(&project, &name, kind), count, "{name}");
        }
        assert!(tree(&project.path(&format!("output/paper/{name}/control"))).is_empty());
    }
    println!("killed at {killed} operations");
    assert!(killed > 60, "{killed}");
}

#[test]
#[expect(clippy::print_stdout, reason = "it says at how many operations it was killed")]
fn whoever_is_killed_while_it_tells_something_has_told_it_or_not() {
    let commands: [&[&str]; 5] = [
        &["pause", "NAME"],
        &["adjust", "NAME", "--size", "0.5"],
        &["cancel-orders", "NAME"],
        &["stop", "NAME"],
        &["approve", "NAME", "--all"],
    ];
    let groups = commands.map(|words| (words[0], 40));
    let project = project(ENTERS, &["nothing", "approve-nothing"], &groups).bars(10);
    let _ = project.run(RUN).success();
    let killed = commands
        .map(|words| killed_at_each(&project, words[0], &[&["paper", "-q"], words].concat()));
    let project = project.bars(13);
    let _ = project.run(RUN).success();
    for ((group, _), killed) in groups.into_iter().zip(killed) {
        let whole = account(&project, &of(group, killed));
        let nothing = if group == "approve" { "approve-nothing" } else { "nothing" };
        let nothing = account(&project, nothing);
        assert!(whole["trades.csv"] != nothing["trades.csv"], "{group} changes something");
        let told: usize = (0..killed)
            .map(|number| {
                let name = of(group, number);
                let told = told(&project, &name, "command");
                assert_same([&nothing, &whole][told], &account(&project, &name));
                told
            })
            .sum();
        println!("{group}: killed at {killed} operations, of which {told} had told it");
        assert!(killed > told, "{group}");
    }
}

#[test]
fn whoever_is_killed_while_it_tells_a_follower_something_is_heard_once_or_not_at_all() {
    let project = project(ENTERS, &["x"], &[]).bars(10);
    let _ = project.run(RUN).success();
    let mut running = project.spawn(["paper", "follow", "a.toml", "-q"]);
    running.wait_until(|| told(&project, "x", "phase_start") > 1);
    let mut sent = 0;
    loop {
        let death = sent.to_string();
        let tell = ["paper", "adjust", "x", "--size", "0.5", "-q", "--die-after", &death];
        if project.command(tell).output().unwrap().status.success() {
            break;
        }
        sent += 1;
    }
    running.wait_until(|| {
        tree(&project.path("output/paper/x/control")).keys().all(|it| it.starts_with('.'))
    });
    assert!(running.is_running());
    let heard: Vec<Value> =
        journal(&project, "x").into_iter().filter(|event| event["type"] == "command").collect();
    let ids: std::collections::HashSet<&str> =
        heard.iter().map(|event| event["facts"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), heard.len(), "{heard:#?}");
    assert!(sent > 3 && !heard.is_empty() && heard.len() <= sent, "{sent} {}", heard.len());
    running.signal("TERM");
    let _ = running.end().code(143);
}
