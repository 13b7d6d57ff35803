//! What every function of the rule language costs: the time of 200,000 bars, and bars a second.
//!
//! ```text
//! cargo bench --bench functions           # all of them
//! cargo bench --bench functions -- 'atr'  # those with this in their name
//! ```
//!
//! The list comes from the registry, so that a new function is in it by itself. The operands are
//! evaluated before the clock starts: a line is the function's own price.

use divan::Bencher;
use divan::counter::ItemsCount;
use papertape::bars::{Bars, Clock, Cut};
use papertape::diag::{Place, Source};
use papertape::expr::{
    ArgKind, Binding, Bound, Columns, Function, Graph, Op, PRICES, Program, Scope, Seen, Symbol,
    Type, View, World,
};
use std::sync::{Arc, LazyLock};

const BARS: usize = 200_000;
const HOUR: i64 = 3_600_000_000;

/// What else rules are made of.
const EXPRESSIONS: [&str; 8] = [
    "close - open",
    "close / open",
    "close > open",
    "close > open and high > low",
    "if(close > open, high, low)",
    "close@Y",
    "at(\"1d\", close)",
    "at(\"1d\", sma(close, 20))",
];

/// A walk whose steps look random and are the same every time.
fn bars(symbol: &str) -> Arc<Bars> {
    let mut state = symbol.bytes().fold(0x9E37_79B9_7F4A_7C15_u64, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
    });
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut close = 100.0;
    let rows: Vec<[f64; 5]> = (0..BARS)
        .map(|_| {
            let open = close;
            close = open * (1.0 + 0.01 * (random() - 0.5));
            let high = open.max(close) * (1.0 + 0.002 * random());
            let low = open.min(close) * (1.0 - 0.002 * random());
            [open, high, low, close, 1_000.0 * random()]
        })
        .collect();
    let column = |index: usize| -> Cut<f64> { rows.iter().map(|row| row[index]).collect() };
    Arc::new(Bars {
        symbol: symbol.to_owned(),
        time: (0..BARS as i64).map(|row| row * HOUR).collect(),
        open: column(0),
        high: column(1),
        low: column(2),
        close: column(3),
        volume: column(4),
        extra: Vec::new(),
        actions: Arc::new([]),
        clock: Clock::utc(HOUR),
    })
}

/// The columns that every file has, and two symbols.
struct Names;

impl Scope for Names {
    fn resolve(&self, name: &str) -> Option<Binding> {
        PRICES.contains(&name).then_some(Binding::Column(Type::Number))
    }

    fn names(&self) -> Vec<String> {
        PRICES.map(str::to_owned).to_vec()
    }

    fn has_bars(&self) -> bool {
        true
    }

    fn symbol(&self, symbol: &Symbol) -> Option<Op> {
        Some(Op::Text(symbol.text.as_str().into()))
    }
}

/// A call of `function` as rules are written: windows of 20 bars where there is no default.
fn call(function: &Function) -> String {
    let series = ["close", "high", "low"];
    let args: Vec<String> = function
        .args
        .iter()
        .enumerate()
        .map(|(at, arg)| match (arg.kind, arg.default) {
            (_, Some(default)) => default.to_string(),
            (ArgKind::Series, None) => series[at.min(2)].to_owned(),
            (ArgKind::Flag, None) => "close > open".to_owned(),
            (ArgKind::Window { min }, None) => min.max(20).to_string(),
            (ArgKind::Constant, None) => "2".to_owned(),
        })
        .collect();
    match args.is_empty() {
        true => function.name.to_owned(),
        false => format!("{}({})", function.name, args.join(", ")),
    }
}

/// The same bars for every measurement.
static VIEWS: LazyLock<[View; 2]> =
    LazyLock::new(|| ["X", "Y"].map(|symbol| View { bars: bars(symbol), rows: 0..BARS, from: 0 }));

fn main() {
    divan::main();
}

fn functions() -> impl Iterator<Item = String> {
    Function::all().map(call)
}

#[divan::bench(args = functions())]
fn function(bencher: Bencher<'_, '_>, call: &str) {
    measure(bencher, call);
}

#[divan::bench(args = EXPRESSIONS)]
fn expression(bencher: Bencher<'_, '_>, text: &str) {
    measure(bencher, text);
}

/// Evaluate `text` for the first symbol, its operands known.
fn measure(bencher: Bencher<'_, '_>, text: &str) {
    let place = Place::whole(&Source::new("bench", text));
    let mut program = Program::default();
    let root = program.compile(text, &place, &Names).expect("what is measured compiles");
    let seen = |view: &View| Seen {
        symbol: view.bars.symbol.clone(),
        traded: true,
        timeframe: view.bars.clock.timeframe,
        rows: view.rows.len(),
        span: 0,
    };
    let world = World { symbols: VIEWS.iter().map(seen).collect() };
    let mut graph = Graph::default();
    let bound = graph.bind(&program, &[], &world).expect("what is measured can be bound");
    let Bound::Expression(number) = bound[root] else { panic!("{text} is the same on every bar") };
    let needs = graph.needs([number]);
    let operands: Vec<usize> = program.nodes[root]
        .args
        .iter()
        .filter_map(|&arg| match bound[arg] {
            Bound::Expression(number) => Some(number),
            Bound::Scalar(_) => None,
        })
        .collect();
    let is_local = !matches!(program.nodes[root].op, Op::Elsewhere | Op::At);
    let with_operands = || {
        let mut columns = Columns::new(&graph, VIEWS.iter().cloned(), VIEWS.len());
        columns.reserve(0..1, &needs);
        for &operand in operands.iter().filter(|_| is_local) {
            divan::black_box(columns.column(0, operand));
        }
        columns
    };
    bencher
        .counter(ItemsCount::new(BARS))
        .with_inputs(with_operands)
        .bench_refs(|columns| columns.column(0, number));
}
