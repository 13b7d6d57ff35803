//! What one session sees of a data set.

use super::*;
use crate::bars::{Cut, Mask};
use crate::manifest::{Benchmark, Range};
use crate::strategy::Signals;
use chrono::NaiveDate;

fn cut(
    data: &DataSet,
    settings: &DataSettings,
    symbols: &[&str],
    from: &str,
    to: &str,
) -> Result<Slice, String> {
    let day = |text: &str| text.parse::<NaiveDate>().ok();
    let symbols: Vec<String> = symbols.iter().map(|symbol| (*symbol).to_owned()).collect();
    let range = Range { from: day(from), to: day(to) };
    Slice::cut(data, settings, Some(&symbols), &range, &Benchmark::BuyAndHold)
        .map_err(|e| e.to_string())
}

fn two_symbols() -> Files {
    let row = |day: &str, symbol: &str, close: f64| {
        format!("{day},{symbol},{close},{close},{close},{close},1\n")
    };
    let mut text = "date,symbol,open,high,low,close,volume\n".to_owned();
    for (day, a, b) in [
        ("2020-01-01", Some(1.0), None),
        ("2020-01-02", Some(2.0), Some(10.0)),
        ("2020-01-03", None, Some(20.0)),
        ("2020-01-04", Some(3.0), Some(30.0)),
    ] {
        a.into_iter().for_each(|close| text.push_str(&row(day, "A", close)));
        b.into_iter().for_each(|close| text.push_str(&row(day, "B", close)));
    }
    Files::new(&[("all.csv", &text)])
}

#[test]
fn symbols_share_one_axis_and_carry_their_last_close() {
    let files = two_symbols();
    let settings = files.settings(&["all.csv"]);
    let data = load(&settings).unwrap();
    let slice = cut(&data, &settings, &["A", "B"], "2020-01-01", "2020-01-04").unwrap();
    assert_eq!(slice.frame.len(), 4);
    assert_eq!(&slice.frame.symbols[0].close[..], [1.0, 2.0, 2.0, 3.0]);
    assert!(slice.frame.symbols[0].open[2].is_nan() && slice.frame.symbols[1].close[0].is_nan());
    assert_eq!(slice.frame.symbols[1].next_bar(0), Some(1));
    // Half in each from its first open: 1 + (3 - 1) / 2 + (30 - 10) / 10 / 2.
    assert_eq!(slice.benchmark_curve, [1.0, 1.5, 2.0, 3.0]);
    let own = Mask::from_fn(3, |row| row == 1);
    let rules = Signals {
        enter_long: own.clone(),
        exit_long: own.clone(),
        enter_short: own.clone(),
        exit_short: own,
        stop: Some(Cut::from(vec![1.0, 2.0, f64::NAN])),
        ..Signals::default()
    };
    let placed = slice.place(1, rules);
    assert_eq!(placed.enter_long.iter().collect::<Vec<_>>(), [2]);
    let stop = placed.stop.unwrap();
    assert_eq!(stop[1..3], [1.0, 2.0]);
    assert!(stop[0].is_nan() && stop[3].is_nan() && placed.limit.is_none());
}

#[test]
fn the_digest_covers_what_rules_can_see_and_nothing_after() {
    let settings = |files: &Files| files.settings(&["x.csv"]);
    let digest = |rows: &str, warmup: Option<usize>| {
        let files = Files::new(&[("x.csv", &format!("{HEADER}{rows}"))]);
        let settings = DataSettings { warmup, ..settings(&files) };
        let data = load(&settings).unwrap();
        cut(&data, &settings, &["x"], "2020-01-02", "2020-01-03").unwrap().digest
    };
    let rows = |closes: [f64; 4]| -> String {
        closes
            .iter()
            .enumerate()
            .map(|(day, c)| format!("2020-01-0{},{c},{c},{c},{c},1\n", day + 1))
            .collect()
    };
    let plain = digest(&rows([1.0, 2.0, 3.0, 4.0]), None);
    assert_eq!(plain, digest(&rows([1.0, 2.0, 3.0, 5.0]), None), "after the range");
    assert_ne!(plain, digest(&rows([1.0, 2.0, 3.5, 4.0]), None), "inside");
    assert_ne!(plain, digest(&rows([1.5, 2.0, 3.0, 4.0]), None), "rules see the rows before");
    assert_eq!(
        digest(&rows([1.0, 2.0, 3.0, 4.0]), Some(0)),
        digest(&rows([1.5, 2.0, 3.0, 4.0]), Some(0))
    );
}

#[test]
fn a_range_or_symbol_that_is_not_there_says_what_is() {
    let files = two_symbols();
    let settings = files.settings(&["all.csv"]);
    let data = load(&settings).unwrap();
    let told = cut(&data, &settings, &["A"], "2021-01-01", "2021-12-31").unwrap_err();
    assert_eq!(told, "`A` has no bars in the range; its data goes from 2020-01-01 to 2020-01-04");
    let told = cut(&data, &settings, &["C"], "", "").unwrap_err();
    assert_eq!(told, "the data has no symbol `C`; it has A, B");
}

#[test]
fn a_session_is_judged_by_the_rows_that_it_could_see() {
    let rows: String = (1..=20)
        .map(|day| match day {
            3 | 17 => format!("2020-01-{day:02},1,1,1,-1,1\n"),
            5 => format!("2020-01-{day:02},1,1,1,1,0\n"),
            _ => format!("2020-01-{day:02},1,1,1,1,1\n"),
        })
        .collect();
    let files = Files::new(&[("x.csv", &format!("{HEADER}{rows}"))]);
    let mut settings = files.settings(&["x.csv"]);
    let data = load(&settings).unwrap();
    assert!(data.verdicts[0].refuses());
    let refused = |settings: &DataSettings, from: &str, to: &str| {
        let told = cut(&data, settings, &["x"], from, to).unwrap_err();
        told.split_once(": row ").unwrap().1.split_once(' ').unwrap().0.to_owned()
    };
    assert_eq!(refused(&settings, "2020-01-10", "2020-01-15"), "3", "rules see the rows before");
    settings.warmup = Some(2);
    assert_eq!(refused(&settings, "2020-01-10", "2020-01-18"), "17");
    let slice = cut(&data, &settings, &["x"], "2020-01-10", "2020-01-15").unwrap();
    assert!(slice.verdicts[0].findings.is_empty(), "{:?}", slice.verdicts);
    let slice = cut(&data, &settings, &["x"], "2020-01-07", "2020-01-15").unwrap();
    let found: Vec<Check> = slice.verdicts[0].findings.iter().map(|it| it.check).collect();
    assert_eq!(found, [Check::Volume], "the fifth is the first of two rows before");
}
