//! Mistakes are shown where they are, before anything runs, with the way out.

use crate::project::{Project, session};

/// What is said of a manifest that cannot be planned.
#[track_caller]
fn mistake(project: &Project, arguments: &[&str]) -> String {
    let planned = project.run([&["plan"], arguments].concat()).code(2);
    let outcome = project.run([&["run"], arguments].concat()).code(2);
    assert_eq!(outcome.stdout, "");
    assert_eq!(outcome.stderr, planned.stderr, "`plan` and `run` say the same");
    assert!(!project.path("output").exists(), "nothing ran");
    outcome.stderr
}

/// What is said of one session with these further keys.
#[track_caller]
fn mistake_in(keys: &str) -> String {
    let project = Project::new().bars(120).manifest("a.toml", &[&session("one"), keys].concat());
    mistake(&project, &["a.toml"])
}

#[test]
fn an_unknown_key_is_shown_with_the_one_that_was_meant() {
    insta::assert_snapshot!(mistake_in("capitol = 5000\n"), @r"
    error[E0102]: unknown key `capitol` in `session.one`
     --> a.toml:5:1
      |
    5 | capitol = 5000
      | ^^^^^^^ did you mean `capital`?
    ");
}

#[test]
fn a_value_of_another_type_is_shown_with_what_belongs_there() {
    insta::assert_snapshot!(mistake_in("capital = \"much\"\n"), @r#"
    error[E0103]: `session.one.capital` is a number above 0, not a string
     --> a.toml:5:11
      |
    5 | capital = "much"
      |           ^^^^^^
    "#);
}

#[test]
fn a_misspelt_strategy_is_shown_with_the_one_that_was_meant() {
    let project = Project::new().bars(120).manifest("a.toml", &session("one"));
    project.edit("a.toml", "sma-cross", "smacross");
    insta::assert_snapshot!(mistake(&project, &["a.toml"]), @r#"
    error[E0403]: there is no strategy `smacross`
     --> a.toml:3:12
      |
    3 | strategy = "smacross"
      |            ^^^^^^^^^^ did you mean `sma-cross`?
    "#);
}

#[test]
fn a_parameter_out_of_bounds_is_shown() {
    insta::assert_snapshot!(mistake_in("params = { fast = 0 }\n"), @r"
    error[E0104]: parameter `fast` is from 1 to 500, not 0
     --> a.toml:5:19
      |
    5 | params = { fast = 0 }
      |                   ^
    ");
}

/// What is said of a strategy with this rule.
#[track_caller]
fn mistake_in_rule(rule: &str) -> String {
    let project = Project::new().bars(120).manifest(
        "a.toml",
        &format!(
            "
[session.one]
data = {{ path = \"data/x.csv\", timeframe = \"1d\" }}

[session.one.strategy.rules]
enter_long = \"{rule}\"
"
        ),
    );
    mistake(&project, &["a.toml"])
}

#[test]
fn an_unknown_name_in_a_rule_is_shown() {
    insta::assert_snapshot!(mistake_in_rule("close > smaa(close, 10)"), @r#"
    error[E0202]: unknown function `smaa`
     --> a.toml:6:23
      |
    6 | enter_long = "close > smaa(close, 10)"
      |                       ^^^^ did you mean `sma`?
      |
      = help: `papertape indicators` lists all functions
    "#);
}

#[test]
fn a_rule_that_cannot_be_parsed_is_shown() {
    insta::assert_snapshot!(mistake_in_rule("close > (open + "), @r#"
    error[E0201]: the expression ends where a value is needed
     --> a.toml:6:31
      |
    6 | enter_long = "close > (open + "
      |                               ^
    "#);
}

#[test]
fn a_rule_that_is_no_condition_is_shown() {
    insta::assert_snapshot!(mistake_in_rule("close + 1"), @r#"
    error[E0203]: rule `enter_long` is true or false on each bar
     --> a.toml:6:14
      |
    6 | enter_long = "close + 1"
      |              ^^^^^^^^^^^ this is a number
    "#);
}

#[test]
fn a_window_of_no_bars_is_shown() {
    insta::assert_snapshot!(mistake_in_rule("close > sma(close, 0)"), @r#"
    error[E0205]: the length of `sma` is at least 1, but this is 0
     --> a.toml:6:34
      |
    6 | enter_long = "close > sma(close, 0)"
      |                                  ^
    "#);
}

#[test]
fn a_window_that_is_longer_than_the_data_is_shown() {
    insta::assert_snapshot!(mistake_in_rule("close > sma(close, 121)"), @r#"
    error[E0208]: `sma` has no value on the first 120 bars, and there are 120
     --> a.toml:6:23
      |
    6 | enter_long = "close > sma(close, 121)"
      |                       ^^^^^^^^^^^^^^^ it never has a value
      |
      = help: shorten it, or let rules see more bars: `range`, `data.warmup`
      = help: in session one
    "#);
    let axes = "[session.one.sweep.axes]\n\"params.slow\" = [20, 500]\n";
    let project = Project::new().bars(120).manifest("a.toml", &[&session("one"), axes].concat());
    let outcome = project.run(["run", "a.toml", "--no-report"]).success();
    let _ = outcome
        .stderr("warning[E0208]: `sma` has no value on the first 499 bars")
        .stderr("2 completed");
}

#[test]
fn an_axis_that_is_no_key_is_shown() {
    let axes = "[session.one.sweep.axes]\n\"params.fsat\" = [1, 2]\n";
    insta::assert_snapshot!(mistake_in(axes), @r#"
    error[E0301]: strategy `sma-cross` has no parameter `fsat`
     --> a.toml:6:1
      |
    6 | "params.fsat" = [1, 2]
      | ^^^^^^^^^^^^^ did you mean `fast`?
    "#);
}

#[test]
fn a_path_of_the_command_line_is_shown_as_such() {
    let project = Project::new().bars(120).manifest("a.toml", &session("one"));
    insta::assert_snapshot!(mistake(&project, &["a.toml", "--set", "costs.slipage.bps=5"]), @r"
    error[E0301]: `costs.slipage.bps` is not a key of a session
     --> command line, argument 4:1:1
      |
    1 | costs.slipage.bps=5
      | ^^^^^^^^^^^^^^^^^ did you mean `costs.slippage.bps`?
    ");
}

#[test]
fn a_manifest_that_is_no_toml_is_shown() {
    insta::assert_snapshot!(mistake_in("capital = = 1\n"), @r"
    error[E0100]: extra `=`, expected nothing
     --> a.toml:5:11
      |
    5 | capital = = 1
      |           ^
    ");
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let said = mistake_in("capitol = 5000\nsymbols = 7\nparams = { fast = 0, slwo = 3 }\n");
    for word in ["capitol", "symbols", "fast", "slwo"] {
        assert!(said.contains(&format!("{word}`")), "{word} is not in\n{said}");
    }
    assert_eq!(said.matches("a.toml:").count(), 4, "{said}");
}

#[test]
fn all_mistakes_of_a_strategy_are_shown_at_once() {
    let strategy = "
[session.one.strategy.let]
a = \"b + sma(clsoe, 0)\"
b = \"c * 2\"
c = \"b - 1\"
d = \"smaa(opne, 5) > ema(close) and at('1x', hgih)\"
close = \"open\"
[session.one.strategy.rules]
enter_long = \"a > rsi(lwo, -1) or d or close@GOOGL > 1\"
exit_long = \"close + 1\"
";
    let manifest = format!("\n[session.one]\ndata.path = \"data/x.csv\"\n{strategy}");
    let said = mistake(&Project::new().bars(120).manifest("a.toml", &manifest), &["a.toml"]);
    let errors = said.lines().filter(|line| line.starts_with("error"));
    let titles: Vec<&str> = errors.map(|line| line.split_once(": ").unwrap().1).collect();
    assert_eq!(
        titles,
        [
            "`close` is a column of the data",
            "lets refer to each other in a circle: b, c, b",
            "unknown name `clsoe`",
            "the length of `sma` is at least 1, but this is 0",
            "unknown function `smaa`",
            "unknown name `opne`",
            "`ema` takes 2 arguments, but 1 is given",
            "`1x` is not a timeframe",
            "unknown name `hgih`",
            "unknown name `lwo`",
            "the length of `rsi` is at least 2, but this is -1",
            "the data has no symbol `GOOGL`",
            "rule `exit_long` is true or false on each bar",
        ]
    );
}

#[test]
fn mistakes_of_keys_and_of_expressions_are_shown_together() {
    let manifest = "
[session.one]
data.path = \"data/x.csv\"
capitol = 5
[session.one.strategy]
let.a = \"smaa(close, 3)\"
let.b = 5
params.n.typ = \"int\"
rules.enter_long = \"a > 1\"
[session.two]
data.path = \"data/x.csv\"
strategy = \"odd\"
[session.three]
strategy = \"sma-crs\"
";
    let strategy = "
wrong = 1
[let]
mean = \"sma(clsoe, 3)\"
[rules]
enter_long = \"close > mean\"
enter_shrt = \"close < mean\"
exit_long = \"close <\"
";
    let project = Project::new()
        .bars(120)
        .file("templates/strategies/odd.toml", strategy)
        .manifest("a.toml", manifest);
    let said = mistake(&project, &["a.toml"]);
    let errors = said.lines().filter(|line| line.starts_with("error"));
    let titles: Vec<&str> = errors.map(|line| line.split_once(": ").unwrap().1).collect();
    assert_eq!(
        titles,
        [
            "unknown key `capitol` in `session.one`",
            "`session.one.strategy.let.b` is an expression in quotes, not a whole number",
            "unknown key `typ` in `session.one.strategy.params.n`",
            "parameter `n` has no type",
            "unknown key `wrong`",
            "unknown key `enter_shrt` in `rules`",
            "there is no strategy `sma-crs`",
            "`data.path` is missing",
            "unknown name `clsoe`",
            "the expression ends where a value is needed",
        ]
    );
}

#[test]
fn a_manifest_of_another_schema_is_refused() {
    let project = Project::new().file("a.toml", "schema = 2\n");
    let without = Project::new().file("a.toml", session("one").trim_start());
    insta::assert_snapshot!(mistake(&project, &["a.toml"]), @r"
    error[E0104]: this is schema 2, and this papertape reads schema 1
     --> a.toml:1:10
      |
    1 | schema = 2
      |          ^

    error[E0101]: the manifest declares no session
     |
     = help: declare one: `[session.NAME]`
    ");
    insta::assert_snapshot!(mistake(&without, &["a.toml"]), @r"
    error[E0101]: `schema` is missing
     --> a.toml:1:1
      |
    1 | [session.one]
      | ^ begin with `schema = 1`
    ");
}

#[test]
fn a_name_that_two_manifests_give_is_a_mistake() {
    let project = Project::new()
        .bars(120)
        .manifest("a.toml", &session("one"))
        .manifest("b.toml", &[session("two"), session("one")].concat());
    insta::assert_snapshot!(mistake(&project, &["a.toml", "b.toml"]), @r"
    error[E0106]: session `one` is declared twice
     --> b.toml:6:10
      |
    6 | [session.one]
      |          ^^^ also at a.toml:2:10
    ");
    project.edit("b.toml", "session.one", "session.three");
    let _ = project.run(["run", "a.toml", "b.toml"]).success().stderr("3 sessions: 3 completed");
}

#[test]
fn whoever_names_no_manifest_is_told_which_there_are() {
    let project = Project::new()
        .manifest("sessions/b.toml", &session("b"))
        .manifest("sessions/a.toml", &session("a"))
        .file("sessions/notes.txt", "");
    insta::assert_snapshot!(mistake(&project, &[]), @r"
    error: name a manifest; there are:
      sessions/a.toml
      sessions/b.toml
    ");
    insta::assert_snapshot!(mistake(&Project::new(), &[]), @r"
    error: name a manifest; there is none in sessions
    ");
}

#[test]
fn a_strategy_without_bars_to_run_on_says_what_to_write() {
    let project = Project::new().manifest("a.toml", "\n[session.one]\nstrategy = \"sma-cross\"\n");
    insta::assert_snapshot!(mistake(&project, &["a.toml"]), @r#"
    error[E0101]: `data.path` is missing
     --> a.toml:2:10
      |
    2 | [session.one]
      |          ^^^ say where the bars are: `[session.one.data]` and `path = "data/x.csv"`
    "#);
}

#[test]
fn a_mistake_in_a_template_is_shown_with_the_chain_that_leads_to_it() {
    let project = Project::new()
        .bars(120)
        .file("templates/sessions/a.toml", "template = \"b\"\n")
        .file("templates/sessions/b.toml", "capitol = 5\ntemplate = [\"c\"]\n")
        .file("templates/sessions/c.toml", "template = \"a\"\n")
        .manifest("a.toml", "\n[session.x]\ntemplate = \"a\"\nstrategy = \"momentum\"\n");
    let outcome = project.run(["plan", "a.toml"]).code(2);
    let outcome = outcome.stderr("templates/sessions/b.toml:1:1").stderr("= help: named by a\n");
    let _ = outcome.stderr("templates inherit in a circle: a, b, c, a");
}
