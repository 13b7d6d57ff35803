//! What one session sees of a data set: its symbols and range on one time axis for the engine, and
//! the rows up to its end for the rules.

use super::case::Window;
use super::{Calendar, DataError, DataSet, Verdict};
use crate::bars::{Action, Bars, Cut, DAY, Extremes, Mask, Zone, duration, extremes};
use crate::engine::{Aligned, Day, Detail, Frame};
use crate::expr::{Seen, View, World};
use crate::manifest::{Benchmark, DataSettings, Range};
use crate::strategy::{Signals, spread};
use chrono::{Datelike, NaiveDate};
use std::ops::Range as Rows;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// A session's part of a data set, shared by every session with the same part.
#[derive(Debug)]
pub struct Slice {
    /// The bars of the range, all symbols on one time axis.
    pub frame: Frame,
    /// The symbols, in the session's order.
    pub symbols: Vec<String>,
    /// Periods (trading days, or bars that are longer) in a year.
    pub periods: f64,
    /// The benchmark's return of each trading day.
    pub benchmark: Vec<f64>,
    /// The benchmark's worth at the end of each trading day, 1 at the start.
    pub benchmark_curve: Vec<f64>,
    /// A digest of every row that the rules can see, of all symbols.
    pub digest: [u8; 32],
    /// How long the digest took, with those of further symbols.
    pub hashed: Duration,
    /// Local opening time of the last bar of each trading day, microseconds.
    pub day_times: Vec<i64>,
    /// What was found in the rows of each symbol that rules can see, in the same order, and in those of
    /// further symbols that rules look at.
    pub verdicts: Vec<Verdict>,
    parts: Vec<Part>,
    /// Further symbols that rules look at, each with a digest of the rows that they see.
    others: Vec<(Part, [u8; 32])>,
    prices: OnceLock<Option<(f64, f64)>>,
    largest_volume: OnceLock<Option<f64>>,
}

#[derive(Debug)]
struct Part {
    bars: Arc<Bars>,
    /// The rows that rules can see.
    visible: Rows<usize>,
    /// The rows of the range.
    rows: Rows<usize>,
}

impl Part {
    /// What was found in the rows that rules can see.
    fn verdict(&self, data: &DataSet, range: &Range) -> Option<Verdict> {
        let first = self.bars.time.get(self.visible.start).filter(|_| self.visible.start > 0);
        let zone = &self.bars.clock.zone;
        let midnight = |to: NaiveDate| zone.instant((i64::from(day_number(to)) + 1) * DAY);
        let from = first.copied().unwrap_or(i64::MIN);
        let window = Window { from, until: range.to.map_or(i64::MAX, midnight) };
        data.verdict(&self.bars.symbol).map(|verdict| verdict.within(window))
    }

    fn view(&self) -> View {
        View { bars: self.bars.clone(), rows: self.visible.clone(), from: self.rows.start }
    }
}

/// Why a session has nothing to run on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SliceError {
    /// The data has no such symbol.
    #[error("the data has no symbol `{symbol}`; {remedy}")]
    Symbol {
        /// The symbol that is asked for.
        symbol: String,
        /// What there is.
        remedy: String,
    },
    /// A symbol's data did not pass the checks.
    #[error(transparent)]
    Refused(DataError),
    /// A symbol has no bar in the range.
    #[error("`{symbol}` has no bars in the range; its data goes from {from} to {to}")]
    NoBars {
        /// The symbol.
        symbol: String,
        /// The day of its first bar.
        from: NaiveDate,
        /// The day of its last bar.
        to: NaiveDate,
    },
    /// There is no symbol at all.
    #[error("the data has no symbols: none of its files has a row")]
    Empty,
    /// The bars of `execution.detail` are not finer.
    #[error("`execution.detail` has bars of {own} for `{symbol}`, and its own are of {coarse}")]
    Coarse {
        /// The symbol.
        symbol: String,
        /// The length of the bars of the detail.
        own: String,
        /// The length of the session's bars.
        coarse: String,
    },
}

