//! What the parts of a session cost: the time of 200,000 bars, and bars a second.
//!
//! ```text
//! cargo bench --bench parts          # all of them
//! cargo bench --bench parts -- walk  # these
//! ```
//!
//! The rules are two moving averages that cross.

use divan::Bencher;
use divan::counter::ItemsCount;
use papertape::bars::{Cut, DAY, Extremes, Mask, Zone};
use papertape::engine::settings::Distance;
use papertape::engine::{Aligned, Costs, Day, Frame, Outcome, Settings, Walk};
use papertape::metrics::account::Meter;
use papertape::metrics::drawdown::Drawdowns;
use papertape::metrics::returns::ReturnStats;
use papertape::strategy::Signals;
use std::sync::{Arc, LazyLock};

const BARS: usize = 200_000;
const A_DAY: usize = 1_440;
const MINUTE: i64 = DAY / A_DAY as i64;

/// Prices that wander, the same every time, as one symbol on minutes.
fn frame() -> Frame {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut close = 100.0;
    let rows: Vec<[f64; 5]> = (0..BARS)
        .map(|_| {
            let open = close;
            close = open * (1.0 + 0.001 * (random() - 0.5));
            let (high, low) = (open.max(close) * 1.0002, open.min(close) * 0.9998);
            [open, high, low, close, 1_000.0]
        })
        .collect();
    let column = |at: usize| -> Cut<f64> { rows.iter().map(|row| row[at]).collect() };
    let time: Cut<i64> = (0..BARS as i64).map(|bar| bar * MINUTE).collect();
    let day = |number: usize| Day {
        number: number as i32,
        end: BARS.min((number + 1) * A_DAY),
        session: None,
        over: ((number + 1) * A_DAY) as i64 * MINUTE,
    };
    Frame {
        time,
        timeframe: MINUTE,
        zone: Zone::utc(),
        days: (0..BARS.div_ceil(A_DAY)).map(day).collect(),
        bars_a_year: 365.0 * A_DAY as f64,
        symbols: vec![Aligned {
            name: "X".into(),
            open: column(0),
            high: column(1),
            low: column(2),
            close: column(3),
            close_extremes: Extremes::of(&column(3)),
            volume: column(4),
            present: None,
            actions: Arc::new([]),
            detail: None,
        }],
    }
}

/// Where the average of `fast` bars comes to lie above that of `slow`, and below it.
fn crossings(close: &[f64], fast: usize, slow: usize) -> Signals {
    let average = |length: usize, row: usize| {
        let from = (row + 1).saturating_sub(length);
        close[from..=row].iter().sum::<f64>() / (row + 1 - from) as f64
    };
    let above: Vec<bool> =
        (0..close.len()).map(|row| average(fast, row) > average(slow, row)).collect();
    let turns = |to: bool| {
        Mask::from_fn(above.len(), |row| row > slow && above[row] == to && above[row - 1] != to)
    };
    Signals {
        enter_long: turns(true),
        exit_long: turns(false),
        enter_short: Mask::zeros(close.len()),
        exit_short: Mask::zeros(close.len()),
        ..Signals::default()
    }
}

/// What every part is measured with.
struct Workload {
    frame: Frame,
    signals: [Signals; 1],
    plain: Settings,
    outcome: Outcome,
    equity: Vec<f64>,
}

static WORKLOAD: LazyLock<Workload> = LazyLock::new(|| {
    let frame = frame();
    let signals = [crossings(&frame.symbols[0].close, 20, 60)];
    let plain = Settings { costs: Costs::fractions(0.001, 0.0001), ..Settings::default() };
    let outcome = Walk::default().run(&frame, &signals, &plain, false).clone();
    let equity = outcome.equity(&[&frame.symbols[0].close], BARS);
    Workload { frame, signals, plain, outcome, equity }
});

fn main() {
    divan::main();
}

#[divan::bench]
fn walk(bencher: Bencher<'_, '_>) {
    walk_with(bencher, &WORKLOAD.plain);
}

#[divan::bench]
fn walk_with_stops(bencher: Bencher<'_, '_>) {
    let mut settings = WORKLOAD.plain.clone();
    settings.risk.stop_loss = Some(Distance::Fraction(0.005));
    settings.risk.take_profit = Some(Distance::Fraction(0.01));
    settings.risk.trailing_stop = Some(Distance::Fraction(0.004));
    walk_with(bencher, &settings);
}

/// A walk has run before it is measured: its buffers are there.
fn walk_with(bencher: Bencher<'_, '_>, settings: &Settings) {
    let Workload { frame, signals, .. } = &*WORKLOAD;
    let mut walk = Walk::default();
    walk.run(frame, signals, settings, false);
    bencher.counter(ItemsCount::new(BARS)).bench_local(|| {
        divan::black_box(walk.run(frame, signals, settings, false));
    });
}

#[divan::bench]
fn meter(bencher: Bencher<'_, '_>) {
    let Workload { frame, plain, outcome, .. } = &*WORKLOAD;
    let mut meter = Meter::default();
    bencher
        .counter(ItemsCount::new(BARS))
        .bench_local(|| meter.measure(outcome, frame, plain, 365.0, None));
}

#[divan::bench]
fn drawdowns(bencher: Bencher<'_, '_>) {
    let Workload { plain, equity, .. } = &*WORKLOAD;
    bencher.counter(ItemsCount::new(BARS)).bench_local(|| {
        let mut drawdowns = Drawdowns::new(plain.capital);
        drawdowns.mark(equity);
        drawdowns.finish()
    });
}

#[divan::bench]
fn returns_of_every_bar(bencher: Bencher<'_, '_>) {
    let equity = &WORKLOAD.equity;
    let returns: Vec<f64> = equity.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
    let mut scratch = Vec::new();
    bencher
        .counter(ItemsCount::new(BARS))
        .bench_local(|| ReturnStats::of(&returns, 365.0, &mut scratch));
}
