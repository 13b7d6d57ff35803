//! Files as people have them: read, refused, cut.

use super::*;
use crate::bars::{Cut, DAY, Mask};
use crate::manifest::data::Check;
use crate::manifest::{Adjust, Benchmark, CalendarChoice, Policy, Range};
use crate::strategy::Signals;
use chrono::NaiveDate;
use std::path::PathBuf;

/// Some moment after all bars here.
const NOW: i64 = 21_000 * DAY;

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
        let written = paths.iter().map(|path| (*path).to_owned()).collect();
        DataSettings::of(paths.iter().map(|path| self.0.path().join(path)).collect(), written, NOW)
    }

    fn load(&self, paths: &[&str]) -> Result<DataSet, String> {
        usable(load(&self.settings(paths)))
    }
}

/// The data, unless one of its symbols is refused.
fn usable(data: Result<DataSet, DataError>) -> Result<DataSet, String> {
    let data = data.map_err(|error| error.fact)?;
    match data.verdicts.iter().find_map(Verdict::error) {
        Some(error) => Err(error.fact),
        None => Ok(data),
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
    let rows = "date,symbol,o,h,l,c,vol\n2020-01-01,A,1,1,1,1,1\n2020-01-01,B,2,2,2,2,1\n2020-01-02,A,1,1,1,1,1\n2020-01-02,B,2,3,2,3,1\n";
    let files = Files::new(&[
        ("all.csv", rows),
        ("C.csv", &format!("{HEADER}2020-01-01,1,1,1,1,1\n2020-01-02,1,1,1,1,1\n")),
    ]);
    let data = files.load(&["all.csv", "C.csv"]).unwrap();
    assert_eq!(data.symbols(), ["A", "B", "C"]);
    assert_eq!(&data.symbol("B").unwrap().close[..], [2.0, 3.0]);
    assert_eq!(files.load(&["*.csv"]).unwrap().symbols(), ["C", "A", "B"]);
    let twice = files.load(&["C.csv", "C.csv"]).unwrap_err();
    assert_eq!(twice, "the file is named twice");
}

#[test]
fn damage_is_refused_with_its_row_its_values_and_the_way_out() {
    let good = "2020-01-01,1,1,1,1,1\n2020-01-05,1,1,1,1,1\n";
    for (rows, told) in [
        (
            "2020-01-03,1,1,1,1,1\n",
            "`x` has 1 row out of order: row 3 (2020-01-03T00:00:00Z): comes after 2020-01-05T00:00:00Z; sort",
        ),
        ("2020-01-05,1,1,1,1,1\n", "1 row doubled: row 3 (2020-01-05T00:00:00Z): is row 2 again"),
        (
            "2020-01-05,1,3,1,2,1\n",
            "row 3 (2020-01-05T00:00:00Z): `close` is 2 here and 1 in row 2",
        ),
        ("2020-01-06,1,1,,1,1\n", "row 3 (2020-01-06T00:00:00Z): `low` is missing"),
        (
            "2020-01-06,1,1,1,0,1\n",
            "1 row that is unusable: row 3 (2020-01-06T00:00:00Z): `close` is 0",
        ),
        ("2020-01-06,-1,1,1,1,1\n", "`open` is -1"),
        ("2020-01-06,inf,1,1,1,1\n", "`open` is inf"),
        (
            "2020-01-06,1,1,2,1,1\n",
            "1 row with a price out of range: row 3 (2020-01-06T00:00:00Z): `high` 1 is below `low` 2",
        ),
        ("2020-01-06,1,2,1,3,1\n", "`close` 3 is outside of `low` 1 to `high` 2"),
        ("2020-01-06,1,1,x1,1,1\n", "row 3 (2020-01-06T00:00:00Z): `low` is `x1`, not a number"),
        ("yesterday,1,1,1,1,1\n", "1 row out of order: row 3: `yesterday` is not a time"),
        (",1,1,1,1,1\n", "row 3: its time is missing"),
        ("65000-01-01,1,1,1,1,1\n", "`65000-01-01` is not a time"),
    ] {
        let error = one(&format!("{good}{rows}")).unwrap_err();
        assert!(error.contains(told), "{rows:?}: {error}");
    }
    assert!(one("").unwrap_err().contains("the file has a header and no rows"));
    let told = one("yesterday,1,1,1,1,1\n").unwrap_err();
    assert!(told.starts_with("no time in `timestamp` can be read, row 1 is `yesterday`"), "{told}");
    let told = one("2020-01-01,1,1,1,1,1\n").unwrap_err();
    assert!(told.contains("cannot be guessed from one row"), "{told}");
    let many: String = (0..30).map(|_| "2020-01-01,1,1,1,1,1\n").collect();
    let error = one(&format!("{many}2020-01-02,1,1,1,1,1\n")).unwrap_err();
    assert!(error.contains("29 rows doubled: ") && error.contains("; and 19 more; "), "{error}");
}

/// The rows under a header, read with a policy for one check.
fn policed(rows: &str, check: Check, policy: Policy) -> (DataSet, Verdict) {
    let files = Files::new(&[("x.csv", &format!("{HEADER}{rows}"))]);
    let mut settings = files.settings(&["x.csv"]);
    settings.checks = settings.checks.with(check, policy);
    let data = load(&settings).unwrap();
    let verdict = data.verdicts[0].clone();
    (data, verdict)
}

#[test]
fn each_policy_does_what_it_says_and_the_verdict_counts_it() {
    use Check::{Duplicates, Gaps, Order, Prices, Range, Volume};
    use Policy::{Drop, Off, Warn};
    let row = |day: u32, close: f64| format!("2020-01-{day:02},2,3,1,{close},5\n");
    let order = [row(1, 2.0), row(3, 2.0), row(2, 1.5), row(4, 2.0)].concat();
    let twice = [row(1, 2.0), row(2, 2.0), row(2, 1.5), row(3, 2.0)].concat();
    let broken = [row(1, 2.0), row(2, 0.0), row(3, 2.0)].concat();
    let outside = [row(1, 2.0), row(2, 9.0), row(3, 2.0)].concat();
    let quiet = [row(1, 2.0), "2020-01-02,2,3,1,2,0\n".to_owned(), row(3, 2.0)].concat();
    let gap = [row(1, 2.0), row(2, 2.0), row(3, 2.0), row(7, 2.0)].concat();
    for (rows, check, policy, closes, done) in [
        (&order, Order, Warn, &[2.0, 1.5, 2.0, 2.0][..], Some("sorted")),
        (&order, Order, Drop, &[2.0, 2.0, 2.0], Some("left out")),
        (&order, Order, Off, &[2.0, 1.5, 2.0, 2.0], None),
        (&twice, Duplicates, Warn, &[2.0, 1.5, 2.0], Some("the last of each kept")),
        (&broken, Prices, Warn, &[2.0, 2.0], Some("left out")),
        (&broken, Prices, Drop, &[2.0, 2.0], Some("left out")),
        (&outside, Range, Warn, &[2.0, 9.0, 2.0], Some("kept")),
        (&outside, Range, Drop, &[2.0, 2.0], Some("left out")),
        (&quiet, Volume, Warn, &[2.0, 2.0, 2.0], Some("kept")),
        (&quiet, Volume, Drop, &[2.0, 2.0], Some("left out")),
        (&gap, Gaps, Warn, &[2.0, 2.0, 2.0, 2.0], Some("kept")),
    ] {
        let (data, verdict) = policed(rows, check, policy);
        assert_eq!(&data.bars[0].close[..], closes, "{check:?} {policy:?}");
        let found = verdict.findings.iter().find(|finding| finding.check == check);
        assert_eq!(found.map(|finding| finding.done), done, "{check:?} {policy:?}");
        assert!(found.is_none_or(|finding| finding.count == 1 && finding.worst.len() == 1));
        let told = found.is_some_and(|it| verdict.warnings().any(|w| w.contains(&it.headline())));
        assert_eq!(told, policy == Warn, "{check:?} {policy:?}");
    }
    let (_, verdict) = policed(&gap, Gaps, Warn);
    insta::assert_snapshot!(
        verdict.warnings().next().unwrap().rsplit_once("x.csv: ").unwrap().1,
        @"`x` has 1 gap (kept): row 4 (2020-01-07T00:00:00Z): 3 bars missing after 2020-01-03T00:00:00Z"
    );
}

#[test]
fn a_file_that_begins_with_its_newest_row_is_the_same_data() {
    let days: Vec<String> = (1..=5).map(|day| format!("2020-01-0{day},1,1,1,1,{day}\n")).collect();
    let newest: String = days.iter().rev().cloned().collect();
    let (there, back) = (one(&days.concat()).unwrap(), one(&newest).unwrap());
    assert_eq!(format!("{:?}", there.bars), format!("{:?}", back.bars));
    assert_eq!(back.verdicts[0].notes, ["newest row first: read from the end"]);
}

#[test]
fn a_last_bar_is_finished_when_the_clock_the_session_and_the_delay_say_so() {
    let rows = "2024-07-02,1,1,1,1,1\n2024-07-03,1,1,1,1,1\n";
    let files = Files::new(&[("x.csv", &format!("{HEADER}{rows}"))]);
    let bars = |now: &str, change: &dyn Fn(&mut DataSettings)| {
        let now = chrono::DateTime::parse_from_rfc3339(now).unwrap().timestamp_micros();
        let mut settings = DataSettings { now, ..files.settings(&["x.csv"]) };
        settings.timezone = chrono_tz::America::New_York;
        change(&mut settings);
        load(&settings).unwrap().bars[0].len()
    };
    let us = |settings: &mut DataSettings| settings.calendar = CalendarChoice::UsEquity;
    assert_eq!(bars("2024-07-04T03:59:59Z", &|_| ()), 1, "midnight in New York is at four");
    assert_eq!(bars("2024-07-04T04:00:00Z", &|_| ()), 2);
    assert_eq!(bars("2024-07-03T16:59:59Z", &us), 1, "a half day closes at one");
    assert_eq!(bars("2024-07-03T17:00:00Z", &us), 2);
    let late = |settings: &mut DataSettings| {
        us(settings);
        settings.delay = DAY / 24;
    };
    assert_eq!(bars("2024-07-03T17:59:59Z", &late), 1);
    assert_eq!(bars("2024-07-03T18:00:00Z", &late), 2);
    let stale = |settings: &mut DataSettings| {
        us(settings);
        settings.checks = settings.checks.with(Check::Stale, Policy::Fail);
    };
    let refused = |now: &str| {
        let now = chrono::DateTime::parse_from_rfc3339(now).unwrap().timestamp_micros();
        let mut settings = DataSettings { now, ..files.settings(&["x.csv"]) };
        stale(&mut settings);
        load(&settings).unwrap().verdicts[0].error().map(|error| error.fact)
    };
    assert_eq!(refused("2024-07-09T23:00:00Z"), None, "the fifth and the eighth are over");
    let told = refused("2024-07-10T00:00:01Z").unwrap();
    assert!(told.contains("is the last, and 3 complete bars should follow it by now"), "{told}");
}

#[test]
fn no_bar_is_known_before_it_is_complete() {
    const HOUR: i64 = DAY / 24;
    let row = |hour: i64| format!("{},1,1,1,1,1\n", verdict::stamp(NOW + hour * HOUR));
    let rows: String = (-10..10).map(row).collect();
    let files = Files::new(&[("x.csv", &format!("{HEADER}{rows}"))]);
    let load = |delay: i64, policy: Policy, resample: Option<i64>| {
        let mut settings = DataSettings { delay, resample, ..files.settings(&["x.csv"]) };
        settings.checks = settings.checks.with(Check::Unfinished, policy);
        let data = load(&settings).unwrap();
        let complete = |open: &i64| complete(&settings, &data.calendar, &data.bars[0].clock, *open);
        let known = data.bars[0].time.iter().filter(|open| complete(open) <= NOW).count();
        (data.bars[0].len(), known, data.verdicts[0].findings[0].clone())
    };
    for (delay, bars) in [(0, 10), (HOUR / 2, 9), (HOUR, 9), (3 * HOUR, 7)] {
        let (len, known, finding) = load(delay, Policy::Drop, None);
        assert_eq!((len, known), (bars, bars), "{delay}");
        assert_eq!((finding.check, finding.count), (Check::Unfinished, 20 - bars));
        assert_eq!(load(delay, Policy::Warn, None).0, 20);
    }
    let (len, known, _) = load(3 * HOUR, Policy::Drop, Some(4 * HOUR));
    assert_eq!((len, known), (2, 2), "of seven hours from two o'clock on");
    let early = DataSettings { now: NOW - DAY, ..files.settings(&["x.csv"]) };
    let told = usable(super::load(&early)).unwrap_err();
    assert!(told.contains("no bar is complete at 2"), "{told}");
}

#[test]
fn gaps_are_what_timeframe_and_calendar_miss() {
    let found = |times: &[&str], change: &dyn Fn(&mut DataSettings)| {
        let rows: String = times.iter().map(|time| format!("{time},1,1,1,1,1\n")).collect();
        let files = Files::new(&[("x.csv", &format!("{HEADER}{rows}"))]);
        let mut settings = files.settings(&["x.csv"]);
        change(&mut settings);
        let data = load(&settings).unwrap();
        let gaps = data.verdicts[0].findings.iter().find(|it| it.check == Check::Gaps);
        gaps.map(|it| it.worst.iter().map(|case| case.fact.clone()).collect::<Vec<_>>())
    };
    let week = ["2024-07-01", "2024-07-02", "2024-07-03", "2024-07-05", "2024-07-08", "2024-07-09"];
    let us = |settings: &mut DataSettings| settings.calendar = CalendarChoice::UsEquity;
    assert_eq!(found(&week, &us), None, "the fourth of July is a holiday");
    let weekdays = |settings: &mut DataSettings| settings.calendar = CalendarChoice::Weekdays;
    assert_eq!(found(&week, &weekdays).unwrap(), ["1 bar missing after 2024-07-03T00:00:00Z"]);
    assert_eq!(found(&week, &|_| ()).unwrap().len(), 2);
    let holiday = ["2024-07-02", "2024-07-03", "2024-07-04", "2024-07-05"];
    assert_eq!(found(&holiday, &us).unwrap(), ["2024-07-04 is no trading day of us_equity"]);
    let hourly = |settings: &mut DataSettings| {
        us(settings);
        settings.timezone = chrono_tz::America::New_York;
        settings.timeframe = Some(DAY / 24);
    };
    let hours = ["2024-07-03T11:30:00", "2024-07-03T12:30:00", "2024-07-05T09:30:00"];
    assert_eq!(found(&hours, &hourly), None, "a half day ends at one");
    let hours = ["2024-07-03T11:30:00", "2024-07-05T10:30:00"];
    assert_eq!(found(&hours, &hourly).unwrap(), ["2 bars missing after 2024-07-03T15:30:00Z"]);
}

#[test]
fn a_local_time_that_never_was_is_refused() {
    let rows = "2024-03-10T01:00:00,1,1,1,1,1\n2024-03-10T02:00:00,1,1,1,1,1\n2024-03-10T03:00:00,1,1,1,1,1\n";
    let files = Files::new(&[("x.csv", &format!("{HEADER}{rows}"))]);
    let mut settings = files.settings(&["x.csv"]);
    settings.timezone = chrono_tz::America::New_York;
    let told = usable(load(&settings)).unwrap_err();
    let fact = "row 2: the clocks of America/New_York never showed 2024-03-10T02:00:00";
    assert!(told.contains(fact), "{told}");
    settings.checks = settings.checks.with(Check::Order, Policy::Drop);
    assert_eq!(usable(load(&settings)).unwrap().bars[0].len(), 2);
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
    let read = |name: &str, change: &dyn Fn(&mut DataSettings)| {
        let mut settings = DataSettings {
            paths: vec![root.join(name)],
            written: vec![name.into()],
            ..files.settings(&[])
        };
        change(&mut settings);
        super::load(&settings)
    };
    let plain = |name: &str| usable(read(name, &|_| ()));
    let count = |data: &DataSet, check: Check| {
        let findings = data.verdicts.iter().flat_map(|verdict| &verdict.findings);
        findings.filter(|it| it.check == check).map(|it| it.count).sum::<usize>()
    };

    let scrambled = plain("btcusd-1h-scrambled.csv").unwrap_err();
    assert!(scrambled.contains("5 rows out of order: "), "{scrambled}");
    let sorted = read("btcusd-1h-scrambled.csv", &|settings| {
        settings.checks = settings.checks.with(Check::Order, Policy::Warn);
    });
    let sorted = usable(sorted).unwrap();
    assert_eq!(sorted.bars[0].len(), 20_111);
    assert!(sorted.bars[0].time.is_sorted_by(|a, b| a < b));
    assert_eq!(count(&sorted, Check::Volume), 28);

    let bad = read("bad-quotes.csv", &|_| ()).unwrap();
    assert_eq!((count(&bad, Check::Order), count(&bad, Check::Prices)), (50, 105));
    assert!(bad.verdicts[0].refuses());
    let repaired = read("bad-quotes.csv", &|settings| {
        for check in [Check::Order, Check::Prices, Check::Range] {
            settings.checks = settings.checks.with(check, Policy::Drop);
        }
    });
    let repaired = usable(repaired).unwrap();
    assert!(repaired.bars[0].len() < 502 - 155);
    assert!(count(&repaired, Check::Jumps) > 3, "prices of 1e-8 stand beside prices of 1e10");

    assert_eq!(plain("goog-daily.csv").unwrap().bars[0].len(), 2_148);
    let minutes = plain("crypto-1m-10-pairs.csv.gz").unwrap();
    assert_eq!(minutes.bars.len(), 10);
    assert_eq!(minutes.bars.iter().map(|bars| bars.len()).sum::<usize>(), 133_902);
    assert!(count(&minutes, Check::Gaps) > 100, "minutes are missing");
    let labelled = read("btc-perp-1m.csv", &|settings| settings.label_close = true).unwrap();
    assert_eq!(count(&labelled, Check::Gaps), 0);
    assert_eq!(verdict::stamp(labelled.bars[0].time[0]), "2021-12-31T23:00:00Z");

    let new_york = |settings: &mut DataSettings| {
        settings.timezone = chrono_tz::America::New_York;
        settings.calendar = CalendarChoice::UsEquity;
    };
    let apple = usable(read("aapl-1h-dst.csv", &new_york)).unwrap();
    assert_eq!(apple.bars[0].clock.timeframe, DAY / 24);
    // A morning and a day are missing, and the half hour before one o'clock on five half days.
    assert_eq!(count(&apple, Check::Gaps), 6, "{:?}", apple.verdicts[0].findings);
    assert_eq!(count(&apple, Check::Volume), 8);
    let opens: Vec<i64> = apple.bars[0].local(0..apple.bars[0].len()).collect();
    let half_past = |local: &i64| local.rem_euclid(DAY / 24) == DAY / 48;
    assert!(opens.iter().all(half_past), "summer and winter");
    let early = read("aapl-1h-dst.csv", &|settings| {
        new_york(settings);
        let now = "2026-08-06T14:00:00Z";
        settings.now = chrono::DateTime::parse_from_rfc3339(now).unwrap().timestamp_micros();
    });
    let early = usable(early).unwrap();
    assert_eq!(early.bars[0].len(), 3_478, "the last bar is left out while it is not over");
    assert_eq!(count(&early, Check::Unfinished), 1);

    let trades = read("xrp-eth-trades.csv", &|_| ()).unwrap().verdicts[0].error().unwrap().fact;
    assert!(trades.contains("holds trades; make bars of them"), "{trades}");
    for (minutes, oracle) in [(1, "xrp-eth-1m.csv"), (5, "xrp-eth-5m.csv")] {
        let made = usable(read("xrp-eth-trades.csv", &|settings| {
            settings.resample = Some(minutes * DAY / 1_440);
        }));
        let (made, oracle) = (made.unwrap(), plain(oracle).unwrap());
        let (made, oracle) = (&made.bars[0], &oracle.bars[0]);
        assert_eq!(made.time, oracle.time);
        for (made, oracle) in [
            (&made.open, &oracle.open),
            (&made.high, &oracle.high),
            (&made.low, &oracle.low),
            (&made.close, &oracle.close),
            (&made.volume, &oracle.volume),
        ] {
            assert_eq!(made, oracle, "{minutes}");
        }
    }
}

fn carried(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

/// A file of the repository, read with the New York calendar.
fn us(name: &str, change: impl Fn(&mut DataSettings)) -> DataSet {
    let mut settings = DataSettings::of(vec![carried(name)], vec![name.into()], NOW);
    settings.timezone = chrono_tz::America::New_York;
    settings.calendar = CalendarChoice::UsEquity;
    change(&mut settings);
    load(&settings).unwrap()
}

#[test]
fn the_new_york_calendar_is_that_of_the_carried_data() {
    for (name, symbol, bars) in [
        ("us-equities-daily.csv", "IBM", 3_268),
        ("us-equities-2014-splits-dividends.csv", "MSFT", 252),
    ] {
        let data = us(name, |_| ());
        let verdict = data.verdict(symbol).unwrap();
        assert!(!verdict.findings.iter().any(|it| it.check == Check::Gaps), "{verdict:?}");
        let (first, last) = {
            let days: Vec<i32> = data.symbol(symbol).unwrap().days(0..bars).collect();
            (days[0], days[bars - 1])
        };
        let days = (first..=last).filter(|day| data.calendar.is_open(*day)).count();
        assert_eq!(days, bars, "{symbol}");
    }
    let minutes = us("spy-1m.csv", |_| ());
    assert!(minutes.verdicts[0].findings.is_empty(), "{:?}", minutes.verdicts);
}

#[test]
fn adjusted_prices_are_those_that_others_computed() {
    let name = "us-equities-2014-splits-dividends.csv";
    let near = |a: &[f64], b: &[f64]| {
        a.iter().zip(b).map(|(a, b)| (a / b - 1.0).abs()).fold(0.0, f64::max)
    };
    let columns = |settings: &mut DataSettings| settings.adjust = Adjust::Total;
    // Without its adjusted closes the file is adjusted by its splits and dividends.
    let text = std::fs::read_to_string(carried(name)).unwrap();
    let renamed = Files::new(&[("us.csv", &text.replace("adj_close", "theirs"))]);
    let settings = DataSettings { adjust: Adjust::Total, ..renamed.settings(&["us.csv"]) };
    for data in [us(name, columns), load(&settings).unwrap()] {
        for bars in &data.bars {
            // The file ends with 2014: what it is adjusted for since then is one constant.
            let extra = |name: &str| bars.extra.iter().find(|extra| extra.name == name).unwrap();
            let closes = bars.extra.iter().find(|e| e.name == "adj_close" || e.name == "theirs");
            let closes = &closes.unwrap().values;
            let last = bars.len() - 1;
            let since = bars.close[last] / closes[last];
            let scaled = |values: &[f64]| values.iter().map(|v| v * since).collect::<Vec<_>>();
            for (ours, theirs) in [
                (&bars.open, &extra("adj_open").values),
                (&bars.high, &extra("adj_high").values),
                (&bars.low, &extra("adj_low").values),
                (&bars.close, closes),
            ] {
                let off = near(ours, &scaled(theirs));
                assert!(off < 1e-9, "{}: {off}", bars.symbol);
            }
            assert!(near(&bars.volume, &extra("adj_volume").values) < 1e-9, "{}", bars.symbol);
        }
    }
}

#[test]
fn splits_are_taken_out_alone_and_found_in_adjusted_closes() {
    let split = us("us-equities-2014-splits-dividends.csv", |s| s.adjust = Adjust::Split);
    let apple = split.symbol("AAPL").unwrap();
    assert!((apple.close[0] - 553.13 / 7.0).abs() < 1e-9);
    assert_eq!(apple.close[apple.len() - 1], 110.38);
    assert!(split.verdicts.iter().all(|verdict| verdict.findings.is_empty()));
    // Raw prices fall with a split that the account books.
    let raw = us("us-equities-2014-splits-dividends.csv", |_| ());
    assert!(raw.verdicts.iter().all(|verdict| verdict.findings.is_empty()));
    // Only adjusted closes here: Apple was split two for one in 2000 and in 2005.
    let raw = us("us-equities-daily.csv", |_| ());
    let adjusted = us("us-equities-daily.csv", |s| s.adjust = Adjust::Split);
    let (raw_apple, apple) = (raw.symbol("AAPL").unwrap(), adjusted.symbol("AAPL").unwrap());
    assert!((raw_apple.close[0] / apple.close[0] - 4.0).abs() < 1e-9);
    assert!((apple.volume[0] / raw_apple.volume[0] - 4.0).abs() < 1e-9);
    let jumps = |data: &DataSet| -> Vec<String> {
        let findings = data.verdicts.iter().flat_map(|verdict| &verdict.findings);
        let jumps = findings.filter(|finding| finding.check == Check::Jumps);
        let days =
            jumps.flat_map(|it| it.worst.iter().map(|case| verdict::stamp(case.time.unwrap())));
        days.map(|day| day[..10].to_owned()).collect()
    };
    let mut found = jumps(&raw);
    found.sort();
    // On the second of these days Apple did lose half of its price.
    assert_eq!(found, ["2000-06-21", "2000-09-29", "2003-02-18", "2005-02-28"]);
    assert_eq!(jumps(&adjusted), ["2000-09-29"]);
}

#[test]
fn raw_prices_with_booked_splits_and_dividends_return_what_adjusted_prices_do() {
    let name = "us-equities-2014-splits-dividends.csv";
    let (raw, total) = (us(name, |_| ()), us(name, |s| s.adjust = Adjust::Total));
    let (raw, total) = (raw.symbol("AAPL").unwrap(), total.symbol("AAPL").unwrap());
    let actions: Vec<(f64, f64)> = raw.actions.iter().map(|a| (a.split, a.dividend)).collect();
    assert_eq!(actions, [(1.0, 3.05), (1.0, 3.29), (7.0, 0.0), (1.0, 0.47), (1.0, 0.47)]);
    assert!(total.actions.is_empty());
    let last = raw.len() - 1;
    let adjusted = total.close[last] / total.close[0];
    let (mut units, mut cash, mut reinvested) = (1.0, 0.0, 1.0);
    for action in &raw.actions[..] {
        units *= action.split;
        cash += units * action.dividend;
        // Adjusted prices are those of somebody who buys more units of each dividend at the close.
        reinvested *= action.split * (1.0 + action.dividend / raw.close[action.row]);
    }
    let worth = |units: f64| units * raw.close[last] / raw.close[0];
    assert!((worth(reinvested) / adjusted - 1.0).abs() < 1e-12);
    // Dividends that stay in cash miss what they would have earned since.
    let kept = worth(units) + cash / raw.close[0];
    assert!((kept / adjusted - 1.0).abs() < 0.01 && kept < adjusted);
}

#[test]
fn further_files_of_a_symbol_go_on_with_it() {
    let files = Files::new(&[
        ("2020.csv", "time,symbol,o,h,l,c,score\n2020-12-30,A,1,1,1,1,7\n2020-12-31,A,1,1,1,1,8\n"),
        ("2021.csv", "time,symbol,o,h,l,c\n2021-01-01,A,1,1,1,2\n2021-01-02,A,1,1,1,0\n"),
    ]);
    let told = files.load(&["2020.csv", "2021.csv"]).unwrap_err();
    assert!(told.contains("row 2 (2021-01-02T00:00:00Z): `close` is 0"), "{told}");
    let mut settings = files.settings(&["*.csv"]);
    settings.checks =
        settings.checks.with(Check::Prices, Policy::Drop).with(Check::Range, Policy::Drop);
    let data = load(&settings).unwrap();
    assert_eq!(data.symbols(), ["A"]);
    assert_eq!(data.files.len(), 2);
    assert!(data.bars[0].extra[0].values[1] == 8.0);
}

#[test]
fn packed_files_other_separators_and_told_formats_are_read() {
    use std::io::Write as _;
    let files = Files::new(&[(
        "x.csv",
        "Date;Open;High;Low;Close;Adj Close;Vol.\n31.12.2019;1;2;0.5;1.5;1.5;3\n01.01.2020;1;2;0.5;1.5;1.5;3\n",
    )]);
    let mut settings = files.settings(&["x.csv"]);
    settings.time_format = Some("%d.%m.%Y".into());
    let plain = load(&settings).unwrap();
    let packed = std::fs::File::create(files.0.path().join("x.csv.gz")).unwrap();
    let mut packer = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
    packer.write_all(&std::fs::read(files.0.path().join("x.csv")).unwrap()).unwrap();
    packer.finish().unwrap();
    settings.paths = vec![files.0.path().join("x.csv.gz")];
    let unpacked = load(&settings).unwrap();
    assert_eq!(format!("{:?}", plain.bars), format!("{:?}", unpacked.bars));
    assert_eq!(plain.symbols(), ["x"]);
    assert!(plain.files[0].naive);
}

#[test]
fn hours_keep_the_bars_that_open_inside() {
    let minutes = us("spy-1m.csv", |settings| {
        settings.hours = Some(crate::manifest::Hours { from: 10 * DAY / 24, to: 11 * DAY / 24 });
    });
    let bars = &minutes.bars[0];
    assert_eq!(bars.len(), 240);
    assert!(minutes.verdicts[0].findings.is_empty(), "{:?}", minutes.verdicts);
    assert!(bars.local(0..240).all(|local| local.rem_euclid(DAY) / (DAY / 24) == 10));
}

#[test]
fn longer_bars_are_made_after_loading() {
    let minutes = us("spy-1m.csv", |_| ());
    let days = us("spy-1m.csv", |settings| settings.resample = Some(DAY));
    let (minutes, days) = (&minutes.bars[0], &days.bars[0]);
    assert_eq!(days.len(), 4);
    assert_eq!(days.open[0], minutes.open[0]);
    assert_eq!(days.close[3], minutes.close[minutes.len() - 1]);
    assert_eq!(days.volume.iter().sum::<f64>(), minutes.volume.iter().sum::<f64>());
    let verdict = us("spy-1m.csv", |settings| settings.resample = Some(90_000_000)).verdicts;
    assert!(
        verdict[0].error().unwrap().fact.contains("is no multiple of the bars' own 60 seconds")
    );
}
