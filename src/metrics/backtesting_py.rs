//! The table of statistics that backtesting.py 0.6.6 prints, for those who compare.
//!
//! Names, units, signs and formulas are that package's (`_stats.py: compute_stats`), and several are
//! not what the metric of nearly the same name is elsewhere: percent instead of fractions, negative
//! drawdowns, a geometric mean where others have an arithmetic one, profit factors of returns.

use crate::bars::{DAY, month};

/// What a manifest calls this set of statistics.
pub const NAME: &str = "backtesting-py";

const HOUR: i64 = DAY / 24;
const MINUTE: i64 = HOUR / 60;
const SECOND: i64 = MINUTE / 60;

/// What the table is computed from.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// The time that each bar is labelled with, microseconds since 1970-01-01.
    pub time: &'a [i64],
    /// The trading day of each bar, days since 1970-01-01.
    pub day: &'a [i32],
    /// The account at each close, in money.
    pub equity: &'a [f64],
    /// The closes of the symbol that it is compared with.
    pub close: &'a [f64],
    /// How many bars the rules could not be read on.
    pub warmup: usize,
    /// The closed trades.
    pub trades: &'a [Closed],
}

/// A trade that was closed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closed {
    /// Bar of the entry.
    pub entry_bar: usize,
    /// Bar of the exit.
    pub exit_bar: usize,
    /// Net profit, money.
    pub profit: f64,
    /// Net profit as a fraction of what the entry cost.
    pub profit_fraction: f64,
    /// Commission of entry and exit, money.
    pub commission: f64,
}

/// A value of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// Microseconds since 1970-01-01.
    Time(i64),
    /// A length of time in microseconds.
    Span(i64),
    /// A number in the unit that its name tells, percent for `[%]`.
    Number(f64),
}

/// Each row of the table by its name; `None` where it is undefined. Empty without bars.
pub fn table(sample: &Sample<'_>) -> Vec<(&'static str, Option<Value>)> {
    let (Some(&first), Some(&last)) = (sample.time.first(), sample.time.last()) else {
        return Vec::new();
    };
    let closed = sample.trades;
    let mut rows = vec![
        ("Start", Some(Value::Time(first))),
        ("End", Some(Value::Time(last))),
        ("Duration", Some(Value::Span(last - first))),
    ];
    let mut number = |name, value: f64| {
        rows.push((name, value.is_finite().then_some(Value::Number(value))));
    };
    let account = Account::of(sample);
    number("Exposure Time [%]", 100.0 * exposure(closed, sample.time.len()));
    number("Equity Final [$]", account.last);
    number("Equity Peak [$]", account.peak);
    let commission: f64 = closed.iter().map(|trade| trade.commission).sum();
    if commission != 0.0 {
        number("Commissions [$]", commission);
    }
    number("Return [%]", 100.0 * account.gain);
    number("Buy & Hold Return [%]", 100.0 * account.held);
    let yearly = account.yearly;
    number("Return (Ann.) [%]", 100.0 * yearly.gain);
    number("Volatility (Ann.) [%]", 100.0 * yearly.volatility);
    number("CAGR [%]", 100.0 * account.cagr);
    number("Sharpe Ratio", yearly.gain / yearly.volatility);
    number("Sortino Ratio", yearly.gain / yearly.downside);
    number("Calmar Ratio", yearly.gain / account.falls.deepest);
    number("Alpha [%]", 100.0 * (account.gain - account.beta * account.held));
    number("Beta", account.beta);
    number("Max. Drawdown [%]", -100.0 * account.falls.deepest);
    number("Avg. Drawdown [%]", -100.0 * account.falls.depth);
    let step = resolution(sample.time);
    let span = |micros: Option<f64>| micros.map(|micros| Value::Span(ceil(micros, step)));
    rows.push(("Max. Drawdown Duration", span(account.falls.longest)));
    rows.push(("Avg. Drawdown Duration", span(account.falls.length)));
    trade_rows(&mut rows, closed, sample.time, step);
    rows
}

