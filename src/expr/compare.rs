//! Inequalities that are evaluated together: what they have in common is read from memory once for all of
//! them, one stretch of bars after the other, and on as many threads as there are stretches to give away.

use super::column::Value;
use super::columns::Place;
use super::numbers::{BLOCK, Compared, Comparison, Numbers, Side};
use super::registry::WindowKernel;
use crate::bars::Cut;
use std::ops::Range;

/// Blocks of 64 bars of which windows are computed at a time.
const ROLLED: usize = 64;
/// Blocks of 64 bars that inequalities go over together: of some fifty columns they stay in the second
/// cache.
const TOGETHER: usize = 16;

/// Operands to compare, those of each inequality once.
#[derive(Debug, Default)]
pub struct Comparisons {
    pairs: Vec<Pair>,
    pub(super) windows: Vec<Window>,
}

/// What [`Comparisons::over`] found out on some blocks of 64 bars.
#[derive(Debug)]
pub struct Stretch(Vec<Comparison>);

/// Two operands that are compared, and where their relations are evaluated.
#[derive(Debug)]
struct Pair {
    sides: [Compares; 2],
    /// How many bars.
    len: usize,
    places: Vec<Place>,
}

/// An operand of a comparison.
#[derive(Debug)]
pub(super) enum Compares {
    Value(Value),
    /// The one with this number among those that are computed piece by piece.
    Window(usize),
}

/// A function of a window of a column, of which just the stretch that is compared is ever there: a column
/// of millions of bars costs more to write to memory than to compute.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) place: Place,
    pub(super) kernel: WindowKernel,
    pub(super) source: Numbers,
    pub(super) length: usize,
}

impl Comparisons {
    /// Two operands to compare on `len` bars; their number.
    pub(super) fn add(&mut self, len: usize, sides: [Compares; 2]) -> usize {
        self.pairs.push(Pair { sides, len, places: Vec::new() });
        self.pairs.len() - 1
    }

    /// A relation of two operands is wanted at `place`.
    pub(super) fn ask(&mut self, pair: usize, place: Place) {
        self.pairs[pair].places.push(place);
    }

    /// The blocks of 64 bars, cut into at most so many stretches that can be gone over in any order.
    pub fn stretches(&self, most: usize) -> Vec<Range<usize>> {
        let blocks = self.pairs.iter().map(|pair| pair.len.div_ceil(BLOCK)).max().unwrap_or(0);
        let each = blocks.div_ceil(most.max(1)).next_multiple_of(ROLLED).max(ROLLED);
        (0..blocks).step_by(each).map(|from| from..blocks.min(from + each)).collect()
    }

    /// Compare all operands on some blocks of 64 bars.
    pub fn over(&self, blocks: Range<usize>) -> Stretch {
        let begun = self.pairs.iter().map(|pair| Comparison::over(pair.len, blocks.clone()));
        let mut found: Vec<Comparison> = begun.collect();
        for from in blocks.step_by(ROLLED) {
            let pieces: Vec<Numbers> = self.windows.iter().map(|window| window.at(from)).collect();
            for _ in (0..ROLLED).step_by(TOGETHER) {
                for (Pair { sides, .. }, comparison) in self.pairs.iter().zip(&mut found) {
                    let sides = sides.each_ref().map(|side| side.at(from, &pieces));
                    comparison.go_on(sides, TOGETHER);
                }
            }
        }
        Stretch(found)
    }

    /// What all stretches found out, in their order: of each two operands, with the places that ask.
    pub(super) fn join(self, found: Vec<Stretch>) -> impl Iterator<Item = (Vec<Place>, Compared)> {
        let join = |Stretch(before), Stretch(after)| {
            Stretch(
                before.into_iter().zip(after).map(|(a, b): (Comparison, _)| a.join(b)).collect(),
            )
        };
        let Stretch(found) = found.into_iter().reduce(join).unwrap_or(Stretch(Vec::new()));
        let places = self.pairs.into_iter().map(|pair| pair.places);
        places.zip(found.into_iter().map(Comparison::finish))
    }
}

impl Compares {
    /// It as far as the bars from block `from` need it.
    fn at<'c>(&'c self, from: usize, pieces: &'c [Numbers]) -> Side<'c> {
        match self {
            Self::Value(value) => value.numbers().into(),
            Self::Window(number) => Side::piece(&pieces[*number], from),
        }
    }
}

impl Window {
    /// How long it is at most: each piece begins by computing the window before its first bar.
    pub(super) const LONGEST: f64 = (ROLLED * BLOCK / 4) as f64;

    /// Its values from block `from` on, as far as they are compared with them. They have the bits of the
    /// whole column: a window knows nothing but its own values.
    fn at(&self, from: usize) -> Numbers {
        let len = self.source.len();
        let (start, end) = (len.min(from * BLOCK), len.min((from + ROLLED) * BLOCK));
        let seen = start.saturating_sub(self.length - 1);
        let values = Cut::from((self.kernel)(&self.source[seen..end], self.length));
        values.slice(start - seen..end - seen).into()
    }
}
