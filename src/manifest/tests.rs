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
risk = { stop_loss = 5, max_drawdown = 0.2 }
costs = { commission = { rate = \"0.1 %\" } }
range = { from = 2013, to = \"2012-13\" }
"), @r#"
    error[E0103]: `session.a.capital` is a number above 0, not a string
     --> a.toml:6:12
      |
    6 | capital = "10_000"
      |            ^^^^^^ write 10000, without quotes
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
    insta::assert_snapshot!(shown, @"");
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
