//! Files as people have them: read, refused, cut.

use super::*;
use crate::bars::{Cut, DAY, Mask};
use crate::manifest::{Benchmark, Range};
use crate::strategy::Signals;
use chrono::NaiveDate;

/// A folder with files, and settings that read some of them.
struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        Self(dir)
    }

    fn settings(&self, paths: &[&str]) -> DataSettings {
        DataSettings {
            paths: paths.iter().map(|path| self.0.path().join(path)).collect(),
            written: paths.iter().map(|path| (*path).to_owned()).collect(),
            symbol_column: None,
            columns: vec![],
            time_unit: None,
            timezone: chrono_tz::UTC,
            label_close: false,
            timeframe: None,
            calendar: "always".into(),
            warmup: None,
        }
    }

    fn load(&self, paths: &[&str]) -> Result<DataSet, String> {
        load(&self.settings(paths)).map_err(|error| error.fact)
    }
}

const HEADER: &str = "timestamp,open,high,low,close,volume\n";

fn one(rows: &str) -> Result<DataSet, String> {
    Files::new(&[("x.csv", &format!("{HEADER}{rows}"))]).load(&["x.csv"])
}

#[test]
fn a_plain_file_is_one_symbol_named_after_it() {
    let data = one("2020-01-01,1,2,0.5,1.5,10\n2020-01-02,1.5,2,1,2,\n").unwrap();
    assert_eq!(data.symbols(), ["x"]);
    let bars = &data.bars[0];
    assert_eq!((bars.len(), bars.clock.timeframe), (2, DAY));
    assert_eq!(&bars.close[..], [1.5, 2.0]);
    assert!(bars.volume[1].is_nan(), "an empty volume is missing, and no mistake");
}

#[test]
fn a_symbol_column_makes_several_symbols_and_so_do_several_files() {
    let rows = "date,symbol,o,h,l,c,vol\n2020-01-01,A,1,1,1,1,1\n2020-01-01,B,2,2,2,2,1\n2020-01-02,A,1,1,1,1,1\n2020-01-02,B,2,2,2,3,1\n";
    let files = Files::new(&[
        ("all.csv", rows),
        ("C.csv", &format!("{HEADER}2020-01-01,1,1,1,1,1\n2020-01-02,1,1,1,1,1\n")),
    ]);
    let data = files.load(&["all.csv", "C.csv"]).unwrap();
    assert_eq!(data.symbols(), ["A", "B", "C"]);
    assert_eq!(&data.symbol("B").unwrap().close[..], [2.0, 3.0]);
    assert_eq!(files.load(&["*.csv"]).unwrap().symbols(), ["C", "A", "B"]);
    let twice = files.load(&["C.csv", "C.csv"]).unwrap_err();
    assert_eq!(twice, "symbol `C` is already in another file");
}

#[test]
fn damage_is_refused_with_its_bar_and_the_way_out() {
    for (rows, told) in [
        (
            "2020-01-02,1,1,1,1,1\n2020-01-01,1,1,1,1,1\n",
            "1 row out of order: row 2 (x, 2020-01-01T00:00:00Z) comes after 2020-01-02",
        ),
        ("2020-01-01,1,1,1,1,1\n2020-01-01,1,1,1,1,1\n", "1 row doubled: row 2 (x, "),
        (
            "2020-01-01,1,1,1,1,1\n2020-01-02,1,1,,1,1\n",
            "row 2 (x, 2020-01-02T00:00:00Z): `low` is missing",
        ),
        ("2020-01-01,1,1,1,0,1\n2020-01-02,1,1,1,1,1\n", "`close` is 0"),
        ("2020-01-01,1,1,2,1,1\n2020-01-02,1,1,1,1,1\n", "`high` 1 is below `low` 2"),
        ("2020-01-01,1,1,x1,1,1\n", "row 1: `low` is `x1`, not a number"),
        ("yesterday,1,1,1,1,1\n", "row 1: `yesterday` is not a time"),
        (",1,1,1,1,1\n", "row 1: `timestamp` is missing"),
        ("", "the file has a header and no rows"),
    ] {
        let error = one(rows).unwrap_err();
        assert!(error.contains(told), "{rows:?}: {error}");
    }
    let many: String = (0..30).map(|_| "2020-01-01,1,1,1,1,1\n").collect();
    let error = one(&many).unwrap_err();
    assert!(error.starts_with("29 rows doubled") && error.contains("and 19 more"), "{error}");
}