impl Slice {
    /// Cut `symbols` (all, if `None`) and `range` out of `data`.
    pub fn cut(
        data: &DataSet,
        settings: &DataSettings,
        symbols: Option<&[String]>,
        range: &Range,
        benchmark: &Benchmark,
    ) -> Result<Self, SliceError> {
        let slice = Self::arriving(data, settings, symbols, range, benchmark)?;
        let Some(part) = slice.parts.iter().find(|part| part.rows.is_empty()) else {
            return Ok(slice);
        };
        let days: Vec<i32> = part.bars.days(0..part.bars.len()).collect();
        let span = |at: Option<&i32>| date(at.copied().unwrap_or_default());
        let (from, to) = (span(days.first()), span(days.last()));
        Err(SliceError::NoBars { symbol: part.bars.symbol.clone(), from, to })
    }

    /// The same where bars still arrive: that a symbol has none in the range yet is no error.
    pub fn arriving(
        data: &DataSet,
        settings: &DataSettings,
        symbols: Option<&[String]>,
        range: &Range,
        benchmark: &Benchmark,
    ) -> Result<Self, SliceError> {
        let all: Vec<String> = data.symbols().into_iter().map(str::to_owned).collect();
        let symbols = symbols.map_or(all, <[String]>::to_vec);
        if symbols.is_empty() {
            return Err(SliceError::Empty);
        }
        let mut parts = Vec::with_capacity(symbols.len());
        let mut verdicts = Vec::with_capacity(symbols.len());
        for symbol in &symbols {
            let part = part(find(data, symbol)?, settings, range);
            if let Some(verdict) = part.verdict(data, range) {
                if let Some(error) = verdict.error() {
                    return Err(SliceError::Refused(error));
                }
                verdicts.push(verdict);
            }
            parts.push(part);
        }
        let calendar = &data.calendar;
        let (mut frame, (digest, hashed)) = beside(
            parts.iter().map(|part| part.visible.len()).sum(),
            || match parts.as_slice() {
                [one] => single(one, calendar),
                _ => union(&parts, calendar),
            },
            || {
                let began = Instant::now();
                (digest(&parts), began.elapsed())
            },
        );
        let held = match benchmark {
            Benchmark::BuyAndHold => None,
            Benchmark::Symbol(symbol) => match symbols.iter().position(|known| known == symbol) {
                Some(index) => Some(index),
                None => {
                    let remedy =
                        format!("a benchmark is a symbol of the session: {}", symbols.join(", "));
                    return Err(SliceError::Symbol { symbol: symbol.clone(), remedy });
                }
            },
        };
        let benchmark_curve = buy_and_hold(&frame, held);
        let mut before = 1.0;
        let benchmark = benchmark_curve.iter().map(|&worth| {
            let gain = worth / before - 1.0;
            before = worth;
            gain
        });
        let benchmark = benchmark.collect();
        let periods = match frame.timeframe {
            timeframe if timeframe > DAY => 365.0 * DAY as f64 / timeframe as f64,
            _ => data.calendar.days_a_year(),
        };
        frame.bars_a_year = periods * bars_a_day(&data.calendar, frame.timeframe);
        let day_times = day_times(&frame);
        Ok(Self {
            hashed,
            frame,
            symbols,
            periods,
            benchmark,
            benchmark_curve,
            digest,
            day_times,
            verdicts,
            parts,
            others: Vec::new(),
            prices: OnceLock::new(),
            largest_volume: OnceLock::new(),
        })
    }

    /// The lowest and the highest price of the range, over all its symbols; `None` without any. They are
    /// looked up when they are first asked for: most sessions have no use for them.
    pub fn prices(&self) -> Option<(f64, f64)> {
        *self.prices.get_or_init(|| {
            let symbols = self.frame.symbols.iter();
            let prices = symbols.map(|bars| (extremes(&bars.low).0, extremes(&bars.high).1));
            let prices = prices.reduce(|(a, b), (low, high)| (a.min(low), b.max(high)));
            prices.filter(|(lowest, highest)| lowest <= highest)
        })
    }

    /// The largest volume of a bar of the range, over all its symbols; `None` if no bar tells it. It is
    /// looked up like the prices.
    pub fn largest_volume(&self) -> Option<f64> {
        *self.largest_volume.get_or_init(|| {
            let volumes = self.frame.symbols.iter().map(|bars| extremes(&bars.volume).1);
            volumes.reduce(f64::max).filter(|&volume| volume >= 0.0)
        })
    }

