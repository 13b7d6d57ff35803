//! Programs bound to parameter values, and what they have in common.
//!
//! Binding replaces parameters by their values, folds what is then constant, and gives every other
//! expression a number: two sessions that compute `sma(close, 20)` hold the same number. An expression
//! says what is computed and not where: `close` is one number, whatever bars it is read from. Where
//! it is needed ([`Need`]) follows from the roots, through `@`, `at` and the ranks over symbols;
//! [`super::Columns`] evaluates it there.

use super::check::{Op, Program, Type, not_a_length, not_a_timeframe};
use super::column::{Scalar, evaluate_scalar};
use super::function::ArgKind;
use super::parse::Binary;
use crate::bars::{DAY, duration};
use crate::diag::{Mistake, Mistakes, closest, codes};
use indexmap::IndexSet;
use std::collections::HashSet;
use std::sync::Arc;

/// Expressions without parameters, each of them once.
#[derive(Debug, Default)]
pub struct Graph {
    pub(super) expressions: IndexSet<Expression>,
}

/// One step of a computation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Expression {
    pub(super) step: Step,
    pub(super) operands: Vec<Operand>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// An operator over the same bars.
    Here(Op),
    /// The operand's last value on other bars that is known when a bar closes.
    There(Elsewhere),
}

/// Other bars than those where an expression stands: another symbol's, of a longer timeframe, or both.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Elsewhere {
    pub(super) symbol: Option<Arc<str>>,
    pub(super) timeframe: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Operand {
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

/// An expression that must be evaluated, and on which bars.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Need {
    /// Of which symbols.
    pub who: Who,
    /// Of which timeframe, in microseconds; 0 for the symbol's own.
    pub timeframe: i64,
    /// The expression's number.
    pub number: usize,
}

/// Whose bars an expression is evaluated on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Who {
    /// The symbol for which a rule is read.
    Own,
    /// The symbol of this name.
    Named(Arc<str>),
    /// Every symbol of the session.
    Each,
}

/// The symbols that there are, as far as planning must know them.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Every symbol of the data.
    pub symbols: Vec<Seen>,
}

/// What planning must know of a symbol.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The symbol.
    pub symbol: String,
    /// Whether the session trades it.
    pub traded: bool,
    /// The length of its bars in microseconds.
    pub timeframe: i64,
    /// How many rows rules can see at most.
    pub rows: usize,
    /// The time from the first of them to the last, in microseconds.
    pub span: i64,
}

impl Graph {
    /// Bind every node of `program` to `params`; the result has one entry a node.
    ///
    /// Every window that is not a whole number within its bounds, symbol that the data does not have,
    /// and timeframe that is none is a mistake, at its place.
    pub fn bind(
        &mut self,
        program: &Program,
        params: &[Scalar],
        world: &World,
    ) -> Result<Vec<Bound>, Mistakes> {
        let mut bound: Vec<Bound> = Vec::with_capacity(program.nodes.len());
        let mut mistakes = Mistakes::default();
        for node in &program.nodes {
            let args: Vec<&Bound> = node.args.iter().map(|&arg| &bound[arg]).collect();
            if let Op::Call(function) = node.op {
                let lengths = args.iter().zip(&node.args).enumerate();
                let wrong = lengths.filter_map(|(index, (arg, &id))| {
                    let length = match arg {
                        Bound::Scalar(Scalar::Number(length)) => *length,
                        _ => f64::NAN,
                    };
                    not_a_length(function, index, length, &program.nodes[id].place)
                });
                mistakes.append(wrong.collect());
            }
            let mut told = |mistake| {
                mistakes.push(mistake);
                Bound::Scalar(Scalar::Missing)
            };
            let result = match &node.op {
                // It is no column; what becomes of it is a formula's.
                _ if node.now => Bound::Scalar(Scalar::Missing),
                Op::Param(index) => Bound::Scalar(params[*index].clone()),
                Op::Text(text) => Bound::Scalar(Scalar::Text(text.clone())),
                Op::Elsewhere => match world.symbol(program, node.args[1], args[1]) {
                    Ok(symbol) => self.elsewhere(args[0], Some(symbol), None),
                    Err(mistake) => told(mistake),
                },
                Op::At => match timeframe(program, node.args[0], args[0]) {
                    Ok(timeframe) => self.elsewhere(args[1], None, Some(timeframe)),
                    Err(mistake) => told(mistake),
                },
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
                Op::Call(function) if function.crosses().is_some() => {
                    let operands = args.iter().map(|arg| Operand::from(*arg)).collect();
                    Bound::Expression(self.crossing(operands, function.crosses() == Some(true)))
                }
                op => {
                    let operands = args.iter().map(|arg| Operand::from(*arg)).collect();
                    let step = Step::Here(op.clone());
                    Bound::Expression(self.number(Expression { step, operands }))
                }
            };
            bound.push(result);
        }
        if mistakes.is_empty() { Ok(bound) } else { Err(mistakes) }
    }

