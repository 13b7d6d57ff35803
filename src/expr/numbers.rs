//! A column of numbers, and comparisons of two, 64 bars at a time.
//!
//! Beside its values a column knows the least and the greatest of every 64 ([`Span`]). Where those of
//! two columns lie apart, the word of the comparison is known without looking at a single value: of
//! two moving averages that is most of the time, and it spares the memory as much as the arithmetic.

use super::column::Kleene;
use super::parse::Binary;
use crate::bars::{Cut, Mask, extremes};
use multiversion::multiversion;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// Bars in a word of a mask.
pub(super) const BLOCK: usize = u64::BITS as usize;

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
        Self { low, high, present: present(values) }
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
        let mut spans = Vec::with_capacity(values.len().div_ceil(BLOCK));
        for block in values.chunks(BLOCK) {
            let span = Span::of(block);
            if span.low == f64::NEG_INFINITY || span.high == f64::INFINITY {
                return values.to_vec().into();
            }
            spans.push(span);
        }
        Self { spans: spans.into(), values }
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

    /// Where it is greater within a block than `other`, and where less, each of the values looked at.
    fn words(self, other: Self, block: usize) -> [u64; 2] {
        let (one, same);
        let (a, b) = match (self.block(block), other.block(block)) {
            (Ok(a), Ok(b)) => (a, b),
            (Ok(a), Err(b)) => {
                same = [b; BLOCK];
                (a, &same[..a.len()])
            }
            (Err(a), Ok(b)) => {
                same = [a; BLOCK];
                (&same[..b.len()], b)
            }
            (Err(a), Err(b)) => {
                (one, same) = ([a; BLOCK], [b; BLOCK]);
                (&one[..], &same[..])
            }
        };
        compared(a, b)
    }
}

/// Where `a` is greater than `b`, and where less, of up to 64 pairs.
fn compared(a: &[f64], b: &[f64]) -> [u64; 2] {
    match (a.as_array(), b.as_array()) {
        (Some(a), Some(b)) => compared_whole(a, b),
        _ => [word(a, b, |a, b| a > b), word(a, b, |a, b| a < b)],
    }
}

/// [`compared`] for 64 pairs.
#[multiversion(targets = "simd")]
fn compared_whole(a: &[f64; BLOCK], b: &[f64; BLOCK]) -> [u64; 2] {
    [word(a, b, |a, b| a > b), word(a, b, |a, b| a < b)]
}

/// Which of up to 64 values are not missing.
#[multiversion(targets = "simd")]
fn present(values: &[f64]) -> u64 {
    word(values, values, |value, _| !value.is_nan())
}

/// Of which of up to 64 pairs something `holds`.
#[inline(always)]
fn word(a: &[f64], b: &[f64], holds: impl Fn(f64, f64) -> bool) -> u64 {
    let bits = a.iter().zip(b).enumerate();
    bits.fold(0, |word, (bit, (&a, &b))| word | u64::from(holds(a, b)) << bit)
}

/// How two operands compare, in the making: words are added to it as far as anybody wants to go, so that
/// several can pass over one stretch of bars while it is in the cache.
#[derive(Debug)]
pub(super) struct Comparison {
    len: usize,
    blocks: Range<usize>,
    greater: Vec<u64>,
    less: Vec<u64>,
    partly: Vec<(usize, u64)>,
}

/// How two operands compare: all their relations are made of the same bits, one a bar.
#[derive(Debug)]
pub(super) struct Compared {
    /// Where the first operand is greater.
    greater: Mask,
    /// Where it is less.
    less: Mask,
    /// The words of which not all bars have both operands, and the bars that do.
    partly: Vec<(usize, u64)>,
}

impl Comparison {
    /// Two operands over `len` bars, to be compared on those of `blocks` that there are.
    pub(super) fn over(len: usize, blocks: Range<usize>) -> Self {
        let end = len.div_ceil(BLOCK).min(blocks.end);
        let blocks = blocks.start.min(end)..end;
        let words = || Vec::with_capacity(blocks.len());
        Self { len, greater: words(), less: words(), partly: Vec::new(), blocks }
    }

