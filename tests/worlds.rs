//! The promise of paper accounts in random worlds: several symbols with holes, rules, limits, nights,
//! followers, crashes and commands, each drawn from a seed. However an account was fed, it is what a
//! backtest over its bars is, and what its journal and its bars alone make of it.

use crate::project::{Files, Project, assert_same, tree};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;

/// Days of a world.
const DAYS: usize = 70;

/// Random numbers, the same ones for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

fn day(number: usize) -> String {
    let first = chrono::NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
    (first + chrono::Days::new(number as u64)).to_string()
}

/// The bars of some symbols, of which each may miss some days but the last.
fn data(dice: &mut Dice, symbols: usize) -> String {
    let mut text = String::from("timestamp,symbol,open,high,low,close,volume\n");
    for symbol in 0..symbols {
        let mut close = 5_000 + 1_000 * dice.below(5);
        for number in 0..DAYS {
            let open = close;
            close = (close + dice.below(400)).saturating_sub(195).max(500);
            let high = open.max(close) + dice.below(100);
            let low = open.min(close) - dice.below(100);
            if number + 1 == DAYS || dice.chance(97) {
                let date = day(number);
                let [open, high, low, close] = [open, high, low, close].map(|it| it as f64 / 100.0);
                writeln!(text, "{date},S{symbol},{open},{high},{low},{close},{}", 100 + number)
                    .unwrap();
            }
        }
    }
    text
}

