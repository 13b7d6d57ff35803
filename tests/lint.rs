//! `papertape strategies lint`: what is held to be true of a strategy on its user's data.

use crate::project::Project;
use serde_json::Value;

/// A manifest whose strategy has one of everything that lint tells.
const ODD: &str = r#"
[session.odd]
data = { path = "data/x.csv" }
params = { buy_below = -1.0 }
[session.odd.strategy.params.buy_below]
type = "float"
[session.odd.strategy.params.spare]
type = "int"
default = 3
[session.odd.strategy.let]
far = "sma(close, 5000)"
idle = "close * 2"
[session.odd.strategy.rules]
enter_long = "close > 0 and rsi(close, 14) < buy_below"
exit_long = "close > 0 and close > sma(close, 3) + 0 * score"
enter_short = "close > far"
exit_short = "close > 0"

[session.swept]
strategy = "sma-cross"
data = { path = "data/x.csv" }
[session.swept.sweep.axes]
"params.fast" = [5, 10]
"#;

fn project() -> Project {
    let bars = crate::project::bars(400);
    let scored: Vec<String> = bars
        .lines()
        .enumerate()
        .map(|(line, text)| match line {
            0 => format!("{text},score"),
            row => format!("{text},{}", row % 7),
        })
        .collect();
    Project::new().file("data/x.csv", scored.join("\n")).manifest("odd.toml", ODD)
}

fn findings(project: &Project, arguments: &[&str]) -> Vec<(String, String, String, String)> {
    let lint = ["strategies", "lint", "--format", "json"];
    let outcome = project.run([&lint[..], arguments].concat()).success();
    let json: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let row = |row: &Value| {
        (text(row, "check"), text(row, "result"), text(row, "subject"), text(row, "fact"))
    };
    json.iter().map(row).collect()
}

#[test]
fn what_a_strategy_does_not_mean_is_told_with_its_expression() {
    let found = findings(&project(), &["odd.toml", "--session", "odd"]);
    let told = |check: &str, result: &str, subject: &str, fact: &str| {
        let is_it = |found: &&(String, String, String, String)| {
            (&*found.0, &*found.1, &*found.2) == (check, result, subject) && found.3.contains(fact)
        };
        assert!(found.iter().any(|found| is_it(&found)), "{subject}: {fact} in {found:#?}");
    };
    told("cut", "ok", "", "missing values stayed the same");
    told("poison", "ok", "", "missing values stayed the same");
    told("warm_up", "warning", "let.far", "`sma(close, 5000)` has no value on any of the 400 bars");
    let never = "never true on 386 bars, because `rsi(close, 14) < buy_below` never is";
    told("truth", "warning", "rules.enter_long", never);
    told("truth", "warning", "rules.exit_long", "its part `close > 0` is always true");
    told("truth", "warning", "rules.exit_short", "always true, on 400 bars");
    told("use", "warning", "let.idle", "no rule reads it");
    told("use", "warning", "params.spare", "no rule reads it");
    told("use", "note", "score", "computed elsewhere");
    let far: Vec<_> = found.iter().filter(|found| found.3.contains("5000")).collect();
    assert_eq!(far.len(), 1, "one cause is told once: {far:#?}");
}

#[test]
fn the_strategies_that_ship_keep_their_promises() {
    let project = project();
    let list = project.run(["strategies", "list", "--format", "csv"]).success();
    let names = list.stdout.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned());
    let mut held = 0;
    for name in names {
        // One that trades several symbols, or legs, cannot be held to anything on one.
        let outcome = project.run(["strategies", "lint", &name, "--data", "data/x.csv"]);
        assert!(!outcome.stdout.contains("failure"), "{name}: {}", outcome.stdout);
        held += usize::from(outcome.stdout.contains("stayed the same"));
    }
    assert!(held >= 10, "{held} strategies");
}

#[test]
fn a_sweep_is_held_to_it_at_its_base_and_a_strategy_wherever_it_is_used() {
    let project = project();
    let found = findings(&project, &["odd.toml", "--session", "swept"]);
    assert_eq!(found.iter().filter(|found| found.0 == "cut").count(), 1, "{found:#?}");
    project.write_manifest("sessions/a.toml", ODD);
    assert_eq!(findings(&project, &["sma-cross"]).iter().filter(|f| f.0 == "cut").count(), 1);
}

#[test]
fn what_cannot_be_held_to_anything_is_a_mistake_of_usage() {
    let project = project();
    let lint = |target: &str| project.run(["strategies", "lint", target]).code(2);
    let _ = lint("sma-cros").stderr("did you mean `sma-cross`?");
    let _ = lint("ema-cross").stderr("name its data with `--data`");
    let _ = lint("absent.toml").stderr("absent.toml");
    project.edit("odd.toml", "close > far", "closee > far");
    let _ = lint("odd.toml").stderr("did you mean `close`?");
    let none = ["strategies", "lint", "odd.toml", "--session", "nothing"];
    project.edit("odd.toml", "closee > far", "close > far");
    let _ = project.run(none).code(4);
}
