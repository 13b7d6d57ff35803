//! What holds for every kernel: windows that are the same bits wherever they stand, and no look into
//! the future. Agreement with TA-Lib is held where whole expressions are: see `expr::talib_tests`.

use super::*;

/// What a value of a kernel with length `n` depends on.
enum Memory {
    /// The last so many rows; a missing value among them makes it missing.
    Window(fn(usize) -> usize),
    /// This row and the one `n` rows ago.
    Reach,
    /// All rows since the last missing value.
    Run,
    /// The rows of the trading day so far.
    Day,
}

type Kernel = fn(&Sample, usize) -> Vec<f64>;

/// Every kernel under its name, with lengths derived from `n`.
const KERNELS: [(&str, Memory, Kernel); 53] = [
    ("lag", Reach, |s, n| lag(&s.close, n)),
    ("change", Reach, |s, n| change(&s.close, n)),
    ("momentum", Reach, |s, n| momentum(&s.close, n)),
    ("roc", Reach, |s, n| roc(&s.close, n)),
    ("sum", Window(|n| n), |s, n| sum(&s.close, n)),
    ("sma", Window(|n| n), |s, n| sma(&s.close, n)),
    ("wma", Window(|n| n), |s, n| wma(&s.close, n)),
    ("variance", Window(|n| n), |s, n| variance(&s.close, n)),
    ("stddev", Window(|n| n), |s, n| stddev(&s.close, n)),
    ("zscore", Window(|n| n), |s, n| zscore(&s.close, n)),
    ("bbands_upper", Window(|n| n), |s, n| bbands_upper(&s.close, n, 2.0)),
    ("bbands_middle", Window(|n| n), |s, n| bbands_middle(&s.close, n)),
    ("bbands_lower", Window(|n| n), |s, n| bbands_lower(&s.close, n, 2.0)),
    ("highest", Window(|n| n), |s, n| highest(&s.close, n)),
    ("lowest", Window(|n| n), |s, n| lowest(&s.close, n)),
    ("donchian_high", Window(|n| n), |s, n| donchian_high(&s.high, n)),
    ("donchian_low", Window(|n| n), |s, n| donchian_low(&s.low, n)),
    ("argmax", Window(|n| n), |s, n| argmax(&s.close, n)),
    ("argmin", Window(|n| n), |s, n| argmin(&s.close, n)),
    ("aroon_up", Window(|n| n + 1), |s, n| aroon_up(&s.high, n)),
    ("aroon_down", Window(|n| n + 1), |s, n| aroon_down(&s.low, n)),
    ("rank_pct", Window(|n| n), |s, n| rank_pct(&s.close, n)),
    ("linreg_slope", Window(|n| n), |s, n| linreg_slope(&s.close, n)),
    ("linreg_value", Window(|n| n), |s, n| linreg_value(&s.close, n)),
    ("correlation", Window(|n| n), |s, n| correlation(&s.high, &s.low, n)),
    ("beta", Window(|n| n + 1), |s, n| beta(&s.high, &s.low, n)),
    ("true_range", Window(|_| 2), |s, _| true_range(&s.high, &s.low, &s.close)),
    ("stoch_k", Window(|n| n + 3), |s, n| stoch_k(&s.high, &s.low, &s.close, n, 3, 2)),
    ("stoch_d", Window(|n| n + 3), |s, n| stoch_d(&s.high, &s.low, &s.close, n, 3, 2)),
    ("williams_r", Window(|n| n), |s, n| williams_r(&s.high, &s.low, &s.close, n)),
    ("cci", Window(|n| n), |s, n| cci(&s.high, &s.low, &s.close, n)),
    ("mfi", Window(|n| n + 1), |s, n| mfi(&s.high, &s.low, &s.close, &s.volume, n)),
    ("cumsum", Run, |s, _| cumsum(&s.close)),
    ("ema", Run, |s, n| ema(&s.close, n)),
    ("ewm", Run, |s, n| ewm(&s.close, n)),
    ("dema", Run, |s, n| dema(&s.close, n)),
    ("tema", Run, |s, n| tema(&s.close, n)),
    ("kama", Run, |s, n| kama(&s.close, n)),
    ("rma", Run, |s, n| rma(&s.close, n)),
    ("rsi", Run, |s, n| rsi(&s.close, n)),
    ("macd", Run, |s, n| macd(&s.close, n, 2 * n, 3)),
    ("macd_signal", Run, |s, n| macd_signal(&s.close, n, 2 * n, 3)),
    ("macd_hist", Run, |s, n| macd_hist(&s.close, n, 2 * n, 3)),
    ("atr", Run, |s, n| atr(&s.high, &s.low, &s.close, n)),
    ("keltner_upper", Run, |s, n| keltner_upper(&s.high, &s.low, &s.close, n, 1.5)),
    ("keltner_lower", Run, |s, n| keltner_lower(&s.high, &s.low, &s.close, n, 1.5)),
    ("plus_di", Run, |s, n| plus_di(&s.high, &s.low, &s.close, n)),
    ("minus_di", Run, |s, n| minus_di(&s.high, &s.low, &s.close, n)),
    ("adx", Run, |s, n| adx(&s.high, &s.low, &s.close, n)),
    ("psar", Run, |s, _| psar(&s.high, &s.low, 0.02, 0.2)),
    ("supertrend", Run, |s, n| supertrend(&s.high, &s.low, &s.close, n, 2.0)),
    ("obv", Run, |s, _| obv(&s.close, &s.volume)),
    ("vwap", Day, |s, _| vwap(&s.high, &s.low, &s.close, &s.volume, &s.day)),
];

