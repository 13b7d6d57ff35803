//! Agreement with TA-Lib, by the contract's measure: on the data that the repository carries, with
//! values that `tests/peers/ta_lib.py` made (tests/fixtures/talib), and on the oracle beside the
//! repository, where it is there.

use super::tests::evaluate;
use super::*;
use crate::bars::{Bars, Clock, Cut, DAY};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One function call with TA-Lib's values for it.
struct Case {
    expression: String,
    /// The columns whose size sets what counts as equal.
    scale: Vec<String>,
    /// How many rows its window has.
    window: usize,
    /// The first row with a value, if there is one.
    first: Option<usize>,
    /// Rows with TA-Lib's values.
    values: Vec<(usize, f64)>,
}

/// Missing where it would divide by zero; TA-Lib writes 0 there, and averages with it in STOCH.
const DIVIDE_BY_ZERO: [&str; 11] = [
    "adx",
    "beta",
    "cci",
    "correlation",
    "mfi",
    "minus_di",
    "plus_di",
    "rsi",
    "stoch_d",
    "stoch_k",
    "williams_r",
];

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The first `count` rows of a file of prices, those of `symbol` if it has several; the rows `flat`
/// with every price the close of the first of them, and no volume.
fn bars(path: &Path, symbol: Option<&str>, count: usize, flat: Option<Range<usize>>) -> Bars {
    let text = read(path);
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().expect("a header");
    let place = |name: &str| names.iter().position(|known| *known == name);
    let is_wanted = |row: &Vec<&str>| match (symbol, place("symbol")) {
        (Some(symbol), Some(at)) => row[at] == symbol,
        _ => true,
    };
    let rows: Vec<Vec<&str>> = lines.filter(is_wanted).take(count).collect();
    let numbers = |name: &str| -> Vec<f64> {
        let at = place(name).expect("a file of prices has five of them");
        rows.iter().map(|row| row[at].parse().expect("a number")).collect()
    };
    let closes = numbers("close");
    let column = |name: &str| -> Cut<f64> {
        let mut numbers = numbers(name);
        if let Some(flat) = flat.clone() {
            let value = if name == "volume" { 0.0 } else { closes[flat.start] };
            numbers[flat].fill(value);
        }
        numbers.into()
    };
    Bars {
        symbol: symbol.unwrap_or("X").into(),
        time: (0..rows.len() as i64).map(|row| row * DAY).collect(),
        open: column("open"),
        high: column("high"),
        low: column("low"),
        close: column("close"),
        volume: column("volume"),
        extra: Vec::new(),
        actions: Arc::new([]),
        clock: Clock::utc(DAY),
    }
}

fn prices<'a>(bars: &'a Bars, name: &str) -> &'a [f64] {
    match name {
        "high" => &bars.high,
        "low" => &bars.low,
        "close" => &bars.close,
        "volume" => &bars.volume,
        _ => panic!("no function scales with {name}"),
    }
}

/// Whether `ours` is TA-Lib's number at `row`, by the contract's measure: to 1e-9 of it, or of a
/// thousandth of the window's largest input.
fn is_equal(case: &Case, bars: &Bars, row: usize, ours: f64, theirs: f64) -> bool {
    let window = row.saturating_sub(case.window - 1)..=row;
    let inputs = case.scale.iter().flat_map(|name| &prices(bars, name)[window.clone()]);
    let largest = inputs.fold(0.0, |largest: f64, input| largest.max(input.abs()));
    (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-3 * largest)
}

/// Compare `case` with what the language makes of its expression: how many values were equal, and
/// how many are missing here and a number there.
fn compare(case: &Case, bars: &Bars, file: &str) -> (usize, usize) {
    let Column::Number(ours) = evaluate(&case.expression, bars, bars.len()) else {
        panic!("{} is no number", case.expression)
    };
    let what = format!("{file}: {}", case.expression);
    let first = ours.iter().position(|value| !value.is_nan());
    let is_late = first.is_none_or(|first| first > case.first.unwrap_or(0));
    let divides = DIVIDE_BY_ZERO.iter().any(|name| case.expression.contains(&format!("{name}(")));
    assert!(first == case.first || divides && is_late, "{what}: values from {first:?} on");
    let (mut equal, mut missing) = (0, 0);
    for &(row, theirs) in &case.values {
        if ours[row].is_nan() && divides {
            missing += 1;
            continue;
        }
        let ours = ours[row];
        assert!(is_equal(case, bars, row, ours, theirs), "{what}, row {row}: {ours}, not {theirs}");
        equal += 1;
    }
    (equal, missing)
}

