//! A column of numbers, and comparisons of two, 64 bars at a time.
//!
//! Beside its values a column knows the least and the greatest of every 64 ([`Span`]). Where those of
//! two columns lie apart, the word of the comparison is known without looking at a single value: of
//! two moving averages that is most of the time, and it spares the memory as much as the arithmetic.

use super::column::Kleene;
use super::parse::Binary;
use crate::bars::{Cut, Mask, extremes};
use std::ops::Deref;
use std::sync::Arc;

/// Bars in a word of a mask.
pub(super) const BLOCK: usize = u64::BITS as usize;
/// Independent words of a comparison, so that the compiler can keep them in vectors.
const LANES: usize = 4;

/// A column of numbers, finite or `NaN` where missing.
#[derive(Debug, Clone)]
pub struct Numbers {
    values: Cut<f64>,
    spans: Arc<[Span]>,
}

/// What is known of 64 values.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// The least of those that are not missing; above all numbers if all are.
    low: f64,
    /// The greatest of them; below all numbers if all are missing.
    high: f64,
    /// Which of them are not missing.
    present: u64,
}

impl Span {
    fn of(values: &[f64]) -> Self {
        let (low, high) = extremes(values);
        Self { low, high, present: each(values, |value| !value.is_nan()) }
    }

    /// The same value on every bar.
    fn constant(value: f64) -> Self {
        Self { low: value, high: value, present: if value.is_nan() { 0 } else { u64::MAX } }
    }
}

impl From<Vec<f64>> for Numbers {
    /// What is not finite becomes missing.
    fn from(mut values: Vec<f64>) -> Self {
        let mut spans = Vec::with_capacity(values.len().div_ceil(BLOCK));
        for block in values.chunks_mut(BLOCK) {
            for value in &mut *block {
                if !value.is_finite() {
                    *value = f64::NAN;
                }
            }
            spans.push(Span::of(block));
        }
        Self { spans: spans.into(), values: values.into() }
    }
}

impl From<Cut<f64>> for Numbers {
    /// What is not finite becomes missing; a column that has nothing of the kind is not copied.
    fn from(values: Cut<f64>) -> Self {
        if values.iter().any(|value| value.is_infinite()) {
            return values.to_vec().into();
        }
        Self { spans: values.chunks(BLOCK).map(Span::of).collect(), values }
    }
}

impl From<Numbers> for Cut<f64> {
    fn from(numbers: Numbers) -> Self {
        numbers.values
    }
}

impl Deref for Numbers {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.values
    }
}

impl Numbers {
    fn block(&self, block: usize) -> &[f64] {
        &self.values[block * BLOCK..self.values.len().min((block + 1) * BLOCK)]
    }
}

/// A number operand: a value a row, or one for all rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Given<'a> {
    Column(&'a Numbers),
    Scalar(f64),
}

/// One side of a comparison: an operand that is known from some block of 64 bars on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a> {
    given: Given<'a>,
    from: usize,
}

impl<'a> From<Given<'a>> for Side<'a> {
    fn from(given: Given<'a>) -> Self {
        Self { given, from: 0 }
    }
}

impl<'a> Side<'a> {
    /// The column whose first value stands at block `from`.
    pub(super) fn piece(numbers: &'a Numbers, from: usize) -> Self {
        Self { given: Given::Column(numbers), from }
    }

    fn span(self, block: usize) -> Span {
        match self.given {
            Given::Column(numbers) => numbers.spans[block - self.from],
            Given::Scalar(value) => Span::constant(value),
        }
    }

    /// Its values in a block, or the one that it has everywhere.
    fn block(self, block: usize) -> Result<&'a [f64], f64> {
        match self.given {
            Given::Column(numbers) => Ok(numbers.block(block - self.from)),
            Given::Scalar(value) => Err(value),
        }
    }

    /// Where `holds` within a block, each of its values looked at.
    fn word(self, other: Self, block: usize, holds: impl Fn(f64, f64) -> bool) -> u64 {
        match (self.block(block), other.block(block)) {
            (Ok(a), Ok(b)) => match a.as_array().zip(b.as_array()) {
                Some((a, b)) => pairs(a, b, holds),
                None => word(a.len(), |bit| holds(a[bit], b[bit])),
            },
            (Ok(a), Err(b)) => each(a, |a| holds(a, b)),
            (Err(a), Ok(b)) => each(b, |b| holds(a, b)),
            (Err(a), Err(b)) => u64::from(holds(a, b)).wrapping_neg(),
        }
    }
}

