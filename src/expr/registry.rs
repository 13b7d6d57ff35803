//! The part of the registry whose kernels are in [`super::indicators`].

use super::check::Type;
use super::column::{Call, Column};
use super::function::{Arg, ArgKind, Function, WarmUp};
use super::indicators as kernel;
use super::library::{A, B, NONE, X, window};

const fn window_or(name: &'static str, min: usize, default: f64) -> Arg {
    Arg { default: Some(default), ..window(name, min) }
}

const fn constant_or(name: &'static str, default: f64) -> Arg {
    Arg { name, kind: ArgKind::Constant, default: Some(default) }
}

/// It needs the bar before.
const ONE: WarmUp = WarmUp::Bars(&[], 1);
/// A window that is full.
const FULL: WarmUp = WarmUp::Bars(&[1], -1);
/// A bar so far back, or a window of steps.
const AFTER: WarmUp = WarmUp::Bars(&[1], 0);
/// A mean of means, and of these once more.
const TWICE: WarmUp = WarmUp::Bars(&[2], -2);
const THRICE: WarmUp = WarmUp::Bars(&[3], -3);
/// A mean of what is there after `n` bars.
const AVERAGED: WarmUp = WarmUp::Bars(&[2], -1);
/// The slow mean, and a signal of it; the fast one is there by then.
const SIGNAL: WarmUp = WarmUp::Bars(&[0, 1, 1], -2);
/// Three windows, each of what the one before makes.
const SMOOTHED: WarmUp = WarmUp::Bars(&[1, 1, 1], -3);
const EACH_DAY: WarmUp = WarmUp::When("the first bar of each day");

fn high<'a>(call: &'a Call<'_>) -> &'a [f64] {
    let view = call.view();
    view.slice(&view.bars.high)
}

fn low<'a>(call: &'a Call<'_>) -> &'a [f64] {
    let view = call.view();
    view.slice(&view.bars.low)
}

fn close<'a>(call: &'a Call<'_>) -> &'a [f64] {
    let view = call.view();
    view.slice(&view.bars.close)
}

fn volume<'a>(call: &'a Call<'_>) -> &'a [f64] {
    let view = call.view();
    view.slice(&view.bars.volume)
}

fn days(call: &Call<'_>) -> Vec<i32> {
    let view = call.view();
    view.bars.days(view.rows.clone()).collect()
}

/// A function of the windows of so many rows of a column.
pub(super) type WindowKernel = fn(&[f64], usize) -> Vec<f64>;

/// The kernel of a function whose value is that of a window of one column, and of nothing else: what makes
/// it possible to compute it piece by piece.
pub(super) fn of_a_window(function: &Function) -> Option<WindowKernel> {
    Some(match function.name {
        "sma" => kernel::sma,
        "wma" => kernel::wma,
        "sum" => kernel::sum,
        "variance" => kernel::variance,
        "stddev" => kernel::stddev,
        "zscore" => kernel::zscore,
        "highest" => kernel::highest,
        "lowest" => kernel::lowest,
        "linreg_slope" => kernel::linreg_slope,
        "linreg_value" => kernel::linreg_value,
        _ => return None,
    })
}

