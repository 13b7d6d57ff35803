//! The rules of a strategy, and what the engine reads of them: [`Signals`].
//!
//! Four rules say when to act, and are true or not on each bar. Five more are numbers that go with an
//! entry: where it is given up, where its profit is taken, which price it may not be worse than,
//! beyond which price it is made, how large it is. A `weight` stands instead of all of them and says
//! how much to hold.

use super::{Condition, Turn};
use crate::bars::{Cut, Mask};
use crate::expr::{Bound, Column, Columns, Formula, Graph, Kleene, Need, Place, Type, Who};
use std::ops::Range;
use std::sync::Arc;

/// The rules that the engine reads at a bar's close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Buy to open.
    EnterLong,
    /// Sell what was bought.
    ExitLong,
    /// Sell to open.
    EnterShort,
    /// Buy back what was sold.
    ExitShort,
    /// The price at which the position is given up.
    Stop,
    /// The price at which the profit is taken.
    Target,
    /// The price that an entry must not be worse than.
    Limit,
    /// The price beyond which an entry is made.
    Trigger,
    /// Multiplies what `sizing` gives.
    Size,
    /// The signed fraction of the equity to hold, instead of all other rules.
    Weight,
}

impl Rule {
    /// How many there are.
    pub const COUNT: usize = 10;

    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; Self::COUNT] = [
        Self::EnterLong,
        Self::ExitLong,
        Self::EnterShort,
        Self::ExitShort,
        Self::Stop,
        Self::Target,
        Self::Limit,
        Self::Trigger,
        Self::Size,
        Self::Weight,
    ];

    /// The key of the rule in a strategy file.
    pub fn key(self) -> &'static str {
        match self {
            Self::EnterLong => "enter_long",
            Self::ExitLong => "exit_long",
            Self::EnterShort => "enter_short",
            Self::ExitShort => "exit_short",
            Self::Stop => "stop",
            Self::Target => "target",
            Self::Limit => "limit",
            Self::Trigger => "trigger",
            Self::Size => "size",
            Self::Weight => "weight",
        }
    }

    /// Whether it says when to act, and is true or not; the others are numbers.
    pub fn is_flag(self) -> bool {
        matches!(self, Self::EnterLong | Self::ExitLong | Self::EnterShort | Self::ExitShort)
    }

    /// Whether something is bought or sold to open because of it.
    pub fn enters(self) -> bool {
        matches!(self, Self::EnterLong | Self::EnterShort | Self::Weight)
    }

    /// Whether an expression of type `ty` can be this rule.
    pub fn takes(self, ty: Type) -> bool {
        if self.is_flag() { ty == Type::Bool } else { ty.is_number() }
    }

    /// What the rule is, for messages.
    pub fn word(self) -> &'static str {
        if self.is_flag() { Type::Bool.word() } else { Type::Number.word() }
    }
}

/// The rules of one session: a strategy with its parameter values put in.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The rules of each leg; one entry in a strategy without legs.
    pub legs: Vec<LegRules>,
    /// What a report draws beside the prices.
    pub plots: Plots,
}

impl Rules {
    /// The rules that are read for symbol number `symbol` of the session.
    pub fn of(&self, symbol: usize) -> &LegRules {
        &self.legs[if self.legs.len() == 1 { 0 } else { symbol }]
    }

    /// The rules, each with the positions of the symbols (`count` in all) for which they are read.
    fn each(&self, count: usize) -> impl Iterator<Item = (Range<usize>, &LegRules)> {
        let whose = move |leg| if self.legs.len() == 1 { 0..count } else { leg..leg + 1 };
        self.legs.iter().enumerate().map(move |(leg, rules)| (whose(leg), rules))
    }

    /// Announce to `columns`, which have `count` symbols, what the rules will need.
    pub fn reserve(&self, count: usize, columns: &mut Columns<'_>) {
        for (symbols, rules) in self.each(count) {
            columns.reserve(symbols, &rules.needs);
        }
    }