fn trade_rows(
    rows: &mut Vec<(&'static str, Option<Value>)>,
    closed: &[Closed],
    time: &[i64],
    step: i64,
) {
    let count = closed.len() as f64;
    let returns: Vec<f64> = closed.iter().map(|trade| trade.profit_fraction).collect();
    let profits: Vec<f64> = closed.iter().map(|trade| trade.profit).collect();
    let spans: Vec<f64> =
        closed.iter().map(|trade| (time[trade.exit_bar] - time[trade.entry_bar]) as f64).collect();
    let wins = profits.iter().filter(|profit| **profit > 0.0).count() as f64 / count;
    let average = |values: &mut dyn Iterator<Item = f64>| {
        let (sum, n) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
        sum / n
    };
    let win = average(&mut profits.iter().copied().filter(|profit| *profit > 0.0));
    let loss = -average(&mut profits.iter().copied().filter(|profit| *profit < 0.0));
    let positive: f64 = returns.iter().filter(|value| **value > 0.0).sum();
    let negative: f64 = returns.iter().filter(|value| **value < 0.0).sum();
    let most = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let span = |micros: f64| micros.is_finite().then(|| Value::Span(ceil(micros, step)));
    let (mean, deviation) = (mean(&profits), variance(&profits, 1.0).sqrt());
    let number = |value: f64| value.is_finite().then_some(Value::Number(value));
    rows.extend([
        ("# Trades", number(count)),
        ("Win Rate [%]", number(100.0 * wins)),
        ("Best Trade [%]", number(100.0 * most(&returns))),
        ("Worst Trade [%]", number(100.0 * least(&returns))),
        ("Avg. Trade [%]", number(100.0 * geometric_mean(&returns))),
        ("Max. Trade Duration", span(most(&spans))),
        ("Avg. Trade Duration", span(self::mean(&spans))),
        ("Profit Factor", number(positive / negative.abs())),
        ("Expectancy [%]", number(100.0 * self::mean(&returns))),
        ("SQN", number(count.sqrt() * mean / deviation)),
        ("Kelly Criterion", number(wins - (1.0 - wins) / (win / loss))),
    ]);
}

/// The share of bars from entry to exit, both included, of any closed trade.
fn exposure(closed: &[Closed], bars: usize) -> f64 {
    let mut held = vec![false; bars];
    for trade in closed {
        // An order of the last bar may be sold at a close before it.
        if let Some(bars) = held.get_mut(trade.entry_bar..=trade.exit_bar) {
            bars.fill(true);
        }
    }
    held.iter().filter(|held| **held).count() as f64 / bars as f64
}

/// What the equity says.
struct Account {
    last: f64,
    peak: f64,
    gain: f64,
    held: f64,
    cagr: f64,
    beta: f64,
    yearly: Yearly,
    falls: Falls,
}

impl Account {
    fn of(sample: &Sample<'_>) -> Self {
        let Sample { time, equity, close, .. } = *sample;
        let (first, last) = (equity[0], equity[equity.len() - 1]);
        // Whole seconds, as there.
        let seconds = (time[time.len() - 1] - time[0]) / SECOND;
        let years = seconds as f64 / 86_400.0 / 365.25;
        let from = close[sample.warmup.min(close.len() - 1)];
        Self {
            last,
            peak: equity.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            gain: (last - first) / first,
            held: (close[close.len() - 1] - from) / from,
            cagr: libm::pow(last / first, 1.0 / years) - 1.0,
            beta: beta(equity, close),
            yearly: Yearly::of(sample),
            falls: Falls::of(time, equity),
        }
    }
}

/// The slope of the account's logarithmic returns of bars on the market's.
fn beta(equity: &[f64], close: &[f64]) -> f64 {
    let logs = |values: &[f64]| -> Vec<f64> {
        values.windows(2).map(|pair| libm::log(pair[1] / pair[0])).collect()
    };
    let (account, market) = (logs(equity), logs(close));
    let (mean_account, mean_market) = (mean(&account), mean(&market));
    let pairs = account.iter().zip(&market);
    let common: f64 = pairs.map(|(a, m)| (a - mean_account) * (m - mean_market)).sum();
    let own: f64 = market.iter().map(|m| (m - mean_market) * (m - mean_market)).sum();
    common / own
}

/// What the returns of the periods (days, or weeks, months and years of bars that long) make in a
/// year.
#[derive(Debug, Clone, Copy)]
struct Yearly {
    gain: f64,
    volatility: f64,
    downside: f64,
}

impl Yearly {
    fn of(sample: &Sample<'_>) -> Self {
        let days = median_step(sample.time) / DAY as f64;
        // The period a day belongs to, and how many of them a year has.
        let (period, periods): (fn(i32) -> i64, f64) = match days.floor() {
            // Weeks end on Sunday; 1970-01-01 was a Thursday.
            7.0 => (|day| (i64::from(day) + 3).div_euclid(7), 52.0),
            31.0 => (month, 12.0),
            365.0 => (|day| (month(day) + 2).div_euclid(12), 1.0),
            _ => (i64::from, if has_weekends(sample.day) { 365.0 } else { 252.0 }),
        };
        let ends = (0..sample.day.len()).filter(|&bar| {
            let next = sample.day.get(bar + 1);
            next.is_none_or(|&next| period(next) != period(sample.day[bar]))
        });
        let equity: Vec<f64> = ends.map(|bar| sample.equity[bar]).collect();
        let returns: Vec<f64> = equity.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
        let growth = 1.0 + geometric_mean(&returns);
        let spread = variance(&returns, 1.0) + growth * growth;
        let losses: Vec<f64> = returns.iter().map(|r| r.min(0.0) * r.min(0.0)).collect();
        Self {
            gain: libm::pow(growth, periods) - 1.0,
            volatility: (libm::pow(spread, periods) - libm::pow(growth, 2.0 * periods)).sqrt(),
            downside: mean(&losses).sqrt() * periods.sqrt(),
        }
    }
}

/// Whether more than 0.6 of the weekends' share of bars lie on Saturdays and Sundays.
fn has_weekends(day: &[i32]) -> bool {
    let weekend = day.iter().filter(|day| (**day + 3).rem_euclid(7) >= 5).count();
    weekend as f64 / day.len() as f64 > 2.0 / 7.0 * 0.6
}

/// Falls of the equity below its peak: a fall runs from the last bar at a peak to the bar that is at
/// one again, or to the last bar.
struct Falls {
    deepest: f64,
    /// Mean depth of the falls.
    depth: f64,
    /// In microseconds; `None` if it never fell.
    longest: Option<f64>,
    /// The mean of their lengths.
    length: Option<f64>,
}

impl Falls {
    fn of(time: &[i64], equity: &[f64]) -> Self {
        let mut peak = f64::NEG_INFINITY;
        let below: Vec<f64> = equity
            .iter()
            .map(|&equity| {
                peak = peak.max(equity);
                1.0 - equity / peak
            })
            .collect();
        let (mut depths, mut lengths) = (Vec::new(), Vec::new());
        let mut before = 0;
        for bar in (0..below.len()).filter(|&bar| below[bar] == 0.0 || bar + 1 == below.len()) {
            if bar > before + 1 {
                depths.push(below[before..=bar].iter().copied().fold(0.0, f64::max));
                lengths.push((time[bar] - time[before]) as f64);
            }
            before = bar;
        }
        Self {
            deepest: below.iter().copied().fold(0.0, f64::max),
            depth: mean(&depths),
            longest: lengths.iter().copied().reduce(f64::max),
            length: (!lengths.is_empty()).then(|| mean(&lengths)),
        }
    }
}

/// `NaN` of no values.
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The variance with `ddof` degrees of freedom gone; `NaN` of too few values.
fn variance(values: &[f64], ddof: f64) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    if values.len() as f64 > ddof { squares / (values.len() as f64 - ddof) } else { f64::NAN }
}

