//! Entries that wait for approval: by the night, while followed, and in a backtest.

use crate::follow;
use crate::project::{Project, tree};
use serde_json::Value;
use std::fs;

/// An account whose entries wait, and the backtest of the same session.
fn project() -> Project {
    let both = "
data = { path = \"data/x.csv\", timeframe = \"1d\" }
strategy.rules = { enter_long = \"close > lag(close, 1)\", exit_long = \"close < lag(close, 1)\" }
paper = { approval = true }
";
    let text = format!("\n[session.night]\nmode = \"paper\"{both}[session.past]{both}");
    Project::new().bars(200).manifest("a.toml", &text)
}

/// Run the night after which so many bars are there.
fn night(project: &Project, count: u64) {
    let first = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
    let now = (first + chrono::Days::new(count)).format("%Y-%m-%dT00:00:00Z").to_string();
    let arguments = ["run", "a.toml", "--no-report", "-q", "--session", "night", "--now", &now];
    let _ = project.run(arguments).success();
}

fn status(project: &Project) -> Value {
    project.run(["paper", "status", "--format", "json"]).success().json()[0].clone()
}

/// Go on by the night until an order waits: how many bars there are then, and the order's number.
fn until_one_waits(project: &Project, mut count: u64) -> (u64, String) {
    loop {
        night(project, count);
        let status = status(project);
        if status["to_approve"] == 1 {
            return (count, status["orders"][0]["order"].to_string());
        }
        count += 1;
        assert!(count < 100, "{status}");
    }
}

fn told(project: &Project, kind: &str) -> Vec<Value> {
    let journal = fs::read_to_string(project.path("output/paper/night/journal.jsonl")).unwrap();
    let events = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["type"] == kind).collect()
}

#[test]
fn an_order_waits_for_approval_and_fills_at_the_next_open() {
    let project = project();
    let (count, order) = until_one_waits(&project, 3);
    assert_eq!(told(&project, "fill").len(), 0);
    let orders = told(&project, "order");
    let number: u64 = order.parse().unwrap();
    let mut of_it = orders.iter().filter(|it| it["facts"]["number"] == number);
    assert_eq!(of_it.next().unwrap()["facts"]["status"], "waits for approval");
    assert!(of_it.next().is_none(), "it did not end");
    // Those before it, which nobody approved, did.
    let ended = orders.iter().filter(|it| it["facts"]["ended"] == true).collect::<Vec<_>>();
    assert_eq!(ended.len() as u64, number, "{ended:?}");
    for end in ended {
        let decided = orders.iter().find(|it| it["facts"]["number"] == end["facts"]["number"]);
        let [decided, end] = [decided.unwrap(), end].map(|it| it["facts"]["bar"].as_str().unwrap());
        assert!(decided < end, "{decided} {end}");
    }
    let _ = project.run(["paper", "status"]).success().stdout("open long");
    let approve = |what: &[&str]| project.run([&["paper", "approve"], what].concat());
    let _ = approve(&[]).code(2);
    let _ = approve(&["night", "999"]).code(2).stderr("order 999 does not wait for approval");
    let _ = approve(&["night", "x"]).code(2).stderr("`x` is not the number of an order");
    let _ = approve(&["night"]).code(2).stderr("name the orders by their numbers");
    // A night in which nothing happens.
    night(&project, count);
    assert_eq!(status(&project)["to_approve"], 1);
    let _ = approve(&[&order]).success().stderr(&format!("night: approve order {order}"));
    assert_eq!(status(&project)["to_approve"], 0);
    let _ = approve(&["--all"]).code(2).stderr("no order waits for approval");
    night(&project, count + 1);
    let [fill] = &told(&project, "fill")[..] else { panic!("one order was approved") };
    assert_eq!(fill["facts"]["order"].to_string(), order);
    let trades = fs::read_to_string(project.path("output/paper/night/trades.csv")).unwrap();
    let opens = fs::read_to_string(project.path("data/x.csv")).unwrap();
    let bar: Vec<&str> = opens.lines().nth(count as usize + 1).unwrap().split(',').collect();
    assert!(trades.contains(&format!(",{}T00:00:00Z,{},", bar[0], bar[1])), "{trades}\n{bar:?}");
    let before = tree(&project.path("output/paper/night"));
    night(&project, count + 1);
    let after = tree(&project.path("output/paper/night"));
    assert_eq!(before["trades.csv"], after["trades.csv"]);
    assert_eq!(before["journal.jsonl"], after["journal.jsonl"], "running again changes nothing");
}

#[test]
fn what_is_refused_is_not_filled_and_the_next_one_waits_again() {
    let project = project();
    let (count, order) = until_one_waits(&project, 3);
    let _ = project.run(["paper", "refuse", "night", &order]).success();
    assert_eq!(status(&project)["to_approve"], 0);
    night(&project, count + 1);
    assert!(told(&project, "fill").is_empty());
    let refused = told(&project, "risk").pop().unwrap();
    assert!(refused["message"].as_str().unwrap().contains("by hand"), "{refused}");
    let (_, next) = until_one_waits(&project, count + 1);
    assert_ne!(next, order);
}

#[test]
fn a_backtest_approves_each_entry_as_it_is_decided() {
    let project = project();
    let _ = project.run(["run", "a.toml", "--no-report", "-q", "--session", "past"]).success();
    let with = project.newest().result("past");
    project.edit("a.toml", "[session.past]", "[session.past]\npaper.stale_after = 3\n[session.x]");
    let text = fs::read_to_string(project.path("a.toml")).unwrap();
    assert_ne!(with["trades"], "0.0", "{text}");
    let account = project.run(["run", "a.toml", "--no-report", "--session", "night"]).success();
    let _ = account.stderr("no trades: no entry was approved");
}

#[test]
fn a_strategy_by_weights_has_no_entries_to_approve() {
    let text = "
[session.x]
mode = \"paper\"
data = { path = \"data/x.csv\", timeframe = \"1d\" }
paper.approval = true
strategy.rules.weight = \"0.5\"
";
    let project = Project::new().bars(50).manifest("a.toml", text);
    let refused = project.run(["plan", "a.toml"]).code(2);
    let _ = refused.stderr("has no entries to approve").stderr("paper.approval = true");
}

#[test]
fn a_follower_fills_what_another_terminal_approves() {
    let project = follow::project(40, "approval = true");
    let mut running = project.following("active");
    let mut bars = 40;
    // The rule may have become false on a bar.
    while project.run(["paper", "status", "--format", "json"]).json()[0]["to_approve"] == 0 {
        project.append(&follow::minutes(bars, bars + 1));
        bars += 1;
        running.wait_until(|| project.walked() == bars as u64);
    }
    assert!(project.told("fill").is_empty());
    let waits: Vec<u64> = project
        .told("order")
        .iter()
        .filter(|it| it["facts"]["status"] == "waits for approval")
        .map(|it| it["facts"]["number"].as_u64().unwrap())
        .collect();
    let _ = project.tell(&["approve", "--all"]).success();
    project.append(&follow::minutes(bars, bars + 1));
    running.wait_until(|| project.told("fill").len() == 1);
    let _ = project.tell(&["kill"]).success();
    let mut said = running.end().success();
    for order in waits {
        said = said.stderr(&format!("x: order {order} waits for approval"));
    }
}

#[test]
fn an_order_that_was_numbered_otherwise_is_not_approved() {
    let project = project();
    let (count, order) = until_one_waits(&project, 3);
    let approve = || project.run(["paper", "approve", "night", &order, "-q"]);
    let view = "output/paper/night/account.json";
    let text = fs::read_to_string(project.path(view)).unwrap();
    let mut account: Value = serde_json::from_str(&text).unwrap();
    account["engine"] = 1.into();
    project.write(view, account.to_string());
    let _ = approve().code(2).stderr("were numbered by another engine, and may have other numbers");
    project.write(view, text);
    let accept = project.run(["paper", "recover", "--accept"]).success();
    let _ = accept.stderr("the orders that wait for approval may have other numbers then");
    let _ = approve().code(2).stderr("before it was accepted as it is now");
    night(&project, count);
    let _ = approve().success();
    night(&project, count + 1);
    assert_eq!(told(&project, "fill").len(), 1);
}

#[test]
fn an_order_that_a_command_ended_is_listed_and_approved_no_more() {
    for command in ["pause", "cancel-orders"] {
        let project = project();
        let (_, order) = until_one_waits(&project, 3);
        let _ = project.run(["paper", command, "-q"]).success();
        assert_eq!(status(&project)["to_approve"], 0);
        let approve = project.run(["paper", "approve", "night", &order, "-q"]);
        let _ = approve.code(2).stderr("no order waits for approval");
    }
}
