//! `papertape check`: red or green, for the reason, at the bar, in the field, and with the exit code
//! that it should; and what becomes of baselines that somebody broke.

use crate::project::{Outcome, Project, assert_same, bars, tree};
use serde_json::Value;

const STRATEGY: &str = r#"description = "Above its average"

[params.length]
type = "int"
min = 1
default = 20

[let]
average = "sma(close, length)"

[rules]
enter_long = "close > average"
exit_long = "close < average"
"#;

const MANIFEST: &str = r#"
[check]
metrics = { trades = "exact", omega = "ignore" }

[session.one]
strategy = "own"
tags = ["a"]
data = { path = "data/x.csv", timeframe = "1d" }
range = { from = 2020-02-01 }
params = { length = 20 }
costs = { commission = { rate = 0.001 } }

[session.grid]
strategy = "own"
data = { path = "data/x.csv", timeframe = "1d" }

[session.grid.sweep.axes]
"params.length" = [5, 10]
"#;

const SESSIONS: [&str; 3] = ["one", "grid[length=5]", "grid[length=10]"];

fn project() -> Project {
    fill(Project::new())
}

fn fill(project: Project) -> Project {
    project
        .bars(300)
        .file("templates/strategies/own.toml", STRATEGY)
        .manifest("sessions/ci.toml", MANIFEST)
}

/// A project whose results were accepted.
#[track_caller]
fn accepted() -> Project {
    accept(project())
}

#[track_caller]
fn accept(project: Project) -> Project {
    let _ = project.run(["check", "sessions/ci.toml"]).code(6);
    let _ = project.run(["baseline", "accept", "--reason", "first results"]).success();
    project
}

/// Check as CI does: it leaves every file of the project as it is.
#[track_caller]
fn check(project: &Project, more: &[&str]) -> (Outcome, Value) {
    let before = tree(&project.path(""));
    let arguments = [&["check", "sessions/ci.toml", "--format", "json"], more].concat();
    let mut command = project.command(arguments);
    let outcome = Outcome::of(command.env("CI", "true").output().unwrap());
    assert_same(&before, &tree(&project.path("")));
    let json = outcome.json();
    (outcome, json)
}

fn session<'a>(json: &'a Value, key: &str) -> &'a Value {
    let sessions = json["sessions"].as_array().unwrap();
    sessions.iter().find(|session| session["key"] == key).unwrap_or_else(|| panic!("{key}"))
}

/// Nothing differs, anywhere.
#[track_caller]
fn is_green(project: &Project, more: &[&str]) -> Value {
    let (outcome, json) = check(project, more);
    let _ = outcome.success();
    for key in SESSIONS {
        let session = session(&json, key);
        assert_eq!(session["standing"], "held", "{session:#}");
        assert_eq!(session["changes"].as_array().unwrap().len(), 0);
        assert_eq!(session["story"], Value::Null);
    }
    json
}

