//! What a strategy plots: lets beside the prices of a kept session, for its page.

use crate::project::{Project, bars};
use papertape::store::{PriceSeries, Store};

const MANIFEST: &str = r#"
[session.drawn]
data = { path = "data" }
symbols = ["x"]
range = { from = 2020-02-01 }
[session.drawn.strategy]
plot = ["mean", "is_up", "other", "week"]
[session.drawn.strategy.let]
mean = "sma(close, 3)"
is_up = "close > mean"
other = "close@y"
week = "at('1w', close)"
[session.drawn.strategy.rules]
enter_long = "is_up"
exit_long = "not is_up"
"#;

/// The prices of the only kept session of the newest run.
fn drawn(project: &Project) -> PriceSeries {
    let _ = project.run(["run", "a.toml", "--no-report"]).success();
    let reader = Store::at(project.path("output")).open_run("latest").unwrap();
    let [dir] = &reader.kept().unwrap()[..] else { panic!("one session is kept") };
    let series = reader.prices(dir).unwrap();
    assert_eq!(series.iter().map(|one| &one.symbol[..]).collect::<Vec<_>>(), ["x"]);
    series.into_iter().next().unwrap()
}

fn named<'a>(series: &'a PriceSeries, name: &str) -> &'a [f64] {
    let (_, values) = series.lets.iter().find(|(known, _)| known == name).expect("a plotted let");
    assert_eq!(values.len(), series.time.len());
    values
}

#[test]
fn plotted_lets_stand_beside_the_prices_of_their_bars() {
    let (x, y) = (bars(300), bars(200).replace("2020-01-01,100", "2020-01-01,101"));
    let project = Project::new().file("data/x.csv", x).file("data/y.csv", y);
    project.write_manifest("a.toml", MANIFEST);
    let series = drawn(&project);
    let close = &series.close;
    assert_eq!(close.len(), 300 - 31, "bars before the range are not drawn");
    let (mean, is_up) = (named(&series, "mean"), named(&series, "is_up"));
    for bar in 2..close.len() {
        let plain = close[bar - 2..=bar].iter().sum::<f64>() / 3.0;
        assert!((mean[bar] - plain).abs() < 1e-9, "bar {bar}");
        assert_eq!(is_up[bar], f64::from(u8::from(close[bar] > mean[bar])));
    }
    // No rule looks at `y`, whose bars are those of `x` and end sooner.
    let other = named(&series, "other");
    assert_eq!(other[..169], close[..169]);
    assert!(other[169..].iter().all(|&value| value == close[168]));
    // 2020-02-02 was a Sunday: its close is that of the week, until the next Sunday.
    assert!(named(&series, "week")[1..8].iter().all(|&value| value == close[1]));
}

#[test]
fn long_ranges_are_thinned_and_keep_their_ends_extremes_and_worst_day() {
    let project = Project::new().bars(2_500);
    // A day amid others that is neither the low nor the high of its stretch, and the worst.
    let mut rows: Vec<String> = bars(2_500).lines().map(str::to_owned).collect();
    for (row, close) in [(1_501, 400.0), (1_502, 200.0), (1_503, 190.0), (1_504, 181.0)] {
        let date = rows[row].split(',').next().unwrap().to_owned();
        rows[row] = format!("{date},{close},{},{},{close},1000", close + 1.0, close - 1.0);
    }
    project.write("data/x.csv", rows.join("\n"));
    project.write_manifest("a.toml", &MANIFEST.replace("other = \"close@y\"", "other = \"close\""));
    let series = drawn(&project);
    assert!((500..1_100).contains(&series.time.len()), "{}", series.time.len());
    assert_eq!(named(&series, "other"), series.close);
    let closes: Vec<f64> =
        rows[32..].iter().map(|row| row.split(',').nth(4).unwrap().parse().unwrap()).collect();
    let extremes = |values: &[f64]| {
        let fold = |pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick).unwrap();
        [fold(f64::min), fold(f64::max), values[0], values[values.len() - 1]]
    };
    assert_eq!(extremes(&series.close), extremes(&closes));
    let worst = series.close.windows(2).any(|pair| *pair == [400.0, 200.0]);
    assert!(worst, "the worst day is drawn");
    assert_eq!(series.high.iter().copied().reduce(f64::max), Some(401.0));
}

#[test]
fn another_plot_is_not_taken_over_from_before() {
    let project = Project::new().bars(300);
    let manifest = MANIFEST.replace("other = \"close@y\"", "other = \"close\"");
    project.write_manifest("a.toml", &manifest);
    let _ = drawn(&project);
    project.write_manifest("a.toml", &manifest.replace("plot = [\"mean\",", "plot = ["));
    assert_eq!(drawn(&project).lets.len(), 3);
    assert_eq!(project.newest().count("cached"), 0);
}

#[test]
fn only_lets_with_a_value_a_bar_are_drawn_and_each_once() {
    let project = Project::new().bars(50);
    let planned = |old: &str, new: &str| {
        let manifest = MANIFEST.replace("other = \"close@y\"", "other = \"close\"");
        project.write_manifest("a.toml", &manifest.replace(old, new));
        project.run(["plan", "a.toml"]).code(2)
    };
    let _ = planned("\"week\"]", "\"weak\"]").stderr("did you mean `week`?");
    let _ = planned("\"week\"]", "\"mean\"]").stderr("`plot` names `mean` twice");
    let _ = planned("\"at('1w', close)\"", "\"'1w'\"").stderr("draws numbers and truth values");
    let _ = planned("'1w'", "'90m'").stderr("bars of 90m cannot be made here");
}