/// One row of the registry: a name, its arguments, what is told of it, and its kernel.
macro_rules! indicators {
    ($(#[$doc:meta])* $group_name:ident $group:literal: $(
        $name:ident [$($arg:expr),*] $about:literal $formula:literal $warm_up:ident
        $source:literal $example:literal |$call:ident| $eval:expr;
    )*) => {
        $(#[$doc])*
        pub(super) static $group_name: &[Function] = &[$(Function {
            name: stringify!($name),
            args: &[$($arg),*],
            variadic: false,
            returns: Type::Number,
            group: $group,
            about: $about,
            formula: $formula,
            warm_up: $warm_up,
            source: $source,
            example: $example,
            bars: true,
            across: false,
            eval: |$call| Column::numbers($eval),
        }),*];
    };
}

indicators! {
    AVERAGES "averages":
    sma [X, window("n", 1)]
        "The plain mean of a window."
        "sum of the last n values / n"
        FULL "TA-Lib SMA"
        "crosses_above(sma(close, 10), sma(close, 20))"
        |c| kernel::sma(&c.series(0), c.window(1));
    ema [X, window("n", 1)]
        "The exponential mean, seeded with the plain mean of its first n values."
        "e + 2 / (n + 1) (x - e)"
        FULL "TA-Lib EMA"
        "close > ema(close, 50)"
        |c| kernel::ema(&c.series(0), c.window(1));
    ewm [X, window("span", 1)]
        "The exponential mean that starts at the first value."
        "e + 2 / (span + 1) (x - e), e = x on the first bar"
        NONE "pandas ewm(span, adjust=False)"
        "close > ewm(close, 26)"
        |c| kernel::ewm(&c.series(0), c.window(1));
    wma [X, window("n", 1)]
        "The mean with weights 1 to n, the latest value weighing most."
        "sum of i x_i / (n (n + 1) / 2)"
        FULL "TA-Lib WMA"
        "close > wma(close, 20)"
        |c| kernel::wma(&c.series(0), c.window(1));
    dema [X, window("n", 1)]
        "The double exponential mean."
        "2 ema(x) - ema(ema(x))"
        TWICE "TA-Lib DEMA"
        "close > dema(close, 20)"
        |c| kernel::dema(&c.series(0), c.window(1));
    tema [X, window("n", 1)]
        "The triple exponential mean."
        "3 ema(x) - 3 ema(ema(x)) + ema(ema(ema(x)))"
        THRICE "TA-Lib TEMA"
        "close > tema(close, 20)"
        |c| kernel::tema(&c.series(0), c.window(1));
    kama [X, window("n", 1)]
        "Kaufman's adaptive mean: fast in a trend, slow in noise."
        "k + s (x - k), s from the share of the way that was net movement"
        AFTER "TA-Lib KAMA"
        "close > kama(close, 10)"
        |c| kernel::kama(&c.series(0), c.window(1));
    rma [X, window("n", 1)]
        "Wilder's mean, seeded with the plain mean of its first n values."
        "r + (x - r) / n"
        FULL "Wilder 1978"
        "rma(close, 14) > lag(rma(close, 14), 1)"
        |c| kernel::rma(&c.series(0), c.window(1));
}

indicators! {
    MOMENTUM "momentum":
    rsi [X, window("n", 2)]
        "The relative strength index, 0 to 100."
        "100 up / (up + down), Wilder's means of rises and falls"
        AFTER "TA-Lib RSI, which has 0 until the first move"
        "rsi(close, 14) < 30"
        |c| kernel::rsi(&c.series(0), c.window(1));
    macd [X, window_or("fast", 2, 12.0), window_or("slow", 2, 26.0), window_or("signal", 1, 9.0)]
        "The distance between a fast and a slow exponential mean."
        "fast mean - slow mean, both starting on the slow one's first bar"
        SIGNAL "TA-Lib MACD"
        "macd(close, 12, 26, 9) > 0"
        |c| kernel::macd(&c.series(0), c.window(1), c.window(2), c.window(3));
    macd_signal [X, window_or("fast", 2, 12.0), window_or("slow", 2, 26.0), window_or("signal", 1, 9.0)]
        "The exponential mean of `macd`."
        "ema(macd, signal)"
        SIGNAL "TA-Lib MACD"
        "crosses_above(macd(close), macd_signal(close))"
        |c| kernel::macd_signal(&c.series(0), c.window(1), c.window(2), c.window(3));
    macd_hist [X, window_or("fast", 2, 12.0), window_or("slow", 2, 26.0), window_or("signal", 1, 9.0)]
        "How far `macd` lies above its signal."
        "macd - macd_signal"
        SIGNAL "TA-Lib MACD"
        "macd_hist(close) > 0"
        |c| kernel::macd_hist(&c.series(0), c.window(1), c.window(2), c.window(3));
    stoch_k [window_or("k", 1, 14.0), window_or("smooth", 1, 3.0), window_or("d", 1, 3.0)]
        "Where the close lies between the lowest low and the highest high, 0 to 100, smoothed."
        "sma(100 (close - lowest) / (highest - lowest), smooth)"
        SMOOTHED "TA-Lib STOCH with simple averages, which has 0 for flat bars"
        "stoch_k(14, 3, 3) < 20"
        |c| kernel::stoch_k(high(c), low(c), close(c), c.window(0), c.window(1), c.window(2));
    stoch_d [window_or("k", 1, 14.0), window_or("smooth", 1, 3.0), window_or("d", 1, 3.0)]
        "The mean of `stoch_k`."
        "sma(stoch_k, d)"
        SMOOTHED "TA-Lib STOCH with simple averages, which has 0 for flat bars"
        "crosses_above(stoch_k(14, 3, 3), stoch_d(14, 3, 3))"
        |c| kernel::stoch_d(high(c), low(c), close(c), c.window(0), c.window(1), c.window(2));
    cci [window("n", 1)]
        "The commodity channel index."
        "(p - mean) / (0.015 mean absolute deviation) of p = (high + low + close) / 3"
        FULL "TA-Lib CCI, which has 0 where the price is flat"
        "cci(20) > 100"
        |c| kernel::cci(high(c), low(c), close(c), c.window(0));
    roc [X, window("n", 1)]
        "The change over n bars, in percent."
        "100 (x / lag(x, n) - 1)"
        AFTER "TA-Lib ROC, which has 0 where the earlier value is 0"
        "roc(close, 20) > 5"
        |c| kernel::roc(&c.series(0), c.window(1));
    momentum [X, window("n", 1)]
        "The change over n bars."
        "x - lag(x, n)"
        AFTER "TA-Lib MOM"
        "momentum(close, 20) > 0"
        |c| kernel::momentum(&c.series(0), c.window(1));
    williams_r [window("n", 1)]
        "How far the close lies below the highest high, -100 to 0."
        "-100 (highest - close) / (highest - lowest)"
        FULL "TA-Lib WILLR, which has 0 where highest and lowest are equal"
        "williams_r(14) < -80"
        |c| kernel::williams_r(high(c), low(c), close(c), c.window(0));
    mfi [window("n", 1)]
        "The money flow index, 0 to 100: an `rsi` of money."
        "100 up / (up + down), sums of price times volume on rising and falling bars"
        AFTER "TA-Lib MFI, which has 0 where nothing flowed"
        "mfi(14) < 20"
        |c| kernel::mfi(high(c), low(c), close(c), volume(c), c.window(0));
    aroon_up [window("n", 1)]
        "How recent the highest high of n + 1 bars is, 0 to 100."
        "100 (n - bars since it) / n, the latest wins ties"
        AFTER "TA-Lib AROON"
        "aroon_up(14) > 70"
        |c| kernel::aroon_up(high(c), c.window(0));
    aroon_down [window("n", 1)]
        "How recent the lowest low of n + 1 bars is, 0 to 100."
        "100 (n - bars since it) / n, the latest wins ties"
        AFTER "TA-Lib AROON"
        "aroon_down(14) < 30"
        |c| kernel::aroon_down(low(c), c.window(0));
}

indicators! {
    TREND "trend":
    adx [window("n", 2)]
        "How strong the trend is, whatever its direction, 0 to 100."
        "Wilder's mean of 100 |plus_di - minus_di| / (plus_di + minus_di)"
        AVERAGED "TA-Lib ADX, which has 0 until something moved, and averages with it"
        "adx(14) > 25"
        |c| kernel::adx(high(c), low(c), close(c), c.window(0));
    plus_di [window("n", 2)]
        "The share of rising movement in the true range, 0 to 100."
        "100 Wilder's sum of rises of the high / that of the true range"
        AFTER "TA-Lib PLUS_DI, which has 0 where there was no range"
        "plus_di(14) > minus_di(14)"
        |c| kernel::plus_di(high(c), low(c), close(c), c.window(0));
    minus_di [window("n", 2)]
        "The share of falling movement in the true range, 0 to 100."
        "100 Wilder's sum of falls of the low / that of the true range"
        AFTER "TA-Lib MINUS_DI, which has 0 where there was no range"
        "minus_di(14) > plus_di(14)"
        |c| kernel::minus_di(high(c), low(c), close(c), c.window(0));
    psar [constant_or("step", 0.02), constant_or("max", 0.2)]
        "The parabolic stop-and-reverse price."
        "it moves towards the extreme by a fraction that grows by step up to max"
        ONE "TA-Lib SAR, which may turn a bar apart where a bar ends exactly at the stop"
        "close > psar(0.02, 0.2)"
        |c| kernel::psar(high(c), low(c), c.number(0), c.number(1));
    supertrend [window_or("n", 1, 10.0), constant_or("k", 3.0)]
        "A band k true ranges away from the middle that the close must break to turn."
        "(high + low) / 2 -+ k atr(n), only ever moved towards the price"
        AFTER "Seban; as on TradingView, with TA-Lib's ATR"
        "close > supertrend(10, 3)"
        |c| kernel::supertrend(high(c), low(c), close(c), c.window(0), c.number(1));
}

indicators! {
    VOLATILITY "volatility":
    true_range []
        "How far the price went, the gap from the close before included."
        "max(high, previous close) - min(low, previous close)"
        ONE "TA-Lib TRANGE"
        "true_range > 2 * atr(14)"
        |c| kernel::true_range(high(c), low(c), close(c));
    atr [window("n", 1)]
        "Wilder's mean of the true range."
        "rma(true_range, n), from bar 1"
        AFTER "TA-Lib ATR"
        "close > highest(close, 20) - 3 * atr(14)"
        |c| kernel::atr(high(c), low(c), close(c), c.window(0));
    stddev [X, window("n", 1)]
        "The population standard deviation of a window."
        "(mean of (x - mean)^2)^(1/2)"
        FULL "TA-Lib STDDEV"
        "stddev(close, 20) > 2"
        |c| kernel::stddev(&c.series(0), c.window(1));
    variance [X, window("n", 1)]
        "The population variance of a window."
        "mean of (x - mean)^2"
        FULL "TA-Lib VAR"
        "variance(close, 20) > 4"
        |c| kernel::variance(&c.series(0), c.window(1));
    zscore [X, window("n", 1)]
        "How many standard deviations the value lies above the window's mean."
        "(x - mean) / stddev"
        FULL "elementary"
        "zscore(close, 20) < -2"
        |c| kernel::zscore(&c.series(0), c.window(1));
    bbands_upper [X, window_or("n", 1, 20.0), constant_or("k", 2.0)]
        "The upper Bollinger band."
        "mean + k stddev"
        FULL "TA-Lib BBANDS"
        "close > bbands_upper(close, 20, 2)"
        |c| kernel::bbands_upper(&c.series(0), c.window(1), c.number(2));
    bbands_middle [X, window_or("n", 1, 20.0)]
        "The middle of the Bollinger bands."
        "mean"
        FULL "TA-Lib BBANDS"
        "close > bbands_middle(close, 20)"
        |c| kernel::bbands_middle(&c.series(0), c.window(1));
    bbands_lower [X, window_or("n", 1, 20.0), constant_or("k", 2.0)]
        "The lower Bollinger band."
        "mean - k stddev"
        FULL "TA-Lib BBANDS"
        "close < bbands_lower(close, 20, 2)"
        |c| kernel::bbands_lower(&c.series(0), c.window(1), c.number(2));
    keltner_upper [window_or("n", 1, 20.0), constant_or("k", 2.0)]
        "The upper Keltner band."
        "ema(close, n) + k atr(n)"
        AFTER "Keltner; Raschke"
        "close > keltner_upper(20, 2)"
        |c| kernel::keltner_upper(high(c), low(c), close(c), c.window(0), c.number(1));
    keltner_lower [window_or("n", 1, 20.0), constant_or("k", 2.0)]
        "The lower Keltner band."
        "ema(close, n) - k atr(n)"
        AFTER "Keltner; Raschke"
        "close < keltner_lower(20, 2)"
        |c| kernel::keltner_lower(high(c), low(c), close(c), c.window(0), c.number(1));
    donchian_high [window("n", 1)]
        "The highest high of a window, this bar included."
        "max of the last n highs"
        FULL "TA-Lib MAX of high"
        "close > lag(donchian_high(20), 1)"
        |c| kernel::donchian_high(high(c), c.window(0));
    donchian_low [window("n", 1)]
        "The lowest low of a window, this bar included."
        "min of the last n lows"
        FULL "TA-Lib MIN of low"
        "close < lag(donchian_low(10), 1)"
        |c| kernel::donchian_low(low(c), c.window(0));
}

indicators! {
    VOLUME "volume":
    obv []
        "On-balance volume: volume added on rises and taken away on falls."
        "obv + sign(change(close, 1)) volume"
        NONE "TA-Lib OBV"
        "obv > sma(obv, 20)"
        |c| kernel::obv(close(c), volume(c));
    vwap []
        "The mean price of the trading day so far, weighed by volume."
        "sum of (high + low + close) / 3 volume / sum of volume, since the day began"
        EACH_DAY "elementary"
        "close > vwap"
        |c| kernel::vwap(high(c), low(c), close(c), volume(c), &days(c));
}

indicators! {
    WINDOWS "windows":
    linreg_slope [X, window("n", 2)]
        "The slope of the line through the last n values, a bar."
        "least squares"
        FULL "TA-Lib LINEARREG_SLOPE"
        "linreg_slope(close, 20) > 0"
        |c| kernel::linreg_slope(&c.series(0), c.window(1));
    linreg_value [X, window("n", 2)]
        "The end of the line through the last n values."
        "least squares, on the last bar"
        FULL "TA-Lib LINEARREG"
        "close > linreg_value(close, 20)"
        |c| kernel::linreg_value(&c.series(0), c.window(1));
    correlation [A, B, window("n", 2)]
        "The correlation of two series over a window, -1 to 1."
        "cov(a, b) / (stddev(a) stddev(b))"
        FULL "TA-Lib CORREL, which has 0 where a side is flat"
        "correlation(close, volume, 30) > 0.5"
        |c| kernel::correlation(&c.series(0), &c.series(1), c.window(2));
    beta [A, B, window("n", 2)]
        "The slope of the returns of `a` on those of `b`."
        "cov / var of the last n one-bar returns"
        AFTER "TA-Lib BETA with its arguments the other way round, which has 0 where `b` does not move"
        "beta(low, high, 20) > 1"
        |c| kernel::beta(&c.series(0), &c.series(1), c.window(2));
    highest [X, window("n", 1)]
        "The largest value of a window."
        "max of the last n values"
        FULL "TA-Lib MAX"
        "close == highest(close, 20)"
        |c| kernel::highest(&c.series(0), c.window(1));
    lowest [X, window("n", 1)]
        "The smallest value of a window."
        "min of the last n values"
        FULL "TA-Lib MIN"
        "close == lowest(close, 20)"
        |c| kernel::lowest(&c.series(0), c.window(1));
    argmax [X, window("n", 1)]
        "How many bars ago the largest value of a window was; the latest wins ties."
        "t - argmax"
        FULL "elementary"
        "argmax(high, 20) < 5"
        |c| kernel::argmax(&c.series(0), c.window(1));
    argmin [X, window("n", 1)]
        "How many bars ago the smallest value of a window was; the latest wins ties."
        "t - argmin"
        FULL "elementary"
        "argmin(low, 20) < 5"
        |c| kernel::argmin(&c.series(0), c.window(1));
    sum [X, window("n", 1)]
        "The sum of a window."
        "sum of the last n values"
        FULL "TA-Lib SUM"
        "sum(volume, 5) > 1e6"
        |c| kernel::sum(&c.series(0), c.window(1));
    cumsum [X]
        "The sum since the first value, or since the last missing one."
        "c + x"
        NONE "elementary"
        "cumsum(sign(change(close, 1))) > 0"
        |c| kernel::cumsum(&c.series(0));
    rank_pct [X, window("n", 1)]
        "Where the value ranks within its window: 1 for the largest, ties share their mean rank."
        "rank / n"
        FULL "pandas rolling rank(pct=True)"
        "rank_pct(close, 252) > 0.9"
        |c| kernel::rank_pct(&c.series(0), c.window(1));
    change [X, window_or("n", 1, 1.0)]
        "The change over n bars."
        "x - lag(x, n)"
        AFTER "elementary"
        "change(close, 1) > 0"
        |c| kernel::change(&c.series(0), c.window(1));
    lag [X, window_or("n", 0, 1.0)]
        "The value n bars ago."
        "x at t - n"
        AFTER "elementary"
        "close > lag(close, 20)"
        |c| kernel::lag(&c.series(0), c.window(1));
}
