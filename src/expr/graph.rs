//! Programs bound to parameter values, and what they have in common.
//!
//! Binding replaces parameters by their values, folds what is then constant, and gives every other
//! expression a number: two sessions that compute `sma(close, 20)` hold the same number. [`Columns`]
//! evaluates numbers over one view of the data, each once, and lets a column go when the last session
//! that needs it is done.

use super::check::{Op, Program, Type};
use super::column::{Column, Kleene, Scalar, Value, View, evaluate, evaluate_scalar};
use super::function::ArgKind;
use crate::bars::Mask;
use crate::diag::{Mistake, codes};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Expressions without parameters, each of them once.
#[derive(Debug, Default)]
pub struct Graph {
    expressions: Vec<Expression>,
    numbers: HashMap<Expression, usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Expression {
    op: Op,
    operands: Vec<Operand>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Operand {
    Expression(usize),
    Number(u64),
    Bool(bool),
    Text(Arc<str>),
    Missing,
}

/// What a node of a program became.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// Expression number so-and-so of the graph.
    Expression(usize),
    /// The same on every bar.
    Scalar(Scalar),
}

/// The longest window that can be meant.
const LONGEST: f64 = 1e9;

impl Graph {
    /// Bind every node of `program` to `params`; the result has one entry a node.
    ///
    /// A window that is not a whole number within its bounds is the mistake, at its place.
    pub fn bind(&mut self, program: &Program, params: &[Scalar]) -> Result<Vec<Bound>, Mistake> {
        let mut bound: Vec<Bound> = Vec::with_capacity(program.nodes.len());
        for node in &program.nodes {
            let args: Vec<&Bound> = node.args.iter().map(|&arg| &bound[arg]).collect();
            check_windows(program, &node.op, &node.args, &args)?;
            let result = match &node.op {
                Op::Param(index) => Bound::Scalar(params[*index].clone()),
                Op::Text(text) => Bound::Scalar(Scalar::Text(text.clone())),
                op if node.constant => {
                    let scalars: Vec<Scalar> = args
                        .iter()
                        .map(|arg| match arg {
                            Bound::Scalar(scalar) => scalar.clone(),
                            Bound::Expression(_) => {
                                unreachable!("a constant node has constant operands")
                            }
                        })
                        .collect();
                    Bound::Scalar(evaluate_scalar(op, &scalars))
                }
                op => {
                    let operands = args.iter().map(|arg| Operand::from(*arg)).collect();
                    Bound::Expression(self.number(Expression { op: op.clone(), operands }))
                }
            };
            bound.push(result);
        }
        Ok(bound)
    }

    fn number(&mut self, expression: Expression) -> usize {
        if let Some(&number) = self.numbers.get(&expression) {
            return number;
        }
        let number = self.expressions.len();
        self.expressions.push(expression.clone());
        self.numbers.insert(expression, number);
        number
    }

    /// How many different expressions there are.
    pub fn len(&self) -> usize {
        self.expressions.len()
    }

    /// Whether nothing was bound yet.
    pub fn is_empty(&self) -> bool {
        self.expressions.is_empty()
    }

    /// Whether expression `number` is known to be a truth value and not a number.
    pub fn is_flag(&self, number: usize) -> bool {
        match &self.expressions[number].op {
            Op::Not | Op::In | Op::Bool(_) => true,
            Op::Binary(binary) => binary.is_logical(),
            Op::Call(function) => function.returns == Type::Bool,
            _ => false,
        }
    }