/// The cases of a file that `tests/peers/ta_lib.py` wrote.
fn cases(text: &str) -> Vec<Case> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (label, cells) = line.split_once('\t').expect("a label and cells");
        (label, cells.split('\t').collect::<Vec<_>>())
    });
    let mut head = |wanted: &str| {
        let (label, cells) = lines.next().expect("five lines of head");
        assert_eq!(label, wanted);
        cells
    };
    let (expressions, _) = (head("expression"), head("talib"));
    let (scales, windows, firsts) = (head("scale"), head("window"), head("first"));
    let mut cases: Vec<Case> = (0..expressions.len())
        .map(|at| Case {
            expression: expressions[at].to_owned(),
            scale: scales[at].split(' ').map(str::to_owned).collect(),
            window: windows[at].parse().expect("a number of rows"),
            first: firsts[at].parse().ok(),
            values: Vec::new(),
        })
        .collect();
    for (row, cells) in lines {
        let row: usize = row.parse().expect("a row");
        for (case, cell) in cases.iter_mut().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
            case.values.push((row, cell.parse().expect("a number")));
        }
    }
    cases
}

/// Compare every case of a fixture: how many values were equal, and which functions had none where
/// TA-Lib has one.
#[expect(clippy::print_stdout, reason = "a test says what it compared")]
fn agree(
    name: &str,
    file: &str,
    symbol: Option<&str>,
    flat: Option<Range<usize>>,
) -> (usize, Vec<String>) {
    let cases = cases(&read(&repository(&format!("tests/fixtures/talib/{name}.tsv"))));
    let rows = cases.iter().flat_map(|case| &case.values).map(|(row, _)| row + 1);
    let bars = bars(&repository("data").join(file), symbol, rows.max().expect("values"), flat);
    let (mut total, mut silent) = (0, Vec::new());
    for case in &cases {
        let (equal, missing) = compare(case, &bars, name);
        total += equal;
        if missing > 0 {
            silent.extend(case.expression.split('(').next().map(str::to_owned));
        }
    }
    println!("{name}: {total} values of {} expressions are TA-Lib's", cases.len());
    silent.sort_unstable();
    silent.dedup();
    (total, silent)
}

#[test]
fn talib_agrees_on_the_carried_data() {
    for (name, file, symbol) in [
        ("btcusdt-daily", "btcusdt-daily.csv", None),
        ("aapl-daily", "us-equities-daily.csv", Some("AAPL")),
        ("eurusd-1h", "eurusd-1h.csv", None),
        ("spy-1m", "spy-1m.csv", None),
    ] {
        let (equal, silent) = agree(name, file, symbol, None);
        assert!(equal > 8_000 && silent.is_empty(), "{name}: {equal} equal, {silent:?} missing");
    }
}

#[test]
fn where_talib_divides_by_zero_there_is_no_value() {
    let file = "btcusdt-daily.csv";
    let (equal, _) = agree("flat-in-the-middle", file, None, Some(100..160));
    assert!(equal > 4_000, "{equal} equal");
    let (equal, mut silent) = agree("flat-throughout", file, None, Some(0..230));
    // The average of one that is missing is missing too.
    silent.retain(|name| name != "sma");
    assert!(equal > 4_000 && silent == DIVIDE_BY_ZERO, "{equal} equal, {silent:?} missing");
    for name in DIVIDE_BY_ZERO {
        let function = Function::named(name).expect("a function of the registry");
        assert!(function.source.contains("which has 0"), "{name} tells its readers");
    }
}
/// The oracle's columns for which the language has no function, and why no expression is theirs.
const OUTSIDE: [(&str, &str); 4] = [
    ("PLUS_DM_14", "Wilder's sum of rises is inside `plus_di` alone"),
    ("HT_DCPERIOD", "the language has no Hilbert transform"),
    (
        "ADOSC_3_10",
        "both averages begin with the first bar, and TA-Lib has no value before the tenth",
    ),
    ("STOCHRSI_14_5_3_k", "the same expression begins two bars before TA-Lib's has a value"),
];