/// The session `one` failed: its cause and what moved in it, and where it parts from its baseline.
#[track_caller]
fn is_red(
    project: &Project,
    more: &[&str],
    component: &str,
    moved: [&str; 3],
    story: [&str; 2],
) -> Value {
    let (outcome, json) = check(project, more);
    let _ = outcome.code(1);
    let one = session(&json, "one");
    assert_eq!(one["standing"], "failed", "{one:#}");
    let causes = one["causes"].as_array().unwrap();
    assert_eq!(causes.len(), 1, "{one:#}");
    assert_eq!(causes[0]["component"], component);
    let first = &causes[0]["moved"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let seen = [text(&first["what"]), text(&first["before"]), text(&first["after"])];
    assert_eq!(seen, moved, "{one:#}");
    assert_eq!([text(&one["story"]["link"]), text(&one["story"]["at"])], story, "{one:#}");
    json
}

#[test]
fn what_was_accepted_is_green_and_the_same_check_is_the_same_bytes() {
    let project = accepted();
    let (a, _) = check(&project, &[]);
    let (b, _) = check(&project, &[]);
    assert_eq!(a.stdout, b.stdout);
    let _ = (a.success(), b.success());
    is_green(&project, &[]);
}

#[test]
fn a_baseline_that_is_missing_is_six_and_says_how_to_make_one() {
    let project = project();
    let (outcome, json) = check(&project, &[]);
    assert_eq!(session(&json, "one")["standing"], "missing");
    let _ = outcome
        .code(6)
        .stderr("not under CI: papertape check sessions/ci.toml")
        .stderr("papertape baseline accept --reason");
    let accepting = project.run(["baseline", "accept", "--reason", "x"]);
    let _ = accepting.code(4).stderr("nothing waits");
}

// Twelve changes, and what each comes to.

#[test]
fn one_parameter_is_red() {
    let project = accepted();
    project.edit("sessions/ci.toml", "params = { length = 20 }", "params = { length = 30 }");
    let json = is_red(
        &project,
        &[],
        "settings",
        ["params.length", "20", "30"],
        ["signal", "2020-02-01T00:00:00Z"],
    );
    assert_eq!(session(&json, "grid[length=5]")["standing"], "held");
}

#[test]
fn one_price_of_one_bar_is_red_and_the_bar_and_field_are_named() {
    let project = accepted();
    let text = bars(300);
    let line = text.lines().find(|line| line.starts_with("2020-06-10,")).unwrap();
    let fields: Vec<&str> = line.split(',').collect();
    // The open alone: no rule sees it, and no order is filled on this bar.
    let with = |place: usize, price: &str| {
        let mut fields = fields.clone();
        fields[place] = price;
        fields.join(",")
    };
    // The middle of the bar, so that the bar is still one that can be.
    let middle = |a: &str, b: &str| {
        let [a, b] = [a, b].map(|price| price.parse::<f64>().unwrap());
        ((a + b) / 2.0).to_string()
    };
    let price = middle(fields[2], fields[4]);
    project.edit("data/x.csv", line, &with(1, &price));
    let (outcome, json) = check(&project, &[]);
    let one = session(&json, "one");
    let first = &one["causes"][0]["moved"][0];
    assert_eq!(one["causes"][0]["component"], "data revised");
    assert_eq!(
        [&first["what"], &first["symbol"], &first["time"], &first["before"], &first["after"]],
        ["open", "x", "2020-06-10T00:00:00Z", fields[1], &price]
    );
    // The open is seen by no rule, so that the results are what they were unless it was traded at.
    assert_eq!(one["changes"].as_array().unwrap().is_empty(), one["standing"] == "held");
    drop(outcome);

    // A close is seen by every rule and marks the account.
    project.write("data/x.csv", &text);
    project.edit("data/x.csv", line, &with(4, &price));
    let (outcome, json) = check(&project, &[]);
    let _ = outcome.code(1);
    let one = session(&json, "one");
    let first = &one["causes"][0]["moved"][0];
    assert_eq!([&first["what"], &first["time"]], ["close", "2020-06-10T00:00:00Z"]);
    assert!(one["story"]["at"].as_str().unwrap().starts_with("2020-06-10"), "{one:#}");
}

#[test]
fn a_row_that_is_gone_is_red() {
    let project = accepted();
    let text = bars(300);
    let line = text.lines().find(|line| line.starts_with("2020-06-10,")).unwrap();
    project.write("data/x.csv", text.replace(&format!("{line}\n"), ""));
    let (outcome, json) = check(&project, &[]);
    let _ = outcome.code(1);
    let first = &session(&json, "one")["causes"][0]["moved"][0];
    assert_eq!([&first["what"], &first["before"]], ["bar", "there"]);
    assert_eq!(first["after"], Value::Null);
    assert_eq!(first["time"], "2020-06-10T00:00:00Z");
}

#[test]
fn one_rule_is_red() {
    let project = accepted();
    let strategy = "templates/strategies/own.toml";
    project.edit(strategy, "close < average", "close < average * 0.99");
    let json = is_red(
        &project,
        &[],
        "rules",
        ["rules.exit_long", "\"close < average\"", "\"close < average * 0.99\""],
        ["signal", "2020-03-01T00:00:00Z"],
    );
    assert_eq!(session(&json, "grid[length=5]")["causes"][0]["component"], "rules");
    // What is written differently and means the same is the same rule.
    project.write(strategy, STRATEGY.replace("close < average", " close  <  (average)"));
    is_green(&project, &[]);
}

#[test]
fn one_cost_is_red() {
    let project = accepted();
    project.edit("sessions/ci.toml", "rate = 0.001", "rate = 0.002");
    is_red(
        &project,
        &[],
        "settings",
        ["costs.commission.rate", "0.001", "0.002"],
        // A dearer unit is wanted less: the order that decides is the first to differ.
        ["order", "2020-02-09T00:00:00Z"],
    );
}

#[test]
fn another_engine_is_green_while_the_results_are_the_same() {
    let project = accepted();
    let json = is_green(&project, &["--engine", "99"]);
    let cause = &session(&json, "one")["causes"][0];
    assert_eq!(
        (cause["component"].as_str(), &cause["moved"][0]["what"]),
        (Some("engine"), &"engine".into())
    );
    assert_eq!(cause["moved"][0]["after"], "99");
}

#[test]
fn the_order_of_sessions_is_green() {
    let project = accepted();
    let (head, rest) = MANIFEST.split_once("[session.one]").unwrap();
    let (one, grid) = rest.split_once("[session.grid]").unwrap();
    project.write_manifest(
        "sessions/ci.toml",
        &format!("{head}[session.grid]{grid}\n[session.one]{one}"),
    );
    is_green(&project, &[]);
}

#[test]
fn the_number_of_threads_and_the_zone_of_the_machine_are_green() {
    let project = accepted();
    let (one, _) = check(&project, &["-j", "1"]);
    let (four, _) = check(&project, &["-j", "4"]);
    assert_eq!(one.stdout, four.stdout);
    let _ = (one.success(), four.success());
    let project = project.env("TZ", "Pacific/Auckland").env("LANG", "de_DE.UTF-8");
    is_green(&project, &[]);
}

#[test]
fn the_name_of_the_directory_is_green() {
    let project = accepted();
    let moved = fill(Project::named("elsewhere entirely"));
    for (path, bytes) in tree(&project.path("baselines")) {
        moved.write(&format!("baselines/{path}"), bytes);
    }
    is_green(&moved, &[]);
}

#[test]
fn a_longer_file_is_green_and_the_new_bars_stand_apart() {
    let project = accepted();
    project.write("data/x.csv", bars(310));
    let json = is_green(&project, &[]);
    let beyond = &session(&json, "one")["beyond"];
    assert_eq!((&beyond["bars"], &beyond["from"]), (&10.into(), &"2020-10-27".into()));
    // A gate on what happened since is not broken by it.
    let lost = bars(300) + "2020-10-27,1,1,1,1,1\n";
    project.write("data/x.csv", lost);
    is_green(&project, &[]);
}

#[test]
fn tags_names_and_tolerances_are_green() {
    let project = accepted();
    project.edit("sessions/ci.toml", "tags = [\"a\"]", "tags = [\"b\"]\ndescription = \"x\"");
    project.edit("sessions/ci.toml", "omega = \"ignore\"", "omega = \"exact\"");
    is_green(&project, &[]);
}

#[test]
fn a_session_that_fails_keeps_no_other_from_being_checked() {
    let project = accepted();
    project.edit("sessions/ci.toml", "[check]", "[run]\nfail_fast = true\nthreads = 1\n\n[check]");
    let (outcome, json) = check(&project, &["--fault", "0"]);
    let _ = outcome.code(3);
    let standings = SESSIONS.map(|key| session(&json, key)["standing"].as_str());
    assert_eq!(standings, [Some("broken"), Some("held"), Some("held")]);
}

#[test]
fn a_session_that_fails_is_three() {
    let project = accepted();
    let (outcome, json) = check(&project, &["--fault", "0"]);
    let _ = outcome.code(3);
    assert_eq!(session(&json, "one")["standing"], "broken");
    assert_eq!(session(&json, "grid[length=5]")["standing"], "held");
}

// Tolerances.

#[test]
fn a_tolerance_allows_what_it_says_and_no_more() {
    let project = accepted();
    project.edit("sessions/ci.toml", "rate = 0.001", "rate = 0.001001");
    let gates = |text: &str| {
        let checked = ["[check]\nfills = \"warn\"\nequity = \"ignore\"\n", text].concat();
        let manifest = std::fs::read_to_string(project.path("sessions/ci.toml")).unwrap();
        let end = manifest.find("[session.one]").unwrap();
        project.write("sessions/ci.toml", format!("schema = 1\n{checked}\n{}", &manifest[end..]));
    };
    gates("default = { rtol = 0.01, atol = 0.01 }");
    let (outcome, json) = check(&project, &[]);
    let _ = outcome.success();
    assert_eq!(session(&json, "one")["standing"], "changed");
    gates("default = { rtol = 0.01, atol = 0.01 }\nmetrics = { final_equity = \"exact\" }");
    let (outcome, json) = check(&project, &[]);
    let _ = outcome.code(1);
    let finding = &session(&json, "one")["findings"][0];
    assert_eq!((&finding["subject"], &finding["line"]), (&"final_equity".into(), &6.into()));
    // Higher costs are worse, and that is all that fails.
    gates(
        "default = { rtol = 0.01, atol = 0.01 }\nmetrics = { commission_paid = { rtol = 0, atol = 0, better = \"higher\", fail_on = \"worse\" } }",
    );
    let _ = check(&project, &[]).0.success();
    gates(
        "default = { rtol = 0.01, atol = 0.01 }\nmetrics = { commission_paid = { rtol = 0, atol = 0, fail_on = \"worse\" } }",
    );
    let _ = check(&project, &[]).0.code(1);
    gates("default = { rtol = 0.01, atol = 0.01 }\nmetrics = { commission_paid = { max = 0.5 } }");
    let (outcome, json) = check(&project, &[]);
    let _ = outcome.code(1);
    let text = session(&json, "one")["findings"][0]["text"].as_str().unwrap();
    assert!(text.ends_with("and its max is 0.5"), "{text}");
    gates(
        "default = { rtol = 0, atol = 0 }\n[[check.override]]\nmatch = { tags = [\"a\"] }\ndefault = { rtol = 0.01, atol = 0.01 }",
    );
    let _ = check(&project, &[]).0.success();
}

#[test]
fn an_unknown_metric_is_a_mistake_with_a_suggestion() {
    let project = project();
    project.edit("sessions/ci.toml", "omega = \"ignore\"", "omgea = \"ignore\"");
    let _ = project.run(["check", "sessions/ci.toml"]).code(2).stderr("did you mean `omega`?");
}

#[test]
fn a_baseline_without_a_session_is_told_and_pruned() {
    let project = accepted();
    let manifest = format!("schema = 1{MANIFEST}");
    let (one, _) = manifest.split_once("[session.grid]").unwrap();
    project.write("sessions/ci.toml", one);
    let (outcome, json) = check(&project, &[]);
    let _ = outcome.success();
    assert_eq!(session(&json, "grid[length=5]")["standing"], "extra");
    project.write("sessions/ci.toml", one.replace("[check]", "[check]\non_extra = \"fail\""));
    let _ = check(&project, &[]).0.code(1);
    let _ = project.run(["baseline", "prune"]).success().stderr("2 baselines removed");
    let _ = check(&project, &[]).0.success();
}

// Accepting.

#[test]
fn a_change_waits_until_it_is_accepted() {
    let project = accepted();
    project.edit("sessions/ci.toml", "rate = 0.001", "rate = 0.002");
    let _ = project.run(["check", "sessions/ci.toml"]).code(1).stderr("baseline review");
    let waiting = project.path("baselines/main/one/baseline.json.new");
    assert!(waiting.exists());
    assert!(!project.path("baselines/main/grid%5Blength%3D5%5D/baseline.json.new").exists());
    let _ = project.run(["baseline", "review"]).success().stdout("`costs.commission.rate` 0.001");
    let _ = project.run(["baseline", "accept", "--reason", " "]).code(2);
    let metric = ["baseline", "accept", "--metric", "sharpe", "--reason", "as told"];
    let _ = project.run(metric).success();
    let (outcome, json) = check(&project, &[]);
    let _ = outcome.code(1);
    let changes = session(&json, "one")["changes"].as_array().unwrap();
    assert!(!changes.is_empty() && changes.iter().all(|change| change["metric"] != "sharpe"));
    assert!(waiting.exists());
    let _ = project.run(["baseline", "accept", "--reason", "fees went up"]).success();
    assert!(!waiting.exists());
    is_green(&project, &[]);
    let _ = project.run(["baseline", "list"]).success().stdout("fees went up");
}

#[test]
fn a_baseline_moves_to_other_days_when_that_is_asked_for_and_accepted() {
    let project = accepted();
    project.write("data/x.csv", bars(310));
    let _ = project.run(["check", "sessions/ci.toml"]).success();
    let outcome = project.run(["check", "sessions/ci.toml", "--own-range"]).code(1);
    let _ = outcome.stdout("cause: new bars: ").stdout("2020-11-05");
    let _ = project.run(["baseline", "accept", "--reason", "ten days more"]).success();
    let json = is_green(&project, &[]);
    assert_eq!(session(&json, "one")["beyond"], Value::Null);
    let listed = project.run(["baseline", "list", "--format", "csv"]).success().rows();
    assert!(listed.iter().all(|row| row["to"] == "2020-11-05" && row["reason"] == "ten days more"));
}

#[test]
fn quiet_is_silent_when_green_and_a_line_a_session_when_red() {
    let project = accepted();
    let _ = project.run(["check", "sessions/ci.toml", "--quiet"]).success().silent();
    project.edit("sessions/ci.toml", "rate = 0.001", "rate = 0.002");
    let outcome = project.run(["check", "sessions/ci.toml", "--quiet"]).code(1);
    assert_eq!(outcome.stdout, "");
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", outcome.stderr);
    assert!(lines[0].starts_with("one: failed: settings; 2020-"), "{}", lines[0]);
    assert_eq!(lines[1], "3 sessions: 1 failed");
}

#[test]
fn what_only_the_wanted_sessions_have_can_be_set_for_them() {
    let project = project();
    let other =
        "\n[session.other]\nstrategy = \"buy-and-hold\"\ndata = { path = \"data/x.csv\" }\n";
    project.write("sessions/ci.toml", format!("schema = 1{MANIFEST}{other}"));
    let set = ["sessions/ci.toml", "--set", "params.length=7"];
    let all = project.run([&["plan"], &set[..]].concat()).code(2);
    let _ =
        all.stderr("strategy `buy-and-hold` has no parameter `length`").stderr("in session other");
    let _ = project.run([&["plan"], &set[..], &["--session", "one"]].concat()).success();
    let variants = ["--variant", "params.length=7", "--variant", "params.length=9"];
    let _ = project.run([&["compare", "sessions/ci.toml:one"], &variants[..]].concat()).success();
}

#[test]
fn what_is_rejected_leaves_no_trace() {
    let project = accepted();
    let before = tree(&project.path("baselines"));
    project.edit("sessions/ci.toml", "rate = 0.001", "rate = 0.002");
    let _ = project.run(["check", "sessions/ci.toml"]).code(1);
    let _ = project.run(["baseline", "reject", "--session", "grid"]).code(4);
    let _ = project.run(["baseline", "reject", "--session", "one"]).success();
    assert_same(&before, &tree(&project.path("baselines")));
}

#[test]
fn what_is_incomplete_filtered_or_of_another_manifest_is_not_accepted() {
    let project = project().manifest("sessions/other.toml", MANIFEST);
    let refused = |check: &[&str], reason: &str| {
        let _ = project.run([&["check"], check].concat());
        let accept = ["baseline", "accept", "--reason", "x"];
        let _ = project.run(accept).code(2).stderr("nothing was accepted").stderr(reason);
        let _ = project.run(["baseline", "reject"]).success();
    };
    refused(&["sessions/ci.toml", "--session", "one"], "`--session one`");
    refused(&["sessions/ci.toml", "--limit", "1"], "`--limit 1`");
    refused(&["sessions/ci.toml", "--set", "capital=5"], "`--set capital=5`");
    refused(&["sessions/ci.toml", "--fault", "1"], "not complete");
    let project = accept(project);
    project.edit("sessions/other.toml", "rate = 0.001", "rate = 0.002");
    let _ = project.run(["check", "sessions/other.toml"]).code(1);
    let accept = ["baseline", "accept", "--reason", "x"];
    let _ = project.run(accept).code(2).stderr("it is of sessions/other.toml");
}

// Baselines that somebody broke.

#[test]
fn a_broken_baseline_is_six_and_says_what_is_wrong() {
    let project = accepted();
    let path = "baselines/main/one/baseline.json";
    let whole = std::fs::read_to_string(project.path(path)).unwrap();
    let broken = |text: &str, fact: &str| {
        project.write(path, text);
        let (outcome, json) = check(&project, &[]);
        let _ = outcome.code(6);
        let one = session(&json, "one");
        assert_eq!(one["standing"], "unreadable");
        let told = one["findings"][0]["text"].as_str().unwrap();
        assert!(told.contains(fact) && told.contains("restore it"), "{told}");
        assert_eq!(session(&json, "grid[length=5]")["standing"], "held");
    };
    broken(&whole[..whole.len() / 2], "ends too early");
    broken("", "ends too early");
    broken("<<<<<<< HEAD\n{}", "is not JSON");
    broken("{}", "missing field");
    let trades = whole.lines().find(|line| line.contains("\"trades\":")).unwrap();
    broken(&whole.replace(trades, "    \"trades\": 1000,"), "changed by hand");
    broken(&whole.replace("\"key\"", "\"kee\": 1, \"key\""), "unknown field `kee`");
    let moved =
        std::fs::read_to_string(project.path("baselines/main/grid%5Blength%3D5%5D/baseline.json"));
    project.write(path, moved.unwrap());
    let _ = check(&project, &[]).0.code(6);
    project.write(
        path,
        whole.replace("\"schema\": 1,\n  \"session\"", "\"schema\": 7,\n  \"session\""),
    );
    let (outcome, json) = check(&project, &[]);
    let _ = outcome.code(6);
    let told = session(&json, "one")["findings"][0]["text"].as_str().unwrap();
    assert!(told.contains("a newer papertape"), "{told}");

    // Lines that end otherwise are the same lines.
    project.write(path, whole.replace('\n', "\r\n"));
    let _ = check(&project, &[]).0.success();
    for file in ["trades.csv", "daily.csv", "orders.csv", "bars.csv"] {
        let path = format!("baselines/main/one/{file}");
        let text = std::fs::read_to_string(project.path(&path)).unwrap();
        project.write(&path, &text[..text.len() - 9]);
        let (outcome, json) = check(&project, &[]);
        let _ = outcome.code(6);
        let told = session(&json, "one")["findings"][0]["text"].as_str().unwrap();
        assert!(told.contains(file) && told.contains("truncated"), "{told}");
        std::fs::remove_file(project.path(&path)).unwrap();
        let _ = check(&project, &[]).0.code(6);
        project.write(&path, text);
    }
    is_green(&project, &[]);
}

// What CI systems are given.

type Element =
    (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

/// The elements of Jenkins' schema for JUnit reports (junit-10.xsd of its xUnit plugin): of each the
/// attributes it must have, those it may have, and the elements inside.
const JENKINS: [Element; 9] = [
    ("testsuites", &[], &["name", "time", "tests", "failures", "errors"], &["testsuite"]),
    (
        "testsuite",
        &["name", "tests", "failures", "errors"],
        &[
            "group",
            "time",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
            "file",
            "log",
            "url",
        ],
        &["testsuite", "properties", "testcase", "system-out", "system-err"],
    ),
    (
        "testcase",
        &["name"],
        &["time", "classname", "group"],
        &["skipped", "error", "failure", "system-out", "system-err"],
    ),
    ("failure", &[], &["type", "message"], &[]),
    ("error", &[], &["type", "message"], &[]),
    ("properties", &[], &[], &["property"]),
    ("property", &["name", "value"], &[], &[]),
    ("system-out", &[], &[], &[]),
    ("system-err", &[], &[], &[]),
];

/// Whether `text` is a number of seconds as surefire writes it.
fn is_surefire_time(text: &str) -> bool {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number(whole) && is_number(part)
}

/// Hold a report against [`JENKINS`]: its elements may stand in any order inside another, and every
/// attribute is text but for times.
#[track_caller]
fn is_junit(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..);
    assert!(xml.chars().all(is_allowed), "XML has no control characters");
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "));
    // An attribute's value has no bracket, for both are escaped in it.
    for tag in xml.split('<').skip(1).map(|rest| rest.split_once('>').expect("a tag ends").0) {
        if tag.starts_with('?') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{xml}");
            continue;
        }
        let body = tag.trim_end_matches('/');
        let (name, attributes) = body.split_once(' ').unwrap_or((body, ""));
        let known = JENKINS.iter().find(|(element, ..)| *element == name);
        let (_, must, may, _) = known.unwrap_or_else(|| panic!("<{name}> is not in the schema"));
        let given: Vec<&str> = attributes
            .split('"')
            .step_by(2)
            .map(|text| text.trim().trim_end_matches('='))
            .filter(|text| !text.is_empty())
            .collect();
        for (at, _) in attributes.match_indices(" time=\"") {
            let value = attributes[at + " time=\"".len()..].split('"').next().unwrap();
            assert!(is_surefire_time(value), "<{tag}>");
        }
        assert!(given.iter().all(|name| given.iter().filter(|other| *other == name).count() == 1));
        assert!(must.iter().all(|name| given.contains(name)), "<{tag}>");
        assert!(given.iter().all(|name| must.contains(name) || may.contains(name)), "<{tag}>");
        match open.last() {
            Some(outer) => {
                let (.., inside) = JENKINS.iter().find(|(element, ..)| element == outer).unwrap();
                assert!(inside.contains(&name), "<{name}> in <{outer}>");
            }
            None => assert_eq!(name, "testsuites"),
        }
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty());
}