    /// The inequalities that the rules are computed from.
    pub fn inequalities(&self, count: usize, columns: &Columns<'_>) -> Vec<Place> {
        let each = self.each(count);
        each.flat_map(|(symbols, rules)| columns.inequalities(symbols, &rules.needs)).collect()
    }

    /// The numbers that the rules are computed from and that other sessions need too.
    pub fn shared(&self, count: usize, columns: &Columns<'_>) -> Vec<Place> {
        let each = self.each(count);
        each.flat_map(|(symbols, rules)| columns.shared(symbols, &rules.needs)).collect()
    }

    /// Tell `columns` that nothing is needed any more.
    pub fn release(&self, count: usize, columns: &Columns<'_>) {
        for (symbols, rules) in self.each(count) {
            columns.release(symbols, &rules.needs);
        }
    }

    /// The symbols that are looked at by name, each once, in order.
    pub fn named(&self) -> Vec<Arc<str>> {
        let mut named: Vec<Arc<str>> = Vec::new();
        let needs = self.legs.iter().flat_map(|leg| &leg.needs);
        for need in needs.chain(&self.plots.needs) {
            match &need.who {
                Who::Named(symbol) if !named.contains(symbol) => named.push(symbol.clone()),
                _ => {}
            }
        }
        named.sort();
        named
    }
}

/// The lets that a report draws. They are evaluated only for sessions whose details are kept.
#[derive(Debug, Clone)]
pub struct Plots {
    lets: Box<[(Arc<str>, Bound)]>,
    /// The expressions that they are computed from, and where.
    pub needs: Box<[Need]>,
}

impl Plots {
    /// These lets, bound to `graph`.
    pub(super) fn new(lets: Box<[(Arc<str>, Bound)]>, graph: &Graph) -> Self {
        let needs = graph.needs(numbers(lets.iter().map(|(_, bound)| bound)));
        Self { lets, needs: needs.into() }
    }

    /// Each let by name over the visible bars of symbol number `symbol`: a truth value as 1 or 0, `NaN`
    /// where it is missing.
    pub fn columns(&self, columns: &Columns<'_>, symbol: usize) -> Vec<(String, Cut<f64>)> {
        let number = |flag: &Kleene, bar: usize| match (flag.yes.get(bar), flag.no.get(bar)) {
            (true, _) => 1.0,
            (_, true) => 0.0,
            _ => f64::NAN,
        };
        let lets = self.lets.iter().map(|(name, bound)| {
            let values: Cut<f64> = match columns.spread(symbol, bound) {
                Column::Number(values) => values.into(),
                Column::Bool(flag) => {
                    (0..columns.view(symbol).rows.len()).map(|bar| number(&flag, bar)).collect()
                }
            };
            (name.to_string(), values)
        });
        lets.collect()
    }
}

/// The numbers of the expressions among what was bound.
fn numbers<'a>(bound: impl Iterator<Item = &'a Bound>) -> impl Iterator<Item = usize> {
    bound.filter_map(|bound| match bound {
        Bound::Expression(number) => Some(*number),
        Bound::Scalar(_) => None,
    })
}

/// The rules of one leg, or of a strategy without legs.
#[derive(Debug, Clone)]
pub struct LegRules {
    // A sweep has these of every session: what there is, and no more.
    rules: Box<[(Rule, Bound)]>,
    /// The expressions that the rules are computed from, and where.
    pub needs: Box<[Need]>,
    inputs: Box<[Bound]>,
    turns: [Option<Arc<Formula>>; Turn::COUNT],
    /// Those that are functions giving numbers on the symbol's own bars.
    functions: Box<[usize]>,
}