/// A session that trades as the dice say, but for its mode.
fn keys(dice: &mut Dice, approval: bool) -> String {
    let (strategy, params) = [
        ("sma-cross", "{ fast = 2, slow = 5 }"),
        ("ema-cross", "{ fast = 3, slow = 9 }"),
        ("rsi-reversion", "{}"),
        ("donchian-breakout", "{}"),
        ("bollinger-reversion", "{}"),
    ][dice.below(5)];
    let risk = dice.one(&[
        "{}",
        "{ stop_loss = 0.02, take_profit = 0.05 }",
        "{ trailing_stop = 0.03 }",
        "{ max_drawdown = { limit = 0.03, action = \"flatten\" } }",
        "{ max_positions = 1, stop_loss = 0.04 }",
    ]);
    let execution = dice.one(&[
        "{}",
        "{ fill = \"close\" }",
        "{ intrabar = \"ohlc\" }",
        "{ orders_per_bar = \"one\", min_volume = 130 }",
    ]);
    format!(
        "strategy = \"{strategy}\"
params = {params}
risk = {risk}
execution = {execution}
sizing = {{ equity = 0.3 }}
costs = {{ commission = {{ rate = 0.001 }}, slippage = {{ bps = 3 }} }}
paper.approval = {approval}
data = {{ path = \"data/x.csv\", timeframe = \"1d\", checks = {{ gaps = \"off\", jumps = \"off\" }} }}
"
    )
}

/// The views of the account that tell what it did.
fn views(project: &Project) -> Files {
    let mut files = tree(&project.path("output/paper/x"));
    files.retain(|name, _| name == "trades.csv" || name == "equity.csv");
    files
}

/// How many fills its journal tells.
fn fills(project: &Project) -> usize {
    let journal = fs::read_to_string(project.path("output/paper/x/journal.jsonl")).unwrap();
    journal.matches("\"type\":\"fill\"").count()
}

/// Lets the account of a world live through random nights, crashes and, if `told`, commands.
fn live(seed: u64, told: bool) -> (Project, String) {
    let mut dice = Dice(seed);
    let symbols = 1 + dice.below(3);
    let data = data(&mut dice, symbols);
    let approval = told && dice.chance(30);
    let keys = keys(&mut dice, approval);
    let project = Project::new()
        .manifest("a.toml", &format!("\n[session.x]\nmode = \"paper\"\n{keys}"))
        .manifest("b.toml", &format!("\n[session.past]\n{keys}"))
        .file("data/x.csv", "");
    let (header, rows) = data.split_once('\n').unwrap();
    let mut now = 10 + dice.below(20);
    while now < DAYS {
        let until = day(now - 1);
        let known = rows.split_inclusive('\n').filter(|row| **row < *until);
        project.write("data/x.csv", format!("{header}\n{}", known.collect::<String>()));
        let run: &[&str] = match dice.chance(60) {
            true => &["run", "a.toml", "--no-report", "-q", "--now", &until],
            false => &["paper", "follow", "a.toml", "--replay", "max", "-q"],
        };
        if dice.chance(40) {
            let operations = dice.below(90).to_string();
            let last = ["--die-after", &operations];
            drop(project.command(run.iter().chain(&last)).output().unwrap());
        }
        let _ = project.run(run).success();
        // A command that changes nothing.
        let _ = project.run(["paper", "adjust", "--on", "S0", "-q"]).success();
        if told && dice.chance(70) {
            let words = dice.one(&[
                "pause",
                "resume",
                "close-all",
                "cancel-orders",
                "adjust --size 0.5",
                "adjust --tighten 0.3",
                "adjust --off S0",
                "adjust --on S0",
                "approve --all",
                "refuse --all",
                "adjust --param fast=4",
            ]);
            // What is not possible now is refused, and whoever is killed may have left it for others.
            let operations = dice.below(40).to_string();
            let last = if dice.chance(30) { &["--die-after", &*operations][..] } else { &["-q"] };
            let words = ["paper"].into_iter().chain(words.split(' '));
            drop(project.command(words.chain(last.iter().copied())).output().unwrap());
        }
        now += 1 + dice.below(20);
    }
    project.write("data/x.csv", &data);
    let _ = project.run(["run", "a.toml", "--no-report", "-q"]).success();
    (project, keys)
}

#[test]
fn however_an_account_was_fed_it_is_the_backtest_over_its_bars() {
    let mut filled = 0;
    for seed in 0..3 {
        let (project, keys) = live(seed, false);
        let account = project.newest().result("x");
        let _ = project.run(["run", "b.toml", "--no-report", "-q"]).success();
        let run = project.newest();
        let past = run.result("past");
        for (column, value) in &past {
            let is_name = ["index", "id", "identity", "key", "session", "mode", "note"];
            if !is_name.contains(&column.as_str()) {
                assert_eq!(account[column], *value, "world {seed}, {column}\n{keys}");
            }
        }
        let kept = tree(&run.path.join("sessions"));
        let (_, trades) = kept.iter().find(|(name, _)| name.ends_with("trades.csv")).unwrap();
        assert!(views(&project)["trades.csv"] == *trades, "world {seed}\n{keys}");
        filled += fills(&project);
    }
    assert!(filled > 6, "{filled}");
}

#[test]
fn an_account_is_the_backtest_over_its_bars_with_its_commands() {
    let (mut obeyed, mut filled) = (0, 0);
    for seed in 100..104 {
        let (project, keys) = live(seed, true);
        let told = fills(&project);
        for over in [&["--out", "past"][..], &["--own-bars", "--out", "past"]] {
            let reconcile = ["paper", "reconcile", "x", "--format", "json"];
            let outcome = project.run(reconcile.iter().chain(over));
            let found = outcome.json();
            assert_eq!(found["same"], true, "world {seed}\n{keys}\n{found:#}");
            let _ = outcome.success();
            let past = tree(&project.path("past"));
            views(&project).iter().for_each(|(name, bytes)| {
                assert!(past[name] == *bytes, "world {seed}: {name} differs\n{keys}");
            });
            let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
            let account = fs::read(project.path("output/paper/x/account.json")).unwrap();
            assert_eq!(json(&account)["metrics"], json(&past["result.json"])["metrics"], "{seed}");
            let events = String::from_utf8_lossy(&past["events.jsonl"]).into_owned();
            assert_eq!(events.matches("\"type\":\"fill\"").count(), told, "world {seed}");
            obeyed += found["commands_obeyed"].as_u64().unwrap();
        }
        filled += told;
        let again = Project::new();
        for path in ["a.toml", "data/x.csv"] {
            again.write(path, fs::read(project.path(path)).unwrap());
        }
        for (name, bytes) in tree(&project.path("output/paper/x")) {
            if name == "journal.jsonl" || name.starts_with("bars/") {
                again.write(&format!("output/paper/x/{name}"), bytes);
            }
        }
        // Its checkpoints prove what it was, and are no part of it.
        let _ = again.run(["paper", "recover", "--accept", "-q"]).success();
        let _ = again.run(["run", "a.toml", "--no-report", "-q"]).success();
        assert_same(&views(&project), &views(&again));
        assert_eq!(fills(&again), told, "world {seed}: nothing is told twice\n{keys}");
    }
    assert!(obeyed > 12 && filled > 12, "{obeyed} {filled}");
}
