//! Every key of `costs`, `risk` and `execution`, changed alone: one number moves by the amount computed
//! by hand.

use crate::project::Project;
use std::fmt::Write as _;

/// Bars as `open high low close`, each with the signal of its close: b(uy), s(ell), h (sell short),
/// c(over).
type Bars = &'static [(&'static str, &'static str)];

/// Bought at 100, sold at 110.
const ROUND: Bars = &[
    ("100 101 99 100", "b"),
    ("100 101 99 100", ""),
    ("108 111 107 110", "s"),
    ("110 112 108 111", ""),
];

/// Bought at 100; the next bar reaches 90 and 115, the one after opens at 80.
const WILD: Bars = &[
    ("100 101 99 100", "b"),
    ("100 101 99 100", ""),
    ("102 115 90 104", ""),
    ("80 85 75 82", ""),
    ("82 84 80 83", ""),
];

/// Bought at 104 after a close of 100; the entry's bar falls to 93, the next opens at 88.
const DEAR: Bars =
    &[("100 101 99 100", "b"), ("104 105 93 100", ""), ("88 90 84 86", ""), ("86 88 85 87", "")];

/// Bought at 100; rises to 120, closes at 112, falls to 101 and below.
const HILL: Bars = &[
    ("100 101 99 100", "b"),
    ("100 101 99 100", ""),
    ("104 120 103 112", ""),
    ("112 113 101 102", ""),
    ("102 103 95 96", ""),
];

struct Case {
    /// The key and its value.
    key: &'static str,
    value: &'static str,
    bars: Bars,
    /// What the session holds besides; one unit of 1,000 is traded unless it says otherwise.
    besides: &'static str,
    /// The number that moves, without the key and with it.
    moves: (&'static str, f64, f64),
}

const fn case(
    key: &'static str,
    value: &'static str,
    bars: Bars,
    besides: &'static str,
    moves: (&'static str, f64, f64),
) -> Case {
    Case { key, value, bars, besides, moves }
}

const CASES: &[Case] = &[
    // 1 % of 100 and of 110.
    case("costs.commission.rate", "0.01", ROUND, "", ("final_equity", 1_010.0, 1_007.9)),
    case("costs.commission.per_unit", "0.5", ROUND, "", ("commission_paid", 0.0, 1.0)),
    // Bought at 101, sold at 108.90.
    case("costs.slippage.bps", "100", ROUND, "", ("final_equity", 1_010.0, 1_007.9)),
    // Out at 95 instead of the last close of 83.
    case("risk.stop_loss", "0.05", WILD, "", ("final_equity", 983.0, 995.0)),
    case("risk.take_profit", "0.1", WILD, "", ("final_equity", 983.0, 1_010.0)),
    // 10 % below the best of 120, instead of the last close of 96.
    case("risk.trailing_stop", "0.1", HILL, "", ("final_equity", 996.0, 1_008.0)),
    // At the close of 100 instead of the open of 104; the last close is 87.
    case("execution.fill", "\"close\"", DEAR, "", ("final_equity", 983.0, 987.0)),
    // The stop of 93.60 is hit on the entry's bar, or not tested there: out at the next open of 88.
    case(
        "execution.stop_on_entry_bar",
        "\"never\"",
        DEAR,
        "risk.stop_loss = 0.1",
        ("final_equity", 989.6, 984.0),
    ),
    // 95 or 110.
    case(
        "execution.intrabar",
        "\"target_first\"",
        WILD,
        "risk = { stop_loss = 0.05, take_profit = 0.1 }",
        ("final_equity", 995.0, 1_010.0),
    ),
    // The open of 80 or the level of 85.
    case(
        "execution.gap_stop",
        "\"level\"",
        WILD,
        "risk.stop_loss = 0.15",
        ("final_equity", 980.0, 985.0),
    ),
    // 10 % below the highest high of 120 or below the highest close of 112.
    case(
        "execution.trailing_from",
        "\"close\"",
        HILL,
        "risk.trailing_stop = 0.1",
        ("final_equity", 1_008.0, 1_000.8),
    ),
    // 5 % below the fill of 104 or below the signal's close of 100.
    case(
        "execution.stop_base",
        "\"signal_close\"",
        DEAR,
        "risk.stop_loss = 0.05",
        ("final_equity", 994.8, 991.0),
    ),
    // Bought at 101, the stop is 95.95; sold there or 1 % lower.
    case(
        "execution.slippage_on_stops",
        "false",
        WILD,
        "risk.stop_loss = 0.05\ncosts.slippage.bps = 100",
        ("final_equity", 993.9905, 994.95),
    ),
    // 20 units cost 2,000: 10 are bought, or none.
    case(
        "execution.short_of_cash",
        "\"cancel\"",
        ROUND,
        "sizing.units = 20",
        ("final_equity", 1_100.0, 1_000.0),
    ),
    // 2.5 units or 2.
    case(
        "execution.units",
        "\"integer\"",
        ROUND,
        "sizing.units = 2.5",
        ("final_equity", 1_025.0, 1_020.0),
    ),
    case("execution.at_end", "\"close_at_last_close\"", WILD, "", ("trades", 0.0, 1.0)),
];

/// The bars of a case as a data file.
fn csv(bars: Bars) -> String {
    let mut text = String::from("timestamp,open,high,low,close,volume,signal\n");
    for (day, (prices, signal)) in bars.iter().enumerate() {
        let signal = match *signal {
            "b" => 1,
            "s" => 2,
            "h" => 3,
            "c" => 4,
            _ => 0,
        };
        writeln!(text, "2024-01-{:02},{},100,{signal}", day + 1, prices.replace(' ', ",")).unwrap();
    }
    text
}

/// The session of a case without its key, and with it.
fn sessions(number: usize, case: &Case) -> String {
    let mut text = String::new();
    for (name, line) in
        [("without", String::new()), ("with", format!("{} = {}", case.key, case.value))]
    {
        let sizing = if case.besides.contains("sizing") { "" } else { "sizing.units = 1" };
        write!(
            text,
            "
[session.{name}-{number}]
capital = 1_000
data = {{ path = \"data/{number}.csv\", timeframe = \"1d\" }}
{sizing}
{besides}
{line}
[session.{name}-{number}.strategy.rules]
enter_long = \"signal == 1\"
exit_long = \"signal == 2\"
enter_short = \"signal == 3\"
exit_short = \"signal == 4\"
",
            besides = case.besides,
        )
        .unwrap();
    }
    text
}

#[test]
fn each_key_alone_moves_its_number_by_the_amount_computed_by_hand() {
    let mut manifest = String::from("\n");
    let project = Project::new();
    for (number, case) in CASES.iter().enumerate() {
        project.write(&format!("data/{number}.csv"), csv(case.bars));
        manifest.push_str(&sessions(number, case));
    }
    project.write_manifest("keys.toml", &manifest);
    let _ = project.run(["run", "keys.toml", "--no-report"]).success();
    let run = project.newest();
    let mut wrong = String::new();
    for (number, case) in CASES.iter().enumerate() {
        let (metric, without, with) = case.moves;
        for (name, expected) in [("without", without), ("with", with)] {
            let found: f64 = run.result(&format!("{name}-{number}"))[metric].parse().unwrap();
            if (found - expected).abs() > 1e-9 * expected.abs() {
                writeln!(wrong, "{name} `{}`: {metric} is {found}, not {expected}", case.key)
                    .unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
