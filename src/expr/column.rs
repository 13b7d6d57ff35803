//! Columns with three-valued logic, and the operators over them.
//!
//! A number that is missing is `NaN`; whatever is not finite becomes missing where it arises. A
//! truth value is a pair of masks, where it is true and where it is false; a bar in neither is
//! missing. `and`, `or`, `not` and `if` follow Kleene; everything else of a missing operand is missing.

use super::check::Op;
use super::numbers::{Compared, Given, Numbers};
use super::parse::Binary;
use crate::bars::{Bars, Mask};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

/// A computed column, cheap to clone.
#[derive(Debug, Clone)]
pub enum Column {
    /// One number a bar.
    Number(Numbers),
    /// One truth value a bar.
    Bool(Arc<Kleene>),
}

/// A column of truth values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kleene {
    /// Where it is true.
    pub yes: Mask,
    /// Where it is false.
    pub no: Mask,
}

/// A value that is the same on every bar.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// A finite number.
    Number(f64),
    /// True or false.
    Bool(bool),
    /// A text.
    Text(Arc<str>),
    /// Nothing is known.
    Missing,
}

impl Scalar {
    /// A place among all values, so that whatever stands together can be sorted: numbers, truth values,
    /// texts, then what is missing, each kind in its own order.
    pub fn order(&self, other: &Self) -> Ordering {
        let kind = |value: &Self| match value {
            Self::Number(_) => 0,
            Self::Bool(_) => 1,
            Self::Text(_) => 2,
            Self::Missing => 3,
        };
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => kind(self).cmp(&kind(other)),
        }
    }
}

/// An operand: a column, or one value for all bars.
#[derive(Debug, Clone)]
pub enum Value {
    /// A value a bar.
    Column(Column),
    /// The same everywhere.
    Scalar(Scalar),
}

/// The rows of one symbol that rules may see.
#[derive(Debug, Clone)]
pub struct View {
    /// The symbol's columns.
    pub bars: Arc<Bars>,
    /// The visible rows, those before the session's range included.
    pub rows: Range<usize>,
    /// The row of the first bar of the range: where `bar_index` is 0.
    pub from: usize,
}

impl View {
    /// The visible part of a column of the data.
    pub fn slice<'b>(&self, column: &'b [f64]) -> &'b [f64] {
        &column[self.rows.clone()]
    }
}

/// One call of a function: its evaluated arguments and the bars it stands on.
#[derive(Debug)]
pub struct Call<'a> {
    /// How many rows the result has.
    pub len: usize,
    /// The bars; `None` where an expression is about something else.
    pub view: Option<&'a View>,
    /// The arguments, defaults filled in.
    pub args: &'a [Value],
    /// The first argument for every symbol of the session, on the same bars, for a function over
    /// symbols.
    pub peers: &'a [Vec<f64>],
}

impl Call<'_> {
    /// The bars of a function that reads bars.
    pub fn view(&self) -> &View {
        self.view.expect("the checker lets functions of bars stand on bars only")
    }

    /// Argument `index` as one number a bar.
    pub fn series(&self, index: usize) -> Cow<'_, [f64]> {
        match &self.args[index] {
            Value::Column(Column::Number(values)) => Cow::Borrowed(values),
            Value::Scalar(Scalar::Number(value)) => Cow::Owned(vec![*value; self.len]),
            _ => Cow::Owned(vec![f64::NAN; self.len]),
        }
    }

    /// Argument `index` as one truth value a bar.
    pub fn flag(&self, index: usize) -> Cow<'_, Kleene> {
        match &self.args[index] {
            Value::Column(Column::Bool(flag)) => Cow::Borrowed(flag),
            Value::Scalar(Scalar::Bool(value)) => Cow::Owned(Kleene::constant(self.len, *value)),
            _ => Cow::Owned(Kleene::missing(self.len)),
        }
    }

    /// Argument `index` as a number that is the same on every bar.
    pub fn number(&self, index: usize) -> f64 {
        match &self.args[index] {
            Value::Scalar(Scalar::Number(value)) => *value,
            _ => f64::NAN,
        }
    }

    /// Argument `index` as a whole number of bars; binding has checked its bounds.
    pub fn window(&self, index: usize) -> usize {
        self.number(index) as usize
    }
}

