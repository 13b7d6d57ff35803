//! Layers, names and mistakes of manifests.

use super::*;
use chrono::NaiveDate;

fn project() -> Project {
    let today = NaiveDate::from_ymd_opt(2026, 1, 31).unwrap();
    Project::of(Path::new("/nowhere/sessions/a.toml"), None, today)
}

fn read(text: &str, layers: &Layers<'_>) -> (Manifest, String) {
    let mut mistakes = Mistakes::default();
    let project = project();
    let source = Source::new("a.toml", text);
    let manifest = Manifest::parse("a", &source, &project, layers, &mut mistakes);
    for declared in &manifest.sessions {
        mistakes.append(declared.shadowed.clone());
        type_session(&declared.name, &declared.place, &declared.tree, &project, &mut mistakes);
    }
    (manifest, mistakes.render(false))
}

fn mistakes(text: &str) -> String {
    read(text, &Layers::default()).1
}

const PLAIN: &str =
    "schema = 1\n[session.a]\nstrategy = \"sma-cross\"\ndata = { path = \"x.csv\" }\n";

#[test]
fn later_layers_win_and_unset_takes_away() {
    let text = "schema = 1
[defaults]
capital = 1
costs = { commission = { rate = 0.01, per_unit = 0.5 } }
strategy = \"sma-cross\"
data = { path = \"x.csv\" }
[session.a]
capital = 2
tags = [\"t\"]
costs = { commission = { rate = 0.02 } }
[session.b]
unset = [\"costs.commission.rate\"]
[[override]]
match = { tags = [\"t\"] }
set = { capital = 3 }
[profile.p.session]
capital = 4
";
    let capital = |layers: &Layers<'_>| {
        let (manifest, shown) = read(text, layers);
        assert_eq!(shown, "");
        let sessions = manifest.sessions;
        let of = |at: usize, path: &str| sessions[at].tree.at(path).and_then(Node::number);
        assert_eq!(of(0, "costs.commission.per_unit"), Some(0.5));
        assert_eq!(of(0, "costs.commission.rate"), Some(0.02));
        assert_eq!(of(1, "costs.commission.rate"), None);
        (of(0, "capital"), of(1, "capital"))
    };
    let set = [Assignment { text: "capital=5".into(), argument: 3 }];
    assert_eq!(capital(&Layers::default()), (Some(3.0), Some(1.0)));
    assert_eq!(
        capital(&Layers { profile: Some("p"), ..Layers::default() }),
        (Some(4.0), Some(4.0))
    );
    let all = Layers { profile: Some("p"), set: &set, ..Layers::default() };
    assert_eq!(capital(&all), (Some(5.0), Some(5.0)));
}

#[test]
fn a_session_extends_another_and_says_only_what_differs() {
    let text = "schema = 1
[defaults]
data = { path = \"x.csv\" }
[session.a]
extends = \"b\"
params = { slow = 60 }
[session.b]
strategy = \"sma-cross\"
params = { fast = 3, slow = 50 }
capital = 7
";
    let (manifest, shown) = read(text, &Layers::default());
    assert_eq!(shown, "");
    let a = &manifest.sessions[0].tree;
    let number = |path: &str| a.at(path).and_then(Node::number);
    assert_eq!(
        (number("params.fast"), number("params.slow"), number("capital")),
        (Some(3.0), Some(60.0), Some(7.0))
    );
    let circle = text.replace("capital = 7", "extends = \"a\"");
    assert!(mistakes(&circle).contains("sessions extend each other in a circle: a, b, a"));
    assert!(mistakes(&text.replace("\"b\"", "\"c\"")).contains("the manifest has no session `c`"));
}

#[test]
fn a_key_is_explained_by_every_layer_that_speaks_of_it() {
    let text = "schema = 1
[defaults]
strategy = \"ema-cross\"
params = { fast = 3 }
data = { path = \"x.csv\" }
capital = 1
[session.a]
strategy = \"sma-cross\"
unset = [\"capital\"]
[[override]]
match = { session = \"a\" }
set = { capital = 3 }
";
    let (manifest, _) = read(text, &Layers::default());
    let said = |path: &str| -> Vec<String> {
        let said = manifest.sessions[0].explain(path);
        said.iter()
            .map(|s| format!("{} {} {}", s.layer, s.value.as_deref().unwrap_or("-"), s.place))
            .collect()
    };
    assert_eq!(
        said("capital"),
        ["override 1 3 a.toml:12:19", "session a - a.toml:9:10", "defaults 1 a.toml:6:11"]
    );
    assert_eq!(said("params.fast"), ["session a - a.toml:8:12", "defaults 3 a.toml:4:19"]);
}

#[test]
fn another_strategy_drops_the_parameters_below_it() {
    let text = "schema = 1
[defaults]
strategy = \"sma-cross\"
params = { fast = 3 }
data = { path = \"x.csv\" }
[session.a]
strategy = \"buy-and-hold\"
[session.b]
strategy = \"sma-cross\"
";
    let (manifest, shown) = read(text, &Layers::default());
    assert_eq!(shown, "");
    let sessions = manifest.sessions;
    assert!(sessions[0].tree.at("params.fast").is_none());
    assert!(sessions[1].tree.at("params.fast").is_some());
}

#[test]
fn every_mistake_is_shown_with_its_place_and_the_way_out() {
    insta::assert_snapshot!(mistakes("schema = 1
[run]
objective = \"sharp\"
[session.a]
strategy = \"sma-crss\"
capital = \"10_000\"
data = { path = \"x.csv\", calender = \"always\" }
sizing = { equity = 1.0, cash = 5 }
risk = { stop_loss = 5 }
costs = { commission = { rate = \"0.1 %\" } }
range = { from = 2013, to = \"2012-13\" }
"), @r#"
    error[E0103]: `session.a.capital` is a number above 0, not a string
     --> a.toml:6:11
      |
    6 | capital = "10_000"
      |           ^^^^^^^^ write 10000, without quotes

    error[E0102]: unknown key `calender` in `session.a.data`
     --> a.toml:7:26
      |
    7 | data = { path = "x.csv", calender = "always" }
      |                          ^^^^^^^^ did you mean `calendar`?

    error[E0104]: `session.a.sizing` holds exactly one of equity, cash, units, risk, volatility
     --> a.toml:8:10
      |
    8 | sizing = { equity = 1.0, cash = 5 }
      |          ^^^^^^^^^^^^^^^^^^^^^^^^^^ 2 are given

    error[E0104]: `session.a.risk.stop_loss` is a fraction such as 0.05 (5 %), at most 1
     --> a.toml:9:22
      |
    9 | risk = { stop_loss = 5 }
      |                      ^ 5 % is 0.05

    error[E0103]: `session.a.costs.commission.rate` is a fraction such as 0.05 (5 %), at most 1, not a string
      --> a.toml:10:33
       |
    10 | costs = { commission = { rate = "0.1 %" } }
       |                                 ^^^^^^^ write 0.001

    error[E0202]: unknown metric `sharp`
     --> a.toml:3:13
      |
    3 | objective = "sharp"
      |             ^^^^^^^ did you mean `sharpe`?

    error[E0403]: there is no strategy `sma-crss`
     --> a.toml:5:12
      |
    5 | strategy = "sma-crss"
      |            ^^^^^^^^^^ did you mean `sma-cross`?

    error[E0104]: `range.to` is a date such as 2013-03-01, "2013-05" or 2013
      --> a.toml:11:29
       |
    11 | range = { from = 2013, to = "2012-13" }
       |                             ^^^^^^^^^ `2012-13-01` is not a date
    "#);
}

#[test]
fn a_plain_manifest_has_no_mistakes() {
    assert_eq!(mistakes(PLAIN), "");
}

#[test]
fn what_the_command_line_sets_is_shown_as_such() {
    let set = [
        Assignment { text: "capitol=5".into(), argument: 4 },
        Assignment { text: "capital=-5".into(), argument: 6 },
    ];
    let (_, shown) = read(PLAIN, &Layers { set: &set, ..Layers::default() });
    insta::assert_snapshot!(shown, @r#"
    error[E0301]: `capitol` is not a key of a session
     --> command line, argument 4:1:1
      |
    1 | capitol=5
      | ^^^^^^^ did you mean `capital`?

    error[E0104]: `capital` is a number above 0
     --> command line, argument 6:1:9
      |
    1 | capital=-5
      |         ^^ this is -5
    "#);
}

#[test]
fn what_the_command_line_sets_is_swept_no_more() {
    let set = |path: &str| Assignment { text: path.into(), argument: 4 };
    let (fast, slow) = (set("params.fast=7"), set("params.slow=50"));
    for sweep in [
        "[session.a.sweep.axes]\n\"params.fast\" = [1, 2]\n\"params.slow\" = [30, 40]\n",
        "[session.a.sweep.axes.params]\nfast = [1, 2]\nslow = [30, 40]\n",
    ] {
        let text = [PLAIN, sweep].concat();
        let one = [fast.clone()];
        let (manifest, shown) = read(&text, &Layers { set: &one, ..Layers::default() });
        assert!(
            shown.contains("warning[W0305]: `--set` replaces the sweep axis `params.fast`"),
            "{shown}"
        );
        let axes = manifest.sessions[0].tree.at("sweep.axes").map(Node::toml).unwrap();
        assert!(axes.contains("slow") && !axes.contains("fast"), "{axes}");
        let both = [fast.clone(), slow.clone()];
        let (manifest, _) = read(&text, &Layers { set: &both, ..Layers::default() });
        assert!(manifest.sessions[0].tree.get("sweep").is_none());
    }
}

#[test]
fn what_the_command_line_sets_is_taken_out_of_rows_and_columns() {
    let fast = [Assignment { text: "params.fast=7".into(), argument: 4 }];
    let layers = || Layers { set: &fast, ..Layers::default() };
    for (sweep, left) in [
        (
            "method = \"list\"\nrows = [{ \"params.fast\" = 1, capital = 5 }, { params = { fast = 2 } }]",
            "rows = [{ capital = 5 }]",
        ),
        ("zip = [{ \"params.fast\" = [1, 2], capital = [5, 6] }]", "zip = [{ capital = [5, 6] }]"),
        ("method = \"list\"\nrows = [{ \"params.fast\" = 1 }, { \"params.fast\" = 2 }]", ""),
    ] {
        let (manifest, shown) = read(&[PLAIN, "[session.a.sweep]\n", sweep].concat(), &layers());
        assert_eq!(
            shown.matches("`--set` replaces the sweep axis `params.fast`").count(),
            1,
            "{shown}"
        );
        let sweep = manifest.sessions[0].tree.get("sweep").map(Node::toml).unwrap_or_default();
        assert!(sweep.contains(left) && sweep.is_empty() == left.is_empty(), "{sweep}");
    }
}

#[test]
fn what_the_command_line_sets_above_or_below_an_axis_is_not_lost() {
    let shown = |sweep: &str, set: &str| {
        let set = [Assignment { text: set.into(), argument: 4 }];
        read(
            &[PLAIN, "[session.a.sweep]\n", sweep].concat(),
            &Layers { set: &set, ..Layers::default() },
        )
        .1
    };
    let fees = "axes = { \"costs.commission\" = [{ rate = 0.1 }, { rate = 0.2 }] }";
    let cash = "axes = { \"sizing.cash\" = [5, 6] }";
    let days = "axes = { range = [{ from = 2019 }, { from = 2020 }] }";
    let row = |row: &str| format!("method = \"list\"\nrows = [{row}]");
    for (sweep, set) in [
        ("axes = { \"risk.stop_loss.atr\" = [1, 2] }", "risk.stop_loss=0.05"),
        ("axes.risk.stop_loss.atr = [1, 2]", "risk.stop_loss=0.05"),
        (&row("{ costs = { commission = { rate = 0.1 } } }"), "costs.commission.rate=0.2"),
        (&row("{ \"costs.commission\" = { rate = 0.1 } }"), "costs.commission.rate=0.3"),
        (fees, "costs.commission={ rate = 0.3 }"),
        (fees, "costs={ commission = { rate = 0.3 } }"),
        (cash, "sizing.equity=0.5"),
        (cash, "sizing={ equity = 0.5 }"),
        (days, "range={ from = 2021 }"),
    ] {
        let shown = shown(sweep, set);
        assert!(shown.contains("W0305") && !shown.contains("E0"), "{sweep}: {shown}");
    }
    for (sweep, set) in [
        (fees, "costs.commission.rate=0.3"),
        ("axes = { \"risk.stop_loss\" = [0.1, 0.2] }", "risk.stop_loss.atr=2"),
        (
            "axes = { \"risk.stop_loss\" = { from = 0.1, to = 0.2, count = 3 } }",
            "risk.stop_loss.atr=2",
        ),
        ("zip = [{ \"costs.commission\" = [{ rate = 0.1 }] }]", "costs.commission.rate=0.3"),
        ("axes = { sizing = [{ equity = 0.5 }] }", "sizing.max_entries=2"),
        (days, "range.to=2021"),
    ] {
        let shown = shown(sweep, set);
        assert!(
            shown.contains("E0108") && shown.contains("says what this sets"),
            "{sweep}: {shown}"
        );
    }
    for (sweep, set) in [
        (fees, "costs.commission.per_order=3"),
        ("axes = { \"costs.commission.rate\" = [0.1, 0.2] }", "costs={ spread = 0.1 }"),
        (cash, "sizing.max_entries=2"),
    ] {
        assert_eq!(shown(sweep, set), "", "{sweep}");
    }
}

#[test]
fn one_end_of_a_range_is_set_and_the_other_stays() {
    let text = [PLAIN, "range = { from = 2019, to = 2021 }\n"].concat();
    for (set, range) in [
        ("range.to=2020-06-30", "{ from = 2019, to = 2020-06-30 }"),
        ("range.from=2020", "{ from = 2020, to = 2021 }"),
        ("range={ to = 2020 }", "{ to = 2020 }"),
    ] {
        let set = [Assignment { text: set.into(), argument: 4 }];
        let (manifest, shown) = read(&text, &Layers { set: &set, ..Layers::default() });
        assert_eq!(shown, "");
        assert_eq!(manifest.sessions[0].tree.get("range").map(Node::toml).unwrap(), range);
    }
}

#[test]
fn a_glob_is_a_whole_match() {
    for (glob, text, expected) in [
        ("*", "", true),
        ("goog-*", "goog-sma", true),
        ("goog-*", "my-goog-sma", false),
        ("*-s?a", "goog-sma", true),
        ("a*b*c", "aXbXbc", true),
        ("a*b", "abc", false),
    ] {
        assert_eq!(glob_matches(glob, text), expected, "{glob} {text}");
    }
}

#[test]
fn a_key_at_the_wrong_place_is_told_where_it_belongs() {
    for (line, way_out) in [
        ("stop_when = \"drawdown > 0.1\"", "it is `paper.stop_when`"),
        ("stop_loss = 0.1", "it is `risk.stop_loss`"),
        (
            "paper.resume_when = \"drawdown < 0.1\"",
            "ends pauses by `paper.pause_when`, and there is",
        ),
    ] {
        let (_, shown) = read(&[PLAIN, line, "\n"].concat(), &Layers::default());
        assert!(shown.contains(way_out), "{shown}");
    }
}