/// Which of up to 64 values something `holds` of.
fn each(values: &[f64], holds: impl Fn(f64) -> bool) -> u64 {
    let zeros = [0.0; BLOCK];
    match values.as_array() {
        Some(values) => pairs(values, &zeros, |value, _| holds(value)),
        None => word(values.len(), |bit| holds(values[bit])),
    }
}

/// Of which of 64 pairs something `holds`.
///
/// A function of its own: only as one does the compiler unroll all of it, compare several pairs at a
/// time and collect the bits where it compares them.
#[inline(never)]
fn pairs(a: &[f64; BLOCK], b: &[f64; BLOCK], holds: impl Fn(f64, f64) -> bool) -> u64 {
    let mut lanes = [0; LANES];
    for chunk in 0..BLOCK / LANES {
        for (lane, word) in lanes.iter_mut().enumerate() {
            let bit = chunk * LANES + lane;
            *word |= if holds(a[bit], b[bit]) { 1 << bit } else { 0 };
        }
    }
    lanes.into_iter().fold(0, |word, lane| word | lane)
}

/// The first `len` flags as a word.
fn word(len: usize, flag: impl Fn(usize) -> bool) -> u64 {
    (0..len).fold(0, |word, bit| word | u64::from(flag(bit)) << bit)
}

/// An inequality in the making: words are added to it as far as anybody wants to go, so that several
/// can pass over one stretch of bars while it is in the cache.
#[derive(Debug)]
pub(super) struct Inequality {
    relation: Binary,
    len: usize,
    yes: Vec<u64>,
    no: Vec<u64>,
}

impl Inequality {
    /// Two operands in a `relation` over `len` bars, of which none is decided yet.
    pub(super) fn new(relation: Binary, len: usize) -> Self {
        assert!(relation.is_inequality(), "only an inequality is decided by spans");
        let words = || Vec::with_capacity(len.div_ceil(BLOCK));
        Self { relation, len, yes: words(), no: words() }
    }

    /// Whether no bar is left.
    pub(super) fn is_decided(&self) -> bool {
        self.yes.len() == self.len.div_ceil(BLOCK)
    }