/// The oracle's columns, and the same in the rule language: the expression, the rows of its window,
/// and the columns that set its scale.
#[rustfmt::skip]
const ORACLE: [(&str, &str, usize, &str); 73] = [
    ("SMA_5", "sma(close, 5)", 5, "close"),
    ("SMA_10", "sma(close, 10)", 10, "close"),
    ("SMA_20", "sma(close, 20)", 20, "close"),
    ("SMA_50", "sma(close, 50)", 50, "close"),
    ("SMA_200", "sma(close, 200)", 200, "close"),
    ("EMA_5", "ema(close, 5)", 5, "close"),
    ("EMA_10", "ema(close, 10)", 10, "close"),
    ("EMA_12", "ema(close, 12)", 12, "close"),
    ("EMA_20", "ema(close, 20)", 20, "close"),
    ("EMA_26", "ema(close, 26)", 26, "close"),
    ("EMA_50", "ema(close, 50)", 50, "close"),
    ("EMA_200", "ema(close, 200)", 200, "close"),
    ("WMA_10", "wma(close, 10)", 10, "close"),
    ("WMA_20", "wma(close, 20)", 20, "close"),
    ("DEMA_20", "dema(close, 20)", 20, "close"),
    ("TEMA_20", "tema(close, 20)", 20, "close"),
    ("KAMA_10", "kama(close, 10)", 10, "close"),
    ("KAMA_30", "kama(close, 30)", 30, "close"),
    ("RSI_14", "rsi(close, 14)", 14, "close"),
    ("RSI_2", "rsi(close, 2)", 2, "close"),
    ("ATR_14", "atr(14)", 14, "high low close"),
    ("TRANGE", "true_range", 2, "high low close"),
    ("MACD_12_26_9", "macd(close, 12, 26, 9)", 26, "close"),
    ("MACD_signal", "macd_signal(close, 12, 26, 9)", 26, "close"),
    ("MACD_hist", "macd_hist(close, 12, 26, 9)", 26, "close"),
    ("BB_20_2_upper", "bbands_upper(close, 20, 2)", 20, "close"),
    ("BB_20_2_mid", "bbands_middle(close, 20)", 20, "close"),
    ("BB_20_2_lower", "bbands_lower(close, 20, 2)", 20, "close"),
    ("ADX_14", "adx(14)", 14, "high low close"),
    ("PLUS_DI_14", "plus_di(14)", 14, "high low close"),
    ("MINUS_DI_14", "minus_di(14)", 14, "high low close"),
    ("STOCH_14_3_3_k", "stoch_k(14, 3, 3)", 14, "high low close"),
    ("STOCH_14_3_3_d", "stoch_d(14, 3, 3)", 14, "high low close"),
    ("STOCHF_14_3_k", "stoch_k(14, 1, 3)", 14, "high low close"),
    ("STOCHF_14_3_d", "stoch_d(14, 1, 3)", 14, "high low close"),
    ("CCI_14", "cci(14)", 14, "high low close"),
    ("CCI_20", "cci(20)", 20, "high low close"),
    ("ROC_10", "roc(close, 10)", 11, "close"),
    ("MOM_10", "momentum(close, 10)", 11, "close"),
    ("OBV", "obv", 1, "volume"),
    ("MFI_14", "mfi(14)", 15, "high low close"),
    ("DONCHIAN_20_upper", "donchian_high(20)", 20, "high"),
    ("DONCHIAN_20_lower", "donchian_low(20)", 20, "low"),
    ("MAX_20_close", "highest(close, 20)", 20, "close"),
    ("MIN_20_close", "lowest(close, 20)", 20, "close"),
    ("STDDEV_20", "stddev(close, 20)", 20, "close"),
    ("VAR_20", "variance(close, 20)", 20, "close"),
    ("LINEARREG_14", "linreg_value(close, 14)", 14, "close"),
    ("LINEARREG_SLOPE_14", "linreg_slope(close, 14)", 14, "close"),
    ("SAR_0.02_0.2", "psar(0.02, 0.2)", 2, "high low"),
    ("WILLR_14", "williams_r(14)", 14, "high low close"),
    ("AROON_14_up", "aroon_up(14)", 15, "high"),
    ("AROON_14_down", "aroon_down(14)", 15, "low"),
    ("CORREL_30_hl", "correlation(high, low, 30)", 30, "high low"),
    ("BETA_5_hl", "beta(low, high, 5)", 6, "high low"),
    // What TA-Lib has a function for and the language an expression.
    ("TRIMA_20", "sma(sma(close, 10), 11)", 20, "close"),
    ("T3_5_0.7", "4.913 * ema(ema(ema(close, 5), 5), 5) - 6.069 * ema(ema(ema(ema(close, 5), 5), 5), 5) + 2.499 * ema(ema(ema(ema(ema(close, 5), 5), 5), 5), 5) - 0.343 * ema(ema(ema(ema(ema(ema(close, 5), 5), 5), 5), 5), 5)", 5, "close"),
    ("CMO_14", "2 * rsi(close, 14) - 100", 14, "close"),
    ("NATR_14", "100 * atr(14) / close", 14, "high low close"),
    ("DX_14", "100 * abs(plus_di(14) - minus_di(14)) / (plus_di(14) + minus_di(14))", 14, "high low close"),
    ("ADXR_14", "(adx(14) + lag(adx(14), 13)) / 2", 14, "high low close"),
    ("STOCHRSI_14_5_3_d", "sma(100 * (rsi(close, 14) - lowest(rsi(close, 14), 5)) / (highest(rsi(close, 14), 5) - lowest(rsi(close, 14), 5)), 3)", 14, "close"),
    ("ROCP_10", "roc(close, 10) / 100", 11, "close"),
    ("AD", "cumsum((2 * close - low - high) / (high - low) * volume)", 1, "volume"),
    ("MIDPRICE_20", "(donchian_high(20) + donchian_low(20)) / 2", 20, "high low"),
    ("TSF_14", "linreg_value(close, 14) + linreg_slope(close, 14)", 14, "close"),
    ("AROONOSC_14", "aroon_up(14) - aroon_down(14)", 15, "high low"),
    ("TRIX_15", "roc(ema(ema(ema(close, 15), 15), 15), 1)", 16, "close"),
    ("ULTOSC_7_14_28", "100 * (4 * sum(close - min(low, lag(close, 1)), 7) / sum(true_range, 7) + 2 * sum(close - min(low, lag(close, 1)), 14) / sum(true_range, 14) + sum(close - min(low, lag(close, 1)), 28) / sum(true_range, 28)) / 7", 29, "high low close"),
    ("PPO_12_26_ema", "100 * (ema(close, 12) / ema(close, 26) - 1)", 26, "close"),
    ("APO_12_26_sma", "sma(close, 12) - sma(close, 26)", 26, "close"),
    ("BOP", "(close - open) / (high - low)", 1, "high low close"),
    ("TYPPRICE", "(high + low + close) / 3", 1, "high low close"),
];