    /// Compare so many further blocks of 64 bars of `a` and `b`, as far as there are any.
    pub(super) fn go_on(&mut self, [a, b]: [Side<'_>; 2], blocks: usize) {
        let done = self.less.len();
        let from = self.blocks.start + done;
        let until = self.blocks.end.min(from.saturating_add(blocks));
        self.greater.resize(done + until - from, 0);
        self.less.resize(done + until - from, 0);
        let words = self.greater[done..].iter_mut().zip(&mut self.less[done..]);
        for (block, (greater, less)) in (from..until).zip(words) {
            let (one, other) = (a.span(block), b.span(block));
            let present = one.present & other.present;
            [*greater, *less] = if one.low > other.high {
                [present, 0]
            } else if one.high < other.low {
                [0, present]
            } else {
                a.words(b, block)
            };
            if present != u64::MAX {
                self.partly.push((block, present));
            }
        }
    }

    /// Two parts that follow each other, each of them done.
    pub(super) fn join(mut self, later: Self) -> Self {
        self.greater.extend(later.greater);
        self.less.extend(later.less);
        self.partly.extend(later.partly);
        self.blocks.end = later.blocks.end;
        self
    }

    /// What was found out, every bar being compared.
    pub(super) fn finish(self) -> Compared {
        let Self { len, greater, less, partly, .. } = self;
        let [greater, less] = [greater, less].map(|words| Mask::from_words(words, len));
        Compared { greater, less, partly }
    }
}

impl Compared {
    /// How `a` and `b` compare on `len` bars.
    pub(super) fn of(len: usize, a: Given<'_>, b: Given<'_>) -> Self {
        let mut comparison = Comparison::over(len, 0..usize::MAX);
        comparison.go_on([a.into(), b.into()], usize::MAX);
        comparison.finish()
    }

    /// Where a relation holds, and where not; neither where an operand is missing.
    pub(super) fn relation(&self, relation: Binary) -> Kleene {
        let (holds, bits) = self.told_by(relation);
        let others = self.but(&bits);
        if holds { Kleene { yes: bits, no: others } } else { Kleene { yes: others, no: bits } }
    }

    /// Where a relation holds.
    pub(super) fn yes(&self, relation: Binary) -> Mask {
        let (holds, bits) = self.told_by(relation);
        if holds { bits } else { self.but(&bits) }
    }

    /// The bits that tell a relation, and whether it holds where they are set or else where not.
    fn told_by(&self, relation: Binary) -> (bool, Mask) {
        let unlike = || self.greater.zip(&self.less, |greater, less| greater | less);
        match relation {
            Binary::Greater => (true, self.greater.clone()),
            Binary::Less => (true, self.less.clone()),
            Binary::GreaterEqual => (false, self.less.clone()),
            Binary::LessEqual => (false, self.greater.clone()),
            Binary::Equal => (false, unlike()),
            Binary::NotEqual => (true, unlike()),
            _ => unreachable!("this is no relation of numbers"),
        }
    }

    /// Where neither operand is missing, but for `bits`.
    fn but(&self, bits: &Mask) -> Mask {
        let mut words: Vec<u64> = bits.words().iter().map(|bits| !bits).collect();
        for &(word, present) in &self.partly {
            words[word] &= present;
        }
        Mask::from_words(words, bits.len())
    }
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
            let relations: [(Binary, Holds); 6] = [
                (Binary::Less, |a, b| a < b),
                (Binary::LessEqual, |a, b| a <= b),
                (Binary::Greater, |a, b| a > b),
                (Binary::GreaterEqual, |a, b| a >= b),
                (Binary::Equal, |a, b| a == b),
                (Binary::NotEqual, |a, b| a != b),
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
                let mut found = Comparison::over(len, 0..stop);
                // The first blocks between whole columns, the others between what is left of them.
                found.go_on([Side::from(a), Side::from(b)], stop);
                let row = len.min(stop * BLOCK);
                let rest = |given| match given {
                    Given::Column(numbers) => Numbers::from(numbers[row..].to_vec()),
                    Given::Scalar(value) => Numbers::from(vec![value; len - row]),
                };
                let (a, b) = (rest(a), rest(b));
                let mut later = Comparison::over(len, stop..usize::MAX);
                later.go_on([&a, &b].map(|rest| Side::piece(rest, stop)), usize::MAX);
                let found = found.join(later).finish();
                assert_eq!(found.yes(relation), found.relation(relation).yes);
                found.relation(relation)
            };
            for (relation, holds) in relations {
                let pair = |row: usize| present(a[row], b[row]).then(|| holds(a[row], b[row]));
                prop_assert_eq!(found(relation, left, right), said(&pair));
                let first = |row: usize| present(a[row], one).then(|| holds(a[row], one));
                prop_assert_eq!(found(relation, left, Given::Scalar(one)), said(&first));
                let second = |row: usize| present(one, b[row]).then(|| holds(one, b[row]));
                prop_assert_eq!(found(relation, Given::Scalar(one), right), said(&second));
            }
        }
    }

    #[test]
    fn nothing_is_known_beside_a_missing_scalar() {
        let numbers = Numbers::from(vec![1.0; 100]);
        let (numbers, nothing) = (Given::Column(&numbers), Given::Scalar(f64::NAN));
        let found = Compared::of(100, numbers, nothing);
        assert_eq!(found.relation(Binary::Less), Kleene::missing(100));
    }
}
