//! The promise of the language where a rule looks at other bars: symbols that trade at other hours,
//! begin late, miss bars or have half days; longer timeframes across nights on which clocks are moved.
//!
//! What is known when a bar closes is what has closed by then. So the bars of every symbol are taken
//! away, or spoiled, that close later, and nothing may change.

use super::*;
use crate::bars::{Zone, duration};
use crate::diag::Mistakes;

const HOUR: i64 = DAY / 24;

/// Local time is five hours behind, four from day 10 at 2 o'clock on and five again from day 30 on.
fn zone() -> Zone {
    Zone::new(vec![
        (0, -5 * 3_600),
        (10 * DAY + 7 * HOUR, -4 * 3_600),
        (30 * DAY + 6 * HOUR, -5 * 3_600),
    ])
}

/// Bars of `timeframe` at these opening times, which wander; a further column has gaps.
fn wander(symbol: &str, seed: u64, timeframe: i64, times: Vec<i64>) -> Arc<Bars> {
    let mut random = random(seed);
    let mut close = 100.0;
    let rows: Vec<[f64; 6]> = times
        .iter()
        .map(|_| {
            let open = close * (1.0 + 0.02 * (random() - 0.5));
            close = open * (1.0 + 0.04 * (random() - 0.5));
            let (high, low) = (open.max(close) * 1.003, open.min(close) * 0.997);
            let score = if random() < 0.1 { f64::NAN } else { random() - 0.5 };
            [open, high, low, close, 1_000.0 * random(), score]
        })
        .collect();
    let column = |index: usize| -> Cut<f64> { rows.iter().map(|row| row[index]).collect() };
    Arc::new(Bars {
        symbol: symbol.into(),
        time: times.into(),
        open: column(0),
        high: column(1),
        low: column(2),
        close: column(3),
        volume: column(4),
        extra: vec![Extra { name: "score".into(), boolean: false, values: column(5) }],
        actions: Arc::new([]),
        clock: Clock { timeframe, zone: zone() },
    })
}

/// What a timestamp tells of its bar: reading makes opening times of both.
#[derive(Debug, Clone, Copy)]
enum Label {
    Open,
    Close,
}

/// A coin that trades around the clock and misses hours, a share with sessions, week-ends and half
/// days, and an index of which only days are known; the share and the index begin later. The share's
/// bars close at half past, between those of the coin.
fn market(label: Label) -> Vec<Arc<Bars>> {
    let mut random = random(7);
    let zone = zone();
    let opened = |stamp: i64| match label {
        Label::Open => stamp,
        Label::Close => stamp - HOUR,
    };
    let hours = (0..45 * 24).map(|hour| hour * HOUR);
    let coin = hours.clone().filter(|_| random() > 0.04).map(opened).collect();
    let is_session = |at: &i64| {
        let local = zone.local(*at);
        let (day, hour) = (local.div_euclid(DAY), local.rem_euclid(DAY) / HOUR);
        let close = if day % 9 == 0 { 13 } else { 16 };
        day > 3 && (day + 3).rem_euclid(7) < 5 && (9..close).contains(&hour)
    };
    let share = hours.map(|hour| hour + HOUR / 2).filter(is_session).map(opened).collect();
    let index = (8..44).map(|day| zone.instant(day * DAY)).collect();
    vec![
        wander("COIN", 1, HOUR, coin),
        wander("SHARE", 2, HOUR, share),
        wander("INDEX", 3, DAY, index),
    ]
}

/// The bars of all symbols, `first` before the others.
fn views(bars: &[Arc<Bars>], first: usize) -> Vec<View> {
    let mut bars = bars.to_vec();
    bars.swap(0, first);
    let view = |bars: Arc<Bars>| View { rows: 0..bars.len(), from: 0, bars };
    bars.into_iter().map(view).collect()
}

/// The bars of one symbol without those that close after `known`, or with them spoiled.
fn without_future(bars: &Bars, known: i64, poison: Option<f64>) -> Arc<Bars> {
    let end = bars.time.partition_point(|&open| bars.clock.close(open) <= known);
    let change = |column: &[f64]| -> Cut<f64> {
        let spoiled = column[end..].iter().filter_map(|_| poison);
        column[..end].iter().copied().chain(spoiled).collect()
    };
    let keep = if poison.is_some() { bars.len() } else { end };
    Arc::new(Bars {
        time: bars.time[..keep].into(),
        open: change(&bars.open),
        high: change(&bars.high),
        low: change(&bars.low),
        close: change(&bars.close),
        volume: change(&bars.volume),
        extra: vec![Extra { values: change(&bars.extra[0].values), ..bars.extra[0].clone() }],
        ..bars.clone()
    })
}

