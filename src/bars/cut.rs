//! A part of a shared column: what lets a session see its rows of a column without a copy.

use std::ops::{Deref, Range};
use std::sync::Arc;

/// A part of a shared column, cheap to clone.
#[derive(Debug, Clone)]
pub struct Cut<T> {
    column: Arc<[T]>,
    rows: Range<usize>,
}

impl<T> Cut<T> {
    /// The rows `rows` of `column`.
    pub fn new(column: &Arc<[T]>, rows: Range<usize>) -> Self {
        assert!(rows.end <= column.len(), "a cut lies inside its column");
        Self { column: column.clone(), rows }
    }

    /// The rows `rows` of this part.
    pub fn slice(&self, rows: Range<usize>) -> Self {
        assert!(rows.end <= self.rows.len(), "a part of a cut lies inside it");
        Self::new(&self.column, self.rows.start + rows.start..self.rows.start + rows.end)
    }
}

impl<T> From<Arc<[T]>> for Cut<T> {
    fn from(column: Arc<[T]>) -> Self {
        Self { rows: 0..column.len(), column }
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
        let column: Arc<[i32]> = (0..10).collect();
        let cut = Cut::new(&column, 3..9);
        assert_eq!(cut[..], [3, 4, 5, 6, 7, 8]);
        assert_eq!(cut.slice(1..3)[..], [4, 5]);
        assert_eq!(Cut::from(column).len(), 10);
    }
}