#[test]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a test says what it did or skipped")]
fn talib_agrees_on_the_oracle() {
    let shared = repository("../shared");
    if !shared.is_dir() {
        let is_required = std::env::var_os("PAPERTAPE_SHARED_REQUIRED").is_some();
        assert!(!is_required, "{} is absent, and it is required", shared.display());
        eprintln!("skipped: {} is absent", shared.display());
        return;
    }
    let path = shared.join("oracles/talib/goog_daily.csv");
    let (bars, text) = (bars(&path, None, usize::MAX, None), read(&path));
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().expect("a header");
    let rows: Vec<Vec<&str>> = lines.collect();
    let mut total = 0;
    for (name, expression, window, scale) in ORACLE {
        let at = names.iter().position(|known| *known == name).expect("a column of the oracle");
        let cells = rows.iter().enumerate().filter(|(_, row)| !row[at].is_empty());
        let values: Vec<(usize, f64)> =
            cells.map(|(row, cells)| (row, cells[at].parse().expect("a number"))).collect();
        let case = Case {
            expression: expression.to_owned(),
            scale: scale.split(' ').map(str::to_owned).collect(),
            window,
            first: values.first().map(|(row, _)| *row),
            values,
        };
        total += compare(&case, &bars, "goog_daily.csv").0;
    }
    let (said, outside) = (ORACLE.map(|column| column.0), OUTSIDE.map(|column| column.0));
    for name in names.iter().skip(6) {
        assert!(
            said.contains(name) != outside.contains(name),
            "{name} is compared, or said why not"
        );
    }
    println!("{total} values of {} columns are TA-Lib's", ORACLE.len());
    println!("{} columns have no function in the language: {OUTSIDE:?}", OUTSIDE.len());
    assert!(total > 100_000, "{total} values");
}
