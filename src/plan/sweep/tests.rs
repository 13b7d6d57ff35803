//! Points of grids, zips, lists and draws, through whole manifests.

use crate::diag::{Mistakes, Source};
use crate::manifest::{Assignment, Layers, Manifest, Project, type_session};
use crate::plan::{Plan, Selection};
use chrono::NaiveDate;
use std::path::Path;

/// The keys of the points of a sweep, or the mistakes.
fn points(sweep: &str) -> Result<Vec<String>, String> {
    let text = format!(
        "schema = 1\n[session.a]\nstrategy = \"sma-cross\"\ndata = {{ path = \"x.csv\" }}\nparams = {{ slow = 30 }}\n[session.a.sweep]\n{sweep}"
    );
    let mut mistakes = Mistakes::default();
    let project = Project::of(Path::new("/nowhere/a.toml"), None, NaiveDate::default());
    let source = Source::new("a.toml", text);
    let manifest = Manifest::parse("a", &source, &project, &Layers::default(), &mut mistakes);
    let declared = &manifest.sessions[0];
    let mut tree = declared.tree.clone();
    let sweep = tree.remove("sweep").expect("the session is swept");
    let session = type_session("a", &declared.place, &tree, &project, &mut mistakes);
    let session = session.ok_or_else(|| mistakes.render(false))?;
    let points = super::expand(&session, &tree, &sweep, &project, &mut mistakes);
    let points = points.filter(|_| !mistakes.has_errors());
    let points = points.ok_or_else(|| mistakes.render(false))?;
    let word = |(axis, &at): (&super::Axis, &u32)| crate::plan::word(&axis.scalars[at as usize]);
    let key = |at: &[u32]| points.axes.iter().zip(at).map(word).collect::<Vec<_>>().join(",");
    Ok(points.points.iter().map(|at| key(at)).collect())
}

#[test]
fn the_last_axis_is_the_fastest_and_zips_come_after_axes() {
    let sweep = "axes = { \"params.fast\" = [1, 2] }\nzip = [{ \"params.slow\" = [10, 20], capital = [5, 6] }]";
    assert_eq!(points(sweep).unwrap(), ["1,10,5", "1,20,6", "2,10,5", "2,20,6"]);
}

#[test]
fn where_and_exclude_take_points_out() {
    let sweep = "where = [\"fast * 10 <= slow\"]\nexclude = [{ \"params.fast\" = 1, \"params.slow\" = 20 }]\naxes = { \"params.fast\" = [1, 2], \"params.slow\" = [10, 20] }";
    assert_eq!(points(sweep).unwrap(), ["1,10", "2,20"]);
}

#[test]
fn a_list_is_its_rows_and_silence_means_what_the_session_says() {
    let sweep = "method = \"list\"\nrows = [{ \"params.fast\" = 3, \"risk.stop_loss\" = 0.1 }, { \"params.fast\" = 4, \"params.slow\" = 50, \"risk.stop_loss\" = 0.2 }]";
    assert_eq!(points(sweep).unwrap(), ["3,0.1,30", "4,0.2,50"]);
    let sweep =
        "method = \"list\"\nrows = [{ \"risk.stop_loss\" = 0.1 }, { params = { fast = 4 } }]";
    assert_eq!(points(sweep).unwrap(), ["0.1,10", ",4"]);
}

#[test]
fn rows_of_several_strategies_have_the_parameters_of_theirs() {
    let rows = "{ strategy = \"rsi-reversion\", \"params.length\" = 5 }, { \"params.fast\" = 3 }";
    let sweep = format!("method = \"list\"\nrows = [{rows}]");
    assert_eq!(points(&sweep).unwrap(), ["rsi-reversion,5,", "sma-cross,,3"]);
    let sweep = format!("{sweep}\nwhere = [\"strategy == 'sma-cross' or length > 5\"]");
    assert_eq!(points(&sweep).unwrap(), ["sma-cross,,3"]);
    let rows = "{ strategy = \"rsi-reversion\", \"params.fast\" = 5 }";
    let error = points(&format!("method = \"list\"\nrows = [{rows}]")).unwrap_err();
    assert!(error.contains("strategy `rsi-reversion` has no parameter `fast`"), "{error}");
    let axes = "strategy = [\"sma-cross\", \"rsi-reversion\"], \"params.fast\" = [5]";
    let error = points(&format!("axes = {{ {axes} }}")).unwrap_err();
    assert!(
        error.contains("has no parameter `fast`") && error.contains("a row for each"),
        "{error}"
    );
}

