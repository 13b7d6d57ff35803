//! What the parts of a session cost: nanoseconds a bar, over 200,000 bars.
//!
//! ```text
//! cargo bench --bench parts          # all of them
//! cargo bench --bench parts -- walk  # these
//! ```
//!
//! The rules are two moving averages that cross; the least of some rounds is told, for whatever else
//! the machine did only adds to it.

use papertape::bars::{Cut, DAY, Mask, Zone};
use papertape::engine::settings::Distance;
use papertape::engine::{Aligned, Costs, Day, Frame, Outcome, Settings, Walk};
use papertape::metrics::account::Meter;
use papertape::metrics::drawdown::Drawdowns;
use papertape::metrics::returns::ReturnStats;
use papertape::strategy::Signals;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const BARS: usize = 200_000;
const A_DAY: usize = 1_440;
const ROUNDS: usize = 15;
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
    let column = |at: usize| -> Cut<f64> {
        let column: Arc<[f64]> = rows.iter().map(|row| row[at]).collect();
        column.into()
    };
    let time: Arc<[i64]> = (0..BARS as i64).map(|bar| bar * MINUTE).collect();
    let day = |number: usize| Day {
        number: number as i32,
        end: BARS.min((number + 1) * A_DAY),
        session: None,
    };
    Frame {
        time: time.into(),
        timeframe: MINUTE,
        zone: Zone::utc(),
        days: (0..BARS.div_ceil(A_DAY)).map(day).collect(),
        bars_a_year: 365.0 * A_DAY as f64,
        arrives: false,
        symbols: vec![Aligned {
            name: "X".into(),
            open: column(0),
            high: column(1),
            low: column(2),
            close: column(3),
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

/// The least time that `part` took, in nanoseconds a bar.
fn least(mut part: impl FnMut()) -> f64 {
    let round = |_| {
        let began = Instant::now();
        part();
        began.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min) * 1e9 / BARS as f64
}

#[expect(clippy::print_stdout, reason = "the table is what this is for")]
fn main() {
    // Cargo adds a flag of its own.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |name: &str| {
        wanted.is_empty() || wanted.iter().any(|wanted| name.starts_with(wanted.as_str()))
    };
    let frame = frame();
    let signals = [crossings(&frame.symbols[0].close, 20, 60)];
    let plain = Settings { costs: Costs::fractions(0.001, 0.0001), ..Settings::default() };
    let mut stops = plain.clone();
    stops.risk.stop_loss = Some(Distance::Fraction(0.005));
    stops.risk.take_profit = Some(Distance::Fraction(0.01));
    stops.risk.trailing_stop = Some(Distance::Fraction(0.004));
    let (mut walk, mut meter) = (Walk::default(), Meter::default());
    let outcome: Outcome = walk.run(&frame, &signals, &plain, false).clone();
    let equity = outcome.equity(&[&frame.symbols[0].close], BARS);
    let returns: Vec<f64> = equity.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
    let mut scratch = Vec::new();
    let tell = |name: &str, part: &mut dyn FnMut()| {
        if is_wanted(name) {
            println!("{name:24} {:8.3}", least(part));
        }
    };
    println!("{:24} {:>8}", "part", "ns/bar");
    tell("walk", &mut || {
        black_box(walk.run(&frame, &signals, &plain, false));
    });
    tell("walk with stops", &mut || {
        black_box(walk.run(&frame, &signals, &stops, false));
    });
    tell("meter", &mut || {
        black_box(meter.measure(&outcome, &frame, &plain, 365.0, None));
    });
    tell("drawdowns", &mut || {
        let mut drawdowns = Drawdowns::new(plain.capital);
        drawdowns.mark(&equity);
        black_box(drawdowns.finish());
    });
    tell("returns, one a bar", &mut || {
        black_box(ReturnStats::of(&returns, 365.0, &mut scratch));
    });
    println!("{} fills", outcome.fills.len());
}
