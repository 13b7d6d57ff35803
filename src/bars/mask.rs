//! One bit a bar, 64 bars a word: the shape in which the engine reads rules.

use std::sync::Arc;

/// A column of bits, cheap to clone. Bits at and beyond `len` are always zero.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mask {
    words: Arc<Vec<u64>>,
    len: usize,
}

impl Mask {
    /// `len` bits, all zero.
    pub fn zeros(len: usize) -> Self {
        Self { words: Arc::new(vec![0; len.div_ceil(64)]), len }
    }

    /// `len` bits, all one.
    pub fn ones(len: usize) -> Self {
        Self::trimmed(vec![u64::MAX; len.div_ceil(64)], len)
    }

    /// `len` bits, bit `i` being `bit(i)`.
    pub fn from_fn(len: usize, mut bit: impl FnMut(usize) -> bool) -> Self {
        let mut words = Vec::with_capacity(len.div_ceil(64));
        let mut start = 0;
        while start < len {
            let mut word = 0;
            for offset in 0..(len - start).min(64) {
                word |= u64::from(bit(start + offset)) << offset;
            }
            words.push(word);
            start += 64;
        }
        Self { words: Arc::new(words), len }
    }

    /// `len` bits, 64 of them a word.
    pub fn from_words(words: Vec<u64>, len: usize) -> Self {
        assert_eq!(words.len(), len.div_ceil(64), "words for all bits and no more");
        Self::trimmed(words, len)
    }

    /// How many bits there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bits, 64 a word, lowest bit first.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Bit `index`; `false` beyond the end.
    pub fn get(&self, index: usize) -> bool {
        self.words.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Set bit `index`, which must be below `len`.
    pub fn set(&mut self, index: usize) {
        assert!(index < self.len, "a mask is set inside its length");
        Arc::make_mut(&mut self.words)[index / 64] |= 1 << (index % 64);
    }

    /// How many bits are set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no bit is set.
    pub fn is_zero(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// The first set bit at or after `from`.
    pub fn next(&self, from: usize) -> Option<usize> {
        let mut word_index = from / 64;
        let mut word = self.words.get(word_index)? & (u64::MAX << (from % 64));
        loop {
            if word != 0 {
                return Some(word_index * 64 + word.trailing_zeros() as usize);
            }
            word_index += 1;
            word = *self.words.get(word_index)?;
        }
    }

    /// The bits `start..end` as a mask of their own.
    pub fn slice(&self, start: usize, end: usize) -> Self {
        assert!(start <= end && end <= self.len, "a mask is cut inside its length");
        let len = end - start;
        let (skip, shift) = (start / 64, start % 64);
        let word = |index: usize| self.words.get(skip + index).copied().unwrap_or(0);
        let words = (0..len.div_ceil(64))
            .map(|index| match shift {
                0 => word(index),
                _ => word(index) >> shift | word(index + 1) << (64 - shift),
            })
            .collect();
        Self::trimmed(words, len)
    }

    /// The bits one after the other at the places that are set in `places`, which are as many.
    pub fn spread(&self, places: &Self) -> Self {
        assert_eq!(self.len, places.count(), "each bit has its place");
        let mut used = 0;
        let word = |&word: &u64| {
            let count = word.count_ones() as usize;
            let (at, shift) = (used / 64, used % 64);
            used += count;
            let own = |index: usize| self.words.get(index).copied().unwrap_or(0);
            let bits =
                if shift == 0 { own(at) } else { own(at) >> shift | own(at + 1) << (64 - shift) };
            if word == u64::MAX {
                return bits;
            }
            // One place after the other, the lowest first.
            let (mut spread, mut left) = (0, word);
            for number in 0..count {
                spread |= (bits >> number & 1) << left.trailing_zeros();
                left &= left - 1;
            }
            spread
        };
        Self { words: Arc::new(places.words.iter().map(word).collect()), len: places.len }
    }

    /// Combine two masks of equal length word by word.
    pub fn zip(&self, other: &Self, mut op: impl FnMut(u64, u64) -> u64) -> Self {
        assert_eq!(self.len, other.len, "masks of one column have one length");
        let words = self.words.iter().zip(&*other.words);
        Self::trimmed(words.map(|(&a, &b)| op(a, b)).collect(), self.len)
    }

    /// Combine every bit, one bar later, with that of another mask of equal length; the first bar has
    /// none before it.
    pub fn zip_later(&self, other: &Self, op: impl Fn(u64, u64) -> u64) -> Self {
        let mut carry = 0;
        self.zip(other, |word, other| {
            let later = word << 1 | carry;
            carry = word >> 63;
            op(later, other)
        })
    }

    /// The indices of the set bits, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let mut from = 0;
        std::iter::from_fn(move || {
            let found = self.next(from)?;
            from = found + 1;
            Some(found)
        })
    }

    /// `len` bits of `words`, those beyond set to zero.
    fn trimmed(mut words: Vec<u64>, len: usize) -> Self {
        let used = len % 64;
        if used != 0
            && let Some(last) = words.last_mut()
        {
            *last &= (1 << used) - 1;
        }
        Self { words: Arc::new(words), len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_bit_is_found_across_words() {
        let mask = Mask::from_fn(300, |i| i == 3 || i == 64 || i == 299);
        assert_eq!(mask.iter().collect::<Vec<_>>(), [3, 64, 299]);
        assert_eq!(mask.next(65), Some(299));
        assert_eq!(mask.next(300), None);
        assert_eq!(mask.count(), 3);
    }

    #[test]
    fn a_slice_is_the_same_bits_moved() {
        let mask = Mask::from_fn(257, |i| i % 3 == 0);
        for (start, end) in [(0, 257), (1, 257), (63, 130), (64, 128), (200, 200)] {
            let slice = mask.slice(start, end);
            assert_eq!(slice, Mask::from_fn(end - start, |i| (i + start) % 3 == 0));
        }
    }

    #[test]
    fn bits_are_combined_with_those_of_the_bar_before() {
        let (a, b) = (Mask::from_fn(131, |i| i % 3 == 0), Mask::from_fn(131, |i| i % 5 < 3));
        let both = Mask::from_fn(131, |i| i > 0 && a.get(i - 1) && b.get(i));
        assert_eq!(a.zip_later(&b, |before, now| before & now), both);
        let ones = Mask::ones(64);
        assert_eq!(ones.zip_later(&ones, |before, _| before).count(), 63);
    }

    #[test]
    fn a_word_is_64_bits_and_the_last_one_fewer() {
        assert_eq!(Mask::from_words(vec![u64::MAX; 2], 67), Mask::ones(67));
    }

    #[test]
    fn bits_are_spread_over_the_places_that_are_set() {
        for every in [1, 2, 3, 64, 130] {
            let places = Mask::from_fn(300, |i| i % every != 1);
            let mask = Mask::from_fn(places.count(), |i| i % 5 < 2);
            let found: Vec<usize> = mask.iter().collect();
            let places: Vec<(usize, usize)> = places.iter().enumerate().collect();
            let there =
                |bar: usize| places.iter().any(|&(own, at)| at == bar && found.contains(&own));
            let spread = mask.spread(&Mask::from_fn(300, |i| i % every != 1));
            assert_eq!(spread, Mask::from_fn(300, there));
        }
    }

    #[test]
    fn bits_beyond_the_end_stay_zero() {
        assert_eq!(Mask::ones(70).count(), 70);
        assert_eq!(Mask::zeros(70).zip(&Mask::ones(70), |a, b| !a & b).count(), 70);
    }
}
