//! In and out of sample: one run over all days, measured on both parts.

use crate::project::{Project, Row, session, sweep};
use papertape::metrics::Metric;

/// Metrics that belong to the account as a whole and have no value for a part.
const OF_THE_WHOLE: [Metric; 8] = [
    Metric::Orders,
    Metric::Refusals,
    Metric::Reductions,
    Metric::GuardTrips,
    Metric::Liquidations,
    Metric::UnrealizedPnl,
    Metric::FinancingPaid,
    Metric::AmbiguousExits,
];

const OF_THE_BENCHMARK: [Metric; 4] =
    [Metric::BenchmarkReturn, Metric::Alpha, Metric::Beta, Metric::InformationRatio];

const GOOG: &str = r#"
[session.goog]
template = ["us-equity-daily"]
strategy = "sma-cross"
symbols = ["GOOG"]
params = { fast = 10, slow = 30 }
risk = { stop_loss = 0.08 }
range = { from = 2005, to = 2012 }
"#;

fn first(project: &Project, arguments: &[&str]) -> Row {
    let run = ["run", "sessions/goog.toml", "--no-report"];
    let _ = project.run([&run[..], arguments].concat()).success();
    project.newest().results().remove(0)
}

#[test]
fn a_part_is_measured_like_a_session_of_its_days() {
    let project = Project::of_the_repository().manifest("sessions/goog.toml", GOOG);
    // Nothing is held from 2008-09-02 to 2008-12-17, so that no trade spans the border.
    let whole = first(&project, &["--set", "split.at=2008-11-03"]);
    let before = first(&project, &["--set", "range={ from = 2005, to = 2008-11-02 }"]);
    let capital = format!("capital={}", before["final_equity"]);
    let range = "range={ from = 2008-11-03, to = 2012 }";
    let after = first(&project, &["--set", range, "--set", &capital]);
    let mut compared = 0;
    for metric in Metric::ALL.into_iter().filter(|metric| !OF_THE_WHOLE.contains(metric)) {
        let name = metric.name();
        for (part, alone) in [("in_sample", &before), ("out_of_sample", &after)] {
            // Alone, a session buys its benchmark at the first open; a part holds it already.
            if part == "out_of_sample" && OF_THE_BENCHMARK.contains(&metric) {
                continue;
            }
            assert_eq!(whole[&format!("{part}.{name}")], alone[name], "{part}.{name}");
            compared += usize::from(!alone[name].is_empty());
        }
    }
    assert!(compared > 90, "{compared} values");
    assert!(before["trades"] != "0" && after["trades"] != "0");
    for metric in OF_THE_WHOLE {
        assert_eq!(whole[&format!("in_sample.{}", metric.name())], "");
    }
}

#[test]
fn a_trade_that_spans_the_border_counts_where_it_was_closed() {
    let project = Project::of_the_repository().manifest("sessions/goog.toml", GOOG);
    let whole = first(&project, &["--set", "split.at=2007-01-03"]);
    let number = |name: &str| whole[name].parse::<f64>().unwrap();
    assert_eq!(
        number("in_sample.trades") + number("out_of_sample.trades"),
        number("trades"),
        "every closed trade is in one part"
    );
    let parts = number("in_sample.realized_pnl") + number("out_of_sample.realized_pnl");
    assert!((parts - number("realized_pnl")).abs() < 1e-9 * 10_000.0);
    let grown =
        (1.0 + number("in_sample.total_return")) * (1.0 + number("out_of_sample.total_return"));
    assert!((grown - 1.0 - number("total_return")).abs() < 1e-12);
}

#[test]
fn a_split_is_part_of_the_identity_by_the_days_that_it_comes_to() {
    let project = Project::of_the_repository().manifest("sessions/goog.toml", GOOG);
    let id = |arguments: &[&str]| first(&project, arguments)["identity"].clone();
    let plain = id(&[]);
    let at = id(&["--set", "split.at=2009-01-01"]);
    let parts = "split={ train = { to = 2008 }, test = { from = 2009 } }";
    assert_ne!(plain, at);
    assert_eq!(at, id(&["--set", parts]), "the same days");
    assert_ne!(at, id(&["--set", "split.at=2009-06-01"]));
    let columns = project.newest().results().remove(0);
    assert!(columns.contains_key("out_of_sample.sharpe"));
    let unsplit = first(&project, &["--no-cache"]);
    assert!(!unsplit.contains_key("out_of_sample.sharpe"));
}

