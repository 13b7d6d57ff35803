//! The promise of the language, for every function of the registry: no value depends on a later row.

use super::*;
use crate::bars::{Bars, Clock, Cut, DAY, Extra};
use crate::diag::{Place, Source};
use std::sync::Arc;

mod elsewhere;
mod fuzz;

pub(super) const LEN: usize = 400;

/// Numbers from 0 to 1 that are the same each time (xorshift64 by Marsaglia).
fn random(seed: u64) -> impl FnMut() -> f64 {
    let mut state = 0x2545_f491_4f6c_dd1d_u64 ^ seed;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Bars that wander, with a further column that has gaps.
pub(super) fn bars(future: Option<(usize, f64)>) -> Bars {
    wander(LEN, future)
}

/// The same, so many.
pub(super) fn wander(len: usize, future: Option<(usize, f64)>) -> Bars {
    let mut random = random(0);
    let mut close = 100.0;
    let rows: Vec<[f64; 6]> = (0..len)
        .map(|row| {
            let open = close * (1.0 + 0.02 * (random() - 0.5));
            close = open * (1.0 + 0.04 * (random() - 0.5));
            let high = open.max(close) * (1.0 + 0.01 * random());
            let low = open.min(close) * (1.0 - 0.01 * random());
            let score = if random() < 0.03 { f64::NAN } else { random() - 0.5 };
            let volume = 1_000.0 * random();
            let row_values = [open, high, low, close, volume, score];
            match future {
                Some((after, poison)) if row > after => [poison; 6],
                _ => row_values,
            }
        })
        .collect();
    let column = |index: usize| -> Cut<f64> { rows.iter().map(|row| row[index]).collect() };
    Bars {
        symbol: "X".into(),
        time: (0..len as i64).map(|row| row * DAY / 8).collect(),
        open: column(0),
        high: column(1),
        low: column(2),
        close: column(3),
        volume: column(4),
        extra: vec![Extra { name: "score".into(), boolean: false, values: column(5) }],
        actions: Arc::new([]),
        clock: Clock::utc(DAY / 8),
    }
}

struct Names;

impl Scope for Names {
    fn resolve(&self, name: &str) -> Option<Binding> {
        let known = PRICES.contains(&name) || name == "score";
        known.then_some(Binding::Column(Type::Number))
    }

    fn names(&self) -> Vec<String> {
        PRICES.iter().map(|name| (*name).to_owned()).collect()
    }

    fn has_bars(&self) -> bool {
        true
    }

    fn symbol(&self, name: &Symbol) -> Option<Op> {
        Some(Op::Text(name.text.as_str().into()))
    }
}

/// `text` bound to no parameters, and the graph that it stands in.
pub(super) fn bound(text: &str) -> (Graph, Bound) {
    let place = Place::whole(&Source::new("test", text));
    let mut program = Program::default();
    let root = program.compile(text, &place, &Names).unwrap();
    let mut graph = Graph::default();
    let bound = graph.bind(&program, &[], &World::default()).unwrap().swap_remove(root);
    (graph, bound)
}

pub(super) fn evaluate(text: &str, bars: &Bars, rows: usize) -> Column {
    let view = View { bars: Arc::new(bars.clone()), rows: 0..rows, from: 0 };
    evaluate_on(text, vec![view], 1)
}

/// `text` for the first of `views`, of which the session trades the first `session`.
pub(super) fn evaluate_on(text: &str, views: Vec<View>, session: usize) -> Column {
    let place = Place::whole(&Source::new("test", text));
    let mut program = Program::default();
    let root =
        program.compile(text, &place, &Names).unwrap_or_else(|m| panic!("{}", m.render(false)));
    let seen = |(index, view): (usize, &View)| Seen {
        symbol: view.bars.symbol.clone(),
        traded: index < session,
        timeframe: view.bars.clock.timeframe,
        rows: view.rows.len(),
        span: 0,
    };
    let world = World { symbols: views.iter().enumerate().map(seen).collect() };
    let mut graph = Graph::default();
    let bound = graph.bind(&program, &[], &world).unwrap_or_else(|m| panic!("{}", m.render(false)));
    let needs = match bound[root] {
        Bound::Expression(number) => graph.needs([number]),
        Bound::Scalar(_) => vec![],
    };
    let fatal: Vec<Trouble> =
        graph.troubles(&needs, &world).into_iter().filter(|trouble| trouble.fatal).collect();
    assert_eq!(fatal, [], "{text}");
    let mut columns = Columns::new(&graph, views, session);
    columns.reserve(0..1, &needs);
    columns.spread(0, &bound[root])
}

/// That `text` is an expression, on the bars of this module under the names of other symbols.
pub(super) fn evaluates(text: &str) {
    let named = |symbol: &str| View {
        bars: Arc::new(Bars { symbol: symbol.into(), ..bars(None) }),
        rows: 0..LEN,
        from: 0,
    };
    evaluate_on(text, ["X", "ETH", "BTC/USDT"].map(named).to_vec(), 1);
}

/// A call of `function` over the close, and one over nested expressions with gaps.
pub(super) fn calls(function: &Function) -> [String; 2] {
    let call = |series: &str, flag: &str| {
        if function.args.is_empty() {
            let further = if series == "close" { "0" } else { "score" };
            return format!("{} + {further}", function.name);
        }
        let args = function.args.iter().map(|arg| match arg.kind {
            ArgKind::Series => series.to_owned(),
            ArgKind::Flag => flag.to_owned(),
            ArgKind::Window { min } => format!("{}", arg.default.unwrap_or(5.0).max(min as f64)),
            ArgKind::Constant => format!("{}", arg.default.unwrap_or(2.0)),
        });
        format!("{}({})", function.name, args.collect::<Vec<_>>().join(", "))
    };
    let nested = "if(score > 0.4, high, close - 100 * lag(score, 2))";
    [call("close", "close > open"), call(nested, "score > 0 or close > sma(close, 3)")]
}

pub(super) fn bits(scalar: &Scalar) -> Option<u64> {
    match scalar {
        Scalar::Number(number) => Some(number.to_bits()),
        Scalar::Bool(value) => Some(u64::from(*value)),
        _ => None,
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "a test says what it compared or skipped")]
fn the_future_does_not_change_the_past() {
    let whole = gappy(bars(None), LEN);
    for function in Function::all() {
        let (mut present, mut missing) = (0, 0);
        for text in calls(function) {
            let all = evaluate(&text, &whole, LEN);
            for cut in (20..LEN - 1).step_by(71) {
                let spoiled = |poison: f64| gappy(bars(Some((cut, poison))), cut + 1);
                let changed = [
                    ("cut", evaluate(&text, &whole, cut + 1)),
                    ("missing", evaluate(&text, &spoiled(f64::NAN), LEN)),
                    ("spoiled", evaluate(&text, &spoiled(1e9), LEN)),
                ];
                for (how, column) in changed {
                    for row in 0..=cut {
                        let wanted = bits(&all.at(row));
                        assert_eq!(
                            bits(&column.at(row)),
                            wanted,
                            "{text}: {how} after {cut}: {row}"
                        );
                        present += usize::from(wanted.is_some());
                        missing += usize::from(wanted.is_none());
                    }
                }
            }
        }
        let name = function.name;
        println!("{name}: {present} present and {missing} missing values compared");
        assert!(present >= 500 && missing >= 50, "{name}: {present} present, {missing} missing");
    }
}

/// The bars, of whose first `rows` some have no prices.
fn gappy(bars: Bars, rows: usize) -> Bars {
    let gaps = |column: &[f64]| -> Cut<f64> {
        let gap = |row: usize| row < rows && row % 97 == 60;
        let values = column.iter().enumerate();
        values.map(|(row, &value)| if gap(row) { f64::NAN } else { value }).collect()
    };
    Bars {
        open: gaps(&bars.open),
        high: gaps(&bars.high),
        low: gaps(&bars.low),
        close: gaps(&bars.close),
        volume: gaps(&bars.volume),
        ..bars
    }
}

#[test]
fn a_function_has_its_first_value_after_the_bars_that_it_says() {
    let bars = bars(None);
    for function in Function::all().filter(|function| matches!(function.warm_up, WarmUp::Bars(..)))
    {
        for longer in [1.0, 4.0] {
            let mut windows = Vec::new();
            let args = function.args.iter().map(|arg| match arg.kind {
                ArgKind::Series => "close".to_owned(),
                ArgKind::Flag => "close > open".to_owned(),
                ArgKind::Window { min } => {
                    windows.push(arg.default.unwrap_or(min as f64) + longer);
                    windows[windows.len() - 1].to_string()
                }
                ArgKind::Constant => arg.default.unwrap_or(2.0).to_string(),
            });
            let args = args.collect::<Vec<_>>().join(", ");
            let text = match function.args.is_empty() {
                true => format!("{} + 0", function.name),
                false => format!("{}({args})", function.name),
            };
            let column = evaluate(&text, &bars, LEN);
            let first = (0..LEN).position(|row| bits(&column.at(row)).is_some());
            assert_eq!(first.map(|row| row as f64), Some(function.warm_up(&windows)), "{text}");
        }
    }
}

#[test]
fn who_calls_a_function_as_others_do_is_told_its_name_here() {
    for (there, here) in [("mean", "sma(x, n)"), ("SHIFT", "lag(x, n = 1)"), ("tr", "true_range")] {
        let text = format!("{there}(close, 5) > 1");
        let place = Place::whole(&Source::new("test", text.as_str()));
        let mistakes = Program::default().compile(&text, &place, &Names).unwrap_err();
        let label = &mistakes.iter().next().expect("a mistake").label;
        assert_eq!(*label, format!("here it is `{here}`"));
    }
}

#[test]
fn every_function_says_what_it_is_and_its_example_compiles() {
    for function in Function::all() {
        for text in [function.about, function.formula, function.source] {
            assert!(!text.is_empty(), "{}", function.name);
        }
        // An example may use a let of its reader's.
        let example = function.example.replace("exp(x)", "exp(score)");
        evaluate(&example, &bars(None), LEN);
    }
}

#[test]
fn elementary_functions_are_what_their_names_say() {
    let bars = bars(None);
    let value = |text: &str, row: usize| match evaluate(text, &bars, LEN).at(row) {
        Scalar::Number(number) => number,
        Scalar::Bool(value) => f64::from(u8::from(value)),
        other => panic!("{text}: {other:?}"),
    };
    for (text, expected) in [
        ("round(2.5)", 3.0),
        ("floor(-0.5)", -1.0),
        ("sign(-3)", -1.0),
        ("sign(0)", 0.0),
        ("clamp(5, 1, 3)", 3.0),
        ("min(3, 1, 2)", 1.0),
        ("max(3, 1, 2)", 3.0),
        ("7 % 5", 2.0),
        ("-7 % 5", 3.0),
        ("7 / 2", 3.5),
        ("abs(-2)", 2.0),
        ("sqrt(9)", 3.0),
        ("exp(0)", 1.0),
        ("log(1)", 0.0),
        ("bar_index", 17.0),
        ("bars_since(bar_index == 10)", 7.0),
        ("count_true(bar_index % 2 == 0, 4)", 2.0),
        ("hour", 3.0),
        ("weekday", 6.0),
        ("day", 3.0),
        ("month + year", 1971.0),
        ("crosses_above(bar_index, 16.5)", 1.0),
        ("crosses_above(bar_index, 17)", 0.0),
        ("crosses_below(16.5, bar_index)", 1.0),
        ("if(close > 0, 1, 2)", 1.0),
        ("5 in [1, 5]", 1.0),
    ] {
        assert_eq!(value(text, 17), expected, "{text}");
    }
}