    /// Let rules look at `symbol` of `data` too, over the same range; or why they cannot.
    pub fn reach(
        &mut self,
        data: &DataSet,
        symbol: &str,
        settings: &DataSettings,
        range: &Range,
    ) -> Result<(), SliceError> {
        let parts = self.parts.iter().chain(self.others.iter().map(|(part, _)| part));
        if !parts.into_iter().any(|part| part.bars.symbol == symbol) {
            let part = part(find(data, symbol)?, settings, range);
            let began = Instant::now();
            let digest = digest(std::slice::from_ref(&part));
            self.hashed += began.elapsed();
            self.verdicts.extend(part.verdict(data, range));
            self.others.push((part, digest));
        }
        let verdict = self.verdicts.iter().find(|verdict| verdict.symbol == symbol);
        match verdict.and_then(Verdict::error) {
            Some(error) => Err(SliceError::Refused(error)),
            None => Ok(()),
        }
    }

    /// Let the engine ask the finer bars of `fine` where the inside of a bar decides.
    pub fn with_detail(&mut self, fine: &DataSet) -> Result<(), SliceError> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.digest);
        for (index, part) in self.parts.iter().enumerate() {
            let symbol = &part.bars.symbol;
            // A file of one symbol is that of a session with one, whatever its name.
            let bars = match (fine.bars.as_slice(), self.parts.len()) {
                ([only], 1) => only,
                _ => find(fine, symbol)?,
            };
            if let Some(error) = fine.verdict(&bars.symbol).and_then(Verdict::error) {
                return Err(SliceError::Refused(error));
            }
            let (own, coarse) = (bars.clock.timeframe, part.bars.clock.timeframe);
            if own >= coarse {
                let (symbol, own, coarse) =
                    (symbol.clone(), duration::text(own), duration::text(coarse));
                return Err(SliceError::Coarse { symbol, own, coarse });
            }
            let (detail, rows) = detail(&self.frame, bars, coarse);
            let seen = Part { bars: bars.clone(), visible: rows.clone(), rows };
            hasher.update(&digest(std::slice::from_ref(&seen)));
            self.frame.symbols[index].detail = Some(Arc::new(detail));
        }
        self.digest = *hasher.finalize().as_bytes();
        Ok(())
    }

    /// What planning must know of the symbols of `data`, which this is a part of.
    pub fn world(&self, data: &DataSet) -> World {
        let seen = |bars: &Arc<Bars>| {
            let part = self.parts.iter().find(|part| part.bars.symbol == bars.symbol);
            let rows = part.map_or(0..bars.len(), |part| part.visible.clone());
            let time = &bars.time[rows];
            Seen {
                symbol: bars.symbol.clone(),
                traded: part.is_some(),
                timeframe: bars.clock.timeframe,
                rows: time.len(),
                span: time.last().zip(time.first()).map_or(0, |(last, first)| last - first),
            }
        };
        World { symbols: data.bars.iter().map(seen).collect() }
    }

    /// The same where bars still arrive: no window is too long for them.
    pub fn growing_world(&self, data: &DataSet) -> World {
        let mut world = self.world(data);
        for seen in &mut world.symbols {
            (seen.rows, seen.span) = (usize::MAX, i64::MAX);
        }
        world
    }

    /// A digest of every row that rules can see which look at the symbols `named` as well.
    pub fn digest_with(&self, named: &[Arc<str>]) -> [u8; 32] {
        let is_named = |part: &Part| named.iter().any(|symbol| **symbol == *part.bars.symbol);
        let mut others: Vec<&(Part, [u8; 32])> =
            self.others.iter().filter(|(part, _)| is_named(part)).collect();
        if others.is_empty() {
            return self.digest;
        }
        others.sort_by(|a, b| a.0.bars.symbol.cmp(&b.0.bars.symbol));
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.digest);
        for (_, digest) in others {
            hasher.update(digest);
        }
        *hasher.finalize().as_bytes()
    }

    /// What the rules of symbol number `index` see.
    pub fn view(&self, index: usize) -> View {
        self.parts[index].view()
    }

    /// What rules see of each symbol, first of the session's symbols and then of the others.
    pub fn views(&self) -> impl Iterator<Item = View> {
        let parts = self.parts.iter().chain(self.others.iter().map(|(part, _)| part));
        parts.map(Part::view)
    }

    /// The rules of symbol number `index`, as they were read over its view, on the time axis of the
    /// range: a symbol has no rule on a bar that it does not have.
    pub fn place(&self, index: usize, signals: Signals) -> Signals {
        let part = &self.parts[index];
        let skip = part.rows.start - part.visible.start;
        let cut = if skip == 0 { signals } else { signals.slice(skip, part.visible.len()) };
        match &self.frame.symbols[index].present {
            None => cut,
            Some(present) => cut.spread(present),
        }
    }

    /// A column of symbol number `index` over its view, on the time axis of the range; `NaN` on a bar
    /// that the symbol does not have.
    pub fn place_column(&self, index: usize, column: &Cut<f64>) -> Cut<f64> {
        let part = &self.parts[index];
        let cut = column.slice(part.rows.start - part.visible.start..part.visible.len());
        match &self.frame.symbols[index].present {
            None => cut,
            Some(present) => spread(&cut, present),
        }
    }

    /// The trading days that lie in `range`, by their places in the frame.
    pub fn days_in(&self, range: &Range) -> Rows<usize> {
        let days = &self.frame.days;
        let place =
            |is_before: &dyn Fn(i32) -> bool| days.partition_point(|day| is_before(day.number));
        let from = range.from.map_or(0, |from| place(&|day| day < day_number(from)));
        let to = range.to.map_or(days.len(), |to| place(&|day| day <= day_number(to)));
        from.min(to)..to
    }

    /// The trading day at a place of the frame.
    pub fn day(&self, place: usize) -> NaiveDate {
        date(self.frame.days[place].number)
    }

    /// The first and last trading day.
    pub fn days(&self) -> Option<(NaiveDate, NaiveDate)> {
        let day = |day: &Day| date(day.number);
        Some((day(self.frame.days.first()?), day(self.frame.days.last()?)))
    }
}

