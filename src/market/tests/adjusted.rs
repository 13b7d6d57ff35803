//! Prices without splits and dividends, against those that others computed.

use super::*;

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
        let days = jumps.flat_map(|it| it.worst().iter().map(|case| stamp(case.time.unwrap())));
        days.map(|day| day[..10].to_owned()).collect()
    };
    let mut found = jumps(&raw);
    found.sort();
    // On the second of these days Apple did lose half of its price.
    assert_eq!(found, ["2000-06-21", "2000-09-29", "2003-02-18", "2005-02-28"]);
    assert_eq!(jumps(&adjusted), ["2000-09-29"]);
}

#[test]
fn longer_bars_tell_of_the_splits_and_dividends_that_are_in_no_price_of_theirs() {
    let row = |day: u32, close: f64, split: f64, dividend: f64| {
        format!("2020-01-{day:02},{close},{close},{close},{close},{split},{dividend}\n")
    };
    // Weeks from Monday: the sixth and the thirteenth.
    let rows = [
        row(6, 40.0, 0.0, 0.0),
        row(8, 40.0, 0.0, 0.5),
        row(9, 40.0, 0.0, 0.25),
        row(10, 40.0, 0.0, 0.0),
        row(13, 20.0, 2.0, 0.0),
        row(14, 20.0, 0.0, 0.0),
    ]
    .concat();
    let files =
        Files::new(&[("x.csv", &format!("date,open,high,low,close,split,dividend\n{rows}"))]);
    let told = |adjust: Adjust| {
        let week = Some(7 * DAY);
        let settings = files.settings(&["x.csv"]);
        let settings = DataSettings { adjust, resample: week, timeframe: Some(DAY), ..settings };
        let data = load(&settings).unwrap();
        let columns = data.bars[0].extra.iter().map(|extra| extra.values.to_vec());
        columns.collect::<Vec<_>>()
    };
    assert_eq!(told(Adjust::None), [[1.0, 2.0], [0.75, 0.0]]);
    assert_eq!(told(Adjust::Split), [[1.0, 1.0], [0.375, 0.0]]);
    assert_eq!(told(Adjust::Total), [[1.0, 1.0], [0.0, 0.0]]);
}

#[test]
fn dividends_of_prices_without_splits_are_paid_for_the_units_of_now() {
    let split = us("us-equities-2014-splits-dividends.csv", |s| s.adjust = Adjust::Split);
    let apple = split.symbol("AAPL").unwrap();
    let paid: Vec<(f64, f64)> = apple.actions.iter().map(|a| (a.split, a.dividend * 7.0)).collect();
    let expected = [3.05, 3.29, 0.47 * 7.0, 0.47 * 7.0];
    for ((split, paid), expected) in paid.iter().zip(expected) {
        assert!(*split == 1.0 && (paid - expected).abs() < 1e-12, "{paid}");
    }
    assert_eq!(paid.len(), 4);
    assert!(split.verdicts.iter().all(|verdict| verdict.doubts.is_empty()));
    // Nobody can pay what is in adjusted closes alone.
    let hidden = us("us-equities-daily.csv", |s| s.adjust = Adjust::Split);
    let told = |symbol: &str| hidden.verdict(symbol).unwrap().doubts.concat();
    assert!(told("IBM").contains("none is paid"), "{}", told("IBM"));
    assert_eq!(told("GOOG"), "", "Google paid none");
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