impl LegRules {
    /// The rules that there are, and what the settings ask for, bound to `graph`.
    pub(super) fn new(
        rules: Box<[(Rule, Bound)]>,
        inputs: Box<[Bound]>,
        turns: [Option<Arc<Formula>>; Turn::COUNT],
        graph: &Graph,
    ) -> Self {
        let asked = turns.iter().flatten().flat_map(|formula| &formula.columns);
        let needs =
            graph.needs(numbers(rules.iter().map(|(_, bound)| bound).chain(&inputs).chain(asked)));
        let own = needs.iter().filter(|need| need.who == Who::Own && need.timeframe == 0);
        let own = own.map(|need| need.number);
        let functions = own.filter(|&number| graph.is_function(number)).collect();
        Self { rules, needs: needs.into(), inputs, turns, functions }
    }

    /// What `rule` became, if there is such a rule.
    pub fn bound(&self, rule: Rule) -> Option<&Bound> {
        self.rules.iter().find_map(|(known, bound)| (*known == rule).then_some(bound))
    }

    /// The first of the visible bars of symbol number `symbol` on which every function of the rules
    /// has a value.
    pub fn warm(&self, columns: &Columns<'_>, symbol: usize) -> usize {
        let first = |&number: &usize| {
            let values = column(columns, symbol, &Bound::Expression(number));
            values.iter().position(|value| !value.is_nan()).unwrap_or(values.len())
        };
        self.functions.iter().map(first).max().unwrap_or(0)
    }

    /// What each rule says, over the visible bars of symbol number `symbol`; with `all_warm`, also from
    /// which bar on every function of the rules has a value.
    pub fn signals(&self, columns: &Columns<'_>, symbol: usize, all_warm: bool) -> Signals {
        let mask = |rule: Rule| match self.bound(rule) {
            Some(bound) => columns.mask(symbol, bound),
            None => Mask::zeros(columns.view(symbol).rows.len()),
        };
        let numbers = |rule: Rule| Some(column(columns, symbol, self.bound(rule)?));
        Signals {
            enter_long: mask(Rule::EnterLong),
            exit_long: mask(Rule::ExitLong),
            enter_short: mask(Rule::EnterShort),
            exit_short: mask(Rule::ExitShort),
            stop: numbers(Rule::Stop),
            target: numbers(Rule::Target),
            limit: numbers(Rule::Limit),
            trigger: numbers(Rule::Trigger),
            size: numbers(Rule::Size),
            weight: numbers(Rule::Weight),
            inputs: self.inputs.iter().map(|input| column(columns, symbol, input)).collect(),
            turns: self.turns.each_ref().map(|turn| {
                let formula = turn.as_ref().filter(|_| symbol == 0)?;
                Some(Condition::new(formula, columns, symbol))
            }),
            warm: if all_warm { self.warm(columns, symbol) } else { 0 },
        }
    }
}

/// The numbers of an expression that the checker found to be one.
fn column(columns: &Columns<'_>, symbol: usize, bound: &Bound) -> Cut<f64> {
    match columns.spread(symbol, bound) {
        Column::Number(values) => values.into(),
        Column::Bool(_) => unreachable!("the checker lets a rule be of its own type only"),
    }
}

/// What the rules say of one symbol, read at each bar's close. A rule that is missing is not true; a
/// number that is missing is `NaN`, and a number without a rule is `None`.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// Buy to open.
    pub enter_long: Mask,
    /// Sell what was bought.
    pub exit_long: Mask,
    /// Sell to open.
    pub enter_short: Mask,
    /// Buy back what was sold.
    pub exit_short: Mask,
    /// The price at which the position is given up.
    pub stop: Option<Cut<f64>>,
    /// The price at which the profit is taken.
    pub target: Option<Cut<f64>>,
    /// The price that an entry must not be worse than.
    pub limit: Option<Cut<f64>>,
    /// The price beyond which an entry is made: a stop order, with `limit` a stop-limit.
    pub trigger: Option<Cut<f64>>,
    /// Multiplies what `sizing` gives.
    pub size: Option<Cut<f64>>,
    /// The signed fraction of the equity to hold at the next rebalance; missing: leave alone.
    pub weight: Option<Cut<f64>>,
    /// What the settings ask for beside the rules, in their order.
    pub inputs: Vec<Cut<f64>>,
    /// When the session begins, ends, pauses and goes on, in the order of [`Turn::ALL`]; with the
    /// first symbol alone.
    pub turns: [Option<Condition>; Turn::COUNT],
    /// The first bar on which every function of the rules has a value, where the model asks for it.
    pub warm: usize,
}