#[test]
fn the_junit_file_is_one_that_jenkins_takes() {
    let project = accepted();
    project.edit("sessions/ci.toml", "rate = 0.001", "rate = 0.002");
    let report = |more: &[&str], code| {
        let command = ["check", "sessions/ci.toml", "--junit", "junit.xml"];
        let _ = project.run([&command[..], more].concat()).code(code);
        std::fs::read_to_string(project.path("junit.xml")).unwrap()
    };
    let red = report(&[], 1);
    is_junit(&red);
    assert!(red.contains("<failure") && red.contains("costs.commission.rate"), "{red}");
    assert!(red.contains("name=\"ci.one\" tests=\"1\"") && red.contains("failures=\"1\""), "{red}");
    assert_eq!(red, report(&[], 1));
    assert!(!red.contains("time="));
    let timed = report(&["--times"], 1);
    is_junit(&timed);
    assert!(timed.contains("time=\""));
    let broken = report(&["--fault", "0"], 3);
    is_junit(&broken);
    assert!(broken.contains("<error message=") && broken.contains("type=\"broken\""), "{broken}");
}

#[test]
fn annotations_point_at_the_manifest_and_are_ten_at_most() {
    let points: Vec<String> = (2..20).map(|length| length.to_string()).collect();
    let project = project();
    project.edit("sessions/ci.toml", "[5, 10]", &format!("[{}]", points.join(", ")));
    let project = accept(project);
    project.edit("templates/strategies/own.toml", "close > average", "close > average * 1.01");
    let command =
        ["check", "sessions/ci.toml", "--annotations", "github", "--quiet", "--format", "csv"];
    let outcome = project.run(command).code(1);
    let lines: Vec<&str> = outcome.stdout.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(lines.len(), 10, "{}", outcome.stdout);
    let start = "::error file=sessions/ci.toml,line=5,title=one (total_return)::cause: rules: ";
    assert!(lines[0].starts_with(start) && lines[0].contains("%0A"), "{}", lines[0]);
    assert!(lines[1].contains("title=grid[length=2] (total_return)::"), "{}", lines[1]);
    assert_eq!(lines[9], "::error title=papertape::and 10 more, see the summary");
    let outcome = project.run(["check", "sessions/ci.toml", "--summary", "summary.md"]).code(1);
    drop(outcome);
    let page = std::fs::read_to_string(project.path("summary.md")).unwrap();
    assert!(
        page.contains("19 sessions checked, 19 failed.") && page.contains("## `one`"),
        "{page}"
    );
    let _ = project.run(["check", "sessions/ci.toml", "--summary", "summary.md"]).code(1);
    let twice = std::fs::read_to_string(project.path("summary.md")).unwrap();
    assert_eq!(twice, [&page[..], &page[..]].concat());
}

