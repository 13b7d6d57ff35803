//! What is known of an expression before it is evaluated: between which multiples of the close of its
//! bar it lies.
//!
//! Planning asks this of the prices of orders: a stop that can never lie below the close it belongs to
//! is found before anything runs. What is not known is unbounded, so nothing is claimed that bars could
//! contradict.

use super::check::Op;
use super::column::Scalar;
use super::graph::{Bound, Expression, Graph, Operand, Step};
use super::parse::Binary;
use std::collections::HashMap;

/// Bounds of an expression, both included, in multiples of the close of the same bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// It is nowhere less.
    pub low: f64,
    /// It is nowhere more.
    pub high: f64,
    /// Whether that holds on every bar: a window may have no value yet, and bars that were not checked
    /// may have a close above their high.
    pub certain: bool,
}

impl Bounds {
    /// The close itself.
    pub const CLOSE: Self = Self { low: 1.0, high: 1.0, certain: true };

    const UNKNOWN: Self = Self::usually(f64::NEG_INFINITY, f64::INFINITY);

    const fn usually(low: f64, high: f64) -> Self {
        Self { low, high, certain: false }
    }

    /// The bounds of what was computed: a result may lie a rounding beyond those of its operands.
    fn computed(low: f64, high: f64, certain: bool) -> Self {
        match low.is_nan() || high.is_nan() {
            true => Self::UNKNOWN,
            false => {
                Self { low: low - 1e-12 * low.abs(), high: high + 1e-12 * high.abs(), certain }
            }
        }
    }

    fn times(self, factor: f64) -> Self {
        let (a, b) = (self.low * factor, self.high * factor);
        Self::computed(a.min(b), a.max(b), self.certain)
    }

    fn negated(self) -> Self {
        Self { low: -self.high, high: -self.low, ..self }
    }

    fn plus(self, other: Self) -> Self {
        let certain = self.certain && other.certain;
        let (low, high) = (self.low + other.low, self.high + other.high);
        let sum = Self::computed(low, high, certain);
        // What is nowhere negative takes nothing away, and rounding does not either.
        Self {
            low: if self.low == 0.0 || other.low == 0.0 { low } else { sum.low },
            high: if self.high == 0.0 || other.high == 0.0 { high } else { sum.high },
            certain,
        }
    }
}

impl Graph {
    /// The bounds of `bound` where every close lies in `closes`; unknown where a close may be zero or
    /// less.
    pub fn bounds(&self, bound: &Bound, closes: (f64, f64)) -> Bounds {
        let mut known = Known { graph: self, closes, found: HashMap::new() };
        match bound {
            _ if closes.0 <= 0.0 => Bounds::UNKNOWN,
            Bound::Expression(number) => known.expression(*number),
            Bound::Scalar(Scalar::Number(value)) => known.number(*value),
            Bound::Scalar(_) => Bounds::UNKNOWN,
        }
    }
}

/// The bounds that were found so far: an expression may stand in many others.
struct Known<'a> {
    graph: &'a Graph,
    closes: (f64, f64),
    found: HashMap<usize, Bounds>,
}

