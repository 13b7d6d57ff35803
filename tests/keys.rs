//! Every key of `costs`, `risk` and `execution`, changed alone: one number moves by the amount computed
//! by hand.

use crate::project::Project;
use papertape::manifest::keys::{Key, Kind, SESSION};
use std::fmt::Write as _;

/// Bars as `open high low close`, each with the signal of its close: b(uy), s(ell), h (sell short),
/// c(over). Every bar has a volume of 100, but for the first, on which nothing is filled.
struct Bars {
    step: &'static str,
    rows: &'static [(&'static str, &'static str)],
}

/// Daily bars from Monday, 2024-01-01.
const fn daily(rows: &'static [(&'static str, &'static str)]) -> Bars {
    Bars { step: "1d", rows }
}

/// Hourly bars from 09:00 of that day.
const fn hourly(rows: &'static [(&'static str, &'static str)]) -> Bars {
    Bars { step: "1h", rows }
}

const FLAT: &str = "100 101 99 100";

/// Bought at 100, sold at 110.
const ROUND: Bars = daily(ROUND_ROWS);
const ROUND_ROWS: &[(&str, &str)] =
    &[(FLAT, "b"), (FLAT, ""), ("108 111 107 110", "s"), ("110 112 108 111", "")];

/// Sold short at 100, bought back at 110.
const SHORT: Bars =
    daily(&[(FLAT, "h"), (FLAT, ""), ("108 111 107 110", "c"), ("110 112 108 111", "")]);

/// Bought or sold short at 100, and closed two nights later at 100.
const STILL: Bars = daily(&[(FLAT, "b"), (FLAT, ""), (FLAT, "s"), (FLAT, "")]);
const STILL_SHORT: Bars = daily(&[(FLAT, "h"), (FLAT, ""), (FLAT, "c"), (FLAT, "")]);

/// Four bars that nothing is done on.
const IDLE: Bars = daily(&[(FLAT, ""), (FLAT, ""), (FLAT, ""), (FLAT, "")]);

/// Bought at 100; the next bar reaches 90 and 115, the one after opens at 80.
const WILD: Bars = daily(&[
    (FLAT, "b"),
    (FLAT, ""),
    ("102 115 90 104", ""),
    ("80 85 75 82", ""),
    ("82 84 80 83", ""),
]);

/// The same after a bar that an average true range needs.
const LATER: Bars = daily(&[
    (FLAT, ""),
    (FLAT, "b"),
    (FLAT, ""),
    ("102 115 90 104", ""),
    ("80 85 75 82", ""),
    ("82 84 80 83", ""),
]);

/// Bought at 104 after a close of 100; the entry's bar falls to 93, the next opens at 88.
const DEAR: Bars =
    daily(&[(FLAT, "b"), ("104 105 93 100", ""), ("88 90 84 86", ""), ("86 88 85 87", "")]);

/// Bought at 100; rises to 120, closes at 112, falls to 101 and below.
const HILL: Bars = daily(&[
    (FLAT, "b"),
    (FLAT, ""),
    ("104 120 103 112", ""),
    ("112 113 101 102", ""),
    ("102 103 95 96", ""),
]);

/// Bought at 100, falls to a close of 90 and comes back half way.
const FALL: Bars = daily(FALL_ROWS);
const FALL_ROWS: &[(&str, &str)] =
    &[(FLAT, "b"), (FLAT, ""), ("98 99 89 90", ""), ("88 96 87 95", ""), ("95 96 94 95", "")];

/// Bought at 100, sold at 90, bought again at 90; worth 100 in the end.
const AGAIN: Bars = daily(&[
    (FLAT, "b"),
    ("100 101 89 90", "s"),
    ("90 91 89 90", "b"),
    ("90 101 89 100", ""),
    (FLAT, ""),
]);