fn date(number: i32) -> NaiveDate {
    NaiveDate::from_epoch_days(number).unwrap_or_default()
}

fn day_number(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - 719_163
}

fn find<'a>(data: &'a DataSet, symbol: &str) -> Result<&'a Arc<Bars>, SliceError> {
    data.symbol(symbol).ok_or_else(|| {
        let known = data.symbols();
        let remedy = match crate::diag::closest(symbol, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has {}", known.join(", ")),
        };
        SliceError::Symbol { symbol: symbol.to_owned(), remedy }
    })
}

fn part(bars: &Arc<Bars>, settings: &DataSettings, range: &Range) -> Part {
    let day = |time: &i64| bars.clock.zone.local(*time).div_euclid(DAY) as i32;
    let before = |is_before: &dyn Fn(i32) -> bool| bars.time.partition_point(|t| is_before(day(t)));
    let start = range.from.map_or(0, |from| before(&|day| day < day_number(from)));
    let end = range.to.map_or(bars.len(), |to| before(&|day| day <= day_number(to)));
    let start = start.min(end);
    let visible = settings.warmup.map_or(0, |rows| start.saturating_sub(rows))..end;
    Part { bars: bars.clone(), visible, rows: start..end }
}

/// How many bars a trading day has, as far as the calendar tells.
fn bars_a_day(calendar: &Calendar, timeframe: i64) -> f64 {
    let open = calendar.hours_a_day() / 24.0;
    if timeframe >= DAY { 1.0 } else { open * DAY as f64 / timeframe as f64 }
}

