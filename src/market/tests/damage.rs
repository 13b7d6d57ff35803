//! Each kind of damage by itself, in files of a few rows.

use super::*;
use crate::manifest::{CalendarChoice, Checks};
use chrono::NaiveDate;

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

/// What arrives comes twice, or late, and neither refuses it; a time that says two things does.
#[test]
fn what_arrives_twice_is_one_bar_and_what_arrives_late_is_put_in_its_place() {
    let rows = ["01,2,3,1,2,5", "03,2,3,1,2,5", "03,2,3,1,2,5", "02,2,3,1,2,5", "03,2,3,1,2,6"];
    let rows = rows.map(|row| format!("2020-01-{row}\n"));
    let read = |rows: &[String], arrivals: fn(Checks) -> Checks| {
        let files = Files::new(&[("x.csv", &format!("{HEADER}{}", rows.concat()))]);
        let checks = arrivals(Checks::default());
        let data = load(&DataSettings { checks, ..files.settings(&["x.csv"]) }).unwrap();
        (data.bars[0].len(), data.verdicts[0].clone())
    };
    let (bars, verdict) = read(&rows[..4], Checks::of_arrivals);
    assert_eq!((bars, verdict.error().is_none(), verdict.warnings().count()), (3, true, 1));
    assert!(verdict.warnings().next().unwrap().contains("out of order (sorted)"));
    let (_, verdict) = read(&rows[..4], |checks| checks);
    let error = verdict.error().unwrap().to_string();
    assert!(error.contains("1 row out of order") && error.contains("1 row doubled"), "{error}");
    let (_, verdict) = read(&rows, Checks::of_arrivals);
    let error = verdict.error().unwrap().to_string();
    assert!(error.contains("`volume` is 6 here and 5 in row"), "{error}");
    let strict = |checks: Checks| checks.of_arrivals().with(Check::Duplicates, Policy::Fail);
    assert!(read(&rows[..4], strict).1.error().is_some(), "who says so means it");
}