use Memory::{Day, Reach, Run, Window};

#[derive(Clone)]
struct Sample {
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
    volume: Vec<f64>,
    day: Vec<i32>,
}

impl Sample {
    /// A random walk in ticks, so that ties, flat stretches and jumps over the last close occur.
    fn random(rows: usize, random: &mut Random) -> Self {
        let mut sample = Self {
            high: Vec::new(),
            low: Vec::new(),
            close: Vec::new(),
            volume: Vec::new(),
            day: Vec::new(),
        };
        let mut tick = 5_000.0;
        for row in 0..rows {
            tick += random.below(9) as f64 - 4.0;
            sample.high.push((tick + random.below(5) as f64) * 0.01);
            sample.low.push((tick - random.below(5) as f64) * 0.01);
            sample.close.push(tick * 0.01);
            sample.volume.push(random.below(1_000) as f64);
            sample.day.push((row / 40) as i32);
        }
        sample
    }

    fn columns(&mut self) -> [&mut Vec<f64>; 4] {
        [&mut self.high, &mut self.low, &mut self.close, &mut self.volume]
    }

    /// The same with about one value in `one_in` of each column missing.
    fn with_gaps(mut self, one_in: usize, random: &mut Random) -> Self {
        for column in self.columns() {
            for value in column {
                if random.below(one_in) == 0 {
                    *value = f64::NAN;
                }
            }
        }
        self
    }

    fn cut(&self, start: usize, end: usize) -> Self {
        let cut = |column: &[f64]| column[start..end].to_vec();
        Self {
            high: cut(&self.high),
            low: cut(&self.low),
            close: cut(&self.close),
            volume: cut(&self.volume),
            day: self.day[start..end].to_vec(),
        }
    }
}

/// SplitMix64 by Steele, Lea and Flood: a failure repeats.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ mixed >> 31) % end as u64) as usize
    }
}

#[track_caller]
fn assert_same_bits(got: &[f64], expected: &[f64], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (row, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert_eq!(got.to_bits(), expected.to_bits(), "{what}, row {row}: {got}, not {expected}");
    }
}

#[test]
fn every_kernel_is_tested_here() {
    let sources = [
        include_str!("average.rs"),
        include_str!("momentum.rs"),
        include_str!("trend.rs"),
        include_str!("volatility.rs"),
        include_str!("volume.rs"),
        include_str!("window.rs"),
    ];
    let mut written: Vec<&str> = sources
        .iter()
        .flat_map(|source| source.lines())
        .filter_map(|line| line.strip_prefix("pub fn ")?.split('(').next())
        .collect();
    let mut tested: Vec<&str> = KERNELS.iter().map(|kernel| kernel.0).collect();
    written.sort_unstable();
    tested.sort_unstable();
    assert_eq!(written, tested);
}

#[test]
fn a_window_is_the_same_bits_wherever_the_column_is_cut() {
    let mut random = Random(1);
    let whole = Sample::random(3_000, &mut random).with_gaps(400, &mut random);
    for (name, memory, kernel) in &KERNELS {
        let rows = match memory {
            Window(rows) => *rows,
            Reach => |n| n + 1,
            Run | Day => continue,
        };
        let mut present = 0;
        for n in [1, 2, 3, 7, 20, 50, 63, 200] {
            let full = kernel(&whole, n);
            for _ in 0..8 {
                let start = random.below(2_000);
                let end = start + 1 + random.below(3_000 - start);
                let warm = (rows(n) - 1).min(end - start);
                let part = kernel(&whole.cut(start, end), n);
                let what = format!("{name}({n}) of rows {start}..{end}");
                assert_same_bits(&part[warm..], &full[start + warm..end], &what);
                present += part.iter().filter(|value| !value.is_nan()).count();
            }
        }
        assert!(present >= 500, "{name}: {present} values");
    }
}

