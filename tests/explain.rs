//! `papertape explain`: the debugger of the rule language.

use crate::project::Project;
use serde_json::Value;

/// Ten bars that can be checked by hand, and a jump on 6 January.
const BARS: &str = "timestamp,open,high,low,close,volume
2020-01-01,10,11,9,10,100
2020-01-02,10,11,8,9,100
2020-01-03,9,10,7,8,100
2020-01-04,8,9,6,7,100
2020-01-05,7,9,7,8,100
2020-01-06,8,12,8,12,100
2020-01-07,12,13,11,13,100
2020-01-08,13,14,12,14,100
2020-01-09,14,14,9,9,100
2020-01-10,9,10,7,8,100
";

const MANIFEST: &str = r#"
[session.s]
data = { path = "data/x.csv" }
params = { n = 3 }
[session.s.strategy.params.n]
type = "int"
default = 4
[session.s.strategy.let]
mean = "sma(close, n)"
up = "close > mean"
[session.s.strategy.rules]
enter_long = "up and close - lag(close, 1) > 2"
exit_long = "not up"

[session.swept]
strategy = "sma-cross"
data = { path = "data/x.csv" }
[session.swept.sweep.axes]
"params.fast" = [2, 3]
"params.slow" = [4, 5]
"#;

fn project() -> Project {
    Project::new().file("data/x.csv", BARS).manifest("a.toml", MANIFEST)
}

fn explained(project: &Project, arguments: &[&str]) -> Value {
    let explain = [&["explain"], arguments, &["--format", "json"]].concat();
    serde_json::from_str(&project.run(explain).success().stdout).unwrap()
}

/// The value of `name` in a list of expressions.
fn now<'a>(list: &'a Value, name: &str) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|said| said["name"] == name);
    &found.unwrap_or_else(|| panic!("no {name} in {list}"))["now"]
}

#[test]
fn every_expression_has_its_value_before_and_now() {
    let json = explained(&project(), &["s", "a.toml", "--at", "2020-01-06"]);
    let bar = &json["symbols"]["x"];
    assert_eq!((&json["bar"], &json["local"]), (&5.into(), &"2020-01-06T00:00:00".into()));
    assert_eq!(json["params"]["n"], 3);
    // The closes are 7, 8 and 12: their mean is 9, and that of 8, 7 and 8 was 23/3.
    assert_eq!(*now(&bar["let"], "mean"), 9.0);
    assert_eq!(bar["let"][0]["before"], 23.0 / 3.0);
    assert_eq!(*now(&bar["let"], "up"), true);
    assert_eq!(*now(&bar["rules"], "enter_long"), true);
    assert_eq!(bar["decided"], "1 order: open long, filled on 2020-01-07T00:00:00Z");
    let parts = bar["rules"][0]["parts"].as_array().unwrap();
    let texts: Vec<&str> = parts.iter().map(|part| part["expression"].as_str().unwrap()).collect();
    assert_eq!(texts, ["up", "close - lag(close, 1) > 2"]);
    assert_eq!(parts[0]["parts"], Value::Array(vec![]), "a let was told above");
    let rise = &parts[1]["parts"][0];
    assert_eq!((&rise["before"], &rise["now"]), (&1.0.into(), &4.0.into()));
    assert_eq!(rise["parts"][1]["expression"], "lag(close, 1)");
}

#[test]
fn what_the_rules_led_to_stands_beside_them() {
    let project = project();
    let entry = explained(&project, &["s", "a.toml", "--at", "2020-01-07"]);
    assert_eq!(
        (&entry["symbols"]["x"]["units_before"], &entry["symbols"]["x"]["decided"]),
        (&0.0.into(), &"nothing: no rule is true".into())
    );
    assert!(entry["symbols"]["x"]["units_after"].as_f64().unwrap() > 0.0);
    let fill = entry["symbols"]["x"]["events"]
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["type"] == "fill");
    let fill = fill.unwrap();
    assert_eq!((&fill["price"], &fill["decided"]), (&12.0.into(), &"2020-01-06T00:00:00Z".into()));
    // The close of 9 January is under the mean of 13, 14 and 9.
    let exit = explained(&project, &["s", "a.toml", "--at", "8"]);
    let closes = "1 order: close, by rule, filled on 2020-01-10T00:00:00Z";
    assert_eq!(
        (&exit["time"], &exit["symbols"]["x"]["decided"]),
        (&"2020-01-09T00:00:00Z".into(), &closes.into())
    );
    let shown = project.run(["explain", "s", "a.toml", "--at", "2020-01-02T12:30"]).success();
    for line in ["mean = sma(close, n)", "missing", "· close", "nothing: no rule is true"] {
        assert!(shown.stdout.contains(line), "{line} in {}", shown.stdout);
    }
}