#[test]
fn a_list_or_zip_has_no_row_twice() {
    for (sweep, told) in [
        (
            "method = \"list\"\nrows = [{ \"params.fast\" = 3 }, { capital = 5 }, { \"params.fast\" = 3.0 }]",
            "row 3 says the same as row 1",
        ),
        (
            "method = \"list\"\nrows = [{ }, { \"params.fast\" = 10 }]",
            "row 2 says the same as row 1",
        ),
        (
            "zip = [{ \"params.fast\" = [1, 2, 1], capital = [5, 5, 5.0] }]",
            "row 3 of the zip is its row 1 again",
        ),
    ] {
        let error = points(sweep).unwrap_err();
        assert!(error.contains(told) && error.contains("a.toml:"), "{sweep}: {error}");
    }
    let sweep = "zip = [{ \"params.fast\" = [1, 2, 1], capital = [5, 5, 6] }]";
    assert_eq!(points(sweep).unwrap(), ["1,5", "2,5", "1,6"]);
}

#[test]
fn a_mistake_of_an_axis_drags_no_other_after_it() {
    let error = points(
        "exclude = [{ \"params.fast\" = 2 }]\naxes = { \"params.fast\" = [3, 3], capital = [1] }",
    )
    .unwrap_err();
    assert_eq!(error.matches("error[").count(), 1, "{error}");
}

#[test]
fn a_product_that_is_too_large_to_look_at_is_refused_at_once() {
    let axis = |path: &str| format!("\"{path}\" = {{ from = 0.001, to = 0.9, step = 0.001 }}");
    let axes = ["risk.stop_loss", "risk.take_profit", "risk.trailing_stop"].map(axis).join(", ");
    let sweep = format!("where = [\"fast > 500\"]\naxes = {{ {axes} }}");
    let error = points(&sweep).unwrap_err();
    assert!(error.contains("would have to look at 729000000 points"), "{error}");
    assert!(error.contains("method = \"random\""), "{error}");
}

#[test]
fn nothing_that_was_written_is_passed_over() {
    let axes = "axes = { \"params.fast\" = [2, 3, 4] }\n";
    let columns = "{ \"params.slow\" = [10, 20] }";
    for (sweep, told) in [
        (format!("{axes}zip = {columns}"), "sweep.zip` is an array"),
        (format!("{axes}zip = 5"), "sweep.zip` is an array"),
        (format!("{axes}exclude = {{ \"params.fast\" = 2 }}"), "sweep.exclude` is an array"),
        (
            format!("{axes}rows = [{{ \"params.slow\" = 10 }}]"),
            "means nothing to the method \"grid\"",
        ),
        (format!("{axes}seed = 1"), "means nothing to the method \"grid\""),
        (
            format!("method = \"list\"\n{axes}rows = [{{ \"params.fast\" = 2 }}]"),
            "`sweep.axes` means",
        ),
        (format!("{axes}where = [\"fast > 10\"]"), "the rules leave none of the 3 points"),
    ] {
        let found = points(&sweep).unwrap_err();
        assert!(found.contains(told), "{sweep}: {found}");
    }
}

#[test]
fn a_draw_is_reproducible_without_repeats_and_from_what_the_rules_leave() {
    let sweep = |seed: u32, count: u32| {
        format!(
            "method = \"random\"\ncount = {count}\nseed = {seed}\nwhere = [\"fast < slow\"]\naxes = {{ \"params.fast\" = {{ from = 1, to = 40, step = 1 }}, \"params.slow\" = {{ from = 2, to = 40, step = 1 }} }}"
        )
    };
    let one = points(&sweep(1, 100)).unwrap();
    assert_eq!(one, points(&sweep(1, 100)).unwrap());
    assert_ne!(one, points(&sweep(2, 100)).unwrap());
    let mut distinct = one.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 100);
    for key in &one {
        let (fast, slow) = key.split_once(',').unwrap();
        assert!(fast.parse::<u32>().unwrap() < slow.parse::<u32>().unwrap());
    }
    // All 780 pairs with fast < slow can be drawn, and not one more.
    assert_eq!(points(&sweep(1, 780)).unwrap().len(), 780);
    assert!(
        points(&sweep(1, 781))
            .unwrap_err()
            .contains("781 points are to be drawn, and the rules leave 780")
    );
}