    /// `inner` on other bars; what is the same on every bar is so there as well.
    fn elsewhere(
        &mut self,
        inner: &Bound,
        symbol: Option<Arc<str>>,
        timeframe: Option<i64>,
    ) -> Bound {
        let Bound::Expression(mut number) = *inner else { return inner.clone() };
        let mut place = Elsewhere { symbol, timeframe };
        // `at("1d", x)@Y` are the days of Y as the clock knows them, not as Y's last bar knew them.
        let under = &self.expressions[number];
        if let (Step::There(Elsewhere { symbol: None, timeframe }), [Operand::Expression(inner)]) =
            (&under.step, under.operands.as_slice())
            && place.timeframe.is_none()
        {
            place.timeframe = *timeframe;
            number = *inner;
        }
        let operands = vec![Operand::Expression(number)];
        Bound::Expression(self.number(Expression { step: Step::There(place), operands }))
    }

    /// A crossing as its two comparisons, which `crosses_above` and `crosses_below` share: the one
    /// on the bar before and the other now.
    fn crossing(&mut self, operands: Vec<Operand>, above: bool) -> usize {
        let mut compare = |binary| {
            let step = Step::Here(Op::Binary(binary));
            Operand::Expression(self.number(Expression { step, operands: operands.clone() }))
        };
        let (less, greater) = (compare(Binary::Less), compare(Binary::Greater));
        let operands = if above { vec![less, greater] } else { vec![greater, less] };
        self.number(Expression { step: Step::Here(Op::Then), operands })
    }

    fn number(&mut self, expression: Expression) -> usize {
        self.expressions.insert_full(expression).0
    }

    /// How many different expressions there are.
    pub fn len(&self) -> usize {
        self.expressions.len()
    }

    /// Whether nothing was bound yet.
    pub fn is_empty(&self) -> bool {
        self.expressions.is_empty()
    }

    /// Whether expression `number` is a function that gives numbers.
    pub fn is_function(&self, number: usize) -> bool {
        matches!(self.expressions[number].step, Step::Here(Op::Call(_))) && !self.is_flag(number)
    }

    /// Whether expression `number` is known to be a truth value and not a number.
    pub fn is_flag(&self, number: usize) -> bool {
        let expression = &self.expressions[number];
        match &expression.step {
            Step::Here(Op::Not | Op::Then | Op::In | Op::Bool(_)) => true,
            Step::Here(Op::Binary(binary)) => binary.is_logical(),
            Step::Here(Op::Call(function)) => function.returns == Type::Bool,
            Step::Here(_) => false,
            Step::There(_) => self.operands(number).any(|inner| self.is_flag(inner)),
        }
    }

    /// Whether expression `number` is one of numbers that have to be computed, and no column of the data.
    pub fn is_computed(&self, number: usize) -> bool {
        let is_data = matches!(self.expressions[number].step, Step::Here(Op::Column(_)));
        !is_data && !self.is_flag(number)
    }

