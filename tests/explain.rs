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
    assert_eq!(
        (now(&bar["rules"], "enter_long"), &bar["decided"]),
        (&true.into(), &"1 order".into())
    );
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
    assert_eq!(
        (&exit["time"], &exit["symbols"]["x"]["decided"]),
        (&"2020-01-09T00:00:00Z".into(), &"1 order".into())
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