impl Column {
    /// A column of numbers; what is not finite becomes missing.
    pub fn numbers(values: Vec<f64>) -> Self {
        Self::Number(values.into())
    }

    /// The value at `row`.
    pub fn at(&self, row: usize) -> Scalar {
        match self {
            Self::Number(values) if values[row].is_nan() => Scalar::Missing,
            Self::Number(values) => Scalar::Number(values[row]),
            Self::Bool(flag) if flag.yes.get(row) => Scalar::Bool(true),
            Self::Bool(flag) if flag.no.get(row) => Scalar::Bool(false),
            Self::Bool(_) => Scalar::Missing,
        }
    }
}

impl From<Kleene> for Column {
    fn from(flag: Kleene) -> Self {
        Self::Bool(Arc::new(flag))
    }
}

impl Kleene {
    /// The same truth value on `len` bars.
    pub fn constant(len: usize, value: bool) -> Self {
        let (all, none) = (Mask::ones(len), Mask::zeros(len));
        if value { Self { yes: all, no: none } } else { Self { yes: none, no: all } }
    }

    /// Missing on `len` bars.
    pub fn missing(len: usize) -> Self {
        Self { yes: Mask::zeros(len), no: Mask::zeros(len) }
    }

    /// True where it was true on the bar before and `now` is, false where either is false; nothing is
    /// known of the bar before the first.
    fn then(&self, now: &Self) -> Self {
        Self {
            yes: self.yes.zip_later(&now.yes, |before, now| before & now),
            no: self.no.zip_later(&now.no, |before, now| before | now),
        }
    }

    fn not(&self) -> Self {
        Self { yes: self.no.clone(), no: self.yes.clone() }
    }

    /// True where both are true, false where either is false.
    pub fn and(&self, other: &Self) -> Self {
        Self {
            yes: self.yes.zip(&other.yes, |a, b| a & b),
            no: self.no.zip(&other.no, |a, b| a | b),
        }
    }

    /// True where either is true, false where both are false.
    pub fn or(&self, other: &Self) -> Self {
        Self {
            yes: self.yes.zip(&other.yes, |a, b| a | b),
            no: self.no.zip(&other.no, |a, b| a & b),
        }
    }

    fn choose(&self, a: &Self, b: &Self) -> Self {
        self.and(a).either_side(&self.not().and(b), self)
    }

    /// Join the two branches of an `if`, each already false or missing where it is not taken.
    fn either_side(&self, other: &Self, condition: &Self) -> Self {
        let yes = self.yes.zip(&other.yes, |a, b| a | b);
        let no_when_true = condition.yes.zip(&self.no, |c, no| c & no);
        let no_when_false = condition.no.zip(&other.no, |c, no| c & no);
        Self { yes, no: no_when_true.zip(&no_when_false, |a, b| a | b) }
    }
}

/// Compute one node from its operands.
pub fn evaluate(op: &Op, call: &Call<'_>) -> Column {
    let len = call.len;
    match op {
        Op::Number(bits) => Column::numbers(vec![f64::from_bits(*bits); len]),
        Op::Bool(value) => Kleene::constant(len, *value).into(),
        Op::Text(_) | Op::Param(_) => Kleene::missing(len).into(),
        Op::Column(name) => data_column(name, call.view()),
        Op::Negate => Column::numbers(call.series(0).iter().map(|x| -x).collect()),
        Op::Not => call.flag(0).not().into(),
        Op::Then => call.flag(0).then(&call.flag(1)).into(),
        Op::Binary(Binary::And) => call.flag(0).and(&call.flag(1)).into(),
        Op::Binary(Binary::Or) => call.flag(0).or(&call.flag(1)).into(),
        Op::Binary(binary) => binary_column(*binary, call),
        Op::In => {
            let mut found = Kleene::constant(len, false);
            for other in 1..call.args.len() {
                found = found.or(&equal(call, 0, other));
            }
            found.into()
        }
        Op::If => choose(call),
        Op::Call(function) => (function.eval)(call),
        Op::Elsewhere | Op::At => unreachable!("binding makes steps to other bars of these"),
        Op::Now(_) => unreachable!("binding leaves to a formula what no column tells"),
    }
}

/// The columns every file has.
pub const PRICES: [&str; 5] = ["open", "high", "low", "close", "volume"];