/// Bought at 100, sold at 90, and a bar later bought again at 90; worth 100 in the end.
const LATE: Bars = daily(&[
    (FLAT, "b"),
    ("100 101 89 90", "s"),
    ("90 91 89 90", ""),
    ("90 91 89 90", "b"),
    ("90 101 89 100", ""),
]);

/// As [`WILD`], after bars whose ranges are 2, 4 and 2.
const RANGES: Bars = daily(&[
    (FLAT, ""),
    ("100 103 99 100", ""),
    (FLAT, "b"),
    (FLAT, ""),
    ("102 115 90 104", ""),
    ("80 85 75 82", ""),
    ("82 84 80 83", ""),
]);

/// Bought at 100, sold at 110, bought at 110 on the same day; worth 120 in the end.
const BUSY: Bars = hourly(&[
    (FLAT, "b"),
    (FLAT, ""),
    ("108 111 107 110", "s"),
    ("110 112 108 111", "b"),
    ("110 121 109 120", ""),
]);

/// Bought at the close of 100; falls to 90 and closes at 104 with a signal to buy, then 110.
const STOPPED: Bars =
    daily(&[(FLAT, "b"), (FLAT, ""), ("100 105 90 104", "b"), ("104 111 103 110", "")]);

/// Bought at 100, turned round at 108.
const TURNED: Bars =
    daily(&[(FLAT, "b"), (FLAT, "h"), ("108 109 107 108", ""), ("108 109 107 108", "")]);

/// Bought at 100 and at 110, then down to 95.
const TWICE: Bars = daily(&[
    (FLAT, "b"),
    ("100 111 100 110", "b"),
    ("110 111 108 109", ""),
    ("109 109 95 97", ""),
    ("96 105 95 104", ""),
]);

/// The hours of the bar of [`WILD`] that reaches 90 and 115.
const HOURS: &str = "\
timestamp,open,high,low,close,volume
2024-01-03T00:00:00,102,104,101,103,50
2024-01-03T01:00:00,103,115,102,114,50
2024-01-03T02:00:00,114,114,90,104,50
";