const EXPRESSIONS: [&str; 20] = [
    "close@SHARE",
    "score@INDEX + close",
    "sma(close, 5)@SHARE",
    "sma(close@SHARE, 5)",
    "lag(close@INDEX, 3) > close@INDEX",
    "bars_since(score > 0)@COIN",
    "at('1d', close)",
    "at('4h', sma(close, 3))",
    "at('6h', score)",
    "at('1w', high - low)",
    "at('3d', bar_index)",
    "at('1d', ema(close, 3))@SHARE",
    "at('1d', close@SHARE)",
    "at('1d', at('1w', close) + close)",
    "crosses_above(close@SHARE, at('4h', ema(close, 3)))@COIN",
    "at('1d', vwap + obv)",
    "cross_rank(change(score, 2))",
    "cross_rank_pct(score)",
    "at('1d', cross_rank(close))",
    "if(at('1d', close > open), close@INDEX, at('8h', low)@COIN)",
];

/// What is known when a bar closes: the bar, and the bars of all symbols with their future taken away or
/// spoiled.
struct Past {
    row: usize,
    views: Vec<View>,
}

/// The pasts of `rows` of symbol number `first`, three of each.
fn pasts(market: &[Arc<Bars>], first: usize, rows: impl IntoIterator<Item = usize>) -> Vec<Past> {
    let bars = &market[first];
    let past = |row: usize, poison: Option<f64>| {
        let known = bars.clock.close(bars.time[row]);
        let cut: Vec<Arc<Bars>> =
            market.iter().map(|bars| without_future(bars, known, poison)).collect();
        // A symbol that begins later has no bars yet.
        let begun = cut.iter().all(|bars| !bars.is_empty());
        begun.then(|| Past { row, views: views(&cut, first) })
    };
    let poisons = [None, Some(f64::NAN), Some(1e9)];
    rows.into_iter().flat_map(|row| poisons.map(|poison| past(row, poison))).flatten().collect()
}

/// How many values were compared.
#[derive(Default)]
struct Compared {
    present: usize,
    missing: usize,
}

impl Compared {
    /// Hold `text` on the bars of symbol number `first` to what it was in each of its pasts, on every
    /// bar whose distance from the last is a multiple of `step`.
    fn hold(
        &mut self,
        text: &str,
        market: &[Arc<Bars>],
        first: usize,
        pasts: &[Past],
        step: usize,
    ) {
        let whole = evaluate_on(text, views(market, first), 2);
        for Past { row, views } in pasts {
            let before = evaluate_on(text, views.clone(), 2);
            for at in (0..=*row).rev().step_by(step) {
                let (value, wanted) = (bits(&before.at(at)), bits(&whole.at(at)));
                assert_eq!(value, wanted, "{text}: bar {at} of symbol {first} at {row}");
                self.present += usize::from(wanted.is_some());
                self.missing += usize::from(wanted.is_none());
            }
        }
    }

    #[expect(clippy::print_stdout, reason = "a test says what it compared")]
    fn tell(&self, what: &str) {
        let Self { present, missing } = *self;
        println!("{what}: {present} present and {missing} missing values compared");
        assert!(present >= 500 && missing >= 50, "{what}: {present} present, {missing} missing");
    }
}

#[test]
fn bars_that_have_not_closed_are_not_known() {
    let market = market(Label::Open);
    // Hours of the coin on which nothing else trades, and all hours of the share.
    let pasts = [0, 1].map(|first| {
        let len = market[first].len();
        pasts(&market, first, (0..len).step_by(1 + len / 16).chain(len - 3..len))
    });
    for text in EXPRESSIONS {
        let mut compared = Compared::default();
        for (first, pasts) in pasts.iter().enumerate() {
            compared.hold(text, &market, first, pasts, 7);
        }
        compared.tell(text);
    }
}