    /// Decide so many further blocks of 64 bars between `a` and `b`, as far as there are any.
    pub(super) fn go_on(&mut self, [a, b]: [Side<'_>; 2], blocks: usize) {
        match self.relation {
            Binary::Less => self.decide(a, b, blocks, |a, b| a < b),
            Binary::LessEqual => self.decide(a, b, blocks, |a, b| a <= b),
            Binary::Greater => self.decide(a, b, blocks, |a, b| a > b),
            _ => self.decide(a, b, blocks, |a, b| a >= b),
        }
    }

    fn decide(
        &mut self,
        left: Side<'_>,
        right: Side<'_>,
        blocks: usize,
        holds: impl Fn(f64, f64) -> bool,
    ) {
        // What is true (or false) of the two pairs that are furthest from each other is so of all
        // between them.
        let known = |a: Span, b: Span| {
            let corner = holds(a.low, b.high);
            (corner == holds(a.high, b.low)).then_some(corner)
        };
        let from = self.yes.len();
        for block in from..self.len.div_ceil(BLOCK).min(from.saturating_add(blocks)) {
            let (yes, no) = decided(block, left, right, known, &holds);
            self.yes.push(yes);
            self.no.push(no);
        }
    }

    /// Where it holds, and where not; neither where an operand is missing. Every bar is decided.
    pub(super) fn finish(self) -> Kleene {
        let mask = |words| Mask::from_words(words, self.len);
        Kleene { yes: mask(self.yes), no: mask(self.no) }
    }
}

/// Where two operands are equal, and where not; neither where one of them is missing.
pub(super) fn equality(len: usize, a: Given<'_>, b: Given<'_>) -> Kleene {
    let (a, b) = (a.into(), b.into());
    let known = |a: Span, b: Span| (a.high < b.low || b.high < a.low).then_some(false);
    let words = (0..len.div_ceil(BLOCK)).map(|block| decided(block, a, b, known, |a, b| a == b));
    let (yes, no) = words.unzip();
    Kleene { yes: Mask::from_words(yes, len), no: Mask::from_words(no, len) }
}

/// Of which pairs in a block something `holds` and of which not, `known` telling of the spans of both
/// operands whether it does so everywhere or nowhere.
fn decided(
    block: usize,
    a: Side<'_>,
    b: Side<'_>,
    known: impl Fn(Span, Span) -> Option<bool>,
    holds: impl Fn(f64, f64) -> bool,
) -> (u64, u64) {
    let (one, other) = (a.span(block), b.span(block));
    let both = one.present & other.present;
    let yes = match known(one, other) {
        Some(true) => both,
        Some(false) => 0,
        None => a.word(b, block, &holds) & both,
    };
    (yes, both & !yes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A column that wanders, with values missing now and then and others that repeat.
    fn columns() -> impl Strategy<Value = [Vec<f64>; 2]> {
        let step = prop_oneof![8 => -1.0..1.0_f64, 4 => Just(0.0), 1 => Just(f64::NAN)];
        let column = move |len: usize| {
            (prop::collection::vec(step.clone(), len), -9.0..9.0_f64).prop_map(|(steps, first)| {
                let mut value = first.round();
                let walk = steps.into_iter().map(|step| {
                    value += if step.is_nan() { 0.0 } else { (step * 2.0).round() };
                    if step.is_nan() { step } else { value }
                });
                walk.collect()
            })
        };
        (0..300_usize).prop_flat_map(move |len| [column(len), column(len)])
    }

    proptest! {
        #[test]
        fn a_comparison_is_what_each_pair_of_values_says(
            [a, b] in columns(),
            one in -5.0..5.0_f64,
            stop in 0..6_usize,
        ) {
            type Holds = fn(f64, f64) -> bool;
            let inequalities: [(Binary, Holds); 4] = [
                (Binary::Less, |a, b| a < b),
                (Binary::LessEqual, |a, b| a <= b),
                (Binary::Greater, |a, b| a > b),
                (Binary::GreaterEqual, |a, b| a >= b),
            ];
            let len = a.len();
            let one = one.round();
            let (left, right) = (Numbers::from(a.clone()), Numbers::from(b.clone()));
            let (left, right) = (Given::Column(&left), Given::Column(&right));
            let said = |holds: &dyn Fn(usize) -> Option<bool>| Kleene {
                yes: Mask::from_fn(len, |row| holds(row) == Some(true)),
                no: Mask::from_fn(len, |row| holds(row) == Some(false)),
            };
            let present = |a: f64, b: f64| !a.is_nan() && !b.is_nan();
            let found = |relation, a: Given<'_>, b: Given<'_>| {
                let mut found = Inequality::new(relation, len);
                // The first blocks between whole columns, the others between what is left of them.
                found.go_on([Side::from(a), Side::from(b)], stop);
                let row = len.min(stop * BLOCK);
                let rest = |given| match given {
                    Given::Column(numbers) => Numbers::from(numbers[row..].to_vec()),
                    Given::Scalar(value) => Numbers::from(vec![value; len - row]),
                };
                let (a, b) = (rest(a), rest(b));
                found.go_on([&a, &b].map(|rest| Side::piece(rest, stop)), usize::MAX);
                found.finish()
            };
            for (relation, holds) in inequalities {
                let pair = |row: usize| present(a[row], b[row]).then(|| holds(a[row], b[row]));
                prop_assert_eq!(found(relation, left, right), said(&pair));
                let first = |row: usize| present(a[row], one).then(|| holds(a[row], one));
                prop_assert_eq!(found(relation, left, Given::Scalar(one)), said(&first));
                let second = |row: usize| present(one, b[row]).then(|| holds(one, b[row]));
                prop_assert_eq!(found(relation, Given::Scalar(one), right), said(&second));
            }
            let equal = |row: usize| present(a[row], b[row]).then(|| a[row] == b[row]);
            prop_assert_eq!(equality(len, left, right), said(&equal));
        }
    }

    #[test]
    fn nothing_is_known_beside_a_missing_scalar() {
        let numbers = Numbers::from(vec![1.0; 100]);
        let (numbers, nothing) = (Given::Column(&numbers), Given::Scalar(f64::NAN));
        let mut found = Inequality::new(Binary::Less, 100);
        found.go_on([numbers.into(), nothing.into()], usize::MAX);
        assert_eq!(found.finish(), Kleene::missing(100));
    }
}