impl Signals {
    /// The same rules on other bars: `masks` says how a mask is moved there, `numbers` how a column.
    pub fn map(
        &self,
        masks: impl Fn(&Mask) -> Mask,
        numbers: impl Fn(&Cut<f64>) -> Cut<f64>,
    ) -> Self {
        Self {
            enter_long: masks(&self.enter_long),
            exit_long: masks(&self.exit_long),
            enter_short: masks(&self.enter_short),
            exit_short: masks(&self.exit_short),
            stop: self.stop.as_ref().map(&numbers),
            target: self.target.as_ref().map(&numbers),
            limit: self.limit.as_ref().map(&numbers),
            trigger: self.trigger.as_ref().map(&numbers),
            size: self.size.as_ref().map(&numbers),
            weight: self.weight.as_ref().map(&numbers),
            inputs: self.inputs.iter().map(&numbers).collect(),
            turns: self.turns.each_ref().map(|turn| Some(turn.as_ref()?.map(&numbers))),
            warm: self.warm,
        }
    }

    /// These rules up to bar `from`, and the `later` ones from there on. What begins, pauses and ends a
    /// session stays as it is.
    pub fn until(&self, from: usize, later: &Self) -> Self {
        let mask = |a: &Mask, b: &Mask| {
            Mask::from_fn(a.len(), |t| if t < from { a.get(t) } else { b.get(t) })
        };
        let numbers = |a: &Cut<f64>, b: &Cut<f64>| {
            let at = from.min(a.len());
            Cut::from([&a[..at], &b[at..]].concat())
        };
        let rule =
            |a: &Option<Cut<f64>>, b: &Option<Cut<f64>>| Some(numbers(a.as_ref()?, b.as_ref()?));
        Self {
            enter_long: mask(&self.enter_long, &later.enter_long),
            exit_long: mask(&self.exit_long, &later.exit_long),
            enter_short: mask(&self.enter_short, &later.enter_short),
            exit_short: mask(&self.exit_short, &later.exit_short),
            stop: rule(&self.stop, &later.stop),
            target: rule(&self.target, &later.target),
            limit: rule(&self.limit, &later.limit),
            trigger: rule(&self.trigger, &later.trigger),
            size: rule(&self.size, &later.size),
            weight: rule(&self.weight, &later.weight),
            inputs: self.inputs.iter().zip(&later.inputs).map(|(a, b)| numbers(a, b)).collect(),
            turns: self.turns.clone(),
            warm: self.warm,
        }
    }

    /// The bars `start..end` of them.
    pub fn slice(&self, start: usize, end: usize) -> Self {
        let part = self.map(|mask| mask.slice(start, end), |column| column.slice(start..end));
        Self { warm: self.warm.saturating_sub(start), ..part }
    }

    /// The same rules on a longer axis, of which this symbol has the bars `present`: where it has no
    /// bar nothing is true and every number is missing.
    pub fn spread(&self, present: &Mask) -> Self {
        let warm = present.iter().nth(self.warm).unwrap_or(present.len());
        Self { warm, ..self.map(|mask| mask.spread(present), |column| spread(column, present)) }
    }
}

/// A column on a longer axis, of which its symbol has the bars `present`; `NaN` on the others.
pub fn spread(column: &Cut<f64>, present: &Mask) -> Cut<f64> {
    let mut spread = vec![f64::NAN; present.len()];
    for (&value, bar) in column.iter().zip(present.iter()) {
        spread[bar] = value;
    }
    Cut::from(spread)
}