/// Hold every function to the promise, with both of its [`calls`] and under both labels: `place` says
/// where a call stands when a symbol, by its number, looks at it.
fn hold_every_function(place: impl Fn(&str, usize) -> String) {
    let markets = [Label::Open, Label::Close].map(market);
    // In the nights in which clocks are moved, in the afternoon of a half day, and late.
    let moments = [10 * DAY + 7 * HOUR, 18 * DAY + 20 * HOUR, 30 * DAY + 6 * HOUR, 44 * DAY];
    let scene = |(label, call, first): (usize, usize, usize)| {
        let (market, time) = (&markets[label], &markets[label][first].time);
        let row = |moment: i64| time.partition_point(|time| *time < moment) - 1;
        (call, market, first, pasts(market, first, moments.map(row)))
    };
    let scenes = [(0, 0, 0), (1, 1, 0), (1, 0, 1), (0, 1, 1)].map(scene);
    for function in Function::all() {
        let mut compared = Compared::default();
        for (call, market, first, pasts) in &scenes {
            compared.hold(&place(&calls(function)[*call], *first), market, *first, pasts, 1);
        }
        compared.tell(function.name);
    }
}

#[test]
fn no_function_knows_bars_of_another_symbol_that_have_not_closed() {
    hold_every_function(|call, first| format!("({call})@{}", ["SHARE", "COIN"][first]));
}

#[test]
fn no_function_knows_a_longer_bar_that_is_still_open() {
    hold_every_function(|call, _| format!("at('6h', {call})"));
}

/// The last of `rows` (close and value) that has closed by `now`.
fn last_known(rows: &[(i64, f64)], now: i64) -> Option<u64> {
    let known = rows.iter().rev().find(|(close, _)| *close <= now);
    known.map(|(_, value)| *value).filter(|value| !value.is_nan()).map(f64::to_bits)
}

/// The days of `bars` by the clock: when each closes, and its last close.
fn days(bars: &Bars, length: i64) -> Vec<(i64, f64)> {
    let mut days: Vec<(i64, i64, f64)> = Vec::new();
    for (&open, &close) in bars.time.iter().zip(bars.close.iter()) {
        // Monday of the first week was day -3.
        let day = (zone().local(open).div_euclid(DAY) + 3).div_euclid(length);
        match days.last_mut() {
            Some(last) if last.0 == day => last.2 = close,
            _ => days.push((day, zone().instant(((day + 1) * length - 3) * DAY), close)),
        }
    }
    days.into_iter().map(|(_, end, close)| (end, close)).collect()
}

#[test]
fn values_of_elsewhere_are_those_that_the_clock_allows() {
    let market = market(Label::Close);
    let closes = |bars: &Bars| -> Vec<(i64, f64)> {
        bars.time.iter().map(|&at| bars.clock.close(at)).zip(bars.close.iter().copied()).collect()
    };
    for first in [0, 1] {
        let own = &market[first];
        let mut compared = 0;
        for (text, known) in [
            ("close@SHARE", closes(&market[1])),
            ("close@INDEX", closes(&market[2])),
            ("at('1d', close)", days(own, 1)),
            ("at('1w', close)", days(own, 7)),
            ("at('1d', close)@SHARE", days(&market[1], 1)),
            ("at('1d', close@INDEX)@COIN", {
                let index = closes(&market[2]);
                let days = days(&market[0], 1);
                days.iter()
                    .map(|&(end, _)| {
                        (end, last_known(&index, end).map_or(f64::NAN, f64::from_bits))
                    })
                    .collect()
            }),
        ] {
            let column = evaluate_on(text, views(&market, first), 2);
            for (row, &open) in own.time.iter().enumerate() {
                let wanted = last_known(&known, own.clock.close(open));
                assert_eq!(bits(&column.at(row)), wanted, "{text}, {} row {row}", own.symbol);
                compared += 1;
            }
        }
        assert!(compared > 1_000, "{compared}");
    }
}