#[test]
fn a_split_that_cannot_be_is_told_when_planned() {
    let cases = [
        ("{ at = 2013-01-01 }", "`split.at` leaves no day out of sample"),
        ("{ at = 2005-01-01 }", "`split.at` leaves no day in sample"),
        ("{ at = \"soon\" }", "`split.at` is a date"),
        ("{ at = 0.7 }", "`split.at` is a date"),
        ("{ train = { to = 2008 } }", "`split` holds `at`, or both `train` and `test`"),
        ("{ at = 2008, train = { to = 2007 } }", "`split` holds `at`, or both"),
        ("{ train = { to = 2008 }, test = { from = 2008 } }", "have days in common"),
        ("{ tarin = { to = 2008 }, test = { from = 2009 } }", "unknown key `tarin`"),
        ("{ train = { to = 2007, from = 2008 }, test = { from = 2009 } }", "ends on 2007-12-31"),
    ];
    for (split, message) in cases {
        let text = format!("{GOOG}split = {split}\n");
        let project = Project::of_the_repository().manifest("sessions/goog.toml", &text);
        let _ = project.run(["plan", "sessions/goog.toml"]).code(2).stderr(message);
    }
}

#[test]
fn a_part_without_a_trading_day_of_the_data_is_refused_with_the_days_there_are() {
    let split = "split = { at = 2021-01-01 }\n";
    let project = Project::new().bars(120).manifest("a.toml", &(session("one") + split));
    let _ = project.run(["run", "a.toml"]).code(3).stderr("one: refused: no trading day is out of sample; move `split` into the days of the data, 2020-01-01",
    );
}

#[test]
fn both_parts_stand_side_by_side_wherever_results_are_read() {
    let split = "split = { at = 2020-05-10 }\n";
    let grid = sweep("grid", 3, 2).replacen(
        "[session.grid.sweep",
        &format!("{split}[session.grid.sweep"),
        1,
    );
    let project = Project::new().bars(200).manifest("a.toml", &(session("one") + split + &grid));
    let _ = project.run(["run", "a.toml"]).success();
    let run = project.newest();
    let results = run.results();
    let one = results.iter().find(|row| row["key"] == "one").unwrap();
    let html = run.text(&format!("pages/one-{}.html", &one["identity"][..16]));
    let mut compared = 0;
    for cell in html.split("data-part=\"").skip(1) {
        let (name, rest) = cell.split_once("\" data-v=\"").unwrap();
        let shown = rest.split('"').next().unwrap();
        match shown.parse::<f64>() {
            Ok(shown) => assert_eq!(shown, one[name].parse::<f64>().unwrap(), "{name}"),
            Err(_) => assert_eq!(one[name], "", "{name}"),
        }
        compared += 1;
    }
    assert!(compared >= 20, "{compared} values");
    let page = run.text("pages/grid.html");
    assert!(page.contains("Chosen in sample alone, the best is <code>grid["), "{page}");
    assert!(run.text("report.md").contains("| | in sample | out of sample | all days |"));
    let shown = project.run(["sessions", "show", "one"]).success();
    assert!(shown.stdout.contains("all_days  in_sample  out_of_sample"), "{}", shown.stdout);
    let json = project.run(["sessions", "show", "one", "--format", "json"]).success().json();
    let stored: f64 = one["out_of_sample.total_return"].parse().unwrap();
    assert_eq!(json["out_of_sample"]["total_return"], stored);
}

#[test]
fn parts_are_sorted_by_filtered_by_and_compared() {
    let split = "split = { at = 2020-03-01 }\n";
    let quick = session("quick") + "params = { fast = 2, slow = 5 }\n" + split;
    let manifest = [session("slow"), split.into(), quick, session("whole")].concat();
    let project = Project::new().bars(200).manifest("a.toml", &manifest);
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    let run = project.newest();
    let value = |key: &str, name: &str| run.result(key)[name].parse::<f64>().unwrap();
    let name = "out_of_sample.total_return";
    let (slow, quick) = (value("slow", name), value("quick", name));
    assert!(slow != quick);
    let best = if slow > quick { ["slow", "quick"] } else { ["quick", "slow"] };
    let sorted = format!("-{name}");
    for command in [&["sessions", "list"][..], &["runs", "show", "latest", "--sessions"]] {
        let options = ["--sort", &sorted, "--format", "csv"];
        let rows = project.run([command, &options].concat()).success().rows();
        let keys: Vec<&String> = rows.iter().map(|row| &row["key"]).collect();
        assert_eq!(keys, [best[0], best[1], "whole"], "what has no parts is last");
        assert_eq!(rows[0][name].parse::<f64>().unwrap(), slow.max(quick));
        let filter = format!("{name} >= {}", slow.max(quick));
        let options = ["--filter", &filter, "--format", "csv"];
        let rows = project.run([command, &options].concat()).success().rows();
        assert_eq!(rows.len(), 1, "{filter}");
    }
    let compared = project.run(["compare", "slow", "quick", "--format", "json"]).success().json();
    let rows = compared["metrics"].as_array().unwrap();
    let row = rows.iter().find(|row| row["metric"] == name).expect("the parts are compared");
    assert_eq!((&row["slow"], &row["quick"]), (&slow.into(), &quick.into()));
}