#[test]
fn a_session_of_a_run_is_explained_as_it_ran() {
    let project = project();
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    project.edit("a.toml", "params = { n = 3 }", "params = { n = 2 }");
    let ran = explained(&project, &["s", "--at", "2020-01-06"]);
    assert_eq!(
        *now(&ran["symbols"]["x"]["let"], "mean"),
        9.0,
        "the manifest of today is not asked"
    );
    let declared = explained(&project, &["s", "a.toml", "--at", "2020-01-06"]);
    assert_eq!(*now(&declared["symbols"]["x"]["let"], "mean"), 10.0);
    let id = ran["id"].as_str().unwrap();
    assert_eq!(explained(&project, &[id, "--at", "5"]), ran);
    let point = explained(&project, &["swept[fast=3,slow=5]", "--at", "5"]);
    assert_eq!(point["params"]["fast"], 3);
    let run = project.newest().id().to_owned();
    assert_eq!(explained(&project, &["s", "--run", &run, "--at", "5"]), ran);
    project.edit("data/x.csv", "2020-01-10,9,10,7,8", "2020-01-10,9,10,7,7");
    let changed = project.run(["explain", "s", "--at", "5"]).success();
    let _ = changed.stderr("the data is not what it was when the session ran");
}

#[test]
fn who_names_no_session_or_no_bar_is_told_which_there_are() {
    let project = project();
    let wrong = |arguments: &[&str]| project.run([&["explain"], arguments].concat()).code(2);
    let _ = wrong(&["s", "--at", "5"]).stderr("no run has a session `s`");
    let _ = wrong(&["t", "a.toml", "--at", "5"]).stderr("there is no session `t`");
    let _ = wrong(&["swept", "a.toml", "--at", "5"]).stderr("such as `swept[fast=2,slow=4]`");
    let _ = wrong(&["s", "a.toml", "--at", "10"]).stderr("the range has the bars 0 to 9");
    let _ = wrong(&["s", "a.toml", "--at", "2021-01-01"]).stderr("the range ends with 2020-01-10");
    let _ = wrong(&["s", "a.toml", "--at", "soon"]).stderr("write a day such as");
    let _ = wrong(&["s", "a.toml", "--at", "5", "--symbol", "Y"]).stderr("the session trades x");
}

/// Sessions whose bars have more to tell than that a rule was true.
const FURTHER: &str = r#"
[defaults]
data = { path = "data" }
symbols = ["x"]

[session.levels]
risk = { stop_loss = 0.2, trailing_stop = 0.15, take_profit = 0.3 }
[session.levels.strategy.rules]
enter_long = "close - lag(close, 1) > 2"

[session.rests]
[session.rests.strategy.rules]
enter_long = "close > lag(close, 1)"
limit = "close - 1.5"
exit_long = "close < 9"

[session.refused]
[session.refused.strategy.rules]
enter_long = "bar_index in [0, 1, 2, 4, 5]"
limit = "if(bar_index == 0, lag(close, 1), close + 1)"
size = "if(bar_index == 1, 0, 1)"
stop = "if(bar_index == 2, close + 2, close - 2)"
risk = "no rule"

[session.weighed]
execution = { rebalance = "week" }
[session.weighed.strategy.rules]
weight = "if(bar_index == 5, close / 0, if(close > lag(close, 1), 0.5, 0))"

[session.elsewhere.strategy.let]
days = "at('2d', close > open)"
[session.elsewhere.strategy.rules]
enter_long = "close@y > (sma(close, 2) + 0)@y and at('2d', days)@y"

[session.pair]
legs = { a = "x", b = "y" }
symbols = ["x", "y"]
sizing = { equity = 0.5 }
[session.pair.strategy]
legs = ["a", "b"]
[session.pair.strategy.rules.a]
enter_long = "bar_index == 2"
[session.pair.strategy.rules.b]
enter_long = "bar_index == 2"
stop = "close / 0"
"#;

fn further() -> Project {
    // `y` is `x` without 8 January.
    let y: String =
        BARS.lines().filter(|line| !line.contains("-08")).map(|line| format!("{line}\n")).collect();
    let manifest = FURTHER.replace("risk = \"no rule\"\n", "");
    Project::new().file("data/x.csv", BARS).file("data/y.csv", y).manifest("b.toml", &manifest)
}

fn at(project: &Project, session: &str, bar: &str) -> Value {
    explained(project, &[session, "b.toml", "--at", bar])["symbols"]["x"].clone()
}

/// What waits: its name, the price before and now.
fn waiting(bar: &Value) -> Vec<(String, Option<f64>, Option<f64>)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = bar["waiting"].as_array().unwrap().iter();
    rows.map(|row| (text(&row["what"]), row["before"].as_f64(), row["now"].as_f64())).collect()
}