struct Case {
    /// The key and its value; `a -> b` where it cannot be left out.
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

/// The money at the end, without the key and with it.
const fn end(without: f64, with: f64) -> (&'static str, f64, f64) {
    ("final_equity", without, with)
}

const COSTS: &[Case] = &[
    // 1 % of 100 and of 110.
    case("costs.commission.rate", "0.01", ROUND, "", end(1_010.0, 1_007.9)),
    case("costs.commission.per_unit", "0.5", ROUND, "", ("commission_paid", 0.0, 1.0)),
    case(
        "costs.commission.per_order",
        "2",
        ROUND,
        "sizing.units = 3",
        ("commission_paid", 0.0, 4.0),
    ),
    // Instead of 1 and 1.10.
    case("costs.commission.min", "3", ROUND, "costs.commission.rate = 0.01", end(1_007.9, 1_004.0)),
    case(
        "costs.commission.max",
        "1.05",
        ROUND,
        "costs.commission.rate = 0.01",
        end(1_007.9, 1_007.95),
    ),
    // The target of 105 is filled at the open of 108, by an order that rested.
    case(
        "costs.commission.maker",
        "0.02",
        ROUND,
        "costs.commission.rate = 0.01\nrisk.take_profit = 0.05",
        end(1_005.92, 1_004.84),
    ),
    case(
        "costs.commission.taker",
        "0.02",
        ROUND,
        "costs.commission.rate = 0.01",
        end(1_007.9, 1_005.8),
    ),
    // The sale comes after a turnover of 100: 0.11 instead of 1.10.
    case(
        "costs.commission.tiers",
        "[{ above = 99, rate = 0.001 }]",
        ROUND,
        "costs.commission.rate = 0.01",
        end(1_007.9, 1_008.89),
    ),
    case(
        "costs.commission.tiers",
        "[{ above = 99, taker = 0.001 }]",
        ROUND,
        "costs.commission.rate = 0.01",
        end(1_007.9, 1_008.89),
    ),
    // The target rested: 0.108 instead of 1.08.
    case(
        "costs.commission.tiers",
        "[{ above = 99, maker = 0.001 }]",
        ROUND,
        "costs.commission.rate = 0.01\nrisk.take_profit = 0.05",
        end(1_005.92, 1_006.892),
    ),
    // Bought at 101, sold at 108.90.
    case("costs.slippage.bps", "100", ROUND, "", end(1_010.0, 1_007.9)),
    // Half of 101 - 99 and of 112 - 108.
    case("costs.slippage.range", "0.5", ROUND, "", ("slippage_paid", 0.0, 3.0)),
    // The root of 1 in 100 is a tenth: 1 % of the price.
    case("costs.slippage.impact", "0.1", ROUND, "", end(1_010.0, 1_007.9)),
    case("costs.spread", "0.02", ROUND, "", end(1_010.0, 1_007.9)),
    // A thousandth of 100 for each of two nights.
    case("costs.borrow", "0.365", STILL_SHORT, "", ("financing_paid", 0.0, 0.2)),
    case(
        "costs.funding",
        "{ rate = 0.001, every = \"1d\" }",
        STILL,
        "",
        ("financing_paid", 0.0, 0.2),
    ),
    // Twice as often.
    case(
        "costs.funding.every",
        "\"1d\" -> \"12h\"",
        STILL,
        "costs.funding.rate = 0.001",
        ("financing_paid", 0.2, 0.4),
    ),
    // Three nights, a thousandth of the cash each.
    case("costs.interest", "0.365", IDLE, "", end(1_000.0, 1_003.003001)),
];

const RISK: &[Case] = &[
    // Out at 95 instead of the last close of 83.
    case("risk.stop_loss", "0.05", WILD, "", end(983.0, 995.0)),
    case("risk.take_profit", "0.1", WILD, "", end(983.0, 1_010.0)),
    // At the open of 104, when a gain of 3 % is enough, instead of the last close of 96.
    case("risk.take_profit_after", "[{ after = 1, gain = 0.03 }]", HILL, "", end(996.0, 1_004.0)),
    // 10 % below the best of 120, instead of the last close of 96.
    case("risk.trailing_stop", "0.1", HILL, "", end(996.0, 1_008.0)),
    // The range before is 2: out 3 * 2 away from 100.
    case("risk.stop_loss", "{ atr = 3, window = 1 }", LATER, "", end(983.0, 994.0)),
    case("risk.take_profit", "{ atr = 3, window = 1 }", LATER, "", end(983.0, 1_006.0)),
    // ... or from the best high of 101.
    case("risk.trailing_stop", "{ atr = 3, window = 1 }", LATER, "", end(983.0, 995.0)),
    // The mean of two ranges is 3, the last alone 2.
    case("risk.stop_loss.window", "1 -> 2", RANGES, "risk.stop_loss.atr = 3", end(994.0, 991.0)),
    case(
        "risk.take_profit.window",
        "1 -> 2",
        RANGES,
        "risk.take_profit.atr = 3",
        end(1_006.0, 1_009.0),
    ),
    case(
        "risk.trailing_stop.window",
        "1 -> 2",
        RANGES,
        "risk.trailing_stop.atr = 3",
        end(995.0, 992.0),
    ),
    // At the open of the second bar it is one bar old.
    case("risk.max_holding", "1", ROUND, "", end(1_010.0, 1_008.0)),
    // Half a unit is worth 50.
    case("risk.max_position", "0.05", ROUND, "", end(1_010.0, 1_005.0)),
    case("risk.max_position", "{ cash = 20 }", ROUND, "", end(1_010.0, 1_002.0)),
    case("risk.max_symbol", "0.05", ROUND, "", end(1_010.0, 1_005.0)),
    case("risk.max_group", "0.05", ROUND, "groups = { all = [\"@\"] }", end(1_010.0, 1_005.0)),
    case("risk.max_symbol", "{ cash = 20 }", ROUND, "", end(1_010.0, 1_002.0)),
    case(
        "risk.max_group",
        "{ cash = 20 }",
        ROUND,
        "groups = { all = [\"@\"] }",
        end(1_010.0, 1_002.0),
    ),
    case("risk.max_gross", "{ cash = 20 }", ROUND, "", end(1_010.0, 1_002.0)),
    case("risk.max_net", "{ cash = 20 }", ROUND, "", end(1_010.0, 1_002.0)),
    case("risk.max_gross", "0.05", ROUND, "", end(1_010.0, 1_005.0)),
    case("risk.max_net", "0.05", ROUND, "", end(1_010.0, 1_005.0)),
    case("risk.max_positions", "1", ROUND, TWO, end(1_020.0, 1_010.0)),
    // The second entry of the day is refused.
    case("risk.max_orders_per_day", "2", BUSY, "", end(1_020.0, 1_010.0)),
    // 5 % are lost at the close of 90: out at the next open of 88.
    case("risk.daily_loss", "0.04", hourly(FALL_ROWS), "sizing.units = 5", end(975.0, 940.0)),
    case("risk.max_drawdown", "0.04", FALL, "sizing.units = 5", end(975.0, 940.0)),
    case("risk.max_drawdown", "{ limit = 0.04 }", FALL, "sizing.units = 5", end(975.0, 940.0)),
    case(
        "risk.daily_loss",
        "{ limit = 0.04 }",
        hourly(FALL_ROWS),
        "sizing.units = 5",
        end(975.0, 940.0),
    ),
    case("risk.max_consecutive_losses", "{ limit = 1 }", AGAIN, "", end(1_000.0, 990.0)),
    case(
        "risk.max_drawdown.action",
        "\"block\"",
        FALL,
        "sizing.units = 5\nrisk.max_drawdown.limit = 0.04",
        end(940.0, 975.0),
    ),
    case(
        "risk.daily_loss.action",
        "\"block\"",
        hourly(FALL_ROWS),
        "sizing.units = 5\nrisk.daily_loss.limit = 0.04",
        end(940.0, 975.0),
    ),
    // The second entry is stopped at 99; the first is sold at the next open of 96, or worth 104.
    case(
        "risk.max_consecutive_losses.action",
        "\"block\"",
        TWICE,
        "sizing = { units = 1, max_entries = 2 }\nrisk.stop_loss = 0.1\n\
         risk.max_consecutive_losses.limit = 1",
        end(985.0, 993.0),
    ),
    // Entries are refused for three bars instead of for the day.
    case(
        "risk.daily_loss.cooldown",
        "3",
        LATE,
        "sizing.units = 5\nrisk.daily_loss.limit = 0.04",
        end(1_000.0, 950.0),
    ),
    // ... and for one bar instead of for good.
    case(
        "risk.max_drawdown.cooldown",
        "1",
        LATE,
        "sizing.units = 5\nrisk.max_drawdown.limit = 0.04",
        end(950.0, 1_000.0),
    ),
    case(
        "risk.max_consecutive_losses.cooldown",
        "1",
        LATE,
        "risk.max_consecutive_losses.limit = 1",
        end(990.0, 1_000.0),
    ),
    // The second entry is refused.
    case("risk.max_consecutive_losses", "1", AGAIN, "", end(1_000.0, 990.0)),
    // The entry would be filled at 10:00 on a Tuesday, the second.
    case(
        "risk.hours",
        "{ from = \"11:00\", to = \"12:00\" }",
        hourly(ROUND_ROWS),
        "",
        end(1_010.0, 1_000.0),
    ),
    case("risk.weekdays", "[1, 3, 4, 5]", ROUND, "", end(1_010.0, 1_000.0)),
    case(
        "risk.blackout",
        "[{ from = 2024-01-02, to = 2024-01-02 }]",
        ROUND,
        "",
        end(1_010.0, 1_000.0),
    ),
    // Out at the close of the entry's day, or at the bar that opens at 11:00.
    case("risk.overnight", "false", ROUND, "", end(1_010.0, 1_000.0)),
    case("risk.flat_by", "\"11:00\"", hourly(ROUND_ROWS), "", end(1_010.0, 1_008.0)),
];

const EXECUTION: &[Case] = &[
    // At the close of 100 instead of the open of 104; the last close is 87.
    case("execution.model", "\"vectorbt\"", DEAR, "", end(983.0, 987.0)),
    case("execution.fill", "\"close\"", DEAR, "", end(983.0, 987.0)),
    // Bought at 108 instead of 100, and not sold on a bar that there is not; worth 111.
    case("execution.delay", "1", ROUND, "", end(1_010.0, 1_003.0)),
    // The stop of 93.60 is hit on the entry's bar, or not tested there: out at the next open of 88.
    case(
        "execution.stop_on_entry_bar",
        "\"never\"",
        DEAR,
        "risk.stop_loss = 0.1",
        end(989.6, 984.0),
    ),
    // 95 or 110.
    case(
        "execution.intrabar",
        "\"target_first\"",
        WILD,
        "risk = { stop_loss = 0.05, take_profit = 0.1 }",
        end(995.0, 1_010.0),
    ),
    // The open of 80 or the level of 85.
    case("execution.gap_stop", "\"level\"", WILD, "risk.stop_loss = 0.15", end(980.0, 985.0)),
    // The low of the entry's bar is 99.
    case(
        "execution.limit_trigger",
        "\"through\"",
        ROUND,
        "strategy.rules.limit = \"99\"",
        end(1_011.0, 1_000.0),
    ),
    // The open of 100 or the limit of 103.
    case(
        "execution.limit_gap",
        "\"level\"",
        ROUND,
        "strategy.rules.limit = \"103\"",
        end(1_010.0, 1_007.0),
    ),
    // 10 % below the highest high of 120 or below the highest close of 112.
    case(
        "execution.trailing_from",
        "\"close\"",
        HILL,
        "risk.trailing_stop = 0.1",
        end(1_008.0, 1_000.8),
    ),
    // 5 % below the fill of 104 or below the signal's close of 100.
    case(
        "execution.stop_base",
        "\"signal_close\"",
        DEAR,
        "risk.stop_loss = 0.05",
        end(994.8, 991.0),
    ),
    // Bought at 101, the stop is 95.95; sold 1 % lower or there.
    case(
        "execution.slippage_on_stops",
        "false",
        WILD,
        "risk.stop_loss = 0.05\ncosts.slippage.bps = 100",
        end(993.9905, 994.95),
    ),
    // Bought at 102 and sold at 110, instead of 101 and 108.90.
    case("execution.spread_on", "\"entry\"", ROUND, "costs.spread = 0.02", end(1_007.9, 1_008.0)),
    // 20 units cost 2,000: 10 are bought, or none.
    case(
        "execution.short_of_cash",
        "\"cancel\"",
        ROUND,
        "sizing.units = 20",
        end(1_100.0, 1_000.0),
    ),
    // 2.5 units or 2.
    case("execution.units", "\"integer\"", ROUND, "sizing.units = 2.5", end(1_025.0, 1_020.0)),
    // 3 of 3.5 units or 2.
    case(
        "execution.lot_size",
        "1 -> 2",
        ROUND,
        "sizing.units = 3.5\nexecution.units = \"lot\"",
        end(1_030.0, 1_020.0),
    ),
    // Bought, sold and sold short; or bought and turned.
    case("execution.flip", "\"one_order\"", TURNED, "", ("orders", 3.0, 2.0)),
    // Out at 95 and in again at 104, worth 110; or out for good.
    case(
        "execution.orders_per_bar",
        "\"one\"",
        STOPPED,
        "risk.stop_loss = 0.05\nexecution.fill = \"close\"",
        end(1_001.0, 995.0),
    ),
    // The average is there from the third bar on, when the signal is past.
    case(
        "execution.first_bar",
        "\"all_warm\"",
        ROUND,
        "strategy.rules.enter_long = \"signal == 1 or sma(close, 3) > 1_000\"",
        end(1_010.0, 1_000.0),
    ),
    case("execution.at_end", "\"close_at_last_close\"", WILD, "", ("trades", 0.0, 1.0)),
    // The stop of 95.50 becomes 96 on a grid of 2.
    case("execution.tick_size", "2", WILD, "strategy.rules.stop = \"95.5\"", end(995.5, 996.0)),
    // 170 buy 1.63 units at 104, worth 87 each; or none.
    case(
        "execution.min_units",
        "2",
        DEAR,
        "sizing.cash = 170",
        end(1_000.0 - 170.0 / 104.0 * 17.0, 1_000.0),
    ),
    // 115 comes before 90, as the hours of that day tell: 95 or 110.
    case(
        "execution.detail",
        "\"data/hours.csv\"",
        WILD,
        "risk = { stop_loss = 0.05, take_profit = 0.1 }",
        end(995.0, 1_010.0),
    ),
    // Half a unit at 100, the other at 108; half is sold at 110, half worth 111.
    case("execution.max_participation", "0.005", ROUND, "", end(1_010.0, 1_006.5)),
    case("execution.min_volume", "101", ROUND, "", end(1_010.0, 1_000.0)),
    // Bought at 95 on the second bar, worth 83; or expired.
    case("execution.limit_bars", "1", WILD, "strategy.rules.limit = \"95\"", end(988.0, 1_000.0)),
    case("execution.leverage", "2", ROUND, "sizing.units = 20", end(1_100.0, 1_200.0)),
    // 810 are less than half of 1,710 at the close of 90: out at the next open of 88.
    case(
        "execution.maintenance",
        "0.5",
        FALL,
        "sizing.units = 19\nexecution.leverage = 1.9",
        end(905.0, 772.0),
    ),
    case("execution.shorting", "false", SHORT, "", end(990.0, 1_000.0)),
    // 5 units for good, or brought to half of the equity at the opens of 98, 88 and 95.
    case(
        "execution.rebalance",
        "100",
        FALL,
        "strategy.rules.weight = \"0.5\"",
        end(AT_88 / 2.0 + AT_88 / 2.0 / 88.0 * 95.0, 975.0),
    ),
    case(
        "execution.rebalance.every",
        "\"month\"",
        FALL,
        "strategy.rules.weight = \"0.5\"",
        end(AT_88 / 2.0 + AT_88 / 2.0 / 88.0 * 95.0, 975.0),
    ),
    case(
        "execution.rebalance.threshold",
        "0.4",
        FALL,
        "strategy.rules.weight = \"0.5\"",
        end(AT_88 / 2.0 + AT_88 / 2.0 / 88.0 * 95.0, 975.0),
    ),
];

/// The equity at the open of 88: half of 990 in cash, and as much in units bought at 98.
const AT_88: f64 = 495.0 + 495.0 / 98.0 * 88.0;

/// The same bars under a second name.
const TWO: &str = "symbols = [\"@\", \"@b\"]";

/// The bars of a case as a data file.
fn csv(bars: &Bars) -> String {
    let mut text = String::from("timestamp,open,high,low,close,volume,signal\n");
    for (index, (prices, signal)) in bars.rows.iter().enumerate() {
        let time = match bars.step {
            "1d" => format!("2024-01-{:02}", index + 1),
            _ => format!("2024-01-01T{:02}:00:00", index + 9),
        };
        let signal = ["b", "s", "h", "c"].iter().position(|known| known == signal);
        let signal = signal.map_or(0, |place| place + 1);
        let volume = if index == 0 { 200 } else { 100 };
        writeln!(text, "{time},{},{volume},{signal}", prices.replace(' ', ",")).unwrap();
    }
    text
}

/// The session of a case without its key, and with it.
fn sessions(number: usize, case: &Case) -> String {
    let mut text = String::new();
    let (without, with) = case.value.split_once(" -> ").unwrap_or(("", case.value));
    for (name, value) in [("without", without), ("with", with)] {
        let besides = case.besides.replace('@', &format!("bars{number}"));
        let has = |key: &str| besides.contains(key);
        let second =
            if has("symbols") { format!(", \"data/bars{number}b.csv\"") } else { String::new() };
        writeln!(text, "\n[session.{name}-{number}]\ncapital = 1_000\n{besides}").unwrap();
        writeln!(
            text,
            "data = {{ path = [\"data/bars{number}.csv\"{second}], timeframe = \"{}\" }}",
            case.bars.step
        )
        .unwrap();
        if !value.is_empty() {
            writeln!(text, "{} = {value}", case.key).unwrap();
        }
        if !has("sizing") {
            writeln!(text, "sizing.units = 1").unwrap();
        }
        let rules = ["enter_long", "exit_long", "enter_short", "exit_short"];
        for (place, rule) in rules.iter().enumerate().filter(|_| !has("rules.weight")) {
            if !has(rule) {
                writeln!(text, "strategy.rules.{rule} = \"signal == {}\"", place + 1).unwrap();
            }
        }
    }
    text
}

fn cases() -> impl Iterator<Item = (usize, &'static Case)> {
    [COSTS, RISK, EXECUTION].into_iter().flatten().enumerate()
}

#[test]
fn each_key_alone_moves_its_number_by_the_amount_computed_by_hand() {
    let mut manifest = String::from("\n");
    let project = Project::new();
    for (number, case) in cases() {
        project.write(&format!("data/bars{number}.csv"), csv(&case.bars));
        project.write(&format!("data/bars{number}b.csv"), csv(&case.bars));
        manifest.push_str(&sessions(number, case));
    }
    project.write("data/hours.csv", HOURS);
    project.write_manifest("keys.toml", &manifest);
    let _ = project.run(["run", "keys.toml", "--no-report"]).success();
    let run = project.newest();
    let mut wrong = String::new();
    for (number, case) in cases() {
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

/// The paths of all keys in a table.
fn paths(prefix: &str, keys: &[Key], found: &mut Vec<String>) {
    for key in keys {
        let path = format!("{prefix}.{}", key.name);
        match key.kind {
            Kind::Table(inner) | Kind::Choice(inner) if !CONDITIONS.contains(&path.as_str()) => {
                paths(&path, inner, found);
            }
            Kind::Either(kinds) => {
                for kind in kinds {
                    if let Kind::Table(inner) = kind {
                        paths(&path, inner, found);
                    }
                }
                found.push(path);
            }
            Kind::List(Kind::Table(inner)) => paths(&path, inner, found),
            _ => found.push(path),
        }
    }
}

/// Whether a case changes the key at `path`: alone, or within the value of its table.
fn is_tested(path: &str) -> bool {
    let (table, name) = path.rsplit_once('.').expect("a key stands in a table");
    let within = format!("{name} = ");
    cases().any(|(_, case)| case.key == path || case.key == table && case.value.contains(&within))
}

/// Tables that are one value.
const CONDITIONS: &[&str] = &["risk.hours"];

#[test]
fn no_key_was_forgotten() {
    let mut known = Vec::new();
    for key in SESSION {
        if let ("costs" | "risk" | "execution", Kind::Table(inner)) = (key.name, key.kind) {
            paths(key.name, inner, &mut known);
        }
    }
    // It moves no number: what it does not name is refused when planned.
    known.retain(|path| path != "execution.orders");
    let forgotten: Vec<_> = known.iter().filter(|path| !is_tested(path)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}