#[test]
fn a_window_is_the_same_bits_in_other_surroundings() {
    let mut random = Random(2);
    let inside = Sample::random(400, &mut random);
    for (name, memory, kernel) in &KERNELS {
        let Window(rows) = memory else { continue };
        for n in [2, 5, 20, 300] {
            let alone = kernel(&inside, n);
            let before = random.below(1_500);
            let mut around = Sample::random(2_000, &mut random).with_gaps(3, &mut random);
            let mut moved = inside.clone();
            for (column, inner) in around.columns().into_iter().zip(moved.columns()) {
                column[before..before + 400].copy_from_slice(inner);
            }
            let there = &kernel(&around, n)[before..before + 400];
            let warm = rows(n) - 1;
            assert_same_bits(&there[warm..], &alone[warm..], &format!("{name}({n})"));
        }
    }
}

#[test]
fn the_future_does_not_change_the_past() {
    const ROWS: usize = 1_200;
    let mut random = Random(3);
    let sample = Sample::random(ROWS, &mut random).with_gaps(100, &mut random);
    for (name, _, kernel) in &KERNELS {
        let (mut present, mut missing) = (0, 0);
        for n in [1, 4, 9] {
            let full = kernel(&sample, n);
            for _ in 0..6 {
                let cut = 1 + random.below(ROWS);
                let what = format!("{name}({n}) of {cut} rows");
                assert_same_bits(&kernel(&sample.cut(0, cut), n), &full[..cut], &what);
                for poison in [f64::NAN, 1e9, -1e9] {
                    let mut poisoned = sample.clone();
                    poisoned.day[cut..].fill(1_000);
                    for column in poisoned.columns() {
                        column[cut..].fill(poison);
                    }
                    assert_same_bits(&kernel(&poisoned, n)[..cut], &full[..cut], &what);
                }
                let gaps = full[..cut].iter().filter(|value| value.is_nan()).count();
                missing += gaps;
                present += cut - gaps;
            }
        }
        assert!(present >= 500 && missing >= 50, "{name}: {present} present, {missing} missing");
    }
}

#[test]
fn a_missing_value_is_a_beginning() {
    let mut random = Random(4);
    let mut sample = Sample::random(300, &mut random);
    for gap in [0, 100, 101, 200] {
        for column in sample.columns() {
            column[gap] = f64::NAN;
        }
    }
    for (name, memory, kernel) in &KERNELS {
        if matches!(memory, Reach | Day) {
            continue;
        }
        for n in [1, 3, 10] {
            let full = kernel(&sample, n);
            let mut in_pieces = vec![f64::NAN];
            for (start, end) in [(1, 100), (100, 101), (101, 102), (102, 200), (201, 300)] {
                if start == 201 {
                    in_pieces.push(f64::NAN);
                }
                in_pieces.extend(kernel(&sample.cut(start, end), n));
            }
            assert_same_bits(&in_pieces, &full, &format!("{name}({n})"));
        }
    }
}

#[test]
fn a_missing_operand_of_a_recursion_makes_it_missing() {
    let mut random = Random(5);
    let sample = Sample::random(120, &mut random);
    for (name, memory, kernel) in &KERNELS {
        if !matches!(memory, Run) {
            continue;
        }
        let whole = kernel(&sample, 3);
        for column in 0..4 {
            let mut hurt = sample.clone();
            hurt.columns()[column][80] = f64::NAN;
            let hurt = kernel(&hurt, 3);
            assert_same_bits(&hurt[..80], &whole[..80], name);
            let is_operand = hurt[80..].iter().zip(&whole[80..]).any(|(a, b)| a != b);
            assert_eq!(hurt[80].is_nan(), is_operand, "{name}, column {column}");
        }
    }
}

#[test]
fn columns_shorter_than_the_warm_up_are_missing() {
    let mut random = Random(6);
    for rows in 0..4 {
        let sample = Sample::random(rows, &mut random);
        for (name, _, kernel) in &KERNELS {
            let values = kernel(&sample, 40);
            assert_eq!(values.len(), rows, "{name}");
            let early = ["cumsum", "ewm", "obv", "vwap", "true_range", "psar"].contains(name);
            assert!(early || values.iter().all(|value| value.is_nan()), "{name}");
        }
    }
}