/// A line that is no bar stops nothing that arrives, and a backtest is refused for it.
#[test]
fn garbage_among_arrivals_is_left_out_and_the_rows_keep_their_numbers() {
    let csv = format!(
        "symbol,{HEADER}AA,2020-01-01,2,3,1,2,5\ngarbage\n,2020-01-02,2,3,1,2,5\n\
         AA,2020-01-02,2,3,1,2,5\nAA,\"2020\"x,1,2\n\nAA,2020-01-03,2,-,1,2,5\nAA,2020-01-04,2,3,1,2,5,6\nAA,2020-01-04,2,x,1,2,5\n\
         AA,2020-01-04,2,3,1,2,5\nAA,2020-01-05,2,3,1,2,many\n"
    );
    let json = "{\"time\":\"2020-01-01\",\"open\":2,\"high\":3,\"low\":1,\"close\":2}\n{\"time\"\n\
                {\"time\":\"2020-01-02\",\"open\":2,\"high\":3,\"low\":1,\"close\":2}\n";
    let none = format!("{HEADER}1st of May,2,3,1,2,5\n");
    let files = Files::new(&[("x.csv", &csv), ("y.jsonl", json), ("z.csv", &none)]);
    let read =
        |name: &str, checks: Checks| load(&DataSettings { checks, ..files.settings(&[name]) });
    let arrivals = Checks::default().of_arrivals();
    let data = read("x.csv", arrivals).unwrap();
    assert_eq!((data.bars[0].len(), data.symbols()), (3, vec!["AA"]));
    let lines: Vec<usize> = data.files[0].garbage.iter().map(|garbage| garbage.line).collect();
    assert_eq!(lines, [3, 4, 6, 8, 9, 10]);
    let warnings: Vec<String> = data.verdicts[0].warnings().collect();
    assert!(
        warnings[0].contains("1 row that is unusable (left out): row 11 (2020-01-05"),
        "{warnings:?}"
    );
    for checks in [Checks::default(), arrivals] {
        let wrong = read("z.csv", checks).unwrap_err().to_string();
        assert!(wrong.contains("row 1 is `1st of May`; say how they are written"), "{wrong}");
    }
    let data = read("y.jsonl", arrivals).unwrap();
    assert_eq!((data.bars[0].len(), data.files[0].garbage[0].line), (2, 2));
    for (name, fact) in [("x.csv", "row"), ("y.jsonl", "line 2: it is no JSON object")] {
        for checks in [Checks::default(), arrivals.with(Check::Prices, Policy::Fail)] {
            let error = read(name, checks).unwrap_err().to_string();
            assert!(error.contains(fact), "{error}");
        }
    }
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
        assert!(found.is_none_or(|finding| finding.count() == 1));
        assert_eq!(data.bars[0].clock.timeframe, DAY, "{check:?} {policy:?}");
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
    let us = |settings: &mut DataSettings| settings.calendar = Some(CalendarChoice::UsEquity);
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
    let row = |hour: i64| format!("{},1,1,1,1,1\n", stamp(NOW + hour * HOUR));
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
        assert_eq!((finding.check, finding.count()), (Check::Unfinished, 20 - bars));
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
        gaps.map(|it| it.worst().iter().map(|case| case.fact.to_string()).collect::<Vec<_>>())
    };
    let week = ["2024-07-01", "2024-07-02", "2024-07-03", "2024-07-05", "2024-07-08", "2024-07-09"];
    let us = |settings: &mut DataSettings| settings.calendar = Some(CalendarChoice::UsEquity);
    assert_eq!(found(&week, &us), None, "the fourth of July is a holiday");
    let weekdays = |settings: &mut DataSettings| settings.calendar = Some(CalendarChoice::Weekdays);
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
fn one_row_out_of_place_makes_no_other_row_late() {
    let row = |day: u32, close: u32| format!("2020-01-{day:02},9,9,1,{close},1\n");
    let far: String = [row(1, 1), row(2, 2), row(31, 9), row(3, 3), row(4, 4)].concat();
    let (data, verdict) = policed(&far, Check::Order, Policy::Drop);
    assert_eq!(&data.bars[0].close[..], [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(
        verdict.findings[0].cases[0].to_string(),
        "row 3 (2020-01-31T00:00:00Z): comes before 2020-01-03T00:00:00Z"
    );
    // The newest row first, but for two of them.
    let newest: String = [5, 4, 2, 3, 1].map(|day| row(day, day)).concat();
    let (data, verdict) = policed(&newest, Check::Order, Policy::Warn);
    assert_eq!(&data.bars[0].close[..], [1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!((verdict.findings[0].count(), verdict.notes.len()), (1, 1));
}

#[test]
fn files_follow_each_other_in_time_whatever_they_are_called() {
    let files = Files::new(&[
        ("april.csv", "time,symbol,o,h,l,c\n2020-04-02,A,4,4,4,4\n2020-04-01,A,3,3,3,3\n"),
        ("march.csv", "time,symbol,o,h,l,c\n2020-03-30,A,1,1,1,1\n2020-03-31,A,2,2,2,2\n"),
    ]);
    let data = files.load(&["*.csv"]).unwrap();
    assert_eq!(&data.bars[0].close[..], [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(data.verdicts[0].notes, ["newest row first in 1 of 2 files: read from the end"]);
}

#[test]
fn values_that_cannot_be_are_refused_or_told() {
    let good = "2020-01-01,1,1,1,1,1\n2020-01-02,1,1,1,1,1\n";
    for (row, told) in [
        ("2020-01-03,1e300,1e300,1e300,1e300,1\n", "`open` is 1e300"),
        ("2020-01-03,1e-20,1e-20,1e-20,1e-20,1\n", "`open` is 1e-20"),
    ] {
        let error = one(&format!("{good}{row}")).unwrap_err();
        assert!(error.contains(told), "{error}");
    }
    for (volume, told) in [("1e30", "1e30"), ("inf", "inf"), ("-5", "-5"), ("0", "0")] {
        let rows = format!("{good}2020-01-03,1,1,1,1,{volume}\n");
        let (_, verdict) = policed(&rows, Check::Volume, Policy::Warn);
        let fact = verdict.findings[0].cases[0].fact.to_string();
        assert_eq!(fact, format!("`volume` is {told}"));
    }
}

#[test]
fn days_that_follow_a_calendar_that_nobody_named_are_told_once() {
    let found = |times: &mut dyn Iterator<Item = String>, change: &dyn Fn(&mut DataSettings)| {
        let rows: String = times.map(|time| format!("{time},1,1,1,1,1\n")).collect();
        let files = Files::new(&[("x.csv", &format!("{HEADER}{rows}"))]);
        let mut settings = files.settings(&["x.csv"]);
        change(&mut settings);
        let data = load(&settings).unwrap();
        let gaps = data.verdicts[0].findings.iter().find(|it| it.check == Check::Gaps);
        gaps.map_or_else(Vec::new, |it| it.cases.iter().map(|c| c.fact.to_string()).collect())
    };
    let us = Calendar::of(&CalendarChoice::UsEquity).unwrap();
    let date = |day: i32| NaiveDate::from_epoch_days(day).unwrap();
    let day = |text: &str| text.parse::<NaiveDate>().unwrap().to_epoch_days();
    let days = || (day("2024-06-20")..day("2024-08-01")).filter(|day| us.is_open(*day));
    let told = found(&mut days().map(|day| date(day).to_string()), &|_| ());
    let named = "no calendar is named, and its days are those of `data.calendar = \"us_equity\"`";
    assert_eq!(told, [named]);
    let without = day("2024-07-16");
    let rest = days().filter(|day| *day != without).map(|day| date(day).to_string());
    let told = found(&mut { rest }, &|_| ());
    assert_eq!(told, [named, "1 bar missing after 2024-07-15T00:00:00Z"]);
    // Every hour of a session of New York, told in UTC.
    let hours = days().flat_map(|day| {
        let last = us.session(day).map_or(16, |(_, close)| close / (DAY / 24));
        (13..last + 4).map(move |hour| format!("{}T{hour}:30:00Z", date(day)))
    });
    let told = found(&mut { hours }, &|_| ());
    assert_eq!(told, [format!("{named}, with `data.timezone = \"America/New_York\"`")]);
    // Where weekends are traded, none of them is closed.
    let hours =
        (0..24 * 14).filter(|hour| hour % 31 != 7).map(|hour| day("2024-07-01") * 24 + hour);
    let time = |hour: i32| stamp(i64::from(hour) * DAY / 24);
    let told = found(&mut hours.map(time), &|_| ());
    assert!(
        told.len() > 9 && told.iter().all(|fact| fact.starts_with("1 bar missing")),
        "{told:?}"
    );
    let always = |settings: &mut DataSettings| settings.calendar = Some(CalendarChoice::Always);
    assert_eq!(found(&mut days().map(|day| date(day).to_string()), &always).len(), 7);
}

#[test]
fn a_split_or_dividend_that_cannot_be_is_damage() {
    for (split, dividend, told) in [("-2", "0", "`split` is -2"), ("", "inf", "`dividend` is inf")]
    {
        let text = format!(
            "date,open,high,low,close,split,dividend\n2020-01-01,1,1,1,1,0,0\n2020-01-02,1,1,1,1,{split},{dividend}\n"
        );
        let error = Files::new(&[("x.csv", &text)]).load(&["x.csv"]).unwrap_err();
        assert!(error.contains(told), "{error}");
    }
}
