//! Whatever is written where an expression should stand: an answer, soon, and no panic.

use super::*;
use crate::diag::Mistake;
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// Pieces that expressions are made of, and some that they are not.
fn piece() -> impl Strategy<Value = String> {
    let names: Vec<String> = Function::all().map(|function| function.name.to_owned()).collect();
    let words = [
        "close",
        "score",
        "n",
        "word",
        "true",
        "if",
        "at",
        "in",
        "not",
        "and",
        "or",
        "'1d'",
        "\"4h\"",
        "'",
        "\"",
        "(",
        ")",
        "[",
        "]",
        ",",
        "+",
        "-",
        "*",
        "/",
        "%",
        "<",
        "<=",
        "==",
        "!=",
        "@",
        ".",
        "0",
        "1",
        "20",
        "1e9",
        "-1",
        "1.5",
        "9e999",
        "5x",
        "é",
        "\u{1F600}",
        "\\",
        "\0",
        "=",
        "&&",
    ];
    prop_oneof![
        3 => prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => prop::sample::select(names),
    ]
}

/// Expressions that can be read, of every kind of node.
fn expression() -> impl Strategy<Value = String> {
    let leaf =
        prop::sample::select(vec!["close", "score", "n", "3", "0.5", "true", "'1d'", "word"]);
    leaf.prop_map(str::to_owned).prop_recursive(5, 60, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(|list| list.join(", "));
        let names: Vec<&str> =
            Function::all().map(|function| function.name).chain(["if", "at", "tag"]).collect();
        let operators = vec!["+", "-", "*", "/", "%", "<", ">=", "==", "!=", "and", "or"];
        prop_oneof![
            (inner.clone(), prop::sample::select(operators), inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (prop::sample::select(names), list.clone())
                .prop_map(|(f, list)| format!("{f}({list})")),
            inner.clone().prop_map(|x| format!("-{x}")),
            inner.clone().prop_map(|x| format!("(not {x})")),
            inner.clone().prop_map(|x| format!("{x}@X")),
            (inner, list).prop_map(|(x, list)| format!("({x} in [{list}])")),
        ]
    })
}

/// Names of every type.
struct AllTypes;

impl Scope for AllTypes {
    fn resolve(&self, name: &str) -> Option<Binding> {
        match name {
            "n" => Some(Binding::Param(0, Type::Int)),
            "word" => Some(Binding::Param(1, Type::Text)),
            name => Names.resolve(name),
        }
    }

    fn names(&self) -> Vec<String> {
        Names.names()
    }

    fn has_bars(&self) -> bool {
        true
    }

    fn symbol(&self, name: &Symbol) -> Option<Op> {
        (name.text == "X").then(|| Op::Text("X".into()))
    }
}

/// Take `text` as far as it goes: to a tree, a program, a graph, a column. Whether it went all the
/// way; a mistake lies inside the text.
fn goes_through(text: &str, bars: &Bars) -> bool {
    let source = Source::new("test", text);
    let place = Place::whole(&source);
    let mut program = Program::default();
    let inside = |mistake: &Mistake| {
        let place = mistake.place.as_ref().expect("a mistake in an expression has a place");
        assert!(source.text.get(place.span.clone()).is_some(), "{text}: {place:?}");
        assert!(!mistake.title.is_empty());
    };
    let root = match program.compile(text, &place, &AllTypes) {
        Ok(root) => root,
        Err(mistakes) => {
            mistakes.iter().for_each(inside);
            return false;
        }
    };
    let seen = Seen {
        symbol: "X".into(),
        traded: true,
        timeframe: bars.clock.timeframe,
        rows: bars.len(),
        span: DAY,
    };
    let (mut graph, world) = (Graph::default(), World { symbols: vec![seen] });
    let params = [Scalar::Number(3.0), Scalar::Text("1d".into())];
    let bound = match graph.bind(&program, &params, &world) {
        Ok(bound) => bound[root].clone(),
        Err(mistakes) => {
            mistakes.iter().for_each(inside);
            return false;
        }
    };
    let Bound::Expression(number) = bound else { return true };
    let needs = graph.needs([number]);
    if graph.troubles(&needs, &world).iter().any(|trouble| trouble.fatal) {
        return false;
    }
    let view = View { bars: Arc::new(bars.clone()), rows: 0..40, from: 0 };
    let mut columns = Columns::new(&graph, [view], 1);
    columns.reserve(0..1, &needs);
    let column = columns.spread(0, &bound);
    let flag = matches!(column, Column::Bool(_));
    assert_eq!(flag, program.ty(root) == Type::Bool, "{text}: a column has its type");
    true
}

#[test]
fn no_text_makes_the_language_panic_or_wait() {
    let bars = bars(None);
    let text = prop::collection::vec((piece(), prop::sample::select(vec!["", " ", "\n"])), 0..40)
        .prop_map(|pieces| {
            pieces.into_iter().map(|(piece, space)| piece + space).collect::<String>()
        });
    let began = Instant::now();
    proptest!(ProptestConfig::with_cases(400), |(text in text, any in ".{0,60}")| {
        goes_through(&text, &bars);
        goes_through(&any, &bars);
    });
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
#[expect(clippy::print_stdout, reason = "a test says what it compared")]
fn every_tree_is_a_mistake_or_a_column_of_its_type() {
    let bars = bars(None);
    let whole = std::cell::Cell::new(0);
    proptest!(ProptestConfig::with_cases(1_500), |(text in expression())| {
        whole.set(whole.get() + usize::from(goes_through(&text, &bars)));
    });
    println!("{} of 1500 expressions were evaluated", whole.get());
    assert!(whole.get() >= 100, "{}", whole.get());
}

#[test]
fn long_and_deep_texts_are_answered_at_once() {
    let bars = bars(None);
    for text in [
        "(".repeat(200_000),
        "-".repeat(200_000),
        "not ".repeat(50_000),
        "sma(".repeat(50_000),
        "close@".repeat(50_000),
        format!("close{}", "@X".repeat(50_000)),
        "a.".repeat(100_000),
        vec!["close"; 100_000].join("+"),
        format!("max({})", vec!["close"; 100_000].join(",")),
        format!("close in [{}]", vec!["1"; 100_000].join(",")),
        "'".repeat(100_001),
        "9".repeat(100_000),
        format!("{}close{}", "at('1d', ".repeat(60), ")".repeat(60)),
    ] {
        let began = Instant::now();
        goes_through(&text, &bars);
        let start = text.chars().take(12).collect::<String>();
        assert!(began.elapsed() < Duration::from_secs(2), "{start}: {:?}", began.elapsed());
    }
}
