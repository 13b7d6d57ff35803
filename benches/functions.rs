//! What every function of the rule language costs: nanoseconds a bar, over 200,000 bars.
//!
//! ```text
//! cargo bench --bench functions             # all of them
//! cargo bench --bench functions -- sma atr  # these
//! ```
//!
//! The table comes from the registry, so that a new function is in it by itself. The operands are
//! evaluated before the clock starts: a line is the function's own price. The least of some rounds is
//! told, for whatever else the machine did only adds to it.

use papertape::bars::{Bars, Clock};
use papertape::diag::{Place, Source};
use papertape::expr::{
    ArgKind, Binding, Bound, Columns, Function, Graph, Op, PRICES, Program, Scope, Seen, Symbol,
    Type, View, World,
};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const BARS: usize = 200_000;
const ROUNDS: usize = 7;
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
    let column = |index: usize| -> Arc<[f64]> { rows.iter().map(|row| row[index]).collect() };
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

/// The least time that `text` took for the first symbol, its operands known, in nanoseconds a bar.
fn measure(text: &str, views: &[View]) -> f64 {
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
    let world = World { symbols: views.iter().map(seen).collect() };
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
    let round = |_| {
        let mut columns = Columns::new(&graph, views.iter().cloned(), views.len());
        columns.reserve(0..1, &needs);
        for &operand in operands.iter().filter(|_| is_local) {
            black_box(columns.column(0, operand));
        }
        let began = Instant::now();
        black_box(columns.column(0, number));
        began.elapsed().as_secs_f64()
    };
    let least = (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min);
    least * 1e9 / BARS as f64
}

#[expect(clippy::print_stdout, reason = "the table is what this is for")]
fn main() {
    // Cargo adds a flag of its own.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let views: Vec<View> = ["X", "Y"]
        .into_iter()
        .map(|symbol| View { bars: bars(symbol), rows: 0..BARS, from: 0 })
        .collect();
    let functions = Function::all().map(|function| (function.group, function.name, call(function)));
    let others = EXPRESSIONS.map(|text| ("expressions", text, text.to_owned()));
    println!("{:12} {:36} {:>8}", "group", "expression", "ns/bar");
    for (group, name, text) in functions.chain(others) {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            println!("{group:12} {text:36} {:8.2}", measure(&text, &views));
        }
    }
}