/// `exp(mean(log(1 + r))) - 1`; 0 if anything was lost whole, `NaN` of no values.
fn geometric_mean(returns: &[f64]) -> f64 {
    if returns.iter().any(|value| 1.0 + value <= 0.0) {
        return 0.0;
    }
    let logs: Vec<f64> = returns.iter().map(|value| libm::log(1.0 + value)).collect();
    libm::exp(mean(&logs)) - 1.0
}

/// The median distance of the last hundred bars in microseconds; `NaN` of a single bar.
fn median_step(time: &[i64]) -> f64 {
    let tail = &time[time.len().saturating_sub(100)..];
    let mut steps: Vec<i64> = tail.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.sort_unstable();
    match steps.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => steps[n / 2] as f64,
        n => (steps[n / 2 - 1] + steps[n / 2]) as f64 / 2.0,
    }
}

/// What lengths of time are rounded up to: the largest unit of which the bars' distance is a multiple.
fn resolution(time: &[i64]) -> i64 {
    let step = median_step(time) as i64;
    [DAY, HOUR, MINUTE].into_iter().find(|unit| step % unit == 0).unwrap_or(SECOND)
}

fn ceil(micros: f64, unit: i64) -> i64 {
    (micros / unit as f64).ceil() as i64 * unit
}