/// What both functions come to, the second on a thread of its own if they are about so many `rows` that
/// this is worth it.
fn beside<A, B: Send>(rows: usize, a: impl FnOnce() -> A, b: impl FnOnce() -> B + Send) -> (A, B) {
    const MANY: usize = 1 << 19;
    if rows < MANY {
        return (a(), b());
    }
    std::thread::scope(|scope| {
        let b = scope.spawn(b);
        let a = a();
        (a, b.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// One symbol needs no copy: its columns are cut where they lie.
fn single(part: &Part, calendar: &Calendar) -> Frame {
    let (bars, rows) = (&part.bars, &part.rows);
    let cut = |column: &Cut<f64>| column.slice(rows.clone());
    let zone = &bars.clock.zone;
    Frame {
        time: bars.time.slice(rows.clone()),
        timeframe: bars.clock.timeframe,
        zone: zone.clone(),
        days: day_ends(bars.local(rows.clone()), calendar, zone),
        bars_a_year: 0.0,
        symbols: vec![Aligned {
            name: bars.symbol.clone(),
            open: cut(&bars.open),
            high: cut(&bars.high),
            low: cut(&bars.low),
            close_extremes: Extremes::of(&bars.close[rows.clone()]),
            close: cut(&bars.close),
            volume: cut(&bars.volume),
            present: None,
            actions: actions(part, |row| Some(row - rows.start)),
            detail: None,
        }],
    }
}

/// The finer bars inside each bar of the frame that is `length` long, and the rows that they are.
fn detail(frame: &Frame, fine: &Bars, length: i64) -> (Detail, Rows<usize>) {
    let row = |time: i64| fine.time.partition_point(|&open| open < time);
    let first = frame.time.first().map_or(0, |&time| row(time));
    let mut detail = Detail { ends: Vec::with_capacity(frame.len()), bars: Vec::new() };
    let mut end = first;
    for &time in frame.time.iter() {
        let rows = row(time).max(end)..row(time + length);
        end = rows.end.max(end);
        let prices = |row| [fine.open[row], fine.high[row], fine.low[row], fine.close[row]];
        detail.bars.extend(rows.map(prices));
        detail.ends.push(detail.bars.len());
    }
    (detail, first..end)
}

/// The trading days of bars that open at these local times, one after the other. A time that comes again
/// when clocks are put back belongs to the day that had begun.
fn day_ends(
    locals: impl ExactSizeIterator<Item = i64>,
    calendar: &Calendar,
    zone: &Zone,
) -> Arc<[Day]> {
    let (mut ends, mut midnight): (Vec<Day>, i64) = (Vec::new(), i64::MIN);
    let rows = locals.len();
    for (row, local) in locals.enumerate() {
        if local < midnight {
            continue;
        }
        if let Some(last) = ends.last_mut() {
            last.end = row;
        }
        let number = local.div_euclid(DAY) as i32;
        midnight = (i64::from(number) + 1) * DAY;
        let session = calendar.instants(number, zone);
        let over = session.map_or_else(|| zone.instant(midnight), |(_, close)| close);
        ends.push(Day { number, end: rows, session, over });
    }
    ends.into()
}

/// Several symbols on the union of their times.
fn union(parts: &[Part], calendar: &Calendar) -> Frame {
    let mut stamps: Vec<(i64, i64)> = Vec::new();
    for part in parts {
        let locals = part.bars.local(part.rows.clone());
        stamps.extend(part.bars.time[part.rows.clone()].iter().copied().zip(locals));
    }
    stamps.sort_unstable();
    stamps.dedup_by_key(|(time, _)| *time);
    let time: Cut<i64> = stamps.iter().map(|(time, _)| *time).collect();
    let locals = stamps.iter().map(|(_, local)| *local);
    let zone = &parts[0].bars.clock.zone;
    Frame {
        symbols: parts.iter().map(|part| align(part, &time)).collect(),
        time,
        timeframe: parts.iter().map(|part| part.bars.clock.timeframe).min().unwrap_or(DAY),
        zone: zone.clone(),
        days: day_ends(locals, calendar, zone),
        bars_a_year: 0.0,
    }
}

fn align(part: &Part, time: &[i64]) -> Aligned {
    let own = &part.bars.time[part.rows.clone()];
    let mut next = 0;
    // For each bar of the axis the symbol's own bar, if it has one.
    let rows: Vec<Option<usize>> = time
        .iter()
        .map(|&t| {
            let here = own.get(next) == Some(&t);
            next += usize::from(here);
            here.then(|| part.rows.start + next - 1)
        })
        .collect();
    let column =
        |values: &[f64]| rows.iter().map(|row| row.map_or(f64::NAN, |row| values[row])).collect();
    let mut last = f64::NAN;
    let closes: Cut<f64> = rows
        .iter()
        .map(|row| {
            last = row.map_or(last, |row| part.bars.close[row]);
            last
        })
        .collect();
    let present = Mask::from_fn(rows.len(), |t| rows[t].is_some());
    Aligned {
        name: part.bars.symbol.clone(),
        open: column(&part.bars.open),
        high: column(&part.bars.high),
        low: column(&part.bars.low),
        close_extremes: Extremes::of(&closes),
        close: closes,
        volume: column(&part.bars.volume),
        present: (present.count() < present.len()).then(|| Arc::new(present)),
        actions: actions(part, |row| time.binary_search(&part.bars.time[row]).ok()),
        detail: None,
    }
}

/// What is booked inside the range, `bar` telling the bar of the frame for a row.
fn actions(part: &Part, bar: impl Fn(usize) -> Option<usize>) -> Arc<[Action]> {
    let inside = part.bars.actions.iter().filter(|action| part.rows.contains(&action.row));
    inside.filter_map(|action| Some(Action { row: bar(action.row)?, ..*action })).collect()
}

/// What one unit of money becomes by the end of each day when equal parts of it are put into the
/// symbols (or all of it into one) at the first open of each, and nothing is done any more: units are
/// split, and dividends stay in cash.
fn buy_and_hold(frame: &Frame, only: Option<usize>) -> Vec<f64> {
    let held: Vec<&Aligned> = match only {
        Some(index) => vec![&frame.symbols[index]],
        None => frame.symbols.iter().collect(),
    };
    let mut parts: Vec<Held<'_>> = held.into_iter().map(Held::of).collect();
    let count = parts.len() as f64;
    let days = frame.days.iter().map(|day| day.end - 1);
    days.map(|last| parts.iter_mut().map(|part| part.worth(last)).sum::<f64>() / count).collect()
}

/// One symbol of who buys and holds.
struct Held<'a> {
    bars: &'a Aligned,
    /// The price of the first open, and what is still to be booked after it; `None` without a bar.
    bought: Option<(f64, &'a [Action])>,
    /// What a unit became.
    units: f64,
    /// What it paid.
    cash: f64,
}

impl<'a> Held<'a> {
    fn of(bars: &'a Aligned) -> Self {
        let bought = bars.next_bar(0).map(|first| {
            let before = bars.actions.partition_point(|action| action.row <= first);
            (bars.open[first], &bars.actions[before..])
        });
        Self { bars, bought, units: 1.0, cash: 0.0 }
    }

    /// What one unit of money is worth at the close of bar `t`; each `t` is later than the one before.
    fn worth(&mut self, t: usize) -> f64 {
        let Some((price, actions)) = &mut self.bought else { return 1.0 };
        let due = actions.partition_point(|action| action.row <= t);
        for action in actions.split_off(..due).unwrap_or_default() {
            self.units *= action.split;
            self.cash += self.units * action.dividend;
        }
        let close = self.bars.close[t];
        if close.is_nan() { 1.0 } else { (self.units * close + self.cash) / *price }
    }
}

fn day_times(frame: &Frame) -> Vec<i64> {
    frame.days.iter().map(|day| frame.local(day.end - 1)).collect()
}

/// A digest of all that rules and engine can see: nothing after the range, nothing before the
/// warm-up.
fn digest(parts: &[Part]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = Vec::with_capacity(1 << 16);
    let mut feed = |bytes: &mut dyn Iterator<Item = [u8; 8]>| {
        for value in bytes {
            buffer.extend_from_slice(&value);
            if buffer.len() >= 1 << 16 {
                hasher.update(&buffer);
                buffer.clear();
            }
        }
        hasher.update(&buffer);
        buffer.clear();
    };
    for part in parts {
        let bars = &part.bars;
        let mut header = part.bars.symbol.clone().into_bytes();
        header.extend([0; 8]);
        let counts =
            [part.visible.len(), part.rows.len(), header.len()].map(|n| (n as u64).to_le_bytes());
        feed(&mut counts.into_iter());
        feed(&mut header.chunks_exact(8).map(|chunk| chunk.try_into().expect("eight bytes")));
        feed(&mut std::iter::once(bars.clock.timeframe.to_le_bytes()));
        let booked = actions(part, |row| Some(row - part.rows.start));
        feed(&mut booked.iter().flat_map(|action| {
            let row = (action.row as u64).to_le_bytes();
            [row, action.split.to_le_bytes(), action.dividend.to_le_bytes()]
        }));
        feed(&mut bars.local(part.visible.clone()).map(i64::to_le_bytes));
        feed(&mut bars.time[part.visible.clone()].iter().map(|time| time.to_le_bytes()));
        let prices = [&bars.open, &bars.high, &bars.low, &bars.close, &bars.volume];
        let extra = bars.extra.iter().map(|extra| &extra.values);
        for column in prices.into_iter().chain(extra) {
            feed(&mut column[part.visible.clone()].iter().map(|value| value.to_le_bytes()));
        }
    }
    *hasher.finalize().as_bytes()
}