// What a session expects.

#[test]
fn a_run_that_misses_what_is_expected_is_one() {
    let project = project();
    let expect = |conditions: &str| {
        let manifest = format!("schema = 1{MANIFEST}");
        let one = "[session.one]";
        project.write(
            "sessions/ci.toml",
            manifest.replace(one, &format!("[session.one.expect]\n{conditions}\n{one}")),
        );
    };
    expect("trades = \">= 1\"\nsharpe = [\"> -100\", \"< 100\"]");
    let _ = project.run(["run", "sessions/ci.toml", "--no-report"]).success();
    expect("trades = \">= 1000\"");
    // What is expected is no part of the identity: nothing is run again.
    let outcome = project.run(["run", "sessions/ci.toml", "--no-report", "--junit", "junit.xml"]);
    let outcome = outcome.code(1).stderr("and >= 1000 is expected (sessions/ci.toml:6:10)");
    assert!(outcome.stderr.contains("3 cached"), "{}", outcome.stderr);
    assert_eq!(project.newest().json()["exit_code"], 1);
    is_junit(&std::fs::read_to_string(project.path("junit.xml")).unwrap());
    let _ = project.run(["check", "sessions/ci.toml"]).code(6);
    let _ = project.run(["baseline", "accept", "--reason", "x"]).success();
    let _ = project.run(["check", "sessions/ci.toml"]).code(1).stdout("and >= 1000 is expected");
    expect("trdaes = \">= 1\"");
    let _ = project.run(["run", "sessions/ci.toml"]).code(2).stderr("did you mean `trades`?");
    expect("trades = \"many\"");
    let _ = project.run(["run", "sessions/ci.toml"]).code(2).stderr("such as \">= 1.0\"");
}