#[test]
fn a_file_that_is_absent_empty_or_of_other_columns_says_so() {
    let files =
        Files::new(&[("goog.csv", ""), ("odd.csv", "when,open,high,low,close\n1,1,1,1,1\n")]);
    assert_eq!(
        files.load(&["gogo.csv"]).unwrap_err(),
        "there is no such file; did you mean `goog.csv`?"
    );
    assert_eq!(
        files.load(&["goog.csv"]).unwrap_err(),
        "the file is empty; write bars into it or name another file"
    );
    let odd = files.load(&["odd.csv"]).unwrap_err();
    assert!(odd.starts_with("no column looks like `time`; the file has when, open"), "{odd}");
    let mut settings = files.settings(&["odd.csv"]);
    settings.columns = vec![("time".into(), "wehn".into())];
    let told = load(&settings).unwrap_err().fact;
    assert!(told.starts_with("there is no column `wehn` for `time`"), "{told}");
    assert_eq!(files.load(&["*.parquet"]).unwrap_err(), "no file matches");
}

#[test]
fn further_columns_of_numbers_and_booleans_are_kept() {
    let text = "time,open,high,low,close,score,hot,name\n1577836800,1,1,1,1,0.5,true,a\n1577923200,1,1,1,1,,false,b\n";
    let data = Files::new(&[("x.csv", text)]).load(&["x.csv"]).unwrap();
    assert_eq!(data.extra(), [("score".to_owned(), false), ("hot".to_owned(), true)]);
    let extra = &data.bars[0].extra;
    assert!(extra[0].values[1].is_nan());
    assert_eq!(&extra[1].values[..], [1.0, 0.0]);
    assert_eq!(data.bars[0].time[0], 1_577_836_800_000_000);
}

#[test]
fn parquet_and_csv_of_the_same_bars_are_the_same_bars() {
    use polars::prelude::*;
    let files = Files::new(&[(
        "x.csv",
        &format!("{HEADER}2020-01-01,1,2,0.5,1.5,10\n2020-01-02,1.5,2,1,2,20\n"),
    )]);
    let days = Series::new("timestamp".into(), [18_262_i32, 18_263]).cast(&DataType::Date).unwrap();
    let floats = |name: &str, values: [f64; 2]| Column::from(Series::new(name.into(), values));
    let columns = vec![
        Column::from(days),
        floats("open", [1.0, 1.5]),
        floats("high", [2.0, 2.0]),
        floats("low", [0.5, 1.0]),
        floats("close", [1.5, 2.0]),
        floats("volume", [10.0, 20.0]),
    ];
    let mut frame = DataFrame::new(2, columns).unwrap();
    let file = std::fs::File::create(files.0.path().join("x.parquet")).unwrap();
    ParquetWriter::new(file).finish(&mut frame).unwrap();
    let (csv, parquet) = (files.load(&["x.csv"]).unwrap(), files.load(&["x.parquet"]).unwrap());
    assert_eq!(format!("{:?}", csv.bars), format!("{:?}", parquet.bars));
}

#[test]
fn a_label_at_the_close_is_moved_to_the_open() {
    let files = Files::new(&[(
        "x.csv",
        &format!("{HEADER}2020-01-01T01:00:00Z,1,1,1,1,1\n2020-01-01T02:00:00Z,1,1,1,1,1\n"),
    )]);
    let mut settings = files.settings(&["x.csv"]);
    settings.label_close = true;
    let data = load(&settings).unwrap();
    assert_eq!(data.bars[0].time[0], 1_577_836_800_000_000);
}

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
        stop: Some(Cut::from(Arc::from([1.0, 2.0, f64::NAN]))),
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

/// Real files of every kind, where they are at hand.
#[test]
#[expect(clippy::print_stdout, reason = "a test says what it compared or skipped")]
fn real_dirty_files_are_never_silently_accepted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/market/test");
    if !root.is_dir() {
        assert!(std::env::var_os("PAPERTAPE_SHARED_REQUIRED").is_none(), "skipped: it is required");
        println!("skipped: ../shared/market/test is not here");
        return;
    }
    let files = Files::new(&[]);
    let load = |name: &str| {
        let settings = DataSettings {
            paths: vec![root.join(name)],
            written: vec![name.into()],
            ..files.settings(&[])
        };
        super::load(&settings).map_err(|error| error.fact)
    };
    let scrambled = load("btcusd-1h-scrambled.csv").unwrap_err();
    assert!(scrambled.starts_with("5 rows out of order"), "{scrambled}");
    assert!(load("bad-quotes.csv").unwrap_err().contains("missing"));
    assert_eq!(load("goog-daily.csv").unwrap().bars[0].len(), 2_148);
    assert_eq!(load("aapl-1h-dst.csv").unwrap().bars[0].clock.timeframe, DAY / 24);
}