fn data_column(name: &str, view: &View) -> Column {
    let bars = &view.bars;
    let values = match name {
        "open" => &bars.open,
        "high" => &bars.high,
        "low" => &bars.low,
        "close" => &bars.close,
        "volume" => &bars.volume,
        _ => match bars.extra.iter().find(|extra| extra.name == name) {
            Some(extra) if extra.boolean => {
                let rows = view.slice(&extra.values);
                let is = |wanted: f64| Mask::from_fn(rows.len(), |row| rows[row] == wanted);
                return Kleene { yes: is(1.0), no: is(0.0) }.into();
            }
            Some(extra) => &extra.values,
            None => return Column::numbers(vec![f64::NAN; view.rows.len()]),
        },
    };
    Column::Number(values.slice(view.rows.clone()).into())
}

impl<'a> Call<'a> {
    /// Argument `index` as numbers, without spreading a scalar over memory.
    fn numbers(&self, index: usize) -> Given<'a> {
        self.args[index].numbers()
    }
}

impl Value {
    /// The numbers, without spreading a scalar over memory; what is no number is missing.
    pub(super) fn numbers(&self) -> Given<'_> {
        match self {
            Self::Column(Column::Number(numbers)) => Given::Column(numbers),
            Self::Scalar(Scalar::Number(value)) => Given::Scalar(*value),
            _ => Given::Scalar(f64::NAN),
        }
    }
}

fn arithmetic(call: &Call<'_>, op: impl Fn(f64, f64) -> f64) -> Column {
    Column::numbers(match (call.numbers(0), call.numbers(1)) {
        (Given::Column(a), Given::Column(b)) => {
            a.iter().zip(&**b).map(|(&a, &b)| op(a, b)).collect()
        }
        (Given::Column(a), Given::Scalar(b)) => a.iter().map(|&a| op(a, b)).collect(),
        (Given::Scalar(a), Given::Column(b)) => b.iter().map(|&b| op(a, b)).collect(),
        (Given::Scalar(a), Given::Scalar(b)) => vec![op(a, b); call.len],
    })
}

fn compared(call: &Call<'_>) -> Compared {
    Compared::of(call.len, call.numbers(0), call.numbers(1))
}

/// `a` against `b` on the bar before and now: where it comes to lie above, or below.
pub(super) fn crossing(call: &Call<'_>, above: bool) -> Column {
    let compared = compared(call);
    let [less, greater] = [Binary::Less, Binary::Greater].map(|it| compared.relation(it));
    let (before, now) = if above { (less, greater) } else { (greater, less) };
    before.then(&now).into()
}

fn binary_column(op: Binary, call: &Call<'_>) -> Column {
    match op {
        Binary::Add => arithmetic(call, |a, b| a + b),
        Binary::Subtract => arithmetic(call, |a, b| a - b),
        Binary::Multiply => arithmetic(call, |a, b| a * b),
        Binary::Divide => arithmetic(call, |a, b| a / b),
        // The sign of the divisor, so that `bar_index % 5` counts round also before zero.
        Binary::Remainder => arithmetic(call, |a, b| a - b * (a / b).floor()),
        Binary::Less | Binary::LessEqual | Binary::Greater | Binary::GreaterEqual => {
            compared(call).relation(op).into()
        }
        Binary::Equal => equal(call, 0, 1).into(),
        Binary::NotEqual => equal(call, 0, 1).not().into(),
        Binary::And | Binary::Or => unreachable!("logic is evaluated on masks"),
    }
}

fn is_flag(value: &Value) -> bool {
    matches!(value, Value::Column(Column::Bool(_)) | Value::Scalar(Scalar::Bool(_)))
}

fn equal(call: &Call<'_>, a: usize, b: usize) -> Kleene {
    let pair = [call.args[a].clone(), call.args[b].clone()];
    if let [Value::Scalar(Scalar::Text(a)), Value::Scalar(Scalar::Text(b))] = &pair {
        return Kleene::constant(call.len, a == b);
    }
    let pair = Call { args: &pair, ..*call };
    if is_flag(&pair.args[0]) || is_flag(&pair.args[1]) {
        let (a, b) = (pair.flag(0), pair.flag(1));
        let both = a.and(&b).yes.zip(&a.not().and(&b.not()).yes, |x, y| x | y);
        let differ = a.and(&b.not()).yes.zip(&a.not().and(&b).yes, |x, y| x | y);
        return Kleene { yes: both, no: differ };
    }
    compared(&pair).relation(Binary::Equal)
}

