//! A value of a window depends on the window alone, for every function of the registry: the same bits
//! wherever the column begins, ends or is cut into tiles.

use super::registry::of_a_window;
use super::tests::{LEN, bars, bits, bound, calls, evaluate_on, wander};
use super::*;
use proptest::prelude::*;
use std::sync::Arc;

/// What remembers more than a window: everything since its column, its day or the range began.
const REMEMBER: [&str; 22] = [
    "ema",
    "ewm",
    "dema",
    "tema",
    "kama",
    "rma",
    "rsi",
    "macd",
    "macd_signal",
    "macd_hist",
    "adx",
    "plus_di",
    "minus_di",
    "psar",
    "supertrend",
    "atr",
    "keltner_upper",
    "keltner_lower",
    "obv",
    "vwap",
    "cumsum",
    "bar_index",
];

/// The values of `text` over some rows, which are all that there are.
fn over(text: &str, rows: std::ops::Range<usize>) -> Vec<Option<u64>> {
    let view = View { bars: Arc::new(bars(None)), from: rows.start, rows: rows.clone() };
    let column = evaluate_on(text, vec![view], 1);
    (0..rows.len()).map(|row| bits(&column.at(row))).collect()
}

#[test]
#[expect(clippy::print_stdout, reason = "a test says what it compared")]
fn a_window_is_the_same_bits_wherever_the_column_is_cut_or_tiled() {
    // No nested expression of `calls` reaches back further than its window of 5 and this.
    const NESTED: usize = 4;
    let (mut present, mut missing) = (0, 0);
    for function in Function::all() {
        let mut moved = false;
        for (nested, text) in calls(function).iter().enumerate() {
            let whole = over(text, 0..LEN);
            let plain = over(&calls(function)[0], 0..LEN);
            let warm = plain.iter().position(Option::is_some).expect("values") + nested * NESTED;
            for (start, end) in [(1, 90), (64, 200), (77, 78 + warm), (129, 333), (199, LEN)] {
                let piece = over(text, start..end);
                let inside = |row: &usize| *row >= warm;
                for row in (0..piece.len()).filter(inside) {
                    if piece[row] != whole[start + row] {
                        let known = REMEMBER.contains(&function.name);
                        assert!(known, "{text}: row {} of {start}..{end}", start + row);
                        moved = true;
                    }
                    present += usize::from(piece[row].is_some());
                    missing += usize::from(piece[row].is_none());
                }
            }
        }
        // One that never moved has no business among those that remember.
        assert_eq!(moved, REMEMBER.contains(&function.name), "{}", function.name);
    }
    println!("{present} present and {missing} missing values compared");
    assert!(present >= 500 && missing >= 50, "{present} present, {missing} missing");
}

/// Evaluate the inequalities among `needs`, cut into at most so many stretches.
fn compare(columns: &Columns<'_>, needs: &[Need], stretches: usize) {
    let comparisons = columns.comparisons(columns.inequalities(0..1, needs));
    let stretches = comparisons.stretches(stretches).into_iter();
    let found = stretches.map(|blocks| comparisons.over(blocks)).collect();
    columns.keep(comparisons, found);
}

#[test]
#[expect(clippy::print_stdout, reason = "a test says what it compared")]
fn a_window_that_is_compared_piece_by_piece_is_the_whole_column() {
    const ROWS: usize = 9_000;
    let view = View { bars: Arc::new(wander(ROWS, None)), rows: 0..ROWS, from: 0 };
    // What several sessions need is a whole column, what one needs is not.
    let mask = |text: &str, sessions: usize, stretches: usize| {
        let (graph, bound) = bound(text);
        let Bound::Expression(number) = bound else { unreachable!("it is read from bars") };
        let needs = graph.needs([number]);
        let mut columns = Columns::new(&graph, [view.clone()], 1);
        (0..sessions).for_each(|_| columns.reserve(0..1, &needs));
        compare(&columns, &needs, stretches);
        columns.spread(0, &bound)
    };
    let (mut held, mut not, mut missing) = (0, 0, 0);
    for function in Function::all().filter(|function| of_a_window(function).is_some()) {
        for n in [2, 64, 1_023] {
            for source in ["close", "score"] {
                let name = function.name;
                let text = format!("{name}({source}, {n}) > 1.001 * {name}({source}, {n} + 1)");
                let (own, shared) = (mask(&text, 1, 1), mask(&text, 2, 1));
                let cut = mask(&text, 1, 3);
                for row in 0..ROWS {
                    assert_eq!(own.at(row), shared.at(row), "{text}, row {row}");
                    assert_eq!(own.at(row), cut.at(row), "{text}, row {row} of three stretches");
                    match own.at(row) {
                        Scalar::Bool(true) => held += 1,
                        Scalar::Bool(false) => not += 1,
                        _ => missing += 1,
                    }
                }
            }
        }
    }
    println!("{held} held, {not} did not, {missing} missing");
    assert!(held >= 10_000 && not >= 10_000 && missing >= 10_000, "{held} {not} {missing}");
}

/// Rules of comparisons, some of them with values that are missing.
fn rule() -> impl Strategy<Value = String> {
    let columns = vec!["close", "score", "sma(close, 3)", "sma(score, 70)", "open"];
    let number = || prop::sample::select([&columns[..], &["0.1"]].concat());
    let first = || prop::sample::select(columns.clone());
    let relation = prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]);
    let compared = (first(), relation, number()).prop_map(|(a, is, b)| format!("{a} {is} {b}"));
    let crossing = prop::sample::select(vec!["crosses_above", "crosses_below"]);
    let crossing = (crossing, first(), number()).prop_map(|(f, a, b)| format!("{f}({a}, {b})"));
    prop_oneof![compared, crossing].prop_recursive(3, 12, 2, |inner| {
        let joined = (inner.clone(), prop::sample::select(vec!["and", "or"]), inner.clone());
        prop_oneof![
            3 => joined.prop_map(|(a, word, b)| format!("({a} {word} {b})")),
            1 => inner.prop_map(|rule| format!("(not ({rule}))")),
        ]
    })
}

#[test]
#[expect(clippy::print_stdout, reason = "a test says what it compared")]
fn a_rule_is_true_where_its_column_is() {
    const ROWS: usize = 700;
    let view = View { bars: Arc::new(wander(ROWS, None)), rows: 0..ROWS, from: 0 };
    let (trues, rules) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    proptest!(ProptestConfig::with_cases(300), |(text in rule(), sessions in 1..3_usize)| {
        let (graph, bound) = bound(&text);
        let Bound::Expression(number) = bound else { unreachable!("it is read from bars") };
        let needs = graph.needs([number]);
        let columns = || {
            let mut columns = Columns::new(&graph, [view.clone()], 1);
            (0..sessions).for_each(|_| columns.reserve(0..1, &needs));
            columns
        };
        let (alone, together) = (columns(), columns());
        compare(&together, &needs, sessions);
        let Column::Bool(column) = alone.spread(0, &bound) else { unreachable!("it is a rule") };
        prop_assert_eq!(&together.mask(0, &bound), &column.yes);
        // Nothing else is known of it for that.
        let Column::Bool(whole) = together.spread(0, &bound) else { unreachable!("it is a rule") };
        prop_assert_eq!(&whole, &column);
        prop_assert_eq!(&columns().mask(0, &bound), &column.yes);
        trues.set(trues.get() + column.yes.count());
        rules.set(rules.get() + 1);
    });
    println!("{} bars of {} rules were true", trues.get(), rules.get());
    assert!(rules.get() >= 200 && trues.get() >= 20_000, "{} {}", rules.get(), trues.get());
}
