//! The bench command: figures of a run whose results were compared with sessions run alone.

use crate::project::{Project, sweep};

#[test]
fn figures_come_with_the_stages_and_what_was_compared() {
    let project = Project::new().bars(300).manifest("a.toml", &sweep("grid", 20, 10));
    let arguments = ["bench", "a.toml", "--compare", "50", "--format", "json"];
    let figures = project.run(arguments).success().json();
    let number = |name: &str| figures[name].as_f64().unwrap_or_else(|| panic!("{figures:#}"));
    assert_eq!(number("compared"), 50.0);
    assert_eq!(number("bar_evaluations"), 300.0 * number("sessions"));
    for name in [
        "seconds",
        "million_bar_evaluations_per_second",
        "by_hand_on_one_thread",
        "by_hand_with_its_averages",
        "by_hand_with_trades_alone",
        "seconds_beyond_the_data",
    ] {
        assert!(number(name) > 0.0, "{name}");
    }
    let stages = figures["stages"].as_array().unwrap();
    let stages: Vec<&str> = stages.iter().filter_map(|stage| stage["stage"].as_str()).collect();
    for stage in ["plan", "sessions", "signals", "walk", "meter", "rows", "results"] {
        assert!(stages.contains(&stage), "{stages:?}");
    }
    assert!(!project.path("output").exists(), "nothing is left behind");
}
