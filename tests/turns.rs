//! When a session begins, pauses, goes on and ends by itself, in a backtest: `paper.start_when`,
//! `pause_when`, `resume_when` and `stop_when`.

use crate::project::{Project, Row};

/// Bars of a day each, with a column that says when to buy (1) and to sell (-1).
const BARS: &str = "timestamp,open,high,low,close,volume,ask
2024-01-01,100,101,99,100,10,1
2024-01-02,100,101,99,100,10,-1
2024-01-03,100,101,99,100,10,1
2024-01-04,100,101,89,90,10,0
2024-01-05,90,91,89,90,10,-1
2024-01-06,90,91,89,90,10,1
2024-01-07,90,100,89,99,10,0
2024-01-08,99,101,98,100,10,-1
2024-01-09,100,101,99,100,10,1
2024-01-10,100,101,99,100,10,0
";

/// The trades of the session under these rules, as day of entry, day of exit and why it ended.
fn trades(rules: &str) -> Vec<String> {
    let project = Project::new().file("data/x.csv", BARS);
    project.write_manifest(
        "a.toml",
        &format!(
            "
[session.x]
data = {{ path = \"data/x.csv\", timeframe = \"1d\" }}
sizing = {{ units = 1 }}
paper = {{ {rules} }}
[session.x.strategy]
rules = {{ enter_long = \"ask > 0\", exit_long = \"ask < 0\" }}
"
        ),
    );
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    let run = project.newest();
    let sessions = run.path.join("sessions");
    let kept = std::fs::read_dir(sessions).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(kept.join("trades.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let day = |row: &Row, column: &str| row[column][8..10].to_owned();
    let shown = |row: Row| {
        let by = &row["closed_by"];
        format!("{} {} {by}", day(&row, "entry_time"), day(&row, "exit_time"))
    };
    reader.deserialize().map(|row| shown(row.unwrap())).collect()
}

const ALL: [&str; 4] = ["02 03 rule", "04 06 rule", "07 09 rule", "10 10 "];

#[test]
fn without_such_rules_all_is_traded() {
    assert_eq!(trades(""), ALL);
}

#[test]
fn nothing_is_entered_before_the_session_starts() {
    // What becomes true at a close counts for what is decided there.
    assert_eq!(trades("start_when = \"ask > 0 and close < 100\""), ALL[2..]);
    assert_eq!(trades("start_when = \"close > 1000\""), [""; 0]);
}

#[test]
fn a_stop_closes_what_is_held_and_ends_the_session() {
    // Bought at 100 on the 4th, closed at 90: ten of ten thousand.
    let stopped = ["02 03 rule", "04 05 stopped"];
    assert_eq!(trades("stop_when = \"drawdown >= 0.001\""), stopped);
    assert_eq!(trades("stop_when = \"daily_loss >= 0.001\""), stopped);
    assert_eq!(trades("stop_when = \"equity <= 9990\""), stopped);
    assert_eq!(trades("stop_when = \"equity <= 9989\""), ALL);
}

#[test]
fn a_pause_enters_nothing_and_leaves_what_is_held() {
    // Held over the 4th and 5th while the session is paused, and sold by its rule.
    let paused = "pause_when = \"positions == 1 and close < 95\"";
    assert_eq!(trades(paused), ALL, "over as soon as it is not true");
    let paused = format!("{paused}, resume_when = \"close >= 100\"");
    assert_eq!(trades(&paused), ["02 03 rule", "04 06 rule", "10 10 "]);
}

#[test]
fn a_pause_takes_back_what_waits() {
    // On the 3rd an entry is refused that the rule of the same close decides.
    let refused = trades("pause_when = \"lag(ask, 1) < 0 and ask > 0\"");
    assert_eq!(refused, [ALL[0]]);
}

#[test]
fn rules_know_the_strategy_the_clock_and_the_orders() {
    assert_eq!(trades("pause_when = \"not market_open\""), ALL);
    assert_eq!(trades("pause_when = \"time == 0\""), [""; 0], "a day closes at midnight");
    assert_eq!(trades("start_when = \"day >= 6 and error_rate == 0\""), ALL[2..]);
}

#[test]
fn what_such_a_rule_cannot_be_is_told_when_planned() {
    let project = Project::new().file("data/x.csv", BARS);
    let told = |rule: &str| {
        let session = crate::project::session("x");
        project.write_manifest("a.toml", &format!("{session}paper.stop_when = \"{rule}\"\n"));
        project.run(["plan", "a.toml"]).code(2).stderr
    };
    let number = told("drawdown");
    assert!(number.contains("`paper.stop_when` is true or false at each close"), "{number}");
    let windowed = told("sma(equity, 3) > 1");
    let fact = "`sma` looks at other bars, and this is known at one close alone";
    assert!(windowed.contains(fact), "{windowed}");
    assert!(told("drawdwn > 0.1").contains("did you mean `drawdown`?"));
    assert!(told("at(\\\"2d\\\", drawdown) > 0.1").contains("`at` looks at other bars"));
}