    /// Whether expression `number` is an inequality.
    pub fn is_inequality(&self, number: usize) -> bool {
        self.inequality(number).is_some()
    }

    /// The operator of expression `number`, if it is an inequality.
    pub(super) fn inequality(&self, number: usize) -> Option<Binary> {
        match self.expressions[number].step {
            Step::Here(Op::Binary(binary)) => Some(binary).filter(|binary| binary.is_inequality()),
            _ => None,
        }
    }

    /// The numbers of the expressions that `number` is computed from.
    fn operands(&self, number: usize) -> impl Iterator<Item = usize> + '_ {
        self.expressions[number].operands.iter().filter_map(|operand| match operand {
            Operand::Expression(child) => Some(*child),
            _ => None,
        })
    }

    /// `roots` and everything they are computed from, each with where it is needed.
    pub fn needs(&self, roots: impl IntoIterator<Item = usize>) -> Vec<Need> {
        let root = |number| Need { who: Who::Own, timeframe: 0, number };
        let mut open: Vec<Need> = roots.into_iter().map(root).collect();
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        while let Some(need) = open.pop() {
            if !seen.insert(need.clone()) {
                continue;
            }
            let operands = self.operands(need.number);
            match &self.expressions[need.number].step {
                Step::There(place) => open.extend(operands.map(|number| place.from(&need, number))),
                Step::Here(op) => {
                    open.extend(operands.map(|number| Need { number, ..need.clone() }));
                    // A rank reads the same operand of every symbol.
                    if matches!(op, Op::Call(function) if function.across) {
                        open.extend(self.operands(need.number).map(|number| Need {
                            who: Who::Each,
                            number,
                            timeframe: need.timeframe,
                        }));
                    }
                }
            }
            found.push(need);
        }
        // Operands first, so that equal strategies have equal lists.
        found.sort_by_key(|need| need.number);
        found
    }

    /// What is wrong with each expression of `needs` on the bars where it is needed.
    pub fn troubles(&self, needs: &[Need], world: &World) -> Vec<Trouble> {
        let mut late: Vec<(usize, f64)> = Vec::with_capacity(needs.len());
        let mut troubles = Vec::new();
        // Operands come first.
        for need in needs {
            let number = need.number;
            if let Step::There(place) = &self.expressions[number].step {
                let what = place.trouble(need, world).into_iter();
                troubles.extend(what.map(|what| Trouble { number, what, fatal: true }));
                continue;
            }
            let (before, bars) = self.warm_up(number, &late);
            late.push((number, before + bars));
            let rows = world.rows(need) as f64;
            if let Step::Here(Op::Call(function)) = &self.expressions[number].step
                && (before < rows && before + bars >= rows)
            {
                let (name, passed) = (function.name, before + bars);
                let what = format!(
                    "`{name}` has no value on the first {passed} bars, and there are {rows}"
                );
                troubles.push(Trouble { number, what, fatal: false });
            }
        }
        troubles
    }

    /// How many bars at least pass before all operands of expression `number` have a value, which `late`
    /// tells in the order of their numbers, and how many further ones before the expression has one.
    fn warm_up(&self, number: usize, late: &[(usize, f64)]) -> (f64, f64) {
        let Expression { step, operands } = &self.expressions[number];
        let known = self.operands(number).filter_map(|operand| {
            let at = late.binary_search_by_key(&operand, |(number, _)| *number).ok()?;
            Some(late[at].1)
        });
        let before = known.fold(0.0, f64::max);
        match step {
            // They may have a value where an operand has none.
            Step::Here(Op::If | Op::In | Op::Binary(Binary::And | Binary::Or)) => (0.0, 0.0),
            Step::Here(Op::Call(function)) => {
                let kinds = function.args.iter().map(|arg| arg.kind);
                let windows = kinds.zip(operands).filter_map(|(kind, operand)| match operand {
                    Operand::Number(bits) if matches!(kind, ArgKind::Window { .. }) => {
                        Some(f64::from_bits(*bits))
                    }
                    _ => None,
                });
                (before, function.warm_up(&windows.collect::<Vec<f64>>()))
            }
            Step::Here(_) | Step::There(_) => (before, 0.0),
        }
    }
}