#[test]
fn the_values_of_a_range_that_are_refused_are_told_once() {
    let error =
        points("axes = { \"params.slow\" = { from = 990, to = 1100, step = 10 } }").unwrap_err();
    assert_eq!(error.matches("error[E0104]").count(), 1, "{error}");
    assert!(error.contains("not 1010"), "{error}");
    assert!(error.contains("and so for 9 more values"), "{error}");
}

#[test]
fn what_cannot_be_a_sweep_is_told_at_its_place() {
    for (sweep, told) in [
        ("axes = { \"params.fsat\" = [1] }", "did you mean `fast`?"),
        ("axes = { capitol = [1] }", "did you mean `capital`?"),
        ("axes = { \"params.fast\" = [1, 0] }", "parameter `fast` is from 1 to 500, not 0"),
        (
            "axes = { \"params.fast\" = [1] }\nzip = [{ \"params.fast\" = [1] }]",
            "two axes set `params.fast`",
        ),
        ("zip = [{ \"params.fast\" = [1, 2], \"params.slow\" = [1] }]", "this has 1"),
        ("axes = { \"params.fast\" = [1] }\nwhere = [\"fats > 1\"]", "did you mean `fast`?"),
        ("axes = { \"params.fast\" = [1] }\nwhere = [\"fast + 1\"]", "a rule is true or false"),
        (
            "axes = { \"params.fast\" = [1] }\nexclude = [{ \"params.slow\" = 1 }]",
            "is not an axis of this sweep",
        ),
        ("method = \"random\"\naxes = { \"params.fast\" = [1] }", "a random sweep needs `count`"),
        (
            "max_sessions = 2\naxes = { \"params.fast\" = [1, 2, 3] }",
            "the sweep has 3 points, more than 2",
        ),
        (
            "max_sessions = 2\naxes = { \"params.fast\" = [1, 2, 3, 4] }\nwhere = [\"fast > 1\"]",
            "the rules leave more than 2 of the 4 points of the sweep",
        ),
        (
            "max_sessions = 2\nmethod = \"random\"\ncount = 3\nseed = 1\naxes = { \"params.fast\" = [1, 2, 3] }",
            "3 points are to be drawn, more than 2",
        ),
        ("method = \"list\"", "a list sweep needs `rows`"),
        ("where = [\"fast > 1\"]", "the sweep has no axes"),
        ("axes = { }", "the sweep has no axes"),
        ("method = \"list\"\nrows = [{ }]", "the sweep has no axes"),
        ("zip = [{ }]", "the sweep has no axes"),
        ("axes = { capital = { from = 5, to = 5, count = 3 } }", "axis `capital` has 5.0 twice"),
    ] {
        let shown = points(sweep).unwrap_err();
        assert!(shown.contains(told) && shown.contains("a.toml:"), "{sweep}: {shown}");
    }
}

/// The settings of the points of the session `a`, which has these lines, with what is set on top.
fn settings(lines: &str, set: &[&str]) -> Result<Vec<String>, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.toml");
    let text =
        format!("schema = 1\n[session.a]\nstrategy = \"sma-cross\"\ndata.path = \"x\"\n{lines}");
    std::fs::write(&path, text).unwrap();
    let assignment = |text: &&str| Assignment { text: (*text).to_owned(), argument: 1 };
    let set: Vec<Assignment> = set.iter().map(assignment).collect();
    let layers = Layers { set: &set, ..Layers::default() };
    let project = Project::of(&path, Some(directory.path()), NaiveDate::default());
    let mut mistakes = Mistakes::default();
    let selection = Selection::default();
    let plan = Plan::read(&[path], vec![project], &layers, &selection, &mut mistakes);
    let plan = plan.ok_or_else(|| mistakes.render(false))?;
    let settings =
        |point| plan.session(point, &mut mistakes).map(|it| format!("{:?}", it.settings));
    let settings: Option<Vec<String>> = plan.points.iter().map(settings).collect();
    settings.ok_or_else(|| mistakes.render(false))
}

