//! Sessions that look at several symbols: what belongs to their identity, and legs that trade as one.

use crate::project::{Project, bars};

/// `x` is traded, its rule looks at `y`, and nothing looks at `z`; the pair trades `x` and `y`.
const MANIFEST: &str = r#"
[defaults]
data = { path = "data", timeframe = "1d" }

[session.looks]
symbols = ["x"]
[session.looks.strategy.rules]
enter_long = "close@y > lag(close, 1)@y"
exit_long = "close@y < lag(close, 1)@y"

[session.pair]
symbols = ["x", "y"]
legs = { a = "x", b = "y" }
sizing = { cash = 6_000 }
[session.pair.strategy]
legs = ["a", "b"]
[session.pair.strategy.rules.a]
enter_long = "bar_index % 20 == 5"
exit_long = "bar_index % 20 == 15"
[session.pair.strategy.rules.b]
enter_short = "bar_index % 20 == 5 and bar_index > 100"
enter_long = "bar_index % 20 == 5 and bar_index < 100"
exit_long = "bar_index % 20 == 15"
exit_short = "bar_index % 20 == 15"
"#;

fn project() -> Project {
    let project = Project::new().manifest("a.toml", MANIFEST);
    for symbol in ["x", "y", "z"] {
        project.write(&format!("data/{symbol}.csv"), bars(200));
    }
    project
}

fn identity(project: &Project, session: &str) -> String {
    let run = ["run", "a.toml", "--no-report", "--session", session];
    let _ = project.run(run).success();
    project.newest().result(session)["identity"].clone()
}

#[test]
fn a_price_that_a_rule_looks_at_is_part_of_the_identity_and_no_other() {
    let project = project();
    let before = identity(&project, "looks");
    let line = |number: usize| bars(200).lines().nth(number).unwrap().to_owned();
    project.edit("data/z.csv", &line(60), &format!("{}0", line(60)));
    assert_eq!(identity(&project, "looks"), before, "no rule looks at `z`");
    assert_eq!(project.newest().count("cached"), 1);
    // The volume of one bar of `y`, which the rule does not read but could.
    project.edit("data/y.csv", &line(60), &format!("{}0", line(60)));
    let after = identity(&project, "looks");
    assert_ne!(after, before);
    assert_eq!(project.newest().count("cached"), 0);
    // After the range nothing is looked at.
    project.edit(
        "a.toml",
        "symbols = [\"x\"]\n",
        "symbols = [\"x\"]\nrange = { to = 2020-05-31 }\n",
    );
    let cut = identity(&project, "looks");
    project.edit("data/y.csv", &line(200), &format!("{}0", line(200)));
    assert_eq!(identity(&project, "looks"), cut);
}

#[test]
fn legs_that_the_account_cannot_pay_are_refused_together_and_it_is_said() {
    let project = project();
    // Two legs of 6,000 each cost more than the account of 10,000 has.
    let _ = project.run(["run", "a.toml", "--no-report", "--session", "pair"]).success();
    let row = project.newest().result("pair");
    assert_eq!((row["trades"].as_str(), row["refusals"].as_str()), ("0", "20"));
    let why = "no trades: every entry was refused: no cash (10), another leg was refused (10)";
    assert_eq!(row["note"], why);
    let _ = project.run(["sessions", "show", "pair"]).success().stdout(why);
    let shown = project.run(["explain", "pair", "--at", "5", "--symbol", "x"]).success();
    let _ = shown.stdout("open long, refused: another leg was refused, `y`: no cash");

    // Half of them cost less.
    project.edit("a.toml", "bar_index > 100\"", "bar_index > 100 and false\"");
    project.edit(
        "a.toml",
        "enter_long = \"bar_index % 20 == 5\"\n",
        "enter_long = \"bar_index == 5 or bar_index == 125\"\n",
    );
    project.edit("a.toml", "bar_index < 100", "bar_index < 10");
    let _ = project.run(["run", "a.toml", "--no-report", "--session", "pair"]).success();
    let row = project.newest().result("pair");
    assert_eq!(row["trades"], "1");
    let why = "legs were refused together: no cash (1), another leg was refused (1)";
    assert_eq!(row["note"], why);
    let _ = project.run(["sessions", "show", "pair"]).success().stdout(why);
}

#[test]
fn a_leg_that_is_refused_as_it_is_decided_takes_the_other_with_it() {
    let project = project();
    project.edit("a.toml", "cash = 6_000", "cash = 1_000");
    project.edit(
        "a.toml",
        "[session.pair.strategy.rules.b]\n",
        "[session.pair.strategy.rules.b]\nsize = \"if(bar_index < 30, 0, 1)\"\n",
    );
    let _ = project.run(["run", "a.toml", "--no-report", "--session", "pair"]).success();
    let row = project.newest().result("pair");
    assert_eq!((row["trades"].as_str(), row["refusals"].as_str()), ("16", "4"));
    assert_eq!(row["note"], "legs were refused together: no size (2), another leg was refused (2)");
}

/// Hours of 16 days around the night of 28 March 2021, on which the clocks of London went forward; the
/// share has sessions with a half day.
fn hours(is_open: impl Fn(u32, u32) -> bool, closes: bool) -> String {
    let mut text = "timestamp,open,high,low,close,volume\n".to_owned();
    for hour in 0..16 * 24_u32 {
        let (day, of_day) = (20 + hour / 24, hour % 24);
        if !is_open(day, of_day) {
            continue;
        }
        let price = 100 + hour * 7 % 31 + hour * hour % 17;
        let stamp = i64::from(hour + u32::from(closes)) * 3_600 + 1_616_198_400;
        let time = chrono::DateTime::from_timestamp(stamp, 0).unwrap().to_rfc3339();
        text += &format!("{time},{price},{},{},{},10\n", price + 2, price - 2, price + hour % 2);
    }
    text
}

#[test]
fn a_bar_is_the_same_whether_its_open_or_its_close_is_written() {
    let project = Project::new();
    for (label, closes) in [("open", false), ("close", true)] {
        let share = |day: u32, hour: u32| (8..if day == 26 { 12 } else { 16 }).contains(&hour);
        project.write(&format!("{label}/coin.csv"), hours(|_, _| true, closes));
        project.write(&format!("{label}/share.csv"), hours(share, closes));
    }
    let session = |label: &str| {
        format!(
            "
[session.{label}]
symbols = [\"share\"]
data = {{ path = \"{label}\", label = \"{label}\", timeframe = \"1h\", timezone = \"Europe/London\" }}
[session.{label}.strategy.rules]
enter_long = \"close@coin > at('1d', close)@coin and close > at('4h', sma(close, 2))\"
exit_long = \"at('1d', close > open) or close < lag(close, 3)@coin\"
"
        )
    };
    project.write_manifest("a.toml", &[session("open"), session("close")].concat());
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    let (open, close) = (project.newest().result("open"), project.newest().result("close"));
    assert!(open["trades"].parse::<usize>().unwrap() >= 5, "{} trades", open["trades"]);
    for value in ["fills", "trades", "final_equity", "bars"] {
        assert_eq!(open[value], close[value], "{value}");
    }
}
