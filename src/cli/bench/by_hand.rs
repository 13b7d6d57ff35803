//! The yardstick: a crossover of two moving averages as somebody would write it for this one purpose.
//!
//! One pass over the bars, long only, filled at the next open with commission and slippage, marked at
//! every close, with the drawdown, the time under water, the ulcer index, the exposure and the equity
//! of each day. It reads averages that were computed before, or computes its two first, as whoever walks
//! once would have to. Beside it stands what it takes to know the trades and nothing else. Nothing in either
//! is general: that is what a general engine is held against.

use crate::batch::estimate::processor_time;
use crate::market::Slice;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long is measured at least.
const AT_LEAST: Duration = Duration::from_millis(300);
/// Up to how many bars all pairs of averages are walked over.
const A_FEW: usize = 200_000;

/// How many million bars of the first symbol the loop walks over in a second, on this thread, its averages
/// computed before: by the clock, and by the processor's own time where the system tells it. With `MARKS` it
/// is the whole loop, else one that knows the trades alone.
pub(super) fn million_bars_a_second<const MARKS: bool>(slice: &Slice) -> [f64; 2] {
    let bars = &slice.frame.symbols[0];
    let (open, close): (&[f64], &[f64]) = (&bars.open, &bars.close);
    let day_ends: Vec<usize> = slice.frame.days.iter().map(|day| day.end).collect();
    // Of many bars one pair of averages is enough, and all the memory that it may take.
    let some = |most: usize| (most * A_FEW / close.len().max(A_FEW)).max(1);
    let fast: Vec<Vec<f64>> = (1..=some(5)).map(|n| average(close, 5 * n)).collect();
    let slow: Vec<Vec<f64>> = (1..=some(10)).map(|n| average(close, 50 * n)).collect();
    let pairs = fast.iter().flat_map(|fast| slow.iter().map(move |slow| (fast, slow)));
    let mut pairs = pairs.cycle();
    let mut days = Vec::with_capacity(day_ends.len());
    timed(close.len(), || {
        let (fast, slow) = pairs.next().expect("there is a pair");
        black_box(walk::<MARKS>([open, close, fast, slow], &day_ends, &mut days));
    })
}

/// The same by the clock, the two averages of each walk computed in the time.
pub(super) fn million_bars_a_second_with_averages(slice: &Slice) -> f64 {
    let bars = &slice.frame.symbols[0];
    let (open, close): (&[f64], &[f64]) = (&bars.open, &bars.close);
    let day_ends: Vec<usize> = slice.frame.days.iter().map(|day| day.end).collect();
    let mut days = Vec::with_capacity(day_ends.len());
    let [by_clock, _] = timed(close.len(), || {
        let (fast, slow) = (average(close, 20), average(close, 200));
        black_box(walk::<true>([open, close, &fast, &slow], &day_ends, &mut days));
    });
    by_clock
}

/// How many million bars a second come of walks over so many, by the clock and by the processor's time.
fn timed(bars: usize, mut walk: impl FnMut()) -> [f64; 2] {
    let (mut walked, began, spent) = (0, Instant::now(), processor_time());
    while began.elapsed() < AT_LEAST {
        walk();
        walked += bars;
    }
    let elapsed = began.elapsed();
    let spent = processor_time().zip(spent).map_or(elapsed, |(after, before)| after - before);
    [elapsed, spent].map(|time| walked as f64 / 1e6 / time.as_secs_f64())
}

fn average(values: &[f64], n: usize) -> Vec<f64> {
    let mut sum = 0.0;
    let step = |(row, value): (usize, &f64)| {
        sum += value - if row < n { 0.0 } else { values[row - n] };
        if row + 1 < n { f64::NAN } else { sum / n as f64 }
    };
    values.iter().enumerate().map(step).collect()
}

/// What the loop finds out.
#[derive(Debug, Default)]
struct Found {
    equity: f64,
    drawdown: f64,
    squares: f64,
    under_water: usize,
    exposed: usize,
    trades: usize,
}

fn walk<const MARKS: bool>(
    [open, close, fast, slow]: [&[f64]; 4],
    day_ends: &[usize],
    days: &mut Vec<f64>,
) -> Found {
    const RATE: f64 = 0.001;
    const SLIPPAGE: f64 = 0.0001;
    let mut found = Found { equity: 10_000.0, ..Found::default() };
    let (mut cash, mut units, mut peak) = (found.equity, 0.0, found.equity);
    let (mut buys, mut sells) = (false, false);
    let (mut was_above, mut was_below) = (false, false);
    let mut next_day = day_ends.iter();
    let mut day_end = next_day.next();
    days.clear();
    for t in 0..close.len() {
        if buys {
            let price = open[t] * (1.0 + SLIPPAGE);
            units = cash / (price * (1.0 + RATE));
            cash -= units * price * (1.0 + RATE);
        } else if sells {
            cash += units * open[t] * (1.0 - SLIPPAGE) * (1.0 - RATE);
            units = 0.0;
            found.trades += 1;
        }
        let (above, below) = (fast[t] > slow[t], fast[t] < slow[t]);
        buys = units == 0.0 && above && was_below;
        sells = units != 0.0 && below && was_above;
        (was_above, was_below) = (above, below);
        if !MARKS {
            continue;
        }
        found.equity = cash + units * close[t];
        found.exposed += usize::from(units != 0.0);
        if found.equity >= peak {
            peak = found.equity;
        } else {
            let drawdown = (peak - found.equity) / peak;
            found.drawdown = found.drawdown.max(drawdown);
            found.squares += drawdown * drawdown;
            found.under_water += 1;
        }
        if day_end == Some(&(t + 1)) {
            days.push(found.equity);
            day_end = next_day.next();
        }
    }
    if !MARKS {
        found.equity = cash + units * close.last().copied().unwrap_or_default();
    }
    found
}
