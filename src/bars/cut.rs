//! A column that is shared: a session sees its rows of it without a copy.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// A column or a part of one, cheap to clone.
#[derive(Clone)]
pub struct Cut<T> {
    column: Arc<Vec<T>>,
    rows: Range<usize>,
}

impl<T> Cut<T> {
    /// The rows `rows` of this part.
    pub fn slice(&self, rows: Range<usize>) -> Self {
        assert!(rows.start <= rows.end && rows.end <= self.rows.len(), "a part lies inside");
        let rows = self.rows.start + rows.start..self.rows.start + rows.end;
        Self { column: self.column.clone(), rows }
    }
}

impl<T> From<Vec<T>> for Cut<T> {
    fn from(column: Vec<T>) -> Self {
        Self { rows: 0..column.len(), column: Arc::new(column) }
    }
}

impl<T: Clone> From<&[T]> for Cut<T> {
    fn from(column: &[T]) -> Self {
        column.to_vec().into()
    }
}

impl<T> FromIterator<T> for Cut<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Vec::from_iter(values).into()
    }
}

impl<T: PartialEq> PartialEq for Cut<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: fmt::Debug> fmt::Debug for Cut<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T> Deref for Cut<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.column[self.rows.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_of_a_cut_counts_from_its_start() {
        let cut = Cut::from_iter(0..10).slice(3..9);
        assert_eq!(cut[..], [3, 4, 5, 6, 7, 8]);
        assert_eq!(cut.slice(1..3), Cut::from(vec![4, 5]));
        assert_eq!(cut.slice(6..6).len(), 0);
    }
}