#[test]
fn what_is_said_of_a_key_is_the_same_on_an_axis_on_the_command_line_and_by_hand() {
    for (below, path, value, by_hand) in [
        (
            "sizing = { equity = 0.2, max_entries = 3 }",
            "sizing.max_entries",
            "2",
            "sizing = { equity = 0.2, max_entries = 2 }",
        ),
        (
            "sizing = { equity = 0.2, max_entries = 3 }",
            "sizing.cash",
            "500",
            "sizing = { cash = 500, max_entries = 3 }",
        ),
        (
            "sizing.volatility = { target = 0.2, window = 9 }",
            "sizing.volatility.window",
            "30",
            "sizing.volatility = { target = 0.2, window = 30 }",
        ),
        (
            "costs.commission = { rate = 0.001 }",
            "costs.commission",
            "{ per_order = 5 }",
            "costs.commission = { rate = 0.001, per_order = 5 }",
        ),
        (
            "costs = { spread = 0.01, slippage = { bps = 5 } }",
            "costs.slippage.range",
            "0.1",
            "costs = { spread = 0.01, slippage = { range = 0.1 } }",
        ),
        (
            "execution.rebalance = \"week\"",
            "execution.rebalance.threshold",
            "0.1",
            "execution.rebalance = { every = \"week\", threshold = 0.1 }",
        ),
        (
            "risk.max_drawdown = 0.2",
            "risk.max_drawdown.action",
            "\"block\"",
            "risk.max_drawdown = { limit = 0.2, action = \"block\" }",
        ),
        ("risk.stop_loss = 0.02", "risk.stop_loss.atr", "2", "risk.stop_loss.atr = 2"),
    ] {
        let expected = settings(by_hand, &[]).unwrap();
        let axis = format!("{below}\n[session.a.sweep.axes]\n\"{path}\" = [{value}]");
        assert_eq!(settings(&axis, &[]).unwrap(), expected, "axis {path}");
        let row =
            format!("[session.a.sweep]\nmethod = \"list\"\nrows = [{{ \"{path}\" = {value} }}]");
        assert_eq!(settings(&format!("{below}\n{row}"), &[]).unwrap(), expected, "row {path}");
        let over = format!("[[override]]\nmatch.session = \"a\"\nset = {{ \"{path}\" = {value} }}");
        assert_eq!(settings(&format!("{below}\n{over}"), &[]).unwrap(), expected, "set {path}");
        let set = format!("{path}={}", value.trim_matches('"'));
        assert_eq!(settings(below, &[&set]).unwrap(), expected, "--set {path}");
    }
}