#[test]
fn levels_stand_with_what_they_were_when_the_bar_began() {
    let project = further();
    let prices = |bar: &str| waiting(&at(&project, "levels", bar));
    let round = |price: f64| Some((price * 1e9).round() / 1e9);
    let level = |what: &str, before: Option<f64>, now: Option<f64>| (what.to_owned(), before, now);
    let rounded = |bar: &str| -> Vec<_> {
        let prices = prices(bar).into_iter();
        prices.map(|(what, a, b)| (what, a.and_then(round), b.and_then(round))).collect()
    };
    assert_eq!(prices("5"), [level("market entry", None, None)]);
    // Bought at 12: 20 % below, 30 % above; the trailing stop is 15 % below the highest, 13 and then 14.
    assert_eq!(
        rounded("6"),
        [
            level("market entry", None, None),
            level("stop_loss", None, Some(9.6)),
            level("trailing_stop", None, Some(11.05)),
            level("take_profit", None, Some(15.6)),
        ]
    );
    assert_eq!(rounded("7")[1], level("trailing_stop", Some(11.05), Some(11.9)));
    let last = at(&project, "levels", "8");
    assert_eq!(rounded("8")[1], level("trailing_stop", Some(11.9), None), "it was reached at 11.9");
    assert!(last["waiting"].as_array().unwrap().iter().all(|row| row["state"] == "done"));
    assert_eq!(last["events"][0]["closed_by"], "trailing_stop");
}

#[test]
fn an_order_that_rests_is_told_until_another_replaces_it() {
    let project = further();
    let entry = |before: Option<f64>, now: Option<f64>| ("limit entry".to_owned(), before, now);
    let (first, second) = (at(&project, "rests", "5"), at(&project, "rests", "8"));
    assert_eq!(waiting(&first), [entry(Some(6.5), None), entry(None, Some(10.5))]);
    assert_eq!(
        first["decided"],
        "1 order: open long, limit 10.5, cancelled: a later entry replaces it"
    );
    // The fall to 9 fills the limit of 12.5 from 8 January, at 12.5.
    assert_eq!(waiting(&second), [entry(Some(12.5), None)]);
    assert_eq!(second["decided"], "nothing: no rule is true");
}

#[test]
fn who_refused_an_entry_and_on_what_value_is_told() {
    let project = further();
    let decided = |session: &str, bar: &str| at(&project, session, bar)["decided"].clone();
    assert_eq!(
        decided("refused", "0"),
        "1 order: open long, limit missing, refused: no price, `limit` is missing"
    );
    assert_eq!(
        decided("refused", "1"),
        "1 order: open long, limit 10, refused: no size, `size` is 0"
    );
    let wrong = "1 order: open long, limit 9, refused: stop or target on the wrong side, `stop` is 10, `limit` is 9";
    assert_eq!(decided("refused", "2"), wrong);
    assert_eq!(decided("refused", "5"), "nothing: the position is long already");
    let leg = decided("pair", "2");
    assert_eq!(
        leg,
        "1 order: open long, refused: another leg was refused, `y`: stop or target without a value"
    );
}

#[test]
fn a_weight_that_changed_nothing_says_why() {
    let project = further();
    let decided = |bar: &str| at(&project, "weighed", bar)["decided"].clone();
    assert_eq!(decided("2"), "nothing: the next rebalance is on 2020-01-06T00:00:00Z");
    assert_eq!(decided("4"), "1 order: open long, filled on 2020-01-06T00:00:00Z");
    assert_eq!(decided("5"), "nothing: the weight is missing, which leaves the position alone");
    assert_eq!(decided("7"), "nothing: there is no further rebalance in the range");
}

#[test]
fn what_is_inside_at_stands_on_the_bars_where_it_is_read() {
    let project = further();
    let bar = at(&project, "elsewhere", "7");
    let part = |said: &Value, number: usize| said["parts"][number].clone();
    let read = |said: &Value| {
        let text = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        let place = [text("expression"), text("symbol"), text("timeframe"), text("time")];
        (place.join(" "), said["before"].clone(), said["now"].clone())
    };
    let rule = &bar["rules"][0];
    let compared = part(rule, 0);
    // `y` has no 8 January: what is known of it is the close of the 7th, and before that the 6th.
    let close = part(&part(&compared, 0), 0);
    assert_eq!(read(&close), ("close y 1d 2020-01-07T00:00:00Z".into(), 12.0.into(), 13.0.into()));
    let mean = part(&part(&compared, 1), 0);
    let place = "(sma(close, 2) + 0) y 1d 2020-01-07T00:00:00Z";
    assert_eq!(read(&mean), (place.into(), 10.0.into(), 12.5.into()));
    // Two days of `x` are over on the 8th; days count from 1970, so they are the 7th and the 8th.
    let days = &bar["let"][0];
    let inside = read(&part(days, 0));
    assert_eq!(inside, ("close > open x 2d 2020-01-07T00:00:00Z".into(), true.into(), true.into()));
    // Inside of `at` a let is not what it is above, so that it is told with its parts.
    let again = part(&part(rule, 1), 0);
    assert_eq!(again["name"], "days");
    let said = project.run(["explain", "elsewhere", "b.toml", "--at", "0"]).success();
    let _ = said.stdout("x 2d, none closed yet");
}