/// What is wrong with an expression on the bars where it is needed.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    /// The expression's number.
    pub number: usize,
    /// What it is, in words.
    pub what: String,
    /// Whether it cannot be evaluated: `at` asks for bars that cannot be made of those that there
    /// are. Otherwise a window is longer than there are rows, so that it never has a value; whether that
    /// stops a session is its planner's to say.
    pub fatal: bool,
}

impl Elsewhere {
    /// Where operand `number` is needed if this step is needed at `need`.
    fn from(&self, need: &Need, number: usize) -> Need {
        Need {
            who: self.symbol.clone().map_or(need.who.clone(), Who::Named),
            timeframe: self.timeframe.unwrap_or(need.timeframe),
            number,
        }
    }

    fn trouble(&self, need: &Need, world: &World) -> Option<String> {
        let timeframe = self.timeframe?;
        let text = duration::text;
        let fact = if timeframe < need.timeframe {
            format!("it stands on bars of {}, which are longer", text(need.timeframe))
        } else if timeframe > DAY && timeframe % DAY != 0 {
            "a timeframe of more than a day is a number of whole days".to_owned()
        } else {
            let there = self.from(need, need.number);
            let own = world.seen(&there.who).map(|seen| (seen.timeframe, &seen.symbol));
            let (own, symbol) = own.into_iter().find(|(own, _)| timeframe % own != 0)?;
            match timeframe < own {
                true => format!("the bars of `{symbol}` are {} long", text(own)),
                false => format!(
                    "it is no multiple of {}, the length of the bars of `{symbol}`",
                    text(own)
                ),
            }
        };
        Some(format!("bars of {} cannot be made here: {fact}", text(timeframe)))
    }
}

impl World {
    /// The symbols that `who` can be.
    fn seen<'a>(&'a self, who: &'a Who) -> impl Iterator<Item = &'a Seen> {
        self.symbols.iter().filter(move |seen| match who {
            Who::Named(name) => *seen.symbol == **name,
            Who::Own | Who::Each => seen.traded,
        })
    }

    /// How many bars there are at most where `need` is evaluated.
    fn rows(&self, need: &Need) -> usize {
        let rows = |seen: &Seen| match need.timeframe {
            0 => seen.rows,
            timeframe => seen.rows.min((seen.span / timeframe) as usize + 2),
        };
        self.seen(&need.who).map(rows).max().unwrap_or(0)
    }

    fn symbol(&self, program: &Program, node: usize, bound: &Bound) -> Result<Arc<str>, Mistake> {
        let Bound::Scalar(Scalar::Text(symbol)) = bound else {
            unreachable!("the checker lets only texts stand after `@`")
        };
        if self.symbols.iter().any(|seen| *seen.symbol == **symbol) {
            return Ok(symbol.clone());
        }
        let known: Vec<&str> = self.symbols.iter().map(|seen| seen.symbol.as_str()).collect();
        let title = format!("this names the symbol `{symbol}`, which the data does not have");
        let mistake = Mistake::new(codes::UNKNOWN_NAME, &program.nodes[node].place, title);
        Err(match closest(symbol, &known) {
            Some(near) => mistake.label(format!("did you mean `{near}`?")),
            None => mistake.suggest(symbol, known),
        })
    }
}

fn timeframe(program: &Program, node: usize, bound: &Bound) -> Result<i64, Mistake> {
    let Bound::Scalar(Scalar::Text(text)) = bound else {
        unreachable!("the checker lets only texts be timeframes")
    };
    duration::parse(text).map_err(|fact| not_a_timeframe(&program.nodes[node].place, text, &fact))
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
