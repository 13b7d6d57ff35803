//! Real files, those of the repository and dirty ones where they are at hand.

use super::*;
use crate::manifest::{CalendarChoice, Checks};

/// Where the dirty files are, if they are at hand.
#[expect(clippy::print_stdout, reason = "a test says what it skipped")]
fn dirty() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/market/test");
    if !root.is_dir() {
        assert!(std::env::var_os("PAPERTAPE_SHARED_REQUIRED").is_none(), "skipped: it is required");
        println!("skipped: ../shared/market/test is not here");
        return None;
    }
    Some(root)
}

#[test]
fn real_dirty_files_are_never_silently_accepted() {
    let Some(root) = dirty() else { return };
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
        findings.filter(|it| it.check == check).map(Finding::count).sum::<usize>()
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
    assert_eq!(stamp(labelled.bars[0].time[0]), "2021-12-31T23:00:00Z");

    let new_york = |settings: &mut DataSettings| {
        settings.timezone = chrono_tz::America::New_York;
        settings.calendar = Some(CalendarChoice::UsEquity);
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

#[test]
fn each_policy_holds_for_each_kind_of_real_damage() {
    let Some(root) = dirty() else { return };
    let new_york = |settings: &mut DataSettings| {
        settings.timezone = chrono_tz::America::New_York;
        settings.calendar = Some(CalendarChoice::UsEquity);
    };
    let files = Files::new(&[]);
    for (name, checks) in [
        ("btcusd-1h-scrambled.csv", &[Check::Order][..]),
        ("bad-quotes.csv", &[Check::Order, Check::Prices, Check::Range, Check::Jumps, Check::Gaps]),
        ("aapl-1h-dst.csv", &[Check::Volume, Check::Gaps, Check::Unfinished]),
    ] {
        let mut settings = DataSettings {
            paths: vec![root.join(name)],
            written: vec![name.into()],
            ..files.settings(&[])
        };
        if name.starts_with("aapl") {
            new_york(&mut settings);
            let now = "2026-08-06T14:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap();
            settings.now = now.timestamp_micros();
        }
        let off = |checks: Checks, check: Check| checks.with(check, Policy::Off);
        let none = Check::ALL.into_iter().fold(settings.checks, off);
        for &check in checks {
            let verdict = |policy: Policy| {
                let checks = none.with(check, policy);
                load(&DataSettings { checks, ..settings.clone() }).unwrap().verdicts[0].clone()
            };
            let case = format!("{name}: {check:?}");
            let refused = verdict(Policy::Fail).error().expect(&case).fact;
            assert!(refused.contains("row "), "{case}: {refused}");
            let warned = verdict(Policy::Warn);
            assert_eq!((warned.refuses(), warned.warnings().count()), (false, 1), "{case}");
            let dropped = verdict(Policy::Drop);
            assert!(!dropped.refuses() && dropped.findings[0].count() > 0, "{case}");
            assert!(verdict(Policy::Off).findings.is_empty(), "{case}");
        }
    }
}