fn choose(call: &Call<'_>) -> Column {
    let condition = call.flag(0);
    if is_flag(&call.args[1]) || is_flag(&call.args[2]) {
        return condition.choose(&call.flag(1), &call.flag(2)).into();
    }
    let (a, b) = (call.series(1), call.series(2));
    let pick = |row: usize| match (condition.yes.get(row), condition.no.get(row)) {
        (true, _) => a[row],
        (_, true) => b[row],
        _ => f64::NAN,
    };
    Column::numbers((0..call.len).map(pick).collect())
}

/// Compute an operator whose operands are all the same on every bar.
pub fn evaluate_scalar(op: &Op, args: &[Scalar]) -> Scalar {
    if let (Op::If, [condition, a, b]) = (op, args)
        && (matches!(a, Scalar::Text(_)) || matches!(b, Scalar::Text(_)))
    {
        return match condition {
            Scalar::Bool(true) => a.clone(),
            Scalar::Bool(false) => b.clone(),
            _ => Scalar::Missing,
        };
    }
    let args: Vec<Value> = args.iter().cloned().map(Value::Scalar).collect();
    evaluate(op, &Call { len: 1, view: None, args: &args, peers: &[] }).at(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: [Scalar; 3] = [Scalar::Bool(true), Scalar::Bool(false), Scalar::Missing];

    fn logic(op: Binary, a: &Scalar, b: &Scalar) -> Scalar {
        evaluate_scalar(&Op::Binary(op), &[a.clone(), b.clone()])
    }

    #[test]
    fn any_values_can_be_sorted() {
        let text = |text: &str| Scalar::Text(text.into());
        let number = Scalar::Number;
        let mut values =
            [text("b"), number(2.0), Scalar::Missing, text("a"), number(-1.0)].to_vec();
        values.extend([Scalar::Bool(true), number(1.0), Scalar::Bool(false)]);
        values.sort_by(Scalar::order);
        let [low, middle, high] = [-1.0, 1.0, 2.0].map(number);
        let [no, yes] = [false, true].map(Scalar::Bool);
        assert_eq!(values, [low, middle, high, no, yes, text("a"), text("b"), Scalar::Missing]);
    }

    #[test]
    fn logic_follows_kleene() {
        let [yes, no, missing] = &VALUES;
        assert_eq!(logic(Binary::And, yes, missing), *missing);
        assert_eq!(logic(Binary::And, no, missing), *no);
        assert_eq!(logic(Binary::Or, yes, missing), *yes);
        assert_eq!(logic(Binary::Or, no, missing), *missing);
        for a in &VALUES {
            for b in &VALUES {
                let not = |x: &Scalar| evaluate_scalar(&Op::Not, std::slice::from_ref(x));
                assert_eq!(not(&logic(Binary::And, a, b)), logic(Binary::Or, &not(a), &not(b)));
                let taken = match a {
                    Scalar::Bool(true) => b.clone(),
                    Scalar::Bool(false) => Scalar::Bool(true),
                    _ => Scalar::Missing,
                };
                let chosen = [a.clone(), b.clone(), Scalar::Bool(true)];
                assert_eq!(evaluate_scalar(&Op::If, &chosen), taken);
            }
        }
    }

    #[test]
    fn what_is_not_finite_is_missing_and_stays_missing() {
        let divide = |a: f64, b: f64| {
            evaluate_scalar(&Op::Binary(Binary::Divide), &[Scalar::Number(a), Scalar::Number(b)])
        };
        assert_eq!(divide(1.0, 0.0), Scalar::Missing);
        assert_eq!(divide(0.0, 0.0), Scalar::Missing);
        assert_eq!(divide(1.0, 4.0), Scalar::Number(0.25));
        for op in [Binary::Less, Binary::GreaterEqual, Binary::Equal, Binary::NotEqual] {
            assert_eq!(logic(op, &Scalar::Missing, &Scalar::Number(1.0)), Scalar::Missing);
        }
    }
}