    /// The numbers of `roots` and of everything they are computed from, ascending.
    pub fn reachable(&self, roots: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut open: Vec<usize> = roots.into_iter().collect();
        let mut found = Vec::new();
        while let Some(number) = open.pop() {
            if found.contains(&number) {
                continue;
            }
            found.push(number);
            for operand in &self.expressions[number].operands {
                if let Operand::Expression(child) = operand {
                    open.push(*child);
                }
            }
        }
        found.sort_unstable();
        found
    }
}

fn check_windows(
    program: &Program,
    op: &Op,
    nodes: &[usize],
    args: &[&Bound],
) -> Result<(), Mistake> {
    let Op::Call(function) = op else { return Ok(()) };
    for (index, arg) in args.iter().enumerate() {
        let ArgKind::Window { min } = function.arg(index).kind else { continue };
        let value = match arg {
            Bound::Scalar(Scalar::Number(value)) => *value,
            _ => f64::NAN,
        };
        if !(value >= min as f64 && value <= LONGEST && value.fract() == 0.0) {
            let is = if value.is_nan() { "missing".to_owned() } else { value.to_string() };
            return Err(Mistake::new(
                codes::WINDOW,
                &program.nodes[nodes[index]].place,
                format!("the length of `{}` is at least {min}, but this is {is}", function.name),
            ));
        }
    }
    Ok(())
}

impl From<&Bound> for Operand {
    fn from(bound: &Bound) -> Self {
        match bound {
            Bound::Expression(number) => Self::Expression(*number),
            Bound::Scalar(Scalar::Number(value)) => Self::Number(value.to_bits()),
            Bound::Scalar(Scalar::Bool(value)) => Self::Bool(*value),
            Bound::Scalar(Scalar::Text(text)) => Self::Text(text.clone()),
            Bound::Scalar(Scalar::Missing) => Self::Missing,
        }
    }
}

/// The columns of a graph over one view of the data, shared by all sessions on it.
#[derive(Debug)]
pub struct Columns<'a> {
    graph: &'a Graph,
    view: View<'a>,
    slots: Vec<Mutex<Slot>>,
}

#[derive(Debug, Default)]
struct Slot {
    column: Option<Column>,
    /// How many sessions still need it.
    users: usize,
}

impl<'a> Columns<'a> {
    /// Nothing evaluated and nobody interested yet.
    pub fn new(graph: &'a Graph, view: View<'a>) -> Self {
        let slots = (0..graph.len()).map(|_| Mutex::default()).collect();
        Self { graph, view, slots }
    }

    /// The rows that are visible.
    pub fn view(&self) -> &View<'a> {
        &self.view
    }

    /// Announce a session that will need `numbers`, as [`Graph::reachable`] lists them.
    pub fn reserve(&mut self, numbers: &[usize]) {
        for &number in numbers {
            self.slots[number].get_mut().unwrap_or_else(PoisonError::into_inner).users += 1;
        }
    }

    /// A session that announced `numbers` is done; what nobody else needs is freed.
    pub fn release(&self, numbers: &[usize]) {
        for &number in numbers {
            let mut slot = self.slots[number].lock().unwrap_or_else(PoisonError::into_inner);
            slot.users = slot.users.saturating_sub(1);
            if slot.users == 0 {
                slot.column = None;
            }
        }
    }

    /// The column of expression `number`, one row a visible bar.
    pub fn column(&self, number: usize) -> Column {
        // The lock is held while the column is computed, so that nobody computes it twice. Operands
        // have smaller numbers, so no two threads can wait for each other.
        let mut slot = self.slots[number].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(column) = &slot.column {
            return column.clone();
        }
        let expression = &self.graph.expressions[number];
        let args: Vec<Value> =
            expression.operands.iter().map(|operand| self.value(operand)).collect();
        let column = evaluate(&expression.op, &args, self.view.rows.len(), Some(&self.view));
        slot.column = Some(column.clone());
        column
    }

    fn value(&self, operand: &Operand) -> Value {
        Value::Scalar(match operand {
            Operand::Expression(number) => return Value::Column(self.column(*number)),
            Operand::Number(bits) => Scalar::Number(f64::from_bits(*bits)),
            Operand::Bool(value) => Scalar::Bool(*value),
            Operand::Text(text) => Scalar::Text(text.clone()),
            Operand::Missing => Scalar::Missing,
        })
    }

    /// Where `bound` is true, over the visible bars: a rule acts only there.
    pub fn mask(&self, bound: &Bound) -> Mask {
        let len = self.view.rows.len();
        match bound {
            Bound::Expression(number) => match self.column(*number) {
                Column::Bool(flag) => flag.yes.clone(),
                Column::Number(_) => Mask::zeros(len),
            },
            Bound::Scalar(Scalar::Bool(true)) => Mask::ones(len),
            Bound::Scalar(_) => Mask::zeros(len),
        }
    }

    /// The column of `bound`, constants spread over the bars.
    pub fn spread(&self, bound: &Bound) -> Column {
        let len = self.view.rows.len();
        match bound {
            Bound::Expression(number) => self.column(*number),
            Bound::Scalar(Scalar::Number(value)) => Column::numbers(vec![*value; len]),
            Bound::Scalar(Scalar::Bool(value)) => Kleene::constant(len, *value).into(),
            Bound::Scalar(_) => Column::numbers(vec![f64::NAN; len]),
        }
    }
}