// Side by side.

#[test]
fn two_parameter_sets_of_one_strategy_are_one_command() {
    let project = project();
    let command = [
        "compare",
        "sessions/ci.toml:one",
        "--variant",
        "params.length=10",
        "--variant",
        "params.length=40",
        "--report",
        "c.html",
        "--report",
        "c.md",
    ];
    let outcome = project.run(command).success();
    assert!(outcome.stdout.contains("★") && outcome.stdout.contains("annual_return"));
    let page = std::fs::read_to_string(project.path("c.html")).unwrap();
    assert!(page.contains("params.length") && page.contains("<svg") && page.contains("Lead of"));
    let text = std::fs::read_to_string(project.path("c.md")).unwrap();
    assert!(text.contains("params.length") && text.contains("| Sharpe |"), "{text}");
    let again = project.run(command).success();
    assert_eq!(outcome.stdout, again.stdout);
    assert_eq!(page, std::fs::read_to_string(project.path("c.html")).unwrap());
    assert!(!project.path("output").exists());
}

#[test]
fn runs_sessions_baselines_and_manifests_are_compared_with_each_other() {
    let project = accepted();
    let _ = project.run(["run", "sessions/ci.toml", "--no-report"]).success();
    for what in ["latest", "sessions/ci.toml", "baseline:main"] {
        let same = ["compare", what, "baseline:main", "--only-changed", "--format", "csv"];
        assert_eq!(project.run(same).success().rows().len(), 0, "{what}");
    }
    project.edit("sessions/ci.toml", "rate = 0.001", "rate = 0.003");
    let command = ["compare", "one", "latest:one", "baseline:main:one", "sessions/ci.toml:one"];
    let rows = project.run([&command[..], &["--only-changed", "--format", "csv"]].concat());
    let rows = rows.success().rows();
    assert!(rows.iter().all(|row| row["one"] == row["baseline:main:one"]));
    let change = |row: &crate::project::Row| row["relative"].parse::<f64>().unwrap().abs();
    let paid = rows.iter().find(|row| row["metric"] == "commission_paid").unwrap();
    assert!(change(paid) > 1.5 && paid["best"] == "one,latest:one,baseline:main:one");
    let few = [&command[..], &["--only-changed", "--threshold", "1.5", "--format", "csv"]].concat();
    assert!(project.run(few).success().rows().len() < rows.len());
    let sorted = [&command[..], &["--sort", "change", "--format", "csv"]].concat();
    let sorted = project.run(sorted).success().rows();
    let sizes: Vec<f64> =
        sorted.iter().filter(|row| !row["relative"].is_empty()).map(change).collect();
    assert!(sizes.windows(2).all(|pair| pair[0] >= pair[1]), "{sizes:?}");
    let _ =
        project.run(["compare", "nothing", "latest"]).code(2).stderr("`nothing` is no manifest");
    let _ = project.run(["compare", "latest"]).code(2);
}
