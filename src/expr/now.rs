//! Expressions of which a part is known only while an account is walked: what it is worth at a close,
//! and what the clock shows there.
//!
//! The rest of such an expression is columns like any other. A [`Formula`] holds what is left: it is
//! computed close by close from the columns' values and what is known [`Now`].

use super::check::{NodeId, Op, Program};
use super::column::{Scalar, evaluate_scalar};
use super::graph::Bound;

/// What is known at a bar's close and not before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Now {
    /// Money.
    Equity,
    /// The fall from the peak of the equity, a fraction.
    Drawdown,
    /// The fall since the last close of the trading day before, a fraction.
    DailyLoss,
    /// How many symbols are held.
    Positions,
    /// The share of the orders so far that were refused.
    ErrorRate,
    /// The local time of day at which the bar closes, in hours.
    Time,
    /// Whether the bar opens inside the calendar's session.
    MarketOpen,
}

impl Now {
    /// All of them by name, each with what it is.
    pub const ALL: [(&'static str, Self, &'static str); 7] = [
        ("equity", Self::Equity, "what the account is worth, money"),
        ("drawdown", Self::Drawdown, "its fall from its peak, a fraction"),
        (
            "daily_loss",
            Self::DailyLoss,
            "its fall since the last close of the trading day before, a fraction",
        ),
        ("positions", Self::Positions, "how many symbols are held"),
        ("error_rate", Self::ErrorRate, "the share of the orders so far that were refused"),
        (
            "time",
            Self::Time,
            "the local time of day at which the bar closes, in hours: 15.5 is 15:30",
        ),
        (
            "market_open",
            Self::MarketOpen,
            "whether the bar opens inside the session of the calendar",
        ),
    ];

    /// What `name` stands for.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, ..)| *known == name).map(|(_, now, _)| *now)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let entry = Self::ALL.iter().find(|(_, now, _)| *now == self);
        entry.expect("every one of them has a name").0
    }
}

/// What remains of an expression when its columns are evaluated.
#[derive(Debug, Clone)]
pub struct Formula {
    /// Operands stand before their users; the last is the whole.
    steps: Vec<Step>,
    /// The expressions whose columns it reads.
    pub columns: Vec<Bound>,
}

#[derive(Debug, Clone)]
enum Step {
    /// Column number so-and-so.
    Column(usize),
    Now(Now),
    Same(Scalar),
    Compute(Op, Vec<usize>),
}

impl Formula {
    /// The formula of node `id`, `bound` being what every node of `program` became.
    pub fn new(program: &Program, id: NodeId, bound: &[Bound]) -> Self {
        let mut formula = Self { steps: Vec::new(), columns: Vec::new() };
        formula.take(program, id, bound);
        formula
    }

    fn take(&mut self, program: &Program, id: NodeId, bound: &[Bound]) -> usize {
        let node = &program.nodes[id];
        let step = match (&node.op, &bound[id]) {
            (Op::Now(now), _) => Step::Now(*now),
            (op, _) if node.now => {
                let args = node.args.iter().map(|&arg| self.take(program, arg, bound));
                Step::Compute(op.clone(), args.collect())
            }
            (_, Bound::Scalar(scalar)) => Step::Same(scalar.clone()),
            (_, column) => {
                self.columns.push(column.clone());
                Step::Column(self.columns.len() - 1)
            }
        };
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// Its value, `column` telling that of a column at the close and `now` what is known there.
    pub fn value(&self, column: impl Fn(usize) -> Scalar, now: impl Fn(Now) -> Scalar) -> Scalar {
        let mut values: Vec<Scalar> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let value = match step {
                Step::Column(number) => column(*number),
                Step::Now(what) => now(*what),
                Step::Same(scalar) => scalar.clone(),
                Step::Compute(op, args) => {
                    let args: Vec<Scalar> = args.iter().map(|&arg| values[arg].clone()).collect();
                    evaluate_scalar(op, &args)
                }
            };
            values.push(value);
        }
        values.pop().unwrap_or(Scalar::Missing)
    }
}