#[test]
fn ranks_are_over_the_symbols_that_have_a_bar_at_that_time() {
    let column = |times: &[i64], closes: &[f64]| {
        let bars = wander("S", 5, DAY, times.iter().map(|day| zone().instant(day * DAY)).collect());
        Arc::new(Bars { close: closes.into(), ..(*bars).clone() })
    };
    let bars = [
        column(&[0, 1, 2, 3], &[5.0, 5.0, 5.0, f64::NAN]),
        column(&[0, 2, 3], &[7.0, 5.0, 1.0]),
        column(&[1, 2, 3, 4], &[3.0, 9.0, 2.0, 1.0]),
    ];
    let named =
        |index: usize| Arc::new(Bars { symbol: format!("S{index}"), ..(*bars[index]).clone() });
    let bars: Vec<Arc<Bars>> = (0..3).map(named).collect();
    let ranks = |text: &str, session: usize| -> Vec<Option<f64>> {
        let column = evaluate_on(text, views(&bars, 0), session);
        let value = |row| match column.at(row) {
            Scalar::Number(value) => Some(value),
            _ => None,
        };
        (0..4).map(value).collect()
    };
    // Day 0: 5 and 7. Day 1: 5 and 3. Day 2: 5, 5 and 9. Day 3: its own value is missing.
    assert_eq!(ranks("cross_rank(close)", 3), [Some(2.0), Some(1.0), Some(2.5), None]);
    let percent = [Some(0.5), Some(1.0), Some(0.5), None];
    assert_eq!(ranks("cross_rank_pct(close)", 3), percent);
    assert_eq!(ranks("cross_rank(close)", 1), [Some(1.0), Some(1.0), Some(1.0), None]);
    assert_eq!(
        ranks("cross_rank(close)@S2", 2),
        [None; 4],
        "a symbol outside the session has none"
    );
}

#[test]
fn what_cannot_be_made_is_told_and_what_is_too_long_is_a_warning() {
    let market = market(Label::Close);
    let seen = |(index, bars): (usize, &Arc<Bars>)| Seen {
        symbol: bars.symbol.clone(),
        traded: index == 0,
        timeframe: bars.clock.timeframe,
        rows: bars.len(),
        span: bars.time[bars.len() - 1] - bars.time[0],
    };
    let world = World { symbols: market.iter().enumerate().map(seen).collect() };
    let titles = |mistakes: Mistakes| mistakes.into_iter().map(|mistake| mistake.title).collect();
    let told = |text: &str| -> Vec<String> {
        let place = Place::whole(&Source::new("test", text));
        let mut program = Program::default();
        let root = match program.compile(text, &place, &Names) {
            Ok(root) => root,
            Err(mistakes) => return titles(mistakes),
        };
        let mut graph = Graph::default();
        let bound = match graph.bind(&program, &[], &world) {
            Ok(bound) => bound,
            Err(mistakes) => return titles(mistakes),
        };
        let Bound::Expression(number) = bound[root] else { return vec![] };
        let troubles = graph.troubles(&graph.needs([number]), &world);
        troubles.into_iter().map(|trouble| trouble.what).collect()
    };
    for (text, wanted) in [
        (
            "at('90m', close)",
            "bars of 90m cannot be made here: it is no multiple of 1h, the length of the bars of `COIN`",
        ),
        ("at('30m', close)", "bars of 30m cannot be made here: the bars of `COIN` are 1h long"),
        (
            "at('36h', close)",
            "bars of 36h cannot be made here: a timeframe of more than a day is a number of whole days",
        ),
        (
            "at('1w', at('1d', close))",
            "bars of 1d cannot be made here: it stands on bars of 1w, which are longer",
        ),
        (
            "at('4h', close)@INDEX",
            "bars of 4h cannot be made here: the bars of `INDEX` are 1d long",
        ),
        ("at('soon', close)", "`soon` is not a timeframe"),
        ("at(5, close)", "the timeframe of `at` is a text such as \"4h\", \"1d\" or \"1w\""),
        ("at('1d')", "`at` takes 2 arguments, but 1 is given"),
        ("close@INDX", "this names the symbol `INDX`, which the data does not have"),
        ("at('1d', sma(close, 60))", "`sma` has no value on the first 59 bars, and there are 46"),
        ("sma(close, 60)@INDEX", "`sma` has no value on the first 59 bars, and there are 36"),
        (
            "sma(rsi(close, 18), 19)@INDEX",
            "`sma` has no value on the first 36 bars, and there are 36",
        ),
    ] {
        assert_eq!(told(text), [wanted], "{text}");
    }
    for fine in [
        "sma(rsi(close, 18), 18)@INDEX",
        "at('1d', close@INDEX)",
        "at('4h', close@INDEX)",
        "at('1d', close)@INDEX",
        "at('14d', 5)",
    ] {
        assert_eq!(told(fine), [""; 0], "{fine}");
    }
    assert_eq!(duration::text(14 * DAY), "2w");
}
