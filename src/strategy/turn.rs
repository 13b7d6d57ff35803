//! When a session begins, pauses, goes on and ends by itself: the rules `paper.start_when`,
//! `pause_when`, `resume_when` and `stop_when`.
//!
//! They stand beside a strategy's own rules, use the same names, and may also ask what the account is
//! worth ([`Now`]), which no column tells. So the engine reads them close by close. With several
//! symbols their columns are those of the first one.

use super::Names;
use crate::bars::Cut;
use crate::expr::{Binding, Bound, Column, Columns, Formula, Now, Op, Scalar, Scope, Symbol};
use std::sync::Arc;

/// What such a rule does to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing is entered before it was true once.
    Start,
    /// Positions are closed, and it is over.
    Stop,
    /// Nothing is entered until it goes on.
    Pause,
    /// It goes on.
    Resume,
}

impl Turn {
    /// How many there are.
    pub const COUNT: usize = 4;

    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; Self::COUNT] = [Self::Start, Self::Stop, Self::Pause, Self::Resume];

    /// The key of the rule in a session's table `paper`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Start => "start_when",
            Self::Stop => "stop_when",
            Self::Pause => "pause_when",
            Self::Resume => "resume_when",
        }
    }
}

/// The names that such a rule may use: those of the strategy, and what is known at a close.
pub(super) struct AtClose<'a>(pub &'a Names<'a>);

impl Scope for AtClose<'_> {
    fn resolve(&self, name: &str) -> Option<Binding> {
        Now::named(name).map(Binding::Now).or_else(|| self.0.resolve(name))
    }

    fn names(&self) -> Vec<String> {
        let now = Now::ALL.iter().map(|(name, ..)| (*name).to_owned());
        now.chain(self.0.names()).collect()
    }

    fn has_bars(&self) -> bool {
        true
    }

    fn symbol(&self, name: &Symbol) -> Option<Op> {
        self.0.symbol(name)
    }

    fn symbols(&self) -> Vec<String> {
        self.0.symbols()
    }
}

/// A rule with the values of its columns.
#[derive(Debug, Clone)]
pub struct Condition {
    formula: Arc<Formula>,
    /// A column's values, and whether they are truth values: 1 and 0.
    columns: Vec<(Cut<f64>, bool)>,
}

impl Condition {
    pub(super) fn new(formula: &Arc<Formula>, columns: &Columns<'_>, symbol: usize) -> Self {
        let values = |bound: &Bound| match columns.spread(symbol, bound) {
            Column::Number(values) => (values.into(), false),
            Column::Bool(flag) => {
                let value = |bar| match (flag.yes.get(bar), flag.no.get(bar)) {
                    (true, _) => 1.0,
                    (_, true) => 0.0,
                    _ => f64::NAN,
                };
                let values: Cut<f64> = (0..flag.yes.len()).map(value).collect();
                (values, true)
            }
        };
        let columns = formula.columns.iter().map(values).collect();
        Self { formula: formula.clone(), columns }
    }

    /// The same on other bars; `numbers` says how a column is moved there.
    pub(super) fn map(&self, numbers: impl Fn(&Cut<f64>) -> Cut<f64>) -> Self {
        let columns = self.columns.iter().map(|(values, flag)| (numbers(values), *flag));
        Self { formula: self.formula.clone(), columns: columns.collect() }
    }

    /// Whether it is true at the close of bar `t`, where `now` tells what is known.
    pub fn holds(&self, t: usize, now: impl Fn(Now) -> Scalar) -> bool {
        let column = |number: usize| {
            let (values, flag) = &self.columns[number];
            match values[t] {
                value if value.is_nan() => Scalar::Missing,
                value if *flag => Scalar::Bool(value == 1.0),
                value => Scalar::Number(value),
            }
        };
        self.formula.value(column, now) == Scalar::Bool(true)
    }
}