#[test]
fn each_point_has_what_all_of_its_axes_say() {
    let of_axes = |below: &str, axes: [(&str, &str); 2]| {
        let axes = axes.map(|(path, values)| format!("\"{path}\" = {values}\n")).concat();
        settings(&format!("{below}\n[session.a.sweep.axes]\n{axes}"), &[])
    };
    let by_hand = |lines: &[&str]| -> Vec<String> {
        lines.iter().map(|line| settings(line, &[]).unwrap().remove(0)).collect()
    };
    let axes = [("sizing.equity", "[0.1, 0.2]"), ("sizing.max_entries", "[1, 2]")];
    let expected = by_hand(&[
        "sizing = { equity = 0.1, max_entries = 1 }",
        "sizing = { equity = 0.1, max_entries = 2 }",
        "sizing = { equity = 0.2, max_entries = 1 }",
        "sizing = { equity = 0.2, max_entries = 2 }",
    ]);
    assert_eq!(of_axes("sizing.cash = 5", axes).unwrap(), expected);
    // A table does not take back what another axis says of one of its keys, wherever it stands.
    let tables = "[{ equity = 0.1 }, { cash = 7 }]";
    for axes in [
        [("sizing", tables), ("sizing.max_entries", "[2]")],
        [("sizing.max_entries", "[2]"), ("sizing", tables)],
    ] {
        let expected = by_hand(&[
            "sizing = { equity = 0.1, max_entries = 2 }",
            "sizing = { cash = 7, max_entries = 2 }",
        ]);
        assert_eq!(of_axes("", axes).unwrap(), expected);
    }
    let both = of_axes("", [("sizing.equity", "[0.1]"), ("sizing.cash", "[5]")]).unwrap_err();
    assert!(both.contains("a session has `sizing.equity` or `sizing.cash`"), "{both}");
    let tables = "[{ rate = 0.01, per_order = 5 }]";
    let axes = [("costs.commission", tables), ("costs.commission.rate", "[0.02]")];
    let both = of_axes("", axes).unwrap_err();
    assert!(both.contains("both say what `costs.commission.rate` is"), "{both}");
    for axes in [
        [("sizing", "[{ equity = 0.3 }]"), ("sizing.cash", "[500]")],
        [("risk.stop_loss", "[0.03]"), ("risk.stop_loss.atr", "[2]")],
        [("execution.rebalance", "[\"week\"]"), ("execution.rebalance.every", "[\"day\"]")],
    ] {
        let both = of_axes("", axes).unwrap_err();
        assert!(both.contains("both say what `"), "{both}");
    }
    let axes = [("execution.rebalance", "[\"week\"]"), ("execution.rebalance.threshold", "[0.1]")];
    let expected = by_hand(&["execution.rebalance = { every = \"week\", threshold = 0.1 }"]);
    assert_eq!(of_axes("", axes).unwrap(), expected);
    let rows = "rows = [
        { \"costs.commission\" = { per_order = 5, rate = 0.03 } }, { \"costs.commission.rate\" = 0.01 },
    ]";
    let below = "costs.commission = { rate = 0.001, min = 1 }";
    let sweep = format!("{below}\n[session.a.sweep]\nmethod = \"list\"\n{rows}");
    let expected = by_hand(&[
        "costs.commission = { rate = 0.03, per_order = 5, min = 1 }",
        "costs.commission = { rate = 0.01, min = 1 }",
    ]);
    assert_eq!(settings(&sweep, &[]).unwrap(), expected);
    let rows = "rows = [
        { \"costs.commission.rate\" = 0.01 }, { \"costs.commission\" = { rate = 0.002 } }, { capital = 5 },
    ]";
    let sweep = format!("{below}\n[session.a.sweep]\nmethod = \"list\"\n{rows}");
    let expected = by_hand(&[
        "costs.commission = { rate = 0.01, min = 1 }",
        "costs.commission = { rate = 0.002, min = 1 }",
        "costs.commission = { rate = 0.001, min = 1 }\ncapital = 5",
    ]);
    assert_eq!(settings(&sweep, &[]).unwrap(), expected);
    let rows = "rows = [{ \"sizing.equity\" = 0.5 }, { \"sizing.volatility.target\" = 0.2 }]";
    let below = "sizing.volatility.target = 0.1";
    let sweep = format!("{below}\n[session.a.sweep]\nmethod = \"list\"\n{rows}");
    let expected = by_hand(&["sizing.equity = 0.5", "sizing.volatility.target = 0.2"]);
    assert_eq!(settings(&sweep, &[]).unwrap(), expected);
    let rows = "method = \"list\"\nrows = [{ \"sizing.equity\" = 0.1 }, { \"sizing.cash\" = 5 }]";
    let expected = by_hand(&["sizing.equity = 0.1", "sizing.cash = 5"]);
    assert_eq!(settings(&format!("[session.a.sweep]\n{rows}"), &[]).unwrap(), expected);
}

#[test]
fn what_changes_no_result_is_no_axis() {
    for axis in [
        "mode = [\"backtest\"]",
        "extends = [\"a\"]",
        "template = [\"x\"]",
        "\"expect.sharpe\" = [\">= 1\"]",
        "\"sweep.count\" = [1]",
    ] {
        let error = points(&format!("axes = {{ {axis} }}")).unwrap_err();
        assert!(error.contains("` cannot be swept"), "{axis}: {error}");
    }
}