impl Known<'_> {
    fn number(&self, value: f64) -> Bounds {
        let (a, b) = (value / self.closes.0, value / self.closes.1);
        Bounds::computed(a.min(b), a.max(b), true)
    }

    fn operand(&mut self, operand: &Operand) -> Bounds {
        match operand {
            Operand::Expression(number) => self.expression(*number),
            Operand::Number(bits) => self.number(f64::from_bits(*bits)),
            Operand::Bool(_) | Operand::Text(_) | Operand::Missing => Bounds::UNKNOWN,
        }
    }

    fn expression(&mut self, number: usize) -> Bounds {
        if let Some(bounds) = self.found.get(&number) {
            return *bounds;
        }
        let Expression { step, operands } = &self.graph.expressions[number];
        let bounds = match step {
            Step::Here(op) => self.computed(op, operands),
            Step::There(_) => Bounds::UNKNOWN,
        };
        self.found.insert(number, bounds);
        bounds
    }

    fn computed(&mut self, op: &Op, operands: &[Operand]) -> Bounds {
        match op {
            Op::Column(name) => match &**name {
                "close" => Bounds::CLOSE,
                "high" => Bounds::usually(1.0, f64::INFINITY),
                "low" => Bounds::usually(0.0, 1.0),
                "open" => Bounds::usually(0.0, f64::INFINITY),
                _ => Bounds::UNKNOWN,
            },
            Op::Negate => self.operand(&operands[0]).negated(),
            Op::If => {
                let (a, b) = (self.operand(&operands[1]), self.operand(&operands[2]));
                Bounds::usually(a.low.min(b.low), a.high.max(b.high))
            }
            Op::Binary(binary) => self.binary(*binary, &operands[0], &operands[1]),
            Op::Call(function) => self.call(function.name, operands),
            _ => Bounds::UNKNOWN,
        }
    }

    fn binary(&mut self, binary: Binary, a: &Operand, b: &Operand) -> Bounds {
        match (binary, a, b) {
            (Binary::Add, a, b) => self.operand(a).plus(self.operand(b)),
            (Binary::Subtract, a, b) => self.operand(a).plus(self.operand(b).negated()),
            (Binary::Multiply, Operand::Number(factor), x)
            | (Binary::Multiply, x, Operand::Number(factor)) => {
                self.operand(x).times(f64::from_bits(*factor))
            }
            (Binary::Divide, x, Operand::Number(by)) => {
                self.operand(x).times(1.0 / f64::from_bits(*by))
            }
            _ => Bounds::UNKNOWN,
        }
    }

    /// Functions that pick one of their values, and those that are never negative.
    fn call(&mut self, name: &str, operands: &[Operand]) -> Bounds {
        match name {
            "min" | "max" => {
                let pick = if name == "min" { f64::min } else { f64::max };
                let all = operands.iter().map(|one| self.operand(one));
                let picked = all.reduce(|a, b| Bounds {
                    low: pick(a.low, b.low),
                    high: pick(a.high, b.high),
                    certain: a.certain && b.certain,
                });
                picked.unwrap_or(Bounds::UNKNOWN)
            }
            // A window holds its own bar.
            "highest" => Bounds::usually(self.operand(&operands[0]).low, f64::INFINITY),
            "lowest" => Bounds::usually(f64::NEG_INFINITY, self.operand(&operands[0]).high),
            "donchian_high" => Bounds::usually(1.0, f64::INFINITY),
            "donchian_low" => Bounds::usually(0.0, 1.0),
            "atr" | "true_range" | "stddev" => Bounds::usually(0.0, f64::INFINITY),
            _ => Bounds::UNKNOWN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::tests::{LEN, bars, bound, evaluate};

    const TEXTS: [&str; 14] = [
        "close",
        "1.02 * close",
        "close - 3",
        "-(close / 4) + 7",
        "min(open, low) - 0.5",
        "max(close, 100)",
        "highest(high, 20) + 1",
        "lowest(close, 5) * 0.99",
        "donchian_low(9) - atr(5)",
        "close + 2 * stddev(close, 10)",
        "if(open > close, high, 1.1 * close)",
        "sma(close, 5)",
        "close * open / 100",
        "0 * (close + high)",
    ];

    #[test]
    fn every_value_lies_within_its_bounds() {
        let bars = bars(None);
        let lowest = bars.close.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = bars.close.iter().copied().fold(0.0, f64::max);
        for text in TEXTS {
            let (graph, bound) = bound(text);
            let bounds = graph.bounds(&bound, (lowest, highest));
            let column = evaluate(text, &bars, LEN);
            for (row, close) in bars.close.iter().enumerate() {
                let Scalar::Number(value) = column.at(row) else {
                    assert!(!bounds.certain, "{text} is missing on bar {row}");
                    continue;
                };
                let times = value / close;
                let inside = bounds.low - 1e-12 <= times && times <= bounds.high + 1e-12;
                assert!(
                    inside,
                    "{text} is {times} closes on bar {row}, which is not in {bounds:?}"
                );
            }
        }
    }

    #[test]
    fn what_lies_above_the_close_is_known_to() {
        let low = |text: &str| {
            let (graph, bound) = bound(text);
            graph.bounds(&bound, (50.0, 200.0)).low
        };
        assert_eq!(low("highest(high, 20)"), 1.0);
        assert_eq!(low("max(close, sma(close, 5))"), 1.0);
        assert_eq!(low("close + 2 * atr(14)"), 1.0);
        assert_eq!(-low("2 * atr(14) - close"), 1.0);
        assert!((low("close + 1") - 1.005).abs() < 1e-9);
        assert_eq!(low("sma(close, 5)"), f64::NEG_INFINITY);
    }
}
